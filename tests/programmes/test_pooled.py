"""A sweep pooled: by kind, on its own, with what cannot be answered said."""

import numpy as np
import pytest

from pepstats.errors import DesignError
from pepstats.programmes import KIND, THESE, Pooled, Sweep, pool_sweep
from pepstats.schools import Panel
from tests.swept import OUTCOME, Many, many_programmes


@pytest.fixture(scope="module")
def many() -> Many:
    return many_programmes()


@pytest.fixture(scope="module")
def swept(many: Many) -> Sweep:
    return many.sweep(many.drawn(12))


@pytest.fixture(scope="module")
def pooled(swept: Sweep) -> Pooled:
    return pool_sweep(swept, OUTCOME)


def test_both_questions_are_answered_for_all_and_for_each_kind(pooled: Pooled) -> None:
    answers = pooled.answers.set_index(["kind", "question"])
    assert set(answers.index) == {(kind, question) for kind in ("all", "maths", "reading")
                                  for question in (THESE, KIND)}  # fmt: skip
    assert answers["programmes"].groupby("kind").first().to_dict() == {
        "all": 12, "maths": 6, "reading": 6,
    }  # fmt: skip
    assert (answers["low"] < answers["estimate"]).all()
    assert answers.loc[("all", KIND), "tau_high"] > 0
    assert answers.loc[("all", THESE), "tau"] != answers.loc[("all", THESE), "tau"]


def test_of_few_programmes_nothing_is_said_of_their_kind_and_of_one_nothing(many: Many) -> None:
    few = pool_sweep(many.sweep(many.drawn(3)), OUTCOME)
    answers = few.answers[few.answers["kind"] == "all"].set_index("question")
    assert answers.loc[THESE, "reason"] == "" and answers.loc[KIND, "reason"] != ""
    assert np.isnan(answers.loc[KIND, "estimate"])
    alone = pool_sweep(many.sweep(many.drawn(1)), OUTCOME)
    assert (alone.answers["reason"] != "").all()
    assert alone.each["shrunk"].isna().all() and np.isnan(alone.overstated)


def test_what_is_planted_in_every_programme_is_found_in_the_average(
    many: Many, swept: Sweep, pooled: Pooled
) -> None:
    values = many.inputs.panel.values.copy()
    members = [s for one in many.find(many.drawn(12)).programmes for s in one.schools]
    school, year = (values.index.get_level_values(name) for name in ("school", "year"))
    values.loc[school.isin(members) & (year == 2018), OUTCOME] += 8.0
    panel = Panel(values, many.inputs.panel.reasons, many.inputs.panel.releases)
    moved = pool_sweep(many.sweep(many.drawn(12), panel), OUTCOME)
    before, after = (one.answers["estimate"] for one in (pooled, moved))
    assert (after - before).to_numpy() == pytest.approx(8.0, abs=0.2)
    assert moved.answers["p"].iloc[0] < 0.01


def test_every_programme_has_its_row_with_its_own_range_and_the_power_line_falls(
    swept: Sweep, pooled: Pooled
) -> None:
    effects = swept.effects.set_index("programme")
    each = pooled.each.set_index("programme")
    assert list(each.index) == [one.programme for one in swept.found]
    for name in ("estimate", "low", "high"):
        np.testing.assert_allclose(each[name], effects[name])
    assert (each["shrunk"].max() - each["shrunk"].min()) < np.ptp(each["estimate"])
    assert pooled.power["these"].is_monotonic_decreasing
    assert pooled.best == (each["estimate"]).idxmax()


def test_an_outcome_that_nobody_has_is_refused(swept: Sweep) -> None:
    import pepstats

    with pytest.raises(DesignError, match="no programme has an estimate in `absence`"):
        pepstats.pool(swept, "absence")

"""One evaluation: written down and taken up to the last digit, changed, and said in a sentence."""

from dataclasses import replace
from io import StringIO

import numpy as np
import pandas as pd
import pytest

from pepstats.errors import DesignError, RunError
from pepstats.impact.effects import FORECAST, MATCHED, judge_together, set_beside
from pepstats.impact.evaluate import (
    Evaluation,
    judge_effects,
    set_others_beside,
    take_up_evaluation,
)
from tests.impact.test_october import in_october, national
from tests.worlds import Small, evaluate_small, small_england

SLUG = "closing-the-gap"


@pytest.fixture(scope="module")
def small() -> Small:
    return small_england()


@pytest.fixture(scope="module")
def december(small: Small) -> Evaluation:
    return evaluate_small(small, SLUG)


@pytest.fixture(scope="module")
def october(small: Small) -> Evaluation:
    return evaluate_small(small, SLUG, in_october(small), national(small))


def written(found: Evaluation) -> dict[str, pd.DataFrame]:
    """The tables as the next step reads them from its files."""
    return {name: as_read(table) for name, table in found.tables().items()}


def as_read(table: pd.DataFrame) -> pd.DataFrame:
    text = table.to_csv(index=any(name is not None for name in table.index.names))
    return pd.read_csv(StringIO(text), keep_default_na=False, na_values=[""])


@pytest.mark.parametrize("season", ["december", "october"])
def test_an_evaluation_is_taken_up_as_it_was_written_down(
    season: str, request: pytest.FixtureRequest
) -> None:
    made: Evaluation = request.getfixturevalue(season)
    again = take_up_evaluation(made.programme, made.design, made.inputs, written(made))
    pd.testing.assert_frame_equal(again.effects, made.effects)
    assert again.mode == made.mode
    np.testing.assert_array_equal(again.draws.schools, made.draws.schools)
    assert vars(again.draws).keys() == vars(made.draws).keys()
    assert (again.draws.usable, again.draws.too_small, again.draws.within) == (
        made.draws.usable, made.draws.too_small, made.draws.within,
    )  # fmt: skip
    for one, two in ((again.measured.gaps, made.measured.gaps),
                     (again.measured.yardstick, made.measured.yardstick)):  # fmt: skip
        assert list(one) == list(two)
        for outcome, gaps in two.items():
            pd.testing.assert_frame_equal(one[outcome].table, gaps.table, check_exact=True)
            assert one[outcome].city_variance == gaps.city_variance
            assert (one[outcome].year, one[outcome].baseline) == (gaps.year, gaps.baseline)
    for name, table in made.tables().items():
        pd.testing.assert_frame_equal(
            as_read(again.tables()[name]), as_read(table), check_exact=True, obj=name
        )


def test_chance_is_measured_by_last_year_only_in_october(december, october) -> None:
    assert (december.mode, october.mode) == (MATCHED, FORECAST)
    assert "yardstick" in october.tables() and "yardstick" not in december.tables()


def test_a_draw_of_a_school_that_is_not_in_the_pool_is_refused(december: Evaluation) -> None:
    tables = written(december)
    tables["draws"].loc[0, "school_1"] = 1
    with pytest.raises(RunError, match="not in the pool"):
        take_up_evaluation(december.programme, december.design, december.inputs, tables)


def test_one_school_left_out_or_another_caliper_changes_only_that(december: Evaluation) -> None:
    same = december.what_if()
    pd.testing.assert_frame_equal(same.effects, december.effects)
    first = december.design.members[0]
    fewer = december.what_if(without=[first])
    assert fewer.design.members == december.design.members[1:]
    assert first not in set(fewer.design.match.pairs()["comparison"])
    again = december.what_if(members=fewer.design.members)
    pd.testing.assert_frame_equal(again.effects, fewer.effects)
    few = december.what_if(k=3, caliper=2.0)
    assert few.pairs.groupby("school").size().max() == 3
    assert few.programme.match.near == december.programme.match.near
    assert december.what_if(baseline=(2017,)).effects.loc[0, "baseline"] == "2017"


def beside(one: Evaluation, other: Evaluation) -> Evaluation:
    """The same evaluation, judged together with another programme of its report."""
    inputs = replace(one.inputs, others=((other.programme, other.design.members),))
    others = set_others_beside(one.programme, one.design, inputs, one.measured)
    return judge_effects(one.programme, one.design, one.inputs, one.measured, one.draws, others)


def test_two_programmes_of_a_report_are_judged_together_and_the_same_from_either_side(
    small: Small, december: Evaluation
) -> None:
    sen = evaluate_small(small, "send-in-mainstream")
    mine, theirs = beside(december, sen), beside(sen, december)
    for alone, both in ((december, mine), (sen, theirs)):
        same = ["outcome", "estimate", "p_placebo", "p_low", "p_high", "n_schools", "spread"]
        pd.testing.assert_frame_equal(alone.effects[same], both.effects[same])
        assert (both.effects["p_adjusted"] >= alone.effects["p_adjusted"]).all()
        assert (both.effects["high"] >= alone.effects["high"] - 1e-9).all()
    assert (mine.effects["p_adjusted"] > december.effects["p_adjusted"]).any()
    judged = []
    for found in (mine, theirs):
        own = set_beside(
            found.programme.slug, found.measured.gaps, found.placebo, found.design.members
        )
        family = sorted([*found.others, *own], key=lambda one: one.programme)
        assert len(family) == len(december.effects) + len(sen.effects)
        judged.append([one.adjusted for one in judge_together(family)])
    assert judged[0] == judged[1]


def test_another_programme_that_cannot_be_evaluated_is_nothing_to_be_judged(
    december: Evaluation,
) -> None:
    few = december.design.members[:3]
    other = december.programme.model_copy(update={"slug": "another"})
    inputs = replace(december.inputs, others=((other, few),))
    first = december.programme, december.design, inputs, december.measured
    assert set_others_beside(*first) == ()


def test_a_reader_adds_a_members_gap_up_from_the_panel_and_the_pairs(december: Evaluation) -> None:
    table = december.gaps.xs("rwm_expected", level="outcome").dropna(subset="gap")
    results = december.inputs.panel.wide("rwm_expected")[2018]
    pairs = december.pairs
    for school in table.index:
        listed = pairs.loc[pairs["school"] == school, "comparison"]
        mean = round(results[listed].mean(), 6)
        row = table.loc[school]
        assert row["comparison"] == pytest.approx(mean, abs=1.1e-6)
        left = results[school] - row["comparison"] - row["correction"]
        assert row["gap"] == pytest.approx(left, abs=1e-9)
    one = december.primary
    assert one.estimate == pytest.approx(np.average(table["gap"], weights=table["weight"]))
    used = pairs.loc[pairs["school"].isin(table.index), "comparison"]
    assert one.n_comparison == results[used.unique()].notna().sum()


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"kk": 3}, "has no field `kk`. Did you mean `k`"),
        ({"k": 0}, "`match.k`"),
        ({"baseline": (2018,)}, "baseline 2018 is not before"),
        ({"without": range(10**7)}, "at least 4 are needed"),
    ],
)
def test_a_change_that_cannot_be_is_refused_and_named(december, changed, says: str) -> None:
    with pytest.raises(DesignError, match=says):
        december.what_if(**changed)


def test_members_are_listed_by_how_far_each_moved_with_its_own_interval(december) -> None:
    ranked = december.by_school()
    gaps = december.gaps.reset_index()
    own = gaps[gaps["outcome"] == december.programme.primary].set_index("school")
    assert set(ranked.index) == set(december.design.members)
    assert ranked["gap"].dropna().is_monotonic_decreasing
    reach = (ranked["high"] - ranked["low"]) / 2
    assert np.allclose(reach, 1.96 * np.sqrt(own["variance"].reindex(ranked.index)), equal_nan=True)
    with pytest.raises(DesignError, match="no gaps in `rwm_expceted`"):
        december.by_school("rwm_expceted")


def test_the_sentence_has_the_estimate_its_range_whose_results_and_the_verdict(december) -> None:
    effect, said = december.primary, december.sentence()
    low, high = (f"{end:+.1f}".replace("+0.0", "0.0") for end in (effect.low, effect.high))
    for words in (f"{effect.estimate:+.1f}", f"95% interval {low} to {high}"):
        assert words.replace("-", "\N{MINUS SIGN}") in said
    assert "(all pupils)" in said and f"{effect.n_schools} schools" in said
    assert said.endswith(f"results for 2017/18): {effect.verdict}.")


def test_an_evaluation_shows_itself_in_one_line_and_in_a_notebook(december: Evaluation) -> None:
    assert len(repr(december)) < 120 and "\n" not in repr(december)
    shown = december._repr_html_()
    assert december.sentence() in shown and "<img alt=" in shown and shown.count("<table") == 1
    pd.testing.assert_frame_equal(december.tidy(), december.effects)

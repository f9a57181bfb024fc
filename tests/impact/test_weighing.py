"""Weighed with what trials find: the stated chances are right, and nothing is made of nothing."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from pepstats.errors import DesignError
from pepstats.impact import effects, weighing
from pepstats.impact.effects import Effect, Yardstick
from pepstats.impact.value_for_money import MonthsTables
from pepstats.impact.weighing import PRIORS, SCEPTIC, TRIALS, Prior, Seen
from pepstats.settings import load_programme, load_rules
from tests.impact.test_sizes import panel_of
from tests.worlds import ROOT

PER = 37.4  # points per pupils' standard deviation, reading, writing and maths at 64%
SPREAD = 2.97
MONTHS = load_rules(MonthsTables, "months.yml").choose()
LONG = MONTHS.begins(weighing.LONG)


def seen(points: float, spread: float = SPREAD) -> Seen:
    return Seen(points / PER, spread / PER)


# The published scale and the table that was tried beforehand --------------------------------------


def test_a_percentage_is_on_the_scale_of_the_test_behind_it_and_not_of_a_yes_or_no() -> None:
    panel = panel_of({"rwm_expected": np.full(6, 64.0)})
    points, how, reason = weighing.find_points("rwm_expected", panel, 2018, 64.0)
    assert round(points, 1) == PER and (how, reason) == ("normal density at 64%", "")
    # a true move of a tenth of a deviation lets so many more pass
    rng = np.random.default_rng(1)
    pupils, bar = rng.normal(size=2_000_000), -weighing.STANDARD.inv_cdf(0.64)
    moved = 100 * ((pupils + 0.05 > bar).mean() - (pupils - 0.05 > bar).mean())
    assert moved == pytest.approx(0.1 * points, abs=0.02)


def test_a_score_has_the_pupils_spread_that_is_published_and_others_a_reason() -> None:
    panel = panel_of({"reading_progress": np.zeros(6), "absence": np.zeros(6)})
    points, how, reason = weighing.find_points("reading_progress", panel, 2018, 0.0)
    assert (points, how, reason) == (5.9912, "pupils' standard deviation, 2018", "")
    assert "not an attainment outcome" in weighing.find_points("absence", panel, 2018, 4.0)[2]
    for without in (101.0, 100.0, 0.0, -1.0):
        found = weighing.find_points("rwm_expected", panel, 2018, without)
        assert np.isnan(found[0]) and "between 0 and 100" in found[2]
    assert "no limits" in weighing.find_points("attainment8", panel, 2018, 45.0)[2]


@pytest.mark.parametrize(
    ("points", "helped", "two_months", "shrunken"),
    [
        (0, (79, 50), (10, 2), (1.4, 0.0)),
        (3, (92, 73), (25, 7), (2.5, 1.1)),
        (7, (99, 92), (55, 25), (4.0, 2.5)),
    ],
)
def test_the_chances_are_those_of_the_table_tried_beforehand(
    points: float, helped: tuple, two_months: tuple, shrunken: tuple
) -> None:
    after = [seen(points).weigh(prior) for prior in PRIORS]
    assert tuple(round(100 * one.above(0.0)) for one in after) == helped
    assert tuple(round(100 * one.above(LONG)) for one in after) == two_months
    assert [one.mean * PER for one in after] == pytest.approx(shrunken, abs=0.051)


def test_before_looking_is_what_the_priors_say() -> None:
    assert [round(100 * prior.above(0.0)) for prior in PRIORS] == [84, 50]
    assert [round(100 * prior.above(LONG)) for prior in PRIORS] == [25, 5]
    assert LONG == 0.10


def test_a_table_of_months_without_two_has_no_size_at_which_they_begin() -> None:
    table = MONTHS
    one = table.bands[1].model_copy(update={"upto": None})
    assert np.isnan(table.model_copy(update={"bands": (table.bands[0], one)}).begins(2))


@pytest.mark.parametrize("width", [0.0, -0.06, float("nan"), float("inf")])
def test_a_prior_of_no_width_is_refused(width: float) -> None:
    with pytest.raises(DesignError, match="the prior `sure` has a width of"):
        Prior("sure", 0.06, width)


def test_no_programme_file_brings_a_prior_of_its_own(tmp_path) -> None:
    own = (ROOT / "data" / "programmes" / "closing-the-gap.yml").read_text("utf-8")
    (tmp_path / "programmes").mkdir()
    (tmp_path / "programmes" / "sure.yml").write_text(f"{own}\npriors: {{trials: 0.2}}\n", "utf-8")
    with pytest.raises(DesignError, match="unknown key `priors`"):
        load_programme("sure", tmp_path)


# Every effect of a programme ----------------------------------------------------------------------


def effect_of(outcome: str, estimate: float, spread: float, verdict: str) -> Effect:
    return Effect(
        "a", outcome, "all", "points", estimate, estimate - 2 * spread, estimate + 2 * spread,
        0.02, 0.01, 0.03, 0.04, 18, 400, 40, 4000, "matched", "2017", 2018, "final", verdict,
        spread=spread,
    )  # fmt: skip


def test_each_effect_is_weighed_by_its_own_draws_or_has_the_reason_why_not() -> None:
    one = drawn(9.0)
    placebo = pd.DataFrame(
        {"la": one.city, "rwm_expected": one.chance + 0.5, "absence": one.chance,
         "reading_progress": 0.0}
    )  # fmt: skip
    asked = [
        effect_of("rwm_expected", 9.0, one.spread, "gained"),
        effect_of("absence", 9.0, one.spread, "lost ground"),
        effect_of("reading_progress", 0.3, 0.0, "too uncertain to say"),
    ]
    sizes = pd.DataFrame({"outcome": [e.outcome for e in asked], "without": [64.0, 5.0, 0.0]})
    panel = panel_of({"rwm_expected": np.full(6, 64.0), "reading_progress": np.zeros(6)})
    table = weighing.weigh_effects(asked, placebo, sizes, panel, MONTHS)
    first, absence, still = table.to_dict("records")
    lean = one.chance.mean() + 0.5
    after = Seen((9.0 - lean) / first["points_per_sd"], one.spread / first["points_per_sd"])
    assert first["shrunken_trials"] == pytest.approx(
        after.weigh(TRIALS).mean * first["points_per_sd"]
    )
    assert first["helped_sceptic"] == pytest.approx(after.weigh(SCEPTIC).above(0.0))
    assert 0 < first["shrunken_sceptic"] < first["shrunken_trials"] < 9.0
    assert first["overstates"] > 1 and first["unequal_odds"] > 1 and first["reason"] == ""
    assert "not an attainment outcome" in absence["reason"] and absence["unequal_odds"] > 1
    assert "do not differ" in still["reason"]
    for row in (absence, still):
        assert all(np.isnan(row[name]) for name in row if name.startswith(("shrunken", "helped")))
    assert np.isnan(still["unequal_odds"])


# The stated chances are right ---------------------------------------------------------------------


@pytest.mark.parametrize("prior", PRIORS, ids=lambda one: one.name)
@pytest.mark.parametrize("off", [0.0, 0.7])
def test_stated_chances_come_true_for_effects_drawn_from_the_prior(
    prior: Prior, off: float
) -> None:
    # placebo draws lean by `off` points, which is taken off; in each band of what is stated, the
    # share of programmes that truly helped (two months or more) is what was stated
    rng = np.random.default_rng(12)
    truth = rng.normal(prior.mean, prior.sd, 20_000)
    estimate = truth * PER + off + rng.normal(0, SPREAD, len(truth))
    after = [seen(one - off).weigh(prior) for one in estimate]
    for size in (0.0, LONG):
        stated = np.array([one.above(size) for one in after])
        bands = pd.Series(truth > size).groupby(np.floor(stated * 5).clip(0, 4))
        for band, came in bands:
            if len(came) > 500:
                said = stated[np.floor(stated * 5).clip(0, 4) == band].mean()
                assert came.mean() == pytest.approx(said, abs=0.03)
        assert (truth > size).mean() == pytest.approx(stated.mean(), abs=0.01)
    shrunken = np.array([one.mean for one in after])
    raw = np.sqrt(np.mean((estimate - off - truth * PER) ** 2))
    assert np.sqrt(np.mean((shrunken * PER - truth * PER) ** 2)) < 0.8 * raw


def test_the_chances_are_wrong_where_the_prior_is() -> None:
    # so the test above can fail: a sceptic's chances for what trials find are 8 to 25 points out
    rng = np.random.default_rng(12)
    truth = rng.normal(TRIALS.mean, TRIALS.sd, 20_000)
    estimate = truth * PER + rng.normal(0, SPREAD, len(truth))
    stated = np.mean([seen(one).weigh(SCEPTIC).above(0.0) for one in estimate])
    assert (truth > 0).mean() - stated > 0.08


def test_what_is_called_gained_overstates_as_much_as_it_does_when_it_is_done() -> None:
    rng = np.random.default_rng(7)
    truth = rng.normal(TRIALS.mean, TRIALS.sd, 2_000_000)
    for line, off in ((5.9, 0.0), (7.5, 0.6)):
        estimate = truth * PER + off + rng.normal(0, SPREAD, len(truth))
        called = estimate > line
        told = weighing.overstate(TRIALS, seen(0), line / PER, off / PER)
        assert told == pytest.approx(
            estimate[called].mean() / (PER * truth[called].mean()), rel=0.01
        )
    assert round(weighing.overstate(TRIALS, seen(0), 1.96 * SPREAD / PER), 1) == 1.8
    assert np.isnan(weighing.overstate(TRIALS, seen(0), 100.0))


# Unequal cities -----------------------------------------------------------------------------------


def drawn(estimate: float, seed: int = 3, cities: int = 40, each: int = 100) -> Yardstick:
    rng = np.random.default_rng(seed)
    city = np.repeat(np.arange(1, cities + 1), each)
    shock = rng.normal(0, 1.5, cities)
    chance = shock[city - 1] + rng.normal(0, 2.5, len(city))
    return Yardstick("a", "rwm_expected", estimate, chance, city)


def worst_by_programme(one: Yardstick, odds: float) -> float:
    """Find the worst share by a linear programme: a weight for each city, and the least of them."""
    beyond = one.far(one.chance) >= one.far(one.estimate)
    count = pd.DataFrame({"n": 1, "b": beyond}).groupby(one.city).sum().to_numpy(float)
    cities = len(count)
    least, most = np.full((cities, 1), 1.0), np.full((cities, 1), -odds)
    bounds = np.vstack([np.hstack([-np.eye(cities), least]), np.hstack([np.eye(cities), most])])
    found = linprog(
        -np.append(count[:, 1], 0.0), A_ub=bounds, b_ub=np.zeros(2 * cities),
        A_eq=[np.append(count[:, 0], 0.0)], b_eq=[1.0],
    )  # fmt: skip
    return (1 - len(beyond) * found.fun) / (1 + len(beyond))


def test_equal_odds_give_the_printed_p_and_unequal_ones_the_linear_programme_s() -> None:
    for estimate in (5.0, 6.5, 8.0):
        one = drawn(estimate)
        p = effects.judge_together([one])[0].p
        assert effects.find_worst_share(one, 1.0) == pytest.approx(p, abs=1e-15)
        for odds in (1.5, 3.0, 7.0):
            worst = worst_by_programme(one, odds)
            floored = max(worst, one.floor)
            assert effects.find_worst_share(one, odds) == pytest.approx(floored, abs=1e-8)
            assert p <= floored


@settings(max_examples=25, deadline=None)
@given(st.floats(4.0, 9.0), st.integers(0, 50))
def test_at_the_odds_found_five_in_a_hundred_are_reached_and_not_before(
    estimate: float, seed: int
) -> None:
    one = drawn(estimate, seed)
    odds = effects.find_unequal_odds(one)
    if effects.find_worst_share(one, 1.0) > 0.05:
        assert np.isnan(odds)
    elif odds < effects.MOST_ODDS:
        assert worst_by_programme(one, odds) == pytest.approx(0.05, abs=1e-4)
        assert effects.find_worst_share(one, odds * 0.999) < 0.05
    else:
        assert worst_by_programme(one, odds) <= 0.05 + 1e-9


def test_a_larger_effect_bears_more_unequal_cities() -> None:
    found = [effects.find_unequal_odds(drawn(estimate)) for estimate in (6.0, 7.0, 8.0, 20.0)]
    assert found == sorted(found) and found[0] > 1 and found[-1] == effects.MOST_ODDS


def test_draws_from_anywhere_have_no_cities_to_be_unequal() -> None:
    one = drawn(12.0)
    anywhere = Yardstick("a", "rwm_expected", 12.0, one.chance, np.zeros(len(one.chance), int))
    assert np.isnan(effects.find_unequal_odds(anywhere))

"""Effects: an estimate, its interval by inversion, its placebo p and the word for them together."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pepstats.impact import effects
from pepstats.impact.effects import GAINED, LOST, Yardstick, choose_verdict
from pepstats.impact.gaps import Gaps
from pepstats.impact.placebo import PlaceboDraws, placebo_estimates
from tests import reference
from tests.impact.test_placebo import made_up_gaps

seeds = st.integers(0, 100_000)


def yardstick(
    estimate: float, chance: object, cities: int = 0, *, programme: str = "x", outcome: str = "a"
) -> Yardstick:
    """One outcome beside its draws, spread over so many cities in turn (0: from anywhere)."""
    drawn = np.asarray(chance, dtype=float)
    city = np.arange(len(drawn)) % cities + 1 if cities else np.zeros(len(drawn), dtype=np.int64)
    return Yardstick(programme, outcome, estimate, drawn, city)


def any_family(seed: int) -> list[Yardstick]:
    """One to four outcomes of two programmes, in few cities or many, some rounded so as to tie."""
    rng = np.random.default_rng(seed)
    draws, cities = int(rng.integers(99, 400)), int(rng.choice([0, 3, 12, 18, 19, 20, 40]))
    ties = rng.random() < 0.3
    family = []
    for place in range(int(rng.integers(1, 5))):
        chance = rng.normal(0, rng.uniform(0.1, 5), draws)
        estimate = float(rng.normal(0, 2.5) * chance.std())
        if ties:
            chance, estimate = chance.round(), round(estimate)
        family.append(yardstick(estimate, chance, cities, programme="xy"[place % 2],
                                outcome="abcd"[place]))  # fmt: skip
    return family


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.lists(st.floats(-10, 10), min_size=99, max_size=300, unique=True), st.floats(-15, 15))
def test_the_interval_leaves_out_nought_just_when_p_is_at_most_five_in_a_hundred(
    chance: list[float], estimate: float
) -> None:
    drawn = np.array(chance)
    if np.any(np.abs(drawn) == abs(estimate)):
        return
    wide = effects.half_width(drawn)
    outside = estimate - wide > 0 or estimate + wide < 0
    assert outside == (effects.placebo_p(estimate, drawn) <= 0.05 + 1e-12)


@settings(deadline=None, derandomize=True, max_examples=200)
@given(seeds)
def test_of_all_results_of_a_report_verdict_interval_and_the_range_of_p_never_disagree(
    seed: int,
) -> None:
    """Nor is a p ever below one in the cities and one more."""
    family = any_family(seed)
    for one, judged in zip(family, effects.judge_together(family), strict=True):
        inside = one.estimate - judged.line <= 0 <= one.estimate + judged.line
        assert inside == (judged.adjusted > 0.05)
        clear = choose_verdict(one.estimate, judged.adjusted) in {GAINED, LOST}
        assert clear == (not inside)
        cities = len(set(one.city) - {0})
        assert judged.p_low >= (1 / (cities + 1) if cities else 0)
        assert judged.p_low <= judged.p <= judged.p_high
        assert judged.adjusted_low <= judged.adjusted <= judged.adjusted_high
        assert judged.adjusted >= judged.p


def test_however_far_out_a_result_of_few_cities_is_not_called() -> None:
    rng = np.random.default_rng(5)
    for cities, floor in ((12, 1 / 13), (18, 1 / 19), (19, 1 / 20), (31, 1 / 32)):
        one = yardstick(500.0, rng.normal(size=999), cities)
        [judged] = effects.judge_together([one])
        assert judged.p == judged.adjusted == judged.p_low == pytest.approx(floor)
        assert (one.estimate > judged.line) == (cities >= 19)


def test_p_has_a_wider_range_where_few_cities_make_all_the_far_draws() -> None:
    """Ten thousand draws of thirty cities are thirty cities' draws."""
    rng = np.random.default_rng(2)
    alike = np.tile(rng.normal(0, 3, 30), 300) + rng.normal(0, 1, 9000)
    widths = []
    for cities in (30, 0):
        [judged] = effects.judge_together([yardstick(5.0, alike, cities)])
        widths.append(judged.p_high - judged.p_low)
    assert widths[0] > 5 * widths[1] > 0


def test_p_counts_the_real_programme_in() -> None:
    chance = np.array([-3.0, -1.0, 0.0, 2.0])
    assert effects.placebo_p(2.5, chance) == pytest.approx(2 / 5)
    assert effects.placebo_p(9.0, chance) == pytest.approx(1 / 5)
    assert effects.placebo_p(0.0, chance) == 1.0
    assert effects.placebo_p(9.0, chance, cities=3) == pytest.approx(1 / 4)
    assert effects.placebo_p(2.5, chance, cities=3) == pytest.approx(2 / 5)


def step_down(seen: dict[str, float], drawn: pd.DataFrame) -> dict[str, float]:
    """Step down by hand: each outcome against the furthest of those not yet passed."""
    far = {name: abs(value) for name, value in seen.items()}
    order = sorted(far, key=lambda name: -far[name])
    found, floor = {}, 0.0
    for place, name in enumerate(order):
        furthest = drawn[order[place:]].abs().max(axis=1)
        floor = max(floor, (1 + int((furthest >= far[name]).sum())) / (1 + len(drawn)))
        found[name] = floor
    return found


def adjusted(seen: dict[str, float], drawn: pd.DataFrame) -> dict[str, float]:
    """The same by the package, of programmes of one outcome each."""
    family = [yardstick(seen[name], drawn[name], outcome=name, programme=name) for name in seen]
    found = zip(family, effects.judge_together(family), strict=True)
    return {one.outcome: judged.adjusted for one, judged in found}


def test_judging_together_is_the_step_down_of_westfall_and_young() -> None:
    chance = pd.DataFrame(
        {"a": [1.0, -2, 0.5, 1.5], "b": [2.0, 0.5, -1, 1.0], "c": [0.1, 1, 2, -2.2]}
    )
    seen = {"a": 1.9, "b": 0.4, "c": 3.0}
    unit = {name: value / chance[name].std() for name, value in seen.items()}
    assert sorted(unit, key=lambda n: -unit[n]) == ["c", "a", "b"]
    by_hand = step_down(unit, chance / chance.std())
    assert adjusted(seen, chance) == pytest.approx(by_hand)


@settings(deadline=None, derandomize=True, max_examples=40)
@given(seeds, st.integers(2, 5))
def test_judging_together_is_a_plain_step_down_whatever_the_results(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(150, 1))
    chance = pd.DataFrame(
        (shared + rng.normal(size=(150, n))) * rng.uniform(0.2, 4, n), columns=list("abcde")[:n]
    )
    seen = {name: float(rng.normal(0, 2) * chance[name].std()) for name in chance}
    unit = {name: value / chance[name].std() for name, value in seen.items()}
    assert adjusted(seen, chance) == pytest.approx(step_down(unit, chance / chance.std()))


def test_judging_together_is_romano_and_wolf_s_where_outcomes_have_the_same_spread() -> None:
    drawn = reference.table("j_multitest/boot_t.csv.xz")
    seen = dict(zip(drawn.columns, reference.table("j_multitest/t_obs.csv")["t"], strict=True))
    theirs = reference.figures("j_multitest/expected_rwolf.json")["pyfixest_rwolf"]
    by_hand = step_down(seen, drawn)  # .013 .048 .058 .121 .424 .027
    np.testing.assert_allclose([by_hand[c] for c in drawn.columns], theirs, atol=1e-12)
    same = drawn / drawn.std()
    assert adjusted(seen, same) == pytest.approx(step_down(seen, same), abs=1e-12)


@settings(deadline=None, derandomize=True, max_examples=30)
@given(seeds)
def test_one_outcome_alone_keeps_its_own_p(seed: int) -> None:
    rng = np.random.default_rng(seed)
    drawn, seen = rng.normal(size=99), float(rng.normal(0, 2))
    [judged] = effects.judge_together([yardstick(seen, drawn)])
    assert judged.p == judged.adjusted == pytest.approx(effects.placebo_p(seen, drawn))
    wide = effects.half_width(drawn)
    assert judged.line == pytest.approx(wide if judged.p <= 0.05 else max(wide, abs(seen)))


def test_another_programme_of_the_report_makes_a_result_less_sure() -> None:
    rng = np.random.default_rng(8)
    own, other = rng.normal(size=(2, 999))
    mine = yardstick(2.2, own, programme="x")
    [alone] = effects.judge_together([mine])
    beside, _ = effects.judge_together([mine, yardstick(0.3, other, programme="y")])
    assert alone.adjusted < 0.05 < beside.adjusted < 2.2 * alone.adjusted
    assert beside.p == alone.p and beside.line > mine.estimate > alone.line
    twin, _ = effects.judge_together([mine, yardstick(0.3, own, programme="y")])
    assert twin.adjusted == alone.adjusted  # the same schools again are no second chance


# What an effect is given as -----------------------------------------------------------------------


def gaps_of(outcome: str, gap: list[float]) -> Gaps:
    known = np.where(np.isnan(gap), np.nan, 1.0)
    table = pd.DataFrame(
        {"la": 1, "gap": gap, "weight": known, "variance": known},
        index=pd.RangeIndex(1, len(gap) + 1, name="school"),
    )
    return Gaps(outcome, "points", (2016, 2017), 2018, "provisional", table,
                pd.Series(dtype=float))  # fmt: skip


DRAWS = PlaceboDraws(np.array([[0, 1]] * 99), np.arange(99) % 33 + 1, 33, 0, True)


def test_one_row_holds_every_number_of_an_effect() -> None:
    found = {"rwm_expected.disadvantaged": gaps_of("rwm_expected.disadvantaged", [5, 3, np.nan])}
    placebo = placebo_estimates(found, DRAWS, [1, 2, 3])
    family = effects.set_beside("x", found, placebo, [1, 2, 3])
    [effect] = effects.estimate_effects(family, "x", found, [1, 2, 3], dict.fromkeys(found, 9))
    assert effect.estimate == pytest.approx(4.0)
    assert (effect.n_schools, effect.n_comparison) == (2, 9)
    assert (effect.pupils, effect.n_authorities, effect.n_placebo) == ("disadvantaged", 33, 99)
    row = effects.tidy_effects([effect]).iloc[0]
    first = [
        "programme", "outcome", "pupils", "unit", "estimate", "low", "high", "p_placebo", "p_low",
        "p_high", "p_adjusted", "n_schools", "n_comparison", "n_authorities", "n_placebo", "mode",
        "baseline", "year", "release", "verdict", "borderline",
    ]  # fmt: skip
    assert list(row.index)[: len(first)] == first
    assert (row["baseline"], row["year"], row["release"]) == ("2016 and 2017", 2018, "provisional")
    numbers = effects.list_numbers(effects.tidy_effects([effect]))
    assert numbers["rwm_expected.disadvantaged.estimate"] == row["estimate"]
    assert effects.tidy_effects([]).columns.tolist() == list(row.index)


def judge(estimates: list[float], chance: np.ndarray, cities: int) -> list[effects.Effect]:
    """Judge outcomes of one programme of one school, whose gap is each estimate."""
    found = {name: gaps_of(name, [value]) for name, value in zip("abcdef", estimates, strict=False)}
    family = [
        yardstick(value, drawn, cities, outcome=name)
        for name, value, drawn in zip(found, estimates, chance.T, strict=True)
    ]
    return effects.estimate_effects(family, "x", found, [1], dict.fromkeys(found, 1))


def test_every_outcome_is_judged_by_its_adjusted_p_the_first_too() -> None:
    chance = np.random.default_rng(1).normal(size=(999, 6))
    [alone] = judge([2.2], chance[:, :1], 0)
    assert alone.verdict == "gained" and alone.low > 0
    for effect in judge([2.2] * 6, chance, 0):
        assert effect.p_placebo < 0.05 < effect.p_adjusted and effect.low < 0
        assert effect.verdict == choose_verdict(effect.estimate, effect.p_adjusted) != "gained"


def test_a_verdict_is_borderline_just_when_it_differs_over_the_range_of_p() -> None:
    rng = np.random.default_rng(3)
    seen = set()
    for _ in range(25):
        shift = np.tile(rng.normal(0, 1, 40), 25)
        chance = (shift + rng.normal(0, 1, 1000))[:, None]
        estimate = float(rng.uniform(0, 5))
        [effect] = judge([estimate], chance, 40)
        # of one outcome alone the range of its p is that of its adjusted p
        ends = {choose_verdict(estimate, p) for p in (effect.p_low, effect.p_high)}
        assert effect.borderline == (len(ends) > 1)
        seen.add((effect.borderline, effect.verdict))
    assert {True, False} == {borderline for borderline, _ in seen}
    assert {"gained", "too uncertain to say"} <= {verdict for _, verdict in seen}


# The smallest effect ------------------------------------------------------------------------------


def smallest(drawn: np.ndarray) -> float:
    return effects.smallest_detectable(drawn, effects.half_width(drawn))


def test_normal_draws_give_bloom_s_multiplier_back() -> None:
    drawn = np.random.default_rng(1).normal(0, 3, 40_000)
    assert smallest(drawn) == pytest.approx(3 * 2.8016, rel=0.02)


@settings(deadline=None, derandomize=True, max_examples=25)
@given(seeds, st.floats(0.3, 3))
def test_that_effect_is_told_from_chance_in_eight_of_ten_draws(seed: int, skew: float) -> None:
    drawn = np.random.default_rng(seed).gamma(skew, size=999) - skew
    effect = smallest(drawn)
    for way in (1, -1):
        seen = [effects.placebo_p(x + way * effect * 1.0001, drawn) <= 0.05 for x in drawn]
        assert np.mean(seen) >= 0.79


def test_what_is_judged_with_others_must_be_larger_to_be_found() -> None:
    chance = np.random.default_rng(4).normal(size=(999, 4))
    [alone] = judge([0.1], chance[:, :1], 0)
    together = judge([0.1] * 4, chance, 0)[0]
    assert together.smallest > 1.1 * alone.smallest
    assert together.spread == alone.spread == pytest.approx(chance[:, 0].std(ddof=1))


def test_too_few_draws_or_none_that_vary_say_nothing() -> None:
    rng = np.random.default_rng(1)
    for drawn in (rng.normal(size=98), np.zeros(999), np.full(999, np.nan), np.array([])):
        assert np.isnan(smallest(drawn))


def test_draws_from_anywhere_are_as_few_as_the_authorities_they_come_from() -> None:
    """However many draws, authorities are the sample: p is never below one in them and one more."""
    rng = np.random.default_rng(1)
    chance, nowhere = rng.normal(size=5_000), np.zeros(5_000, dtype=np.int64)
    found = made_up_gaps([30] * 13)
    members = list(found.table.index[:18])
    placebo = pd.DataFrame({"la": nowhere, "rwm_expected": chance})
    (one,) = effects.set_beside("x", {"rwm_expected": found}, placebo, members, places=12)
    one = replace(one, estimate=9.0)
    (judged,) = effects.judge_together([one])
    assert judged.p == judged.adjusted == 1 / 13
    assert one.estimate - judged.line <= 0  # and so no range leaves zero out


def test_a_draw_without_a_result_is_not_counted_among_those_that_are_near() -> None:
    chance = np.r_[np.full(50, 3.0), np.full(50, 0.1), np.full(100, np.nan)]
    city = np.arange(200) % 50 + 1
    one = effects.Yardstick("x", "rwm_expected", 2.0, chance, city)
    (judged,) = effects.judge_together([one])
    assert judged.p == (1 + 50) / (1 + 100)
    assert judged.adjusted >= judged.p

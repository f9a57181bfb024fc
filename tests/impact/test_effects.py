"""Effects: an estimate, its interval by inversion, its placebo p and the word for them together."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pepstats.impact import effects
from pepstats.impact.gaps import Gaps
from pepstats.impact.placebo import PlaceboDraws, placebo_estimates
from tests import reference


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


def test_p_counts_the_real_programme_in() -> None:
    chance = np.array([-3.0, -1.0, 0.0, 2.0])
    assert effects.placebo_p(2.5, chance) == pytest.approx(2 / 5)
    assert effects.placebo_p(9.0, chance) == pytest.approx(1 / 5)
    assert effects.placebo_p(0.0, chance) == 1.0


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


def test_adjusting_together_is_the_step_down_of_westfall_and_young() -> None:
    chance = pd.DataFrame(
        {"a": [1.0, -2, 0.5, 1.5], "b": [2.0, 0.5, -1, 1.0], "c": [0.1, 1, 2, -2.2]}
    )
    seen = {"a": 1.9, "b": 0.4, "c": 3.0}
    unit = {name: value / chance[name].std() for name, value in seen.items()}
    assert sorted(unit, key=lambda n: -unit[n]) == ["c", "a", "b"]
    by_hand = step_down(unit, chance / chance.std())
    assert effects.adjust_together(seen, chance) == pytest.approx(by_hand)


def test_adjusting_together_is_romano_and_wolf_s_where_outcomes_have_the_same_spread() -> None:
    drawn = reference.table("j_multitest/boot_t.csv.xz")
    seen = dict(zip(drawn.columns, reference.table("j_multitest/t_obs.csv")["t"], strict=True))
    theirs = reference.figures("j_multitest/expected_rwolf.json")["pyfixest_rwolf"]
    by_hand = step_down(seen, drawn)  # .013 .048 .058 .121 .424 .027
    np.testing.assert_allclose([by_hand[c] for c in drawn.columns], theirs, atol=1e-12)
    same = drawn / drawn.std()
    assert effects.adjust_together(seen, same) == pytest.approx(step_down(seen, same), abs=1e-12)


@settings(deadline=None, derandomize=True, max_examples=30)
@given(st.integers(0, 10_000))
def test_one_outcome_alone_keeps_its_own_p(seed: int) -> None:
    rng = np.random.default_rng(seed)
    drawn, seen = pd.DataFrame({"a": rng.normal(size=99)}), float(rng.normal(0, 2))
    own = effects.placebo_p(seen, drawn["a"].to_numpy())
    assert effects.adjust_together({"a": seen}, drawn)["a"] == pytest.approx(own)


@settings(deadline=None, derandomize=True, max_examples=40)
@given(st.integers(0, 10_000))
def test_an_adjusted_p_is_never_below_its_own(seed: int) -> None:
    rng = np.random.default_rng(seed)
    chance = pd.DataFrame(rng.normal(size=(200, 4)), columns=list("abcd"))
    seen = dict(zip("abcd", rng.normal(0, 2, 4), strict=True))
    adjusted = effects.adjust_together(seen, chance)
    for name, value in seen.items():
        assert adjusted[name] >= effects.placebo_p(value, chance[name].to_numpy()) - 1e-12


def test_one_row_holds_every_number_of_an_effect() -> None:
    table = pd.DataFrame(
        {
            "la": 1,
            "gap": [5.0, 3.0, np.nan],
            "weight": [1.0, 1.0, np.nan],
            "variance": [1.0, 1.0, np.nan],
        },
        index=pd.Index([1, 2, 3], name="school"),
    )
    found = Gaps("rwm_expected", "percentage points", (2016, 2017), 2018, "provisional", table,
                 pd.Series(dtype=float))  # fmt: skip
    draws = PlaceboDraws(np.array([[0, 1]] * 99), np.ones(99, dtype=int), 1, 0, True)
    made_up = placebo_estimates({"rwm_expected": found}, draws, [1, 2, 3])
    [effect] = effects.estimate_effects(
        "x", {"rwm_expected": found}, made_up, [1, 2, 3], n_comparison=9
    )
    assert effect.estimate == pytest.approx(4.0) and effect.n_schools == 2
    row = effect.tidy().iloc[0]
    first = [
        "programme", "outcome", "unit", "estimate", "low", "high", "p_placebo", "p_adjusted",
        "n_schools", "n_comparison", "n_placebo", "baseline", "year", "release", "verdict",
    ]  # fmt: skip
    assert list(row.index)[:15] == first
    assert (row["baseline"], row["year"], row["release"]) == ("2016 and 2017", 2018, "provisional")
    numbers = effects.list_effect_numbers([effect])
    assert numbers["rwm_expected.estimate"] == row["estimate"]
    assert effects.tidy_effects([]).columns.tolist() == list(row.index)


def test_a_secondary_outcome_is_judged_by_its_adjusted_p() -> None:
    rng = np.random.default_rng(1)
    chance = pd.DataFrame(rng.normal(size=(999, 6)), columns=list("abcdef"))
    table = pd.DataFrame({"la": 1, "gap": [2.2], "weight": [1.0], "variance": [1.0]},
                         index=pd.Index([1], name="school"))  # fmt: skip
    gaps = {
        n: Gaps(n, "points", (2017,), 2018, "final", table, pd.Series(dtype=float)) for n in chance
    }
    first, *others = effects.estimate_effects("x", gaps, chance, [1], n_comparison=1)
    assert first.verdict == "gained"
    assert {effect.verdict for effect in others} <= {"too uncertain to say", "probably gained"}


def test_normal_draws_give_bloom_s_multiplier_back() -> None:
    drawn = np.random.default_rng(1).normal(0, 3, 40_000)
    assert effects.smallest_detectable(drawn) == pytest.approx(3 * 2.8016, rel=0.02)


@settings(deadline=None, derandomize=True, max_examples=25)
@given(st.integers(0, 10_000), st.floats(0.3, 3))
def test_that_effect_is_told_from_chance_in_eight_of_ten_draws(seed: int, skew: float) -> None:
    drawn = np.random.default_rng(seed).gamma(skew, size=999) - skew
    effect = effects.smallest_detectable(drawn)
    for way in (1, -1):
        seen = [effects.placebo_p(x + way * effect * 1.0001, drawn) <= 0.05 for x in drawn]
        assert np.mean(seen) >= 0.79


def test_too_few_draws_or_none_that_vary_say_nothing() -> None:
    rng = np.random.default_rng(1)
    for drawn in (rng.normal(size=98), np.zeros(999), np.full(999, np.nan), np.array([])):
        assert np.isnan(effects.smallest_detectable(drawn))

"""Placebo cities: made-up programmes picked as the real one was, each in one other authority."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import nnls

from pepstats.errors import DesignError
from pepstats.impact import effects, gaps, placebo


def made_up_gaps(schools_each: list[int], *, seed: int = 1, city_sd: float = 0.0) -> gaps.Gaps:
    """Gaps of authorities with so many schools each, drawn with a city part."""
    rng = np.random.default_rng(seed)
    la = np.repeat(np.arange(101, 101 + len(schools_each)), schools_each)
    cohort = rng.integers(15, 90, len(la))
    variance = 20 + 2000 / cohort
    city = rng.normal(0, city_sd, len(schools_each))[la - 101]
    gap = city + rng.normal(0, np.sqrt(variance))
    table = pd.DataFrame(
        {"la": la, "gap": gap, "weight": 1 / (variance + city_sd**2), "variance": variance},
        index=pd.RangeIndex(100_001, 100_001 + len(la), name="school"),
    )
    return gaps.Gaps("rwm_expected", "percentage points", (2016, 2017), 2018, "final", table,
                     pd.Series(dtype=float), city_sd**2)  # fmt: skip


def low_of(found: gaps.Gaps) -> pd.Series:
    return pd.Series(np.arange(len(found.table)) % 3 > 0, index=found.table.index)


def draw(
    found: gaps.Gaps, members: list[int], draws: int = 500, seed: int = 1
) -> placebo.PlaceboDraws:
    return placebo.draw_placebo(
        found, low_of(found), members, draws=draws, rng=np.random.default_rng(seed)
    )


def test_each_made_up_programme_is_in_one_other_authority_with_the_same_selection() -> None:
    found = made_up_gaps([40] * 15)
    members = list(found.table.index[:18])
    drawn = draw(found, members)
    la, low = found.table["la"].to_numpy(), low_of(found).to_numpy()
    assert drawn.within and drawn.usable == 14 and drawn.too_small == 0
    assert drawn.schools.shape == (500, 18)
    assert (la[drawn.schools] == drawn.authorities[:, None]).all()
    assert 101 not in drawn.authorities
    real = low_of(found).loc[members].sum()
    assert (low[drawn.schools].sum(axis=1) == real).all()
    assert all(len(set(row)) == 18 for row in drawn.schools)


def test_authorities_with_too_few_schools_are_counted_and_not_drawn() -> None:
    found = made_up_gaps([40] * 12 + [10] * 5)
    drawn = draw(found, list(found.table.index[:18]))
    assert (drawn.usable, drawn.too_small) == (11, 5)
    assert drawn.authorities.max() < 113


def test_with_too_few_authorities_made_up_programmes_are_spread_and_that_is_said() -> None:
    found = made_up_gaps([40] * 5)
    drawn = draw(found, list(found.table.index[:18]))
    assert not drawn.within and set(drawn.authorities) == {0}


def test_a_programme_spread_over_authorities_gets_spread_yardsticks() -> None:
    found = made_up_gaps([40] * 15)
    assert not draw(found, list(found.table.index[::35])).within


@pytest.mark.parametrize("near", [1, 2])
def test_a_programme_no_other_authority_could_hold_is_no_surer_for_that(near: int) -> None:
    """Drawn from anywhere, schools share no authority's year: without one, chance seems small.

    A programme that did nothing, of 40 schools in one authority or in two, where no other has as
    many: at 5 in 100, about 5 in 100 must seem as far out.
    """
    far = {True: [], False: []}
    for seed in range(200):
        found = made_up_gaps([60, 60] + [25] * 40, seed=seed, city_sd=2.0)
        members = list(found.table.index[:40] if near == 1 else found.table.index[40:80])
        drawn = draw(found, members, draws=400, seed=seed)
        assert not drawn.within
        rows = np.flatnonzero(found.table.index.isin(members))
        estimate = float(placebo.weighted_mean(found, rows)[0])
        for known in far:
            told = found if known else replace(found, city_variance=0.0)
            chance = placebo.placebo_estimates({"rwm_expected": told}, drawn, members)
            p = effects.placebo_p(estimate, chance["rwm_expected"].to_numpy())
            far[known].append(p <= 0.05)
    assert 0.01 <= np.mean(far[True]) <= 0.10
    assert np.mean(far[False]) > 0.12  # as it was


def test_draws_within_one_authority_have_its_year_already_and_are_given_none() -> None:
    found = made_up_gaps([40] * 15, city_sd=2.0)
    members = list(found.table.index[:18])
    assert placebo.draw_years(found, draw(found, members), members) == 0.0


def test_closeness_is_one_in_one_authority_and_one_in_so_many_where_each_is_in_another() -> None:
    found = made_up_gaps([4, 4, 4])
    found.table["weight"] = 1.0
    found.table.loc[found.table.index[1], "gap"] = np.nan
    rows = np.array([[0, 2, 3, 3], [0, 4, 8, 1], [0, 2, 4, 5]])
    assert placebo.measure_closeness(found, rows) == pytest.approx([1, 1 / 3, 1 / 2])


def test_members_of_any_programme_are_never_drawn() -> None:
    found = made_up_gaps([40] * 15)
    barred = list(found.table.index[60:80])
    drawn = placebo.draw_placebo(
        found, low_of(found), list(found.table.index[:18]), barred=barred, draws=300,
        rng=np.random.default_rng(1),
    )  # fmt: skip
    assert not set(found.table.index[np.unique(drawn.schools)]) & {*barred, *found.table.index[:18]}


def test_an_england_without_enough_schools_is_refused_with_the_counts() -> None:
    found = made_up_gaps([20])
    with pytest.raises(DesignError, match="Made-up programmes need"):
        draw(found, list(found.table.index[:18]))


def test_the_mean_is_weighted_and_a_school_without_a_gap_counts_for_nothing() -> None:
    found = made_up_gaps([5])
    table = found.table
    table.loc[100_003, ["gap", "weight", "variance"]] = np.nan
    mean, variance = placebo.weighted_mean(found, np.arange(5))
    known = table.dropna()
    assert mean == pytest.approx(np.average(known["gap"], weights=known["weight"]))
    assert variance == pytest.approx(
        (known["weight"] ** 2 * known["variance"]).sum() / known["weight"].sum() ** 2
    )


def test_the_same_stream_of_chance_gives_the_same_programmes() -> None:
    found = made_up_gaps([40] * 15)
    members = list(found.table.index[:18])
    one, two, other = draw(found, members), draw(found, members), draw(found, members, seed=2)
    np.testing.assert_array_equal(one.schools, two.schools)
    assert (one.schools != other.schools).any()


def test_programmes_that_did_nothing_are_called_five_times_in_a_hundred() -> None:
    called = []
    for seed in range(120):
        found = made_up_gaps([30] * 40, seed=seed, city_sd=2.0)
        members = list(found.table.index[:18])
        made_up = placebo.placebo_estimates({"rwm_expected": found}, draw(found, members), members)
        real = placebo.weighted_mean(found, np.arange(18))[0]
        called.append((made_up["rwm_expected"].abs() >= abs(real)).mean() < 0.05)
    assert 0.005 < np.mean(called) < 0.11  # 5 in 100, give or take what 120 tries allow


def test_cities_too_small_for_such_a_programme_are_counted() -> None:
    found = made_up_gaps([40] * 14 + [9, 12, 15])
    counted = placebo.count_cities(draw(found, list(found.table.index[:18]))).iloc[0]
    assert (counted["authorities"], counted["too_small"]) == (13, 3)
    assert (counted["programmes"], counted["schools_each"]) == (500, 18)
    assert counted["in_one_authority"]


# A whole authority, and two programmes of one city ------------------------------------------------


def test_a_whole_authority_is_drawn_without_a_split_by_attainment() -> None:
    """It was not picked within the authority; others are left out for their size alone, counted."""
    found = made_up_gaps([30] * 15 + [29, 12])
    all_low_at_home = pd.Series(found.table["la"].eq(101), index=found.table.index)
    home = list(found.table.index[:30])

    def drawn(members: list[int], barred: tuple[int, ...] = ()) -> placebo.PlaceboDraws:
        return placebo.draw_placebo(
            found, all_low_at_home, members, barred=barred, draws=300, rng=np.random.default_rng(1)
        )

    for members, barred in ((home, ()), (home[:27], ()), (home[:20], tuple(home[20:]))):
        assert placebo.is_whole_authority(found, members, barred)
        draws = drawn(members, barred)
        assert draws.within and draws.schools.shape == (300, len(members))
    counted = placebo.count_cities(drawn(home)).iloc[0]
    assert (counted["authorities"], counted["too_small"]) == (14, 2)
    assert not placebo.is_whole_authority(found, home[:20])
    with pytest.raises(DesignError, match="need 20 low-attaining"):  # picked within the authority
        drawn(home[:20])


def test_two_programmes_draws_share_the_authority_where_both_can_hold_them() -> None:
    found = made_up_gaps([60] * 25 + [20] * 10)
    home = list(found.table.index[:40])
    small, large = home[:10], home[10:34]
    one, two = (
        placebo.draw_placebo(
            found, low_of(found), members, barred=home, draws=4000, rng=np.random.default_rng(seed)
        )
        for seed, members in ((1, small), (2, large))
    )
    assert (one.usable, two.usable) == (34, 24)
    both = np.isin(one.authorities, two.authorities)
    assert (one.authorities[both] == two.authorities[both]).all()
    assert both.mean() == pytest.approx(24 / 34, abs=0.03)
    for draws in (one, two):  # and every authority that can hold one is as likely as any other
        share = pd.Series(draws.authorities).value_counts(normalize=True) * draws.usable
        assert share.between(0.6, 1.4).all() and len(share) == draws.usable


def test_of_two_programmes_in_one_city_that_did_nothing_one_is_rarely_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At most 6 times in 100, though they share a city's year; by each one's own p, more often."""
    monkeypatch.setattr(effects, "RESAMPLED", 10)  # the range of a p is not asked for here
    plain = made_up_gaps([40] * 40)
    home = list(plain.table.index[:30])
    programmes = {"one": home[:12], "two": home[12:24]}
    drawn = {
        slug: placebo.draw_placebo(plain, low_of(plain), members, barred=home, draws=400,
                                   rng=np.random.default_rng(ord(slug[0])))
        for slug, members in programmes.items()
    }  # fmt: skip
    together, alone = [], []
    for seed in range(800):
        found = {"rwm_expected": made_up_gaps([40] * 40, seed=1000 + seed, city_sd=3.0)}
        family = []
        for slug, members in programmes.items():
            chance = placebo.placebo_estimates(found, drawn[slug], members)
            family += effects.set_beside(slug, found, chance, members)
        judged = effects.judge_together(family)
        together.append(min(one.adjusted for one in judged) <= 0.05)
        alone.append(min(one.p for one in judged) <= 0.05)
    assert 0.02 < np.mean(together) <= 0.06
    assert np.mean(alone) > np.mean(together) + 0.015


# Draws of unequal size ----------------------------------------------------------------------------


def test_draws_that_vary_by_size_give_back_what_they_vary_by() -> None:
    rng = np.random.default_rng(1)
    city, variance = np.repeat(np.arange(1, 401), 2500), rng.uniform(0.5, 8, 1_000_000)
    for fixed, slope in ((3.0, 2.0), (5.0, 0.0), (0.0, 1.5)):
        mean = rng.normal(0, np.sqrt(fixed + slope * variance))
        found = placebo.fit_chance_scale(mean, variance, city)
        assert found.fixed == pytest.approx(fixed, abs=0.15)
        assert found.slope == pytest.approx(slope, abs=0.05)
        np.testing.assert_allclose(
            found.of_draws, np.sqrt(fixed + slope * variance), rtol=0.06, atol=0.1
        )
        assert found.at(4.0) == pytest.approx(np.sqrt(fixed + slope * 4), rel=0.02)


@settings(deadline=None, derandomize=True, max_examples=40)
@given(st.integers(0, 10_000))
def test_each_draw_is_scaled_by_other_cities_draws_and_no_part_is_below_zero(seed: int) -> None:
    rng = np.random.default_rng(seed)
    city = rng.integers(1, 13, 200)
    variance = rng.uniform(0.5, 8, 200)
    mean = rng.normal(0, np.sqrt(np.abs(rng.normal(0, 3) + rng.normal(0, 2) * variance)))
    found = placebo.fit_chance_scale(mean, variance, city)

    def by_hand(kept: np.ndarray) -> np.ndarray:
        parts, _ = nnls(np.column_stack([np.ones(kept.sum()), variance[kept]]), mean[kept] ** 2)
        return parts

    np.testing.assert_allclose(by_hand(city > 0), (found.fixed, found.slope), atol=1e-7)
    for one in (1, 7):
        here = city == one
        fixed, slope = by_hand(~here)
        np.testing.assert_allclose(
            found.of_draws[here], np.sqrt(fixed + slope * variance[here]), atol=1e-7
        )


def test_of_draws_of_one_size_none_is_scaled_but_by_what_its_own_city_adds() -> None:
    found = made_up_gaps([30] * 60, city_sd=1.5)
    table = found.table.assign(variance=30.0, weight=1 / 32.25)
    found = replace(found, table=table)
    members = list(table.index[:18])
    draws = draw(found, members, 6000)
    plain, scaled = (
        placebo.placebo_estimates({"rwm_expected": found}, draws, members, scaled=scaled)
        for scaled in (False, True)
    )
    factor = scaled["rwm_expected"] / plain["rwm_expected"]
    assert factor.between(0.95, 1.15).all() and factor.mean() == pytest.approx(1, abs=0.01)
    assert (factor.groupby(plain["la"]).std() < 1e-9).all()


def test_the_yardstick_is_on_the_scale_of_the_programme_it_is_held_beside() -> None:
    found = made_up_gaps([30] * 40)
    members = list(found.table.index[:18])
    draws = draw(found, members)
    mean, variance = placebo.weighted_mean(found, draws.schools)
    chance = placebo.fit_chance_scale(mean, variance, draws.authorities)
    _, own = placebo.weighted_mean(found, np.arange(18))
    scaled = placebo.placebo_estimates({"rwm_expected": found}, draws, members)["rwm_expected"]
    by_hand = mean / chance.of_draws * np.sqrt(chance.fixed + chance.slope * own)
    np.testing.assert_allclose(scaled, by_hand)


def test_small_and_large_cities_are_called_alike_only_when_draws_are_scaled() -> None:
    """Whole authorities of unequal size that did nothing, each judged by all others."""
    rng, cities = np.random.default_rng(20), 150
    schools = np.round(np.exp(rng.normal(np.log(60), 0.75, cities))).clip(8, 500)
    variance, city = 127 / schools, np.arange(cities)
    third = np.argsort(np.argsort(schools)) * 3 // cities
    called = {"scaled": np.zeros(cities), "plain": np.zeros(cities)}
    times = 200
    for _ in range(times):
        mean = rng.normal(0, np.sqrt(1.5 + variance))
        of_draws = placebo.fit_chance_scale(mean, variance, city).of_draws
        for how, far in (("scaled", np.abs(mean) / of_draws), ("plain", np.abs(mean))):
            rank = far.argsort()[::-1].argsort() + 1  # itself counted in, as a p is
            called[how] += rank / cities <= 0.05
    rate = {how: [n[third == t].mean() / times for t in range(3)] for how, n in called.items()}
    assert all(0.04 <= share <= 0.06 for share in rate["scaled"]), rate
    assert rate["plain"][0] > 0.075 and rate["plain"][2] < 0.03, rate


def test_low_attaining_is_below_the_middle_school_over_all_baseline_years() -> None:
    baseline = pd.DataFrame(
        {2016: [70.0, 40.0, 60.0, 50.0, 10.0], 2017: [60.0, 44.0, 30.0, 58.0, 90.0]}
    )
    # means: 65, 42, 45, 54, 50; the middle one is not below itself
    assert placebo.low_attaining(baseline).tolist() == [False, True, True, False, False]

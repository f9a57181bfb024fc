"""Placebo cities: made-up programmes picked as the real one was, each in one other authority."""

import numpy as np
import pandas as pd
import pytest

from pepstats.errors import DesignError
from pepstats.impact import gaps, placebo


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

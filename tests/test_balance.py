"""Balance: one definition of the standardised difference, and a table that agrees with it."""

import numpy as np
import pandas as pd
import pytest

from pepstats.balance import measure_balance, measure_overlap
from pepstats.matching import Match, Pool
from pepstats.programme import MatchRule


def world() -> tuple[Pool, Match, list[int]]:
    index = pd.Index(range(1, 9), name="school")
    table = pd.DataFrame(
        {"la": [1, 1, 1, 2, 2, 2, 2, 2], "cohort 2017": [10.0, 20, 30, 12, 18, 33, 50, 60]},
        index=index,
    )
    scales = pd.DataFrame(
        {"spread": [1.0], "weight": [1.0]}, index=pd.Index(["cohort 2017"], name="variable")
    )
    places = np.full((8, 2), -1)
    distances = np.full((8, 2), np.nan)
    places[:3] = [[3, 4], [4, 3], [5, -1]]
    distances[:3] = [[0.1, 0.4], [0.1, 0.5], [0.1, np.nan]]
    match = Match(
        MatchRule(near=("cohort",), k=2), index, places, distances, pd.DataFrame({"reason": []})
    )
    return Pool(table, pd.DataFrame(), pd.DataFrame(), scales), match, [1, 2, 3]


def test_the_standardised_difference_is_the_one_that_is_printed_with_it() -> None:
    pool, match, members = world()
    row = measure_balance(pool, match, members).loc["cohort 2017"]
    # each member's comparison schools count for one school in all: 15, 15 and 33
    assert row["mean_members"] == 20 and row["sd_members"] == 10
    assert row["mean_comparison"] == pytest.approx((15 + 15 + 33) / 3)
    assert row["smd_after"] == pytest.approx((20 - 21) / 10)
    assert row["mean_pool"] == pytest.approx(np.mean([12, 18, 33, 50, 60]))
    assert row["smd_before"] == pytest.approx((20 - row["mean_pool"]) / 10)
    assert (row["n_members"], row["n_comparison"]) == (3, 3)


def test_cumulative_shares_are_compared_at_every_value() -> None:
    pool, match, members = world()
    row = measure_balance(pool, match, members).loc["cohort 2017"]
    assert row["ecdf_before"] == pytest.approx(1 - 2 / 5)
    assert row["ecdf_after"] == pytest.approx(1 / 3)


def test_a_school_without_a_value_is_left_out_of_that_variable_only_and_counted() -> None:
    pool, match, members = world()
    extra = pd.DataFrame({"eal 2017": [1.0, np.nan, 3, 4, 5, 6, 7, 8]}, index=pool.schools.index)
    table = measure_balance(pool, match, members, extra)
    assert table.loc["eal 2017", "n_members"] == 2
    assert not table.loc["eal 2017", "matched_on"]


def test_overlap_says_how_far_each_members_comparison_schools_are() -> None:
    pool, match, members = world()
    table = measure_overlap(pool, match, members)
    assert table["furthest"].tolist() == [0.4, 0.5, 0.1]
    assert table["n_comparison"].tolist() == [2, 2, 1]

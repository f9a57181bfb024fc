"""Balance: one definition of the standardised difference, and a table that agrees with it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pepstats.matching.balance import (
    BALANCE_DEFINITION,
    SATISFIED,
    TOO_FAR,
    list_differences,
    measure_balance,
    measure_overlap,
    prove_calipers,
)
from pepstats.matching.nearest import Match
from pepstats.matching.pool import Pool
from pepstats.plots.pictures import love_plot
from pepstats.settings.programme import MatchRule
from tests.worlds import ROOT


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


def test_after_is_of_the_members_that_are_compared_and_of_the_schools_that_count() -> None:
    # Printed once: 18 members' mean beside the comparison schools of 15.
    pool, match, members = world()
    whole = measure_balance(pool, match, members).loc["cohort 2017"]
    first = members[:1]
    row = measure_balance(pool, match, members, compared=first).loc["cohort 2017"]
    assert (row["n_members"], row["n_compared"]) == (len(members), 1)
    assert row["mean_compared"] == pool.schools.loc[first[0], "cohort 2017"]
    assert row["smd_before"] == whole["smd_before"]
    pairs = match.pairs(first)["comparison"]
    served = pool.schools.loc[pairs, "cohort 2017"]
    assert row["mean_comparison"] == pytest.approx(served.mean())
    one = pd.Index(pairs[:1])
    row = measure_balance(pool, match, members, compared=first, counted=one).loc["cohort 2017"]
    assert row["mean_comparison"] == served.iloc[0]
    assert row["n_comparison"] == 1


def test_overlap_says_how_far_each_members_comparison_schools_are() -> None:
    pool, match, members = world()
    table = measure_overlap(pool, match, members)
    assert table["furthest"].tolist() == [0.4, 0.5, 0.1]
    assert table["n_comparison"].tolist() == [2, 2, 1]


def test_overlap_says_how_many_schools_that_are_no_members_are_easier_to_match() -> None:
    pool, match, members = world()
    match.places[3:6, 0], match.distances[3:6, 0] = 0, [0.05, 0.45, 0.9]  # two have none
    table = measure_overlap(pool, match, members)
    assert table["nearest"].tolist() == [0.1, 0.1, 0.1]
    np.testing.assert_allclose(table["harder_than"], [1 / 3, 2 / 3, 1 / 3])
    match.places[0], match.distances[0] = -1, np.nan
    alone = measure_overlap(pool, match, members).loc[1]
    assert alone[["nearest", "furthest", "harder_than"]].isna().all() and alone["n_comparison"] == 0


def test_variances_are_compared_as_unbiased_ones_each_school_as_often_as_it_serves() -> None:
    pool, match, members = world()
    row = measure_balance(pool, match, members).loc["cohort 2017"]
    assert row["variance_ratio_before"] == pytest.approx(100 / np.var([12, 18, 33, 50, 60], ddof=1))
    # 12 and 18 serve two members each by half, 33 serves one alone: each counts once in all
    assert row["variance_ratio_after"] == pytest.approx(100 / np.var([12, 18, 33], ddof=1))
    match.places[1] = [4, -1]
    row = measure_balance(pool, match, members).loc["cohort 2017"]
    times, values = np.array([0.5, 1.5, 1.0]), np.array([12.0, 18.0, 33.0])
    mean = (times * values).sum() / 3
    spread = (times * (values - mean) ** 2).sum() / (3 - (times**2).sum() / 3)
    assert row["mean_comparison"] == pytest.approx(mean)
    assert row["variance_ratio_after"] == pytest.approx(100 / spread)


def test_of_one_school_or_none_there_is_no_spread_and_no_difference_in_its_units() -> None:
    pool, match, members = world()
    one = measure_balance(pool, match, [1]).loc["cohort 2017"]
    assert one["mean_members"] == 10 and one["mean_comparison"] == 15
    assert one[["sd_members", "smd_before", "smd_after", "variance_ratio_before"]].isna().all()
    two = measure_balance(pool, match, [1, 2]).loc["cohort 2017"]
    assert two["sd_members"] == pytest.approx(np.sqrt(50)) and two["smd_after"] == 0
    assert two["variance_ratio_after"] == pytest.approx(50 / 18)
    none = measure_balance(pool, match, members, compared=[]).loc["cohort 2017"]
    assert none["n_compared"] == none["n_comparison"] == 0
    assert none[["mean_compared", "mean_comparison", "smd_after", "ecdf_after"]].isna().all()
    pool.schools.loc[members, "cohort 2017"] = 20.0
    alike = measure_balance(pool, match, members).loc["cohort 2017"]
    assert alike["sd_members"] == 0 and np.isnan(alike["smd_before"])


def test_the_first_school_of_the_pool_counts_as_any_other() -> None:
    pool, match, _ = world()
    match.places[3] = [0, 1]
    row = measure_balance(pool, match, [4]).loc["cohort 2017"]
    assert row["mean_members"] == 12 and row["mean_comparison"] == 15 and row["n_comparison"] == 2


def test_a_school_without_comparison_schools_that_count_adds_to_nobodys_weight() -> None:
    pool, match, members = world()
    some = measure_balance(pool, match, members, counted=pd.Index([4])).loc["cohort 2017"]
    assert some["mean_comparison"] == 12.0 and some["n_comparison"] == 1


def test_calipers_are_proved_on_every_pair_in_their_own_unit() -> None:
    pool, match, members = world()
    proof = prove_calipers(pool, match, members)
    assert proof.loc["distance", "furthest"] == 0.5
    assert proof.loc["cohort 2017", "furthest"] == 8.0  # 10 pupils against 18
    assert proof["pairs"].tolist() == [5, 5] and proof["caliper"].isna().all()
    pairs = list_differences(pool, match.pairs(members))
    assert pairs["cohort 2017"].tolist() == [-2.0, -8.0, 2.0, 8.0, -3.0]


def test_a_match_that_broke_its_caliper_is_found_out() -> None:
    pool, match, members = world()
    rule = match.rule.model_copy(update={"calipers": {"cohort": 3.0}, "caliper": 0.45})
    proof = prove_calipers(pool, replace(match, rule=rule), members)
    assert proof["beyond"].tolist() == [1, 2]


def test_the_picture_of_balance_has_the_table_s_own_figures() -> None:
    pool, match, members = world()
    table = measure_balance(pool, match, members)
    picture = love_plot(table, "A programme")
    [ax] = picture.figure.axes
    marks = {line.get_marker(): line for line in ax.lines if len(line.get_xdata()) == 1}
    assert marks["s"].get_xdata()[0] == table["smd_before"].iloc[0]
    assert marks["o"].get_xdata()[0] == table["smd_after"].iloc[0]
    edges = {round(abs(float(line.get_xdata()[0])), 2) for line in ax.lines if "-" not in
             str(line.get_marker()) and line.get_linestyle() in (":", "--")}  # fmt: skip
    assert edges == {SATISFIED, TOO_FAR}


def test_the_definition_is_printed_with_the_difference_in_notebook_and_paper() -> None:
    notebook = (ROOT / "notebooks" / "03-match-schools.ipynb").read_text("utf-8")
    tables = (ROOT / "pepstats" / "report" / "programme_tables.py").read_text("utf-8")
    assert BALANCE_DEFINITION in notebook
    assert "{BALANCE_DEFINITION}" in tables

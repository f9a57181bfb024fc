"""Gaps: every school's change beyond its comparison schools', or why it has none."""

import numpy as np
import pandas as pd
import pytest

from pepstats.errors import DesignError
from pepstats.impact import gaps
from pepstats.impact.evaluate import tabulate_slopes
from pepstats.matching import nearest
from pepstats.matching.pool import MatchBasis, before_start, find_pool
from pepstats.schools.panel import Panel
from pepstats.settings.programme import MatchRule, PoolRule
from tests.worlds import YEAR, Small, small_england

RULE = MatchRule(near=("rwm_expected", "cohort"), k=5)


def find(
    small: Small, panel: Panel | None = None, outcome: str = "rwm_expected", **other: bool
) -> gaps.Gaps:
    panel = panel or small.panel
    pool = find_pool(
        before_start(panel, YEAR), small.register,
        MatchBasis(RULE, "primary", ("rwm_expected",), (2016, 2017)),
    )  # fmt: skip
    match = nearest.match_schools(pool, RULE, PoolRule(), barred=small.barred)
    asked = gaps.Asked(outcome, (2016, 2017), YEAR, tuple(small.barred))
    return gaps.find_gaps(panel, pool, match, asked, **other)


def test_every_school_of_the_pool_has_a_gap_or_a_reason_never_both_never_neither() -> None:
    for outcome in ("rwm_expected", "reading_progress"):
        table = find(small_england(), outcome=outcome).table
        assert (table["gap"].isna() == table["reason"].notna()).all()
        assert (table["weight"].isna() == table["gap"].isna()).all()
        assert table["gap"].notna().mean() > 0.9


def test_a_raw_gap_is_a_schools_result_minus_the_mean_of_its_comparison_schools() -> None:
    small = small_england()
    pool = find_pool(
        before_start(small.panel, YEAR), small.register,
        MatchBasis(RULE, "primary", ("rwm_expected",), (2016, 2017)),
    )  # fmt: skip
    match = nearest.match_schools(pool, RULE, PoolRule(), barred=small.barred)
    table = find(small).table
    school = small.members["closing-the-gap"][0]
    others = match.pairs([school])["comparison"]
    results = small.panel.wide("rwm_expected")[YEAR]
    assert table.loc[school, "raw_gap"] == pytest.approx(results[school] - results[others].mean())
    assert table.loc[school, "n_comparison"] == results[others].notna().sum()


def test_a_shift_of_all_england_moves_no_gap() -> None:
    small = small_england()
    values = small.panel.values.copy()
    values.loc[values.index.get_level_values("year") == YEAR, "rwm_expected"] += 5
    moved = find(small, Panel(values, small.panel.reasons, small.panel.releases))
    np.testing.assert_allclose(moved.table["gap"], find(small).table["gap"], atol=1e-9)


def test_what_is_added_to_a_member_is_found_in_its_gap_alone() -> None:
    small = small_england()
    school = small.members["closing-the-gap"][0]
    values = small.panel.values.copy()
    values.loc[(school, YEAR), "rwm_expected"] += 7
    moved = find(small, Panel(values, small.panel.reasons, small.panel.releases)).table["gap"]
    difference = (moved - find(small).table["gap"]).dropna()
    assert difference[school] == pytest.approx(7)
    assert difference.drop(school).abs().max() < 1e-9


def test_members_have_no_say_in_what_is_taken_out() -> None:
    small = small_england()
    values = small.panel.values.copy()
    rows = values.index.get_level_values("school").isin(small.barred)
    values.loc[rows & (values.index.get_level_values("year") == YEAR), "rwm_expected"] = 99.0
    moved = find(small, Panel(values, small.panel.reasons, small.panel.releases))
    pd.testing.assert_series_equal(moved.slopes, find(small).slopes)
    assert moved.city_variance == find(small).city_variance


def test_no_city_has_a_say_in_what_is_taken_out_of_itself() -> None:
    rng = np.random.default_rng(1)
    authority = np.repeat(np.arange(101, 121), 30)
    unlike = pd.DataFrame({"a": rng.normal(size=600), "b": rng.normal(size=600)})
    raw = 2 * unlike["a"].to_numpy() + rng.normal(size=600)
    outside = rng.random(600) > 0.1
    gap, _ = gaps.correct_bias(raw, unlike, outside, authority)
    here = authority == 107
    elsewhere = outside & ~here
    design = np.column_stack([np.ones(600), unlike])
    slope = np.linalg.lstsq(design[elsewhere], raw[elsewhere], rcond=None)[0]
    np.testing.assert_allclose(gap[here], raw[here] - design[here] @ slope, atol=1e-9)


def test_larger_cohorts_weigh_more() -> None:
    small = small_england()
    table = find(small).table.dropna(subset="weight")
    cohort = small.panel.wide("cohort")[YEAR].reindex(table.index)
    order = cohort.sort_values(kind="stable").index
    assert table.loc[order, "weight"].is_monotonic_increasing


def test_comparison_schools_without_a_result_are_counted_not_filled() -> None:
    small = small_england()
    school = small.members["closing-the-gap"][0]
    pool = find(small).table
    values, reasons = small.panel.values.copy(), small.panel.reasons.copy()
    match_of = nearest.match_schools(
        find_pool(before_start(small.panel, YEAR), small.register,
        MatchBasis(RULE, "primary", ("rwm_expected",), (2016, 2017))),
        RULE, PoolRule(), barred=small.barred,
    ).pairs([school])["comparison"]  # fmt: skip
    gone = [(c, YEAR) for c in match_of[:3]]
    values.loc[gone, "rwm_expected"], reasons.loc[gone, "rwm_expected"] = (
        np.nan,
        "suppressed: few pupils",
    )
    table = find(small, Panel(values, reasons, small.panel.releases)).table
    assert table.loc[school, "n_comparison"] == pool.loc[school, "n_comparison"] - 3
    assert table.loc[school, "reason"] == "fewer than 3 comparison schools with a result"
    assert table.loc[match_of.iloc[0], "reason"] == "no result in 2018: suppressed: few pupils"


def test_an_outcome_or_a_year_that_is_not_there_is_named() -> None:
    small = small_england()
    pool = find_pool(before_start(small.panel, YEAR), small.register,
        MatchBasis(RULE, "primary", ("rwm_expected",), (2016, 2017)))  # fmt: skip
    match = nearest.match_schools(pool, RULE, PoolRule())
    with pytest.raises(DesignError, match="no source of this study has `gps_score`"):
        gaps.find_gaps(small.panel, pool, match, gaps.Asked("gps_score", (2016,), 2017))
    with pytest.raises(DesignError, match="no school of the pool has a result in 2025"):
        gaps.find_gaps(small.panel, pool, match, gaps.Asked("rwm_expected", (2016, 2017), 2025))


def test_a_gap_is_redone_by_hand_from_the_line_and_the_comparison_schools_part() -> None:
    rng = np.random.default_rng(3)
    known = pd.DataFrame({"a": rng.normal(size=400)})
    authority, outside = np.repeat(np.arange(20), 20), np.ones(400, dtype=bool)
    other = rng.integers(0, 400, (400, 5))
    result = 3 * known["a"].to_numpy() + rng.normal(size=400)
    means = (result[other].mean(axis=1), known.to_numpy()[other].mean(axis=1))
    gap, _ = gaps.correct_bias(result, known, outside, authority, compared=means)
    rest, here = authority != 7, authority == 7
    slope = np.polyfit(known["a"][rest], result[rest], 1)
    own, theirs = (
        result - np.polyval(slope, known["a"]),
        means[0] - np.polyval(slope, means[1][:, 0]),
    )
    part = np.clip((own[rest] @ theirs[rest]) / (theirs[rest] @ theirs[rest]), 0, 1)
    np.testing.assert_allclose(gap[here], own[here] - part * theirs[here], atol=1e-9)


def test_comparison_schools_have_as_much_say_as_they_have_told() -> None:
    rng = np.random.default_rng(4)
    known = pd.DataFrame({"a": rng.normal(size=3000)})
    authority, outside = np.repeat(np.arange(100), 30), np.ones(3000, dtype=bool)
    bent = rng.normal(size=3000)  # what the line cannot know, shared with the comparison schools
    zero = np.zeros((3000, 1))

    def part(shared: float) -> float:
        theirs = shared * bent + rng.normal(size=3000)
        own = bent + rng.normal(size=3000)
        slopes = gaps.correct_bias(own, known, outside, authority, compared=(theirs, zero))[1]
        return float(slopes[gaps.COMPARISON_PART])

    assert part(0.0) < 0.06
    assert part(1.0) == pytest.approx(0.5, abs=0.06)  # half of it is their own luck


def test_a_school_without_all_its_earlier_results_has_no_say_in_what_is_expected_of_others() -> (
    None
):
    small = small_england()
    values, reasons = small.panel.values.copy(), small.panel.reasons.copy()
    members = {s for listed in small.members.values() for s in listed}
    school = next(s for s in find(small).table.index if s not in members)
    values.loc[(school, 2016), "rwm_expected"] = np.nan
    reasons.loc[(school, 2016), "rwm_expected"] = "suppressed: few pupils"
    there = find(small, Panel(values, reasons, small.panel.releases)).table
    values.loc[(school, 2018), "rwm_expected"] = 1.0  # whatever it did later
    absurd = find(small, Panel(values, reasons, small.panel.releases)).table
    pd.testing.assert_series_equal(there["gap"].drop(school, errors="ignore"),
                                   absurd["gap"].drop(school, errors="ignore"))  # fmt: skip
    assert np.isnan(absurd["gap"].reindex([school]).iloc[0])


def test_large_low_schools_are_not_expected_to_rise_as_small_ones_do() -> None:
    rng = np.random.default_rng(6)
    schools = pd.Index(100_001 + np.arange(4000), name="school")
    level = rng.normal(60, 12, 4000)
    cohort = np.where(np.arange(4000) % 2, 12.0, 90.0)
    chance = 45 / np.sqrt(cohort)
    years = {
        year: pd.DataFrame({"rwm_expected": rng.normal(level, chance), "cohort": cohort}, schools)
        for year in (2016, 2017, 2018)
    }
    values = pd.concat(years, names=["year"]).swaplevel().sort_index()
    reasons = pd.DataFrame(np.nan, values.index, values.columns).astype("str")
    releases = pd.DataFrame("final", index=pd.Index(years, name="year"), columns=values.columns)
    register = pd.DataFrame(
        {"la": 801 + np.arange(4000) // 40, "phase": "primary", "school_type": "primary"}, schools
    )
    found = find(Small(Panel(values, reasons, releases), register, {}, {}))
    earlier = (years[2016]["rwm_expected"] + years[2017]["rwm_expected"]) / 2
    low = earlier < earlier.quantile(0.25)
    for size in (12, 90):
        gap = found.table["gap"][low & (cohort == size)].dropna()
        assert abs(gap.mean()) < 3 * gap.std() / np.sqrt(len(gap)), size


def test_the_slopes_of_every_outcome_are_laid_out_and_none_where_nothing_was_fitted() -> None:
    small = small_england()
    found = {
        "rwm_expected": find(small),
        "maths_progress": find(small, outcome="maths_progress", adjusted=False),
    }
    table = tabulate_slopes(found)
    assert list(table.columns) == ["outcome", "variable", "slope"]
    assert set(table["outcome"]) == {"rwm_expected"}
    assert table["variable"].iloc[-1] == gaps.COMPARISON_PART
    assert 0 <= table["slope"].iloc[-1] <= 1


def test_the_two_lines_are_simple_means_over_the_schools_that_have_a_gap() -> None:
    lines = pd.DataFrame(
        [(1, 2017, 40.0, 50.0), (1, 2018, 60.0, 52.0), (2, 2017, 50.0, 60.0),
         (2, 2018, 55.0, 58.0), (3, 2017, 0.0, 0.0), (3, 2018, 0.0, 0.0)],
        columns=["school", "year", "own", "comparison"],
    ).assign(outcome="rwm_expected")  # fmt: skip
    moved = pd.DataFrame(
        {"school": [1, 2, 3], "outcome": "rwm_expected", "gap": [8.0, -3.0, np.nan],
         "weight": [1.0, 9.0, np.nan]}
    )  # fmt: skip
    found = gaps.average_lines(lines, moved).set_index("year")
    assert found["members"].tolist() == [45.0, 57.5]
    assert found["comparison"].tolist() == [55.0, 55.0]
    assert found["n_schools"].tolist() == [2, 2]


def test_a_year_without_results_stays_in_the_lines_without_means() -> None:
    lines = pd.DataFrame(
        {"school": [1, 1], "outcome": "rwm_expected", "year": [2017, 2018],
         "own": [40.0, np.nan], "comparison": [41.0, 42.0]}
    )  # fmt: skip
    moved = pd.DataFrame({"school": [1], "outcome": ["rwm_expected"], "gap": [1.0]})
    last = gaps.average_lines(lines, moved).set_index("year").loc[2018]
    assert np.isnan(last["members"]) and np.isnan(last["comparison"]) and last["n_schools"] == 0

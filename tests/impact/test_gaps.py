"""Gaps: every school's change beyond its comparison schools', or why it has none."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from pepstats.errors import DesignError
from pepstats.impact import gaps
from pepstats.impact.tables import tabulate_slopes
from pepstats.matching import nearest
from pepstats.matching.nearest import Match
from pepstats.matching.pool import MatchBasis, Pool, before_start, find_pool
from pepstats.schools.panel import Panel
from pepstats.settings.programme import MatchRule, PoolRule
from tests.worlds import YEAR, Small, small_england

RULE = MatchRule(near=("rwm_expected", "cohort"), k=5)
START = "prior_attainment"
GROUP, OF_GROUP = "rwm_expected.disadvantaged", "cohort.disadvantaged"


def match(
    small: Small, panel: Panel | None = None, rule: MatchRule = RULE, outcome: str = "rwm_expected"
) -> tuple[Pool, Match]:
    pool = find_pool(
        before_start(panel or small.panel, YEAR), small.register,
        MatchBasis(rule, "primary", (outcome,), (2016, 2017)),
    )  # fmt: skip
    return pool, nearest.match_schools(pool, rule, PoolRule(), barred=small.barred)


def ask(small: Small, outcome: str = "rwm_expected") -> gaps.Asked:
    return gaps.Asked(outcome, (2016, 2017), YEAR, tuple(small.barred))


def find(
    small: Small, panel: Panel | None = None, outcome: str = "rwm_expected", **other: str
) -> gaps.Gaps:
    panel = panel or small.panel
    return gaps.find_gaps(panel, *match(small, panel), ask(small, outcome), **other)


def with_more(small: Small, **columns: pd.Series | float) -> Panel:
    """The same England with more measures; what is missing was suppressed."""
    index = small.panel.values.index
    more = pd.DataFrame({name.replace("__", "."): c for name, c in columns.items()}, index=index)
    why = pd.DataFrame("suppressed: few pupils", index, more.columns).where(more.isna())
    releases = small.panel.releases.assign(**dict.fromkeys(more.columns, "final"))
    return Panel(
        small.panel.values.join(more), small.panel.reasons.join(why.astype("str")), releases
    )


def test_every_school_of_the_pool_has_a_gap_or_a_reason_never_both_never_neither() -> None:
    for outcome in ("rwm_expected", "reading_progress"):
        table = find(small_england(), outcome=outcome).table
        assert (table["gap"].isna() == table["reason"].notna()).all()
        assert (table["weight"].isna() == table["gap"].isna()).all()
        assert table["gap"].notna().mean() > 0.9


def test_a_gap_is_own_less_comparison_less_correction_exactly_as_written() -> None:
    """At six decimals, for every school: a reader's own sum agrees to the last digit."""
    small = small_england()
    for how in ("corrected", "uncorrected", "line"):
        written = find(small, how=how).table.dropna(subset="gap").map("{:.6f}".format)
        parts = written[["own", "comparison", "correction", "gap"]].map(Decimal)
        assert len(parts) > 900
        assert (parts["own"] - parts["comparison"] - parts["correction"] == parts["gap"]).all()


def test_the_comparison_is_the_plain_mean_of_the_comparison_schools_that_have_a_result() -> None:
    small = small_england()
    pairs = match(small)[1].pairs()
    results = small.panel.wide("rwm_expected")[YEAR]
    theirs = results.reindex(pairs["comparison"]).set_axis(pairs["school"])
    by_hand = theirs.groupby(level=0).agg(["mean", "count"])
    for how in ("corrected", "uncorrected"):
        table = find(small, how=how).table
        there = table.index.intersection(by_hand.index)
        np.testing.assert_allclose(
            table["comparison"][there], by_hand.loc[there, "mean"], atol=5.1e-7
        )
        assert (table["n_comparison"][there] == by_hand.loc[there, "count"]).all()
        own = results.reindex(table.index)
        np.testing.assert_allclose(table["own"], own, atol=5.1e-7)
    assert (table["correction"].dropna() == 0).all()  # as they stand, nothing is taken out


def test_the_correction_is_a_line_without_the_own_authority_times_what_is_left_unlike() -> None:
    small = small_england()
    pool, found = match(small)
    table, asked = find(small).table, ask(small)
    known = gaps.baseline_covariates(small.panel, pool.schools, asked)
    outside = table["gap"].notna().to_numpy() & ~table.index.isin(small.barred)
    result = small.panel.wide("rwm_expected")[YEAR].reindex(table.index)
    pairs = found.pairs()
    pairs = pairs[result.reindex(pairs["comparison"]).notna().to_numpy()]
    means = known.loc[pairs["comparison"]].set_axis(pairs["school"]).groupby(level=0).mean()
    home = table.loc[small.members["closing-the-gap"][0], "la"]
    for city in (home, *table["la"].unique()[:4]):
        fitted = outside & (table["la"] != city).to_numpy()
        design = np.column_stack([np.ones(fitted.sum()), known[fitted]])
        slopes = np.linalg.lstsq(design, result[fitted], rcond=None)[0][1:]
        here = table.index[(table["la"] == city) & table["gap"].notna()]
        by_hand = (known.loc[here] - means.loc[here]) @ slopes
        np.testing.assert_allclose(table["correction"][here], by_hand, atol=1e-6)


def test_with_one_thing_known_the_correction_is_its_slope_times_the_difference() -> None:
    rng = np.random.default_rng(3)
    known = pd.DataFrame({"a": rng.normal(size=400)})
    authority, outside = np.repeat(np.arange(20), 20), np.ones(400, dtype=bool)
    result = 3 * known["a"].to_numpy() + rng.normal(size=400)
    line = gaps.fit_line(result, known, outside, authority)
    elsewhere = authority != 7
    slope, constant = np.polyfit(known["a"][elsewhere], result[elsewhere], 1)
    unlike = np.full((400, 1), 2.0)
    here = authority == 7
    np.testing.assert_allclose(line.between(unlike, authority)[here], 2 * slope, atol=1e-9)
    expected = constant + slope * known["a"][here]
    np.testing.assert_allclose(line.at(known, authority)[here], expected, atol=1e-9)


def test_of_the_line_alone_what_it_expects_stands_for_the_comparison() -> None:
    small = small_england()
    pool, _ = match(small)
    table = find(small, how="line").table
    known = gaps.baseline_covariates(small.panel, pool.schools, ask(small))
    outside = table["gap"].notna().to_numpy() & ~table.index.isin(small.barred)
    result = small.panel.wide("rwm_expected")[YEAR].reindex(table.index)
    city = table["la"].iloc[0]
    fitted = outside & (table["la"] != city).to_numpy()
    design = np.column_stack([np.ones(len(known)), known])
    slopes = np.linalg.lstsq(design[fitted], result[fitted], rcond=None)[0]
    here = (table["la"] == city).to_numpy() & table["gap"].notna().to_numpy()
    np.testing.assert_allclose(table["comparison"][here], design[here] @ slopes, atol=1e-6)
    assert (table["correction"].dropna() == 0).all()


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
    known = pd.DataFrame({"a": rng.normal(size=600), "b": rng.normal(size=600)})
    result = 2 * known["a"].to_numpy() + rng.normal(size=600)
    outside = rng.random(600) > 0.1
    line = gaps.fit_line(result, known, outside, authority)
    here = authority == 107
    absurd = gaps.fit_line(np.where(here, -500.0, result), known, outside, authority)
    np.testing.assert_allclose(absurd.at(known, authority)[here], line.at(known, authority)[here])
    assert np.abs(absurd.at(known, authority)[~here] - line.at(known, authority)[~here]).min() > 1
    barred = gaps.fit_line(np.where(outside, result, -500.0), known, outside, authority)
    pd.testing.assert_series_equal(barred.overall, line.overall)


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
    match_of = match(small)[1].pairs([school])["comparison"]
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
    both = match(small)
    with pytest.raises(DesignError, match="no source of this study has `gps_score`"):
        gaps.find_gaps(small.panel, *both, gaps.Asked("gps_score", (2016,), 2017))
    with pytest.raises(DesignError, match="no school of the pool has a result in 2025"):
        gaps.find_gaps(small.panel, *both, gaps.Asked("rwm_expected", (2016, 2017), 2025))


def test_comparison_schools_count_in_full_and_carry_what_no_line_can_know() -> None:
    """A bend that the line cannot follow is shared with those most alike, and so taken out."""
    rng = np.random.default_rng(4)
    schools = pd.Index(100_001 + np.arange(3000), name="school")
    level = rng.normal(60, 12, 3000)
    bent = 8 * np.sin(level / 5)
    years = {
        year: pd.DataFrame(
            {"rwm_expected": level + (bent if year == YEAR else 0) + rng.normal(0, 0.5, 3000),
             "cohort": rng.integers(20, 60, 3000).astype(float)}, schools,
        )
        for year in (2016, 2017, YEAR)
    }  # fmt: skip
    small = england_of(years)
    ours, line = (find(small, how=how).table["gap"].std() for how in ("corrected", "line"))
    assert ours < 0.35 * line


def england_of(years: dict[int, pd.DataFrame]) -> Small:
    """An England of primaries, forty to an authority, with nothing but these results."""
    schools = years[YEAR].index
    values = pd.concat(years, names=["year"]).swaplevel().sort_index()
    reasons = pd.DataFrame(np.nan, values.index, values.columns).astype("str")
    releases = pd.DataFrame("final", index=pd.Index(years, name="year"), columns=values.columns)
    register = pd.DataFrame(
        {"la": 801 + np.arange(len(schools)) // 40, "phase": "primary", "school_type": "primary"},
        schools,
    )
    return Small(Panel(values, reasons, releases), register, {}, {})


def test_fifty_comparison_schools_each_unless_a_file_says_otherwise() -> None:
    small, rule = small_england(), MatchRule(near=("rwm_expected", "cohort"))
    assert rule.k == 50
    pool, found = match(small, rule=rule)
    table = gaps.find_gaps(small.panel, pool, found, ask(small)).table
    assert found.pairs().groupby("school").size().mode().iloc[0] == 50
    assert table["n_comparison"].max() == 50 and table["n_comparison"].median() > 45


def start_of_pupils(small: Small, lacking: float, seed: int = 2) -> pd.Series:
    """The pupils' own start, half of what a school's results are of; some schools lack it."""
    index, rng = small.panel.values.index, np.random.default_rng(seed)
    start = small.panel.values["rwm_expected"].fillna(60) / 20 + rng.normal(0, 0.2, len(index))
    schools = index.unique("school").difference(pd.Index(small.barred))
    gone = schools[rng.random(len(schools)) < lacking]
    return start.where(~index.isin(gone, level="school"))


def test_a_school_that_lacks_what_its_pupils_started_with_is_marked_and_kept() -> None:
    small = small_england()
    start = start_of_pupils(small, 0.2)
    panel, plain = with_more(small, prior_attainment=start), find(small).table
    pool, _ = match(small, panel)
    known = gaps.baseline_covariates(panel, pool.schools, ask(small))
    table = find(small, panel).table
    assert (table["gap"].notna() == plain["gap"].notna()).all() and len(table) == len(plain)
    for year in (2017, YEAR):  # before, and of the pupils whose result it is
        name = f"{START}, {YEAR - year} before"
        lacks = start.unstack("year")[year].reindex(pool.schools.index).isna()
        assert 100 < lacks.sum() < 300
        assert (known.loc[lacks, name] == 0).all() and (known.loc[~lacks, name] != 0).all()
        marks = known[f"no {name}"].groupby(lacks).unique()
        assert len(marks[True]) == len(marks[False]) == 1 and marks[True][0] > marks[False][0]


def test_the_pupils_own_start_takes_out_of_a_gap_what_they_brought_with_them() -> None:
    small = small_england()
    panel = with_more(small, prior_attainment=start_of_pupils(small, 0.0))
    with_it, without = find(small, panel).table["gap"].std(), find(small).table["gap"].std()
    assert with_it < 0.6 * without


def test_what_nearly_all_schools_have_is_matched_on_and_its_lack_is_a_rule_of_the_flow() -> None:
    small = small_england()
    start = start_of_pupils(small, 0.03)
    pool, _ = match(small, with_more(small, prior_attainment=start))
    assert f"{START} 2017" in pool.scales.index and pool.schools[f"{START} 2017"].notna().all()
    rule = f"no {START} 2017: suppressed: few pupils"
    [counted] = pool.flow.loc[pool.flow["step"] == rule, "left_out"]
    assert counted == (pool.left_out["reason"] == rule).sum() > 10


def of_group(small: Small, years: tuple[int, ...]) -> Panel:
    """The same England with a group's results, less than all pupils', in some years."""
    values, rng = small.panel.values, np.random.default_rng(5)
    group = values["rwm_expected"] - 15 + rng.normal(0, 8, len(values))
    group = group.where(values.index.get_level_values("year").isin(years))
    size = pd.Series(np.where(values["cohort"] > 20, 12.0, 6.0), index=values.index)
    return with_more(small, rwm_expected__disadvantaged=group, cohort__disadvantaged=size)


def test_a_groups_result_needs_only_its_latest_baseline_year() -> None:
    small = small_england()
    late, none = of_group(small, (2017, YEAR)), of_group(small, (2016, YEAR))
    pool, found = match(small, late, outcome=GROUP)
    asked = ask(small, GROUP)
    assert (asked.own_years, ask(small).own_years) == ((2017,), (2016, 2017))
    table = gaps.find_gaps(late, pool, found, asked).table
    there = late.values[GROUP].unstack("year").reindex(table.index)[[2017, YEAR]]
    assert (table["gap"].notna() == there.notna().all(axis=1)).mean() > 0.97
    assert table["gap"].notna().sum() > 900
    with pytest.raises(DesignError, match="no school of the pool has a result in 2017"):
        gaps.find_gaps(none, pool, found, asked)


def test_a_groups_result_is_matched_and_corrected_on_all_pupils_years() -> None:
    small = small_england()
    panel = of_group(small, (2017, YEAR))
    pool, found = match(small, panel, outcome=GROUP)
    assert list(pool.scales.index[:2]) == ["rwm_expected 2016", "rwm_expected 2017"]
    assert (pool.scales["weight"][:2] == 1).all()  # in full, as an outcome's own years are
    known = gaps.baseline_covariates(panel, pool.schools, ask(small, GROUP))
    wanted = {"rwm_expected, 1 before", "rwm_expected, 2 before", f"{GROUP}, 1 before",
              "group's size", "cohort", f"authority's {GROUP}, 1 before"}  # fmt: skip
    assert wanted <= set(known.columns) and f"{GROUP}, 2 before" not in known
    results = gaps.find_gaps(panel, pool, found, ask(small, GROUP)).table
    pd.testing.assert_series_equal(
        results["own"].dropna(), panel.wide(GROUP)[YEAR].reindex(results.index).dropna().round(6),
        check_names=False,
    )  # fmt: skip


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
    found = find(england_of(years))
    earlier = (years[2016]["rwm_expected"] + years[2017]["rwm_expected"]) / 2
    low = earlier < earlier.quantile(0.25)
    for size in (12, 90):
        gap = found.table["gap"][low & (cohort == size)].dropna()
        assert abs(gap.mean()) < 3 * gap.std() / np.sqrt(len(gap)), size


def test_the_slopes_of_every_outcome_are_laid_out_and_none_where_nothing_was_fitted() -> None:
    small = small_england()
    found = {
        "rwm_expected": find(small),
        "maths_progress": find(small, outcome="maths_progress", how="uncorrected"),
    }
    table = tabulate_slopes(found)
    assert list(table.columns) == ["outcome", "variable", "slope"]
    assert set(table["outcome"]) == {"rwm_expected"}
    assert table["variable"].iloc[0] == "constant" and table["variable"].is_unique
    assert {"rwm_expected, 1 before", "rwm_expected, 2 before", "cohort"} <= set(table["variable"])


def test_the_two_lines_weigh_the_schools_that_have_a_gap_as_the_estimate_does() -> None:
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
    assert found["members"].tolist() == pytest.approx([49.0, 55.5])
    assert found["comparison"].tolist() == pytest.approx([59.0, 57.4])
    assert found["n_schools"].tolist() == [2, 2]


def test_a_year_without_results_stays_in_the_lines_without_means() -> None:
    lines = pd.DataFrame(
        {"school": [1, 1], "outcome": "rwm_expected", "year": [2017, 2018],
         "own": [40.0, np.nan], "comparison": [41.0, 42.0]}
    )  # fmt: skip
    moved = pd.DataFrame(
        {"school": [1], "outcome": ["rwm_expected"], "gap": [1.0], "weight": [2.0]}
    )
    last = gaps.average_lines(lines, moved).set_index("year").loc[2018]
    assert np.isnan(last["members"]) and np.isnan(last["comparison"]) and last["n_schools"] == 0


def test_fewer_than_three_are_enough_where_no_more_were_asked_for() -> None:
    small = small_england()
    school = small.members["closing-the-gap"][0]
    for k in (1, 2, 3):
        rule = RULE.model_copy(update={"k": k})
        pool, found = match(small, rule=rule)
        assert gaps.find_gaps(small.panel, pool, found, ask(small)).table.loc[school, "gap"] < 99
        values, reasons = small.panel.values.copy(), small.panel.reasons.copy()
        gone = (found.pairs([school])["comparison"].iloc[0], YEAR)
        values.loc[gone, "rwm_expected"] = np.nan
        reasons.loc[gone, "rwm_expected"] = "suppressed: few pupils"
        panel = Panel(values, reasons, small.panel.releases)
        row = gaps.find_gaps(panel, pool, found, ask(small)).table.loc[school]
        assert row["n_comparison"] == k - 1 and np.isnan(row["gap"])
        assert row["reason"] == f"fewer than {k} comparison schools with a result"


def test_a_school_s_own_variance_is_what_its_city_s_year_leaves_and_a_quarter_at_least() -> None:
    cohort = np.array([10.0, 100.0])
    assert gaps.GapVariance(4.0, 20.0, 1.0).own_variance(cohort).tolist() == [5.0, 3.2]
    assert gaps.GapVariance(4.0, 20.0, 4.0).own_variance(cohort).tolist() == [2.0, 1.05]


def test_a_city_s_year_is_measured_about_the_mean_beyond_what_its_schools_vary_by() -> None:
    """Known answer: twenty authorities whose schools all lie 3 above or below a mean of 1.

    Squares of 4 and -2 are 10 on average, which is each school's variance; of a mean of fifty
    that is .2, and 9 less .2 is the year's. Fewer than ten authorities, or ones of four schools,
    measure none.
    """

    def city(authorities: int, schools: int) -> float:
        of = np.repeat(np.arange(authorities), schools)
        gap = 1.0 + np.where(of % 2, 3.0, -3.0)
        return gaps.fit_gap_variance(gap, np.full(len(gap), 40.0), of).city

    assert city(20, 50) == pytest.approx(8.8)
    assert city(10, 5) == pytest.approx(9 - 10 / 5) and city(8, 50) == 0 == city(20, 4)

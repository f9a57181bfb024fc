"""October: members against what last year's schools lead one to expect, and named as such."""

import numpy as np
import pandas as pd
import pytest

from pepstats.errors import DesignError
from pepstats.impact import effects
from pepstats.impact.gaps import Asked, Gaps
from pepstats.impact.october import forecast_gaps
from pepstats.matching.nearest import match_schools
from pepstats.matching.pool import MatchBasis, Pool, before_start, find_pool
from pepstats.schools.panel import Panel
from pepstats.settings.programme import MatchRule, PoolRule
from tests.impact.test_gaps import with_more
from tests.worlds import YEAR, Small, evaluate_small, small_england

SLUG = "closing-the-gap"
RULE = MatchRule(near=("rwm_expected", "cohort"))


def forecast(
    small: Small, panel: Panel, baseline: tuple[int, ...] = (2017,), pool: Pool | None = None
) -> tuple[Gaps, Gaps]:
    """Forecast progress, which needs no published level: this year's gaps and last year's."""
    asked = Asked("reading_progress", baseline, YEAR, tuple(small.barred))
    basis = MatchBasis(RULE, "primary", ("rwm_expected",), (2016, 2017))
    pool = pool or find_pool(before_start(small.panel, YEAR), small.register, basis)
    found = match_schools(pool, RULE, PoolRule(), barred=small.barred)
    return forecast_gaps(panel, pool, found, asked, {})


def in_october(small: Small) -> Panel:
    """The same England before the other schools' results of the year exist."""
    values, reasons = small.panel.values.copy(), small.panel.reasons.copy()
    later = values.index.get_level_values("year") >= YEAR
    elsewhere = later & ~values.index.get_level_values("school").isin(small.members[SLUG])
    outcomes = [c for c in values if c != "cohort"]
    values.loc[elsewhere, outcomes] = np.nan
    reasons.loc[elsewhere, outcomes] = "not published yet"
    return Panel(values, reasons, small.panel.releases)


def national(small: Small) -> pd.DataFrame:
    results, cohort = small.panel.wide("rwm_expected"), small.panel.wide("cohort")
    level = (results * cohort).sum() / cohort.where(results.notna()).sum()
    return pd.DataFrame({"measure": "rwm_expected", "year": level.index, "value": level.to_numpy()})


def estimate(small: Small, panel: Panel, levels: pd.DataFrame | None) -> pd.DataFrame:
    return evaluate_small(small, SLUG, panel, levels).effects


def test_the_mode_follows_from_what_the_sources_hold() -> None:
    small = small_england()
    december = estimate(small, small.panel, None)
    october = estimate(small, in_october(small), national(small))
    assert set(december["mode"]) == {effects.MATCHED}
    assert set(october["mode"]) == {effects.FORECAST}
    assert october["n_schools"].iloc[0] == december["n_schools"].iloc[0]


def test_october_and_december_agree_within_their_uncertainty() -> None:
    for seed in (3, 7, 11):
        small = small_england(seed=seed, schools=2000)
        december = estimate(small, small.panel, None).iloc[0]
        october = estimate(small, in_october(small), national(small)).iloc[0]
        assert october["low"] < december["estimate"] < october["high"]


def test_made_up_programmes_are_not_picked_by_the_results_that_are_their_outcome() -> None:
    """In October chance is measured by last year's results: low ones of that very year fall short.

    Picked by them, made-up programmes that did nothing moved by three points on average.
    """
    small = small_england(seed=7, schools=2000)
    drawn = evaluate_small(small, SLUG, in_october(small), national(small)).placebo["rwm_expected"]
    assert abs(drawn.mean()) < 0.35 * drawn.std()


def test_a_national_level_that_is_not_known_is_asked_for() -> None:
    small = small_england()
    with pytest.raises(DesignError, match="national level of 2017, 2018 is not known"):
        estimate(small, in_october(small), None)


def test_progress_needs_no_national_level_for_it_is_nought_by_definition() -> None:
    small = small_england()
    seen, last = forecast(small, in_october(small), (2016, 2017))
    assert seen.baseline == (2017,) and last.baseline == (2016,) and last.year == 2017
    assert seen.table.loc[small.members[SLUG], "gap"].notna().sum() >= 15
    assert (seen.table["gap"].isna() == seen.table["reason"].notna()).all()


def test_what_others_get_this_year_is_not_in_sight() -> None:
    small = small_england()
    values = small.panel.values.copy()
    later = values.index.get_level_values("year") >= YEAR
    others = later & ~values.index.get_level_values("school").isin(small.barred)
    values.loc[others, "reading_progress"] += 3
    one, two = (
        forecast(small, panel)[0].table["gap"].loc[small.members[SLUG]]
        for panel in (small.panel, Panel(values, small.panel.reasons, small.panel.releases))
    )
    pd.testing.assert_series_equal(one, two)


def test_too_few_schools_are_refused() -> None:
    small = small_england(seed=5, schools=300)
    few = Small(small.panel, small.register.iloc[:150], small.programmes, small.members)
    with pytest.raises(DesignError, match="at least 200 are needed"):
        forecast(few, in_october(small))


def test_a_forecast_leaves_out_whom_a_caliper_leaves_without_comparison_schools() -> None:
    """October counts the members that December will, and gives the same reason for the rest."""
    small = small_england()
    known = small.programmes[SLUG]
    strict = known.model_copy(update={"match": known.match.model_copy(update={"caliper": 0.4})})
    december = evaluate_small(small, SLUG, programme=strict)
    october = evaluate_small(small, SLUG, in_october(small), national(small), strict)
    assert (december.mode, october.mode) == (effects.MATCHED, effects.FORECAST)
    both = [one.gaps.xs("rwm_expected", level="outcome") for one in (december, october)]
    assert both[0]["gap"].isna().tolist() == both[1]["gap"].isna().tolist()
    out = both[0]["gap"].isna()
    assert 3 <= out.sum() <= 12
    assert both[0].loc[out, "reason"].tolist() == both[1].loc[out, "reason"].tolist()
    assert both[0].loc[out, "reason"].str.contains("alike within the caliper").all()
    assert october.primary.n_schools == december.primary.n_schools == 18 - out.sum()
    free = october.measured.yardstick["rwm_expected"].table["gap"].notna()
    assert free.sum() < 0.8 * len(free)  # nor do made-up programmes draw on such schools


def test_a_forecast_claims_no_comparison_school_and_counts_what_it_rests_on() -> None:
    small = small_england()
    found = evaluate_small(small, SLUG, in_october(small), national(small))
    table = found.measured.gaps["rwm_expected"].table
    assert (table["n_comparison"] == 0).all() and (table["correction"].dropna() == 0).all()
    last = found.measured.yardstick["rwm_expected"].table["gap"]
    rests_on = last.drop(small.barred, errors="ignore").notna().sum()
    assert found.primary.n_comparison == rests_on > 800
    known = table.dropna(subset="gap")
    left = known["own"] - known["comparison"] - known["gap"]
    assert left.abs().max() < 1e-9


def test_results_that_draw_together_draw_last_years_misses_together() -> None:
    small = small_england()
    values = small.panel.values.copy()
    year = values.index.get_level_values("year")
    values.loc[year < YEAR - 1, "reading_progress"] *= 2  # as if last year's had halved

    def spread(panel: Panel) -> float:
        return float(forecast(small, panel)[1].table["gap"].std())

    wider = Panel(values, small.panel.reasons, small.panel.releases)
    assert spread(wider) == pytest.approx(spread(small.panel) / 2)


def test_a_forecast_looks_at_nothing_of_this_year_but_the_results() -> None:
    """What pupils of the year began with is known only when all results are."""
    small = small_england()
    index = small.panel.values.index
    start = pd.Series(np.random.default_rng(1).normal(15, 1, len(index)), index)
    other = start.where(index.get_level_values("year") < YEAR, 30 - start)
    as_it_was, changed, flat = (
        forecast(small, with_more(small, prior_attainment=one))
        for one in (start, other, pd.Series(15.0, index))
    )
    for before, after in zip(as_it_was, changed, strict=True):
        pd.testing.assert_frame_equal(before.table, after.table)
    assert not as_it_was[0].table["gap"].equals(flat[0].table["gap"])  # of years before it matters

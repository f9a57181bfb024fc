"""October: each member against what it is expected to get, before others' results exist.

In the autumn an authority holds its own schools' provisional results; the other schools' come in
December (key stage 2) or January (key stage 4). So each school's expected result is found from
last year: the relation, over all England's schools in no programme, between earlier results and
the next, moved to this year's published national level. Chance is measured by the same relation's
misses in last year's placebo programmes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pepstats.errors import DesignError
from pepstats.impact.gaps import (
    Asked,
    Gaps,
    baseline_covariates,
    carry_line_over,
    correct_bias,
    explain_missing,
    fit_gap_variance,
    pupils_of_year,
    weigh_gaps,
)
from pepstats.impact.verdicts import COMPARED, EXPECTED
from pepstats.measures import MEASURES
from pepstats.schools import Panel

FEWEST_FITTED = 200
"""A relation is not fitted on fewer schools than this."""


def choose_mode(panel: Panel, outcome: str, year: int, barred: Iterable[int]) -> str:
    """Choose how an outcome is estimated: compared (December) or expected (October).

    Compared where the schools outside every programme have the year's results, a fifth or more of
    those that had any before.
    """
    if outcome not in panel.values.columns:
        return EXPECTED
    results = panel.wide(outcome)
    if year not in results:
        return EXPECTED
    others = results[~results.index.isin(list(barred))]
    before = others.drop(columns=[y for y in results if y >= year]).notna().any(axis=1).sum()
    return COMPARED if others[year].notna().sum() > 0.2 * before else EXPECTED


def levels_of(outcome: str, national: pd.DataFrame | None) -> dict[int, float]:
    """Return one measure's published national level of each year, over all phases that have it."""
    if national is None or national.empty:
        return {}
    own = national[national["measure"] == outcome]
    if "phase" in own:
        own = own[own["phase"].fillna("") == ""]
    return dict(zip(own["year"].astype(int), own["value"].astype(float), strict=True))


def forecast_gaps(
    panel: Panel, schools: pd.DataFrame, asked: Asked, national: Mapping[int, float]
) -> tuple[Gaps, Gaps]:
    """Estimate the members' gaps this year, and every school's last year: the yardstick.

    A gap is a school's result minus what last year's relation expects of it: the line of
    `find_gaps` (its own earlier results as far before the outcome as the baseline is, where last
    year has them too, its scores, its cohort, its type and its city's history), fitted a year
    earlier, for each authority without its own schools. Results count as distances from the
    published `national` level of their year. Their spread is taken from the latest earlier year,
    since this year's is not known: where results draw together from year to year, as under new
    tests, last year's misses shrink alike. `schools` is the pool (index `school`; `la` and the
    exact keys). Both tables are in this year's points.

    Raises
    ------
    DesignError
        Where a year's national level is not known, or too few schools have last year's results.
    """
    this, last = _ask_of_both_years(panel, schools, asked)
    level = _levels(asked.outcome, (last.year, this.year), national)
    results = panel.wide(asked.outcome).reindex(index=schools.index)
    outside = ~schools.index.isin(asked.barred)
    spread = results[outside].std()
    narrowed = float(spread[this.baseline[-1]] / spread[last.baseline[-1]])
    scale = narrowed if 0 < narrowed < np.inf else 1.0
    missed = scale * (results[last.year] - level[last.year]).to_numpy(float)
    moved = (results[this.year] - level[this.year]).to_numpy(float)
    cohort = pupils_of_year(panel, last, schools.index)
    fit = outside & ~np.isnan(missed) & _have_baseline(results, last) & (cohort > 0)
    if fit.sum() < FEWEST_FITTED:
        raise DesignError(
            f"`{asked.outcome}`: {int(fit.sum())} schools outside every programme have results of "
            f"{last.year} and before; at least {FEWEST_FITTED} are needed to expect {this.year}."
        )
    authority = schools["la"].to_numpy(np.int64)
    before, now = (baseline_covariates(panel, schools, one) for one in (last, this))
    gap_last, slopes = correct_bias(missed, before, fit, authority)
    gap_this = carry_line_over(missed, before, fit, authority, to=(moved, now))
    chance = fit_gap_variance(gap_last[fit], cohort[fit], authority[fit])
    seen, yardstick = (
        weigh_gaps(panel, one, _set_out(panel, schools, one, gap), slopes, chance)
        for one, gap in ((this, gap_this), (last, gap_last))
    )
    return seen, yardstick


def _ask_of_both_years(panel: Panel, schools: pd.DataFrame, asked: Asked) -> tuple[Asked, Asked]:
    """Ask the same of this year and of last year, as far before as both have results."""
    year, last = asked.year, asked.year - 1
    results = panel.wide(asked.outcome).reindex(index=schools.index)
    lags = [year - y for y in asked.baseline]
    there = [lag for lag in lags if last - lag in results and results[last - lag].notna().any()]
    if not there or last not in results:
        raise DesignError(
            f"`{asked.outcome}`: to expect {year} from last year's schools, results of {last} and "
            "of a year before it are needed. Add them to `sources`."
        )
    this_one, last_one = (
        replace(asked, year=y, baseline=tuple(sorted(y - lag for lag in there)))
        for y in (year, last)
    )
    return this_one, last_one


def _have_baseline(results: pd.DataFrame, asked: Asked) -> NDArray[np.bool_]:
    """Mark which schools have results in every baseline year."""
    there: NDArray[np.bool_] = results[list(asked.baseline)].notna().all(axis=1).to_numpy()
    return there


def _set_out(
    panel: Panel, schools: pd.DataFrame, asked: Asked, gap: NDArray[np.float64]
) -> pd.DataFrame:
    """Set gaps out as `Gaps` has them; `comparison` is what was expected."""
    results = panel.wide(asked.outcome).reindex(index=schools.index)
    able = _have_baseline(results, asked) & (pupils_of_year(panel, asked, schools.index) > 0)
    known, own = able & ~np.isnan(gap), results[asked.year].to_numpy(float)
    years = (*reversed(asked.baseline), asked.year)
    reason = explain_missing(panel, asked.outcome, schools.index, years)
    gap = np.where(known, gap, np.nan)
    return pd.DataFrame(
        {
            "la": schools["la"].to_numpy(np.int64),
            "gap": gap,
            "raw_gap": gap,
            "own": own,
            "expected": own - gap,
            "comparison": own - gap,
            "n_comparison": 0,
            "reason": reason.fillna("no cohort in the files").where(~known),
        },
        index=schools.index,
    )


def _levels(
    outcome: str, years: tuple[int, ...], national: Mapping[int, float]
) -> dict[int, float]:
    """Return the national level of each year used: published, or zero by definition."""
    if "progress" in MEASURES[outcome].unit:
        return dict.fromkeys(years, 0.0)
    unknown = [str(y) for y in years if y not in national]
    if unknown:
        raise DesignError(
            f"`{outcome}`: the national level of {', '.join(unknown)} is not known, so {years[-1]} "
            "cannot be expected from last year's schools. Add a source of kind `national` with it."
        )
    return {y: float(national[y]) for y in years}

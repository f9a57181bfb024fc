"""October: each member against a forecast of its result, before other schools' results exist.

In the autumn an authority holds its own schools' provisional results; the other schools' come in
December (key stage 2) or January (key stage 4). So each school's result is forecast from last
year's schools: the relation, over all England's schools in no programme, between earlier results
and the next, moved to this year's published national level. Chance is measured by the same
relation's misses in last year's placebo programmes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pepstats.errors import DesignError
from pepstats.impact.effects import FORECAST, MATCHED
from pepstats.impact.gaps import (
    Asked,
    Gaps,
    Numbers,
    baseline_covariates,
    explain_missing,
    fit_gap_variance,
    fit_line,
    lay_out,
    pupils_of_year,
    weigh_gaps,
)
from pepstats.matching import Match, Pool
from pepstats.measures import GAP, MEASURES, whole_of
from pepstats.schools import Panel

FEWEST_FITTED = 200
"""A relation is not fitted on fewer schools than this."""


def choose_mode(panel: Panel, outcome: str, year: int, barred: Iterable[int]) -> str:
    """Choose how an outcome is estimated: matched (December) or forecast (October).

    Matched where the schools outside every programme have the year's results, a fifth or more of
    those that had any before.
    """
    if outcome not in panel.values.columns:
        return FORECAST
    results = panel.wide(outcome)
    if year not in results:
        return FORECAST
    others = results[~results.index.isin(list(barred))]
    before = others.drop(columns=[y for y in results if y >= year]).notna().any(axis=1).sum()
    return MATCHED if others[year].notna().sum() > 0.2 * before else FORECAST


def levels_of(outcome: str, national: pd.DataFrame | None) -> dict[int, float]:
    """Return the national level of each year that a forecast of one measure starts from.

    As published. In the autumn England's first headlines are of all pupils: a group's level of a
    year without one is taken to have changed since the year before as that of all pupils did (from
    2016 to 2025 disadvantaged pupils' did within 1 point). Of a gap, disadvantaged less other.
    """
    if outcome.endswith(GAP):
        both = (f"{outcome.removesuffix(GAP)}.{one}" for one in ("disadvantaged", "other"))
        group, other = (levels_of(one, national) for one in both)
        return {year: group[year] - other[year] for year in group.keys() & other.keys()}
    known, whole = (published_levels(one, national) for one in (outcome, whole_of(outcome)))
    for year in sorted(whole.keys() - known.keys()):
        if {year - 1} <= known.keys() & whole.keys():
            known[year] = known[year - 1] + whole[year] - whole[year - 1]
    return known


def published_levels(outcome: str, national: pd.DataFrame | None) -> dict[int, float]:
    """Return one measure's published national level of each year, over all phases that have it."""
    if national is None or national.empty:
        return {}
    own = national[national["measure"] == outcome]
    if "phase" in own:
        own = own[own["phase"].fillna("") == ""]
    return dict(zip(own["year"].astype(int), own["value"].astype(float), strict=True))


def can_forecast(outcome: str, year: int, national: pd.DataFrame | None) -> bool:
    """Return whether England's levels are known that a forecast of a year starts from."""
    known = levels_of(outcome, national).keys()
    return "progress" in MEASURES[outcome].unit or {year - 1, year} <= known


def forecast_gaps(
    panel: Panel, pool: Pool, match: Match, asked: Asked, national: Mapping[int, float]
) -> tuple[Gaps, Gaps]:
    """Estimate the members' gaps this year, and every school's last year: the yardstick.

    A gap is a school's result minus what is forecast for it from last year's schools: a line
    (`fit_line`) of last year's results on what was known before them (`baseline_covariates`), over
    all schools in no programme that have both, for each authority without its own schools. It
    rests on no school's comparison schools; but a school that has none within the calipers, and so
    will have no gap when other schools' results are out, has none here. Results count as distances
    from the published `national` level of their year. Their spread is taken from the latest
    earlier year, since this year's is not known: where results draw together from year to year, as
    under new tests, last year's misses shrink alike. Both tables are in this year's points.

    Raises
    ------
    DesignError
        Where a year's national level is not known, or too few schools have last year's results.
    """
    schools = pool.schools
    this, last = _ask_of_both_years(panel, schools, asked)
    level = _levels(asked.outcome, (last.year, this.year), national)
    results = panel.wide(asked.outcome).reindex(index=schools.index)
    outside = ~schools.index.isin(asked.barred)
    spread = results[outside].std()
    narrowed = float(spread[this.baseline[-1]] / spread[last.baseline[-1]])
    scale = narrowed if 0 < narrowed < np.inf else 1.0
    missed = scale * (results[last.year] - level[last.year]).to_numpy(float)
    cohort = pupils_of_year(panel, last, schools.index)
    fit = outside & ~np.isnan(missed) & _have_baseline(results, last) & (cohort > 0)
    if fit.sum() < FEWEST_FITTED:
        raise DesignError(
            f"`{asked.outcome}`: {int(fit.sum())} schools outside every programme have results of "
            f"{last.year} and before; at least {FEWEST_FITTED} are needed to forecast {this.year}."
        )
    authority = schools["la"].to_numpy(np.int64)
    before, now = (baseline_covariates(panel, schools, one, now=False) for one in (last, this))
    now = now.reindex(columns=before.columns, fill_value=0.0)  # what both years' files tell
    line = fit_line(missed, before, fit, authority)
    moved = (results[this.year] - level[this.year]).to_numpy(float)
    distances = ((this, moved, line.at(now, authority)), (last, missed, line.at(before, authority)))
    tables = [
        _set_out(panel, pool, match, one, (level[one.year], seen, expected))
        for one, seen, expected in distances
    ]
    gap = tables[1]["gap"].to_numpy()
    fit &= ~np.isnan(gap)
    chance = fit_gap_variance(gap[fit], cohort[fit], authority[fit])
    seen, yardstick = (
        weigh_gaps(panel, one, table, line.overall, chance)
        for one, table in zip((this, last), tables, strict=True)
    )
    return seen, yardstick


def _ask_of_both_years(panel: Panel, schools: pd.DataFrame, asked: Asked) -> tuple[Asked, Asked]:
    """Ask the same of this year and of last year, as far before as both have results."""
    if asked.outcome not in panel.values.columns:
        raise DesignError(f"no source of this study has `{asked.outcome}`.")
    year, last = asked.year, asked.year - 1
    results = panel.wide(asked.outcome).reindex(index=schools.index)
    whole = panel.wide(asked.whole).reindex(index=schools.index).notna().any()
    lags = [year - y for y in asked.baseline]
    there = [lag for lag in lags if whole.get(last - lag, False)]
    if (
        not there
        or last not in results
        or not results.get(last - min(there), pd.Series()).notna().any()
    ):
        raise DesignError(
            f"`{asked.outcome}`: to forecast {year} from last year's schools, results of {last} "
            "and of a year before it are needed. Add them to `sources`."
        )
    this_one, last_one = (
        replace(asked, year=y, baseline=tuple(sorted(y - lag for lag in there)))
        for y in (year, last)
    )
    return this_one, last_one


def _have_baseline(results: pd.DataFrame, asked: Asked) -> NDArray[np.bool_]:
    """Mark which schools have results in every baseline year."""
    there: NDArray[np.bool_] = results[list(asked.own_years)].notna().all(axis=1).to_numpy()
    return there


def _set_out(
    panel: Panel, pool: Pool, match: Match, asked: Asked, found: tuple[float, Numbers, Numbers]
) -> pd.DataFrame:
    """Set gaps out; `found` has the level, how far results are from it and were forecast to be."""
    level, seen, expected = found
    schools = pool.schools.index
    results = panel.wide(asked.outcome).reindex(index=schools)
    years = (*reversed(asked.own_years), asked.year)
    reason = explain_missing(panel, asked.outcome, schools, years)
    cohort = pupils_of_year(panel, asked, schools)
    reason = reason.mask(reason.isna() & ~(cohort > 0), "no cohort in the files")
    alone = match.unmatched["reason"].reindex(schools)
    reason = alone.fillna(reason).astype("str")
    usable = reason.isna().to_numpy() & _have_baseline(results, asked) & ~np.isnan(seen)
    forecast = np.where(usable, level + expected, np.nan)
    table = lay_out(pool.schools["la"], level + seen, forecast, np.zeros(len(seen)), usable)
    return table.assign(n_comparison=0, reason=reason)


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
            "cannot be forecast from last year's schools. Add a source of kind `national` with it."
        )
    return {y: float(national[y]) for y in years}

"""October: each member against what it is expected to get, before others' results exist.

In the autumn an authority holds its own schools' provisional results; the other schools' come in
December (key stage 2) or January (key stage 4). So each school's expected result is found from
last year: the relation, over all England's schools in no programme, between earlier results and
the next, moved to this year's published national level. Chance is measured by the same relation's
misses in last year's made-up programmes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pepstats.errors import DesignError
from pepstats.impact.gaps import (
    Gaps,
    GapVariance,
    baseline_covariates,
    correct_bias,
    fit_gap_variance,
)
from pepstats.measures import MEASURES
from pepstats.schools import Panel

FEWEST_SCHOOLS = 200
"""A relation is not fitted on fewer schools than this."""


def others_have_results(panel: Panel, outcome: str, year: int, members: Iterable[int]) -> bool:
    """Say whether schools outside every programme have results that year: December, not October."""
    if outcome not in panel.values.columns:
        return False
    results = panel.wide(outcome)
    if year not in results:
        return False
    outside = ~results.index.isin(list(members))
    before = int(
        results.loc[outside]
        .drop(columns=[y for y in results if y >= year])
        .notna()
        .any(axis=1)
        .sum()
    )
    return bool(results.loc[outside, year].notna().sum() > 0.2 * before)


def forecast_gaps(
    panel: Panel,
    schools: pd.DataFrame,
    outcome: str,
    *,
    baseline: Iterable[int],
    year: int,
    national: Mapping[int, float],
    members: Iterable[int] = (),
) -> tuple[Gaps, Gaps]:
    """Find the members' gaps this year, and every school's last year: the yardstick.

    A gap is a school's result minus what last year's relation expects of it: the line of
    `gaps.find_gaps` (`history.known_before`: its own earlier results as far before the outcome as
    `baseline` is, where last year has them too, its scores, its cohort, its type and its city's
    history), fitted a year earlier, for each authority without its own schools. Results count as
    distances from the published `national` level of their year. Their spread is taken from the
    latest earlier year, since this year's is not known: where results draw together from year to
    year, as under new tests, last year's misses shrink alike. `schools` is the pool (index
    `school`; `la` and the exact keys). Both tables are in this year's points.

    Raises
    ------
    DesignError
        Where a year's national level is not known, or too few schools have last year's results.
    """
    lags = sorted(year - y for y in baseline)
    results = panel.wide(outcome).reindex(index=schools.index)
    there = [lag for lag in lags if results.get(year - 1 - lag) is not None
             and results[year - 1 - lag].notna().any()]  # fmt: skip
    if not there or year - 1 not in results:
        raise DesignError(
            f"`{outcome}`: to expect {year} from last year's schools, results of {year - 1} and of "
            f"a year before it are needed. Add them to `sources`."
        )
    level = _levels(outcome, (year - 1, year), national)
    cohort = panel.wide(MEASURES[outcome].cohort).reindex(index=schools.index)
    outside = ~schools.index.isin(list(members))
    latest = min(there)
    last, this = (
        baseline_covariates(
            panel, schools, outcome, years=[y - lag for lag in there], before=y, outside=outside
        )
        for y in (year - 1, year)
    )
    spread = results[outside].std()
    narrowed = float(spread[year - latest] / spread[year - 1 - latest])
    scale = narrowed if 0 < narrowed < np.inf else 1.0
    missed = scale * (results[year - 1] - level[year - 1]).to_numpy(float)
    moved = (results[year] - level[year]).to_numpy(float)
    able, seen_before = (
        results[[y - lag for lag in there]].notna().all(axis=1).to_numpy() for y in (year - 1, year)
    )
    sizes = {y: cohort[y].to_numpy(float) for y in (year - 1, year)}
    fit = outside & ~np.isnan(missed) & able & (sizes[year - 1] > 0)
    if fit.sum() < FEWEST_SCHOOLS:
        raise DesignError(
            f"`{outcome}`: {int(fit.sum())} schools outside every programme have results of "
            f"{year - 1} and before; at least {FEWEST_SCHOOLS} are needed to expect {year}."
        )
    authority = schools["la"].to_numpy(np.int64)
    gap_last, slopes = correct_bias(missed, last, fit, authority)
    gap_this, _ = correct_bias(missed, last, fit, authority, also=(moved, this))
    gap_last[~able], gap_this[~seen_before] = np.nan, np.nan
    chance = fit_gap_variance(gap_last[fit], sizes[year - 1][fit], authority[fit])
    seen, yardstick = (
        Gaps(
            outcome=outcome,
            unit=MEASURES[outcome].unit,
            baseline=tuple(sorted(y - lag for lag in there)),
            year=y,
            release=str(panel.releases[outcome].get(y, "")),
            table=_set_out(panel, outcome, y, there, gap, sizes[y], authority, chance, results),
            slopes=slopes,
            city_variance=chance.city,
        )
        for y, gap in ((year, gap_this), (year - 1, gap_last))
    )
    return seen, yardstick


def _set_out(
    panel: Panel, outcome: str, year: int, lags: list[int], gap: NDArray[np.float64],
    cohort: NDArray[np.float64], authority: NDArray[np.int64], chance: GapVariance,
    results: pd.DataFrame,
) -> pd.DataFrame:  # fmt: skip
    """Set gaps out as `gaps.Gaps` has them; `comparison` is what was expected."""
    known = ~np.isnan(gap) & (cohort > 0)
    return pd.DataFrame(
        {
            "la": authority,
            "gap": np.where(known, gap, np.nan),
            "raw_gap": np.where(known, gap, np.nan),
            "own": results[year].to_numpy(float),
            "expected": np.where(known, results[year].to_numpy(float) - gap, np.nan),
            "comparison": np.where(known, results[year].to_numpy(float) - gap, np.nan),
            "n_comparison": 0,
            "variance": np.where(known, chance.own_variance(cohort), np.nan),
            "weight": np.where(known, 1 / chance.variance(cohort), np.nan),
            "reason": _why_none(panel, outcome, results.index, year, lags, known),
        },
        index=results.index,
    )


def _levels(
    outcome: str, years: tuple[int, ...], national: Mapping[int, float]
) -> dict[int, float]:
    """The national level of each year that is used: published, or nought by definition."""
    if "progress" in MEASURES[outcome].unit:
        return dict.fromkeys(years, 0.0)
    unknown = [str(y) for y in years if y not in national]
    if unknown:
        raise DesignError(
            f"`{outcome}`: the national level of {', '.join(unknown)} is not known, so {years[-1]} "
            "cannot be expected from last year's schools. Add a source of kind `national` with it."
        )
    return {y: float(national[y]) for y in years}


def _why_none(
    panel: Panel, outcome: str, schools: pd.Index, year: int, lags: list[int],
    known: NDArray[np.bool_],
) -> pd.Series:  # fmt: skip
    """Say for each school why it has no gap; missing where it has one."""
    why = panel.reasons[outcome].unstack("year").reindex(index=schools)
    reason = pd.Series("no cohort in the files", index=schools, dtype="str")
    for y in (*(year - lag for lag in lags), year):
        none = why[y].notna()
        reason[none] = f"no result in {y}: " + why[y][none]
    return reason.where(~known)

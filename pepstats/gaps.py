"""Every school's gap: how far it moved beyond its comparison schools, member or not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pepstats import codes
from pepstats.errors import DesignError
from pepstats.fitting import fit_chance, mean_of_others, take_out
from pepstats.matching import Match, Pool, positions
from pepstats.panel import Panel

FEWEST_COMPARISONS = 3
"""A school with fewer comparison schools that have a result is given no gap."""


@dataclass(frozen=True)
class Gaps:
    """The gaps of one outcome for every school of the pool, and how sure each is.

    Attributes
    ----------
    outcome, unit, baseline, year, release
        What was measured, between which years, from which release.
    table
        Index `school`; `la`, `gap` (own change beyond the comparison schools', what the match left
        unlike taken out), `raw_gap` (before that), `own`, `comparison` (that year's results),
        `n_comparison`, `variance` (of the gap, city part left out), `weight`, `reason` (why there
        is no gap, missing where there is one).
    slopes
        Index variable: the slope by which its difference was taken out (over all non-members).
    city_variance
        Variance of an authority's own good or bad year, common to all its schools.
    """

    outcome: str
    unit: str
    baseline: tuple[int, ...]
    year: int
    release: str
    table: pd.DataFrame = field(repr=False)
    slopes: pd.Series = field(repr=False)
    city_variance: float = 0.0


def find_gaps(
    panel: Panel,
    pool: Pool,
    match: Match,
    outcome: str,
    *,
    baseline: Iterable[int],
    year: int,
    members: Iterable[int] = (),
    adjusted: bool = True,
    weighted: bool = True,
) -> Gaps:
    """Find each school's gap in one outcome: its own result minus its comparison schools' mean.

    Since schools were matched on earlier results, the gap after the start is net of before but
    for what the match left unlike. That is taken out by a regression of the gap on the left-over
    differences, fitted on schools outside every programme and outside the school's own authority:
    in the matched variables, in the outcome's own earlier years, and in the mean of the other
    schools of its authority in those years (a city's history). No city has a say in what is taken
    out of itself, so the real city and the made-up programmes elsewhere are treated alike. The
    precision weight is `1 / (tau2 + s2 / cohort)`, both parts fitted on the same schools.

    Raises
    ------
    DesignError
        When no source has the outcome in a year asked for.
    """
    years = sorted(baseline)
    schools = match.schools
    if outcome not in panel.values.columns:
        raise DesignError(f"no source of this study has `{outcome}`.")
    results = panel.wide(outcome).reindex(index=schools)
    gone = [y for y in (*years, year) if y not in results.columns or results[y].isna().all()]
    if gone:
        raise DesignError(
            f"`{outcome}`: no school of the pool has a result in {', '.join(map(str, gone))}. "
            "Add that year's file to `sources`, or change `baseline` or `year`."
        )
    own = results[year].to_numpy(float)
    comparison, counted = _mean_of(own, match.places)
    raw = own - comparison
    unlike = differences(outcome, results[years], pool, match)
    reason = _why_none(panel, outcome, schools, years, year, results, counted, match)
    usable = reason.isna().to_numpy()
    outside = usable & ~schools.isin(list(members))

    authority = pool.schools["la"].to_numpy(np.int64)
    gap, slopes = raw, pd.Series(dtype=float, name="slope")
    if adjusted and outside.sum() > 5 * (1 + unlike.shape[1]):
        gap, slopes = take_out(raw, unlike, outside, authority)
    gap = np.where(usable, gap, np.nan)
    cohort = panel.wide(codes.MEASURES[outcome].cohort).reindex(index=schools)[year].to_numpy(float)
    chance = fit_chance(gap[outside], cohort[outside], authority[outside])
    weight = 1 / chance.variance(cohort) if weighted else np.ones(len(cohort))
    table = pd.DataFrame(
        {
            "la": authority,
            "gap": gap,
            "raw_gap": np.where(usable, raw, np.nan),
            "own": own,
            "comparison": comparison,
            "n_comparison": counted,
            "variance": np.where(usable, chance.own_variance(cohort), np.nan),
            "weight": np.where(usable, weight, np.nan),
            "reason": reason,
        },
        index=schools,
    )
    return Gaps(
        outcome=outcome,
        unit=codes.MEASURES[outcome].unit,
        baseline=tuple(years),
        year=year,
        release=str(panel.releases[outcome].get(year, "")),
        table=table,
        slopes=slopes,
        city_variance=chance.city,
    )


def differences(outcome: str, earlier: pd.DataFrame, pool: Pool, match: Match) -> pd.DataFrame:
    """Give what the match left unlike: each school minus its comparison schools, before the start.

    One column per matched variable, per earlier year of the outcome, and per earlier year of the
    mean of the *other* schools of the authority, each in standard deviations of the pool.
    """
    own = earlier.rename(columns=lambda year: f"{outcome} {year}")
    before = pd.concat(
        [
            positions(pool.schools[list(pool.scales.index)]),
            own.loc[:, ~own.columns.isin(pool.scales.index)],
            mean_of_others(earlier, pool.schools["la"]).rename(columns=lambda y: f"authority {y}"),
        ],
        axis=1,
    )
    scaled = (before - before.mean()) / before.std().replace(0.0, 1.0)
    values = scaled.to_numpy(float)
    means = np.column_stack([_mean_of(column, match.places)[0] for column in values.T])
    return pd.DataFrame(values - means, index=match.schools, columns=before.columns)


def trace_lines(panel: Panel, match: Match, outcome: str, schools: Iterable[int]) -> pd.DataFrame:
    """Give each school's own line and its comparison schools', one row per school and year."""
    results = panel.wide(outcome).reindex(index=match.schools)
    rows = np.flatnonzero(match.schools.isin(list(schools)))
    parts = []
    for year in results.columns:
        own = results[year].to_numpy(float)
        comparison, counted = _mean_of(own, match.places[rows])
        parts.append(
            pd.DataFrame(
                {
                    "school": match.schools[rows],
                    "outcome": outcome,
                    "year": year,
                    "own": own[rows],
                    "comparison": comparison,
                    "n_comparison": counted,
                }
            )
        )
    return pd.concat(parts).sort_values(["school", "year"], ignore_index=True)


def average_lines(lines: pd.DataFrame, gaps: pd.DataFrame) -> pd.DataFrame:
    """Average a programme's lines as its effect does: weighted, over schools that have a gap.

    `lines` as from `trace_lines`, `gaps` with one row per `school` and `outcome`. One row per
    `outcome` and `year`: `members`, `comparison` and `n_schools`, the schools with both that year.
    """
    both = lines.merge(
        gaps.reset_index()[["school", "outcome", "weight"]],
        on=["school", "outcome"],
        validate="m:1",
    ).dropna(subset=["weight", "own", "comparison"])
    both = both.assign(
        members=both["own"] * both["weight"], comparison=both["comparison"] * both["weight"]
    )
    by_year = both.groupby(["outcome", "year"], sort=False)
    totals = by_year[["members", "comparison", "weight"]].sum()
    return (
        totals[["members", "comparison"]]
        .div(totals["weight"], axis=0)
        .assign(n_schools=by_year["school"].nunique())
        .reset_index()
    )


def _mean_of(
    values: NDArray[np.float64], places: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Mean over each school's comparison schools that have a result, and how many have one."""
    there = np.where(places >= 0, values[places], np.nan)
    counted = np.sum(~np.isnan(there), axis=1)
    total = np.nansum(there, axis=1)
    return np.where(counted > 0, total / np.maximum(counted, 1), np.nan), counted


def _why_none(
    panel: Panel,
    outcome: str,
    schools: pd.Index,
    years: list[int],
    year: int,
    results: pd.DataFrame,
    counted: NDArray[np.int64],
    match: Match,
) -> pd.Series:
    """Say for each school why it has no gap; missing where it has one."""
    why = panel.reasons[outcome].unstack("year").reindex(index=schools)
    cohort = panel.wide(codes.MEASURES[outcome].cohort).reindex(index=schools)[year]
    reason = pd.Series(pd.NA, index=schools, dtype="str")
    reason[counted < FEWEST_COMPARISONS] = (
        f"fewer than {FEWEST_COMPARISONS} comparison schools with a result"
    )
    reason[~(cohort.to_numpy(float) > 0)] = f"no cohort in {year}"
    for y in (year, *years):
        none = results[y].isna()
        reason[none] = f"no result in {y}: " + why[y][none].fillna("not in the files")
    alone = schools.isin(match.unmatched.index)
    reason[alone] = match.unmatched["reason"].reindex(schools[alone]).to_numpy()
    return reason

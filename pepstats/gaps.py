"""Every school's gap: how far it moved beyond schools like it, member or not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pepstats import codes
from pepstats.errors import DesignError
from pepstats.fitting import Numbers, fit_chance, take_out
from pepstats.history import known_before
from pepstats.matching import Match, Pool, positions
from pepstats.panel import Panel

FEWEST_COMPARISONS = 3
"""A school with fewer comparison schools that have a result is given no gap."""
FEWEST_PER_SLOPE = 5
"""With fewer schools for each slope no line is fitted: gaps are left as they stand."""


@dataclass(frozen=True)
class Gaps:
    """The gaps of one outcome for every school of the pool, and how sure each is.

    Attributes
    ----------
    outcome, unit, baseline, year, release
        What was measured, between which years, from which release.
    table
        Index `school`; `la`, `gap` (`own` minus `expected`), `raw_gap` (`own` minus `comparison`),
        `own` (that year's result), `expected` (what is expected of the school), `comparison` (its
        comparison schools' mean result), `n_comparison`, `variance` (of the gap, city part left
        out), `weight`, `reason` (why there is no gap, missing where there is one).
    slopes
        Index variable: the slopes of the line, each per standard deviation, and the part of the
        comparison schools' own distance from it (over all non-members).
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
    part: float | None = None,
    weighted: bool = True,
) -> Gaps:
    """Find each school's gap in one outcome: its own result minus what is expected of it.

    Ten schools' mean is mostly their own good and bad luck, so it is not taken as it stands. What
    is expected of a school is read off a line through what was known of all schools before the
    start (`history.known_before`), and moved by a part of how far its comparison schools were
    from that line: the part that such distances have told elsewhere (`fitting.take_out`, a
    tenth or less in England). Both are fitted on schools outside every programme and outside the
    school's own authority: no city has a say in what is expected of itself, so the real city and
    the made-up programmes elsewhere are treated alike. The precision weight is
    `1 / (tau2 + s2 / cohort)`, both parts fitted on the same schools. `part` asks for a part other
    than the one found (1: the comparison schools count in full). Unless `adjusted`, the gap is the
    result minus the comparison schools' mean as it stands.

    Raises
    ------
    DesignError
        When no source has the outcome in a year asked for.
    """
    years = sorted(baseline)
    schools = match.schools
    if outcome not in panel.values.columns:
        raise DesignError(f"no source of this study has `{outcome}`.")
    if codes.MEASURES[outcome].cohort not in panel.values.columns:
        raise DesignError(f"no source of this study says how many pupils `{outcome}` is of.")
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
    reason = _why_none(panel, outcome, schools, years, year, results, counted, match)
    usable = reason.isna().to_numpy()
    outside = ~schools.isin(list(members))
    fitted = usable & outside

    authority = pool.schools["la"].to_numpy(np.int64)
    gap, slopes = raw, pd.Series(index=pd.Index([], name="variable"), dtype=float, name="slope")
    if adjusted:
        known = known_before(
            panel, pool.schools, outcome, years=years, before=year, outside=outside,
            others=_matched_besides(pool, outcome, years),
        )  # fmt: skip
        if fitted.sum() > FEWEST_PER_SLOPE * (1 + known.shape[1]):
            theirs = _means_of(known.to_numpy(float), own, match.places)
            gap, slopes = take_out(
                own, known, fitted, authority, compared=(comparison, theirs), part=part
            )
    gap = np.where(usable, gap, np.nan)
    cohort = panel.wide(codes.MEASURES[outcome].cohort).reindex(index=schools)[year].to_numpy(float)
    chance = fit_chance(gap[fitted], cohort[fitted], authority[fitted])
    weight = 1 / chance.variance(cohort) if weighted else np.ones(len(cohort))
    table = pd.DataFrame(
        {
            "la": authority,
            "gap": gap,
            "raw_gap": np.where(usable, raw, np.nan),
            "own": own,
            "expected": own - gap,
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


def _matched_besides(pool: Pool, outcome: str, years: list[int]) -> pd.DataFrame:
    """Give whatever else schools were matched on than the outcome's own years and the cohort."""
    own = [
        *(f"{outcome} {year}" for year in years),
        f"{codes.MEASURES[outcome].cohort} {years[-1]}",
    ]
    names = [name for name in pool.scales.index if name not in own]
    return positions(pool.schools[names])


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
    """Average a programme's lines by year: simple means over its schools that have a gap.

    `lines` as from `trace_lines`, `gaps` with one row per `school` and `outcome`. One row per
    `outcome` and `year` of the lines: `members`, `comparison` (the mean of the schools' own
    comparison means) and `n_schools`, those with both that year; no means in a year without any.
    """
    counted = gaps.reset_index().dropna(subset=["gap"])[["school", "outcome"]]
    both = lines.merge(counted, on=["school", "outcome"], validate="m:1")
    known = both["own"].notna() & both["comparison"].notna()
    averages = (
        both[known]
        .groupby(["outcome", "year"])
        .agg(members=("own", "mean"), comparison=("comparison", "mean"),
             n_schools=("school", "nunique"))
    )  # fmt: skip
    every = pd.MultiIndex.from_frame(lines[["outcome", "year"]].drop_duplicates())
    averages = averages.reindex(every).fillna({"n_schools": 0})
    return averages.astype({"n_schools": int}).reset_index()


def _mean_of(values: Numbers, places: NDArray[np.int64]) -> tuple[Numbers, NDArray[np.int64]]:
    """Mean over each school's comparison schools that have a result, and how many have one."""
    there = np.where(places >= 0, values[places], np.nan)
    counted = np.sum(~np.isnan(there), axis=1)
    total = np.nansum(there, axis=1)
    return np.where(counted > 0, total / np.maximum(counted, 1), np.nan), counted


def _means_of(known: Numbers, own: Numbers, places: NDArray[np.int64]) -> Numbers:
    """Means of what was known of each school's comparison schools, of those with a result."""
    counts = (places >= 0) & ~np.isnan(own[places])
    share = counts / np.maximum(counts.sum(axis=1), 1)[:, None]
    return np.stack([(share * column[places]).sum(axis=1) for column in known.T], axis=1)


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

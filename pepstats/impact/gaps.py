"""Gaps: each school's result minus what is expected of it, and how sure each gap is.

Further published results (scores in the same tests, most able, groups) were tried on placebo
programmes in real England: they lower the spread of the estimate by 1 in 100 for the expected
standard, so they are left out for the shorter sum.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pepstats.errors import DesignError
from pepstats.matching import Match, Pool, positions
from pepstats.measures import MEASURES
from pepstats.schools import Panel

Numbers = NDArray[np.float64]
COMPARISON_PART = "part of the comparison schools' own distance"
"""What the slopes call the weight of comparison schools beside the line over all schools."""


@dataclass(frozen=True)
class GapVariance:
    """How gaps vary where nothing was done: a part per school, a part per pupil, a city's year."""

    per_school: float
    per_pupil: float
    city: float

    def variance(self, cohort: Numbers) -> Numbers:
        """Variance of one school's gap, its city's part within: `tau2 + s2 / cohort`."""
        with np.errstate(divide="ignore"):  # no pupils: endless variance, no weight
            return self.per_school + self.per_pupil / cohort

    def own_variance(self, cohort: Numbers) -> Numbers:
        """Variance of one school's gap without its city's part, a quarter of all at the least."""
        whole = self.variance(cohort)
        return np.maximum(whole - self.city, whole / 4)


def fit_gap_variance(gap: Numbers, cohort: Numbers, authority: NDArray[np.int64]) -> GapVariance:
    """Fit how gaps vary, on schools in no programme."""
    per_school, per_pupil = _variance_parts(gap, cohort)
    city = _city_variance(gap, per_school + per_pupil / cohort, authority)
    return GapVariance(per_school, per_pupil, city)


def correct_bias(
    result: Numbers,
    known: pd.DataFrame,
    outside: NDArray[np.bool_],
    authority: NDArray[np.int64],
    *,
    compared: tuple[Numbers, Numbers] | None = None,
    part: float | None = None,
) -> tuple[Numbers, pd.Series]:
    """Return how far each result is from what is expected of it, and the slopes for the reader.

    What is expected is read off a line: least squares of the results on what was known before,
    over the schools `outside` every programme. With `compared` (the mean result of each school's
    comparison schools, and the means of what was known of them) it is moved by a part of how far
    those were from the line themselves: the part that has told of a school's own distance, none
    to all of it. It is small where a few schools' results are mostly their own good or bad luck
    (an empirical Bayes weight: Morris, 1983, JASA 78:47). Both are fitted for each authority
    without its own schools (the sums of all, less its own). `part` asks for a part of that
    distance other than the one found; with 1 the comparison schools count in full, and what the
    line says of what they are unlike in is taken out (bias-corrected matching: Abadie and Imbens,
    2011, Journal of Business and Economic Statistics 29:1).
    """
    columns, width = _columns(result, known, compared), 1 + known.shape[1]
    kept = columns * outside[:, None]
    gap = _distances(columns, kept, authority, width, part)
    _, slope, told = _distance_from_line(kept.T @ kept, width, part)
    names = pd.Index(["constant", *known.columns, COMPARISON_PART], name="variable")
    slopes = pd.Series([*slope, told], index=names, name="slope")
    return np.where(np.isnan(result), np.nan, gap), slopes


def carry_line_over(
    result: Numbers,
    known: pd.DataFrame,
    outside: NDArray[np.bool_],
    authority: NDArray[np.int64],
    to: tuple[Numbers, pd.DataFrame],
) -> Numbers:
    """Return how far other results `to` are from the line that `correct_bias` fits.

    They are another year's, with what was known before them.
    """
    kept = _columns(result, known, None) * outside[:, None]
    gap = _distances(_columns(*to, None), kept, authority, 1 + known.shape[1], None)
    return np.where(np.isnan(to[0]), np.nan, gap)


def _columns(
    result: Numbers, known: pd.DataFrame, compared: tuple[Numbers, Numbers] | None
) -> Numbers:
    """Set results beside a constant and what was known, then the comparison schools' same."""
    lines = np.column_stack([np.ones(len(known)), known.to_numpy(float)])
    if compared is None:
        theirs = np.zeros((len(lines), 1 + lines.shape[1]))
    else:
        theirs = np.column_stack(
            [np.nan_to_num(compared[0]), np.ones(len(lines)), np.nan_to_num(compared[1])]
        )
    return np.column_stack([np.nan_to_num(result), lines, theirs])


def _distances(
    given: Numbers, kept: Numbers, authority: NDArray[np.int64], width: int, part: float | None
) -> Numbers:
    """Return each given result's distance from the line fitted on the schools `kept` elsewhere."""
    squares = kept.T @ kept
    gap = np.empty(len(given))
    for here in pd.Series(authority).groupby(authority).indices.values():
        elsewhere = squares - kept[here].T @ kept[here]
        gap[here] = given[here] @ _distance_from_line(elsewhere, width, part)[0]
    return gap


def _distance_from_line(
    squares: Numbers, width: int, part: float | None
) -> tuple[Numbers, Numbers, float]:
    """What turns (result, known, the comparison schools' same) into a gap; the slopes; the part.

    All from the sums of squares and products of those columns over the schools fitted on.
    """
    known = slice(1, 1 + width)
    slope = np.linalg.lstsq(squares[known, known], squares[known, 0], rcond=1e-9)[0].astype(float)
    own, theirs = np.zeros(len(squares)), np.zeros(len(squares))
    own[: 1 + width] = theirs[1 + width :] = [1.0, *-slope]
    size = float(theirs @ squares @ theirs)
    if part is None:
        part = min(max(float(theirs @ squares @ own) / size, 0.0), 1.0) if size > 0 else 0.0
    return own - part * theirs, slope, part


def _variance_parts(gap: Numbers, cohort: Numbers) -> tuple[float, float]:
    """Split the variance of gaps into a part per school and a part per pupil, none below zero."""
    from scipy.optimize import nnls

    if len(gap) < 10:
        return (float(np.var(gap)) if len(gap) > 1 else 1.0) or 1.0, 0.0
    parts, _ = nnls(np.column_stack([np.ones(len(gap)), 1 / cohort]), gap**2)
    return (float(parts[0]), float(parts[1])) if parts.any() else (1.0, 0.0)


def _city_variance(gap: Numbers, variance: Numbers, authority: NDArray[np.int64]) -> float:
    """Variance of a whole authority's good or bad year, by the method of moments.

    Of the precision-weighted mean gap of each authority with five schools or more: its square
    beyond what its schools' own variance accounts for, averaged; zero when there is none.
    """
    weight = 1 / variance
    city = pd.DataFrame({"w": weight, "wg": weight * gap, "n": 1}).groupby(authority).sum()
    city = city[city["n"] >= 5]
    if len(city) < 10:
        return 0.0
    mean = city["wg"] / city["w"]
    centre = city["wg"].sum() / city["w"].sum()
    return float(max(0.0, ((mean - centre) ** 2 - 1 / city["w"]).mean()))


@dataclass(frozen=True)
class Asked:
    """One outcome, between which years, and the schools that no line is fitted on."""

    outcome: str
    baseline: tuple[int, ...]
    year: int
    barred: tuple[int, ...] = field(default=(), repr=False)


def baseline_covariates(
    panel: Panel, schools: pd.DataFrame, asked: Asked, others: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return what was known of each school in the baseline years, to expect its result.

    Its own results, and each of them times its cohort (more pupils' results say more of the next
    ones: without it, large low schools are expected to rise too far); the mean of the other schools
    of its authority (a city's history); its latest cohort, as a logarithm; `others`, whatever else
    it was matched on; its kind (the exact keys among the columns of `schools`, that also has `la`).
    Each in standard deviations from the mean of its year over the schools outside every programme,
    so that two years' can be compared: columns are named by how long before. A school whose own
    results are not all there has zeros, so that the sums hold, and is given no gap by those who
    ask.
    """
    chosen, outcome = sorted(asked.baseline), asked.outcome
    own = panel.wide(outcome).reindex(index=schools.index)[chosen]
    own = own.rename(columns=lambda year: f"{outcome}, {asked.year - year} before")
    city = mean_of_others(own, schools["la"]).rename(columns=lambda name: f"authority's {name}")
    cohort = panel.wide(MEASURES[outcome].cohort).reindex(index=schools.index)[chosen[-1]]
    parts = [own, city, np.log(cohort.clip(lower=1)).rename("cohort"), others]
    kinds = schools.select_dtypes(exclude="number")
    if len(kinds.columns):
        parts.append(pd.get_dummies(kinds, dtype=float))
    known = _standardise(pd.concat(parts, axis=1), ~schools.index.isin(asked.barred))
    by_size = known[own.columns].mul(known["cohort"], axis=0)
    return known.join(by_size.rename(columns=lambda name: f"{name}, by cohort")).fillna(0.0)


def _standardise(table: pd.DataFrame, outside: np.ndarray) -> pd.DataFrame:
    """Return a table in standard deviations from the mean, both over the schools outside."""
    there = table[outside]
    spread = there.std()
    return (table - there.mean()) / spread.where(spread > 0, 1.0)


def mean_of_others(earlier: pd.DataFrame, authority: pd.Series) -> pd.DataFrame:
    """Mean of the other schools of each school's authority; its own where it has no other."""
    by_city = earlier.groupby(authority)
    total, count = by_city.transform("sum"), by_city.transform("count")
    others = (total - earlier.fillna(0.0)) / (count - earlier.notna()).replace(0, np.nan)
    return others.fillna(earlier)


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
    asked: Asked,
    *,
    adjusted: bool = True,
    part: float | None = None,
) -> Gaps:
    """Estimate each school's gap in one outcome: its own result minus what is expected of it.

    Ten schools' mean is mostly their own good and bad luck, so it is not taken as it stands. What
    is expected of a school is read off a line through what was known of all schools before the
    start (`baseline_covariates`), and moved by a part of how far its comparison schools were
    from that line: the part that such distances have told elsewhere (`correct_bias`, a
    tenth or less in England). Both are fitted on schools outside every programme and outside the
    school's own authority: no city has a say in what is expected of itself, so the real city and
    the placebo programmes elsewhere are treated alike. The precision weight is
    `1 / (tau2 + s2 / cohort)`, both parts fitted on the same schools. `part` asks for a part other
    than the one found (1: the comparison schools count in full). Unless `adjusted`, the gap is the
    result minus the comparison schools' mean as it stands.

    Raises
    ------
    DesignError
        When no source has the outcome in a year asked for.
    """
    own = _read_results(panel, match.schools, asked)
    comparison, counted = _mean_of(own, match.places)
    reason = _why_none(panel, asked, match, counted)
    usable = reason.isna().to_numpy()
    fitted = usable & ~match.schools.isin(asked.barred)
    authority = pool.schools["la"].to_numpy(np.int64)
    gap = raw = own - comparison
    slopes = pd.Series(index=pd.Index([], name="variable"), dtype=float, name="slope")
    if adjusted:
        known = baseline_covariates(panel, pool.schools, asked, _matched_besides(pool, asked))
        if fitted.sum() > FEWEST_PER_SLOPE * (1 + known.shape[1]):
            theirs = _means_of(known.to_numpy(float), own, match.places)
            gap, slopes = correct_bias(
                own, known, fitted, authority, compared=(comparison, theirs), part=part
            )
    gap, raw = (np.where(usable, one, np.nan) for one in (gap, raw))
    columns = {"la": authority, "gap": gap, "raw_gap": raw, "own": own, "expected": own - gap,
               "comparison": comparison, "n_comparison": counted, "reason": reason}  # fmt: skip
    table = pd.DataFrame(columns, index=match.schools)
    cohort = pupils_of_year(panel, asked, match.schools)
    chance = fit_gap_variance(gap[fitted], cohort[fitted], authority[fitted])
    return weigh_gaps(panel, asked, table, slopes, chance)


def weigh_gaps(
    panel: Panel, asked: Asked, table: pd.DataFrame, slopes: pd.Series, chance: GapVariance
) -> Gaps:
    """Return each gap of one outcome its variance and its precision weight."""
    measure, known = MEASURES[asked.outcome], table["gap"].notna()
    cohort = pupils_of_year(panel, asked, table.index)
    weighed = table.assign(
        variance=np.where(known, chance.own_variance(cohort), np.nan),
        weight=np.where(known, 1 / chance.variance(cohort), np.nan),
    )
    columns = [name for name in weighed if name != "reason"]
    return Gaps(
        outcome=asked.outcome,
        unit=measure.unit,
        baseline=tuple(sorted(asked.baseline)),
        year=asked.year,
        release=str(panel.releases[asked.outcome].get(asked.year, "")),
        table=weighed[[*columns, "reason"]],
        slopes=slopes,
        city_variance=chance.city,
    )


def _read_results(panel: Panel, schools: pd.Index, asked: Asked) -> Numbers:
    """Return the year's results, refusing an outcome or a year that no source has."""
    outcome = asked.outcome
    if outcome not in panel.values.columns:
        raise DesignError(f"no source of this study has `{outcome}`.")
    if MEASURES[outcome].cohort not in panel.values.columns:
        raise DesignError(f"no source of this study says how many pupils `{outcome}` is of.")
    results = panel.wide(outcome).reindex(index=schools)
    years = (*sorted(asked.baseline), asked.year)
    gone = [y for y in years if y not in results.columns or results[y].isna().all()]
    if gone:
        raise DesignError(
            f"`{outcome}`: no school of the pool has a result in {', '.join(map(str, gone))}. "
            "Add that year's file to `sources`, or change `baseline` or `year`."
        )
    own: Numbers = results[asked.year].to_numpy(float)
    return own


def pupils_of_year(panel: Panel, asked: Asked, schools: pd.Index) -> Numbers:
    """Return how many pupils each school's result of the year is of."""
    cohort = panel.wide(MEASURES[asked.outcome].cohort).reindex(index=schools)
    pupils: Numbers = cohort[asked.year].to_numpy(float)
    return pupils


def _matched_besides(pool: Pool, asked: Asked) -> pd.DataFrame:
    """Return whatever else schools were matched on than the outcome's own years and the cohort."""
    own = {f"{asked.outcome} {year}" for year in asked.baseline}
    own.add(f"{MEASURES[asked.outcome].cohort} {max(asked.baseline)}")
    return positions(pool.schools[[name for name in pool.scales.index if name not in own]])


def trace_lines(panel: Panel, match: Match, outcome: str, schools: Iterable[int]) -> pd.DataFrame:
    """Return each school's own line and its comparison schools', one row per school and year."""
    results = panel.wide(outcome).reindex(index=match.schools)
    rows = np.flatnonzero(match.schools.isin(list(schools)))
    parts = []
    for year in results.columns:
        own = results[year].to_numpy(float)
        comparison, counted = _mean_of(own, match.places[rows])
        columns = {"school": match.schools[rows], "outcome": outcome, "year": year,
                   "own": own[rows], "comparison": comparison, "n_comparison": counted}  # fmt: skip
        parts.append(pd.DataFrame(columns))
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


def explain_missing(
    panel: Panel, outcome: str, schools: pd.Index, years: Iterable[int]
) -> pd.Series:
    """Say which of some years each school has no result in, the last one that it lacks, and why."""
    why = panel.reasons[outcome].unstack("year").reindex(index=schools)
    results = panel.wide(outcome).reindex(index=schools)
    said = pd.Series(pd.NA, index=schools, dtype="str")
    for year in years:
        none = results[year].isna()
        said[none] = f"no result in {year}: " + why[year][none].fillna("not in the files")
    return said


def _why_none(panel: Panel, asked: Asked, match: Match, counted: NDArray[np.int64]) -> pd.Series:
    """Explain for each school why it has no gap; missing where it has one."""
    schools = match.schools
    reason = pd.Series(pd.NA, index=schools, dtype="str")
    few = f"fewer than {FEWEST_COMPARISONS} comparison schools with a result"
    reason[counted < FEWEST_COMPARISONS] = few
    reason[~(pupils_of_year(panel, asked, schools) > 0)] = f"no cohort in {asked.year}"
    years = (asked.year, *sorted(asked.baseline))
    reason = explain_missing(panel, asked.outcome, schools, years).fillna(reason)
    alone = schools.isin(match.unmatched.index)
    reason[alone] = match.unmatched["reason"].reindex(schools[alone]).to_numpy()
    return reason

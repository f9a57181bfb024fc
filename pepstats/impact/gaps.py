"""Gaps: each school's result, minus its comparison schools', minus what they are left unlike in.

Bias-corrected matching (Abadie and Imbens, 2011, Journal of Business and Economic Statistics
29:1): every comparison school counts in full, and a line only corrects for what a school and its
comparison schools still differ in.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pepstats.errors import DesignError
from pepstats.formatting import AGREED
from pepstats.matching import FEWEST_COMPARISONS, Match, Pool, positions
from pepstats.measures import MEASURES, PUPILS_START, whole_of
from pepstats.schools import Panel

Numbers = NDArray[np.float64]
Authorities = NDArray[np.int64]
PLACES = 6
"""Decimals of a gap and its parts: as they are written, so that a reader's own sum agrees."""

GAP_COLUMNS = [
    "own", "comparison", "correction", "gap", "n_comparison", "weight", "reason", "la", "variance",
]  # fmt: skip


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


def fit_gap_variance(gap: Numbers, cohort: Numbers, authority: Authorities) -> GapVariance:
    """Fit how gaps vary, on schools in no programme, each part at decimals all machines agree on.

    All weights rest on them: where these are the same, so is every sum of weighted gaps.
    """
    per_school, per_pupil = (round(part, AGREED) for part in _variance_parts(gap, cohort))
    city = _city_variance(gap, per_school + per_pupil / cohort, authority)
    return GapVariance(per_school, per_pupil, round(city, AGREED))


@dataclass(frozen=True)
class Line:
    """What results go with what was known: slopes over all schools, and without each authority's.

    `overall` has index `variable` (`constant` first); `without` one row of slopes per authority.
    """

    overall: pd.Series
    without: pd.DataFrame = field(repr=False)

    def at(self, known: pd.DataFrame, authority: Authorities) -> Numbers:
        """Return what is expected of each school, by the line without its own authority."""
        slopes = self.without.loc[authority].to_numpy()
        expected: Numbers = slopes[:, 0] + (slopes[:, 1:] * known.to_numpy(float)).sum(axis=1)
        return expected

    def between(self, unlike: Numbers, authority: Authorities) -> Numbers:
        """Return how far results are apart that go with being so much unlike in what was known."""
        apart: Numbers = (self.without.loc[authority].to_numpy()[:, 1:] * unlike).sum(axis=1)
        return apart


def fit_line(
    result: Numbers, known: pd.DataFrame, outside: NDArray[np.bool_], authority: Authorities
) -> Line:
    """Fit results on what was known, by least squares over the schools `outside` every programme.

    For each authority without its own schools (the sums of all, less its own), so that no city has
    a say in what is taken out of its own gaps, and the real city and placebo programmes elsewhere
    are treated alike.
    """
    columns = np.column_stack([np.ones(len(known)), known.to_numpy(float)])
    kept = columns[outside]
    results, codes = result[outside], authority[outside]
    squares, products = kept.T @ kept, kept.T @ results
    own = pd.Series(codes).groupby(codes).indices

    def solve(here: NDArray[np.int64] | list[int]) -> Numbers:
        theirs = kept[here]
        slopes: Numbers = np.linalg.lstsq(
            squares - theirs.T @ theirs, products - theirs.T @ results[here], rcond=1e-9
        )[0]
        return slopes

    names = pd.Index(["constant", *known.columns], name="variable")
    everyone = np.unique(authority)
    slopes = [solve(own.get(code, [])) for code in everyone]
    return Line(
        pd.Series(solve([]), index=names, name="slope"),
        pd.DataFrame(slopes, index=everyone, columns=names),
    )


def _variance_parts(gap: Numbers, cohort: Numbers) -> tuple[float, float]:
    """Split the variance of gaps into a part per school and a part per pupil, none below zero."""
    from scipy.optimize import nnls

    if len(gap) < 10:
        return (float(np.var(gap)) if len(gap) > 1 else 1.0) or 1.0, 0.0
    parts, _ = nnls(np.column_stack([np.ones(len(gap)), 1 / cohort]), gap**2)
    return (float(parts[0]), float(parts[1])) if parts.any() else (1.0, 0.0)


FEWEST_OF_CITY, FEWEST_MEASURED = 5, 10
"""Schools in an authority, and such authorities, from which on their years are measured."""


def _city_variance(gap: Numbers, variance: Numbers, authority: NDArray[np.int64]) -> float:
    """Variance of a whole authority's good or bad year, by the method of moments.

    Of mean gaps of authorities with five schools or more: their squares beyond what their schools'
    own variance accounts for; zero where there is none, or fewer than ten to measure it by.
    """
    weight = 1 / variance
    city = pd.DataFrame({"w": weight, "wg": weight * gap, "n": 1}).groupby(authority).sum()
    city = city[city["n"] >= FEWEST_OF_CITY]
    if len(city) < FEWEST_MEASURED:
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

    @property
    def whole(self) -> str:
        """The same outcome of all pupils, where it is a group's."""
        return whole_of(self.outcome)

    @property
    def own_years(self) -> tuple[int, ...]:
        """The baseline years that a school needs a result of: of a group's the latest alone."""
        years = tuple(sorted(self.baseline))
        return years if self.outcome == self.whole else years[-1:]


def baseline_covariates(
    panel: Panel,
    schools: pd.DataFrame,
    asked: Asked,
    others: pd.DataFrame | None = None,
    *,
    now: bool = True,
) -> pd.DataFrame:
    """Return what was known of each school in the baseline years, to go with its result.

    Its own results, of all pupils even where the outcome is a group's, and each of them times its
    cohort (without it, large low schools are expected to rise too far); the mean of the other
    schools of its authority, in results and in what their pupils brought with them (a city's
    history); its latest cohort, as a logarithm; of a group its latest result and size; its pupils'
    own start (`pupils_start`), before and, unless `now` is false, of the pupils the result is of;
    `others`, whatever else it was matched on; its kind (the words among the columns of `schools`).
    Each in standard deviations from the mean of its year over the schools outside every programme,
    columns named by how long before, so that two years' can be compared. Where a school lacks
    something it has zero, the mean; one that lacks own results is given no gap by those who ask.
    """
    last = max(asked.baseline)
    own = _results_before(panel, schools.index, asked, asked.whole, sorted(asked.baseline))
    size = _log_cohort(panel, schools.index, asked.whole, last).rename("cohort")
    group = pd.DataFrame(index=schools.index)
    if asked.outcome != asked.whole:
        group = _results_before(panel, schools.index, asked, asked.outcome, [last])
        group["group's size"] = _log_cohort(panel, schools.index, asked.outcome, last)
    years = (last, asked.year) if now else (last,)
    start = pupils_start(panel, schools.index, asked, years)
    before = [n for n in start if n.endswith(f", {asked.year - last} before") and n[:3] != "no "]
    earlier = own.join(group.iloc[:, :1]).join(start[before])
    city = mean_of_others(earlier, schools["la"]).rename(columns=lambda n: f"authority's {n}")
    parts = [own, group, city, size, start, others]
    kinds = schools.select_dtypes(exclude="number")
    if len(kinds.columns):
        parts.append(pd.get_dummies(kinds, dtype=float))
    known = _standardise(pd.concat(parts, axis=1), ~schools.index.isin(asked.barred))
    by_size = known[own.columns].mul(known["cohort"], axis=0)
    return known.join(by_size.rename(columns=lambda name: f"{name}, by cohort")).fillna(0.0)


def _results_before(
    panel: Panel, schools: pd.Index, asked: Asked, outcome: str, years: list[int]
) -> pd.DataFrame:
    wide = panel.wide(outcome).reindex(index=schools)[years]
    return wide.rename(columns=lambda year: f"{outcome}, {asked.year - year} before")


def _log_cohort(panel: Panel, schools: pd.Index, outcome: str, year: int) -> pd.Series:
    cohort = panel.wide(MEASURES[outcome].cohort).reindex(index=schools)[year]
    return np.log(cohort.clip(lower=1))


def pupils_start(
    panel: Panel, schools: pd.Index, asked: Asked, years: Iterable[int]
) -> pd.DataFrame:
    """Return what the pupils brought with them, as far as the sources have it.

    Known before any result (`PUPILS_START`), and nothing that a programme could have moved. Of a
    measure and year that half of the schools or more have; a school that lacks it is marked so.
    """
    found = {}
    for measure in PUPILS_START.get(MEASURES[asked.outcome].kind, ()):
        if measure not in panel.values.columns:
            continue
        wide = panel.wide(measure).reindex(index=schools)
        for year in years:
            if year not in wide or wide[year].notna().mean() < 0.5:
                continue
            name = f"{measure}, {asked.year - year} before"
            found[name] = wide[year]
            if wide[year].isna().any():
                found[f"no {name}"] = wide[year].isna().astype(float)
    return pd.DataFrame(found, index=schools)


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
        Index `school`; `own` (that year's result), `comparison` (its comparison schools' mean
        result; in a forecast what was forecast), `correction` (what goes with being unlike them),
        `gap` (`own` less both, exactly as written), `n_comparison` (0 in a forecast), `weight`,
        `reason` (why there is no gap, missing where there is one), `la`, `variance` (of the gap,
        city part left out).
    slopes
        Index variable: the slopes of the line over all non-members, each per standard deviation.
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
    how: Literal["corrected", "uncorrected", "line"] = "corrected",
) -> Gaps:
    """Estimate each school's gap in one outcome, against its comparison schools.

    The gap is the school's own result minus the mean of its comparison schools, every one counted
    in full, minus the correction: what a line over the schools outside every programme, and
    outside the school's own authority, says of what they are left unlike in
    (`baseline_covariates`). The precision weight is `1 / (tau2 + s2 / cohort)`, both parts fitted
    on the same schools. There is no correction where it is to be `uncorrected`, or where there are
    too few schools for a line; of the `line` alone what it expects stands for the comparison.

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
    correction = np.zeros(len(own))
    slopes = pd.Series(index=pd.Index([], name="variable"), dtype=float, name="slope")
    if how != "uncorrected":
        known = baseline_covariates(panel, pool.schools, asked, _matched_besides(pool, asked))
        if fitted.sum() > FEWEST_PER_SLOPE * (1 + known.shape[1]):
            line = fit_line(own, known, fitted, authority)
            columns, slopes = known.to_numpy(float), line.overall
            if how == "line":
                comparison = line.at(known, authority)
            else:
                unlike = columns - _means_of(columns, own, match.places)
                correction = line.between(unlike, authority)
    table = lay_out(pool.schools["la"], own, comparison, correction, usable)
    table = table.assign(n_comparison=counted, reason=reason)
    gap = table["gap"].to_numpy()
    cohort = pupils_of_year(panel, asked, match.schools)
    chance = fit_gap_variance(gap[fitted], cohort[fitted], authority[fitted])
    return weigh_gaps(panel, asked, table, slopes, chance)


def lay_out(
    la: pd.Series, own: Numbers, comparison: Numbers, correction: Numbers, usable: NDArray[np.bool_]
) -> pd.DataFrame:
    """Lay gaps out by school with their parts, as they are written; none where not `usable`."""
    parts = [np.round(one, PLACES) for one in (own, comparison, correction)]
    gap = np.round(parts[0] - parts[1] - parts[2], PLACES) + 0.0
    return pd.DataFrame(
        {"la": la.to_numpy(np.int64), "own": parts[0], "comparison": parts[1],
         "correction": np.where(usable, parts[2] + 0.0, np.nan),
         "gap": np.where(usable, gap, np.nan)},
        index=la.index,
    )  # fmt: skip


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
    return Gaps(
        outcome=asked.outcome,
        unit=measure.unit,
        baseline=tuple(sorted(asked.baseline)),
        year=asked.year,
        release=str(panel.releases[asked.outcome].get(asked.year, "")),
        table=weighed[GAP_COLUMNS],
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
    years = (*asked.own_years, asked.year)
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
    last = max(asked.baseline)
    own = {f"{asked.whole} {year}" for year in asked.baseline}
    own |= {f"{name} {last}" for name in PUPILS_START.get(MEASURES[asked.outcome].kind, ())}
    own |= {f"{asked.outcome} {last}", f"{MEASURES[asked.whole].cohort} {last}",
            f"{MEASURES[asked.outcome].cohort} {last}"}  # fmt: skip
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
    """Average a programme's lines by year over its schools that have a gap, weighted as those are.

    `lines` as from `trace_lines`, `gaps` with one row per `school` and `outcome` and its `weight`.
    One row per `outcome` and `year` of the lines: `members`, `comparison` (the mean of the schools'
    own comparison means) and `n_schools`, those with both that year; no means in a year without
    any. In the outcome year the lines are apart by the estimate and the mean correction.
    """
    counted = gaps.reset_index().dropna(subset=["gap"])[["school", "outcome", "weight"]]
    both = lines.merge(counted, on=["school", "outcome"], validate="m:1")
    both = both[both["own"].notna() & both["comparison"].notna()].sort_values("school")
    parts = both[["own", "comparison"]].mul(both["weight"], axis=0).assign(weight=both["weight"])
    grouped = parts.groupby([both["outcome"], both["year"]])
    sums, schools = grouped.sum(), grouped.size()
    averages = pd.DataFrame({"members": sums["own"] / sums["weight"],
                             "comparison": sums["comparison"] / sums["weight"],
                             "n_schools": schools})  # fmt: skip
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
    fewest = min(FEWEST_COMPARISONS, match.rule.k)
    reason[counted < fewest] = f"fewer than {fewest} comparison schools with a result"
    reason[~(pupils_of_year(panel, asked, schools) > 0)] = f"no cohort in {asked.year}"
    years = (asked.year, *asked.own_years)
    reason = explain_missing(panel, asked.outcome, schools, years).fillna(reason)
    alone = schools.isin(match.unmatched.index)
    reason[alone] = match.unmatched["reason"].reindex(schools[alone]).to_numpy()
    return reason

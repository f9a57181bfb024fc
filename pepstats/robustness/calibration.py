"""How the method behaves on placebo programmes, in the user's own data.

Thousands of placebo programmes are picked in three ways and put through our estimator and through
the ones that are often used instead. Nothing was done in any of them, so every effect that is
found is a false alarm, and the mean of what is found is error.
"""

from __future__ import annotations

import json
import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pepstats.errors import DesignError
from pepstats.impact import (
    COMPARED,
    FEWEST_CITIES,
    Asked,
    Gaps,
    choose_mode,
    find_gaps,
    forecast_gaps,
    levels_of,
    pick_schools,
    weighted_mean,
)
from pepstats.matching import Match, MatchBasis, Pool, before_start, find_pool, match_schools
from pepstats.measures import MEASURES
from pepstats.schools import Panel
from pepstats.settings import Programme

Numbers = NDArray[np.float64]
Places = NDArray[np.int64]
Rows = list[dict[str, object]]
ONE_CITY = "low attaining, in one city"
SELECTIONS = ("at random", "low attaining", ONE_CITY)

CHANGED, ENGLAND, ONE_YEAR, ALL_YEARS, ADJUSTED, WEIGHTED = (
    "before and after",
    "difference from all England",
    "matched on one year",
    "matched on all baseline years",
    "matched, with a line for what is left unlike",
    "the same, weighted by precision",
)
"""How effects are often estimated, each a step nearer to ours; all judged by a t-test."""

OURS = "placebo cities"
PUPIL_SD = {"reading_progress": 5.97, "writing_progress": 5.75, "maths_progress": 5.42}
"""Pupil-level standard deviations of the 2018 progress scores, from published intervals."""

LEVEL = 0.05
LOTS = 400
"""How often cities are put into thirds by lot, to say what thirds would show by chance."""

YARDSTICKS = 4
"""Programmes picked from anywhere are judged by a second set, this many times as large."""

REPORT_DRAWS = 2000
"""Placebo programmes for the calibration that stands in every report."""

ROW = (
    "estimator", "selection", "outcome", "draws", "mean", "spread", "false_alarm_rate", "coverage",
    "limit",
)  # fmt: skip

TABLES = ("rows", "cities", "within", "across", "october")


@dataclass(frozen=True)
class Population:
    """What placebo programmes are picked from: all schools but the `barred`, in any programme."""

    panel: Panel = field(repr=False)
    register: pd.DataFrame = field(repr=False)
    barred: tuple[int, ...] = field(repr=False)


@dataclass(frozen=True)
class Picking:
    """How many placebo programmes, of how many schools, how many of these low attaining.

    The Fund's own selection was 13 of 18.
    """

    draws: int
    size: int = 18
    low: int = 13


@dataclass(frozen=True)
class CalibrationSample:
    """One outcome in one year: every school's gap, and who may be picked.

    `estimates` has each school's gap by the other estimators; `free` marks the schools that are in
    no programme and have a gap; `attainment` is their mean over the baseline years; `sampling` the
    variance of a result that comes of having only one year's pupils.
    """

    gaps: Gaps
    estimates: dict[str, Numbers] = field(repr=False)
    free: NDArray[np.bool_] = field(repr=False)
    authority: Places = field(repr=False)
    cohort: Numbers = field(repr=False)
    attainment: Numbers = field(repr=False)
    sampling: Numbers = field(repr=False)


@dataclass(frozen=True)
class Picked:
    """Placebo programmes: positions, one row each; the city of each (0 where from anywhere).

    `usable` cities can hold one, `too_small` have too few schools of one sort or the other.
    """

    schools: Places = field(repr=False)
    city: Places = field(repr=False)
    usable: int = 0
    too_small: int = 0


def prepare_sample(
    population: Population, programme: Programme, year: int, *, others: bool = True
) -> CalibrationSample:
    """Match every school on the primary outcome's baseline years and the cohort; find its gap.

    By our estimator, and unless `others` is false by those that are often used instead.
    """
    outcome, years = programme.primary, tuple(sorted(programme.baseline))
    find = partial(_find_gaps, population, programme, year)
    ours = find(matched := _match_all(population, programme, years), years)
    schools, cohort_of = ours.table.index, MEASURES[outcome].cohort
    results = population.panel.wide(outcome).reindex(index=schools)
    free = ours.table["gap"].notna().to_numpy() & ~schools.isin(population.barred)
    found: dict[str, pd.Series] = {}
    if others:
        last = _match_all(population, programme, years[-1:], cohort=False)
        one_year = find(last, years[-1:], adjusted=False)
        change = results[year] - results[years[-1]]
        found = {
            CHANGED: change,
            ENGLAND: change,
            ONE_YEAR: one_year.table["gap"].reindex(schools),
            ALL_YEARS: find(matched, years, adjusted=False).table["gap"],
            ADJUSTED: ours.table["gap"],
            WEIGHTED: ours.table["gap"],
        }
        free &= found[ONE_YEAR].notna().to_numpy()
    if not free.any():
        raise DesignError(f"`{outcome}`: no school outside every programme has a gap in {year}.")
    estimates = {name: values.to_numpy(float) for name, values in found.items()}
    if others:
        estimates[ENGLAND] = estimates[CHANGED] - np.mean(estimates[CHANGED][free])
    cohort = population.panel.wide(cohort_of).reindex(index=schools)[year].to_numpy(float)
    with np.errstate(divide="ignore"):
        sampling = _pupil_variance(outcome, results[year]) / cohort
    return CalibrationSample(
        ours, estimates, free, ours.table["la"].to_numpy(np.int64), cohort,
        results[list(years)].mean(axis=1).to_numpy(float), sampling,
    )  # fmt: skip


def _match_all(
    population: Population, programme: Programme, baseline: tuple[int, ...], *, cohort: bool = True
) -> tuple[Pool, Match]:
    """Match every school on the outcome's baseline years and, unless left out, the cohort."""
    outcome = programme.primary
    near = (outcome, MEASURES[outcome].cohort) if cohort else (outcome,)
    rule = programme.match.model_copy(update={"near": near})
    basis = MatchBasis(rule, programme.phase, (outcome,), baseline)
    before = before_start(population.panel, baseline[-1] + 1)
    pool = find_pool(before, population.register, basis)
    return pool, match_schools(pool, rule, programme.pool, barred=population.barred)


def _find_gaps(
    population: Population, programme: Programme, year: int, matched: tuple[Pool, Match],
    baseline: tuple[int, ...], *, adjusted: bool = True,
) -> Gaps:  # fmt: skip
    pool, match = matched
    asked = Asked(programme.primary, baseline, year, population.barred)
    return find_gaps(population.panel, pool, match, asked, adjusted=adjusted)


def prepare_october(
    population: Population, sample: CalibrationSample, national: Mapping[int, float]
) -> tuple[CalibrationSample, CalibrationSample]:
    """Return the same sample as October sees it, and last year's, that chance is measured by.

    Where `national` lacks a year, the mean over all pupils of the panel's schools is its level.
    """
    panel, outcome, year = population.panel, sample.gaps.outcome, sample.gaps.year
    schools, results = sample.gaps.table.index, panel.wide(outcome)
    cohorts = panel.wide(MEASURES[outcome].cohort)
    level = {
        y: float((results[y] * cohorts[y]).sum() / cohorts[y][results[y].notna()].sum())
        for y in (year - 1, year)
    }
    kinds = population.register.loc[schools, ["la", "phase", "school_type"]]
    asked = Asked(outcome, sample.gaps.baseline, year, population.barred)
    found = forecast_gaps(panel, kinds, asked, {**level, **national})
    seen, last = (
        replace(
            sample,
            gaps=one,
            free=one.table["gap"].notna().to_numpy() & ~schools.isin(population.barred),
            attainment=results[list(one.baseline)].reindex(schools).mean(axis=1).to_numpy(float),
        )
        for one in found
    )
    return replace(seen, free=seen.free & sample.free), last


def pick_programmes(
    sample: CalibrationSample, selection: str, picking: Picking, rng: np.random.Generator
) -> Picked:
    """Pick placebo programmes, some of their schools from the lower attaining half.

    The half of all England, or of the one city. Every city that has enough schools of both sorts
    is as likely as any other.
    """
    free, low, size, draws = np.flatnonzero(sample.free), picking.low, picking.size, picking.draws
    if selection != ONE_CITY:
        if len(free) < 4 * size:
            raise DesignError(f"{len(free)} schools are too few to make up programmes of {size}.")
        groups: tuple[tuple[Places, int], ...] = ((free, size),)
        if selection == SELECTIONS[1]:
            lower = sample.attainment[free] < np.median(sample.attainment[free])
            groups = ((free[lower], low), (free[~lower], size - low))
        picked = np.hstack([pick_schools(among, n, draws, rng) for among, n in groups])
        return Picked(picked, np.zeros(draws, dtype=np.int64))
    cities, everywhere = {}, np.unique(sample.authority[free])
    for city in everywhere:
        here = free[sample.authority[free] == city]
        lower = sample.attainment[here] < np.median(sample.attainment[here])
        if lower.sum() >= low and (~lower).sum() >= size - low:
            cities[int(city)] = (here[lower], here[~lower])
    if len(cities) < FEWEST_CITIES:
        raise DesignError(
            f"{len(cities)} authorities have enough schools for made-up programmes of {size}; at "
            f"least {FEWEST_CITIES} are needed. Ask for smaller ones."
        )
    city_of = np.sort(np.resize(sorted(cities), draws))
    parts = []
    for city, (lows, rest) in sorted(cities.items()):
        n = int((city_of == city).sum())
        parts.append(np.hstack([pick_schools(lows, low, n, rng),
                                pick_schools(rest, size - low, n, rng)]))  # fmt: skip
    return Picked(np.vstack(parts), city_of, len(cities), len(everywhere) - len(cities))


def _pupil_variance(outcome: str, results: pd.Series) -> float:
    """Return the variance of one pupil's result: binomial for a percentage, else as published."""
    if MEASURES[outcome].percent:
        share = float(results.mean()) / 100
        return 10_000 * share * (1 - share)
    return PUPIL_SD.get(outcome, float("nan")) ** 2


def judge_selection(
    sample: CalibrationSample, selection: str, picking: Picking, rng: np.random.Generator
) -> tuple[Rows, Picked]:
    """Pick placebo programmes and judge them by every estimator: `Calibration.rows`, and the picks.

    Ours judges those picked from anywhere by a second set, those of one city by all other cities'.
    """
    picked = yardstick = pick_programmes(sample, selection, picking, rng)
    if selection != ONE_CITY:
        more = replace(picking, draws=YARDSTICKS * picking.draws)
        yardstick = pick_programmes(sample, selection, more, rng)
    weight = sample.gaps.table["weight"].to_numpy()[picked.schools]
    share, sampling = weight / weight.sum(axis=1, keepdims=True), sample.sampling[picked.schools]
    n = picked.schools.shape[1]
    limits = {
        True: float(np.sqrt((share**2 * sampling).sum(axis=1)).mean()),
        False: float(np.sqrt(sampling.mean(axis=1) / n).mean()),
    }
    rows: list[tuple[str, Numbers, NDArray[np.bool_], float]] = []
    for name, values in sample.estimates.items():
        weighted = name == WEIGHTED
        found, called = t_test(values[picked.schools], share if weighted else None)
        rows.append((name, found, called, limits[weighted]))
    found, far = how_far(sample, picked)
    called = called_by(far, picked.city, how_far(sample, yardstick)[1], yardstick.city)
    rows.append((OURS, found, called, limits[True]))
    return [
        {
            "estimator": name, "selection": selection, "outcome": sample.gaps.outcome,
            "draws": len(found), "mean": float(found.mean()), "spread": float(found.std(ddof=1)),
            "false_alarm_rate": float(called.mean()), "coverage": float(1 - called.mean()),
            "limit": bound,
        }
        for name, found, called, bound in rows
    ], picked  # fmt: skip


def t_test(values: Numbers, share: Numbers | None) -> tuple[Numbers, NDArray[np.bool_]]:
    """Return the mean of each row, and whether a t-test of its schools calls it at 5 in 100."""
    from scipy.special import stdtrit

    n = values.shape[1]
    weight = np.full(values.shape, 1 / n) if share is None else share
    mean = (weight * values).sum(axis=1)
    squares = (weight**2 * (values - mean[:, None]) ** 2).sum(axis=1) * n / (n - 1)
    return mean, np.abs(mean) > stdtrit(n - 1, 1 - LEVEL / 2) * np.sqrt(squares)


def how_far(sample: CalibrationSample, picked: Picked) -> tuple[Numbers, Numbers]:
    """Return each programme's estimate, and its distance from zero in chance spreads."""
    mean, spread = weighted_mean(sample.gaps, picked.schools)
    return mean, np.abs(mean) / spread


def called_by(far: Numbers, city: Places, chance: Numbers, home: Places) -> NDArray[np.bool_]:
    """Return whether each is called an effect by placebo programmes not in its own city."""
    everywhere = np.sort(chance)
    beyond = len(everywhere) - np.searchsorted(everywhere, far, side="left")
    total = np.full(len(far), len(chance))
    for one in np.unique(city[city > 0]):
        own = np.sort(chance[home == one])
        mine = city == one
        beyond[mine] -= len(own) - np.searchsorted(own, far[mine], side="left")
        total[mine] -= len(own)
    called: NDArray[np.bool_] = (1 + beyond) / (1 + total) <= LEVEL
    return called


def by_thirds(sample: CalibrationSample, picked: Picked, rng: np.random.Generator) -> Rows:
    """Count false alarms within thirds of the cities: over all they are right by construction.

    Beside each, between what two rates 95 in 100 thirds drawn by lot would lie.
    """
    far = how_far(sample, picked)[1]
    called = called_by(far, picked.city, far, picked.city)
    rate = pd.Series(called).groupby(picked.city).mean()
    free = sample.free
    kinds = pd.DataFrame(
        {"schools": 1.0, "cohort": sample.cohort[free], "attainment": sample.attainment[free]}
    ).groupby(sample.authority[free])
    table = kinds.mean().assign(schools=kinds["schools"].sum()).reindex(rate.index)
    size = len(rate) // 3
    lots = [float(rate.to_numpy()[rng.permutation(len(rate))[:size]].mean()) for _ in range(LOTS)]
    low, high = np.quantile(lots, [0.025, 0.975])
    rows: Rows = []
    for by in table:
        place = table[by].rank(method="first", pct=True)
        for third, (above, upto) in enumerate(((0, 1 / 3), (1 / 3, 2 / 3), (2 / 3, 1)), start=1):
            inside = (place > above) & (place <= upto)
            rows.append({"outcome": sample.gaps.outcome, "year": sample.gaps.year, "by": by,
                         "third": third, "cities": int(inside.sum()),
                         "false_alarm_rate": float(rate[inside].mean()),
                         "by_lot_low": float(low), "by_lot_high": float(high)})  # fmt: skip
    return rows


@dataclass(frozen=True)
class Calibration:
    """What was found where nothing was done.

    Attributes
    ----------
    rows
        One row per `estimator`, `selection` and `outcome`: `draws`, `mean` (error) and `spread` of
        the estimates in the outcome's unit, `false_alarm_rate` at 5 in 100, `coverage` of the 95%
        interval (of any effect: both ends move with it), `limit` (the spread that the sampling of
        one year's pupils alone would give).
    cities
        By `outcome`, how many cities are `usable`, and how many `too_small` for such a programme.
    within
        Our estimator, one city, by thirds of the cities `by` schools, cohort or attainment, with
        `by_lot_low` and `by_lot_high`.
    across
        Our estimator, one city, `judged_by` another year's placebo programmes.
    october
        What October would have said of the same programmes: `correlation` with December, `mean`,
        `spread`, `false_alarm_rate` by the year before's. With too few years it is empty, as
        `across` is.
    """

    size: int
    low: int
    year: int
    baseline: tuple[int, ...]
    rows: pd.DataFrame = field(repr=False)
    cities: pd.DataFrame = field(repr=False)
    within: pd.DataFrame = field(repr=False)
    across: pd.DataFrame = field(repr=False)
    october: pd.DataFrame = field(repr=False)

    def as_data(self) -> dict[str, Any]:
        """Return all of it as plain data for JSON, unknown numbers as nothing."""
        return {
            "schools": self.size,
            "low_attaining": self.low,
            "year": self.year,
            "baseline": list(self.baseline),
            **{
                name: json.loads(getattr(self, name).to_json(orient="records", double_precision=15))
                for name in TABLES
            },
        }


def calibrate(
    population: Population,
    programme: Programme,
    year: int,
    picking: Picking,
    national: pd.DataFrame | None = None,
) -> Calibration:
    """Put placebo programmes of one size through every estimator, for each outcome.

    Some of the schools are from the lower half of those picked from (of all England, or of the one
    city) by their mean over the baseline years. Each estimator is matched on the outcome's own
    earlier years and the cohort. Chance has a stream of its own per outcome and selection.
    `national` has the published levels (`measure`, `year`, `value`), for October. Where other
    schools' results of `year` are not there yet, it is the latest year that has them, from the
    baseline years before it.

    Raises
    ------
    DesignError
        Where no year has results to try it on, or too few schools or cities have them.
    """
    programme, year = _latest_known(population, programme, year)
    tables: dict[str, Rows] = defaultdict(list)
    for outcome in programme.outcomes:
        one = programme.model_copy(update={"outcomes": (outcome,)})
        for name, rows in _calibrate_outcome(population, one, year, picking).items():
            tables[name] += rows
        if {year - 1, year - 2} <= set(programme.baseline):
            level = levels_of(outcome, national)
            for name, rows in _calibrate_across(population, one, year, picking, level).items():
                tables[name] += rows
    return Calibration(
        picking.size, picking.low, year, programme.baseline,
        **{name: pd.DataFrame(tables[name]) for name in TABLES},
    )  # fmt: skip


def _calibrate_outcome(
    population: Population, programme: Programme, year: int, picking: Picking
) -> dict[str, Rows]:
    """Calibrate on all baseline years: the tables `rows`, `cities` and `within`."""
    outcome, sample = programme.primary, prepare_sample(population, programme, year)
    rows: Rows = []
    for selection in SELECTIONS:
        rng = _stream(programme.seed, outcome, selection)
        judged, picked = judge_selection(sample, selection, picking, rng)
        rows += judged
    cities = {"outcome": outcome, "usable": picked.usable, "too_small": picked.too_small}
    within = by_thirds(sample, picked, rng)
    return {"rows": rows, "cities": [cities], "within": within}


def _calibrate_across(
    population: Population, programme: Programme, year: int, picking: Picking,
    national: Mapping[int, float],
) -> dict[str, Rows]:  # fmt: skip
    """Calibrate across years: last year and this, each from the year before alone, and October."""
    outcome, rng = programme.primary, _stream(programme.seed, programme.primary, "across years")
    samples = [
        prepare_sample(
            population, programme.model_copy(update={"baseline": (y - 1,)}), y, others=False
        )
        for y in (year - 1, year)
    ]
    picked = [pick_programmes(sample, ONE_CITY, picking, rng) for sample in samples]
    within = by_thirds(samples[0], picked[0], rng)
    across: Rows = [
        {"outcome": outcome, "year": samples[this].gaps.year,
         "judged_by": samples[other].gaps.year, "draws": picking.draws,
         "false_alarm_rate": _alarm_rate(samples[this], picked[this], samples[other],
                                         picked[other])}
        for this, other in ((1, 0), (0, 1))
    ]  # fmt: skip
    seen, last = prepare_october(population, samples[1], national)
    now, before = (pick_programmes(sample, ONE_CITY, picking, rng) for sample in (seen, last))
    ours, later = how_far(seen, now)[0], how_far(samples[1], now)[0]
    october: Rows = [
        {"outcome": outcome, "year": year, "draws": picking.draws,
         "correlation": float(np.corrcoef(ours, later)[0, 1]),
         "mean": float(ours.mean()), "spread": float(ours.std(ddof=1)),
         "false_alarm_rate": _alarm_rate(seen, now, last, before)}
    ]  # fmt: skip
    return {"within": within, "across": across, "october": october}


def _alarm_rate(
    sample: CalibrationSample, picked: Picked, other: CalibrationSample, yardstick: Picked
) -> float:
    """Count how many in one of the placebo programmes another year's call an effect."""
    far, chance = how_far(sample, picked)[1], how_far(other, yardstick)[1]
    return float(called_by(far, picked.city, chance, yardstick.city).mean())


def calibrate_primary(
    panel: Panel,
    register: pd.DataFrame,
    programme: Programme,
    year: int,
    *,
    members: Iterable[int],
    barred: Iterable[int],
) -> pd.DataFrame:
    """Put placebo programmes like the real one through every estimator, in its primary outcome.

    As `Calibration.rows`, for as many schools as the programme has, as many of them low attaining,
    each in one city; from anywhere, where too few cities could hold one; none where too few schools
    could. Cheap enough to stand in every report.
    """
    population = Population(panel, register, tuple(barred))
    primary = programme.model_copy(update={"outcomes": (programme.primary,)})
    primary, year = _latest_known(population, primary, year)
    sample = prepare_sample(population, primary, year)
    ours = sample.gaps.table.index.isin(list(members)) & sample.gaps.table["gap"].notna().to_numpy()
    middle = np.median(sample.attainment[sample.free])
    low = int((sample.attainment[ours] < middle).sum())
    picking = Picking(REPORT_DRAWS, int(ours.sum()), low)
    for selection in (ONE_CITY, SELECTIONS[1]):
        rng = _stream(programme.seed, primary.primary, f"in the report, {selection}")
        try:
            return pd.DataFrame(judge_selection(sample, selection, picking, rng)[0])
        except DesignError:
            continue
    return pd.DataFrame(columns=list(ROW))


def _latest_known(population: Population, programme: Programme, year: int) -> tuple[Programme, int]:
    """Find the latest year in which schools in no programme have results, and the years before."""
    known = [
        y
        for y in sorted({*programme.baseline, year})
        if all(
            choose_mode(population.panel, outcome, y, population.barred) == COMPARED
            for outcome in programme.outcomes
        )
    ]
    before = tuple(y for y in programme.baseline if known and y < known[-1])
    if not before:
        raise DesignError(
            "Calibration needs results of schools in no programme in two years at the least, the "
            f"last of them {year} or a baseline year. Add those years' files to `sources`."
        )
    return programme.model_copy(update={"baseline": before}), known[-1]


def describe_calibration(found: Calibration) -> str:
    """Describe in tables how the method behaved, ours last in each."""
    ours = found.rows[(found.rows["estimator"] == OURS) & (found.rows["selection"] == ONE_CITY)]
    cities = found.cities.set_index("outcome")
    said = [
        f"Programmes of {found.size} schools, {found.low} of them low attaining, where nothing was "
        f"done, in {found.year} from {' and '.join(map(str, found.baseline))}: what each way of "
        "looking at them would have found."
    ]
    for row in ours.itertuples():
        rows = found.rows[found.rows["outcome"] == row.outcome]
        wide = rows.set_index(["estimator", "selection"])[["false_alarm_rate", "mean", "spread"]]
        said += [
            f"\n{row.outcome}: one year's pupils alone would give a spread of {row.limit:.2f}; "
            f"{cities.loc[row.outcome, 'usable']} cities can hold such a programme, "
            f"{cities.loc[row.outcome, 'too_small']} have too few schools.",
            wide.unstack(sort=False).round(3).to_string(),
        ]
    within = found.within
    low, high = within["by_lot_low"], within["by_lot_high"]
    outside = int((~within["false_alarm_rate"].between(low, high)).sum())
    tables = {
        f"False alarms within thirds of the cities (by lot, 95 in 100 thirds would lie between "
        f"{low.mean():.3f} and {high.mean():.3f}; {outside} of {len(within)} do not):": within,
        "Judged by another year's made-up programmes:": found.across,
        "What October would have said of the same programmes:": found.october,
    }
    for title, table in tables.items():
        if len(table):
            said += [f"\n{title}", table.round(3).to_string(index=False)]
    return "\n".join(said)


def _stream(seed: int, outcome: str, what: str) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(f"{outcome}, {what}".encode())])

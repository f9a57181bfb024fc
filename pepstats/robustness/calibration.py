"""How the method behaves on placebo programmes, in the user's own data.

Thousands of placebo programmes are picked in several ways and put through our estimator and through
others that are often used instead. Nothing was done in any of them, so the mean of what is found is
error, and every effect that is called is a false alarm. That the placebo cities of one year call
5 in 100 of themselves is so by construction and is not counted; what can fail is: one half of the
cities judged by the other, one year by another year, and one kind of city by all.
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

from pepstats.errors import DesignError, as_reason
from pepstats.impact import (
    FEWEST_CITIES,
    MATCHED,
    Asked,
    Gaps,
    PlaceboDraws,
    choose_mode,
    find_gaps,
    fit_chance_scale,
    fit_gap_variance,
    forecast_gaps,
    latest_spread,
    levels_of,
    pick_schools,
    weighted_mean,
)
from pepstats.matching import Match, MatchBasis, Pool, before_start, find_pool, match_schools
from pepstats.measures import GAP, MEASURES, PUPILS_START, list_refused_breaks
from pepstats.schools import Panel
from pepstats.settings import Programme

Numbers = NDArray[np.float64]
Places = NDArray[np.int64]
Rows = list[dict[str, object]]

ANYWHERE, LOW = "at random", "low attaining"
ONE_CITY, POOR = "low attaining, in one city", "high disadvantage, in one city"
SELECTIONS = (ANYWHERE, LOW, ONE_CITY, POOR)

CHANGED, ENGLAND = "before and after", "difference from all England"
MEAN, LINE, OURS = (
    "matched, the mean as it stands",
    "corrected by England's schools alone",
    "bias-corrected matching",
)
"""How effects are often estimated, and ours; the first three are judged by a t-test."""

T_TEST, OTHER_HALF = "a t-test of its schools", "groups without the programme, the other half"
LEVEL = 0.05
SPLITS = 200
"""How often the cities are halved by lot, for one half to be judged by the other."""

REPORT_DRAWS = 2000
"""Placebo programmes for the calibration that stands in every report."""

ROW = (
    "estimator", "selection", "outcome", "draws", "mean", "mean_se", "spread", "spread_se",
    "judged_by", "false_alarm_rate", "false_alarm_se", "limit",
)  # fmt: skip

TABLES = ("rows", "cities", "kinds", "across", "october", "left_out")


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
    """One outcome in one year: every school's gap by each estimator, and who may be picked.

    `free` marks the schools that are in no programme and have a gap by every estimator; `traits`
    has what cities are told apart by and schools picked by: `attainment` (mean over the baseline
    years), `cohort` and, where the sources have it, `disadvantage`; `pupil_variance` is that of one
    pupil's result.
    """

    asked: Asked
    gaps: dict[str, Gaps] = field(repr=False)
    free: NDArray[np.bool_] = field(repr=False)
    authority: Places = field(repr=False)
    traits: pd.DataFrame = field(repr=False)
    pupil_variance: float
    matched: tuple[Pool, Match] = field(repr=False)


def prepare_sample(population: Population, programme: Programme, year: int) -> CalibrationSample:
    """Match every school as the programme does, and find its gap by every estimator."""
    outcome, years = programme.primary, tuple(sorted(programme.baseline))
    panel, asked = population.panel, Asked(programme.primary, years, year, population.barred)
    for broken in list_refused_breaks(outcome, [*years, year], programme.compare_across):
        raise DesignError(f"`{outcome}`: {year} cannot be set against {min(years)}: {broken.what}.")
    before = before_start(panel, years[-1] + 1)
    pool = find_pool(before, population.register, MatchBasis.of(programme))
    match = match_schools(pool, programme.match, programme.pool, barred=population.barred)
    ours = find_gaps(panel, pool, match, asked)
    found = {
        CHANGED: _change(panel, ours, population.barred, level=False),
        ENGLAND: _change(panel, ours, population.barred, level=True),
        MEAN: find_gaps(panel, pool, match, asked, how="uncorrected"),
        LINE: find_gaps(panel, pool, match, asked, how="line"),
        OURS: ours,
    }
    schools = ours.table.index
    there = [one.table["gap"].notna().to_numpy() for one in found.values()]
    free = np.all(there, axis=0) & ~schools.isin(population.barred)
    if not free.any():
        raise DesignError(f"`{outcome}`: no school outside every programme has a gap in {year}.")
    cohort = panel.wide(MEASURES[outcome].cohort).reindex(index=schools)[year]
    attainment = panel.wide(asked.whole).reindex(index=schools)[list(years)].mean(axis=1)
    traits = pd.DataFrame({"attainment": attainment, "cohort": cohort})
    poor = PUPILS_START.get(MEASURES[outcome].kind, ("", ""))[1]
    if poor in panel.values.columns and years[-1] in panel.wide(poor):
        traits["disadvantage"] = panel.wide(poor).reindex(index=schools)[years[-1]]
    authority = ours.table["la"].to_numpy(np.int64)
    return CalibrationSample(
        asked, found, free, authority, traits, _pupil_variance(panel, ours, free), (pool, match)
    )


def _change(panel: Panel, like: Gaps, barred: Iterable[int], *, level: bool) -> Gaps:
    """Return each school's change since the latest baseline year, less all England's or not."""
    schools = like.table.index
    results = panel.wide(like.outcome).reindex(index=schools)
    change = results[like.year] - results[like.baseline[-1]]
    if level:
        change = change - change[~schools.isin(list(barred))].mean()
    gap = change.where(like.table["gap"].notna())
    return replace(like, table=like.table.assign(gap=gap, weight=1.0))


def _pupil_variance(panel: Panel, ours: Gaps, free: NDArray[np.bool_]) -> float:
    """Return the variance of one pupil's result: a share's, as published limits tell, or fitted."""
    if MEASURES[ours.outcome].percent and not ours.outcome.endswith(GAP):
        share = float(ours.table["own"][free].mean()) / 100
        return 10_000 * share * (1 - share)
    known = latest_spread(panel, ours.outcome, ours.year)
    if not known.reason:
        return known.sd**2
    cohort = panel.wide(MEASURES[ours.outcome].cohort).reindex(index=ours.table.index)[ours.year]
    table = ours.table[free]
    fitted = fit_gap_variance(
        table["gap"].to_numpy(), cohort[free].to_numpy(float), table["la"].to_numpy(np.int64)
    )
    return fitted.per_pupil


def pick_programmes(
    sample: CalibrationSample, selection: str, picking: Picking, rng: np.random.Generator
) -> PlaceboDraws:
    """Pick placebo programmes, some of their schools from England's or their city's lower half.

    Every city that has enough schools of both sorts is as likely as any other.
    """
    free, low, size, draws = np.flatnonzero(sample.free), picking.low, picking.size, picking.draws
    if selection == POOR and "disadvantage" not in sample.traits:
        raise DesignError("no source says how many pupils are disadvantaged")
    by = -sample.traits["disadvantage"] if selection == POOR else sample.traits["attainment"]
    rank = by.to_numpy(float)

    def split(here: Places) -> tuple[Places, Places]:
        lower = rank[here] < np.median(rank[here])
        return here[lower], here[~lower]

    def pick(lower: Places, rest: Places, times: int) -> Places:
        some = pick_schools(lower, low, times, rng)
        return np.hstack([some, pick_schools(rest, size - low, times, rng)])

    if selection in (ANYWHERE, LOW):
        if len(free) < 4 * size:
            raise DesignError(f"{len(free)} schools are too few to make up programmes of {size}.")
        anywhere = selection == ANYWHERE
        picked = pick_schools(free, size, draws, rng) if anywhere else pick(*split(free), draws)
        return PlaceboDraws(picked, np.zeros(draws, dtype=np.int64), 0, 0, within=False)
    free = free[~np.isnan(rank[free])]
    everywhere = np.unique(sample.authority[free])
    halves = {int(city): split(free[sample.authority[free] == city]) for city in everywhere}
    cities = {city: (lower, rest) for city, (lower, rest) in halves.items()
              if len(lower) >= low and len(rest) >= size - low}  # fmt: skip
    if len(cities) < FEWEST_CITIES:
        raise DesignError(
            f"{len(cities)} authorities have enough schools for made-up programmes of {size}; at "
            f"least {FEWEST_CITIES} are needed. Ask for smaller ones."
        )
    city_of = np.sort(np.resize(list(cities), draws))
    parts = [pick(*two, int((city_of == city).sum())) for city, two in cities.items()]
    too_small = len(everywhere) - len(cities)
    return PlaceboDraws(np.vstack(parts), city_of, len(cities), too_small, within=True)


def judge_selection(
    sample: CalibrationSample, selection: str, picking: Picking, rng: np.random.Generator
) -> tuple[Rows, PlaceboDraws]:
    """Pick placebo programmes and judge them by every estimator: rows of `ROW`, and the picks."""
    picked = pick_programmes(sample, selection, picking, rng)
    cohort = sample.traits["cohort"].to_numpy(float)[picked.schools]
    rows: Rows = []
    for name, gaps in sample.gaps.items():
        mean, _ = weighted_mean(gaps, picked.schools)
        if name in (LINE, OURS):
            judged, rate = OTHER_HALF, judge_halves(gaps, picked, rng)
        else:
            called = t_test(gaps.table["gap"].to_numpy()[picked.schools])
            judged, rate = T_TEST, over_cities(called, picked.authorities)
        weight = gaps.table["weight"].to_numpy()[picked.schools]
        share = weight / weight.sum(axis=1, keepdims=True)
        variance = (share**2 * sample.pupil_variance / cohort).sum(axis=1)
        limit = float(np.sqrt(variance).mean())
        error = over_cities(mean, picked.authorities)
        spread = spread_over_cities(mean, picked.authorities, rng)
        row = (name, selection, gaps.outcome, len(mean), *error, *spread, judged, *rate, limit)
        rows.append(dict(zip(ROW, row, strict=True)))
    return rows, picked


def over_cities(values: NDArray[Any], city: Places) -> tuple[float, float]:
    """Return a mean over placebo programmes and its standard error, cities being the sample."""
    values = values.astype(float)
    return _with_error(pd.Series(values).groupby(city).mean() if city.any() else values)


def _with_error(values: Numbers | pd.Series) -> tuple[float, float]:
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))


def spread_over_cities(
    values: Numbers, city: Places, rng: np.random.Generator
) -> tuple[float, float]:
    """Return a standard deviation over placebo programmes, and its error over cities resampled."""
    sample = city if city.any() else np.arange(len(values))
    sums = pd.DataFrame({"n": 1.0, "e": values, "ee": values**2}).groupby(sample).sum().to_numpy()
    times = rng.multinomial(len(sums), np.full(len(sums), 1 / len(sums)), SPLITS) @ sums
    again = np.sqrt(times[:, 2] / times[:, 0] - (times[:, 1] / times[:, 0]) ** 2)
    return float(values.std(ddof=1)), float(again.std(ddof=1))


def t_test(values: Numbers) -> NDArray[np.bool_]:
    """Return whether a t-test of each row's schools calls their mean at 5 in 100."""
    from scipy.stats import ttest_1samp

    called: NDArray[np.bool_] = ttest_1samp(values, 0.0, axis=1).pvalue <= LEVEL
    return called


def judge_halves(gaps: Gaps, picked: PlaceboDraws, rng: np.random.Generator) -> tuple[float, float]:
    """Judge half of the cities (or of programmes from anywhere) by the rest: the rate and error."""
    mean, variance = weighted_mean(gaps, picked.schools)
    city = picked.authorities
    places, cities = pd.factorize(city if city.any() else np.arange(len(mean)) % 40)
    called, times = np.zeros(len(mean)), np.zeros(len(mean))
    for _ in range(SPLITS):
        judged = np.isin(places, rng.permutation(len(cities))[: len(cities) // 2])
        these, others = ((mean[half], variance[half]) for half in (judged, ~judged))
        called[judged] += _called_by(these, others, city[~judged])
        times[judged] += 1
    return over_cities(called / np.maximum(times, 1), places + 1)


def judge_other_year(
    gaps: Gaps, picked: PlaceboDraws, other: Gaps, yardstick: PlaceboDraws
) -> tuple[float, float]:
    """Judge one year's programmes by another's, those of the own city left out: rate and error."""
    of_this = weighted_mean(gaps, picked.schools)
    of_other = weighted_mean(other, yardstick.schools)
    called = np.zeros(len(picked.authorities), dtype=bool)
    for city in np.unique(picked.authorities):
        mine, theirs = picked.authorities == city, yardstick.authorities != city
        called[mine] = _called_by(
            (of_this[0][mine], of_this[1][mine]), (of_other[0][theirs], of_other[1][theirs]),
            yardstick.authorities[theirs],
        )  # fmt: skip
    return over_cities(called, picked.authorities)


def judge_kinds(sample: CalibrationSample, picked: PlaceboDraws) -> Rows:
    """Judge each city by all others, counted within thirds of the cities: rate and error of each.

    Over all cities together it would be 5 in 100 by construction; within a kind it need not be.
    """
    gaps = sample.gaps[OURS]
    mean, variance = weighted_mean(gaps, picked.schools)
    far = np.abs(mean) / fit_chance_scale(mean, variance, picked.authorities).of_draws
    called = np.zeros(len(far), dtype=bool)
    for city in np.unique(picked.authorities):
        mine = picked.authorities == city
        called[mine] = far[mine] > np.quantile(far[~mine], 1 - LEVEL)
    rate = pd.Series(called.astype(float)).groupby(picked.authorities).mean()
    errors = pd.Series(mean).groupby(picked.authorities).mean()
    free = sample.free
    by_city = sample.traits[free].groupby(sample.authority[free])
    table = by_city.mean().assign(schools=by_city.size().astype(float)).reindex(rate.index)
    rows: Rows = []
    for by in table:
        place = table[by].rank(method="first", pct=True)
        for third, upto in enumerate((1 / 3, 2 / 3, 1), start=1):
            inside = rate[(place > upto - 1 / 3 + 1e-9) & (place <= upto + 1e-9)]
            mean_error, mean_se = _with_error(errors[inside.index])
            alarms, alarms_se = _with_error(inside)
            rows.append({
                "outcome": gaps.outcome, "year": gaps.year, "by": by, "third": third,
                "cities": len(inside), "mean": mean_error, "mean_se": mean_se,
                "false_alarm_rate": alarms, "false_alarm_se": alarms_se,
            })  # fmt: skip
    return rows


def _called_by(
    these: tuple[Numbers, Numbers], others: tuple[Numbers, Numbers], city: Places
) -> NDArray[np.bool_]:
    """Return whether programmes (mean, variance) are further out than 95 in 100 of others."""
    chance = fit_chance_scale(*others, city)
    line = np.quantile(np.abs(others[0]) / chance.of_draws, 1 - LEVEL)
    called: NDArray[np.bool_] = np.abs(these[0]) / chance.at(these[1]) > line
    return called


@dataclass(frozen=True)
class Calibration:
    """What was found where nothing was done; every mean and rate with its standard error.

    Attributes
    ----------
    rows
        One row per `estimator`, `selection` and `outcome`: `draws`, `mean` (error) and `spread` of
        the estimates in the outcome's unit, `false_alarm_rate` at 5 in 100 and what it is
        `judged_by`, `limit` (the spread that the sampling of one year's pupils alone would give).
    cities
        By `outcome`, how many cities are `usable`, and how many `too_small` for such a programme.
    kinds
        Our estimator, one city, within thirds of the cities `by` schools, cohort, attainment or
        disadvantage.
    across
        Our estimator, one city, `judged_by` another year's placebo programmes.
    october
        What October would have said of the same programmes: `correlation` with December, `mean`,
        `spread`, `false_alarm_rate` by the year before's. With too few years it is empty, as
        `across` is.
    left_out
        What could not be tried, by `outcome` and `selection`, with the `reason`.
    """

    size: int
    low: int
    year: int
    baseline: tuple[int, ...]
    rows: pd.DataFrame = field(repr=False)
    cities: pd.DataFrame = field(repr=False)
    kinds: pd.DataFrame = field(repr=False)
    across: pd.DataFrame = field(repr=False)
    october: pd.DataFrame = field(repr=False)
    left_out: pd.DataFrame = field(repr=False)

    def as_data(self) -> dict[str, Any]:
        """Return all of it as plain data for JSON, unknown numbers as nothing."""
        known = {"schools": self.size, "low_attaining": self.low, "year": self.year,
                 "baseline": list(self.baseline)}  # fmt: skip
        tables = {name: getattr(self, name) for name in TABLES}
        return known | {
            name: json.loads(table.to_json(orient="records", double_precision=15))
            for name, table in tables.items()
        }


def calibrate(
    population: Population,
    programme: Programme,
    year: int,
    picking: Picking,
    national: pd.DataFrame | None = None,
) -> Calibration:
    """Put placebo programmes of one size through every estimator, for each outcome.

    Each outcome is matched as the programme's own primary outcome is. Chance has a stream of its
    own per outcome and selection. `national` has the published levels (`measure`, `year`,
    `value`), for October. Where other schools' results of `year` are not there yet, it is the
    latest year that has them, from the baseline years before it. What cannot be tried (a change of
    definition, too few cities) is left out with its reason.

    Raises
    ------
    DesignError
        Where no year has results to try it on, or nothing can be tried.
    """
    programme, year = _latest_known(population, programme, year)
    tables: dict[str, Rows] = defaultdict(list)
    for outcome in programme.outcomes:
        one = programme.model_copy(
            update={"outcomes": (outcome,), "match": _match_on(programme, outcome)}
        )
        asked = population, one, year, picking
        tries = {"": partial(_calibrate_outcome, *asked)}
        if {year - 1, year - 2} <= set(programme.baseline):
            level = levels_of(outcome, national)
            tries["across years"] = partial(_calibrate_across, *asked, level)
        for what, attempt in tries.items():
            try:
                for name, rows in attempt().items():
                    tables[name] += rows
            except DesignError as error:
                tables["left_out"].append(_left_out(outcome, what, error))
    if not tables["rows"]:
        raise DesignError("; ".join(str(row["reason"]) for row in tables["left_out"]))
    return Calibration(
        picking.size, picking.low, year, programme.baseline,
        **{name: pd.DataFrame(tables[name]) for name in TABLES},
    )  # fmt: skip


def _left_out(outcome: str, selection: str, error: DesignError) -> dict[str, object]:
    return {"outcome": outcome, "selection": selection, "reason": as_reason(error)}


def _match_on(programme: Programme, outcome: str) -> Any:
    """Return the programme's rule, matched on this outcome where it names the primary one."""
    first = programme.match.near
    near = tuple(outcome if name == programme.primary else name for name in first)
    near = near if outcome in near or programme.primary not in first else (outcome, *near)
    return programme.match.model_copy(update={"near": tuple(dict.fromkeys(near))})


def _calibrate_outcome(
    population: Population, programme: Programme, year: int, picking: Picking
) -> dict[str, Rows]:
    """Calibrate on all baseline years: the tables `rows`, `cities`, `kinds` and `left_out`."""
    outcome, sample = programme.primary, prepare_sample(population, programme, year)
    found: dict[str, Rows] = defaultdict(list)
    for selection in SELECTIONS:
        rng = _stream(programme.seed, outcome, selection)
        try:
            judged, picked = judge_selection(sample, selection, picking, rng)
        except DesignError as error:
            found["left_out"].append(_left_out(outcome, selection, error))
            continue
        found["rows"] += judged
        if selection == ONE_CITY:
            counts = {"usable": picked.usable, "too_small": picked.too_small}
            found["cities"].append({"outcome": outcome, **counts})
            found["kinds"] += judge_kinds(sample, picked)
    return found


def _calibrate_across(
    population: Population, programme: Programme, year: int, picking: Picking,
    national: Mapping[int, float],
) -> dict[str, Rows]:  # fmt: skip
    """Calibrate across years: last year and this, each from the year before alone, and October."""
    outcome = programme.primary
    rng = _stream(programme.seed, outcome, "across years")
    samples = [
        prepare_sample(population, programme.model_copy(update={"baseline": (y - 1,)}), y)
        for y in (year - 1, year)
    ]
    gaps = [sample.gaps[OURS] for sample in samples]
    picked = [pick_programmes(sample, ONE_CITY, picking, rng) for sample in samples]
    across: Rows = []
    for this, other in ((1, 0), (0, 1)):
        rate, error = judge_other_year(gaps[this], picked[this], gaps[other], picked[other])
        across.append({
            "outcome": outcome, "year": gaps[this].year, "judged_by": gaps[other].year,
            "draws": picking.draws, "false_alarm_rate": rate, "false_alarm_se": error,
        })  # fmt: skip
    seen, last = forecast_sample(population, samples[1], national)
    known = samples[1].free & seen.gaps[OURS].table["gap"].notna().to_numpy()
    now = pick_programmes(replace(samples[1], free=known), ONE_CITY, picking, rng)
    before = pick_programmes(last, ONE_CITY, picking, rng)
    ours = weighted_mean(seen.gaps[OURS], now.schools)[0]
    later = weighted_mean(gaps[1], now.schools)[0]
    rate, error = judge_other_year(seen.gaps[OURS], now, last.gaps[OURS], before)
    october: Rows = [{
        "outcome": outcome, "year": year, "draws": picking.draws,
        "correlation": float(np.corrcoef(ours, later)[0, 1]), "mean": float(ours.mean()),
        "spread": float(ours.std(ddof=1)), "false_alarm_rate": rate, "false_alarm_se": error,
    }]  # fmt: skip
    return {"across": across, "october": october}


def forecast_sample(
    population: Population, sample: CalibrationSample, national: Mapping[int, float]
) -> tuple[CalibrationSample, CalibrationSample]:
    """Return the same schools as October sees them, and last year's, picked by what was before.

    Where `national` lacks a year, the mean over all pupils of the pool's schools is its level.
    """
    panel, outcome, year = population.panel, sample.asked.outcome, sample.asked.year
    schools = sample.gaps[OURS].table.index
    results = panel.wide(outcome).reindex(index=schools)
    cohorts = panel.wide(MEASURES[outcome].cohort).reindex(index=schools)
    level = {
        y: float((results[y] * cohorts[y]).sum() / cohorts[y][results[y].notna()].sum())
        for y in (year - 1, year)
    }
    whole = panel.wide(sample.asked.whole).reindex(index=schools)
    seen, last = (
        replace(
            sample,
            gaps={OURS: found},
            free=found.table["gap"].notna().to_numpy() & ~schools.isin(population.barred),
            traits=sample.traits.assign(attainment=whole[list(found.baseline)].mean(axis=1)),
        )
        for found in forecast_gaps(panel, *sample.matched, sample.asked, {**level, **national})
    )
    return seen, last


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
    table, attainment = sample.gaps[OURS].table, sample.traits["attainment"].to_numpy(float)
    ours = table.index.isin(list(members)) & table["gap"].notna().to_numpy()
    low = int((attainment[ours] < np.median(attainment[sample.free])).sum())
    picking = Picking(REPORT_DRAWS, int(ours.sum()), low)
    for selection in (ONE_CITY, LOW):
        rng = _stream(programme.seed, primary.primary, f"in the report, {selection}")
        try:
            return pd.DataFrame(judge_selection(sample, selection, picking, rng)[0])
        except DesignError:
            continue
    return pd.DataFrame(columns=list(ROW))


def _latest_known(population: Population, programme: Programme, year: int) -> tuple[Programme, int]:
    """Find the latest year in which schools in no programme have results, and the years before."""
    panel, barred, outcome = population.panel, population.barred, programme.primary
    years = sorted({*programme.baseline, year})
    known = [y for y in years if choose_mode(panel, outcome, y, barred) == MATCHED]
    before = tuple(y for y in programme.baseline if known and y < known[-1])
    if not before:
        raise DesignError(
            "Calibration needs results of schools in no programme in two years at the least, the "
            f"last of them {year} or a baseline year. Add those years' files to `sources`."
        )
    return programme.model_copy(update={"baseline": before}), known[-1]


def describe_calibration(found: Calibration) -> str:
    """Describe in tables how the method behaved, ours last in each."""
    said = [
        f"Programmes of {found.size} schools, {found.low} of them low attaining, where nothing was "
        f"done, in {found.year} from {' and '.join(map(str, found.baseline))}: what each way of "
        "looking at them would have found. Standard errors (se) are over cities."
    ]
    for outcome, rows in found.rows.groupby("outcome", sort=False):
        shown = rows.drop(columns=["outcome", "draws", "limit"]).round(3)
        said += [
            f"\n{outcome}: one year's pupils alone would give a spread of "
            f"{rows['limit'].iloc[-1]:.2f}.",
            shown.to_string(index=False),
        ]
    for title, table in (
        ("Cities that can hold such a programme, and too small for one:", found.cities),
        ("False alarms and mean error within thirds of the cities:", found.kinds),
        ("Judged by another year's made-up programmes:", found.across),
        ("What October would have said of the same programmes:", found.october),
        ("Not tried, and why:", found.left_out),
    ):
        if len(table):
            said += [f"\n{title}", table.round(3).to_string(index=False)]
    return "\n".join(said)


def _stream(seed: int, outcome: str, what: str) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(f"{outcome}, {what}".encode())])

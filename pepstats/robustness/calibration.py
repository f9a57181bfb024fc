"""How the method behaves on programmes that did nothing, in the user's own data.

Thousands of made-up programmes are picked in three ways and put through our estimator and through
the ones that are often used instead. Nothing was done in any of them, so every effect that is
found is a false alarm, and the mean of what is found is error.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
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
    pick_schools,
    weighted_mean,
)
from pepstats.matching import before_start, find_pool, match_schools
from pepstats.measures import MEASURES
from pepstats.schools import Panel
from pepstats.settings import Programme

Numbers = NDArray[np.float64]

Places = NDArray[np.int64]

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

PUPIL_SD = {"reading_progress": 5.97, "writing_progress": 5.75, "maths_progress": 5.42}
"""Pupil-level standard deviations of the 2018 progress scores, from published intervals."""


@dataclass(frozen=True)
class CalibrationSample:
    """One outcome in one year: every school's gap, and who may be picked.

    `estimates` has each school's gap by the other estimators; `free` says which schools are in no
    programme and have a gap; `attainment` is their mean over the baseline years; `sampling` the
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
    """Made-up programmes: positions, one row each; the city of each (0 where from anywhere).

    `usable` cities can hold one, `too_small` have too few schools of one sort or the other.
    """

    schools: Places = field(repr=False)
    city: Places = field(repr=False)
    usable: int = 0
    too_small: int = 0


def prepare_sample(
    panel: Panel,
    register: pd.DataFrame,
    programme: Programme,
    outcome: str,
    *,
    baseline: Iterable[int],
    year: int,
    barred: Iterable[int],
    others: bool = True,
) -> CalibrationSample:
    """Match every school on an outcome's earlier years and the cohort, and find its gap.

    By our estimator, and unless `others` is false by those that are often used instead.
    """
    years, never = tuple(sorted(baseline)), tuple(barred)
    near = (outcome, MEASURES[outcome].cohort)

    def find(names: tuple[str, ...], over: tuple[int, ...], *sums: dict[str, bool]) -> list[Gaps]:
        rule = programme.match.model_copy(update={"near": names})
        pool = find_pool(
            before_start(panel, over[-1] + 1), register, rule, phase=programme.phase,
            outcomes=[outcome], baseline=over, members=never,
        )  # fmt: skip
        match = match_schools(pool, rule, programme.pool, barred=never)
        asked = Asked(outcome, over, year, never)
        return [find_gaps(panel, pool, match, asked, **how) for how in sums]

    raw = {"adjusted": False}
    ours, *found = find(near, years, {}, *([raw] if others else []))
    schools = ours.table.index
    results = panel.wide(outcome).reindex(index=schools)
    cohort = panel.wide(MEASURES[outcome].cohort).reindex(index=schools)[year].to_numpy(float)
    free = ours.table["gap"].notna().to_numpy() & ~schools.isin(never)
    estimates: dict[str, Numbers] = {}
    if others:
        change = (results[year] - results[years[-1]]).to_numpy(float)
        one_year = find((outcome,), years[-1:], raw)[0].table["gap"].reindex(schools)
        free &= one_year.notna().to_numpy()
        estimates = {
            CHANGED: change,
            ENGLAND: change - np.mean(change[free]) if free.any() else change,
            ONE_YEAR: one_year.to_numpy(float),
            ALL_YEARS: found[0].table["gap"].to_numpy(float),
            ADJUSTED: ours.table["gap"].to_numpy(float),
            WEIGHTED: ours.table["gap"].to_numpy(float),
        }
    if not free.any():
        raise DesignError(f"`{outcome}`: no school outside every programme has a gap in {year}.")
    with np.errstate(divide="ignore"):
        sampling = _pupil_variance(outcome, results[year]) / cohort
    return CalibrationSample(
        gaps=ours,
        estimates=estimates,
        free=free,
        authority=ours.table["la"].to_numpy(np.int64),
        cohort=cohort,
        attainment=results[list(years)].mean(axis=1).to_numpy(float),
        sampling=sampling,
    )


def prepare_october(
    panel: Panel,
    register: pd.DataFrame,
    scene: CalibrationSample,
    *,
    national: dict[int, float],
    barred: Iterable[int],
) -> tuple[CalibrationSample, CalibrationSample]:
    """Give the same scene as October sees it, and last year's, that chance is measured by.

    Where `national` lacks a year, the mean over all pupils of the panel's schools is its level.
    """
    outcome, year = scene.gaps.outcome, scene.gaps.year
    schools, never = scene.gaps.table.index, tuple(barred)
    results = panel.wide(outcome)
    cohorts = panel.wide(MEASURES[outcome].cohort)
    level = {
        y: float((results[y] * cohorts[y]).sum() / cohorts[y][results[y].notna()].sum())
        for y in (year - 1, year)
    }
    columns = [c for c in ("la", "phase", "school_type") if c in register.columns]
    asked = Asked(outcome, scene.gaps.baseline, year, never)
    found = forecast_gaps(panel, register.loc[schools, columns], asked, {**level, **national})
    seen, last = (
        replace(
            scene,
            gaps=one,
            free=one.table["gap"].notna().to_numpy() & ~schools.isin(never),
            attainment=results[list(one.baseline)].reindex(schools).mean(axis=1).to_numpy(float),
        )
        for one in found
    )
    return replace(seen, free=seen.free & scene.free), last


def pick_programmes(
    scene: CalibrationSample,
    selection: str,
    *,
    size: int,
    low: int,
    draws: int,
    rng: np.random.Generator,
) -> Picked:
    """Pick made-up programmes of `size` schools, `low` of them from the lower attaining half.

    The half of all England, or of the one city. Every city that has enough schools of both sorts
    is as likely as any other.
    """
    free = np.flatnonzero(scene.free)
    if selection != ONE_CITY:
        if len(free) < 4 * size:
            raise DesignError(f"{len(free)} schools are too few to make up programmes of {size}.")
        groups: tuple[tuple[Places, int], ...] = ((free, size),)
        if selection == SELECTIONS[1]:
            lower = scene.attainment[free] < np.median(scene.attainment[free])
            groups = ((free[lower], low), (free[~lower], size - low))
        picked = np.hstack([pick_schools(among, n, draws, rng) for among, n in groups])
        return Picked(picked, np.zeros(draws, dtype=np.int64))
    cities, everywhere = {}, np.unique(scene.authority[free])
    for city in everywhere:
        here = free[scene.authority[free] == city]
        lower = scene.attainment[here] < np.median(scene.attainment[here])
        if lower.sum() >= low and (~lower).sum() >= size - low:
            cities[int(city)] = (here[lower], here[~lower])
    if len(cities) < FEWEST_CITIES:
        raise DesignError(
            f"{len(cities)} authorities have enough schools for made-up programmes of {size}; at "
            f"least {FEWEST_CITIES} are needed. Ask for smaller ones."
        )
    city_of = np.sort(np.resize(sorted(cities), draws))
    parts = [
        np.hstack([pick_schools(lower, low, int((city_of == city).sum()), rng),
                   pick_schools(rest, size - low, int((city_of == city).sum()), rng)])
        for city, (lower, rest) in sorted(cities.items())
    ]  # fmt: skip
    return Picked(np.vstack(parts), city_of, len(cities), len(everywhere) - len(cities))


def _pupil_variance(outcome: str, results: pd.Series) -> float:
    """Variance of one pupil's result: binomial for a percentage, else the fitted part per pupil."""
    if MEASURES[outcome].percent:
        share = float(results.mean()) / 100
        return 10_000 * share * (1 - share)
    return PUPIL_SD.get(outcome, float("nan")) ** 2


OURS = "placebo cities"

LEVEL = 0.05

LOTS = 400
"""How often cities are put into thirds by lot, to say what thirds would show by chance."""

Row = dict[str, object]


def judge_all(
    scene: CalibrationSample, selection: str, picked: Picked, yardstick: Picked
) -> list[Row]:
    """Judge one set of made-up programmes by every estimator: a row each, as `Calibration.rows`.

    Ours is judged by `yardstick`: made-up programmes of which a programme's own city has no say.
    """
    weight = scene.gaps.table["weight"].to_numpy()[picked.schools]
    share, sampling = weight / weight.sum(axis=1, keepdims=True), scene.sampling[picked.schools]
    n = picked.schools.shape[1]
    limits = {
        True: float(np.sqrt((share**2 * sampling).sum(axis=1)).mean()),
        False: float(np.sqrt(sampling.mean(axis=1) / n).mean()),
    }
    rows: list[tuple[str, Numbers, NDArray[np.bool_], float]] = []
    for name, values in scene.estimates.items():
        weighted = name == WEIGHTED
        found, called = t_test(values[picked.schools], share if weighted else None)
        rows.append((name, found, called, limits[weighted]))
    found, far = how_far(scene, picked)
    called = called_by(far, picked.city, how_far(scene, yardstick)[1], yardstick.city)
    rows.append((OURS, found, called, limits[True]))
    return [
        {
            "estimator": name, "selection": selection, "outcome": scene.gaps.outcome,
            "draws": len(found), "mean": float(found.mean()), "spread": float(found.std(ddof=1)),
            "false_alarm_rate": float(called.mean()), "coverage": float(1 - called.mean()),
            "limit": bound,
        }
        for name, found, called, bound in rows
    ]  # fmt: skip


def t_test(values: Numbers, share: Numbers | None) -> tuple[Numbers, NDArray[np.bool_]]:
    """The mean of each row, and whether a t-test of its schools calls it at 5 in 100."""
    from scipy.special import stdtrit

    n = values.shape[1]
    weight = np.full(values.shape, 1 / n) if share is None else share
    mean = (weight * values).sum(axis=1)
    squares = (weight**2 * (values - mean[:, None]) ** 2).sum(axis=1) * n / (n - 1)
    return mean, np.abs(mean) > stdtrit(n - 1, 1 - LEVEL / 2) * np.sqrt(squares)


def how_far(scene: CalibrationSample, picked: Picked) -> tuple[Numbers, Numbers]:
    """Each programme's estimate, and how far from nought it is in units of its chance spread."""
    mean, spread = weighted_mean(scene.gaps, picked.schools)
    return mean, np.abs(mean) / spread


def called_by(far: Numbers, city: Places, chance: Numbers, home: Places) -> NDArray[np.bool_]:
    """Whether each programme is called by made-up programmes that are not in its own city."""
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


def cover_added(scene: CalibrationSample, picked: Picked, added: tuple[float, ...]) -> list[Row]:
    """Say how often the 95% interval holds an effect that was added to every school.

    What is added to a programme's schools moves its estimate, and both ends of its interval, by
    just as much (`tests/test_gaps.py`; `benchmarks/coverage.py` makes the whole comparison anew).
    """
    mean, spread = weighted_mean(scene.gaps, picked.schools)
    chance = np.abs(mean) / spread
    rows: list[Row] = []
    for effect in added:
        found = mean + effect
        far = np.abs(found - effect) / spread
        covered = ~called_by(far, picked.city, chance, picked.city)
        rows.append({"outcome": scene.gaps.outcome, "added": effect, "draws": len(far),
                     "mean": float(found.mean()), "coverage": float(covered.mean())})  # fmt: skip
    return rows


def by_thirds(scene: CalibrationSample, picked: Picked, rng: np.random.Generator) -> list[Row]:
    """False alarms within thirds of the cities: the average over all is right by construction.

    Beside each, between what two rates 95 in 100 thirds drawn by lot would lie.
    """
    far = how_far(scene, picked)[1]
    called = called_by(far, picked.city, far, picked.city)
    rate = pd.Series(called).groupby(picked.city).mean()
    free = scene.free
    kinds = pd.DataFrame(
        {"schools": 1.0, "cohort": scene.cohort[free], "attainment": scene.attainment[free]}
    ).groupby(scene.authority[free])
    table = kinds.mean().assign(schools=kinds["schools"].sum()).reindex(rate.index)
    size = len(rate) // 3
    lots = [float(rate.to_numpy()[rng.permutation(len(rate))[:size]].mean()) for _ in range(LOTS)]
    low, high = np.quantile(lots, [0.025, 0.975])
    rows: list[Row] = []
    for by in table:
        place = table[by].rank(method="first", pct=True)
        for third, (above, upto) in enumerate(((0, 1 / 3), (1 / 3, 2 / 3), (2 / 3, 1)), start=1):
            inside = (place > above) & (place <= upto)
            rows.append({"outcome": scene.gaps.outcome, "year": scene.gaps.year, "by": by,
                         "third": third, "cities": int(inside.sum()),
                         "false_alarm_rate": float(rate[inside].mean()),
                         "by_lot_low": float(low), "by_lot_high": float(high)})  # fmt: skip
    return rows


ADDED = (0.0, 2.0, 5.0)

YARDSTICKS = 4
"""Programmes picked from anywhere are judged by a second set, this many times as large."""

ROW = (
    "estimator", "selection", "outcome", "draws", "mean", "spread", "false_alarm_rate", "coverage",
    "limit",
)  # fmt: skip

TABLES = ("rows", "coverage", "cities", "within", "across", "october")


@dataclass(frozen=True)
class Calibration:
    """What was found where nothing was done.

    Attributes
    ----------
    rows
        One row per `estimator`, `selection` and `outcome`: `draws`, `mean` (error) and `spread` of
        the estimates in the outcome's unit, `false_alarm_rate` at 5 in 100, `coverage` of the 95%
        interval whatever effect is added, `limit` (the spread that the sampling of one year's
        pupils alone would give).
    coverage
        Our estimator, one city: `outcome`, `added`, `draws`, `mean`, `coverage`.
    cities
        `outcome`, how many cities are `usable`, and how many `too_small` for such a programme.
    within
        Our estimator, one city, by thirds of the cities: `outcome`, `year`, `by` (schools, cohort,
        attainment), `third`, `cities`, `false_alarm_rate`, `by_lot_low`, `by_lot_high`.
    across
        Our estimator, one city, judged by another year's made-up programmes: `outcome`, `year`,
        `judged_by`, `draws`, `false_alarm_rate`; empty where the study has too few years.
    october
        What October would have said of the same programmes: `outcome`, `year`, `draws`,
        `correlation` with December, `mean`, `spread`, `false_alarm_rate` by the year before's.
    """

    size: int
    low: int
    year: int
    baseline: tuple[int, ...]
    rows: pd.DataFrame = field(repr=False)
    coverage: pd.DataFrame = field(repr=False)
    cities: pd.DataFrame = field(repr=False)
    within: pd.DataFrame = field(repr=False)
    across: pd.DataFrame = field(repr=False)
    october: pd.DataFrame = field(repr=False)

    def as_data(self) -> dict[str, Any]:
        """Give all of it as plain data for JSON, unknown numbers as nothing."""
        return {
            "schools": self.size,
            "low_attaining": self.low,
            "year": self.year,
            "baseline": list(self.baseline),
            **{
                name: [_plain(row) for row in getattr(self, name).to_dict("records")]
                for name in TABLES
            },
        }


def calibrate(
    panel: Panel,
    register: pd.DataFrame,
    programme: Programme,
    year: int,
    *,
    barred: Iterable[int],
    draws: int,
    size: int = 18,
    low: int = 13,
    national: Mapping[str, Mapping[int, float]] | None = None,
) -> Calibration:
    """Put made-up programmes of one size through every estimator, for each outcome.

    `size` schools, `low` of them from the lower half of the schools picked from (of all England, or
    of the one city) by their mean over the baseline years: the Fund's own selection was 13 of 18.
    Each estimator is matched on the outcome's own earlier years and the cohort. Chance has a stream
    of its own per outcome and selection. `national` has the published level of each measure and
    year, for October. Where other schools' results of `year` are not there yet, it is the latest
    year that has them, from the baseline years before it.

    Raises
    ------
    DesignError
        Where no year has results to try it on, or too few schools or cities have them.
    """
    programme, year = _latest_known(panel, programme, year, barred)
    found: dict[str, list[dict[str, object]]] = {name: [] for name in TABLES}
    ask = {"size": size, "low": low}
    never = tuple(barred)
    for outcome in programme.outcomes:
        scene = prepare_sample(panel, register, programme, outcome, baseline=programme.baseline,
                          year=year, barred=never)  # fmt: skip
        for selection in SELECTIONS:
            rng = _stream(programme.seed, outcome, selection)
            picked = pick_programmes(scene, selection, **ask, draws=draws, rng=rng)
            again = picked
            if selection != ONE_CITY:
                again = pick_programmes(scene, selection, **ask, draws=YARDSTICKS * draws, rng=rng)
            found["rows"] += judge_all(scene, selection, picked, again)
        found["coverage"] += cover_added(scene, picked, ADDED)
        found["cities"].append(
            {"outcome": outcome, "usable": picked.usable, "too_small": picked.too_small}
        )
        found["within"] += by_thirds(scene, picked, rng)
        steps = _one_year_steps(panel, register, programme, outcome, year, never)
        if steps is not None:
            rng = _stream(programme.seed, outcome, "across years")
            one = [pick_programmes(s, ONE_CITY, **ask, draws=draws, rng=rng) for s in steps]
            found["within"] += by_thirds(steps[0], one[0], rng)
            for this, other in ((1, 0), (0, 1)):
                called = called_by(
                    how_far(steps[this], one[this])[1], one[this].city,
                    how_far(steps[other], one[other])[1], one[other].city,
                )  # fmt: skip
                found["across"].append(
                    {"outcome": outcome, "year": steps[this].gaps.year,
                     "judged_by": steps[other].gaps.year, "draws": draws,
                     "false_alarm_rate": float(called.mean())}
                )  # fmt: skip
            level = dict((national or {}).get(outcome, {}))
            seen, last = prepare_october(panel, register, steps[1], national=level, barred=never)
            picked = pick_programmes(seen, ONE_CITY, **ask, draws=draws, rng=rng)
            again = pick_programmes(last, ONE_CITY, **ask, draws=draws, rng=rng)
            ours, far = how_far(seen, picked)
            called = called_by(far, picked.city, how_far(last, again)[1], again.city)
            found["october"].append(
                {"outcome": outcome, "year": year, "draws": draws,
                 "correlation": float(np.corrcoef(ours, how_far(steps[1], picked)[0])[0, 1]),
                 "mean": float(ours.mean()), "spread": float(ours.std(ddof=1)),
                 "false_alarm_rate": float(called.mean())}
            )  # fmt: skip
    return Calibration(
        size, low, year, programme.baseline, **{name: pd.DataFrame(found[name]) for name in TABLES}
    )


def calibrate_primary(
    panel: Panel,
    register: pd.DataFrame,
    programme: Programme,
    year: int,
    *,
    members: Iterable[int],
    barred: Iterable[int],
    draws: int = 2000,
) -> pd.DataFrame:
    """Put made-up programmes like the real one through every estimator, in its primary outcome.

    As `Calibration.rows`, for as many schools as the programme has, as many of them low attaining,
    each in one city; from anywhere, where too few cities could hold one; none where too few schools
    could. Cheap enough to stand in every report.
    """
    own = tuple(sorted(members))
    primary = programme.model_copy(update={"outcomes": (programme.primary,)})
    primary, year = _latest_known(panel, primary, year, barred)
    scene = prepare_sample(panel, register, primary, primary.primary, baseline=primary.baseline,
                      year=year, barred=barred)  # fmt: skip
    ours = scene.gaps.table.index.isin(own) & scene.gaps.table["gap"].notna().to_numpy()
    middle = np.median(scene.attainment[scene.free])
    size, low = int(ours.sum()), int((scene.attainment[ours] < middle).sum())
    for selection in (ONE_CITY, SELECTIONS[1]):
        rng = _stream(programme.seed, primary.primary, f"in the report, {selection}")
        try:
            picked = pick_programmes(scene, selection, size=size, low=low, draws=draws, rng=rng)
        except DesignError:
            continue
        again = picked
        if selection != ONE_CITY:
            again = pick_programmes(
                scene, selection, size=size, low=low, draws=YARDSTICKS * draws, rng=rng
            )
        return pd.DataFrame(judge_all(scene, selection, picked, again))
    return pd.DataFrame(columns=list(ROW))


def _latest_known(
    panel: Panel, programme: Programme, year: int, barred: Iterable[int]
) -> tuple[Programme, int]:
    """Give the latest year in which schools in no programme have results, and the years before."""
    known = [
        y
        for y in sorted({*programme.baseline, year})
        if all(choose_mode(panel, o, y, barred) == COMPARED for o in programme.outcomes)
    ]
    before = tuple(y for y in programme.baseline if known and y < known[-1])
    if not before:
        raise DesignError(
            "Calibration needs results of schools in no programme in two years at the least, the "
            f"last of them {year} or a baseline year. Add those years' files to `sources`."
        )
    return programme.model_copy(update={"baseline": before}), known[-1]


def _one_year_steps(
    panel: Panel, register: pd.DataFrame, programme: Programme, outcome: str, year: int,
    barred: tuple[int, ...],
) -> tuple[CalibrationSample, CalibrationSample] | None:  # fmt: skip
    """Last year and this one, each from the year before alone; nothing where there are too few."""
    if year - 1 not in programme.baseline or year - 2 not in programme.baseline:
        return None
    last, this = (
        prepare_sample(panel, register, programme, outcome, baseline=[y - 1], year=y, barred=barred,
                  others=False)
        for y in (year - 1, year)
    )  # fmt: skip
    return last, this


def describe_calibration(found: Calibration) -> str:
    """Say in tables how the method behaved, ours last in each."""
    said = [
        f"Programmes of {found.size} schools, {found.low} of them low attaining, where nothing was "
        f"done, in {found.year} from {' and '.join(map(str, found.baseline))}: what each way of "
        "looking at them would have found."
    ]
    for outcome, rows in found.rows.groupby("outcome", sort=False):
        wide = rows.pivot_table(
            index="estimator", columns="selection",
            values=["mean", "spread", "false_alarm_rate"], sort=False,
        ).reindex(columns=pd.MultiIndex.from_product(
            [["false_alarm_rate", "mean", "spread"], SELECTIONS]
        ))  # fmt: skip
        limit = rows.loc[rows["selection"] == ONE_CITY, "limit"].iloc[-1]
        cities = found.cities.set_index("outcome").loc[outcome]
        said += ["", f"{outcome}: one year's pupils alone would give a spread of {limit:.2f}; "
                 f"{cities['usable']} cities can hold such a programme, {cities['too_small']} have "
                 "too few schools.", wide.round(3).to_string()]  # fmt: skip
    said += ["", "How often our 95% interval holds an effect that was added:",
             found.coverage.pivot_table(index="outcome", columns="added", values="coverage",
                                        sort=False).round(3).to_string()]  # fmt: skip
    within = found.within
    if len(within):
        outside = int(
            (~within["false_alarm_rate"].between(within["by_lot_low"], within["by_lot_high"])).sum()
        )
        said += ["", "False alarms within thirds of the cities (by lot, 95 in 100 thirds would lie "
                 f"between {within['by_lot_low'].mean():.3f} and {within['by_lot_high'].mean():.3f}"
                 f"; {outside} of {len(within)} do not):",
                 within.pivot_table(index=["outcome", "by"], columns=["year", "third"],
                                    values="false_alarm_rate", sort=False)
                 .sort_index(axis=1).round(3).to_string()]  # fmt: skip
    if len(found.across):
        said += ["", "Judged by another year's made-up programmes:",
                 found.across.round(3).to_string(index=False), "",
                 "What October would have said of the same programmes:",
                 found.october.round(3).to_string(index=False)]  # fmt: skip
    ours = found.rows[(found.rows["estimator"] == OURS) & (found.rows["selection"] == ONE_CITY)]
    said += ["", *(f"{row.outcome}: placebo cities call {100 * row.false_alarm_rate:.1f} in 100."
                   for row in ours.itertuples())]  # fmt: skip
    return "\n".join(said)


def _stream(seed: int, outcome: str, what: str) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(f"{outcome}, {what}".encode())])


def _plain(row: dict[Any, Any]) -> dict[str, object]:
    return {
        str(name): None if isinstance(value, float) and not np.isfinite(value) else value
        for name, value in row.items()
    }

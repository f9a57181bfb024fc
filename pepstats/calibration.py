"""How the method behaves on programmes that did nothing, in the user's own data.

Thousands of made-up programmes are picked in three ways and put through our estimator and through
the ones that are often used instead. Nothing was done in any of them, so every effect that is
found is a false alarm, and the mean of what is found is error.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pepstats import codes, gaps, matching, placebo
from pepstats.errors import DesignError
from pepstats.panel import Panel
from pepstats.programme import Programme

Numbers = NDArray[np.float64]
Places = NDArray[np.int64]

ONE_CITY = "low attaining, in one city"
SELECTIONS = ("at random", "low attaining", ONE_CITY)
OURS = "placebo cities"
ESTIMATORS = (
    "before and after",
    "difference from all England",
    "matched on one year",
    "matched on all baseline years",
    "and what is left unlike taken out",
    "and weighted by precision",
    OURS,
)
LEVEL = 0.05
YARDSTICKS = 4
"""Programmes picked from anywhere are judged by a second set, this many times as large."""


@dataclass(frozen=True)
class Calibration:
    """What was found where nothing was done.

    Attributes
    ----------
    rows
        One row per `estimator`, `selection` and `outcome`: `draws`, `mean` (error) and `spread` of
        the estimates in the outcome's unit, `false_alarm_rate` at 5 in 100, `coverage` of the 95%
        interval when a known effect is added, `limit` (the spread that the sampling of one year's
        pupils alone would give).
    within
        Our estimator, one city, by thirds of the cities: `outcome`, `by` (schools, cohort,
        attainment), `third`, `cities`, `false_alarm_rate`.
    across
        Our estimator, one city, judged by last year's made-up programmes: `outcome`,
        `false_alarm_rate`, `draws`; empty where the study has too few years.
    """

    size: int
    low: int
    rows: pd.DataFrame = field(repr=False)
    within: pd.DataFrame = field(repr=False)
    across: pd.DataFrame = field(repr=False)

    def as_data(self) -> dict[str, Any]:
        """Give all of it as plain data for JSON, unknown numbers as nothing."""
        return {
            "schools": self.size,
            "low_attaining": self.low,
            **{
                name: [_plain(row) for row in table.to_dict("records")]
                for name, table in (
                    ("rows", self.rows), ("within", self.within), ("across", self.across)
                )
            },
        }  # fmt: skip


@dataclass(frozen=True)
class _Scene:
    """One outcome in one year: every school's gap by every estimator, and who may be picked."""

    gaps: gaps.Gaps
    estimates: dict[str, Numbers]
    free: NDArray[np.bool_]
    low: NDArray[np.bool_]
    authority: Places
    cohort: Numbers
    attainment: Numbers
    sampling: Numbers


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
) -> Calibration:
    """Put made-up programmes of one size through every estimator, for each outcome.

    `size` schools, `low` of them from the lower half of the schools picked from (of all England, or
    of the one city) by their mean over the baseline years: the Fund's own selection was 13 of 18.
    Each estimator is matched on the outcome's own earlier years and the cohort. Chance has a stream
    of its own per outcome and selection.
    """
    rows, within, across = [], [], []
    for outcome in programme.outcomes:
        scene = _set_scene(panel, register, programme, outcome, programme.baseline, year, barred)
        for selection in SELECTIONS:
            rng = _stream(programme.seed, outcome, selection)
            picked, city = _pick(scene, selection, size, low, draws, rng)
            other = city if city.any() else np.full(YARDSTICKS * draws, -1)
            again = (
                _pick(scene, selection, size, low, len(other), rng)[0] if not city.any() else picked
            )
            rows += _judge_all(scene, outcome, selection, picked, city, (again, other))
            if selection == ONE_CITY:
                within += _by_thirds(scene, outcome, picked, city)
        rng = _stream(programme.seed, outcome, "across years")
        across += _across_years(
            panel, register, programme, outcome, year, barred, (size, low, draws), rng
        )
    names = ["outcome", "draws", "false_alarm_rate"]
    return Calibration(
        size, low, pd.DataFrame(rows), pd.DataFrame(within), pd.DataFrame(across, columns=names)
    )


def describe(found: Calibration) -> str:
    """Say in a few lines and three tables how the method behaved."""
    ours = found.rows[(found.rows["estimator"] == OURS) & (found.rows["selection"] == ONE_CITY)]
    said = [
        f"Programmes of {found.size} schools, {found.low} of them low attaining, where nothing was "
        "done: what each way of looking at them would have found.",
        found.rows.round(3).to_string(index=False),
        "",
        "Within thirds of the cities, in one city each, by placebo cities (48 cities or so in each "
        "cell, so give or take three in 100):",
        found.within.pivot_table(
            index=["outcome", "by"], columns="third", values="false_alarm_rate"
        ).round(3).to_string(),
    ]  # fmt: skip
    if len(found.across):
        said += ["", "Judged by the year before's made-up programmes:",
                 found.across.round(3).to_string(index=False)]  # fmt: skip
    said += [
        "",
        *(f"{row.outcome}: placebo cities call {100 * row.false_alarm_rate:.1f} in 100."
          for row in ours.itertuples()),
    ]  # fmt: skip
    return "\n".join(said)


def _set_scene(
    panel: Panel, register: pd.DataFrame, programme: Programme, outcome: str,
    baseline: tuple[int, ...], year: int, barred: Iterable[int],
) -> _Scene:  # fmt: skip
    """Match every school, and find its gap by every estimator."""
    never = tuple(barred)
    rule = programme.match.model_copy(update={"near": (outcome, codes.MEASURES[outcome].cohort)})
    pool = matching.find_pool(
        matching.before_start(panel, max(baseline) + 1), register, rule, phase=programme.phase,
        outcomes=[outcome], baseline=baseline, members=never,
    )  # fmt: skip
    match = matching.match_schools(pool, rule, programme.pool, barred=never)
    found = {
        name: gaps.find_gaps(panel, pool, match, outcome, baseline=baseline, year=year,
                             members=never, adjusted=adjusted, weighted=weighted)
        for name, adjusted, weighted in (
            (ESTIMATORS[3], False, False), (ESTIMATORS[4], True, False), (ESTIMATORS[5], True, True)
        )
    }  # fmt: skip
    one_year = _gaps_on_one_year(panel, register, programme, outcome, baseline, year, never)
    results = panel.wide(outcome).reindex(index=match.schools)
    change = (results[year] - results[max(baseline)]).to_numpy(float)
    usable = found[OURS_FROM].table["gap"].notna().to_numpy()
    free = usable & ~match.schools.isin(never) & one_year.reindex(match.schools).notna().to_numpy()
    if not free.any():
        raise DesignError(f"`{outcome}`: no school outside every programme has a gap in {year}.")
    earlier = results[sorted(baseline)]
    cohort = panel.wide(codes.MEASURES[outcome].cohort).reindex(index=match.schools)[year]
    estimates = {
        ESTIMATORS[0]: change,
        ESTIMATORS[1]: change - np.nanmean(change[free]),
        ESTIMATORS[2]: one_year.reindex(match.schools).to_numpy(float),
        **{name: one.table["gap"].to_numpy(float) for name, one in found.items()},
    }
    return _Scene(
        gaps=found[OURS_FROM],
        estimates=estimates,
        free=free,
        low=placebo.low_attaining(earlier).to_numpy(bool),
        authority=pool.schools["la"].to_numpy(np.int64),
        cohort=cohort.to_numpy(float),
        attainment=earlier.mean(axis=1).to_numpy(float),
        sampling=_pupil_variance(outcome, results[year]) / cohort.to_numpy(float),
    )


OURS_FROM = ESTIMATORS[5]


def _gaps_on_one_year(
    panel: Panel, register: pd.DataFrame, programme: Programme, outcome: str,
    baseline: tuple[int, ...], year: int, barred: tuple[int, ...],
) -> pd.Series:  # fmt: skip
    """Raw gaps of a match on the last baseline year alone, as is often done."""
    rule = programme.match.model_copy(update={"near": (outcome,)})
    pool = matching.find_pool(
        matching.before_start(panel, max(baseline) + 1), register, rule, phase=programme.phase,
        outcomes=[outcome], baseline=[max(baseline)], members=barred,
    )  # fmt: skip
    match = matching.match_schools(pool, rule, programme.pool, barred=barred)
    return gaps.find_gaps(
        panel, pool, match, outcome, baseline=[max(baseline)], year=year, members=barred,
        adjusted=False, weighted=False,
    ).table["gap"]  # fmt: skip


def _pupil_variance(outcome: str, results: pd.Series) -> float:
    """Variance of one pupil's result: binomial for a percentage, else the fitted part per pupil."""
    if codes.MEASURES[outcome].percent:
        share = float(results.mean()) / 100
        return 10_000 * share * (1 - share)
    return PUPIL_SD.get(outcome, float("nan")) ** 2


PUPIL_SD = {"reading_progress": 5.97, "writing_progress": 5.75, "maths_progress": 5.42}
"""Pupil-level standard deviations of the 2018 progress scores, from published intervals."""


def _pick(
    scene: _Scene, selection: str, size: int, low: int, draws: int, rng: np.random.Generator
) -> tuple[Places, Places]:
    """Pick made-up programmes: positions, one row each, and the city of each (0 for anywhere)."""
    free = np.flatnonzero(scene.free)
    if selection != ONE_CITY:
        if len(free) < 4 * size:
            raise DesignError(f"{len(free)} schools are too few to make up programmes of {size}.")
        groups: tuple[tuple[Places, int], ...] = ((free, size),)
        if selection == SELECTIONS[1]:
            groups = ((free[scene.low[free]], low), (free[~scene.low[free]], size - low))
        picked = np.hstack([placebo.pick_schools(among, n, draws, rng) for among, n in groups])
        return picked, np.zeros(draws, dtype=np.int64)
    cities = {}
    for city in np.unique(scene.authority[free]):
        here = free[scene.authority[free] == city]
        lower = scene.attainment[here] < np.median(scene.attainment[here])
        if lower.sum() >= low and (~lower).sum() >= size - low:
            cities[int(city)] = (here[lower], here[~lower])
    if len(cities) < placebo.FEWEST_CITIES:
        raise DesignError(
            f"{len(cities)} authorities have enough schools for made-up programmes of {size}; at "
            f"least {placebo.FEWEST_CITIES} are needed. Ask for smaller ones."
        )
    city_of = np.sort(np.resize(sorted(cities), draws))
    parts = [
        np.hstack([placebo.pick_schools(lower, low, int((city_of == city).sum()), rng),
                   placebo.pick_schools(rest, size - low, int((city_of == city).sum()), rng)])
        for city, (lower, rest) in sorted(cities.items())
    ]  # fmt: skip
    return np.vstack(parts), city_of


def _judge_all(
    scene: _Scene, outcome: str, selection: str, picked: Places, city: Places,
    yardstick: tuple[Places, Places],
) -> list[dict[str, object]]:  # fmt: skip
    """Judge one set of made-up programmes by every estimator.

    Ours is judged by `yardstick`: made-up programmes and their cities, of which a programme's own
    city has no say.
    """
    weight = scene.gaps.table["weight"].to_numpy()
    share = weight[picked] / weight[picked].sum(axis=1, keepdims=True)
    limit = {
        False: float(np.sqrt(scene.sampling[picked].mean(axis=1) / picked.shape[1]).mean()),
        True: float(np.sqrt((share**2 * scene.sampling[picked]).sum(axis=1)).mean()),
    }
    rows = []
    for name, values in scene.estimates.items():
        weighted = name == OURS_FROM
        found, called = _t_test(values[picked], share if weighted else None)
        rows.append((name, found, called, limit[weighted]))
    found, far = _scaled(scene, picked)
    rows.append(
        (
            OURS,
            found,
            _called_by(far, city, _scaled(scene, yardstick[0])[1], yardstick[1]),
            limit[True],
        )
    )
    return [
        {
            "estimator": name, "selection": selection, "outcome": outcome, "draws": len(picked),
            "mean": float(found.mean()), "spread": float(found.std(ddof=1)),
            "false_alarm_rate": float(called.mean()),
            "coverage": _coverage(called), "limit": bound,
        }
        for name, found, called, bound in rows
    ]  # fmt: skip


def _coverage(called: NDArray[np.bool_]) -> float:
    """Share of intervals that hold an effect that was added.

    An effect added to a programme's schools moves its estimate and both ends of its interval by
    just that much (`tests/test_gaps.py` holds it so), whatever its size; so the interval holds it
    just when, with nothing added, it holds nought.
    """
    return float(1 - called.mean())


def _t_test(values: Numbers, share: Numbers | None) -> tuple[Numbers, NDArray[np.bool_]]:
    """The mean of each row, and whether a t-test of its schools calls it at 5 in 100."""
    from scipy.special import stdtrit

    n = values.shape[1]
    weight = np.full(values.shape, 1 / n) if share is None else share
    mean = (weight * values).sum(axis=1)
    squares = (weight**2 * (values - mean[:, None]) ** 2).sum(axis=1) * n / (n - 1)
    return mean, np.abs(mean) > stdtrit(n - 1, 1 - LEVEL / 2) * np.sqrt(squares)


def _scaled(scene: _Scene, picked: Places) -> tuple[Numbers, Numbers]:
    """Each programme's estimate, and how far it is in units of the chance spread expected of it."""
    mean, spread = placebo.weighted_mean(scene.gaps, picked)
    return mean, np.abs(mean) / spread


def _called_by(far: Numbers, city: Places, chance: Numbers, home: Places) -> NDArray[np.bool_]:
    """Whether each programme is called by made-up programmes that are not in its own city."""
    everywhere = np.sort(chance)
    beyond = len(everywhere) - np.searchsorted(everywhere, far, side="left")
    total = np.full(len(far), len(chance))
    for one in np.unique(city):
        own = np.sort(chance[home == one])
        mine = city == one
        beyond[mine] -= len(own) - np.searchsorted(own, far[mine], side="left")
        total[mine] -= len(own)
    called: NDArray[np.bool_] = (1 + beyond) / (1 + total) <= LEVEL
    return called


def _by_thirds(
    scene: _Scene, outcome: str, picked: Places, city: Places
) -> list[dict[str, object]]:
    """False alarms within thirds of the cities: the average over all is right by construction."""
    far = _scaled(scene, picked)[1]
    called = pd.Series(_called_by(far, city, far, city)).groupby(city).mean()
    free = scene.free
    kinds = pd.DataFrame(
        {"schools": 1.0, "cohort": scene.cohort[free], "attainment": scene.attainment[free]}
    ).groupby(scene.authority[free])
    table = kinds.mean().assign(schools=kinds["schools"].sum()).reindex(called.index)
    rows = []
    for by in table:
        place = table[by].rank(method="first", pct=True)
        for third, (above, upto) in enumerate(((0, 1 / 3), (1 / 3, 2 / 3), (2 / 3, 1)), start=1):
            inside = (place > above) & (place <= upto)
            rows.append({"outcome": outcome, "by": by, "third": third, "cities": int(inside.sum()),
                         "false_alarm_rate": float(called[inside].mean())})  # fmt: skip
    return rows


def _across_years(
    panel: Panel, register: pd.DataFrame, programme: Programme, outcome: str, year: int,
    barred: Iterable[int], wanted: tuple[int, int, int], rng: np.random.Generator,
) -> list[tuple[str, int, float]]:  # fmt: skip
    """Judge this year's made-up programmes by last year's, one baseline year for each."""
    years = sorted(y for y in programme.baseline if y + 1 == year or y + 1 in programme.baseline)
    if len(years) < 2 or years[-1] + 1 != year:
        return []
    size, low, draws = wanted
    last, this = (
        _set_scene(panel, register, programme, outcome, (y,), y + 1, barred) for y in years[-2:]
    )
    yardstick, home = _pick(last, ONE_CITY, size, low, draws, rng)
    picked, city = _pick(this, ONE_CITY, size, low, draws, rng)
    called = _called_by(_scaled(this, picked)[1], city, _scaled(last, yardstick)[1], home)
    return [(outcome, draws, float(called.mean()))]


def _stream(seed: int, outcome: str, what: str) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(f"{outcome}, {what}".encode())])


def _plain(row: dict[Any, Any]) -> dict[str, object]:
    return {
        str(name): None if isinstance(value, float) and not np.isfinite(value) else value
        for name, value in row.items()
    }

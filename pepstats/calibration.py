"""How the method behaves on programmes that did nothing, in the user's own data.

Thousands of made-up programmes are picked in three ways and put through our estimator and through
the ones that are often used instead. Nothing was done in any of them, so every effect that is
found is a false alarm, and the mean of what is found is error.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from pepstats.alarms import OURS, by_thirds, called_by, cover_added, how_far, judge_all
from pepstats.errors import DesignError
from pepstats.expected import others_have_results
from pepstats.panel import Panel
from pepstats.programme import Programme
from pepstats.scenes import (
    ONE_CITY,
    SELECTIONS,
    Scene,
    pick_programmes,
    set_october,
    set_scene,
)

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
        scene = set_scene(panel, register, programme, outcome, baseline=programme.baseline,
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
            seen, last = set_october(panel, register, steps[1], national=level, barred=never)
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
    scene = set_scene(panel, register, primary, primary.primary, baseline=primary.baseline,
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
        if all(others_have_results(panel, o, y, barred) for o in programme.outcomes)
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
) -> tuple[Scene, Scene] | None:  # fmt: skip
    """Last year and this one, each from the year before alone; nothing where there are too few."""
    if year - 1 not in programme.baseline or year - 2 not in programme.baseline:
        return None
    last, this = (
        set_scene(panel, register, programme, outcome, baseline=[y - 1], year=y, barred=barred,
                  others=False)
        for y in (year - 1, year)
    )  # fmt: skip
    return last, this


def describe(found: Calibration) -> str:
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

"""One outcome in one year, and programmes made up in it: schools where nothing was done."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pepstats import codes, gaps, matching, placebo
from pepstats.errors import DesignError
from pepstats.expected import find_expected_gaps
from pepstats.panel import Panel
from pepstats.programme import Programme

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
class Scene:
    """One outcome in one year: every school's gap, and who may be picked.

    `estimates` has each school's gap by the other estimators; `free` says which schools are in no
    programme and have a gap; `attainment` is their mean over the baseline years; `sampling` the
    variance of a result that comes of having only one year's pupils.
    """

    gaps: gaps.Gaps
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


def set_scene(
    panel: Panel,
    register: pd.DataFrame,
    programme: Programme,
    outcome: str,
    *,
    baseline: Iterable[int],
    year: int,
    barred: Iterable[int],
    others: bool = True,
) -> Scene:
    """Match every school on an outcome's earlier years and the cohort, and find its gap.

    By our estimator, and unless `others` is false by those that are often used instead.
    """
    years, never = tuple(sorted(baseline)), tuple(barred)
    near = (outcome, codes.MEASURES[outcome].cohort)

    def find(
        names: tuple[str, ...], over: tuple[int, ...], *sums: dict[str, bool]
    ) -> list[gaps.Gaps]:
        rule = programme.match.model_copy(update={"near": names})
        pool = matching.find_pool(
            matching.before_start(panel, over[-1] + 1), register, rule, phase=programme.phase,
            outcomes=[outcome], baseline=over, members=never,
        )  # fmt: skip
        match = matching.match_schools(pool, rule, programme.pool, barred=never)
        return [
            gaps.find_gaps(panel, pool, match, outcome, baseline=over, year=year, members=never,
                           **how)
            for how in sums
        ]  # fmt: skip

    raw, plain = {"adjusted": False, "weighted": False}, {"weighted": False}
    ours, *found = find(near, years, {}, *((raw, plain) if others else ()))
    schools = ours.table.index
    results = panel.wide(outcome).reindex(index=schools)
    cohort = panel.wide(codes.MEASURES[outcome].cohort).reindex(index=schools)[year].to_numpy(float)
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
            ADJUSTED: found[1].table["gap"].to_numpy(float),
            WEIGHTED: ours.table["gap"].to_numpy(float),
        }
    if not free.any():
        raise DesignError(f"`{outcome}`: no school outside every programme has a gap in {year}.")
    with np.errstate(divide="ignore"):
        sampling = _pupil_variance(outcome, results[year]) / cohort
    return Scene(
        gaps=ours,
        estimates=estimates,
        free=free,
        authority=ours.table["la"].to_numpy(np.int64),
        cohort=cohort,
        attainment=results[list(years)].mean(axis=1).to_numpy(float),
        sampling=sampling,
    )


def set_october(
    panel: Panel,
    register: pd.DataFrame,
    scene: Scene,
    *,
    national: dict[int, float],
    barred: Iterable[int],
) -> tuple[Scene, Scene]:
    """Give the same scene as October sees it, and last year's, that chance is measured by.

    Where `national` lacks a year, the mean over all pupils of the panel's schools is its level.
    """
    outcome, year = scene.gaps.outcome, scene.gaps.year
    schools, never = scene.gaps.table.index, tuple(barred)
    results = panel.wide(outcome)
    cohorts = panel.wide(codes.MEASURES[outcome].cohort)
    level = {
        y: float((results[y] * cohorts[y]).sum() / cohorts[y][results[y].notna()].sum())
        for y in (year - 1, year)
    }
    columns = [c for c in ("la", "phase", "school_type") if c in register.columns]
    found = find_expected_gaps(
        panel, register.loc[schools, columns], outcome, baseline=scene.gaps.baseline, year=year,
        national={**level, **national}, members=never,
    )  # fmt: skip
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
    scene: Scene, selection: str, *, size: int, low: int, draws: int, rng: np.random.Generator
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
        picked = np.hstack([placebo.pick_schools(among, n, draws, rng) for among, n in groups])
        return Picked(picked, np.zeros(draws, dtype=np.int64))
    cities, everywhere = {}, np.unique(scene.authority[free])
    for city in everywhere:
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
    return Picked(np.vstack(parts), city_of, len(cities), len(everywhere) - len(cities))


def _pupil_variance(outcome: str, results: pd.Series) -> float:
    """Variance of one pupil's result: binomial for a percentage, else the fitted part per pupil."""
    if codes.MEASURES[outcome].percent:
        share = float(results.mean()) / 100
        return 10_000 * share * (1 - share)
    return PUPIL_SD.get(outcome, float("nan")) ** 2

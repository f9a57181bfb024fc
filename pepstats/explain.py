"""Why a school is rated as it is, line by line, and what would change the rating."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pepstats import sampling, scoring
from pepstats.dashboard import COLOURS, DERIVED, Band, Dashboard, Indicator
from pepstats.england import Values
from pepstats.indicators import Colours, Scene
from pepstats.panel import Panel
from pepstats.scoring import Rating, Rows

Texts = npt.NDArray[np.object_]
Bools = npt.NDArray[np.bool_]

SHAPES = {"red": "▲", "amber": "◆", "green": "●", "": ""}
"""A shape beside each colour, so that no one needs to see the colour."""

NOT_HERE = "does not apply here"


def reasons(dashboard: Dashboard, values: Values, colours: Colours, rated: Bools) -> Texts:
    """Say in words what a rating rests on: what gives it by itself, then what is red and amber."""
    told: list[list[str]] = [[] for _ in rated]
    for rating in (1, 2):
        for place, labels in _given_by_itself(dashboard, rating, values, colours).items():
            if rated[place]:
                told[place].append(f"At least priority {rating} by itself: {'; '.join(labels)}")
    for colour in ("red", "amber"):
        code = COLOURS.index(colour)
        for school in np.flatnonzero(rated):
            labels = [
                dashboard.indicators[n].label for n in np.flatnonzero(colours[:, school] == code)
            ]
            if labels:
                told[school].append(f"{colour.capitalize()}: {'; '.join(labels)}")
    words = [". ".join(parts) if parts else "Nothing red or amber" for parts in told]
    return np.where(rated, np.array(words, dtype=object), "")


def _given_by_itself(
    dashboard: Dashboard, rating: int, values: Values, colours: Colours
) -> dict[int, list[str]]:
    """Give the indicators that by themselves give each school at least a rating, and no higher."""
    ids = [indicator.id for indicator in dashboard.indicators]
    found: dict[int, list[str]] = {}
    higher: set[tuple[int, str]] = set()
    for override in sorted(dashboard.overrides, key=lambda one: one.rating):
        number = ids.index(override.indicator)
        label = dashboard.indicators[number].label
        holds = override.when.holds(values[number], float) & (colours[number] >= 0)
        for school in map(int, np.flatnonzero(holds)):
            if override.rating == rating and (school, label) not in higher:
                found.setdefault(school, []).append(label)
            higher.add((school, label))
    return found


def would_change(
    dashboard: Dashboard, values: Values, colours: Colours, rating: Rating, rated: Bools
) -> Texts:
    """Name the single indicators that, one or two colours on, would give another rating."""
    found: list[dict[int, list[str]]] = [{} for _ in rated]
    for number, indicator in enumerate(dashboard.indicators):
        bands = [_band(indicator, code) for code in (0, 1, 2)]
        examples = np.array([_example(band) for band in bands])
        there = np.array([band is not None for band in bands])
        for direction in (-1, 1):
            open_yet = rated & (colours[number] >= 0)
            for step in (1, 2):
                to = colours[number] + direction * step
                ask = open_yet & (to >= 0) & (to <= 2) & there[np.clip(to, 0, 2)]
                changed, painted = values.copy(), colours.copy()
                changed[number] = np.where(ask, examples[np.clip(to, 0, 2)], values[number])
                painted[number] = np.where(ask, to, colours[number])
                _, other = scoring.rate_all(dashboard, changed, painted)
                differs = ask & (other != rating)
                open_yet &= ~differs
                for school in np.flatnonzero(differs):
                    text = f"{indicator.label} were {COLOURS[int(to[school])]}"
                    found[school].setdefault(int(other[school]), []).append(text)
    told = [
        "; ".join(f"{to} if {' or '.join(ways)}" for to, ways in sorted(each.items()))
        for each in found
    ]
    return np.array(told, dtype=object)


def _band(indicator: Indicator, code: int) -> Band | None:
    band = getattr(indicator, COLOURS[code])
    return band if isinstance(band, Band) else None


def _example(band: Band | None) -> float:
    """Give a value in the band, nearest to the middle of the dashboard's scale."""
    if band is None:
        return np.nan
    if isinstance(band.low, float):
        return band.low if band.from_ is not None else band.low + 1e-6
    if isinstance(band.high, float):
        return band.high if band.upto is not None else band.high - 1e-6
    return np.nan


def one_pupil(scene: Scene, rows: Rows, rating: Rating, rated: Bools) -> Texts:
    """Give the rating with one pupil more or fewer at the expected standard, where it differs."""
    told = np.full(len(rows), "", dtype=object)
    cell = ("rwm_expected", scene.year)
    if cell not in scene.cells:
        return told
    place = scene.cells.index(cell)
    for pupils, words in ((1, "one pupil more"), (-1, "one pupil fewer")):
        figures = scene.drawn.figures[rows].copy()
        share = 100 / scene.cohorts[rows, place]
        figures[:, place] = np.clip(figures[:, place] + pupils * share, 0, 100)
        values, colours = scoring.colour_all(scene, rows, figures)
        _, other = scoring.rate_all(scene.dashboard, values, colours)
        for school in np.flatnonzero(rated & (other != rating)):
            joint = "; " if told[school] else ""
            told[school] = (
                f"{told[school]}{joint}{other[school]} with {words} at the expected standard"
            )
    return told


def contributions(
    scene: Scene, panel: Panel, rows: Rows, values: Values, colours: Colours
) -> pd.DataFrame:
    """Lay out what each indicator says of each school, keyed (school, indicator)."""
    parts = [
        _contribution(scene, panel, rows, number, values[number], colours[number])
        for number in range(len(scene.dashboard.indicators))
    ]
    table = pd.concat(parts, ignore_index=True)
    order = {i.id: number for number, i in enumerate(scene.dashboard.indicators)}
    table["order"] = table["indicator"].map(order)
    table = table.sort_values(["school", "order"], kind="stable").drop(columns="order")
    return table.set_index(["school", "indicator"])


def _contribution(
    scene: Scene, panel: Panel, rows: Rows, number: int, value: Values, colour: Colours
) -> pd.DataFrame:
    indicator = scene.dashboard.indicators[number]
    there = colour >= 0
    rag = np.where(there, np.array(COLOURS, dtype=object)[np.clip(colour, 0, 2)], "")
    low, high, against, published = _interval(scene, indicator, rows, value)
    worse = (high < against) if indicator.worse == "low" else (low > against)
    better = (low > against) if indicator.worse == "low" else (high < against)
    signal = np.where(worse, "challenge", np.where(better, "strength", "normal"))
    signal = np.where(there & np.isfinite(low), signal, "")
    why = np.where(scene.applies[number, rows], scene.missing[number][rows], NOT_HERE)
    table: dict[str, Any] = {
        "school": scene.register.index.to_numpy()[rows], "indicator": indicator.id,
        "heading": indicator.heading, "label": indicator.label, "theme": indicator.theme,
        "value": np.where(there, value, np.nan), "low": low, "high": high,
        "published": published, "comparison": scene.levels[indicator.id].comparison[rows],
        "rag": rag, "shape": [SHAPES[word] for word in rag], "signal": signal,
        "points": np.where(there, colour, np.nan), "weight": indicator.weight, "counted": there,
        "year": scene.year - indicator.behind,
        "release": _release(panel, indicator, scene.year - indicator.behind),
        "reason": np.where(there, "", why),
    }  # fmt: skip
    return pd.DataFrame(table)


def _interval(
    scene: Scene, indicator: Indicator, rows: Rows, value: Values
) -> tuple[Values, Values, Values, Values]:
    """Give a value's 95% limits, what they are held against, and the figure as published."""
    nothing = np.full(len(rows), np.nan)
    year = scene.year - indicator.behind
    cell = (indicator.of, year)
    if indicator.of in DERIVED or cell not in scene.cells:
        return nothing, nothing, nothing, value if indicator.of in DERIVED else nothing
    place = scene.cells.index(cell)
    error = scene.drawn.errors[rows, place]
    against = scene.levels[indicator.id].comparison[rows]
    if indicator.shown == "trend":
        first = (indicator.of, year - 2)
        if first not in scene.cells:
            return nothing, nothing, nothing, nothing
        error = np.hypot(error, scene.drawn.errors[rows, scene.cells.index(first)]) / 2
    if indicator.shown == "trend" or indicator.compare:
        against = np.zeros(len(rows))
    reach = sampling.NORMAL_95 * error
    return value - reach, value + reach, against, scene.drawn.figures[rows, place]


def _release(panel: Panel, indicator: Indicator, year: int) -> str:
    """Give the release an indicator rests on; floor and coasting rest on the published results."""
    measure = {"floor": "rwm_expected", "coasting": "rwm_expected"}.get(indicator.of, indicator.of)
    if measure not in panel.releases.columns or year not in panel.releases.index:
        return ""
    release = panel.releases.loc[year, measure]
    return str(release) if isinstance(release, str) else ""

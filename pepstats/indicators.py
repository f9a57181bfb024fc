"""Each indicator of each school: its value, comparison and colour, or why there is none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from pepstats import codes, eligibility, sampling, standards
from pepstats.dashboard import DERIVED, Dashboard, Indicator
from pepstats.england import Bools, Level, Values, find_level
from pepstats.panel import Panel

Colours = npt.NDArray[np.int8]
NONE = np.int8(-1)
"""The colour of a school that has none on an indicator."""


@dataclass(frozen=True)
class Scene:
    """All that is needed to colour every indicator, for figures as published or drawn again.

    `cells` are the measures and years that pupils move; `exact` the values that they do not
    (inspections); `applies` and `reasons` are indicator by school.
    """

    dashboard: Dashboard
    year: int
    register: pd.DataFrame
    cells: tuple[sampling.Cell, ...]
    drawn: sampling.Sampling
    half_widths: Values
    cohorts: Values
    exact: dict[str, Values]
    levels: dict[str, Level]
    applies: Bools
    not_judged: dict[tuple[str, int], Bools]
    missing: tuple[npt.NDArray[np.object_], ...]

    def colour(
        self, rows: npt.NDArray[np.intp], figures: Values
    ) -> Iterator[tuple[Values, Colours]]:
        """Give each indicator's values and colours; `figures` is school by cell by draw."""
        place = {cell: i for i, cell in enumerate(self.cells)}
        for number, indicator in enumerate(self.dashboard.indicators):
            value, colour = self._one(indicator, rows, figures, place)
            colour = np.where(self.applies[number, rows, None], colour, NONE)
            yield value, colour

    def _one(
        self, indicator: Indicator, rows: npt.NDArray[np.intp], figures: Values,
        place: dict[sampling.Cell, int],
    ) -> tuple[Values, Colours]:  # fmt: skip
        level = self.levels[indicator.id].part(rows)
        if indicator.of == "floor":
            answer = self._ask(rows, figures, place, self.year, "floor")
            value = np.where(answer.yes, 1.0, np.where(answer.no, 0.0, np.nan))
            return value, _paint(indicator, value, level)
        if indicator.of == "coasting":
            least, most = self._years_met(rows, figures, place)
            low, high = _paint(indicator, least, level), _paint(indicator, most, level)
            return np.where(low == high, least, np.nan), np.where(low == high, low, NONE)
        if indicator.of in DERIVED:
            value = self.exact[indicator.of][rows, None]
            return value, _paint(indicator, value, level)
        year = self.year - indicator.behind
        first = place.get((indicator.of, year - 2)) if indicator.shown == "trend" else None
        cell = place.get((indicator.of, year))
        if cell is None or (indicator.shown == "trend" and first is None):
            nothing: Values = np.full((len(rows), 1), np.nan)
            return nothing, _paint(indicator, nothing, level)
        error = self.drawn.errors[rows, cell, None]
        value = figures[:, cell]
        if first is not None:
            start = self.levels[f"{indicator.id}/first"].part(rows).comparison
            value = ((value - level.comparison) - (figures[:, first] - start)) / 2
            error = np.hypot(error, self.drawn.errors[rows, first, None]) / 2
            edge: Values | float = 0.0
        elif indicator.compare:
            value, edge = value - level.comparison, 0.0
        else:
            edge = level.comparison
        colour = _paint(indicator, value, level)
        if indicator.unsure:
            reach = sampling.NORMAL_95 * error
            sure = value + reach < edge if indicator.worse == "low" else value - reach > edge
            kinder = np.int8(("green", "amber").index(indicator.unsure))
            colour = np.where(sure | (colour < 0), colour, np.minimum(colour, kinder))
        return value, colour

    def _ask(
        self, rows: npt.NDArray[np.intp], figures: Values, place: dict[sampling.Cell, int],
        year: int, test: standards.Test,
    ) -> standards.Answer:  # fmt: skip
        """Ask one year's legal test of figures as they are or as drawn."""
        shape = (len(rows), figures.shape[2])

        def get(measure: str) -> tuple[Values, Values]:
            cell = place.get((measure, year))
            if cell is None:
                return np.full(shape, np.nan), np.full(shape, np.nan)
            return figures[:, cell], figures[:, cell] + self.half_widths[rows, cell, None]

        primary = [get(m) for m in standards.PROGRESS]
        scores, upper = [v for v, _ in primary], [u for _, u in primary]
        rwm, (p8, p8_upper) = get("rwm_expected")[0], get("progress8")
        if test == "floor":
            asked = [standards.primary_floor(rwm, scores, upper),
                     standards.secondary_floor(p8, p8_upper)]  # fmt: skip
        else:
            asked = [standards.primary_coasting_year(rwm, scores, upper),
                     standards.secondary_coasting_year(p8, p8_upper)]  # fmt: skip
        both = standards.Answer(np.zeros(shape, bool), np.ones(shape, bool))
        for phase, answer in zip(("primary", "secondary"), asked, strict=True):
            out = self.not_judged[phase, year][rows, None]
            both = both | standards.Answer(answer.yes & ~out, answer.no | out)
        return both

    def _years_met(
        self, rows: npt.NDArray[np.intp], figures: Values, place: dict[sampling.Cell, int]
    ) -> tuple[Values, Values]:
        """Give the fewest and the most of the last three years that meet the coasting test."""
        least: Values = np.zeros((len(rows), figures.shape[2]), dtype=np.float32)
        most = least.copy()
        for year in (self.year - 2, self.year - 1, self.year):
            answer = self._ask(rows, figures, place, year, "coasting")
            least += answer.yes
            most += ~answer.no
        return least, most


def _paint(indicator: Indicator, value: Values, level: Level) -> Colours:
    """Give each value its colour; a missing value has none."""
    colour = np.zeros(value.shape, dtype=np.int8)
    if indicator.amber is not None:
        colour[indicator.amber.holds(value, level)] = 1
    colour[indicator.red.holds(value, level)] = 2
    colour[~np.isfinite(value)] = NONE
    for word in indicator.words:
        colour[np.broadcast_to(~np.isfinite(level.words[word]), colour.shape)] = NONE
    return colour


NO_SOURCE = "no source in this study"
NO_ENGLAND = "nothing to compare with: England's schools are not in this study for it"


def set_scene(
    panel: Panel, register: pd.DataFrame, dashboard: Dashboard, year: int, *,
    ofsted: pd.DataFrame | None, england: pd.DataFrame | None,
) -> Scene:  # fmt: skip
    """Gather what colouring needs, for every school of the register, in its order."""
    cells = _cells(panel, register, dashboard, year)
    drawn = sampling.sampling_of(panel, register, cells)
    half = np.column_stack([np.empty((len(register), 0))] + [
        sampling.upper_limit(panel, m, y, register.index) - drawn.figures[:, i]
        for i, (m, y) in enumerate(cells)
    ])  # fmt: skip
    cohorts = np.column_stack([np.empty((len(register), 0))] + [
        sampling.cohort_of(panel, m, y, register.index) for m, y in cells
    ])  # fmt: skip
    not_judged = {
        (phase, each): ~standards.is_judged(panel, register, each, phase)
        for phase in ("primary", "secondary")
        for each in (year - 2, year - 1, year)
    }
    levels: dict[str, Level] = {}
    for indicator in dashboard.indicators:
        last = year - indicator.behind
        levels[indicator.id] = find_level(panel, register, indicator, last, england)
        if indicator.shown == "trend":
            first = find_level(panel, register, indicator, last - 2, england)
            levels[f"{indicator.id}/first"] = first
    lines = dashboard.indicators
    applies = np.array([_applies(panel, register, i, year, not_judged) for i in lines])
    missing = tuple(_missing(panel, register, i, year, ofsted) for i in lines)
    exact = _inspections(ofsted, register, year)
    return Scene(dashboard, year, register, cells, drawn, half, cohorts, exact, levels, applies,
                 not_judged, missing)  # fmt: skip


def _cells(
    panel: Panel, register: pd.DataFrame, dashboard: Dashboard, year: int
) -> tuple[sampling.Cell, ...]:
    """List the measures and years that the indicators rest on and that the panel has."""
    wanted: set[sampling.Cell] = set()
    legal = ("rwm_expected", *standards.PROGRESS, "progress8")
    for indicator in dashboard.indicators:
        if indicator.of == "floor":
            wanted |= {(m, year) for m in legal}
        elif indicator.of == "coasting":
            wanted |= {(m, y) for m in legal for y in (year - 2, year - 1, year)}
        elif indicator.of not in DERIVED:
            last = year - indicator.behind
            wanted |= {(indicator.of, last)}
            wanted |= {(indicator.of, last - 2)} if indicator.shown == "trend" else set()
    return tuple(sorted(
        (m, y) for m, y in wanted
        if np.isfinite(sampling.column(panel, m, y, register.index)).any()
    ))  # fmt: skip


def _applies(
    panel: Panel, register: pd.DataFrame, indicator: Indicator, year: int,
    not_judged: dict[tuple[str, int], Bools],
) -> Bools:  # fmt: skip
    """Say for which schools an indicator has a meaning at all, whether or not there is a value."""
    phase = register["phase"]
    applies = _isin(phase, *indicator.phases, "all-through")
    infant, junior = (
        (register["school_type"] == kind).to_numpy(dtype=bool) for kind in ("infant", "junior")
    )
    if indicator.of in ("floor", "coasting"):
        return applies & ~(not_judged["primary", year] & not_judged["secondary", year])
    if indicator.of in DERIVED:
        return applies
    known = codes.MEASURES[indicator.of]
    if known.kind == "ks2":
        applies = applies & _isin(phase, "primary", "all-through") & ~infant
    if known.kind == "ks4":
        applies = applies & _isin(phase, "secondary", "all-through")
    if known.kind in ("early", "phonics", "ks1"):
        applies = applies & _isin(phase, "primary", "all-through") & ~junior
    if "." in indicator.of:
        pupils = sampling.column(panel, known.cohort, year - indicator.behind, register.index)
        applies = applies & (pupils != 0)
    return applies


def _isin(phase: pd.Series, *phases: str) -> Bools:
    return np.asarray(phase.isin(phases).to_numpy(dtype=bool), dtype=bool)


def _inspections(
    ofsted: pd.DataFrame | None, register: pd.DataFrame, year: int
) -> dict[str, Values]:
    """Give what was known of inspections at 31 August of the year."""
    nothing = np.full(len(register), np.nan)
    if ofsted is None:
        return {"ofsted_grade": nothing, "ofsted_age": nothing, "ofsted_repeat": nothing}
    cut = pd.Timestamp(year, 8, 31)
    table = ofsted.reindex(register.index)
    inspected = pd.to_datetime(table["inspected"])
    known = (inspected <= cut).to_numpy()
    grade = eligibility.grade_at(ofsted, register.index, cut)
    age = np.where(known & np.isfinite(grade), (cut - inspected).dt.days / 365.25, np.nan)
    repeat = nothing
    if "previous" in table:
        before = np.where(known, table["previous"].to_numpy(dtype=float), np.nan)
        told = known & np.isfinite(grade) & (np.isfinite(before) | (grade < 3))
        repeat = np.where(told, (grade == 3) & (before == 3), np.nan)
    return {"ofsted_grade": grade, "ofsted_age": age, "ofsted_repeat": repeat}


def _missing(
    panel: Panel,
    register: pd.DataFrame,
    indicator: Indicator,
    year: int,
    ofsted: pd.DataFrame | None,
) -> npt.NDArray[np.object_]:
    """Give the reason a school would have no value; only used where it has none."""
    if indicator.of in ("floor", "coasting"):
        judge = standards.judge_floor if indicator.of == "floor" else standards.judge_coasting
        because = judge(panel, register, year)["because"]
        return np.asarray(because.to_numpy(dtype=object), dtype=object)
    if indicator.of in DERIVED:
        told = f"not inspected by 31 August {year}, or only since"
        if ofsted is None or (indicator.of == "ofsted_repeat" and "previous" not in ofsted):
            told = NO_SOURCE
        return np.full(len(register), told, dtype=object)
    year = year - indicator.behind
    why = sampling.reason(panel, indicator.of, year, register.index)
    if indicator.shown == "trend":
        before = sampling.reason(panel, indicator.of, year - 2, register.index)
        why = np.where(why != "", why, np.where(before != "", f"{year - 2}: " + before, ""))
    there = np.isfinite(sampling.column(panel, indicator.of, year, register.index))
    return np.where(why != "", why, np.where(there, NO_ENGLAND, NO_SOURCE))

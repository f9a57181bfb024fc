"""England's level of each indicator: what a school is compared with, and the limits in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pepstats.measures import MEASURES, OWN_PHASE
from pepstats.priority.dashboard import DERIVED, Dashboard, Indicator, Limit
from pepstats.priority.standards import (
    PROGRESS,
    Answer,
    StandardTest,
    is_judged,
    judge_coasting,
    judge_floor,
    primary_coasting_year,
    primary_floor,
    secondary_coasting_year,
    secondary_floor,
)
from pepstats.priority.uncertainty import (
    NORMAL_95,
    Cell,
    Sampling,
    cohort_of,
    panel_column,
    panel_reason,
    sampling_of,
    upper_limit,
)
from pepstats.schools import Panel, grade_at

Values = npt.NDArray[Any]

Bools = npt.NDArray[np.bool_]

FEWEST_AUTHORITIES = 10
"""A panel stands for England in a measure where schools of so many authorities have it."""

_MAINSTREAM = ("primary", "secondary", "all-through")


@dataclass(frozen=True)
class Level:
    """England's schools on one indicator, by kind of school: the mean, and any percentile."""

    comparison: Values
    words: dict[str, Values]

    def __call__(self, limit: Limit) -> npt.ArrayLike:
        """Turn a limit into a number for each school."""
        return self.words[limit] if isinstance(limit, str) else limit

    def part(self, rows: npt.NDArray[np.intp]) -> Level:
        """Keep some schools, as a column that meets many draws."""
        return Level(self.comparison[rows, None], {w: v[rows, None] for w, v in self.words.items()})


def england_value(
    panel: Panel, register: pd.DataFrame, measure: str, year: int, england: pd.DataFrame | None
) -> Values:
    """Give England's value of a measure, for each school's kind of school.

    The published one where it is handed in (`gather_levels`); otherwise the mean over state-funded
    mainstream schools in the panel, pupils counted alike. Measures that have no phase of their own
    (absence, exclusions) are those of primary schools, or of the others. Missing where the panel
    does not hold England, as in October, when an authority has only its own results.
    """
    phased = MEASURES[measure].kind in OWN_PHASE
    if england is not None:
        rows = england[(england["measure"] == measure) & (england["year"] == year)]
        level = dict(zip(rows["phase"].fillna(""), rows["value"].astype(float), strict=True))
        if level and phased:
            return np.full(len(register), level.get("", np.nan))
        if "primary" in level or "secondary" in level:
            primary = (register["phase"] == "primary").to_numpy(dtype=bool)
            return np.asarray(
                np.where(primary, level.get("primary", np.nan), level.get("secondary", np.nan))
            )
    value = panel_column(panel, measure, year, register.index)
    if not _is_national(value, register):
        return np.full(len(register), np.nan)
    pupils = cohort_of(panel, measure, year, register.index)
    return _by_kind(register, phased, partial(_weighted_mean, value, pupils))


def _is_national(value: Values, register: pd.DataFrame) -> bool:
    """Say whether the panel holds England, or only what an authority or two hold themselves."""
    return bool(register["la"][np.isfinite(value)].nunique() >= FEWEST_AUTHORITIES)


def _weighted_mean(value: Values, pupils: Values, among: Bools) -> float:
    there = among & np.isfinite(value) & np.isfinite(pupils)
    total = float(pupils[there].sum())
    return float((value[there] * pupils[there]).sum() / total) if total > 0 else np.nan


def _by_kind(register: pd.DataFrame, phased: bool, of: Callable[[Bools], float]) -> Values:
    """Ask a question of each kind of school, and give every school its own kind's answer."""
    mainstream = register["phase"].isin(_MAINSTREAM).to_numpy(dtype=bool)
    if phased:
        return np.full(len(register), of(mainstream))
    primary = (register["phase"] == "primary").to_numpy(dtype=bool)
    return np.where(primary, of(mainstream & primary), of(mainstream & ~primary))


def find_level(
    panel: Panel, register: pd.DataFrame, indicator: Indicator, year: int,
    england: pd.DataFrame | None,
) -> Level:  # fmt: skip
    """Give England's level of one indicator: what a value is compared with, and limit words."""
    if indicator.of in DERIVED:
        return Level(np.full(len(register), np.nan), {})
    against = indicator.of if indicator.compare in (None, "england") else str(indicator.compare)
    known = MEASURES[indicator.of]
    if "progress" in known.unit.lower():
        comparison = np.zeros(len(register))  # already a difference from England
    else:
        comparison = england_value(panel, register, against, year, england)
    value = panel_column(panel, indicator.of, year, register.index)
    value = value - comparison if indicator.compare else value
    value = value if _is_national(value, register) else np.full(len(register), np.nan)
    pupils = cohort_of(panel, indicator.of, year, register.index)
    phased = known.kind in OWN_PHASE
    words = {}
    for word in indicator.words:
        if word == "mean":
            words[word] = _by_kind(register, phased, partial(_weighted_mean, value, pupils))
        else:
            share = int(word[1:])
            words[word] = _by_kind(register, phased, partial(_percentile, value, share))
    return Level(comparison, words)


def _percentile(value: Values, share: int, among: Bools) -> float:
    there = value[among & np.isfinite(value)]
    return float(np.percentile(there, share)) if len(there) else np.nan


Colours = npt.NDArray[np.int8]

NONE = np.int8(-1)
"""The colour of a school that has none on an indicator."""


@dataclass(frozen=True)
class Indicators:
    """All that is needed to colour every indicator, for figures as published or drawn again.

    `cells` are the measures and years that pupils move; `exact` the values that they do not
    (inspections); `applies` and `reasons` are indicator by school.
    """

    dashboard: Dashboard
    year: int
    register: pd.DataFrame
    cells: tuple[Cell, ...]
    drawn: Sampling
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
        place: dict[Cell, int],
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
            reach = NORMAL_95 * error
            sure = value + reach < edge if indicator.worse == "low" else value - reach > edge
            kinder = np.int8(("green", "amber").index(indicator.unsure))
            colour = np.where(sure | (colour < 0), colour, np.minimum(colour, kinder))
        return value, colour

    def _ask(
        self, rows: npt.NDArray[np.intp], figures: Values, place: dict[Cell, int],
        year: int, test: StandardTest,
    ) -> Answer:  # fmt: skip
        """Ask one year's legal test of figures as they are or as drawn."""
        shape = (len(rows), figures.shape[2])

        def get(measure: str) -> tuple[Values, Values]:
            cell = place.get((measure, year))
            if cell is None:
                return np.full(shape, np.nan), np.full(shape, np.nan)
            return figures[:, cell], figures[:, cell] + self.half_widths[rows, cell, None]

        primary = [get(m) for m in PROGRESS]
        scores, upper = [v for v, _ in primary], [u for _, u in primary]
        rwm, (p8, p8_upper) = get("rwm_expected")[0], get("progress8")
        if test == "floor":
            asked = [primary_floor(rwm, scores, upper),
                     secondary_floor(p8, p8_upper)]  # fmt: skip
        else:
            asked = [primary_coasting_year(rwm, scores, upper),
                     secondary_coasting_year(p8, p8_upper)]  # fmt: skip
        both = Answer(np.zeros(shape, bool), np.ones(shape, bool))
        for phase, answer in zip(("primary", "secondary"), asked, strict=True):
            out = self.not_judged[phase, year][rows, None]
            both = both | Answer(answer.yes & ~out, answer.no | out)
        return both

    def _years_met(
        self, rows: npt.NDArray[np.intp], figures: Values, place: dict[Cell, int]
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


def find_indicators(
    panel: Panel, register: pd.DataFrame, dashboard: Dashboard, year: int, *,
    ofsted: pd.DataFrame | None, england: pd.DataFrame | None,
) -> Indicators:  # fmt: skip
    """Gather what colouring needs, for every school of the register, in its order."""
    cells = _cells(panel, register, dashboard, year)
    drawn = sampling_of(panel, register, cells)
    half = np.column_stack([np.empty((len(register), 0))] + [
        upper_limit(panel, m, y, register.index) - drawn.figures[:, i]
        for i, (m, y) in enumerate(cells)
    ])  # fmt: skip
    cohorts = np.column_stack([np.empty((len(register), 0))] + [
        cohort_of(panel, m, y, register.index) for m, y in cells
    ])  # fmt: skip
    not_judged = {
        (phase, each): ~is_judged(panel, register, each, phase)
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
    return Indicators(
        dashboard, year, register, cells, drawn, half, cohorts, exact, levels, applies, not_judged,
        missing,
    )  # fmt: skip


def _cells(
    panel: Panel, register: pd.DataFrame, dashboard: Dashboard, year: int
) -> tuple[Cell, ...]:
    """List the measures and years that the indicators rest on and that the panel has."""
    wanted: set[Cell] = set()
    legal = ("rwm_expected", *PROGRESS, "progress8")
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
        if np.isfinite(panel_column(panel, m, y, register.index)).any()
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
    known = MEASURES[indicator.of]
    if known.kind == "ks2":
        applies = applies & _isin(phase, "primary", "all-through") & ~infant
    if known.kind == "ks4":
        applies = applies & _isin(phase, "secondary", "all-through")
    if known.kind in ("early", "phonics", "ks1"):
        applies = applies & _isin(phase, "primary", "all-through") & ~junior
    if "." in indicator.of:
        pupils = panel_column(panel, known.cohort, year - indicator.behind, register.index)
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
    grade = grade_at(ofsted, register.index, cut)
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
        judge = judge_floor if indicator.of == "floor" else judge_coasting
        because = judge(panel, register, year)["because"]
        return np.asarray(because.to_numpy(dtype=object), dtype=object)
    if indicator.of in DERIVED:
        told = f"not inspected by 31 August {year}, or only since"
        if ofsted is None or (indicator.of == "ofsted_repeat" and "previous" not in ofsted):
            told = NO_SOURCE
        return np.full(len(register), told, dtype=object)
    year = year - indicator.behind
    why = panel_reason(panel, indicator.of, year, register.index)
    if indicator.shown == "trend":
        before = panel_reason(panel, indicator.of, year - 2, register.index)
        why = np.where(why != "", why, np.where(before != "", f"{year - 2}: " + before, ""))
    there = np.isfinite(panel_column(panel, indicator.of, year, register.index))
    return np.where(why != "", why, np.where(there, NO_ENGLAND, NO_SOURCE))

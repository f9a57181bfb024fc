"""The dashboard's indicators: England's level of each, and the colour of each school on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pepstats.formatting import school_year
from pepstats.measures import MEASURES, OWN_PHASE, why_not_by_school, why_not_in, why_not_taken
from pepstats.priority.dashboard import DERIVED, Dashboard, Indicator, Limit
from pepstats.priority.standards import (
    PROGRESS,
    RI,
    Answer,
    ask_test,
    is_judged,
    judge_standard,
    judge_stuck,
    years_of,
)
from pepstats.priority.uncertainty import (
    NORMAL_95,
    Cell,
    Sampling,
    cohort_of,
    panel_column,
    panel_reason,
    sampling_of,
    settle_figures,
    upper_limit,
)
from pepstats.schools import Panel, grade_at

Values = npt.NDArray[Any]
Bools = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.intp]
Colours = npt.NDArray[np.int8]
Texts = npt.NDArray[np.object_]
NONE = np.int8(-1)
"""The colour of a school that has none on an indicator."""

FEWEST_AUTHORITIES = 10
"""A panel stands for England in a measure where schools of so many authorities have it."""

NOT_HERE = "does not apply here"
NO_PROGRESS = "no progress scores in this study's files to judge it by"
NO_SOURCE = "no source in this study"
NOT_BEFORE = "what it was graded before is not known"
NOT_JUDGED = "inspected, and not judged overall"
NO_ENGLAND = "nothing to compare with: England's schools are not in this study for it"


@dataclass(frozen=True)
class RatingInputs:
    """What schools are rated by: results, and the register of the schools they are of.

    `ofsted` is each school's latest inspection, as `attach_inspections` lays them out; `england`
    are published national levels (`measure`, `year`, `phase`, `value`), without which England is
    the panel's own schools. Either is None where the study has none.
    """

    panel: Panel
    register: pd.DataFrame
    ofsted: pd.DataFrame | None = None
    england: pd.DataFrame | None = None

    def column(self, measure: str, year: int) -> Values:
        """Return a measure of one year for every school of the register."""
        return panel_column(self.panel, measure, year, self.register.index)

    def reason(self, measure: str, year: int) -> npt.NDArray[np.object_]:
        """Return why a measure of one year is missing, empty where it is not."""
        return panel_reason(self.panel, measure, year, self.register.index)

    def cohort(self, measure: str, year: int) -> Values:
        """Return the pupils behind a measure of one year."""
        return cohort_of(self.panel, measure, year, self.register.index)

    def in_phase(self, *phases: str) -> Bools:
        """Return which schools are of these phases."""
        return np.asarray(self.register["phase"].isin(phases).to_numpy(dtype=bool), dtype=bool)

    def nothing(self) -> Values:
        """Return a missing value for every school."""
        return np.full(len(self.register), np.nan)


@dataclass(frozen=True)
class Level:
    """England's schools on one indicator, by kind of school: the mean, and any percentile."""

    comparison: Values
    words: dict[str, Values]

    def __call__(self, limit: Limit) -> npt.ArrayLike:
        """Turn a limit into a number for each school."""
        return self.words[limit] if isinstance(limit, str) else limit

    def part(self, rows: Rows) -> Level:
        """Keep some schools, as a column that meets many draws."""
        return Level(self.comparison[rows, None], {w: v[rows, None] for w, v in self.words.items()})


def england_value(inputs: RatingInputs, measure: str, year: int) -> Values:
    """Return England's value of a measure, for each school's kind of school.

    The published one where it is handed in (`gather_levels`); otherwise the mean over state-funded
    mainstream schools in the panel, pupils counted alike. Measures that have no phase of their own
    (absence, exclusions) are those of primary schools, or of the others. Missing where the panel
    does not hold England, as in October, when an authority has only its own results.
    """
    if inputs.england is not None:
        rows = inputs.england
        rows = rows[(rows["measure"] == measure) & (rows["year"] == year)]
        level = dict(zip(rows["phase"].fillna(""), rows["value"].astype(float), strict=True))
        if level and MEASURES[measure].kind in OWN_PHASE:
            return np.full(len(inputs.register), level.get("", np.nan))
        if "primary" in level or "secondary" in level:
            primary, other = (level.get(phase, np.nan) for phase in ("primary", "secondary"))
            return np.asarray(np.where(inputs.in_phase("primary"), primary, other), dtype=float)
    value = _if_national(inputs, inputs.column(measure, year))
    return _by_kind(inputs, measure, partial(_weighted_mean, value, inputs.cohort(measure, year)))


def _if_national(inputs: RatingInputs, value: Values) -> Values:
    """Return the values if they are England's, nothing if an authority or two hold them alone."""
    authorities = inputs.register["la"][np.isfinite(value)].nunique()
    return value if authorities >= FEWEST_AUTHORITIES else inputs.nothing()


def _weighted_mean(value: Values, pupils: Values, among: Bools) -> float:
    there = among & np.isfinite(value) & np.isfinite(pupils)
    total = float(pupils[there].sum())
    return float((value[there] * pupils[there]).sum() / total) if total > 0 else np.nan


def _percentile(value: Values, share: int, among: Bools) -> float:
    there = value[among & np.isfinite(value)]
    return float(np.percentile(there, share)) if len(there) else np.nan


def _by_kind(inputs: RatingInputs, measure: str, of: Callable[[Bools], float]) -> Values:
    """Ask a question of each kind of school, and give every school its own kind's answer."""
    mainstream = inputs.in_phase("primary", "secondary", "all-through")
    if MEASURES[measure].kind in OWN_PHASE:
        return np.full(len(mainstream), of(mainstream))
    primary = inputs.in_phase("primary")
    return np.where(primary, of(mainstream & primary), of(mainstream & ~primary))


def find_level(inputs: RatingInputs, indicator: Indicator, year: int) -> Level:
    """Return England's level of one indicator: what a value is compared with, and limit words."""
    measure = indicator.of
    if measure in DERIVED:
        return Level(inputs.nothing(), {})
    if "progress" in MEASURES[measure].unit.lower():
        comparison = np.zeros(len(inputs.register))  # already a difference from England
    else:
        against = measure if indicator.compare in (None, "england") else str(indicator.compare)
        comparison = england_value(inputs, against, year)
    value = inputs.column(measure, year)
    value = _if_national(inputs, value - comparison if indicator.compare else value)
    words = {}
    for word in indicator.words:
        of = (partial(_weighted_mean, value, inputs.cohort(measure, year)) if word == "mean"
              else partial(_percentile, value, int(word[1:])))  # fmt: skip
        words[word] = _by_kind(inputs, measure, of)
    return Level(comparison, words)


@dataclass(frozen=True)
class Indicators:
    """All that is needed to colour every indicator, for figures as published or drawn again."""

    inputs: RatingInputs
    dashboard: Dashboard
    year: int
    cells: tuple[Cell, ...]  # the measures and years that pupils move
    sampling: Sampling  # their figures, and what sampling error does to them; school by cell
    half_widths: Values  # from each figure to its upper 95% limit; school by cell
    inspections: dict[str, Values]  # what pupils do not move, of each derived indicator
    levels: dict[str, Level]  # England's, of each indicator (of a trend, also of its first year)
    not_asked: Texts  # indicator by school: why it is not asked of a school, empty where it is
    judged: dict[tuple[str, int], Bools]  # by phase and year, whom the tests are asked of

    @cached_property
    def places(self) -> dict[Cell, int]:
        """Return where each cell stands among the figures."""
        return {cell: place for place, cell in enumerate(self.cells)}

    @cached_property
    def applies(self) -> Bools:
        """Return which indicators are asked of which schools."""
        return np.asarray(self.not_asked == "", dtype=bool)

    def colour(self, rows: Rows, figures: Values) -> Iterator[tuple[Values, Colours]]:
        """Return each indicator's values and colours; `figures` is school by cell by draw."""
        for number, indicator in enumerate(self.dashboard.indicators):
            value, colour = self._one(indicator, rows, figures)
            yield value, np.where(self.applies[number, rows, None], colour, NONE)

    def _one(self, indicator: Indicator, rows: Rows, figures: Values) -> tuple[Values, Colours]:
        level = self.levels[indicator.id].part(rows)
        if indicator.of in ("floor", "coasting"):
            least, most = self._years_met(rows, figures, indicator.of)
            low, high = _paint(indicator, least, level), _paint(indicator, most, level)
            return np.where(low == high, least, np.nan), np.where(low == high, low, NONE)
        found = self.compare(indicator, rows, figures)
        if found is None:
            known = self.inspections.get(indicator.of, self.inputs.nothing())[rows, None]
            return known, _paint(indicator, known, level)
        value, error, against = found
        colour = _paint(indicator, value, level)
        if indicator.unsure:
            reach = NORMAL_95 * error
            sign = 1 if indicator.worse == "low" else -1
            sure = settle_figures(sign * (value - against) + reach) < 0
            kinder = np.int8(("green", "amber").index(indicator.unsure))
            colour = np.where(sure | (colour < 0), colour, np.minimum(colour, kinder))
        return value, colour

    def compare(
        self, indicator: Indicator, rows: Rows, figures: Values
    ) -> tuple[Values, Values, Values] | None:
        """Return a measure's value (or its trend over two years), its error and what it is held to.

        None where it is derived, or the panel does not have it.
        """
        trend, year = indicator.shown == "trend", self.year - indicator.behind
        cell, first = (self.places.get((indicator.of, each)) for each in (year, year - 2))
        if cell is None or (trend and first is None):
            return None
        level = self.levels[indicator.id].part(rows).comparison
        value, error = figures[:, cell], self.sampling.errors[rows, cell, None]
        if trend:
            start = self.levels[f"{indicator.id}/first"].part(rows).comparison
            value = ((value - level) - (figures[:, first] - start)) / 2
            error = np.hypot(error, self.sampling.errors[rows, first, None]) / 2
        elif indicator.compare:
            value = value - level
        return value, error, np.zeros_like(level) if trend or indicator.compare else level

    def _ask(self, rows: Rows, figures: Values, year: int, test: str) -> Answer:
        """Ask one year's legal test of figures as they are or as drawn."""
        shape = (len(rows), figures.shape[2])

        def get(measure: str) -> tuple[Values, Values]:
            cell = self.places.get((measure, year))
            if cell is None:
                return np.full(shape, np.nan), np.full(shape, np.nan)
            return figures[:, cell], figures[:, cell] + self.half_widths[rows, cell, None]

        both = Answer.all_no(shape)
        for phase, answer in ask_test(test, get).items():
            both = both | answer.among(self.judged[phase, year][rows, None])
        return both

    def _years_met(self, rows: Rows, figures: Values, test: str) -> tuple[Values, Values]:
        """Return the fewest and the most years that meet a test: of the last, coasting of three."""
        least: Values = np.zeros((len(rows), figures.shape[2]), dtype=np.float32)
        most = least.copy()
        for year in years_of(test, self.year):
            answer = self._ask(rows, figures, year, test)
            least += answer.yes
            most += ~answer.no
        return least, most


def _paint(indicator: Indicator, value: Values, level: Level) -> Colours:
    """Return the colour of each value; a missing value has none."""
    colour = np.zeros(value.shape, dtype=np.int8)
    if indicator.amber is not None:
        colour[indicator.amber.holds(value, level)] = 1
    colour[indicator.red.holds(value, level)] = 2
    colour[~np.isfinite(value)] = NONE
    for word in indicator.words:
        colour[np.broadcast_to(~np.isfinite(level.words[word]), colour.shape)] = NONE
    return colour


def find_indicators(inputs: RatingInputs, dashboard: Dashboard, year: int) -> Indicators:
    """Gather what colouring needs, for every school of the register, in its order."""
    panel, register = inputs.panel, inputs.register
    cells = _list_cells(inputs, dashboard, year)
    sampling = sampling_of(panel, register, cells)
    half_widths = np.empty(sampling.figures.shape)
    for place, (measure, each) in enumerate(cells):
        limit = upper_limit(panel, measure, each, register.index)
        half_widths[:, place] = limit - sampling.figures[:, place]
    judged = {
        (phase, each): is_judged(panel, register, each, phase)
        for phase in ("primary", "secondary")
        for each in (year - 2, year - 1, year)
    }
    levels: dict[str, Level] = {}
    for indicator in dashboard.indicators:
        last = year - indicator.behind
        levels[indicator.id] = find_level(inputs, indicator, last)
        if indicator.shown == "trend":
            levels[f"{indicator.id}/first"] = find_level(inputs, indicator, last - 2)
    now = {phase: judged[phase, year] for phase in ("primary", "secondary")}
    not_asked = [_why_not_asked(inputs, one, year, now) for one in dashboard.indicators]
    inspections = inspections_at(inputs.ofsted, register.index, year)
    return Indicators(
        inputs, dashboard, year, cells, sampling, half_widths, inspections, levels,
        np.array(not_asked, dtype=object), judged,
    )  # fmt: skip


def _list_cells(inputs: RatingInputs, dashboard: Dashboard, year: int) -> tuple[Cell, ...]:
    """List the measures and years that the indicators rest on and that the panel has."""
    wanted: set[Cell] = set()
    legal = ("rwm_expected", *PROGRESS, "progress8")
    for indicator in dashboard.indicators:
        if indicator.of in ("floor", "coasting"):
            wanted |= {(m, y) for m in legal for y in years_of(indicator.of, year)}
        elif indicator.of not in DERIVED:
            last = year - indicator.behind
            wanted |= {(indicator.of, last)}
            wanted |= {(indicator.of, last - 2)} if indicator.shown == "trend" else set()
    return tuple(sorted(cell for cell in wanted if np.isfinite(inputs.column(*cell)).any()))


def why_left_out(inputs: RatingInputs, indicator: Indicator, year: int) -> str | None:
    """Return why an indicator cannot exist in a year, of any school; None where it can."""
    if indicator.of in DERIVED:
        return why_not_in(indicator.of, year)
    last = year - indicator.behind
    for each in (last, last - 2) if indicator.shown == "trend" else (last,):
        why = why_not_taken(indicator.of, each) or why_not_by_school(indicator.of, each)
        if why and not np.isfinite(inputs.column(indicator.of, each)).any():
            return why if each == last else f"{school_year(each)}: {why}"
    return None


def _why_not_asked(
    inputs: RatingInputs, indicator: Indicator, year: int, judged: dict[str, Bools]
) -> Texts:
    """Return why an indicator is not asked of each school; empty where it is.

    Floor and coasting are not asked where no school has the progress scores they need: schools with
    high results would be known to pass, and nobody to fail.
    """
    applies = _applies(inputs, indicator, year, judged["primary"] | judged["secondary"])
    if why := why_left_out(inputs, indicator, year):
        return np.where(applies, why, NOT_HERE).astype(object)
    told = np.where(applies, "", NOT_HERE).astype(object)
    if indicator.of in ("floor", "coasting"):
        can = np.zeros(len(told), bool)
        for phase, scores in (("primary", PROGRESS), ("secondary", ("progress8",))):
            there = any(np.isfinite(inputs.column(score, year)).any() for score in scores)
            can |= judged[phase] & there
        told[applies & ~can] = NO_PROGRESS
    return told


def _applies(inputs: RatingInputs, indicator: Indicator, year: int, judged: Bools) -> Bools:
    """Return for which schools an indicator has a meaning at all, whether or not it has a value."""
    applies = inputs.in_phase(*indicator.phases, "all-through")
    if indicator.of in ("floor", "coasting"):
        return applies & judged
    if indicator.of in DERIVED:
        return applies
    known, kind = MEASURES[indicator.of], inputs.register["school_type"].to_numpy()
    if known.kind == "ks2":
        applies = applies & inputs.in_phase("primary", "all-through") & (kind != "infant")
    if known.kind == "ks4":
        applies = applies & inputs.in_phase("secondary", "all-through")
    if known.kind in ("early", "phonics", "ks1"):
        applies = applies & inputs.in_phase("primary", "all-through") & (kind != "junior")
    if "." in indicator.of:
        applies = applies & (inputs.column(known.cohort, year - indicator.behind) != 0)
    return applies


def inspections_at(ofsted: pd.DataFrame | None, schools: pd.Index, year: int) -> dict[str, Values]:
    """Return what was known of inspections at 31 August of the year, for each derived indicator."""
    nothing = np.full(len(schools), np.nan)
    names = ("ofsted_grade", "ofsted_age", "ofsted_repeat", "inspection", "stuck")
    found = dict.fromkeys(names, nothing)
    if ofsted is None:
        return found
    cut, table = pd.Timestamp(year, 8, 31), ofsted.reindex(schools)
    inspected = pd.to_datetime(table["inspected"])
    known = (inspected <= cut).to_numpy()
    found["ofsted_grade"] = grade = grade_at(ofsted, schools, cut)
    found["inspection"] = latest = grade_at(ofsted, schools, cut, by_equivalent=True)
    told = known & np.isfinite(latest)
    found["ofsted_age"] = np.where(told, (cut - inspected).dt.days / 365.25, np.nan)
    if "previous" in table:
        before = np.where(known, table["previous"].to_numpy(dtype=float), np.nan)
        told = known & np.isfinite(grade) & (np.isfinite(before) | (grade < RI))
        found["ofsted_repeat"] = np.where(told, (grade == RI) & (before == RI), np.nan)
        stuck = judge_stuck(latest, before)
        found["stuck"] = np.where(stuck.yes, 1.0, np.where(stuck.no, 0.0, np.nan))
    return found


def find_reasons(inputs: RatingInputs, indicator: Indicator, year: int) -> npt.NDArray[np.object_]:
    """Return why each school would have no value of an indicator, for those that have none."""
    if indicator.of in ("floor", "coasting"):
        judged = judge_standard(indicator.of, inputs.panel, inputs.register, year)
        return np.asarray(judged["because"].to_numpy(dtype=object), dtype=object)
    if indicator.of in DERIVED:
        told = f"not inspected by 31 August {year}, or only since"
        ofsted = inputs.ofsted
        twice = indicator.of in ("ofsted_repeat", "stuck")
        if ofsted is None or (twice and "previous" not in ofsted):
            return np.full(len(inputs.register), NO_SOURCE, dtype=object)
        table = ofsted.reindex(inputs.register.index)
        seen = pd.to_datetime(table["inspected"]) <= pd.Timestamp(year, 8, 31)
        why = np.where(seen & table["outcome"].isna(), NOT_JUDGED, told)
        return np.where(seen & twice, NOT_BEFORE, why).astype(object)
    year = year - indicator.behind
    why = inputs.reason(indicator.of, year)
    if indicator.shown == "trend":
        before = inputs.reason(indicator.of, year - 2)
        why = np.where(why != "", why, np.where(before != "", f"{year - 2}: " + before, ""))
    there = np.isfinite(inputs.column(indicator.of, year))
    return np.where(why != "", why, np.where(there, NO_ENGLAND, NO_SOURCE))

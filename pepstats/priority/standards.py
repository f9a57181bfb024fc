"""The legal tests of the time: below the floor standard, and coasting.

Every answer is yes, no or unknown: an input that is missing never counts as a no.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from pepstats.measures import LOW_COVERAGE
from pepstats.priority.uncertainty import panel_column, panel_reason, upper_limit
from pepstats.schools import Panel

Bools = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.floating]
PROGRESS = ("reading_progress", "writing_progress", "maths_progress")
FLOOR_ATTAINMENT = 65.0
FLOOR_LINES = (-5.0, -7.0, -5.0)
COASTING_ATTAINMENT = 85.0
COASTING_LINES = (-2.5, -3.5, -2.5)  # SI 2017/9, regulation 4
FLOOR_PROGRESS8 = -0.5
COASTING_PROGRESS8 = -0.25  # SI 2017/9, regulation 5


@dataclass(frozen=True)
class Answer:
    """Yes, no, or neither (unknown), for many schools at once, in Kleene's logic."""

    yes: Bools
    no: Bools

    def __and__(self, other: Answer) -> Answer:
        """Both: no as soon as one is no."""
        return Answer(self.yes & other.yes, self.no | other.no)

    def __or__(self, other: Answer) -> Answer:
        """Either: yes as soon as one is yes."""
        return Answer(self.yes | other.yes, self.no & other.no)

    @classmethod
    def all_no(cls, shape: int | tuple[int, ...]) -> Answer:
        """Return a no for every school, to which others are joined by `|`."""
        return cls(np.zeros(shape, bool), np.ones(shape, bool))

    def words(self) -> npt.NDArray[np.str_]:
        """Return `yes`, `no` or `unknown`."""
        return np.where(self.yes, "yes", np.where(self.no, "no", "unknown"))


def under(value: Numbers, line: float) -> Answer:
    """Ask whether values are under a line; a missing value is unknown."""
    return Answer(value < line, value >= line)


def primary_floor(rwm: Numbers, progress: Sequence[Numbers], upper: Sequence[Numbers]) -> Answer:
    """Return which schools are below the primary floor of 2016 to 2018.

    Below: under 65% at the expected standard, and progress under its line in two subjects, or in
    one where it is also significantly below average (the upper 95% limit is under zero).
    """
    low = [under(v, line) for v, line in zip(progress, FLOOR_LINES, strict=True)]
    sure = [a & under(u, 0.0) for a, u in zip(low, upper, strict=True)]
    reading, writing, maths = low
    two = (reading & writing) | (reading & maths) | (writing & maths)
    return under(rwm, FLOOR_ATTAINMENT) & (two | sure[0] | sure[1] | sure[2])


def primary_coasting_year(
    rwm: Numbers, progress: Sequence[Numbers], upper: Sequence[Numbers]
) -> Answer:
    """Return which schools met one year's part of the primary coasting test, 2016 on.

    Met: under 85% at the expected standard, and any progress score under its line with its upper
    95% limit under zero.
    """
    parts = [
        under(v, line) & under(u, 0.0)
        for v, line, u in zip(progress, COASTING_LINES, upper, strict=True)
    ]
    return under(rwm, COASTING_ATTAINMENT) & (parts[0] | parts[1] | parts[2])


def secondary_floor(progress8: Numbers, upper: Numbers) -> Answer:
    """Return which schools are below the secondary floor: under -0.5, upper limit under zero."""
    return under(progress8, FLOOR_PROGRESS8) & under(upper, 0.0)


def secondary_coasting_year(progress8: Numbers, upper: Numbers) -> Answer:
    """Return which schools met one year's part of the secondary coasting test, 2016 on."""
    return under(progress8, COASTING_PROGRESS8) & under(upper, 0.0)


StandardTest = Literal["floor", "coasting"]
PRIMARY_TESTS = {"floor": primary_floor, "coasting": primary_coasting_year}
SECONDARY_TESTS = {"floor": secondary_floor, "coasting": secondary_coasting_year}

_LINES = {"floor": (*FLOOR_LINES, FLOOR_PROGRESS8),
          "coasting": (*COASTING_LINES, COASTING_PROGRESS8)}  # fmt: skip

_MEASURES = {"primary": ("rwm_expected", *PROGRESS), "secondary": ("progress8",)}
_COHORT = {"primary": ("cohort", 11), "secondary": ("cohort_ks4", 6)}  # and the fewest pupils
NOT_JUDGED = "not judged: too few pupils, or a special or infant school"


def judge_floor(panel: Panel, register: pd.DataFrame, year: int) -> pd.DataFrame:
    """Return which schools were below the floor standard in a year, and why.

    Returns a table keyed `school`: `answer` (yes, no, unknown) and `because`: the scores under
    their line, the input that is missing, or why the school is not judged. An upper limit that is
    not published is worked out from the pupils (`upper_limit`). An all-through school is
    below if either phase is. Schools that have closed since are judged like any other.
    """
    answer, because = _ask(panel, register, year, "floor")
    return pd.DataFrame({"answer": answer.words(), "because": because}, index=register.index)


def judge_coasting(panel: Panel, register: pd.DataFrame, year: int) -> pd.DataFrame:
    """Return which schools were coasting in a year: the test met in each of three years.

    Returns a table keyed `school`: `answer`, `years_met` and `years_unknown` of the three, and
    `because`. Years before 2016 are unknown here: their results are of other tests.
    """
    answer = Answer(np.ones(len(register), bool), np.zeros(len(register), bool))
    met, unknown = (np.zeros(len(register), dtype=int) for _ in range(2))
    because = pd.Series("", index=register.index, dtype=object)
    for each in (year - 2, year - 1, year):
        part, told = _ask(panel, register, each, "coasting")
        answer = answer & part
        met += part.yes
        unknown += ~part.yes & ~part.no
        because += np.where(told == "", "", f"{each}: " + told + "; ")
    columns = {"answer": answer.words(), "years_met": met, "years_unknown": unknown,
               "because": because.str.removesuffix("; ")}  # fmt: skip
    return pd.DataFrame(columns, index=register.index)


def _ask(
    panel: Panel, register: pd.DataFrame, year: int, test: StandardTest
) -> tuple[Answer, npt.NDArray[np.object_]]:
    """Ask one year's test of every school, in the phases it has; say why, unless it is a no."""
    both = Answer.all_no(len(register))
    because = np.full(len(register), NOT_JUDGED, dtype=object)
    judged = np.zeros(len(register), bool)
    for phase, measures in _MEASURES.items():
        asked = is_judged(panel, register, year, phase)
        answer, told = _ask_phase(panel, register, year, test, measures)
        answer = Answer(answer.yes & asked, answer.no | ~asked)
        told = np.where(answer.no, "", told)
        joined = np.where((because != "") & (told != ""), because + ", " + told, because + told)
        because = np.where(asked, np.where(judged, joined, told), because)
        judged |= asked
        both = both | answer
    return both, np.where(both.no & judged, "", because)


def _ask_phase(
    panel: Panel, register: pd.DataFrame, year: int, test: StandardTest, measures: tuple[str, ...]
) -> tuple[Answer, npt.NDArray[np.object_]]:
    """Ask one phase's test, and say what was under its line, or what is missing to tell."""
    figures = {m: panel_column(panel, m, year, register.index) for m in measures}
    lines = dict(zip((*PROGRESS, "progress8"), _LINES[test], strict=True))
    scores = {m: figures[m] for m in lines if m in figures}
    upper = [upper_limit(panel, m, year, register.index) for m in scores]
    if "progress8" in scores:
        answer = SECONDARY_TESTS[test](scores["progress8"], upper[0])
    else:
        answer = PRIMARY_TESTS[test](figures["rwm_expected"], list(scores.values()), upper)
    told = np.full(len(register), "", dtype=object)
    unknown = ~answer.yes & ~answer.no
    for measure, value in figures.items():
        lacking = unknown & ~np.isfinite(value)
        told = np.where(lacking, told + f"no {_words(measure)}, ", told)
    for measure, value in scores.items():
        low = answer.yes & (value < lines[measure])
        told = np.where(low, told + f"{_words(measure)} under {lines[measure]:g}, ", told)
    return answer, np.array([text.removesuffix(", ") for text in told], dtype=object)


def _words(measure: str) -> str:
    names = {"rwm_expected": "expected standard", "progress8": "Progress 8"}
    return names.get(measure, measure.replace("_", " "))


def is_judged(panel: Panel, register: pd.DataFrame, year: int, phase: str) -> Bools:
    """Return which schools a phase's tests are asked of.

    Not of special or infant schools, nor where the cohort is too small (under 11 pupils, or 6 at
    key stage 4) or under half of it has prior attainment. A cohort not known is no excuse.
    """
    has = register["phase"].isin([phase, "all-through"]) & (register["school_type"] != "infant")
    cohort, fewest = _COHORT[phase]
    few: Bools = panel_column(panel, cohort, year, register.index) < fewest
    for measure in _MEASURES[phase]:
        base = measure.removesuffix("_progress")
        few |= panel_column(panel, f"{base}_coverage", year, register.index) < 50
        few |= panel_reason(panel, measure, year, register.index) == LOW_COVERAGE
    return np.asarray(has.to_numpy(dtype=bool), dtype=bool) & ~few

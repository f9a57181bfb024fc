"""The legal tests of the time: below the floor standard, and coasting.

Every answer is yes, no or unknown: an input that is missing never counts as a no.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from pepstats.measures import LOW_COVERAGE
from pepstats.priority.uncertainty import panel_column, panel_reason, upper_limit
from pepstats.schools import Panel

Bools = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.floating]
PROGRESS = ("reading_progress", "writing_progress", "maths_progress")
ATTAINMENT = {"floor": 65.0, "coasting": 85.0}
LINES = {
    "floor": dict(zip((*PROGRESS, "progress8"), (-5.0, -7.0, -5.0, -0.5), strict=True)),
    # SI 2017/9, regulations 4 and 5
    "coasting": dict(zip((*PROGRESS, "progress8"), (-2.5, -3.5, -2.5, -0.25), strict=True)),
}
"""The scores under which a school meets a test."""

RI = 3
"""The grade of requires improvement; 4 is inadequate."""


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
    def unknown(cls, schools: int) -> Answer:
        """Return neither yes nor no for every school."""
        return cls(np.zeros(schools, bool), np.zeros(schools, bool))

    @classmethod
    def all_no(cls, shape: int | tuple[int, ...]) -> Answer:
        """Return a no for every school, to which others are joined by `|`."""
        return cls(np.zeros(shape, bool), np.ones(shape, bool))

    def among(self, asked: Bools) -> Answer:
        """Return a no for every school that is not asked."""
        return Answer(self.yes & asked, self.no | ~asked)

    def words(self) -> npt.NDArray[np.str_]:
        """Return `yes`, `no` or `unknown`."""
        return np.where(self.yes, "yes", np.where(self.no, "no", "unknown"))


def under(value: Numbers, line: float) -> Answer:
    """Ask whether values are under a line; a missing value is unknown."""
    return Answer(value < line, value >= line)


def equals(value: Numbers, wanted: Numbers | float) -> Answer:
    """Ask whether values are some number; a missing value is unknown."""
    return Answer(value == wanted, np.isfinite(value) & (value != wanted))


def judge_stuck(latest: Numbers, before: Numbers) -> Answer:
    """Return which schools are stuck, by the grades of the latest two inspections or equivalents.

    Stuck: "graded Requires Improvement - or equivalent - at its most recent Ofsted inspection" and
    "graded below Good at its previous Ofsted inspection" (Department for Education, *Schools
    eligible for RISE intervention*, reporting year 2025,
    https://explore-education-statistics.service.gov.uk/find-statistics/schools-eligible-for-rise-intervention).
    Which grade a newer inspection is equivalent to: `sources.registers.find_equivalent`. A school
    that is inadequate now is not stuck but in a category of concern, which is another criterion.
    """
    return equals(latest, RI) & Answer(before >= RI, before < RI)


MEASURES_OF = {"primary": ("rwm_expected", *PROGRESS), "secondary": ("progress8",)}
SMALLEST_COHORT = {"primary": ("cohort", 11), "secondary": ("cohort_ks4", 6)}
NOT_JUDGED = "not judged: too few pupils, or a special or infant school"


def ask_test(test: str, get: Callable[[str], tuple[Numbers, Numbers]]) -> dict[str, Answer]:
    """Ask one year's test by phase; `get` returns a measure's figures and their upper limits.

    A score is surely low where it is under its line with its upper 95% limit under zero. Secondary:
    Progress 8 is surely low. Primary: attainment under its line and some progress surely low; below
    the floor (2016 to 2018) also with progress under its line in two subjects, however sure.
    """
    low, sure = {}, {}
    for measure, line in LINES[test].items():
        value, upper = get(measure)
        low[measure] = under(value, line)
        sure[measure] = low[measure] & under(upper, 0.0)
    reading, writing, maths = (low[one] for one in PROGRESS)
    progress = sure[PROGRESS[0]] | sure[PROGRESS[1]] | sure[PROGRESS[2]]
    if test == "floor":
        progress = progress | (reading & writing) | (reading & maths) | (writing & maths)
    attained, _ = get("rwm_expected")
    return {"primary": under(attained, ATTAINMENT[test]) & progress, "secondary": sure["progress8"]}


def years_of(test: str, year: int) -> range:
    """Return the years whose results a test asks for: three of the coasting test, else one."""
    return range(year - 2 if test == "coasting" else year, year + 1)


def judge_standard(test: str, panel: Panel, register: pd.DataFrame, year: int) -> pd.DataFrame:
    """Return which schools met a test in a year, coasting in each of three years, and why.

    Returns a table keyed `school`: `answer` (yes, no, unknown) and `because`: the scores under
    their line, the input that is missing, or why the school is not judged. An upper limit that is
    not published is worked out from the pupils (`upper_limit`). An all-through school meets a
    test if either phase does. Schools that have closed since are judged like any other. Years
    before 2016 are unknown here: their results are of other tests.
    """
    answer = Answer(np.ones(len(register), bool), np.zeros(len(register), bool))
    because = pd.Series("", index=register.index, dtype=object)
    for each in years_of(test, year):
        part, told = _judge_year(panel, register, each, test)
        answer = answer & part
        of_year = f"{each}: " if test == "coasting" else ""
        because += np.where(told == "", "", of_year + told + "; ")
    columns = {"answer": answer.words(), "because": because.str.removesuffix("; ")}
    return pd.DataFrame(columns, index=register.index)


def _judge_year(
    panel: Panel, register: pd.DataFrame, year: int, test: str
) -> tuple[Answer, npt.NDArray[np.object_]]:
    """Ask one year's test of every school, in the phases it has; say why, unless it is a no."""

    def get(measure: str) -> tuple[Numbers, Numbers]:
        schools = register.index
        return (panel_column(panel, measure, year, schools),
                upper_limit(panel, measure, year, schools))  # fmt: skip

    both = Answer.all_no(len(register))
    because = np.full(len(register), NOT_JUDGED, dtype=object)
    judged = np.zeros(len(register), bool)
    for phase, found in ask_test(test, get).items():
        asked = is_judged(panel, register, year, phase)
        answer = found.among(asked)
        figures = {measure: get(measure)[0] for measure in MEASURES_OF[phase]}
        told = np.where(answer.no, "", _say_why(answer, figures, LINES[test]))
        joint = np.where((because != "") & (told != ""), ", ", "")
        because = np.where(asked, np.where(judged, because + joint + told, told), because)
        judged |= asked
        both = both | answer
    return both, np.where(both.no & judged, "", because)


def _say_why(
    answer: Answer, figures: dict[str, Numbers], lines: dict[str, float]
) -> npt.NDArray[np.object_]:
    """Say what was under its line, or what is missing to tell."""
    told = pd.Series("", index=range(len(answer.yes)), dtype=object)
    for measure, value in figures.items():
        names = {"rwm_expected": "expected standard", "progress8": "Progress 8"}
        words, line = names.get(measure, measure.replace("_", " ")), lines.get(measure, -np.inf)
        told += np.where(answer.yes & (value < line), f"{words} under {line:g}, ", "")
        told += np.where(~answer.yes & ~answer.no & ~np.isfinite(value), f"no {words}, ", "")
    return np.asarray(told.str.removesuffix(", "), dtype=object)


def is_judged(panel: Panel, register: pd.DataFrame, year: int, phase: str) -> Bools:
    """Return which schools a phase's tests are asked of.

    Not of special or infant schools, nor where the cohort is too small (under 11 pupils, or 6 at
    key stage 4) or under half of it has prior attainment. A cohort not known is no excuse.
    """
    has = register["phase"].isin([phase, "all-through"]) & (register["school_type"] != "infant")
    cohort, fewest = SMALLEST_COHORT[phase]
    few: Bools = panel_column(panel, cohort, year, register.index) < fewest
    for measure in MEASURES_OF[phase]:
        base = measure.removesuffix("_progress")
        few |= panel_column(panel, f"{base}_coverage", year, register.index) < 50
        few |= panel_reason(panel, measure, year, register.index) == LOW_COVERAGE
    return np.asarray(has.to_numpy(dtype=bool), dtype=bool) & ~few

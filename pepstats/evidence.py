"""What the notebooks found for one programme, and what readers may know of it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import pandas as pd

from pepstats import codes, figures
from pepstats.breaks import breaks_between
from pepstats.disclosure import View
from pepstats.pictures import name_schools
from pepstats.programme import Programme
from pepstats.statements import Statements, no_statements
from pepstats.words import Result, measure, outcome_label, read_result, school_year

MOST_CASES = 3

NOT_YET_PUBLIC = ("school-returned", "provisional")

HELD_BACK = (
    "Not shown in the public edition: a school could be known by its earlier, published results "
    "while these are still provisional."
)


class Reads(Protocol):
    """Anything that can read the tables earlier notebooks wrote: a step of a run."""

    def read_table(self, step: str, name: str, programme: str | None = None) -> pd.DataFrame:
        """Read one table."""

    def read_file(self, step: str, name: str, programme: str | None = None) -> bytes:
        """Read any other file."""

    def read_last_shown(self) -> pd.DataFrame:
        """Read the counts that the last release showed."""


@dataclass(frozen=True)
class Drawn:
    """A picture that a notebook drew: its bytes and its words."""

    svg: bytes
    png: bytes
    alt: str


@dataclass(frozen=True)
class ProgrammeResults:
    """What the notebooks found for one programme, as they wrote it.

    Attributes
    ----------
    effects
        One row per outcome: the columns of `effects.csv`.
    gaps
        One row per school of the programme and outcome: `school`, `outcome`, `gap`, `reason`.
    lines
        One row per school, outcome and year: `school`, `outcome`, `year`, `own`, `comparison`.
    placebo
        One row per made-up programme, one column per outcome.
    flow
        One row per rule that left schools out: `step`, `left_out`, `kept`, `members_kept`.
    balance
        One row per variable: `variable`, `smd_before`, `smd_after` and the means.
    checks
        One row per check, the headline's first: `kind`, `check`, `outcome`, `estimate`, `low`,
        `high`, `p`, `n_schools`, `n_comparison`, `note`; empty where none were made.
    cases
        One row per case study: `school`, `why`, `gap`, `context`, `support`, `changed`.
    statements
        What schools said, and what of it may be quoted.
    value
        What the effect is worth, in words: `question`, `answer`; added to the summary.
    sizes, grades
        Each effect on other scales, and how strong the evidence is by our own assessment.
    refused
        Outcomes that are given no effect: `outcome`, `n_schools`, `reason`.
    described
        What only the authority holds, beside published series: `measure`, `year`, `whose`, `value`.
    calibration
        How this and other ways of estimating behave where nothing was done: `estimator`,
        `selection`, `outcome`, `mean`, `spread`, `false_alarm_rate`.
    also_in
        In how many other programmes of the report each school of this one is: index `school`.
    pictures
        The pictures the notebooks drew, by the paper's name of them.
    """

    effects: pd.DataFrame = field(repr=False)
    gaps: pd.DataFrame = field(repr=False)
    lines: pd.DataFrame = field(repr=False)
    placebo: pd.DataFrame = field(repr=False)
    flow: pd.DataFrame = field(repr=False)
    balance: pd.DataFrame = field(repr=False)
    checks: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    cases: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    statements: Statements = field(default_factory=no_statements, repr=False)
    value: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    sizes: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    grades: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    refused: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    described: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    calibration: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    also_in: pd.Series = field(default_factory=lambda: pd.Series(dtype="int64"), repr=False)
    pictures: Mapping[str, Drawn] = field(default_factory=dict, repr=False)


def list_results(programme: Programme, found: ProgrammeResults, year: int) -> dict[str, Result]:
    """Give each outcome of a programme its result; one that could not be estimated says so."""
    rows = {str(row["outcome"]): row for row in found.effects.to_dict("records")}
    return {
        outcome: read_result({str(k): v for k, v in rows[outcome].items()})
        if outcome in rows
        else _no_result(outcome, found, year)
        for outcome in programme.outcomes
    }


def _no_result(outcome: str, found: ProgrammeResults, year: int) -> Result:
    gaps = found.gaps.reset_index()
    known = int(gaps.loc[gaps["outcome"] == outcome, "gap"].notna().sum())
    nan, unit, reason = math.nan, measure(outcome).unit, ""
    for row in found.refused.to_dict("records"):
        if row["outcome"] == outcome:
            known, reason = int(row["n_schools"]), str(row["reason"])
    return Result(outcome, unit, nan, nan, nan, nan, known, 0, year, "", "", reason=reason)


def breaks_sentence(programme: Programme, outcomes: Iterable[str], year: int) -> str:
    """Say which changes of definition the years compared cross; nothing where they cross none.

    Comparison schools' results changed with the programme's, so a change takes nothing from the
    estimate; but the levels of the years before and after it are not quite the same thing.
    """
    said = {
        f"{one.year}: {one.what}": None
        for outcome in outcomes
        for one in breaks_between(outcome, [*programme.baseline, year])
    }
    if not said:
        return ""
    return (
        f"The definition changed within these years ({'; '.join(said)}), for these schools and "
        "their comparison schools alike."
    )


def may_show_schools(results: Mapping[str, Result], view: View) -> bool:
    """Say whether lines of single schools may be shown in an edition."""
    releases = {result.release for result in results.values() if result.known}
    return view.exempt or not releases & set(NOT_YET_PUBLIC)


def count_members(found: ProgrammeResults) -> int:
    """Count the schools named in a programme."""
    return int(found.gaps.reset_index()["school"].nunique())


def average_lines(programme: Programme, found: ProgrammeResults, outcome: str) -> pd.DataFrame:
    """Average a programme's schools and their comparison schools by year.

    Only schools with a gap in the outcome count, so that the same schools stand in every year.
    Columns `year`, `members`, `comparison`, `n`.
    """
    gaps = found.gaps.reset_index()
    kept = gaps.loc[(gaps["outcome"] == outcome) & gaps["gap"].notna(), "school"]
    lines = found.lines.reset_index()
    lines = lines.loc[(lines["outcome"] == outcome) & lines["school"].isin(kept)]
    known = lines["own"].notna() & lines["comparison"].notna()
    years = (
        lines.loc[known]
        .groupby("year")
        .agg(members=("own", "mean"), comparison=("comparison", "mean"), n=("own", "size"))
    )
    every = pd.Index(sorted(lines["year"].unique()), name="year")
    return years.reindex(every).fillna({"n": 0}).astype({"n": int}).reset_index()


def choose_dots(found: ProgrammeResults, result: Result) -> pd.DataFrame:
    """Give the hundred dots of a result's made-up programmes."""
    return figures.choose_dots(
        found.placebo[result.outcome], estimate=result.estimate, p_placebo=result.p_placebo
    )


def label_variable(variable: str) -> str:
    """Name a matched variable for readers: `rwm_expected 2017` with its school year."""
    name, _, year = variable.rpartition(" ")
    if name and year.isdigit():
        return f"{outcome_label(name)}, {school_year(int(year))}"
    return outcome_label(variable)


def reader_words(text: str) -> str:
    """Give a rule as readers know it: a measure's own name and year become its label."""
    return re.sub(
        r"\b([a-z][a-z_0-9]*(?:\.[a-z_]+)?) (20\d\d)\b",
        lambda m: label_variable(m.group()) if m.group(1) in codes.MEASURES else m.group(),
        text,
    )


def label_schools(found: ProgrammeResults, outcome: str, view: View) -> dict[int, str]:
    """Give each school its label, largest gain first: its name if exempt, else only its place."""
    gaps = found.gaps.reset_index()
    gaps = gaps.loc[gaps["outcome"] == outcome]
    order = gaps.sort_values(["gap", "school"], ascending=[False, True], na_position="last")[
        "school"
    ]
    if view.exempt:
        return name_schools(order, view.names)
    return {int(school): f"School {place}" for place, school in enumerate(order, start=1)}


def lines_of(found: ProgrammeResults, outcome: str, labels: Mapping[int, str]) -> pd.DataFrame:
    """Give the lines of some schools in the order and by the labels given."""
    lines = found.lines.reset_index()
    lines = lines.loc[(lines["outcome"] == outcome) & lines["school"].isin(labels)]
    place = {school: n for n, school in enumerate(labels)}
    lines = lines.assign(label=lines["school"].map(dict(labels)), place=lines["school"].map(place))
    return lines.sort_values(["place", "year"])


def is_said(note: object) -> bool:
    """Say whether a cell holds words."""
    return isinstance(note, str) and bool(note.strip())


def scale_words(outcome: str) -> str:
    """Name the scale a line is drawn on: the percentage itself, not the points it moves by."""
    known = measure(outcome)
    return "percentage of pupils" if known.percent else known.unit

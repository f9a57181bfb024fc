"""What the paper says of the authority's schools besides the programmes: their priority ratings."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pandas as pd

from pepstats.errors import DesignError, RunError
from pepstats.formatting import reader_words
from pepstats.measures import breaks_between, find_measure
from pepstats.plots import name_schools
from pepstats.report.disclosure import SHOWN_COLUMNS, View
from pepstats.report.wording import Result, read_result
from pepstats.settings import Programme
from pepstats.sources import Statements, no_statements, restore

PARTNERSHIP_TABLES = (
    "eligibility", "eligibility-rules", "participation", "activities", "programme-overlap",
    "external-challenge", "grants", "claims", "promises", "themes",
)  # fmt: skip
"""The tables of notebook 02 that this part of the paper is made from."""


def read_shown(path: Path) -> pd.DataFrame:
    """Read counts that a release showed; each is a whole number or nothing."""
    try:
        table = pd.read_csv(path, dtype={"table": "str", "row": "str", "column": "str"})
        known = table[SHOWN_COLUMNS].astype({"count": "Int64"}).astype({"count": float})
    except (KeyError, ValueError, TypeError) as error:
        raise DesignError(
            f"{path}: not counts that a release showed ({error}). Name the `shown-counts.csv` of "
            f"that release; its columns are {', '.join(SHOWN_COLUMNS)}."
        ) from None
    twice = known[known.duplicated(["table", "row", "column"])]
    if len(twice):
        where = ", ".join(f"row {row + 2}" for row in twice.index[:5])
        raise DesignError(f"{path}: a count is there twice ({where}). Take one of the two out.")
    return known


SUPPORT_TABLES = ("changes", "support-totals", "support-last-year-totals")
"""The tables of notebook 02 that this part of the paper is made from."""

RATINGS = "02-priority-ratings"

NOT_RATED = "Not rated"


@dataclass(frozen=True)
class City:
    """What the paper says of the authority's schools besides the programmes.

    `names` gives each school's name, used in the exempt edition only; `ratings` has one row per
    rated school: `school`, `governance`, `rating` (missing where there is none), `reasons`;
    `last_shown` has the counts that the last release showed; `tables` what else notebook 02 wrote,
    by name, as far as it did.
    """

    names: Mapping[int, str] = field(default_factory=dict, repr=False)
    ratings: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    last_shown: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(columns=SHOWN_COLUMNS), repr=False
    )
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict, repr=False)

    def table(self, name: str) -> pd.DataFrame:
        """Give what notebook 02 wrote under a name, empty where it wrote nothing."""
        return self.tables.get(name, pd.DataFrame())


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
class SavedPicture:
    """A `pictures.Picture` as a notebook saved it: the figure's bytes, its table and its words."""

    svg: bytes
    png: bytes
    table: pd.DataFrame = field(repr=False)
    alt: str
    caption: str


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
        The pictures that the notebooks saved, by the paper's name of them.
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
    pictures: Mapping[str, SavedPicture] = field(default_factory=dict, repr=False)


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
    nan, unit, reason = math.nan, find_measure(outcome).unit, ""
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
        reader_words(one.what): None
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
    known = find_measure(outcome)
    return "percentage of pupils" if known.percent else known.unit


MADE_FROM = {
    "03-match-schools": ("flow", "balance"),
    "04-estimate-effect": ("effects", "gaps", "lines", "placebo"),
    "05-check-robustness": ("checks",),
}

DRAWN = {
    # the paper's name of a picture: the step that drew it, and its file
    "two-lines": ("04-estimate-effect", "gap-{primary}"),
    "hundred-dots": ("04-estimate-effect", "made-up-programmes"),
    "checks": ("05-check-robustness", "checks-picture"),
    "balance": ("03-match-schools", "balance-picture"),
    "flow": ("03-match-schools", "flow-picture"),
    "schools": ("06-case-studies", "schools"),
    "schools-named": ("06-case-studies", "schools-named"),
    "cases": ("06-case-studies", "cases-picture"),
    "cases-named": ("06-case-studies", "cases-named"),
}


def collect_results(step: Reads, programmes: Sequence[Programme]) -> dict[str, ProgrammeResults]:
    """Read what the notebooks wrote for each programme; case studies and statements if there."""
    members = step.read_table("01-clean-sources", "members")
    return {programme.slug: _collect_one(step, programme, members) for programme in programmes}


def _collect_one(step: Reads, programme: Programme, members: pd.DataFrame) -> ProgrammeResults:
    slug = programme.slug
    counted = members.groupby("school")["programme"].nunique() - 1
    own = members.loc[members["programme"] == slug, "school"]
    tables = {
        name: step.read_table(folder, name, slug)
        for folder, names in MADE_FROM.items()
        for name in names
    }
    said = _read_if_there(step, "06-case-studies", "statements", slug)
    return ProgrammeResults(
        **tables,
        cases=_read_if_there(step, "06-case-studies", "cases", slug),
        statements=restore(said) if len(said) else no_statements(),
        value=_read_if_there(step, "04-estimate-effect", "value", slug),
        sizes=_read_if_there(step, "04-estimate-effect", "sizes", slug),
        refused=_read_if_there(step, "04-estimate-effect", "refused", slug),
        described=_read_if_there(step, "04-estimate-effect", "described", slug),
        grades=_read_if_there(step, "04-estimate-effect", "grades", slug),
        calibration=_read_if_there(step, "05-check-robustness", "calibration", slug),
        also_in=counted.reindex(sorted(own)),
        pictures=_collect_pictures(step, programme),
    )


def _collect_pictures(step: Reads, programme: Programme) -> dict[str, SavedPicture]:
    """Read the pictures that the notebooks saved, as far as they are there."""
    found = {}
    for name, (folder, stem) in DRAWN.items():
        stem = stem.format(primary=programme.primary)
        try:
            svg, png, alt, caption = (
                step.read_file(folder, f"{stem}.{kind}", programme.slug)
                for kind in ("svg", "png", "alt.txt", "caption.txt")
            )
            table = step.read_table(folder, stem, programme.slug)
        except RunError:
            continue
        words = (part.decode("utf-8").strip() for part in (alt, caption))
        found[name] = SavedPicture(svg, png, table, *words)
    return found


def collect_city(step: Reads) -> City:
    """Read the schools' names and their priority ratings."""
    register = step.read_table("01-clean-sources", "register")
    names = dict(zip(register["school"].astype(int), register["name"].astype(str), strict=True))
    ratings = _read_if_there(step, RATINGS, "ratings", None)
    asked = (*SUPPORT_TABLES, *PARTNERSHIP_TABLES)
    tables = {name: _read_if_there(step, RATINGS, name, None) for name in asked}
    return City(names, ratings, step.read_last_shown(), tables)


def _read_if_there(step: Reads, folder: str, name: str, slug: str | None) -> pd.DataFrame:
    try:
        return step.read_table(folder, name, slug)
    except RunError:
        return pd.DataFrame()

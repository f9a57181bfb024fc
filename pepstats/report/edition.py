"""What an edition of the paper is made from: what the notebooks wrote, and what it may show."""

from __future__ import annotations

import dataclasses
import datetime
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol

import pandas as pd

from pepstats.errors import RunError
from pepstats.formatting import join_words, reader_words, round_half_up, school_year
from pepstats.impact import MATCHED, UNCERTAIN
from pepstats.measures import breaks_between, find_measure, why_not_by_school, why_not_taken
from pepstats.plots import name_schools
from pepstats.report.disclosure import NOT_YET_PUBLIC, Protected, View
from pepstats.report.sentences import Result, read_result
from pepstats.schools import Panel
from pepstats.settings import (
    Programme,
    Report,
    lead_with,
    load_quality,
    load_report,
    say_sign_off,
    tabulate_quality,
)
from pepstats.sources import no_statements, restore

RATINGS = "02-priority-ratings"

CITY_TABLES = (
    "changes", "support-totals", "support-last-year-totals", "eligibility", "eligibility-rules",
    "participation", "activities", "external-challenge", "grants", "claims",
    "promises", "ratings-next-year", "ratings-left-out",
)  # fmt: skip
"""The tables of notebook 02 that the paper is made from."""

PROGRAMME_TABLES = {
    "03-match-schools": ("flow",),
    "04-estimate-effect": ("effects", "gaps", "lines", "placebo", "balance"),
    "05-check-robustness": ("checks",),
}

OPTIONAL_TABLES = {
    "04-estimate-effect": (
        "value",
        "sizes",
        "weighed",
        "refused",
        "described",
        "grades",
        "gap-to-national",
        "lost",
        "series",
    ),  # fmt: skip
    "05-check-robustness": ("calibration", "shares"),
    "06-case-studies": ("cases", "statements"),
}

DRAWN = {
    # the paper's name of a picture: the step that drew it, and its file
    "two-lines": ("04-estimate-effect", "gap-{primary}"),
    "hundred-dots": ("04-estimate-effect", "made-up-programmes"),
    "checks": ("05-check-robustness", "checks-picture"),
    "balance": ("04-estimate-effect", "balance-picture"),
    "flow": ("04-estimate-effect", "flow-picture"),
    "series": ("04-estimate-effect", "series-picture"),
    "schools": ("06-case-studies", "schools"),
    "schools-named": ("06-case-studies", "schools-named"),
    "cases": ("06-case-studies", "cases-picture"),
    "cases-named": ("06-case-studies", "cases-named"),
}

NOT_RATED = "Not rated"
FIRST = "This is the first paper on these results."
NOT_RUN = "What changed since the last paper cannot be shown, as its results are not at hand."
NO_PLAN = "no plan was written before results were read"
BLIND = "the year's results when it was planned"
"""The row of a plan that says whether it was written before these could be read."""

HELD_BACK = "Not published until results are: a school could be recognised by its earlier results."


@dataclass(frozen=True, repr=False)
class City:
    """What the paper says of the authority's schools besides the programmes.

    `names` gives each school's name, used in the exempt edition only; `ratings` has one row per
    rated school: `school`, `governance`, `rating` (missing where there is none), `reasons`;
    `tables` what else notebook 02 wrote, by name, as far as it did. Where single schools are held
    back, `counts` has what is still told of them.
    """

    names: Mapping[int, str] = field(default_factory=dict)
    ratings: pd.DataFrame = field(default_factory=pd.DataFrame)
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    counts: Mapping[str, Protected] | None = None

    def table(self, name: str) -> pd.DataFrame:
        """Return what notebook 02 wrote under a name, empty where it wrote nothing."""
        return self.tables.get(name, pd.DataFrame())


@dataclass(frozen=True, repr=False)
class Provenance:
    """What is known of a paper's own making; empty where nothing was written down.

    `revises` is the day of the meeting that the report revised by this one went to, None for a
    first report; `results` has one row per measure: what the authority's results were then and are
    now; `effects` for each programme one row per outcome: what was concluded then and is now;
    `plans` for each programme one row per thing fixed beforehand: `item`, `planned`, `done`,
    `followed`; `quality` the parts of the quality log; `signed` who made and who checked the
    analysis, in a sentence.
    """

    revises: datetime.date | None = None
    results: pd.DataFrame = field(default_factory=pd.DataFrame)
    effects: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    plans: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    quality: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    signed: str = say_sign_off(None)

    @property
    def not_run(self) -> bool:
        """Whether there is an earlier report, but no run of it that this one could be set beside.

        With one, a programme's bridge has a row for every outcome, also for one it lacks.
        """
        found = [self.results, *self.effects.values()]
        return self.revises is not None and all(table.empty for table in found)

    @property
    def why_nothing(self) -> str:
        """Why no earlier paper can be set beside this one; nothing where one can."""
        if self.revises is None:
            return FIRST
        return NOT_RUN if self.not_run else ""


@dataclass(frozen=True, repr=False)
class SavedPicture:
    """A `plots.Picture` as a notebook saved it: the figure's bytes, its table and its words."""

    svg: bytes
    png: bytes
    table: pd.DataFrame
    alt: str
    caption: str


@dataclass(frozen=True)
class Counts:
    """How many of a programme's schools an outcome rests on, and how they fared.

    `above` and `below` are schools that did better and worse than was expected of them, None where
    that is told in words (`fared`) only; `least` and `most` are comparison schools of each; `lost`
    counts the schools without a gap by their reasons.
    """

    known: int
    above: int | None
    below: int | None
    least: int
    most: int
    lost: tuple[tuple[str, int], ...]
    fared: str = ""


@dataclass(frozen=True, repr=False)
class ProgrammeResults:
    """What the notebooks found for one programme, as they wrote it.

    Each table is as the run's file of that name: `effects` one row per outcome, `gaps` per school
    and outcome, `lines` per school, outcome and year, `placebo` per placebo programme, `flow` per
    rule that left schools out, `balance` per matched variable, `checks` per check. `statements` is
    what schools said and what of it may be quoted; `also_in` in how many other programmes of the
    report each school is; `pictures` what the notebooks drew, by the paper's name of it. Where
    single schools are held back, `counted` has what is still told of them, and `one_school` whether
    one of them decides the verdict.
    """

    effects: pd.DataFrame
    gaps: pd.DataFrame
    lines: pd.DataFrame
    placebo: pd.DataFrame
    flow: pd.DataFrame
    balance: pd.DataFrame
    checks: pd.DataFrame = field(default_factory=pd.DataFrame)
    cases: pd.DataFrame = field(default_factory=pd.DataFrame)
    statements: pd.DataFrame = field(default_factory=no_statements)
    value: pd.DataFrame = field(default_factory=pd.DataFrame)
    sizes: pd.DataFrame = field(default_factory=pd.DataFrame)
    weighed: pd.DataFrame = field(default_factory=pd.DataFrame)
    grades: pd.DataFrame = field(default_factory=pd.DataFrame)
    refused: pd.DataFrame = field(default_factory=pd.DataFrame)
    described: pd.DataFrame = field(default_factory=pd.DataFrame)
    gap_to_national: pd.DataFrame = field(default_factory=pd.DataFrame)
    lost: pd.DataFrame = field(default_factory=pd.DataFrame)
    series: pd.DataFrame = field(default_factory=pd.DataFrame)
    calibration: pd.DataFrame = field(default_factory=pd.DataFrame)
    shares: pd.DataFrame = field(default_factory=pd.DataFrame)
    counted: tuple[int, Mapping[str, Counts]] | None = None
    one_school: str = ""
    named_first: str = ""
    also_in: pd.Series = field(default_factory=lambda: pd.Series(dtype="int64"))
    pictures: Mapping[str, SavedPicture] = field(default_factory=dict)

    @property
    def named(self) -> int:
        """The number of schools named in the programme."""
        if self.counted is not None:
            return self.counted[0]
        return int(self.gaps.reset_index()["school"].nunique())

    def list_counts(self) -> Mapping[str, Counts]:
        """Count the schools of each outcome."""
        if self.counted is not None:
            return self.counted[1]
        every = self.gaps.reset_index()["outcome"].unique()
        return {str(outcome): _count_schools(self.gaps_of(outcome)) for outcome in every}

    def counts_of(self, outcome: str) -> Counts:
        """Count the schools of one outcome."""
        return self.list_counts().get(outcome, Counts(0, 0, 0, 0, 0, ()))

    def gaps_of(self, outcome: str) -> pd.DataFrame:
        """Return each school's gap in one outcome, index `school`."""
        gaps = self.gaps.reset_index()
        return gaps.loc[gaps["outcome"] == outcome].set_index("school")


def nothing_found() -> ProgrammeResults:
    """Return a programme's results before anything is worked out: every table without a row."""
    shapes = {
        "effects": EFFECT_COLUMNS,
        "gaps": ["school", "outcome", "gap", "own", "comparison", "n_comparison", "reason"],
        "lines": ["school", "outcome", "year"],
        "flow": ["step", "left_out", "kept", "members_kept"],
        "balance": ["variable", "mean_compared", "mean_comparison", "smd_before", "smd_after",
                    "n_compared", "n_comparison"],
        "checks": ["kind", "check", "outcome", "estimate"],
        "placebo": [], "cases": ["school"],
    }  # fmt: skip
    return ProgrammeResults(**{name: pd.DataFrame(columns=one) for name, one in shapes.items()})


@dataclass(frozen=True, repr=False)
class Chapter:
    """One programme in an edition: its settings, what was found, and what may be shown of it.

    `planned` says whether its first outcome was fixed by a plan written before results were read.
    """

    programme: Programme
    found: ProgrammeResults
    results: Mapping[str, Result]
    view: View
    planned: bool = False

    @property
    def primary(self) -> Result:
        """The result of the first outcome, which answers the question."""
        return self.results[self.programme.primary]

    @property
    def shows_schools(self) -> bool:
        """Whether lines of single schools may be shown."""
        releases = {result.release for result in self.results.values() if result.known}
        return self.view.exempt or not releases & set(NOT_YET_PUBLIC)

    def label_schools(self) -> dict[int, str]:
        """Name each school, largest gain first: by its name if exempt, else only by its place."""
        gaps = self.found.gaps_of(self.programme.primary).reset_index()
        if gaps.empty:  # held back: only the case studies are shown, in their own order
            gaps = self.found.cases.reset_index().assign(gap=0.0)
        order = gaps.sort_values(["gap", "school"], ascending=[False, True], na_position="last")
        if self.view.exempt:
            return name_schools(order["school"], self.view.names)
        return {int(school): f"School {place}" for place, school in enumerate(order["school"], 1)}

    def lines_of(self, labels: Mapping[int, str]) -> pd.DataFrame:
        """Return some schools' lines of the first outcome, in the order and by the labels given."""
        lines = self.found.lines.reset_index()
        lines = lines.loc[lines["outcome"] == self.programme.primary]
        lines = lines.loc[lines["school"].isin(labels)]
        place = {school: n for n, school in enumerate(labels)}
        lines = lines.assign(
            label=lines["school"].map(dict(labels)), place=lines["school"].map(place)
        )
        return lines.sort_values(["place", "year"])


def _count_schools(gaps: pd.DataFrame) -> Counts:
    gap, there = gaps["gap"], gaps["gap"].notna()
    counted = gaps.loc[there, "n_comparison"].astype(int)
    lost = tuple((str(why), int(n)) for why, n in gaps["reason"].dropna().value_counts().items())
    ends = (int(counted.min()), int(counted.max())) if len(counted) else (0, 0)
    return Counts(int(there.sum()), int((gap > 0).sum()), int((gap < 0).sum()), *ends, lost)


@dataclass(frozen=True)
class Told:
    """What earlier releases of the same results told: every form and every count that they showed.

    `forms`: `outcome`, `name`, `school`, `part`, `share`, `half`; `counts`: `release`, `table`,
    `row`, `column`, `count`, which is missing where it was hidden.
    """

    forms: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    counts: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)


@dataclass(frozen=True, repr=False)
class Edition:
    """One edition of a report's paper, and all that it is made from.

    `results` has an entry for each programme; `text` is the officers' own, None for the built-in.
    `panel` has the results themselves, for the gate alone; `asked` which edition the report's
    settings ask for; `told` what earlier releases showed. Of
    a paper that has passed the gate (`gate.protect`), `held` is the log of what is not shown, and
    `forms` all that it tells of results that are not published.
    """

    report: Report
    programmes: Sequence[Programme]
    results: Mapping[str, ProgrammeResults]
    city: City = field(default_factory=City)
    made: Provenance = field(default_factory=Provenance)
    text: str | None = None
    panel: Panel | None = None
    asked: str = "public"
    told: Told = field(default_factory=Told)
    held: pd.DataFrame | None = None
    forms: pd.DataFrame = field(default_factory=pd.DataFrame)

    def turn(self, edition: str) -> Edition:
        """Return the `public` or the `exempt` edition of the same paper."""
        return dataclasses.replace(self, report=self.report.model_copy(update={"edition": edition}))

    @cached_property
    def view(self) -> View:
        """What this edition may show."""
        exempt = self.report.edition == "exempt"
        return View(exempt, self.city.names, self.report.disclosure, self.told.counts)

    @cached_property
    def chapters(self) -> list[Chapter]:
        """Each programme with its results, in the order of the report."""
        return [
            Chapter(
                programme,
                found := self.results[programme.slug],
                list_results(programme, found, self.report.year),
                self.view,
                is_planned(self.made.plans.get(programme.slug, pd.DataFrame()))
                and self.results[programme.slug].named_first in ("", programme.primary),
            )
            for programme in self.programmes
        ]


def is_planned(plan: pd.DataFrame) -> bool:
    """Whether what a programme's plan lists was written before results were read."""
    if plan.empty or plan["planned"].eq(NO_PLAN).any():
        return False
    return bool(plan.loc[plan["item"] == BLIND, "followed"].eq("yes").all())


def list_results(programme: Programme, found: ProgrammeResults, year: int) -> dict[str, Result]:
    """List the result of each outcome; one that could not be estimated says so."""
    rows = found.effects
    if len(found.weighed):
        told = found.weighed[["outcome", "overstates", "unequal_odds"]]
        rows = rows.merge(told, on="outcome", how="left")
    results = {str(row["outcome"]): read_result(row) for row in rows.to_dict("records")}
    return {
        outcome: results[outcome] if outcome in results else _no_result(outcome, found, year)
        for outcome in programme.outcomes
    }


def _no_result(outcome: str, found: ProgrammeResults, year: int) -> Result:
    known, reason, mode = found.counts_of(outcome).known, "", MATCHED
    for row in found.refused.to_dict("records"):
        if row["outcome"] == outcome:
            known, reason = int(row["n_schools"]), str(row["reason"])
            mode = str(row["mode"]) if is_said(row.get("mode")) else mode
    nan, unit = math.nan, find_measure(outcome).unit
    return Result(outcome, unit, nan, nan, nan, nan, known, 0, year, "", "", mode, reason=reason)


EFFECT_COLUMNS = [
    "programme", "outcome", "unit", "estimate", "low", "high", "p_placebo", "n_schools",
    "n_comparison", "year", "release", "mode", "verdict", "reason",
]  # fmt: skip
"""What a release says of each outcome as data, at the places that are printed."""


def round_effects(effects: pd.DataFrame) -> pd.DataFrame:
    """Round effects as they are printed: estimates and intervals by their measure, p to 0.01."""
    rounded = {}
    for name in ("estimate", "low", "high", "p_placebo"):
        rounded[name] = [
            float(
                round_half_up(value, 2 if name == "p_placebo" else find_measure(outcome).decimals)
            )
            if pd.notna(value)
            else value
            for outcome, value in zip(effects["outcome"].astype(str), effects[name], strict=True)
        ]
    return effects.assign(**rounded)


def breaks_sentence(programme: Programme, outcomes: Iterable[str], year: int) -> str:
    """Write what makes the results of the years compared differ; nothing where nothing does.

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
        "Within these years, for these schools and their comparison schools alike: "
        f"{'; '.join(said)}."
    )


def years_sentence(programme: Programme, year: int) -> str:
    """Write that the years compared are not in a row, and why; nothing where they are."""
    years = sorted({*programme.baseline, year})
    between: dict[str, list[int]] = {}
    for one in range(years[0], years[-1]):
        if one not in years:
            none = why_not_taken(programme.primary, one) or why_not_by_school(
                programme.primary, one
            )
            between.setdefault(none or "not among the years compared", []).append(one)
    if not between:
        return ""
    whys = [f"{join_words(map(school_year, gone))} ({why})" for why, gone in between.items()]
    return (
        f"The years compared, {join_words(map(school_year, years))}, are not in a row: there is "
        f"nothing of {join_words(whys)}."
    )


def is_said(note: object) -> bool:
    """Whether a cell holds words."""
    return isinstance(note, str) and bool(note.strip())


class _Reads(Protocol):
    """Anything that can read what earlier notebooks wrote: a step of a run."""

    @property
    def report(self) -> Report: ...
    @property
    def data(self) -> Path: ...
    def read_table(self, step: str, name: str, programme: str | None = None) -> pd.DataFrame: ...
    def read_file(self, step: str, name: str, programme: str | None = None) -> bytes: ...
    def read_panel(self) -> Panel: ...
    def read_told(self) -> Told: ...
    def read_officers_text(self) -> str | None: ...
    def list_programmes(self) -> list[Programme]: ...


def collect_edition(step: _Reads) -> Edition:
    """Read all that a report's paper is made from."""
    listed = step.list_programmes()
    results = collect_results(step, listed)
    programmes = [lead_with(one, _lead_of(results[one.slug].effects)) for one in listed]
    city, made = collect_city(step), collect_provenance(step, programmes)
    text, panel, told = step.read_officers_text(), step.read_panel(), step.read_told()
    asked = step.report.edition
    return Edition(step.report, programmes, results, city, made, text, panel, asked, told)


def _lead_of(effects: pd.DataFrame) -> str:
    """Return the outcome that leads: of the first row of the effects."""
    return str(effects["outcome"].iloc[0])


def collect_results(step: _Reads, programmes: Sequence[Programme]) -> dict[str, ProgrammeResults]:
    """Read what the notebooks wrote for each programme; case studies and statements if there."""
    members = step.read_table("01-clean-sources", "members")
    wholes = {one.slug: one.whole for one in programmes}  # a phase of a programme is no other one
    whole = members["programme"].map(wholes).fillna(members["programme"])
    members = members.assign(programme_of=whole)
    return {programme.slug: _collect_one(step, programme, members) for programme in programmes}


def _collect_one(step: _Reads, programme: Programme, members: pd.DataFrame) -> ProgrammeResults:
    slug = programme.slug
    tables = {
        name: step.read_table(folder, name, slug)
        for folder, names in PROGRAMME_TABLES.items()
        for name in names
    }
    tables |= {
        name: _read_if_there(step, folder, name, slug)
        for folder, names in OPTIONAL_TABLES.items()
        for name in names
    }
    said, lead = tables.pop("statements"), _lead_of(tables["effects"])
    tables["sizes"] = _only_ranges(tables["sizes"], tables["effects"])
    counted = members.groupby("school")["programme_of"].nunique() - 1
    own = members.loc[members["programme"] == slug, "school"]
    return ProgrammeResults(
        **{name.replace("-", "_"): table for name, table in tables.items()},
        named_first=programme.primary,
        statements=restore(said) if len(said) else no_statements(),
        also_in=counted.reindex(sorted(own)),
        pictures=_collect_pictures(step, lead_with(programme, lead)),
    )


def _only_ranges(sizes: pd.DataFrame, effects: pd.DataFrame) -> pd.DataFrame:
    """Leave the months of what is too uncertain to say without a point: its range stands alone."""
    if "months" not in sizes:
        return sizes
    unsure = effects.loc[effects["verdict"] == UNCERTAIN, "outcome"]
    return sizes.assign(months=sizes["months"].mask(sizes["outcome"].isin(unsure)))


def _collect_pictures(step: _Reads, programme: Programme) -> dict[str, SavedPicture]:
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


def collect_city(step: _Reads) -> City:
    """Read the schools' names, their priority ratings, and what else notebook 02 wrote."""
    register = step.read_table("01-clean-sources", "register")
    names = dict(zip(register["school"].astype(int), register["name"].astype(str), strict=True))
    ratings = _read_if_there(step, RATINGS, "ratings")
    tables = {name: _read_if_there(step, RATINGS, name) for name in CITY_TABLES}
    return City(names, ratings, tables)


def collect_provenance(step: _Reads, programmes: Sequence[Programme]) -> Provenance:
    """Read what the notebooks, the plan and the quality log know of a paper's own making."""
    slug, before = step.report.slug, step.report.revises
    slugs = [programme.slug for programme in programmes]
    log = load_quality(slug, step.data)
    earlier = load_report(before, step.data) if before else None
    return Provenance(
        earlier.meeting.date if earlier else None,
        results=step.read_table("01-clean-sources", "bridge"),
        effects={slug: step.read_table("04-estimate-effect", "bridge", slug) for slug in slugs},
        plans={slug: step.read_table("03-match-schools", "plan", slug) for slug in slugs},
        quality=tabulate_quality(log) if log else {},
        signed=say_sign_off(log),
    )


def _read_if_there(step: _Reads, folder: str, name: str, slug: str | None = None) -> pd.DataFrame:
    try:
        return step.read_table(folder, name, slug)
    except RunError:
        return pd.DataFrame()

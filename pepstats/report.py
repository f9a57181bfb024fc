"""The committee's paper: named entries for everything it may say, and the officers' text filled.

Every number, size and direction in the paper is an entry: a value, how it is written, and the
table it came from. Change an entry and the paper changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import pandas as pd

from pepstats import document, evidence
from pepstats.blocks import Document, Entry, PaperTable, Picture, make_table
from pepstats.errors import DesignError
from pepstats.evidence import ProgrammeResults
from pepstats.programme import Programme, Report
from pepstats.words import (
    LADDER,
    Result,
    chance_sentence,
    count_words,
    decimals_for,
    effect_sentence,
    list_words,
    long_date,
    outcome_label,
    school_year,
    short_result,
    show,
    sure_words,
)

INVENTED = "Invented data: no real school, pupil or result is in this paper"
EXEMPT = "EXEMPT: not for publication (Local Government Act 1972, Schedule 12A, paragraphs 1 and 2)"
MADE_FROM = {
    "03-match-schools": ("flow", "balance"),
    "04-estimate-effect": ("effects", "gaps", "lines", "placebo"),
    "05-check-robustness": ("checks",),
}
KINDS = {
    "ks2": "Key stage 2 performance tables",
    "ks4": "Key stage 4 performance tables",
    "census": "School census",
    "absence": "Pupil absence",
    "register": "Register of schools",
    "links": "Links between schools that changed their number",
    "trusts": "Academy trusts",
    "ofsted": "Ofsted inspection outcomes",
    "la_series": "Authority series",
    "national": "National headlines",
    "local_results": "Results held by the authority",
    "members": "Schools in the programmes",
    "statements": "Schools' statements",
    "support": "Record of support",
}
GLOSSARY = (
    ("Comparison schools", "Schools elsewhere that were most like a programme's schools before it "
     "started, and were in none of the programmes"),
    ("Made-up programme", "A group of schools in another authority, picked as the real ones were, "
     "where nothing was done. It shows what chance alone can do"),
    ("95% interval", "The sizes of effect that the results do not rule out. A wide interval means "
     "we cannot tell much"),
    ("Percentage points", "The difference of two percentages: from 50% to 55% is five points"),
    ("Progress points", "How much further pupils got by age 11 than pupils who started level with "
     "them, on the Department's scale"),
    ("Release", "How final the results are: returned by schools, provisional, revised or final"),
    ("Standard deviation", "A usual measure of how much schools differ from each other"),
)  # fmt: skip


YEAR_EARLY = "one year early"  # what `checks` calls the year in which nothing should show


class Reads(Protocol):
    """Anything that can read the tables earlier notebooks wrote: a step of a run."""

    def read_table(self, step: str, name: str, programme: str | None = None) -> pd.DataFrame:
        """Read one table."""


def collect_results(step: Reads, programmes: Sequence[Programme]) -> dict[str, ProgrammeResults]:
    """Read what the notebooks wrote for each programme."""
    return {
        programme.slug: ProgrammeResults(
            **{
                name: step.read_table(folder, name, programme.slug)
                for folder, names in MADE_FROM.items()
                for name in names
            }
        )
        for programme in programmes
    }


def officers_text(report: Report, programmes: Sequence[Programme], text: str | None = None) -> str:
    """Give the officers' own text where there is one, else the built-in text for a report."""
    if text is not None:
        return text
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(document.TEMPLATES),
        autoescape=False,  # noqa: S701 - this is Markdown; it is escaped when it is laid out
        variable_start_string="[[",
        variable_end_string="]]",
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    letters = [chr(ord("a") + number) for number in range(len(programmes))]
    template = environment.get_template("paper.md")
    return template.render(report=report, programmes=list(zip(letters, programmes, strict=True)))


def write_paper(
    report: Report,
    programmes: Sequence[Programme],
    results: Mapping[str, ProgrammeResults],
    *,
    text: str | None = None,
    sources: pd.DataFrame | None = None,
    names: Mapping[int, str] | None = None,
) -> Document:
    """Write the committee's paper: the officers' text with every hole filled and numbered.

    `results` has one entry per programme slug; `sources` the files read (`kind`, `year`,
    `release`, `file`, `sha256`), else those the report lists; `names` each school's name, used in
    the exempt edition only.
    """
    if missing := [p.slug for p in programmes if p.slug not in results]:
        raise DesignError(f"reports/{report.slug}.yml: no results for {', '.join(missing)}.")
    return document.compose(
        officers_text(report, programmes, text),
        make_entries(report, programmes, results),
        make_tables(report, programmes, results, sources=sources, names=names),
        make_pictures(report, programmes, results, names=names),
        source=f"reports/{report.slug}.md",
        title=report.title,
        date=report.meeting.date,
        author=report.meeting.report_by,
        marks=list_marks(report),
    )


def list_marks(report: Report) -> tuple[str, ...]:
    """List what every page of a report must say of itself."""
    exempt = (EXEMPT,) if report.edition == "exempt" else ()
    return (*exempt, INVENTED) if report.invented else exempt


# Entries -----------------------------------------------------------------------------------------


def make_entries(
    report: Report, programmes: Sequence[Programme], results: Mapping[str, ProgrammeResults]
) -> dict[str, Entry]:
    """Give everything the paper may say, by name."""
    meeting = report.meeting
    settings = f"reports/{report.slug}.yml"
    entries = {
        "report.title": Entry(report.title, report.title, settings),
        "report.year": Entry(report.year, school_year(report.year), settings),
        "report.programmes": Entry(
            len(programmes), count_words(len(programmes), "programme"), settings
        ),
        "meeting.body": Entry(meeting.body, meeting.body, settings),
        "meeting.date": Entry(meeting.date, long_date(meeting.date), settings),
        "meeting.report_from": Entry(meeting.report_from, meeting.report_from, settings),
        "meeting.report_by": Entry(meeting.report_by, meeting.report_by, settings),
    }
    found = {p.slug: evidence.list_results(p, results[p.slug], report.year) for p in programmes}
    for programme in programmes:
        own = describe_programme(programme, results[programme.slug], found[programme.slug])
        entries |= {f"{programme.slug}.{name}": entry for name, entry in own.items()}
    releases = sorted({r.release for one in found.values() for r in one.values() if r.release})
    effects = "04-estimate-effect/effects.csv"
    entries["report.releases"] = Entry(releases, list_words(releases), effects)
    entries["report.still_to_come"] = Entry(releases, still_to_come(releases, report.year), effects)
    return entries


def describe_programme(
    programme: Programme, found: ProgrammeResults, results: Mapping[str, Result]
) -> dict[str, Entry]:
    """Give everything the paper may say of one programme, by name."""
    primary = results[programme.primary]
    settings = f"programmes/{programme.slug}.yml"
    folder = f"04-estimate-effect/{programme.slug}"
    effects = f"{folder}/effects.csv"
    named = evidence.count_members(found)
    entries = {
        "title": Entry(programme.title, programme.title, settings),
        "summary": Entry(programme.summary, programme.summary, settings),
        "starts": Entry(programme.starts, school_year(programme.starts), settings),
        "baseline": Entry(programme.baseline,
                          list_words(school_year(y) for y in sorted(programme.baseline)), settings),
        "cost": Entry(programme.cost.grant, evidence.cost_words(programme, named), settings),
        "k": Entry(programme.match.k, count_words(programme.match.k, "school"), settings),
        "members": Entry(named, count_words(named, "school"), f"{folder}/gaps.csv"),
        "headline": Entry(primary.estimate, effect_sentence(primary), effects),
        "verdict": Entry(primary.verdict, primary.verdict or "no estimate", effects),
        "chance": Entry(primary.p_placebo, chance_sentence(primary), effects),
        "schools": Entry(None, schools_sentence(found, primary), f"{folder}/gaps.csv"),
        "alike": Entry(None, alike_sentence(found.balance),
                       f"03-match-schools/{programme.slug}/balance.csv"),
        "checked": Entry(None, checks_sentence(found.checks, primary),
                         f"05-check-robustness/{programme.slug}/checks.csv"),
        "kept": Entry(primary.n_schools, kept_sentence(named, primary), f"{folder}/gaps.csv"),
    }  # fmt: skip
    for outcome, result in results.items():
        entries |= {
            f"{outcome}.{name}": Entry(value, text, effects)
            for name, (value, text) in describe_result(result).items()
        }
    return entries


def describe_result(result: Result) -> dict[str, tuple[object, str]]:
    """Give everything the paper may say of one outcome, by name: its value and its words."""
    places = decimals_for(result)
    return {
        "estimate": (result.estimate, show(result.estimate, places, signed=True)),
        "low": (result.low, show(result.low, places)),
        "high": (result.high, show(result.high, places)),
        "unit": (result.unit, result.unit),
        "label": (result.outcome, outcome_label(result.outcome)),
        "n_schools": (result.n_schools, count_words(result.n_schools, "school")),
        "release": (result.release, result.release or "no results"),
        "year": (result.year, school_year(result.year)),
        "verdict": (result.verdict, result.verdict or "no estimate"),
        "sentence": (result.estimate, effect_sentence(result)),
        "chance": (result.p_placebo, chance_sentence(result)),
    }


def schools_sentence(found: ProgrammeResults, result: Result) -> str:
    """Say how many schools did better and how many worse than their own comparison schools."""
    gaps = found.gaps.reset_index()
    gaps = gaps.loc[gaps["outcome"] == result.outcome, "gap"]
    above, below = int((gaps > 0).sum()), int((gaps < 0).sum())
    known = int(gaps.notna().sum())
    return (
        f"Of the {count_words(known, 'school')} that can be compared, {above} did better than "
        f"comparison schools and {below} did worse."
    )


def kept_sentence(named: int, result: Result) -> str:
    """Say how many of the programme's schools the estimate rests on."""
    left = named - result.n_schools
    if left <= 0:
        return f"All {count_words(named, 'school')} in the programme could be compared."
    return (
        f"{count_words(named, 'school')} took part; {result.n_schools} could be compared and "
        f"{left} could not."
    )


def alike_sentence(balance: pd.DataFrame) -> str:
    """Say how alike the programme's schools and their comparison schools were beforehand."""
    rows = balance.reset_index()
    far = rows.loc[rows["smd_after"].abs() > 0.25, "variable"]
    if far.empty:
        return (
            "Before the start, the comparison schools were like the programme's schools in "
            f"everything we compared ({count_words(len(rows), 'thing')})."
        )
    names = list_words(evidence.label_variable(str(name)) for name in far)
    return (
        "Before the start, the comparison schools were still unlike the programme's schools in "
        f"some things: {names}. Read the result with that in mind."
    )


def checks_sentence(checks: pd.DataFrame, result: Result) -> str:
    """Say whether other choices would have told the same story."""
    rows = checks.loc[checks["outcome"] == result.outcome] if len(checks) else checks
    known = rows.iloc[1:].loc[rows.iloc[1:]["estimate"].notna()] if len(rows) else rows
    if not len(known) or not result.known:
        return "No other way of making the comparison was tried."
    early = known.loc[known["check"] == YEAR_EARLY]
    others = known.loc[known["check"] != YEAR_EARLY]
    same = int((np.sign(others["estimate"]) == np.sign(result.estimate)).sum())
    words = (
        f"We made the comparison in {count_words(len(others), 'other way')}: {same} of them "
        f"{'points' if same == 1 else 'point'} the same way as the main one."
    )
    for row in early.to_dict("records"):
        words += (
            " One year early, when nothing had started and nothing should show, the same sum gives "
            f"{show(row['estimate'], signed=True)} {result.unit} "
            f"(95% interval {show(row['low'])} to {show(row['high'])})."
        )
    return words


def still_to_come(releases: Sequence[str], year: int) -> str:
    """Say what becomes final before the board can be sure of these results."""
    early = [release for release in releases if release in evidence.NOT_YET_PUBLIC]
    if early:
        return (
            f"The results for {school_year(year)} are {list_words(early)}. They can still change. "
            "This paper should be run again when the Department publishes the revised results, and "
            "the Board told of any verdict that moves."
        )
    if "revised" in releases:
        return (
            f"The results for {school_year(year)} are revised. The final ones seldom differ much, "
            "but this paper should be run again when they are published."
        )
    return f"The results for {school_year(year)} are final and will not change."


# Tables and pictures -----------------------------------------------------------------------------


def make_tables(
    report: Report,
    programmes: Sequence[Programme],
    results: Mapping[str, ProgrammeResults],
    *,
    sources: pd.DataFrame | None = None,
    names: Mapping[int, str] | None = None,
) -> dict[str, PaperTable]:
    """Give every table the paper may show, by name."""
    tables = {
        "programmes": table_programmes(report, programmes, results),
        "verdicts": table_verdicts(),
        "glossary": make_table(pd.DataFrame(GLOSSARY, columns=["Words", "Meaning"]),
                               caption="What the words mean", widths=(1.2, 4.0)),
        "sources": table_sources(report, sources),
    }  # fmt: skip
    for programme in programmes:
        found = results[programme.slug]
        known = evidence.list_results(programme, found, report.year)
        tables |= evidence.make_tables(
            programme, found, known, edition=report.edition, names=names or {}
        )
    return tables


def make_pictures(
    report: Report,
    programmes: Sequence[Programme],
    results: Mapping[str, ProgrammeResults],
    *,
    names: Mapping[int, str] | None = None,
) -> dict[str, Picture]:
    """Give every picture the paper may show, by name."""
    pictures: dict[str, Picture] = {}
    for programme in programmes:
        found = results[programme.slug]
        known = evidence.list_results(programme, found, report.year)
        pictures |= evidence.make_pictures(
            programme, found, known, edition=report.edition, names=names or {}
        )
    return pictures


def table_programmes(
    report: Report, programmes: Sequence[Programme], results: Mapping[str, ProgrammeResults]
) -> PaperTable:
    """Give all programmes on a few lines: what moved and how sure."""
    rows = []
    for programme in programmes:
        known = evidence.list_results(programme, results[programme.slug], report.year)
        first = known[programme.primary]
        said = f"{outcome_label(first.outcome)}: {short_result(first)}"
        sure = f"{first.verdict.capitalize() or 'No estimate'}. {sure_words(first)}"
        rows.append((programme.title, said, sure))
    return make_table(
        pd.DataFrame(rows, columns=["Programme", "What moved", "How sure"]),
        caption=f"The programmes in {school_year(report.year)}", widths=(1.3, 3.0, 1.7),
    )  # fmt: skip


def table_verdicts() -> PaperTable:
    """Give the five verdicts and what each means."""
    frame = pd.DataFrame(list(LADDER.items()), columns=["We say that schools", "When"])
    return make_table(frame, caption="The five verdicts, and when each is used", widths=(1.2, 4.0))


def table_sources(report: Report, sources: pd.DataFrame | None = None) -> PaperTable:
    """Give the files the paper rests on, with the start of each one's hash."""
    if sources is None:
        lines = [line.model_dump() for line in report.sources]
        sources = pd.DataFrame(lines)
    rows = [
        (
            KINDS.get(str(row["kind"]), str(row["kind"])),
            school_year(int(row["year"])) if row["year"] == row["year"] and row["year"] else "none",
            str(row["release"]) if evidence.is_said(row["release"]) else "none",
            str(row["file"]).replace("\\", "/").rsplit("/", 1)[-1],
            str(row["sha256"])[:12] if evidence.is_said(row["sha256"]) else "not recorded",
        )
        for row in sources.to_dict("records")
    ]
    return make_table(
        pd.DataFrame(rows, columns=["What", "School year", "Release", "File", "SHA-256 begins"]),
        caption="Published files this paper rests on", widths=(2.0, 1.0, 0.9, 2.6, 1.3),
    )  # fmt: skip

"""The committee's paper: named entries for everything it may say, and the officers' text filled.

Every number, size and direction in the paper is an entry: a value, how it is written, and the
table it came from. Change an entry and the paper changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from functools import partial

import pandas as pd

from pepstats import (
    board_tables,
    composition,
    disclosure,
    evidence,
    evidence_pictures,
    evidence_tables,
    overview,
    partnership_tables,
    record,
    statements,
    support_tables,
    voices,
    worth_tables,
)
from pepstats.autumn import Report
from pepstats.blocks import Document, Entry, PaperTable, Picture
from pepstats.city import City, protect_ratings, table_ratings, table_ratings_named
from pepstats.drafts import officers_text
from pepstats.entries import make_entries
from pepstats.errors import DesignError
from pepstats.evidence import ProgrammeResults
from pepstats.programme import Programme, group_phases

INVENTED = "Invented data: no real school, pupil or result is in this paper"
EXEMPT = "EXEMPT: not for publication (Local Government Act 1972, Schedule 12A, paragraphs 1 and 2)"


def write_paper(
    report: Report,
    programmes: Sequence[Programme],
    results: Mapping[str, ProgrammeResults],
    *,
    text: str | None = None,
    sources: pd.DataFrame | None = None,
    city: City | None = None,
    made: record.Record | None = None,
    drawn: MutableMapping[str, Picture] | None = None,
) -> Document:
    """Write the committee's paper: the officers' text with every hole filled and numbered.

    `results` has one entry per programme slug; `sources` the files read (`kind`, `year`,
    `release`, `file`, `sha256`), else those the report lists; `made` what is known of its own
    making; `drawn` keeps the pictures that another edition shares.
    """
    if missing := [p.slug for p in programmes if p.slug not in results]:
        raise DesignError(f"reports/{report.slug}.yml: no results for {', '.join(missing)}.")
    city, made = city or City(), made or record.Record()
    return composition.compose(
        officers_text(report, programmes, text),
        list_entries(report, programmes, results, city=city, made=made),
        make_tables(report, programmes, results, sources=sources, city=city)
        | record.make_tables(made, programmes),
        make_pictures(report, programmes, results, city=city, drawn=drawn),
        quotes={
            f"{p.slug}.statements": statements.choose_quotes(results[p.slug].statements, p.slug)
            for p in programmes
        },
        source=f"reports/{report.slug}.md",
        title=report.title,
        date=report.meeting.date,
        author=report.meeting.report_by,
        marks=list_marks(report),
    )


def list_entries(
    report: Report,
    programmes: Sequence[Programme],
    results: Mapping[str, ProgrammeResults],
    *,
    city: City,
    made: record.Record,
) -> dict[str, Entry]:
    """Give everything the paper may say, by name: the only source of its numbers and verdicts."""
    view = view_of(report, city)
    return (
        make_entries(report, programmes, results, view, city)
        | support_tables.make_entries(city, view, report)
        | partnership_tables.make_entries(city, report)
        | record.make_entries(made, programmes)
    )


def write_editions(
    report: Report,
    programmes: Sequence[Programme],
    results: Mapping[str, ProgrammeResults],
    *,
    text: str | None = None,
    sources: pd.DataFrame | None = None,
    city: City | None = None,
    made: record.Record | None = None,
) -> dict[str, Document]:
    """Write both editions by the name of their file: `report` is the one the settings ask for."""
    other = "exempt" if report.edition == "public" else "public"
    drawn: dict[str, Picture] = {}
    editions = {"report": report, f"report-{other}": report.model_copy(update={"edition": other})}
    papers = {}
    for name, edition in editions.items():
        papers[name] = write_paper(
            edition,
            programmes,
            results,
            text=text,
            sources=sources,
            city=city,
            made=made,
            drawn=drawn,
        )
    return papers


def list_hidden(
    report: Report,
    programmes: Sequence[Programme],
    results: Mapping[str, ProgrammeResults],
    city: City | None = None,
) -> pd.DataFrame:
    """List everything the public edition holds back and why: the disclosure log."""
    logs = []
    public = view_of(report.model_copy(update={"edition": "public"}), city or City())
    for programme in programmes:
        found = results[programme.slug]
        known = evidence.list_results(programme, found, report.year)
        logs.append(voices.list_hidden(programme, found, known, public))
    if city is not None and len(city.ratings):
        logs.append(protect_ratings(city.ratings, public).log)
        logs.append(support_tables.list_hidden(city, public))
        logs.append(
            disclosure.withhold("ratings-named", "a rating beside a school's name is exempt")
        )
    return disclosure.join_logs(logs)


def list_shown(
    report: Report,
    programmes: Sequence[Programme],
    results: Mapping[str, ProgrammeResults],
    city: City | None = None,
) -> pd.DataFrame:
    """List the counts of schools that the public edition shows, for the next release to heed.

    `table`, `row`, `column`, `count`, which is missing where it is hidden.
    """
    city = city or City()
    public = view_of(report.model_copy(update={"edition": "public"}), city)
    parts = [voices.list_shown(results[p.slug].statements, p.slug, public) for p in programmes]
    if len(city.ratings):
        ratings = protect_ratings(city.ratings, public).shown
        parts.append(disclosure.list_shown("ratings", ratings))
        parts.append(support_tables.list_shown(city, public))
    shown = [part for part in parts if len(part)]
    if not shown:
        return pd.DataFrame(columns=disclosure.SHOWN_COLUMNS)
    return pd.concat(shown, ignore_index=True).astype({"count": "Int64"})


def view_of(report: Report, city: City) -> disclosure.View:
    """Say what a report's edition may show."""
    return disclosure.View(
        report.edition == "exempt",
        city.names,
        report.disclosure.fewest_schools,
        city.last_shown,
    )


def list_to_do(
    report: Report, paper: Document, results: Mapping[str, ProgrammeResults]
) -> list[str]:
    """List what still needs a person before the paper can go out."""
    open_ = [
        f"an answer to what the last meeting asked for: {action.asked}"
        for action in report.actions
        if not action.answer.strip()
    ]
    held = [line for found in results.values() for line in statements.list_held(found.statements)]
    memory = worth_tables.list_from_memory(found.sizes for found in results.values())
    return [*paper.to_complete, *open_, *held, *memory]


def list_marks(report: Report) -> tuple[str, ...]:
    """List what every page of a report must say of itself."""
    exempt = (EXEMPT,) if report.edition == "exempt" else ()
    return (*exempt, INVENTED) if report.invented else exempt


def make_tables(
    report: Report,
    programmes: Sequence[Programme],
    results: Mapping[str, ProgrammeResults],
    *,
    sources: pd.DataFrame | None = None,
    city: City | None = None,
) -> dict[str, PaperTable]:
    """Give every table the paper may show, by name."""
    city = city or City()
    view = view_of(report, city)
    tables = {
        **board_tables.make_tables(report, programmes, results, sources),
        "ratings": table_ratings(city.ratings, view),
        "ratings-named": table_ratings_named(city, view),
        **support_tables.make_tables(city, view, report),
        **partnership_tables.make_tables(city, view, programmes),
    }  # fmt: skip
    for programme in programmes:
        found = results[programme.slug]
        known = evidence.list_results(programme, found, report.year)
        tables |= evidence_tables.make_tables(programme, found, known, view)
    for whole, parts in group_phases(programmes).items():
        tables[f"{whole}.phases"] = worth_tables.table_phases(parts, results)
    return tables


def make_pictures(
    report: Report,
    programmes: Sequence[Programme],
    results: Mapping[str, ProgrammeResults],
    *,
    city: City | None = None,
    drawn: MutableMapping[str, Picture] | None = None,
) -> evidence_pictures.Pictures:
    """Give every picture the paper may show, by name; each is drawn when it is asked for."""
    view = view_of(report, city or City())
    makers: dict[str, Callable[[], Picture]] = {
        "programmes": partial(overview.picture_programmes, programmes, results, report.year)
    }
    for programme in programmes:
        found = results[programme.slug]
        known = evidence.list_results(programme, found, report.year)
        makers |= evidence_pictures.list_pictures(programme, found, known, view)
    return evidence_pictures.Pictures(makers, drawn)

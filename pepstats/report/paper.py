"""The committee's paper: named entries for everything it may say, and the officers' text filled.

Every number, size and direction in the paper is an entry: a value, how it is written, and the
table it came from. Change an entry and the paper changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from functools import partial

import pandas as pd

from pepstats import paths
from pepstats.document import (
    Contents,
    Cover,
    Document,
    Entry,
    PaperPicture,
    PaperTable,
    compose_paper,
)
from pepstats.errors import DesignError
from pepstats.formatting import long_date
from pepstats.impact import LADDER
from pepstats.report.board_tables import (
    Provenance,
    make_board_tables,
    make_provenance_entries,
    make_provenance_tables,
)
from pepstats.report.city_tables import (
    list_hidden_support,
    list_shown_support,
    make_partnership_entries,
    make_partnership_tables,
    make_support_entries,
    make_support_tables,
    protect_ratings,
    table_ratings,
    table_ratings_named,
)
from pepstats.report.disclosure import SHOWN_COLUMNS, View, join_logs, list_shown, withhold
from pepstats.report.edition import City, ProgrammeResults, list_results
from pepstats.report.entries import make_programme_entries
from pepstats.report.figures import Pictures, list_pictures, picture_overview
from pepstats.report.programme_tables import (
    list_from_memory,
    list_hidden_of_programme,
    list_shown_themes,
    make_programme_tables,
    table_phases,
)
from pepstats.report.statements import choose_quotes, list_held
from pepstats.settings import Programme, Report, check_slug, group_phases


def officers_text(report: Report, programmes: Sequence[Programme], text: str | None = None) -> str:
    """Give the officers' own text where there is one, else the built-in text for a report."""
    if text is not None:
        return text
    lettered = [(_letter(number), programme) for number, programme in enumerate(programmes)]
    wholes = list(group_phases(programmes))
    return _fill("paper.md", report=report, programmes=lettered, wholes=wholes)


def _letter(number: int) -> str:
    """Letter an appendix: a to z, then aa, ab and so on."""
    before = _letter(number // 26 - 1) if number >= 26 else ""
    return before + chr(ord("a") + number % 26)


def draft_report(slug: str, last: Report, programmes: Sequence[Programme]) -> dict[str, str]:
    """Draft a new autumn's report from the last one: its two files by their place, commented.

    `reports/<slug>.yml` is next year's settings, with what must be changed marked; and
    `reports/<slug>.md` the built-in text for the same programmes, for the officers to edit.
    """
    check_slug(slug, "report")
    date = last.meeting.date.replace(year=last.meeting.date.year + 1, day=1)
    title = f"{last.title} (after {long_date(last.meeting.date)})"[:200]
    settings = _fill("report.yml", slug=slug, last=last, date=date.isoformat(), title=title)
    text = officers_text(last.model_copy(update={"slug": slug}), programmes)
    return {f"reports/{slug}.yml": settings, f"reports/{slug}.md": text}


def _fill(template: str, **words: object) -> str:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(paths.TEMPLATES),
        autoescape=False,  # noqa: S701 - Markdown and YAML; what is shown is escaped later
        variable_start_string="[[",
        variable_end_string="]]",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.policies["json.dumps_kwargs"] = {"ensure_ascii": False}
    return environment.get_template(template).render(**words)


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
    made: Provenance | None = None,
    drawn: MutableMapping[str, PaperPicture] | None = None,
) -> Document:
    """Write the committee's paper: the officers' text with every hole filled and numbered.

    `results` has one entry per programme slug; `sources` the files read (`kind`, `year`,
    `release`, `file`, `sha256`), else those the report lists; `made` what is known of its own
    making; `drawn` keeps the pictures that another edition shares.
    """
    if missing := [p.slug for p in programmes if p.slug not in results]:
        raise DesignError(f"reports/{report.slug}.yml: no results for {', '.join(missing)}.")
    city, made = city or City(), made or Provenance()
    contents = Contents(
        list_entries(report, programmes, results, city=city, made=made),
        make_tables(report, programmes, results, sources=sources, city=city)
        | make_provenance_tables(made, programmes),
        make_pictures(report, programmes, results, city=city, drawn=drawn),
        quotes={
            f"{p.slug}.statements": choose_quotes(results[p.slug].statements, p.slug)
            for p in programmes
        },
        verdicts=tuple(LADDER),
    )
    meeting = report.meeting
    cover = Cover(report.title, meeting.date, meeting.report_by, list_marks(report))
    filled = officers_text(report, programmes, text)
    return compose_paper(filled, f"reports/{report.slug}.md", contents, cover)


def list_entries(
    report: Report,
    programmes: Sequence[Programme],
    results: Mapping[str, ProgrammeResults],
    *,
    city: City,
    made: Provenance,
) -> dict[str, Entry]:
    """Give everything the paper may say, by name: the only source of its numbers and verdicts."""
    view = view_of(report, city)
    return (
        make_programme_entries(report, programmes, results, view, city)
        | make_support_entries(city, view, report)
        | make_partnership_entries(city, report)
        | make_provenance_entries(made, programmes)
    )


def write_editions(
    report: Report,
    programmes: Sequence[Programme],
    results: Mapping[str, ProgrammeResults],
    *,
    text: str | None = None,
    sources: pd.DataFrame | None = None,
    city: City | None = None,
    made: Provenance | None = None,
) -> dict[str, Document]:
    """Write both editions by the name of their file: `report` is the one the settings ask for."""
    other = "exempt" if report.edition == "public" else "public"
    drawn: dict[str, PaperPicture] = {}
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


def list_disclosure(
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
        known = list_results(programme, found, report.year)
        logs.append(list_hidden_of_programme(programme, found, known, public))
    if city is not None and len(city.ratings):
        logs.append(protect_ratings(city.ratings, public).log)
        logs.append(list_hidden_support(city, public))
        logs.append(withhold("ratings-named", "a rating beside a school's name is exempt"))
    return join_logs(logs)


def list_shown_counts(
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
    parts = [list_shown_themes(results[p.slug].statements, p.slug, public) for p in programmes]
    if len(city.ratings):
        ratings = protect_ratings(city.ratings, public).shown
        parts.append(list_shown("ratings", ratings))
        parts.append(list_shown_support(city, public))
    shown = [part for part in parts if len(part)]
    if not shown:
        return pd.DataFrame(columns=SHOWN_COLUMNS)
    return pd.concat(shown, ignore_index=True).astype({"count": "Int64"})


def view_of(report: Report, city: City) -> View:
    """Say what a report's edition may show."""
    return View(
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
    held = [line for found in results.values() for line in list_held(found.statements)]
    memory = list_from_memory(found.sizes for found in results.values())
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
        **make_board_tables(report, programmes, results, sources),
        "ratings": table_ratings(city.ratings, view),
        "ratings-named": table_ratings_named(city, view),
        **make_support_tables(city, view, report),
        **make_partnership_tables(city, view, programmes),
    }  # fmt: skip
    for programme in programmes:
        found = results[programme.slug]
        known = list_results(programme, found, report.year)
        tables |= make_programme_tables(programme, found, known, view)
    for whole, parts in group_phases(programmes).items():
        tables[f"{whole}.phases"] = table_phases(parts, results)
    return tables


def make_pictures(
    report: Report,
    programmes: Sequence[Programme],
    results: Mapping[str, ProgrammeResults],
    *,
    city: City | None = None,
    drawn: MutableMapping[str, PaperPicture] | None = None,
) -> Pictures:
    """Give every picture the paper may show, by name; each is drawn when it is asked for."""
    view = view_of(report, city or City())
    makers: dict[str, Callable[[], PaperPicture]] = {
        "programmes": partial(picture_overview, programmes, results, report.year)
    }
    for programme in programmes:
        found = results[programme.slug]
        known = list_results(programme, found, report.year)
        makers |= list_pictures(programme, found, known, view)
    return Pictures(makers, drawn)

"""The committee's paper: the officers' text with every hole filled, and the lists beside it.

Every number, size and direction in the paper is an entry: a value, how it is written, and the
table it came from. Change an entry and the paper changes.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Sequence

import pandas as pd

from pepstats import paths
from pepstats.document import (
    Contents,
    Cover,
    Document,
    PaperPicture,
    PaperTable,
    check_holes,
    compose_paper,
    read_officers_text,
)
from pepstats.formatting import escape_markdown, long_date, school_year
from pepstats.impact import LADDER
from pepstats.measures import LOCAL_GROUPS
from pepstats.priority import funding_sentences
from pepstats.report.board_tables import (
    make_board_tables,
    make_provenance_tables,
    table_actions,
)
from pepstats.report.case_tables import list_hidden_of_programme, list_shown_themes
from pepstats.report.city_tables import list_hidden_of_city, make_city_tables, protect_city
from pepstats.report.disclosure import SHOWN_COLUMNS, join_logs, list_shown
from pepstats.report.edition import EFFECT_COLUMNS, Edition, nothing_found, round_effects
from pepstats.report.entries import list_entries
from pepstats.report.figures import picture_overview, show_pictures
from pepstats.report.gate import protect
from pepstats.report.programme_tables import (
    list_from_memory,
    make_programme_tables,
    table_phases,
)
from pepstats.report.quotes import choose_quotes, list_held
from pepstats.settings import Programme, Report, group_phases

DRAFT = "Draft: not all of this paper has been completed and cleared"
INVENTED = "Invented data: no real school, pupil or result is in this paper"
EXEMPT = "EXEMPT: not for publication (Local Government Act 1972, Schedule 12A, paragraphs 1 and 2)"
PUBLISHED_IN = 12
"""The month in which a year's key stage 2 results are first published by school, where they are."""


def write_editions(edition: Edition, public: Edition) -> dict[str, Document]:
    """Write both editions by the name of their file: `report` is the one the settings ask for.

    `public` is what the gate lets leave of the edition.
    """
    both = {"public": public, "exempt": edition.turn("exempt")}
    papers = {name: write_paper(one, picture_overview(one)) for name, one in both.items()}
    asked = papers.pop(edition.report.edition)
    return {"report": asked, **{f"report-{name}": paper for name, paper in papers.items()}}


def write_paper(edition: Edition, overview: PaperPicture) -> Document:
    """Write one edition: the officers' text with every hole filled and numbered.

    `overview` is the picture of all programmes in this edition. A public edition that has not
    passed the gate is put through it.
    """
    edition = protect(edition) if edition.report.edition == "public" else edition
    report, meeting, text = edition.report, edition.report.meeting, edition.text
    cover = Cover(report.title, meeting.date, meeting.report_by, list_marks(report))
    if text is None:
        text = built_in_text(report, edition.programmes)
    contents = list_contents(edition, overview)
    paper = compose_paper(text, f"reports/{report.slug}.md", contents, cover)
    if list_to_do(edition, paper):
        return dataclasses.replace(paper, marks=(*paper.marks, DRAFT))
    return paper


def list_contents(edition: Edition, overview: PaperPicture) -> Contents:
    """List all that the officers' text may show of an edition, by name."""
    pictures, quotes = {"programmes": overview}, {}
    for one in edition.chapters:
        pictures |= show_pictures(one)
        slug = one.programme.slug
        quotes[f"{slug}.statements"] = choose_quotes(one.found.statements, slug)
    return Contents(
        list_entries(edition), make_tables(edition), pictures, quotes, verdicts=tuple(LADDER)
    )


def list_names(report: Report, programmes: Sequence[Programme]) -> list[str]:
    """List every hole that the text of a report may have, as it is written there."""
    contents = _list_before(report, programmes)
    blocks = {"table": contents.tables, "figure": contents.figures, "quotes": contents.quotes}
    held = [f"{{{kind} {name}}}" for kind, names in blocks.items() for name in names]
    return [*(f"{{{name}}}" for name in contents.entries), *held]


def _list_before(report: Report, programmes: Sequence[Programme]) -> Contents:
    """List what may be shown of a report of which nothing is found yet: it has every name."""
    empty = Edition(report, programmes, {one.slug: nothing_found() for one in programmes})
    return list_contents(empty, picture_overview(empty))


def check_officers_words(report: Report, programmes: Sequence[Programme], text: str | None) -> None:
    """Refuse, before anything is worked out, what officers may not type, and holes of no name."""
    table_actions(report)
    if text is not None:
        officers = read_officers_text(text, f"reports/{report.slug}.md", tuple(LADDER))
        check_holes(officers, _list_before(report, programmes))


def make_tables(edition: Edition) -> dict[str, PaperTable]:
    """Make every table the paper may show, by name."""
    programmes, year = edition.programmes, edition.report.year
    tables = {
        **make_board_tables(edition),
        **make_city_tables(edition.city, edition.view, year, programmes),
        **make_provenance_tables(edition.made, programmes),
    }
    for chapter in edition.chapters:
        tables |= make_programme_tables(chapter)
    for whole, parts in group_phases(programmes).items():
        tables[f"{whole}.phases"] = table_phases(parts, edition.results)
    return tables


def list_marks(report: Report) -> tuple[str, ...]:
    """List what every page of a report must say of itself."""
    exempt = (EXEMPT,) if report.edition == "exempt" else ()
    return (*exempt, INVENTED) if report.invented else exempt


# What is held back, what is shown, what is still to do --------------------------------------------


def list_disclosure(public: Edition) -> pd.DataFrame:
    """List everything the public edition holds back and why: the disclosure log."""
    logs = [list_hidden_of_programme(chapter) for chapter in public.chapters]
    held = [] if public.held is None else [public.held]
    return join_logs([*held, *logs, list_hidden_of_city(public.city, public.view)])


def list_shown_counts(public: Edition) -> pd.DataFrame:
    """List the counts of schools that the public edition shows, for the next release to heed.

    `table`, `row`, `column`, `count`, which is missing where it is hidden.
    """
    parts = [list_shown_themes(chapter) for chapter in public.chapters]
    counts = protect_city(public.city, public.view)
    parts += [list_shown(name, table.shown) for name, table in counts.items()]
    shown = [part for part in parts if len(part)]
    if not shown:
        return pd.DataFrame(columns=SHOWN_COLUMNS)
    return pd.concat(shown, ignore_index=True).astype({"count": "Int64"})


def list_effects(public: Edition) -> pd.DataFrame:
    """List every outcome's result as the public edition prints it, one row per outcome."""
    tables = [
        pd.DataFrame(map(dataclasses.asdict, one.results.values())).assign(
            programme=one.programme.slug
        )
        for one in public.chapters
    ]
    return round_effects(pd.concat(tables, ignore_index=True))[EFFECT_COLUMNS]


def list_to_do(edition: Edition, paper: Document) -> list[str]:
    """List what still needs a person before the paper can go out."""
    open_ = [
        f"an answer to what the last meeting asked for: {action.asked}"
        for action in edition.report.actions
        if not action.answer.strip()
    ]
    found = edition.results.values()
    held = [line for one in found for line in list_held(one.statements)]
    memory = list_from_memory(one.sizes for one in found)
    grants, claims = map(edition.city.table, ("grants", "claims"))
    differ = funding_sentences(grants, claims)[1:] if len(grants) else []
    return [*paper.to_complete, *_list_early(edition.report), *open_, *held, *memory, *differ]


def _list_early(report: Report) -> list[str]:
    """Ask for another date where a paper is dated before the results in it were published."""
    early = report.meeting.date < datetime.date(report.year, PUBLISHED_IN, 1)
    now = [line for line in report.sources if (line.kind, line.year) == ("ks2", report.year)]
    if not early or not any(line.release in ("revised", "final") for line in now):
        return []
    return [
        f"the date of the meeting, {long_date(report.meeting.date)}: schools' results of "
        f"{school_year(report.year)}, which this paper has, are not published before December "
        f"{report.year}"
    ]


# The built-in text -------------------------------------------------------------------------------


def built_in_text(report: Report, programmes: Sequence[Programme]) -> str:
    """Write the built-in text for a report, which the officers may edit."""
    lettered = [(_letter(number), programme) for number, programme in enumerate(programmes)]
    wholes = list(group_phases(programmes))
    return fill_template(
        "paper.md", report=report, programmes=lettered, wholes=wholes, local_groups=LOCAL_GROUPS
    )


def _letter(number: int) -> str:
    """Letter an appendix: a to z, then `aa`, `ab` and so on."""
    before = _letter(number // 26 - 1) if number >= 26 else ""
    return before + chr(ord("a") + number % 26)


def fill_template(template: str, **words: object) -> str:
    """Return a template of the project with its holes, `[[ name ]]`, filled by these words."""
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
    environment.filters["markdown"] = escape_markdown
    environment.policies["json.dumps_kwargs"] = {"ensure_ascii": False}
    return environment.get_template(template).render(**words)

"""The committee's paper: named entries for everything it may say, and the officers' text filled.

Every number, size and direction in the paper is an entry: a value, how it is written, and the
table it came from. Change an entry and the paper changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import pandas as pd

from pepstats import (
    disclosure,
    document,
    evidence,
    evidence_pictures,
    evidence_tables,
    record,
    statements,
    voices,
)
from pepstats.blocks import Document, PaperTable, Picture, make_table
from pepstats.city import City, protect_ratings, table_ratings, table_ratings_named
from pepstats.entries import make_entries
from pepstats.errors import DesignError, RunError
from pepstats.evidence import Drawn, ProgrammeResults, Reads, is_said
from pepstats.programme import Programme, Report
from pepstats.settings import check_slug
from pepstats.verdicts import LADDER
from pepstats.words import (
    long_date,
    outcome_label,
    reading_age,
    school_year,
    short_result,
    sure_words,
)

INVENTED = "Invented data: no real school, pupil or result is in this paper"
EXEMPT = "EXEMPT: not for publication (Local Government Act 1972, Schedule 12A, paragraphs 1 and 2)"
MADE_FROM = {
    "03-match-schools": ("flow", "balance"),
    "04-estimate-effect": ("effects", "gaps", "lines", "placebo"),
    "05-check-robustness": ("checks",),
}
OLDEST_READER = 14  # years; the age at which the paper can be read, by Flesch and Kincaid
DRAWN = {
    # the paper's name of a picture: the step that drew it, and its file
    "two-lines": ("04-estimate-effect", "gap-{primary}"),
    "hundred-dots": ("04-estimate-effect", "made-up-programmes"),
    "checks": ("05-check-robustness", "checks-picture"),
    "balance": ("03-match-schools", "balance-picture"),
    "schools": ("06-case-studies", "schools"),
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


def collect_results(step: Reads, programmes: Sequence[Programme]) -> dict[str, ProgrammeResults]:
    """Read what the notebooks wrote for each programme; case studies and statements if there."""
    return {programme.slug: _collect_one(step, programme) for programme in programmes}


def _collect_one(step: Reads, programme: Programme) -> ProgrammeResults:
    slug = programme.slug
    tables = {
        name: step.read_table(folder, name, slug)
        for folder, names in MADE_FROM.items()
        for name in names
    }
    said = _read_if_there(step, "06-case-studies", "statements", slug)
    return ProgrammeResults(
        **tables,
        cases=_read_if_there(step, "06-case-studies", "cases", slug),
        statements=statements.restore(said) if len(said) else statements.no_statements(),
        value=_read_if_there(step, "04-estimate-effect", "value", slug),
        sizes=_read_if_there(step, "04-estimate-effect", "sizes", slug),
        grades=_read_if_there(step, "04-estimate-effect", "grades", slug),
        calibration=_read_if_there(step, "05-check-robustness", "calibration", slug),
        pictures=_collect_pictures(step, programme),
    )


def _collect_pictures(step: Reads, programme: Programme) -> dict[str, Drawn]:
    """Read the pictures that the notebooks drew, as far as they are there."""
    found = {}
    for name, (folder, stem) in DRAWN.items():
        stem = stem.format(primary=programme.primary)
        try:
            svg, png, alt = (
                step.read_file(folder, f"{stem}.{kind}", programme.slug)
                for kind in ("svg", "png", "alt.txt")
            )
        except RunError:
            continue
        found[name] = Drawn(svg, png, alt.decode("utf-8").strip())
    return found


def collect_city(step: Reads) -> City:
    """Read the schools' names and their priority ratings."""
    register = step.read_table("01-clean-sources", "register")
    names = dict(zip(register["school"].astype(int), register["name"].astype(str), strict=True))
    ratings = _read_if_there(step, "02-priority-ratings", "ratings", None)
    return City(names, ratings, step.read_last_shown())


def _read_if_there(step: Reads, folder: str, name: str, slug: str | None) -> pd.DataFrame:
    try:
        return step.read_table(folder, name, slug)
    except RunError:
        return pd.DataFrame()


def officers_text(report: Report, programmes: Sequence[Programme], text: str | None = None) -> str:
    """Give the officers' own text where there is one, else the built-in text for a report."""
    if text is not None:
        return text
    lettered = [(_letter(number), programme) for number, programme in enumerate(programmes)]
    return _fill("paper.md", report=report, programmes=lettered)


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
        loader=jinja2.FileSystemLoader(document.TEMPLATES),
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


def write_paper(
    report: Report,
    programmes: Sequence[Programme],
    results: Mapping[str, ProgrammeResults],
    *,
    text: str | None = None,
    sources: pd.DataFrame | None = None,
    city: City | None = None,
    made: record.Record | None = None,
) -> Document:
    """Write the committee's paper: the officers' text with every hole filled and numbered.

    `results` has one entry per programme slug; `sources` the files read (`kind`, `year`,
    `release`, `file`, `sha256`), else those the report lists; `made` what is known of its own
    making.
    """
    if missing := [p.slug for p in programmes if p.slug not in results]:
        raise DesignError(f"reports/{report.slug}.yml: no results for {', '.join(missing)}.")
    city, made = city or City(), made or record.Record()
    return document.compose(
        officers_text(report, programmes, text),
        make_entries(report, programmes, results, view_of(report, city), city)
        | record.make_entries(made, programmes),
        make_tables(report, programmes, results, sources=sources, city=city)
        | record.make_tables(made, programmes),
        make_pictures(report, programmes, results, city=city),
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
    results = {p.slug: _with_flow(p, results[p.slug], report.year) for p in programmes}
    editions = {"report": report, f"report-{other}": report.model_copy(update={"edition": other})}
    papers = {}
    for name, edition in editions.items():
        papers[name] = write_paper(
            edition, programmes, results, text=text, sources=sources, city=city, made=made
        )
    return papers


def _with_flow(programme: Programme, found: ProgrammeResults, year: int) -> ProgrammeResults:
    """Draw the flow of schools once for both editions."""
    primary = evidence.list_results(programme, found, year)[programme.primary]
    drawn = found.pictures.get("flow") or evidence_pictures.draw_flow(found, primary)
    return replace(found, pictures={**found.pictures, "flow": drawn})


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


def list_to_do(paper: Document, results: Mapping[str, ProgrammeResults]) -> list[str]:
    """List what still needs a person before the paper can go out."""
    held = [line for found in results.values() for line in statements.list_held(found.statements)]
    age = reading_age(paper.words())
    hard = [f"the paper reads at age {age:.0f}: shorten its sentences to reach {OLDEST_READER}"]
    return [*paper.to_complete, *held, *(hard if age > OLDEST_READER else [])]


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
        "programmes": table_programmes(report, programmes, results),
        "verdicts": table_verdicts(),
        "glossary": make_table(pd.DataFrame(GLOSSARY, columns=["Words", "Meaning"]),
                               caption="What the words mean", widths=(1.2, 4.0)),
        "sources": table_sources(report, sources),
        "ratings": table_ratings(city.ratings, view),
        "ratings-named": table_ratings_named(city, view),
    }  # fmt: skip
    for programme in programmes:
        found = results[programme.slug]
        known = evidence.list_results(programme, found, report.year)
        tables |= evidence_tables.make_tables(programme, found, known, view)
    return tables


def make_pictures(
    report: Report,
    programmes: Sequence[Programme],
    results: Mapping[str, ProgrammeResults],
    *,
    city: City | None = None,
) -> evidence_pictures.Pictures:
    """Give every picture the paper may show, by name; each is drawn when it is asked for."""
    view = view_of(report, city or City())
    makers: dict[str, Callable[[], Picture]] = {}
    for programme in programmes:
        found = results[programme.slug]
        known = evidence.list_results(programme, found, report.year)
        makers |= evidence_pictures.list_pictures(programme, found, known, view)
    return evidence_pictures.Pictures(makers)


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
            str(row["release"]) if is_said(row["release"]) else "none",
            str(row["file"]).replace("\\", "/").rsplit("/", 1)[-1],
            str(row["sha256"])[:12] if is_said(row["sha256"]) else "not recorded",
        )
        for row in sources.to_dict("records")
    ]
    return make_table(
        pd.DataFrame(rows, columns=["What", "School year", "Release", "File", "SHA-256 begins"]),
        caption="Published files this paper rests on", widths=(2.0, 1.0, 0.9, 2.6, 1.3),
    )  # fmt: skip

"""An empty folder begun: settings, text, lists to fill, and which files to fetch from where."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from pepstats.errors import DesignError, PepstatsError
from pepstats.formatting import long_date, school_year
from pepstats.measures import LAST_AUTHORITY, list_refused_breaks, why_not_by_school, why_not_taken
from pepstats.paths import read_table
from pepstats.report import built_in_text, fill_template
from pepstats.runs.files import as_csv
from pepstats.settings import (
    STAGES,
    Member,
    Report,
    SourceLine,
    check_slug,
    list_revised,
    load_programme,
    load_report,
)
from pepstats.sources import Source, find_page, find_source
from pepstats.study import Study, load_study

OUTCOMES = {
    "primary": ("rwm_expected", "reading_progress", "writing_progress", "maths_progress",
                "reading_expected", "writing_expected", "maths_expected"),
    "secondary": ("attainment8", "basics_94", "progress8"),
}  # fmt: skip
"""What a programme may be judged by in each phase, the first of those that were taken first."""

MOST_OUTCOMES = 4
FIRST_AUTHORITY, FIRST_YEAR, LAST_YEAR = 201, 2016, 2100
NEAR = {"primary": "[rwm_expected, cohort]", "secondary": "[attainment8, cohort_ks4]"}
EVERY_YEAR = ("register", "census", "absence", "ofsted")
"""Kinds of which the file of the outcome year is wanted, or the latest before it."""

NEEDED = ("ks2", "ks4", "register")
OWN = {
    "local_results": "urn,year,measure,group,value,cohort,release",
    "national": "year,measure,value,release",
}
"""The authority's own tables of results that are not published yet, by their columns."""

LINE = {"year": None, "release": None, "sha256": None, "note": "", "optional": False}
STATEMENTS = "local/statements.csv"
ASKED = ["urn", "school", "programme", "theme", "stance", "role", "consent", "consent_date",
         "statement", "extract", "cleared_by", "cleared_on"]  # fmt: skip


def begin_study(data: Path, authority: int, year: int, phase: str = "primary") -> dict[str, bytes]:
    """Begin a data folder: what an authority's first report needs, by its place in the folder.

    Files that already lie in its `raw/` are recognised by their headers and listed; the others are
    listed by the names and addresses they are published under. Nothing is written. Raises
    DesignError where there is no such authority or no results by school for the year.
    """
    if not FIRST_AUTHORITY <= authority <= LAST_AUTHORITY:
        raise DesignError(f"--authority {authority}: an authority has a number of three digits, "
                          f"{FIRST_AUTHORITY} to {LAST_AUTHORITY}.")  # fmt: skip
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise DesignError(f"--year {year}: write the year in which the school year ends, "
                          f"{FIRST_YEAR} or later.")  # fmt: skip
    stage = STAGES[phase]
    first = OUTCOMES[phase][0]
    if why := why_not_taken(first, year) or why_not_by_school(first, year):
        raise DesignError(f"--year {year}: there are no results for {school_year(year)}: {why}.")
    baseline = _years_before(first, year)
    report, programme = f"autumn-{year}", f"programmes/programme-1-{year}"
    found = _find_published(data)
    lines = _list_sources(found, stage, (*baseline, year))
    own = {} if (stage, year) in found else OWN
    outcomes = [name for name in OUTCOMES[phase] if not why_not_taken(name, year)][:MOST_OUTCOMES]
    words = {
        word.word: None for name in outcomes
        for word in list_refused_breaks(name, [*baseline, year], ())
    }  # fmt: skip
    settings = {
        "slug": report, "title": f"Evaluation of our programmes, autumn {year}",
        "body": "Education Advisory Board", "date": datetime.date(year, 10, 7).isoformat(),
        "report_from": "Director of Children's Services",
        "report_by": "Head of School Improvement", "authority": authority, "year": year,
        "edition": "public", "invented": False, "threshold": 3, "formats": ["word", "workbook"],
        "word_file": None, "next_year": False, "lines": lines, "programmes": [Path(programme).name],
    }  # fmt: skip
    about = {
        "report": report, "title": "Programme 1", "phase": phase, "year": year,
        "baseline": list(baseline), "outcomes": _flow(outcomes), "across": _flow(words),
        "near": NEAR[phase], "members": f"{programme}-members.csv", "seed": year * 10_000 + 1007,
    }  # fmt: skip
    return {
        f"reports/{report}.yml": fill_template("report.yml", **settings).encode(),
        f"{programme}.yml": fill_template("programme.yml", **about).encode(),
        f"{programme}-members.csv": f"{','.join(Member.model_fields)}\n".encode(),
        **{f"local/{kind}.csv": f"{columns}\n".encode() for kind, columns in own.items()},
    }


def _flow(words: Iterable[str]) -> str:
    return f"[{', '.join(words)}]" if words else ""


def _years_before(measure: str, year: int) -> tuple[int, ...]:
    """Return the last two years before one that have results by school."""
    years = [y for y in range(year - 8, year)
             if not (why_not_taken(measure, y) or why_not_by_school(measure, y))]  # fmt: skip
    return tuple(years[-2:])


def _find_published(data: Path) -> dict[tuple[str, int | None], Source]:
    """Find the published files that lie in a data folder, the largest of each kind and year."""
    found: dict[tuple[str, int | None], Source] = {}
    for path in _list_raw(data):
        try:
            source = find_source(SourceLine(file=path.relative_to(data).as_posix()), data)
        except PepstatsError:
            continue
        what = (source.kind, source.year or _year_in(path.name))
        if what not in found or len(found[what].content) < len(source.content):
            found[what] = source
    return found


def _list_raw(data: Path) -> list[Path]:
    """List the tables that lie in a data folder's `raw/`."""
    return [path for path in sorted((data / "raw").rglob("*"))
            if path.suffix.lower() in (".csv", ".xlsx", ".txt") and path.is_file()]  # fmt: skip


def _year_in(name: str) -> int | None:
    """Return the year that a file's name says: 2018 of `2017-2018_...` and of `2018-07-31_...`."""
    if match := re.search(r"(20\d\d)[-_](20\d\d)|(20\d\d)(\d\d)(?!\d)", name):
        year = int(match[2] or f"20{match[4]}")
        if year == int(match[1] or match[3]) + 1:
            return year
    match = re.search(r"(20\d\d)[-_]?(0[1-9]|1[0-2])", name)
    return int(match[1]) if match else None


def _list_sources(
    found: Mapping[tuple[str, int | None], Source], stage: str, years: tuple[int, ...]
) -> list[dict[str, Any]]:
    """List the lines of a report: a year's own results until it has published ones."""
    year = years[-1]
    there = [one for one in years if one < year or (stage, year) in found]
    lines = [_line_of(stage, one, found.get((stage, one)), year) for one in there]
    for kind in OWN if year not in there else ():
        note = "fill this in: the results that the authority has until they are published"
        lines.append({**LINE, "kind": kind, "year": year, "release": "provisional",
                      "file": f"local/{kind}.csv", "note": note})  # fmt: skip
    for row in read_table("published"):
        kind = row["kind"]
        if kind not in STAGES.values():
            latest = max((y for k, y in found if k == kind and y and y <= year), default=None)
            file = found.get((kind, latest)) or found.get((kind, None))
            lines.append(_line_of(kind, year if kind in EVERY_YEAR else None, file, year))
    note = ("to have it written, type `pepstats new` and this report's name once the members are "
            "filled in")  # fmt: skip
    return [*lines, {**LINE, "kind": "statements", "file": STATEMENTS, "note": note}]


def _line_of(kind: str, of: int | None, found: Source | None, year: int) -> dict[str, Any]:
    """Return a report's line for a file: the one that was found, else the one to fetch."""
    results = kind in STAGES.values()
    where = next(row for row in read_table("published") if row["kind"] == kind)
    name = where["file"].replace("YEARS", f"{(of or year) - 1}-{of or year}")
    line: dict[str, Any] = {**LINE, "kind": kind, "year": of, "file": f"raw/{name}"}
    if found:
        line |= {"file": found.file, "sha256": found.sha256}
        line["year"] = (found.year or _year_in(Path(found.file).name) or of) if of else None
        said = [word for word in ("provisional", "revised", "final") if word in found.file.lower()]
        guess = "provisional" if of == year else "final"  # until someone says more, it is guarded
        line["release"] = (said or [guess])[0] if results else None
        line["note"] = "" if said or not results else "CHANGE: say how final it is"
    else:
        line["release"] = "final" if results else None
        line["note"] = f"fetch it: {find_page(kind)}"
        line["optional"] = kind not in NEEDED
    return line


def draft_report(slug: str, last: Report, data: Path) -> dict[str, bytes]:
    """Draft the next autumn's report from the last one: settings and text, by their place.

    What must be changed in the settings is marked; the text is the built-in one.
    """
    meeting, first = last.meeting, last
    if last.revises:  # a revision's title is its own
        first = load_report(list_revised(last.slug, data)[-1], data)
    settings = {
        **meeting.model_dump(), "slug": check_slug(slug, "report"),
        "title": f"{first.title} (after {long_date(first.meeting.date)})"[:200],
        "date": meeting.date.replace(year=meeting.date.year + 1, day=1).isoformat(),
        "authority": last.authority, "year": last.year + 1, "edition": last.edition,
        "invented": last.invented, "threshold": last.disclosure.safe_threshold,
        "formats": list(last.formats), "word_file": last.template, "next_year": True,
        "lines": [{**LINE, **line.model_dump(include={"kind", "year", "release", "file"})}
                  for line in last.sources], "programmes": list(last.programmes),
    }  # fmt: skip
    text = built_in_text(
        last.model_copy(update={"slug": slug}), [load_programme(p, data) for p in last.programmes]
    )
    return {
        f"reports/{slug}.yml": fill_template("report.yml", **settings).encode(),
        f"reports/{slug}.md": text.encode(),
    }


def say_unlisted(report: Report, data: Path) -> Iterator[str]:
    """Say of each table in `raw/` that a report does not list what it looks like.

    And which line of the report wants such a file and names another, where one does.
    """
    listed = {line.file for line in report.sources}
    lacking: dict[tuple[str | None, int | None], str] = {
        (line.kind, line.year): line.file for line in report.sources
        if not (data / line.file).is_file()
    }  # fmt: skip
    for path in _list_raw(data):
        name = path.relative_to(data).as_posix()
        if name in listed:
            continue
        try:
            source = find_source(SourceLine(file=name), data)
        except PepstatsError:
            yield f"{name} is not listed: what kind of file it is cannot be told from its header."
            continue
        year = source.year or _year_in(path.name)
        wanted = lacking.get((source.kind, year)) or lacking.get((source.kind, None))
        of = f" of {year}" if year else ""
        then = f" To use it, write it for {wanted}." if wanted else ""
        yield f"{name} is not listed: it looks like `{source.kind}`{of}.{then}"


def complete_report(
    report: Report, data: Path, tell: Callable[[str], None] = lambda _: None
) -> dict[str, bytes]:
    """Return what an existing report lacks: its text, and the list of statements of its members.

    By its place in the folder; the list only once the members and the published files are there,
    else `tell` is told why there is none yet.
    """
    made = {}
    text = f"reports/{check_slug(report.slug, 'report')}.md"
    if not (data / text).exists():
        programmes = [load_programme(slug, data) for slug in report.programmes]
        made[text] = built_in_text(report, programmes).encode()
    said = [line for line in report.sources if line.kind == "statements"]
    if said and not (data / said[0].file).exists():
        others = tuple(line for line in report.sources if line.kind != "statements")
        try:
            study = load_study(report.model_copy(update={"sources": others}), data)
        except PepstatsError as error:
            if not made:
                raise
            tell(f"{said[0].file} is not written yet, as it lists every member: {error}")
            return made
        made[said[0].file] = as_csv(_list_asked(study))
    return made


def _list_asked(study: Study) -> pd.DataFrame:
    """List every member of every programme as a row to be filled in with what it says."""
    rows = pd.DataFrame(
        {
            "urn": member, "school": study.register["name"].get(member, ""),
            "programme": study.programmes[slug].part_of or slug,
        }
        for slug, members in study.members.items()
        for member in members.index
    )  # fmt: skip
    return rows.drop_duplicates().reindex(columns=ASKED)

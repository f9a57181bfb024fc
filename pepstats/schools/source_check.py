"""`pepstats check`: every file accounted for, held to its own totals and to the other files."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from pepstats.errors import PepstatsError, SourceError
from pepstats.paths import data_folder
from pepstats.schools.identity import RESULT_KINDS, Schools, find_members, follow_schools
from pepstats.schools.register import say_register_year
from pepstats.schools.requests import list_problems
from pepstats.settings import Report, SourceLine, load_programmes, load_report, read_once
from pepstats.sources import (
    AGGREGATES,
    AUTHORITY,
    COMPANIONS,
    DIFFERS,
    EXPLAINED,
    FOUND,
    RECONCILED_COLUMNS,
    REPRODUCED,
    RESULTS,
    Ledger,
    Results,
    Source,
    Tidied,
    cross_check,
    find_page,
    find_source,
    join_tables,
    list_titles,
    parse_source,
    reconcile_totals,
)

NO_TOTALS = pd.DataFrame(columns=RECONCILED_COLUMNS)
NO_CONTRADICTIONS = pd.DataFrame(columns=FOUND)
NO_EARLIER = pd.DataFrame(columns=[
    "school", "urn", "year", "file", "earlier_year", "earlier_urn", "measure", "repeated",
    "published", "agrees", "changed",
])  # fmt: skip

SHOWN = ("cohort", "rwm_expected", "rwm_expected.disadvantaged", "reading_progress",
         "writing_progress", "maths_progress", "attainment8", "progress8", "basics_94")  # fmt: skip
MOST = 8  # lines of a list before the rest is only counted
INDENT = " " * 9


def compare_earlier(results: Sequence[Results], schools: Schools) -> pd.DataFrame:
    """Compare what a file repeats of earlier years with those years' own files, school by school.

    One row per figure that both have; `changed` says that the URN has changed.
    """
    repeated, published = [], []
    for one in results:
        kind, year, file = one.source.kind, one.source.year, one.source.file
        again = one.earlier.melt(value_name="repeated", ignore_index=False).dropna()
        again = again.rename(columns={"year": "earlier_year"}).rename_axis("urn").reset_index()
        repeated.append(again.assign(year=year, file=file, kind=kind))
        own = one.values.melt(var_name="measure", value_name="published", ignore_index=False)
        own = own.dropna().rename_axis("earlier_urn").reset_index()
        published.append(own.assign(earlier_year=year, kind=kind))
    before, after = pd.concat(published), pd.concat(repeated).astype({"earlier_year": "int64"})
    before["school"] = schools.known.reindex(before["earlier_urn"]).to_numpy()
    after["school"] = schools.known.reindex(after["urn"]).to_numpy()
    both = after.merge(before, on=["kind", "school", "earlier_year", "measure"])
    both["agrees"] = (both["repeated"] - both["published"]).abs() < 1e-9
    both["changed"] = both["urn"] != both["earlier_urn"]
    columns = list(NO_EARLIER.columns)
    return both[columns].sort_values(columns[:7], ignore_index=True)


@dataclass(frozen=True)
class FileCheck:
    """One file: its account, or the one message that says why it has none.

    `records` counts rows by what they are, `totals` is the proof (see `sources.reconcile_totals`),
    `contradictions` what the file says twice and differently (see `sources.cross_check`).
    """

    file: str
    problem: str = ""
    source: Source | None = None
    ledger: Ledger | None = None
    records: dict[str, int] = field(default_factory=dict)
    totals: pd.DataFrame = field(default_factory=lambda: NO_TOTALS, repr=False)
    contradictions: pd.DataFrame = field(default_factory=lambda: NO_CONTRADICTIONS, repr=False)


@dataclass(frozen=True)
class SourceCheck:
    """Every file of a study or a command line, checked.

    `followed` counts how the schools were followed, where there are results of several years, and
    `not_followed` those that end; `earlier` holds the figures that a file repeats of an earlier
    year (`agrees` or not); `together` holds England's rows against the schools of all files of that
    kind and year; `register` says that the register is of another year than the results;
    `problem` is a contradiction between files, or what a report asks for and they cannot give;
    `listed` says of each file that was asked for whether it is there.
    """

    files: tuple[FileCheck, ...]
    listed: tuple[tuple[SourceLine, bool], ...] = ()
    together: pd.DataFrame = field(default_factory=lambda: NO_TOTALS, repr=False)
    followed: dict[str, int] = field(default_factory=dict)
    not_followed: dict[str, int] = field(default_factory=dict)
    earlier: pd.DataFrame = field(default_factory=lambda: NO_EARLIER, repr=False)
    register: str = ""
    problem: str = ""

    @property
    def without_figures(self) -> list[str]:
        """The files that should have figures, and of which none was read."""
        return [one.file for one in self.files if one.ledger and _lacks_figures(one.ledger)]

    @property
    def exit_code(self) -> int:
        """0 all is accounted for; 1 something differs, or has no figure; 2 cannot be read."""
        if self.problem or any(one.problem for one in self.files):
            return 2
        differs = [(one["verdict"] == DIFFERS).any()
                   for one in (self.together, *(one.totals for one in self.files))]  # fmt: skip
        differs += [len(one.contradictions) > 0 for one in self.files]
        differs.append(bool(self.without_figures))
        return 1 if any(differs) or not self.earlier["agrees"].all() else 0


def check_sources(
    what: str | Iterable[str | SourceLine], data: str | Path | None = None
) -> SourceCheck:
    """Read a report's sources, or any published files, and account for every row and cell.

    Parameters
    ----------
    what : str or iterable of str
        The name of a report, or files.
    data : str or Path, optional
        The data folder; the project's own where none is given.

    Returns
    -------
    SourceCheck
        `files` has the account of each, or why it cannot be read; `together` holds the authority's
        and England's published rows against what the schools add up to; `exit_code` is 0 where all
        is accounted for.

    Examples
    --------
    >>> pepstats.check(str(study.sources[0].path)).files[0].ledger.kind
    'ks2'
    """
    folder = data_folder(data)
    files: list[FileCheck] = []
    parsed: list[Results | Tidied] = []
    found: list[Source] = []
    lines, reports = _list_asked([what] if isinstance(what, str) else what, folder)
    for line in lines:
        try:
            found.append(find_source(line, folder))
            read = parse_source(found[-1])
            files += [_check_file(one) for one in read]
            parsed += read
        except SourceError as error:
            files.append(FileCheck(line.file, problem=str(error)))
    results = [one for one in parsed if isinstance(one, Results)]
    dated = [one for one in results if one.source.year and one.source.kind in RESULT_KINDS]
    lacks = [said for report in reports for said in _list_lacks(report, found, folder)]
    registers = [one.source.year for one in parsed if one.source.kind == "register"]
    years = {one.source.year or 0 for one in dated}
    checked = SourceCheck(
        tuple(files), tuple((line, _is_there(line, folder)) for line in lines),
        _add_up_together(results), problem=" ".join(lacks),
        register=say_register_year(registers[-1], max(years)) if registers and years else "",
    )  # fmt: skip
    if len(years) < 2:
        return checked
    tables = join_tables(parsed)
    try:
        schools = follow_schools(dated, tables.get("register"), tables.get("links"))
        earlier = compare_earlier(dated, schools)
        for report in () if lacks else reports:
            for programme in load_programmes(report, folder):
                find_members(programme, schools, folder, report.authority)
    except PepstatsError as error:
        return replace(checked, problem=" ".join([*lacks, str(error)]))
    counts = {"schools": len(schools.register), "URNs": schools.rows["urn"].nunique()}
    ended = schools.not_followed["why"].str.replace(r" \d{4}-\d\d-\d\d", "", regex=True)
    return replace(
        checked, followed={**counts, **dict(sorted(schools.notes.items()))},
        not_followed=ended.value_counts().sort_index().to_dict(), earlier=earlier,
    )  # fmt: skip


def _list_asked(
    named: Iterable[str | SourceLine], folder: Path
) -> tuple[list[SourceLine], list[Report]]:
    """List the files that are named, with those of the reports that are, and these reports."""
    lines, reports = list[SourceLine](), list[Report]()
    for one in named:
        if isinstance(one, SourceLine):
            lines.append(one)
        elif Path(one).suffix:
            lines.append(SourceLine(file=str(Path(one).resolve())))
        else:
            reports.append(load_report(one, folder))
            lines += reports[-1].sources
    return lines, reports


def _list_lacks(report: Report, found: Sequence[Source], folder: Path) -> list[str]:
    """List what a report asks for and its files cannot give."""
    listed = {line.file for line in report.sources}
    own = [source for source in found if source.file in listed]
    try:
        return list_problems(report, load_programmes(report, folder), own, folder)
    except PepstatsError as error:
        return [str(error)]


def _is_there(line: SourceLine, folder: Path) -> bool:
    """Whether a file is there; a table of one's own with columns only is still to be filled in."""
    path = folder / line.file
    if not path.is_file():
        return False
    return find_page(str(line.kind)) != "" or b"\n" in read_once(path).strip()


def _check_file(one: Results | Tidied) -> FileCheck:
    if isinstance(one, Tidied):
        return FileCheck(one.source.file, source=one.source, ledger=one.ledger)
    records = {**one.identity["record"].value_counts().to_dict(), **one.ledger.aggregates}
    if len(one.identity) < one.ledger.rows_kept:  # a long file has several rows of a school
        n = len(one.identity)
        records = {"school" if n == 1 else "schools": n}
    return FileCheck(
        one.source.file, source=one.source, ledger=one.ledger,
        records={str(name): int(n) for name, n in records.items()},
        totals=reconcile_totals([one]), contradictions=cross_check(one),
    )  # fmt: skip


def _add_up_together(results: list[Results]) -> pd.DataFrame:
    """Hold England's rows of one file to the schools of all files of its kind, year and release."""
    groups: dict[tuple[object, ...], list[Results]] = defaultdict(list)
    for one in results:
        groups[one.source.kind, one.source.year, one.source.release].append(one)
    found = []
    for (kind, year, _), parts in groups.items():
        if year is not None and len(parts) > 1:
            totals = reconcile_totals(parts)
            england = totals[totals["level"] != AUTHORITY].assign(kind=kind, year=year)
            found += [england] if len(england) else []
    return pd.concat(found or [NO_TOTALS], ignore_index=True)


def check_as_dict(check: SourceCheck) -> dict[str, Any]:
    """Return a check as plain names and numbers, for programs: every code of every column."""
    disagreeing = check.earlier[~check.earlier["agrees"].astype(bool)]
    return {
        "exit_code": check.exit_code,
        "problem": check.problem,
        "register": check.register,
        "without_figures": check.without_figures,
        "files": [_file_as_dict(one) for one in check.files],
        "followed": check.followed,
        "not_followed": check.not_followed,
        "totals_of_several_files": _records(check.together),
        "earlier_years": {"compared": len(check.earlier), "disagreeing": _records(disagreeing)},
    }


def _file_as_dict(one: FileCheck) -> dict[str, Any]:
    if one.ledger is None or one.source is None:
        return {"file": one.file, "problem": one.problem}
    ledger = one.ledger
    return {
        "file": one.file, "kind": ledger.kind, "year": ledger.year, "release": ledger.release,
        "sha256": one.source.sha256, "licence": one.source.licence, "records": one.records,
        "rows": {"in": ledger.rows_in, "kept": ledger.rows_kept,
                 "totals": sum(ledger.aggregates.values()), "left_out": ledger.left_out},
        "cells": {"in": ledger.cells_in, "values": ledger.values, "words": ledger.words,
                  "unread": ledger.unread, "reasons": ledger.reasons},
        "columns_unread": list(ledger.columns_unread),
        "notes": list(ledger.notes),
        "codes": _records(ledger.codes),
        "totals": _records(one.totals),
        "contradictions": _records(one.contradictions),
    }  # fmt: skip


def _records(table: pd.DataFrame) -> Any:
    """Return a table as a list of rows; what is missing is None."""
    return json.loads(table.to_json(orient="records", double_precision=15))


def describe_check(check: SourceCheck) -> str:
    """Describe what was found in every file, and in the files together."""
    blocks = [_tick_off(check.listed), *map(_describe_file, check.files)]
    if len(check.together):
        years = ", ".join(str(year) for year in sorted(set(check.together["year"])))
        title = f"England's rows and the schools of all files, {years}"
        blocks.append([title, *_describe_totals(check.together)])
    if check.followed:
        blocks.append(_describe_followed(check))
    if check.register:
        blocks.append([check.register])
    wrong = [one.file for one in check.files if one.problem]
    if wrong and check.problem:
        blocks.append([check.problem])
    last = {
        0: "Every row and cell is accounted for.",
        1: "Every row and cell is accounted for; something differs, as said above."
        if not check.without_figures
        else f"No figure was read of {', '.join(check.without_figures)}.",
        2: f"{len(wrong)} file(s) cannot be read: {', '.join(wrong)}." if wrong else check.problem,
    }
    blocks.append([last[check.exit_code]])
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _tick_off(listed: Sequence[tuple[SourceLine, bool]]) -> list[str]:
    """Tick off the files that are there; of one that is not, say where it is published."""
    there = sum(found for _, found in listed)
    lines = [f"{there} of {len(listed)} files are there"]
    for line, found in listed:
        what = f"{line.kind or 'file'}{f', {line.year}' if line.year else ''}"
        where = "" if found else find_page(str(line.kind)) or "yours to fill in"
        lines.append(f"  [{'x' if found else ' '}] {what:<20} {line.file}"
                     f"{f' ({where})' if where else ''}")  # fmt: skip
    return lines if there < len(listed) else []


def _describe_file(one: FileCheck) -> list[str]:
    if one.ledger is None or one.source is None:
        return [one.file, f"  cannot be read: {one.problem}"]
    ledger = one.ledger
    when = f", {ledger.year}" if ledger.year else ""
    release = f" ({ledger.release})" if ledger.release else ""
    kinds = {name: n for name, n in one.records.items() if name not in AGGREGATES}
    unread = [f"  {len(ledger.columns_unread)} column(s) in no layout we know, not read: "
              f"{', '.join(ledger.columns_unread[:MOST])}"]  # fmt: skip
    unfilled = ", ".join(f"{name} of {n:,}" for name, n in ledger.unfilled.items())
    wrong = one.contradictions
    return [
        one.file,
        f"  {list_titles()[ledger.kind]}{when}{release}   sha256 {one.source.sha256[:12]}",
        f"  rows   {ledger.rows_in:,} in = {ledger.rows_kept:,} kept{_count_parts(kinds)} + "
        f"{sum(ledger.aggregates.values())} totals{_count_parts(ledger.aggregates)} + "
        f"{sum(ledger.left_out.values()):,} left out{_count_parts(ledger.left_out)}",
        f"  cells  {ledger.cells_in:,} in = {ledger.values:,} figures + {ledger.words:,} words + "
        f"{sum(ledger.reasons.values()):,} with a reason + {ledger.unread:,} not read",
        *(["  a companion sheet: no report reads it"] if ledger.kind in COMPANIONS else []),
        *(["  no figure was read of this file"] if _lacks_figures(ledger) else []),
        *([f"  not said of schools: {unfilled}"] if unfilled else []),
        *_describe_codes(ledger),
        *(unread if ledger.columns_unread else []),
        *[f"  note   {note}" for note in ledger.notes[:MOST]],
        *_count_more(len(ledger.notes) - MOST),
        *_describe_totals(one.totals),
        *([f"  contradictions {len(wrong):,}"] if len(wrong) else []),
        *_list_rows(wrong, "row {row}, URN {urn}, {measure}: {said} ({check})"),
    ]


def _lacks_figures(ledger: Ledger) -> bool:
    """Return whether no figure was read of a file that should have some."""
    return ledger.kind in (*RESULTS, "la_series", "national", "local_results") and not ledger.values


def _count_parts(parts: dict[str, int]) -> str:
    return f" ({', '.join(f'{n:,} {name}' for name, n in parts.items())})" if parts else ""


def _list_rows(table: pd.DataFrame, said: str, most: int = MOST) -> list[str]:
    """Describe each row of a table, the first ones of a long one."""
    lines = [INDENT + said.format(**row) for row in table.head(most).to_dict("records")]
    return lines + _count_more(len(table) - most)


def _count_more(more: int) -> list[str]:
    return [f"{INDENT}and {more:,} more (--json lists all)"] if more > 0 else []


def _describe_codes(ledger: Ledger) -> list[str]:
    """List each reason with its codes, its cells, and the columns where it is most frequent."""
    lines = [(n, reason) for reason, n in ledger.reasons.items()]
    if len(ledger.codes):
        lines = []
        for reason, met in ledger.codes.groupby("reason", sort=False):
            codes = {repr(code) if isinstance(code, str) else "none" for code in met["code"]}
            columns = met.groupby("column", sort=False)["cells"].sum()
            columns = columns.sort_values(ascending=False, kind="stable")
            most = ", ".join(f"{column} {n:,}" for column, n in columns.head(4).items())
            more = f" and {len(columns) - 4} columns more" if len(columns) > 4 else ""
            said = f"{reason}, {' '.join(sorted(codes))}: {most}{more}"
            lines.append((int(met["cells"].sum()), said))
    return [f"{INDENT}{n:>9,}  {said}" for n, said in sorted(lines, reverse=True)]


def _describe_totals(totals: pd.DataFrame) -> list[str]:
    """Describe how the schools add back up, the main measures and all that differ."""
    if not len(totals):
        return ["  totals none in the file to compare with"]
    counts = totals["verdict"].value_counts()
    said = ", ".join(f"{counts.get(v, 0):,} {v}" for v in (REPRODUCED, EXPLAINED, DIFFERS))
    differs = totals["verdict"] == DIFFERS
    main = totals["measure"].isin(SHOWN) & ~differs
    if totals.groupby(["level", "la"]).ngroups > 3:
        main &= totals["level"] != AUTHORITY
    told = totals.assign(
        where=totals["level"] + totals["la"].map(lambda la: f" {la}" if la else ""),
        why=totals["explanation"].map(lambda why: f"; {why}" if why else ""),
    )
    line = ("{where}, {measure}: published {published:g}, from the schools {from_schools:.2f} "
            "({verdict}{why})")  # fmt: skip
    shown = _list_rows(told[main].head(2 * MOST), line, 2 * MOST)
    return [f"  totals {len(totals):,} compared: {said}", *shown,
            *_list_rows(told[differs], line, 2 * MOST)]  # fmt: skip


def _describe_followed(check: SourceCheck) -> list[str]:
    ended = [f"{INDENT}{n:>9,}  {why}" for why, n in check.not_followed.items()]
    lines = ["Schools through time", *(f"{INDENT}{n:>9,}  {w}" for w, n in check.followed.items()),
             *(["  without results in the last year", *ended] if ended else [])]  # fmt: skip
    if not len(check.earlier):
        return lines
    agree, changed = check.earlier["agrees"].sum(), check.earlier["changed"].sum()
    return [
        *lines,
        f"  {len(check.earlier):,} figures repeated from earlier years ({changed:,} of them "
        f"under another URN): {agree:,} agree with the earlier file",
        *_list_rows(
            check.earlier[~check.earlier["agrees"]],
            "URN {urn}, {measure} {earlier_year}: {file} says {repeated:g}, the earlier file "
            "{published:g}",
        ),
    ]

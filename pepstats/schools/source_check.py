"""`pepstats check`: every file accounted for, held to its own totals and to the other files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd

from pepstats.errors import SourceError
from pepstats.schools.identity import RESULT_KINDS, Schools, follow_schools
from pepstats.settings import SourceLine
from pepstats.sources import (
    AGGREGATES,
    AUTHORITY,
    DIFFERS,
    EXPLAINED,
    FOUND,
    RECONCILED_COLUMNS,
    REPRODUCED,
    Ledger,
    Results,
    Source,
    cross_check,
    find_source,
    list_titles,
    parse_source,
    reconcile_totals,
)

NO_TOTALS = pd.DataFrame(columns=RECONCILED_COLUMNS)
NO_CONTRADICTIONS = pd.DataFrame(columns=FOUND)

SHOWN = ("cohort", "rwm_expected", "rwm_expected.disadvantaged", "reading_progress",
         "writing_progress", "maths_progress", "attainment8", "progress8", "basics_94")  # fmt: skip
MOST = 8  # lines of a list before the rest is only counted
INDENT = " " * 9


def compare_earlier(results: Sequence[Results], schools: Schools) -> pd.DataFrame:
    """Compare what a file repeats of earlier years with those years' own files, school by school.

    One row per figure that both have: school, urn, year and file (that repeat it), earlier_year,
    earlier_urn, measure, repeated, published, agrees; `changed` says that the URN has changed.
    """
    columns = ["school", "urn", "year", "file", "earlier_year", "earlier_urn", "measure",
               "repeated", "published", "agrees", "changed"]  # fmt: skip
    parts = [
        _compare_years(later, earlier, schools)
        for later, earlier in product(results, repeat=2)
        if later.source.kind == earlier.source.kind
        and earlier.source.year in later.earlier.columns.get_level_values("year")
    ]
    if not parts:
        return pd.DataFrame(columns=columns)
    return pd.concat(parts)[columns].sort_values(columns[:7]).reset_index(drop=True)


def _compare_years(later: Results, earlier: Results, schools: Schools) -> pd.DataFrame:
    year = earlier.source.year
    # Only figures that both files have can agree or not; a reason on either side is no figure.
    repeated = _lay_long(later.earlier[year], "repeated", schools)
    published = _lay_long(earlier.values, "published", schools)
    published = published.rename(columns={"urn": "earlier_urn"})
    both = repeated.merge(published, on=["school", "measure"], validate="many_to_many")
    agrees = (both["repeated"] - both["published"]).abs() < 1e-9
    return both.assign(
        year=later.source.year, file=later.source.file, earlier_year=year,
        agrees=agrees, changed=both["urn"] != both["earlier_urn"],
    )  # fmt: skip


def _lay_long(table: pd.DataFrame, called: str, schools: Schools) -> pd.DataFrame:
    long = table.reset_index().melt(id_vars="urn", var_name="measure", value_name=called)
    long = long[long[called].notna()]
    return long.assign(school=schools.known.reindex(long["urn"]).to_numpy())


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

    `followed` counts how the schools were followed, where there are results of several years;
    `earlier` holds the figures that a file repeats of an earlier year (`agrees` or not);
    `together` holds England's rows against the schools of all files of that kind and year;
    `problem` is a contradiction between files.
    """

    files: tuple[FileCheck, ...]
    followed: dict[str, int] = field(default_factory=dict)
    not_followed: dict[str, int] = field(default_factory=dict)
    earlier: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    together: pd.DataFrame = field(default_factory=lambda: NO_TOTALS, repr=False)
    problem: str = ""

    @property
    def exit_code(self) -> int:
        """0 all is accounted for; 1 something differs; 2 a file cannot be read."""
        if self.problem or any(one.problem for one in self.files):
            return 2
        totals = [self.together, *(one.totals for one in self.files)]
        differs = any((table["verdict"] == DIFFERS).any() for table in totals)
        differs |= any(len(one.contradictions) for one in self.files)
        return 1 if differs or (len(self.earlier) and not self.earlier["agrees"].all()) else 0


def check_sources(lines: Sequence[SourceLine], *, data: Path) -> SourceCheck:
    """Read each file and account for it; a file that cannot be read is a message, not an end."""
    files: list[FileCheck] = []
    results: list[Results] = []
    tables: dict[str, list[pd.DataFrame]] = defaultdict(list)
    for line in lines:
        try:
            source = find_source(line, data)
            one = parse_source(source)
            if isinstance(one, Results):
                files.append(_check_results(one))
                results.append(one)
            else:
                files.append(FileCheck(line.file, source=source, ledger=one.ledger))
                tables[source.kind].append(one.frame)
        except SourceError as error:
            files.append(FileCheck(line.file, problem=str(error)))
    return _add_what_files_describe_together(files, results, tables)


def _check_results(one: Results) -> FileCheck:
    records = {**one.identity["record"].value_counts().to_dict(), **one.ledger.aggregates}
    return FileCheck(
        one.source.file, source=one.source, ledger=one.ledger,
        records={str(name): int(n) for name, n in records.items()},
        totals=reconcile_totals([one]), contradictions=cross_check(one),
    )  # fmt: skip


def _add_what_files_describe_together(
    files: list[FileCheck], results: list[Results], tables: dict[str, list[pd.DataFrame]]
) -> SourceCheck:
    """Add what only several files tell: England's totals, schools through time, earlier years."""
    together = _add_up_together(results)
    dated = [r for r in results if r.source.year is not None and r.source.kind in RESULT_KINDS]
    if len({r.source.year for r in dated}) < 2:
        return SourceCheck(tuple(files), together=together)
    try:
        register = pd.concat(tables["register"]) if "register" in tables else None
        links = pd.concat(tables["links"], ignore_index=True) if "links" in tables else None
        schools = follow_schools(dated, register, links)
        earlier = compare_earlier(dated, schools)
    except SourceError as error:
        return SourceCheck(tuple(files), together=together, problem=str(error))
    return SourceCheck(
        tuple(files), _count_followed(schools), _count_ended(schools), earlier, together
    )


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


def _count_followed(schools: Schools) -> dict[str, int]:
    counts = {"schools": len(schools.register), "URNs": int(schools.rows["urn"].nunique())}
    return {**counts, **dict(sorted(schools.notes.items()))}


def _count_ended(schools: Schools) -> dict[str, int]:
    why = schools.not_followed["why"].str.replace(r" \d{4}-\d\d-\d\d", "", regex=True)
    return {str(reason): int(n) for reason, n in why.value_counts().sort_index().items()}


def check_as_dict(check: SourceCheck) -> dict[str, Any]:
    """Return a check as plain names and numbers, for programs: every code of every column."""
    disagreeing = check.earlier[~check.earlier["agrees"]] if len(check.earlier) else check.earlier
    return {
        "exit_code": check.exit_code,
        "problem": check.problem,
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
        "codes": _records(ledger.codes),
        "totals": _records(one.totals),
        "contradictions": _records(one.contradictions),
    }  # fmt: skip


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a table as a list of rows; what is missing is None."""
    plain = table.astype(object).where(table.notna(), None)
    return [
        {str(key): value.item() if hasattr(value, "item") else value for key, value in row.items()}
        for row in plain.to_dict("records")
    ]


def describe_check(check: SourceCheck) -> str:
    """Describe what was found in every file, and in the files together."""
    blocks = [_describe_file(one) for one in check.files]
    if len(check.together):
        years = ", ".join(str(year) for year in sorted(set(check.together["year"])))
        lines = _describe_totals(check.together)
        blocks.append("\n".join([f"England's rows and the schools of all files, {years}", *lines]))
    if check.followed:
        blocks.append(_describe_followed(check))
    wrong = [one.file for one in check.files if one.problem]
    last = {
        0: "Every row and cell is accounted for.",
        1: "Every row and cell is accounted for; something differs, as said above.",
        2: f"{len(wrong)} file(s) cannot be read: {', '.join(wrong)}." if wrong else check.problem,
    }
    return "\n\n".join([*blocks, last[check.exit_code]]) + "\n"


def _describe_file(one: FileCheck) -> str:
    if one.ledger is None or one.source is None:
        return f"{one.file}\n  cannot be read: {one.problem}"
    ledger = one.ledger
    when = f", {ledger.year}" if ledger.year else ""
    release = f" ({ledger.release})" if ledger.release else ""
    title = list_titles()[ledger.kind]
    lines = [
        one.file,
        f"  {title}{when}{release}   sha256 {one.source.sha256[:12]}",
        f"  rows   {_describe_rows(ledger, one.records)}",
        f"  cells  {_describe_cells(ledger)}",
        *_describe_codes(ledger),
    ]
    if unread := ledger.columns_unread:
        shown = ", ".join(unread[:MOST])
        lines.append(f"  {len(unread)} column(s) in no layout we know, not read: {shown}")
    return "\n".join(
        [*lines, *_describe_totals(one.totals), *_describe_contradictions(one.contradictions)]
    )


def _describe_rows(ledger: Ledger, records: dict[str, int]) -> str:
    kinds = ", ".join(f"{n:,} {name}" for name, n in records.items() if name not in AGGREGATES)
    totals = ", ".join(f"{n} {name}" for name, n in ledger.aggregates.items())
    why = "; ".join(f"{n:,} {why}" for why, n in ledger.left_out.items())
    said = [f"{ledger.rows_kept:,} kept" + (f" ({kinds})" if kinds else "")]
    said += [f"{sum(ledger.aggregates.values())} totals ({totals})"] if totals else []
    said += [f"{sum(ledger.left_out.values()):,} left out" + (f" ({why})" if why else "")]
    return f"{ledger.rows_in:,} in = " + " + ".join(said)


def _describe_cells(ledger: Ledger) -> str:
    without = sum(ledger.reasons.values())
    unread = f" + {ledger.unread:,} not read" if ledger.unread else ""
    return (
        f"{ledger.cells_in:,} in = {ledger.values:,} figures + {ledger.words:,} words + "
        f"{without:,} with a reason{unread}"
    )


def _describe_codes(ledger: Ledger) -> list[str]:
    """List each code: its meaning, its cells, and the columns where it is most frequent."""
    if not len(ledger.codes):
        return [f"{INDENT}{n:>9,}  {reason}" for reason, n in ledger.reasons.items()]
    lines = []
    for reason, met in ledger.codes.groupby("reason", sort=False):
        shown = met["code"].map(lambda code: repr(code) if isinstance(code, str) else "none")
        by_column = met.groupby("column", sort=False)["cells"].sum()
        by_column = by_column.sort_values(ascending=False, kind="stable")
        most = ", ".join(f"{column} {n:,}" for column, n in by_column.head(4).items())
        more = f" and {len(by_column) - 4} columns more" if len(by_column) > 4 else ""
        code = " ".join(sorted(set(shown)))
        lines.append((int(met["cells"].sum()), f"{reason}, {code}: {most}{more}"))
    return [f"{INDENT}{n:>9,}  {said}" for n, said in sorted(lines, reverse=True)]


def _describe_totals(totals: pd.DataFrame) -> list[str]:
    """Describe how the schools add back up, the main measures and all that differ."""
    if not len(totals):
        return ["  totals none in the file to compare with"]
    counts = totals["verdict"].value_counts()
    said = ", ".join(f"{counts.get(v, 0):,} {v}" for v in (REPRODUCED, EXPLAINED, DIFFERS))
    lines = [f"  totals {len(totals):,} compared: {said}"]
    several = totals.groupby(["level", "la"]).ngroups > 3
    main = totals[totals["measure"].isin(SHOWN) & ~totals["verdict"].eq(DIFFERS)]
    main = main[main["level"] != AUTHORITY] if several else main
    differs = totals[totals["verdict"] == DIFFERS]
    for part in (main, differs):
        lines += [
            f"{INDENT}{_describe_total(row)}" for row in part.head(2 * MOST).to_dict("records")
        ]
    if len(differs) > 2 * MOST:
        lines.append(f"{INDENT}and {len(differs) - 2 * MOST:,} more that differ (--json lists all)")
    return lines


def _describe_total(row: dict[str, object]) -> str:
    where = f"{row['level']} {row['la']}" if row["la"] else row["level"]
    why = f"; {row['explanation']}" if row["explanation"] else ""
    return (
        f"{where}, {row['measure']}: published {row['published']:g}, from the schools "
        f"{row['from_schools']:.2f} ({row['verdict']}{why})"
    )


def _describe_contradictions(found: pd.DataFrame) -> list[str]:
    lines = [
        f"{INDENT}row {row['row']}, URN {row['urn']}, {row['measure']}: {row['said']} "
        f"({row['check']})"
        for row in found.head(MOST).to_dict("records")
    ]
    more = [f"{INDENT}and {len(found) - MOST:,} more"] if len(found) > MOST else []
    return [f"  contradictions {len(found):,}", *lines, *more] if len(found) else []


def _describe_followed(check: SourceCheck) -> str:
    lines = ["Schools through time"]
    lines += [f"{INDENT}{n:>9,}  {what}" for what, n in check.followed.items()]
    if check.not_followed:
        lines.append("  without results in the last year")
        lines += [f"{INDENT}{n:>9,}  {why}" for why, n in check.not_followed.items()]
    if len(check.earlier):
        agree, changed = check.earlier["agrees"].sum(), check.earlier["changed"].sum()
        lines.append(
            f"  {len(check.earlier):,} figures repeated from earlier years ({changed:,} of them "
            f"under another URN): {agree:,} agree with the earlier file"
        )
        for row in check.earlier[~check.earlier["agrees"]].head(MOST).to_dict("records"):
            lines.append(
                f"{INDENT}URN {row['urn']}, {row['measure']} {row['earlier_year']}: "
                f"{row['file']} says {row['repeated']:g}, the earlier file {row['published']:g}"
            )
    return "\n".join(lines)

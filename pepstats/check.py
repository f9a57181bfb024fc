"""What `pepstats check` says: each file's account, its totals, and the schools followed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from pepstats import clean, crosschecks, layouts, proof, registers, series, sources
from pepstats.cells import Cells
from pepstats.errors import SourceError
from pepstats.fields import Tidied
from pepstats.ledger import Ledger, account_for_table
from pepstats.schools import RESULT_KINDS, Schools, follow
from pepstats.sources import Source

TABLES: dict[str, Callable[[Cells, Source], Tidied]] = {
    "register": registers.tidy_register,
    "links": registers.tidy_links,
    "trusts": registers.tidy_trusts,
    "ofsted": registers.tidy_ofsted,
    "la_series": series.tidy_la_series,
    "national": series.tidy_national,
    "local_results": series.tidy_local_results,
}
NO_TOTALS = pd.DataFrame(columns=proof.COLUMNS)
NO_CONTRADICTIONS = pd.DataFrame(columns=crosschecks.FOUND)


class Line(Protocol):
    """One file as a study lists it; only `file` must say something."""

    @property
    def kind(self) -> str | None:
        """The kind it is listed as, if any."""

    @property
    def file(self) -> str:
        """The file, as written."""

    @property
    def year(self) -> int | None:
        """The year it is listed for, if any."""

    @property
    def release(self) -> str | None:
        """The release it is listed as, if any."""

    @property
    def sha256(self) -> str | None:
        """The hash it is held to, if any."""


@dataclass(frozen=True)
class Listed:
    """A file given by name alone: its kind, and its year where it can be, come from its header."""

    file: str
    kind: str | None = None
    year: int | None = None
    release: str | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class FileCheck:
    """One file: its account, or the one message that says why it has none.

    `records` counts rows by what they are, `totals` is the proof (see `proof.add_back_up`),
    `contradictions` what the file says twice and differently (see `crosschecks.cross_check`).
    """

    file: str
    problem: str = ""
    source: Source | None = None
    ledger: Ledger | None = None
    records: dict[str, int] = field(default_factory=dict)
    totals: pd.DataFrame = field(default_factory=lambda: NO_TOTALS, repr=False)
    contradictions: pd.DataFrame = field(default_factory=lambda: NO_CONTRADICTIONS, repr=False)


@dataclass(frozen=True)
class Check:
    """Every file of a study or a command line, checked.

    `followed` says how the schools were followed, where there are results of several years;
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
        differs = any(
            (one.totals["verdict"] == proof.DIFFERS).any() or len(one.contradictions)
            for one in self.files
        )
        differs |= bool((self.together["verdict"] == proof.DIFFERS).any())
        return 1 if differs or (len(self.earlier) and not self.earlier["agrees"].all()) else 0


def check_files(lines: Sequence[Line], *, data: Path) -> Check:
    """Read each file and account for it; a file that cannot be read is a message, not an end."""
    files: list[FileCheck] = []
    results: list[clean.Results] = []
    tables: dict[str, list[pd.DataFrame]] = {}
    for line in lines:
        try:
            source = sources.find_source(
                line.kind, line.file, data=data, year=line.year, release=line.release,
                sha256=line.sha256,
            )  # fmt: skip
            raw = sources.read_text(source)
            if source.kind in layouts.RESULTS:
                one = clean.clean_results(raw, source)
                results.append(one)
                files.append(_check_results(one))
            elif source.kind in TABLES:
                tidied = TABLES[source.kind](raw, source)
                tables.setdefault(source.kind, []).append(tidied.frame)
                ledger = account_for_table(raw, source, len(tidied.frame), tidied.left_out)
                files.append(FileCheck(line.file, source=source, ledger=ledger))
            else:
                ledger = account_for_table(raw, source, len(raw.rows), {})
                files.append(FileCheck(line.file, source=source, ledger=ledger))
        except SourceError as error:
            files.append(FileCheck(line.file, problem=str(error)))
    return _add_what_files_say_together(files, results, tables)


def _check_results(one: clean.Results) -> FileCheck:
    records = {**one.identity["record"].value_counts().to_dict(), **one.ledger.aggregates}
    return FileCheck(
        one.source.file, source=one.source, ledger=one.ledger,
        records={str(name): int(n) for name, n in records.items()},
        totals=proof.add_back_up([one]), contradictions=crosschecks.cross_check(one),
    )  # fmt: skip


def _add_what_files_say_together(
    files: list[FileCheck], results: list[clean.Results], tables: dict[str, list[pd.DataFrame]]
) -> Check:
    """Add what only several files tell: England's totals, schools through time, earlier years."""
    together = _add_up_together(results)
    dated = [r for r in results if r.source.year is not None and r.source.kind in RESULT_KINDS]
    if len({r.source.year for r in dated}) < 2:
        return Check(tuple(files), together=together)
    try:
        register = pd.concat(tables["register"]) if "register" in tables else None
        links = pd.concat(tables["links"], ignore_index=True) if "links" in tables else None
        schools = follow(dated, register, links)
        earlier = crosschecks.compare_earlier(dated, schools)
    except SourceError as error:
        return Check(tuple(files), together=together, problem=str(error))
    return Check(tuple(files), _count_followed(schools), _count_ended(schools), earlier, together)


def _add_up_together(results: list[clean.Results]) -> pd.DataFrame:
    """Hold England's rows of one file to the schools of all files of its kind, year and release."""
    groups: dict[tuple[object, ...], list[clean.Results]] = {}
    for one in results:
        key = (one.source.kind, one.source.year, one.source.release)
        groups.setdefault(key, []).append(one)
    found = [NO_TOTALS]
    for (kind, year, _), parts in groups.items():
        if year is not None and len(parts) > 1:
            totals = proof.add_back_up(parts)
            england = totals[totals["level"] != layouts.AUTHORITY]
            found.append(england.assign(kind=kind, year=year))
    return pd.concat([part for part in found if len(part)] or [NO_TOTALS], ignore_index=True)


def _count_followed(schools: Schools) -> dict[str, int]:
    counts = {"schools": len(schools.register), "URNs": int(schools.rows["urn"].nunique())}
    return {**counts, **dict(sorted(schools.notes.items()))}


def _count_ended(schools: Schools) -> dict[str, int]:
    why = schools.not_followed["why"].str.replace(r" \d{4}-\d\d-\d\d", "", regex=True)
    return {str(reason): int(n) for reason, n in why.value_counts().sort_index().items()}


def as_dict(check: Check) -> dict[str, Any]:
    """Give a check as plain names and numbers, for programs: every code of every column."""
    disagreeing = check.earlier[~check.earlier["agrees"]] if len(check.earlier) else check.earlier
    return {
        "exit_code": check.exit_code,
        "problem": check.problem,
        "files": [_file_as_dict(one) for one in check.files],
        "followed": check.followed,
        "not_followed": check.not_followed,
        "totals_of_several_files": _records(check.together),
        "earlier_years": {
            "compared": len(check.earlier),
            "disagreeing": _records(disagreeing),
        },
    }  # fmt: skip


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
    """Give a table as a list of rows; what is missing is None."""
    plain = table.astype(object).where(table.notna(), None)
    return [
        {str(key): value.item() if hasattr(value, "item") else value for key, value in row.items()}
        for row in plain.to_dict("records")
    ]

"""What each kind of published file looks like: how its header is known, and what its columns are.

Columns are matched without regard to case, since the Department's own files mix it.
"""

from __future__ import annotations

import difflib
import fnmatch
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pepstats.paths import read_table

AUTHORITY = "authority"
ALL_SCHOOLS = "England, all schools"
STATE_FUNDED = "England, state-funded schools"
AGGREGATES = (AUTHORITY, ALL_SCHOOLS, STATE_FUNDED)
MAINSTREAM, SPECIAL, NOT_STATED = "mainstream school", "special school", "not stated"


@dataclass(frozen=True)
class Layout:
    """One kind of file: what a study calls it, what a reader does, and its columns in capitals."""

    kind: str
    title: str
    needs: tuple[str, ...]  # its header has all of these
    one_of: tuple[str, ...]  # and at least one of these, which it alone has
    lacks: tuple[str, ...]  # and none of these, which tell another kind of file
    most: int  # columns, of a sheet that is known by its title alone

    def fits(self, names: set[str], width: int) -> bool:
        """Return whether a header of these names and width is of this layout."""

        def there(columns: tuple[str, ...]) -> Iterator[bool]:
            return (c in names or ("*" in c and bool(fnmatch.filter(names, c))) for c in columns)

        own = not self.one_of or any(there(self.one_of))
        return width <= self.most and all(there(self.needs)) and own and not any(there(self.lacks))


def _columns(text: str) -> tuple[str, ...]:
    return tuple(text.split(" | ")) if text else ()


SCHOOL_COLUMNS = {
    "record": ("RECTYPE",), "urn": ("URN",), "la": ("LEA", "LA"), "estab": ("ESTAB",),
    "name": ("SCHNAME",), "type": ("NFTYPE",), "age_range": ("AGERANGE",), "urn_ac": ("URN_AC",),
    "name_ac": ("SCHNAME_AC",), "opened_ac": ("OPEN_AC",), "confirmed": ("CONFEXAM",),
}  # fmt: skip
"""What a results file says of a school, by its published names."""

WORD_COLUMNS = {
    "ALPHAIND", "ADDRESS1", "ADDRESS2", "ADDRESS3", "TOWN", "PCODE", "TELNUM", "CONTFLAG",
    "PCON_CODE", "PCON_NAME", "RELDENOM", "ICLOSE", "TAB15", "TAB1618", "TABKS2", "ADMPOL",
    "ADMPOL_PT", "EGENDER", "GENDER", "FEEDER", "SCHOOLTYPE",
}  # fmt: skip
"""Further columns of a results file that hold words, not figures."""

RECORDS = {
    "ks2": {"1": MAINSTREAM, "2": SPECIAL, "3": AUTHORITY, "4": ALL_SCHOOLS, "5": STATE_FUNDED},
    "ks4": {"1": MAINSTREAM, "2": SPECIAL, "4": AUTHORITY, "5": ALL_SCHOOLS, "7": STATE_FUNDED},
}
"""What a row is, by its record type; files of other kinds have none."""

RESULTS = ("ks2", "ks4", "census", "absence")

_ALL = [
    Layout(row["kind"], row["title"], _columns(row["needs"]), _columns(row["one_of"]),
           _columns(row["lacks"]), int(row["most"] or 1_000_000))
    for row in read_table("layouts")
]  # fmt: skip
"""Every layout; a header is of one kind alone, or it is refused."""

LONG, UNUSED = "long", "unused"
"""What is known by name alone: the Department's long files that no reader takes, and others."""

# Kinds an authority writes itself, read where they are used; their only common column is the URN.
OWN_TABLES = ("members", "statements", "support")


COMPANIONS = ("columns", "regions", "neighbours", "abbreviations")
"""Sheets that explain the others: known, and nothing of them goes into a report."""


def tidy_column(name: str) -> str:
    """Return a published column name in the one form it is compared in."""
    return name.strip().upper()


def recognise_layouts(header: list[str]) -> list[Layout]:
    """List the layouts that a header may be of, from its columns alone, one of each kind.

    A long file of the Department that has no reader is one (`LONG`) only where nothing else is.
    """
    names = {tidy_column(name) for name in header}
    found = {one.kind: one for one in reversed(_ALL) if one.fits(names, len(header))}
    return [found[kind] for kind in sorted(found) if kind != LONG or len(found) == 1]


OWN_COLUMNS = {"PROGRAMME", "ACTIVITY", "JOINED", "DOSE", "BASIS", "DATE", "DAYS", "STATEMENT"}
"""Columns of the tables that an authority writes itself, beside the school's number."""


def is_header(cells: list[str]) -> bool:
    """Return whether a row is the header of a table that we know; a title alone is none."""
    names = {tidy_column(name) for name in cells}
    own = "URN" in names and not names.isdisjoint(OWN_COLUMNS)
    return own or any(one.kind != "abbreviations" for one in recognise_layouts(cells))


def has_known_names(header: list[str]) -> bool:
    """Return whether any column is called as one of ours: only then may a message repeat them."""
    known = {name for one in _ALL for name in (*one.needs, *one.one_of) if len(name) > 2}
    return not known.isdisjoint(tidy_column(name) for name in header)


LONG_YEAR = "TIME_PERIOD"
"""The column of the school year in the Department's long files."""


def end_of_school_year(text: str) -> int | None:
    """Return the year in which a school year ends that is written 202425; None if it is none."""
    match = re.fullmatch(r"(20\d\d)[/-]?(\d\d)", text.strip())
    follows = match is not None and (int(match[1]) + 1) % 100 == int(match[2])
    return int(match[1]) + 1 if match and follows else None


def year_of(header: list[str]) -> int | None:
    """Return which year's layout this is, from its columns of earlier years (`_16`, `_17`)."""
    found = [re.fullmatch(r".+_(\d\d)", tidy_column(name)) for name in header]
    earlier = [2000 + int(m[1]) for m in found if m and 14 <= int(m[1]) <= 30]
    return max(earlier) + 1 if earlier else None


def list_titles() -> dict[str, str]:
    """Return what a reader calls each kind of file."""
    own = {kind: f"{kind} (the study's own table)" for kind in OWN_TABLES}
    return {**{one.kind: one.title for one in _ALL if one.kind not in (LONG, UNUSED)}, **own}


def find_page(kind: str) -> str:
    """Return on which page a kind of file is published, with its address; empty where on none."""
    rows = [row for row in read_table("published") if row["kind"] == kind]
    return f"{rows[0]['page']}, {rows[0]['address']}" if rows else ""


def missing_columns(kind: str, header: list[str]) -> list[str]:
    """List the columns a kind of file needs that this header does not have."""
    names = {tidy_column(name) for name in header}
    lacks = [
        [c for c in one.needs if c not in names] or [f"any of {', '.join(one.one_of)}"]
        for one in _ALL
        if one.kind == kind
    ]
    return min(lacks, key=len, default=["URN"])


_GROUP = r"(_(B|G|L|M|H|FSM6CLA1A|NOTFSM6CLA1A|EAL|MOBN))?"

_KNOWN = {
    "ks2": "|".join((
        r"TOTPUPS|TPUPYEAR|[TBG]ELIG|P[BG]ELIG|TKS1AVERAGE|P?TKS1GROUP_(L|M|H|NA)",
        r"P?T(NOT)?FSM6CLA1A|P?TEALGRP[123]|P?TMOBN|[TP]?SENEL(SE|S?APK|E|K|ST|SAP|N|EK)",
        rf"PT(RWM|READ|GPS|MAT|WRITTA|SCITA|READTA|MATTA)_(EXP|HIGH|AT|AD|WTS){_GROUP}",
        rf"(READ|MAT|GPS)_AVERAGE{_GROUP}|(READ|WRIT|MAT)COV",
        rf"(READ|WRIT|MAT)PROG{_GROUP}(_(LOWER|UPPER|UNADJUSTED|DESCR))?",
        r"DIFFN_(RWM_EXP|RWM_HIGH|READPROG|WRITPROG|MATPROG)",
    )),
    "ks4": r".+",  # some 500 columns, named anew each year: all are figures
    "census": r"P?NOR[GB]?|[TP]SENELSE|[TP]SENELK|[TP]SENELE|P?NUM(EAL|ENGFL|UNCFL|FSM\w*)",
    "absence": r"PERCTOT|PPERSABS\d\d",
}  # fmt: skip

_EARLIER = r"(_(\d\d|3YR))?"


def is_known_column(kind: str, column: str) -> bool:
    """Return whether a column is one of a kind of file: this year's, or an earlier one's."""
    return re.fullmatch(f"({_KNOWN[kind]}){_EARLIER}", tidy_column(column)) is not None


def misspells(column: str, wanted: list[str]) -> bool:
    """Return whether a column's name is so near a wanted one that it must be meant for it."""
    name = tidy_column(column)
    if re.fullmatch(r".+_(1\d|2\d|3YR)", name):
        return False
    close = difflib.get_close_matches(name, wanted, n=1, cutoff=0.88)
    return bool(close) or any(sorted(name) == sorted(one) for one in wanted)


def misspelt(columns: Iterable[str], known: Iterable[str]) -> list[str]:
    """List the columns that are none of the known ones, but must be meant for one of them."""
    names = [tidy_column(name) for name in known]
    others = [one for one in columns if tidy_column(one) not in names]
    return [
        one for one in others
        if difflib.get_close_matches(tidy_column(one), names, n=1, cutoff=0.8)
        or misspells(one, names)
    ]  # fmt: skip

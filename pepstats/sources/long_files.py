"""The Department's long files by school (explore education statistics) read as results.

A row is one school, year, group of pupils and, in key stage 2, subject; a column is a kind of
figure. They become the same measures as the performance tables give, one `Results` for each year
and release. Each row is kept or left out for a reason, and each cell is a figure, a reason, a word
or not read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from pepstats.errors import SourceError
from pepstats.measures import IMPOSSIBLE, MEASURES, NO_ROW, REASONS, measures_of
from pepstats.paths import read_table
from pepstats.settings import RELEASES
from pepstats.sources.cells import (
    ALL_REASONS,
    PERCENT,
    Array,
    Cells,
    ask,
    find_strays,
    raise_text,
    read_cells,
    said_of,
)
from pepstats.sources.files import Source
from pepstats.sources.layouts import LONG_YEAR, MAINSTREAM, NOT_STATED, SPECIAL, end_of_school_year
from pepstats.sources.registers import read_column, read_urns
from pepstats.sources.results import IDENTITY, Ledger, Results, find_impossible

COLUMNS = {(row["kind"], row["column"]): row["measure"] for row in read_table("long-columns")}
"""What a column gives: the measure, or `{}_expected` where the row's subject completes it."""

SUBJECTS = {
    "reading, writing and maths": "rwm", "reading": "reading", "writing": "writing",
    "maths": "maths", "mathematics": "maths", "grammar, punctuation and spelling": "gps",
}  # fmt: skip

FILTERS = ("BREAKDOWN", "SEX", "DISADVANTAGE", "DISADVANTAGE_STATUS", "FIRST_LANGUAGE",
           "PRIOR_ATTAINMENT", "MOBILITY")  # fmt: skip
EVERYONE = ("", "total", "all pupils", "z")

GROUP_OF = {
    # what the files of one year or another call a group of pupils
    "disadvantaged": "disadvantaged", "not disadvantaged": "other",
    "not known to be disadvantaged": "other", "disadvantaged all other": "other",
    "boys": "boys", "male": "boys", "girls": "girls", "female": "girls",
    "other than english": "eal", "known or believed to be other than english": "eal",
    "non mobile": "non_mobile", "non-mobile": "non_mobile",
    "low": "low_prior", "low prior attainment": "low_prior",
    "middle": "middle_prior", "middle prior attainment": "middle_prior",
    "average": "middle_prior", "high": "high_prior", "high prior attainment": "high_prior",
}  # fmt: skip

NOT_APPLICABLE = REASONS["Z"]
WHOLE_YEAR = ("", "academic year", "six half terms", "full academic year")
WORDS = (
    "TIME_PERIOD", "TIME_IDENTIFIER", "GEOGRAPHIC_LEVEL", "COUNTRY_CODE", "COUNTRY_NAME",
    "REGION_CODE", "REGION_NAME", "OLD_LA_CODE", "NEW_LA_CODE", "LA_NAME", "VERSION", "SCHOOL_URN",
    "SCHOOL_LAESTAB", "SCHOOL_NAME", "BREAKDOWN_TOPIC", "SUBJECT", "ESTABLISHMENT_TYPE_GROUP",
    "SCHOOL_TYPE", "EDUCATION_PHASE", "AGERANGE", *FILTERS,
)  # fmt: skip
"""Columns that say which school, year, pupils and subject a row is of."""


@dataclass(frozen=True)
class _Rows:
    """What each row is of, and why it is left out; a row that is kept has no reason."""

    year: Array
    release: Array
    group: Array
    subject: Array
    why: Array


def is_long(raw: Cells) -> bool:
    """Return whether a file is one of the Department's long ones."""
    return LONG_YEAR in raw.columns


def read_long(raw: Cells, source: Source) -> list[Results]:
    """Read a long file by school into results, one for each year and release that it has.

    With a `year` the source is that year's rows alone; the others are left out and counted.
    """
    columns = _find_columns(raw, source.kind)
    rows = _sort_rows(raw, source, columns)
    _leave_out_twins(raw, rows, list(columns))
    kept = rows.why == ""
    if not kept.any():
        told = ", ".join(f"{n:,} {why}" for why, n in Counter(rows.why).most_common(3))
        raise SourceError(f"{source.file}: no row can be used: {told}. Get the file by school.")
    parts = sorted(set(zip(rows.year[kept], rows.release[kept], strict=True)))
    part = np.full(len(rows.why), len(parts) - 1)  # what is of no year that is kept: the last one
    for n, (year, release) in enumerate(parts):
        part[(rows.year == year) & (rows.release == release)] = n
    found = []
    for n, (year, release) in enumerate(parts):
        name = f"{source.name}, {year}" if source.year is None else source.name
        own = replace(source, name=name, year=int(year), release=release or source.release)
        found.append(_as_results(raw, own, columns, rows, part == n))
    return found


def _find_columns(raw: Cells, kind: str) -> dict[int, str]:
    """Find which columns hold figures, each with the measure or the measures it gives."""
    published = measures_of(kind)
    found = {
        j: measure
        for name, j in raw.columns.items()
        if (measure := COLUMNS.get((kind, name)) or published.get(name))
    }
    if not found:
        raise SourceError(f"{raw.file}, row 1: no column is a measure we know.")
    return found


def _sort_rows(raw: Cells, source: Source, columns: dict[int, str]) -> _Rows:
    """Say of each row what it is of, and why it is left out where it is."""
    why = np.full(len(raw.rows), "", dtype=object)

    def leave_out(rows: pd.Series | Array, told: str, text: pd.Series | str = "") -> None:
        rows = np.asarray(rows) & (why == "")
        why[rows] = told if isinstance(text, str) else (told + ": " + text[rows]).to_numpy()

    level = read_column(raw, "GEOGRAPHIC_LEVEL")
    leave_out(level.str.lower().ne("school"), "a row that is no school's", level)
    when = read_column(raw, "TIME_IDENTIFIER")
    leave_out(~when.str.lower().isin(WHOLE_YEAR), "a part of the school year", when)
    year = _school_years(raw)
    if source.year is not None:
        if not (year == source.year).any():
            has = " and ".join(str(one) for one in sorted(set(year)))
            raise SourceError(f"{source.file}: listed as {source.year}, and its rows are of {has}.")
        leave_out(year != source.year, "another year", year.astype("str"))
    group, label = _find_groups(raw)
    leave_out(group.isna(), "pupils that no measure is of", label)
    text = read_column(raw, "SUBJECT")
    subject = text.str.lower().map({**SUBJECTS, "": ""})
    known = {(s, g) for s in set(subject.dropna()) for g in set(group.dropna())
             if any(_name_measure(one, s, g) for one in columns.values())}  # fmt: skip
    pairs = pd.Series(list(zip(subject, group, strict=True)), raw.index)
    leave_out(subject.isna() | ~pairs.isin(known), "a subject that no measure is of", text)
    return _Rows(year.to_numpy(), _find_releases(raw, source), group.to_numpy(object),
                 subject.to_numpy(object), why)  # fmt: skip


def _name_measure(pattern: str, subject: str, group: str) -> str | None:
    """Return the measure that a column gives in a row of some subject and group; None if none."""
    if ("{}" in pattern) != bool(subject) or (group and "." in pattern):
        return None
    name = pattern.format(subject) + (f".{group}" if group else "")
    return name if name in MEASURES else None


def _school_years(raw: Cells) -> pd.Series:
    """Read each row's school year, written 202425, as the year it ends."""
    text = read_column(raw, LONG_YEAR)
    found = {one: end_of_school_year(one) for one in text.unique()}
    raw.refuse(text.map(found).isna(), text, "is not a school year such as 202425")
    return text.map(found).astype("int64")


def _find_releases(raw: Cells, source: Source) -> Array:
    """Find which release each row is of: what the file says, which must be what the study says."""
    text = read_column(raw, "VERSION")
    said = text.str.lower()
    raw.refuse(~said.isin(["", *RELEASES]), text, f"is none of {', '.join(RELEASES)}")
    if source.release:
        other = said.ne("") & said.ne(source.release)
        raw.refuse(other, text, f"and the file is listed as {source.release}")
    return np.asarray(said, dtype=object)


def _find_groups(raw: Cells) -> tuple[pd.Series, pd.Series]:
    """Find the group of pupils each row is of, blank for all pupils, and what the file calls it.

    It is missing where no measure is of such pupils, or where they are of two groups at once.
    """
    there = [name for name in FILTERS if name in raw.columns]
    if not there:
        return pd.Series("", raw.index), pd.Series("", raw.index)
    table = pd.DataFrame({name: read_column(raw, name) for name in there})
    which = table.groupby(there, sort=False).ngroup().to_numpy()
    distinct = table.drop_duplicates()
    groups, labels = [], []
    for row in distinct.itertuples(index=False):
        told = {GROUP_OF.get(one.lower(), one) for one in row if one.lower() not in EVERYONE}
        named = told.pop() if len(told) == 1 else ("" if not told else " and ".join(sorted(told)))
        groups.append(named if named in ("", *GROUP_OF.values()) else None)
        labels.append(named)
    return (pd.Series(np.array(groups, dtype=object)[which], raw.index),
            pd.Series(np.array(labels, dtype=object)[which], raw.index))  # fmt: skip


def _leave_out_twins(raw: Cells, rows: _Rows, columns: list[int]) -> None:
    """Leave out a row that says again what another says; refuse one that says otherwise."""
    kept = np.flatnonzero(rows.why == "")
    key = pd.DataFrame({
        "urn": read_column(raw, "SCHOOL_URN").to_numpy()[kept], "year": rows.year[kept],
        "release": rows.release[kept], "group": rows.group[kept], "subject": rows.subject[kept],
    })  # fmt: skip
    twins = np.flatnonzero(key.duplicated().to_numpy())
    if not len(twins):
        return
    first = pd.Series(kept).groupby(key.groupby(list(key)).ngroup().to_numpy()).transform("first")
    for twin, one in zip(kept[twins], first.to_numpy()[twins], strict=True):
        differs = np.flatnonzero(raw.codes[twin, columns] != raw.codes[one, columns])
        if len(differs):
            raise SourceError(
                f"{raw.at(int(twin), columns[differs[0]])}: the same school, year and pupils as in "
                f"row {raw.rows[one]}, and another figure. Remove the wrong row."
            )
        rows.why[twin] = "a row repeated"


def _as_results(
    raw: Cells, source: Source, columns: dict[int, str], rows: _Rows, own: Array
) -> Results:
    """Lay the rows of one year and release out as one school a row, one measure a column."""
    kept = np.flatnonzero(own & (rows.why == ""))
    part = raw.keep(kept)
    urn = read_urns(part, "SCHOOL_URN").to_numpy()
    reading = read_cells(part, np.array(list(columns)))
    values, reasons, met, notes = {}, {}, [], list[str]()
    for name, j, at in _list_figures(columns, rows.subject[kept], rows.group[kept]):
        cells, index = part.codes[at, j], pd.Index(urn[at], name="urn")
        value, why = reading.value[cells], reading.why[cells].copy()
        value, strays = _raise_fractions(part, source, name, j, (at, value))
        why[strays] = ALL_REASONS.index(IMPOSSIBLE)
        wrong, told = find_impossible(part, (name, j), at, value, why)
        value[wrong], why[wrong] = np.nan, ALL_REASONS.index(IMPOSSIBLE)
        notes += told
        told = pd.Series(np.array([*ALL_REASONS, None], dtype=object)[why], index)
        if not told.eq(NOT_APPLICABLE).all():  # else nothing of the kind was taken that year
            values[name], reasons[name] = pd.Series(value, index), told
        met.append(pd.DataFrame({"column": raw.header[j], "code": cells, "reason": told.array}))
    order = [name for name in MEASURES if name in values]
    table = pd.DataFrame(values, pd.Index(np.unique(urn), name="urn"), order)
    why = pd.DataFrame(reasons, table.index, order)
    why = why.mask(table.isna() & why.isna(), NO_ROW).astype("str")
    no_totals = pd.MultiIndex.from_arrays([[], []], names=["level", "la"])
    no_years = pd.MultiIndex.from_arrays([[], []], names=["year", "measure"])
    return Results(
        source, table, why, _identify(part, urn).reindex(table.index).astype(IDENTITY),
        pd.DataFrame(index=no_totals, columns=order, dtype=float),
        pd.DataFrame(index=table.index, columns=no_years),
        replace(_account(raw, source, columns, pd.Series(rows.why[own]), pd.concat(met)),
                notes=(*notes, *raw.notes)),
    )  # fmt: skip


def _list_figures(
    columns: dict[int, str], subject: Array, group: Array
) -> Iterator[tuple[str, int, Array]]:
    """List each measure with its column and its rows."""
    which, distinct = pd.factorize(pd.Series(list(zip(subject, group, strict=True)), dtype=object))
    for n, (one, pupils) in enumerate(distinct):
        at = np.flatnonzero(which == n)
        for j, pattern in columns.items():
            name = _name_measure(pattern, one, pupils)
            if name:
                yield name, j, at


def _raise_fractions(
    part: Cells, source: Source, name: str, j: int, of: tuple[Array, Array]
) -> tuple[Array, Array]:
    """Return a measure's figures, fractions of a percentage raised, and those that cannot be."""
    at, value = of
    texts = [str(text).strip() for text in part.texts[part.codes[at, j]]]
    bare = ~np.isnan(value) & np.array([not text.endswith("%") for text in texts], dtype=bool)
    told, own = said_of(source.shares, part.header[j]), value[bare]
    between = ((own > 0) & (own < 1)).any()
    if not MEASURES[name].percent or not between or told == PERCENT:
        return value, np.zeros(len(at), dtype=bool)
    if (own > 1).any() or (~np.isnan(value) & ~bare).any():
        return value, find_strays(texts, value, np.full(len(at), np.nan), False)
    if told is None:
        written = [text for text, plain in zip(texts, bare, strict=True) if plain]
        raise SourceError(f"{part.file}, column {part.header[j]}: {ask(written, part.header[j])}")
    value[bare] = [raise_text(text) for text, plain in zip(texts, bare, strict=True) if plain]
    return value, np.zeros(len(at), dtype=bool)


def _identify(part: Cells, urn: Array) -> pd.DataFrame:
    """Read what the rows say of each school, once each; index `urn`."""
    first = np.sort(np.unique(urn, return_index=True)[1])
    one = part.keep(first)
    both = pd.to_numeric(read_column(one, "SCHOOL_LAESTAB"), errors="coerce")
    both = both.where(both.between(1_000_000, 9_999_999) & (both % 1 == 0))
    la = pd.to_numeric(read_column(one, "OLD_LA_CODE"), errors="coerce").fillna(both // 10_000)
    kind = read_column(one, "ESTABLISHMENT_TYPE_GROUP", "SCHOOL_TYPE")
    special = kind.str.contains("special", case=False, regex=False)
    record = special.map({True: SPECIAL, False: MAINSTREAM}).where(kind.ne(""), NOT_STATED)
    frame = pd.DataFrame({
        "row": one.rows, "la": la.where(la.between(100, 999)), "estab": both % 10_000,
        "name": read_column(one, "SCHOOL_NAME"), "record": record, "type": kind,
        "age_range": read_column(one, "AGERANGE"), "urn_ac": pd.NA,
    }).replace("", None)  # fmt: skip
    return frame.set_index(pd.Index(urn[first], name="urn"))


def _account(
    raw: Cells, source: Source, columns: dict[int, str], why: pd.Series, met: pd.DataFrame
) -> Ledger:
    """Add up what became of the rows and cells of one year and release."""
    words = [j for name, j in raw.columns.items() if name in WORDS and j not in columns]
    without = met[met["reason"].notna()]
    codes = without.value_counts(sort=False).rename("cells").reset_index()
    codes["code"] = raw.texts[codes["code"]]
    reasons = codes.groupby("reason", sort=False)["cells"].sum()
    n, figures = len(why), len(met) - len(without)
    unread = n * (len(raw.header) - len(words)) - len(met)
    return Ledger(
        source.file, source.kind, source.year, source.release, n, int((why == "").sum()),
        left_out={str(one): int(n) for one, n in why[why != ""].value_counts().items()},
        cells_in=n * len(raw.header), values=figures, words=n * len(words), unread=unread,
        reasons={one: int(reasons[one]) for one in ALL_REASONS if one in reasons.index},
        columns_unread=tuple(
            one for j, one in enumerate(raw.header) if j not in columns and j not in words
        ),
        codes=codes,
    )  # fmt: skip

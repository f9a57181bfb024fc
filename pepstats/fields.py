"""A table's columns read as words, numbers, dates and URNs; a refusal names row and column."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from pepstats.cells import URN, Cells, read_number, reason_of
from pepstats.errors import SourceError
from pepstats.sources import Source


@dataclass(frozen=True)
class Tidied:
    """A cleaned table, and the rows of its file that are not in it, counted by why."""

    frame: pd.DataFrame = field(repr=False)
    left_out: dict[str, int]


def read_column(raw: Cells, source: Source, *names: str, optional: bool = False) -> pd.Series:
    """Give a column's text by any of its published names, without blanks round it."""
    for name, j in raw.columns.items():
        if name in names:
            return pd.Series(raw.column(j), index=raw.index, dtype="str")
    if optional:
        return pd.Series("", index=raw.index, dtype="str")
    raise SourceError(f"{source.file}, row 1: there is no column {' or '.join(names)}.")


def refuse(rows: pd.Index, text: pd.Series, source: Source, column: str, what: str) -> None:
    """Stop at the first of these rows, if there is one: file, row, column, what stands there."""
    if len(rows):
        first = rows.min()
        found = f"`{text[first][:40]}`" if text[first] else "a blank"
        raise SourceError(
            f"{source.file}, row {first}, column {column}: {found} {what} ({len(rows):,} rows)."
        )


def read_urns(raw: Cells, source: Source, *names: str) -> pd.Series:
    """Read a column of URNs, by any of its published names."""
    text, name = read_column(raw, source, *names), names[0]
    wrong = text.index[~text.str.fullmatch(URN.pattern)]
    refuse(wrong, text, source, name, "is not a URN of six or seven digits")
    return text.str.removesuffix(".0").astype("int64")


def read_numbers(text: pd.Series, source: Source, name: str) -> pd.Series:
    """Read a column of figures; missing where it is blank or holds a code we know."""
    known_blank = text.map(lambda one: reason_of(one) is not None or one in ("n/a", "NULL"))
    value = text.map(lambda one: read_number(one) if one else None).astype(float)
    refuse(text.index[value.isna() & ~known_blank], text, source, name, "is not a number")
    return value


def read_whole(text: pd.Series, source: Source, name: str, least: int, most: int) -> pd.Series:
    """Read a column of whole numbers from `least` to `most`; missing as in `read_numbers`."""
    value = read_numbers(text, source, name)
    fine = value.isna() | (value.between(least, most) & (value % 1 == 0))
    refuse(text.index[~fine], text, source, name, f"is not a whole number from {least} to {most}")
    return value.astype("Int64")


def read_dates(text: pd.Series, source: Source, name: str) -> pd.Series:
    """Read dates of 1700 to 2100, as 2018-04-01, 01-04-2018 or 01/04/2018; missing where blank."""
    plain = text.str.slice(0, 10).str.replace("/", "-", regex=False)
    iso = pd.to_datetime(plain, format="%Y-%m-%d", errors="coerce")
    date = iso.fillna(pd.to_datetime(plain, format="%d-%m-%Y", errors="coerce"))
    wrong = text.index[~date.dt.year.between(1700, 2100) & text.ne("")]
    form = "is not a date of 1700 to 2100 such as 2018-04-01 or 01-04-2018"
    refuse(wrong, text, source, name, form)
    return date


def read_words(text: pd.Series) -> pd.Series:
    """Give words, missing where there are none."""
    return text.where(text.ne(""))


def keep_once(frame: pd.DataFrame, key: list[str], source: Source) -> pd.DataFrame:
    """Keep each key once; a second row must say the same as the first."""
    frame = frame.drop_duplicates()
    twins = frame[frame.duplicated(key, keep=False)]
    if len(twins):
        rows = ", ".join(str(row) for row in twins.index[:4])
        raise SourceError(
            f"{source.file}, rows {rows}: URN {twins['urn'].iloc[0]} is given twice and differs. "
            "Remove the wrong row."
        )
    return frame

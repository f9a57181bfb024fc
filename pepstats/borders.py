"""What each table must be at the border: its columns, types, ranges and key.

The kept library `pandera` checks; its findings are put in the reader's terms. It is imported only
when a table is held to its border.
"""

from __future__ import annotations

from typing import Any, Literal

import pandas as pd

from pepstats.errors import SourceError

Table = Literal["register", "links", "trusts", "ofsted", "schools"]
PHASES = ("primary", "secondary", "all-through", "special")
SCHOOL_TYPES = (
    "primary",
    "junior",
    "middle",
    "all-through",
    "infant",
    "secondary",
    "special",
    "unknown",
)
GOVERNANCE = ("maintained", "academy", "unknown")
WORDS = {
    "in_range": "outside what it can be",
    "isin": "none of the known words",
    "not_nullable": "missing",
    "field_uniqueness": "given twice",
    "multiple_fields_uniqueness": "given twice",
    "column_in_dataframe": "a column that is not there",
}


def hold(frame: pd.DataFrame, table: Table, file: str) -> pd.DataFrame:
    """Give a table back as it is, or raise `SourceError` with everything wrong in it at once."""
    from pandera.errors import SchemaErrors

    try:
        _schema(table).validate(frame, lazy=True)
    except SchemaErrors as error:
        raise SourceError(_say(error.failure_cases, frame, table, file)) from None
    return frame


def _say(cases: pd.DataFrame, frame: pd.DataFrame, table: str, file: str) -> str:
    """Put the library's findings in words: which column, what is wrong, how often, where first."""
    said = []
    for (column, check), wrong in cases.groupby(["column", "check"], sort=False, dropna=False):
        name = column if isinstance(column, str) else frame.index.name
        kind = str(check).split("(")[0]
        what = WORDS.get(kind, f"not {kind}" if kind.startswith("dtype") else str(check))
        key = wrong["index"].dropna()
        first = f", first at {frame.index.name or 'row'} {key.iloc[0]}" if len(key) else ""
        shown = ", ".join(f"`{str(value)[:40]}`" for value in wrong["failure_case"].head(3))
        said.append(f"column {name}: {shown} {what} ({len(wrong):,} rows{first})")
    return f"{file}, {table}: {'; '.join(said)}."


def _schema(table: Table) -> Any:
    """Build one table's schema: the library's objects are made only when asked for."""
    import pandera.pandas as pa

    def integer(low: int, high: int, *, missing: bool = True) -> Any:
        kind = "Int64" if missing else "int64"
        return pa.Column(kind, pa.Check.in_range(low, high), nullable=missing)

    def words(known: tuple[str, ...] | None = None, *, missing: bool = True) -> Any:
        return pa.Column(None, pa.Check.isin(known) if known else None, nullable=missing)

    by_urn = pa.Index("int64", pa.Check.in_range(100_000, 9_999_999), unique=True, name="urn")
    by_school = pa.Index("int64", pa.Check.in_range(100_000, 9_999_999), unique=True, name="school")
    date = pa.Column(
        "datetime64[us]", pa.Check.in_range("1700-01-01", "2100-12-31"), nullable=True, coerce=True
    )
    columns: dict[str, tuple[dict[str, Any], Any]] = {
        "register": ({
            "la": integer(100, 999), "estab": integer(0, 9999), "name": words(),
            "status": words(("open", "closed", "proposed", "unknown"), missing=False),
            "opened": date, "closed": date, "type": words(),
            "governance": words(GOVERNANCE, missing=False), "is_special": pa.Column("bool"),
            "age_low": integer(0, 99), "age_high": integer(0, 99),
            "other_urn": integer(100_000, 9_999_999),
        }, by_urn),
        "links": ({
            "before": integer(100_000, 9_999_999, missing=False),
            "after": integer(100_000, 9_999_999, missing=False),
            "date": date,
            "what": words(("succession", "merger", "split", "amalgamation"), missing=False),
        }, None),
        "trusts": ({"trust": words(missing=False), "joined": date}, by_urn),
        "ofsted": ({"outcome": integer(1, 4), "inspected": date, "published": date}, by_urn),
        "schools": ({
            "name": words(), "la": integer(0, 999, missing=False),
            "phase": words(PHASES, missing=False),
            "school_type": words(SCHOOL_TYPES, missing=False),
            "governance": words(GOVERNANCE, missing=False), "type": words(), "trust": words(),
            "urn": integer(100_000, 9_999_999, missing=False), "urns": words(missing=False),
        }, by_school),
    }  # fmt: skip
    expected, index = columns[table]
    unique = ["before", "after"] if table == "links" else None
    return pa.DataFrameSchema(expected, index=index, unique=unique, strict=False)

"""A published file's cells with their places, each read as a figure or as the reason for none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import NoReturn

import numpy as np
import pandas as pd

from pepstats import codes, layouts
from pepstats.cells import Array
from pepstats.errors import SourceError
from pepstats.sources import Source

NUMBER = re.compile(r"[-+]?(\d{1,12}(\.\d{0,20})?|\.\d{1,20})([eE][-+]?\d{1,2})?%?", re.ASCII)
URN = re.compile(r"([1-9]\d{5,6})(\.0)?", re.ASCII)
REASONS = (*dict.fromkeys(codes.REASONS.values()), codes.BLANK, codes.SPACE, codes.CUT_OFF,
           codes.COMPLEMENT)  # fmt: skip
HAS_VALUE, UNKNOWN = -1, -2


@dataclass(frozen=True)
class Table:
    """A file's cells as numbers of their texts; the last text, -1, is a cell that was cut off."""

    source: Source
    rows: Array
    names: list[str]
    codes: Array
    texts: Array

    @cached_property
    def columns(self) -> dict[str, int]:
        """Give each column's position by its name in capitals."""
        return {layouts.tidy(name): j for j, name in enumerate(self.names)}

    @cached_property
    def _stripped(self) -> Array:
        texts = ["" if text is None else text.strip() for text in self.texts]
        return np.array(texts, dtype=object)

    def column(self, j: int) -> Array:
        """Give one column's texts without blanks round them; cut-off cells are empty."""
        return np.asarray(self._stripped[self.codes[:, j]])

    def at(self, row: int, j: int) -> str:
        """Say where a cell is, in the file's own lines and column names."""
        return f"{self.source.file}, row {self.rows[row]}, column {self.names[j]}"

    def stop(self, rows: Array, j: int, what: str) -> NoReturn:
        """Stop at the first of some rows, saying how many there are; `what` may hold {text}."""
        first = int(rows[0])
        text = str(self.column(j)[first])[:40]
        more = f" ({len(rows):,} rows)" if len(rows) > 1 else ""
        raise SourceError(f"{self.at(first, j)}: {what.format(text=text)}{more}.")


def lay_on_table(raw: pd.DataFrame, source: Source) -> Table:
    """Give a frame of text as a table of numbered cells."""
    rows, names = raw.index.to_numpy(), [str(name) for name in raw.columns]
    kinds = list(raw.dtypes)
    if kinds and isinstance(kinds[0], pd.CategoricalDtype) and all(k is kinds[0] for k in kinds):
        grid = np.empty(raw.shape, dtype=np.int32, order="F")
        for j in range(raw.shape[1]):
            grid[:, j] = raw.iloc[:, j].cat.codes
        texts = kinds[0].categories.to_numpy()
    else:
        flat, texts = pd.factorize(raw.astype(object).to_numpy().ravel())
        grid = flat.reshape(raw.shape)
    return Table(source, rows, names, grid, np.array([*texts, None], dtype=object))


def read_number(text: str) -> float | None:
    """Read a published figure: `64%`, `66.2%`, `16.2`, `-0.5`; None when it is no number."""
    text = text.strip()
    return float(text.removesuffix("%")) if NUMBER.fullmatch(text) else None


def reason_of(text: str | None) -> str | None:
    """Say why a published cell holds no number; None when its code is not known."""
    if text is None:
        return codes.CUT_OFF
    if text == "":
        return codes.BLANK
    return codes.SPACE if text.isspace() else codes.REASONS.get(text.strip().upper())


@dataclass(frozen=True)
class Reading:
    """What each of a table's texts is where it stands for a figure.

    Attributes
    ----------
    value, why
        For each text: its value, or the number of its reason (`HAS_VALUE` where it is a figure).
    used
        Whether the text stands in a column of figures at all.
    """

    value: Array
    why: Array
    used: Array


def find_used(table: Table, columns: Array) -> Array:
    """Say of each text whether it stands in some columns; the last is a cell that was cut off."""
    used = np.zeros(len(table.texts), dtype=bool)
    for j in columns:
        used[table.codes[:, j]] = True
    return used


def read_cells(table: Table, numeric: Array) -> Reading:
    """Say what each distinct text is in the columns that hold figures.

    Raises `SourceError` for a code that nobody knows and for a percentage outside 0 to 100,
    naming columns and rows.
    """
    used = find_used(table, numeric)
    value_of = np.full(len(table.texts), np.nan)
    why_of = np.full(len(table.texts), HAS_VALUE, dtype=np.int8)
    why_of[-1] = REASONS.index(codes.CUT_OFF)
    percent = []
    for code in np.flatnonzero(used[:-1]):
        text = table.texts[code]
        number = read_number(text)
        if number is not None:
            value_of[code] = number
            if text.strip().endswith("%") and not 0 <= number <= 100:
                percent.append(code)
            continue
        reason = reason_of(text)
        why_of[code] = UNKNOWN if reason is None else REASONS.index(reason)
    for wrong, what in (
        (np.flatnonzero(why_of == UNKNOWN), "neither a number nor a code we know"),
        (np.array(percent), "a percentage that cannot be"),
    ):
        if len(wrong):
            _stop_at(table, numeric, wrong, what)
    return Reading(value_of, why_of, used)


def _stop_at(table: Table, numeric: Array, wrong: Array, what: str) -> NoReturn:
    """Stop with every wrong text by column: in how many rows, and where first."""
    cells = table.codes[:, numeric]
    rows, columns = np.nonzero(np.isin(cells, wrong))
    met = pd.DataFrame({
        "row": table.rows[rows], "column": np.array(table.names)[numeric[columns]],
        "text": [str(t)[:40] for t in table.texts[cells[rows, columns]]],
    })  # fmt: skip
    kinds = met.groupby(["column", "text"], sort=False)["row"].agg(["min", "size"]).reset_index()
    top = kinds.head(5)
    said = [
        f"row {row}, column {column}: `{text}` ({n:,} row(s))"
        for column, text, row, n in zip(
            top["column"], top["text"], top["min"], top["size"], strict=True
        )
    ]
    raise SourceError(
        f"{table.source.file}: {what}: {'; '.join(said)}{' and more' if len(kinds) > 5 else ''}. "
        "Mend the file; a new code of the Department's belongs in REASONS in pepstats/codes.py."
    )

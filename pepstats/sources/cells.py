"""A published file's cells with their places, each read as a figure or as the reason for none."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, count
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
import pandas as pd

from pepstats.errors import SourceError
from pepstats.measures import BLANK, COMPLEMENT, CUT_OFF, REASONS, SPACE
from pepstats.sources.layouts import tidy_column

Array = npt.NDArray[Any]
NUMBER = re.compile(r"[-+]?(\d{1,12}(\.\d{0,20})?|\.\d{1,20})([eE][-+]?\d{1,2})?%?", re.ASCII)
URN = re.compile(r"([1-9]\d{5,6})(\.0)?", re.ASCII)
ALL_REASONS = (*dict.fromkeys(REASONS.values()), BLANK, SPACE, CUT_OFF, COMPLEMENT)
HAS_VALUE, UNKNOWN = -1, -2
MOST_NAMED = 5  # wrong texts in one message


@dataclass(frozen=True)
class Cells:
    """Every cell of a file as the number of its text."""

    file: str  # what messages call it
    header: list[str]  # as published; a column without a name is called by its position
    rows: Array  # the file's own line on which each row starts (the header is line 1)
    codes: Array  # row by column: which of `texts` a cell holds; -1 where the row was cut off
    texts: Array  # the distinct texts as published, and None as the last, for cells cut off
    spilled: int = 0  # cells beyond the header's last column, which are not read

    def keep(self, rows: Array) -> Cells:
        """Return some of the rows alone."""
        return replace(self, rows=self.rows[rows], codes=self.codes[rows], spilled=0)

    @cached_property
    def columns(self) -> dict[str, int]:
        """Each column's position by its name in capitals."""
        return {tidy_column(name): j for j, name in enumerate(self.header)}

    @cached_property
    def index(self) -> pd.Index:
        """The rows' lines as the index of a frame."""
        return pd.Index(self.rows, name="row")

    @cached_property
    def _stripped(self) -> Array:
        texts = ["" if text is None else text.strip() for text in self.texts]
        return np.array(texts, dtype=object)

    def column(self, j: int) -> Array:
        """Return one column's texts without blanks round them; cut-off cells are empty."""
        return np.asarray(self._stripped[self.codes[:, j]])

    def text_of(self, j: int | None) -> Array:
        """Return one column's texts, all empty where the file does not have it."""
        return np.full(len(self.rows), "", dtype=object) if j is None else self.column(j)

    def at(self, row: int, j: int) -> str:
        """Name a cell's place, in the file's own lines and column names."""
        return f"{self.file}, row {self.rows[row]}, column {self.header[j]}"

    def frame(self) -> pd.DataFrame:
        """Return the cells as a table of text, missing where a row was cut off; index `row`."""
        return pd.DataFrame(self.texts[self.codes], self.index, self.header, dtype=object)

    def text(self, j: int) -> pd.Series:
        """Return one column's texts by row, named as the file names the column."""
        return pd.Series(self.column(j), self.index, name=self.header[j], dtype="str")

    def refuse(self, wrong: Array | pd.Series, text: pd.Series, what: str, hint: str = "") -> None:
        """Stop at the first wrong row of a column, if there is one, with what stands there."""
        rows = self.index[wrong]
        if len(rows):
            found = f"`{text[rows[0]][:60]}`" if text[rows[0]] else "a blank"
            place = f"{self.file}, row {rows[0]}, column {text.name}"
            raise SourceError(f"{place}: {found} {what} ({len(rows):,} rows).{hint}")


def number_cells(file: str, header: list[str], rows: Iterable[tuple[int, list[str]]]) -> Cells:
    """Number the texts of a table's rows, each given with its line; a short row was cut off."""
    numbers: dict[str | None, int] = defaultdict(count(1).__next__, {None: -1, "": 0})
    lines: list[int] = []
    spilled = 0

    def fill() -> Iterator[Sequence[str | None]]:
        nonlocal spilled
        for line, cells in rows:
            lines.append(line)
            spilled += max(0, len(cells) - len(header))
            yield cells[: len(header)]
            yield [None] * (len(header) - len(cells))

    flat = np.fromiter(map(numbers.__getitem__, chain.from_iterable(fill())), dtype=np.int32)
    codes = flat.reshape(len(lines), len(header))
    texts = np.array([*list(numbers)[1:], None], dtype=object)
    return Cells(file, header, np.array(lines, dtype=np.int64), codes, texts, spilled)


def read_number(text: str) -> float | None:
    """Read a published figure: `64%`, `66.2%`, `16.2`, `-0.5`; None when it is no number."""
    text = text.strip()
    return float(text.removesuffix("%")) if NUMBER.fullmatch(text) else None


def reason_of(text: str | None) -> str | None:
    """Return why a published cell holds no number; None when its code is not known."""
    if text is None:
        return CUT_OFF
    if text == "":
        return BLANK
    return SPACE if text.isspace() else REASONS.get(text.strip().upper())


@dataclass(frozen=True)
class Reading:
    """What each of a table's texts is where it stands for a figure."""

    value: Array
    why: Array  # the number of its reason in ALL_REASONS, HAS_VALUE where it is a figure


def read_cells(table: Cells, numeric: Array) -> Reading:
    """Read each distinct text of the columns that hold figures as a value or a reason.

    Raises `SourceError` for a code that nobody knows and for a percentage outside 0 to 100,
    naming columns and rows.
    """
    used = np.zeros(len(table.texts), dtype=bool)
    used[table.codes[:, numeric]] = True
    value_of = np.full(len(table.texts), np.nan)
    why_of = np.full(len(table.texts), HAS_VALUE, dtype=np.int8)
    why_of[-1] = ALL_REASONS.index(CUT_OFF)
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
        why_of[code] = UNKNOWN if reason is None else ALL_REASONS.index(reason)
    unknown = np.flatnonzero(why_of == UNKNOWN)
    if len(unknown):
        _stop_at(table, numeric, unknown, "neither a number nor a code we know")
    if percent:
        _stop_at(table, numeric, np.array(percent), "a percentage that cannot be")
    return Reading(value_of, why_of)


def _stop_at(table: Cells, numeric: Array, wrong: Array, what: str) -> NoReturn:
    """Stop with every wrong text by column: in how many rows, and where first."""
    cells = table.codes[:, numeric]
    rows, columns = np.nonzero(np.isin(cells, wrong))
    met = pd.DataFrame({"row": rows, "j": numeric[columns], "code": cells[rows, columns]})
    said = [
        f"row {table.rows[part['row'].iloc[0]]}, column {table.header[j]}: "
        f"`{str(table.texts[code])[:40]}` ({len(part):,} row(s))"
        for (j, code), part in met.groupby(["j", "code"], sort=False)
    ]
    more = " and more" if len(said) > MOST_NAMED else ""
    raise SourceError(
        f"{table.file}: {what}: {'; '.join(said[:MOST_NAMED])}{more}. Mend the file. If the "
        "Department has a new code, report it so that it can be added."
    )

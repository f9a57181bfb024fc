"""A published file's cells with their places, each read as a figure or as the reason for none."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from itertools import chain, count
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
import pandas as pd

from pepstats.errors import SourceError
from pepstats.measures import BLANK, COMPLEMENT, CUT_OFF, IMPOSSIBLE, REASONS, SPACE, SUPPRESSED
from pepstats.sources.layouts import tidy_column

Array = npt.NDArray[Any]
NUMBER = re.compile(
    r"[-+]?((\d{1,12}|\d{1,3}(,\d{3})+)(\.\d{0,20})?|\.\d{1,20})([eE][-+]?\d{1,2})?\s?%?", re.ASCII
)
URN = re.compile(r"([1-9][0-9]{5,6})(\.0)?")
WRITTEN_OTHERWISE = re.compile(r"([1-9])\.([0-9]{5})[eE]\+?0?5|([1-9][0-9]{2}),([0-9]{3})")
"""The same number as a spreadsheet writes it, where no digit is lost: `9.00101E+05`, `900,101`."""
EXCEL_ERROR = re.compile(r"#(N/A|REF!|DIV/0!|VALUE!|NAME\?|NUM!|NULL!|SPILL!|CALC!)", re.I)
FEWER_THAN = re.compile(r"(<|<=|\u2264)\s?[0-9]{1,2}")
BRACKETED = re.compile(r"\[\s*(.+?)\s*\]|\(\s*(.+?)\s*\)")
ALL_REASONS = (*dict.fromkeys(REASONS.values()), BLANK, SPACE, CUT_OFF, COMPLEMENT, IMPOSSIBLE)
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
    unended: bool = False  # whether the last row has no line end
    doubts: tuple[str, ...] = ()  # what may be wrong with a row
    set_aside: Mapping[str, int] = field(default_factory=dict)  # rows round the table, by what
    declared: Mapping[str, str] = field(default_factory=dict)  # reasons by the study's own codes

    def keep(self, rows: Array) -> Cells:
        """Return some of the rows alone."""
        return replace(self, rows=self.rows[rows], codes=self.codes[rows], spilled=0, set_aside={})

    @property
    def notes(self) -> tuple[str, ...]:
        """What there is to say of the file as it was copied."""
        said = "has no line end: if the file was cut off, its last cell may be cut short"
        return (*self.doubts, *([f"row {self.rows[-1]}, the last, {said}"] if self.unended else []))

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


BLANK_ROW, BELOW = "a blank row", "a note below the table"
_NOTE = re.compile(r"[^\W\d_]{3,}.*\s|\s.*[^\W\d_]{3,}|(source|notes?|footnotes?|total)\b", re.I)


def leave_notes_out(table: Cells, above: Mapping[str, int]) -> Cells:
    """Leave out rows in which nothing stands, and notes below the rows; both are counted.

    A note is a phrase or two in a row without a school's number or a record type, none of them
    what a row above has in its place: that is a row cut off. A table that has neither column keeps
    all its rows.
    """
    keys = [table.columns[name] for name in ("URN", "SCHOOL_URN", "RECTYPE")
            if name in table.columns]  # fmt: skip
    if not keys:
        return replace(table, set_aside={what: n for what, n in above.items() if n})
    blank = np.array([not (text or "").strip() for text in table.texts])
    filled = ~blank[table.codes]
    kept = np.flatnonzero(filled.any(axis=1))
    rows, end = table.codes[kept], len(kept)
    while end and filled[kept[end - 1]].sum() <= 2 and _is_note(table, rows[:end], keys):
        end -= 1
    parts = {**above, BLANK_ROW: len(table.rows) - len(kept), BELOW: len(kept) - end}
    return replace(
        table, rows=table.rows[kept[:end]], codes=rows[:end],
        set_aside={what: n for what, n in parts.items() if n},
    )  # fmt: skip


def _is_note(table: Cells, rows: Array, keys: list[int]) -> bool:
    row = rows[-1]
    words = {j: text for j, text in enumerate(table.texts[row]) if text and text.strip()}
    numbered = any(read_number(table.texts[row[j]] or "") is not None for j in keys)
    as_above = any((rows[:-1, j] == row[j]).any() for j in words)
    return not numbered and not as_above and any(map(_NOTE.search, words.values()))


def read_number(text: str) -> float | None:
    """Read a published figure: `64%`, `66.2%`, `1,234`, `-0.5`; None when it is no number."""
    text = text.strip().replace("\u2212", "-")
    return float(text.rstrip("% ").replace(",", "")) if NUMBER.fullmatch(text) else None


def hundredfold(number: str) -> str:
    """Return a figure's hundredfold to the last digit: `71` of `0.71`, where a product is not."""
    return f"{Decimal(number).scaleb(2).normalize():f}"


def read_urn(text: str) -> int | None:
    """Read a school's number, also as a spreadsheet writes it; None where a digit may be lost."""
    if match := URN.fullmatch(text):
        return int(match[1])
    other = WRITTEN_OTHERWISE.fullmatch(text)
    return int("".join(part for part in other.groups() if part)) if other else None


def reason_of(text: str | None, declared: Mapping[str, str] | None = None) -> str | None:
    """Return why a published cell holds no number; None when its code is not known.

    A code may stand in brackets (`[c]`), a small count as `<5`; `declared` are a study's own codes.
    """
    if text is None:
        return CUT_OFF
    if text == "":
        return BLANK
    code = text.strip().upper()
    if declared and code in declared:
        return declared[code]
    if FEWER_THAN.fullmatch(code):
        return SUPPRESSED
    if EXCEL_ERROR.fullmatch(code):
        return IMPOSSIBLE
    inside = BRACKETED.fullmatch(code)
    return SPACE if not code else REASONS.get((inside[1] or inside[2]) if inside else code)


@dataclass(frozen=True)
class Reading:
    """What each of a table's texts is where it stands for a figure."""

    value: Array
    why: Array  # the number of its reason in ALL_REASONS, HAS_VALUE where it is a figure
    signed: Array  # whether it is written with a percent sign


def read_cells(table: Cells, numeric: Array) -> Reading:
    """Read each distinct text of the columns that hold figures as a value or a reason.

    A percentage outside 0 to 100 is no value. Raises `SourceError` for a code that nobody knows,
    naming columns and rows.
    """
    used = np.zeros(len(table.texts), dtype=bool)
    used[table.codes[:, numeric]] = True
    value_of = np.full(len(table.texts), np.nan)
    why_of = np.full(len(table.texts), HAS_VALUE, dtype=np.int8)
    why_of[-1] = ALL_REASONS.index(CUT_OFF)
    signed = np.array([text is not None and text.rstrip().endswith("%") for text in table.texts])
    for code in np.flatnonzero(used[:-1]):
        text = table.texts[code]
        number = read_number(text)
        if number is None:
            reason = reason_of(text, table.declared)
            why_of[code] = UNKNOWN if reason is None else ALL_REASONS.index(reason)
        elif signed[code] and not 0 <= number <= 100:
            why_of[code] = ALL_REASONS.index(IMPOSSIBLE)
        else:
            value_of[code] = number
    unknown = np.flatnonzero(why_of == UNKNOWN)
    if len(unknown):
        _stop_at(table, numeric, unknown)
    return Reading(value_of, why_of, signed)


def _stop_at(table: Cells, numeric: Array, wrong: Array) -> NoReturn:
    """Stop with every unknown code by column: in how many rows, and where first."""
    cells = table.codes[:, numeric]
    rows, columns = np.nonzero(np.isin(cells, wrong))
    met = pd.DataFrame({"row": rows, "j": numeric[columns], "code": cells[rows, columns]})
    said = [
        f"row {table.rows[part['row'].iloc[0]]}, column {table.header[j][:60]}: "
        f"`{str(table.texts[code])[:40]}` ({len(part):,} row(s))"
        for (j, code), part in met.groupby(["j", "code"], sort=False)
    ]
    more = " and more" if len(said) > MOST_NAMED else ""
    raise SourceError(
        f"{table.file}: neither a number nor a code we know: {'; '.join(said[:MOST_NAMED])}{more}. "
        "If it is a code of your own, say what it means in the report's settings, as "
        '`codes: {"*": suppressed}`; if the Department has a new code, report it so that it can '
        "be added."
    )

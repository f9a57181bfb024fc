"""A published file's cells with their places, each read as a figure or as the reason for none.

A column whose figures all lie between 0 and 1 without a percent sign may hold fractions (0.71 for
71%) or small rates (0.7%). The file settles it: by a total that has its percent sign, or since a
share of a school's pupils is a whole number of them. What neither settles is asked about.
"""

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

    def column(self, j: int | None) -> Array:
        """Return a column's texts without blanks round them, empty where cut off or not there."""
        if j is None:
            return np.full(len(self.rows), "", dtype=object)
        return np.asarray(self._stripped[self.codes[:, j]])

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
    """Read the texts of columns of figures as values or reasons; a code nobody knows is refused."""
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


FRACTION, PERCENT = "fraction", "percent"
STRAY = 0.05  # chance of a figure that is no whole pupils: of another cohort, or mistyped
SURE = 5.0  # log of how much likelier one must be than the other
MOST_PLACES = 3  # decimals told apart
FAR = 20  # so many times less than its schools' mean is no total


class Unsettled(SourceError):
    """Nothing tells of a column whether it holds percentages or fractions."""


@dataclass(frozen=True)
class Share:
    """One column of percentages, and what there is to tell what its figures are.

    Its place; the pupils behind each row's figure (missing where the file does not say) and whether
    a share is of exactly these; whether each row is a school's; what is said of it, and by whom.
    """

    j: int
    pupils: Array
    exact: bool
    schools: Array
    said: str | None
    by: str = "as the study says"


def read_fractions(table: Cells, reading: Reading, share: Share) -> tuple[Array, Array, str]:
    """Return a column as percentages, which of them cannot be, and what was done to them."""
    cells, column = table.codes[:, share.j], table.header[share.j]
    values = reading.value[cells]
    bare = ~np.isnan(values) & ~reading.signed[cells]
    with np.errstate(invalid="ignore"):
        small, some = values <= 1, values > 0
    own, none = bare & share.schools, np.zeros(len(values), dtype=bool)
    signed = share.schools & reading.signed[cells] & ~np.isnan(values)
    if (signed.any() or not small[own].all()) and share.said is None:
        texts = [str(table.texts[code]) for code in cells[share.schools]]
        strays, of = none.copy(), (values[share.schools], share.pupils[share.schools])
        strays[share.schools] = find_strays(texts, *of, share.exact)
        doubtful = find_strays(texts, *of, True).sum() - strays.sum()
        usual = float(np.nanmean(np.where(share.schools & ~strays, values, np.nan)))
        with np.errstate(invalid="ignore"):
            strays |= ~share.schools & bare & small & (values * FAR < usual)
        doubt = f"{column}: {doubtful} under 1% are no whole number of pupils; read as written"
        return values, strays, doubt if doubtful else ""
    if share.said == FRACTION and not small[own].all():
        raise SourceError(f"{table.file}, column {column}: has figures over 1, so no fractions.")
    if not (own & some).any() or share.said == PERCENT:
        return values, none, ""
    others = values[~share.schools & ~(bare & small) & ~np.isnan(values)]
    texts = [str(table.texts[code]) for code in cells[own]]
    told, how = share.said, share.by
    if told is None and len(others):
        told, how = _by_totals(others, float(np.mean(values[own]))), "by the total's percentage"
    if told is None:
        told, how = by_pupils(texts, share.pupils[own]), "by whole pupils"
    if told is None:
        raise Unsettled(f"{table.file}, column {column}: {ask(texts, column)}")
    if told == PERCENT:
        return values, none, ""
    bare &= small
    values[bare] = [raise_text(str(table.texts[code])) for code in cells[bare]]
    return values, none, f"{column}: {bare.sum():,} fractions read as percentages, {how}"


def find_strays(texts: Sequence[str], values: Array, pupils: Array, exact: bool) -> Array:
    """Find figures of 0 to 1 among percentages that must be fractions.

    They are no whole pupils as percentages, and are written otherwise than the rest: without a
    percent sign, with more decimals, or of a cohort that the shares are exactly of.
    """
    strays = np.zeros(len(values), dtype=bool)
    signed = np.array([text.rstrip().endswith("%") for text in texts], dtype=bool)
    with np.errstate(invalid="ignore"):
        low = ~signed & (values > 0) & (values <= 1)
    rest = ~low & ~np.isnan(values)
    if not low.any() or not rest.any():
        return strays
    usual = max(_places(texts[int(row)]) for row in np.flatnonzero(rest))
    for row in np.flatnonzero(low):
        places, of = _places(texts[int(row)]), pupils[[row]] / 100
        otherwise = signed.any() or places > usual or (exact and of[0] > 0)
        told = _places(texts[int(row)], zeros=False)  # `1.0` may be a whole per cent as saved
        strays[row] = otherwise and not any(
            _whole(values[[row]], of, 10**n)[0] for n in {places, told}
        )
    return strays


def _places(text: str, *, zeros: bool = True) -> int:
    """Count a figure's decimals, with or without the zeros at their end."""
    decimals = text.strip().rstrip("% ").partition(".")[2]
    return min(len(decimals if zeros else decimals.rstrip("0")), 6)


def ask(texts: Sequence[str], column: str) -> str:
    """Return the question that nothing in a file answers."""
    return (
        f"every figure is between 0 and 1 (`{texts[0].strip()[:20]}`, ...). Are they fractions "
        "(0.71 for 71%) or percentages? Nothing in the file tells. Say so at its line among the "
        f"report's sources, as `shares: {{{column[:60]}: fraction}}`, or `percent`."
    )


def raise_text(text: str) -> float:
    """Return a fraction's hundredfold, exact to its last digit."""
    return float(hundredfold(text.strip().replace(",", "")))


def _by_totals(totals: Array, mean: float) -> str:
    """Find whether the schools' mean or its hundredfold is near the totals."""
    apart = [abs(np.log(max(float(np.median(totals)), 0.01) / (mean * by))) for by in (1, 100)]
    return PERCENT if apart[0] < apart[1] else FRACTION


def by_pupils(texts: Sequence[str], pupils: Array) -> str | None:
    """Find which is likelier, that figures are percentages or fractions of whole pupils.

    Each way, so many shares of a cohort can be written to the decimals of the figures; the way by
    which fewer could be, and yet these are, is the likelier. None where neither is by far.
    """
    values = np.array([read_number(text) or 0.0 for text in texts])
    places = min(max(len(text.strip().partition(".")[2]) for text in texts), MOST_PLACES)
    asked = (values > 0) & (pupils > 0)
    values, pupils, grid = values[asked], pupils[asked], 10**places
    written = np.arange(1, grid + 1) / grid
    gain = 0.0
    for sign, by in ((1, 100), (-1, 1)):
        possible = _whole(written[None, :], pupils[:, None] / by, grid).sum(axis=1)
        whole = _whole(values, pupils / by, grid)
        chance = np.where(whole, (1 - STRAY) / np.maximum(possible, 1), 0) + STRAY / grid
        gain += sign * float(np.log(chance).sum())
    return None if abs(gain) < SURE else PERCENT if gain > 0 else FRACTION


def _whole(share: Array, pupils: Array, grid: int) -> Array:
    """Return which shares of pupils, written to a grid, are a whole number of one or more."""
    met = share * pupils
    near = np.abs(met - np.round(met)) <= pupils / grid / 2 + 1e-9
    return np.asarray(near & (np.round(met) >= 1))


def said_of(shares: Mapping[str, str], column: str) -> str | None:
    """Return what a study says of a column's figures, however it writes the column's name."""
    return next((how for name, how in shares.items() if name.upper() == column.upper()), None)

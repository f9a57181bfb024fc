"""What a paper is made of: a small tree of headings, paragraphs, lists, tables and pictures."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from pepstats.formatting import (
    count_words,
    format_interval,
    format_number,
    plain_text,
    round_half_up,
)

SHORT_ROWS, SHORT_LETTERS = 10, 750
EMPTY = "There is nothing to show."
ListKind = Literal["roman", "letters", "bullets"]


@dataclass(frozen=True)
class Entry:
    """One thing a paper may say: its value, how it is written, and the table it came from."""

    value: Any
    text: str
    source: str


@dataclass(frozen=True)
class Figure:
    """A cell of numbers as they are printed, and nothing finer: rounded when it is made.

    `values` has one number or those that are printed together, `parts` what is said of each where
    it stands alone; `text` is how they are printed, `places` how many decimals they have.
    """

    values: tuple[float, ...]
    text: str
    places: int = 0
    unit: str = ""
    parts: tuple[str, ...] = ("",)


Cell = str | Figure
DASH, DASH_NOTE = "–", "A dash: not calculated, or it does not apply."
ENDS = (": from", ": to")


@dataclass(frozen=True)
class PaperTable:
    """A table for readers: cells are words or figures, the first column names the row."""

    caption: str
    columns: tuple[str, ...]
    cells: tuple[tuple[Cell, ...], ...]
    note: str = ""
    empty: str = EMPTY
    widths: tuple[float, ...] = ()

    @property
    def rows(self) -> tuple[tuple[str, ...], ...]:
        """Every cell as it is printed."""
        return tuple(tuple(map(words_of, row)) for row in self.cells)

    @property
    def numeric(self) -> tuple[str, ...]:
        """The columns that hold figures."""
        return tuple(
            column
            for column, *cells in zip(self.columns, *self.cells, strict=True)
            if any(isinstance(cell, Figure) for cell in cells)
        )

    @property
    def description(self) -> str:
        """What a screen reader says of the table before it is read: its rows and its columns."""
        columns = "; ".join(self.columns)
        return f"{count_words(len(self.rows), 'row')}. Columns: {columns}."

    @property
    def short(self) -> bool:
        """Whether it is so short that it should stand on one page."""
        letters = sum(len(cell) for row in self.rows for cell in row)
        return len(self.rows) <= SHORT_ROWS and letters <= SHORT_LETTERS


@dataclass(frozen=True)
class PaperPicture:
    """A picture for readers: its bytes, its words, and the name of the table behind it."""

    svg: bytes
    png: bytes
    alt: str
    caption: str
    table: str


@dataclass(frozen=True)
class Quote:
    """What someone at a school said, and who said it by role."""

    text: str
    role: str


@dataclass(frozen=True)
class Span:
    """A run of words in one look; `entry` names where filled words came from."""

    text: str
    bold: bool = False
    italic: bool = False
    href: str = ""
    entry: str = ""


Words = tuple[Span, ...]


@dataclass(frozen=True)
class Heading:
    """A heading: level 2 is a topic, level 3 a sub-heading; numbered topics have a number."""

    level: int
    words: Words
    number: str
    anchor: str
    new_page: bool = False
    kind: str = "heading"


@dataclass(frozen=True)
class Paragraph:
    """A paragraph, with its number where it has one."""

    words: Words
    number: str = ""
    kind: str = "paragraph"


@dataclass(frozen=True)
class Listing:
    """A list of (i), a. or plain points, each a few blocks."""

    style: ListKind
    items: tuple[tuple[Any, ...], ...]
    kind: str = "list"


@dataclass(frozen=True)
class Box:
    """Words set apart: something to be completed by an officer, or what someone said."""

    blocks: tuple[Any, ...]
    to_complete: bool
    kind: str = "box"


@dataclass(frozen=True)
class TableBlock:
    """A table where it stands in the paper, with its number."""

    name: str
    number: int
    table: PaperTable
    kind: str = "table"


@dataclass(frozen=True)
class PictureBlock:
    """A picture where it stands in the paper, with its number and that of its table."""

    name: str
    number: int
    picture: PaperPicture
    table_number: int = 0
    kind: str = "figure"


@dataclass(frozen=True)
class QuoteBlock:
    """Statements where they stand in the paper."""

    name: str
    quotes: tuple[Quote, ...]
    kind: str = "quotes"


@dataclass(frozen=True)
class NewPage:
    """Where what follows begins on a new page, on paper."""

    kind: str = "page"


Block = NewPage | Heading | Paragraph | Listing | Box | TableBlock | PictureBlock | QuoteBlock


@dataclass(frozen=True)
class Document:
    """A paper ready to be laid out: its heading lines, its blocks and what every page must say."""

    title: str
    facts: tuple[tuple[str, Words], ...]
    blocks: tuple[Block, ...]
    marks: tuple[str, ...]
    date: datetime.date
    author: str
    used: tuple[str, ...] = field(default=(), compare=False)
    beside: str = ""  # the name, without its ending, of the file that the rest stands in
    tables_beside: frozenset[int] = frozenset()

    @property
    def to_complete(self) -> tuple[str, ...]:
        """What officers still have to write, as it stands in the paper."""
        boxes = (block for block in self.blocks if isinstance(block, Box) and block.to_complete)
        return tuple(text_of(box.blocks[0].words) for box in boxes)


APPENDIX = "appendix "  # how the heading begins that opens the second file
APPENDICES = "appendices"
LEADS = "The appendices are a file of their own"


def part_appendices(document: Document, name: str) -> dict[str, Document]:
    """Part a paper into itself and its appendices, by the names of their files.

    `name` is the paper's; each of the two knows the other's and which tables stand there. A paper
    without appendices stays whole.
    """
    start = next(
        (n for n, block in enumerate(document.blocks) if isinstance(block, Heading)
         and block.level == 2 and text_of(block.words).casefold().startswith(APPENDIX)),
        len(document.blocks),
    )  # fmt: skip
    body, rest = document.blocks[:start], document.blocks[start:]
    if not body or not rest:
        return {name: document}
    if isinstance(rest[0], Heading):  # the file begins with it
        rest = (replace(rest[0], new_page=False), *rest[1:])
    beside = f"{name}-{APPENDICES}"
    tables = [
        frozenset(one.number for one in part if isinstance(one, TableBlock))
        for part in (body, rest)
    ]
    return {
        name: replace(document, blocks=body, beside=beside, tables_beside=tables[1]),
        beside: replace(
            document, title=f"{document.title}: {APPENDICES}", facts=(), blocks=rest, beside=name,
            tables_beside=tables[0],
        ),
    }  # fmt: skip


def text_of(words: Words) -> str:
    """Return words without their looks."""
    return "".join(span.text for span in words)


def make_table(
    caption: str,
    columns: Iterable[str] | Mapping[str, float],
    rows: Iterable[Iterable[object]] = (),
    *,
    note: str = "",
    empty: str = EMPTY,
) -> PaperTable:
    """Make a table of words and figures; where `columns` is a mapping it has their widths.

    Where a cell has a dash, the note says what that means.
    """
    cells = tuple(
        tuple(cell if isinstance(cell, Figure) else plain_text(str(cell)) for cell in row)
        for row in rows
    )
    if any(cell == DASH for row in cells for cell in row):
        note = f"{note} {DASH_NOTE}".strip()
    return PaperTable(
        plain_text(caption),
        tuple(plain_text(str(name)) for name in columns),
        cells,
        plain_text(note),
        plain_text(empty),
        tuple(columns.values()) if isinstance(columns, Mapping) else (),
    )


def figure(
    value: float | None,
    places: int = 0,
    *,
    signed: bool = False,
    unit: str = "",
    none: str = DASH,
) -> Cell:
    """Make a cell of one number, rounded half up; where there is no number, words that say so."""
    if value is None or not math.isfinite(value):
        return none
    text = format_number(value, places, signed=signed)
    pounds = unit == "£"
    text = f"£{text}" if pounds else f"{text}{unit}"
    return Figure(_rounded((value,), places), text, places, unit)


def interval(low: float, high: float, places: int = 1, *, none: str = DASH) -> Cell:
    """Make a cell of an interval's two ends."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return none
    return Figure(
        _rounded((low, high), places), format_interval(low, high, places), places, parts=ENDS
    )


def with_interval(found: Iterable[float | None], places: int = 1, *, none: str = DASH) -> Cell:
    """Make a cell of a signed estimate with its interval's two ends in brackets."""
    value, low, high = (math.nan if number is None else number for number in found)
    if not math.isfinite(value):
        return none
    text = f"{format_number(value, places, signed=True)} ({format_interval(low, high, places)})"
    return Figure(_rounded((value, low, high), places), text, places, parts=("", *ENDS))


def with_error(value: float, error: float, places: int = 0, *, signed: bool = False) -> Cell:
    """Make a cell of a number with its standard error in brackets."""
    if not math.isfinite(value):
        return DASH
    text = f"{format_number(value, places, signed=signed)} ({format_number(error, places)})"
    return Figure(_rounded((value, error), places), text, places, parts=("", ": standard error"))


def _rounded(values: Iterable[float], places: int) -> tuple[float, ...]:
    return tuple(float(round_half_up(value, places)) for value in values)


def words_of(cell: Cell) -> str:
    """Return a cell as it is printed."""
    return cell.text if isinstance(cell, Figure) else cell

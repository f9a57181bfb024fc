"""A CSV file's bytes split into cells, each with its row and column.

`pandas.read_csv` pads short rows and keeps no line numbers, so a cell that was cut off cannot be
told from an empty one and a message cannot name its place. Here the separators of a block of whole
rows are found at once; distinct texts are few, so cells are kept as numbers that point at them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
import pandas as pd

from pepstats.errors import SourceError

Array = npt.NDArray[Any]

LONGEST_CELL = 4_000  # characters; the longest published cell is an address of under 200
MOST_CELLS = 60_000_000
BLOCK = 1 << 18  # bytes looked at together: small enough to stay in the processor's cache
BOM = b"\xef\xbb\xbf"
COMMA, NEWLINE, RETURN, QUOTE = (ord(c) for c in ',\n\r"')
_SHORT = 8  # bytes that fit one machine word, which is all but names and addresses
_MASKS = np.array([(1 << (8 * n)) - 1 for n in range(_SHORT)] + [2**64 - 1], dtype=np.uint64)
_OTHER_FILES = {
    b"PK\x03\x04": "a zip or Excel file", b"\xd0\xcf\x11\xe0": "an old Excel file",
    b"%PDF": "a PDF", b"\x1f\x8b": "a compressed file",
    b"\xff\xfe": "UTF-16 text", b"\xfe\xff": "UTF-16 text",
}  # fmt: skip


@dataclass(frozen=True)
class Cells:
    """Every cell of a file as the number of its text.

    Attributes
    ----------
    header
        Column names as published; a column without a name is called by its position.
    rows
        The file's own line on which each row starts (the header is line 1).
    codes
        Row by column: which of `texts` a cell holds; -1 where the row was cut off before it.
    texts
        The distinct texts, exactly as published.
    """

    header: list[str]
    rows: Array
    codes: Array
    texts: list[str]

    def frame(self) -> pd.DataFrame:
        """Give the cells as a table of text, missing where a row was cut off; index `row`."""
        kind = pd.CategoricalDtype(pd.Index(self.texts, dtype=object))
        columns = {
            name: pd.Categorical.from_codes(self.codes[:, j], dtype=kind, validate=False)
            for j, name in enumerate(self.header)
        }
        return pd.DataFrame(columns, index=pd.Index(self.rows, name="row"), copy=False)


@dataclass(frozen=True)
class _Block:
    """Some whole rows of a file: where each cell starts and ends, and each row begins."""

    file: str
    header: list[str]
    content: bytes
    first_line: int
    starts: Array
    ends: Array
    first_of_row: Array
    newlines: Array
    marks: Array  # where quotation marks are

    @property
    def widths(self) -> Array:
        """Count the cells of each row."""
        return np.diff(np.append(self.first_of_row, len(self.starts)))

    def lines(self) -> Array:
        """Give the file's own line of each row: a cell in quotation marks may hold line ends."""
        before = np.searchsorted(self.newlines, self.starts[self.first_of_row])
        return np.asarray(self.first_line + before)

    def stop(self, at: int, what: str) -> NoReturn:
        """Stop with the row and column of a byte of the block."""
        cell = int(np.searchsorted(self.starts, at, "right")) - 1
        row = int(np.searchsorted(self.first_of_row, cell, "right")) - 1
        column = cell - int(self.first_of_row[row])
        called = f" ({self.header[column][:60]})" if column < len(self.header) else ""
        raise SourceError(
            f"{self.file}, row {self.lines()[row]}, column {column + 1}{called}: {what}. "
            "Download the file again, or mend that cell."
        )


def split_cells(content: bytes, file: str) -> Cells:
    """Split a comma-separated file into cells, refusing what cannot be a published table."""
    content = _as_rows(content, file)
    try:
        return _split(content, file)
    except UnicodeDecodeError:
        return _split(_from_windows(content, file), file)


def _split(content: bytes, file: str) -> Cells:
    """Split UTF-8 bytes into cells, block by block."""
    header, after = _read_names(content, file)
    numbers: dict[bytes, int] = {b"": 0}
    grids, lines, widths = [], [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    n_rows = 0
    for block in _blocks(content, after, file, header):
        codes = _number(*_unquote(block), numbers)
        n_rows += len(block.first_of_row)
        if n_rows * len(header) > MOST_CELLS:
            raise SourceError(f"{file}: over {MOST_CELLS:,} cells; no published file is as large.")
        grids.append(_lay_out(codes, block, len(header)))
        lines.append(block.lines())
        widths.append(block.widths)
    rows, width = np.concatenate(lines), np.concatenate(widths)
    grid = np.concatenate(grids) if grids else np.empty((0, len(header)), np.int32)
    if len(width) > 1 and not content.endswith(b"\n") and width[-1] < width[:-1].max():
        raise SourceError(
            f"{file}, row {rows[-1]}, column {width[-1]} ({header[width[-1] - 1]}): the file stops "
            "in the middle of this row. Download it again."
        )
    some = ~((width == 1) & (grid[:, 0] == 0))  # a line with nothing on it is no row
    texts = [text.decode("utf-8") for text in numbers]
    return Cells(header, rows[some], grid if some.all() else grid[some], texts)


def read_header(content: bytes, file: str) -> list[str]:
    """Give a comma-separated file's column names."""
    content = _as_rows(content, file)
    try:
        return _read_names(content, file)[0]
    except UnicodeDecodeError:
        return _read_names(_from_windows(content, file), file)[0]


def name_columns(names: list[str], file: str) -> list[str]:
    """Give each column a name of its own: unnamed ones their position, twins are an error."""
    named = [name.strip() or f"(column {j + 1})" for j, name in enumerate(names)]
    seen: dict[str, int] = {}
    for j, name in enumerate(named):
        if name.upper() in seen:
            raise SourceError(
                f"{file}, row 1: columns {seen[name.upper()] + 1} and {j + 1} are both called "
                f"`{name[:60]}`. Rename or remove one."
            )
        seen[name.upper()] = j
    if len(named) == 1:
        for mark, called in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
            if mark in named[0]:
                raise SourceError(
                    f"{file}, row 1, column 1: the columns are separated by {called}, not commas. "
                    "Save it as CSV (comma separated)."
                )
    return named


def _as_rows(content: bytes, file: str) -> bytes:
    """Give the bytes of a table of text, each row ending in a line feed; refuse other files."""
    for start, what in _OTHER_FILES.items():
        if content.startswith(start):
            raise SourceError(f"{file}: {what} under the name of a CSV. Save it as CSV (UTF-8).")
    top = content[:4096].removeprefix(BOM).lstrip()
    if not top.strip(b",") and not content.removeprefix(BOM).strip(b" \r\n\t,"):
        raise SourceError(f"{file}: the file is empty. Download it again.")
    if top.startswith(b"<"):
        raise SourceError(f"{file}: a web page, not a table: the download failed. Get it again.")
    return content if b"\n" in content else content.replace(b"\r", b"\n")


def _from_windows(content: bytes, file: str) -> bytes:
    """Give Windows text, as some of the Department's files are, as UTF-8."""
    try:
        return content.removeprefix(BOM).decode("cp1252").encode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = content.count(b",", content.rfind(b"\n", 0, error.start) + 1, error.start) + 1
        raise SourceError(
            f"{file}, row {line}, column {column}: neither UTF-8 nor Windows text. "
            "Save it as CSV (UTF-8)."
        ) from None


def _read_names(content: bytes, file: str) -> tuple[list[str], int]:
    """Read the header; give its names and where the rows below it start."""
    start = len(BOM) if content.startswith(BOM) else 0
    after = _end_of_rows(content, start, start)
    block = _find_cells(content[start:after], file, [], 1)
    if len(block.first_of_row) > 1:
        raise SourceError(f"{file}, row 1: a quotation mark is opened and never closed.")
    numbers: dict[bytes, int] = {}
    codes = _number(*_unquote(block), numbers)
    texts = [text.decode("utf-8") for text in numbers]
    return name_columns([texts[code] for code in codes], file), after


def _blocks(content: bytes, start: int, file: str, header: list[str]) -> Iterator[_Block]:
    """Give the rows below the header in blocks that end where a row ends."""
    line = content.count(b"\n", 0, start) + 1
    while start < len(content):
        end = _end_of_rows(content, start, start + BLOCK)
        block = _find_cells(content[start:end], file, header, line)
        yield block
        line += len(block.newlines)
        start = end


def _end_of_rows(content: bytes, start: int, near: int) -> int:
    """Find a row's end at or after a place: a line end outside quotation marks."""
    end = content.find(b"\n", near) + 1
    while end and content.count(b'"', start, end) % 2:
        end = content.find(b"\n", end) + 1
    return end or len(content)


def _find_cells(content: bytes, file: str, header: list[str], first_line: int) -> _Block:
    """Find where each cell of some whole rows starts and ends."""
    raw = np.frombuffer(content, np.uint8)
    ends = np.flatnonzero((raw == COMMA) | (raw == NEWLINE))
    newlines = ends[raw[ends] == NEWLINE]
    marks = np.flatnonzero(raw == QUOTE) if b'"' in content else np.empty(0, np.int64)
    open_at_end = len(marks) % 2 == 1
    if len(marks):
        ends = _outside(ends, np.append(marks, len(raw)) if open_at_end else marks)
    if open_at_end or raw[-1] != NEWLINE:
        ends = np.append(ends, len(raw))
    starts = np.concatenate(([0], ends[:-1] + 1))
    last_of_row = np.flatnonzero(np.append(raw, NEWLINE)[ends] == NEWLINE)
    first_of_row = np.concatenate(([0], last_of_row[:-1] + 1))
    carriage = last_of_row[raw[np.maximum(ends[last_of_row], 1) - 1] == RETURN]
    ends[carriage] = np.maximum(ends[carriage] - 1, starts[carriage])
    block = _Block(file, header, content, first_line, starts, ends, first_of_row, newlines, marks)
    if open_at_end:
        block.stop(int(starts[-1]), "a quotation mark is opened and never closed")
    for character, what in ((b"\0", "a NUL character"), (BOM, "a byte-order mark inside the file")):
        if character in content:
            block.stop(content.find(character), f"{what} (are two files joined into one?)")
    too_long = np.flatnonzero(ends - starts > LONGEST_CELL)
    if len(too_long):
        size = int(ends[too_long[0]] - starts[too_long[0]])
        block.stop(int(starts[too_long[0]]), f"a cell of {size:,} characters")
    return block


def _outside(breaks: Array, marks: Array) -> Array:
    """Leave out the commas and line ends between each opening and closing quotation mark."""
    steps = np.zeros(len(breaks) + 1, dtype=np.int8)
    opens, closes = np.searchsorted(breaks, marks[0::2]), np.searchsorted(breaks, marks[1::2])
    apart = opens != closes  # most quoted cells hold neither
    np.add.at(steps, opens[apart], 1)
    np.add.at(steps, closes[apart], -1)
    return np.asarray(breaks[np.cumsum(steps[:-1], dtype=np.int8) == 0])


def _unquote(block: _Block) -> tuple[bytes, Array, Array]:
    """Take the quotation marks off quoted cells; a stray one is an error."""
    content, starts, ends = block.content, block.starts, block.ends
    if b'"' not in content:
        return content, starts, ends
    starts, ends = starts.copy(), ends.copy()
    raw = np.frombuffer(content, np.uint8)
    quoted, count = np.unique(np.searchsorted(ends, block.marks), return_counts=True)
    first, last = raw[starts[quoted]] == QUOTE, raw[ends[quoted] - 1] == QUOTE
    whole = first & last & (ends[quoted] - starts[quoted] >= 2) & (count % 2 == 0)
    doubled = quoted[whole & (count > 2)].tolist()
    inner = [content[starts[i] + 1 : ends[i] - 1] for i in doubled]
    stray = [i for i, text in zip(doubled, inner, strict=True) if b'"' in text.replace(b'""', b"")]
    wrong = [*quoted[~whole].tolist(), *stray]
    if wrong:
        block.stop(int(block.starts[min(wrong)]), "a quotation mark in the middle of a cell")
    starts[quoted] += 1
    ends[quoted] -= 1
    longer = bytearray(content)  # a cell with doubled marks is written again after the block's end
    for i, text in zip(doubled, inner, strict=True):
        starts[i] = len(longer)
        longer += text.replace(b'""', b'"')
        ends[i] = len(longer)
    return bytes(longer), starts, ends


def _number(content: bytes, starts: Array, ends: Array, numbers: dict[bytes, int]) -> Array:
    """Number the texts, adding new ones to `numbers`: most fit one machine word."""
    lengths = ends - starts
    long = np.flatnonzero(lengths > _SHORT)
    words = np.ndarray((len(content) + 1,), "<u8", content + b"\0" * _SHORT, strides=(1,))
    keys = words[starts] & _MASKS[np.minimum(lengths, _SHORT)]
    keys[long] = 0
    local, distinct = pd.factorize(keys)
    texts: list[bytes] = distinct.astype("<u8").view("S8").tolist()
    codes = np.array([numbers.setdefault(text, len(numbers)) for text in texts], np.int32)[local]
    pairs = zip(starts[long].tolist(), ends[long].tolist(), strict=True)
    codes[long] = [numbers.setdefault(content[s:e], len(numbers)) for s, e in pairs]
    return np.asarray(codes)


def _lay_out(codes: Array, block: _Block, width: int) -> Array:
    """Lay a block's cells out as row by column, short rows padded; a row too long is an error."""
    widths = block.widths
    longer = np.flatnonzero(widths > width)
    if len(longer):
        block.stop(
            int(block.starts[block.first_of_row[longer[0]] + width]),
            f"more cells than the header's {width} (is a comma missing its quotation marks?)",
        )
    if (widths == width).all():
        return codes.reshape(-1, width)
    grid = np.full((len(widths), width), -1, dtype=np.int32)
    grid[np.arange(width) < widths[:, None]] = codes
    return grid

"""A CSV file's bytes split into cells, each with its row and column.

`pandas.read_csv` pads short rows and keeps no line numbers, so a cell that was cut off cannot be
told from an empty one and a message cannot name its place. Here the separators are found on the
whole file at once; the distinct texts are few, so cells are kept as numbers that point at them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
import pandas as pd

from pepstats.errors import SourceError

Array = npt.NDArray[Any]

LONGEST_CELL = 4_000  # characters; the longest published cell is an address of under 200
BOM = b"\xef\xbb\xbf"
COMMA, NEWLINE, QUOTE = ord(","), ord("\n"), ord('"')
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
class _Places:
    """Where each cell starts and ends in the bytes, so that a message can name its place."""

    file: str
    content: bytes
    starts: Array
    ends: Array
    first_of_row: Array

    def lines(self) -> Array:
        """Give the file's own line of each row: a cell in quotation marks may hold line ends."""
        newlines = np.flatnonzero(np.frombuffer(self.content, np.uint8) == NEWLINE)
        return np.asarray(1 + np.searchsorted(newlines, self.starts[self.first_of_row]))

    def stop(self, at: int, what: str) -> NoReturn:
        """Stop with the row and column of a byte of the file."""
        cell = int(np.searchsorted(self.starts, at, "right")) - 1
        row = int(np.searchsorted(self.first_of_row, cell, "right")) - 1
        column = cell - int(self.first_of_row[row])
        line = self.content.count(b"\n", 0, int(self.starts[self.first_of_row[row]])) + 1
        name = self.content[self.starts[column] : self.ends[column]][:60]
        called = f" ({name.decode('utf-8', 'replace').strip()})" if row else ""
        raise SourceError(
            f"{self.file}, row {line}, column {column + 1}{called}: {what}. "
            "Download the file again, or mend that cell."
        )


def split_cells(content: bytes, file: str) -> Cells:
    """Split a comma-separated file into cells, refusing what cannot be a published table."""
    content = _as_utf8(content, file)
    raw = np.frombuffer(content, np.uint8)
    quotes = raw == QUOTE
    quoted = bool(quotes.any())
    breaks = (raw == COMMA) | (raw == NEWLINE)
    if quoted:
        inside = np.logical_xor.accumulate(quotes)
        breaks &= ~inside
    ends = np.flatnonzero(breaks)
    if not len(ends) or ends[-1] != len(raw) - 1 or raw[-1] != NEWLINE:
        ends = np.append(ends, len(raw))
    starts = np.concatenate(([0], ends[:-1] + 1))
    last_of_row = np.flatnonzero(np.append(raw, NEWLINE)[ends] == NEWLINE)
    first_of_row = np.concatenate(([0], last_of_row[:-1] + 1))
    places = _Places(file, content, starts, ends, first_of_row)
    if quoted and inside[-1]:
        places.stop(int(starts[-1]), "a quotation mark is opened and never closed")
    for character, what in ((b"\0", "a NUL character"), (BOM, "a byte-order mark inside the file")):
        if character in content:
            places.stop(content.find(character), f"{what} (are two files joined into one?)")
    too_long = np.flatnonzero(ends - starts > LONGEST_CELL)
    if len(too_long):
        size = int(ends[too_long[0]] - starts[too_long[0]])
        places.stop(int(starts[too_long[0]]), f"a cell of {size:,} characters")
    if quoted:
        starts, ends, content = _unquote(places, quotes)
    codes, texts = _number(content, starts, ends)
    return _lay_out(codes, texts, last_of_row - first_of_row + 1, places)


def _as_utf8(content: bytes, file: str) -> bytes:
    """Give the bytes as UTF-8 without a byte-order mark and with one kind of line end."""
    if not content.strip(BOM + b" \r\n\t,"):
        raise SourceError(f"{file}: the file is empty. Download it again.")
    for start, what in _OTHER_FILES.items():
        if content.startswith(start):
            raise SourceError(f"{file}: {what} under the name of a CSV. Save it as CSV (UTF-8).")
    if content.lstrip(BOM + b" \r\n\t").startswith(b"<"):
        raise SourceError(f"{file}: a web page, not a table: the download failed. Get it again.")
    content = content.removeprefix(BOM)
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        try:
            content = content.decode("cp1252").encode("utf-8")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            column = content.count(b",", content.rfind(b"\n", 0, error.start) + 1, error.start) + 1
            raise SourceError(
                f"{file}, row {line}, column {column}: neither UTF-8 nor Windows text. "
                "Save it as CSV (UTF-8)."
            ) from None
    if b"\r" in content:
        content = content.replace(b"\r\n", b"\n")
        content = content if b"\n" in content else content.replace(b"\r", b"\n")
    return content


def _unquote(places: _Places, quotes: Array) -> tuple[Array, Array, bytes]:
    """Take the quotation marks off quoted cells; a stray one is an error."""
    content, starts, ends = places.content, places.starts.copy(), places.ends.copy()
    so_far = np.concatenate(([0], np.cumsum(quotes)))
    marks = so_far[ends] - so_far[starts]
    quoted = np.flatnonzero(marks)
    first = np.append(quotes, False)[starts[quoted]]
    last = quotes[ends[quoted] - 1]
    whole = first & last & (ends[quoted] - starts[quoted] >= 2) & (marks[quoted] % 2 == 0)
    doubled = quoted[whole & (marks[quoted] > 2)].tolist()
    inner = [content[starts[i] + 1 : ends[i] - 1] for i in doubled]
    stray = [i for i, text in zip(doubled, inner, strict=True) if b'"' in text.replace(b'""', b"")]
    wrong = [*quoted[~whole].tolist(), *stray]
    if wrong:
        places.stop(int(starts[min(wrong)]), "a quotation mark in the middle of a cell")
    starts[quoted] += 1
    ends[quoted] -= 1
    longer = bytearray(content)  # a cell with doubled marks is written again after the file's end
    for i, text in zip(doubled, inner, strict=True):
        starts[i] = len(longer)
        longer += text.replace(b'""', b'"')
        ends[i] = len(longer)
    return starts, ends, bytes(longer)


def _number(content: bytes, starts: Array, ends: Array) -> tuple[Array, list[str]]:
    """Number the distinct texts: most cells fit one machine word, the others are sliced out."""
    lengths = ends - starts
    long = np.flatnonzero(lengths > _SHORT)
    words = np.ndarray((len(content) + 1,), "<u8", content + b"\0" * _SHORT, strides=(1,))
    keys = words[starts] & _MASKS[np.minimum(lengths, _SHORT)]
    keys[long] = 0
    codes, distinct = pd.factorize(keys)
    texts = [word.decode("utf-8") for word in distinct.astype("<u8").view("S8").tolist()]
    if len(long):
        pairs = zip(starts[long].tolist(), ends[long].tolist(), strict=True)
        sliced = np.empty(len(long), dtype=object)
        sliced[:] = [content[start:end] for start, end in pairs]
        long_codes, long_texts = pd.factorize(sliced)
        codes[long] = long_codes + len(texts)
        texts += [text.decode("utf-8") for text in long_texts.tolist()]
    return codes, texts


def _lay_out(codes: Array, texts: list[str], widths: Array, places: _Places) -> Cells:
    """Lay the cells out as row by column, short rows padded; a row too long is an error."""
    file, first, lines = places.file, places.first_of_row, places.lines()
    width = int(widths[0])
    header = name_columns([texts[code] for code in codes[:width]], file)
    longer = np.flatnonzero(widths > width)
    if len(longer):
        raise SourceError(
            f"{file}, row {lines[longer[0]]}, column {width + 1}: {len(longer):,} row(s) have more "
            f"cells than the header's {width}. Is a comma missing its quotation marks?"
        )
    unfinished = not places.content.endswith(b"\n")
    if unfinished and len(widths) > 2 and widths[-1] < widths[1:-1].max():
        raise SourceError(
            f"{file}, row {lines[-1]}, column {widths[-1]} ({header[widths[-1] - 1]}): the file "
            "stops in the middle of this row. Download it again."
        )
    if (widths == width).all():
        grid = codes.reshape(-1, width).astype(np.int32, copy=False)
    else:
        grid = np.full((len(widths), width), -1, dtype=np.int32)
        row_of = np.repeat(np.arange(len(widths)), widths)
        grid[row_of, np.arange(len(codes)) - first[row_of]] = codes
    empty = texts.index("") if "" in texts else -2
    keep = ~((widths == 1) & (grid[:, 0] == empty))  # a line with nothing on it is no row
    keep[0] = False
    return Cells(header, lines[keep], grid[keep], texts)


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

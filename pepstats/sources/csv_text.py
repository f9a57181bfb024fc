"""A CSV file's bytes read as rows of text, each with the file's own line on which it starts.

The standard library splits the rows: it pads none, so a cell that was cut off is told from an
empty one. What it would let pass, or refuse without a place, is refused here by row and column.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from itertools import chain, islice

import numpy as np

from pepstats.errors import SourceError
from pepstats.sources.cells import Array, Cells, leave_notes_out, number_cells
from pepstats.sources.layouts import has_known_names, is_header

LONGEST_CELL = 4_000  # characters; the longest published cell is an address of under 200
MOST_CELLS = 60_000_000
MOST_ABOVE = 20  # rows of a title or a note above the header
ABOVE = "a row above the header"
BOM = b"\xef\xbb\xbf"

ODD = {
    '"': "a quotation mark in the middle of a cell",
    "\0": "a NUL character (are two files joined into one?)",
    "\ufeff": "a byte-order mark inside the file (are two files joined into one?)",
}

LINK = re.compile(r"\d{5,7} [A-Za-z].*")
"""A school's link to another in a search export: `116470 Predecessor`."""

OTHER_FILES = {
    b"PK\x03\x04": "a zip or Excel file", b"\xd0\xcf\x11\xe0": "an old Excel file",
    b"%PDF": "a PDF", b"\x1f\x8b": "a compressed file",
    b"\xff\xfe": "UTF-16 text", b"\xfe\xff": "UTF-16 text",
}  # fmt: skip

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
ACCENTED = ("LATIN SMALL LETTER ", "LATIN CAPITAL LETTER ")
"""How Unicode's names of letters begin that are one of ours with a mark: `... E WITH ACUTE`."""


def split_cells(content: bytes, file: str) -> Cells:
    """Split a file of text into cells, refusing what cannot be a published table.

    A title above the header, notes below the rows and blank rows are set aside and counted.
    """
    above: Counter[str] = Counter()
    rows = read_rows(content, file, above)
    line, names = next(rows)
    whole = number_cells(file, name_columns(names, file, line), rows)
    cells = leave_notes_out(whole, above)
    widths = (cells.codes >= 0).sum(axis=1)
    ended = content.endswith((b"\n", b"\r")) or len(whole.rows) > len(cells.rows)
    if len(widths) > 1 and not ended and _stops_short(cells, widths):
        raise SourceError(
            f"{cells.at(-1, int(widths[-1]) - 1)}: the file stops in the middle of this row. "
            "Download it again."
        )
    return replace(cells, unended=not ended and len(widths) > 0)


def _stops_short(cells: Cells, widths: Array) -> bool:
    """Return whether the last row, which has no line end, was cut off while the file was copied.

    The Department's own files leave off a row's last empty cells and the last line end. They end
    with an England row; it is whole where it goes as far as another total does, or lacks one cell.
    """
    record = cells.column(cells.columns.get("RECTYPE"))
    totals = widths[:-1][np.isin(record[:-1], ["3", "4", "5", "7"])]
    enough = min([len(cells.header) - 1, *totals.tolist()])
    whole = record[-1] in ("4", "5", "7") and widths[-1] >= enough
    return bool(widths[-1] < widths.max() and not whole)


def read_header(content: bytes, file: str) -> list[str]:
    """Read the column names of a file of text."""
    line, names = next(read_rows(content, file))
    return name_columns(names, file, line)


def name_columns(names: list[str], file: str, line: int) -> list[str]:
    """Name each column for itself: unnamed ones by their position; twins are an error."""
    named = [name.strip() or f"(column {j + 1})" for j, name in enumerate(names)]
    known, seen = has_known_names(named), dict[str, int]()
    for j, name in enumerate(named):
        called = f" called `{name[:60]}`" if known else " of one name"
        if name.upper() in seen:
            raise SourceError(
                f"{file}, row {line}: columns {seen[name.upper()] + 1} and {j + 1} are both"
                f"{called}. Rename or remove one."
            )
        if strange := _strange_letter(name):
            raise SourceError(
                f"{file}, row {line}, column {j + 1}: its name has a letter that only looks like "
                f"one of ours ({strange}). Type the name again."
            )
        seen[name.upper()] = j
    for mark, called in SEPARATORS.items():
        if len(named) == 1 and mark in named[0]:
            raise SourceError(
                f"{file}, row {line}, column 1: the columns are separated by {called}, and "
                "are none we know. Save it as CSV (comma separated)."
            )
    return named


def _strange_letter(name: str) -> str:
    """Name the first letter of a column's name that is of another script, if one is."""
    for letter in name:
        if letter.isalpha() and not letter.isascii():
            called = unicodedata.name(letter, "unnamed")
            if not called.startswith(ACCENTED) or " WITH " not in called:
                return called.capitalize()
    return ""


def read_rows(
    content: bytes, file: str, set_aside: Counter[str] | None = None
) -> Iterator[tuple[int, list[str]]]:
    """Read the header and each row below it that is not blank, with the line it starts on.

    The header is the first row whose columns we know, else the first row; what stands above it
    is counted in `set_aside`. Every full row may have a comma more than the header.
    """
    rows = _split_rows(content, file)
    first = list(islice(rows, MOST_ABOVE))
    at = next((n for n, (_, cells) in enumerate(first) if is_header(cells)), 0)
    if set_aside is not None and at:
        set_aside[ABOVE] += at
    yield first[at]
    header = first[at][1]
    full, longer = False, 0
    for start, cells in chain(first[at + 1 :], rows):
        if len(cells) > len(header) and _spills(header, cells):
            yield start, cells
            continue
        over = cells[len(header) :]
        full, longer = full or len(cells) == len(header), longer or (start if over else 0)
        if "".join(over).strip() or (full and longer):
            what = f"more cells than the header's {len(header)}"
            what += " (is a comma missing its quotation marks?)"
            raise _wrong_cell(file, longer, header, len(header), what)
        yield start, cells[: len(header)]


def _split_rows(content: bytes, file: str) -> Iterator[tuple[int, list[str]]]:
    """Split the rows that are not blank, each with the line it starts on."""
    _refuse_other_files(content, file)
    content = content.removeprefix(BOM)
    encoding = _find_encoding(content, file)
    mark = _find_separator(content, encoding)
    text = io.TextIOWrapper(io.BytesIO(content), encoding, newline="")
    lines: list[str] = []
    reader = csv.reader(_remember(text, lines), strict=True, delimiter=mark)
    header: list[str] = []
    start = 1
    try:
        for cells in reader:
            joined = "".join(cells)
            if len(joined) > LONGEST_CELL or any(odd in joined for odd in ODD):
                _refuse_odd_cell(file, start, header, lines, mark)
            if not header or (start <= MOST_ABOVE and is_header(cells)):
                header = cells
            if reader.line_num * len(header) > MOST_CELLS:
                what = f"over {MOST_CELLS:,} cells; no published file is as large"
                raise SourceError(f"{file}: {what}.")
            if cells not in ([], [""]):
                yield start, cells
            start = reader.line_num + 1
            lines.clear()
    except csv.Error:
        _refuse_odd_cell(file, start, header, lines, mark)
        raise


def _spills(header: list[str], cells: list[str]) -> bool:
    """Return whether a last column of links goes on beyond the header, one cell for each link."""
    beyond = cells[len(header) - 1 :]
    return "link" in header[-1].lower() and all(map(LINK.fullmatch, beyond))


def _find_separator(content: bytes, encoding: str) -> str:
    """Find what separates the columns: the mark by which a row of the first ones is a header."""
    top = content[:200_000].decode(encoding, "replace").splitlines()[:MOST_ABOVE]
    for mark in SEPARATORS:
        if any(is_header(line.replace('"', "").split(mark)) for line in top):
            return mark
    return ","


def _remember(text: Iterable[str], lines: list[str]) -> Iterator[str]:
    """Hand on each line, and keep it until its row is read."""
    for line in text:
        lines.append(line)
        yield line


def _refuse_other_files(content: bytes, file: str) -> None:
    """Refuse what is not a table of text."""
    for start, what in OTHER_FILES.items():
        if content.startswith(start):
            raise SourceError(f"{file}: {what} under the name of a CSV. Save it as CSV (UTF-8).")
    top = content[:4096].removeprefix(BOM).lstrip()
    if not top.strip(b",") and not content.removeprefix(BOM).strip(b" \r\n\t,"):
        raise SourceError(
            f"{file}: the file is empty. Download it again; if it is your own, fill it in."
        )
    if top.startswith(b"<"):
        raise SourceError(f"{file}: a web page, not a table: the download failed. Get it again.")


def _find_encoding(content: bytes, file: str) -> str:
    """Find how letters are written: UTF-8, or as Windows does, as in some of the Department's."""
    at = 0
    for encoding in ("utf-8", "cp1252"):
        try:
            content.decode(encoding)
        except UnicodeDecodeError as error:
            at = error.start
        else:
            return encoding
    line = content.count(b"\n", 0, at) + 1
    column = content.count(b",", content.rfind(b"\n", 0, at) + 1, at) + 1
    raise SourceError(
        f"{file}, row {line}, column {column}: neither UTF-8 nor Windows text. "
        "Save it as CSV (UTF-8)."
    )


@cache
def _sound_cells(mark: str) -> re.Pattern[str]:
    """Return what a row of sound cells looks like, each followed by its mark."""
    quoted = rf'"(?:[^"\0\ufeff]|""){{0,{LONGEST_CELL}}}"'
    plain = rf'[^"{re.escape(mark)}\r\n\0\ufeff]{{0,{LONGEST_CELL}}}'
    return re.compile(rf"(?:(?:{quoted}|{plain}){re.escape(mark)})*")


def _refuse_odd_cell(file: str, row: int, header: list[str], lines: list[str], mark: str) -> None:
    """Refuse a row's first cell with a stray mark or without end; a row of sound cells passes."""
    text = "".join(lines).rstrip("\r\n") + mark
    odd = _sound_cells(mark).sub("", text, count=1)
    if not odd:
        return
    column = len(next(csv.reader([text.removesuffix(odd) + "x"], delimiter=mark))) - 1
    inside = odd.removeprefix('"')[:LONGEST_CELL]
    met = next((one for one in inside if one in ODD), None)
    what = ODD[met] if met else f"a cell of over {LONGEST_CELL:,} characters"
    if odd.startswith('"') and odd.count('"') % 2:
        what = "a quotation mark is opened and never closed"
    raise _wrong_cell(file, row, header, column, what)


def _wrong_cell(file: str, row: int, header: list[str], j: int, what: str) -> SourceError:
    """Name a cell's place; a column by its name where the header has names we know."""
    called = f" ({header[j][:60]})" if j < len(header) and has_known_names(header) else ""
    return SourceError(
        f"{file}, row {row}, column {j + 1}{called}: {what}. "
        "Download the file again, or mend that cell."
    )

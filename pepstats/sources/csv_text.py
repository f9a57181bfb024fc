"""A CSV file's bytes read as rows of text, each with the file's own line on which it starts.

The standard library splits the rows: it pads none, so a cell that was cut off is told from an
empty one. What it would let pass, or refuse without a place, is refused here by row and column.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator

import numpy as np

from pepstats.errors import SourceError
from pepstats.sources.cells import Array, Cells, number_cells

LONGEST_CELL = 4_000  # characters; the longest published cell is an address of under 200
MOST_CELLS = 60_000_000
BOM = b"\xef\xbb\xbf"

ODD = {
    '"': "a quotation mark in the middle of a cell",
    "\0": "a NUL character (are two files joined into one?)",
    "\ufeff": "a byte-order mark inside the file (are two files joined into one?)",
}

SOUND_CELLS = re.compile(
    rf'(?:(?:"(?:[^"\0\ufeff]|""){{0,{LONGEST_CELL}}}"|[^",\r\n\0\ufeff]{{0,{LONGEST_CELL}}}),)*'
)

LINK = re.compile(r"\d{5,7} [A-Za-z].*")
"""A school's link to another in a search export: `116470 Predecessor`."""

OTHER_FILES = {
    b"PK\x03\x04": "a zip or Excel file", b"\xd0\xcf\x11\xe0": "an old Excel file",
    b"%PDF": "a PDF", b"\x1f\x8b": "a compressed file",
    b"\xff\xfe": "UTF-16 text", b"\xfe\xff": "UTF-16 text",
}  # fmt: skip

SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}


def split_cells(content: bytes, file: str) -> Cells:
    """Split a comma-separated file into cells, refusing what cannot be a published table."""
    rows = read_rows(content, file)
    cells = number_cells(file, name_columns(next(rows)[1], file), rows)
    widths = (cells.codes >= 0).sum(axis=1)
    if len(widths) > 1 and not content.endswith((b"\n", b"\r")) and _stops_short(cells, widths):
        raise SourceError(
            f"{cells.at(-1, int(widths[-1]) - 1)}: the file stops in the middle of this row. "
            "Download it again."
        )
    return cells


def _stops_short(cells: Cells, widths: Array) -> bool:
    """Return whether the last row, which has no line end, was cut off while the file was copied.

    The Department's own files leave off a row's last empty cells and the last line end. They end
    with an England row; it is whole where it goes as far as another total does, or lacks one cell.
    """
    record = cells.text_of(cells.columns.get("RECTYPE"))
    totals = widths[:-1][np.isin(record[:-1], ["3", "4", "5", "7"])]
    enough = min([len(cells.header) - 1, *totals.tolist()])
    whole = record[-1] in ("4", "5", "7") and widths[-1] >= enough
    return bool(widths[-1] < widths.max() and not whole)


def read_header(content: bytes, file: str) -> list[str]:
    """Read a comma-separated file's column names."""
    return name_columns(next(read_rows(content, file))[1], file)


def name_columns(names: list[str], file: str) -> list[str]:
    """Name each column for itself: unnamed ones by their position; twins are an error."""
    named = [name.strip() or f"(column {j + 1})" for j, name in enumerate(names)]
    seen: dict[str, int] = {}
    for j, name in enumerate(named):
        if name.upper() in seen:
            raise SourceError(
                f"{file}, row 1: columns {seen[name.upper()] + 1} and {j + 1} are both called "
                f"`{name[:60]}`. Rename or remove one."
            )
        seen[name.upper()] = j
    for mark, called in SEPARATORS.items():
        if len(named) == 1 and mark in named[0]:
            raise SourceError(
                f"{file}, row 1, column 1: the columns are separated by {called}, not commas. "
                "Save it as CSV (comma separated)."
            )
    return named


def read_rows(content: bytes, file: str) -> Iterator[tuple[int, list[str]]]:
    """Read the header and each row below it that is not blank, with the line it starts on."""
    _refuse_other_files(content, file)
    content = content.removeprefix(BOM)
    text = io.TextIOWrapper(io.BytesIO(content), _find_encoding(content, file), newline="")
    lines: list[str] = []
    reader = csv.reader(_remember(text, lines), strict=True)
    header: list[str] = []
    start = 1
    try:
        for cells in reader:
            joined = "".join(cells)
            if len(joined) > LONGEST_CELL or any(mark in joined for mark in ODD):
                _refuse_odd_cell(file, start, header, lines)
            header = header or cells
            if len(cells) > len(header) and not _spills(header, cells):
                what = f"more cells than the header's {len(header)}"
                what += " (is a comma missing its quotation marks?)"
                raise _wrong_cell(file, start, header, len(header), what)
            if reader.line_num * len(header) > MOST_CELLS:
                what = f"over {MOST_CELLS:,} cells; no published file is as large"
                raise SourceError(f"{file}: {what}.")
            if start == 1 or cells not in ([], [""]):
                yield start, cells
            start = reader.line_num + 1
            lines.clear()
    except csv.Error:
        _refuse_odd_cell(file, start, header, lines)
        raise


def _spills(header: list[str], cells: list[str]) -> bool:
    """Return whether a last column of links goes on beyond the header, one cell for each link."""
    beyond = cells[len(header) - 1 :]
    return "link" in header[-1].lower() and all(map(LINK.fullmatch, beyond))


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
        raise SourceError(f"{file}: the file is empty. Download it again.")
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


def _refuse_odd_cell(file: str, row: int, header: list[str], lines: list[str]) -> None:
    """Refuse a row's first cell with a stray mark or without end; a row of sound cells passes."""
    text = "".join(lines).rstrip("\r\n") + ","
    odd = SOUND_CELLS.sub("", text, count=1)
    if not odd:
        return
    column = len(next(csv.reader([text.removesuffix(odd) + "x"]))) - 1
    inside = odd.removeprefix('"')[:LONGEST_CELL]
    met = next((mark for mark in inside if mark in ODD), None)
    what = ODD[met] if met else f"a cell of over {LONGEST_CELL:,} characters"
    if odd.startswith('"') and odd.count('"') % 2:
        what = "a quotation mark is opened and never closed"
    raise _wrong_cell(file, row, header, column, what)


def _wrong_cell(file: str, row: int, header: list[str], j: int, what: str) -> SourceError:
    called = f" ({header[j][:60]})" if j < len(header) else ""
    return SourceError(
        f"{file}, row {row}, column {j + 1}{called}: {what}. "
        "Download the file again, or mend that cell."
    )

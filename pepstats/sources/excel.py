"""The first sheet of an Excel workbook read as plain text, once nothing in it can do harm."""

from __future__ import annotations

import datetime
import io
import re
import zipfile
import zlib
from functools import reduce
from typing import Any

from pepstats.errors import SourceError
from pepstats.sources.cells import Cells, number_cells
from pepstats.sources.csv_text import name_columns

LARGEST_SHEET = 300_000_000  # bytes once unpacked
MOST_SHEET_CELLS = 10_000_000

DAMAGED = (zipfile.BadZipFile, zlib.error, OSError, ValueError, EOFError, NotImplementedError,
           RuntimeError, IndexError)  # fmt: skip


def is_workbook(content: bytes) -> bool:
    """Return whether a file's bytes are those of a workbook."""
    return content.startswith(b"PK\x03\x04") and b"xl/" in content


def read_sheet(content: bytes, file: str) -> Cells:
    """Read a workbook's first sheet as cells, numbers and dates as plain text."""
    rows = _open_sheet(content, file).to_python()
    if not rows:
        raise SourceError(f"{file}: the first sheet is empty.")
    header = name_columns([_as_text(value) for value in rows[0]], file)
    texts = [[_as_text(value) for value in row] for row in rows[1:]]
    return number_cells(file, header, [(n, row) for n, row in enumerate(texts, 2) if any(row)])


def read_sheet_header(content: bytes, file: str) -> list[str]:
    """Read the column names of a workbook's first sheet."""
    rows = _open_sheet(content, file).to_python(nrows=1)
    return [_as_text(value) for value in rows[0]] if rows else []


def _open_sheet(content: bytes, file: str) -> Any:
    """Open the first sheet of a workbook, after looking at what laying it out would take."""
    import python_calamine

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            entries = packed.infolist()
            names = {entry.filename for entry in entries}
            if sum(entry.file_size for entry in entries) > LARGEST_SHEET or len(entries) > 2_000:
                raise SourceError(f"{file}: unpacks to more than any published workbook.")
            if "xl/workbook.xml" not in names or names & {"xl/workbook.bin", "content.xml"}:
                raise SourceError(f"{file}: a zip file that is no xlsx workbook. Unpack it first.")
            for entry in entries:  # each is unpacked once, so that a false size or sum is found
                _refuse_vast_sheet(packed.read(entry), file)
        workbook = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
        return workbook.get_sheet_by_index(0)
    except (*DAMAGED, python_calamine.CalamineError) as error:
        problem = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise SourceError(f"{file}: a damaged Excel file ({problem}). Download it again.") from None


def _refuse_vast_sheet(xml: bytes, file: str) -> None:
    """Refuse a sheet with a cell so far out that laying it out would fill the memory.

    The reader lays a sheet out in full, so one cell at XFD1048576 would end the whole process.
    """
    if b"sheetData" not in xml:
        return
    if b"\0" in xml or (b"&" in xml and re.search(rb"""\sr\s*=\s*["'][^"']*&""", xml)):
        raise SourceError(f"{file}: a damaged Excel file (odd cell names). Download it again.")
    if b't="e"' in xml or b"t='e'" in xml:
        raise SourceError(f"{file}: a cell holds an Excel error, such as #REF!. Mend it first.")
    # Most cells are within A1:Z99999: first only those further out, then all if that is too many.
    for refs in (rb"[A-Za-z]{2,}(?=\d)|[A-Za-z]?(?=\d{6})", rb"[A-Za-z]*"):
        found = set(re.findall(rb"""\br\s*=\s*["']\s*(""" + refs + rb""")(\d+)""", xml))
        width = max((_column_number(column) for column, _ in found), default=0)
        height = max((int(row) for _, row in found), default=0)
        if refs != rb"[A-Za-z]*" and max(width, 26) * max(height, 99_999) <= MOST_SHEET_CELLS:
            return
    if width * height > MOST_SHEET_CELLS:
        raise SourceError(
            f"{file}: a sheet of {height:,} rows by {width:,} columns, further than any published "
            "sheet goes."
        )


def _column_number(letters: bytes) -> int:
    return reduce(lambda number, letter: 26 * number + letter - 64, letters.upper(), 0)


def _as_text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    if isinstance(value, datetime.date | datetime.datetime):
        return value.isoformat()
    return str(value)

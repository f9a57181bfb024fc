"""The table of an Excel workbook read as plain text, once nothing in it can do harm."""

from __future__ import annotations

import datetime
import io
import re
import zipfile
import zlib
from collections.abc import Mapping
from functools import reduce
from html import unescape
from typing import Any

from pepstats.errors import SourceError
from pepstats.sources.cells import Cells, hundredfold, leave_notes_out, number_cells
from pepstats.sources.csv_text import ABOVE, MOST_ABOVE, name_columns
from pepstats.sources.layouts import is_header

Row = tuple[int, list[str]]
LARGEST_SHEET = 300_000_000  # bytes once unpacked
MOST_SHEET_CELLS = 10_000_000

DAMAGED = (zipfile.BadZipFile, zlib.error, OSError, ValueError, EOFError, NotImplementedError,
           RuntimeError, LookupError, StopIteration)  # fmt: skip

_TAG = re.compile(r"<(?:\w+:)?(row|c)\b([^>]*)>")
_AT = re.compile(r"""\br\s*=\s*["']\s*([A-Za-z]*)(\d+)""")
_STYLE = re.compile(r"""\bs\s*=\s*["'](\d+)""")
_ERROR = re.compile(r"""\bt\s*=\s*["']e["']""")
_VALUE = re.compile(r"<(?:\w+:)?v>([^<]*)<")


def is_workbook(content: bytes) -> bool:
    """Return whether a file's bytes are those of a workbook."""
    return content.startswith(b"PK\x03\x04") and b"xl/" in content


def read_sheet(content: bytes, file: str) -> Cells:
    """Read a workbook's table as cells, numbers and dates as plain text; `71%` where one shows it.

    The table is on the one visible sheet with a header we know, else on the first; what stands
    above the header and below the rows is set aside and counted.
    """
    rows = _read_table(content, file)
    at = next((n for n, (_, row) in enumerate(rows[:MOST_ABOVE]) if is_header(row)), 0)
    line, names = rows[at]
    cells = number_cells(file, name_columns(names, file, line), rows[at + 1 :])
    return leave_notes_out(cells, {ABOVE: at})


def read_sheet_header(content: bytes, file: str) -> list[str]:
    """Read the column names of a workbook's table."""
    rows = _read_table(content, file, MOST_ABOVE)
    return next((row for _, row in rows if is_header(row)), rows[0][1])


def _read_table(content: bytes, file: str, most: int | None = None) -> list[Row]:
    """Read the rows in which something stands, with their numbers, of the sheet with the table."""
    import python_calamine

    try:
        rows = _choose_sheet(_open_workbook(content, file), content, file, most)
    except (*DAMAGED, python_calamine.CalamineError) as error:
        problem = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise SourceError(
            f"{file}: a damaged Excel file ({problem[:200]}). Download it again."
        ) from None
    if not rows:
        raise SourceError(f"{file}: the sheet is empty.")
    return rows


def _choose_sheet(workbook: Any, content: bytes, file: str, most: int | None) -> list[Row]:
    """Choose the one visible sheet with a header that we know, else the first visible one."""
    about = workbook.sheets_metadata
    seen = [n for n, sheet in enumerate(about) if str(sheet.visible).endswith(".Visible")] or [0]
    tops = {n: _rows_of(workbook, n, MOST_ABOVE, {}) for n in seen} if len(seen) > 1 else {}
    known = [n for n, rows in tops.items() if any(is_header(row) for _, row in rows)]
    if len(known) > 1:
        named = ", ".join(about[n].name[:60] for n in known[:4])
        raise SourceError(f"{file}: {len(known)} sheets hold a table ({named}). Save one alone.")
    chosen = (known or seen)[0]
    shown = _find_shown(content, chosen) if most is None else {}
    return _rows_of(workbook, chosen, most, shown)


def _rows_of(
    workbook: Any, sheet: int, most: int | None, shown: Mapping[tuple[int, int], str]
) -> list[Row]:
    """Lay out a sheet's rows as text, each with its number, without those in which nothing is."""
    laid = workbook.get_sheet_by_index(sheet).to_python(skip_empty_area=False, nrows=most)
    texts = [[_as_text(value) for value in row] for row in laid]
    for (i, j), how in shown.items():
        if i < len(texts) and how != "%":
            texts[i][j] = how
        elif i < len(texts) and type(laid[i][j]) in (int, float):
            texts[i][j] = hundredfold(repr(laid[i][j])) + "%"
    return [(n, row) for n, row in enumerate(texts, 1) if any(row)]


def _open_workbook(content: bytes, file: str) -> Any:
    """Open a workbook, after looking at what laying its sheets out would take."""
    import python_calamine

    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        entries = packed.infolist()
        names = {entry.filename for entry in entries}
        if sum(entry.file_size for entry in entries) > LARGEST_SHEET or len(entries) > 2_000:
            raise SourceError(f"{file}: unpacks to more than any published workbook.")
        if "xl/workbook.xml" not in names or names & {"xl/workbook.bin", "content.xml"}:
            raise SourceError(f"{file}: a zip file that is no xlsx workbook. Unpack it first.")
        for entry in entries:  # each is unpacked once, so that a false size or sum is found
            _refuse_vast_sheet(packed.read(entry), file)
    return python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))


def _find_shown(content: bytes, sheet: int) -> dict[tuple[int, int], str]:
    """Find the cells, by row and column from 0, that show `%` or an error, and which."""
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        styles = _percent_styles(packed)
        xml = packed.read(_part_of_sheet(packed, sheet)).decode("utf-8", "replace")
    found: dict[tuple[int, int], str] = {}
    row, column = -1, -1
    if not styles and not _ERROR.search(xml):
        return found
    for tag in _TAG.finditer(xml):
        at, style = _AT.search(tag[2]), _STYLE.search(tag[2])
        if tag[1] == "row":
            row, column = int(at[2]) - 1 if at else row + 1, -1
            continue
        column = _column_number(at[1].encode()) - 1 if at else column + 1
        if _ERROR.search(tag[2]):
            said = _VALUE.search(xml, tag.end(), tag.end() + 1_000)
            found[row, column] = said[1] if said else "#REF!"
        elif style and style[1] in styles:
            found[row, column] = "%"
    return found


def _percent_styles(packed: zipfile.ZipFile) -> set[str]:
    """Find which styles of a workbook show a number as a percentage."""
    if "xl/styles.xml" not in packed.namelist():
        return set()
    styles = packed.read("xl/styles.xml").decode("utf-8", "replace")
    percent = {"9", "10"}  # 0% and 0.00%, which need no telling
    for one in _tags(styles, "numFmt"):
        shown = re.sub(r'"[^"]*"|\\.|_.|\*.', "", one.get("formatCode", ""))
        if "%" in shown:
            percent.add(one.get("numFmtId", ""))
    cells = re.search(r"<(?:\w+:)?cellXfs\b.*?</(?:\w+:)?cellXfs>", styles, re.DOTALL)
    formats = _tags(cells[0], "xf") if cells else []
    return {str(n) for n, one in enumerate(formats) if one.get("numFmtId") in percent}


def _part_of_sheet(packed: zipfile.ZipFile, sheet: int) -> str:
    """Find the part of a workbook that holds a sheet, by its place among the sheets."""
    book = packed.read("xl/workbook.xml").decode("utf-8", "replace")
    relations = packed.read("xl/_rels/workbook.xml.rels").decode("utf-8", "replace")
    listed = _tags(book, "sheet")[sheet]
    wanted = next(value for name, value in listed.items() if name.endswith(":id"))
    targets = {one.get("Id"): one.get("Target", "") for one in _tags(relations, "Relationship")}
    target = targets[wanted]
    return target.lstrip("/") if target.startswith("/") else f"xl/{target}"


def _tags(xml: str, name: str) -> list[dict[str, str]]:
    """List the attributes of every element of a name, whatever its prefix."""
    found = re.findall(rf"<(?:\w+:)?{name}\s([^>]*)>", xml)
    attributes = (re.findall(r"""([\w:]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""", tag) for tag in found)
    return [{key: unescape(one or other) for key, one, other in tag} for tag in attributes]


def _refuse_vast_sheet(xml: bytes, file: str) -> None:
    """Refuse a sheet with a cell so far out that laying it out would fill the memory."""
    if b"<!DOCTYPE" in xml[:4096]:
        raise SourceError(f"{file}: a workbook with declarations of its own. Save it anew.")
    if b"sheetData" not in xml:
        return
    if b"\0" in xml or (b"&" in xml and re.search(rb"""\sr\s*=\s*["'][^"']*&""", xml)):
        raise SourceError(f"{file}: a damaged Excel file (odd cell names). Download it again.")
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

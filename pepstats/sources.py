"""Published files: found, held to their hash and kind, and given as text exactly as published."""

from __future__ import annotations

import datetime
import hashlib
import io
import re
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pepstats import layouts
from pepstats.cells import Cells, number_cells
from pepstats.csv_text import name_columns, read_header, split_cells
from pepstats.errors import SourceError, nearest

LARGEST_FILE = 500_000_000  # bytes; the largest published file is about a tenth of this
LARGEST_SHEET = 300_000_000  # bytes once unpacked
MOST_SHEET_CELLS = 10_000_000
DAMAGED = (zipfile.BadZipFile, zlib.error, OSError, ValueError, EOFError, NotImplementedError,
           RuntimeError, IndexError)  # fmt: skip
RELEASES = ("school-returned", "provisional", "revised", "final")


@dataclass(frozen=True)
class Source:
    """One published file: what it is, which year and release, its bytes and their hash.

    `file` is as the study wrote it, and is what messages call it; `path` is where it was found.
    The file is read once, when it is found: what is hashed is what is parsed.
    """

    name: str
    kind: str
    year: int | None
    release: str | None
    file: str
    path: Path
    sha256: str
    content: bytes = field(repr=False)
    licence: str | None = None


def find_source(
    kind: str | None,
    file: str,
    *,
    data: Path,
    year: int | None = None,
    release: str | None = None,
    sha256: str | None = None,
    licence: str | None = None,
) -> Source:
    """Find a published file and hold it to what the study says of it.

    The kind is known from the file's header, never from its name: with `kind` None it is what the
    header says. Raises `SourceError` when the file is missing, too large, of another kind, of
    another year's layout, or not the bytes that `sha256` names.
    """
    path = data / file
    if not path.is_file():
        there = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        hint = nearest(path.name, there) if there else f"There is no folder {path.parent}."
        raise SourceError(f"{file}: there is no such file in {data}. {hint}")
    size = path.stat().st_size
    if size > LARGEST_FILE:
        raise SourceError(f"{file}: {size:,} bytes; no published file is over {LARGEST_FILE:,}.")
    if release is not None and release not in RELEASES:
        raise SourceError(f"{file}: no release is called `{release}`. {nearest(release, RELEASES)}")
    content = _read_bytes(path, file)
    found = hashlib.sha256(content).hexdigest()
    if sha256 is not None and found != sha256.lower():
        raise SourceError(
            f"{file}: not the file that was listed: its sha256 is {found}, the study says "
            f"{sha256}. Get the listed file, or list this one."
        )
    if _is_excel(content) and kind is not None:
        header, seen = [], kind  # a workbook is opened once, when it is read, and checked then
    else:
        header = _read_header(content, file)
        seen = _check_kind(kind, header, file)
    layout_year = layouts.year_of(header) if seen == "ks2" else None
    if year is not None and layout_year is not None and layout_year != year:
        raise SourceError(
            f"{file}, row 1: listed as {year}, but its columns of earlier years "
            f"(`_{layout_year - 2001:02d}`) say {layout_year}. Correct `year`."
        )
    title = layouts.titles().get(seen, seen)
    year = year or layout_year
    name = f"{title}, {year}" if year else title
    return Source(name, seen, year, release, file, path, found, content, licence)


def read_text(source: Source) -> Cells:
    """Give a file's cells exactly as published, every row, aggregate rows included.

    A cell that the row was cut off before is told from an empty one.
    """
    content = source.content
    if _is_excel(content):
        cells = _read_sheet(content, source.file)
        _check_kind(source.kind, cells.header, source.file)
    else:
        cells = split_cells(content, source.file)
    if not len(cells.rows):
        raise SourceError(f"{source.file}, row 2: there is no row below the header. Get it again.")
    return cells


def _read_bytes(path: Path, file: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SourceError(f"{file}: cannot be read ({error.strerror}).") from None


def _check_kind(kind: str | None, header: list[str], file: str) -> str:
    """Give the kind that a header is of; refuse it if that is none, or not the one asked for."""
    seen = layouts.recognise(header)
    if kind in layouts.OWN_TABLES and "URN" in {layouts.tidy(name) for name in header}:
        seen = kind
    if seen is None or (kind is not None and seen != kind):
        raise SourceError(f"{file}, row 1: {_wrong_kind(kind, seen, header)}")
    return seen


def _wrong_kind(kind: str | None, seen: str | None, header: list[str]) -> str:
    titles = layouts.titles()
    columns = ", ".join(name[:30] for name in header[:6])
    if seen is not None:
        return f"this is {titles[seen]} (`{seen}`), not {titles.get(str(kind), kind)} (`{kind}`)."
    wanted = layouts.missing_columns(str(kind), header) if kind else []
    lacks = f" For {titles.get(str(kind), kind)} it lacks {', '.join(wanted)}." if wanted else ""
    close = [f"`{c}`: {nearest(c, [layouts.tidy(n) for n in header])}" for c in wanted]
    hint = " ".join(c for c in close if "Did you mean" in c)
    return f"no kind of file we know has these columns ({columns} ...).{lacks} {hint}".rstrip()


def _is_excel(content: bytes) -> bool:
    return content.startswith(b"PK\x03\x04") and b"xl/" in content


def _read_header(content: bytes, file: str) -> list[str]:
    if _is_excel(content):
        rows = _open_sheet(content, file).to_python(nrows=1)
        return [_as_text(value) for value in rows[0]] if rows else []
    return read_header(content, file)


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
    except DAMAGED as error:
        raise _damaged(error, file) from None
    except python_calamine.CalamineError as error:
        raise _damaged(error, file) from None


def _damaged(error: Exception, file: str) -> SourceError:
    problem = str(error).splitlines()[0] if str(error) else type(error).__name__
    return SourceError(f"{file}: a damaged Excel file ({problem}). Download it again.")


def _refuse_vast_sheet(xml: bytes, file: str) -> None:
    """Refuse a sheet with a cell so far out that laying it out would fill the memory.

    The reader lays a sheet out in full, so one cell at XFD1048576 would end the whole process.
    """
    if b"sheetData" not in xml:
        return
    if b"\0" in xml or (b"&" in xml and re.search(rb"""\sr\s*=\s*["'][^"']*&""", xml)):
        raise SourceError(f"{file}: a damaged Excel file (odd cell names). Download it again.")
    if b't="e"' in xml or b"t='e'" in xml:
        raise SourceError(
            f"{file}: a cell holds an Excel error (#REF! or the like). Mend it first."
        )
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
    number = 0
    for letter in letters.upper():
        number = 26 * number + letter - 64
    return number


def _read_sheet(content: bytes, file: str) -> Cells:
    """Give a workbook's first sheet as cells, numbers and dates as plain text."""
    rows = _open_sheet(content, file).to_python()
    if not rows:
        raise SourceError(f"{file}: the first sheet is empty.")
    header = name_columns([_as_text(value) for value in rows[0]], file)
    texts = [[_as_text(value) for value in row] for row in rows[1:]]
    return number_cells(file, header, [(n, row) for n, row in enumerate(texts, 2) if any(row)])


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

"""Published files: found, held to their hash and kind, and given as text exactly as published."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from pepstats.errors import SourceError, nearest
from pepstats.sources.cells import Cells
from pepstats.sources.csv_text import read_header, split_cells
from pepstats.sources.excel import _as_text, _open_sheet, _read_sheet
from pepstats.sources.layouts import (
    OWN_TABLES,
    list_titles,
    missing_columns,
    recognise_layout,
    tidy_column,
    year_of,
)

LARGEST_FILE = 500_000_000  # bytes; the largest published file is about a tenth of this

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
    layout_year = year_of(header) if seen == "ks2" else None
    if year is not None and layout_year is not None and layout_year != year:
        raise SourceError(
            f"{file}, row 1: listed as {year}, but its columns of earlier years "
            f"(`_{layout_year - 2001:02d}`) say {layout_year}. Correct `year`."
        )
    title = list_titles().get(seen, seen)
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
    seen = recognise_layout(header)
    if kind in OWN_TABLES and "URN" in {tidy_column(name) for name in header}:
        seen = kind
    if seen is None or (kind is not None and seen != kind):
        raise SourceError(f"{file}, row 1: {_wrong_kind(kind, seen, header)}")
    return seen


def _wrong_kind(kind: str | None, seen: str | None, header: list[str]) -> str:
    titles = list_titles()
    columns = ", ".join(name[:30] for name in header[:6])
    if seen is not None:
        return f"this is {titles[seen]} (`{seen}`), not {titles.get(str(kind), kind)} (`{kind}`)."
    wanted = missing_columns(str(kind), header) if kind else []
    lacks = f" For {titles.get(str(kind), kind)} it lacks {', '.join(wanted)}." if wanted else ""
    close = [f"`{c}`: {nearest(c, [tidy_column(n) for n in header])}" for c in wanted]
    hint = " ".join(c for c in close if "Did you mean" in c)
    return f"no kind of file we know has these columns ({columns} ...).{lacks} {hint}".rstrip()


def _is_excel(content: bytes) -> bool:
    return content.startswith(b"PK\x03\x04") and b"xl/" in content


def _read_header(content: bytes, file: str) -> list[str]:
    if _is_excel(content):
        rows = _open_sheet(content, file).to_python(nrows=1)
        return [_as_text(value) for value in rows[0]] if rows else []
    return read_header(content, file)

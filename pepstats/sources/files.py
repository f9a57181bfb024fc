"""Published files: found, held to their hash and kind, and read as text exactly as published."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from pepstats.errors import DesignError, SourceError, nearest
from pepstats.settings import LARGEST_YAML, Member, SourceLine, read_once
from pepstats.sources.cells import Array, Cells, read_urn
from pepstats.sources.csv_text import read_header, read_rows, split_cells
from pepstats.sources.excel import Row, is_workbook, read_sheet, read_sheet_header
from pepstats.sources.layouts import (
    LONG,
    LONG_YEAR,
    OWN_TABLES,
    UNUSED,
    Layout,
    end_of_school_year,
    find_page,
    has_known_names,
    list_titles,
    missing_columns,
    misspelt,
    recognise_layouts,
    tidy_column,
    year_of,
)

LARGEST_FILE = 500_000_000  # bytes; the largest published file is about a tenth of this
NUMBER, WORD = re.compile(r"\d+"), re.compile(r"[^\W\d_]{5,}")
RAGGED = ("ks2", "ks4", "members", "statements", "support")


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
    codes: Mapping[str, str] = field(default_factory=dict)  # the study's own, in capitals
    shares: Mapping[str, str] = field(default_factory=dict)  # what it says of columns
    years: tuple[int, ...] = ()  # that it is read for: those of its rows, of a long file
    long: bool = False  # whether it is one of the Department's long files
    page: str | None = None  # where it was published, as the study says or its kind is


def find_source(line: SourceLine, data: Path) -> Source:
    """Find a published file and hold it to the line that a study has of it.

    The kind is known from the file's header, never from its name: with `kind` None it is what the
    header says. Raises `SourceError` when the file is missing, too large, of another kind, of
    another year's layout, or not the bytes that `sha256` names.
    """
    file, path = line.file, data / line.file
    content = _read_bytes(path, file, data)
    sha256 = hashlib.sha256(content).hexdigest()
    if line.sha256 not in (None, sha256):
        raise SourceError(
            f"{file}: not the file that was listed: its sha256 is {sha256}, the study says "
            f"{line.sha256}. Get the listed file, or list this one."
        )
    header, kind = list[str](), str(line.kind)
    if line.kind is None or not is_workbook(content):  # a workbook of a kind is checked when read
        header = (read_sheet_header if is_workbook(content) else read_header)(content, file)
        kind = _check_kind(line.kind, header, file)
    long = LONG_YEAR in map(tidy_column, header)
    year = year_of(header) if kind == "ks2" and not long else None
    if line.year is not None and year is not None and year != line.year:
        raise SourceError(
            f"{file}, row 1: listed as {line.year}, but its columns of earlier years "
            f"(`_{year - 2001:02d}`) say {year}. Correct `year`."
        )
    title, year = list_titles().get(kind, kind), line.year or year
    years = _list_years(content, file) if long and year is None else ()
    year = years[0] if len(years) == 1 else year
    name = f"{title}, {year}" if year else title
    return Source(
        name, kind, year, line.release, file, path, sha256, content, line.licence,
        {code.upper(): reason for code, reason in line.codes.items()}, line.shares,
        years or tuple(filter(None, [year])), long, line.page or find_page(kind) or None,
    )  # fmt: skip


def _list_years(content: bytes, file: str) -> tuple[int, ...]:
    """List the years of a long file's rows."""
    if is_workbook(content):
        cells = read_sheet(content, file)
        texts = set(cells.column(cells.columns[LONG_YEAR]))
    else:
        rows = read_rows(content, file)
        at = [tidy_column(name) for name in next(rows)[1]].index(LONG_YEAR)
        texts = {cells[at] for _, cells in rows if len(cells) > at}
    return tuple(sorted({year for text in texts if (year := end_of_school_year(text))}))


def read_text(source: Source) -> Cells:
    """Read a file's cells exactly as published, every row, aggregate rows included.

    A cell that the row was cut off before is told from an empty one.
    """
    if is_workbook(source.content):
        cells = read_sheet(source.content, source.file)
        _check_kind(source.kind, cells.header, source.file)
    else:
        cells = split_cells(source.content, source.file)
    if not len(cells.rows):
        raise SourceError(
            f"{source.file}, row 2: there is no row below the header. Get it again, "
            "or fill it in where it is your own."
        )
    doubts = _check_short_rows(cells, source.kind)
    return replace(cells, declared=source.codes, doubts=doubts)


def _check_short_rows(cells: Cells, kind: str) -> tuple[str, ...]:
    """Refuse a row that lacks a cell where others have them all: what follows would be another's.

    Only the wide results files are published with the last empty cells of a row left off.
    """
    long = "TIME_PERIOD" in cells.columns
    short = np.asarray((cells.codes < 0).any(axis=1))
    if not short.any() or short.all():
        return ()
    if kind in RAGGED and not long:
        return _find_moved_rows(cells, short)
    row = int(short.argmax())
    raise SourceError(
        f"{cells.file}, row {cells.rows[row]}: {(cells.codes[row] >= 0).sum()} cells under a "
        f"header of {len(cells.header)} ({short.sum():,} rows). Is a comma missing, or was the "
        "file cut off? Get it again, or write the missing cells."
    )


def _find_moved_rows(cells: Cells, short: Array) -> tuple[str, ...]:
    """Refuse a short row whose cells look more like those of the columns one further on, or back.

    What a cell looks like is its text with every number as 9 and every longer word as A. One cell
    alone may look so by chance: that is returned as a thing to say.
    """
    looks = [WORD.sub("A", NUMBER.sub("9", str(text or "").strip())) for text in cells.texts]
    kinds, look = np.unique(looks, return_inverse=True)
    met = np.zeros((len(kinds), len(cells.header)), dtype=bool)
    met[look[cells.codes[~short]], np.arange(len(cells.header))] = True
    met[kinds == ""] = True
    doubts = []
    for row in np.flatnonzero(short):
        width = int((cells.codes[row] >= 0).sum())
        own, j = look[cells.codes[row, :width]], np.arange(width)
        strange = ~met[own, j]
        for moved in (~met[own, j + 1], ~met[own, j - 1]):
            from_here = np.r_[moved[::-1].cumsum()[::-1], 0] + np.r_[0, strange.cumsum()]
            gained = int(strange.sum() - from_here.min())
            if gained:
                said = (
                    f"{cells.at(int(row), int(from_here.argmin()))}: from here on the figures are "
                    f"in other columns than those of other rows ({width} cells under a header of "
                    f"{len(cells.header)}). Is a comma missing, or one too many?"
                )
                if gained > 1:
                    raise SourceError(f"{said} Get the file again.")
                doubts.append(said.replace("the figures are", "the figures may be"))
    return tuple(doubts)


def _read_bytes(path: Path, file: str, data: Path) -> bytes:
    if not path.is_file():
        there = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        hint = nearest(path.name, there) if there else f"There is no folder {path.parent}."
        raise SourceError(f"{file}: there is no such file in {data}. {hint}")
    size = path.stat().st_size
    if size > LARGEST_FILE:
        raise SourceError(f"{file}: {size:,} bytes; no published file is over {LARGEST_FILE:,}.")
    try:
        return path.read_bytes()
    except OSError as error:
        raise SourceError(f"{file}: cannot be read ({error.strerror}).") from None


def _check_kind(kind: str | None, header: list[str], file: str) -> str:
    """Return the kind that a header is of; refuse it if that is none, or not the one asked for."""
    names, titles = [tidy_column(name) for name in header], list_titles()
    if kind in OWN_TABLES and "URN" in names:
        return str(kind)
    found, called = recognise_layouts(header), titles.get(str(kind), kind)
    if len(found) > 1:
        told = " or ".join(f"{one.title} (`{one.kind}`)" for one in found)
        what = f"this may be {told}: it has columns of each. Give each kind a file of its own."
        raise SourceError(f"{file}, row 1: {what}")
    if found and found[0].kind in (LONG, UNUSED):
        raise SourceError(f"{file}, row 1: {_name_unused(found[0])}")
    if found and kind in (None, found[0].kind):
        return found[0].kind
    if found:
        this = f"this is {found[0].title} (`{found[0].kind}`), not {called} (`{kind}`)."
        raise SourceError(f"{file}, row 1: {this}")
    if not has_known_names(header):  # what it holds may be nobody's business: nothing is repeated
        lacks = f" For {called} it lacks {', '.join(missing_columns(kind, []))}." if kind else ""
        raise SourceError(
            f"{file}, row 1: no kind of file we know: none of its {len(header)} columns is one of "
            f"ours.{lacks} Check `file`."
        )
    columns = ", ".join(name[:30] for name in header[:6])
    wanted = missing_columns(kind, header) if kind else []
    lacks = f" For {called} it lacks {', '.join(wanted)}." if wanted else ""
    close = [f"`{column}`: {nearest(column, names[:400])}" for column in wanted]
    hint = " ".join(one for one in close if "Did you mean" in one)
    what = f"no kind of file we know has these columns ({columns} ...).{lacks} {hint}".rstrip()
    raise SourceError(f"{file}, row 1: {what}")


def _name_unused(layout: Layout) -> str:
    """Say what a file is that nothing in a report is made of."""
    if layout.kind == UNUSED:
        return f"this is {layout.title}, which no report uses. Leave it out."
    return (
        f"this is one of the Department's long files (explore education statistics): "
        f"{layout.title}. Of those, only the files by school of key stage 2 (attainment, "
        "information), key stage 4 (performance, information) and absence are read."
    )


def read_members(file: str, data: Path) -> list[Member]:
    """Read a programme's schools from a CSV or workbook whose columns are those of a member.

    Columns of other names are passed over, one that must be meant for a member's is refused.
    """
    path, known = data / file, list(Member.model_fields)
    if not path.is_file():
        raise DesignError(f"{path}: there is no such file. Check `members.file`.")
    if path.stat().st_size > LARGEST_YAML:
        raise DesignError(f"{path}: larger than {LARGEST_YAML:,} bytes, so not a list of members.")
    header, rows = read_listed_rows(path, file, "table of members", known, ("urn",))
    members = []
    for number, row in rows:
        cells = {n: cell.strip() for n, cell in zip(header, row, strict=False) if cell.strip()}
        own = {name: text for name, text in cells.items() if name in known}
        try:
            if cells:
                members.append(Member.model_validate({**own, "urn": read_urn(own.get("urn", ""))}))
        except ValueError:  # pydantic's is one
            raise DesignError(
                f"{path}, row {number}: `{', '.join(row)[:120]}` is not a school: `urn` is a whole "
                "number of six or seven digits, `dose` a number or nothing, `joined` 2017-09, "
                "2017-09-04, 2017/18, 2018 or nothing."
            ) from None
    if not members:
        raise DesignError(f"{path}: no school is listed.")
    return members


def read_listed_rows(
    path: Path, file: str, what: str, known: Sequence[str], needed: Iterable[str]
) -> tuple[list[str], list[Row]]:
    """Read an authority's own list: its column names, held to the known ones, and its rows."""
    try:
        (line, names), *rows = _split_list(read_once(path), file)
    except SourceError as error:
        raise DesignError(f"{path}: not a {what}: {error}") from None
    header = [name.strip().lower() for name in names]
    slips = misspelt(header, known)
    if not {*needed} <= {*header} or len(set(header)) < len(header) or slips:
        said = f" `{slips[0][:60]}` is none of them. {nearest(slips[0], known)}" if slips else ""
        raise DesignError(f"{path}, row {line}: expected the columns {', '.join(known)}.{said}")
    return header, rows


def _split_list(content: bytes, file: str) -> list[Row]:
    """Split a list into its header and rows, with their lines."""
    if is_workbook(content):
        sheet = read_sheet(content, file)
        cells = [["" if text is None else text for text in row] for row in sheet.texts[sheet.codes]]
        return [(1, sheet.header), *zip(sheet.rows.tolist(), cells, strict=True)]
    rows = list(read_rows(content, file))
    *full, last = [len(row) for _, row in rows]
    if not content.endswith((b"\n", b"\r")) and full and last < min(full):
        where = f"{file}, row {rows[-1][0]}"
        raise SourceError(f"{where}: the file stops in the middle of this row. Get it again.")
    return rows

"""A programme's schools read from the table beside its file."""

from __future__ import annotations

from pathlib import Path

from pepstats.errors import DesignError, SourceError, nearest
from pepstats.settings import LARGEST_YAML, Member, read_once
from pepstats.sources.cells import read_urn
from pepstats.sources.csv_text import read_rows
from pepstats.sources.excel import is_workbook, read_sheet
from pepstats.sources.layouts import misspelt

Rows = list[tuple[int, list[str]]]


def read_members(file: str, data: Path) -> list[Member]:
    """Read a programme's schools from a CSV or workbook whose columns are those of a member.

    Columns of other names are passed over, one that must be meant for a member's is refused.
    """
    path, known = data / file, list(Member.model_fields)
    if not path.is_file():
        raise DesignError(f"{path}: there is no such file. Check `members.file`.")
    if path.stat().st_size > LARGEST_YAML:
        raise DesignError(f"{path}: larger than {LARGEST_YAML:,} bytes, so not a list of members.")
    try:
        (line, names), *rows = _read_table(read_once(path), file)
    except SourceError as error:
        raise DesignError(f"{path}: not a table of members: {error}") from None
    header = [name.strip().lower() for name in names]
    slips = misspelt(header, known)
    if "urn" not in header or len(set(header)) < len(header) or slips:
        said = f" `{slips[0][:60]}` is none of them. {nearest(slips[0], known)}" if slips else ""
        raise DesignError(f"{path}, row {line}: expected the columns {', '.join(known)}.{said}")
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
                "number of six or seven digits, `dose` a number or nothing."
            ) from None
    if not members:
        raise DesignError(f"{path}: no school is listed.")
    return members


def _read_table(content: bytes, file: str) -> Rows:
    """Read the header and the rows of a table, with their lines."""
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

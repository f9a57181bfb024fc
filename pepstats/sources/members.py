"""A programme's schools read from the CSV beside its file."""

from __future__ import annotations

from pathlib import Path

from pepstats.errors import DesignError, SourceError
from pepstats.settings import LARGEST_YAML, Member, read_once
from pepstats.sources.csv_text import read_rows


def read_members(file: str, data: Path) -> list[Member]:
    """Read a programme's schools from a CSV whose columns are those of a member."""
    path, known = data / file, list(Member.model_fields)
    if not path.is_file():
        raise DesignError(f"{path}: there is no such file. Check `members.file`.")
    if path.stat().st_size > LARGEST_YAML:
        raise DesignError(f"{path}: larger than {LARGEST_YAML:,} bytes, so not a list of members.")
    try:
        (_, names), *rows = read_rows(read_once(path), file)
    except SourceError as error:
        raise DesignError(f"{path}: not a CSV of members: {error}") from None
    header = [name.strip().lower() for name in names]
    if set(header) - set(known) or "urn" not in header or len(set(header)) < len(header):
        expected = f"expected the columns {', '.join(known)}, found {', '.join(header)}"
        raise DesignError(f"{path}, row 1: {expected}.")
    members = []
    for number, row in rows:
        cells = {n: cell.strip() for n, cell in zip(header, row, strict=False) if cell.strip()}
        try:
            if cells:
                members.append(Member.model_validate({**cells, "urn": int(cells.get("urn", ""))}))
        except ValueError:  # pydantic's is one
            raise DesignError(
                f"{path}, row {number}: `{', '.join(row)}` is not a school: `urn` is a whole "
                "number of six or seven digits, `dose` a number or nothing."
            ) from None
    if not members:
        raise DesignError(f"{path}: no school is listed.")
    return members

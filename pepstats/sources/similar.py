"""A published list of similar schools read from the table beside a study: two URNs a row."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from pepstats.errors import SourceError, nearest
from pepstats.sources.cells import Cells, read_urn
from pepstats.sources.csv_text import split_cells
from pepstats.sources.excel import is_workbook, read_sheet

COLUMNS = ("URN", "SIMILAR_URN")
LARGEST_LIST = 100_000_000  # bytes; fifty schools for each school of England are 12 MB


def read_similar(file: str, data: Path) -> pd.DataFrame:
    """Read a list of similar schools: `urn`, `similar` and the `row` that each pair stands in.

    Rows keep their order, in which the nearest comes first. Other columns are passed over. Raises
    SourceError for a file that is missing, too large or no such list, and for a cell that is no
    URN, each in one message.
    """
    path = data / file
    if not path.is_file():
        raise SourceError(f"{path}: there is no such file. Check `pool.lists`.")
    if path.stat().st_size > LARGEST_LIST:
        raise SourceError(
            f"{path}: {path.stat().st_size:,} bytes; a list of similar schools has at most "
            f"{LARGEST_LIST:,}. Keep the schools that are asked about."
        )
    content = path.read_bytes()
    cells = read_sheet(content, file) if is_workbook(content) else split_cells(content, file)
    names = [name.strip().upper() for name in cells.header]
    lacking = [name.lower() for name in COLUMNS if names.count(name) != 1]
    if lacking:
        raise SourceError(
            f"{file}, row 1: a list of similar schools has the columns urn and similar_urn, each "
            f"once; {lacking[0]} is not one of its columns. {nearest(lacking[0], cells.header)}"
        )
    if not len(cells.rows):
        raise SourceError(f"{file}, row 2: there is no row below the header. Get it again.")
    urn, similar = (_read(cells, names.index(name)) for name in COLUMNS)
    return pd.DataFrame({"row": cells.rows, "urn": urn, "similar": similar})


def _read(cells: Cells, column: int) -> pd.Series:
    """Read a column of URNs; the first that is none is named, with how many there are."""
    text = cells.text(column)
    urn = text.map({one: read_urn(one) for one in text.unique()})
    wrong = urn.isna().to_numpy()
    if wrong.any():
        first = int(wrong.argmax())
        raise SourceError(
            f"{cells.at(first, column)}: `{text.iloc[first][:40]}` is not a URN, a whole number of "
            f"six or seven digits ({wrong.sum():,} rows). Correct the list."
        )
    return urn.astype("int64")

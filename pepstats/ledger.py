"""The account of a file: every row and every cell that came in, and where it went."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from pepstats import codes
from pepstats.cells import Cells
from pepstats.errors import SourceError
from pepstats.sources import Source


@dataclass(frozen=True)
class Ledger:
    """What became of a file's rows and cells; both sides add up or it cannot be made.

    Attributes
    ----------
    rows_in, rows_kept
        Rows below the header, and those kept as schools (or as the table's own rows).
    aggregates
        Rows that are an authority or England, by what they are.
    left_out
        Rows left out, by why.
    cells_in, values, words
        Cells in those rows, cells that became a number, and cells of columns that hold words.
    reasons
        Cells without a number, by why; `cells_in = values + words + sum(reasons)`.
    unread
        Cells of columns that no layout we know has; named in `columns_unread`.
    codes
        Each published code that was met: columns `column`, `code`, `reason`, `cells`.
    """

    file: str
    kind: str
    year: int | None
    release: str | None
    rows_in: int
    rows_kept: int
    aggregates: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    cells_in: int = 0
    values: int = 0
    words: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    unread: int = 0
    columns_unread: tuple[str, ...] = ()
    codes: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse an account that does not add up: a row or a cell would have been lost."""
        rows = self.rows_kept + sum(self.aggregates.values()) + sum(self.left_out.values())
        cells = self.values + self.words + self.unread + sum(self.reasons.values())
        if rows != self.rows_in or cells != self.cells_in:
            raise SourceError(
                f"{self.file}: the account does not add up: {self.rows_in} rows in and {rows} "
                f"accounted for, {self.cells_in} cells in and {cells} accounted for. "
                "This is a defect of pepstats; please report it with the file's name."
            )


def account_for_table(
    raw: Cells, source: Source, rows_kept: int, left_out: dict[str, int]
) -> Ledger:
    """Add up a table whose cells are read as words, numbers and dates, not as measures."""
    cells, cut_off = raw.codes.size, int((raw.codes < 0).sum())
    return Ledger(
        file=source.file, kind=source.kind, year=source.year, release=source.release,
        rows_in=len(raw.rows), rows_kept=rows_kept, left_out=left_out, cells_in=cells,
        words=cells - cut_off, reasons={codes.CUT_OFF: cut_off} if cut_off else {},
    )  # fmt: skip

"""What may leave, in which edition: small counts hidden so that no sum gives them back.

A count from 1 up to the threshold is hidden. Where totals stand beside it, others are hidden with
it, until what a reader could work out from everything shown is a range at least as wide as the
threshold. Each hidden cell is written in a log with its reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_flow

from pepstats.errors import DesignError

SMALLEST = 5  # counts up to this are hidden unless a study says otherwise
FEWEST_SCHOOLS = 3  # a figure of fewer schools is as good as a name
HIDDEN = "[c]"  # how a hidden count is written: the Analysis Function's mark for confidential
TOTAL = "Total"
SMALL = "small count"
BESIDE = "hidden so that a small count cannot be worked out"
DIFFERS = "differs from the last release by a small count"
NAMES_SCHOOL = "could show a school's results before they are published"
NO_CONSENT = "no consent to publish"
LOG_COLUMNS = ["table", "row", "column", "reason"]
SHOWN_COLUMNS = ["table", "row", "column", "count"]


@dataclass(frozen=True)
class View:
    """Whom an edition of a paper is for, and so what it may show.

    `names` gives schools' names by their numbers, for the exempt edition; `last_shown` the counts
    that the last release showed: `table`, `row`, `column`, `count` (missing where hidden).
    """

    exempt: bool = False
    names: Mapping[int, str] = field(default_factory=dict, repr=False)
    fewest_schools: int = FEWEST_SCHOOLS
    last_shown: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(columns=SHOWN_COLUMNS), repr=False
    )

    @property
    def smallest(self) -> int:
        """The largest count of schools that is hidden; zero where nothing is."""
        return 0 if self.exempt else self.fewest_schools - 1

    def protect(self, counts: pd.DataFrame, name: str) -> Protected:
        """Hide what this edition may not show of a table of counts of schools."""
        rows = self.last_shown.loc[self.last_shown["table"] == name]
        before = rows.pivot(index="row", columns="column", values="count")
        return protect_counts(counts, name=name, smallest=self.smallest, before=before)


@dataclass(frozen=True)
class Protected:
    """A table of counts that may leave, and every cell hidden in it.

    `shown` has the totals as its last row and column, missing where hidden; `log` has one row per
    hidden cell: `table`, `row`, `column`, `reason`.
    """

    shown: pd.DataFrame = field(repr=False)
    log: pd.DataFrame = field(repr=False)

    def words(self) -> pd.DataFrame:
        """Return the table as text, a hidden count written as `[c]`."""
        return self.shown.map(lambda n: HIDDEN if pd.isna(n) else f"{int(n):,}")


def hidden_note(shown: Protected, view: View) -> str:
    """Explain the mark of a hidden count, where there is one."""
    if shown.log.empty:
        return ""
    words = (
        f"{HIDDEN} is a count hidden so that no school can be known by it: one of fewer "
        f"than {view.fewest_schools} schools, or one from which that could be worked out."
    )
    if (shown.log["reason"] == DIFFERS).any():
        words += " So is one that differs by so few from what was shown before."
    return words


def protect_counts(
    counts: pd.DataFrame, *, name: str, smallest: int = SMALLEST, before: pd.DataFrame | None = None
) -> Protected:
    """Hide small counts of a table, and as few others as keep them from being worked out.

    `counts` holds whole numbers without totals; row and column totals are added. `before` is the
    table as the last release showed it, totals and all: a count that differs from its own there by
    a small one is hidden too. Raises `DesignError` when a count is missing, negative or not whole.
    """
    numbers = counts.to_numpy(dtype=float)
    if np.isnan(numbers).any() or (numbers < 0).any() or (numbers % 1 != 0).any():
        raise DesignError(f"{name}: counts must be whole numbers from nought up, none missing.")
    cells = _with_totals(numbers.astype(np.int64))
    now = pd.DataFrame(
        cells, index=[*map(str, counts.index), TOTAL], columns=[*map(str, counts.columns), TOTAL]
    )
    then = pd.DataFrame() if before is None else before.rename(index=str, columns=str)
    apart = _few_apart(now, then, smallest)
    differs = apart.reindex(index=now.index, columns=now.columns, fill_value=False).to_numpy(bool)
    small = (cells >= 1) & (cells <= smallest)
    hidden = small | differs
    for row, column in zip(*np.nonzero(hidden), strict=True):
        while not _is_safe(cells, hidden, (row, column), smallest):
            if not _hide_one_more(cells, hidden, row, column):
                hidden[:, :] = True
                break
    reasons = np.where(small, SMALL, np.where(differs, DIFFERS, BESIDE))
    log = [
        (name, now.index[row], now.columns[column], str(reasons[row, column]))
        for row, column in zip(*np.nonzero(hidden), strict=True)
    ]
    shown = pd.DataFrame(
        np.where(hidden, np.nan, cells.astype(float)),
        index=pd.Index([*counts.index, TOTAL], name=counts.index.name),
        columns=[*counts.columns, TOTAL],
    )
    return Protected(shown, pd.DataFrame(log, columns=LOG_COLUMNS))


def _with_totals(cells: NDArray[np.int64]) -> NDArray[np.int64]:
    wide = np.column_stack([cells, cells.sum(axis=1)])
    return np.vstack([wide, wide.sum(axis=0)])


def work_out(
    cells: NDArray[np.int64], hidden: NDArray[np.bool_], place: tuple[int, int]
) -> tuple[float, float]:
    """Return the least and the most that a hidden cell could be, as a reader could work out.

    The reader knows every shown cell, that the last row and column are totals, and that counts
    are not negative. Rows and columns are then the nodes of a network and hidden cells its edges: a
    cell can grow by as much as can flow back through the others, and shrink by as much the other
    way (the maximum flow; exact for whole numbers).
    """
    size, endless = sum(cells.shape), int(cells.sum()) + 1
    room = np.zeros((size, size), dtype=np.int32)
    start, end = _ends(place, cells.shape)
    for spot in zip(*np.nonzero(hidden), strict=True):
        if spot != tuple(place):
            one, other = _ends(spot, cells.shape)
            room[one, other], room[other, one] = endless, cells[spot]
    net, value = csr_array(room), float(cells[place])
    down, up = (maximum_flow(net, *way).flow_value for way in ((start, end), (end, start)))
    return value - min(value, down), value + up if up < endless else np.inf


def _ends(spot: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, int]:
    """Return the nodes that a cell leads from and to, rows first; a total leads the other way."""
    row, column = spot[0], shape[0] + spot[1]
    turned = (spot[0] == shape[0] - 1) != (spot[1] == shape[1] - 1)
    return (column, row) if turned else (row, column)


def _is_safe(
    cells: NDArray[np.int64], hidden: NDArray[np.bool_], place: tuple[int, int], smallest: int
) -> bool:
    low, high = work_out(cells, hidden, place)
    return high - low >= smallest - 1e-6


def _hide_one_more(
    cells: NDArray[np.int64], hidden: NDArray[np.bool_], row: int, column: int
) -> bool:
    """Hide one more count: where hidden lines cross, else beside the small one, else anywhere.

    Of those the least that is not zero, and not a total where that can be.
    """
    last_row, last_column = cells.shape[0] - 1, cells.shape[1] - 1
    lines = {(row, n) for n in range(last_column + 1)} | {(n, column) for n in range(last_row + 1)}
    crossed = set(zip(*np.nonzero(np.outer(hidden.any(axis=1), hidden.any(axis=0))), strict=True))
    for spots in (crossed, lines, set(np.ndindex(cells.shape))):
        left = [spot for spot in spots if not hidden[spot]]
        if left:
            chosen = min(left, key=lambda s: (s[0] == last_row or s[1] == last_column,
                                              cells[s] == 0, cells[s], s))  # fmt: skip
            hidden[chosen] = True
            return True
    return False


def find_small_changes(
    now: pd.DataFrame, before: pd.DataFrame, *, name: str, smallest: int = SMALLEST
) -> pd.DataFrame:
    """List the cells that, set beside the last release, show a small count by their difference.

    Both tables have the same names of rows and columns; a hidden cell is missing. A cell that only
    one of them has is not compared. One row per cell: `table`, `row`, `column`, `reason`.
    """
    few = _few_apart(now, before, smallest)
    found = [(name, str(r), str(c), DIFFERS) for r in few.index for c in few if few.loc[r, c]]
    return pd.DataFrame(found, columns=LOG_COLUMNS)


def _few_apart(now: pd.DataFrame, before: pd.DataFrame, smallest: int) -> pd.DataFrame:
    """Mark the cells of both tables that differ by a small count."""
    rows = now.index.intersection(before.index, sort=False)
    columns = now.columns.intersection(before.columns, sort=False)
    moved = (now.loc[rows, columns] - before.loc[rows, columns]).abs()
    return (moved >= 1) & (moved <= smallest)


def list_shown(name: str, shown: pd.DataFrame) -> pd.DataFrame:
    """List a table's counts as the next release is to be set beside: one row each."""
    rows = [(name, str(r), str(c), shown.loc[r, c]) for r in shown.index for c in shown.columns]
    return pd.DataFrame(rows, columns=SHOWN_COLUMNS)


def withhold(name: str, reason: str) -> pd.DataFrame:
    """Return the log of a whole table or picture that is held back."""
    return pd.DataFrame([(name, "all", "all", reason)], columns=LOG_COLUMNS)


def join_logs(logs: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Join logs into one, without repeats, in the order given."""
    parts = [log for log in logs if len(log)]
    if not parts:
        return pd.DataFrame(columns=LOG_COLUMNS)
    return pd.concat(parts, ignore_index=True).drop_duplicates(ignore_index=True)

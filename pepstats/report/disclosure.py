"""What may leave, in which edition: small counts hidden so that no sum gives them back.

A count from 1 up to the threshold is hidden. Where totals stand beside it, others are hidden with
it, until what a reader could work out from everything shown is a range at least as wide as the
threshold. Each hidden cell is written in a log with its reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pepstats.errors import DesignError
from pepstats.settings import Disclosure

HIDDEN = "[c]"  # how a hidden count is written: the Analysis Function's mark for confidential
HELD = "not shown until results are published"
NOT_YET_PUBLIC = ("school-returned", "provisional")  # releases that only the authority has
TOTAL = "Total"
SMALL = "small count"
BESIDE = "hidden so that a small count cannot be worked out"
DIFFERS = "differs from the last release by a small count"
NAMES_SCHOOL = "could show a school's results before they are published"
NO_CONSENT = "no consent to publish"
LOG_COLUMNS = ["table", "row", "column", "reason"]
SHOWN_COLUMNS = ["table", "row", "column", "count"]
Before = Sequence[pd.DataFrame]


@dataclass(frozen=True)
class View:
    """Whom an edition of a paper is for, and so what it may show.

    `names` gives schools' names by their numbers, for the exempt edition; `told` the counts that
    earlier releases showed: `release`, `table`, `row`, `column`, `count` (missing where hidden).
    """

    exempt: bool = False
    names: Mapping[int, str] = field(default_factory=dict, repr=False)
    policy: Disclosure = field(default_factory=Disclosure)
    told: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)

    @property
    def smallest(self) -> int:
        """The largest count of schools that is hidden; zero where nothing is."""
        return 0 if self.exempt else self.policy.safe_threshold - 1

    def shown_before(self, name: str) -> list[pd.DataFrame]:
        """Return a table of counts as each earlier release showed it."""
        if self.told.empty:
            return []
        rows = self.told[self.told["table"] == name]
        return [
            part.pivot(index="row", columns="column", values="count")
            for _, part in rows.groupby("release")
        ]

    def may_show_all(self, counts: pd.DataFrame, name: str) -> bool:
        """Whether nothing of a table of counts must be hidden."""
        cells = _Cells.lay_out(*as_cube(counts, name), None)
        return not cells.must_hide({name: self.shown_before(name)}, self.smallest).any()

    def protect_linked(
        self, cube: pd.Series, tables: Mapping[str, tuple[str, str]], known: str | None = None
    ) -> dict[str, Protected]:
        """Hide what this edition may not show of tables that count the same schools."""
        before = {name: self.shown_before(name) for name in tables}
        return protect_linked(cube, tables, smallest=self.smallest, known=known, before=before)


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
        f"than {view.policy.safe_threshold} schools, or one from which that could be worked out."
    )
    if (shown.log["reason"] == DIFFERS).any():
        words += " So is one that differs by so few from what was shown before."
    return words


def as_cube(counts: pd.DataFrame, name: str) -> tuple[pd.Series, dict[str, tuple[str, str]]]:
    """Return one table of counts as `protect_linked` takes it: the counts, and what the table is.

    `counts` holds whole numbers without totals. Raises `DesignError` when one is missing, negative
    or not whole.
    """
    numbers = counts.to_numpy(dtype=float)
    if np.isnan(numbers).any() or (numbers < 0).any() or (numbers % 1 != 0).any():
        raise DesignError(f"{name}: counts must be whole numbers from zero up, none missing.")
    every = pd.MultiIndex.from_product([counts.index, counts.columns], names=["row", "column"])
    return pd.Series(numbers.ravel().astype(int), index=every), {name: ("row", "column")}


def protect_linked(
    cube: pd.Series,
    tables: Mapping[str, tuple[str, str]],
    *,
    smallest: int,
    known: str | None = None,
    before: Mapping[str, Before] | None = None,
) -> dict[str, Protected]:
    """Hide small counts of tables of the same schools, so that all together give none back.

    Parameters
    ----------
    cube : pandas.Series
        Counts, one index level for each thing that schools are divided by, each name once.
    tables : mapping of str to (str, str)
        By name, the levels that are a table's rows and columns; totals are added.
    smallest : int
        The largest count that is hidden.
    known : str, optional
        A level whose totals anyone knows: they are never hidden, and a reader reckons with them.
    before : mapping of str to sequence of pandas.DataFrame, optional
        Each table as earlier releases showed it, totals and all: a count that differs from its own
        there by a small one is hidden too.

    Returns
    -------
    dict of str to Protected
    """
    cells = _Cells.lay_out(cube, tables, known)
    must = cells.must_hide(before or {}, smallest)
    small = must & (cells.counts <= smallest) & (cells.counts >= 1)
    differs = must & ~small
    hidden = must.copy()
    for place in map(int, np.flatnonzero(must)):
        cells.hide_beside(place, hidden, smallest)
    cells.settle_beside(must, hidden, smallest)
    reasons = np.where(small, SMALL, np.where(differs, DIFFERS, BESIDE))
    return {name: cells.show(name, hidden, reasons) for name in tables}


@dataclass(frozen=True)
class _Cells:
    """Every cell of some tables, totals too, each the sum of some of the cube's counts.

    `parts` has a row a cell and a column a count of the cube; `at` each cell's table, row, column.
    """

    at: pd.DataFrame
    parts: NDArray[np.float64]
    counts: NDArray[np.int64]
    known: NDArray[np.bool_]

    @classmethod
    def lay_out(
        cls, cube: pd.Series, tables: Mapping[str, tuple[str, str]], known: str | None
    ) -> _Cells:
        """Set out each table's cells by its rows and columns, each with its total last."""
        names = {level: list(dict.fromkeys(cube.index.get_level_values(level)))
                 for level in cube.index.names}  # fmt: skip
        full = cube.reindex(pd.MultiIndex.from_product(names.values(), names=names), fill_value=0)
        within = {level: full.index.get_level_values(level) for level in names}
        at, parts, public = [], [], []
        for table, levels in tables.items():
            for spot in product(*([*names[level], TOTAL] for level in levels)):
                here = np.ones(len(full), dtype=bool)
                for level, name in zip(levels, spot, strict=True):
                    here &= np.ones(len(full), bool) if name == TOTAL else within[level] == name
                at.append((table, *spot))
                parts.append(here.astype(float))
                divided = {one for one, name in zip(levels, spot, strict=True) if name != TOTAL}
                public.append(known is not None and divided <= {known})
        matrix = np.array(parts)
        counts = np.rint(matrix @ full.to_numpy(float)).astype(np.int64)
        frame = pd.DataFrame(at, columns=["table", "row", "column"])
        return cls(frame, matrix, counts, np.array(public))

    def must_hide(self, before: Mapping[str, Before], smallest: int) -> NDArray[np.bool_]:
        """Mark the cells that are hidden for themselves, not for what is beside them."""
        small = (self.counts >= 1) & (self.counts <= smallest)
        return (small | self.differ(before, smallest)) & ~self.known

    def differ(self, before: Mapping[str, Before], smallest: int) -> NDArray[np.bool_]:
        """Mark the cells that an earlier release showed as a count a few apart from this one."""
        found = np.zeros(len(self.at), dtype=bool)
        for table, shown in before.items():
            for then in shown:
                apart = _few_apart(self.table(table, self.counts.astype(float)), then, smallest)
                for place in np.flatnonzero(self.at["table"] == table):
                    row, column = (str(self.at.loc[place, name]) for name in ("row", "column"))
                    if row in apart.index and column in apart:
                        found[place] |= bool(apart.loc[row, column])
        return found

    def hide_beside(self, place: int, hidden: NDArray[np.bool_], smallest: int) -> None:
        """Hide others with a hidden cell until it is safe; all, where none are left to choose."""
        while not self.is_safe(place, hidden, smallest):
            more = self.choose_next(place, hidden)
            if more is None:
                hidden |= ~self.known
                return
            hidden[more] = True

    def settle_beside(
        self, must: NDArray[np.bool_], hidden: NDArray[np.bool_], smallest: int
    ) -> None:
        """Show again what is hidden beside others for nothing, since it could be worked out.

        Where showing it would tell of a cell that must be hidden, more is hidden beside it instead:
        no hidden cell says that it is hidden and can be worked out all the same.
        """
        shown_again: set[int] = set()
        while True:
            then = hidden.copy()
            for place in map(int, np.flatnonzero(hidden & ~must)):
                if self.is_safe(place, hidden, smallest):
                    continue
                hidden[place] = False
                safe = (self.is_safe(int(p), hidden, smallest) for p in np.flatnonzero(must))
                if place not in shown_again and all(safe):
                    shown_again.add(place)
                    continue
                hidden[place] = True
                self.hide_beside(place, hidden, smallest)
            if (hidden == then).all():
                return

    def is_safe(self, place: int, hidden: NDArray[np.bool_], smallest: int) -> bool:
        low, high = self.work_out(place, hidden)
        return high - low >= smallest - 1e-6

    def work_out(self, place: int, hidden: NDArray[np.bool_]) -> tuple[float, float]:
        """Return the least and the most that a cell could be, going by all that are shown.

        The reader knows that counts are whole and not negative: two integer programmes.
        """
        from scipy.optimize import LinearConstraint, milp

        shown = ~hidden
        rows, held = np.unique(self.parts[shown], axis=0, return_index=True)
        limit = LinearConstraint(rows, *[self.counts[shown][held]] * 2) if len(rows) else ()
        ends = []
        for sign in (1.0, -1.0):
            found = milp(sign * self.parts[place], integrality=np.ones(self.parts.shape[1]),
                         constraints=limit)  # fmt: skip
            ends.append(sign * found.fun if found.status == 0 else np.inf)
        return ends[0], ends[1]

    def choose_next(self, place: int, hidden: NDArray[np.bool_]) -> int | None:
        """Choose one more cell to hide: beside the small one and no total, the least of these."""
        open_ = [int(one) for one in np.flatnonzero(~hidden & ~self.known)]
        if not open_:
            return None
        here = self.at.loc[place]

        def order(other: int) -> tuple[int, ...]:
            one = self.at.loc[other]
            same = one["table"] == here["table"]
            beside = same and (one["row"] == here["row"] or one["column"] == here["column"])
            lines = self.at[hidden & (self.at["table"] == one["table"]).to_numpy()]
            crossed = one["row"] in set(lines["row"]) and one["column"] in set(lines["column"])
            total = TOTAL in (one["row"], one["column"])
            count = int(self.counts[other])
            return (not same, total, not crossed, not beside, count == 0, count, other)

        return min(open_, key=order)

    def table(self, name: str, values: NDArray[np.float64]) -> pd.DataFrame:
        """Return a table of one value a cell, its rows and columns named as text."""
        own = self.at["table"] == name
        frame = self.at[own].astype(str).assign(value=values[own.to_numpy()])
        rows, columns = (list(dict.fromkeys(frame[one])) for one in ("row", "column"))
        return frame.pivot(index="row", columns="column", values="value").loc[rows, columns]

    def show(self, name: str, hidden: NDArray[np.bool_], reasons: NDArray[np.str_]) -> Protected:
        """Return a table as it may leave, and the log of what is hidden in it."""
        shown = self.table(name, np.where(hidden, np.nan, self.counts.astype(float)))
        own = np.flatnonzero((self.at["table"] == name).to_numpy() & hidden)
        log = [(*self.at.loc[place].astype(str), str(reasons[place])) for place in own]
        shown = shown.rename_axis(index=None, columns=None)
        return Protected(shown, pd.DataFrame(log, columns=LOG_COLUMNS))


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


def refuse_unpublished(releases: Iterable[object], what: str) -> None:
    """Refuse to make a public edition of many programmes while a result they rest on is early.

    What may stand together is not reckoned for so many: before results are published, nothing of
    them leaves.
    """
    early = sorted({str(one) for one in releases} & set(NOT_YET_PUBLIC))
    if early:
        raise DesignError(
            f"{what}: a public edition is made of published results only, and some are "
            f"{' and '.join(early)}. Wait for the published results, or ask for the exempt edition "
            "alone: --exempt."
        )

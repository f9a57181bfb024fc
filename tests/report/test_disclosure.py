from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy.optimize import linprog

from pepstats.errors import DesignError
from pepstats.report import disclosure


def table(rows: list[list[int]]) -> pd.DataFrame:
    return pd.DataFrame(
        rows, index=[f"r{n}" for n in range(len(rows))], columns=list("abcdef")[: len(rows[0])]
    )


def by_subtraction(shown: pd.DataFrame) -> pd.DataFrame:
    """What a reader gets who fills in, again and again, a line with one cell missing."""
    cells = shown.to_numpy(dtype=float).copy()
    moved = True
    while moved:
        moved = False
        for lines in (cells, cells.T):
            for line in lines:
                gaps = np.flatnonzero(np.isnan(line))
                if len(gaps) == 1:
                    place = gaps[0]
                    inner = np.nansum(line[:-1])
                    line[place] = inner if place == len(line) - 1 else line[-1] - inner
                    moved = True
    return pd.DataFrame(cells, index=shown.index, columns=shown.columns)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    arrays(np.int64, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=4),
           elements=st.integers(0, 30)),
    st.integers(2, 10),
)  # fmt: skip
def test_a_small_count_cannot_be_worked_out_again(cells: np.ndarray, smallest: int) -> None:
    counts = table(cells.tolist())
    protected = disclosure.protect_counts(counts, name="t", smallest=smallest)
    truth = disclosure._with_totals(cells)
    small = (truth >= 1) & (truth <= smallest)
    hidden = protected.shown.isna().to_numpy()
    assert hidden[small].all()
    again = by_subtraction(protected.shown).to_numpy()
    assert np.isnan(again[small]).all()
    if not hidden.all():
        for place in zip(*np.nonzero(small), strict=True):
            low, high = disclosure.work_out(truth, hidden, place)
            assert high - low >= smallest - 1e-6
            assert low - 1e-6 <= truth[place] <= high + 1e-6
    assert len(protected.log) == hidden.sum()
    shown = protected.shown.to_numpy()
    assert (shown[~hidden] == truth[~hidden]).all()


def by_programming(
    cells: np.ndarray, hidden: np.ndarray, place: tuple[int, int]
) -> tuple[float, float]:
    """The same limits by linear programming, another way of working them out."""
    at = {spot: n for n, spot in enumerate(zip(*map(list, np.nonzero(hidden)), strict=True))}
    rows, sums = [], []
    for axis in (0, 1):
        for line in range(cells.shape[axis]):
            spots = [(line, n) if axis == 0 else (n, line) for n in range(cells.shape[1 - axis])]
            row, known = np.zeros(len(at)), 0.0
            for spot, weight in zip(spots, [*[1.0] * (len(spots) - 1), -1.0], strict=True):
                if spot in at:
                    row[at[spot]] += weight
                else:
                    known += weight * cells[spot]
            rows.append(row)
            sums.append(-known)
    goal = np.zeros(len(at))
    goal[at[place]] = 1.0
    ends = [linprog(sign * goal, A_eq=np.array(rows), b_eq=sums) for sign in (1, -1)]
    return tuple(
        sign * (end.fun if end.status == 0 else -np.inf)
        for sign, end in zip((1, -1), ends, strict=True)
    )


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    arrays(np.int64, (3, 4), elements=st.integers(0, 9)),
    arrays(np.bool_, (4, 5)),
    st.tuples(st.integers(0, 3), st.integers(0, 4)),
)
def test_what_can_be_worked_out_is_what_linear_programming_finds(
    inner: np.ndarray, hidden: np.ndarray, place: tuple[int, int]
) -> None:
    cells, hidden = disclosure._with_totals(inner), hidden.copy()
    hidden[place] = True
    assert disclosure.work_out(cells, hidden, place) == pytest.approx(
        by_programming(cells, hidden, place), abs=1e-6
    )


def test_a_hidden_cell_takes_a_whole_rectangle_with_it() -> None:
    protected = disclosure.protect_counts(
        table([[2, 40, 30], [50, 20, 60], [30, 30, 70]]), name="t"
    )
    hidden = protected.shown.isna()
    assert hidden.loc["r0", "a"]
    assert hidden.sum().sum() == 4
    assert set(protected.log["reason"]) == {disclosure.SMALL, disclosure.BESIDE}
    assert protected.words().loc["r0", "a"] == "[c]"


def test_nothing_is_hidden_where_nothing_is_small() -> None:
    protected = disclosure.protect_counts(table([[6, 0], [0, 9]]), name="t")
    assert not protected.shown.isna().any().any() and protected.log.empty
    assert protected.shown.loc["Total"].tolist() == [6, 9, 15]


def test_a_table_that_cannot_be_made_safe_is_withheld_whole() -> None:
    protected = disclosure.protect_counts(table([[1]]), name="t")
    assert protected.shown.isna().all().all()


def test_a_small_change_since_the_last_release_is_found() -> None:
    now, before = table([[20, 30], [40, 50]]), table([[17, 30], [40, 20]])
    log = disclosure.find_small_changes(now, before, name="t")
    assert log.to_dict("records") == [
        {"table": "t", "row": "r0", "column": "a", "reason": disclosure.DIFFERS}
    ]


@pytest.mark.parametrize("wrong", [[[1.5, 2]], [[-1, 2]], [[np.nan, 2]]])
def test_what_is_no_count_is_refused(wrong: list[list[float]]) -> None:
    with pytest.raises(DesignError, match="t: counts must be whole numbers"):
        disclosure.protect_counts(table(wrong), name="t")


def test_logs_join_without_repeats() -> None:
    one = disclosure.withhold("schools", disclosure.NAMES_SCHOOL)
    assert len(disclosure.join_logs([one, one, pd.DataFrame()])) == 1
    assert list(disclosure.join_logs([]).columns) == disclosure.LOG_COLUMNS


@settings(deadline=None, derandomize=True, max_examples=40)
@given(
    arrays(np.int64, (2, 3, 3), elements=st.integers(0, 30)),
    st.integers(2, 5),
)
def test_a_small_change_since_the_last_release_cannot_be_worked_out(
    both: np.ndarray, smallest: int
) -> None:
    then, now = (table(cells.tolist()) for cells in both)
    before = disclosure.protect_counts(then, name="t", smallest=smallest).shown
    protected = disclosure.protect_counts(now, name="t", smallest=smallest, before=before)
    truth = disclosure._with_totals(both[1])
    moved = np.abs(truth - before.to_numpy(dtype=float))
    few = (moved >= 1) & (moved <= smallest)
    hidden = protected.shown.isna().to_numpy()
    assert hidden[few].all()
    assert disclosure.find_small_changes(protected.shown, before, name="t", smallest=smallest).empty
    if not hidden.all():
        for place in zip(*np.nonzero(few), strict=True):
            low, high = disclosure.work_out(truth, hidden, place)
            assert high - low >= smallest - 1e-6
    assert set(protected.log["reason"]) <= {
        disclosure.SMALL, disclosure.DIFFERS, disclosure.BESIDE
    }  # fmt: skip


def test_an_edition_shows_what_its_own_threshold_lets_it() -> None:
    counts = table([[3, 40], [30, 20]])
    assert disclosure.View(fewest_schools=3).protect(counts, "t").log.empty
    assert len(disclosure.View(fewest_schools=4).protect(counts, "t").log)
    assert disclosure.View(exempt=True, fewest_schools=20).protect(counts, "t").log.empty


def test_what_was_shown_is_listed_and_read_back_as_what_to_heed() -> None:
    first = disclosure.View().protect(table([[20, 30], [40, 50]]), "t").shown
    later = disclosure.View(last_shown=disclosure.list_shown("t", first))
    protected = later.protect(table([[19, 30], [40, 50]]), "t")
    assert disclosure.DIFFERS in set(protected.log["reason"])
    assert pd.isna(protected.shown.loc["r0", "a"])
    assert later.protect(table([[20, 30], [40, 50]]), "t").log.empty
    assert later.protect(table([[19, 30], [40, 50]]), "another").log.empty

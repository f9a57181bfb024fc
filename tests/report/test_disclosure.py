from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy.optimize import LinearConstraint, linprog, milp

from pepstats.errors import DesignError
from pepstats.report import disclosure
from pepstats.settings.report import Disclosure


def table(rows: list[list[int]]) -> pd.DataFrame:
    return pd.DataFrame(
        rows, index=[f"r{n}" for n in range(len(rows))], columns=list("abcdef")[: len(rows[0])]
    )


def protect_one(counts, name="t", *, smallest=5, before=()) -> disclosure.Protected:
    cube, tables = disclosure.as_cube(counts, name)
    return disclosure.protect_linked(cube, tables, smallest=smallest, before={name: before})[name]


def seen(view: disclosure.View, counts: pd.DataFrame, name: str = "t") -> disclosure.Protected:
    found = view.protect_linked(*disclosure.as_cube(counts, name))[name]
    assert view.may_show_all(counts, name) == found.log.empty
    return found


def with_totals(cells: np.ndarray) -> np.ndarray:
    wide = np.column_stack([cells, cells.sum(axis=1)])
    return np.vstack([wide, wide.sum(axis=0)])


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
    protected = protect_one(counts, name="t", smallest=smallest)
    truth = with_totals(cells)
    small = (truth >= 1) & (truth <= smallest)
    hidden = protected.shown.isna().to_numpy()
    assert hidden[small].all()
    again = by_subtraction(protected.shown).to_numpy()
    assert np.isnan(again[small]).all()
    if not hidden.all():
        for place in zip(*np.nonzero(small), strict=True):
            low, high = by_programming(truth, hidden, place)
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


def ends_of(cube: pd.Series, shown: list[tuple[dict[str, str], int]], wanted: dict[str, str]):
    """The least and the most that a sum can be, given others: whole, and not negative."""

    def parts(spot: dict[str, str]) -> np.ndarray:
        inside = np.ones(len(cube), dtype=bool)
        for level, name in spot.items():
            inside &= cube.index.get_level_values(level) == name
        return inside.astype(float)

    rows = np.array([parts(spot) for spot, _ in shown])
    sums = [count for _, count in shown]
    held = LinearConstraint(rows, sums, sums) if shown else ()
    ends = []
    for sign in (1, -1):
        found = milp(sign * parts(wanted), integrality=np.ones(len(cube)), constraints=held)
        ends.append(sign * found.fun if found.status == 0 else np.inf)
    return ends


@settings(deadline=None, derandomize=True, max_examples=25)
@given(arrays(np.int64, (3, 2, 3), elements=st.integers(0, 12)), st.integers(2, 4))
def test_two_tables_of_the_same_schools_give_no_hidden_count_back_together(
    inner: np.ndarray, smallest: int
) -> None:
    names = {"rating": ["1", "2", "3"], "run": ["a", "b"], "change": ["x", "y", "z"]}
    cube = pd.Series(inner.ravel(), pd.MultiIndex.from_product(names.values(), names=list(names)))
    tables = {"ratings": ("rating", "run"), "changes": ("change", "run")}
    found = disclosure.protect_linked(cube, tables, smallest=smallest, known="run")
    shown, unseen = [], []
    for name, (row, column) in tables.items():
        for r in [*names[row], "Total"]:
            for c in [*names[column], "Total"]:
                spot = {level: one for level, one in ((row, r), (column, c)) if one != "Total"}
                inside = cube
                for level, one in spot.items():
                    inside = inside.xs(one, level=level, drop_level=False)
                count, told = int(inside.sum()), found[name].shown.loc[r, c]
                public = set(spot) <= {"run"}  # how many schools each body runs is no secret
                assert public or not 1 <= count <= smallest or np.isnan(told)
                if np.isnan(told):
                    unseen.append(spot)
                else:
                    assert told == count
                    shown.append((spot, count))
    whole = all(f.shown.iloc[:-1].isna().all().all() for f in found.values())
    for spot in [] if whole else unseen:  # also what is hidden beside a small count
        low, high = ends_of(cube, shown, spot)
        assert high - low >= smallest


def test_a_hidden_cell_takes_a_whole_rectangle_with_it() -> None:
    protected = protect_one(table([[2, 40, 30], [50, 20, 60], [30, 30, 70]]), name="t")
    hidden = protected.shown.isna()
    assert hidden.loc["r0", "a"]
    assert hidden.sum().sum() == 4
    assert set(protected.log["reason"]) == {disclosure.SMALL, disclosure.BESIDE}
    assert protected.words().loc["r0", "a"] == "[c]"


def test_no_more_is_hidden_than_keeps_the_small_counts_from_being_worked_out() -> None:
    # From the totals the 4 is one of 1 to 7: wide enough, and the totals may stay.
    protected = protect_one(table([[4, 3], [7, 3]]), name="t", smallest=5)
    assert protected.shown.iloc[:2, :2].isna().all().all()
    assert protected.shown["Total"].tolist() == [7, 10, 17]
    assert protected.shown.loc["Total"].tolist() == [11, 6, 17]


def test_schools_of_which_nothing_is_said_are_counted_as_none() -> None:
    at = pd.MultiIndex.from_tuples([("x", "a"), ("y", "b")], names=["rating", "run"])
    found = disclosure.protect_linked(
        pd.Series([20, 30], at), {"t": ("rating", "run")}, smallest=2
    )["t"]
    assert found.shown.to_numpy().tolist() == [[20, 0, 20], [0, 30, 30], [20, 30, 50]]


def test_the_mark_of_a_hidden_count_is_explained_where_there_is_one() -> None:
    view = disclosure.View(policy=Disclosure(safe_threshold=4))
    assert disclosure.hidden_note(seen(view, table([[20, 30]]), "t"), view) == ""
    small = disclosure.hidden_note(seen(view, table([[2, 30], [40, 50]]), "t"), view)
    assert small.startswith("[c] is a count hidden") and "fewer than 4 schools" in small
    assert "shown before" not in small
    told = disclosure.list_shown("t", table([[20, 30], [40, 50]])).assign(release="first")
    later = disclosure.View(policy=view.policy, told=told)
    moved = disclosure.hidden_note(seen(later, table([[21, 30], [40, 50]]), "t"), later)
    assert moved.endswith("So is one that differs by so few from what was shown before.")


def test_nothing_is_hidden_where_nothing_is_small() -> None:
    protected = protect_one(table([[6, 0], [0, 9]]), name="t")
    assert not protected.shown.isna().any().any() and protected.log.empty
    assert protected.shown.loc["Total"].tolist() == [6, 9, 15]


def test_a_table_that_cannot_be_made_safe_is_withheld_whole() -> None:
    protected = protect_one(table([[1]]), name="t")
    assert protected.shown.isna().all().all()


def test_a_small_change_since_an_earlier_release_is_hidden() -> None:
    now, before = table([[20, 30], [40, 50]]), table([[17, 30], [40, 20]])
    log = protect_one(now, name="t", smallest=5, before=[now, before]).log
    assert ("r0", "a", disclosure.DIFFERS) in set(log[["row", "column", "reason"]].itertuples(
        index=False, name=None
    ))  # fmt: skip


@pytest.mark.parametrize("wrong", [[[1.5, 2]], [[-1, 2]], [[np.nan, 2]]])
def test_what_is_no_count_is_refused(wrong: list[list[float]]) -> None:
    with pytest.raises(DesignError, match="t: counts must be whole numbers"):
        protect_one(table(wrong), name="t")


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
    before = protect_one(then, name="t", smallest=smallest).shown
    protected = protect_one(now, name="t", smallest=smallest, before=[before])
    truth = with_totals(both[1])
    moved = np.abs(truth - before.to_numpy(dtype=float))
    few = (moved >= 1) & (moved <= smallest)
    hidden = protected.shown.isna().to_numpy()
    assert hidden[few].all()
    apart = np.abs(protected.shown - before)
    assert not ((apart >= 1) & (apart <= smallest)).any().any()
    if not hidden.all():
        for place in zip(*np.nonzero(few), strict=True):
            low, high = by_programming(truth, hidden, place)
            assert high - low >= smallest - 1e-6
    assert set(protected.log["reason"]) <= {
        disclosure.SMALL, disclosure.DIFFERS, disclosure.BESIDE
    }  # fmt: skip


def test_an_edition_shows_what_its_own_threshold_lets_it() -> None:
    counts = table([[3, 40], [30, 20]])
    three, four, twenty = (Disclosure(safe_threshold=n) for n in (3, 4, 20))
    assert seen(disclosure.View(policy=three), counts, "t").log.empty
    assert len(seen(disclosure.View(policy=four), counts, "t").log)
    assert seen(disclosure.View(exempt=True, policy=twenty), counts, "t").log.empty


def test_what_was_shown_is_listed_and_read_back_as_what_to_heed() -> None:
    first = seen(disclosure.View(), table([[20, 30], [40, 50]]), "t").shown
    later = disclosure.View(told=disclosure.list_shown("t", first).assign(release="first"))
    protected = seen(later, table([[19, 30], [40, 50]]), "t")
    assert disclosure.DIFFERS in set(protected.log["reason"])
    assert pd.isna(protected.shown.loc["r0", "a"])
    assert seen(later, table([[20, 30], [40, 50]]), "t").log.empty
    assert seen(later, table([[19, 30], [40, 50]]), "another").log.empty


def drawn_cube(seed: int) -> tuple[pd.Series, pd.Series, dict[str, tuple[str, str]]]:
    """Counts as of a city's schools, then and now, and two tables of them."""
    rng = np.random.default_rng(seed)
    names = {"rating": list("1234"), "run": ["a", "b"], "change": list("uvwxyz")}
    at = pd.MultiIndex.from_product(names.values(), names=list(names))
    now = rng.poisson(rng.choice([0.3, 0.6, 1.0, 3.0], size=(4, 2, 6)))
    then = rng.poisson(np.maximum(now, 0.1))
    tables = {"ratings": ("rating", "run"), "changes": ("change", "run")}
    return pd.Series(then.ravel(), at), pd.Series(now.ravel(), at), tables


@pytest.mark.parametrize("seed", [2, 24, 48, 54, 1, 3])
def test_what_is_hidden_beside_a_small_count_cannot_be_worked_out_either(seed: int) -> None:
    """An attack found 8 of 13, hidden beside its total and the 5 that were shown."""
    then, now, tables = drawn_cube(seed)
    told = disclosure.protect_linked(then, tables, smallest=2, known="run")
    before = {name: [one.shown] for name, one in told.items()}
    found = disclosure.protect_linked(now, tables, smallest=2, known="run", before=before)
    shown, unseen = [], []
    for name, levels in tables.items():
        table = found[name].shown
        for row, column in ((r, c) for r in table.index for c in table.columns):
            spot = {level: one for level, one in zip(levels, (row, column), strict=True)
                    if one != "Total"}  # fmt: skip
            if np.isnan(count := table.loc[row, column]):
                unseen.append(spot)
            else:
                shown.append((spot, int(count)))
    assert unseen
    for spot in unseen:
        low, high = ends_of(now, shown, spot)
        assert high - low >= 2, spot

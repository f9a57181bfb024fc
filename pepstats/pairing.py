"""Pairing schools from a table of distances: nearest, each used once, or best for all together.

Alternative matchers, shown beside the headline. Every result says who could not be paired and why.
Equal distances go to the lower school number, and every table is sorted first, so the order of rows
cannot matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pepstats.errors import DesignError, nearest
from pepstats.matching import TIE

MOST_CELLS = 50_000_000
NONE_ALLOWED = "none alike elsewhere"
NONE_NEAR = "none alike within the caliper"
TAKEN = "those alike were taken by other schools"


@dataclass(frozen=True)
class Pairing:
    """Who is paired with whom, and who is not.

    Attributes
    ----------
    pairs
        One row per pair: `school`, `rank` (nearest first), `comparison`, `distance`.
    unmatched
        Index `school`: why a member has no comparison school, as `reason`.
    how
        The rule followed, with the order in which schools had their pick.
    k
        How many comparison schools each was to have.
    """

    pairs: pd.DataFrame = field(repr=False)
    unmatched: pd.DataFrame = field(repr=False)
    how: str
    k: int


def forbid(
    distances: pd.DataFrame,
    table: pd.DataFrame,
    *,
    exact: Iterable[str] = (),
    calipers: Mapping[str, float] | None = None,
    apart: str | None = None,
) -> pd.DataFrame:
    """Make pairs infinitely far that may not be: unlike in an exact key, or beyond a caliper.

    `table` has index `school` and the columns named; each of `calipers` is the largest difference
    allowed in that column, in its own unit; `apart` names a column in which the two must differ
    (the authority). A missing value is like nothing else.
    """
    limits = dict(calipers or {})
    wrong = [name for name in (*exact, *limits, *([apart] if apart else [])) if name not in table]
    if wrong:
        raise DesignError(
            f"there is no column {', '.join(wrong)} to match on. "
            f"{nearest(wrong[0], map(str, table.columns))}"
        )
    bad = [name for name, limit in limits.items() if not limit >= 0]
    if bad:
        raise DesignError(f"the caliper of {', '.join(bad)} is not a number from 0 up.")
    own, other = table.reindex(distances.index), table.reindex(distances.columns)
    allowed = np.ones(distances.shape, dtype=bool)
    for key in exact:
        allowed &= own[key].to_numpy(object)[:, None] == other[key].to_numpy(object)
    for name, limit in limits.items():
        step = np.abs(own[name].to_numpy(float)[:, None] - other[name].to_numpy(float))
        allowed &= np.round(step, TIE) <= limit
    if apart is not None:
        allowed &= own[apart].to_numpy(object)[:, None] != other[apart].to_numpy(object)
    return distances.where(allowed, np.inf)


def pair_nearest(
    distances: pd.DataFrame,
    *,
    k: int = 1,
    caliper: float | None = None,
) -> Pairing:
    """Pair each member with its k nearest; a comparison school may serve several members.

    `distances` has a row per member and a column per school that may be compared, infinite where
    a pair may not be (`forbid`).
    """
    far = _check(distances, k, caliper)
    near = _within(far, caliper)
    rows = []
    for i, school in enumerate(far.index):
        order = np.lexsort((np.arange(far.shape[1]), near[i]))[:k]
        rows += [(school, rank, at) for rank, at in enumerate(order, 1) if np.isfinite(near[i, at])]
    return _result(far, near, rows, k, "nearest, used again if need be")


def pair_once(
    distances: pd.DataFrame,
    *,
    k: int = 1,
    caliper: float | None = None,
    order: Sequence[int] | None = None,
) -> Pairing:
    """Pair each member with its k nearest, no comparison school used twice.

    Members pick in turn, every one its first before any its second. The order is the one given,
    else hardest first: the member whose nearest school is furthest away picks first, equal ones by
    school number. Arguments as `pair_nearest`.
    """
    far = _check(distances, k, caliper)
    near = _within(far, caliper)
    how = "nearest, each used once; picked in the order given"
    if order is None:
        order = list(far.index[np.lexsort((np.arange(len(far)), -near.min(axis=1)))])
        how = "nearest, each used once; the hardest to match picked first"
    if sorted(order) != list(far.index):
        raise DesignError("`order` must list every member exactly once.")
    turn = far.index.get_indexer(pd.Index(order))
    left, rows = near.copy(), []
    for rank in range(1, k + 1):
        for i in turn:
            at = int(np.argmin(left[i]))  # the first of equals: columns are sorted by number
            if np.isfinite(left[i, at]):
                rows.append((far.index[i], rank, at))
                left[:, at] = np.inf
    return _result(far, near, rows, k, how)


def pair_optimally(
    distances: pd.DataFrame,
    *,
    k: int = 1,
    caliper: float | None = None,
) -> Pairing:
    """Pair members so that all distances together are least, no comparison school used twice.

    Leaves out whom the calipers leave no one: first as many members as can be get one comparison
    school, then as many as can be a second, and so on; among all such pairings, the one with the
    smallest total distance. That total is the only one; where distances tie the pairs may not be,
    but the same table always gives the same. Solved exactly as an assignment (Jonker and Volgenant
    1987) with a dummy comparison school for every place that may stay empty. Arguments as
    `pair_nearest`.
    """
    from scipy.optimize import linear_sum_assignment

    far = _check(distances, k, caliper)
    near = _within(far, caliper)
    n, m = near.shape
    if n * k * (m + n * k) > MOST_CELLS:
        raise DesignError(
            f"optimal matching of {n:,} members with {k} of {m:,} schools each is too large. "
            "Match the nearest, or fewer schools."
        )
    finite = np.where(np.isfinite(near), near, 0.0)
    step = 1.0 + k * float(finite.max(axis=1).sum())  # more than all distances can add up to
    places = n * k
    never = step * (k + 2) * places
    cost = np.full((places, m + places), never)
    for rank in range(k):
        rows = np.arange(n) * k + rank
        cost[rows, :m] = np.where(np.isfinite(near), near, never)
        cost[rows, m + rows] = step * (k - rank)  # the first place is the dearest to leave empty
    row, column = linear_sum_assignment(cost)
    kept = column < m
    chosen: dict[int, list[int]] = {}
    for i, at in zip(row[kept] // k, column[kept], strict=True):
        chosen.setdefault(int(i), []).append(int(at))
    pairs = [
        (far.index[i], rank, at)
        for i, listed in sorted(chosen.items())
        for rank, at in enumerate(sorted(listed, key=lambda at: (near[i, at], at)), 1)
    ]
    how = "smallest total distance, each used once"
    return _result(far, near, pairs, k, how)


def _check(distances: pd.DataFrame, k: int, caliper: float | None) -> pd.DataFrame:
    if k < 1:
        raise DesignError(f"`k` is {k}: each school needs at least one comparison school.")
    if caliper is not None and not caliper >= 0:
        raise DesignError(f"`caliper` is {caliper}: give a number from 0 up, or leave it out.")
    if distances.empty:
        raise DesignError("There is no member, or no school to compare any with.")
    if not (distances.index.is_unique and distances.columns.is_unique):
        raise DesignError("A school is listed twice in the table of distances.")
    both = distances.index.intersection(distances.columns)
    if len(both):
        raise DesignError(f"school {both[0]} is to be compared with itself: bar the members.")
    if distances.isna().any(axis=None):
        raise DesignError("A distance is missing. Leave schools without a value out of the pool.")
    return distances.sort_index(axis=0).sort_index(axis=1)


def _within(distances: pd.DataFrame, caliper: float | None) -> NDArray[np.float64]:
    near = np.round(distances.to_numpy(float), TIE)
    return near if caliper is None else np.where(near <= caliper, near, np.inf)


def _result(
    distances: pd.DataFrame,
    near: NDArray[np.float64],
    rows: list[tuple[int, int, int]],
    k: int,
    how: str,
) -> Pairing:
    values = distances.to_numpy(float)
    place = {school: i for i, school in enumerate(distances.index)}
    pairs = pd.DataFrame(
        [(s, rank, distances.columns[at], values[place[s], at]) for s, rank, at in rows],
        columns=["school", "rank", "comparison", "distance"],
    ).sort_values(["school", "rank"], ignore_index=True)
    alone = list(distances.index[~distances.index.isin(pairs["school"])])
    reasons = [
        NONE_ALLOWED
        if not np.isfinite(values[place[school]]).any()
        else NONE_NEAR
        if not np.isfinite(near[place[school]]).any()
        else TAKEN
        for school in alone
    ]
    unmatched = pd.DataFrame(
        {"reason": reasons}, index=pd.Index(alone, name="school", dtype="int64"), dtype="str"
    )
    return Pairing(pairs, unmatched, how, k)

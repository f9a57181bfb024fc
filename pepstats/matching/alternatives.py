"""Other ways to match the members: by Mahalanobis distance, each school used once, or optimally.

Shown beside the headline. Schools are sorted by number and equal distances go to the lower one, so
the order of rows cannot matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pepstats.errors import DesignError
from pepstats.formatting import AGREED
from pepstats.matching.nearest import (
    FEWEST_COMPARISONS,
    Match,
    list_limits,
    match_places,
    place_schools,
)
from pepstats.matching.pool import Pool, positions
from pepstats.settings import MatchRule

MOST_CELLS = 50_000_000
"""Of more distances, or places in an optimal pairing, there is not the memory."""

NONE_LEFT = "none left that is alike"
TOO_FEW_LISTED = f"fewer than {FEWEST_COMPARISONS} schools of its list can be compared"
"""Why a member has no comparison school here."""

Numbers = NDArray[np.float64]
Places = NDArray[np.int64]


def whiten(table: pd.DataFrame, inside: NDArray[np.bool_]) -> Numbers:
    """Return coordinates in which plain distances between schools are Mahalanobis distances.

    The covariance is pooled within members (`inside`) and others, as MatchIt takes it, its inverse
    generalised, so that columns that repeat one another count once.
    """
    scaled = (table - table.mean()) / table.std(ddof=0)
    around = (scaled - scaled.groupby(inside).transform("mean")).to_numpy()
    values, vectors = np.linalg.eigh(around.T @ around / (len(table) - 2))
    kept = values > 1e-9 * values.max()
    points: Numbers = scaled.to_numpy() @ (vectors[:, kept] / np.sqrt(values[kept]))
    return points


def match_by_mahalanobis(
    pool: Pool, rule: MatchRule, members: Iterable[int], free: NDArray[np.bool_]
) -> Match:
    """Match every school of the pool to its k nearest `free` ones by Mahalanobis distance.

    As `match_schools` in all else; `rule.caliper` is a Mahalanobis distance.
    """
    place = positions(pool.schools[list(pool.scales.index)])
    points = whiten(place, place.index.isin(list(members)))
    return match_places(pool, rule, free, points)


def pair_nearest(near: Numbers, k: int) -> tuple[Places, Places]:
    """Pair each member with its k nearest; a comparison school may serve several members.

    `near` has a row per member and a column per school that may be compared: how far it is,
    infinite where the pair may not be. Returns the rows and the columns of the pairs, each member's
    nearest first.
    """
    order = np.argsort(near, axis=1, kind="stable")[:, :k]
    row, rank = np.nonzero(np.isfinite(np.take_along_axis(near, order, axis=1)))
    return row, order[row, rank]


def pair_once(near: Numbers, k: int, turn: Sequence[int] | None = None) -> tuple[Places, Places]:
    """Pair as `pair_nearest` does, no comparison school used twice.

    Members pick in turn, every one its first before any its second: in the order given, else first
    the member whose nearest school is furthest away.
    """
    left, pairs = near.copy(), []
    for i in np.tile(np.argsort(-near.min(axis=1), kind="stable") if turn is None else turn, k):
        at = int(np.argmin(left[i]))  # the first of equals: columns are sorted by number
        if np.isfinite(left[i, at]):
            pairs.append((i, at))
            left[:, at] = np.inf
    row, column = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return row, column


def pair_optimally(near: Numbers, k: int) -> tuple[Places, Places]:
    """Pair as `pair_once` does, but so that all distances together are least.

    First as many members as can be get one comparison school, then as many as can be a second, and
    so on; among all such pairings, the one with the smallest total distance. Solved exactly as an
    assignment (Jonker and Volgenant 1987) with a dummy for every place that may stay empty.
    """
    from scipy.optimize import linear_sum_assignment

    n, m = near.shape
    places = n * k
    _need_memory(places * (m + places), f"optimal matching of {n:,} members with {k} of {m:,}")
    finite = np.where(np.isfinite(near), near, 0.0)
    step = 1.0 + k * float(finite.max(axis=1).sum())  # more than all distances can add up to
    never = step * (k + 2) * places
    cost = np.full((places, m + places), never)
    for rank in range(k):
        rows = np.arange(n) * k + rank
        cost[rows, :m] = np.where(np.isfinite(near), near, never)
        cost[rows, m + rows] = step * (k - rank)  # the first place is the dearest to leave empty
    row, column = linear_sum_assignment(cost)
    row, column = row[column < m] // k, column[column < m]
    nearest_first = np.lexsort((column, near[row, column], row))
    return row[nearest_first], column[nearest_first]


def _need_memory(cells: int, what: str) -> None:
    if cells > MOST_CELLS:
        raise DesignError(
            f"{what} makes {cells:,} distances; at most {MOST_CELLS:,} are held. Match the "
            "nearest, or fewer schools."
        )


WAYS = {"own authority": pair_nearest, "once": pair_once, "optimal": pair_optimally}


def pair_members(
    match: Match,
    pool: Pool,
    members: Iterable[int],
    free: NDArray[np.bool_],
    *,
    way: Literal["own authority", "once", "optimal"],
) -> Match:
    """Match the members anew, on the headline's distance; all other schools keep what they had.

    By `way`: the nearest, those of the own authority too; each comparison school used once, picked
    in turn; or all pairs together as near as can be. Exact keys and calipers hold in each. Every
    school still has a gap, so chance can still be measured by placebo draws.
    """
    from scipy.spatial.distance import cdist

    rule, inside = match.rule, pool.schools.index.isin(list(members))
    own = np.flatnonzero(inside)
    other = np.flatnonzero(free & ~inside)
    _need_memory(len(own) * len(other), f"a match of {len(own):,} members among {len(other):,}")
    points = place_schools(pool)
    near = np.round(cdist(points[own], points[other]), AGREED)
    near[~_may_be(pool, rule, own, other, elsewhere=way != "own authority")] = np.inf
    if rule.caliper is not None:
        near[near > rule.caliper] = np.inf
    row, column = WAYS[way](near, rule.k)
    rank = pd.Series(row).groupby(row).cumcount().to_numpy(np.int64)
    places, distances = match.places.copy(), match.distances.copy()
    places[own], distances[own] = -1, np.nan
    places[own[row], rank], distances[own[row], rank] = other[column], near[row, column]
    alone = pd.DataFrame({"reason": NONE_LEFT}, index=match.schools[places[:, 0] < 0])
    return Match(rule, match.schools, places, distances, alone)


def match_listed(
    match: Match, pool: Pool, members: Iterable[int], free: NDArray[np.bool_], pairs: pd.DataFrame
) -> Match:
    """Compare schools with those that a published list gives them (`pairs`: `school`, `similar`).

    A listed school counts where it is in the pool, `free` and in another authority. A member left
    with too few has none; any other school keeps what it had, so that chance can be measured.
    """
    schools, authority = pool.schools.index, pool.schools["la"].to_numpy(np.int64)
    row, at = (schools.get_indexer(pairs[name]) for name in ("school", "similar"))
    fine = (row >= 0) & (at >= 0) & free[at] & (authority[row] != authority[at])
    row, at = row[fine], at[fine]
    rank = pd.Series(row).groupby(row).cumcount().to_numpy(np.int64)
    counted = np.bincount(row, minlength=len(schools))
    few = counted < FEWEST_COMPARISONS
    inside = schools.isin(list(members))
    width = max(int(counted.max(initial=0)), match.places.shape[1])
    places = np.full((len(schools), width), -1, dtype=np.int64)
    places[row, rank] = at
    places[few] = -1
    had = few & ~inside
    places[had, : match.places.shape[1]] = match.places[had]
    alone = pd.DataFrame({"reason": TOO_FEW_LISTED}, index=schools[places[:, 0] < 0])
    return Match(match.rule, schools, places, np.full(places.shape, np.nan), alone)


def _may_be(
    pool: Pool, rule: MatchRule, own: Places, other: Places, *, elsewhere: bool
) -> NDArray[np.bool_]:
    """Return which pairs may be: equal in every exact key, in each caliper, of two authorities."""
    table = pool.schools
    allowed = np.ones((len(own), len(other)), dtype=bool)
    for key in rule.exact:
        value = table[key].to_numpy(object)
        allowed &= value[own][:, None] == value[other]
    for name, limit in list_limits(rule, table).items():
        value = table[name].to_numpy(float)
        allowed &= np.round(np.abs(value[own][:, None] - value[other]), AGREED) <= limit
    if elsewhere:
        authority = table["la"].to_numpy(np.int64)
        allowed &= authority[own][:, None] != authority[other]
    return allowed

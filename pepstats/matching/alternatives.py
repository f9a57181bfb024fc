"""Other ways to match the members: by Mahalanobis distance, each school used once, or optimally.

Shown beside the headline. Every result says who could not be paired and why. Equal distances go to
the lower school number, and every table is sorted first, so the order of rows cannot matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import is_numeric_dtype

from pepstats.errors import DesignError, nearest
from pepstats.matching.nearest import (
    NONE_ALLOWED,
    NONE_NEAR,
    Match,
    list_limits,
    mark_free,
    match_places,
)
from pepstats.matching.pool import TIE, Pool, positions
from pepstats.settings import MatchRule, PoolRule

MOST_CELLS = 50_000_000
"""Of more distances, or places in an optimal pairing, there is not the memory."""


def spell_out(table: pd.DataFrame) -> pd.DataFrame:
    """Turn every column of words into one column of 0 and 1 for each word; numbers stay.

    Raises
    ------
    DesignError
        When a cell is missing, a number is infinite, or a column is the same in every school: all
        such columns are named at once.
    """
    table = table.sort_index()
    if not table.index.is_unique:
        twice = table.index[table.index.duplicated()].unique()
        raise DesignError(f"schools {_few(twice)} are listed twice. List each school once.")
    words = [name for name in table if not is_numeric_dtype(table[name])]
    numbers = [name for name in table if name not in words]
    broken = [name for name in words if table[name].isna().any()]
    broken += [name for name in numbers if not np.isfinite(table[name].to_numpy(float)).all()]
    if broken:
        raise DesignError(
            f"{', '.join(map(str, broken))}: some schools have no value. Leave those schools out "
            "of the pool, with the reason, or match on something else."
        )
    parts = [
        pd.get_dummies(table[name], prefix=str(name), prefix_sep=" = ", dtype=float)
        if name in words
        else table[[name]].astype(float)
        for name in table
    ]
    spelled = pd.concat(parts, axis=1) if parts else pd.DataFrame(index=table.index)
    spread = spelled.std(ddof=0)
    flat = [str(n) for n, s in spread.items() if not s > 1e-9 * (1 + abs(spelled[n].mean()))]
    if len(spelled) > 1 and flat:
        raise DesignError(
            f"{', '.join(flat)}: the same in every school, so none is nearer than another on it. "
            "Take it out of what is matched on."
        )
    return spelled


def whiten(table: pd.DataFrame, members: Iterable[int]) -> pd.DataFrame:
    """Return coordinates in which plain distances between schools are Mahalanobis distances.

    `table` has index `school` and what schools are compared on; words become one column each. The
    covariance is pooled within members and others (as MatchIt takes it), its inverse generalised,
    so that columns that repeat one another count once. One row per school, sorted by number; as
    many columns as the table has that say something new; no unit.

    Raises
    ------
    DesignError
        When the table has gaps or constant columns, or has no two schools on one of the sides.
    """
    spelled = spell_out(table)
    values = spelled.to_numpy()
    root = _root_of_inverse(_pooled_covariance(values, mark_members(spelled.index, members)))
    return pd.DataFrame((values - values.mean(axis=0)) @ root, index=spelled.index)


def mark_members(schools: pd.Index, members: Iterable[int]) -> NDArray[np.bool_]:
    """Mark the schools that are members; refuse a member that is not there, or an empty side."""
    chosen = sorted(set(members))
    strangers = [m for m in chosen if m not in schools]
    if strangers:
        raise DesignError(f"schools {_few(strangers)} are members but not in the table.")
    inside = np.asarray(schools.isin(chosen), dtype=bool)
    if not inside.any() or inside.all():
        side = "member" if not inside.any() else "school that is not a member"
        raise DesignError(f"There is no {side} in the table, so there is nobody to compare.")
    return inside


def _pooled_covariance(
    values: NDArray[np.float64], inside: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Covariance around each side's own mean; a side of one school adds nothing to it."""
    if len(values) < 3:
        raise DesignError("Distances need at least three schools: two of one side.")
    own = np.where(inside[:, None], values[inside].mean(axis=0), values[~inside].mean(axis=0))
    around = values - own
    pooled: NDArray[np.float64] = around.T @ around / (len(values) - 2)
    return pooled


def _root_of_inverse(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return W with W W' the generalised inverse, found on the scale of correlations."""
    spread = np.sqrt(np.diag(covariance))
    scale = np.where(spread > 0, 1 / np.where(spread > 0, spread, 1.0), 0.0)
    values, vectors = np.linalg.eigh(covariance * scale[:, None] * scale)
    kept = values > 1e-9 * max(values.max(initial=0.0), 1e-300)
    turned: NDArray[np.float64] = scale[:, None] * vectors[:, kept] / np.sqrt(values[kept])
    return turned


def measure_distances(places: pd.DataFrame, members: Iterable[int]) -> pd.DataFrame:
    """Measure from each member to every other school, by coordinates as they stand.

    One row per member, one column per other school, both sorted.
    """
    from scipy.spatial.distance import cdist

    places = places.sort_index()
    schools, inside = places.index, mark_members(places.index, members)
    cells = int(inside.sum()) * int((~inside).sum())
    if cells > MOST_CELLS:
        raise DesignError(
            f"{int(inside.sum()):,} members and {int((~inside).sum()):,} other schools make "
            f"{cells:,} distances; at most {MOST_CELLS:,} are held. Use `matching.match_schools`."
        )
    points = places.to_numpy(float)
    return pd.DataFrame(
        cdist(points[inside], points[~inside]),
        index=schools[inside].rename("school"),
        columns=schools[~inside].rename("comparison"),
    )


def _few(schools: Iterable[object]) -> str:
    listed = [str(s) for s in schools]
    return ", ".join(listed[:5]) + (f" and {len(listed) - 5} more" if len(listed) > 5 else "")


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
    calipers: Mapping[str, float],
    apart: str | None = None,
) -> pd.DataFrame:
    """Make pairs infinitely far that may not be: unlike in an exact key, or beyond a caliper.

    `table` has index `school` and the columns named; each of `calipers` is the largest difference
    allowed in that column, in its own unit; `apart` names a column in which the two must differ
    (the authority). A missing value is like nothing else.
    """
    own, other = table.reindex(distances.index), table.reindex(distances.columns)
    allowed = np.ones(distances.shape, dtype=bool)
    for key in exact:
        allowed &= own[key].to_numpy(object)[:, None] == other[key].to_numpy(object)
    for name, limit in calipers.items():
        step = np.abs(own[name].to_numpy(float)[:, None] - other[name].to_numpy(float))
        allowed &= np.round(step, TIE) <= limit
    if apart is not None:
        allowed &= own[apart].to_numpy(object)[:, None] != other[apart].to_numpy(object)
    return distances.where(allowed, np.inf)


def pair_nearest(distances: pd.DataFrame, *, k: int = 1, caliper: float | None = None) -> Pairing:
    """Pair each member with its k nearest; a comparison school may serve several members.

    `distances` has a row per member and a column per school that may be compared, infinite where
    a pair may not be (`forbid`).
    """
    far, near = _within(distances, caliper)
    order = np.argsort(near, axis=1, kind="stable")[:, :k]
    row, rank = np.nonzero(np.isfinite(np.take_along_axis(near, order, axis=1)))
    return _as_pairing(far, near, (row, order[row, rank]), k, "nearest, used again if need be")


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
    far, near = _within(distances, caliper)
    turn = np.argsort(-near.min(axis=1), kind="stable")
    how = "nearest, each used once; the hardest to match picked first"
    if order is not None:
        turn = far.index.get_indexer(pd.Index(order))
        how = "nearest, each used once; picked in the order given"
    left, pairs = near.copy(), []
    for i in np.tile(turn, k):
        at = int(np.argmin(left[i]))  # the first of equals: columns are sorted by number
        if np.isfinite(left[i, at]):
            pairs.append((i, at))
            left[:, at] = np.inf
    row, column = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return _as_pairing(far, near, (row, column), k, how)


def pair_optimally(distances: pd.DataFrame, *, k: int = 1, caliper: float | None = None) -> Pairing:
    """Pair members so that all distances together are least, no comparison school used twice.

    Leaves out whom the calipers leave no one: first as many members as can be get one comparison
    school, then as many as can be a second, and so on; among all such pairings, the one with the
    smallest total distance. That total is the only one; where distances tie the pairs may not be,
    but the same table always gives the same. Solved exactly as an assignment (Jonker and Volgenant
    1987) with a dummy comparison school for every place that may stay empty. Arguments as
    `pair_nearest`.
    """
    from scipy.optimize import linear_sum_assignment

    far, near = _within(distances, caliper)
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
    row, column = row[column < m] // k, column[column < m]
    nearest_first = np.lexsort((column, near[row, column], row))
    pairs = (row[nearest_first], column[nearest_first])
    return _as_pairing(far, near, pairs, k, "smallest total distance, each used once")


def _within(
    distances: pd.DataFrame, caliper: float | None
) -> tuple[pd.DataFrame, NDArray[np.float64]]:
    """Return the distances sorted by school, and rounded ones, infinite beyond the caliper."""
    far = distances.sort_index(axis=0).sort_index(axis=1)
    near = np.round(far.to_numpy(float), TIE)
    return far, near if caliper is None else np.where(near <= caliper, near, np.inf)


def _as_pairing(
    far: pd.DataFrame,
    near: NDArray[np.float64],
    pairs: tuple[NDArray[np.int64], NDArray[np.int64]],
    k: int,
    how: str,
) -> Pairing:
    """Set pairs out as a table, each member's in the order given, and say who has none and why."""
    row, column = pairs
    table = pd.DataFrame(
        {"school": far.index[row], "comparison": far.columns[column],
         "distance": far.to_numpy(float)[row, column]}
    )  # fmt: skip
    table.insert(1, "rank", table.groupby("school").cumcount() + 1)
    able, within = (np.isfinite(values).any(axis=1) for values in (far.to_numpy(float), near))
    reasons = pd.DataFrame(
        {"reason": np.select([~able, ~within], [NONE_ALLOWED, NONE_NEAR], TAKEN)}, index=far.index,
        dtype="str",
    )  # fmt: skip
    unmatched = reasons[~far.index.isin(table["school"])]
    return Pairing(table.sort_values(["school", "rank"], ignore_index=True), unmatched, how, k)


WAYS = {"own authority": pair_nearest, "once": pair_once, "optimal": pair_optimally}


def pair_members(
    pool: Pool,
    rule: MatchRule,
    where: PoolRule,
    members: Iterable[int],
    *,
    way: Literal["own authority", "once", "optimal"],
    barred: Iterable[int] = (),
) -> Pairing:
    """Pair the members on the headline's distance by another rule.

    By `way`: the nearest, those of the own authority too; each comparison school used once, picked
    in turn; or all pairs together as near as can be. Exact keys and calipers hold in each.
    """
    if way not in WAYS:
        raise DesignError(f"no way of pairing is called `{way}`. {nearest(way, WAYS)}")
    table = pool.schools
    inside = table.index.isin(list(members))
    place = positions(table.loc[inside | mark_free(pool, where, barred), list(pool.scales.index)])
    scaled = place / pool.scales["spread"] * pool.scales["weight"]
    far = forbid(
        measure_distances(scaled, table.index[inside]), table, exact=rule.exact,
        calipers=list_limits(rule, table), apart=None if way == "own authority" else "la",
    )  # fmt: skip
    return WAYS[way](far, k=rule.k, caliper=rule.caliper)


def replace_members(match: Match, pairs: Pairing) -> Match:
    """Return a match in which the paired schools have their pairs and all others what they had.

    So that every school still has a gap, and chance can still be measured by placebo draws.
    """
    own = [*pairs.pairs["school"].unique(), *pairs.unmatched.index]
    row = match.schools.get_indexer(pd.Index(own))
    school = match.schools.get_indexer(pairs.pairs["school"])
    other = match.schools.get_indexer(pairs.pairs["comparison"])
    if min(row.min(initial=0), other.min(initial=0)) < 0:
        raise DesignError("The pairs name a school that is not in the pool.")
    more = ((0, 0), (0, max(pairs.k - match.places.shape[1], 0)))
    places = np.pad(match.places, more, constant_values=-1)
    away = np.pad(match.distances, more, constant_values=np.nan)
    places[row], away[row] = -1, np.nan
    rank = pairs.pairs["rank"].to_numpy(np.int64) - 1
    places[school, rank], away[school, rank] = other, pairs.pairs["distance"].to_numpy(float)
    others = match.unmatched.drop(index=own, errors="ignore")
    unmatched = pd.concat([others, pairs.unmatched]).sort_index()
    return Match(match.rule, match.schools, places, away, unmatched)


def match_by_mahalanobis(
    pool: Pool,
    rule: MatchRule,
    where: PoolRule,
    members: Iterable[int],
    *,
    barred: Iterable[int] = (),
) -> Match:
    """Match every school of the pool to its k nearest by Mahalanobis distance.

    As `match_schools` in all else; `rule.caliper` is a Mahalanobis distance. The covariance is
    pooled within members and others.
    """
    place = positions(pool.schools[list(pool.scales.index)])
    points = whiten(place, place.index[place.index.isin(list(members))])
    return match_places(pool, rule, mark_free(pool, where, barred), points.to_numpy())

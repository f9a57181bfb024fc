"""Pairing schools from a table of distances: nearest, each used once, or best for all together.

Alternative matchers, shown beside the headline. Every result says who could not be paired and why.
Equal distances go to the lower school number, and every table is sorted first, so the order of rows
cannot matter.
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
from pepstats.matching.nearest import Match
from pepstats.matching.pool import TIE, Pool, positions
from pepstats.settings import MatchRule, PoolRule

MOST_CELLS = 50_000_000


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


def measure_mahalanobis(table: pd.DataFrame, members: Iterable[int]) -> pd.DataFrame:
    """Give the Mahalanobis distance from each member to every other school.

    `table` has index `school` and what schools are compared on; words become one column each. The
    covariance is pooled within members and others (as MatchIt takes it), its inverse generalised,
    so that columns that repeat one another count once. One row per member, one column per other
    school, both sorted; no unit.

    Raises
    ------
    DesignError
        When the table has gaps or constant columns, or has no two schools on one of the sides.
    """
    schools = table.index.sort_values()
    return _between(turn(table, members), schools, mark_members(schools, members))


def turn(table: pd.DataFrame, members: Iterable[int]) -> NDArray[np.float64]:
    """Give each school a place such that plain distances between places are Mahalanobis distances.

    One row per school, sorted by number; as many columns as the table has that say something new.
    Arguments and errors as `measure_mahalanobis`.
    """
    spelled = spell_out(table)
    values = spelled.to_numpy()
    root = _root_of_inverse(_pooled_covariance(values, mark_members(spelled.index, members)))
    turned: NDArray[np.float64] = (values - values.mean(axis=0)) @ root
    return turned


def measure_plain(places: pd.DataFrame, members: Iterable[int]) -> pd.DataFrame:
    """Give the straight distance from each member to every other school, columns as they stand.

    One row per member, one column per other school, both sorted.
    """
    places = places.sort_index()
    return _between(places.to_numpy(float), places.index, mark_members(places.index, members))


def mark_members(schools: pd.Index, members: Iterable[int]) -> NDArray[np.bool_]:
    """Say which schools are members; refuse a member that is not there, or an empty side."""
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
    """Give W with W W' the generalised inverse, found on the scale of correlations."""
    spread = np.sqrt(np.diag(covariance))
    scale = np.where(spread > 0, 1 / np.where(spread > 0, spread, 1.0), 0.0)
    values, vectors = np.linalg.eigh(covariance * scale[:, None] * scale)
    kept = values > 1e-9 * max(values.max(initial=0.0), 1e-300)
    turned: NDArray[np.float64] = scale[:, None] * vectors[:, kept] / np.sqrt(values[kept])
    return turned


def _between(
    points: NDArray[np.float64], schools: pd.Index, inside: NDArray[np.bool_]
) -> pd.DataFrame:
    from scipy.spatial.distance import cdist

    cells = int(inside.sum()) * int((~inside).sum())
    if cells > MOST_CELLS:
        raise DesignError(
            f"{int(inside.sum()):,} members and {int((~inside).sum()):,} other schools make "
            f"{cells:,} distances; at most {MOST_CELLS:,} are held. Use `matching.match_schools`."
        )
    return pd.DataFrame(
        cdist(points[inside], points[~inside]),
        index=schools[inside].rename("school"),
        columns=schools[~inside].rename("comparison"),
    )


def _few(schools: Iterable[object]) -> str:
    listed = [str(s) for s in schools]
    return ", ".join(listed[:5]) + (f" and {len(listed) - 5} more" if len(listed) > 5 else "")


MOST_PAIR_CELLS = 50_000_000

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
    if n * k * (m + n * k) > MOST_PAIR_CELLS:
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


MEASURES = {
    "weighted": "weighted standard deviations",
    "mahalanobis": "Mahalanobis distance",
}

WAYS = {
    "nearest": pair_nearest,
    "once": pair_once,
    "optimal": pair_optimally,
}

BLOCK = 512


def measure_members(
    pool: Pool,
    rule: MatchRule,
    where: PoolRule,
    members: Iterable[int],
    *,
    barred: Iterable[int] = (),
    measure: Literal["weighted", "mahalanobis"] = "mahalanobis",
    calipers: Mapping[str, float] | None = None,
    own_authority: bool = False,
) -> pd.DataFrame:
    """Give the distance from each member to every school it may be compared with.

    One row per member in the pool, one column per other school that is not barred; infinite where
    the exact keys differ, where both are of one authority (unless `own_authority` allows it), or
    where a variable's difference is beyond its caliper (`calipers`, in the variable's own unit).
    """
    if measure not in MEASURES:
        raise DesignError(f"no distance is called `{measure}`. {nearest(measure, MEASURES)}")
    table = pool.schools
    inside = table.index.isin(list(members))
    kept = table[inside | _free(pool, where, barred)]
    chosen = list(table.index[inside])
    place = positions(kept[list(pool.scales.index)])
    if measure == "weighted":
        scaled = place / pool.scales["spread"] * pool.scales["weight"]
        values = measure_plain(scaled, chosen)
    else:
        values = measure_mahalanobis(place, chosen)
    apart = None if own_authority else "la"
    return forbid(values, table, exact=rule.exact, apart=apart, calipers=calipers)


def match_members(
    pool: Pool,
    rule: MatchRule,
    where: PoolRule,
    members: Iterable[int],
    elsewhere: Match,
    *,
    way: Literal["nearest", "once", "optimal"],
    measure: Literal["weighted", "mahalanobis"] = "mahalanobis",
    barred: Iterable[int] = (),
    calipers: Mapping[str, float] | None = None,
    own_authority: bool = False,
) -> tuple[Match, Pairing]:
    """Match the members by another rule, and keep everyone else's comparison schools.

    `elsewhere` is the headline's match: schools outside the programme keep theirs, so that every
    school still has a gap and chance can still be measured by made-up programmes. `rule.caliper` is
    in the units of `measure`. Beside the match, the pairing that it was made from.
    """
    if way not in WAYS:
        raise DesignError(f"no way of pairing is called `{way}`. {nearest(way, WAYS)}")
    far = measure_members(
        pool, rule, where, members, barred=barred, measure=measure, calipers=calipers,
        own_authority=own_authority,
    )  # fmt: skip
    found = WAYS[way](far, k=rule.k, caliper=rule.caliper)
    return replace_members(elsewhere, found), found


def replace_members(match: Match, pairs: Pairing) -> Match:
    """Give a match in which the paired schools have their pairs and all others what they had."""
    own = [*pairs.pairs["school"].unique(), *pairs.unmatched.index]
    row = match.schools.get_indexer(pd.Index(own))
    school = match.schools.get_indexer(pairs.pairs["school"])
    other = match.schools.get_indexer(pairs.pairs["comparison"])
    if min(row.min(initial=0), other.min(initial=0)) < 0:
        raise DesignError("The pairs name a school that is not in the pool.")
    width = max(pairs.k, match.places.shape[1])
    places = np.full((len(match.schools), width), -1, dtype=np.int64)
    away = np.full((len(match.schools), width), np.nan)
    places[:, : match.places.shape[1]] = match.places
    away[:, : match.places.shape[1]] = match.distances
    places[row], away[row] = -1, np.nan
    rank = pairs.pairs["rank"].to_numpy(np.int64) - 1
    places[school, rank], away[school, rank] = other, pairs.pairs["distance"].to_numpy(float)
    others = match.unmatched.drop(index=own, errors="ignore")
    return Match(
        match.rule,
        match.schools,
        places,
        away,
        pd.concat([others, pairs.unmatched]).sort_index().rename_axis(match.unmatched.index.name),
    )


def match_by_mahalanobis(
    pool: Pool,
    rule: MatchRule,
    where: PoolRule,
    members: Iterable[int],
    *,
    barred: Iterable[int] = (),
) -> Match:
    """Find every school of the pool its k nearest by Mahalanobis distance, in other authorities.

    As `matching.match_schools` in all else: exact keys, replacement, ties by school number;
    `rule.caliper` is a Mahalanobis distance. The covariance is pooled within members and others.
    """
    table = pool.schools
    place = positions(table[list(pool.scales.index)])
    points = turn(place, place.index[place.index.isin(list(members))])
    free, authority = _free(pool, where, barred), table["la"].to_numpy(np.int64)
    groups = table.groupby(list(rule.exact), sort=True).indices if rule.exact else {}
    places = np.full((len(table), rule.k), -1, dtype=np.int64)
    away = np.full((len(table), rule.k), np.nan)
    for rows in groups.values() if rule.exact else [np.arange(len(table))]:
        candidates = rows[free[rows]]
        if not len(candidates):
            continue
        left = _by_tree(points, authority, rows, candidates, rule, places, away)
        for start in range(0, len(left), BLOCK):
            some = left[start : start + BLOCK]
            places[some], away[some] = _k_nearest(points, authority, some, candidates, rule)
    alone = table.index[places[:, 0] < 0]
    why = NONE_ALLOWED if rule.caliper is None else NONE_NEAR
    return Match(rule, table.index, places, away, pd.DataFrame({"reason": why}, index=alone))


def _by_tree(
    points: NDArray[np.float64],
    authority: NDArray[np.int64],
    rows: NDArray[np.int64],
    candidates: NDArray[np.int64],
    rule: MatchRule,
    places: NDArray[np.int64],
    away: NDArray[np.float64],
) -> NDArray[np.int64]:
    """Fill in the rows that a list of near neighbours settles, and give those it does not.

    It does not where too few of the list are in another authority, or where its end is a tie.
    """
    from scipy.spatial import cKDTree

    ask = min(len(candidates), 2 * rule.k + 44)
    if ask < rule.k:
        return rows
    found, at = cKDTree(points[candidates]).query(points[rows], k=[*range(1, ask + 1)])
    near = np.round(found, TIE)
    other = candidates[at]
    apart = np.where(authority[other] != authority[rows][:, None], near, np.inf)
    order = np.lexsort((other, apart), axis=1)[:, : rule.k]
    reach = np.take_along_axis(apart, order, axis=1)
    settled = reach[:, -1] < near[:, -1]
    kept = reach[settled]
    if rule.caliper is not None:
        kept = np.where(kept <= rule.caliper, kept, np.inf)
    picked = np.take_along_axis(other, order, axis=1)[settled]
    places[rows[settled]] = np.where(np.isfinite(kept), picked, -1)
    away[rows[settled]] = np.where(np.isfinite(kept), kept, np.nan)
    left: NDArray[np.int64] = rows[~settled]
    return left


def _k_nearest(
    points: NDArray[np.float64],
    authority: NDArray[np.int64],
    rows: NDArray[np.int64],
    candidates: NDArray[np.int64],
    rule: MatchRule,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    from scipy.spatial.distance import cdist

    near = np.round(cdist(points[rows], points[candidates]), TIE)
    near[authority[rows][:, None] == authority[candidates]] = np.inf
    if rule.caliper is not None:
        near[near > rule.caliper] = np.inf
    k = min(rule.k, len(candidates))
    last = np.partition(near, k - 1, axis=1)[:, k - 1]
    places = np.full((len(rows), rule.k), -1, dtype=np.int64)
    away = np.full((len(rows), rule.k), np.nan)
    for i, reach in enumerate(last):
        at = np.flatnonzero((near[i] <= reach) & np.isfinite(near[i]))
        at = at[np.argsort(near[i, at], kind="stable")][:k]
        places[i, : len(at)], away[i, : len(at)] = candidates[at], near[i, at]
    return places, away


def _free(pool: Pool, where: PoolRule, barred: Iterable[int]) -> NDArray[np.bool_]:
    """Say which schools may be compared with: as `matching.match_schools` has it."""
    table = pool.schools
    free: NDArray[np.bool_] = ~np.asarray(table.index.isin([*barred, *where.exclude]), dtype=bool)
    if where.authorities is not None:
        free &= table["la"].isin(where.authorities).to_numpy()
    return free

"""The pool's schools compared by other rules than the headline's, in the shape the headline has.

Each gives a `Match`, so that gaps, made-up programmes and checks work on it unchanged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pepstats import distances, pairing
from pepstats.errors import DesignError, nearest
from pepstats.matching import TIE, Match, Pool, positions
from pepstats.programme import MatchRule, PoolRule

MEASURES = {
    "weighted": "weighted standard deviations",
    "mahalanobis": "Mahalanobis distance",
}
WAYS = {
    "nearest": pairing.pair_nearest,
    "once": pairing.pair_once,
    "optimal": pairing.pair_optimally,
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
        values = distances.measure_plain(scaled, chosen)
    else:
        values = distances.measure_mahalanobis(place, chosen)
    apart = None if own_authority else "la"
    return pairing.forbid(values, table, exact=rule.exact, apart=apart, calipers=calipers)


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
) -> tuple[Match, pairing.Pairing]:
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


def replace_members(match: Match, pairs: pairing.Pairing) -> Match:
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
    points = distances.turn(place, place.index[place.index.isin(list(members))])
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
    why = pairing.NONE_ALLOWED if rule.caliper is None else pairing.NONE_NEAR
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

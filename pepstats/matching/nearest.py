"""Each school's comparison schools: alike before the start, elsewhere, in no known programme.

Nothing here can see an outcome after the start: it works on a panel cut off before that year
(`before_start`), and refuses one that is not.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pepstats.errors import DesignError
from pepstats.formatting import AGREED
from pepstats.matching.pool import Pool, positions
from pepstats.settings import MatchRule, PoolRule

FEWEST_COMPARISONS = 3
"""A school with fewer comparison schools is compared with none."""

ELSEWHERE, NEAR = "alike elsewhere", "alike within the caliper"
"""What there are none of, or too few, where a school has no comparison school."""


@dataclass(frozen=True)
class Match:
    """Who is compared with whom.

    Attributes
    ----------
    rule
        The matching rule that was followed.
    schools
        Every school of the pool, sorted; a row of `places` belongs to each.
    places
        Positions in `schools` of each school's comparison schools, nearest first; -1 where none.
    distances
        How far each is, in weighted standard deviations; missing where none.
    unmatched
        Index `school`: why a school has no comparison school.
    """

    rule: MatchRule
    schools: pd.Index
    places: NDArray[np.int64] = field(repr=False)
    distances: NDArray[np.float64] = field(repr=False)
    unmatched: pd.DataFrame = field(repr=False)

    def pairs(self, of: Iterable[int] | None = None) -> pd.DataFrame:
        """List the comparison schools of some or all schools, one row per pair."""
        rows = np.arange(len(self.schools))
        if of is not None:
            rows = np.flatnonzero(self.schools.isin(list(of)))
        row, rank = np.nonzero(self.places[rows] >= 0)
        return pd.DataFrame(
            {
                "school": self.schools[rows[row]],
                "rank": rank + 1,
                "comparison": self.schools[self.places[rows][row, rank]],
                "distance": self.distances[rows][row, rank],
            }
        )

    def serving(self, schools: Iterable[int], results: pd.Series) -> pd.Index:
        """List the comparison schools of some schools that have a result."""
        places = self.places[self.schools.isin(list(schools))]
        used = self.schools[np.unique(places[places >= 0])]
        return used[results.reindex(used).notna().to_numpy()]


def match_schools(
    pool: Pool, rule: MatchRule, where: PoolRule, *, barred: Iterable[int] = ()
) -> Match:
    """Find every school its k most alike schools in other authorities, and say who has none.

    Equal on `rule.exact`, nearest on the rest in weighted standard deviations (Euclidean), within
    `rule.caliper` of them and within each of `rule.calipers` where they are set. A school may serve
    several others (replacement). `barred` schools (members of any known programme) are never
    anyone's comparison school. Equal distances are settled by the lower school number, so the order
    of rows cannot matter.
    """
    if where.neighbours is True and not where.authorities:
        raise DesignError("`pool.neighbours`: list the neighbours' codes under `pool.authorities`.")
    return match_places(pool, rule, mark_free(pool, where, barred), place_schools(pool))


def place_schools(pool: Pool) -> NDArray[np.float64]:
    """Return the coordinates of a pool's schools: what is matched on, in weighted deviations."""
    place = positions(pool.schools[list(pool.scales.index)])
    points = place / pool.scales["spread"] * pool.scales["weight"]
    return np.asarray(points, dtype=float)


def mark_free(pool: Pool, where: PoolRule, barred: Iterable[int]) -> NDArray[np.bool_]:
    """Mark the schools of a pool that may be comparison schools."""
    table = pool.schools
    free: NDArray[np.bool_] = ~np.asarray(table.index.isin([*barred, *where.exclude]), dtype=bool)
    if where.authorities is not None:
        free &= table["la"].isin(where.authorities).to_numpy()
    return free


def match_places(
    pool: Pool, rule: MatchRule, free: NDArray[np.bool_], points: NDArray[np.float64]
) -> Match:
    """Match every school to the k nearest of the `free` ones by their coordinates: `points`."""
    table = pool.schools
    limits = list_limits(rule, table)
    limited = table[list(limits)].to_numpy(float) / np.array([*limits.values()], dtype=float)
    everyone = {"all": np.arange(len(table))}
    groups = table.groupby(list(rule.exact), sort=True).indices if rule.exact else everyone
    places = np.full((len(table), rule.k), -1, dtype=np.int64)
    distances = np.full((len(table), rule.k), np.nan)
    authority = table["la"].to_numpy(np.int64)
    for rows in groups.values():
        candidates = rows[free[rows]]
        if len(candidates):
            places[rows], distances[rows] = _nearest(
                points, authority, rows, candidates, rule.k, limited
            )
    return narrow(Match(rule, table.index, places, distances, pd.DataFrame({"reason": []})), rule)


def narrow(match: Match, rule: MatchRule) -> Match:
    """Keep of each school's comparison schools the k nearest, and those within the caliper."""
    places, distances = match.places[:, : rule.k].copy(), match.distances[:, : rule.k].copy()
    if rule.caliper is not None:
        far = distances > rule.caliper
        places[far], distances[far] = -1, np.nan
    counted = (places >= 0).sum(axis=1)
    fewest = min(FEWEST_COMPARISONS, rule.k)
    few = counted < fewest
    which = NEAR if rule.caliper is not None or rule.calipers else ELSEWHERE
    why = np.where(counted[few] == 0, f"none {which}", f"fewer than {fewest} {which}")
    places[few], distances[few] = -1, np.nan
    unmatched = pd.DataFrame({"reason": why}, index=match.schools[few])
    return Match(rule, match.schools, places, distances, unmatched)


def list_limits(rule: MatchRule, matched: pd.DataFrame) -> dict[str, float]:
    """List the caliper of each matched variable that has one, in its own unit."""
    return {
        str(name): rule.calipers[measure]
        for name in matched
        if (measure := str(name).rpartition(" ")[0]) in rule.calipers
    }


def take_up(
    pairs: pd.DataFrame, schools: pd.Index, rule: MatchRule, unmatched: pd.DataFrame
) -> Match:
    """Take up a match that was written down as pairs: just these, in the order they were ranked."""
    places = np.full((len(schools), rule.k), -1, dtype=np.int64)
    distances = np.full((len(schools), rule.k), np.nan)
    row, at = schools.get_indexer(pairs["school"]), schools.get_indexer(pairs["comparison"])
    if len(pairs) and min(row.min(), at.min()) < 0:
        raise DesignError("The pairs name a school that is not in the pool. Run 03 again.")
    rank = pairs["rank"].to_numpy(np.int64) - 1
    places[row, rank], distances[row, rank] = at, pairs["distance"].to_numpy(float)
    return Match(rule, schools, places, distances, unmatched)


def _nearest(
    points: NDArray[np.float64],
    authority: NDArray[np.int64],
    rows: NDArray[np.int64],
    candidates: NDArray[np.int64],
    k: int,
    limited: NDArray[np.float64],
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Find the k nearest candidates of each row in another authority, exactly, ties by position.

    The tree is asked for more neighbours than needed and, where those left without the own
    authority and those more than 1 apart in any column of `limited` are too few or end in a tie,
    asked again for four times as many. Rows are asked for in the order of the tree's leaves, which
    is faster in a large England.
    """
    from scipy.spatial import cKDTree

    tree = cKDTree(points[candidates])
    places = np.full((len(rows), k), -1, dtype=np.int64)
    distances = np.full((len(rows), k), np.nan)
    leaf = np.zeros(len(points), dtype=np.int64)
    leaf[candidates[tree.indices]] = np.arange(len(candidates))
    todo, ask = np.argsort(leaf[rows], kind="stable"), min(len(candidates), 2 * k + 6)
    while len(todo):
        found, at = tree.query(points[rows[todo]], k=[*range(1, ask + 1)])
        found = np.round(found, AGREED)
        other = candidates[at]
        allowed = authority[other] != authority[rows[todo]][:, None]
        for column in limited.T:
            allowed &= np.round(np.abs(column[other] - column[rows[todo]][:, None]), AGREED) <= 1
        sortable = np.where(allowed, found, np.inf)
        order = np.lexsort((other, sortable), axis=1)[:, :k]
        near = np.take_along_axis(sortable, order, axis=1)
        settled = (allowed.sum(axis=1) >= k) & (near[:, -1] < found[:, -1])
        if ask == len(candidates):
            settled[:] = True
        done, width = todo[settled], near.shape[1]
        reached = np.isfinite(near[settled])
        picked = np.take_along_axis(other, order, axis=1)[settled]
        places[done, :width] = np.where(reached, picked, -1)
        distances[done, :width] = np.where(reached, near[settled], np.nan)
        todo, ask = todo[~settled], min(len(candidates), ask * 4)
    return places, distances

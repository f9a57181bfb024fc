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

from pepstats import codes
from pepstats.errors import DesignError
from pepstats.panel import Panel
from pepstats.programme import MatchRule, PoolRule

PHASES = {"primary": ("primary", "all-through"), "secondary": ("secondary", "all-through")}
TIE = 9  # nearer than this many decimals is a tie: published figures are rounded
OTHER_THINGS_COUNT = 0.5
"""Weight in the distance of anything but an outcome's own earlier years.

Earlier results say most about later ones; on real England a cohort counted in full crowds them
out (the estimate's spread over made-up programmes is smaller at a half than at nought or one).
"""


@dataclass(frozen=True)
class Pool:
    """Schools that can be compared, what they are compared on, and who was left out by which rule.

    Attributes
    ----------
    schools
        Index `school`; `la`, the exact keys, then one column per matched variable, in published
        units (`rwm_expected 2017`, `cohort 2017`).
    flow
        One row per rule in the order applied: `step`, `left_out`, `kept`, `members_kept`.
    left_out
        Index `school`: the rule that left it out, as `reason`.
    scales
        Index variable: its `spread` over the pool and its `weight` in the distance.
    """

    schools: pd.DataFrame
    flow: pd.DataFrame
    left_out: pd.DataFrame
    scales: pd.DataFrame


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


def before_start(panel: Panel, starts: int) -> Panel:
    """Give the part of a panel from before a programme's first results: all matching may see."""
    early = panel.values.index.get_level_values("year") < starts
    return Panel(
        panel.values[early], panel.reasons[early], panel.releases[panel.releases.index < starts]
    )


def variables(
    near: Iterable[str], outcomes: Iterable[str], baseline: Iterable[int]
) -> list[tuple[str, int]]:
    """List what schools are matched on: every baseline year of an outcome, else the last one."""
    years, measured = sorted(baseline), set(outcomes)
    return [(m, y) for m in near for y in (years if m in measured else years[-1:])]


def find_pool(
    before: Panel,
    register: pd.DataFrame,
    rule: MatchRule,
    *,
    phase: str,
    outcomes: Iterable[str],
    baseline: Iterable[int],
    members: Iterable[int] = (),
) -> Pool:
    """Find the schools that can be compared, leaving others out by named rules, all counted."""
    baseline = sorted(baseline)
    if before.values.index.get_level_values("year").max() > baseline[-1]:
        raise DesignError(
            "The pool is found from years up to the baseline only; cut the panel first."
        )
    chosen = variables(rule.near, outcomes, baseline)
    missing = [m for m, _ in chosen if m not in before.values.columns]
    if missing:
        raise DesignError(
            f"`match.near`: no source of this study has {', '.join(sorted(set(missing)))}. "
            f"It has: {', '.join(c for c in before.values.columns if '.' not in c)}."
        )
    known = before.values.index.unique("year")
    gone = [str(year) for year in baseline if year not in known]
    if gone:
        raise DesignError(
            f"`baseline`: no source of this study has results of {', '.join(gone)}. It has: "
            f"{', '.join(map(str, known.sort_values()))}."
        )
    schools = register.sort_index().loc[:, ["la", *rule.exact]]
    columns = {f"{m} {y}": before.wide(m).reindex(schools.index)[y] for m, y in chosen}
    why_none = {
        f"{m} {y}": before.reasons[m].unstack("year").reindex(schools.index)[y] for m, y in chosen
    }
    reasons = pd.DataFrame(why_none, index=schools.index).fillna("not in the files")
    phases = register["phase"].reindex(schools.index)
    schools = schools.assign(**columns)

    steps = [
        (f"not a mainstream school with {phase} results", ~phases.isin(PHASES[phase])),
        ("authority not known", ~(schools["la"] > 0)),
        *(
            (f"{key} not known", schools[key].isna() | schools[key].eq("unknown"))
            for key in rule.exact
        ),
        *(
            (f"no {name}: {why}", schools[name].isna() & reasons[name].eq(why))
            for name in columns
            for why in sorted(reasons.loc[schools[name].isna(), name].unique())
        ),
    ]
    kept = pd.Series(True, index=schools.index)
    inside = pd.Series(schools.index.isin(list(members)), index=schools.index)
    flow = [("schools in the register", 0, len(kept), int(inside.sum()))]
    left_out = []
    for reason, out in steps:
        gone = kept & out
        if gone.any():
            kept &= ~out
            flow.append((reason, int(gone.sum()), int(kept.sum()), int((kept & inside).sum())))
            left_out.append(pd.DataFrame({"reason": reason}, index=schools.index[gone]))
    pool = schools[kept]
    return Pool(
        schools=pool,
        flow=pd.DataFrame(flow, columns=["step", "left_out", "kept", "members_kept"]),
        left_out=pd.concat(left_out).sort_index() if left_out else pd.DataFrame({"reason": []}),
        scales=_scales(pool[list(columns)], set(outcomes)),
    )


def _scales(matched: pd.DataFrame, outcomes: set[str]) -> pd.DataFrame:
    place = positions(matched)
    spread = place.std(ddof=1)
    flat = [name for name, s in spread.items() if not s > 1e-9 * (1 + abs(place[name].mean()))]
    if flat and len(matched) > 1:
        raise DesignError(
            f"`match.near`: {', '.join(flat)} is the same in every school of the pool, so none is "
            "nearer than another on it. Take it out of `match.near`."
        )
    weight = [1.0 if name.rsplit(" ", 1)[0] in outcomes else OTHER_THINGS_COUNT for name in matched]
    return pd.DataFrame({"spread": spread, "weight": weight}).rename_axis("variable")


def positions(matched: pd.DataFrame) -> pd.DataFrame:
    """Give matched variables on the scale distances are measured on: counts as logarithms."""
    counts = [c for c in matched if codes.MEASURES[c.rsplit(" ", 1)[0]].unit == "pupils"]
    return matched.assign(**{c: np.log(matched[c].clip(lower=1)) for c in counts})


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
    table = pool.schools
    if not table.index.is_monotonic_increasing:
        raise DesignError("The pool's schools must be sorted.")
    if where.neighbours is True and not where.authorities:
        raise DesignError("`pool.neighbours`: list the neighbours' codes under `pool.authorities`.")
    free = ~table.index.isin([*barred, *where.exclude])
    if where.authorities is not None:
        free &= table["la"].isin(where.authorities).to_numpy()
    place = (
        positions(table[list(pool.scales.index)]) / pool.scales["spread"] * pool.scales["weight"]
    )
    points, authority = place.to_numpy(float), table["la"].to_numpy(np.int64)
    limits = list_limits(rule, table)
    limited = table[list(limits)].to_numpy(float) / np.array([*limits.values()], dtype=float)
    groups = (
        table.groupby(list(rule.exact), sort=True).indices
        if rule.exact
        else {"all": np.arange(len(table))}
    )

    places = np.full((len(table), rule.k), -1, dtype=np.int64)
    distances = np.full((len(table), rule.k), np.nan)
    for rows in groups.values():
        candidates = rows[free[rows]]
        if len(candidates):
            places[rows], distances[rows] = _nearest(
                points, authority, rows, candidates, rule.k, limited
            )
    if rule.caliper is not None:
        far = distances > rule.caliper
        places[far], distances[far] = -1, np.nan
    none = places[:, 0] < 0
    held = rule.caliper is not None or rule.calipers
    why = "none alike within the caliper" if held else "none alike elsewhere"
    return Match(
        rule, table.index, places, distances, pd.DataFrame({"reason": why}, index=table.index[none])
    )


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

    The tree is asked for more neighbours than needed and, where those left after taking out the
    own authority and those more than 1 apart in any column of `limited` are too few or end in a
    tie, asked again for four times as many. Rows are asked for in the order of the tree's leaves,
    neighbours after one another: in a large England what is looked at is then still at hand.
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
        found = np.round(found, TIE)
        other = candidates[at]
        allowed = authority[other] != authority[rows[todo]][:, None]
        for column in limited.T:
            allowed &= np.round(np.abs(column[other] - column[rows[todo]][:, None]), TIE) <= 1
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

"""Sensitivity analysis: how far what is not seen would have to go to explain a finding away.

Rosenbaum's bounds: two schools that look alike may differ in their odds of being picked by a factor
of at most gamma. At gamma = 1 being picked was chance; the largest gamma at which the finding still
stands says how much hidden selection it bears (Rosenbaum 2002, Observational Studies, chapter 4;
for sets of one member and several others, Rosenbaum 2007, Biometrics 63:456).

Drift: how far two groups could have been drifting apart anyway. Robust intervals after Rambachan
and Roth (2023, Review of Economic Studies 90:2555), by relative magnitudes (a drift at most Mbar
times the largest seen before) and the conditional test with a least-favourable first stage of
Andrews, Roth and Pakes (2023, same journal, 90:2763). Written here because the library used for
other checks gives them by a cruder interval that does not agree with the authors' own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import combinations, product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pepstats.errors import DesignError
from pepstats.matching import pair_members
from pepstats.measures import MEASURES
from pepstats.robustness.headline import CheckRow, Headline
from pepstats.robustness.methods import EventStudy, study_held_out

Numbers = NDArray[np.float64]
FEWEST_SETS = 6
"""With five sets of two even the most extreme result has a p of 1 in 32: no bound says a thing."""

LEVEL = 0.05
MOST_BIAS = 100.0
BEYOND = 1.959963984540054
"""Standard errors beyond which one in forty lie on either side."""


def bound_sets(
    sets: Numbers, gamma: float, *, effect: float = 0.0, trim: float = 2.5
) -> dict[str, float]:
    """Bound the p of a gain over sets of one member and its comparison schools.

    `sets` has a row per member: its own change first, then its comparison schools' changes,
    missing where it has fewer; sets must not share schools. Keys: `p_most` (one-sided, that members
    did no better than `effect` would make them), `deviate`, `statistic`, `expected` and `variance`
    (at the worst). The statistic is Huber's: a difference counts in full from `trim` times the
    median difference within sets.
    """
    from scipy.special import ndtr

    values = _full_sets(sets, effect)
    apart = [np.abs(np.subtract.outer(v, v))[np.triu_indices(len(v), 1)] for v in values]
    unit = float(np.median(np.concatenate(apart)))
    if not unit > 0:
        raise DesignError("half the differences within sets or more are zero")
    scaled = [v / unit for v in values]
    scored = [np.clip(np.subtract.outer(v, v) / trim, -1.0, 1.0).sum(axis=1) / len(v)
              for v in scaled]  # fmt: skip
    seen = float(sum(own[0] for own in scored))
    worst = [_worst(np.sort(own), gamma) for own in scored]
    mean, variance = (float(sum(part)) for part in zip(*worst, strict=True))
    deviate = (seen - mean) / np.sqrt(variance) if variance > 0 else float("nan")
    return {"p_most": float(ndtr(-deviate)), "deviate": deviate, "statistic": seen,
            "expected": mean, "variance": variance}  # fmt: skip


def invert_sets(sets: Numbers, *, gamma: float = 1.0) -> tuple[float, float, float]:
    """Estimate the effect that sets show, with the 95% interval a hidden bias of gamma leaves.

    The estimate is the effect at which the statistic of `bound_sets` is what it would be by chance;
    the interval holds the effects that no bias up to `gamma` lets be refuted at 2.5% on either
    side. In the unit of `sets`.
    """
    steps = np.concatenate([own[0] - own[1:] for own in _full_sets(sets, 0.0)])
    reach = float(np.abs(steps - np.median(steps)).max()) or 1.0
    middle = _effect_at(0.0, sets, 1.0, float(np.median(steps)), reach)
    low = _effect_at(BEYOND, sets, gamma, middle, reach)
    return middle, low, -_effect_at(BEYOND, -sets, gamma, -middle, reach)


def _effect_at(wanted: float, sets: Numbers, gamma: float, near: float, reach: float) -> float:
    """Find the effect at which the deviate, which falls as the effect grows, is what is wanted."""
    from scipy.optimize import brentq

    def above(effect: float) -> float:
        return bound_sets(sets, gamma, effect=effect)["deviate"] - wanted

    away = reach * np.arange(1, 21)
    low = next((near - step for step in away if above(near - step) >= 0), -np.inf)
    high = next((near + step for step in away if above(near + step) <= 0), np.inf)
    if not np.isfinite([low, high]).all():
        return float(low if np.isinf(low) else high)
    return float(brentq(above, low, high, xtol=1e-9 * reach))


def lay_out_sets(pairs: pd.DataFrame, changes: pd.Series) -> Numbers:
    """Lay pairs out as sets, for `bound_sets`: members' changes first, those missing left so."""
    ranked = pairs.sort_values(["school", "comparison"])
    rank = ranked.groupby("school").cumcount()
    others = ranked.assign(rank=rank, change=ranked["comparison"].map(changes))
    laid = others.pivot(index="school", columns="rank", values="change")
    return np.column_stack([changes.reindex(laid.index), laid]).astype(float)


def bears(bound: Callable[[float], float]) -> float:
    """Find the strongest hidden selection whose largest p (`bound`) still stands, to two decimals.

    Missing when it does not stand even at 1, infinite when it stands at 100.
    """
    from scipy.optimize import brentq

    if not bound(1.0) <= LEVEL:
        return float("nan")
    if bound(MOST_BIAS) <= LEVEL:
        return float("inf")
    strongest = brentq(lambda gamma: bound(gamma) - LEVEL, 1.0, MOST_BIAS, xtol=1e-8)
    return float(np.floor(strongest * 100 + 1e-5) / 100)


def _full_sets(sets: Numbers, effect: float) -> list[Numbers]:
    """Take an effect off the members, and keep the sets of a member and another with results."""
    table = sets - effect * np.eye(1, sets.shape[1])
    rows = [row[~np.isnan(row)] for row in table if not np.isnan(row[0])]
    full = [row for row in rows if len(row) > 1]
    if len(full) < FEWEST_SETS:
        raise DesignError(f"{len(full)} sets with a result; at least {FEWEST_SETS} are needed")
    return full


def _worst(ranked: Numbers, gamma: float) -> tuple[float, float]:
    """Find how many of the highest scores hidden selection must favour to expect most of a set.

    The larger variance decides between equals (Gastwirth and others 2000, JRSS B 62:545).
    """
    favoured = np.arange(1, len(ranked))
    more = (gamma - 1) / (len(ranked) + (gamma - 1) * favoured)
    plain = 1 / (len(ranked) + (gamma - 1) * favoured)
    mean = plain * ranked.sum() + more * np.cumsum(ranked[::-1])[:-1]
    square = plain * (ranked**2).sum() + more * np.cumsum(ranked[::-1] ** 2)[:-1]
    best = np.lexsort((square - mean**2, np.round(mean, 12)))[-1]
    return float(mean[best]), float(square[best] - mean[best] ** 2)


def suppose_contamination(headline: Headline, *, share: float) -> CheckRow:
    """Suppose that some comparison schools had had such support too, and gained as much by it.

    If a share q of them did, the estimate is too low by q times the effect.
    """
    effect = headline.effect
    estimate, low, high = (n / (1 - share) for n in (effect.estimate, effect.low, effect.high))
    return CheckRow(
        "", estimate, low, high, n_schools=effect.n_schools, n_comparison=effect.n_comparison,
        note="if it changed them as much as the programme's schools",
    )  # fmt: skip


def bound_hidden_results(
    gaps: pd.DataFrame, members: Iterable[int], limit: float
) -> tuple[float, int, int]:
    """Put members' hidden results at a limit: the estimate then, and how many schools that is.

    A hidden result's school counts as much as the median member does, though it is likely to be
    small; its gap is not corrected for what the match left unlike. Returned last: how many members
    have no comparison schools either, and stay out.
    """
    table = gaps.reindex(pd.Index(sorted(set(members)), name="school"))
    seen, hidden = table[table["gap"].notna()], table[table["gap"].isna()]
    added = limit - hidden["comparison"].dropna()
    weight = seen["weight"].to_numpy(float)
    typical = float(np.median(weight))
    top = float((seen["gap"] * weight).sum()) + typical * float(added.sum())
    estimate = top / (float(weight.sum()) + typical * len(added))
    return estimate, len(added), len(hidden) - len(added)


def suppose_unpublished(headline: Headline, *, best: bool) -> CheckRow:
    """Suppose members' results that are not published to be at their worst, or at their best.

    That is from 0 to 100 for a percentage, else within the range of all schools there are.
    """
    own = headline.gaps.table["own"]
    whole = (0.0, 100.0) if MEASURES[headline.outcome].percent else (own.min(), own.max())
    at, hidden, out = bound_hidden_results(headline.gaps.table, headline.chosen, whole[best])
    if not hidden:
        words = f"; {out} cannot be compared at all" if out else ""
        raise DesignError(f"no school that can be compared has a result unpublished{words}")
    effect = headline.effect
    moved = at - effect.estimate
    return CheckRow(
        "", at, effect.low + moved, effect.high + moved,
        n_schools=len(headline.chosen) - out, n_comparison=effect.n_comparison,
        note=f"{hidden} schools, each anywhere from the lowest to the highest there is",
    )  # fmt: skip


def suppose_selection(headline: Headline, *, odds: float) -> CheckRow:
    """Suppose a hidden reason for being picked: Rosenbaum's bounds over sets of schools.

    Each member and its comparison schools, none used twice, are compared by their change from
    before. The interval is that of the effect that no bias of `odds` can contradict; the note says
    what odds the finding bears.
    """
    chosen = headline.chosen
    match = pair_members(headline.match, headline.pool, chosen, headline.free, way="optimal")
    pairs = match.pairs(chosen)
    results = headline.panel.wide(headline.outcome).reindex(index=headline.pool.schools.index)
    before = results[sorted(headline.programme.baseline)].mean(axis=1, skipna=False)
    sets = lay_out_sets(pairs, results[headline.year] - before)
    estimate, low, high = invert_sets(sets, gamma=odds)
    side = 1.0 if estimate >= 0 else -1.0
    strongest = bears(lambda gamma: bound_sets(side * sets, gamma)["p_most"])
    words = f"the direction stands up to odds of {strongest:.2f} to 1"
    if np.isnan(strongest):
        words = "not told from chance even without one"
    elif np.isinf(strongest):
        words = "the direction stands at any odds tried"
    return CheckRow(
        "", estimate, low, high, n_schools=int((~np.isnan(sets[:, 0])).sum()),
        n_comparison=len(pairs),
        note="changes within sets that share no school, smallest total distance", detail=words,
    )  # fmt: skip


def suppose_drift(headline: Headline) -> CheckRow:
    """Suppose the schools would have drifted apart by their largest step before the start again."""
    study = study_held_out(headline)
    bounds = allow_for_drift(study, rng=headline.rng("drift"))
    first = int(min(year for year in study.table.index if year >= study.starts))
    stands = breakdown_value(bounds)
    words = "even with no drift" if np.isnan(stands) else f"beyond {stands:g} times that"
    return CheckRow(
        "", float(study.table.loc[first, "estimate"]), float(bounds.loc[1.0, "low"]),
        float(bounds.loc[1.0, "high"]), n_schools=study.n_schools,
        n_comparison=study.n_comparison,
        note=f"event study of {first}", detail=f"its interval includes zero {words}",
    )  # fmt: skip


FIRST_STAGE = LEVEL / 10
MOST_YEARS = 6


def bound_relative(
    estimates: Sequence[float],
    covariance: Numbers,
    n_before: int,
    *,
    times: Sequence[float],
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Bound the first later year, a yearly drift of at most Mbar times the largest before allowed.

    `estimates` are event-study differences in time order, the reference year left out: `n_before`
    years before it, the rest after it; `covariance` is theirs. `rng` draws the critical value of
    the first stage. Index `at_most` (the `times`), columns `low`, `high` (95%). An end that is not
    found within 20 standard errors is infinite.
    """
    beta, sigma = np.asarray(estimates, dtype=float), np.asarray(covariance, dtype=float)
    n_after = len(beta) - n_before
    if n_before < 1 or n_after < 1:
        raise DesignError(
            "Drift can be judged only with a year before the reference year and one after it."
        )
    if n_after > MOST_YEARS:
        raise DesignError(f"{n_after} later years are too many for this check: {MOST_YEARS}.")
    if not (np.isfinite(beta).all() and np.isfinite(sigma).all() and (np.diag(sigma) > 0).all()):
        raise DesignError("A year's difference has no spread, so its drift cannot be judged.")
    noise = rng.standard_normal((20_000, len(beta)))
    drawn = noise @ np.linalg.cholesky(sigma + 1e-14 * np.diag(np.diag(sigma))).T
    rows = [_not_refuted(beta, sigma, n_before, float(m), drawn) for m in times]
    index = pd.Index([float(m) for m in times], name="at_most")
    return pd.DataFrame(rows, columns=["low", "high"], index=index)


def allow_for_drift(study: EventStudy, *, rng: np.random.Generator) -> pd.DataFrame:
    """Bound the first later year for each amount of drift allowed, by normal limits as theirs."""
    later = [int(y) for y in study.table.index if y >= study.starts]
    earlier = [int(y) for y in study.table.index if y < study.reference]
    if (np.diff([*earlier, study.reference, *later]) != 1).any():
        raise DesignError("years are missing in between, so one year's drift cannot be told")
    used = [*earlier, *later]
    beta = study.table.loc[used, "estimate"].to_numpy(float)
    sigma = study.covariance.loc[used, used].to_numpy(float)
    return bound_relative(beta, sigma, len(earlier), times=(0, 0.5, 1, 1.5, 2), rng=rng)


def breakdown_value(bounds: pd.DataFrame) -> float:
    """Find the most drift at which the interval still leaves out zero, missing where at none."""
    ordered = bounds.sort_index()
    stands = ordered.index[((ordered["low"] > 0) | (ordered["high"] < 0)).cummin()]
    return float(stands[-1]) if len(stands) else float("nan")


def _not_refuted(
    beta: Numbers, sigma: Numbers, n_before: int, times: float, drawn: Numbers
) -> tuple[float, float]:
    """Find the ends of the effects that no test refutes, over every place of the largest step."""
    se, n_after = float(np.sqrt(sigma[n_before, n_before])), len(beta) - n_before
    grid = float(beta[n_before]) + se * np.linspace(-20, 20, 801)
    low, high = np.inf, -np.inf
    for largest, sign in product(range(n_before), (1.0, -1.0)):
        limits = _limits(n_before, n_after, largest, sign, times)
        corners, line = _corners(limits, sigma, n_before)
        if not len(corners):
            continue
        pieces = (corners @ limits @ beta, corners @ line, corners @ limits @ sigma
                  @ limits.T @ corners.T)  # fmt: skip
        first = float(np.quantile((drawn @ limits.T @ corners.T).max(axis=1), 1 - FIRST_STAGE))
        at = np.flatnonzero(~_refuted(grid, *pieces, first))
        if len(at):
            low = min(low, _edge(grid, int(at[0]), -1, pieces, first))
            high = max(high, _edge(grid, int(at[-1]), 1, pieces, first))
    return (low, high) if low <= high else (float("nan"), float("nan"))


def _edge(
    grid: Numbers, at: int, way: int, pieces: tuple[Numbers, Numbers, Numbers], first: float
) -> float:
    """Close in on the end of what is not refuted, between one point of the grid and the next."""
    if at + way in (-1, len(grid)):
        return float(way * np.inf)
    inside, outside = float(grid[at]), float(grid[at + way])
    for _ in range(24):
        middle = (inside + outside) / 2
        if _refuted(np.array([middle]), *pieces, first)[0]:
            outside = middle
        else:
            inside = middle
    return inside


def _limits(n_before: int, n_after: int, largest: int, sign: float, times: float) -> Numbers:
    """Write "each later step is at most Mbar times that earlier one" as rows that are 0 or less."""
    steps = np.eye(n_before + n_after)
    steps[np.arange(1, n_before), np.arange(n_before - 1)] = -1.0
    after = np.arange(n_before + 1, n_before + n_after)
    steps[after, after - 1] = -1.0
    before = np.vstack([steps[1:n_before], -np.eye(n_before + n_after)[n_before - 1]])
    later = steps[n_before:]
    rows: Numbers = np.vstack([later, -later]) - times * sign * before[largest]
    return rows


def _corners(limits: Numbers, sigma: Numbers, n_before: int) -> tuple[Numbers, Numbers]:
    """List the corners of the dual problem, and how the limits move with the first later effect.

    A corner is a way of adding limits up that the other later effects cannot touch, in standard
    errors.
    """
    line, free = -limits[:, n_before], limits[:, n_before + 1 :]
    n_after = free.shape[1] + 1
    size = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", limits, sigma, limits), 0.0))
    found = []
    for rows in combinations(range(len(limits)), n_after):
        chosen = list(rows)
        system = np.vstack([free[chosen].T, size[chosen]])
        if np.linalg.matrix_rank(system) < n_after:
            continue
        part = np.linalg.solve(system, np.eye(n_after)[-1])
        if (part >= -1e-10).all():
            corner = np.zeros(len(limits))
            corner[chosen] = np.maximum(part, 0.0)
            found.append(corner)
    corners = np.unique(np.round(found, 12), axis=0) if found else np.zeros((0, len(limits)))
    return corners, line


def _refuted(
    grid: Numbers, level: Numbers, line: Numbers, spread: Numbers, first: float
) -> NDArray[np.bool_]:
    """Test each effect of a grid: by the first stage, else given which corner is furthest out."""
    from scipy.stats import truncnorm

    far = level[:, None] + line[:, None] * grid
    best = far.argmax(axis=0)
    top = far[best, np.arange(len(grid))]
    variance = spread[best, best]
    pull = spread[:, best] / np.where(variance > 0, variance, 1.0)
    rest = far - pull * top
    slack = 1 - pull
    with np.errstate(divide="ignore", invalid="ignore"):
        cross = rest / slack
    low = np.where(slack > 1e-9, cross, -np.inf).max(axis=0)
    high = np.minimum(np.where(slack < -1e-9, cross, np.inf).min(axis=0), first)
    sd = np.sqrt(np.maximum(variance, 0.0))
    level_left = (LEVEL - FIRST_STAGE) / (1 - FIRST_STAGE)
    able = (sd > 0) & (low < high)
    safe = np.where(able, sd, 1.0)
    ends = np.where(able, low, -1.0) / safe, np.where(able, high, 1.0) / safe
    limit = np.where(able, np.maximum(truncnorm.isf(level_left, *ends) * safe, 0.0), np.inf)
    limit = np.where(sd > 0, limit, 0.0)
    result: NDArray[np.bool_] = (top > first) | (top > limit)
    return result

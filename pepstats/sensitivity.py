"""How strong a hidden reason for being picked would have to be to explain a finding away.

Rosenbaum's bounds: two schools that look alike may differ in their odds of being picked by a factor
of at most gamma. At gamma = 1 being picked was chance; the largest gamma at which the finding still
stands says how much hidden selection it bears (Rosenbaum 2002, Observational Studies, chapter 4;
for sets of one member and several others, Rosenbaum 2007, Biometrics 63:456).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pepstats.errors import DesignError

Numbers = NDArray[np.float64]
FEWEST_SETS = 6
"""With five sets of two even the most extreme result has a p of 1 in 32: no bound says a thing."""
LEVEL = 0.05
MOST_BIAS = 100.0
BEYOND = 1.959963984540054
"""Standard errors beyond which one in forty lie on either side."""


def bound_sets(
    sets: Numbers,
    *,
    gammas: Sequence[float] = (1, 1.5, 2, 3),
    effect: float = 0.0,
    inner: float = 0.0,
    trim: float = 2.5,
) -> pd.DataFrame:
    """Bound the p of a gain over sets of one member and its comparison schools.

    `sets` has a row per member: its own change first, then its comparison schools' changes,
    missing where it has fewer; sets must not share schools. One row per `gamma`: `p_most`
    (one-sided, that members did no better than `effect` would make them), `deviate`, `statistic`,
    `expected`, `variance` (at the worst), and `reason`. The statistic is Huber's: a difference
    counts in full from `trim` times the median difference within sets, not at all under `inner`.
    """
    steps = _gammas(gammas)
    values, why = _sets(sets, effect)
    if not 0 <= inner < trim:
        raise DesignError(f"`inner` ({inner}) must be from 0 up to below `trim` ({trim}).")
    unit = 0.0
    if not why:
        apart = [np.abs(np.subtract.outer(v, v))[np.triu_indices(len(v), 1)] for v in values]
        unit = float(np.median(np.concatenate(apart)))
        if not unit > 0:
            why = "half the differences within sets or more are nought"
    if why:
        columns = ["p_most", "deviate", "statistic", "expected", "variance"]
        return pd.DataFrame(np.nan, index=pd.Index(steps, name="gamma"), columns=columns).assign(
            reason=why
        )
    scored = [_score(v / unit, inner, trim) for v in values]
    seen = float(sum(own[0] for own in scored))
    rows = []
    for gamma in steps:
        worst = [_worst(np.sort(own), gamma) for own in scored]
        mean, variance = (float(sum(part)) for part in zip(*worst, strict=True))
        deviate = (seen - mean) / np.sqrt(variance) if variance > 0 else float("nan")
        rows.append((_tail(deviate), deviate, seen, mean, variance, ""))
    return pd.DataFrame(
        rows,
        index=pd.Index(steps, name="gamma"),
        columns=["p_most", "deviate", "statistic", "expected", "variance", "reason"],
    )


def invert_sets(sets: Numbers, *, gamma: float = 1.0) -> tuple[float, float, float]:
    """Give the effect that sets show, and the 95% interval that a hidden bias of gamma leaves.

    The estimate is the effect at which the statistic of `bound_sets` is what it would be by chance;
    the interval holds the effects that no bias up to `gamma` lets be refuted at 2.5% on either
    side. In the unit of `sets`.
    """
    values, why = _sets(sets, 0.0)
    if why:
        raise DesignError(why)
    steps = np.concatenate([own[0] - own[1:] for own in values])
    reach = float(np.abs(steps - np.median(steps)).max()) or 1.0
    middle = _root(lambda effect: _deviate(sets, 1.0, effect), 0.0, float(np.median(steps)), reach)
    low = _root(lambda effect: _deviate(sets, gamma, effect), BEYOND, middle, reach)
    high = -_root(lambda effect: _deviate(-sets, gamma, effect), BEYOND, -middle, reach)
    return middle, low, high


def _deviate(sets: Numbers, gamma: float, effect: float) -> float:
    """Give how far members are above what `effect` and a bias of gamma could make them."""
    found = bound_sets(sets, gammas=[gamma], effect=effect)
    if found["reason"].iloc[0]:
        raise DesignError(str(found["reason"].iloc[0]))
    return float(found["deviate"].iloc[0])


def _root(deviate: Callable[[float], float], wanted: float, near: float, reach: float) -> float:
    """Find the effect at which a deviate, which falls as the effect grows, is what is wanted."""
    from scipy.optimize import brentq

    low, high = near - reach, near + reach
    for _ in range(20):
        if deviate(low) >= wanted:
            break
        low -= reach
    else:
        return float("-inf")
    for _ in range(20):
        if deviate(high) <= wanted:
            break
        high += reach
    else:
        return float("inf")
    return float(brentq(lambda effect: deviate(effect) - wanted, low, high, xtol=1e-9 * reach))


def lay_out_sets(pairs: pd.DataFrame, changes: pd.Series) -> Numbers:
    """Lay pairs out as sets, for `bound_sets`: members' changes first, missing ones left missing.

    `pairs` has `school` and `comparison`, one row per pair; `changes` has index `school`. A
    comparison school may be in one set only.
    """
    if pairs["comparison"].duplicated().any():
        shared = int(pairs["comparison"].duplicated(keep=False).sum())
        raise DesignError(
            f"{shared} pairs share a comparison school; sets must not. Match without replacement."
        )
    others = pairs.sort_values(["school", "comparison"]).groupby("school")["comparison"]
    width = 1 + int(others.size().max() if len(pairs) else 0)
    laid = np.full((others.ngroups, width), np.nan)
    for row, (school, listed) in enumerate(others):
        laid[row, 0] = changes.get(school, np.nan)
        laid[row, 1 : 1 + len(listed)] = changes.reindex(listed).to_numpy(float)
    return laid


def bears(bound: Callable[[float], float]) -> float:
    """Give the strongest hidden selection at which the finding still stands, to two decimals.

    `bound` gives the largest p at a gamma. Missing when it does not stand even at 1, infinite when
    it stands at 100.
    """
    if not bound(1.0) <= LEVEL:
        return float("nan")
    if bound(MOST_BIAS) <= LEVEL:
        return float("inf")
    low, high = 1.0, MOST_BIAS
    while high - low > 1e-8:
        middle = (low + high) / 2
        low, high = (middle, high) if bound(middle) <= LEVEL else (low, middle)
    return float(np.floor(low * 100 + 1e-6) / 100)


def _gammas(gammas: Sequence[float]) -> list[float]:
    wrong = [g for g in gammas if not g >= 1]
    if wrong or not len(gammas):
        raise DesignError(f"gamma is 1 or more; {wrong or 'none'} was given.")
    return [float(g) for g in gammas]


def _sets(sets: Numbers, effect: float) -> tuple[list[Numbers], str]:
    table = np.asarray(sets, dtype=float)
    if table.ndim != 2 or table.shape[1] < 2:
        raise DesignError("Sets need a column for the member and one for a comparison school.")
    table = table - effect * np.eye(1, table.shape[1])
    rows = [row[~np.isnan(row)] for row in table if not np.isnan(row[0])]
    full = [row for row in rows if len(row) > 1]
    if len(full) < FEWEST_SETS:
        return full, f"{len(full)} sets with a result; at least {FEWEST_SETS} are needed"
    return full, ""


def _tail(deviate: float) -> float:
    from scipy.special import ndtr

    return float(ndtr(-deviate))


def _score(values: Numbers, inner: float, trim: float) -> Numbers:
    """Score every school of a set: its mean difference from all of them, large ones held."""
    apart = np.subtract.outer(values, values)
    size = np.clip((np.abs(apart) - inner) / (trim - inner), 0.0, 1.0)
    scored: Numbers = (np.sign(apart) * size).sum(axis=1) / len(values)
    return scored


def _worst(ranked: Numbers, gamma: float) -> tuple[float, float]:
    """Find which schools of a set hidden selection must favour to expect most (separable bound).

    The highest scores are favoured; how many of them is tried out, the larger variance deciding
    between equals (Gastwirth, Krieger and Rosenbaum 2000, JRSS B 62:545).
    """
    favoured = np.arange(1, len(ranked))
    more = (gamma - 1) / (len(ranked) + (gamma - 1) * favoured)
    plain = 1 / (len(ranked) + (gamma - 1) * favoured)
    mean = plain * ranked.sum() + more * np.cumsum(ranked[::-1])[:-1]
    square = plain * (ranked**2).sum() + more * np.cumsum(ranked[::-1] ** 2)[:-1]
    best = np.lexsort((square - mean**2, np.round(mean, 12)))[-1]
    return float(mean[best]), float(square[best] - mean[best] ** 2)

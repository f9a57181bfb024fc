"""How far two groups could have been drifting apart anyway, before the finding goes.

Robust intervals after Rambachan and Roth (2023, Review of Economic Studies 90:2555), by relative
magnitudes (a drift at most Mbar times the largest seen before) and the conditional test with a
least-favourable first stage of Andrews, Roth and Pakes (2023, same journal, 90:2763). Written here
because the library used for other checks gives them by a cruder interval that does not agree with
the authors' own.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pepstats.errors import DesignError

Numbers = NDArray[np.float64]
LEVEL = 0.05
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


def breakdown_value(bounds: pd.DataFrame) -> float:
    """Find the largest amount of drift allowed for at which the interval still leaves out zero.

    Missing when it includes zero at the least amount tried.
    """
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

    The other later effects are free; a corner is a way of adding limits up that they cannot touch,
    in units of standard errors.
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

"""Weights that make comparison schools, taken together, just like a programme's schools.

Entropy balancing (Hainmueller 2012, Political Analysis 20:25): of all weights that give the
members' means exactly, those nearest to equal. The balance is measured again afterwards and held
to; a solver's word that it has converged is not taken.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pepstats.distances import mark_members, spell_out
from pepstats.errors import DesignError

CLOSE = 1e-8
"""Largest difference left between the means, in standard deviations, that counts as balanced."""


@dataclass(frozen=True)
class Weights:
    """How much each comparison school counts.

    Attributes
    ----------
    weights
        Index `school`: from 0 up, adding to 1; every school that is not a member has one.
    balance
        Index `variable`: `target` (the members' mean), `before` (the others' mean), `after` (their
        weighted mean), `spread` (their standard deviation), `left` (what is left unlike, in
        standard deviations).
    effective
        How many equally weighted schools they are worth (Kish): (sum w) squared / sum w squared.
    largest
        The largest single weight.
    rounds
        How many Newton steps it took.
    """

    weights: pd.Series = field(repr=False)
    balance: pd.DataFrame = field(repr=False)
    effective: float
    largest: float
    rounds: int


def weigh_to_balance(table: pd.DataFrame, members: Iterable[int]) -> Weights:
    """Weigh the schools that are not members so that their means equal the members'.

    `table` has index `school` and what is to be balanced; words become one column each.

    Raises
    ------
    DesignError
        When the table has gaps or constant columns; and when no weights give the members' means
        (they lie outside what the others span): named with the nearest that can be had.
    """
    spelled = spell_out(table)
    inside = mark_members(spelled.index, members)
    values, target = spelled[~inside].to_numpy(), spelled[inside].mean().to_numpy()
    spread = values.std(axis=0)
    scale = np.where(spread > 0, spread, np.maximum(np.abs(target), 1.0))
    away = (values - target) / scale
    weight, rounds = _lean(away)
    left = weight @ away
    if not np.abs(left).max(initial=0) <= CLOSE:
        raise DesignError(_nearest_balance(away, list(spelled.columns)))
    balance = pd.DataFrame(
        {
            "target": target,
            "before": values.mean(axis=0),
            "after": weight @ values,
            "spread": spread,
            "left": left,
        },
        index=pd.Index(spelled.columns, name="variable"),
    )
    weights = pd.Series(weight, index=spelled.index[~inside], name="weight").rename_axis("school")
    effective = float(1 / (weight**2).sum())
    return Weights(weights, balance, effective, float(weight.max()), rounds)


def _lean(away: NDArray[np.float64]) -> tuple[NDArray[np.float64], int]:
    """Minimise the convex dual, log of the mean of exp(away @ lean), by damped Newton steps."""
    lean = np.zeros(away.shape[1])
    weight, worth = _at(away, lean)
    rounds = 0
    while rounds < 200:
        slope = weight @ away
        if np.abs(slope).max(initial=0) <= CLOSE / 100:
            break
        rounds += 1
        around = away - slope
        curve = (around * weight[:, None]).T @ around
        step = np.linalg.lstsq(curve, slope, rcond=1e-13)[0]
        gain, size = float(step @ slope), 1.0
        # a step that curvature cannot hold (means on the edge of what can be had) is shortened
        while size > 1e-10:
            tried, value = _at(away, lean - size * step)
            if np.isfinite(value) and value <= worth - 1e-4 * size * gain + 1e-15 * abs(worth):
                break
            size /= 2
        if size <= 1e-10:
            break
        lean, weight, worth = lean - size * step, tried, value
        if np.abs(lean).max() > 1e6:
            break
    return weight, rounds


def _at(away: NDArray[np.float64], lean: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    odds = away @ lean
    top = odds.max()
    raw = np.exp(odds - top)
    return raw / raw.sum(), float(top + np.log(raw.mean()))


def _nearest_balance(away: NDArray[np.float64], names: list[str]) -> str:
    """Say how near the members' means weights can come: the least sum of differences, by LP."""
    from scipy.optimize import linprog

    n, p = away.shape
    cost = np.concatenate([np.zeros(n), np.ones(2 * p)])
    sums = np.hstack([away.T, np.eye(p), -np.eye(p)])
    equal = np.vstack([sums, np.concatenate([np.ones(n), np.zeros(2 * p)])])
    found = linprog(cost, A_eq=equal, b_eq=np.concatenate([np.zeros(p), [1.0]]), method="highs")
    if found.x is None or not found.success:
        return "No weights give the members' means, and the nearest could not be found."
    left = found.x[:n] @ away
    worst = [i for i in np.argsort(-np.abs(left), kind="stable")[:5] if abs(left[i]) > 1e-6]
    if not worst:
        return (
            "Only weights on a few schools at the edge give the members' means exactly, and "
            "entropy balancing needs room around them. Balance fewer things, or widen the pool."
        )
    told = ", ".join(f"{names[i]} {-left[i]:+.2f}" for i in worst)
    return (
        "No weights on the comparison schools give the members' means. The nearest still leaves "
        f"the members apart by (in standard deviations): {told}. Balance fewer things, leave out "
        "the members that are like no one, or widen the pool."
    )

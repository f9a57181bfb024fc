"""Synthetic difference in differences, with weights that are solved and not stopped on the way.

Arkhangelsky and others (2021, American Economic Review 111:4088), algorithms 1 and 4. Programs in
use stop a descent after so many steps and drop small weights half-way, so that an answer may move
in its third digit with the last digit of a sum. Here each set of weights is the least-squares
problem's only solution, by an active-set method (non-negative least squares) that starts from no
weight on anyone and ends where no weight can be improved, but for rounding.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pepstats.errors import DesignError

Numbers = NDArray[np.float64]
TIME_RIDGE = 1e-6
"""How much unequal weights of years count against them, in noise levels: as the authors have it."""


@dataclass(frozen=True)
class Synthetic:
    """An estimate, what the same comes to for placebo groups of the others, and its weights."""

    estimate: float
    placebo: Numbers = field(repr=False)
    of_schools: Numbers = field(repr=False)
    of_years: Numbers = field(repr=False)

    @property
    def error(self) -> float:
        """The standard error: the spread of the placebo groups."""
        return float(np.std(self.placebo))


def estimate_synthetic(
    values: Numbers, inside: NDArray[np.bool_], n_before: int, *, draws: int,
    rng: np.random.Generator,
) -> Synthetic:  # fmt: skip
    """Estimate the members' change against a weighted mean of the others, over weighted years.

    `values` has a row for each year in order, the first `n_before` before the start, and a column
    for each school; `inside` marks the members. Placebo groups are as many of the others, drawn
    anew each time, held against the rest of them.
    """
    own, others = values[:, inside].mean(axis=1), values[:, ~inside]
    each, n_after = int(inside.sum()), len(values) - n_before
    noise = float(np.std(np.diff(others[:n_before], axis=0), ddof=1))
    if not noise > 0:
        raise DesignError("the comparison schools' results do not move before the start")
    penalty = np.sqrt(each * n_after) * noise**2, (TIME_RIDGE * noise) ** 2
    estimate, schools, years = _compare(own, others, n_before, penalty)
    placebo = np.empty(draws)
    for draw in range(draws):
        mixed = others[:, rng.permutation(others.shape[1])]
        placebo[draw], _, _ = _compare(
            mixed[:, -each:].mean(axis=1), mixed[:, :-each], n_before, penalty
        )
    return Synthetic(estimate, placebo, schools, years)


def _compare(
    own: Numbers, others: Numbers, n_before: int, penalty: tuple[float, float]
) -> tuple[float, Numbers, Numbers]:
    """Return the estimate of one group, the weights of the others and those of the years before.

    `penalty` is what unequal weights cost, of schools and of years; columns less their means allow
    for a constant between the two sides.
    """
    before, after = others[:n_before], others[n_before:].mean(axis=0)
    unlike, moved = before - own[:n_before, None], (before - after).T
    schools = weigh_nearest(unlike - unlike.mean(axis=0), penalty[0] * n_before)
    years = weigh_nearest(moved - moved.mean(axis=0), penalty[1] * others.shape[1])
    apart = own - others @ schools
    return float(apart[n_before:].mean() - years @ apart[:n_before]), schools, years


def weigh_nearest(apart: Numbers, penalty: float) -> Numbers:
    """Return the weights, none below zero and adding to 1, that leave the least of `apart`.

    Least are the squares of `apart @ weights` and `penalty` times those of the weights. A positive
    multiple of the solution is that of the same squares and (sum - 1) squared without the
    condition on the sum, which is how it is found.
    """
    from scipy.optimize import nnls

    n = apart.shape[1]
    rows = np.vstack([apart, np.sqrt(penalty) * np.eye(n)])
    scale = float(np.abs(rows).max()) or 1.0
    rows = np.vstack([rows / scale, np.ones(n)])
    found, _ = nnls(rows, np.append(np.zeros(len(rows) - 1), 1.0), maxiter=30 * n)
    weights: Numbers = found / found.sum()
    return weights

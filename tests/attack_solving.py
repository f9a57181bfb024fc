"""What linear forms leave open of whole numbers: uncertainty, bounds, lattices. Knows no school.

Written apart from the gate that it judges, and shares no code with it.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from flint import fmpz_mat
from numpy.typing import NDArray
from scipy.optimize import linprog

Numbers = NDArray[np.float64]
DIGITS = 2**20
SHORT, TINY, MOST_WAYS = 8.0, 1.5, 7
"""Points fewer standard deviations away are tried too, so many ways at a time; a way that is tiny
can be gone so often that what it moves is never certain."""

CERTAIN = np.log(0.02)
"""A solution is claimed where the others that fit as well are fewer than 2 in 100 expected."""


@dataclass(frozen=True)
class Told:
    """What is known of some unknowns: `forms @ x` is within `half` of `values`."""

    forms: Numbers
    values: Numbers
    half: Numbers

    def beside(self, other: "Told") -> "Told":
        return Told(
            np.vstack([self.forms, other.forms]),
            np.append(self.values, other.values),
            np.append(self.half, other.half),
        )


def condition(covariance: Numbers, told: Told) -> Numbers:
    """Return the covariance left once the forms are known, each to within its rounding."""
    if not len(told.values):
        return covariance
    across = covariance @ told.forms.T
    noise = np.maximum(told.half**2 / 3, 1e-16)
    scale = np.sqrt(np.diag(told.forms @ across) + noise)
    seen = (told.forms @ across + np.diag(noise)) / np.outer(scale, scale)
    left = (
        covariance
        - (across / scale) @ np.linalg.pinv(seen, rcond=1e-14, hermitian=True) @ (across / scale).T
    )
    return (left + left.T) / 2


def update(mean: Numbers, covariance: Numbers, told: Told) -> Numbers:
    """Return the means once the forms are known."""
    if not len(told.values):
        return mean
    across = covariance @ told.forms.T
    noise = np.maximum(told.half**2 / 3, 1e-16)
    scale = np.sqrt(np.diag(told.forms @ across) + noise)
    seen = (told.forms @ across + np.diag(noise)) / np.outer(scale, scale)
    missed = (told.values - told.forms @ mean) / scale
    return mean + (across / scale) @ np.linalg.pinv(seen, rcond=1e-14, hermitian=True) @ missed


def ratios(prior: Numbers, told: Told, whose: Numbers) -> pd.DataFrame:
    """Return each unknown's uncertainty left, as a share: `alone`, and with the worst insider.

    An insider is a school that knows all of its own; `whose` says which school each unknown is of.
    """
    left = condition(prior, told)
    before, after = np.sqrt(np.diag(prior)), np.sqrt(np.maximum(np.diag(left), 0))
    worst = after.copy()
    for school in np.unique(whose):
        own = np.flatnonzero(whose == school)
        block = left[np.ix_(own, own)]
        gain = left[:, own] @ np.linalg.pinv(block, rcond=1e-10, hermitian=True) @ left[own, :]
        told_too = np.sqrt(np.maximum(np.diag(left) - np.diag(gain), 0))
        told_too[own] = after[own]
        worst = np.minimum(worst, told_too)
    return pd.DataFrame({"alone": after / before, "insider": worst / before})


def bounds(told: Told, low: Numbers, high: Numbers, asked: Numbers) -> pd.DataFrame:
    """Return the least and the most that some unknowns can be, by two linear programmes each."""
    rows = np.vstack([told.forms, -told.forms])
    limits = np.append(told.values + told.half, told.half - told.values)
    scale = np.maximum(np.abs(rows).max(axis=1), 1e-12)
    rows, limits = rows / scale[:, None], limits / scale + 1e-9
    found, room = [], list(zip(low, high, strict=True))
    for n in asked:
        aim = np.zeros(len(low))
        aim[n] = 1.0
        ends = [linprog(sign * aim, A_ub=rows, b_ub=limits, bounds=room) for sign in (1, -1)]
        there = [e.status == 0 for e in ends]
        found.append((ends[0].fun if there[0] else np.nan, -ends[1].fun if there[1] else np.nan))
    return pd.DataFrame(found, columns=["low", "high"], index=asked)


def worst_misfit(told: Told, low: Numbers, high: Numbers, first: int) -> int | None:
    """Return which of the `first` forms must give most for the rest to fit; none where all fit."""
    size, rows = told.forms.shape[1], len(told.values)
    slack = np.eye(rows)
    left = np.vstack([np.hstack([told.forms, -slack]), np.hstack([-told.forms, -slack])])
    limits = np.append(told.values + told.half, told.half - told.values) + 1e-7
    aim = np.append(np.zeros(size), np.ones(rows))
    room = [*zip(low, high, strict=True), *[(0, None)] * rows]
    found = linprog(aim, A_ub=left, b_ub=limits, bounds=room, method="highs")
    given = found.x[size : size + first] if found.status == 0 else np.zeros(first)
    return int(given.argmax()) if first and given.max() > 1e-4 else None


def expected_solutions(prior: Numbers, told: Told, step: Numbers) -> float:
    """Return the logarithm of how many grid points would fit by chance (Gaussian heuristic)."""
    across = told.forms @ prior @ told.forms.T
    noise = np.maximum(told.half**2 / 3, 1e-16)
    whole = across / np.sqrt(np.outer(noise, noise)) + np.eye(len(noise))
    told_apart = np.log(np.maximum(np.linalg.eigvalsh(whole), 1.0)).sum()  # sums may repeat
    spread = np.linalg.slogdet(prior)[1] - told_apart
    return float(len(step) / 2 * np.log(2 * np.pi * np.e) + spread / 2 - np.log(step).sum())


def reduce_lattice(
    mean: Numbers, sd: Numbers, step: Numbers, told: Told
) -> tuple[Numbers, Numbers]:
    """Find the grid point nearest the means that fits the forms: LLL, then Babai's nearest plane.

    Beside it the short ways from there to other points that fit about as well, shortest first.
    (Where weights are as whole numbers are, many points fit to the last digit.)
    """
    size, rows = len(mean), len(told.values)
    tight = np.maximum(told.half, 1e-12)
    basis = np.hstack([np.diag(step / sd), (told.forms * step).T / tight[:, None].T])
    target = np.append(mean / sd, told.values / tight)
    whole = fmpz_mat([[int(round(float(v) * DIGITS)) for v in row] for row in basis]).lll()
    exact = [[int(whole[i, j]) for j in range(size + rows)] for i in range(size)]
    reduced = np.array([[v / DIGITS for v in row] for row in exact])
    places = _nearest_plane(reduced, target)
    length = np.linalg.norm(reduced, axis=1)
    order = [n for n in np.argsort(length) if length[n] < SHORT]
    ways = np.round(reduced[order, :size] * sd / step) * step
    return np.round((places @ reduced)[:size] * sd / step) * step, ways


def _nearest_plane(basis: Numbers, target: Numbers) -> Numbers:
    orthogonal, upper = np.linalg.qr(basis.T)
    goal, found = orthogonal.T @ target, np.zeros(len(basis))
    for n in range(len(basis) - 1, -1, -1):
        found[n] = np.round((goal[n] - upper[n, n + 1 :] @ found[n + 1 :]) / upper[n, n])
    return found


Possible = Callable[[Numbers], NDArray[np.bool_]]


def solve_whole(
    mean: Numbers, prior: Numbers, step: Numbers, told: Told, possible: Possible
) -> tuple[Numbers, NDArray[np.bool_]]:
    """Return the likeliest grid point that fits, and of which unknowns hardly another can.

    `possible` says of each of some points (rows) which unknowns can be so.
    """
    sd = np.sqrt(np.diag(prior))
    guess, none = np.round(update(mean, prior, told) / step) * step, np.zeros(len(mean), dtype=bool)
    if not len(told.values) or expected_solutions(prior, told, step) > CERTAIN:
        return guess, none
    found, ways = reduce_lattice(mean, sd, step, told)
    tiny = np.linalg.norm(ways / sd, axis=1) < TINY
    loose = np.abs(np.vstack([ways[tiny], ways[~tiny][MOST_WAYS:]])).sum(axis=0) > 0
    tried = found + _steps(ways[~tiny][:MOST_WAYS])
    fits = (np.abs(tried @ told.forms.T - told.values) <= 1.01 * told.half + 1e-9).all(axis=1)
    tried = tried[fits & (possible(tried) | loose).all(axis=1)]
    if not len(tried):
        return guess, none
    far = (((tried - mean) / sd) ** 2).sum(axis=1) / 2
    likely = tried[far < far.min() + 6]
    return tried[far.argmin()], ~loose & (likely == likely[0]).all(axis=0)


def _steps(ways: Numbers) -> Numbers:
    """Return where some steps along several ways lead to, none included."""
    counts = np.array(list(itertools.product(range(-2, 3), repeat=len(ways))), dtype=float)
    return counts.reshape(len(counts), len(ways)) @ ways

"""What shown numbers together tell of single schools' results before these are published.

Everything in an estimate but the schools' own results can be known: the method is open, earlier
results are published, the number of pupils and the support of each school are no secret. So every
shown number is a weighted sum of the schools' results, rounded: a form. Forms are held against what
is left to know of each school once all of them are shown, over all programmes and every earlier
release of the same results: the prior-posterior rule of the handbook on statistical disclosure
control (ESSNet 2010), applied to linear forms.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
ROUNDED_THRICE = 0.1
"""An estimate stands beside its interval's two ends, its line's end and its size on other scales,
each as far from it as anyone can work out: so many roundings of one number leave about a tenth of
the step of one."""


@dataclass(frozen=True)
class Form:
    """A shown number as a weighted sum of unknown results, and half the step it is rounded to."""

    name: str
    parts: pd.Series = field(repr=False, compare=False)
    half: float


@dataclass(frozen=True)
class Unknown:
    """What is not published: one row per unknown result, and what must not be worked out of it.

    `table` has one row per unknown, a school's together: `school`, `value`, and `low` and `high`,
    the least and the most that it can be. `prior` is a square root of the covariance of what is
    known of them beforehand (its Cholesky factor); schools are independent. `wanted` has a row for
    each figure of a `school` that is protected, with its weights of the unknowns.
    """

    table: pd.DataFrame = field(repr=False)
    prior: Numbers = field(repr=False)
    wanted: pd.DataFrame = field(repr=False)


@dataclass(frozen=True)
class Left:
    """The least that is left to know of any protected figure, each as a share of what there was.

    `alone` and `with_insider` are standard deviations after and before, without and with the help
    of one other school that knows its own results; `width` is the range that a figure can be in.
    """

    alone: float
    with_insider: float
    width: float

    def enough(self, least: Left) -> bool:
        """Whether as much is left as a policy asks."""
        return (
            self.alone >= least.alone
            and self.with_insider >= least.with_insider
            and self.width >= least.width
        )


def audit(forms: Sequence[Form], unknown: Unknown, *, ask: float = 1.0) -> Left:
    """Work out the least that is left to know of any school once some forms are shown.

    A range takes two linear programmes a figure: one that is seen to keep the share that is asked
    for (`ask`) counts as whole, and so do all where nothing is asked.
    """
    matrix, half = _stack(forms, unknown.table.index)
    alone, insider = _posterior(matrix, half, unknown)
    return Left(alone, insider, _narrowest(matrix, half, unknown, ask) if ask > 0 else 1.0)


def _stack(forms: Sequence[Form], unknowns: pd.Index) -> tuple[Numbers, Numbers]:
    matrix = np.array([form.parts.reindex(unknowns).fillna(0.0).to_numpy() for form in forms])
    return matrix.reshape(len(forms), len(unknowns)), np.array([form.half for form in forms])


def _posterior(matrix: Numbers, half: Numbers, unknown: Unknown) -> tuple[float, float]:
    """Return the least share of a standard deviation that is left, alone and with one insider."""
    schools = unknown.table["school"].to_numpy()
    scaled = matrix @ unknown.prior
    noise = np.maximum((2 * half) ** 2 / 12, 1e-12)
    told = scaled.T @ np.linalg.solve(scaled @ scaled.T + np.diag(noise), scaled)
    left = np.eye(len(schools)) - told
    wanted = unknown.wanted.to_numpy(float) @ unknown.prior
    owners = unknown.wanted.index.get_level_values("school").to_numpy()
    before = (wanted**2).sum(axis=1)

    def least(remaining: Numbers, rows: NDArray[np.bool_]) -> float:
        after = np.einsum("ij,jk,ik->i", wanted[rows], remaining, wanted[rows])
        shares = np.sqrt(np.clip(after, 0.0, None) / before[rows])
        return float(shares.min(initial=1.0))

    insiders = []
    for school in np.unique(schools):
        own = schools == school
        inner = np.linalg.pinv(left[np.ix_(own, own)])
        insiders.append(least(left - left[:, own] @ inner @ left[own], owners != school))
    return least(left, np.ones(len(wanted), bool)), min(insiders, default=1.0)


def _narrowest(matrix: Numbers, half: Numbers, unknown: Unknown, ask: float) -> float:
    """Bound each protected figure by linear programmes; return the least share of a range left.

    What solves one programme may be the case too: a figure that such cases show to keep the share
    asked for, and more, needs no programme of its own.
    """
    from scipy.optimize import linprog

    low, high, value = (unknown.table[name].to_numpy(float) for name in ("low", "high", "value"))
    shown = matrix @ value
    limits = np.concatenate([shown + half, half - shown])
    both, bounds = np.vstack([matrix, -matrix]), list(zip(low, high, strict=True))
    shares, cases = [1.0], [value]
    for aim in unknown.wanted.to_numpy(float):
        before = float(np.where(aim > 0, aim * (high - low), aim * (low - high)).sum())
        if np.ptp(np.array(cases) @ aim) > (ask + 1e-6) * before:
            continue
        least, most = (linprog(sign * aim, both, limits, bounds=bounds) for sign in (1, -1))
        cases += [least.x, most.x]
        shares.append((-most.fun - least.fun) / before)
    return min(shares)


def choose_forms(
    asked: Iterable[Sequence[Form]], shown: Sequence[Form], unknown: Unknown, least: Left
) -> list[Form]:
    """Add groups of forms to those shown, in order, each only while enough is left to know.

    The range that a result can be in takes a linear programme for each school, so it is asked of
    all that are chosen at once; while it is too narrow the last group is left out again.
    """
    kept = [list(shown)]
    for group in asked:
        beside = [form for one in kept for form in one] + list(group)
        if audit(beside, unknown, ask=0.0).enough(least):
            kept.append(list(group))
    while len(kept) > 1 and not may_show([f for one in kept for f in one], unknown, least):
        kept.pop()
    return [form for one in kept for form in one]


def may_show(forms: Sequence[Form], unknown: Unknown, least: Left) -> bool:
    """Whether as much is left to know of every school as a policy asks, once all are shown."""
    return all(audit(forms, unknown, ask=ask).enough(least) for ask in (0.0, least.width))

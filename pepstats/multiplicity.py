"""What several looks at once do to a p: Holm, Benjamini-Hochberg, and stepping down by draws."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pepstats.errors import DesignError

Numbers = NDArray[np.float64]


def adjust_holm(p: Sequence[float]) -> Numbers:
    """Adjust p values so that any false alarm at all stays as rare as one alone (Holm 1979).

    In the order given; a missing p stays missing and is not counted as a look.
    """
    values, known = _read(p)
    order = np.argsort(values[known], kind="stable")
    looks = known.sum() - np.arange(known.sum())
    raised = np.maximum.accumulate(values[known][order] * looks)
    return _put_back(values, known, order, np.minimum(raised, 1.0))


def adjust_false_discoveries(p: Sequence[float]) -> Numbers:
    """Adjust p values so that of the findings few are false (Benjamini and Hochberg 1995).

    In the order given; a missing p stays missing and is not counted as a look.
    """
    values, known = _read(p)
    order = np.argsort(values[known], kind="stable")
    n = int(known.sum())
    raised = values[known][order] * n / np.arange(1, n + 1)
    lowered = np.minimum.accumulate(raised[::-1])[::-1]
    return _put_back(values, known, order, np.minimum(lowered, 1.0))


def step_down(seen: Sequence[float], drawn: Numbers) -> Numbers:
    """Adjust for several looks by stepping down over draws of all statistics together.

    Romano and Wolf (2005, Econometrica 73:1237; the p of 2016): `seen` are statistics on a common
    scale (t values), `drawn` the same statistics under chance, one row per draw. The furthest is
    held against the furthest of each draw, the next against the furthest of those that are left.
    """
    far = np.abs(np.asarray(seen, dtype=float))
    draws = np.abs(np.asarray(drawn, dtype=float))
    if draws.ndim != 2 or draws.shape[1] != len(far) or not len(draws):
        raise DesignError("Stepping down needs draws with one column for each statistic.")
    if not (np.isfinite(far).all() and np.isfinite(draws).all()):
        raise DesignError("Stepping down needs every statistic in every draw.")
    order = np.argsort(-far, kind="stable")
    furthest = np.maximum.accumulate(draws[:, order][:, ::-1], axis=1)[:, ::-1]
    p = (1 + (furthest >= far[order]).sum(axis=0)) / (1 + len(draws))
    adjusted = np.empty(len(far))
    adjusted[order] = np.maximum.accumulate(p)
    return adjusted


def _read(p: Sequence[float]) -> tuple[Numbers, NDArray[np.bool_]]:
    values = np.asarray(p, dtype=float)
    known = ~np.isnan(values)
    if ((values[known] < 0) | (values[known] > 1)).any():
        raise DesignError("A p lies between 0 and 1.")
    return values, known


def _put_back(
    values: Numbers, known: NDArray[np.bool_], order: NDArray[np.intp], adjusted: Numbers
) -> Numbers:
    own = np.empty(int(known.sum()))
    own[order] = adjusted
    result = np.full(len(values), np.nan)
    result[known] = own
    return result

"""What is fitted on schools in no programme: what to expect of a school, and how gaps vary."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
COMPARISON_PART = "part of the comparison schools' own distance"
"""What the slopes call the weight of comparison schools beside the line over all schools."""


@dataclass(frozen=True)
class Chance:
    """How gaps vary where nothing was done: a part per school, a part per pupil, a city's year."""

    per_school: float
    per_pupil: float
    city: float

    def variance(self, cohort: Numbers) -> Numbers:
        """Variance of one school's gap, its city's part within: `tau2 + s2 / cohort`."""
        with np.errstate(divide="ignore"):  # no pupils: endless variance, no weight
            return self.per_school + self.per_pupil / cohort

    def own_variance(self, cohort: Numbers) -> Numbers:
        """Variance of one school's gap without its city's part, a quarter of all at the least."""
        whole = self.variance(cohort)
        return np.maximum(whole - self.city, whole / 4)


def fit_chance(gap: Numbers, cohort: Numbers, authority: NDArray[np.int64]) -> Chance:
    """Fit how gaps vary, on schools in no programme."""
    per_school, per_pupil = _variance_parts(gap, cohort)
    city = _city_variance(gap, per_school + per_pupil / cohort, authority)
    return Chance(per_school, per_pupil, city)


def take_out(
    result: Numbers,
    known: pd.DataFrame,
    outside: NDArray[np.bool_],
    authority: NDArray[np.int64],
    *,
    compared: tuple[Numbers, Numbers] | None = None,
    part: float | None = None,
    also: tuple[Numbers, pd.DataFrame] | None = None,
) -> tuple[Numbers, pd.Series]:
    """Give how far each result is from what is expected of it, and the slopes for the reader.

    What is expected is read off a line: least squares of the results on what was known before,
    over the schools `outside` every programme. With `compared` (the mean result of each school's
    comparison schools, and the means of what was known of them) it is moved by a part of how far
    those were from the line themselves: the part that has told of a school's own distance, none
    to all of it. It is small where a few schools' results are mostly their own good or bad luck
    (an empirical Bayes weight: Morris, 1983, JASA 78:47). Both are fitted for each authority
    without its own schools (the sums of all, less its own). `part` asks for a part of that
    distance other than the one found; with 1 the comparison schools count in full, and what the
    line says of what they are unlike in is taken out (bias-corrected matching: Abadie and Imbens,
    2011, Journal of Business and Economic Statistics 29:1). `also` asks for the distances of
    other results (another year's, with what was known before them) from the same line instead.
    """
    lines = _with_constant(known)
    width = lines.shape[1]
    theirs = np.zeros((len(lines), 1 + width)) if compared is None else np.column_stack(
        [np.nan_to_num(compared[0]), np.ones(len(lines)), np.nan_to_num(compared[1])]
    )  # fmt: skip
    everything = np.column_stack([np.nan_to_num(result), lines, theirs])
    kept = everything * outside[:, None]
    squares = kept.T @ kept
    given = everything
    if also is not None:
        given = np.column_stack([np.nan_to_num(also[0]), _with_constant(also[1]), theirs])
    gap = np.empty(len(result))
    for here in pd.Series(authority).groupby(authority, sort=True).indices.values():
        elsewhere = squares - kept[here].T @ kept[here]
        gap[here] = given[here] @ _distance_from_line(elsewhere, width, part)[0]
    missing = np.isnan(result if also is None else also[0])
    _, slope, told = _distance_from_line(squares, width, part)
    names = pd.Index(["constant", *known.columns, COMPARISON_PART], name="variable")
    slopes = pd.Series([*slope, told], index=names, name="slope")
    return np.where(missing, np.nan, gap), slopes


def _distance_from_line(
    squares: Numbers, width: int, part: float | None
) -> tuple[Numbers, Numbers, float]:
    """What turns (result, known, the comparison schools' same) into a gap; the slopes; the part.

    All from the sums of squares and products of those columns over the schools fitted on.
    """
    known = slice(1, 1 + width)
    slope = np.linalg.lstsq(squares[known, known], squares[known, 0], rcond=1e-9)[0].astype(float)
    own, theirs = np.zeros(len(squares)), np.zeros(len(squares))
    own[: 1 + width] = theirs[1 + width :] = [1.0, *-slope]
    size = float(theirs @ squares @ theirs)
    if part is None:
        part = min(max(float(theirs @ squares @ own) / size, 0.0), 1.0) if size > 0 else 0.0
    return own - part * theirs, slope, part


def _with_constant(table: pd.DataFrame) -> Numbers:
    return np.column_stack([np.ones(len(table)), table.to_numpy(float)])


def _variance_parts(gap: Numbers, cohort: Numbers) -> tuple[float, float]:
    """Split the variance of gaps into a part per school and a part per pupil, none below nought."""
    from scipy.optimize import nnls

    if len(gap) < 10:
        return (float(np.var(gap)) if len(gap) > 1 else 1.0) or 1.0, 0.0
    parts, _ = nnls(np.column_stack([np.ones(len(gap)), 1 / cohort]), gap**2)
    return (float(parts[0]), float(parts[1])) if parts.any() else (1.0, 0.0)


def _city_variance(gap: Numbers, variance: Numbers, authority: NDArray[np.int64]) -> float:
    """Variance of a whole authority's good or bad year, by the method of moments.

    Of the precision-weighted mean gap of each authority with five schools or more: its square
    beyond what its schools' own variance accounts for, averaged; nought when there is none.
    """
    weight = 1 / variance
    city = pd.DataFrame({"w": weight, "wg": weight * gap, "n": 1}).groupby(authority).sum()
    city = city[city["n"] >= 5]
    if len(city) < 10:
        return 0.0
    mean = city["wg"] / city["w"]
    centre = city["wg"].sum() / city["w"].sum()
    return float(max(0.0, ((mean - centre) ** 2 - 1 / city["w"]).mean()))

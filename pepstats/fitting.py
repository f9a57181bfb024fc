"""What is fitted on schools in no programme: what to take out of gaps, and how gaps vary."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray


@dataclass(frozen=True)
class Chance:
    """How gaps vary where nothing was done: a part per school, a part per pupil, a city's year."""

    per_school: float
    per_pupil: float
    city: float

    def variance(self, cohort: NDArray[np.float64]) -> NDArray[np.float64]:
        """Variance of one school's gap, its city's part within: `tau2 + s2 / cohort`."""
        return self.per_school + self.per_pupil / cohort

    def own_variance(self, cohort: NDArray[np.float64]) -> NDArray[np.float64]:
        """Variance of one school's gap without its city's part, a quarter of all at the least."""
        whole = self.variance(cohort)
        return np.maximum(whole - self.city, whole / 4)


def fit_chance(
    gap: NDArray[np.float64], cohort: NDArray[np.float64], authority: NDArray[np.int64]
) -> Chance:
    """Fit how gaps vary, on schools in no programme."""
    per_school, per_pupil = _variance_parts(gap, cohort)
    city = _city_variance(gap, per_school + per_pupil / cohort, authority)
    return Chance(per_school, per_pupil, city)


def take_out(
    raw: NDArray[np.float64],
    unlike: pd.DataFrame,
    outside: NDArray[np.bool_],
    authority: NDArray[np.int64],
    *,
    also: tuple[NDArray[np.float64], pd.DataFrame] | None = None,
) -> tuple[NDArray[np.float64], pd.Series]:
    """Take out of each gap what the left-over differences explain in other authorities' schools.

    Least squares on the schools outside every programme, for each authority without its own (the
    sums of all, less its own). `also` asks for the same to be taken out of other gaps (another
    year's, with their own differences) instead. Gives the slopes over all of them, for the reader.
    """
    design = _with_constant(unlike)
    kept = design * outside[:, None]
    squares, products = kept.T @ kept, kept.T @ np.where(outside, raw, 0.0)
    wanted, given = (raw, design) if also is None else (also[0], _with_constant(also[1]))
    gap = wanted.copy()
    for here in pd.Series(authority).groupby(authority, sort=True).indices.values():
        own, result = kept[here], np.where(outside[here], raw[here], 0.0)
        slope = np.linalg.lstsq(squares - own.T @ own, products - own.T @ result, rcond=None)[0]
        gap[here] = wanted[here] - given[here] @ slope
    names = pd.Index(["constant", *unlike.columns], name="variable")
    whole = np.linalg.lstsq(squares, products, rcond=None)[0]
    return gap, pd.Series(whole, index=names, name="slope")


def _with_constant(table: pd.DataFrame) -> NDArray[np.float64]:
    return np.column_stack([np.ones(len(table)), table.fillna(0.0).to_numpy(float)])


def mean_of_others(earlier: pd.DataFrame, authority: pd.Series) -> pd.DataFrame:
    """Mean of the other schools of each school's authority; its own where it has no other."""
    by_city = earlier.groupby(authority)
    total, count = by_city.transform("sum"), by_city.transform("count")
    others = (total - earlier.fillna(0.0)) / (count - earlier.notna()).replace(0, np.nan)
    return others.fillna(earlier)


def _variance_parts(gap: NDArray[np.float64], cohort: NDArray[np.float64]) -> tuple[float, float]:
    """Split the variance of gaps into a part per school and a part per pupil, none below nought."""
    from scipy.optimize import nnls

    if len(gap) < 10:
        return (float(np.var(gap)) if len(gap) > 1 else 1.0) or 1.0, 0.0
    parts, _ = nnls(np.column_stack([np.ones(len(gap)), 1 / cohort]), gap**2)
    return (float(parts[0]), float(parts[1])) if parts.any() else (1.0, 0.0)


def _city_variance(
    gap: NDArray[np.float64], variance: NDArray[np.float64], authority: NDArray[np.int64]
) -> float:
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

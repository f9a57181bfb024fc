"""A regression whose errors run together within schools: honest with few of them.

Weighted least squares with the bias-reduced cluster-robust variance (CR2) and Satterthwaite degrees
of freedom (Bell and McCaffrey 2002, Survey Methodology 28:169; Pustejovsky and Tipton 2018, Journal
of Business and Economic Statistics 36:672).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pepstats.errors import DesignError

Numbers = NDArray[np.float64]
MOST_CELLS = 60_000_000


@dataclass(frozen=True)
class Fit:
    """What a regression found for the coefficients asked about.

    Attributes
    ----------
    table
        Index `coefficient`: `estimate`, `se` (CR2), `df` (Satterthwaite), `low`, `high` (95%), `p`.
    covariance
        CR2 covariance of those coefficients.
    n, clusters
        Rows and clusters used.
    """

    table: pd.DataFrame = field(repr=False)
    covariance: pd.DataFrame = field(repr=False)
    n: int
    clusters: int


def fit_clustered(
    design: pd.DataFrame,
    outcome: pd.Series,
    clusters: pd.Series,
    *,
    of: Sequence[str],
    weights: pd.Series | None = None,
) -> Fit:
    """Regress an outcome on the columns of `design`, and say how sure the coefficients `of` are.

    `design`, `outcome`, `clusters` and `weights` have the same index, one row per school and year.
    Weights count how much a row matters; errors are taken as equally large whatever they are.

    Raises
    ------
    DesignError
        When a cell is missing, when fewer than two clusters are there, or when a coefficient asked
        about cannot be told apart from the rest of the design.
    """
    from scipy.stats import t as t_distribution

    x, y, w, group, count = _lay_out(design, outcome, clusters, weights)
    at = [design.columns.get_loc(name) for name in of]
    if len(y) * count * max(len(at), 1) > MOST_CELLS:
        raise DesignError(f"{len(y):,} rows in {count:,} clusters are too many for a check row.")
    inverse = _invert(x, w, list(design.columns), at)
    bread = x @ inverse
    hat = bread @ (x * w[:, None]).T
    slopes = inverse @ (x * w[:, None]).T @ y
    error = y - x @ slopes
    rest = np.eye(len(y)) - hat
    spread = np.zeros((len(y), count, len(at)))
    score = np.zeros((count, len(at)))
    for g in range(count):
        rows = group == g
        own = rest[rows]
        lift = _power(own @ own.T, -0.5) @ (bread[rows][:, at] * w[rows, None])
        spread[:, g, :] = own.T @ lift
        score[g] = error[rows] @ lift
    covariance = score.T @ score
    sides = np.moveaxis(spread, 2, 0)
    gram = sides.transpose(0, 2, 1) @ sides
    top = np.einsum("agg->a", gram) ** 2
    bottom = (gram**2).sum(axis=(1, 2))
    se = np.sqrt(np.diag(covariance))
    sure = (se > 1e-12 * (1 + np.abs(y).max())) & (bottom > 0)
    df = np.where(sure, top / np.where(bottom > 0, bottom, 1.0), np.nan)
    se = np.where(sure, se, np.nan)
    estimate = slopes[at]
    reach = t_distribution.ppf(0.975, df) * se
    table = pd.DataFrame(
        {
            "estimate": estimate,
            "se": se,
            "df": df,
            "low": estimate - reach,
            "high": estimate + reach,
            "p": 2 * t_distribution.sf(np.abs(estimate) / se, df),
        },
        index=pd.Index(list(of), name="coefficient"),
    )
    named = pd.DataFrame(covariance, index=table.index, columns=list(of))
    return Fit(table, named, len(y), count)


def compare_means(values: pd.Series, member: pd.Series, weights: pd.Series) -> pd.DataFrame:
    """Compare two weighted means of independent schools: `fit_clustered` of one row per school.

    The same figures as a regression on `member` with a constant, each school its own cluster, but
    without its square tables, so that all of England fits. One row, columns as `Fit.table`.
    """
    from scipy.stats import t as t_distribution

    y, w = values.to_numpy(float), weights.to_numpy(float)
    inside = member.to_numpy(bool)
    if not (np.isfinite(y).all() and np.isfinite(w).all() and (w >= 0).all()):
        raise DesignError("Every school needs a value, and a weight from nought up.")
    mean, variance, trace, square = np.zeros(2), 0.0, 0.0, 0.0
    for place, side in enumerate((inside, ~inside)):
        if np.count_nonzero(w[side]) < 2:
            raise DesignError("A side of one school has no spread, so nothing can be compared.")
        part = w[side] / w[side].sum()
        mean[place] = part @ y[side]
        overlap = float((part**2).sum())
        lift = part**2 / (1 - 2 * part + overlap)  # squared adjusted leverage of each school
        variance += float(lift @ (y[side] - mean[place]) ** 2)
        trace += float((part**2).sum())
        # sum over pairs of lift_i lift_j (overlap - part_i - part_j) squared, the diagonal apart
        a, b, c = float(lift.sum()), float(lift @ part), float(lift @ part**2)
        pairs = overlap**2 * a**2 + 2 * a * c + 2 * b**2 - 4 * overlap * a * b
        own = lift**2
        pairs += float(own @ ((1 - 2 * part + overlap) ** 2 - (overlap - 2 * part) ** 2))
        square += pairs
    estimate = float(mean[0] - mean[1])
    se = float(np.sqrt(variance))
    sure = se > 1e-12 * (1 + np.abs(y).max())
    df = trace**2 / square if sure else float("nan")
    se = se if sure else float("nan")
    reach = float(t_distribution.ppf(0.975, df)) * se
    row = {"estimate": estimate, "se": se, "df": df, "low": estimate - reach,
           "high": estimate + reach,
           "p": float(2 * t_distribution.sf(abs(estimate) / se, df))}  # fmt: skip
    return pd.DataFrame([row])


def _lay_out(
    design: pd.DataFrame, outcome: pd.Series, clusters: pd.Series, weights: pd.Series | None
) -> tuple[Numbers, Numbers, Numbers, NDArray[np.int64], int]:
    for what, other in (("outcome", outcome), ("clusters", clusters), ("weights", weights)):
        if other is not None and not other.index.equals(design.index):
            raise DesignError(f"`{what}` has other rows than the design.")
    x, y = design.to_numpy(float), outcome.to_numpy(float)
    w = np.ones(len(y)) if weights is None else weights.to_numpy(float)
    if not (np.isfinite(x).all() and np.isfinite(y).all() and np.isfinite(w).all()):
        raise DesignError("A regression needs every cell: leave schools with gaps out, and say so.")
    if clusters.isna().any() or (w < 0).any():
        raise DesignError("A cluster is missing, or a weight is below nought.")
    group, names = pd.factorize(clusters, sort=True)
    if len(names) < 2:
        raise DesignError("All rows are in one cluster, so nothing says how sure the estimate is.")
    return x, y, w, np.asarray(group, dtype=np.int64), len(names)


def _invert(x: Numbers, w: Numbers, names: list[str], at: Sequence[int]) -> Numbers:
    """Invert X'WX, generalised, and refuse a coefficient that the design does not pin down."""
    root = x * np.sqrt(w)[:, None]
    scale = np.sqrt((root**2).sum(axis=0))
    scale = np.where(scale > 0, scale, 1.0)
    _, values, axes = np.linalg.svd(root / scale, full_matrices=False)
    kept = values > 1e-10 * max(values.max(initial=0.0), 1e-300)
    pinned = (axes[kept] ** 2).sum(axis=0)
    loose = [names[i] for i in at if pinned[i] < 1 - 1e-8]
    if loose:
        raise DesignError(
            f"{', '.join(map(str, loose))} cannot be told apart from the rest of the regression: "
            "a column repeats another, or never varies."
        )
    half = axes[kept].T / values[kept] / scale[:, None]
    inverse: Numbers = half @ half.T
    return inverse


def _power(matrix: Numbers, power: float) -> Numbers:
    """Raise a symmetric matrix to a power, its empty directions left empty."""
    values, axes = np.linalg.eigh((matrix + matrix.T) / 2)
    kept = values > 1e-10 * max(values.max(initial=0.0), 1e-12)
    raised: Numbers = (axes[:, kept] * values[kept] ** power) @ axes[:, kept].T
    return raised

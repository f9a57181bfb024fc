"""Standard errors that allow for results running together within a school: CR2, by diff-diff.

Bias-reduced cluster-robust variance with Satterthwaite's degrees of freedom.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import pandas as pd

from pepstats.errors import DesignError

MOST_CELLS = 60_000_000
"""Of more rows times clusters a regression's square tables take longer, and more memory."""


@contextmanager
def asking_diff_diff() -> Iterator[None]:
    """Turn what the library cannot solve into a reason; its warnings are a missing interval."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (ValueError, np.linalg.LinAlgError):
        raise DesignError("the equations have no solution with these schools") from None


def fit_clustered(
    design: pd.DataFrame,
    outcome: pd.Series,
    clusters: pd.Series,
    *,
    of: Sequence[str],
    weights: pd.Series | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Regress an outcome on the columns of `design`, errors running together within clusters.

    CR2 and Satterthwaite's degrees of freedom (Bell and McCaffrey 2002; Pustejovsky and Tipton
    2018), by diff-diff. Weights count how much a row matters; errors are taken as equally large.
    By coefficient in `of`: `estimate`, `se`, `df`, `low`, `high` (95%), `p`; and their covariance.
    """
    groups = clusters.nunique()
    if len(design) * groups * len(of) > MOST_CELLS:
        raise DesignError(f"{len(design):,} rows in {groups:,} clusters are too many for a check")
    from diff_diff.linalg import LinearRegression

    regression = LinearRegression(
        include_intercept=False, vcov_type="hc2_bm", rank_deficient_action="silent",
        cluster_ids=pd.factorize(clusters, sort=True)[0],
        weights=None if weights is None else weights.to_numpy(float),
    )  # fmt: skip
    with asking_diff_diff():
        fit = regression.fit(design.to_numpy(float), outcome.to_numpy(float))
    at = [design.columns.get_loc(name) for name in of]
    smallest = 1e-12 * (1 + float(np.abs(outcome).max()))
    rows = []
    for found in (fit.get_inference(place) for place in at):
        spread = (found.se, found.df, *found.conf_int, found.p_value)
        rows.append((found.coefficient, *(spread if found.se > smallest else [np.nan] * 5)))
    index = pd.Index(list(of), name="coefficient")
    table = pd.DataFrame(rows, index=index, columns=["estimate", "se", "df", "low", "high", "p"])
    return table, pd.DataFrame(fit.vcov_[np.ix_(at, at)], index=index, columns=list(of))


def compare_means(values: pd.Series, member: pd.Series, weights: pd.Series) -> pd.Series:
    """Compare two weighted means of independent schools: `fit_clustered` of one row per school.

    The same figures as a regression on `member` with a constant, each school its own cluster, in
    closed form: of England's 14,000 schools the regression's square tables would take 4 GB.
    """
    from scipy.stats import t as t_distribution

    y, w, inside = values.to_numpy(float), weights.to_numpy(float), member.to_numpy(bool)
    mean, variance, trace, square = np.zeros(2), 0.0, 0.0, 0.0
    for place, side in enumerate((inside, ~inside)):
        part = w[side] / w[side].sum()
        mean[place] = part @ y[side]
        overlap = float((part**2).sum())
        lift = part**2 / (1 - 2 * part + overlap)  # squared adjusted leverage of each school
        variance += float(lift @ (y[side] - mean[place]) ** 2)
        trace += overlap
        # sum over pairs of lift_i lift_j (overlap - part_i - part_j) squared, the diagonal apart
        a, b, c = float(lift.sum()), float(lift @ part), float(lift @ part**2)
        square += overlap**2 * a**2 + 2 * a * c + 2 * b**2 - 4 * overlap * a * b
        square += float(lift**2 @ ((1 - 2 * part + overlap) ** 2 - (overlap - 2 * part) ** 2))
    estimate, se = float(mean[0] - mean[1]), float(np.sqrt(variance))
    sure = se > 1e-12 * (1 + np.abs(y).max())
    df, se = (trace**2 / square, se) if sure else (np.nan, np.nan)
    reach = float(t_distribution.ppf(0.975, df)) * se
    p = float(2 * t_distribution.sf(abs(estimate) / se, df))
    return pd.Series({"estimate": estimate, "se": se, "df": df, "low": estimate - reach,
                      "high": estimate + reach, "p": p})  # fmt: skip

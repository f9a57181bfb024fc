"""How alike a programme's schools and their comparison schools were before the start.

One definition of the standardised difference, printed with it: the members' mean minus the
comparison schools' mean, divided by the members' standard deviation *before* matching. The same
denominator before and after, so that matching can only change what is on top of the line.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pepstats.formatting import AGREED
from pepstats.matching.nearest import Match, list_limits
from pepstats.matching.pool import Pool

BALANCE_DEFINITION = (
    "mean of the programme's schools minus the mean of the others, divided by the standard "
    "deviation of the programme's schools before matching"
)
"""The one standardised difference there is, printed wherever one is shown."""

SATISFIED, TOO_FAR = 0.05, 0.25
"""What Works Clearinghouse lines: satisfied within one, beyond mending past the other."""


def measure_balance(
    pool: Pool,
    match: Match,
    members: Iterable[int],
    *,
    compared: Iterable[int] | None = None,
    counted: pd.Index | None = None,
) -> pd.DataFrame:
    """Compare members with the whole pool and with their comparison schools, variable by variable.

    Before is of all members in the pool, after of those that are `compared` (by themselves, all
    that have comparison schools) with their comparison schools (those `counted`, by themselves
    all). Index `variable`; columns `mean_members`, `mean_pool`, `mean_compared`,
    `mean_comparison`, `sd_members`, `smd_before`, `smd_after`, `variance_ratio_before`,
    `variance_ratio_after`, `ecdf_before`, `ecdf_after` (the largest distance between cumulative
    shares), `n_members`, `n_compared`, `n_comparison`. Each comparison school counts as often as it
    serves.
    """
    table = pool.schools[list(pool.scales.index)]
    inside = table.index.isin(list(members))
    both = inside & (match.places[:, 0] >= 0)
    if compared is not None:
        both &= table.index.isin(list(compared))
    served = match.places[both]
    filled = served >= 0
    if counted is not None:
        filled &= table.index.isin(counted)[served]
    weight = np.zeros(len(table))
    share = filled / np.maximum(filled.sum(axis=1, keepdims=True), 1)
    np.add.at(weight, served[filled], share[filled])
    rows = {
        name: _compare(values.to_numpy(float), inside, both, weight)
        for name, values in table.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("variable")


def _compare(
    value: NDArray[np.float64],
    inside: NDArray[np.bool_],
    both: NDArray[np.bool_],
    weight: NDArray[np.float64],
) -> dict[str, float]:
    """Compare one variable of the members, the compared and the weighted comparison schools."""
    own, rest, compared = value[inside], value[~inside], value[both]
    after, times = value[weight > 0], weight[weight > 0]
    once, spread = np.ones(len(rest)), _spread(own)
    return {
        "mean_members": _mean(own),
        "mean_pool": _mean(rest),
        "mean_compared": _mean(compared),
        "mean_comparison": _mean(after, times),
        "sd_members": spread,
        "smd_before": _ratio(_mean(own) - _mean(rest), spread),
        "smd_after": _ratio(_mean(compared) - _mean(after, times), spread),
        "variance_ratio_before": _ratio(spread**2, _variance(rest, once)),
        "variance_ratio_after": _ratio(_spread(compared) ** 2, _variance(after, times)),
        "ecdf_before": _furthest(own, rest, once),
        "ecdf_after": _furthest(compared, after, times),
        "n_members": len(own),
        "n_compared": len(compared),
        "n_comparison": len(after),
    }


def _spread(values: NDArray[np.float64]) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else float("nan")


def measure_overlap(pool: Pool, match: Match, members: Iterable[int]) -> pd.DataFrame:
    """Measure for each member how far its comparison schools are, and how that ranks in the pool.

    Index `school`: `nearest`, `furthest` (weighted standard deviations), `n_comparison`, and
    `harder_than`: the share of the pool's other schools that have their furthest nearer.
    """
    inside = pool.schools.index.isin(list(members))
    reach = match.distances
    counted = np.sum(~np.isnan(reach), axis=1)
    last = pd.DataFrame(reach).max(axis=1).to_numpy()  # missing where none
    others = np.sort(last[~inside & ~np.isnan(last)])
    place = np.searchsorted(others, last[inside]) / max(len(others), 1)
    return pd.DataFrame(
        {
            "nearest": reach[inside, 0],
            "furthest": last[inside],
            "n_comparison": counted[inside],
            "harder_than": np.where(np.isnan(last[inside]), np.nan, place),
        },
        index=pool.schools.index[inside],
    )


def list_differences(pool: Pool, pairs: pd.DataFrame) -> pd.DataFrame:
    """Add to each pair how far its two schools are apart in everything they were matched on.

    One column per matched variable, in its own unit: the school's minus the comparison school's.
    """
    matched = pool.schools[list(pool.scales.index)]
    own, other = (matched.reindex(pairs[side]) for side in ("school", "comparison"))
    apart = own.to_numpy(float) - other.to_numpy(float)
    return pairs.join(pd.DataFrame(apart, index=pairs.index, columns=matched.columns))


def prove_calipers(pool: Pool, match: Match, members: Iterable[int]) -> pd.DataFrame:
    """Measure every pair of the members again, and hold it to the calipers that were asked for.

    Index `limit`: the whole distance, and each matched variable in its own unit. Columns `caliper`
    (missing where none was asked for), `furthest` (the largest difference of any pair), `pairs`
    and `beyond`: how many are further apart than asked, which is none unless the match is wrong.
    """
    apart = list_differences(pool, match.pairs(members))[["distance", *pool.scales.index]]
    far = apart.abs().round(AGREED)
    asked = {"distance": match.rule.caliper, **list_limits(match.rule, pool.schools)}
    caliper = pd.Series(asked, dtype=float).reindex(far.columns)
    table = {"caliper": caliper, "furthest": far.max(), "pairs": len(far),
             "beyond": (far > caliper).sum()}  # fmt: skip
    return pd.DataFrame(table).rename_axis("limit")


def _mean(values: np.ndarray, times: np.ndarray | None = None) -> float:
    return float(np.average(values, weights=times)) if len(values) else float("nan")


def _variance(values: np.ndarray, times: np.ndarray) -> float:
    """Variance, of weights that count how often a school serves (reliability weights)."""
    if len(values) < 2:
        return float("nan")
    centre, whole = np.average(values, weights=times), times.sum()
    return float((times * (values - centre) ** 2).sum() / (whole - (times**2).sum() / whole))


def _ratio(top: float, bottom: float) -> float:
    return top / bottom if bottom and np.isfinite(bottom) else float("nan")


def _furthest(own: np.ndarray, others: np.ndarray, times: np.ndarray) -> float:
    """Largest distance between two cumulative shares (Kolmogorov-Smirnov, weighted)."""
    if not len(own) or not len(others):
        return float("nan")
    own, others = np.round(own, AGREED), np.round(others, AGREED)
    at = np.union1d(own, others)
    order = np.argsort(others, kind="stable")
    running = np.concatenate([[0.0], np.cumsum(times[order])]) / times.sum()
    theirs = running[np.searchsorted(others[order], at, side="right")]
    ours = np.searchsorted(np.sort(own), at, side="right") / len(own)
    return float(np.abs(ours - theirs).max())

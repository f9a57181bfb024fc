"""How small an effect a study of this shape could see, by the textbook sum: for planning one.

What a study that has been made could see is read off its own made-up programmes:
`effects.smallest_detectable`.
"""

from __future__ import annotations

import numpy as np

from pepstats.effects import LEVEL, POWER
from pepstats.errors import DesignError


def find_multiplier(
    df: float, *, level: float = LEVEL, power: float = POWER, two_sided: bool = True
) -> float:
    """Give how many standard errors an effect must be to be found this often (Bloom 1995).

    The t point of the level plus that of the power: 2.8 for many schools, 2.97 for 17 degrees of
    freedom. Missing without a degree of freedom.
    """
    from scipy.stats import t

    if not df > 0:
        return float("nan")
    return float(t.isf(level / 2 if two_sided else level, df) + t.ppf(power, df))


def mdes_of_schools(n: int, *, share: float, explained: float = 0.0, covariates: int = 0) -> float:
    """Smallest detectable difference of single units, in their standard deviations (PowerUpR, ira).

    `n` units of which `share` are members; `explained` is the share of variance that `covariates`
    account for.
    """
    _check(share, explained)
    se = np.sqrt((1 - explained) / (share * (1 - share) * n))
    return float(find_multiplier(n - covariates - 2) * se)


def mdes_of_groups(
    schools: int,
    pupils: int,
    *,
    between: float,
    share: float = 0.5,
    explained_between: float = 0.0,
    explained_within: float = 0.0,
    covariates: int = 0,
    blocks: int = 1,
) -> float:
    """Smallest detectable difference in pupils' standard deviations when whole schools take part.

    `schools` of `pupils` each in each of `blocks` (PowerUpR, cra2 and, with fixed blocks, bcra3f2);
    `between` is the share of variance between schools (the intra-class correlation).
    """
    _check(share, explained_between, explained_within, between)
    whole = share * (1 - share) * schools * blocks
    variance = (
        between * (1 - explained_between) / whole
        + (1 - between) * (1 - explained_within) / (whole * pupils)
    )  # fmt: skip
    return float(find_multiplier(blocks * (schools - 2) - covariates) * np.sqrt(variance))


def mdes_of_changes(
    n_members: int, n_others: int, *, before: int, after: int, correlation: float
) -> float:
    """Smallest detectable difference in differences, in schools' standard deviations.

    So many years `before` and `after`, with this `correlation` from one year to another.
    """
    _check(0.5, correlation)
    if min(n_members, n_others, before, after) < 1:
        return float("nan")
    variance = (1 - correlation) * (1 / before + 1 / after) * (1 / n_members + 1 / n_others)
    return float(find_multiplier(n_members + n_others - 2) * np.sqrt(variance))


def _check(share: float, *parts: float) -> None:
    if not 0 < share < 1:
        raise DesignError(f"the members' share is {share}; it lies between 0 and 1.")
    wrong = [part for part in parts if not 0 <= part < 1]
    if wrong:
        raise DesignError(f"{wrong} cannot be a share of variance: from 0 to below 1.")

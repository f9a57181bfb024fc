"""Effects in standard deviations: between pupils where the published figures allow it.

A spread between schools is two to two and a half times smaller than one between pupils, so sizes on
the two scales are never mixed: a `Size` is on the pupils', and Hedges' g, on the schools', is none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from pepstats.errors import DesignError
from pepstats.formatting import AGREED
from pepstats.measures import GAP, MEASURES
from pepstats.schools import Panel
from pepstats.settings import Settings, load_rules

LOGISTIC = 1.65
"""Log-odds to standard deviations (Cox 1970; Sanchez-Meca and others 2003, Psychological Methods
8:448)."""

NORMAL = 1.96  # as the Department rounds it in published limits
FEWEST_LIMITS = 5
FEWEST_PUPILS = 11
UNEVEN = 0.25


@dataclass(frozen=True)
class Size:
    """An effect in pupils' standard deviations, with its 95% interval; or why there is none.

    `how` says how it came about.
    """

    d: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    how: str = "none"
    reason: str = ""


@dataclass(frozen=True)
class PupilSpread:
    """The standard deviation between pupils that published limits imply; or why there is none.

    `sd` is in the outcome's unit, found from `n_schools` in `year`.
    """

    sd: float = float("nan")
    n_schools: int = 0
    reason: str = ""
    year: int = 0


def is_attainment(outcome: str) -> bool:
    """Return whether an outcome measures what pupils know, so that months can mean anything."""
    name = outcome.split(".")[0]
    ends = ("_expected", "_higher", "_score", "_progress", "_unadjusted")
    named = {"attainment8", "progress8", "basics_94", "basics_95", "ebacc_94", "ebacc_95",
             "ebacc_points"}  # fmt: skip
    return name in MEASURES and (name.endswith(ends) or name in named)


def correct_small(df: float) -> float:
    """Give Hedges' exact small-sample factor J (1981, Journal of Educational Statistics 6:107)."""
    from scipy.special import gammaln

    if not df > 1:
        return float("nan")
    return float(np.exp(gammaln(df / 2) - gammaln((df - 1) / 2)) / np.sqrt(df / 2))


def hedges_g(
    difference: float, sd_members: float, n_members: int, sd_others: float, n_others: int
) -> tuple[float, str]:
    """Return Hedges' g of a difference in means, or the reason there is none.

    The spread is the pooled one of both groups, without covariates (Hedges and Olkin 1985).
    """
    df = n_members + n_others - 2
    if min(n_members, n_others) < 2 or df < 2:
        return float("nan"), f"{n_members} and {n_others} are too few for a spread"
    pooled = np.sqrt(((n_members - 1) * sd_members**2 + (n_others - 1) * sd_others**2) / df)
    if not (np.isfinite(difference) and np.isfinite(pooled) and pooled > 0):
        return float("nan"), "there is no difference or no spread to count it in"
    return float(correct_small(df) * difference / pooled), ""


def recover_pupil_spread(panel: Panel, outcome: str, year: int) -> PupilSpread:
    """Find the spread between pupils behind published limits of a progress score.

    A school's limits are its score give or take 1.96 national standard deviations over the root of
    its pupils, so each gives that back, to the rounding. The median over all schools with limits.
    """
    name, _, group = outcome.partition(".")
    ending = f".{group}" if group else ""
    known = panel.values.columns
    low, high = f"{name}_lower{ending}", f"{name}_upper{ending}"
    if low not in MEASURES or high not in MEASURES:
        return PupilSpread(reason=f"no limits are published for `{outcome}`")
    pupils_of = MEASURES[outcome].cohort
    needed = [n for n in (low, high, pupils_of) if n not in known]
    if needed or year not in panel.values.index.get_level_values("year"):
        told = f"no source of this study has {', '.join(needed) or year}"
        return PupilSpread(reason=f"{told}, so it cannot be recovered")
    coverage = f"{name.removesuffix('_progress')}_coverage"
    wanted = [low, high, pupils_of, *([coverage] if not group and coverage in known else [])]
    now = panel.values[wanted].xs(year, level="year")
    pupils = now[pupils_of]
    if coverage in wanted:
        pupils = pupils * now[coverage].fillna(100.0) / 100
    sd = (now[high] - now[low]) / (2 * NORMAL) * np.sqrt(pupils)
    found = sd[(pupils.round(AGREED) >= FEWEST_PUPILS) & (sd.round(AGREED) > 0)]
    if len(found) < FEWEST_LIMITS:
        return PupilSpread(reason=f"{len(found)} schools have limits for `{outcome}` in {year}")
    first, middle, third = (float(q) for q in found.quantile([0.25, 0.5, 0.75]))
    if third - first > UNEVEN * middle:
        why = f"schools' limits imply spreads from {first:.2f} to {third:.2f}: not one spread"
        return PupilSpread(reason=why)
    return PupilSpread(middle, len(found), year=year)


def size_by_spread(estimate: float, low: float, high: float, spread: PupilSpread) -> Size:
    """Give an effect and its interval in pupils' standard deviations, from the recovered spread."""
    if spread.reason:
        return Size(how="divided by pupils' standard deviation", reason=spread.reason)
    limits = f"from the published limits of {spread.n_schools:,} schools"
    seen = limits if spread.n_schools else "published for England"
    how = f"divided by pupils' standard deviation of {spread.sd:.2f}, {seen} in {spread.year}"
    ends = np.array([estimate, low, high], dtype=float) / spread.sd
    if not np.isfinite(ends).all():
        return Size(how=how, reason="there is no estimate with an interval")
    return Size(float(ends[0]), float(ends[1]), float(ends[2]), how)


def size_of_share(estimate: float, low: float, high: float, *, comparison: float) -> Size:
    """Return a change in a percentage of pupils in pupils' standard deviations, by log-odds (Cox).

    From the comparison schools' percentage. None where an end is beyond 0 or 100 and has no odds.
    """
    how = f"log-odds from {comparison:.0f}%, divided by {LOGISTIC}"
    shares = (comparison + np.array([0.0, estimate, low, high], dtype=float)) / 100
    if not np.isfinite(shares).all():
        return Size(how=how, reason="there is no estimate with an interval")
    if (shares <= 0).any() or (shares >= 1).any():
        return Size(how=how, reason="an end of the interval is a percentage beyond 0 or 100")
    odds = np.log(shares / (1 - shares))
    d, first, last = (float(x) for x in (odds[1:] - odds[0]) / LOGISTIC)
    return Size(d, first, last, how)


def find_ruler(
    outcome: str, *, panel: Panel, year: int, comparison: float
) -> Callable[[float, float, float], Size]:
    """Return what turns an effect and its interval into a size by the way its outcome allows.

    Percentages by log-odds from `comparison` (the percentage there would have been), progress
    scores by `latest_spread`. For other outcomes no spread between pupils is published, and one
    between schools must not stand in for it: then every size is none, with that reason.
    """
    if outcome not in MEASURES:
        raise DesignError(f"no measure is called `{outcome}`.")
    if not is_attainment(outcome):
        return _refuse("it is not an attainment outcome")
    if outcome.endswith(GAP):
        return _refuse("a gap between two groups of pupils has no spread between pupils")
    if MEASURES[outcome].percent:
        return partial(size_of_share, comparison=comparison)
    if outcome.split(".")[0].removesuffix("_unadjusted").endswith(("_progress", "progress8")):
        return partial(size_by_spread, spread=latest_spread(panel, outcome, year))
    return _refuse(
        "no spread between pupils is published for it, and one between schools is far smaller"
    )


class KnownSpreads(Settings):
    """Published standard deviations between pupils, by outcome and year, with their source."""

    title: str
    mark: Literal["S", "M", "P"]
    source: str
    spreads: dict[str, dict[int, float]]


def latest_spread(panel: Panel, outcome: str, year: int) -> PupilSpread:
    """Find the pupils' spread in a year, or in the last one before it that has limits (October).

    Where no file has limits, the published national one of that or the nearest year known.
    """
    years = sorted({int(y) for y in panel.values.index.unique("year") if y <= year}, reverse=True)
    tried = [recover_pupil_spread(panel, outcome, y) for y in years or [year]]
    found = next((one for one in tried if not one.reason), None)
    known = load_rules(KnownSpreads, "spreads.yml").spreads.get(outcome, {})
    if found is None and known:
        nearest_year = min(known, key=lambda y: (abs(y - year), y))
        return PupilSpread(known[nearest_year], year=nearest_year)
    return found or tried[0]


def _refuse(reason: str) -> Callable[[float, float, float], Size]:
    return lambda *_: Size(reason=reason)

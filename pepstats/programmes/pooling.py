"""The sums of pooling: an average over programmes, how much they differ, each moved to the others.

Two questions, never one for the other. Whether *these* programmes gained on average is held against
their placebo draws, whatever makes them differ. Whether programmes *of this kind* gain also counts
how they differ among themselves (random effects; Knapp and Hartung, 2003, Statistics in Medicine
22:2693), and is the only answer that may be taken to programmes not among them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from pepstats.impact import half_width, placebo_p, smallest_detectable

Numbers = NDArray[np.float64]

LEVEL, POWER = 0.05, 0.80
FEWEST_OF_KIND = 5
"""With fewer programmes nothing is said of programmes that are not among them."""

FEWEST_TO_SHRINK = 3
"""With fewer there is no saying how programmes differ, and none is moved towards the others."""

STEPS = 200  # of the grid over how far programmes are moved
SAMPLED = 4000  # of the true effects, for the ranks


@dataclass(frozen=True)
class Average:
    """An average over programmes, with its 95% range, its p and what it could have found.

    `tau` is how much true effects differ (a standard deviation), with its range; `smallest` the
    average that would be found four times in five.
    """

    estimate: float
    low: float
    high: float
    p: float
    smallest: float
    tau: float = float("nan")
    tau_low: float = float("nan")
    tau_high: float = float("nan")


def average_these(estimates: Numbers, joint: Numbers, covariance: Numbers) -> Average:
    """Return these programmes' precision-weighted average, against that of their placebo draws.

    `joint` has one row per draw: all programmes' placebo estimates together, centred. Where
    programmes share schools, which draws do not, their average is widened as `covariance` says.
    """
    weight = 1 / np.diag(covariance)
    weight = weight / weight.sum()
    drawn = joint @ weight
    wide = float(np.sqrt(weight @ covariance @ weight))
    drawn = drawn * max(1.0, wide / (float(np.nanstd(drawn, ddof=1)) or 1.0))
    mean, line = float(weight @ estimates), half_width(drawn)
    smallest = smallest_detectable(drawn, line)
    return Average(mean, mean - line, mean + line, placebo_p(mean, drawn), smallest)


def average_kind(estimates: Numbers, covariance: Numbers) -> Average:
    """Return the average of programmes of this kind: random effects, Knapp and Hartung's range.

    tau is Paule and Mandel's, its range by Q-profile (Viechtbauer, 2007, Statistics in Medicine
    26:37); both count that estimates may go together (`covariance`).
    """
    count = len(estimates)
    ends = [stats.chi2.ppf(q, count - 1) for q in (1 - LEVEL / 2, LEVEL / 2)]
    tau2 = _solve_tau(estimates, covariance, count - 1)
    tau_low, tau_high = (np.sqrt(_solve_tau(estimates, covariance, end)) for end in ends)
    weight = 1 / (np.diag(covariance) + tau2)
    weight = weight / weight.sum()
    mean = float(weight @ estimates)
    known = float(weight @ covariance @ weight + tau2 * weight @ weight)
    error = float(np.sqrt(known * _measure_spread(estimates, covariance, tau2) / (count - 1)))
    line = float(stats.t.ppf(1 - LEVEL / 2, count - 1)) * error
    p = float(2 * stats.t.sf(abs(mean) / error, count - 1)) if error > 0 else 1.0
    smallest = find_distance(count) * float(np.sqrt(known))
    return Average(mean, mean - line, mean + line, p, smallest,
                  float(np.sqrt(tau2)), float(tau_low), float(tau_high))  # fmt: skip


def _measure_spread(estimates: Numbers, covariance: Numbers, tau2: float) -> float:
    """Return Q, how far estimates are apart; on average one less than their number.

    Cochran's, over what it comes to for estimates that go together.
    """
    whole = covariance + tau2 * np.eye(len(estimates))
    weight = 1 / np.diag(whole)
    mean = weight @ estimates / weight.sum()
    q = float(weight @ (estimates - mean) ** 2)
    usual = float(weight @ np.diag(whole) - weight @ whole @ weight / weight.sum())
    return q / usual * (len(estimates) - 1)


def _solve_tau(estimates: Numbers, covariance: Numbers, wanted: float) -> float:
    """Return the variance between programmes at which Q is as wanted, zero where it is less."""

    def beyond(tau2: float) -> float:
        return _measure_spread(estimates, covariance, tau2) - wanted

    if beyond(0.0) <= 0:
        return 0.0
    high = float(np.var(estimates)) + 1e-12
    while beyond(high) > 0:
        high *= 4
    return float(optimize.brentq(beyond, 0.0, high, xtol=1e-10))


@cache
def find_distance(count: int) -> float:
    """Return how many standard errors an average must be from zero to be found four times in five.

    By a t-test of so many programmes at 5 in 100.
    """
    line = stats.t.ppf(1 - LEVEL / 2, count - 1)

    def short(distance: float) -> float:
        return float(stats.nct.sf(line, count - 1, distance)) - POWER

    return float(optimize.brentq(short, 0.0, 60.0))


@dataclass(frozen=True)
class Shrunk:
    """Every programme moved towards the others, with its 95% range and its likely ranks.

    Ranks count from the largest true effect, 1; 90 in 100 are from `rank_low` to `rank_high`.
    """

    mean: Numbers = field(repr=False)
    low: Numbers = field(repr=False)
    high: Numbers = field(repr=False)
    rank_low: Numbers = field(repr=False)
    rank_high: Numbers = field(repr=False)


def shrink_programmes(estimates: Numbers, covariance: Numbers, rng: np.random.Generator) -> Shrunk:
    """Move every programme towards the others as far as chance accounts for how they differ.

    Normal effects about their own mean, averaged over how much they may differ, so that the range
    takes no estimated tau for known. Beforehand it is as likely that a programme of the usual size
    is to be moved a tenth of the way as nine tenths (uniform shrinkage: Daniels, 1999, Canadian
    Journal of Statistics 27:567).
    """
    roots, turn = np.linalg.eigh(covariance)
    own, ones = turn.T @ estimates, turn.T @ np.ones(len(estimates))
    moved = (np.arange(STEPS) + 0.5) / STEPS
    grid = np.sqrt(np.median(np.diag(covariance)) * (1 - moved) / moved)
    likely, means, variances = np.empty(STEPS), [], []
    for step, tau in enumerate(grid):
        part = 1 / (roots + tau**2)
        known = float(part @ ones**2)
        mean = float(part @ (ones * own)) / known
        off = own - mean * ones
        likely[step] = 0.5 * (np.log(part).sum() - part @ off**2 - np.log(known))
        left = 1 - tau**2 * (turn @ (part * ones))
        means.append(mean + tau**2 * (turn @ (part * off)))
        variances.append(tau**2 - tau**4 * (turn**2 @ part) + left**2 / known)
    weight = np.exp(likely - likely.max())
    weight = weight / weight.sum()
    at, within = np.array(means), np.maximum(variances, 0.0)
    mean = weight @ at
    wide = 1.96 * np.sqrt(weight @ (within + (at - mean) ** 2))
    picked = rng.choice(STEPS, SAMPLED, p=weight)
    true = at[picked] + np.sqrt(within[picked]) * rng.standard_normal((SAMPLED, len(estimates)))
    ranks = np.argsort(np.argsort(-true, axis=1), axis=1) + 1.0
    low, high = np.quantile(ranks, [0.05, 0.95], axis=0)
    return Shrunk(mean, mean - wide, mean + wide, np.floor(low), np.ceil(high))


def measure_discovery(
    estimates: Numbers, joint: Numbers, floors: Numbers
) -> tuple[Numbers, Numbers]:
    """Return each programme's false discovery rate and its distance from zero in spreads.

    Of the programmes at least as far out, the share that chance would put there: the sum of the
    shares of each programme's placebo draws (never below its floor, one in so many authorities and
    one more), over how many there are.
    """
    spread = np.nanstd(joint, axis=0, ddof=1)
    far, drawn = np.abs(estimates) / spread, np.sort(np.abs(joint) / spread, axis=0)
    expected = np.zeros(len(far))
    for column, floor in zip(drawn.T, floors, strict=True):
        beyond = len(column) - np.searchsorted(column, far - 1e-9)
        expected += np.maximum((1 + beyond) / (1 + len(column)), floor)
    found = (far[:, None] <= far[None, :] + 1e-9).sum(axis=1)
    rate = np.minimum(expected / found, 1.0)
    order = np.argsort(far)
    least = np.minimum.accumulate(rate[order])
    result = np.empty(len(far))
    result[order] = least
    return result, far


def draw_power(spread: float, tau: float, programmes: Numbers) -> tuple[Numbers, Numbers]:
    """Return the average effect found four times in five by how many programmes are pooled.

    All alike, of these; and of this kind, where true effects differ by `tau`. Missing where there
    are too few for either question.
    """
    these = (stats.norm.ppf(1 - LEVEL / 2) + stats.norm.ppf(POWER)) * spread / np.sqrt(programmes)
    each = np.array([find_distance(int(n)) if n >= FEWEST_OF_KIND else np.nan for n in programmes])
    return these, each * np.sqrt((spread**2 + tau**2) / programmes)

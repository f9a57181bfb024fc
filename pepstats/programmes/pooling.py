"""Pooling: an average over programmes, how much they differ, each moved to the others.

Two questions, never one for the other. Whether *these* programmes gained on average is held against
their placebo draws, whatever makes them differ. Whether programmes *of this kind* gain also counts
how they differ among themselves (random effects; Knapp and Hartung, 2003, Statistics in Medicine
22:2693), and is the only answer that may be taken to programmes not among them.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pepstats.impact import half_width, placebo_p, smallest_detectable
from pepstats.programmes.sweep import Standing, Sweep

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

    estimate: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    p: float = float("nan")
    smallest: float = float("nan")
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
    there = np.isfinite(joint)  # a draw may have no result for a programme
    with np.errstate(invalid="ignore"):
        drawn = (np.where(there, joint, 0.0) @ weight) / (there @ weight)
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
    from scipy import special

    count = len(estimates)
    ends = [special.chdtri(count - 1, 1 - q) for q in (1 - LEVEL / 2, LEVEL / 2)]
    tau2 = _solve_tau(estimates, covariance, count - 1)
    tau_low, tau_high = (np.sqrt(_solve_tau(estimates, covariance, end)) for end in ends)
    weight = 1 / (np.diag(covariance) + tau2)
    weight = weight / weight.sum()
    mean = float(weight @ estimates)
    known = float(weight @ covariance @ weight + tau2 * weight @ weight)
    error = float(np.sqrt(known * _measure_spread(estimates, covariance, tau2) / (count - 1)))
    line = float(special.stdtrit(count - 1, 1 - LEVEL / 2)) * error
    p = float(2 * special.stdtr(count - 1, -abs(mean) / error)) if error > 0 else 1.0
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
    from scipy import optimize

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
    from scipy import optimize, special

    line = special.stdtrit(count - 1, 1 - LEVEL / 2)

    def short(distance: float) -> float:
        return 1 - float(special.nctdtr(count - 1, distance, line)) - POWER

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
    from scipy import special

    these = (special.ndtri(1 - LEVEL / 2) + special.ndtri(POWER)) * spread / np.sqrt(programmes)
    each = np.array([find_distance(int(n)) if n >= FEWEST_OF_KIND else np.nan for n in programmes])
    return these, each * np.sqrt((spread**2 + tau**2) / programmes)


THESE, KIND = "these programmes", "programmes of this kind"
EVERY_KIND = "all"
ANSWER_COLUMNS = [
    "outcome", "kind", "question", "programmes", "schools", "estimate", "low", "high", "unit", "p",
    "smallest", "tau", "tau_low", "tau_high", "reason",
]  # fmt: skip
EACH_COLUMNS = [
    "programme", "outcome", "n_schools", "estimate", "low", "high", "spread", "shrunk",
    "shrunk_low", "shrunk_high", "rank_low", "rank_high", "false_discovery", "stands_out",
]  # fmt: skip
STANDS_OUT = 0.10
"""A programme stands out where at most one in ten of those as far out would be there by chance."""


@dataclass(frozen=True)
class Pooled:
    """The programmes of a sweep in one outcome, taken together.

    Attributes
    ----------
    answers
        One row per `kind` of programme (all first) and `question`: `estimate`, `low`, `high`, `p`,
        the `smallest` average found four times in five, `tau` with its range, or the `reason` why
        there is no answer.
    each
        One row per programme: its estimate, moved towards the others (`shrunk`), likely ranks,
        its false discovery rate.
    power
        By number of `programmes`: the average found four times in five, of `these` and `of_kind`.
    best, overstated
        The programme with the largest estimate, and how much that is likely to overstate; missing
        where programmes are too few.
    by_chance
        Of those that stand out, how many chance would put there, and how many at most (95 in 100).
    """

    outcome: str
    unit: str
    answers: pd.DataFrame = field(repr=False)
    each: pd.DataFrame = field(repr=False)
    power: pd.DataFrame = field(repr=False)
    best: str
    overstated: float
    by_chance: tuple[float, float]


def pool_sweep(sweep: Sweep, outcome: str) -> Pooled:
    """Pool every programme of a sweep that has an estimate in one outcome.

    Each estimate is centred on its placebo draws' mean first. Programmes of one authority, and
    those that share schools, are not counted as independent.
    """
    standing = sweep.standing(outcome)
    kinds = dict(zip(sweep.account["programme"], sweep.account["kind"], strict=True))
    joint, covariance = join_draws(standing), find_covariance(standing)
    centred = np.array([one.estimate - float(np.nanmean(one.chance)) for one in standing])
    of = np.array([str(kinds[one.programme]) for one in standing])
    groups = {EVERY_KIND: np.ones(len(standing), dtype=bool)}
    groups |= {kind: of == kind for kind in sorted(set(of)) if kind and (of != kind).any()}
    rows = []
    for kind, inside in groups.items():
        some = [standing[place] for place in np.flatnonzero(inside)]
        within = covariance[np.ix_(inside, inside)]
        rows += _answer(some, kind, centred[inside], joint[:, inside], within)
    answers = pd.DataFrame(rows, columns=ANSWER_COLUMNS)
    each, by_chance = _tabulate_each(sweep, standing, centred, joint, covariance)
    best = int(np.argmax(centred))
    overstated = float(centred[best] - each["shrunk"].iloc[best])
    return Pooled(outcome, standing[0].unit, answers, each, _tabulate_power(answers, standing),
                  standing[best].programme, overstated, by_chance)  # fmt: skip


def join_draws(standing: Sequence[Standing]) -> Numbers:
    """Return all programmes' placebo draws together, centred: one row per draw of them all.

    Programmes of one authority have each draw in the same city, good years and bad; those of
    different authorities in different ones. Within a city the schools of each are drawn anew.
    """
    count = min(len(one.chance) for one in standing)
    columns = []
    for one in standing:
        order = np.arange(count)
        city, shuffled = one.city[:count], _stream("schools", one.programme).random(count)
        if city.any():  # else each draw has the year it was given, the same for all of a city
            order[np.lexsort((order, city))] = np.lexsort((shuffled, city))
        place = str(one.home or one.programme)
        drawn = one.chance[:count][order][_stream("cities", place).permutation(count)]
        columns.append(drawn - np.nanmean(drawn))
    return np.column_stack(columns)


def _stream(*name: str) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(" ".join(("joint draws", *name)).encode()))


def find_covariance(standing: Sequence[Standing]) -> Numbers:
    """Return how programmes' estimates go together: by an authority's year, by shared schools.

    The diagonal is each one's own placebo variance.
    """
    spread = np.array([one.spread for one in standing])
    home = np.array([one.home for one in standing])
    year = np.sqrt([one.city_variance for one in standing])
    alike = (home[:, None] == home[None, :]) & (home[:, None] > 0)
    covariance: Numbers = np.where(alike, year[:, None] * year[None, :], 0.0)
    weights = pd.DataFrame({n: one.shares for n, one in enumerate(standing)}).fillna(0.0)
    variance = pd.concat([one.variance for one in standing]).groupby(level=0).mean()
    w = weights.to_numpy()
    covariance = covariance + (w * variance.reindex(weights.index).to_numpy()[:, None]).T @ w
    most = 0.98 * np.outer(spread, spread)
    covariance = np.clip(covariance, -most, most)
    np.fill_diagonal(covariance, spread**2)
    roots, turn = np.linalg.eigh(covariance)
    least = 1e-6 * float(roots.max())
    if roots.min() < least:
        covariance = (turn * np.maximum(roots, least)) @ turn.T
    return covariance


def _answer(
    standing: Sequence[Standing], kind: str, centred: Numbers, joint: Numbers, covariance: Numbers
) -> list[dict[str, object]]:
    """Average both questions of some programmes, or say why one has no answer."""
    count, few = len(standing), f"fewer than {FEWEST_OF_KIND} programmes"
    answers = [(THESE, Average(), "only one programme"), (KIND, Average(), few)]
    if count > 1:
        answers[0] = THESE, average_these(centred, joint, covariance), ""
    if count >= FEWEST_OF_KIND:
        answers[1] = KIND, average_kind(centred, covariance), ""
    schools = len({school for one in standing for school in one.shares.index})
    key = {"outcome": standing[0].outcome, "unit": standing[0].unit, "kind": kind,
           "programmes": count, "schools": schools}  # fmt: skip
    return [{**key, "question": question, **vars(one), "reason": reason}
            for question, one, reason in answers]  # fmt: skip


def _tabulate_each(
    sweep: Sweep,
    standing: Sequence[Standing],
    centred: Numbers,
    joint: Numbers,
    covariance: Numbers,
) -> tuple[pd.DataFrame, tuple[float, float]]:
    """Lay every programme out beside the others, and count what of it chance would bring."""
    effects = sweep.effects[sweep.effects["outcome"] == standing[0].outcome]
    wide = dict(zip(effects["programme"], effects["high"] - effects["estimate"], strict=True))
    cells = sweep.cells[sweep.cells["start"] == "all"] if len(sweep.cells) else sweep.cells
    wide |= {row["programme"]: row["high"] - row["estimate"] for row in cells.to_dict("records")}
    floors = np.array([1 / (1 + (one.cities or len(one.chance))) for one in standing])
    rate, far = measure_discovery(centred, joint, floors)
    out = rate <= STANDS_OUT
    table = pd.DataFrame({
        "programme": [one.programme for one in standing],
        "outcome": standing[0].outcome,
        "n_schools": [len(one.shares) for one in standing],
        "estimate": [one.estimate for one in standing],
        "low": [one.estimate - wide[one.programme] for one in standing],
        "high": [one.estimate + wide[one.programme] for one in standing],
        "spread": np.sqrt(np.diag(covariance)),
        "false_discovery": rate,
        "stands_out": out,
    })  # fmt: skip
    if len(standing) >= FEWEST_TO_SHRINK:
        shrunk = shrink_programmes(centred, covariance, _stream("ranks"))
        table = table.assign(
            shrunk=shrunk.mean, shrunk_low=shrunk.low, shrunk_high=shrunk.high,
            rank_low=shrunk.rank_low, rank_high=shrunk.rank_high,
        )  # fmt: skip
    line = far[out].min() if out.any() else np.inf
    within = np.abs(joint) / np.nanstd(joint, axis=0, ddof=1) < line
    beyond = (~within).sum(axis=1)  # no result in a draw counts as one as far out
    by_chance = (float(beyond.mean()), float(np.quantile(beyond, 0.95)))
    return table.reindex(columns=EACH_COLUMNS), by_chance


MOST_ON_LINE = 40


def _tabulate_power(answers: pd.DataFrame, standing: Sequence[Standing]) -> pd.DataFrame:
    """Work out the average found four times in five, by how many programmes are pooled."""
    last = max(20, min(len(standing), MOST_ON_LINE))
    programmes = np.arange(1, last + 1, dtype=float)
    spread = float(np.sqrt(np.median([one.spread**2 for one in standing])))
    known = answers.loc[answers["kind"].eq(EVERY_KIND) & answers["question"].eq(KIND), "tau"]
    tau = float(known.iloc[0]) if len(known) and np.isfinite(known.iloc[0]) else 0.0
    these, of_kind = draw_power(spread, tau, programmes)
    return pd.DataFrame({"programmes": programmes.astype(int), "these": these, "of_kind": of_kind})


def tabulate_answers(pooled: Mapping[str, Pooled]) -> pd.DataFrame:
    """Put the answers of every outcome into one table."""
    return pd.concat([one.answers for one in pooled.values()], ignore_index=True)

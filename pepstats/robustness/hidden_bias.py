"""How strong a hidden reason for being picked would have to be to explain a finding away.

Rosenbaum's bounds: two schools that look alike may differ in their odds of being picked by a factor
of at most gamma. At gamma = 1 being picked was chance; the largest gamma at which the finding still
stands says how much hidden selection it bears (Rosenbaum 2002, Observational Studies, chapter 4;
for sets of one member and several others, Rosenbaum 2007, Biometrics 63:456).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pepstats.errors import DesignError
from pepstats.matching import pair_members
from pepstats.measures import MEASURES
from pepstats.robustness.headline import CheckRow, Headline
from pepstats.robustness.methods import allow_for_drift, study_held_out
from pepstats.robustness.parallel_trends import breakdown_value


@dataclass(frozen=True)
class Extremes:
    """An estimate from the results there are, and with every hidden result at its worst and best.

    `n_seen`, `n_hidden` and `n_out` count the members with a gap, without one but bounded, and
    without comparison schools either, so that they stay out.
    """

    estimate: float
    worst: float
    best: float
    n_seen: int
    n_hidden: int
    n_out: int


def bound_hidden_results(
    gaps: pd.DataFrame, members: Iterable[int], *, limits: tuple[float, float] | None = None
) -> Extremes:
    """Bound an estimate by the worst and the best that members' hidden results could be.

    `gaps` is `Gaps.table`: index `school`; `own`, `comparison`, `gap`, `weight`. A hidden result
    lies between `limits` (0 and 100 for a percentage), by default the range of all schools there;
    its school counts as much as the median member does, though it is likely to be small. The
    hidden gap is own minus comparison, without correction for what the match left unlike.
    """
    table = gaps.reindex(pd.Index(sorted(set(members)), name="school"))
    seen, hidden = table[table["gap"].notna()], table[table["gap"].isna()]
    lowest, highest = limits or (gaps["own"].min(), gaps["own"].max())
    compared = hidden["comparison"].dropna()
    weight = seen["weight"].to_numpy(float)
    typical = float(np.median(weight))

    def mean(added: pd.Series) -> float:
        top = float((seen["gap"] * weight).sum()) + typical * float(added.sum())
        return top / (float(weight.sum()) + typical * len(added))

    return Extremes(
        mean(compared.iloc[:0]), mean(lowest - compared), mean(highest - compared),
        len(seen), len(compared), len(hidden) - len(compared),
    )  # fmt: skip


Numbers = NDArray[np.float64]
FEWEST_SETS = 6
"""With five sets of two even the most extreme result has a p of 1 in 32: no bound says a thing."""

LEVEL = 0.05
MOST_BIAS = 100.0
BEYOND = 1.959963984540054
"""Standard errors beyond which one in forty lie on either side."""


def bound_sets(
    sets: Numbers,
    *,
    gammas: Sequence[float] = (1, 1.5, 2, 3),
    effect: float = 0.0,
    inner: float = 0.0,
    trim: float = 2.5,
) -> pd.DataFrame:
    """Bound the p of a gain over sets of one member and its comparison schools.

    `sets` has a row per member: its own change first, then its comparison schools' changes,
    missing where it has fewer; sets must not share schools. One row per `gamma`: `p_most`
    (one-sided, that members did no better than `effect` would make them), `deviate`, `statistic`,
    `expected` and `variance` (at the worst). The statistic is Huber's: a difference counts in full
    from `trim` times the median difference within sets, not at all under `inner`.
    """
    from scipy.special import ndtr

    values = _full_sets(sets, effect)
    apart = [np.abs(np.subtract.outer(v, v))[np.triu_indices(len(v), 1)] for v in values]
    unit = float(np.median(np.concatenate(apart)))
    if not unit > 0:
        raise DesignError("half the differences within sets or more are nought")
    scored = [_score(v / unit, inner, trim) for v in values]
    seen = float(sum(own[0] for own in scored))
    rows = []
    for gamma in gammas:
        worst = [_worst(np.sort(own), gamma) for own in scored]
        mean, variance = (float(sum(part)) for part in zip(*worst, strict=True))
        deviate = (seen - mean) / np.sqrt(variance) if variance > 0 else float("nan")
        rows.append((float(ndtr(-deviate)), deviate, seen, mean, variance))
    columns = ["p_most", "deviate", "statistic", "expected", "variance"]
    return pd.DataFrame(rows, index=pd.Index(gammas, name="gamma"), columns=columns)


def invert_sets(sets: Numbers, *, gamma: float = 1.0) -> tuple[float, float, float]:
    """Estimate the effect that sets show, with the 95% interval a hidden bias of gamma leaves.

    The estimate is the effect at which the statistic of `bound_sets` is what it would be by chance;
    the interval holds the effects that no bias up to `gamma` lets be refuted at 2.5% on either
    side. In the unit of `sets`.
    """
    values = _full_sets(sets, 0.0)
    steps = np.concatenate([own[0] - own[1:] for own in values])
    reach = float(np.abs(steps - np.median(steps)).max()) or 1.0
    middle = _root(lambda effect: _deviate(sets, 1.0, effect), 0.0, float(np.median(steps)), reach)
    low = _root(lambda effect: _deviate(sets, gamma, effect), BEYOND, middle, reach)
    high = -_root(lambda effect: _deviate(-sets, gamma, effect), BEYOND, -middle, reach)
    return middle, low, high


def _deviate(sets: Numbers, gamma: float, effect: float) -> float:
    """Return how far members are above what `effect` and a bias of gamma could make them."""
    return float(bound_sets(sets, gammas=[gamma], effect=effect)["deviate"].iloc[0])


def _root(deviate: Callable[[float], float], wanted: float, near: float, reach: float) -> float:
    """Find the effect at which a deviate, which falls as the effect grows, is what is wanted."""
    from scipy.optimize import brentq

    low, high = near - reach, near + reach
    for _ in range(20):
        if deviate(low) >= wanted:
            break
        low -= reach
    else:
        return float("-inf")
    for _ in range(20):
        if deviate(high) <= wanted:
            break
        high += reach
    else:
        return float("inf")
    return float(brentq(lambda effect: deviate(effect) - wanted, low, high, xtol=1e-9 * reach))


def lay_out_sets(pairs: pd.DataFrame, changes: pd.Series) -> Numbers:
    """Lay pairs out as sets, for `bound_sets`: members' changes first, missing ones left missing.

    `pairs` has `school` and `comparison`, one row per pair; `changes` has index `school`. A
    comparison school may be in one set only.
    """
    if pairs["comparison"].duplicated().any():
        shared = int(pairs["comparison"].duplicated(keep=False).sum())
        raise DesignError(
            f"{shared} pairs share a comparison school; sets must not. Match without replacement."
        )
    others = pairs.sort_values(["school", "comparison"]).groupby("school")["comparison"]
    width = 1 + int(others.size().max() if len(pairs) else 0)
    laid = np.full((others.ngroups, width), np.nan)
    for row, (school, listed) in enumerate(others):
        laid[row, 0] = changes.get(school, np.nan)
        laid[row, 1 : 1 + len(listed)] = changes.reindex(listed).to_numpy(float)
    return laid


def bears(bound: Callable[[float], float]) -> float:
    """Find the strongest hidden selection at which the finding still stands, to two decimals.

    `bound` returns the largest p at a gamma. Missing when it does not stand even at 1, infinite
    when it stands at 100.
    """
    if not bound(1.0) <= LEVEL:
        return float("nan")
    if bound(MOST_BIAS) <= LEVEL:
        return float("inf")
    low, high = 1.0, MOST_BIAS
    while high - low > 1e-8:
        middle = (low + high) / 2
        low, high = (middle, high) if bound(middle) <= LEVEL else (low, middle)
    return float(np.floor(low * 100 + 1e-6) / 100)


def _full_sets(sets: Numbers, effect: float) -> list[Numbers]:
    """Take an effect off the members, and keep the sets of a member and another with results."""
    table = sets - effect * np.eye(1, sets.shape[1])
    rows = [row[~np.isnan(row)] for row in table if not np.isnan(row[0])]
    full = [row for row in rows if len(row) > 1]
    if len(full) < FEWEST_SETS:
        raise DesignError(f"{len(full)} sets with a result; at least {FEWEST_SETS} are needed")
    return full


def _score(values: Numbers, inner: float, trim: float) -> Numbers:
    """Score every school of a set: its mean difference from all of them, large ones held."""
    apart = np.subtract.outer(values, values)
    size = np.clip((np.abs(apart) - inner) / (trim - inner), 0.0, 1.0)
    scored: Numbers = (np.sign(apart) * size).sum(axis=1) / len(values)
    return scored


def _worst(ranked: Numbers, gamma: float) -> tuple[float, float]:
    """Find which schools of a set hidden selection must favour to expect most (separable bound).

    The highest scores are favoured; how many of them is tried out, the larger variance deciding
    between equals (Gastwirth, Krieger and Rosenbaum 2000, JRSS B 62:545).
    """
    favoured = np.arange(1, len(ranked))
    more = (gamma - 1) / (len(ranked) + (gamma - 1) * favoured)
    plain = 1 / (len(ranked) + (gamma - 1) * favoured)
    mean = plain * ranked.sum() + more * np.cumsum(ranked[::-1])[:-1]
    square = plain * (ranked**2).sum() + more * np.cumsum(ranked[::-1] ** 2)[:-1]
    best = np.lexsort((square - mean**2, np.round(mean, 12)))[-1]
    return float(mean[best]), float(square[best] - mean[best] ** 2)


def suppose_contamination(headline: Headline, *, share: float) -> CheckRow:
    """Suppose that some comparison schools had had such support too, and gained as much by it.

    If a share q of them did, the estimate is too low by q times the effect.
    """
    effect = headline.effect
    estimate, low, high = (n / (1 - share) for n in (effect.estimate, effect.low, effect.high))
    return CheckRow(
        "", estimate, low, high, n_schools=effect.n_schools, n_comparison=effect.n_comparison,
        note="if it moved them as far as the programme's schools",
    )  # fmt: skip


def suppose_unpublished(headline: Headline, *, best: bool) -> CheckRow:
    """Suppose members' results that are not published to be at their worst, or at their best."""
    limits = (0.0, 100.0) if MEASURES[headline.outcome].percent else None
    found = bound_hidden_results(headline.gaps.table, headline.chosen, limits=limits)
    if not found.n_hidden:
        out = f"; {found.n_out} cannot be compared at all" if found.n_out else ""
        raise DesignError(f"no school that can be compared has a result unpublished{out}")
    effect, at = headline.effect, found.best if best else found.worst
    moved = at - effect.estimate
    return CheckRow(
        "", at, effect.low + moved, effect.high + moved,
        n_schools=found.n_seen + found.n_hidden, n_comparison=effect.n_comparison,
        note=f"{found.n_hidden} schools, each anywhere from the lowest to the highest there is",
    )  # fmt: skip


def suppose_selection(headline: Headline, *, odds: float) -> CheckRow:
    """Suppose a hidden reason for being picked: Rosenbaum's bounds over sets of schools.

    Each member and its comparison schools, none used twice, are compared by their change from
    before. The interval is that of the effect that no bias of `odds` can contradict; the note says
    what odds the finding bears.
    """
    programme = headline.programme
    pairs = pair_members(
        headline.pool, programme.match, programme.pool, headline.chosen, way="optimal",
        barred=headline.barred,
    )  # fmt: skip
    results = headline.panel.wide(headline.outcome).reindex(index=headline.pool.schools.index)
    before = results[sorted(programme.baseline)].mean(axis=1, skipna=False)
    sets = lay_out_sets(pairs.pairs, results[headline.year] - before)
    estimate, low, high = invert_sets(sets, gamma=odds)
    side = 1.0 if estimate >= 0 else -1.0
    strongest = bears(
        lambda gamma: float(bound_sets(side * sets, gammas=[gamma])["p_most"].iloc[0])
    )
    how = pairs.how.split(",")[0]
    return CheckRow(
        "", estimate, low, high, n_schools=int((~np.isnan(sets[:, 0])).sum()),
        n_comparison=len(pairs.pairs),
        note=f"changes within sets that share no school, {how}; {_bears_words(strongest)}",
    )  # fmt: skip


def _bears_words(strongest: float) -> str:
    if np.isnan(strongest):
        return "not told from chance even without one"
    if np.isinf(strongest):
        return "the direction stands at any odds tried"
    return f"the direction stands up to odds of {strongest:.2f} to 1"


def suppose_drift(headline: Headline) -> CheckRow:
    """Suppose the schools would have drifted apart by as much again as they did before the start.

    Relative magnitudes of Rambachan and Roth (2023), at once the largest step before.
    """
    study = study_held_out(headline)
    bounds = allow_for_drift(study, rng=headline.rng("drift"))
    first = int(min(year for year in study.table.index if year >= study.starts))
    stands = breakdown_value(bounds)
    words = "even with no drift" if np.isnan(stands) else f"beyond {stands:g} times that"
    return CheckRow(
        "", float(study.table.loc[first, "estimate"]), float(bounds.loc[1.0, "low"]),
        float(bounds.loc[1.0, "high"]), n_schools=study.n_schools,
        n_comparison=study.n_comparison,
        note=f"event study of {first}; its interval takes in nought {words}",
    )  # fmt: skip

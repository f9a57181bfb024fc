"""How strong a hidden reason for being picked would have to be to explain a finding away.

Rosenbaum's bounds: two schools that look alike may differ in their odds of being picked by a factor
of at most gamma. At gamma = 1 being picked was chance; the largest gamma at which the finding still
stands says how much hidden selection it bears (Rosenbaum 2002, Observational Studies, chapter 4;
for sets of one member and several others, Rosenbaum 2007, Biometrics 63:456).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pepstats.errors import DesignError, as_reason
from pepstats.matching import Pairing, list_limits, match_members
from pepstats.measures import MEASURES
from pepstats.robustness.drift import breakdown_value
from pepstats.robustness.headline import CheckRow, Headline
from pepstats.robustness.methods import EventStudy, allow_for_drift


@dataclass(frozen=True)
class Extremes:
    """An estimate with every hidden result at its worst, and at its best.

    Attributes
    ----------
    estimate, worst, best
        From the results there are; with the hidden ones as low, and as high, as they can be. In the
        outcome's unit.
    schools
        Index `school`: each member without a gap, its `reason`, and its `lowest` and `highest`
        possible gap; missing where it has no comparison schools either, so that it stays out.
    n_seen, n_hidden, n_out
        Members with a gap, without one but bounded, and out altogether.
    reason
        Why there are no extremes; empty where there are.
    """

    estimate: float
    worst: float
    best: float
    schools: pd.DataFrame = field(repr=False)
    n_seen: int
    n_hidden: int
    n_out: int
    reason: str = ""


def correct_contamination(
    estimate: float,
    low: float,
    high: float,
    *,
    shares: Sequence[float],
) -> pd.DataFrame:
    """Say what the effect would be if some comparison schools had had such support too.

    If a share q of the comparison schools gained as much from it as the members, the estimate is
    too low by q times the effect. One row per `share`: `bias`, `estimate`, `low`, `high`, in the
    outcome's unit.
    """
    wrong = [q for q in shares if not 0 <= q < 1]
    if wrong:
        raise DesignError(f"a share of comparison schools lies from 0 to below 1, not {wrong}.")
    rows = [
        (share, -share * estimate / (1 - share), *(n / (1 - share) for n in (estimate, low, high)))
        for share in shares
    ]
    return pd.DataFrame(rows, columns=["share", "bias", "estimate", "low", "high"])


def bound_hidden_results(
    gaps: pd.DataFrame, members: Iterable[int], *, limits: tuple[float, float] | None = None
) -> Extremes:
    """Bound an estimate by the worst and the best that members' hidden results could be.

    `gaps` is `Gaps.table`: index `school`; `own`, `comparison`, `gap`, `weight`, `reason`. A hidden
    result lies between `limits` (0 and 100 for a percentage), by default the range of all schools
    there; its school counts as much as the median member does, though it is likely to be small. The
    hidden gap is own minus comparison, with nothing taken out for what the match left unlike.
    """
    columns = ["comparison", "gap", "weight", "reason"]
    table = gaps[columns].reindex(pd.Index(sorted(set(members)), name="school"))
    table["reason"] = table["reason"].where(table.index.isin(gaps.index), "not in the pool")
    seen, hidden = table[table["gap"].notna()], table[table["gap"].isna()]
    known = gaps["own"].dropna()
    why = "" if len(seen) else "no member has a gap"
    if not why and limits is None and known.empty:
        why = "no school has a result, so nothing says how far one could be off"
    ends = limits if limits is not None else (known.min(), known.max())
    if limits is not None and not limits[0] < limits[1]:
        raise DesignError(f"`limits` are {limits}: the lowest result comes first.")
    low, high = (float(end) - hidden["comparison"] for end in ends)
    listed = hidden[["reason"]].assign(lowest=low, highest=high).sort_index()
    bounded = listed[listed["lowest"].notna()]
    counts = (len(seen), len(bounded), len(listed) - len(bounded))
    if why:
        nothing = float("nan")
        return Extremes(nothing, nothing, nothing, listed, *counts, why)
    weight = seen["weight"].to_numpy(float)
    typical = float(np.median(weight))

    def mean(added: pd.Series) -> float:
        top = float((seen["gap"] * weight).sum()) + typical * float(added.sum())
        return top / (float(weight.sum()) + typical * len(added))

    none = pd.Series(dtype=float)
    return Extremes(mean(none), mean(bounded["lowest"]), mean(bounded["highest"]), listed, *counts)


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
    `expected`, `variance` (at the worst), and `reason`. The statistic is Huber's: a difference
    counts in full from `trim` times the median difference within sets, not at all under `inner`.
    """
    steps = _gammas(gammas)
    values, why = _sets(sets, effect)
    if not 0 <= inner < trim:
        raise DesignError(f"`inner` ({inner}) must be from 0 up to below `trim` ({trim}).")
    unit = 0.0
    if not why:
        apart = [np.abs(np.subtract.outer(v, v))[np.triu_indices(len(v), 1)] for v in values]
        unit = float(np.median(np.concatenate(apart)))
        if not unit > 0:
            why = "half the differences within sets or more are nought"
    if why:
        columns = ["p_most", "deviate", "statistic", "expected", "variance"]
        return pd.DataFrame(np.nan, index=pd.Index(steps, name="gamma"), columns=columns).assign(
            reason=why
        )
    scored = [_score(v / unit, inner, trim) for v in values]
    seen = float(sum(own[0] for own in scored))
    rows = []
    for gamma in steps:
        worst = [_worst(np.sort(own), gamma) for own in scored]
        mean, variance = (float(sum(part)) for part in zip(*worst, strict=True))
        deviate = (seen - mean) / np.sqrt(variance) if variance > 0 else float("nan")
        rows.append((_tail(deviate), deviate, seen, mean, variance, ""))
    return pd.DataFrame(
        rows,
        index=pd.Index(steps, name="gamma"),
        columns=["p_most", "deviate", "statistic", "expected", "variance", "reason"],
    )


def invert_sets(sets: Numbers, *, gamma: float = 1.0) -> tuple[float, float, float]:
    """Give the effect that sets show, and the 95% interval that a hidden bias of gamma leaves.

    The estimate is the effect at which the statistic of `bound_sets` is what it would be by chance;
    the interval holds the effects that no bias up to `gamma` lets be refuted at 2.5% on either
    side. In the unit of `sets`.
    """
    values, why = _sets(sets, 0.0)
    if why:
        raise DesignError(why)
    steps = np.concatenate([own[0] - own[1:] for own in values])
    reach = float(np.abs(steps - np.median(steps)).max()) or 1.0
    middle = _root(lambda effect: _deviate(sets, 1.0, effect), 0.0, float(np.median(steps)), reach)
    low = _root(lambda effect: _deviate(sets, gamma, effect), BEYOND, middle, reach)
    high = -_root(lambda effect: _deviate(-sets, gamma, effect), BEYOND, -middle, reach)
    return middle, low, high


def _deviate(sets: Numbers, gamma: float, effect: float) -> float:
    """Give how far members are above what `effect` and a bias of gamma could make them."""
    found = bound_sets(sets, gammas=[gamma], effect=effect)
    if found["reason"].iloc[0]:
        raise DesignError(str(found["reason"].iloc[0]))
    return float(found["deviate"].iloc[0])


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
    """Give the strongest hidden selection at which the finding still stands, to two decimals.

    `bound` gives the largest p at a gamma. Missing when it does not stand even at 1, infinite when
    it stands at 100.
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


def _gammas(gammas: Sequence[float]) -> list[float]:
    wrong = [g for g in gammas if not g >= 1]
    if wrong or not len(gammas):
        raise DesignError(f"gamma is 1 or more; {wrong or 'none'} was given.")
    return [float(g) for g in gammas]


def _sets(sets: Numbers, effect: float) -> tuple[list[Numbers], str]:
    table = np.asarray(sets, dtype=float)
    if table.ndim != 2 or table.shape[1] < 2:
        raise DesignError("Sets need a column for the member and one for a comparison school.")
    table = table - effect * np.eye(1, table.shape[1])
    rows = [row[~np.isnan(row)] for row in table if not np.isnan(row[0])]
    full = [row for row in rows if len(row) > 1]
    if len(full) < FEWEST_SETS:
        return full, f"{len(full)} sets with a result; at least {FEWEST_SETS} are needed"
    return full, ""


def _tail(deviate: float) -> float:
    from scipy.special import ndtr

    return float(ndtr(-deviate))


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


SHARES = {"1 in 10": 0.1, "1 in 4": 0.25}

HIDDEN_ODDS = 1.5
"""How much likelier a hidden reason may make one of two alike schools to be picked."""


def check_hidden_bias(setting: Headline, study: EventStudy | str) -> list[CheckRow]:
    """Bound the headline by what cannot be seen: four doubts, one row or two each.

    `study` is the event study that drift is judged by, or why there is none.
    """
    rows = [
        *check_contamination(setting), *check_extremes(setting), check_selection(setting),
        check_drift(setting, study),
    ]  # fmt: skip
    return [replace(row, kind="doubt") for row in rows]


def check_contamination(setting: Headline) -> list[CheckRow]:
    """Suppose that some comparison schools had had such support too, and gained as much by it."""
    effect, rows = setting.effect, []
    for words, share in SHARES.items():
        name = f"{words} comparison schools had such support too"
        try:
            setting.need_others()
        except DesignError as error:
            rows.append(CheckRow(name, reason=as_reason(error)))
            continue
        found = correct_contamination(
            effect.estimate, effect.low, effect.high, shares=[share]
        ).iloc[0]
        rows.append(CheckRow(
            name, float(found["estimate"]), float(found["low"]), float(found["high"]),
            n_schools=effect.n_schools, n_comparison=effect.n_comparison,
            note="if it moved them as far as the programme's schools",
        ))  # fmt: skip
    return rows


def check_extremes(setting: Headline) -> list[CheckRow]:
    """Put members' results that are not published at their worst and their best."""
    names = ("unpublished results as low as they could be",
             "unpublished results as high as they could be")  # fmt: skip
    percent = MEASURES[setting.outcome].percent
    found = bound_hidden_results(
        setting.gaps.table, setting.chosen, limits=(0.0, 100.0) if percent else None
    )
    reason = found.reason
    if not reason and not found.n_hidden:
        reason = "no school that can be compared has a result unpublished"
        if found.n_out:
            reason += f"; {found.n_out} cannot be compared at all"
    if reason:
        return [CheckRow(name, reason=reason) for name in names]
    effect = setting.effect
    rows = []
    for name, at in zip(names, (found.worst, found.best), strict=True):
        moved = at - effect.estimate
        rows.append(CheckRow(
            name, at, effect.low + moved, effect.high + moved,
            n_schools=found.n_seen + found.n_hidden, n_comparison=effect.n_comparison,
            note=f"{found.n_hidden} schools, each anywhere from the lowest to the highest there is",
        ))  # fmt: skip
    return rows


def check_selection(setting: Headline) -> CheckRow:
    """Suppose a hidden reason for being picked: Rosenbaum's bounds over sets of schools.

    Each member and its comparison schools, none used twice, are compared by their change from
    before. The interval is that of the effect no bias of `HIDDEN_ODDS` can contradict; the note
    says what odds the finding bears.
    """
    name = f"a hidden reason to be picked, at odds of {HIDDEN_ODDS:g} to 1"
    try:
        setting.need_others()
        rule = setting.programme.match
        _, pairs = match_members(
            setting.pool, rule, setting.programme.pool, setting.chosen, setting.match,
            way="optimal", measure="weighted", barred=setting.barred,
            calipers=list_limits(rule, setting.pool.schools),
        )  # fmt: skip
        sets = lay_out_sets(pairs.pairs, _changes(setting))
        estimate, low, high = invert_sets(sets, gamma=HIDDEN_ODDS)
    except DesignError as error:
        return CheckRow(name, reason=as_reason(error))
    side = 1.0 if estimate >= 0 else -1.0
    strongest = bears(
        lambda gamma: float(bound_sets(side * sets, gammas=[gamma])["p_most"].iloc[0])
    )
    return CheckRow(
        name, estimate, low, high, n_schools=int((~np.isnan(sets[:, 0])).sum()),
        n_comparison=len(pairs.pairs), note=_bears_words(strongest, pairs),
    )  # fmt: skip


def _changes(setting: Headline) -> pd.Series:
    results = setting.panel.wide(setting.outcome).reindex(index=setting.pool.schools.index)
    before = results[sorted(setting.programme.baseline)].mean(axis=1, skipna=False)
    return results[setting.year] - before


def _bears_words(strongest: float, pairs: Pairing) -> str:
    how = f"changes within sets that share no school, {pairs.how.split(',')[0]}"
    if np.isnan(strongest):
        return f"{how}; not told from chance even without one"
    if np.isinf(strongest):
        return f"{how}; the direction stands at any odds tried"
    return f"{how}; the direction stands up to odds of {strongest:.2f} to 1"


def check_drift(setting: Headline, study: EventStudy | str) -> CheckRow:
    """Suppose the schools would have drifted apart by as much again as they did before the start.

    Relative magnitudes of Rambachan and Roth (2023), at once the largest step before.
    """
    name = "drifting apart as fast as before the start"
    if isinstance(study, str):
        return CheckRow(name, reason=study)
    allowed = allow_for_drift(study, rng=setting.rng("drift"))
    if why := str(allowed["reason"].iloc[0]):
        return CheckRow(name, reason=why)
    at = allowed.set_index("at_most")
    first = int(min(year for year in study.table.index if year >= study.starts))
    stands = breakdown_value(at[["low", "high"]])
    words = "even with no drift" if np.isnan(stands) else f"beyond {stands:g} times that"
    return CheckRow(
        name, float(study.table.loc[first, "estimate"]), float(at.loc[1.0, "low"]),
        float(at.loc[1.0, "high"]), n_schools=study.n_schools, n_comparison=study.n_comparison,
        note=f"event study of {first}; its interval takes in nought {words}",
    )  # fmt: skip

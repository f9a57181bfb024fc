"""What was seen in each outcome of a programme, and how often chance alone would look like it.

Every outcome of every programme of a report is judged together: step-down max-T from the same
placebo draws (Westfall and Young, 1993, algorithm 4.1). Authorities, not draws, are the sample: p
is never below one in so many of them and one more, and has a range of its own.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pepstats.formatting import AGREED
from pepstats.impact.gaps import Gaps, Numbers
from pepstats.impact.placebo import has_gap, mean_of

MATCHED, FORECAST = "matched", "forecast"
HOW = {
    MATCHED: "compared with similar schools",
    FORECAST: "compared with a forecast from earlier results",
}
"""The two ways an estimate is made, and what each is called; one stands beside every number."""

GAINED, PROBABLY_GAINED = "gained", "probably gained"
UNCERTAIN = "too uncertain to say"
PROBABLY_LOST, LOST = "probably lost ground", "lost ground"

LADDER: dict[str, str] = {
    GAINED: "At most 5 in 100 groups of schools without the programme changed this much, allowing "
    "for all the results looked at together. The whole of the 95% range is above zero.",
    PROBABLY_GAINED: "Between 5 and 10 in 100 groups of schools without the programme changed this "
    "much, allowing for all the results looked at together. The estimate is above zero, but the "
    "range includes zero.",
    UNCERTAIN: "More than 10 in 100 groups of schools without the programme changed this much, "
    "allowing for all the results looked at together. The programme may have helped, made no "
    "difference or done harm: these results cannot tell.",
    PROBABLY_LOST: "Between 5 and 10 in 100 groups of schools without the programme changed this "
    "much, allowing for all the results looked at together. The estimate is below zero, but the "
    "range includes zero.",
    LOST: "At most 5 in 100 groups of schools without the programme changed this much, allowing "
    "for all the results looked at together. The whole of the 95% range is below zero.",
}
"""The five verdicts, best first, each with its meaning in plain words."""

CLEAR, LIKELY = 0.05, 0.10
"""A clear verdict: at most 5 in 100 made-up programmes moved as far; a probable one: 10 in 100."""


def choose_verdict(estimate: float, p: float) -> str:
    """Choose the rung of the ladder of words: the size never enters, only how sure we are."""
    if not p <= LIKELY or estimate == 0:
        return UNCERTAIN
    if p <= CLEAR:
        return GAINED if estimate > 0 else LOST
    return PROBABLY_GAINED if estimate > 0 else PROBABLY_LOST


LEVEL, POWER = 0.05, 0.80
"""An effect is found at 5 in 100; one likely to be found is found four times in five."""

TELLING = round(1 / LEVEL) - 1
"""With fewer authorities to compare with, no p can be as small as `LEVEL`."""

FEWEST_DRAWS = 99
RESAMPLED = 2000
"""How often authorities are resampled for the range of a p, of which 95 in 100 are given."""

MOST_ODDS = 100.0
"""How unequal authorities are thought to be at most: beyond ten times it is printed as that."""


@dataclass(frozen=True)
class Effect:
    """What was seen in one outcome of one programme, against comparison schools.

    `pupils` says whose results they are; `estimate`, `low` and `high` (a 95% interval, that of
    `p_adjusted`) are in `unit`; `p_placebo` is the share of placebo programmes that moved at least
    as far, `p_low` to `p_high` its range over authorities resampled, `p_adjusted` the same allowing
    for all the outcomes and programmes of the report; `mode` how schools were compared; `release`
    how final the results are; `borderline` whether p's own range crosses a border of the verdict;
    `spread` is that of the placebo programmes, `smallest` the true effect that would be told from
    chance four times in five, missing where authorities are too few to call any at 5 in 100.
    `n_authorities` is how many authorities placebo programmes are in, each in one; where their
    schools come from several it is 0, and `n_places` how many these are.
    """

    programme: str
    outcome: str
    pupils: str
    unit: str
    estimate: float
    low: float
    high: float
    p_placebo: float
    p_low: float
    p_high: float
    p_adjusted: float
    n_schools: int
    n_comparison: int
    n_authorities: int
    n_placebo: int
    mode: str
    baseline: str
    year: int
    release: str
    verdict: str
    borderline: bool = False
    spread: float = float("nan")
    smallest: float = float("nan")
    n_places: int = 0


@dataclass(frozen=True)
class Yardstick:
    """One outcome of one programme: its estimate, and every placebo draw's on the same scale.

    `city` is each draw's authority, 0 where its schools may be anywhere, then from so many
    `places`; draws are in the order in which all programmes of a report are drawn.
    """

    programme: str
    outcome: str
    estimate: float
    chance: Numbers = field(repr=False)
    city: NDArray[np.int64] = field(repr=False)
    places: int = 0

    @property
    def spread(self) -> float:
        """The standard deviation of the placebo draws."""
        return float(np.nanstd(self.chance, ddof=1))

    @property
    def cities(self) -> int:
        """How many authorities the draws are in; none where they may be anywhere."""
        return len(np.unique(self.city[self.city > 0]))

    @property
    def floor(self) -> float:
        """The least that p can be: one in the authorities and one more."""
        return 1 / ((self.cities or self.places or len(self.chance)) + 1)

    def far(self, values: Numbers | float) -> Numbers:
        """Return how far values are from zero, in spreads of the draws, on the rounded key."""
        return np.round(np.abs(values) / (self.spread or 1.0), AGREED)


def placebo_p(estimate: float, chance: Numbers, cities: int = 0) -> float:
    """Share of placebo programmes that moved at least as far, never below one in `cities` + 1."""
    drawn = chance[np.isfinite(chance)]
    beyond = (np.round(np.abs(drawn), AGREED) >= np.round(abs(estimate), AGREED)).sum()
    floor = 1 / (cities + 1) if cities else 0.0
    return float(max((1 + beyond) / (1 + len(drawn)), floor))


def find_worst_share(one: Yardstick, odds: float) -> float:
    """Return the largest share of draws that moved as far, were authorities unequally likely.

    Some `odds` times as likely as others to have had the programme, in the arrangement that suits
    the result least: the likelier ones are those with the largest shares, for the best number of
    them. With odds of 1 it is p as printed.
    """
    told = np.isfinite(one.chance)
    beyond = one.far(one.chance[told]) >= one.far(one.estimate)
    counts = pd.DataFrame({"n": 1, "beyond": beyond}).groupby(one.city[told]).sum()
    worst = counts.assign(share=counts["beyond"] / counts["n"]).sort_values("share")[::-1]
    n, far = (worst[name].to_numpy(float) for name in ("n", "beyond"))
    likelier = n.sum() + (odds - 1) * np.append(0.0, n.cumsum())
    share = float(((far.sum() + (odds - 1) * np.append(0.0, far.cumsum())) / likelier).max())
    return max((1 + len(beyond) * share) / (1 + len(beyond)), one.floor)


def find_unequal_odds(one: Yardstick) -> float:
    """Return how unequally likely authorities must have been for p to reach 5 in 100.

    Firpo and Possebom (2018, Journal of Causal Inference 6:2), of this outcome's own draws,
    before allowing for other outcomes and programmes; found by bisection, no further than
    `MOST_ODDS`. Missing where p is 5 in 100 already, or where draws are not held to authorities.
    """
    low, high = 1.0, MOST_ODDS
    if not one.cities or find_worst_share(one, low) > LEVEL:
        return float("nan")
    if find_worst_share(one, high) <= LEVEL:
        return high
    while high - low > 1e-9:
        middle = (low + high) / 2
        low, high = (middle, high) if find_worst_share(one, middle) <= LEVEL else (low, middle)
    return low


def half_width(chance: Numbers, level: float = LEVEL) -> float:
    """How far an estimate must be from zero for the share of draws as far to fall to `level`.

    The interval by inversion is the estimate give or take this: the sizes of true effect that
    fewer than 19 in 20 placebo programmes would contradict.
    """
    ranked = np.sort(np.abs(chance[np.isfinite(chance)]))
    place = int(np.floor(level * (1 + len(ranked)) + 1e-9)) - 1
    return float(ranked[len(ranked) - max(place, 0) - 1]) if len(ranked) else float("inf")


def smallest_detectable(chance: Numbers, line: float) -> float:
    """Return the true effect that would be told from chance this often, in the draws' own unit.

    `line` is how far an estimate must be from zero to be called; the effect sought moves the
    placebo programmes (`chance`) past it in `POWER` of them. Gains and losses are asked of both
    tails and the larger answer given. Missing with fewer than 99 draws, which cannot show a p of 5
    in 100 with any certainty, or where draws do not vary.
    """
    drawn = chance[np.isfinite(chance)]
    if len(drawn) < FEWEST_DRAWS or not drawn.max() > drawn.min():
        return float("nan")
    gain = line - np.quantile(drawn, 1 - POWER)
    loss = line + np.quantile(drawn, POWER)
    return float(max(gain, loss))


@dataclass(frozen=True)
class Judged:
    """What a yardstick comes to among all those of a report.

    `p` with its range over authorities resampled, `adjusted` the same for all looked at together,
    `line` how far from zero an estimate must be for `adjusted` to be 5 in 100.
    """

    p: float
    p_low: float
    p_high: float
    adjusted: float
    adjusted_low: float
    adjusted_high: float
    line: float


def judge_together(family: Sequence[Yardstick]) -> list[Judged]:
    """Judge every outcome of every programme of a report together: step-down max-T.

    From the furthest out to the nearest: the share of draws in which any not yet judged is as far
    out, never less than the one before. The interval is that of the same step; once one is not
    told from chance, all later ones have that step's, so that no interval leaves zero out while its
    p is above 5 in 100, or the other way round.
    """
    far = np.array([float(one.far(one.estimate)) for one in family])
    order = sorted(range(len(family)), key=lambda k: (-far[k], k))
    distance = np.column_stack([np.nan_to_num(family[k].far(family[k].chance)) for k in order])
    furthest = np.maximum.accumulate(distance[:, ::-1], axis=1)[:, ::-1]
    held = next((one for one in family if one.cities), family[0])  # its draws held to authorities
    found: dict[int, Judged] = {}
    worst, line = np.zeros(3), 0.0
    for step, k in enumerate(order):
        one = family[k]
        told = np.isfinite(one.chance)  # a draw without a result says nothing of this outcome
        alone = _share(one.far(one.chance[told]) >= far[k], one.city[told], one.floor)
        worst = np.maximum(worst, _share(furthest[:, step] >= far[k], held.city, one.floor))
        worst = np.maximum(worst, alone)
        if line == 0.0 or found[order[step - 1]].adjusted <= LEVEL:
            line = half_width(furthest[:, step])
        wide = line * (one.spread or 1.0)
        if worst[0] > LEVEL:  # not told from chance, if only since authorities are too few
            wide = max(wide, abs(one.estimate))
        found[k] = Judged(*map(float, (*alone, *worst, wide)))
    return [found[k] for k in range(len(family))]


def _share(beyond: NDArray[np.bool_], city: NDArray[np.int64], floor: float) -> Numbers:
    """Return the share of draws beyond and both ends of its 95% range, authorities resampled."""
    middle = float((1 + beyond.sum()) / (1 + len(beyond)))
    place = np.unique(city, return_inverse=True)[1]
    counts = np.column_stack([np.bincount(place), np.bincount(place, beyond)]).astype(float)
    if len(counts) > 1:
        picked = _resample(len(counts))
        shares = (picked @ counts[:, 1]) / (picked @ counts[:, 0])
    else:  # draws from anywhere are each their own
        shares = _seeded().binomial(len(beyond), middle, RESAMPLED) / len(beyond)
    low, high = np.quantile(shares, [0.025, 0.975])
    return np.maximum([middle, min(low, middle), max(high, middle)], floor)


def _seeded() -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(b"authorities resampled"))


@lru_cache(maxsize=8)
def _resample(authorities: int) -> Numbers:
    """Draw how often each of so many authorities is picked, the same for every estimate."""
    even = np.full(authorities, 1 / authorities)
    picked = _seeded().multinomial(authorities, even, RESAMPLED).astype(float)
    picked.setflags(write=False)
    return picked


def set_beside(
    programme: str,
    gaps: Mapping[str, Gaps],
    placebo: pd.DataFrame,
    members: Iterable[int],
    places: int = 0,
) -> list[Yardstick]:
    """Set every outcome's estimate beside its placebo draws, of so many authorities: `places`."""
    chosen, city = list(members), placebo["la"].to_numpy(np.int64)
    means = {name: mean_of(one, chosen)[0] for name, one in gaps.items()}
    return [
        Yardstick(programme, name, mean, placebo[name].to_numpy(float), city, places)
        for name, mean in means.items()
        if np.isfinite(mean)
    ]


def estimate_effects(
    family: Sequence[Yardstick],
    programme: str,
    gaps: Mapping[str, Gaps],
    members: Iterable[int],
    n_comparison: Mapping[str, int],
    *,
    mode: str = MATCHED,
) -> list[Effect]:
    """Judge every outcome of a programme among all outcomes and programmes of its report."""
    own = {outcome: (len(has_gap(one, members)), n_comparison[outcome])
           for outcome, one in gaps.items()}  # fmt: skip
    return [
        _as_effect(one, judged, gaps[one.outcome], own[one.outcome], mode)
        for one, judged in zip(family, judge_together(family), strict=True)
        if one.programme == programme
    ]


def _as_effect(
    one: Yardstick, judged: Judged, found: Gaps, counts: tuple[int, int], mode: str
) -> Effect:
    able = one.chance[np.isfinite(one.chance)]
    verdicts = {
        choose_verdict(one.estimate, p)
        for p in (judged.adjusted_low, judged.adjusted, judged.adjusted_high)
    }
    return Effect(
        programme=one.programme,
        outcome=one.outcome,
        pupils=one.outcome.partition(".")[2] or "all",
        unit=found.unit,
        estimate=one.estimate,
        low=one.estimate - judged.line,
        high=one.estimate + judged.line,
        p_placebo=judged.p,
        p_low=judged.p_low,
        p_high=judged.p_high,
        p_adjusted=judged.adjusted,
        n_schools=counts[0],
        n_comparison=counts[1],
        n_authorities=one.cities,
        n_placebo=len(able),
        mode=mode,
        baseline=" and ".join(map(str, found.baseline)),
        year=found.year,
        release=found.release,
        verdict=choose_verdict(one.estimate, judged.adjusted),
        borderline=len(verdicts) > 1,
        spread=one.spread,
        smallest=smallest_detectable(able, judged.line) if one.floor <= LEVEL else float("nan"),
        n_places=0 if one.cities else one.places,
    )


def list_numbers(table: pd.DataFrame) -> dict[str, float | int | str]:
    """Name every number of every outcome: `<outcome>.<column>`; what is missing has no name."""
    return {
        f"{row['outcome']}.{name}": value
        for row in table.to_dict("records")
        for name, value in row.items()
        if name not in {"programme", "outcome"} and pd.notna(value) and value != ""
    }


def tidy_effects(effects: Iterable[Effect]) -> pd.DataFrame:
    """Put effects into one table, one row each, in the order given."""
    names = [one.name for one in fields(Effect)]
    return pd.DataFrame([vars(effect) for effect in effects], columns=names)

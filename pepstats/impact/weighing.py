"""An uncertain effect weighed with what large trials in schools find: what a board can use of it.

Two priors stand side by side and neither can be set from outside this file. Nothing here enters an
estimate, an interval or a verdict.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import NormalDist

import pandas as pd

from pepstats.errors import DesignError
from pepstats.impact.effect_sizes import is_attainment, latest_spread
from pepstats.impact.effects import GAINED, LOST, Effect, Yardstick, find_unequal_odds
from pepstats.impact.value_for_money import MonthsTable
from pepstats.measures import MEASURES
from pepstats.schools import Panel

STANDARD = NormalDist()
LONG = 2
"""The months of progress whose chance is told beside the chance of any gain."""


@dataclass(frozen=True)
class Prior:
    """What an effect on attainment may be before looking: normal, in pupils' standard deviations.

    Raises `DesignError` for one without width, which no result could move.
    """

    name: str
    mean: float
    sd: float

    def __post_init__(self) -> None:
        """Refuse a prior that leaves nothing open."""
        if not (math.isfinite(self.mean) and 0 < self.sd < math.inf):
            raise DesignError(
                f"the prior `{self.name}` has a width of {self.sd}: no result could move it. Give "
                "it a mean and a width above zero, in pupils' standard deviations."
            )

    def above(self, size: float) -> float:
        """Return the chance of an effect larger than a size."""
        return STANDARD.cdf((self.mean - size) / self.sd)


TRIALS = Prior("trials", 0.06, 0.06)
SCEPTIC = Prior("sceptic", 0.0, 0.06)
PRIORS = (TRIALS, SCEPTIC)
"""The two priors. *Published trials*: 141 large trials of the EEF and the NCEE found 0.06 on
average (Lortie-Forgues and Inglis 2019, Educational Researcher 48:158); with twice the width 12 in
100 true effects would be 0.2 or more, and fewer than 5 in 100 of those trials so much as estimated
one. *Sceptic*: as wide, about no effect."""


@dataclass(frozen=True)
class Seen:
    """An estimate less the mean of its placebo draws, and their spread, in pupils' deviations."""

    size: float
    spread: float

    def weigh(self, prior: Prior) -> Prior:
        """Return what the effect may be after looking: the prior and a normal likelihood."""
        part = self.part(prior)
        after = prior.mean + part * (self.size - prior.mean)
        return Prior(prior.name, after, prior.sd * math.sqrt(1 - part))

    def part(self, prior: Prior) -> float:
        """Return how much of the way from a prior's mean to the estimate the result moves it."""
        return prior.sd**2 / (prior.sd**2 + self.spread**2)


def overstate(prior: Prior, seen: Seen, line: float, off: float = 0.0) -> float:
    """Return how many times the truth estimates are, on average, of those beyond a line.

    Of programmes whose true effects are as the prior has them, those called *gained*: the mean
    estimate over the mean truth. `line` is how far from zero an estimate must be and `off` the mean
    of the placebo draws, both in pupils' standard deviations.
    """
    wide = math.hypot(prior.sd, seen.spread)
    cut = (line - off - prior.mean) / wide
    called = STANDARD.cdf(-cut)
    if not called > 0:
        return math.nan
    estimate = prior.mean + wide * STANDARD.pdf(cut) / called
    truth = prior.mean + seen.part(prior) * (estimate - prior.mean)
    return (estimate + off) / truth


def find_points(outcome: str, panel: Panel, year: int, without: float) -> tuple[float, str, str]:
    """Return the points of an outcome that one pupils' standard deviation is, how, or why none.

    Of a percentage on the scale of the test behind it: the normal density at `without`, the
    percentage there would have been (37.4 points at 64%); not the standard deviation of a yes or
    no (48). Of scores what `latest_spread` knows.
    """
    if not is_attainment(outcome):
        return math.nan, "", "it is not an attainment outcome, and the trials are of those"
    if not MEASURES[outcome].percent:
        known = latest_spread(panel, outcome, year)
        return known.sd, f"pupils' standard deviation, {known.year}", known.reason
    if not 0 < without < 100:
        return math.nan, "", "the comparison schools' percentage is not between 0 and 100"
    density = STANDARD.pdf(STANDARD.inv_cdf(without / 100))
    return 100 * density, f"normal density at {without:.0f}%", ""


def weigh_effects(
    effects: Iterable[Effect],
    placebo: pd.DataFrame,
    sizes: pd.DataFrame,
    panel: Panel,
    months: MonthsTable,
) -> pd.DataFrame:
    """Weigh every effect with each prior, one row per `outcome`, or the `reason` it cannot be.

    `estimate` in `unit`; `placebo_mean`, `spread` of the placebo draws; `points_per_sd` and `how`
    it was found. For each prior: `shrunken_`, the posterior mean in `unit`; `helped_` and
    `two_months_`, the chance of any gain and of two months or more (by the `months` table), and as
    `helped_before_` and `two_months_before_` the same before looking. `overstates`: how many times
    the truth a result called *gained* is on average under the trials' prior. `unequal_odds`: see
    `find_unequal_odds`; only of what *gained* or *lost ground*.
    """
    without = sizes.set_index("outcome")["without"]
    rows = []
    for effect in effects:
        chance = placebo[effect.outcome].to_numpy(float)
        one = Yardstick(effect.programme, effect.outcome, effect.estimate, chance,
                        placebo["la"].to_numpy("int64"))  # fmt: skip
        points = find_points(effect.outcome, panel, effect.year, without[effect.outcome])
        rows.append(_row(effect, one, points, months.begins(LONG)))
    return pd.DataFrame(rows)


def _row(
    effect: Effect, one: Yardstick, points: tuple[float, str, str], long: float
) -> dict[str, object]:
    per, how, reason = points
    off, found = float(pd.Series(one.chance).mean()), math.nan
    if effect.verdict in (GAINED, LOST):
        found = find_unequal_odds(one)
    if not reason and not effect.spread > 0:
        reason = "placebo programmes do not differ, so chance has no measure"
    row: dict[str, object] = {
        "outcome": effect.outcome, "unit": effect.unit, "estimate": effect.estimate,
        "placebo_mean": off, "spread": effect.spread, "points_per_sd": per, "how": how,
    }  # fmt: skip
    seen = Seen((effect.estimate - off) / per, effect.spread / per)
    for prior in PRIORS:
        after = prior if reason else seen.weigh(prior)
        told = {
            "shrunken": after.mean * per,
            "helped": after.above(0.0), "helped_before": prior.above(0.0),
            "two_months": after.above(long), "two_months_before": prior.above(long),
        }  # fmt: skip
        row |= {f"{name}_{prior.name}": math.nan if reason else n for name, n in told.items()}
    line = (effect.high - effect.estimate) / per
    row["overstates"] = math.nan if reason else overstate(TRIALS, seen, line, off / per)
    return row | {"unequal_odds": found, "reason": reason}

"""All ways of making the same comparison at once: one figure, and one p for the lot.

A specification curve (Simonsohn, Simmons and Nelson 2020, Nature Human Behaviour 4:1208): their
first statistic, the median estimate over all specifications, held against the same median of
programmes in which nothing was done. Those are the headline's made-up programmes, each put through
every specification.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pepstats.effects import Effect, half_width, placebo_p
from pepstats.setting import Row, signed
from pepstats.trials import Tried

JOINED = ("headline", "comparison", "sum")
"""Kinds of check that ask the same question of the same schools, so that their median means one
thing. Those that leave earlier results aside are off in a known direction."""

FEWEST_WAYS = 3


@dataclass(frozen=True)
class Curve:
    """The median estimate over `n` ways of making the comparison, and how chance would move it.

    `p` is the share of made-up programmes whose own median over the same ways is at least as far
    from nought; `low` and `high` the 95% interval by inversion; `same_way` how many ways point the
    way the median does.
    """

    n: int
    median: float
    low: float
    high: float
    p: float
    lowest: float
    highest: float
    same_way: int

    def row(self, headline: Effect) -> Row:
        """Give the curve as a check, to stand beside the headline."""
        return Row(
            f"the middle of {self.n} ways of comparing", self.median, self.low, self.high, self.p,
            headline.n_schools, headline.n_comparison, kind="together",
            note=f"{signed(self.lowest)} to {signed(self.highest)}, {self.same_way} the same way;"
            " one p for all, from the same made-up programmes",
        )  # fmt: skip

    def numbers(self) -> dict[str, float | int]:
        """Name each number, as `numbers.json` of the checks has it."""
        return {f"curve.{name}": value for name, value in vars(self).items()}


def join_ways(tried: Sequence[Tried]) -> Curve | None:
    """Join the ways that could be made into one curve; none where they are too few for a middle."""
    ways = [one for one in tried if one.row.kind in JOINED and one.made_up is not None]
    if len(ways) < FEWEST_WAYS:
        return None
    seen = np.array([one.row.estimate for one in ways])
    drawn = np.column_stack([one.made_up for one in ways if one.made_up is not None])
    some = ~np.isnan(drawn).all(axis=1)
    chance = np.nanmedian(drawn[some], axis=1)
    median = float(np.median(seen))
    wide = half_width(chance)
    return Curve(
        n=len(ways), median=median, low=median - wide, high=median + wide,
        p=placebo_p(median, chance), lowest=float(seen.min()), highest=float(seen.max()),
        same_way=int((np.sign(seen) == np.sign(median)).sum()),
    )  # fmt: skip

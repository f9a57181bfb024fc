"""What every check of a programme's effect is tried on, and the row that each leaves."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pepstats.errors import DesignError
from pepstats.impact import (
    MATCHED,
    Effect,
    Evaluation,
    Gaps,
    PlaceboDraws,
    draw_placebo,
    half_width,
    mark_low,
    placebo_p,
)
from pepstats.matching import Match, Pool, mark_free
from pepstats.schools import Panel
from pepstats.settings import Programme

FEWEST_MEMBERS = 4
"""Of fewer schools no estimate is shown (the Fund's own smallest bid was four)."""


@dataclass(frozen=True)
class CheckRow:
    """One check: an estimate with its 95% interval, or the reason there is none.

    `kind` is one of `CHECK_KINDS`; `estimate`, `low` and `high` are in the outcome's own unit,
    missing where a `reason` is given; `p` is missing where a check has none of its own. `note` says
    how a check is made; what else it found, in figures of schools' results, is its `detail`.
    `chance` has one estimate per placebo draw of the headline, where a check is made on these too.
    `shares` has the part of each school's own result of the outcome year in the estimate, where
    that is known: what a reader could work back from.
    """

    check: str = ""
    estimate: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    p: float = float("nan")
    n_schools: int = 0
    n_comparison: int = 0
    note: str = ""
    detail: str = ""
    reason: str = ""
    kind: str = ""
    chance: NDArray[np.float64] | None = field(default=None, repr=False, compare=False)
    shares: pd.Series | None = field(default=None, repr=False, compare=False)

    def tidy(self) -> pd.DataFrame:
        """Return one row of the table of checks; a reason stands in the note."""
        note = f"cannot be made: {self.reason}" if self.reason else self.note
        return pd.DataFrame([{
            "kind": self.kind, "check": self.check, "estimate": self.estimate, "low": self.low,
            "high": self.high, "p": self.p, "n_schools": self.n_schools,
            "n_comparison": self.n_comparison, "note": note, "detail": self.detail,
        }])  # fmt: skip


@dataclass(frozen=True)
class Headline:
    """A programme's headline with all it was made from: what each check changes one thing of.

    `members` has index `school`, with `dose` and `also_in` (how many other programmes each is in);
    `barred` are the members of all programmes. `gaps` are the primary outcome's, `yardstick` those
    that chance is measured by (the same but in October, when they are last year's), `draws` the
    placebo draws, `chance` their estimates and `effect` the headline. `similar` are the pairs of
    published lists (`list`, `school`, `similar`). `matches` keeps the pools and matches that checks
    have made, by what decides them, for others to share.
    """

    programme: Programme
    year: int
    panel: Panel = field(repr=False)
    register: pd.DataFrame = field(repr=False)
    members: pd.DataFrame = field(repr=False)
    barred: tuple[int, ...] = field(repr=False)
    pool: Pool = field(repr=False)
    match: Match = field(repr=False)
    gaps: Gaps = field(repr=False)
    yardstick: Gaps = field(repr=False)
    draws: PlaceboDraws = field(repr=False)
    chance: NDArray[np.float64] = field(repr=False)
    effect: Effect
    similar: pd.DataFrame = field(repr=False)
    matches: dict[tuple[object, ...], tuple[Pool, Match]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @property
    def outcome(self) -> str:
        """The outcome fixed beforehand, which checks are made on."""
        return self.programme.primary

    @property
    def chosen(self) -> tuple[int, ...]:
        """The programme's schools."""
        return tuple(int(school) for school in self.members.index)

    @property
    def free(self) -> NDArray[np.bool_]:
        """Which schools of the pool may be comparison schools."""
        return mark_free(self.pool, self.programme.pool, self.barred)

    @property
    def home(self) -> int:
        """The authority that most of the programme's schools are in."""
        return int(self.pool.schools["la"].reindex(self.members.index).mode().iloc[0])

    def judge(
        self,
        row: CheckRow,
        chance: NDArray[np.float64],
        *,
        cities: int | None = None,
        keep: bool = True,
    ) -> CheckRow:
        """Return a check's row with its p and interval, from placebo programmes' estimates.

        Its interval is widened as the headline's is, which is judged together with the report's
        other outcomes and programmes. Where draws are the headline's own they are kept (`keep`).
        """
        wide = half_width(chance) * self.widened
        p = placebo_p(row.estimate, chance, self.draws.usable if cities is None else cities)
        return replace(row, low=row.estimate - wide, high=row.estimate + wide, p=p,
                       chance=chance if keep else None)  # fmt: skip

    @property
    def widened(self) -> float:
        """How much wider the headline's interval is for what it is judged together with."""
        return (self.effect.high - self.effect.low) / 2 / half_width(self.chance)

    def need_others(self) -> None:
        """Refuse, in October, what cannot be done before other schools' results are out."""
        if self.effect.mode != MATCHED:
            raise DesignError(f"other schools' results of {self.year} are not published yet")

    def draw(self, gaps: Gaps, members: Iterable[int], purpose: str) -> PlaceboDraws:
        """Draw placebo programmes like some members, of the schools that some gaps are of."""
        low = mark_low(self.programme, self.panel, gaps, self.chosen)
        return draw_placebo(gaps, low, members, barred=self.barred, rng=self.rng(purpose),
                            draws=self.programme.placebo.draws)  # fmt: skip

    def rng(self, purpose: str) -> np.random.Generator:
        """Return a check's own random numbers, so that adding a check moves no other's."""
        return np.random.default_rng([self.programme.seed, zlib.crc32(purpose.encode())])


def make_headline(evaluation: Evaluation) -> Headline:
    """Put together what a programme's checks are tried on, from its evaluation."""
    inputs, design, measured = evaluation.inputs, evaluation.design, evaluation.measured
    primary = evaluation.programme.primary
    return Headline(
        programme=evaluation.programme,
        year=inputs.year,
        panel=inputs.panel,
        register=inputs.register,
        members=inputs.members.reindex(list(design.members)),
        barred=design.barred,
        pool=design.pool,
        match=design.match,
        gaps=measured.gaps[primary],
        yardstick=measured.yardstick[primary],
        draws=evaluation.draws,
        chance=evaluation.placebo[primary].to_numpy(float),
        effect=evaluation.primary,
        similar=inputs.similar,
    )

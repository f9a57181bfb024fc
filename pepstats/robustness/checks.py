"""Every check of a programme's effect, in one list, and what all ways say together.

A new check is a function that takes the headline and returns its row, and a line of `CHECKS`.

All ways of making the same comparison are joined in a specification curve (Simonsohn, Simmons and
Nelson 2020, Nature Human Behaviour 4:1208): their first statistic, the median estimate over all
specifications, held against the same median of the headline's placebo draws, each put through
every specification.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import pandas as pd

from pepstats.errors import DesignError, as_reason
from pepstats.formatting import CHECK_KINDS, format_signed
from pepstats.impact import Effect, Gaps, half_width, placebo_p, weighted_mean
from pepstats.robustness.bracket import (
    compare_all,
    judge_whole_authorities,
    less_own_city,
    pick_earlier,
)
from pepstats.robustness.choices import (
    Choice,
    first_choice,
    list_comparisons,
    list_earlier,
    try_choice,
    try_untouched,
)
from pepstats.robustness.headline import CheckRow, Headline
from pepstats.robustness.methods import (
    balanced_did,
    doubly_robust_did,
    event_study,
    matched_did,
    synthetic_did,
)
from pepstats.robustness.sensitivity import (
    suppose_contamination,
    suppose_drift,
    suppose_selection,
    suppose_unpublished,
)


@dataclass(frozen=True)
class Check:
    """One check: `make` returns its row, or raises `DesignError` where it cannot be made.

    `kind` is one of `CHECK_KINDS`; where `needs_others`, it waits for other schools' results.
    """

    name: str
    kind: str
    make: Callable[[Headline], CheckRow]
    needs_others: bool = False

    def try_on(self, headline: Headline) -> CheckRow:
        """Make the check, or say why it cannot be made."""
        try:
            if self.needs_others:
                headline.need_others()
            row = self.make(headline)
        except DesignError as error:
            row = CheckRow(reason=as_reason(error))
        return replace(row, check=row.check or self.name, kind=self.kind)


CHECKS = (
    Check("set against the authority's own other schools", "bracket", less_own_city, True),
    Check("whole authorities, scaled by their size", "sum", judge_whole_authorities),
    Check("similar in circumstances, not in earlier results", "bracket",
          partial(compare_all, alike=True), True),
    Check("all other schools, not matched", "bracket", partial(compare_all, alike=False), True),
    Check("matched difference in differences", "method", matched_did, True),
    Check("entropy balancing", "method", balanced_did, True),
    Check("doubly robust difference in differences", "method", doubly_robust_did, True),
    Check("synthetic difference in differences", "method", synthetic_did, True),
    Check("event study, one year kept out of the matching", "method", event_study, True),
    Check("schools chosen in the same way in an earlier year, against all England", "before",
          partial(pick_earlier, matched=False)),
    Check("schools chosen in the same way in an earlier year, against comparison schools", "before",
          partial(pick_earlier, matched=True)),
    Check("1 in 10 comparison schools had such support too", "doubt",
          partial(suppose_contamination, share=0.1), True),
    Check("1 in 4 comparison schools had such support too", "doubt",
          partial(suppose_contamination, share=0.25), True),
    Check("unpublished results as low as they could be", "doubt",
          partial(suppose_unpublished, best=False)),
    Check("unpublished results as high as they could be", "doubt",
          partial(suppose_unpublished, best=True)),
    Check("a hidden reason to be picked, at odds of 1.5 to 1", "doubt",
          partial(suppose_selection, odds=1.5), True),
    Check("drifting apart as fast as before the start", "doubt", suppose_drift, True),
)  # fmt: skip
"""Checks that any programme has. Those that depend on its file are its choices (`choices.py`)."""


def list_checks(headline: Headline) -> list[Check]:
    """List a programme's checks: its own choices with one thing changed, then `CHECKS`."""
    choices = [
        first_choice(headline), *list_comparisons(headline), *list_members(headline),
        *list_earlier(headline),
    ]  # fmt: skip
    own = [Check(one.check, one.kind, partial(try_choice, one)) for one in choices]
    untouched = [
        Check(f"must not move: {outcome}", "untouched", partial(try_untouched, outcome), True)
        for outcome in headline.programme.must_not_move
    ]
    return [*own, *untouched, *CHECKS]


JOINED = ("headline", "comparison", "sum")
"""Kinds of check that ask the same question of the same schools, so that their median means one
thing. Those that leave earlier results aside are off in a known direction."""

FEWEST_WAYS = 3


@dataclass(frozen=True)
class Curve:
    """The median estimate over `n` ways of making the comparison, and how chance would move it.

    `p` is the share of placebo draws whose own median over the same ways is at least as far from
    zero; `low` and `high` the 95% interval by inversion; `same_way` how many ways point the
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

    def row(self, headline: Effect) -> CheckRow:
        """Return the curve as a check, to stand beside the headline."""
        return CheckRow(
            f"the middle of {self.n} ways of comparing", self.median, self.low, self.high, self.p,
            headline.n_schools, headline.n_comparison, kind="together",
            note="one share for all, from the same groups without the programme",
            detail=f"{format_signed(self.lowest)} to {format_signed(self.highest)}, "
            f"{self.same_way} the same way",
        )  # fmt: skip


def join_ways(rows: Sequence[CheckRow], cities: int = 0, widened: float = 1.0) -> Curve | None:
    """Join the ways that could be made into one curve; none where they are too few for a middle."""
    ways = [(r.estimate, r.chance) for r in rows if r.kind in JOINED and r.chance is not None]
    if len(ways) < FEWEST_WAYS:
        return None
    seen = np.array([estimate for estimate, _ in ways])
    drawn = np.column_stack([chance for _, chance in ways])
    some = ~np.isnan(drawn).all(axis=1)
    chance = np.nanmedian(drawn[some], axis=1)
    median = float(np.median(seen))
    wide = half_width(chance) * widened
    return Curve(
        n=len(ways), median=median, low=median - wide, high=median + wide,
        p=placebo_p(median, chance, cities), lowest=float(seen.min()), highest=float(seen.max()),
        same_way=int((np.sign(seen) == np.sign(median)).sum()),
    )  # fmt: skip


SHUFFLES = 999
"""How often doses are shuffled among the members."""


@dataclass(frozen=True)
class Checked:
    """All checks of one programme's effect.

    Attributes
    ----------
    table
        One row per check, the headline first: `kind`, `check`, `outcome`, `estimate`, `low`,
        `high`, `p`, `n_schools`, `n_comparison`, `note`, `detail`.
    curve
        What all ways of making the same comparison say together; none where only one could be made.
    without
        The estimate without each member in turn: see `leave_one_out`.
    shares
        The part of each school's own result in each estimate of the outcome year, where that is
        known: `check`, `school`, `share`. What may be shown before results are published rests on
        it.
    """

    table: pd.DataFrame = field(repr=False)
    curve: Curve | None
    without: pd.DataFrame = field(repr=False)
    shares: pd.DataFrame = field(repr=False)

    @property
    def numbers(self) -> dict[str, float | int]:
        """Every number of the curve by its name in `numbers.json`."""
        curve = vars(self.curve) if self.curve is not None else {}
        return {f"curve.{name}": value for name, value in curve.items()}


def check_effect(headline: Headline, checks: Iterable[Check] | None = None) -> Checked:
    """Make a programme's checks, the headline first: all, or those of a list."""
    listed = list_checks(headline) if checks is None else checks
    rows = [check.try_on(headline) for check in listed]
    joined = join_ways(rows, headline.draws.usable, headline.widened)
    if joined is not None:
        rows.append(joined.row(headline.effect))
    table = pd.concat([row.tidy() for row in rows], ignore_index=True)
    table = table.sort_values(
        "kind", key=lambda kinds: kinds.map(list(CHECK_KINDS).index), kind="stable",
        ignore_index=True,
    )  # fmt: skip
    table.insert(2, "outcome", headline.outcome)
    without = leave_one_out(headline.gaps, headline.chosen)
    return Checked(table, joined, without, _list_shares(rows))


def _list_shares(rows: Iterable[CheckRow]) -> pd.DataFrame:
    parts = [
        row.shares.reset_index().assign(check=row.check) for row in rows if row.shares is not None
    ]
    return pd.concat(parts, ignore_index=True)[["check", "school", "share"]]


def list_members(headline: Headline) -> list[Choice]:
    """List the parts of the programme's schools that are estimated alone."""
    first = replace(first_choice(headline), kind="schools")
    table = headline.members
    urns = headline.register["urns"].reindex(table.index).astype("str")
    parts = {
        "only schools that kept their number": ~urns.str.contains(" "),
        "only schools in no other programme": ~(table["also_in"] > 0),
    }
    without = leave_one_out(headline.gaps, headline.chosen)
    moved = without["estimate"].sort_index()
    for words, school in (("lowest", moved.idxmin()), ("highest", moved.idxmax())):
        left = pd.Series(table.index != school, index=table.index)
        parts[f"one school left out, the {words} estimate"] = left
    found = [
        replace(first, check=name, members=_keep(kept),
                note="all of them, so the headline again" if kept.all() else "")
        for name, kept in parts.items()
    ]  # fmt: skip
    return found[:2] + _part_by_dose(headline, first) + found[2:]


def _keep(kept: pd.Series) -> tuple[int, ...]:
    return tuple(int(school) for school in kept.index[kept.to_numpy(bool)])


def _part_by_dose(headline: Headline, first: Choice) -> list[Choice]:
    """Divide the members by how much support they had, where the programme's file says."""
    dose = pd.to_numeric(headline.members["dose"], errors="coerce").dropna()
    why = "" if len(dose) else "the programme's file says of no school how much it had"
    if not why and dose.nunique() < 2:
        why = "the programme's file says the same of every school"
    middle = float(dose.median()) if len(dose) else 0.0
    note = "" if why else f"divided at {middle:g} days"
    slope = "" if why else _slope_words(headline, dose)
    return [
        replace(first, check=name, members=_keep(kept), note=note, detail=slope, why_not=why)
        for name, kept in (
            ("schools that had more support", dose > middle),
            ("schools that had less support", dose <= middle),
        )
    ]


def _slope_words(headline: Headline, dose: pd.Series) -> str:
    """Regress the gap on the dose among members, and count how often shuffled doses do so."""
    own = headline.gaps.table[["gap", "weight"]].reindex(dose.index).dropna()
    amount = dose.reindex(own.index).to_numpy(float)
    if len(own) < 3 or not np.ptp(amount) > 0:
        return "too few with a result for a slope"
    weight = own["weight"].to_numpy() / own["weight"].sum()
    away = weight * (own["gap"].to_numpy() - weight @ own["gap"].to_numpy())
    rng = headline.rng("dose")
    shuffled = np.vstack([amount, rng.permuted(np.tile(amount, (SHUFFLES, 1)), axis=1)])
    centred = shuffled - (shuffled @ weight)[:, None]
    slope = (centred @ away) / (centred**2 @ weight)
    p = float(np.mean(np.abs(slope) >= abs(slope[0]) * (1 - 1e-12)))
    often = f"p {p:.2f}" if p >= 0.005 else "p under 0.01"
    each = f"each extra day is associated with {format_signed(slope[0], 2)}"
    return f"{each}, {often} over shuffled days"


def leave_one_out(found: Gaps, members: Iterable[int]) -> pd.DataFrame:
    """Estimate again without each member in turn: index `school`, `estimate`, `moved_by`."""
    rows = np.flatnonzero(found.table.index.isin(list(members)) & found.table["gap"].notna())
    whole = float(weighted_mean(found, rows)[0])
    without = [float(weighted_mean(found, np.delete(rows, i))[0]) for i in range(len(rows))]
    table = pd.DataFrame({"estimate": without}, index=found.table.index[rows])
    return table.assign(moved_by=table["estimate"] - whole)

"""All ways of making the same comparison at once: one figure, and one p for the lot.

A specification curve (Simonsohn, Simmons and Nelson 2020, Nature Human Behaviour 4:1208): their
first statistic, the median estimate over all specifications, held against the same median of
programmes in which nothing was done. Those are the headline's made-up programmes, each put through
every specification.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from pepstats.errors import DesignError, as_reason
from pepstats.formatting import CHECK_KINDS, format_signed
from pepstats.impact import Effect, Gaps, half_width, placebo_p, weighted_mean
from pepstats.robustness.bracket import match_on_circumstances, pick_earlier
from pepstats.robustness.choices import (
    Choice,
    MadeDraws,
    TriedChoice,
    first_choice,
    list_comparisons,
    list_earlier,
    try_choice,
)
from pepstats.robustness.headline import CheckRow, Headline
from pepstats.robustness.hidden import check_hidden_bias
from pepstats.robustness.methods import EventStudy, compare_by_methods, row_of_study, study_held_out

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

    def row(self, headline: Effect) -> CheckRow:
        """Give the curve as a check, to stand beside the headline."""
        return CheckRow(
            f"the middle of {self.n} ways of comparing", self.median, self.low, self.high, self.p,
            headline.n_schools, headline.n_comparison, kind="together",
            note=f"{format_signed(self.lowest)} to {format_signed(self.highest)}, "
            f"{self.same_way} the same way; one p for all, from the same made-up programmes",
        )  # fmt: skip

    def numbers(self) -> dict[str, float | int]:
        """Name each number, as `numbers.json` of the checks has it."""
        return {f"curve.{name}": value for name, value in vars(self).items()}


def join_ways(tried: Sequence[TriedChoice]) -> Curve | None:
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


SHUFFLES = 999
"""How often doses are shuffled among the members."""


@dataclass(frozen=True)
class Checked:
    """All checks of one programme's effect.

    Attributes
    ----------
    table
        One row per check, the headline first: `kind`, `check`, `outcome`, `estimate`, `low`,
        `high`, `p`, `n_schools`, `n_comparison`, `note`.
    curve
        What all ways of making the same comparison say together; none where only one could be made.
    without
        The estimate without each member in turn: see `leave_one_out`.
    numbers
        The curve's numbers by name.
    """

    table: pd.DataFrame = field(repr=False)
    curve: Curve | None
    without: pd.DataFrame = field(repr=False)

    @property
    def numbers(self) -> dict[str, float | int]:
        """Name every number of the curve."""
        return self.curve.numbers() if self.curve is not None else {}


def check_effect(setting: Headline) -> Checked:
    """Make every check of a programme's effect, the headline first, none hidden."""
    made: MadeDraws = {}
    first = first_choice(setting)
    tried = [try_choice(choice, setting, made) for choice in (first, *list_comparisons(setting))]
    without = leave_one_out(setting.gaps, setting.chosen)
    earlier = [try_choice(one, setting, made).row for one in list_earlier(setting)]
    study = _study(setting, made)
    joined = join_ways(tried)
    rows = [
        *(one.row for one in tried), *([joined.row(setting.effect)] if joined else []),
        *(one.row for one in match_on_circumstances(setting)),
        *compare_by_methods(setting), _row_of(study, setting),
        *(try_choice(one, setting, made).row for one in list_members(setting, without)),
        *earlier, *pick_earlier(setting, made),
        *check_hidden_bias(setting, study),
    ]  # fmt: skip
    table = pd.concat([row.tidy() for row in rows], ignore_index=True)
    order = table["kind"].map(list(CHECK_KINDS).index).sort_values(kind="stable").index
    table = table.loc[order].reset_index(drop=True)
    table.insert(2, "outcome", setting.outcome)
    return Checked(table, joined, without)


def list_members(setting: Headline, without: pd.DataFrame) -> list[Choice]:
    """List the parts of the programme's schools that are estimated alone."""
    first = replace(first_choice(setting), kind="schools")
    table = setting.members
    urns = setting.register["urns"].reindex(table.index).astype("str")
    parts = {
        "only schools that kept their number": ~urns.str.contains(" "),
        "only schools in no other programme": ~(table["also_in"] > 0),
    }
    moved = without["estimate"].sort_index()
    for words, school in (("lowest", moved.idxmin()), ("highest", moved.idxmax())):
        left = pd.Series(table.index != school, index=table.index)
        parts[f"one school left out, the {words} estimate"] = left
    found = [
        replace(first, check=name, members=_keep(kept),
                note="all of them, so the headline again" if kept.all() else "")
        for name, kept in parts.items()
    ]  # fmt: skip
    return found[:2] + _part_by_dose(setting, first) + found[2:]


def _keep(kept: pd.Series) -> tuple[int, ...]:
    return tuple(int(school) for school in kept.index[kept.to_numpy(bool)])


def _part_by_dose(setting: Headline, first: Choice) -> list[Choice]:
    """Part the members by how much support they had, where the programme's file says."""
    dose = pd.to_numeric(setting.members["dose"], errors="coerce").dropna()
    why = "" if len(dose) else "the programme's file says of no school how much it had"
    if not why and dose.nunique() < 2:
        why = "the programme's file says the same of every school"
    middle = float(dose.median()) if len(dose) else 0.0
    note = "" if why else f"a dose of {middle:g} parts them; {_slope_words(setting, dose)}"
    return [
        replace(first, check=name, members=_keep(kept), note=note, why_not=why)
        for name, kept in (
            ("schools that had more support", dose > middle),
            ("schools that had less support", dose <= middle),
        )
    ]


def _slope_words(setting: Headline, dose: pd.Series) -> str:
    """Say how the gap goes with the dose among members, and how often shuffled doses do so."""
    own = setting.gaps.table[["gap", "weight"]].reindex(dose.index).dropna()
    amount = dose.reindex(own.index).to_numpy(float)
    if len(own) < 3 or not np.ptp(amount) > 0:
        return "too few with a result for a slope"
    weight = own["weight"].to_numpy() / own["weight"].sum()
    away = weight * (own["gap"].to_numpy() - weight @ own["gap"].to_numpy())
    rng = setting.rng("dose")
    shuffled = np.vstack([amount, rng.permuted(np.tile(amount, (SHUFFLES, 1)), axis=1)])
    centred = shuffled - (shuffled @ weight)[:, None]
    slope = (centred @ away) / (centred**2 @ weight)
    p = float(np.mean(np.abs(slope) >= abs(slope[0]) * (1 - 1e-12)))
    often = f"p {p:.2f}" if p >= 0.005 else "p under 0.01"
    return f"each unit more goes with {format_signed(slope[0], 2)} ({often}, doses shuffled)"


def leave_one_out(found: Gaps, members: Iterable[int]) -> pd.DataFrame:
    """Estimate again without each member in turn: index `school`, `estimate`, `moved_by`."""
    rows = np.flatnonzero(found.table.index.isin(list(members)) & found.table["gap"].notna())
    whole = float(weighted_mean(found, rows)[0])
    without = [float(weighted_mean(found, np.delete(rows, i))[0]) for i in range(len(rows))]
    table = pd.DataFrame({"estimate": without}, index=found.table.index[rows])
    return table.assign(moved_by=table["estimate"] - whole)


def _study(setting: Headline, made: MadeDraws) -> EventStudy | str:
    """Give the event study with a held-out year, or why there is none."""
    try:
        return study_held_out(setting, made)
    except DesignError as error:
        return as_reason(error)


def _row_of(study: EventStudy | str, setting: Headline) -> CheckRow:
    if isinstance(study, str):
        return CheckRow("event study, one year kept out of the matching", reason=study)
    return row_of_study(study, setting.year)

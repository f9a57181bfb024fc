"""The same effect under other choices and by other methods: what moves the headline, what not.

One tidy table, one row per check, the headline first. A check that cannot be made keeps its row,
with the reason in its note.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from pepstats import bracket, choices, curve, doubts, methods, placebo, trials
from pepstats.choices import HEADLINE, Choice
from pepstats.errors import DesignError
from pepstats.gaps import Gaps
from pepstats.peers import EventStudy
from pepstats.setting import KINDS, Row, Setting, plain, set_up, signed
from pepstats.trials import Made

__all__ = ["HEADLINE", "Checked", "check_effect", "leave_one_out", "set_up"]

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
    curve: curve.Curve | None
    without: pd.DataFrame = field(repr=False)

    @property
    def numbers(self) -> dict[str, float | int]:
        """Name every number of the curve."""
        return self.curve.numbers() if self.curve is not None else {}


def check_effect(setting: Setting) -> Checked:
    """Make every check of a programme's effect, the headline first, none hidden."""
    made: Made = {}
    first = choices.first_choice(setting)
    tried = [
        trials.try_choice(choice, setting, made)
        for choice in (first, *choices.list_comparisons(setting))
    ]
    without = leave_one_out(setting.gaps, setting.chosen)
    earlier = [trials.try_choice(one, setting, made).row for one in choices.list_earlier(setting)]
    study = _study(setting, made)
    joined = curve.join_ways(tried)
    rows = [
        *(one.row for one in tried), *([joined.row(setting.effect)] if joined else []),
        *(one.row for one in bracket.leave_results_aside(setting)),
        *methods.compare_by_methods(setting), _row_of(study, setting),
        *(trials.try_choice(one, setting, made).row for one in list_members(setting, without)),
        *earlier, *bracket.pick_earlier(setting, made),
        *doubts.doubt_effect(setting, study),
    ]  # fmt: skip
    table = pd.concat([row.tidy() for row in rows], ignore_index=True)
    order = table["kind"].map(list(KINDS).index).sort_values(kind="stable").index
    table = table.loc[order].reset_index(drop=True)
    table.insert(2, "outcome", setting.outcome)
    return Checked(table, joined, without)


def list_members(setting: Setting, without: pd.DataFrame) -> list[Choice]:
    """List the parts of the programme's schools that are estimated alone."""
    first = replace(choices.first_choice(setting), kind="schools")
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


def _part_by_dose(setting: Setting, first: Choice) -> list[Choice]:
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


def _slope_words(setting: Setting, dose: pd.Series) -> str:
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
    return f"each unit more goes with {signed(slope[0], 2)} ({often}, doses shuffled)"


def leave_one_out(found: Gaps, members: Iterable[int]) -> pd.DataFrame:
    """Estimate again without each member in turn: index `school`, `estimate`, `moved_by`."""
    rows = np.flatnonzero(found.table.index.isin(list(members)) & found.table["gap"].notna())
    whole = float(placebo.weighted_mean(found, rows)[0])
    without = [float(placebo.weighted_mean(found, np.delete(rows, i))[0]) for i in range(len(rows))]
    table = pd.DataFrame({"estimate": without}, index=found.table.index[rows])
    return table.assign(moved_by=table["estimate"] - whole)


def _study(setting: Setting, made: Made) -> EventStudy | str:
    """Give the event study with a held-out year, or why there is none."""
    try:
        return methods.study_held_out(setting, made)
    except DesignError as error:
        return plain(error)


def _row_of(study: EventStudy | str, setting: Setting) -> Row:
    if isinstance(study, str):
        return Row("event study, one year kept out of the matching", reason=study)
    return methods.row_of_study(study, setting.year)

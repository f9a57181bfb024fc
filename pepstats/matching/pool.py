"""The pool: the schools that can be compared, and who was left out of it by which rule."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pepstats.errors import DesignError
from pepstats.measures import MEASURES, PUPILS_START, whole_of
from pepstats.schools.panel import Panel
from pepstats.settings import PHASES, STAGES, MatchRule, Programme

OTHER_THINGS_COUNT = 0.5
"""Weight in the distance of anything but an outcome's own earlier years.

Earlier results say most about later ones; on real England a cohort counted in full crowds them
out (the estimate's spread over placebo programmes is smaller at a half than at zero or one).
"""


NEARLY_ALL = 0.95
"""What so many schools have is matched on; the others are left out by a rule, counted."""


@dataclass(frozen=True)
class Pool:
    """Schools that can be compared, what they are compared on, and who was left out by which rule.

    Attributes
    ----------
    schools
        Index `school`; `la`, the exact keys, then one column per matched variable, in published
        units (`rwm_expected 2017`, `cohort 2017`).
    flow
        One row per rule in the order applied: `step`, `left_out`, `kept`, `members_kept`.
    left_out
        Index `school`: the rule that left it out, as `reason`.
    scales
        Index variable: its `spread` over the pool and its `weight` in the distance.
    """

    schools: pd.DataFrame
    flow: pd.DataFrame
    left_out: pd.DataFrame
    scales: pd.DataFrame


def before_start(panel: Panel, starts: int) -> Panel:
    """Return the part of a panel from before a programme's first results: all matching may see."""
    early = panel.values.index.get_level_values("year") < starts
    return Panel(
        panel.values[early], panel.reasons[early], panel.releases[panel.releases.index < starts]
    )


@dataclass(frozen=True)
class MatchBasis:
    """What schools are matched on: a rule, and the phase, outcomes and baseline years it is for."""

    rule: MatchRule
    phase: str
    outcomes: tuple[str, ...]
    baseline: tuple[int, ...]

    @classmethod
    def of(cls, programme: Programme) -> MatchBasis:
        """Take what a programme's file says."""
        return cls(programme.match, programme.phase, programme.outcomes, programme.baseline)

    def variables(self) -> list[tuple[str, int]]:
        """List measures with years: every baseline year of an outcome, else the last one."""
        years, own = sorted(self.baseline), self.measured
        return [(m, y) for m in self.rule.near for y in (years if m in own else years[-1:])]

    @property
    def measured(self) -> set[str]:
        """The outcomes, of all pupils even where one is a group's: matched on in every year."""
        return {*self.outcomes, *map(whole_of, self.outcomes)}


def find_pool(
    before: Panel, register: pd.DataFrame, basis: MatchBasis, members: Iterable[int] = ()
) -> Pool:
    """Find the schools that can be compared, leaving others out by named rules, all counted."""
    _check_known(before, basis)
    rule, phase = basis.rule, basis.phase
    known = [*basis.variables(), *list_start(before, register, basis)]
    schools = register.sort_index().loc[:, ["la", *rule.exact]]
    columns = {f"{m} {y}": before.wide(m).reindex(schools.index)[y] for m, y in known}
    why_none = {
        f"{m} {y}": before.reasons[m].unstack("year").reindex(schools.index)[y] for m, y in known
    }
    reasons = pd.DataFrame(why_none, index=schools.index).fillna("not in the files")
    phases = register["phase"].reindex(schools.index)
    schools = schools.assign(**columns)
    rules = [
        (f"not a mainstream school with {phase} results", ~phases.isin(PHASES[phase])),
        ("an independent school", _are_independent(register, schools.index)),
        ("authority not known", ~(schools["la"] > 0)),
        *(
            (f"{key} not known", schools[key].isna() | schools[key].eq("unknown"))
            for key in rule.exact
        ),
        *(
            (f"no {name}: {why}", schools[name].isna() & reasons[name].eq(why))
            for name in columns
            for why in sorted(reasons.loc[schools[name].isna(), name].unique())
        ),
    ]
    kept, flow, left_out = _apply(rules, schools.index, members)
    pool = schools[kept]
    return Pool(pool, flow, left_out, _scales(pool[list(columns)], basis.measured))


def list_start(before: Panel, register: pd.DataFrame, basis: MatchBasis) -> list[tuple[str, int]]:
    """List what pupils brought with them (`PUPILS_START`) that nearly all have, by last year."""
    last = max(basis.baseline)
    schools = register.index[register["phase"].isin(PHASES[basis.phase])]
    asked = before.wide(basis.rule.near[0]).reindex(schools)[last].dropna().index
    return [
        (name, last)
        for name in PUPILS_START[STAGES[basis.phase]]
        if name in before.values.columns
        and name not in basis.rule.near
        and before.wide(name).reindex(asked)[last].notna().mean() >= NEARLY_ALL
    ]


def _are_independent(register: pd.DataFrame, schools: pd.Index) -> pd.Series:
    """Return which schools are not paid for by the state: independent ones, of any name."""
    if "type" not in register:
        return pd.Series(False, index=schools)
    kind = register["type"].reindex(schools).astype("str")
    return kind.str.contains("independent|non-maintained", case=False, na=False)


def _check_known(before: Panel, basis: MatchBasis) -> None:
    """Refuse a panel that lacks what is matched on, or that holds anything after the baseline."""
    years = before.values.index.unique("year").sort_values()
    if years[-1] > max(basis.baseline):
        raise DesignError(
            "The pool is found from years up to the baseline only; cut the panel first."
        )
    there = before.values.columns
    missing = sorted({m for m, _ in basis.variables() if m not in there})
    if missing:
        raise DesignError(
            f"`match.near`: no source of this study has {', '.join(missing)}. "
            f"It has: {', '.join(c for c in there if '.' not in c)}."
        )
    gone = [str(year) for year in sorted(basis.baseline) if year not in years]
    if gone:
        raise DesignError(
            f"`baseline`: no source of this study has results of {', '.join(gone)}. It has: "
            f"{', '.join(map(str, years))}."
        )


def _apply(
    rules: Iterable[tuple[str, pd.Series]], schools: pd.Index, members: Iterable[int]
) -> tuple[pd.Series, pd.DataFrame, pd.DataFrame]:
    """Leave schools out rule by rule: who is kept, the flow, and who was left out by which."""
    kept, inside = pd.Series(True, index=schools), schools.isin(list(members))
    flow = [("schools in the register", 0, len(kept), int(inside.sum()))]
    left_out = pd.Series(index=schools, dtype="str", name="reason")
    for reason, out in rules:
        gone = kept & out
        if gone.any():
            kept &= ~out
            left_out[gone] = reason
            flow.append((reason, int(gone.sum()), int(kept.sum()), int((kept & inside).sum())))
    columns = ["step", "left_out", "kept", "members_kept"]
    return kept, pd.DataFrame(flow, columns=columns), left_out.dropna().to_frame()


def _scales(matched: pd.DataFrame, outcomes: set[str]) -> pd.DataFrame:
    place = positions(matched)
    spread = place.std(ddof=1)
    flat = [name for name, s in spread.items() if not s > 1e-9 * (1 + abs(place[name].mean()))]
    if flat and len(matched) > 1:
        raise DesignError(
            f"`match.near`: {', '.join(flat)} is the same in every school of the pool, so none is "
            "nearer than another on it. Take it out of `match.near`."
        )
    weight = [1.0 if name.rsplit(" ", 1)[0] in outcomes else OTHER_THINGS_COUNT for name in matched]
    return pd.DataFrame({"spread": spread, "weight": weight}).rename_axis("variable")


def positions(matched: pd.DataFrame) -> pd.DataFrame:
    """Return matched variables on the scale distances are measured on: counts as logarithms."""
    counts = [c for c in matched if MEASURES[c.rsplit(" ", 1)[0]].unit == "pupils"]
    return matched.assign(**{c: np.log(matched[c].clip(lower=1)) for c in counts})

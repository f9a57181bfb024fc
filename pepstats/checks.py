"""The same effect under other choices: what moves the headline, and what does not."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pepstats import codes, effects, gaps, matching, placebo
from pepstats.errors import DesignError
from pepstats.panel import Panel
from pepstats.programme import MatchRule, PoolRule, Programme

HEADLINE = "as fixed in the programme's file"


@dataclass(frozen=True)
class Choice:
    """One way to make the comparison; the defaults of `Comparison` with something changed."""

    name: str
    rule: MatchRule
    where: PoolRule
    baseline: tuple[int, ...]
    year: int
    members: tuple[int, ...]
    adjusted: bool = True
    weighted: bool = True
    note: str = ""


@dataclass(frozen=True)
class Setting:
    """What every choice is tried on: the panel, the schools, and who may never be compared with."""

    panel: Panel
    register: pd.DataFrame
    phase: str
    outcome: str
    unit: str
    barred: tuple[int, ...]
    draws: int
    seed: int


def set_up(
    programme: Programme, panel: Panel, register: pd.DataFrame, barred: Iterable[int]
) -> Setting:
    """Say what a programme's checks are tried on: its primary outcome, its draws and its seed."""
    return Setting(
        panel=panel,
        register=register,
        phase=programme.phase,
        outcome=programme.primary,
        unit=codes.MEASURES[programme.primary].unit,
        barred=tuple(barred),
        draws=programme.placebo.draws,
        seed=programme.seed,
    )


def list_choices(
    programme: Programme,
    year: int,
    members: Iterable[int],
    register: pd.DataFrame,
    others: Iterable[int],
) -> list[Choice]:
    """List the headline and every other choice that this study allows, in the order they are shown.

    `others` are the members of the other programmes.
    """
    chosen, elsewhere = tuple(sorted(members)), set(others)
    first = Choice(HEADLINE, programme.match, programme.pool, programme.baseline, year, chosen)
    rule, k = programme.match, programme.match.k
    loose = [name for name in rule.near if name not in programme.outcomes]
    kept_urn = tuple(s for s in chosen if " " not in str(register["urns"].get(s, "")))
    alone = tuple(s for s in chosen if s not in elsewhere)

    def other(name: str, note: str = "", **changed: object) -> Choice:
        return Choice(**{**first.__dict__, "name": name, "note": note, **changed})

    found = [
        first,
        *(other(f"{n} comparison schools each", rule=rule.model_copy(update={"k": n}))
          for n in (max(1, k // 2), k * 2)),
        other("only close matches", "comparison schools within half a standard deviation",
              rule=rule.model_copy(update={"caliper": 0.5})),
        other("left-over differences not taken out", adjusted=False),
        other("every school counted the same", weighted=False),
    ]  # fmt: skip
    if loose:
        found.append(
            other("matched on circumstances only", "not on earlier results: the other end",
                  rule=rule.model_copy(update={"near": tuple(loose)}), adjusted=False)
        )  # fmt: skip
    for held in programme.baseline if len(programme.baseline) > 1 else ():
        rest = tuple(y for y in programme.baseline if y != held)
        found.append(other(f"matched without {held}", baseline=rest))
    if kept_urn != chosen:
        found.append(other("only schools that kept their number", members=kept_urn))
    if alone != chosen:
        found.append(other("only schools in no other programme", members=alone))
    if len(programme.baseline) > 1:
        *early, last = programme.baseline
        found.append(
            other("one year early", f"nothing had started: {last} instead of {year}",
                  baseline=tuple(early), year=last)
        )  # fmt: skip
    return found


Matched = dict[tuple[MatchRule, PoolRule, tuple[int, ...]], tuple[matching.Pool, matching.Match]]
"""Matches already made, by what decides them."""


def try_choice(choice: Choice, setting: Setting, made: Matched | None = None) -> dict[str, object]:
    """Make the whole comparison again under one choice; a choice that cannot be made says why.

    `made` keeps matches between choices that differ only in what comes after the match.
    """
    row: dict[str, object] = {
        "check": choice.name, "outcome": setting.outcome, "estimate": np.nan, "low": np.nan,
        "high": np.nan, "p": np.nan, "n_schools": 0, "note": choice.note,
    }  # fmt: skip
    try:
        found, pool = compare(choice, setting, {} if made is None else made)
        rng = np.random.default_rng([setting.seed, zlib.crc32(choice.name.encode())])
        low = placebo.low_attaining(_earlier(setting.panel, setting.outcome, pool, choice.baseline))
        drawn = placebo.draw_programmes(
            found, low, choice.members, barred=setting.barred, draws=setting.draws, rng=rng
        )
        made_up = placebo.made_up_estimates({setting.outcome: found}, drawn, choice.members)
        [effect] = effects.estimate_effects(
            "", {setting.outcome: found}, made_up, choice.members, n_comparison=0
        )
    except DesignError as error:
        return {**row, "note": f"cannot be made: {error}"}
    return {
        **row,
        "estimate": effect.estimate,
        "low": effect.low,
        "high": effect.high,
        "p": effect.p_placebo,
        "n_schools": effect.n_schools,
    }


def compare(choice: Choice, setting: Setting, made: Matched) -> tuple[gaps.Gaps, matching.Pool]:
    """Find the pool, match and measure the gaps of every school under one choice."""
    key = (choice.rule, choice.where, choice.baseline)
    if key not in made:
        pool = matching.find_pool(
            matching.before_start(setting.panel, max(choice.baseline) + 1), setting.register,
            choice.rule, phase=setting.phase, outcomes=[setting.outcome],
            baseline=choice.baseline, members=choice.members,
        )  # fmt: skip
        made[key] = (
            pool,
            matching.match_schools(pool, choice.rule, choice.where, barred=setting.barred),
        )
    pool, match = made[key]
    found = gaps.find_gaps(
        setting.panel, pool, match, setting.outcome, baseline=choice.baseline, year=choice.year,
        members=setting.barred, adjusted=choice.adjusted, weighted=choice.weighted,
    )  # fmt: skip
    return found, pool


def leave_one_out(found: gaps.Gaps, members: Iterable[int]) -> pd.DataFrame:
    """Estimate again without each member in turn: index `school`, `estimate`, `moved_by`."""
    rows = np.flatnonzero(found.table.index.isin(list(members)) & found.table["gap"].notna())
    whole = float(placebo.weighted_mean(found, rows)[0])
    without = [float(placebo.weighted_mean(found, np.delete(rows, i))[0]) for i in range(len(rows))]
    table = pd.DataFrame({"estimate": without}, index=found.table.index[rows])
    return table.assign(moved_by=table["estimate"] - whole)


def tabulate_checks(choices: Iterable[Choice], setting: Setting) -> pd.DataFrame:
    """Try every choice: one row each, the headline first."""
    made: Matched = {}
    return pd.DataFrame([try_choice(choice, setting, made) for choice in choices])


def _earlier(
    panel: Panel, outcome: str, pool: matching.Pool, baseline: Iterable[int]
) -> pd.DataFrame:
    return panel.wide(outcome).reindex(index=pool.schools.index)[list(baseline)]

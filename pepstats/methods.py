"""The same programme by other evaluators' methods, each with its own interval.

They take each school's year as its own chance: none of them knows that a city has good and bad
years, so their intervals are mostly too narrow. Checks, never the headline.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pandas as pd

from pepstats import matching, peers
from pepstats.choices import ONE_YEAR, Choice, first_choice
from pepstats.errors import DesignError
from pepstats.peers import EventStudy
from pepstats.setting import Row, Setting, plain, signed
from pepstats.trials import Made, match_schools

SYNTHETIC_DRAWS = 50
"""Placebo groups behind the synthetic comparison's interval; 200 take as long as all the rest."""


def compare_by_methods(setting: Setting) -> list[Row]:
    """Estimate the programme by each method; one that cannot be used says why."""
    ways: dict[str, Callable[[Setting], Row]] = {
        "matched difference in differences": _matched,
        "entropy balancing": _balanced,
        "doubly robust difference in differences": _doubly_robust,
        "synthetic difference in differences": _synthetic,
    }
    return [_name(way(setting), name) if not (why := _why_not(setting)) else Row(name, reason=why)
            for name, way in ways.items()]  # fmt: skip


def study_held_out(setting: Setting, made: Made) -> EventStudy:
    """Follow members and comparison schools by year, the first baseline year not matched on.

    So that the years before the start are a test of likeness, and not true by construction.
    """
    setting.need_others()
    choice = hold_out(setting)
    _, match = match_schools(choice, setting, made)
    results = setting.panel.wide(setting.outcome)
    years = [y for y in results if choice.year >= y >= min(setting.programme.baseline)]
    known = [y for y in years if results[y].notna().any()]
    frame = peers.lay_out(setting.panel, setting.outcome, known, setting.chosen, match)
    return peers.study_years(frame, starts=setting.programme.starts)


def hold_out(setting: Setting) -> Choice:
    """Give the headline's choice with its first baseline year kept out of the matching."""
    first = first_choice(setting)
    if len(first.baseline) < 2:
        raise DesignError(ONE_YEAR)
    return replace(first, baseline=first.baseline[1:])


def row_of_study(study: EventStudy, year: int) -> Row:
    """Give the last year of an event study as a check, its earlier years in the note."""
    name = f"event study, {min(study.table.index, default='a year')} kept out of the matching"
    if study.reason:
        return Row(name, reason=study.reason)
    last = study.table.loc[year]
    early = study.table[study.table.index < study.reference]
    said = [f"{y}: {signed(e)} ({signed(low)} to {signed(high)})" for y, e, low, high in
            early[["estimate", "low", "high"]].itertuples()]  # fmt: skip
    return Row(
        name, float(last["estimate"]), float(last["low"]), float(last["high"]), float(last["p"]),
        study.n_schools, study.n_comparison,
        f"against {study.reference}; before the start {', '.join(said)}",
    )  # fmt: skip


def _why_not(setting: Setting) -> str:
    try:
        setting.need_others()
    except DesignError as error:
        return plain(error)
    return ""


def _name(row: Row, name: str) -> Row:
    return replace(row, check=name, kind="method")


def _years(setting: Setting) -> list[int]:
    return [*sorted(setting.programme.baseline), setting.year]


def _frame(setting: Setting, counts: matching.Match | pd.Series) -> pd.DataFrame:
    return peers.lay_out(
        setting.panel, setting.outcome, _years(setting), setting.chosen, counts
    )  # fmt: skip


def _matched(setting: Setting) -> Row:
    return peers.compare_matched(_frame(setting, setting.match), starts=setting.year)


def _balanced(setting: Setting) -> Row:
    """Weigh all schools elsewhere until their means are the members', then compare changes."""
    keys = setting.pool.schools[list(setting.programme.match.exact)]
    table = _alike(setting).join(keys)
    table = table.loc[:, (table != table.iloc[0]).any()]
    try:
        weights = peers.weigh_to_balance(table, table.index.intersection(list(setting.chosen)))
    except DesignError as error:
        return Row("", reason=plain(error))
    row = peers.compare_matched(_frame(setting, weights), starts=setting.year)
    worth = 1 / (weights**2).sum()  # Kish
    note = f"all schools elsewhere, weighted: worth {worth:.0f} that count alike"
    return replace(row, note=note if not row.reason else "")


def _doubly_robust(setting: Setting) -> Row:
    """Compare with all schools elsewhere, what schools are matched on held alike in two ways."""
    before = _alike(setting)
    frame = _frame(setting, pd.Series(1.0, index=before.index))
    named = {name: f"before_{place}" for place, name in enumerate(before)}
    frame = frame.join(before.rename(columns=named), on="school")
    row = peers.compare_doubly_robust(
        frame, starts=setting.year, covariates=list(named.values())
    )  # fmt: skip
    return replace(row, note=f"given {', '.join(before)}" if not row.reason else "")


def _synthetic(setting: Setting) -> Row:
    return peers.compare_synthetic(
        _frame(setting, setting.match), starts=setting.year, draws=SYNTHETIC_DRAWS,
        rng=setting.rng("synthetic difference in differences"),
    )  # fmt: skip


def _alike(setting: Setting) -> pd.DataFrame:
    """Give what schools are matched on, for the members and all schools they may be set against."""
    pool = setting.pool
    inside = pool.schools.index.isin(setting.chosen)
    free = ~pool.schools.index.isin(setting.barred) & (pool.schools["la"] != setting.home)
    where = setting.programme.pool
    free &= ~pool.schools.index.isin(where.exclude)
    if where.authorities is not None:
        free &= pool.schools["la"].isin(where.authorities)
    return matching.positions(pool.schools.loc[inside | free, list(pool.scales.index)])

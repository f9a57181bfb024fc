"""The bracket: what is seen when earlier results are left aside, and how far they alone would go.

Schools matched on earlier results over-correct where a group is permanently low, and those that are
not under-correct where it was picked after a bad year; so both are shown together (Daw and Hatfield
2018, Health Services Research 53:4138; Ding and Li 2019, Political Analysis 27:605). And the same
two ways are tried on programmes picked a year earlier, when nothing was done: regression to the
mean in plain view.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from pepstats.errors import DesignError, as_reason
from pepstats.impact import (
    Gaps,
    correct_bias,
    draw_placebo,
    fit_gap_variance,
    has_gap,
    weighted_mean,
)
from pepstats.matching import positions
from pepstats.measures import MEASURES
from pepstats.robustness.choices import (
    ONE_YEAR,
    MadeDraws,
    TriedChoice,
    compare_again,
    first_choice,
    judge_choice,
    select_as_picked,
)
from pepstats.robustness.headline import CheckRow, Headline

CIRCUMSTANCES = {
    "primary": ("cohort", "disadvantaged", "eal", "sen_support", "prior_attainment"),
    "secondary": ("cohort_ks4", "disadvantaged_ks4", "eal_ks4", "sen_support_ks4"),
}

ENOUGH = 0.9
"""Share of the pool's schools that must have a circumstance for it to be used."""


def match_on_circumstances(setting: Headline) -> list[TriedChoice]:
    """Compare changes with all other schools', as they are and with circumstances held alike."""
    first = first_choice(setting)
    named = [_known_circumstances(setting), []]
    names = ("alike in circumstances, not in earlier results", "all other schools, not matched")
    tried = []
    for circumstances, name in zip(named, names, strict=True):
        choice = replace(first, check=name, kind="bracket", note=_name_all(circumstances))
        try:
            setting.need_others()
            found = compare_changes(setting, first.baseline, setting.year, circumstances)
            one = judge_choice(choice, setting, found, found, setting.draws, None)
            others = int(
                (found.table["gap"].notna() & ~found.table.index.isin(setting.barred)).sum()
            )
            tried.append(replace(one, row=replace(one.row, n_comparison=others)))
        except DesignError as error:
            tried.append(
                TriedChoice(choice, CheckRow(name, reason=as_reason(error), kind="bracket"))
            )
    return tried


def _known_circumstances(setting: Headline) -> list[str]:
    """List the circumstances that nearly every school of the pool has in the last baseline year."""
    last = max(setting.programme.baseline)
    there = setting.panel.values.columns
    return [
        name for name in CIRCUMSTANCES[setting.programme.phase] if name in there
        and setting.panel.wide(name)[last].reindex(setting.pool.schools.index).notna().mean()
        >= ENOUGH
    ]  # fmt: skip


def _name_all(circumstances: Sequence[str]) -> str:
    if not circumstances:
        return "change since before, less all other schools' change"
    labels = ", ".join(MEASURES[name].label for name in circumstances)
    return f"change since before; taken out by a line over other schools: kind of school, {labels}"


def compare_changes(
    setting: Headline, baseline: Sequence[int], year: int, circumstances: Sequence[str]
) -> Gaps:
    """Find each school's change from before less that of all schools in no programme.

    What `circumstances` and the kind of school explain of it in other authorities is taken out,
    where any circumstance is named.
    """
    outcome, pool = setting.outcome, setting.pool.schools
    results = setting.panel.wide(outcome).reindex(index=pool.index)
    change = (results[year] - results[list(baseline)].mean(axis=1, skipna=False)).to_numpy(float)
    last = max(baseline)
    before = {f"{c} {last}": setting.panel.wide(c)[last].reindex(pool.index) for c in circumstances}
    alike = pd.DataFrame(before, index=pool.index)
    kinds = pd.get_dummies(pool[list(setting.programme.match.exact)], dtype=float)
    if circumstances:
        alike = positions(alike)
        alike = ((alike - alike.mean()) / alike.std().replace(0.0, 1.0)).join(kinds)
    cohort = setting.panel.wide(MEASURES[outcome].cohort)[year].reindex(pool.index)
    usable = ~np.isnan(change) & alike.notna().all(axis=1).to_numpy() & (cohort > 0).to_numpy()
    outside = usable & ~pool.index.isin(setting.barred)
    if outside.sum() <= 5 * (1 + alike.shape[1]):
        raise DesignError(f"{int(outside.sum())} other schools have a change to compare with")
    authority = pool["la"].to_numpy(np.int64)
    held = alike.where(pd.Series(usable, index=pool.index), 0.0)
    gap, slopes = correct_bias(np.where(usable, change, 0.0), held, outside, authority)
    pupils = cohort.to_numpy(float)
    chance = fit_gap_variance(gap[outside], pupils[outside], authority[outside])
    table = pd.DataFrame(
        {
            "la": authority,
            "gap": np.where(usable, gap, np.nan),
            "variance": np.where(usable, chance.own_variance(pupils), np.nan),
            "weight": np.where(usable, 1 / chance.variance(pupils), np.nan),
        },
        index=pool.index,
    )
    return Gaps(
        outcome, MEASURES[outcome].unit, tuple(baseline), year,
        str(setting.panel.releases[outcome].get(year, "")), table, slopes, chance.city,
    )  # fmt: skip


def pick_earlier(setting: Headline, made: MadeDraws) -> list[CheckRow]:
    """Say what schools picked by the same rule a year earlier did, when nothing was done.

    Made-up programmes with as many schools, as many of them low attaining by the years before the
    last baseline year, in that last year: their mean, and the span of 95 in 100 of them, against
    all England and against their own comparison schools.
    """
    baseline = sorted(setting.programme.baseline)
    early, last = baseline[:-1], baseline[-1]
    when = " and ".join(map(str, early)) or "an earlier year"
    names = [f"picked so in {when}, against all England",
             f"picked so in {when}, against comparison schools"]  # fmt: skip
    note = f"made-up programmes, nothing done: the mean in {last}, and 95 in 100 of them"
    try:
        if not early:
            raise DesignError(ONE_YEAR)
        choice = replace(first_choice(setting), baseline=tuple(early), year=last)
        matched, _, _ = compare_again(choice, setting, made)
        draws = draw_placebo(
            matched, select_as_picked(setting, early, matched.table.index),
            has_gap(matched, setting.chosen),
            barred=setting.barred, draws=setting.programme.placebo.draws,
            rng=setting.rng("picked a year earlier"),
        )  # fmt: skip
        every = compare_changes(setting, early, last, [])
        every = replace(every, table=every.table.reindex(matched.table.index))
        found = [weighted_mean(one, draws.schools)[0] for one in (every, matched)]
    except DesignError as error:
        return [CheckRow(name, reason=as_reason(error), kind="before") for name in names]
    rows = []
    for name, means in zip(names, found, strict=True):
        low, high = np.nanquantile(means, [0.025, 0.975])
        rows.append(CheckRow(name, float(np.nanmean(means)), float(low), float(high),
                        n_schools=draws.schools.shape[1], note=note, kind="before"))  # fmt: skip
    return rows

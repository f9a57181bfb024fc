"""The bracket: what is seen when earlier results are left aside, and how far they alone would go.

Schools matched on earlier results over-correct where a group is permanently low, and those that are
not under-correct where it was picked after a bad year; so both are shown together (Daw and Hatfield
2018, Health Services Research 53:4138; Ding and Li 2019, Political Analysis 27:605). And the same
two ways are tried on programmes picked a year earlier, when nothing was done: regression to the
mean in plain view. Beside them the same estimate with cities reckoned with in other ways.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from pepstats.errors import DesignError
from pepstats.impact import (
    Asked,
    Gaps,
    draw_years,
    find_gaps,
    fit_gap_variance,
    fit_line,
    has_gap,
    is_whole_authority,
    lay_out,
    mean_of,
    scale_draws,
    weigh_gaps,
    weighted_mean,
)
from pepstats.matching import positions
from pepstats.measures import MEASURES
from pepstats.robustness.choices import ONE_YEAR, compare_again, first_choice, judge_choice
from pepstats.robustness.headline import CheckRow, Headline

CIRCUMSTANCES = {
    "primary": ("cohort", "disadvantaged", "eal", "sen_support", "prior_attainment"),
    "secondary": ("cohort_ks4", "disadvantaged_ks4", "eal_ks4", "sen_support_ks4"),
}

ENOUGH = 0.9
"""Share of the pool's schools that must have a circumstance for it to be used."""


def compare_all(headline: Headline, *, alike: bool) -> CheckRow:
    """Compare changes with all other schools', circumstances held `alike` or not, results never."""
    circumstances = _known_circumstances(headline) if alike else []
    note = "change since before, less all other schools' change"
    if circumstances:
        labels = ", ".join(MEASURES[name].label for name in circumstances)
        note = "change since before; taken out by a line over other schools"
        note = f"{note}: kind of school, {labels}"
    choice = replace(first_choice(headline), check="", note=note)
    found = compare_changes(headline, choice.baseline, headline.year, circumstances)
    row = judge_choice(choice, headline, found, found, headline.draws, None)
    others = found.table["gap"].notna() & ~found.table.index.isin(headline.barred)
    return replace(row, n_comparison=int(others.sum()))


def _known_circumstances(headline: Headline) -> list[str]:
    """List the circumstances that nearly every school of the pool has in the last baseline year."""
    last = max(headline.programme.baseline)
    there = headline.panel.values.columns
    return [
        name for name in CIRCUMSTANCES[headline.programme.phase] if name in there
        and headline.panel.wide(name)[last].reindex(headline.pool.schools.index).notna().mean()
        >= ENOUGH
    ]  # fmt: skip


def compare_changes(
    headline: Headline, baseline: Sequence[int], year: int, circumstances: Sequence[str]
) -> Gaps:
    """Return each school's change less that of all schools in no programme.

    What `circumstances`, if any, and kinds of school explain in other authorities is taken out.
    """
    outcome, pool = headline.outcome, headline.pool.schools
    results = headline.panel.wide(outcome).reindex(index=pool.index)
    change = (results[year] - results[list(baseline)].mean(axis=1, skipna=False)).to_numpy(float)
    last = max(baseline)
    wide = {f"{c} {last}": headline.panel.wide(c)[last] for c in circumstances}
    alike = pd.DataFrame(wide).reindex(pool.index)
    kinds = pd.get_dummies(pool[list(headline.programme.match.exact)], dtype=float)
    if circumstances:
        alike = positions(alike)
        alike = ((alike - alike.mean()) / alike.std().replace(0.0, 1.0)).join(kinds)
    cohort = headline.panel.wide(MEASURES[outcome].cohort)[year].reindex(pool.index)
    usable = ~np.isnan(change) & alike.notna().all(axis=1).to_numpy() & (cohort > 0).to_numpy()
    outside = usable & ~pool.index.isin(headline.barred)
    if outside.sum() <= 5 * (1 + alike.shape[1]):
        raise DesignError(f"{int(outside.sum())} other schools have a change to compare with")
    authority = pool["la"].to_numpy(np.int64)
    held = alike.where(pd.Series(usable, index=pool.index), 0.0)
    filled = np.where(usable, change, 0.0)
    line = fit_line(filled, held, outside, authority)
    gap = filled - line.at(held, authority)
    pupils = cohort.to_numpy(float)
    chance = fit_gap_variance(gap[outside], pupils[outside], authority[outside])
    table = lay_out(pool["la"], change, change - gap, np.zeros(len(gap)), usable)
    table = table.assign(n_comparison=0, reason="")
    asked = Asked(outcome, tuple(baseline), year)
    return weigh_gaps(headline.panel, asked, table, line.overall, chance)


def pick_earlier(headline: Headline, *, matched: bool) -> CheckRow:
    """Find what schools picked by the same rule a year earlier did, when nothing was done.

    The mean of placebo programmes in the last baseline year, and the span of 95 in 100 of them,
    against all England or, where `matched`, against their own comparison schools.
    """
    *early, last = sorted(headline.programme.baseline)
    if not early:
        raise DesignError(ONE_YEAR)
    choice = replace(first_choice(headline), baseline=tuple(early), year=last)
    gaps, _, _ = compare_again(choice, headline)
    draws = headline.draw(gaps, has_gap(gaps, headline.chosen), "picked a year earlier")
    if not matched:
        every = compare_changes(headline, early, last, [])
        gaps = replace(every, table=every.table.reindex(gaps.table.index))
    means = weighted_mean(gaps, draws.schools)[0] + draw_years(gaps, draws, headline.chosen)
    low, high = np.nanquantile(means, [0.025, 0.975])
    others = "comparison schools" if matched else "all England"
    return CheckRow(
        f"schools chosen in the same way in {' and '.join(map(str, early))}, against {others}",
        float(np.nanmean(means)), float(low), float(high), n_schools=draws.schools.shape[1],
        note=f"groups without the programme: their mean in {last} and the range of 95 in 100 of "
        "them",
    )  # fmt: skip


def less_own_city(headline: Headline) -> CheckRow:
    """Take the city's year out: the line over all England, less its schools in no programme (BLUP).

    It is the narrowest of all, and wrong where those schools gained from the programme too.
    """
    asked = Asked(headline.outcome, headline.gaps.baseline, headline.year, headline.barred)
    gaps = find_gaps(headline.panel, headline.pool, headline.match, asked, how="line")
    table = gaps.table
    free = table["gap"].notna() & ~table.index.isin(headline.barred)
    if not (free & table["la"].eq(headline.home)).any():
        raise DesignError("every school of the authority with results is in a programme")
    if not headline.draws.within:
        raise DesignError("placebo programmes are not each in one authority")
    precision = (1 / table["variance"]).where(free, 0.0)
    parts = pd.DataFrame({"sum": (precision * table["gap"]).fillna(0.0), "of": precision})
    by_city = parts.groupby(table["la"]).sum()
    per_city = gaps.city_variance

    def find_rest(city: np.ndarray, schools: np.ndarray) -> np.ndarray:
        """Return the mean gap of each row of schools less its city's part, by its other schools."""
        rest = by_city.reindex(city).fillna(0.0).to_numpy() - parts.to_numpy()[schools].sum(axis=1)
        part = per_city * rest[:, 0] / (1 + per_city * rest[:, 1])
        less: np.ndarray = weighted_mean(gaps, schools)[0] - part
        return less

    own, draws = np.flatnonzero(table.index.isin(headline.chosen)), headline.draws
    estimate = float(find_rest(np.array([headline.home]), own[None, :])[0])
    chance = find_rest(draws.authorities, draws.schools)
    row = CheckRow(
        "set against the authority's own other schools", estimate,
        n_schools=int(table["gap"].iloc[own].notna().sum()),
        n_comparison=int((free & table["la"].eq(headline.home)).sum()),
        note="the line over all England, less how the city's schools in no programme did",
    )  # fmt: skip
    return headline.judge(row, chance)


def judge_whole_authorities(headline: Headline) -> CheckRow:
    """Set a whole authority beside every other whole authority, scaled by its size."""
    gaps, yardstick = headline.gaps, headline.yardstick
    if not is_whole_authority(gaps, headline.chosen, headline.barred):
        raise DesignError("the programme is not in a whole authority")
    table = yardstick.table[
        yardstick.table["gap"].notna() & ~yardstick.table.index.isin(headline.barred)
    ]
    table = table[table["la"] != headline.home]
    parts = pd.DataFrame({"w": table["weight"], "wg": table["weight"] * table["gap"],
                          "wwv": table["weight"]**2 * table["variance"]})  # fmt: skip
    sums = parts.groupby(table["la"]).sum()
    mean, variance = sums["wg"] / sums["w"], sums["wwv"] / sums["w"] ** 2
    estimate, own_variance = mean_of(gaps, headline.chosen)
    scaled = scale_draws(
        mean.to_numpy(), variance.to_numpy(), mean.index.to_numpy(np.int64), own_variance
    )
    row = CheckRow(
        "whole authorities, scaled by their size", estimate,
        n_schools=headline.effect.n_schools, n_comparison=headline.effect.n_comparison,
        note=f"against {len(mean)} whole authorities, not so many schools of each",
    )  # fmt: skip
    return headline.judge(row, scaled, cities=len(mean), keep=False)

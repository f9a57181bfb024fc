"""The same estimate when cities are reckoned with in other ways than the headline's."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pepstats.errors import DesignError
from pepstats.impact import (
    Asked,
    find_gaps,
    fit_chance_scale,
    is_whole_authority,
    weighted_mean,
)
from pepstats.robustness.headline import CheckRow, Headline


def less_own_city(headline: Headline) -> CheckRow:
    """Take the city's own good or bad year out, as its schools in no programme show it.

    The line over all England, less the best prediction (BLUP) of the city's part from its other
    schools. It is the narrowest of all, and wrong where those schools gained from the programme
    too.
    """
    asked = Asked(headline.outcome, headline.gaps.baseline, headline.year, headline.barred)
    gaps = find_gaps(headline.panel, headline.pool, headline.match, asked, how="line")
    table = gaps.table
    free = table["gap"].notna() & ~table.index.isin(headline.barred)
    if not (free & table["la"].eq(headline.home)).any():
        raise DesignError("every school of the authority with results is in a programme")
    precision = (1 / table["variance"]).where(free, 0.0)
    parts = pd.DataFrame({"sum": (precision * table["gap"]).fillna(0.0), "of": precision})
    by_city = parts.groupby(table["la"]).sum()
    per_city = gaps.city_variance

    def city_part(city: np.ndarray, less: np.ndarray | None) -> np.ndarray:
        rest = by_city.reindex(city).fillna(0.0).to_numpy()
        if less is not None:
            rest = rest - parts.to_numpy()[less].sum(axis=1)
        part: np.ndarray = per_city * rest[:, 0] / (1 + per_city * rest[:, 1])
        return part

    own = np.flatnonzero(table.index.isin(headline.chosen))
    estimate = weighted_mean(gaps, own)[0] - city_part(np.array([headline.home]), None)[0]
    draws = headline.draws
    chance = weighted_mean(gaps, draws.schools)[0]
    if draws.within:
        chance = chance - city_part(draws.authorities, draws.schools)
    row = CheckRow(
        "less the city's own other schools", float(estimate),
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
    mean, variance = mean_by_authority(table)
    chance = fit_chance_scale(mean.to_numpy(), variance.to_numpy(), mean.index.to_numpy(np.int64))
    own = np.flatnonzero(gaps.table.index.isin(headline.chosen))
    estimate, own_variance = (float(part) for part in weighted_mean(gaps, own))
    scaled = mean.to_numpy() * chance.at(own_variance) / chance.of_draws
    row = CheckRow(
        "whole authorities, scaled by their size", estimate,
        n_schools=headline.effect.n_schools, n_comparison=headline.effect.n_comparison,
        note=f"against {len(mean)} whole authorities, not so many schools of each",
    )  # fmt: skip
    return headline.judge(row, scaled, cities=len(mean), keep=False)


def mean_by_authority(table: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Return each authority's precision-weighted mean gap, and its sampling variance."""
    weight = table["weight"]
    parts = pd.DataFrame({"w": weight, "wg": weight * table["gap"],
                          "wwv": weight**2 * table["variance"]})  # fmt: skip
    sums = parts.groupby(table["la"]).sum()
    return sums["wg"] / sums["w"], sums["wwv"] / sums["w"] ** 2

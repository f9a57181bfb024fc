"""What stands beside an effect: the authority's other schools, and how much each school had.

Both are held against the same placebo cities as the effect itself.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pepstats.impact import (
    Gaps,
    PlaceboDraws,
    choose_verdict,
    half_width,
    has_gap,
    mean_of,
    placebo_p,
    scale_draws,
)
from pepstats.settings import Programme

Numbers = NDArray[np.float64]

FEWEST_OTHERS = 4
"""Of fewer schools nothing is said, here as of a programme."""

MEMBERS, OTHERS = "the programme's schools", "the authority's other schools"
REST_COLUMNS = [
    "programme", "outcome", "whose", "n_schools", "estimate", "low", "high", "p", "verdict",
    "reason",
]  # fmt: skip
DOSE_COLUMNS = [
    "programme", "outcome", "dose", "n_schools", "slope", "low", "high", "p", "reason",
]  # fmt: skip


def measure_rest(
    programme: Programme,
    gaps: Gaps,
    draws: PlaceboDraws,
    schools: tuple[list[int], tuple[int, ...]],
    scale: Numbers,
) -> pd.DataFrame:
    """Set the schools of the authority that are in no programme beside those of the programme.

    `schools` are the members with a gap and all barred schools; `scale` the members' placebo draws
    as they were judged. One row for either; the others' draws are what every placebo programme
    leaves of its city.
    """
    own, barred = schools
    table, key = gaps.table, (programme.slug, gaps.outcome)
    mean, _ = mean_of(gaps, own)
    told = tell_range(mean, scale, draws.usable)
    said = [(*key, MEMBERS, len(own), *told, choose_verdict(mean, told[-1]), "")]
    home = table.loc[own, "la"].mode()
    free = table["gap"].notna() & ~table.index.isin(barred)
    rest = table.index[free & table["la"].isin(home[:1])]
    reason = "the programme is not in one authority" if not draws.within else ""
    reason = reason or ("fewer than 4 other schools" if len(rest) < FEWEST_OTHERS else "")
    if reason:
        said.append((*key, OTHERS, len(rest), *[np.nan] * 4, "", reason))
    else:
        mean, variance = mean_of(gaps, rest)
        drawn, of_draws = _leave_drawn_out(gaps, draws, free.to_numpy())
        scaled = scale_draws(drawn, of_draws, draws.authorities, variance)
        told = tell_range(mean, scaled, draws.usable)
        said.append((*key, OTHERS, len(rest), *told, choose_verdict(mean, told[-1]), ""))
    return pd.DataFrame(said, columns=REST_COLUMNS)


def tell_range(estimate: float, chance: Numbers, cities: int) -> list[float]:
    """Return an estimate, the ends of its range, and its share of draws as far from zero."""
    wide, p = half_width(chance), placebo_p(estimate, chance, cities)
    return [estimate, estimate - wide, estimate + wide, p]


def _leave_drawn_out(
    gaps: Gaps, draws: PlaceboDraws, free: NDArray[np.bool_]
) -> tuple[Numbers, Numbers]:
    """Return the mean gap of each draw's city without the schools drawn, and its variance."""
    gap, weight, variance = (
        np.where(free, gaps.table[name].to_numpy(), 0.0) for name in ("gap", "weight", "variance")
    )
    parts = pd.DataFrame({"n": free, "w": weight, "wg": weight * gap, "wwv": weight**2 * variance})
    whole = parts.groupby(gaps.table["la"].to_numpy()).sum().loc[draws.authorities]
    left = {
        name: whole[name].to_numpy() - parts[name].to_numpy()[draws.schools].sum(axis=1)
        for name in parts
    }
    enough = left["n"] >= FEWEST_OTHERS
    total = np.where(enough, left["w"], np.nan)
    return left["wg"] / total, left["wwv"] / total**2


def measure_doses(
    programme: Programme,
    gaps: Gaps,
    draws: PlaceboDraws,
    doses: Mapping[str, pd.Series],
    low: pd.Series,
) -> pd.DataFrame:
    """Regress the gap on how much each school had, against the same slope in every placebo draw.

    The schools of a draw are dealt the programme's doses, low attaining ones those of low attaining
    ones. One row per dose: `slope` in the outcome's unit for each unit more, or the `reason`.
    """
    rows = []
    for name, dose in doses.items():
        own = has_gap(gaps, dose.dropna().index)
        key = (programme.slug, gaps.outcome, name, len(own))
        amount = dose.loc[own].to_numpy(float)
        reason = "fewer than 4 schools with a dose" if len(own) < FEWEST_OTHERS else ""
        if reason or len(set(amount)) < 2:
            rows.append((*key, *[np.nan] * 4, reason or "every school had as much"))
            continue
        first = low.reindex(own).fillna(value=False).to_numpy(bool)
        places = np.append(np.arange(first.sum()), np.arange(-(~first).sum(), 0))
        drawn = draws.schools[:, places[: draws.schools.shape[1]]]
        dealt = np.append(amount[first], amount[~first])[: drawn.shape[1]]
        slope = float(_slope(gaps, gaps.table.index.get_indexer(own)[None, :], amount)[0])
        rows.append((*key, *tell_range(slope, _slope(gaps, drawn, dealt), draws.usable), ""))
    return pd.DataFrame(rows, columns=DOSE_COLUMNS)


def _slope(gaps: Gaps, schools: NDArray[np.int64], dose: Numbers) -> Numbers:
    """Return the precision-weighted slope of the gap on the dose in each row of schools."""
    gap = gaps.table["gap"].to_numpy()[schools]
    weight = np.where(np.isnan(gap), 0.0, gaps.table["weight"].to_numpy()[schools])
    gap = np.nan_to_num(gap)
    total = weight.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        off = dose - (weight * dose).sum(axis=1, keepdims=True) / total
        slope: Numbers = (weight * off * gap).sum(axis=1) / (weight * off**2).sum(axis=1)
    return slope

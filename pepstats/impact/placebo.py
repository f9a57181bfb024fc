"""Placebo programmes in other authorities: the yardstick of chance.

A programme lives in one city, and cities have good and bad years; so chance is measured by groups
of schools picked as the real ones were, each inside one other authority, where nothing was done.
Every school has a gap already, so a placebo programme is a weighted mean of a few numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pepstats.errors import DesignError
from pepstats.impact.gaps import Gaps

_Two = tuple[NDArray[np.int64], NDArray[np.int64]]
FEWEST_CITIES = 10
"""With fewer authorities that could hold such a programme, none is held to one authority."""


@dataclass(frozen=True)
class PlaceboDraws:
    """The schools of each placebo programme.

    Attributes
    ----------
    schools
        Positions in the pool, one row per placebo programme.
    authorities
        The authority of each; 0 where its schools may be anywhere.
    usable, too_small
        How many authorities could hold one, and how many had too few schools.
    within
        Whether each lives in one authority, as the real one does.
    """

    schools: NDArray[np.int64] = field(repr=False)
    authorities: NDArray[np.int64] = field(repr=False)
    usable: int
    too_small: int
    within: bool


def count_cities(draws: PlaceboDraws) -> pd.DataFrame:
    """Count the authorities that placebo programmes were drawn in, and those too small for one.

    One row: `programmes`, `schools_each`, `in_one_authority`, `authorities` (none where schools may
    be anywhere), `too_small`.
    """
    programmes, each = draws.schools.shape
    return pd.DataFrame(
        {
            "programmes": [programmes],
            "schools_each": [each],
            "in_one_authority": [draws.within],
            "authorities": [draws.usable],
            "too_small": [draws.too_small],
        }
    )


def low_attaining(baseline: pd.DataFrame) -> pd.Series:
    """Mark which schools are in the lower half of the pool by their mean over baseline years."""
    mean = baseline.mean(axis=1)
    return mean < mean.median()


def low_as_picked(
    baseline: pd.DataFrame, before: pd.DataFrame, members: Iterable[int]
) -> pd.Series:
    """Say who was low attaining when picked: members by `baseline`, others by years `before`.

    The two differ where chance is measured by another year's results (October: last year's). Then
    other schools count by years before those results: picked by the very year that is their
    outcome, they would fall short of what is expected by having been picked.
    """
    low = low_attaining(before)
    own = low_attaining(baseline).reindex(low.index.intersection(list(members)))
    low.loc[own.index] = own
    return low


def draw_placebo(
    gaps: Gaps,
    low: pd.Series,
    members: Iterable[int],
    *,
    barred: Iterable[int] = (),
    draws: int,
    rng: np.random.Generator,
) -> PlaceboDraws:
    """Draw placebo programmes of the real one's size and selection, each within one authority.

    As many schools as the `members`, those with a gap in the primary outcome (`has_gap`), as many
    of them low attaining; each authority that has enough of both is equally likely. A real
    programme that is spread over authorities (fewer than nine in ten of its schools in one), or an
    England with too few authorities to draw from, gets placebo programmes spread over all, and that
    is said.
    """
    table, chosen = gaps.table, list(members)
    there = table.index.isin(chosen)
    if not there.any():
        raise DesignError(
            "No member has a gap in the primary outcome, so no programme can be drawn."
        )
    authority, lower = table["la"].to_numpy(), low.reindex(table.index).to_numpy(bool)
    home = pd.Series(authority[there]).value_counts()
    free = table["gap"].notna().to_numpy() & ~table.index.isin([*barred, *chosen])
    wanted = int((there & lower).sum()), int((there & ~lower).sum())
    cities, too_small = {}, 0
    if home.iloc[0] >= 0.9 * there.sum():
        others = np.unique(authority[free & (authority != home.index[0])])
        split = {int(city): _split(free & (authority == city), lower) for city in others}
        cities = {city: two for city, two in split.items() if _has_enough(two, wanted)}
        too_small = len(others) - len(cities)
    within = len(cities) >= FEWEST_CITIES
    if not within:
        cities = {0: _split(free, lower)}
        too_small = table.loc[free, "la"].nunique()
        if not _has_enough(cities[0], wanted):
            raise DesignError(
                f"Made-up programmes need {wanted[0]} low-attaining and {wanted[1]} other schools; "
                f"outside every programme the pool has {len(cities[0][0])} and "
                f"{len(cities[0][1])}. Add sources or widen `pool`."
            )
    schools, chosen_cities = _draw_schools(cities, wanted, draws, rng)
    return PlaceboDraws(schools, chosen_cities, len(cities) if within else 0, too_small, within)


def has_gap(gaps: Gaps, members: Iterable[int]) -> list[int]:
    """List the schools that have a gap, of those of a programme."""
    return [int(s) for s in gaps.table["gap"].reindex(list(members)).dropna().index]


def _split(here: NDArray[np.bool_], lower: NDArray[np.bool_]) -> _Two:
    """Split the schools of a place into the low-attaining ones and the rest."""
    return np.flatnonzero(here & lower), np.flatnonzero(here & ~lower)


def _has_enough(two: _Two, wanted: tuple[int, int]) -> bool:
    return len(two[0]) >= wanted[0] and len(two[1]) >= wanted[1]


def _draw_schools(
    cities: Mapping[int, _Two], wanted: tuple[int, int], draws: int, rng: np.random.Generator
) -> _Two:
    """Draw the city of each placebo programme, and its schools there."""
    codes = np.array(sorted(cities))
    chosen = np.sort(codes[rng.integers(len(codes), size=draws)])
    schools = np.empty((draws, sum(wanted)), dtype=np.int64)
    for city in codes:
        rows = np.flatnonzero(chosen == city)
        lows, rest = cities[int(city)]
        schools[rows, : wanted[0]] = pick_schools(lows, wanted[0], len(rows), rng)
        schools[rows, wanted[0] :] = pick_schools(rest, wanted[1], len(rows), rng)
    return schools, chosen


def pick_schools(
    among: NDArray[np.int64], size: int, times: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Pick `size` different schools, `times` over, each set as likely as any other.

    Out of few, by a shuffle; out of many, by picking with replacement and picking again each set
    in which a school came twice.
    """
    if size == 0 or times == 0:
        return np.empty((times, size), dtype=np.int64)
    if len(among) < 4 * size**2:
        return among[rng.random((times, len(among))).argsort(axis=1)[:, :size]]
    picked = rng.integers(len(among), size=(times, size))
    again = np.arange(times)
    while len(again):
        inside = np.sort(picked[again], axis=1)
        again = again[(inside[:, 1:] == inside[:, :-1]).any(axis=1)]
        picked[again] = rng.integers(len(among), size=(len(again), size))
    return among[picked]


def weighted_mean(gaps: Gaps, schools: NDArray[np.int64]) -> tuple[NDArray[np.float64], ...]:
    """Return the precision-weighted mean gap of each row of schools, and its chance spread.

    A school without a gap counts for nothing. The spread is the square root of the schools' own
    variance in the mean plus the variance of a city's year.
    """
    gap = gaps.table["gap"].to_numpy()[schools]
    weight = np.where(np.isnan(gap), 0.0, gaps.table["weight"].to_numpy()[schools])
    variance = np.where(np.isnan(gap), 0.0, gaps.table["variance"].to_numpy()[schools])
    total = weight.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (weight * np.nan_to_num(gap)).sum(axis=-1) / total
        spread = np.sqrt((weight**2 * variance).sum(axis=-1) / total**2 + gaps.city_variance)
    return mean, spread


def placebo_estimates(
    gaps: Mapping[str, Gaps],
    draws: PlaceboDraws,
    members: Iterable[int],
    real: Mapping[str, Gaps] | None = None,
) -> pd.DataFrame:
    """Estimate every placebo programme as the real one is, on the real one's scale.

    One row per draw: `draw`, `la`, then one column per outcome, in the outcome's unit. An estimate
    is scaled by the ratio of the chance spread expected of the real programme (its pupils, its
    schools) to that expected of the placebo one, so that a group of small schools is not held to
    be a yardstick for a group of large ones. `real` has the members' own gaps where `gaps` is
    another year's (October).
    """
    chosen = list(members)
    table = pd.DataFrame(
        {"draw": np.arange(1, len(draws.authorities) + 1), "la": draws.authorities}
    )
    for outcome, found in gaps.items():
        own = (real or gaps)[outcome]
        rows = np.flatnonzero(own.table.index.isin(chosen))
        mean, spread = weighted_mean(found, draws.schools)
        table[outcome] = mean * weighted_mean(own, rows)[1] / spread
    return table

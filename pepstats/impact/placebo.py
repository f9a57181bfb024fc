"""Placebo programmes in other authorities: the yardstick of chance.

A programme lives in one city, and cities have good and bad years; so chance is measured by groups
of schools picked as the real ones were, each inside one other authority, where nothing was done.
Every school has a gap already, so a placebo programme is a weighted mean of a few numbers.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pepstats.errors import DesignError
from pepstats.formatting import AGREED
from pepstats.impact.gaps import FEWEST_OF_CITY, Gaps, Numbers
from pepstats.measures import whole_of
from pepstats.schools import Panel
from pepstats.settings import Programme

_Two = tuple[NDArray[np.int64], NDArray[np.int64]]
FEWEST_CITIES = 10
"""With fewer authorities that could hold such a programme, none is held to one authority."""

WHOLE = 0.9
"""A programme with so large a part of its authority's schools is a whole authority's."""


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
        How many authorities could hold one, and how many had too few schools; where schools may be
        anywhere, the authorities that they come from: with enough schools (`FEWEST_OF_CITY`) for
        their years to be measured, and all.
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

    One row: `programmes`, `schools_each`, `in_one_authority`, `authorities` (where schools may be
    anywhere those that they come from), `too_small`.
    """
    programmes, each = draws.schools.shape
    return pd.DataFrame([{
        "programmes": programmes, "schools_each": each, "in_one_authority": draws.within,
        "authorities": draws.usable, "too_small": draws.too_small,
    }])  # fmt: skip


def low_attaining(baseline: pd.DataFrame) -> pd.Series:
    """Mark which schools are in the lower half of the pool by their mean over baseline years."""
    mean = baseline.mean(axis=1).round(AGREED)
    return mean < mean.median()


def mark_low(programme: Programme, panel: Panel, gaps: Gaps, members: Iterable[int]) -> pd.Series:
    """Mark who was low attaining when picked: members by the baseline, others by that of `gaps`.

    The two differ where chance is measured by another year's gaps (October: last year's). Then
    other schools count by years before those results: picked by the very year that is their
    outcome, they would fall short of what is expected by having been picked.
    """
    results = panel.wide(whole_of(programme.primary)).reindex(index=gaps.table.index)
    low = low_attaining(results[list(gaps.baseline)])
    own = low_attaining(results[list(programme.baseline)])
    own = own.reindex(low.index.intersection(list(members)))
    low.loc[own.index] = own
    return low


def is_whole_authority(gaps: Gaps, members: Iterable[int], barred: Iterable[int] = ()) -> bool:
    """Return whether a programme has nine in ten of its authority's schools in no other."""
    table = gaps.table[gaps.table["gap"].notna()]
    own = table.index.isin(list(members))
    if not own.any():
        return False
    home = table["la"][own].mode().iloc[0]
    others = ~own & ~table.index.isin(list(barred)) & table["la"].eq(home).to_numpy()
    here = int((own & table["la"].eq(home).to_numpy()).sum())
    return here >= WHOLE * (here + int(others.sum()))


@dataclass(frozen=True)
class Wanted:
    """What a placebo programme is like: how many schools, low attaining and not, in one place."""

    low: int
    rest: int
    within: bool
    home: int


def ask_for(
    gaps: Gaps, low: NDArray[np.bool_], members: Iterable[int], barred: Iterable[int] = ()
) -> Wanted:
    """Describe the programme that placebo programmes are to be like, by its schools with a gap.

    Of a whole authority only how many schools, since it was not picked within the authority.
    """
    table = gaps.table
    members = list(members)
    own = table.index.isin(members) & table["gap"].notna().to_numpy()
    if not own.any():
        raise DesignError(
            "No member has a gap in the primary outcome, so no programme can be drawn."
        )
    authority = table["la"].to_numpy()
    counts = pd.Series(authority[own]).value_counts()
    home = int(counts.index[0])
    lows = 0 if is_whole_authority(gaps, members, barred) else int((own & low).sum())
    return Wanted(lows, int(own.sum()) - lows, bool(counts.iloc[0] >= WHOLE * own.sum()), home)


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
    of them low attaining (`ask_for`); each authority that has enough of both is equally likely, and
    a draw's authority is the same for every programme of a report that it can hold. A real
    programme that is spread over authorities (fewer than nine in ten of its schools in one), or an
    England with too few authorities that could hold one, gets placebo programmes spread over all;
    `placebo_estimates` adds the authorities' years that those lack, and the paper says so.
    """
    table, chosen, never = gaps.table, list(members), list(barred)
    authority, lower = table["la"].to_numpy(), low.reindex(table.index).to_numpy(bool)
    wanted = ask_for(gaps, lower, chosen, never)
    if not wanted.low:
        lower = np.zeros(len(lower), dtype=bool)
    free = table["gap"].notna().to_numpy() & ~table.index.isin([*never, *chosen])
    everywhere = np.unique(authority[free & (authority != wanted.home)])
    cities, too_small = {}, 0
    if wanted.within:
        split = {int(city): _split(free & (authority == city), lower) for city in everywhere}
        cities = {city: two for city, two in split.items() if _has_enough(two, wanted)}
        too_small = len(everywhere) - len(cities)
    within, usable = len(cities) >= FEWEST_CITIES, len(cities)
    if not within:
        if wanted.within:  # elsewhere, as draws in one authority are
            free &= authority != wanted.home
        cities = {0: _split(free, lower)}
        each = table.loc[free, "la"].value_counts()
        too_small = len(each)
        usable = int((each >= FEWEST_OF_CITY).sum())
        if not _has_enough(cities[0], wanted):
            raise DesignError(
                f"Made-up programmes need {wanted.low} low-attaining and {wanted.rest} other "
                f"schools; outside every programme the pool has {len(cities[0][0])} and "
                f"{len(cities[0][1])}. Add sources or widen `pool`."
            )
    city = np.zeros(draws, dtype=np.int64)
    if within:
        city = _draw_cities(everywhere, np.array(sorted(cities)), draws)
    schools = _draw_schools(cities, city, wanted, rng)
    return PlaceboDraws(schools, city, usable, too_small, within)


def has_gap(gaps: Gaps, members: Iterable[int]) -> list[int]:
    """List the schools that have a gap, of those of a programme."""
    return [int(s) for s in gaps.table["gap"].reindex(list(members)).dropna().index]


def _split(here: NDArray[np.bool_], lower: NDArray[np.bool_]) -> _Two:
    """Split the schools of a place into the low-attaining ones and the rest."""
    return np.flatnonzero(here & lower), np.flatnonzero(here & ~lower)


def _has_enough(two: _Two, wanted: Wanted) -> bool:
    return len(two[0]) >= wanted.low and len(two[1]) >= wanted.rest


def _draw_cities(
    everywhere: NDArray[np.int64], usable: NDArray[np.int64], draws: int
) -> NDArray[np.int64]:
    """Draw the city of each placebo programme, all usable ones alike.

    From the same numbers whatever the programme: first any city, then, where that one is too small,
    a usable one. So two programmes of a city have their draws in the same cities, good years and
    bad, as far as these can hold both.
    """
    rng = np.random.default_rng(zlib.crc32(b"cities of placebo programmes"))
    first, second = rng.random((2, draws))
    city: NDArray[np.int64] = everywhere[(first * len(everywhere)).astype(np.int64)]
    again = ~np.isin(city, usable)
    city[again] = usable[(second[again] * len(usable)).astype(np.int64)]
    return city


def _draw_schools(
    cities: Mapping[int, _Two], city: NDArray[np.int64], wanted: Wanted, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw the schools of each placebo programme in its city."""
    schools = np.empty((len(city), wanted.low + wanted.rest), dtype=np.int64)
    for code, rows in pd.Series(city).groupby(city).indices.items():
        lows, rest = cities[int(str(code))]
        schools[rows, : wanted.low] = pick_schools(lows, wanted.low, len(rows), rng)
        schools[rows, wanted.low :] = pick_schools(rest, wanted.rest, len(rows), rng)
    return schools


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
        found = np.empty((times, size), dtype=among.dtype)
        for rows in in_blocks(times, len(among)):
            order = rng.random((len(found[rows]), len(among))).argsort(axis=1)
            found[rows] = among[order[:, :size]]
        return found
    picked = rng.integers(len(among), size=(times, size))
    again = np.arange(times)
    while len(again):
        inside = np.sort(picked[again], axis=1)
        again = again[(inside[:, 1:] == inside[:, :-1]).any(axis=1)]
        picked[again] = rng.integers(len(among), size=(len(again), size))
    return among[picked]


def mean_of(gaps: Gaps, schools: Iterable[int]) -> tuple[float, float]:
    """Return the precision-weighted mean gap of some schools, and its sampling variance."""
    rows = np.flatnonzero(gaps.table.index.isin(list(schools)))
    mean, variance = weighted_mean(gaps, rows)
    return float(mean), float(variance)


def weighted_mean(gaps: Gaps, schools: NDArray[np.int64]) -> tuple[Numbers, Numbers]:
    """Return the precision-weighted mean gap of each row of schools, and its sampling variance.

    A school without a gap counts for nothing. The variance is what the schools' own variances come
    to in the mean; a city's good or bad year is not in it.
    """
    gap = gaps.table["gap"].to_numpy()
    there = ~np.isnan(gap)
    weight = np.where(there, gaps.table["weight"].to_numpy(), 0.0)
    variance = np.where(there, gaps.table["variance"].to_numpy(), 0.0)
    weighted, squared = weight * np.where(there, gap, 0.0), weight**2 * variance
    *shape, size = schools.shape
    every = schools.reshape(math.prod(shape), size)
    mean, spread = np.empty((2, len(every)))
    for rows in in_blocks(len(every), size):
        some = every[rows]
        total = weight[some].sum(axis=-1)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean[rows] = weighted[some].sum(axis=-1) / total
            spread[rows] = squared[some].sum(axis=-1) / total**2
    return mean.reshape(shape)[()], spread.reshape(shape)[()]


BLOCK = 2**17
"""Numbers worked on at once: what a processor keeps at hand."""


def in_blocks(rows: int, width: int) -> Iterator[slice]:
    """Cut rows of a table into pieces that a processor keeps at hand."""
    step = max(1, BLOCK // max(width, 1))
    yield from (slice(start, start + step) for start in range(0, rows, step))


@dataclass(frozen=True)
class ChanceScale:
    """How far from zero placebo programmes are, by their own sampling variance: sqrt(a + b v)."""

    fixed: float
    slope: float
    of_draws: Numbers = field(repr=False)

    def at(self, variance: Numbers | float) -> Numbers | float:
        """Return the chance spread of programmes of these sampling variances."""
        spread: Numbers | float = np.sqrt(self.fixed + self.slope * variance)
        return spread


def fit_chance_scale(mean: Numbers, variance: Numbers, authority: NDArray[np.int64]) -> ChanceScale:
    """Fit the squares of placebo estimates on their sampling variance, neither part below zero.

    Ferman and Pinto (2019, Review of Economics and Statistics 101:452): groups of unequal size are
    not held to one yardstick. Each draw is scaled by a fit over other cities' draws.
    """
    there = np.isfinite(mean) & np.isfinite(variance)
    square = mean**2
    terms = np.array([np.ones(len(mean)), variance, variance**2, square, variance * square])
    terms[:, ~there] = 0.0
    cities, place = np.unique(authority, return_inverse=True)
    own = np.array([np.bincount(place, term, len(cities)) for term in terms]).T
    whole = own.sum(axis=0)
    others = (whole - own) if len(own) > 1 else own
    parts = np.array([_least_squares(*row) for row in others.tolist()])
    with np.errstate(invalid="ignore"):
        each = np.sqrt(parts[place, 0] + parts[place, 1] * variance)
    return ChanceScale(*_least_squares(*whole.tolist()), np.where(each > 0, each, 1.0))


def scale_draws(
    mean: Numbers, variance: Numbers, authority: NDArray[np.int64], own: float
) -> Numbers:
    """Return placebo estimates on the scale of a programme whose sampling variance is `own`.

    Each is scaled by the programme's chance spread over that of its own (`fit_chance_scale`), so
    that a group of small schools is no yardstick for a group of large ones.
    """
    chance = fit_chance_scale(mean, variance, authority)
    scaled: Numbers = mean * chance.at(own) / chance.of_draws
    return scaled


def _least_squares(n: float, v: float, vv: float, ee: float, vee: float) -> tuple[float, float]:
    """Fit e^2 on (1, v) from its sums, neither part below zero."""
    if n == 0 or ee == 0:
        return 1.0, 0.0
    spread = n * vv - v**2
    slope = (n * vee - v * ee) / spread if spread > 1e-12 * n * vv else 0.0
    fixed = (ee - slope * v) / n
    if fixed < 0:
        return 0.0, vee / vv
    return (fixed, slope) if slope > 0 else (ee / n, 0.0)


def placebo_estimates(
    gaps: Mapping[str, Gaps],
    draws: PlaceboDraws,
    members: Iterable[int],
    real: Mapping[str, Gaps] | None = None,
    *,
    scaled: bool = True,
) -> pd.DataFrame:
    """Estimate every placebo programme as the real one is, on the real one's scale.

    One row per draw: `draw`, `la`, then one column per outcome, in the outcome's unit, as
    `scale_draws` has them unless `scaled` is false. `real` has the members' own gaps where `gaps`
    is another year's (October).
    """
    chosen = list(members)
    table = pd.DataFrame(
        {"draw": np.arange(1, len(draws.authorities) + 1), "la": draws.authorities}
    )
    for outcome, found in gaps.items():
        mean, variance = weighted_mean(found, draws.schools)
        own = (real or gaps)[outcome]
        if scaled:
            mean = scale_draws(mean, variance, draws.authorities, mean_of(own, chosen)[1])
        table[outcome] = mean + draw_years(found, draws, chosen, own)
    return table


def draw_years(
    gaps: Gaps, draws: PlaceboDraws, members: Iterable[int], real: Gaps | None = None
) -> Numbers | float:
    """Draw the good and bad years that draws from many authorities lack; none of one authority.

    Schools of one authority share its year. As far as the programme's schools lie closer together
    than a draw's (`measure_closeness`), the draw is given a year of its own, normal, of the
    variance that authorities' years have (`Gaps.city_variance`); otherwise chance would seem
    smaller than it is. The same for all programmes of an outcome and year, in the order of draws.
    `real` has the members' own gaps where `gaps` is of another year or pool.
    """
    own = real or gaps
    rows = np.flatnonzero(own.table.index.isin(list(members)))
    if draws.within or not len(rows) or gaps.city_variance == 0:
        return 0.0
    lacking = measure_closeness(own, rows[None, :]) - measure_closeness(gaps, draws.schools)
    named = zlib.crc32(f"years of authorities, {gaps.outcome} {gaps.year}".encode())
    year = np.random.default_rng(named).standard_normal(len(draws.schools))
    drawn: Numbers = year * np.sqrt(gaps.city_variance * np.clip(lacking, 0.0, None))
    return drawn


def measure_closeness(gaps: Gaps, schools: NDArray[np.int64]) -> Numbers:
    """Return the sum of squares of authorities' shares in each row: 1 where all are in one.

    A school counts by its weight in the mean, one without a gap for nothing.
    """
    weight = gaps.table["weight"].where(gaps.table["gap"].notna(), 0.0).to_numpy(float)
    every, place = np.unique(gaps.table["la"].to_numpy(float), return_inverse=True)
    found = np.empty(len(schools))
    for rows in in_blocks(len(schools), max(len(every), schools.shape[1])):
        some = schools[rows]
        at = place[some] + len(every) * np.arange(len(some))[:, None]
        parts = np.bincount(at.ravel(), weight[some].ravel(), len(some) * len(every))
        parts = parts.reshape(len(some), len(every))
        with np.errstate(invalid="ignore", divide="ignore"):
            found[rows] = ((parts / parts.sum(axis=1, keepdims=True)) ** 2).sum(axis=1)
    return np.nan_to_num(found)

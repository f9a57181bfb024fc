"""Schools that join later: each counts from its own first year, under the same placebo cities.

Cells by start and year come first and their mean second (Callaway and Sant'Anna, 2021, Journal of
Econometrics 225:200), so that nobody is compared with schools that have started already, and no
cell counts against another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pepstats.impact import Gaps, PlaceboDraws, draw_years, has_gap, scale_draws, weighted_mean
from pepstats.measures import list_refused_breaks
from pepstats.programmes.beside import tell_range
from pepstats.schools import Panel
from pepstats.settings import Programme, read_first_year

Numbers = NDArray[np.float64]

FEWEST_IN_A_CELL = 4
"""Of fewer schools no cell is told by itself; they count in the mean of all cells."""

ALL_STARTS = "all"
CELL_COLUMNS = [
    "programme", "outcome", "start", "year", "n_schools", "estimate", "low", "high", "p", "reason",
]  # fmt: skip
FEW = f"fewer than {FEWEST_IN_A_CELL} schools: counted in the mean of all"


def list_starts(programme: Programme, joined: pd.Series) -> pd.Series:
    """Return the first year of each school's own results: the programme's, or a later one."""
    years = [read_first_year(one) or programme.starts for one in joined]
    return pd.Series(years, index=joined.index, dtype=int).clip(lower=programme.starts)


@dataclass(frozen=True)
class CellRequest:
    """The schools of one start: the years before it that they are matched on, and those since."""

    start: int
    baseline: tuple[int, ...]
    years: tuple[int, ...]
    schools: tuple[int, ...] = field(repr=False)
    reason: str = ""


def request_cells(
    programme: Programme, panel: Panel, starts: pd.Series, year: int
) -> list[CellRequest]:
    """List what each start needs: as many years before it as the programme's, the latest ones."""
    released = panel.releases.reindex(columns=[programme.primary])[programme.primary]
    there = sorted(int(one) for one in released.index[released.fillna("").ne("")])
    requests = []
    for start, own in starts[starts <= year].groupby(starts):
        first = int(str(start))
        before = [one for one in there if one < first][-len(programme.baseline) :]
        since = tuple(one for one in there if first <= one <= year)
        reason = ""
        if len(before) < len(programme.baseline) or not since:
            reason = f"too few years of results before {first}"
        elif list_refused_breaks(programme.primary, [*before, *since], programme.compare_across):
            reason = f"results changed their meaning between {before[0]} and {since[-1]}"
        schools = tuple(sorted(int(school) for school in own.index))
        requests.append(CellRequest(first, tuple(before), since, schools, reason))
    return requests


@dataclass(frozen=True)
class StartCells:
    """An outcome of a programme whose schools started in several years.

    `table` has one row per `start` and `year`, then that of all starts; `estimate` and `chance` are
    of all starts in the last year, `shares` what each school counts in it, `variance` of each gap.
    """

    table: pd.DataFrame
    estimate: float
    chance: Numbers = field(repr=False)
    shares: pd.Series = field(repr=False)
    variance: pd.Series = field(repr=False)


def add_cells(
    programme: Programme,
    requests: Sequence[CellRequest],
    gaps: Mapping[tuple[int, int], Gaps],
    draws: PlaceboDraws,
    pool: pd.Index,
    low: pd.Series,
) -> StartCells | None:
    """Estimate each start's cells in one outcome, and their mean by number of schools.

    `gaps` has those of the primary outcome by start and year; the schools of a draw, positions in
    `pool`, are dealt out to the starts as the programme's are, low attaining and not. None where no
    start has gaps in the last year.
    """
    last = max((year for _, year in gaps), default=0)
    dealt = _deal_columns(requests, draws, low)
    rows, parts = [], []
    outcome = programme.primary
    for one in requests:
        for year in one.years:
            found = gaps.get((one.start, year))
            own = has_gap(found, one.schools) if found is not None else []
            key = (programme.slug, outcome, str(one.start), year, len(own))
            if found is None or not own:
                rows.append((*key, *[np.nan] * 4, one.reason or "no school has a gap"))
                continue
            cell = _estimate_cell(found, own, draws, dealt[one.start], pool)
            told = _tell(cell, draws) if len(own) >= FEWEST_IN_A_CELL else [np.nan] * 4
            rows.append((*key, *told, "" if len(own) >= FEWEST_IN_A_CELL else FEW))
            if year == last:
                parts.append((found, own, cell))
    if not parts:
        return None
    together = _add_up([cell for _, _, cell in parts], [len(own) for _, own, _ in parts])
    schools = sum(len(own) for _, own, _ in parts)
    rows.append((programme.slug, outcome, ALL_STARTS, last, schools, *_tell(together, draws), ""))
    weights = pd.concat(
        [_share(found, own) * len(own) / schools for found, own, _ in parts]
    ).sort_index()
    variance = pd.concat([found.table["variance"].loc[own] for found, own, _ in parts])
    table = pd.DataFrame(rows, columns=CELL_COLUMNS)
    variance, scaled = variance.reindex(weights.index), _scale(together, draws)
    return StartCells(table, float(together[0][0]), scaled, weights, variance)


_Cell = tuple[Numbers, Numbers]
"""Means and sampling variances: of the schools of a cell first, then of each draw's."""


def _deal_columns(
    requests: Sequence[CellRequest], draws: PlaceboDraws, low: pd.Series
) -> dict[int, NDArray[np.int64]]:
    """Deal the schools of each draw out to the starts, as many low-attaining ones as each has.

    The low-attaining schools of a draw come first. A start that is left without any has them all.
    """
    every = np.arange(draws.schools.shape[1])
    lows = {one.start: int(low.reindex(one.schools).fillna(value=False).sum()) for one in requests}
    columns = {}
    front, back = 0, len(every)
    for one in requests:
        some = lows[one.start]
        rest = len(one.schools) - some
        own = np.concatenate([every[front : front + some], every[max(back - rest, front) : back]])
        front, back = front + some, max(back - rest, front)
        columns[one.start] = np.unique(own) if len(own) else every
    return columns


def _estimate_cell(
    gaps: Gaps, own: Sequence[int], draws: PlaceboDraws, columns: NDArray[np.int64], pool: pd.Index
) -> _Cell:
    mean, variance = weighted_mean(gaps, gaps.table.index.get_indexer(own))
    of_pool = replace(gaps, table=gaps.table.reindex(pool))
    some = replace(draws, schools=draws.schools[:, columns])
    drawn, drawn_variance = weighted_mean(of_pool, some.schools)
    drawn = drawn + draw_years(of_pool, some, own, gaps)
    return np.append(mean, drawn), np.append(variance, drawn_variance)


def _add_up(cells: Sequence[_Cell], schools: Sequence[int]) -> _Cell:
    """Average cells by their number of schools."""
    share = np.array(schools, dtype=float) / sum(schools)
    means = [s * mean for s, (mean, _) in zip(share, cells, strict=True)]
    variances = [s**2 * variance for s, (_, variance) in zip(share, cells, strict=True)]
    return np.sum(means, axis=0), np.sum(variances, axis=0)


def _scale(cell: _Cell, draws: PlaceboDraws) -> Numbers:
    mean, variance = cell
    return scale_draws(mean[1:], variance[1:], draws.authorities, float(variance[0]))


def _tell(cell: _Cell, draws: PlaceboDraws) -> list[float]:
    return tell_range(float(cell[0][0]), _scale(cell, draws), draws.usable)


def _share(gaps: Gaps, own: Sequence[int]) -> pd.Series:
    weight: pd.Series = gaps.table["weight"].loc[list(own)]
    return weight / weight.sum()

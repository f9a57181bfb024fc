"""The sampling error of schools' figures, and draws of their likely true values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pepstats.formatting import AGREED
from pepstats.measures import EACH_HUNDRED, MEASURES
from pepstats.schools import Panel

Floats = npt.NDArray[np.float64]
Cell = tuple[str, int]
NORMAL_95 = 1.96

PUPIL_SD = {
    # Key stage 2 progress: from the published limits, (upper - lower) / 3.92 x root of the pupils
    # covered, mean of 2017 to 2019. Progress 8: the same, England 2019.
    "reading_progress": 6.13,
    "writing_progress": 5.84,
    "maths_progress": 5.47,
    "progress8": 1.283,
    # Scaled scores: between-school variance against 1 / cohort, England's primaries 2017 and 2018.
    "reading_score": 8.9,
    "maths_score": 8.4,
    "gps_score": 8.5,
    # Assumed: no published file shows them.
    "attainment8": 19.0,
    "absence": 6.0,
}
"""Standard deviation between pupils, where it is not that of a percentage."""

PUPIL_CORRELATION = {
    # How two figures of the same pupils move together: products of schools' deviations regressed
    # on 1 / cohort, 13,800 and 14,000 primaries in 2017 and 2018 (absence: 15,600 in 2019).
    ("rwm_expected", "rwm_higher"): 0.23,
    ("rwm_expected", "reading_progress"): 0.50,
    ("rwm_expected", "writing_progress"): 0.34,
    ("rwm_expected", "maths_progress"): 0.63,
    ("rwm_higher", "reading_progress"): 0.25,
    ("rwm_higher", "writing_progress"): 0.16,
    ("rwm_higher", "maths_progress"): 0.37,
    ("reading_progress", "writing_progress"): 0.18,
    ("reading_progress", "maths_progress"): 0.44,
    ("writing_progress", "maths_progress"): 0.12,
    ("absence", "persistent_absence"): 0.77,
    ("attainment8", "progress8"): 0.65,  # assumed
}
"""Pairs not listed are taken as unrelated."""

COVERED = 0.955  # of a cohort, in the progress measures, where a school's own share is not given
ENGLAND_PUPILS = 4.0  # as many pupils at England's rate steady a percentage near 0 or 100
UNKNOWN_COHORT = 10.0  # pupils, where a source gives none of any school
ENOUGH_SCHOOLS = 30  # to learn from the others how much true values differ


def settle_figures(values: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Return figures at decimals that all machines agree on; draws, with half the digits, as is."""
    return np.round(values, AGREED) if values.dtype == np.float64 else values


def limits_of(measure: str) -> tuple[str, str]:
    """Name the measures that hold the published 95% limits of another."""
    base, dot, group = measure.partition(".")
    return f"{base}_lower{dot}{group}", f"{base}_upper{dot}{group}"


def panel_column(panel: Panel, measure: str, year: int, schools: pd.Index) -> Floats:
    """Return one measure of one year for the schools asked, missing where there is none.

    At decimals that all machines agree on: a figure that is just on a line is so on each of them.
    """
    cells = _cells(panel.values, measure, year, schools)
    return np.round(np.asarray(cells, dtype=float), AGREED)


def panel_reason(
    panel: Panel, measure: str, year: int, schools: pd.Index
) -> npt.NDArray[np.object_]:
    """Return why one measure of one year is missing, empty where it is not."""
    why = np.asarray(_cells(panel.reasons, measure, year, schools), dtype=object)
    return np.where(pd.isna(why), "", why)


def _cells(table: pd.DataFrame, measure: str, year: int, schools: pd.Index) -> Any:
    """Return one column's cells of one year, all missing where there is no such column."""
    if measure not in table.columns:
        return np.full(len(schools), np.nan)
    index = table.index
    # In a grid, every school with every year, a cell's place is worked out, not looked up: looking
    # each up by its two names takes fifty times as long, and there are thousands of look-ups.
    everyone, years = index.levels
    if len(index) == len(everyone) * len(years) and index.is_monotonic_increasing:
        row, column = everyone.get_indexer(schools), years.get_indexer([year])[0]
        place = np.where((row >= 0) & (column >= 0), row * len(years) + column, -1)
    else:
        place = index.get_indexer(pd.MultiIndex.from_product([schools, [year]]))
    return table[measure].array.take(place, allow_fill=True)


def cohort_of(panel: Panel, measure: str, year: int, schools: pd.Index) -> Floats:
    """Return the pupils behind a measure, the median school's number where it is not known.

    Where no school's number is known, so few that no difference is more than chance.
    """
    pupils = panel_column(panel, MEASURES[measure].cohort, year, schools)
    middle = np.nanmedian(pupils) if np.isfinite(pupils).any() else UNKNOWN_COHORT
    return np.where(np.isfinite(pupils) & (pupils > 0), pupils, middle)


def standard_error(panel: Panel, measure: str, year: int, schools: pd.Index) -> Floats:
    """Estimate each school's sampling error: published limits, else as counts or pupils vary.

    Percentages are binomial, counts for each hundred pupils Poisson, the rest by `PUPIL_SD`;
    missing where the measure is, zero for a measure that another year's pupils would not move.
    """
    value = panel_column(panel, measure, year, schools)
    pupils = cohort_of(panel, measure, year, schools)
    known, base = MEASURES[measure], measure.partition(".")[0]
    if base in PUPIL_SD:
        covered = COVERED if base.endswith("_progress") else 1.0
        error = PUPIL_SD[base] / np.sqrt(pupils * covered)
    elif known.percent:
        steadied = _steadied(value, pupils)
        error = np.sqrt(np.clip(steadied * (100 - steadied), 0, None) / pupils)
    elif known.unit == EACH_HUNDRED:
        error = 10 * np.sqrt(_steadied(value, pupils) / pupils)
    else:
        error = np.zeros(len(schools))
    lower, upper = (panel_column(panel, name, year, schools) for name in limits_of(measure))
    published = (upper - lower) / (2 * NORMAL_95)
    error = np.where(np.isfinite(published) & (published > 0), published, error)
    return np.where(np.isfinite(value), error, np.nan)


def _steadied(value: Floats, pupils: Floats) -> Floats:
    """Shrink a rate a little towards all schools', so that none or all of few is not certain."""
    england = np.nansum(value * pupils) / max(float(np.nansum(pupils * np.isfinite(value))), 1.0)
    return np.asarray((value * pupils + england * ENGLAND_PUPILS) / (pupils + ENGLAND_PUPILS))


def upper_limit(panel: Panel, measure: str, year: int, schools: pd.Index) -> Floats:
    """Return the upper 95% limit: published, or else estimated from the pupils."""
    published = panel_column(panel, limits_of(measure)[1], year, schools)
    value = panel_column(panel, measure, year, schools)
    estimate = value + NORMAL_95 * standard_error(panel, measure, year, schools)
    return np.where(np.isfinite(published), published, estimate)


@dataclass(frozen=True)
class Sampling:
    """A normal model of schools' true values, of which published figures are samples.

    `between` and `related` are cell by cell, the others school by cell.
    """

    cells: tuple[Cell, ...]
    figures: Floats  # as published
    errors: Floats  # their standard errors, missing alike
    means: Floats  # the prior mean: of schools of the same kind
    between: Floats  # the prior covariance: how true values differ between schools
    related: Floats  # the correlation of cells' sampling errors within a school
    overlap: Floats  # the root of the share of the cohort that a cell's group is

    def draw(
        self, rows: npt.NDArray[np.intp], draws: int, rng: np.random.Generator
    ) -> npt.NDArray[np.float32]:
        """Draw from the posterior of schools' true values, shape (rows, cells, draws).

        A small school's figure says less about it, so its draws lie nearer to schools of its kind
        (empirical Bayes; Gelman et al., Bayesian Data Analysis, 2013, chapter 5). Cells a school
        does not have are missing in every draw.
        """
        there = np.isfinite(self.figures[rows])
        used = np.flatnonzero(there.any(axis=0))
        drawn = np.full((len(rows), len(self.cells), draws), np.nan, dtype=np.float32)
        if not len(used):
            return drawn
        centre, root = self._posterior(rows, used, there[:, used])
        normal = rng.standard_normal((len(rows), len(used), draws), dtype=np.float32)
        # Summed in full: halved, last digits that are each machine's would reach the colours.
        likely = (root @ normal.astype(float) + centre[:, :, None]).astype(np.float32)
        for place, cell in enumerate(used):
            known = MEASURES[self.cells[cell][0]]
            if known.percent or known.unit == EACH_HUNDRED:
                most = 100 if known.percent else None
                np.clip(likely[:, place], 0, most, out=likely[:, place])
        likely[~there[:, used]] = np.nan
        drawn[:, used] = likely
        return drawn

    def _posterior(
        self, rows: npt.NDArray[np.intp], used: npt.NDArray[np.intp], there: npt.NDArray[np.bool_]
    ) -> tuple[Floats, Floats]:
        """Return the posterior mean and the symmetric root of its covariance, in cells used."""
        scale = np.sqrt(np.diag(self.between)[used])
        between = self.between[np.ix_(used, used)] / np.outer(scale, scale)
        error = np.where(there, self.errors[np.ix_(rows, used)], 0.0) / scale
        overlap = np.nan_to_num(self.overlap[np.ix_(rows, used)])
        related = self.related[np.ix_(used, used)] * overlap[:, :, None] * overlap[:, None, :]
        eye = np.eye(len(used), dtype=bool)
        related[:, eye] = 1.0
        noise = related * error[:, :, None] * error[:, None, :]
        noise[:, eye] += np.where(there, 1e-9, 1e6)
        off = np.where(there, (self.figures - self.means)[np.ix_(rows, used)] / scale, 0.0)
        weight = np.linalg.solve(between + noise, np.broadcast_to(between, noise.shape))
        centre = np.einsum("sjk,sj->sk", weight, off)
        spread = between - between @ weight
        size, direction = np.linalg.eigh((spread + spread.transpose(0, 2, 1)) / 2)
        stretched = direction * np.sqrt(np.clip(size, 0, None))[:, None, :]
        root = stretched @ direction.transpose(0, 2, 1)
        return self.means[np.ix_(rows, used)] + centre * scale, root * scale[None, :, None]


def sampling_of(panel: Panel, register: pd.DataFrame, cells: Sequence[Cell]) -> Sampling:
    """Estimate from all schools in the panel how far pupils, and schools, move each cell."""
    schools = register.index
    figures, errors, overlap = (np.empty((len(schools), len(cells))) for _ in range(3))
    for place, (measure, year) in enumerate(cells):
        figures[:, place] = panel_column(panel, measure, year, schools)
        errors[:, place] = standard_error(panel, measure, year, schools)
        overlap[:, place] = _overlap(panel, measure, year, schools)
    means = _means_of_kind(figures, register)
    related = np.array([[_relate(one, other) for other in cells] for one in cells], dtype=float)
    between = _between_schools(figures - means, errors, related, overlap)
    return Sampling(tuple(cells), figures, errors, means, between, related, overlap)


def _means_of_kind(figures: Floats, register: pd.DataFrame) -> Floats:
    """Return the mean of schools of the same phase and type, or of all where these are few."""
    table = pd.DataFrame(figures, index=register.index)
    overall = table.mean().fillna(0.0)
    kind = [register["phase"], register["school_type"]]
    enough = table.groupby(kind).transform("count") >= ENOUGH_SCHOOLS
    means = table.groupby(kind).transform("mean").where(enough)
    return np.asarray(means.fillna(overall).to_numpy(dtype=float), dtype=float)


def _between_schools(off: Floats, errors: Floats, related: Floats, overlap: Floats) -> Floats:
    """Estimate how true values differ between schools: what is seen, less what pupils explain.

    Moments weighted by precision, pair by pair over the schools that have both; where schools are
    too few to tell, a spread so wide that nothing is learned from the others.
    """
    there = np.isfinite(off)
    seen = np.where(there, off, 0.0)
    variance = np.where(there, errors, 0.0) ** 2
    count = there.sum(axis=0)
    total = (seen**2).sum(axis=0) / np.maximum(count, 1)
    weight = np.sqrt(there / (total / 2 + variance + 1e-12))
    square = (weight**2).sum(axis=0)
    own = ((weight**2) * (seen**2 - variance)).sum(axis=0) / np.maximum(square, 1e-12)
    few = count < ENOUGH_SCHOOLS
    typical = variance.sum(axis=0) / np.maximum(count, 1)
    spread = np.where(few, 1e4 * (typical + total + 1e-6), np.maximum(own, 0.05 * total + 1e-9))
    pairs = there.T.astype(float) @ there
    chance = weight * np.sqrt(variance) * np.where(np.isfinite(overlap), overlap, 0.0)
    cross = (weight * seen).T @ (weight * seen) - related * (chance.T @ chance)
    cross /= np.maximum(weight.T @ weight, 1e-12)
    cross[(pairs < ENOUGH_SCHOOLS) | few[:, None] | few[None, :]] = 0.0
    together = np.clip(cross / np.sqrt(np.outer(spread, spread)), -0.98, 0.98)
    np.fill_diagonal(together, 1.0)
    size, direction = np.linalg.eigh(together)  # pair by pair need not be a covariance: make it one
    together = (direction * np.clip(size, 1e-3, None)) @ direction.T
    together /= np.sqrt(np.outer(np.diag(together), np.diag(together)))
    return np.asarray(together * np.sqrt(np.outer(spread, spread)), dtype=float)


def _relate(one: Cell, other: Cell) -> float:
    """Return the correlation of two cells' sampling errors, none of other years or pupils."""
    (a, a_group), (b, b_group) = (cell[0].partition(".")[::2] for cell in (one, other))
    if one[1] != other[1] or (a_group and b_group and a_group != b_group):
        return 0.0
    if a == b:
        return 1.0
    return PUPIL_CORRELATION.get((a, b), PUPIL_CORRELATION.get((b, a), 0.0))


def _overlap(panel: Panel, measure: str, year: int, schools: pd.Index) -> Floats:
    base, _, group = measure.partition(".")
    if not group:
        return np.ones(len(schools))
    share = cohort_of(panel, measure, year, schools) / cohort_of(panel, base, year, schools)
    return np.sqrt(np.clip(share, 0.0, 1.0))

"""What was known of each school before a year's results, as far as it helps to expect them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from pepstats import codes
from pepstats.panel import Panel

SAME_TESTS = {"ks2": ("reading_score", "maths_score"), "ks4": ("attainment8", "progress8")}
"""Scores of the same tests without a pass mark: they say more of a school than a share above one.

On made-up programmes in real England they lower the spread of the estimate by 1 in 100 for the
expected standard and by 5 for reading progress; the other published results add no more.
"""


def known_before(
    panel: Panel,
    schools: pd.DataFrame,
    outcome: str,
    *,
    years: Iterable[int],
    before: int,
    outside: np.ndarray,
    others: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Give what was known of each school in `years`, to expect its result in the year `before`.

    Its own results, and each of them times its cohort (more pupils' results say more of the next
    ones: without it, large low schools are expected to rise too far); the mean of the other schools
    of its authority (a city's history); its scores in the same tests, on average over the years;
    its latest cohort, as a logarithm; `others`, whatever else it was matched on; its kind (the
    exact keys among the columns of `schools`, that also has `la`). Each in standard deviations from
    the mean of its year over the schools `outside` every programme, so that two years' can be
    compared: columns are named by how long before. A school without a figure is taken to be as
    schools are on average; only its own results must be there.
    """
    chosen, measure = sorted(years), codes.MEASURES[outcome]
    own = panel.wide(outcome).reindex(index=schools.index)[chosen]
    own = own.rename(columns=lambda year: f"{outcome}, {before - year} before")
    city = mean_of_others(own, schools["la"]).rename(columns=lambda name: f"authority's {name}")
    cohort = panel.wide(measure.cohort).reindex(index=schools.index)[chosen[-1]]
    parts = [own, city, np.log(cohort.clip(lower=1)).rename("cohort"), others]
    for name in SAME_TESTS.get(measure.kind, ()):
        if name != outcome and name in panel.values.columns:
            scores = panel.wide(name).reindex(index=schools.index, columns=chosen)
            parts.append(_standardise(scores, outside).mean(axis=1).rename(name))
    kinds = schools.select_dtypes(exclude="number")
    if len(kinds.columns):
        parts.append(pd.get_dummies(kinds, dtype=float))
    known = _standardise(pd.concat(parts, axis=1), outside)
    by_size = known[own.columns].mul(known["cohort"], axis=0)
    return known.join(by_size.rename(columns=lambda name: f"{name}, by cohort")).fillna(0.0)


def _standardise(table: pd.DataFrame, outside: np.ndarray) -> pd.DataFrame:
    """Give a table in standard deviations from the mean, both over the schools outside."""
    there = table[outside]
    spread = there.std()
    return (table - there.mean()) / spread.where(spread > 0, 1.0)


def mean_of_others(earlier: pd.DataFrame, authority: pd.Series) -> pd.DataFrame:
    """Mean of the other schools of each school's authority; its own where it has no other."""
    by_city = earlier.groupby(authority)
    total, count = by_city.transform("sum"), by_city.transform("count")
    others = (total - earlier.fillna(0.0)) / (count - earlier.notna()).replace(0, np.nan)
    return others.fillna(earlier)

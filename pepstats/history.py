"""What was known of each school before a year's results, as far as it helps to expect them.

Further published results (scores in the same tests, most able, groups) were tried on made-up
programmes in real England: they lower the spread of the estimate by 1 in 100 for the expected
standard, so they are left out for the shorter sum.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from pepstats import codes
from pepstats.panel import Panel


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
    of its authority (a city's history); its latest cohort, as a logarithm; `others`, whatever else
    it was matched on; its kind (the exact keys among the columns of `schools`, that also has `la`).
    Each in standard deviations from the mean of its year over the schools `outside` every
    programme, so that two years' can be compared: columns are named by how long before. A school
    whose own results are not all there has noughts, so that the sums hold, and is given no gap by
    those who ask.
    """
    chosen, measure = sorted(years), codes.MEASURES[outcome]
    own = panel.wide(outcome).reindex(index=schools.index)[chosen]
    own = own.rename(columns=lambda year: f"{outcome}, {before - year} before")
    city = mean_of_others(own, schools["la"]).rename(columns=lambda name: f"authority's {name}")
    cohort = panel.wide(measure.cohort).reindex(index=schools.index)[chosen[-1]]
    parts = [own, city, np.log(cohort.clip(lower=1)).rename("cohort"), others]
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

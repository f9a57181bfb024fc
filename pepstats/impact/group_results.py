"""A group's results beside others': the gap to England's other pupils, and the schools lost."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from pepstats.impact.design import FEWEST_SCHOOLS, Inputs
from pepstats.impact.not_estimated import FEWEST_OF_GROUP
from pepstats.impact.october import published_levels
from pepstats.measures import MEASURES, whole_of
from pepstats.settings import Programme

NATIONAL_GAP_COLUMNS = [
    "outcome", "year", "own", "england_own", "england_other", "gap", "n_schools", "n_pupils",
    "release", "reason",
]  # fmt: skip
KEPT, LEFT_OUT = "in the estimate", "left out"
LOST_COLUMNS = ["which", "n_schools", "year", "group_pupils", "all_pupils_result"]
GROUP = "disadvantaged"


def measure_national_gap(
    programme: Programme, inputs: Inputs, members: Iterable[int]
) -> pd.DataFrame:
    """Set a programme's disadvantaged pupils beside England's other pupils, before and after.

    The pupils of its schools that have the group's result in every year, each pupil counting
    alike, less *national other*: England's published figure for pupils who are not disadvantaged.
    One row per baseline year and the outcome year: `own`, `england_own` (the same group in
    England), `england_other`, `gap`, `n_schools`, `n_pupils`, `release`; `reason` where there is
    no gap. Empty for a programme that is not for
    disadvantaged pupils, or whose sources lack their results.
    """
    whole, panel = whole_of(programme.primary), inputs.panel
    outcome, other = f"{whole}.{GROUP}", f"{whole}.other"
    there = outcome in MEASURES and {outcome, MEASURES[outcome].cohort} <= set(panel.values.columns)
    if not there or GROUP not in (programme.whom, programme.primary.partition(".")[2]):
        return pd.DataFrame(columns=NATIONAL_GAP_COLUMNS)
    years = [*sorted(programme.baseline), inputs.year]
    results, pupils = (
        panel.wide(name).reindex(index=sorted(members), columns=years)
        for name in (outcome, MEASURES[outcome].cohort)
    )
    whole_set = (results.notna() & (pupils > 0)).all(axis=1)
    results, pupils = results[whole_set], pupils[whole_set]
    group, england = (published_levels(one, inputs.national) for one in (outcome, other))
    rows, schools = [], int(whole_set.sum())
    for year in years:
        counted = int(pupils[year].sum())
        reason = _why_no_gap(schools, counted, year in england)
        own = float((results[year] * pupils[year]).sum() / max(counted, 1))
        few = schools < FEWEST_OF_GROUP[0] or counted < FEWEST_OF_GROUP[1]
        same, level = (one.get(year, float("nan")) for one in (group, england))
        release = str(panel.releases[outcome].get(year, ""))
        own = float("nan") if few else own
        rows.append(
            (outcome, year, own, same, level, own - level, schools, counted, release, reason)
        )
    return pd.DataFrame(rows, columns=NATIONAL_GAP_COLUMNS)


def _why_no_gap(schools: int, pupils: int, known: bool) -> str:
    """Say why there is no gap to England's other pupils in a year; nothing where there is one."""
    fewest = FEWEST_OF_GROUP
    if schools < fewest[0] or pupils < fewest[1]:
        return f"fewer than {fewest[0]} schools or {fewest[1]} pupils in every year"
    return "" if known else "England's figure for other pupils is in no source"


def compare_lost(
    programme: Programme, inputs: Inputs, gaps: pd.DataFrame, members: Iterable[int]
) -> pd.DataFrame:
    """Compare the schools that lack a group's figure with those that the estimate rests on.

    `gaps` as `Gaps.table` of the outcome that leads. One row for either: `n_schools`, and in the
    last baseline `year` the mean number of pupils in the group where it is published, and the mean
    result of all pupils; neither of fewer than four schools. Empty where all pupils' results lead.
    """
    outcome, whole = programme.primary, whole_of(programme.primary)
    if outcome == whole:
        return pd.DataFrame(columns=LOST_COLUMNS)
    year, rows = max(programme.baseline), []
    own = gaps["gap"].reindex(sorted(members))
    known = [
        inputs.panel.wide(name).get(year, pd.Series(dtype=float))
        if name in inputs.panel.values
        else pd.Series(dtype=float)
        for name in (MEASURES[outcome].cohort, whole)
    ]
    for which, schools in ((KEPT, own.index[own.notna()]), (LEFT_OUT, own.index[own.isna()])):
        few = len(schools) < FEWEST_SCHOOLS
        means = [float("nan") if few else float(one.reindex(schools).mean()) for one in known]
        rows.append((which, len(schools), year, *means))
    return pd.DataFrame(rows, columns=LOST_COLUMNS)

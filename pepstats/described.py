"""What no comparison can be made of: described beside the authority's series, given no effect."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from pepstats import codes
from pepstats.panel import Panel
from pepstats.refusals import FEWEST_PUPILS, FEWEST_SCHOOLS

OWN, HERE, ENGLAND = "the programme's schools", "the authority", "England"
COLUMNS = ("measure", "year", "whose", "value", "n_schools", "n_pupils", "release", "reason")


def list_described(outcomes: Iterable[str]) -> list[str]:
    """List the groups of a programme's outcomes that are never published by school."""
    first = list(dict.fromkeys(outcome.split(".")[0] for outcome in outcomes))
    named = [f"{outcome}.{group}" for outcome in first for group in codes.LOCAL_GROUPS]
    return [name for name in named if name in codes.MEASURES]


def describe_held(
    panel: Panel, series: pd.DataFrame, outcomes: Iterable[str], members: Iterable[int]
) -> pd.DataFrame:
    """Describe what only the authority holds by school, year by year, beside published series.

    `series` as from `listings.tabulate_series`. One row per `measure`, `year` and `whose`: the
    programme's schools together (each pupil counting alike, never one school), the authority and
    England; `reason` where too few schools or pupils are behind a figure to show it.
    """
    rows = []
    for measure in list_described(outcomes):
        own = _describe_own(panel, measure, list(members))
        published = series[series["measure"] == measure]
        if not own and published.empty:
            continue
        rows += own
        rows += [
            (measure, int(row["year"]), row["whose"], row["value"], None, None, "published",
             row["reason"])
            for row in published.to_dict("records")
        ]  # fmt: skip
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    whole = {"n_schools": "Int64", "n_pupils": "Int64"}
    return table.astype(whole).sort_values(["measure", "year", "whose"], ignore_index=True)


def _describe_own(panel: Panel, measure: str, members: list[int]) -> list[tuple[object, ...]]:
    cohort = codes.MEASURES[measure].cohort
    if measure not in panel.values.columns or cohort not in panel.values.columns:
        return []
    values, pupils = (panel.wide(name).reindex(index=members) for name in (measure, cohort))
    rows: list[tuple[object, ...]] = []
    for year in values.columns[values.notna().any()]:
        there = values[year].notna() & (pupils[year] > 0)
        schools, counted = int(there.sum()), int(pupils[year][there].sum())
        few = schools < FEWEST_SCHOOLS or counted < FEWEST_PUPILS
        mean = float((values[year] * pupils[year])[there].sum() / max(counted, 1))
        reason = f"fewer than {FEWEST_SCHOOLS} schools or {FEWEST_PUPILS} pupils" if few else ""
        release = str(panel.releases[measure].get(year, ""))
        shown = float("nan") if few else mean
        rows.append((measure, int(year), OWN, shown, schools, counted, release, reason))
    return rows

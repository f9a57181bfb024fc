"""Every effect on every scale it may be said on, one row each; a scale refused has its reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from pepstats import codes
from pepstats.effects import Effect
from pepstats.gaps import Gaps
from pepstats.panel import Panel
from pepstats.sizes import LOGISTIC, Size, find_ruler, hedges_g
from pepstats.value import MonthsTable, find_months


def tabulate_sizes(
    effects: Iterable[Effect],
    gaps: Mapping[str, Gaps],
    panel: Panel,
    pairs: pd.DataFrame,
    table: MonthsTable,
) -> pd.DataFrame:
    """Give every effect as a size, as Hedges' g and in months, as far as each may be said.

    `gaps` by outcome, `pairs` the members' own (`school`, `comparison`), `table` from sizes to
    months. One row per `outcome`:

    * `size`, `size_low`, `size_high` in pupils' standard deviations, `how`, or the `reason` there
      is none; for percentages also as `log_odds` and its interval;
    * `smallest`, the true effect that would be told from chance four times in five, in the
      outcome's `unit`, and as `smallest_size`;
    * `g`, `g_low`, `g_high`, Hedges' g in *schools'* standard deviations (never months),
      `g_reason`; its interval is the placebo interval on that scale, a city's year within it;
    * `months`, `months_low`, `months_high`, `months_label` and the table they were read from, or
      `months_reason`.
    """
    rows = [_row(effect, gaps[effect.outcome], panel, pairs, table) for effect in effects]
    whole = ["months", "months_low", "months_high"]
    return pd.DataFrame(rows).astype(dict.fromkeys(whole, "Int64"))


def _row(
    effect: Effect, gaps: Gaps, panel: Panel, pairs: pd.DataFrame, table: MonthsTable
) -> dict[str, object]:
    ends = (effect.estimate, effect.low, effect.high)
    own = gaps.table.reindex(sorted(pairs["school"].unique())).dropna(subset=["gap", "own"])
    without = float(np.average(own["own"], weights=own["weight"])) - effect.estimate
    ruler = find_ruler(effect.outcome, panel=panel, year=effect.year, comparison=without)
    size = ruler(*ends)
    least = ruler(effect.smallest, -effect.smallest, effect.smallest)
    others = gaps.table["own"].reindex(sorted(pairs["comparison"].unique())).dropna()
    g = in_schools_spreads(*ends, own["own"], others)
    months = find_months(size, effect.outcome, table)
    percent = codes.MEASURES[effect.outcome].percent and not size.reason
    odds = LOGISTIC if percent else float("nan")
    return {
        "outcome": effect.outcome,
        "unit": effect.unit,
        "scale": size.scale,
        "size": size.d,
        "size_low": size.low,
        "size_high": size.high,
        "how": size.how,
        "reason": size.reason,
        "without": without,
        "log_odds": size.d * odds,
        "log_odds_low": size.low * odds,
        "log_odds_high": size.high * odds,
        "smallest": effect.smallest,
        "smallest_size": max(abs(least.low), abs(least.high)),
        "g": g.d,
        "g_low": g.low,
        "g_high": g.high,
        "g_reason": g.reason,
        "months": months.months,
        "months_low": months.low,
        "months_high": months.high,
        "months_label": months.label,
        "months_reason": months.reason,
        "months_table": months.table,
        "months_mark": months.mark,
    }


def in_schools_spreads(
    estimate: float, low: float, high: float, members: pd.Series, others: pd.Series
) -> Size:
    """Give an effect and its interval as Hedges' g, by the spread of schools' own results.

    The spread is pooled over the programme's schools and their comparison schools, in the outcome
    year, without covariates; where comparison schools have no results yet there is none.
    """
    one = hedges_g(
        1.0, float(members.std()), len(members), float(others.std()), len(others), scale="school"
    )
    return Size(one.d * estimate, one.d * low, one.d * high, "school", one.how, one.reason)


def list_sizes(sizes: pd.DataFrame) -> dict[str, float | int | str]:
    """Name every number of every size: `<outcome>.<column>`; what is missing has no name."""
    return {
        f"{row['outcome']}.{name}": value
        for row in sizes.to_dict("records")
        for name, value in row.items()
        if name not in {"outcome", "unit"} and pd.notna(value) and value != ""
    }

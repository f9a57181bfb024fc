"""England's published levels, from every file that gives them."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from pepstats.measures import LA_SERIES
from pepstats.settings import RELEASES
from pepstats.sources import STATE_FUNDED, Results

LEVELS = ["measure", "year", "phase", "value"]


def gather_levels(
    results: Iterable[Results], series: pd.DataFrame | None, headlines: pd.DataFrame | None
) -> pd.DataFrame:
    """Gather England's published levels: one row per `measure`, `year` and `phase`, with `value`.

    From the long series by authority, for what no file of schools has; from the England rows of
    results files, of state-funded schools; and from headlines. Where several have one the most
    final counts, and of those the last named. `phase` is blank but where the figure differs by it
    (exclusions).
    """
    parts = [pd.DataFrame({name: [] for name in [*LEVELS, "how_final"]})]
    if series is not None:
        parts.append(_levels_of_series(series).assign(how_final=-1))
    for one in results:
        if one.source.kind in ("ks2", "ks4") and STATE_FUNDED in one.aggregates.index:
            row = one.aggregates.loc[STATE_FUNDED].iloc[0].dropna()
            level = {"measure": row.index, "year": one.source.year, "phase": "", "value": row}
            how_final = RELEASES.index(one.source.release or RELEASES[-1])
            parts.append(pd.DataFrame(level).assign(how_final=how_final))
    if headlines is not None:
        ranked = headlines.get("release", pd.Series(RELEASES[-1], headlines.index))
        ranked = ranked.fillna(RELEASES[-1]).map(RELEASES.index)
        parts.append(headlines[LEVELS].assign(how_final=ranked))
    table, key = pd.concat(parts, ignore_index=True), ["measure", "year", "phase"]
    table = table.sort_values("how_final", kind="stable").drop_duplicates(key, keep="last")
    table = table[LEVELS].astype({"year": "int64", "value": float})
    return table.sort_values(key, ignore_index=True)


def _levels_of_series(series: pd.DataFrame) -> pd.DataFrame:
    """Take England's figures out of the long series by authority."""
    ours = series["code"].isin(LA_SERIES) & (series["area"] == "England")
    own = series[ours & series["value"].notna()]
    named = pd.DataFrame([LA_SERIES[code] for code in own["code"]],
                         columns=["measure", "phase"], index=own.index)  # fmt: skip
    return own.join(named)[LEVELS]

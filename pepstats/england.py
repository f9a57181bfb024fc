"""England's level of each indicator: what a school is compared with, and the limits in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pepstats import codes, layouts, sampling
from pepstats.clean import Results
from pepstats.dashboard import DERIVED, Indicator, Limit
from pepstats.panel import Panel
from pepstats.sources import RELEASES

Values = npt.NDArray[Any]
Bools = npt.NDArray[np.bool_]

FEWEST_AUTHORITIES = 10
"""A panel stands for England in a measure where schools of so many authorities have it."""

_MAINSTREAM = ("primary", "secondary", "all-through")


@dataclass(frozen=True)
class Level:
    """England's schools on one indicator, by kind of school: the mean, and any percentile."""

    comparison: Values
    words: dict[str, Values]

    def __call__(self, limit: Limit) -> npt.ArrayLike:
        """Turn a limit into a number for each school."""
        return self.words[limit] if isinstance(limit, str) else limit

    def part(self, rows: npt.NDArray[np.intp]) -> Level:
        """Keep some schools, as a column that meets many draws."""
        return Level(self.comparison[rows, None], {w: v[rows, None] for w, v in self.words.items()})


def england_value(
    panel: Panel, register: pd.DataFrame, measure: str, year: int, england: pd.DataFrame | None
) -> Values:
    """Give England's value of a measure, for each school's kind of school.

    The published one where it is handed in (`gather_levels`); otherwise the mean over state-funded
    mainstream schools in the panel, pupils counted alike. Measures that have no phase of their own
    (absence, exclusions) are those of primary schools, or of the others. Missing where the panel
    does not hold England, as in October, when an authority has only its own results.
    """
    phased = codes.MEASURES[measure].kind in codes.OWN_PHASE
    if england is not None:
        rows = england[(england["measure"] == measure) & (england["year"] == year)]
        level = dict(zip(rows["phase"].fillna(""), rows["value"].astype(float), strict=True))
        if level and phased:
            return np.full(len(register), level.get("", np.nan))
        if "primary" in level or "secondary" in level:
            primary = (register["phase"] == "primary").to_numpy(dtype=bool)
            return np.asarray(
                np.where(primary, level.get("primary", np.nan), level.get("secondary", np.nan))
            )
    value = sampling.column(panel, measure, year, register.index)
    if not _is_national(value, register):
        return np.full(len(register), np.nan)
    pupils = sampling.cohort_of(panel, measure, year, register.index)
    return _by_kind(register, phased, partial(_weighted_mean, value, pupils))


def _is_national(value: Values, register: pd.DataFrame) -> bool:
    """Say whether the panel holds England, or only what an authority or two hold themselves."""
    return bool(register["la"][np.isfinite(value)].nunique() >= FEWEST_AUTHORITIES)


def _weighted_mean(value: Values, pupils: Values, among: Bools) -> float:
    there = among & np.isfinite(value) & np.isfinite(pupils)
    total = float(pupils[there].sum())
    return float((value[there] * pupils[there]).sum() / total) if total > 0 else np.nan


def _by_kind(register: pd.DataFrame, phased: bool, of: Callable[[Bools], float]) -> Values:
    """Ask a question of each kind of school, and give every school its own kind's answer."""
    mainstream = register["phase"].isin(_MAINSTREAM).to_numpy(dtype=bool)
    if phased:
        return np.full(len(register), of(mainstream))
    primary = (register["phase"] == "primary").to_numpy(dtype=bool)
    return np.where(primary, of(mainstream & primary), of(mainstream & ~primary))


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
        if one.source.kind in ("ks2", "ks4") and layouts.STATE_FUNDED in one.aggregates.index:
            row = one.aggregates.loc[layouts.STATE_FUNDED].iloc[0].dropna()
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
    ours = series["code"].isin(codes.LA_SERIES) & (series["area"] == "England")
    own = series[ours & series["value"].notna()]
    named = pd.DataFrame([codes.LA_SERIES[code] for code in own["code"]],
                         columns=["measure", "phase"], index=own.index)  # fmt: skip
    return own.join(named)[LEVELS]


def find_level(
    panel: Panel, register: pd.DataFrame, indicator: Indicator, year: int,
    england: pd.DataFrame | None,
) -> Level:  # fmt: skip
    """Give England's level of one indicator: what a value is compared with, and limit words."""
    if indicator.of in DERIVED:
        return Level(np.full(len(register), np.nan), {})
    against = indicator.of if indicator.compare in (None, "england") else str(indicator.compare)
    known = codes.MEASURES[indicator.of]
    if "progress" in known.unit.lower():
        comparison = np.zeros(len(register))  # already a difference from England
    else:
        comparison = england_value(panel, register, against, year, england)
    value = sampling.column(panel, indicator.of, year, register.index)
    value = value - comparison if indicator.compare else value
    value = value if _is_national(value, register) else np.full(len(register), np.nan)
    pupils = sampling.cohort_of(panel, indicator.of, year, register.index)
    phased = known.kind in codes.OWN_PHASE
    words = {}
    for word in indicator.words:
        if word == "mean":
            words[word] = _by_kind(register, phased, partial(_weighted_mean, value, pupils))
        else:
            share = int(word[1:])
            words[word] = _by_kind(register, phased, partial(_percentile, value, share))
    return Level(comparison, words)


def _percentile(value: Values, share: int, among: Bools) -> float:
    there = value[among & np.isfinite(value)]
    return float(np.percentile(there, share)) if len(there) else np.nan

"""Columns made of others: earlier years, three years together, differences from England."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

from pepstats.invented_results import Column, Published

OfYear = Callable[[int], Published | None]
_EARLIER = re.compile(r"(.+)_(1\d)")
_NOBODY = re.compile(r"PT(?:READ|GPS|MAT)_AT|PT(?:WRIT|SCI)TA_AD")


def column_of(name: str, year: int, of_year: OfYear, national: Published) -> Column:
    """Give any column of the layout for a year, by its published name.

    `of_year` gives the same schools' or areas' results in any year, or None; `national` is
    England's state-funded row.
    """
    results = of_year(year)
    if results is None:
        raise KeyError(year)
    if found := _EARLIER.fullmatch(name):
        return _earlier(found[1], 2000 + int(found[2]), results, of_year)
    if name.endswith("_3YR"):
        return _three_years(name.removesuffix("_3YR"), year, results, of_year)
    if name.startswith("DIFFN_"):
        return _against_england(name.removeprefix("DIFFN_"), results, national)
    if _NOBODY.fullmatch(name):
        return _replace(results.column("PTRWM_EXP"), lambda value: 0 * value)
    if name == "PTWRITTA_WTS":
        return _replace(results.column("PTWRITTA_EXP"), lambda value: 100 - value)
    if name == "PTSCITA_EXP":  # teachers' assessment of science goes with that of writing
        return _replace(results.column("PTWRITTA_EXP"), _science)
    return results.column(name.removesuffix("_UNADJUSTED"))


def _replace(column: Column, change: Callable[[np.ndarray], np.ndarray]) -> Column:
    return Column(change(column.value), column.code, column.unit)


def _science(writing: np.ndarray) -> np.ndarray:
    return np.minimum(100, np.round(27 + 0.7 * writing))


def _earlier(name: str, year: int, now: Published, of_year: OfYear) -> Column:
    then = of_year(year)
    if then is None:
        return Column(np.full(now.size, np.nan), np.zeros(now.size, "U6"), "count")
    column = then.column(name.replace("NOTFSM", "NotFSM"))
    nobody = then.count("all") == 0
    column.value[nobody], column.code[nobody] = np.nan, ""
    return column


def _three_years(name: str, year: int, now: Published, of_year: OfYear) -> Column:
    """Give a figure of three years' pupils together, of those years that there are."""
    known = [found for each in (year - 2, year - 1, year) if (found := of_year(each)) is not None]
    pupils = np.sum([own.count("all") for own in known], axis=0)
    if name == "TELIG":
        return Column(pupils, np.zeros(now.size, "U6"), "count")
    with np.errstate(invalid="ignore", divide="ignore"):
        if name.startswith("PT"):
            group = f"all&{name.removeprefix('PT')}"
            value = 100 * np.sum([own.count(group) for own in known], axis=0) / pupils
        else:
            place = {"READ_AVERAGE": 0, "MAT_AVERAGE": 2}[name]
            means = [np.nan_to_num(own.mean(f"score-{place}", "all")) for own in known]
            sums = [mean * own.count("all") for mean, own in zip(means, known, strict=True)]
            value = np.sum(sums, axis=0) / pupils
    unit = "percent" if name.startswith("PT") else "whole"
    column = Column(np.floor(value + 0.5), np.zeros(now.size, "U6"), unit)
    if not now.area:
        few = pupils < 6
        column.value[few], column.code[few] = np.nan, "SUPP"
    return column


def _against_england(name: str, results: Published, national: Published) -> Column:
    """Give a school's disadvantaged pupils' figure less that of England's other pupils."""
    column = f"PT{name}" if name.startswith("RWM") else name
    own = results.column(f"{column}_FSM6CLA1A")
    other = national.column(f"{column}_NotFSM6CLA1A").value[0]
    unit = "count" if name.startswith("RWM") else "tenth"
    return Column(np.round(own.value - other, 1), own.code, unit)

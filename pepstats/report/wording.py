"""report.wording."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pepstats.errors import DesignError, nearest
from pepstats.formatting import count_words, format_number, per_hundred, round_half_up, school_year
from pepstats.impact import COMPARED, EXPECTED, LADDER, MODES, UNCERTAIN
from pepstats.measures import find_measure, outcome_label


@dataclass(frozen=True)
class Result:
    """What a sentence needs to know of one effect: one row of `effects.csv`, and its mode."""

    outcome: str
    unit: str
    estimate: float
    low: float
    high: float
    p_placebo: float
    n_schools: int
    n_placebo: int
    year: int
    release: str
    verdict: str
    mode: str = COMPARED
    smallest: float = math.nan
    reason: str = ""

    @property
    def known(self) -> bool:
        """Whether there is an estimate at all."""
        return math.isfinite(self.estimate)


def read_result(row: Mapping[str, Any]) -> Result:
    """Turn a row of `effects.csv` into a result, refusing a verdict that is not on the ladder."""
    verdict = str(row["verdict"])
    estimate = float(row["estimate"])
    if math.isfinite(estimate) and verdict not in LADDER:
        raise DesignError(
            f"effects, outcome {row['outcome']}: `{verdict}` is not a verdict. "
            f"{nearest(verdict, LADDER)}"
        )
    mode = str(row.get("mode", COMPARED))
    if mode not in MODES:
        raise DesignError(
            f"effects, outcome {row['outcome']}: `{mode}` is not a mode. {nearest(mode, MODES)}"
        )
    return Result(
        outcome=str(row["outcome"]),
        unit=str(row["unit"]),
        estimate=estimate,
        low=float(row["low"]),
        high=float(row["high"]),
        p_placebo=float(row["p_placebo"]),
        n_schools=int(row["n_schools"]),
        n_placebo=int(row["n_placebo"]),
        year=int(row["year"]),
        release=str(row["release"]),
        verdict=verdict,
        mode=mode,
        smallest=float(row.get("smallest", math.nan)),
    )


def decimals_for(result: Result) -> int:
    """Give the decimals that keep an estimate and its interval on their own side of nought."""
    wanted = find_measure(result.outcome).decimals
    numbers = [n for n in (result.estimate, result.low, result.high) if math.isfinite(n) and n != 0]
    if result.verdict == UNCERTAIN:
        return wanted
    return next(
        (d for d in range(wanted, wanted + 3) if all(round_half_up(n, d) != 0 for n in numbers)),
        wanted + 2,
    )


def outcome_words(outcome: str) -> str:
    """Name an outcome inside a sentence: the percentage of pupils reaching ..."""
    label, _, group = outcome_label(outcome).partition(": ")
    group = f" ({group})" if group else ""
    for mark in ("% of pupils ", "% "):
        if label.startswith(mark):
            return f"the percentage of pupils {label.removeprefix(mark)}{group}"
    return f"the {label}{group}"


# Sentences -------------------------------------------------------------------------------------


def span_words(result: Result) -> str:
    """Say what must stand beside every estimate: interval, number of schools, release and year."""
    places = decimals_for(result)
    return (
        f"95% interval {format_number(result.low, places)} to "
        f"{format_number(result.high, places)} {result.unit}; "
        f"{count_words(result.n_schools, 'school')}; "
        f"{result.release} results for {school_year(result.year)}"
    )


def against_words(result: Result) -> str:
    """Say what the schools were held against, after a size: the name of the way it was found."""
    return COMPARED if result.mode == COMPARED else f"against what was {EXPECTED}"


def effect_sentence(result: Result) -> str:
    """Say what was seen in one outcome and how sure we are; never why."""
    what = outcome_words(result.outcome)
    if not result.known:
        few = "too few of the programme's schools have results that can be compared"
        return (
            f"No estimate can be given for {what}: {result.reason or few} "
            f"({count_words(result.n_schools, 'school')}; {result.release} "
            f"results for {school_year(result.year)})."
        )
    size = f"{format_number(result.estimate, decimals_for(result), signed=True)} {result.unit}"
    beside = f"{size}, {against_words(result)} ({span_words(result)})"
    if result.verdict == UNCERTAIN:
        return (
            f"In {what}, it is {UNCERTAIN} whether the programme's schools gained or lost ground. "
            f"The estimate is {beside}.{_among_many(result)}"
        )
    return f"In {what}, the programme's schools {result.verdict}: {beside}."


def _among_many(result: Result) -> str:
    """Say why an interval that leaves nought out is still not enough, where that is so."""
    if result.low <= 0 <= result.high:
        return ""
    return (
        " Its interval leaves nought out, but with several outcomes looked at together one of them "
        "will do so by chance."
    )


def chance_sentence(result: Result) -> str:
    """Say how often programmes that did nothing looked like this one."""
    if not result.known or not math.isfinite(result.p_placebo) or result.n_placebo < 1:
        return "There were too few schools to try made-up programmes."
    return (
        f"We made up {result.n_placebo:,} programmes in other places, where nothing was done. "
        f"{_often(result.p_placebo)} moved this much."
    )


def _often(share: float) -> str:
    """Say a share of made-up programmes as so many in a hundred, never as none or all."""
    hundred = per_hundred(share)
    if hundred == 0:
        return "Fewer than 1 in 100"
    return "Nearly all" if hundred >= 100 else f"{hundred} in 100"


def smallest_sentence(result: Result) -> str:
    """Say how large a true effect must be for us to be likely to see it, four times in five."""
    if not result.known or not math.isfinite(result.smallest):
        return ""
    size = format_number(result.smallest, find_measure(result.outcome).decimals)
    return (
        f"With this many schools we would see a true effect of {size} {result.unit} or more four "
        "times in five; smaller ones we could easily miss."
    )


def sure_words(result: Result) -> str:
    """Say in a few words how sure we are, for a table of programmes."""
    if not result.known:
        return "No estimate"
    return f"{_often(result.p_placebo)} made-up programmes moved this much"


def short_result(result: Result) -> str:
    """Give an estimate with all that must stand beside it, without its outcome, for a table."""
    if not result.known:
        return f"No estimate: {result.reason or 'too few schools have results to compare'}"
    places = decimals_for(result)
    size = f"{format_number(result.estimate, places, signed=True)} {result.unit}"
    return f"{size}, {against_words(result)} ({span_words(result)})"


def explain_lines(effects: pd.DataFrame) -> dict[str, str]:
    """Say under each outcome's two lines what they leave out, and what the estimate is."""
    results = (read_result(_record(row)) for row in effects.to_dict("records"))
    return {result.outcome: _after_allowing(result) for result in results if result.known}


def _record(row: Mapping[Hashable, Any]) -> dict[str, Any]:
    return {str(name): value for name, value in row.items()}


def _after_allowing(result: Result) -> str:
    size = format_number(result.estimate, decimals_for(result), signed=True)
    said = (
        f"After allowing for school size and earlier results the difference is {size} {result.unit}"
    )
    return ". ".join(filter(None, [forecast_note(result.mode, result.year), said]))


def forecast_note(mode: str, year: int) -> str:
    """Say, before other schools' results are out, what the end of the dashed line is."""
    if mode != EXPECTED:
        return ""
    return (
        f"The dashed line for {school_year(year)} is a forecast, as results for other schools are "
        "not yet published"
    )

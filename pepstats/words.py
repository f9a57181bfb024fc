"""How a result is said: numbers for eyes, the ladder of verdicts, and the sentences of the paper.

Every sentence is computed from a result and says no more than was seen: what moved, by how much,
how sure we are, for how many schools, and from which release. None of them says why.
"""

from __future__ import annotations

import datetime
import math
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from pepstats import codes
from pepstats.errors import DesignError, nearest
from pepstats.verdicts import COMPARED, EXPECTED, LADDER, MODES, UNCERTAIN

_KEPT_FORMATS = "\u200c\u200d"  # joiners that some scripts and emoji are spelled with
_INVISIBLE = ("Cc", "Cf", "Cs", "Co")


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


# Numbers, for eyes only ------------------------------------------------------------------------


def round_half_up(value: float, decimals: int = 0) -> Decimal:
    """Round a number as the Department does, halves away from nought (2.5 becomes 3)."""
    step = Decimal(1).scaleb(-decimals)
    return Decimal(repr(float(value))).quantize(step, rounding=ROUND_HALF_UP)


def show(value: float, decimals: int = 1, *, signed: bool = False) -> str:
    """Write a number for a reader: a true minus sign, commas in thousands, never `-0.0`."""
    if not math.isfinite(value):
        return "not available"
    rounded = round_half_up(value, decimals)
    text = f"{abs(rounded):,f}"
    if rounded == 0:
        return text
    return ("\u2212" if rounded < 0 else "+" if signed else "") + text


def show_span(low: float, high: float, decimals: int = 1) -> str:
    """Write an interval for a table, where a line may not break inside it."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return "none"
    return f"{show(low, decimals)} to {show(high, decimals)}".replace(" ", "\u00a0")


def decimals_for(result: Result) -> int:
    """Give the decimals that keep an estimate and its interval on their own side of nought."""
    wanted = measure(result.outcome).decimals
    numbers = [n for n in (result.estimate, result.low, result.high) if math.isfinite(n) and n != 0]
    if result.verdict == UNCERTAIN:
        return wanted
    return next(
        (d for d in range(wanted, wanted + 3) if all(round_half_up(n, d) != 0 for n in numbers)),
        wanted + 2,
    )


def show_pounds(amount: float) -> str:
    """Write a sum of money in whole pounds."""
    return f"£{round_half_up(amount):,f}"


def per_hundred(share: float) -> int:
    """Give a share as so many in a hundred, rounded half up."""
    return int(round_half_up(100 * share))


def school_year(year: int) -> str:
    """Name a school year by both its calendar years: 2018 is 2017/18."""
    return f"{year - 1}/{year % 100:02d}"


def list_words(items: Iterable[str]) -> str:
    """Join words as a sentence does: one, two and three."""
    words = list(items)
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def count_words(number: int, noun: str, plural: str | None = None) -> str:
    """Write a count with its noun: 1 school, 18 schools."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def spell(number: int) -> str:
    """Write a small number as a word, a larger one in digits."""
    small = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    return small[number] if 0 <= number < len(small) else f"{number:,}"


def day_words(text: str) -> str:
    """Write a day given as `2018-09-14` as a reader does; anything else as it stands."""
    try:
        return long_date(datetime.date.fromisoformat(text))
    except ValueError:
        return text


def long_date(date: datetime.date) -> str:
    """Write a date as the council does: 2 October 2018."""
    return f"{date.day} {date:%B} {date.year}"


# Outcomes --------------------------------------------------------------------------------------


def measure(outcome: str) -> codes.Measure:
    """Give what is known of an outcome."""
    if outcome not in codes.MEASURES:
        raise DesignError(f"no measure is called `{outcome}`. {nearest(outcome, codes.MEASURES)}")
    return codes.MEASURES[outcome]


def outcome_label(outcome: str) -> str:
    """Name an outcome for a table or an axis, with the pupils it is about."""
    return measure(outcome).label


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
        f"95% interval {show(result.low, places)} to {show(result.high, places)} {result.unit}; "
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
    size = f"{show(result.estimate, decimals_for(result), signed=True)} {result.unit}"
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
    size = show(result.smallest, measure(result.outcome).decimals)
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
    size = f"{show(result.estimate, places, signed=True)} {result.unit}"
    return f"{size}, {against_words(result)} ({span_words(result)})"


# Text from other hands -------------------------------------------------------------------------


def plain(text: str) -> str:
    """Give text with its words kept and its invisible tricks taken out.

    Control characters, direction marks and code points that are no character are dropped (a line
    break or a tab becomes a space); letters of any script, emoji and their joiners stay.
    """
    spaced = re.sub(r"[\t\r\n\x0b\x0c\x1c-\x1f\x85\u2028\u2029]+", " ", text)
    return "".join(c for c in spaced if c in _KEPT_FORMATS or not _is_hidden(c))


def harmless(text: str) -> str:
    """Give words that a spreadsheet will not take for a formula; nothing is lost of them."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text


def _is_hidden(letter: str) -> bool:
    point = ord(letter)
    no_character = 0xFDD0 <= point <= 0xFDEF or point & 0xFFFE == 0xFFFE
    return no_character or unicodedata.category(letter) in _INVISIBLE

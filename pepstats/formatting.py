"""Numbers, dates, lists and names as readers see them; text from other hands made harmless."""

from __future__ import annotations

import datetime
import math
import re
import unicodedata
from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pepstats.measures import MEASURES, outcome_label

CHECK_KINDS = {
    "headline": "The headline",
    "together": "All ways of asking the same question",
    "sum": "The same schools, another calculation",
    "comparison": "Other comparison schools",
    "bracket": "Earlier results left aside",
    "method": "Other evaluators' methods, each with its own interval",
    "schools": "Some of the programme's schools",
    "before": "Where nothing had been done",
    "untouched": "What the programme cannot have changed",
    "doubt": "If something unseen were at work",
}
"""What kinds of check there are, in the order they are shown, in words for readers."""


_INVISIBLE = ("Cc", "Cf", "Cs", "Co")
_SPELLED = re.compile(r"(?<=[\u0300-\U0010ffff])[\u200c\u200d]")
"""A joiner that some scripts and emoji are spelled with: nothing in Latin letters is."""

_FORMULA = re.compile(
    r"'*(?!\s*[+-]?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?%?\s*\Z)"
    r"(?:[\t\r\n]|[\s\"'`\u200b-\u200f\u2060\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20])",
    re.IGNORECASE,
)
"""How a text starts that a spreadsheet would run, with what it may skip before; no number does."""

_YEAR = re.compile(
    r"(?:^|(?<=in )|(?<=of )|(?<=for )|(?<=from )|(?<=and )"
    r"|(?<=start )|(?<=against )|(?<=, )|(?<=: ))20\d\d\b(?![-/])"
)
"""A year as the tables of a run write it, in a place where a count or a date never stands."""


AGREED = 9
"""Decimals on which it is decided how a number is rounded and which of two is the larger.

All machines agree on more: a half, a limit or a tie that is one but for the last digit of a sum is
one on each of them.
"""


def round_half_up(value: float, decimals: int = 0) -> Decimal:
    """Round a number as the Department does, halves away from zero (2.5 becomes 3)."""
    step = Decimal(1).scaleb(-decimals)
    return Decimal(repr(round(float(value), AGREED))).quantize(step, rounding=ROUND_HALF_UP)


NOTHING = 1e-12
"""So small a part of the largest number of a column is zero but for rounding."""

WRITTEN = 10
"""Significant digits of a number that was worked out, as it is written: machines agree on more."""


def settle(numbers: Any) -> NDArray[np.float64]:
    """Return numbers at the digits that are written; zero where one is zero but for rounding.

    That is where it is less than a million-millionth of the largest of them: the rest of a sum
    that comes to nothing, whose own digits, and sign, are each machine's.
    """
    given = np.asarray(numbers, dtype=float)
    places = WRITTEN - 1
    settled: NDArray[np.float64] = np.char.mod(f"%.{places}e", given).astype(float)
    largest = np.abs(given[np.isfinite(given)]).max(initial=0.0)
    settled[np.abs(given) < NOTHING * largest] = 0.0
    return settled + 0.0


def settle_one(thing: Any) -> Any:
    """Return a fraction settled, and anything else as it is."""
    fraction = isinstance(thing, float) and np.isfinite(thing)
    return float(settle(thing)) if fraction else thing


def settle_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with each of its columns of fractions settled."""
    settled = table.copy(deep=False)
    for place in range(table.shape[1]):
        column = table.iloc[:, place]
        if pd.api.types.is_float_dtype(column):
            numbers = settle(column.to_numpy(float, na_value=np.nan))
            settled.isetitem(place, pd.Series(numbers, table.index).astype(column.dtype))
        elif column.dtype == object:
            settled.isetitem(place, column.map(settle_one))
    return settled


def format_number(value: float, decimals: int = 1, *, signed: bool = False) -> str:
    """Write a number for a reader: a true minus sign, commas in thousands, never `-0.0`."""
    if not math.isfinite(value):
        return "not available"
    rounded = round_half_up(value, decimals)
    text = f"{abs(rounded):,f}"
    if rounded == 0:
        return text
    return ("\u2212" if rounded < 0 else "+" if signed else "") + text


def format_signed(value: float, places: int = 1) -> str:
    """Write a difference for a note, its sign always shown and its minus a true one."""
    return format_number(value, places, signed=True)


def format_interval(low: float, high: float, decimals: int = 1) -> str:
    """Write an interval for a table, where a line may not break inside it."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return "none"
    text = f"{format_number(low, decimals)} to {format_number(high, decimals)}"
    return text.replace(" ", "\u00a0")


def format_pounds(amount: float) -> str:
    """Write a sum of money in whole pounds."""
    return f"£{round_half_up(amount):,f}"


def about_pounds(amount: float) -> str:
    """Write a sum of money to three figures, as it is said with *about*."""
    return format_pounds(float(f"{amount:.3g}"))


def per_hundred(share: float) -> int:
    """Return a share as so many in a hundred, rounded half up."""
    return int(round_half_up(100 * share))


def in_ten(share: float) -> str:
    """Write a share as so many in 10."""
    tenths = int(round_half_up(10 * share))
    if tenths in (0, 10):
        return "fewer than 1 in 10" if tenths == 0 else "more than 9 in 10"
    return f"about {tenths} in 10"


def school_year(year: int) -> str:
    """Name a school year by both its calendar years: 2018 is 2017/18."""
    return f"{year - 1}/{year % 100:02d}"


def join_words(items: Iterable[str]) -> str:
    """Join words as a sentence does: one, two and three."""
    words = list(items)
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def count_words(number: int, noun: str, plural: str | None = None) -> str:
    """Write a count with its noun: 1 school, 18 schools."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def spell_number(number: int) -> str:
    """Write a small number as a word, a larger one in digits."""
    small = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    return small[number] if 0 <= number < len(small) else f"{number:,}"


def format_day(text: str) -> str:
    """Write a day given as `2018-09-14` as a reader does; anything else as it stands."""
    try:
        return long_date(datetime.date.fromisoformat(text))
    except ValueError:
        return text


def long_date(date: datetime.date) -> str:
    """Write a date as the council does: 2 October 2018."""
    return f"{date.day} {date:%B} {date.year}"


def label_variable(variable: str) -> str:
    """Name a matched variable for readers: `rwm_expected 2017` with its school year."""
    name, _, year = variable.rpartition(" ")
    if name and year.isdigit():
        return f"{outcome_label(name)}, {school_year(int(year))}"
    return outcome_label(variable)


_KEY = re.compile(r" ?\(`[^`]*`\)")  # a key of the settings, beside the words for it


def reader_words(text: str) -> str:
    """Write a rule, a check or a reason as readers know it: labels for names, and school years."""
    text = _KEY.sub("", text)
    named = re.sub(
        r"\b([a-z][a-z_0-9]*(?:\.[a-z_]+)?) (20\d\d)\b",
        lambda m: label_variable(m.group()) if m.group(1) in MEASURES else m.group(),
        text.replace("school_type", "kind of school"),
    )
    return _YEAR.sub(lambda m: school_year(int(m.group())), named)


def plain_text(text: str) -> str:
    """Return text with its words kept and its invisible tricks taken out.

    Control characters, direction marks, zero-width marks and code points that are no character are
    dropped (a line break or a tab becomes a space); letters of any script, emoji and the joiners
    that these are spelled with stay.
    """
    if text.isascii() and text.isprintable():
        return text
    spaced = re.sub(r"[\t\r\n\x0b\x0c\x1c-\x1f\x85\u2028\u2029]+", " ", text)
    spelled = {match.start() for match in _SPELLED.finditer(spaced)}
    return "".join(c for n, c in enumerate(spaced) if n in spelled or not _is_hidden(c))


def escape_formula(text: str) -> str:
    """Return a text as a spreadsheet shows it and does not run it: `restore_text` undoes it."""
    return f"'{text}" if _FORMULA.match(text) else text


def restore_text(cell: str) -> str:
    """Return the text that `escape_formula` wrote as this cell."""
    return cell[1:] if cell[:1] == "'" and _FORMULA.match(cell, 1) else cell


def escape_markdown(text: str) -> str:
    """Return a text as Markdown shows it word for word: no markup, no link, no HTML."""
    marked = re.sub(r"([\\`*_\[\]<>|#~])", r"\\\1", plain_text(text).strip())
    marked = re.sub(r"^(\d*)([-+=.)])", r"\1\\\2", marked)  # which would begin a list
    return re.sub(r":(?=//)|(?<=www)\.|@|&(?=[#\w]+;)", lambda m: f"&#{ord(m.group())};", marked)


def _is_hidden(letter: str) -> bool:
    point = ord(letter)
    no_character = 0xFDD0 <= point <= 0xFDEF or point & 0xFFFE == 0xFFFE
    return no_character or unicodedata.category(letter) in _INVISIBLE

"""The officers' own text: what it leaves to be filled in, and what it may not say by hand.

A paper is Markdown with holes. `{name}` is filled with a named entry; `{table name}`,
`{figure name}` and `{new page}` stand alone on a line; `{fact 70% (where it is written)}` is a
background fact with its source. Everything with a size or a direction must be a hole: a number
typed by hand stays when the result under it moves.

The rule for digits: a digit may stand in the text only as part of a date, a year or school year, a
time of day, the number of a list, or a reference (paragraph 3.2, Appendix 1a, Priority 1, key
stage 2, Year 6, Progress 8, post-16). A small count is written in words. Words may not give a
result either: no number of per cent or points, no verdict of the ladder, nothing `significant`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from pepstats.errors import DesignError, nearest
from pepstats.verdicts import LADDER

LONGEST_TEXT = 400_000  # letters; a long paper is a tenth of this

COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
HOLE = re.compile(r"(?<!\\)\{([^{}\n]*)\}")
FACT = re.compile(r"fact ([^()]+) \(([^()]*\w[^()]*)\)")
BLOCK = re.compile(r"(table|figure|quotes) (\S+)")
NEW_PAGE = "new page"
NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")

_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
_UNIT = r"\s*(?:%|per\s?cent|points?\b|months?\b|pounds?\b|in\s+(?:a\s+)?\d)"
_SIZED = rf"(?:{_UNIT}|\s*(?:pupils?|schools?)\b)"
_NUMBER = r"\d+[A-Za-z]{0,2}"
_MORE = rf"(?:\s?(?:,|and|or|to|-|–|&)\s?{_NUMBER})*"

ALLOWED: tuple[re.Pattern[str], ...] = tuple(
    re.compile(pattern, re.IGNORECASE | re.MULTILINE)
    for pattern in (
        rf"\b\d{{1,2}}(?:st|nd|rd|th)?\s(?:{_MONTHS})\b(?:\s\d{{4}}\b)?",  # 2 October 2018
        r"\b\d{4}-\d{2}-\d{2}\b",  # 2018-10-02
        r"\b(?:19|20)\d{2}[/–-](?:\d{2}|(?:19|20)\d{2})\b(?![/–-]?\d)",  # 2017/18, 2016-2018
        rf"(?<![£$€+−.,\d-])\b(?:19|20)\d{{2}}\b(?![.,/]\d)(?!{_SIZED})",  # 2018, not 2018 pupils
        r"\b\d{1,2}(?:[.:]\d{2})?\s?[ap]m\b",  # 4.30pm
        r"^[ \t>]*\d{1,2}[.)](?=\s)",  # the number of a list
        rf"\b(?:paragraphs?|sections?|ss?\.)\s?{_NUMBER}(?:\.\d+)*"
        rf"(?:\s?(?:,|and|or|to|-|–)\s?{_NUMBER}(?:\.\d+)*)*(?!{_UNIT})",  # paragraph 3.2
        rf"\b(?:appendix|appendices|annex|schedule|part|item|recommendation|tables?|figures?"
        rf"|themes?|priority|priorities|key\sstages?|years?|KS|Ofsted\sgrade)\s?{_NUMBER}{_MORE}"
        rf"(?![.,]?\d)(?!{_UNIT})",  # Appendix 1a, Priority 1 and 2
        r"\b(?:Progress|Attainment)\s8\b(?![.,]\d)",
        r"\bpost-16\b",
        r"\bages?\s\d{1,2}(?:\s?(?:to|-|–)\s?\d{1,2})?\b(?![.,]?\d)",  # ages 5 to 11
    )
)
"""What a digit may be part of in the officers' text. All else is a result typed by hand."""

_ONES = (
    "half|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen"
    "|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
    "|hundred|a|an"
)
_RESULT_WORDS = re.compile(
    rf"\b(?:{_ONES})\s(?:per\s?cent|(?:percentage|progress|scaled\sscore)\spoints?"
    r"|months?['’]?\s(?:of\s)?(?:additional\s)?progress|in\s(?:a|one)\shundred)\b"
    r"|\b(?:statistically\s)?(?:in)?significan(?:t|tly|ce)\b"
    rf"|\b(?:{'|'.join(re.escape(rung) for rung in LADDER)})\b",
    re.IGNORECASE,
)
_NOT_USED = (
    (re.compile(r"^ {0,3}(?:`{3,}|~{3,})", re.MULTILINE), "a block of code"),
    (re.compile(r"^ {0,3}(?:(?:[-*_] ?){3,}|=+)[ \t]*$", re.MULTILINE), "a ruled line"),
    (re.compile(r"!\["), "a picture of your own; use {figure ...}"),
    (re.compile(r"^ {0,3}\|.*\|[ \t]*$", re.MULTILINE), "a table of your own; use {table ...}"),
)
_LINK = re.compile(r"\]\((?:https?://|mailto:)[^\s()<>{}]+\)")
_BAD_LINK = re.compile(r"\]\((?!https?://|mailto:)[^)]*\)")


@dataclass(frozen=True)
class Hole:
    """One hole in the text: its kind (entry, fact, table, figure or quotes), name and place."""

    kind: str
    name: str
    line: int
    column: int


@dataclass(frozen=True)
class OfficersText:
    """The officers' words without their comments, and every hole in them."""

    text: str
    source: str
    holes: tuple[Hole, ...]


def read_officers_text(text: str, source: str) -> OfficersText:
    """Take the comments out of the officers' text, find its holes and refuse typed results.

    Raises `DesignError` with every problem at once, each with its line and column.
    """
    if len(text) > LONGEST_TEXT:
        raise DesignError(f"{source}: longer than {LONGEST_TEXT:,} letters, so not a paper.")
    bare = COMMENT.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text.replace("\r\n", "\n"))
    holes = [_read_hole(match, bare) for match in HOLE.finditer(bare)]
    problems = _find_wrong_holes(holes) + find_typed_results(bare) + _find_not_used(bare)
    if problems:
        ordered = [
            f"line {line}, column {column}: {words}" for line, column, words in sorted(problems)
        ]
        raise DesignError(f"{source}: " + " ".join(ordered))
    return OfficersText(bare, source, tuple(holes))


def check_holes(
    officers: OfficersText,
    entries: Iterable[str],
    tables: Iterable[str],
    figures: Iterable[str],
    quotes: Iterable[str] = (),
) -> None:
    """Refuse a text with a hole that nothing fills, naming the near ones."""
    known = {
        "entry": set(entries),
        "table": set(tables),
        "figure": set(figures),
        "quotes": set(quotes),
    }
    problems = [
        f"line {hole.line}, column {hole.column}: no {hole.kind} is called `{hole.name}`. "
        f"{_near(hole.name, known[hole.kind])}"
        for hole in officers.holes
        if hole.kind not in ("fact", "page") and hole.name not in known[hole.kind]
    ]
    if problems:
        raise DesignError(f"{officers.source}: " + " ".join(problems))


def find_typed_results(text: str) -> list[tuple[int, int, str]]:
    """Find every result typed by hand in a text: its line, its column and what to do."""
    found = []
    bare = _blank(text, [HOLE, _LINK])
    for match in _RESULT_WORDS.finditer(bare):
        found.append((*place(bare, match.start()), f"`{match.group()}` is a result in words. "
                      "Use a {hole}, so that it moves when the result does."))  # fmt: skip
    left = _blank(bare, ALLOWED)
    for match in re.finditer(r"\S+", left):
        if any(letter.isnumeric() for letter in match.group()):
            start = match.start()
            word = bare[start : match.end()].strip(".,;:()")
            advice = (
                "Use a {hole}; for a background fact write {fact NUMBER (where it is written)}; "
                "write a small count in words."
            )
            problem = f"`{word}` looks like a result typed by hand. {advice}"
            found.append((*place(bare, start), problem))
    return found


def place(text: str, start: int) -> tuple[int, int]:
    """Give the line and column, both from 1, of a place in a text."""
    return text.count("\n", 0, start) + 1, start - (text.rfind("\n", 0, start) + 1) + 1


def _blank(text: str, patterns: Iterable[re.Pattern[str]]) -> str:
    """Put spaces where a pattern matches, so that every other place stays where it was."""
    for pattern in patterns:
        text = pattern.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)
    return text


def _read_hole(match: re.Match[str], text: str) -> Hole:
    inside = match.group(1).strip()
    line, column = place(text, match.start())
    if fact := FACT.fullmatch(inside):
        return Hole("fact", fact.group(0), line, column)
    if inside == NEW_PAGE:
        return Hole("page", inside, line, column)
    if block := BLOCK.fullmatch(inside):
        return Hole(block.group(1), block.group(2), line, column)
    return Hole("entry" if NAME.fullmatch(inside) else "", inside, line, column)


def _find_wrong_holes(holes: list[Hole]) -> list[tuple[int, int, str]]:
    return [
        (hole.line, hole.column, f"`{{{hole.name}}}` is not a hole. Write a name, `table name`, "
         "`figure name`, or `fact 70% (where it is written)`.")
        for hole in holes
        if not hole.kind
    ]  # fmt: skip


def _find_not_used(text: str) -> list[tuple[int, int, str]]:
    found = [
        (*place(text, match.start()), f"{what} is not used in a paper.")
        for pattern, what in _NOT_USED
        for match in pattern.finditer(text)
    ]
    links = [
        (*place(text, m.start()), f"`{m.group()}` is not a web or e-mail link.")
        for m in _BAD_LINK.finditer(text)
    ]
    return found + links


def _near(name: str, known: set[str]) -> str:
    """Name the near holes; of the many with the same first word, only those that are close."""
    if not known:
        return "There are none."
    first = name.split(".")[0]
    same = {word for word in known if word.split(".")[0] == first}
    hint = nearest(name, same or known)
    if hint.startswith("Known:") and len(same or known) > 12:
        firsts = sorted({word.split(".")[0] for word in known})
        return f"Names begin with {', '.join(firsts)}."
    return hint


def split_fact(name: str) -> tuple[str, str]:
    """Part a background fact into what it says and where that is written."""
    match = FACT.fullmatch(name)
    if match is None:
        raise DesignError(f"`{name}` is not a fact with its source.")
    return match.group(1), match.group(2)

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

import datetime
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.tree import SyntaxTreeNode

from pepstats.document.blocks import (
    APPENDIX,
    EMPTY,
    Block,
    Box,
    Document,
    Entry,
    Heading,
    Listing,
    ListKind,
    NewPage,
    PaperPicture,
    PaperTable,
    Paragraph,
    PictureBlock,
    Quote,
    QuoteBlock,
    Span,
    TableBlock,
    Words,
    text_of,
)
from pepstats.errors import DesignError, nearest
from pepstats.formatting import plain_text

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

_MANY = (
    "two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen"
    "|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
    "|hundred"
)
_ONES = rf"half|one|a|an|{_MANY}"

_RESULT_WORDS = re.compile(
    rf"\b(?:{_ONES})\s(?:per\s?cent|(?:percentage|progress|scaled\sscore)\spoints?"
    rf"|months?['’]?\s(?:of\s)?(?:additional\s)?progress|in\s(?:(?:a|one)\shundred|{_MANY}))\b"
    rf"|\b(?:by|rose|fell|up|down|gained|lost)\s(?:\w+\s)?(?:{_ONES})\spoints?\b"
    rf"|\b(?:(?:{_ONES})\s)?(?:half|halves|thirds?|quarters?|fifths?|tenths?)\s(?:of\s)?"
    r"(?:the|its|their|these|those|all)\s(?:\w+\s)?(?:schools|pupils|children)\b"
    r"|\b(?:statistically\s)?(?:in)?significan(?:t|tly|ce)\b",
    re.IGNORECASE,
)

_NOT_USED = (
    (re.compile(r"^ {0,3}(?:`{3,}|~{3,})", re.MULTILINE), "a block of code"),
    (re.compile(r"^ {0,3}(?:(?:[-*_] ?){3,}|=+)[ \t]*$", re.MULTILINE), "a ruled line"),
    (re.compile(r"!\["), "a picture of your own; use {figure ...}"),
    (re.compile(r"^ {0,3}\|.*\|[ \t]*$", re.MULTILINE), "a table of your own; use {table ...}"),
    (re.compile(r"\]\((?!https?://|mailto:)[^)]*\)"), "what is not a web or e-mail link"),
)

_LINK = re.compile(r"\]\((?:https?://|mailto:)[^\s()<>{}]+\)")


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


@dataclass(frozen=True)
class Contents:
    """All that the officers' text may show, by name; `verdicts` are words it may not type."""

    entries: Mapping[str, Entry]
    tables: Mapping[str, PaperTable]
    figures: Mapping[str, PaperPicture]
    quotes: Mapping[str, Sequence[Quote]] = field(default_factory=dict)
    verdicts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cover:
    """What a paper says of itself: its title, day, author, and the marks of every page."""

    title: str
    date: datetime.date
    author: str
    marks: tuple[str, ...] = ()


def read_officers_text(text: str, source: str, verdicts: Iterable[str] = ()) -> OfficersText:
    """Take the comments out of the officers' text, find its holes and refuse typed results.

    The words of `verdicts` are results too. Raises `DesignError` with every problem at once, each
    with its line and column.
    """
    bare = _blank(text.replace("\r\n", "\n"), [COMMENT])
    holes = [_read_hole(match, bare) for match in HOLE.finditer(bare)]
    problems = [
        (hole.line, hole.column, f"`{{{hole.name}}}` is not a hole. Write a name, `table name`, "
         "`figure name`, or `fact 70% (where it is written)`.")
        for hole in holes if not hole.kind
    ]  # fmt: skip
    problems += [
        (*place(bare, match.start()), f"{what} is not used in a paper.")
        for pattern, what in _NOT_USED
        for match in pattern.finditer(bare)
    ]
    problems += find_typed_results(bare, verdicts)
    if problems:
        said = (f"line {line}, column {at}: {words}" for line, at, words in sorted(problems))
        raise DesignError(f"{source}: " + " ".join(said))
    return OfficersText(bare, source, tuple(holes))


def check_holes(officers: OfficersText, contents: Contents) -> None:
    """Refuse a text with a hole that nothing fills, naming the near ones."""
    known = {
        "entry": contents.entries, "table": contents.tables, "figure": contents.figures,
        "quotes": contents.quotes,
    }  # fmt: skip
    problems = [
        f"line {hole.line}, column {hole.column}: no {hole.kind} is called `{hole.name}`. "
        f"{_near(hole.name, known[hole.kind])}"
        for hole in officers.holes
        if hole.kind in known and hole.name not in known[hole.kind]
    ]
    if problems:
        raise DesignError(f"{officers.source}: " + " ".join(problems))


TYPED = (
    "looks like a result typed by hand. Use a {hole}; for a background fact write "
    "{fact NUMBER (where it is written)}; write a small count in words."
)


def find_typed_results(text: str, verdicts: Iterable[str] = ()) -> list[tuple[int, int, str]]:
    """Find every result typed by hand in a text: its line, its column and what to do.

    The words of `verdicts` are results too.
    """
    found = []
    bare = _blank(text, [HOLE, _LINK])
    rungs = "|".join(re.escape(word) for word in verdicts)
    said = [re.compile(rf"\b(?:{rungs})\b", re.IGNORECASE).finditer(bare)] if rungs else []
    for match in sorted(chain(_RESULT_WORDS.finditer(bare), *said), key=lambda one: one.start()):
        found.append((*place(bare, match.start()), f"`{match.group()}` is a result in words. "
                      "Use a {hole}, so that it moves when the result does."))  # fmt: skip
    left = _blank(bare, ALLOWED)
    for match in re.finditer(r"\S+", left):
        if any(letter.isnumeric() for letter in match.group()):
            start = match.start()
            word = bare[start : match.end()].strip(".,;:()")
            found.append((*place(bare, start), f"`{word}` {TYPED}"))
    return found


def place(text: str, start: int) -> tuple[int, int]:
    """Return the line and column, both from 1, of a place in a text."""
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


def _near(name: str, known: Iterable[str]) -> str:
    """Name the near holes, of the many those with the same first word where there are any."""
    words = list(known)
    close = [word for word in words if word.split(".")[0] == name.split(".")[0]]
    return nearest(name, close or words) if words else "There are none."


UNNUMBERED_FROM = "appendices"  # from the heading of this name on, nothing is numbered
RECOMMENDATIONS = "recommendations"
TO_COMPLETE = "to be completed"
PLAIN = Span("")


def compose_paper(text: str, source: str, contents: Contents, cover: Cover) -> Document:
    """Fill the officers' text and number it: the paper as a tree of blocks.

    A picture's table that the text does not show is put at the end, so none is without. A table
    without rows, or a picture that is not drawn, has one line in a list at the end; a heading with
    nothing under it is left out.
    Raises `DesignError` for an unknown hole or a result typed by hand, with line and column.
    """
    officers = read_officers_text(text, source, contents.verdicts)
    check_holes(officers, contents)
    builder = _Builder(officers, contents)
    facts, blocks = builder.build()
    return Document(
        plain_text(cover.title), facts, blocks, tuple(plain_text(m) for m in cover.marks),
        cover.date, plain_text(cover.author), tuple(dict.fromkeys(builder.used)),
    )  # fmt: skip


def _hole_rule(state: StateInline, silent: bool) -> bool:
    """Read `{...}` as one token, whatever stands inside."""
    match = HOLE.match(state.src, state.pos) if state.src[state.pos] == "{" else None
    if match is None:
        return False
    if not silent:
        state.push("hole", "", 0).content = match.group(1).strip()
    state.pos = match.end()
    return True


def _parser() -> MarkdownIt:
    """Return a Markdown parser of headings, lists, bold, italic and links, and nothing more."""
    parser = MarkdownIt("commonmark", {"html": False}).disable(
        ["html_inline", "html_block", "image", "autolink", "entity", "backticks", "code", "fence",
         "hr", "reference", "lheading"]
    )  # fmt: skip
    parser.inline.ruler.before("escape", "hole", _hole_rule)
    return parser


class _Builder:
    """Walks the parsed text once, filling holes and counting topics, paragraphs and tables."""

    def __init__(self, officers: OfficersText, contents: Contents) -> None:
        self.officers, self.entries, self.tables = officers, contents.entries, contents.tables
        self.figures, self.quotes = contents.figures, contents.quotes
        self.used: list[str] = []
        self.topic = self.paragraph = 0
        self.numbered, self.recommending = False, False
        self.anchors: set[str] = set()
        self.absent: dict[str, list[str]] = {}
        self.table_numbers = self._number_tables()
        self.figure_numbers: dict[str, int] = {}

    def _number_tables(self) -> dict[str, int]:
        """Number tables in the order they are shown; pictures' tables not shown come last."""
        holes = [hole for hole in self.officers.holes if hole.kind in ("table", "figure")]
        shown = [hole.name for hole in holes if hole.kind == "table"]
        drawn = [hole.name for hole in holes if hole.kind == "figure"]
        behind = [self.figures[name].table for name in drawn if self.figures[name].svg]
        self.left_over = [
            name for name in dict.fromkeys(behind) if name not in shown and self.tables[name].cells
        ]
        for hole in holes:
            self._miss(hole.kind, hole.name)
        names = dict.fromkeys(
            [*(name for name in shown if self.tables[name].cells), *self.left_over]
        )
        return {name: number for number, name in enumerate(names, start=1)}

    def _miss(self, kind: str, name: str) -> None:
        """Keep why a table or a picture is not shown, each reason with what it is the reason of."""
        if self._stands(kind, name):
            return
        table = self.tables[name] if kind == "table" else None
        what, why = (
            (table.caption, table.empty)
            if table
            else (f"{self.figures[name].caption} (picture)", self.figures[name].alt)
        )
        listed = self.absent.setdefault(why, [])
        if why not in ("", EMPTY) and what not in listed:
            listed.append(what)

    def _stands(self, kind: str, name: str) -> bool:
        """Whether there is anything to show of what stands alone on its line."""
        if kind == "table":
            return bool(self.tables[name].cells)
        return bool(self.figures[name].svg if kind == "figure" else self.quotes.get(name))

    def build(self) -> tuple[tuple[tuple[str, Words], ...], tuple[Block, ...]]:
        """Return the heading lines and the blocks."""
        nodes = SyntaxTreeNode(_parser().parse(self.officers.text)).children
        first = next((n for n, node in enumerate(nodes) if node.type == "heading"), len(nodes))
        facts = tuple(self._facts(nodes[:first]))
        blocks = list(self._blocks(self._with_something(nodes[first:]), top=True))
        if self.left_over:
            words = (Span("Figures behind the pictures"),)
            blocks.append(Heading(2, words, "", self._anchor(text_of(words)), new_page=True))
            blocks += [self._table(name) for name in self.left_over]
        if told := {why: what for why, what in self.absent.items() if what}:
            words = (Span("Tables and pictures that are not shown"),)
            blocks.append(Heading(2, words, "", self._anchor(text_of(words))))
            lines = (f"{why.rstrip('.')}: {'; '.join(what)}." for why, what in told.items())
            items = tuple((Paragraph((Span(plain_text(line)),)),) for line in lines)
            blocks.append(Listing("bullets", items))
        return facts, tuple(_without_lost_appendices(blocks))

    def _with_something(self, nodes: list[SyntaxTreeNode]) -> list[SyntaxTreeNode]:
        """Leave out every heading under which nothing would stand."""
        return [
            node
            for at, node in enumerate(nodes)
            if node.type != "heading" or self._is_filled(nodes[at + 1 :], node.tag)
        ]

    def _is_filled(self, nodes: list[SyntaxTreeNode], depth: str) -> bool:
        """Whether anything stands before the next heading of this depth or above."""
        for node in nodes:
            if node.type == "heading" and node.tag <= depth:
                return False
            if node.type != "heading" and self._says_something(node):
                return True
        return False

    def _says_something(self, node: SyntaxTreeNode) -> bool:
        """Whether a part of the text leaves anything on the page once its holes are filled."""
        if node.type != "inline":
            return any(map(self._says_something, node.children))
        for one in node.walk(include_self=False):
            kind, _, name = one.content.partition(" ") if one.type == "hole" else ("", "", "")
            if kind in ("table", "figure", "quotes"):
                if self._stands(kind, name.strip()):
                    return True
            elif one.type == "hole" and one.content in self.entries:
                if self.entries[one.content].text.strip():
                    return True
            elif one.type == "text" and one.content.strip(" .") or FACT.fullmatch(one.content):
                return True
        return False

    def _wrong(self, inline: SyntaxTreeNode, said: str) -> DesignError:
        line = inline.map[0] + 1 if inline.map else 1
        return DesignError(f"{self.officers.source}, line {line}: {said}")

    def _facts(self, nodes: list[SyntaxTreeNode]) -> Iterator[tuple[str, Words]]:
        """Read the lines above the first heading: Meeting, Subject, Date and so on."""
        for inline in (one for node in nodes for one in node.walk() if one.type == "inline"):
            line: list[Span] = []
            for span in [*self._spans(inline, end="\n"), Span("\n")]:
                if span.text != "\n":
                    line.append(span)
                    continue
                label, colon, rest = line[0].text.partition(":") if line else ("", "", "")
                if not colon:
                    said = (
                        "above the first heading each line is `Meeting: ...`, `Subject: ...`, "
                        "`Date: ...` and so on."
                    )
                    raise self._wrong(inline, said)
                value = (Span(rest.lstrip()), *line[1:])
                yield label.strip(), tuple(span for span in value if span.text)
                line = []

    def _blocks(self, nodes: list[SyntaxTreeNode], *, top: bool = False) -> Iterator[Any]:
        for node in nodes:
            if node.type == "heading":
                yield self._heading(int(node.tag[1:]), node.children[0])
            elif node.type == "paragraph":
                if block := self._paragraph(node.children[0], top=top):
                    yield block
            elif node.type in ("bullet_list", "ordered_list"):
                said = (item for item in node.children if self._says_something(item))
                items = tuple(tuple(self._blocks(item.children)) for item in said)
                ordered: ListKind = "roman" if self.recommending else "letters"
                yield Listing("bullets" if node.type == "bullet_list" else ordered, items)
            elif node.type == "blockquote":
                blocks = tuple(self._blocks(node.children))
                first = next(iter(blocks), None)
                words = text_of(first.words) if isinstance(first, Paragraph) else ""
                yield Box(blocks, words.casefold().startswith(TO_COMPLETE))

    def _heading(self, depth: int, inline: SyntaxTreeNode) -> Heading:
        words = tuple(self._spans(inline))
        name = text_of(words).casefold()
        if depth > 2:
            raise self._wrong(
                inline, f"`{'#' * depth}`: a paper has topics (`#`) and sub-headings (`##`) only."
            )
        if depth == 2:
            return Heading(3, words, "", self._anchor(text_of(words)))
        over = self.topic > 0 and not self.numbered
        self.numbered = not over and not name.startswith(UNNUMBERED_FROM)
        self.recommending = name.startswith(RECOMMENDATIONS)
        number = ""
        if self.numbered:
            self.topic, self.paragraph = self.topic + 1, 0
            number = str(self.topic)
        return Heading(2, words, number, self._anchor(text_of(words)), name.startswith("appendix"))

    def _paragraph(self, inline: SyntaxTreeNode, *, top: bool) -> Block | None:
        """Read a paragraph or what stands alone on its line; nothing where its holes are empty."""
        leaves = [one for one in inline.walk(include_self=False) if not one.is_nested]
        holes = [one for one in leaves if one.type == "hole"]
        others = [one for one in leaves if one.type != "hole" and one.content.strip()]
        kind, _, name = holes[0].content.partition(" ") if holes else ("", "", "")
        if kind in ("table", "figure", "quotes", "new"):
            if len(holes) > 1 or others or not top:
                raise self._wrong(inline, f"`{{{holes[0].content}}}` stands alone on its line.")
            return self._standing(kind, name.strip())
        words = trim(self._spans(inline))
        if not words:
            return None
        if not (top and self.numbered):
            return Paragraph(words)
        self.paragraph += 1
        return Paragraph(words, f"{self.topic}.{self.paragraph}")

    def _standing(self, kind: str, name: str) -> Block | None:
        if f"{kind} {name}" == NEW_PAGE:
            return NewPage()
        if not self._stands(kind, name):
            return None
        self.used.append(f"{kind} {name}")
        if kind == "table":
            return self._table(name)
        if kind == "quotes":
            return QuoteBlock(name, tuple(self.quotes[name]))
        number = self.figure_numbers.setdefault(name, len(self.figure_numbers) + 1)
        picture = self.figures[name]
        said = replace(picture, caption=plain_text(picture.caption), alt=plain_text(picture.alt))
        return PictureBlock(name, number, said, self.table_numbers[picture.table])

    def _table(self, name: str) -> TableBlock:
        return TableBlock(name, self.table_numbers[name], self.tables[name])

    def _spans(
        self, inline: SyntaxTreeNode, look: Span = PLAIN, *, end: str = " "
    ) -> Iterator[Span]:
        """Return the words inside, in the look of what they stand in; `end` ends a line."""
        for one in inline.children:
            if one.type == "text":
                yield replace(look, text=plain_text(one.content))
            elif one.type in ("softbreak", "hardbreak"):
                yield replace(look, text=end)
            elif one.type == "hole":
                yield self._fill(one.content, look)
            elif one.type == "strong":
                yield from self._spans(one, replace(look, bold=True), end=end)
            elif one.type == "em":
                yield from self._spans(one, replace(look, italic=True), end=end)
            elif one.type == "link":
                inside = replace(look, href=str(one.attrs.get("href", "")))
                yield from self._spans(one, inside, end=end)

    def _fill(self, name: str, look: Span) -> Span:
        fact = FACT.fullmatch(name)
        if fact is None and name not in self.entries:
            raise DesignError(f"{self.officers.source}: `{{{name}}}` stands alone on its line.")
        self.used.append(name)
        text = f"{fact[1]} ({fact[2]})" if fact else self.entries[name].text
        return replace(look, text=plain_text(text), entry="fact" if fact else name)

    def _anchor(self, text: str) -> str:
        base = re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-") or "part"
        anchor, number = base, 2
        while anchor in self.anchors:
            anchor, number = f"{base}-{number}", number + 1
        self.anchors.add(anchor)
        return anchor


def _without_lost_appendices(blocks: list[Block]) -> Iterator[Block]:
    """Leave out of the list of appendices those whose heading is not there."""
    kept = {text_of(block.words) for block in blocks if isinstance(block, Heading)}
    for block in blocks:
        if isinstance(block, Listing):
            items = tuple(item for item in block.items if not _is_lost(item, kept))
            yield replace(block, items=items)
        else:
            yield block


def _is_lost(item: tuple[Any, ...], kept: set[str]) -> bool:
    words = text_of(item[0].words) if item and isinstance(item[0], Paragraph) else ""
    return words.casefold().startswith(APPENDIX) and words not in kept


def trim(spans: Iterator[Span]) -> Words:
    """Leave out empty words and the space that they leave, at a paragraph's start or inside it."""
    kept: list[Span] = []
    for span in spans:
        open_ = kept and not kept[-1].text.endswith(" ")
        text = span.text if open_ else span.text.lstrip()
        if text:
            kept.append(replace(span, text=text))
    return tuple(kept) if any(span.text.strip() for span in kept) else ()

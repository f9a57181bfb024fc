"""From the officers' Markdown with holes to the paper as a tree of blocks, numbered.

Text from a school, a register or a settings file is never read as Markdown or HTML: it fills holes
after the text has been parsed.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from pepstats.blocks import (
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
from pepstats.errors import DesignError
from pepstats.officers import (
    HOLE,
    NEW_PAGE,
    OfficersText,
    check_holes,
    read_officers_text,
    split_fact,
)
from pepstats.words import plain

UNNUMBERED_FROM = "appendices"  # from the heading of this name on, nothing is numbered
RECOMMENDATIONS = "recommendations"
TO_COMPLETE = "to be completed"


def compose(
    text: str,
    entries: Mapping[str, Entry],
    tables: Mapping[str, PaperTable],
    figures: Mapping[str, PaperPicture],
    *,
    quotes: Mapping[str, Sequence[Quote]] | None = None,
    source: str,
    title: str,
    date: datetime.date,
    author: str,
    marks: Sequence[str] = (),
) -> Document:
    """Fill the officers' text and number it: the paper as a tree of blocks.

    A picture's table that the text does not show is put at the end, so none is without.
    Raises `DesignError` for an unknown hole or a result typed by hand, with line and column.
    """
    officers = read_officers_text(text, source)
    check_holes(officers, entries, tables, figures, quotes or {})
    builder = _Builder(officers, entries, tables, figures, quotes or {})
    facts, blocks = builder.build()
    return Document(plain(title), facts, blocks, tuple(plain(m) for m in marks), date,
                    plain(author), tuple(dict.fromkeys(builder.used)))  # fmt: skip


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
    """Give a Markdown parser of headings, lists, bold, italic and links, and nothing more."""
    parser = MarkdownIt("commonmark", {"html": False}).disable(
        ["html_inline", "html_block", "image", "autolink", "entity", "backticks", "code", "fence",
         "hr", "reference", "lheading"]
    )  # fmt: skip
    parser.inline.ruler.before("escape", "hole", _hole_rule)
    return parser


class _Builder:
    """Walks the parsed text once, filling holes and counting topics, paragraphs and tables."""

    def __init__(
        self,
        officers: OfficersText,
        entries: Mapping[str, Entry],
        tables: Mapping[str, PaperTable],
        figures: Mapping[str, PaperPicture],
        quotes: Mapping[str, Sequence[Quote]],
    ) -> None:
        self.officers, self.entries, self.tables = officers, entries, tables
        self.figures, self.quotes = figures, quotes
        self.used: list[str] = []
        self.topic = self.paragraph = 0
        self.numbered, self.recommending = False, False
        self.anchors: set[str] = set()
        self.table_numbers = self._number_tables()
        self.figure_numbers: dict[str, int] = {}

    def _number_tables(self) -> dict[str, int]:
        """Number tables in the order they are shown; pictures' tables not shown come last."""
        shown = [hole.name for hole in self.officers.holes if hole.kind == "table"]
        drawn = [hole.name for hole in self.officers.holes if hole.kind == "figure"]
        behind = [self.figures[name].table for name in drawn]
        if lost := sorted(set(behind) - set(self.tables)):
            raise DesignError(f"{self.officers.source}: a picture's table is missing: {lost}.")
        self.left_over = [name for name in dict.fromkeys(behind) if name not in shown]
        names = dict.fromkeys([*shown, *self.left_over])
        return {name: number for number, name in enumerate(names, start=1)}

    def build(self) -> tuple[tuple[tuple[str, Words], ...], tuple[Block, ...]]:
        """Give the heading lines and the blocks."""
        tokens = _parser().parse(self.officers.text)
        first = next((n for n, t in enumerate(tokens) if t.type == "heading_open"), len(tokens))
        facts = tuple(self._facts(tokens[:first]))
        blocks = list(self._blocks(tokens[first:], top=True))
        if self.left_over:
            words = (Span("Figures behind the pictures"),)
            blocks.append(Heading(2, words, "", self._anchor(text_of(words)), new_page=True))
            blocks += [self._table(name) for name in self.left_over]
        return facts, tuple(blocks)

    def _facts(self, tokens: list[Token]) -> Iterator[tuple[str, Words]]:
        """Read the lines above the first heading: Meeting, Subject, Date and so on."""
        for token in tokens:
            if token.type != "inline":
                continue
            line: list[Span] = []
            for span in [*self._spans(token, breaks=True), Span("\n")]:
                if span.text != "\n":
                    line.append(span)
                    continue
                label, colon, rest = line[0].text.partition(":") if line else ("", "", "")
                if not colon:
                    where = token.map[0] + 1 if token.map else 1
                    raise DesignError(
                        f"{self.officers.source}, line {where}: above the first heading each line "
                        "is `Meeting: ...`, `Subject: ...`, `Date: ...` and so on."
                    )
                value = (Span(rest.lstrip()), *line[1:])
                yield label.strip(), tuple(span for span in value if span.text)
                line = []

    def _blocks(self, tokens: list[Token], *, top: bool = False) -> Iterator[Any]:
        place = 0
        while place < len(tokens):
            token = tokens[place]
            end = _closing(tokens, place)
            inside = tokens[place + 1 : end]
            if token.type == "heading_open":
                yield self._heading(int(token.tag[1:]), inside[0])
            elif token.type == "paragraph_open":
                block = self._paragraph(inside[0], top=top)
                if block is not None:
                    yield block
            elif token.type in ("bullet_list_open", "ordered_list_open"):
                yield self._listing(token.type, inside)
            elif token.type == "blockquote_open":
                blocks = tuple(self._blocks(inside))
                words = (
                    text_of(blocks[0].words) if blocks and isinstance(blocks[0], Paragraph) else ""
                )
                yield Box(blocks, words.casefold().startswith(TO_COMPLETE))
            place = end + 1

    def _heading(self, depth: int, inline: Token) -> Heading:
        words = tuple(self._spans(inline))
        name = text_of(words).casefold()
        if depth > 2:
            line = inline.map[0] + 1 if inline.map else 1
            raise DesignError(f"{self.officers.source}, line {line}: `{'#' * depth}`: a paper has "
                              "topics (`#`) and sub-headings (`##`) only.")  # fmt: skip
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

    def _paragraph(self, inline: Token, *, top: bool) -> Block | None:
        """Read a paragraph or what stands alone on its line; nothing where its holes are empty."""
        holes = [child for child in inline.children or [] if child.type == "hole"]
        others = [c for c in inline.children or [] if c.type != "hole" and c.content.strip()]
        kind, _, name = holes[0].content.partition(" ") if holes else ("", "", "")
        if kind in ("table", "figure", "quotes", "new"):
            if len(holes) > 1 or others or not top:
                line = inline.map[0] + 1 if inline.map else 1
                hole = holes[0].content
                raise DesignError(
                    f"{self.officers.source}, line {line}: `{{{hole}}}` stands alone on its line."
                )
            return self._standing(kind, name.strip())
        words = trim(self._spans(inline))
        if not words:
            return None
        if not (top and self.numbered):
            return Paragraph(words)
        self.paragraph += 1
        return Paragraph(words, f"{self.topic}.{self.paragraph}")

    def _standing(self, kind: str, name: str) -> Block:
        if f"{kind} {name}" == NEW_PAGE:
            return NewPage()
        self.used.append(f"{kind} {name}")
        if kind == "table":
            return self._table(name)
        if kind == "quotes":
            return QuoteBlock(name, tuple(self.quotes[name]))
        number = self.figure_numbers.setdefault(name, len(self.figure_numbers) + 1)
        picture = self.figures[name]
        said = replace(picture, caption=plain(picture.caption), alt=plain(picture.alt))
        return PictureBlock(name, number, said, self.table_numbers[picture.table])

    def _table(self, name: str) -> TableBlock:
        return TableBlock(name, self.table_numbers[name], self.tables[name])

    def _listing(self, kind: str, tokens: list[Token]) -> Listing:
        items, place = [], 0
        while place < len(tokens):
            end = _closing(tokens, place)
            items.append(tuple(self._blocks(tokens[place + 1 : end])))
            place = end + 1
        ordered: ListKind = "roman" if self.recommending else "letters"
        return Listing("bullets" if kind.startswith("bullet") else ordered, tuple(items))

    def _spans(self, inline: Token, *, breaks: bool = False) -> Iterator[Span]:
        bold, italic, href = 0, 0, ""
        for token in inline.children or []:
            if token.type == "text":
                yield Span(plain(token.content), bold > 0, italic > 0, href)
            elif token.type in ("softbreak", "hardbreak"):
                yield Span("\n" if breaks else " ", bold > 0, italic > 0, href)
            elif token.type == "hole":
                yield from self._fill(token.content, bold > 0, italic > 0, href)
            elif token.type.startswith("strong"):
                bold += token.nesting
            elif token.type.startswith("em"):
                italic += token.nesting
            elif token.type.startswith("link"):
                href = str(token.attrs.get("href", "")) if token.nesting == 1 else ""

    def _fill(self, name: str, bold: bool, italic: bool, href: str) -> Iterator[Span]:
        if name.startswith("fact "):
            fact, written = split_fact(name)
            self.used.append(name)
            yield Span(plain(f"{fact} ({written})"), bold, italic, href, "fact")
            return
        if name not in self.entries:
            raise DesignError(f"{self.officers.source}: `{{{name}}}` stands alone on its line.")
        self.used.append(name)
        yield Span(plain(self.entries[name].text), bold, italic, href, name)

    def _anchor(self, text: str) -> str:
        base = re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-") or "part"
        anchor, number = base, 2
        while anchor in self.anchors:
            anchor, number = f"{base}-{number}", number + 1
        self.anchors.add(anchor)
        return anchor


def trim(spans: Iterator[Span]) -> Words:
    """Leave out empty words and the space that they leave at a paragraph's start."""
    kept: list[Span] = []
    for span in spans:
        text = span.text if kept else span.text.lstrip()
        if text:
            kept.append(replace(span, text=text))
    return tuple(kept) if any(span.text.strip() for span in kept) else ()


def _closing(tokens: list[Token], place: int) -> int:
    """Find where the block that opens at a place closes."""
    depth = 0
    for number in range(place, len(tokens)):
        depth += tokens[number].nesting
        if depth == 0:
            return number
    return len(tokens) - 1

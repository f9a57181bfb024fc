"""A paper as a Word file: real headings and numbering, alternative text, the same bytes each time.

Everything a screen reader or a clerk relies on is Word's own: heading styles, multi-level
numbering of topics and paragraphs, repeated table headings, the document's language and title.
"""

from __future__ import annotations

import datetime
import io
from pathlib import Path
from typing import Any

import docx
from docx.document import Document as WordDocument
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.text import WD_TAB_ALIGNMENT
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Cm, Pt

from pepstats.blocks import (
    Box,
    Document,
    Heading,
    Listing,
    NewPage,
    Paragraph,
    PictureBlock,
    QuoteBlock,
    TableBlock,
    Words,
)
from pepstats.wordlooks import CELL, COMPLETE, FACT, LOOKS, NOTE, NUMBERED, QUOTE
from pepstats.wordparts import (
    LANGUAGE,
    add_field,
    add_link,
    frame_style,
    make_grid,
    number_line,
    pack_again,
    set_language,
)
from pepstats.wordtemplate import open_template

PAGE_WIDTH = 17.0  # cm between the margins of an A4 page
TALLEST = 22.0  # cm that a picture may be, its caption and note beside it on the page
_LEVELS: dict[str, tuple[tuple[str, str, str], ...]] = {
    # kind: (Word's number format, how it is written, the style that carries it) for each level
    "topics": (("decimal", "%1.", "Heading 1"), ("decimal", "%1.%2", NUMBERED)),
    "roman": (("lowerRoman", "(%1)", ""),),
    "letters": (("lowerLetter", "%1.", ""),),
    "bullets": (("bullet", "\u2022", ""),),
}
_INDENT = {
    "topics": (0.0, 1.25),
    "roman": (1.25, 2.25),
    "letters": (1.25, 2.0),
    "bullets": (1.25, 2.0),
}


def write_docx(document: Document, template: Path | None = None) -> bytes:
    """Lay a paper out as a Word file; a council's own `template` gives its styles and margins."""
    word = open_template(template) if template else _open()
    writer = _Writer(word, document, restyle=template is None)
    writer.write()
    stream = io.BytesIO()
    word.save(stream)
    return pack_again(stream.getvalue())


def _open() -> WordDocument:
    word = docx.Document()
    section = word.sections[0]
    section.page_width, section.page_height = Cm(21.0), Cm(29.7)
    section.left_margin = section.right_margin = Cm((21.0 - PAGE_WIDTH) / 2)
    section.top_margin, section.bottom_margin = Cm(2.2), Cm(2.0)
    return word


class _Writer:
    """Writes the blocks of one paper into one Word file, in order."""

    def __init__(self, word: WordDocument, document: Document, *, restyle: bool) -> None:
        self.word, self.document, self.restyle = word, document, restyle
        self.numbering = word.part.numbering_part.element
        self.lists: dict[str, int] = {}
        self.ids: dict[str, str] = {}
        self.turning = False
        self.width = self._text_width()

    def _text_width(self) -> float:
        section = self.word.sections[0]
        parts = (section.page_width, section.left_margin, section.right_margin)
        page, left, right = (part.cm if part is not None else 0.0 for part in parts)
        return float(page - left - right) or PAGE_WIDTH

    def write(self) -> None:
        self._properties()
        self._styles()
        self.topics = self._new_list("topics")
        self._head_and_foot()
        for mark in self.document.marks:
            self._line().add_run(mark).bold = True
        self._line("Title", self.document.title)
        for label, words in self.document.facts:
            self._fact(label, words)
        for block in self.document.blocks:
            self._block(block)

    # What the whole file says of itself

    def _properties(self) -> None:
        core = self.word.core_properties
        stamp = datetime.datetime.combine(self.document.date, datetime.time(9))
        core.title, core.author, core.subject = self.document.title, self.document.author, ""
        core.created = core.modified = core.last_printed = stamp
        core.last_modified_by, core.revision, core.language = self.document.author, 1, LANGUAGE
        core.comments = core.keywords = core.category = ""
        core.content_status = "; ".join(self.document.marks)
        settings = self.word.settings.element
        for tag in ("w:themeFontLang",):
            for old in settings.findall(qn(tag)):
                old.set(qn("w:val"), LANGUAGE)

    def _styles(self) -> None:
        """Set the looks of the paper; those that a council's template has are left as they are."""
        styles = self.word.styles
        defaults = styles.element.find(qn("w:docDefaults"))
        for run in defaults.iter(qn("w:rPr")) if defaults is not None else ():
            set_language(run)
        set_language(styles["Normal"].element.get_or_add_rPr())
        there = {style.name for style in styles} if not self.restyle else set()
        for name, look in LOOKS.items():
            if name in there:
                continue
            style = self._style(name)
            style.font.size, style.font.bold = Pt(look.size), look.bold
            style.font.color.rgb = look.color
            if self.restyle:
                style.font.name = "Arial"
            shape = style.paragraph_format
            shape.space_before, shape.space_after = Pt(look.before), Pt(look.after)
            shape.keep_with_next = look.stays or None
            if look.left:
                shape.left_indent = Cm(look.left)
            self._plain(style)
        for name in (QUOTE, COMPLETE):
            if name not in there:
                frame_style(styles[name].element, dashed=name == COMPLETE)
        if FACT not in there:
            shape = styles[FACT].paragraph_format
            shape.first_line_indent = Cm(-LOOKS[FACT].left)
            shape.tab_stops.add_tab_stop(Cm(LOOKS[FACT].left))
        self.ids = {style.name: style.style_id for style in styles if style.name}

    def _style(self, name: str) -> Any:
        styles = self.word.styles
        if name not in [style.name for style in styles]:
            style = styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
            style.base_style = styles["Normal"]
        return styles[name]

    def _plain(self, style: Any) -> None:
        """Take the theme's fonts and rules out of a style of the library's own."""
        for fonts in style.element.iter(qn("w:rFonts")):
            for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
                fonts.attrib.pop(qn(f"w:{theme}"), None)
        for border in list(style.element.iter(qn("w:pBdr"))):
            border.getparent().remove(border)

    def _head_and_foot(self) -> None:
        """Put what every page must say at its head, and the page's number at its foot.

        A council's own head and foot stay; the marks are added to every kind of head it has.
        """
        section = self.word.sections[0]
        marks = ". ".join(self.document.marks)
        heads = [section.header]
        heads += [section.first_page_header] if section.different_first_page_header_footer else []
        odd_and_even = self.word.settings.odd_and_even_pages_header_footer
        heads += [section.even_page_header] if odd_and_even else []
        for head in heads:
            line = head.paragraphs[0] if self.restyle and head.paragraphs else head.add_paragraph()
            run = line.add_run(marks or (self.document.title if self.restyle else ""))
            run.bold, run.font.size = bool(marks) or None, Pt(9)
        if not self.restyle:
            return
        foot = section.footer.paragraphs[0]
        self.word.styles["Footer"].paragraph_format.tab_stops.clear_all()
        foot.paragraph_format.tab_stops.add_tab_stop(Cm(self.width), WD_TAB_ALIGNMENT.RIGHT)
        foot.add_run(f"{self.document.title}\tPage " if marks else "\tPage ")
        add_field(foot, "PAGE")
        foot.add_run(" of ")
        add_field(foot, "NUMPAGES")
        for run in foot.runs:
            run.font.size = Pt(9)

    def _line(self, style: str = "Normal", text: str = "") -> Any:
        """Begin a paragraph in a style, with its first words."""
        line = self.word.add_paragraph()
        if style != "Normal":
            line._p.style = self.ids[style]
        if text:
            line.add_run(text)
        return line

    # Blocks

    def _block(self, block: Any) -> None:
        if isinstance(block, NewPage):
            self.turning = True
        elif isinstance(block, Heading):
            self._heading(block)
        elif isinstance(block, Paragraph):
            self._paragraph(block)
        elif isinstance(block, Listing):
            self._listing(block, depth=1)
        elif isinstance(block, Box):
            for inner in block.blocks:
                style = COMPLETE if block.to_complete else QUOTE
                self._words(self._line(style), inner.words)
        elif isinstance(block, TableBlock):
            self._table(block)
        elif isinstance(block, PictureBlock):
            self._picture(block)
        elif isinstance(block, QuoteBlock):
            for quote in block.quotes:
                line = self._line(QUOTE, quote.text)
                line.add_run(f" ({quote.role})").bold = True

    def _heading(self, block: Heading) -> None:
        line = self._line(f"Heading {block.level - 1}")
        line.paragraph_format.page_break_before = block.new_page or self.turning or None
        self.turning = False
        if block.level == 2:
            number_line(line, self.topics if block.number else 0, 0)
        self._words(line, block.words)

    def _paragraph(self, block: Paragraph) -> None:
        line = self._line(NUMBERED if block.number else "Normal")
        if block.number:
            number_line(line, self.topics, 1)
        self._words(line, block.words)

    def _listing(self, block: Listing, depth: int) -> None:
        chosen = self._new_list(block.style)
        left, hang = _INDENT[block.style]
        for item in block.items:
            for place, inner in enumerate(item):
                if isinstance(inner, Listing):
                    self._listing(inner, depth + 1)
                    continue
                line = self._line()
                line.paragraph_format.space_after = Pt(3)
                line.paragraph_format.left_indent = Cm(hang + (depth - 1) * (hang - left))
                if place == 0:
                    line.paragraph_format.first_line_indent = Cm(left - hang)
                    number_line(line, chosen, 0)
                self._words(line, inner.words)

    def _fact(self, label: str, words: Words) -> None:
        line = self._line(FACT)
        line.add_run(f"{label}:").bold = True
        line.add_run("\t")
        self._words(line, words)

    def _words(self, line: Any, words: Words) -> None:
        for span in words:
            if span.href:
                add_link(line, span)
                continue
            run = line.add_run(span.text)
            run.bold, run.italic = span.bold or None, span.italic or None

    def _table(self, block: TableBlock) -> None:
        table = block.table
        caption = self._line("Caption")
        caption.add_run(f"Table {block.number}. ").bold = True
        caption.add_run(table.caption)
        if not table.rows:
            caption.add_run(f". {table.empty}")
            caption.paragraph_format.keep_with_next = False
        else:
            grid = make_grid(block, self.width, self.ids[CELL])
            caption._p.addnext(grid)
            self._line("Normal").paragraph_format.space_after = Pt(2)
        if table.note:
            self._line(NOTE, table.note)

    def _picture(self, block: PictureBlock) -> None:
        caption = self._line("Caption")
        caption.add_run(f"Figure {block.number}. ").bold = True
        caption.add_run(block.picture.caption)
        if not block.picture.png:
            caption.paragraph_format.keep_with_next = False
            caption.add_run(f". {block.picture.alt}")
            return
        line = self._line()
        line.paragraph_format.keep_with_next = True
        shape = line.add_run().add_picture(io.BytesIO(block.picture.png), width=Cm(12.7))
        if shape.height > Cm(TALLEST):  # a page takes no taller one, and would cut it off
            shape.width = int(shape.width * Cm(TALLEST) / shape.height)
            shape.height = Cm(TALLEST)
        properties = shape._inline.docPr
        properties.set("descr", block.picture.alt)
        properties.set("title", block.picture.caption)
        properties.set("name", f"Figure {block.number}")
        self._line(NOTE, f"The numbers are in Table {block.table_number}.")

    # Numbering

    def _new_list(self, kind: str) -> int:
        """Start a list of a kind from its first number; give Word's number for the list."""
        if kind not in self.lists:
            self.lists[kind] = self._define(kind)
        num = self.numbering.add_num(self.lists[kind])
        if kind in ("roman", "letters"):
            num.add_lvlOverride(ilvl=0).add_startOverride(1)
        return int(num.numId)

    def _define(self, kind: str) -> int:
        taken = [
            int(e.get(qn("w:abstractNumId"))) for e in self.numbering.findall(qn("w:abstractNum"))
        ]
        number = max(taken, default=-1) + 1
        left, hang = _INDENT[kind]
        levels = "".join(
            f'<w:lvl w:ilvl="{level}"><w:start w:val="1"/><w:numFmt w:val="{style}"/>'
            + (f'<w:pStyle w:val="{self.word.styles[name].style_id}"/>' if name else "")
            + f'<w:lvlText w:val="{text}"/><w:lvlJc w:val="left"/><w:pPr>'
            f'<w:ind w:left="{round(hang * 567)}" w:hanging="{round((hang - left) * 567)}"/>'
            "</w:pPr>"
            "</w:lvl>"
            for level, (style, text, name) in enumerate(_LEVELS[kind])
        )
        element = parse_xml(
            f'<w:abstractNum {nsdecls("w")} w:abstractNumId="{number}">'
            f'<w:multiLevelType w:val="multilevel"/>{levels}</w:abstractNum>'
        )
        first = self.numbering.find(qn("w:num"))
        if first is None:
            self.numbering.append(element)
        else:
            first.addprevious(element)
        return number

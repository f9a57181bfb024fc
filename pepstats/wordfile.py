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
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Cm, Pt, RGBColor

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
from pepstats.errors import DesignError
from pepstats.wordparts import (
    LANGUAGE,
    add_field,
    add_link,
    frame_style,
    number_line,
    pack_again,
    rule_table,
    set_language,
    share_width,
)

INK = RGBColor(0x12, 0x43, 0x6D)
SHORT_TABLE = 8  # rows; a table of so few is kept on one page
PAGE_WIDTH = 17.0  # cm between the margins of an A4 page
NUMBERED, QUOTE, COMPLETE, NOTE = "Numbered paragraph", "Statement", "To be completed", "Table note"
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
    word = _open(template)
    writer = _Writer(word, document)
    writer.write()
    stream = io.BytesIO()
    word.save(stream)
    return pack_again(stream.getvalue())


def _open(template: Path | None) -> WordDocument:
    if template is None:
        word = docx.Document()
        section = word.sections[0]
        section.page_width, section.page_height = Cm(21.0), Cm(29.7)
        section.left_margin = section.right_margin = Cm((21.0 - PAGE_WIDTH) / 2)
        section.top_margin, section.bottom_margin = Cm(2.2), Cm(2.0)
        return word
    try:
        word = docx.Document(str(template))
    except Exception as error:
        raise DesignError(f"{template}: not a Word file that can be used: {error}.") from error
    body = word.element.body
    for element in list(body):
        if element.tag != qn("w:sectPr"):
            body.remove(element)
    return word


class _Writer:
    """Writes the blocks of one paper into one Word file, in order."""

    def __init__(self, word: WordDocument, document: Document) -> None:
        self.word, self.document = word, document
        self.numbering = word.part.numbering_part.element
        self.lists: dict[str, int] = {}
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
            self.word.add_paragraph().add_run(mark).bold = True
        self.word.add_paragraph(self.document.title, style="Title")
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
        styles = self.word.styles
        defaults = styles.element.find(qn("w:docDefaults"))
        for run in defaults.iter(qn("w:rPr")) if defaults is not None else ():
            set_language(run)
        normal = styles["Normal"]
        normal.font.name, normal.font.size = "Arial", Pt(11)
        set_language(normal.element.get_or_add_rPr())
        normal.paragraph_format.space_after = Pt(7)
        looks = {"Title": (19, 6), "Heading 1": (14, 16), "Heading 2": (12, 10)}
        for name, (size, before) in looks.items():
            style = self._style(name, "Normal")
            style.font.name, style.font.size, style.font.bold = "Arial", Pt(size), True
            style.font.color.rgb = INK
            style.paragraph_format.space_before = Pt(before)
            style.paragraph_format.space_after = Pt(6)
            style.paragraph_format.keep_with_next = True
            for fonts in style.element.iter(qn("w:rFonts")):
                for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
                    fonts.attrib.pop(qn(f"w:{theme}"), None)
            for border in list(style.element.iter(qn("w:pBdr"))):
                border.getparent().remove(border)
        for name in (NUMBERED, QUOTE, COMPLETE, NOTE, "Caption"):
            self._style(name, "Normal")
        self._style("Caption", "Normal").paragraph_format.keep_with_next = True
        caption = self._style("Caption", "Normal").font
        caption.size, caption.bold, caption.color.rgb = Pt(10.5), False, RGBColor(0, 0, 0)
        self._style(NOTE, "Normal").font.size = Pt(9.5)
        for name in (QUOTE, COMPLETE):
            self._style(name, "Normal").paragraph_format.left_indent = Cm(1.25)
            frame_style(self._style(name, "Normal").element, dashed=name == COMPLETE)

    def _style(self, name: str, base: str) -> Any:
        styles = self.word.styles
        if name not in [style.name for style in styles]:
            style = styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
            style.base_style = styles[base]
        return styles[name]

    def _head_and_foot(self) -> None:
        section = self.word.sections[0]
        head = (
            section.header.paragraphs[0]
            if section.header.paragraphs
            else section.header.add_paragraph()
        )
        head.text = ""
        marks = ". ".join(self.document.marks)
        head.add_run(self.document.title + (". " if marks else ""))
        head.add_run(marks).bold = True
        foot = (
            section.footer.paragraphs[0]
            if section.footer.paragraphs
            else section.footer.add_paragraph()
        )
        foot.text = ""
        foot.alignment = WD_ALIGN_PARAGRAPH.RIGHT
        foot.add_run("Page ")
        add_field(foot, "PAGE")
        foot.add_run(" of ")
        add_field(foot, "NUMPAGES")
        for line in (head, foot):
            for run in line.runs:
                run.font.size = Pt(9)

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
                self._words(self.word.add_paragraph(style=style), inner.words)
        elif isinstance(block, TableBlock):
            self._table(block)
        elif isinstance(block, PictureBlock):
            self._picture(block)
        elif isinstance(block, QuoteBlock):
            for quote in block.quotes:
                line = self.word.add_paragraph(quote.text, style=QUOTE)
                line.add_run(f" ({quote.role})").bold = True

    def _heading(self, block: Heading) -> None:
        line = self.word.add_paragraph(style=f"Heading {block.level - 1}")
        line.paragraph_format.page_break_before = block.new_page or self.turning or None
        self.turning = False
        if block.level == 2:
            number_line(line, self.topics if block.number else 0, 0)
        self._words(line, block.words)

    def _paragraph(self, block: Paragraph) -> None:
        line = self.word.add_paragraph(style=NUMBERED if block.number else "Normal")
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
                line = self.word.add_paragraph()
                line.paragraph_format.space_after = Pt(3)
                line.paragraph_format.left_indent = Cm(hang + (depth - 1) * (hang - left))
                if place == 0:
                    line.paragraph_format.first_line_indent = Cm(left - hang)
                    number_line(line, chosen, 0)
                self._words(line, inner.words)

    def _fact(self, label: str, words: Words) -> None:
        line = self.word.add_paragraph()
        line.paragraph_format.left_indent = Cm(3.2)
        line.paragraph_format.first_line_indent = Cm(-3.2)
        line.paragraph_format.tab_stops.add_tab_stop(Cm(3.2))
        line.paragraph_format.space_after = Pt(2)
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
        caption = self.word.add_paragraph(style="Caption")
        caption.add_run(f"Table {block.number}. ").bold = True
        caption.add_run(table.caption)
        if not table.rows:
            caption.add_run(f". {table.empty}")
            caption.paragraph_format.keep_with_next = False
        else:
            self._grid(block)
        if table.note:
            self.word.add_paragraph(table.note, style=NOTE)

    def _grid(self, block: TableBlock) -> None:
        table = block.table
        grid = self.word.add_table(rows=1 + len(table.rows), cols=len(table.columns))
        grid.autofit = False
        widths = share_width(block, self.width)
        rule_table(grid, table.caption)
        for column, width in zip(grid.columns, widths, strict=True):
            column.width = Cm(width)
        for number, (row, cells) in enumerate(
            zip(grid.rows, (table.columns, *table.rows), strict=True)
        ):
            properties = row._tr.get_or_add_trPr()
            if number == 0:
                properties.append(OxmlElement("w:tblHeader"))
            properties.append(OxmlElement("w:cantSplit"))
            for place, (cell, text) in enumerate(zip(row.cells, cells, strict=True)):
                cell.width = Cm(widths[place])
                line = cell.paragraphs[0]
                line.paragraph_format.space_after = Pt(2)
                line.paragraph_format.space_before = Pt(2)
                if len(table.rows) <= SHORT_TABLE and number < len(table.rows):
                    line.paragraph_format.keep_with_next = True
                run = line.add_run(text)
                run.font.size, run.bold = Pt(9.5), number == 0 or None
                if table.columns[place] in table.numeric:
                    line.alignment = WD_ALIGN_PARAGRAPH.RIGHT
        after = self.word.add_paragraph()
        after.paragraph_format.space_after = Pt(2)

    def _picture(self, block: PictureBlock) -> None:
        caption = self.word.add_paragraph(style="Caption")
        caption.add_run(f"Figure {block.number}. ").bold = True
        caption.add_run(block.picture.caption)
        if not block.picture.png:
            caption.paragraph_format.keep_with_next = False
            caption.add_run(f". {block.picture.alt}")
            return
        line = self.word.add_paragraph()
        line.paragraph_format.keep_with_next = True
        shape = line.add_run().add_picture(io.BytesIO(block.picture.png), width=Cm(12.7))
        properties = shape._inline.docPr
        properties.set("descr", block.picture.alt)
        properties.set("title", block.picture.caption)
        properties.set("name", f"Figure {block.number}")
        self.word.add_paragraph(f"The numbers are in Table {block.table_number}.", style=NOTE)

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

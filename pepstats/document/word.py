"""A paper as a Word file: real headings and numbering, alternative text, the same bytes each time.

Everything a screen reader or a clerk relies on is Word's own: heading styles, multi-level
numbering of topics and paragraphs, repeated table headings, the document's language and title.
"""

from __future__ import annotations

import datetime
import io
import zipfile
from typing import Any

import docx
from docx.document import Document as WordDocument
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import qn
from docx.shared import Cm, Pt, RGBColor

from pepstats.document.blocks import (
    APPENDICES,
    LEADS,
    Box,
    Document,
    Heading,
    Listing,
    NewPage,
    Paragraph,
    PictureBlock,
    QuoteBlock,
    Span,
    TableBlock,
    Words,
)
from pepstats.document.templates import html_templates
from pepstats.errors import DesignError

NUMBERED, QUOTE, COMPLETE = "Numbered paragraph", "Statement", "To be completed"
CELL, NOTE, FACT = "Table text", "Table note", "Meeting line"
LANGUAGE = "en-GB"
BELOW_TABLE, END = Pt(7), "End of this file."
LETTER, MARGINS = 0.185, 0.5  # cm: a letter of a table's text; left and right of a cell's
BOLDER = 1.15  # how much wider a bold letter is
TWIPS = 567  # to a centimetre
ID = qn("w:abstractNumId")
ZIP_DATE = (1980, 1, 1, 0, 0, 0)


def share_width(block: TableBlock, width: float) -> list[float]:
    """Share the page among columns, as asked or by the text in them; no word is broken."""
    table = block.table
    texts = [[heading, *cells] for heading, *cells in zip(table.columns, *table.rows, strict=True)]
    runs = [[max(map(len, text.split(" "))) for text in column] for column in texts]
    least = [max(LETTER * BOLDER * heading, *(LETTER * cell for cell in cells)) + MARGINS
             for heading, *cells in runs]  # fmt: skip
    asked = table.widths or [
        max(8.0, min(60.0, sum(map(len, column)) / len(column))) for column in texts
    ]
    spare = max(width - sum(least), 0.0)
    wants = [
        max(width * part / sum(asked) - low, 0.01) for part, low in zip(asked, least, strict=True)
    ]
    shared = [low + spare * want / sum(wants) for low, want in zip(least, wants, strict=True)]
    return [width * part / sum(shared) for part in shared]


def make_grid(block: TableBlock, width: float, style: str) -> Any:
    """Make a table: lightly ruled, its first row repeated on each page and no row split.

    `style` is the id of the paragraph style of its words; a short table keeps to one page.
    """
    table, widths = block.table, [round(part * TWIPS) for part in share_width(block, width)]
    parts = {"rows": (table.columns, *table.rows), "widths": widths, "style": style}
    return parse_xml(html_templates().get_template("word-table.xml").render(table=table, **parts))


def number_line(line: Any, chosen: int, level: int) -> None:
    """Return a line the next number of a list; list 0 is no number at all."""
    properties = line._p.get_or_add_pPr().get_or_add_numPr()
    properties.get_or_add_ilvl().val = level
    properties.get_or_add_numId().val = chosen


def set_language(run: Any) -> None:
    """Set the language a screen reader speaks a run in."""
    for old in run.findall(qn("w:lang")):
        run.remove(old)
    element = OxmlElement("w:lang")
    element.set(qn("w:val"), LANGUAGE)
    element.set(qn("w:eastAsia"), LANGUAGE)
    run.append(element)


def add_link(line: Any, span: Span) -> None:
    """Put in words that lead to a web page."""
    target = line.part.relate_to(span.href, RELATIONSHIP_TYPE.HYPERLINK, is_external=True)
    link = OxmlElement("w:hyperlink")
    link.set(qn("r:id"), target)
    run = line.add_run(span.text)
    run.font.underline, run.font.color.rgb = True, RGBColor(0x1D, 0x5A, 0x99)
    link.append(run._r)
    line._p.append(link)


def pack_again(packed: bytes, **instead: str) -> bytes:
    """Pack an Office file again with one fixed time, so that the same paper is the same file.

    `instead` gives other content for some parts, by the last word of their name (`core`).
    """
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(packed)) as old,
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            info = zipfile.ZipInfo(name, date_time=ZIP_DATE)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 3
            stem = name.rsplit("/", 1)[-1].removesuffix(".xml")
            new.writestr(info, instead.get(stem, old.read(name)))
    return stream.getvalue()


ATTACHED = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/attachedTemplate"
LARGEST = 50_000_000  # bytes unpacked; a template with its logos is a few
RUNS = ("vbaproject", "activex", "embeddings", "oleobject")
"""What in a Word file can be run, by a word of its part's name."""

NEEDED = ("Normal", "Title", "Heading 1", "Heading 2")


def open_template(content: bytes, name: str) -> WordDocument:
    """Open a council's Word file without its words: its styles, margins, head and foot stay.

    Raises `DesignError` for what is no Word file, is too large, can run something or reaches
    outside itself, or lacks a style that a paper needs.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            parts = packed.infolist()
        if sum(part.file_size for part in parts) > LARGEST:
            raise DesignError(f"{name}: more than {LARGEST:,} bytes unpacked, so not a template.")
        word = docx.Document(io.BytesIO(content))
        _check(word, [part.filename for part in parts], name)
        body = word.element.body
    except DesignError:
        raise
    except Exception as error:  # whatever a broken or hostile file makes its reader raise
        reason = f"{type(error).__name__}: {error}".rstrip(": .")
        raise DesignError(
            f"{name}: not a Word file that can be used ({reason}). Save it from Word as .docx."
        ) from error
    for element in list(body):
        if element.tag != qn("w:sectPr"):
            body.remove(element)
    return word


def _check(word: WordDocument, names: list[str], file: str) -> None:
    if running := sorted(n for n in names if any(one in n.casefold() for one in RUNS)):
        raise DesignError(
            f"{file}: has something in it that can be run ({running[0]}). Save it without."
        )
    allowed = {RELATIONSHIP_TYPE.HYPERLINK, ATTACHED}
    package = word.part.package
    for part in (package, *package.iter_parts()):
        for name, link in list(part.rels.items()):
            if not link.is_external:
                continue
            if link.reltype not in allowed:
                raise DesignError(
                    f"{file}: reaches outside itself, to {link.target_ref}. Put what it shows into "
                    "the file and save it again."
                )
            if link.reltype == ATTACHED:
                for mark in list(word.settings.element.iter(qn("w:attachedTemplate"))):
                    mark.getparent().remove(mark)
                part.rels.pop(name)
    there = {style.name for style in word.styles}
    if missing := [name for name in NEEDED if name not in there]:
        raise DesignError(
            f"{file}: has no style called {', '.join(missing)}. Use each once in Word and save it."
        )


PAGE_WIDTH = 17.0  # cm between the margins of an A4 page
TALLEST = 22.0  # cm that a picture may be, its caption and note beside it on the page

_INDENT = {"roman": (1.25, 2.25), "letters": (1.25, 2.0), "bullets": (1.25, 2.0)}
"""Where a list's marks and its words stand, in centimetres."""


def write_docx(document: Document, template: tuple[bytes, str] | None = None) -> bytes:
    """Lay a paper out as a Word file, in the looks of a council's own `template`: bytes, name."""
    word = open_template(*template) if template else _open()
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
        self.turning = False
        self.below_table = False
        self.is_appendices = not document.beside.endswith(APPENDICES)
        section = word.sections[0]
        parts = (section.page_width, section.left_margin, section.right_margin)
        page, left, right = (part.cm if part is not None else 0.0 for part in parts)
        self.width = float(page - left - right) or PAGE_WIDTH

    def write(self) -> None:
        self._properties()
        self._take_looks()
        self.topics = self._new_list("topics")
        self._head_and_foot()
        for mark in self.document.marks:
            self._line().add_run(mark).bold = True
        self._line("Title", self.document.title)
        for label, words in self.document.facts:
            line = self._line(FACT)
            line.add_run(f"{label}:").bold = True
            line.add_run("\t")
            self._words(line, words)
        for block in self.document.blocks:
            self._block(block)
        if self.below_table:  # Word ends no file with a table: it would add a blank line
            self._line(NOTE, END)

    def _properties(self) -> None:
        core = self.word.core_properties
        stamp = datetime.datetime.combine(self.document.date, datetime.time(9))
        core.title, core.author, core.subject = self.document.title, self.document.author, ""
        core.created = core.modified = core.last_printed = stamp
        core.last_modified_by, core.revision, core.language = self.document.author, 1, LANGUAGE
        core.comments = core.keywords = core.category = ""
        core.content_status = "; ".join(self.document.marks)
        for old in self.word.settings.element.findall(qn("w:themeFontLang")):
            old.set(qn("w:val"), LANGUAGE)

    def _take_looks(self) -> None:
        """Set the looks of the paper; those that a council's template has are left as they are."""
        styles = self.word.styles
        there = {str(style.name).replace(" ", ""): style for style in styles}
        ids = {name: style.style_id for name, style in there.items()}
        page = html_templates().get_template("word.xml")
        self.looks = parse_xml(page.render(document=self.document, ids=ids))
        for look in self.looks.findall(qn("w:style")):
            name = look.get(qn("w:styleId"))
            if name not in there:
                for fonts in [] if self.restyle else list(look.iter(qn("w:rFonts"))):
                    fonts.getparent().remove(fonts)
                styles.element.append(look)
            elif self.restyle:
                styles.element.replace(there[name].element, look)
        defaults = styles.element.find(qn("w:docDefaults"))
        for run in defaults.iter(qn("w:rPr")) if defaults is not None else ():
            set_language(run)
        set_language(styles["Normal"].element.get_or_add_rPr())
        self.ids = {style.name: style.style_id for style in styles if style.name}

    def _head_and_foot(self) -> None:
        """Put what every page must say at its head, and the page's number at its foot.

        A council's own head and foot stay; the marks are added to every kind of head it has.
        """
        section = self.word.sections[0]
        marks = ". ".join(self.document.marks)
        heads = [section.header]
        if section.different_first_page_header_footer:
            heads.append(section.first_page_header)
        if self.word.settings.odd_and_even_pages_header_footer:
            heads.append(section.even_page_header)
        for head in heads:
            line = head.paragraphs[0] if self.restyle and head.paragraphs else head.add_paragraph()
            run = line.add_run(marks or (self.document.title if self.restyle else ""))
            run.bold, run.font.size = bool(marks) or None, Pt(9)
        if not self.restyle:
            return
        self.word.styles["Footer"].paragraph_format.tab_stops.clear_all()
        old = section.footer.paragraphs[0]._p
        old.getparent().replace(old, self.looks.find(qn("w:p")))

    def _line(self, style: str = "Normal", text: str = "") -> Any:
        """Begin a paragraph in a style, with its first words."""
        line = self.word.add_paragraph()
        if self.below_table and style in ("Normal", NUMBERED, QUOTE, COMPLETE):
            line.paragraph_format.space_before = BELOW_TABLE
        self.below_table = False
        if style != "Normal":
            line._p.style = self.ids[style]
        if text:
            line.add_run(text)
        return line

    def _block(self, block: Any) -> None:
        if isinstance(block, NewPage):
            self.turning = True
        elif isinstance(block, Heading):
            self._heading(block)
        elif isinstance(block, Paragraph):
            line = self._line(NUMBERED if block.number else "Normal")
            if block.number:
                number_line(line, self.topics, 1)
            self._words(line, block.words)
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
        if block.anchor == APPENDICES and self.document.beside:
            file = f"{self.document.beside}.docx"
            self._words(self._line(), (Span(f"{LEADS}: "), Span(file, href=file)))

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
        caption._p.addnext(make_grid(block, self.width, self.ids[CELL]))
        if table.note:
            self._line(NOTE, table.note)
        else:
            self.below_table = True

    def _picture(self, block: PictureBlock) -> None:
        caption = self._line("Caption")
        caption.add_run(f"Figure {block.number}. ").bold = True
        caption.add_run(block.picture.caption)
        line = self._line()
        line.paragraph_format.keep_with_next = True
        shape = line.add_run().add_picture(io.BytesIO(block.picture.png))
        shape.height = int(shape.height * Cm(self.width) / shape.width)
        shape.width = Cm(self.width)
        if shape.height > Cm(TALLEST):  # a page takes no taller one, and would cut it off
            shape.width = int(shape.width * Cm(TALLEST) / shape.height)
            shape.height = Cm(TALLEST)
        properties = shape._inline.docPr
        properties.set("descr", block.picture.alt)
        properties.set("title", block.picture.caption)
        properties.set("name", f"Figure {block.number}")
        where = ""
        if block.table_number in self.document.tables_beside:
            where = ", in the paper" if self.is_appendices else ", in the appendices"
        self._line(NOTE, f"The numbers are in Table {block.table_number}{where}.")

    def _new_list(self, kind: str) -> int:
        """Start a list of a kind from its first number; return Word's number for the list."""
        if kind not in self.lists:
            made = {one.get(ID): one for one in self.looks.findall(qn("w:abstractNum"))}[kind]
            taken = [int(e.get(ID)) for e in self.numbering.findall(qn("w:abstractNum"))]
            self.lists[kind] = max(taken, default=-1) + 1
            made.set(ID, str(self.lists[kind]))
            self.numbering.insert(len(taken), made)
        num = self.numbering.add_num(self.lists[kind])
        if kind in ("roman", "letters"):
            num.add_lvlOverride(ilvl=0).add_startOverride(1)
        return int(num.numId)

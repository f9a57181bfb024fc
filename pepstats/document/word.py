"""A paper as a Word file: real headings and numbering, alternative text, the same bytes each time.

Everything a screen reader or a clerk relies on is Word's own: heading styles, multi-level
numbering of topics and paragraphs, repeated table headings, the document's language and title.
"""

from __future__ import annotations

import datetime
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import docx
from docx.document import Document as WordDocument
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.text import WD_TAB_ALIGNMENT
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Cm, Pt, RGBColor

from pepstats.document.blocks import (
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
from pepstats.errors import DesignError

INK = RGBColor(0x12, 0x43, 0x6D)
NUMBERED, QUOTE, COMPLETE = "Numbered paragraph", "Statement", "To be completed"
CELL, NOTE, FACT = "Table text", "Table note", "Meeting line"


@dataclass(frozen=True)
class Look:
    """How the paragraphs of a style look; sizes in points, the left edge in centimetres."""

    size: float = 11
    before: float = 0
    after: float = 7
    bold: bool | None = None
    stays: bool = False  # on the page of what follows it
    left: float = 0
    color: RGBColor | None = None


LOOKS = {
    "Normal": Look(),
    "Title": Look(19, 6, 6, bold=True, stays=True, color=INK),
    "Heading 1": Look(14, 16, 6, bold=True, stays=True, color=INK),
    "Heading 2": Look(12, 10, 6, bold=True, stays=True, color=INK),
    NUMBERED: Look(),
    QUOTE: Look(left=1.25),
    COMPLETE: Look(left=1.25),
    CELL: Look(9.5, 2, 2),
    NOTE: Look(9.5),
    FACT: Look(after=2, left=3.2),
    "Caption": Look(10.5, 6, 4, bold=False, stays=True, color=RGBColor(0, 0, 0)),
}

LANGUAGE = "en-GB"
LETTER, MARGINS = 0.185, 0.5  # cm: a letter of a table's text; left and right of a cell's
BOLDER = 1.15  # how much wider a bold letter is
TWIPS = 567  # to a centimetre
ZIP_DATE = (1980, 1, 1, 0, 0, 0)

_RULES = "".join(
    f'<w:{side} w:val="single" w:sz="{size}" w:space="0" w:color="6F777B"/>'
    for side, size in (("top", 8), ("bottom", 8), ("insideH", 4))
)

_LOOK = (
    '<w:tblLook w:val="00A0" w:firstRow="1" w:lastRow="0" w:firstColumn="1" w:lastColumn="0" '
    'w:noHBand="1" w:noVBand="1"/>'
)


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
    table = block.table
    widths = [round(part * TWIPS) for part in share_width(block, width)]
    right = ['<w:jc w:val="right"/>' if name in table.numeric else "" for name in table.columns]
    last = len(table.rows)
    rows = []
    for number, cells in enumerate((table.columns, *table.rows)):
        look = "<w:keepNext/>" if table.short and number < last else ""
        bold = "<w:rPr><w:b/></w:rPr>" if number == 0 else ""
        made = "".join(
            f'<w:tc><w:tcPr><w:tcW w:w="{part}" w:type="dxa"/></w:tcPr><w:p><w:pPr>'
            f'<w:pStyle w:val="{style}"/>{look}{aside}</w:pPr>'
            f'<w:r>{bold}<w:t xml:space="preserve">{escape(text)}</w:t></w:r></w:p></w:tc>'
            for part, aside, text in zip(widths, right, cells, strict=True)
        )
        heads = "<w:tblHeader/>" if number == 0 else ""
        rows.append(f"<w:tr><w:trPr><w:cantSplit/>{heads}</w:trPr>{made}</w:tr>")
    columns = "".join(f'<w:gridCol w:w="{part}"/>' for part in widths)
    return parse_xml(
        f'<w:tbl {nsdecls("w")}><w:tblPr><w:tblW w:w="{sum(widths)}" w:type="dxa"/>'
        f"<w:tblBorders>{_RULES}</w:tblBorders>"
        f'<w:tblLayout w:type="fixed"/>{_LOOK}<w:tblCaption w:val={quoteattr(table.caption)}/>'
        f"</w:tblPr><w:tblGrid>{columns}</w:tblGrid>{''.join(rows)}</w:tbl>"
    )


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


def add_field(line: Any, code: str) -> None:
    """Put in a number that Word counts, such as the page's."""
    for kind in ("begin", "", "separate", "shown", "end"):
        run = line.add_run("1" if kind == "shown" else "")
        if kind == "":
            instruction = OxmlElement("w:instrText")
            instruction.set(qn("xml:space"), "preserve")
            instruction.text = f" {code} "
            run._r.append(instruction)
        elif kind != "shown":
            mark = OxmlElement("w:fldChar")
            mark.set(qn("w:fldCharType"), kind)
            run._r.append(mark)


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


def open_template(path: Path) -> WordDocument:
    """Open a council's Word file without its words: its styles, margins, head and foot stay.

    Raises `DesignError` for what is no Word file, is too large, can run something or reaches
    outside itself, or lacks a style that a paper needs.
    """
    try:
        with zipfile.ZipFile(path) as packed:
            parts = packed.infolist()
        if sum(part.file_size for part in parts) > LARGEST:
            raise DesignError(f"{path}: more than {LARGEST:,} bytes unpacked, so not a template.")
        word = docx.Document(str(path))
        _check(word, [part.filename for part in parts], path)
        body = word.element.body
    except DesignError:
        raise
    except Exception as error:  # whatever a broken or hostile file makes its reader raise
        reason = f"{type(error).__name__}: {error}".rstrip(": .")
        raise DesignError(
            f"{path}: not a Word file that can be used ({reason}). Save it from Word as .docx."
        ) from error
    for element in list(body):
        if element.tag != qn("w:sectPr"):
            body.remove(element)
    return word


def _check(word: WordDocument, names: list[str], path: Path) -> None:
    if running := sorted(n for n in names if any(one in n.casefold() for one in RUNS)):
        raise DesignError(
            f"{path}: has something in it that can be run ({running[0]}). Save it without."
        )
    allowed = {RELATIONSHIP_TYPE.HYPERLINK, ATTACHED}
    package = word.part.package
    for part in (package, *package.iter_parts()):
        for name, link in list(part.rels.items()):
            if not link.is_external:
                continue
            if link.reltype not in allowed:
                raise DesignError(
                    f"{path}: reaches outside itself, to {link.target_ref}. Put what it shows into "
                    "the file and save it again."
                )
            if link.reltype == ATTACHED:
                for mark in list(word.settings.element.iter(qn("w:attachedTemplate"))):
                    mark.getparent().remove(mark)
                part.rels.pop(name)
    there = {style.name for style in word.styles}
    if missing := [name for name in NEEDED if name not in there]:
        raise DesignError(
            f"{path}: has no style called {', '.join(missing)}. Use each once in Word and save it."
        )


PAGE_WIDTH = 17.0  # cm between the margins of an A4 page
TALLEST = 22.0  # cm that a picture may be, its caption and note beside it on the page

_LEVELS: dict[str, tuple[tuple[str, str, str], ...]] = {
    # kind: (Word's number format, how it is written, the style that carries it) for each level
    "topics": (("decimal", "%1.", "Heading 1"), ("decimal", "%1.%2", NUMBERED)),
    "roman": (("lowerRoman", "(%1)", ""),),
    "letters": (("lowerLetter", "%1.", ""),),
    "bullets": (("bullet", "\u2022", ""),),
}

_INDENT = {"topics": (0.0, 1.25), "roman": (1.25, 2.25), "letters": (1.25, 2.0),
           "bullets": (1.25, 2.0)}  # fmt: skip


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
        section = word.sections[0]
        parts = (section.page_width, section.left_margin, section.right_margin)
        page, left, right = (part.cm if part is not None else 0.0 for part in parts)
        self.width = float(page - left - right) or PAGE_WIDTH

    def write(self) -> None:
        self._properties()
        self._styles()
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
            if name not in [style.name for style in styles]:
                styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH).base_style = styles["Normal"]
            style = styles[name]
            style.font.size, style.font.bold = Pt(look.size), look.bold
            style.font.color.rgb = look.color
            if self.restyle:
                style.font.name = "Arial"
            shape = style.paragraph_format
            shape.space_before, shape.space_after = Pt(look.before), Pt(look.after)
            shape.keep_with_next = look.stays or None
            if look.left:
                shape.left_indent = Cm(look.left)
            _leave_theme(style)
        for name, line in ((QUOTE, "single"), (COMPLETE, "dashed")):
            if name not in there:
                border = parse_xml(
                    f'<w:pBdr {nsdecls("w")}><w:left w:val="{line}" w:sz="18" w:space="8" '
                    'w:color="12436D"/></w:pBdr>'
                )
                styles[name].element.get_or_add_pPr().insert_element_before(
                    border, "w:shd", "w:tabs", "w:spacing", "w:ind", "w:jc"
                )
        if FACT not in there:
            shape = styles[FACT].paragraph_format
            shape.first_line_indent = Cm(-LOOKS[FACT].left)
            shape.tab_stops.add_tab_stop(Cm(LOOKS[FACT].left))
        self.ids = {style.name: style.style_id for style in styles if style.name}

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
            "</w:pPr></w:lvl>"
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


def _leave_theme(style: Any) -> None:
    """Take the theme's fonts and rules out of a style of the library's own."""
    for fonts in style.element.iter(qn("w:rFonts")):
        for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
            fonts.attrib.pop(qn(f"w:{theme}"), None)
    for border in list(style.element.iter(qn("w:pBdr"))):
        border.getparent().remove(border)

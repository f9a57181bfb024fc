"""The parts of a Word file that its library leaves to be written: numbering, languages, fields."""

from __future__ import annotations

import io
import zipfile
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import RGBColor

from pepstats.blocks import Span, TableBlock

LANGUAGE = "en-GB"
LETTER = 0.185  # cm, a letter of a table's text
BOLDER = 1.15  # how much wider a bold letter is
MARGINS = 0.5  # cm, left and right of a cell's text
TWIPS = 567  # to a centimetre
ZIP_DATE = (1980, 1, 1, 0, 0, 0)
_RIGHT = '<w:jc w:val="right"/>'
_LINES = "".join(
    f'<w:{side} w:val="single" w:sz="{size}" w:space="0" w:color="6F777B"/>'
    for side, size in (("top", 8), ("bottom", 8), ("insideH", 4))
)
_RULES = f"<w:tblBorders>{_LINES}</w:tblBorders>"
_LOOK = (
    '<w:tblLook w:val="00A0" w:firstRow="1" w:lastRow="0" w:firstColumn="1" w:lastColumn="0" '
    'w:noHBand="1" w:noVBand="1"/>'
)


def share_width(block: TableBlock, width: float) -> list[float]:
    """Share the page among columns, as asked or by the text in them; no word is broken."""
    table = block.table
    texts = [[heading, *cells] for heading, *cells in zip(table.columns, *table.rows, strict=True)]
    least = [max(LETTER * BOLDER * _longest(heading), *(LETTER * _longest(cell) for cell in cells))
             + MARGINS for heading, *cells in texts]  # fmt: skip
    asked = table.widths or [
        max(8.0, min(60.0, sum(map(len, column)) / len(column))) for column in texts
    ]
    spare = max(width - sum(least), 0.0)
    wants = [
        max(width * part / sum(asked) - low, 0.01) for part, low in zip(asked, least, strict=True)
    ]
    shared = [low + spare * want / sum(wants) for low, want in zip(least, wants, strict=True)]
    return [width * part / sum(shared) for part in shared]


def _longest(text: str) -> int:
    """Count the letters of the longest run that a line may not break."""
    return max(map(len, text.split(" ")))


def make_grid(block: TableBlock, width: float, style: str) -> Any:
    """Make a table: lightly ruled, its first row repeated on each page and no row split.

    `style` is the id of the paragraph style of its words; a short table keeps to one page.
    """
    table = block.table
    widths = [round(part * TWIPS) for part in share_width(block, width)]
    right = [name in table.numeric for name in table.columns]
    last = len(table.rows)
    rows = []
    for number, cells in enumerate((table.columns, *table.rows)):
        look = "<w:keepNext/>" if table.short and number < last else ""
        bold = "<w:rPr><w:b/></w:rPr>" if number == 0 else ""
        made = "".join(
            f'<w:tc><w:tcPr><w:tcW w:w="{part}" w:type="dxa"/></w:tcPr><w:p><w:pPr>'
            f'<w:pStyle w:val="{style}"/>{look}{_RIGHT if aside else ""}</w:pPr>'
            f'<w:r>{bold}<w:t xml:space="preserve">{escape(text)}</w:t></w:r></w:p></w:tc>'
            for part, aside, text in zip(widths, right, cells, strict=True)
        )
        heads = "<w:tblHeader/>" if number == 0 else ""
        rows.append(f"<w:tr><w:trPr><w:cantSplit/>{heads}</w:trPr>{made}</w:tr>")
    columns = "".join(f'<w:gridCol w:w="{part}"/>' for part in widths)
    return parse_xml(
        f'<w:tbl {nsdecls("w")}><w:tblPr><w:tblW w:w="{sum(widths)}" w:type="dxa"/>{_RULES}'
        f'<w:tblLayout w:type="fixed"/>{_LOOK}<w:tblCaption w:val={quoteattr(table.caption)}/>'
        f"</w:tblPr><w:tblGrid>{columns}</w:tblGrid>{''.join(rows)}</w:tbl>"
    )


def number_line(line: Any, chosen: int, level: int) -> None:
    """Give a line the next number of a list; list 0 is no number at all."""
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


def frame_style(style: Any, *, dashed: bool) -> None:
    """Draw a line down the left of a style's paragraphs; a dashed one where words are wanted."""
    line = "dashed" if dashed else "single"
    border = parse_xml(
        f'<w:pBdr {nsdecls("w")}><w:left w:val="{line}" w:sz="18" w:space="8" w:color="12436D"/>'
        "</w:pBdr>"
    )
    style.get_or_add_pPr().insert_element_before(
        border, "w:shd", "w:tabs", "w:spacing", "w:ind", "w:jc"
    )


def add_field(line: Any, code: str) -> None:
    """Put in a number that Word counts, such as the page's."""
    for kind, text in (("begin", ""), ("", code), ("separate", ""), ("shown", "1"), ("end", "")):
        run = line.add_run(text if kind == "shown" else "")
        if kind in ("begin", "separate", "end"):
            mark = OxmlElement("w:fldChar")
            mark.set(qn("w:fldCharType"), kind)
            run._r.append(mark)
        elif kind == "":
            instruction = OxmlElement("w:instrText")
            instruction.set(qn("xml:space"), "preserve")
            instruction.text = f" {text} "
            run._r.append(instruction)


def add_link(line: Any, span: Span) -> None:
    """Put in words that lead to a web page."""
    from docx.opc.constants import RELATIONSHIP_TYPE

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

"""The paper's tables as an accessible data workbook: cover, contents, one table a sheet.

Laid out by the Analysis Function's guidance: one marked table a sheet with its notes above it, and
no merged or empty cells for looks. A number is a number, at the places that the paper prints; every
other cell is plain text: nothing in it can be run, and no text becomes a link.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from pepstats.document.blocks import DASH, DASH_NOTE, Cell, Document, Figure, PaperTable, TableBlock
from pepstats.document.word import LANGUAGE, pack_again
from pepstats.formatting import long_date

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.worksheet import Worksheet

SHORTHAND = {"[c]": "[c] is a count hidden so that no school can be known by it.",
             DASH: DASH_NOTE,
             "not available": "not available: the figure could not be found."}  # fmt: skip
WIDEST, LONGEST = 60, 32_767  # letters of a column as it is seen; letters that a cell can hold

_CORE = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<cp:coreProperties '
    'xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><dc:title>{title}</dc:title>'
    "<dc:creator>{author}</dc:creator><dc:language>{language}</dc:language>"
    '<dcterms:created xsi:type="dcterms:W3CDTF">{date}T09:00:00Z</dcterms:created>'
    "</cp:coreProperties>"
)


def write_workbook(document: Document) -> bytes:
    """Return every table of a paper as one workbook, the same bytes every time."""
    import xlsxwriter

    stream, blocks = io.BytesIO(), list(list_tables(document))
    as_text = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = xlsxwriter.Workbook(stream, {"in_memory": True, **as_text})
    _write_page(book, "Cover", [
        document.title, *document.marks,
        "Each table of the paper is on a sheet of its own, numbered as in the paper.",
        f"Made for the meeting of {long_date(document.date)}.",
        "A number is written as in the paper, rounded half up.", document.author,
    ])  # fmt: skip
    contents = _write_page(book, "Contents", ["Contents", "Each line leads to a table."])
    for row, block in enumerate(blocks, start=2):
        name = f"Table {block.number}"
        title = f"{name}: {block.table.caption}"
        contents.write_url(row, 0, f"internal:'{name}'!A1", string=title[:LONGEST])
        note = block.table.note.removesuffix(DASH_NOTE).rstrip()
        said = [title, *document.marks, "This sheet holds one table.", note]
        words = {cell for line in block.table.cells for cell in line if isinstance(cell, str)}
        said += [meaning for mark, meaning in SHORTHAND.items() if mark in words]
        lines = [line for line in said if line]
        _write_table(book, _write_page(book, name, lines), block, len(lines))
    book.close()
    core = _CORE.format(
        title=escape(document.title), author=escape(document.author),
        language=LANGUAGE, date=document.date.isoformat(),
    )  # fmt: skip
    return pack_again(stream.getvalue(), core=core)


def _write_page(book: Workbook, name: str, lines: Sequence[str]) -> Worksheet:
    """Write lines of text down the first column of a new sheet, the first as its title."""
    sheet = book.add_worksheet(name)
    for row, line in enumerate(lines):
        looks = book.add_format({"bold": True, "font_size": 14}) if row == 0 else None
        sheet.write_string(row, 0, line[:LONGEST], looks)
    sheet.set_column(0, 0, WIDEST)
    return sheet


def _write_table(book: Workbook, sheet: Worksheet, block: TableBlock, top: int) -> None:
    """Write a table below a sheet's lines, marked as a table, for who cannot see it."""
    heads, rows = lay_out_cells(block.table)
    columns = [{"header": head} for head in heads]
    sheet.add_table(top, 0, top + len(rows), len(heads) - 1, {
        "name": f"table_{block.number}", "columns": columns, "autofilter": False,
        "style": "Table Style Light 1", "first_column": True,
    })  # fmt: skip
    wrapped = book.add_format({"text_wrap": True, "valign": "top"})
    for place, column in enumerate(zip(heads, *rows, strict=True)):
        longest = max(len(str(cell)) for cell in column)
        sheet.set_column(place, place, WIDEST if place == 0 else min(longest + 2, WIDEST))
    for row, cells in enumerate(rows, start=top + 1):
        for place, cell in enumerate(cells):
            if isinstance(cell, Figure):
                looks = book.add_format({"num_format": number_format(cell), "valign": "top"})
                sheet.write_number(row, place, cell.values[0], looks)
            else:
                sheet.write_string(row, place, cell[:LONGEST], wrapped)


def number_format(cell: Figure) -> str:
    """Return how a spreadsheet shows a number at the places that the paper prints."""
    digits = "#,##0" + ("." + "0" * cell.places if cell.places else "")
    if cell.unit == "£":
        return f'"£"{digits}'
    return f'{digits}"{cell.unit}"' if cell.unit else digits


def list_tables(document: Document) -> Iterator[TableBlock]:
    """Return the tables of a paper that have rows, once each, in the order of their numbers."""
    found = {
        block.number: block
        for block in document.blocks
        if isinstance(block, TableBlock) and block.table.cells
    }
    return (found[number] for number in sorted(found))


def lay_out_cells(table: PaperTable) -> tuple[list[str], list[list[Cell]]]:
    """Return a table's headings and rows with one number a cell: an interval is two.

    Words that stand for a figure stand in each of its columns.
    """
    heads: list[str] = []
    columns: list[list[Cell]] = []
    for head, *cells in zip(table.columns, *table.cells, strict=True):
        parts: tuple[str, ...] = ("",)
        for cell in cells:
            if isinstance(cell, Figure) and len(cell.parts) > len(parts):
                parts = cell.parts
        for place, part in enumerate(parts):
            again = sum(one.casefold() == f"{head}{part}".casefold() for one in heads)
            heads.append(f"{head}{part} ({again + 1})" if again else f"{head}{part}")
            columns.append([_part_of(cell, place) for cell in cells])
    return heads, [list(row) for row in zip(*columns, strict=True)]


def _part_of(cell: Cell, place: int) -> Cell:
    if isinstance(cell, str):
        return cell
    if place >= len(cell.values):
        return DASH
    return Figure(cell.values[place : place + 1], cell.text, cell.places, cell.unit)

"""The paper's tables as an accessible data workbook: cover, contents, one table a sheet.

Written by gptables, which follows the Analysis Function's guidance for spreadsheets. Every cell is
a number or plain text: nothing in it can be run.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

import pandas as pd

from pepstats.document.blocks import Document, PaperTable, TableBlock
from pepstats.document.word import LANGUAGE, pack_again
from pepstats.formatting import long_date

NUMBER = re.compile(r"[+\u2212-]?[\d,]+(?:\.\d+)?")

SHORTHAND = {"[c]": "[c] is a count hidden so that no school can be known by it.",
             "none": "none: there is no such figure.",
             "not available": "not available: the figure could not be found."}  # fmt: skip

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
    import gptables

    blocks = list(list_tables(document))
    sheets = {f"Table {block.number}": _sheet(block, document.marks) for block in blocks}
    cover = gptables.Cover(
        title=_plain(document.title),
        intro=[*document.marks,
               "Each table of the paper is on a sheet of its own, numbered as in the paper."],
        about=[f"Made for the meeting of {long_date(document.date)}.",
               "A number is written as in the paper, rounded half up."],
        contact=[document.author],
    )  # fmt: skip
    stream = io.BytesIO()
    with warnings.catch_warnings():
        # gptables uses words of pandas that pandas means to drop; nothing in it is ours to mend
        warnings.simplefilter("ignore")
        gptables.write_workbook(
            filename=stream,
            sheets=sheets,
            cover=cover,
            notes_table=list_notes(blocks),
            workbook_options={
                "strings_to_formulas": False,
                "strings_to_urls": False,
                "strings_to_numbers": False,
                "in_memory": True,
            },
        )
    core = _CORE.format(
        title=escape(document.title), author=escape(document.author),
        language=LANGUAGE, date=document.date.isoformat(),
    )  # fmt: skip
    return pack_again(stream.getvalue(), core=core)


def list_notes(blocks: Sequence[TableBlock]) -> pd.DataFrame | None:
    """Return the tables' notes, each with the reference its table's title carries."""
    rows = [(_reference(block), _plain(block.table.note)) for block in blocks if block.table.note]
    return pd.DataFrame(rows, columns=["Note reference", "Note text"]) if rows else None


def _reference(block: TableBlock) -> str:
    return f"table_{block.number}_note"


def list_tables(document: Document) -> Iterator[TableBlock]:
    """Return the tables of a paper that have rows, once each, in the order of their numbers."""
    found = {
        block.number: block
        for block in document.blocks
        if isinstance(block, TableBlock) and block.table.rows
    }
    return (found[number] for number in sorted(found))


def table_as_data(table: PaperTable) -> pd.DataFrame:
    """Return a table's cells as numbers where they are numbers, else as plain text."""
    rows = [[_plain(text) for text in row] for row in table.rows]
    frame = pd.DataFrame(rows, columns=[_plain(name) for name in table.columns], dtype=object)
    for column in map(_plain, table.numeric):
        frame[column] = [_as_number(text) for text in frame[column]]
    return frame


def _plain(text: str) -> str:
    """Part two dollars, which gptables would read as the mark of a note."""
    return text.replace("$$", "$ $")


def _as_number(text: str) -> float | int | str:
    if not NUMBER.fullmatch(text):
        return text
    plain = text.replace(",", "").replace("\u2212", "-").removeprefix("+")
    return float(plain) if "." in plain else int(plain)


def _sheet(block: TableBlock, marks: Sequence[str]) -> object:
    import gptables

    table = block.table
    cells = {text for row in table.rows for text in row}
    mark = f"$${_reference(block)}$$" if table.note else ""
    return gptables.GPTable(
        table=table_as_data(table),
        table_name=f"table_{block.number}",
        title=_plain(f"Table {block.number}: {table.caption}") + mark,
        subtitles=[_plain(said) for said in marks],
        instructions="This sheet holds one table.",
        legend=[words for mark, words in SHORTHAND.items() if mark in cells],
        index_columns={1: 0},
    )

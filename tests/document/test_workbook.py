from __future__ import annotations

import dataclasses
import io
import zipfile

import pytest
from python_calamine import CalamineWorkbook

from pepstats.document import workbook
from pepstats.document.blocks import PaperTable, TableBlock
from tests.paper_made_up import make_city, make_study, write_paper


@pytest.fixture(scope="module")
def paper():
    settings, programmes, results = make_study(release="final")
    drawn = {slug: dataclasses.replace(one) for slug, one in results.items()}
    return write_paper(settings, programmes, drawn, city=make_city())


def read(packed: bytes) -> CalamineWorkbook:
    return CalamineWorkbook.from_filelike(io.BytesIO(packed))


def test_the_workbook_has_a_cover_contents_and_one_table_a_sheet(paper) -> None:
    book = read(workbook.write_workbook(paper))
    tables = [block.number for block in workbook.list_tables(paper)]
    assert book.sheet_names == ["Cover", "Contents", *(f"Table {number}" for number in tables)]
    block = next(b for b in workbook.list_tables(paper) if b.name == "closing-the-gap.effects")
    said = [str(row[0]) for row in book.get_sheet_by_name(f"Table {block.number}").to_python()]
    assert block.table.note in said and "judged together" in block.table.note
    cover = [row[0] for row in book.get_sheet_by_name("Cover").to_python()]
    assert paper.title in cover and paper.marks[0] in cover


def test_numbers_are_numbers_and_signs_are_kept(paper) -> None:
    block = next(b for b in workbook.list_tables(paper) if b.name == "closing-the-gap.checks")
    heads, rows = workbook.lay_out_cells(block.table)
    at = heads.index("Estimate")
    assert [row[at].values for row in rows] == [
        (4.2,), (4.2,), (3.9,), (4.4,), (3.8,), (4.9,), (-0.4,),
    ]  # fmt: skip
    assert {"95% interval: from", "95% interval: to"} <= set(heads)
    sheet = read(workbook.write_workbook(paper)).get_sheet_by_name(f"Table {block.number}")
    cells = [cell for row in sheet.to_python() for cell in row]
    assert 4.2 in cells and -0.4 in cells


def test_it_is_the_same_bytes_each_time_with_title_and_language(paper) -> None:
    first = workbook.write_workbook(paper)
    assert first == workbook.write_workbook(paper)
    with zipfile.ZipFile(io.BytesIO(first)) as packed:
        core = packed.read("docProps/core.xml").decode()
        assert f"<dc:title>{paper.title}</dc:title>" in core and "<dc:language>en-GB" in core
        assert "2018-10-02T09:00:00Z" in core


@pytest.mark.parametrize(
    "hostile",
    [
        "=cmd|'/c calc'!A1",
        "+1+1",
        "@SUM(1)",
        "https://evil.example",
        "[x](javascript:y)",
        "[x](http://evil.example)",
        "$$note$$",
    ],
)
def test_nothing_in_it_can_be_run(paper, hostile: str) -> None:
    table = PaperTable("Odd", ("Name", "n"), ((hostile, hostile),))
    odd = dataclasses.replace(paper, blocks=(TableBlock("odd", 1, table),))
    packed = workbook.write_workbook(odd)
    with zipfile.ZipFile(io.BytesIO(packed)) as files:
        sheets = [n for n in files.namelist() if n.startswith("xl/worksheets/sheet")]
        assert all(b"<f>" not in files.read(name) for name in sheets)
        links = [n for n in files.namelist() if n.startswith("xl/worksheets/_rels")]
        assert all(b"evil.example" not in files.read(name) for name in links)
    cells = [c for row in read(packed).get_sheet_by_name("Table 1").to_python() for c in row]
    assert hostile in cells


def test_every_sheet_carries_the_marks(paper) -> None:
    book = read(workbook.write_workbook(paper))
    for name in book.sheet_names[2:]:
        assert paper.marks[0] in [row[0] for row in book.get_sheet_by_name(name).to_python()]

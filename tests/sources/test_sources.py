"""A published file is found, known by its header, and read exactly as published."""

import csv
import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pepstats.errors import SourceError
from pepstats.settings import SourceLine
from pepstats.sources import excel
from pepstats.sources.csv_text import split_cells
from pepstats.sources.files import find_source, read_text
from tests import published_files as files

CELLS = st.text(
    st.characters(codec="utf-8", exclude_characters="\0\ufeff", exclude_categories=["Cs"]),
    max_size=12,
)


def frame(folder: Path, content: bytes, **given: Any) -> pd.DataFrame:
    """Put bytes in a folder and read them as a table of text."""
    return files.read(folder, content, **given)[0].frame()


@given(st.lists(st.lists(CELLS, min_size=2, max_size=2), min_size=1, max_size=6))
@settings(deadline=None, derandomize=True, max_examples=60)
def test_cells_are_those_the_standard_library_reads(rows: list[list[str]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([["a", "b"], *rows])
    table = split_cells(text.getvalue().encode(), "x.csv").frame()
    assert table.to_numpy().tolist() == rows


def test_a_cell_cut_off_is_not_an_empty_cell(tmp_path: Path) -> None:
    raw = frame(tmp_path, files.ks2_bytes())
    short = raw[raw["URN"] == "900106"].iloc[0]
    assert short["SCHNAME_AC"] == ""
    assert pd.isna(short["TELIG"])
    assert (raw.loc[raw["RECTYPE"] == "3", "URN"] == " ").all()


def test_rows_carry_the_files_own_lines(tmp_path: Path) -> None:
    rows = files.ks2_rows()
    rows[1]["SCHNAME"] = 'Two\nlines, and "quoted"'
    raw = frame(tmp_path, files.write_csv(rows))
    assert raw.loc[3, "SCHNAME"] == 'Two\nlines, and "quoted"'
    assert raw.index.tolist() == [2, 3, *range(5, 14)]


@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
def test_line_ends_and_marks_do_not_change_what_is_read(tmp_path: Path, newline: bytes) -> None:
    plain = frame(tmp_path, files.ks2_bytes())
    content = files.write_csv(files.ks2_rows(), bom=False).replace(b"\r\n", newline)
    other = frame(tmp_path, content, name="other.csv")
    pd.testing.assert_frame_equal(plain, other)


@pytest.mark.parametrize(
    ("rows", "place", "what"),
    [
        ('1,"a\nb"\n2,c"d\n', "row 4, column 2 (NAME)", "a quotation mark in the middle of a cell"),
        ('1,"a"b\n', "row 2, column 2 (NAME)", "a quotation mark in the middle of a cell"),
        ('1,a\n"2,b\n3,c\n', "row 3, column 1 (URN)", "opened and never closed"),
        (f"1,{'a' * 4_001}\n", "row 2, column 2 (NAME)", "a cell of over 4,000 characters"),
        (f'1,"{"a" * 200_000}"\n', "row 2, column 2 (NAME)", "a cell of over 4,000 characters"),
        ("1,a\n\n2,b\0\n", "row 4, column 2 (NAME)", "a NUL character"),
        ("1,a\n2,b,c\n", "row 3, column 3", "more cells than the header's 2"),
        ("1,a\n2", "row 3, column URN", "the file stops in the middle of this row"),
    ],
)
def test_a_cell_out_of_order_is_named_by_row_and_column(rows: str, place: str, what: str) -> None:
    with pytest.raises(SourceError) as error:
        split_cells(f"URN,NAME\n{rows}".encode(), "x.csv")
    assert str(error.value).startswith(f"x.csv, {place}: ")
    assert what in str(error.value)


def test_a_message_repeats_sixty_letters_of_a_columns_name_at_most() -> None:
    for letters, called in ((60, "N" * 60), (61, "N" * 60), (3_000, "N" * 60)):
        with pytest.raises(SourceError, match=rf"row 2, column 2 \({called}\): a quotation mark"):
            split_cells(f'URN,{"N" * letters}\n1,a"b\n'.encode(), "x.csv")


def test_a_file_of_more_than_sixty_million_cells_is_refused_before_it_is_laid_out() -> None:
    header = "URN" + "," * 59_999
    assert len(split_cells(f"{header}{chr(10) * 1_000}".encode(), "x.csv").rows) == 0
    with pytest.raises(SourceError, match=r"x\.csv: over 60,000,000 cells"):
        split_cells(f"{header}{chr(10) * 1_001}".encode(), "x.csv")


@pytest.mark.parametrize("name", ["\u00e9cole", "\u00c9cole", "\u00c5r", "Gar\u00e7ons"])
def test_a_column_may_be_named_with_accents(name: str) -> None:
    assert split_cells(f"URN,{name}\n1,2\n".encode(), "x.csv").header == ["URN", name]


@pytest.mark.parametrize(
    ("name", "letter"),
    [("TEL\u0406G", "Cyrillic capital letter byelorussian-ukrainian i"),
     ("TELI\u0261", "Latin small letter script g"),
     ("\uff34ELIG", "Fullwidth latin capital letter t")],
)  # fmt: skip
def test_a_letter_that_only_looks_like_one_of_a_column_is_named_with_its_place(
    name: str, letter: str
) -> None:
    with pytest.raises(SourceError) as refused:
        split_cells(f"Title\n\nRECTYPE,URN,{name},PTRWM_EXP\n1,900101,40,60%\n".encode(), "x.csv")
    assert str(refused.value).startswith(
        f"x.csv, row 3, column 3: its name has a letter that only looks like one of ours ({letter})"
    )


KS4 = ("RECTYPE,LEA,ESTAB,URN,SCHNAME,TPUP,ATT8SCR,P8MEA,P8_BANDING,ATT8SCR_17\n"
       "1,551,4001,900201,A,150,46.2,-0.12,3,45.1\n2,551,7001,900202,B,12,9.1,-1.9,5,8\n"
       "4,551,,,,162,44.0,-0.2,,44.1\n5,,,,,600000,44.6,,,44.4\n")  # fmt: skip


@pytest.mark.parametrize(
    ("last", "cells"),
    [("7,,,,,520000,46.5,-0.03,,46", 10), ("7,,,,,520000,46.5,-0.03,", 9),
     ("5,,,,,520000,46.5,-0.03,", 9)],
)  # fmt: skip
def test_a_last_england_row_without_its_empty_cells_is_whole(last: str, cells: int) -> None:
    table = split_cells(f"{KS4}{last}".encode(), "x.csv")
    assert ((table.codes >= 0).sum(axis=1)).tolist() == [10, 10, 10, 10, cells]


@pytest.mark.parametrize("last", ["7,,,,,5200", "7,,,,,520000,46", "1,551,4003,900203,C,140,47,0,"])
def test_a_row_cut_off_while_the_file_was_copied_is_refused(last: str) -> None:
    with pytest.raises(SourceError, match=r"x\.csv, row 6, .* stops in the middle of this row"):
        split_cells(f"{KS4}{last}".encode(), "x.csv")


LINKS = '"URN","EstablishmentName","Linked establishments"\n'


@pytest.mark.parametrize(
    ("rows", "beyond"),
    [('900101,"A","900301 Predecessor","900302 Successor"\n900102,"B","Does not have links"\n', 1),
     ('900101,"A","900301 Predecessor - merged","20003 Successor","900303 Result of Amalgamation"\n'
      '900102,"B","900301 Successor","900305 Successor"\n', 3)],
)  # fmt: skip
def test_links_beyond_the_last_column_are_counted_and_not_read(rows: str, beyond: int) -> None:
    table = split_cells((LINKS + rows).encode(), "x.csv")
    assert (table.spilled, table.codes.shape) == (beyond, (2, 3))
    assert table.column(2)[0].startswith("900301 Predecessor")


@pytest.mark.parametrize("row", ["900101,A,900301 Predecessor,Fablemouth", "900101,A, B,900301 P"])
def test_any_other_cell_beyond_the_header_is_refused(row: str) -> None:
    with pytest.raises(SourceError, match="more cells than the header's 3"):
        split_cells(f"{LINKS}{row}\n".encode(), "x.csv")


def test_windows_text_is_read_as_its_letters(tmp_path: Path) -> None:
    rows = files.ks2_rows()
    rows[0]["SCHNAME"] = "St Agn\u00e8s\u2019 School"
    raw = frame(tmp_path, files.write_csv(rows, bom=False).decode().encode("cp1252"))
    assert raw.loc[2, "SCHNAME"] == "St Agn\u00e8s\u2019 School"


def test_the_kind_comes_from_the_header_not_the_name(tmp_path: Path) -> None:
    (tmp_path / "links.csv").write_bytes(files.ks2_bytes())
    assert find_source(SourceLine(file="links.csv"), tmp_path).kind == "ks2"
    with pytest.raises(SourceError, match="this is key stage 2 results"):
        find_source(SourceLine(kind="links", file="links.csv"), tmp_path)


def test_a_file_of_another_years_layout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"listed as 2017, but .* say 2018"):
        files.read(tmp_path, files.ks2_bytes(), year=2017)


def test_a_file_other_than_the_one_listed_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(files.ks2_bytes())
    right = hashlib.sha256(files.ks2_bytes()).hexdigest()
    line = SourceLine(kind="ks2", file="a.csv", sha256=right)
    assert find_source(line, tmp_path).sha256 == right
    with pytest.raises(SourceError, match="not the file that was listed"):
        find_source(SourceLine(kind="ks2", file="a.csv", sha256="0" * 64), tmp_path)


def test_a_missing_file_names_the_nearest_there_is(tmp_path: Path) -> None:
    (tmp_path / "results.csv").write_bytes(files.ks2_bytes())
    with pytest.raises(SourceError, match=r"Did you mean `results.csv`"):
        find_source(SourceLine(kind="ks2", file="result.csv"), tmp_path)


def test_a_file_changed_after_it_was_found_is_read_as_it_was_found(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(files.ks2_bytes())
    source = find_source(SourceLine(kind="ks2", file="a.csv"), tmp_path)
    before = read_text(source)
    (tmp_path / "a.csv").write_bytes(files.ks2_bytes().replace(b"24", b"25"))
    assert hashlib.sha256(source.content).hexdigest() == source.sha256
    pd.testing.assert_frame_equal(read_text(source).frame(), before.frame())


def workbook(sheet: str) -> bytes:
    """Write the smallest workbook that holds a sheet's XML."""
    ooxml = "http://schemas.openxmlformats.org"
    main, office = f"{ooxml}/spreadsheetml/2006/main", f"{ooxml}/officeDocument/2006/relationships"
    package = f'xmlns="{ooxml}/package/2006/relationships"'

    def relation(kind: str, target: str) -> str:
        one = f'<Relationship Id="r1" Type="{office}/{kind}" Target="{target}"/>'
        return f"<Relationships {package}>{one}</Relationships>"

    parts = {
        "[Content_Types].xml": f'<Types xmlns="{ooxml}/package/2006/content-types">'
        '<Default Extension="xml" ContentType="application/xml"/></Types>',
        "_rels/.rels": relation("officeDocument", "xl/workbook.xml"),
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>'
        '<sheet name="a" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": relation("worksheet", "worksheets/s.xml"),
        "xl/worksheets/s.xml": f'<worksheet xmlns="{main}"><sheetData>{sheet}</sheetData>'
        "</worksheet>",
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in parts.items():
            packed.writestr(name, f'<?xml version="1.0"?>{text}')
    return out.getvalue()


def cell(place: str, text: str) -> str:
    return f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>'


HEADER = f'<row r="1">{cell("A1", "URN")}{cell("B1", "LAESTAB")}{cell("C1", "NFTYPE")}</row>'


def test_a_workbook_is_read_as_plain_text(tmp_path: Path) -> None:
    row = (
        f'<row r="2"><c r="A2"><v>900101</v></c><c r="B2"><v>5512000</v></c>{cell("C2", "A")}</row>'
    )
    raw = frame(tmp_path, workbook(HEADER + row), kind="register", name="a.xlsx")
    assert raw.loc[2].tolist() == ["900101", "5512000", "A"]


@pytest.mark.parametrize(
    "row",
    [
        '<row r="2"><c r="XFD1048576"><v>1</v></c></row>',
        "<row r='2'><c r='zz900000'><v>1</v></c></row>",
        '<row r="2"><c r="A2" t="s"><v>99</v></c></row>',
        '<row r="2"><c r="A2"',
    ],
)
def test_a_workbook_that_would_do_harm_is_refused_with_a_message(tmp_path: Path, row: str) -> None:
    with pytest.raises(SourceError, match=r"a\.xlsx"):
        files.read(tmp_path, workbook(HEADER + row), kind="register", name="a.xlsx")


def test_a_workbook_that_unpacks_without_end_is_refused(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/workbook.xml", b"")
        packed.writestr("xl/worksheets/s.xml", b" " * (excel.LARGEST_SHEET + 1))
    with pytest.raises(SourceError, match="unpacks to more"):
        files.read(tmp_path, out.getvalue(), kind="register", name="a.xlsx")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None,
          derandomize=True, max_examples=30)  # fmt: skip
@given(st.integers(0, 4_000), st.integers(0, 255))
def test_a_damaged_workbook_is_a_message_or_the_same_table(
    tmp_path: Path, place: int, byte: int
) -> None:
    row = f'<row r="2"><c r="A2"><v>900101</v></c>{cell("B2", "1")}{cell("C2", "A")}</row>'
    content = bytearray(workbook(HEADER + row))
    content[place % len(content)] = byte
    try:
        raw = frame(tmp_path, bytes(content), kind="register", name="a.xlsx")
    except SourceError as error:
        assert "a.xlsx" in str(error)
    else:
        assert raw.loc[2].tolist() == ["900101", "1", "A"]

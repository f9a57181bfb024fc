"""Values that a spreadsheet or a system changed: read as they were meant, asked about, or left out.

The kinds: percent cells, fractions, dates where ages stand, numbers written otherwise, codes of
other house styles, furniture round a table, cells that cannot be.
"""

import csv
import io
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pepstats import measures
from pepstats.errors import SourceError
from pepstats.settings import SourceLine
from pepstats.sources import files as found
from pepstats.sources import published, results
from pepstats.sources.cells import find_strays
from pepstats.sources.csv_text import split_cells
from pepstats.sources.results import Results
from tests import published_files as files
from tests import source_mutations as mutations

Rows = list[dict[str, str]]


def read(folder: Path, content: bytes, name: str = "file.csv", **line: Any) -> Results:
    (folder / name).write_bytes(content)
    source = found.find_source(SourceLine(file=name, **line), folder)
    return results.clean_results(found.read_text(source), source)


def parse(folder: Path, text: str | bytes, name: str = "file.csv", **line: Any) -> Any:
    (folder / name).write_bytes(text.encode() if isinstance(text, str) else text)
    return published.parse_source(found.find_source(SourceLine(file=name, **line), folder))


def as_fractions(rows: Rows, places: int = 2) -> Rows:
    """Write every percentage as a spreadsheet saves it to CSV: 71% as 0.71."""
    return [
        {k: f"{float(v[:-1]) / 100:.{places}f}" if v.endswith("%") else v for k, v in row.items()}
        for row in rows
    ]


def schools(n: int = 8) -> Rows:
    return [files.school(900101 + k, 28 + 3 * k, 8, 15 + k) for k in range(n)]


# Percentages -------------------------------------------------------------------------------------


def test_a_file_saved_as_a_workbook_gives_the_same_to_the_last_digit(tmp_path: Path) -> None:
    plain = read(tmp_path, files.ks2_bytes())
    saved = read(tmp_path, files.as_saved(files.ks2_bytes()), "file.xlsx")
    pd.testing.assert_frame_equal(saved.values, plain.values, check_exact=True)
    pd.testing.assert_frame_equal(saved.aggregates, plain.aggregates, check_exact=True)
    assert saved.ledger.notes == ()


@pytest.mark.parametrize(
    ("how", "number", "value"),
    [
        ("0%", 0.57, 57.0), ("0.0%", 0.293, 29.3), ('"about "0%', 1, 100.0),
        ("0.00%;[Red]-0.00%", 7e-05, 0.007), ('0.0"%"', 57, 57.0), ("0", 57, 57.0),
        (r"0\%", 57, 57.0),
    ],
)  # fmt: skip
def test_a_number_is_read_with_its_format(
    tmp_path: Path, how: str, number: float, value: float
) -> None:
    rows = [*csv.reader(io.StringIO(files.write_csv(schools()).decode("utf-8-sig")))]
    at = rows[0].index("PTRWM_EXP")
    table: list[list[Any]] = [list(row) for row in rows]
    table[1][at] = number
    one = read(tmp_path, files.write_workbook(table, {(1, at): how}), "file.xlsx")
    assert one.values.loc[900101, "rwm_expected"] == value


@pytest.mark.parametrize("places", [2, 3, 6])
def test_bare_fractions_are_percentages_of_whole_pupils(tmp_path: Path, places: int) -> None:
    one = read(tmp_path, files.write_csv(as_fractions(schools(), places)))
    pd.testing.assert_frame_equal(one.values, read(tmp_path, files.write_csv(schools())).values)
    assert any("PTRWM_EXP: 8 fractions read as percentages, by whole pupils" in note
               for note in one.ledger.notes)  # fmt: skip


@pytest.mark.parametrize("text", ["0.71", "1", ".5"])
@pytest.mark.parametrize("sign", ["%", ""])
def test_a_fraction_among_percentages_is_left_out_and_said(
    tmp_path: Path, text: str, sign: str
) -> None:
    rows = [{**row, "PTRWM_EXP": row["PTRWM_EXP"].rstrip("%") + sign} for row in schools()]
    rows[2]["PTRWM_EXP"] = text
    one = read(tmp_path, files.write_csv(rows))
    assert one.reasons.loc[900103, "rwm_expected"] == measures.IMPOSSIBLE
    assert one.ledger.notes == (
        f"PTRWM_EXP: a figure that cannot be is left out: row 4 (`{text}`)",
    )
    rows[2] |= {"PTRWM_EXP": "0.5", "TELIG": "200", "BELIG": "100", "GELIG": "100"}
    assert read(tmp_path, files.write_csv(rows)).values.loc[900103, "rwm_expected"] == 0.5


def test_a_total_with_its_percent_sign_settles_what_the_schools_figures_are(
    tmp_path: Path,
) -> None:
    header = "URN,LA,ESTAB,SCHOOLTYPE,PERCTOT\n"
    rows = "900101,551,2001,Primary,0.047\n900102,551,2002,Primary,0.039\n"
    for total, first in (("4.2%", 4.7), ("4.2", 4.7), ("0.04%", 0.047)):
        one = read(tmp_path, f"{header}{rows}NAT,,PRI,Primary,{total}\n".encode())
        assert one.values.loc[900101, "absence"] == first


def test_what_nothing_settles_is_asked_about_by_its_column_and_the_study_can_answer(
    tmp_path: Path,
) -> None:
    text = b"URN,LA,ESTAB,SCHOOLTYPE,PERCTOT\n900101,551,2001,Primary,0.047\n"
    with pytest.raises(SourceError, match=r"column PERCTOT: every figure .* fractions .*`shares: "):
        read(tmp_path, text)
    for said, value in (("fraction", 4.7), ("percent", 0.047)):
        one = read(tmp_path, text, shares={"perctot": said})
        assert one.values.loc[900101, "absence"] == value


def test_a_column_of_small_rates_is_read_as_it_is(tmp_path: Path) -> None:
    met = [(1, 212), (0, 190), (2, 405), (1, 140), (3, 611), (2, 318), (1, 333), (4, 640)]
    rows = "".join(
        f"{900101 + k},551,{2001 + k},Primary,{n},{round(100 * m / n, 1)}\n"
        for k, (m, n) in enumerate(met)
    )
    one = read(tmp_path, f"URN,LA,ESTAB,SCHOOLTYPE,NOR,PSENELSE\n{rows}".encode())
    assert one.values["ehcp_roll"].tolist() == [round(100 * m / n, 1) for m, n in met]
    assert one.ledger.notes == ()


def test_figures_are_percentages_once_that_is_a_hundred_and_fifty_times_likelier(
    tmp_path: Path,
) -> None:
    """Of 0.1 to 1.0, two are whole pupils of 200 as percentages, and all ten as fractions.

    So each 0.5 (one pupil) is 4.8 times likelier as a percentage: 111 times with three schools,
    531 times with four.
    """

    def census(n: int) -> bytes:
        rows = "".join(f"{900101 + k},551,{2001 + k},Primary,200,0.5\n" for k in range(n))
        return f"URN,LA,ESTAB,SCHOOLTYPE,NOR,PSENELSE\n{rows}".encode()

    with pytest.raises(SourceError, match="column PSENELSE: every figure is between 0 and 1"):
        read(tmp_path, census(3))
    assert read(tmp_path, census(4)).values["ehcp_roll"].tolist() == [0.5] * 4


@pytest.mark.parametrize("text", ["0.515", "0.5150", "0.515000"])
def test_noughts_behind_a_figure_are_no_proof_that_it_is_a_fraction(
    tmp_path: Path, text: str
) -> None:
    """0.515 of 200 pupils are 103, and 0.515% of them are no whole number.

    That is 96 times likelier of a fraction, with any noughts: too little to say.
    """
    row = f"900101,551,2001,Primary,200,{text}\n"
    with pytest.raises(SourceError, match="every figure is between 0 and 1"):
        read(tmp_path, f"URN,LA,ESTAB,SCHOOLTYPE,NOR,PSENELSE\n{row}".encode())


def test_an_authoritys_own_fractions_are_settled_by_their_cohorts_or_asked_about(
    tmp_path: Path,
) -> None:
    header = "urn,year,measure,value,cohort,release\n"
    rows = "".join(
        f"{900101 + k},2018,rwm_expected,{0.5 + k / 100},{40 + k},provisional\n" for k in range(5)
    ).replace("0.51,41", f"{round(21 / 41, 2)},41")
    (one,) = parse(tmp_path, header + rows.replace(",43,", ",100,"))
    assert one.values["value"].between(50, 54).all()
    with pytest.raises(SourceError, match="measure rwm_expected: every figure is between 0 and 1"):
        parse(tmp_path, header + "900101,2018,rwm_expected,0.5,,provisional\n")


# Ages, numbers and their marks -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "ages"),
    [
        ("04-Nov", "4-11"), ("11-Apr", "4-11"), ("7-Nov", "7-11"), ("Nov-16", "11-16"),
        ("Mar-19", "3-19"), ("2026-11-04", "4-11"), ("2026-04-11", "4-11"), ("4-11", "4-11"),
        ("2016-11-01", None), ("2011-04-01", None), ("2019-03-01", None), ("2011-04-02", "2-4"),
        ("16-19", "16-19"), ("4 to 11", "4 to 11"),
    ],
)  # fmt: skip
def test_ages_that_became_dates_are_read_where_they_tell(
    tmp_path: Path, text: str, ages: str | None
) -> None:
    rows = schools(3)
    rows[1]["AGERANGE"] = text
    one = read(tmp_path, files.write_csv(rows))
    got = one.identity.loc[900102, "age_range"]
    assert (None if pd.isna(got) else got) == ages
    changed = ages != text
    assert any(f"AGERANGE: row 3, `{text}` is a date" in n for n in one.ledger.notes) == changed


@pytest.mark.parametrize(
    ("column", "text", "value"),
    [
        ("TELIG", "1,234", 1234),
        ("TELIG", "28.0", 28),
        ("PTRWM_EXP", "71 %", 71),
        ("READPROG", "\u22121.5", -1.5),
        ("READPROG", "-7.0000000000000007E-2", -0.07),
    ],
)
def test_a_number_written_otherwise_is_the_same_number(
    tmp_path: Path, column: str, text: str, value: float
) -> None:
    rows = schools(3)
    rows[1][column] = text
    one = read(tmp_path, files.write_csv(rows))
    name = measures.measures_of("ks2")[column]
    assert one.values.loc[900102, name] == pytest.approx(value, abs=1e-15)


@pytest.mark.parametrize("text", ["9.00102E+05", "900,102", "900102.0", "9.00102e5"])
def test_a_urn_of_which_no_digit_is_lost_is_read(tmp_path: Path, text: str) -> None:
    rows = schools(3)
    rows[1]["URN"] = text
    assert 900102 in read(tmp_path, files.write_csv(rows)).values.index


@pytest.mark.parametrize("text", ["2001.7", "1e20", "-4", "two"])
def test_a_number_of_a_school_that_cannot_be_is_left_out_and_said(
    tmp_path: Path, text: str
) -> None:
    rows = schools(3)
    rows[1]["ESTAB"] = text
    one = read(tmp_path, files.write_csv(rows))
    assert one.identity["estab"].isna().tolist() == [False, True, False]
    assert one.ledger.notes == (f"ESTAB: row 3, `{text}` is no number of a school (1 rows)",)


def test_an_error_of_a_spreadsheet_is_no_figure(tmp_path: Path) -> None:
    rows = [*csv.reader(io.StringIO(files.write_csv(schools()).decode("utf-8-sig")))]
    at = rows[0].index("READPROG")
    one = read(tmp_path, files.write_workbook(rows, {(2, at): "#DIV/0!"}), "file.xlsx")
    assert one.reasons.loc[900102, "reading_progress"] == measures.IMPOSSIBLE
    assert one.ledger.notes == ("READPROG: a figure that cannot be is left out: row 3 (`#DIV/0!`)",)
    rows[2][at] = "#N/A"
    text = "\n".join(",".join(row) for row in rows)
    assert read(tmp_path, text.encode()).ledger.reasons[measures.IMPOSSIBLE] == 1


# Codes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("[c]", measures.SUPPRESSED), ("[C]", measures.SUPPRESSED), ("*", measures.SUPPRESSED),
        ("<5", measures.SUPPRESSED), ("< 10", measures.SUPPRESSED), ("(z)", "not applicable"),
        ("[low]", "rounds to 0 but is not 0"), ("[x]", "not available"), ("n/a", "not applicable"),
    ],
)  # fmt: skip
def test_codes_of_other_house_styles_are_known(tmp_path: Path, code: str, reason: str) -> None:
    rows = schools(3)
    rows[1]["PTRWM_EXP"] = code
    one = read(tmp_path, files.write_csv(rows))
    assert one.reasons.loc[900102, "rwm_expected"] == reason


@pytest.mark.parametrize(("code", "word"), [("#", "suppressed"), ("w/h", "not published")])
def test_a_code_that_the_study_declares_is_known(tmp_path: Path, code: str, word: str) -> None:
    rows = schools(3)
    rows[1]["PTRWM_EXP"] = code
    with pytest.raises(SourceError, match="neither a number nor a code we know"):
        read(tmp_path, files.write_csv(rows))
    one = read(tmp_path, files.write_csv(rows), codes={code: word})
    assert one.reasons.loc[900102, "rwm_expected"] == measures.reason_named(word)


# Furniture ---------------------------------------------------------------------------------------


def furnished(above: str = "", below: str = "", comma: str = "") -> bytes:
    lines = files.write_csv(files.ks2_rows(), bom=False).decode().splitlines()
    width = lines[0].count(",")
    full = [line + "," * (width - line.count(",")) for line in lines]
    return (above + "".join(f"{line}{comma if n else ''}\r\n" for n, line in enumerate(full))
            + below).encode()  # fmt: skip


@pytest.mark.parametrize(
    ("content", "set_aside"),
    [
        (furnished(above="Table 1: results by school\n"), {"a row above the header": 1}),
        (furnished(above="Results,,,\n\n,,\nDfE\n"), {"a row above the header": 3}),
        (furnished(below="\nSource: DfE,,,\nSUPP = suppressed,,,,\n"),
         {"a note below the table": 2}),
        (furnished(below=",,,,\nSUPP,few pupils\n1. Figures are rounded\n"),
         {"a blank row": 1, "a note below the table": 2}),
        (furnished(below="Source: DfE"), {"a note below the table": 1}),
        (furnished(comma=","), {}),
    ],
)  # fmt: skip
def test_furniture_round_a_table_is_set_aside_and_counted(
    tmp_path: Path, content: bytes, set_aside: dict[str, int]
) -> None:
    one, plain = read(tmp_path, content), read(tmp_path, furnished())
    pd.testing.assert_frame_equal(one.values, plain.values)
    assert one.ledger.left_out == set_aside
    assert one.ledger.rows_in == plain.ledger.rows_in + sum(set_aside.values())


def test_a_comma_more_in_one_row_alone_is_no_house_style(tmp_path: Path) -> None:
    lines = furnished().decode().splitlines()
    lines[2] = lines[2].replace("Invented", "In,vented") + ""
    with pytest.raises(SourceError, match=r"row 3, column 35: more cells than the header's 34"):
        read(tmp_path, "\n".join(lines).encode())


def test_the_table_is_found_behind_cover_sheets_and_hidden_ones(tmp_path: Path) -> None:
    rows = [*csv.reader(io.StringIO(files.write_csv(schools()).decode("utf-8-sig")))]
    cover = ("Cover", "visible", [["Results by school"], ["Contact", "us"]])
    old = ("Last year", "hidden", rows)
    one = read(tmp_path, files.write_workbook([["Table 1"], *rows], others=[cover, old]), "a.xlsx")
    assert len(one.values) == 8
    assert one.ledger.left_out == {"a row above the header": 1}
    shown = files.write_workbook(rows, others=[("Last year", "visible", rows)])
    with pytest.raises(SourceError, match=r"2 sheets hold a table \(Last year, table\)"):
        read(tmp_path, shown, "a.xlsx")


@pytest.mark.parametrize("lost", ["TELIG", "PTFSM6CLA1A", "PTRWM_EXP", "READPROG"])
def test_a_row_that_lost_a_cell_is_refused_and_no_figure_is_anothers(
    tmp_path: Path, lost: str
) -> None:
    lines = files.write_csv(schools()).decode("utf-8-sig").splitlines()
    cells = lines[3].split(",")
    del cells[files.KS2_COLUMNS.index(lost)]
    lines[3] = ",".join(cells)
    with pytest.raises(SourceError, match=r"row 4, column .*figures are in other columns"):
        read(tmp_path, "\n".join([*lines, ""]).encode())


@pytest.mark.parametrize("lost", ["LEA", "ESTAB", "SCHNAME"])
def test_a_short_row_whose_cells_look_like_those_further_on_is_refused(
    tmp_path: Path, lost: str
) -> None:
    """The Department leaves off a row's last empty cells; a cell lost before them moves it."""
    names = ["RECTYPE", "LEA", "ESTAB", "URN", "SCHNAME", "AGERANGE", "NFTYPE", "TELIG", "NOTE"]
    rows = [["1", "551", str(2001 + n), str(900101 + n), f"School {n}", "5-11", "CY", str(30 + n),
             ["", "SUPP"][n % 2]] for n in range(6)]  # fmt: skip
    line = SourceLine(kind="ks2", file="a.csv", year=2018, release="final")

    def write(*widths: int) -> None:
        lines = [",".join(row[:width]) for row, width in zip(rows, widths, strict=True)]
        (tmp_path / "a.csv").write_text("\n".join([",".join(names), *lines, ""]))

    write(8, 9, 8, 9, 8, 9)
    assert len(found.read_text(found.find_source(line, tmp_path)).rows) == 6
    del rows[2][names.index(lost)]
    write(8, 9, 8, 9, 8, 9)
    with pytest.raises(SourceError, match=r"row 4, column .*figures are in other columns"):
        found.read_text(found.find_source(line, tmp_path))
    rows[2][2:2] = [rows[1][names.index(lost)], " Upper"]
    write(8, 9, 8, 9, 8, 9)
    with pytest.raises(SourceError, match=r"row 4, column .*figures are in other columns"):
        found.read_text(found.find_source(line, tmp_path))


def test_an_empty_cell_is_at_home_in_every_column(tmp_path: Path) -> None:
    """A school without its last figures but one is no row that lost a cell."""
    names = "RECTYPE,LEA,ESTAB,URN,SCHNAME,AGERANGE,TELIG,NOTE\n"
    rows = "".join(f"1,551,{2001 + n},{900101 + n},School {n},5-11,{30 + n},\n" for n in range(4))
    (tmp_path / "a.csv").write_text(f"{names}{rows}1,551,2009,900109,School 9,5-11,\n", "utf-8")
    line = SourceLine(kind="ks2", file="a.csv", year=2018, release="final")
    cells = found.read_text(found.find_source(line, tmp_path))
    assert (len(cells.rows), cells.notes) == (5, ())


def test_a_note_below_a_table_has_a_phrase_or_two() -> None:
    head, school = "RECTYPE,LEA,SCHNAME,NFTYPE\n", "1,551,Upper School,CY\n"
    for note, aside in (("Source: the Department", 1), ("Source: DfE,all of England", 1),
                        ("Source: DfE,all of England,without notes", 0)):  # fmt: skip
        table = split_cells(f"{head}{school}{note}\n".encode(), "a.csv")
        assert (sum(table.set_aside.values()), len(table.rows)) == (aside, 2 - aside), note


def test_a_row_cut_off_behind_a_cell_that_rows_above_have_is_no_note() -> None:
    head = "RECTYPE,LEA,SCHNAME\n"
    whole = split_cells(f"{head}1,551,Upper School\nSource: the Department\n".encode(), "a.csv")
    assert whole.set_aside == {"a note below the table": 1}
    long = "time_period,name of area,school_urn\n202425,All of England,900101\n202425,All of Eng"
    with pytest.raises(SourceError, match="row 3, .* stops in the middle of this row"):
        split_cells(long.encode(), "a.csv")


@pytest.mark.parametrize(
    "text",
    [
        "URN,LA,ESTAB,SCHOOLTYPE,NOR,PNUMEAL\n900101,551,2001,A,200,4.5\n900102,551,2002,210,5\n",
        "urn,year,measure,value,release\n900101,2018,rwm_expected,65,final\n900102,2018,"
        "rwm_expected,66\n",
        "URN,LinkURN,LinkType,LinkEstablishedDate\n900101,900301,Successor,\n900102,900302,"
        "Successor\n",
    ],
)
def test_a_short_row_of_a_file_that_is_never_published_so_is_refused(
    tmp_path: Path, text: str
) -> None:
    with pytest.raises(SourceError, match=r"row 3: \d cells under a header of \d \(1 rows\)"):
        parse(tmp_path, text)


# Cells that cannot be ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("URN,LinkURN,LinkType,LinkEstablishedDate\n900101,900301,Successor,2017-04-01XXXX\n",
         "`2017-04-01XXXX` is not a date"),
        ("URN,LinkURN,LinkType,LinkEstablishedDate\n900101,900301,Successor,01-04-2017 or so\n",
         "is not a date"),
        ("URN,LinkURN,LinkType\n900101,900301.5,Successor\n", "`900301.5` is not a URN"),
        ("URN,LinkURN,LinkType\n\u0669\u0660\u0660\u0661\u0660\u0661,900301,Successor\n",
         "is not a URN"),
        ("year,measure,value\n2015/19,rwm_expected,65\n", "`2015/19` is not a year"),
        ("year,measure,value\n2018,rwm_expected,650\n", "`650` cannot be"),
        ("year,measure,value\n2018,rwm_expected,0.65\n", "write 65, not 0.65"),
        ("year,measure,value\n2018,reading_score,1040\n", "`1040` cannot be"),
        ("urn,year,measure,value,cohort\n900101,2018,reading_score,1040,30\n", "cannot be"),
        ("urn,year,measure,value,cohort\n900101,2018,rwm_expected,65,12.5\n", "no number of"),
        ("urn,year,measure,value,relaese\n900101,2018,rwm_expected,65,provisional\n",
         "Did you mean `RELEASE`"),
        ("urn,year,measure,value,r\u0435lease\n900101,2018,rwm_expected,65,provisional\n",
         "row 1, column 5: its name has a letter that only looks like one of ours (Cyrillic small "
         "letter ie)"),
        ("urn,year,measure,value,release\n900101,2018,rwm_expected,65,provisional\n"
         "900102,2018,rwm_expected,66,\n", "a blank is no release"),
        ("URN,LAESTAB,SCHNAME,ICLOSE,OPENDTAE\n900101,5512001,A,1,2016-09-01\n",
         "Did you mean `OPENDATE`"),
        ("URN,LA,ESTAB,LAESTAB,SCHNAME,ICLOSE\n900101,551,1e20,5512001,A,1\n",
         "`1e20` is not a whole"),
    ],
)  # fmt: skip
def test_a_cell_that_cannot_be_is_never_taken(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SourceError) as refused:
        parse(tmp_path, text)
    assert said in str(refused.value)


def test_a_series_keeps_a_figure_that_cannot_be_as_a_reason(tmp_path: Path) -> None:
    text = "Short Desc,Data item,Years,LA and Regions,Values,LA Number\n"
    code = "NEW_KS2_RWM_Sen_W/Osta"
    (one,) = parse(tmp_path, f"{text}{code},A,2016,B,161,551\n{code},A,2017,B,16,551\n")
    assert one.values["reason"].tolist()[0] == measures.IMPOSSIBLE
    assert one.values["value"].tolist()[1] == 16


def test_a_groups_size_is_worked_out_from_its_share_and_said_to_be(tmp_path: Path) -> None:
    rows = schools()
    plain = read(tmp_path, files.write_csv(rows))
    less = [{k: v for k, v in r.items() if k not in ("TFSM6CLA1A", "TNotFSM6CLA1A")} for r in rows]
    columns = [c for c in files.KS2_COLUMNS if c not in ("TFSM6CLA1A", "TNotFSM6CLA1A")]
    one = read(tmp_path, files.write_csv(less, columns))
    for name in ("cohort.disadvantaged", "cohort.other"):
        pd.testing.assert_series_equal(one.values[name], plain.values[name])
    assert any("worked out from TELIG and PTFSM6CLA1A for 8 schools" in n for n in one.ledger.notes)
    assert (one.values.notna() ^ one.reasons.notna()).all(axis=None)


# All of it by chance -----------------------------------------------------------------------------


def test_no_change_that_alters_nothing_true_alters_a_value_without_a_word(tmp_path: Path) -> None:
    outcomes = Counter()
    for name, kind, outcome, wrong in mutations.mutate(mutations.make_world(tmp_path), 250):
        assert not wrong, f"{name}, {kind}: {outcome}, {wrong}"
        outcomes[outcome] += 1
    assert outcomes["traceback"] == 0
    assert outcomes["read whole"] > outcomes["refused"] > 0


# Messages ----------------------------------------------------------------------------------------

SECRET = "root:x:0:0:root:/root:/bin/bash"


@pytest.mark.parametrize(
    "content",
    [f"{SECRET}\ndaemon:x,1\n", f"{SECRET},a\n1,2,3\n", f'{SECRET}\na"b\n', f"{SECRET};b\n"],
)
@pytest.mark.parametrize("kind", ["ks2", "statements", None])
def test_a_message_repeats_nothing_of_a_file_that_is_none_of_ours(
    tmp_path: Path, content: str, kind: str | None
) -> None:
    with pytest.raises(SourceError) as refused:
        parse(tmp_path, content, kind=kind)
    assert "root" not in str(refused.value)
    assert "file.csv" in str(refused.value)


def test_a_message_is_read_by_someone_and_so_is_short() -> None:
    assert len(str(SourceError("a" * 10_000))) == 2_000
    assert str(SourceError("short")) == "short"


def test_a_whole_per_cent_saved_with_a_nought_is_no_fraction() -> None:
    """One pupil of 122 is published as 1%, which a system saves as `1.0`: it refused a run."""
    texts, values = ["1.0", "54.0"], np.array([1.0, 54.0])
    assert not find_strays(texts, values, np.array([122.0, 100.0]), True).any()
    assert find_strays(texts, values, np.array([30.0, 100.0]), True).tolist() == [True, False]
    odd = find_strays(["0.71", "54"], np.array([0.71, 54.0]), np.array([122.0, 100.0]), True)
    assert odd.tolist() == [True, False]

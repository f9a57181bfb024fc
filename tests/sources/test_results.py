"""Each cell of a results file ends as a value or a reason; all rows and cells are accounted for."""

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pepstats import measures
from pepstats.errors import SourceError
from pepstats.sources import registers, series
from pepstats.sources.cells import read_number, reason_of
from pepstats.sources.results import Ledger
from pepstats.sources.totals import DIFFERS, EXPLAINED, REPRODUCED, reconcile_totals
from tests import published_files as files


@pytest.mark.parametrize(
    ("text", "value"),
    [("64%", 64), ("66.2%", 66.2), ("16.2", 16.2), ("-0.5", -0.5), (" 3 ", 3), ("+1", 1),
     (".5", 0.5),
     ("-7.0000000000000007E-2", -0.070000000000000007), ("0", 0)],
)  # fmt: skip
def test_published_figures_are_read_as_numbers(text: str, value: float) -> None:
    assert read_number(text) == value


@given(st.text(max_size=8))
@settings(deadline=None, derandomize=True, max_examples=60)
def test_no_text_is_both_a_number_and_a_reason(text: str) -> None:
    assert read_number(text) is None or reason_of(text) is None


@pytest.mark.parametrize(
    "text", ["nan", "inf", "1,5", "5 6", "0x10", "1_000", "٣", "--1", "%", "1%%"]
)
def test_what_only_looks_like_a_number_is_none(text: str) -> None:
    assert read_number(text) is None


def test_each_code_keeps_its_own_reason() -> None:
    codes_met = ["SUPP", "LOWCOV", "NE", "NP", "NA", "NEW", "", " ", None]
    assert len({reason_of(code) for code in codes_met}) == len(codes_met)
    assert reason_of("z") == reason_of("NA")
    assert reason_of("WAT") is None


def test_every_cell_is_a_value_or_a_reason(tmp_path: Path) -> None:
    one = files.results(tmp_path)
    assert (one.values.notna() ^ one.reasons.notna()).all(axis=None)
    assert one.values.loc[900101, "rwm_expected"] == 60
    assert one.reasons.loc[900105, "rwm_expected"] == measures.SUPPRESSED
    assert one.reasons.loc[900104, "reading_progress"] == measures.LOW_COVERAGE
    assert one.reasons.loc[900106, "cohort"] == measures.CUT_OFF


def test_a_group_hidden_to_protect_another_is_told_apart(tmp_path: Path) -> None:
    one = files.results(tmp_path)
    assert one.values.loc[900103, ["cohort.disadvantaged", "cohort.other"]].tolist() == [3, 27]
    assert one.reasons.loc[900103, "rwm_expected.disadvantaged"] == measures.SUPPRESSED
    assert one.reasons.loc[900103, "rwm_expected.other"] == measures.COMPLEMENT


@pytest.mark.parametrize(
    ("disadvantaged", "other", "reasons"),
    [
        (6, 5, (measures.COMPLEMENT, measures.SUPPRESSED)),
        (5, 7, (measures.SUPPRESSED, measures.COMPLEMENT)),
        (5, 4, (measures.SUPPRESSED, measures.SUPPRESSED)),
        (6, 6, (measures.SUPPRESSED, measures.SUPPRESSED)),
    ],
)
def test_only_a_group_of_six_or_more_beside_fewer_is_hidden_for_the_other(
    tmp_path: Path, disadvantaged: int, other: int, reasons: tuple[str, str]
) -> None:
    hidden = dict.fromkeys(["PTRWM_EXP_FSM6CLA1A", "PTRWM_EXP_NotFSM6CLA1A"], "SUPP")
    row = files.school(900101, disadvantaged + other, disadvantaged, 6, **hidden)
    one = files.results(tmp_path, files.write_csv([row]))
    groups = ["rwm_expected.disadvantaged", "rwm_expected.other"]
    assert tuple(one.reasons.loc[900101, groups]) == reasons


def test_rows_and_cells_are_all_accounted_for(tmp_path: Path) -> None:
    rows = [*files.ks2_rows(), files.ks2_rows()[0]]
    one = files.results(tmp_path, files.write_csv(rows))
    ledger = one.ledger
    assert (ledger.rows_in, ledger.rows_kept) == (12, 8)
    assert ledger.aggregates == {
        "authority": 1, "England, all schools": 1, "England, state-funded schools": 1,
    }  # fmt: skip
    assert ledger.left_out == {"a school's row repeated": 1}
    assert ledger.cells_in == 12 * len(files.KS2_COLUMNS)
    assert ledger.cells_in == ledger.values + ledger.words + sum(ledger.reasons.values())
    counted = ledger.codes.groupby("reason")["cells"].sum().to_dict()
    assert counted == ledger.reasons


def test_an_account_that_does_not_add_up_cannot_be_made() -> None:

    with pytest.raises(SourceError, match="does not add up"):
        Ledger("a.csv", "ks2", 2018, "final", rows_in=3, rows_kept=2)


def test_totals_of_england_are_told_apart_by_the_kind_of_file(tmp_path: Path) -> None:
    header = "RECTYPE,LEA,ESTAB,URN,NFTYPE,TPUP,ATT8SCR,P8MEA\n"
    text = (
        header + "1,551,4000,900201,CY,100,46.2,-0.1\n4,551,,,,100,46.2,-0.1\n7,,,,,100,46.2,-0.1\n"
    )
    one = files.results(tmp_path, text.encode(), kind="ks4")
    assert one.aggregates.index.tolist() == [
        ("authority", 551),
        ("England, state-funded schools", 0),
    ]
    with pytest.raises(SourceError, match="`7` is none of the record types 1, 2, 3, 4, 5"):
        files.results(tmp_path, files.ks2_bytes().replace(b"\r\n5,", b"\r\n7,"))


@pytest.mark.parametrize(
    ("column", "text", "said"),
    [
        ("READPROG", "WAT", "WAT"), ("URN", "ABC", "ABC"), ("URN", "", "URN"),
        ("URN", "\u0669\u0660\u0660\u0661\u0660\u0663", "URN"), ("URN", "900103.5", "900103.5"),
        ("URN", "9.0E+05", "9.0E"), ("LEA", "Kent", "Kent"), ("LEA", "551.5", "551.5"),
        ("RECTYPE", "9", "9"), ("RECTYPE", "3", "900103"),
    ],
)  # fmt: skip
def test_what_cannot_be_names_its_row_and_column(
    tmp_path: Path, column: str, text: str, said: str
) -> None:
    rows = files.ks2_rows()
    rows[2][column] = text
    with pytest.raises(
        SourceError, match=rf"file\.csv(, |: .*)row 4, column (URN|{column}).*{said}"
    ):
        files.results(tmp_path, files.write_csv(rows))


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("PTRWM_EXP", "400%"), ("PTRWM_EXP", "-3%"), ("PTRWM_EXP", "104.17"), ("TELIG", "-3"),
        ("TELIG", "12.5"), ("TELIG", "1e9"), ("TELIG", "64%"), ("READPROG", "64%"),
        ("READPROG", "81"), ("TFSM6CLA1A", "#DIV/0!"), ("TKS1AVERAGE", "161"),
    ],
)  # fmt: skip
def test_a_figure_that_cannot_be_is_left_out_with_a_reason_and_its_place(
    tmp_path: Path, column: str, text: str
) -> None:
    rows = files.ks2_rows()
    rows[2][column] = text
    one = files.results(tmp_path, files.write_csv(rows))
    name = measures.measures_of("ks2")[column.upper()]
    assert one.reasons.loc[900103, name] == measures.IMPOSSIBLE
    assert one.ledger.reasons[measures.IMPOSSIBLE] == 1
    (said,) = one.ledger.notes
    assert said == f"{column}: a figure that cannot be is left out: row 4 (`{text}`)"


def test_a_school_has_ten_thousand_pupils_at_most_and_a_total_as_many_as_it_says(
    tmp_path: Path,
) -> None:
    rows = [files.school(900101, TELIG="10000"), files.school(900102, TELIG="10001")]
    one = files.results(tmp_path, files.write_csv([*rows, files.total(rows, "3")]))
    assert one.values.loc[900101, "cohort"] == 10_000
    assert one.reasons.loc[900102, "cohort"] == measures.IMPOSSIBLE
    assert one.ledger.notes == ("TELIG: a figure that cannot be is left out: row 3 (`10001`)",)
    assert one.aggregates["cohort"].tolist() == [20_001]


@pytest.mark.parametrize("code", ["100", "999"])
def test_an_authoritys_code_is_any_of_three_digits(tmp_path: Path, code: str) -> None:
    one = files.results(tmp_path, files.write_csv([files.school(900101, LEA=code)]))
    assert one.identity["la"].tolist() == [int(code)] and one.ledger.notes == ()
    text = f"URN,LA,ESTAB,LAESTAB,SCHNAME,ICLOSE\n900101,{code},2001,{code}2001,A,1\n"
    raw, source = files.read(tmp_path, text.encode(), kind="register")
    assert registers.tidy_register(raw, source).values["la"].tolist() == [int(code)]


@pytest.mark.parametrize("code", ["99", "1000"])
def test_an_authoritys_code_of_two_digits_or_four_is_refused(tmp_path: Path, code: str) -> None:
    with pytest.raises(SourceError, match=f"row 2, column LEA: `{code}` is not an authority's"):
        files.results(tmp_path, files.write_csv([files.school(900101, LEA=code)]))
    text = f"URN,LA,ESTAB,LAESTAB,SCHNAME,ICLOSE\n900101,{code},2001,5512001,A,1\n"
    with pytest.raises(SourceError, match=f"row 2, column LA: `{code}` is not "):
        registers.tidy_register(*files.read(tmp_path, text.encode(), kind="register"))


def test_a_register_keeps_a_number_of_nought_and_the_least_number_of_another_school(
    tmp_path: Path,
) -> None:
    """A number in an authority can be 0000; 100000 is a URN, and fewer digits are none."""
    text = (
        "URN,LA,ESTAB,LAESTAB,SCHNAME,ICLOSE,OTHERURN\n900101,551,0000,,A,1,100000\n"
        "900102,551,9999,,B,1,99999\n900103,551,2003,,C,1,\n"
    )
    raw, source = files.read(tmp_path, text.encode(), kind="register")
    found = registers.tidy_register(raw, source).values
    assert found["estab"].tolist() == [0, 9_999, 2_003]
    assert found["other_urn"].fillna(0).tolist() == [100_000, 0, 0]


def test_what_is_printed_of_results_is_their_account_and_no_school(tmp_path: Path) -> None:
    said = repr(files.results(tmp_path))
    assert "rows_kept=8" in said
    assert "Invented School" not in said and "900101" not in said and "\n" not in said


def test_a_column_of_which_much_cannot_be_is_another_column_and_refused(tmp_path: Path) -> None:
    rows = [files.school(900101 + n, READPROG=str(100 + n)) for n in range(8)]
    with pytest.raises(SourceError, match=r"row 2, column READPROG: `100` cannot be .*\(8 rows\)"):
        files.results(tmp_path, files.write_csv(rows))


def test_an_unknown_code_is_said_once_with_all_its_columns(tmp_path: Path) -> None:
    rows = files.ks2_rows()
    rows[0]["PTRWM_EXP"] = rows[1]["PTRWM_EXP"] = rows[1]["READPROG"] = "WAT"
    with pytest.raises(SourceError) as stopped:
        files.results(tmp_path, files.write_csv(rows))
    assert "row 2, column PTRWM_EXP: `WAT` (2 row(s))" in str(stopped.value)
    assert "row 3, column READPROG: `WAT` (1 row(s))" in str(stopped.value)
    assert "codes: {" in str(stopped.value)
    assert "if the Department has a new code, report it" in str(stopped.value)
    assert ".py" not in str(stopped.value)


def test_a_misspelt_column_is_an_error_and_not_a_lost_measure(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"row 1, column 23: .*PTRWMM_EXP.*Did you mean"):
        files.results(tmp_path, files.ks2_bytes().replace(b"PTRWM_EXP,", b"PTRWMM_EXP,", 1))


def test_columns_match_whatever_their_case_and_order(tmp_path: Path) -> None:
    plain = files.results(tmp_path)
    rows = [{k.lower(): v for k, v in row.items()} for row in files.ks2_rows()]
    order = [name.lower() for name in reversed(files.KS2_COLUMNS)]
    full = [{**dict.fromkeys(order, ""), **row} for row in rows]
    other = files.results(tmp_path, files.write_csv(full, order))
    pd.testing.assert_frame_equal(plain.values, other.values)


def test_a_school_given_twice_with_different_figures_is_refused(tmp_path: Path) -> None:
    rows = [*files.ks2_rows(), {**files.ks2_rows()[0], "PTRWM_EXP": "61%"}]
    with pytest.raises(SourceError, match=r"row 13, column PTRWM_EXP: URN 900101 is given twice"):
        files.results(tmp_path, files.write_csv(rows))


def test_two_different_england_rows_are_refused(tmp_path: Path) -> None:
    rows = [*files.ks2_rows(), {**files.ks2_rows()[-1], "TELIG": "999"}]
    with pytest.raises(SourceError, match=r"row 13, column TELIG: the row of England, state"):
        files.results(tmp_path, files.write_csv(rows))


def test_earlier_years_in_a_file_are_kept_apart(tmp_path: Path) -> None:
    one = files.results(tmp_path)
    assert one.earlier.columns.tolist() == [(2017, "cohort"), (2017, "rwm_expected")]
    assert one.earlier.loc[900101, (2017, "rwm_expected")] == 55
    assert "rwm_expected" in one.values


def test_schools_add_back_up_to_the_authoritys_row(tmp_path: Path) -> None:
    found = reconcile_totals([files.results(tmp_path)]).set_index("measure")
    assert found.loc["rwm_expected", "verdict"] == REPRODUCED
    assert found.loc["cohort", "from_schools"] == found.loc["cohort", "published"] == 249


def test_a_total_that_the_schools_do_not_give_is_seen(tmp_path: Path) -> None:
    rows = files.ks2_rows()
    authority = rows[8]
    authority["PTRWM_EXP"] = f"{int(authority['PTRWM_EXP'][:-1]) + 9}%"
    found = reconcile_totals([files.results(tmp_path, files.write_csv(rows))]).set_index("measure")
    assert found.loc["rwm_expected", "verdict"] == DIFFERS


def test_a_difference_that_suppressed_pupils_can_make_is_explained(tmp_path: Path) -> None:
    rows = files.ks2_rows()
    rows[6].update(dict.fromkeys(["PTRWM_EXP"], "SUPP"))
    found = reconcile_totals([files.results(tmp_path, files.write_csv(rows))]).set_index("measure")
    row = found.loc["rwm_expected"]
    assert row["verdict"] in (REPRODUCED, EXPLAINED)
    assert row["pupils_without"] == pytest.approx(94 / 249)


def test_links_are_read_once_from_earlier_to_later(tmp_path: Path) -> None:
    text = (
        "URN,LinkURN,LinkName,LinkType,LinkEstablishedDate\n"
        "900101,900301,X,Successor,2017-09-01\n900301,900101,X,Predecessor,01-09-2017\n"
        "900102,900302,X,Sixth Form Centre Link,\n900103,900301,X,Successor - merged,\n"
    )
    raw, source = files.read(tmp_path, text.encode(), kind="links", year=None)
    links = registers.tidy_links(raw, source).values
    assert links[["before", "after"]].to_numpy().tolist() == [[900101, 900301], [900103, 900301]]
    assert links["what"].tolist() == ["succession", "merger"]
    left_out = registers.tidy_links(raw, source).ledger.left_out
    assert sum(left_out.values()) + len(links) == len(raw.rows)


@pytest.mark.parametrize(
    ("column", "text"),
    [("OPENDATE", "yesterday"), ("OPENDATE", "1066-10-14"), ("CLOSEDATE", "2201-01-01"),
     ("AGEL", "old"), ("AGEL", "4.5"), ("AGEH", "104"), ("URN", "12"), ("URN", "012345"),
     ("LA", "7"), ("LA", "551.5"), ("ESTAB", "12001"), ("OTHERURN", "12345678")],
)  # fmt: skip
def test_a_register_cell_that_cannot_be_names_its_place(
    tmp_path: Path, column: str, text: str
) -> None:
    row = {"URN": "900101", "LA": "551", "ESTAB": "2001", "LAESTAB": "5512001", "SCHNAME": "A",
           "OPENDATE": "2016-09-01", "CLOSEDATE": "", "AGEL": "4", "AGEH": "11",
           "OTHERURN": ""}  # fmt: skip
    good, source = files.read(tmp_path, files.write_csv([row], list(row)), kind="register")
    assert registers.tidy_register(good, source).values.loc[900101, "age_low"] == 4
    row[column] = text
    raw, source = files.read(tmp_path, files.write_csv([row], list(row)), kind="register")
    with pytest.raises(SourceError, match=rf"file\.csv, row 2, column {column}: `{text}` is not "):
        registers.tidy_register(raw, source)


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [
        ("links", "URN,LinkURN,LinkType,LinkEstablishedDate\n900101,900301,Successor,0201-09-01\n",
         "column LinkEstablishedDate: `0201-09-01` is not a date of 1700 to 2100"),
        ("links", "URN,LinkURN,LinkType\n900101,900301,Cousin\n",
         "column LinkType: `cousin` is no link we know"),
        ("links", "URN,LinkURN,LinkType\n900101,,Successor\n",
         "column LinkURN: a blank is not a URN"),
        ("trusts", "URN,Linked UID,Group Name,Group Type\n900101,1,,Multi-academy trust\n",
         "column Group Name: a blank names no trust"),
        ("ofsted", "URN,Inspection date,Overall effectiveness\n900101,2016-01-02,5\n",
         "column Overall effectiveness: `5` is not 1 to 4"),
        ("ofsted", "URN,Inspection date,Overall effectiveness\n900101,2216-01-02,2\n",
         "column Inspection date: `2216-01-02` is not a date"),
    ],
)  # fmt: skip
def test_a_cell_of_the_other_tables_that_cannot_be_names_its_place(
    tmp_path: Path, kind: str, text: str, words: str
) -> None:
    read = {"links": registers.tidy_links, "trusts": registers.tidy_trusts,
            "ofsted": registers.tidy_ofsted}[kind]  # fmt: skip
    raw, source = files.read(tmp_path, text.encode(), kind=kind, year=None)
    with pytest.raises(SourceError, match=rf"file\.csv, row 2, {words}.* \(1 rows\)"):
        read(raw, source)


def test_what_an_authority_holds_becomes_results_like_any_other(tmp_path: Path) -> None:
    text = (
        "urn,year,measure,group,value,cohort,release\n"
        "900101,2018,rwm_expected,sen_support,25%,8,provisional\n"
        "900102,2018,rwm_expected,sen_support,SUPP,3,provisional\n"
        "900101,2018,rwm_expected,,61,40,provisional\n"
    )
    raw, source = files.read(tmp_path, text.encode(), kind="local_results", year=None)
    (one,) = series.split_local_results(series.tidy_local_results(raw, source))
    assert (one.source.kind, one.source.year, one.source.release) == ("ks2", 2018, "provisional")
    assert one.values.loc[900101, "rwm_expected.sen_support"] == 25
    assert one.values.loc[900102, "cohort.sen_support"] == 3
    assert one.reasons.loc[900102, "rwm_expected.sen_support"] == measures.SUPPRESSED
    assert one.reasons.loc[900102, "rwm_expected"] == measures.NO_ROW
    assert (one.values.notna() ^ one.reasons.notna()).all(axis=None)


def test_a_local_measure_nobody_has_names_the_nearest(tmp_path: Path) -> None:
    text = "urn,year,measure,value\n900101,2018,rwm_expcted,25\n"
    raw, source = files.read(tmp_path, text.encode(), kind="local_results", year=None)
    with pytest.raises(SourceError, match=r"row 2, column measure.*Did you mean `rwm_expected`"):
        series.tidy_local_results(raw, source)


@pytest.mark.parametrize("year", ["2016", "2015/16", "2015-16", "201516", "2015-2016"])
def test_a_series_year_is_the_one_its_school_year_ends(tmp_path: Path, year: str) -> None:
    text = f"Data item,Years,LA and Regions,Values,LA Number\nA,{year},Fablemouth,-,551\n"
    raw, source = files.read(tmp_path, text.encode(), kind="la_series", year=None)
    row = series.tidy_la_series(raw, source).values.iloc[0]
    assert (row["year"], row["la"], row["reason"]) == (2016, 551, "not published")


SINCE_2019 = (
    "Web link,URN,School name,Ofsted phase,Inspection start date,Publication date,"
    "Overall effectiveness,Quality of education\n"
    ",900101,A,Primary,12/03/2022,21/04/2022,2,2\n,900102,B,Primary,05/10/2021,01/11/2021,9,9\n"
    ",900103,C,Special,NULL,NULL,NULL,NULL\n,900104,D,Primary,10/09/2024,12/10/2024,Not judged,2\n"
)


def test_inspections_since_2019_keep_a_grade_or_say_why_there_is_none(tmp_path: Path) -> None:
    raw, source = files.read(tmp_path, SINCE_2019.encode(), kind="ofsted", year=None)
    found = registers.tidy_ofsted(raw, source)
    assert found.values["outcome"].tolist() == [2, pd.NA, pd.NA, pd.NA]
    assert found.values["inspected"].dt.year.tolist()[:2] == [2022, 2021]
    assert pd.isna(found.values.loc[900103, "inspected"])
    assert found.ledger.reasons == {"no graded inspection": 1, "not judged": 2}


def test_a_report_card_is_newer_than_the_grade_before_it(tmp_path: Path) -> None:
    graded = "latest OEIF graded inspection"
    header = ["URN", "School name", "Inspection start date", "Publication date", "Inclusion",
              f"Inspection start date of {graded}", f"Publication date of {graded}",
              "Latest OEIF overall effectiveness"]  # fmt: skip
    rows = [
        ("900101", "A", "NULL", "NULL", "NULL", "12/03/2019", "21/04/2019", "2"),
        ("900102", "B", "02/12/2025", "20/01/2026", "Needs attention", "12/03/2019", "21/04/2019",
         "1"),
        ("900103", "C", "09/12/2025", "22/01/2026", "Expected standard", "NULL", "NULL", "NULL"),
        ("900104", "D", "NULL", "NULL", "NULL", "08/10/2024", "15/11/2024", "Not judged"),
    ]  # fmt: skip
    content = files.write_csv([dict(zip(header, row, strict=True)) for row in rows], header)
    found = registers.tidy_ofsted(*files.read(tmp_path, content, kind="ofsted", year=None))
    assert found.values["outcome"].tolist() == [2, pd.NA, pd.NA, pd.NA]
    assert found.values["inspected"].dt.strftime("%Y-%m-%d").tolist() == [
        "2019-03-12", "2025-12-02", "2025-12-09", "2024-10-08",
    ]  # fmt: skip
    assert found.ledger.reasons == {"a report card, without an overall grade": 2, "not judged": 1}


def test_inspections_without_a_date_are_refused(tmp_path: Path) -> None:
    text = b"URN,School name,Overall effectiveness\n900101,A,2\n"
    raw, source = files.read(tmp_path, text, kind="ofsted", year=None)
    with pytest.raises(SourceError, match=r"file\.csv, row 1: no column has the date"):
        registers.tidy_ofsted(raw, source)


def test_only_academy_trusts_are_trusts(tmp_path: Path) -> None:
    text = (
        "URN,Group UID,Group Name,Group Type,Group Status,Joined date\n"
        "900101,1,A Trust,Multi-academy trust,Open,2016-09-01\n20003,2,B,Children's Centres Group,"
        "Open,2012-01-01\n900102,3,C,Federation,Open,2013-01-01\n900103,4,D,Single-academy trust,"
        "Closed,2014-01-01\n900104,5,E,School sponsor,Open,2015-01-01\n"
    )
    found = registers.tidy_trusts(*files.read(tmp_path, text.encode(), kind="trusts", year=None))
    assert found.values["trust"].to_dict() == {900101: "A Trust"}
    assert found.ledger.left_out == {
        "a sponsor, not a trust": 1, "a group that is no academy trust: Federation": 1,
        "a trust that has closed": 1, registers.NO_SCHOOLS_NUMBER: 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("columns", "unfilled"),
    [({"OPENDATE": ""}, {"status (no column)": 2, "type (no column)": 2,
                         "governance (no column)": 2, "age low (no column)": 2,
                         "age high (no column)": 2}),
     ({"ICLOSE": "1", "NFTYPE": "Other independent school", "AGEL": "4", "AGEH": ""},
      {"governance": 2, "age high": 2}),
     ({"SCHSTATUS": "Open, but proposed to close", "SCHOOLTYPE": "Community school",
       "AGELOW": "4", "AGEHIGH": "11"}, {})],
)  # fmt: skip
def test_what_a_register_does_not_say_is_said_with_the_number_of_schools(
    tmp_path: Path, columns: dict[str, str], unfilled: dict[str, int]
) -> None:
    rows = [
        {"URN": urn, "LA": "551", "ESTAB": "2001", "LAESTAB": "5512001", "SCHNAME": "A", **columns}
        for urn in ("900101", "900102", "20001")
    ]
    content = files.write_csv(rows, list(rows[0]))
    found = registers.tidy_register(*files.read(tmp_path, content, kind="register", year=None))
    assert found.ledger.unfilled == unfilled
    assert found.ledger.left_out == {registers.NO_SCHOOLS_NUMBER: 1}
    assert "SCHSTATUS" not in columns or set(found.values["status"]) == {"open"}


def test_the_full_extract_of_all_establishments_is_read_as_schools(tmp_path: Path) -> None:
    text = (
        '"URN","LA (code)","LA (name)","EstablishmentNumber","EstablishmentName",'
        '"TypeOfEstablishment (code)","TypeOfEstablishment (name)","EstablishmentStatus (code)",'
        '"EstablishmentStatus (name)","OpenDate","CloseDate","StatutoryLowAge","StatutoryHighAge"\n'
        '900101,"551","Nowhere","2001","A","34","Academy converter","2","Closed","01-09-2012",'
        '"31-08-2023",4,11\n20001,"551","Nowhere","","B","47","Children\'s centre","1","Open","",'
        '"","",""\n900103,"000","Does not apply","","C","25","Offshore schools","1","Open","","",'
        '"",""\n'
    )
    found = registers.tidy_register(*files.read(tmp_path, text.encode(), kind="register"))
    assert found.values.loc[900101, ["la", "status", "governance", "age_high"]].tolist() == [
        551, "closed", "academy", 11,
    ]  # fmt: skip
    assert pd.isna(found.values.loc[900103, "la"])
    assert found.ledger.left_out == {registers.NO_SCHOOLS_NUMBER: 1}
    assert found.ledger.unfilled == {
        "la": 1, "estab": 1, "governance": 1, "age low": 1, "age high": 1,
    }  # fmt: skip


REGISTERS = {
    "the spine": {
        "URN": "900101.0", "LA": "551", "ESTAB": "2001", "LAESTAB": "5512001", "SCHNAME": "A",
        "ICLOSE": "2", "OPENDATE": "2016-09-01", "CLOSEDATE": "2018-08-31",
        "MINORGROUP": "Academy", "NFTYPE": "Academy - Converter mainstream", "ISPRIMARY": "1",
        "ISSECONDARY": "0", "AGEL": "7", "AGEH": "11", "OTHERURN": "900301",
    },
    "Get Information About Schools": {
        "URN": "900101", "LA (code)": "551", "EstablishmentNumber": "2001",
        "EstablishmentName": "A",
        "EstablishmentStatus (name)": "Closed", "OpenDate": "01-09-2016", "CloseDate": "31-08-2018",
        "TypeOfEstablishment (name)": "Academy converter", "StatutoryLowAge": "7",
        "StatutoryHighAge": "11", "Trusts (name)": "A Trust",
    },
    "the newer information tables": {
        "time_period": "202324", "school_urn": "900101", "school_laestab": "5512001",
        "school_name": "A", "establishment_type_group": "Converter academies", "iclose": "1",
        "agerange": "7 to 11",
    },
    "the school information of the later tables": {
        "URN": "900101", "LA": "551", "ESTAB": "2001", "LAESTAB": "5512001", "SCHNAME": "A",
        "SCHSTATUS": "Closed", "OPENDATE": "01/09/2016", "CLOSEDATE": "31/08/2018",
        "MINORGROUP": "Academy", "SCHOOLTYPE": "Academy converter", "ISPRIMARY": "1",
        "ISSECONDARY": "0", "AGELOW": "7", "AGEHIGH": "11",
    },
}  # fmt: skip


@pytest.mark.parametrize("name", REGISTERS)
def test_every_register_says_the_same_of_a_school(tmp_path: Path, name: str) -> None:
    row = REGISTERS[name]
    raw, source = files.read(tmp_path, files.write_csv([row], list(row)), kind="register")
    one = registers.tidy_register(raw, source).values.loc[900101]
    assert one[["la", "estab", "name", "governance"]].tolist() == [551, 2001, "A", "academy"]
    assert one[["status", "age_low", "age_high"]].tolist() == ["closed", 7, 11]
    assert one["is_primary"]
    assert not one["is_secondary"]
    if name != "the newer information tables":
        assert one["closed"] == pd.Timestamp("2018-08-31")


def test_words_for_a_band_of_progress_do_not_refuse_key_stage_2(tmp_path: Path) -> None:
    rows = [{**files.school(900101 + n), "READPROG_DESCR": word}
            for n, word in enumerate(("Well above average", "Average"))]  # fmt: skip
    one = files.results(tmp_path, files.write_csv(rows))
    assert one.values["reading_progress"].tolist() == [0.5, 0.5]
    assert one.ledger.columns_unread == ("READPROG_DESCR",)


def test_key_stage_4_is_read_in_the_column_names_of_later_years(tmp_path: Path) -> None:
    header = [
        "RECTYPE", "LEA", "ESTAB", "URN", "SCHNAME", "ADMPOL_PT", "KS2ASS", "TPUP", "ATT8SCR",
        "PSENE4", "PSENK4", "PSEN_ALL4", "ATT8SCR_MID", "P8_BANDING", "ATT8SCR_PREV",
    ]  # fmt: skip
    row = dict.fromkeys(header, "12") | {
        "RECTYPE": "1", "LEA": "551", "ESTAB": "4001", "URN": "900201", "P8_BANDING": "Average",
        "ADMPOL_PT": "SEL", "PSENE4": "3%", "P8MEA": "NP",
    }  # fmt: skip
    one = files.results(tmp_path, files.write_csv([row], header), kind="ks4", year=2025)
    names = ["ehcp_ks4", "sen_support_ks4", "attainment8.middle_prior"]
    assert one.values.loc[900201, names].tolist() == [3, 12, 12]
    assert "prior_attainment_ks4" not in one.values  # a scaled score, and no points


@pytest.mark.parametrize("names", ["first", "later"])
def test_a_full_key_stage_4_file_gives_every_measure(tmp_path: Path, names: str) -> None:
    known = list(measures.measures_of("ks4").items())
    columns = list({of: c for c, of in (known if names == "later" else reversed(known))}.values())
    header = ["RECTYPE", "LEA", "ESTAB", "URN", "SCHNAME", "NFTYPE", *columns, "P8MEA_18"]
    row = dict.fromkeys(header, "2") | {"LEA": "551", "URN": "900201", "PTL2BASICS_94": "66.2%"}
    one = files.results(tmp_path, files.write_csv([row], header), kind="ks4", year=2019)
    assert set(one.values) == set(measures.measures_of("ks4").values())
    assert one.values.loc[900201, "basics_94"] == 66.2
    assert one.earlier.columns.tolist() == [(2018, "progress8")]


@pytest.mark.parametrize(
    ("column", "words"),
    [("ADMPOL_2017", ["OTHER NON SEL", "SEL"]), ("P8_BANDING", ["Well above average", "NP"]),
     ("DIOCESE", ["Invented Diocese", ""])],
)  # fmt: skip
def test_a_column_of_words_that_no_measure_uses_is_not_read(
    tmp_path: Path, column: str, words: list[str]
) -> None:
    header = ["RECTYPE", "LEA", "ESTAB", "URN", "SCHNAME", "TPUP", "ATT8SCR", "TOTATT8", column]
    rows = [
        {"RECTYPE": "1", "LEA": "551", "ESTAB": "4001", "URN": str(900201 + n), "SCHNAME": "A",
         "TPUP": "150", "ATT8SCR": "46.2", "TOTATT8": "6930", column: word}
        for n, word in enumerate(words)
    ]  # fmt: skip
    one = files.results(tmp_path, files.write_csv(rows, header), kind="ks4", year=2017)
    assert one.values["attainment8"].tolist() == [46.2, 46.2]
    assert (one.ledger.columns_unread, one.ledger.unread) == ((column,), 2)
    rows[0]["ATT8SCR"] = words[0]
    with pytest.raises(SourceError, match=r"row 2, column ATT8SCR"):
        files.results(tmp_path, files.write_csv(rows, header), kind="ks4", year=2017)


def test_the_letters_of_the_newer_files_are_known(tmp_path: Path) -> None:
    rows = [{**files.school(900101 + n), "PTRWM_EXP": code} for n, code in enumerate("czxu")]
    one = files.results(tmp_path, files.write_csv(rows))
    assert one.reasons["rwm_expected"].tolist() == [
        measures.SUPPRESSED, "not applicable", "not available", "too unreliable to publish",
    ]  # fmt: skip

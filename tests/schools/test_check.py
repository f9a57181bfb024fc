"""What `pepstats check` says: accounts that add up, totals proved, one message for each wrong."""

import csv
import io
import json
import re
from pathlib import Path

import pytest

from pepstats.schools import source_check as check
from pepstats.settings import SourceLine
from pepstats.sources import totals as proof
from tests import published_files as files


def listed(folder: Path, **contents: bytes) -> list[SourceLine]:
    for name, content in contents.items():
        (folder / f"{name}.csv").write_bytes(content)
    return [SourceLine(file=f"{name}.csv") for name in contents]


def test_a_good_file_is_said_in_full_and_exits_0(tmp_path: Path) -> None:
    found = check.check_sources(listed(tmp_path, a=files.ks2_bytes()), data=tmp_path)
    said = check.describe_check(found)
    assert found.exit_code == 0
    assert "key stage 2 results, 2018" in said
    assert "11 in = 8 kept (7 mainstream school, 1 special school) + 3 totals" in said
    assert "suppressed: few pupils, 'SUPP'" in said
    assert re.search(
        r"rwm_expected: published 5\d, from the schools 5\d\.\d\d \(reproduced\)", said
    )


def test_a_total_that_differs_exits_1_and_is_named(tmp_path: Path) -> None:
    rows = files.ks2_rows()
    rows[8]["PTRWM_EXP"] = "80%"
    found = check.check_sources(listed(tmp_path, a=files.write_csv(rows)), data=tmp_path)
    assert found.exit_code == 1
    assert "published 80, from the schools" in check.describe_check(found)


def test_one_bad_file_does_not_hide_the_others(tmp_path: Path) -> None:
    lines = listed(tmp_path, a=b"<html>", b=files.ks2_bytes())
    found = check.check_sources([*lines, SourceLine(file="c.csv")], data=tmp_path)
    assert found.exit_code == 2
    assert [bool(one.problem) for one in found.files] == [True, False, True]
    assert "a.csv: a web page" in check.describe_check(found)


def test_the_account_for_programs_is_plain_and_complete(tmp_path: Path) -> None:
    found = check.check_sources(listed(tmp_path, a=files.ks2_bytes()), data=tmp_path)
    one = json.loads(json.dumps(check.check_as_dict(found)))["files"][0]
    rows, cells = one["rows"], one["cells"]
    assert rows["in"] == rows["kept"] + rows["totals"] + sum(rows["left_out"].values())
    read = cells["values"] + cells["words"] + cells["unread"]
    assert cells["in"] == read + sum(cells["reasons"].values())
    assert sum(code["cells"] for code in one["codes"]) == sum(cells["reasons"].values())


def test_several_years_are_followed_and_compared(tmp_path: Path) -> None:
    columns = [c for c in files.KS2_COLUMNS if not c.endswith("_17")]
    before = files.write_csv([files.school(900101, met=20), files.school(900102)], columns)
    lines = listed(tmp_path, a=before, b=files.write_csv([files.school(900101)]))
    lines[0] = SourceLine(file="a.csv", year=2017)
    found = check.check_sources(lines, data=tmp_path)
    assert found.followed["schools"] == 2
    assert found.not_followed == {"no later row and no link to one": 1}
    assert found.exit_code == 1
    assert (
        "URN 900101, rwm_expected 2017: b.csv says 55, the earlier file 50"
        in check.describe_check(found)
    )


def test_every_table_is_accounted_for(tmp_path: Path) -> None:
    links = (
        b"URN,LinkURN,LinkType\n900101,900301,Successor\n900301,900101,Predecessor\n"
        b"900102,900302,Other\n"
    )
    trusts = (
        b"URN,Linked UID,Group Name,Group Type\n900101,1,A,Multi-academy trust\n"
        b"900101,2,B,School sponsor\n"
    )
    ofsted = (
        b"URN,Inspection date,Overall effectiveness\n900101,2016-01-02,2\n900101,2018-01-02,1\n"
    )
    found = check.check_sources(listed(tmp_path, a=links, b=trusts, c=ofsted), data=tmp_path)
    assert found.exit_code == 0
    for one in found.files:
        assert one.ledger is not None
        assert one.ledger.rows_kept == 1
        assert one.ledger.rows_kept + sum(one.ledger.left_out.values()) == one.ledger.rows_in


SERIES = "Short Desc,Data item,Years,LA and Regions,Values,LA Number,Region\n"


@pytest.mark.parametrize(
    "rows",
    ["A_code,Reading,2016,Fablemouth,11,551,South\nA_code,,2017,Fablemouth,14,551,South\n",
     "A_code,Reading,2016,Fablemouth,11,551,South\nB_code,,2016,Fablemouth,14,551,South\n"
     "A_code,,2017,Fablemouth,-,551,South\n"],
)  # fmt: skip
def test_a_series_is_told_by_its_code_and_its_name_is_carried_down(
    tmp_path: Path, rows: str
) -> None:
    found = check.check_sources(listed(tmp_path, a=(SERIES + rows).encode()), data=tmp_path)
    ledger = found.files[0].ledger
    assert found.exit_code == 0
    assert ledger is not None
    assert (ledger.values, ledger.rows_kept) == (2, rows.count("\n"))


@pytest.mark.parametrize(
    "content",
    [(SERIES + "A,B,2016,Fablemouth,-,551,South\n").encode(),
     b"RECTYPE,LEA,ESTAB,URN,SCHNAME,TELIG,PTRWM_EXP\n1,551,2001,900101,A,SUPP,SUPP\n",
     b"LA,ESTAB,URN,PERCTOT\n551,2001,900101,SUPP\n"],
)  # fmt: skip
def test_a_file_of_which_no_figure_is_read_is_said_and_exits_1(
    tmp_path: Path, content: bytes
) -> None:
    found = check.check_sources(listed(tmp_path, a=content), data=tmp_path)
    assert (found.exit_code, found.without_figures) == (1, ["a.csv"])
    assert check.describe_check(found).endswith("No figure was read of a.csv.\n")


@pytest.mark.parametrize(
    ("year", "said"), [(2016, "2015/16, two years older than"), (2019, "2018/19, one year newer"),
                       (2018, ""), (None, "")],
)  # fmt: skip
def test_a_register_of_another_year_is_said(tmp_path: Path, year: int | None, said: str) -> None:
    spine = b"URN,LA,ESTAB,LAESTAB,SCHNAME,ICLOSE,NFTYPE\n900101,551,2001,5512001,A,1,CY\n"
    lines = listed(tmp_path, a=files.ks2_bytes(), b=spine)
    lines[1] = SourceLine(file="b.csv", kind="register", year=year)
    found = check.check_sources(lines, data=tmp_path)
    assert said in found.register
    assert bool(found.register) == bool(said)
    assert (found.register or "Every row") in check.describe_check(found)
    assert "not said of schools: age low (no column) of 1" in check.describe_check(found)


def test_the_invented_totals_add_up_and_any_wrong_one_is_found(data: Path, tmp_path: Path) -> None:
    """Schools that no total counts, and those whose coverage is held back, are allowed for."""
    name = "invented/ks2/2017-2018_england_ks2final.csv"
    assert check.check_sources([SourceLine(file=name)], data=data).exit_code == 0
    rows = list(csv.reader(io.StringIO((data / name).read_text("utf-8-sig"))))
    place = {column: number for number, column in enumerate(rows[0])}
    totals = [row for row in rows if row[place["RECTYPE"]] == "3"]
    changed = {"PTRWM_EXP": (3, "%"), "READPROG": (0.5, ""), "TELIG": (40, "")}
    for row, (column, (by, mark)) in zip(totals[4:7], changed.items(), strict=True):
        was = float(row[place[column]].strip("%"))
        row[place[column]] = f"{was + by:g}{mark}"
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    (tmp_path / "a.csv").write_bytes(out.getvalue().encode("utf-8-sig"))
    found = check.check_sources([SourceLine(file="a.csv", year=2018)], data=tmp_path)
    wrong = found.files[0].totals.query("verdict == 'differs'")
    assert found.exit_code == 1
    assert {"rwm_expected", "reading_progress", "cohort"} <= set(wrong["measure"])
    assert set(wrong["la"]) == {int(row[place["LEA"]]) for row in totals[4:7]}


@pytest.mark.skipif(not files.REAL.is_dir(), reason="the real published files are not here")
def test_real_authorities_add_back_up_to_their_own_rows() -> None:
    names = [f"ks2/{y - 1}-{y}_{la}_ks2final.csv" for y in (2017, 2018, 2019) for la in (850, 936)]
    found = check.check_sources([SourceLine(file=name) for name in names], data=files.REAL)
    assert found.exit_code == 0
    for one in found.files:
        totals = one.totals.set_index("measure")
        assert not (totals["verdict"] == proof.DIFFERS).any()
        main = ["cohort", "rwm_expected", "reading_progress", "writing_progress", "maths_progress"]
        assert (totals.loc[main, "verdict"] == proof.REPRODUCED).all()
    assert found.earlier["agrees"].all()

"""A kind of file is known by what only it has; what is no kind, or two, is named and refused."""

from pathlib import Path

import pytest

from pepstats.errors import SourceError
from pepstats.schools import check_sources, describe_check
from pepstats.settings import SourceLine
from pepstats.sources.files import find_source
from pepstats.sources.layouts import recognise_layouts
from pepstats.sources.published import read_published

LONG = "time_period,time_identifier,geographic_level,country_code,country_name"
SCHOOL = f"{LONG},version,school_urn,school_laestab,school_name"

KINDS = {
    "RECTYPE,LEA,ESTAB,URN,SCHNAME,TELIG,PTRWM_EXP": "ks2",
    f"{SCHOOL},breakdown_topic,breakdown,subject,expected_standard_pupil_percent": "ks2",
    f"{SCHOOL},totpups,tpupyear,telig,belig,gelig,tks1average": "ks2",
    "RECTYPE,LEA,ESTAB,URN,SCHNAME,ADMPOL_2017,ATT8SCR,P8MEA": "ks4",
    f"{SCHOOL},breakdown_topic,breakdown,sex,pupil_count,attainment8_average": "ks4",
    f"{SCHOOL},establishment_type_group,iclose,agerange,t_pupils,t_prior_lo": "ks4",
    f"{LONG},education_phase,school_laestab,school_urn,enrolments,sess_overall_percent": "absence",
    "URN,LA,ESTAB,LAESTAB,SCHNAME,ICLOSE,NFTYPE,AGEL,AGEH": "register",
    "URN,LANAME,LA,ESTAB,LAESTAB,SCHNAME,SCHSTATUS,SCHOOLTYPE,AGELOW,AGEHIGH": "register",
    f"{SCHOOL},full_address,iclose,agerange,reldenom": "register",
    "URN,LA (code),EstablishmentNumber,EstablishmentName,EstablishmentStatus (name)": "register",
    "URN,Linked UID,Group Name,Group Type,EstablishmentName": "trusts",
    "URN,Group UID,Group ID,Group Name,Group Type,Joined date,EstablishmentName": "trusts",
    "URN,School name,Inspection date,Overall effectiveness": "ofsted",
    "Web link,URN,LAESTAB,School name,Inspection start date,Overall effectiveness": "ofsted",
    "URN,LAESTAB,School name,Inclusion,Latest OEIF overall effectiveness": "ofsted",
    "Field Number,Field Reference,Field Name,Values": "columns",
    "Variable,Label,Type,Description": "columns",
    "col_name,col_type,label,indicator_grouping,indicator_unit": "columns",
    "Abbreviations used in the download data,Meaning": "abbreviations",
    "2023 KS2 Performance Tables,": "abbreviations",
}


@pytest.mark.parametrize("header", KINDS)
def test_each_layout_is_known_by_its_columns_whatever_their_case(header: str) -> None:
    for text in (header, header.lower(), header.upper()):
        assert [one.kind for one in recognise_layouts(text.split(","))] == [KINDS[header]]


@pytest.mark.parametrize(
    ("header", "what"),
    [
        (f"{SCHOOL},school_type,post,sex,full_time_equivalent", "the school workforce"),
        (f"{LONG},la_name,school_urn,perm_excl,perm_excl_rate", "suspensions and exclusions"),
        (f"{SCHOOL},qualification_type,subject,grade,number_achieving", "entries and grades"),
        (f"{LONG},old_la_code,new_la_code,la_name,wages", "figures that no report uses"),
        (f"{LONG},old_la_code,breakdown,subject,expected_standard_pupil_percent",
         "key stage 2 results by authority"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", [None, "register", "ks2"])
def test_any_other_long_file_is_named_and_refused(
    tmp_path: Path, header: str, what: str, kind: str | None
) -> None:
    row = ",".join("1" for _ in header.split(","))
    (tmp_path / "long.csv").write_text(f"{header}\n{row}\n", "utf-8")
    with pytest.raises(SourceError, match=rf"long\.csv, row 1: .*long files.*{what}"):
        find_source(SourceLine.model_validate({"file": "long.csv", "kind": kind}), tmp_path)


@pytest.mark.parametrize(
    "header",
    ["RECTYPE,URN,SCHNAME,TELIG,PTRWM_EXP,ATT8SCR", "RECTYPE,URN,NOR,PTRWM_EXP",
     "URN,LAESTAB,SCHNAME,NFTYPE,Overall effectiveness,Inspection date",
     "URN,PERCTOT,NOR"],
)  # fmt: skip
def test_a_file_that_may_be_two_kinds_is_refused_by_name(tmp_path: Path, header: str) -> None:
    (tmp_path / "a.csv").write_text(f"{header}\n", "utf-8")
    with pytest.raises(SourceError, match=r"a\.csv, row 1: this may be .* \(`\w+`\) or .* \(`"):
        find_source(SourceLine(file="a.csv"), tmp_path)


@pytest.mark.parametrize(
    "header", ["URN,LAESTAB,SCHNAME", "URN,LA,ESTAB,SCHNAME", SCHOOL.partition("version,")[2]]
)
def test_names_and_numbers_of_schools_alone_are_no_kind_of_file(
    tmp_path: Path, header: str
) -> None:
    (tmp_path / "a.csv").write_text(f"{header}\n", "utf-8")
    with pytest.raises(SourceError, match=r"a\.csv, row 1: no kind of file we know"):
        find_source(SourceLine(file="a.csv"), tmp_path)


@pytest.mark.parametrize(
    ("header", "what"),
    [("RECTYPE,LEA,URN,COHORT,OVERALL_DEST", "key stage 4 destinations"),
     ("Group UID,Group ID,Group Name,Group Type", "a list of trusts"),
     ("URN,LEA,Pupil:     Teacher Ratio", "the school workforce")],
)  # fmt: skip
def test_a_published_file_that_no_report_uses_is_named(
    tmp_path: Path, header: str, what: str
) -> None:
    (tmp_path / "a.csv").write_text(f"{header}\n", "utf-8")
    with pytest.raises(SourceError, match=f"this is {what}.*Leave it out"):
        find_source(SourceLine(file="a.csv"), tmp_path)


@pytest.mark.parametrize("title", ["2018 KS2 Performance Tables", "Abbreviations are below,,,"])
def test_a_title_above_a_table_is_no_list_of_abbreviations(tmp_path: Path, title: str) -> None:
    table = "RECTYPE,LEA,ESTAB,URN,SCHNAME,TELIG,PTRWM_EXP\n1,551,2001,900101,A,40,60%\n"
    (tmp_path / "a.csv").write_text(f"{title}\n{table}", "utf-8")
    one = read_published(tmp_path / "a.csv")
    assert (one.source.kind, one.values.loc[900101, "rwm_expected"]) == ("ks2", 60)


def test_a_companion_sheet_is_left_as_it_is(tmp_path: Path) -> None:
    text = "Field Number,Field Reference,Field Name\n1,URN,Number\n2,LA,Authority\n"
    (tmp_path / "meta.csv").write_text(text, "utf-8")
    one = read_published(tmp_path / "meta.csv")
    assert (one.source.kind, one.ledger.rows_kept, one.ledger.values) == ("columns", 2, 0)
    found = check_sources([SourceLine(file="meta.csv")], data=tmp_path)
    assert "a companion sheet: no report reads it" in describe_check(found)

"""What a report asks for that its files cannot give, or mixes up: all of it said at once, first."""

import csv
import io
import random
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from pepstats.cli import main
from pepstats.errors import DesignError, SourceError
from pepstats.runs.runner import check_request
from pepstats.schools import check_planned, check_sources
from pepstats.settings import load_programmes, load_report
from pepstats.sources import DIFFERS, EXPLAINED, find_source, published, reconcile_totals
from pepstats.study import load_study
from tests import published_files as files

COLUMNS = [c for c in files.KS2_COLUMNS if not c.endswith("_17")]
GROUP_SIZES = ("TFSM6CLA1A", "TNotFSM6CLA1A")


def write_world(folder: Path, programme: dict[str, Any], report: dict[str, Any]) -> Path:
    """Write a small study of two authorities and the years 2016 to 2018."""
    for name in ("reports", "programmes", "raw"):
        (folder / name).mkdir()
    for year in (2016, 2017, 2018):
        rows = [files.school(900101 + k, 30 + k, 8, 15 + (k + year) % 9) for k in range(12)]
        rows += [files.school(900201 + k, 30, 8, 15, LEA="552") for k in range(3)]
        name = f"{year - 1}-{year}_551_ks2final.csv"
        (folder / "raw" / name).write_bytes(files.write_csv(rows, COLUMNS))
    sources = [
        {"kind": "ks2", "year": y, "release": "final", "file": f"raw/{y - 1}-{y}_551_ks2final.csv"}
        for y in (2016, 2017, 2018)
    ]
    asked: dict[str, Any] = {
        "title": "A programme", "phase": "primary", "starts": 2018, "baseline": [2016, 2017],
        "outcomes": ["rwm_expected"], "members": [{"urn": 900101 + k} for k in range(5)],
        "match": {"near": ["rwm_expected", "cohort"], "k": 3}, "seed": 1,
    }  # fmt: skip
    told: dict[str, Any] = {
        "title": "A report", "authority": 551, "year": 2018, "programmes": ["one"],
        "sources": sources, "meeting": {"body": "B", "date": "2018-12-01", "report_from": "D",
                                        "report_by": "E"},
    }  # fmt: skip
    (folder / "programmes" / "one.yml").write_text(yaml.safe_dump(asked | programme), "utf-8")
    (folder / "reports" / "all.yml").write_text(
        yaml.safe_dump(told | report).replace("'2018-12-01'", "2018-12-01"), "utf-8"
    )
    return folder


def refusal(folder: Path, **asked: Any) -> str:
    """What a run says before anything runs; `check` must say the same, and exit with 2."""
    report = asked.pop("report", {})
    world = write_world(folder, asked, report)
    with pytest.raises((DesignError, SourceError)) as refused:
        check_request("all", world)
    found = check_sources("all", world)
    assert found.exit_code == 2
    assert found.problem and found.problem in str(refused.value)
    return str(refused.value)


def test_a_sound_request_is_not_refused(tmp_path: Path) -> None:
    world = write_world(tmp_path, {}, {})
    check_request("all", world)
    assert check_sources("all", world).problem == ""


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"baseline": [2015, 2017]}, "`baseline`: no source has such results of 2015. The sources "
         "have: 2016, 2017, 2018."),
        ({"starts": 2023, "baseline": [2022]}, "of 2022 (not published by school)"),
        ({"starts": 2021, "baseline": [2020]}, "of 2020 (no tests held)"),
        ({"report": {"year": 2019}}, "the report's year: no source has such results of 2019"),
        ({"outcomes": ["maths_expected"]}, "`outcomes`: no source of this study has "
         "`maths_expected`"),
        ({"match": {"near": ["rwm_expected", "eal"]}}, "`match.near`: no source of this study has "
         "`eal`"),
        ({"outcomes": ["rwm_higher.boys"]}, "no source of this study has `rwm_higher.boys`"),
        ({"members": {"authority": 552}}, "`members`: authority 552 is not the report's (551)"),
        ({"members": [{"urn": 900101}, {"urn": 900202}]}, "900202 (authority 552): not in the "
         "report's authority (551)"),
        ({"members": [{"urn": 900201, "authority": 551}]}, "900201 (authority 552)"),
    ],
)  # fmt: skip
def test_what_a_request_lacks_or_mixes_up_is_said_first(
    tmp_path: Path, asked: dict[str, Any], said: str
) -> None:
    assert said in refusal(tmp_path, **asked)


@pytest.mark.parametrize(
    ("year", "why"),
    [(2020, "no tests held"), (2021, "no tests held"), (2022, "not published by school")],
)
def test_a_year_that_is_not_there_is_refused_before_a_plan_or_a_run(
    tmp_path: Path, year: int, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A baseline year, the report's own year, and a file that says it is of that year."""
    asked = {"starts": 2024, "baseline": [2017, year]}
    assert f"of {year} ({why})" in refusal(tmp_path, **asked, report={"year": year})
    assert main(["plan", "all", "--data", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert f"`baseline`: no source has such results of {year} ({why})" in said
    assert f"the report's year: no source has such results of {year} ({why})" in said


def test_a_plan_may_be_of_results_that_are_yet_to_come(tmp_path: Path) -> None:
    world = write_world(tmp_path, {}, {"year": 2019})
    report = load_report("all", world)
    found = [find_source(line, world) for line in report.sources]
    check_planned(load_programmes(report, world), report, found)
    with pytest.raises(DesignError, match="the report's year: no source has such results of 2019"):
        check_request("all", world)


def test_a_file_cannot_be_of_a_year_without_results(tmp_path: Path) -> None:
    world = write_world(tmp_path, {}, {})
    path = world / "reports" / "all.yml"
    path.write_text(path.read_text("utf-8").replace("year: 2016", "year: 2020"), "utf-8")
    with pytest.raises(DesignError, match=r"is listed as 2020, of which there is nothing by sch"):
        check_request("all", world)
    assert "listed as 2020" in check_sources("all", world).problem


def test_all_that_is_lacking_is_said_at_once(tmp_path: Path) -> None:
    message = refusal(tmp_path, baseline=[2014, 2017], outcomes=["maths_expected"])
    assert "2014" in message
    assert "maths_expected" in message


def test_a_school_elsewhere_is_taken_where_it_is_meant(tmp_path: Path) -> None:
    listed = [{"urn": 900101 + k} for k in range(4)] + [{"urn": 900201, "authority": 552}]
    check_request("all", write_world(tmp_path, {"members": listed}, {}))


def test_a_member_list_is_held_to_the_authority_too(tmp_path: Path) -> None:
    world = write_world(tmp_path, {"members": {"file": "raw/m.csv"}}, {})
    (world / "raw" / "m.csv").write_text("urn;joined;note\n900101;2018-01;x\n900203;;y\n", "utf-8")
    with pytest.raises(DesignError, match=r"900203 \(authority 552\)"):
        check_request("all", world)


def test_a_list_of_similar_schools_that_cannot_be_read_is_said_first(tmp_path: Path) -> None:
    said = refusal(tmp_path, pool={"lists": {"official": "raw/none.csv"}})
    assert "programmes/one.yml, `pool.lists`: " in said and "there is no such file" in said
    (tmp_path / "raw/none.csv").write_text("urn,similar_urn\n900101,=A1\n", "utf-8")
    with pytest.raises(DesignError, match=r"raw/none\.csv, row 2, column similar_urn: `=A1`"):
        check_request("all", tmp_path)


def test_a_measure_that_does_not_exist_is_said_by_check_too(tmp_path: Path) -> None:
    world = write_world(tmp_path, {"outcomes": ["rwm_expected_disadvantaged"]}, {})
    found = check_sources("all", world)
    assert found.exit_code == 2
    assert "no measure is called `rwm_expected_disadvantaged`" in found.problem


def rewrite(path: Path, keep: Any) -> None:
    """Write a file's columns again, as far as they are kept."""
    rows = list(csv.reader(io.StringIO(path.read_text("utf-8-sig"))))
    at = [j for j, name in enumerate(rows[0]) if keep(name)]
    path.write_text("\n".join(",".join(row[j] for j in at) for row in rows) + "\n", "utf-8")


@pytest.mark.parametrize("share_too", [False, True])
def test_a_groups_size_is_worked_out_from_its_share_or_its_lack_is_said(
    tmp_path: Path, share_too: bool
) -> None:
    outcomes = ["rwm_expected.disadvantaged", "rwm_expected"]
    world = write_world(tmp_path, {"outcomes": outcomes}, {})
    gone = (*GROUP_SIZES, "PTFSM6CLA1A", "PTNotFSM6CLA1A") if share_too else GROUP_SIZES
    for path in (world / "raw").iterdir():
        rewrite(path, lambda name: name not in gone)
    if not share_too:
        check_request("all", world)
        return
    with pytest.raises(DesignError, match=r"says how many pupils `rwm_expected.disadvantaged` is"):
        check_request("all", world)


@pytest.mark.parametrize(
    ("name", "year"),
    [("2016-2017_551_ks2.csv", 2018), ("ks2_201617.csv", 2018), ("16_2016-17.csv", 2016)],
)
def test_a_year_that_a_files_name_contradicts_is_refused(
    tmp_path: Path, name: str, year: int
) -> None:
    world = write_world(tmp_path, {}, {})
    (world / "raw" / f"{year - 1}-{year}_551_ks2final.csv").rename(world / "raw" / name)
    text = (world / "reports" / "all.yml").read_text("utf-8")
    (world / "reports" / "all.yml").write_text(
        text.replace(f"{year - 1}-{year}_551_ks2final.csv", name), "utf-8"
    )
    with pytest.raises(DesignError, match=f"{name} is listed as {year}, but its name says 2017"):
        check_request("all", world)


def test_the_same_bytes_listed_for_two_years_are_refused(tmp_path: Path) -> None:
    world = write_world(tmp_path, {}, {})
    raw = world / "raw"
    (raw / "2016-2017_551_ks2final.csv").write_bytes(
        (raw / "2015-2016_551_ks2final.csv").read_bytes()
    )
    for ask in (check_request, load_study):
        with pytest.raises(DesignError, match="same file, listed for 2016 and 2017"):
            ask("all", world)


# Totals ------------------------------------------------------------------------------------------


def a_city(schools: int = 60, unknown: int = 3) -> list[dict[str, str]]:
    """Schools of one authority with their totals, of which a few do not say their pupils."""
    rng = random.Random(4)
    rows = [
        files.school(900101 + k, n := rng.randrange(20, 90), n // 4, round(n * 0.6))
        for k in range(schools)
    ]
    small = [files.few_pupils(900301 + k) for k in range(unknown)]
    total = files.total([*rows, *small], "3") | {"LEA": "551"}
    hidden = dict.fromkeys(("TELIG", "BELIG", "GELIG", *GROUP_SIZES), "SUPP")
    return [*rows, *({**row, **hidden} for row in small), total]


def totals_of(folder: Path, rows: list[dict[str, str]]) -> pd.DataFrame:
    (folder / "t.csv").write_bytes(files.write_csv(rows))
    one = published.read_published(folder / "t.csv")
    return reconcile_totals([one] if not isinstance(one, list) else one).set_index("measure")


@pytest.mark.parametrize("gone", [1, 5, 25])
def test_schools_that_were_taken_out_are_not_explained_by_those_without_a_number(
    tmp_path: Path, gone: int
) -> None:
    rows = a_city()
    whole = totals_of(tmp_path, rows)
    assert whole.loc["cohort", "verdict"] == EXPLAINED
    cut = totals_of(tmp_path, rows[gone:])
    assert cut.loc["cohort", "verdict"] == DIFFERS
    assert cut.loc["cohort.disadvantaged", "verdict"] == DIFFERS or gone == 1
    assert "have 30 at most" in cut.loc["cohort", "explanation"]


def test_a_long_file_gives_the_years_that_its_rows_are_of(tmp_path: Path) -> None:
    rows = [
        {"time_period": when, "geographic_level": "School", "school_urn": 900101 + k,
         "school_laestab": 5512101 + k, "subject": "Reading, writing and maths",
         "expected_standard_pupil_percent": 50 + k}
        for when in ("201617", "201718") for k in range(12)
    ]  # fmt: skip
    world = write_world(tmp_path, {}, {})
    attainment = pd.DataFrame(rows)
    attainment.to_csv(world / "raw" / "attainment.csv", index=False)
    pupils = attainment.iloc[:, :4].assign(telig=30)
    pupils.to_csv(world / "raw" / "pupils.csv", index=False)
    path = world / "reports" / "all.yml"
    report = yaml.safe_load(path.read_text("utf-8"))
    first = report["sources"][:1]
    both = [{"kind": "ks2", "file": f"raw/{name}.csv"} for name in ("attainment", "pupils")]
    by_year = [{**one, "year": year} for one in both for year in (2017, 2018)]
    for sources in ([*first, *both], [*first, *by_year]):
        path.write_text(yaml.safe_dump(report | {"sources": sources}), "utf-8")
        check_request("all", world)
        values = load_study("all", world).panel.values
        assert values.loc[(900101, 2018), ["rwm_expected", "cohort"]].tolist() == [50, 30]
    path.write_text(
        yaml.safe_dump(report | {"sources": [*first, *by_year, dict(by_year[0])]}), "utf-8"
    )
    with pytest.raises(DesignError, match="attainment.csv are the same file, listed twice"):
        check_request("all", world)


def test_pupils_of_schools_that_are_not_listed_explain_no_percentage(tmp_path: Path) -> None:
    rows = a_city()
    low = [row for row in rows[:-1] if row["TELIG"] != "SUPP"][:20]
    for row in low:
        row["PTRWM_EXP"] = "5%"
    rows[-1] |= {"PTRWM_EXP": files.total([r for r in rows[:-1] if r["TELIG"] != "SUPP"], "3")
                 ["PTRWM_EXP"]}  # fmt: skip
    assert totals_of(tmp_path, rows).loc["rwm_expected", "verdict"] != DIFFERS
    assert totals_of(tmp_path, rows[20:]).loc["rwm_expected", "verdict"] == DIFFERS

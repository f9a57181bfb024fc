"""An empty folder is begun, a report drafted or completed: valid settings, nothing written over."""

import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml

from pepstats.cli import main
from pepstats.errors import DesignError
from pepstats.runs import begin_study, complete_report, draft_report
from pepstats.settings import Report, load_programme, load_report
from pepstats.sources import find_page
from tests import published_files as files

DATA = Path(__file__).resolve().parents[2] / "data"


def write(made: dict[str, bytes], folder: Path) -> None:
    for name, content in made.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


@pytest.mark.parametrize(
    ("year", "phase", "baseline"),
    [(2018, "primary", (2016, 2017)), (2019, "primary", (2017, 2018)),
     (2023, "primary", (2018, 2019)), (2024, "primary", (2019, 2023)),
     (2025, "primary", (2023, 2024)), (2025, "secondary", (2023, 2024)),
     (2022, "secondary", (2018, 2019))],
)  # fmt: skip
def test_what_is_begun_is_valid_and_asks_for_years_that_there_are(
    tmp_path: Path, year: int, phase: str, baseline: tuple[int, ...]
) -> None:
    write(begin_study(tmp_path, 850, year, phase), tmp_path)
    report = load_report(f"autumn-{year}", tmp_path)
    programme = load_programme(report.programmes[0], tmp_path)
    assert (report.authority, report.year, programme.phase) == (850, year, phase)
    assert programme.baseline == baseline and programme.starts == year
    progress = [name for name in programme.outcomes if "progress" in name]
    assert not progress if year >= 2024 and phase == "primary" else programme.outcomes


@pytest.mark.parametrize(("year", "why"), [(2020, "no tests held"), (2022, "not published")])
def test_a_year_without_results_is_refused_before_anything_is_written(
    tmp_path: Path, year: int, why: str
) -> None:
    with pytest.raises(DesignError, match=why):
        begin_study(tmp_path, 850, year)
    assert main(["new", "--data", str(tmp_path), "--authority", "850", "--year", str(year)]) == 2
    assert not list(tmp_path.iterdir())


def test_files_that_lie_there_are_recognised_and_the_others_are_named_with_their_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "raw" / "as sent").mkdir(parents=True)
    (tmp_path / "raw" / "as sent" / "2016-2017_final.csv").write_bytes(files.ks2_bytes())
    (tmp_path / "raw" / "notes.txt").write_text("nothing of ours")
    write(begin_study(tmp_path, 551, 2018), tmp_path)
    lines = {(line.kind, line.year): line for line in load_report("autumn-2018", tmp_path).sources}
    assert lines["ks2", 2018].file == "raw/as sent/2016-2017_final.csv"  # its header says 2018
    assert lines["ks2", 2018].sha256 and lines["ks2", 2017].release == "final"
    assert lines["ks2", 2018].release == "final"  # as its name says; without one it is guarded:
    (tmp_path / "raw" / "as sent" / "2016-2017_final.csv").rename(tmp_path / "raw" / "ours.csv")
    unsaid = begin_study(tmp_path, 551, 2018)["reports/autumn-2018.yml"].decode()
    assert 'release: provisional, file: "raw/ours.csv"' in unsaid and "say how final" in unsaid
    (tmp_path / "raw" / "ours.csv").rename(tmp_path / "raw" / "as sent" / "2016-2017_final.csv")
    assert lines["ks2", 2017].sha256 is None
    assert main(["check", "--data", str(tmp_path)]) == 2
    said = capsys.readouterr().out
    assert "[x] ks2, 2018" in said
    assert "[ ] ks2, 2017" in said and find_page("ks2") in said
    assert ("local_results", 2018) not in lines


def test_what_lies_in_raw_and_is_not_listed_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["new", "--data", str(tmp_path), "--authority", "551", "--year", "2018"]
    assert main(asked) == 0
    (tmp_path / "raw").mkdir()
    shutil.copy(DATA / "invented" / "ks2" / "2016-2017_england_ks2final.csv",
                tmp_path / "raw" / "2016-2017_ours.csv")  # fmt: skip
    (tmp_path / "raw" / "notes.txt").write_text("nothing of ours")
    (tmp_path / "raw" / "README.md").write_text("what lies here")
    capsys.readouterr()
    assert main(["new", "autumn-2018", "--data", str(tmp_path)]) == 0
    told = capsys.readouterr().err
    assert "README.md is not listed" not in told
    assert "raw/notes.txt is not listed: what kind of file it is cannot be told" in told
    assert (
        "raw/2016-2017_ours.csv is not listed: it looks like `ks2` of 2017. To use it, write it for"
        in told
    )


def test_where_results_are_not_published_yet_the_authoritys_own_table_is_laid_out(
    tmp_path: Path,
) -> None:
    made = begin_study(tmp_path, 551, 2025)
    assert made["local/local_results.csv"].startswith(b"urn,year,measure,group,value,cohort")
    assert made["local/national.csv"].startswith(b"year,measure,value,release")


def test_a_report_is_completed_with_its_text_and_a_list_of_all_its_members(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(DATA, tmp_path, dirs_exist_ok=True)
    report = load_report("autumn-2018", tmp_path)
    (tmp_path / "invented/local/statements.csv").unlink()
    (tmp_path / "reports/autumn-2018.md").unlink(missing_ok=True)
    made = complete_report(report, tmp_path)
    assert list(made) == ["reports/autumn-2018.md", "invented/local/statements.csv"]
    write(made, tmp_path)
    asked = pd.read_csv(tmp_path / "invented/local/statements.csv", dtype=str)
    assert asked.groupby("programme")["urn"].nunique().tolist() == [18, 18]
    assert asked["school"].notna().all() and asked["statement"].isna().all()
    assert complete_report(report, tmp_path) == {}
    (tmp_path / "invented/local/statements.csv").unlink()
    (tmp_path / "reports/autumn-2018.md").unlink()
    listed = tmp_path / "programmes" / "closing-the-gap.yml"
    kept = listed.read_text("utf-8")
    listed.write_text(re.sub(r"urn: \d+", "urn: 999999", kept, count=1), "utf-8")
    assert main(["new", "autumn-2018", "--data", str(tmp_path)]) == 0
    told = capsys.readouterr().err
    assert "statements.csv is not written yet, as it lists every member: " in told
    assert "999999 is in no source of this study. Check the number" in told
    listed.write_text(kept, "utf-8")
    assert main(["new", "autumn-2018", "--data", str(tmp_path)]) == 0
    assert main(["new", "autumn-2018", "--data", str(tmp_path)]) == 2
    assert "not written over" in capsys.readouterr().err


def test_a_new_autumns_files_are_drafted_from_the_last_and_are_valid() -> None:
    last = load_report("autumn-2018", DATA)
    made = draft_report("autumn-2019", last, DATA)
    assert list(made) == ["reports/autumn-2019.yml", "reports/autumn-2019.md"]
    settings = made["reports/autumn-2019.yml"].decode()
    found = Report.model_validate({**yaml.safe_load(settings), "slug": "autumn-2019"})
    assert (found.year, found.programmes) == (2019, last.programmes)
    assert "CHANGE" in settings
    assert "Do not type a result" in made["reports/autumn-2019.md"].decode()


def test_a_draft_keeps_words_that_yaml_could_misread() -> None:
    last = load_report("autumn-2018", DATA)
    odd = last.model_copy(update={"title": 'A "quoted": {title} # \u00e9 \U0001f600 yes'})
    made = draft_report("autumn-2019", odd, DATA)
    assert yaml.safe_load(made["reports/autumn-2019.yml"])["title"].startswith(odd.title)
    with pytest.raises(DesignError, match="cannot name a report"):
        draft_report("../x", last, DATA)


@pytest.mark.parametrize(("authority", "year"), [(85, 2025), (999, 2025), (850, 2524), (850, 20)])
def test_a_number_that_is_none_is_refused(tmp_path: Path, authority: int, year: int) -> None:
    with pytest.raises(DesignError, match="--authority" if year == 2025 else "--year"):
        begin_study(tmp_path, authority, year)


@pytest.mark.parametrize(
    "words",
    [["--authority", "850"], ["--year", "2025"], [],
     ["autumn-2025", "--authority", "850", "--year", "2025"]],
)  # fmt: skip
def test_half_a_request_is_one_message(
    tmp_path: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["new", "--data", str(tmp_path), *words]) == 2
    assert "--authority and --year" in capsys.readouterr().err

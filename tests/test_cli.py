"""The command line: exit codes, one message, and nothing imported that is not needed."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pepstats.cli import choose_report, main, say_end
from pepstats.errors import DesignError
from pepstats.settings.report import load_report
from tests.worlds import ROOT


def test_a_wrong_request_is_exit_two(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["run", "autum-2018", "--data", str(ROOT / "data"), "--out", str(tmp_path)]) == 2
    assert "Did you mean `autumn-2018`" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("words", [["run", "--jobs", "0"], ["run", "--jobs", "x"], ["fly"], []])
def test_words_it_does_not_know_are_exit_two(words: list[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(words)
    assert stop.value.code == 2


def test_a_programme_of_another_report_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = ["run", "--programme", "closing", "--data", str(ROOT / "data"), "--out", str(tmp_path)]
    assert main(words) == 2
    assert "Did you mean `closing-the-gap`" in capsys.readouterr().err


def test_the_report_is_the_default_or_the_only_one(tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    with pytest.raises(DesignError, match="has no report"):
        choose_report(tmp_path)
    (tmp_path / "reports" / "one.yml").touch()
    assert choose_report(tmp_path) == "one"
    (tmp_path / "reports" / "two.yml").touch()
    with pytest.raises(DesignError, match="name one: one, two"):
        choose_report(tmp_path)
    (tmp_path / "reports" / "autumn-2018.yml").touch()
    assert choose_report(tmp_path) == "autumn-2018"


def test_it_is_also_python_dash_m() -> None:
    done = subprocess.run([sys.executable, "-m", "pepstats", "--version"], capture_output=True,
                          text=True, check=False, cwd=ROOT)  # fmt: skip
    assert done.returncode == 0 and done.stdout.startswith("pepstats ")


@pytest.mark.parametrize("module", ["pepstats", "pepstats.study", "pepstats.cli", "pepstats.runs"])
def test_importing_brings_in_nothing_that_is_heavy_or_not_yet_needed(module: str) -> None:
    heavy = [
        "matplotlib",
        "seaborn",
        "papermill",
        "scipy",
        "docx",
        "weasyprint",
        "diff_diff",
    ]
    code = f"import sys, {module}; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          cwd=ROOT)  # fmt: skip
    assert done.stdout.strip() == "[]"


def test_the_invented_england_can_be_written_anew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["invent", str(tmp_path / "a"), "--schools", "300", "--seed", "5"]) == 0
    assert main(["invent", str(tmp_path / "b"), "--schools", "300", "--seed", "5"]) == 0
    files = sorted(
        p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*") if p.is_file()
    )
    assert len(files) > 5
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_check_accounts_for_a_report_or_a_file_and_its_exit_code_says_so(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = ROOT / "data" / "invented" / "ks2" / "2016-2017_england_ks2final.csv"
    assert main(["check", str(file)]) in {0, 1}
    assert "rows" in capsys.readouterr().out
    bad = tmp_path / "x.csv"
    bad.write_text("<html></html>", "utf-8")
    assert main(["check", str(bad)]) == 2
    assert "x.csv" in capsys.readouterr().out


def test_a_new_report_is_drafted_and_never_written_over(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for folder in ("reports", "programmes"):
        shutil.copytree(ROOT / "data" / folder, tmp_path / folder)
    assert main(["new", "autumn-2019", "--data", str(tmp_path)]) == 0
    said = capsys.readouterr().out.split()
    assert [Path(p).name for p in said] == ["autumn-2019.yml", "autumn-2019.md"]
    assert load_report("autumn-2019", tmp_path).meeting.date.year == 2019
    assert load_report("autumn-2019", tmp_path).year == 2019
    assert main(["new", "autumn-2026", "--data", str(tmp_path)]) == 0
    last = load_report("autumn-2026", tmp_path)  # drafted from the last one, not the default one
    assert last.year == 2026 and "as revised" not in last.title
    assert main(["new", "autumn-2016", "--data", str(tmp_path)]) == 2
    assert "there is no report of an earlier year" in capsys.readouterr().err
    capsys.readouterr()
    drafted = {Path(p): Path(p).read_bytes() for p in said}
    assert main(["new", "autumn-2019", "--data", str(tmp_path)]) == 2
    assert "no such file" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in drafted} == drafted


def test_a_run_ends_by_saying_what_still_needs_a_person() -> None:
    assert say_end([""]) == "paper ready; nothing is left to do"
    assert say_end(["sign it"]) == "paper ready; 1 thing needs you:\n  sign it"
    many = say_end([f"thing {n}" for n in range(10)]).splitlines()
    assert many[0] == "paper ready; 10 things need you:" and many[1] == "  thing 0"
    assert many[-1] == "  and 4 more, in to-do.txt beside it"

"""Executed copies run again cell by cell under nbval: it runs, and its results are the same.

Lax: only cells tagged `nbval-check-output` are compared, as text; tables and pictures are held to
account by `pepstats verify`, which knows keys and how close is close.
"""

import configparser
import json
import re
import shutil
from pathlib import Path

import pytest

from benchmarks.reexecute import SANITISER, run_nbval
from pepstats.runs.tasks import STEPS
from tests.whole_runs import REPORT, copy_of
from tests.worlds import ROOT

CHECKED = "nbval-check-output"
TRIED = ("03-match-schools--closing-the-gap", "04-estimate-effect--closing-the-gap")
CHANGED = "02-priority-ratings"
OTHER = f"{CHANGED}-with-another-result"


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    return copy_of(finished, tmp_path / "working" / REPORT)


def nbval(run: Path, data: Path, *names: str) -> int:
    copies = [run / "notebooks" / f"{name}.ipynb" for name in names]
    return run_nbval(copies, data=data, run=run, out=run.parents[1])


def test_executed_copies_run_again_with_the_same_results_and_any_other_result_fails(
    run: Path, data: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """In one go: two copies as they are, and one of which a single result is not what is found."""
    before = {path: path.read_bytes() for path in run.rglob("*.csv")}
    assert nbval(run, data, *TRIED, write_other_result(run)) == 1
    said = capfd.readouterr().out
    last = said.splitlines()[-1]
    assert " passed" in last and last.startswith("1 failed") and "warning" not in last, said
    failed = re.findall(r"^FAILED (\S+)\.ipynb::", said, re.MULTILINE)
    assert [Path(name).name for name in failed] == [OTHER], said
    assert re.search(r"^\s+- +.*99$|4    99", said, re.MULTILINE)
    assert {path: path.read_bytes() for path in run.rglob("*.csv")} == before


def write_other_result(run: Path) -> str:
    """Copy an executed notebook beside itself, with one result that it does not find."""
    notebook = json.loads((run / "notebooks" / f"{CHANGED}.ipynb").read_text("utf-8"))
    marked = [c for c in notebook["cells"] if CHECKED in c["metadata"].get("tags", [])]
    shown = marked[0]["outputs"][0]["data"]["text/plain"]
    marked[0]["outputs"][0]["data"]["text/plain"] = [*shown, "\n4    99"]
    (run / "notebooks" / f"{OTHER}.ipynb").write_text(json.dumps(notebook), "utf-8")
    return OTHER


def test_the_exploring_notebook_runs_outside_a_run_and_writes_nothing(
    data: Path, tmp_path: Path
) -> None:
    (tmp_path / "notebooks").mkdir()
    shutil.copy(ROOT / "notebooks" / "00-explore.ipynb", tmp_path / "notebooks")
    assert nbval(tmp_path, data, "00-explore") == 0
    assert [path.name for path in tmp_path.rglob("*.*")] == ["00-explore.ipynb"]


def test_the_sanitiser_is_short_and_takes_no_result_away() -> None:
    rules = configparser.RawConfigParser()
    rules.read_string(SANITISER.read_text("utf-8"))
    assert len(SANITISER.read_text("utf-8").splitlines()) < 10
    results = "outcome  estimate\nrwm_expected  -13.2  906238  2018  (2016, 2017)  revised  0.05"
    for section in rules.sections():
        assert not re.search(rules[section]["regex"], results), section


def test_every_cell_that_shows_a_result_is_tagged_and_no_picture_is(finished: Path) -> None:
    """A picture is held to account by its table, bytes of a drawing are not."""
    for path in sorted((finished / "notebooks").glob("*.ipynb")):
        for cell in json.loads(path.read_text("utf-8"))["cells"]:
            shown = "".join(
                "".join(out["data"].get("text/html", out["data"].get("text/plain", "")))
                for out in cell.get("outputs", []) if "data" in out
            )  # fmt: skip
            result = bool(shown) and "<img" not in shown and not shown.startswith("Shown(")
            assert (CHECKED in cell["metadata"].get("tags", [])) == result, (path.stem, shown[:80])


def test_all_seven_notebooks_have_results_that_are_compared() -> None:
    tagged = {
        path.stem
        for path in (ROOT / "notebooks").glob("*.ipynb")
        for cell in json.loads(path.read_text("utf-8"))["cells"]
        if CHECKED in cell["metadata"].get("tags", [])
    }
    assert tagged == set(STEPS)

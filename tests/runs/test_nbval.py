"""Executed copies run again cell by cell under nbval: it runs, and its headlines are the same.

Lax: only cells tagged `nbval-check-output` are compared, as text; tables and pictures are held to
account by `pepstats verify`, which knows keys and how close is close.
"""

import configparser
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.whole_runs import REPORT, copy_of, replace
from tests.worlds import ROOT

SANITISER = ROOT / "tests" / "nbval.cfg"
CHECKED = "nbval-check-output"
TRIED = ("02-priority-ratings", "03-match-schools--closing-the-gap",
         "04-estimate-effect--closing-the-gap")  # fmt: skip


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    return copy_of(finished, tmp_path / "working" / REPORT)


def nbval(run: Path, data: Path, *names: str) -> subprocess.CompletedProcess[str]:
    copies = [str(run / "notebooks" / f"{name}.ipynb") for name in names]
    given = {"PEPSTATS_DATA": data, "PEPSTATS_RUN": run, "PEPSTATS_OUT": run.parents[1]}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--nbval-lax", "--nbval-sanitize-with",
         str(SANITISER), "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", str(run),
         *copies],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1",
             **{name: str(place) for name, place in given.items()}},
        cwd=run, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip


def test_executed_copies_run_again_with_the_same_headlines(run: Path, data: Path) -> None:
    before = {path: path.read_bytes() for path in run.rglob("*.csv")}
    done = nbval(run, data, *TRIED)
    assert done.returncode == 0, done.stdout
    assert "passed" in done.stdout and "warning" not in done.stdout.splitlines()[-1]
    assert {path: path.read_bytes() for path in run.rglob("*.csv")} == before


def test_the_exploring_notebook_runs_outside_a_run_and_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "notebooks").mkdir()
    shutil.copy(ROOT / "notebooks" / "00-explore.ipynb", tmp_path / "notebooks")
    done = nbval(tmp_path, ROOT / "data", "00-explore")
    assert done.returncode == 0, done.stdout
    assert [path.name for path in tmp_path.rglob("*.*")] == ["00-explore.ipynb"]


def test_a_headline_that_is_not_what_the_notebook_finds_fails(run: Path, data: Path) -> None:
    path = run / "notebooks" / f"{TRIED[0]}.ipynb"
    notebook = json.loads(path.read_text("utf-8"))
    marked = [c for c in notebook["cells"] if CHECKED in c["metadata"].get("tags", [])]
    shown = marked[0]["outputs"][0]["data"]["text/plain"]
    marked[0]["outputs"][0]["data"]["text/plain"] = [*shown, "\n4    99"]
    replace(path, json.dumps(notebook).encode("utf-8"))
    done = nbval(run, data, TRIED[0])
    assert done.returncode == 1 and "99" in done.stdout


def test_the_sanitiser_is_short_and_takes_no_result_away() -> None:
    rules = configparser.RawConfigParser()
    rules.read_string(SANITISER.read_text("utf-8"))
    assert len(SANITISER.read_text("utf-8").splitlines()) < 10
    results = "outcome  estimate\nrwm_expected  -13.2  906238  2018  (2016, 2017)  revised  0.05"
    for section in rules.sections():
        assert not re.search(rules[section]["regex"], results), section


def test_every_notebook_that_finds_something_has_a_headline_that_is_checked() -> None:
    tagged = {
        path.stem
        for path in (ROOT / "notebooks").glob("*.ipynb")
        for cell in json.loads(path.read_text("utf-8"))["cells"]
        if CHECKED in cell["metadata"].get("tags", [])
    }
    assert tagged >= {"01-clean-sources", "02-priority-ratings", "03-match-schools",
                      "04-estimate-effect", "05-check-robustness"}  # fmt: skip

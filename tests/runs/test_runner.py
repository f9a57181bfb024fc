"""A whole run: the paper at the end, the same bytes whatever the jobs, whole or not at all."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from papermill.iorw import papermill_io

from pepstats import paths
from pepstats.cli import main
from pepstats.errors import RunError
from pepstats.runs import files, kernels, manifest, runner
from pepstats.runs.tasks import STEPS, Task, list_tasks
from tests.whole_runs import REPORT, SCHOOLS, copy_of, hashes
from tests.worlds import ROOT


def test_a_run_leaves_what_the_contract_says(finished: Path) -> None:
    for step, each in STEPS.items():
        for folder in ("closing-the-gap", "send-in-mainstream") if each else (".",):
            assert list((finished / step / folder).glob("*")), (step, folder)
            name = f"{step}--{folder}" if each else step
            assert (finished / "notebooks" / f"{name}.ipynb").is_file()
    for name in ("report.html", "report.docx"):
        assert (finished / "07-board-report" / name).stat().st_size > 10_000
    for name in ("effects.csv", "gaps.csv", "placebo.csv", "numbers.json", "gap-rwm_expected.svg"):
        assert (finished / "04-estimate-effect" / "closing-the-gap" / name).is_file()


def test_the_manifest_describes_every_file_and_every_input(finished: Path, data: Path) -> None:
    content = manifest.read_manifest(finished)
    assert set(content.outputs) == set(hashes(finished))
    for name, digest in hashes(finished).items():
        assert content.outputs[name].sha256 == digest
    for one in content.inputs:
        assert one.sha256 == hashlib.sha256((data / one.file).read_bytes()).hexdigest()
    assert content.seeds.keys() == {"closing-the-gap", "send-in-mainstream"}
    panel = content.outputs["01-clean-sources/panel.csv"]
    assert panel.key == ("school", "year") and (panel.rows or 0) > SCHOOLS


def test_every_picture_has_its_table_and_its_words(finished: Path) -> None:
    pictures = list(finished.rglob("*.png"))
    assert len(pictures) > 10
    for picture in pictures:
        assert picture.with_suffix(".svg").is_file() and picture.with_suffix(".csv").is_file()
        assert len((picture.parent / f"{picture.stem}.alt.txt").read_text("utf-8").split()) > 5


def test_executed_copies_carry_their_parameters_and_no_time_or_folder(
    finished: Path, data: Path
) -> None:
    copies = sorted((finished / "notebooks").glob("*.ipynb"))
    assert len(copies) == 11
    for path in copies:
        text = path.read_text("utf-8")
        assert "injected-parameters" in text
        assert str(data) not in text and str(finished.parent) not in text
        assert '"start_time"' not in text
        assert "<Figure" not in text and "Traceback" not in text


def test_a_run_killed_at_any_moment_leaves_nothing_that_looks_complete(
    data: Path, tmp_path: Path
) -> None:
    final = tmp_path / "working" / "autumn-2018"
    for seconds in (0.5, 3.0, 9.0):
        process = subprocess.Popen(
            [sys.executable, "-m", "pepstats", "run", "--data", str(data), "--out", str(tmp_path)],
            cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        time.sleep(seconds)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert not final.exists()
        assert not list(tmp_path.rglob("manifest.json"))


def test_after_a_kill_a_run_completes_and_clears_away_what_was_left(tmp_path: Path) -> None:
    final = tmp_path / "working" / "autumn-2018"
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"],
                          capture_output=True, text=True, check=True).stdout.strip()  # fmt: skip
    left = final.with_name(f".autumn-2018.partial-{dead}")
    moved = final.with_name(f".autumn-2018.old-{dead}")
    for folder in (left, moved):
        (folder / "notebooks").mkdir(parents=True)
    (moved / "manifest.json").write_text("{}", "utf-8")
    files.sweep_partial(final)
    assert not left.exists() and not moved.exists()
    assert (final / "manifest.json").is_file()  # the last whole run is back in its place


BAD = {
    "a missing file": (
        lambda d: (d / "invented" / "ks2" / "2016-2017_england_ks2final.csv").unlink(),
        "2016-2017_england_ks2final.csv",
    ),
    "a file of another kind under a name": (
        lambda d: shutil.copy(
            d / "invented" / "gias" / "links_edubasealldata.csv",
            d / "invented" / "ks2" / "2016-2017_england_ks2final.csv",
        ),
        "2016-2017_england_ks2final.csv",
    ),
    "an unknown key in a report": (
        lambda d: change(d / "reports" / "autumn-2018.yml", yaer=2018), "Did you mean `year`",
    ),
    "an unknown key in a programme": (
        lambda d: change(d / "programmes" / "closing-the-gap.yml", baselin=1),
        "Did you mean `baseline`",
    ),
    "a member that is in no file": (
        lambda d: change(d / "programmes" / "closing-the-gap.yml", members=[{"urn": 999_999}]),
        "999999 is in no source of this study",
    ),
    "a programme with fewer than four schools": (
        lambda d: keep_members(d / "programmes" / "closing-the-gap.yml", 3),
        "at least 4 are needed",
    ),
}  # fmt: skip


def change(path: Path, **changes: object) -> None:
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text("utf-8")), **changes}), "utf-8")


def keep_members(path: Path, number: int) -> None:
    """Keep the first members, and no statement of the others."""
    change(path, members=yaml.safe_load(path.read_text("utf-8"))["members"][:number])
    report = path.parents[1] / "reports" / "autumn-2018.yml"
    listed = yaml.safe_load(report.read_text("utf-8"))["sources"]
    change(report, sources=[line for line in listed if line["kind"] != "statements"])


@pytest.mark.parametrize("what", BAD)
def test_bad_input_gets_one_message_and_writes_over_nothing(
    what: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = Path(shutil.copytree(data, tmp_path / "data"))
    if "another kind" in what or "missing" in what:
        report = study / "reports" / "autumn-2018.yml"
        content = yaml.safe_load(report.read_text("utf-8"))
        change(
            report,
            sources=[{k: v for k, v in s.items() if k != "sha256"} for s in content["sources"]],
        )
    before = tmp_path / "working" / "autumn-2018"
    before.mkdir(parents=True)
    (before / "manifest.json").write_text("the last run", "utf-8")
    break_it, says = BAD[what]
    break_it(study)
    assert main(["run", "--data", str(study), "--out", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    messages = [line for line in said.splitlines() if line.startswith("pepstats:")]
    assert len(messages) == 1 and says in said, said
    assert "Traceback" not in said
    assert hashes(before, but=()).keys() == {"manifest.json"}
    assert (before / "manifest.json").read_text("utf-8") == "the last run"


def test_an_input_that_is_not_the_one_that_was_meant_is_refused(data: Path, tmp_path: Path) -> None:
    study = Path(shutil.copytree(data, tmp_path / "data"))
    file = study / "invented" / "ks2" / "2016-2017_england_ks2final.csv"
    file.write_bytes(file.read_bytes().replace(b"5", b"6", 1))
    with pytest.raises(Exception, match="sha256"):
        runner.check_request("autumn-2018", study)


def test_a_revision_of_a_report_that_was_not_run_here_says_what_to_run_first(
    data: Path, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pretend(task: Task, report: str, making: Path, *_: object) -> None:
        for name in (n for n in hashes(finished) if task.owns(n)):
            (making / name).parent.mkdir(parents=True, exist_ok=True)
            (making / name).write_bytes((finished / name).read_bytes())

    monkeypatch.setattr(runner, "_execute_notebook", pretend)
    said: list[str] = []
    later = f"{REPORT}-revised"
    options = runner.RunOptions(tell=said.append, warm=False)
    runner.run_report(later, data=data, out=tmp_path, options=options)
    assert f"Run `pepstats run {REPORT}` first, then {later} again." in said[-1]
    assert manifest.read_manifest(tmp_path / "working" / later).earlier is None
    copy_of(finished, tmp_path / "working" / REPORT)
    runner.run_report(later, data=data, out=tmp_path, options=options)
    made = manifest.read_manifest(tmp_path / "working" / later)
    assert made.earlier is not None and made.earlier.report == REPORT and made.sealed
    assert "first, then" not in said[-1]


def test_unknown_parameters_are_refused_before_anything_runs(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks"))
    path = folder / "04-estimate-effect.ipynb"
    path.write_text(path.read_text("utf-8").replace("programme: str", "program: str"), "utf-8")
    monkeypatch.setattr(paths, "NOTEBOOKS", folder)
    with pytest.raises(RunError, match="takes the parameters"):
        runner.run_report("autumn-2018", data=data, out=tmp_path / "out")
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]


def test_a_failed_notebook_is_kept_beside_with_its_cell_named(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks"))
    path = folder / "01-clean-sources.ipynb"
    notebook = json.loads(path.read_text("utf-8"))
    notebook["cells"][2]["source"] = ["1 / 0"]
    path.write_text(json.dumps(notebook), "utf-8")
    monkeypatch.setattr(paths, "NOTEBOOKS", folder)
    monkeypatch.setenv("PEPSTATS_OUT", str(tmp_path))
    monkeypatch.setattr(kernels, "CAN_FORK", False)  # one kernel by itself is sooner there
    assert main(["run", "--data", str(data), "--out", str(tmp_path)]) == 3
    said = capsys.readouterr().err
    assert "notebook 01-clean-sources, cell 3, kept in" in said and "ZeroDivisionError" in said
    assert (tmp_path / "working" / "autumn-2018.failed" / "01-clean-sources.failed.ipynb").is_file()
    assert "ZeroDivisionError" in (tmp_path / "working" / "defect.log").read_text("utf-8")
    assert not (tmp_path / "working" / "autumn-2018").exists()


def test_tasks_wait_for_what_they_need_and_the_paper_for_all() -> None:
    tasks = list_tasks(["a", "b"])
    assert len(tasks) == 11 and tasks[-1].step == "07-board-report"
    paper, gap_a = tasks[-1], Task("04-estimate-effect", "a")
    assert all(paper.needs(t) for t in tasks[:-1])
    assert gap_a.needs(Task("03-match-schools", "a"))
    assert not gap_a.needs(Task("03-match-schools", "b"))
    assert not gap_a.needs(Task("02-priority-ratings", ""))


def test_every_library_that_adds_up_in_threads_is_kept_to_one(tmp_path: Path) -> None:
    """The doubly robust check once had other last digits on a machine with more cores."""
    before = dict(os.environ)
    with runner.handed_to_kernels(tmp_path, tmp_path, tmp_path):
        for library in ("OMP", "OPENBLAS", "MKL", "RAYON"):
            assert os.environ[f"{library}_NUM_THREADS"] == "1"
    assert dict(os.environ) == before


def test_notebooks_start_in_the_runs_folder_and_the_process_ends_where_it_stood(
    tmp_path: Path,
) -> None:
    stood = Path.cwd()
    with runner.handed_to_kernels(tmp_path, tmp_path, tmp_path):
        assert Path.cwd() == tmp_path
    assert Path.cwd() == stood


def test_papermill_stands_nowhere_after_a_run_so_that_another_can_follow(tmp_path: Path) -> None:
    """Two notebooks at a time left it in the folder of the first run, which was gone by then."""
    handler = papermill_io.get_handler("local")
    with runner.handed_to_kernels(tmp_path, tmp_path, tmp_path):
        handler.cwd(str(tmp_path))
    assert handler.cwd(None) is None

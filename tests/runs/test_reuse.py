"""Only what changed is run again: known by hash, never by time, and when in doubt it is run."""

import dataclasses
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pepstats import paths
from pepstats.errors import RunError
from pepstats.runs import files, manifest, reuse, runner, tasks
from pepstats.runs.files import sha256_of
from pepstats.settings.report import load_report
from tests.whole_runs import REPORT, copy_of, hashes, invoke, replace
from tests.worlds import ROOT

ALL = [task.name for task in tasks.list_tasks(["closing-the-gap", "send-in-mainstream"])]
CTG = [name for name in ALL if name.endswith("closing-the-gap")]


@pytest.fixture
def out(finished: Path, tmp_path: Path) -> Path:
    """An output folder with a finished run."""
    copy_of(finished, tmp_path / "working" / REPORT)
    return tmp_path


@pytest.fixture
def study(data: Path, tmp_path: Path) -> Path:
    return copy_of(data, tmp_path / "study")


Again = Callable[..., list[str]]


@pytest.fixture
def again(out: Path, study: Path, finished: Path, monkeypatch: pytest.MonkeyPatch) -> Again:
    """Run again, with notebooks that take what they would make from the shelf; say which ran."""
    ran: list[str] = []

    def pretend(task: tasks.Task, report: str, making: Path) -> None:
        ran.append(task.name)
        for name in hashes(finished):
            if task.owns(name):
                (making / name).parent.mkdir(parents=True, exist_ok=True)
                content = (finished / name).read_bytes()
                (making / name).write_bytes(content + spoilt.get(name, b""))
        log = making / "notebooks" / f"{task.name}.read"
        log.write_text("".join(json.dumps([name, ""]) + "\n" for name in read[task.name].read))

    spoilt: dict[str, bytes] = {}
    read = manifest.read_manifest(finished).steps
    monkeypatch.setattr(runner, "_execute_notebook", pretend)

    def once(
        *, makes: dict[str, bytes] | None = None, force: bool = False, **asked: object
    ) -> list[str]:
        ran.clear()
        spoilt.update(makes or {})
        runner.run_report(
            REPORT, data=study, out=out, options=runner.RunOptions(force=force), **asked
        )
        told = manifest.read_manifest(out / "working" / REPORT).steps
        assert {name for name in told if told[name].reused} == set(ALL) - set(ran)
        assert ("as it was" in (out / "working" / REPORT / "run.log").read_text()) == (
            len(ran) < len(ALL)
        )
        return [name for name in ALL if name in ran]

    return once


def test_nothing_changed_nothing_run_and_the_same_bytes(
    finished: Path, data: Path, out: Path
) -> None:
    for path in (out / "working" / REPORT).rglob("*.csv"):
        os.utime(path, (1, 1))
    done = invoke("run", "--data", str(data), "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert "11 of 11 steps are as they were" in done.stderr
    assert hashes(out / "working" / REPORT) == hashes(finished)
    made, before = (manifest.read_manifest(p) for p in (out / "working" / REPORT, finished))
    assert made.sealed and made.outputs == before.outputs and made.inputs == before.inputs
    assert all(step.reused for step in made.steps.values())
    assert not any(step.reused for step in before.steps.values())


def test_a_new_run_clears_what_was_made_by_hand(again: Again, out: Path) -> None:
    lab = files.lab_beside(out / "working" / REPORT)
    (lab / ALL[0]).mkdir(parents=True)
    assert again() == []
    assert not lab.exists()


def test_what_a_step_read_is_known_to_the_last_file(finished: Path) -> None:
    """Its report and programme, the tables of earlier steps, and no other programme's file."""
    steps = manifest.read_manifest(finished).steps
    assert list(steps) == sorted(ALL)
    read = steps["04-estimate-effect--closing-the-gap"].read
    assert {"data:programmes/closing-the-gap.yml",
            "run:01-clean-sources/panel.csv",
            "run:03-match-schools/closing-the-gap/pairs-of-all.csv"} <= read.keys()  # fmt: skip
    assert not [name for name in read if "send-in-mainstream" in name]
    inputs = {f"data:{one.file}" for one in manifest.read_manifest(finished).inputs}
    assert inputs <= steps["01-clean-sources"].read.keys()


def test_one_programmes_settings_run_only_what_depends_on_them(again: Again, study: Path) -> None:
    path = study / "programmes" / "closing-the-gap.yml"
    replace(path, path.read_bytes().replace(b"grant: 200000", b"grant: 250000"))
    holding = ["01-clean-sources", "02-priority-ratings"]  # the members, and the 70 per cent rule
    assert again() == [*holding, *CTG, "07-board-report"]
    assert again() == []


def test_a_table_that_an_earlier_step_makes_anew_runs_only_what_read_it(
    again: Again, study: Path
) -> None:
    path = study / "programmes" / "closing-the-gap.yml"
    replace(path, path.read_bytes().replace(b"grant: 200000", b"grant: 250000"))
    ran = again(makes={"01-clean-sources/statements.csv": b"\n"})
    assert "06-case-studies--send-in-mainstream" in ran
    assert "04-estimate-effect--send-in-mainstream" not in ran


def test_the_projects_own_dashboard_counts_where_it_stands_in(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "project" / "dashboard.yml"
    other.parent.mkdir()
    other.write_text("another", "utf-8")
    report = load_report(REPORT, study)
    monkeypatch.setattr(reuse, "PROPOSED", other)
    first = reuse.describe_settled(report, study)
    other.write_text("yet another", "utf-8")
    then = reuse.describe_settled(report, study)
    (study / "dashboard.yml").write_text("its own", "utf-8")
    own = reuse.describe_settled(report, study)
    other.write_text("a third", "utf-8")
    assert len({first, then, own}) == 3 and own == reuse.describe_settled(report, study)


def test_another_notebook_runs_that_step(
    again: Again, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks"))
    path = folder / "02-priority-ratings.ipynb"
    path.write_text(path.read_text("utf-8") + "\n", "utf-8")
    monkeypatch.setattr(paths, "NOTEBOOKS", folder)
    assert again() == ["02-priority-ratings"]


def test_other_code_or_another_machine_runs_all(
    again: Again, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "hash_code", lambda: "0" * 64)
    assert again() == ALL


def test_all_is_run_when_asked(again: Again) -> None:
    assert again(force=True) == ALL


def test_a_step_that_did_not_say_what_it_read_is_run_again(
    again: Again, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = reuse.Ground.record
    quiet = "02-priority-ratings"
    monkeypatch.setattr(
        reuse.Ground, "record",
        lambda self, task, on: None if task.name == quiet else known(self, task, on),
    )  # fmt: skip
    assert again(force=True) == ALL
    assert again() == [quiet]


@pytest.fixture
def ground(finished: Path, data: Path, tmp_path: Path) -> reuse.Ground:
    """What the steps of a run stand on, its folder and its study behind links."""
    copy_of(finished, tmp_path / "real" / "making")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "study").symlink_to(data)
    report, found = runner.check_request(REPORT, tmp_path / "study")
    return runner.find_ground(tmp_path / "link" / "making", report, found, tmp_path / "study")


def say(ground: reuse.Ground, task: tasks.Task, *read: tuple[str, str]) -> tasks.StepRecord | None:
    """Record a step that says it read these."""
    log = ground.making / "notebooks" / f"{task.name}.read"
    log.write_text("".join(json.dumps(one) + "\n" for one in read))
    return ground.record(task, "0" * 64)


def test_a_study_and_a_run_behind_links_are_known_by_their_names(
    ground: reuse.Ground, finished: Path, data: Path
) -> None:
    panel, programme = "01-clean-sources/panel.csv", "programmes/closing-the-gap.yml"
    task = tasks.list_tasks(["closing-the-gap"])[2]
    noted = say(ground, task, (f"run:{panel}", ""), (f"data:{programme}", ""))
    assert noted is not None and noted.read == {
        f"data:{programme}": sha256_of(data / programme),
        f"run:{panel}": sha256_of(finished / panel),
    }
    assert not list(ground.making.rglob("*.read"))


def test_a_step_that_says_too_little_is_not_believed(ground: reuse.Ground) -> None:
    """The first step rests on every published file, the others on one of an earlier step."""
    first, _, third, *_ = tasks.list_tasks(["closing-the-gap"])
    assert ground.record(third, "0" * 64) is None
    assert say(ground, third) is None
    assert say(ground, third, ("data:programmes/closing-the-gap.yml", "")) is None
    files = [(f"data:{one.file}", one.sha256) for one in ground.sources]
    assert say(ground, first, *files) is not None
    assert say(ground, first, *files[1:]) is None


def test_other_bytes_than_were_there_at_the_start_stop_the_run(ground: reuse.Ground) -> None:
    first = tasks.list_tasks([])[0]
    file = ground.sources[0].file
    with pytest.raises(RunError, match=rf"{file} changed while it ran"):
        say(ground, first, (f"data:{file}", "0" * 64))


def test_another_run_of_the_earlier_report_is_known_by_its_tables(ground: reuse.Ground) -> None:
    task = tasks.list_tasks(["closing-the-gap"])[0]
    files = [(f"data:{one.file}", one.sha256) for one in ground.sources]
    then = say(ground, task, *files, ("earlier:01-clean-sources/panel.csv", ""))
    assert then is not None and ground._as_read(then)
    later = dataclasses.replace(ground, earlier={"01-clean-sources/panel.csv": "1" * 64})
    assert not later._as_read(then)


def test_a_setting_that_is_new_runs_all(again: Again, study: Path) -> None:
    (study / "quality.yml").write_text(
        "sign_off: {analyst: {name: One Person}, assurer: {name: Another}}\n", "utf-8"
    )
    assert again() == ALL


def test_a_run_that_was_edited_is_not_believed(again: Again, out: Path) -> None:
    last = out / "working" / REPORT
    name = "03-match-schools/closing-the-gap/pairs.csv"
    replace(last / name, (last / name).read_bytes().replace(b"1", b"2", 1))
    assert again() == ["03-match-schools--closing-the-gap"]
    content = json.loads((last / manifest.MANIFEST).read_text("utf-8"))
    content["steps"]["02-priority-ratings"]["stands_on"] = "0" * 64
    replace(last / manifest.MANIFEST, json.dumps(content).encode("utf-8"))
    assert again() == ALL


def test_a_file_that_changes_while_a_run_is_under_way_stops_it(
    again: Again, out: Path, study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = hashes(out / "working" / REPORT, but=())

    def meddle(*_: object) -> None:
        replace(study / "programmes" / "closing-the-gap.yml", b"title: other\n")

    monkeypatch.setattr(runner, "_execute_notebook", meddle)
    with pytest.raises(RunError, match=r"programmes/closing-the-gap.yml changed while it ran"):
        runner.run_report(REPORT, data=study, out=out, options=runner.RunOptions(force=True))
    assert hashes(out / "working" / REPORT, but=()) == before

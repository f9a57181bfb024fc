"""Only what changed is run again: known by hash, never by time, and when in doubt it is run."""

import dataclasses
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pepstats import paths
from pepstats.errors import PepstatsError, RunError
from pepstats.runs import files, manifest, reuse, runner, steps, tasks
from pepstats.runs.manifest import EarlierRun
from pepstats.runs.steps import PUBLISHED
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

    def pretend(task: tasks.Task, report: str, making: Path, *_: object) -> None:
        ran.append(task.name)
        for name in hashes(finished):
            if task.owns(name):
                (making / name).parent.mkdir(parents=True, exist_ok=True)
                content = (finished / name).read_bytes()
                (making / name).write_bytes(content + spoilt.get(name, b""))

    spoilt: dict[str, bytes] = {}
    monkeypatch.setattr(runner, "_execute_notebook", pretend)

    def once(
        *, makes: dict[str, bytes] | None = None, force: bool = False, **asked: object
    ) -> list[str]:
        ran.clear()
        spoilt.update(makes or {})
        runner.run_report(
            REPORT, data=study, out=out, options=runner.RunOptions(force=force, warm=False), **asked
        )
        told = manifest.read_manifest(out / "working" / REPORT).steps
        assert {name for name in told if told[name].reused} == set(ALL) - set(ran)
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


def test_one_programmes_settings_run_only_what_depends_on_them(again: Again, study: Path) -> None:
    path = study / "programmes" / "closing-the-gap.yml"
    replace(path, path.read_bytes().replace(b"grant: 200000", b"grant: 250000"))
    assert again() == ["04-estimate-effect--closing-the-gap", "07-board-report"]
    assert again() == []


def test_a_step_before_that_makes_other_bytes_runs_what_comes_after(
    again: Again, study: Path
) -> None:
    path = study / "programmes" / "closing-the-gap.yml"
    replace(path, path.read_bytes().replace(b"grant: 200000", b"grant: 250000"))
    lines = {"04-estimate-effect/closing-the-gap/lines.csv": b"\n"}
    after = ["04-estimate-effect--closing-the-gap", "06-case-studies--closing-the-gap"]
    assert again(makes=lines) == [*after, "07-board-report"]


@pytest.mark.parametrize(
    ("setting", "runs"),
    [
        ("quality.yml", ["07-board-report"]),
        (f"reports/{REPORT}.md", ["07-board-report"]),
        ("partnership/notes.yml", ["02-priority-ratings"]),
        ("months.yml", [name for name in ALL if name.startswith("04-")]),
        ("anything.yml", []),
    ],
)
def test_a_setting_that_is_new_runs_the_steps_that_read_it(
    setting: str, runs: list[str], again: Again, study: Path
) -> None:
    said = {
        "quality.yml": "sign_off: {analyst: {name: One Person}, assurer: {name: Another}}\n",
        "months.yml": (paths.TEMPLATES / "months.yml").read_text("utf-8"),
    }
    (study / setting).parent.mkdir(exist_ok=True)
    (study / setting).write_text(said.get(setting, "# Words\n"), "utf-8")
    assert again() == runs


def test_the_projects_own_dashboard_counts_where_it_stands_in(
    ground: reuse.Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, task = tmp_path / "dashboard.yml", tasks.Task("02-priority-ratings", "")
    monkeypatch.setattr(reuse, "PROPOSED", tmp_path)
    own = dataclasses.replace(ground, settings={**ground.settings, "dashboard.yml": "0" * 64})
    bare = dataclasses.replace(
        ground, settings={n: d for n, d in ground.settings.items() if n != "dashboard.yml"}
    )
    found = []
    for text in ("another", "yet another"):
        other.write_text(text, "utf-8")
        found.append((bare.stands_on(task), own.stands_on(task)))
    (first, its_own), (then, still) = found
    assert first != then and its_own == still


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


@pytest.fixture
def ground(finished: Path, data: Path, tmp_path: Path) -> reuse.Ground:
    """What the steps of a run stand on, its folder and its study behind links."""
    copy_of(finished, tmp_path / "real" / "making")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "study").symlink_to(data)
    report, found = runner.check_request(REPORT, tmp_path / "study")
    making = tmp_path / "link" / "making"
    return runner.find_ground(making, finished, report, found, tmp_path / "study")


def test_other_bytes_than_were_there_at_the_start_stop_the_run(ground: reuse.Ground) -> None:
    file = ground.sources[0].file
    replace(ground.making / PUBLISHED, json.dumps({file: ground.sources[0].sha256}).encode())
    ground.refuse_changes()
    assert not (ground.making / PUBLISHED).exists()
    replace(ground.making / PUBLISHED, json.dumps({file: "0" * 64}).encode())
    with pytest.raises(RunError, match=rf"{file} changed while it ran"):
        ground.refuse_changes()


def test_another_run_of_the_earlier_report_is_known_by_its_tables(ground: reuse.Ground) -> None:
    task = tasks.list_tasks(["closing-the-gap"])[0]
    beside = EarlierRun(report="before", tables={"01-clean-sources/panel.csv": "1" * 64})
    later = dataclasses.replace(ground, earlier=beside)
    assert later.stands_on(task) != ground.stands_on(task)


def test_a_published_file_is_known_by_its_hash_to_the_first_step(ground: reuse.Ground) -> None:
    first, second, *_ = tasks.list_tasks(["closing-the-gap"])
    other = dataclasses.replace(ground.sources[0], sha256="0" * 64)
    later = dataclasses.replace(ground, sources=(other, *ground.sources[1:]))
    assert later.stands_on(first) != ground.stands_on(first)
    assert later.stands_on(second) == ground.stands_on(second)


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
        runner.run_report(
            REPORT, data=study, out=out, options=runner.RunOptions(force=True, warm=False)
        )
    assert hashes(out / "working" / REPORT, but=()) == before


def test_finished_steps_of_a_run_that_came_to_nothing_are_kept(
    again: Again, out: Path, study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes = study / "partnership" / "notes.yml"
    notes.parent.mkdir(exist_ok=True)
    notes.write_text("more: 1\n", "utf-8")
    pretend = runner._execute_notebook

    def fail_at_last(task: tasks.Task, *rest: object) -> None:
        if task.step == tasks.LAST:
            raise RunError("no paper today")
        pretend(task, *rest)

    with monkeypatch.context() as patch, pytest.raises(RunError, match="no paper today"):
        patch.setattr(runner, "_execute_notebook", fail_at_last)
        again(makes={"02-priority-ratings/ratings.csv": b"\n"})
    kept = reuse.kept_beside(out / "working" / REPORT)
    assert again(makes={"02-priority-ratings/ratings.csv": b"\n"}) == ["07-board-report"]
    assert not kept.exists()


def test_what_is_kept_is_not_believed_once_it_was_edited(
    again: Again, out: Path, study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = out / "working" / REPORT
    name = "03-match-schools/closing-the-gap/pairs.csv"
    record = manifest.read_manifest(last).steps["03-match-schools--closing-the-gap"]
    report, found = runner.check_request(REPORT, study)
    copy_of(last, out / "making")
    ground = runner.find_ground(out / "making", last, report, found, study)
    ground.keep({tasks.Task("03-match-schools", "closing-the-gap"): record})
    shutil.rmtree(last)
    place = reuse.kept_beside(last) / name
    whole = place.read_bytes()
    replace(place, whole.replace(b"1", b"2", 1))
    assert "03-match-schools--closing-the-gap" in again()
    shutil.rmtree(last)
    ground.keep({tasks.Task("03-match-schools", "closing-the-gap"): record})
    assert "03-match-schools--closing-the-gap" in again()  # its files went the first time


MISTAKES = {
    f"reports/{REPORT}.md": ("# Paper\n\nResults rose by 7 points.\n", "`7` looks like a result"),
    "quality.yml": ("sign_of: {}\n", "Did you mean `sign_off`"),
    "months.yml": ("tables: []\n", "months.yml"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_in_what_the_last_steps_read_is_told_before_anything_runs(
    name: str, again: Again, study: Path, out: Path
) -> None:
    content, says = MISTAKES[name]
    replace(study / name, content.encode())
    before = hashes(out, but=())
    with pytest.raises(PepstatsError, match=says):
        again(force=True)
    assert hashes(out, but=()) == before


def test_a_mistake_in_a_statement_is_told_before_anything_runs(again: Again, study: Path) -> None:
    path = study / "invented" / "local" / "statements.csv"
    report = study / "reports" / f"{REPORT}.yml"
    replace(report, re.sub(rb",\s+sha256: \w+", b"", report.read_bytes()))
    replace(path, path.read_bytes().replace(b",positive,", b",pleased,", 1))
    with pytest.raises(PepstatsError, match="`pleased` is not a stance"):
        again(force=True)


@pytest.fixture
def opening(
    data: Path, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], steps.Step]:
    monkeypatch.setenv("PEPSTATS_DATA", str(data))
    monkeypatch.setenv("PEPSTATS_OUT", str(finished.parents[1]))
    return lambda name: steps.open_step(name, REPORT, "closing-the-gap")


def test_a_step_cannot_read_a_key_that_it_has_not_declared(
    opening: Callable[[str], steps.Step], monkeypatch: pytest.MonkeyPatch
) -> None:
    step = opening("04-estimate-effect")
    assert step.report.year == 2018 and step.programme is not None and step.programme.cost
    for read in (
        lambda: step.report.title,
        lambda: step.report.meeting,
        lambda: step.programme and step.programme.summary,
        lambda: step.load_programmes()[0].cost,
    ):
        with pytest.raises(RunError, match="has not declared that it reads"):
            read()
    ratings = opening("02-priority-ratings")
    assert ratings.report.meeting.date.year == 2018
    with pytest.raises(RunError, match="`report_by`"):
        _ = ratings.report.meeting.report_by
    less = dataclasses.replace(tasks.READS["04-estimate-effect"], own=("slug", "part_of"))
    monkeypatch.setitem(tasks.READS, "04-estimate-effect", less)
    with pytest.raises(RunError, match="`match`"):
        steps.read_evaluation(dataclasses.replace(opening("05-check-robustness"), programme=(
            opening("04-estimate-effect").programme)))  # fmt: skip


def test_a_step_cannot_read_a_table_that_it_has_not_declared(
    opening: Callable[[str], steps.Step],
) -> None:
    step = opening("05-check-robustness")
    assert len(step.read_table("04-estimate-effect", "effects"))
    with pytest.raises(RunError, match="has not declared that it reads 04-estimate-effect/value"):
        step.read_table("04-estimate-effect", "value")
    with pytest.raises(RunError, match="has not declared that it reads 01-clean-sources/urns"):
        step.read_table("01-clean-sources", "urns")

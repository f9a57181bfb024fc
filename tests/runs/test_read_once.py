"""Read once: in a run a file is opened once per process, a published one parsed once in all.

And a step reads nothing but what it is known to stand on, since it is taken over by that alone.
"""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from pepstats.runs import manifest, tasks
from tests.hooks import sitecustomize

AS_UNDERSTOOD = ("reports/", "programmes/")
"""What every step reads to know its report; how a programme parts in phases is known to all."""


@dataclass(frozen=True)
class Seen:
    """What one process of a run did with a file of the study or of the run."""

    process: int
    event: str
    file: str


@pytest.fixture(scope="module")
def seen(finished: Path, data: Path, opened: Path) -> list[Seen]:
    """Every file that a process opened or parsed, by its name in the study or in the run."""
    found, study, making = [], data.resolve(), f".{finished.name}.partial-"
    for line in opened.read_text("ascii").splitlines():
        process, event, path = json.loads(line)
        place = Path(path)
        if place.is_relative_to(study):
            found.append(Seen(process, event, f"data:{place.relative_to(study).as_posix()}"))
        elif making in path:
            _, _, name = path.partition(making)[2].partition("/")
            found.append(Seen(process, event, f"run:{name}"))
    return found


def list_inputs(run: Path) -> set[str]:
    return {f"data:{one.file}" for one in manifest.read_manifest(run).inputs}


def test_each_file_of_the_study_is_opened_once_per_process(seen: list[Seen]) -> None:
    opened = Counter(one for one in seen if one.event == "open" and one.file.startswith("data:"))
    assert len(opened) > 50
    assert {one: times for one, times in opened.items() if times > 1} == {}


def test_a_published_file_is_opened_by_the_runner_and_the_first_step_alone(
    seen: list[Seen], finished: Path
) -> None:
    inputs = list_inputs(finished)
    opened = Counter(one.file for one in seen if one.event == "open" and one.file in inputs)
    assert opened == dict.fromkeys(inputs, 2)


def test_each_published_file_is_parsed_once_per_run(seen: list[Seen], finished: Path) -> None:
    parsed = Counter(one.file for one in seen if one.event == "parse")
    assert list_inputs(finished) <= parsed.keys()
    own = {
        one.file
        for one in manifest.read_manifest(finished).inputs
        if one.kind in ("local_results", "statements")
    }  # also checked before anything runs
    twice = {name for name, times in parsed.items() if times > 1}
    assert set(parsed.values()) <= {1, 2}
    assert all(any(name.endswith(file) for file in own) for name in twice), twice


def test_a_step_reads_nothing_but_what_it_stands_on(seen: list[Seen], finished: Path) -> None:
    made = manifest.read_manifest(finished)
    for task in tasks.list_tasks(made.programmes):
        own = task.name.replace("--", "/") + "/"
        (process,) = {one.process for one in seen
                      if one.file.startswith(f"run:{own}") and ".partial-" in one.file}  # fmt: skip
        read = {one.file for one in seen if one.process == process and one.event == "open"}
        stands_on = {
            f"data:{name}" for name in made.settings if tasks.among(name, task.reads.files)
        }
        stands_on |= list_inputs(finished) if task.step == tasks.FIRST else set()
        stands_on |= {f"run:{name}" for name in made.outputs if task.reads_file(name)}
        beyond = {
            file for file in read - stands_on
            if not file.startswith((f"run:{own}", "run:notebooks/"))
            and not file.removeprefix("data:").startswith(AS_UNDERSTOOD)
        }  # fmt: skip
        assert not beyond and len(read) > 2, task


def test_the_count_sees_a_second_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[tuple[str, str]] = []
    monkeypatch.setattr(sitecustomize, "_write", lambda event, path: lines.append((event, path)))
    sitecustomize._note("open", (str(tmp_path), "r", 0))
    sitecustomize._note("open", (3, "r", 0))
    sitecustomize._note("os.listdir", (str(tmp_path),))
    assert lines == [("open", str(tmp_path))]

"""Read once: in a run a file is opened once per process, a published one parsed once in all.

And a step says all that it reads, since what it rests on is known by that alone.
"""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from pepstats.runs import manifest
from tests.hooks import sitecustomize
from tests.worlds import ROOT

AS_UNDERSTOOD = ("reports/", "programmes/")
"""What every step reads to know its report; the report as it is understood is known by its hash."""


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
    assert set(parsed.values()) == {1}


def test_a_step_says_all_that_it_reads(seen: list[Seen], finished: Path) -> None:
    """Whatever a notebook's process opened is in what the step said, or in its report."""
    steps = manifest.read_manifest(finished).steps
    for task, record in steps.items():
        (process,) = {one.process for one in seen
                      if one.file == f"run:notebooks/{task}.read" and one.event == "open"} - {
                          runner(seen)}  # fmt: skip
        own = task.replace("--", "/") + "/"
        read = {one.file for one in seen if one.process == process and one.event == "open"}
        unsaid = {
            file for file in read - record.read.keys()
            if not file.startswith((f"run:{own}", "run:notebooks/", "run:manifest.json"))
            and not file.removeprefix("data:").startswith(AS_UNDERSTOOD)
        }  # fmt: skip
        assert not unsaid, task


def test_no_notebook_takes_the_data_folder_past_the_step() -> None:
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        cells = json.loads(path.read_text("utf-8"))["cells"]
        code = "\n".join("".join(one["source"]) for one in cells if one["cell_type"] == "code")
        assert "step.data" not in code and "Path(" not in code, path.name


def runner(seen: list[Seen]) -> int:
    """The process that writes the manifest."""
    return next(one.process for one in seen if "run:manifest.json.partial" in one.file)


def test_the_count_sees_a_second_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[tuple[str, str]] = []
    monkeypatch.setattr(sitecustomize, "_write", lambda event, path: lines.append((event, path)))
    sitecustomize._note("open", (str(tmp_path), "r", 0))
    sitecustomize._note("open", (3, "r", 0))
    sitecustomize._note("os.listdir", (str(tmp_path),))
    assert lines == [("open", str(tmp_path))]

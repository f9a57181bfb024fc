"""What need not be made again: a step whose every source is, byte for byte, what it was.

A step stands on its notebook, our code, the packages, the processor's way of rounding, its
parameters, and every file that it opened: settings, published files and what earlier steps wrote.
All of it is known by hash, never by time. When in doubt, it is run.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
import shutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import Field

from pepstats import arithmetic, paths
from pepstats.autumn import Report
from pepstats.errors import RunError
from pepstats.outputs import Digest, Output
from pepstats.settings import Settings
from pepstats.steps import OPENED, find_wholes, sha256_of
from pepstats.tasks import Task

RUN, DATA = "run:", "data:"  # where a file that was read lies: in the run, or in the study


class StepRecord(Settings):
    """What a step stood on: what was there before it began, and every file that it opened."""

    stands_on: Digest
    read: dict[str, Digest] = Field(default_factory=dict)
    reused: bool = False


@dataclass(frozen=True)
class Last:
    """The last finished run of a report: its folder, what its steps stood on, what it wrote."""

    folder: Path
    steps: Mapping[str, StepRecord] = field(repr=False)
    outputs: Mapping[str, Output] = field(repr=False)


@dataclass(frozen=True)
class Ground:
    """What all steps of a run have in common, and the run before it, if any.

    `making` and `data` are real paths, no links in them, as opened files are written down; `opened`
    is where steps write down what they open; `code` is the hash of what they all run on, `settled`
    that of the report as it is understood from all its files. `known` has each setting and
    published file by its whole path: its name in the study, its hash. `first` are those of the
    published files, which the first step always stands on.
    """

    making: Path
    data: Path
    opened: Path
    code: str
    settled: str
    known: Mapping[Path, tuple[str, str]] = field(repr=False)
    first: tuple[Path, ...] = field(repr=False)
    last: Last | None = None

    def stands_on(self, task: Task, parameters: Mapping[str, str]) -> str:
        """Give the hash of all that is there before a step begins."""
        notebook = paths.NOTEBOOKS / f"{task.step}.ipynb"
        there = sorted(name for name in list_files(self.making) if task.needs_file(name))
        said = [self.code, self.settled, sha256_of(notebook), dict(parameters), there,
                sorted(name for name, _ in self.known.values())]  # fmt: skip
        return _digest(json.dumps(said, sort_keys=True))

    def record(self, task: Task, stands_on: str) -> StepRecord | None:
        """Write down what a step that has run stood on; nothing where that is not known."""
        log = self.opened / f"{task.name}{OPENED}"
        if not log.is_file():
            return None
        opened = [Path(json.loads(line)) for line in log.read_text("utf-8").splitlines()]
        read = self._find_read(task, opened)
        knows_its_sources = task.is_first or any(name.startswith(RUN) for name in read)
        return StepRecord(stands_on=stands_on, read=read) if knows_its_sources else None

    def _find_read(self, task: Task, opened: Iterable[Path]) -> dict[str, str]:
        """Give every file of the study and of earlier steps that a step opened, with its hash."""
        first = self.first if task.is_first else ()
        found = {}
        for path in {*opened, *first}:
            if path in self.known:
                name, digest = self.known[path]
                found[f"{DATA}{name}"] = digest
                continue
            for folder, mark in ((self.making, RUN), (self.data, DATA)):
                if path.is_relative_to(folder) and path.is_file():
                    name = path.relative_to(folder).as_posix()
                    if mark == DATA or not task.owns(name):
                        found[f"{mark}{name}"] = sha256_of(path)
                    break
        return dict(sorted(found.items()))

    def take_over(self, task: Task, parameters: Mapping[str, str]) -> StepRecord | None:
        """Copy a step's files from the last run if it would make the same; else nothing."""
        if self.last is None or task.name not in self.last.steps:
            return None
        then = self.last.steps[task.name]
        if then.stands_on != self.stands_on(task, parameters) or not self._as_read(then):
            return None
        own = {name: one.sha256 for name, one in self.last.outputs.items() if task.owns(name)}
        if not all(self._copy(self.last.folder / name, name, own[name]) for name in own):
            for name in own:
                (self.making / name).unlink(missing_ok=True)
            return None
        return then.model_copy(update={"reused": True})

    def _copy(self, source: Path, name: str, digest: str) -> bool:
        """Copy a file of the last run; say whether it is the one that run wrote."""
        if not source.is_file() or source.is_symlink():
            return False
        place = self.making / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, place)
        return sha256_of(place) == digest

    def refuse_changes(self) -> None:
        """Refuse a run during which a setting or published file became another."""
        changed = [
            name for path, (name, digest) in self.known.items()
            if not path.is_file() or sha256_of(path) != digest
        ]  # fmt: skip
        if changed:
            raise RunError(f"{', '.join(sorted(changed))} changed while it ran. Run again.")

    def _as_read(self, then: StepRecord) -> bool:
        """Say whether every file that a step read is what it was."""
        now = {f"{DATA}{name}": digest for name, digest in self.known.values()}
        for name, digest in then.read.items():
            if name not in now:
                mark, folder = (RUN, self.making) if name.startswith(RUN) else (DATA, self.data)
                path = folder / name.removeprefix(mark)
                now[name] = sha256_of(path) if path.is_file() else ""
            if now[name] != digest:
                return False
        return True


def list_files(run: Path) -> list[str]:
    """List the files of a run that is being made."""
    return [p.relative_to(run).as_posix() for p in run.rglob("*") if p.is_file()]


def describe_code() -> str:
    """Give the hash of our code and of everything it runs on: packages, Python, the processor."""
    folder = Path(__file__).resolve().parent
    ours = {
        path.relative_to(folder).as_posix(): sha256_of(path)
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    packages = {(d.name, d.version) for d in importlib.metadata.distributions()}
    machine = [sys.version, platform.platform(), arithmetic.fingerprint()]
    return _digest(json.dumps([ours, sorted(packages), machine], sort_keys=True))


def describe_settled(report: Report, data: Path) -> str:
    """Give the hash of a report as it is understood: its own settings and how programmes part."""
    return _digest(json.dumps([report.model_dump(mode="json"), find_wholes(report, data)]))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()

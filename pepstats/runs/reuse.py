"""What need not be made again: a step whose every source is, byte for byte, what it was.

A step stands on its notebook, our code, the packages, the processor's way of rounding, its
parameters, and every file that it says it read: settings, published files, what earlier steps wrote
and what the earlier report's run did. All of it is known by hash, never by time. When in doubt, it
is run.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pepstats import paths
from pepstats.errors import RunError
from pepstats.priority import PROPOSED
from pepstats.runs.environment import hash_arithmetic
from pepstats.runs.files import Output, copy_into, sha256_of
from pepstats.runs.steps import DATA, EARLIER, NOTHING, READ, RUN, find_wholes
from pepstats.runs.tasks import FIRST, StepRecord, Task
from pepstats.settings import Report, hash_settings
from pepstats.sources import Source


@dataclass(frozen=True)
class Last:
    """The last finished run of a report: its folder, what its steps stood on, what it wrote."""

    folder: Path
    steps: Mapping[str, StepRecord] = field(repr=False)
    outputs: Mapping[str, Output] = field(repr=False)


@dataclass(frozen=True)
class Ground:
    """What all steps of a run have in common, and the run before it, if any.

    `code` is the hash of what they all run on, `settled` that of the report as it is understood
    from all its files. `settings` has the hash of each by its name in the study; `earlier` that of
    each table of the earlier report's run, where there is one.
    """

    making: Path
    data: Path
    code: str
    settled: str
    settings: Mapping[str, str] = field(repr=False)
    sources: tuple[Source, ...] = field(repr=False)
    earlier: Mapping[str, str] | None = field(default=None, repr=False)
    last: Last | None = None

    @property
    def known(self) -> dict[str, str]:
        """The hash of each setting and published file, by its name in the study."""
        return {**{one.file: one.sha256 for one in self.sources}, **self.settings}

    def stands_on(self, task: Task, parameters: Mapping[str, str]) -> str:
        """Return the hash of all that is there before a step begins."""
        notebook = paths.NOTEBOOKS / f"{task.step}.ipynb"
        files = (p.relative_to(self.making) for p in self.making.rglob("*") if p.is_file())
        there = sorted(name for name in (p.as_posix() for p in files) if task.needs_file(name))
        said = [self.code, self.settled, sha256_of(notebook), dict(parameters), there,
                sorted(self.known)]  # fmt: skip
        return _hash(json.dumps(said, sort_keys=True))

    def record(self, task: Task, stands_on: str) -> StepRecord | None:
        """Write down what a step that has run stood on; nothing where that is not known."""
        log = self.making / "notebooks" / f"{task.name}{READ}"
        if not log.is_file():
            return None
        said = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
        log.unlink()
        read = {name: self._digest(name) for name, _ in sorted(said)}
        if changed := sorted({name for name, seen in said if seen and seen != read[name]}):
            raise RunError(f"{', '.join(changed)} changed while it ran. Run again.")
        needed = {f"{DATA}{one.file}" for one in self.sources} if task.step == FIRST else set()
        knows = needed <= read.keys() if task.step == FIRST else any(RUN in name for name in read)
        return StepRecord(stands_on=stands_on, read=read) if knows else None

    def _digest(self, name: str) -> str:
        """Return the hash of a file that a step said it read, as it is now."""
        where, _, file = name.partition(":")
        known = self.known if f"{where}:" == DATA else self.earlier or {}
        if file in known:
            return known[file]
        path = (self.making if f"{where}:" == RUN else self.data) / file
        return sha256_of(path) if f"{where}:" != EARLIER and path.is_file() else NOTHING

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
        copy_into(source, self.making / name)
        return sha256_of(self.making / name) == digest

    def refuse_changes(self) -> None:
        """Refuse a run during which a setting became another; a published file is read once."""
        changed = [
            name for name, digest in self.settings.items()
            if not (self.data / name).is_file() or hash_settings(self.data / name) != digest
        ]  # fmt: skip
        if changed:
            raise RunError(f"{', '.join(sorted(changed))} changed while it ran. Run again.")

    def _as_read(self, then: StepRecord) -> bool:
        """Whether every file that a step read is what it was."""
        return all(self._digest(name) == digest for name, digest in then.read.items())


def hash_code() -> str:
    """Return the hash of our code and of everything it runs on: packages, Python, the processor."""
    folder = Path(__file__).resolve().parents[1]
    ours = {
        path.relative_to(folder).as_posix(): sha256_of(path)
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    packages = {(d.name, d.version) for d in importlib.metadata.distributions()}
    machine = [sys.version, platform.platform(), hash_arithmetic()]
    return _hash(json.dumps([ours, sorted(packages), machine], sort_keys=True))


def describe_settled(report: Report, data: Path) -> str:
    """Return the hash of a report as it is understood: its own settings and how programmes part.

    And, for a study without a dashboard, the project's own, which then stands in.
    """
    stands_in = "" if (data / PROPOSED.name).is_file() else sha256_of(PROPOSED)
    said = [report.model_dump(mode="json"), find_wholes(report, data), stands_in]
    return _hash(json.dumps(said))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()

"""What need not be made again: a step whose every source is, byte for byte, what it was.

A step stands on its notebook, our code, the packages, the processor's way of rounding, the settings
it may read, all that the steps before it wrote and, of a report that revises another, what the run
of that one did; the first step also on the published files. All of it is known by hash, never by
time. When in doubt, it is run.
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
from pepstats.runs.files import copy_into, sha256_of
from pepstats.runs.manifest import EarlierRun, Manifest, hash_arithmetic
from pepstats.runs.steps import PUBLISHED
from pepstats.runs.tasks import FIRST, LAST, Task
from pepstats.settings import hash_settings
from pepstats.sources import Source


@dataclass(frozen=True)
class Ground:
    """What all steps of a run have in common, and the manifest of the `last` run, in `final`.

    `code` is the hash of what they all run on; `wholes` names for each programme the one it is a
    phase of. `settings` has the hash of each by its name in the study; `earlier` is the earlier
    report's run, where there is one, known by the hash of its tables; `told` the hash of what
    releases told.
    """

    making: Path
    final: Path
    data: Path
    code: str
    wholes: Mapping[str, str]
    settings: Mapping[str, str] = field(repr=False)
    sources: tuple[Source, ...] = field(repr=False)
    earlier: EarlierRun | None = field(default=None, repr=False)
    told: Mapping[str, str] = field(default_factory=dict, repr=False)
    last: Manifest | None = field(default=None, repr=False)

    def stands_on(self, task: Task) -> str:
        """Return the hash of all that a step may read, as it is before the step begins."""
        written = (path for path in self.making.rglob("*") if path.is_file())
        names = {path.relative_to(self.making).as_posix(): path for path in written}
        whole = self.wholes.get(task.programme, "")
        said = [
            self.code,
            dict(self.wholes),
            task.name,
            sha256_of(paths.NOTEBOOKS / f"{task.step}.ipynb"),
            sha256_of(PROPOSED) if "dashboard.yml" not in self.settings else "",
            {name: one for name, one in self.settings.items() if task.may_read(name, whole)},
            {one.file: one.sha256 for one in self.sources if task.step == FIRST},
            {name: sha256_of(path) for name, path in names.items() if task.needs_file(name)},
            self.earlier and self.earlier.tables,
            dict(self.told) if task.step == LAST else {},
        ]
        return _hash(said)

    def take_over(self, task: Task, stands_on: str) -> bool:
        """Copy a step's files from the last run if it would make the same; say whether it did."""
        then = self.last.steps.get(task.name) if self.last else None
        if self.last is None or then is None or then.stands_on != stands_on:
            return False
        own = {name: one.sha256 for name, one in self.last.outputs.items() if task.owns(name)}
        places = {name: self.final / name for name in own}
        whole = all(place.is_file() and not place.is_symlink() and sha256_of(place) == own[name]
                    for name, place in places.items())  # fmt: skip
        for name in own if whole else ():
            copy_into(places[name], self.making / name)
        return whole

    def refuse_changes(self) -> None:
        """Refuse a run during which a setting, or a published file, became another."""
        seen = self.making / PUBLISHED
        read = json.loads(seen.read_text("utf-8")) if seen.is_file() else {}
        seen.unlink(missing_ok=True)
        known = {one.file: one.sha256 for one in self.sources}
        changed = {name for name in read if read[name] != known.get(name)}
        for name, digest in self.settings.items():
            path = self.data / name
            if not path.is_file() or hash_settings(path) != digest:
                changed.add(name)
        if changed:
            raise RunError(f"{', '.join(sorted(changed))} changed while it ran. Run again.")


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
    return _hash([ours, sorted(packages), machine])


def _hash(said: object) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode("utf-8")).hexdigest()

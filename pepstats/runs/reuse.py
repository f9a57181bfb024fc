"""What need not be made again: a step whose every source is, byte for byte, what it was.

A step stands on its notebook, our code, the packages, the processor's way of rounding, and on what
`tasks.READS` declares: keys of the settings, files, tables of earlier steps and of the earlier
report's run. All of it is known by what it says, never by time. When in doubt, it is run.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
import shutil
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pepstats import paths
from pepstats.errors import RunError
from pepstats.priority import PROPOSED
from pepstats.runs.files import Digest, copy_into, sha256_of, write_whole
from pepstats.runs.manifest import EarlierRun, Manifest, hash_arithmetic, manifest_as_text, seal_of
from pepstats.runs.steps import PUBLISHED
from pepstats.runs.tasks import CRITERIA, FIRST, LAST, StepRecord, Task, among
from pepstats.settings import Programme, Report, Settings, hash_settings, keep_keys
from pepstats.sources import Source


class Kept(Settings):
    """What is kept of a run that came to nothing: its finished steps, and each file's hash."""

    steps: dict[str, StepRecord]
    digests: dict[str, Digest]
    seal: Digest


KEPT = "steps.json"


def kept_beside(final: Path) -> Path:
    """Return where the finished steps of a run that came to nothing are kept, beside its place."""
    return final.with_name(f".{final.name}.kept")


def find_kept(final: Path) -> Kept | None:
    """Find what is kept of a run that came to nothing; none where it was changed since."""
    path = kept_beside(final) / KEPT
    try:
        found = Kept.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
    return found if found.seal == seal_of(found.model_dump(mode="json")) else None


@dataclass(frozen=True)
class Ground:
    """What all steps of a run have in common, and the manifest of the `last` run, in `final`.

    `code` is the hash of what they all run on. `settings` has the hash of each file by its name in
    the study; `earlier` is the earlier report's run, where there is one, known by the hash of its
    tables; `told` the hash of what releases told; `times` the seconds that each step took when it
    was last made.
    """

    making: Path
    final: Path
    data: Path
    code: str
    report: Report = field(repr=False)
    programmes: Mapping[str, Programme] = field(repr=False)
    settings: Mapping[str, str] = field(repr=False)
    sources: tuple[Source, ...] = field(repr=False)
    earlier: EarlierRun | None = field(default=None, repr=False)
    told: Mapping[str, str] = field(default_factory=dict, repr=False)
    last: Manifest | None = field(default=None, repr=False)
    kept: Kept | None = field(default=None, repr=False)
    times: Mapping[str, float] = field(default_factory=dict, repr=False)

    def say_left(self, left: Collection[Task]) -> str:
        """Return about how long is left, by what the steps took last; nothing where unknown."""
        if not left or any(task.name not in self.times for task in left):
            return ""
        seconds = sum(self.times[task.name] for task in left)
        return f"   at most about {seconds:.0f} s left"

    def stands_on(self, task: Task) -> str:
        """Return the hash of all that a step reads, as it is before the step begins."""
        written = (path for path in self.making.rglob("*") if path.is_file())
        names = {path.relative_to(self.making).as_posix(): path for path in written}
        own, reads = self.programmes.get(task.programme), task.reads
        tables = self.earlier.tables if self.earlier else {}
        said = [
            self.code,
            task.name,
            sha256_of(paths.NOTEBOOKS / f"{task.step}.ipynb"),
            _values(self.report, reads.report),
            own and _values(own, reads.own),
            {slug: (one.whole, _values(one, reads.others))
             for slug, one in self.programmes.items()},
            self._files_of(task),
            {name: sha256_of(path) for name, path in names.items() if task.reads_file(name)},
            {name: tables[name] for name in tables if among(name, reads.earlier)},
            dict(self.told) if task.step == LAST else {},
        ]  # fmt: skip
        return _hash(said)

    def _files_of(self, task: Task) -> dict[str, str]:
        """Return the hash of each file of the data folder that a step reads, by its name."""
        names = {name for name in self.settings if among(name, task.reads.files)}
        found = {}
        if task.step == FIRST:
            found = {one.file: one.sha256 for one in self.sources}
            names.update(*(one.files[1:] for one in self.programmes.values()))
        if CRITERIA in task.reads.files and not any(fnmatch(name, CRITERIA) for name in names):
            found = {path.name: sha256_of(path) for path in PROPOSED.glob(CRITERIA)}
        return found | {name: self.settings[name] for name in names}

    def take_over(self, task: Task, stands_on: str) -> bool:
        """Copy a step's files from the last run, finished or not, if it would make the same.

        Says whether it did.
        """
        for run, made in ((self.final, self.last), (kept_beside(self.final), self.kept)):
            then = made.steps.get(task.name) if made else None
            if made is None or then is None or then.stands_on != stands_on:
                continue
            own = {name: one for name, one in made.digests.items() if task.owns(name)}
            places = {name: run / name for name in own}
            if own and all(
                place.is_file() and not place.is_symlink() and sha256_of(place) == own[name]
                for name, place in places.items()
            ):
                for name in own:
                    copy_into(places[name], self.making / name)
                return True
        return False

    def keep(self, done: Mapping[Task, StepRecord]) -> None:
        """Keep the finished steps of a run that comes to nothing, for the next to take over."""
        if not done or self._changed():
            return
        place = kept_beside(self.final)
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        files = [path.relative_to(self.making).as_posix()
                 for path in self.making.rglob("*") if path.is_file()]  # fmt: skip
        own = {name for name in files if any(task.owns(name) for task in done)}
        for name in own:
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (self.making / name).replace(place / name)
        content = {
            "steps": {task.name: one.model_dump() for task, one in done.items()},
            "digests": {name: sha256_of(place / name) for name in own},
        }
        write_whole(place / KEPT, manifest_as_text(content))

    def refuse_changes(self) -> None:
        """Refuse a run during which a setting, or a published file, became another."""
        changed = self._changed()
        (self.making / PUBLISHED).unlink(missing_ok=True)
        if changed:
            raise RunError(f"{', '.join(sorted(changed))} changed while it ran. Run again.")

    def _changed(self) -> set[str]:
        """Find the settings and published files that are not what they were at the start."""
        seen = self.making / PUBLISHED
        read = json.loads(seen.read_text("utf-8")) if seen.is_file() else {}
        known = {one.file: one.sha256 for one in self.sources}
        changed = {name for name in read if read[name] != known.get(name)}
        for name, digest in self.settings.items():
            path = self.data / name
            if not path.is_file() or hash_settings(path) != digest:
                changed.add(name)
        return changed


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


def _values(settings: Settings, keys: tuple[str, ...]) -> dict[str, Any]:
    return keep_keys(settings, keys).model_dump(mode="json", warnings=False)


def _hash(said: object) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode("utf-8")).hexdigest()

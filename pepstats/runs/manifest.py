"""What ran, with what, giving what: written last, so that no manifest means no run.

Two machines of one kind with the same packages may still round the last digit differently, since
numpy and its linear algebra choose other instructions on other processors. Where the fingerprints
agree, a number made again should be the same to its last digit; elsewhere to nine.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import AfterValidator, Field, ValidationError

from pepstats import paths
from pepstats.errors import RunError
from pepstats.priority import find_dashboard
from pepstats.runs.files import CHANGES_FILE, LOG, MANIFEST, Count, Digest, Output, sha256_of
from pepstats.runs.tasks import CRITERIA, StepRecord
from pepstats.settings import SLUG, Report, Settings, list_revised, load_programme
from pepstats.sources import Source

SIZES = (3, 17, 40)  # too small to be shared out, so the number of threads does not matter


def hash_arithmetic() -> str:
    """Return 16 hexadecimal digits that depend on how sums, products and solutions round here."""
    rng = np.random.default_rng(20181002)
    digest = hashlib.sha256()
    for size in SIZES:
        table = rng.normal(size=(4 * size, size))
        column = rng.normal(size=4 * size)
        solved = np.linalg.lstsq(table, column, rcond=None)[0]
        for found in (
            table @ solved, table.T @ table, table.sum(axis=0), table.T.sum(axis=0),
            np.exp(column), np.log(np.abs(column)), np.sqrt(np.abs(column)), table.std(axis=0),
            np.linalg.svd(table, compute_uv=False), np.cumsum(column), solved,
        ):  # fmt: skip
            digest.update(np.ascontiguousarray(found, dtype="<f8").tobytes())
    return digest.hexdigest()[:16]


CODE = ("pepstats", "notebooks", "pyproject.toml", "requirements.lock")
"""What of the project decides a result; a study's settings and files have hashes of their own."""


def find_commit() -> str | None:
    """Return the commit that is checked out; nothing where there is no git or no checkout."""
    return ask_git("rev-parse", "HEAD")


def same_code(commit: str | None) -> bool | None:
    """Whether the code is still what it was at a commit; None where that cannot be told."""
    if commit is None or not re.fullmatch(r"[0-9a-f]{7,64}", commit):
        return None
    changed = ask_git("diff", "--name-only", commit, "--", *CODE)
    return None if changed is None else not changed


def describe_machine() -> dict[str, Any]:
    """Return what a run stands on here, by the names that a manifest has for it.

    `packages` are our own version and that of every package the project names as needed.
    """
    lines = importlib.metadata.requires("pepstats") or []
    names = {"pepstats", *(re.split(r"[^\w.-]", line)[0] for line in lines)}
    return {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "arithmetic": hash_arithmetic(),
        "packages": {name: importlib.metadata.version(name) for name in sorted(names)},
    }


def ask_git(*words: str) -> str | None:
    """Ask git of the project's folder; nothing where it cannot answer, or this is no checkout."""
    if not paths.CHECKOUT:
        return None
    try:
        answer = subprocess.run(  # noqa: S603 - fixed words
            ["git", "-C", str(paths.PROJECT), *words],  # noqa: S607 - the user's own git
            capture_output=True, text=True, timeout=20, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


SAME, CLOSE, DIFFERS = "same", "same within its rule", "differs"
UNKNOWN, WHOLE = "not compared", "(whole file)"


@dataclass(frozen=True)
class Finding:
    """What was found in one column, or one part, of one file.

    `rows` is how many rows (or cells, or words) differ, `largest` the largest difference of
    numbers, in the column's own unit.
    """

    file: str
    column: str
    verdict: str
    note: str = ""
    rows: int | None = None
    largest: float | None = None


CHANGED = "changed: not the bytes that the manifest names"
MANIFEST_SAYS = ("report", "programmes", "seeds", "settings", "inputs", "earlier")


def check_written(path: Path, made: Manifest) -> Iterator[Finding]:
    """Hold a run or release to what is written of it: its seal, the record beside it, its files.

    A release lies beside `CHANGES.md`, which has its seal, as it does in the project.
    """
    if not made.sealed:
        yield Finding(MANIFEST, "seal", DIFFERS, "edited after it was written")
    elif (path / MANIFEST).read_bytes() != manifest_as_text(made.as_dict()):
        yield Finding(MANIFEST, WHOLE, DIFFERS, "the same content, not as a run writes it")
    yield from _check_beside(path, made)
    listed = made.digests
    if made.release is not None:
        listed = {name: listed[name] for name in made.release.leaving if name in listed}
        listed |= made.release.files
    there = {file.relative_to(path).as_posix() for file in path.rglob("*")
             if file.is_symlink() or not file.is_dir() or not any(file.iterdir())}  # fmt: skip
    there -= {MANIFEST, LOG} if made.release is None else {MANIFEST}
    for note, names in {
        "missing": listed.keys() - there,
        "extra: not in the manifest": there - listed.keys(),
        CHANGED: {name for name in there & listed.keys()
                  if (path / name).is_symlink() or sha256_of(path / name) != listed[name]},
    }.items():  # fmt: skip
        yield from (Finding(name, WHOLE, DIFFERS, note) for name in sorted(names))


def _check_beside(path: Path, made: Manifest) -> Iterator[Finding]:
    """Hold what is written of times in a run's log, or beside a release, to its manifest."""
    log, record = path / LOG, path.parent / CHANGES_FILE
    if made.release is None:
        if log.is_symlink() or not log.is_file():
            yield Finding(LOG, WHOLE, DIFFERS, "missing")
        elif log.read_bytes() != log_as_text(made.steps):
            yield Finding(LOG, WHOLE, DIFFERS, "not what the manifest says of its steps")
    elif record.is_file():
        sections = record.read_text("utf-8", errors="replace").split("\n## ")
        own = next((one for one in sections if made.seal in one), "")
        if not own:
            yield Finding(MANIFEST, "seal", DIFFERS, f"not in {CHANGES_FILE} beside the release")
        elif not own.startswith(f"{made.report}, {made.release.on}\n") or (
            made.release.why and f"- why: {made.release.why}\n" not in own
        ):
            yield Finding(CHANGES_FILE, "release", DIFFERS, "another day or reason than its own")


def log_as_text(steps: Mapping[str, StepRecord]) -> bytes:
    """Return the log of a run: how long each of its steps took."""
    return "".join(f"{name:<52} {one.took:>9}\n" for name, one in sorted(steps.items())).encode(
        "utf-8"
    )


SCHEMA = 6


def inside(name: str) -> str:
    """Refuse a file name that could lead out of its folder."""
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or "\\" in name or ":" in name or ".." in parts:
        raise ValueError(f"`{name}` is not a file inside the folder")
    return name


Inside = Annotated[str, AfterValidator(inside)]
Slug = Annotated[str, Field(pattern=f"^{SLUG.pattern}$")]


class Code(Settings):
    """Which code ran."""

    commit: str | None
    modified: bool
    lock: Digest | None


class Input(Settings):
    """One file that a run read; of one that is not public a release says no more than its kind."""

    file: str | None
    kind: str
    year: int | None
    release: str | None
    licence: str | None
    page: str | None
    sha256: Digest | None
    bytes: Count | None


INVENTED = {"licence": "invented: anyone may use it for anything", "page": "pepstats invent"}


def describe_input(source: Source, *, invented: bool) -> dict[str, Any]:
    """Describe one file that a run read: what it is, whose to use, and where it was published."""
    told = {"licence": source.licence, "page": source.page}
    return {
        "file": source.file, "kind": source.kind, "year": source.year, "release": source.release,
        "sha256": source.sha256, "bytes": len(source.content), **(INVENTED if invented else told),
    }  # fmt: skip


class EarlierRun(Settings):
    """The run of the earlier report that a run set its results beside: each table by its hash."""

    report: Slug
    tables: dict[Inside, Digest]


class Release(Settings):
    """What became of a run when it was released: the files of the run that left, and the others."""

    on: str
    edition: Literal["public", "exempt"]
    why: str
    leaving: tuple[Inside, ...]
    files: dict[Inside, Digest]
    carried: dict[str, Inside]


class Manifest(Settings):
    """A finished run, described.

    `nonce` is drawn anew for each run, so that the hash of its manifest tells nothing of what is in
    it; a release names that hash as `working`.
    """

    schema_: Literal[6] = Field(alias="schema")
    report: Slug
    programmes: tuple[Slug, ...] = Field(min_length=1)
    seeds: dict[Slug, int]
    code: Code
    python: str
    platform: str
    arithmetic: str
    packages: dict[str, str]
    settings: dict[str, Digest]
    inputs: tuple[Input, ...]
    earlier: EarlierRun | None
    outputs: dict[Inside, Output]
    started: str
    steps: dict[str, StepRecord]
    nonce: str
    working: Digest | None = None
    release: Release | None
    seal: Digest

    @property
    def sealed(self) -> bool:
        """Whether nothing in it was changed after it was written."""
        return self.seal == seal_of(self.as_dict())

    @property
    def digests(self) -> dict[str, str]:
        """The hash of each file that the run wrote, by its name."""
        return {name: one.sha256 for name, one in self.outputs.items()}

    @property
    def came_from(self) -> dict[str, str]:
        """The hash of each setting and published file, by its name in the study, as far as told."""
        files = {one.file: one.sha256 for one in self.inputs if one.file and one.sha256}
        return {**self.settings, **files}

    def as_dict(self) -> dict[str, Any]:
        """Return it as it is written in JSON."""
        return self.model_dump(mode="json", by_alias=True)


def manifest_as_text(content: dict[str, Any]) -> bytes:
    """Return a manifest's bytes, sealed."""
    sealed = {**content, "seal": seal_of(content)}
    text = json.dumps(sealed, indent=1, ensure_ascii=False, sort_keys=True, allow_nan=False)
    return (text + "\n").encode("utf-8")


def seal_of(content: Mapping[str, Any]) -> str:
    """Return the hash of everything in a manifest, or a plan, but its seal."""
    rest = {name: value for name, value in content.items() if name != "seal"}
    text = json.dumps(rest, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def read_manifest(run: Path) -> Manifest:
    """Read a run's manifest, refusing a folder without one or one that is not what we write."""
    path = run / MANIFEST
    if not path.is_file():
        raise RunError(
            f"{path} is not there, so this is not a finished run. Run `pepstats run` first."
        )
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        wrong = "; ".join(
            f"`{'.'.join(map(str, one['loc']))}`: {one['msg'].removeprefix('Value error, ')}"
            for one in error.errors(include_url=False)
        )
        said = f"{path} is not a manifest of schema {SCHEMA}: {wrong}. Run again."
        raise RunError(said) from None


def find_manifest(run: Path) -> Manifest | None:
    """Find the manifest of a folder: none where it was changed since, or there is no run."""
    try:
        made = read_manifest(run)
    except RunError:
        return None
    return made if made.sealed else None


def list_settings(report: Report, data: Path) -> list[str]:
    """List the files of a data folder that tell a report's run what to do: only those there."""
    named, maybe = [], [f"reports/{report.slug}.md"]
    for own in list_revised(report.slug, data):
        named.append(f"reports/{own}.yml")
        maybe += [f"plans/{own}.json", f"quality/{own}.yml"]
    named += [report.template] if report.template else []
    for slug in report.programmes:
        named += load_programme(slug, data).files
    used = find_dashboard(data, report.year).name
    shared = [path.name for path in data.glob("*.yml")
              if path.name == used or not fnmatch(path.name, CRITERIA)]  # fmt: skip
    kept = [f"partnership/{path.name}" for path in (data / "partnership").glob("*.*")]
    there = {name for name in [*maybe, *shared, *kept] if (data / name).is_file()}
    return sorted({*named, *there})


def utc(moment: float) -> str:
    """Return a moment as date and time in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))


def normalise_notebook(path: Path, parameters: dict[str, str]) -> None:
    """Take out of an executed copy what differs from run to run: times, folders, cells' ids."""
    notebook = json.loads(path.read_text("utf-8"))
    notebook["metadata"]["papermill"] = {"parameters": parameters}
    notebook["metadata"].pop("language_info", None)
    for place, cell in enumerate(notebook["cells"]):
        cell["id"] = f"cell-{place}"
        cell["metadata"].pop("papermill", None)
        cell["metadata"].pop("execution", None)
    path.write_text(
        json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n", "utf-8"
    )

"""Run again elsewhere and compare: what is the same, what differs and where, what cannot be told.

A run or a release is checked three times over: its files against its manifest, what it came from
against the manifest's hashes, and every file against the same run made again in a clean place that
holds only what the manifest names.
"""

from __future__ import annotations

import json
import posixpath
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath

import pandas as pd

from pepstats import compare, manifest, whole
from pepstats.compare import DIFFERS, SAME, UNKNOWN, WHOLE, Finding
from pepstats.errors import PepstatsError, RunError
from pepstats.examine import CHANGED, compare_runs, examine, say_differences
from pepstats.manifest import Manifest
from pepstats.run import run_report
from pepstats.steps import sha256_of

STUDY = "study"  # where a release carries what it may of its data folder
OUTSIDE = "inputs"  # and what lay outside it


@dataclass(frozen=True)
class Verified:
    """What a reviewer is told: findings for every file, what is only said, and where it is kept."""

    report: str
    findings: tuple[Finding, ...] = field(repr=False)
    said: tuple[str, ...]
    kept: Path

    @property
    def differs(self) -> bool:
        """Whether anything is not what it should be."""
        return any(one.verdict == DIFFERS for one in self.findings)

    def table(self) -> pd.DataFrame:
        """Give one row per finding: file, column, rows, largest, verdict, note."""
        return compare.tabulate(self.findings)

    def as_json(self) -> str:
        """Give all of it as JSON, the kept folder aside, which is this machine's own."""
        rows = self.table().astype(object)
        content = {
            "report": self.report,
            "verdict": DIFFERS if self.differs else SAME,
            "said": list(self.said),
            "findings": rows.where(rows.notna(), None).to_dict("records"),
        }
        return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)

    def as_text(self) -> str:
        """Give what is not the same as a table, then what is only said, and the sum of it."""
        table = self.table()
        told = table[table["verdict"] != SAME].astype(object)
        lines = [told.where(told.notna(), "").to_string(index=False)] if len(told) else []
        counts = table.groupby("verdict")["file"].nunique()
        files = ", ".join(f"{n} {verdict}" for verdict, n in counts.items())
        verdict = "It differs." if self.differs else "It is the same."
        return "\n".join([*lines, *self.said, f"{verdict} Files: {files}. Kept in {self.kept}"])


def verify(
    path: Path,
    *,
    data: Path,
    out: Path,
    jobs: int = 1,
    tell: Callable[[str], None] = lambda _: None,
) -> Verified:
    """Run what a folder's manifest describes again, compare every file, and keep both.

    What it needs is taken from the folder where the release carries it, else from `data`, always
    by its hash. The run made again and the comparison are kept in `working/<report>.verified`
    under `out`. Raises `RunError` when there is no manifest, or when something needed is nowhere to
    be found.
    """
    path = path.resolve()
    made = manifest.read(path)
    findings = examine(path, made)
    needed, absent, changed = find_needed(path, made, data)
    findings += [Finding(name, WHOLE, DIFFERS, CHANGED) for name in changed]
    if absent:
        raise RunError(
            f"{path} cannot be run again: neither it nor {data} has {', '.join(absent)}. "
            "Name the data folder that has them with --data."
        )
    final = out / "working" / f"{made.report}.verified"
    making = whole.begin(final)
    try:
        used = {**made.settings, **{one.file: one.sha256 for one in made.inputs}}
        differ = [n for n in sorted(used) if _differs(data / n, used[n]) and n not in changed]
        said = tuple(say_differences(made, differ))
        if changed:
            said += ("Not run again: what it came from has changed.",)
        else:
            rerun, problem = _run_again(made, needed, making, jobs, tell)
            if rerun is None and not any(one.verdict == DIFFERS for one in findings):
                raise RunError(f"{path} cannot be run again: {problem}")
            findings += compare_runs(path, made, rerun) if rerun else []
            said += () if rerun else (f"It could not be run again: {problem}",)
        found = Verified(made.report, tuple(_in_order(findings)), said, final)
        _keep(making, found)
    except BaseException:
        whole.give_up(making)
        raise
    whole.take_place(making, final)
    return found


def find_needed(
    path: Path, made: Manifest, data: Path
) -> tuple[dict[str, Path], list[str], list[str]]:
    """Find every setting and input by its hash: those found, those nowhere, those changed."""
    wanted = {**made.settings, **{one.file: one.sha256 for one in made.inputs}}
    carried = made.release.carried if made.release is not None else {}
    found: dict[str, Path] = {}
    absent: list[str] = []
    changed: list[str] = []
    for name, digest in wanted.items():
        places = [path / carried[name]] if name in carried else []
        there = [place for place in [*places, data / name] if place.is_file()]
        right = [place for place in there if sha256_of(place) == digest]
        if right:
            found[name] = right[0]
        else:
            (changed if there else absent).append(name)
    return found, sorted(absent), sorted(changed)


def _differs(path: Path, digest: str) -> bool:
    return path.is_file() and sha256_of(path) != digest


def place_of(name: str) -> str | None:
    """Give a data file's plain place, `..` only at its front; None where it is a whole path."""
    if PurePosixPath(name).is_absolute() or PureWindowsPath(name).is_absolute():
        return None
    return posixpath.normpath(name.replace("\\", "/"))


def lay_out(needed: Mapping[str, Path], place: Path) -> Path:
    """Copy just what a run needs to a clean place, laid out as its data folder was."""
    plain = {name: place_of(name) for name in needed}
    up = max((PurePosixPath(p).parts.count("..") for p in plain.values() if p), default=0)
    data = place.joinpath(*["data"] * (up + 1))
    data.mkdir(parents=True)
    for name, source in needed.items():
        where = plain[name]
        if where is not None:
            target = data / where
            (data / name).parent.mkdir(parents=True, exist_ok=True)  # also what `..` goes through
            shutil.copyfile(source, target)
    return data


def _run_again(
    made: Manifest, needed: Mapping[str, Path], making: Path, jobs: int, tell: Callable[[str], None]
) -> tuple[Path | None, str]:
    """Run in a clean place with the manifest's parameters; the run's folder, or what hindered."""
    place = making / "place"
    data = lay_out(needed, place)
    try:
        run_report(
            made.report, data=data, out=place / "out", programmes=made.programmes, jobs=jobs,
            force=True, tell=tell,
        )  # fmt: skip
    except PepstatsError as error:
        shutil.rmtree(place)
        return None, str(error).replace(str(data), "the data folder")
    again = making / "again"
    (place / "out" / "working" / made.report).rename(again)
    shutil.rmtree(place)
    return again, ""


def _in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Put what differs first, then what cannot be told, each thing once."""
    rank = {DIFFERS: 0, UNKNOWN: 1, compare.CLOSE: 2, SAME: 3}
    return sorted(
        dict.fromkeys(findings), key=lambda one: (rank[one.verdict], one.file, one.column)
    )


def _keep(making: Path, found: Verified) -> None:
    """Keep the comparison beside the run made again."""
    found.table().to_csv(making / "comparison.csv", index=False, lineterminator="\n")
    (making / "comparison.json").write_text(found.as_json() + "\n", "utf-8")

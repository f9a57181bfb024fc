"""Run again elsewhere and compare: what is the same, what differs and where, what cannot be told.

A run or a release is checked three times over: its files against its manifest, what it came from
against the manifest's hashes, and every file against the same run made again in a clean place that
holds only what the manifest names.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from textwrap import wrap
from typing import Any

import pandas as pd

from pepstats import paths
from pepstats.errors import PepstatsError, RunError
from pepstats.formatting import count_words
from pepstats.runs.compare import compare_entries, compare_file
from pepstats.runs.disclosed import copy_disclosed
from pepstats.runs.files import MANIFEST, as_csv, copy_into, fill_folder, place_of, sha256_of
from pepstats.runs.manifest import (
    CHANGED,
    CLOSE,
    DIFFERS,
    MANIFEST_SAYS,
    SAME,
    UNKNOWN,
    WHOLE,
    Finding,
    Manifest,
    Release,
    check_written,
    describe_machine,
    list_settings,
    manifest_as_text,
    read_manifest,
    same_code,
)
from pepstats.runs.release import README, describe_release, lay_out_release, list_leaving
from pepstats.runs.revision import Earlier, open_earlier
from pepstats.runs.runner import RunOptions, run_report
from pepstats.settings import load_report

ABSENT = "named by the manifest, and nowhere to be found"
WIDE = 100  # columns of what is printed
MOST_SHOWN = 40  # findings printed; the rest are in the comparison that is kept


def compare_runs(path: Path, made: Manifest, again: Path) -> list[Finding]:
    """Compare every file of a run or release with the one made again, and the two manifests.

    Nothing that either says of itself loosens a rule.
    """
    remade = read_manifest(again)
    found = compare_manifests(made, remade)
    files = made.outputs.keys() | remade.outputs.keys()
    if made.release is not None:
        files |= made.release.files.keys() | (remade.release.files.keys() if remade.release else ())
    for name in sorted(files):
        ours, theirs = path / name, again / name
        if not theirs.is_file():
            found.append(Finding(name, WHOLE, DIFFERS, "not made when run again"))
        elif not ours.is_file():
            found.append(Finding(name, WHOLE, DIFFERS, "missing"))
        else:
            about = remade.outputs.get(name)
            found += compare_file(name, ours.read_bytes(), theirs.read_bytes(), about)
    return found


def compare_manifests(made: Manifest, remade: Manifest) -> list[Finding]:
    """Compare what two manifests say was run and what came of it; times are each run's own."""
    compared = ("rows", "key", "columns", "numbers")
    said = []
    for one in (made, remade):
        content = one.as_dict()
        inputs = {str(n): each for n, each in enumerate(content["inputs"])}
        outputs = {name: {key: content["outputs"][name][key] for key in compared}
                   for name in sorted(made.outputs.keys() & remade.outputs.keys())}  # fmt: skip
        kept = {key: content[key] for key in MANIFEST_SAYS} | {"steps": sorted(content["steps"])}
        said.append(json.dumps({**kept, "inputs": inputs, "outputs": outputs}).encode("utf-8"))
    return compare_entries(MANIFEST, said[0], said[1])


def say_differences(made: Manifest) -> Iterator[str]:
    """Say on what machine it was made and is checked, and what differs that is no fault.

    No comparison rests on any of it.
    """
    then, here = made.model_dump(include={"packages", *_MACHINE}), describe_machine()
    yield f"Made on {_say_machine(then)}."
    yield f"Checked on {'a machine just like that' if then == here else _say_machine(here)}."
    same = same_code(made.code.commit)
    if made.code.modified:
        yield "It was made from a modified checkout."
    if same is None:
        yield f"The code cannot be compared: commit {made.code.commit} is not known here."
    elif not same:
        yield f"The code here is not that of commit {made.code.commit}."
    packages = then["packages"], here["packages"]
    for name in sorted(set().union(*packages)):
        before, now = (one.get(name, "none") for one in packages)
        if before != now:
            yield f"It was made with {name} {before}, checked with {now}."
    if made.release is not None and made.release.edition == "public":
        yield "It is a public release: what stayed behind is not in it, and was not compared."


_MACHINE = ("python", "platform", "arithmetic")


def _say_machine(told: Mapping[str, Any]) -> str:
    return f"{told['platform']}, Python {told['python']}, rounding {told['arithmetic']}"


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
        """Return one row per finding: file, column, rows, largest, verdict, note."""
        columns = ["file", "column", "rows", "largest", "verdict", "note"]
        table = pd.DataFrame([asdict(one) for one in self.findings], columns=columns)
        return table.astype({"rows": "Int64", "largest": "float64"})

    def as_json(self) -> str:
        """Return all of it as JSON, the kept folder aside, which is this machine's own."""
        content = {
            "report": self.report,
            "verdict": DIFFERS if self.differs else SAME,
            "said": list(self.said),
            "findings": [asdict(one) for one in self.findings],
        }
        return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)

    def as_text(self) -> str:
        """Return what is not the same, what is only said, and in one line the sum of it."""
        told = [one for one in self.findings if one.verdict != SAME]
        lines = [line for one in told[:MOST_SHOWN] for line in _say_finding(one)]
        if len(told) > MOST_SHOWN:
            lines.append(f"... and {len(told) - MOST_SHOWN:,} more, in comparison.csv.")
        lines += [line for said in self.said for line in wrap(said, WIDE)]
        lines.append(f"All of it is in {self.kept}")
        worst: dict[str, str] = {}  # findings come worst first
        for one in self.findings:
            worst.setdefault(one.file, one.verdict)
        counts = Counter(worst.values())
        files = ", ".join(f"{counts[v]:,} {_OF_FILES[v]}" for v in _RANK if counts[v])
        return "\n".join([*lines, f"It {'differs' if self.differs else 'is the same'}: {files}."])


_RANK = (DIFFERS, UNKNOWN, CLOSE, SAME)
_OF_FILES = {DIFFERS: "not the same", UNKNOWN: UNKNOWN, CLOSE: CLOSE, SAME: "the same"}


def _say_finding(one: Finding) -> Iterator[str]:
    """Write one finding: the file and the place in it, how much of it, and what was found."""
    rows = "" if one.rows is None else f", {count_words(one.rows, 'place')}"
    by = "" if one.largest is None else f", by up to {one.largest:.2g}"
    place = "" if one.column == WHOLE else f", {one.column}"
    yield from wrap(f"{one.file}{place}: {one.verdict}{rows}{by}", WIDE, subsequent_indent="  ")
    yield from wrap(one.note, WIDE, initial_indent="  ", subsequent_indent="  ")


def verify_run(
    path: str | Path, data: str | Path | None = None, out: str | Path | None = None, jobs: int = 1,
    tell: Callable[[str], None] = lambda _: None, again: str | Path | None = None,
) -> Verified:  # fmt: skip
    """Run what a finished run or a release describes again, and compare every file.

    What it needs is taken from the folder where the release carries it, else from `data`, always
    by its hash. The run made again and the comparison are kept in `working/<report>.verified`.

    Parameters
    ----------
    path : str or Path
        The folder of the run or of the release.
    data, out : str or Path, optional
        The data folder and where to write; the project's own where none is given.
    jobs : int
        How many notebooks run at a time.
    tell : callable
        Is told what is being done, a line at a time.
    again : str or Path, optional
        A run already made again, as an earlier `verify` keeps it in `working/<report>.verified`:
        it is compared with that, and nothing is run.

    Returns
    -------
    Verified
        `differs`, and as text or JSON what does.

    Raises
    ------
    RunError
        Where there is no manifest, or something needed is nowhere to be found.

    Examples
    --------
    >>> pepstats.verify("outputs/working/autumn-2018").differs  # doctest: +SKIP
    """
    path, data, out = Path(path).resolve(), paths.data_folder(data), paths.output_folder(out)
    made, stood = read_manifest(path), sha256_of(path / MANIFEST)
    findings = list(check_written(path, made))
    needed, absent, changed = find_needed(path, made, data)
    if absent and not findings:
        raise RunError(
            f"{path} cannot be run again: neither it nor {data} has {', '.join(absent)}. "
            "Name the data folder that has them with --data."
        )
    findings += [Finding(name, WHOLE, DIFFERS, ABSENT) for name in absent]
    earlier = find_beside(path, made, out)
    if made.earlier is not None and earlier is None:
        changed.append(f"the run of {made.earlier.report}")
    findings += [Finding(name, WHOLE, DIFFERS, CHANGED) for name in changed]
    said = [*say_differences(made)]
    if again is not None:
        findings += compare_runs(path, made, Path(again).resolve())
        said.append(f"Compared with the run in {again}, which was made again before.")
        return _in_order(made, findings, said, Path(again))
    with fill_folder(out / "working" / f"{made.report}.verified") as making:
        if changed or absent:
            said.append("Not run again: what it came from has changed.")
        else:
            try:
                remade = _run_again(made, needed, earlier, making, out,
                                    RunOptions(jobs, True, tell))  # fmt: skip
                findings += compare_runs(path, made, remade)
            except PepstatsError as error:
                if not any(one.verdict == DIFFERS for one in findings):
                    raise RunError(f"{path} cannot be run again: {error}") from None
                said.append(f"It could not be run again: {error}")
        if not (path / MANIFEST).is_file() or sha256_of(path / MANIFEST) != stood:
            raise RunError(f"{path} became another run meanwhile. Verify it again.")
        found = _in_order(made, findings, said, out / "working" / f"{made.report}.verified")
        (making / "comparison.csv").write_bytes(as_csv(found.table()))
    return found


def _in_order(
    made: Manifest, findings: Iterable[Finding], said: Iterable[str], kept: Path
) -> Verified:
    """Put findings in order, the worst first, each once."""
    ordered = sorted(
        dict.fromkeys(findings), key=lambda one: (_RANK.index(one.verdict), one.file, one.column)
    )
    return Verified(made.report, tuple(ordered), tuple(said), kept)


def find_needed(
    path: Path, made: Manifest, data: Path
) -> tuple[dict[str, Path], list[str], list[str]]:
    """Find every setting and input by its hash: those found, those nowhere, those changed.

    What a public release does not name is taken from the data folder as its report lists it.
    """
    carried = made.release.carried if made.release is not None else {}
    found: dict[str, Path] = {}
    absent: list[str] = []
    changed: list[str] = []
    for name, digest in made.came_from.items():
        places = [path / carried[name]] if name in carried else []
        there = [place for place in [*places, data / name] if place.is_file()]
        right = [place for place in there if sha256_of(place) == digest]
        if right:
            found[name] = right[0]
        else:
            (changed if there else absent).append(name)
    if made.release is not None and made.release.edition == "public":
        report = f"reports/{made.report}.yml"
        if (data / report).is_file():
            listed = load_report(made.report, data)
            names = [*list_settings(listed, data), *(line.file for line in listed.sources)]
            found |= {name: data / name for name in names
                      if name not in made.came_from and (data / name).is_file()}  # fmt: skip
        elif report not in {*found, *changed}:
            absent.append(report)
    return found, sorted(absent), sorted(changed)


def find_beside(path: Path, made: Manifest, out: Path) -> Earlier | None:
    """Find the earlier report's run that a run was set beside, by the hashes of its tables.

    It lies beside the folder or under `out`; None where all that is there is
    another. Raises `RunError` where there is none at all.
    """
    if made.earlier is None:
        return None
    slug = made.earlier.report
    places = (path.parent, path.parents[1] / "working", out / "working", out / "released")
    there = [one for place in places if (one := open_earlier(place / slug, slug))]
    if not there:
        raise RunError(
            f"{path} cannot be run again: there is no run of {slug}, which it was set beside, "
            f"in {out}. Run `pepstats run {slug}` first, or name where it is with --out."
        )
    if made.release is not None and made.release.edition == "public":
        return there[0]  # it names no hash of that run, whose results are not public
    return next((one for one in there if one.tables == made.earlier.tables), None)


def lay_out_copy(needed: Mapping[str, Path], place: Path) -> Path:
    """Copy just what a run needs to a clean place, laid out as its data folder was."""
    plain = {name: place_of(name) for name in needed}
    up = max((PurePosixPath(p).parts.count("..") for p in plain.values() if p), default=0)
    data = place.joinpath(*["data"] * (up + 1))
    data.mkdir(parents=True)
    for name, source in needed.items():
        if (where := plain[name]) is not None:
            (data / name).parent.mkdir(parents=True, exist_ok=True)  # also what `..` goes through
            copy_into(source, data / where)
    return data


def _run_again(
    made: Manifest, needed: Mapping[str, Path], earlier: Earlier | None, making: Path, out: Path,
    options: RunOptions,
) -> Path:  # fmt: skip
    """Run in a clean place, heeding what had been told then, and give the run's folder.

    Of a release the folder of the same release, laid out again from that run.
    """
    place, again = making / "place", making / "again"
    data = lay_out_copy(needed, place)
    working = place / "out" / "working"
    if earlier is not None:
        for name in (MANIFEST, *earlier.tables):
            copy_into(earlier.folder / name, working / earlier.report / name)
    copy_disclosed(out, place / "out", lambda release: release.split()[-1] < made.started)
    try:
        run_report(made.report, data=data, out=place / "out", programmes=made.programmes,
                   options=options)  # fmt: skip
        if made.release is None:
            (working / made.report).rename(again)
        else:
            again.mkdir()
            _release_again(made, made.release, working / made.report, data, again)
    except PepstatsError as error:
        raise RunError(str(error).replace(str(data), "the data folder")) from None
    finally:
        shutil.rmtree(place)
    return again


def _release_again(made: Manifest, then: Release, run: Path, data: Path, again: Path) -> None:
    """Lay a release out again from a run; when and why it was released is its own to say."""
    remade, report = read_manifest(run), load_report(made.report, data)
    told = remade.model_copy(update={"code": made.code})
    carried = lay_out_release(run, told, report, data, again)
    release = Release(
        on=then.on, edition=report.edition, why=then.why, carried=carried,
        leaving=tuple(list_leaving(remade, report)),
        files={name: sha256_of(again / name) for name in [README, *carried.values()]},
    )  # fmt: skip
    content = describe_release(remade, release, run)
    (again / MANIFEST).write_bytes(manifest_as_text(content))

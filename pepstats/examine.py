"""A run or release held to its manifest, and to the same run made again.

What differs is a finding; what may differ without anyone's fault, code, versions, machine, is said.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from pepstats import arithmetic, changes, checkout, compare, manifest
from pepstats.compare import DIFFERS, SAME, UNKNOWN, WHOLE, Finding, TableRule
from pepstats.manifest import Manifest
from pepstats.outputs import LOG
from pepstats.steps import sha256_of

CHANGED = "changed: not the bytes that the manifest names"
MANIFEST_SAYS = ("report", "programmes", "seeds", "settings", "inputs", "earlier", "rules")
TOLD = ("python", "platform", "arithmetic", "packages")


def examine(path: Path, made: Manifest) -> list[Finding]:
    """Hold a run or release to what is written of it: its seal, the record beside it, its files."""
    return [*check_seal(made), *check_record(path, made), *check_files(path, made)]


def check_record(path: Path, made: Manifest) -> Iterator[Finding]:
    """Hold a release's seal to `CHANGES.md`, where it lies beside it as it does in the project."""
    record = path.parent / changes.NAME
    if made.release is not None and record.is_file() and made.seal not in record.read_text("utf-8"):
        yield Finding(manifest.NAME, "seal", DIFFERS, f"not in {changes.NAME} beside the release")


def check_seal(made: Manifest) -> Iterator[Finding]:
    """Say whether the manifest was edited after it was written."""
    if not made.sealed:
        yield Finding(manifest.NAME, "seal", DIFFERS, "edited after it was written")


def check_files(path: Path, made: Manifest) -> Iterator[Finding]:
    """Hold every file there to the manifest: missing, extra, or not the bytes it names."""
    listed = {name: one.sha256 for name, one in made.outputs.items()}
    withheld: Mapping[str, str] = {}
    if made.release is not None:
        listed |= made.release.files
        withheld = made.release.withheld
    there = {
        file.relative_to(path).as_posix() for file in sorted(path.rglob("*")) if not file.is_dir()
    } - {manifest.NAME, LOG}
    for name in sorted(listed.keys() - there - withheld.keys()):
        yield Finding(name, WHOLE, DIFFERS, "missing")
    for name in sorted(there - listed.keys()):
        yield Finding(name, WHOLE, DIFFERS, "extra: not in the manifest")
    for name in sorted(there & withheld.keys()):
        yield Finding(name, WHOLE, DIFFERS, "there, though it was withheld")
    for name in sorted((there & listed.keys()) - withheld.keys()):
        if (path / name).is_symlink() or sha256_of(path / name) != listed[name]:
            yield Finding(name, WHOLE, DIFFERS, CHANGED)


def compare_runs(path: Path, made: Manifest, again: Path) -> list[Finding]:
    """Compare every file of a run or release with the run made again, and the two manifests."""
    remade = manifest.read(again)
    alike, exact = is_alike(made, remade), is_exact(made, remade)
    found = list(compare_manifests(made, remade, exact=exact))
    withheld = made.release.withheld if made.release is not None else {}
    for name in sorted(made.outputs.keys() | remade.outputs.keys()):
        if name not in remade.outputs:
            found.append(Finding(name, WHOLE, DIFFERS, "not made when run again"))
        elif name not in made.outputs:
            found.append(Finding(name, WHOLE, DIFFERS, "made when run again, not in the manifest"))
        elif name in withheld:
            found.append(_compare_withheld(name, made, remade, alike))
        elif (path / name).is_file():
            about, number = remade.outputs[name], remade.rules["number"]
            rule = TableRule(about.key, about.numbers, number.relative, number.floor)
            contents = (path / name).read_bytes(), (again / name).read_bytes()
            found += compare.compare_file(name, *contents, rule, alike=alike)
        else:
            found.append(Finding(name, WHOLE, DIFFERS, "missing"))
    return [_to_the_last_digit(one) for one in found] if exact else found


def _to_the_last_digit(found: Finding) -> Finding:
    """Take the leeway away where nothing could have moved even a last digit."""
    if found.verdict != compare.CLOSE:
        return found
    note = "in its last digits, though code, versions and arithmetic are the same"
    return replace(found, verdict=DIFFERS, note=f"{found.note} {note}".strip())


def _compare_withheld(name: str, made: Manifest, remade: Manifest, alike: bool) -> Finding:
    if made.outputs[name].sha256 == remade.outputs[name].sha256:
        return Finding(name, WHOLE, SAME, "withheld; by its hash")
    if alike:
        return Finding(name, WHOLE, DIFFERS, "withheld; by its hash")
    note = "withheld; made elsewhere its bytes may be other"
    return Finding(name, WHOLE, UNKNOWN, note)


def is_alike(made: Manifest, remade: Manifest) -> bool:
    """Whether both were made with the same versions on machines that round alike."""
    return all(getattr(made, key) == getattr(remade, key) for key in TOLD)


def is_exact(made: Manifest, remade: Manifest) -> bool:
    """Whether even the last digits must agree: machines alike, and the same code."""
    same = made.code.commit == remade.code.commit or checkout.same_code(made.code.commit)
    clean = not (made.code.modified or remade.code.modified)
    return is_alike(made, remade) and clean and bool(same)


def compare_manifests(made: Manifest, remade: Manifest, *, exact: bool) -> Iterator[Finding]:
    """Compare what two manifests say was run and what came of it; times are each run's own."""
    ours, theirs = made.as_dict(), remade.as_dict()
    for content in (ours, theirs):
        content["inputs"] = {one["file"]: one for one in content["inputs"]}
    compared = ("rows", "key", "columns", "numbers", *(("sha256",) if exact else ()))
    for key in MANIFEST_SAYS:
        then, now = (json.dumps({key: one.get(key)}).encode("utf-8") for one in (ours, theirs))
        yield from compare.compare_entries(manifest.NAME, then, now, TableRule())
    for name in sorted(made.outputs.keys() & remade.outputs.keys()):
        one, other = made.outputs[name], remade.outputs[name]
        for key in compared:
            if getattr(one, key) != getattr(other, key):
                said = f"says {getattr(one, key)}, made again {getattr(other, key)}"
                yield Finding(manifest.NAME, f"outputs.{name}.{key}", DIFFERS, said)


def say_differences(made: Manifest, differ_here: Iterable[str] = ()) -> Iterator[str]:
    """Say what differs between then and here that is no fault: code, versions, machine."""
    same = checkout.same_code(made.code.commit)
    if made.code.modified:
        yield "It was made from a modified checkout."
    if same is None:
        yield f"The code cannot be compared: commit {made.code.commit} is not known here."
    elif not same:
        yield f"The code here is not that of commit {made.code.commit}."
    here = {
        "python": platform.python_version(),
        "platform": manifest.describe_platform(),
        "arithmetic": arithmetic.fingerprint(),
    }
    for name, version in here.items():
        if getattr(made, name) != version:
            yield f"It was made on {name} {getattr(made, name)}, checked on {version}."
    packages = checkout.list_packages()
    for name in sorted(made.packages.keys() | packages.keys()):
        then, now = made.packages.get(name, "none"), packages.get(name, "none")
        if then != now:
            yield f"It was made with {name} {then}, checked with {now}."
    for name in differ_here:
        yield f"{name} in the data folder here is not the one it was made from."
    if made.release is not None and made.release.withheld:
        yield f"{len(made.release.withheld)} files are withheld and compared by hash only."

"""`CHANGES.md`: for each release, which published numbers moved, which did not, and why."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from pepstats import bridge, manifest, words
from pepstats.autumn import Report, load_report
from pepstats.errors import RunError
from pepstats.manifest import Manifest

NAME = "CHANGES.md"
EFFECTS = "04-estimate-effect/{slug}/effects.csv"
BRIDGE = "04-estimate-effect/{slug}/bridge.csv"
HEADER = """# What changed in what was released

Newest first; written by `pepstats release`. A number has moved when it is not the same to nine
digits. The seal is that of the release's `manifest.json`.
"""


def write_entry(
    before: Path | None,
    after: Path,
    made: Manifest,
    *,
    on: str,
    why: str,
    revises: str | None = None,
) -> str:
    """Write what a release changed, set beside the last one where there is one.

    `before` is the folder of the last release, of this report or of the one it `revises`; `after`
    that of the run being released. An earlier report that was never released is set beside it as
    its own run was, where the run found one.
    """
    now = read_effects(after, made)
    lines, reasons = [], [why] if why else []
    if before is None or manifest.read(before).report != made.report:
        lines.append(f"- first release, with {words.count_words(len(now), 'effect')}")
    if before is not None:
        then = manifest.read(before)
        lines += [f"- it revises {then.report}"] if then.report != made.report else []
        lines += _say_effects(bridge.bridge_effects(read_effects(before, then), now))
        lines += _say_files(then, made)
        reasons += say_reasons(then, made) or ["nothing it came from has changed"]
    elif revises is not None:
        bridged = _read_each(after, made, BRIDGE)
        beside = "set beside its run" if len(bridged) else "there was no run to set it beside"
        lines.append(f"- it revises {revises}, which was not released; {beside}")
        lines += _say_effects(bridged) if len(bridged) else []
    reason = [f"- why: {'; '.join(reasons)}"] if reasons else []
    return "\n".join([f"## {made.report}, {on}", "", *lines, *reason, ""])


def find_last(report: Report, data: Path, released: Path) -> Path | None:
    """Find the last release of a report, else of the earlier one that it revises."""
    name: str | None = report.slug
    while name is not None:
        if (released / name / manifest.NAME).is_file():
            return released / name
        name = load_report(name, data).revises
    return None


def read_effects(folder: Path, made: Manifest) -> pd.DataFrame:
    """Read every programme's effects from a run or a release."""
    return _read_each(folder, made, EFFECTS)


def _read_each(folder: Path, made: Manifest, name: str) -> pd.DataFrame:
    parts = [
        pd.read_csv(folder / name.format(slug=slug), keep_default_na=False, na_values=[""])
        for slug in made.programmes
    ]
    return pd.concat(parts, ignore_index=True)


def _say_effects(table: pd.DataFrame) -> Iterator[str]:
    moved = table[table["moved"]]
    flipped = int(table["verdict_changed"].sum())
    verdicts = words.count_words(flipped, "verdict") if flipped else "no verdict"
    yield f"- {len(moved)} of {len(table)} effects moved; {verdicts} changed"
    for slug, rows in moved.groupby("programme", sort=False):
        yield from (f"  - {slug}: {said}" for said in rows["said"])
    still = table[~table["moved"]]
    if len(still):
        named = [f"{row['programme']} {row['outcome']}" for row in still.to_dict("records")]
        yield f"- did not move: {', '.join(named)}"


def _say_files(then: Manifest, now: Manifest) -> Iterator[str]:
    """Say which tables are not the same, as their hashes tell."""
    tables = [name for name, one in now.outputs.items() if one.columns]
    known = [name for name in tables if name in then.outputs]
    other = [n for n in known if then.outputs[n].sha256 != now.outputs[n].sha256]
    new, gone = len(tables) - len(known), [n for n in then.outputs if n not in now.outputs]
    yield (
        f"- of {len(tables)} tables {len(known) - len(other)} are the same byte for byte, "
        f"{len(other)} are not, {new} are new; {len(gone)} files are no longer made"
    )


def say_reasons(then: Manifest, now: Manifest) -> list[str]:
    """Say what differs between two runs that could have moved a number: the reasons there are."""
    reasons = [*_say_inputs(then, now)]
    for what in ("settings", "seeds", "packages"):
        names = sorted(_differing(getattr(then, what), getattr(now, what)))
        if names:
            reasons.append(f"{what} changed: {', '.join(names)}")
    if then.python != now.python:
        reasons.append(f"Python {then.python} became {now.python}")
    if then.platform != now.platform:
        reasons.append(f"{then.platform} became {now.platform}")
    if then.code.commit != now.code.commit:
        reasons.append(f"code {_commit(then)} became {_commit(now)}")
    return reasons


def _say_inputs(then: Manifest, now: Manifest) -> Iterator[str]:
    ours, theirs = ({(i.kind, i.year, i.file): i for i in one.inputs} for one in (then, now))
    by_kind: dict[tuple[str, int | None], list[str]] = {}
    for key in [*ours, *(k for k in theirs if k not in ours)]:
        a, b = ours.get(key), theirs.get(key)
        if a is None or b is None:
            one, word = (b, "added") if a is None else (a, "taken out")
            if one is not None:
                by_kind.setdefault(key[:2], []).append(f"{one.release or 'one'} {word}")
        elif a.sha256 != b.sha256 or a.release != b.release:
            told = f"{a.release} became {b.release}" if a.release != b.release else "other bytes"
            by_kind.setdefault(key[:2], []).append(told)
    for (kind, year), all_told in by_kind.items():
        yield f"{kind}{f' {year}' if year else ''}: {', '.join(all_told)}"


def _differing(then: Mapping[str, Any], now: Mapping[str, Any]) -> set[str]:
    return {name for name in then.keys() | now.keys() if then.get(name) != now.get(name)}


def _commit(made: Manifest) -> str:
    return (made.code.commit or "unknown")[:12]


def bring_up_to_date(released: Path) -> None:
    """See that every release there is in `CHANGES.md`, also one whose line a kill cut off."""
    path = released / NAME
    try:
        text = path.read_text("utf-8") if path.is_file() else HEADER
    except UnicodeDecodeError as error:
        raise RunError(f"{path}: not UTF-8 text (byte {error.start}). Save it as UTF-8.") from None
    for folder in sorted(p for p in released.glob("[!.]*") if (p / manifest.NAME).is_file()):
        made = manifest.read(folder)
        entry = folder / NAME
        if made.seal not in text and entry.is_file():
            head, _, rest = text.partition("\n## ")
            said = entry.read_text("utf-8").rstrip() + f"\n- seal: {made.seal}\n"
            text = f"{head.rstrip()}\n\n{said}" + (f"\n## {rest}" if rest else "")
    partial = path.with_name(f".{NAME}.partial-{os.getpid()}")
    partial.write_text(text, "utf-8")
    partial.replace(path)

"""From working to released: the only way, and only for what is whole, unmodified and may leave."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from pepstats import bundle, changes, checkout, holdback, manifest, whole
from pepstats.autumn import Report, load_report
from pepstats.errors import RunError
from pepstats.examine import check_files, check_seal
from pepstats.manifest import Manifest
from pepstats.report import list_marks
from pepstats.steps import sha256_of


def release_report(slug: str, *, data: Path, out: Path, why: str = "") -> Path:
    """Release a finished run as a bundle that a reviewer can be handed, and give its folder.

    Writes `released/<report>` under `out` and a line in `released/CHANGES.md`. `why` is the
    officers' own reason for releasing again. Raises `RunError` with everything that hinders it.
    """
    report = load_report(slug, data)
    run, final = out / "working" / report.slug, out / "released" / report.slug
    whole.sweep(final)
    made = manifest.read(run)
    before = final if (final / manifest.NAME).is_file() else None
    _refuse(report, find_hindrances(run, made, report, data))
    withheld = holdback.find_withheld(run, made, report, before)
    _refuse(report, holdback.find_held_back(run, made, report, withheld, before))
    making = whole.begin(final)
    try:
        changes.bring_up_to_date(final.parent)
        on = manifest.utc(time.time())
        last = changes.find_last(report, data, final.parent)
        entry = changes.write_entry(last, run, made, on=on, why=why, revises=report.revises)
        _fill(making, run, made, report, data, withheld, {changes.NAME: entry}, on, why)
    except BaseException:
        whole.give_up(making)
        raise
    whole.take_place(making, final)
    changes.bring_up_to_date(final.parent)
    return final


def _refuse(report: Report, hindered: Iterable[str]) -> None:
    if found := list(hindered):
        raise RunError(
            f"`{report.slug}` cannot be released: {'; '.join(found)}. "
            "Mend this, then `pepstats run` and release again."
        )


def find_hindrances(run: Path, made: Manifest, report: Report, data: Path) -> Iterator[str]:
    """Find everything that keeps a run from being released."""
    yield from _not_whole(run, made, report)
    yield from _not_traceable(made)
    yield from _stale(made, report, data)


def _not_whole(run: Path, made: Manifest, report: Report) -> Iterator[str]:
    for found in (*check_seal(made), *check_files(run, made)):
        yield f"{found.file}: {found.note}"
    if made.release is not None or made.report != report.slug:
        yield "its manifest is not that of a run of this report"
    if left := [slug for slug in report.programmes if slug not in made.programmes]:
        yield f"{', '.join(left)} was not run"
    if run.with_name(f"{run.name}.failed").exists():
        yield "the last run failed, and what is there is an older one"


def _not_traceable(made: Manifest) -> Iterator[str]:
    if made.code.commit is None:
        yield "it was not made from a checkout, so nobody can tell what code ran"
    elif made.code.modified:
        yield "it was made from a modified checkout; commit first"
    else:
        same = checkout.same_code(made.code.commit)
        if same is None:
            yield f"its commit {made.code.commit} is not known here"
        elif not same:
            yield f"the code has changed since the run (commit {made.code.commit[:12]})"


def _stale(made: Manifest, report: Report, data: Path) -> Iterator[str]:
    """Find what the run came from that is no longer what it was."""
    now = {name: sha256_of(data / name) for name in manifest.list_settings(report, data)}
    for name in sorted(now.keys() | made.settings.keys()):
        if name not in now:
            yield f"{name} was there when it ran and is not now"
        elif name not in made.settings:
            yield f"{name} is new since the run"
        elif now[name] != made.settings[name]:
            yield f"{name} has changed since the run"
    for one in made.inputs:
        path = data / one.file
        if not path.is_file():
            yield f"{one.file} is no longer there"
        elif sha256_of(path) != one.sha256:
            yield f"{one.file} has changed since the run"


def _fill(
    making: Path,
    run: Path,
    made: Manifest,
    report: Report,
    data: Path,
    withheld: dict[str, str],
    texts: dict[str, str],
    on: str,
    why: str,
) -> None:
    """Fill a bundle: the run without what is withheld, and all that goes with it."""
    for name in (name for name in made.outputs if name not in withheld):
        (making / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(run / name, making / name)
    carried = bundle.carry(made, report, data, making, holdback.list_schools(run, report))
    about = bundle.write_readme(
        made, report, withheld, carried, list_marks(report), bundle.read_to_do(run)
    )
    for name, text in {**texts, bundle.README: about}.items():
        (making / name).write_text(text, "utf-8")
    added = [*texts, bundle.README, *carried.values()]
    released = {
        "on": on,
        "edition": report.edition,
        "why": why,
        "files": {name: sha256_of(making / name) for name in added},
        "withheld": withheld,
        "carried": carried,
    }
    content = made.as_dict() | {"release": released}
    (making / manifest.NAME).write_bytes(manifest.as_text(content))

"""From working to released: the only way, and only for what is whole, unmodified and may leave."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping
from pathlib import Path

from pepstats import paths
from pepstats.errors import RunError
from pepstats.report import fill_template, list_marks
from pepstats.runs.environment import same_code
from pepstats.runs.files import (
    CHANGES_FILE,
    MANIFEST,
    OUTSIDE,
    STUDY,
    copy_into,
    fill_folder,
    place_of,
    sha256_of,
    sweep_partial,
)
from pepstats.runs.manifest import (
    Code,
    Manifest,
    Release,
    check_written,
    list_settings,
    manifest_as_text,
    read_manifest,
    utc,
)
from pepstats.runs.revision import (
    Earlier,
    bring_up_to_date,
    find_earlier,
    write_entry,
)
from pepstats.runs.withholding import (
    PAPER,
    NamedSchools,
    find_held_back,
    find_withheld,
    list_schools,
    read_page_words,
)
from pepstats.settings import Report, load_report

README = "README.md"
TO_DO = f"{PAPER}to-do.txt"
PRIVATE = {"local_results", "statements", "support", "members"}
OPEN = ("ogl", "open government licence")


def read_to_do(run: Path) -> list[str]:
    """Read what the paper says a person must still do, where it says so."""
    path = run / TO_DO
    return path.read_text("utf-8").split("\n") if path.is_file() else []


def carry(
    made: Manifest, report: Report, data: Path, making: Path, schools: NamedSchools
) -> dict[str, str]:
    """Copy what may be carried of settings and inputs; where each is, by its name in the study.

    Everything of an invented study; else what has an open licence and, in the public edition, only
    settings that name no school.
    """
    carried = {}
    for name in made.settings:
        quiet = report.edition == "exempt" or not schools.find(read_page_words(data / name))
        if report.invented or quiet:
            carried[name] = _where(name, made.settings[name])
    for one in made.inputs:
        licence = (one.licence or "").casefold()
        if report.invented or (licence.startswith(OPEN) and one.kind not in PRIVATE):
            carried[one.file] = _where(one.file, one.sha256)
    for name, place in carried.items():
        copy_into(data / name, making / place)
    return carried


def _where(name: str, digest: str) -> str:
    """Choose where in the bundle a file of the study is carried."""
    plain = place_of(name)
    if plain is None or plain.startswith(".."):
        last = re.split(r"[\\/]", name)[-1]
        return f"{OUTSIDE}/{digest[:8]}-{last}"
    return f"{STUDY}/{plain}"


def write_readme(
    run: Path, made: Manifest, report: Report, withheld: Mapping[str, str], carried: Container[str]
) -> str:
    """Write what is in a bundle, what is not and why, and how to check it."""
    files = [(one.file, f"{one.kind} {one.year or ''} {one.release or ''}", one.sha256)
             for one in made.inputs]  # fmt: skip
    files += [(name, "settings", digest) for name, digest in made.settings.items()]
    return fill_template(
        "release.md",
        report=report,
        made=made,
        marks=list_marks(report),
        absent=[one for one in files if one[0] not in carried],
        withheld=Counter((name.split("/")[0], why) for name, why in withheld.items()),
        to_do=read_to_do(run),
    )


def release_report(
    report: str, data: str | Path | None = None, out: str | Path | None = None, why: str = ""
) -> Path:
    """Release a finished run, if it may leave: what is named or small stays behind.

    Writes `released/<report>` under `out`, as a bundle that a reviewer can be handed, and a line in
    `released/CHANGES.md`.

    Parameters
    ----------
    report : str
        The name of a report.
    data, out : str or Path, optional
        The data folder and where to write; the project's own where none is given.
    why : str
        The officers' own reason for releasing again.

    Returns
    -------
    Path
        Of the folder of the release.

    Raises
    ------
    RunError
        With everything that hinders it.

    Examples
    --------
    >>> pepstats.release("autumn-2018")  # doctest: +SKIP
    """
    data, out = paths.data_folder(data), paths.output_folder(out)
    settings = load_report(report, data)
    run, final = out / "working" / settings.slug, out / "released" / settings.slug
    sweep_partial(final)
    made = read_manifest(run)
    before = final if (final / MANIFEST).is_file() else None
    _refuse(settings, find_hindrances(run, made, settings, data))
    withheld = find_withheld(run, made, settings, before)
    _refuse(settings, find_held_back(run, made, settings, withheld, before))
    with fill_folder(final) as making:
        bring_up_to_date(final.parent)
        on = utc(time.time())
        for name in (name for name in made.outputs if name not in withheld):
            copy_into(run / name, making / name)
        carried = carry(made, settings, data, making, list_schools(run, settings))
        texts = {
            CHANGES_FILE: write_entry(before, run, made, on=on, why=why, revises=settings.revises),
            README: write_readme(run, made, settings, withheld, carried),
        }
        for name, text in texts.items():
            (making / name).write_text(text, "utf-8")
        files = {name: sha256_of(making / name) for name in [*texts, *carried.values()]}
        released = Release(on=on, edition=settings.edition, why=why, files=files,
                           withheld=withheld, carried=carried)  # fmt: skip
        content = made.as_dict() | {"release": released.model_dump()}
        (making / MANIFEST).write_bytes(manifest_as_text(content))
    bring_up_to_date(final.parent)
    return final


def _refuse(report: Report, hindered: Iterable[str]) -> None:
    if found := list(hindered):
        raise RunError(
            f"`{report.slug}` cannot be released: {'; '.join(found)}. "
            "Mend this, then `pepstats run` and release again."
        )


def find_hindrances(run: Path, made: Manifest, report: Report, data: Path) -> Iterator[str]:
    """Find everything that keeps a run from being released."""
    yield from (f"{found.file}: {found.note}" for found in check_written(run, made))
    if made.release is not None or made.report != report.slug:
        yield "its manifest is not that of a run of this report"
    if left := [slug for slug in report.programmes if slug not in made.programmes]:
        yield f"{', '.join(left)} was not run"
    if run.with_name(f"{run.name}.failed").exists():
        yield "the last run failed, and what is there is an older one"
    yield from _not_traceable(made.code)
    yield from _stale(made, report, data)
    yield from _stale_beside(made, find_earlier(report, run.parents[1]))


def _not_traceable(code: Code) -> Iterator[str]:
    same = None if code.commit is None else same_code(code.commit)
    if code.commit is None:
        yield "it was not made from a checkout, so nobody can tell what code ran"
    elif code.modified:
        yield "it was made from a modified checkout; commit first"
    elif same is None:
        yield f"its commit {code.commit} is not known here"
    elif not same:
        yield f"the code has changed since the run (commit {code.commit[:12]})"


def _stale(made: Manifest, report: Report, data: Path) -> Iterator[str]:
    """Find what the run came from that is no longer what it was."""
    then, names = made.came_from, {*list_settings(report, data), *made.came_from}
    now = {name: sha256_of(data / name) for name in names if (data / name).is_file()}
    for note, found in {
        "is no longer there": names - now.keys(),
        "is new since the run": now.keys() - then.keys(),
        "has changed since the run": {n for n in now if n in then and now[n] != then[n]},
    }.items():
        yield from (f"{name} {note}" for name in sorted(found))


def _stale_beside(made: Manifest, now: Earlier | None) -> Iterator[str]:
    """Find whether the earlier report's run is no longer the one that this run was set beside."""
    if made.earlier is None:
        if now is not None:
            yield f"{now.report}, which it revises, has been run since"
    elif now is None:
        yield f"the run of {made.earlier.report}, which it was set beside, is no longer there"
    elif now.tables != made.earlier.tables:
        yield f"{made.earlier.report}, which it revises, has other results since the run"

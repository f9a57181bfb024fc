"""From working to released: the only way, and only for what is whole, unmodified and may leave."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
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
    Manifest,
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
    find_last_release,
    write_entry,
)
from pepstats.runs.verify import BESIDE
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


@dataclass(frozen=True)
class Bundle:
    """A run on its way out: where it lies, what its manifest says, and the folder being filled."""

    run: Path
    made: Manifest
    report: Report
    data: Path
    making: Path
    withheld: Mapping[str, str]

    def fill(self, texts: Mapping[str, str], on: str, why: str) -> None:
        """Fill the folder: the run without what is withheld, and all that goes with it."""
        for name in (name for name in self.made.outputs if name not in self.withheld):
            copy_into(self.run / name, self.making / name)
        schools = list_schools(self.run, self.report)
        carried = carry(self.made, self.report, self.data, self.making, schools)
        earlier = find_earlier(self.report, self.run.parents[1])
        beside = carry_earlier(earlier, self.report, self.making, schools) if earlier else ()
        added = [*carried.values(), *beside]
        texts = {**texts, README: write_readme(self, carried)}
        for name, text in texts.items():
            (self.making / name).write_text(text, "utf-8")
        released = {
            "on": on,
            "edition": self.report.edition,
            "why": why,
            "files": {name: sha256_of(self.making / name) for name in [*texts, *added]},
            "withheld": dict(self.withheld),
            "carried": carried,
        }
        content = self.made.as_dict() | {"release": released}
        (self.making / MANIFEST).write_bytes(manifest_as_text(content))


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


def carry_earlier(
    earlier: Earlier, report: Report, making: Path, schools: NamedSchools
) -> Iterator[str]:
    """Copy what the run was set beside, if all of it may be carried; list each file's place."""
    named = any(schools.find(read_page_words(earlier.folder / name)) for name in earlier.tables)
    if named and not report.invented and report.edition == "public":
        return
    for name in (MANIFEST, *earlier.tables):
        place = f"{BESIDE}/{earlier.report}/{name}"
        copy_into(earlier.folder / name, making / place)
        yield place


def _where(name: str, digest: str) -> str:
    """Choose where in the bundle a file of the study is carried."""
    plain = place_of(name)
    if plain is None or plain.startswith(".."):
        last = re.split(r"[\\/]", name)[-1]
        return f"{OUTSIDE}/{digest[:8]}-{last}"
    return f"{STUDY}/{plain}"


def write_readme(bundle: Bundle, carried: Container[str]) -> str:
    """Write what is in a bundle, what is not and why, and how to check it."""
    made, report = bundle.made, bundle.report
    files = [(one.file, f"{one.kind} {one.year or ''} {one.release or ''}", one.sha256)
             for one in made.inputs]  # fmt: skip
    files += [(name, "settings", digest) for name, digest in made.settings.items()]
    return fill_template(
        "release.md",
        report=report,
        made=made,
        marks=list_marks(report),
        beside=BESIDE,
        absent=[one for one in files if one[0] not in carried],
        withheld=Counter((name.split("/")[0], why) for name, why in bundle.withheld.items()),
        to_do=read_to_do(bundle.run),
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
        last = find_last_release(settings, data, final.parent)
        entry = write_entry(last, run, made, on=on, why=why, revises=settings.revises)
        bundle = Bundle(run, made, settings, data, making, withheld)
        bundle.fill({CHANGES_FILE: entry}, on, why)
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
    yield from _not_whole(run, made, report)
    yield from _not_traceable(made)
    yield from _stale(made, report, data)
    yield from _stale_beside(made, find_earlier(report, run.parents[1]))


def _not_whole(run: Path, made: Manifest, report: Report) -> Iterator[str]:
    for found in check_written(run, made):
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
        same = same_code(made.code.commit)
        if same is None:
            yield f"its commit {made.code.commit} is not known here"
        elif not same:
            yield f"the code has changed since the run (commit {made.code.commit[:12]})"


def _stale(made: Manifest, report: Report, data: Path) -> Iterator[str]:
    """Find what the run came from that is no longer what it was."""
    then = made.came_from
    names = {*list_settings(report, data), *then}
    now = {name: sha256_of(data / name) for name in names if (data / name).is_file()}
    for name in sorted(names):
        if name not in now:
            yield f"{name} is no longer there"
        elif name not in then:
            yield f"{name} is new since the run"
        elif now[name] != then[name]:
            yield f"{name} has changed since the run"


def _stale_beside(made: Manifest, now: Earlier | None) -> Iterator[str]:
    """Find whether the earlier report's run is no longer the one that this run was set beside."""
    if made.earlier is None:
        if now is not None:
            yield f"{now.report}, which it revises, has been run since"
    elif now is None:
        yield f"the run of {made.earlier.report}, which it was set beside, is no longer there"
    elif now.tables != made.earlier.tables:
        yield f"{made.earlier.report}, which it revises, has other results since the run"

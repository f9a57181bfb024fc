"""From working to released: the only way, and only for what is whole, unmodified and may leave.

In the public edition nothing leaves but the paper, which has passed the gate, its results as data,
and published files and settings that name no school. Of all else the release says nothing: no hash,
no size, no count. The exempt edition is the run itself, without what schools said.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from pepstats import paths
from pepstats.errors import RunError
from pepstats.formatting import school_year
from pepstats.report import NOT_YET_PUBLIC, REASON, fill_template, list_marks
from pepstats.runs.compare import Content
from pepstats.runs.disclosed import SHOWN, add_to_disclosed, read_disclosed
from pepstats.runs.files import (
    MANIFEST,
    OUTSIDE,
    STUDY,
    copy_into,
    fill_folder,
    hold_alone,
    place_of,
    read_csv,
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
    same_code,
    utc,
)
from pepstats.runs.revision import (
    PAPER,
    Earlier,
    bring_up_to_date,
    find_earlier,
    read_effects,
    record_release,
)
from pepstats.runs.tasks import CRITERIA
from pepstats.settings import RELEASES, Report, load_report

README = "README.md"
TO_DO = f"{PAPER}to-do.txt"
PUBLIC = tuple(f"{PAPER}{name}" for name in (
    "report.html", "report-appendices.html", "report.docx", "report-appendices.docx", "report.xlsx",
    "report.pdf", "report-appendices.pdf", "effects.csv",
))  # fmt: skip
"""All of a run that leaves in the public edition: made of what has passed the gate."""
OWN = {f"{PAPER}{name}" for name in ("disclosure-log.csv", "to-do.txt")} | {*SHOWN.values()}
"""The gate's own lists and the officers': files that leave in no edition."""
PRIVATE = {"local_results", "statements", "support", "members"}
OPEN = ("ogl", "open government licence")
EXEMPT = re.compile(r"\bEXEMPT\b")
_NUMBER = re.compile(r"(?<![\d.])\d{6,7}(?!\d|\.\d)")


def list_leaving(made: Manifest, report: Report) -> list[str]:
    """List the files of a run that leave in a report's edition."""
    if report.edition == "exempt":
        return [name for name, one in made.outputs.items()
                if "statement" not in one.columns and name not in OWN]  # fmt: skip
    return [name for name in PUBLIC if name in made.outputs]


@dataclass(frozen=True)
class NamedSchools:
    """The schools a public edition does not name: their numbers and their names."""

    numbers: frozenset[str]
    names: frozenset[str]

    def find(self, text: str) -> list[str]:
        """List those that a text has; a name also where it is spaced in another way."""
        numbers = self.numbers & set(_NUMBER.findall(text))
        spaced = " ".join(text.split())
        return sorted(numbers) + sorted(n for n in self.names if " ".join(n.split()) in spaced)


def list_schools(run: Path, report: Report) -> NamedSchools:
    """List the schools of the authority and of every programme, as the run knows them."""
    folder = run / "01-clean-sources"
    register, members = (
        read_csv(folder / f"{name}.csv", dtype="str").fillna("") for name in ("register", "members")
    )
    home = register["la"].str.removesuffix(".0").eq(str(report.authority))
    own = register[home | register["school"].isin(members["school"])]
    urns = {urn for listed in own["urns"] for urn in listed.split()}
    numbers = urns | set(own["school"]) | set(own["urn"]) | set(members["urn"])
    return NamedSchools(frozenset(numbers), frozenset(own["name"]) - {""})


def find_named(run: Path, made: Manifest, report: Report) -> Iterator[str]:
    """Find schools named in what is to leave in public, and anything that is marked exempt.

    The gate let none through; this looks at the finished files. Once results are published a school
    may be named in the paper's words, but never numbered.
    """
    if report.edition == "exempt":
        return
    releases = set(read_effects(run)["release"].dropna())
    published = releases <= set(RELEASES) - set(NOT_YET_PUBLIC)
    schools = list_schools(run, report)
    for name in list_leaving(made, report):
        said = read_all_words(run / name)
        if EXEMPT.search(said):
            yield f"{name} is marked exempt"
        found = [n for n in schools.find(said) if n in schools.numbers or not published]
        if found:
            more = f" and {len(found) - 3} more" if len(found) > 3 else ""
            yield f"{name} names {', '.join(found[:3])}{more}: {REASON}"


def read_all_words(path: Path) -> str:
    """Return all words of a file; what is not text has none."""
    content = path.read_bytes()
    try:
        return Content(path.name, content).words
    except UnicodeDecodeError:
        return ""


def read_to_do(run: Path) -> list[str]:
    """Read what the paper says a person must still do, where it says so."""
    path = run / TO_DO
    return path.read_text("utf-8").split("\n") if path.is_file() else []


def read_verdicts(run: Path) -> list[str]:
    """Read the verdict on each programme's first outcome, as the paper of a run prints it."""
    table = read_effects(run)
    first = table.groupby("programme", sort=False).head(1)
    return [
        f"{one.programme}: {one.verdict or one.reason} ({one.outcome}, {school_year(one.year)})"
        for one in first.fillna({"verdict": "", "reason": ""}).itertuples()
    ]


def carry(
    made: Manifest, report: Report, data: Path, making: Path, schools: NamedSchools
) -> dict[str, str]:
    """Copy what may be carried of settings and inputs; where each is, by its name in the study.

    Everything of an invented study; else what has an open licence and, in the public edition, only
    settings that name no school. The dashboard's criteria go with it only where the policy says so.
    """
    carried, exempt = {}, report.edition == "exempt"
    for name, digest in made.settings.items():
        quiet = exempt or not schools.find(read_all_words(data / name))
        criteria = exempt or not fnmatch(name, CRITERIA) or report.disclosure.criteria == "public"
        if report.invented or (quiet and criteria):
            carried[name] = _where(name, digest)
    for one in made.inputs:
        ours = (one.licence or "").casefold().startswith(OPEN) and one.kind not in PRIVATE
        if one.file and one.sha256 and (report.invented or ours):
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


def lay_out_release(
    run: Path, made: Manifest, report: Report, data: Path, making: Path
) -> dict[str, str]:
    """Lay out all of a release but its manifest; return where each file of the study is carried."""
    for name in list_leaving(made, report):
        copy_into(run / name, making / name)
    carried = carry(made, report, data, making, list_schools(run, report))
    absent = [
        f"{one.kind} {one.year or ''} {one.release or ''}".strip()
        for one in made.inputs
        if one.file not in carried
    ]
    exempt = report.edition == "exempt"
    text = fill_template(
        "release.md",
        report=report,
        made=made,
        marks=list_marks(report),
        absent=sorted(absent),
        settings=len(made.settings) - sum(name in carried for name in made.settings),
        to_do=read_to_do(run) if exempt else [],
        criteria=any(fnmatch(name, CRITERIA) for name in carried),
    )
    (making / README).write_text(text, "utf-8")
    return carried


def describe_release(made: Manifest, release: Release, working: Path) -> dict[str, Any]:
    """Describe a release: of what stays behind, nothing that tells of it."""
    content = made.as_dict()
    if release.edition == "public":
        content |= {"steps": {}, "nonce": ""}
        content["outputs"] = {n: o for n, o in content["outputs"].items() if n in release.leaving}
        content["settings"] = {n: d for n, d in made.settings.items() if n in release.carried}
        hidden = {"file": None, "page": None, "sha256": None, "bytes": None}
        content["inputs"] = [
            one if one["file"] in release.carried else one | hidden for one in content["inputs"]
        ]
        if content["earlier"]:
            content["earlier"]["tables"] = {}
    return content | {"working": sha256_of(working / MANIFEST), "release": release.model_dump()}


def release_report(
    report: str,
    data: str | Path | None = None,
    out: str | Path | None = None,
    why: str = "",
    *,
    draft: bool = False,
) -> Path:
    """Release a finished run, if it may leave: what is not public stays behind.

    Writes `released/<report>` under `out`, as a bundle that a reviewer can be handed, and a line in
    `released/CHANGES.md`; what it tells is kept in `disclosed/`, for later releases to heed.

    Parameters
    ----------
    report : str
        The name of a report.
    data, out : str or Path, optional
        The data folder and where to write; the project's own where none is given.
    why : str
        The officers' own reason for releasing again.
    draft : bool
        Whether a paper that is not done may leave; it is marked a draft on every page.

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
    >>> pepstats.release("autumn-2018", draft=True)  # doctest: +SKIP
    """
    data, out = paths.data_folder(data), paths.output_folder(out)
    settings = load_report(report, data)
    run, final = out / "working" / settings.slug, out / "released" / settings.slug
    with hold_alone(final.parent), hold_alone(run):  # what was told is told by one at a time
        return _release_run(run, final, settings, data, why, draft=draft)


def _release_run(
    run: Path, final: Path, settings: Report, data: Path, why: str, *, draft: bool
) -> Path:
    """Release a run that nothing else is at work on."""
    sweep_partial(final)
    bring_up_to_date(final.parent)
    made = read_manifest(run)
    before = final if (final / MANIFEST).is_file() else None
    _refuse(settings, find_hindrances(run, made, settings, data, draft=draft))
    _refuse(settings, find_named(run, made, settings))
    on = utc(time.time())
    with fill_folder(final) as making:
        carried = lay_out_release(run, made, settings, data, making)
        written = [README, *carried.values()]
        release = Release(
            on=on, edition=settings.edition, why=why, carried=carried,
            leaving=tuple(list_leaving(made, settings)),
            files={name: sha256_of(making / name) for name in written},
        )  # fmt: skip
        content = describe_release(made, release, run)
        (making / MANIFEST).write_bytes(manifest_as_text(content))
        entry = record_release(final.parent, before, making, revises=settings.revises)
        if settings.edition == "public":
            add_to_disclosed(run, run.parents[1], settings, on)
    entry()
    return final


def _refuse(report: Report, hindered: Iterable[str]) -> None:
    if found := list(hindered):
        raise RunError(
            f"`{report.slug}` cannot be released: {'; '.join(found)}. "
            "Mend this, then `pepstats run` and release again."
        )


def find_hindrances(
    run: Path, made: Manifest, report: Report, data: Path, *, draft: bool = False
) -> Iterator[str]:
    """Find everything that keeps a run from being released."""
    yield from (f"{found.file}: {found.note}" for found in check_written(run, made))
    if made.release is not None or made.report != report.slug:
        yield "its manifest is not that of a run of this report"
    if left := [slug for slug in report.programmes if slug not in made.programmes]:
        yield f"{', '.join(left)} was not run"
    if run.with_name(f"{run.name}.failed").exists():
        yield "the last run failed, and what is there is an older one"
    if not draft:
        yield from (f"not done: {line}" for line in read_to_do(run) if line)
    yield from _not_traceable(made.code)
    yield from _stale(made, report, data)
    yield from _stale_beside(made, find_earlier(report, run.parents[1]))
    yield from _told_since(made, report, run.parents[1])


def _not_traceable(code: Code) -> Iterator[str]:
    same = None if code.commit is None else same_code(code.commit)
    if code.commit is None:
        yield (
            "it was not made from a checkout that git can read, so nobody can tell what code ran: "
            "clone the repository with git, and run it there"
        )
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


def _told_since(made: Manifest, report: Report, out: Path) -> Iterator[str]:
    """Find other reports' releases since the run, which its gate could not heed."""
    if not len(read_csv(out / "working" / report.slug / SHOWN["forms"])):
        return  # all that it rests on is published
    told = read_disclosed(out, "forms")
    late = told[
        (told["report"] != report.slug) & (told["release"].str.split().str[-1] > made.started)
    ]
    for name in late["report"].unique():
        yield f"{name} was released since the run, and told of the same results"

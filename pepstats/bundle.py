"""What a reviewer is handed: what may leave, what is carried along, and how to check it.

In the public edition no file leaves that is marked exempt, or that has the number or the name of a
school of the authority or of a programme. What a school said leaves in no edition but inside the
paper, where consent was looked at. The rest is withheld, counted here with its reason and listed in
the manifest.
"""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pandas as pd
import yaml

from pepstats import disclosure
from pepstats.evidence import NOT_YET_PUBLIC
from pepstats.manifest import Manifest
from pepstats.parts import PICTURE, WORDS, read_parts
from pepstats.programme import Report
from pepstats.verify import OUTSIDE, STUDY, place_of

README = "README.md"
CITATION = "CITATION.cff"
PAPER = "07-board-report/"
TO_DO = f"{PAPER}to-do.txt"
EXEMPT = re.compile(r"\bEXEMPT\b")
MARKED = "is marked exempt"
ONE_SCHOOL = "has a school's number or name; the public edition has none"
SAID = f"what schools said: {disclosure.NO_CONSENT}, unless the paper quotes it"
SHOWN = "shows a picture that is withheld"
PRIVATE = {"local_results", "statements", "support", "members"}
OPEN = ("ogl", "open government licence")
_NUMBER = re.compile(r"(?<![\d.])\d{6,7}(?!\d|\.\d)")
_PLAIN = {".csv", ".svg", ".json", ".txt", ".md", ".yml"}


@dataclass(frozen=True)
class Schools:
    """The schools a public edition does not name: their numbers and their names."""

    numbers: frozenset[str]
    names: frozenset[str]

    def find(self, text: str) -> list[str]:
        """List those that a text has."""
        numbers = self.numbers & set(_NUMBER.findall(text))
        return sorted(numbers) + sorted(name for name in self.names if name in text)


def list_schools(run: Path, report: Report) -> Schools:
    """List the schools of the authority and of every programme, as the run knows them."""
    folder = run / "01-clean-sources"
    register = pd.read_csv(folder / "register.csv", dtype="str", keep_default_na=False)
    members = pd.read_csv(folder / "members.csv", dtype="str", keep_default_na=False)
    inside = register["la"].eq(str(report.authority)) | register["school"].isin(members["school"])
    own = register[inside]
    urns = {urn for listed in own["urns"] for urn in listed.split()}
    numbers = urns | set(own["school"]) | set(own["urn"]) | set(members["urn"])
    return Schools(frozenset(numbers), frozenset(own["name"]) - {""})


def is_public(report: Report) -> bool:
    """Whether the year's results are published: no source of that year is still to be."""
    releases = {line.release for line in report.sources if line.year == report.year}
    return not releases & set(NOT_YET_PUBLIC)


def find_withheld(run: Path, made: Manifest, report: Report) -> dict[str, str]:
    """Find the files of a run that stay behind, each with its reason.

    A picture without a school's name leaves with the published results, though its table stays;
    before they are published a school could be known by its earlier ones, so the picture stays too.
    """
    withheld = {name: SAID for name, one in made.outputs.items() if "statement" in one.columns}
    if report.edition == "exempt":
        return withheld
    schools = list_schools(run, report)
    for name in made.outputs:
        said = read_words(run / name)
        if EXEMPT.search(said):
            withheld[name] = MARKED
        elif not name.startswith(PAPER) and schools.find(said):
            withheld[name] = ONE_SCHOOL
    ends = (".csv", ".svg", ".alt.txt") if not is_public(report) else (".svg", ".alt.txt")
    stems = {_stem(name) for name in withheld if name.endswith(ends)}
    for name in made.outputs:
        if name.endswith((".png", ".svg", ".alt.txt")) and _stem(name) in stems:
            withheld[name] = ONE_SCHOOL
    hidden = {made.outputs[name].sha256 for name in withheld}
    for name in made.outputs:
        if name.endswith(".ipynb") and name not in withheld and hidden & _pictures(run / name):
            withheld[name] = SHOWN
    return dict(sorted(withheld.items()))


def find_held_back(run: Path, made: Manifest, report: Report) -> Iterator[str]:
    """Find what the paper itself may not say or show in its edition.

    Once results are published a school may be named in the paper's words, but never numbered.
    """
    if report.edition == "exempt":
        return
    schools = list_schools(run, report)
    withheld = find_withheld(run, made, report)
    hidden = {made.outputs[name].sha256 for name in withheld}
    for name in (n for n in made.outputs if n.startswith(PAPER) and n not in withheld):
        found = schools.find(read_words(run / name))
        named = [one for one in found if one in schools.numbers or not is_public(report)]
        if named:
            more = f" and {len(named) - 3} more" if len(named) > 3 else ""
            yield f"{name} names {', '.join(named[:3])}{more}: {disclosure.NAMES_SCHOOL}"
        if hidden & _pictures(run / name):
            yield f"{name} {SHOWN}"


def read_to_do(run: Path) -> list[str]:
    """Read what the paper says a person must still do, where it says so."""
    path = run / TO_DO
    return path.read_text("utf-8").split("\n") if path.is_file() else []


def read_words(path: Path) -> str:
    """Give all words of a file of a run; a picture that is not text has none."""
    content = path.read_bytes()
    if path.suffix in _PLAIN:
        return content.decode("utf-8")
    return "\n".join(p.text for p in read_parts(path.name, content) if p.kind == WORDS)


def _pictures(path: Path) -> set[str]:
    if path.suffix in _PLAIN or path.suffix == ".png":
        return set()
    return {p.text for p in read_parts(path.name, path.read_bytes()) if p.kind == PICTURE}


def _stem(name: str) -> str:
    """Give what a picture, its table and its words have in common."""
    path = PurePosixPath(name)
    return (path.parent / path.name.split(".")[0]).as_posix()


def carry(
    made: Manifest, report: Report, data: Path, making: Path, schools: Schools
) -> dict[str, str]:
    """Copy what may be carried of settings and inputs; where each is, by its name in the study.

    Everything of an invented study; else what has an open licence and, in the public edition, only
    settings that name no school.
    """
    carried = {}
    for name in made.settings:
        quiet = report.edition == "exempt" or not schools.find((data / name).read_text("utf-8"))
        if report.invented or quiet:
            carried[name] = _where(name, made.settings[name])
    for one in made.inputs:
        licence = (one.licence or "").casefold()
        if report.invented or (licence.startswith(OPEN) and one.kind not in PRIVATE):
            carried[one.file] = _where(one.file, one.sha256)
    for name, place in carried.items():
        (making / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(data / name, making / place)
    return carried


def _where(name: str, digest: str) -> str:
    """Choose where in the bundle a file of the study is carried."""
    plain = place_of(name)
    if plain is None or plain.startswith(".."):
        last = re.split(r"[\\/]", name)[-1]
        return f"{OUTSIDE}/{digest[:8]}-{last}"
    return f"{STUDY}/{plain}"


def write_readme(
    made: Manifest,
    report: Report,
    withheld: dict[str, str],
    carried: Iterable[str],
    marks: Iterable[str],
    to_do: Iterable[str],
) -> str:
    """Write what is in a bundle, what is not and why, and how to check it."""
    there = set(carried)
    lines = [f"# {report.title}", ""]
    lines += [f"**{mark}**\n" for mark in marks]
    lines += [
        f"What was released for the {report.meeting.body} of {report.meeting.date.isoformat()}: "
        f"the {report.edition} edition, made by commit `{made.code.commit}`.", "",
        "| here | what |", "|---|---|",
        "| `07-board-report/` | the paper, as a page and as a Word file, and its tables |",
        "| `01-...` to `06-...` | the tables and pictures of each step |",
        "| `notebooks/` | the executed notebooks, their parameters inside |",
        "| `manifest.json` | what ran, with what, giving what: hashes, versions, seeds, rules |",
        "| `study/`, `inputs/` | the settings and published files that may be carried |",
        "| `CHANGES.md` | what moved since the last release, and why |", "",
        "## Check it", "",
        "Run it all again and compare every file, cell by cell:", "",
        "```", f"git checkout {made.code.commit}", "make test",
        ".venv/bin/python -m pepstats verify PATH/TO/THIS/FOLDER --data STUDY", "```", "",
        "It answers 0 (the same), 1 (something differs: it says what and where) or 2 (something "
        "is missing: it says what). `--data` is needed only for files that are not carried here. "
        "A form for the reviewer, `review.json`, is left beside the run made again.", "",
    ]  # fmt: skip
    absent = [one for one in made.inputs if one.file not in there]
    absent_settings = [name for name in made.settings if name not in there]
    if absent or absent_settings:
        lines += ["## Not carried", "", "| file | what | sha256 |", "|---|---|---|"]
        lines += [f"| `{i.file}` | {i.kind} {i.year or ''} {i.release or ''} | `{i.sha256}` |"
                  for i in absent]  # fmt: skip
        lines += [f"| `{n}` | settings | `{made.settings[n]}` |" for n in absent_settings] + [""]
    if withheld:
        lines += ["## Withheld", ""]
        lines += ["`manifest.json` names these, and `verify` compares them by their hashes.", ""]
        lines += ["| folder | files | why |", "|---|---|---|"]
        counted = Counter((name.split("/")[0], reason) for name, reason in withheld.items())
        lines += [f"| `{folder}/` | {n} | {reason} |" for (folder, reason), n in counted.items()]
        lines += [""]
    if to_do:
        lines += ["## Not yet done when it was released", "", *(f"- {line}" for line in to_do), ""]
    return "\n".join(lines)


def write_citation(made: Manifest, report: Report, on: str) -> str:
    """Write how a release is cited, as a citation file of version 1.2.0."""
    content = {
        "cff-version": "1.2.0",
        "message": "If you use this report, please cite it as below.",
        "type": "dataset",
        "title": report.title,
        "authors": [{"name": report.meeting.report_by}],
        "version": f"{made.report}, {report.edition} edition",
        "commit": made.code.commit,
        "date-released": on[:10],
    }
    text: str = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)
    return text

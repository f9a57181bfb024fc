"""What a reviewer is handed beside a run: what may be carried along, and how to check it all."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from pepstats.autumn import Report
from pepstats.holdback import PAPER, Schools, read_words
from pepstats.manifest import Manifest
from pepstats.verify import OUTSIDE, STUDY, place_of

README = "README.md"
TO_DO = f"{PAPER}to-do.txt"
PRIVATE = {"local_results", "statements", "support", "members"}
OPEN = ("ogl", "open government licence")


def read_to_do(run: Path) -> list[str]:
    """Read what the paper says a person must still do, where it says so."""
    path = run / TO_DO
    return path.read_text("utf-8").split("\n") if path.is_file() else []


def carry(
    made: Manifest, report: Report, data: Path, making: Path, schools: Schools
) -> dict[str, str]:
    """Copy what may be carried of settings and inputs; where each is, by its name in the study.

    Everything of an invented study; else what has an open licence and, in the public edition, only
    settings that name no school.
    """
    carried = {}
    for name in made.settings:
        quiet = report.edition == "exempt" or not schools.find(read_words(data / name))
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
        "is missing: it says what). `--data` is needed only for files that are not carried here.",
        "",
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

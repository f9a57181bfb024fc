"""What stays behind when a run is released, and what the paper itself may not say.

In the public edition no file leaves that is marked exempt, that has the number or the name of a
school of the authority or of a programme, or that counts so few rated schools that one could be
known, by itself or set beside the last release. What a school said leaves in no edition but inside
the paper, where consent was looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pandas as pd

from pepstats.report import (
    DIFFERS,
    NAMES_SCHOOL,
    NO_CONSENT,
    NOT_YET_PUBLIC,
    SMALL,
    find_small_changes,
)
from pepstats.runs.compare import Content
from pepstats.runs.files import read_shown
from pepstats.runs.manifest import Manifest
from pepstats.runs.revision import read_effects
from pepstats.settings import RELEASES, Report

PAPER = "07-board-report/"
SHOWN_COUNTS = f"{PAPER}shown-counts.csv"
RATINGS = "02-priority-ratings"
EXEMPT = re.compile(r"\bEXEMPT\b")
MARKED = "is marked exempt"
ONE_SCHOOL = "has a school's number or name; the public edition has none"
SAID = f"what schools said: {NO_CONSENT}, unless the paper quotes it"
SHOWN = "shows a picture that is withheld"
BESIDE_FEW = "shows counts of a table that is withheld"
COUNTED = "schools"  # what a column of counts of schools is called
_NUMBER = re.compile(r"(?<![\d.])\d{6,7}(?!\d|\.\d)")
_PLAIN = {".csv", ".svg", ".json", ".txt", ".md", ".yml"}


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
    register = pd.read_csv(folder / "register.csv", dtype="str", keep_default_na=False)
    members = pd.read_csv(folder / "members.csv", dtype="str", keep_default_na=False)
    home = register["la"].str.removesuffix(".0").eq(str(report.authority))
    inside = home | register["school"].isin(members["school"])
    own = register[inside]
    urns = {urn for listed in own["urns"] for urn in listed.split()}
    numbers = urns | set(own["school"]) | set(own["urn"]) | set(members["urn"])
    return NamedSchools(frozenset(numbers), frozenset(own["name"]) - {""})


def is_public(run: Path, made: Manifest) -> bool:
    """Whether all results that the run concludes from are published: revised or final."""
    releases = set(read_effects(run, made)["release"])
    return releases <= set(RELEASES) - set(NOT_YET_PUBLIC)


def find_withheld(
    run: Path, made: Manifest, report: Report, before: Path | None = None
) -> dict[str, str]:
    """Find the files of a run that stay behind, each with its reason; `before` is the last release.

    A picture without a school's name leaves with the published results, though its table stays;
    before they are published a school could be known by its earlier ones, so the picture stays too.
    """
    withheld = {name: SAID for name, one in made.outputs.items() if "statement" in one.columns}
    if report.edition == "exempt":
        return withheld
    schools = list_schools(run, report)
    for name in made.outputs:
        said = read_page_words(run / name)
        if EXEMPT.search(said):
            withheld[name] = MARKED
        elif not name.startswith(PAPER) and schools.find(said):
            withheld[name] = ONE_SCHOOL
    few = dict(_find_few(run, made, before, report.disclosure.fewest_schools - 1))
    withheld = {**few, **withheld}
    published = is_public(run, made)
    ends = (".svg", ".alt.txt") if published else (".csv", ".svg", ".alt.txt")
    stems = {_stem(name) for name in withheld if name.endswith(ends) or name in few}
    for name in made.outputs:
        if name.endswith((".png", ".svg", ".alt.txt", ".caption.txt")) and _stem(name) in stems:
            withheld[name] = ONE_SCHOOL
    hidden = {made.outputs[name].sha256 for name in withheld}
    for name in made.outputs:
        if name.endswith(".ipynb") and name not in withheld and hidden & _pictures(run / name):
            withheld[name] = SHOWN
        if few and name.startswith(f"notebooks/{RATINGS}"):
            withheld.setdefault(name, BESIDE_FEW)
    return dict(sorted(withheld.items()))


def _find_few(
    run: Path, made: Manifest, before: Path | None, fewest: int
) -> Iterator[tuple[str, str]]:
    """Find tables of so few rated schools, or so few more than last time, as to show one."""
    for name, one in made.outputs.items():
        if not name.startswith(f"{RATINGS}/") or COUNTED not in one.columns or not one.key:
            continue
        now = _read_counts(run / name, one.key)
        if now[COUNTED].between(1, fewest).any():
            yield name, SMALL
        elif before is not None and (before / name).is_file():
            then = _read_counts(before / name, one.key)
            if len(find_small_changes(now, then, name=name, smallest=fewest)):
                yield name, DIFFERS


def _read_counts(path: Path, key: tuple[str, ...]) -> pd.DataFrame:
    table = pd.read_csv(path)
    names = [column for column in key if column in table and column != COUNTED]
    return table.set_index(names)[[COUNTED]] if names else table[[COUNTED]]


def find_held_back(
    run: Path,
    made: Manifest,
    report: Report,
    withheld: Mapping[str, str],
    before: Path | None = None,
) -> Iterator[str]:
    """Find what the paper itself may not say or show in its edition; `before` is the last release.

    Once results are published a school may be named in the paper's words, but never numbered.
    """
    if report.edition == "exempt":
        return
    if before is not None:
        yield from _find_told_by_change(run, before, report)
    schools, published = list_schools(run, report), is_public(run, made)
    hidden = {made.outputs[name].sha256 for name in withheld}
    for name in (n for n in made.outputs if n.startswith(PAPER) and n not in withheld):
        found = schools.find(read_page_words(run / name))
        named = [one for one in found if one in schools.numbers or not published]
        if named:
            more = f" and {len(named) - 3} more" if len(named) > 3 else ""
            yield f"{name} names {', '.join(named[:3])}{more}: {NAMES_SCHOOL}"
        if hidden & _pictures(run / name):
            yield f"{name} {SHOWN}"


def _find_told_by_change(run: Path, before: Path, report: Report) -> Iterator[str]:
    """Find counts of the paper that tell of a few schools when set beside the last release's."""
    now, then = run / SHOWN_COUNTS, before / SHOWN_COUNTS
    if not (now.is_file() and then.is_file()):
        return
    key = ["table", "row", "column"]
    both = read_shown(now).merge(read_shown(then), on=key, suffixes=("", "_then"))
    moved = (both["count"] - both["count_then"]).abs()
    few = both[moved.between(1, report.disclosure.fewest_schools - 1)]
    if len(few):
        said = "; ".join(f"{t}, {r}, {c}" for t, r, c in few[key].itertuples(index=False))
        yield (
            f"{SHOWN_COUNTS} {DIFFERS} ({said}). Copy that release's file into the data "
            "folder, name it under `disclosure: {last_shown: ...}`, and the paper hides these"
        )


def read_page_words(path: Path) -> str:
    """Return all words of a file of a run; a picture that is not text has none."""
    content = path.read_bytes()
    if path.suffix in _PLAIN:
        return content.decode("utf-8")
    return Content(path.name, content).words


def _pictures(path: Path) -> set[str]:
    if path.suffix in _PLAIN or path.suffix == ".png":
        return set()
    return set(Content(path.name, path.read_bytes()).pictures)


def _stem(name: str) -> str:
    """Return what a picture, its table and its words have in common."""
    path = PurePosixPath(name)
    return (path.parent / path.name.split(".")[0]).as_posix()

"""Whose programmes they are: schools found, what is said of a list, and who is left out and why."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from pepstats.errors import DesignError, as_reason
from pepstats.schools import Schools, find_members
from pepstats.settings import Entered, Member, Programme, split_phases

ACCOUNT_COLUMNS = ["programme", "title", "kind", "listed", "found", "evaluated", "reason"]
REMARK_COLUMNS = ["what", "programme", "detail"]

UNKNOWN = "schools that no source of the study has: left out of the programme"
TWICE = "a school listed twice, or under two of its numbers: counted once"
SHARED = "schools that are in other programmes of the list too: allowed for in the pooled answers"
SPREAD = (
    "compared with groups of schools from all authorities together, as it lies in several or no "
    "other is large enough; their good and bad years are allowed for as far as they are measured"
)
LATER = "schools that joined later: each counts from its own first year"
NOT_OWN = "schools that joined later: counted from the start, as their own cannot be worked out"
OF_ALL = "too few results of the group of pupils it is for: judged by those of all pupils"
NOT_YET = "schools that join after the year of the results: not counted yet"

TAKEN = "another programme has the same short name"
NOBODY = "no source of the study has any of its schools"
SAME = "its schools, outcomes and years are those of another"


@dataclass(frozen=True)
class Remark:
    """What has to be said of a programme's list: `what` is one of a few sentences."""

    what: str
    programme: str
    detail: str


@dataclass(frozen=True)
class ListedProgramme:
    """A programme that can be evaluated, with its schools as `find_members` has them."""

    programme: Programme
    kind: str
    members: pd.DataFrame = field(repr=False)
    listed: int = 0

    @property
    def schools(self) -> tuple[int, ...]:
        """Its schools, sorted."""
        return tuple(sorted(int(school) for school in self.members.index))


@dataclass(frozen=True)
class FoundProgrammes:
    """The programmes of a sweep that have schools, those left out, and what is said of either.

    `left_out` has for each programme that goes no further its row of the account.
    """

    programmes: tuple[ListedProgramme, ...]
    left_out: pd.DataFrame
    remarks: tuple[Remark, ...]

    @property
    def schools(self) -> tuple[int, ...]:
        """Every school of every programme: nobody's comparison school."""
        return tuple(sorted({school for one in self.programmes for school in one.schools}))


def find_programmes(entered: Iterable[Entered], followed: Schools, data: Path) -> FoundProgrammes:
    """Find the schools of every programme that was entered; the rest goes on, and nothing is lost.

    What cannot be evaluated is left out with its reason: a file that cannot be read, schools that
    nobody knows, a programme that is another one over again. Single schools that cannot be used
    are left out of their programme, and said.
    """
    found: list[ListedProgramme] = []
    lost: list[tuple[object, ...]] = []
    remarks: list[Remark] = []
    first: dict[str, str] = {}
    for one in entered:
        if one.programme is None:
            lost.append((one.slug, one.title, one.kind, 0, 0, False, one.reason))
            continue
        for part in split_phases(one.programme):
            try:
                listed, said = _find_one(part, one.kind, followed, data)
            except DesignError as error:
                reason = as_reason(error).removeprefix(f"{part.file}, ").removeprefix(part.file)
                lost.append((part.slug, part.title, one.kind, 0, 0, False, reason.lstrip(": ")))
                continue
            remarks += said
            if any(part.slug == known.programme.slug for known in found):
                lost.append((part.slug, part.title, one.kind, 0, 0, False, TAKEN))
                continue
            same = first.setdefault(_identify(listed), part.slug)
            why = NOBODY if not listed.schools else f"{SAME} (`{same}`)" * (same != part.slug)
            if why:
                count = (listed.listed, len(listed.schools))
                lost.append((part.slug, part.title, one.kind, *count, False, why))
            else:
                found.append(listed)
    left_out = pd.DataFrame(lost, columns=ACCOUNT_COLUMNS)
    return FoundProgrammes(tuple(found), left_out, (*remarks, *_say_shared(found)))


def _find_one(
    programme: Programme, kind: str, followed: Schools, data: Path
) -> tuple[ListedProgramme, list[Remark]]:
    """Find the schools of one programme, without those that are unknown or listed again."""
    members = programme.members
    if not isinstance(members, tuple):  # a whole authority; files of members are read before
        table = find_members(programme, followed, data)
        return ListedProgramme(programme, kind, table, len(table)), []
    known = followed.known
    unknown = [member.urn for member in members if member.urn not in known.index]
    kept: dict[int, Member] = {}
    for member in members:
        if member.urn in known.index:
            kept.setdefault(int(known[member.urn]), member)
    used, again = tuple(kept.values()), len(members) - len(unknown) - len(kept)
    remarks = []
    if unknown and kept:
        remarks.append(Remark(UNKNOWN, programme.slug, _list_some(unknown)))
    if again:
        remarks.append(Remark(TWICE, programme.slug, f"{again} of {len(members)} rows"))
    programme = programme.model_copy(update={"members": used})
    table = find_members(programme, followed, data) if used else pd.DataFrame(index=pd.Index([]))
    return ListedProgramme(programme, kind, table, len(members)), remarks


def _identify(one: ListedProgramme) -> str:
    """Return what two programmes have in common only where they are one and the same."""
    settings = one.programme.model_dump_json(
        exclude={"slug", "title", "summary", "members", "cost", "evidence", "part_of"}
    )
    told = one.members.reindex(columns=["joined", "dose"]).sort_index().to_dict("list")
    return f"{one.schools} {settings} {told}" if one.schools else one.programme.slug


def _say_shared(found: Sequence[ListedProgramme]) -> list[Remark]:
    """Say of each programme which of its schools are in others of the list too."""
    counts = Counter(school for one in found for school in one.schools)
    shared = [sum(counts[school] > 1 for school in one.schools) for one in found]
    return [
        Remark(SHARED, one.programme.slug, f"{some} of {len(one.schools)} schools")
        for one, some in zip(found, shared, strict=True) if some
    ]  # fmt: skip


def sum_remarks(remarks: pd.DataFrame, account: pd.DataFrame) -> list[str]:
    """Say each thing once, however many programmes it is true of, and name a few of these."""
    said = defaultdict[str, list[str]](list)
    left = account[~account["evaluated"].astype(bool)]
    for programme, reason in zip(left["programme"], left["reason"], strict=True):
        said[f"left out: {short_reason(reason)}"].append(str(programme))
    for what, programme in zip(remarks["what"], remarks["programme"], strict=True):
        said[str(what)].append(str(programme))
    return [f"{_list_some(names)}: {what}" for what, names in said.items()]


def short_reason(reason: object) -> str:
    """Return a reason without what is one programme's own in it, so that like ones are counted."""
    first = re.split(r" \(?`|\. |: ", str(reason))[0].rstrip(". ")
    return re.sub(r"^\d+( of \d+)? schools", "too few schools", first)


MOST_NAMED = 5


def _list_some(names: Sequence[object]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(map(str, names[:MOST_NAMED])) + (f" and {more} more" if more > 0 else "")

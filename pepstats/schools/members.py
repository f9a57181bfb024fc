"""A programme's schools found in the register, by any URN they ever had."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from pepstats.errors import DesignError, nearest
from pepstats.schools.identity import Schools
from pepstats.settings import PHASES, Member, MembersInAuthority, MembersInFile, Programme
from pepstats.sources import read_members

COLUMNS = ["urn", "joined", "dose", "basis", "changed"]


def find_members(programme: Programme, followed: Schools, data: Path) -> pd.DataFrame:
    """Find a programme's schools in the register.

    Index `school`; `urn`, `joined`, `dose`, `basis`, `changed`. Every URN that no file has, and
    every school listed twice under two of its URNs, is named at once.
    """
    members = programme.members
    if isinstance(members, MembersInAuthority):
        return _find_in_authority(programme, members.authority, followed.register)
    if isinstance(members, MembersInFile):
        return _find_listed(read_members(members.file, data), members.file, programme, followed)
    return _find_listed(members, f"{programme.file}, `members`", programme, followed)


def _find_in_authority(programme: Programme, code: int, register: pd.DataFrame) -> pd.DataFrame:
    inside = register["la"].eq(code) & register["phase"].isin(PHASES[programme.phase])
    if not inside.any():
        raise DesignError(
            f"{programme.file}, `members`: no school with {programme.phase} results is in "
            f"authority {code}."
        )
    found = register.loc[inside, ["urn"]].assign(joined=None, dose=float("nan"), basis=None)
    return found.assign(changed=None).rename_axis("school").sort_index()


def _find_listed(
    listed: Sequence[Member], where: str, programme: Programme, followed: Schools
) -> pd.DataFrame:
    """Find the schools of a list, of which a part for one phase has those of that phase."""
    known, phases = followed.known, followed.register["phase"].astype(str)
    unknown = [str(member.urn) for member in listed if member.urn not in known.index]
    if unknown:
        are = "is" if len(unknown) == 1 else "are"
        raise DesignError(
            f"{where}: {', '.join(unknown)} {are} in no source of this study. "
            f"{nearest(unknown[0], map(str, known.index))} "
            "Check the number, or add the file that has it."
        )
    if programme.part_of:
        listed = [m for m in listed if _in_phase(str(phases[known[m.urn]]), programme)]
        if not listed:
            other = "secondary" if programme.phase == "primary" else "primary"
            raise DesignError(
                f"{where}: no {programme.phase} school is listed. Write `phase: {other}`."
            )
    rows = [[getattr(member, name) for name in COLUMNS] for member in listed]
    schools = pd.Index([int(known[member.urn]) for member in listed], name="school")
    table = pd.DataFrame(rows, columns=COLUMNS, index=schools)
    twice = table[table.index.duplicated(keep=False)]
    if len(twice):
        raise DesignError(
            f"{where}: {', '.join(map(str, sorted(twice['urn'])))} are one school under two "
            "numbers, or listed twice. List each school once."
        )
    return table.sort_index()


def _in_phase(phase: str, programme: Programme) -> bool:
    """Return whether a school is in a phase's part; one of neither phase is with the primaries.

    So a special school, which has no phase here, is still listed, and left out with its reason.
    """
    other = {one for own in PHASES.values() for one in own}
    return phase in PHASES[programme.phase] or (programme.phase == "primary" and phase not in other)

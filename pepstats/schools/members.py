"""schools.members."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from pepstats.errors import DesignError, nearest
from pepstats.schools.identity import Schools
from pepstats.settings import PHASES, MembersInAuthority, MembersInFile, Programme
from pepstats.sources import read_members


def find_members(programme: Programme, followed: Schools, data: Path) -> pd.DataFrame:
    """Find a programme's schools in the register, by any URN they ever had.

    Index `school`; `urn`, `joined`, `dose`, `basis`. Every URN that no file has, and every school
    listed twice under two of its URNs, is named at once.
    """
    register, known = followed.register, followed.known
    where = f"{programme.file}, `members`"
    if isinstance(programme.members, MembersInAuthority):
        code = programme.members.authority
        phases = PHASES[programme.phase]
        inside = register[(register["la"] == code) & register["phase"].isin(phases)]
        if inside.empty:
            raise DesignError(
                f"{where}: no school with {programme.phase} results is in authority {code}."
            )
        table = pd.DataFrame(
            {"urn": inside["urn"], "joined": None, "dose": np.nan, "basis": None, "changed": None}
        )
        return table.rename_axis("school").sort_index()
    if isinstance(programme.members, MembersInFile):
        listed = read_members(programme.members.file, data)
        where = programme.members.file
    else:
        listed = list(programme.members)
    unknown = [str(member.urn) for member in listed if member.urn not in known.index]
    if unknown:
        are = "is" if len(unknown) == 1 else "are"
        raise DesignError(
            f"{where}: {', '.join(unknown)} {are} in no source of this study. "
            f"{nearest(unknown[0], map(str, known.index))} "
            "Check the number, or add the file that has it."
        )
    if programme.part_of:
        phases = register["phase"].astype(str).to_dict()
        listed = [m for m in listed if _in_phase(phases[int(known[m.urn])], programme)]
        if not listed:
            raise DesignError(
                f"{where}: no {programme.phase} school is listed. Write `phase: "
                f"{'secondary' if programme.phase == 'primary' else 'primary'}`."
            )
    table = pd.DataFrame(
        [(int(known[m.urn]), m.urn, m.joined, m.dose, m.basis, m.changed) for m in listed],
        columns=["school", "urn", "joined", "dose", "basis", "changed"],
    ).set_index("school")
    twice = table[table.index.duplicated(keep=False)]
    if len(twice):
        raise DesignError(
            f"{where}: {', '.join(map(str, sorted(twice['urn'])))} are one school under two "
            "numbers, or listed twice. List each school once."
        )
    return table.sort_index()


def _in_phase(phase: str, programme: Programme) -> bool:
    """Say whether a school is in a phase's part; one of neither phase counts with the primaries.

    So a special school, which has no phase here, is still listed, and left out with its reason.
    """
    other = {one for own in PHASES.values() for one in own}
    return phase in PHASES[programme.phase] or (programme.phase == "primary" and phase not in other)

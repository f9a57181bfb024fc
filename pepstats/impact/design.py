"""Who is compared with whom, and what an evaluation starts from: no result after the start."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from pepstats.errors import DesignError, nearest
from pepstats.matching import (
    Match,
    MatchBasis,
    Pool,
    before_start,
    find_pool,
    list_differences,
    match_schools,
    measure_balance,
    measure_overlap,
)
from pepstats.measures import whole_of
from pepstats.schools import Panel
from pepstats.settings import MatchRule, Programme, check_settings, lead_with

FEWEST_SCHOOLS = 4
"""A programme with fewer usable schools is refused (the Fund's own smallest bid was four)."""


def no_similar() -> pd.DataFrame:
    """Return the pairs of no published list: `list`, `school`, `similar`."""
    return pd.DataFrame({"list": [], "school": [], "similar": []})


@dataclass(frozen=True)
class Inputs:
    """What every evaluation of a programme starts from.

    `members` has index `school`, with `dose` and `also_in` (in how many other programmes each is);
    `national` are England's levels, needed in October; `rules` is the data folder that may have
    tables of its own (`months.yml`, `costs.yml`, `grades.yml`); `fixed_before` says whether the
    design was fixed before its outcomes were seen; `others` are the report's other programmes, each
    with its schools, whose outcomes are judged together with this one's; `similar` has the pairs of
    the published lists that checks compare with: `list`, `school`, `similar`.
    """

    panel: Panel = field(repr=False)
    register: pd.DataFrame = field(repr=False)
    year: int
    members: pd.DataFrame = field(repr=False)
    national: pd.DataFrame | None = field(default=None, repr=False)
    rules: Path | None = None
    fixed_before: bool = False
    others: tuple[tuple[Programme, tuple[int, ...]], ...] = field(default=(), repr=False)
    similar: pd.DataFrame = field(default_factory=no_similar, repr=False)


@dataclass(frozen=True)
class Design:
    """Who is compared with whom: made without any outcome after the start.

    `members` are the programme's schools, `barred` those of every known programme.
    """

    members: tuple[int, ...]
    barred: tuple[int, ...]
    pool: Pool = field(repr=False)
    match: Match = field(repr=False)

    @property
    def pairs(self) -> pd.DataFrame:
        """Members' comparison schools, and how far each pair is apart in what was matched on."""
        return list_differences(self.pool, self.match.pairs(self.members))

    @property
    def flow(self) -> pd.DataFrame:
        """Which rule left out how many schools of the register."""
        return self.pool.flow

    @property
    def balance(self) -> pd.DataFrame:
        """How alike the schools were before the start: see `measure_balance`."""
        return measure_balance(self.pool, self.match, self.members)

    @property
    def overlap(self) -> pd.DataFrame:
        """How far each member's comparison schools are: see `measure_overlap`."""
        return measure_overlap(self.pool, self.match, self.members)

    def with_members(self, members: Iterable[int]) -> Design:
        """Return the same comparison of every school, for another programme's schools."""
        return replace(self, members=tuple(sorted(members)))

    @property
    def unmatched(self) -> pd.DataFrame:
        """Members that are compared with nobody, each with its reason."""
        lost = pd.concat([self.pool.left_out, self.match.unmatched])
        return lost[lost.index.isin(self.members)]


def design_comparison(
    programme: Programme,
    panel: Panel,
    register: pd.DataFrame,
    members: Iterable[int],
    barred: Iterable[int],
) -> Design:
    """Choose who is compared with whom, from what was known before the programme started."""
    chosen = tuple(sorted(members))
    pool = find_pool(
        before_start(panel, max(programme.baseline) + 1), register, MatchBasis.of(programme), chosen
    )
    never = tuple(sorted(set(barred) | set(chosen)))
    design = Design(
        chosen, never, pool, match_schools(pool, programme.match, programme.pool, barred=never)
    )
    refuse_few(programme, design)
    return design


def refuse_few(programme: Programme, design: Design) -> None:
    """Refuse a programme of which too few schools can be compared, and say why they cannot."""
    chosen = design.members
    usable = set(chosen) & set(design.pool.schools.index) - set(design.match.unmatched.index)
    if len(usable) < FEWEST_SCHOOLS:
        why = design.unmatched["reason"].value_counts()
        raise DesignError(
            f"{programme.file}: {len(usable)} of {len(chosen)} schools can be "
            f"compared; at least {FEWEST_SCHOOLS} are needed. Lost: "
            + ("; ".join(f"{n} to {reason}" for reason, n in why.items()) or "none")
            + ". Add schools, or change `baseline`, `match` or `pool`."
        )


def compares_alike(one: Programme, other: Programme) -> bool:
    """Return whether two programmes' schools are compared with the same schools in the same way."""
    first, second = MatchBasis.of(one), MatchBasis.of(other)
    same = first.rule == second.rule and first.variables() == second.variables()
    return same and first.phase == second.phase and one.pool == other.pool


def change_programme(programme: Programme, **changed: object) -> Programme:
    """Return a programme with some fields changed, its own or those of its `match`, all checked.

    Its schools may be given by their URNs alone.
    """
    known = {*Programme.model_fields, *MatchRule.model_fields, "for"} - {"slug", "part_of"}
    for name in changed:
        if name not in known:
            raise DesignError(f"A programme has no field `{name}`. {nearest(name, known)}")
    own = {name: value for name, value in changed.items() if name not in MatchRule.model_fields}
    if "for" in own:
        own["whom"] = own.pop("for")
    of_match = {n: value for n, value in changed.items() if n in MatchRule.model_fields}
    if isinstance(members := own.get("members"), list | tuple):
        own["members"] = [{"urn": m} if isinstance(m, int) else m for m in members]
    group = f"{whole_of(programme.primary)}.{programme.whom}"
    if group in programme.outcomes:  # as its file has it, whichever outcome leads
        programme = lead_with(programme, group)
    content = programme.model_dump() | own
    if of_match:
        content["match"] = programme.match.model_dump() | of_match
    return check_settings(Programme, content, Path(programme.file))

"""One school through time: which URN became which, and what each school is.

A school keeps its identity when its URN changes. Who became whom is told by the Department's
links, by `URN_AC` in the results, by the register's other URN, and by a kept authority and
establishment number. Where several URNs with results meet, one rule decides, and it never looks
at results: a URN that begins carries on the one linked school that has ended, and if several have
ended, the one with the largest cohort; the others end there. Where one school splits, the new URN
with the largest cohort carries it on and the others begin anew.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from pepstats.errors import DesignError, SourceError
from pepstats.schools.register import AUTHORITY_BECAME, describe_schools
from pepstats.settings import PHASES, Member, MembersInAuthority, MembersInFile, Programme
from pepstats.sources import Results, read_members

Links = dict[int, dict[int, str]]
"""URN -> linked URN -> how they are known to be linked; each pair both ways."""


def chain_urns(
    rows: pd.DataFrame, links: Links
) -> tuple[dict[int, int], dict[int, str], dict[str, int]]:
    """Find each URN's school and how that is known, and count the decisions.

    `rows` has urn, year, cohort and has_results. A school is called by the first URN, in time,
    that it has in these rows.
    """
    with_results = rows[rows["has_results"]]
    first_seen = rows.groupby("urn")["year"].min().to_dict()
    chains = _Chains(
        links,
        first_seen,
        years=with_results.groupby("urn")["year"].agg(set).to_dict(),
        cohorts=with_results.groupby(["urn", "year"])["cohort"].sum().to_dict(),
    )
    for group in _components(first_seen, links):
        chains.order_in_time([u for u in group if u in chains.years])
        without = [u for u in group if u not in chains.years]
        for urn in sorted(without, key=lambda u: (first_seen[u], u)):
            chains.place_without_results(urn)
    called = {
        head: min(chain, key=lambda u: (first_seen[u], u not in chains.years, u))
        for head, chain in chains.members.items()
    }
    school_of = {urn: called[head] for urn, head in chains.owner.items()}
    return school_of, chains.how, dict(chains.notes)


def reach(
    urn: int, links: Links, wanted: Collection[int], stops: Collection[int] = ()
) -> list[int]:
    """List the wanted URNs linked to one, nearest first, also through URNs that are not stops."""
    seen, edge, found = {urn}, [urn], []
    while edge:
        nearer = sorted({n for u in edge for n in links.get(u, {})} - seen)
        seen.update(nearer)
        found += [u for u in nearer if u in wanted]
        edge = [u for u in nearer if u not in wanted and u not in stops]
    return found


def name_other_urns(school_of: dict[int, int], links: Links) -> pd.Series:
    """Find the school of every URN, also of one whose links alone lead to one school."""
    known = dict(school_of)
    for urn in sorted(set(links) - set(school_of)):
        schools = {school_of[u] for u in reach(urn, links, school_of)}
        if len(schools) == 1:
            known[urn] = schools.pop()
    return pd.Series(known, dtype="int64", name="school").rename_axis("urn").sort_index()


def _components(urns: Iterable[int], links: Links) -> list[list[int]]:
    """Group the URNs that links connect, also through URNs without rows."""
    own, seen, groups = set(urns), set(), []
    for start in sorted(own):
        if start in seen:
            continue
        group, edge = {start}, [start]
        while edge:
            edge = sorted({n for u in edge for n in links.get(u, {})} - group)
            group.update(edge)
        seen |= group
        groups.append(sorted(group & own))
    return groups


@dataclass
class _Chains:
    """Schools as chains of URNs while they are put together; each is kept by its first URN."""

    links: Links
    first_seen: dict[int, int]
    years: dict[int, set[int]]  # in which a URN has results
    cohorts: dict[tuple[int, int], float]
    members: dict[int, list[int]] = field(default_factory=dict)
    owner: dict[int, int] = field(default_factory=dict)
    how: dict[int, str] = field(default_factory=dict)
    notes: Counter[str] = field(default_factory=Counter)

    def order_in_time(self, urns: list[int]) -> None:
        """Put linked URNs that have results into chains, never two of them in one year."""
        chains: list[list[int]] = []
        self.how.update(dict.fromkeys(urns, "same URN"))
        begins = {urn: min(self.years[urn]) for urn in urns}
        for year in sorted(set(begins.values())):
            begun = [urn for urn in urns if begins[urn] == year]
            ended = {u: c for c in chains if max(self.years[c[-1]]) < year for u in c}
            for urn in sorted(begun, key=lambda u: (-self.cohorts[u, year], u)):
                before = reach(urn, self.links, ended, stops=self.years)
                if not before:
                    chains.append([urn])
                    continue
                chain = self._follow(urn, before, ended)
                ended = {u: c for u, c in ended.items() if c is not chain}
        for chain in chains:
            self.members[chain[0]] = chain
            self.owner.update(dict.fromkeys(chain, chain[0]))

    def _follow(self, urn: int, before: list[int], ended: dict[int, list[int]]) -> list[int]:
        """Let a URN carry on the largest of the chains that ended before it."""
        ends = {ended[u][-1]: u for u in reversed(before)}  # each chain by its nearest URN
        last = min(ends, key=lambda u: (-self.cohorts[u, max(self.years[u])], u))
        self.how[urn] = self.links[urn].get(ends[last], "linked through a URN without results")
        self.notes[f"followed: {self.how[urn]}"] += 1
        if len(ends) > 1:
            self.notes["several schools became one: the largest carried on"] += 1
        ended[last].append(urn)
        return ended[last]

    def place_without_results(self, urn: int) -> None:
        """Place a URN that is listed but never has results with the school it is linked to."""
        linked = reach(urn, self.links, self.owner)
        if not linked:
            self.members[urn], self.owner[urn], self.how[urn] = [urn], urn, "same URN"
            return
        own_year = self.first_seen[urn]
        nearest = min(linked, key=lambda u: (own_year not in self.years.get(u, ()), u))
        self.owner[urn] = self.owner[nearest]
        self.how[urn] = self.links[urn].get(nearest, "linked through another URN")
        self.members[self.owner[urn]].append(urn)


RESULT_KINDS = ("ks2", "ks4")


@dataclass(frozen=True)
class Schools:
    """Every school of a study, each URN of each year in one of them.

    `register` has one row per `school`: name, la, phase, school_type, governance, type, trust,
    opened, closed, urn (the latest) and urns (all, in time order). `rows` has one per URN and year
    of the results files: urn, year, school, has_results and how it is known to be that school.
    `known` gives the school of every URN that is one school's alone, also those that only the
    register or the links have. `not_followed` lists schools without results in the last year:
    school, urn, last_year, why, into. `notes` counts what was decided on the way.
    """

    register: pd.DataFrame
    rows: pd.DataFrame
    known: pd.Series
    not_followed: pd.DataFrame
    notes: dict[str, int]


def follow_schools(
    results: Sequence[Results],
    register_rows: pd.DataFrame | None = None,
    links: pd.DataFrame | None = None,
    *,
    trusts: pd.DataFrame | None = None,
) -> Schools:
    """Follow each school through its URNs, one school for each URN and year.

    `results` are the cleaned results files (`ks2`, `ks4`; other kinds are attached later by URN),
    `register_rows` and `links` the cleaned register and links. Raises `SourceError` when there
    are no results to follow.
    """
    files = [r for r in results if r.source.kind in RESULT_KINDS]
    if not files:
        raise SourceError("There is no key stage 2 or 4 results file, so no school to follow.")
    if register_rows is not None:  # several registers: the last listed has the last word
        register_rows = register_rows[~register_rows.index.duplicated(keep="last")].sort_index()
    rows = _list_rows(files)
    found = _find_links(rows, register_rows, links)
    school_of, how, notes = chain_urns(rows, found)
    rows["school"], rows["how"] = rows["urn"].map(school_of), rows["urn"].map(how)
    twice = rows.duplicated(["school", "year", "kind"], keep=False)
    extra = twice & ~rows["has_results"]
    rows.loc[extra, "how"] = "listed twice in one year"
    if extra.any():
        notes["listed twice in one year"] = int(rows.loc[extra, "urn"].nunique())
    known = name_other_urns(school_of, found)
    register = describe_schools(rows, known, files, register_rows, trusts)
    ended = _list_ended(rows, found, register_rows)
    tidy = rows.groupby(["urn", "year"], as_index=False).agg(
        school=("school", "first"), has_results=("has_results", "max"), how=("how", "first")
    )
    return Schools(register, tidy, known, ended, notes)


def _list_rows(files: list[Results]) -> pd.DataFrame:
    """List each URN of each year with its cohort, whether it has results, and its number."""
    parts = []
    for one in files:
        counted = "cohort" if one.source.kind == "ks2" else "cohort_ks4"
        missing = pd.Series(float("nan"), index=one.values.index)
        cohort = one.values.get(counted, missing).fillna(0.0)
        outcomes = one.values.drop(columns=[c for c in one.values if c.startswith("cohort")])
        parts.append(pd.DataFrame({
            "urn": one.values.index.to_numpy(),
            "year": one.source.year or 0,
            "kind": one.source.kind,
            "cohort": cohort.to_numpy(),
            "has_results": (cohort.gt(0) | outcomes.notna().any(axis=1)).to_numpy(),
            "la": one.identity["la"].to_numpy(),
            "estab": one.identity["estab"].to_numpy(),
            "urn_ac": one.identity["urn_ac"].to_numpy(),
        }))  # fmt: skip
    # Results, and the pupils behind them, may be in two files.
    rows = pd.concat(parts).groupby(["year", "kind", "urn"], as_index=False).agg(
        {"cohort": "max", "has_results": "max", "la": "first", "estab": "first", "urn_ac": "first"}
    )  # fmt: skip
    return rows[[*parts[0]]]


def _find_links(
    rows: pd.DataFrame, register_rows: pd.DataFrame | None, links: pd.DataFrame | None
) -> Links:
    """Gather who may have become whom, from each source that says so."""
    later = rows.dropna(subset=["urn_ac"])
    told = [(later["urn"], later["urn_ac"], "academy named in the results")]
    own = rows[["urn", "la", "estab"]]
    if links is not None:
        told.insert(0, (links["before"], links["after"], "linked: " + links["what"]))
    if register_rows is not None:
        other = register_rows["other_urn"].dropna()
        told.append((other.index.to_series(), other, "other URN in the register"))
        listed = register_rows.loc[register_rows.index.isin(rows["urn"]), ["la", "estab"]]
        own = pd.concat([own, listed.reset_index()], ignore_index=True)
    own = own[own["la"].gt(0)].dropna().drop_duplicates().sort_values(["la", "estab", "urn"])
    following = own.groupby(["la", "estab"])["urn"].shift(-1).dropna()
    told.append((own["urn"][following.index], following, "same authority and establishment number"))
    found: Links = defaultdict(dict)
    for ones, others, how in told:
        pairs = pd.DataFrame({"one": ones, "other": others, "how": how})
        for one, other, said in pairs.astype({"one": int, "other": int}).itertuples(index=False):
            if one != other:
                found[one].setdefault(other, said)
                found[other].setdefault(one, said)
    return found


def _list_ended(
    rows: pd.DataFrame, links: Links, register_rows: pd.DataFrame | None
) -> pd.DataFrame:
    """List each school without results in the last year, and why it could not be followed."""
    last = int(rows["year"].max())
    with_results = rows[rows["has_results"]]
    ends = with_results.groupby("school")["year"].max()
    ended = ends[ends < last]
    owner = rows.drop_duplicates("urn").set_index("urn")["school"]
    present = set(with_results.loc[with_results["year"] == last, "urn"])
    listed = set(rows.loc[rows["year"] == last, "school"])
    closed = {} if register_rows is None else register_rows["closed"].dropna().to_dict()
    final = with_results.sort_values(["year", "cohort"]).groupby("school")["urn"].last()
    out = []
    for school, year in ended.items():
        urn = int(final[school])
        into = [u for u in reach(urn, links, present) if owner[u] != school]
        if into:
            why = "merged into another school"
        elif school in listed:
            why = "still listed, without results"
        elif urn in closed:
            why = f"closed {closed[urn]:%Y-%m-%d}, no successor with results"
        else:
            why = "no later row and no link to one"
        out.append((school, urn, year, why, into[0] if into else None))
    frame = pd.DataFrame(out, columns=["school", "urn", "last_year", "why", "into"])
    return frame.astype({"into": "Int64"}).sort_values("school", ignore_index=True)


MEMBER_COLUMNS = ["urn", "joined", "dose", "basis", "changed"]


def find_members(
    programme: Programme, followed: Schools, data: Path, authority: int | None = None
) -> pd.DataFrame:
    """Find a programme's schools in the register.

    Index `school`; `urn`, `joined`, `dose`, `basis`, `changed`. Every URN that no file has, every
    school listed twice under two of its URNs, and, where an `authority` is given, every school that
    is now in another one, is named at once.
    """
    members = programme.members
    if isinstance(members, MembersInAuthority):
        return _find_in_authority(programme, members.authority, followed.register)
    if isinstance(members, MembersInFile):
        where, listed = members.file, tuple(read_members(members.file, data))
    else:
        where, listed = f"{programme.file}, `members`", members
    found = _find_listed(listed, where, programme, followed)
    la = followed.register["la"].reindex(followed.known).set_axis(followed.known.index).dropna()
    if authority is not None and (strange := say_elsewhere(listed, la.astype(int), authority)):
        raise DesignError(f"{programme.file}, {strange}")
    return found


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
            "Check the number, or add the file that has it."
        )
    if programme.part_of:
        listed = [m for m in listed if _in_phase(str(phases[known[m.urn]]), programme)]
        if not listed:
            other = "secondary" if programme.phase == "primary" else "primary"
            raise DesignError(
                f"{where}: no {programme.phase} school is listed. Write `phase: {other}`."
            )
    rows = [[getattr(member, name) for name in MEMBER_COLUMNS] for member in listed]
    schools = pd.Index([int(known[member.urn]) for member in listed], name="school")
    table = pd.DataFrame(rows, columns=MEMBER_COLUMNS, index=schools)
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


def say_elsewhere(listed: Sequence[Member], authority_of: Mapping[int, int], authority: int) -> str:
    """Say which schools are in another authority, where that is not written beside them; or "".

    One that changed its number with its authority's (Poole, say) is not elsewhere.
    """
    same = {old for old, new in AUTHORITY_BECAME.items() if authority in new}
    same |= {authority, *AUTHORITY_BECAME.get(authority, ())}
    strange = [
        f"{one.urn} (authority {la})"
        for one in listed
        if (la := authority_of.get(one.urn)) and la not in same and la != one.authority
    ]
    if not strange:
        return ""
    more = f" and {len(strange) - 5} more" if len(strange) > 5 else ""
    return (
        f"`members`: {', '.join(strange[:5])}{more}: not in the report's authority ({authority}). "
        "Check the numbers; where a school is meant, write its `authority` beside it."
    )

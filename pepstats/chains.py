"""Which URNs are one school: linked URNs put in order of time, one for each year."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable

import pandas as pd

Links = dict[int, dict[int, str]]
"""URN -> linked URN -> how they are known to be linked; each pair both ways."""


def chain_urns(
    rows: pd.DataFrame, links: Links
) -> tuple[dict[int, int], dict[int, str], dict[str, int]]:
    """Give each URN its school and how that is known, and count the decisions.

    `rows` has urn, year, cohort and has_results. A school is called by the first URN, in time,
    that it has in these rows.
    """
    with_results = rows[rows["has_results"]]
    years = _by_urn(with_results, "year", set)
    cohorts: dict[tuple[int, int], float] = defaultdict(float)
    for urn, year, n in zip(
        with_results["urn"], with_results["year"], with_results["cohort"], strict=True
    ):
        cohorts[urn, year] += n
    first_seen = rows.groupby("urn")["year"].min().to_dict()
    members: dict[int, list[int]] = {}  # a school's URNs in time order, by its first
    owner: dict[int, int] = {}
    how: dict[int, str] = {}
    notes: Counter[str] = Counter()
    for group in _components(first_seen, links):
        for chain in _order_in_time(
            [u for u in group if u in years], years, cohorts, links, how, notes
        ):
            members[chain[0]] = chain
            owner.update(dict.fromkeys(chain, chain[0]))
        for urn in sorted((u for u in group if u not in years), key=lambda u: (first_seen[u], u)):
            _place_without_results(urn, owner, members, how, links, first_seen, years)
    called = {
        head: min(chain, key=lambda u: (first_seen[u], u not in years, u))
        for head, chain in members.items()
    }
    return {urn: called[head] for urn, head in owner.items()}, how, dict(notes)


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
    """Give the school of every URN, also of one whose links alone lead to one school."""
    known = dict(school_of)
    for urn in sorted(set(links) - set(school_of)):
        schools = {school_of[u] for u in reach(urn, links, school_of)}
        if len(schools) == 1:
            known[urn] = schools.pop()
    return pd.Series(known, dtype="int64", name="school").rename_axis("urn").sort_index()


def _by_urn(rows: pd.DataFrame, column: str, kind: type[set[int]]) -> dict[int, set[int]]:
    found: dict[int, set[int]] = defaultdict(kind)
    for urn, value in zip(rows["urn"], rows[column], strict=True):
        found[urn].add(value)
    return dict(found)


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


def _order_in_time(
    urns: list[int], years: dict[int, set[int]], cohorts: dict[tuple[int, int], float],
    links: Links, how: dict[int, str], notes: Counter[str],
) -> list[list[int]]:  # fmt: skip
    """Put linked URNs that have results into chains, never two of them in one year."""
    chains: list[list[int]] = []
    starting: dict[int, list[int]] = defaultdict(list)
    for urn in urns:
        starting[min(years[urn])].append(urn)
        how[urn] = "same URN"
    for year in sorted(starting):
        begun = sorted(starting[year], key=lambda u: (-cohorts[u, year], u))
        ended = {urn: c for c in chains if max(years[c[-1]]) < year for urn in c}
        for urn in begun:
            before = reach(urn, links, ended, stops=years)
            if not before:
                chains.append([urn])
                continue
            ends = {ended[u][-1]: u for u in reversed(before)}  # each chain by its nearest URN
            last = min(ends, key=lambda u: (-cohorts[u, max(years[u])], u))
            how[urn] = links[urn].get(ends[last], "linked through a URN without results")
            notes[f"followed: {how[urn]}"] += 1
            if len(ends) > 1:
                notes["several schools became one: the largest carried on"] += 1
            chain = ended[last]
            ended = {u: c for u, c in ended.items() if c is not chain}
            chain.append(urn)
    return chains


def _place_without_results(
    urn: int, owner: dict[int, int], members: dict[int, list[int]], how: dict[int, str],
    links: Links, first_seen: dict[int, int], years: dict[int, set[int]],
) -> None:  # fmt: skip
    """Give a URN that is listed but never has results to the school it is linked to, if any."""
    linked = reach(urn, links, owner)
    if not linked:
        members[urn], owner[urn], how[urn] = [urn], urn, "same URN"
        return
    own_year = first_seen[urn]
    nearest = min(linked, key=lambda u: (own_year not in years.get(u, ()), u))
    owner[urn], how[urn] = owner[nearest], links[urn].get(nearest, "linked through another URN")
    members[owner[nearest]].append(urn)

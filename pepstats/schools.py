"""One school through time: which URN became which, and what each school is.

A school keeps its identity when its URN changes. Who became whom is told by the Department's
links, by `URN_AC` in the results, by the register's other URN, and by a kept authority and
establishment number. Where several URNs with results meet, one rule decides, and it never looks
at results: a URN that begins carries on the one linked school that has ended, and if several have
ended, the one with the largest cohort; the others end there. Where one school splits, the new URN
with the largest cohort carries it on and the others begin anew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from pepstats import chains
from pepstats.chains import Links
from pepstats.clean import Results
from pepstats.descriptions import describe_schools
from pepstats.errors import SourceError

RESULT_KINDS = ("ks2", "ks4")


@dataclass(frozen=True)
class Schools:
    """Every school of a study, each URN of each year in one of them.

    Attributes
    ----------
    register
        Index `school`, one row per school: name, la, phase, school_type, governance, type, trust,
        opened, closed, urn (the latest), urns (all, in time order).
    rows
        One row per URN and year of the results files: urn, year, school, has_results, how (how it
        is known to be that school).
    known
        Index `urn`: the school of every URN that is one school's alone, also those that only the
        register or the links have.
    not_followed
        Schools without results in the last year: school, urn, last_year, why, into.
    notes
        Counts of what was decided on the way, by what.
    """

    register: pd.DataFrame
    rows: pd.DataFrame
    known: pd.Series
    not_followed: pd.DataFrame
    notes: dict[str, int]


def follow(
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
    school_of, how, notes = chains.chain_urns(rows, found)
    rows["school"] = [school_of[urn] for urn in rows["urn"]]
    rows["how"] = [how[urn] for urn in rows["urn"]]
    twice = rows.duplicated(["school", "year", "kind"], keep=False)
    extra = twice & ~rows["has_results"]
    rows.loc[extra, "how"] = "listed twice in one year"
    if extra.any():
        notes["listed twice in one year"] = int(rows.loc[extra, "urn"].nunique())
    known = chains.name_other_urns(school_of, found)
    register = describe_schools(rows, known, files, register_rows, trusts)
    ended = _say_who_ended(rows, found, register_rows)
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
    rows = pd.concat(parts, ignore_index=True)
    return rows.sort_values(["year", "kind", "urn"], kind="stable").reset_index(drop=True)


def _find_links(
    rows: pd.DataFrame, register_rows: pd.DataFrame | None, links: pd.DataFrame | None
) -> Links:
    """Gather who may have become whom, from each source that says so."""
    found: Links = defaultdict(dict)

    def add(one: int, other: int, how: str) -> None:
        if one != other:
            found[one].setdefault(other, how)
            found[other].setdefault(one, how)

    if links is not None:
        for before, after, what in zip(links["before"], links["after"], links["what"], strict=True):
            add(int(before), int(after), f"linked: {what}")
    later = rows.dropna(subset=["urn_ac"])
    for urn, academy in zip(later["urn"], later["urn_ac"], strict=True):
        add(int(urn), int(academy), "academy named in the results")
    if register_rows is not None:
        other = register_rows["other_urn"].dropna()
        for urn, twin in zip(other.index, other, strict=True):
            add(int(urn), int(twin), "other URN in the register")
    numbered = _numbers(rows, register_rows)
    for _, group in numbered.groupby(["la", "estab"]):
        urns = group["urn"].tolist()
        for one, next_one in zip(urns, urns[1:], strict=False):
            add(int(one), int(next_one), "same authority and establishment number")
    return found


def _numbers(rows: pd.DataFrame, register_rows: pd.DataFrame | None) -> pd.DataFrame:
    """Give each URN of the results its authority and establishment number, once."""
    own = rows[["urn", "la", "estab"]]
    if register_rows is not None:
        listed = register_rows.loc[register_rows.index.isin(rows["urn"]), ["la", "estab"]]
        own = pd.concat([own, listed.reset_index()])
    own = own.dropna()
    return own[own["la"].gt(0)].drop_duplicates().sort_values(["la", "estab", "urn"])


def _say_who_ended(
    rows: pd.DataFrame, links: Links, register_rows: pd.DataFrame | None
) -> pd.DataFrame:
    """Say of each school without results in the last year why it could not be followed."""
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
        into = [u for u in chains.reach(urn, links, present) if owner[u] != school]
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
    return frame.astype({"into": "Int64"}).sort_values("school").reset_index(drop=True)

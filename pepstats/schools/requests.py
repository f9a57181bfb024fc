"""What a report asks for that its files cannot give, or mixes up: said before anything runs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

from pepstats.errors import DesignError, PepstatsError
from pepstats.measures import GAP, MEASURES, why_not_by_school, why_not_in, why_not_taken
from pepstats.schools.identity import say_elsewhere
from pepstats.settings import Member, MembersInAuthority, MembersInFile, Programme, Report
from pepstats.sources import (
    RESULTS,
    Source,
    find_authorities,
    list_offered,
    parse_source,
    read_members,
    read_similar,
)

Offered = Mapping[tuple[str, int], set[str] | None]
"""The measures that the files of a kind and year give; None where only reading them tells."""

SCHOOL_YEAR = re.compile(r"(?<!\d)(20\d\d)[-_/]?(?:20)?(\d\d)(?!\d)")


def check_asked(
    report: Report, programmes: Sequence[Programme], sources: Sequence[Source], data: Path
) -> None:
    """Refuse a report that asks for what its files cannot give, naming all of it at once."""
    problems = list_problems(report, programmes, sources, data)
    if problems:
        raise DesignError(f"{data / 'reports' / report.slug}.yml: {' '.join(problems)}")


def check_listed(sources: Sequence[Source]) -> None:
    """Refuse files that are listed twice, or as another year than their names say."""
    if problems := [*_twice(sources), *_years_named(sources), *_years_without(sources)]:
        raise DesignError(" ".join(problems))


def check_planned(programmes: Sequence[Programme], report: Report, files: Sequence[Source]) -> None:
    """Refuse a plan over years that have no results; the report's year may be yet to come."""
    offered = _gather_offered(files)
    problems = [f"{one.file}, {said}" for one in programmes
                for said in _ask_years(one, report, offered, to_come=True)]  # fmt: skip
    if problems:
        raise DesignError(" ".join(problems))


def list_problems(
    report: Report, programmes: Sequence[Programme], sources: Sequence[Source], data: Path
) -> list[str]:
    """List what a report lacks or mixes up: years, measures, groups' sizes, members elsewhere."""
    offered, listed = _gather_offered(sources), [_read_listed(one, data) for one in programmes]
    at = _authorities_of([one for own in listed if isinstance(own, list) for one in own], sources)
    found = [*_twice(sources), *_years_named(sources), *_years_without(sources)]
    for programme, members in zip(programmes, listed, strict=True):
        said = chain(
            _ask_years(programme, report, offered), _ask_measures(programme, offered),
            _ask_members(programme, report.authority, members, at), _ask_lists(programme, data),
        )  # fmt: skip
        found += [f"{programme.file}, {one}" for one in said]
    return list(dict.fromkeys(found))


def _twice(sources: Sequence[Source]) -> Iterator[str]:
    """Say which files are the same bytes, listed for two years or twice."""
    first: dict[str, Source] = {}
    for one in sources:
        other = first.setdefault(one.sha256, one)
        parts = one.long and other.years != one.years  # each line has its own year's rows
        if other is not one and one.kind in RESULTS and not parts:
            when = f"for {other.year} and {one.year}" if one.year != other.year else "twice"
            yield f"`sources`: {other.file} and {one.file} are the same file, listed {when}."


def _years_named(sources: Sequence[Source]) -> Iterator[str]:
    """Say which files' names are of another school year than they are listed as."""
    for one in sources:
        if one.kind not in (*RESULTS, "register") or one.year is None:
            continue
        years = {
            int(start) + 1
            for start, end in SCHOOL_YEAR.findall(Path(one.file).name)
            if (int(start) + 1) % 100 == int(end)
        }
        if years and one.year not in years:
            named = " and ".join(map(str, sorted(years)))
            yield (
                f"`sources`: {one.file} is listed as {one.year}, but its name says {named}. "
                "Correct `year`, or name the file for what it is."
            )


def _years_without(sources: Sequence[Source]) -> Iterator[str]:
    """Say which files are listed as of a year in which their results were not taken or given."""
    for one in sources:
        for year in one.years if one.kind in RESULTS and not one.long else ():
            if why := why_not_in(one.kind, year) or why_not_in(f"{one.kind} by school", year):
                yield (
                    f"`sources`: {one.file} is listed as {year}, of which there is nothing by "
                    f"school ({why}). Correct `year`, or take it out."
                )


def _gather_offered(sources: Sequence[Source]) -> Offered:
    """Gather which measures the files of each kind and year give, from their headers."""
    offered: dict[tuple[str, int], set[str] | None] = {}

    def add(kind: str, year: int, names: set[str] | None) -> None:
        before = offered.get((kind, year), set())
        offered[kind, year] = None if names is None or before is None else before | names

    for one in sources:
        if one.kind in RESULTS:
            for year in one.years or (0,):
                add(one.kind, year, list_offered(one))
        elif one.kind == "local_results":
            (table,) = (part.values for part in parse_source(one))
            for (kind, year), rows in table.groupby(["kind", "year"]):
                sized = {MEASURES[name].cohort for name in rows["measure"]}
                add(str(kind), int(year), {*rows["measure"], *sized})
    return offered


def _ask_years(
    programme: Programme, report: Report, offered: Offered, *, to_come: bool = False
) -> Iterator[str]:
    """Say which years of a programme no file has results of, and why where it is known.

    Where the report's results are yet `to_come`, its year is wrong only if there will be none.
    """
    primary = programme.primary.removesuffix(GAP)
    kind = MEASURES[primary].kind
    there = sorted({year for of, year in offered if of == kind})
    for key, years in (("baseline", programme.baseline), ("the report's year", (report.year,))):
        for year in sorted(set(years) - set(there)):
            why = why_not_taken(primary, year) or why_not_by_school(primary, year)
            if to_come and key != "baseline" and not why:
                continue
            told = f" ({why})" if why else ""
            has = ", ".join(map(str, there)) or "none"
            what = f"`{key}`" if key == "baseline" else key
            yield f"{what}: no source has such results of {year}{told}. The sources have: {has}."


def _ask_measures(programme: Programme, offered: Offered) -> Iterator[str]:
    """Say which measures that a programme cannot do without no file gives."""
    for key, names in (("outcomes", [programme.primary]), ("match.near", programme.match.near)):
        for name in dict.fromkeys(names):
            own = name.removesuffix(GAP)
            parts = [f"{own}.{g}" for g in ("disadvantaged", "other")] if own != name else [name]
            lost = [one for one in parts if not _gives(offered, one)]
            sizes = {MEASURES[one].cohort for one in parts}
            if lost:
                yield f"`{key}`: no source of this study has `{lost[0]}`."
            elif key == "outcomes" and (unsized := [s for s in sizes if not _gives(offered, s)]):
                column = MEASURES[unsized[0]].column
                yield (
                    f"`{key}`: no source of this study says how many pupils `{name}` is of "
                    f"(column {column}, or the group's share of the cohort)."
                )


def _gives(offered: Offered, measure: str) -> bool:
    """Return whether some file gives a measure, or may: only reading it would tell."""
    kind = MEASURES[measure].kind
    sets = [names for (of, _), names in offered.items() if of == kind]
    return any(names is None or measure in names for names in sets)


def _read_listed(programme: Programme, data: Path) -> list[Member] | PepstatsError:
    """Read a programme's list of schools, or why it cannot be; a whole authority lists none."""
    members = programme.members
    if isinstance(members, MembersInAuthority):
        return []
    try:
        return list(
            read_members(members.file, data) if isinstance(members, MembersInFile) else members
        )
    except PepstatsError as error:
        return error


def _ask_members(
    programme: Programme, authority: int, listed: list[Member] | PepstatsError, at: dict[int, int]
) -> Iterator[str]:
    """Say which of a programme's schools are in another authority than the report's."""
    members = programme.members
    if isinstance(members, MembersInAuthority):
        if members.authority != authority:
            yield f"`members`: authority {members.authority} is not the report's ({authority})."
    elif isinstance(listed, PepstatsError):
        yield f"`members`: {listed}"
    elif elsewhere := say_elsewhere(listed, at, authority):
        yield elsewhere


def _ask_lists(programme: Programme, data: Path) -> Iterator[str]:
    """Say which of a programme's lists of similar schools cannot be read."""
    for file in programme.pool.lists.values():
        try:
            read_similar(file, data)
        except PepstatsError as error:
            yield f"`pool.lists`: {error}"


def _authorities_of(listed: Sequence[Member], sources: Sequence[Source]) -> dict[int, int]:
    """Find each school's authority in the latest results that have it."""
    wanted, found = {one.urn for one in listed}, dict[int, int]()
    results = [one for one in sources if one.kind in RESULTS]
    for one in sorted(results, key=lambda source: source.year or 0, reverse=True):
        if wanted - found.keys():
            found = {**find_authorities(one, wanted), **found}
    return found

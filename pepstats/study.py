"""A whole study in Python: its files read and followed, its programmes compared.

The notebooks call the same functions one at a time; nothing is computed here that they do not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from pepstats import (
    clean,
    codes,
    england,
    gaps,
    layouts,
    matching,
    paths,
    registers,
    schools,
    series,
    sources,
    statements,
)
from pepstats.autumn import Report, load_report
from pepstats.errors import DesignError, SourceError, nearest
from pepstats.ledger import Ledger, account_for_table
from pepstats.panel import Panel, build_panel
from pepstats.programme import (
    MatchRule,
    MembersInAuthority,
    MembersInFile,
    PoolRule,
    Programme,
    known_measure,
    load_programme,
    read_members,
)

TABLES = {
    "register": registers.tidy_register,
    "links": registers.tidy_links,
    "trusts": registers.tidy_trusts,
    "ofsted": registers.tidy_ofsted,
    "la_series": series.tidy_la_series,
    "national": series.tidy_national,
}


@dataclass(frozen=True)
class Study:
    """A report's published files, cleaned and followed, and its programmes with their schools.

    `sources` are the files as they were read, each once, and `ledgers` the account of each:
    results files first. `tables` has what is not results, by kind: `register`, `links`, `trusts`,
    `ofsted`, `la_series`, `national`, as far as the report lists them. `members` has, for each
    programme, one row per school: index `school`; `urn` as written in the programme's file,
    `joined`, `dose`, `basis`. `said` are the schools' statements.
    """

    report: Report
    data: Path
    sources: tuple[sources.Source, ...] = field(repr=False)
    ledgers: tuple[Ledger, ...] = field(repr=False)
    results: tuple[clean.Results, ...] = field(repr=False)
    tables: Mapping[str, pd.DataFrame] = field(repr=False)
    followed: schools.Schools = field(repr=False)
    panel: Panel = field(repr=False)
    programmes: Mapping[str, Programme]
    members: Mapping[str, pd.DataFrame] = field(repr=False)
    said: statements.Statements = field(repr=False)

    @property
    def register(self) -> pd.DataFrame:
        """One row per school: its name, authority, phase, type and all its URNs."""
        return self.followed.register

    @property
    def barred(self) -> tuple[int, ...]:
        """Every member of every known programme: never anyone's comparison school."""
        return tuple(sorted({s for table in self.members.values() for s in table.index}))

    def gaps(
        self, outcome: str, *, baseline: Iterable[int], year: int, match: MatchRule | None = None
    ) -> pd.DataFrame:
        """Give every school in the frame its gap in one outcome: see `gaps.find_gaps`."""
        years = tuple(sorted(baseline))
        known = codes.MEASURES[known_measure(outcome)]
        rule = match or MatchRule(near=(outcome, known.cohort))
        pool = matching.find_pool(
            matching.before_start(self.panel, years[-1] + 1),
            self.register,
            rule,
            phase="secondary" if known.kind == "ks4" else "primary",
            outcomes=[outcome],
            baseline=years,
        )
        pairs = matching.match_schools(pool, rule, PoolRule(), barred=self.barred)
        found = gaps.find_gaps(
            self.panel, pool, pairs, outcome, baseline=years, year=year, members=self.barred
        )
        return found.table.join(self.register[["name"]], how="left")


def load_study(report: str | Report, data: str | Path | None = None) -> Study:
    """Read a report's sources, follow its schools through time, find its programmes' members.

    Of what the authority holds itself, only the measures count that no published file of the same
    year has: once results are published, they take the place of its own.
    """
    folder = paths.data_folder(data)
    settings = report if isinstance(report, Report) else load_report(report, folder)
    programmes = {slug: load_programme(slug, folder) for slug in settings.programmes}
    found = find_sources(settings, folder)
    read = _read_files(found)
    results = [*read.results, *_not_yet_published(read.local, read.results)]
    tables = {kind: _together(read.tables[kind]) for kind in TABLES if kind in read.tables}
    _refuse_strangers(read.local, results, tables.get("register"))
    followed = schools.follow(
        results, tables.get("register"), tables.get("links"), trusts=tables.get("trusts")
    )
    years = sorted({r.source.year for r in results if r.source.year is not None})
    panel = build_panel(results, followed, years)
    members = {
        slug: find_members(programme, followed, folder) for slug, programme in programmes.items()
    }
    speaks_of = {slug: programme.whole for slug, programme in programmes.items()}
    said = _check_statements(read.said, members, speaks_of, followed.known)
    ledgers = (*(one.ledger for one in results), *read.ledgers)
    return Study(
        settings, folder, tuple(found), ledgers, tuple(results), tables, followed, panel,
        programmes, members, said,
    )  # fmt: skip


def find_sources(report: Report, data: Path) -> list[sources.Source]:
    """Find every file that a report lists, each read and held to its line."""
    return [
        sources.find_source(
            line.kind, line.file, data=data, year=line.year, release=line.release,
            sha256=line.sha256, licence=line.licence,
        )
        for line in report.sources
    ]  # fmt: skip


@dataclass(frozen=True)
class _Read:
    """What a study's files hold, each parsed once; `ledgers` are of what is not results."""

    results: list[clean.Results] = field(default_factory=list)
    local: list[clean.Results] = field(default_factory=list)
    tables: dict[str, list[pd.DataFrame]] = field(default_factory=dict)
    said: list[tuple[str, pd.DataFrame]] = field(default_factory=list)
    ledgers: list[Ledger] = field(default_factory=list)


def _read_files(found: Iterable[sources.Source]) -> _Read:
    """Parse every file of a study once, and account for each."""
    read = _Read()
    for source in found:
        raw = sources.read_text(source)
        if source.kind in layouts.RESULTS:
            read.results.append(clean.clean_results(raw, source))
            continue
        kept, left_out = len(raw.rows), dict[str, int]()
        if source.kind in TABLES:
            tidied = TABLES[source.kind](raw, source)
            read.tables.setdefault(source.kind, []).append(tidied.frame)
            kept, left_out = len(tidied.frame), tidied.left_out
        elif source.kind == "local_results":
            read.local.extend(series.clean_local_results(raw, source))
        elif source.kind == "statements":
            read.said.append((source.file, raw.frame()))
        read.ledgers.append(account_for_table(raw, source, kept, left_out))
    return read


def _not_yet_published(
    local: list[clean.Results], published: list[clean.Results]
) -> list[clean.Results]:
    """Keep of the authority's own results the measures that no published file of the year has."""
    kept = []
    for one in local:
        same = [p for p in published if p.source.year == one.source.year]
        left = [name for name in one.values if not any(name in p.values for p in same)]
        if left:
            kept.append(
                replace(
                    one, values=one.values[left], reasons=one.reasons[left],
                    published=one.published[left],
                )
            )  # fmt: skip
    return kept


def _refuse_strangers(
    local: list[clean.Results], results: list[clean.Results], register: pd.DataFrame | None
) -> None:
    """Refuse an own result of a school that neither the register nor a published file has."""
    if register is None:
        return
    published = [one for one in results if not any(one.source.name == o.source.name for o in local)]
    listed = set(register.index).union(*(one.values.index for one in published))
    for one in local:
        unknown = one.identity.loc[~one.identity.index.isin(listed), "row"].sort_values()
        if len(unknown):
            raise SourceError(
                f"{one.source.file}, row {unknown.iloc[0]}, column urn: no school of the register "
                f"or of a published file has the URN {unknown.index[0]} ({len(unknown)} schools). "
                f"{nearest(str(unknown.index[0]), map(str, sorted(listed)))}"
            )


def _together(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Put the parts of one kind together, keeping the key where they have one."""
    return pd.concat(parts, ignore_index=parts[0].index.name is None)


def _check_statements(
    files: list[tuple[str, pd.DataFrame]],
    members: Mapping[str, pd.DataFrame],
    wholes: Mapping[str, str],
    known: pd.Series,
) -> statements.Statements:
    """Check the schools' statements, each by a school of the programme it speaks of.

    What is said of a programme of several phases belongs to the phase of the school that says it.
    """
    if not files:
        return statements.no_statements()
    if len(files) > 1:
        raise DesignError(f"{files[1][0]}: a report has one file of statements. Join the two.")
    urns: dict[str, dict[int, int]] = {whole: {} for whole in wholes.values()}
    for slug, table in members.items():
        own = known[known.isin(table.index)]
        urns[wholes[slug]] |= {int(urn): int(school) for urn, school in own.items()}
    file, raw = files[0]
    said = statements.check_statements(raw, file=file, schools=urns).table
    for slug, whole in wholes.items():
        of_part = said["programme"].eq(whole) & said["school"].isin(members[slug].index)
        said.loc[of_part, "programme"] = slug
    return statements.Statements(said)


def find_members(programme: Programme, followed: schools.Schools, data: Path) -> pd.DataFrame:
    """Find a programme's schools in the register, by any URN they ever had.

    Index `school`; `urn`, `joined`, `dose`, `basis`. Every URN that no file has, and every school
    listed twice under two of its URNs, is named at once.
    """
    register, known = followed.register, followed.known
    where = f"{programme.file}, `members`"
    if isinstance(programme.members, MembersInAuthority):
        code = programme.members.authority
        phases = matching.PHASES[programme.phase]
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
    other = {one for own in matching.PHASES.values() for one in own}
    return phase in matching.PHASES[programme.phase] or (
        programme.phase == "primary" and phase not in other
    )


def national_levels(study: Study) -> pd.DataFrame:
    """Gather England's level of each measure and year: see `england.gather_levels`."""
    return england.gather_levels(
        study.results, study.tables.get("la_series"), study.tables.get("national")
    )

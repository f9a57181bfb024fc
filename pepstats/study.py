"""A whole study in Python: its files read and followed, its programmes compared.

Nothing is computed here that the notebooks do not.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from pathlib import Path

import pandas as pd

from pepstats import paths
from pepstats.display import html_of
from pepstats.errors import DesignError, SourceError, nearest
from pepstats.formatting import school_year
from pepstats.impact import Asked, Inputs, find_gaps, no_similar
from pepstats.matching import MatchBasis, before_start, find_pool, match_schools
from pepstats.measures import LA_SERIES, LAST_AUTHORITY, MEASURES, find_measure
from pepstats.schools import (
    Panel,
    Schools,
    SimilarSchools,
    add_gaps,
    attach_inspections,
    build_panel,
    check_listed,
    find_members,
    find_similar,
    follow_schools,
    gather_levels,
)
from pepstats.settings import (
    MatchRule,
    PoolRule,
    Programme,
    Report,
    load_programmes,
    load_report,
    split_phases,
)
from pepstats.sources import (
    RESULTS,
    Ledger,
    Results,
    Source,
    Tidied,
    check_statements,
    find_source,
    join_tables,
    no_statements,
    parse_source,
    split_local_results,
)


def tabulate_members(study: Study) -> pd.DataFrame:
    """List every programme's schools, one row per programme and school."""
    parts = [table.assign(programme=slug).reset_index() for slug, table in study.members.items()]
    return pd.concat(parts).set_index(["programme", "school"]).sort_index()


def tabulate_ledgers(ledgers: Iterable[Ledger]) -> pd.DataFrame:
    """Account for every row and cell of every file: the counts of each add up to its total.

    One row per file, `kind`, `account` (rows or cells) and `what` became of them, with `count`; the
    row with `what` = "in all" is the total that the others add up to. A file of an authority's own
    results has its own account, and one of each stage's results that it gives.
    """
    rows = []
    for ledger in ledgers:
        name = (ledger.file, ledger.kind, ledger.year, ledger.release)
        kept = "kept as schools" if ledger.kind in RESULTS else "kept"
        of_rows = {kept: ledger.rows_kept, **ledger.aggregates, **ledger.left_out}
        of_cells = {"values": ledger.values, "words": ledger.words, **ledger.reasons,
                    "columns not read": ledger.unread}  # fmt: skip
        for account, total, parts in (
            ("rows", ledger.rows_in, of_rows), ("cells", ledger.cells_in, of_cells)
        ):  # fmt: skip
            rows += [(*name, account, what, n) for what, n in {"in all": total, **parts}.items()]
    columns = ["file", "kind", "year", "release", "account", "what", "count"]
    return pd.DataFrame(rows, columns=columns).astype({"year": "Int64"})


def tabulate_measures(study: Study) -> pd.DataFrame:
    """Lay the authority's own results out as published: a value or a reason for every cell.

    One row per `urn`, `year`, `measure` and `release`, with `value`, `reason` and `cohort`, for the
    schools of the report's authority (the panel has those of all England).
    """
    home = study.register.index[study.register["la"] == study.report.authority]
    parts = []
    for one in study.results:
        urns = study.followed.known.reindex(one.values.index)
        inside = one.values.index[urns.isin(home)]
        values, reasons = one.values.loc[inside], one.reasons.loc[inside]
        cohorts = values.reindex(columns=[MEASURES[m].cohort for m in values])
        long = values.rename_axis("urn").reset_index().melt("urn", var_name="measure")
        parts.append(
            long.assign(
                reason=reasons.melt()["value"],
                cohort=cohorts.set_axis(values.columns, axis=1).melt()["value"],
                year=one.source.year,
                release=one.source.release or "final",
            )
        )
    key = ["urn", "year", "measure", "release"]
    return pd.concat(parts).set_index(key).sort_index()


def tabulate_inspections(study: Study) -> pd.DataFrame:
    """Return each school's latest inspection: index `school`; empty where no source has them."""
    found = study.published.get("ofsted")
    if found is None:
        nothing: dict[str, list[object]] = {"urn": [], "outcome": [], "inspected": []}
        return pd.DataFrame(nothing, index=pd.Index([], name="school"))
    return attach_inspections(found, study.followed.known)


def tabulate_similar(study: Study) -> dict[str, pd.DataFrame]:
    """Return the published lists of similar schools by programme, and what became of their rows.

    Nothing where no programme of the report names a list.
    """
    named = study.similar.items()
    if not named:
        return {}
    pairs = [one.pairs.assign(programme=slug) for slug, one in named]
    accounts = [one.account.assign(programme=slug) for slug, one in named]
    return {"similar-schools": pd.concat(pairs, ignore_index=True),
            "similar-schools-account": pd.concat(accounts, ignore_index=True)}  # fmt: skip


def list_outcomes(study: Study) -> list[str]:
    """List the programmes' outcomes, and the groups of them that a source has."""
    first = list(dict.fromkeys(o for p in study.programmes.values() for o in p.outcomes))
    return [m for o in first for m in study.panel.values if m == o or m.startswith(f"{o}.")]


def tabulate_series(study: Study) -> pd.DataFrame:
    """Return the published series of what no file of schools has, of every authority.

    One row per `measure`, `year`, `whose` ("the authority", "England", "another authority") and
    `la`, with `value` and `reason`. Regions are left out, and years after the report's.
    """
    found = study.published.get("la_series")
    columns = ["measure", "year", "whose", "la", "value", "reason"]
    if found is None:
        return pd.DataFrame(columns=columns)
    names = {code: measure for code, (measure, phase) in LA_SERIES.items() if not phase}
    england, others = found["area"].eq("England"), found["la"].between(1, LAST_AUTHORITY)
    table = found.assign(measure=found["code"].map(names), whose="another authority")
    table["whose"] = table["whose"].mask(found["la"].eq(study.report.authority), "the authority")
    table["whose"] = table["whose"].mask(england, "England")
    there = table["measure"].notna() & table["year"].le(study.report.year)
    table = table[(england | others.fillna(False)) & there][columns]
    return table.sort_values(["measure", "year", "whose", "la"], ignore_index=True)


@dataclass(frozen=True)
class Study:
    """A report's published files, cleaned and followed, and its programmes with their schools.

    `sources` are the files as they were read, each once, and `ledgers` the account of each:
    results files first. `published` has what is not results, by kind (`register`, `links`, ...), as
    far as the report lists it. `members` has, for each programme, one row per school: index
    `school`; `urn` as written in its file, `joined`, `dose`, `basis`. `statements` are what the
    schools said: see `sources.check_statements`. `similar` are the published lists that a programme
    is compared by beside its own, for those that name some.
    """

    report: Report
    data: Path
    sources: tuple[Source, ...] = field(repr=False)
    ledgers: tuple[Ledger, ...] = field(repr=False)
    results: tuple[Results, ...] = field(repr=False)
    published: Mapping[str, pd.DataFrame] = field(repr=False)
    followed: Schools = field(repr=False)
    panel: Panel = field(repr=False)
    programmes: Mapping[str, Programme]
    members: Mapping[str, pd.DataFrame] = field(repr=False)
    statements: pd.DataFrame = field(repr=False)
    similar: Mapping[str, SimilarSchools] = field(default_factory=dict, repr=False)

    @property
    def register(self) -> pd.DataFrame:
        """One row per school: its name, authority, phase, type and all its URNs."""
        return self.followed.register

    @property
    def barred(self) -> tuple[int, ...]:
        """Every member of every known programme: never anyone's comparison school."""
        return tuple(sorted({s for table in self.members.values() for s in table.index}))

    @cached_property
    def national(self) -> pd.DataFrame:
        """England's level of each `measure` and `year`: see `gather_levels`."""
        return gather_levels(
            self.results, self.published.get("la_series"), self.published.get("national")
        )

    def __repr__(self) -> str:
        """Return one short line."""
        return (
            f"Study({self.report.slug}: {len(self.register):,} schools, "
            f"{len(self.panel.values.columns)} measures, {', '.join(self.programmes)})"
        )

    def _repr_html_(self) -> str:
        """Return the study as a notebook shows it: its programmes and its sources."""
        programmes = pd.DataFrame(
            [(one.title, len(self.members[slug]), one.primary, one.starts)
             for slug, one in self.programmes.items()],
            index=pd.Index(list(self.programmes), name="programme"),
            columns=["title", "schools", "primary outcome", "starts"],
        )  # fmt: skip
        sources = pd.DataFrame(
            [(one.kind, school_year(one.year) if one.year else "", one.release, one.file)
             for one in self.sources],
            columns=["kind", "year", "release", "file"],
        )  # fmt: skip
        years = self.panel.values.index.unique("year")
        sentence = (
            f"{len(self.register):,} schools, {len(self.panel.values.columns)} measures, "
            f"{school_year(min(years))} to {school_year(max(years))}."
        )
        return html_of(self.report.title, sentence, {"Programmes": programmes, "Sources": sources})

    def find_programme(self, programme: Programme | str) -> Programme:
        """Return a programme by its slug, or as it is; one of several phases is refused."""
        found = programme if isinstance(programme, Programme) else self.programmes.get(programme)
        parts = [slug for slug, one in self.programmes.items() if one.part_of == programme]
        if isinstance(found, Programme) and found.phase == "all":
            parts = [part.slug for part in split_phases(found)]
        if parts:
            raise DesignError(
                f"`{found.slug if found else programme}` has two phases, each with its own pool. "
                f"Evaluate {' and '.join(f'`{slug}`' for slug in parts)}, one at a time."
            )
        if found is None:
            raise DesignError(
                f"Report `{self.report.slug}` has no programme `{programme}`. "
                f"{nearest(str(programme), self.programmes)}"
            )
        return found

    def members_of(self, programme: Programme) -> pd.DataFrame:
        """Find a programme's schools, also those of one that the report does not list.

        Index `school`, as `members` has it, with `also_in`: how many other programmes of the
        report each is in.
        """
        listed = self.programmes.get(programme.slug)
        known = listed is not None and listed.members == programme.members
        own = (self.members[programme.slug] if known
               else find_members(programme, self.followed, self.data))  # fmt: skip
        others = {(self.programmes[slug].whole, school)
                  for slug, table in self.members.items() for school in table.index}  # fmt: skip
        counted = Counter(school for whole, school in others if whole != programme.whole)
        return own.assign(also_in=[counted[school] for school in own.index])

    def inputs_of(self, programme: Programme) -> Inputs:
        """Return what an evaluation of a programme starts from."""
        return Inputs(
            self.panel, self.register, self.report.year, self.members_of(programme), self.national,
            self.data, others=tuple(
                (other, tuple(self.members[slug].index))
                for slug, other in self.programmes.items() if slug != programme.slug
            ),
            similar=self.similar_of(programme),
        )  # fmt: skip

    def similar_of(self, programme: Programme) -> pd.DataFrame:
        """Return the pairs of the lists that a programme names: `list`, `school`, `similar`."""
        listed = self.programmes.get(programme.slug)
        if listed is not None and listed.pool.lists == programme.pool.lists:
            found = self.similar.get(programme.slug)
        else:
            found = find_similar(programme, self.followed, self.data, self.barred)
        return no_similar() if found is None else found.pairs

    def gaps(self, outcome: str, *, baseline: Iterable[int], year: int) -> pd.DataFrame:
        """Return every school's gap in one outcome, matched on its earlier years and the cohort.

        One row per `school` of the frame: see `Gaps.table`; and its `name`.
        """
        years = tuple(sorted(baseline))
        known = find_measure(outcome)
        rule = MatchRule(near=(outcome, known.cohort))
        phase = "secondary" if known.kind == "ks4" else "primary"
        basis = MatchBasis(rule, phase, (outcome,), years)
        pool = find_pool(before_start(self.panel, years[-1] + 1), self.register, basis)
        match = match_schools(pool, rule, PoolRule(), barred=self.barred)
        found = find_gaps(self.panel, pool, match, Asked(outcome, years, year, self.barred))
        return found.table.join(self.register[["name"]], how="left")

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return the tables of the study by the name that the first notebook saves each under."""
        return {
            "source-checks": tabulate_ledgers(self.ledgers),
            "register": self.register,
            "urns": self.followed.rows,
            "not-followed": self.followed.not_followed,
            "measures": tabulate_measures(self),
            "members": tabulate_members(self),
            "national": self.national,
            "authority-series": tabulate_series(self),
            "inspections": tabulate_inspections(self),
            "statements": self.statements,
        }


def load_study(
    report: str | Report, data: str | Path | None = None, given: Iterable[Programme] | None = None
) -> Study:
    """Read a report's published files, follow its schools, and find its programmes' members.

    Of what the authority holds itself, only the measures count that no published file of the same
    year has: once results are published, they take the place of its own.

    Parameters
    ----------
    report : str or Report
        The name of a file in `reports/`, without its ending, or the report itself.
    data : str or Path, optional
        The data folder; the project's own where none is given.
    given : iterable of Programme, optional
        The report's programmes; read from their files where none are given.

    Returns
    -------
    Study
        `panel` (one row per `school` and `year`, a value or a reason for every measure),
        `register` (one row per `school`), `members` (by programme, one row per `school`),
        `programmes`, `statements`, `national`, and `gaps(...)`.

    Raises
    ------
    PepstatsError
        For a file, a row or a key that is wrong: the message says which, and what to do.

    Examples
    --------
    >>> study = pepstats.load("autumn-2018-revised")
    >>> list(study.programmes)
    ['closing-the-gap', 'send-in-mainstream']
    """
    folder = paths.data_folder(data)
    settings = report if isinstance(report, Report) else load_report(report, folder)
    listed = load_programmes(settings, folder) if given is None else given
    programmes = {one.slug: one for one in listed}
    found = [find_source(line, folder) for line in settings.sources]
    check_listed(found)
    parsed = [one for source in found for one in parse_source(source)]
    results = [one for one in parsed if isinstance(one, Results)]
    tidied = [one for one in parsed if isinstance(one, Tidied)]
    local = [part for one in tidied if one.source.kind == "local_results"
             for part in split_local_results(one)]  # fmt: skip
    said = [one for one in tidied if one.source.kind == "statements"]
    not_public = ("local_results", "statements")
    tables = join_tables(one for one in tidied if one.source.kind not in not_public)
    _refuse_real_as_invented(settings, [*results, *local])
    _refuse_strangers(local, results, tables.get("register"))
    results += _not_yet_published(local, results)
    followed = follow_schools(
        results, tables.get("register"), tables.get("links"), trusts=tables.get("trusts")
    )
    panel = build_panel(results, followed, [one.source.year or 0 for one in results])
    named = [(*one.outcomes, *one.must_not_move, *one.match.near) for one in programmes.values()]
    panel = add_gaps(panel, chain.from_iterable(named))
    authority = settings.authority if given is None else None
    members = {slug: find_members(one, followed, folder, authority)
               for slug, one in programmes.items()}  # fmt: skip
    barred = {school for table in members.values() for school in table.index}
    ledgers = [*(one.ledger for one in results), *(one.ledger for one in tidied)]
    return Study(
        settings, folder, tuple(found), tuple(ledgers), tuple(results), tables, followed, panel,
        programmes, members, _check_statements(said, members, programmes, followed.known),
        {slug: find_similar(one, followed, folder, barred)
         for slug, one in programmes.items() if one.pool.lists},
    )  # fmt: skip


FIRST_INVENTED = 900_000
"""No school of England has a number from here on; every invented one has."""


def _refuse_real_as_invented(report: Report, results: Iterable[Results]) -> None:
    """Refuse real schools in an invented study: all of such a one is released."""
    if not report.invented:
        return
    for one in results:
        real = sorted({int(urn) for urn in one.values.index if int(urn) < FIRST_INVENTED})
        if real:
            raise DesignError(
                f"reports/{report.slug}.yml: `invented: true`, but {one.source.file} has schools "
                f"with real numbers ({real[0]} and {len(real) - 1} more). All of an invented study "
                "may be released, local results too: take `invented` out."
            )


def _not_yet_published(local: list[Results], published: list[Results]) -> list[Results]:
    """Keep of the authority's own results the measures that no published file of the year has."""
    kept = []
    for one in local:
        same = [p for p in published if p.source.year == one.source.year]
        left = [name for name in one.values if not any(name in p.values for p in same)]
        if left:
            kept.append(replace(one, values=one.values[left], reasons=one.reasons[left]))
    return kept


def _refuse_strangers(
    local: list[Results], published: list[Results], register: pd.DataFrame | None
) -> None:
    """Refuse an own result of a school that neither the register nor a published file has."""
    if register is None:
        return
    listed = set(register.index).union(*(one.values.index for one in published))
    for one in local:
        unknown = one.identity.loc[~one.identity.index.isin(listed), "row"].sort_values()
        if len(unknown):
            raise SourceError(
                f"{one.source.file}, row {unknown.iloc[0]}, column urn: no school of the register "
                f"or of a published file has the URN {unknown.index[0]} ({len(unknown)} schools). "
                f"{nearest(str(unknown.index[0]), map(str, sorted(listed)))}"
            )


def _check_statements(
    files: list[Tidied],
    members: Mapping[str, pd.DataFrame],
    programmes: Mapping[str, Programme],
    known: pd.Series,
) -> pd.DataFrame:
    """Check the schools' statements, each by a school of the programme it speaks of.

    What is said of a programme of several phases belongs to the phase of the school that says it.
    """
    if not files:
        return no_statements()
    if len(files) > 1:
        raise DesignError(
            f"{files[1].source.file}: a report has one file of statements. Join the two."
        )
    urns: dict[str, dict[int, int]] = defaultdict(dict)
    for slug, one in programmes.items():
        urns[one.whole] |= known[known.isin(members[slug].index)].to_dict()
    said = check_statements(files[0].values, file=files[0].source.file, schools=urns)
    for slug, one in programmes.items():
        of_part = said["programme"].eq(one.whole) & said["school"].isin(members[slug].index)
        said.loc[of_part, "programme"] = slug
    return said

"""A whole study in Python: its files read and followed, its programmes compared.

The notebooks call the same functions one at a time; nothing is computed here that they do not.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from pepstats import (
    balance,
    clean,
    codes,
    effects,
    eligibility,
    england,
    expected,
    gaps,
    layouts,
    matching,
    paths,
    placebo,
    registers,
    schools,
    series,
    sources,
    statements,
)
from pepstats.breaks import refused
from pepstats.errors import DesignError, RunError, nearest
from pepstats.panel import Panel, build_panel
from pepstats.programme import (
    MatchRule,
    MembersInAuthority,
    MembersInFile,
    PoolRule,
    Programme,
    Report,
    known_measure,
    load_programme,
    load_report,
    read_members,
)
from pepstats.steps import Step

TABLES = {
    "register": registers.clean_register,
    "links": registers.clean_links,
    "trusts": registers.clean_trusts,
    "ofsted": registers.clean_ofsted,
    "la_series": series.clean_la_series,
    "national": series.clean_national,
}
FEWEST_SCHOOLS = 4
"""A programme with fewer usable schools is refused (the Fund's own smallest bid was four)."""


@dataclass(frozen=True)
class Study:
    """A report's published files, cleaned and followed, and its programmes with their schools.

    `tables` has what is not results, by kind: `register`, `links`, `trusts`, `ofsted`, `la_series`,
    `national`, as far as the report lists them. `members` has, for each programme, one row per
    school: index `school`; `urn` as written in the programme's file, `joined`, `dose`, `basis`.
    `said` are the schools' statements.
    """

    report: Report
    data: Path
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


@dataclass(frozen=True)
class Design:
    """Who is compared with whom: made without any outcome after the start."""

    members: tuple[int, ...]
    barred: tuple[int, ...]
    pool: matching.Pool = field(repr=False)
    match: matching.Match = field(repr=False)


@dataclass(frozen=True)
class Evaluation:
    """What a programme's schools did against comparison schools: all of it as tables.

    `effects` has one row per outcome; `gaps` one per school and outcome; `pairs` one per member
    and comparison school; `balance` one per variable; `placebo` one per made-up programme.
    """

    programme: Programme
    effects: pd.DataFrame = field(repr=False)
    gaps: pd.DataFrame = field(repr=False)
    pairs: pd.DataFrame = field(repr=False)
    balance: pd.DataFrame = field(repr=False)
    placebo: pd.DataFrame = field(repr=False)
    flow: pd.DataFrame = field(repr=False)
    lines: pd.DataFrame = field(repr=False)


@dataclass(frozen=True)
class Estimate:
    """A programme's gaps, made-up programmes and effects, before they are laid out as tables."""

    gaps: Mapping[str, gaps.Gaps] = field(repr=False)
    draws: placebo.Draws = field(repr=False)
    made_up: pd.DataFrame = field(repr=False)
    effects: tuple[effects.Effect, ...]


def load_study(report: str | Report, data: str | Path | None = None) -> Study:
    """Read a report's sources, follow its schools through time, find its programmes' members.

    Of what the authority holds itself, only the measures count that no published file of the same
    year has: once results are published, they take the place of its own.
    """
    folder = paths.data_folder(data)
    settings = report if isinstance(report, Report) else load_report(report, folder)
    programmes = {slug: load_programme(slug, folder) for slug in settings.programmes}
    found = [
        sources.find_source(
            line.kind, line.file, data=folder, year=line.year, release=line.release,
            sha256=line.sha256, licence=line.licence,
        )
        for line in settings.sources
    ]  # fmt: skip
    results: list[clean.Results] = []
    local: list[clean.Results] = []
    for source in found:
        if source.kind in layouts.RESULTS:
            results.append(clean.clean_results(sources.read_text(source), source))
        elif source.kind == "local_results":
            local += series.clean_local_results(sources.read_text(source), source)
    results += _not_yet_published(local, results)
    tables = {
        kind: _together([tidy(sources.read_text(s), s) for s in found if s.kind == kind])
        for kind, tidy in TABLES.items()
        if any(source.kind == kind for source in found)
    }
    followed = schools.follow(
        results, tables.get("register"), tables.get("links"), trusts=tables.get("trusts")
    )
    years = sorted({r.source.year for r in results if r.source.year is not None})
    panel = build_panel(results, followed, years)
    members = {
        slug: find_members(programme, followed, folder) for slug, programme in programmes.items()
    }
    said = _read_statements([s for s in found if s.kind == "statements"], members, followed.known)
    return Study(
        settings, folder, tuple(results), tables, followed, panel, programmes, members, said
    )


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


def _together(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Put the parts of one kind together, keeping the key where they have one."""
    return pd.concat(parts, ignore_index=parts[0].index.name is None)


def _read_statements(
    files: list[sources.Source], members: Mapping[str, pd.DataFrame], known: pd.Series
) -> statements.Statements:
    """Read the schools' statements, each by a school of the programme it speaks of."""
    if not files:
        return statements.no_statements()
    if len(files) > 1:
        raise DesignError(f"{files[1].file}: a report has one file of statements. Join the two.")
    urns = {
        slug: {int(urn): int(s) for urn, s in known[known.isin(table.index)].items()}
        for slug, table in members.items()
    }
    raw = sources.read_text(files[0])
    return statements.check_statements(raw, file=files[0].file, schools=urns)


def find_members(programme: Programme, followed: schools.Schools, data: Path) -> pd.DataFrame:
    """Find a programme's schools in the register, by any URN they ever had.

    Index `school`; `urn`, `joined`, `dose`, `basis`. Every URN that no file has, and every school
    listed twice under two of its URNs, is named at once.
    """
    register, known = followed.register, followed.known
    where = f"programmes/{programme.slug}.yml, `members`"
    if isinstance(programme.members, MembersInAuthority):
        code = programme.members.authority
        phases = matching.PHASES[programme.phase]
        inside = register[(register["la"] == code) & register["phase"].isin(phases)]
        if inside.empty:
            raise DesignError(
                f"{where}: no school with {programme.phase} results is in authority {code}."
            )
        table = pd.DataFrame({"urn": inside["urn"], "joined": None, "dose": np.nan, "basis": None})
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
    table = pd.DataFrame(
        [(int(known[m.urn]), m.urn, m.joined, m.dose, m.basis) for m in listed],
        columns=["school", "urn", "joined", "dose", "basis"],
    ).set_index("school")
    twice = table[table.index.duplicated(keep=False)]
    if len(twice):
        raise DesignError(
            f"{where}: {', '.join(map(str, sorted(twice['urn'])))} are one school under two "
            "numbers, or listed twice. List each school once."
        )
    return table.sort_index()


def evaluate_programme(study: Study, programme: Programme | str) -> Evaluation:
    """Compare a programme's schools with schools like them: design first, then outcomes."""
    chosen = _choose(study, programme)
    members = study.members.get(chosen.slug)
    if members is None:
        members = find_members(chosen, study.followed, study.data)
    design = design_comparison(
        chosen, study.panel, study.register, members.index, [*study.barred, *members.index]
    )
    estimate = estimate_programme(
        chosen, study.panel, design, study.report.year, national_levels(study)
    )
    return Evaluation(
        programme=chosen,
        effects=effects.tidy(estimate.effects),
        gaps=tabulate_gaps(estimate.gaps, design.members),
        pairs=design.match.pairs(design.members),
        balance=balance.measure_balance(design.pool, design.match, design.members),
        placebo=estimate.made_up,
        flow=design.pool.flow,
        lines=tabulate_lines(study.panel, design, estimate.gaps),
    )


def design_comparison(
    programme: Programme,
    panel: Panel,
    register: pd.DataFrame,
    members: Iterable[int],
    barred: Iterable[int],
) -> Design:
    """Choose who is compared with whom, from what was known before the programme started."""
    chosen = tuple(sorted(members))
    pool = matching.find_pool(
        matching.before_start(panel, max(programme.baseline) + 1),
        register,
        programme.match,
        phase=programme.phase,
        outcomes=programme.outcomes,
        baseline=programme.baseline,
        members=chosen,
    )
    never = tuple(sorted(set(barred) | set(chosen)))
    match = matching.match_schools(pool, programme.match, programme.pool, barred=never)
    usable = set(chosen) & set(pool.schools.index) - set(match.unmatched.index)
    if len(usable) < FEWEST_SCHOOLS:
        lost = pd.concat([pool.left_out, match.unmatched])
        why = lost[lost.index.isin(chosen)]["reason"].value_counts()
        raise DesignError(
            f"programmes/{programme.slug}.yml: {len(usable)} of {len(chosen)} schools can be "
            f"compared; at least {FEWEST_SCHOOLS} are needed. Lost: "
            + ("; ".join(f"{n} to {reason}" for reason, n in why.items()) or "none")
            + ". Add schools, or change `baseline`, `match` or `pool`."
        )
    return Design(chosen, never, pool, match)


def estimate_programme(
    programme: Programme,
    panel: Panel,
    design: Design,
    year: int,
    national: pd.DataFrame | None = None,
) -> Estimate:
    """Estimate every outcome of a programme in one year, against made-up programmes.

    Where schools outside the programmes have that year's results, members are compared with
    similar schools; where only the members have (October), with what last year's schools would
    lead one to expect, from the `national` headlines (`measure`, `year`, `value`).
    """
    if year < programme.starts:
        raise DesignError(
            f"programmes/{programme.slug}.yml: the report's year is {year}, before `starts: "
            f"{programme.starts}`, so no result could show the programme yet."
        )
    for outcome in programme.outcomes:
        for one in refused(outcome, [*programme.baseline, year], programme.compare_across):
            raise DesignError(
                f"programmes/{programme.slug}.yml: `{outcome}` of {year} cannot be set against "
                f"{min(programme.baseline)}: {one.what}. Change `baseline`, or write "
                f"`compare_across: [{one.word}]` if you mean to."
            )
    found, yardstick, mode = _find_all_gaps(programme, panel, design, year, national)
    first = found[programme.primary]
    counted = int(first.table["gap"].reindex(design.members).notna().sum())
    if counted < FEWEST_SCHOOLS:
        raise DesignError(
            f"programmes/{programme.slug}.yml: {counted} schools have a result for "
            f"`{programme.primary}` in {year}; at least {FEWEST_SCHOOLS} are needed."
        )
    draws = placebo.draw_programmes(
        yardstick[programme.primary],
        placebo.low_attaining(earlier_results(panel, design.pool, programme)),
        design.members,
        real=first,
        barred=design.barred,
        draws=programme.placebo.draws,
        rng=np.random.default_rng([programme.seed, zlib.crc32(b"made-up programmes")]),
    )
    made_up = placebo.made_up_estimates(yardstick, draws, design.members, real=found)
    compared = yardstick[programme.primary].table.drop(list(design.barred), errors="ignore")
    n_comparison = (
        design.match.pairs(design.members)["comparison"].nunique()
        if mode == effects.COMPARED
        else int(compared["gap"].notna().sum())
    )
    seen = effects.estimate_effects(
        programme.slug, found, made_up, design.members, n_comparison=n_comparison, mode=mode
    )
    return Estimate(found, draws, made_up, tuple(seen))


def _find_all_gaps(
    programme: Programme,
    panel: Panel,
    design: Design,
    year: int,
    national: pd.DataFrame | None,
) -> tuple[dict[str, gaps.Gaps], dict[str, gaps.Gaps], str]:
    """Find the gaps of every outcome, the gaps chance is measured by, and how it was done."""
    if expected.others_have_results(panel, programme.primary, year, design.barred):
        found = {
            outcome: gaps.find_gaps(
                panel, design.pool, design.match, outcome,
                baseline=programme.baseline, year=year, members=design.barred,
            )
            for outcome in programme.outcomes
        }  # fmt: skip
        return found, found, effects.COMPARED
    both = {
        outcome: expected.find_expected_gaps(
            panel, design.pool.schools, outcome, baseline=programme.baseline, year=year,
            national=_levels_of(outcome, national), members=design.barred,
        )
        for outcome in programme.outcomes
    }  # fmt: skip
    seen = {outcome: this for outcome, (this, _) in both.items()}
    return seen, {outcome: last for outcome, (_, last) in both.items()}, effects.EXPECTED


def _levels_of(outcome: str, national: pd.DataFrame | None) -> dict[int, float]:
    """Take one measure's published national level of each year."""
    if national is None or national.empty:
        return {}
    own = national[national["measure"] == outcome]
    return dict(zip(own["year"].astype(int), own["value"].astype(float), strict=True))


def read_design(step: Step) -> Design:
    """Take up the design that step 03 wrote down: the same schools, the same pairs."""
    here = "03-match-schools"
    members, everyone = step.read_members()
    keyed = {
        name: step.read_keyed(here, name, "school") for name in ("pool", "left-out", "unmatched")
    }
    pool = matching.Pool(
        schools=keyed["pool"],
        flow=step.read_table(here, "flow"),
        left_out=keyed["left-out"],
        scales=step.read_keyed(here, "scales", "variable"),
    )
    if step.programme is None:
        raise RunError(f"{step.name} has no programme, so no design.")
    pairs = step.read_table(here, "pairs-of-all")
    match = matching.take_up(pairs, pool.schools.index, step.programme.match, keyed["unmatched"])
    never = tuple(sorted({*everyone, *members.index}))
    return Design(tuple(sorted(members.index)), never, pool, match)


def earlier_results(panel: Panel, pool: matching.Pool, programme: Programme) -> pd.DataFrame:
    """Give the primary outcome of every school of the pool in the baseline years."""
    return panel.wide(programme.primary).reindex(index=pool.schools.index)[list(programme.baseline)]


def tabulate_members(study: Study) -> pd.DataFrame:
    """List every programme's schools, one row per programme and school."""
    parts = [table.assign(programme=slug).reset_index() for slug, table in study.members.items()]
    return pd.concat(parts).set_index(["programme", "school"]).sort_index()


def tabulate_ledgers(results: Iterable[clean.Results]) -> pd.DataFrame:
    """Account for every row and cell of every results file: the counts of each add up to its total.

    One row per file, `account` (rows or cells) and `what` became of them, with `count`; the row
    with `what` = "in all" is the total that the others add up to.
    """
    rows = []
    for ledger in (one.ledger for one in results):
        name = (ledger.file, ledger.kind, ledger.year, ledger.release)
        of_rows = {"kept as schools": ledger.rows_kept, **ledger.aggregates, **ledger.left_out}
        of_cells = {"values": ledger.values, "words": ledger.words, **ledger.reasons,
                    "columns not read": ledger.unread}  # fmt: skip
        for account, total, parts in (
            ("rows", ledger.rows_in, of_rows), ("cells", ledger.cells_in, of_cells)
        ):  # fmt: skip
            rows += [(*name, account, what, n) for what, n in {"in all": total, **parts}.items()]
    return pd.DataFrame(
        rows, columns=["file", "kind", "year", "release", "account", "what", "count"]
    )


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
        cohorts = values.reindex(columns=[codes.MEASURES[m].cohort for m in values])
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
    """Give each school its latest inspection: index `school`; empty where no source has them."""
    found = study.tables.get("ofsted")
    if found is None:
        return pd.DataFrame({"outcome": [], "inspected": []}, index=pd.Index([], name="school"))
    return eligibility.attach_inspections(found, study.followed.known)


def list_outcomes(study: Study) -> list[str]:
    """List the programmes' outcomes, and the groups of them that a source has."""
    first = list(dict.fromkeys(o for p in study.programmes.values() for o in p.outcomes))
    return [m for o in first for m in study.panel.values if m == o or m.startswith(f"{o}.")]


def tabulate_gaps(
    found: Mapping[str, gaps.Gaps], members: Iterable[int] | None = None
) -> pd.DataFrame:
    """Lay gaps out with one row per school and outcome, for some schools or all."""
    parts = []
    for outcome, one in found.items():
        table = one.table if members is None else one.table.reindex(sorted(members))
        parts.append(table.assign(outcome=outcome).set_index("outcome", append=True))
    return pd.concat(parts).sort_index()


def tabulate_lines(panel: Panel, design: Design, found: Mapping[str, gaps.Gaps]) -> pd.DataFrame:
    """Lay out each member's own line and its comparison schools', per outcome, school and year.

    In October the comparison of the last year is what was expected of the member.
    """
    parts = []
    for outcome, one in found.items():
        lines = gaps.trace_lines(panel, design.match, outcome, design.members)
        if (one.table["n_comparison"] == 0).all():
            last = lines["year"] == one.year
            wanted = one.table["comparison"].reindex(lines.loc[last, "school"]).to_numpy()
            lines.loc[last, "comparison"] = wanted
        parts.append(lines)
    return pd.concat(parts, ignore_index=True)


def national_levels(study: Study) -> pd.DataFrame:
    """Gather the published national level of each measure and year: `measure`, `year`, `value`.

    From the England rows of the results files, and the headlines of a `national` source, which are
    kept where both have one.
    """
    rows = england.published_england(study.results)
    headlines = study.tables.get("national")
    if headlines is not None:
        rows = pd.concat([rows, headlines[["measure", "year", "value"]]], ignore_index=True)
    key = ["measure", "year"]
    return rows.drop_duplicates(key, keep="last").sort_values(key, ignore_index=True)


def _choose(study: Study, programme: Programme | str) -> Programme:
    if isinstance(programme, Programme):
        return programme
    if programme not in study.programmes:
        raise DesignError(
            f"Report `{study.report.slug}` has no programme `{programme}`. "
            f"{nearest(programme, study.programmes)}"
        )
    return study.programmes[programme]

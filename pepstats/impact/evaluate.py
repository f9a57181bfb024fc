"""Who is compared with whom, and what came of it: a programme's design first, then its outcomes."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from pepstats.errors import DesignError, as_reason
from pepstats.impact.effects import Effect, estimate_effects, tidy_effects
from pepstats.impact.gaps import Gaps, find_gaps, trace_lines
from pepstats.impact.october import forecast_gaps, others_have_results
from pepstats.impact.placebo import PlaceboDraws, draw_placebo, low_as_picked, placebo_estimates
from pepstats.impact.refusals import FEWEST_SCHOOLS, count_outcomes, refuse_outcomes
from pepstats.impact.verdicts import COMPARED, EXPECTED
from pepstats.matching import (
    Match,
    MatchBasis,
    Pool,
    before_start,
    find_pool,
    match_schools,
    measure_balance,
)
from pepstats.measures import list_refused_breaks
from pepstats.schools import Panel
from pepstats.settings import Programme


@dataclass(frozen=True)
class Inputs:
    """What every evaluation starts from: the panel, the schools, the year, England's levels."""

    panel: Panel = field(repr=False)
    register: pd.DataFrame = field(repr=False)
    year: int
    national: pd.DataFrame | None = field(repr=False)


@dataclass(frozen=True)
class Design:
    """Who is compared with whom: made without any outcome after the start."""

    members: tuple[int, ...]
    barred: tuple[int, ...]
    pool: Pool = field(repr=False)
    match: Match = field(repr=False)


@dataclass(frozen=True)
class Estimate:
    """A programme's gaps, made-up programmes and effects, before they are laid out as tables.

    `yardstick` are the gaps that chance is measured by: the same but in October, when they are last
    year's.
    """

    yardstick: Mapping[str, Gaps] = field(repr=False)
    gaps: Mapping[str, Gaps] = field(repr=False)
    draws: PlaceboDraws = field(repr=False)
    made_up: pd.DataFrame = field(repr=False)
    effects: tuple[Effect, ...]
    refused: pd.DataFrame = field(repr=False)


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
        before_start(panel, max(programme.baseline) + 1),
        register,
        MatchBasis.of(programme),
        chosen,
    )
    never = tuple(sorted(set(barred) | set(chosen)))
    match = match_schools(pool, programme.match, programme.pool, barred=never)
    usable = set(chosen) & set(pool.schools.index) - set(match.unmatched.index)
    if len(usable) < FEWEST_SCHOOLS:
        lost = pd.concat([pool.left_out, match.unmatched])
        why = lost[lost.index.isin(chosen)]["reason"].value_counts()
        raise DesignError(
            f"{programme.file}: {len(usable)} of {len(chosen)} schools can be "
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
    lead one to expect, from the `national` headlines (`england.gather_levels`). An outcome beside
    the primary one that too few schools or pupils have, or no school but the authority's own, is
    given no effect but a reason.
    """
    if year < programme.starts:
        raise DesignError(
            f"{programme.file}: the report's year is {year}, before `starts: "
            f"{programme.starts}`, so no result could show the programme yet."
        )
    for outcome in programme.outcomes:
        for one in list_refused_breaks(
            outcome, [*programme.baseline, year], programme.compare_across
        ):
            raise DesignError(
                f"{programme.file}: `{outcome}` of {year} cannot be set against "
                f"{min(programme.baseline)}: {one.what}. Change `baseline`, or write "
                f"`compare_across: [{one.word}]` if you mean to."
            )
    schools, own, never = design.pool.schools, design.members, design.barred
    left_out = refuse_outcomes(programme, panel, schools, own, never, year)
    asked = [o for o in programme.outcomes if o not in set(left_out["outcome"])]
    found, yardstick, mode, failed = _find_all_gaps(programme, asked, panel, design, year, national)
    if failed:
        counted_out = count_outcomes(failed, programme, panel, own, year)
        left_out = pd.concat([left_out, counted_out], ignore_index=True)
    first = found[programme.primary]
    counted = int(first.table["gap"].reindex(design.members).notna().sum())
    if counted < FEWEST_SCHOOLS:
        raise DesignError(
            f"{programme.file}: {counted} schools have a result for "
            f"`{programme.primary}` in {year}; at least {FEWEST_SCHOOLS} are needed."
        )
    draws = draw_placebo(
        yardstick[programme.primary],
        low_as_picked(
            earlier_results(panel, design.pool, programme, programme.baseline),
            earlier_results(panel, design.pool, programme, yardstick[programme.primary].baseline),
            design.members,
        ),
        design.members,
        real=first,
        barred=design.barred,
        draws=programme.placebo.draws,
        rng=np.random.default_rng([programme.seed, zlib.crc32(b"made-up programmes")]),
    )
    made_up = placebo_estimates(yardstick, draws, design.members, real=found)
    compared = yardstick[programme.primary].table.drop(list(design.barred), errors="ignore")
    n_comparison = (
        design.match.pairs(design.members)["comparison"].nunique()
        if mode == COMPARED
        else int(compared["gap"].notna().sum())
    )
    seen = estimate_effects(
        programme.slug, found, made_up, design.members, n_comparison=n_comparison, mode=mode
    )
    return Estimate(yardstick, found, draws, made_up, tuple(seen), left_out)


def _find_all_gaps(
    programme: Programme,
    outcomes: Iterable[str],
    panel: Panel,
    design: Design,
    year: int,
    national: pd.DataFrame | None,
) -> tuple[dict[str, Gaps], dict[str, Gaps], str, dict[str, str]]:
    """Find the gaps of every outcome, the gaps chance is measured by, and how it was done.

    Last, the outcomes beside the primary one that have none, each with its reason.
    """
    compared = others_have_results(panel, programme.primary, year, design.barred)
    seen, yardstick, failed = dict[str, Gaps](), dict[str, Gaps](), dict[str, str]()
    for outcome in outcomes:
        try:
            if compared:
                seen[outcome] = yardstick[outcome] = find_gaps(
                    panel, design.pool, design.match, outcome,
                    baseline=programme.baseline, year=year, members=design.barred,
                )  # fmt: skip
                continue
            seen[outcome], yardstick[outcome] = forecast_gaps(
                panel, design.pool.schools, outcome, baseline=programme.baseline, year=year,
                national=_levels_of(outcome, national), members=design.barred,
            )  # fmt: skip
        except DesignError as error:
            if outcome == programme.primary:
                raise
            failed[outcome] = as_reason(error)
    return seen, yardstick, COMPARED if compared else EXPECTED, failed


def _levels_of(outcome: str, national: pd.DataFrame | None) -> dict[int, float]:
    """Take one measure's published national level of each year, over all phases that have it."""
    if national is None or national.empty:
        return {}
    own = national[national["measure"] == outcome]
    if "phase" in own:
        own = own[own["phase"].fillna("") == ""]
    return dict(zip(own["year"].astype(int), own["value"].astype(float), strict=True))


def earlier_results(
    panel: Panel, pool: Pool, programme: Programme, years: Iterable[int]
) -> pd.DataFrame:
    """Give the primary outcome of every school of the pool in some years before its gap's own."""
    return panel.wide(programme.primary).reindex(index=pool.schools.index)[list(years)]


def tabulate_gaps(found: Mapping[str, Gaps], members: Iterable[int] | None = None) -> pd.DataFrame:
    """Lay gaps out with one row per school and outcome, for some schools or all."""
    parts = []
    for outcome, one in found.items():
        table = one.table if members is None else one.table.reindex(sorted(members))
        parts.append(table.assign(outcome=outcome).set_index("outcome", append=True))
    return pd.concat(parts).sort_index()


def tabulate_slopes(found: Mapping[str, Gaps]) -> pd.DataFrame:
    """Lay out what each outcome is expected from: `outcome`, `variable` and its `slope`.

    Each is per standard deviation over the schools in no programme; last comes the part of the
    comparison schools' own distance from the line.
    """
    return pd.concat(
        [one.slopes.rename("slope").reset_index().assign(outcome=name)
         for name, one in found.items()],
        ignore_index=True,
    )[["outcome", "variable", "slope"]]  # fmt: skip


def tabulate_lines(panel: Panel, design: Design, found: Mapping[str, Gaps]) -> pd.DataFrame:
    """Lay out each member's own line and its comparison schools', per outcome, school and year.

    In October the comparison of the last year is what was expected of the member.
    """
    parts = []
    for outcome, one in found.items():
        lines = trace_lines(panel, design.match, outcome, design.members)
        if (one.table["n_comparison"] == 0).all():
            last = lines["year"] == one.year
            wanted = one.table["comparison"].reindex(lines.loc[last, "school"]).to_numpy()
            lines.loc[last, "comparison"] = wanted
        parts.append(lines)
    return pd.concat(parts, ignore_index=True)


@dataclass(frozen=True)
class Evaluation:
    """What a programme's schools did against comparison schools: all of it as tables.

    `effects` has one row per outcome; `gaps` one per school and outcome; `pairs` one per member
    and comparison school; `balance` one per variable; `placebo` one per made-up programme. A
    programme of several phases has the tables of each, one under the other, with the `phase`.
    """

    programme: Programme
    effects: pd.DataFrame = field(repr=False)
    gaps: pd.DataFrame = field(repr=False)
    pairs: pd.DataFrame = field(repr=False)
    balance: pd.DataFrame = field(repr=False)
    placebo: pd.DataFrame = field(repr=False)
    flow: pd.DataFrame = field(repr=False)
    lines: pd.DataFrame = field(repr=False)


def evaluate_programme(
    programme: Programme, inputs: Inputs, members: pd.Index, barred: Iterable[int]
) -> Evaluation:
    """Compare a programme's schools with schools like them: design first, then outcomes."""
    never = [*barred, *members]
    design = design_comparison(programme, inputs.panel, inputs.register, members, never)
    estimate = estimate_programme(programme, inputs.panel, design, inputs.year, inputs.national)
    return Evaluation(
        programme=programme,
        effects=tidy_effects(estimate.effects),
        gaps=tabulate_gaps(estimate.gaps, design.members),
        pairs=design.match.pairs(design.members),
        balance=measure_balance(design.pool, design.match, design.members),
        placebo=estimate.made_up,
        flow=design.pool.flow,
        lines=tabulate_lines(inputs.panel, design, estimate.gaps),
    )


def stack_evaluations(parts: Sequence[Evaluation]) -> Evaluation:
    """Put the phases of one programme together, the tables of each under the other's."""
    if len(parts) == 1:
        return parts[0]
    tables = {
        name: pd.concat(
            [getattr(one, name).assign(phase=one.programme.phase) for one in parts],
            ignore_index=getattr(parts[0], name).index.name is None
            and getattr(parts[0], name).index.nlevels == 1,
        )
        for name in ("effects", "gaps", "pairs", "balance", "placebo", "flow", "lines")
    }
    return Evaluation(programme=parts[0].programme, **tables)

"""Who is compared with whom, and what came of it: a programme's design first, then its outcomes."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from pepstats import (
    effects,
    expected,
    gaps,
    matching,
    placebo,
    verdicts,
)
from pepstats.breaks import refused
from pepstats.errors import DesignError, RunError
from pepstats.panel import Panel
from pepstats.programme import Programme
from pepstats.refusals import FEWEST_SCHOOLS, count_outcomes, refuse_outcomes
from pepstats.setting import plain
from pepstats.steps import Step


@dataclass(frozen=True)
class Design:
    """Who is compared with whom: made without any outcome after the start."""

    members: tuple[int, ...]
    barred: tuple[int, ...]
    pool: matching.Pool = field(repr=False)
    match: matching.Match = field(repr=False)


@dataclass(frozen=True)
class Estimate:
    """A programme's gaps, made-up programmes and effects, before they are laid out as tables.

    `yardstick` are the gaps that chance is measured by: the same but in October, when they are last
    year's.
    """

    yardstick: Mapping[str, gaps.Gaps] = field(repr=False)
    gaps: Mapping[str, gaps.Gaps] = field(repr=False)
    draws: placebo.Draws = field(repr=False)
    made_up: pd.DataFrame = field(repr=False)
    effects: tuple[effects.Effect, ...]
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
        for one in refused(outcome, [*programme.baseline, year], programme.compare_across):
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
    draws = placebo.draw_programmes(
        yardstick[programme.primary],
        placebo.low_as_picked(
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
    made_up = placebo.made_up_estimates(yardstick, draws, design.members, real=found)
    compared = yardstick[programme.primary].table.drop(list(design.barred), errors="ignore")
    n_comparison = (
        design.match.pairs(design.members)["comparison"].nunique()
        if mode == verdicts.COMPARED
        else int(compared["gap"].notna().sum())
    )
    seen = effects.estimate_effects(
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
) -> tuple[dict[str, gaps.Gaps], dict[str, gaps.Gaps], str, dict[str, str]]:
    """Find the gaps of every outcome, the gaps chance is measured by, and how it was done.

    Last, the outcomes beside the primary one that have none, each with its reason.
    """
    compared = expected.others_have_results(panel, programme.primary, year, design.barred)
    seen, yardstick, failed = dict[str, gaps.Gaps](), dict[str, gaps.Gaps](), dict[str, str]()
    for outcome in outcomes:
        try:
            if compared:
                seen[outcome] = yardstick[outcome] = gaps.find_gaps(
                    panel, design.pool, design.match, outcome,
                    baseline=programme.baseline, year=year, members=design.barred,
                )  # fmt: skip
                continue
            seen[outcome], yardstick[outcome] = expected.find_expected_gaps(
                panel, design.pool.schools, outcome, baseline=programme.baseline, year=year,
                national=_levels_of(outcome, national), members=design.barred,
            )  # fmt: skip
        except DesignError as error:
            if outcome == programme.primary:
                raise
            failed[outcome] = plain(error)
    return seen, yardstick, verdicts.COMPARED if compared else verdicts.EXPECTED, failed


def _levels_of(outcome: str, national: pd.DataFrame | None) -> dict[int, float]:
    """Take one measure's published national level of each year, over all phases that have it."""
    if national is None or national.empty:
        return {}
    own = national[national["measure"] == outcome]
    if "phase" in own:
        own = own[own["phase"].fillna("") == ""]
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


def earlier_results(
    panel: Panel, pool: matching.Pool, programme: Programme, years: Iterable[int]
) -> pd.DataFrame:
    """Give the primary outcome of every school of the pool in some years before its gap's own."""
    return panel.wide(programme.primary).reindex(index=pool.schools.index)[list(years)]


def tabulate_gaps(
    found: Mapping[str, gaps.Gaps], members: Iterable[int] | None = None
) -> pd.DataFrame:
    """Lay gaps out with one row per school and outcome, for some schools or all."""
    parts = []
    for outcome, one in found.items():
        table = one.table if members is None else one.table.reindex(sorted(members))
        parts.append(table.assign(outcome=outcome).set_index("outcome", append=True))
    return pd.concat(parts).sort_index()


def tabulate_slopes(found: Mapping[str, gaps.Gaps]) -> pd.DataFrame:
    """Lay out what each outcome is expected from: `outcome`, `variable` and its `slope`.

    Each is per standard deviation over the schools in no programme; last comes the part of the
    comparison schools' own distance from the line.
    """
    return pd.concat(
        [one.slopes.rename("slope").reset_index().assign(outcome=name)
         for name, one in found.items()],
        ignore_index=True,
    )[["outcome", "variable", "slope"]]  # fmt: skip


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

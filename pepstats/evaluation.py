"""A programme compared, all of it as tables: what notebooks 03 and 04 do step by step."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from pepstats import balance, effects
from pepstats.comparison import (
    design_comparison,
    estimate_programme,
    tabulate_gaps,
    tabulate_lines,
)
from pepstats.errors import DesignError, nearest
from pepstats.programme import Programme, split_phases
from pepstats.study import Study, find_members, national_levels


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


def evaluate_programme(study: Study, programme: Programme | str) -> Evaluation:
    """Compare a programme's schools with schools like them: design first, then outcomes.

    A programme of several phases is compared phase by phase, each on its own pool.
    """
    parts = [_evaluate_part(study, part) for part in _choose(study, programme)]
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


def _evaluate_part(study: Study, chosen: Programme) -> Evaluation:
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


def _choose(study: Study, programme: Programme | str) -> tuple[Programme, ...]:
    """Give the programme asked for, in its parts where it has several phases."""
    if isinstance(programme, Programme):
        return split_phases(programme)
    found = [p for slug, p in study.programmes.items() if programme in {slug, p.part_of}]
    if not found:
        raise DesignError(
            f"Report `{study.report.slug}` has no programme `{programme}`. "
            f"{nearest(programme, study.programmes)}"
        )
    return tuple(found)

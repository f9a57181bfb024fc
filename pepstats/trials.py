"""Trying a choice: the comparison made again, held against the headline's made-up programmes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pepstats import effects, gaps, matchers, matching, placebo
from pepstats.choices import Choice, first_choice
from pepstats.errors import DesignError
from pepstats.programme import MatchRule
from pepstats.setting import FEWEST_MEMBERS, Row, Setting, plain
from pepstats.verdicts import COMPARED

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Tried:
    """What a choice made of the programme, and of the same made-up programmes.

    `made_up` has one estimate per made-up programme of the headline, in the same order; nothing
    where the choice could not be made, or is of other schools than the headline's.
    """

    choice: Choice
    row: Row
    made_up: Numbers | None = field(default=None, repr=False)
    match: matching.Match | None = field(default=None, repr=False)
    gaps: gaps.Gaps | None = field(default=None, repr=False)


Made = dict[tuple[object, ...], tuple[matching.Pool, matching.Match]]
"""Matches already made, by what decides them."""


def try_choice(choice: Choice, setting: Setting, made: Made) -> Tried:
    """Make the comparison again under one choice; one that cannot be made says why.

    `made` keeps matches between choices that share them.
    """
    try:
        if choice.why_not:
            raise DesignError(choice.why_not)
        found, yardstick, match = compare(choice, setting, made)
        whole = choice.members == setting.chosen
        draws = setting.draws if whole else _draw_anew(choice, setting)
        return judge(choice, setting, found, yardstick, draws, match)
    except DesignError as error:
        return Tried(choice, Row(choice.check, reason=plain(error), kind=choice.kind))


def judge(
    choice: Choice,
    setting: Setting,
    found: gaps.Gaps,
    yardstick: gaps.Gaps,
    draws: placebo.Draws,
    match: matching.Match | None,
) -> Tried:
    """Hold the members' mean gap against the same gap of the made-up programmes.

    `draws` are positions in the headline's pool; a school that another choice has no gap for counts
    for nothing in a made-up programme, as it does in the real one.
    """
    outcome = setting.outcome
    same = replace(yardstick, table=yardstick.table.reindex(setting.pool.schools.index))
    made_up = placebo.made_up_estimates(
        {outcome: same}, draws, choice.members, real={outcome: found}
    )
    seen = effects.estimate_effects(
        "", {outcome: found}, made_up, choice.members, n_comparison=0
    )  # fmt: skip
    counted = seen[0].n_schools if seen else 0
    if counted < FEWEST_MEMBERS:
        raise DesignError(
            f"{counted} of the programme's schools are left; {FEWEST_MEMBERS} are needed"
        )
    effect = seen[0]
    row = Row(
        choice.check, effect.estimate, effect.low, effect.high, effect.p_placebo, counted,
        setting.effect.n_comparison if match is None or choice.kind == "headline"
        else count_comparison(match, found, choice.members),
        choice.note, kind=choice.kind,
    )  # fmt: skip
    chance = made_up[outcome].to_numpy(float) if choice.members == setting.chosen else None
    return Tried(choice, row, chance, match, found)


def compare(
    choice: Choice, setting: Setting, made: Made
) -> tuple[gaps.Gaps, gaps.Gaps, matching.Match | None]:
    """Find every school's gap under a choice, the gaps chance is measured by, and the match."""
    first = first_choice(setting)
    plain = replace(choice, check=first.check, kind=first.kind, note="", members=first.members)
    if replace(plain, weighted=True) == first:
        both = [setting.gaps, setting.yardstick]
        if not choice.weighted:
            both = [replace(g, table=g.table.assign(weight=1.0)) for g in both]
        match = setting.match if setting.effect.mode == COMPARED else None
        return both[0], both[1], match
    if choice.year == setting.year:
        setting.need_others()
    pool, match = match_schools(choice, setting, made)
    found = gaps.find_gaps(
        setting.panel, pool, match, setting.outcome, baseline=choice.baseline, year=choice.year,
        members=setting.barred, adjusted=choice.adjusted, part=choice.part,
        weighted=choice.weighted,
    )  # fmt: skip
    return found, found, match


def match_schools(
    choice: Choice, setting: Setting, made: Made
) -> tuple[matching.Pool, matching.Match]:
    """Find comparison schools as a choice has it, from what was known before its years."""
    first = first_choice(setting)
    key, headline = (
        (one.rule.model_dump_json(), one.where, one.baseline, one.way) for one in (choice, first)
    )
    if key == headline:
        return setting.pool, setting.match
    if key not in made:
        pool = setting.pool if choice.baseline == first.baseline else _find_pool(choice, setting)
        made[key] = pool, _match(choice, setting, pool)
    return made[key]


def _find_pool(choice: Choice, setting: Setting) -> matching.Pool:
    before = matching.before_start(setting.panel, max(choice.baseline) + 1)
    return matching.find_pool(
        before, setting.register, choice.rule, phase=setting.programme.phase,
        outcomes=setting.programme.outcomes, baseline=choice.baseline, members=choice.members,
    )  # fmt: skip


def _match(choice: Choice, setting: Setting, pool: matching.Pool) -> matching.Match:
    rule, where, barred = choice.rule, choice.where, setting.barred
    if choice.way == "mahalanobis" and not rule.calipers:
        return matchers.match_by_mahalanobis(pool, rule, where, choice.members, barred=barred)
    if choice.way == "own authority":
        own = pool.schools.index[pool.schools["la"] == setting.home]
        if not len(own.difference(pd.Index(barred))):
            raise DesignError("every school of the authority with results is in a programme")
    if choice.way != "nearest":
        match, _ = matchers.match_members(
            pool, rule, where, choice.members, setting.match,
            way=choice.way if choice.way in ("once", "optimal") else "nearest",
            measure="mahalanobis" if choice.way == "mahalanobis" else "weighted", barred=barred,
            calipers=matching.list_limits(rule, pool.schools),
            own_authority=choice.way == "own authority",
        )  # fmt: skip
        return match
    had = setting.match
    if pool is setting.pool and where == setting.programme.pool and rule.k <= had.rule.k:
        return narrow(had, rule)
    return matching.match_schools(pool, rule, where, barred=barred)


def narrow(match: matching.Match, rule: MatchRule) -> matching.Match:
    """Keep of each school's comparison schools the k nearest, and those within the caliper."""
    places, distances = match.places[:, : rule.k].copy(), match.distances[:, : rule.k].copy()
    if rule.caliper is not None:
        far = distances > rule.caliper
        places[far], distances[far] = -1, np.nan
    alone = match.schools[places[:, 0] < 0]
    why = match.unmatched["reason"].reindex(alone).fillna("none alike within the caliper")
    return matching.Match(rule, match.schools, places, distances, why.to_frame())


def count_comparison(match: matching.Match, found: gaps.Gaps, members: tuple[int, ...]) -> int:
    """Count the different schools that some member is compared with."""
    there = found.table.index[found.table["gap"].notna()]
    rows = match.places[match.schools.isin(list(members)) & match.schools.isin(there)]
    return int(np.unique(rows[rows >= 0]).size)


def _draw_anew(choice: Choice, setting: Setting) -> placebo.Draws:
    """Draw made-up programmes as small, and as low attaining, as some of the members."""
    counted = setting.gaps.table["gap"].reindex(list(choice.members)).notna().sum()
    if counted < FEWEST_MEMBERS:
        raise DesignError(f"{counted} such schools have a result; {FEWEST_MEMBERS} are needed")
    return placebo.draw_programmes(
        setting.yardstick,
        low_as_picked(setting, setting.yardstick.baseline, setting.pool.schools.index),
        choice.members, real=setting.gaps, barred=setting.barred,
        draws=setting.programme.placebo.draws, rng=setting.rng(choice.check),
    )  # fmt: skip


def low_as_picked(setting: Setting, before: Iterable[int], schools: pd.Index) -> pd.Series:
    """Say who was low attaining when picked: members as the real rule found them, others before."""
    results = setting.panel.wide(setting.outcome).reindex(index=schools)
    return placebo.low_as_picked(
        results[sorted(setting.programme.baseline)], results[sorted(before)], setting.chosen
    )

"""Trying a choice: the comparison made again, held against the headline's made-up programmes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pepstats.errors import DesignError, as_reason
from pepstats.impact import (
    COMPARED,
    FEWEST_COMPARISONS,
    Asked,
    Gaps,
    PlaceboDraws,
    draw_placebo,
    estimate_effects,
    find_gaps,
    has_gap,
    low_as_picked,
    placebo_estimates,
)
from pepstats.matching import (
    Match,
    Pool,
    before_start,
    find_pool,
    list_limits,
    match_by_mahalanobis,
    match_members,
    match_schools,
)
from pepstats.robustness.headline import FEWEST_MEMBERS, CheckRow, Headline
from pepstats.settings import MatchRule, PoolRule

HEADLINE = "as fixed in the programme's file"

CLOSE = 0.5
"""Standard deviations within which a comparison school is a close match."""

ONE_YEAR = "there is one baseline year, and no other to set beside it"

Way = Literal["nearest", "mahalanobis", "once", "optimal", "own authority"]


@dataclass(frozen=True)
class Choice:
    """One way to make the comparison: the programme's own with something changed.

    `why_not` says why a study does not allow it; empty where it does.
    """

    check: str
    kind: str
    rule: MatchRule
    where: PoolRule
    baseline: tuple[int, ...]
    year: int
    members: tuple[int, ...]
    way: Way = "nearest"
    adjusted: bool = True
    part: float | None = None
    weighted: bool = True
    note: str = ""
    why_not: str = ""


def first_choice(setting: Headline) -> Choice:
    """Give the choice that was fixed beforehand."""
    programme = setting.programme
    return Choice(
        HEADLINE, "headline", programme.match, programme.pool, tuple(sorted(programme.baseline)),
        setting.year, setting.chosen,
    )  # fmt: skip


def list_comparisons(setting: Headline) -> list[Choice]:
    """List other sums for the same members, and other comparison schools.

    The headline takes a small part of what comparison schools did, so that which they are hardly
    moves it; so other comparison schools are tried with all of it taken.
    """
    first = first_choice(setting)
    years = first.baseline if len(first.baseline) > 1 else ()
    sums = [
        replace(first, check="comparison schools counted in full", part=1.0,
                note="left-over differences taken out"),
        replace(first, check="comparison schools as they stand", adjusted=False,
                note="counted in full, nothing taken out"),
        replace(first, check="every school counted the same", weighted=False),
        *(replace(first, check=f"{held} left out of what was known",
                  baseline=tuple(year for year in years if year != held)) for held in years),
    ]  # fmt: skip
    if not years:
        sums.append(replace(first, check="a year left out of what was known", why_not=ONE_YEAR))
    others = [replace(choice, kind="comparison", part=1.0) for choice in _list_matches(first)]
    return [replace(choice, kind="sum") for choice in sums] + others


def _list_matches(first: Choice) -> list[Choice]:
    rule, where = first.rule, first.where
    found = [
        replace(first, check=f"{k} comparison schools each", rule=rule.model_copy(update={"k": k}))
        for k in (max(FEWEST_COMPARISONS, rule.k // 2), rule.k * 2)
        if k != rule.k
    ]
    close = min(CLOSE, (rule.caliper or np.inf) / 2)
    found += [
        replace(first, check="only close matches", rule=rule.model_copy(update={"caliper": close}),
                note=f"comparison schools within {close:g} standard deviations"),
        replace(first, check="likeness by Mahalanobis distance", way="mahalanobis",
                rule=rule.model_copy(update={"caliper": None})),
        replace(first, check="each comparison school used once", way="once"),
        replace(first, check="matched together for the least distance", way="optimal",
                note="each comparison school used once"),
        replace(first, check="schools of the same authority allowed", way="own authority"),
        *_neighbours(first),
    ]  # fmt: skip
    if where.authorities is not None:
        all_england = where.model_copy(update={"authorities": None, "neighbours": False})
        found.append(replace(first, check="comparison schools from all England", where=all_england))
    return found


def _neighbours(first: Choice) -> list[Choice]:
    """Compare within the statistical neighbours listed, where the headline does not already."""
    listed = first.where.neighbours
    if listed is True:
        return []
    where = first.where.model_copy(update={"authorities": listed or None, "neighbours": False})
    why = "" if listed else "the programme's file lists none (`pool.neighbours`)"
    name = "only the authority's statistical neighbours"
    return [replace(first, check=name, where=where, why_not=why)]


def list_earlier(setting: Headline) -> list[Choice]:
    """List what is asked of years in which nothing had started: each should find nothing."""
    first = replace(first_choice(setting), kind="before")
    if len(first.baseline) < 2:
        names = ("one year early", "a year kept out of the matching")
        return [replace(first, check=name, why_not=ONE_YEAR) for name in names]
    *early, last = first.baseline
    held, rest = first.baseline[0], first.baseline[1:]
    return [
        replace(first, check="one year early", baseline=tuple(early), year=last,
                note=f"nothing had started: {last} instead of {setting.year}"),
        replace(first, check=f"{held}, kept out of the matching", baseline=rest, year=held,
                note="not made alike in it, so it tests how alike the schools were"),
    ]  # fmt: skip


Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class TriedChoice:
    """What a choice made of the programme, and of the same made-up programmes.

    `made_up` has one estimate per made-up programme of the headline, in the same order; nothing
    where the choice could not be made, or is of other schools than the headline's.
    """

    choice: Choice
    row: CheckRow
    made_up: Numbers | None = field(default=None, repr=False)
    match: Match | None = field(default=None, repr=False)
    gaps: Gaps | None = field(default=None, repr=False)


MadeDraws = dict[tuple[object, ...], tuple[Pool, Match]]
"""Matches already made, by what decides them."""


def try_choice(choice: Choice, setting: Headline, made: MadeDraws) -> TriedChoice:
    """Make the comparison again under one choice; one that cannot be made says why.

    `made` keeps matches between choices that share them.
    """
    try:
        if choice.why_not:
            raise DesignError(choice.why_not)
        found, yardstick, match = compare_again(choice, setting, made)
        whole = choice.members == setting.chosen
        draws = setting.draws if whole else _draw_anew(choice, setting)
        return judge_choice(choice, setting, found, yardstick, draws, match)
    except DesignError as error:
        return TriedChoice(
            choice, CheckRow(choice.check, reason=as_reason(error), kind=choice.kind)
        )


def judge_choice(
    choice: Choice,
    setting: Headline,
    found: Gaps,
    yardstick: Gaps,
    draws: PlaceboDraws,
    match: Match | None,
) -> TriedChoice:
    """Hold the members' mean gap against the same gap of the made-up programmes.

    `draws` are positions in the headline's pool; a school that another choice has no gap for counts
    for nothing in a made-up programme, as it does in the real one.
    """
    outcome = setting.outcome
    same = replace(yardstick, table=yardstick.table.reindex(setting.pool.schools.index))
    made_up = placebo_estimates({outcome: same}, draws, choice.members, real={outcome: found})
    seen = estimate_effects(
        "", {outcome: found}, made_up, choice.members, n_comparison=0
    )  # fmt: skip
    counted = seen[0].n_schools if seen else 0
    if counted < FEWEST_MEMBERS:
        raise DesignError(
            f"{counted} of the programme's schools are left; {FEWEST_MEMBERS} are needed"
        )
    effect = seen[0]
    row = CheckRow(
        choice.check, effect.estimate, effect.low, effect.high, effect.p_placebo, counted,
        setting.effect.n_comparison if match is None or choice.kind == "headline"
        else count_comparison(match, found, choice.members),
        choice.note, kind=choice.kind,
    )  # fmt: skip
    chance = made_up[outcome].to_numpy(float) if choice.members == setting.chosen else None
    return TriedChoice(choice, row, chance, match, found)


def compare_again(
    choice: Choice, setting: Headline, made: MadeDraws
) -> tuple[Gaps, Gaps, Match | None]:
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
    pool, match = match_again(choice, setting, made)
    asked = Asked(setting.outcome, choice.baseline, choice.year, setting.barred)
    found = find_gaps(setting.panel, pool, match, asked, adjusted=choice.adjusted, part=choice.part)
    return found, found, match


def match_again(choice: Choice, setting: Headline, made: MadeDraws) -> tuple[Pool, Match]:
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


def _find_pool(choice: Choice, setting: Headline) -> Pool:
    before = before_start(setting.panel, max(choice.baseline) + 1)
    return find_pool(
        before, setting.register, choice.rule, phase=setting.programme.phase,
        outcomes=setting.programme.outcomes, baseline=choice.baseline, members=choice.members,
    )  # fmt: skip


def _match(choice: Choice, setting: Headline, pool: Pool) -> Match:
    rule, where, barred = choice.rule, choice.where, setting.barred
    if choice.way == "mahalanobis" and not rule.calipers:
        return match_by_mahalanobis(pool, rule, where, choice.members, barred=barred)
    if choice.way == "own authority":
        own = pool.schools.index[pool.schools["la"] == setting.home]
        if not len(own.difference(pd.Index(barred))):
            raise DesignError("every school of the authority with results is in a programme")
    if choice.way != "nearest":
        match, _ = match_members(
            pool, rule, where, choice.members, setting.match,
            way=choice.way if choice.way in ("once", "optimal") else "nearest",
            measure="mahalanobis" if choice.way == "mahalanobis" else "weighted", barred=barred,
            calipers=list_limits(rule, pool.schools),
            own_authority=choice.way == "own authority",
        )  # fmt: skip
        return match
    had = setting.match
    if pool is setting.pool and where == setting.programme.pool and rule.k <= had.rule.k:
        return narrow(had, rule)
    return match_schools(pool, rule, where, barred=barred)


def narrow(match: Match, rule: MatchRule) -> Match:
    """Keep of each school's comparison schools the k nearest, and those within the caliper."""
    places, distances = match.places[:, : rule.k].copy(), match.distances[:, : rule.k].copy()
    if rule.caliper is not None:
        far = distances > rule.caliper
        places[far], distances[far] = -1, np.nan
    alone = match.schools[places[:, 0] < 0]
    why = match.unmatched["reason"].reindex(alone).fillna("none alike within the caliper")
    return Match(rule, match.schools, places, distances, why.to_frame())


def count_comparison(match: Match, found: Gaps, members: tuple[int, ...]) -> int:
    """Count the different schools that some member is compared with."""
    there = found.table.index[found.table["gap"].notna()]
    rows = match.places[match.schools.isin(list(members)) & match.schools.isin(there)]
    return int(np.unique(rows[rows >= 0]).size)


def _draw_anew(choice: Choice, setting: Headline) -> PlaceboDraws:
    """Draw made-up programmes as small, and as low attaining, as some of the members."""
    counted = setting.gaps.table["gap"].reindex(list(choice.members)).notna().sum()
    if counted < FEWEST_MEMBERS:
        raise DesignError(f"{counted} such schools have a result; {FEWEST_MEMBERS} are needed")
    return draw_placebo(
        setting.yardstick,
        select_as_picked(setting, setting.yardstick.baseline, setting.pool.schools.index),
        has_gap(setting.gaps, choice.members), barred=setting.barred,
        draws=setting.programme.placebo.draws, rng=setting.rng(choice.check),
    )  # fmt: skip


def select_as_picked(setting: Headline, before: Iterable[int], schools: pd.Index) -> pd.Series:
    """Say who was low attaining when picked: members as the real rule found them, others before."""
    results = setting.panel.wide(setting.outcome).reindex(index=schools)
    return low_as_picked(
        results[sorted(setting.programme.baseline)], results[sorted(before)], setting.chosen
    )

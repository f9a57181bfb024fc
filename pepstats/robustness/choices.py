"""Choices: the same comparison with one thing changed, against the headline's placebo draws."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from pepstats.errors import DesignError
from pepstats.formatting import school_year
from pepstats.impact import (
    MATCHED,
    Asked,
    Gaps,
    PlaceboDraws,
    find_gaps,
    has_gap,
    mean_of,
    placebo_estimates,
)
from pepstats.matching import (
    FEWEST_COMPARISONS,
    Match,
    MatchBasis,
    Pool,
    before_start,
    find_pool,
    mark_free,
    match_by_mahalanobis,
    match_listed,
    match_schools,
    narrow,
    pair_members,
)
from pepstats.robustness.headline import FEWEST_MEMBERS, CheckRow, Headline
from pepstats.settings import MatchRule, PoolRule

HEADLINE = "the main estimate"
CLOSE = 0.5
"""Standard deviations within which a comparison school is a close match."""

USUAL = MatchRule.model_fields["k"].default

ONE_YEAR = "there is one baseline year, and no other to set beside it"
Way = Literal["nearest", "mahalanobis", "once", "optimal", "own authority", "listed"]


@dataclass(frozen=True)
class Choice:
    """One way to make the comparison: the programme's own with something changed.

    `listed` names the published list of similar schools that is taken. `why_not` says why a study
    does not allow it; empty where it does.
    """

    check: str
    kind: str
    rule: MatchRule
    where: PoolRule
    baseline: tuple[int, ...]
    year: int
    members: tuple[int, ...]
    way: Way = "nearest"
    how: Literal["corrected", "uncorrected", "line"] = "corrected"
    weighted: bool = True
    scaled: bool = True
    listed: str = ""
    note: str = ""
    detail: str = ""
    why_not: str = ""

    @property
    def matching(self) -> tuple[object, ...]:
        """All that decides who is compared with whom."""
        rule, where = self.rule.model_dump_json(), self.where.model_dump_json()
        return rule, where, self.baseline, self.way, self.listed


def first_choice(headline: Headline) -> Choice:
    """Return the choice that was fixed beforehand."""
    programme = headline.programme
    return Choice(
        HEADLINE, "headline", programme.match, programme.pool, tuple(sorted(programme.baseline)),
        headline.year, headline.chosen,
    )  # fmt: skip


def list_comparisons(headline: Headline) -> list[Choice]:
    """List other sums for the same members, and other comparison schools."""
    first = first_choice(headline)
    years = first.baseline if len(first.baseline) > 1 else ()
    sums = [
        replace(first, check="comparison schools without correction", how="uncorrected",
                note="what they are left unlike in is not taken out"),
        replace(first, check="corrected by England's schools alone", how="line",
                note="what is expected by it, without comparison schools"),
        replace(first, check="every school counted the same", weighted=False),
        replace(first, check="groups of other sizes counted as they are", scaled=False),
        *(replace(first, check=f"{held} left out of what was known",
                  baseline=tuple(year for year in years if year != held)) for held in years),
    ]  # fmt: skip
    if not years:
        sums.append(replace(first, check="a year left out of what was known", why_not=ONE_YEAR))
    matches = [*_list_matches(first), *_lists(first, headline)]
    others = [replace(choice, kind="comparison") for choice in matches]
    return [replace(choice, kind="sum") for choice in sums] + others


def _list_matches(first: Choice) -> list[Choice]:
    rule, where = first.rule, first.where
    found = [
        replace(first, check=f"{k} comparison schools each", rule=rule.model_copy(update={"k": k}))
        for k in sorted({max(FEWEST_COMPARISONS, rule.k // 2), rule.k * 2, USUAL} - {rule.k})
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


def _lists(first: Choice, headline: Headline) -> list[Choice]:
    """Compare with the schools of each published list, and say how many it shares with ours."""
    ours = headline.match.pairs(headline.chosen)
    found = []
    for name in first.where.lists:
        pairs = headline.similar[headline.similar["list"].eq(name)]
        theirs = pairs[pairs["school"].isin(list(headline.chosen))]
        both = ours.merge(theirs, left_on=["school", "comparison"], right_on=["school", "similar"])
        without = len(headline.chosen) - theirs["school"].nunique()
        note = (
            f"{theirs['similar'].nunique()} schools listed, {ours['comparison'].nunique()} ours, "
            f"{len(set(theirs['similar']) & set(ours['comparison']))} in both; school by school "
            f"{len(both)} pairs of our {len(ours)}"
        )
        note += f"; {without} of the programme's schools without a list" if without else ""
        found.append(replace(first, check=f"the list `{name}` of similar schools", way="listed",
                             listed=name, note=note))  # fmt: skip
    return found


def list_earlier(headline: Headline) -> list[Choice]:
    """List what is asked of years in which nothing had started: each should find nothing."""
    first = replace(first_choice(headline), kind="before")
    if len(first.baseline) < 2:
        names = ("one year early", "a year kept out of the matching")
        return [replace(first, check=name, why_not=ONE_YEAR) for name in names]
    *early, last = first.baseline
    held, rest = first.baseline[0], first.baseline[1:]
    return [
        replace(first, check=name_earlier(early[-1], last, headline.year), baseline=tuple(early),
                year=last,
                note=f"nothing had started: {last} instead of {headline.year}"),
        replace(first, check=f"{held}, kept out of the matching", baseline=rest, year=held,
                note="not used in the matching, so it tests how similar the schools were"),
    ]  # fmt: skip


def name_earlier(before: int, year: int, then: int) -> str:
    """Name the comparison of years in which nothing had started, by these where they are apart."""
    if year - before == then - year == 1:
        return "one year early"
    return f"from {school_year(before)} to {school_year(year)}"


def try_untouched(outcome: str, headline: Headline) -> CheckRow:
    """Estimate an outcome that the programme cannot have moved, on the headline's placebo draws."""
    headline.need_others()
    asked = Asked(outcome, headline.programme.baseline, headline.year, headline.barred)
    found = find_gaps(headline.panel, headline.pool, headline.match, asked)
    choice = replace(first_choice(headline), check=f"must not move: {outcome}", kind="untouched",
                     note=f"in {found.unit}")  # fmt: skip
    return judge_choice(choice, headline, found, found, headline.draws, headline.match)


def try_choice(choice: Choice, headline: Headline) -> CheckRow:
    """Make the comparison again under one choice, against placebo draws."""
    if choice.why_not:
        raise DesignError(choice.why_not)
    found, yardstick, match = compare_again(choice, headline)
    same = choice.members == headline.chosen
    draws = headline.draws if same else _draw_anew(choice, headline)
    return judge_choice(choice, headline, found, yardstick, draws, match)


def judge_choice(
    choice: Choice,
    headline: Headline,
    found: Gaps,
    yardstick: Gaps,
    draws: PlaceboDraws,
    match: Match | None,
) -> CheckRow:
    """Hold the members' mean gap against the same gap of the placebo draws.

    `draws` are positions in the headline's pool; a school that another choice has no gap for counts
    for nothing in a placebo draw, as it does in the real programme.
    """
    outcome = headline.outcome
    same = replace(yardstick, table=yardstick.table.reindex(headline.pool.schools.index))
    placebo = placebo_estimates(
        {outcome: same}, draws, choice.members, real={outcome: found}, scaled=choice.scaled
    )
    own = has_gap(found, choice.members)
    if len(own) < FEWEST_MEMBERS:
        raise DesignError(
            f"{len(own)} of the programme's schools are left; {FEWEST_MEMBERS} are needed"
        )
    counted = found.table[found.table.index.isin(choice.members)]
    row = CheckRow(
        choice.check, mean_of(found, choice.members)[0], n_schools=len(own),
        n_comparison=headline.effect.n_comparison if match is None or choice.kind == "headline"
        else len(match.serving(own, found.table["own"])),
        note=choice.note, detail=choice.detail, kind=choice.kind,
        shares=list_shares(counted) if choice.year == headline.year else None,
    )  # fmt: skip
    chance = placebo[outcome].to_numpy(float)
    if choice == first_choice(headline):
        effect = headline.effect
        return replace(row, low=effect.low, high=effect.high, p=effect.p_placebo, chance=chance)
    return headline.judge(row, chance, cities=draws.usable, keep=choice.members == headline.chosen)


def list_shares(gaps: pd.DataFrame) -> pd.Series:
    """Return the part of each school's gap in the mean of some gaps: index `school`."""
    weights = gaps["weight"].where(gaps["gap"].notna(), 0.0).astype(float)
    return (weights / weights.sum()).rename("share").rename_axis("school")


def compare_again(choice: Choice, headline: Headline) -> tuple[Gaps, Gaps, Match | None]:
    """Find every school's gap under a choice, the gaps chance is measured by, and the match."""
    first = first_choice(headline)
    changed = choice.matching != first.matching or choice.how != first.how
    if not changed and choice.year == first.year:
        both = [headline.gaps, headline.yardstick]
        if not choice.weighted:
            both = [replace(g, table=g.table.assign(weight=1.0)) for g in both]
        match = headline.match if headline.effect.mode == MATCHED else None
        return both[0], both[1], match
    if choice.year == headline.year:
        headline.need_others()
    pool, match = match_again(choice, headline)
    asked = Asked(headline.outcome, choice.baseline, choice.year, headline.barred)
    found = find_gaps(headline.panel, pool, match, asked, how=choice.how)
    return found, found, match


def match_again(choice: Choice, headline: Headline) -> tuple[Pool, Match]:
    """Find comparison schools as a choice has it, from what was known before its years."""
    first, key = first_choice(headline), choice.matching
    if key == first.matching:
        return headline.pool, headline.match
    if key not in headline.matches:
        pool = headline.pool
        if choice.baseline != first.baseline:
            asked = headline.programme
            basis = MatchBasis(choice.rule, asked.phase, asked.outcomes, choice.baseline)
            before = before_start(headline.panel, max(choice.baseline) + 1)
            pool = find_pool(before, headline.register, basis)
        headline.matches[key] = pool, _match(choice, headline, pool)
    return headline.matches[key]


def _match(choice: Choice, headline: Headline, pool: Pool) -> Match:
    rule, where, barred, had = choice.rule, choice.where, headline.barred, headline.match
    free = mark_free(pool, where, barred)
    if choice.way == "mahalanobis":
        return match_by_mahalanobis(pool, rule, choice.members, free)
    if choice.way == "own authority":
        own = pool.schools.index[pool.schools["la"] == headline.home]
        if not len(own.difference(pd.Index(barred))):
            raise DesignError("every school of the authority with results is in a programme")
    if choice.way == "listed":
        pairs = headline.similar[headline.similar["list"].eq(choice.listed)]
        return match_listed(had, pool, choice.members, free, pairs)
    if choice.way != "nearest":
        return pair_members(had, pool, choice.members, free, way=choice.way)
    if pool is headline.pool and where == headline.programme.pool and rule.k <= had.rule.k:
        return narrow(had, rule)
    return match_schools(pool, rule, where, barred=barred)


def _draw_anew(choice: Choice, headline: Headline) -> PlaceboDraws:
    """Draw placebo programmes as small, and as low attaining, as some of the members."""
    own = has_gap(headline.gaps, choice.members)
    if len(own) < FEWEST_MEMBERS:
        raise DesignError(f"{len(own)} such schools have a result; {FEWEST_MEMBERS} are needed")
    return headline.draw(headline.yardstick, own, choice.check)

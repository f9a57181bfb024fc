"""Other ways to make the same comparison: what a study allows, one thing changed in each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from pepstats import gaps
from pepstats.programme import MatchRule, PoolRule
from pepstats.setting import Setting

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


def first_choice(setting: Setting) -> Choice:
    """Give the choice that was fixed beforehand."""
    programme = setting.programme
    return Choice(
        HEADLINE, "headline", programme.match, programme.pool, tuple(sorted(programme.baseline)),
        setting.year, setting.chosen,
    )  # fmt: skip


def list_comparisons(setting: Setting) -> list[Choice]:
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
        for k in (max(gaps.FEWEST_COMPARISONS, rule.k // 2), rule.k * 2)
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


def list_earlier(setting: Setting) -> list[Choice]:
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

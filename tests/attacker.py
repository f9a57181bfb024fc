"""An attacker: has a public release, the open code and the published files, and nothing else.

What every school brought, how many pupils it has, who is a member and how much support each had is
known; its results of the year are not. `attack` reads every file of a release, matches its numbers
with sums of these results, and tells what comes out. It knows nothing of the gate it tries.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pepstats.measures import whole_of
from tests.attack_matching import Fact, match_numbers, settle
from tests.attack_reading import read_release
from tests.attack_shadows import (
    Finding,
    find_cases,
    find_counts,
    find_names,
    find_refusals,
    find_shadows,
    guess_cases,
)
from tests.attack_solving import (
    Numbers,
    Told,
    bounds,
    ratios,
    solve_whole,
    update,
    worst_misfit,
)
from tests.attack_world import Form, World, expect_together, find_structure, sides_of

WIDTHS_OF = 40
"""Bounds are worked out of so many results, those that most is told of."""


@dataclass(frozen=True)
class Attacked:
    """What came of an attack.

    `left` has one row per unknown result: `alone` and `insider` (the uncertainty left as a share),
    `low` and `high` (its bounds), `guess` (the likeliest value), `certain`; `facts` what was read.
    """

    left: pd.DataFrame
    facts: Mapping[str, Fact]
    findings: Sequence[Finding]


def attack(releases: Sequence[Path], worlds: Sequence[World], only: str = "") -> Attacked:
    """Attack one or more releases of the same results, each with what was published beside it.

    `only` keeps the files whose name has it: what some of them give away by themselves. Without a
    release the guesses are what published files alone allow.
    """
    facts: dict[str, Fact] = {}
    forms: dict[str, Form] = {}
    for n, (folder, world) in enumerate(zip(releases, worlds, strict=False)):
        cells = [c for c in read_release(folder) if only in c.file]
        marks = [c for c in cells if c.column in ("mark", "line")]
        settled = settle(world, match_numbers(cells, world), marks)
        settled = _name_left_out(world, settled)
        facts |= {f"{n}|{name}": fact for name, fact in settled.items() if name in world.forms}
        forms |= {f"{n}|{name}": world.forms[name] for name in settled if name in world.forms}
    known = pd.concat([world.unknowns for world in worlds])
    return solve(known[~known.index.duplicated()], facts, forms)


def look_around(world: World, release: Path, published: Path) -> list[Finding]:
    """Look for what a release gives away besides sums."""
    cells = read_release(release)
    smallest = world.study.report.disclosure.safe_threshold - 1
    shadows = find_shadows(release, published)
    hashes = [one.what for one in shadows if one.kind == "hash"]
    return [
        *shadows, *guess_cases(world, hashes, cells), *find_cases(world, cells),
        *find_refusals(world, cells), *find_counts(cells, smallest), *find_names(world, release),
    ]  # fmt: skip


def _name_left_out(world: World, facts: Mapping[str, Fact]) -> dict[str, Fact]:
    """Find whose estimate without one school this is: the one whose result is then on the grid."""
    found = dict(facts)
    for name, fact in facts.items():
        stem, _, kind = name.rpartition("|")
        if kind not in ("lowest", "highest") or f"{stem}|headline" not in facts:
            continue
        del found[name]
        headline, fits = facts[f"{stem}|headline"], []
        for form in (f for f in world.forms if f.startswith(f"{stem}|without ")):
            school = int(form.rpartition(" ")[2])
            share = next(
                (v for (s, _), v in world.forms[f"{stem}|headline"].parts.items() if s == school)
            )
            miss = (headline.value - (1 - share) * fact.value) / share
            slack = (headline.half + fact.half) / share
            terms = [k for k in world.forms[f"{stem}|headline"].parts if k[0] == school]
            row = world.unknowns.loc[terms[0]]
            if (
                len(terms) > 1
                or not row["low"] - slack <= row["mean"] + miss <= row["high"] + slack
            ):
                continue
            off = (
                abs((row["mean"] + miss) / row["step"] - round((row["mean"] + miss) / row["step"]))
                * row["step"]
            )
            if off <= slack + 1e-5:
                fits.append((abs(miss) / row["sd"], form))
        if len(fits) == 1:
            found[fits[0][1]] = replace(fact, form=fits[0][1])
    return found


def solve(unknowns: pd.DataFrame, facts: Mapping[str, Fact], forms: Mapping[str, Form]) -> Attacked:
    """Tell what facts leave open of each unknown result that they are about."""
    named = {key for name in facts for key in forms[name].parts}
    measures = {m for _, m in named} | {whole_of(m) for _, m in named}
    measures |= (
        {side for m in measures for side in sides_of(m)}
        if any("." in m for m in measures)
        else set()
    )
    known = (
        unknowns[unknowns.index.get_level_values("measure").isin(measures)] if facts else unknowns
    )
    keys = list(known.index)
    place = {key: n for n, key in enumerate(keys)}
    rows, values, halves = [], [], []
    for name, fact in facts.items():
        row = np.zeros(len(keys))
        for key, share in forms[name].parts.items():
            if key in place:
                row[place[key]] = share
        rows.append(row)
        values.append(fact.value - forms[name].constant)
        halves.append(max(fact.half, 1e-9))
    told = Told(np.array(rows).reshape(len(rows), len(keys)), np.array(values), np.array(halves))
    structure = find_structure(known)
    start, prior = expect_together(known)
    told = _consistent(told, structure, known)
    left = ratios(prior, told, known.index.get_level_values("school").to_numpy())
    left.index = known.index
    everything = told.beside(structure)
    low, high = known["low"].to_numpy(), known["high"].to_numpy()
    told_of = np.flatnonzero(np.abs(told.forms).sum(axis=0) > 0)
    told_of = told_of[np.argsort(left["alone"].to_numpy()[told_of])][:WIDTHS_OF]
    left["low"], left["high"] = low, high
    if len(told_of):
        left.iloc[told_of, 2:4] = bounds(everything, low, high, told_of).to_numpy()
    groups = [name.rpartition("|")[0].partition("|")[2] for name in facts]
    guess, certain = _guess(known, start, prior, told, groups)
    left["guess"], left["certain"] = guess, certain
    left["percent"] = known["step"] == 1.0
    pinned = (left["high"] - left["low"]) < 0.999 * known["step"]
    left.loc[pinned, "certain"] = True
    findings = [
        Finding("result", int(s), str(m), float(r["guess"]), 0.0, "forms of one release or more")
        for (s, m), r in left[left["certain"]].iterrows()
    ]
    return Attacked(left, facts, findings)


def _consistent(told: Told, structure: Told, known: pd.DataFrame) -> Told:
    """Set aside the fewest sums, one by one, until results can be found that all others fit."""
    low, high = known["low"].to_numpy(), known["high"].to_numpy()
    half = told.half.copy()
    for _ in range(5):
        tried = Told(told.forms, told.values, half).beside(structure)
        n = worst_misfit(tried, low, high, len(half))
        if n is None:
            break
        half[n] = 1e3
    return Told(told.forms, told.values, half)


def _guess(
    known: pd.DataFrame, start: Numbers, prior: Numbers, told: Told, groups: Sequence[str]
) -> tuple[Numbers, Numbers]:
    """Guess every unknown; those of a group of sums that can be solved for whole pupils for sure.

    What one group gives is put into the next, until none gives any more.
    """
    after, step = update(start, prior, told), known["step"].to_numpy()
    sd = known["sd"].to_numpy()
    guess, certain = np.round(after / step) * step, np.zeros(len(step), dtype=bool)
    tried = [np.array([g == group for g in groups]) for group in dict.fromkeys(groups)]
    tried.append(np.ones(len(groups), dtype=bool))
    before = -1
    while certain.sum() > before:
        before = certain.sum()
        for rows in tried:
            forms = told.forms[rows]
            values = told.values[rows] - forms[:, certain] @ guess[certain]
            own = np.flatnonzero((np.abs(forms).sum(axis=0) > 0) & ~certain)
            if len(own) and len(values):
                some = Told(forms[:, own], values, told.half[rows])
                possible = partial(_are_whole_pupils, known=known.iloc[own])
                spread = np.diag(sd[own] ** 2)
                found, firm = solve_whole(start[own], spread, step[own], some, possible)
                guess[own[firm]], certain[own[firm]] = found[firm], True
    return guess, certain


def _are_whole_pupils(found: Numbers, known: pd.DataFrame) -> NDArray[np.bool_]:
    """Say which percentages are what whole pupils can come to, rounded as published."""
    pupils, percent = known["pupils"].to_numpy(), known["step"].to_numpy() == 1.0
    back = np.floor(100 * np.round(found * pupils / 100) / pupils + 0.5)
    inside = (found >= known["low"].to_numpy()) & (found <= known["high"].to_numpy())
    whole: NDArray[np.bool_] = inside & (~percent | (np.abs(back - found) < 1e-6))
    return whole

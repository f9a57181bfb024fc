"""The proof: the cleaned schools, weighted by their pupils, give back the file's own totals.

A percentage of a known cohort is first made whole pupils again (`round(percent x cohort)`), so
that, suppression aside, only the published total's own rounding is left.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np
import pandas as pd

from pepstats.measures import MEASURES, Measure
from pepstats.sources.cells import Array
from pepstats.sources.layouts import ALL_SCHOOLS, AUTHORITY, STATE_FUNDED
from pepstats.sources.results import Results

FOUND = ["check", "urn", "row", "measure", "said"]
GROUPS_OF = (("disadvantaged", "other"), ("boys", "girls"))
"""Groups that make up a whole cohort."""

HARDER = {"_higher": "_expected", "_95": "_94"}
"""How the names of two standards end, of which whoever reaches the first reaches the second."""

ROUNDING = 1.0  # a share of pupils is published to a whole percentage, from unrounded numbers


def cross_check(results: Results) -> pd.DataFrame:
    """List the figures of a file that contradict each other.

    One row per contradiction: check, urn, row (the file's own line), measure, said. A figure that
    cannot be at all never comes this far: the file is refused when it is cleaned.
    """
    values, row_of = results.values, results.identity["row"]
    rows = [
        (check, urn, row_of[urn], name, said.format(*figures))
        for check, name, said, table, wrong in _contradictions(values)
        for urn, *figures in table[wrong].itertuples(name=None)
    ]
    return pd.DataFrame(rows, columns=FOUND)


def _contradictions(
    values: pd.DataFrame,
) -> Iterator[tuple[str, str, str, pd.DataFrame, pd.Series]]:
    """Yield each check, its measure, what is said of it, the figures compared, where wrong."""
    for name in values.columns:
        base, dot, group = name.partition(".")
        columns = [name, f"{base}_lower{dot}{group}", f"{base}_upper{dot}{group}"]
        if all(column in values for column in columns):
            table = values[columns]
            wrong = (table[name] < table[columns[1]]) | (table[name] > table[columns[2]])
            said = "{:g} not in {:g} to {:g}"
            yield "a score outside its own limits", name, said, table, wrong
    for name in values.columns:
        base, dot, group = name.partition(".")
        for end, wider in HARDER.items():
            easier = base.removesuffix(end) + wider + dot + group
            if base.endswith(end) and easier in values:
                table = values[[name, easier]]
                wrong = table[name] > table[easier] + ROUNDING
                said = "{:g}% reach it, and {:g}% the easier one"
                yield "more reach the harder than the easier", name, said, table, wrong
    for whole, groups in product(("cohort", "cohort_ks4"), GROUPS_OF):
        names = [f"{whole}.{group}" for group in groups]
        if whole in values and all(name in values for name in names):
            table = pd.DataFrame({"groups": values[names].sum(axis=1, skipna=False),
                                  "cohort": values[whole]})  # fmt: skip
            wrong = (table["groups"] - table["cohort"]).abs() > 0
            said = "{:g} in groups, {:g} together"
            yield "groups that do not make up the cohort", " + ".join(names), said, table, wrong
    for share in ("disadvantaged", "eal", "non_mobile"):
        columns = [share, f"cohort.{share}", "cohort"]
        if all(name in values for name in columns):
            table = values[columns]
            expected = 100 * table[columns[1]] / table["cohort"].where(table["cohort"] > 0)
            wrong = (expected - table[share]).abs() > ROUNDING
            yield "a share that is not its pupils", share, "{:g}%, but {:g} of {:g}", table, wrong


RECONCILED_COLUMNS = [
    "level", "la", "measure", "published", "from_schools", "difference", "tolerance",
    "schools", "schools_without", "pupils_without", "verdict", "explanation",
]  # fmt: skip

REPRODUCED, EXPLAINED, DIFFERS = "reproduced", "explained", "differs"
NOT_STATE_FUNDED = ("IND", "INDSPEC", "NMSS")
"""Kinds of school that no authority's row and no state-funded row counts: independent ones, and the
non-maintained special schools, which the files list with no pupils of such rows."""

WHOLE_ENGLAND = 100  # authorities: files with as many are compared with England's rows
FEW_PUPILS = {"ks2": 0.001, "ks4": 0.005}  # of a total: pupils of no listed school, or of two
MOST_HIDDEN = 10  # pupils of a school whose number is not published
EXACT_COHORT = 100  # pupils: up to here a whole percentage tells the number of pupils

POSSIBLE = {
    # what pupils without a figure could have on average, for a difference to be theirs
    "progress points": (-20.0, 20.0),
    "scaled score points": (80.0, 120.0),
    "Attainment 8 points": (0.0, 90.0),
    "Progress 8 points": (-6.0, 6.0),
    "points": (0.0, 9.0),
    "key stage 1 points": (0.0, 24.0),
    "key stage 2 points": (0.0, 40.0),
}


def reconcile_totals(parts: Sequence[Results]) -> pd.DataFrame:
    """Compare each authority and England row with what the cleaned schools add up to.

    `parts` are the files of one kind and year. An authority's row is held to its own file's
    schools, England's rows to the schools of all parts, each counted once. One row per total and
    measure: `published`, `from_schools`, `difference` (from the schools minus published),
    `tolerance` (what rounding can do), `pupils_without` (the share of the total's pupils in no
    school with a figure), `verdict` (reproduced, explained, differs) and its `explanation`.
    """
    rows = [
        (level, la, measure, *_compare(values, measure, total))
        for level, la, total, values in _totals(parts)
        for measure in total.dropna().index
        if measure in values and not measure.split(".")[0].endswith(("_lower", "_upper"))
    ]
    return pd.DataFrame(rows, columns=RECONCILED_COLUMNS)


def _totals(parts: Sequence[Results]) -> Iterator[tuple[str, int, pd.Series, pd.DataFrame]]:
    """Take each total once, with the values of the schools that are in it."""
    seen: set[tuple[str, int]] = set()
    for part in parts:
        state = ~part.identity["type"].isin(NOT_STATE_FUNDED).to_numpy()
        la_of = part.identity["la"].fillna(0).to_numpy()
        for (level, la), total in part.aggregates.iterrows():
            if level == AUTHORITY and (level, la) not in seen:
                seen.add((level, la))
                yield level, la, total, part.values[(la_of == la) & state]
    for level in (ALL_SCHOOLS, STATE_FUNDED):
        holds = [part for part in parts if level in part.aggregates.index.get_level_values("level")]
        if not holds or parts[0].source.kind not in ("ks2", "ks4"):
            continue
        total = holds[0].aggregates.loc[level].iloc[0]
        for measures, values, identity in _same_columns(parts):
            if identity["la"].nunique() >= WHOLE_ENGLAND:
                inside = ~identity["type"].isin(NOT_STATE_FUNDED).to_numpy()
                inside = inside if level == STATE_FUNDED else np.full(len(values), True)
                yield level, 0, total[total.index.intersection(measures)], values[inside]


def _same_columns(
    parts: Sequence[Results],
) -> Iterator[tuple[list[str], pd.DataFrame, pd.DataFrame]]:
    """Gather the parts that have each measure: one table for all measures of the same parts."""
    has: dict[tuple[int, ...], list[str]] = {}
    for measure in MEASURES:
        where = tuple(i for i, part in enumerate(parts) if measure in part.values)
        if where:
            has.setdefault(where, []).append(measure)
    for where, measures in has.items():
        values = pd.concat([parts[i].values for i in where])
        identity = pd.concat([parts[i].identity for i in where])
        once = ~values.index.duplicated()
        yield measures, values[once], identity[once]


def _compare(values: pd.DataFrame, measure: str, total: pd.Series) -> tuple[object, ...]:
    """Compare one published total with the schools' sum or weighted mean."""
    what, published = MEASURES[measure], float(total[measure])
    own = values[measure].to_numpy()
    if what.unit == "pupils":
        return _compare_count(own, published, _most_without(values, measure), what)
    weight = _pupils(values, measure)
    with np.errstate(invalid="ignore"):
        counted = ~np.isnan(own) & (weight > 0)
    without = int((~counted & (weight != 0)).sum())
    w, v = weight[counted], own[counted]
    if not len(w):
        why = "no school has a figure"
        return published, np.nan, np.nan, np.nan, 0, without, 1.0, EXPLAINED, why
    step = _step(v)
    unsure = np.full(len(w), step)
    if what.percent and step == 1:
        v = 100 * np.round(v * w / 100) / w
        unsure[w <= EXACT_COHORT] = 0
    found = float((v * w).sum() / w.sum())
    spread = float(np.sqrt((w**2 * unsure**2).sum() / 12) / w.sum())
    tolerance = _step_of_total(published, what) / 2 + 3 * spread
    pupils = _pupils_of_total(total, what, weight, values)
    missing = 1 - float(w.sum()) / pupils
    verdict, why = REPRODUCED, ""
    if abs(found - published) > tolerance + 1e-9:
        verdict, why = _explain(published, found, tolerance, missing, what)
    return published, found, found - published, tolerance, len(v), without, missing, verdict, why


def _compare_count(own: Array, published: float, most: float, what: Measure) -> tuple[object, ...]:
    """Compare a number of pupils with the schools' sum; those without a number have `most`."""
    found, without = float(np.nansum(own)), int(np.isnan(own).sum())
    difference = found - published
    few = FEW_PUPILS.get(what.kind, 0.0) * published
    verdict, why = REPRODUCED, ""
    if difference < 0 and without and -difference <= most:
        verdict = EXPLAINED
        why = f"{without:,} schools give no number; theirs would be {-difference:,.0f} pupils"
    elif difference:
        hidden = most if difference < 0 else 0.0
        verdict = EXPLAINED if abs(difference) <= few + hidden else DIFFERS
        more = "more" if difference < 0 else "fewer"
        why = f"the total counts {abs(difference):,.0f} pupils {more} than its schools do together"
        if hidden:
            why += f"; the {without:,} schools that give no number have {hidden:,.0f} at most"
    missing = max(0.0, -difference / published) if published else 0.0
    n = len(own) - without
    return published, found, difference, 0.0, n, without, missing, verdict, why


def _most_without(values: pd.DataFrame, counted: str) -> float:
    """Return the most pupils that schools without a number can have: their cohorts, or few."""
    stage = "cohort" if counted.partition(".")[0] == "cohort" else "cohort_ks4"
    most = np.full(len(values), float(MOST_HIDDEN))
    if stage in values and counted != stage:
        whole = values[stage].to_numpy()
        most = np.where(np.isnan(whole), MOST_HIDDEN, whole)
    return float(most[np.isnan(values[counted].to_numpy())].sum())


def _explain(
    published: float, found: float, tolerance: float, missing: float, what: Measure
) -> tuple[str, str]:
    """Judge whether the pupils without a figure can account for a difference."""
    if missing <= 0:
        return DIFFERS, "every pupil is in a school with a figure"
    nearest = published + np.sign(found - published) * tolerance
    implied = (nearest - found * (1 - missing)) / missing
    low, high = (0.0, 100.0) if what.percent else POSSIBLE.get(what.unit, (-np.inf, np.inf))
    share = f"{missing:.2%} of the pupils are in no school with a figure"
    if low - 1e-9 <= implied <= high + 1e-9:
        return EXPLAINED, f"{share}; it adds up if theirs is {implied:.1f}"
    return DIFFERS, f"{share}; theirs would have to be {implied:.1f}"


def _pupils(values: pd.DataFrame, measure: str) -> Array:
    """Count the pupils behind each school's figure: its cohort, and the share that counts."""
    cohort, (subject, found, rest) = MEASURES[measure].cohort, measure.partition("_progress")
    if measure == "prior_attainment":
        subject, found, rest = "reading", "_progress", ""
    if cohort not in values:
        return np.full(len(values), np.nan)
    weight, coverage = values[cohort].to_numpy(), f"{subject}_coverage"
    if found and rest in ("", "_unadjusted") and coverage in values:
        weight = np.round(weight * values[coverage].to_numpy() / 100)
    return np.asarray(weight)


def _pupils_of_total(total: pd.Series, what: Measure, weight: Array, values: pd.DataFrame) -> float:
    """Count the pupils of a total: more than the schools' where some do not say their number.

    Never more than those schools can have: pupils of schools that are not listed explain nothing.
    """
    if what.cohort not in values:
        return float(np.nansum(weight))
    cohort = values[what.cohort].to_numpy()
    behind = float(np.nansum(np.where(np.isnan(weight), cohort, weight)))  # coverage held back
    published, counted = total.get(what.cohort, np.nan), float(np.nansum(cohort))
    if pd.isna(published):
        return behind
    few = FEW_PUPILS.get(what.kind, 0.0) * float(published)
    listed = min(float(published), counted + _most_without(values, what.cohort) + few)
    return max(behind, listed * (behind / counted if counted else 1.0))


def _step(figures: Array) -> float:
    """Find to what step a column's figures are published: 1, 0.1 or 0.01."""
    for step in (1.0, 0.1):
        if (np.abs(figures / step - np.round(figures / step)) < 1e-6).all():
            return step
    return 0.01


def _step_of_total(published: float, what: Measure) -> float:
    """Find to what step a total is published; a whole progress score may stand for 1.0."""
    if what.percent:
        return _step(np.array([published]))
    return 1.0 if what.unit == "scaled score points" else float(10**-what.decimals)

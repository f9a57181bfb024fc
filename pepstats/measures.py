"""What a measure is: its one name, label, unit, cohort and published column, and its breaks.

Also the codes and types of school that published files use. All of it is written down in tables
beside the package's templates, and read here once.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from pepstats.errors import DesignError, nearest
from pepstats.paths import read_table


@dataclass(frozen=True)
class Measure:
    """One measure: what a reader calls it, its unit, and whose cohort it describes.

    `column` is its published column in the file of its `kind`, empty where nothing is published by
    school and only an authority's own results can hold it; `also` is what another year's layout
    calls that column. `cohort` names the measure that counts the pupils behind it; `breaks` are the
    words of the breaks in its meaning.
    """

    label: str
    unit: str
    kind: str
    column: str
    also: str
    cohort: str
    decimals: int
    breaks: tuple[str, ...]

    @property
    def percent(self) -> bool:
        """Whether it is a percentage of pupils."""
        return self.unit == "percentage points"

    @property
    def limits(self) -> tuple[float, float]:
        """The least and the most that a published figure of it can be."""
        return LIMITS.get(self.unit, (-1e6, 1e6))


LIMITS = {
    # unit: what a published figure can be; pupils of all England are in the files too, and pupils
    # who work below the tests count with 59 scaled score points or more
    "percentage points": (0.0, 100.0),
    "pupils": (0.0, 20_000_000.0),
    "progress points": (-60.0, 60.0),
    "scaled score points": (59.0, 120.0),
    "Attainment 8 points": (0.0, 90.0),
    "Progress 8 points": (-9.0, 9.0),
    "points": (-1.0, 9.0),
    "key stage 1 points": (0.0, 40.0),
    "key stage 2 points": (0.0, 130.0),
}


@dataclass(frozen=True)
class Break:
    """The first year of a new meaning of the measures that name its word, and what changed.

    `word` is what a study writes under `compare_across` to compare over it all the same. Over a
    `new_scale` the two sides are different things, and comparing them is refused without the word;
    the others are printed beside every figure they touch.

    From the Department's own notes: the KS2 guidance and SFR 39/2016 (new tests), the primary
    accountability guides of 2018 (progress limited, writing framework) and 2025 (no progress), the
    KS4 statistical releases (9-1 grades, Attainment 8 points, Progress 8 limited) and the statement
    that no tests were held in 2020 and 2021.
    """

    year: int
    word: str
    what: str
    new_scale: bool


def _as_measure(row: dict[str, str]) -> Measure:
    return Measure(
        row["label"], row["unit"], row["kind"], row["column"], row["also"], row["cohort"],
        int(row["decimals"]), tuple(row["breaks"].split("; ")) if row["breaks"] else (),
    )  # fmt: skip


MEASURES = {row["name"]: _as_measure(row) for row in read_table("measures")}
"""Every measure by the one name it has from raw file to paper; a group's after a full stop."""

BREAKS = tuple(
    Break(int(row["year"]), row["word"], row["what"], row["new_scale"] == "yes")
    for row in read_table("breaks")
)


@dataclass(frozen=True)
class Rule:
    """Years in which something can be judged or measured: a standard, a test, a progress score.

    Both years are taken in; a rule that was interrupted is listed for each stretch. `otherwise`
    says why there is nothing in other years, and `source` where that is published.
    """

    name: str
    first: int
    last: int
    otherwise: str
    source: str


RULES = tuple(
    Rule(row["rule"], int(row["from"] or 0), int(row["to"] or 9999), row["otherwise"],
         row["source"])
    for row in read_table("rules")
)  # fmt: skip
"""All that belongs to its years, in one table (`templates/rules.csv`)."""

REASONS = {row["code"]: row["reason"] for row in read_table("reasons")}
"""Why there is no number, by published code; a blank, a space and a cut-off row are others."""

TYPES = {row["code"]: (row["type"], row["governance"]) for row in read_table("school-types")}
"""What each type of school (NFTYPE) is called, and who governs it."""

BLANK, SPACE = "blank in the file", "a space in the file"
CUT_OFF = "cut off in the file"
NOT_IN_LAYOUT = "not in this layout"
NO_ROW = "school not in the file"
NOT_LISTED = "no file for this year"
SUPPRESSED, LOW_COVERAGE = REASONS["SUPP"], REASONS["LOWCOV"]
COMPLEMENT = "suppressed: would give another group away"
IMPOSSIBLE = "a figure that cannot be: left out"

_SHORT = {"suppressed": SUPPRESSED, "low": REASONS["LOW"]}


def reason_named(word: str) -> str:
    """Return a reason for no number by its name, or by `suppressed` or `low` for short."""
    known = {one.lower(): one for one in dict.fromkeys(REASONS.values())} | _SHORT
    if word.strip().lower() not in known:
        raise ValueError(f"no reason is called `{word}`. {nearest(word, known)}")
    return known[word.strip().lower()]


GAP = ".gap"
"""How a measure ends that no file gives: disadvantaged less other pupils of the same school."""

PUBLISHED = {name: one for name, one in MEASURES.items() if not name.endswith(GAP)}
"""The measures that a file can give."""

GROUPS = {
    name.partition(".")[2]: one.label.partition(": ")[2]
    for name, one in PUBLISHED.items()
    if name.startswith("rwm_expected.")
}
"""Every group of pupils that has results of its own, and what a reader calls it."""

LOCAL_GROUPS = ("sen_support", "ehcp", "no_sen")
"""Groups for which nothing is published by school: an authority's own results only."""

PUPILS_START = {
    "ks2": ("prior_attainment", "disadvantaged", "eal"),
    "ks4": ("prior_attainment_ks4", "disadvantaged_ks4", "eal_ks4"),
}
"""What pupils brought with them, by the key stage at whose end it is published."""

EACH_HUNDRED = "exclusions for each hundred pupils"  # may be more than a hundred

OWN_PHASE = ("ks2", "ks4", "early", "phonics", "ks1")
"""Kinds whose measures belong to one phase, so that England has one figure for them."""

LA_SERIES: dict[str, tuple[str, str]] = {
    # the long series' code: (our name, the phase where England has a figure for each)
    "NEW_KS2_RWM_Sen_W/Osta": ("rwm_expected.sen_support", ""),
    "NEW_KS2_RWM_Sen_Withsta": ("rwm_expected.ehcp", ""),
    "NoID_SEN_NEW_KS2_RWM": ("rwm_expected.no_sen", ""),
    "NonDAP_NEW_KS2_RWM": ("rwm_expected.other", ""),
    "FSP_NEW_GOODDEV": ("good_development", ""),
    "KS1P_all": ("phonics", ""),
    "PriFixedEx": ("exclusions_fixed", "primary"),
    "SecFixedEx": ("exclusions_fixed", "secondary"),
}
"""Series that give England's figure for what no file of schools has."""

LAST_AUTHORITY = 969
"""The highest number of an authority; England has 970 and the regions those after it."""


def find_measure(outcome: str) -> Measure:
    """Return what is known of an outcome."""
    if outcome not in MEASURES:
        raise DesignError(f"no measure is called `{outcome}`. {nearest(outcome, MEASURES)}")
    return MEASURES[outcome]


def whole_of(outcome: str) -> str:
    """Return the same outcome of all pupils: `rwm_expected` of `rwm_expected.disadvantaged`."""
    return outcome.partition(".")[0]


def outcome_label(outcome: str) -> str:
    """Name an outcome for a table or an axis, with the pupils it is about."""
    known = find_measure(outcome)
    in_groups = known.unit != "pupils" and f"{outcome}.disadvantaged" in MEASURES
    return f"{known.label}: all pupils" if in_groups else known.label


def name_pupils(outcome: str) -> str:
    """Name the pupils an outcome is of, as they stand in a sentence."""
    if outcome.endswith(GAP):
        return "disadvantaged pupils"
    return GROUPS.get(outcome.partition(".")[2], "all pupils")


def measures_of(kind: str) -> dict[str, str]:
    """Return, for one kind of file, our name of each published column (in capitals)."""
    own = [(name, m) for name, m in MEASURES.items() if m.kind == kind and m.column]
    others = {m.also: name for name, m in own if m.also}
    return {**{m.column.upper(): name for name, m in own}, **others}


def breaks_between(measure: str, years: tuple[int, ...] | list[int]) -> tuple[Break, ...]:
    """List the breaks that comparing a measure over these years would cross.

    A break in 2018 is crossed when the years hold one before 2018 and one from 2018 on.
    """
    own = MEASURES[measure].breaks
    return tuple(one for one in BREAKS if one.word in own and min(years) < one.year <= max(years))


def list_refused_breaks(measure: str, years: list[int], words: tuple[str, ...]) -> list[Break]:
    """List the breaks of scale that comparing over these years would cross without their word."""
    crossed = breaks_between(measure, years)
    return [one for one in crossed if one.new_scale and one.word not in words]


def why_not_in(rule: str, year: int) -> str | None:
    """Return why a rule (a standard, a test, a progress score) has no place in a year, or None."""
    own = [one for one in RULES if one.name == rule]
    if not own or any(one.first <= year <= one.last for one in own):
        return None
    return own[0].otherwise


def why_not_taken(measure: str, year: int) -> str | None:
    """Return why a measure has no results anywhere in a year; None when it was taken."""
    known = MEASURES[measure]
    reasons = (why_not_in(rule, year) for rule in (known.kind, *known.breaks))
    return next(filter(None, reasons), None)


def why_not_by_school(measure: str, year: int) -> str | None:
    """Return why a measure that was taken is in no file by school; None where it is in one."""
    return why_not_in(f"{MEASURES[measure].kind} by school", year)


def list_measures() -> pd.DataFrame:
    """List every measure that a published file can give, by the name that settings use.

    Returns
    -------
    DataFrame
        One row per measure: `name`, `label`, `unit`, `kind` (of file), `cohort` (the measure that
        counts its pupils) and `breaks` (each year from which it means something else, and what).

    Examples
    --------
    >>> pepstats.list_measures().set_index("name").loc["rwm_expected", "unit"]
    'percentage points'
    """
    broken = {one.word: f"{one.year}: {one.what}" for one in BREAKS}
    rows = [
        (name, m.label, m.unit, m.kind, m.cohort, "; ".join(broken[word] for word in m.breaks))
        for name, m in MEASURES.items()
    ]
    return pd.DataFrame(rows, columns=["name", "label", "unit", "kind", "cohort", "breaks"])

"""What a measure is: its one name, label, unit, cohort and published column, and its breaks.

Also the codes and types of school that published files use.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd

from pepstats.errors import DesignError, nearest


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
    return find_measure(outcome).label


@dataclass(frozen=True)
class Measure:
    """One measure: what a reader calls it, its unit, and whose cohort it describes.

    `cohort` names the measure that counts the pupils behind it; `percent` says whether it is a
    percentage of pupils; `column` is its published column in the file of its `kind`, empty where
    nothing is published by school and only an authority's own results can hold it.
    """

    label: str
    unit: str
    kind: str
    column: str
    cohort: str = "cohort"
    percent: bool = False
    decimals: int = 1


GROUPS: dict[str, tuple[str, str]] = {
    # ours: (what a reader calls it, the suffix of the published KS2 column)
    "disadvantaged": ("disadvantaged pupils", "FSM6CLA1A"),
    "other": ("pupils who are not disadvantaged", "NotFSM6CLA1A"),
    "boys": ("boys", "B"),
    "girls": ("girls", "G"),
    "low_prior": ("pupils with low prior attainment", "L"),
    "middle_prior": ("pupils with middle prior attainment", "M"),
    "high_prior": ("pupils with high prior attainment", "H"),
    "eal": ("pupils whose first language is not English", "EAL"),
    "non_mobile": ("pupils who did not join late", "MOBN"),
}

KS4_SUFFIXES = {
    "disadvantaged": "FSM6CLA1A", "other": "NFSM6CLA1A", "boys": "BOYS", "girls": "GIRLS",
    "low_prior": "LO", "middle_prior": "AV", "high_prior": "HI", "eal": "EAL", "non_mobile": "NMOB",
}  # fmt: skip

# Groups for which nothing is published by school: an authority's own results only.
LOCAL_GROUPS = {
    "sen_support": "pupils with SEN Support",
    "ehcp": "pupils with an education, health and care plan",
    "no_sen": "pupils without special educational needs",
}

EACH_HUNDRED = "exclusions for each hundred pupils"  # may be more than a hundred
Rows = tuple[tuple[str, str, str], ...]  # our name, the published column, what a reader calls it
_SUBJECTS = (("reading", "READ"), ("writing", "WRIT"), ("maths", "MAT"))
_ALL_THREE = "reading, writing and maths"
_GRAMMAR = "grammar, punctuation and spelling"


def _list(kind: str, unit: str, rows: Rows, cohort: str, decimals: int = 1) -> dict[str, Measure]:
    percent = unit == "percentage points"
    return {n: Measure(label, unit, kind, c, cohort, percent, decimals) for n, c, label in rows}


def _count(kind: str, cohort: str, column: str, label: str) -> Measure:
    return Measure(label, "pupils", kind, column, cohort, decimals=0)


_KS2 = {
    **_list("ks2", "percentage points", (
        ("rwm_expected", "PTRWM_EXP", f"% reaching the expected standard in {_ALL_THREE}"),
        ("rwm_higher", "PTRWM_HIGH", f"% reaching the higher standard in {_ALL_THREE}"),
        ("reading_expected", "PTREAD_EXP", "% reaching the expected standard in reading"),
        ("writing_expected", "PTWRITTA_EXP", "% reaching the expected standard in writing"),
        ("maths_expected", "PTMAT_EXP", "% reaching the expected standard in maths"),
        ("gps_expected", "PTGPS_EXP", f"% reaching the expected standard in {_GRAMMAR}"),
        ("reading_higher", "PTREAD_HIGH", "% reaching the higher standard in reading"),
        ("writing_higher", "PTWRITTA_HIGH", "% reaching the higher standard in writing"),
        ("maths_higher", "PTMAT_HIGH", "% reaching the higher standard in maths"),
        ("gps_higher", "PTGPS_HIGH", f"% reaching the higher standard in {_GRAMMAR}"),
    ), "cohort"),
    **_list("ks2", "scaled score points", (
        ("reading_score", "READ_AVERAGE", "average scaled score in reading"),
        ("maths_score", "MAT_AVERAGE", "average scaled score in maths"),
        ("gps_score", "GPS_AVERAGE", f"average scaled score in {_GRAMMAR}"),
    ), "cohort"),
    **_list("ks2", "progress points", tuple(
        (f"{subject}_progress{ours}", f"{stem}PROG{theirs}", f"progress score in {subject}{said}")
        for ours, theirs, said in (
            ("", "", ""),
            ("_unadjusted", "_UNADJUSTED", " before extreme scores are limited"),
            ("_lower", "_LOWER", ", lower limit"),
            ("_upper", "_UPPER", ", upper limit"),
        )
        for subject, stem in _SUBJECTS
    ), "cohort"),
    **_list("ks2", "percentage points", (
        *((f"{subject}_coverage", f"{stem}COV", f"% of pupils in the {subject} progress score")
          for subject, stem in _SUBJECTS),
        ("disadvantaged", "PTFSM6CLA1A", "% of pupils who are disadvantaged"),
        ("other", "PTNotFSM6CLA1A", "% of pupils who are not disadvantaged"),
        ("eal", "PTEALGRP2", "% of pupils whose first language is not English"),
        ("sen_support", "PSENELK", "% of pupils with SEN Support"),
        ("ehcp", "PSENELE", "% of pupils with an education, health and care plan"),
        ("non_mobile", "PTMOBN", "% of pupils who did not join late"),
    ), "cohort"),
    "cohort": _count("ks2", "cohort", "TELIG", "pupils at the end of key stage 2"),
    "prior_attainment": Measure(
        "average key stage 1 points", "key stage 1 points", "ks2", "TKS1AVERAGE"
    ),
}  # fmt: skip

_KS4 = {
    "attainment8": Measure(
        "average Attainment 8 score", "Attainment 8 points", "ks4", "ATT8SCR", "cohort_ks4"
    ),
    **_list("ks4", "Progress 8 points", (
        ("progress8", "P8MEA", "Progress 8 score"),
        ("progress8_lower", "P8CILOW", "Progress 8 score, lower limit"),
        ("progress8_upper", "P8CIUPP", "Progress 8 score, upper limit"),
        ("progress8_unadjusted", "P8MEA_ORIG", "Progress 8 score, extreme scores not limited"),
    ), "cohort_progress8", 2),
    **_list("ks4", "percentage points", (
        ("basics_94", "PTL2BASICS_94", "% with grade 4 or above in English and maths"),
        ("basics_95", "PTL2BASICS_95", "% with grade 5 or above in English and maths"),
        ("ebacc_entry", "PTEBACC_E_PTQ_EE", "% entering the English Baccalaureate"),
        ("ebacc_94", "PTEBACC_94", "% achieving the English Baccalaureate at grade 4 or above"),
        ("ebacc_95", "PTEBACC_95", "% achieving the English Baccalaureate at grade 5 or above"),
        ("progress8_coverage", "P8MEACOV", "% of pupils in the Progress 8 score"),
        ("disadvantaged_ks4", "PTFSM6CLA1A", "% of pupils who are disadvantaged"),
        ("eal_ks4", "PTEALGRP2", "% of pupils whose first language is not English"),
        ("sen_support_ks4", "PSENAPK4", "% of pupils with SEN Support"),
        ("ehcp_ks4", "PSENSE4", "% of pupils with an education, health and care plan"),
        ("non_mobile_ks4", "PTNMOB", "% of pupils who did not join late"),
    ), "cohort_ks4"),
    "ebacc_points": Measure(
        "English Baccalaureate average point score", "points", "ks4", "EBACCAPS", "cohort_ks4",
        decimals=2,
    ),
    "cohort_ks4": _count("ks4", "cohort_ks4", "TPUP", "pupils at the end of key stage 4"),
    "cohort_progress8": _count(
        "ks4", "cohort_progress8", "P8PUP", "pupils in the Progress 8 score"
    ),
    "prior_attainment_ks4": Measure(
        "average key stage 2 points", "key stage 2 points", "ks4", "KS2APS", "cohort_ks4"
    ),
}  # fmt: skip

_CENSUS = {
    "roll": _count("census", "roll", "NOR", "pupils on roll"),
    **_list("census", "percentage points", (
        ("fsm6_roll", "PNUMFSMEVER", "% of pupils with free school meals in the past six years"),
        ("eal_roll", "PNUMEAL", "% of pupils on roll whose first language is not English"),
        ("sen_support_roll", "PSENELK", "% of pupils on roll with SEN Support"),
        ("ehcp_roll", "PSENELSE", "% of pupils on roll with an education, health and care plan"),
    ), "roll"),
    **_list("absence", "percentage points", (
        ("absence", "PERCTOT", "% of sessions missed"),
        ("persistent_absence", "PPERSABS10", "% of pupils missing a tenth of sessions or more"),
    ), "roll"),
}  # fmt: skip

# Nothing of these is published by school: an authority's own results only. They have no column.
_LOCAL = {
    **_list("early", "percentage points", (
        ("good_development", "", "% with a good level of development at the end of reception"),
    ), "cohort_early"),
    "cohort_early": _count("early", "cohort_early", "", "pupils at the end of reception"),
    **_list("phonics", "percentage points", (
        ("phonics", "", "% meeting the standard in phonics in Year 1"),
    ), "cohort_phonics"),
    "cohort_phonics": _count("phonics", "cohort_phonics", "", "pupils in Year 1"),
    **_list("ks1", "percentage points", tuple(
        (f"ks1_{subject}", "", f"% reaching the expected standard in {subject} at key stage 1")
        for subject in ("reading", "writing", "maths")
    ), "cohort_ks1"),
    "cohort_ks1": _count("ks1", "cohort_ks1", "", "pupils at the end of key stage 1"),
    **_list("exclusions", EACH_HUNDRED, (
        ("exclusions_fixed", "", "fixed-period exclusions for each hundred pupils"),
        ("exclusions_permanent", "", "permanent exclusions for each hundred pupils"),
    ), "cohort_exclusions", 2),
    "cohort_exclusions": _count(
        "exclusions", "cohort_exclusions", "", "pupils on roll in the year of the exclusions"
    ),
}  # fmt: skip

OWN_PHASE = ("ks2", "ks4", "early", "phonics", "ks1")
"""Kinds whose measures belong to one phase, so that England has one figure for them."""

LA_SERIES: dict[str, tuple[str, str]] = {
    # the long series' code: (our name, the phase where England has a figure for each)
    "NEW_KS2_RWM_Sen_W/Osta": ("rwm_expected.sen_support", ""),
    "NEW_KS2_RWM_Sen_Withsta": ("rwm_expected.ehcp", ""),
    "NoID_SEN_NEW_KS2_RWM": ("rwm_expected.no_sen", ""),
    "FSP_NEW_GOODDEV": ("good_development", ""),
    "KS1P_all": ("phonics", ""),
    "PriFixedEx": ("exclusions_fixed", "primary"),
    "SecFixedEx": ("exclusions_fixed", "secondary"),
}
"""Series that give England's figure for what no file of schools has."""


def _grouped(whole: Measure, called: str, column: str, cohort: str) -> Measure:
    return replace(whole, label=f"{whole.label}: {called}", column=column, cohort=cohort)


def _ks2_groups() -> dict[str, Measure]:
    """List the same measures for each group, as far as the key stage 2 files publish them."""
    counts = {"disadvantaged": "TFSM6CLA1A", "other": "TNotFSM6CLA1A", "boys": "BELIG",
              "girls": "GELIG", "low_prior": "TKS1GROUP_L", "middle_prior": "TKS1GROUP_M",
              "high_prior": "TKS1GROUP_H", "eal": "TEALGRP2", "non_mobile": "TMOBN"}  # fmt: skip
    everywhere = ["rwm_expected", "rwm_higher", "reading_score", "maths_score", "gps_score"]
    by_subject = [n for n in _KS2 if n.endswith(("_expected", "_higher")) and n not in everywhere]
    found: dict[str, Measure] = {}
    for group, (called, suffix) in GROUPS.items():
        cohort = f"cohort.{group}"
        found[cohort] = _grouped(_KS2["cohort"], called, counts[group], cohort)
        split = group in ("disadvantaged", "other") or group.endswith("_prior")
        for name in everywhere + (by_subject if split else []):
            column = f"{_KS2[name].column}_{suffix}"
            found[f"{name}.{group}"] = _grouped(_KS2[name], called, column, cohort)
        for subject, stem in _SUBJECTS:
            for limit in ("", "_lower", "_upper"):
                name, column = f"{subject}_progress{limit}", f"{stem}PROG_{suffix}{limit.upper()}"
                found[f"{name}.{group}"] = _grouped(_KS2[name], called, column, cohort)
    return found


def _ks4_groups() -> dict[str, Measure]:
    """List the same measures for each group, as far as the key stage 4 files publish them."""
    counts = {"disadvantaged": "TFSM6CLA1A", "other": "TNOTFSM6CLA1A", "boys": "BPUP",
              "girls": "GPUP", "low_prior": "TPRIORLO", "middle_prior": "TPRIORAV",
              "high_prior": "TPRIORHI", "eal": "TEALGRP2", "non_mobile": "TNMOB"}  # fmt: skip
    basics = {"disadvantaged": "PTFSM6CLA1ABASICS_", "other": "PTNOTFSM6CLA1ABASICS_",
              "boys": "PBL2BASICS_", "girls": "PGL2BASICS_", "low_prior": "PTBASICSLO_",
              "middle_prior": "PTBASICSAV_", "high_prior": "PTBASICSHI_",
              "eal": "PTL2BASICSEAL_", "non_mobile": "PTL2BASICSNMOB_"}  # fmt: skip
    found: dict[str, Measure] = {}
    for group, suffix in KS4_SUFFIXES.items():
        every, in_progress = f"cohort_ks4.{group}", f"cohort_progress8.{group}"
        columns = {
            "cohort_ks4": (counts[group], every),
            "cohort_progress8": (f"P8PUP_{suffix}", in_progress),
            "attainment8": (f"ATT8SCR_{suffix}", every),
            "progress8": (f"P8MEA_{suffix}", in_progress),
            "progress8_lower": (f"P8CILOW_{suffix}", in_progress),
            "progress8_upper": (f"P8CIUPP_{suffix}", in_progress),
            "basics_94": (f"{basics[group]}94", every),
            "basics_95": (f"{basics[group]}95", every),
        }
        for name, (column, cohort) in columns.items():
            found[f"{name}.{group}"] = _grouped(_KS4[name], GROUPS[group][0], column, cohort)
    return found


def _local_groups() -> dict[str, Measure]:
    """List the outcomes of groups that only an authority holds by school: they have no column."""
    outcomes = [
        name for name in (*_KS2, *_KS4)
        if name.startswith("cohort") or name == "attainment8"
        or any(word in name for word in ("expected", "higher", "score", "basics", "ebacc"))
        or ("progress" in name and not name.endswith(("unadjusted", "coverage")))
    ]  # fmt: skip
    whole = {**_KS2, **_KS4}
    return {
        f"{name}.{group}": _grouped(whole[name], called, "", f"{whole[name].cohort}.{group}")
        for name in outcomes
        for group, called in LOCAL_GROUPS.items()
    }


MEASURES: dict[str, Measure] = {
    **_KS2, **_ks2_groups(), **_KS4, **_ks4_groups(), **_local_groups(), **_CENSUS, **_LOCAL,
}  # fmt: skip
"""Every measure by the one name it has from raw file to paper."""

PUPILS_START = {
    "ks2": ("prior_attainment", "disadvantaged", "eal"),
    "ks4": ("prior_attainment_ks4", "disadvantaged_ks4", "eal_ks4"),
}
"""What pupils brought with them, by the key stage at whose end it is published."""

# One column meant the same under another name in another year's layout.
OTHER_COLUMNS = {"PSENELE": "ehcp_roll", "PNUMFSM6": "fsm6_roll"}
BLANK, SPACE = "blank in the file", "a space in the file"
CUT_OFF = "cut off in the file"
NOT_IN_LAYOUT = "not in this layout"
NO_ROW = "school not in the file"
NOT_LISTED = "no file for this year"
SUPPRESSED = "suppressed: few pupils"
COMPLEMENT = "suppressed: would give another group away"
LOW_COVERAGE = "coverage under 50%"

REASONS: dict[str, str] = {
    # the published code, in capitals: what it means to a reader
    "SUPP": SUPPRESSED,
    "SUPP*": "results delayed by the awarding body",
    "LOWCOV": LOW_COVERAGE,
    "NE": "no entries",
    "NP": "not published",
    "NA": "not applicable",
    "NEW": "new school",
    "SP": "more than 0 but under 0.5%",
    "RE": "redacted",
    "UK": "not known",
    # the letters of the newer files
    "C": SUPPRESSED,
    "Z": "not applicable",
    "X": "not available",
    "U": "too unreliable to publish",
    "K": "rounds to 0 but is not 0",
    "LOW": "rounds to 0 but is not 0",
    # the long series by authority
    "-": "not published",
    "..": "not available",
    ":": "not available",
}
"""Why there is no number, by published code; a blank, a space and a cut-off row are others."""

TYPES: dict[str, tuple[str, str]] = {
    # NFTYPE: (words, governance)
    "CY": ("Community school", "maintained"),
    "VA": ("Voluntary aided school", "maintained"),
    "VC": ("Voluntary controlled school", "maintained"),
    "FD": ("Foundation school", "maintained"),
    "CYS": ("Community special school", "maintained"),
    "FDS": ("Foundation special school", "maintained"),
    "AC": ("Sponsored academy", "academy"),
    "ACC": ("Academy converter", "academy"),
    "ACS": ("Sponsored special academy", "academy"),
    "ACCS": ("Academy converter: special school", "academy"),
    "F": ("Free school", "academy"),
    "FS": ("Free school: special", "academy"),
    "SS": ("Studio school", "academy"),
    "UTC": ("University technical college", "academy"),
    "CTC": ("City technology college", "academy"),
    "AC1619": ("Academy 16-19 sponsor led", "academy"),
    "ACC1619": ("Academy 16-19 converter", "academy"),
    "F1619": ("Free school 16-19", "academy"),
    "IND": ("Independent school", "unknown"),
    "INDSPEC": ("Independent special school", "unknown"),
    "NMSS": ("Non-maintained special school", "unknown"),
    "FESI": ("Further education institution", "unknown"),
    "MODFC": ("College funded by the Ministry of Defence", "unknown"),
}
"""What each type of school is called, and who governs it."""


def measures_of(kind: str) -> dict[str, str]:
    """Return, for one kind of file, our name of each published column (in capitals)."""
    own = {name: m for name, m in MEASURES.items() if m.kind == kind and m.column}
    others = {column: name for column, name in OTHER_COLUMNS.items() if name in own}
    return {**{m.column.upper(): name for name, m in own.items()}, **others}


NO_TESTS_YEARS = (2020, 2021)


@dataclass(frozen=True)
class Break:
    """The first year of a new meaning, the measures it touches, and what changed.

    `word` is what a study writes under `compare_across` to compare over it all the same;
    `measures` are names without groups: every group of a measure breaks with it. Over a
    `new_scale` the two sides are different things, and comparing them is refused without the word;
    the others are printed beside every figure they touch.

    From the Department's own notes: the KS2 guidance and SFR 39/2016 (new tests), the primary
    accountability guides of 2018 (progress limited, writing framework) and 2025 (no progress), the
    KS4 statistical releases (9-1 grades, Attainment 8 points, Progress 8 limited) and the statement
    that no tests were held in 2020 and 2021.
    """

    year: int
    word: str
    measures: tuple[str, ...]
    what: str
    new_scale: bool = False


_BROKEN_SUBJECTS = ("reading", "writing", "maths")
_PROGRESS = tuple(f"{s}_progress{e}" for s in _BROKEN_SUBJECTS for e in ("", "_lower", "_upper"))
_PROGRESS8 = ("progress8", "progress8_lower", "progress8_upper")

_BROKEN_KS2 = tuple(
    name for name, m in MEASURES.items()
    if "." not in name and m.kind == "ks2"
    and (name.startswith(("rwm_", "gps_")) or name.split("_")[0] in _BROKEN_SUBJECTS)
)  # fmt: skip

_BROKEN_KS4 = (*_PROGRESS8, "attainment8", "basics_94", "basics_95", "ebacc_entry", "ebacc_94",
        "ebacc_95", "ebacc_points")  # fmt: skip

_WRITING = tuple(
    n for n in _BROKEN_KS2 if n.startswith(("writing_", "rwm_")) and "coverage" not in n
)

BREAKS: tuple[Break, ...] = (
    Break(2016, "new tests 2016", _BROKEN_KS2,
          "new key stage 2 tests and a new expected standard from 2016; earlier years are levels",
          new_scale=True),
    Break(2018, "writing framework 2018", _WRITING,
          "a new framework for assessing writing from 2018"),
    Break(2018, "progress adjusted 2018", _PROGRESS,
          "extremely low progress scores are limited from 2018"),
    Break(2018, "progress 8 adjusted 2018", _PROGRESS8,
          "extremely low Progress 8 scores are limited from 2018"),
    Break(2016, "progress 8 2016", (*_PROGRESS8, "attainment8"),
          "Progress 8 and Attainment 8 begin in 2016", new_scale=True),
    Break(2017, "grades 9-1 2017", ("attainment8", "basics_94", "basics_95"),
          "grades 9 to 1 in English and maths, and a new Attainment 8 scale, from 2017",
          new_scale=True),
    Break(2018, "ebacc 2018", ("ebacc_94", "ebacc_95", "ebacc_points"),
          "grades 9 to 1 in the other English Baccalaureate subjects from 2018", new_scale=True),
    Break(2022, "after the pandemic 2022",
          (*_BROKEN_KS2, *_BROKEN_KS4, "absence", "persistent_absence"),
          "results from 2022 follow two years of disrupted schooling without tests"),
    Break(2024, "no progress 2024", _PROGRESS,
          "no progress scores for 2024 and 2025: these pupils took no key stage 1 tests"),
    Break(2025, "no progress 8 2025", _PROGRESS8,
          "no Progress 8 for 2025 and 2026: these pupils took no key stage 2 tests"),
    Break(2020, "key stage 1 scale 2020", ("prior_attainment",),
          "key stage 1 was assessed without levels from 2016, so for the pupils of 2020 and later",
          new_scale=True),
    Break(2016, "persistent absence 2016", ("persistent_absence",),
          "persistent absence counts a tenth of sessions from 2016, before that 15 per cent",
          new_scale=True),
)  # fmt: skip


def breaks_between(measure: str, years: tuple[int, ...] | list[int]) -> tuple[Break, ...]:
    """List the breaks that comparing a measure over these years would cross.

    A break in 2018 is crossed when the years hold one before 2018 and one from 2018 on.
    """
    plain = measure.split(".")[0]
    return tuple(
        one for one in BREAKS if plain in one.measures and min(years) < one.year <= max(years)
    )


def list_refused_breaks(measure: str, years: list[int], words: tuple[str, ...]) -> list[Break]:
    """List the breaks of scale that comparing over these years would cross without their word."""
    crossed = breaks_between(measure, years)
    return [one for one in crossed if one.new_scale and one.word not in words]


def why_not_taken(measure: str, year: int) -> str | None:
    """Return why a measure has no results anywhere in a year; None when it was taken."""
    kind, plain = MEASURES[measure].kind, measure.split(".")[0]
    if kind in ("ks2", "ks4") and year in NO_TESTS_YEARS:
        return "no tests held"
    if (plain in _PROGRESS and year in (2024, 2025)) or (
        plain in _PROGRESS8 and year in (2025, 2026)
    ):
        return "no earlier test to measure progress from"
    return None


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
    broken = {
        name: "; ".join(f"{b.year}: {b.what}" for b in BREAKS if name.split(".")[0] in b.measures)
        for name in MEASURES
    }
    rows = [(n, m.label, m.unit, m.kind, m.cohort, broken[n]) for n, m in MEASURES.items()]
    return pd.DataFrame(rows, columns=["name", "label", "unit", "kind", "cohort", "breaks"])

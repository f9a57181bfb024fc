"""What the published files call things, and what we call them: measures, groups and codes.

The published names and codes are the Department for Education's, from its performance-table
metadata and abbreviations files; nowhere else in the project are they spelled out. The shape of
each kind of file (identity columns, record types) is in `layouts`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Measure:
    """One measure: what a reader calls it, its unit, and whose cohort it describes.

    `cohort` names the measure that counts the pupils behind it; `percent` says whether it is a
    percentage of pupils; `column` is its published column in the file of its `kind`.
    """

    label: str
    unit: str
    kind: str
    column: str
    cohort: str = "cohort"
    percent: bool = False
    decimals: int = 1


_POINTS = "percentage points"
_PROGRESS = "progress points"
_SCORE = "scaled score points"
_STANDARD = "reaching the expected standard in"
_HIGHER = "reaching the higher standard in"

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

_KS2 = {
    "rwm_expected": Measure(f"% {_STANDARD} reading, writing and maths", _POINTS, "ks2", "PTRWM_EXP", percent=True),
    "rwm_higher": Measure(f"% {_HIGHER} reading, writing and maths", _POINTS, "ks2", "PTRWM_HIGH", percent=True),
    "reading_expected": Measure(f"% {_STANDARD} reading", _POINTS, "ks2", "PTREAD_EXP", percent=True),
    "writing_expected": Measure(f"% {_STANDARD} writing", _POINTS, "ks2", "PTWRITTA_EXP", percent=True),
    "maths_expected": Measure(f"% {_STANDARD} maths", _POINTS, "ks2", "PTMAT_EXP", percent=True),
    "gps_expected": Measure(f"% {_STANDARD} grammar, punctuation and spelling", _POINTS, "ks2", "PTGPS_EXP", percent=True),
    "reading_higher": Measure(f"% {_HIGHER} reading", _POINTS, "ks2", "PTREAD_HIGH", percent=True),
    "writing_higher": Measure(f"% {_HIGHER} writing", _POINTS, "ks2", "PTWRITTA_HIGH", percent=True),
    "maths_higher": Measure(f"% {_HIGHER} maths", _POINTS, "ks2", "PTMAT_HIGH", percent=True),
    "gps_higher": Measure(f"% {_HIGHER} grammar, punctuation and spelling", _POINTS, "ks2", "PTGPS_HIGH", percent=True),
    "reading_score": Measure("average scaled score in reading", _SCORE, "ks2", "READ_AVERAGE"),
    "maths_score": Measure("average scaled score in maths", _SCORE, "ks2", "MAT_AVERAGE"),
    "gps_score": Measure("average scaled score in grammar, punctuation and spelling", _SCORE, "ks2", "GPS_AVERAGE"),
    "reading_progress": Measure("progress score in reading", _PROGRESS, "ks2", "READPROG"),
    "writing_progress": Measure("progress score in writing", _PROGRESS, "ks2", "WRITPROG"),
    "maths_progress": Measure("progress score in maths", _PROGRESS, "ks2", "MATPROG"),
    "reading_progress_unadjusted": Measure("progress score in reading before extreme scores are limited", _PROGRESS, "ks2", "READPROG_UNADJUSTED"),
    "writing_progress_unadjusted": Measure("progress score in writing before extreme scores are limited", _PROGRESS, "ks2", "WRITPROG_UNADJUSTED"),
    "maths_progress_unadjusted": Measure("progress score in maths before extreme scores are limited", _PROGRESS, "ks2", "MATPROG_UNADJUSTED"),
    "reading_coverage": Measure("% of pupils in the reading progress score", _POINTS, "ks2", "READCOV", percent=True),
    "writing_coverage": Measure("% of pupils in the writing progress score", _POINTS, "ks2", "WRITCOV", percent=True),
    "maths_coverage": Measure("% of pupils in the maths progress score", _POINTS, "ks2", "MATCOV", percent=True),
    "cohort": Measure("pupils at the end of key stage 2", "pupils", "ks2", "TELIG", decimals=0),
    "disadvantaged": Measure("% of pupils who are disadvantaged", _POINTS, "ks2", "PTFSM6CLA1A", percent=True),
    "other": Measure("% of pupils who are not disadvantaged", _POINTS, "ks2", "PTNotFSM6CLA1A", percent=True),
    "eal": Measure("% of pupils whose first language is not English", _POINTS, "ks2", "PTEALGRP2", percent=True),
    "sen_support": Measure("% of pupils with SEN Support", _POINTS, "ks2", "PSENELK", percent=True),
    "ehcp": Measure("% of pupils with an education, health and care plan", _POINTS, "ks2", "PSENELE", percent=True),
    "non_mobile": Measure("% of pupils who did not join late", _POINTS, "ks2", "PTMOBN", percent=True),
    "prior_attainment": Measure("average key stage 1 points", "key stage 1 points", "ks2", "TKS1AVERAGE"),
}  # fmt: skip

_KS4 = {
    "attainment8": Measure("average Attainment 8 score", "Attainment 8 points", "ks4", "ATT8SCR", "cohort_ks4"),
    "progress8": Measure("Progress 8 score", "Progress 8 points", "ks4", "P8MEA", "cohort_progress8", decimals=2),
    "progress8_lower": Measure("Progress 8 score, lower limit", "Progress 8 points", "ks4", "P8CILOW", "cohort_progress8", decimals=2),
    "progress8_upper": Measure("Progress 8 score, upper limit", "Progress 8 points", "ks4", "P8CIUPP", "cohort_progress8", decimals=2),
    "progress8_unadjusted": Measure("Progress 8 score before extreme scores are limited", "Progress 8 points", "ks4", "P8MEA_ORIG", "cohort_progress8", decimals=2),
    "progress8_coverage": Measure("% of pupils in the Progress 8 score", _POINTS, "ks4", "P8MEACOV", "cohort_ks4", percent=True),
    "basics_94": Measure("% with grade 4 or above in English and maths", _POINTS, "ks4", "PTL2BASICS_94", "cohort_ks4", percent=True),
    "basics_95": Measure("% with grade 5 or above in English and maths", _POINTS, "ks4", "PTL2BASICS_95", "cohort_ks4", percent=True),
    "ebacc_entry": Measure("% entering the English Baccalaureate", _POINTS, "ks4", "PTEBACC_E_PTQ_EE", "cohort_ks4", percent=True),
    "ebacc_94": Measure("% achieving the English Baccalaureate at grade 4 or above", _POINTS, "ks4", "PTEBACC_94", "cohort_ks4", percent=True),
    "ebacc_95": Measure("% achieving the English Baccalaureate at grade 5 or above", _POINTS, "ks4", "PTEBACC_95", "cohort_ks4", percent=True),
    "ebacc_points": Measure("English Baccalaureate average point score", "points", "ks4", "EBACCAPS", "cohort_ks4", decimals=2),
    "cohort_ks4": Measure("pupils at the end of key stage 4", "pupils", "ks4", "TPUP", "cohort_ks4", decimals=0),
    "cohort_progress8": Measure("pupils in the Progress 8 score", "pupils", "ks4", "P8PUP", "cohort_progress8", decimals=0),
    "prior_attainment_ks4": Measure("average key stage 2 points", "key stage 2 points", "ks4", "KS2APS", "cohort_ks4"),
    "disadvantaged_ks4": Measure("% of pupils who are disadvantaged", _POINTS, "ks4", "PTFSM6CLA1A", "cohort_ks4", percent=True),
    "eal_ks4": Measure("% of pupils whose first language is not English", _POINTS, "ks4", "PTEALGRP2", "cohort_ks4", percent=True),
    "sen_support_ks4": Measure("% of pupils with SEN Support", _POINTS, "ks4", "PSENAPK4", "cohort_ks4", percent=True),
    "ehcp_ks4": Measure("% of pupils with an education, health and care plan", _POINTS, "ks4", "PSENSE4", "cohort_ks4", percent=True),
    "non_mobile_ks4": Measure("% of pupils who did not join late", _POINTS, "ks4", "PTNMOB", "cohort_ks4", percent=True),
}  # fmt: skip

_CENSUS = {
    "roll": Measure("pupils on roll", "pupils", "census", "NOR", "roll", decimals=0),
    "fsm6_roll": Measure("% of pupils eligible for free school meals in the past six years", _POINTS, "census", "PNUMFSMEVER", "roll", percent=True),
    "eal_roll": Measure("% of pupils on roll whose first language is not English", _POINTS, "census", "PNUMEAL", "roll", percent=True),
    "sen_support_roll": Measure("% of pupils on roll with SEN Support", _POINTS, "census", "PSENELK", "roll", percent=True),
    "ehcp_roll": Measure("% of pupils on roll with an education, health and care plan", _POINTS, "census", "PSENELSE", "roll", percent=True),
    "absence": Measure("% of sessions missed", _POINTS, "absence", "PERCTOT", "roll", percent=True),
    "persistent_absence": Measure("% of pupils missing a tenth of sessions or more", _POINTS, "absence", "PPERSABS10", "roll", percent=True),
}  # fmt: skip


def _grouped(name: str, group: str, column: str, cohort: str, every: dict[str, Measure]) -> Measure:
    whole = every[name]
    return replace(whole, label=f"{whole.label}: {GROUPS[group][0]}", column=column, cohort=cohort)


def _ks2_groups() -> dict[str, Measure]:
    """Give the same measures for each group, as far as the key stage 2 files publish them."""
    counts = {"disadvantaged": "TFSM6CLA1A", "other": "TNotFSM6CLA1A", "boys": "BELIG",
              "girls": "GELIG", "low_prior": "TKS1GROUP_L", "middle_prior": "TKS1GROUP_M",
              "high_prior": "TKS1GROUP_H", "eal": "TEALGRP2", "non_mobile": "TMOBN"}  # fmt: skip
    every_group = ["rwm_expected", "rwm_higher", "reading_score", "maths_score", "gps_score"]
    some_groups = [f"{s}_{d}" for s in ("reading", "writing", "maths", "gps") for d in ("expected", "higher")]  # fmt: skip
    found = dict(_KS2)
    for subject, stem in (("reading", "READ"), ("writing", "WRIT"), ("maths", "MAT")):
        for limit in ("lower", "upper"):
            label = f"progress score in {subject}, {limit} limit"
            column = f"{stem}PROG_{limit.upper()}"
            found[f"{subject}_progress_{limit}"] = Measure(label, _PROGRESS, "ks2", column)
    for group, (_, suffix) in GROUPS.items():
        cohort = f"cohort.{group}"
        found[cohort] = _grouped("cohort", group, counts[group], cohort, found)
        split = group in ("disadvantaged", "other", "low_prior", "middle_prior", "high_prior")
        for name in every_group + (some_groups if split else []):
            column = f"{found[name].column}_{suffix}"
            found[f"{name}.{group}"] = _grouped(name, group, column, cohort, found)
        for subject, stem in (("reading", "READ"), ("writing", "WRIT"), ("maths", "MAT")):
            for limit in ("", "_lower", "_upper"):
                name = f"{subject}_progress{limit}"
                column = f"{stem}PROG_{suffix}{limit.upper()}"
                found[f"{name}.{group}"] = _grouped(name, group, column, cohort, found)
    return found


def _ks4_groups() -> dict[str, Measure]:
    """Give the same measures for each group, as far as the key stage 4 files publish them."""
    counts = {"disadvantaged": "TFSM6CLA1A", "other": "TNOTFSM6CLA1A", "boys": "BPUP",
              "girls": "GPUP", "low_prior": "TPRIORLO", "middle_prior": "TPRIORAV",
              "high_prior": "TPRIORHI", "eal": "TEALGRP2", "non_mobile": "TNMOB"}  # fmt: skip
    basics = {"disadvantaged": "PTFSM6CLA1ABASICS_", "other": "PTNOTFSM6CLA1ABASICS_",
              "boys": "PBL2BASICS_", "girls": "PGL2BASICS_", "low_prior": "PTBASICSLO_",
              "middle_prior": "PTBASICSAV_", "high_prior": "PTBASICSHI_",
              "eal": "PTL2BASICSEAL_", "non_mobile": "PTL2BASICSNMOB_"}  # fmt: skip
    found = dict(_KS4)
    for group, suffix in KS4_SUFFIXES.items():
        cohort, in_progress = f"cohort_ks4.{group}", f"cohort_progress8.{group}"
        found[cohort] = _grouped("cohort_ks4", group, counts[group], cohort, found)
        found[in_progress] = _grouped("cohort_progress8", group, f"P8PUP_{suffix}", in_progress, found)  # fmt: skip
        found[f"attainment8.{group}"] = _grouped("attainment8", group, f"ATT8SCR_{suffix}", cohort, found)  # fmt: skip
        for name, stem in (("progress8", "P8MEA"), ("progress8_lower", "P8CILOW"), ("progress8_upper", "P8CIUPP")):  # fmt: skip
            found[f"{name}.{group}"] = _grouped(name, group, f"{stem}_{suffix}", in_progress, found)
        for grade in ("94", "95"):
            column = f"{basics[group]}{grade}"
            found[f"basics_{grade}.{group}"] = _grouped(f"basics_{grade}", group, column, cohort, found)  # fmt: skip
    return found


def _local_groups(published: dict[str, Measure]) -> dict[str, Measure]:
    """Give the outcomes of groups that only an authority holds by school: they have no column."""
    found: dict[str, Measure] = {}
    context = ("cohort", "coverage", "unadjusted", "attainment", *GROUPS, *LOCAL_GROUPS)
    for name, whole in published.items():
        own_cohort = whole.cohort.split(".")[0]
        if "." in name or (name != own_cohort and any(word in name for word in context)
                           and not name.startswith("attainment8")):  # fmt: skip
            continue
        for group, called in LOCAL_GROUPS.items():
            label = f"{whole.label}: {called}"
            found[f"{name}.{group}"] = replace(whole, label=label, column="", cohort=f"{own_cohort}.{group}")  # fmt: skip
    return found


_PUBLISHED = {**_ks2_groups(), **_ks4_groups()}

MEASURES: dict[str, Measure] = {**_PUBLISHED, **_local_groups(_PUBLISHED), **_CENSUS}
"""Every measure by the one name it has from raw file to paper. Without a column: never published."""

# One column meant the same under another name in another year's layout.
OTHER_COLUMNS: dict[str, tuple[str, ...]] = {
    "ehcp_roll": ("PSENELE",),
    "fsm6_roll": ("PNUMFSM6",),
}

BLANK, SPACE = "blank in the file", "a space in the file"
CUT_OFF = "cut off in the file"
NOT_IN_LAYOUT = "not in this layout"
NO_ROW = "school not in the file"
NO_TESTS = "no tests held"
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
"""Why there is no number, by published code. A blank, a space and a cut-off row are told apart too."""

TYPES: dict[str, tuple[str, str]] = {
    # NFTYPE: (words, governance)
    "CY": ("Community school", "maintained"), "VA": ("Voluntary aided school", "maintained"),
    "VC": ("Voluntary controlled school", "maintained"), "FD": ("Foundation school", "maintained"),
    "CYS": ("Community special school", "maintained"), "FDS": ("Foundation special school", "maintained"),
    "AC": ("Sponsored academy", "academy"), "ACC": ("Academy converter", "academy"),
    "ACS": ("Sponsored special academy", "academy"), "ACCS": ("Academy converter: special school", "academy"),
    "F": ("Free school", "academy"), "FS": ("Free school: special", "academy"),
    "SS": ("Studio school", "academy"), "UTC": ("University technical college", "academy"),
    "CTC": ("City technology college", "academy"), "AC1619": ("Academy 16-19 sponsor led", "academy"),
    "ACC1619": ("Academy 16-19 converter", "academy"), "F1619": ("Free school 16-19", "academy"),
    "IND": ("Independent school", "unknown"), "INDSPEC": ("Independent special school", "unknown"),
    "NMSS": ("Non-maintained special school", "unknown"),
    "FESI": ("Further education institution", "unknown"),
    "MODFC": ("College funded by the Ministry of Defence", "unknown"),
}  # fmt: skip


def measures_of(kind: str) -> dict[str, str]:
    """Give, for one kind of file, our name of each published column (in capitals)."""
    own = {name: m for name, m in MEASURES.items() if m.kind == kind and m.column}
    names = {m.column.upper(): name for name, m in own.items()}
    for name in own.keys() & OTHER_COLUMNS.keys():
        names.update({column.upper(): name for column in OTHER_COLUMNS[name]})
    return names

"""Who is eligible for the support of the day, and the 70 per cent rule of the Fund's programmes.

Every answer is yes, no or unknown: an input that is missing never counts as a no.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Literal

import numpy as np
import pandas as pd

from pepstats.measures import why_not_in
from pepstats.priority.indicators import inspections_at
from pepstats.priority.partnership import Partnership
from pepstats.priority.standards import LINES, RI, Answer, equals, judge_standard, under
from pepstats.priority.uncertainty import panel_column
from pepstats.schools import Panel
from pepstats.settings import Programme


@dataclass(frozen=True)
class EligibilityRule:
    """One criterion of the Fund (SSIF) or of its successor (RISE), with where it is known from."""

    id: str
    text: str
    status: Literal["sourced", "assumed"]
    source: str = "the criteria document itself could not be read"
    active: bool = True
    fund: Literal["SSIF", "RISE"] = "SSIF"

    def belongs_to(self, year: int) -> bool:
        """Whether its fund picked schools by what was known of a year."""
        return why_not_in(self.fund, year) is None


_SW = "Schools Week on round 2; Education Business, 14 September 2017"
_ELIGIBLE = "Schools eligible for RISE intervention (Department for Education, 2025)"
_ANSWER = "written answer 29891, 17 February 2025"

RULES = (
    EligibilityRule("E1", "Ofsted inadequate at the latest inspection", "sourced", _SW),
    EligibilityRule("E2", "a warning notice in the past three years", "sourced", _SW),
    EligibilityRule("E3", "Progress 8 under -0.25", "sourced", _SW),
    EligibilityRule("E4", "Ofsted requires improvement at the latest inspection", "assumed"),
    EligibilityRule("E5", "below the floor standard in the latest year", "assumed"),
    EligibilityRule("E6", "coasting by the legal definition", "assumed"),
    EligibilityRule("E7", "phonics, absence, finance: lines unknown", "assumed", active=False),
    EligibilityRule("E8", "special schools only: rule unknown", "assumed", active=False),
    EligibilityRule("R1", "stuck: requires improvement, or its equivalent, at the latest "
                    "inspection and below good at the one before", "sourced", _ELIGIBLE,
                    fund="RISE"),
    EligibilityRule("R2", "in a category of concern", "sourced", _ANSWER, fund="RISE"),
)  # fmt: skip
"""A school is eligible if any active rule of the fund of the day is true of it."""


def judge_eligibility(
    panel: Panel, register: pd.DataFrame, year: int, *, ofsted: pd.DataFrame | None = None,
    warnings: pd.DataFrame | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Return which schools meet a criterion of the fund of the day: yes, no, or unknown.

    Inspections (see `grade_at`) and results are as they were known in a year; `warnings` lists
    notices (`school`, `date`), and a missing list is unknown where an empty one is no. Keyed
    `school`: one column per active rule of that year, `eligible` over all of them,
    `eligible_sourced` over those whose text has been read, and `because`.
    """
    schools, known = register.index, inspections_at(ofsted, register.index, year)
    grade, same = known["ofsted_grade"], _kept_structure(ofsted, register, year)
    taught = register["phase"].isin(["secondary", "all-through"]).to_numpy(bool)
    progress8 = panel_column(panel, "progress8", year, schools)
    judged = {
        "E1": equals(grade, 4),
        "E2": _warned(warnings, schools, year),
        "E3": under(progress8, LINES["coasting"]["progress8"]).among(taught),
        "E4": equals(grade, RI),
        "E5": _answer(judge_standard("floor", panel, register, year)["answer"]),
        "E6": _answer(judge_standard("coasting", panel, register, year)["answer"]),
        "R1": equals(known["stuck"], 1) & same,
        "R2": equals(known["inspection"], 4) & same,
    }
    table = pd.DataFrame(index=schools)
    every = sourced = Answer.all_no(len(schools))
    because = pd.Series("", index=schools, dtype=object)
    for rule in (rule for rule in RULES if rule.active and rule.belongs_to(year)):
        answer = judged[rule.id]
        table[rule.id] = answer.words()
        every = every | answer
        sourced = sourced | answer if rule.status == "sourced" else sourced
        because += np.where(answer.yes, rule.text + "; ", "")
    table["eligible"] = every.words()
    table["eligible_sourced"] = sourced.words()
    table["because"] = because.str.removesuffix("; ")
    return table


def _answer(words: pd.Series) -> Answer:
    return Answer((words == "yes").to_numpy(bool), (words == "no").to_numpy(bool))


def _kept_structure(ofsted: pd.DataFrame | None, register: pd.DataFrame, year: int) -> Answer:
    """Return which schools have the URN under which they were last inspected, by August of a year.

    RISE is for schools that "have not had a change of structure since their last inspection"
    (written answer 29891, 17 February 2025); such a change gives a school a new URN. A change of
    trust alone gives none, and cannot be told here.
    """
    if ofsted is None:
        return Answer.unknown(len(register))
    table = ofsted.reindex(register.index)
    then = table["urn"].astype(float)
    if "inspected_as" in table:
        then = table["inspected_as"].astype(float).fillna(then)
    then = then.where(pd.to_datetime(table["inspected"]) <= pd.Timestamp(year, 8, 31))
    return equals(then.to_numpy(), register["urn"].to_numpy(dtype=float))


def _warned(warnings: pd.DataFrame | None, schools: pd.Index, year: int) -> Answer:
    if warnings is None:
        return Answer.unknown(len(schools))
    recent = warnings["date"].between(pd.Timestamp(year - 3, 9, 1), pd.Timestamp(year, 8, 31))
    yes = np.asarray(schools.isin(warnings.loc[recent, "school"]), dtype=bool)
    return Answer(yes, ~yes)


def judge_programmes(
    panel: Panel,
    register: pd.DataFrame,
    programmes: Sequence[Programme],
    members: pd.DataFrame,
    *,
    ofsted: pd.DataFrame | None = None,
    partnership: Partnership | None = None,
) -> pd.DataFrame:
    """Return which schools of each programme met a criterion when they were picked.

    That is in the year before the programme's first results; a programme begun when there was no
    fund is left out. `members` lists `programme` and `school`; the partnership's register has the
    warning notices. Keyed (`programme`, `school`): `year`, then as `judge_eligibility` has them.
    """
    warnings = None if partnership is None else partnership.warnings
    parts = []
    for programme in programmes:
        own = members.loc[members["programme"] == programme.slug, "school"]
        year = programme.starts - 1
        if not any(rule.belongs_to(year) for rule in RULES):
            continue
        table = judge_eligibility(
            panel, register.loc[sorted(own)], year, ofsted=ofsted, warnings=warnings
        )
        table.insert(0, "year", year)
        parts.append(pd.concat({programme.slug: table}, names=["programme", "school"]))
    index = pd.MultiIndex.from_tuples([], names=["programme", "school"])
    columns = ["year", *CRITERIA.values(), "because"]
    return pd.concat(parts) if parts else pd.DataFrame(index=index, columns=columns)


def list_rules(years: Iterable[int]) -> pd.DataFrame:
    """List the criteria that schools of these years were picked by, with sources; keyed `id`."""
    asked = [asdict(one) for one in RULES if any(one.belongs_to(int(year)) for year in years)]
    names = [one.name for one in fields(EligibilityRule)]
    return pd.DataFrame(asked, columns=names).set_index("id").drop(columns="fund")


def tabulate_seventy_rule(judged: pd.DataFrame) -> pd.DataFrame:
    """Hold each programme of the Fund to its 70 per cent rule, by all criteria and by sourced ones.

    `judged` is as `judge_programmes` gives it. Keyed (`programme`, `criteria`): `year`, `schools`,
    `needed`, `verdict`. How many are eligible is not told here: it could show a school.
    """
    rows = []
    for slug, own in judged.groupby(level="programme"):
        year = int(own["year"].iloc[0])
        for criteria, column in CRITERIA.items() if has_seventy_rule(year) else ():
            held = check_seventy_rule(own[column])
            rows.append((slug, criteria, year, held.schools, held.needed, held.verdict))
    columns = ["programme", "criteria", "year", "schools", "needed", "verdict"]
    return pd.DataFrame(rows, columns=columns).set_index(["programme", "criteria"])


CRITERIA = {"all": "eligible", "sourced": "eligible_sourced"}
"""Which criteria are asked, and the column that answers."""


@dataclass(frozen=True)
class Seventy:
    """Whether at least 70% of a programme's schools are eligible, with both bounds.

    `verdict` is pass, fail, or undetermined: it could still be either, by the unknown ones.
    """

    schools: int
    eligible: int
    unknown: int
    needed: int
    verdict: str


def has_seventy_rule(year: int) -> bool:
    """Whether the programmes picked by what was known of a year had to keep the rule."""
    return why_not_in("SSIF", year) is None


def check_seventy_rule(answers: pd.Series) -> Seventy:
    """Hold a programme's schools to the 70 per cent rule, in whole numbers."""
    total = len(answers)
    yes, unknown = int((answers == "yes").sum()), int((answers == "unknown").sum())
    if 10 * yes >= 7 * total:
        verdict = "pass"
    else:
        verdict = "fail" if 10 * (yes + unknown) < 7 * total else "undetermined"
    return Seventy(total, yes, unknown, -(-7 * total // 10), verdict)

"""Which schools stand for the rest, by a stated rule: not only the ones that did well."""

from __future__ import annotations

import datetime
import re

import pandas as pd

from pepstats.formatting import AGREED, join_words, spell_number
from pepstats.report.disclosure import NOT_YET_PUBLIC
from pepstats.report.edition import is_said

ROSE, MIDDLE, FELL = "rose most", "nearest the middle", "fell most"
MOST, USUAL, LEAST = "had the most support", "nearest the usual support", "had the least support"
BANDS = (0.25, 0.75)
"""Below the first share of all schools is low, above the second high; between them is usual."""


def choose_cases(gaps: pd.DataFrame, doses: pd.Series, release: str) -> pd.DataFrame:
    """Choose three schools by a rule: not only those that did well.

    By how far they rose beyond their comparison schools once results are published; before, by how
    much support they had, since the order of results that are not published tells of them.

    Parameters
    ----------
    gaps : pandas.DataFrame
        Of one outcome, index `school`, with `gap`.
    doses : pandas.Series
        How much support each school had, index `school`.
    release : str
        How final the results are.

    Returns
    -------
    pandas.DataFrame
        Index `school`, the most first: `why`, `gap`. Values that are equal to nine digits, which
        another processor may order otherwise, are settled by the lower school number; a programme
        of fewer schools, or of fewer whose support is known, gives fewer cases.
    """
    gap = gaps["gap"].dropna().sort_index()
    if release in NOT_YET_PUBLIC:
        by = pd.to_numeric(doses, errors="coerce").reindex(gap.index).dropna()
        words = (MOST, USUAL, LEAST)
    else:
        by, words = gap, (ROSE, MIDDLE, FELL)
    if by.empty:
        return pd.DataFrame({"why": [], "gap": []}, index=pd.Index([], name="school"))
    known = by.round(AGREED)
    middle = (by - by.median()).abs().round(AGREED).idxmin()
    chosen: dict[int, str] = {}
    for school, why in zip((known.idxmax(), middle, known.idxmin()), words, strict=True):
        chosen.setdefault(school, why)
    return pd.DataFrame({"why": chosen, "gap": gap.reindex(list(chosen))}).rename_axis("school")


def describe_cases(
    cases: pd.DataFrame,
    *,
    register: pd.DataFrame,
    members: pd.DataFrame,
    before: pd.DataFrame,
    inspections: pd.DataFrame | None = None,
    years: tuple[int, int] = (0, 0),
) -> pd.DataFrame:
    """Describe each case: what kind of school it is, what support it had and what else changed.

    `register`, `members` (`joined`, `dose`, `basis`, `changed`, `also_in`) and `inspections`
    (`inspected`, a date) have index `school`; `before` is the last year before the start of every
    school in the frame, index `school`, one column per measure; `years` are the first and last
    outcome year. Adds `context`, `support` and `changed`: words that name no school, in bands of
    the frame and not in its own figures, so that they may stand in a public paper; and `picked`,
    why the programme took it, and `noted`, what the officers know to have changed, which may not.
    """
    schools = [int(school) for school in cases.index]
    inspected = _inspected(cases.index, inspections, years)
    return cases.assign(
        context=[_context(school, register, before) for school in schools],
        before=[_before(school, before) for school in schools],
        support=[_support(members.loc[school]) for school in schools],
        picked=[_own_words(members.loc[school], "basis") for school in schools],
        noted=[_own_words(members.loc[school], "changed") for school in schools],
        changed=[
            _changed(members.loc[school], register.loc[school], inspected=school in inspected)
            for school in schools
        ],
    )


def _own_words(member: pd.Series, column: str) -> str:
    """Return what the programme's own file says of a school, or nothing."""
    said = member.get(column)
    return said if is_said(said) else ""


def _inspected(
    schools: pd.Index, inspections: pd.DataFrame | None, years: tuple[int, int]
) -> set[int]:
    """Find which schools were inspected from the September before the start to the last results."""
    if inspections is None:
        return set()
    when = inspections["inspected"].reindex(schools)
    began, ended = f"{years[0] - 1}-09-01", f"{years[1]}-08-31"
    return {int(school) for school in schools[(when >= began) & (when <= ended)]}


SIZES = ("small", "average-sized", "large")
SHARES = ("a low", "an average", "a high")
PLACES = ("lowest quarter", "middle half", "highest quarter")
RUN = {"maintained": "maintained by the local authority", "academy": "an academy"}


def _context(school: int, register: pd.DataFrame, before: pd.DataFrame) -> str:
    """Write what kind of school it is: how large, of which type, who runs it, its pupils."""
    kind, governance = (
        str(register[name].get(school, "")).replace("unknown", "")
        for name in ("school_type", "governance")
    )
    size = _band(school, "cohort", before, SIZES)
    words = " ".join(filter(None, [size, kind, "school"]))
    parts = [f"{'An' if words[0] in 'aeiou' else 'A'} {words}"]
    if governance:
        parts.append(RUN.get(governance, governance))
    if share := _band(school, "disadvantaged", before, SHARES):
        parts.append(f"with {share} proportion of disadvantaged pupils")
    return f"{', '.join(parts)}."


def _before(school: int, before: pd.DataFrame) -> str:
    """Write where its results stood among all schools before the programme."""
    place = _band(school, "outcome", before, PLACES)
    return f"Before the programme its results were in the {place} of schools." if place else ""


def _band(school: int, measure: str, before: pd.DataFrame, said: tuple[str, str, str]) -> str:
    """Place a school among all schools: below the middle half of them, in it, or above it."""
    if measure not in before or pd.isna(before[measure].get(school)):
        return ""
    low, high = before[measure].quantile(list(BANDS))
    value = before[measure].loc[school]
    return said[int(value >= low) + int(value > high)]


def _support(member: pd.Series) -> str:
    words = [f"joined {_month(member['joined'])}"] if is_said(member["joined"]) else []
    if pd.notna(days := member.get("dose")):
        words.append(f"had {days:g} {'day' if days == 1 else 'days'} of support")
    return f"It {' and '.join(words)}." if words else "What support it had is not recorded."


def _month(text: str) -> str:
    """Write `2017-09` as in September 2017; anything else as it stands."""
    if not re.fullmatch(r"20\d\d-(?:0[1-9]|1[0-2])", text):
        return text
    return f"in {datetime.date.fromisoformat(f'{text}-01'):%B %Y}"


def _changed(member: pd.Series, school: pd.Series, *, inspected: bool) -> str:
    """Write what the files show to have changed besides the programme."""
    words = []
    if len(str(school["urns"]).split()) > 1:
        academy = str(school.get("governance", "")) == "academy"
        words.append(
            "became an academy during the period"
            if academy
            else "changed its school number during the period"
        )
    if inspected:
        words.append("was inspected while the programme ran")
    if also := int(member.get("also_in", 0)):
        other = "one other programme" if also == 1 else f"{spell_number(also)} other programmes"
        words.append(f"is also in {other} studied here")
    said = f"It {join_words(words)}." if words else "The files show no other change."
    if _own_words(member, "changed"):
        said = f"{said} The officers have noted a further change, which could identify it."
    return said

"""Which schools stand for the rest, by a stated rule, and what schools say of their support.

Statements are counted in balance and quoted by role, never without consent.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from pepstats.document import PaperTable, Quote, figure, make_table
from pepstats.formatting import count_words, format_day, format_number, join_words, school_year
from pepstats.measures import find_measure
from pepstats.report.disclosure import (
    HELD,
    LOG_COLUMNS,
    View,
    join_logs,
    list_shown,
    withhold,
)
from pepstats.report.edition import HELD_BACK, NOT_YET_PUBLIC, Chapter, is_said
from pepstats.sources import DETAILS, NO_CONSENT, NOT_CLEARED, STANCES, TOO_LONG

ROSE, MIDDLE, FELL = "rose most", "nearest the middle", "fell most"
MOST, USUAL, LEAST = "had the most support", "nearest the usual support", "had the least support"
SAME_DIGITS = 9
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
    known = by.round(SAME_DIGITS)
    middle = (by - by.median()).abs().round(SAME_DIGITS).idxmin()
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
        support=[_support(members.loc[school]) for school in schools],
        picked=[_own_words(members.loc[school], "basis") for school in schools],
        noted=[_own_words(members.loc[school], "changed") for school in schools],
        changed=[
            _changed(members.loc[school], register["urns"].get(school, ""), school in inspected)
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


def _context(school: int, register: pd.DataFrame, before: pd.DataFrame) -> str:
    kind, governance = (
        str(register[name].get(school, "")).replace("unknown", "")
        for name in ("school_type", "governance")
    )
    words = [f"{kind.capitalize()} school" if kind else "School"]
    if governance:
        council = governance == "maintained"
        words.append("maintained by the council" if council else f"an {governance}")
    told = {"cohort": "pupils in a year", "disadvantaged": "of them disadvantaged"}
    for measure, said in told.items():
        if band := _band(school, measure, before):
            words.append(f"{band} {said}")
    return ", ".join(words)


def _band(school: int, measure: str, before: pd.DataFrame) -> str:
    """Place a school among all schools: fewer than most, more than most, or as many."""
    if measure not in before or pd.isna(before[measure].get(school)):
        return ""
    low, high = before[measure].quantile(list(BANDS))
    value = before[measure].loc[school]
    if low <= value <= high:
        return "as many as most"
    return "fewer than most" if value < low else "more than most"


def _support(member: pd.Series) -> str:
    words = [f"Joined {_month(member['joined'])}"] if is_said(member["joined"]) else []
    if pd.notna(days := member.get("dose")):
        words.append(f"{days:g} {'day' if days == 1 else 'days'} of support")
    return "; ".join(words) or "Not recorded"


def _month(text: str) -> str:
    """Write `2017-09` as in September 2017; anything else as it stands."""
    if not re.fullmatch(r"20\d\d-(?:0[1-9]|1[0-2])", text):
        return text
    return f"in {datetime.date.fromisoformat(f'{text}-01'):%B %Y}"


def _changed(member: pd.Series, urns: object, inspected: bool) -> str:
    """Write what the files show to have changed besides the programme."""
    words = []
    if len(str(urns).split()) > 1:
        words.append(
            "it changed its number in these years, as a school does that becomes an academy"
        )
    if inspected:
        words.append("it had an inspection while the programme ran")
    if _own_words(member, "changed"):
        words.append("the officers have noted something else, which could name it")
    if also := int(member.get("also_in", 0)):
        words.append(f"it is in {also} other programme{'' if also == 1 else 's'} studied here")
    if not words:
        return "Nothing that the files show"
    text = "; ".join(words)
    return text[0].upper() + text[1:]


MOST_QUOTES = 6  # for one programme


def of_programme(said: pd.DataFrame, programme: str) -> pd.DataFrame:
    """Return one programme's rows, one for each school that was asked."""
    return said.loc[said["programme"] == programme]


def list_answers(said: pd.DataFrame, programme: str) -> pd.DataFrame:
    """List the rows of one programme's schools that answered."""
    rows = of_programme(said, programme)
    return rows.loc[rows["statement"] != ""]


def count_stances(rows: pd.DataFrame) -> dict[str, int]:
    """Count answers by whether they are positive, mixed or negative."""
    return {stance: int((rows["stance"] == stance).sum()) for stance in STANCES}


def count_statements(said: pd.DataFrame, programme: str) -> pd.DataFrame:
    """Count the schools that were asked, that answered, and by stance: index what, `schools`."""
    answers = list_answers(said, programme)
    counts = {"asked": len(of_programme(said, programme)), "answered": len(answers)}
    return pd.DataFrame({"schools": counts | count_stances(answers)})


def may_count(said: pd.DataFrame, programme: str, view: View) -> bool:
    """Whether no count of answers is a few apart from what an earlier release showed of it.

    A school that left between two releases would be known by its answer.
    """
    now = count_statements(said, programme)["schools"]
    return not any(
        (now - then["schools"].reindex(now.index)).abs().between(1, view.smallest).any()
        for then in view.shown_before(f"{programme}.answers")
    )


ASKED_AGAIN = (
    "The programme's schools were asked for a statement. How many answered is not shown, since it "
    "differs by few from what was shown before."
)


def balance_sentence(said: pd.DataFrame, programme: str, schools: int) -> str:
    """Write how many schools were asked and answered, and how their answers divide.

    `schools` are the programme's: a file that lists only those that answered does not tell how
    many others were asked.
    """
    number, answers = len(of_programme(said, programme)), list_answers(said, programme)
    if not number:
        return "No school has yet been asked for a statement."
    asked = f"{count_words(number, 'school')} {'was' if number == 1 else 'were'} asked"
    if answers.empty:
        return f"{asked} for a statement. None has answered."
    divided = join_words(f"{n} {stance}" for stance, n in count_stances(answers).items())
    if len(answers) == number < schools:
        gave = f"{count_words(number, 'school')} of the programme's {schools} gave a statement"
        return f"{gave}: {divided}. How many others were asked is not recorded."
    return f"{asked} for a statement and {len(answers)} answered: {divided}."


def quoted_sentence(said: pd.DataFrame, programme: str) -> str:
    """Write by what rule statements are quoted, and how many could not be."""
    answers, quotes = list_answers(said, programme), choose_quotes(said, programme)
    if not quotes:
        return "None can be quoted yet." if len(answers) else ""
    words = (
        f"{count_words(len(quotes), 'statement')} {'is' if len(quotes) == 1 else 'are'} quoted, "
        "divided as nearly as can be as all the answers are."
    )
    if held := int(answers["held"].notna().sum()):
        words += (
            f" {held} could not be quoted: no consent was given, or the words are still "
            "to be checked."
        )
    return words


def choose_quotes(said: pd.DataFrame, programme: str) -> tuple[Quote, ...]:
    """Choose statements to quote, stances divided as all the answers are, none favoured.

    Each stance that can be quoted gets at least one; within a stance in the order of the schools'
    numbers.
    """
    answered = list_answers(said, programme)
    free = answered.loc[answered["held"].isna()].sort_values(["urn", "row"])
    able, wanted = count_stances(free), count_stances(answered)
    shares = {stance: min(1, able[stance]) for stance in STANCES}
    while sum(shares.values()) < min(MOST_QUOTES, len(free)):
        open_ = [stance for stance in STANCES if shares[stance] < able[stance]]
        behind = max(open_, key=lambda s: (wanted[s] / (shares[s] + 1), -STANCES.index(s)))
        shares[behind] += 1
    return tuple(
        Quote(str(row["quote"]), str(row["role"]))
        for stance in STANCES
        for row in free.loc[free["stance"] == stance].head(shares[stance]).to_dict("records")
    )


def list_held(said: pd.DataFrame) -> list[str]:
    """List what someone must do before more can be quoted, row by row."""
    held = said.loc[said["held"].isin([DETAILS, NOT_CLEARED, TOO_LONG])]
    return [f"statement in row {row['row']}: {row['held']}" for row in held.to_dict("records")]


def tabulate_themes(said: pd.DataFrame, programme: str) -> pd.DataFrame:
    """Count answers by theme and stance: index `theme`, one column per stance."""
    answered = list_answers(said, programme)
    themes = answered["theme"].replace("", "No theme given")
    counts = pd.crosstab(themes, answered["stance"]) if len(answered) else pd.DataFrame()
    table = counts.reindex(columns=list(STANCES), fill_value=0).sort_index()
    return table.rename_axis(index="theme", columns=None)


FEW_SPOKE = (
    "Held back: so few schools spoke of some theme in one way that they could be known by it"
)

ABOUT = "About"


def table_cases(chapter: Chapter) -> PaperTable:
    """Set the case studies side by side, a column each, unnamed unless the edition is exempt."""
    caption, labels = f"{chapter.programme.title}: the case studies", chapter.label_schools()
    cases = chapter.found.cases.reset_index().to_dict("records")
    if not cases:
        return make_table(caption, [ABOUT], empty="No case study has been chosen.")
    answers = {labels[int(row["school"])]: _answer(chapter, row) for row in cases}
    frame = pd.DataFrame(answers)
    columns = {ABOUT: 1.1, **dict.fromkeys(answers, 2.0)}
    return make_table(caption, columns, frame.itertuples())


def _answer(chapter: Chapter, row: Mapping[Any, Any]) -> dict[str, str]:
    exempt, known = chapter.view.exempt, find_measure(chapter.programme.primary)
    size = f"{format_number(row['gap'], known.decimals, signed=True)} {known.unit}"
    said = _statement_of(chapter, int(row["school"]))
    changed = _case_words(row, "changed")
    if exempt and is_said(row.get("noted")):
        changed = f"{changed}. The officers note: {row['noted']}"
    if not chapter.shows_schools:
        size = f"{HELD[0].upper()}{HELD[1:]}"
    answers = {
        "Why this school": _why(str(row["why"])),
        "What kind of school": _case_words(row, "context"),
        "What support": _case_words(row, "support"),
        "Moved beyond its comparison schools by": size,
        "What else changed": changed,
    }
    if exempt:
        answers["Its statement"] = _consent_words(said)
        answers["Why it was picked for support"] = _case_words(row, "picked")
        answers["What it says"] = _quoted(said)
    return answers


def _why(why: str) -> str:
    return f"The one {why}" if why in (MIDDLE, USUAL) else f"The one that {why}"


def _case_words(row: Mapping[Any, Any], name: str) -> str:
    return str(row[name]) if is_said(row.get(name)) else "Not recorded"


def _statement_of(chapter: Chapter, school: int) -> Mapping[Any, Any]:
    """Find the row of what a school said, one with words first; nothing where it was not asked."""
    rows = of_programme(chapter.found.statements, chapter.programme.slug)
    rows = rows.loc[rows["school"] == school].sort_values("statement", ascending=False)
    return rows.iloc[0].to_dict() if len(rows) else {}


def _consent_words(said: Mapping[Any, Any]) -> str:
    """Write whether a school gave a statement, and whether it may be quoted."""
    if not said:
        return "It was not asked for one"
    if not is_said(said["statement"]):
        return "Asked for; no answer"
    if said["held"] == NO_CONSENT:
        return "Given, without consent to publish it"
    when = f" of {format_day(str(said['consent_date']))}" if is_said(said["consent_date"]) else ""
    if is_said(said["held"]):
        return f"Given, with consent{when}; its words are still to be checked"
    return f"Given, with consent{when}; not quoted beside its results"


def _quoted(said: Mapping[Any, Any]) -> str:
    if not said or not is_said(said["statement"]) or is_said(said["held"]):
        return "No statement that can be quoted"
    return f"\u201c{said['quote']}\u201d ({said['role']})"


def table_case_lines(chapter: Chapter) -> PaperTable:
    """Show the case studies' lines as numbers."""
    known = find_measure(chapter.programme.primary)
    scale = "percentage of pupils" if known.percent else known.unit
    caption = f"{chapter.programme.title}: the case studies by year, {scale}"
    columns = ["School and year", "The school", "Its comparison schools"]
    if not chapter.shows_schools:
        return make_table(caption, columns, empty=HELD_BACK)
    labels = chapter.label_schools()
    cases = [] if chapter.found.cases.empty else chapter.found.cases.reset_index()["school"]
    lines = chapter.lines_of({int(school): labels[int(school)] for school in cases})
    rows = [
        (
            f"{row['label']}, {school_year(int(row['year']))}",
            figure(row["own"], known.decimals),
            figure(row["comparison"], known.decimals),
        )
        for row in lines.to_dict("records")
    ]
    none = "No case study has been chosen."
    return make_table(caption, columns, rows, empty=none)


def table_themes(chapter: Chapter) -> PaperTable:
    """Count schools' answers by theme and by whether they were positive, mixed or negative."""
    caption = f"{chapter.programme.title}: what schools spoke of, and how"
    counts, held_back = count_answers(chapter)
    if counts.empty or held_back:
        none = f"{FEW_SPOKE}." if held_back else "No school has answered yet."
        return make_table(caption, ["Theme"], empty=none)
    columns = ["Theme", *(str(stance).capitalize() for stance in counts)]
    rows = [(theme, *map(figure, row)) for theme, *row in counts.itertuples()]
    return make_table(caption, columns, rows)


def count_answers(chapter: Chapter) -> tuple[pd.DataFrame, bool]:
    """Count answers by theme, and say whether all must be held back: totals are told elsewhere."""
    slug = chapter.programme.slug
    counts = tabulate_themes(chapter.found.statements, slug)
    whole = counts.empty or chapter.view.protect(counts, f"{slug}.themes").log.empty
    return counts, not whole


def list_shown_themes(chapter: Chapter) -> pd.DataFrame:
    """List the counts of themes that an edition shows."""
    counts, held_back = count_answers(chapter)
    shown = counts.iloc[:0] if held_back else counts
    slug, said = chapter.programme.slug, chapter.found.statements
    answers = count_statements(said, slug)
    if not len(of_programme(said, slug)) or not may_count(said, slug, chapter.view):
        answers = answers.iloc[:0]
    parts = [list_shown(f"{slug}.themes", shown), list_shown(f"{slug}.answers", answers)]
    return pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)


def list_hidden_of_programme(chapter: Chapter) -> pd.DataFrame:
    """List what is held back of one programme in the public edition, each with its reason."""
    slug, logs = chapter.programme.slug, []
    if count_answers(chapter)[1]:
        logs.append(withhold(f"{slug}.themes", FEW_SPOKE))
    held = [
        (f"{slug}.statements", f"row {row['row']}", "statement", row["held"])
        for row in of_programme(chapter.found.statements, slug).to_dict("records")
        if is_said(row["held"])
    ]
    return join_logs([*logs, pd.DataFrame(held, columns=LOG_COLUMNS)])

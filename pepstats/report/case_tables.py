"""The case studies and what schools say, in tables, and what of them an edition holds back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from pepstats.document import PaperTable, figure, make_table
from pepstats.formatting import format_day, school_year, spell_number
from pepstats.measures import find_measure
from pepstats.report.case_studies import FELL, LEAST, MIDDLE, MOST, ROSE, USUAL
from pepstats.report.disclosure import (
    LOG_COLUMNS,
    join_logs,
    list_shown,
    withhold,
)
from pepstats.report.edition import HELD_BACK, Chapter, ProgrammeResults, is_said
from pepstats.report.quotes import (
    choose_quotes,
    count_statements,
    may_count,
    of_programme,
    tabulate_themes,
)
from pepstats.report.sentences import Result, about_words
from pepstats.sources import NO_CONSENT

FEW_SPOKE = "Not published, to protect the identity of individual schools"
CASES = (1, 2, 3)
ACCOUNT = ("name", "kind", "before", "support", "changed", "result", "says")
WHY = {
    ROSE: "whose results rose most against similar schools",
    MIDDLE: "whose results were nearest the middle of the programme's schools",
    FELL: "whose results rose least, or fell most, against similar schools",
    MOST: "with the most support",
    USUAL: "with a typical amount of support",
    LEAST: "with the least support",
}


def case_pointer(found: ProgrammeResults) -> str:
    """Write where the case studies stand; nothing where there are none."""
    number = len(found.cases)
    if not number:
        return ""
    if number == 1:
        return "A case study of one of its schools is in the appendices."
    which = f"{spell_number(number).capitalize()} case studies of its schools"
    return f"{which}, chosen by a stated rule and not for their success, are in the appendices."


def cases_sentence(chapter: Chapter) -> str:
    """Write by what rule the case studies were chosen, and when the rest of them follows."""
    cases = chapter.found.cases
    if cases.empty:
        return ""
    later = "" if chapter.shows_schools else " Their results follow when results are published."
    if set(cases["why"]) & {MOST, USUAL, LEAST}:
        return (
            "The case studies were chosen by a rule, not for their success: the schools with the "
            f"most, a typical amount and the least support.{later}"
        )
    return (
        "The case studies were chosen by a rule, not for their success: the schools whose results "
        "rose most, least, and nearest the middle, against similar schools."
    )


def write_accounts(chapter: Chapter) -> dict[str, str]:
    """Write each case study as an account of a school, in parts that officers may write between.

    Named `case-1.name` and so on, in the order of the cases; empty where there are fewer.
    """
    labels = chapter.label_schools()
    rows = chapter.found.cases.reset_index().to_dict("records")
    parts: dict[str, str] = {}
    for number in CASES:
        told = _account(chapter, labels, rows[number - 1]) if number <= len(rows) else {}
        parts |= {f"case-{number}.{name}": told.get(name, "") for name in ACCOUNT}
    return parts


def _account(chapter: Chapter, labels: Mapping[int, str], row: Mapping[Any, Any]) -> dict[str, str]:
    exempt, school = chapter.view.exempt, int(row["school"])
    changed = _case_words(row, "changed")
    if exempt and is_said(row.get("noted")):
        changed = changed.partition(" The officers have noted")[0]
        changed = f"{changed} Officers note: {str(row['noted']).rstrip('.')}."
    if exempt and is_said(row.get("picked")):
        changed = f"It was chosen for support for this reason: {row['picked']}. {changed}"
    return {
        "name": f"{labels[school]}, the school {WHY[str(row['why'])]}.",
        "kind": _case_words(row, "context"),
        "before": _case_words(row, "before"),
        "support": _case_words(row, "support"),
        "changed": changed,
        "result": case_result(chapter.primary, row["gap"]) if chapter.shows_schools else "",
        "says": _what_it_says(chapter, school) if exempt else "",
    }


def case_result(primary: Result, gap: float) -> str:
    """Write how one school's result went against what was expected of it."""
    if pd.isna(gap):
        return ""
    own = replace(primary, estimate=float(gap))
    return f"In {school_year(primary.year)} its result was {about_words(own)}."


def _case_words(row: Mapping[Any, Any], name: str) -> str:
    return str(row[name]) if is_said(row.get(name)) else ""


def _what_it_says(chapter: Chapter, school: int) -> str:
    """Write what a school said, where it may be quoted and is not quoted with the others."""
    said, slug = _statement_of(chapter, school), chapter.programme.slug
    if not said or not is_said(said["statement"]) or is_said(said["held"]):
        return f"{_consent_words(said)}."
    quoted = {quote.text for quote in choose_quotes(chapter.found.statements, slug)}
    if str(said["quote"]) in quoted:
        return "Its statement is among those quoted in the paper."
    return f"It says: \u201c{said['quote']}\u201d ({said['role']})."


def _statement_of(chapter: Chapter, school: int) -> Mapping[Any, Any]:
    """Find the row of what a school said, one with words first; nothing where it was not asked."""
    rows = of_programme(chapter.found.statements, chapter.programme.slug)
    rows = rows.loc[rows["school"] == school].sort_values("statement", ascending=False)
    return rows.iloc[0].to_dict() if len(rows) else {}


def _consent_words(said: Mapping[Any, Any]) -> str:
    """Write whether a school gave a statement, and whether it may be quoted."""
    if not said:
        return "It was not asked for a statement"
    if not is_said(said["statement"]):
        return "It was asked for a statement and gave none"
    if said["held"] == NO_CONSENT:
        return "It gave a statement, without consent to publish it"
    when = f" of {format_day(str(said['consent_date']))}" if is_said(said["consent_date"]) else ""
    return f"It gave a statement, with consent{when}, whose words are still to be checked"


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
    whole = counts.empty or chapter.view.may_show_all(counts, f"{slug}.themes")
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

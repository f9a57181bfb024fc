"""The case studies and what schools say, in tables, and what of them an edition holds back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from pepstats.document import PaperTable, figure, make_table
from pepstats.formatting import format_day, format_number, school_year
from pepstats.measures import find_measure
from pepstats.report.case_studies import (
    MIDDLE,
    USUAL,
    count_statements,
    may_count,
    of_programme,
    tabulate_themes,
)
from pepstats.report.disclosure import (
    HELD,
    LOG_COLUMNS,
    join_logs,
    list_shown,
    withhold,
)
from pepstats.report.edition import HELD_BACK, Chapter, is_said
from pepstats.sources import NO_CONSENT

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

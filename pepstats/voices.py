"""Case studies and schools' own words, as the paper shows them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import pandas as pd

from pepstats import disclosure, statements
from pepstats.blocks import PaperTable, make_table
from pepstats.cases import MIDDLE
from pepstats.disclosure import View
from pepstats.evidence import (
    HELD_BACK,
    ProgrammeResults,
    is_said,
    label_schools,
    lines_of,
    may_show_schools,
    scale_words,
)
from pepstats.programme import Programme
from pepstats.statements import Statements
from pepstats.words import Result, day_words, measure, school_year, show

FEW_SPOKE = (
    "Held back: so few schools spoke of some theme in one way that they could be known by it"
)
ABOUT = "About"


def table_cases(
    programme: Programme, found: ProgrammeResults, results: Mapping[str, Result], view: View
) -> PaperTable:
    """Give the case studies side by side, a column each, unnamed unless the edition is exempt."""
    caption = f"{programme.title}: the case studies"
    cases = found.cases.reset_index().to_dict("records")
    if not cases:
        return make_table(
            pd.DataFrame(columns=[ABOUT]), caption=caption, empty="No case study has been chosen."
        )
    labels = label_schools(found, programme.primary, view)
    columns = {ABOUT: _ask(view)} | {
        labels[int(str(row["school"]))]: _answer(programme, found, results, row, view)
        for row in cases
    }
    return make_table(pd.DataFrame(columns), caption=caption, widths=(1.1, *[2.0] * len(cases)))


def table_case(
    programme: Programme,
    found: ProgrammeResults,
    results: Mapping[str, Result],
    place: int,
    view: View,
) -> PaperTable:
    """Give one case study on a few lines, the school unnamed unless the edition is exempt."""
    caption = f"{programme.title}: case study {place + 1}"
    cases = found.cases.reset_index().to_dict("records")
    if place >= len(cases):
        return make_table(
            pd.DataFrame(columns=[ABOUT, "Answer"]), caption=caption,
            empty="No school stands for this: the programme has too few.",
        )  # fmt: skip
    row = cases[place]
    label = label_schools(found, programme.primary, view)[int(str(row["school"]))]
    told = {ABOUT: _ask(view), "Answer": _answer(programme, found, results, row, view)}
    return make_table(pd.DataFrame(told), caption=f"{caption}, {label}", widths=(1.2, 4.0))


def _ask(view: View) -> list[str]:
    asked = [
        "Why this school",
        "What kind of school",
        "What support",
        "Moved beyond its comparison schools by",
        "What else changed",
        "Its statement",
    ]
    return [*asked, "Why it was picked for support", "What it says"] if view.exempt else asked


def _answer(
    programme: Programme,
    found: ProgrammeResults,
    results: Mapping[str, Result],
    row: Mapping[Hashable, object],
    view: View,
) -> list[str]:
    """Answer what is asked of one case study."""
    known = measure(programme.primary)
    size = f"{show(float(str(row['gap'])), known.decimals, signed=True)} {known.unit}"
    said = _statement_of(found.statements, programme.slug, int(str(row["school"])))
    changed = _case_words(row, "changed")
    if view.exempt and is_said(row.get("noted")):
        changed = f"{changed}. The officers note: {row['noted']}"
    answers = [
        f"The one {_that(str(row['why']))}",
        _case_words(row, "context"),
        _case_words(row, "support"),
        size if may_show_schools(results, view) else "Held back until results are published",
        changed,
        _consent_words(said),
    ]
    return [*answers, _case_words(row, "picked"), _quoted(said)] if view.exempt else answers


def table_case_lines(
    programme: Programme,
    found: ProgrammeResults,
    results: Mapping[str, Result],
    view: View,
) -> PaperTable:
    """Give the case studies' lines as numbers."""
    caption = f"{programme.title}: the case studies by year, {scale_words(programme.primary)}"
    columns = ["School and year", "The school", "Its comparison schools"]
    if not may_show_schools(results, view):
        return make_table(pd.DataFrame(columns=columns), caption=caption, empty=HELD_BACK)
    labels = label_schools(found, programme.primary, view)
    cases = [] if found.cases.empty else found.cases.reset_index()["school"]
    lines = lines_of(found, programme.primary, {int(s): labels[int(s)] for s in cases})
    places = measure(programme.primary).decimals
    rows = [
        (f"{row['label']}, {school_year(int(row['year']))}", show(row["own"], places),
         show(row["comparison"], places))
        for row in lines.to_dict("records")
    ]  # fmt: skip
    return make_table(
        pd.DataFrame(rows, columns=columns), caption=caption, numeric=columns[1:],
        empty="No case study has been chosen.",
    )  # fmt: skip


def _that(why: str) -> str:
    return why if why == MIDDLE else f"that {why}"


def _case_words(row: Mapping[Hashable, object], name: str) -> str:
    return str(row[name]) if is_said(row.get(name)) else "Not recorded"


def _statement_of(said: Statements, programme: str, school: int) -> Mapping[Hashable, object]:
    """Give the row of what a school said, one with words first; nothing where it was not asked."""
    rows = statements.of_programme(said, programme)
    rows = rows.loc[rows["school"] == school].sort_values("statement", ascending=False)
    return rows.iloc[0].to_dict() if len(rows) else {}


def _consent_words(said: Mapping[Hashable, object]) -> str:
    """Say whether a school gave a statement, and whether it may be quoted."""
    if not said:
        return "It was not asked for one"
    if not is_said(said["statement"]):
        return "Asked for; no answer"
    if said["held"] == statements.NO_CONSENT:
        return "Given, without consent to publish it"
    when = f" of {day_words(str(said['consent_date']))}" if is_said(said["consent_date"]) else ""
    if is_said(said["held"]):
        return f"Given, with consent{when}; its words are still to be checked"
    return f"Given, with consent{when}; not quoted beside its results"


def _quoted(said: Mapping[Hashable, object]) -> str:
    if not said or not is_said(said["statement"]) or is_said(said["held"]):
        return "No statement that can be quoted"
    return f"\u201c{said['quote']}\u201d ({said['role']})"


def table_themes(programme: Programme, said: Statements, view: View) -> PaperTable:
    """Count schools' answers by theme and by whether they were positive, mixed or negative."""
    caption = f"{programme.title}: what schools spoke of, and how"
    counts = statements.tabulate_themes(said, programme.slug)
    if counts.empty:
        return make_table(
            pd.DataFrame(columns=["Theme"]), caption=caption, empty="No school has answered yet."
        )
    if hides_themes(said, programme.slug, view):
        return make_table(pd.DataFrame(columns=["Theme"]), caption=caption, empty=f"{FEW_SPOKE}.")
    frame = counts.rename(columns=str.capitalize).rename_axis("Theme").reset_index()
    return make_table(frame, caption=caption, numeric=list(frame.columns[1:]))


def hides_themes(said: Statements, programme: str, view: View) -> bool:
    """Say whether themes must be held back: whole, since the paper tells the totals elsewhere."""
    counts = statements.tabulate_themes(said, programme)
    return len(counts) > 0 and len(view.protect(counts, f"{programme}.themes").log) > 0


def list_shown(said: Statements, programme: str, view: View) -> pd.DataFrame:
    """List the counts of themes that an edition shows."""
    counts = statements.tabulate_themes(said, programme)
    if counts.empty or hides_themes(said, programme, view):
        return pd.DataFrame(columns=disclosure.SHOWN_COLUMNS)
    return disclosure.list_shown(f"{programme}.themes", counts)


def hidden_note(shown: disclosure.Protected, view: View) -> str:
    """Explain the mark of a hidden count, where there is one."""
    if shown.log.empty:
        return ""
    words = (
        f"{disclosure.HIDDEN} is a count hidden so that no school can be known by it: one of fewer "
        f"than {view.fewest_schools} schools, or one from which that could be worked out."
    )
    if (shown.log["reason"] == disclosure.DIFFERS).any():
        words += " So is one that differs by so few from what was shown before."
    return words


def list_hidden(
    programme: Programme, found: ProgrammeResults, results: Mapping[str, Result], view: View
) -> pd.DataFrame:
    """List what is held back of one programme in an edition, each with its reason."""
    if view.exempt:
        return disclosure.join_logs([])
    slug, logs = programme.slug, []
    if hides_themes(found.statements, slug, view):
        logs.append(disclosure.withhold(f"{slug}.themes", FEW_SPOKE))
    if not may_show_schools(results, view):
        reason = disclosure.NAMES_SCHOOL
        logs += [disclosure.withhold(f"{slug}.{name}", reason) for name in ("schools", "cases")]
    logs += [
        pd.DataFrame([(f"{slug}.statements", f"row {row['row']}", "statement", row["held"])],
                     columns=disclosure.LOG_COLUMNS)
        for row in statements.of_programme(found.statements, slug).to_dict("records")
        if is_said(row["held"])
    ]  # fmt: skip
    return disclosure.join_logs(logs)

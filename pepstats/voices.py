"""Case studies and schools' own words, as the paper shows them."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from pepstats import disclosure, statements
from pepstats.blocks import PaperTable, make_table
from pepstats.cases import MIDDLE
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
from pepstats.words import Result, measure, school_year, show

FEW_SPOKE = (
    f"Held back: fewer than {disclosure.FEWEST_SCHOOLS} schools spoke of some theme in one way "
    "and could be known by it"
)


def table_case(
    programme: Programme,
    found: ProgrammeResults,
    results: Mapping[str, Result],
    place: int,
    *,
    edition: str,
    names: Mapping[int, str],
) -> PaperTable:
    """Give one case study on a few lines, the school unnamed unless the edition is exempt."""
    caption = f"{programme.title}: case study {place + 1}"
    cases = found.cases.reset_index()
    if place >= len(cases):
        return make_table(
            pd.DataFrame(columns=["About", "Answer"]), caption=caption,
            empty="No school stands for this: the programme has too few.",
        )  # fmt: skip
    row = cases.to_dict("records")[place]
    school = int(row["school"])
    label = label_schools(found, programme.primary, edition=edition, names=names)[school]
    known = measure(programme.primary)
    size = f"{show(row['gap'], known.decimals, signed=True)} {known.unit}"
    moved = f"{size} beyond its comparison schools"
    stands = f"Of the programme's schools, the one {_that(str(row['why']))}"
    open_ = may_show_schools(results, edition)
    rows = [
        ("Why this school", stands),
        ("What kind of school", _case_words(row, "context")),
        ("What support", _case_words(row, "support")),
        ("What moved", moved if open_ else "Held back until results are published"),
        ("What else changed", _case_words(row, "changed")),
    ]  # fmt: skip
    if edition == "exempt":
        rows.append(("Why it was picked for support", _case_words(row, "picked")))
        rows.append(("What it says", _case_quote(found.statements, programme.slug, school)))
    return make_table(
        pd.DataFrame(rows, columns=["About", "Answer"]), caption=f"{caption}, {label}",
        widths=(1.2, 4.0),
    )  # fmt: skip


def table_case_lines(
    programme: Programme,
    found: ProgrammeResults,
    results: Mapping[str, Result],
    *,
    edition: str,
    names: Mapping[int, str],
) -> PaperTable:
    """Give the case studies' lines as numbers."""
    caption = f"{programme.title}: the case studies by year, {scale_words(programme.primary)}"
    columns = ["School and year", "The school", "Its comparison schools"]
    if not may_show_schools(results, edition):
        return make_table(pd.DataFrame(columns=columns), caption=caption, empty=HELD_BACK)
    labels = label_schools(found, programme.primary, edition=edition, names=names)
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


def _case_words(row: Mapping[object, object], name: str) -> str:
    return str(row[name]) if is_said(row.get(name)) else "Not recorded"


def _case_quote(said: Statements, programme: str, school: int) -> str:
    rows = statements.of_programme(said, programme)
    rows = rows.loc[(rows["school"] == school) & (rows["statement"] != "") & rows["held"].isna()]
    if rows.empty:
        return "No statement that can be quoted"
    row = rows.iloc[0]
    return f"\u201c{row['quote']}\u201d ({row['role']})"


def table_themes(programme: Programme, said: Statements, *, edition: str) -> PaperTable:
    """Count schools' answers by theme and by whether they were positive, mixed or negative."""
    caption = f"{programme.title}: what schools spoke of, and how"
    counts = statements.tabulate_themes(said, programme.slug)
    if counts.empty:
        return make_table(
            pd.DataFrame(columns=["Theme"]), caption=caption, empty="No school has answered yet."
        )
    if hides_themes(said, programme.slug, edition):
        return make_table(pd.DataFrame(columns=["Theme"]), caption=caption, empty=f"{FEW_SPOKE}.")
    frame = counts.rename(columns=str.capitalize).rename_axis("Theme").reset_index()
    return make_table(frame, caption=caption, numeric=list(frame.columns[1:]))


def hides_themes(said: Statements, programme: str, edition: str) -> bool:
    """Say whether themes must be held back: whole, since the paper tells the totals elsewhere."""
    counts = statements.tabulate_themes(said, programme)
    few = (counts > 0) & (counts < disclosure.FEWEST_SCHOOLS)
    return edition != "exempt" and bool(few.to_numpy().any())


def hidden_note(shown: disclosure.Protected) -> str:
    """Explain the mark of a hidden count, where there is one."""
    if shown.log.empty:
        return ""
    return (
        f"{disclosure.HIDDEN} is a count hidden so that no school can be known by it: one of fewer "
        f"than {disclosure.FEWEST_SCHOOLS} schools, or one from which that could be worked out."
    )


def list_hidden(
    programme: Programme, found: ProgrammeResults, results: Mapping[str, Result], edition: str
) -> pd.DataFrame:
    """List what is held back of one programme in an edition, each with its reason."""
    if edition == "exempt":
        return disclosure.join_logs([])
    slug, logs = programme.slug, []
    if hides_themes(found.statements, slug, edition):
        logs.append(disclosure.withhold(f"{slug}.themes", FEW_SPOKE))
    if not may_show_schools(results, edition):
        reason = disclosure.NAMES_SCHOOL
        logs += [disclosure.withhold(f"{slug}.{name}", reason) for name in ("schools", "cases")]
    logs += [
        pd.DataFrame([(f"{slug}.statements", f"row {row['row']}", "statement", row["held"])],
                     columns=disclosure.LOG_COLUMNS)
        for row in statements.of_programme(found.statements, slug).to_dict("records")
        if is_said(row["held"])
    ]  # fmt: skip
    return disclosure.join_logs(logs)

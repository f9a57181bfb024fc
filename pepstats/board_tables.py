"""The tables of the whole paper: the programmes in short, actions answered, words, sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from pepstats import evidence
from pepstats.autumn import Report
from pepstats.blocks import PaperTable, make_table
from pepstats.errors import DesignError
from pepstats.evidence import ProgrammeResults, is_said
from pepstats.evidence_tables import cost_words
from pepstats.officers import find_typed_results
from pepstats.programme import Programme
from pepstats.verdicts import LADDER
from pepstats.words import count_words, outcome_label, school_year, short_result, sure_words

IN_SHORT = ("What was done", "For whom", "Cost", "What moved", "How sure", "Months of progress")
MONTHS = IN_SHORT[-1]
MOST_BESIDE = 3  # programmes that fit side by side on a page
TO_ANSWER = "To be completed"
KINDS = {
    "ks2": "Key stage 2 performance tables",
    "ks4": "Key stage 4 performance tables",
    "census": "School census",
    "absence": "Pupil absence",
    "register": "Register of schools",
    "links": "Links between schools that changed their number",
    "trusts": "Academy trusts",
    "ofsted": "Ofsted inspection outcomes",
    "la_series": "Authority series",
    "national": "National headlines",
    "local_results": "Results held by the authority",
    "members": "Schools in the programmes",
    "statements": "Schools' statements",
    "support": "Record of support",
}
GLOSSARY = (
    ("Comparison schools", "Schools elsewhere that were most like a programme's schools before it "
     "started, and were in none of the programmes"),
    ("Made-up programme", "A group of schools in another authority, picked as the real ones were, "
     "where nothing was done. It shows what chance alone can do"),
    ("95% interval", "The sizes of effect that the results do not rule out. A wide interval means "
     "we cannot tell much"),
    ("Percentage points", "The difference of two percentages: from 50% to 55% is five points"),
    ("Progress points", "How much further pupils got by age 11 than pupils who started level with "
     "them, on the Department's scale"),
    ("Release", "How final the results are: returned by schools, provisional, revised or final"),
    ("Standard deviation", "A usual measure of how much schools differ from each other"),
)  # fmt: skip


def make_tables(
    report: Report,
    programmes: Sequence[Programme],
    results: Mapping[str, ProgrammeResults],
    sources: pd.DataFrame | None = None,
) -> dict[str, PaperTable]:
    """Give the tables that are of no one programme, by name."""
    return {
        "actions": table_actions(report),
        "programmes": table_programmes(report, programmes, results),
        "verdicts": table_verdicts(),
        "glossary": make_table(
            pd.DataFrame(GLOSSARY, columns=["Words", "Meaning"]),
            caption="What the words mean", widths=(1.2, 4.0),
        ),
        "sources": table_sources(report, sources),
    }  # fmt: skip


def table_actions(report: Report) -> PaperTable:
    """Give what the last meeting asked for, and how each is answered.

    Raises `DesignError` for an answer with a result typed by hand: what moves belongs in a hole.
    """
    where = f"reports/{report.slug}.yml: `actions`"
    problems = [
        f"no. {number}: {problem}"
        for number, action in enumerate(report.actions, start=1)
        for _, _, problem in find_typed_results(action.answer)
    ]
    if problems:
        raise DesignError(f"{where}, {' '.join(problems)}")
    rows = [
        (f"{action.asked} ({action.by})" if action.by else action.asked,
         action.answer.strip() or TO_ANSWER)
        for action in report.actions
    ]  # fmt: skip
    return make_table(
        pd.DataFrame(rows, columns=["What was asked for", "Where it stands"]),
        caption="Actions from the last meeting", widths=(2.4, 3.0),
        empty="None is recorded in the settings of this report.",
    )  # fmt: skip


def table_programmes(
    report: Report, programmes: Sequence[Programme], results: Mapping[str, ProgrammeResults]
) -> PaperTable:
    """Give all programmes in short: a column each, or a row each where they are many."""
    columns = {
        title: _in_short(programme, results[programme.slug], report.year)
        for title, programme in title_apart(programmes).items()
    }
    frame = pd.DataFrame(columns, index=pd.Index(list(IN_SHORT), name="About"))
    if len(programmes) > MOST_BESIDE:
        frame = frame.T.rename_axis("Programme")[["For whom", "What moved", "How sure"]]
    widths = (0.9, *[2.6] * len(frame.columns))
    caption = f"The programmes in {school_year(report.year)}"
    return make_table(frame.reset_index(), caption=caption, widths=widths)


def title_apart(programmes: Sequence[Programme]) -> dict[str, Programme]:
    """Give programmes by their titles; of two with one title each carries its short name too."""
    said = [programme.title for programme in programmes]
    return {p.title if said.count(p.title) == 1 else f"{p.title} ({p.slug})": p for p in programmes}


def _in_short(programme: Programme, found: ProgrammeResults, year: int) -> list[str]:
    first = evidence.list_results(programme, found, year)[programme.primary]
    named = evidence.count_members(found)
    moved = f"{outcome_label(first.outcome)}: {short_result(first)}"
    worth = found.value if len(found.value) else pd.DataFrame(columns=["question", "answer"])
    months = worth.loc[worth["question"] == MONTHS, "answer"]
    return [
        programme.summary.strip() or "Not yet described in its settings file",
        f"{count_words(named, f'{programme.phase} school')}; {first.n_schools} can be compared",
        cost_words(programme, named),
        moved[0].upper() + moved[1:],
        f"{first.verdict.capitalize() or 'No estimate'}. {sure_words(first)}",
        str(months.iloc[0]) if len(months) else "Not worked out in this run",
    ]


def table_verdicts() -> PaperTable:
    """Give the five verdicts and what each means."""
    frame = pd.DataFrame(list(LADDER.items()), columns=["We say that schools", "When"])
    return make_table(frame, caption="The five verdicts, and when each is used", widths=(1.2, 4.0))


def table_sources(report: Report, sources: pd.DataFrame | None = None) -> PaperTable:
    """Give the files the paper rests on, with the start of each one's hash."""
    if sources is None:
        lines = [line.model_dump() for line in report.sources]
        sources = pd.DataFrame(lines)
    rows = [
        (
            KINDS.get(str(row["kind"]), str(row["kind"])),
            school_year(int(row["year"])) if row["year"] == row["year"] and row["year"] else "none",
            str(row["release"]) if is_said(row["release"]) else "none",
            str(row["file"]).replace("\\", "/").rsplit("/", 1)[-1],
            str(row["sha256"])[:12] if is_said(row["sha256"]) else "not recorded",
        )
        for row in sources.to_dict("records")
    ]
    return make_table(
        pd.DataFrame(rows, columns=["What", "School year", "Release", "File", "SHA-256 begins"]),
        caption="Published files this paper rests on", widths=(2.0, 1.0, 0.9, 2.6, 1.3),
    )  # fmt: skip

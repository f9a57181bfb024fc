"""What the paper says of its own making: what changed since, what was planned, who checked it."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pandas as pd

from pepstats.document import Entry, PaperTable, find_typed_results, make_table
from pepstats.errors import DesignError
from pepstats.formatting import (
    count_words,
    format_interval,
    format_number,
    join_words,
    long_date,
    school_year,
)
from pepstats.impact import LADDER
from pepstats.measures import find_measure, outcome_label
from pepstats.report.edition import ProgrammeResults, Reads, count_members, is_said, list_results
from pepstats.report.programme_tables import cost_words
from pepstats.report.wording import short_result, sure_words
from pepstats.settings import (
    Programme,
    Report,
    load_quality,
    load_report,
    say_sign_off,
    tabulate_quality,
)

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


def make_board_tables(
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
    first = list_results(programme, found, year)[programme.primary]
    named = count_members(found)
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


FIRST = "This is the first paper on these results."

NOT_RUN = "The earlier report has not been run here, so what changed cannot be shown."

NO_PLAN = "no plan was written before results were read"

COUNTED = "pupils"  # the unit of measures that are no results, only numbers

LOGGED = {
    # a part of the quality log: its caption, and what is said where it is empty
    "assumptions": ("What is assumed, the weakest first", "No assumption has been written down."),
    "decisions": ("What was decided, and why", "No decision has been written down."),
    "checks": ("What was checked", "No check has been written down."),
    "sign-off": ("Who stands for the analysis", "Nobody has signed."),
}

WIDE = {"Number": 0.6, "Date": 0.8, "Kind": 0.9, "By": 1.2, "When": 0.9, "Role": 1.3, "Who": 1.5}


@dataclass(frozen=True)
class Provenance:
    """What is known of a paper's own making; empty where nothing was written down.

    Attributes
    ----------
    revises
        The meeting that the report revised by this one went to; None for a first report.
    results
        One row per measure: what the authority's results were then and are now.
    effects
        For each programme, one row per outcome: what was concluded then and is now.
    plans
        For each programme, one row per thing fixed beforehand: `item`, `planned`, `done`,
        `followed`.
    planned
        For each programme, whether its plan was followed, in a sentence.
    quality
        The parts of the quality log, each as readers see it.
    signed
        Who made and who checked the analysis, in a sentence.
    """

    revises: datetime.date | None = None
    results: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    effects: Mapping[str, pd.DataFrame] = field(default_factory=dict, repr=False)
    plans: Mapping[str, pd.DataFrame] = field(default_factory=dict, repr=False)
    planned: Mapping[str, str] = field(default_factory=dict)
    quality: Mapping[str, pd.DataFrame] = field(default_factory=dict, repr=False)
    signed: str = say_sign_off(None)

    @property
    def not_run(self) -> bool:
        """Whether there is an earlier report, but no run of it that this one could be set beside.

        With one, a programme's bridge has a row for every outcome, also for one it lacks.
        """
        found = [self.results, *self.effects.values()]
        return self.revises is not None and all(table.empty for table in found)


class Makes(Reads, Protocol):
    """A step of a run that also knows its report and its data folder."""

    @property
    def report(self) -> Report:
        """The report's settings."""

    def reading(self, *names: str) -> Path:
        """Give the data folder to read these files from."""


def collect_provenance(step: Makes, programmes: Sequence[Programme]) -> Provenance:
    """Read what the notebooks, the plan and the quality log know of a paper's own making."""
    slugs = [programme.slug for programme in programmes]
    plans = {slug: step.read_table("03-match-schools", "plan", slug) for slug in slugs}
    slug = step.report.slug
    log = load_quality(slug, step.reading("quality.yml", f"quality/{slug}.yml"))
    return Provenance(
        revises=_find_meeting(step),
        results=step.read_table("01-clean-sources", "bridge"),
        effects={slug: step.read_table("04-estimate-effect", "bridge", slug) for slug in slugs},
        plans=plans,
        planned={slug: say_plan(plan) for slug, plan in plans.items()},
        quality={} if log is None else tabulate_quality(log),
        signed=say_sign_off(log),
    )


def _find_meeting(step: Makes) -> datetime.date | None:
    """Find the day of the meeting that the report revised by this one went to, if any."""
    before = step.report.revises
    if before is None:
        return None
    return load_report(before, step.reading(f"reports/{before}.yml")).meeting.date


def make_provenance_entries(
    record: Provenance, programmes: Sequence[Programme]
) -> dict[str, Entry]:
    """Give everything the paper may say of its own making, by name."""
    entries = {
        "report.changed": Entry(None, changed_sentence(record), "04-estimate-effect/bridge.csv"),
        "quality.signed": Entry(None, record.signed, "quality.yml"),
    }
    for programme in programmes:
        slug = programme.slug
        entries[f"{slug}.changed"] = Entry(
            None, changed_words(record, programme), f"04-estimate-effect/{slug}/bridge.csv"
        )
        entries[f"{slug}.planned"] = Entry(
            None,
            record.planned.get(slug, say_plan(pd.DataFrame())),
            f"03-match-schools/{slug}/plan.csv",
        )
    return entries


def make_provenance_tables(
    record: Provenance, programmes: Sequence[Programme]
) -> dict[str, PaperTable]:
    """Give every table of a paper's own making, by name."""
    tables = {"report.results-changed": table_results(record)}
    for name, (caption, empty) in LOGGED.items():
        frame = record.quality.get(name, pd.DataFrame(columns=["Nothing"]))
        widths = [WIDE.get(str(column), 2.0) for column in frame]
        tables[f"quality.{name}"] = make_table(frame, caption=caption, empty=empty, widths=widths)
    for programme in programmes:
        slug = programme.slug
        tables[f"{slug}.changed"] = table_effects(programme, record)
        tables[f"{slug}.plan"] = table_plan(programme, record.plans.get(slug, pd.DataFrame()))
    return tables


def changed_sentence(record: Provenance) -> str:
    """Say how many estimates of all programmes moved since the last report, and verdicts too."""
    if record.revises is None:
        return FIRST
    if record.not_run:
        return NOT_RUN
    found = [table for table in record.effects.values() if len(table)]
    rows = pd.concat(found) if found else pd.DataFrame(columns=["moved", "verdict_changed"])
    moved, flipped = (int(rows[name].astype(bool).sum()) for name in ("moved", "verdict_changed"))
    verdicts = {0: "No verdict changed", 1: "One verdict changed"}.get(
        flipped, f"{flipped} verdicts changed"
    )
    return (
        f"This paper revises the one of {long_date(record.revises)}, from later releases of the "
        f"same results. {moved} of {count_words(len(rows), 'estimate')} moved. {verdicts}."
    )


def changed_words(record: Provenance, programme: Programme) -> str:
    """Say what became of a programme's main estimate, and name any other verdict that changed."""
    if record.revises is None:
        return FIRST
    if record.not_run:
        return NOT_RUN
    table = record.effects.get(programme.slug, pd.DataFrame())
    if table.empty:
        return "There is nothing to compare with: the last paper had no estimate of it."
    rows = table.to_dict("records")
    first = [row["said"] for row in rows if row["outcome"] == programme.primary]
    others = [row["said"] for row in rows
              if row["outcome"] != programme.primary and row["verdict_changed"]]  # fmt: skip
    return " ".join([*first, *others])


def table_effects(programme: Programme, record: Provenance) -> PaperTable:
    """Give a programme's estimates in the last report beside those of this one."""
    table = record.effects.get(programme.slug, pd.DataFrame())
    rows = [
        (
            outcome_label(str(row["outcome"])),
            _estimate(row, "before"),
            _estimate(row, "after"),
            format_number(row["change"], find_measure(str(row["outcome"])).decimals, signed=True),
            f"{row['verdict_after']} (was: {row['verdict_before']})"
            if row["verdict_changed"]
            else f"still {row['verdict_after']}",
        )
        for row in table.to_dict("records")
    ]
    then = _day(record)
    columns = ["Outcome", then, "Now", "Change", "Verdict"]
    return make_table(
        pd.DataFrame(rows, columns=columns), caption=f"{programme.title}: what changed since",
        note=_how(table), empty=NOT_RUN if record.not_run else "There was no estimate before.",
        numeric=["Change"],
        widths=(1.9, 1.5, 1.5, 0.8, 1.7),
    )  # fmt: skip


def table_results(record: Provenance) -> PaperTable:
    """Give the authority's results as they were in the last report and as they are now.

    Only what has a later release, or moved. Means over the schools that have the result in both, so
    that no change comes from who counts.
    """
    shown = record.results
    if len(shown):
        whole = ~shown["measure"].str.contains(".", regex=False) & (shown["unit"] != COUNTED)
        later = (shown["release_before"] != shown["release_after"]) | (shown["schools_moved"] > 0)
        shown = shown[whole & later & (shown["in_both"] > 0)]
    rows = [
        (
            outcome_label(str(row["measure"])),
            str(int(row["in_both"])),
            *(format_number(row[when], find_measure(str(row["measure"])).decimals)
              for when in ("before", "after")),
            format_number(row["change"], find_measure(str(row["measure"])).decimals, signed=True),
            f"{row['release_before']}, now {row['release_after']}",
        )
        for row in shown.to_dict("records")
    ]  # fmt: skip
    columns = ["Result", "Schools", _day(record), "Now", "Change", "Release"]
    return make_table(
        pd.DataFrame(rows, columns=columns), caption="The authority's own results, then and now",
        note="Each is the average of the schools that had the result both times, every school "
        "counted once." if rows else "",
        empty=_why_no_results(record), numeric=columns[1:5],
        widths=(2.4, 0.7, 1.1, 0.7, 0.8, 1.5),
    )  # fmt: skip


def _why_no_results(record: Provenance) -> str:
    """Say why there are no earlier results to show: a release may hold those of no school."""
    if record.not_run:
        return NOT_RUN
    if record.revises is not None and record.results.empty:
        return "The earlier report was released without the results of single schools."
    return "No result was known before."


def say_plan(held: pd.DataFrame) -> str:
    """Say in a sentence whether a run followed its plan, and in what it did not."""
    if held.empty or held["planned"].eq(NO_PLAN).any():
        return f"For this report {NO_PLAN}."
    when, seal = held.loc[held["item"] == "plan", "planned"].iloc[0].split(", ")
    departs = held.loc[held["followed"] == "no", "item"].tolist()
    about = f"the plan of {when[:10]} (its hash begins {seal})"
    if not departs:
        return f"The run followed {about}, written before results were read."
    return f"The run departs from {about} in: {', '.join(departs)}."


def table_plan(programme: Programme, plan: pd.DataFrame) -> PaperTable:
    """Give what was fixed beforehand, and where the run departs from it."""
    rows = [
        (str(row["item"]).capitalize(), "Yes")
        if row["followed"] == "yes"
        else (str(row["item"]).capitalize(), f"No: {row['planned']}; done: {row['done']}")
        for row in plan.to_dict("records")
        if row["done"] == row["done"] and row["done"]
    ]
    return make_table(
        pd.DataFrame(rows, columns=["Fixed beforehand", "Done so"]),
        caption=f"{programme.title}: whether it was done as planned",
        empty="There is no plan to set it beside.",
        widths=(2.0, 4.0),
    )  # fmt: skip


def _estimate(row: Mapping[str, object], when: str) -> str:
    places = find_measure(str(row["outcome"])).decimals
    size, low, high = (float(str(row[f"{name}_{when}"])) for name in ("estimate", "low", "high"))
    if size != size:
        return "no estimate"
    return f"{format_number(size, places, signed=True)} ({format_interval(low, high, places)})"


def _how(table: pd.DataFrame) -> str:
    """Say how estimates were found then and now, and from which results."""
    if table.empty:
        return ""
    then, now = (
        join_words(dict.fromkeys(f"{release} results, {mode}" for release, mode in
                                 zip(table[f"release_{when}"], table[f"mode_{when}"], strict=True)
                                 if mode != "no estimate"))
        for when in ("before", "after")
    )  # fmt: skip
    return f"Then: {then}. Now: {now}. In brackets, the 95% interval."


def _day(record: Provenance) -> str:
    return "Then" if record.revises is None else f"On {long_date(record.revises)}"

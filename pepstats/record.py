"""What the paper says of its own making: what changed since, what was planned, who checked it."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pandas as pd

from pepstats.autumn import Report, load_report
from pepstats.blocks import Entry, PaperTable, make_table
from pepstats.evidence import Reads
from pepstats.programme import Programme
from pepstats.quality import load_quality, say_sign_off, tabulate_quality
from pepstats.words import (
    count_words,
    list_words,
    long_date,
    measure,
    outcome_label,
    show,
    show_span,
)

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
class Record:
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


def collect_record(step: Makes, programmes: Sequence[Programme]) -> Record:
    """Read what the notebooks, the plan and the quality log know of a paper's own making."""
    slugs = [programme.slug for programme in programmes]
    plans = {slug: step.read_table("03-match-schools", "plan", slug) for slug in slugs}
    slug = step.report.slug
    log = load_quality(slug, step.reading("quality.yml", f"quality/{slug}.yml"))
    return Record(
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


def make_entries(record: Record, programmes: Sequence[Programme]) -> dict[str, Entry]:
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


def make_tables(record: Record, programmes: Sequence[Programme]) -> dict[str, PaperTable]:
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


def changed_sentence(record: Record) -> str:
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


def changed_words(record: Record, programme: Programme) -> str:
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


def table_effects(programme: Programme, record: Record) -> PaperTable:
    """Give a programme's estimates in the last report beside those of this one."""
    table = record.effects.get(programme.slug, pd.DataFrame())
    rows = [
        (
            outcome_label(str(row["outcome"])),
            _estimate(row, "before"),
            _estimate(row, "after"),
            show(row["change"], measure(str(row["outcome"])).decimals, signed=True),
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


def table_results(record: Record) -> PaperTable:
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
            *(show(row[when], measure(str(row["measure"])).decimals)
              for when in ("before", "after")),
            show(row["change"], measure(str(row["measure"])).decimals, signed=True),
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


def _why_no_results(record: Record) -> str:
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
    places = measure(str(row["outcome"])).decimals
    size, low, high = (float(str(row[f"{name}_{when}"])) for name in ("estimate", "low", "high"))
    if size != size:
        return "no estimate"
    return f"{show(size, places, signed=True)} ({show_span(low, high, places)})"


def _how(table: pd.DataFrame) -> str:
    """Say how estimates were found then and now, and from which results."""
    if table.empty:
        return ""
    then, now = (
        list_words(dict.fromkeys(f"{release} results, {mode}" for release, mode in
                                 zip(table[f"release_{when}"], table[f"mode_{when}"], strict=True)
                                 if mode != "no estimate"))
        for when in ("before", "after")
    )  # fmt: skip
    return f"Then: {then}. Now: {now}. In brackets, the 95% interval."


def _day(record: Record) -> str:
    return "Then" if record.revises is None else f"On {long_date(record.revises)}"

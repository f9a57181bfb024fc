"""What the paper says of its own making: what changed since, what was planned, who checked it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from pepstats.document import (
    DASH,
    Cell,
    Entry,
    PaperTable,
    figure,
    find_typed_results,
    interval,
    make_table,
    with_interval,
)
from pepstats.errors import DesignError
from pepstats.formatting import (
    count_words,
    format_day,
    format_number,
    join_words,
    long_date,
    round_half_up,
    school_year,
    spell_number,
)
from pepstats.impact import HOW, LADDER
from pepstats.measures import find_measure, name_pupils, outcome_label
from pepstats.report.edition import (
    BLIND,
    NO_PLAN,
    NOT_RUN,
    Chapter,
    Edition,
    Provenance,
    is_planned,
)
from pepstats.report.group_sentences import whose_sentence
from pepstats.report.programme_tables import cost_words, whom_words
from pepstats.report.sentences import interval_words, outcome_words, short_result, verdict_words
from pepstats.settings import Programme, Report

IN_SHORT = ("What was done", "For whom", "Cost", "Result", "Verdict", "Months of progress")
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

NOT_PUBLIC = ("local_results", "members", "statements", "support")

GLOSSARY = (
    ("Comparison schools", "Schools elsewhere that were most like a programme's schools before it "
     "started, and were in none of the programmes"),
    ("Group without the programme", "A group of schools in another authority, chosen in the same "
     "way, where the programme did not run. Many such groups show what chance alone can do"),
    ("Likely range", "The 95% interval: the sizes of effect that the results do not rule out. A "
     "wide range means that little can be said"),
    ("Percentage points", "The difference of two percentages: from 50% to 55% is five points"),
    ("Progress points", "How much further pupils got by age 11 than pupils who started level with "
     "them, on the Department's scale"),
    ("Release", "How final the results are: returned by schools, provisional, revised or final"),
    ("Standard deviation", "A usual measure of how much schools differ from each other"),
)  # fmt: skip


def make_board_tables(edition: Edition) -> dict[str, PaperTable]:
    """Make the tables that are of no one programme, by name."""
    return {
        "actions": table_actions(edition.report),
        "programmes": table_programmes(edition),
        "verdicts": make_table(
            "The five verdicts, and when each is used",
            {"We say that schools": 1.2, "When": 4.0},
            LADDER.items(),
        ),
        "glossary": make_table("What the words mean", {"Words": 1.2, "Meaning": 4.0}, GLOSSARY),
        "sources": table_sources(edition.report),
        "planted": table_planted(edition),
    }


def table_planted(edition: Edition) -> PaperTable:
    """Set what was planted in an invented study beside what was found of it."""
    columns = {"Programme": 1.4, "Outcome": 2.4, "Really added": 1.0, "Estimate": 1.0,
               "95% interval": 1.2, "Verdict": 1.3}  # fmt: skip
    rows = []
    for chapter in edition.chapters:
        planted = edition.report.planted.get(chapter.programme.whole, {})
        for result in chapter.results.values():
            if result.outcome in planted and result.known:
                rows.append((
                    chapter.programme.title, outcome_label(result.outcome),
                    figure(planted[result.outcome], result.places, signed=True),
                    figure(result.estimate, result.places, signed=True),
                    interval(result.low, result.high, result.places),
                    result.verdict,
                ))  # fmt: skip
    return make_table(
        "What was really added to these invented schools' results, and what was found",
        columns, rows, empty="Nothing is known to have been added.",
    )  # fmt: skip


def table_actions(report: Report) -> PaperTable:
    """List what the last meeting asked for, and how each is answered.

    Raises `DesignError` for an answer with a result typed by hand: what moves belongs in a hole.
    """
    problems = [
        f"no. {number}: {problem}"
        for number, action in enumerate(report.actions, start=1)
        for _, _, problem in find_typed_results(action.answer)
    ]
    if problems:
        raise DesignError(f"reports/{report.slug}.yml: `actions`, {' '.join(problems)}")
    rows = [
        (f"{action.asked} ({action.by})" if action.by else action.asked,
         action.answer.strip() or TO_ANSWER)
        for action in report.actions
    ]  # fmt: skip
    columns = {"What was asked for": 2.4, "Where it stands": 3.0}
    empty = ""
    return make_table("What was asked of this evaluation", columns, rows, empty=empty)


def table_programmes(edition: Edition) -> PaperTable:
    """Show all programmes in short: a column each, or a row each where they are many."""
    columns = {title: _in_short(one) for title, one in title_apart(edition.chapters).items()}
    frame = pd.DataFrame(columns, index=pd.Index(list(IN_SHORT), name="About"))
    if len(columns) > MOST_BESIDE:
        frame = frame.T.rename_axis("Programme")[["For whom", "Result", "Verdict"]]
    widths = {str(frame.index.name): 0.9, **dict.fromkeys(frame.columns, 2.6)}
    caption = f"The programmes in {school_year(edition.report.year)}"
    return make_table(caption, widths, frame.itertuples())


def title_apart(chapters: Sequence[Chapter]) -> dict[str, Chapter]:
    """Return programmes by title; of two with one title each carries its short name too."""
    said = [one.programme.title for one in chapters]
    return {
        title if said.count(title) == 1 else f"{title} ({one.programme.slug})": one
        for title, one in zip(said, chapters, strict=True)
    }


def _in_short(chapter: Chapter) -> list[str]:
    programme, found, first = chapter.programme, chapter.found, chapter.primary
    found_words = f"{outcome_label(first.outcome)}: {short_result(first)}"
    found_words = ". ".join(filter(None, [found_words, whose_sentence(chapter)]))
    months = [
        str(row["answer"]) for row in found.value.to_dict("records") if row["question"] == MONTHS
    ]
    return [
        programme.summary.strip() or DASH,
        whom_words(chapter, "can be compared"),
        cost_words(programme, found.named),
        found_words[0].upper() + found_words[1:],
        verdict_words(first),
        months[0] if months else DASH,
    ]


def table_sources(report: Report) -> PaperTable:
    """List the files the paper rests on, with the start of each one's hash."""
    hashed = any(line.sha256 for line in report.sources)
    rows = [
        (
            KINDS.get(line.kind, line.kind),
            school_year(line.year) if line.year else DASH,
            line.release or DASH,
            str(line.file).replace("\\", "/").rsplit("/", 1)[-1],
            *([_seal(line.kind, line.sha256)] if hashed else []),
        )
        for line in report.sources
    ]
    columns = {"What": 2.0, "School year": 1.0, "Release": 0.9, "File": 2.6}
    if hashed:
        columns["SHA-256 begins"] = 1.3
    return make_table("Files this paper rests on", columns, rows)


def _seal(kind: str, sha256: str | None) -> str:
    """Return the start of a file's hash, of a file that is not public that it is not."""
    if kind in NOT_PUBLIC:
        return "not public"
    return sha256[:12] if sha256 else DASH


COUNTED = "pupils"  # the unit of measures that are no results, only numbers

LOGGED = {
    # a part of the quality log: its caption, and what is said where it is empty
    "assumptions": ("What is assumed, the weakest first", "No assumption has been written down."),
    "decisions": ("What was decided, and why", "No decision has been written down."),
    "checks": ("What was checked", "No check has been written down."),
    "sign-off": ("Who stands for the analysis", "Nobody has signed."),
}

WIDE = {"Number": 0.6, "Date": 0.8, "Kind": 0.9, "By": 1.2, "When": 0.9, "Role": 1.3, "Who": 1.5}


def make_provenance_entries(
    record: Provenance, programmes: Sequence[Programme]
) -> dict[str, Entry]:
    """Write everything the paper may say of its own making, by name."""
    entries = {
        "report.changed": Entry(None, changed_sentence(record), "04-estimate-effect/bridge.csv"),
        "quality.signed": Entry(None, record.signed, "quality.yml"),
    }
    for programme in programmes:
        slug = programme.slug
        changed, planned = changed_words(record, programme), say_plan(plan_of(record, slug))
        entries |= {
            f"{slug}.changed": Entry(None, changed, f"04-estimate-effect/{slug}/bridge.csv"),
            f"{slug}.planned": Entry(None, planned, f"03-match-schools/{slug}/plan.csv"),
        }
    return entries


def plan_of(record: Provenance, slug: str) -> pd.DataFrame:
    """Return what was fixed beforehand for a programme, empty where nothing was."""
    return record.plans.get(slug, pd.DataFrame())


def make_provenance_tables(
    record: Provenance, programmes: Sequence[Programme]
) -> dict[str, PaperTable]:
    """Make every table of a paper's own making, by name."""
    tables = {"report.results-changed": table_results(record)}
    for name, (caption, empty) in LOGGED.items():
        frame = record.quality.get(name, pd.DataFrame(columns=["Nothing"]))
        columns = {str(column): WIDE.get(str(column), 2.0) for column in frame}
        rows = frame.itertuples(index=False)
        tables[f"quality.{name}"] = make_table(caption, columns, rows, empty=empty)
    for programme in programmes:
        slug = programme.slug
        tables[f"{slug}.changed"] = table_effect_changes(programme, record)
        tables[f"{slug}.plan"] = table_plan(programme, plan_of(record, slug))
    return tables


def changed_sentence(record: Provenance) -> str:
    """Write how many estimates of all programmes moved since the last report, and verdicts too."""
    if record.revises is None or record.not_run:
        return record.why_nothing
    found = [table for table in record.effects.values() if len(table)]
    names = ["estimate_before", "estimate_after", "moved", "verdict_changed"]
    rows = pd.concat(found) if found else pd.DataFrame(columns=names)
    both = rows[rows["estimate_before"].notna() & rows["estimate_after"].notna()]
    moved, flipped = (int(both[name].astype(bool).sum()) for name in ("moved", "verdict_changed"))
    new = int((rows["estimate_before"].isna() & rows["estimate_after"].notna()).sum())
    gone = int((rows["estimate_before"].notna() & rows["estimate_after"].isna()).sum())
    verdicts = {0: "no verdict changed", 1: "one verdict changed"}.get(
        flipped, f"{spell_number(flipped)} verdicts changed"
    )
    return (
        f"This paper revises the one of {long_date(record.revises)}, using results published "
        f"since. {_moved_sentence(len(both), moved)}{f'; {verdicts}' if len(both) else ''}."
        + (f" {_another(new)} not shown before results were published." if new else "")
        + (f" {spell_number(gone).capitalize()} can no longer be given." if gone else "")
    )


def _another(number: int) -> str:
    many = f"{spell_number(number).capitalize()} more estimates were"
    return "One more estimate was" if number == 1 else many


def _moved_sentence(number: int, moved: int) -> str:
    """Write how many of the estimates that both papers have changed."""
    if number < 2:
        one = "The one estimate in both papers " + ("changed" if moved else "did not change")
        return one if number else "No estimate is in both papers"
    few = {0: "none", number: "both" if number == 2 else "all"}.get(moved, spell_number(moved))
    return f"Of the {spell_number(number)} estimates in both papers, {few} changed"


def changed_words(record: Provenance, programme: Programme) -> str:
    """Write what became of a programme's main estimate, and of any other verdict that changed."""
    if record.why_nothing:  # said once, of the whole paper
        return ""
    table = record.effects.get(programme.slug, pd.DataFrame())
    if table.empty:
        return "There is nothing to compare with: the last paper had no estimate of it."
    rows = table.to_dict("records")
    first = [row for row in rows if row["outcome"] == programme.primary]
    others = [row for row in rows
              if row["outcome"] != programme.primary and row["verdict_changed"]]  # fmt: skip
    return " ".join([f"{programme.title}.", *map(_say_change, [*first, *others])])


def _say_change(row: Mapping[Any, Any]) -> str:
    """Write what became of one estimate since the last paper, and of its verdict."""
    measure = find_measure(str(row["outcome"]))
    what = outcome_words(str(row["outcome"]))
    said = f"For {name_pupils(str(row['outcome']))}, the estimate for {what}"
    before, after = (
        format_number(row[f"estimate_{when}"], measure.decimals, signed=True)
        if pd.notna(row[f"estimate_{when}"]) else "" for when in ("before", "after")
    )  # fmt: skip
    if not after:
        return f"{said} can no longer be given."
    then, now = (
        f"({interval_words(row[f'low_{when}'], row[f'high_{when}'], measure.decimals)}; "
        f"{count_words(int(row[f'n_schools_{when}']), 'school')}; {row[f'release_{when}']} results)"
        if size else "" for when, size in (("before", before), ("after", after))
    )  # fmt: skip
    now = f"{after} {measure.unit} {now}"
    if not before:
        new = f"{said}, not in the public edition before, is {now}."
        return f"{new} The verdict: {row['verdict_after']}."
    changed = f"changed from {before} {then} to {now}"
    words = [f"{said} {changed if before != after else f'is still {now}'}."]
    if row["mode_before"] != row["mode_after"]:
        how = (HOW[str(row[f"mode_{when}"])] for when in ("before", "after"))
        words.append("Before, schools were {}; now, {}: the two are not alike.".format(*how))
    if row["verdict_changed"]:
        words.append(f"The verdict changed from {row['verdict_before']} to {row['verdict_after']}.")
    else:
        words.append(f"The verdict is still: {row['verdict_after']}.")
    return " ".join(words)


def table_effect_changes(programme: Programme, record: Provenance) -> PaperTable:
    """Set a programme's estimates in the last report beside those of this one."""
    table = record.effects.get(programme.slug, pd.DataFrame())
    rows = [
        (
            outcome_label(str(row["outcome"])),
            *(_estimate(row, when) for when in ("before", "after")),
            _change(row, "estimate_before", "estimate_after"),
            f"{row['verdict_after']} (was: {row['verdict_before']})"
            if row["verdict_changed"]
            else f"still {row['verdict_after']}",
        )
        for row in table.to_dict("records")
    ]
    caption = f"{programme.title}: what changed since"
    columns = {"Outcome": 1.9, _day(record): 1.5, "Now": 1.5, "Change": 0.8, "Verdict": 1.7}
    empty = NOT_RUN if record.not_run else "There was no estimate before."
    return make_table(caption, columns, rows, note=_how(table), empty=empty)


def table_results(record: Provenance) -> PaperTable:
    """Set the authority's results in the last report beside those of now.

    Only what has a later release, or moved. Means over the schools that have the result in both, so
    that no change comes from who counts.
    """
    shown = record.results
    if len(shown):
        whole = ~shown["measure"].str.contains(".", regex=False) & (shown["unit"] != COUNTED)
        later = (shown["release_before"] != shown["release_after"]) | (shown["schools_moved"] > 0)
        shown = shown[whole & later & (shown["in_both"] > 0)].assign(outcome=shown["measure"])
    rows = [
        (
            outcome_label(str(row["outcome"])),
            figure(row["in_both"]),
            _figure(row, "before"),
            _figure(row, "after"),
            _change(row, "before", "after"),
            f"{row['release_before']}, now {row['release_after']}",
        )
        for row in shown.to_dict("records")
    ]
    then = _day(record)
    return make_table(
        "The authority's own results, then and now",
        {"Result": 2.4, "Schools": 0.7, then: 1.1, "Now": 0.7, "Change": 0.8, "Release": 1.5},
        rows,
        note="Each is the average of the schools that had the result both times, every school "
        "counted once." if rows else "",
        empty=_why_no_results(record),
    )  # fmt: skip


def _figure(row: Mapping[Any, Any], name: str) -> Cell:
    return figure(row[name], find_measure(str(row["outcome"])).decimals)


def _change(row: Mapping[Any, Any], before: str, after: str) -> Cell:
    """Write a change as its two ends are printed, so that it is what they differ by."""
    places = find_measure(str(row["outcome"])).decimals
    if pd.isna(row[before]) or pd.isna(row[after]):
        return DASH
    ends = (float(round_half_up(row[name], places)) for name in (after, before))
    return figure(next(ends) - next(ends), places, signed=True)


def _why_no_results(record: Provenance) -> str:
    """Write why there are no earlier results to show: a release may hold those of no school."""
    if record.not_run:
        return NOT_RUN
    if record.revises is not None and record.results.empty:
        return "The earlier report was released without the results of single schools."
    return "No result was known before."


def say_plan(held: pd.DataFrame) -> str:
    """Write whether a run followed its plan, and in what it did not."""
    if held.empty or held["planned"].eq(NO_PLAN).any():
        return f"For this report {NO_PLAN}."
    when, seal = held.loc[held["item"] == "plan", "planned"].iloc[0].split(", ")
    departs = held.loc[(held["followed"] == "no") & (held["item"] != BLIND), "item"].tolist()
    known = "before results were read" if is_planned(held) else "with results already at hand"
    about = f"the plan written on {format_day(when[:10])} {known} (seal {seal})"
    if not departs:
        return f"The evaluation followed {about}."
    return f"The evaluation departs from {about} in: {', '.join(departs)}."


def table_plan(programme: Programme, plan: pd.DataFrame) -> PaperTable:
    """List what was fixed beforehand, and where the run departs from it."""
    rows = [
        (
            str(row["item"]).capitalize(),
            "Yes" if row["followed"] == "yes" else f"No: {row['planned']}; done: {row['done']}",
        )
        for row in plan.to_dict("records")
        if row["done"] == row["done"] and row["done"]
    ]
    caption = f"{programme.title}: whether it was done as planned"
    columns = {"Fixed beforehand": 2.0, "Done so": 4.0}
    moved = set(plan.loc[plan["followed"] == "no", "item"]) if len(plan) else set()
    note = (
        "Settings are as planned. Files that came later say which numbers are one school and which "
        "schools have closed, so a few schools and pairs can be others."
        if moved and moved <= {BLIND, "schools in the pool", "pairs"} and moved != {BLIND}
        else ""
    )
    return make_table(caption, columns, rows, note=note, empty="There is no plan to set it beside.")


def _estimate(row: Mapping[Any, Any], when: str) -> Cell:
    places = find_measure(str(row["outcome"])).decimals
    found = (row[f"{name}_{when}"] for name in ("estimate", "low", "high"))
    return with_interval(found, places, none="no estimate")


def _how(table: pd.DataFrame) -> str:
    """Write how estimates were found then and now, and from which results."""
    if table.empty:
        return ""
    then, now = (
        join_words(dict.fromkeys(f"{release} results, {HOW[mode]}" for release, mode in
                                 zip(table[f"release_{when}"], table[f"mode_{when}"], strict=True)
                                 if "no estimate" not in (release, mode)))
        for when in ("before", "after")
    )  # fmt: skip
    return f"Then: {then}. Now: {now}. In brackets, the 95% interval."


def _day(record: Provenance) -> str:
    return "Then" if record.revises is None else f"On {long_date(record.revises)}"


# What the paper rests on --------------------------------------------------------------------------

CLOSED = ("local_results", "statements")  # kinds of file that hold exempt information


def background_sentence(report: Report) -> str:
    """List the files a report rests on as a sentence: each kind and each year of it once."""
    kinds: dict[str, dict[str, None]] = {}
    for line in report.sources:
        when = school_year(line.year) if line.year else ""
        kinds.setdefault(line.kind, {})[when] = None
    said = {
        kind: " ".join([KINDS.get(kind, kind), *filter(None, [join_words(filter(None, whens))])])
        for kind, whens in kinds.items()
    }
    closed = [said.pop(kind) for kind in CLOSED if kind in said]
    words = f"{'; '.join(said.values())}. Appendix 3 lists each file."
    if closed:
        both = join_words([closed[0], *(f"{one[0].lower()}{one[1:]}" for one in closed[1:])])
        words += (
            f" {both} were also relied upon. They hold exempt information, so they are not open to "
            "inspection."
        )
    return words

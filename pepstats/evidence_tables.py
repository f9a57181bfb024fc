"""One programme's tables for readers, from the tables its notebooks wrote."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from pepstats import voices, worth_tables
from pepstats.balance import DEFINITION, SATISFIED, TOO_FAR
from pepstats.blocks import PaperTable, make_table
from pepstats.disclosure import View
from pepstats.evidence import (
    HELD_BACK,
    MOST_CASES,
    ProgrammeResults,
    breaks_sentence,
    count_members,
    is_said,
    label_schools,
    lines_of,
    may_show_schools,
)
from pepstats.programme import Programme
from pepstats.setting import KINDS
from pepstats.verdicts import EXPECTED
from pepstats.words import (
    Result,
    count_words,
    decimals_for,
    label_variable,
    list_words,
    measure,
    outcome_label,
    per_hundred,
    reader_words,
    school_year,
    show,
    show_pounds,
    show_span,
    sure_words,
)

NO_MONTHS = "Not worked out in this run"


def make_tables(
    programme: Programme,
    found: ProgrammeResults,
    results: Mapping[str, Result],
    view: View,
) -> dict[str, PaperTable]:
    """Give a programme's tables by name, each name beginning with the programme's."""
    primary = results[programme.primary]
    tables = {
        "summary": table_summary(programme, found, primary),
        "effects": table_effects(programme, results),
        "inputs": table_inputs(programme, results, found.effects),
        "lines": table_lines(programme, found, primary.year),
        "dots": table_dots(programme, found, primary),
        "balance": table_balance(programme, found.balance),
        "flow": table_flow(programme, found),
        "checks": table_checks(programme, found.checks, primary),
        "schools": table_schools(programme, found, results, view),
        "described": worth_tables.table_described(programme, found.described),
        "sizes": worth_tables.table_sizes(programme, found.sizes),
        "grades": worth_tables.table_grades(programme, found.grades),
        "calibration": table_calibration(programme, found.calibration),
        "themes": voices.table_themes(programme, found.statements, view),
        "cases": voices.table_cases(programme, found, results, view),
        "case-lines": voices.table_case_lines(programme, found, results, view),
    }
    for place in range(MOST_CASES):
        tables[f"case-{place + 1}"] = voices.table_case(programme, found, results, place, view)
    return {f"{programme.slug}.{name}": table for name, table in tables.items()}


def table_summary(programme: Programme, found: ProgrammeResults, result: Result) -> PaperTable:
    """Give a programme on a few lines: what, who, when, cost, what moved, how sure."""
    named = count_members(found)
    rows = [
        ("What was done", programme.summary.strip() or "Not yet described in its settings file"),
        ("For whom", f"{count_words(named, f'{programme.phase} school')}; "
         f"{result.n_schools} have results that can be compared"),
        ("When", f"First results that could show it: {school_year(programme.starts)}"),
        ("Cost", (grant_words if len(found.value) else cost_words)(programme, named)),
        ("What we looked at", f"{outcome_label(result.outcome)}, {school_year(result.year)}"),
        ("Verdict", f"{result.verdict.capitalize() or 'No estimate'}. {sure_words(result)}"),
    ]  # fmt: skip
    worth = [
        (str(row["question"]), str(row["answer"]))
        for row in found.value.to_dict("records")
        if row.get("entry") in (None, "months", "cost_per_pupil", "cost_per_target_pupil")
    ]
    rows += worth or [("Months of progress", NO_MONTHS)]
    frame = pd.DataFrame(rows, columns=["Question", "Answer"])
    return make_table(frame, caption=f"{programme.title}: in short", widths=(1.2, 4.0))


def grant_words(programme: Programme, schools: int) -> str:
    """Say what a programme cost, and what that is for each school."""
    grant = programme.cost.grant
    if grant is None:
        return "Not given in the programme's file"
    if programme.part_of:
        return f"A grant of {show_pounds(grant)} for both phases together"
    each = f", about {show_pounds(grant / schools)} for each school named" if schools else ""
    return f"A grant of {show_pounds(grant)}{each}"


def cost_words(programme: Programme, schools: int) -> str:
    """Say what a programme cost, for each school and, where it is known, for each pupil."""
    cost, words = programme.cost, grant_words(programme, schools)
    if cost.grant is None or programme.part_of or not cost.pupils:
        return words
    return f"{words} and {show_pounds(cost.grant / cost.pupils)} for each of {cost.pupils:,} pupils"


def table_effects(programme: Programme, results: Mapping[str, Result]) -> PaperTable:
    """Give every outcome with its interval, schools and verdict: one row each."""
    rows = []
    for result in results.values():
        places = decimals_for(result)
        size = (
            f"{show(result.estimate, places, signed=True)} {result.unit}"
            if result.known
            else "none"
        )
        span = show_span(result.low, result.high, places)
        rows.append((
            outcome_label(result.outcome), size, span, str(result.n_schools),
            result.verdict or "no estimate", result.release or "none",
        ))  # fmt: skip
    columns = ["Outcome", "Estimate", "95% interval", "Schools", "Verdict", "Release"]
    mode = next(iter(results.values())).mode
    return make_table(
        pd.DataFrame(rows, columns=columns),
        caption=f"{programme.title}: every outcome, {_mode_caption(mode)}, "
        f"{school_year(next(iter(results.values())).year)}",
        note=_effects_note(programme, results),
        numeric=["Schools"],
        widths=(2.4, 1.5, 1.3, 0.9, 1.3, 1.1),
    )


def _mode_caption(mode: str) -> str:
    return f"against what was {mode}" if mode == EXPECTED else mode


def _effects_note(programme: Programme, results: Mapping[str, Result]) -> str:
    said = ["The first outcome was fixed beforehand as the one that answers the question."]
    if len(results) > 1:
        said.append("The others are judged more strictly, because several were looked at together.")
    said += [
        f"{outcome_label(result.outcome)}: no estimate, {result.reason} "
        f"({count_words(result.n_schools, 'school')})."
        for result in results.values()
        if result.reason
    ]
    year = next(iter(results.values())).year
    said.append(breaks_sentence(programme, results, year))
    return " ".join(words for words in said if words)


def table_inputs(
    programme: Programme, results: Mapping[str, Result], effects: pd.DataFrame
) -> PaperTable:
    """Give everything behind each estimate, one column per outcome, for whoever works it again."""
    rows = {str(row["outcome"]): row for row in effects.to_dict("records")}
    frame: dict[str, list[str]] = {"What": []}
    labels = {
        "estimate": "Estimate", "low": "Interval, lower end", "high": "Interval, upper end",
        "unit": "Unit", "p_placebo": "Share of made-up programmes as far out",
        "p_adjusted": "The same, allowing for all outcomes", "n_schools": "Schools",
        "n_comparison": "Comparison schools", "n_placebo": "Made-up programmes",
        "spread": "Spread of made-up programmes", "smallest": "Smallest effect likely to be found",
        "baseline": "Years before", "year": "Year after",
        "release": "Release", "verdict": "Verdict",
    }  # fmt: skip
    present = [name for name in labels if name in effects.columns]
    frame["What"] = [labels[name] for name in present]
    for outcome in results:
        row = rows.get(outcome, {})
        frame[outcome_label(outcome)] = [_input_words(name, row.get(name)) for name in present]
    return make_table(
        pd.DataFrame(frame), caption=f"{programme.title}: everything behind each estimate",
        numeric=list(frame)[1:],
        widths=(1.6, *[1.0] * len(results)),
    )  # fmt: skip


def _input_words(name: str, value: object) -> str:
    if value is None or value != value:
        return "none"
    if name in ("p_placebo", "p_adjusted"):
        return show(float(str(value)), 4)
    if name in ("estimate", "low", "high", "spread", "smallest"):
        return show(float(str(value)), 3)
    if name in ("n_schools", "n_comparison", "n_placebo"):
        return f"{int(str(value)):,}"
    if name == "year":
        return school_year(int(str(value)))
    if name == "baseline":
        return list_words(school_year(int(y)) for y in str(value).replace(" and ", " ").split())
    return str(value)


def table_lines(programme: Programme, found: ProgrammeResults, year: int) -> PaperTable:
    """Give the two lines of the primary outcome as numbers, as they were drawn."""
    caption = f"{programme.title}: {outcome_label(programme.primary)}, by year"
    columns = ["School year", "Programme's schools", "Comparison schools", "Schools counted"]
    saved = found.pictures.get("two-lines")
    if saved is None:
        return make_table(pd.DataFrame(columns=columns), caption=caption)
    places, lines = measure(programme.primary).decimals, saved.table
    rows = [
        (school_year(int(row["year"])), show(row["members"], places),
         show(row["comparison"], places), str(int(row["n_schools"])))
        for row in lines.to_dict("records")
    ]  # fmt: skip
    return make_table(
        pd.DataFrame(rows, columns=columns), caption=caption, numeric=columns[1:],
        note=breaks_sentence(programme, [programme.primary], year),
    )  # fmt: skip


def table_dots(programme: Programme, found: ProgrammeResults, result: Result) -> PaperTable:
    """Give the stacks of dots as numbers, as they were drawn."""
    caption = f"{programme.title}: how far made-up programmes moved, {result.unit}"
    saved = found.pictures.get("hundred-dots")
    if saved is None:
        return make_table(pd.DataFrame(columns=["Moved by", "In 100"]), caption=caption)
    stacks = saved.table.groupby("at").agg(dots=("height", "size"), beyond=("beyond", "sum"))
    frame = pd.DataFrame({
        "Moved by about": [show(float(at), 2, signed=True) for at in stacks.index],
        "Made-up programmes in 100": [str(n) for n in stacks["dots"]],
        "Of which as far as this one": [str(n) for n in stacks["beyond"]],
    })  # fmt: skip
    return make_table(frame, caption=caption, numeric=list(frame.columns))


def table_balance(programme: Programme, balance: pd.DataFrame) -> PaperTable:
    """Give how alike the schools are, before and after the choice of comparison schools."""
    rows = balance.reset_index()
    frame = pd.DataFrame({
        "What": [label_variable(str(v)) for v in rows["variable"]],
        "Programme's schools": [show(v) for v in rows["mean_members"]],
        "All schools": [show(v) for v in rows["mean_pool"]],
        "Comparison schools": [show(v) for v in rows["mean_comparison"]],
        "Difference before": [show(v, 2, signed=True) for v in rows["smd_before"]],
        "Difference after": [show(v, 2, signed=True) for v in rows["smd_after"]],
    })  # fmt: skip
    return make_table(
        frame, caption=f"{programme.title}: how alike the schools were before the start",
        note=f"A difference is the {DEFINITION}. Within {SATISFIED} is as good as alike; beyond "
        f"{TOO_FAR} is too far for the comparison to mend.",
        numeric=list(frame.columns[1:]), widths=(2.6, 1.1, 0.9, 1.1, 1.1, 1.1),
    )  # fmt: skip


def table_flow(programme: Programme, found: ProgrammeResults) -> PaperTable:
    """Give how many schools each rule left out, of all and of the programme's."""
    counts = ["left_out", "kept", "members_kept"]
    rows = [
        (reader_words(str(row["step"])), *(f"{int(row[name]):,}" for name in counts))
        for row in found.flow.to_dict("records")
    ]
    if saved := found.pictures.get("flow"):
        ends = saved.table[saved.table["role"].isin(["programme", "comparison"])]
        rows += [
            (str(row["words"]), "", f"{int(row['schools']):,}", f"{int(row['members']):,}")
            for row in ends.to_dict("records")
        ]
    columns = ["Rule", "Left out", "Schools left", "Of which the programme's"]
    return make_table(
        pd.DataFrame(rows, columns=columns), numeric=columns[1:], widths=(3.2, 1.0, 1.0, 1.2),
        caption=f"{programme.title}: which schools could be compared, and who was left out",
    )  # fmt: skip


def table_checks(programme: Programme, checks: pd.DataFrame, result: Result) -> PaperTable:
    """Give the estimate under every check, by kind, the headline's first."""
    caption = f"{programme.title}: the same estimate under other choices"
    columns = ["Kind", "Check", "Estimate", "95% interval", "Schools", "In 100 made-up programmes"]
    if checks.empty:
        return make_table(
            pd.DataFrame(columns=columns), caption=caption, empty="No check was made."
        )
    own = checks.loc[checks["outcome"] == result.outcome]
    made = own.loc[own["estimate"].notna()]
    rows = [
        (
            KINDS[str(row["kind"])],
            check_words(row),
            show(row["estimate"], signed=True),
            show_span(row["low"], row["high"]),
            str(int(row["n_schools"])),
            often_words(row),
        )
        for row in made.to_dict("records")
    ]
    return make_table(
        pd.DataFrame(rows, columns=columns), caption=f"{caption}, {result.unit}",
        numeric=["Estimate", "Schools", "In 100 made-up programmes"],
        note=not_made_words(own.loc[own["estimate"].isna(), "note"]),
        widths=(1.4, 2.6, 0.9, 1.2, 0.8, 1.1),
    )  # fmt: skip


def often_words(row: Mapping[str, Any]) -> str:
    """Say how many of a hundred made-up programmes went as far; other methods made up none."""
    if pd.isna(row["p"]) or row["kind"] == "method":
        return "none"
    return str(per_hundred(row["p"]) or "fewer than 1")


def not_made_words(notes: pd.Series) -> str:
    """Say how many checks could not be made, and why, each reason once."""
    reasons = notes.str.removeprefix("cannot be made: ").value_counts(sort=False)
    if reasons.empty:
        return ""
    said = "; ".join(f"{n} because {reader_words(str(why))}" for why, n in reasons.items())
    left = count_words(int(reasons.sum()), "check")
    return f"{left} could not be made: {said}. They are named in `checks.csv`."


def table_calibration(programme: Programme, calibration: pd.DataFrame) -> PaperTable:
    """Give how often each way of estimating finds an effect where nothing was done."""
    caption = f"{programme.title}: how often each way finds an effect where nothing was done"
    columns = ["Way of estimating", "False alarms in 100", "Average error", "Spread"]
    if calibration.empty:
        return make_table(
            pd.DataFrame(columns=columns), caption=caption,
            empty="Not worked out in this run.",
        )  # fmt: skip
    rows = calibration.loc[calibration["outcome"] == programme.primary]
    hardest = rows["selection"].iloc[-1] if len(rows) else ""
    cells = [
        (str(row["estimator"]), str(per_hundred(row["false_alarm_rate"])),
         show(row["mean"], signed=True), show(row["spread"]))
        for row in rows.loc[rows["selection"] == hardest].to_dict("records")
    ]  # fmt: skip
    return make_table(
        pd.DataFrame(cells, columns=columns), caption=caption, numeric=columns[1:],
        note=f"Made-up programmes picked as {hardest}. A sound way raises a false alarm 5 times in "
        f"100. Errors are in {measure(programme.primary).unit}.",
        widths=(2.6, 1.2, 1.2, 1.0),
    )  # fmt: skip


def check_words(row: Mapping[str, object]) -> str:
    """Name a check for readers, with its note."""
    name = reader_words(str(row["check"]))
    return f"{name} ({reader_words(str(row['note']))})" if is_said(row["note"]) else name


def table_schools(
    programme: Programme,
    found: ProgrammeResults,
    results: Mapping[str, Result],
    view: View,
) -> PaperTable:
    """Give each school's result and gap, none left out, with the reason for a blank."""
    caption = f"{programme.title}: each school against its own comparison schools"
    year = results[programme.primary].year
    columns = ["School", f"Its {school_year(year)}", "Its comparison schools", "Moved by", "Note"]
    if not may_show_schools(results, view):
        return make_table(pd.DataFrame(columns=columns), caption=caption, empty=HELD_BACK)
    gaps = found.gaps.reset_index()
    gaps = gaps.loc[gaps["outcome"] == programme.primary].set_index("school")[["gap", "reason"]]
    labels = label_schools(found, programme.primary, view)
    places = measure(programme.primary).decimals
    lines = lines_of(found, programme.primary, labels)
    last = lines[lines["year"] == year].set_index("school")[["own", "comparison"]]
    rows = gaps.join(last).reindex(list(labels)).assign(label=list(labels.values()))
    cells = [
        (
            str(row["label"]),
            *(
                "none" if pd.isna(row[name]) else show(row[name], places, signed=name == "gap")
                for name in ("own", "comparison", "gap")
            ),
            reader_words(str(row["reason"])) if is_said(row["reason"]) else "",
        )
        for row in rows.to_dict("records")
    ]
    return make_table(
        pd.DataFrame(cells, columns=columns), numeric=columns[1:-1],
        caption=f"{caption}, {measure(programme.primary).unit}",
        note="Moved by also allows for school size and earlier results. One school's figure moves "
        "a great deal by chance: do not read much into any one.",
        widths=(1.6, 0.9, 1.1, 0.9, 2.2),
    )  # fmt: skip

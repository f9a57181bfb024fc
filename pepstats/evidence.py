"""One programme's tables and pictures for readers, from the tables its notebooks wrote."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from pepstats import codes, figures
from pepstats.blocks import PaperTable, Picture, make_table
from pepstats.programme import Programme
from pepstats.words import (
    EXPECTED,
    Result,
    count_words,
    decimals_for,
    list_words,
    measure,
    outcome_label,
    per_hundred,
    read_result,
    school_year,
    show,
    show_pounds,
    show_span,
    sure_words,
)

NOT_YET_PUBLIC = ("school-returned", "provisional")
HELD_BACK = (
    "Not shown in the public edition: a school could be known by its earlier, published results "
    "while these are still provisional."
)


@dataclass(frozen=True)
class ProgrammeResults:
    """What the notebooks found for one programme, as they wrote it.

    Attributes
    ----------
    effects
        One row per outcome: the columns of `effects.csv`.
    gaps
        One row per school of the programme and outcome: `school`, `outcome`, `gap`, `reason`.
    lines
        One row per school, outcome and year: `school`, `outcome`, `year`, `own`, `comparison`.
    placebo
        One row per made-up programme, one column per outcome.
    flow
        One row per rule that left schools out: `step`, `left_out`, `kept`, `members_kept`.
    balance
        One row per variable: `variable`, `smd_before`, `smd_after` and the means.
    checks
        One row per other choice, the headline's first: `check`, `outcome`, `estimate`, `low`,
        `high`, `p`, `n_schools`, `note`; empty where none were made.
    """

    effects: pd.DataFrame = field(repr=False)
    gaps: pd.DataFrame = field(repr=False)
    lines: pd.DataFrame = field(repr=False)
    placebo: pd.DataFrame = field(repr=False)
    flow: pd.DataFrame = field(repr=False)
    balance: pd.DataFrame = field(repr=False)
    checks: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)


def list_results(programme: Programme, found: ProgrammeResults, year: int) -> dict[str, Result]:
    """Give each outcome of a programme its result; one that could not be estimated says so."""
    rows = {str(row["outcome"]): row for row in found.effects.to_dict("records")}
    return {
        outcome: read_result({str(k): v for k, v in rows[outcome].items()})
        if outcome in rows
        else _no_result(outcome, found, year)
        for outcome in programme.outcomes
    }


def _no_result(outcome: str, found: ProgrammeResults, year: int) -> Result:
    gaps = found.gaps.reset_index()
    known = int(gaps.loc[gaps["outcome"] == outcome, "gap"].notna().sum())
    nan = math.nan
    return Result(outcome, measure(outcome).unit, nan, nan, nan, nan, known, 0, year, "", "")


def may_show_schools(results: Mapping[str, Result], edition: str) -> bool:
    """Say whether lines of single schools may be shown in an edition."""
    releases = {result.release for result in results.values() if result.known}
    return edition == "exempt" or not releases & set(NOT_YET_PUBLIC)


# Tables ------------------------------------------------------------------------------------------


def make_tables(
    programme: Programme,
    found: ProgrammeResults,
    results: Mapping[str, Result],
    *,
    edition: str,
    names: Mapping[int, str],
) -> dict[str, PaperTable]:
    """Give a programme's tables by name, each name beginning with the programme's."""
    primary = results[programme.primary]
    tables = {
        "summary": table_summary(programme, found, primary),
        "effects": table_effects(programme, results),
        "inputs": table_inputs(programme, results, found.effects),
        "lines": table_lines(programme, found),
        "dots": table_dots(programme, found, primary),
        "balance": table_balance(programme, found.balance),
        "flow": table_flow(programme, found),
        "checks": table_checks(programme, found.checks, primary),
        "schools": table_schools(programme, found, results, edition=edition, names=names),
    }
    return {f"{programme.slug}.{name}": table for name, table in tables.items()}


def count_members(found: ProgrammeResults) -> int:
    """Count the schools named in a programme."""
    return int(found.gaps.reset_index()["school"].nunique())


def table_summary(programme: Programme, found: ProgrammeResults, result: Result) -> PaperTable:
    """Give a programme on a few lines: what, who, when, cost, what moved, how sure."""
    named = count_members(found)
    rows = [
        ("What was done", programme.summary.strip() or "Not yet described in its settings file"),
        ("For whom", f"{count_words(named, f'{programme.phase} school')}; "
         f"{result.n_schools} have results that can be compared"),
        ("When", f"First results that could show it: {school_year(programme.starts)}"),
        ("Cost", cost_words(programme, named)),
        ("What we looked at", f"{outcome_label(result.outcome)}, {school_year(result.year)}"),
        ("Verdict", f"{result.verdict.capitalize() or 'No estimate'}. {sure_words(result)}"),
        ("Months of progress", "Not given: that needs pupils' own results, not schools' averages"),
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["Question", "Answer"])
    return make_table(frame, caption=f"{programme.title}: in short", widths=(1.2, 4.0))


def cost_words(programme: Programme, schools: int) -> str:
    """Say what a programme cost, for each school and, where it is known, for each pupil."""
    cost = programme.cost
    if cost.grant is None:
        return "Not given in the programme's file"
    words = f"A grant of {show_pounds(cost.grant)}"
    if schools:
        words += f", about {show_pounds(cost.grant / schools)} for each school named"
    if cost.pupils:
        words += f" and {show_pounds(cost.grant / cost.pupils)} for each of {cost.pupils:,} pupils"
    return words


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
        note=_effects_note(results),
        numeric=["Schools"],
        widths=(2.4, 1.5, 1.3, 0.9, 1.3, 1.1),
    )


def _mode_caption(mode: str) -> str:
    return f"against what was {mode}" if mode == EXPECTED else mode


def _effects_note(results: Mapping[str, Result]) -> str:
    first = "The first outcome was fixed beforehand as the one that answers the question."
    if len(results) == 1:
        return first
    return f"{first} The others are judged more strictly, because several were looked at together."


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
        "spread": "Spread of made-up programmes", "baseline": "Years before", "year": "Year after",
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
    if name in ("estimate", "low", "high", "spread"):
        return show(float(str(value)), 3)
    if name in ("n_schools", "n_comparison", "n_placebo"):
        return f"{int(str(value)):,}"
    if name == "year":
        return school_year(int(str(value)))
    if name == "baseline":
        return list_words(school_year(int(y)) for y in str(value).replace(" and ", " ").split())
    return str(value)


def average_lines(programme: Programme, found: ProgrammeResults, outcome: str) -> pd.DataFrame:
    """Average a programme's schools and their comparison schools by year.

    Only schools with a gap in the outcome count, so that the same schools stand in every year.
    Columns `year`, `members`, `comparison`, `n`.
    """
    gaps = found.gaps.reset_index()
    kept = gaps.loc[(gaps["outcome"] == outcome) & gaps["gap"].notna(), "school"]
    lines = found.lines.reset_index()
    lines = lines.loc[(lines["outcome"] == outcome) & lines["school"].isin(kept)]
    known = lines["own"].notna() & lines["comparison"].notna()
    years = (
        lines.loc[known]
        .groupby("year")
        .agg(members=("own", "mean"), comparison=("comparison", "mean"), n=("own", "size"))
    )
    every = pd.Index(sorted(lines["year"].unique()), name="year")
    return years.reindex(every).fillna({"n": 0}).astype({"n": int}).reset_index()


def table_lines(programme: Programme, found: ProgrammeResults) -> PaperTable:
    """Give the two lines of the primary outcome as numbers."""
    lines = average_lines(programme, found, programme.primary)
    places = measure(programme.primary).decimals
    frame = pd.DataFrame({
        "School year": [school_year(int(y)) for y in lines["year"]],
        "Programme's schools": [show(v, places) for v in lines["members"]],
        "Comparison schools": [show(v, places) for v in lines["comparison"]],
        "Schools counted": [str(n) for n in lines["n"]],
    })  # fmt: skip
    return make_table(
        frame, caption=f"{programme.title}: {outcome_label(programme.primary)}, by year",
        numeric=list(frame.columns[1:]),
    )  # fmt: skip


def choose_dots(found: ProgrammeResults, result: Result) -> pd.DataFrame:
    """Give the hundred dots of a result's made-up programmes."""
    return figures.choose_dots(
        found.placebo[result.outcome], estimate=result.estimate, p_placebo=result.p_placebo
    )


def table_dots(programme: Programme, found: ProgrammeResults, result: Result) -> PaperTable:
    """Give the stacks of dots as numbers."""
    caption = f"{programme.title}: how far made-up programmes moved, {result.unit}"
    if not result.known:
        return make_table(pd.DataFrame(columns=["Moved by", "In 100"]), caption=caption)
    dots = choose_dots(found, result)
    stacks = dots.groupby("at").agg(dots=("height", "size"), beyond=("beyond", "sum"))
    frame = pd.DataFrame({
        "Moved by about": [show(float(at), 2, signed=True) for at in stacks.index],
        "Made-up programmes in 100": [str(n) for n in stacks["dots"]],
        "Of which as far as this one": [str(n) for n in stacks["beyond"]],
    })  # fmt: skip
    return make_table(frame, caption=caption, numeric=list(frame.columns))


def label_variable(variable: str) -> str:
    """Name a matched variable for readers: `rwm_expected 2017` with its school year."""
    name, _, year = variable.rpartition(" ")
    if name and year.isdigit():
        return f"{outcome_label(name)}, {school_year(int(year))}"
    return outcome_label(variable)


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
        note="Differences are in standard deviations of the programme's schools. Within 0.05 is as "
        "good as alike; beyond 0.25 is too far for the comparison to mend.",
        numeric=list(frame.columns[1:]), widths=(2.6, 1.1, 0.9, 1.1, 1.1, 1.1),
    )  # fmt: skip


def follow_members(found: ProgrammeResults, result: Result) -> pd.DataFrame:
    """Give how many of a programme's schools were left at each `step`: `schools`, `reason`."""
    flow = found.flow
    steps = [("Schools named in the programme", count_members(found), "")]
    before = steps[0][1]
    for row in flow.to_dict("records"):
        kept = int(row["members_kept"])
        if kept < before:
            steps.append(("Left in the comparison", kept, reader_words(str(row["step"]))))
            before = kept
    steps.append((f"With a result to compare in {school_year(result.year)}", result.n_schools,
                  "no result, or too few schools like it"))  # fmt: skip
    return pd.DataFrame(steps, columns=["step", "schools", "reason"])


def reader_words(text: str) -> str:
    """Give a rule as readers know it: a measure's own name and year become its label."""
    return re.sub(
        r"\b([a-z][a-z_0-9]*(?:\.[a-z_]+)?) (20\d\d)\b",
        lambda m: label_variable(m.group()) if m.group(1) in codes.MEASURES else m.group(),
        text,
    )


def table_flow(programme: Programme, found: ProgrammeResults) -> PaperTable:
    """Give how many schools each rule left out, of all and of the programme's."""
    flow = found.flow
    frame = pd.DataFrame({
        "Rule": [reader_words(str(step)) for step in flow["step"]],
        "Left out": [f"{int(n):,}" for n in flow["left_out"]],
        "Schools left": [f"{int(n):,}" for n in flow["kept"]],
        "Of which the programme's": [f"{int(n):,}" for n in flow["members_kept"]],
    })  # fmt: skip
    return make_table(
        frame, caption=f"{programme.title}: which schools could be compared, and who was left out",
        numeric=list(frame.columns[1:]), widths=(3.2, 1.0, 1.0, 1.2),
    )  # fmt: skip


def table_checks(programme: Programme, checks: pd.DataFrame, result: Result) -> PaperTable:
    """Give the estimate under every other choice, the headline's first."""
    caption = f"{programme.title}: the same estimate under other choices"
    columns = ["Choice", "Estimate", "95% interval", "Schools", "In 100 made-up programmes"]
    if checks.empty:
        return make_table(
            pd.DataFrame(columns=columns), caption=caption, empty="No check was made."
        )
    rows = [
        (
            check_words(row),
            show(row["estimate"], signed=True),
            show_span(row["low"], row["high"]),
            str(int(row["n_schools"])),
            str(per_hundred(row["p"])) if row["p"] == row["p"] else "none",
        )
        for row in checks.loc[checks["outcome"] == result.outcome].to_dict("records")
    ]
    return make_table(
        pd.DataFrame(rows, columns=columns), caption=f"{caption}, {result.unit}",
        numeric=["Estimate", "Schools", "In 100 made-up programmes"],
        widths=(3.0, 1.0, 1.4, 0.9, 1.2),
    )  # fmt: skip


def check_words(row: Mapping[str, object]) -> str:
    """Name a check for readers, with its note."""
    name = str(row["check"])
    return f"{name} ({reader_words(str(row['note']))})" if is_said(row["note"]) else name


def is_said(note: object) -> bool:
    """Say whether a cell holds words."""
    return isinstance(note, str) and bool(note.strip())


def label_schools(
    found: ProgrammeResults, outcome: str, *, edition: str, names: Mapping[int, str]
) -> dict[int, str]:
    """Give each school its label, largest gain first: its name if exempt, else only its place."""
    gaps = found.gaps.reset_index()
    gaps = gaps.loc[gaps["outcome"] == outcome]
    order = gaps.sort_values(["gap", "school"], ascending=[False, True], na_position="last")[
        "school"
    ]
    return {
        int(school): names.get(int(school), f"School {school}")
        if edition == "exempt"
        else f"School {n}"
        for n, school in enumerate(order, start=1)
    }


def table_schools(
    programme: Programme,
    found: ProgrammeResults,
    results: Mapping[str, Result],
    *,
    edition: str,
    names: Mapping[int, str],
) -> PaperTable:
    """Give each school's gap in the primary outcome, none left out, with the reason for a blank."""
    caption = f"{programme.title}: each school against its own comparison schools"
    columns = ["School", "Moved by", "Note"]
    if not may_show_schools(results, edition):
        return make_table(pd.DataFrame(columns=columns), caption=caption, empty=HELD_BACK)
    gaps = found.gaps.reset_index()
    gaps = gaps.loc[gaps["outcome"] == programme.primary].set_index("school")
    labels = label_schools(found, programme.primary, edition=edition, names=names)
    places = measure(programme.primary).decimals
    rows = gaps.reindex(list(labels)).assign(label=list(labels.values())).to_dict("records")
    cells = [
        (
            str(row["label"]),
            "none" if pd.isna(row["gap"]) else show(row["gap"], places, signed=True),
            reader_words(str(row["reason"])) if is_said(row["reason"]) else "",
        )
        for row in rows
    ]
    frame = pd.DataFrame(cells, columns=columns)
    return make_table(
        frame, caption=f"{caption}, {measure(programme.primary).unit}", numeric=["Moved by"],
        note="One school's figure moves a great deal by chance: do not read much into any one.",
        widths=(2.0, 1.0, 3.0),
    )  # fmt: skip


# Pictures ----------------------------------------------------------------------------------------


def make_pictures(
    programme: Programme,
    found: ProgrammeResults,
    results: Mapping[str, Result],
    *,
    edition: str,
    names: Mapping[int, str],
) -> dict[str, Picture]:
    """Give a programme's pictures by name, each with its words and the table behind it."""
    primary = results[programme.primary]
    drawn: Sequence[tuple[str, Picture]] = [
        ("two-lines", picture_two_lines(programme, found, primary)),
        ("hundred-dots", picture_hundred_dots(programme, found, primary)),
        ("checks", picture_checks(programme, found.checks, primary)),
        ("balance", picture_balance(programme, found.balance)),
        ("flow", picture_flow(programme, found, primary)),
        ("schools", picture_schools(programme, found, results, edition=edition, names=names)),
    ]
    return {f"{programme.slug}.{name}": picture for name, picture in drawn}


def not_drawn(why: str, caption: str, table: str) -> Picture:
    """Stand in for a picture that cannot or may not be drawn: it says why."""
    return Picture(b"", b"", why, caption, table)


def scale_words(outcome: str) -> str:
    """Name the scale a line is drawn on: the percentage itself, not the points it moves by."""
    known = measure(outcome)
    return "percentage of pupils" if known.percent else known.unit


def picture_two_lines(programme: Programme, found: ProgrammeResults, result: Result) -> Picture:
    """Draw the programme's schools and their comparison schools, year by year."""
    lines = average_lines(programme, found, result.outcome)
    unit = scale_words(result.outcome)
    caption = f"{programme.title}: {outcome_label(result.outcome)}, by year"
    table = f"{programme.slug}.lines"
    if lines[["members", "comparison"]].isna().all().any():
        return not_drawn("No school has results to draw.", caption, table)
    figure, ax = figures.new_axes()
    figures.draw_two_lines(lines, ax, starts=programme.starts, unit=unit)
    alt = figures.describe_two_lines(lines, starts=programme.starts, unit=unit)
    return Picture(figures.to_svg(figure), figures.to_png(figure), alt, caption, table)


def picture_hundred_dots(programme: Programme, found: ProgrammeResults, result: Result) -> Picture:
    """Draw the made-up programmes as a hundred dots, the real one among them."""
    caption = (
        f"{programme.title}: this programme among a hundred dots, which stand for "
        f"{result.n_placebo:,} made-up ones"
    )
    table = f"{programme.slug}.dots"
    if not result.known:
        return not_drawn("There is no estimate to set among made-up programmes.", caption, table)
    dots = choose_dots(found, result)
    figure, ax = figures.new_axes(3.4)
    figures.draw_hundred_dots(dots, ax, estimate=result.estimate, unit=result.unit)
    alt = figures.describe_hundred_dots(dots, estimate=result.estimate, unit=result.unit)
    return Picture(figures.to_svg(figure), figures.to_png(figure), alt, caption, table)


def picture_checks(programme: Programme, checks: pd.DataFrame, result: Result) -> Picture:
    """Draw the estimate under every other choice."""
    caption = (
        f"{programme.title}: the same estimate under other choices, each with its 95% interval"
    )
    table = f"{programme.slug}.checks"
    rows = checks.loc[checks["outcome"] == result.outcome] if len(checks) else checks
    if rows.empty:
        return not_drawn("No check was made.", caption, table)
    figure, ax = figures.new_axes(figures.height_of_rows(rows["check"]))
    figures.draw_check_rows(rows, ax, unit=result.unit)
    alt = figures.describe_check_rows(rows, unit=result.unit)
    return Picture(figures.to_svg(figure), figures.to_png(figure), alt, caption, table)


def picture_balance(programme: Programme, balance: pd.DataFrame) -> Picture:
    """Draw how alike the schools are before and after the choice of comparison schools."""
    rows = balance.reset_index()
    rows = rows.assign(label=[label_variable(str(v)) for v in rows["variable"]])
    figure, ax = figures.new_axes(figures.height_of_rows(rows["label"]) + 0.3)
    figures.draw_love_plot(rows, ax)
    alt = figures.describe_love_plot(rows)
    caption = f"{programme.title}: how alike the schools were before the start"
    table = f"{programme.slug}.balance"
    return Picture(figures.to_svg(figure), figures.to_png(figure), alt, caption, table)


def picture_flow(programme: Programme, found: ProgrammeResults, result: Result) -> Picture:
    """Draw how many of the programme's schools were left at each step."""
    steps = follow_members(found, result)
    figure, ax = figures.new_axes(0.4 + 0.85 * len(steps))
    figures.draw_flow(steps, ax)
    caption = f"{programme.title}: the programme's schools, from the list to the estimate"
    alt = figures.describe_flow(steps)
    table = f"{programme.slug}.flow"
    return Picture(figures.to_svg(figure), figures.to_png(figure), alt, caption, table)


def picture_schools(
    programme: Programme,
    found: ProgrammeResults,
    results: Mapping[str, Result],
    *,
    edition: str,
    names: Mapping[int, str],
) -> Picture:
    """Draw one small line per school against its own comparison schools', none left out."""
    caption = (
        f"{programme.title}: each school against its own comparison schools, largest gain first"
    )
    table = f"{programme.slug}.schools"
    if not may_show_schools(results, edition):
        return not_drawn(HELD_BACK, caption, table)
    labels = label_schools(found, programme.primary, edition=edition, names=names)
    lines = found.lines.reset_index()
    lines = lines.loc[(lines["outcome"] == programme.primary) & lines["school"].isin(labels)]
    if lines.empty:
        return not_drawn("No school has results to draw.", caption, table)
    place = {school: n for n, school in enumerate(labels)}
    lines = lines.assign(label=lines["school"].map(labels), place=lines["school"].map(place))
    lines = lines.sort_values(["place", "year"])
    columns = 2 if lines["school"].nunique() <= 14 else 3
    height = figures.height_of_small_lines(lines["school"].nunique(), columns)
    figure = figures.new_figure(min(height, 9.0))
    figures.draw_small_lines(lines, figure, starts=programme.starts, columns=columns)
    alt = figures.describe_small_lines(lines, unit=scale_words(programme.primary))
    return Picture(figures.to_svg(figure), figures.to_png(figure), alt, caption, table)

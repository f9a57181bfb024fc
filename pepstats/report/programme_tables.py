"""Tables for readers of what an effect is worth: on every scale, and how strong the evidence is."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from pepstats.document import Entry, PaperTable, make_table
from pepstats.formatting import (
    CHECK_KINDS,
    count_words,
    format_day,
    format_interval,
    format_number,
    format_pounds,
    join_words,
    label_variable,
    per_hundred,
    reader_words,
    school_year,
)
from pepstats.impact import ENGLAND, EXPECTED, HERE, OWN, pool_phases
from pepstats.matching import BALANCE_DEFINITION, SATISFIED, TOO_FAR
from pepstats.measures import find_measure, outcome_label
from pepstats.report.cases import MIDDLE
from pepstats.report.disclosure import (
    LOG_COLUMNS,
    NAMES_SCHOOL,
    SHOWN_COLUMNS,
    View,
    join_logs,
    list_shown,
    withhold,
)
from pepstats.report.edition import (
    HELD_BACK,
    MOST_CASES,
    ProgrammeResults,
    breaks_sentence,
    count_members,
    is_said,
    label_schools,
    lines_of,
    may_show_schools,
    scale_words,
)
from pepstats.report.statements import of_programme, tabulate_themes
from pepstats.report.wording import Result, decimals_for, sure_words
from pepstats.settings import Programme
from pepstats.sources import NO_CONSENT, Statements

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
    known = find_measure(programme.primary)
    size = f"{format_number(float(str(row['gap'])), known.decimals, signed=True)} {known.unit}"
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
    places = find_measure(programme.primary).decimals
    rows = [
        (f"{row['label']}, {school_year(int(row['year']))}", format_number(row["own"], places),
         format_number(row["comparison"], places))
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
    rows = of_programme(said, programme)
    rows = rows.loc[rows["school"] == school].sort_values("statement", ascending=False)
    return rows.iloc[0].to_dict() if len(rows) else {}


def _consent_words(said: Mapping[Hashable, object]) -> str:
    """Say whether a school gave a statement, and whether it may be quoted."""
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


def _quoted(said: Mapping[Hashable, object]) -> str:
    if not said or not is_said(said["statement"]) or is_said(said["held"]):
        return "No statement that can be quoted"
    return f"\u201c{said['quote']}\u201d ({said['role']})"


def table_themes(programme: Programme, said: Statements, view: View) -> PaperTable:
    """Count schools' answers by theme and by whether they were positive, mixed or negative."""
    caption = f"{programme.title}: what schools spoke of, and how"
    counts = tabulate_themes(said, programme.slug)
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
    counts = tabulate_themes(said, programme)
    return len(counts) > 0 and len(view.protect(counts, f"{programme}.themes").log) > 0


def list_shown_themes(said: Statements, programme: str, view: View) -> pd.DataFrame:
    """List the counts of themes that an edition shows."""
    counts = tabulate_themes(said, programme)
    if counts.empty or hides_themes(said, programme, view):
        return pd.DataFrame(columns=SHOWN_COLUMNS)
    return list_shown(f"{programme}.themes", counts)


def list_hidden_of_programme(
    programme: Programme, found: ProgrammeResults, results: Mapping[str, Result], view: View
) -> pd.DataFrame:
    """List what is held back of one programme in an edition, each with its reason."""
    if view.exempt:
        return join_logs([])
    slug, logs = programme.slug, []
    if hides_themes(found.statements, slug, view):
        logs.append(withhold(f"{slug}.themes", FEW_SPOKE))
    if not may_show_schools(results, view):
        reason = NAMES_SCHOOL
        logs += [withhold(f"{slug}.{name}", reason) for name in ("schools", "cases")]
    logs += [
        pd.DataFrame([(f"{slug}.statements", f"row {row['row']}", "statement", row["held"])],
                     columns=LOG_COLUMNS)
        for row in of_programme(found.statements, slug).to_dict("records")
        if is_said(row["held"])
    ]  # fmt: skip
    return join_logs(logs)


FROM_MEMORY = (
    "The table of months is kept from memory of published reports: check it against a recent one "
    "before it is relied on."
)


def table_sizes(programme: Programme, sizes: pd.DataFrame) -> PaperTable:
    """Give each effect on the pupils' and the schools' scale and in months, or the reason not."""
    caption = f"{programme.title}: the same effects on other scales"
    columns = ["Outcome", "In pupils' standard deviations", "Smallest likely to be found",
               "Months of progress", "Hedges' g, between schools", "How"]  # fmt: skip
    if sizes.empty:
        return make_table(pd.DataFrame(columns=columns), caption=caption)
    rows = [
        (
            outcome_label(str(row["outcome"])),
            _with_span(row, "size"),
            _smallest_words(row),
            _months_words(row),
            _with_span(row, "g"),
            reader_words(str(row["reason"] if is_said(row["reason"]) else row["how"])),
        )
        for row in sizes.to_dict("records")
    ]
    memory = bool(sizes["months_mark"].eq("M").any())
    return make_table(
        pd.DataFrame(rows, columns=columns), caption=caption,
        note="Each with its 95% interval. Only a size between pupils can become months: schools "
        "differ far less than pupils do, so Hedges' g between schools is larger and cannot be set "
        f"beside sizes in other reports.{' ' + FROM_MEMORY if memory else ''}",
        widths=(2.0, 1.4, 1.2, 1.2, 1.3, 2.2),
    )  # fmt: skip


def list_from_memory(sizes: Iterable[pd.DataFrame]) -> list[str]:
    """List the tables of months that were used and not read at their source, each once."""
    used = [
        str(row["months_table"])
        for table in sizes
        for row in table.to_dict("records")
        if row["months_mark"] == "M" and pd.notna(row["months"])
    ]
    return [
        f"months of progress: check the table {name}, kept from memory, against a recent report"
        for name in dict.fromkeys(used)
    ]


def _with_span(row: dict[str, object], name: str) -> str:
    at, low, high = (float(str(row[n])) for n in (name, f"{name}_low", f"{name}_high"))
    if pd.isna(at):
        return "none"
    return f"{format_number(at, 2, signed=True)} ({format_interval(low, high, 2)})"


def _smallest_words(row: dict[str, object]) -> str:
    places = find_measure(str(row["outcome"])).decimals
    unit = f"{format_number(float(str(row['smallest'])), places)} {row['unit']}"
    size = float(str(row["smallest_size"]))
    return unit if pd.isna(size) else f"{unit} ({format_number(size, 2)})"


def _months_words(row: dict[str, object]) -> str:
    if pd.isna(row["months"]):
        return "none"
    at, low, high = (float(str(row[n])) for n in ("months", "months_low", "months_high"))
    return f"{format_number(at, 0, signed=True)} ({format_interval(low, high, 0)})"


def table_grades(programme: Programme, grades: pd.DataFrame) -> PaperTable:
    """Give the grade an evaluation gives itself, with all it rests on, one row per input."""
    caption = f"{programme.title}: how strong the evidence is, by our own assessment"
    columns = ["Scale", "What it rests on", "Here", "Allows, or takes away", "Note"]
    if grades.empty:
        return make_table(pd.DataFrame(columns=columns), caption=caption)
    rows = [
        (
            re.split(r",| self-assessed", str(row["scale"]))[0],
            str(row["input"]).capitalize(),
            str(row["value"]),
            "" if pd.isna(row["allows"]) else format_number(float(row["allows"]), 1),
            str(row["note"]) if is_said(row["note"]) else "",
        )
        for row in grades.to_dict("records")
    ]
    return make_table(
        pd.DataFrame(rows, columns=columns), caption=caption,
        note="A self-assessment: no one outside has given this grade. Security starts from the "
        "lowest of what the design, the smallest detectable effect and the loss of schools allow; "
        "each threat then takes something away.",
        numeric=["Allows, or takes away"], widths=(1.2, 1.8, 1.3, 0.9, 2.0),
    )  # fmt: skip


def table_described(programme: Programme, held: pd.DataFrame) -> PaperTable:
    """Give what only the authority holds by school, beside its own series and England's."""
    caption = f"{programme.title}: what is described and given no effect"
    columns = ["Outcome", "School year", "The programme's schools", "The authority", "England"]
    empty = "The sources hold no results of groups that are never published by school."
    if held.empty:
        return make_table(pd.DataFrame(columns=columns), caption=caption, empty=empty)
    rows = []
    for (name, year), part in held.groupby(["measure", "year"]):
        by = {str(row["whose"]): row for row in part.to_dict("records")}
        cells = [_described_words(str(name), by.get(whose)) for whose in (OWN, HERE, ENGLAND)]
        rows.append((outcome_label(str(name)), school_year(int(year)), *cells))
    return make_table(
        pd.DataFrame(rows, columns=columns), caption=caption,
        note="No other school's results of these pupils are published, so there is nothing to "
        "compare them with and no effect can be given. The schools stand together, each pupil "
        "counting alike.",
        numeric=columns[2:], widths=(2.6, 0.9, 1.6, 1.0, 0.8),
    )  # fmt: skip


def _described_words(name: str, row: Mapping[Any, Any] | None) -> str:
    if row is None:
        return "none"
    if pd.isna(row["value"]):
        return str(row["reason"]) if is_said(row["reason"]) else "none"
    behind = "" if pd.isna(row["n_pupils"]) else f" ({count_words(int(row['n_pupils']), 'pupil')})"
    return f"{format_number(float(row['value']), find_measure(name).decimals)}{behind}"


def table_phases(parts: Sequence[Programme], results: Mapping[str, ProgrammeResults]) -> PaperTable:
    """Give a programme's phases on the scale they share, and both together where that can be."""
    found = {part.slug: results[part.slug] for part in parts}
    title = parts[0].title.removesuffix(f": {parts[0].phase} schools")
    columns = [
        "Schools",
        "Outcome",
        "In pupils' standard deviations",
        "Weight",
        "Number",
        "Verdict",
    ]
    caption = f"{title}: both phases on one scale"
    if any(one.sizes.empty for one in found.values()):
        return make_table(pd.DataFrame(columns=columns), caption=caption)
    pooled = pool_phases(
        {slug: one.effects for slug, one in found.items()},
        {slug: one.sizes for slug, one in found.items()},
        {slug: one.placebo for slug, one in found.items()},
    )
    names = {part.slug: part.phase.capitalize() for part in parts}
    rows = [
        (
            names.get(str(slug), str(slug).capitalize()),
            "" if pd.isna(row["outcome"]) else outcome_label(str(row["outcome"])),
            f"{format_number(row['size'], 2, signed=True)} "
            f"({format_interval(row['low'], row['high'], 2)})"
            if pd.notna(row["size"]) else "none",
            "" if pd.isna(row["weight"]) else f"{per_hundred(row['weight'])}%",
            "" if pd.isna(row["n_schools"]) else str(int(row["n_schools"])),
            "" if pd.isna(row["verdict"]) else str(row["verdict"]),
        )
        for slug, row in pooled.iterrows()
    ]  # fmt: skip
    return make_table(
        pd.DataFrame(rows, columns=columns), caption=caption, note=_phases_note(pooled.iloc[-1]),
        numeric=["Weight", "Number"], widths=(1.2, 2.6, 1.6, 0.8, 0.8, 1.3),
    )  # fmt: skip


def _phases_note(both: pd.Series) -> str:
    apart = "Each phase was compared with its own schools. Their results share no unit"
    if pd.isna(both["size"]):
        return f"{apart}, so they are not taken together: there is {both['reason']}."
    return (
        f"{apart}, so they are taken together only as sizes in pupils' standard deviations, each "
        f"weighted by how sure it is, with the {both['how']}."
    )


def describe_worth(
    slug: str, value: pd.DataFrame, sizes: pd.DataFrame, grades: pd.DataFrame
) -> dict[str, Entry]:
    """Give everything the paper may say of an effect's worth, by name.

    Each answer of `value.csv` by its entry (`months`, `cost_per_pupil`, `evidence` and so on), the
    grade's sentence (`security`), and of each outcome its `size`, `months`, `smallest` and `g`,
    each with its interval.
    """
    folder = f"04-estimate-effect/{slug}"
    found = {
        str(row["entry"]): Entry(row["value"], str(row["answer"]), f"{folder}/value.csv")
        for row in value.to_dict("records")
        if "entry" in row
    }
    level, words = (grades["level"].iloc[0], grades["words"].iloc[0]) if len(grades) else (None, "")
    found["security"] = Entry(level, str(words), f"{folder}/grades.csv")
    for row in sizes.to_dict("records"):
        words = {
            "size": _with_span(row, "size"), "months": _months_words(row),
            "smallest": _smallest_words(row), "g": _with_span(row, "g"),
        }  # fmt: skip
        found |= {
            f"{row['outcome']}.{name}": Entry(row[name], text, f"{folder}/sizes.csv")
            for name, text in words.items()
        }
    return found


NO_MONTHS = "Not worked out in this run"


def make_programme_tables(
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
        "described": table_described(programme, found.described),
        "sizes": table_sizes(programme, found.sizes),
        "grades": table_grades(programme, found.grades),
        "calibration": table_calibration(programme, found.calibration),
        "themes": table_themes(programme, found.statements, view),
        "cases": table_cases(programme, found, results, view),
        "case-lines": table_case_lines(programme, found, results, view),
    }
    for place in range(MOST_CASES):
        tables[f"case-{place + 1}"] = table_case(programme, found, results, place, view)
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
        return f"A grant of {format_pounds(grant)} for both phases together"
    each = f", about {format_pounds(grant / schools)} for each school named" if schools else ""
    return f"A grant of {format_pounds(grant)}{each}"


def cost_words(programme: Programme, schools: int) -> str:
    """Say what a programme cost, for each school and, where it is known, for each pupil."""
    cost, words = programme.cost, grant_words(programme, schools)
    if cost.grant is None or programme.part_of or not cost.pupils:
        return words
    return (
        f"{words} and {format_pounds(cost.grant / cost.pupils)} for each of {cost.pupils:,} pupils"
    )


def table_effects(programme: Programme, results: Mapping[str, Result]) -> PaperTable:
    """Give every outcome with its interval, schools and verdict: one row each."""
    rows = []
    for result in results.values():
        places = decimals_for(result)
        size = (
            f"{format_number(result.estimate, places, signed=True)} {result.unit}"
            if result.known
            else "none"
        )
        span = format_interval(result.low, result.high, places)
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
        return format_number(float(str(value)), 4)
    if name in ("estimate", "low", "high", "spread", "smallest"):
        return format_number(float(str(value)), 3)
    if name in ("n_schools", "n_comparison", "n_placebo"):
        return f"{int(str(value)):,}"
    if name == "year":
        return school_year(int(str(value)))
    if name == "baseline":
        return join_words(school_year(int(y)) for y in str(value).replace(" and ", " ").split())
    return str(value)


def table_lines(programme: Programme, found: ProgrammeResults, year: int) -> PaperTable:
    """Give the two lines of the primary outcome as numbers, as they were drawn."""
    caption = f"{programme.title}: {outcome_label(programme.primary)}, by year"
    columns = ["School year", "Programme's schools", "Comparison schools", "Schools counted"]
    saved = found.pictures.get("two-lines")
    if saved is None:
        return make_table(pd.DataFrame(columns=columns), caption=caption)
    places, lines = find_measure(programme.primary).decimals, saved.table
    rows = [
        (school_year(int(row["year"])), format_number(row["members"], places),
         format_number(row["comparison"], places), str(int(row["n_schools"])))
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
        "Moved by about": [format_number(float(at), 2, signed=True) for at in stacks.index],
        "Made-up programmes in 100": [str(n) for n in stacks["dots"]],
        "Of which as far as this one": [str(n) for n in stacks["beyond"]],
    })  # fmt: skip
    return make_table(frame, caption=caption, numeric=list(frame.columns))


def table_balance(programme: Programme, balance: pd.DataFrame) -> PaperTable:
    """Give how alike the schools are, before and after the choice of comparison schools."""
    rows = balance.reset_index()
    frame = pd.DataFrame({
        "What": [label_variable(str(v)) for v in rows["variable"]],
        "Programme's schools": [format_number(v) for v in rows["mean_members"]],
        "All schools": [format_number(v) for v in rows["mean_pool"]],
        "Comparison schools": [format_number(v) for v in rows["mean_comparison"]],
        "Difference before": [format_number(v, 2, signed=True) for v in rows["smd_before"]],
        "Difference after": [format_number(v, 2, signed=True) for v in rows["smd_after"]],
    })  # fmt: skip
    return make_table(
        frame, caption=f"{programme.title}: how alike the schools were before the start",
        note=f"A difference is the {BALANCE_DEFINITION}. Within {SATISFIED} is as good as alike; "
        f"beyond {TOO_FAR} is too far for the comparison to mend.",
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
            CHECK_KINDS[str(row["kind"])],
            check_words(row),
            format_number(row["estimate"], signed=True),
            format_interval(row["low"], row["high"]),
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
         format_number(row["mean"], signed=True), format_number(row["spread"]))
        for row in rows.loc[rows["selection"] == hardest].to_dict("records")
    ]  # fmt: skip
    return make_table(
        pd.DataFrame(cells, columns=columns), caption=caption, numeric=columns[1:],
        note=f"Made-up programmes picked as {hardest}. A sound way raises a false alarm 5 times in "
        f"100. Errors are in {find_measure(programme.primary).unit}.",
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
    places = find_measure(programme.primary).decimals
    lines = lines_of(found, programme.primary, labels)
    last = lines[lines["year"] == year].set_index("school")[["own", "comparison"]]
    rows = gaps.join(last).reindex(list(labels)).assign(label=list(labels.values()))
    cells = [
        (
            str(row["label"]),
            *(
                "none"
                if pd.isna(row[name])
                else format_number(row[name], places, signed=name == "gap")
                for name in ("own", "comparison", "gap")
            ),
            reader_words(str(row["reason"])) if is_said(row["reason"]) else "",
        )
        for row in rows.to_dict("records")
    ]
    return make_table(
        pd.DataFrame(cells, columns=columns), numeric=columns[1:-1],
        caption=f"{caption}, {find_measure(programme.primary).unit}",
        note="Moved by also allows for school size and earlier results. One school's figure moves "
        "a great deal by chance: do not read much into any one.",
        widths=(1.6, 0.9, 1.1, 0.9, 2.2),
    )  # fmt: skip

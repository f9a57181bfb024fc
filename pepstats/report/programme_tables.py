"""One programme in tables for readers: what moved, what it rests on, what it is worth."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from pepstats.document import (
    DASH,
    Cell,
    PaperTable,
    figure,
    interval,
    make_table,
    with_error,
    with_interval,
)
from pepstats.formatting import (
    CHECK_KINDS,
    about_pounds,
    count_words,
    format_interval,
    format_pounds,
    label_variable,
    per_hundred,
    reader_words,
    school_year,
)
from pepstats.impact import ENGLAND, FORECAST, HERE, HOW, OWN, PRIORS, TRIALS
from pepstats.matching import BALANCE_DEFINITION, SATISFIED, TOO_FAR
from pepstats.measures import find_measure, outcome_label
from pepstats.report.case_tables import table_case_lines, table_themes
from pepstats.report.disclosure import HELD
from pepstats.report.edition import (
    HELD_BACK,
    Chapter,
    ProgrammeResults,
    breaks_sentence,
    is_said,
    years_sentence,
)
from pepstats.report.sentences import (
    Result,
    chance_range,
    overstated_sentence,
    verdict_words,
)
from pepstats.settings import Programme

FROM_MEMORY = (
    "The table of months is kept from published reports and has not been checked "
    "against a recent one."
)


def make_programme_tables(chapter: Chapter) -> dict[str, PaperTable]:
    """Make a programme's tables by name, each name beginning with the programme's."""
    programme, found = chapter.programme, chapter.found
    tables = {
        "summary": table_summary(chapter),
        "effects": table_effects(chapter),
        "lines": table_lines(chapter),
        "dots": table_dots(chapter),
        "balance": table_balance(programme, found.balance),
        "flow": table_flow(programme, found),
        "checks": table_checks(programme, found.checks, chapter.primary),
        "schools": table_schools(chapter),
        "described": table_described(programme, found.described),
        "gap-to-national": table_national_gap(programme, found.gap_to_national),
        "series": table_series(programme, found.series),
        "sizes": table_sizes(programme, found.sizes),
        "weighed": table_weighed(chapter),
        "grades": table_grades(programme, found.grades),
        "calibration": table_calibration(programme, found.calibration),
        "themes": table_themes(chapter),
        "case-lines": table_case_lines(chapter),
    }
    return {f"{programme.slug}.{name}": table for name, table in tables.items()}


# What moved --------------------------------------------------------------------------------------


def table_summary(chapter: Chapter) -> PaperTable:
    """Show a programme on a few lines: what, who, when, cost, what moved, how sure."""
    programme, found, result = chapter.programme, chapter.found, chapter.primary
    rows = [
        ("What was done", programme.summary.strip() or DASH),
        ("For whom", whom_words(chapter, "have results that can be compared")),
        ("When", f"First results that could show an effect: {school_year(programme.starts)}"),
        ("Cost", (grant_words if len(found.value) else cost_words)(programme, found.named)),
        ("What we looked at", f"{outcome_label(result.outcome)}, {school_year(result.year)}"),
        ("Verdict", verdict_words(result)),
    ]  # fmt: skip
    worth = [
        (str(row["question"]), str(row["answer"]))
        for row in found.value.to_dict("records")
        if row.get("entry") in (None, "months", "cost_per_pupil", "cost_per_target_pupil")
    ]
    rows += worth or [("Months of progress", DASH)]
    return make_table(f"{programme.title}: in short", {"Question": 1.2, "Answer": 4.0}, rows)


def whom_words(chapter: Chapter, compared: str) -> str:
    """Write how many schools a programme is for, and how many of them are in its estimate."""
    words = count_words(chapter.found.named, f"{chapter.programme.phase} school")
    if chapter.primary.reason == HELD:
        return words
    return f"{words}; {chapter.primary.n_schools} {compared}"


def grant_words(programme: Programme, schools: int) -> str:
    """Write what a programme cost, and what that is for each school."""
    grant = programme.cost.grant
    if grant is None:
        return DASH
    if programme.part_of:
        return f"A grant of {format_pounds(grant)} for both phases together"
    each = f": about {about_pounds(grant / schools)} for each school" if schools else ""
    return f"A grant of {format_pounds(grant)}{each}"


def cost_words(programme: Programme, schools: int) -> str:
    """Write what a programme cost, for each school and, where it is known, for each pupil."""
    cost, words = programme.cost, grant_words(programme, schools)
    if cost.grant is None or programme.part_of or not cost.pupils:
        return words
    each = about_pounds(cost.grant / cost.pupils)
    return f"{words} and {each} for each of the {cost.pupils:,} pupils it was for"


def table_effects(chapter: Chapter) -> PaperTable:
    """Show every outcome with its interval, schools and verdict: one row each."""
    rows = [
        (
            outcome_label(one.outcome),
            figure(one.estimate, one.places, signed=True, unit=f" {one.unit}"),
            interval(one.low, one.high, one.places),
            DASH if one.reason == HELD else figure(one.n_schools),
            one.verdict or "no estimate",
            one.release or DASH,
        )
        for one in chapter.results.values()
    ]
    first = next(iter(chapter.results.values()))
    mode = HOW[first.mode]
    return make_table(
        f"{chapter.programme.title}: every outcome, {mode}, {school_year(first.year)}",
        {"Outcome": 2.4, "Estimate": 1.5, "95% interval": 1.3, "Schools": 0.9, "Verdict": 1.3,
         "Release": 1.1},
        rows,
        note=_effects_note(chapter.programme, chapter.results, planned=chapter.planned),
    )  # fmt: skip


def _no_estimate(result: Result) -> str:
    if result.reason == HELD:
        return HELD
    return f"no estimate, {result.reason} ({count_words(result.n_schools, 'school')})"


def _effects_note(programme: Programme, results: Mapping[str, Result], *, planned: bool) -> str:
    fixed = "was fixed beforehand as" if planned else "is"
    said = [f"The first outcome {fixed} the one that answers the question."]
    if len(results) > 1:
        said.append(
            "All results of all programmes in this paper are judged together, since one among "
            "several stands out by chance."
        )
    said += [
        f"{outcome_label(result.outcome)}: {_no_estimate(result)}."
        for result in results.values()
        if result.reason
    ]
    said += [
        f"{outcome_label(result.outcome)}: {words}"
        for result in list(results.values())[1:]
        if (words := overstated_sentence(result))
    ]
    year = next(iter(results.values())).year
    said += [years_sentence(programme, year), breaks_sentence(programme, results, year)]
    return " ".join(filter(None, said))


def table_lines(chapter: Chapter) -> PaperTable:
    """Show the two lines of the primary outcome as numbers, as they were drawn."""
    programme, saved = chapter.programme, chapter.found.pictures.get("two-lines")
    places = find_measure(programme.primary).decimals
    rows = [
        (
            school_year(int(row["year"])),
            figure(row["members"], places),
            figure(row["comparison"], places),
            figure(row["n_schools"]),
        )
        for row in (saved.table.to_dict("records") if saved else [])
    ]
    columns = ["School year", "Programme's schools", "Comparison schools", "Schools counted"]
    year = chapter.primary.year
    notes = (years_sentence(programme, year), breaks_sentence(programme, [programme.primary], year))
    broken = " ".join(filter(None, notes))
    caption = f"{programme.title}: {outcome_label(programme.primary)}, by year"
    return make_table(caption, columns, rows, note=broken if saved else "")


def table_dots(chapter: Chapter) -> PaperTable:
    """Show the stacks of dots as numbers, as they were drawn."""
    unit, saved = chapter.primary.unit, chapter.found.pictures.get("hundred-dots")
    columns = [
        "Changed by about",
        "Groups without the programme, in 100",
        "Of which as much as this one",
    ]
    rows = []
    if saved:
        stacks = saved.table.groupby("at").agg(dots=("height", "size"), beyond=("beyond", "sum"))
        rows = [
            (figure(float(row.Index), 2, signed=True), figure(row.dots), figure(row.beyond))
            for row in stacks.itertuples()
        ]
    outcome = outcome_label(chapter.primary.outcome)
    what = "how much groups without the programme changed"
    caption = f"{chapter.programme.title}: {what}, {outcome}, {unit}"
    return make_table(caption, columns, rows)


def table_schools(chapter: Chapter) -> PaperTable:
    """Show each school's result and gap, none left out, with the reason for a blank."""
    known, year = find_measure(chapter.programme.primary), chapter.primary.year
    forecast = chapter.primary.mode == FORECAST
    against = "a forecast of its result" if forecast else "its own comparison schools"
    caption = f"{chapter.programme.title}: each school against {against}"
    columns = {"School": 1.5, f"Its {school_year(year)}": 0.9,
               "Forecast" if forecast else "Comparison schools": 1.1, "Correction": 1.0,
               "Difference": 1.0, "Note": 1.9}  # fmt: skip
    if not chapter.shows_schools:
        return make_table(caption, list(columns), empty=HELD_BACK)
    labels = chapter.label_schools()
    gaps = chapter.found.gaps_of(chapter.programme.primary)
    rows = gaps.reindex(list(labels)).assign(label=list(labels.values()))
    cells = [
        (
            str(row["label"]),
            *(
                figure(row[name], known.decimals, signed=name in ("correction", "gap"))
                for name in ("own", "comparison", "correction", "gap")
            ),
            reader_words(str(row["reason"])) if is_said(row["reason"]) else "",
        )
        for row in rows.to_dict("records")
    ]
    note = (
        "The difference is the school's result, less the column beside it, less the correction for "
        "the differences that remain between the schools. One school's figure changes a great deal "
        "by chance: little should be read into any one."
    )
    outcome = outcome_label(chapter.programme.primary)
    return make_table(f"{caption}, {outcome}, {known.unit}", columns, cells, note=note)


# What the estimate rests on ----------------------------------------------------------------------


def table_balance(programme: Programme, balance: pd.DataFrame) -> PaperTable:
    """Show how alike the schools are, before and after the choice of comparison schools."""
    columns = {
        "What": 2.6, "Programme's schools": 1.1, "All schools": 0.9, "Comparison schools": 1.1,
        "Difference before": 1.1, "Difference after": 1.1,
    }  # fmt: skip
    rows = [
        (
            label_variable(str(row["variable"])),
            *(figure(row[f"mean_{who}"], 1) for who in ("compared", "pool", "comparison")),
            *(figure(row[f"smd_{when}"], 2, signed=True) for when in ("before", "after")),
        )
        for row in balance.reset_index().to_dict("records")
    ]
    note = (
        f"A difference is the {BALANCE_DEFINITION}. Within {SATISFIED} schools are as good as "
        f"the same; beyond {TOO_FAR} they differ too much to be compared. Before: all the "
        f"programme's schools; after: the {_compared_words(balance)}."
    )
    caption = f"{programme.title}: how similar the schools were before the start"
    return make_table(caption, columns, rows, note=note)


def _compared_words(balance: pd.DataFrame) -> str:
    """Write how many schools are compared, with how many."""
    if balance.empty:
        return "schools that are compared"
    first = balance.iloc[0]
    return (
        f"{count_words(int(first['n_compared']), 'school')} that are compared, with "
        f"{count_words(int(first['n_comparison']), 'comparison school')}"
    )


def table_flow(programme: Programme, found: ProgrammeResults) -> PaperTable:
    """Show how many schools each rule left out, of all and of the programme's."""
    rows = [
        (
            reader_words(str(row["step"])),
            *(figure(row[name]) for name in ("left_out", "kept", "members_kept")),
        )
        for row in found.flow.to_dict("records")
    ]
    if saved := found.pictures.get("flow"):
        ends = saved.table[saved.table["role"].isin(["programme", "comparison"])]
        rows += [
            (str(row["words"]), "", figure(row["schools"]), figure(row["members"]))
            for row in ends.to_dict("records")
        ]
    columns = {"Rule": 3.2, "Left out": 1.0, "Schools left": 1.0, "Of which the programme's": 1.2}
    caption = f"{programme.title}: which schools could be compared, and who was left out"
    return make_table(caption, columns, rows)


def table_checks(programme: Programme, checks: pd.DataFrame, result: Result) -> PaperTable:
    """Show the estimate under every check, by kind, the headline's first."""
    caption = f"{programme.title}: the same estimate under other choices"
    caption = f"{caption}, {outcome_label(result.outcome)}"
    columns = {"Kind": 1.4, "Check": 2.6, "Estimate": 0.9, "95% interval": 1.2, "Schools": 0.8,
               "In 100 groups without the programme": 1.1}  # fmt: skip
    if checks.empty:
        return make_table(caption, columns, empty="No check was made.")
    own = checks.loc[checks["outcome"] == result.outcome]
    held = own["note"].eq(f"cannot be made: {HELD}")
    rows = [
        (
            CHECK_KINDS[str(row["kind"])],
            check_words({**row, "note": HELD} if back else row),
            figure(row["estimate"], result.places, signed=True, none="to follow"),
            interval(row["low"], row["high"], result.places),
            DASH if back else figure(row["n_schools"]),
            how_often(row),
        )
        for row, back in zip(own.to_dict("records"), held, strict=True)
        if back or pd.notna(row["estimate"])
    ]
    note = (
        "Intervals allow for all results looked at together, as the headline's does; each rests on "
        "groups of its own, so that one of fewer schools can be narrower. The last column is of "
        "each row alone. "
    ) + not_made_words(own.loc[own["estimate"].isna(), "note"])
    return make_table(f"{caption}, {result.unit}", columns, rows, note=note)


def check_words(row: Mapping[Any, Any]) -> str:
    """Name a check for readers, with how it is made and what else it found."""
    name = reader_words(str(row["check"]))
    said = [reader_words(str(row[one])) for one in ("note", "detail") if is_said(row[one])]
    return f"{name} ({'; '.join(said)})" if said else name


def how_often(row: Mapping[Any, Any]) -> Cell:
    """Return how many of a hundred placebo programmes went as far; other methods drew none."""
    if pd.isna(row["p"]) or row["kind"] == "method":
        return DASH
    hundred = per_hundred(row["p"])
    return figure(hundred) if hundred else "fewer than 1"


def not_made_words(notes: pd.Series) -> str:
    """Write how many checks could not be made, and why, each reason once."""
    reasons = notes.str.removeprefix("cannot be made: ").value_counts(sort=False)
    if reasons.empty:
        return ""
    said = "; ".join(f"{n} because {reader_words(str(why))}" for why, n in reasons.items())
    left = count_words(int(reasons.sum()), "check")
    return f"{left} could not be made: {said}."


def table_calibration(programme: Programme, calibration: pd.DataFrame) -> PaperTable:
    """Show how often each way of estimating finds an effect where nothing was done."""
    caption = f"{programme.title}: how often each way finds an effect where nothing was done"
    columns = {"Way of estimating": 2.2, "Judged by": 1.8, "False alarms in 100": 1.0,
               "Average error": 1.3, "Spread": 1.2}  # fmt: skip
    if calibration.empty:
        return make_table(caption, columns, empty="Not calculated.")
    own = calibration.loc[calibration["outcome"] == programme.primary]
    hardest = own["selection"].iloc[-1] if len(own) else ""
    rows = [
        (
            reader_words(str(row["estimator"])),
            reader_words(str(row["judged_by"])),
            with_error(100 * row["false_alarm_rate"], 100 * row["false_alarm_se"]),
            with_error(row["mean"], row["mean_se"], 2, signed=True),
            with_error(row["spread"], row["spread_se"], 2),
        )
        for row in own.loc[own["selection"] == hardest].to_dict("records")
    ]
    note = (
        f"Groups of schools without the programme, picked as {hardest}. A sound way raises a false "
        "alarm 5 times in 100 and errs by nothing on average. In brackets: standard errors. Errors "
        f"are in {find_measure(programme.primary).unit}."
    )
    return make_table(caption, columns, rows, note=note)


# What it is worth --------------------------------------------------------------------------------


def table_sizes(programme: Programme, sizes: pd.DataFrame) -> PaperTable:
    """Show each effect on the pupils' and the schools' scale and in months, or the reason not."""
    found = sizes.to_dict("records")
    rows = [
        (
            outcome_label(str(row["outcome"])),
            *(scaled(row, name) for name in ("size", "smallest", "smallest_size", "months", "g")),
            reader_words(str(row["reason"] if is_said(row["reason"]) else row["how"])),
        )
        for row in found
    ]
    note = (
        "Each with its 95% interval. Only a size between pupils can become months: schools "
        "differ far less than pupils do, so Hedges' g between schools is larger and cannot be set "
        "beside sizes in other reports."
    )
    if any(row["months_mark"] == "M" for row in found):
        note = f"{note} {FROM_MEMORY}"
    return make_table(
        f"{programme.title}: the same effects on other scales",
        {"Outcome": 2.0, "In pupils' standard deviations": 1.3, "Smallest likely to be found": 1.1,
         "The same between pupils": 0.9, "Months of progress": 1.2,
         "Hedges' g, between schools": 1.2, "How": 2.0},
        rows,
        note=note if rows else "",
    )  # fmt: skip


def table_weighed(chapter: Chapter) -> PaperTable:
    """Show each effect weighed with what large trials find, and its chances before and after."""
    rows, left = [], []
    for row in chapter.found.weighed.to_dict("records"):
        name = str(row["outcome"])
        if is_said(row["reason"]):
            label = outcome_label(name)
            left.append(f"{label[0].upper()}{label[1:]} is not combined: {row['reason']}.")
            continue
        places = find_measure(name).decimals
        chances = [
            f"{now} (before: {chance_range(row, f'{which}_before')})" if now else DASH
            for which in ("helped", "two_months")
            for now in [chance_range(row, which)]
        ]
        estimate = figure(row["estimate"], places, signed=True, unit=f" {row['unit']}")
        low, high = sorted(row[f"shrunken_{prior.name}"] for prior in PRIORS)
        rows.append((outcome_label(name), estimate, interval(low, high, places), *chances))
    note = (
        "Chances are in 100, to the nearest 5; in brackets what they were before these results. "
        "Each range is over two starting points: what large published trials find (on average "
        f"{TRIALS.mean} of pupils' standard deviation), and a sceptic's, no effect on average. No "
        "verdict rests on this table."
    )
    return make_table(
        f"{chapter.programme.title}: the same effects combined with what large trials find",
        {"Outcome": 2.2, "Estimate": 1.3, "Combined with trials": 1.2,
         "Chance that it helped at all": 1.6, "Chance of two months or more": 1.6},
        rows,
        note=" ".join([note, *left]) if rows else " ".join(left),
        empty="No effect could be combined with those of trials.",
    )  # fmt: skip


def list_from_memory(sizes: Iterable[pd.DataFrame]) -> list[str]:
    """List the tables of months that were used and not read at their source, each once."""
    used = [
        str(row["months_table"])
        for table in sizes
        for row in table.to_dict("records")
        if row["months_mark"] == "M" and pd.notna(row["months_low"])
    ]
    return [
        f"months of progress: check the table {name}, kept from memory, against a recent report"
        for name in dict.fromkeys(used)
    ]


def scaled(row: Mapping[Any, Any], name: str) -> Cell:
    """Return an effect on one scale with its interval, or the smallest likely to be found."""
    if name == "smallest":
        places = find_measure(str(row["outcome"])).decimals
        return figure(row["smallest"], places, unit=f" {row['unit']}")
    if name == "smallest_size":
        return figure(row["smallest_size"], 2)
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    if name == "months" and pd.isna(row[name]) and pd.notna(low):
        return f"range {format_interval(low, high, 0)}"
    places = 0 if name == "months" else 2
    return with_interval((row[f"{name}{end}"] for end in ("", "_low", "_high")), places)


def table_grades(programme: Programme, grades: pd.DataFrame) -> PaperTable:
    """Show the grade an evaluation gives itself, with all it rests on, one row per input."""
    rows = [
        (
            re.split(r",| self-assessed", str(row["scale"]))[0],
            str(row["input"]).capitalize(),
            str(row["value"]),
            figure(row["allows"], 1, none=""),
            str(row["note"]) if is_said(row["note"]) else "",
        )
        for row in grades.to_dict("records")
    ]
    note = (
        "A self-assessment: no one outside has given this grade. Security starts from the "
        "lowest of what the design, the smallest detectable effect and the loss of schools allow; "
        "each threat then takes something away."
    )
    return make_table(
        f"{programme.title}: how strong the evidence is, by our own assessment",
        {"Scale": 1.2, "What it rests on": 1.8, "Here": 1.3, "Allows, or takes away": 0.9,
         "Note": 2.0},
        rows,
        note=note if rows else "",
    )  # fmt: skip


def table_described(programme: Programme, held: pd.DataFrame) -> PaperTable:
    """Show what only the authority holds by school, beside its own series and England's."""
    rows = []
    for (name, year), part in held.groupby(["measure", "year"]) if len(held) else ():
        by = {str(row["whose"]): row for row in part.to_dict("records")}
        cells = [_described(str(name), by.get(whose)) for whose in (OWN, HERE, ENGLAND)]
        pupils = figure(by[OWN]["n_pupils"]) if OWN in by else DASH
        rows.append((outcome_label(str(name)), school_year(int(year)), *cells, pupils))
    note = (
        "No other school's results of these pupils are published, so there is nothing to "
        "compare them with and no effect can be given. The schools stand together, each pupil "
        "counting equally."
    )
    return make_table(
        f"{programme.title}: results without a comparison",
        {"Outcome": 2.6, "School year": 0.9, "The programme's schools": 1.2, "The authority": 1.0,
         "England": 0.8, "Pupils of the programme's schools": 1.2},
        rows,
        note=note if rows else "",
        empty="The sources hold no results of groups that are never published by school.",
    )  # fmt: skip


def table_national_gap(programme: Programme, gap: pd.DataFrame) -> PaperTable:
    """Show how far disadvantaged pupils were from England's other pupils, before and after."""
    columns = {"School year": 1.0, "These schools' disadvantaged pupils": 1.4,
               "England's disadvantaged pupils": 1.3, "England's other pupils": 1.2, "Gap": 0.8,
               "Schools": 0.8, "Pupils": 0.8, "Release": 1.0}  # fmt: skip
    figures = ("own", "england_own", "england_other", "gap")
    rows = [
        (
            school_year(int(row["year"])),
            *(figure(row[name], 1, signed=name == "gap") for name in figures),
            *(figure(row[name]) for name in ("n_schools", "n_pupils")),
            str(row["release"]) if is_said(row["release"]) else DASH,
        )
        for row in gap.to_dict("records")
    ]
    caption = f"{programme.title}: the gap to England's other pupils"
    if rows:
        caption = f"{caption}, {outcome_label(str(gap['outcome'].iloc[0]))}"
    note = (
        "The schools with these pupils' results in every year; each pupil counts equally. Against "
        "comparison schools the effect on this gap is the effect on these pupils' own results."
    )
    return make_table(caption, columns, rows, note=note if rows else "")


def table_series(programme: Programme, series: pd.DataFrame) -> PaperTable:
    """Show the lines of a group that only authorities publish as numbers, as they were drawn."""
    columns = {"School year": 1.0, "The authority": 0.9, "England": 0.8,
               "Middle half of authorities": 1.2, "Change from the two years before": 1.2,
               "In England": 0.8, "Usual change (standard deviation)": 1.2,
               "Note": 2.0}  # fmt: skip
    rows = [
        (
            school_year(int(row["year"])),
            *(figure(row[name], 1) for name in ("here", "england")),
            interval(row["low"], row["high"]),
            *(figure(row[name], 1, signed=True) for name in ("change", "england_change")),
            figure(row["spread"], 1),
            reader_words(str(row["reason"])) if is_said(row["reason"]) else "",
        )
        for row in series.to_dict("records")
    ]
    caption = f"{programme.title}: what only authorities publish"
    if rows:
        caption = f"{caption}, {outcome_label(str(series['measure'].iloc[0]))}"
    return make_table(
        caption, columns, rows,
        note="No effect is estimated: a change of a whole authority is not a programme's."
        if rows else "",
    )  # fmt: skip


def _described(name: str, row: Mapping[Any, Any] | None) -> Cell:
    if row is None:
        return DASH
    none = str(row["reason"]) if is_said(row["reason"]) else DASH
    return figure(row["value"], find_measure(name).decimals, none=none)


def table_phases(parts: Sequence[Programme], results: Mapping[str, ProgrammeResults]) -> PaperTable:
    """Show the first outcome of each phase of a programme on the scale that they share."""
    found = [(part, results[part.slug]) for part in parts]
    caption = (
        f"{parts[0].title.removesuffix(f': {parts[0].phase} schools')}: both phases on one scale"
    )
    columns = {"Schools": 1.2, "Outcome": 2.6, "In pupils' standard deviations": 1.6, "Number": 0.8,
               "Verdict": 1.3}  # fmt: skip
    held = any(_is_held(one, part.primary) for part, one in found)
    if held or any(one.sizes.empty for _, one in found):
        return make_table(caption, columns)
    rows = []
    for part, one in found:
        effect = one.effects.iloc[0]
        size = one.sizes.set_index("outcome").loc[effect["outcome"]]
        rows.append((
            part.phase.capitalize(),
            outcome_label(str(effect["outcome"])),
            with_interval((size["size"], size["size_low"], size["size_high"]), 2),
            figure(effect["n_schools"]),
            str(effect["verdict"]),
        ))  # fmt: skip
    return make_table(
        caption, columns, rows,
        note="Each phase was compared with its own schools. Their results share no unit, and no "
        "effect on both together is estimated.",
    )  # fmt: skip


def _is_held(found: ProgrammeResults, outcome: str) -> bool:
    refused = found.refused
    return bool(
        len(refused) and refused.loc[refused["outcome"] == outcome, "reason"].eq(HELD).any()
    )

"""Tables for readers of what an effect is worth: on every scale, and how strong the evidence is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from pepstats.blocks import Entry, PaperTable, make_table
from pepstats.described import ENGLAND, HERE, OWN
from pepstats.evidence import ProgrammeResults, is_said
from pepstats.phases import pool_phases
from pepstats.programme import Programme
from pepstats.words import (
    count_words,
    measure,
    outcome_label,
    per_hundred,
    school_year,
    show,
    show_span,
)

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
            str(row["reason"] if is_said(row["reason"]) else row["how"]),
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
    return f"{show(at, 2, signed=True)} ({show_span(low, high, 2)})"


def _smallest_words(row: dict[str, object]) -> str:
    places = measure(str(row["outcome"])).decimals
    unit = f"{show(float(str(row['smallest'])), places)} {row['unit']}"
    size = float(str(row["smallest_size"]))
    return unit if pd.isna(size) else f"{unit} ({show(size, 2)})"


def _months_words(row: dict[str, object]) -> str:
    if pd.isna(row["months"]):
        return "none"
    at, low, high = (float(str(row[n])) for n in ("months", "months_low", "months_high"))
    return f"{show(at, 0, signed=True)} ({show_span(low, high, 0)})"


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
            "" if pd.isna(row["allows"]) else show(float(row["allows"]), 1),
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
    return f"{show(float(row['value']), measure(name).decimals)}{behind}"


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
            f"{show(row['size'], 2, signed=True)} ({show_span(row['low'], row['high'], 2)})"
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

"""The city's table in HTML: every school, sortable (exempt), or counts that name none (public)."""

from __future__ import annotations

import base64
import hashlib
from typing import Any, Literal

import numpy as np
import pandas as pd

from pepstats import words
from pepstats.autumn import Report
from pepstats.disclosure import FEWEST_SCHOOLS, HIDDEN, TOTAL, protect_counts
from pepstats.explain import SHAPES
from pepstats.priority import Ratings, count_unsure
from pepstats.sheets import EXEMPT, INVENTED, Page, environment, sheet_name, style

Edition = Literal["public", "exempt"]
Table = dict[str, Any]

_COLUMNS = {
    "School": "text", "Priority": "number", "How sure": "number", "Most likely": "number",
    "Score": "number", "Rank": "number", "Likely rank": "number", "Coverage": "number",
    "Phase": "text", "Governance": "text", "Trust": "text",
}  # fmt: skip


def write_city_table(
    rated: Ratings, report: Report, *, edition: Edition, plan: pd.DataFrame | None = None
) -> str:
    """Give the city's table as one HTML page that asks nothing of the network.

    The exempt edition lists every school and sorts in the browser, by keyboard too; each name
    is a link to its sheet in the same folder, `plan` (`support.sum_support`) adds the days.
    The public edition has counts only: no school, no trust, and no count of one or two schools.
    """
    exempt = edition == "exempt"
    marks = ((EXEMPT,) if exempt else ()) + ((INVENTED,) if report.invented else ())
    page = Page(f"Schools by priority, {words.school_year(rated.year)}", marks)
    city: Table = {
        "criteria": rated.dashboard.line,
        "school_year": words.school_year(rated.year),
        "lines": _lines(rated, exempt),
        "notes": _notes(rated, exempt),
        "summaries": [],
        "columns": [],
        "schools": [],
    }
    if exempt:
        city["summaries"] = [_by(rated, "governance"), *_trusts(rated), *_days(plan)]
        city["columns"], city["schools"] = _columns(rated), _schools(rated)
    else:
        city["summaries"] = [_counts(rated), _colours(rated)]
    templates = environment()
    script = templates.loader.get_source(templates, "city-table.js")[0].strip()
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    html: str = templates.get_template("city-table.html").render(
        page=page, city=city, css=style(page), script=script, script_hash=digest if exempt else ""
    )
    return html


def _lines(rated: Ratings, exempt: bool) -> list[str]:
    table = rated.ratings
    there = table[table["rating"].notna()]
    if there.empty:
        return ["No school could be rated."]
    unsure = count_unsure(table)
    said = words.count_words(unsure, "school")
    if not exempt and 0 < unsure < FEWEST_SCHOOLS:
        said = f"fewer than {FEWEST_SCHOOLS} schools"
    return [
        f"{len(there)} of {words.count_words(len(table), 'school')} are rated, 1 the highest "
        f"priority. {said[0].upper()}{said[1:]} would be rated otherwise in more than 20 of 100 "
        f"draws of what chance could have given.",
    ]


def _notes(rated: Ratings, exempt: bool) -> list[str]:
    labels = {indicator.id: indicator.label for indicator in rated.dashboard.indicators}
    notes = []
    if rated.no_source:
        lacking = words.list_words(labels[name] for name in rated.no_source)
        notes.append(
            f"No school in this study has a value for: {lacking}. Coverage is of the other "
            "indicators, by weight."
        )
    least = words.per_hundred(rated.dashboard.least_coverage)
    notes.append(f"A school with under {least}% coverage is not rated.")
    moved = words.per_hundred(rated.dashboard.weights_move)
    notes.append(
        "How sure: how many of 100 draws give the same rating. "
        f"{rated.draws:,} draws were made, of each school's likely true figures given its pupils "
        f"and schools like it, with weights moved by up to {moved}%."
    )
    if not exempt:
        notes.append(
            f"{HIDDEN}: fewer than {FEWEST_SCHOOLS} schools, or a number from which such a one "
            "could be worked out. Schools and their ratings are in the exempt edition."
        )
    return notes


def _columns(rated: Ratings) -> list[dict[str, str]]:
    kept = [i for i in rated.dashboard.indicators if i.id not in rated.no_source]
    shown = [{"name": name, "kind": kind} for name, kind in _COLUMNS.items()]
    return shown + [{"name": f"{i.label} (theme {i.theme})", "kind": "number"} for i in kept]


def _schools(rated: Ratings) -> list[dict[str, Any]]:
    """Lay the schools out, the highest priority first, each cell with what it sorts by."""
    order = rated.ratings.assign(by=rated.ratings["rating"].astype(float).fillna(9))
    order = order.sort_values(["by", "score", "name"], ascending=[True, False, True], kind="stable")
    colours = rated.contributions["rag"].unstack("indicator")
    kept = [i.id for i in rated.dashboard.indicators if i.id not in rated.no_source]
    rows = []
    for school, row in order.iterrows():
        cells = [*_own_cells(row), *(_colour_cell(colours.loc[school, name]) for name in kept)]
        sheet = sheet_name(int(school))
        rows.append({"governance": str(row["governance"]), "sheet": sheet, "cells": cells})
    return rows


def _own_cells(row: pd.Series) -> list[dict[str, Any]]:
    rated = pd.notna(row["rating"])
    trust = row["trust"] if isinstance(row["trust"], str) else ""
    own = row[f"p{row['rating']}"] if rated else np.nan
    likely = max((1, 2, 3), key=lambda n: row[f"p{n}"])
    rank = (
        (int(row["rank"]), f"{int(row['rank_low'])} to {int(row['rank_high'])}") if rated else None
    )
    numbers = [
        (str(row["rating"]) if rated else "not rated", row["rating"] if rated else ""),
        (f"{words.per_hundred(own)} of 100" if rated else "", own if rated else ""),
        (f"priority {likely}" if rated else "", likely if rated else ""),
        (words.show(row["score"], 2) if rated else "", row["score"] if rated else ""),
        (str(rank[0]) if rank else "", rank[0] if rank else ""),
        (rank[1] if rank else "", row["rank_low"] if rated else ""),
        (f"{words.per_hundred(row['coverage'])}%", row["coverage"]),
    ]
    texts = [str(row["phase"]), str(row["governance"]), trust]
    return [
        {"text": str(row["name"])},
        *({"text": text, "sort": sort, "numeric": True} for text, sort in numbers),
        *({"text": text, "sort": text, "numeric": False} for text in texts),
    ]


def _colour_cell(rag: object) -> dict[str, Any]:
    word = rag if isinstance(rag, str) else ""
    order = {"red": 1, "amber": 2, "green": 3}.get(word, "")
    return {"rag": word, "shape": SHAPES[word], "sort": order, "text": "no value"}


def _count(table: pd.DataFrame) -> list[int]:
    """Count the schools of each rating, and those not rated."""
    rating = table["rating"]
    return [int((rating == n).sum()) for n in (1, 2, 3)] + [int(rating.isna().sum())]


_RATED = ["Priority 1", "Priority 2", "Priority 3", "Not rated"]


def _by(rated: Ratings, column: str) -> Table:
    groups = rated.ratings.groupby(rated.ratings[column].fillna("none listed").astype(str))
    rows = [[name, *_count(part)] for name, part in groups]
    if column == "governance":
        rows.append(["all schools", *_count(rated.ratings)])
    return {
        "title": f"By {column}", "caption": f"Schools of each priority by {column}",
        "columns": [column.capitalize(), *_RATED], "rows": rows,
    }  # fmt: skip


def _trusts(rated: Ratings) -> list[Table]:
    trust = rated.ratings["trust"].map(lambda name: name if isinstance(name, str) else "")
    listed = rated.ratings[trust != ""]
    return [] if listed.empty else [_by(Ratings(**{**vars(rated), "ratings": listed}), "trust")]


def _days(plan: pd.DataFrame | None) -> list[Table]:
    """Lay out the days planned and given, by rating and governance."""
    if plan is None:
        return []
    rows = []
    for (rating, governance), row in plan.iterrows():
        name = "all schools" if rating == "all" else f"{rating}, {governance}"
        days = [row["planned"], row["delivered"]]
        shown = [words.show(each) if np.isfinite(each) else "" for each in days]
        rows.append([name, f"{row['schools']:.0f}", *shown])
    caption = "Days of support planned by the rating, and given so far"
    columns = ["Priority and governance", "Schools", "Days planned", "Days given"]
    return [{"title": "Support", "caption": caption, "columns": columns, "rows": rows}]


def _counts(rated: Ratings) -> Table:
    """Count schools by governance and rating, protected so that no one or two can be worked out."""
    groups = {str(name): _count(part) for name, part in rated.ratings.groupby("governance")}
    counts = pd.DataFrame.from_dict(groups, orient="index", columns=_RATED)
    shown = _protect(counts, "schools of each priority")
    rows = [[name, *row] for name, row in zip(shown.index, shown.to_numpy().tolist(), strict=True)]
    columns = ["Governance", *_RATED, TOTAL]
    caption = "Schools of each priority"
    return {"title": "How many schools", "caption": caption, "columns": columns, "rows": rows}


def _colours(rated: Ratings) -> Table:
    """Count schools by colour for each indicator, protected line by line."""
    lines = rated.contributions
    colours = ("red", "amber", "green", "")
    rows = []
    for indicator in rated.dashboard.indicators:
        if indicator.id in rated.no_source:
            continue
        rag = lines.xs(indicator.id, level="indicator")["rag"]
        counts = pd.DataFrame([[int((rag == word).sum()) for word in colours]], index=["schools"])
        shown = _protect(counts, indicator.label).iloc[0].tolist()[:-1]
        rows.append([f"{indicator.label} (theme {indicator.theme})", *shown])
    shapes = [f"{SHAPES[word]} {word}" for word in colours[:3]]
    columns = ["Indicator", *shapes, "no value"]
    caption = "Schools of each colour, by indicator"
    return {
        "title": "What the indicators say",
        "caption": caption,
        "columns": columns,
        "rows": rows,
    }


def _protect(counts: pd.DataFrame, name: str) -> pd.DataFrame:
    """Write counts with totals, and hide those of one or two schools and what would tell them."""
    return protect_counts(counts, name=name, smallest=FEWEST_SCHOOLS - 1).words()

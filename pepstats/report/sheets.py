"""One page per school in HTML, as it is sent to that school.

A sheet shows a rating beside a school's name, so it is always exempt from publication and marked so
on screen and on every printed page.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import pandas as pd

from pepstats import paths
from pepstats.document import css_text
from pepstats.formatting import (
    count_words,
    format_number,
    join_words,
    long_date,
    per_hundred,
    school_year,
)
from pepstats.measures import MEASURES
from pepstats.priority import (
    DERIVED,
    NOT_HERE,
    SHAPES,
    THEMES,
    Indicator,
    Partnership,
    Ratings,
    count_unsure,
)
from pepstats.report.disclosure import FEWEST_SCHOOLS, HIDDEN, TOTAL, protect_counts
from pepstats.settings import Report

EXEMPT = (
    "EXEMPT - not for publication (Local Government Act 1972, Schedule 12A, paragraphs 1 and 2)"
)

INVENTED = "Invented data: no school here is real"

_BLUES = ("#12436d", "#2073bc", "#bfd9f2")

_GRADES = {1: "outstanding", 2: "good", 3: "requires improvement", 4: "inadequate"}


@dataclass(frozen=True)
class Page:
    """What every page has: its title and the marks it bears, on screen and in print."""

    title: str
    marks: tuple[str, ...]


def write_sheets(
    rated: Ratings, report: Report, *, plans: Mapping[str, pd.DataFrame] | None = None,
    changes: pd.DataFrame | None = None, partnership: Partnership | None = None,
) -> dict[str, str]:  # fmt: skip
    """Give each school's sheet as HTML, by file name.

    `plans` is `support.plan_years`, `changes` is `support.compare_ratings`; each adds its lines.
    A page asks nothing of the network and is marked exempt, on screen and on every printed page.
    """
    marks = (EXEMPT, INVENTED) if report.invented else (EXEMPT,)
    template = environment().get_template("sheet.html")
    lines = {school: part.droplevel(0) for school, part in rated.contributions.groupby(level=0)}
    pages = {}
    for school, row in rated.ratings.iterrows():
        page = Page(str(row["name"]), marks)
        sheet = _sheet(rated, report, row, lines[school])
        sheet["support"] = _support_lines(plans or {}, rated.year, school)
        sheet["activities"] = _activity_lines(partnership, school)
        if changes is not None and school in changes.index:
            sheet["lines"] += _change_lines(changes.loc[school])
        pages[sheet_name(int(school))] = template.render(
            page=page, sheet=sheet, css=style(page), script_hash=""
        )
    return pages


def sheet_name(school: int) -> str:
    """Name the file of a school's sheet."""
    return f"sheet-{school}.html"


@lru_cache(maxsize=1)
def environment() -> Any:
    """Give the templates, every hole of which is escaped."""
    import jinja2

    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(paths.TEMPLATES), autoescape=True, trim_blocks=True,
        lstrip_blocks=True, undefined=jinja2.StrictUndefined,
    )  # fmt: skip
    found.filters["css_text"] = css_text
    return found


def style(page: Page) -> str:
    """Give a page's style: the paper's own, marks on every printed page, and the sheets' own."""
    paper = environment().get_template("paper.css").render(document=page)
    return f"{paper}\n{environment().get_template('sheet.css').render()}"


def _sheet(rated: Ratings, report: Report, row: pd.Series, lines: pd.DataFrame) -> dict[str, Any]:
    indicators = {indicator.id: indicator for indicator in rated.dashboard.indicators}
    groups: dict[str, list[dict[str, Any]]] = {}
    elsewhere = []
    for name, line in lines.iterrows():
        if str(name) in rated.no_source or line["reason"] == NOT_HERE:
            elsewhere.append(str(line["label"]))
        else:
            groups.setdefault(str(line["heading"]), []).append(_line(indicators[str(name)], line))
    there = pd.notna(row["rating"])
    facts = [
        ("Authority", str(row["la"])), ("Phase", str(row["phase"])),
        ("Governance", str(row["governance"])), ("Trust", _text(row["trust"])),
        ("For", f"{report.meeting.body}, {long_date(report.meeting.date)}"),
        ("Coverage", f"{per_hundred(row['coverage'])}% of the weights that could apply here; "
                     f"{per_hundred(row['coverage_of_all'])}% of all the criteria"),
    ]  # fmt: skip
    return {
        "criteria": rated.dashboard.line, "school_year": school_year(rated.year),
        "facts": [(name, value) for name, value in facts if value],
        "rating": f"Priority {row['rating']} of 3" if there else "Not rated",
        "sure": sure_sentence(row) if there else "",
        "chances": _bar(row) if there else [],
        "lines": _rating_lines(rated, row) if there else [f"No rating: {row['no_rating']}."],
        "score": format_number(row["score"], 2), "groups": list(groups.items()),
        "elsewhere": "; ".join(elsewhere),
        "themes": [(n, t) for n, t in THEMES.items() if n in set(lines["theme"])],
    }  # fmt: skip


def sure_sentence(row: Mapping[str, Any]) -> str:
    """Say how sure a rating is, in so many of a hundred."""
    parts = [f"{per_hundred(row[f'p{n}'])} as priority {n}" for n in (1, 2, 3)]
    return f"Rated again 100 times as chance could have had it: {join_words(parts)}."


def _bar(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    ends = np.cumsum([0.0, *[100 * row[f"p{n}"] for n in (1, 2, 3)]])
    return [
        {"start": f"{start:.1f}", "width": f"{end - start:.1f}", "colour": colour}
        for start, end, colour in zip(ends[:-1], ends[1:], _BLUES, strict=True)
    ]


def _rating_lines(rated: Ratings, row: pd.Series) -> list[str]:
    lines = [
        sure_sentence(row),
        f"Of the {int(row['rank_of'])} rated schools of the authority, number {int(row['rank'])} "
        f"from the highest priority; 95 of 100 times between {int(row['rank_low'])} and "
        f"{int(row['rank_high'])}.",
        *(f"{part}." for part in row["reasons"].split(". ")),
    ]
    if row["would_change"]:
        lines.append(f"What alone would change it: priority {row['would_change']}.")
    if row["one_pupil"]:
        lines.append(f"One pupil matters here: priority {row['one_pupil']}.")
    return lines


def _line(indicator: Indicator, line: pd.Series) -> dict[str, Any]:
    release = _text(line["release"])
    return {
        "label": line["label"], "rag": line["rag"], "shape": SHAPES[str(line["rag"])],
        "value": _value(indicator, line), "comparison": _comparison(indicator, line),
        "interval": _span(indicator, line), "picture": _picture(indicator, line),
        "signal": line["signal"], "weight": f"{line['weight']:g}", "theme": line["theme"],
        "release": f"{line['year']} {release}".strip(), "reason": line["reason"],
    }  # fmt: skip


def _value(indicator: Indicator, line: pd.Series) -> str:
    value = line["value"]
    if indicator.of in ("floor", "ofsted_repeat"):
        return "yes" if value == 1 else "no"
    if indicator.of == "coasting":
        return f"{value:.0f} of 3 years"
    if indicator.of == "ofsted_grade":
        return _GRADES.get(int(value), "") if np.isfinite(value) else ""
    if indicator.of == "ofsted_age":
        return f"{format_number(value)} years"
    if indicator.shown == "trend":
        return f"{format_number(value, 1, signed=True)} a year"
    return _measured(indicator, line["published"])


def _measured(indicator: Indicator, value: float) -> str:
    known = MEASURES[indicator.of]
    if known.percent:
        return f"{format_number(value)}%"
    return format_number(value, known.decimals, signed="progress" in known.unit.lower())


def _comparison(indicator: Indicator, line: pd.Series) -> str:
    if indicator.of in DERIVED or not np.isfinite(line["comparison"]):
        return ""
    if indicator.shown == "trend":
        return "England's change"
    return _measured(indicator, line["comparison"])


def _span(indicator: Indicator, line: pd.Series) -> str:
    """Say the interval in the school's own figures, so that it reads beside them."""
    if not np.isfinite(line["low"]):
        return ""
    compared = indicator.compare is not None and indicator.shown == "value"
    shift = line["published"] - line["value"] if compared else 0.0
    ends = np.array([line["low"], line["high"]]) + shift
    known = MEASURES[indicator.of]
    signed = indicator.shown == "trend" or "progress" in known.unit.lower()
    if not signed:
        ends = np.clip(ends, 0, 100 if known.percent else None)
    return " to ".join(format_number(end, known.decimals, signed=signed) for end in ends)


def _picture(indicator: Indicator, line: pd.Series) -> dict[str, str] | None:
    """Place dot and bar about the comparison, better to the right, on the row's own scale."""
    if not np.isfinite(line["low"]):
        return None
    against = 0.0 if indicator.compare else line["comparison"]
    ends = np.array([line["low"], line["value"], line["high"]]) - against
    ends = np.sort(-ends) if indicator.worse == "high" else ends
    reach = max(float(np.abs(ends).max()), 1e-9)
    low, dot, high = 60 + 54 * ends / reach
    return {"low": f"{low:.1f}", "width": f"{high - low:.1f}", "dot": f"{dot:.1f}"}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _support_lines(plans: Mapping[str, pd.DataFrame], year: int, school: object) -> list[str]:
    """Say what is planned for the year that follows, and what last year's plan came to."""
    lines = []
    for name, after in (("support", year), ("support-last-year", year - 1)):
        if name not in plans or school not in plans[name].index:
            continue
        row, when = plans[name].loc[school], school_year(after + 1)
        given = (
            f"; {format_number(row['delivered'])} given" if np.isfinite(row["delivered"]) else ""
        )
        if np.isfinite(row["planned"]):
            days = format_number(row["planned"])
            lines.append(f"{when}: {days} days planned ({row['provider']}){given}.")
        else:
            lines.append(f"{when}: none planned, for want of a rating{given}.")
    return lines


def _activity_lines(partnership: Partnership | None, school: object) -> list[str]:
    if partnership is None:
        return []
    part = partnership.taking_part
    own = set(part.loc[part["school"] == school, "activity"])
    return [
        f"{activity.title} ({activity.kind}, theme {activity.theme})"
        for activity in partnership.register.activities
        if activity.id in own
    ]


def _change_lines(row: pd.Series) -> list[str]:
    if row["change"] not in ("raised", "lowered"):
        return []
    chance = " The change is no more than chance could give." if row["chance"] else ""
    return [f"Last year priority {row['before']}. What moved: {row['why']}.{chance}"]


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
    page = Page(f"Schools by priority, {school_year(rated.year)}", marks)
    city: Table = {
        "criteria": rated.dashboard.line,
        "school_year": school_year(rated.year),
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
    said = count_words(unsure, "school")
    if not exempt and 0 < unsure < FEWEST_SCHOOLS:
        said = f"fewer than {FEWEST_SCHOOLS} schools"
    return [
        f"{len(there)} of {count_words(len(table), 'school')} are rated, 1 the highest "
        f"priority. {said[0].upper()}{said[1:]} would be rated otherwise in more than 20 of 100 "
        f"draws of what chance could have given.",
    ]


def _notes(rated: Ratings, exempt: bool) -> list[str]:
    labels = {indicator.id: indicator.label for indicator in rated.dashboard.indicators}
    notes = []
    if rated.no_source:
        lacking = join_words(labels[name] for name in rated.no_source)
        notes.append(
            f"No school in this study has a value for: {lacking}. Coverage is of the other "
            "indicators, by weight."
        )
    least = per_hundred(rated.dashboard.least_coverage)
    notes.append(f"A school with under {least}% coverage is not rated.")
    moved = per_hundred(rated.dashboard.weights_move)
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
        (f"{per_hundred(own)} of 100" if rated else "", own if rated else ""),
        (f"priority {likely}" if rated else "", likely if rated else ""),
        (format_number(row["score"], 2) if rated else "", row["score"] if rated else ""),
        (str(rank[0]) if rank else "", rank[0] if rank else ""),
        (rank[1] if rank else "", row["rank_low"] if rated else ""),
        (f"{per_hundred(row['coverage'])}%", row["coverage"]),
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
        shown = [format_number(each) if np.isfinite(each) else "" for each in days]
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

"""The priority ratings as pages in HTML: a sheet for each school, and the table of the city.

A sheet shows a rating beside a school's name, so it is always exempt from publication and marked so
on screen and on every printed page. A page asks nothing of the network.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from pepstats.document import html_templates
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
from pepstats.settings import Report

EXEMPT = (
    "EXEMPT - not for publication (Local Government Act 1972, Schedule 12A, paragraphs 1 and 2)"
)

INVENTED = "Invented data: no school here is real"
_GRADES = {1: "outstanding", 2: "good", 3: "requires improvement", 4: "inadequate"}
_RATED = ["Priority 1", "Priority 2", "Priority 3", "Not rated"]

_COLUMNS = {
    "School": "text", "Priority": "number", "How sure": "number", "Most likely": "number",
    "Score": "number", "Rank": "number", "Likely rank": "number", "Coverage": "number",
    "Phase": "text", "Governance": "text", "Trust": "text",
}  # fmt: skip


def write_sheets(
    rated: Ratings, report: Report, *, plans: Mapping[str, pd.DataFrame] | None = None,
    changes: pd.DataFrame | None = None, partnership: Partnership | None = None,
) -> dict[str, str]:  # fmt: skip
    """Write each school's sheet as HTML, by file name.

    `plans` is of `priority.plan_years`, `changes` of `priority.compare_ratings`; each adds lines.
    """
    lines = {school: part.droplevel(0) for school, part in rated.contributions.groupby(level=0)}
    marks, pages = _marks(report), {}
    for school, row in rated.ratings.iterrows():
        sheet = _sheet(rated, report, row, lines[school])
        sheet["support"] = _support_lines(plans or {}, rated.year, school)
        sheet["activities"] = _activities(partnership, school) if partnership else []
        if changes is not None and school in changes.index:
            sheet["lines"] += _change_lines(changes.loc[school])
        pages[sheet_name(int(school))] = _render("sheet.html", str(row["name"]), marks, sheet=sheet)
    return pages


def _marks(report: Report) -> tuple[str, ...]:
    return (EXEMPT, INVENTED) if report.invented else (EXEMPT,)


def sheet_name(school: int) -> str:
    """Name the file of a school's sheet."""
    return f"sheet-{school}.html"


def _render(template: str, title: str, marks: tuple[str, ...], **parts: object) -> str:
    """Fill a page; its style is the paper's own, marks on every printed page, and the sheets'."""
    templates, page = html_templates(), {"title": title, "marks": marks}
    paper = templates.get_template("paper.css").render(document=page)
    css = f"{paper}\n{templates.get_template('sheet.css').render()}"
    return str(templates.get_template(template).render(page=page, css=css, **parts))


def _sheet(rated: Ratings, report: Report, row: pd.Series, lines: pd.DataFrame) -> dict[str, Any]:
    indicators = {indicator.id: indicator for indicator in rated.dashboard.indicators}
    groups: dict[str, list[dict[str, Any]]] = {}
    elsewhere = []
    for name, line in lines.iterrows():
        if str(name) in rated.no_source or line["reason"] == NOT_HERE:
            elsewhere.append(str(line["label"]))
        elif str(name) in rated.left_out:
            elsewhere.append(f"{line['label']} ({line['reason']})")
        else:
            groups.setdefault(str(line["heading"]), []).append(_line(indicators[str(name)], line))
    there = pd.notna(row["rating"])
    facts = [
        ("Authority", str(row["la"])), ("Phase", str(row["phase"])),
        ("Governance", str(row["governance"])), ("Trust", _text(row["trust"])),
        ("For", f"{report.meeting.body}, {long_date(report.meeting.date)}"),
        ("Coverage", f"{per_hundred(row['coverage'])}% of all the criteria, by weight; "
                     f"{per_hundred(row['coverage_of_sourced'])}% of the criteria that this "
                     "study's files can fill"),
    ]  # fmt: skip
    return {
        "criteria": rated.dashboard.line, "school_year": school_year(rated.year),
        "facts": [(name, value) for name, value in facts if value],
        "rating": f"Priority {row['rating']} of 3" if there else "Not rated",
        "sure": sure_sentence(row) if there else "",
        "chances": [100 * row[f"p{n}"] for n in (1, 2, 3)] if there else [],
        "lines": _rating_lines(rated, row) if there else [f"No rating: {row['no_rating']}."],
        "score": format_number(row["score"], 2), "groups": list(groups.items()),
        "elsewhere": "; ".join(elsewhere),
        "themes": [(n, t) for n, t in THEMES.items() if n in set(lines["theme"])],
    }  # fmt: skip


def sure_sentence(row: Mapping[str, Any]) -> str:
    """Write how sure a rating is, in so many of a hundred."""
    parts = [f"{per_hundred(row[f'p{n}'])} as priority {n}" for n in (1, 2, 3)]
    return f"Rated again 100 times as chance could have had it: {join_words(parts)}."


def _rating_lines(rated: Ratings, row: pd.Series) -> list[str]:
    lines = [
        sure_sentence(row),
        *([f"Next year: {row['next_year']}."] if row.get("next_year") else []),
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
    return {
        **line,
        "shape": SHAPES[str(line["rag"])],
        "value": _value(indicator, line),
        "comparison": _comparison(indicator, line),
        "interval": _span(indicator, line),
        "picture": _picture(indicator, line),
        "weight": f"{line['weight']:g}",
        "release": f"{line['year']} {_text(line['release'])}".strip(),
    }


def _value(indicator: Indicator, line: pd.Series) -> str:
    value = line["value"]
    if indicator.of in ("floor", "ofsted_repeat", "stuck"):
        return "yes" if value == 1 else "no"
    if indicator.of == "coasting":
        return f"{value:.0f} of 3 years"
    if indicator.of in ("ofsted_grade", "inspection"):
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
    """Write the interval in the school's own figures, so that it reads beside them."""
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


def _picture(indicator: Indicator, line: pd.Series) -> dict[str, float] | None:
    """Place dot and bar about the comparison, better to the right, on the row's own scale."""
    if not np.isfinite(line["low"]):
        return None
    against = 0.0 if indicator.compare else line["comparison"]
    ends = np.array([line["low"], line["value"], line["high"]]) - against
    ends = np.sort(-ends) if indicator.worse == "high" else ends
    reach = max(float(np.abs(ends).max()), 1e-9)
    return dict(zip(("low", "dot", "high"), 60 + 54 * ends / reach, strict=True))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _support_lines(plans: Mapping[str, pd.DataFrame], year: int, school: object) -> list[str]:
    """Write what is planned for the year that follows, and what last year's plan came to."""
    lines = []
    for name, after in (("support", year), ("support-last-year", year - 1)):
        if name not in plans or school not in plans[name].index:
            continue
        row, planned = plans[name].loc[school], "none planned, for want of a rating"
        if np.isfinite(row["planned"]):
            planned = f"{format_number(row['planned'])} days planned ({row['provider']})"
        if np.isfinite(row["delivered"]):
            planned += f"; {format_number(row['delivered'])} given"
        lines.append(f"{school_year(after + 1)}: {planned}.")
    return lines


def _activities(partnership: Partnership, school: object) -> list[object]:
    part = partnership.taking_part
    own = set(part.loc[part["school"] == school, "activity"])
    return [activity for activity in partnership.register.activities if activity.id in own]


def _change_lines(row: pd.Series) -> list[str]:
    if row["change"] not in ("raised", "lowered"):
        return []
    chance = " The change is no more than chance could give." if row["chance"] else ""
    return [f"Last year priority {row['before']}. What moved: {row['why']}.{chance}"]


def write_city_table(rated: Ratings, report: Report) -> str:
    """Write the city's table as one HTML page, exempt: every school, sorted in the browser.

    By keyboard too; each name is a link to its sheet in the same folder. What the public may see is
    counted in the paper.
    """
    board, table = rated.dashboard, rated.ratings
    labels = {indicator.id: indicator.label for indicator in board.indicators}
    city = {
        "criteria": board.line, "school_year": school_year(rated.year),
        "schools": count_words(len(table), "school"),
        "unsure": count_words(count_unsure(table), "school"), "draws": f"{rated.draws:,}",
        "rated": int(table["rating"].notna().sum()), "counts": _count_schools(table),
        "lacking": join_words(labels[name] for name in rated.no_source),
        "left_out": join_words(f"{labels[i]} ({why})" for i, why in rated.left_out.items()),
        "least_coverage": per_hundred(board.least_coverage),
        "weights_move": per_hundred(board.weights_move), "shapes": SHAPES,
        "columns": [*_COLUMNS.items(), *((_headed(one), "number") for one in _shown(rated))],
        "rows": _rows(rated),
    }  # fmt: skip
    script = html_templates().get_template("city-table.js").render().strip()
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    title, marks = f"Schools by priority, {school_year(rated.year)}", _marks(report)
    shown = {"city": city, "script": script, "script_hash": digest}
    return _render("city-table.html", title, marks, **shown)


def _shown(rated: Ratings) -> list[Indicator]:
    """List the indicators that some school has a value for."""
    none = {*rated.no_source, *rated.left_out}
    return [one for one in rated.dashboard.indicators if one.id not in none]


def _headed(indicator: Indicator) -> str:
    return f"{indicator.label} (theme {indicator.theme})"


def _rows(rated: Ratings) -> list[dict[str, Any]]:
    """Lay the schools out, the highest priority first, each cell with what it sorts by."""
    order = rated.ratings.assign(by=rated.ratings["rating"].astype(float).fillna(9))
    order = order.sort_values(["by", "score", "name"], ascending=[True, False, True], kind="stable")
    colours = rated.contributions["rag"].unstack("indicator")
    return [
        {
            "name": row["name"], "governance": row["governance"], "sheet": sheet_name(int(school)),
            "numbers": _numbers(row),
            "texts": [str(row["phase"]), str(row["governance"]), _text(row["trust"])],
            "colours": [_text(colours.loc[school, one.id]) for one in _shown(rated)],
        }
        for school, row in order.iterrows()
    ]  # fmt: skip


def _numbers(row: pd.Series) -> list[tuple[str, Any]]:
    """Write a school's own figures, each with what it sorts by."""
    coverage = (f"{per_hundred(row['coverage'])}%", row["coverage"])
    if pd.isna(row["rating"]):
        return [("not rated", ""), *[("", "")] * 5, coverage]
    own = row[f"p{row['rating']}"]
    likely = max((1, 2, 3), key=lambda n: row[f"p{n}"])
    rank, low, high = (int(row[name]) for name in ("rank", "rank_low", "rank_high"))
    return [
        (str(row["rating"]), row["rating"]),
        (f"{per_hundred(own)} of 100", own),
        (f"priority {likely}", likely),
        (format_number(row["score"], 2), row["score"]),
        (str(rank), rank),
        (f"{low} to {high}", row["rank_low"]),
        coverage,
    ]


def _count(table: pd.DataFrame) -> list[int]:
    """Count the schools of each rating, and those not rated."""
    rating = table["rating"]
    return [int((rating == n).sum()) for n in (1, 2, 3)] + [int(rating.isna().sum())]


def _count_by(ratings: pd.DataFrame, column: str) -> dict[str, Any]:
    groups = ratings.groupby(ratings[column].fillna("none listed").astype(str))
    return {
        "title": f"By {column}", "caption": f"Schools of each priority by {column}",
        "columns": [column.capitalize(), *_RATED],
        "rows": [[name, *_count(part)] for name, part in groups],
    }  # fmt: skip


def _count_schools(ratings: pd.DataFrame) -> list[dict[str, Any]]:
    """Count schools of each rating by governance and, where any is in one, by trust."""
    by_governance, listed = _count_by(ratings, "governance"), ratings["trust"].map(_text) != ""
    by_governance["rows"].append(["all schools", *_count(ratings)])
    return [by_governance, *([_count_by(ratings[listed], "trust")] if listed.any() else [])]

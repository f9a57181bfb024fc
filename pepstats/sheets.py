"""One page per school in HTML, as it is sent to that school.

A sheet shows a rating beside a school's name, so it is always exempt from publication and marked so
on screen and on every printed page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pepstats import codes, words
from pepstats.autumn import Report
from pepstats.dashboard import DERIVED, Indicator
from pepstats.document import css_text
from pepstats.explain import NOT_HERE, SHAPES
from pepstats.partnership import THEMES, Partnership
from pepstats.priority import Ratings

TEMPLATES = Path(__file__).parent / "templates"
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
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True,
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
        ("For", f"{report.meeting.body}, {words.long_date(report.meeting.date)}"),
        ("Coverage", f"{words.per_hundred(row['coverage'])}% of the weights that could apply here; "
                     f"{words.per_hundred(row['coverage_of_all'])}% of all the criteria"),
    ]  # fmt: skip
    return {
        "criteria": rated.dashboard.line, "school_year": words.school_year(rated.year),
        "facts": [(name, value) for name, value in facts if value],
        "rating": f"Priority {row['rating']} of 3" if there else "Not rated",
        "sure": sure_sentence(row) if there else "",
        "chances": _bar(row) if there else [],
        "lines": _rating_lines(rated, row) if there else [f"No rating: {row['no_rating']}."],
        "score": words.show(row["score"], 2), "groups": list(groups.items()),
        "elsewhere": "; ".join(elsewhere),
        "themes": [(n, t) for n, t in THEMES.items() if n in set(lines["theme"])],
    }  # fmt: skip


def sure_sentence(row: Mapping[str, Any]) -> str:
    """Say how sure a rating is, in so many of a hundred."""
    parts = [f"{words.per_hundred(row[f'p{n}'])} as priority {n}" for n in (1, 2, 3)]
    return f"Rated again 100 times as chance could have had it: {words.list_words(parts)}."


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
        return f"{words.show(value)} years"
    if indicator.shown == "trend":
        return f"{words.show(value, 1, signed=True)} a year"
    return _measured(indicator, line["published"])


def _measured(indicator: Indicator, value: float) -> str:
    known = codes.MEASURES[indicator.of]
    if known.percent:
        return f"{words.show(value)}%"
    return words.show(value, known.decimals, signed="progress" in known.unit.lower())


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
    known = codes.MEASURES[indicator.of]
    signed = indicator.shown == "trend" or "progress" in known.unit.lower()
    if not signed:
        ends = np.clip(ends, 0, 100 if known.percent else None)
    return " to ".join(words.show(end, known.decimals, signed=signed) for end in ends)


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
        row, when = plans[name].loc[school], words.school_year(after + 1)
        given = f"; {words.show(row['delivered'])} given" if np.isfinite(row["delivered"]) else ""
        if np.isfinite(row["planned"]):
            days = words.show(row["planned"])
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

"""Who was left at each step, and how many schools have what."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import pandas as pd

from pepstats.formatting import count_words, join_words
from pepstats.plots.style import BLUE, GREY, WIDTH, clear_spines, in_house_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LINE, BOX = 0.19, 0.4
"""Inches that a line of words and a box take."""


@in_house_style
def draw_consort(rows: pd.DataFrame, ax: Axes) -> None:
    """Draw who was assessed, left out by which rule, and compared with whom: a CONSORT flow.

    `rows` has `role` (assessed, left out, can be compared, programme, comparison), `words`,
    `schools` and `members` (how many of them are the programme's). Drawn to the inch.
    """
    role = {name: part.to_dict("records") for name, part in rows.groupby("role", sort=False)}
    width, height = WIDTH, height_of_consort(rows)
    ax.set_xlim(0, width)
    ax.set_ylim(height, 0)
    ax.set_axis_off()
    down = 0.35
    _box(ax, 1.3, down, _counted(role["assessed"][0]))
    lines = _left_out_lines(role.get("left out", []))
    after = down + 0.4 + LINE * len(lines) + 0.4
    _arrow(ax, 1.3, down + 0.28, after - 0.28)
    ax.annotate("\n".join(lines), (1.5, (down + after) / 2), va="center", fontsize=9)
    _box(ax, 1.3, after, _counted(role["can be compared"][0]))
    end = after + 1.0
    for across, name in ((1.2, "programme"), (3.8, "comparison")):
        _arrow(ax, 1.3 if name == "programme" else across, after + 0.28, end - 0.34, slant=1.3)
        _box(ax, across, end, textwrap.fill(_plain_count(role[name][0]), 24))


def _box(ax: Axes, across: float, down: float, words: str) -> None:
    look = {"boxstyle": "round,pad=0.4", "facecolor": "white", "edgecolor": BLUE, "linewidth": 1.5}
    ax.annotate(words, (across, down), ha="center", va="center", fontsize=9.5, bbox=look)


def _arrow(ax: Axes, across: float, start: float, end: float, *, slant: float = 0.0) -> None:
    begin = (slant or across, start)
    ax.annotate("", (across, end), begin, arrowprops={"arrowstyle": "-|>", "color": GREY})


def _plain_count(row: dict[str, Any]) -> str:
    return f"{int(row['schools']):,} {row['words']}"


def _counted(row: dict[str, Any]) -> str:
    return f"{_plain_count(row)}\n({int(row['members']):,} of them the programme's)"


def _left_out_lines(rows: list[dict[str, Any]]) -> list[str]:
    if not rows:
        return ["No school left out"]
    lines = [f"{sum(int(row['schools']) for row in rows):,} left out:"]
    for row in rows:
        mine = f" ({int(row['members'])} the programme's)" if row["members"] else ""
        lines += textwrap.wrap(_plain_count(row) + mine, 54, subsequent_indent="   ")
    return lines


def height_of_consort(rows: pd.DataFrame) -> float:
    """Return the height in inches of a CONSORT flow of these rows."""
    out = rows[rows["role"] == "left out"].to_dict("records")
    return 0.35 + 0.8 + LINE * len(_left_out_lines(out)) + 1.0 + BOX


def describe_consort(rows: pd.DataFrame) -> str:
    """Describe who was assessed, left out by which rule, and compared with whom."""
    said = []
    for row in rows.to_dict("records"):
        mine = f" ({int(row['members'])} the programme's)" if row["members"] else ""
        before = "left out, " if row["role"] == "left out" else ""
        said.append(f"{before}{_plain_count(row)}{mine if row['role'] != 'programme' else ''}")
    return f"How schools were chosen, step by step: {'; '.join(said)}."


@in_house_style
def draw_ratings(ratings: pd.DataFrame, ax: Axes) -> None:
    """Draw how many schools have each priority rating; `ratings` has `rating` and `schools`."""
    rows = ratings.sort_values("rating")
    names = [f"Priority {rating}" for rating in rows["rating"]]
    ax.barh(names, rows["schools"], color=[BLUE, "#2073BC", "#6BACE6"][: len(rows)], height=0.62)
    for place, schools in enumerate(rows["schools"]):
        ax.annotate(f" {int(schools):,}", (schools, place), va="center", fontsize=10.5)
    ax.invert_yaxis()
    clear_spines(ax, grid="x")
    ax.grid(visible=False)
    ax.set_xticks([])
    ax.set_xlabel("Schools")


def describe_ratings(ratings: pd.DataFrame) -> str:
    """Describe how many schools have each priority rating."""
    rows = ratings.sort_values("rating")
    parts = [
        f"{count_words(int(r.schools), 'school')} priority {r.rating}" for r in rows.itertuples()
    ]
    return f"Bars of the number of schools by priority rating: {join_words(parts)}."

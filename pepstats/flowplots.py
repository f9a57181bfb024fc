"""Who was left at each step, and how many schools have what."""

from __future__ import annotations

import textwrap

import pandas as pd
from matplotlib.axes import Axes

from pepstats.canvas import (
    BLUE,
    GREY,
    capital,
    in_our_style,
    open_up,
)
from pepstats.words import count_words, list_words, show


@in_our_style
def draw_flow(flow: pd.DataFrame, ax: Axes) -> None:
    """Draw how many schools were left at each step, with who was left out beside it.

    `flow` has `step`, `schools` (how many are left) and `reason` (why some were left out there).
    """
    rows = flow.reset_index(drop=True)
    box = {"boxstyle": "round,pad=0.4", "facecolor": "white", "edgecolor": BLUE, "linewidth": 1.5}
    for place, row in rows.iterrows():
        words = textwrap.fill(f"{row['step']}: {int(row['schools']):,}", 26)
        ax.annotate(words, (0.0, -place), va="center", fontsize=10, bbox=box)
        if place:
            ax.annotate("", (0.1, -place + 0.3), (0.1, -place + 0.7),
                        arrowprops={"arrowstyle": "-|>", "color": GREY})  # fmt: skip
            lost = int(rows["schools"].iloc[int(str(place)) - 1]) - int(row["schools"])
            if lost > 0:
                note = textwrap.fill(f"{lost:,} left out: {row['reason']}", 30)
                ax.annotate(note, (0.5, -place + 0.5), va="center", fontsize=9.5)
    ax.set_xlim(-0.05, 1)
    ax.set_ylim(-len(rows) + 0.5, 0.5)
    ax.set_axis_off()


def describe_flow(flow: pd.DataFrame) -> str:
    """Say in words how many schools were left at each step."""
    steps = [f"{row.step}: {int(row.schools):,}" for row in flow.itertuples()]
    return f"How many schools were left at each step. {'; '.join(steps)}."


@in_our_style
def draw_ratings(ratings: pd.DataFrame, ax: Axes) -> None:
    """Draw how many schools have each priority rating; `ratings` has `rating` and `schools`."""
    rows = ratings.sort_values("rating")
    names = [f"Priority {rating}" for rating in rows["rating"]]
    ax.barh(names, rows["schools"], color=[BLUE, "#2073BC", "#6BACE6"][: len(rows)], height=0.62)
    for place, schools in enumerate(rows["schools"]):
        ax.annotate(f" {int(schools):,}", (schools, place), va="center", fontsize=10.5)
    ax.invert_yaxis()
    open_up(ax, grid="x")
    ax.grid(visible=False)
    ax.set_xticks([])


def describe_ratings(ratings: pd.DataFrame) -> str:
    """Say in words how many schools have each priority rating."""
    rows = ratings.sort_values("rating")
    parts = [
        f"{count_words(int(r.schools), 'school')} priority {r.rating}" for r in rows.itertuples()
    ]
    return f"Bars of the number of schools by priority rating: {list_words(parts)}."


@in_our_style
def draw_bars(values: pd.Series, ax: Axes, *, unit: str) -> None:
    """Draw one bar a row with its figure beside it, from nought."""
    ax.barh([str(name) for name in values.index], values, color=BLUE, height=0.62)
    for place, value in enumerate(values):
        ax.annotate(f" {show(float(value), 0)}", (value, place), va="center", fontsize=10.5)
    ax.invert_yaxis()
    ax.set_xlim(0, 110)
    open_up(ax, grid="x")
    ax.set_title(capital(unit), loc="left", fontsize=10.5, pad=8)

"""Many programmes beside each other: a forest plot of estimates, a caterpillar plot of all."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import pandas as pd

from pepstats.formatting import count_words, format_number, join_words
from pepstats.measures import outcome_label
from pepstats.plots.pictures import Picture, round_columns
from pepstats.plots.ranges import HEADING, MOST_ROWS, PITCH, guide, write_words
from pepstats.plots.style import (
    BLUE,
    GREY,
    INK,
    ROW_WORDS,
    capital,
    clear_rows,
    in_house_style,
    new_axes,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FOREST_COLUMNS = ["name", "part", "estimate", "low", "high"]
ONE, TOGETHER = "programme", "together"
TALLEST = 8.5  # inches, of a page


def forest_plot(rows: pd.DataFrame, outcome: str, *, unit: str, title: str) -> Picture:
    """Draw each programme's estimate and range, and under them what they come to together.

    `rows` has `name`, `part` (`programme` or `together`), `estimate`, `low` and `high`, in the
    order to be drawn. Where there are more programmes than can be read, only what they come to
    together is drawn; the table has them all.
    """
    rows = round_columns(rows[FOREST_COLUMNS], outcome, "estimate", "low", "high")
    drawn = rows[rows["part"].eq(TOGETHER) | (rows["part"].eq(ONE).sum() <= MOST_ROWS)]
    figure, ax = new_axes(_height_of(drawn))
    _draw_forest(drawn, ax, unit=unit)
    more = int(rows["part"].eq(ONE).sum() - drawn["part"].eq(ONE).sum())
    beside = f". {count_words(more, 'programme')} in the table" if more else ""
    caption = f"{title}: {outcome_label(outcome)}. Estimates with their likely ranges{beside}"
    return Picture(figure, rows, _describe_forest(rows, unit=unit), caption)


def _height_of(rows: pd.DataFrame) -> float:
    return 0.85 + PITCH * len(rows) + HEADING * len(set(rows["part"]))


@in_house_style
def _draw_forest(rows: pd.DataFrame, ax: Axes, *, unit: str) -> None:
    down = 0.0
    for part, own in rows.groupby("part", sort=False):
        down += HEADING
        heading = "Each programme" if part == ONE else "Taken together"
        write_words(ax, down, heading, color=GREY, fontstyle="italic")
        look: dict[str, Any] = {"color": BLUE, "marker": "o", "markersize": 5.5}
        if part == TOGETHER:
            look = {"color": BLUE, "marker": "D", "markersize": 7.5}
        for row in own.to_dict("records"):
            down += PITCH
            guide(ax, down, 0.0)
            ax.plot([row["low"], row["high"]], [down, down], color=BLUE, solid_capstyle="butt",
                    linewidth=3 if part == TOGETHER else 1.6)  # fmt: skip
            ax.plot(row["estimate"], down, linestyle="none", **look)
            weight = "bold" if part == TOGETHER else "normal"
            name = textwrap.shorten(str(row["name"]), ROW_WORDS, placeholder=" ...")
            write_words(ax, down - 0.06, name, fontweight=weight)
            value = format_number(row["estimate"], signed=True)
            write_words(ax, down - 0.06, value, right=True, fontweight=weight)
    _finish(rows, ax, down + 0.12, f"{capital(unit)}; upright line: 0; bar: likely range")


def _finish(rows: pd.DataFrame, ax: Axes, foot: float, label: str) -> None:
    ax.set_ylim(foot, 0.0)
    low, high = min(0.0, rows["low"].min()), max(0.0, rows["high"].max())
    room = 0.05 * max(high - low, 1e-9)
    ax.set_xlim(low - room, high + room)
    clear_rows(ax)
    ax.grid(visible=False)
    ax.tick_params(axis="x", length=3)
    ax.set_xlabel(label, fontsize=9.5)


def _describe_forest(rows: pd.DataFrame, *, unit: str) -> str:
    own = rows[rows["part"] == ONE]
    said = [f"One row for each programme, in {unit}."]
    if len(own):
        above, below = int((own["low"] > 0).sum()), int((own["high"] < 0).sum())
        said.append(
            f"Of {count_words(len(own), 'programme')}, estimates from "
            f"{format_number(own['estimate'].min(), signed=True)} to "
            f"{format_number(own['estimate'].max(), signed=True)}; the range of {above} is wholly "
            f"above zero, of {below} wholly below."
        )
    for row in rows[rows["part"] == TOGETHER].to_dict("records"):
        said.append(
            f"{row['name']}: {format_number(row['estimate'], signed=True)} "
            f"({format_number(row['low'])} to {format_number(row['high'])})."
        )
    return " ".join(said)


CATERPILLAR_COLUMNS = ["name", "estimate", "shrunk", "low", "high"]


def caterpillar_plot(
    rows: pd.DataFrame, outcome: str, *, unit: str, title: str, named: bool
) -> Picture:
    """Draw every programme's estimate moved towards the others, the largest first.

    `rows` has `name`, `estimate` (open marks), `shrunk`, `low` and `high` (filled marks and bars).
    Unless `named` none is called by its name: an order that chance could turn round names nobody.
    """
    rows = rows.sort_values(["shrunk", "name"], ascending=[False, True], kind="stable")
    rows = round_columns(rows[CATERPILLAR_COLUMNS], outcome, "estimate", "shrunk", "low", "high")
    rows = rows.reset_index(drop=True)
    if not named:
        rows = rows.assign(name=[f"Place {place}" for place in range(1, len(rows) + 1)])
    called = named and len(rows) <= MOST_ROWS
    pitch = PITCH if called else min(0.14, (TALLEST - 1) / max(len(rows), 1))
    figure, ax = new_axes(0.95 + pitch * len(rows))
    _draw_caterpillar(rows, ax, unit=unit, pitch=pitch, called=called)
    what = "Each programme's estimate moved towards the others, the largest first"
    caption = f"{title}: {outcome_label(outcome)}. {what}"
    return Picture(figure, rows, _describe_caterpillar(rows, unit=unit, named=named), caption)


@in_house_style
def _draw_caterpillar(
    rows: pd.DataFrame, ax: Axes, *, unit: str, pitch: float, called: bool
) -> None:
    size = 5.5 if called else max(1.5, min(4.0, 28 * pitch))
    for place, row in enumerate(rows.to_dict("records"), start=1):
        down = place * pitch
        ax.plot([row["low"], row["high"]], [down, down], solid_capstyle="butt",
                color=BLUE if called else GREY, linewidth=1.6 if called else 8 * pitch)  # fmt: skip
        ax.plot(row["estimate"], down, linestyle="none", marker="o", markersize=size,
                markerfacecolor="white", markeredgecolor=GREY, markeredgewidth=0.7)  # fmt: skip
        ax.plot(row["shrunk"], down, linestyle="none", marker="o", markersize=size, color=BLUE)
        if called:
            guide(ax, down, 0.0)
            name = textwrap.shorten(str(row["name"]), ROW_WORDS, placeholder=" ...")
            write_words(ax, down - 0.06, name)
    ends = pd.DataFrame({
        "low": rows[["low", "estimate"]].min(axis=1), "high": rows[["high", "estimate"]].max(axis=1)
    })  # fmt: skip
    if not called:
        ax.axvline(0.0, color=INK, linewidth=1, zorder=0)
    _finish(
        ends, ax, pitch * len(rows) + 0.12,
        f"{capital(unit)}; upright line: 0\nopen: as estimated; filled: moved towards the others; "
        "bar: likely range",
    )  # fmt: skip


def _describe_caterpillar(rows: pd.DataFrame, *, unit: str, named: bool) -> str:
    first, last = rows.iloc[0], rows.iloc[-1]
    above, below = int((rows["low"] > 0).sum()), int((rows["high"] < 0).sum())
    said = [
        f"{count_words(len(rows), 'programme')} in {unit}, each moved towards the others: from "
        f"{format_number(first['shrunk'], signed=True)} (estimated "
        f"{format_number(first['estimate'], signed=True)}) to "
        f"{format_number(last['shrunk'], signed=True)} (estimated "
        f"{format_number(last['estimate'], signed=True)}).",
        f"The range of {above} is wholly above zero, of {below} wholly below.",
    ]
    if named:
        ends = join_words(dict.fromkeys((str(first["name"]), str(last["name"]))))
        said.append(f"At the two ends: {ends}.")
    return " ".join(said)

"""Lines by school year: a programme against comparison schools, and school by school."""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pepstats.formatting import count_words, format_number, school_year
from pepstats.plots.style import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    PALE,
    capital,
    clear_spines,
    count_places,
    in_house_style,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

OTHERS = "comparison schools"  # what the dashed line is of, unless it ends in a forecast
TICK_ROOM = 0.15
"""Inches from one tick to the next under which their words would stand on each other."""


@in_house_style
def draw_two_lines(
    lines: pd.DataFrame, ax: Axes, *, starts: int, unit: str, others: str = OTHERS
) -> None:
    """Draw the programme's schools and their comparison schools, year by year.

    `lines` has `year`, `members` and `comparison`; a year without results leaves a break.
    """
    from matplotlib.ticker import MaxNLocator

    years = lines.sort_values("year").set_index("year")[["members", "comparison"]]
    looks: dict[str, dict[str, Any]] = {
        "members": {"color": BLUE, "marker": "o", "linestyle": "-"},
        "comparison": {
            "color": ORANGE,
            "marker": "s",
            "linestyle": "--",
            "markerfacecolor": "white",
        },
    }
    for name, look in looks.items():
        ax.plot(years.index, years[name], markersize=7, markeredgewidth=2, **look)
    ax.set_xticks(list(years.index), [school_year(int(year)) for year in years.index])
    clear_spines(ax, grid="y")
    low, high = float(years.min().min()), float(years.max().max())
    reach = max(high - low, 1e-9)
    ax.set_ylim(low - 0.18 * reach, high + 0.3 * reach)
    first, last = int(years.index.min()), int(years.index.max())
    ax.set_xlim(first - 0.25, last + 0.25 + 0.42 * max(last - first, 1))
    _mark_start(ax, starts)
    _label_ends(ax, years, others, reach)
    ax.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
    ax.set_title(capital(unit), loc="left", fontsize=10.5, pad=8)


def _mark_start(ax: Axes, starts: int) -> None:
    ax.axvline(starts - 0.5, color=GREY, linewidth=1.2, linestyle=":")
    ax.annotate("programme\nstarts", (starts - 0.5, 1), xycoords=("data", "axes fraction"),
                xytext=(-5, 0), textcoords="offset points", ha="right", va="top", fontsize=9.5,
                color=INK)  # fmt: skip


def _label_ends(ax: Axes, years: pd.DataFrame, others: str, reach: float) -> None:
    """Name each line at its end, and keep the two names apart."""
    words = {"members": "the programme's\nschools", "comparison": textwrap.fill(others, 12)}
    ends = {name: years[name].dropna() for name in words}
    heights = {name: float(end.iloc[-1]) for name, end in ends.items() if len(end)}
    apart = 0.34 * reach  # the two lines of a name, and a little
    if len(heights) == 2 and abs(heights["members"] - heights["comparison"]) < apart:
        middle = sum(heights.values()) / 2
        up = 1 if heights["members"] >= heights["comparison"] else -1
        heights = {"members": middle + up * apart / 2, "comparison": middle - up * apart / 2}
    for name, height in heights.items():
        year = int(ends[name].index[-1])
        ax.annotate(words[name], (year, height), xytext=(10, 0), textcoords="offset points",
                    va="center", fontsize=10, color=INK, annotation_clip=False)  # fmt: skip


def describe_two_lines(
    lines: pd.DataFrame, *, starts: int, unit: str, forecast: bool = False
) -> str:
    """Describe what the two lines show: where each began and ended, and where with a forecast."""
    years = lines.sort_values("year")
    parts = []
    for column, name in (
        ("members", "The programme's schools"),
        ("comparison", "Comparison schools"),
    ):
        known = years.loc[years[column].notna()]
        if known.empty:
            parts.append(f"{name} have no results.")
            continue
        first, last = known.iloc[0], known.iloc[-1]
        end = f"{format_number(last[column])} in {school_year(int(last['year']))}"
        if forecast and column == "comparison":
            name, end = "The dashed line", f"{end}, which is a forecast"
        parts.append(
            f"{name} went from {format_number(first[column])} in "
            f"{school_year(int(first['year']))} to {end}."
        )
    return (
        f"Two lines by school year, in {unit}. {' '.join(parts)} "
        f"The programme started before the results of {school_year(starts)}."
    )


@in_house_style
def draw_band_lines(lines: pd.DataFrame, ax: Axes, *, starts: int, unit: str) -> None:
    """Draw an authority and England year by year, with the middle half of authorities as a band.

    `lines` has a row for every `year`, with `here`, `england`, `low` and `high`; what is not there
    (years without tests) leaves a gap, and the years before and after it are not joined.
    """
    years = lines.set_index("year")[["here", "england", "low", "high"]]
    ax.fill_between(years.index, years["low"], years["high"], color=PALE, linewidth=0,
                    label="middle half of authorities")  # fmt: skip
    ax.plot(years.index, years["england"], color=ORANGE, marker="s", linestyle="--",
            markersize=7, markerfacecolor="white", markeredgewidth=2, label="England")  # fmt: skip
    ax.plot(years.index, years["here"], color=BLUE, marker="o", markersize=7,
            label="the authority")  # fmt: skip
    ticks = [int(year) for year in years.index][:: 1 + len(years) // 6]
    ax.set_xticks(ticks, [school_year(year) for year in ticks])
    clear_spines(ax, grid="y")
    ax.set_xlim(years.index.min() - 0.25, years.index.max() + 0.25)
    low, high = float(years.min().min()), float(years.max().max())
    ax.set_ylim(max(0.0, low - 3), high + 0.3 * (high - low) + 1)
    if years.index.min() < starts <= years.index.max():
        _mark_start(ax, starts)
    ax.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=3,
              fontsize=9.5, columnspacing=1.2)  # fmt: skip
    ax.set_title(capital(unit), loc="left", fontsize=10.5, pad=8)


def describe_band_lines(lines: pd.DataFrame, *, unit: str) -> str:
    """Describe each year's figures of an authority, England and the middle half of authorities."""
    said = []
    for row in lines.to_dict("records"):
        year = school_year(int(row["year"]))
        if pd.isna(row["here"]):
            said.append(f"{year}: no figure of the authority ({row['reason']}).")
            continue
        band = f"{format_number(row['low'])} to {format_number(row['high'])}"
        middle = "" if pd.isna(row["low"]) else f", middle half of authorities {band}"
        england = format_number(row["england"])
        said.append(f"{year}: authority {format_number(row['here'])}, England {england}{middle}.")
    return (
        f"Two lines by school year, in {unit}, over a band, with gaps where there is no figure. "
        f"{' '.join(said)}"
    )


@in_house_style
def draw_small_lines(
    schools: pd.DataFrame, figure: Figure, *, starts: int, columns: int = 2, others: str = OTHERS
) -> None:
    """Draw each school's own results against its own comparison schools', none left out.

    `schools` has `label`, `year`, `own` and `comparison`, in the order to be shown; all share one
    scale. One axis, laid out by the inch: eighteen of them take seconds.
    """
    width, height = figure.get_size_inches()
    figure.set_layout_engine(None)
    ax = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(0, height))
    ax.set_axis_off()
    grid = _Grid(schools, width, height, columns)
    for place, name in enumerate(dict.fromkeys(schools["label"])):
        years = schools.loc[schools["label"] == name].sort_values("year")
        x = grid.across(place, years["year"])
        _frame_small(ax, grid, place, starts)
        ax.plot(x, grid.up(place, years["comparison"]), color=ORANGE, linestyle="--", marker="s",
                markersize=4, markerfacecolor="white", label=f"its {others}")  # fmt: skip
        ax.plot(x, grid.up(place, years["own"]), color=BLUE, marker="o", markersize=4,
                label="the school")  # fmt: skip
        ax.annotate(_in_two_lines(str(name), 50 // columns),
                    (grid.left(place), grid.bottom(place) + grid.tall + 0.06), fontsize=10,
                    va="bottom")  # fmt: skip
    lines = {str(line.get_label()): line for line in ax.lines}
    named = [lines["the school"], lines[f"its {others}"]]
    ax.legend(handles=named, frameon=False, ncols=2, loc="upper left", fontsize=10,
              borderaxespad=0.2)  # fmt: skip


def _in_two_lines(name: str, letters: int) -> str:
    """Break a name into two lines at most, so that it stays over its own picture."""
    return "\n".join(textwrap.wrap(name, letters, max_lines=2, placeholder=" ..."))


class _Grid:
    """Where each small picture lies on the page, in inches, and the one scale they share."""

    def __init__(self, schools: pd.DataFrame, width: float, height: float, columns: int) -> None:
        from matplotlib.ticker import MaxNLocator

        values = schools[["own", "comparison"]].to_numpy(dtype=float)
        ends = float(np.nanmin(values)), float(np.nanmax(values))
        self.columns, self.height, self.count = columns, height, schools["label"].nunique()
        self.wide: float = (width - 0.1) / columns - 0.52
        broken = any("\n" in _in_two_lines(str(n), 50 // columns) for n in schools["label"])
        self.head = 0.52 if broken else 0.34
        self.tall: float = (height - 0.65) / math.ceil(self.count / columns) - self.head
        self.years = int(schools["year"].min()), int(schools["year"].max())
        self.ticks = MaxNLocator(nbins=3, steps=[1, 2, 5, 10]).tick_values(*ends)

    def left(self, place: int) -> float:
        return 0.45 + (place % self.columns) * (self.wide + 0.52)

    def bottom(self, place: int) -> float:
        return self.height - 0.4 - (place // self.columns + 1) * (self.tall + self.head)

    def across(self, place: int, years: pd.Series | float) -> Any:
        first, last = self.years
        return self.left(place) + 0.08 + (years - first) / max(last - first, 1) * (self.wide - 0.16)

    def shown_ticks(self) -> list[float]:
        """All ticks where their words have room beside each other, or the two ends."""
        room = self.tall / max(len(self.ticks) - 1, 1)
        return [*self.ticks] if room >= TICK_ROOM else [self.ticks[0], self.ticks[-1]]

    def up(self, place: int, values: pd.Series | float) -> Any:
        low, high = self.ticks[0], self.ticks[-1]
        return self.bottom(place) + (values - low) / (high - low) * self.tall


def _frame_small(ax: Axes, grid: _Grid, place: int, starts: int) -> None:
    """Rule one small picture: its scale at the left of a row, its years under a column."""
    left, bottom = grid.left(place), grid.bottom(place)
    ax.hlines([grid.up(place, tick) for tick in grid.ticks], left, left + grid.wide, color=PALE,
              linewidth=0.8, zorder=0)  # fmt: skip
    ax.vlines(grid.across(place, starts - 0.5), bottom, bottom + grid.tall, color=GREY, linewidth=1,
              linestyle=":")  # fmt: skip
    if place % grid.columns == 0:
        for tick in grid.shown_ticks():
            by = (left - 0.06, grid.up(place, tick))
            ax.annotate(
                format_number(tick, count_places(tick)), by, ha="right", va="center", fontsize=9
            )
    if place >= grid.count - grid.columns:
        for year, side in zip(grid.years, ("left", "right"), strict=True):
            at = left if side == "left" else left + grid.wide
            ax.annotate(school_year(year), (at, bottom - 0.06), ha=side, va="top", fontsize=9)


def height_of_small_lines(schools: int, columns: int = 2) -> float:
    """Return the height in inches of a picture of so many schools: few are given more room."""
    rows = math.ceil(max(schools, 1) / columns)
    return 0.7 + rows * (2.2 if rows == 1 else 1.5)


def describe_small_lines(schools: pd.DataFrame, *, unit: str) -> str:
    """Describe how many schools ended above and below their own comparison schools."""
    known = schools.dropna(subset=["own", "comparison"])
    last = known[known["year"] == schools["year"].max()]
    above = int((last["own"] > last["comparison"]).sum())
    below = int((last["own"] < last["comparison"]).sum())
    missing = schools["label"].nunique() - len(last)
    end = (
        f" {count_words(missing, 'school has', 'schools have')} no result to show in it."
        if missing
        else ""
    )
    pictures = count_words(schools["label"].nunique(), "small picture")
    return (
        f"{pictures}, one for each school, each with the school's line and its comparison schools' "
        f"line by year, in {unit}. In the last year {above} stand above their comparison schools "
        f"and {below} below.{end}"
    )

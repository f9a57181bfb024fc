"""Pictures for the committee: each takes a table and an axis, draws, and saves nothing.

Colours and rules are the Government Analysis Function's: at most four series, direct labels, light
gridlines, horizontal words, the title in the page and not in the picture. Every picture is drawn
five inches wide so that its words are still readable on a phone, and never by colour alone. Each
`draw_` has a `describe_` that computes its alternative text from the same table.
"""

from __future__ import annotations

import functools
import io
import math
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, ParamSpec, TypeVar, cast

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pepstats.words import count_words, list_words, per_hundred, school_year, show

BLUE, TURQUOISE, PINK, ORANGE = "#12436D", "#28A197", "#801650", "#F46A25"
INK, GREY, PALE = "#0B0C0C", "#6F777B", "#D9DCDE"

WIDTH = 5.0  # inches, in Word and on paper; HTML scales it
ROW_WORDS = 58  # letters of a row's name that fit that width
STYLE: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10.5,
    "text.color": INK,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.linewidth": 0.8,
    "axes.unicode_minus": True,
    "lines.linewidth": 2.0,
    "svg.fonttype": "path",
    "svg.hashsalt": "pepstats",
    "path.simplify": False,
    "savefig.facecolor": "white",
    "figure.facecolor": "white",
    "figure.dpi": 100,
    "text.usetex": False,
    "text.parse_math": False,  # a school's name may hold a dollar sign
}

P = ParamSpec("P")
R = TypeVar("R")


def _in_our_style(draw: Callable[P, R]) -> Callable[P, R]:
    """Draw with our own settings, whatever the reader's machine is set to."""

    @functools.wraps(draw)
    def styled(*args: P.args, **kwargs: P.kwargs) -> R:
        with mpl.rc_context(cast(Any, STYLE)):
            return draw(*args, **kwargs)

    return styled


@_in_our_style
def new_figure(height: float) -> Figure:
    """Give an empty picture of the paper's width, its height in inches."""
    return Figure(figsize=(WIDTH, height), layout="constrained")


@_in_our_style
def new_axes(height: float = 3.2) -> tuple[Figure, Axes]:
    """Give an empty picture of the paper's width and its one axis."""
    figure = new_figure(height)
    return figure, figure.add_subplot()


@_in_our_style
def to_svg(figure: Figure) -> bytes:
    """Give a picture as SVG, the same bytes every time."""
    _settle(figure)
    stream = io.BytesIO()
    figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    return stream.getvalue()


@_in_our_style
def to_png(figure: Figure) -> bytes:
    """Give a picture as PNG for Word, 150 dots an inch, the same bytes every time."""
    _settle(figure)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=150, metadata={"Software": None})
    return stream.getvalue()


def _settle(figure: Figure) -> None:
    """Lay a picture out once: laid out again it would move by a hair, and its bytes with it."""
    if figure.get_layout_engine() is not None:
        figure.draw_without_rendering()
        figure.set_layout_engine("none")


def _open_up(ax: Axes, *, grid: Literal["x", "y"]) -> None:
    """Take away all of a frame but what helps reading a value."""
    for side in ("top", "right", "left" if grid == "y" else "bottom"):
        ax.spines[side].set_visible(False)
    ax.grid(axis=grid, color=PALE, linewidth=0.8)
    ax.set_axisbelow(True)
    ax.tick_params(length=0)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


# Two lines ---------------------------------------------------------------------------------------


@_in_our_style
def draw_two_lines(lines: pd.DataFrame, ax: Axes, *, starts: int, unit: str) -> None:
    """Draw the programme's schools and their comparison schools, year by year.

    `lines` has `year`, `members` and `comparison`; a year without results leaves a break.
    """
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
    _open_up(ax, grid="y")
    low, high = float(years.min().min()), float(years.max().max())
    reach = max(high - low, 1e-9)
    ax.set_ylim(low - 0.18 * reach, high + 0.3 * reach)
    first, last = int(years.index.min()), int(years.index.max())
    ax.set_xlim(first - 0.25, last + 0.25 + 0.42 * max(last - first, 1))
    _mark_start(ax, starts)
    _label_ends(ax, years, looks, reach)
    ax.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
    ax.set_title(_capital(unit), loc="left", fontsize=10.5, pad=8)


def _mark_start(ax: Axes, starts: int) -> None:
    ax.axvline(starts - 0.5, color=GREY, linewidth=1.2, linestyle=":")
    ax.annotate("programme\nstarts ", (starts - 0.5, 1), xycoords=("data", "axes fraction"),
                ha="right", va="top", fontsize=9.5, color=INK)  # fmt: skip


def _label_ends(ax: Axes, years: pd.DataFrame, looks: dict[str, Any], reach: float) -> None:
    """Name each line at its end, and keep the two names apart."""
    words = {"members": "the programme's\nschools", "comparison": "comparison\nschools"}
    ends = {name: years[name].dropna() for name in words}
    heights = {name: float(end.iloc[-1]) for name, end in ends.items() if len(end)}
    apart = 0.22 * reach
    if len(heights) == 2 and abs(heights["members"] - heights["comparison"]) < apart:
        middle = sum(heights.values()) / 2
        up = 1 if heights["members"] >= heights["comparison"] else -1
        heights = {"members": middle + up * apart / 2, "comparison": middle - up * apart / 2}
    for name, height in heights.items():
        year = int(ends[name].index[-1])
        ax.annotate(words[name], (year, height), xytext=(10, 0), textcoords="offset points",
                    va="center", fontsize=10, color=INK, annotation_clip=False)  # fmt: skip


def describe_two_lines(lines: pd.DataFrame, *, starts: int, unit: str) -> str:
    """Say in words what the two lines show: where each began and ended."""
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
        parts.append(
            f"{name} went from {show(first[column])} in {school_year(int(first['year']))} to "
            f"{show(last[column])} in {school_year(int(last['year']))}."
        )
    return (
        f"Two lines by school year, in {unit}. {' '.join(parts)} "
        f"The programme started before the results of {school_year(starts)}."
    )


# A hundred dots ----------------------------------------------------------------------------------


def choose_dots(placebo: pd.Series, *, estimate: float, p_placebo: float) -> pd.DataFrame:
    """Stand a hundred dots for all made-up programmes, and say which moved as far as the real one.

    Gives `value`, `at` (the middle of the dot's stack), `height` (from 1) and `beyond`. As
    many dots lie beyond as the share in words says, and the stacks' edges fall on the real
    programme, so that each dot is on its own side of it.
    """
    draws = np.sort(placebo.dropna().to_numpy(dtype=float))
    far = abs(estimate)
    low, middle, high = draws[draws <= -far], draws[np.abs(draws) < far], draws[draws >= far]
    beyond = per_hundred(p_placebo) if len(low) + len(high) else 0
    beyond = beyond if len(middle) else 100
    below = round(beyond * len(low) / max(len(low) + len(high), 1))
    shares = ((low, below), (middle, 100 - beyond), (high, beyond - below))
    dots = np.concatenate([np.quantile(p, (np.arange(n) + 0.5) / n) for p, n in shares if n])
    step = _round_step(2 * max(float(np.abs(dots).max()), far) / 25)
    step = far / round(far / step) if far > step / 2 else step
    table = pd.DataFrame({"value": dots, "at": (np.floor(dots / step + 1e-9) + 0.5) * step})
    table["height"] = table.groupby("at").cumcount() + 1
    table["beyond"] = [n < below or n >= 100 - (beyond - below) for n in range(100)]
    return table


def _round_step(step: float) -> float:
    """Give the smallest 1, 2 or 5 (times a power of ten) that is at least a step."""
    if step <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(step))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= step * (1 - 1e-9))


@_in_our_style
def draw_hundred_dots(dots: pd.DataFrame, ax: Axes, *, estimate: float, unit: str) -> None:
    """Draw the made-up programmes as a hundred dots, and the real one as a line among them."""
    near, far = dots.loc[~dots["beyond"]], dots.loc[dots["beyond"]]
    ax.scatter(
        near["at"], near["height"], s=30, facecolors="white", edgecolors=BLUE, linewidths=1.2
    )
    ax.scatter(
        far["at"], far["height"], s=34, marker="D", color=ORANGE, edgecolors=INK, linewidths=0.6
    )
    tall = max(int(dots["height"].max()), 6)
    ax.vlines(estimate, 0, tall + 1.2, color=INK, linewidth=2)
    reach = 1.12 * max(float(dots["at"].abs().max()), abs(estimate), 1e-9)
    ax.set_xlim(-reach, reach)
    ax.set_ylim(0, tall + 4.2)
    side = "right" if estimate > 0.3 * reach else "left" if estimate < -0.3 * reach else "center"
    ax.annotate(f"this programme\n{show(estimate, signed=True)}", (estimate, tall + 1.4), ha=side,
                va="bottom", fontsize=10)  # fmt: skip
    _open_up(ax, grid="x")
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.xaxis.set_major_formatter(lambda value, _: show(value, _places(value), signed=True))
    ax.set_xlabel(f"Moved by ({unit})")


def _places(value: float) -> int:
    return next((d for d in range(3) if math.isclose(value, round(value, d), abs_tol=1e-9)), 2)


def describe_hundred_dots(dots: pd.DataFrame, *, estimate: float, unit: str) -> str:
    """Say in words how many of the hundred dots lie as far out as the real programme."""
    beyond = int(dots["beyond"].sum())
    middle = dots["value"].abs().sort_values().iloc[[49, 94]]
    return (
        f"One hundred dots stand for made-up programmes where nothing was done. Half of them moved "
        f"by {show(float(middle.iloc[0]))} {unit} or less either way, and 95 by "
        f"{show(float(middle.iloc[1]))} or less. This programme moved by "
        f"{show(estimate, signed=True)}. {_beyond_words(beyond)}"
    )


def _beyond_words(beyond: int) -> str:
    if beyond == 0:
        return "No dot lies that far from nought."
    return f"{count_words(beyond, 'dot lies', 'dots lie')} that far from nought, drawn as diamonds."


# One row per check -------------------------------------------------------------------------------


@_in_our_style
def draw_check_rows(checks: pd.DataFrame, ax: Axes, *, unit: str) -> None:
    """Draw the estimate under every other choice, one row each, the headline's first.

    `checks` has `check`, `estimate`, `low` and `high`, in the order to be shown; a check that
    could not be made has no estimate and says so in its row.
    """
    _draw_rows(checks, ax)
    ax.axvline(0, color=INK, linewidth=1)
    _open_up(ax, grid="x")
    ax.spines["left"].set_visible(False)
    ax.xaxis.set_major_formatter(lambda value, _: show(value, _places(value), signed=True))
    ax.set_xlabel(_capital(unit))


def _draw_rows(checks: pd.DataFrame, ax: Axes) -> None:
    rows = checks.reset_index(drop=True)
    for place, row in rows.iterrows():
        headline = place == 0
        color = BLUE if headline else GREY
        known = math.isfinite(row["estimate"])
        if known:
            ax.hlines(place, row["low"], row["high"], color=color, linewidth=3 if headline else 1.8)
            ax.plot(row["estimate"], place, marker="D" if headline else "o", color=color,
                    markersize=8 if headline else 6)  # fmt: skip
        name = str(row["check"]) if known else f"{row['check']}: could not be made"
        _name_row(ax, name, int(str(place)), bold=headline)
    ax.set_ylim(len(rows) - 0.6, -0.9)
    ax.set_yticks([])
    ends = rows[["low", "high", "estimate"]].to_numpy(dtype=float)
    if np.isfinite(ends).any():
        low, high = min(0.0, float(np.nanmin(ends))), max(0.0, float(np.nanmax(ends)))
        room = 0.05 * max(high - low, 1e-9)
        ax.set_xlim(low - room, high + room)


def _name_row(ax: Axes, name: str, place: int, *, bold: bool = False) -> None:
    """Write what a row is above it, where a phone has room for words."""
    white = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}
    ax.annotate(textwrap.fill(name, ROW_WORDS), (0, place - 0.25), va="bottom", fontsize=9.5,
                xycoords=("axes fraction", "data"), bbox=white, linespacing=1.05,
                fontweight="bold" if bold else "normal")  # fmt: skip


def height_of_rows(names: pd.Series) -> float:
    """Give the height in inches of a picture with one named row for each of these."""
    lines = max((len(textwrap.wrap(str(name), ROW_WORDS)) for name in names), default=1)
    return 0.9 + (0.26 + 0.17 * lines) * max(len(names), 1)


def describe_check_rows(checks: pd.DataFrame, *, unit: str) -> str:
    """Say in words whether the other choices agree with the headline's."""
    known = checks.loc[checks["estimate"].notna()]
    if known.empty:
        return "No check could be made."
    headline, others = known.iloc[0], known.iloc[1:]
    start = (
        f"One row per check, in {unit}. The headline estimate is "
        f"{show(headline['estimate'], signed=True)} "
        f"({show(headline['low'])} to {show(headline['high'])})."
    )
    if others.empty:
        return f"{start} No other check could be made."
    same = int((np.sign(others["estimate"]) == np.sign(headline["estimate"])).sum())
    return (
        f"{start} {same} of {count_words(len(others), 'other check')} point the same way; they run "
        f"from {show(others['estimate'].min(), signed=True)} to "
        f"{show(others['estimate'].max(), signed=True)}."
    )


# How alike ---------------------------------------------------------------------------------------


@_in_our_style
def draw_love_plot(balance: pd.DataFrame, ax: Axes) -> None:
    """Draw how alike the schools are before and after the choice of comparison schools.

    `balance` has `label`, `smd_before` and `smd_after`, standardised differences; the dotted lines
    stand at 0.05 and 0.25.
    """
    rows = balance.reset_index(drop=True)
    for edge, style in ((0.05, ":"), (0.25, "--")):
        for side in (-edge, edge):
            ax.axvline(side, color=GREY, linewidth=1, linestyle=style)
    ax.axvline(0, color=INK, linewidth=1)
    for place, row in rows.iterrows():
        ax.plot([row["smd_before"], row["smd_after"]], [place, place], color=PALE, linewidth=2)
        ax.plot(row["smd_before"], place, marker="s", color=ORANGE, markerfacecolor="white",
                markeredgewidth=2, markersize=7)  # fmt: skip
        ax.plot(row["smd_after"], place, marker="o", color=BLUE, markersize=7)
        _name_row(ax, str(row["label"]), int(str(place)))
    ends = rows[["smd_before", "smd_after"]].to_numpy(dtype=float)
    reach = 1.1 * max(0.3, float(np.nanmax(np.abs(ends))) if np.isfinite(ends).any() else 0.3)
    ax.set_xlim(-reach, reach)
    ax.set_ylim(len(rows) - 0.5, -1.5)
    ax.set_yticks([])
    _open_up(ax, grid="x")
    ax.grid(visible=False)
    ax.spines["left"].set_visible(False)
    ax.set_xticks([-0.25, 0, 0.25], ["\u22120.25", "0", "+0.25"])
    ax.set_xlabel("Difference from the programme's schools\n(standard deviations; 0 is alike)")
    _key(ax, [("s", ORANGE, "white", "all schools"), ("o", BLUE, BLUE, "comparison schools")])


def _key(ax: Axes, marks: list[tuple[str, str, str, str]]) -> None:
    """Name the marks above the picture, since there is no line's end to name them at."""
    for marker, edge, face, name in marks:
        ax.plot([], [], linestyle="none", marker=marker, color=edge, markerfacecolor=face,
                markeredgewidth=2, markersize=7, label=name)  # fmt: skip
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False, fontsize=10,
              borderaxespad=0, handletextpad=0.2, columnspacing=1.5)  # fmt: skip


def describe_love_plot(balance: pd.DataFrame) -> str:
    """Say in words how many differences were large before, and are after."""
    before, after = balance["smd_before"].abs(), balance["smd_after"].abs()
    large = balance.loc[after > 0.25, "label"]
    end = (
        f"Still over 0.25: {list_words(str(name) for name in large)}."
        if len(large)
        else "None is over 0.25 now."
    )
    return (
        f"How unlike the programme's schools and their comparison schools are, for "
        f"{count_words(len(balance), 'thing')}, in standard deviations. Against all schools, "
        f"{int((before > 0.25).sum())} were over 0.25; after matching, "
        f"{int((after > 0.25).sum())}. {end}"
    )


# One small line per school -----------------------------------------------------------------------


@_in_our_style
def draw_small_lines(
    schools: pd.DataFrame, figure: Figure, *, starts: int, columns: int = 2
) -> None:
    """Draw each school's own results against its own comparison schools', none left out.

    `schools` has `label`, `year`, `own` and `comparison`, in the order to be shown; all share one
    scale. One axis, laid out by the inch: eighteen of them take seconds.
    """
    width, height = figure.get_size_inches()
    figure.set_layout_engine(None)
    ax = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(0, height))
    ax.set_axis_off()
    grid = _Grid.of(schools, width, height, columns)
    for place, name in enumerate(dict.fromkeys(schools["label"])):
        years = schools.loc[schools["label"] == name].sort_values("year")
        x = grid.across(place, years["year"])
        _frame_small(ax, grid, place, starts)
        ax.plot(x, grid.up(place, years["comparison"]), color=ORANGE, linestyle="--", marker="s",
                markersize=4, markerfacecolor="white", label="its comparison schools")  # fmt: skip
        ax.plot(x, grid.up(place, years["own"]), color=BLUE, marker="o", markersize=4,
                label="the school")  # fmt: skip
        short = textwrap.shorten(str(name), 60 // columns, placeholder=" ...")
        ax.annotate(short, (grid.left(place), grid.bottom(place) + grid.tall + 0.06), fontsize=10)
    lines = {str(line.get_label()): line for line in ax.lines}
    named = [lines["the school"], lines["its comparison schools"]]
    ax.legend(handles=named, frameon=False, ncols=2, loc="upper left", fontsize=10,
              borderaxespad=0.2)  # fmt: skip


@dataclass(frozen=True)
class _Grid:
    """Where each small picture lies on the page, in inches, and the one scale they share."""

    columns: int
    count: int
    height: float
    wide: float
    tall: float
    years: tuple[int, int]
    ticks: tuple[float, ...]

    @classmethod
    def of(cls, schools: pd.DataFrame, width: float, height: float, columns: int) -> _Grid:
        count = schools["label"].nunique()
        values = schools[["own", "comparison"]].to_numpy(dtype=float)
        low, high = (float(f(values)) for f in (np.nanmin, np.nanmax))
        ticks = MaxNLocator(nbins=3, steps=[1, 2, 5, 10]).tick_values(low, high)
        return cls(
            columns, count, height,
            wide=(width - 0.1) / columns - 0.52,
            tall=(height - 0.65) / math.ceil(count / columns) - 0.34,
            years=(int(schools["year"].min()), int(schools["year"].max())),
            ticks=tuple(float(tick) for tick in ticks),
        )  # fmt: skip

    def left(self, place: int) -> float:
        return 0.45 + (place % self.columns) * (self.wide + 0.52)

    def bottom(self, place: int) -> float:
        return self.height - 0.4 - (place // self.columns + 1) * (self.tall + 0.34)

    def across(self, place: int, years: pd.Series | float) -> Any:
        first, last = self.years
        return self.left(place) + 0.08 + (years - first) / max(last - first, 1) * (self.wide - 0.16)

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
        for tick in grid.ticks:
            ax.annotate(show(tick, _places(tick)), (left - 0.06, grid.up(place, tick)), ha="right",
                        va="center", fontsize=9)  # fmt: skip
    if place >= grid.count - grid.columns:
        for year, side in zip(grid.years, ("left", "right"), strict=True):
            at = left if side == "left" else left + grid.wide
            ax.annotate(school_year(year), (at, bottom - 0.06), ha=side, va="top", fontsize=9)


def height_of_small_lines(schools: int, columns: int = 2) -> float:
    """Give the height in inches of a picture of so many schools."""
    return 0.7 + 1.1 * math.ceil(max(schools, 1) / columns)


def describe_small_lines(schools: pd.DataFrame, *, unit: str) -> str:
    """Say in words how many schools ended above and below their own comparison schools."""
    known = schools.dropna(subset=["own", "comparison"]).sort_values("year")
    last = known.groupby("label", sort=False).tail(1)
    above = int((last["own"] > last["comparison"]).sum())
    below = int((last["own"] < last["comparison"]).sum())
    missing = schools["label"].nunique() - len(last)
    end = (
        f" {count_words(missing, 'school has', 'schools have')} no results to show."
        if missing
        else ""
    )
    pictures = count_words(schools["label"].nunique(), "small picture")
    return (
        f"{pictures}, one for each school, each with the school's line and its comparison schools' "
        f"line by year, in {unit}. In the last year {above} stand above their comparison schools "
        f"and {below} below.{end}"
    )


# Flow of schools and ratings ---------------------------------------------------------------------


@_in_our_style
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


@_in_our_style
def draw_ratings(ratings: pd.DataFrame, ax: Axes) -> None:
    """Draw how many schools have each priority rating; `ratings` has `rating` and `schools`."""
    rows = ratings.sort_values("rating")
    names = [f"Priority {rating}" for rating in rows["rating"]]
    ax.barh(names, rows["schools"], color=[BLUE, "#2073BC", "#6BACE6"][: len(rows)], height=0.62)
    for place, schools in enumerate(rows["schools"]):
        ax.annotate(f" {int(schools):,}", (schools, place), va="center", fontsize=10.5)
    ax.invert_yaxis()
    _open_up(ax, grid="x")
    ax.grid(visible=False)
    ax.set_xticks([])


def describe_ratings(ratings: pd.DataFrame) -> str:
    """Say in words how many schools have each priority rating."""
    rows = ratings.sort_values("rating")
    parts = [
        f"{count_words(int(r.schools), 'school')} priority {r.rating}" for r in rows.itertuples()
    ]
    return f"Bars of the number of schools by priority rating: {list_words(parts)}."


# Sources -----------------------------------------------------------------------------------------


@_in_our_style
def draw_shares(shares: pd.DataFrame, ax: Axes) -> None:
    """Draw shares by year, one line a column with its name at its end; `shares` in per cent."""
    looks = ((BLUE, "-", "o"), (ORANGE, "--", "s"), (INK, ":", "^"), (GREY, "-.", "D"))
    years = [int(year) for year in shares.index]
    for (name, values), (colour, style, mark) in zip(shares.items(), looks, strict=False):
        ax.plot(years, values, color=colour, linestyle=style, marker=mark, label=str(name))
    ax.set_xticks(years, [school_year(year) for year in years])
    ax.set_ylim(0, 104)
    ax.legend(loc="lower left", frameon=False, fontsize=9.5)
    _open_up(ax, grid="y")
    ax.set_title("% of schools with a value", loc="left", fontsize=10.5, pad=8)


@_in_our_style
def draw_bars(values: pd.Series, ax: Axes, *, unit: str) -> None:
    """Draw one bar a row with its figure beside it, from nought."""
    ax.barh([str(name) for name in values.index], values, color=BLUE, height=0.62)
    for place, value in enumerate(values):
        ax.annotate(f" {show(float(value), 0)}", (value, place), va="center", fontsize=10.5)
    ax.invert_yaxis()
    ax.set_xlim(0, 110)
    _open_up(ax, grid="x")
    ax.set_title(_capital(unit), loc="left", fontsize=10.5, pad=8)

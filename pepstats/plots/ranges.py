"""One named row each: an estimate under every check, a difference before and after."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pepstats.formatting import CHECK_KINDS, count_words, format_number, join_words, per_hundred
from pepstats.plots.style import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    PALE,
    ROW_WORDS,
    capital,
    clear_rows,
    in_house_style,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_ROWS = 20  # of a picture of checks; the rest stand in its table
PITCH, HEADING, NAME_LINE = 0.3, 0.24, 0.15
"""Inches from one row to the next, what a heading over rows adds, and what a name's line takes."""
ABOVE = 0.075  # inches from an interval up to the words that stand over it

LOOKS: dict[str, dict[str, Any]] = {
    "headline": {"color": BLUE, "marker": "D", "markersize": 6.5, "linewidth": 3},
    "together": {"color": BLUE, "marker": "s", "markersize": 6.5, "linewidth": 3},
    "comparison": {"color": BLUE, "marker": "o", "markersize": 5.5},
    "sum": {"color": BLUE, "marker": "o", "markersize": 5.5},
}

OTHER_LOOK: dict[str, Any] = {
    "color": GREY, "marker": "o", "markersize": 5.5, "markerfacecolor": "white",
}  # fmt: skip


@in_house_style
def draw_check_rows(checks: pd.DataFrame, ax: Axes, *, unit: str) -> None:
    """Draw the estimate under every check, one row each, by kind, the headline's first.

    `checks` has `kind`, `check`, `estimate`, `low` and `high`, in the order to be shown. Filled
    marks ask the headline's question again, open ones another. Those that could not be made have
    no estimate, and are counted under the rows. Drawn to the inch: see `height_of_checks`.
    """
    known = checks[checks["estimate"].notna()]
    ends = known[["low", "high", "estimate"]].to_numpy(dtype=float)
    down = 0.0
    for kind, rows in choose_rows(known).groupby("kind", sort=False):
        if kind not in ("headline", "together"):
            down += HEADING
            write_words(ax, down, CHECK_KINDS[str(kind)], color=GREY, fontstyle="italic")
        for row in rows.to_dict("records"):
            down += PITCH
            _draw_check(ax, down, row, LOOKS.get(str(kind), OTHER_LOOK))
    if left := _left_out_words(checks):
        down += HEADING
        write_words(ax, down, left, color=GREY)
    ax.set_ylim(down + 0.12, 0.0)
    if len(ends):
        low, high = min(0.0, float(ends.min())), max(0.0, float(ends.max()))
        room = 0.05 * max(high - low, 1e-9)
        ax.set_xlim(low - room, high + room)
    clear_rows(ax)
    ax.grid(visible=False)
    ax.tick_params(axis="x", length=3)
    ax.set_xlabel(
        f"{capital(unit)}; upright line: 0\n"
        "filled: the same question, open: another; bar: likely range",
        fontsize=9.5,
    )


def choose_rows(known: pd.DataFrame) -> pd.DataFrame:
    """Choose the checks that are drawn: the first of every kind, so many that they can be read."""
    place = known.groupby("kind", sort=False).cumcount()
    most = max((n for n in range(len(known) + 1) if (place < n).sum() <= MOST_ROWS), default=0)
    return known[place < most]


def _left_out_words(checks: pd.DataFrame) -> str:
    """Write how many checks are not drawn, and why; nothing where all are."""
    known = checks[checks["estimate"].notna()]
    more, unmade = len(known) - len(choose_rows(known)), len(checks) - len(known)
    said = [f"{count_words(more, 'more check')} in the table"] if more else []
    said += [f"{count_words(unmade, 'check')} could not be made"] if unmade else []
    return "; ".join(said)


def _draw_check(ax: Axes, down: float, row: dict[str, Any], look: dict[str, Any]) -> None:
    """Draw one check: its name over its interval, its estimate at the right."""
    first = row["kind"] in ("headline", "together")
    guide(ax, down, 0.0)
    ax.plot([row["low"], row["high"]], [down, down], color=look["color"],
            linewidth=look.get("linewidth", 1.6), solid_capstyle="butt")  # fmt: skip
    mark = {name: value for name, value in look.items() if name != "linewidth"}
    ax.plot(row["estimate"], down, linestyle="none", **mark)
    weight = "bold" if first else "normal"
    name = textwrap.shorten(str(row["check"]), ROW_WORDS, placeholder=" ...")
    size = format_number(row["estimate"], signed=True)
    write_words(ax, down - ABOVE, name, fontweight=weight)
    write_words(ax, down - ABOVE, size, right=True, fontweight=weight)


def guide(ax: Axes, down: float, at: float, *, half: float = 0.05, **look: Any) -> None:
    """Draw a short piece of an upright line in a row, so that none goes through the words."""
    looks = {"color": INK, "linewidth": 1, "zorder": 0, **look}
    ax.plot([at, at], [down - half, down + half], **looks)


def write_words(ax: Axes, down: float, words: str, *, right: bool = False, **look: Any) -> None:
    """Write words over a row, at its left or its right end."""
    ax.annotate(words, (1 if right else 0, down), xycoords=("axes fraction", "data"), va="bottom",
                ha="right" if right else "left", fontsize=9, **look)  # fmt: skip


def height_of_checks(checks: pd.DataFrame) -> float:
    """Return the height in inches of a picture of these checks."""
    known = choose_rows(checks[checks["estimate"].notna()])["kind"]
    headings = len(set(known) - {"headline", "together"}) + bool(_left_out_words(checks))
    return 0.95 + PITCH * len(known) + HEADING * headings


def describe_check_rows(checks: pd.DataFrame, *, unit: str) -> str:
    """Describe whether the checks agree with the headline, kind by kind."""
    known = checks.loc[checks["estimate"].notna()]
    if known.empty:
        return "No check could be made."
    said = [f"One row per check, in {unit}."]
    for row in known[known["kind"] == "headline"].to_dict("records"):
        said.append(
            f"The headline estimate is {format_number(row['estimate'], signed=True)} "
            f"({format_number(row['low'])} to {format_number(row['high'])})."
        )
    for row in known[known["kind"] == "together"].to_dict("records"):
        said.append(
            f"{capital(str(row['check']))} gives {format_number(row['estimate'], signed=True)} "
            f"({format_number(row['low'])} to {format_number(row['high'])}); "
            f"{_often(row['p'])} groups without the programme changed as much."
        )
    for kind, rows in known.groupby("kind", sort=False):
        if kind not in ("headline", "together"):
            ends = (format_number(rows["estimate"].min(), signed=True),
                    format_number(rows["estimate"].max(), signed=True))  # fmt: skip
            said.append(f"{CHECK_KINDS[str(kind)]}: {_rows_words(len(rows), *ends)}.")
    if len(known) < 2:
        said.append("No other check could be made.")
    elif len(known) < len(checks):
        said.append(f"{count_words(len(checks) - len(known), 'check')} could not be made.")
    return " ".join(said)


def _often(share: float) -> str:
    return f"{per_hundred(share) or 'fewer than 1'} in 100"


def _rows_words(rows: int, least: str, most: str) -> str:
    return f"one row, {least}" if rows == 1 else f"{rows} rows, from {least} to {most}"


SCHOOL_ROW, SCHOOLS_TALL = 0.22, 8.0
"""Inches from one school's dot to the next, and the most that the dots of all may take."""
SCHOOL_WORDS = 26  # letters of a school's name beside its dot


@in_house_style
def draw_school_dots(schools: pd.DataFrame, ax: Axes, *, unit: str, others: str) -> None:
    """Draw one dot for each school: how far it is from its comparison schools, or a forecast.

    `schools` has `label` and `gap`, in the order to be shown; one without a gap has words for it.
    """
    count = len(schools)
    size = min(9.5, 50 * _school_row(count))
    for place, gap in enumerate(schools["gap"]):
        shown = "no result" if np.isnan(gap) else format_number(gap, signed=True)
        ax.annotate(
            shown, (1, place), xytext=(4, 0), ha="left", va="center", fontsize=size,
            textcoords="offset points", xycoords=("axes fraction", "data"),
        )  # fmt: skip
        if not np.isnan(gap):
            ax.plot([0, gap], [place, place], color=PALE, linewidth=2, zorder=1)
            ax.plot(gap, place, marker="o", markersize=6, color=BLUE)
    ax.axvline(0, color=INK, linewidth=1, zorder=0)
    ax.set_ylim(count - 0.4, -0.6)
    reach = 1.08 * max(1e-9, float(schools["gap"].abs().max()))
    ax.set_xlim(-reach, reach)
    clear_rows(ax)
    names = [
        textwrap.shorten(str(one), SCHOOL_WORDS, placeholder=" ...") for one in schools["label"]
    ]
    ax.set_yticks(range(count), labels=names, fontsize=size)
    ax.set_xlabel(f"{capital(unit)} from\n{others}; upright line: 0", fontsize=9.5)


def _school_row(count: int) -> float:
    return min(SCHOOL_ROW, SCHOOLS_TALL / max(count, 1))


def height_of_school_dots(schools: pd.DataFrame) -> float:
    """Return the height in inches of a picture of one dot for each of these schools."""
    return 0.7 + _school_row(len(schools)) * len(schools)


def describe_school_dots(schools: pd.DataFrame, *, unit: str, others: str) -> str:
    """Describe how many schools are above and below, and how far the ends are."""
    known = schools["gap"].dropna()
    missing = len(schools) - len(known)
    ends = (
        f"From {format_number(known.max(), signed=True)} to "
        f"{format_number(known.min(), signed=True)}: {int((known > 0).sum())} above zero and "
        f"{int((known < 0).sum())} below."
        if len(known)
        else ""
    )
    lacking = count_words(missing, "school has", "schools have")
    end = f"{lacking} no result to show." if missing else ""
    said = f"One dot for each school, in {unit} from {others}."
    return " ".join(filter(None, (said, ends, end)))


@in_house_style
def draw_love_plot(balance: pd.DataFrame, ax: Axes) -> None:
    """Draw how alike the schools are before and after the choice of comparison schools.

    `balance` has `label`, `smd_before` and `smd_after`, standardised differences; the dotted lines
    stand at 0.05 and 0.25.
    """
    down, ends = 0.0, balance[["smd_before", "smd_after"]].to_numpy(dtype=float)
    for label, (before, after) in zip(balance["label"], ends, strict=True):
        words = textwrap.wrap(str(label), ROW_WORDS)
        down += 0.12 + NAME_LINE * len(words)
        write_words(ax, down - 0.02, "\n".join(words))
        down += 0.12
        guide(ax, down, 0.0, half=0.08)
        for edge, style in ((0.05, ":"), (0.25, "--")):
            for side in (-edge, edge):
                guide(ax, down, side, half=0.08, color=GREY, linestyle=style)
        ax.plot([before, after], [down, down], color=PALE, linewidth=2, zorder=1)
        ax.plot(before, down, marker="s", color=ORANGE, markerfacecolor="white",
                markeredgewidth=2, markersize=7)  # fmt: skip
        ax.plot(after, down, marker="o", color=BLUE, markersize=7)
    reach = 1.1 * max(0.3, float(np.nanmax(np.abs(ends))) if np.isfinite(ends).any() else 0.3)
    ax.set_xlim(-reach, reach)
    ax.set_ylim(down + 0.15, 0.0)
    clear_rows(ax)
    ax.grid(visible=False)
    ax.set_xticks([-0.25, 0, 0.25], ["\u22120.25", "0", "+0.25"])
    ax.set_xlabel(
        "Difference from the programme's schools\n(standard deviations; dotted: 0.05, dashed: 0.25)"
    )
    _key(ax, [("s", ORANGE, "white", "all schools"), ("o", BLUE, BLUE, "comparison schools")])


def height_of_balance(balance: pd.DataFrame) -> float:
    """Return the height in inches of a picture of how alike schools are in these things."""
    lines = sum(len(textwrap.wrap(str(label), ROW_WORDS)) for label in balance["label"])
    return 1.1 + 0.24 * len(balance) + NAME_LINE * lines


def _key(ax: Axes, marks: list[tuple[str, str, str, str]]) -> None:
    """Name the marks above the picture, since there is no line's end to name them at."""
    for marker, edge, face, name in marks:
        ax.plot([], [], linestyle="none", marker=marker, color=edge, markerfacecolor=face,
                markeredgewidth=2, markersize=7, label=name)  # fmt: skip
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False, fontsize=10,
              borderaxespad=0, handletextpad=0.2, columnspacing=1.5)  # fmt: skip


def describe_love_plot(balance: pd.DataFrame) -> str:
    """Describe how many differences were large before, and are after."""
    before, after = balance["smd_before"].abs(), balance["smd_after"].abs()
    large = balance.loc[after > 0.25, "label"]
    end = (
        f"Still over 0.25: {join_words(str(name) for name in large)}."
        if len(large)
        else "None is over 0.25 now."
    )
    return (
        f"How unlike the programme's schools and their comparison schools are, for "
        f"{count_words(len(balance), 'thing')}, in standard deviations. Against all schools, "
        f"{int((before > 0.25).sum())} were over 0.25; after matching, "
        f"{int((after > 0.25).sum())}. {end}"
    )

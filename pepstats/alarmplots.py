"""How often each way of estimating finds an effect where nothing was done, as a picture."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from pepstats.canvas import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    PALE,
    capital,
    in_our_style,
    name_row,
    open_up,
)
from pepstats.words import list_words, per_hundred

SOUND = (4.0, 6.0)
"""False alarms in 100 that a 95% interval may raise, allowing for what chance does to a count."""


@in_our_style
def draw_false_alarms(rows: pd.DataFrame, ax: Axes) -> None:
    """Draw false alarms in 100 made-up programmes, one row each way of estimating, ours last.

    `rows` has `estimator` and `false_alarm_rate`, of one selection and one outcome, in the order to
    be shown. The band is what a sound 95% interval raises.
    """
    shown = rows.reset_index(drop=True)
    alarms = 100 * shown["false_alarm_rate"].astype(float)
    ax.axvspan(*SOUND, color=PALE, zorder=0, linewidth=0)
    for place, row in shown.iterrows():
        ours = place == len(shown) - 1
        colour, at = BLUE if ours else ORANGE, int(str(place))
        ax.plot([0, alarms[at]], [at, at], color=colour, linewidth=4 if ours else 2.5,
                solid_capstyle="butt")  # fmt: skip
        ax.plot(alarms[at], at, marker="D" if ours else "o", color=colour, markersize=7)
        ax.annotate(f"{per_hundred(alarms[at] / 100)}", (alarms[at], at), xytext=(8, 0),
                    textcoords="offset points", va="center", fontsize=9.5, color=INK,
                    fontweight="bold" if ours else "normal")  # fmt: skip
        name_row(ax, capital(str(row["estimator"])), at, bold=ours)
    ax.annotate("sound:\n4 to 6", (sum(SOUND) / 2, len(shown) - 0.62), ha="center", va="top",
                fontsize=8.5, color=GREY)  # fmt: skip
    ax.set_xlim(0, 1.12 * max(float(alarms.max()), 2 * SOUND[1]))
    ax.set_ylim(len(shown) - 0.1, -0.95)
    ax.set_yticks([])
    open_up(ax, grid="x")
    ax.spines["left"].set_visible(False)
    ax.set_xlabel("Called an effect, in 100 programmes that did nothing")


def describe_false_alarms(rows: pd.DataFrame, *, picked: str) -> str:
    """Say in words which ways raise too many false alarms, and what ours does."""
    if rows.empty:
        return "No programme could be made up."
    each = [
        f"{row['estimator']} {per_hundred(row['false_alarm_rate'])}"
        for row in rows.to_dict("records")
    ]
    return (
        f"How many in 100 made-up programmes, picked as {picked}, each way of estimating calls an "
        f"effect where nothing was done. A sound way calls 5: {list_words(each)}."
    )

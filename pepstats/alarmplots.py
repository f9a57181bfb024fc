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
    alarms = 100 * rows["false_alarm_rate"].to_numpy(float)
    ax.axvspan(*SOUND, color=PALE, zorder=0, linewidth=0)
    for place, (name, called) in enumerate(zip(rows["estimator"], alarms, strict=True)):
        ours = place == len(alarms) - 1
        colour, weight = BLUE if ours else ORANGE, "bold" if ours else "normal"
        ax.plot([0, called], [place, place], color=colour, linewidth=4 if ours else 2.5,
                solid_capstyle="butt")  # fmt: skip
        ax.plot(called, place, marker="D" if ours else "o", color=colour, markersize=7)
        ax.annotate(f"{per_hundred(called / 100)}", (called, place), xytext=(8, 0),
                    textcoords="offset points", va="center", fontsize=9.5, color=INK,
                    fontweight=weight)  # fmt: skip
        ax.annotate(capital(str(name)), (0, place - 0.22), xytext=(3, 0), va="bottom",
                    textcoords="offset points", fontsize=9.5, fontweight=weight)  # fmt: skip
    ax.annotate("a sound way: 4 to 6", (SOUND[1], len(alarms) - 0.45), xytext=(4, 0),
                textcoords="offset points", va="center", fontsize=8.5, color=GREY)  # fmt: skip
    ax.set_xlim(0, 1.12 * max(float(alarms.max(initial=0.0)), 2 * SOUND[1]))
    ax.set_ylim(len(alarms) - 0.15, -0.85)
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

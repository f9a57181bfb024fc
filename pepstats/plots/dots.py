"""A hundred dots for all placebo programmes, the real one among them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pepstats.formatting import count_words, format_number, per_hundred
from pepstats.plots.style import BLUE, INK, ORANGE, clear_rows, in_house_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def choose_dots(placebo: pd.Series, *, estimate: float, p_placebo: float) -> pd.DataFrame:
    """Stand a hundred dots for all placebo programmes, those as far out as the real one marked.

    Columns `value`, `at` (the middle of the dot's stack), `height` (from 1) and `beyond`. As
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
    """Return the smallest 1, 2 or 5 (times a power of ten) that is at least a step."""
    if step <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(step))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= step * (1 - 1e-9))


@in_house_style
def draw_hundred_dots(dots: pd.DataFrame, ax: Axes, *, estimate: float, unit: str) -> None:
    """Draw the placebo programmes as a hundred dots, and the real one as a line among them."""
    near, far = dots.loc[~dots["beyond"]], dots.loc[dots["beyond"]]
    ax.scatter(
        near["at"], near["height"], s=30, facecolors="white", edgecolors=BLUE, linewidths=1.2,
        label="smaller change",
    )  # fmt: skip
    ax.scatter(
        far["at"], far["height"], s=34, marker="D", color=ORANGE, edgecolors=INK, linewidths=0.6,
        label="as large a change or larger",
    )  # fmt: skip
    tall = max(int(dots["height"].max()), 6)
    ax.vlines(estimate, 0, tall + 1.2, color=INK, linewidth=2)
    reach = 1.12 * max(float(dots["at"].abs().max()), abs(estimate), 1e-9)
    ax.set_xlim(-reach, reach)
    ax.set_ylim(0, tall + 4.2)
    side = "right" if estimate > 0.3 * reach else "left" if estimate < -0.3 * reach else "center"
    ax.annotate(
        f"this programme\n{format_number(estimate, signed=True)}",
        (estimate, tall + 1.4), ha=side, va="bottom", fontsize=10,
    )  # fmt: skip
    clear_rows(ax)
    ax.set_xlabel(f"Change ({unit})")
    ax.legend(loc="lower left", bbox_to_anchor=(-0.02, 1), ncols=2, frameon=False, fontsize=9,
              borderaxespad=0, handletextpad=0.1, columnspacing=1.0)  # fmt: skip


def describe_hundred_dots(dots: pd.DataFrame, *, estimate: float, unit: str) -> str:
    """Describe how many of the hundred dots lie as far out as the real programme."""
    beyond = int(dots["beyond"].sum())
    middle = dots["value"].abs().sort_values().iloc[[49, 94]]
    return (
        f"One hundred dots stand for groups of schools without the programme. Half of them changed "
        f"by {format_number(float(middle.iloc[0]))} {unit} or less either way, and 95 by "
        f"{format_number(float(middle.iloc[1]))} or less. This programme's schools changed by "
        f"{format_number(estimate, signed=True)}. {_beyond_words(beyond)}"
    )


def _beyond_words(beyond: int) -> str:
    if beyond == 0:
        return "No dot lies that far from zero."
    return f"{count_words(beyond, 'dot lies', 'dots lie')} that far from zero, drawn as diamonds."

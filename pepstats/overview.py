"""The programmes in one picture: each estimate with its interval and its verdict, one row each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pepstats import canvas, evidence
from pepstats.blocks import PaperPicture
from pepstats.board_tables import title_apart
from pepstats.evidence import ProgrammeResults
from pepstats.evidence_pictures import not_drawn
from pepstats.programme import Programme
from pepstats.words import Result, decimals_for, outcome_label, school_year, show

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TABLE = "programmes"  # the paper's table that holds the picture's numbers
ROW = 0.62  # inches from one programme's row to the next


def picture_programmes(
    programmes: Sequence[Programme], results: Mapping[str, ProgrammeResults], year: int
) -> PaperPicture:
    """Draw every programme's primary estimate on one scale; the same in both editions."""
    found = {
        title: evidence.list_results(programme, results[programme.slug], year)[programme.primary]
        for title, programme in title_apart(programmes).items()
    }
    known = {title: result for title, result in found.items() if result.known}
    outcomes = {result.outcome for result in known.values()}
    caption = f"How far each programme's schools moved, {school_year(year)}"
    if not known:
        return not_drawn("No programme has an estimate.", caption, TABLE)
    if len(outcomes) > 1:
        return not_drawn(
            "The programmes were for different outcomes: see the table.", caption, TABLE
        )
    caption = f"{caption}: {outcome_label(next(iter(outcomes)))}"
    figure = draw_programmes(known)
    return PaperPicture(
        canvas.to_svg(figure), canvas.to_png(figure), describe_programmes(known), caption, TABLE
    )


@canvas.in_our_style
def draw_programmes(known: Mapping[str, Result]) -> Figure:
    """Draw one row per programme: its name and verdict over its interval, its size beside it."""
    figure, ax = canvas.new_axes(0.75 + ROW * len(known))
    low = min(0.0, *(result.low for result in known.values()))
    high = max(0.0, *(result.high for result in known.values()))
    for place, (title, result) in enumerate(known.items()):
        sure = not result.low <= 0 <= result.high
        ax.hlines(place, result.low, result.high, color=canvas.BLUE, linewidth=2.5)
        ax.plot(result.estimate, place, "D", markersize=8, markeredgewidth=1.5,
                color=canvas.BLUE, markerfacecolor=canvas.BLUE if sure else "white")  # fmt: skip
        size = show(result.estimate, decimals_for(result), signed=True)
        ax.annotate(f"{title}: {result.verdict} ({size})", (0, place - 0.24), va="bottom",
                    xycoords=("axes fraction", "data"), fontsize=10,
                    bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0})  # fmt: skip
    ax.axvline(0, color=canvas.INK, linewidth=1)
    ax.set_ylim(len(known) - 0.6, -0.85)
    ax.set_yticks([])
    room = 0.05 * max(high - low, 1e-9)
    side = 0.2 * max(high - low, 1e-9)  # so that nought is never at the edge
    ax.set_xlim(min(low - room, -side), max(high + room, side))
    canvas.open_up(ax, grid="x")
    ax.spines["left"].set_visible(False)
    ax.xaxis.set_major_formatter(
        lambda value, _: show(value, 0 if math.isclose(value, round(value)) else 1, signed=True)
    )
    unit = canvas.capital(next(iter(known.values())).unit)
    ax.set_xlabel(f"{unit}: left of 0 lost ground, right of 0 gained")
    return figure


def describe_programmes(known: Mapping[str, Result]) -> str:
    """Say in words what each row shows."""
    said = []
    for title, result in known.items():
        places = decimals_for(result)
        low, high = (show(end, places, signed=True) for end in (result.low, result.high))
        size = show(result.estimate, places, signed=True)
        said.append(f"{title}: {size}, somewhere between {low} and {high}; {result.verdict}")
    unit = next(iter(known.values())).unit
    return f"One row for each programme, in {unit}; nought is no difference. {'. '.join(said)}."

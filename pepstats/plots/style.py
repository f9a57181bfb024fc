"""What every picture of ours is drawn on: its size, its type, its colours, and how it is kept.

Colours and rules are the Government Analysis Function's: at most four series, direct labels, light
gridlines, horizontal words, the title in the page and not in the picture. Every picture is drawn
five inches wide so that its words are still readable on a phone, and never by colour alone.
"""

from __future__ import annotations

import functools
import io
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeVar, cast

from pepstats.formatting import format_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE = "#12436D", "#F46A25"
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


def in_house_style(draw: Callable[P, R]) -> Callable[P, R]:
    """Draw with our own settings, whatever the reader's machine is set to."""

    @functools.wraps(draw)
    def styled(*args: P.args, **kwargs: P.kwargs) -> R:
        import matplotlib as mpl

        with mpl.rc_context(cast(Any, STYLE)):
            return draw(*args, **kwargs)

    return styled


@in_house_style
def new_figure(height: float) -> Figure:
    """Return an empty picture of the paper's width, its height in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(WIDTH, height), layout="constrained")


@in_house_style
def new_axes(height: float = 3.2) -> tuple[Figure, Axes]:
    """Return an empty picture of the paper's width and its one axis."""
    figure = new_figure(height)
    return figure, figure.add_subplot()


@in_house_style
def to_svg(figure: Figure) -> bytes:
    """Return a picture as SVG, the same bytes every time."""
    _settle(figure)
    stream = io.BytesIO()
    figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    return stream.getvalue()


@in_house_style
def to_png(figure: Figure) -> bytes:
    """Return a picture as PNG for Word, 150 dots an inch, the same bytes every time."""
    _settle(figure)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=150, metadata={"Software": None})
    return stream.getvalue()


def _settle(figure: Figure) -> None:
    """Lay a picture out once: laid out again it would move by a hair, and its bytes with it."""
    if figure.get_layout_engine() is not None:
        figure.draw_without_rendering()
        figure.set_layout_engine("none")


def clear_spines(ax: Axes, *, grid: Literal["x", "y"]) -> None:
    """Take away all of a frame but what helps reading a value."""
    for side in ("top", "right", "left" if grid == "y" else "bottom"):
        ax.spines[side].set_visible(False)
    ax.grid(axis=grid, color=PALE, linewidth=0.8)
    ax.set_axisbelow(True)
    ax.tick_params(length=0)


def clear_rows(ax: Axes) -> None:
    """Take away all of a frame but the scale along its foot, whose numbers have a sign."""
    clear_spines(ax, grid="x")
    ax.spines["left"].set_visible(False)
    ax.set_yticks([])
    ax.xaxis.set_major_formatter(
        lambda value, _: format_number(value, count_places(value), signed=True)
    )


def capital(text: str) -> str:
    """Begin a phrase with a capital."""
    return text[:1].upper() + text[1:]


def count_places(value: float) -> int:
    """Count the decimals a tick needs, two at most."""
    return next((d for d in range(3) if math.isclose(value, round(value, d), abs_tol=1e-9)), 2)

"""Pictures for the committee: each takes a table and an axis, draws, and saves nothing.

Each `draw_` has a `describe_` that computes its alternative text from the same table. They are kept
by family: lines by year, dots, rows, flows and bars, all on one canvas.
"""

from matplotlib.figure import Figure

from pepstats.canvas import BLUE, ORANGE, new_axes, new_figure, to_png, to_svg
from pepstats.dotplots import choose_dots, describe_hundred_dots, draw_hundred_dots
from pepstats.flowplots import (
    describe_consort,
    describe_ratings,
    draw_bars,
    draw_consort,
    draw_ratings,
    height_of_consort,
)
from pepstats.lineplots import (
    describe_small_lines,
    describe_two_lines,
    draw_shares,
    draw_small_lines,
    draw_two_lines,
    height_of_small_lines,
)
from pepstats.rowplots import (
    describe_check_rows,
    describe_love_plot,
    draw_check_rows,
    draw_love_plot,
    height_of_balance,
    height_of_checks,
)

__all__ = [
    "BLUE",
    "ORANGE",
    "Figure",
    "choose_dots",
    "describe_check_rows",
    "describe_consort",
    "describe_hundred_dots",
    "describe_love_plot",
    "describe_ratings",
    "describe_small_lines",
    "describe_two_lines",
    "draw_bars",
    "draw_check_rows",
    "draw_consort",
    "draw_hundred_dots",
    "draw_love_plot",
    "draw_ratings",
    "draw_shares",
    "draw_small_lines",
    "draw_two_lines",
    "height_of_balance",
    "height_of_checks",
    "height_of_consort",
    "height_of_small_lines",
    "new_axes",
    "new_figure",
    "to_png",
    "to_svg",
]

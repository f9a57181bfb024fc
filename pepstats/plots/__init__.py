"""A table in, one picture out: figure, table, alt text and caption."""

from pepstats.plots.pictures import (
    LineNote,
    Picture,
    SchoolLines,
    check_rows,
    love_plot,
    name_schools,
    picture_flow,
    picture_gaps,
    picture_members,
    picture_ratings,
    picture_series,
    placebo_dots,
    school_lines,
    two_lines,
)
from pepstats.plots.programmes import caterpillar_plot, forest_plot
from pepstats.plots.ranges import guide
from pepstats.plots.style import BLUE, capital, clear_rows, in_house_style, new_axes, to_png, to_svg

__all__ = [
    "BLUE",
    "LineNote",
    "Picture",
    "SchoolLines",
    "capital",
    "caterpillar_plot",
    "check_rows",
    "clear_rows",
    "forest_plot",
    "guide",
    "in_house_style",
    "love_plot",
    "name_schools",
    "new_axes",
    "picture_flow",
    "picture_gaps",
    "picture_members",
    "picture_ratings",
    "picture_series",
    "placebo_dots",
    "school_lines",
    "to_png",
    "to_svg",
    "two_lines",
]

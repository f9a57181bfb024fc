"""A table in, one picture out: figure, table, alt text and caption."""

from pepstats.plots.pictures import (
    Picture,
    SchoolLines,
    name_schools,
    picture_balance,
    picture_checks,
    picture_dots,
    picture_flow,
    picture_gaps,
    picture_members,
    picture_named,
    picture_ratings,
    picture_sources,
)
from pepstats.plots.style import (
    BLUE,
    INK,
    capital,
    clear_spines,
    in_house_style,
    new_axes,
    to_png,
    to_svg,
)

__all__ = [
    "BLUE",
    "INK",
    "Picture",
    "SchoolLines",
    "capital",
    "clear_spines",
    "in_house_style",
    "name_schools",
    "new_axes",
    "picture_balance",
    "picture_checks",
    "picture_dots",
    "picture_flow",
    "picture_gaps",
    "picture_members",
    "picture_named",
    "picture_ratings",
    "picture_sources",
    "to_png",
    "to_svg",
]

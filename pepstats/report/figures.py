"""One programme's pictures for readers, as the notebooks drew them, each with words and a table."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

from pepstats.document import PaperPicture
from pepstats.formatting import format_number, join_words, school_year
from pepstats.measures import name_pupils, outcome_label, whole_of
from pepstats.plots import (
    BLUE,
    capital,
    check_rows,
    clear_rows,
    guide,
    in_house_style,
    new_axes,
    to_png,
    to_svg,
)
from pepstats.report.board_tables import title_apart
from pepstats.report.edition import HELD_BACK, Chapter, Edition
from pepstats.report.sentences import Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure

OF_SCHOOLS = ("schools", "cases")  # pictures of single schools, which differ by edition

BEHIND = {
    # the paper's name of a picture: its table in the paper, why there may be none, what it shows
    "two-lines": ("lines", "No school has results to draw.", "results by year"),
    "hundred-dots": ("dots", "There is no estimate to compare with chance.", "what chance can do"),
    "checks": ("checks", "No check was made.", "the estimate under other choices"),
    "balance": ("balance", "No school could be matched.", "how similar the schools were"),
    "flow": ("flow", "No school could be matched.", "which schools could be compared"),
    "series": (
        "series",
        "The sources have no series of these pupils by authority.",
        "by authority",
    ),
    "schools": ("schools", "No school has results to draw.", "a dot for each school"),
    "cases": ("case-lines", "No case study has been chosen.", "the case studies by year"),
}


def not_drawn(why: str, caption: str, table: str) -> PaperPicture:
    """Make a stand-in for a picture that cannot or may not be shown: it says why."""
    return PaperPicture(b"", b"", why, caption, table)


def show_pictures(chapter: Chapter) -> dict[str, PaperPicture]:
    """Show a programme's pictures as its notebooks saved them, or why there is none."""
    slug = chapter.programme.slug
    return {f"{slug}.{name}": show_picture(chapter, name) for name in BEHIND}


def show_picture(chapter: Chapter, name: str) -> PaperPicture:
    """Show a picture as its notebook saved it; one of single schools only where they may be."""
    programme, (behind, why, what) = chapter.programme, BEHIND[name]
    named_as = f"{programme.title}: {what}"
    table, of_schools = f"{programme.slug}.{behind}", name in OF_SCHOOLS
    named = of_schools and chapter.view.exempt
    saved = chapter.found.pictures.get(f"{name}-named" if named else name)
    if of_schools and not chapter.shows_schools:
        return not_drawn(HELD_BACK, named_as, table)
    if name == "checks" and saved is None and chapter.found.checks["estimate"].notna().any():
        drawn = check_rows(chapter.found.checks, programme.title, unit=chapter.primary.unit)
        return PaperPicture(
            to_svg(drawn.figure), to_png(drawn.figure), drawn.alt, drawn.caption, table
        )
    if saved is None:
        return not_drawn(why, named_as, table)
    return PaperPicture(saved.svg, saved.png, saved.alt, saved.caption, table)


TABLE = "programmes"  # the paper's table that holds the picture's numbers
ROW = 0.62  # inches from one programme's row to the next


def picture_overview(edition: Edition) -> PaperPicture:
    """Draw every programme's primary estimate on one scale; the same in both editions."""
    known = {
        f"{title}, {name_pupils(one.primary.outcome)}": one.primary.as_printed()
        for title, one in title_apart(edition.chapters).items()
        if one.primary.known
    }
    outcomes = {whole_of(result.outcome) for result in known.values()}
    each = "each" if len(edition.chapters) > 1 else "the"
    caption = f"What was found for {each} programme, {school_year(edition.report.year)}"
    if not known:
        return not_drawn("No programme has an estimate.", caption, TABLE)
    if len(outcomes) > 1:
        return not_drawn(
            "The programmes were for different outcomes: see the table.", caption, TABLE
        )
    label = outcome_label(outcomes.pop()).partition(": ")[0]
    pupils = join_words(sorted({name_pupils(one.outcome) for one in known.values()}))
    caption = f"{caption}: {label}, {pupils}"
    return PaperPicture(*_draw_once(tuple(known.items())), describe_overview(known), caption, TABLE)


@cache
def _draw_once(known: tuple[tuple[str, Result], ...]) -> tuple[bytes, bytes]:
    """Draw both editions' picture once, as SVG and PNG."""
    figure = draw_overview(dict(known))
    return to_svg(figure), to_png(figure)


@in_house_style
def draw_overview(known: Mapping[str, Result]) -> Figure:
    """Draw one row per programme: its name and verdict over its interval, its size beside it."""
    figure, ax = new_axes(0.95 + ROW * len(known))
    low = min(0.0, *(result.low for result in known.values()))
    high = max(0.0, *(result.high for result in known.values()))
    for place, (title, result) in enumerate(known.items()):
        sure = not result.low <= 0 <= result.high
        guide(ax, place, 0.0, half=0.18)
        ax.hlines(place, result.low, result.high, color=BLUE, linewidth=2.5)
        ax.plot(result.estimate, place, "D", markersize=8, markeredgewidth=1.5,
                color=BLUE, markerfacecolor=BLUE if sure else "white")  # fmt: skip
        size = format_number(result.estimate, result.places, signed=True)
        ax.annotate(f"{title}: {result.verdict} ({size})", (0, place - 0.24), va="bottom",
                    xycoords=("axes fraction", "data"), fontsize=10)  # fmt: skip
    ax.set_ylim(len(known) - 0.6, -0.85)
    room = 0.05 * max(high - low, 1e-9)
    side = 0.2 * max(high - low, 1e-9)  # so that zero is never at the edge
    ax.set_xlim(min(low - room, -side), max(high + room, side))
    clear_rows(ax)
    ax.grid(visible=False)
    ax.tick_params(axis="x", length=3)
    unit = capital(next(iter(known.values())).unit)
    ax.set_xlabel(
        f"{unit}: left of 0 lost ground, right of 0 gained\n"
        "bar: likely range; open mark: the range includes 0",
        fontsize=9.5,
    )
    return figure


def describe_overview(known: Mapping[str, Result]) -> str:
    """Write in words what each row shows."""
    said = []
    for title, result in known.items():
        places = result.places
        low, high = (format_number(end, places, signed=True) for end in (result.low, result.high))
        size = format_number(result.estimate, places, signed=True)
        said.append(f"{title}: {size}, somewhere between {low} and {high}; {result.verdict}")
    unit = next(iter(known.values())).unit
    return f"One row for each programme, in {unit}; zero is no difference. {'. '.join(said)}."

"""One programme's pictures for readers, each with its words and the table behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from functools import partial

import pandas as pd

from pepstats import figures, pictures
from pepstats.blocks import Picture
from pepstats.disclosure import View
from pepstats.evidence import (
    HELD_BACK,
    Drawn,
    ProgrammeResults,
    average_lines,
    choose_dots,
    follow_members,
    label_schools,
    label_variable,
    lines_of,
    may_show_schools,
    scale_words,
)
from pepstats.programme import Programme
from pepstats.verdicts import EXPECTED
from pepstats.words import Result, outcome_label, school_year, show

OF_ONE_EDITION = (".schools", ".cases")  # names of pictures that differ by edition


class Pictures(Mapping[str, Picture]):
    """Pictures by name, each drawn when it is first asked for: a paper seldom shows them all."""

    def __init__(
        self,
        makers: Mapping[str, Callable[[], Picture]],
        drawn: MutableMapping[str, Picture] | None = None,
    ) -> None:
        """Take what draws each picture, and those drawn already that another edition shares."""
        self._makers = dict(makers)
        self._own: dict[str, Picture] = {}
        self._drawn = {} if drawn is None else drawn

    def __getitem__(self, name: str) -> Picture:
        """Give a picture, drawing it the first time."""
        kept = self._own if name.endswith(OF_ONE_EDITION) else self._drawn
        if name not in kept:
            kept[name] = self._makers[name]()
        return kept[name]

    def __iter__(self) -> Iterator[str]:
        """Go through the names."""
        return iter(self._makers)

    def __len__(self) -> int:
        """Count the pictures."""
        return len(self._makers)


def list_pictures(
    programme: Programme,
    found: ProgrammeResults,
    results: Mapping[str, Result],
    view: View,
) -> dict[str, Callable[[], Picture]]:
    """Give what draws each of a programme's pictures, by the picture's name."""
    primary = results[programme.primary]
    makers: dict[str, Callable[[], Picture]] = {
        "two-lines": partial(picture_two_lines, programme, found, primary),
        "hundred-dots": partial(picture_hundred_dots, programme, found, primary),
        "checks": partial(picture_checks, programme, found, primary),
        "balance": partial(picture_balance, programme, found),
        "flow": partial(picture_flow, programme, found, primary),
        "schools": partial(picture_schools, programme, found, results, view),
        "cases": partial(picture_cases, programme, found, results, view),
    }
    return {f"{programme.slug}.{name}": maker for name, maker in makers.items()}


def expected_words(result: Result) -> str:
    """Say in a caption, in the autumn, that the last point is not other schools' own result."""
    if result.mode != EXPECTED:
        return ""
    year = school_year(result.year)
    return f". In {year} the dashed line is what was expected: others' results are not out yet"


def not_drawn(why: str, caption: str, table: str) -> Picture:
    """Stand in for a picture that cannot or may not be drawn: it says why."""
    return Picture(b"", b"", why, caption, table)


def _as_drawn(drawn: Drawn, caption: str, table: str) -> Picture:
    """Take a picture as its notebook drew it."""
    return Picture(drawn.svg, drawn.png, drawn.alt, caption, table)


def picture_two_lines(programme: Programme, found: ProgrammeResults, result: Result) -> Picture:
    """Draw the programme's schools and their comparison schools, year by year."""
    lines = average_lines(programme, found, result.outcome)
    unit = scale_words(result.outcome)
    caption = f"{programme.title}: {outcome_label(result.outcome)}, by year{expected_words(result)}"
    caption += _apart_words(lines, result)
    table = f"{programme.slug}.lines"
    if lines[["members", "comparison"]].isna().all().any():
        return not_drawn("No school has results to draw.", caption, table)
    if drawn := found.pictures.get("two-lines"):
        return _as_drawn(drawn, caption, table)
    figure, ax = figures.new_axes()
    figures.draw_two_lines(lines, ax, starts=programme.starts, unit=unit)
    alt = figures.describe_two_lines(lines, starts=programme.starts, unit=unit)
    return Picture(figures.to_svg(figure), figures.to_png(figure), alt, caption, table)


def _apart_words(lines: pd.DataFrame, result: Result) -> str:
    """Say in a caption why the estimate is not just how far the two lines end apart."""
    last = lines[lines["year"] == result.year]
    if result.mode == EXPECTED or not result.known or last.empty:
        return ""
    apart = float((last["members"] - last["comparison"]).iloc[0])
    return (
        f". In {school_year(result.year)} the lines are {show(abs(apart))} apart; the estimate "
        f"({show(result.estimate, signed=True)}) also allows for size and for the rest of each city"
    )


def picture_hundred_dots(programme: Programme, found: ProgrammeResults, result: Result) -> Picture:
    """Draw the made-up programmes as a hundred dots, the real one among them."""
    caption = (
        f"{programme.title}: this programme among a hundred dots, which stand for "
        f"{result.n_placebo:,} made-up ones"
    )
    table = f"{programme.slug}.dots"
    if not result.known:
        return not_drawn("There is no estimate to set among made-up programmes.", caption, table)
    if drawn := found.pictures.get("hundred-dots"):
        return _as_drawn(drawn, caption, table)
    dots = choose_dots(found, result)
    figure, ax = figures.new_axes(3.4)
    figures.draw_hundred_dots(dots, ax, estimate=result.estimate, unit=result.unit)
    alt = figures.describe_hundred_dots(dots, estimate=result.estimate, unit=result.unit)
    return Picture(figures.to_svg(figure), figures.to_png(figure), alt, caption, table)


def picture_checks(programme: Programme, found: ProgrammeResults, result: Result) -> Picture:
    """Draw the estimate under every other choice."""
    caption = (
        f"{programme.title}: the same estimate under other choices, each with its 95% interval"
    )
    table = f"{programme.slug}.checks"
    checks = found.checks
    rows = checks.loc[checks["outcome"] == result.outcome] if len(checks) else checks
    if rows.empty:
        return not_drawn("No check was made.", caption, table)
    if drawn := found.pictures.get("checks"):
        return _as_drawn(drawn, caption, table)
    figure, ax = figures.new_axes(figures.height_of_checks(rows))
    figures.draw_check_rows(rows, ax, unit=result.unit)
    alt = figures.describe_check_rows(rows, unit=result.unit)
    return Picture(figures.to_svg(figure), figures.to_png(figure), alt, caption, table)


def picture_balance(programme: Programme, found: ProgrammeResults) -> Picture:
    """Draw how alike the schools are before and after the choice of comparison schools."""
    caption = f"{programme.title}: how alike the schools were before the start"
    table = f"{programme.slug}.balance"
    if drawn := found.pictures.get("balance"):
        return _as_drawn(drawn, caption, table)
    rows = found.balance.reset_index()
    rows = rows.assign(label=[label_variable(str(v)) for v in rows["variable"]])
    figure, ax = figures.new_axes(figures.height_of_balance(rows))
    figures.draw_love_plot(rows, ax)
    alt = figures.describe_love_plot(rows)
    return Picture(figures.to_svg(figure), figures.to_png(figure), alt, caption, table)


def picture_flow(programme: Programme, found: ProgrammeResults, result: Result) -> Picture:
    """Draw how many of the programme's schools were left at each step."""
    caption = f"{programme.title}: the programme's schools, from the list to the estimate"
    table = f"{programme.slug}.flow"
    if drawn := found.pictures.get("flow"):
        return _as_drawn(drawn, caption, table)
    steps = follow_members(found, result)
    figure, ax = figures.new_axes(0.4 + 0.85 * len(steps))
    figures.draw_flow(steps, ax)
    alt = figures.describe_flow(steps)
    return Picture(figures.to_svg(figure), figures.to_png(figure), alt, caption, table)


def picture_schools(
    programme: Programme,
    found: ProgrammeResults,
    results: Mapping[str, Result],
    view: View,
) -> Picture:
    """Draw one small line per school against its own comparison schools', none left out."""
    caption = (
        f"{programme.title}: each school against its own comparison schools, largest gain first"
        f"{expected_words(results[programme.primary])}"
    )
    table = f"{programme.slug}.schools"
    if not may_show_schools(results, view):
        return not_drawn(HELD_BACK, caption, table)
    labels = label_schools(found, programme.primary, view)
    if drawn := found.pictures.get(f"schools{'-named' if view.exempt else ''}"):
        return _as_drawn(drawn, caption, table)
    return _draw_schools(programme, found, labels, caption, table)


def picture_cases(
    programme: Programme,
    found: ProgrammeResults,
    results: Mapping[str, Result],
    view: View,
) -> Picture:
    """Draw the case studies' lines, each against its own comparison schools'."""
    caption = f"{programme.title}: the case studies against their own comparison schools"
    caption += expected_words(results[programme.primary])
    table = f"{programme.slug}.case-lines"
    if not may_show_schools(results, view):
        return not_drawn(HELD_BACK, caption, table)
    if found.cases.empty:
        return not_drawn("No case study has been chosen.", caption, table)
    if drawn := found.pictures.get(f"cases{'-named' if view.exempt else ''}"):
        return _as_drawn(drawn, caption, table)
    labels = label_schools(found, programme.primary, view)
    chosen = [int(school) for school in found.cases.reset_index()["school"]]
    return _draw_schools(programme, found, {s: labels[s] for s in chosen}, caption, table)


def _draw_schools(
    programme: Programme,
    found: ProgrammeResults,
    labels: Mapping[int, str],
    caption: str,
    table: str,
) -> Picture:
    lines = lines_of(found, programme.primary, labels)
    if lines.empty:
        return not_drawn("No school has results to draw.", caption, table)
    made = pictures.picture_schools(
        lines, labels, starts=programme.starts, unit=scale_words(programme.primary)
    )
    return Picture(
        figures.to_svg(made.figure), figures.to_png(made.figure), made.alt, caption, table
    )

"""One programme's pictures for readers, as the notebooks drew them, each with words and a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from functools import partial

import pandas as pd

from pepstats.blocks import Picture
from pepstats.disclosure import View
from pepstats.evidence import HELD_BACK, ProgrammeResults, average_lines, may_show_schools
from pepstats.programme import Programme
from pepstats.verdicts import EXPECTED
from pepstats.words import Result, outcome_label, school_year, show

OF_ONE_EDITION = (".schools", ".cases")  # names of pictures that differ by edition


class Pictures(Mapping[str, Picture]):
    """Pictures by name, each made when it is first asked for: a paper seldom shows them all."""

    def __init__(
        self,
        makers: Mapping[str, Callable[[], Picture]],
        drawn: MutableMapping[str, Picture] | None = None,
    ) -> None:
        """Take what makes each picture, and those made already that another edition shares."""
        self._makers = dict(makers)
        self._own: dict[str, Picture] = {}
        self._drawn = {} if drawn is None else drawn

    def __getitem__(self, name: str) -> Picture:
        """Give a picture, making it the first time."""
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
    """Give what makes each of a programme's pictures, by the picture's name."""
    primary = results[programme.primary]
    makers: dict[str, Callable[[], Picture]] = {
        "two-lines": partial(picture_two_lines, programme, found, primary),
        "hundred-dots": partial(picture_hundred_dots, programme, found, primary),
        "checks": partial(picture_checks, programme, found, primary),
        "balance": partial(picture_balance, programme, found),
        "flow": partial(picture_flow, programme, found),
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


def _as_drawn(found: ProgrammeResults, name: str, caption: str, table: str) -> Picture:
    """Take a picture as its notebook drew it; where it drew none there was nothing to draw."""
    drawn = found.pictures.get(name)
    if drawn is None:
        return not_drawn("No school has results to draw.", caption, table)
    return Picture(drawn.svg, drawn.png, drawn.alt, caption, table)


def picture_two_lines(programme: Programme, found: ProgrammeResults, result: Result) -> Picture:
    """Show the programme's schools and their comparison schools, year by year."""
    lines = average_lines(programme, found, result.outcome)
    caption = f"{programme.title}: {outcome_label(result.outcome)}, by year{expected_words(result)}"
    caption += _apart_words(lines, result)
    table = f"{programme.slug}.lines"
    if lines[["members", "comparison"]].isna().all().any():
        return not_drawn("No school has results to draw.", caption, table)
    return _as_drawn(found, "two-lines", caption, table)


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
    """Show the made-up programmes as a hundred dots, the real one among them."""
    caption = (
        f"{programme.title}: this programme among a hundred dots, which stand for "
        f"{result.n_placebo:,} made-up ones"
    )
    table = f"{programme.slug}.dots"
    if not result.known:
        return not_drawn("There is no estimate to set among made-up programmes.", caption, table)
    return _as_drawn(found, "hundred-dots", caption, table)


def picture_checks(programme: Programme, found: ProgrammeResults, result: Result) -> Picture:
    """Show the estimate under every other choice."""
    caption = (
        f"{programme.title}: the same estimate under other choices, each with its 95% interval"
    )
    table = f"{programme.slug}.checks"
    checks = found.checks
    rows = checks.loc[checks["outcome"] == result.outcome] if len(checks) else checks
    if rows.empty:
        return not_drawn("No check was made.", caption, table)
    return _as_drawn(found, "checks", caption, table)


def picture_balance(programme: Programme, found: ProgrammeResults) -> Picture:
    """Show how alike the schools are before and after the choice of comparison schools."""
    caption = f"{programme.title}: how alike the schools were before the start"
    table = f"{programme.slug}.balance"
    return _as_drawn(found, "balance", caption, table)


def picture_flow(programme: Programme, found: ProgrammeResults) -> Picture:
    """Show how many of the programme's schools were left at each step."""
    caption = f"{programme.title}: the programme's schools, from the list to the estimate"
    table = f"{programme.slug}.flow"
    return _as_drawn(found, "flow", caption, table)


def picture_schools(
    programme: Programme,
    found: ProgrammeResults,
    results: Mapping[str, Result],
    view: View,
) -> Picture:
    """Show one small line per school against its own comparison schools', none left out."""
    caption = (
        f"{programme.title}: each school against its own comparison schools, largest gain first"
        f"{expected_words(results[programme.primary])}"
    )
    table = f"{programme.slug}.schools"
    if not may_show_schools(results, view):
        return not_drawn(HELD_BACK, caption, table)
    return _as_drawn(found, f"schools{'-named' if view.exempt else ''}", caption, table)


def picture_cases(
    programme: Programme,
    found: ProgrammeResults,
    results: Mapping[str, Result],
    view: View,
) -> Picture:
    """Show the case studies' lines, each against its own comparison schools'."""
    caption = f"{programme.title}: the case studies against their own comparison schools"
    caption += expected_words(results[programme.primary])
    table = f"{programme.slug}.case-lines"
    if not may_show_schools(results, view):
        return not_drawn(HELD_BACK, caption, table)
    if found.cases.empty:
        return not_drawn("No case study has been chosen.", caption, table)
    return _as_drawn(found, f"cases{'-named' if view.exempt else ''}", caption, table)

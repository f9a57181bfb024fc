"""The pictures that a researcher draws by name: tables in, one picture out."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from pepstats.measures import find_measure
from pepstats.plots.pictures import (
    Picture,
    picture_balance,
    picture_checks,
    picture_dots,
    picture_gaps,
    picture_schools,
)


def two_lines(averages: pd.DataFrame, title: str, starts: int) -> Picture:
    """Draw the programme's schools and their comparison schools by year, in one outcome.

    `averages` as from `average_lines`: `outcome`, `year`, `members`, `comparison`, `n_schools`.
    """
    outcome = str(averages["outcome"].iloc[0])
    return picture_gaps(averages, {}, title=title, starts=starts)[f"gap-{outcome}"]


def placebo_dots(placebo: pd.DataFrame, effect: pd.Series, title: str) -> Picture:
    """Draw a hundred placebo draws with the real programme marked, for one row of the effects."""
    return picture_dots(placebo[effect["outcome"]], effect, title)


def check_rows(checks: pd.DataFrame, title: str, unit: str) -> Picture:
    """Draw the estimate under every other choice, the headline's first."""
    return picture_checks(checks, title, unit=unit)


def love_plot(balance: pd.DataFrame, title: str) -> Picture:
    """Draw how alike the schools were before and after comparison schools were chosen."""
    return picture_balance(balance, title)


def school_lines(
    lines: pd.DataFrame, labels: Mapping[int, str], title: str, starts: int
) -> Picture:
    """Draw one small line for each school in `labels`, against its own comparison schools.

    `lines` is of one outcome: `outcome`, `school`, `year`, `own`, `comparison`.
    """
    measure = find_measure(str(lines["outcome"].iloc[0]))
    unit = "% of pupils" if measure.percent else measure.unit
    return picture_schools(lines, labels, starts=starts, unit=unit, caption=title)

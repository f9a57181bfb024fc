"""What an effect is worth: months of progress where they may be said, and what it cost.

Months of progress come only from an effect on attainment in pupils' standard deviations; a spread
between schools never becomes months. The tables are settings, with their sources.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from pepstats.errors import DesignError, nearest
from pepstats.paths import TEMPLATES
from pepstats.programme import Programme
from pepstats.settings import Settings, check_settings, find_rules, read_yaml
from pepstats.sizes import Size, is_attainment

Mark = Literal["S", "M"]


class Band(Settings):
    """So many months for a size up to here, the last without end."""

    months: int = Field(ge=0)
    upto: float | None = Field(gt=0)
    label: str


class MonthsTable(Settings):
    """One table from sizes to months, with its source and whether it was read there (S) or not (M).

    Bands follow one another from 0 months, by one month each.
    """

    name: str
    title: str
    mark: Mark
    source: str
    bands: tuple[Band, ...] = Field(min_length=2)

    @model_validator(mode="after")
    def meet(self) -> MonthsTable:
        """Bands that overlap or leave a hole would give one size two answers, or none."""
        ends = [band.upto for band in self.bands]
        known = [end for end in ends[:-1] if end is not None]
        if ends[-1] is not None or len(known) < len(ends) - 1 or sorted(set(known)) != known:
            raise ValueError(f"the bands of `{self.name}` do not rise to one without end")
        if [band.months for band in self.bands] != list(range(len(self.bands))):
            raise ValueError(f"the bands of `{self.name}` do not rise by one month each")
        return self


class MonthsTables(Settings):
    """The tables there are, and which is used."""

    use: str
    tables: tuple[MonthsTable, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def there(self) -> MonthsTables:
        """The table to use must be one of them."""
        names = [table.name for table in self.tables]
        if self.use not in names or len(set(names)) < len(names):
            raise ValueError(f"no table, or more than one, is called `{self.use}`")
        return self

    def choose(self, name: str | None = None) -> MonthsTable:
        """Give the table by that name, or the one to be used."""
        found = {table.name: table for table in self.tables}
        if (name or self.use) not in found:
            raise DesignError(f"no months table is called `{name}`. {nearest(str(name), found)}")
        return found[name or self.use]


class Step(Settings):
    """A cost for each pupil up to here, its sign and what it is called."""

    upto: float | None = Field(gt=0)
    sign: str
    label: str


class CostSteps(Settings):
    """The published steps of cost for each pupil and year, rising to one without end."""

    title: str
    mark: Mark
    source: str
    years: int = Field(ge=1)
    steps: tuple[Step, ...] = Field(min_length=2)

    @model_validator(mode="after")
    def meet(self) -> CostSteps:
        """As for months: one answer for every cost."""
        known = [step.upto for step in self.steps[:-1] if step.upto is not None]
        last = self.steps[-1].upto
        if last is not None or len(known) < len(self.steps) - 1 or sorted(set(known)) != known:
            raise ValueError("the steps do not rise to one without end")
        return self


@dataclass(frozen=True)
class Months:
    """Months of additional progress, with both ends of the interval; or why there are none.

    `table` is the title of the table they were read from, `mark` whether it was read at its source
    (S) or is from memory (M).
    """

    months: int | None
    low: int | None
    high: int | None
    label: str
    table: str
    mark: str
    reason: str = ""

    @property
    def words(self) -> str:
        """Say it as reports do: "2 months (-1 to +4)"; empty where there are none."""
        if self.months is None or self.low is None or self.high is None:
            return ""
        unit = "month" if abs(self.months) == 1 else "months"
        return f"{_signed(self.months)} {unit} ({_signed(self.low)} to {_signed(self.high)})"


@dataclass(frozen=True)
class Price:
    """What a programme cost for each pupil, on both denominators.

    Attributes
    ----------
    table
        Index `counted` ("every pupil in its schools", "the pupils it was for"); `pupils`,
        `per_pupil` (pounds a year), `sign`, `label`, `reason` where it cannot be said.
    years
        Over how many years the sum is spread.
    steps
        The title of the published steps.
    """

    table: pd.DataFrame = field(repr=False)
    years: int
    steps: str


@dataclass(frozen=True)
class PricePerMonth:
    """Pounds for each pupil and month of progress; or why it is not said.

    `low` and `high` belong to the most and the fewest months of the interval; `high` is missing
    where those round to no month.
    """

    pounds: float
    low: float
    high: float
    reason: str = ""


def choose_months(programme: Programme, data: Path | None = None) -> MonthsTable:
    """Give the months table of a programme: by its name, from `months.yml` of a study or ours."""
    try:
        return load_months(find_rules("months.yml", data)).choose(programme.months)
    except DesignError as error:
        raise DesignError(f"{programme.file}, `months`: {error}") from None


@cache
def load_months(path: Path | None = None) -> MonthsTables:
    """Read the tables from sizes to months: a study's own, or those kept with the library."""
    chosen = path or TEMPLATES / "months.yml"
    return check_settings(MonthsTables, read_yaml(chosen), chosen)


@cache
def load_costs(path: Path | None = None) -> CostSteps:
    """Read the steps of cost for each pupil: a study's own, or those kept with the library."""
    chosen = path or TEMPLATES / "costs.yml"
    return check_settings(CostSteps, read_yaml(chosen), chosen)


def find_months(size: Size, outcome: str, table: MonthsTable | None = None) -> Months:
    """Give the months of progress of an effect size and of both ends of its interval.

    Sizes are rounded to two decimals first, halves away from nought. Refused, with the reason, for
    a size in schools' standard deviations, for an outcome that is not attainment, and where there
    is no size.
    """
    chosen = table or load_months().choose()
    why = size.reason
    if not is_attainment(outcome):
        why = "months of progress are for attainment only"
    elif size.scale != "pupil":
        why = (
            "the size is in schools' standard deviations, which are far smaller than pupils': as "
            "months it would be overstated two times or more"
        )
    elif not why and not np.isfinite([size.d, size.low, size.high]).all():
        why = "there is no size with an interval"
    if why:
        return Months(None, None, None, "", chosen.title, chosen.mark, why)
    at, low, high = (_read_off(value, chosen) for value in (size.d, size.low, size.high))
    return Months(at[0], low[0], high[0], at[1], chosen.title, chosen.mark)


def price_per_pupil(
    cost: float | None,
    *,
    all_pupils: float | None,
    target_pupils: float | None,
    years: int = 1,
    steps: CostSteps | None = None,
) -> Price:
    """Give the cost for each pupil a year: of every pupil in its schools, and of those it was for.

    `cost` in pounds, spread over `years`. Which of the two is right depends on who gained; both
    are given, since the first makes anything look cheap and the second may forget who else did.
    """
    chosen = steps or load_costs()
    if years < 1:
        raise DesignError(f"`years` is {years}: a cost is spread over one year or more.")
    rows = []
    for counted, pupils in (
        ("every pupil in its schools", all_pupils),
        ("the pupils it was for", target_pupils),
    ):
        why = ""
        if cost is None or not math.isfinite(cost) or cost < 0:
            why = "its cost is not known"
        elif pupils is None or not pupils > 0 or not math.isfinite(pupils):
            why = "how many pupils is not known"
        each = float("nan") if why else float(cost or 0) / float(pupils or 1) / years
        step = None if why else _step_of(each, chosen)
        rows.append(
            {
                "counted": counted,
                "pupils": float("nan") if pupils is None else float(pupils),
                "per_pupil": each,
                "sign": step.sign if step else "",
                "label": step.label if step else "",
                "reason": why,
            }
        )
    return Price(pd.DataFrame(rows).set_index("counted"), years, chosen.title)


def price_per_month(per_pupil: float, months: Months, size: Size) -> PricePerMonth:
    """Give the cost of a month of progress for each pupil, only where there surely is progress.

    Only where the effect's interval leaves out nought on the side of a gain: otherwise the price
    could as well be without end, or be paid for a loss.
    """
    nothing = float("nan")
    if months.reason or months.months is None or months.low is None or months.high is None:
        return PricePerMonth(nothing, nothing, nothing, months.reason or "there are no months")
    if not (math.isfinite(per_pupil) and per_pupil >= 0):
        return PricePerMonth(nothing, nothing, nothing, "the cost for each pupil is not known")
    if not size.low > 0:
        why = "the interval does not leave out nought, so a month may have no price"
        return PricePerMonth(nothing, nothing, nothing, why)
    if months.months < 1:
        return PricePerMonth(nothing, nothing, nothing, "the gain rounds to no month")
    high = per_pupil / months.low if months.low >= 1 else nothing
    return PricePerMonth(per_pupil / months.months, per_pupil / months.high, high)


def _read_off(value: float, table: MonthsTable) -> tuple[int, str]:
    """Read the months of one size off a table."""
    hundredths = math.floor(abs(value) * 100 + 0.5 + 1e-9)
    ends = [None if band.upto is None else round(band.upto * 100) for band in table.bands]
    band = next(
        b for b, end in zip(table.bands, ends, strict=True) if end is None or hundredths <= end
    )
    return (band.months if value > 0 else -band.months), band.label


def _step_of(each: float, steps: CostSteps) -> Step:
    return next(s for s in steps.steps if s.upto is None or each <= s.upto + 1e-9)


def _signed(months: int) -> str:
    return f"{months:+d}" if months else "0"

"""The priority dashboard's criteria as they are written down and agreed: YAML in, settings out."""

from __future__ import annotations

import datetime
import itertools
import operator
import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BeforeValidator, Field, model_validator

from pepstats import paths
from pepstats.errors import nearest
from pepstats.measures import MEASURES
from pepstats.priority.uncertainty import settle_figures
from pepstats.settings import Phase, Settings, check_settings, find_dated, one_of, read_yaml

PROPOSED = paths.PROJECT / "data"
"""Where the criteria are that a study is rated by which has none of its own."""

DERIVED = {
    "floor": "below the floor standard (1 yes, 0 no)",
    "coasting": "years of the last three that meet the coasting test",
    "ofsted_grade": "Ofsted overall effectiveness, 1 outstanding to 4 inadequate",
    "ofsted_age": "years since the last graded inspection, at 31 August",
    "ofsted_repeat": "requires improvement at two graded inspections running (1 yes, 0 no)",
    "inspection": "the latest inspection by the rules of its day: 1 to 4, or the equivalent",
    "stuck": "requires improvement, or its equivalent, after below good (1 yes, 0 no)",
}
"""What an indicator can be of besides a published measure."""

COLOURS = ("green", "amber", "red")
"""In order of points: green 0, amber 1, red 2."""

_WORD = re.compile(r"mean|p(?:0[1-9]|[1-9][0-9])")
_EDGES = {"over": operator.gt, "from_": operator.ge, "upto": operator.le, "below": operator.lt}
"""The ends of a band, each with what a value in the band is to it."""


def _number_or_word(limit: object) -> object:
    if isinstance(limit, str) and not _WORD.fullmatch(limit):
        raise ValueError(f"`{limit}` is neither a number, `mean`, nor a percentile p01 to p99.")
    if isinstance(limit, bool) or not isinstance(limit, int | float | str):
        raise ValueError("a limit is a number, `mean`, or a percentile p01 to p99.")
    if isinstance(limit, float) and not np.isfinite(limit):
        raise ValueError("a limit is a finite number.")
    return limit


Limit = Annotated[float | str, BeforeValidator(_number_or_word)]
Weight = Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)]
Themes = Annotated[int, Field(ge=1, le=6, strict=True)]


class Band(Settings):
    """A stretch of values: `over`/`from` is its lower end, `upto`/`below` its upper end.

    `from` and `upto` take the end itself in; `over` and `below` leave it out. A limit is a number
    or a word (`mean`, `p20`, `p90`) that stands for England's schools of the same phase.
    """

    over: Limit | None = None
    from_: Limit | None = Field(default=None, alias="from")
    upto: Limit | None = None
    below: Limit | None = None

    @model_validator(mode="after")
    def one_end_each(self) -> Band:
        """Two lower or two upper ends, or none at all, are not a stretch of values."""
        given = {edge for edge in _EDGES if getattr(self, edge) is not None}
        if not given or {"over", "from_"} <= given or {"upto", "below"} <= given:
            raise ValueError(
                "give a lower end (`over` or `from`), an upper end (`upto` or `below`), or both."
            )
        if isinstance(self.low, float) and isinstance(self.high, float):
            closed = given == {"from_", "upto"}
            if self.low > self.high or (self.low == self.high and not closed):
                raise ValueError(f"nothing lies between {self.low:g} and {self.high:g}.")
        return self

    @property
    def low(self) -> float | str | None:
        """The lower end, whether it is taken in or not."""
        return self.over if self.over is not None else self.from_

    @property
    def high(self) -> float | str | None:
        """The upper end, whether it is taken in or not."""
        return self.upto if self.upto is not None else self.below

    def holds(
        self, values: npt.NDArray[np.floating], level: Callable[[float | str], npt.ArrayLike]
    ) -> npt.NDArray[np.bool_]:
        """Return which values lie in the band; `level` turns a limit into numbers.

        A figure that is a limit but for the last digit of a difference is one.
        """
        inside, values = np.ones(values.shape, dtype=bool), settle_figures(values)
        for edge, lies in _EDGES.items():
            if (limit := getattr(self, edge)) is not None:
                inside &= lies(values, settle_figures(np.asarray(level(limit), values.dtype)))
        return inside


class Indicator(Settings):
    """One line of the dashboard: what it is of, when it is red, amber or green, and its weight.

    `unsure` is the colour given instead of a worse one while the 95% interval still reaches to
    the good side of the comparison; without it, chance is not asked about. `behind` says how many
    years its figures come after the others' (exclusions are published a year late).
    """

    id: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,40}$")]
    label: Annotated[str, Field(min_length=1, max_length=120)]
    heading: Annotated[str, Field(min_length=1, max_length=60)]
    of: Annotated[str, one_of("measure", [*DERIVED, *MEASURES])]
    shown: Literal["value", "trend"] = "value"
    compare: Annotated[str, one_of("comparison", ["england", *MEASURES])] | None = None
    behind: Annotated[int, Field(ge=0, le=3, strict=True)] = 0
    worse: Literal["low", "high"]
    phases: tuple[Phase, ...] = Field(default=("primary", "secondary"), min_length=1)
    red: Band
    amber: Band | None = None
    green: Band
    unsure: Literal["amber", "green"] | None = None
    weight: Weight
    theme: Themes

    @model_validator(mode="after")
    def limits_meet(self) -> Indicator:
        """Every value has one colour: limits that overlap or leave a hole are refused."""
        bands = list(self.bands.items())
        if self.worse == "low":
            bands.reverse()
        if bands[0][1].low is not None:
            raise ValueError(f"{bands[0][0]} is the lowest band and may have no lower end.")
        if bands[-1][1].high is not None:
            raise ValueError(f"{bands[-1][0]} is the highest band and may have no upper end.")
        for (lower, under), (upper, above) in itertools.pairwise(bands):
            _check_meeting(lower, under, upper, above)
        more = self.compare or self.shown == "trend" or self.unsure or self.behind
        if self.of in DERIVED and more:
            raise ValueError(
                f"`{self.of}` has no comparison, trend, interval or delay: remove those keys."
            )
        if self.of in DERIVED and self.words:
            raise ValueError(f"`{self.of}` is the same everywhere: give its limits as numbers.")
        return self

    @property
    def bands(self) -> dict[str, Band]:
        """The bands there are, by colour."""
        return {c: band for c in COLOURS if (band := getattr(self, c)) is not None}

    @property
    def words(self) -> tuple[str, ...]:
        """The limits that stand for England's schools: `mean`, `p20` ..."""
        ends = {end for band in self.bands.values() for end in (band.low, band.high)}
        return tuple(sorted(end for end in ends if isinstance(end, str)))


def _check_meeting(lower: str, under: Band, upper: str, above: Band) -> None:
    ends, begins = under.high, above.low
    if ends is None or begins is None:
        raise ValueError(f"{lower} and {upper} overlap: say where {lower} ends and {upper} begins.")
    if ends != begins:
        numbers = isinstance(ends, float) and isinstance(begins, float)
        fault = "overlap" if numbers and float(ends) > float(begins) else "leave a hole"
        raise ValueError(f"{lower} ends at {ends} and {upper} begins at {begins}: they {fault}.")
    both = under.upto is not None
    if both == (above.from_ is not None):
        taken = "both take it in" if both else "neither takes it in"
        raise ValueError(f"{lower} and {upper} meet at {ends}: {taken}.")


class Override(Settings):
    """A value of one indicator that by itself gives a rating at least this high a priority."""

    indicator: str
    rating: Literal[1, 2]
    when: Band


class Tier(Settings):
    """What support a rating brings: how many days, from whom."""

    rating: Literal[1, 2, 3]
    governance: Literal["maintained", "academy"]
    days: float = Field(ge=0, le=400, allow_inf_nan=False)
    provider: str = Field(min_length=1, max_length=200)


class Support(Settings):
    """How support follows the rating, what a day costs and what there is to spend, in pounds."""

    day_cost: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    budget: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    tiers: tuple[Tier, ...] = ()

    @model_validator(mode="after")
    def each_tier_once(self) -> Support:
        """Two tiers for the same schools would be a choice nobody made."""
        kinds = [(tier.rating, tier.governance) for tier in self.tiers]
        twice = sorted({kind for kind in kinds if kinds.count(kind) > 1})
        if twice:
            told = ", ".join(f"rating {rating} {who}" for rating, who in twice)
            raise ValueError(f"more than one tier for {told}.")
        return self


class Dashboard(Settings):
    """The whole of the criteria: who agreed them, the indicators, and how a score is rated."""

    title: str = Field(min_length=1, max_length=200)
    version: str = Field(min_length=1, max_length=40)
    status: Literal["proposed", "agreed"]
    agreed_by: str | None = None
    agreed_on: datetime.date | None = None
    least_coverage: float = Field(gt=0, le=1)
    rating_1_from: float = Field(gt=0, le=2)
    rating_2_from: float = Field(gt=0, le=2)
    weights_move: float = Field(ge=0, lt=1)
    indicators: tuple[Indicator, ...] = Field(min_length=1)
    overrides: tuple[Override, ...] = ()
    support: Support = Support()

    @model_validator(mode="after")
    def holds_together(self) -> Dashboard:
        """Each indicator once, overrides of known indicators, and ratings in order."""
        ids = [indicator.id for indicator in self.indicators]
        twice = sorted({i for i in ids if ids.count(i) > 1})
        problems = [f"the indicator `{i}` is listed twice." for i in twice]
        problems += [
            f"overrides: no indicator is called `{o.indicator}`. {nearest(o.indicator, ids)}"
            for o in self.overrides
            if o.indicator not in ids
        ]
        if self.rating_2_from >= self.rating_1_from:
            problems.append("rating_2_from is not below rating_1_from.")
        if self.status == "agreed" and not (self.agreed_by and self.agreed_on):
            problems.append("status is agreed, but agreed_by or agreed_on is missing.")
        if problems:
            raise ValueError(" ".join(problems))
        return self

    @property
    def line(self) -> str:
        """Name the criteria and who agreed them; printed on every output."""
        if self.status == "agreed":
            on = f"{self.agreed_on.day} {self.agreed_on:%B %Y}" if self.agreed_on else ""
            return f"{self.title}, version {self.version}, agreed by {self.agreed_by} on {on}"
        return f"{self.title}, version {self.version}, proposed and not yet agreed"


def find_dashboard(data: Path, year: int) -> Path:
    """Return the file of the criteria that the results of a year are rated by.

    `dashboard-2024.yml` is of the results of 2024 and later, until a newer one; `dashboard.yml` of
    all before. A data folder with neither is rated by the project's own.
    """
    own = find_dated(data, "dashboard", year) or find_dated(PROPOSED, "dashboard", year)
    return own or PROPOSED / "dashboard.yml"


def load_dashboard(data: Path, year: int) -> Dashboard:
    """Read the criteria for the results of a year: see `find_dashboard`."""
    path = find_dashboard(data, year)
    return check_settings(Dashboard, read_yaml(path), path)

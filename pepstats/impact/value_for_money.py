"""What an effect is worth: months of progress where they may be said, and what it cost.

Months of progress come only from an effect on attainment in pupils' standard deviations; a spread
between schools never becomes months. The tables are settings, with their sources.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from pepstats.errors import DesignError, nearest
from pepstats.formatting import count_words, format_number, format_pounds
from pepstats.impact.effect_sizes import LOGISTIC, Size, find_ruler, hedges_g, is_attainment
from pepstats.impact.effects import UNCERTAIN, Effect
from pepstats.impact.evidence_grade import Grade
from pepstats.impact.gaps import Gaps
from pepstats.measures import MEASURES
from pepstats.schools import Panel
from pepstats.settings import Programme, Settings, load_rules

Mark = Literal["S", "M"]


class MonthsBand(Settings):
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
    bands: tuple[MonthsBand, ...] = Field(min_length=2)

    @model_validator(mode="after")
    def meet(self) -> MonthsTable:
        """Bands that overlap or leave a hole would give one size two answers, or none."""
        _need_rising([band.upto for band in self.bands], f"the bands of `{self.name}`")
        if [band.months for band in self.bands] != list(range(len(self.bands))):
            raise ValueError(f"the bands of `{self.name}` do not rise by one month each")
        return self

    def begins(self, months: int) -> float:
        """Return the least size that is so many months; missing where the table has not so many."""
        ends = {band.months: band.upto for band in self.bands}
        below = ends.get(months - 1)
        return math.nan if below is None else round(below + 0.01, 2)


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
        """Return the table by that name, or the one to be used."""
        found = {table.name: table for table in self.tables}
        if (name or self.use) not in found:
            raise DesignError(f"no months table is called `{name}`. {nearest(str(name), found)}")
        return found[name or self.use]


class CostStep(Settings):
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
    steps: tuple[CostStep, ...] = Field(min_length=2)

    @model_validator(mode="after")
    def meet(self) -> CostSteps:
        """As for months: one answer for every cost."""
        _need_rising([step.upto for step in self.steps], "the steps")
        return self


def _need_rising(ends: Sequence[float | None], what: str) -> None:
    """Refuse limits that do not rise to one without end."""
    known = [end for end in ends if end is not None]
    if [*sorted(set(known)), None] != list(ends):
        raise ValueError(f"{what} do not rise to one without end")


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


def choose_months(programme: Programme, data: Path | None = None) -> MonthsTable:
    """Return the months table of a programme: by its name, from `months.yml` of a study or ours."""
    try:
        return load_rules(MonthsTables, "months.yml", data).choose(programme.months)
    except DesignError as error:
        raise DesignError(f"{programme.file}, `months`: {error}") from None


def find_months(size: Size, outcome: str, table: MonthsTable) -> Months:
    """Return the months of an effect size and of both ends of its interval, or why there are none.

    Sizes are rounded to two decimals first, halves away from zero.
    """
    why = size.reason if is_attainment(outcome) else "months of progress are for attainment only"
    if not why and not np.isfinite([size.d, size.low, size.high]).all():
        why = "there is no size with an interval"
    if why:
        return Months(None, None, None, "", table.title, table.mark, why)
    at, low, high = (_read_off(value, table) for value in (size.d, size.low, size.high))
    return Months(at[0], low[0], high[0], at[1], table.title, table.mark)


COUNTED = ("every pupil in its schools", "the pupils it was for")


def price_per_pupil(
    cost: float | None,
    *,
    all_pupils: float | None,
    target_pupils: float | None,
    years: int = 1,
    steps: CostSteps,
) -> pd.DataFrame:
    """Return the cost for each pupil a year: of all pupils in its schools, and those it was for.

    `cost` in pounds, spread over `years`. Which of the two is right depends on who gained.
    Index `counted` (`COUNTED`); `pupils`, `per_pupil` (pounds a year), `sign`, `label`, `reason`
    where it cannot be said.
    """
    rows = []
    for counted, pupils in zip(COUNTED, (all_pupils, target_pupils), strict=True):
        each, sign, label, why = float("nan"), "", "", ""
        if cost is None:
            why = "its cost is not known"
        elif not pupils:
            why = "how many pupils is not known"
        else:
            each = cost / pupils / years
            step = next(s for s in steps.steps if s.upto is None or each <= s.upto + 1e-9)
            sign, label = step.sign, step.label
        rows.append((counted, float("nan") if pupils is None else pupils, each, sign, label, why))
    columns = ["counted", "pupils", "per_pupil", "sign", "label", "reason"]
    table = pd.DataFrame(rows, columns=columns).set_index("counted")
    return table.astype({"pupils": float})


def price_per_month(
    per_pupil: float, months: Months, size_low: float, *, uncertain: bool
) -> tuple[float, str]:
    """Return the cost of a month of progress for each pupil, and the words for it or for why not.

    Only where the effect's interval is above zero: otherwise the price could be without end, or be
    paid for a loss. There is no upper end of its interval where the fewest months round to none.
    """
    if months.months is None or months.low is None or months.high is None:
        return math.nan, f"Not given: {months.reason}"
    for refused, why in (
        (not math.isfinite(per_pupil), "the cost for each pupil is not known"),
        (not size_low > 0, "the interval includes zero, so a month may have no price"),
        (months.months < 1, "the gain rounds to no month"),
        (uncertain, f"the effect is {UNCERTAIN}"),
    ):
        if refused:
            return math.nan, f"Not given: {why}"
    pounds, low = per_pupil / months.months, format_pounds(per_pupil / months.high)
    high = format_pounds(per_pupil / months.low) if months.low >= 1 else "no upper limit"
    return pounds, f"{format_pounds(pounds)} (95% interval {low} to {high})"


def _read_off(value: float, table: MonthsTable) -> tuple[int, str]:
    """Read the months of one size off a table."""
    hundredths = math.floor(abs(value) * 100 + 0.5 + 1e-9)
    band = next(b for b in table.bands if b.upto is None or hundredths <= round(b.upto * 100))
    return (band.months if value > 0 else -band.months), band.label


def tabulate_sizes(
    effects: Iterable[Effect],
    gaps: Mapping[str, Gaps],
    panel: Panel,
    pairs: pd.DataFrame,
    table: MonthsTable,
) -> pd.DataFrame:
    """Return every effect as a size, as Hedges' g and in months, as far as each may be said.

    `gaps` by outcome, `pairs` the members' own (`school`, `comparison`), `table` from sizes to
    months. One row per `outcome`:

    * `size`, `size_low`, `size_high` in pupils' standard deviations, `how`, or the `reason` there
      is none; for percentages also as `log_odds` and its interval;
    * `smallest`, the true effect that would be told from chance four times in five, in the
      outcome's `unit`, and as `smallest_size`;
    * `g`, `g_low`, `g_high`, Hedges' g in *schools'* standard deviations (never months),
      `g_reason`; its interval is the placebo interval on that scale, a city's year within it;
    * `months`, `months_low`, `months_high`, `months_label` and the table they were read from, or
      `months_reason`.
    """
    rows = [_row(effect, gaps[effect.outcome], panel, pairs, table) for effect in effects]
    whole = ["months", "months_low", "months_high"]
    return pd.DataFrame(rows).astype(dict.fromkeys(whole, "Int64"))


def _row(
    effect: Effect, gaps: Gaps, panel: Panel, pairs: pd.DataFrame, table: MonthsTable
) -> dict[str, object]:
    own = gaps.table.reindex(sorted(pairs["school"].unique())).dropna(subset=["gap", "own"])
    without = float(np.average(own["own"], weights=own["weight"])) - effect.estimate
    ruler = find_ruler(effect.outcome, panel=panel, year=effect.year, comparison=without)
    size = ruler(effect.estimate, effect.low, effect.high)
    least = ruler(effect.smallest, -effect.smallest, effect.smallest)
    others = gaps.table["own"].reindex(sorted(pairs["comparison"].unique())).dropna()
    g, no_g = hedges_g(1.0, float(own["own"].std()), len(own), float(others.std()), len(others))
    months = find_months(size, effect.outcome, table)
    percent = MEASURES[effect.outcome].percent and not size.reason
    odds = LOGISTIC if percent else float("nan")
    return {
        "outcome": effect.outcome, "unit": effect.unit, "scale": "pupil",
        **_name_ends("size", size.d, size.low, size.high),
        "how": size.how, "reason": size.reason, "without": without,
        **_name_ends("log_odds", size.d * odds, size.low * odds, size.high * odds),
        "smallest": effect.smallest, "smallest_size": max(abs(least.low), abs(least.high)),
        **_name_ends("g", g * effect.estimate, g * effect.low, g * effect.high), "g_reason": no_g,
        **_name_ends("months", months.months, months.low, months.high),
        "months_label": months.label, "months_reason": months.reason,
        "months_table": months.table, "months_mark": months.mark,
    }  # fmt: skip


def _name_ends(name: str, at: object, low: object, high: object) -> dict[str, object]:
    return {name: at, f"{name}_low": low, f"{name}_high": high}


ROLL = "roll"


def price_programme(
    programme: Programme, panel: Panel, members: Sequence[int], data: Path | None = None
) -> pd.DataFrame:
    """Return what a programme cost for each pupil: of all on its schools' rolls, and of its own.

    A school without a roll leaves the first unsaid, unless the file has `cost: {all_pupils: ...}`.
    What one phase of several cost is not known.
    """
    cost = programme.cost
    return price_per_pupil(
        None if programme.part_of else cost.grant,
        all_pupils=cost.all_pupils or count_roll(panel, members, programme.starts),
        target_pupils=cost.pupils,
        years=cost.years,
        steps=load_rules(CostSteps, "costs.yml", data),
    )


def count_roll(panel: Panel, members: Sequence[int], starts: int) -> float | None:
    """Count the pupils on the rolls of some schools in the census nearest to a year, if all are."""
    if ROLL not in panel.values.columns:
        return None
    rolls = panel.wide(ROLL).reindex(index=list(members))
    counted = rolls.loc[:, rolls.notna().all()]
    if counted.empty:
        return None
    nearest_year = min(counted.columns, key=lambda year: (abs(int(year) - starts), int(year)))
    return float(counted[nearest_year].sum())


def tabulate_value(
    programme: Programme, effect: Effect, sizes: pd.DataFrame, price: pd.DataFrame, grade: Grade
) -> pd.DataFrame:
    """Answer what the primary effect is worth: one row per `entry`, with `question`, `answer`.

    `value` is the number behind an answer, missing where none may be said. Months are said only
    where the verdict says more than that it is too uncertain; then the interval alone is.
    """
    row = sizes.set_index("outcome").loc[effect.outcome].to_dict()
    months = _months_of(row)
    uncertain, years = effect.verdict == UNCERTAIN, programme.cost.years
    every, target = (price.loc[counted] for counted in COUNTED)
    each = float(target["per_pupil"])
    pounds, words = price_per_month(each, months, row["size_low"], uncertain=uncertain)
    rows = [
        ("months", "Months of progress", months_words(months, uncertain=uncertain),
         None if uncertain else months.months),
        ("cost_per_pupil", f"Cost per pupil, counting {COUNTED[0]}", price_words(every, years),
         float(every["per_pupil"])),
        ("cost_per_target_pupil", f"Cost per pupil, counting {COUNTED[1]}",
         price_words(target, years), each),
        ("cost_per_month", "Cost of a month's progress, per pupil it was for", words, pounds),
        ("evidence", "How strong the evidence is", grade.words, None),
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["entry", "question", "answer", "value"])


def months_words(months: Months, *, uncertain: bool) -> str:
    """Say an effect in months with its interval, only the interval, or why not at all."""
    if months.months is None or months.low is None or months.high is None:
        return f"Not given: {months.reason}"
    low, high = (format_number(n, 0, signed=True) for n in (months.low, months.high))
    if uncertain:
        return f"{UNCERTAIN.capitalize()}: anything from {low} to {high} months fits these results"
    unit = "month" if abs(months.months) == 1 else "months"
    return (
        f"{format_number(months.months, 0, signed=True)} {unit} (95% interval {low} to {high}), "
        f"by the table {months.table}"
    )


def price_words(one: Mapping[str, Any] | pd.Series, years: int) -> str:
    """Say what a pupil cost in a year, with the published sign, or why that is not known."""
    if one["reason"]:
        return f"Not given: {one['reason']}"
    spread = "" if years == 1 else f", over {count_words(years, 'year')}"
    return (
        f"{format_pounds(one['per_pupil'])} a year ({one['sign']}, {one['label']}) for "
        f"{count_words(round(one['pupils']), 'pupil')}{spread}"
    )


def list_worth(value: pd.DataFrame) -> dict[str, float | int | str]:
    """Name every answer and the number behind it: `<entry>` and `<entry>.answer`."""
    rows = value.to_dict("records")
    named: dict[str, float | int | str] = {f"{r['entry']}.answer": r["answer"] for r in rows}
    return named | {r["entry"]: r["value"] for r in rows if pd.notna(r["value"])}


def _months_of(row: Mapping[str, Any]) -> Months:
    at, low, high = (
        None if pd.isna(row[name]) else int(row[name])
        for name in ("months", "months_low", "months_high")
    )
    return Months(at, low, high, row["months_label"], row["months_table"], row["months_mark"],
                  row["months_reason"])  # fmt: skip

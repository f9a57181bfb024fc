"""What a programme's effect is worth, in a few answers: months, cost, and how strong it is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from pepstats.effects import Effect
from pepstats.grades import Grade
from pepstats.panel import Panel
from pepstats.programme import Programme
from pepstats.settings import find_rules
from pepstats.sizes import Size
from pepstats.value import (
    Months,
    Price,
    PricePerMonth,
    load_costs,
    price_per_month,
    price_per_pupil,
)
from pepstats.verdicts import UNCERTAIN
from pepstats.words import count_words, show, show_pounds

ROLL = "roll"


def price_programme(
    programme: Programme, panel: Panel, members: Sequence[int], data: Path | None = None
) -> Price:
    """Give what a programme cost for each pupil: of all on its schools' rolls, and of its own.

    The rolls are those of the census year nearest to the start; a school without one leaves the
    first sum unsaid, unless the programme's file has `cost: {all_pupils: ...}`. What one phase of
    several cost is not known.
    """
    cost = programme.cost
    return price_per_pupil(
        None if programme.part_of else cost.grant,
        all_pupils=cost.all_pupils or count_roll(panel, members, programme.starts),
        target_pupils=cost.pupils,
        years=cost.years,
        steps=load_costs(find_rules("costs.yml", data)),
    )


def count_roll(panel: Panel, members: Sequence[int], starts: int) -> float | None:
    """Count the pupils on the rolls of some schools in the census nearest to a year, if all are."""
    if ROLL not in panel.values.columns:
        return None
    rolls = panel.wide(ROLL).reindex(index=list(members))
    counted = rolls.loc[:, rolls.notna().all()]
    if counted.empty or not len(counted.columns):
        return None
    nearest_year = min(counted.columns, key=lambda year: (abs(int(year) - starts), int(year)))
    return float(counted[nearest_year].sum())


def tabulate_value(
    programme: Programme,
    effect: Effect,
    sizes: pd.DataFrame,
    price: Price,
    grade: Grade,
) -> pd.DataFrame:
    """Answer what the primary effect is worth: one row per `entry`, with `question`, `answer`.

    `value` is the number behind an answer, missing where none may be said. Months are said only
    where the verdict says more than that it is too uncertain; then the interval alone is.
    """
    row = sizes.set_index("outcome").loc[effect.outcome].to_dict()
    months, size = _months_of(row), _size_of(row)
    uncertain = effect.verdict == UNCERTAIN
    rows: list[tuple[str, str, str, float | int | None]] = [
        ("months", "Months of progress", months_words(months, uncertain=uncertain),
         None if uncertain else months.months),
    ]  # fmt: skip
    for entry, counted in (("cost_per_pupil", "every pupil in its schools"),
                           ("cost_per_target_pupil", "the pupils it was for")):  # fmt: skip
        one = price.table.loc[counted]
        rows.append((entry, f"Cost per pupil, counting {counted}", price_words(one, price.years),
                     float(one["per_pupil"])))  # fmt: skip
    each = price.table.loc["the pupils it was for", "per_pupil"]
    monthly = price_per_month(float(each), months, size)
    if uncertain and not monthly.reason:
        nothing = float("nan")
        monthly = PricePerMonth(nothing, nothing, nothing, f"the effect is {UNCERTAIN}")
    rows.append(("cost_per_month", "Cost of a month's progress, per pupil it was for",
                 price_per_month_words(monthly), monthly.pounds))  # fmt: skip
    rows.append(("evidence", "How strong the evidence is", grade.words, None))
    return pd.DataFrame(rows, columns=["entry", "question", "answer", "value"])


def months_words(months: Months, *, uncertain: bool) -> str:
    """Say an effect in months with its interval, only the interval, or why not at all."""
    if months.months is None or months.low is None or months.high is None:
        return f"Not given: {months.reason}"
    low, high = (show(n, 0, signed=True) for n in (months.low, months.high))
    if uncertain:
        return f"{UNCERTAIN.capitalize()}: anything from {low} to {high} months fits these results"
    unit = "month" if abs(months.months) == 1 else "months"
    return (
        f"{show(months.months, 0, signed=True)} {unit} (95% interval {low} to {high}), "
        f"by the table {months.table}"
    )


def price_words(one: Mapping[str, Any] | pd.Series, years: int) -> str:
    """Say what a pupil cost in a year, with the published sign, or why that is not known."""
    if one["reason"]:
        return f"Not given: {one['reason']}"
    spread = "" if years == 1 else f", over {count_words(years, 'year')}"
    return (
        f"{show_pounds(one['per_pupil'])} a year ({one['sign']}, {one['label']}) for "
        f"{count_words(int(one['pupils']), 'pupil')}{spread}"
    )


def price_per_month_words(price: PricePerMonth) -> str:
    """Say what a month of progress cost for each pupil, or why that is not said."""
    if price.reason:
        return f"Not given: {price.reason}"
    high = show_pounds(price.high) if math.isfinite(price.high) else "no upper limit"
    return f"{show_pounds(price.pounds)} (95% interval {show_pounds(price.low)} to {high})"


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


def _size_of(row: Mapping[str, Any]) -> Size:
    return Size(row["size"], row["size_low"], row["size_high"], row["scale"], row["how"],
                row["reason"])  # fmt: skip

"""From one release of the same results to the next: what moved, what did not, any verdict changed.

Two bridges. `bridge_results` sets two releases of the published results side by side, measure by
measure; `bridge_effects` does so for what was concluded from them. A number has moved when it is
not the same to nine digits; the rest is said to be as it was.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from pepstats import codes, words
from pepstats.errors import DesignError
from pepstats.evaluation import evaluate_programme
from pepstats.panel import Panel
from pepstats.steps import Step
from pepstats.study import load_study

SAME_DIGITS = 1e-9
KEY = ["programme", "outcome"]
CARRIED = ["estimate", "low", "high", "p_placebo", "n_schools", "release", "mode", "verdict"]
EFFECTS = [
    *KEY, "unit", *(f"{name}_{when}" for name in CARRIED for when in ("before", "after")),
    "change", "moved", "verdict_changed", "said",
]  # fmt: skip
RESULTS = [
    "measure", "unit", "release_before", "release_after", "schools_before", "schools_after",
    "in_both", "schools_moved", "before", "after", "change", "largest_change",
]  # fmt: skip
NO_EFFECT = "no estimate"


def bridge_effects(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Give what was concluded before and after, one row per programme and outcome.

    Both are tables of effects (`effects.csv`). `change` is in `unit`; `moved` says whether any
    number of the row did; `said` is the change as a sentence; an effect that only one of them has
    is `no estimate` in the other.
    """
    sides = {"before": _keyed(before), "after": _keyed(after)}
    index = sides["after"].index.union(sides["before"].index, sort=False)
    table = pd.DataFrame(index=index)
    table["unit"] = sides["after"]["unit"].reindex(index).fillna(sides["before"]["unit"])
    for name in CARRIED:
        for when, side in sides.items():
            column = side[name].reindex(index)
            text = name in {"release", "mode", "verdict"}
            table[f"{name}_{when}"] = column.fillna(NO_EFFECT) if text else column.astype(float)
    table["change"] = table["estimate_after"] - table["estimate_before"]
    moved = pd.Series(False, index=index)
    for name in ("estimate", "low", "high", "p_placebo", "n_schools"):
        moved |= ~_as_it_was(table[f"{name}_before"], table[f"{name}_after"])
    table["verdict_changed"] = table["verdict_before"] != table["verdict_after"]
    table["moved"] = moved | table["verdict_changed"]
    rows = table.reset_index()
    rows["said"] = [_say(row) for row in rows.to_dict("records")]
    return rows[EFFECTS]


def bridge_programme(step: Step, after: pd.DataFrame) -> pd.DataFrame:
    """Give a programme's effects in the report that this one revises, and now: see above.

    What was concluded before is worked out anew from that report's own files, so that the bridge
    can be run again; without such a report the table is empty.
    """
    if step.report.revises is None or step.programme is None:
        return pd.DataFrame(columns=EFFECTS)
    earlier = load_study(step.report.revises, step.data)
    known = step.programme.slug in earlier.programmes
    before = evaluate_programme(earlier, step.programme.slug).effects if known else after.iloc[:0]
    return bridge_effects(before, after)


def bridge_report(step: Step, panel: Panel, schools: Iterable[int] | None = None) -> pd.DataFrame:
    """Give the year's results in the report that this one revises, and now; empty without one."""
    if step.report.revises is None:
        return pd.DataFrame(columns=RESULTS)
    before = load_study(step.report.revises, step.data).panel
    return bridge_results(before, panel, year=step.report.year, schools=schools)


def _keyed(effects: pd.DataFrame) -> pd.DataFrame:
    if effects.duplicated(KEY).any():
        raise DesignError("An effect is listed twice: one programme's outcome has one row.")
    return effects.reindex(columns=[*KEY, "unit", *CARRIED]).set_index(KEY)


def _as_it_was(before: pd.Series, after: pd.Series) -> pd.Series:
    near = np.isclose(before, after, rtol=SAME_DIGITS, atol=0, equal_nan=True)
    return pd.Series(near, index=before.index)


def bridge_results(
    before: Panel, after: Panel, *, year: int, schools: Iterable[int] | None = None
) -> pd.DataFrame:
    """Give each measure's results of a year in two releases, over all schools or some.

    `before` and `after` are means over the schools that have the measure in both, each school
    counted once, so that no change comes from who is counted; `schools_moved` is how many of them
    have another value now, and `largest_change` the largest of those changes. Measures that
    neither has that year are left out.
    """
    rows = []
    for measure in [m for m in codes.MEASURES if m in before.values or m in after.values]:
        ours, theirs = (_of_year(panel, measure, year, schools) for panel in (before, after))
        if ours.empty and theirs.empty:
            continue
        both = ours.index.intersection(theirs.index)
        moved = (theirs[both] - ours[both])[~_as_it_was(ours[both], theirs[both])]
        first, then = ours[both].mean(), theirs[both].mean()
        rows.append((
            measure, codes.MEASURES[measure].unit, _release(before, measure, year),
            _release(after, measure, year), len(ours), len(theirs), len(both), len(moved),
            first, then, then - first, moved.abs().max() if len(moved) else 0.0,
        ))  # fmt: skip
    return pd.DataFrame(rows, columns=RESULTS)


def _of_year(panel: Panel, measure: str, year: int, schools: Iterable[int] | None) -> pd.Series:
    if measure not in panel.values or year not in panel.values.index.get_level_values("year"):
        return pd.Series(dtype=float)
    found = panel.values[measure].xs(year, level="year").dropna().sort_index()
    return found if schools is None else found[found.index.isin(list(schools))]


def _release(panel: Panel, measure: str, year: int) -> str:
    if measure not in panel.releases or year not in panel.releases.index:
        return ""
    return str(panel.releases.loc[year, measure])


def _say(row: dict[str, object]) -> str:
    what = words.outcome_label(str(row["outcome"]))
    then, now = (_side(row, when) for when in ("before", "after"))
    if not row["moved"]:
        return f"{what}: as it was, {now}."
    if row["verdict_changed"]:
        verdict = f"The verdict changed from “{row['verdict_before']}” to “{row['verdict_after']}”."
    else:
        verdict = f"The verdict is still “{row['verdict_after']}”."
    if then == now:
        return f"{what}: {now}, as it was but for digits not shown. {verdict}"
    how = ""
    if row["mode_before"] != row["mode_after"] and NO_EFFECT not in (then, now):
        how = f" Then they were held against what was {row['mode_before']}; now they are "
        how += f"{row['mode_after']}."
    return f"{what}: {then} became {now}.{how} {verdict}"


def _side(row: dict[str, object], when: str) -> str:
    estimate = float(str(row[f"estimate_{when}"]))
    if not np.isfinite(estimate):
        return NO_EFFECT
    places = words.measure(str(row["outcome"])).decimals
    size = words.show(estimate, places, signed=True)
    count = words.count_words(int(float(str(row[f"n_schools_{when}"]))), "school")
    return f"{size} {row['unit']} ({count}, {row[f'release_{when}']} results)"

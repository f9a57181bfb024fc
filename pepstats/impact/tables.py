"""An evaluation as tables, and back: what one step writes down, a later one takes up unchanged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from pepstats.errors import RunError
from pepstats.impact.design import Design
from pepstats.impact.effects import FORECAST, Effect
from pepstats.impact.gaps import Gaps, trace_lines
from pepstats.impact.placebo import PlaceboDraws
from pepstats.schools import Panel


@dataclass(frozen=True)
class Measured:
    """The gaps of every outcome, how they were found, and which outcomes have none.

    `mode` is `MATCHED` or `FORECAST`; `yardstick` are the gaps that chance is measured by (the
    same, but last year's in October); `refused` has the outcomes without an effect: `outcome`,
    `n_schools`, `n_pupils`, `reason`.
    """

    mode: str
    gaps: Mapping[str, Gaps] = field(repr=False)
    yardstick: Mapping[str, Gaps] = field(repr=False)
    refused: pd.DataFrame = field(repr=False)


def tabulate_gaps(found: Mapping[str, Gaps], members: Iterable[int] | None = None) -> pd.DataFrame:
    """Lay gaps out with one row per school and outcome, for some schools or all."""
    parts = []
    for outcome, one in found.items():
        table = one.table if members is None else one.table.reindex(sorted(members))
        parts.append(table.assign(outcome=outcome).set_index("outcome", append=True))
    return pd.concat(parts).sort_index()


def tabulate_slopes(found: Mapping[str, Gaps]) -> pd.DataFrame:
    """Lay out what each outcome is expected from: `outcome`, `variable` and its `slope`."""
    parts = [g.slopes.rename("slope").reset_index().assign(outcome=o) for o, g in found.items()]
    return pd.concat(parts, ignore_index=True)[["outcome", "variable", "slope"]]


def tabulate_measured(measured: Measured) -> pd.DataFrame:
    """List what gaps were found, one row per `outcome` and `of` (the year, or the yardstick)."""
    both = {"gaps": measured.gaps, "yardstick": measured.yardstick}
    rows = [
        {"outcome": outcome, "of": name, "mode": measured.mode, "unit": one.unit,
         "baseline": " and ".join(map(str, one.baseline)), "year": one.year,
         "release": one.release, "city_variance": one.city_variance}
        for name, found in both.items()
        for outcome, one in found.items()
    ]  # fmt: skip
    return pd.DataFrame(rows)


def tabulate_draws(draws: PlaceboDraws, design: Design) -> pd.DataFrame:
    """List the schools of each placebo draw: `draw`, `la`, `school_1`, `school_2`, ..."""
    schools = design.pool.schools.index.to_numpy()[draws.schools]
    named = [f"school_{n}" for n in range(1, schools.shape[1] + 1)]
    table = pd.DataFrame(schools, columns=named)
    table.insert(0, "la", draws.authorities)
    table.insert(0, "draw", np.arange(1, len(table) + 1))
    return table


def tabulate_lines(panel: Panel, design: Design, measured: Measured) -> pd.DataFrame:
    """Lay out each member's own line and its comparison schools', per outcome, school and year.

    In October the comparison of the last year is what was expected of the member.
    """
    parts = []
    for outcome, one in measured.gaps.items():
        lines = trace_lines(panel, design.match, outcome, design.members)
        if measured.mode == FORECAST:
            last = lines["year"] == one.year
            wanted = one.table["comparison"].reindex(lines.loc[last, "school"]).to_numpy()
            lines.loc[last, "comparison"] = wanted
        parts.append(lines)
    return pd.concat(parts, ignore_index=True)


def take_up_measured(tables: Mapping[str, pd.DataFrame]) -> Measured:
    """Take up what `tabulate_measured`, `tabulate_gaps` and `tabulate_slopes` wrote down."""
    listed = tables["measured"].fillna({"release": ""})
    slopes = dict(list(tables["slopes"].groupby("outcome")))
    found: dict[str, dict[str, Gaps]] = {"gaps": {}, "yardstick": {}}
    for row in listed.to_dict("records"):
        name = "gaps-of-all" if row["of"] == "gaps" else "yardstick"
        rows = tables.get(name, tables["gaps-of-all"])
        own = rows[rows["outcome"] == row["outcome"]].set_index("school").drop(columns="outcome")
        slope = slopes.get(row["outcome"], pd.DataFrame({"variable": [], "slope": []}))
        years = tuple(int(year) for year in str(row["baseline"]).split(" and "))
        found[row["of"]][row["outcome"]] = Gaps(
            row["outcome"], row["unit"], years, row["year"], row["release"],
            own.astype({"reason": "str"}), slope.set_index("variable")["slope"],
            row["city_variance"],
        )  # fmt: skip
    return Measured(listed["mode"].iloc[0], found["gaps"], found["yardstick"], tables["refused"])


def take_up_draws(tables: Mapping[str, pd.DataFrame], design: Design) -> PlaceboDraws:
    """Take up what `tabulate_draws` and `count_cities` wrote down."""
    drawn, counted = tables["draws"], tables["placebo-cities"].iloc[0]
    schools = drawn.filter(like="school_").to_numpy(np.int64)
    places = design.pool.schools.index.get_indexer(schools.ravel())
    if (places < 0).any():
        raise RunError("A placebo draw has a school that is not in the pool. Run step 04 again.")
    return PlaceboDraws(
        places.reshape(schools.shape),
        drawn["la"].to_numpy(np.int64),
        int(counted["authorities"]),
        int(counted["too_small"]),
        bool(counted["in_one_authority"]),
    )


def take_up_effects(table: pd.DataFrame) -> tuple[Effect, ...]:
    """Take up the rows of `effects.csv`, each as the effect it was."""
    rows = table.fillna({"release": ""}).astype({"baseline": "str"})
    return tuple(Effect(**{str(k): v for k, v in row.items()}) for row in rows.to_dict("records"))

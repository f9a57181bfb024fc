"""A programme's phases taken together, on the one scale they share: pupils' standard deviations."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pepstats.effects import half_width, placebo_p
from pepstats.verdicts import verdict

BOTH = "both phases"
FEWEST_PAIRS = 999
CITY_BY_CITY = "made-up programmes of both phases taken together in each city"
APART = "made-up programmes of the phases taken as having nothing to do with each other"


def pool_phases(
    effects: Mapping[str, pd.DataFrame],
    sizes: Mapping[str, pd.DataFrame],
    placebo: Mapping[str, pd.DataFrame],
) -> pd.DataFrame:
    """Give each phase's primary effect as a size, and both together, or why they cannot be.

    Key stage 2 and key stage 4 results share no unit, so phases are taken together only as sizes in
    pupils' standard deviations, each weighted by its precision (`1 / half width squared`). The
    interval and p are from made-up programmes put together in the same way: those of one phase with
    those of the other in the same city, so that a city's good year counts in both.

    One row per `phase`, the last `both phases`: `outcome`, `size`, `low`, `high`, `p`, `n_schools`,
    `weight` (share of the whole), `verdict`, `how`, `reason` (why there is no size).
    """
    rows = [_row(phase, effects[phase].iloc[0], sizes[phase]) for phase in effects]
    table = pd.DataFrame(rows).set_index("phase")
    known = table["reason"].eq("").all() and table["size"].notna().all()
    if not known:
        without = table.index[table["size"].isna()]
        told = "; ".join(f"{phase}: {table.loc[phase, 'reason']}" for phase in without)
        pooled = {"size": np.nan, "reason": f"no size in pupils' standard deviations for {told}"}
        return _with(table.assign(weight=np.nan), pooled)
    precision = 1 / ((table["high"] - table["low"]) / 2) ** 2
    weight = precision / precision.sum()
    scaled = {
        phase: _as_sizes(placebo[phase], effects[phase].iloc[0], table.loc[phase])
        for phase in table.index
    }
    chance, how = _put_together(scaled, weight)
    size = float((weight * table["size"]).sum())
    wide, p = half_width(chance), placebo_p(size, chance)
    pooled = {
        "size": size, "low": size - wide, "high": size + wide, "p": p,
        "n_schools": int(table["n_schools"].sum()), "weight": 1.0, "verdict": verdict(size, p),
        "how": how, "reason": "",
    }  # fmt: skip
    return _with(table.assign(weight=weight), pooled)


def _row(phase: str, effect: pd.Series, sizes: pd.DataFrame) -> dict[str, object]:
    size = sizes.set_index("outcome").loc[effect["outcome"]]
    reason = size["reason"]
    return {
        "phase": phase,
        "outcome": effect["outcome"],
        "size": size["size"],
        "low": size["size_low"],
        "high": size["size_high"],
        "p": effect["p_placebo"],
        "n_schools": int(effect["n_schools"]),
        "verdict": effect["verdict"],
        "how": size["how"],
        "reason": reason if isinstance(reason, str) else "",
    }


def _with(table: pd.DataFrame, pooled: Mapping[str, object]) -> pd.DataFrame:
    last = pd.DataFrame([pooled], index=pd.Index([BOTH], name="phase"))
    return pd.concat([table, last])


def _as_sizes(placebo: pd.DataFrame, effect: pd.Series, size: pd.Series) -> pd.DataFrame:
    """Turn made-up programmes' estimates into sizes, by the slope that the interval was turned."""
    slope = (size["high"] - size["low"]) / (effect["high"] - effect["low"])
    drawn = placebo[["la", str(effect["outcome"])]].set_axis(["la", "size"], axis=1).dropna()
    return drawn.assign(size=drawn["size"] * slope, turn=drawn.groupby("la").cumcount())


def _put_together(
    scaled: Mapping[str, pd.DataFrame], weight: pd.Series
) -> tuple[NDArray[np.float64], str]:
    """Put made-up programmes of the phases together: in the same city, else in the order drawn."""
    parts = {
        phase: one.set_index(["la", "turn"])["size"] * weight[phase]
        for phase, one in scaled.items()
    }
    together = pd.concat(parts, axis=1, join="inner").sum(axis=1)
    if len(together) >= FEWEST_PAIRS:
        return together.to_numpy(float), CITY_BY_CITY
    shortest = min(len(one) for one in parts.values())
    return sum(
        (one.to_numpy(float)[:shortest] for one in parts.values()), np.zeros(shortest)
    ), APART

"""What was seen in each outcome of a programme, and how often chance alone would look like it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pepstats.impact.gaps import Gaps
from pepstats.impact.placebo import weighted_mean
from pepstats.impact.verdicts import COMPARED, choose_verdict

LEVEL, POWER = 0.05, 0.80
"""An effect is found at 5 in 100; one likely to be found is found four times in five."""

FEWEST_DRAWS = 99


@dataclass(frozen=True)
class Effect:
    """What was seen in one outcome of one programme, against comparison schools.

    `estimate`, `low` and `high` (a 95% interval) are in `unit`; `p_placebo` is the share of made-up
    programmes that moved at least as far, `p_adjusted` the same allowing for all the outcomes
    looked at together; `release` says how final the results are; `mode` how they were compared;
    `spread` is that of the made-up programmes, `smallest` the true effect that would be told from
    chance four times in five.
    """

    programme: str
    outcome: str
    unit: str
    estimate: float
    low: float
    high: float
    p_placebo: float
    p_adjusted: float
    n_schools: int
    n_comparison: int
    n_placebo: int
    baseline: str
    year: int
    release: str
    verdict: str
    mode: str = COMPARED
    spread: float = float("nan")
    smallest: float = float("nan")

    def tidy(self) -> pd.DataFrame:
        """One row, the same columns for every effect: the only source of each number shown."""
        return tidy_effects([self])


NAMES = [one.name for one in fields(Effect)]


def placebo_p(estimate: float, chance: np.ndarray) -> float:
    """Share of made-up programmes that moved at least as far, the real one counted in."""
    return float((1 + np.sum(np.abs(chance) >= abs(estimate))) / (1 + len(chance)))


def half_width(chance: np.ndarray, level: float = 0.95) -> float:
    """How far an estimate must be from zero for `placebo_p` to fall to 1 - level.

    The 95% interval by inversion is the estimate give or take this: the sizes of true effect that
    fewer than 19 in 20 made-up programmes would contradict. It leaves zero out just when p does.
    """
    ranked = np.sort(np.abs(chance))
    place = int(np.floor((1 - level) * (1 + len(ranked)) + 1e-9)) - 1
    return float(ranked[len(ranked) - max(place, 0) - 1]) if len(ranked) else float("inf")


def smallest_detectable(chance: NDArray[np.float64]) -> float:
    """Return the true effect that would be told from chance this often, in the draws' own unit.

    `chance` are made-up programmes' estimates. The line an estimate must pass is that of the
    placebo p (`LEVEL`); the effect sought moves the made-up programmes past it in `POWER` of them.
    Gains and losses are asked of both tails and the larger answer given. Missing with fewer than 99
    draws, which cannot show a p of 5 in 100 with any certainty, or where draws do not vary.
    """
    drawn = np.asarray(chance, dtype=float)
    drawn = drawn[np.isfinite(drawn)]
    if len(drawn) < FEWEST_DRAWS or not drawn.max() > drawn.min():
        return float("nan")
    line = half_width(drawn, 1 - LEVEL)
    gain = line - np.quantile(drawn, 1 - POWER)
    loss = line + np.quantile(drawn, POWER)
    return float(max(gain, loss))


def adjust_together(estimates: Mapping[str, float], chance: pd.DataFrame) -> dict[str, float]:
    """Adjust each outcome's p for all outcomes looked at: step-down max-T from the same draws.

    Westfall and Young (1993), algorithm 4.1; each outcome in units of its own chance spread.
    """
    spread = {name: float(chance[name].std()) or 1.0 for name in estimates}
    far = {name: abs(value) / spread[name] for name, value in estimates.items()}
    order = sorted(far, key=lambda name: (-far[name], name))
    distance = np.column_stack([np.abs(chance[name].to_numpy()) / spread[name] for name in order])
    furthest = np.maximum.accumulate(distance[:, ::-1], axis=1)[:, ::-1]
    adjusted, floor = {}, 0.0
    for column, name in enumerate(order):
        beyond = np.sum(furthest[:, column] >= far[name] - 1e-12)
        floor = max(floor, float((1 + beyond) / (1 + len(chance))))
        adjusted[name] = floor
    return adjusted


def estimate_effects(
    programme: str,
    gaps: Mapping[str, Gaps],
    made_up: pd.DataFrame,
    members: Iterable[int],
    *,
    n_comparison: int,
    mode: str = COMPARED,
) -> list[Effect]:
    """Estimate every outcome of a programme: its schools' weighted mean gap, with its yardstick.

    The first outcome is the primary one and is judged by its own p; the others by the p that
    allows for all of them having been looked at.
    """
    chosen = list(members)
    real = {name: np.flatnonzero(g.table.index.isin(chosen)) for name, g in gaps.items()}
    seen = {name: float(weighted_mean(g, real[name])[0]) for name, g in gaps.items()}
    able = {name: value for name, value in seen.items() if np.isfinite(value)}
    chance = {name: made_up[name].dropna().to_numpy() for name in gaps}
    adjusted = adjust_together(able, made_up[list(able)].dropna()) if able else {}
    effects = []
    for rank, (name, found) in enumerate(gaps.items()):
        if name not in able:
            continue
        p, wide = placebo_p(seen[name], chance[name]), half_width(chance[name])
        effects.append(
            Effect(
                programme=programme,
                outcome=name,
                unit=found.unit,
                estimate=seen[name],
                low=seen[name] - wide,
                high=seen[name] + wide,
                p_placebo=p,
                p_adjusted=adjusted[name],
                n_schools=int(found.table["gap"].iloc[real[name]].notna().sum()),
                n_comparison=n_comparison,
                n_placebo=len(chance[name]),
                baseline=" and ".join(map(str, found.baseline)),
                year=found.year,
                release=found.release,
                verdict=choose_verdict(seen[name], p if rank == 0 else adjusted[name]),
                mode=mode,
                spread=float(chance[name].std()),
                smallest=smallest_detectable(chance[name]),
            )
        )
    return effects


def list_effect_numbers(effects: Iterable[Effect]) -> dict[str, float | int | str]:
    """Name every number of every effect: `<outcome>.<column>`, as `effects.csv` has it."""
    return {
        f"{row['outcome']}.{name}": value
        for row in tidy_effects(effects).to_dict("records")
        for name, value in row.items()
        if name not in {"programme", "outcome"}
    }


def tidy_effects(effects: Iterable[Effect]) -> pd.DataFrame:
    """Put effects into one table, one row each, in the order given."""
    return pd.DataFrame([vars(effect) for effect in effects], columns=NAMES)

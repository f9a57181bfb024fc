"""How often made-up programmes are called an effect: false alarms, by every way of judging them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pepstats import placebo
from pepstats.scenes import WEIGHTED, Numbers, Picked, Places, Scene

OURS = "placebo cities"
LEVEL = 0.05
LOTS = 400
"""How often cities are put into thirds by lot, to say what thirds would show by chance."""

Row = dict[str, object]


def judge_all(scene: Scene, selection: str, picked: Picked, yardstick: Picked) -> list[Row]:
    """Judge one set of made-up programmes by every estimator: a row each, as `Calibration.rows`.

    Ours is judged by `yardstick`: made-up programmes of which a programme's own city has no say.
    """
    weight = scene.gaps.table["weight"].to_numpy()[picked.schools]
    share, sampling = weight / weight.sum(axis=1, keepdims=True), scene.sampling[picked.schools]
    n = picked.schools.shape[1]
    limits = {
        True: float(np.sqrt((share**2 * sampling).sum(axis=1)).mean()),
        False: float(np.sqrt(sampling.mean(axis=1) / n).mean()),
    }
    rows: list[tuple[str, Numbers, NDArray[np.bool_], float]] = []
    for name, values in scene.estimates.items():
        weighted = name == WEIGHTED
        found, called = t_test(values[picked.schools], share if weighted else None)
        rows.append((name, found, called, limits[weighted]))
    found, far = how_far(scene, picked)
    called = called_by(far, picked.city, how_far(scene, yardstick)[1], yardstick.city)
    rows.append((OURS, found, called, limits[True]))
    return [
        {
            "estimator": name, "selection": selection, "outcome": scene.gaps.outcome,
            "draws": len(found), "mean": float(found.mean()), "spread": float(found.std(ddof=1)),
            "false_alarm_rate": float(called.mean()), "coverage": float(1 - called.mean()),
            "limit": bound,
        }
        for name, found, called, bound in rows
    ]  # fmt: skip


def t_test(values: Numbers, share: Numbers | None) -> tuple[Numbers, NDArray[np.bool_]]:
    """The mean of each row, and whether a t-test of its schools calls it at 5 in 100."""
    from scipy.special import stdtrit

    n = values.shape[1]
    weight = np.full(values.shape, 1 / n) if share is None else share
    mean = (weight * values).sum(axis=1)
    squares = (weight**2 * (values - mean[:, None]) ** 2).sum(axis=1) * n / (n - 1)
    return mean, np.abs(mean) > stdtrit(n - 1, 1 - LEVEL / 2) * np.sqrt(squares)


def how_far(scene: Scene, picked: Picked) -> tuple[Numbers, Numbers]:
    """Each programme's estimate, and how far from nought it is in units of its chance spread."""
    mean, spread = placebo.weighted_mean(scene.gaps, picked.schools)
    return mean, np.abs(mean) / spread


def called_by(far: Numbers, city: Places, chance: Numbers, home: Places) -> NDArray[np.bool_]:
    """Whether each programme is called by made-up programmes that are not in its own city."""
    everywhere = np.sort(chance)
    beyond = len(everywhere) - np.searchsorted(everywhere, far, side="left")
    total = np.full(len(far), len(chance))
    for one in np.unique(city[city > 0]):
        own = np.sort(chance[home == one])
        mine = city == one
        beyond[mine] -= len(own) - np.searchsorted(own, far[mine], side="left")
        total[mine] -= len(own)
    called: NDArray[np.bool_] = (1 + beyond) / (1 + total) <= LEVEL
    return called


def cover_added(scene: Scene, picked: Picked, added: tuple[float, ...]) -> list[Row]:
    """Say how often the 95% interval holds an effect that was added to every school.

    What is added to a programme's schools moves its estimate, and both ends of its interval, by
    just as much (`tests/test_gaps.py`; `benchmarks/coverage.py` makes the whole comparison anew).
    """
    mean, spread = placebo.weighted_mean(scene.gaps, picked.schools)
    chance = np.abs(mean) / spread
    rows: list[Row] = []
    for effect in added:
        found = mean + effect
        far = np.abs(found - effect) / spread
        covered = ~called_by(far, picked.city, chance, picked.city)
        rows.append({"outcome": scene.gaps.outcome, "added": effect, "draws": len(far),
                     "mean": float(found.mean()), "coverage": float(covered.mean())})  # fmt: skip
    return rows


def by_thirds(scene: Scene, picked: Picked, rng: np.random.Generator) -> list[Row]:
    """False alarms within thirds of the cities: the average over all is right by construction.

    Beside each, between what two rates 95 in 100 thirds drawn by lot would lie.
    """
    far = how_far(scene, picked)[1]
    called = called_by(far, picked.city, far, picked.city)
    rate = pd.Series(called).groupby(picked.city).mean()
    free = scene.free
    kinds = pd.DataFrame(
        {"schools": 1.0, "cohort": scene.cohort[free], "attainment": scene.attainment[free]}
    ).groupby(scene.authority[free])
    table = kinds.mean().assign(schools=kinds["schools"].sum()).reindex(rate.index)
    size = len(rate) // 3
    lots = [float(rate.to_numpy()[rng.permutation(len(rate))[:size]].mean()) for _ in range(LOTS)]
    low, high = np.quantile(lots, [0.025, 0.975])
    rows: list[Row] = []
    for by in table:
        place = table[by].rank(method="first", pct=True)
        for third, (above, upto) in enumerate(((0, 1 / 3), (1 / 3, 2 / 3), (2 / 3, 1)), start=1):
            inside = (place > above) & (place <= upto)
            rows.append({"outcome": scene.gaps.outcome, "year": scene.gaps.year, "by": by,
                         "third": third, "cities": int(inside.sum()),
                         "false_alarm_rate": float(rate[inside].mean()),
                         "by_lot_low": float(low), "by_lot_high": float(high)})  # fmt: skip
    return rows

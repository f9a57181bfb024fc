"""How often the whole method finds an effect in invented Englands, planted or not.

    python benchmarks/false_alarms.py [--englands 200] [--effect 0 2 5 10] [--draws 2000]

`--effect` is what the primary outcome of the first programme gains on average, in percentage
points. Each England is built from its own seed, its programmes picked by low results, and the whole
design and estimate made; each estimate is held against what was planted in that very England. The
table gives, per effect and outcome, the mean error, the spread, the coverage of the 95% interval,
the share called at 5 in 100 and how often each verdict was given.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import pandas as pd

from pepstats.impact import Inputs, design_comparison, evaluate_design, verdicts
from pepstats.invented.england import England, build_england, values_without_chance
from pepstats.invented.pupils import PLANTED, STARTS, plant
from pepstats.schools import Panel
from pepstats.settings.programme import load_programme
from tests.invented_panel import tabulate_panel

DATA = Path(__file__).resolve().parents[1] / "data"
YEAR = 2018
YEARS = (2016, 2017, 2018)
PROGRAMME, PRIMARY = "closing-the-gap", "rwm_expected"


def multiplier_for(points: float) -> float:
    """Give what planted effects are multiplied by so that the programme gains so many points.

    Found on one England by the secant rule; others differ from it by the mix of their schools.
    """
    if points == 0:
        return 0.0
    world = build_england(seed=1, effect=0.0, years=YEARS)
    last, times = 0.0, 1.0
    for _ in range(6):
        slope = (_gained(world, times) - _gained(world, last)) / (times - last)
        last, times = times, times + (points - _gained(world, times)) / slope
        if abs(_gained(world, times) - points) < 0.01:
            break
    return times


def _gained(world: England, times: float) -> float:
    return float(planted_in(replace(world, effect=times))[PRIMARY])


def planted_in(england: England) -> pd.Series:
    """Give what the programme's schools gained on average, in each outcome."""
    own = england.members.loc[england.members["programme"] == PROGRAMME, "school"]
    felt = values_without_chance(england, YEAR).loc[own]
    return (felt - values_without_chance(england, YEAR, ()).loc[own]).mean()


def plant_effect(base: England, times: float) -> England:
    """Give an England in which nothing was planted with the effects that `build` would plant."""
    pupils = dict(base.pupils)
    for slug, added in PLANTED.items():
        for year in [year for year in YEARS if year >= STARTS and any(added.values()) and times]:
            pupils[year] = plant(pupils[year], times * base.strength(slug), added)
    return replace(base, effect=times, pupils=pupils, _results={})


def try_england(seed: int, multipliers: dict[float, float], draws: int) -> pd.DataFrame:
    """Build one England and estimate its programme's effects beside each that was planted."""
    base = build_england(seed=seed, effect=0.0, years=YEARS)
    programme = load_programme(PROGRAMME, DATA)
    quick = programme.placebo.model_copy(update={"draws": draws})
    programme = programme.model_copy(update={"placebo": quick, "seed": seed})
    wanted = {*programme.outcomes, "cohort"}
    tables, register = tabulate_panel(base, wanted)
    panel = Panel(**tables)
    school_of = {
        int(urn): school for school, urns in register["urns"].items() for urn in str(urns).split()
    }
    listed = base.members.assign(school=base.members["urn"].map(school_of))
    own = listed.loc[listed["programme"] == PROGRAMME, "school"]
    design = design_comparison(programme, panel, register, own, listed["school"])
    found = []
    for effect, times in multipliers.items():
        england = plant_effect(base, times)
        seen = Panel(**tabulate_panel(england, wanted)[0]) if times else panel
        inputs = Inputs(seen, register, YEAR, listed.set_index("school"))
        table = evaluate_design(programme, design, inputs).effects
        truth = planted_in(england).reindex(table["outcome"]).to_numpy()
        found.append(table.assign(effect=effect, planted=truth, seed=seed))
    return pd.concat(found)


def summarise(found: pd.DataFrame) -> pd.DataFrame:
    """Summarise by effect and outcome: false alarms, error, spread, coverage and verdicts."""
    found = found.assign(
        error=found["estimate"] - found["planted"],
        covered=found["planted"].between(found["low"], found["high"]),
        called=found["p_placebo"] <= verdicts.CLEAR,
    )
    key = ["effect", "outcome"]
    table = found.groupby(key, sort=False).agg(
        englands=("seed", "nunique"), planted=("planted", "mean"), mean_error=("error", "mean"),
        spread=("error", "std"), coverage=("covered", "mean"), called=("called", "mean"),
    )  # fmt: skip
    words = found.groupby(key)["verdict"].value_counts().unstack(fill_value=0)
    return table.join(words.reindex(columns=list(verdicts.LADDER), fill_value=0))


def try_all(seeds: Iterable[int], points: Iterable[float], draws: int, jobs: int) -> pd.DataFrame:
    """Try every England with every effect."""
    tried = partial(try_england, multipliers={p: multiplier_for(p) for p in points}, draws=draws)
    with ProcessPoolExecutor(jobs) as workers:
        return pd.concat(workers.map(tried, seeds))


def main() -> None:
    """Run and print."""
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--englands", type=int, default=200)
    ask.add_argument("--effect", type=float, nargs="+", default=[0.0, 2.0, 5.0, 10.0])
    ask.add_argument("--draws", type=int, default=2000)
    ask.add_argument("--jobs", type=int, default=2)
    asked = ask.parse_args()
    started = time.perf_counter()
    found = try_all(range(1, asked.englands + 1), asked.effect, asked.draws, asked.jobs)
    print(summarise(found).round(3).to_string())
    print(f"{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()

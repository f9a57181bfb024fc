"""How often the whole method finds an effect in invented Englands, planted or not.

    python benchmarks/false_alarms.py [--englands 200] [--sd 0 0.06 0.12 0.2 0.3] [--draws 2000]

`--sd` is what the first programme adds for the pupils it is for, in standard deviations between
pupils; half of it for the others, as in the default data (0.2). The second programme of the same
city adds nothing, and both are judged together. Each England is built from its own seed, its
programmes picked by low results, and the whole design and estimate made; each estimate is held
against what was planted in that very England. The table gives, per size, programme and outcome,
the mean error, the spread, the coverage of the 95% interval, how often each verdict was given, and
by how much those called *gained* overstate what was planted.
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

from pepstats.impact import Inputs, design_comparison, effects, evaluate_design
from pepstats.invented.england import England, build_england, values_without_chance
from pepstats.invented.pupils import PLANTED, STARTS, TARGET, plant
from pepstats.measures import MEASURES, PUPILS_START
from pepstats.schools import Panel
from pepstats.settings import Programme, load_programme
from tests.invented_panel import tabulate_panel

DATA = Path(__file__).resolve().parents[1] / "data"
YEAR = 2018
YEARS = (2016, 2017, 2018)


def planted_in(england: England, programme: str) -> pd.Series:
    """Give what a programme's schools gained on average, in each outcome, by both programmes."""
    own = england.members.loc[england.members["programme"] == programme, "school"]
    felt = values_without_chance(england, YEAR).loc[own]
    return (felt - values_without_chance(england, YEAR, ()).loc[own]).mean()


def plant_effect(base: England, times: float) -> England:
    """Give an England in which nothing was planted with the effects that `build` would plant."""
    pupils = dict(base.pupils)
    for slug, added in PLANTED.items():
        for year in [year for year in YEARS if year >= STARTS and any(added.values()) and times]:
            pupils[year] = plant(pupils[year], times * base.strength(slug), added)
    return replace(base, effect=times, pupils=pupils, _results={})


def try_england(seed: int, sizes: list[float], draws: int) -> pd.DataFrame:
    """Build one England and estimate its programmes' effects beside each that was planted."""
    base = build_england(seed=seed, effect=0.0, years=YEARS)
    programmes = [_quick(slug, draws, seed) for slug in PLANTED]
    outcomes = {name for one in programmes for name in one.outcomes}
    wanted = {
        *outcomes,
        *PUPILS_START["ks2"],
        *(MEASURES[name].cohort for name in outcomes),
        "cohort",
    }
    tables, register = tabulate_panel(base, wanted)
    school_of = {
        int(urn): school for school, urns in register["urns"].items() for urn in str(urns).split()
    }
    listed = base.members.assign(school=base.members["urn"].map(school_of))
    own = {slug: tuple(sorted(rows["school"])) for slug, rows in listed.groupby("programme")}
    designs = [
        design_comparison(one, Panel(**tables), register, own[one.slug], listed["school"])
        for one in programmes
    ]
    found = []
    for size in sizes:
        england = plant_effect(base, size / TARGET)
        seen = Panel(**(tabulate_panel(england, wanted)[0] if size else tables))
        for one, design in zip(programmes, designs, strict=True):
            others = tuple((o, own[o.slug]) for o in programmes if o.slug != one.slug)
            inputs = Inputs(seen, register, YEAR, listed.set_index("school"), others=others)
            table = evaluate_design(one, design, inputs).effects
            truth = planted_in(england, one.slug).reindex(table["outcome"]).to_numpy()
            found.append(table.assign(size=size, planted=truth, seed=seed))
    return pd.concat(found)


def _quick(slug: str, draws: int, seed: int) -> Programme:
    programme = load_programme(slug, DATA)
    quick = programme.placebo.model_copy(update={"draws": draws})
    return programme.model_copy(update={"placebo": quick, "seed": seed})


def summarise(found: pd.DataFrame) -> pd.DataFrame:
    """Summarise by size, programme and outcome: error, spread, coverage and effects."""
    gained = found["verdict"].eq(effects.GAINED)
    found = found.assign(
        error=found["estimate"] - found["planted"],
        covered=found["planted"].between(found["low"], found["high"]),
        among_gained=found["estimate"].where(gained),
        called=found["verdict"].isin([effects.GAINED, effects.LOST]),
    )
    key = ["size", "programme", "outcome"]
    table = found.groupby(key, sort=False).agg(
        englands=("seed", "nunique"), planted=("planted", "mean"), mean_error=("error", "mean"),
        spread=("error", "std"), coverage=("covered", "mean"), called=("called", "mean"),
        among_gained=("among_gained", "mean"),
    )  # fmt: skip
    table["overstated"] = table["among_gained"] / table["planted"]
    either = found.groupby(["size", "seed"])["called"].any().groupby("size").mean()
    print("either programme called gained or lost in any outcome:", either.round(3).to_dict())
    words = found.groupby(key)["verdict"].value_counts().unstack(fill_value=0)
    return table.join(words.reindex(columns=list(effects.LADDER), fill_value=0))


def try_all(seeds: Iterable[int], sizes: list[float], draws: int, jobs: int) -> pd.DataFrame:
    """Try every England with every size."""
    tried = partial(try_england, sizes=sizes, draws=draws)
    with ProcessPoolExecutor(jobs) as workers:
        return pd.concat(workers.map(tried, seeds))


def main() -> None:
    """Run and print."""
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--englands", type=int, default=200)
    ask.add_argument("--sd", type=float, nargs="+", default=[0.0, 0.06, 0.12, 0.2, 0.3])
    ask.add_argument("--draws", type=int, default=2000)
    ask.add_argument("--jobs", type=int, default=2)
    asked = ask.parse_args()
    started = time.perf_counter()
    found = try_all(range(1, asked.englands + 1), asked.sd, asked.draws, asked.jobs)
    print(summarise(found).round(3).to_string())
    print(f"{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()

"""How often the whole method finds an effect in invented Englands, planted or not.

    python benchmarks/false_alarms.py [--englands 200] [--effect 0] [--draws 2000]

Each England is built anew from its own seed, its two programmes picked by low results, and the
whole design and estimate made; the table gives, per programme and outcome, the share called at
5 in 100, the mean error, the coverage of the 95% interval and how often each verdict was given.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pandas as pd

from pepstats import effects, invented, invented_truth
from pepstats.comparison import design_comparison, estimate_programme
from pepstats.programme import Programme, load_programme

DATA = Path(__file__).resolve().parents[1] / "data"
YEAR = 2018


def try_england(seed: int, effect: float, draws: int) -> pd.DataFrame:
    """Build one England and estimate its programmes' effects beside what was planted."""
    england = invented.build(seed=seed, effect=effect)
    programmes = [load_programme(slug, DATA) for slug in ("closing-the-gap", "send-in-mainstream")]
    measures = {*programmes[0].outcomes, "cohort"}
    panel, register = england.panel(measures)
    school_of = {
        int(urn): school for school, urns in register["urns"].items() for urn in str(urns).split()
    }
    listed = england.members.assign(school=england.members["urn"].map(school_of))
    truth = invented_truth.planted_effects(england).set_index(["programme", "outcome", "year"])[
        "with_overlap"
    ]
    found = []
    for programme in programmes:
        quick = programme.model_copy(
            update={"placebo": programme.placebo.model_copy(update={"draws": draws}), "seed": seed}
        )
        found.append(_estimate(quick, panel, register, listed, truth))
    return pd.concat(found).assign(seed=seed)


def _estimate(
    programme: Programme,
    panel: object,
    register: pd.DataFrame,
    listed: pd.DataFrame,
    truth: pd.Series,
) -> pd.DataFrame:
    own = listed.loc[listed["programme"] == programme.slug, "school"]
    design = design_comparison(programme, panel, register, own, listed["school"])
    table = effects.tidy(estimate_programme(programme, panel, design, YEAR).effects)
    planted = [float(truth.get((programme.slug, o, YEAR), 0.0)) for o in table["outcome"]]
    return table.assign(planted=planted)


def summarise(found: pd.DataFrame) -> pd.DataFrame:
    """Summarise by programme and outcome: false alarms, error, spread, coverage and verdicts."""
    found = found.assign(
        error=found["estimate"] - found["planted"],
        covered=found["planted"].between(found["low"], found["high"]),
        called=found["p_placebo"] < effects.CLEAR,
    )
    by = found.groupby(["programme", "outcome"], sort=False)
    table = by.agg(
        englands=("seed", "nunique"), planted=("planted", "mean"), mean_error=("error", "mean"),
        spread=("error", "std"), coverage=("covered", "mean"), called=("called", "mean"),
    )  # fmt: skip
    verdicts = (
        found.groupby(["programme", "outcome"])["verdict"].value_counts().unstack(fill_value=0)
    )
    return table.join(verdicts)


def main() -> None:
    """Run and print."""
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--englands", type=int, default=200)
    ask.add_argument("--effect", type=float, default=0.0)
    ask.add_argument("--draws", type=int, default=2000)
    ask.add_argument("--jobs", type=int, default=2)
    asked = ask.parse_args()
    started = time.perf_counter()
    with ProcessPoolExecutor(asked.jobs) as workers:
        seeds = range(1, asked.englands + 1)
        tried = [workers.submit(try_england, s, asked.effect, asked.draws) for s in seeds]
        found = pd.concat([one.result() for one in tried])
    print(summarise(found).round(3).to_string())
    first = found[found["outcome"] == found["outcome"].iloc[0]]
    called = 100 * (first["p_placebo"] < 0.05).mean()
    print(f"primary outcome, p < 0.05: {called:.1f} in 100 of {len(first)}")
    print(f"{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()

"""How often the interval holds an effect that was added, with the whole comparison made anew.

    python benchmarks/coverage.py --data ../shared/study [--programmes 100] [--added 0 2 5]

Each made-up programme is treated as the real one is: its schools barred from everyone's comparison,
its city out of the yardstick, matched, estimated and judged afresh, with so many points added to
its schools' results. `pepstats calibrate` says the same of thousands of programmes without doing
each anew; the table says how far the two differ.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd

from pepstats.impact import Inputs, design_comparison, evaluate_design
from pepstats.robustness.calibration import (
    ONE_CITY,
    Picking,
    Population,
    how_far,
    pick_programmes,
    prepare_sample,
)
from pepstats.schools.panel import Panel
from pepstats.study import Study, load_study


def try_all(study: Study, programmes: int, added: list[float]) -> pd.DataFrame:
    """Make each programme's whole comparison anew, once for each effect added."""
    real = study.programmes[study.report.programmes[0]]
    outcome, year = real.primary, study.report.year
    rule = real.match.model_copy(update={"near": (outcome, "cohort")})
    asked = real.model_copy(
        update={"outcomes": (outcome,), "match": rule,
                "placebo": real.placebo.model_copy(update={"draws": 2000})}
    )  # fmt: skip
    population = Population(study.panel, study.register, tuple(study.barred))
    sample = prepare_sample(population, asked, year, others=False)
    picked = pick_programmes(sample, ONE_CITY, Picking(programmes), np.random.default_rng(1))
    quick, schools = how_far(sample, picked)[0], sample.gaps.table.index
    rows = []
    for number, places in enumerate(picked.schools):
        members = sorted(schools[places])
        design = design_comparison(
            asked, study.panel, study.register, members, [*study.barred, *members]
        )
        listed = pd.DataFrame(index=pd.Index(members, name="school"))
        there = study.panel.values.index.get_level_values("school").isin(members)
        there &= study.panel.values.index.get_level_values("year") == year
        for effect in added:
            values = study.panel.values.copy()
            values.loc[there, outcome] += effect
            panel = Panel(values, study.panel.reasons, study.panel.releases)
            inputs = Inputs(panel, study.register, year, listed)
            one = evaluate_design(asked, design, inputs).primary
            rows.append((effect, one.estimate - effect, one.low <= effect <= one.high,
                         one.estimate - effect - quick[number]))  # fmt: skip
    return pd.DataFrame(rows, columns=["added", "error", "covered", "beyond_quick"])


def main() -> None:
    """Run and print."""
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--data", type=Path, required=True)
    ask.add_argument("--report", default="partnership-2018")
    ask.add_argument("--programmes", type=int, default=100)
    ask.add_argument("--added", type=float, nargs="+", default=[0.0, 2.0, 5.0])
    asked = ask.parse_args()
    started = time.perf_counter()
    found = try_all(load_study(asked.report, asked.data), asked.programmes, asked.added)
    table = found.groupby("added").agg(
        programmes=("error", "size"), mean_error=("error", "mean"), spread=("error", "std"),
        coverage=("covered", "mean"), from_quick=("beyond_quick", lambda d: d.abs().max()),
    )  # fmt: skip
    print(table.round(3).to_string())
    print(f"{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()

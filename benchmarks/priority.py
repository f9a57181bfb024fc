"""How long it takes to say how sure every school's rating is, against a school at a time.

    python benchmarks/priority.py [--schools 16000] [--draws 1000] [--sample 150]

Invented Englands side by side, of that many schools, are rated under as many draws of what chance
could have given, whole. The same draws, colours and scores are then made the plain way, with
`groupby.apply` a school at a time, for a sample of schools, and that time is scaled up. Both rate
by the same criteria from the same likely values, so their chances agree to the noise of the draws.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import pandas as pd

from pepstats.invented import england
from pepstats.priority import ratings
from pepstats.priority.dashboard import load_dashboard
from pepstats.priority.indicators import Indicators, RatingInputs, find_indicators
from pepstats.priority.ratings import rate_schools
from pepstats.schools.panel import Panel
from tests.invented_panel import tabulate_panel

YEAR = 2018


def rate_one_at_a_time(indicators: Indicators, sample: np.ndarray, draws: int) -> pd.Series:
    """Give P(rating 1) of a sample of schools, found with groupby.apply."""
    dashboard = indicators.dashboard
    rng = np.random.default_rng(7)
    moved = rng.uniform(1 - dashboard.weights_move, 1 + dashboard.weights_move,
                        (len(dashboard.indicators), draws))  # fmt: skip
    weights = ratings.weights_of(dashboard)[:, None] * moved
    table = pd.DataFrame({"row": sample}, index=indicators.inputs.register.index[sample])

    def chance(own: pd.DataFrame) -> float:
        rows = own["row"].to_numpy()
        figures = indicators.sampling.draw(rows, draws, rng)
        _, rating = ratings.rate_all(dashboard, indicators.colour(rows, figures), weights)
        return float((rating == 1).mean())

    return table.groupby(level="school", sort=True).apply(chance)


def build(schools: int, each: int = 2_500) -> tuple[Panel, pd.DataFrame]:
    """Lay invented Englands side by side until there are so many schools."""
    values: list[pd.DataFrame] = []
    reasons: list[pd.DataFrame] = []
    registers: list[pd.DataFrame] = []
    for number in range(-(-schools // each)):
        made = england.build_england(schools=each, seed=number, effect=0)
        tables, register = tabulate_panel(made)
        panel = Panel(**tables)
        releases = panel.releases
        for table, kept in ((panel.values, values), (panel.reasons, reasons)):
            kept.append(table.rename(index=lambda s, n=number: s + 1_000_000 * n, level="school"))
        moved = register.assign(la=register["la"] + 100 * number)
        registers.append(moved.rename(index=lambda s, n=number: s + 1_000_000 * n))
    register = pd.concat(registers).sort_index()
    kept = register.index[register["phase"] != "special"][:schools]
    return Panel(pd.concat(values), pd.concat(reasons), releases), register.loc[kept]


def main() -> None:
    """Time both ways and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--schools", type=int, default=16_000)
    parser.add_argument("--draws", type=int, default=1_000)
    parser.add_argument("--sample", type=int, default=150)
    chosen = parser.parse_args()
    panel, register = build(chosen.schools)
    dashboard = load_dashboard(Path("data"), 2018)

    start = time.process_time()
    inputs = RatingInputs(panel, register)
    rng = np.random.default_rng(1)
    found = rate_schools(inputs, dashboard, YEAR, rng=rng, draws=chosen.draws)
    whole = time.process_time() - start
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    start = time.process_time()
    indicators = find_indicators(inputs, dashboard, YEAR)
    setting = time.process_time() - start
    rated = np.flatnonzero(found.ratings["rating"].notna().to_numpy())
    sample = np.random.default_rng(2).choice(rated, chosen.sample, replace=False)
    start = time.process_time()
    one = rate_one_at_a_time(indicators, np.sort(sample), chosen.draws)
    each = (time.process_time() - start) / chosen.sample
    slow = setting + each * len(rated)

    apart = (one - found.ratings["p1"].reindex(one.index)).abs()
    rows = [
        ("schools rated", len(rated)), ("draws", chosen.draws),
        ("all at once, seconds of a processor", whole),
        ("a school at a time, the same", slow),
        ("times as fast", slow / whole), ("most memory, MB", memory),
        ("P(rating 1) apart, mean", apart.mean()), ("P(rating 1) apart, most", apart.max()),
    ]  # fmt: skip
    for name, value in rows:
        print(
            f"{name:<36}{value:>12,.3f}" if isinstance(value, float) else f"{name:<36}{value:>12,}"
        )


if __name__ == "__main__":
    main()

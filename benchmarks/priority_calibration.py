"""Whether P(rating) means what it says, on invented Englands where the truth is known.

    python benchmarks/priority_calibration.py [--englands 24] [--schools 2500] [--draws 400]
                                              [--picture calibration.png]

Each England's schools are rated with their chances. Their true rating is what the same criteria,
limits and England's levels give from figures without chance (what each school would get on average
over endless cohorts). Of the schools given 70 to 80% for a rating, 70 to 80% should truly have it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import pandas as pd

from pepstats.invented.england import build_england, values_without_chance
from pepstats.priority import ratings
from pepstats.priority.dashboard import Dashboard, load_dashboard
from pepstats.priority.indicators import RatingInputs, find_indicators
from pepstats.priority.ratings import rate_schools
from pepstats.schools import Panel
from tests.invented_panel import tabulate_panel

YEAR = 2018
BINS = np.array([0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0000001])


def rate_with_truth(dashboard: Dashboard, schools: int, seed: int, draws: int) -> pd.DataFrame:
    """Rate one invented England: each school's chances, rating, and true rating."""
    england = build_england(schools=schools, seed=seed, effect=0.0)
    tables, register = tabulate_panel(england)
    panel = Panel(**tables)
    register = register.sort_index()
    inputs = RatingInputs(panel, register)
    found = rate_schools(inputs, dashboard, YEAR, rng=np.random.default_rng(seed), draws=draws)
    indicators = find_indicators(inputs, dashboard, YEAR)
    table = england.world.establishments
    row_of = pd.Series(table["school"].to_numpy(), index=table["urn"])
    rows = row_of.reindex(register.index).to_numpy()
    years = sorted({year for _, year in indicators.cells})
    truth = {year: values_without_chance(england, year) for year in years}
    figures = np.column_stack([truth[y][m].reindex(rows).to_numpy() for m, y in indicators.cells])
    figures = np.where(np.isfinite(indicators.sampling.figures), figures, np.nan)
    values, colours = ratings.colour_all(indicators, np.arange(len(register)), figures)
    _, rating = ratings.rate_all(dashboard, zip(values, colours, strict=True))
    return found.ratings.assign(true=rating)[found.ratings["rating"].notna()]


def tabulate(rated: pd.DataFrame) -> pd.DataFrame:
    """Give, per rating and band of chance: schools, mean chance, and the share that truly are."""
    parts = []
    for number in (1, 2, 3):
        band = pd.cut(rated[f"p{number}"], BINS, right=False)
        groups = rated.assign(truly=rated["true"] == number).groupby(band, observed=False)
        parts.append(pd.DataFrame({
            "rating": number, "from": BINS[:-1], "schools": groups.size().to_numpy(),
            "chance": groups[f"p{number}"].mean().to_numpy(),
            "truly": groups["truly"].mean().to_numpy(),
        }))  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def draw(table: pd.DataFrame, path: Path) -> None:
    """Draw the share that truly are against the chance given, with its own 95% interval."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(11, 4), sharey=True)
    for number, ax in zip((1, 2, 3), axes, strict=True):
        own = table[(table["rating"] == number) & (table["schools"] > 0)]
        reach = 1.96 * np.sqrt(own["truly"] * (1 - own["truly"]) / own["schools"])
        ax.plot([0, 1], [0, 1], color="0.6", linewidth=1)
        ax.errorbar(own["chance"], own["truly"], yerr=reach, fmt="o", color="#12436D")
        ax.set(title=f"Priority {number}", xlabel="Chance given", xlim=(0, 1), ylim=(0, 1))
    axes[0].set_ylabel("Share that truly have the rating")
    figure.tight_layout()
    figure.savefig(path, dpi=100)


def main() -> None:
    """Rate many Englands and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--englands", type=int, default=24)
    parser.add_argument("--schools", type=int, default=2_500)
    parser.add_argument("--draws", type=int, default=400)
    parser.add_argument("--picture", type=Path)
    chosen = parser.parse_args()
    dashboard = load_dashboard(Path("data"), 2018)
    rated = pd.concat([
        rate_with_truth(dashboard, chosen.schools, 1_000 + number, chosen.draws)
        for number in range(chosen.englands)
    ])  # fmt: skip
    table = tabulate(rated)
    print(f"{len(rated):,} ratings in {chosen.englands} invented Englands")
    print(table.round(3).to_string(index=False))
    if chosen.picture:
        draw(table, chosen.picture)


if __name__ == "__main__":
    main()

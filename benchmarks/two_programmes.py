"""How often either of two programmes of one city that did nothing is called an effect.

    python benchmarks/two_programmes.py [REPORT] [--data DIR] [--times 2000] [--draws 2000]

In a study's own data, programmes of 18 schools, 13 low attaining, four of these in both, are made
up in one authority after another. All outcomes of both are judged together by the others' placebo
programmes, and, beside it, each primary outcome by its own p alone.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import pandas as pd

import pepstats
from pepstats.impact import Asked, Gaps, effects, find_gaps, weighted_mean
from pepstats.impact.effects import Yardstick, choose_verdict, judge_together
from pepstats.impact.placebo import fit_chance_scale, pick_schools
from pepstats.matching import MatchBasis, before_start, find_pool, match_schools
from pepstats.study import Study

SIZE, LOW, SHARED = 18, 13, 4


def gaps_of(study: Study, slug: str) -> dict[str, Gaps]:
    """Find every school's gap in every outcome of a programme, as the headline does."""
    programme = study.programmes[slug]
    before = before_start(study.panel, max(programme.baseline) + 1)
    pool = find_pool(before, study.register, MatchBasis.of(programme))
    match = match_schools(pool, programme.match, programme.pool, barred=study.barred)
    year = study.report.year
    return {
        name: find_gaps(
            study.panel, pool, match, Asked(name, programme.baseline, year, study.barred)
        )
        for name in programme.outcomes
    }


def pick_two(lows: np.ndarray, rest: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """Pick two programmes of a city, some low-attaining schools in both."""
    first = rng.permutation(lows)[:LOW]
    others = np.setdiff1d(lows, first)
    kept = rng.permutation(first)[: max(SHARED, LOW - len(others))]
    second = np.r_[kept, rng.permutation(others)[: LOW - len(kept)]]
    every = rng.permutation(rest)
    return [np.r_[first, every[: SIZE - LOW]], np.r_[second, every[-(SIZE - LOW) :]]]


def main() -> None:
    """Run and print."""
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("report", nargs="?", default="autumn-2018-revised")
    ask.add_argument("--data", default=None)
    ask.add_argument("--times", type=int, default=2000)
    ask.add_argument("--draws", type=int, default=2000)
    asked = ask.parse_args()
    started = time.perf_counter()
    effects.RESAMPLED = 2  # ranges of p are not looked at here
    study = pepstats.load(asked.report, data=asked.data)
    slug = next(iter(study.programmes))
    gaps = gaps_of(study, slug)
    first = next(iter(gaps.values()))
    programme, rng = study.programmes[slug], np.random.default_rng(1)
    earlier = study.panel.wide(programme.primary).reindex(first.table.index)
    level = earlier[list(programme.baseline)].mean(axis=1).to_numpy()
    free = np.all([g.table["gap"].notna() for g in gaps.values()], axis=0)
    free &= ~first.table.index.isin(study.barred)
    authority, low = first.table["la"].to_numpy(), level < np.median(level[free])
    cities = {
        int(city): (np.flatnonzero(here & low), np.flatnonzero(here & ~low))
        for city in np.unique(authority[free])
        for here in [free & (authority == city)]
        if (here & low).sum() >= LOW and (here & ~low).sum() >= SIZE - LOW
    }
    codes = np.array(sorted(cities))
    city = np.resize(codes, asked.draws)
    drawn = [np.empty((asked.draws, SIZE), dtype=np.int64) for _ in range(2)]
    for code, (lows, rest) in cities.items():
        rows = np.flatnonzero(city == code)
        for one in drawn:
            one[rows, :LOW] = pick_schools(lows, LOW, len(rows), rng)
            one[rows, LOW:] = pick_schools(rest, SIZE - LOW, len(rows), rng)
    means = {(k, n): weighted_mean(g, drawn[k]) for k in range(2) for n, g in gaps.items()}
    called, alone = [], []
    for turn in range(asked.times):
        home = int(codes[turn % len(codes)])
        away = city != home
        family = []
        for k, own in enumerate(pick_two(*cities[home], rng)):
            for name, found in gaps.items():
                mean, variance = (part[away] for part in means[k, name])
                chance = fit_chance_scale(mean, variance, city[away])
                estimate, v = (float(part) for part in weighted_mean(found, own))
                scaled = mean * chance.at(v) / chance.of_draws
                family.append(Yardstick(f"programme {k}", name, estimate, scaled, city[away]))
        judged = judge_together(family)
        words = [
            choose_verdict(f.estimate, j.adjusted) for f, j in zip(family, judged, strict=True)
        ]
        called.append(any(word in ("gained", "lost ground") for word in words))
        n = len(gaps)
        alone.append(min(judged[0].p, judged[n].p) <= effects.LEVEL)
    of_city = pd.DataFrame({"together": called, "alone": alone}).groupby(
        np.arange(asked.times) % len(codes)
    ).mean()  # fmt: skip
    error = of_city.std(ddof=1) / np.sqrt(len(of_city))
    print(f"{len(codes)} authorities, {asked.times} pairs of programmes, {len(gaps)} outcomes each")
    for name in of_city:
        print(f"either called, {name}: {of_city[name].mean():.3f} ({error[name]:.3f})")
    print(f"{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()

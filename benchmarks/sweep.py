"""Many programmes at once: how fast, the same as one by one, how right the pooled answers are.

    python benchmarks/sweep.py [REPORT] [--data DIR] [--part speed|sets|later] [--programmes 171]
        [--sets 200] [--planted 2.244] [--times 60]

`speed`: programmes of 18 schools, each drawn in one authority, evaluated together and one by one.
`sets`: as many made-up programmes in as many authorities, with nothing, an effect that is alike in
all, one that varies, or one that varies about nothing: how often each question is answered yes, how
often ranges hold the truth, and how much the largest estimate overstates. `later`: half of a
programme's schools join a year later; effects are planted by start, and none.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import product
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import pandas as pd

import pepstats
from pepstats.impact import Inputs, design_comparison, evaluate_design
from pepstats.programmes import Sweep, evaluate_programmes, find_programmes, pooling
from pepstats.programmes.listed import FoundProgrammes, ListedProgramme
from pepstats.programmes.pooling import (
    average_kind,
    average_these,
    find_covariance,
    join_draws,
    measure_discovery,
    shrink_programmes,
)
from pepstats.programmes.sweep import Standing
from pepstats.runs import tabulate_sweep
from pepstats.schools import Panel
from pepstats.settings import Entered, Member, Programme
from pepstats.study import Study

SIZE, LOW, ROOM = 18, 13, 30


def main() -> None:
    """Run what is asked for and print it."""
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("report", nargs="?", default="autumn-2018-revised")
    ask.add_argument("--data", default=None)
    ask.add_argument("--part", choices=("speed", "sets", "later"), action="append")
    ask.add_argument("--programmes", type=int, default=40)
    ask.add_argument("--sets", type=int, default=200)
    ask.add_argument("--planted", type=float, default=2.244, help="0.06 SD of pupils, in points")
    ask.add_argument("--outcome", default="rwm_expected")
    ask.add_argument("--times", type=int, default=20)
    asked = ask.parse_args()
    study = pepstats.load(asked.report, data=asked.data)
    parts = {"speed": measure_speed, "sets": measure_sets, "later": measure_later}
    for part in asked.part or parts:
        print(f"\n{part}: {study.report.slug}, {asked.outcome}")
        parts[part](study, asked)


def like_of(study: Study, outcome: str, **changed: object) -> Programme:
    """Return the study's first programme, for all pupils and one outcome."""
    first = next(iter(study.programmes.values()))
    content = {"outcomes": (outcome,), "whom": "all", "must_not_move": (), **changed}
    match = first.match.model_copy(update={"k": 50})
    return first.model_copy(update={**content, "match": match})


def draw_entered(
    study: Study, like: Programme, count: int, rng: np.random.Generator, *, low: bool = False
) -> list[Entered]:
    """Draw programmes of 18 schools with results, each in one authority, no school in two.

    Where they are to be `low` attaining, 13 of the 18 are in England's lower half before the start.
    """
    results = study.panel.wide(like.match.near[0]).dropna()
    there = results.index.difference(pd.Index(study.barred))
    la = study.register["la"].reindex(there)
    below = results[list(like.baseline)].mean(axis=1).reindex(there)
    below = below < below.median()
    counts = la.value_counts()
    left = {int(c): list(rng.permutation(la.index[la == c])) for c in counts.index[counts >= ROOM]}
    if low:
        left = {city: pick_low(own, below) for city, own in left.items()}
    entered = []
    while len(entered) < count:
        able = sorted(city for city, schools in left.items() if len(schools) >= SIZE)
        if not able:
            break
        city = int(rng.choice(able))
        own, left[city] = left[city][:SIZE], left[city][SIZE:]
        urns = study.register.loc[own, "urn"].astype(int)
        slug = f"drawn-{len(entered) + 1:03d}"
        members = tuple(Member(urn=urn) for urn in urns)
        programme = like.model_copy(update={"slug": slug, "title": slug, "members": members})
        entered.append(Entered(slug, slug, "drawn", programme))
    return entered


def pick_low(own: list[int], below: pd.Series) -> list[int]:
    """Pick 13 low-attaining schools of a shuffled list and 5 others."""
    low = [school for school in own if below[school]]
    return low[:LOW] + [school for school in own if not below[school]][: SIZE - LOW]


def measure_speed(study: Study, asked: argparse.Namespace) -> None:
    """Time all together and one by one, and compare every number."""
    like, rng = like_of(study, asked.outcome), np.random.default_rng(171)
    found = find_programmes(
        draw_entered(study, like, asked.programmes, rng), study.followed, study.data
    )
    inputs = replace(study.inputs_of(like), others=())
    started = time.process_time()
    many = evaluate_programmes(found, inputs, study.barred)
    together = time.process_time() - started
    started = time.process_time()
    alone = [evaluate_alone(one, found, inputs, study.barred) for one in found.programmes]
    apart = time.process_time() - started
    same = many.effects.equals(pd.concat(alone, ignore_index=True))
    with ProcessPoolExecutor(2) as executor:
        started = time.perf_counter()
        others = evaluate_programmes(found, inputs, study.barred, executor)
        by_two = time.perf_counter() - started
    print(f"{len(found.programmes)} programmes, CPU seconds: together {together:.1f} "
          f"({together / len(alone):.3f} each), one by one {apart:.1f} ({apart / len(alone):.3f} "
          f"each), ratio {apart / together:.1f}")  # fmt: skip
    print(f"the same effects as one by one: {same}; two processes ({by_two:.1f} s on the clock): "
          f"the same bytes {bytes_of(others) == bytes_of(many)}")  # fmt: skip


def evaluate_alone(
    one: ListedProgramme, found: FoundProgrammes, inputs: Inputs, barred: tuple[int, ...]
) -> pd.DataFrame:
    """Evaluate one programme as `evaluate` does, everyone's schools barred."""
    never = {*barred, *found.schools}
    design = design_comparison(one.programme, inputs.panel, inputs.register, one.schools, never)
    own = replace(inputs, members=one.members.assign(also_in=0))
    return evaluate_design(one.programme, design, own).effects


def bytes_of(many: Sweep) -> bytes:
    """Return every table of a sweep as it is written, and every draw."""
    tables = [table.to_csv() for table in tabulate_sweep(many, {}).values()]
    draws = [one.chance.tobytes() for found in many.found for one in found.standing]
    return "\n".join(tables).encode() + b"".join(draws)


# Sets of programmes ------------------------------------------------------------------------------

WORLDS = {"nothing": (0, 0), "alike": (1, 0), "varying": (1, 1), "about nothing": (0, 1)}
"""How large the planted effect is, and its standard deviation between programmes, in effects."""


def measure_sets(study: Study, asked: argparse.Namespace) -> None:
    """Make up sets of programmes in as many authorities, and pool each under every world."""
    like, rng = like_of(study, asked.outcome), np.random.default_rng(8)
    entered = draw_entered(study, like, 1, rng, low=True)
    found = find_programmes(entered, study.followed, study.data)
    many = evaluate_programmes(found, study.inputs_of(like), study.barred)
    one = many.found[0].standing[0]
    cities = np.unique(one.city[one.city > 0])
    print(f"{len(cities)} authorities, spread {one.spread:.2f}, planted {asked.planted}")
    pooling.SAMPLED, pooling.STEPS = 100, 80  # ranks are not looked at, and the grid may be coarse
    for count in (8, 12, 20):
        if count > len(cities):
            continue
        joint, covariance = draw_joint(one, count)
        rows = []
        for _ in range(asked.sets):
            estimates = make_set(one, cities, count, rng)
            for world, (size, vary) in WORLDS.items():
                true = asked.planted * (size + vary * rng.standard_normal(count))
                pooled = pool_set(estimates + true, true, joint, covariance, rng)
                wanted = asked.planted * size
                low, high = pooled.pop("low"), pooled.pop("high")
                holds = low <= wanted <= high
                rows.append({"K": count, "world": world, **pooled, "kind_holds": holds})
        means = pd.DataFrame(rows).groupby(["world", "K"], sort=False).mean()
        print(means.round(3).to_string(header=count == 8), flush=True)
    print(f"standard error of a share of .05: {np.sqrt(0.05 * 0.95 / max(asked.sets, 1)):.3f}")


def draw_joint(one: Standing, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw the chance of as many programmes in as many authorities, all of one size."""
    some = slice(0, 2000)
    own = replace(one, chance=one.chance[some], city=one.city[some])
    standing = []
    for place in range(1, count + 1):
        schools = one.shares.index + place * 10_000_000  # others than any other programme's
        shares, variance = one.shares.set_axis(schools), one.variance.set_axis(schools)
        standing.append(
            replace(own, programme=str(place), home=place, shares=shares, variance=variance)
        )
    return join_draws(standing), find_covariance(standing)


def make_set(one: Standing, cities: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Make up a set: one placebo programme in each of some authorities, that did nothing."""
    homes = rng.choice(cities, count, replace=False)
    picked = [int(rng.choice(np.flatnonzero(one.city == home))) for home in homes]
    centred: np.ndarray = one.chance[picked] - np.nanmean(one.chance)
    return centred


def pool_set(
    estimates: np.ndarray, true: np.ndarray, joint: np.ndarray, covariance: np.ndarray,
    rng: np.random.Generator,
) -> dict[str, float]:  # fmt: skip
    """Pool one set and hold what is said against the truth."""
    these, kind = average_these(estimates, joint, covariance), average_kind(estimates, covariance)
    shrunk = shrink_programmes(estimates, covariance, rng)
    rate, _ = measure_discovery(estimates, joint, np.full(len(true), 1 / 140))
    best = int(np.argmax(estimates))
    return {
        "these": these.p <= 0.05,
        "these_holds": these.low <= true.mean() <= these.high,
        "kind": kind.p <= 0.05,
        "low": kind.low,
        "high": kind.high,
        "shrunk_holds": np.mean((shrunk.low <= true) & (true <= shrunk.high)),
        "overstates": estimates[best] - true[best],
        "printed": estimates[best] - shrunk.mean[best],
        "error": np.sqrt(np.mean((estimates - true) ** 2)),
        "error_shrunk": np.sqrt(np.mean((shrunk.mean - true) ** 2)),
        "any_stands_out": (rate <= 0.10).any(),
    }


# Schools that join later -------------------------------------------------------------------------


def measure_later(study: Study, asked: argparse.Namespace) -> None:
    """Let half of a programme's schools join a year later; plant effects by start, and none."""
    year = study.report.year
    baseline = (min(int(y) for y in study.panel.values.index.unique("year")),)
    like = like_of(study, asked.outcome, baseline=baseline, starts=baseline[0] + 1)
    rows = []
    for time_, planted in product(range(asked.times), ((0.0, 0.0), (6.0, 3.0))):
        (entered,) = draw_entered(study, like, 1, np.random.default_rng(time_))
        listed = find_programmes([entered], study.followed, study.data).programmes[0]
        late = listed.schools[::2]
        joined = [f"{year - 1}-09" if s in late else None for s in listed.members.index]
        listed = replace(listed, members=listed.members.assign(joined=joined))
        panel = plant(study.panel, asked.outcome, listed, late, planted)
        found = FoundProgrammes((listed,), pd.DataFrame(columns=["programme"]), ())
        many = evaluate_programmes(found, replace(study.inputs_of(like), panel=panel), study.barred)
        for row in many.cells[many.cells["year"] == year].to_dict("records"):
            true = {str(like.starts): planted[0], str(year): planted[1]}
            true["all"] = (planted[0] + planted[1]) / 2
            rows.append({"planted": planted, "start": row["start"], "estimate": row["estimate"],
                         "true": true[row["start"]], "found": row["p"] <= 0.05,
                         "holds": row["low"] <= true[row["start"]] <= row["high"]})  # fmt: skip
    table = pd.DataFrame(rows).groupby(["planted", "start"], sort=False)
    means = pd.DataFrame(rows).query("start == 'all'").groupby("planted")["estimate"].mean()
    print(f"all starts, with effects planted less without: {means.diff().iloc[-1]:.2f} of 4.5")
    print(table[["true", "estimate", "found", "holds"]].mean().round(2).to_string())
    print(f"standard error of a mean estimate: {table['estimate'].sem().max():.2f}")


def plant(
    panel: Panel,
    outcome: str,
    listed: ListedProgramme,
    late: tuple[int, ...],
    size: tuple[float, float],
) -> Panel:
    """Add an effect to every result since a school's own start: the first start, the later one."""
    values = panel.values.copy()
    school, at = (values.index.get_level_values(name) for name in ("school", "year"))
    first, last = min(at), max(at)
    own = school.isin(listed.schools)
    values.loc[own & ~school.isin(late) & (at > first), outcome] += size[0]
    values.loc[school.isin(late) & (at == last), outcome] += size[1]
    return Panel(values, panel.reasons, panel.releases)


if __name__ == "__main__":
    main()

"""Made-up programmes at size: every school's comparison schools once, against matching each draw.

    python benchmarks/placebo.py [--largest 16000] [--programmes 1000] [--loop 20]

Ours finds the comparison schools of every school once, then draws and estimates. The alternative
is what a script does: for each made-up programme, match its schools anew with pandas (a row at a
time) and with scikit-learn's nearest neighbours where that is installed, then average. The loop
does `--loop` programmes and is scaled up; the estimates of those programmes must agree exactly.
Times are of the processor, not the clock, so that a busy machine does not slow one side alone.
MatchIt in R is timed where Rscript and the package are installed. Last, a million programmes are
picked and estimated at 16,000 schools, in blocks and as whole arrays: time, memory, equality.
"""

from __future__ import annotations

import argparse
import importlib.util
import resource
import shutil
import subprocess
import time

import numpy as np
import pandas as pd

from pepstats.impact import gaps, placebo
from pepstats.matching.nearest import match_schools
from pepstats.matching.pool import OTHER_THINGS_COUNT, MatchBasis, before_start, find_pool
from pepstats.schools.panel import Panel
from pepstats.settings.programme import MatchRule, PoolRule

RULE = MatchRule(near=("rwm_expected", "cohort"), exact=("school_type",), k=10)
SIZE, YEARS = 18, (2016, 2017, 2018)


def make_england(schools: int, seed: int = 1) -> tuple[Panel, pd.DataFrame]:
    """Make a plain England of about a hundred schools an authority."""
    rng = np.random.default_rng(seed)
    index = pd.Index(100_001 + np.arange(schools), name="school")
    level = rng.normal(60, 13, schools)
    cohort = rng.integers(12, 95, schools).astype(float)
    years = {
        y: pd.DataFrame(
            {"rwm_expected": np.round(rng.normal(level, 9)), "cohort": cohort}, index=index)
        for y in YEARS
    }  # fmt: skip
    values = pd.concat(years, names=["year"]).swaplevel().sort_index()
    reasons = pd.DataFrame(np.nan, index=values.index, columns=values.columns).astype("str")
    releases = pd.DataFrame("final", index=pd.Index(YEARS, name="year"), columns=values.columns)
    register = pd.DataFrame(
        {"la": 1000 + np.arange(schools) % max(schools // 100, 12), "phase": "primary",
         "school_type": np.where(rng.random(schools) < 0.07, "junior", "primary")},
        index=index,
    )  # fmt: skip
    return Panel(values, reasons, releases), register


def gaps_of(panel: Panel, register: pd.DataFrame) -> tuple[gaps.Gaps, np.ndarray]:
    """Match every school and find its gap; return also the authority of each."""
    pool = find_pool(
        before_start(panel, 2018), register,
        MatchBasis(RULE, "primary", ("rwm_expected",), (2016, 2017)),
    )  # fmt: skip
    match = match_schools(pool, RULE, PoolRule())
    found = gaps.find_gaps(panel, pool, match, gaps.Asked("rwm_expected", (2016, 2017), 2018))
    return found, pool.schools["la"].to_numpy()


def ours(panel: Panel, register: pd.DataFrame, programmes: int) -> tuple[np.ndarray, ...]:
    """Match every school, find its gap, draw programmes in one city each, estimate them all."""
    found, authority = gaps_of(panel, register)
    rng = np.random.default_rng(2)
    cities = np.unique(authority)
    city = np.sort(cities[rng.integers(len(cities), size=programmes)])
    picked = np.vstack([
        placebo.pick_schools(np.flatnonzero(authority == c), SIZE, int((city == c).sum()), rng)
        for c in np.unique(city)
    ])  # fmt: skip
    estimates = placebo.weighted_mean(found, picked)[0]
    return estimates, picked, found.table["raw_gap"].to_numpy()[picked].mean(axis=1)


def places_of(panel: Panel, register: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series]:
    """Give each school's place in the space distances are measured in, and its result."""
    wide = panel.wide("rwm_expected")
    table = pd.DataFrame(
        {"a": wide[2016], "b": wide[2017], "c": np.log(panel.wide("cohort")[2017])}
    )
    place = table / table.std() * [1, 1, OTHER_THINGS_COUNT]
    return place.join(register[["la", "school_type"]]), wide[2018]


def match_one(place: pd.DataFrame, result: pd.Series, programme: np.ndarray) -> float:
    """Match one programme's schools the plain way: a school at a time, over everyone."""
    moved = []
    for school in place.index[programme]:
        own = place.loc[school]
        others = place[(place["la"] != own["la"]) & (place["school_type"] == own["school_type"])]
        steps = others[["a", "b", "c"]] - own[["a", "b", "c"]].astype(float)
        distance = np.round(np.sqrt((steps**2).sum(axis=1)), 9)
        nearest = distance.sort_index().sort_values(kind="stable").index[: RULE.k]
        moved.append(result[school] - result[nearest].mean())
    return float(np.mean(moved))


def match_one_sklearn(place: pd.DataFrame, result: pd.Series, programme: np.ndarray) -> float:
    """Match one programme's schools with scikit-learn, a new tree for each."""
    from sklearn.neighbors import NearestNeighbors

    moved = []
    mine = place.iloc[programme]
    for kind, own in mine.groupby("school_type"):
        others = place[(place["la"] != own["la"].iloc[0]) & (place["school_type"] == kind)]
        tree = NearestNeighbors(n_neighbors=RULE.k).fit(others[["a", "b", "c"]].to_numpy())
        at = tree.kneighbors(own[["a", "b", "c"]].to_numpy(), return_distance=False)
        near = result[others.index].to_numpy()[at].mean(axis=1)
        moved += list(result[own.index].to_numpy() - near)
    return float(np.mean(moved))


def time_matchit(schools: int) -> str:
    """Time one MatchIt match in R, or say that it is not here."""
    if not shutil.which("Rscript"):
        return "MatchIt: skipped, R is not installed here"
    code = (
        f"library(MatchIt); set.seed(1); n <- {schools}; "
        "d <- data.frame(t=c(rep(1,18),rep(0,n-18)), a=rnorm(n), b=rnorm(n), c=rnorm(n)); "
        "s <- system.time(matchit(t~a+b+c, d, distance='mahalanobis', ratio=10, replace=TRUE)); "
        "cat(s[['elapsed']])"
    )
    done = subprocess.run(["Rscript", "-e", code], capture_output=True, text=True, check=False)
    if done.returncode:
        return "MatchIt: skipped, the package is not installed here"
    return f"MatchIt, one match: {done.stdout} s"


def main() -> None:
    """Time all sizes and print ratios."""
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--largest", type=int, default=128_000)
    ask.add_argument("--programmes", type=int, nargs="+", default=[100, 1_000, 10_000])
    ask.add_argument("--loop", type=int, default=5)
    asked = ask.parse_args()
    before: tuple[int, float] | None = None
    for schools in [n for n in (2_000, 16_000, 128_000) if n <= asked.largest]:
        panel, register = make_england(schools)
        for programmes in asked.programmes:
            started = time.process_time()
            _, picked, raw = ours(panel, register, programmes)
            took = time.process_time() - started
            line = f"{schools:>7,} schools {programmes:>6,} programmes: ours {took:6.2f} s"
            if programmes == 1_000:
                if before:
                    n, t = before
                    law = schools * np.log(schools) / (n * np.log(n))
                    line += f"; {took / t:4.1f} times the size before (n log n: {law:.1f})"
                before = schools, took
                line += _against_the_loop(
                    panel, register, picked, raw, asked.loop, programmes, took
                )
            print(line, flush=True)
    print(time_matchit(16_000))
    print(time_many())


def time_many(schools: int = 16_000, programmes: int = 1_000_000) -> str:
    """Time very many programmes of one England, and how much memory they took at most."""
    panel, register = make_england(schools)
    found, authority = gaps_of(panel, register)
    cities = np.unique(authority)
    rng = np.random.default_rng(2)
    places = [np.flatnonzero(authority == c) for c in cities]
    times = np.bincount(rng.integers(len(cities), size=programmes), minlength=len(cities))
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    picked = np.empty((programmes, SIZE), dtype=np.int64)
    ends = np.cumsum(times)
    for place, end, number in zip(places, ends, times, strict=True):
        picked[end - number : end] = placebo.pick_schools(place, SIZE, int(number), rng)
    mean, variance = placebo.weighted_mean(found, picked)
    took = time.process_time() - started
    grew = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - held) / 1024  # KB on Linux
    started = time.process_time()
    gap, weight, own = (found.table[name].to_numpy()[picked]
                        for name in ("gap", "weight", "variance"))  # fmt: skip
    whole = (weight * gap).sum(axis=1) / weight.sum(axis=1)
    again = (weight**2 * own).sum(axis=1) / weight.sum(axis=1) ** 2
    plain = time.process_time() - started
    if not (np.array_equal(mean, whole) and np.array_equal(variance, again)):
        raise SystemExit("blocks and whole arrays disagree")
    whole_grew = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - held) / 1024
    return (
        f"{programmes:,} programmes at {schools:,} schools: picked and estimated in {took:.2f} s, "
        f"{grew:.0f} MB more; the means as whole arrays {plain:.2f} s, {whole_grew:.0f} MB, equal"
    )


def _against_the_loop(
    panel: Panel, register: pd.DataFrame, picked: np.ndarray, raw: np.ndarray, loop: int,
    programmes: int, took: float,
) -> str:  # fmt: skip
    place, result = places_of(panel, register)
    few = np.linspace(0, len(picked) - 1, loop).astype(int)
    started = time.process_time()
    plain = np.array([match_one(place, result, picked[i]) for i in few])
    each = (time.process_time() - started) / loop
    if np.abs(plain - raw[few]).max() > 1e-9:
        raise SystemExit("the loop and ours disagree")
    whole = each * programmes
    said = f"; pandas loop {whole:6.0f} s, {whole / took:6.0f} times ours, equal"
    if importlib.util.find_spec("sklearn"):
        started = time.process_time()
        for i in few:
            match_one_sklearn(place, result, picked[i])
        each = (time.process_time() - started) / loop
        said += (
            f"; scikit-learn loop {each * programmes:6.0f} s, {each * programmes / took:5.0f} times"
        )
    return said


if __name__ == "__main__":
    main()

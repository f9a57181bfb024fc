"""What a reviewer's check costs beside the run itself, and what a release costs.

    python benchmarks/verify.py [--runs 3] [--schools 900]

`pepstats run`, then `pepstats verify` of it, in turn on the same invented England, each as a
process of its own. Quoted as a ratio of medians; times alone mean little on a shared machine, so
the processor's own seconds, which neighbours hardly move, stand beside those of the clock.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def seconds(*words: str) -> tuple[float, float]:
    """Time one command of ours and all it starts: by the clock, and by the processor."""
    started, before = time.perf_counter(), os.times()
    subprocess.run([sys.executable, "-m", "pepstats", *words], check=True, capture_output=True,
                   cwd=ROOT)  # fmt: skip
    after = os.times()
    worked = sum(after[2:4]) - sum(before[2:4])
    return time.perf_counter() - started, worked


def main() -> None:
    """Time them in turn and print medians and the ratio."""
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--runs", type=int, default=3)
    ask.add_argument("--schools", type=int, default=900)
    asked = ask.parse_args()
    times: dict[str, list[tuple[float, float]]] = {"run": [], "verify": []}
    with tempfile.TemporaryDirectory() as scratch:
        data, out = f"{scratch}/data", f"{scratch}/out"
        seconds("invent", data, "--schools", str(asked.schools))
        for number in range(asked.runs):
            here = f"{out}-{number}"
            times["run"].append(seconds("run", "--data", data, "--out", here))
            run = f"{here}/working/autumn-2018"
            times["verify"].append(seconds("verify", run, "--data", data, "--out", here))
    for place, clock in enumerate(("the clock", "the processor")):
        middle = {n: statistics.median(one[place] for one in all_) for n, all_ in times.items()}
        said = ", ".join(f"{name} {found:.1f} s" for name, found in middle.items())
        print(f"by {clock:<14} {said}; verify / run {middle['verify'] / middle['run']:.2f}")
    print("at most 1.3")


if __name__ == "__main__":
    main()

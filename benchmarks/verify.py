"""What a reviewer's check costs beside the run itself, and what a release costs.

    python benchmarks/verify.py [--runs 3] [--schools 900]

`pepstats run`, then `pepstats verify` of it, in turn on the same invented England, each as a
process of its own. Quoted as a ratio of medians; times alone mean little on a shared machine.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def seconds(*words: str) -> float:
    """Time one command of ours."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "pepstats", *words], check=True, capture_output=True,
                   cwd=ROOT)  # fmt: skip
    return time.perf_counter() - started


def main() -> None:
    """Time them in turn and print medians and the ratio."""
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--runs", type=int, default=3)
    ask.add_argument("--schools", type=int, default=900)
    asked = ask.parse_args()
    times: dict[str, list[float]] = {"run": [], "verify": []}
    with tempfile.TemporaryDirectory() as scratch:
        data, out = f"{scratch}/data", f"{scratch}/out"
        seconds("invent", data, "--schools", str(asked.schools))
        for number in range(asked.runs):
            here = f"{out}-{number}"
            times["run"].append(seconds("run", "--data", data, "--out", here))
            run = f"{here}/working/autumn-2018"
            times["verify"].append(seconds("verify", run, "--data", data, "--out", here))
    middle = {name: statistics.median(found) for name, found in times.items()}
    for name, found in times.items():
        print(f"{name:<8} median {middle[name]:6.1f} s  ({min(found):.1f} to {max(found):.1f})")
    print(f"verify / run: {middle['verify'] / middle['run']:.2f} (at most 1.3)")


if __name__ == "__main__":
    main()

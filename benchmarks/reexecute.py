"""A run's executed notebooks executed again under nbval, and the source notebooks after them.

    make nbval             (python benchmarks/reexecute.py [RUN] [--data DIR])

Lax: of the executed copies, the outputs of the cells tagged `nbval-check-output` are compared, all
of which carry results; the source notebooks, which are kept without outputs, have to run. All of it
happens in a copy of the run, which stays as it was. RUN is the default report's unless named.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SANITISER = ROOT / "tests" / "nbval.cfg"
DEFAULT = ROOT / "outputs" / "working" / "autumn-2018"


def run_nbval(notebooks: list[Path], **folders: Path) -> int:
    """Execute notebooks under nbval with our folders as its variables say; return its exit code."""
    words = [sys.executable, "-m", "pytest", "-q", "--nbval-lax", "--nbval-sanitize-with",
             str(SANITISER), "-p", "no:cacheprovider", "-c", os.devnull,
             "--rootdir", str(notebooks[0].parent), *map(str, notebooks)]  # fmt: skip
    given = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
        **{f"PEPSTATS_{name.upper()}": str(place) for name, place in folders.items()},
    }
    if "run" not in folders:
        given.pop("PEPSTATS_RUN", None)
    return subprocess.run(words, env=given, cwd=notebooks[0].parent, check=False).returncode


def execute_again(run: Path, data: Path) -> int:
    """Execute a run's copies, then the source notebooks; return 1 where either is not the same."""
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "out"
        copy = Path(shutil.copytree(run, out / "working" / run.name))
        print(f"The executed copies of {run.name}, their tagged outputs compared:", flush=True)
        copies = sorted((copy / "notebooks").glob("*.ipynb"))
        same = run_nbval(copies, data=data, out=out, run=copy)
        print("The source notebooks, executed from beginning to end:", flush=True)
        place = Path(shutil.copytree(ROOT / "notebooks", Path(scratch) / "notebooks"))
        runs = run_nbval(sorted(place.glob("*.ipynb")), data=ROOT / "data", out=out)
    return int(same != 0 or runs != 0)


def main() -> None:
    """Execute again and say in one line whether it was the same."""
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("run", nargs="?", type=Path, default=DEFAULT, help="the folder of a run")
    ask.add_argument("--data", type=Path, default=ROOT / "data", help="its data folder")
    asked = ask.parse_args()
    if not (asked.run / "manifest.json").is_file():
        sys.exit(f"{asked.run} is no finished run. Make it by `pepstats run`, or name another.")
    failed = execute_again(asked.run.resolve(), asked.data.resolve())
    print("It differs: see the cells above." if failed else "It is the same.")
    sys.exit(failed)


if __name__ == "__main__":
    main()

"""The whole default report against its floor: as many empty notebooks with the same imports.

    python benchmarks/report.py [--runs 3]

Three things, timed in turn in one session: (a) `pepstats run` of the default report; (b) the same
number of notebooks through Papermill with the same imports and nothing else; (c) the same line
called in plain Python in one process. Quoted as ratios of medians; times alone mean little on a
shared machine.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
IN_PLAIN_PYTHON = """
import pepstats
study = pepstats.load("autumn-2018")
for slug in study.programmes:
    print(pepstats.evaluate(study, slug).effects)
"""
FLOOR = """
import sys
from pathlib import Path
from pepstats import paths
from pepstats.runs import reuse, runner, tasks
paths.NOTEBOOKS = Path(sys.argv[1])
making = Path(sys.argv[2])
(making / "notebooks").mkdir(parents=True)
with runner.handed_to_kernels(paths.data_folder(), making, making):
    asked = tasks.list_tasks(["closing-the-gap", "send-in-mainstream"])
    ground = reuse.Ground(making, making, paths.data_folder(), "", {}, {}, ())
    runner.execute(asked, "autumn-2018", runner.RunOptions(), ground)
"""


WITHIN = {
    # what each notebook's calls import when they are made: the floor imports the same
    "01-clean-sources": "import python_calamine, matplotlib.backends.backend_svg",
    "02-priority-ratings": "import jinja2, scipy.special, matplotlib.backends.backend_svg",
    "03-match-schools": "import scipy.spatial, matplotlib.backends.backend_svg",
    "04-estimate-effect": "import scipy.optimize, matplotlib.backends.backend_svg",
    "05-check-robustness": "import scipy.spatial, scipy.optimize, matplotlib.backends.backend_svg",
    "06-case-studies": "import matplotlib.backends.backend_svg",
    "07-board-report": "import jinja2, docx, xlsxwriter, matplotlib.backends.backend_svg",
}


def empty_notebooks(folder: Path) -> None:
    """Write the project's notebooks with their imports and parameters and nothing else."""
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        notebook = json.loads(path.read_text("utf-8"))
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code" and "parameters" not in cell["metadata"].get("tags", []):
                lines = "".join(cell["source"]).splitlines()
                kept = [line for line in lines if line.startswith(("import ", "from "))]
                cell["source"] = "\n".join([*kept, WITHIN[path.stem]] if kept else [])
        (folder / path.name).write_text(json.dumps(notebook), "utf-8")


def seconds(*words: str) -> float:
    """Time one whole process."""
    started = time.perf_counter()
    subprocess.run([sys.executable, *words], check=True, capture_output=True, cwd=ROOT)
    return time.perf_counter() - started


def main() -> None:
    """Time the three in turn and print medians and ratios."""
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--runs", type=int, default=3)
    runs = ask.parse_args().runs
    times: dict[str, list[float]] = {"report": [], "empty notebooks": [], "plain Python": []}
    with tempfile.TemporaryDirectory() as scratch:
        notebooks = Path(scratch) / "empty"
        notebooks.mkdir()
        empty_notebooks(notebooks)
        for number in range(runs):
            out = Path(scratch) / f"out-{number}"
            times["report"].append(seconds("-m", "pepstats", "run", "--out", str(out)))
            floor = str(Path(scratch) / f"floor-{number}")
            times["empty notebooks"].append(seconds("-c", FLOOR, str(notebooks), floor))
            times["plain Python"].append(seconds("-c", IN_PLAIN_PYTHON))
    middle = {name: statistics.median(found) for name, found in times.items()}
    for name, found in times.items():
        print(f"{name:<16} median {middle[name]:6.1f} s  ({min(found):.1f} to {max(found):.1f})")
    print(f"report / empty notebooks: {middle['report'] / middle['empty notebooks']:.2f}")
    print(f"report / plain Python:    {middle['report'] / middle['plain Python']:.2f}")


if __name__ == "__main__":
    main()

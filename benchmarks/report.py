"""The whole default report against its floor: as many empty notebooks with the same imports.

    python benchmarks/report.py [--runs 3]

Five things, timed in turn in one session: (a) `pepstats run` of the default report; (b) the same
with cold kernels, one Python started for each notebook, which must leave the same bytes; (c) the
same number of notebooks through Papermill with the same imports and nothing else; (d) the same line
called in plain Python in one process; (e) the report again after a new title, cost and text. Quoted
as ratios of medians, of wall time and of processor time: times alone mean little on a shared
machine.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import shutil
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
from pepstats.runs import runner, tasks
paths.NOTEBOOKS = Path(sys.argv[1])
making = Path(sys.argv[2])
(making / "notebooks").mkdir(parents=True)
with runner.handed_to_kernels(paths.data_folder(), making, making):
    asked = tasks.list_tasks(["closing-the-gap", "send-in-mainstream"])
    data = paths.data_folder()
    report, found = runner.check_request("autumn-2018", data)
    ground = runner.find_ground(making, making, report, found, data)
    runner.execute(asked, "autumn-2018", runner.RunOptions(), ground)
"""

COLD = """
import sys
from pathlib import Path
from pepstats import paths
from pepstats.runs import RunOptions, run_report
data, out = paths.data_folder(), Path(sys.argv[1])
run_report("autumn-2018", data=data, out=out, options=RunOptions(jobs=2, warm=False))
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
        if path.stem not in WITHIN:  # the one for exploring, which no run executes
            continue
        notebook = json.loads(path.read_text("utf-8"))
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code" and "parameters" not in cell["metadata"].get("tags", []):
                lines = "".join(cell["source"]).splitlines()
                kept = [line for line in lines if line.startswith(("import ", "from "))]
                cell["source"] = "\n".join([*kept, WITHIN[path.stem]] if kept else [])
        (folder / path.name).write_text(json.dumps(notebook), "utf-8")


def seconds(*words: str) -> tuple[float, float]:
    """Time one whole process and what it starts: wall time, and processor time of all."""
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *words], check=True, capture_output=True, cwd=ROOT)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - started, used


def hashes(run: Path) -> dict[str, str]:
    """Return the hash of each file of a run, but for those that hold times."""
    return {
        str(path.relative_to(run)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(run.rglob("*"))
        if path.is_file() and path.name not in {"manifest.json", "run.log"}
    }


def edit(data: Path, what: str) -> None:
    """Make one of the changes that an officer makes."""
    report, programme = data / "reports/autumn-2018.yml", data / "programmes/closing-the-gap.yml"
    if what == "a new title":
        text = report.read_text("utf-8")
        title = next(line for line in text.splitlines() if line.startswith("title:"))
        report.write_text(text.replace(title, f"{title} again"), "utf-8")
    elif what == "a new cost":
        text = programme.read_text("utf-8")
        programme.write_text(text.replace("grant: 200000", "grant: 210000"), "utf-8")
    else:
        path = data / "reports/autumn-2018.md"
        had = path.read_text("utf-8") if path.is_file() else "# The paper\n"
        path.write_text(f"{had}\nOne more sentence.\n", "utf-8")


EDITS = ("a new title", "a new cost", "a new text")


def time_once(scratch: Path, number: int, times: dict[str, list[tuple[float, float]]]) -> None:
    """Time each of the five once; refuse cold kernels that leave other bytes than warm ones."""
    data, notebooks, out = scratch / f"data-{number}", scratch / "empty", scratch / f"out-{number}"
    shutil.copytree(ROOT / "data", data)
    words = ("-m", "pepstats", "run", "--data", str(data), "--out", str(out))
    times["report"].append(seconds(*words))
    cold = scratch / f"cold-{number}"
    times["cold kernels"].append(seconds("-c", COLD, str(cold)))
    if hashes(out / "working/autumn-2018") != hashes(cold / "working/autumn-2018"):
        raise SystemExit("cold kernels left other bytes than warm ones")
    floor = str(scratch / f"floor-{number}")
    times["empty notebooks"].append(seconds("-c", FLOOR, str(notebooks), floor))
    times["plain Python"].append(seconds("-c", IN_PLAIN_PYTHON))
    for what in EDITS:
        edit(data, what)
        times[what].append(seconds(*words))


def main() -> None:
    """Time them in turn and print medians and ratios."""
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--runs", type=int, default=3)
    runs = ask.parse_args().runs
    names = ("report", "cold kernels", "empty notebooks", "plain Python", *EDITS)
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "empty").mkdir()
        empty_notebooks(Path(folder) / "empty")
        for number in range(runs):
            time_once(Path(folder), number, times)
    wall, used = ({name: statistics.median(one[which] for one in found)
                   for name, found in times.items()} for which in (0, 1))  # fmt: skip
    for name, found in times.items():
        between = f"({min(found)[0]:.1f} to {max(found)[0]:.1f})"
        print(f"{name:<16} median {wall[name]:6.1f} s  {between:<16} processor {used[name]:6.1f} s")
    for name in ("cold kernels", "empty notebooks", "plain Python"):
        ratios = wall["report"] / wall[name], used["report"] / used[name]
        print(f"report / {name:<16} {ratios[0]:.2f} of the time, {ratios[1]:.2f} of the processor")
    for name in EDITS:
        print(f"{name} / report: {used[name] / used['report']:.2f} of the processor")


if __name__ == "__main__":
    main()

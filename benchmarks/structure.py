"""How much there is to hold in the head: files and lines, and the modules that a task goes through.

    python benchmarks/structure.py [--report autumn-2018] [--names]

Printed: for each subpackage its files, lines and public names; then, counted with `sys.setprofile`,
the functions and the modules of ours that are entered by (a) `pepstats.load`, (b) the code of the
seven notebooks for the report's first programme, in one process, (c) making that programme's paper,
both editions of it, from what the notebooks wrote. What runs while our modules are imported is no
step of the way and counts only in the column `and while importing`. `--names` lists the modules.
Every walk has a process of its own, so that nothing kept by one is missed in another.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "pepstats"
NOTEBOOKS = sorted((ROOT / "notebooks").glob("0[1-7]-*.ipynb"))
BEFORE = {"load": (26, 34), "notebooks": (107, 118), "paper": (28, 28)}
"""Modules entered, without and with imports, when there were 165 modules in one folder."""
SAID = {
    "load": "`pepstats.load`",
    "notebooks": "the seven notebooks",
    "paper": "the paper of one programme",
}


def main() -> None:
    """Print both tables, or make one walk and print what it entered as JSON."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--report", default="autumn-2018")
    asked.add_argument("--names", action="store_true", help="list the modules that are entered")
    asked.add_argument("--walk", choices=SAID, help=argparse.SUPPRESS)
    words = asked.parse_args()
    if words.walk:
        entered = Entered()
        with contextlib.redirect_stdout(sys.stderr):
            WALKS[words.walk](words.report, entered)
        print(json.dumps([list_functions(entered.called), list_functions(entered.importing)]))
        return
    print_sizes()
    print()
    print_walks(words.report, names=words.names)


@dataclass
class Entered:
    """The code of every Python function that was entered: by the task, and while importing."""

    called: set[CodeType] = field(default_factory=set)
    importing: set[CodeType] = field(default_factory=set)


def print_sizes() -> None:
    """Print the files, lines and public names of each subpackage, and of all."""
    print("subpackage,files,lines,public names")
    files = sorted(PACKAGE.rglob("*.py"))
    folders = sorted({path.parent for path in files})
    for folder in folders:
        own = [path for path in files if path.parent == folder]
        name = folder.relative_to(ROOT).as_posix().replace("/", ".")
        door = importlib.import_module(name)
        print(f"{name},{len(own)},{count_lines(own)},{len(getattr(door, '__all__', ()))}")
    inside = len(folders) - 1
    print(f"in all ({inside} subpackages),{len(files)},{count_lines(files)},")


def count_lines(files: list[Path]) -> int:
    """Return how many lines some files have together."""
    return sum(len(path.read_text("utf-8").splitlines()) for path in files)


def print_walks(report: str, *, names: bool) -> None:
    """Make every walk in a process of its own and print what each entered."""
    print("entered by,functions,modules,and while importing,before,before and while importing")
    listed = []
    with tempfile.TemporaryDirectory() as out:
        surroundings = {**os.environ, "PEPSTATS_OUT": out, "MPLBACKEND": "agg"}
        for walk, said in SAID.items():
            words = [sys.executable, __file__, "--walk", walk, "--report", report]
            done = subprocess.run(
                words, check=True, stdout=subprocess.PIPE, env=surroundings, cwd=ROOT, text=True
            )
            called, importing = json.loads(done.stdout)
            modules = sorted({module for module, _ in called})
            both = {module for module, _ in called + importing}
            before = ",".join(map(str, BEFORE[walk]))
            print(f"{said},{len(called)},{len(modules)},{len(both)},{before}")
            listed.append(f"{said}: {', '.join(modules)}")
    if names:
        print("", *listed, sep="\n")


def walk_load(report: str, entered: Entered) -> None:
    """Load a study as a researcher does."""
    import pepstats

    with watching(entered):
        pepstats.load(report)


def walk_notebooks(report: str, entered: Entered) -> None:
    """Run the code of every notebook in order, for the report's first programme."""
    from pepstats.paths import data_folder
    from pepstats.settings import load_report

    first = load_report(report, data_folder()).programmes[0]
    given = {"report": report, "programme": first}
    with tempfile.TemporaryDirectory() as folder:
        for path in NOTEBOOKS:
            script = Path(folder) / f"{path.stem}.py"
            script.write_text("\n".join(read_code(path)), "utf-8")
            with watching(entered):
                runpy.run_path(str(script), given)


def walk_paper(report: str, entered: Entered) -> None:
    """Make both editions of the paper from what the notebooks wrote: the last one's main call."""
    from pepstats.report import collect_edition, protect, write_editions
    from pepstats.runs import open_step

    edition = collect_edition(open_step(NOTEBOOKS[-1].stem, report))
    with watching(entered):
        write_editions(edition, protect(edition))


WALKS: dict[str, Callable[[str, Entered], None]] = {
    "load": walk_load,
    "notebooks": walk_notebooks,
    "paper": walk_paper,
}


@contextlib.contextmanager
def watching(entered: Entered) -> Iterator[None]:
    """Note every Python function that is entered meanwhile, apart while a module of ours loads."""
    loading = 0

    def note(frame: FrameType, event: str, _: Any) -> None:
        nonlocal loading
        code = frame.f_code
        if code.co_name == "<module>" and is_ours(code):
            loading += {"call": 1, "return": -1}.get(event, 0)
        elif event == "call":
            (entered.importing if loading else entered.called).add(code)

    sys.setprofile(note)
    try:
        yield
    finally:
        sys.setprofile(None)


def is_ours(code: CodeType) -> bool:
    """Return whether code stands in a module of the package; a page's template is no module."""
    return code.co_filename.startswith(f"{PACKAGE}{os.sep}") and code.co_filename.endswith(".py")


def list_functions(entered: Iterable[CodeType]) -> list[tuple[str, str]]:
    """List those functions that are ours, each by its module and its own name."""
    found = set()
    for code in filter(is_ours, entered):
        inside = Path(code.co_filename).relative_to(ROOT).with_suffix("")
        module = inside.as_posix().replace("/", ".").removesuffix(".__init__")
        found.add((module, code.co_qualname))
    return sorted(found)


def read_code(path: Path) -> list[str]:
    """Read a notebook's code cells, but the one with its parameters."""
    cells = json.loads(path.read_text("utf-8"))["cells"]
    return [
        "".join(cell["source"])
        for cell in cells
        if cell["cell_type"] == "code" and "parameters" not in cell["metadata"].get("tags", ())
    ]


if __name__ == "__main__":
    main()

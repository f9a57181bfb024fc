"""The default reports on other machines, emulated: what one made, each makes again and compares.

    make machines          (python benchmarks/machines.py [--reports NAME ...] [--only WORD ...])

The reports are run once as they stand. Then each machine of `list_machines` runs them again by
`pepstats verify`, which compares every table, sentence and picture. Beside that stands how far
numbers lie apart before they are rounded: the same programmes evaluated, checked and rated in
Python, every number at full precision. What cannot be emulated here is listed and says why.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
REPORTS = ("autumn-2018", "autumn-2018-revised", "autumn-2025")
ROWS = ", rows"  # how the name of what a table's rows are called ends
KERNELS = ("Prescott", "Sandybridge", "Haswell")
NOBODY = 65534
UNTOLD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Machine:
    """A machine to emulate: its variables, how its commands start, where its files lie."""

    name: str
    variables: dict[str, str] = field(default_factory=dict)
    before: tuple[str, ...] = ()
    jobs: int = 1
    folder: str = "plain"
    owner: int | None = None
    why_not: str = ""


def list_machines() -> list[Machine]:
    """List the machines to emulate, the one that is here first."""
    features = " ".join(_dispatched())
    installed = {line.strip().lower().replace("-", "") for line in _said("locale", "-a")}
    turkish = "" if "tr_tr.utf8" in installed else "the locale tr_TR.UTF-8 is not installed"
    plain = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    drop = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    if not _is_open(Path(sys.executable)):  # to read Python is let it, to write nothing
        drop += ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
    no_user = ""
    if os.name != "posix" or os.getuid() != 0:
        no_user = "only root can become another user, and this is none"
    elif shutil.which(drop[0]) is None:
        no_user = "`setpriv` is not installed"
    threads = dict.fromkeys(UNTOLD, "2")
    return [
        Machine("as it stands"),
        Machine("numpy, processor's features off", {"NPY_DISABLE_CPU_FEATURES": features},
                why_not="" if features else "this numpy has none to switch off"),
        *(Machine(f"OpenBLAS for {kernel}", {"OPENBLAS_CORETYPE": kernel}) for kernel in KERNELS),
        Machine("both: features off, Prescott",
                {"NPY_DISABLE_CPU_FEATURES": features, "OPENBLAS_CORETYPE": "Prescott"}),
        Machine("two threads, two notebooks at once", threads, jobs=2),
        Machine("another hash seed", {"PYTHONHASHSEED": "20181002"}),
        Machine("locale C", {"LC_ALL": "C", **plain}),
        Machine("locale tr_TR", {"LC_ALL": "tr_TR.UTF-8"}, why_not=turkish),
        Machine("another time zone", {"TZ": "Pacific/Kiritimati"}),
        Machine("a path with a space and unicode", folder="für Zoë, naïve 学校"),
        Machine("another user than root", before=drop, owner=NOBODY, why_not=no_user),
    ]  # fmt: skip


def _is_open(program: Path) -> bool:
    """Return whether every user may enter the folders that a program lies in, links followed."""
    return all(folder.stat().st_mode & 0o001 for folder in program.resolve().parents)


def _dispatched() -> list[str]:
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    return [name for name in __cpu_dispatch__ if __cpu_features__.get(name)]


def _said(*words: str) -> list[str]:
    try:
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    except (OSError, subprocess.SubprocessError):
        return []


@dataclass(frozen=True)
class Place:
    """Where a machine has its data, its outputs and its home."""

    folder: Path
    machine: Machine

    def run(self, *words: str, module: str = "pepstats") -> subprocess.CompletedProcess[str]:
        """Run one command of ours on the machine."""
        home = str(self.folder / "home")
        given = {**os.environ, **UNTOLD, "HOME": home, "MPLCONFIGDIR": home,
                 "PYTHONPATH": str(ROOT), **self.machine.variables}  # fmt: skip
        words = (*self.machine.before, sys.executable, "-m", module, *words)
        return subprocess.run(words, env=given, cwd=self.folder, capture_output=True, text=True,
                              check=False, errors="replace")  # fmt: skip


def lay_out(scratch: Path, number: int, machine: Machine) -> Place:
    """Lay a machine's folder out: a copy of the data, a home, and room for outputs."""
    folder = scratch / f"{number}" / machine.folder
    (folder / "home").mkdir(parents=True)
    shutil.copytree(ROOT / "data", folder / "data")
    if machine.owner is not None:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, machine.owner, machine.owner)
    return Place(folder, machine)


def gather_numbers(report: str, data: Path) -> dict[str, np.ndarray]:
    """Gather every number of a report's programmes and ratings by place, before any rounding."""
    import pepstats

    study = pepstats.load(report, data=data)
    tables: dict[str, pd.DataFrame] = {}
    for slug in study.programmes:
        found = pepstats.evaluate(study, slug)
        tables |= {f"{slug}, {name}": table for name, table in found.tables().items()}
        checked = pepstats.checks(found)
        tables |= {f"{slug}, checks": checked.table, f"{slug}, one left out": checked.without}
    rated = pepstats.rate(study)
    tables |= {"ratings": rated.ratings, "contributions": rated.contributions}
    numbers = {
        f"{report}: {name}, {column}": table[column].to_numpy(float)
        for name, table in tables.items()
        for column in table
        if pd.api.types.is_float_dtype(table[column])
    }
    return numbers | {f"{report}: {name}{ROWS}": _call_rows(tables[name]) for name in tables}


def _call_rows(table: pd.DataFrame) -> np.ndarray:
    """Call each row of a table by its index, where it has one of its own, and its first words."""
    table = table if isinstance(table.index, pd.RangeIndex) else table.reset_index()
    words = [one for one in table if not pd.api.types.is_float_dtype(table[one])][:3]
    rows = table[words].astype("str").itertuples(index=False)
    return np.array([f"{n}: {' '.join(row)}" for n, row in enumerate(rows, start=1)], dtype="U")


def find_furthest(ours: Path, theirs: Path) -> tuple[float, str]:
    """Find where two machines' numbers lie furthest apart, as a part of the column's largest.

    The place is the table, the column and the row.
    """
    furthest, place = 0.0, "nowhere"
    with np.load(ours) as one, np.load(theirs) as other:
        if one.files != other.files:
            return float("inf"), "other columns"
        for name in (name for name in one.files if not name.endswith(ROWS)):
            a, b = one[name], other[name]
            if a.shape != b.shape or (np.isnan(a) != np.isnan(b)).any():
                return float("inf"), name
            scale = np.abs(a[np.isfinite(a)]).max(initial=0.0) or 1.0
            with np.errstate(invalid="ignore"):
                apart = np.nan_to_num(np.abs(a - b)) / scale
            if len(apart) and apart.max() > furthest:
                row = one[f"{name.rpartition(', ')[0]}{ROWS}"][int(apart.argmax())]
                furthest, place = float(apart.max()), f"{name}, row {row}"
    return furthest, place


def describe_arithmetic() -> str:
    """Say which kernel OpenBLAS chose here, and this machine's fingerprint of rounding."""
    from pepstats.runs.manifest import hash_arithmetic

    kernel = "?"
    for library in Path(np.__file__).parents[1].glob("numpy.libs/*openblas*"):
        loaded = ctypes.CDLL(str(library))
        for name in ("scipy_openblas_get_corename64_", "openblas_get_corename64_"):
            if (ask := getattr(loaded, name, None)) is not None:
                ask.restype = ctypes.c_char_p
                kernel = ask().decode()
    return f"{kernel} {hash_arithmetic()[:8]}"


def try_machines(machines: list[Machine], reports: list[str]) -> Iterator[list[str]]:
    """Try each machine and yield its row: name, arithmetic, each report, how far apart, where."""
    with tempfile.TemporaryDirectory(prefix="machines-") as scratch:
        Path(scratch).chmod(0o755)
        first = lay_out(Path(scratch), 0, machines[0])
        done = [first.run("run", name, "--data", "data", "--out", "out") for name in reports]
        for one in done:
            if one.returncode:
                raise SystemExit(one.stderr)
        for number, machine in enumerate(machines):
            if machine.why_not:
                yield [machine.name, "not here", *["-"] * len(reports), "", machine.why_not]
                continue
            place = first if machine is machines[0] else lay_out(Path(scratch), number, machine)
            yield [machine.name, *try_machine(place, first, reports)]
            if place is not first:
                shutil.rmtree(Path(scratch) / f"{number}")


def try_machine(place: Place, first: Place, reports: list[str]) -> list[str]:
    """Return a machine's arithmetic, what it says of each report, and how far numbers lie apart."""
    itself = "benchmarks.machines"
    cells = [place.run("--arithmetic", module=itself).stdout.strip() or "cannot be told"]
    furthest = (0.0, "nowhere")
    for name in reports:
        run = first.folder / "out" / "working" / name
        place.run("--numbers", name, module=itself)
        if place is first:
            cells.append("made here")
            continue
        found = place.run("verify", str(run), "--data", "data", "--out", "out",
                          "--jobs", str(place.machine.jobs))  # fmt: skip
        cells.append("the same" if found.returncode == 0 else f"exit {found.returncode}")
        if found.returncode:
            print(found.stdout or found.stderr, file=sys.stderr)
        theirs, ours = (one.folder / f"{name}.npz" for one in (place, first))
        apart = find_furthest(ours, theirs) if theirs.is_file() else (float("inf"), "no numbers")
        furthest = max(furthest, apart)
    return [*cells, f"{furthest[0]:.1e}", furthest[1]]


def main() -> None:
    """Try the machines and print the table, a row as it is done; 1 where any is not the same."""
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--reports", nargs="+", default=list(REPORTS), help="reports of data/")
    ask.add_argument("--only", nargs="+", default=[], help="machines with one of these words")
    ask.add_argument("--numbers", help=argparse.SUPPRESS)  # what a machine is asked
    ask.add_argument("--arithmetic", action="store_true", help=argparse.SUPPRESS)
    asked = ask.parse_args()
    if asked.arithmetic:
        print(describe_arithmetic())
        return
    if asked.numbers:
        np.savez(f"{asked.numbers}.npz", **gather_numbers(asked.numbers, Path("data")))
        return
    first, *others = list_machines()
    chosen = [one for one in others if not asked.only or any(w in one.name for w in asked.only)]
    started, same, furthest = time.perf_counter(), True, (0.0, "nowhere")
    heads = "".join(f"{name:<20}" for name in asked.reports)
    print(f"{'machine':<35}{'arithmetic':<21}{heads}apart")
    for name, arithmetic, *cells, apart, where in try_machines([first, *chosen], asked.reports):
        said = "".join(f"{cell:<20}" for cell in cells)
        print(f"{name:<35}{arithmetic:<21}{said if apart else where}{apart}", flush=True)
        same &= all(cell in {"made here", "the same", "-"} for cell in cells)
        furthest = max(furthest, (float(apart or 0), where))
    print(f"Numbers lie apart by {furthest[0]:.1e} of their column's largest at most, before they "
          f"are rounded: {furthest[1]}.")  # fmt: skip
    print(f"{'All the same' if same else 'Not all the same'}, in "
          f"{(time.perf_counter() - started) / 60:.0f} minutes.")  # fmt: skip
    sys.exit(0 if same else 1)


if __name__ == "__main__":
    main()

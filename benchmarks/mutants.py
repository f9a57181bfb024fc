"""Small changes to a part of the package, one at a time: does one of its own tests fail of each?

    make mutants PART=matching      (python benchmarks/mutants.py PART [--again] [--number 150])

Cosmic Ray finds and makes the changes, in a copy, so that the checkout stays as it was. Drawn by a
fixed seed: places first, then one change at a place, so that a place that can be changed in many
ways counts once. A change is tried on those of the part's tests that run the changed line, the
fastest first, until one fails: each in a process of its own, forked from one that has the libraries
loaded, as loading them would take longer than the tests. `tests/equivalent-mutants.txt` lists the
changes that alter nothing a test could see, and why. `--again` tries only what survived before.
"""

from __future__ import annotations

import argparse
import ast
import compileall
import contextlib
import hashlib
import importlib
import json
import multiprocessing
import os
import py_compile
import resource
import shutil
import sys
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from cosmic_ray.commands import init
from cosmic_ray.mutating import mutate_code, use_mutation
from cosmic_ray.plugins import get_operator
from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import MutationSpec
from coverage import CoverageData
from hypothesis import Phase, settings

ROOT = Path(__file__).resolve().parents[1]
EQUIVALENT = ROOT / "tests" / "equivalent-mutants.txt"
KEPT = ROOT / "build" / "mutants"
SEED = "pepstats 2018"
NOT_COPIED = (".venv", ".git", "outputs", "build", "__pycache__", ".*_cache", "raw", ".hypothesis")
GATE = ["gate", "audit", "disclosure"]
PARTS = {
    "matching": (["pepstats/matching/*.py"], ["tests/matching"]),
    "gate": (
        [f"pepstats/report/{name}.py" for name in GATE],
        ["tests/report/test_gate.py", "tests/report/test_disclosure.py"],
    ),
    "impact": (["pepstats/impact/*.py"], ["tests/impact"]),
    "priority": (["pepstats/priority/*.py"], ["tests/priority"]),
    "sources": (["pepstats/sources/*.py"], ["tests/sources"]),
}
SWAPPED = {
    "Add_Sub", "Sub_Add", "Mul_Div", "Div_Mul", "FloorDiv_Mul", "Mod_FloorDiv", "Pow_Mul",
    "BitOr_BitAnd", "BitAnd_BitOr", "BitXor_BitAnd", "USub_UAdd", "Delete_Not", "Delete_USub",
    "Delete_Invert", "Is_IsNot", "IsNot_Is",
}  # fmt: skip
"""Operators are swapped with their kin: a shift for a plus fails by its type, which is no test."""
OTHERS = {
    "AddNot", "NumberReplacer", "ReplaceAndWithOr", "ReplaceOrWithAnd", "ReplaceTrueWithFalse",
    "ReplaceFalseWithTrue", "ReplaceBreakWithContinue", "ReplaceContinueWithBreak",
    "ExceptionReplacer", "ZeroIterationForLoop",
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One change: where it is, the line before and after, and how Cosmic Ray makes it."""

    spec: MutationSpec
    before: str
    after: str

    @property
    def key(self) -> tuple[str, ...]:
        """What it is called whatever lines stand above it."""
        place = str(self.spec.definition_name or "the file")
        return (self.spec.module_path.as_posix(), place, self.before, self.after)

    def __str__(self) -> str:
        """Return the place, and the line before and after."""
        file, place, before, after = self.key
        return f"{file} · {place} (line {self.spec.start_pos[0]})\n- {before}\n+ {after}"


def is_swap(operator: str) -> bool:
    """Return whether we make an operator's changes."""
    name, _, change = operator.removeprefix("core/").partition("_")
    if name == "ReplaceComparisonOperator" and "Is" not in change:
        return True
    return name in OTHERS or change in SWAPPED


def is_star(spec: MutationSpec) -> bool:
    """Return whether a star is that of a signature or of what is unpacked: no multiplication."""
    if "ReplaceBinaryOperator" not in spec.operator_name:
        return False
    line, column = spec.start_pos
    above = spec.module_path.read_text("utf-8").splitlines()[: line - 1]
    here = spec.module_path.read_text("utf-8").splitlines()[line - 1][:column]
    return "\n".join([*above, here]).rstrip()[-1:] in {"(", ",", "{", "["}


@cache
def passed_over(path: Path) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """List where types and decorators stand: they change nothing that a test of results sees."""
    nodes: list[ast.expr | None] = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.arg | ast.AnnAssign):
            nodes.append(node.annotation)
        if isinstance(node, ast.FunctionDef):
            nodes.append(node.returns)
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            nodes += node.decorator_list
    return [
        ((n.lineno, n.col_offset), (n.end_lineno or 0, n.end_col_offset or 0)) for n in nodes if n
    ]


def statement_at(path: Path, line: int) -> range:
    """Return the lines of the statement that a line is of, without what stands inside it."""
    found = range(line, line + 1)
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):  # outer ones first
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or 0):
            body = getattr(node, "body", None)
            end = body[0].lineno if body else (node.end_lineno or 0) + 1
            found = range(node.lineno, end) if line < end else range(line, line + 1)
    return found


def digest(*words: object) -> str:
    """Return where some words stand in the order that the seed decides."""
    return hashlib.sha256(repr((SEED, *words)).encode()).hexdigest()


def draw_mutants(paths: list[Path], number: int) -> list[Mutant]:
    """Draw mutants of some files: first one for each place, in an order that the seed decides."""
    with use_db(":memory:", WorkDB.Mode.create) as work:
        init(paths, work, {})
        specs = [item.mutations[0] for item in work.work_items]
    places: dict[tuple[object, ...], list[MutationSpec]] = defaultdict(list)
    for spec in specs:
        at = tuple(spec.start_pos)
        inside = any(start <= at < end for start, end in passed_over(spec.module_path))
        if is_swap(spec.operator_name) and not inside and not is_star(spec):
            line = spec.module_path.read_text("utf-8").splitlines()[at[0] - 1]
            indent = len(line) - len(line.lstrip())
            name = (spec.module_path.as_posix(), spec.definition_name, line.strip(), at[1] - indent)
            places[name].append(spec)
    order = [
        (rank, digest(name), spec)
        for name, there in places.items()
        for rank, spec in enumerate(sorted(there, key=lambda s: digest(s.operator_name, name)))
    ]
    drawn = sorted(order, key=lambda one: one[:2])[:number]
    return [make_mutant(spec) for _, _, spec in drawn]


def make_mutant(spec: MutationSpec) -> Mutant:
    """Make a change in memory, to say what its line becomes."""
    text = spec.module_path.read_text("utf-8")
    operator = get_operator(spec.operator_name)(**spec.operator_args)
    changed = mutate_code(text, operator, spec.occurrence)
    pairs = zip(text.splitlines(), changed.splitlines(), strict=True)
    before, after = next(pair for pair in pairs if pair[0] != pair[1])
    return Mutant(spec, before.strip(), after.strip())


class Times:
    """How much of the processor's time each test took, as a plug-in of pytest."""

    def __init__(self) -> None:
        """Begin with no test."""
        self.taken: dict[str, float] = defaultdict(float)
        self.last = time.process_time()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add what a test's set-up, run and end took."""
        now = time.process_time()
        self.taken[report.nodeid] += now - self.last
        self.last = now


def run_here(words: list[str], said: Path, learned: Path, longest: int) -> None:
    """Run pytest in a process forked for it: no search for the smallest example, no chance."""
    resource.setrlimit(resource.RLIMIT_CPU, (longest, longest))
    with said.open("w", encoding="utf-8") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    settings.register_profile("mutants", phases=[Phase.explicit, Phase.generate], database=None,
                              derandomize=True, deadline=None)  # fmt: skip
    settings.load_profile("mutants")
    times = Times()
    code = pytest.main(
        ["-q", "-x", "--noconftest", "-p", "no:cacheprovider", *words], plugins=[times]
    )
    loaded = [name for name in sys.modules if name.split(".")[0] not in ("pepstats", "tests")]
    learned.write_text(json.dumps({"taken": times.taken, "loaded": loaded}), "utf-8")
    os._exit(int(code))


def run_tests(words: list[str], scratch: Path, longest: int = 3600) -> tuple[bool, str]:
    """Run pytest in a process of its own: whether all passed, and what it printed.

    It may take so many seconds of the processor's time, which do not depend on what else runs.
    """
    said = scratch / "said.txt"
    own = multiprocessing.get_context("fork").Process(
        target=run_here, args=(words, said, scratch / "learned.json", longest)
    )
    own.start()
    own.join(60 * longest)
    if own.is_alive():
        own.kill()
        own.join()
    if own.exitcode is None or own.exitcode < 0:
        return False, f"FAILED by taking longer than {longest} s"
    return own.exitcode == 0, said.read_text("utf-8", errors="replace")


@dataclass(frozen=True)
class Covered:
    """Which tests run which line of a part, and how long each takes."""

    lines: dict[str, dict[int, list[str]]]
    taken: dict[str, float]

    def tests_of(self, mutant: Mutant) -> list[str]:
        """List the tests that run a mutant's line, fastest first; all of them where it is read."""
        path = mutant.spec.module_path
        known = self.lines.get(str(path.resolve()), {})
        statement = statement_at(path, mutant.spec.start_pos[0])
        there = {name for line in statement for name in known.get(line, [])}
        if "" in there:
            return sorted(self.taken, key=self.taken.__getitem__)
        own = {name.removesuffix("|run") for name in there if name.endswith("|run")}
        files = {name.split("::")[0] for name in there if not name.endswith("|run")}
        wanted = own | {test for test in self.taken if test.split("::")[0] in files}
        return sorted(wanted & set(self.taken), key=self.taken.__getitem__)


def find_covered(part: str, scratch: Path) -> Covered:
    """Run a part's own tests once unchanged, note which lines each runs, and load the libraries."""
    files, tests = PARTS[part]
    room = str(Path(files[0]).parent)
    asked = [*tests, f"--cov={room}", "--cov-context=test", "--cov-report="]
    passed, said = run_tests(asked, scratch)
    if not passed:
        sys.exit(f"The tests of {part} fail as they are:\n{said[-3000:]}")
    learned = json.loads((scratch / "learned.json").read_text("utf-8"))
    for name in learned["loaded"]:
        with contextlib.suppress(Exception):  # what cannot be loaded here is loaded by the tests
            importlib.import_module(name)
    data = CoverageData(".coverage")
    data.read()
    lines = {path: data.contexts_by_lineno(path) for path in data.measured_files()}
    return Covered(lines, learned["taken"])


def try_mutant(mutant: Mutant, covered: Covered, scratch: Path) -> str:
    """Return what became of a mutant: killed by which test, or survived."""
    tests, spec = covered.tests_of(mutant), mutant.spec
    if not tests:
        return "survived: no test runs it"
    longest = 15 + round(3 * sum(covered.taken[test] for test in tests))
    operator = get_operator(spec.operator_name)(**spec.operator_args)
    with use_mutation(spec.module_path, operator, spec.occurrence):
        passed, said = run_tests(tests, scratch, longest)
    if passed:
        return f"survived: {len(tests)} tests"
    failed = [line for line in said.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return f"killed: {failed[0].split(' - ')[0] if failed else said.strip()[-80:]}"


def read_equivalent() -> dict[tuple[str, ...], str]:
    """Read the list of equivalent mutants: each one's key, and why."""
    found: dict[tuple[str, ...], str] = {}
    for block in EQUIVALENT.read_text("utf-8").split("\n\n"):
        rows = [row for row in block.splitlines() if not row.startswith("#")]
        if rows:
            place, before, after, *why = rows
            file, _, name = place.partition(" · ")
            key = (file, name, before.removeprefix("- "), after.removeprefix("+ "))
            found[key] = " ".join(row.strip() for row in why)
    return found


def copy_checkout(scratch: Path) -> Path:
    """Copy the checkout, compiled so that a changed file is compiled anew, however soon."""
    copy = Path(shutil.copytree(ROOT, scratch / "copy", ignore=shutil.ignore_patterns(*NOT_COPIED)))
    mode = py_compile.PycInvalidationMode.CHECKED_HASH
    for folder in ("pepstats", "tests"):
        compileall.compile_dir(copy / folder, quiet=1, invalidation_mode=mode)
    return copy


def try_part(part: str, number: int, keep: tuple[str, ...]) -> None:
    """Draw a part's mutants, try those of which it is not kept, and print what became of them."""
    kept = KEPT / f"{part}.json"
    known = json.loads(kept.read_text("utf-8")) if keep else {}
    equivalent = read_equivalent()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder).resolve()
        os.chdir(copy_checkout(scratch))
        os.environ.update(PYTHONPATH=str(Path.cwd()), OMP_NUM_THREADS="1", PYTHONHASHSEED="0")
        paths = sorted(path for files in PARTS[part][0] for path in Path().glob(files))
        drawn = draw_mutants(paths, number)
        covered = find_covered(part, scratch)
        became: dict[str, str] = {}
        for n, mutant in enumerate(drawn, 1):
            key = "\n".join(mutant.key)
            if mutant.key in equivalent:
                became[key] = f"equivalent: {equivalent[mutant.key]}"
            elif known.get(key, "?").startswith(keep or ("none",)):
                became[key] = known[key]
            else:
                became[key] = try_mutant(mutant, covered, scratch)
                print(f"{n}/{len(drawn)} {mutant}\n  {became[key]}\n", flush=True)
            KEPT.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps(became, indent=1, ensure_ascii=False), "utf-8")
    counts = Counter(what.partition(":")[0] for what in became.values())
    tried = counts["killed"] + counts["survived"]
    print(
        f"{part}: {len(became)} mutants, {counts['equivalent']} equivalent; of the other {tried} "
        f"{counts['killed']} killed ({counts['killed'] / max(tried, 1):.0%}), "
        f"{counts['survived']} survived."
    )


def main() -> None:
    """Try the mutants of one part."""
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("part", choices=PARTS, help="whose mutants are tried")
    ask.add_argument("--number", type=int, default=150, help="how many are drawn")
    ask.add_argument("--again", action="store_true", help="only those that survived")
    ask.add_argument("--resume", action="store_true", help="only those not tried yet")
    asked = ask.parse_args()
    os.nice(10)
    keep = ("killed", "survived") if asked.resume else ("killed",) if asked.again else ()
    try_part(asked.part, asked.number, keep)


if __name__ == "__main__":
    main()

"""The architecture as docs/architecture.md draws it: subpackages, interfaces, imports, sizes."""

import ast
import importlib
import json
import re
import tomllib
from collections import defaultdict
from functools import cache
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "pepstats"
TOP = {
    "__init__",
    "__main__",
    "cli",
    "display",
    "errors",
    "formatting",
    "measures",
    "paths",
    "study",
}
EVERYWHERE = {"errors", "formatting", "measures", "paths"}
"""Top files that any module may import: messages, places, numbers for eyes, what a measure is."""
FLOW = (
    "settings", "sources", "schools", "plots", "matching", "impact", "priority", "robustness",
    "programmes", "document", "report", "runs", "invented",
)  # fmt: skip
MAY_IMPORT = {
    "settings": set(),
    "sources": {"settings"},
    "schools": {"settings", "sources"},
    "plots": set(),
    "matching": {"settings", "schools"},
    "impact": {"settings", "schools", "matching", "display"},
    "display": {"plots"},
    "study": {"settings", "sources", "schools", "matching", "impact", "display"},
    "priority": {"settings", "sources", "schools", "display"},
    "robustness": {"settings", "schools", "matching", "impact"},
    "programmes": {"settings", "schools", "matching", "impact"},
    "document": set(),
    "report": {"settings", "sources", "schools", "plots", "matching", "impact", "priority",
               "robustness", "programmes", "document"},
    "runs": {*FLOW, "study"} - {"invented"},
    "invented": {"settings", "sources"},
    "cli": {*FLOW, "study", "__init__"},
    "__init__": {*FLOW, "study"} - {"invented"},
    "__main__": {"cli"},
}  # fmt: skip
PAST_A_DOOR = {("matching", "pepstats.schools.panel")}
"""Matching takes the panel alone: nothing else of `schools` knows results after the start."""
DISK = {"sources", "settings", "runs", "invented", "cli"}
DISK_WORDS = {
    "open", "read_text", "write_text", "read_bytes", "write_bytes", "unlink", "mkdir",
    "rmdir", "rmtree", "touch", "read_csv", "read_excel", "iterdir", "rglob", "symlink_to",
    "read_parquet", "read_pickle", "read_json", "to_csv", "to_excel", "to_parquet", "to_pickle",
    "loadtxt", "savetxt", "savez", "fromfile", "tofile", "glob", "listdir", "scandir",
    "copyfile", "copytree", "move", "hardlink_to", "mkstemp", "mkdtemp", "TemporaryDirectory",
    "NamedTemporaryFile",
}  # fmt: skip
ELSEWHERE_NAMES = {
    "scene", "scenes", "ground", "whole", "voices", "worth", "doubts", "record", "described",
    "peers", "honest", "terms", "autumn", "fields", "listings", "examine", "review", "utils",
    "helpers", "base", "misc", "common",
}  # fmt: skip
DEFINITION = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
MOST_FILES, MOST_LINES, LONGEST_FUNCTION, MOST_PARAMETERS = 18, 640, 45, 6
LONGER_FUNCTIONS: dict[str, str] = {}
"""`file:function` that is longer or has more parameters, and why it is better so."""


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name, an interface by its subpackage's."""
    named = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
        named[name.removesuffix(".__init__")] = path
    return named


def room_of(module: str) -> str:
    """The subpackage a module is in; a top file is a room of its own."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def is_interface(module: str) -> bool:
    return modules()[module].name == "__init__.py"


def imports_of(source: str, here: str, known: set[str]) -> set[str]:
    """Modules of ours imported anywhere: at the top, inside functions, for types only, by name."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = here.split(".")[: -node.level]
                base = ".".join([*package, *([base] if base else [])])
            named = {f"{base}.{alias.name}" for alias in node.names}
            found |= {name if name in known else base for name in named}
        elif isinstance(node, ast.Constant) and str(node.value).startswith("pepstats."):
            found.add(str(node.value))
    return {name for name in found if name in known and name != here}


@cache
def graph() -> dict[str, set[str]]:
    known = modules()
    return {
        name: imports_of(
            path.read_text("utf-8"),
            name + ".__init__" if path.name == "__init__.py" else name,
            set(known),
        )
        - {name}
        for name, path in known.items()
    }


def circle_in(edges: dict[str, set[str]]) -> list[str]:
    """A circle among modules, or nothing."""
    done: set[str] = set()

    def search(at: str, path: list[str]) -> list[str]:
        if at in path:
            return path[path.index(at) :]
        if at in done:
            return []
        for to in sorted(edges[at]):
            if found := search(to, [*path, at]):
                return found
        done.add(at)
        return []

    return next((found for name in sorted(edges) if (found := search(name, []))), [])


def arrows_against(edges: dict[str, set[str]]) -> list[str]:
    """Imports from one subpackage to another that the architecture does not have."""
    return sorted(
        f"{name} -> {to}"
        for name, tos in edges.items()
        for to in tos
        if (here := room_of(name)) != (there := room_of(to))
        and there not in EVERYWHERE
        and there not in MAY_IMPORT.get(here, set())
    )


def entries_past_an_interface(edges: dict[str, set[str]]) -> list[str]:
    return sorted(
        f"{name} -> {to}"
        for name, tos in edges.items()
        for to in tos
        if room_of(name) != room_of(to)
        and to.count(".") > 1
        and (room_of(name), to) not in PAST_A_DOOR
    )


def test_the_package_has_these_subpackages_and_top_files_and_no_other() -> None:
    files = [path.relative_to(PACKAGE).parts for path in PACKAGE.rglob("*.py")]
    assert {folder for folder, *names in files if names} == set(FLOW)
    assert max(map(len, files)) == 2, "a folder within a subpackage"
    assert {path.stem for path in PACKAGE.glob("*.py")} == TOP
    for name, path in modules().items():
        assert path.stem not in ELSEWHERE_NAMES, f"{name}: a name that tells nobody what is there"


@pytest.mark.parametrize("room", FLOW)
def test_a_subpackage_has_few_files_and_an_interface_that_lists_its_names(room: str) -> None:
    files = list((PACKAGE / room).glob("*.py"))
    assert len(files) <= MOST_FILES
    door = importlib.import_module(f"pepstats.{room}")
    assert door.__doc__
    assert sorted(door.__all__) == list(door.__all__)
    assert all(hasattr(door, name) for name in door.__all__)


def test_no_file_and_no_function_is_too_long_to_be_held_in_the_head() -> None:
    said = set()
    for name, path in modules().items():
        assert len(path.read_text("utf-8").splitlines()) <= MOST_LINES, name
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not fits(node):
                said.add(f"{name}:{node.name}")
    assert said == set(LONGER_FUNCTIONS)


def fits(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a function is short and takes little, its docstring and `self` not counted."""
    words = ast.get_docstring(node, clean=False) or ""
    length = (node.end_lineno or 0) - node.lineno + 1 - len(words.splitlines())
    given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    taken = [one for one in given if one.arg not in ("self", "cls")]
    return length <= LONGEST_FUNCTION and len(taken) <= MOST_PARAMETERS


def test_imports_make_no_circle_and_follow_the_flow() -> None:
    assert circle_in(graph()) == []
    assert arrows_against(graph()) == []
    assert entries_past_an_interface(graph()) == []


@pytest.mark.parametrize(
    "source",
    [
        "from pepstats.report import Edition",
        "def late():\n    from pepstats import report",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pepstats.report.edition",
        "from ..report import edition",
        "from pepstats import evaluate",
        "from importlib import import_module\nimport_module('pepstats.report')",
    ],
)
def test_an_import_counts_wherever_it_stands(source: str) -> None:
    known = set(modules())
    got = imports_of(source, "pepstats.impact.gaps", known)
    edges = {**graph(), "pepstats.impact.gaps": graph()["pepstats.impact.gaps"] | got}
    assert arrows_against(edges) or entries_past_an_interface(edges)
    assert circle_in(edges)


@pytest.mark.parametrize(
    "source", ["from pepstats.impact import Evaluation", "from . import Evaluation"]
)
def test_a_file_that_enters_its_own_subpackage_makes_a_circle(source: str) -> None:
    got = imports_of(source, "pepstats.impact.gaps", set(modules()))
    assert circle_in({**graph(), "pepstats.impact.gaps": got})


def test_matching_knows_no_result_after_the_start() -> None:
    """It imports the panel, settings and what a measure is; the panel is cut off before use."""
    allowed = {"pepstats.schools.panel", "pepstats.settings"}
    allowed |= {f"pepstats.{name}" for name in EVERYWHERE}
    for name, tos in graph().items():
        if room_of(name) == "matching":
            assert {to for to in tos if room_of(to) != "matching"} <= allowed, name


def test_only_five_places_touch_the_disk() -> None:
    touching = {room_of(name) for name, path in modules().items()
                if calls_for_the_disk(tree_of(path))}  # fmt: skip
    assert touching <= DISK


def calls_for_the_disk(tree: ast.Module) -> list[str]:
    """Calls that touch the disk, by an attribute or by a name that comes from elsewhere."""
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    ours = {
        alias.asname or alias.name
        for node in imports
        if str(node.module).startswith("pepstats")
        for alias in node.names
    }
    called = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    named = {one.id for one in called if isinstance(one, ast.Name)} - ours
    named |= {one.attr for one in called if isinstance(one, ast.Attribute)}
    return sorted(named & DISK_WORDS)


def test_no_public_name_stands_in_two_subpackages() -> None:
    homes: dict[str, set[str]] = defaultdict(set)
    for name, path in modules().items():
        for node in tree_of(path).body:
            if isinstance(node, DEFINITION) and not node.name.startswith("_"):
                homes[node.name].add(name)
    promised = {name: at - {"pepstats"} for name, at in homes.items() if name != "main"}
    assert {name: sorted(at) for name, at in promised.items() if len(at) > 1} == {}


def test_nothing_is_reachable_from_tests_only() -> None:
    """Every function, class and method is reached from other code, a notebook or a benchmark."""
    uses: dict[str, set[str]] = defaultdict(set)
    homes: dict[str, str] = {}
    for name, path in modules().items():
        sort_uses(tree_of(path), "", uses if name == "pepstats" or not is_interface(name) else {})
        homes |= {
            node.name: name for node in ast.walk(tree_of(path)) if isinstance(node, DEFINITION)
        }
    outside = [path.read_text("utf-8") for path in (ROOT / "benchmarks").glob("*.py")]
    outside += chain(*(cells_of(path, "code") for path in (ROOT / "notebooks").glob("*.ipynb")))
    roots = {"", *importlib.import_module("pepstats").__all__}
    reached = reached_from(roots.union(*(re.findall(r"\w+", text) for text in outside)), uses)
    assert sorted(f"{homes[name]}.{name}" for name in uses.keys() - reached if name) == []


@pytest.mark.parametrize(
    "source",
    [
        "def lonely(): pass",
        "def lonely(): lonely()",
        "def lonely(): other()\ndef other(): lonely()",
        "class Lonely:\n    def made(self): return Lonely()",
        "async def lonely(): pass",
    ],
)
def test_what_only_itself_names_is_not_reached(source: str) -> None:
    uses: dict[str, set[str]] = defaultdict(set)
    sort_uses(ast.parse(source), "", uses)
    assert reached_from({""}, uses) == {""}


def sort_uses(node: ast.AST, owner: str, uses: dict[str, set[str]]) -> None:
    """Sort the names that code uses by what uses them: a function, class or method, or "" a module.

    What a library or Python itself calls belongs to what it stands in.
    """
    for child in ast.iter_child_nodes(node):
        here = owner
        if isinstance(child, DEFINITION) and not is_called_by_a_library(child, node):
            here = child.name
        uses.setdefault(here, set()).update(words_of(child))
        sort_uses(child, here, uses)


def words_of(node: ast.AST) -> list[str]:
    """The name that a node uses, or the names in a text that is no sentence; imports are no use."""
    match node:
        case ast.Name(id=word) | ast.Attribute(attr=word):
            return [word]
        case ast.Constant(value=str(text)) if len(text) < 80 and " " not in text:
            return re.findall(r"\b[a-z_]+\b", text)
    return []


def reached_from(roots: set[str], uses: dict[str, set[str]]) -> set[str]:
    reached, new = set[str](), set(roots)
    while new:
        reached |= new
        new = set().union(*(uses.get(name, set()) for name in new)) - reached
    return reached


def is_called_by_a_library(node: DEFINITION, inside: ast.AST) -> bool:
    """Whether a library calls it: a validator of a model, or a method that its base class calls."""
    marked = [ast.unparse(one) for one in node.decorator_list]
    parsed = isinstance(inside, ast.ClassDef) and any(
        ast.unparse(base) == "HTMLParser" for base in inside.bases
    )
    return (
        any("validator" in one for one in marked)
        or (parsed and node.name.startswith("handle_"))
        or node.name in {"_repr_html_", "construct_mapping", "compose_node", "main"}
        or node.name in {"launch_kernel", "shutdown_kernel", "terminate"}  # asked by jupyter_client
        or node.name.startswith("__")
    )


def test_no_declared_dependency_is_unused() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    asked = [*project["dependencies"], *chain(*project.get("optional-dependencies", {}).values())]
    trees = [tree_of(path) for path in PACKAGE.rglob("*.py")]
    notebooks = (ROOT / "notebooks").glob("*.ipynb")
    trees += [ast.parse(cell) for path in notebooks for cell in cells_of(path, "code")]
    imported = imported_by(trees)
    called = {
        "pyyaml": "yaml", "python-docx": "docx", "markdown-it-py": "markdown_it",
        "diff-diff": "diff_diff", "python-calamine": "python_calamine",
    }  # fmt: skip
    run_as_programs = {"jupyterlab", "nbval", "ipykernel"}  # make lab, make nbval, the kernel
    for line in asked:
        name = re.split(r"[<>=\[ ;]", line)[0].lower()
        if name not in run_as_programs:
            module = called.get(name, name.replace("-", "_"))
            assert module in imported, f"{name} is used by nothing"


def test_no_package_for_development_is_unused() -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["dependency-groups"]
    folders = (PACKAGE, ROOT / "tests", ROOT / "benchmarks")
    used = imported_by([tree_of(path) for folder in folders for path in folder.rglob("*.py")])
    makefile = (ROOT / "Makefile").read_text("utf-8")
    used |= set(re.findall(r"\w+", makefile))
    used |= {"pytest-xdist"} if "pytest -n " in makefile else set()
    used |= {"setuptools", "types-pyyaml"}  # builds the package; what mypy knows of yaml
    used |= {"python-flint"} & {f"python-{name}" for name in used}  # imported as flint
    used |= {"codespell"} & {name.removesuffix("_lib") for name in used}  # as codespell_lib
    used |= {name.replace("_", "-") for name in used}
    asked = [*groups["dev"], *groups["browser"]]
    assert {re.split(r"[<>=\[ ;]", line)[0] for line in asked} <= used


def imported_by(trees: list[ast.Module]) -> set[str]:
    """The packages that code imports."""
    nodes = [node for tree in trees for node in ast.walk(tree)]
    found = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    found |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    return {name.partition(".")[0] for name in found}


LONGEST_CELL = 12
NOT_ANALYSIS = re.compile(r"^(from |import |step\.save|step = |report: |programme: |[)}\]]*$)")


def cells_of(path: Path, kind: str) -> list[str]:
    book = json.loads(path.read_text("utf-8"))
    return ["".join(cell["source"]) for cell in book["cells"] if cell["cell_type"] == kind]


def lines_of(cell: str) -> list[str]:
    """The lines of code of a cell, comments left out; an import is one in all its lines."""
    lines: list[str] = []
    for node in ast.parse(cell).body:
        written = cell.splitlines()[node.lineno - 1 : node.end_lineno]
        whole = NOT_ANALYSIS.match(written[0])
        lines += [written[0]] * len(written) if whole else written
    return [line for line in lines if line.strip() and not line.lstrip().startswith("#")]


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda p: p.stem)
def test_a_notebook_is_calls_and_half_of_it_is_analysis(path: Path) -> None:
    code = cells_of(path, "code")
    for cell in code:
        assert len(cell.splitlines()) <= LONGEST_CELL, cell
        for node in ast.walk(ast.parse(cell)):
            assert not isinstance(node, DEFINITION | ast.For | ast.While), cell
    lines = list(chain(*map(lines_of, code)))
    analysis = [line for line in lines if not NOT_ANALYSIS.match(line)]
    assert len(analysis) >= len(lines) / 2, f"{len(analysis)} of {len(lines)} lines are analysis"
    assert cells_of(path, "markdown")


def test_a_notebook_opens_once_and_closes_once() -> None:
    for path in sorted((ROOT / "notebooks").glob("0[1-9]-*.ipynb")):
        text = "\n".join(cells_of(path, "code"))
        assert text.count("open_step(") == 1, path.name
        assert len(re.findall(r"step\.save\w*\(", text)) == 1, path.name
        assert re.search(r"step\.save\w*\(", cells_of(path, "code")[-1]), path.name
        assert ("read_study(" in text) == path.name.startswith("01-"), path.name
        assert not calls_for_the_disk(ast.parse(text)), path.name


def test_the_architecture_page_says_what_the_code_does() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    for room, may in MAY_IMPORT.items():
        if room in FLOW:
            line = next((row for row in page.splitlines() if row.startswith(f"| `{room}`")), "")
            assert line, f"docs/architecture.md has no row for {room}"
            said = set(re.findall(r"`(\w+)`", line.split("|")[3]))
            assert said == may & set(FLOW) | (may & {"study"}), room
    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == list(FLOW)
    tops = set(re.findall(r"^\| `(\w+)\.py` \|", page, re.MULTILINE))
    assert tops == TOP - {"__main__"}
    (disk,) = re.findall(r"^Five places touch the disk: (.*?)\. ", page, re.MULTILINE | re.DOTALL)
    assert set(re.findall(r"\*\*(\w+)\*\*", disk)) == DISK
    for file in re.findall(r"`(\w+/\w+\.(?:py|csv))`", page):
        assert (PACKAGE / file).is_file() or (ROOT / file).is_file(), file


@pytest.mark.parametrize("room", FLOW)
def test_the_architecture_page_names_the_files_of_each_subpackage(room: str) -> None:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    (row,) = re.findall(rf"^\| `{room}` \|.*$", page, re.MULTILINE)
    files = {path.stem for path in (PACKAGE / room).glob("*.py")} - {"__init__"}
    assert set(re.findall(r"`(\w+)`", row.split("|")[4])) == files

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
    "document", "report", "runs", "invented",
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
    "document": set(),
    "report": {"settings", "sources", "schools", "plots", "matching", "impact", "priority",
               "robustness", "document"},
    "runs": {*FLOW, "study"} - {"invented"},
    "invented": {"settings", "sources"},
    "cli": {*FLOW, "study"},
    "__init__": {*FLOW, "study"} - {"invented"},
    "__main__": {"cli"},
}  # fmt: skip
PAST_A_DOOR = {("matching", "pepstats.schools.panel")}
"""Matching takes the panel alone: nothing else of `schools` knows results after the start."""
DISK = {"sources", "settings", "runs", "invented", "cli"}
DISK_WORDS = {
    "open", "read_text", "write_text", "read_bytes", "write_bytes", "unlink", "mkdir",
    "rmdir", "rmtree", "touch", "read_csv", "read_excel", "iterdir", "rglob", "symlink_to",
}  # fmt: skip
ELSEWHERE_NAMES = {
    "scene", "scenes", "ground", "whole", "voices", "worth", "doubts", "record", "described",
    "peers", "honest", "terms", "autumn", "fields", "listings", "examine", "review", "utils",
    "helpers", "base", "misc", "common",
}  # fmt: skip
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
    """Modules of ours imported anywhere: at the top, inside functions, for type checking only."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = here.split(".")[: -node.level]
                base = ".".join([*package, *([base] if base else [])])
            found |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
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
    """A circle among modules, or nothing. An interface that names its own files is no way back."""
    ways = {
        name: {to for to in tos if not name.startswith(f"{to}.")} for name, tos in edges.items()
    }
    done: set[str] = set()

    def search(at: str, path: list[str]) -> list[str]:
        if at in path:
            return path[path.index(at) :]
        if at in done:
            return []
        for to in sorted(ways[at]):
            if found := search(to, [*path, at]):
                return found
        done.add(at)
        return []

    return next((found for name in sorted(ways) if (found := search(name, []))), [])


def arrows_against(edges: dict[str, set[str]]) -> list[str]:
    """Imports from one subpackage to another that the architecture does not have."""
    return sorted(
        f"{name} -> {to}"
        for name, tos in edges.items()
        for to in tos
        if (here := room_of(name)) != (there := room_of(to))
        and there not in EVERYWHERE | {"__init__"}
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
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert folders == set(FLOW)
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
            if isinstance(node, ast.FunctionDef) and not fits(node):
                said.add(f"{name}:{node.name}")
    assert said == set(LONGER_FUNCTIONS)


def fits(node: ast.FunctionDef) -> bool:
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
    ],
)
def test_an_import_counts_wherever_it_stands(source: str) -> None:
    known = set(modules())
    got = imports_of(source, "pepstats.impact.gaps", known)
    edges = {**graph(), "pepstats.impact.gaps": graph()["pepstats.impact.gaps"] | got}
    assert arrows_against(edges) or entries_past_an_interface(edges)
    assert circle_in(edges)


def test_matching_knows_no_result_after_the_start() -> None:
    """It imports the panel, settings and what a measure is; the panel is cut off before use."""
    allowed = {"pepstats.schools.panel", "pepstats.schools", "pepstats.settings"}
    allowed |= {f"pepstats.{name}" for name in EVERYWHERE} | {"pepstats", "pepstats.matching"}
    for name, tos in graph().items():
        if room_of(name) == "matching":
            assert {to for to in tos if room_of(to) != "matching"} <= allowed, name
    for path in (PACKAGE / "matching").glob("*.py"):
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ImportFrom) and node.module == "pepstats.schools":
                pytest.fail(f"{path.name} enters schools by more than the panel")


def test_only_five_places_touch_the_disk() -> None:
    touching = {
        room_of(name)
        for name, path in modules().items()
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call)
        and (
            (isinstance(node.func, ast.Attribute) and node.func.attr in DISK_WORDS)
            or (isinstance(node.func, ast.Name) and node.func.id == "open")
        )
    }
    assert touching <= DISK


def test_no_public_name_stands_in_two_subpackages() -> None:
    homes: dict[str, set[str]] = defaultdict(set)
    for name, path in modules().items():
        for node in tree_of(path).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].add(name)
    allowed = {"main"}
    twice = {name: sorted(at) for name, at in homes.items() if len(at) > 1 and name not in allowed}
    public = {name for name in twice if "pepstats" not in twice[name]}
    assert {name: twice[name] for name in public} == {}


def test_nothing_is_reachable_from_tests_only() -> None:
    """Every function, class and method is named by other code, a notebook or a benchmark."""
    defined: dict[str, str] = {}
    named: dict[str, int] = defaultdict(int)
    for name, path in modules().items():
        for inside in ast.walk(tree_of(path)):
            for node in ast.iter_child_nodes(inside):
                if isinstance(node, ast.FunctionDef | ast.ClassDef) and not is_called_by_a_library(
                    node, inside
                ):
                    defined.setdefault(node.name, name)
        for word in words_of(tree_of(path), interface=is_interface(name) and name != "pepstats"):
            named[word] += 1
    promised = set(importlib.import_module("pepstats").__all__)
    outside = chain((ROOT / "benchmarks").glob("*.py"), (ROOT / "notebooks").glob("*.ipynb"))
    for path in outside:
        for word in re.findall(r"[A-Za-z_]\w+", path.read_text("utf-8")):
            named[word] += 1
    lonely = sorted(
        f"{where}.{name}"
        for name, where in defined.items()
        if not named[name] and name not in promised and not name.startswith("__")
    )  # fmt: skip
    assert lonely == []


def words_of(tree: ast.Module, *, interface: bool) -> list[str]:
    """Names that code uses: loaded names, attributes and keywords; imports alone are no use."""
    if interface:
        return []
    return [
        node.id if isinstance(node, ast.Name) else node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Name | ast.Attribute)
    ] + [
        alias
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        for alias in re.findall(r"\b[a-z_]+\b", node.value)
        if len(node.value) < 80 and " " not in node.value
    ]


def is_called_by_a_library(node: ast.FunctionDef | ast.ClassDef, inside: ast.AST) -> bool:
    """Whether a library calls it: a validator of a model, or a method that its base class calls."""
    marked = [ast.unparse(one) for one in node.decorator_list]
    parsed = isinstance(inside, ast.ClassDef) and any(
        ast.unparse(base) == "HTMLParser" for base in inside.bases
    )
    return (
        any("validator" in one for one in marked)
        or (parsed and node.name.startswith("handle_"))
        or node.name in {"_repr_html_", "construct_mapping", "main"}
    )


def test_no_declared_dependency_is_unused() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    asked = [*project["dependencies"], *chain(*project.get("optional-dependencies", {}).values())]
    sources = [path.read_text("utf-8") for path in PACKAGE.rglob("*.py")]
    sources += [path.read_text("utf-8") for path in (ROOT / "notebooks").glob("*.ipynb")]
    text = "\n".join(sources)
    called = {
        "pyyaml": "yaml", "python-docx": "docx", "markdown-it-py": "markdown_it",
        "diff-diff": "diff_diff", "python-calamine": "python_calamine",
    }  # fmt: skip
    run_as_programs = {"jupyterlab", "nbval", "ipykernel"}  # make lab, make nbval, the kernel
    for line in asked:
        name = re.split(r"[<>=\[ ;]", line)[0].lower()
        if name not in run_as_programs:
            module = called.get(name, name.replace("-", "_"))
            assert re.search(rf"\b(import|from) {module}\b", text), f"{name} is used by nothing"


LONGEST_CELL = 12
NOT_ANALYSIS = re.compile(r"^(from |import |step\.save|step = |report: |programme: |[)}\]]*$)")


def cells_of(path: Path, kind: str) -> list[str]:
    book = json.loads(path.read_text("utf-8"))
    return ["".join(cell["source"]) for cell in book["cells"] if cell["cell_type"] == kind]


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda p: p.stem)
def test_a_notebook_is_calls_and_half_of_it_is_analysis(path: Path) -> None:
    code = cells_of(path, "code")
    for cell in code:
        assert len(cell.splitlines()) <= LONGEST_CELL, cell
        for node in ast.walk(ast.parse(cell)):
            assert not isinstance(node, ast.FunctionDef | ast.For | ast.While | ast.ClassDef), cell
    lines = [line for cell in code for line in cell.splitlines() if line.strip()]
    analysis = [line for line in lines if not NOT_ANALYSIS.match(line)]
    assert len(analysis) >= len(lines) / 2, f"{len(analysis)} of {len(lines)} lines are analysis"
    assert cells_of(path, "markdown")


def test_a_notebook_opens_once_and_closes_once() -> None:
    for path in sorted((ROOT / "notebooks").glob("0[1-7]-*.ipynb")):
        text = "\n".join(cells_of(path, "code"))
        assert text.count("open_step(") == 1, path.name
        assert len(re.findall(r"step\.save\w*\(", text)) == 1, path.name


def test_the_architecture_page_says_what_the_code_does() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    for room, may in MAY_IMPORT.items():
        if room in FLOW:
            line = next((row for row in page.splitlines() if row.startswith(f"| `{room}`")), "")
            assert line, f"docs/architecture.md has no row for {room}"
            said = set(re.findall(r"`(\w+)`", line.split("|")[3]))
            assert said == may & set(FLOW) | (may & {"study"}), room

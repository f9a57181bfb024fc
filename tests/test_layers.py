"""Imports point one way, and few modules touch the disk: the house as README draws it."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "pepstats"
LAYERS = (
    {"paths", "errors", "codes", "checkout"},
    {"layouts", "ledger", "cells", "sources", "clean", "registers", "chains", "descriptions",
     "schools", "panel", "table", "proof", "breaks"},
    {"programme", "standards", "sampling", "dashboard", "eligibility", "indicators", "scoring",
     "explain", "priority", "partnership", "support"},
    {"matching", "balance"},
    {"fitting", "gaps", "expected"},
    {"placebo", "effects"},
    {"checks", "value", "cases", "quality"},
    {"words", "officers", "blocks", "disclosure", "figures", "pictures", "document", "wordfile",
     "evidence", "report", "sheets", "bridge"},
    {"whole", "steps", "study", "manifest", "plan", "run", "parts", "compare",
     "review", "verify", "changes", "bundle", "release", "check"},
    {"invented_world", "invented_pupils", "invented_results", "invented_panel", "invented_truth",
     "invented_layout", "invented_study", "invented_files", "invented"},
    {"__init__", "cli", "__main__"},
)  # fmt: skip
BLIND = {"matching": {"codes", "errors", "panel", "programme"}}
"""What may be known where no outcome after the start may be: nothing but these."""
READS_OR_WRITES = {
    "sources", "programme", "whole", "steps", "run", "manifest", "plan", "review",
    "verify", "changes", "bundle", "release",
    "invented_files", "cli",
}  # fmt: skip
DISK = {
    "open", "read_text", "write_text", "read_bytes", "write_bytes", "unlink", "mkdir",
    "rmdir", "rmtree", "touch", "read_csv", "read_excel", "iterdir", "rglob", "symlink_to",
}  # fmt: skip


def modules() -> list[str]:
    return sorted(path.stem for path in PACKAGE.glob("*.py"))


def layer_of(module: str) -> int:
    return next(n for n, layer in enumerate(LAYERS) if module in layer)


def imports(source: str) -> set[str]:
    """Name the modules of ours that a module imports at run time, anywhere in it."""
    tree = ast.parse(source)
    typing_only = {
        id(child)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        for child in ast.walk(node)
    }
    found: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.ImportFrom) and node.module == "pepstats":
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pepstats."):
            found.add((node.module or "").split(".")[1])
        elif isinstance(node, ast.Import):
            ours = [a.name for a in node.names if a.name.startswith("pepstats.")]
            found |= {name.split(".")[1] for name in ours}
    return {name for name in found if (PACKAGE / f"{name}.py").is_file()}


def wrong_arrows(module: str, source: str) -> set[str]:
    allowed = BLIND.get(module)
    if allowed is not None:
        return imports(source) - allowed
    return {name for name in imports(source) if layer_of(name) > layer_of(module)}


def disk_calls(source: str) -> set[str]:
    calls = [node.func for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    named = [ast.unparse(f) for f in calls if isinstance(f, ast.Name | ast.Attribute)]
    return {n.rsplit(".", 1)[-1] for n in named if n != "sources.read_text"} & DISK


def test_every_module_has_its_place_in_the_house() -> None:
    placed = [module for layer in LAYERS for module in layer]
    assert len(placed) == len(set(placed))
    assert set(modules()) <= set(placed)


@pytest.mark.parametrize("module", modules())
def test_imports_point_one_way(module: str) -> None:
    assert not wrong_arrows(module, (PACKAGE / f"{module}.py").read_text("utf-8"))


@pytest.mark.parametrize("module", sorted(set(modules()) - READS_OR_WRITES))
def test_only_the_edges_touch_the_disk(module: str) -> None:
    assert not disk_calls((PACKAGE / f"{module}.py").read_text("utf-8"))


def test_an_arrow_the_wrong_way_is_seen() -> None:
    assert wrong_arrows("codes", "from pepstats import gaps") == {"gaps"}
    assert wrong_arrows("gaps", "from pepstats.report import x") == {"report"}
    assert wrong_arrows("matching", "from pepstats.effects import verdict") == {"effects"}
    assert wrong_arrows("matching", "def f():\n    import pepstats.gaps") == {"gaps"}
    assert disk_calls("import pandas as pd\npd.read_csv('x')") == {"read_csv"}

"""Imports point one way, and few modules touch the disk: the house as README draws it."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "pepstats"
LAYERS = (
    {"paths", "errors", "codes", "settings", "terms"},
    {"layouts", "ledger", "cells", "sources", "table", "fields", "borders", "roles", "clean",
     "registers", "series", "chains", "descriptions", "schools", "panel", "breaks", "coverage",
     "proof", "crosschecks", "check", "check_words"},
    {"programme", "autumn", "england", "standards", "sampling", "dashboard", "eligibility",
     "indicators", "scoring", "explain", "priority", "partnership", "participation", "support"},
    {"matching", "balance"},
    {"history", "fitting", "gaps", "expected"},
    {"placebo", "verdicts", "effects", "refusals", "described"},
    {"setting", "choices", "trials", "bracket", "methods", "doubts", "curve", "checks",
     "value", "cases", "scenes", "alarms", "calibration", "distances", "pairing", "matchers",
     "weighting", "clustered",
     "honest", "peers", "sensitivity", "grades", "threats", "bounds",
     "sizes", "scales", "phases"},
    {"words", "statements", "officers", "blocks", "disclosure", "canvas", "lineplots", "dotplots",
     "rowplots", "flowplots", "figures", "pictures", "document", "composition",
     "wordfile", "wordlooks", "wordparts", "wordtemplate", "workbook", "opendata", "formats",
     "city", "voices", "entries",
     "partnership_tables", "support_tables",
     "worth", "worth_tables", "evidence", "evidence_tables", "evidence_pictures", "board_tables",
     "overview", "quality", "record", "collect", "drafts", "report", "sheets", "citytable"},
    {"whole", "checkout", "compare", "steps", "study", "comparison", "evaluation", "listings",
     "manifest", "run",
     "release", "verify",
     "tasks", "reuse", "bridge", "bundle", "changes", "plan", "parts", "holdback",
     "arithmetic", "outputs", "examine"},
    {"invented"},
    {"__init__", "cli", "__main__"},
)  # fmt: skip
BLIND = {"matching": {"codes", "errors", "panel", "programme"}}
"""What may be known where no outcome after the start may be: nothing but these."""
READS_OR_WRITES = {
    "sources", "settings", "programme", "steps", "run", "manifest", "whole", "bundle", "changes",
    "reuse", "holdback", "outputs", "examine", "release", "verify", "plan",
    "invented_files", "cli",
}  # fmt: skip
DISK = {
    "open", "read_text", "write_text", "read_bytes", "write_bytes", "unlink", "mkdir",
    "rmdir", "rmtree", "touch", "read_csv", "read_excel", "iterdir", "rglob", "symlink_to",
}  # fmt: skip


def modules() -> list[str]:
    return sorted(path.stem for path in PACKAGE.glob("*.py"))


def layer_of(module: str) -> int:
    name = module.partition("_")[0] if module.startswith("invented_") else module
    return next((n for n, layer in enumerate(LAYERS) if name in layer), -1)


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
    assert not [module for module in modules() if layer_of(module) < 0]


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

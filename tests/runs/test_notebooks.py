"""The source notebooks are thin: calls, tables, figures and words on how to read them."""

import ast
import json
import re
from pathlib import Path

import pytest

from pepstats.runs.tasks import STEPS

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
OF_STEPS = sorted(FOLDER.glob("0[1-9]-*.ipynb"))  # 00-explore is no step of a run
MOST_LINES = 12
TAGS = {"parameters", "nbval-check-output"}
NOT_THIN = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.For, ast.AsyncFor,
    ast.While, ast.Try, ast.With, ast.If, ast.ListComp, ast.DictComp, ast.SetComp,
    ast.GeneratorExp, ast.Global,
)  # fmt: skip
PATH = re.compile(r"^(\.{0,2}/|[A-Za-z]:\\|~)|\.(csv|yml|xlsx|json|png|svg)$")
MAY_NAME = {"report.html", "report.docx"}  # the paper itself is asked for by name


def read(path: Path) -> dict:
    return json.loads(path.read_text("utf-8"))


def code(notebook: dict) -> list[dict]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def not_thin(source: str) -> list[str]:
    """Say what in a cell's code belongs in the library."""
    if re.search(r"^\s*[%!]|\?\s*$", source, re.M):
        return ["magic"]
    found = [
        type(node).__name__ for node in ast.walk(ast.parse(source)) if isinstance(node, NOT_THIN)
    ]
    texts = [n.value for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Constant)]
    paths = [t for t in texts if isinstance(t, str) and PATH.search(t) and t not in MAY_NAME]
    return found + [f"path {t}" for t in paths]


def plain_parameters(source: str) -> bool:
    """Whether a parameter cell holds one-line text literals only."""
    lines = [line for line in source.splitlines() if line.strip()]
    return bool(lines) and all(
        re.fullmatch(r'(report|programme): str = "[a-z0-9-]+"', x) for x in lines
    )


def test_there_is_one_notebook_for_each_step() -> None:
    assert [path.stem for path in OF_STEPS] == list(STEPS)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_is_thin_and_bare(path: Path) -> None:
    notebook = read(path)
    for place, cell in enumerate(code(notebook)):
        source = "".join(cell["source"])
        assert not not_thin(source), (place, not_thin(source))
        assert len(source.splitlines()) <= MOST_LINES, place
        assert cell["outputs"] == [] and cell["execution_count"] is None, place
    for cell in notebook["cells"]:
        assert set(cell["metadata"]) <= {"tags"}
        assert set(cell["metadata"].get("tags", [])) <= TAGS
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"


@pytest.mark.parametrize("path", OF_STEPS, ids=lambda p: p.stem)
def test_a_notebook_has_one_plain_parameter_cell(path: Path) -> None:
    tagged = [c for c in code(read(path)) if "parameters" in c["metadata"].get("tags", [])]
    assert len(tagged) == 1
    source = "".join(tagged[0]["source"])
    assert plain_parameters(source)
    assert ("programme" in source) == STEPS[path.stem]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_prose_asks_and_explains_but_types_no_result(path: Path) -> None:
    prose = ["".join(c["source"]) for c in read(path)["cells"] if c["cell_type"] == "markdown"]
    assert prose[0].startswith("# ")
    for text in prose:
        said = text.replace("95% interval", "interval")
        assert not re.search(r"\d+(\.\d+)?\s*(%|points|months|in 100)|[+−-]\d+\.\d", said), text


@pytest.mark.parametrize(
    "source",
    ["def f(): pass", "for x in y: z(x)", "[f(x) for x in y]", "%matplotlib inline", "!ls",
     'read("../data/a.csv")', "lambda: 1", 'open("panel.csv")'],
)  # fmt: skip
def test_what_is_not_thin_is_seen(source: str) -> None:
    assert not_thin(source)


@pytest.mark.parametrize(
    "source", ['report: str = f"x"', "report: str = REPORT", "draws: int = 5", ""]
)
def test_a_parameter_cell_that_is_not_plain_is_seen(source: str) -> None:
    assert not plain_parameters(source)


def test_rows_that_tie_stand_in_the_same_order_on_every_processor() -> None:
    """One key alone is sorted by what a processor can do best, which leaves ties in any order."""
    for path in NOTEBOOKS:
        for cell in json.loads(path.read_text("utf-8"))["cells"]:
            for call in re.findall(r"sort_values\(([^\[\n][^\n]*)", "".join(cell["source"])):
                assert 'kind="stable"' in call, f"{path.name}: sort_values({call}"

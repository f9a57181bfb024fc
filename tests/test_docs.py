"""The pages for readers say what is so: commands, links, files and names are there."""

import argparse
import ast
import re
from dataclasses import fields
from functools import cache
from itertools import dropwhile, takewhile
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell
from markdown_it import MarkdownIt

from pepstats.cli import build_parser
from pepstats.impact import Evaluation
from pepstats.study import Study

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")),
         ROOT / "data" / "raw" / "README.md"]  # fmt: skip
LONGEST_README = 120
FOLDERS = ("pepstats", "tests", "docs", "benchmarks", "data", "notebooks", ".ci")
OF_A_MACHINE = re.compile(
    r"(?<![\w.*>)\]-])(?:/(?:work|tmp|root|home|usr|opt|mnt|srv|var|Users)/|[A-Za-z]:\\\w|~/)"
)

every_page = pytest.mark.parametrize(
    "page", PAGES, ids=[path.relative_to(ROOT).as_posix() for path in PAGES]
)


def code_in(text: str) -> list[str]:
    """List what a page shows as code, line by line: in backticks, fenced, or indented by four."""
    fenced = re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    rest = re.sub(r"^```\w*\n.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    indented = re.findall(r"^ {4,}(\S.*)$", rest, re.MULTILINE)
    spans = [" ".join(one.split()) for one in re.findall(r"`([^`]+)`", rest)]
    return [line for block in fenced for line in block.splitlines()] + indented + spans


@cache
def commands() -> dict[str, set[str]]:
    """Every sub-command of the command line with the options that it takes."""
    (found,) = (
        one for one in build_parser()._actions if isinstance(one, argparse._SubParsersAction)
    )
    return {
        name: {option for action in parser._actions for option in action.option_strings}
        for name, parser in found.choices.items()
    }


def asked_of_pepstats(line: str) -> tuple[str, set[str]] | None:
    """Return the sub-command that a line types, and its options; nothing where it types none."""
    asked = re.search(r"(?:^|[\s/\\])pepstats ([a-z][a-z-]*)(.*)", line.partition("#")[0])
    return (asked[1], set(re.findall(r"--[a-z-]+", asked[2]))) if asked else None


@every_page
def test_every_table_of_a_page_is_drawn_as_one(page: Path) -> None:
    """Every row stands on a line of its own, and has as many cells as its head."""
    drawn = 0
    for block in MarkdownIt().enable("table").parse(page.read_text("utf-8")):
        drawn += block.type == "table_open"
        if block.type == "inline":
            assert "|---" not in block.content, block.content[:80]
    rows = re.findall(r"^\|[-| ]+\|$", page.read_text("utf-8"), re.MULTILINE)
    assert drawn == len(rows)


def test_the_readme_is_short_enough_to_be_read() -> None:
    assert len(PAGES[0].read_text("utf-8").splitlines()) <= LONGEST_README


@every_page
def test_every_command_that_is_named_exists_with_its_options(page: Path) -> None:
    for line in code_in(page.read_text("utf-8")):
        if asked := asked_of_pepstats(line):
            name, options = asked
            assert name in commands(), f"`{line}`"
            assert options <= commands()[name], f"`{line}`"


def test_every_command_there_is_is_named_for_officers() -> None:
    lines = code_in((ROOT / "docs" / "officers.md").read_text("utf-8"))
    assert {asked[0] for line in lines if (asked := asked_of_pepstats(line))} == set(commands())


@pytest.mark.parametrize(
    "line", ["pepstats walk REPORT", "pepstats run --fast", ".venv/bin/pepstats walk"]
)
def test_a_command_that_is_not_there_would_be_seen(line: str) -> None:
    asked = asked_of_pepstats(line)
    assert asked is not None
    assert asked[0] not in commands() or not asked[1] <= commands()[asked[0]]


@every_page
def test_every_make_target_that_is_named_exists(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    for line in code_in(page.read_text("utf-8")):
        if asked := re.match(r"make ([a-z]+)((?: [A-Z]+=\S+)*)", line):
            assert asked[1] in targets, f"`{line}`"
            for variable in re.findall(r"([A-Z]+)=", asked[2]):
                used = rf"^{variable} *\?=|\$\({variable}\)"
                assert re.search(used, makefile, re.MULTILINE), f"`{line}`"


def anchors_of(page: Path) -> set[str]:
    """Every heading of a page as a link to it is written."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}


@every_page
def test_every_link_within_the_project_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if re.match(r"https?:|mailto:", link):
            continue
        file, _, heading = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.is_file(), link
        assert target.is_relative_to(ROOT), link
        if heading:
            assert heading in anchors_of(target), link


@every_page
def test_every_file_and_folder_that_is_named_is_there(page: Path) -> None:
    for name in code_in(page.read_text("utf-8")):
        if re.fullmatch(rf"({'|'.join(map(re.escape, FOLDERS))})/[\w./*-]*", name):
            assert list(ROOT.glob(name.rstrip("/"))), name


@every_page
def test_no_page_names_a_path_of_this_machine(page: Path) -> None:
    text = page.read_text("utf-8")
    assert str(ROOT) not in text
    found = OF_A_MACHINE.search(text)
    assert found is None, text[found.start() - 40 : found.end() + 40]


@pytest.mark.parametrize("text", ["see /home/x", "`/home/ann/p`", "C:\\Users", "~/pepstats"])
def test_a_path_of_a_machine_would_be_seen(text: str) -> None:
    assert OF_A_MACHINE.search(text)


@cache
def defined() -> tuple[set[str], set[str]]:
    """Every name that the package defines; and the names that its functions take."""
    names, taken = set(), set()
    for path in (ROOT / "pepstats").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                names.add(node.name)
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                names |= {n.id for one in targets for n in ast.walk(one) if isinstance(n, ast.Name)}
            elif isinstance(node, ast.arg):
                taken.add(node.arg)
    return names, taken


def rows_of(page: str, heading: str = "") -> list[list[str]]:
    """Return the cells of a page's first table below a heading, its two head lines left out."""
    text = (ROOT / "docs" / page).read_text("utf-8")
    below = text[text.index(heading) :].splitlines()
    table = takewhile(is_row, dropwhile(lambda line: not is_row(line), below))
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table][2:]


def is_row(line: str) -> bool:
    return line.startswith("|")


def test_the_glossary_names_what_the_code_has() -> None:
    rows = rows_of("glossary.md")
    assert len(rows) >= 35
    for row in rows:
        assert len(row) == 3, row
        names = re.findall(r"`([^`]+)`", row[2])
        assert names, row
        assert set(names) <= defined()[0], row


def test_no_word_of_the_city_stands_in_the_glossary_twice() -> None:
    words = [row[0] for row in rows_of("glossary.md")]
    assert len(set(words)) == len(words)


def test_the_architecture_page_says_in_which_file_a_thing_is() -> None:
    rows = rows_of("architecture.md", "## Where to find it")
    assert len(rows) >= 6
    for what, where in rows:
        files = re.findall(r"`([\w/]+\.py)`", where)
        assert files, what
        for file in files:
            assert (ROOT / "pepstats" / file).is_file(), file


def recipes() -> dict[str, str]:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    found = re.findall(r"^## Recipe: ([^\n]+)\n(.*?)(?=^## )", text, re.DOTALL | re.MULTILINE)
    return dict(found)


def test_there_are_five_recipes_each_with_its_file_and_its_test() -> None:
    assert len(recipes()) == 5
    for what, text in recipes().items():
        first = text.partition("\n1. ")[0]
        assert re.search(r"`pepstats/\w+(/\w+)?\.py`", first), what
        assert re.search(r"`tests/\w+/\w+\.py`", first), what


@pytest.mark.parametrize("what", sorted(recipes()))
def test_a_recipe_names_what_the_code_has(what: str) -> None:
    names, taken = defined()
    modules = {path.stem for path in (ROOT / "pepstats").rglob("*.py")}
    folders = {path.name for path in (ROOT / "pepstats").iterdir()}
    for span in re.findall(r"`([^`]+)`", recipes()[what]):
        if found := re.fullmatch(r"([A-Za-z_]\w*)(?:\.(?!py$)(\w+))?(?:=\w*|\(.*\))?", span):
            for name in filter(None, found.groups()):
                assert name in names | taken | modules | folders, f"{what}: `{span}`"


def test_the_example_for_researchers_asks_for_what_results_have() -> None:
    page = (ROOT / "docs" / "researchers.md").read_text("utf-8")
    example, *tasks = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    assert len(tasks) == 3
    kinds = {"result": Evaluation, "study": Study}
    asked = [
        (node.value.id, node.attr)
        for node in ast.walk(ast.parse(example))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    ]
    assert {name for name, _ in asked} == {"pepstats", *kinds}
    for name, attribute in asked:
        if name in kinds:
            kind = kinds[name]
            had = {one.name for one in fields(kind)} | set(dir(kind))
            assert attribute in had, f"{name}.{attribute}"


def test_the_worked_tasks_for_researchers_run_as_they_are_written() -> None:
    page = (ROOT / "docs" / "researchers.md").read_text("utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    shell = InteractiveShell()
    for block in blocks:
        shell.run_cell(block).raise_error()
    inline = set(re.findall(r"`(pepstats\.\w+\([^`]*\))`", page))
    assert inline == {"pepstats.checks(result)"}
    for call in inline:
        shell.run_cell(call).raise_error()
    both, mine = shell.user_ns["both"], shell.user_ns["mine"]
    assert both["gap"].dropna().is_monotonic_decreasing and both["name"].notna().all()
    assert (both["low"] < both["gap"]).sum() == both["gap"].notna().sum() == 17
    assert set(mine.effects["verdict"]) == {"too uncertain to say"}

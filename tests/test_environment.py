"""environment.yml, pyproject.toml and requirements.lock agree; the lock holds no address."""

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
CONDA_NAMES = {"matplotlib-base": "matplotlib"}  # conda's name -> PyPI's
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
LOCK = (ROOT / "requirements.lock").read_text("utf-8")


def specifiers(requirements: list[str]) -> dict[str, str]:
    parsed = [Requirement(r) for r in requirements]
    return {canonicalize_name(r.name): str(r.specifier) for r in parsed}


def test_environment_yml_says_the_same_as_pyproject() -> None:
    env = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))
    assert env["channels"] == ["conda-forge", "nodefaults"]
    assert env["dependencies"][-1] == {"pip": ["-e ."]}
    conda = specifiers([entry for entry in env["dependencies"] if isinstance(entry, str)])
    conda = {canonicalize_name(CONDA_NAMES.get(name, name)): s for name, s in conda.items()}
    assert conda.pop("pip") == ""
    assert conda.pop("python") == PROJECT["project"]["requires-python"]
    extras = PROJECT["project"]["optional-dependencies"]
    assert conda == specifiers([*PROJECT["project"]["dependencies"], *extras["pdf"]])


IMPORTED_AS = {"pyyaml": "yaml", "python-calamine": "python_calamine", "python-docx": "docx",
               "markdown-it-py": "markdown_it", "diff-diff": "diff_diff"}  # fmt: skip
NOT_IMPORTED = {
    "jupyterlab": "where analysts work (`make lab`)",
    "ipykernel": "the kernel that Papermill starts",
    "nbval": "a plugin that the tests start",
    "seaborn": "for analysts' own pictures in a notebook",
}


def test_each_dependency_is_imported_or_has_its_use_said() -> None:
    project = PROJECT["project"]
    declared = specifiers(project["dependencies"] + project["optional-dependencies"]["pdf"])
    imported = {
        name.partition(".")[0]
        for path in (ROOT / "pepstats").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        for name in (
            [one.name for one in node.names] if isinstance(node, ast.Import)
            else [str(node.module)] if isinstance(node, ast.ImportFrom) else []
        )
    }  # fmt: skip
    unused = {name for name in declared if IMPORTED_AS.get(name, name) not in imported}
    assert unused == set(NOT_IMPORTED)


def test_the_lock_meets_every_range_of_pyproject() -> None:
    pins: dict[str, set[str]] = {}
    for line in re.findall(r"^([A-Za-z0-9][^\\\n]*?==[^\\\n]*?)\s*\\?$", LOCK, re.M):
        pin = Requirement(line)
        pins.setdefault(canonicalize_name(pin.name), set()).add(str(pin.specifier)[2:])
    wanted = PROJECT["project"]["dependencies"] + PROJECT["dependency-groups"]["dev"]
    wanted += PROJECT["project"]["optional-dependencies"]["pdf"]
    for requirement in map(Requirement, wanted):
        versions = pins[canonicalize_name(requirement.name)]
        assert all(requirement.specifier.contains(v) for v in versions), requirement


def test_the_lock_has_hashes_and_no_address() -> None:
    assert LOCK.count("==") <= LOCK.count("--hash=sha256:")
    for address in ("://", "--index", "--extra-index", "--find-links", "@ file"):
        assert address not in LOCK


def test_a_wheel_holds_every_subpackage_and_every_template(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation",
         "--wheel-dir", str(tmp_path), str(ROOT)],
        check=True,
    )  # fmt: skip
    [wheel] = tmp_path.glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    ours = [path for path in (ROOT / "pepstats").rglob("*") if path.suffix in {".py", ".typed"}]
    ours += [path for path in (ROOT / "pepstats" / "templates").glob("*") if path.is_file()]
    assert {path.relative_to(ROOT).as_posix() for path in ours} <= held

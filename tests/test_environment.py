"""environment.yml, pyproject.toml and requirements.lock agree; the lock holds no address."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
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


BUILT_OF = ("pepstats", "notebooks", "data", "pyproject.toml", "setup.py", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built of what it needs and in a folder where none was built before."""
    place, out = (tmp_path_factory.mktemp(name) for name in ("source", "wheel"))
    for name in BUILT_OF:
        source = ROOT / name
        if source.is_dir():
            unwanted = shutil.ignore_patterns("__pycache__", "invented")
            shutil.copytree(source, place / name, ignore=unwanted if name == "data" else
                            shutil.ignore_patterns("__pycache__"))  # fmt: skip
        else:
            shutil.copyfile(source, place / name)
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation",
         "--no-index", "--wheel-dir", str(out), str(place)],
        check=True,
    )  # fmt: skip
    return next(out.glob("*.whl"))


def test_a_wheel_holds_all_that_a_run_needs_and_nothing_else(wheel: Path) -> None:
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    wanted = ("pepstats/**/*.py", "pepstats/py.typed", "pepstats/templates/*")
    ours = {path.relative_to(ROOT).as_posix() for pattern in wanted for path in ROOT.glob(pattern)}
    beside = {path.relative_to(ROOT).as_posix() for pattern in ("notebooks/*.ipynb",
              "data/dashboard*.yml") for path in ROOT.glob(pattern)}  # fmt: skip
    assert len(beside) > 8 and held == ours | {f"pepstats/project/{name}" for name in beside}


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with the wheel in it, and what it needs lent by this one."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    python = next(p for p in (folder / "bin/python", folder / "Scripts/python.exe") if p.exists())
    asked = "import sysconfig; print(sysconfig.get_path('purelib'))"
    said = subprocess.run([python, "-c", asked], capture_output=True, text=True, check=True)
    purelib = Path(said.stdout.strip())
    (purelib / "lent.pth").write_text(sysconfig.get_path("purelib"), "utf-8")
    subprocess.run([sys.executable, "-m", "pip", "--python", str(python), "install", "-q",
                    "--no-deps", "--no-index", str(wheel)], check=True)  # fmt: skip
    return python


def use(python: Path, place: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Type a command of the installed package in another folder."""
    given = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PEPSTATS"))}
    return subprocess.run([python, "-m", "pepstats", *words], cwd=place, env=given, check=False,
                          capture_output=True, text=True)  # fmt: skip


def test_an_installed_package_works_from_another_folder(installed: Path, tmp_path: Path) -> None:
    where = subprocess.run([installed, "-c", "import pepstats; print(pepstats.__file__)"],
                           cwd=tmp_path, capture_output=True, text=True, check=True)  # fmt: skip
    assert str(ROOT) not in where.stdout
    none = use(installed, tmp_path, "run")
    assert none.returncode == 2 and none.stderr.count("\n") == 1
    assert f"pepstats invent {tmp_path / 'data'}" in none.stderr
    assert use(installed, tmp_path, "explain", "match.k").returncode == 0
    assert use(installed, tmp_path, "invent", "data", "--schools", "300").returncode == 0
    checked = use(installed, tmp_path, "check", "autumn-2018")
    assert checked.returncode in {0, 1}, checked.stderr
    assert not (tmp_path / "outputs").exists()


def test_an_installed_package_makes_the_whole_paper(installed: Path, tmp_path: Path) -> None:
    if not os.environ.get("PEPSTATS_SLOW"):
        pytest.skip("a whole run: set PEPSTATS_SLOW=1 to ask for it")
    assert use(installed, tmp_path, "invent", "data", "--schools", "900").returncode == 0
    done = use(installed, tmp_path, "run")
    assert done.returncode == 0, done.stderr
    made = tmp_path / "outputs" / "working" / "autumn-2018"
    assert (made / "07-board-report" / "report.html").is_file()
    assert json.loads((made / "manifest.json").read_text("utf-8"))["code"]["commit"] is None


def test_the_same_pythons_are_named_everywhere() -> None:
    """What was tried, from the first: nothing promises a Python that was not."""
    start = "Programming Language :: Python :: "
    tried = [one.removeprefix(start) for one in PROJECT["project"]["classifiers"]]
    assert tried == sorted(tried, key=lambda one: tuple(map(int, one.split("."))))
    assert PROJECT["project"]["requires-python"] == f">={tried[0]}"
    assert PROJECT["tool"]["mypy"]["python_version"] == tried[0]
    assert PROJECT["tool"]["ruff"]["target-version"] == f"py{tried[0].replace('.', '')}"
    readme = (ROOT / "README.md").read_text("utf-8")
    assert f"CPython {tried[0]} to {tried[-1]}" in readme
    assert f"older than {tried[0]}, name another" in readme
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert (
        f"--python-version {tried[0]} " in makefile and f"CPython {tried[0]} and make" in makefile
    )
    assert f"{sys.version_info.major}.{sys.version_info.minor}" in tried

"""environment.yml, pyproject.toml and requirements.lock agree; the lock holds no address."""

import re
import tomllib
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
    assert conda == specifiers(PROJECT["project"]["dependencies"])


def test_the_lock_meets_every_range_of_pyproject() -> None:
    pins: dict[str, set[str]] = {}
    for line in re.findall(r"^([A-Za-z0-9][^\\\n]*?==[^\\\n]*?)\s*\\?$", LOCK, re.M):
        pin = Requirement(line)
        pins.setdefault(canonicalize_name(pin.name), set()).add(str(pin.specifier)[2:])
    wanted = PROJECT["project"]["dependencies"] + PROJECT["dependency-groups"]["dev"]
    for requirement in map(Requirement, wanted):
        versions = pins[canonicalize_name(requirement.name)]
        assert all(requirement.specifier.contains(v) for v in versions), requirement


def test_the_lock_has_hashes_and_no_address() -> None:
    assert LOCK.count("==") <= LOCK.count("--hash=sha256:")
    for address in ("://", "--index", "--extra-index", "--find-links", "@ file"):
        assert address not in LOCK


def test_every_package_of_ours_is_listed_to_be_installed() -> None:
    assert PROJECT["tool"]["setuptools"]["packages"] == ["pepstats"]
    assert not [p for p in (ROOT / "pepstats").rglob("*.py") if p.parent.name != "pepstats"]

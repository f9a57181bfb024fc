"""How this machine adds up, to the last digit, and which code and packages it has.

Two machines of one kind with the same packages may still round the last digit differently, since
numpy and its linear algebra choose other instructions on other processors. Where the fingerprints
agree, a number made again should be the same to its last digit; elsewhere to nine.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
import re
import subprocess
from typing import Any

import numpy as np

from pepstats import paths

SIZES = (3, 17, 40)  # too small to be shared out, so the number of threads does not matter


def hash_arithmetic() -> str:
    """Return 16 hexadecimal digits that depend on how sums, products and solutions round here."""
    rng = np.random.default_rng(20181002)
    digest = hashlib.sha256()
    for size in SIZES:
        table = rng.normal(size=(4 * size, size))
        column = rng.normal(size=4 * size)
        solved = np.linalg.lstsq(table, column, rcond=None)[0]
        for found in (
            table @ solved, table.T @ table, table.sum(axis=0), table.T.sum(axis=0),
            np.exp(column), np.log(np.abs(column)), np.sqrt(np.abs(column)), table.std(axis=0),
            np.linalg.svd(table, compute_uv=False), np.cumsum(column), solved,
        ):  # fmt: skip
            digest.update(np.ascontiguousarray(found, dtype="<f8").tobytes())
    return digest.hexdigest()[:16]


CODE = ("pepstats", "notebooks", "pyproject.toml", "requirements.lock")
"""What of the project decides a result; a study's settings and files have hashes of their own."""


def find_commit() -> str | None:
    """Return the commit that is checked out; nothing where there is no git or no checkout."""
    return ask_git("rev-parse", "HEAD")


def is_modified() -> bool:
    """Whether the code is not just what the commit has."""
    return bool(ask_git("status", "--porcelain", "--", *CODE))


def same_code(commit: str | None) -> bool | None:
    """Whether the code is still what it was at a commit; None where that cannot be told."""
    if commit is None or not re.fullmatch(r"[0-9a-f]{7,64}", commit):
        return None
    changed = ask_git("diff", "--name-only", commit, "--", *CODE)
    return None if changed is None else not changed


def describe_machine() -> dict[str, Any]:
    """Return what a run stands on here, by the names that a manifest has for it.

    `packages` are our own version and that of every package the project names as needed.
    """
    lines = importlib.metadata.requires("pepstats") or []
    names = {"pepstats", *(re.split(r"[^\w.-]", line)[0] for line in lines)}
    return {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "arithmetic": hash_arithmetic(),
        "packages": {name: importlib.metadata.version(name) for name in sorted(names)},
    }


def ask_git(*words: str) -> str | None:
    """Ask git of the project's folder; nothing where it cannot answer."""
    try:
        answer = subprocess.run(  # noqa: S603 - fixed words
            ["git", "-C", str(paths.PROJECT), *words],  # noqa: S607 - the user's own git
            capture_output=True, text=True, timeout=20, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()

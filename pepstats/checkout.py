"""The project as it stands on this machine: its commit, what changed since, and its packages."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess

from pepstats import paths

CODE = ("pepstats", "notebooks", "pyproject.toml", "requirements.lock")
"""What of the project decides a result; a study's settings and files have hashes of their own."""


def find_commit() -> str | None:
    """Give the commit that is checked out; nothing where there is no git or no checkout."""
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


def list_packages() -> dict[str, str]:
    """List our own version and that of every package the project names as needed."""
    lines = importlib.metadata.requires("pepstats") or []
    names = {"pepstats", *(re.split(r"[^\w.-]", line)[0] for line in lines)}
    return {name: importlib.metadata.version(name) for name in sorted(names)}


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

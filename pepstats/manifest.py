"""What ran, with what, giving what: written last, so that no manifest means no run."""

from __future__ import annotations

import csv
import importlib.metadata
import json
import platform
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pepstats import paths
from pepstats.errors import RunError
from pepstats.programme import Report, load_programme
from pepstats.sources import Source
from pepstats.steps import sha256_of, write_whole

if TYPE_CHECKING:
    from pepstats.run import Done

NAME = "manifest.json"
SCHEMA = 1
PACKAGES = (
    "pepstats",
    "numpy",
    "pandas",
    "scipy",
    "matplotlib",
    "papermill",
    "nbclient",
    "ipykernel",
)


def write(
    run: Path,
    report: Report,
    programmes: Iterable[str],
    sources: Iterable[Source],
    done: Iterable[Done],
    started: float,
) -> None:
    """Describe a finished run in its folder: everything in it, and everything it came from."""
    data = paths.data_folder()
    settings = [
        f"reports/{report.slug}.yml",
        *(f"programmes/{slug}.yml" for slug in report.programmes),
    ]
    optional = [f"reports/{report.slug}.md", "dashboard.yml"]
    content = {
        "schema": SCHEMA,
        "report": report.slug,
        "programmes": list(programmes),
        "code": describe_code(),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
        "seeds": {slug: load_programme(slug, data).seed for slug in report.programmes},
        "settings": {
            name: sha256_of(data / name)
            for name in [*settings, *(o for o in optional if (data / o).is_file())]
        },
        "inputs": [
            {
                "file": source.file,
                "kind": source.kind,
                "year": source.year,
                "release": source.release,
                "sha256": sha256_of(source.path),
                "bytes": source.path.stat().st_size,
            }
            for source in sources
        ],
        "outputs": describe_files(run),
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
        "seconds": {one.task.name: round(one.seconds, 2) for one in done},
    }
    text = json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True)
    write_whole(run / NAME, (text + "\n").encode("utf-8"))


def read(run: Path) -> dict[str, Any]:
    """Read a run's manifest, refusing a folder without one or one that is not what we write."""
    path = run / NAME
    if not path.is_file():
        raise RunError(
            f"{path} is not there, so this is not a finished run. Run `pepstats run` first."
        )
    try:
        content = json.loads(path.read_text("utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise RunError(f"{path} is not JSON: {error}. Run again.") from None
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        raise RunError(f"{path} is not a manifest of schema {SCHEMA}. Run again.")
    return content


def describe_files(run: Path) -> dict[str, dict[str, Any]]:
    """List every file of a run but its manifest and log: hash, size and, for a table, its shape."""
    found = {}
    for path in sorted(run.rglob("*")):
        name = path.relative_to(run).as_posix()
        if not path.is_file() or name in {NAME, "run.log"}:
            continue
        found[name] = {"sha256": sha256_of(path), "bytes": path.stat().st_size}
        if path.suffix == ".csv":
            with path.open(encoding="utf-8", newline="") as file:
                rows = csv.reader(file)
                columns = next(rows, [])
                found[name] |= {"columns": columns, "rows": sum(1 for _ in rows)}
    return found


def describe_code() -> dict[str, Any]:
    """Say which commit of the project ran, whether it was modified, and with which lock."""
    lock = paths.PROJECT / "requirements.lock"
    return {
        "commit": _git("rev-parse", "HEAD"),
        "modified": bool(_git("status", "--porcelain", "--untracked-files=no")),
        "lock": sha256_of(lock) if lock.is_file() else None,
        "interpreter": sys.implementation.name,
    }


def _git(*words: str) -> str | None:
    """Ask git of the project's folder; nothing where there is no git or no checkout."""
    try:
        answer = subprocess.run(  # noqa: S603 - fixed words
            ["git", "-C", str(paths.PROJECT), *words],  # noqa: S607 - the user's own git
            capture_output=True, text=True, timeout=20, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


def normalise_notebook(path: Path, parameters: dict[str, str]) -> None:
    """Take out of an executed copy what differs from run to run: times, folders, cells' ids."""
    notebook = json.loads(path.read_text("utf-8"))
    notebook["metadata"]["papermill"] = {"parameters": parameters}
    notebook["metadata"].pop("language_info", None)
    for place, cell in enumerate(notebook["cells"]):
        cell["id"] = f"cell-{place}"
        cell["metadata"].pop("papermill", None)
        cell["metadata"].pop("execution", None)
    path.write_text(
        json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n", "utf-8"
    )

"""Where things are: one place that knows, so that no notebook holds a path."""

from __future__ import annotations

import csv
import io
import os
import pkgutil
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
NOTEBOOKS = PROJECT / "notebooks"
TEMPLATES = Path(__file__).resolve().parent / "templates"


def data_folder(chosen: str | Path | None = None) -> Path:
    """Return the data folder: the one chosen, the one a run was given, or the project's own."""
    return Path(chosen or os.environ.get("PEPSTATS_DATA") or PROJECT / "data").resolve()


def output_folder(chosen: str | Path | None = None) -> Path:
    """Return the folder that holds `working/` and `released/`."""
    return Path(chosen or os.environ.get("PEPSTATS_OUT") or PROJECT / "outputs").resolve()


def making() -> Path | None:
    """Return the folder of the run that is being made, where one is."""
    run = os.environ.get("PEPSTATS_RUN")
    return Path(run) if run else None


def read_table(name: str) -> list[dict[str, str]]:
    """Read one of the package's own tables, a row as a dictionary of text."""
    content = pkgutil.get_data("pepstats", f"templates/{name}.csv") or b""
    return list(csv.DictReader(io.StringIO(content.decode("utf-8"))))

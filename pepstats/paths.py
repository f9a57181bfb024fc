"""Where things are: one place that knows, so that no notebook holds a path."""

from __future__ import annotations

import csv
import io
import os
import pkgutil
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
CHECKOUT = (_PACKAGE.parent / "pyproject.toml").is_file()
PROJECT = _PACKAGE.parent if CHECKOUT else _PACKAGE / "project"
"""The checkout; of an installed package the notebooks and criteria that it ships."""
NOTEBOOKS = PROJECT / "notebooks"
TEMPLATES = _PACKAGE / "templates"
_HERE = PROJECT if CHECKOUT else Path()  # whose data and outputs are meant where none is named


def data_folder(chosen: str | Path | None = None) -> Path:
    """Return the data folder: the one chosen, the one a run was given, or the project's own.

    An installed package has none of its own: it is `data` where one stands.
    """
    return Path(chosen or os.environ.get("PEPSTATS_DATA") or _HERE / "data").resolve()


def output_folder(chosen: str | Path | None = None) -> Path:
    """Return the folder that holds `working/` and `released/`."""
    return Path(chosen or os.environ.get("PEPSTATS_OUT") or _HERE / "outputs").resolve()


def making() -> Path | None:
    """Return the folder of the run that is being made, where one is."""
    run = os.environ.get("PEPSTATS_RUN")
    return Path(run) if run else None


def read_table(name: str) -> list[dict[str, str]]:
    """Read one of the package's own tables, a row as a dictionary of text."""
    content = pkgutil.get_data("pepstats", f"templates/{name}.csv") or b""
    return list(csv.DictReader(io.StringIO(content.decode("utf-8"))))

"""What a run wrote: every file by its hash, every table by its rows, its key and its columns."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from pydantic import Field

from pepstats.settings import Settings
from pepstats.steps import sha256_of

NAME = "manifest.json"
LOG = "run.log"
LONGEST_KEY = 6
EXACT_STEPS = ("01-clean-sources/",)
"""Steps whose tables hold what was published: not even the last digit may differ."""

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0)]


class Output(Settings):
    """One file that a run wrote; a table also has its rows, key and columns."""

    sha256: Digest
    bytes: Count
    rows: Count | None = None
    key: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()


def describe_files(run: Path) -> dict[str, Output]:
    """List every file of a run but its manifest and log, with what each is."""
    found = {}
    for path in sorted(run.rglob("*")):
        name = path.relative_to(run).as_posix()
        if path.is_file() and name not in {NAME, LOG}:
            about = describe_table(path, name) if path.suffix == ".csv" else {}
            found[name] = Output(sha256=sha256_of(path), bytes=path.stat().st_size, **about)
    return found


def describe_table(path: Path, name: str) -> dict[str, Any]:
    """Say how many rows a table has, what identifies a row, and which columns are numbers."""
    table = pd.read_csv(path, keep_default_na=False, na_values=[""], low_memory=False)
    measured = [str(c) for c in table if pd.api.types.is_float_dtype(table[c])]
    return {
        "rows": len(table),
        "key": find_key(table),
        "columns": tuple(map(str, table.columns)),
        "numbers": () if name.startswith(EXACT_STEPS) else tuple(measured),
    }


def find_key(table: pd.DataFrame) -> tuple[str, ...]:
    """Find the fewest first columns that tell each row from all others; none: its line does."""
    for width in range(1, min(LONGEST_KEY, len(table.columns)) + 1):
        if pd.api.types.is_float_dtype(table.iloc[:, width - 1]):
            break
        if not table.duplicated(list(table.columns[:width])).any():
            return tuple(map(str, table.columns[:width]))
    return ()

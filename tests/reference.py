"""Figures computed by peers, and the data they were computed on: see tests/reference/README.md."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

HERE = Path(__file__).resolve().parent / "reference"


def table(path: str, **options: Any) -> pd.DataFrame:
    return pd.read_csv(HERE / path, **options)


@cache
def figures(path: str) -> Any:
    return json.loads((HERE / path).read_text("utf-8"))

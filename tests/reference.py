"""Figures computed by peers, where they are: tests that need them are skipped, saying so."""

import json
from functools import cache
from typing import Any

import pandas as pd
import pytest

from tests.worlds import SHARED

HERE = SHARED / "reference"
needs_reference = pytest.mark.skipif(
    not HERE.is_dir(), reason="the peers' figures are not beside the project"
)


def table(path: str, **options: Any) -> pd.DataFrame:
    return pd.read_csv(HERE / path, **options)


@cache
def figures(path: str) -> Any:
    return json.loads((HERE / path).read_text("utf-8"))

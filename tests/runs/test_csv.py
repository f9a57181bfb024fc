"""A table that a run writes is run by no spreadsheet, and is read back as it was."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.hostile_texts import TEXTS, is_run
from pepstats.formatting import escape_formula, restore_text
from pepstats.runs.files import as_csv, read_csv

RUNS = [
    "=1+1", "+1+1", "-1+1", "@SUM(1)", "=cmd|'/c calc'!A1", "\t=1", "\r=1", "\n=1", "  =1",
    "\u00a0=1", "\u3000=1", "\u200b=1", "\ufeff=1", '"=1', "'=1", "''=1", "\uff1d1", "\uff0b1+1",
    "\uff0d1-1", "\uff20SUM(1)", "-", "+", "=", "@", "-2+3+cmd|' /C calc'!A0", "\tname", "\rname",
    '=HYPERLINK("http://pepstats-attack.example","x")', " '=1", "-1-", "+44 1632 960001", "-1,5;=1",
]  # fmt: skip
NUMBERS = ["-0.5", "+0.3", "-1,204", "-12%", "-1e-05", " -3 "]


def cells_of(table: pd.DataFrame) -> list[str]:
    return [c for row in csv.reader(io.StringIO(as_csv(table).decode(), newline="")) for c in row]


@pytest.mark.parametrize("text", [*RUNS, *(text for text in TEXTS if "\0" not in text)])
def test_no_text_is_run_wherever_it_stands(text: str, tmp_path: Path) -> None:
    table = pd.DataFrame({text: [text, "a"], "n": [1.5, -0.5]}, pd.Index([text, "b"], name="key"))
    assert not [cell for cell in cells_of(table) if is_run(cell)]
    (tmp_path / "t.csv").write_bytes(as_csv(table))
    back = read_csv(tmp_path / "t.csv").set_index("key")
    pd.testing.assert_frame_equal(back, table, check_dtype=False)
    two = table.set_index("n", append=True)
    assert not [cell for cell in cells_of(two) if is_run(cell)]


def test_numbers_stay_numbers_and_a_table_without_such_texts_is_as_it_was() -> None:
    table = pd.DataFrame({"n": [-0.5, np.nan, 3], "text": ["a, -b", "it's", "'quoted'"]})
    table["kind"] = pd.Categorical(["x", None, "x"])
    assert as_csv(table) == table.to_csv(index=False, lineterminator="\n").encode()
    assert [escape_formula(text) for text in NUMBERS] == NUMBERS


def test_a_table_is_not_changed_by_being_written() -> None:
    table = pd.DataFrame({"=a": pd.Categorical(["=1", "x"])}, pd.Index(["=k", "b"], name="key"))
    before = table.copy()
    assert "'=1" in cells_of(table)
    pd.testing.assert_frame_equal(table, before)


WORDS = st.text(
    st.one_of(st.sampled_from("=+-@'\"\t\r\n ,;1a\uff1d\u200b"), st.characters(codec="utf-8")),
    max_size=12,
)


@given(WORDS)
def test_every_text_comes_back(text: str) -> None:
    assert restore_text(escape_formula(text)) == text
    assert not is_run(escape_formula(text))


@settings(max_examples=60)
@given(st.lists(WORDS.filter(lambda text: text != "" and "\0" not in text), min_size=1))
def test_every_table_comes_back(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    table = pd.DataFrame({"text": ["a word", *texts], "n": range(len(texts) + 1)})
    path.write_bytes(as_csv(table))
    pd.testing.assert_frame_equal(read_csv(path), table, check_dtype=False)

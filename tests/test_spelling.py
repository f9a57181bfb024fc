"""British spelling of everything that can be printed, by `benchmarks/spelling.py`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.spelling import OWN, is_right, misspelt, printed_files, words_of
from pepstats.document.html import to_html
from tests.report.test_eight_kinds import KINDS

MOST_OWN = 120


def test_every_word_that_can_be_printed_is_spelt_as_in_britain() -> None:
    assert misspelt(printed_files()) == {}


@pytest.mark.parametrize("make", [KINDS["october"], KINDS["final"]])
def test_so_is_every_word_of_a_paper_as_it_is_put_together(
    make: Callable[[], object], tmp_path: Path
) -> None:
    paper = tmp_path / "paper.html"
    paper.write_text(to_html(make()), "utf-8")
    assert misspelt([paper]) == {}


@pytest.mark.parametrize(
    "word", ["organize", "color", "analyze", "center", "behavior", "labeled", "program's"]
)
def test_an_american_spelling_would_be_seen(word: str) -> None:
    allowed = {"program's"}  # what a machine runs
    assert is_right(next(words_of(word))) == (word in allowed)


@pytest.mark.parametrize(
    "word", ["organise", "colours", "analysing", "centred", "programmes", "practise", "resize"]
)
def test_a_british_spelling_is_right(word: str) -> None:
    assert is_right(word)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.py", 'raise Error(f"the shcools of {name}")'),
        ("a.md", "The *shcools* of a city, not `shcols`"),
        ("a.html", "<p>The shcools</p><style>shcols</style>"),
        ("a.csv", "name,label\nx,The shcools"),
        ("a.ipynb", '{"cells": [{"cell_type": "markdown", "source": ["The shcools"]}]}'),
    ],
)
def test_a_misspelt_word_would_be_seen_in_every_kind_of_file(
    tmp_path: Path, name: str, content: str
) -> None:
    (tmp_path / name).write_text(content, "utf-8")
    assert set(misspelt([tmp_path / name])) == {"shcools"}


def test_our_own_words_are_few_in_order_and_each_is_needed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = OWN.read_text("utf-8").split()
    assert words == sorted(set(words), key=lambda word: (word.casefold(), word))
    assert len(words) <= MOST_OWN
    monkeypatch.setattr("benchmarks.spelling.own_words", frozenset)
    is_right.cache_clear()
    unknown = {word.casefold() for word in misspelt(printed_files())}
    is_right.cache_clear()
    assert {word.casefold() for word in words} == unknown

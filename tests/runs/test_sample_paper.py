"""The sample paper in docs/sample is what the code makes today, with the numbers as printed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.sample_paper import PAPERS, SAMPLE, sample_page
from tests.whole_runs import LATER, REPORT

LARGEST = 1_000_000  # bytes, all pages and pictures


@pytest.fixture
def made(finished: Path, revised: Path) -> dict[str, str]:
    return sample_page(finished, REPORT) | sample_page(revised, LATER)


def texts(svg: str) -> list[str]:
    """List the words and numbers in a picture, whose strokes may differ by a hair elsewhere."""
    return re.findall(r"<!-- (.*?) -->", svg)


def test_the_sample_is_what_is_made_today(made: dict[str, str]) -> None:
    kept = {path.name: path.read_text("utf-8") for path in SAMPLE.iterdir()}
    assert set(kept) == set(made), "python benchmarks/sample_paper.py makes it anew"
    for name, text in made.items():
        same = texts(kept[name]) == texts(text) if name.endswith(".svg") else kept[name] == text
        assert same, f"{name}: python benchmarks/sample_paper.py makes it anew"


def test_the_sample_is_small_and_its_pictures_are_there_with_words() -> None:
    assert sum(path.stat().st_size for path in SAMPLE.iterdir()) < LARGEST
    for name, _ in PAPERS.values():
        page = (SAMPLE / f"{name}.md").read_text("utf-8")
        pictures = re.findall(r"!\[(.+)\]\((.+?)\)", page)
        assert len(pictures) >= 3
        assert all((SAMPLE / file).is_file() and len(alt) > 60 for alt, file in pictures)
        assert "none of which exists" in page

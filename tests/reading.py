"""How hard a text is to read."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from pepstats.document.blocks import Document, Listing, Paragraph, text_of


def reading_age(text: str) -> float:
    """Give the age at which a text can be read: Flesch-Kincaid grade plus five years."""
    sentences = [s for s in re.split(r"[.!?:;]+(?:\s|$)", text) if re.search(r"[A-Za-z]", s)]
    words = re.findall(r"[A-Za-z][A-Za-z'’-]*", text)
    if not sentences or not words:
        return 0.0
    syllables = sum(_syllables(word) for word in words)
    grade = 0.39 * len(words) / len(sentences) + 11.8 * syllables / len(words) - 15.59
    return grade + 5


def _syllables(word: str) -> int:
    """Count a word's syllables by its groups of vowels, less a silent e."""
    letters = re.sub(r"[^a-z]", "", word.lower())
    letters = re.sub(r"(?:[^laeiouy]es|[^dt]ed|[^l]e)$", lambda m: m.group()[0], letters)
    return max(1, len(re.findall(r"[aeiouy]+", letters)))


def words_of(paper: Document) -> str:
    """Return a paper's own sentences as plain text, for counting and reading."""
    return "\n".join(_sentences(paper.blocks))


def _sentences(blocks: Iterable[Any]) -> Iterator[str]:
    for block in blocks:
        if isinstance(block, Paragraph):
            yield text_of(block.words)
        elif isinstance(block, Listing):
            for item in block.items:
                yield from _sentences(item)

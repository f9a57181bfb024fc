"""The ladder of verdicts: how sure we are chooses the word, the size only its side."""

import pytest

from pepstats.impact import effects


@pytest.mark.parametrize(
    ("estimate", "p", "word"),
    [
        (4.0, 0.001, "gained"), (4.0, 0.05, "gained"), (4.0, 0.051, "probably gained"),
        (4.0, 0.10, "probably gained"), (4.0, 0.101, "too uncertain to say"),
        (-4.0, 0.05, "lost ground"), (-4.0, 0.08, "probably lost ground"),
        (-4.0, 0.5, "too uncertain to say"), (0.0, 0.01, "too uncertain to say"),
        (4.0, float("nan"), "too uncertain to say"),
    ],
)  # fmt: skip
def test_the_ladder_of_words(estimate: float, p: float, word: str) -> None:
    assert effects.choose_verdict(estimate, p) == word
    assert word in effects.LADDER

"""What can be wrong with a request: each message says what, where and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def as_reason(error: DesignError) -> str:
    """Return a refusal as the end of a sentence."""
    return str(error).rstrip(".")


MOST_LETTERS = 2_000  # of a message; a longer one is read by nobody


class PepstatsError(Exception):
    """The input or the request is wrong; the message is for the person who can mend it."""

    def __init__(self, message: str) -> None:
        """Keep the message, of a very long one its beginning."""
        end = f" ... and {len(message) - MOST_LETTERS:,} letters more of the same."
        super().__init__(
            message if len(message) <= MOST_LETTERS else message[: MOST_LETTERS - len(end)] + end
        )


class SourceError(PepstatsError):
    """A published file cannot be read as what it is said to be."""


class DesignError(PepstatsError):
    """A study, programme or dashboard asks for something that cannot be done."""


class RunError(PepstatsError):
    """A run, a release or a notebook is not in the state the command needs."""


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the end of a message that names the known words closest to a wrong one."""
    names = sorted(str(name) for name in known)
    close = difflib.get_close_matches(str(word), names, n=2, cutoff=0.5)
    if close:
        return "Did you mean " + " or ".join(f"`{name}`" for name in close) + "?"
    return "Known: " + ", ".join(names) + "."

"""What can be wrong with a request: each message says what, where and what to do."""

from __future__ import annotations

import difflib
import errno
import re
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


_ELSEWHERE = "Make room, or name another folder with --out"
_RIGHTS = (
    "Close it where Word, Excel or another program has it open, ask for the right to it, or name "
    "another folder with --out or --data"
)
_FAULTS = {
    "ENOSPC": f"the disk is full. {_ELSEWHERE}",
    "EDQUOT": f"your share of the disk is used up. {_ELSEWHERE}",
    "EFBIG": f"the file is larger than is allowed here. {_ELSEWHERE}",
    "EROFS": "nothing can be written there. Name another folder with --out",
    "EACCES": f"not allowed. {_RIGHTS}",
    "EPERM": f"not allowed. {_RIGHTS}",
    "ENAMETOOLONG": "the path is too long. Name a folder with a shorter one, with --out or --data",
    "ENOTDIR": "a file is where a folder has to be. Move it away, or name another folder",
    "EISDIR": "a folder is where a file has to be. Move it away, or name another folder",
    "EMFILE": "too many files are open. Close other programs, or allow more (`ulimit -n`)",
    "ENFILE": "too many files are open on this machine. Close other programs",
    "EIO": "the disk cannot be read or written. Look whether it is there, or name another",
    "ENOMEM": "the machine has no memory left. Close other programs, or run with --jobs 1",
}
"""What a machine can refuse, by the name of its error, and what to do about it."""


def describe_fault(error: BaseException | str) -> str | None:
    """Return what the machine refused, and what to do; None where it is no fault of the machine.

    Also from what a kernel says of its error, as `[Errno 28] No space left on device: 'a.csv'`.
    """
    if isinstance(error, MemoryError):
        return _FAULTS["ENOMEM"]
    if isinstance(error, OSError):
        number, path = error.errno, error.filename
    else:
        said = re.search(r"^\[Errno (\d+)\][^:]*(?:: '(.*)')?", str(error))
        number, path = (int(said[1]), said[2]) if said else (None, None)
    what = _FAULTS.get(errno.errorcode.get(number or 0, ""))
    return None if what is None else f"{path}: {what}" if path else what


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the end of a message that names the known words closest to a wrong one."""
    names = sorted(str(name) for name in known)
    close = difflib.get_close_matches(str(word), names, n=2, cutoff=0.5)
    if close:
        return "Did you mean " + " or ".join(f"`{name}`" for name in close) + "?"
    return "Known: " + ", ".join(names) + "."

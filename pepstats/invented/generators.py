"""Random numbers for each invented file and year, by name: a new file moves no other file."""

from __future__ import annotations

import zlib

import numpy as np


def generator(seed: int, *name: str | int) -> np.random.Generator:
    """Return the random numbers of one thing by its name: what it is of and, if any, the year."""
    return np.random.default_rng([seed, zlib.crc32("/".join(map(str, name)).encode())])

"""How this machine adds up: a fingerprint of sums and solved equations, to their last digit.

Two machines of one kind with the same packages may still round the last digit differently, since
numpy and its linear algebra choose other instructions on other processors. Where the fingerprints
agree, a number made again should be the same to its last digit; elsewhere to nine.
"""

from __future__ import annotations

import hashlib

import numpy as np

SIZES = (3, 17, 40)  # too small to be shared out, so the number of threads does not matter


def fingerprint() -> str:
    """Give 16 hexadecimal digits that depend on how sums, products and solutions round here."""
    rng = np.random.default_rng(20181002)
    digest = hashlib.sha256()
    for size in SIZES:
        table = rng.normal(size=(4 * size, size))
        column = rng.normal(size=4 * size)
        solved = np.linalg.lstsq(table, column, rcond=None)[0]
        for found in (
            table @ solved, table.T @ table, table.sum(axis=0), table.T.sum(axis=0),
            np.exp(column), np.log(np.abs(column)), np.sqrt(np.abs(column)), table.std(axis=0),
            np.linalg.svd(table, compute_uv=False), np.cumsum(column), solved,
        ):  # fmt: skip
            digest.update(np.ascontiguousarray(found, dtype="<f8").tobytes())
    return digest.hexdigest()[:16]

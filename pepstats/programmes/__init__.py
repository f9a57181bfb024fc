"""Many programmes at once, each as if alone, and all of them pooled."""

from pepstats.programmes.beside import OTHERS
from pepstats.programmes.listed import find_programmes, short_reason, sum_remarks
from pepstats.programmes.pooling import (
    EVERY_KIND,
    KIND,
    STANDS_OUT,
    THESE,
    Pooled,
    pool_sweep,
    tabulate_answers,
)
from pepstats.programmes.sweep import Sweep, evaluate_programmes

__all__ = [
    "EVERY_KIND", "KIND", "OTHERS", "Pooled", "STANDS_OUT", "Sweep", "THESE",
    "evaluate_programmes", "find_programmes", "pool_sweep", "short_reason", "sum_remarks",
    "tabulate_answers",
]  # fmt: skip

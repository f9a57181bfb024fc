"""Many programmes at once, each as if alone, and all of them pooled."""

from pepstats.programmes.beside import OTHERS
from pepstats.programmes.listed import (
    FoundProgrammes,
    ListedProgramme,
    find_programmes,
    short_reason,
    sum_remarks,
)
from pepstats.programmes.pooling import (
    EVERY_KIND,
    KIND,
    STANDS_OUT,
    THESE,
    Pooled,
    average_kind,
    average_these,
    draw_power,
    find_covariance,
    find_distance,
    join_draws,
    measure_discovery,
    pool_sweep,
    shrink_programmes,
    tabulate_answers,
)
from pepstats.programmes.sweep import Standing, Sweep, count_doses, evaluate_programmes

__all__ = [
    "EVERY_KIND",
    "FoundProgrammes",
    "KIND",
    "ListedProgramme",
    "OTHERS",
    "Pooled",
    "STANDS_OUT",
    "Standing",
    "Sweep",
    "THESE",
    "average_kind",
    "average_these",
    "count_doses",
    "draw_power",
    "evaluate_programmes",
    "find_covariance",
    "find_distance",
    "find_programmes",
    "join_draws",
    "measure_discovery",
    "pool_sweep",
    "short_reason",
    "shrink_programmes",
    "sum_remarks",
    "tabulate_answers",
]

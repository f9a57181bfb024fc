"""Who is compared with whom, without sight of results after the start."""

from pepstats.matching.alternatives import (
    Pairing,
    mark_members,
    match_by_mahalanobis,
    match_members,
    spell_out,
)
from pepstats.matching.balance import (
    BALANCE_DEFINITION,
    SATISFIED,
    TOO_FAR,
    list_differences,
    measure_balance,
    measure_overlap,
    prove_calipers,
)
from pepstats.matching.nearest import Match, list_limits, match_schools, take_up
from pepstats.matching.pool import Pool, before_start, find_pool, positions

__all__ = [
    "BALANCE_DEFINITION",
    "Match",
    "Pairing",
    "Pool",
    "SATISFIED",
    "TOO_FAR",
    "before_start",
    "find_pool",
    "list_differences",
    "list_limits",
    "mark_members",
    "match_by_mahalanobis",
    "match_members",
    "match_schools",
    "measure_balance",
    "measure_overlap",
    "positions",
    "prove_calipers",
    "spell_out",
    "take_up",
]

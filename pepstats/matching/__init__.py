"""Who is compared with whom, without sight of results after the start."""

from pepstats.matching.alternatives import match_by_mahalanobis, match_listed, pair_members
from pepstats.matching.balance import (
    BALANCE_DEFINITION,
    SATISFIED,
    TOO_FAR,
    list_differences,
    measure_balance,
    measure_overlap,
    prove_calipers,
)
from pepstats.matching.nearest import (
    FEWEST_COMPARISONS,
    Match,
    mark_free,
    match_schools,
    narrow,
    take_up,
)
from pepstats.matching.pool import MatchBasis, Pool, before_start, find_pool, positions

__all__ = [
    "BALANCE_DEFINITION", "FEWEST_COMPARISONS", "Match", "MatchBasis", "Pool", "SATISFIED",
    "TOO_FAR", "before_start", "find_pool", "list_differences", "mark_free",
    "match_by_mahalanobis", "match_listed", "match_schools", "measure_balance",
    "measure_overlap", "narrow", "pair_members", "positions", "prove_calipers", "take_up",
]  # fmt: skip

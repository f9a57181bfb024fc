"""Who needs help first, and how sure that is."""

from pepstats.priority.dashboard import DERIVED, PROPOSED, Indicator, load_dashboard
from pepstats.priority.eligibility import CRITERIA, check_seventy_rule
from pepstats.priority.indicators import RatingInputs
from pepstats.priority.partnership import (
    THEMES,
    Partnership,
    challenge_sentence,
    funding_sentences,
    participation_sentence,
)
from pepstats.priority.ratings import NOT_HERE, SHAPES, Ratings, count_unsure, rate_schools
from pepstats.priority.support import CHANGES

__all__ = [
    "CHANGES",
    "CRITERIA",
    "DERIVED",
    "Indicator",
    "NOT_HERE",
    "PROPOSED",
    "Partnership",
    "RatingInputs",
    "Ratings",
    "SHAPES",
    "THEMES",
    "challenge_sentence",
    "check_seventy_rule",
    "count_unsure",
    "funding_sentences",
    "load_dashboard",
    "participation_sentence",
    "rate_schools",
]

"""Who needs help first, and how sure that is."""

from pepstats.priority.dashboard import DERIVED, PROPOSED, Indicator, load_dashboard
from pepstats.priority.eligibility import (
    CRITERIA,
    check_seventy_rule,
    judge_programmes,
    list_rules,
    tabulate_seventy_rule,
)
from pepstats.priority.indicators import RatingInputs
from pepstats.priority.next_year import FEW, NO_PAIR, add_next_year, follow_ratings
from pepstats.priority.partnership import (
    THEMES,
    Partnership,
    challenge_sentence,
    find_partnership,
    funding_sentences,
    participation_sentence,
    say_register,
    tabulate_register,
)
from pepstats.priority.ratings import NOT_HERE, SHAPES, Ratings, count_unsure, rate_schools
from pepstats.priority.support import (
    CHANGES,
    compare_ratings,
    count_changes,
    plan_years,
    rate_year_before,
)

__all__ = [
    "CHANGES",
    "CRITERIA",
    "DERIVED",
    "FEW",
    "Indicator",
    "NOT_HERE",
    "NO_PAIR",
    "PROPOSED",
    "Partnership",
    "RatingInputs",
    "Ratings",
    "SHAPES",
    "THEMES",
    "add_next_year",
    "challenge_sentence",
    "check_seventy_rule",
    "compare_ratings",
    "count_changes",
    "count_unsure",
    "find_partnership",
    "follow_ratings",
    "funding_sentences",
    "judge_programmes",
    "list_rules",
    "load_dashboard",
    "participation_sentence",
    "plan_years",
    "rate_schools",
    "rate_year_before",
    "say_register",
    "tabulate_register",
    "tabulate_seventy_rule",
]

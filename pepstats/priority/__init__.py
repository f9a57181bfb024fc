"""Who needs help first, and how sure that is."""

from pepstats.priority.dashboard import (
    DERIVED,
    PROPOSED,
    Dashboard,
    Indicator,
    find_dashboard,
    load_dashboard,
)
from pepstats.priority.eligibility import (
    CRITERIA,
    check_seventy_rule,
    has_seventy_rule,
    judge_programmes,
    list_rules,
    tabulate_seventy_rule,
)
from pepstats.priority.indicators import NOT_HERE, RatingInputs
from pepstats.priority.partnership import (
    THEMES,
    Partnership,
    Register,
    challenge_sentence,
    find_partnership,
    funding_sentences,
    participation_sentence,
    say_register,
    tabulate_register,
)
from pepstats.priority.ratings import (
    FEW,
    NO_PAIR,
    SHAPES,
    Ratings,
    add_next_year,
    count_unsure,
    follow_ratings,
    rate_schools,
)
from pepstats.priority.support import (
    CHANGES,
    compare_ratings,
    count_changes,
    plan_years,
    rate_year_before,
)

__all__ = [
    "CHANGES", "CRITERIA", "DERIVED", "Dashboard", "FEW", "Indicator", "NOT_HERE", "NO_PAIR",
    "PROPOSED", "Partnership", "RatingInputs", "Ratings", "Register", "SHAPES", "THEMES",
    "add_next_year", "challenge_sentence", "check_seventy_rule", "compare_ratings",
    "count_changes", "count_unsure", "find_dashboard", "find_partnership", "follow_ratings",
    "funding_sentences", "has_seventy_rule", "judge_programmes", "list_rules", "load_dashboard",
    "participation_sentence", "plan_years", "rate_schools", "rate_year_before", "say_register",
    "tabulate_register", "tabulate_seventy_rule",
]  # fmt: skip

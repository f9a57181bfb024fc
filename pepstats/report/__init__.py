"""What the board's paper says."""

from pepstats.report.cases import RULE, choose_cases, describe_cases
from pepstats.report.disclosure import (
    DIFFERS,
    NAMES_SCHOOL,
    NO_CONSENT,
    SHOWN_COLUMNS,
    SMALL,
    find_small_changes,
)
from pepstats.report.edition import NO_PLAN, NOT_YET_PUBLIC
from pepstats.report.paper import draft_report, list_marks
from pepstats.report.sheets import write_city_table, write_sheets
from pepstats.report.wording import explain_lines, forecast_note

__all__ = [
    "DIFFERS",
    "NAMES_SCHOOL",
    "NOT_YET_PUBLIC",
    "NO_CONSENT",
    "NO_PLAN",
    "RULE",
    "SHOWN_COLUMNS",
    "SMALL",
    "choose_cases",
    "describe_cases",
    "draft_report",
    "explain_lines",
    "find_small_changes",
    "forecast_note",
    "list_marks",
    "write_city_table",
    "write_sheets",
]

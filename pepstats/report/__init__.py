"""What the board's paper says."""

from pepstats.report.case_studies import RULE, choose_cases, describe_cases
from pepstats.report.disclosure import (
    DIFFERS,
    NAMES_SCHOOL,
    NO_CONSENT,
    SHOWN_COLUMNS,
    SMALL,
    find_small_changes,
)
from pepstats.report.edition import NO_PLAN, NOT_YET_PUBLIC, collect_edition
from pepstats.report.paper import (
    draft_report,
    fill_template,
    list_disclosure,
    list_marks,
    list_shown_counts,
    list_to_do,
    write_editions,
)
from pepstats.report.sentences import explain_lines, forecast_note
from pepstats.report.sheets import write_city_table, write_sheets

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
    "collect_edition",
    "describe_cases",
    "draft_report",
    "explain_lines",
    "fill_template",
    "find_small_changes",
    "forecast_note",
    "list_disclosure",
    "list_marks",
    "list_shown_counts",
    "list_to_do",
    "write_city_table",
    "write_editions",
    "write_sheets",
]

"""What the board's paper says."""

from pepstats.report.case_studies import choose_cases, describe_cases
from pepstats.report.disclosure import NOT_YET_PUBLIC, SHOWN_COLUMNS, refuse_unpublished
from pepstats.report.edition import BLIND, NO_PLAN, Told, collect_edition, round_effects
from pepstats.report.entries import list_entries
from pepstats.report.gate import FORM_COLUMNS, REASON, protect
from pepstats.report.paper import (
    built_in_text,
    check_officers_words,
    fill_template,
    list_disclosure,
    list_effects,
    list_marks,
    list_names,
    list_shown_counts,
    list_to_do,
    write_editions,
)
from pepstats.report.sentences import explain_lines, forecast_note
from pepstats.report.sheets import write_city_table, write_sheets
from pepstats.report.sweep_paper import SweepResults, write_sweep_papers

__all__ = [
    "BLIND",
    "FORM_COLUMNS",
    "NOT_YET_PUBLIC",
    "NO_PLAN",
    "REASON",
    "SHOWN_COLUMNS",
    "SweepResults",
    "Told",
    "built_in_text",
    "check_officers_words",
    "choose_cases",
    "collect_edition",
    "describe_cases",
    "explain_lines",
    "fill_template",
    "forecast_note",
    "list_disclosure",
    "list_effects",
    "list_entries",
    "list_marks",
    "list_names",
    "list_shown_counts",
    "list_to_do",
    "protect",
    "refuse_unpublished",
    "round_effects",
    "write_city_table",
    "write_editions",
    "write_sheets",
    "write_sweep_papers",
]

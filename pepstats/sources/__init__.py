"""Published files read: every cell a value or a reason, every row accounted for."""

from pepstats.sources.cells import Array, Cells
from pepstats.sources.files import Source, find_source, read_members, read_text
from pepstats.sources.layouts import (
    AGGREGATES,
    AUTHORITY,
    COMPANIONS,
    MAINSTREAM,
    NOT_STATED,
    RESULTS,
    SPECIAL,
    STATE_FUNDED,
    find_page,
    list_titles,
    misspelt,
)
from pepstats.sources.lists import list_entered_members, read_entered, read_similar
from pepstats.sources.published import join_tables, parse_source, read_published
from pepstats.sources.registers import Tidied, governance_of
from pepstats.sources.results import Ledger, Results, find_authorities, list_offered
from pepstats.sources.school_statements import (
    DETAILS,
    NO_CONSENT,
    NOT_CLEARED,
    STANCES,
    TOO_LONG,
    check_statements,
    no_statements,
    restore,
)
from pepstats.sources.series import split_local_results
from pepstats.sources.totals import (
    DIFFERS,
    EXPLAINED,
    FOUND,
    RECONCILED_COLUMNS,
    REPRODUCED,
    cross_check,
    reconcile_totals,
)

__all__ = [
    "AGGREGATES", "AUTHORITY", "Array", "COMPANIONS", "Cells", "DETAILS", "DIFFERS",
    "EXPLAINED", "FOUND", "Ledger", "MAINSTREAM", "NOT_CLEARED", "NOT_STATED", "NO_CONSENT",
    "RECONCILED_COLUMNS", "REPRODUCED", "RESULTS", "Results", "SPECIAL", "STANCES",
    "STATE_FUNDED", "Source", "TOO_LONG", "Tidied", "check_statements", "cross_check",
    "find_authorities", "find_page", "find_source", "governance_of", "join_tables",
    "list_entered_members", "list_offered", "list_titles", "misspelt", "no_statements",
    "parse_source", "read_entered", "read_members", "read_published", "read_similar",
    "read_text", "reconcile_totals", "restore", "split_local_results",
]  # fmt: skip

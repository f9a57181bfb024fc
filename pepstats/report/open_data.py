"""The effects as tidy open data: one row per programme and outcome, with a table that explains it.

Laid out as the Department asks of its own open data (Explore Education Statistics): time and place
columns first, limits named `est_lower_ci` and `est_upper_ci`, and a metadata row for every other
column.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from pepstats.formatting import escape_formula
from pepstats.measures import find_measure, outcome_label
from pepstats.report.edition import Edition
from pepstats.settings import Programme

UNAVAILABLE = "x"  # the Department's mark for a figure that is not available

META_COLUMNS = ["col_name", "col_type", "label", "indicator_grouping", "indicator_unit",
                "indicator_dp", "filter_hint", "filter_grouping_column"]  # fmt: skip

FILTERS = {
    "programme": "Programme of support",
    "outcome": "Outcome measured",
    "unit": "Unit of the estimate",
    "release": "How final the results are",
    "mode": "What the schools were held against",
    "verdict": "Verdict in words",
}

INDICATORS = {
    # name: (label, group, decimals)
    "estimate": ("Estimate: how much further the programme's schools moved", "Effect", 3),
    "est_lower_ci": ("Lower end of the 95% interval", "Effect", 3),
    "est_upper_ci": ("Upper end of the 95% interval", "Effect", 3),
    "share_placebo": ("Share of made-up programmes that moved as far", "Chance", 4),
    "share_placebo_adjusted": ("The same, allowing for all outcomes together", "Chance", 4),
    "placebo_programmes": ("Made-up programmes", "Chance", 0),
    "schools": ("Schools in the estimate", "Schools", 0),
    "comparison_schools": ("Comparison schools", "Schools", 0),
}


def make_open_data(edition: Edition) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the effects as tidy data, and the metadata of every column that is not time or place.

    `time_period` is the school year in six digits (201718); what is not available is `x`.
    """
    rows = []
    for one in edition.chapters:
        raw = {str(row["outcome"]): row for row in one.found.effects.to_dict("records")}
        for outcome, result in one.results.items():
            own = raw.get(outcome, {})
            rows.append({
                "time_period": int(f"{result.year - 1}{result.year % 100:02d}"),
                "time_identifier": "Academic year",
                "geographic_level": "Local authority",
                "country_code": "E92000001",
                "country_name": "England",
                "old_la_code": edition.report.authority,
                "programme": escape_formula(one.programme.title),
                "outcome": outcome_label(outcome),
                "unit": result.unit,
                "release": result.release or UNAVAILABLE,
                "mode": result.mode if result.known else UNAVAILABLE,
                "verdict": result.verdict or UNAVAILABLE,
                "estimate": _known(result.estimate),
                "est_lower_ci": _known(result.low),
                "est_upper_ci": _known(result.high),
                "share_placebo": _known(result.p_placebo),
                "share_placebo_adjusted": _known(own.get("p_adjusted")),
                "placebo_programmes": result.n_placebo,
                "schools": result.n_schools,
                "comparison_schools": _known(own.get("n_comparison")),
            })  # fmt: skip
    return pd.DataFrame(rows), describe_columns(edition.programmes)


def _known(value: object) -> object:
    return UNAVAILABLE if value is None or value != value else value


def describe_columns(programmes: Sequence[Programme]) -> pd.DataFrame:
    """Return the metadata: one row per filter and per indicator."""
    units = sorted({find_measure(o).unit for programme in programmes for o in programme.outcomes})
    rows = [(name, "Filter", label, "", "", "", "", "") for name, label in FILTERS.items()]
    for name, (label, group, decimals) in INDICATORS.items():
        said = f"{label} ({' or '.join(units)}: see unit)" if group == "Effect" else label
        rows.append((name, "Indicator", said, group, "", str(decimals), "", ""))
    return pd.DataFrame(rows, columns=META_COLUMNS)

"""How much of a panel there is, why the rest is missing, and what may not be compared."""

from __future__ import annotations

import pandas as pd

from pepstats.measures import MEASURES, NO_ROW, NOT_LISTED, breaks_between
from pepstats.schools.panel import Panel

BANDS = (0, 5, 10, 20, 30, 60, 10_000)  # pupils, upper ends
BAND_WORDS = ("up to 5", "6 to 10", "11 to 20", "21 to 30", "31 to 60", "over 60")
NO_COHORT = "number not given"


def measure_coverage(panel: Panel) -> pd.DataFrame:
    """Count, for each measure and year, the schools in the file and those that have a value."""
    names = list(panel.values.columns)
    has = panel.values[names].notna().groupby("year").sum()
    absent = panel.reasons[names].isin([NO_ROW, NOT_LISTED])
    listed = (~absent).groupby("year").sum()
    table = pd.concat([
        pd.DataFrame({"measure": n, "schools": listed[n], "with_value": has[n]}) for n in names
    ])  # fmt: skip
    table["share"] = table["with_value"] / table["schools"].where(table["schools"] > 0)
    return table.reset_index().sort_values(["measure", "year"], ignore_index=True)


def say_why_missing(panel: Panel, measures: list[str]) -> pd.DataFrame:
    """Count, for each measure, year and size of cohort, the schools by reason.

    Columns measure, group, year, cohort (a band of the group's own pupils, or of all pupils where
    the group's number is not given), reason (`has a value` where there is one), schools.
    """
    parts = []
    for name in measures:
        what = MEASURES[name]
        whole = what.cohort.split(".")[0]
        pupils = panel.values.get(what.cohort, pd.Series(float("nan"), panel.values.index))
        pupils = pupils.fillna(panel.values[whole]) if whole in panel.values else pupils
        bands = pd.cut(pupils, BANDS, labels=BAND_WORDS, include_lowest=True).astype("str")
        parts.append(pd.DataFrame({
            "measure": name,
            "group": name.partition(".")[2] or "all pupils",
            "year": panel.values.index.get_level_values("year"),
            "cohort": bands.fillna(NO_COHORT).to_numpy(),
            "reason": panel.reasons[name].fillna("has a value").to_numpy(),
        }))  # fmt: skip
    key = ["measure", "group", "year", "cohort", "reason"]
    return pd.concat(parts).groupby(key).size().rename("schools").reset_index()


def list_breaks(panel: Panel, measures: list[str]) -> pd.DataFrame:
    """List the definition breaks that the panel's years cross: measure, year, word, what."""
    years = [int(year) for year in panel.releases.index]
    rows = [
        (name, one.year, one.word, one.what)
        for name in measures
        for one in breaks_between(name, years)
    ]
    return pd.DataFrame(rows, columns=["measure", "year", "word", "what"])

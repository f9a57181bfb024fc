"""What the paper says of support and of changed ratings: how sure, what moved, days and money.

Public edition: counts of schools, small ones hidden; never a school, nor a sum from which the
number of schools of one rating could be worked out.
"""

from __future__ import annotations

import pandas as pd

from pepstats import disclosure, voices
from pepstats.autumn import Report
from pepstats.blocks import Entry, PaperTable, make_table
from pepstats.city import RATINGS, City
from pepstats.disclosure import HIDDEN, View
from pepstats.priority import count_unsure
from pepstats.support import CHANGES
from pepstats.words import count_words, list_words, school_year, show

TABLES = ("changes", "support-totals", "support-last-year-totals")
"""The tables of notebook 02 that this part of the paper is made from."""

NO_YEAR_BEFORE = "The study has no results of the year before, so no rating to compare with."
EXEMPT_ONLY = "Not published: it contains exempt information."


def make_entries(city: City, view: View, report: Report) -> dict[str, Entry]:
    """Give everything the paper may say of how sure ratings are, of changes and of support."""
    changes = city.table("changes")
    said = {
        "ratings.sure": (_sure_sentence(city.ratings, view), "ratings"),
        "ratings.changes": (_changes_sentence(changes, view), "changes"),
        "support.sentence": (_support_sentence(city, view, report.year), "support-totals"),
    }
    return {n: Entry(text, text, f"{RATINGS}/{table}.csv") for n, (text, table) in said.items()}


def make_tables(city: City, view: View, report: Report) -> dict[str, PaperTable]:
    """Give every table the paper may show of changed ratings and of support, by name."""
    changes, totals = city.table("changes"), city.table("support-totals")
    return {
        "ratings-changed": table_changes(changes, view),
        "ratings-changed-named": table_changes_named(changes, view),
        "support": table_support(city, view, report.year),
        "support-by-rating": table_support_by_rating(totals, view),
    }


def protect_changes(changes: pd.DataFrame, view: View) -> disclosure.Protected:
    """Hide counts of changed ratings that are of so few schools that one could be known."""
    counts = pd.crosstab(changes["change"], changes["governance"].str.capitalize())
    counts = counts.reindex([c for c in CHANGES if c in counts.index])
    counts.index = counts.index.str.capitalize()
    return view.protect(counts.rename_axis(index="Change", columns=None), "ratings-changed")


def list_hidden(city: City, view: View) -> pd.DataFrame:
    """List what an edition hides of changed ratings and of support, each with its reason."""
    changes = city.table("changes")
    logs = [] if changes.empty else [protect_changes(changes, view).log]
    for name in ("support-totals", "support-last-year-totals"):
        totals = city.table(name)
        if len(totals) and not may_sum(totals, view):
            logs.append(disclosure.withhold(f"{name}: days planned", disclosure.BESIDE))
    return disclosure.join_logs(logs)


def list_shown(city: City, view: View) -> pd.DataFrame:
    """List the counts of changed ratings that an edition shows, for the next release to heed."""
    changes = city.table("changes")
    if changes.empty:
        return pd.DataFrame(columns=disclosure.SHOWN_COLUMNS)
    return disclosure.list_shown("ratings-changed", protect_changes(changes, view).shown)


def table_changes(changes: pd.DataFrame, view: View) -> PaperTable:
    """Count schools by how their rating changed since last year."""
    caption = "Schools by how their priority rating changed since last year, on the same criteria"
    if changes.empty:
        return make_table(pd.DataFrame(columns=["Change"]), caption=caption, empty=NO_YEAR_BEFORE)
    shown = protect_changes(changes, view)
    frame = shown.words().rename_axis("Change").reset_index()
    note = voices.hidden_note(shown, view)
    return make_table(frame, caption=caption, numeric=list(frame.columns[1:]), note=note)


def table_changes_named(changes: pd.DataFrame, view: View) -> PaperTable:
    """Give each school whose rating changed, with what moved: in the exempt edition only."""
    caption = "Schools whose priority rating changed since last year, and what moved"
    columns = ["School", "Last year", "Now", "What moved", "Could be chance"]
    if not view.exempt or changes.empty:
        said = NO_YEAR_BEFORE if changes.empty else EXEMPT_ONLY
        return make_table(pd.DataFrame(columns=columns), caption=caption, empty=said)
    moved = changes[changes["change"].isin(["raised", "lowered"])].sort_values(["now", "name"])
    rows = [
        (row["name"], f"{row['before']:.0f}", f"{row['now']:.0f}", row["why"],
         "yes" if row["chance"] else "no")
        for row in moved.to_dict("records")
    ]  # fmt: skip
    return make_table(pd.DataFrame(rows, columns=columns), caption=caption,
                      numeric=["Last year", "Now"], widths=(1.8, 0.6, 0.5, 3.2, 0.7),
                      empty="No rating changed.")  # fmt: skip


def table_support(city: City, view: View, year: int) -> PaperTable:
    """Give the days planned and given in all, with cost and budget, for both school years."""
    columns = ["School year", "Schools", "Days planned", "Days given", "Planned cost", "Budget"]
    rows, hides = [], False
    for name, after in (("support-last-year-totals", year), ("support-totals", year + 1)):
        totals = city.table(name)
        if totals.empty:
            continue
        row = totals[totals["rating"].astype(str) == "all"].iloc[0]
        open_ = may_sum(totals, view)
        hides |= not open_
        planned = (_days(row["planned"]), _pounds(row["planned_cost"]))
        shown = planned if open_ else (HIDDEN, HIDDEN)
        rows.append((school_year(after), f"{row['schools']:.0f}", shown[0],
                     _days(row["delivered"]), shown[1], _pounds(row["budget"])))  # fmt: skip
    note = (
        f"{HIDDEN} is a sum from which the number of schools of one rating could be worked out."
        if hides else ""
    )  # fmt: skip
    return make_table(pd.DataFrame(rows, columns=columns), caption="Days of support, as the "
                      "ratings bring them and as they were given", numeric=columns[1:], note=note,
                      empty="No support has been planned.")  # fmt: skip


def may_sum(totals: pd.DataFrame, view: View) -> bool:
    """Say whether days planned may be shown: no group of so few schools is among them."""
    groups = totals[~totals["rating"].astype(str).isin(["all", "not rated"])]
    return not groups["schools"].between(1, view.smallest).any()


def table_support_by_rating(totals: pd.DataFrame, view: View) -> PaperTable:
    """Give the days by rating and by who runs the school: in the exempt edition only."""
    caption = "Days of support for the year to come, by rating and by who runs the school"
    columns = ["Priority", "Run as", "Schools", "Days planned", "Days given"]
    if not view.exempt or totals.empty:
        return make_table(pd.DataFrame(columns=columns), caption=caption, empty=EXEMPT_ONLY)
    rows = [
        (str(row["rating"]), str(row["governance"]), f"{row['schools']:.0f}",
         _days(row["planned"], "no plan"), _days(row["delivered"]))
        for row in totals.to_dict("records")
    ]  # fmt: skip
    return make_table(pd.DataFrame(rows, columns=columns), caption=caption, numeric=columns[2:])


def _sure_sentence(ratings: pd.DataFrame, view: View) -> str:
    if ratings.empty or "p1" not in ratings:
        return "How sure the ratings are was not asked."
    unsure, rated = count_unsure(ratings), int(ratings["rating"].notna().sum())
    few = 0 < min(unsure, rated - unsure) <= view.smallest and unsure != rated
    if few:
        return (
            "A few pupils more or fewer could change a rating: how often is on each school's sheet."
        )
    return (
        f"A few pupils more or fewer could change a rating. {count_words(unsure, 'school')} of "
        f"{rated} would be rated otherwise in more than a fifth of the draws of what chance could "
        "have given."
    )


def _changes_sentence(changes: pd.DataFrame, view: View) -> str:
    if changes.empty:
        return NO_YEAR_BEFORE
    total = protect_changes(changes, view).shown[disclosure.TOTAL]
    told = {change: int(total[change]) for change in ("Raised", "Lowered")
            if pd.notna(total.get(change))}  # fmt: skip
    parts = []
    if "Raised" in told:
        parts.append(f"{count_words(told['Raised'], 'school')} moved to a higher priority")
    if "Lowered" in told:
        parts.append(f"{count_words(told['Lowered'], 'school')} moved to a lower one")
    if not parts:
        return "Since last year few ratings have changed."
    return f"Since last year, on the same criteria, {list_words(parts)}."


def _support_sentence(city: City, view: View, year: int) -> str:
    last = city.table("support-last-year-totals")
    if last.empty or not may_sum(last, view):
        return "Support follows the rating."
    row = last[last["rating"].astype(str) == "all"].iloc[0]
    if pd.isna(row["delivered"]):
        return "Support follows the rating. No record was kept of the days that were given."
    return (
        f"Support follows the rating. In {school_year(year)} schools had {show(row['delivered'])} "
        f"days; last year's ratings would have brought {show(row['planned'])}."
    )


def _days(value: float, none: str = "none recorded") -> str:
    return none if pd.isna(value) else show(value)


def _pounds(value: float) -> str:
    return "not agreed" if pd.isna(value) else f"£{value:,.0f}"

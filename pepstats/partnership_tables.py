"""What the paper says of the partnership itself: support, changed ratings, who takes part in what.

Public edition: counts of schools, small ones hidden; never a school, nor a sum from which the
number of schools of one rating could be worked out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from pepstats import disclosure, voices
from pepstats.blocks import Entry, PaperTable, make_table
from pepstats.city import City
from pepstats.disclosure import HIDDEN, View
from pepstats.eligibility import CRITERIA, hold_to_seventy
from pepstats.participation import challenge_sentence, funding_sentences, participation_sentence
from pepstats.priority import count_unsure
from pepstats.programme import Programme, Report
from pepstats.support import CHANGES
from pepstats.words import count_words, list_words, long_date, school_year, show

STEP = "02-priority-ratings"
TABLES = (
    "changes", "support-totals", "support-last-year-totals", "eligibility", "eligibility-rules",
    "participation", "activities", "programme-overlap", "external-challenge", "grants", "claims",
    "promises", "themes",
)  # fmt: skip
"""The tables of notebook 02 that this part of the paper is made from."""

NO_REGISTER = "No partnership register was given with this study."
NO_YEAR_BEFORE = "The study has no results of the year before, so no rating to compare with."
EXEMPT_ONLY = "Not published: it contains exempt information."


def make_entries(city: City, view: View, report: Report) -> dict[str, Entry]:
    """Give everything the paper may say of ratings, support and the register, by name."""
    year, found = report.year, city.tables
    said = {
        "ratings.sure": (_sure_sentence(city.ratings, view), "ratings"),
        "ratings.changes": (_changes_sentence(_get(found, "changes"), view), "changes"),
        "support.sentence": (_support_sentence(found, view, year), "support-totals"),
        "partnership.taking_part": (_taking_part(found), "participation"),
        "partnership.challenge": (_challenge(found, year), "external-challenge"),
        "partnership.funding": (_funding(found), "grants"),
        "partnership.promises": (_promises(found), "promises"),
    }
    return {name: Entry(text, text, f"{STEP}/{table}.csv") for name, (text, table) in said.items()}


def make_tables(
    city: City, view: View, report: Report, programmes: Sequence[Programme]
) -> dict[str, PaperTable]:
    """Give every table the paper may show of ratings, support and the register, by name."""
    found = city.tables
    return {
        "ratings-changed": table_changes(_get(found, "changes"), view),
        "ratings-changed-named": table_changes_named(_get(found, "changes"), city, view),
        "support": table_support(found, view, report.year),
        "support-by-rating": table_support_by_rating(_get(found, "support-totals"), view),
        "eligibility": table_eligibility(_get(found, "eligibility"), programmes, view),
        "eligibility-rules": table_rules(_get(found, "eligibility-rules")),
        "partnership-activities": table_activities(_get(found, "activities")),
        "partnership-overlap": table_overlap(found),
        "partnership-promises": table_promises(found),
        "partnership-themes": table_themes(_get(found, "themes")),
    }


def protect_changes(changes: pd.DataFrame, view: View) -> disclosure.Protected:
    """Hide counts of changed ratings that are of so few schools that one could be known."""
    counts = pd.crosstab(changes["change"], changes["governance"].str.capitalize())
    counts = counts.reindex([c for c in CHANGES if c in counts.index])
    counts.index = counts.index.str.capitalize()
    return view.protect(counts.rename_axis(index="Change", columns=None), "ratings-changed")


def list_hidden(city: City, view: View) -> pd.DataFrame:
    """List what an edition hides of changed ratings and of support, each with its reason."""
    changes = _get(city.tables, "changes")
    logs = [] if changes.empty else [protect_changes(changes, view).log]
    for name in ("support-totals", "support-last-year-totals"):
        totals = _get(city.tables, name)
        if len(totals) and not may_sum(totals, view):
            logs.append(disclosure.withhold(f"{name}: days planned", disclosure.BESIDE))
    return disclosure.join_logs(logs)


def list_shown(city: City, view: View) -> pd.DataFrame:
    """List the counts of changed ratings that an edition shows, for the next release to heed."""
    changes = _get(city.tables, "changes")
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


def table_changes_named(changes: pd.DataFrame, city: City, view: View) -> PaperTable:
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


def table_support(found: Mapping[str, pd.DataFrame], view: View, year: int) -> PaperTable:
    """Give the days planned and given in all, with cost and budget, for both school years."""
    columns = ["School year", "Schools", "Days planned", "Days given", "Planned cost", "Budget"]
    rows, hides = [], False
    for name, after in (("support-last-year-totals", year), ("support-totals", year + 1)):
        totals = _get(found, name)
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


def table_eligibility(
    judged: pd.DataFrame, programmes: Sequence[Programme], view: View
) -> PaperTable:
    """Hold each programme to the 70 per cent rule; how many are eligible in the exempt edition."""
    rows = []
    for programme in programmes:
        own = judged[judged["programme"] == programme.slug] if len(judged) else judged
        if own.empty:
            continue
        held = {name: hold_to_seventy(own[column]) for name, column in CRITERIA.items()}
        of_all = held["all"]
        counts = (str(of_all.eligible), str(of_all.unknown)) if view.exempt else ()
        rows.append((programme.title, school_year(int(own["year"].iloc[0])), str(of_all.schools),
                     str(of_all.needed), *counts, of_all.verdict.capitalize(),
                     held["sourced"].verdict.capitalize()))  # fmt: skip
    more = ["Eligible", "Not known"] if view.exempt else []
    numeric = ["Schools", "70% needs", *more]
    columns = ["Programme", "By results of", *numeric, "All criteria", "Sourced criteria only"]
    return make_table(
        pd.DataFrame(rows, columns=columns), numeric=numeric,
        caption="Whether at least 70% of each programme's schools met a criterion of the Fund",
        note="Undetermined: it could be either, by the schools of which something is not known. "
             "The criteria themselves are only partly public: the last column asks only those "
             "whose text was read.",
        empty="No programme's schools could be judged.",
    )  # fmt: skip


def table_rules(rules: pd.DataFrame) -> PaperTable:
    """List the criteria of eligibility, each with its status and where it is known from."""
    columns = ["Criterion", "Status", "Known from", "Asked"]
    rows = [
        (f"{row['id']}: {row['text']}", row["status"], row["source"],
         "yes" if row["active"] else "no")
        for row in rules.to_dict("records")
    ]  # fmt: skip
    return make_table(pd.DataFrame(rows, columns=columns), widths=(2.4, 0.8, 2.2, 0.5),
                      caption="The criteria a school could be eligible by")  # fmt: skip


def table_activities(activities: pd.DataFrame) -> PaperTable:
    """Give the partnership's programmes, networks, courses and events, with who takes part."""
    rows = [
        (row["title"], row["kind"], f"Theme {row['theme']}", row["lead"], str(row["taking_part"]))
        for row in activities.to_dict("records")
    ]
    columns = ["Activity", "Kind", "Theme", "Led by", "Schools"]
    return make_table(pd.DataFrame(rows, columns=columns), numeric=["Schools"], empty=NO_REGISTER,
                      caption="What the Partnership's schools take part in",
                      widths=(2.6, 0.8, 0.7, 1.6, 0.6))  # fmt: skip


def table_overlap(found: Mapping[str, pd.DataFrame]) -> PaperTable:
    """Give how many schools each two programmes share."""
    titles = _titles(found)
    rows = [
        (f"{titles[row['one']]} and {titles[row['other']]}", str(row["both"]),
         str(row["only_one"]), str(row["only_other"]))
        for row in _get(found, "programme-overlap").to_dict("records")
    ]  # fmt: skip
    columns = ["Programmes", "Schools in both", "Only in the first", "Only in the second"]
    return make_table(pd.DataFrame(rows, columns=columns), numeric=columns[1:], empty=NO_REGISTER,
                      caption="Schools that are in two programmes",
                      widths=(3.0, 0.9, 0.9, 0.9))  # fmt: skip


def table_promises(found: Mapping[str, pd.DataFrame]) -> PaperTable:
    """Give each key performance indicator: where it stood, its target, what came, its status."""
    titles = _titles(found)
    rows = [
        (f"{titles[row['activity']]}: {_measure(row)}", _figure(row["baseline"]),
         _figure(row["target"]), "none yet" if pd.isna(row["actual"]) else _figure(row["actual"]),
         long_date(pd.Timestamp(row["due"]).date()), str(row["status"]).capitalize())
        for row in _get(found, "promises").to_dict("records")
    ]  # fmt: skip
    columns = ["Indicator", "Baseline", "Target", "Actual", "Due", "Status"]
    return make_table(pd.DataFrame(rows, columns=columns), numeric=columns[1:4], empty=NO_REGISTER,
                      caption="Key performance indicators, and whether they were met",
                      widths=(3.0, 0.7, 0.7, 0.7, 1.0, 0.9))  # fmt: skip


def table_themes(themes: pd.DataFrame) -> PaperTable:
    """Give what serves each theme of the Education Strategy."""
    rows = [
        (f"Theme {row['theme']}: {row['title']}", str(row["activities"]),
         str(row["taking_part"]), str(row["promises"]))
        for row in themes.to_dict("records")
    ]  # fmt: skip
    columns = ["Theme", "Activities", "Schools taking part", "Indicators"]
    return make_table(pd.DataFrame(rows, columns=columns), numeric=columns[1:], empty=NO_REGISTER,
                      caption="Activities by theme of the Education Strategy",
                      widths=(3.4, 0.8, 1.0, 0.8))  # fmt: skip


def _get(found: Mapping[str, pd.DataFrame], name: str) -> pd.DataFrame:
    return found.get(name, pd.DataFrame())


def _titles(found: Mapping[str, pd.DataFrame]) -> dict[str, str]:
    activities = _get(found, "activities")
    if activities.empty:
        return {}
    return dict(zip(activities["activity"], activities["title"], strict=True))


def _measure(row: Mapping[object, object]) -> str:
    group = row["group"]
    return f"{row['measure']}, {group}" if isinstance(group, str) else str(row["measure"])


def _days(value: float, none: str = "none recorded") -> str:
    return none if pd.isna(value) else show(value)


def _figure(value: float) -> str:
    return show(value, 0 if float(value).is_integer() else 1)


def _pounds(value: float) -> str:
    return "not agreed" if pd.isna(value) else f"£{value:,.0f}"


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


def _support_sentence(found: Mapping[str, pd.DataFrame], view: View, year: int) -> str:
    last = _get(found, "support-last-year-totals")
    if last.empty or not may_sum(last, view):
        return "Support follows the rating."
    row = last[last["rating"].astype(str) == "all"].iloc[0]
    if pd.isna(row["delivered"]):
        return "Support follows the rating. No record was kept of the days that were given."
    return (
        f"Support follows the rating. In {school_year(year)} schools had {show(row['delivered'])} "
        f"days; last year's ratings would have brought {show(row['planned'])}."
    )


def _taking_part(found: Mapping[str, pd.DataFrame]) -> str:
    matrix = _get(found, "participation")
    return NO_REGISTER if matrix.empty else participation_sentence(matrix)


def _challenge(found: Mapping[str, pd.DataFrame], year: int) -> str:
    challenge = _get(found, "external-challenge")
    if challenge.empty:
        return ""
    return challenge_sentence(challenge, year)


def _funding(found: Mapping[str, pd.DataFrame]) -> str:
    grants = _get(found, "grants")
    return "" if grants.empty else " ".join(funding_sentences(grants, _get(found, "claims")))


def _promises(found: Mapping[str, pd.DataFrame]) -> str:
    promises = _get(found, "promises")
    if promises.empty:
        return ""
    counts = promises["status"].value_counts()
    order = ["met", "partly met", "not met", "no figure", "not yet due"]
    parts = [f"{counts[status]} {words}" for status, words in zip(
        order, ["met", "partly met", "not met", "without a figure", "not yet due"], strict=True
    ) if status in counts]  # fmt: skip
    return f"Of {count_words(len(promises), 'indicator')}: {list_words(parts)}."

"""What the paper says of support and of changed ratings: how sure, what moved, days and money.

Public edition: counts of schools, small ones hidden; never a school, nor a sum from which the
number of schools of one rating could be worked out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from pepstats.document import Entry, PaperTable, make_table
from pepstats.formatting import count_words, format_number, join_words, long_date, school_year
from pepstats.priority import (
    CHANGES,
    CRITERIA,
    challenge_sentence,
    check_seventy_rule,
    count_unsure,
    funding_sentences,
    participation_sentence,
)
from pepstats.report.disclosure import (
    BESIDE,
    HIDDEN,
    SHOWN_COLUMNS,
    TOTAL,
    Protected,
    View,
    hidden_note,
    join_logs,
    list_shown,
    withhold,
)
from pepstats.report.edition import NOT_RATED, RATINGS, City, is_said
from pepstats.settings import Programme, Report


def count_ratings(ratings: pd.DataFrame) -> pd.DataFrame:
    """Count schools by priority rating and by who runs them."""
    rating = ratings["rating"].map(lambda r: NOT_RATED if pd.isna(r) else f"Priority {int(r)}")
    counts = pd.crosstab(rating, ratings["governance"].str.capitalize())
    order = ["Priority 1", "Priority 2", "Priority 3", NOT_RATED]
    kept = [name for name in order if name in counts.index or name != NOT_RATED]
    return counts.reindex(kept, fill_value=0).rename_axis(index="Rating", columns=None)


def protect_ratings(ratings: pd.DataFrame, view: View) -> Protected:
    """Hide counts of so few schools that one could be known, unless the edition is exempt."""
    return view.protect(count_ratings(ratings), "ratings")


def table_ratings(ratings: pd.DataFrame, view: View) -> PaperTable:
    """Give how many schools have each priority rating, by who runs them."""
    caption = "Schools by priority rating (1 is the highest priority) and by who runs them"
    if ratings.empty:
        return make_table(
            pd.DataFrame(columns=["Rating"]), caption=caption, empty="No school has been rated."
        )
    shown = protect_ratings(ratings, view)
    frame = shown.words().rename_axis("Rating").reset_index()
    note = hidden_note(shown, view)
    return make_table(frame, caption=caption, numeric=list(frame.columns[1:]), note=note)


def table_ratings_named(city: City, view: View) -> PaperTable:
    """Give each school's priority rating beside its name: in the exempt edition only."""
    caption = "Each school's priority rating and what it rests on"
    columns = ["School", "Rating", "Because"]
    if not view.exempt or city.ratings.empty:
        return make_table(
            pd.DataFrame(columns=columns), caption=caption,
            empty="Not published: it contains exempt information and will be made available to "
            "members at the meeting." if len(city.ratings) else "No school has been rated.",
        )  # fmt: skip
    rows = [
        (
            city.names.get(int(row["school"]), f"School {row['school']}"),
            "none" if pd.isna(row["rating"]) else str(int(row["rating"])),
            str(row["reasons"]) if is_said(row.get("reasons")) else "",
        )
        for row in city.ratings.sort_values(["rating", "school"]).to_dict("records")
    ]
    return make_table(
        pd.DataFrame(rows, columns=columns), caption=caption, numeric=["Rating"],
        widths=(2.2, 0.8, 3.0),
    )  # fmt: skip


def ratings_sentence(ratings: pd.DataFrame, view: View) -> str:
    """Say how many schools have a priority rating, and nothing that the table hides."""
    if ratings.empty:
        return "Schools have not been given a priority rating in this study."
    shown = protect_ratings(ratings, view).shown[TOTAL]
    left = shown.get(NOT_RATED, 0.0)
    if pd.isna(left) or pd.isna(shown[TOTAL]):
        return "Schools have a priority rating, but for a few that have too few results."
    rated = int(shown[TOTAL] - left)
    words = f"{count_words(rated, 'school')} {'has' if rated == 1 else 'have'} a priority rating."
    if left:
        words += f" {count_words(int(left), 'school')} could not be rated, for want of results."
    return words


NO_YEAR_BEFORE = "The study has no results of the year before, so no rating to compare with."

EXEMPT_ONLY = "Not published: it contains exempt information."


def make_support_entries(city: City, view: View, report: Report) -> dict[str, Entry]:
    """Give everything the paper may say of how sure ratings are, of changes and of support."""
    changes = city.table("changes")
    said = {
        "ratings.sure": (_sure_sentence(city.ratings, view), "ratings"),
        "ratings.changes": (_changes_sentence(changes, view), "changes"),
        "support.sentence": (_support_sentence(city, view, report.year), "support-totals"),
    }
    return {n: Entry(text, text, f"{RATINGS}/{table}.csv") for n, (text, table) in said.items()}


def make_support_tables(city: City, view: View, report: Report) -> dict[str, PaperTable]:
    """Give every table the paper may show of changed ratings and of support, by name."""
    changes, totals = city.table("changes"), city.table("support-totals")
    return {
        "ratings-changed": table_changes(changes, view),
        "ratings-changed-named": table_changes_named(changes, view),
        "support": table_support(city, view, report.year),
        "support-by-rating": table_support_by_rating(totals, view),
    }


def protect_changes(changes: pd.DataFrame, view: View) -> Protected:
    """Hide counts of changed ratings that are of so few schools that one could be known."""
    counts = pd.crosstab(changes["change"], changes["governance"].str.capitalize())
    counts = counts.reindex([c for c in CHANGES if c in counts.index])
    counts.index = counts.index.str.capitalize()
    return view.protect(counts.rename_axis(index="Change", columns=None), "ratings-changed")


def list_hidden_support(city: City, view: View) -> pd.DataFrame:
    """List what an edition hides of changed ratings and of support, each with its reason."""
    changes = city.table("changes")
    logs = [] if changes.empty else [protect_changes(changes, view).log]
    for name in ("support-totals", "support-last-year-totals"):
        totals = city.table(name)
        if len(totals) and not may_sum(totals, view):
            logs.append(withhold(f"{name}: days planned", BESIDE))
    return join_logs(logs)


def list_shown_support(city: City, view: View) -> pd.DataFrame:
    """List the counts of changed ratings that an edition shows, for the next release to heed."""
    changes = city.table("changes")
    if changes.empty:
        return pd.DataFrame(columns=SHOWN_COLUMNS)
    return list_shown("ratings-changed", protect_changes(changes, view).shown)


def table_changes(changes: pd.DataFrame, view: View) -> PaperTable:
    """Count schools by how their rating changed since last year."""
    caption = "Schools by how their priority rating changed since last year, on the same criteria"
    if changes.empty:
        return make_table(pd.DataFrame(columns=["Change"]), caption=caption, empty=NO_YEAR_BEFORE)
    shown = protect_changes(changes, view)
    frame = shown.words().rename_axis("Change").reset_index()
    note = hidden_note(shown, view)
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
    total = protect_changes(changes, view).shown[TOTAL]
    told = {change: int(total[change]) for change in ("Raised", "Lowered")
            if pd.notna(total.get(change))}  # fmt: skip
    parts = []
    if "Raised" in told:
        parts.append(f"{count_words(told['Raised'], 'school')} moved to a higher priority")
    if "Lowered" in told:
        parts.append(f"{count_words(told['Lowered'], 'school')} moved to a lower one")
    if not parts:
        return "Since last year few ratings have changed."
    return f"Since last year, on the same criteria, {join_words(parts)}."


def _support_sentence(city: City, view: View, year: int) -> str:
    last = city.table("support-last-year-totals")
    if last.empty or not may_sum(last, view):
        return "Support follows the rating."
    row = last[last["rating"].astype(str) == "all"].iloc[0]
    if pd.isna(row["delivered"]):
        return "Support follows the rating. No record was kept of the days that were given."
    return (
        f"Support follows the rating. In {school_year(year)} schools had "
        f"{format_number(row['delivered'])} days; last year's ratings would "
        f"have brought {format_number(row['planned'])}."
    )


def _days(value: float, none: str = "none recorded") -> str:
    return none if pd.isna(value) else format_number(value)


def _pounds(value: float) -> str:
    return "not agreed" if pd.isna(value) else f"£{value:,.0f}"


NO_REGISTER = "No partnership register was given with this study."


def make_partnership_entries(city: City, report: Report) -> dict[str, Entry]:
    """Give everything the paper may say of the partnership's register, by name."""
    said = {
        "partnership.taking_part": (_taking_part(city), "participation"),
        "partnership.challenge": (_challenge(city, report.year), "external-challenge"),
        "partnership.funding": (_funding(city), "grants"),
        "partnership.promises": (_promises(city), "promises"),
    }
    return {n: Entry(text, text, f"{RATINGS}/{table}.csv") for n, (text, table) in said.items()}


def make_partnership_tables(
    city: City, view: View, programmes: Sequence[Programme]
) -> dict[str, PaperTable]:
    """Give every table the paper may show of eligibility and of the register, by name."""
    return {
        "eligibility": table_eligibility(city.table("eligibility"), programmes, view),
        "eligibility-rules": table_rules(city.table("eligibility-rules")),
        "partnership-activities": table_activities(city.table("activities")),
        "partnership-overlap": table_overlap(city),
        "partnership-promises": table_promises(city),
        "partnership-themes": table_themes(city.table("themes")),
    }


def table_eligibility(
    judged: pd.DataFrame, programmes: Sequence[Programme], view: View
) -> PaperTable:
    """Hold each programme to the 70 per cent rule; how many are eligible in the exempt edition."""
    rows = []
    for programme in programmes:
        own = judged[judged["programme"] == programme.slug] if len(judged) else judged
        if own.empty:
            continue
        held = {name: check_seventy_rule(own[column]) for name, column in CRITERIA.items()}
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


def table_overlap(city: City) -> PaperTable:
    """Give how many schools each two programmes share."""
    titles = _titles(city)
    rows = [
        (f"{titles[row['one']]} and {titles[row['other']]}", str(row["both"]),
         str(row["only_one"]), str(row["only_other"]))
        for row in city.table("programme-overlap").to_dict("records")
    ]  # fmt: skip
    columns = ["Programmes", "Schools in both", "Only in the first", "Only in the second"]
    return make_table(pd.DataFrame(rows, columns=columns), numeric=columns[1:], empty=NO_REGISTER,
                      caption="Schools that are in two programmes",
                      widths=(3.0, 0.9, 0.9, 0.9))  # fmt: skip


def table_promises(city: City) -> PaperTable:
    """Give each key performance indicator: where it stood, its target, what came, its status."""
    titles = _titles(city)
    rows = [
        (f"{titles[row['activity']]}: {_measure(row)}", _figure(row["baseline"]),
         _figure(row["target"]), "none yet" if pd.isna(row["actual"]) else _figure(row["actual"]),
         long_date(pd.Timestamp(row["due"]).date()), str(row["status"]).capitalize())
        for row in city.table("promises").to_dict("records")
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


def _titles(city: City) -> dict[str, str]:
    activities = city.table("activities")
    if activities.empty:
        return {}
    return dict(zip(activities["activity"], activities["title"], strict=True))


def _measure(row: Mapping[object, object]) -> str:
    group = row["group"]
    return f"{row['measure']}, {group}" if isinstance(group, str) else str(row["measure"])


def _figure(value: float) -> str:
    return format_number(value, 0 if float(value).is_integer() else 1)


def _taking_part(city: City) -> str:
    matrix = city.table("participation")
    return NO_REGISTER if matrix.empty else participation_sentence(matrix)


def _challenge(city: City, year: int) -> str:
    challenge = city.table("external-challenge")
    if challenge.empty:
        return ""
    return challenge_sentence(challenge, year)


def _funding(city: City) -> str:
    grants = city.table("grants")
    return "" if grants.empty else " ".join(funding_sentences(grants, city.table("claims")))


def _promises(city: City) -> str:
    promises = city.table("promises")
    if promises.empty:
        return ""
    counts = promises["status"].value_counts()
    order = ["met", "partly met", "not met", "no figure", "not yet due"]
    parts = [f"{counts[status]} {words}" for status, words in zip(
        order, ["met", "partly met", "not met", "without a figure", "not yet due"], strict=True
    ) if status in counts]  # fmt: skip
    return f"Of {count_words(len(promises), 'indicator')}: {join_words(parts)}."

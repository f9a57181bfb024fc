"""What the paper says of the partnership: who takes part in what, who was challenged, who eligible.

Public edition: no school, and of eligibility the verdict alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from pepstats.autumn import Report
from pepstats.blocks import Entry, PaperTable, make_table
from pepstats.city import RATINGS, City
from pepstats.disclosure import View
from pepstats.eligibility import CRITERIA, hold_to_seventy
from pepstats.participation import challenge_sentence, funding_sentences, participation_sentence
from pepstats.programme import Programme
from pepstats.words import count_words, list_words, long_date, school_year, show

TABLES = (
    "eligibility", "eligibility-rules", "participation", "activities", "programme-overlap",
    "external-challenge", "grants", "claims", "promises", "themes",
)  # fmt: skip
"""The tables of notebook 02 that this part of the paper is made from."""

NO_REGISTER = "No partnership register was given with this study."


def make_entries(city: City, report: Report) -> dict[str, Entry]:
    """Give everything the paper may say of the partnership's register, by name."""
    said = {
        "partnership.taking_part": (_taking_part(city), "participation"),
        "partnership.challenge": (_challenge(city, report.year), "external-challenge"),
        "partnership.funding": (_funding(city), "grants"),
        "partnership.promises": (_promises(city), "promises"),
    }
    return {n: Entry(text, text, f"{RATINGS}/{table}.csv") for n, (text, table) in said.items()}


def make_tables(city: City, view: View, programmes: Sequence[Programme]) -> dict[str, PaperTable]:
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
    return show(value, 0 if float(value).is_integer() else 1)


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
    return f"Of {count_words(len(promises), 'indicator')}: {list_words(parts)}."

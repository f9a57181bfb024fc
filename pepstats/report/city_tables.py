"""What the paper says of the authority's schools: ratings, support, eligibility, the register.

Public edition: counts of schools, small ones hidden; never a school, nor a sum from which the
number of schools of one rating could be worked out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from pepstats.document import DASH, Cell, Entry, PaperTable, figure, make_table
from pepstats.formatting import (
    count_words,
    format_number,
    in_ten,
    join_words,
    long_date,
    per_hundred,
    school_year,
    spell_number,
)
from pepstats.priority import (
    CHANGES,
    CRITERIA,
    FEW,
    NO_PAIR,
    challenge_sentence,
    check_seventy_rule,
    count_unsure,
    funding_sentences,
    has_seventy_rule,
    participation_sentence,
)
from pepstats.report.disclosure import (
    BESIDE,
    HIDDEN,
    TOTAL,
    Protected,
    View,
    hidden_note,
    join_logs,
    withhold,
)
from pepstats.report.edition import NOT_RATED, RATINGS, City, is_said
from pepstats.settings import Programme

NO_YEAR_BEFORE = "The study has no results of the year before, so no rating to compare with."
NO_REGISTER = "No partnership register was given with this study."
NO_RATING = "No school has been rated."
EXEMPT_ONLY = (
    "Not published, as it contains exempt information; members will have it at the meeting."
)

STATUSES = {
    "met": ("is met", "are met"),
    "partly met": ("is partly met", "are partly met"),
    "not met": ("is not met", "are not met"),
    "no figure": ("has no figure", "have no figure"),
    "not yet due": ("is not yet due", "are not yet due"),
}
"""What becomes of a key performance indicator, and how a sentence puts it of one and of more."""


def make_city_entries(city: City, view: View, year: int) -> dict[str, Entry]:
    """Write everything the paper may say of ratings, support and the register, by name."""
    counts = protect_city(city, view)
    matrix, challenge, grants = map(city.table, ("participation", "external-challenge", "grants"))
    taking_part = "" if matrix.empty else participation_sentence(matrix)
    challenged = "" if challenge.empty else challenge_sentence(challenge, year)
    funding = [] if grants.empty else funding_sentences(grants, city.table("claims").iloc[:0])
    said = {
        "ratings.sentence": (ratings_sentence(counts.get("ratings")), "ratings"),
        "ratings.sure": (" ".join(_sure_sentences(city, view, counts)), "ratings"),
        "ratings.changes": (changes_sentence(counts.get("ratings-changed")), "changes"),
        "support.sentence": (_support_sentence(city, counts, view, year), "support-totals"),
        "partnership.taking_part": (taking_part, "participation"),
        "partnership.challenge": (challenged, "external-challenge"),
        "partnership.funding": (" ".join(funding), "grants"),
        "partnership.eligible": (_eligible_sentence(city.table("eligibility")), "eligibility"),
        "partnership.promises": (_promises_sentence(city.table("promises")), "promises"),
    }
    return {n: Entry(text, text, f"{RATINGS}/{table}.csv") for n, (text, table) in said.items()}


def make_city_tables(
    city: City, view: View, year: int, programmes: Sequence[Programme]
) -> dict[str, PaperTable]:
    """Make every table of ratings, support, eligibility and the register, by name."""
    counts, changes = protect_city(city, view), city.table("changes")
    return {
        "ratings": table_counts(
            "Schools by priority rating (1 is the highest priority) and by who runs them",
            counts.get("ratings"),
            view,
            empty=NO_RATING,
        ),
        "ratings-named": table_ratings_named(city, view),
        "ratings-changed": table_counts(
            "Schools by how their priority rating changed since last year, on the same criteria",
            counts.get("ratings-changed"),
            view,
            empty=NO_YEAR_BEFORE,
        ),
        "ratings-changed-named": table_changes_named(changes, view, counts),
        "support": table_support(city, counts, view, year),
        "support-by-rating": table_support_by_rating(city.table("support-totals"), view),
        "eligibility": table_eligibility(city.table("eligibility"), programmes, view),
        "eligibility-rules": table_rules(city.table("eligibility-rules")),
        "partnership-activities": table_activities(city.table("activities"), view),
        "partnership-promises": table_promises(city),
    }


def list_hidden_of_city(city: City, view: View) -> pd.DataFrame:
    """List what an edition hides of ratings and of support, each with its reason."""
    counts = protect_city(city, view)
    logs = [one.log for one in counts.values()]
    for name in ("support-totals", "support-last-year-totals"):
        if len(totals := city.table(name)) and not may_sum(totals, counts, view):
            logs.append(withhold(f"{name}: days planned", BESIDE))
    if len(city.ratings):
        logs.append(withhold("ratings-named", "a rating beside a school's name is exempt"))
    return join_logs(logs)


# Priority ratings --------------------------------------------------------------------------------


def protect_city(city: City, view: View) -> dict[str, Protected]:
    """Count schools by rating and by its change, by who runs them, small counts hidden.

    Both count the same schools, so they are hidden together; how many schools each kind of body
    runs is no secret.
    """
    if city.counts is not None:
        return dict(city.counts)
    if city.ratings.empty:
        return {}
    rating = city.ratings["rating"].map(lambda r: NOT_RATED if pd.isna(r) else f"Priority {int(r)}")
    schools = pd.DataFrame({"rating": rating.to_numpy(), "change": ""})
    schools["governance"] = city.ratings["governance"].str.capitalize().to_numpy()
    changes = city.table("changes")
    if len(changes):
        by_school = changes.set_index("school")["change"].str.capitalize()
        schools["change"] = city.ratings["school"].map(by_school).fillna("Not rated").to_numpy()
    known = {
        "rating": ["Priority 1", "Priority 2", "Priority 3", NOT_RATED],
        "change": [one.capitalize() for one in CHANGES],
    }
    known["rating"] = [r for r in known["rating"] if r != NOT_RATED or (rating == r).any()]
    known["change"] = [c for c in known["change"] if (schools["change"] == c).any()] or [""]
    known["governance"] = sorted(set(schools["governance"]))
    levels = list(known)
    every = pd.MultiIndex.from_product(known.values(), names=levels)
    cube = schools.groupby(levels).size().reindex(every, fill_value=0)
    tables = {"ratings": ("rating", "governance")}
    if len(changes):
        tables["ratings-changed"] = ("change", "governance")
    return view.protect_linked(cube, tables, known="governance")


def table_counts(caption: str, counts: Protected | None, view: View, *, empty: str) -> PaperTable:
    """Show counts of schools, small ones hidden."""
    if counts is None:
        return make_table(caption, ["Schools"], empty=empty)
    shown = counts.shown
    rows = [(name, *(figure(n, none=HIDDEN) for n in row)) for name, *row in shown.itertuples()]
    columns = [str(shown.index.name or "Schools"), *map(str, shown)]
    return make_table(caption, columns, rows, note=hidden_note(counts, view))


def table_ratings_named(city: City, view: View) -> PaperTable:
    """Show each school's priority rating beside its name: in the exempt edition only."""
    caption = "Each school's priority rating and what it rests on"
    columns = {"School": 2.2, "Rating": 0.8, "Rests on": 0.7, "Because": 3.0}
    if not view.exempt or city.ratings.empty:
        return make_table(caption, columns, empty=EXEMPT_ONLY if len(city.ratings) else NO_RATING)
    rows = [
        (
            city.names.get(int(row["school"]), f"School {row['school']}"),
            figure(row["rating"]),
            figure(100 * row["coverage"], unit="%") if "coverage" in row else "",
            str(row["reasons"]) if is_said(row.get("reasons")) else "",
        )
        for row in city.ratings.sort_values(["rating", "school"]).to_dict("records")
    ]
    return make_table(caption, columns, rows)


def table_changes_named(
    changes: pd.DataFrame, view: View, counts: Mapping[str, Protected]
) -> PaperTable:
    """Show each school whose rating changed, with what moved: in the exempt edition only."""
    caption = "Schools whose priority rating changed since last year, and why"
    columns = {"School": 1.8, "Last year": 0.6, "Now": 0.5, "Why": 3.2,
               "Could be chance": 0.7}  # fmt: skip
    if not view.exempt or changes.empty:
        why = EXEMPT_ONLY if "ratings-changed" in counts else NO_YEAR_BEFORE
        return make_table(caption, columns, empty=why)
    moved = changes[changes["change"].isin(["raised", "lowered"])].sort_values(["now", "name"])
    rows = [
        (row["name"], figure(row["before"]), figure(row["now"]), row["why"],
         "yes" if row["chance"] else "no")
        for row in moved.to_dict("records")
    ]  # fmt: skip
    return make_table(caption, columns, rows, empty="No rating changed.")


def ratings_sentence(counts: Protected | None) -> str:
    """Write how many schools have a priority rating, and nothing that the table hides."""
    if counts is None:
        return ""
    shown = counts.shown[TOTAL]
    left = shown.get(NOT_RATED, 0.0)
    if pd.isna(left) or pd.isna(shown[TOTAL]):
        return (
            "Most schools have a priority rating, from 1 (most in need) to 3. The others are "
            "special schools or have too few results."
        )
    rated = int(shown[TOTAL] - left)
    have = "has" if rated == 1 else "have"
    words = f"In all, {count_words(rated, 'school')} {have} a priority rating, "
    words += "from 1 (most in need) to 3."
    if left:
        unrated = spell_number(int(left)).capitalize()
        is_ = "it is a special school or has" if left == 1 else "they are special schools or have"
        words += f" {unrated} could not be rated, because {is_} too few results."
    return words


def _sure_sentences(city: City, view: View, counts: Mapping[str, Protected]) -> list[str]:
    """Write what the ratings rest on, how chance moves them, and how often they last a year."""
    rated = city.ratings.dropna(subset="rating") if len(city.ratings) else city.ratings
    if rated.empty or "p1" not in rated:
        return []
    coverage = per_hundred(rated["coverage"].mean())
    rests = (
        f"The ratings rest on about {coverage}% of the dashboard's criteria, by weight: the others "
        "could not be calculated from the data available."
    )
    if coverage < 50:
        rests += " With less than half of them, no decision should rest on a rating alone."
    hidden = not counts["ratings"].log.empty
    left = _left_out_sentence(city.table("ratings-left-out"))
    return [
        rests,
        *left,
        _chance_sentence(city.ratings, view, hidden=hidden),
        _next_year_sentence(city),
    ]


def _left_out_sentence(left_out: pd.DataFrame) -> list[str]:
    """Write which criteria cannot exist for these results, by their reason."""
    if left_out.empty:
        return []
    parts = [
        f"{join_words(own['label'].map(_inside))} ({why})"
        for why, own in left_out.groupby("reason", sort=False)
    ]
    return [f"Not used for any school: {'; '.join(parts)}."]


def _inside(label: str) -> str:
    """Write a label as it stands inside a sentence; a name that ends in a number stays as it is."""
    return label if "8" in label else f"{label[0].lower()}{label[1:]}"


def _next_year_sentence(city: City) -> str:
    """Write how many schools with the most certain ratings had the same rating a year later."""
    followed = city.table("ratings-next-year")
    if followed.empty:
        return f"Whether a rating will be the same next year is {NO_PAIR}."
    band = followed["certainty"].iloc[-1]
    rows = followed[followed["certainty"] == band].dropna(subset="share").to_dict("records")
    parts = [
        f"{in_ten(row['share'])} of those rated {row['rating']}"
        + (" (few schools)" if row["schools"] < FEW else "")
        for row in rows
    ]
    if len({in_ten(row["share"]) for row in rows}) == 1 < len(rows):
        parts = [f"{in_ten(rows[0]['share'])}, whatever the rating,"]
    first, then = (school_year(int(rows[0][name])) for name in ("year", "next_year"))
    return (
        "A rating describes one year, and may be another the next. Of all schools in the data "
        f"whose rating in {first} seemed certain ({band} in 100), {join_words(parts)} had the same "
        f"rating in {then}."
    )


def _chance_sentence(ratings: pd.DataFrame, view: View, *, hidden: bool) -> str:
    """Write for how many schools the rating is borderline; in tenths where counts are hidden."""
    unsure, rated = count_unsure(ratings), int(ratings["rating"].notna().sum())
    if 0 < min(unsure, rated - unsure) <= view.smallest and unsure != rated:
        return (
            "A few pupils more or fewer could change a rating: how often is on each school's sheet."
        )
    schools = f"{unsure or 'none'} of the {rated} schools"
    if hidden:
        schools = f"{in_ten(unsure / rated)} of the rated schools"
    return (
        f"For {schools} the rating is borderline: with slightly "
        "different results and weights there is more than a one in five chance of another rating."
    )


def changes_sentence(counts: Protected | None) -> str:
    """Write how many ratings moved each way, or that how many cannot be shown."""
    if counts is None:
        return ""
    total = counts.shown[TOTAL]  # a change that no school had has no row
    moved = {"higher": total.get("Raised", 0.0), "lower": total.get("Lowered", 0.0)}
    known = [(to, int(number)) for to, number in moved.items() if pd.notna(number)]
    if not known:
        return (
            "How many ratings have changed since last year is not shown, to protect single schools."
        )
    (to, number), *rest = known
    schools = count_words(number, "school") if number else "no school"
    parts = [f"{schools} moved to a {to} priority"]
    parts += [f"{number or 'none'} to a {to} one" for to, number in rest]
    words = f"Since last year, on the same criteria, {join_words(parts)}"
    if not rest:
        other = "lower" if to == "higher" else "higher"
        words += f"; how many moved to a {other} one is not shown, to protect single schools"
    return f"{words}."


# Support -----------------------------------------------------------------------------------------


def table_support(city: City, counts: Mapping[str, Protected], view: View, year: int) -> PaperTable:
    """Show the days planned and given in all, with cost and budget, for both school years."""
    columns = ["School year", "Schools", "Days planned", "Days delivered", "Planned cost", "Budget"]
    rows, hides = [], False
    for name, after in (("support-last-year-totals", year), ("support-totals", year + 1)):
        totals = city.table(name)
        if totals.empty:
            continue
        row, open_ = _all_schools(totals), may_sum(totals, counts, view)
        hides |= not open_
        planned: tuple[Cell, Cell] = (_days(row["planned"]), _pounds(row["planned_cost"]))
        days, cost = planned if open_ else (HIDDEN, HIDDEN)
        rows.append((school_year(after), figure(row["schools"]), days, _days(row["delivered"]),
                     cost, _pounds(row["budget"])))  # fmt: skip
    told = f"{HIDDEN} is a sum from which the number of schools of one rating could be worked out."
    caption = "Days of support: planned and delivered"
    note, empty = told if hides else "", "No support has been planned."
    return make_table(caption, columns, rows, note=note, empty=empty)


def may_sum(totals: pd.DataFrame, counts: Mapping[str, Protected], view: View) -> bool:
    """Whether days planned may be shown: they are a sum over the counts by rating, all shown."""
    groups = totals[~totals["rating"].astype(str).isin(["all", "not rated"])]
    few = groups["schools"].between(1, view.smallest).any()
    return not few and all(one.log.empty for one in counts.values())


def _all_schools(totals: pd.DataFrame) -> pd.Series:
    return totals[totals["rating"].astype(str) == "all"].iloc[0]


def table_support_by_rating(totals: pd.DataFrame, view: View) -> PaperTable:
    """Show the days by rating and by who runs the school: in the exempt edition only."""
    columns = ["Priority", "Run as", "Schools", "Days planned", "Days given"]
    rows = [
        (str(row["rating"]), str(row["governance"]), figure(row["schools"]),
         _days(row["planned"], "no plan"), _days(row["delivered"]))
        for row in (totals.to_dict("records") if view.exempt else [])
    ]  # fmt: skip
    caption = "Days of support for the year to come, by rating and by who runs the school"
    return make_table(caption, columns, rows, empty=EXEMPT_ONLY)


def _support_sentence(city: City, counts: Mapping[str, Protected], view: View, year: int) -> str:
    last = city.table("support-last-year-totals")
    if last.empty:
        return ""
    row = _all_schools(last)
    words = "The days of support that a school is offered depend on its rating."
    if not may_sum(last, counts, view):
        return words
    if pd.isna(row["delivered"]):
        return f"{words} No record of the days delivered was at hand."
    places = int(any(row[name] % 1 for name in ("delivered", "planned")))
    delivered, planned = (format_number(row[name], places) for name in ("delivered", "planned"))
    return (
        f"{words} In {school_year(year)} schools had {delivered} days of support; last year's "
        f"ratings, by the criteria that can be calculated now, would have called for {planned}."
    )


def _days(value: float, none: str = "none recorded") -> Cell:
    return figure(value, 1, none=none)


def _pounds(value: float) -> Cell:
    return figure(value, unit="£", none="not agreed")


# Eligibility, and the partnership's register -----------------------------------------------------


def _eligible_sentence(judged: pd.DataFrame) -> str:
    """Write what the fund of the day asked of a programme's schools when they were picked."""
    years = {int(year) for year in judged["year"]} if len(judged) else set()
    said = {
        "The Fund asked that most of a programme's schools meet one of its criteria when they were "
        "picked.": any(map(has_seventy_rule, years)),
        "RISE is for schools that are stuck or in a category of concern when they are picked.":
        not all(map(has_seventy_rule, years)),
    }  # fmt: skip
    return " ".join(words for words, so in said.items() if so)


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
        of_all, year = held["all"], int(own["year"].iloc[0])
        verdicts: list[Cell] = [held[name].verdict.capitalize() for name in ("all", "sourced")]
        needed = figure(of_all.needed)
        if not has_seventy_rule(year):
            needed, verdicts = "no such rule", ["Not asked", "Not asked"]
        counts = (figure(of_all.eligible), figure(of_all.unknown)) if view.exempt else ()
        rows.append((programme.title, school_year(year), figure(of_all.schools), needed, *counts,
                     *verdicts))  # fmt: skip
    numeric = ["Schools", "70% needs", *(["Eligible", "Not known"] if view.exempt else [])]
    columns = ["Programme", "By results of", *numeric, "All criteria", "Sourced criteria only"]
    caption = "Whether at least 70% of each programme's schools met a criterion of the Fund"
    note = (
        "Undetermined: information is missing for some schools, so the threshold may or may not "
        "have been met. The criteria are only partly public: the last column uses only those whose "
        "text was available."
    )
    empty = "No programme's schools were picked by such criteria."
    return make_table(caption, columns, rows, note=note if rows else "", empty=empty)


def table_rules(rules: pd.DataFrame) -> PaperTable:
    """List the criteria of eligibility, each with its status and where it is known from."""
    rows = [
        (f"{row['id']}: {row['text']}", row["status"], row["source"],
         "yes" if row["active"] else "no")
        for row in rules.to_dict("records")
    ]  # fmt: skip
    columns = {"Criterion": 2.4, "Status": 0.8, "Known from": 2.2, "Asked": 0.5}
    empty = "There were none in the years in which schools were picked."
    return make_table("The criteria a school could be eligible by", columns, rows, empty=empty)


def table_activities(activities: pd.DataFrame, view: View) -> PaperTable:
    """List the partnership's programmes, networks, courses and events, with who takes part."""
    rows = [
        (row["title"], row["kind"], f"Theme {row['theme']}", row["lead"],
         HIDDEN if 0 < row["taking_part"] <= view.smallest else figure(row["taking_part"]))
        for row in activities.to_dict("records")
    ]  # fmt: skip
    columns = {"Activity": 2.6, "Kind": 0.8, "Theme": 0.7, "Led by": 1.6, "Schools": 0.6}
    caption = "What the Partnership's schools take part in"
    return make_table(caption, columns, rows, empty=NO_REGISTER)


def table_promises(city: City) -> PaperTable:
    """Show each key performance indicator: where it stood, its target, what came, its status."""
    titles = _titles(city)
    rows = [
        (f"{titles[row['activity']]}: {_measure(row)}", _level(row["baseline"]),
         _level(row["target"]), _level(row["actual"], "none yet"),
         long_date(pd.Timestamp(row["due"]).date()), str(row["status"]).capitalize())
        for row in city.table("promises").to_dict("records")
    ]  # fmt: skip
    columns = {"Indicator": 3.0, "Baseline": 0.7, "Target": 0.7, "Actual": 0.7, "Due": 1.0,
               "Status": 0.9}  # fmt: skip
    caption = "Key performance indicators, and whether they were met"
    return make_table(caption, columns, rows, empty=NO_REGISTER)


def _titles(city: City) -> dict[str, str]:
    return {row["activity"]: row["title"] for row in city.table("activities").to_dict("records")}


def _measure(row: Mapping[Any, Any]) -> str:
    group = row["group"]
    return f"{row['measure']}, {group}" if isinstance(group, str) else str(row["measure"])


def _level(value: float | None, none: str = DASH) -> Cell:
    if value is None or pd.isna(value):
        return none
    return figure(value, 0 if float(value).is_integer() else 1)


def _promises_sentence(promises: pd.DataFrame) -> str:
    if promises.empty:
        return ""
    counts = promises["status"].value_counts().reindex(list(STATUSES)).dropna().astype(int)
    if len(promises) == 1:
        return f"The one key performance indicator {STATUSES[counts.index[0]][0]}."
    parts = [f"{spell_number(n)} {STATUSES[str(one)][n > 1]}" for one, n in counts.items()]
    of = spell_number(len(promises))
    return f"Of the {of} key performance indicators, {join_words(parts)}."

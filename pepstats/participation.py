"""What the partnership register answers: who takes part, who was challenged, what came of it."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd

from pepstats.partnership import THEMES, Partnership


def tabulate_register(
    partnership: Partnership | None,
    schools: pd.DataFrame,
    year: int,
    *,
    as_at: datetime.date,
    ofsted: pd.DataFrame | None = None,
) -> dict[str, pd.DataFrame]:
    """Give everything the register answers as tables, by name; none where there is no register.

    `participation` and `external-challenge` have a row per school; `programme-overlap`, `grants`,
    `claims`, `promises` and `themes` name no school.
    """
    if partnership is None:
        return {}
    matrix = list_participation(partnership, schools)
    grants, claims = add_funding(partnership)
    return {
        "participation": matrix,
        "activities": list_activities(partnership, matrix),
        "programme-overlap": count_overlap(partnership),
        "external-challenge": cover_challenge(partnership, schools, year, ofsted=ofsted),
        "grants": grants,
        "claims": claims,
        "promises": hold_promises(partnership, as_at),
        "themes": count_themes(partnership, matrix),
    }


def say_register(tables: dict[str, pd.DataFrame], year: int) -> list[str]:
    """Say in sentences what the register answers, or that none was given."""
    if not tables:
        return ["No partnership register was given with this study."]
    return [
        participation_sentence(tables["participation"]),
        challenge_sentence(tables["external-challenge"], year),
        *funding_sentences(tables["grants"], tables["claims"]),
    ]


def list_activities(partnership: Partnership, matrix: pd.DataFrame) -> pd.DataFrame:
    """List the activities with how many of the partnership's schools take part in each.

    Keyed `activity`: `title`, `kind`, `theme`, `lead`, `taking_part` (schools).
    """
    rows = [
        (a.id, a.title, a.kind, a.theme, a.lead, int(matrix[a.id].sum()))
        for a in partnership.register.activities
    ]
    columns = ["activity", "title", "kind", "theme", "lead", "taking_part"]
    return pd.DataFrame(rows, columns=columns).set_index("activity")


def list_participation(partnership: Partnership, schools: pd.DataFrame) -> pd.DataFrame:
    """Give the participation matrix: schools by activity, true where the school takes part.

    `schools` is the register of the partnership's own schools. Keyed `school`: `name`, a column
    per activity in the register's order, `activities` (how many) and `programmes` (how many of
    them are programmes).
    """
    ids = [activity.id for activity in partnership.register.activities]
    part = partnership.taking_part
    own = part[part["school"].isin(schools.index)].assign(there=True)
    matrix = own.pivot(index="school", columns="activity", values="there")
    matrix = matrix.reindex(index=schools.index, columns=ids).eq(True)
    programmes = [a.id for a in partnership.register.activities if a.kind == "programme"]
    counts = {"activities": matrix.sum(axis=1), "programmes": matrix[programmes].sum(axis=1)}
    return matrix.assign(**counts).assign(name=schools["name"])[["name", *ids, *counts]]


def count_overlap(partnership: Partnership) -> pd.DataFrame:
    """Count the schools that two programmes share, for every pair of programmes.

    Columns `one`, `other`, `both`, `only_one`, `only_other` (schools).
    """
    part = partnership.taking_part
    sets = {
        a.id: set(part.loc[part["activity"] == a.id, "school"])
        for a in partnership.register.activities
        if a.kind == "programme"
    }
    rows = [
        (one, other, len(sets[one] & sets[other]), len(sets[one] - sets[other]),
         len(sets[other] - sets[one]))
        for one in sets for other in sets if one < other
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["one", "other", "both", "only_one", "only_other"])


def cover_challenge(
    partnership: Partnership,
    schools: pd.DataFrame,
    year: int,
    *,
    ofsted: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Say which schools had an external review or an inspection in a school year.

    `ofsted` is keyed `school` with `inspected`; inspections in `reviews.csv` count as well. Keyed
    `school`: `name`, `governance`, `reviewed`, `inspected`, `challenged` (either).
    """
    first, last = pd.Timestamp(year - 1, 9, 1), pd.Timestamp(year, 8, 31)
    listed = partnership.reviews
    listed = listed[(listed["date"] >= first) & (listed["date"] <= last)]
    visits = listed["kind"] == "inspection"
    inspected = schools.index.isin(listed.loc[visits, "school"])
    if ofsted is not None:
        date = pd.to_datetime(ofsted["inspected"]).reindex(schools.index)
        inspected = inspected | ((date >= first) & (date <= last)).to_numpy()
    table = schools[["name", "governance"]].copy()
    table["reviewed"] = schools.index.isin(listed.loc[~visits, "school"])
    table["inspected"] = inspected
    table["challenged"] = table["reviewed"] | table["inspected"]
    return table


def challenge_sentence(challenge: pd.DataFrame, year: int) -> str:
    """Say how far external challenge reached, as the minute did: all except so many.

    How many there are in all is not said: beside counts of ratings it could show a hidden one.
    """
    own = challenge[challenge["governance"] == "maintained"]
    without = int((~own["challenged"]).sum())
    had = f"had an external review or an inspection in {year - 1}/{year % 100:02d}"
    if not len(own):
        return "There are no maintained schools."
    if without == len(own):
        return f"None of the maintained schools {had}."
    reach = "All the" if not without else f"All but {without} of the"
    return f"{reach} maintained schools {had}."


def participation_sentence(matrix: pd.DataFrame) -> str:
    """Say whether every school is in at least one activity."""
    without = int((matrix["activities"] == 0).sum())
    if not without:
        return f"Every one of the {len(matrix)} schools takes part in at least one activity."
    return f"{without} of the {len(matrix)} schools take part in nothing that is listed."


def add_funding(partnership: Partnership) -> tuple[pd.DataFrame, pd.DataFrame]:
    """List the grants, and every paper's claim with its `difference` from what they add up to."""
    register = partnership.register
    grants = pd.DataFrame([g.model_dump() for g in register.grants],
                          columns=["activity", "amount", "source"])  # fmt: skip
    claims = pd.DataFrame([c.model_dump() for c in register.claims],
                          columns=["said", "amount", "source"])  # fmt: skip
    claims["difference"] = claims["amount"] - float(grants["amount"].sum())
    return grants, claims


def funding_sentences(grants: pd.DataFrame, claims: pd.DataFrame) -> list[str]:
    """Say what the grants add up to, and where a paper has said otherwise."""
    sentences = [f"The grants listed add up to £{grants['amount'].sum():,.0f}."]
    for claim in claims[claims["difference"] != 0].to_dict("records"):
        more = "more" if claim["difference"] > 0 else "less"
        sentences.append(
            f"{claim['source']} says “{claim['said']}” (£{claim['amount']:,.0f}), "
            f"£{abs(claim['difference']):,.0f} {more} than the grants listed: the two do not "
            "agree, and which is right has to be asked."
        )
    return sentences


def hold_promises(partnership: Partnership, as_at: datetime.date) -> pd.DataFrame:
    """Hold each promise to its target: met, partly met, not met, not yet due, or no figure.

    A promise is partly met when the figure has moved from the baseline towards the target without
    reaching it. One that is met early is met. Keyed `promise`: `activity`, `measure`, `group`,
    `theme`, `baseline`, `target`, `actual`, `due`, `status`.
    """
    rows = []
    for promise in partnership.register.promises:
        sign = 1.0 if promise.target > promise.baseline else -1.0
        actual = np.nan if promise.actual is None else promise.actual
        if sign * (actual - promise.target) >= 0:
            status = "met"
        elif promise.due > as_at:
            status = "not yet due"
        elif promise.actual is None:
            status = "no figure"
        else:
            status = "partly met" if sign * (actual - promise.baseline) > 0 else "not met"
        rows.append((promise.id, promise.activity, promise.measure, promise.group, promise.theme,
                     promise.baseline, promise.target, actual, promise.due, status))  # fmt: skip
    columns = ["promise", "activity", "measure", "group", "theme", "baseline", "target", "actual",
               "due", "status"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns).set_index("promise")


def count_themes(partnership: Partnership, matrix: pd.DataFrame) -> pd.DataFrame:
    """Count activities and who takes part in them under each theme of the Education Strategy.

    Keyed `theme`: `title`, `activities`, `taking_part` (schools), `promises`.
    """
    rows = []
    for theme, title in THEMES.items():
        ids = [a.id for a in partnership.register.activities if a.theme == theme]
        schools = int(matrix[ids].any(axis=1).sum()) if ids else 0
        promises = sum(p.theme == theme for p in partnership.register.promises)
        rows.append((theme, title, len(ids), schools, promises))
    columns = ["theme", "title", "activities", "taking_part", "promises"]
    return pd.DataFrame(rows, columns=columns).set_index("theme")

"""What support the ratings bring, what has been delivered, and which ratings changed and why."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pepstats.errors import DesignError
from pepstats.priority.dashboard import Dashboard
from pepstats.priority.indicators import RatingInputs
from pepstats.priority.partnership import Partnership
from pepstats.priority.ratings import Ratings, chance_of, rate_schools

CHANGES = ("raised", "lowered", "newly rated", "no longer rated", "the same", "not rated")
COULD_BE_CHANCE = 0.2
"""A change is called likely chance while the school would be rated as before this often or more."""


def plan_support(
    ratings: pd.DataFrame, dashboard: Dashboard, *, delivered: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return for each school the days its rating brings, beside what it has had, and the cost.

    A school that is not rated, or whose governance is not known, has no plan: its days are missing;
    so are those given where no record of them was kept.
    """
    tiers = {(int(tier.rating), tier.governance): tier for tier in dashboard.support.tiers}
    table = ratings[["name", "rating", "governance"]].copy()
    kinds = zip(table["rating"].fillna(0).astype(int), table["governance"], strict=True)
    found = [tiers.get(kind) for kind in kinds]
    table["provider"] = [tier.provider if tier else "no plan: not rated" for tier in found]
    table["planned"] = [tier.days if tier else np.nan for tier in found]
    days: pd.Series | float = np.nan
    if delivered is not None:
        elsewhere = sorted(set(delivered["school"]) - set(table.index))
        if elsewhere:
            raise DesignError(
                f"support was given to schools that are not in the ratings: {elsewhere}."
            )
        days = delivered.groupby("school")["days"].sum().reindex(table.index).fillna(0.0)
    cost = dashboard.support.day_cost or np.nan
    return table.assign(
        delivered=days,
        left=table["planned"] - days,
        planned_cost=table["planned"] * cost,
        delivered_cost=days * cost,
    )


def plan_years(
    now: Ratings, last: Ratings | None, dashboard: Dashboard, partnership: Partnership | None
) -> dict[str, pd.DataFrame]:
    """Plan support by this year's ratings, and hold what was given to last year's: as tables.

    `support` and `support-totals` are for the school year that follows this year's results;
    `support-last-year` and its totals for the year before, where that was rated.
    """
    given = None if partnership is None else partnership.delivered
    tables: dict[str, pd.DataFrame] = {}
    for name, rated in (("support", now), ("support-last-year", last)):
        if rated is not None:
            first, last_day = pd.Timestamp(rated.year, 9, 1), pd.Timestamp(rated.year + 1, 8, 31)
            own = None if given is None else given[given["date"].between(first, last_day)]
            plan = plan_support(rated.ratings, dashboard, delivered=own)
            tables |= {name: plan, f"{name}-totals": sum_support(plan, dashboard)}
    return tables


def sum_support(plan: pd.DataFrame, dashboard: Dashboard) -> pd.DataFrame:
    """Add the plan up by rating and governance, with a last row for all and the budget."""
    words = plan["rating"].astype("object").where(plan["rating"].notna(), "not rated").astype(str)
    groups = plan.groupby([words.rename("rating"), "governance"], sort=True)
    sums = ["planned", "delivered", "planned_cost", "delivered_cost"]
    table = groups[sums].sum(min_count=1)
    table.insert(0, "schools", groups.size())
    total = plan[sums].sum(min_count=1).to_frame().T.assign(schools=len(plan))
    total.index = pd.MultiIndex.from_tuples([("all", "all")], names=["rating", "governance"])
    budget = dashboard.support.budget if dashboard.support.budget is not None else np.nan
    total["budget"] = budget
    total["over_budget"] = total["planned_cost"] - budget
    return pd.concat([table, total])[["schools", *sums, "budget", "over_budget"]]


def rate_year_before(
    inputs: RatingInputs, dashboard: Dashboard, year: int, *, schools: pd.Index | None = None
) -> Ratings | None:
    """Rate the year before by the same criteria; None where the study has no such year.

    How sure that rating was is not asked again, so its chances say nothing.
    """
    if year - 1 not in inputs.panel.releases.index:
        return None
    rng = np.random.default_rng(0)
    return rate_schools(inputs, dashboard, year - 1, rng=rng, schools=schools, draws=1)


def compare_ratings(now: Ratings, last: Ratings | None) -> pd.DataFrame:
    """List whose rating changed since last year, and which indicators moved.

    Keyed `school`: `name`, `governance`, `before`, `now`, `change` (raised, lowered, newly rated,
    no longer rated, the same: a raised priority is a smaller number), `why` (indicators whose
    colour changed or that one year lacked) and `chance` (whether the school could as well be rated
    as before: by this year's own draws it would be at least `COULD_BE_CHANCE` of the time). Empty
    where there is no last year.
    """
    columns = ["name", "governance", "before", "now", "change", "why", "chance"]
    if last is None:
        return pd.DataFrame(columns=columns, index=pd.Index([], name="school", dtype="int64"))
    ratings = now.ratings
    table = ratings[["name", "governance"]].assign(now=ratings["rating"].astype("Int64"))
    table["before"] = last.ratings["rating"].astype("Int64").reindex(table.index)
    was, is_now = table["before"].notna(), table["now"].notna()
    higher, lower = ((table["now"] < table["before"]), (table["now"] > table["before"]))
    asked = [higher.fillna(False), lower.fillna(False), ~was & is_now, was & ~is_now, was & is_now]
    table["change"] = np.select([one.astype(bool) for one in asked], CHANGES[:5], CHANGES[5])
    moved = _list_moves(now.contributions, last.contributions)
    table["why"] = moved.reindex(table.index).fillna("")
    could_be = chance_of(ratings, table["before"]) >= COULD_BE_CHANCE
    table["chance"] = table["change"].isin(["raised", "lowered"]) & could_be
    return table[columns]


def count_changes(changes: pd.DataFrame) -> pd.DataFrame:
    """Count the schools of each change; keyed `change`: `schools`."""
    found = changes["change"].value_counts().rename_axis("change").rename("schools")
    return found.reindex([c for c in CHANGES if c in found.index]).to_frame()


def _list_moves(now: pd.DataFrame, before: pd.DataFrame) -> pd.Series:
    """Write each school's indicators of another colour; last those that one year only has."""
    both = now[["label", "rag"]].join(before["rag"].rename("was"), how="left").fillna("")
    both = both[both["rag"] != both["was"]]
    new, gone = both["was"] == "", both["rag"] == ""
    parts = {
        "": (both["label"] + " " + both["was"] + " to " + both["rag"])[~new & ~gone],
        "no figure last year: ": (both["label"] + " " + both["rag"])[new],
        "no figure this year: ": (both["label"] + " " + both["was"])[gone],
    }
    told = [pd.Series(dtype=object)] + [
        words + own.groupby(level="school").agg(", ".join if words else "; ".join)
        for words, own in parts.items()
        if len(own)
    ]
    return pd.concat(told).groupby(level=0, sort=True).agg("; ".join)

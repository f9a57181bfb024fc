"""How many schools of a rating, given with a certainty, have the same rating the year after.

P(rating) says how sure this year's rating is; a rating is used for the year to come, in which other
pupils are tested. Results of earlier years tell how often a rating lasts.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from pepstats.formatting import in_ten, per_hundred, school_year
from pepstats.priority.dashboard import Dashboard
from pepstats.priority.indicators import RatingInputs
from pepstats.priority.ratings import Ratings, chance_of, list_sourced, rate_schools

CERTAINTY = {"under 50": 0, "50 to 79": 50, "80 to 94": 80, "95 or more": 95}
"""Bands of P(rating), in 100, each with its lower end."""

ENOUGH = 100  # schools rated in both years
FEW = 30  # schools of one rating, or of one band
POOLED = 5.0  # as many schools at the rating's own share steady the share of a band

NO_PAIR = (
    f"not known: this study has no two years in a row in which {ENOUGH} schools can be rated by "
    "the same criteria"
)
COLUMNS = ["year", "next_year", "schools", "chance", "same", "share"]


def follow_ratings(
    inputs: RatingInputs, dashboard: Dashboard, year: int, *, rng: np.random.Generator
) -> pd.DataFrame:
    """Count, by rating and certainty, the schools that had the same rating the year after.

    In the latest two years in a row, up to `year`, in which enough schools can be rated; both are
    rated by the criteria that have figures in both. Keyed (`rating`, `certainty`, in 100): `year`,
    `next_year`, `schools` (rated in both), `chance` (mean P(rating) they were given), `same` (how
    many had the same rating again) and `share`, shrunk towards the share of the whole rating (a
    beta-binomial prior worth `POOLED` schools), missing where under `FEW` schools had the rating.
    Empty where there are no such years.
    """
    known = set(inputs.panel.releases.index)
    for last in sorted((y for y in known if y <= year and y - 1 in known), reverse=True):
        shared = list_sourced(inputs, dashboard, last - 1) & list_sourced(inputs, dashboard, last)
        if not shared:
            continue
        board = _keep(dashboard, shared)
        after = rate_schools(inputs, board, last, rng=np.random.default_rng(0), draws=1).ratings
        both = after.index[after["rating"].notna()]
        if len(both) < ENOUGH:
            continue
        before = rate_schools(inputs, board, last - 1, rng=rng, schools=both, draws=400).ratings
        before = before[before["rating"].notna()]
        if len(before) >= ENOUGH:
            return _count(before, after["rating"]).assign(year=last - 1, next_year=last)[COLUMNS]
    index = pd.MultiIndex.from_tuples([], names=["rating", "certainty"])
    return pd.DataFrame(columns=COLUMNS, index=index)


def _keep(dashboard: Dashboard, shared: set[str]) -> Dashboard:
    """Return the dashboard with some of its indicators, and what they give by themselves."""
    indicators = tuple(one for one in dashboard.indicators if one.id in shared)
    overrides = tuple(one for one in dashboard.overrides if one.indicator in shared)
    return dashboard.model_copy(update={"indicators": indicators, "overrides": overrides})


def _count(before: pd.DataFrame, after: pd.Series) -> pd.DataFrame:
    chance = chance_of(before, before["rating"])
    same = before["rating"] == after.reindex(before.index)
    groups = pd.DataFrame({"chance": chance, "same": same.astype(int)}).groupby(
        [before["rating"].astype(int), _certainty_of(chance)]
    )
    table = groups.agg(schools=("same", "size"), chance=("chance", "mean"), same=("same", "sum"))
    order = pd.MultiIndex.from_product([(1, 2, 3), CERTAINTY], names=["rating", "certainty"])
    table = table.reindex(order)
    table[["schools", "same"]] = table[["schools", "same"]].fillna(0).astype(int)
    whole = table.groupby("rating")[["schools", "same"]].transform("sum")
    own = whole["same"] / whole["schools"]
    shrunk = (table["same"] + POOLED * own) / (table["schools"] + POOLED)
    return table.assign(share=shrunk.where(whole["schools"] >= FEW))


def _certainty_of(chance: pd.Series) -> pd.Series:
    """Return the band of each P(rating), as it is printed in so many of 100."""
    printed = chance.map(per_hundred, na_action="ignore").astype(float)
    bands = pd.cut(printed, [*CERTAINTY.values(), 101], right=False, labels=list(CERTAINTY))
    return bands.astype(object).rename("certainty")


def add_next_year(rated: Ratings, followed: pd.DataFrame) -> Ratings:
    """Add to each rating the chance of the same rating next year, as `follow_ratings` tells it.

    Adds `same_next_year` (the share), `same_next_year_of` (how many schools it rests on) and
    `next_year` (both in a sentence, or why there is no share; empty where a school is not rated) to
    `Ratings.ratings`.
    """
    table = rated.ratings.copy()
    bands = _certainty_of(chance_of(table, table["rating"]))
    keys = list(zip(table["rating"].fillna(0).astype(int), bands, strict=True))
    found = followed[["schools", "share"]].reindex(pd.MultiIndex.from_tuples(keys))
    there = found["share"].notna().to_numpy()
    table["same_next_year"] = found["share"].to_numpy(dtype=float)
    counted = pd.Series(found["schools"].to_numpy(dtype=float), index=table.index)
    table["same_next_year_of"] = counted.where(there).astype("Int64")
    table["next_year"] = [_say(followed, n, band) if n else "" for n, band in keys]
    return dataclasses.replace(rated, ratings=table)


def _say(followed: pd.DataFrame, rating: int, band: str) -> str:
    """Write how many schools of one rating and certainty had it again, or why that is not known."""
    if followed.empty:
        return NO_PAIR
    row = followed.loc[(rating, band)]
    whole = int(followed.loc[rating, "schools"].sum())
    first, then = school_year(int(row["year"])), school_year(int(row["next_year"]))
    if pd.isna(row["share"]):
        return f"not known: in {first} only {whole} schools were rated {rating}"
    few = row["schools"] < FEW
    more = f" (fewer than {FEW} schools, so all {whole:,} rated {rating} count too)" if few else ""
    return (
        f"of {'' if few else format(row['schools'], ',.0f') + ' '}schools rated {rating} with this "
        f"certainty ({band} of 100) in {first}, {in_ten(row['share'])} were rated {rating} again "
        f"in {then}{more}"
    )

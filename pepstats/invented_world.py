"""The invented England's places: authorities, schools, their names, and which URN became which."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pepstats.invented_moves import CITY, SECOND_MOVE, find_mergers, give_urns, link_urns
from pepstats.invented_names import name_schools, share_out_places

JUNIORS_OF_TEN = 3
FIRST_AUTHORITY = 501  # no English authority has had a code from 500 to 599
CITY_SCHOOLS = 45


@dataclass(frozen=True)
class World:
    """Where the invented pupils go to school, before anything is known of their results.

    Attributes
    ----------
    authorities
        `la`, `name`.
    schools
        One row per school that ever has pupils at the end of key stage 2 (first in the table) or
        does not (infant, secondary, independent): `la`, `kind`, `name`, `faith`, `low_age`,
        `high_age`, `first`, `last` (years with results), `trust`.
    establishments
        One row per URN: `school` (row of `schools`), `urn`, `estab`, `nftype`, `name`, `opened`,
        `closed` (dates or missing), `first_file` (the first year's file it is listed in).
    links
        `URN, LinkURN, LinkName, LinkType, LinkEstablishedDate`.
    """

    authorities: pd.DataFrame
    schools: pd.DataFrame
    establishments: pd.DataFrame
    links: pd.DataFrame


def make_world(
    n_schools: int, weak: np.ndarray, size: np.ndarray, rng: np.random.Generator
) -> World:
    """Lay out authorities, schools, conversions and mergers.

    `weak` ranks the schools with results from 0 (strong) to 1 (weak): sponsored conversions
    are commoner among the weak, as they are in England. `size` is their places a year: where
    two schools merge, the larger goes on.
    """
    authorities, sizes = _authorities(n_schools, rng)
    schools = _schools(authorities, sizes, rng)
    mergers = find_mergers(schools, size)
    schools = _gather_juniors(schools, {school for pair in mergers for school in pair[:2]})
    establishments = give_urns(schools, weak, mergers, rng)
    return World(authorities, schools, establishments, link_urns(establishments, mergers))


def authority_of_school(n_schools: int) -> np.ndarray:
    """Give the authority's position of each school with results, in the order of the world."""
    sizes = authority_sizes(n_schools)
    return np.repeat(np.arange(len(sizes)), sizes)


def authority_sizes(n_schools: int) -> np.ndarray:
    """Give the number of schools with results in each authority; the city's is always 45."""
    n = int(np.clip(round(n_schools * 60 / 2500), 4, 60))
    # Sizes differ as England's do: a long tail of counties. The order is fixed, not drawn.
    spread = np.exp(0.5 * np.sin(np.arange(n) * 2.399963) + 0.25 * np.cos(np.arange(n) * 5.1))
    others = n_schools - CITY_SCHOOLS
    sizes = np.floor(others * spread / np.delete(spread, _city(n)).sum()).astype(int)
    sizes[_city(n)] = CITY_SCHOOLS
    last = 0 if _city(n) else 1
    sizes[last] += n_schools - sizes.sum()
    return np.asarray(sizes)


def _city(n_authorities: int) -> int:
    return min(CITY - FIRST_AUTHORITY, n_authorities - 1)


def _authorities(n_schools: int, rng: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray]:
    sizes = authority_sizes(n_schools)
    city = _city(len(sizes))
    places = share_out_places(len(sizes), city, rng)
    codes = FIRST_AUTHORITY + np.arange(len(sizes))
    codes[city] = CITY
    names = [own[0] for own in places]
    return pd.DataFrame({"la": codes, "name": names, "places": places}), sizes


def _schools(
    authorities: pd.DataFrame, sizes: np.ndarray, rng: np.random.Generator
) -> pd.DataFrame:
    rows = []
    for la, places, size in zip(
        authorities["la"], authorities["places"], sizes.tolist(), strict=True
    ):
        city = la == CITY
        kinds = _kinds(size, city, rng)
        names = name_schools(kinds, places, odd=not city, rng=rng)
        rows += [(la, kind, *name) for kind, name in zip(kinds, names, strict=True)]
    frame = pd.DataFrame(rows, columns=["la", "kind", "name", "faith"])
    frame["has_results"] = ~frame["kind"].isin(["infant", "secondary", "independent"])
    # Schools with pupils at the end of key stage 2 come first, mainstream before special.
    frame["order"] = np.select([frame["kind"].eq("special"), frame["has_results"]], [1, 0], 2)
    frame = frame.sort_values(["order", "la"], kind="stable").reset_index(drop=True)
    ages = {
        "primary": (4, 11),
        "junior": (7, 11),
        "middle": (9, 13),
        "all-through": (4, 18),
        "special": (4, 16),
        "infant": (4, 7),
        "secondary": (11, 16),
        "independent": (3, 18),
    }
    low = frame["kind"].map({kind: low for kind, (low, _) in ages.items()}).to_numpy().copy()
    nursery = (frame["kind"] == "primary").to_numpy() & (rng.random(len(frame)) < 0.45)
    low[nursery] = 3
    frame["low_age"] = low
    frame["high_age"] = frame["kind"].map({kind: high for kind, (_, high) in ages.items()})
    first = np.where(rng.random(len(frame)) < 0.02, rng.integers(2017, 2020, len(frame)), 2000)
    last = np.where(rng.random(len(frame)) < 0.015, rng.integers(2016, 2019, len(frame)), 2100)
    settled = (frame["la"] == CITY) | (frame["order"] > 0) | (first > last)
    frame["first"] = np.where(settled, 2000, first)
    frame["last"] = np.where(settled, 2100, last)
    return frame.drop(columns=["order"])


def _kinds(size: int, city: bool, rng: np.random.Generator) -> list[str]:
    if city:
        kinds = ["junior"] * 15 + ["all-through"] + ["primary"] * (size - 16)
    else:
        shares = [0.905, 0.065, 0.012, 0.018]
        drawn = rng.choice(["primary", "junior", "middle", "all-through"], size, p=shares)
        kinds = sorted(drawn.tolist())
    extra = {
        "infant": 14 if city else kinds.count("junior") + 1,
        "secondary": max(2, round(size * 0.21)),
        "special": max(1, round(size * 0.047)),
        "independent": max(1, round(size * 0.05)),
    }
    return kinds + [kind for kind, count in extra.items() for _ in range(count)]


def _gather_juniors(schools: pd.DataFrame, stay: set[int]) -> pd.DataFrame:
    """Give a fifth of authorities many junior schools and the others few, as England has them.

    The city is left as it is, and so are the schools in `stay` and those with a patron saint.
    """
    place = schools["la"] - FIRST_AUTHORITY
    many = (place % 5 == 2) & (schools["la"] != CITY)
    plain = schools["name"].str.endswith((" Primary School", " Junior School"))
    plain &= (schools["la"] != CITY) & ~schools.index.isin(stay)
    order = schools.groupby(["la", "kind"]).cumcount()
    to_junior = plain & many & (schools["kind"] == "primary") & (order % 10 < JUNIORS_OF_TEN)
    to_primary = plain & ~many & (schools["kind"] == "junior") & (order % 4 > 0)
    out = schools.copy()
    for rows, kind, old, new, low in (
        (to_junior, "junior", "Primary", "Junior", 7),
        (to_primary, "primary", "Junior", "Primary", 4),
    ):
        out.loc[rows, "name"] = out.loc[rows, "name"].str.replace(f"{old} School", f"{new} School")
        out.loc[rows, ["kind", "low_age"]] = [kind, low]
    return out


def listing(world: World, year: int) -> pd.DataFrame:
    """List the rows of a year's key stage 2 file: `school`, `urn`, `estab`, `nftype`, `name`.

    `again` marks a school's second row: a URN that opened during the year, listed blank.
    `urn_ac`, `name_ac`, `open_ac` name the academy a school has since become, where it has.
    """
    table = world.establishments
    schools = world.schools
    possible = schools["has_results"] & (schools["last"] >= year)
    table = table[table["school"].isin(possible.index[possible]) & (table["first_file"] <= year)]
    now = table.groupby("school", sort=True).tail(1).set_index("school")
    later = world.establishments.set_index("school")
    soon = later[(later["opened"] >= f"{year}-02-01") & (later["opened"] <= f"{year + 1}-01-31")]
    soon = soon[soon.index.isin(now.index) & (soon["first_file"] > year)]
    soon = soon[~soon.index.duplicated()]
    now = now.assign(again=False, urn_ac=soon["urn"], name_ac=soon["name"], open_ac=soon["opened"])
    twice = soon[soon["opened"] == SECOND_MOVE].assign(again=True)
    return pd.concat([now, twice]).reset_index()


def kinds_of(schools: pd.DataFrame) -> pd.DataFrame:
    """Give each school's `phase` and `school_type` in the words of the register."""
    kind = schools["kind"]
    phase = kind.where(kind.isin(["all-through", "special", "secondary"]), "primary")
    school_type = kind.where(~kind.isin(["independent"]), "unknown")
    return pd.DataFrame({"phase": phase, "school_type": school_type})

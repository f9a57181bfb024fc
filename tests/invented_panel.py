"""The invented England's panel and register straight from memory, as its files would be read."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from pepstats.invented.england import England
from pepstats.invented.results import FEWEST, Published, columns_of
from pepstats.invented.world import listing
from pepstats.measures import (
    BLANK,
    COMPLEMENT,
    CUT_OFF,
    MEASURES,
    NO_ROW,
    NOT_IN_LAYOUT,
    REASONS,
    TYPES,
)

CODES = ("SUPP", "NA", "LOWCOV")


def tabulate_panel(
    england: England, measures: Iterable[str] | None = None
) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    """Return what a panel is made of and the register, as reading the written files would.

    The tables are `values`, `reasons` and `releases` of the schools in the key stage 2 files.
    Without `measures`, those whose columns the default layout has. Values are the published
    ones: rounded, suppressed where the files are, each gap with the same reason.
    """
    published = {name.upper() for year in england.years for name in columns_of(year)}
    known = {n: m.column for n, m in MEASURES.items() if m.kind == "ks2"}
    chosen = list(measures or [name for name in known if known[name].upper() in published])
    listed = {year: listing(england.world, year) for year in england.years}
    every = pd.concat([table.assign(year=year) for year, table in listed.items()])
    urn = every.groupby("school")["urn"].min().sort_values()
    schools = urn.index.to_numpy()
    index = pd.MultiIndex.from_product([urn.to_numpy(), england.years], names=["school", "year"])
    shape = (len(schools), len(england.years), len(chosen))
    values, reasons = np.full(shape, np.nan), np.full(shape, NO_ROW, dtype=object)
    releases = np.full(shape[1:], "final", dtype=object)
    for t, year in enumerate(england.years):
        results = england.results(year)
        in_file = np.isin(schools, listed[year]["school"].to_numpy())
        has_pupils = in_file & (results.count("all")[schools] > 0)
        layout = {name.upper() for name in columns_of(year)}
        reasons[in_file & ~has_pupils, t] = CUT_OFF
        for j, name in enumerate(chosen):
            if known[name].upper() not in layout:
                reasons[:, t, j], releases[t, j] = NOT_IN_LAYOUT, ""
                continue
            column = results.column(known[name])
            values[has_pupils, t, j] = column.value[schools[has_pupils]]
            why = np.full(int(has_pupils.sum()), BLANK, dtype=object)
            for code in CODES:
                why[column.code[schools[has_pupils]] == code] = REASONS[code]
            if name.endswith((".disadvantaged", ".other")) and not name.startswith("cohort"):
                why[_beside(results, name.rsplit(".", 1)[1])[schools[has_pupils]]] = COMPLEMENT
            reasons[has_pupils, t, j] = why
    reasons[~np.isnan(values)] = np.nan
    flat = (len(index), len(chosen))
    years = pd.Index(england.years, name="year")
    tables = {
        "values": pd.DataFrame(values.reshape(flat), index=index, columns=chosen),
        "reasons": pd.DataFrame(reasons.reshape(flat), index=index, columns=chosen, dtype="str"),
        "releases": pd.DataFrame(releases, index=years, columns=chosen, dtype="str"),
    }
    return tables, _register(england, every, urn)


def _register(england: England, every: pd.DataFrame, urn: pd.Series) -> pd.DataFrame:
    """Return one row per school in the files, by its first URN, as the files describe it."""
    world = england.world
    listed = every.sort_values(["school", "year", "urn"], kind="stable")
    last = listed.groupby("school").tail(1).set_index("school")
    counts = {year: england.results(year).count("all") for year in england.years}
    places = zip(listed["year"], listed["school"], strict=True)
    cohort = np.array([counts[year][school] for year, school in places])
    listed = listed.assign(has_results=(cohort > 0) & ~listed["again"])
    latest = listed.sort_values(["has_results", "year", "urn"]).groupby("school")["urn"].last()
    listed = listed.sort_values(["year", "has_results", "urn"]).drop_duplicates(["school", "urn"])
    urns = listed["urn"].astype(str).groupby(listed["school"]).agg(" ".join)
    table = world.establishments
    register = pd.DataFrame(
        {
            "name": last["name"],
            "la": world.schools["la"].reindex(last.index),
            **_kinds_of(world.schools).reindex(last.index),
            "governance": last["nftype"].map(lambda code: TYPES[code][1]),
            "type": last["nftype"].map(lambda code: TYPES[code][0]),
            "trust": pd.Series(np.nan, index=last.index, dtype="str"),
            "opened": table.groupby("school")["opened"].first().reindex(last.index),
            "closed": table.set_index("urn")["closed"].reindex(latest).to_numpy(),
            "urn": latest,
            "urns": urns,
        }
    )
    register.index = pd.Index(urn.reindex(register.index).to_numpy(), name="school")
    return register.sort_index()


def _beside(results: Published, group: str) -> np.ndarray:
    """Return where a group is large enough to publish and hidden only for the other's sake."""
    pair = [results.count("FSM6CLA1A"), results.count("NotFSM6CLA1A")]
    own, other = pair if group == "disadvantaged" else pair[::-1]
    alone = (other == 0) & (results.pupils.year < 2019) & (group == "other")
    return (own >= FEWEST) & (other < FEWEST) & ~alone


def _kinds_of(schools: pd.DataFrame) -> pd.DataFrame:
    """Return each school's `phase` and `school_type` in the words of the register."""
    kind = schools["kind"]
    phase = kind.where(kind.isin(["all-through", "special", "secondary"]), "primary")
    school_type = kind.where(kind != "independent", "unknown")
    return pd.DataFrame({"phase": phase, "school_type": school_type})

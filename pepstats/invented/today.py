"""The invented England of today: the same schools six years on, and a programme for stuck ones.

No pupil sat a test in 2020 and 2021 and nothing was published by school in 2022, so none of these
years is made. Schools keep what was lasting about them; what passes had gone by 2023.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from pepstats.invented.england import MEMBERS, England, enrol, pick_urn, plant_effects
from pepstats.invented.pupils import (
    EVERY_YEAR,
    PLANTED_TODAY,
    STARTS_TODAY,
    TODAY,
    Pupils,
    generator,
)
from pepstats.invented.results import Published
from pepstats.invented.world import CITY, convert_later

LAST_GRADES = "2024-08-31"
"""Until then an inspection gave one grade for the whole school."""

LATEST_VISIT, LATEST_CARD = "2025-07-20", "2025-11-27"
STUCK, LOWER, KNOWN = (
    "found below Good twice running by 31 August 2024",
    "lower attaining in 2022/23 and 2023/24",
    "local knowledge",
)
"""Why a school was picked for today's programme."""


def continue_england(england: England) -> England:
    """Return the same England in 2023 to 2025, with a programme of 18 schools from 2024/25.

    More schools have become academies. `england` must be as `build_england` makes it.
    """
    seed = england.seed
    later = replace(
        england, world=convert_later(england.world, generator(seed, "conversions since 2019")),
        starts=STARTS_TODAY, planted=PLANTED_TODAY, years=TODAY, _results={},
    )  # fmt: skip
    pupils = enrol(later.world, later.intake, TODAY, seed)
    members = _pick_members(later, pupils, generator(seed, "members of today"))
    return plant_effects(replace(later, members=members), pupils)


def inspect_schools(england: England) -> pd.DataFrame:
    """Return what inspectors found of every school, by row of `world.schools`.

    Columns: `before` and `grade`, the last two graded inspections with an overall grade (1 to 4)
    up to 31 August 2024, and their days `day_before` and `day`; `since`, the day of a graded
    inspection after that, which gave no overall grade; `card`, the day of a report card;
    `ungraded`, the day of an ungraded inspection; each missing where there was none. `quality` of
    education and `leadership` are what is graded apart then.
    """
    schools, intake = england.world.schools, england.intake
    rng = generator(england.seed, "inspections of today")
    n, known = len(schools), len(intake.size)
    like = rng.integers(0, int((~intake.special).sum()), n - known)
    years = [EVERY_YEAR.index(year) for year in (2019, 2023)]
    lasting = intake.effect[:, years, :3].mean(axis=(1, 2)) - 1.5 * intake.disadvantaged
    lasting = np.concatenate([lasting, lasting[like]])
    lasting += np.where(schools["kind"] == "special", 4.5, 0.0) + rng.standard_normal(n)
    found = pd.DataFrame(index=schools.index)
    for name, cuts in (("before", (0.03, 0.15, 0.82)), ("grade", (0.02, 0.10, 0.85))):
        rank = pd.Series(lasting + 1.6 * rng.standard_normal(n)).rank(pct=True, method="first")
        found[name] = np.select([rank <= cut for cut in cuts], [4, 3, 2], 1)
    last = pd.Timestamp(LAST_GRADES) - pd.Timedelta(days=40)
    longest = np.where(found["grade"] == 2, 1400, np.where(found["grade"] == 1, 2400, 800))
    ago = np.round(rng.random(n) * longest).astype(int)
    found["day"] = last - pd.to_timedelta(ago, unit="D")
    found["day_before"] = found["day"] - pd.to_timedelta(rng.integers(700, 1600, n), unit="D")
    for name, share, end, span in (
        ("since", 0.2, LATEST_VISIT, 300), ("card", 0.03, LATEST_CARD, 16),
        ("ungraded", 0.45, LATEST_VISIT, 900),
    ):  # fmt: skip
        day = pd.Timestamp(end) - pd.to_timedelta(rng.integers(0, span, n), unit="D")
        found[name] = pd.Series(day, index=found.index).where(rng.random(n) < share)
    # Only a good school is visited without grades, and not before the grade it was found to keep.
    early = (found["grade"] > 2) | (found["ungraded"] < found["day"] + pd.Timedelta(days=365))
    found["ungraded"] = found["ungraded"].mask(early | found["since"].notna())
    found["quality"] = np.clip(found["grade"] + rng.integers(-1, 2, n), 1, 4)
    found["leadership"] = np.clip(found["quality"] - rng.integers(0, 2, n), 1, 4)
    return found


def find_stuck(found: pd.DataFrame) -> pd.Series:
    """Return which schools were stuck: below Good at the latest two inspections with a grade."""
    return (found["grade"] > 2) & (found["before"] > 2)


def _pick_members(
    england: England, pupils: dict[int, Pupils], rng: np.random.Generator
) -> pd.DataFrame:
    """Pick the city's stuck schools, then lower attaining ones, then some known to want it."""
    schools = england.world.schools
    schools = schools[schools["has_results"]]
    home = np.flatnonzero((schools["la"] == CITY) & (schools["kind"] != "special"))
    seen = [
        Published(pupils[year], pupils[year].school, len(schools)).column("PTRWM_EXP").value[home]
        for year in TODAY[:2]
    ]
    order = home[np.argsort(np.mean(seen, axis=0), kind="stable")]
    stuck = find_stuck(inspect_schools(england)).to_numpy()
    first = [school for school in order.tolist() if stuck[school]][:MEMBERS]
    lower, upper = np.array_split(order, 2)
    others = rng.permutation(np.setdiff1d(lower, first))[: max(MEMBERS - 5 - len(first), 0)]
    rest = rng.permutation(np.setdiff1d(upper, first))
    known = rest[: MEMBERS - len(first) - len(others)]
    why = {**dict.fromkeys(known.tolist(), KNOWN), **dict.fromkeys(others.tolist(), LOWER),
           **dict.fromkeys(first, STUCK)}  # fmt: skip
    rows = [
        (slug, school, pick_urn(england.world, school, "2025-06-30", rng), "2024-09",
         float(rng.integers(8, 25)), why[school])
        for slug in PLANTED_TODAY for school in sorted(why)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["programme", "school", "urn", "joined", "dose", "basis"])

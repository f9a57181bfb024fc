"""An invented England: schools and pupils that do not exist, with a planted effect.

It has the spread, persistence, cohort sizes and clustering of England's own files, so that the
whole line can be tried, and calibrated, where the truth is known. Nothing in it is about any
real school; every name says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from pepstats.errors import DesignError
from pepstats.invented_moves import CITY
from pepstats.invented_pupils import (
    PLANTED,
    STARTS,
    YEARS,
    Intake,
    Pupils,
    add_special,
    cohort,
    draw_intake,
    draw_pupils,
    plant,
)
from pepstats.invented_results import Published
from pepstats.invented_world import World, authority_of_school, make_world
from pepstats.panel import Panel

SEED = 20180703  # the day the board asked for the evaluations; not picked for its results
MEMBERS, LOWER_MEMBERS, SHARED = 18, 13, 4


@dataclass(frozen=True)
class England:
    """An invented England, whole, in memory.

    Attributes
    ----------
    seed, effect, years
        What it was built from.
    world
        Authorities, schools, establishments (URNs) and links.
    intake
        What each school is like; the truth that no file shows.
    pupils
        Year -> its pupils, any planted effect included.
    members
        `programme`, `school` (row of `world.schools`), `urn`, `joined`, `dose`, `basis`.
    """

    seed: int
    effect: float
    years: tuple[int, ...]
    world: World
    intake: Intake
    pupils: dict[int, Pupils]
    members: pd.DataFrame
    _results: dict[int, Published] = field(default_factory=dict, repr=False, compare=False)

    def results(self, year: int) -> Published:
        """Give one year's results by school, in the order of `world.schools`."""
        if year not in self._results:
            pupils = self.pupils[year]
            self._results[year] = Published(pupils, pupils.school, len(self.intake.size))
        return self._results[year]

    def strength(self, programme: str) -> np.ndarray:
        """Give each school's dose of a programme against its members' average; 0 outside."""
        return _strength(self.members, programme, len(self.intake.size))

    def panel(self, measures: Iterable[str] | None = None) -> tuple[Panel, pd.DataFrame]:
        """Give the panel and register that reading the written files would give."""
        from pepstats.invented_panel import panel_of

        return panel_of(self, measures)


def build(
    *,
    schools: int = 2500,
    seed: int = SEED,
    effect: float = 1.0,
    years: Sequence[int] = YEARS,
) -> England:
    """Build an invented England of `schools` mainstream schools with key stage 2 results.

    `effect` multiplies what the programmes add; 0 plants nothing, and leaves every other pupil's
    result as it was. Raises DesignError where it cannot be built.
    """
    if schools < 200:
        raise DesignError(f"{schools} schools are too few for an England: ask for at least 200.")
    unknown = sorted(set(years) - set(YEARS))
    if unknown or not years:
        raise DesignError(f"years {unknown or 'none'}: choose from {YEARS[0]} to {YEARS[-1]}.")
    streams = {name: np.random.default_rng([seed, place]) for place, name in enumerate(
        ("intake", "world", "special", "cohorts", "members", *YEARS)
    )}  # fmt: skip
    authority = authority_of_school(schools)
    city = _city_place(authority)
    intake = draw_intake(authority, city, streams["intake"])
    world = make_world(schools, _weakness(intake), intake.size, streams["world"])
    special = int(world.schools["has_results"].sum()) - schools
    intake = add_special(intake, special, streams["special"])
    pupils = {}
    rng = streams["cohorts"]
    full = rng.random(len(intake.size)) < 0.6
    fill = np.where(full, 1.1, rng.uniform(0.65, 1.1, len(intake.size)))
    for year in YEARS:
        fill = fill + rng.normal(0, 0.03, len(fill))
        counts = cohort(intake, np.clip(fill + rng.normal(0, 0.08, len(fill)), 0.3, 1.3), rng)
        counts[~_has_results(world, year)] = 0
        pupils[year] = draw_pupils(year, intake, counts, streams[year])
    members = _pick_members(world, pupils, streams["members"])
    for slug, added in PLANTED.items():
        strength = effect * _strength(members, slug, len(intake.size))
        for year in [year for year in YEARS if year >= STARTS and any(added.values()) and effect]:
            pupils[year] = plant(pupils[year], strength, added)
    kept = tuple(sorted(years))
    return England(seed, effect, kept, world, intake, {y: pupils[y] for y in kept}, members)


def write(england: England, folder: Path, *, full_layout: bool = False) -> list[Path]:
    """Write an invented England in the Department's own layouts; give the files written."""
    from pepstats.invented_files import write_files

    return write_files(england, Path(folder), full_layout=full_layout)


def _strength(members: pd.DataFrame, programme: str, n: int) -> np.ndarray:
    """Give each school's dose of a programme against its members' average; 0 outside."""
    own = members[members["programme"] == programme]
    strength = np.zeros(n)
    strength[own["school"].to_numpy()] = own["dose"] / own["dose"].mean()
    return strength


def _city_place(authority: np.ndarray) -> int:
    return int(min(CITY - 501, authority.max()))


def _weakness(intake: Intake) -> np.ndarray:
    """Rank schools by what is lasting about them, from 0 (strong) to 1 (weak)."""
    lasting = intake.effect[:, 0, :3].mean(axis=1) + 1.4 * intake.prior - 2 * intake.disadvantaged
    return 1.0 - np.argsort(np.argsort(lasting, kind="stable"), kind="stable") / len(lasting)


def _has_results(world: World, year: int) -> np.ndarray:
    schools = world.schools[world.schools["has_results"]]
    return np.asarray((schools["first"] <= year) & (schools["last"] >= year))


def _pick_members(
    world: World, pupils: dict[int, Pupils], rng: np.random.Generator
) -> pd.DataFrame:
    """Pick two programmes as the fund picked: 13 of 18 from the lower attaining, 4 in both.

    Lower attaining is by the results as published in 2016 and 2017, chance and all: so members
    would have risen a little by themselves.
    """
    schools = world.schools[world.schools["has_results"]]
    home = np.flatnonzero((schools["la"] == CITY) & (schools["kind"] != "special"))
    seen = [
        Published(pupils[year], pupils[year].school, len(schools)).column("PTRWM_EXP").value[home]
        for year in (2016, 2017)
    ]
    order = home[np.argsort(np.mean(seen, axis=0), kind="stable")]
    half = -(-len(home) // 2)
    lower, rest = rng.permutation(order[:half]), rng.permutation(order[half:])
    alone = LOWER_MEMBERS - SHARED
    picked = {
        "closing-the-gap": (lower[:LOWER_MEMBERS], rest[: MEMBERS - LOWER_MEMBERS]),
        "send-in-mainstream": (
            np.r_[lower[:SHARED], lower[LOWER_MEMBERS : LOWER_MEMBERS + alone]],
            rest[MEMBERS - LOWER_MEMBERS : 2 * (MEMBERS - LOWER_MEMBERS)],
        ),
    }
    rows = []
    for slug, (low, other) in picked.items():
        joined = "2017-09" if slug == "closing-the-gap" else "2018-01"
        for school in sorted([*low.tolist(), *other.tolist()]):
            basis = "lower attaining in 2015/16 and 2016/17" if school in low else "local knowledge"
            # A school in both programmes had less of each.
            dose = rng.integers(4, 8) if school in lower[:SHARED] else rng.integers(8, 17)
            urn = _some_urn(world, school, rng)
            rows.append((slug, school, urn, joined, float(dose), basis))
    return pd.DataFrame(rows, columns=["programme", "school", "urn", "joined", "dose", "basis"])


def _some_urn(world: World, school: int, rng: np.random.Generator) -> int:
    """Give the URN a list of members might hold: the school's first, or one it has had since."""
    table = world.establishments
    known = (table["school"] == school) & ~(table["opened"] > "2018-09-30")
    return int(rng.choice(table.loc[known, "urn"].to_numpy()))

"""An invented England: schools and pupils that do not exist, with a planted effect.

It has the spread, persistence, cohort sizes and clustering of England's own files, so that the
whole line can be tried, and calibrated, where the truth is known. Nothing in it is about any
real school; every name says so.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from pepstats.errors import DesignError
from pepstats.invented.pupils import (
    EVERY_YEAR,
    LAST_WITH_START,
    PLANTED,
    PROGRESS_NAMES,
    SINGLE,
    STANDARDS,
    STARTS,
    YEARS,
    Array,
    Intake,
    Pupils,
    add_special,
    cohort,
    draw_intake,
    draw_pupils,
    expect_results,
    generator,
    plant,
)
from pepstats.invented.results import Published
from pepstats.invented.world import CITY, World, authority_of_school, make_world, place_of_city

SEED = 20180708
"""The first seed, from 3 July 2018 on (the day the board asked for the evaluations), whose England
has the means, spreads and persistence published of England's files (`tests/invented`). It was fixed
before any estimate was made of what it gives."""
MEMBERS, LOWER_MEMBERS, SHARED = 18, 13, 4


@dataclass(frozen=True)
class England:
    """An invented England, whole, in memory.

    `members` has `programme`, `school` (row of `world.schools`), `urn`, `joined`, `dose`, `basis`.
    """

    seed: int
    effect: float
    years: tuple[int, ...]
    world: World
    intake: Intake  # what each school is like; the truth that no file shows
    pupils: dict[int, Pupils]  # of each year, any planted effect included
    members: pd.DataFrame
    starts: int = STARTS  # the first results that could show its programmes
    planted: Mapping[str, Mapping[str, float]] = field(default_factory=lambda: PLANTED)
    _results: dict[int, Published] = field(default_factory=dict, repr=False, compare=False)

    def results(self, year: int) -> Published:
        """Return one year's results by school, in the order of `world.schools`."""
        if year not in self._results:
            pupils = self.pupils[year]
            self._results[year] = Published(pupils, pupils.school, len(self.intake.size))
        return self._results[year]

    def strength(self, programme: str) -> np.ndarray:
        """Return each school's dose of a programme against its members' average; 0 outside."""
        own = self.members[self.members["programme"] == programme]
        strength = np.zeros(len(self.intake.size))
        strength[own["school"].to_numpy()] = own["dose"] / own["dose"].mean()
        return strength


MOST_SCHOOLS = 48_000  # three times as many as England has


def build_england(
    *, schools: int = 2500, seed: int = SEED, effect: float = 1.0, years: Sequence[int] = YEARS
) -> England:
    """Build an invented England of `schools` mainstream schools with key stage 2 results.

    `effect` multiplies what the programmes add; 0 plants nothing, and leaves every other pupil's
    result as it was. Raises DesignError where it cannot be built.
    """
    if schools < 200:
        raise DesignError(f"{schools} schools are too few for an England: ask for at least 200.")
    if schools > MOST_SCHOOLS:
        raise DesignError(
            f"{schools:,} schools are too many: a URN has six digits. Ask for at most "
            f"{MOST_SCHOOLS:,}."
        )
    unknown = sorted(set(years) - set(YEARS))
    if unknown or not years:
        raise DesignError(f"years {unknown or 'none'}: choose from {YEARS[0]} to {YEARS[-1]}.")
    authority = authority_of_school(schools)
    city = place_of_city(int(authority.max()) + 1)
    intake = draw_intake(authority, city, seed)
    world = make_world(schools, _weakness(intake), intake.size, generator(seed, "world"))
    special = int(world.schools["has_results"].sum()) - schools
    intake = add_special(intake, special, generator(seed, "special schools"))
    pupils = enrol(world, intake, YEARS, seed)
    members = _pick_members(world, pupils, generator(seed, "members"))
    england = England(seed, effect, YEARS, world, intake, pupils, members)
    kept = tuple(sorted(years))
    return plant_effects(england, {year: pupils[year] for year in kept})


def enrol(world: World, intake: Intake, years: Sequence[int], seed: int) -> dict[int, Pupils]:
    """Draw each year's pupils, before any programme; a school's places change from year to year."""
    pupils = {}
    schools = world.schools[world.schools["has_results"]]
    rng = generator(seed, "places filled")
    full = rng.random(len(intake.size)) < 0.6
    fill = np.where(full, 1.1, rng.uniform(0.65, 1.1, len(intake.size)))
    for year in years:
        rng = generator(seed, "places filled", year)
        fill = fill + rng.normal(0, 0.03, len(fill))
        counts = cohort(intake, np.clip(fill + rng.normal(0, 0.08, len(fill)), 0.3, 1.3), rng)
        counts[((schools["first"] > year) | (schools["last"] < year)).to_numpy()] = 0
        pupils[year] = draw_pupils(year, intake, counts, generator(seed, "pupils", year))
    return pupils


def plant_effects(england: England, pupils: Mapping[int, Pupils]) -> England:
    """Return an England of these pupils, with what its programmes add from their start on."""
    planted = dict(pupils)
    for slug, added in england.planted.items():
        strength = england.effect * england.strength(slug)
        if any(added.values()) and england.effect:
            for year in [year for year in planted if year >= england.starts]:
                planted[year] = plant(planted[year], strength, added)
    return replace(england, years=tuple(sorted(planted)), pupils=planted, _results={})


def _weakness(intake: Intake) -> np.ndarray:
    """Rank schools by what is lasting about them, from 0 (strong) to 1 (weak)."""
    lasting = intake.effect[:, 0, :3].mean(axis=1) + 1.4 * intake.prior - 2 * intake.disadvantaged
    return 1.0 - np.argsort(np.argsort(lasting, kind="stable"), kind="stable") / len(lasting)


def rank_at_home(
    world: World, pupils: Mapping[int, Pupils], years: Sequence[int]
) -> npt.NDArray[np.int64]:
    """Rank the city's mainstream schools by results as published in some years, lowest first."""
    schools = world.schools[world.schools["has_results"]]
    home = np.flatnonzero((schools["la"] == CITY) & (schools["kind"] != "special"))
    seen = [
        Published(pupils[year], pupils[year].school, len(schools)).column("PTRWM_EXP").value[home]
        for year in years
    ]
    return home[np.argsort(np.mean(seen, axis=0), kind="stable")]


def _pick_members(
    world: World, pupils: dict[int, Pupils], rng: np.random.Generator
) -> pd.DataFrame:
    """Pick two programmes as the fund picked: 13 of 18 from the lower attaining, 4 in both.

    Lower attaining is by the results as published in 2016 and 2017, chance and all: so members
    would have risen a little by themselves.
    """
    order = rank_at_home(world, pupils, (2016, 2017))
    half = -(-len(order) // 2)
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
            urn = pick_urn(world, school, "2018-09-30", rng)
            rows.append((slug, school, urn, joined, float(dose), basis))
    return pd.DataFrame(rows, columns=["programme", "school", "urn", "joined", "dose", "basis"])


def pick_urn(world: World, school: int, day: str, rng: np.random.Generator) -> int:
    """Pick the URN a list of members might hold: the school's first, or one it had by a day."""
    table = world.establishments
    known = (table["school"] == school) & ~(table["opened"] > day)
    return int(rng.choice(table.loc[known, "urn"].to_numpy()))


def values_without_chance(
    england: England, year: int, programmes: Collection[str] | None = None
) -> pd.DataFrame:
    """Return what each school would get on average over endless cohorts of its kind of pupils.

    Index: row of `world.schools`. Columns: the standards, and progress or, where there is none, the
    subjects; each also for disadvantaged and other pupils. Only the named programmes are felt, or
    all.
    """
    intake, t = england.intake, EVERY_YEAR.index(year)
    felt = england.planted if programmes is None else programmes
    share = intake.disadvantaged
    parts: dict[str, Array] = {}
    names = (*STANDARDS, *(PROGRESS_NAMES.values() if year <= LAST_WITH_START else SINGLE))
    for group, flag in (("disadvantaged", 1.0), ("other", 0.0)):
        added = np.zeros(len(share))
        for slug in felt if year >= england.starts else ():
            added += england.effect * england.planted[slug][group] * england.strength(slug)
        of_group = expect_results(intake, t, flag, added)
        parts |= {f"{name}.{group}": of_group[name] for name in names}
    whole = {
        name: share * parts[f"{name}.disadvantaged"] + (1 - share) * parts[f"{name}.other"]
        for name in names
    }
    return pd.DataFrame({**whole, **parts})


def planted_effects(england: England) -> pd.DataFrame:
    """Return what each programme added to its members' results on average, per outcome and year.

    `planted` is the programme's own part; `with_overlap` adds what members that are also in
    another programme gained from that one. Both are plain means over the members.
    """
    rows = []
    for year in [year for year in england.years if year >= england.starts]:
        nothing = values_without_chance(england, year, ())
        every = values_without_chance(england, year)
        for slug in england.planted:
            own = values_without_chance(england, year, (slug,))
            members = england.members.loc[england.members["programme"] == slug, "school"]
            for outcome in nothing.columns:
                base = nothing.loc[members, outcome]
                rows.append((slug, outcome, year, (own.loc[members, outcome] - base).mean(),
                             (every.loc[members, outcome] - base).mean()))  # fmt: skip
    return pd.DataFrame(rows, columns=["programme", "outcome", "year", "planted", "with_overlap"])

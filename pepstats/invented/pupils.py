"""The invented England's pupils: who they are, what they scored, and what a programme added.

A pupil's score is the year's level, plus prior attainment, plus the school's effect, plus the
pupil's own part. A school's effect is a permanent part, a part that fades from year to year
(autoregressive), the authority's permanent part and the authority's good or bad year. The sizes
were set so that the published-looking files have the spread, persistence and clustering measured
in England's files of 2016 to 2019; `tests/invented` holds them to those figures.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
SUBJECTS = ("READ", "WRIT", "MAT", "GPS")
YEARS = (2016, 2017, 2018, 2019)
TODAY = (2023, 2024, 2025)
"""Years of today: there were no tests in 2020 and 2021, and 2022 was not published by school."""

EVERY_YEAR = (*YEARS, *TODAY)

# Published pupil-level standard deviations of progress, used for its confidence limits; 2023 has
# those of 2019, the last ones read off published limits.
PROGRESS_SD = {
    "READ": {2016: 6.2246, 2017: 6.2246, 2018: 5.9912, 2019: 6.1736, 2023: 6.1736},
    "WRIT": {2016: 6.0473, 2017: 6.0473, 2018: 5.7384, 2019: 5.6941, 2023: 5.6941},
    "MAT": {2016: 5.6229, 2017: 5.6229, 2018: 5.4322, 2019: 5.3899, 2023: 5.3899},
}

EXPECTED, HIGHER = 99.5, 109.5  # scaled scores of 100 and 110, before rounding
HIGHER_WRITING = 113.4

LEVEL = {  # the mean score of a pupil with average prior attainment, by year
    "READ": (102.7, 104.2, 105.1, 104.5, 104.8, 105.1, 105.3),
    "WRIT": (104.2, 105.2, 105.9, 106.0, 104.3, 104.4, 104.4),
    "MAT": (102.9, 104.05, 104.25, 105.2, 103.8, 103.9, 104.2),
    "GPS": (103.8, 105.8, 105.9, 106.0, 104.3, 104.3, 104.5),
}

_SPREAD = {  # how much larger school effects were in a year than on average
    "READ": (1.10, 1.03, 0.94, 0.95, 1.02, 1.02, 1.02),
    "WRIT": (1.38, 1.05, 0.88, 0.85, 1.05, 1.05, 1.05),
    "MAT": (1.03, 1.06, 0.98, 0.94, 1.03, 1.03, 1.03),
    "GPS": (1.00, 1.00, 1.04, 1.04, 1.00, 1.00, 1.00),
}

# Standard deviations, in score points: authority, authority and year, school for good, fading.
_AUTHORITY = np.array([0.50, 0.60, 0.75, 0.55])
_SHOCK = np.array([0.22, 0.30, 0.18, 0.20])
_SCHOOL = np.array([0.25, 0.00, 0.30, 0.70])
_FADING = np.array([1.75, 1.70, 1.85, 1.80])
_YEARLY = np.array([0.80, 0.50, 0.65, 0.60])  # gone the next year, and each subject its own
_STEADIER = 0.5  # schools' results of 2023 and 2024 are more alike than those of 2016 to 2018
_FADE = np.array([0.70, 0.50, 0.66, 0.67])  # share left a year later

_ALIKE = np.linalg.cholesky(
    np.array(
        [[1.00, 0.52, 0.85, 0.80], [0.52, 1.00, 0.58, 0.58], [0.85, 0.58, 1.00, 0.78],
         [0.80, 0.58, 0.78, 1.00]]
    )
)  # fmt: skip

# A poorer intake, and generous key stage 1 results, go with less progress; score points.
_POVERTY = np.array([0.55, 0.10, 0.15, 0.2])
_EASY_START = np.array([0.60, 0.90, 0.80, 0.5])
PRIOR = np.array([1.62, 1.60, 1.44, 1.60])  # score points per key stage 1 point
PRIOR_MEAN = {2016: 15.8, 2017: 16.0, 2018: 16.2, 2019: 16.3, 2023: 16.3}
LAST_WITH_START = 2023  # pupils of later years took no key stage 1 tests
PRIOR_SD = 2.25  # of pupils of one kind in one school, key stage 1 points
COMMON = 3.9
OWN = np.array([4.0, 3.4, 2.75, 4.0])

# What being in a group adds to progress, by subject, and to key stage 1 points.
GROUP_PROGRESS = {"disadvantaged": (-0.9, -0.7, -1.0, -0.9), "girl": (0.6, 1.7, -1.2, 1.0),
                   "eal": (0.5, 0.9, 1.9, 1.9), "sen": (-1.2, -1.9, -1.2, -1.9),
                   "ehcp": (-3.5, -4.0, -3.8, -4.0)}  # fmt: skip

GROUP_PRIOR = {"disadvantaged": -1.6, "girl": 0.5, "eal": -0.6, "sen": -3.2, "ehcp": -6.0}
USUAL = {"disadvantaged": 0.31, "girl": 0.49, "eal": 0.18, "sen": 0.145, "ehcp": 0.015}
STARTS = 2018  # the first results that could show a programme

SCORE_SD = np.array([7.9, 7.6, 7.0, 8.0])  # of pupils' scores, by subject, where nothing was done
TARGET, OTHERS = 0.2, 0.1
"""Standard deviations between pupils that a strong programme may add, to those it is for and not.

Few programmes of this kind have been found to do more in large trials. Fixed, with the seed,
before any estimate was made of what follows from them.
"""

# What a programme adds to each disadvantaged and each other pupil's score, in standard deviations
# between pupils, at `effect` 1 and in a school that had its members' average dose; a school with
# half the dose gains half as much. The second programme did nothing.
PLANTED = {
    "closing-the-gap": {"disadvantaged": TARGET, "other": OTHERS},
    "send-in-mainstream": {"disadvantaged": 0.0, "other": 0.0},
}

# What today's programme adds, to all pupils alike: within what large trials have found.
STARTS_TODAY = 2025
PLANTED_TODAY = {"stuck-schools": {"disadvantaged": 0.15, "other": 0.15}}


def generator(seed: int, *name: str | int) -> np.random.Generator:
    """Return the random numbers of one thing by its name: what it is of and, if any, the year."""
    return np.random.default_rng([seed, zlib.crc32("/".join(map(str, name)).encode())])


@dataclass(frozen=True)
class Intake:
    """What each school is like: its pupils' circumstances and its own effect on their scores.

    Arrays have one entry per school, mainstream first; `effect` is school by year by subject.
    """

    special: npt.NDArray[np.bool_]
    disadvantaged: Array
    eal: Array
    sen: Array
    prior: Array
    size: Array
    effect: Array


@dataclass(frozen=True)
class Pupils:
    """One year's pupils, in the order of their schools; every array has an entry per pupil.

    `score` is pupil by subject; `progress` the same, meaningful where `covered` (the pupil has
    a key stage 1 result). `planted` is the part of both that a programme added.
    """

    year: int
    school: npt.NDArray[np.int64]
    disadvantaged: npt.NDArray[np.bool_]
    girl: npt.NDArray[np.bool_]
    eal: npt.NDArray[np.bool_]
    sen: npt.NDArray[np.int8]
    mobile: npt.NDArray[np.bool_]
    prior: npt.NDArray[np.float32]
    covered: npt.NDArray[np.bool_]
    score: npt.NDArray[np.float32]
    progress: npt.NDArray[np.float32]


def draw_intake(authority: npt.NDArray[np.int64], city: int, seed: int) -> Intake:
    """Draw what mainstream schools are like, given the position of each one's authority."""
    n, authorities = len(authority), int(authority.max()) + 1
    rng = generator(seed, "intake")

    def tilt(between: float, within: float, here: float) -> tuple[Array, Array]:
        """Draw what is the authority's, the city's as given, and what is the school's own."""
        level = rng.standard_normal(authorities)
        level = (level - level.mean()) / level.std()
        level[city] = here
        return between * level[authority], within * rng.standard_normal(n)

    of_place, poverty = tilt(0.42, 0.68, 0.5)
    home = authority == city
    disadvantaged = _share(-1.0 + of_place + poverty + np.where(home, 0.25, 0.0))
    eal = _share(-2.45 + sum(tilt(1.1, 1.45, 0.0)) + np.where(home, 0.5, 0.0) + 0.15 * poverty)
    sen = _share(-1.88 + 0.18 * poverty + sum(tilt(0.1, 0.35, 0.0)))
    own_prior = rng.standard_normal(n)
    prior = -0.70 * poverty - 0.15 * of_place + 0.70 * own_prior
    effect = _school_effects(authority, city, seed)
    effect -= (np.outer(poverty, _POVERTY) + np.outer(own_prior, _EASY_START))[:, None, :]
    size = _cohort_sizes(n, home, rng)
    return Intake(np.zeros(n, bool), disadvantaged, eal, sen, prior, size, effect)


def add_special(intake: Intake, n: int, rng: np.random.Generator) -> Intake:
    """Add special schools: small cohorts, far lower scores."""
    effect = np.repeat(rng.normal(-3.5, 1.5, (n, 1, 1)), len(EVERY_YEAR), axis=1)
    parts = {
        "special": np.ones(n, bool),
        "disadvantaged": _share(rng.normal(0.0, 0.5, n)),
        "eal": _share(rng.normal(-2.0, 1.0, n)),
        "sen": np.zeros(n),
        "prior": rng.normal(-3.0, 1.0, n),
        "size": rng.gamma(2.2, 4.0, n) + 1.0,
        "effect": np.repeat(effect, len(SUBJECTS), axis=2),
    }
    return Intake(
        **{name: np.concatenate([getattr(intake, name), part]) for name, part in parts.items()}
    )


def _share(logit: Array) -> Array:
    return 1.0 / (1.0 + np.exp(-logit))


def _school_effects(authority: npt.NDArray[np.int64], city: int, seed: int) -> Array:
    """Return school by year by subject: permanent, fading, the authority's own and its year's."""
    n, authorities, subjects = len(authority), int(authority.max()) + 1, len(SUBJECTS)

    def draw(size: int, rng: np.random.Generator) -> Array:
        return rng.standard_normal((size, subjects)) @ _ALIKE.T

    rng = generator(seed, "effects that last")
    place = draw(authorities, rng)
    place -= place.mean(axis=0)
    place[city] = (-2.0, -2.4, -1.6, -1.4)  # a city with low progress, as Portsmouth had
    fixed = (_AUTHORITY * place)[authority] + _SCHOOL * draw(n, rng)
    fading = draw(n, rng)
    effect = np.empty((n, len(EVERY_YEAR), subjects))
    for t, year in enumerate(EVERY_YEAR):
        rng = generator(seed, "effects", year)
        if t:
            left = _FADE ** (year - EVERY_YEAR[t - 1])
            fading = left * fading + np.sqrt(1 - left**2) * draw(n, rng)
        shock = draw(authorities, rng)
        shock -= shock.mean(axis=0)
        spread = np.array([_SPREAD[subject][t] for subject in SUBJECTS])
        passing = _YEARLY * rng.standard_normal((n, subjects))
        passing *= _STEADIER if year in TODAY else 1.0
        own = spread * (fixed + _FADING * fading + passing)
        effect[:, t] = own + (_SHOCK * shock)[authority]
    return effect


def _cohort_sizes(n: int, home: npt.NDArray[np.bool_], rng: np.random.Generator) -> Array:
    """Draw each school's places a year: many have 30, 60 or 90; village schools any number."""
    places = np.array([0, 15, 20, 25, 30, 36, 40, 45, 50, 55, 60, 70, 75, 90, 120, 150])
    usual = np.array([15, 4, 3, 3.5, 29, 2, 2.5, 6, 2, 2, 20, 2.5, 1.5, 6.2, 1.8, 0.8])
    large = np.array([0, 0, 0, 0, 15, 0, 4, 13, 6, 0, 37, 0, 6, 15, 4, 0])
    size = rng.choice(places, n, p=usual / usual.sum()).astype(float)
    size[home] = rng.choice(places, int(home.sum()), p=large / large.sum())
    village = size == 0
    size[village] = np.clip(np.exp(rng.normal(2.4, 0.5, n)), 2, 28)[village] + 0.25
    return size


def cohort(intake: Intake, fill: Array, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Draw one year's number of pupils in each school: full, or as many as came (`fill`)."""
    n, size = len(fill), intake.size
    village = (size % 1 > 0) | intake.special
    came = size * fill + rng.standard_normal(n) * np.sqrt(size) * np.where(village, 0.8, 1.1)
    over = (rng.random(n) < 0.35) * rng.integers(1, 5, n)
    at_most = np.where(village, np.inf, size + over)
    short = rng.poisson(np.where(village, 0.0, size / 40))
    count = np.minimum(np.round(came), at_most - short)
    return np.maximum(count, 1).astype(np.int64)


def draw_pupils(
    year: int, intake: Intake, counts: npt.NDArray[np.int64], rng: np.random.Generator
) -> Pupils:
    """Draw one year's pupils and their scores, before any programme."""
    t = EVERY_YEAR.index(year)
    school = np.repeat(np.arange(len(counts)), counts)
    n = len(school)
    disadvantaged = rng.random(n) < intake.disadvantaged[school]
    girl = rng.random(n) < 0.49
    eal = rng.random(n) < intake.eal[school]
    need = rng.random(n)
    poor, others = (sen_shares(intake, np.full(len(counts), group)) for group in (True, False))
    support, plan = (
        np.where(disadvantaged, p[school], o[school]) for p, o in zip(poor, others, strict=True)
    )
    sen = np.where(need > 1 - plan, 2, np.where(need < support, 1, 0)).astype(np.int8)
    mobile = rng.random(n) < np.where(eal, 0.12, 0.07)
    unknown = np.where(eal, 0.11, 0.025) + 0.10 * mobile
    # A very few schools are full of newcomers: their progress is not published.
    covered = rng.random(n) > np.where(school % 499 == 17, 0.6, unknown)
    flags = {"disadvantaged": disadvantaged, "girl": girl, "eal": eal,
             "sen": sen == 1, "ehcp": sen == 2}  # fmt: skip
    prior = intake.prior[school] + PRIOR_SD * rng.standard_normal(n, dtype=np.float32)
    progress = intake.effect[school, t].astype(np.float32)
    for name, flag in flags.items():
        step = flag.astype(np.float32) - np.float32(USUAL[name])
        prior += GROUP_PRIOR[name] * step
        progress += np.outer(step, np.array(GROUP_PROGRESS[name], np.float32))
    progress += np.float32(COMMON) * rng.standard_normal((n, 1), dtype=np.float32)
    progress += OWN.astype(np.float32) * rng.standard_normal((n, 4), dtype=np.float32)
    level = np.array([LEVEL[subject][t] for subject in SUBJECTS], np.float32)
    score = level + np.outer(prior, PRIOR).astype(np.float32) + progress
    points = (prior + PRIOR_MEAN.get(year, np.nan)).astype(np.float32)
    covered &= year <= LAST_WITH_START
    return Pupils(
        year, school, disadvantaged, girl, eal, sen, mobile, points, covered, score, progress
    )


def sen_shares(intake: Intake, disadvantaged: npt.NDArray[np.bool_]) -> tuple[Array, Array]:
    """Return each school's share of pupils with SEN Support, and with a plan, in one group."""
    support = intake.sen * np.where(disadvantaged, 1.45, 0.8)
    return np.minimum(support, 0.9), np.where(intake.special, 1.0, 0.015)


def plant(pupils: Pupils, strength: Array, added: Mapping[str, float]) -> Pupils:
    """Add what a programme adds to the pupils of its schools; everyone else stays as they were.

    `strength` is how much of it each school had: 1 for the average dose, 0 outside.
    """
    step = np.where(pupils.disadvantaged, added["disadvantaged"], added["other"])
    change = np.outer(step * strength[pupils.school], SCORE_SD).astype(np.float32)
    return replace(pupils, score=pupils.score + change, progress=pupils.progress + change)


STANDARDS = ("rwm_expected", "rwm_higher")
SINGLE = ("reading_expected", "writing_expected", "maths_expected")
PROGRESS_NAMES = {"READ": "reading_progress", "WRIT": "writing_progress", "MAT": "maths_progress"}
_POINTS, _WEIGHTS = np.polynomial.hermite_e.hermegauss(15)


def expect_results(intake: Intake, t: int, disadvantaged: float, added: Array) -> dict[str, Array]:
    """Return the results of one group of pupils in each school, on average over endless cohorts."""
    from scipy.special import ndtr

    support, plan = sen_shares(intake, np.full(len(added), disadvantaged > 0))
    shares = {"none": 1 - support - plan, "sen": support, "ehcp": plan}
    out = {name: np.zeros(len(added)) for name in (*STANDARDS, *PROGRESS_NAMES.values(), *SINGLE)}
    # One common factor carries prior attainment and general ability: nearly, not exactly, so.
    common = np.sqrt((PRIOR * PRIOR_SD) ** 2 + COMMON**2)
    own = np.sqrt(
        OWN**2 + 0.25 * (np.array(GROUP_PROGRESS["girl"]) + PRIOR * GROUP_PRIOR["girl"]) ** 2
    )
    lines = {
        "rwm_expected": np.full(3, EXPECTED),
        "rwm_higher": np.array([HIGHER, HIGHER_WRITING, HIGHER]),
    }
    for need, share in shares.items():
        flags = {"disadvantaged": disadvantaged, "eal": intake.eal, "girl": USUAL["girl"],
                 "sen": float(need == "sen"), "ehcp": float(need == "ehcp")}  # fmt: skip
        prior, progress = intake.prior.copy(), intake.effect[:, t] + np.outer(added, SCORE_SD)
        for name, flag in flags.items():
            step = flag - np.full(len(added), USUAL[name])
            prior = prior + GROUP_PRIOR[name] * step
            progress = progress + np.outer(step, GROUP_PROGRESS[name])
        level = np.array([LEVEL[subject][t] for subject in SUBJECTS])
        mean = level + np.outer(prior, PRIOR) + progress
        for name, line in lines.items():
            reach = (mean[:, None, :3] + np.outer(_POINTS, common[:3]) - line) / own[:3]
            reached = ndtr(reach)
            out[name] += share * 100 * (reached.prod(axis=2) @ (_WEIGHTS / _WEIGHTS.sum()))
            for place, single in enumerate(SINGLE if name == "rwm_expected" else ()):
                one = reached[:, :, place] @ (_WEIGHTS / _WEIGHTS.sum())
                out[single] += share * 100 * one
        for place, subject in enumerate(SUBJECTS[:3]):
            out[PROGRESS_NAMES[subject]] += share * progress[:, place]
    return out

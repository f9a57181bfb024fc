"""What is true in an invented England: results without chance, with and without a programme.

Only tests and benchmarks may read this. The analysis never does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from pepstats.invented_pupils import (
    COMMON,
    EXPECTED,
    GROUP_PRIOR,
    GROUP_PROGRESS,
    HIGHER,
    HIGHER_WRITING,
    LEVEL,
    OWN,
    PLANTED,
    PRIOR,
    PRIOR_SD,
    STARTS,
    SUBJECTS,
    USUAL,
    YEARS,
    sen_shares,
)

if TYPE_CHECKING:
    from pepstats.invented import England

Array = npt.NDArray[np.float64]
_NAMES = {"READ": "reading_progress", "WRIT": "writing_progress", "MAT": "maths_progress"}
_POINTS, _WEIGHTS = np.polynomial.hermite_e.hermegauss(15)


def values_without_chance(
    england: England, year: int, programmes: tuple[str, ...] = tuple(PLANTED)
) -> pd.DataFrame:
    """Give what each school would get on average over endless cohorts of its kind of pupils.

    Index: row of `world.schools`. Columns: `rwm_expected`, `rwm_higher`, the three progress
    scores, and each for disadvantaged and other pupils. Only the named programmes are felt.
    """
    intake, t = england.intake, YEARS.index(year)
    share = intake.disadvantaged
    parts = {}
    for group, flag in (("disadvantaged", 1.0), ("other", 0.0)):
        added = _added(england, year, group, programmes)
        for name, value in _of_group(england, t, flag, added).items():
            parts[f"{name}.{group}"] = value
    whole = {
        name: share * parts[f"{name}.disadvantaged"] + (1 - share) * parts[f"{name}.other"]
        for name in ("rwm_expected", "rwm_higher", *_NAMES.values())
    }
    return pd.DataFrame({**whole, **parts})


def planted_effects(england: England) -> pd.DataFrame:
    """Give what each programme added to its members' results on average, per outcome and year.

    `planted` is the programme's own part; `with_overlap` adds what members that are also in
    another programme gained from that one. Both are plain means over the members.
    """
    rows = []
    for year in [year for year in england.years if year >= STARTS]:
        nothing = values_without_chance(england, year, ())
        every = values_without_chance(england, year)
        for slug in PLANTED:
            own = values_without_chance(england, year, (slug,))
            members = england.members.loc[england.members["programme"] == slug, "school"]
            for outcome in nothing.columns:
                base = nothing.loc[members, outcome]
                rows.append((slug, outcome, year, (own.loc[members, outcome] - base).mean(),
                             (every.loc[members, outcome] - base).mean()))  # fmt: skip
    columns = ["programme", "outcome", "year", "planted", "with_overlap"]
    return pd.DataFrame(rows, columns=columns)


def _added(england: England, year: int, group: str, programmes: tuple[str, ...]) -> Array:
    added = np.zeros(len(england.intake.size))
    for slug in programmes if year >= STARTS else ():
        added += england.effect * PLANTED[slug][group] * england.strength(slug)
    return added


def _of_group(england: England, t: int, disadvantaged: float, added: Array) -> dict[str, Array]:
    """Give the expected results of one group of pupils in each school."""
    from scipy.special import ndtr

    intake = england.intake
    support, plan = sen_shares(intake, np.full(len(added), disadvantaged > 0))
    shares = {"none": 1 - support - plan, "sen": support, "ehcp": plan}
    out = {name: np.zeros(len(added)) for name in ("rwm_expected", "rwm_higher", *_NAMES.values())}
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
        prior, progress = intake.prior.copy(), intake.effect[:, t] + added[:, None]
        for name, flag in flags.items():
            step = flag - np.full(len(added), USUAL[name])
            prior = prior + GROUP_PRIOR[name] * step
            progress = progress + np.outer(step, GROUP_PROGRESS[name])
        level = np.array([LEVEL[subject][t] for subject in SUBJECTS])
        mean = level + np.outer(prior, PRIOR) + progress
        for name, line in lines.items():
            reach = (mean[:, None, :3] + np.outer(_POINTS, common[:3]) - line) / own[:3]
            out[name] += share * 100 * (ndtr(reach).prod(axis=2) @ (_WEIGHTS / _WEIGHTS.sum()))
        for place, subject in enumerate(SUBJECTS[:3]):
            out[_NAMES[subject]] += share * progress[:, place]
    return out

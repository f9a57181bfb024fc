"""What the invented city holds itself in the autumn: its own results, and the headlines."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pepstats.invented_moves import CITY
from pepstats.invented_pupils import Pupils
from pepstats.invented_results import Published
from pepstats.invented_world import listing

if TYPE_CHECKING:
    from pepstats.invented import England

_STREAM = 103
MEASURES = {
    "rwm_expected": "PTRWM_EXP", "rwm_higher": "PTRWM_HIGH", "reading_expected": "PTREAD_EXP",
    "writing_expected": "PTWRITTA_EXP", "maths_expected": "PTMAT_EXP", "gps_expected": "PTGPS_EXP",
    "reading_progress": "READPROG", "writing_progress": "WRITPROG", "maths_progress": "MATPROG",
}  # fmt: skip
GROUPS = {"": None, "disadvantaged": "FSM6CLA1A", "other": "NotFSM6CLA1A", "sen_support": "SENK"}


def provisional_pupils(england: England, year: int) -> Pupils:
    """Give the city's pupils as first counted in September, before the tables are checked.

    About 1 in 100 will be taken out later (they had just come from abroad), and about 2 in 100
    will have a paper marked up.
    """
    rng = np.random.default_rng([england.seed, _STREAM, year])
    pupils = england.pupils[year]
    home = england.world.schools["la"].to_numpy()[pupils.school] == CITY
    place = np.flatnonzero(home)
    marked_up = rng.random(len(place)) < 0.02
    score, progress = pupils.score[place].copy(), pupils.progress[place].copy()
    half = rng.random((len(place), 4)) < 0.5
    low = rng.integers(1, 4, (len(place), 4)) * (marked_up[:, None] & half)
    score, progress = score - low, progress - low
    new = np.flatnonzero(rng.random(len(place)) < 0.011)
    order = np.sort(np.r_[np.arange(len(place)), new], kind="stable")
    again = np.r_[False, order[1:] == order[:-1]]
    columns = {name: getattr(pupils, name)[place][order] for name in
               ("school", "disadvantaged", "girl", "sen", "prior")}  # fmt: skip
    return replace(
        pupils,
        **columns,
        eal=pupils.eal[place][order] | again,
        mobile=pupils.mobile[place][order] | again,
        covered=pupils.covered[place][order] & ~again,
        score=(score[order] - 14 * again[:, None]).astype(np.float32),
        progress=progress[order].astype(np.float32),
    )


def local_results(england: England, year: int) -> pd.DataFrame:
    """Give what the city holds of its schools in the autumn, SEN Support included.

    Columns `urn, year, measure, group, value, cohort, release`; nothing is suppressed, since
    it never leaves the city as it is: the cohort beside each value says what may.
    """
    listed = listing(england.world, year)
    listed = listed[~listed["again"]].set_index("school")["urn"]
    found = provisional_pupils(england, year)
    schools = np.unique(found.school)
    whole = Published(found, found.school, len(england.intake.size), area=True)
    parts = []
    for group, code in GROUPS.items():
        keep = None if code is None else whole.mask(code)
        own = Published(found, found.school, len(england.intake.size), area=True, keep=keep)
        for measure, column in MEASURES.items():
            covered = "covered" if column.endswith("PROG") else "all"
            value, cohort = own.column(column).value[schools], own.count(covered)[schools]
            part = pd.DataFrame(
                {
                    "urn": listed[schools].to_numpy(),
                    "year": year,
                    "measure": measure,
                    "group": group,
                    "value": value,
                    "cohort": cohort.astype(int),
                    "release": "provisional",
                }
            )
            parts.append(part[part["cohort"] > 0])
    return pd.concat(parts).sort_values(["urn", "measure", "group"], ignore_index=True)


def national_headlines(england: England, year: int) -> pd.DataFrame:
    """Give the published national level of each measure: final for earlier years, then provisional.

    Columns `year, measure, value, release`.
    """
    rows = []
    for each in [each for each in england.years if each <= year]:
        pupils = england.pupils[each]
        whole = Published(pupils, np.zeros(len(pupils.school), np.int64), 1, area=True)
        for measure, column in MEASURES.items():
            release = "provisional" if each == year else "final"
            # England's progress is nought by the way it is worked out.
            value = 0.0 if column.endswith("PROG") else float(whole.column(column).value[0])
            rows.append((each, measure, value, release))
    return pd.DataFrame(rows, columns=["year", "measure", "value", "release"])


def city_series(england: England, year: int) -> pd.DataFrame:
    """Give the long series by authority, as the interactive tool has it: the city and England."""
    items = {
        "KS2RWM_Expected_STD": ("Attainment at the end of key stage 2 Percentage in reading, "
                                "writing and maths Expected standard", "all"),
        "DAP_NEW_KS2_RWM": ("KS2 RWM attainment for Disadvantaged pupils", "FSM6CLA1A"),
        "NonDAP_NEW_KS2_RWM": ("KS2 RWM attainment for Non Disadvantaged pupils", "NotFSM6CLA1A"),
        "NEW_KS2_RWM_Sen_W/Osta": ("KS2 attainment in RWM for pupils with  SEN Support", "SENK"),
    }  # fmt: skip
    names = england.world.authorities.set_index("la")["name"]
    neighbours = [la for la in names.index if la != CITY][3:33:3]
    rows = []
    for each in [each for each in england.years if each <= year]:
        pupils = england.pupils[each]
        la = england.world.schools["la"].to_numpy()[pupils.school]
        for code, region, number in [(la == n, names[n], n) for n in (CITY, *neighbours)] + [
            (np.ones(len(la), bool), "England", 970)
        ]:
            own = Published(pupils, np.zeros(len(la), np.int64), 1, area=True, keep=code)
            for short, (long, group) in items.items():
                share = 100 * own.count(f"{group}&RWM_EXP")[0] / own.count(group)[0]
                value = f"{np.floor(share + 0.5):.0f}"
                rows.append((short, long, str(each), region, value, f"{number}.0", "NA"))
    columns = [
        "Short Desc",
        "Data item",
        "Years",
        "LA and Regions",
        "Values",
        "LA Number",
        "Region",
    ]
    return pd.DataFrame(rows, columns=columns).sort_values(columns[:4], ignore_index=True)

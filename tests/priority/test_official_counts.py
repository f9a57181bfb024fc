"""England's own counts of schools below the floor and coasting come out of the rules.

On the real files beside the project; skipped where they are not there. Official counts: the
Department's statements of 2016 to 2018 (665, 511 and 364 schools below the floor; 640 coasting in
2018; in 2017 by subject: maths 319, reading 213, writing 103).
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import pepstats
from pepstats.priority import standards
from pepstats.sources import files, registers

SHARED = Path(__file__).resolve().parents[3] / "shared"
pytestmark = pytest.mark.skipif(
    not (SHARED / "study").is_dir(), reason="the real files are not beside the project"
)
FLOOR = {2016: 665, 2017: 511, 2018: 364}
COASTING = 640


@pytest.fixture(scope="module")
def england():
    return pepstats.load("partnership-2018", data=str(SHARED / "study"))


def find_endings(
    rows: pd.DataFrame, register_rows: pd.DataFrame, links: pd.DataFrame, year: int
) -> pd.DataFrame:
    """Say which schools closed by the end of a school year, or began anew within three.

    `rows` says which URN each school had in each year's results (`Schools.rows`); `register_rows`
    and `links` are the cleaned register and links. Keyed `school`: `ended` (its URN closed by 31
    August and did not carry on as a converter academy) and `fresh` (it has another URN than two
    years before, and is not a converter academy: a sponsored academy or an amalgamation is a new
    school). The Department counted converter academies on, and the others not.
    """
    of_year = rows[rows["has_results"]].drop_duplicates(["school", "year"])
    urns = of_year.pivot(index="school", columns="year", values="urn").sort_index()
    now = urns.reindex(columns=[year])[year].dropna().astype("int64")
    before = urns.reindex(columns=[year - 2])[year - 2].reindex(now.index)
    onward = links.dropna(subset=["date"]).sort_values(["date", "after"])
    onward = onward.drop_duplicates("before", keep="last").set_index("before")
    closed = register_rows["closed"].reindex(now)
    closed = closed.fillna(onward["date"].reindex(now) - pd.Timedelta(days=1))
    kinds = register_rows["type"].astype(object)
    became = kinds.reindex(onward["after"].reindex(now)).to_numpy()
    ended = (closed <= pd.Timestamp(year, 8, 31)).to_numpy() & ~is_converter(became)
    other = before.notna().to_numpy() & (before.to_numpy() != now.to_numpy())
    fresh = other & ~is_converter(kinds.reindex(now).to_numpy())
    return pd.DataFrame({"ended": ended, "fresh": fresh}, index=now.index)


def is_converter(kinds: np.ndarray) -> np.ndarray:
    return np.array(["onverter" in str(kind) for kind in kinds], dtype=bool)


def still_judged(judged: pd.DataFrame, endings: pd.DataFrame, signs: list[str]) -> pd.DataFrame:
    """Leave out the schools that the Department did not judge, by any of the signs."""
    return judged[~endings[signs].any(axis=1).reindex(judged.index).eq(True)]


@pytest.fixture(scope="module")
def endings(england):
    found = {
        line.kind: files.find_source(line, england.data)
        for line in england.report.sources
        if line.kind in ("register", "links")
    }
    register = registers.tidy_register(files.read_text(found["register"]), found["register"]).values
    links = registers.tidy_links(files.read_text(found["links"]), found["links"]).values
    return {year: find_endings(england.followed.rows, register, links, year) for year in FLOOR}


def off(count, official):
    return abs(count / official - 1)


@pytest.mark.parametrize("year", FLOOR)
def test_below_the_floor_is_within_ten_per_cent_before_closed_schools_are_removed(england, year):
    judged = standards.judge_standard("floor", england.panel, england.register, year)
    assert off((judged["answer"] == "yes").sum(), FLOOR[year]) < 0.10


@pytest.mark.parametrize("year", FLOOR)
def test_below_the_floor_is_within_two_per_cent_after(england, endings, year):
    judged = standards.judge_standard("floor", england.panel, england.register, year)
    judged = still_judged(judged, endings[year], ["ended"])
    assert off((judged["answer"] == "yes").sum(), FLOOR[year]) < 0.02


def test_the_reasons_of_2017_come_out_subject_by_subject(england, endings):
    judged = standards.judge_standard("floor", england.panel, england.register, 2017)
    judged = still_judged(judged, endings[2017], ["ended"])
    because = judged.loc[judged["answer"] == "yes", "because"]
    for subject, official in {"maths": 319, "reading": 213, "writing": 103}.items():
        assert off(because.str.contains(subject).sum(), official) < 0.02


def test_coasting_schools_come_out(england, endings):
    judged = standards.judge_standard("coasting", england.panel, england.register, 2018)
    # A new school (a sponsored academy, an amalgamation) has no three years of its own.
    begun = still_judged(judged, endings[2018], ["fresh"])
    assert abs((begun["answer"] == "yes").sum() - COASTING) <= COASTING // 10
    after = still_judged(judged, endings[2018], ["ended", "fresh"])
    assert off((after["answer"] == "yes").sum(), COASTING) < 0.04

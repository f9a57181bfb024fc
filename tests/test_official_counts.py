"""England's own counts of schools below the floor and coasting come out of the rules.

On the real files beside the project; skipped where they are not there. Official counts: the
Department's statements of 2016 to 2018 (665, 511 and 364 schools below the floor; 640 coasting in
2018; in 2017 by subject: maths 319, reading 213, writing 103).
"""

from pathlib import Path

import pytest

import pepstats
from pepstats import registers, sources, standards

SHARED = Path(__file__).resolve().parents[2] / "shared"
pytestmark = pytest.mark.skipif(
    not (SHARED / "study").is_dir(), reason="the real files are not beside the project"
)
FLOOR = {2016: 665, 2017: 511, 2018: 364}
COASTING = 640


@pytest.fixture(scope="module")
def england():
    return pepstats.load("partnership-2018", data=str(SHARED / "study"))


@pytest.fixture(scope="module")
def endings(england):
    found = {
        line.kind: sources.find_source(line.kind, line.file, data=england.data, year=line.year)
        for line in england.report.sources
        if line.kind in ("register", "links")
    }
    register = registers.tidy_register(
        sources.read_text(found["register"]), found["register"]
    ).frame
    links = registers.tidy_links(sources.read_text(found["links"]), found["links"]).frame
    return {
        year: standards.find_endings(england.followed.rows, register, links, year) for year in FLOOR
    }


def off(count, official):
    return abs(count / official - 1)


@pytest.mark.parametrize("year", FLOOR)
def test_below_the_floor_is_within_ten_per_cent_before_closed_schools_are_removed(england, year):
    judged = standards.judge_floor(england.panel, england.register, year)
    assert off((judged["answer"] == "yes").sum(), FLOOR[year]) < 0.10


@pytest.mark.parametrize("year", FLOOR)
def test_below_the_floor_is_within_two_per_cent_after(england, endings, year):
    judged = standards.judge_floor(england.panel, england.register, year, endings=endings[year])
    assert off((judged["answer"] == "yes").sum(), FLOOR[year]) < 0.02


def test_the_reasons_of_2017_come_out_subject_by_subject(england, endings):
    judged = standards.judge_floor(england.panel, england.register, 2017, endings=endings[2017])
    because = judged.loc[judged["answer"] == "yes", "because"]
    for subject, official in {"maths": 319, "reading": 213, "writing": 103}.items():
        assert off(because.str.contains(subject).sum(), official) < 0.02


def test_coasting_schools_come_out(england, endings):
    # A new school (a sponsored academy, an amalgamation) has no three years of its own.
    begun = endings[2018].assign(ended=False)
    before = standards.judge_coasting(england.panel, england.register, 2018, endings=begun)
    assert abs((before["answer"] == "yes").sum() - COASTING) <= COASTING // 10
    after = standards.judge_coasting(england.panel, england.register, 2018, endings=endings[2018])
    assert off((after["answer"] == "yes").sum(), COASTING) < 0.04

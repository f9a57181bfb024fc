"""A rule belongs to its years: which, by whom it is said, and that it counts against no school."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from pepstats.measures import RULES, why_not_by_school, why_not_in, why_not_taken
from pepstats.priority import dashboard, eligibility, ratings, standards
from pepstats.priority.indicators import NO_PROGRESS, RatingInputs
from tests.made_up_panels import PRIMARY, panel_of, register_of

NOWHERE = Path("no-such-folder")
WHOLE = {**PRIMARY, "rwm_higher": 9.0, "cohort": 60.0}
NO_SCORES = {"rwm_expected": 64.0, "rwm_higher": 9.0, "cohort": 60.0}
NAN = float("nan")


def rate(rows, year, board_of=None, ofsted=None, **columns):
    """Rate made-up schools of ten authorities by the project's criteria of a year."""
    schools = sorted({school for school, _ in rows})
    register = register_of(schools, la=[501 + s % 10 for s in schools], **columns)
    inputs = RatingInputs(panel_of(rows), register, ofsted)
    board = dashboard.load_dashboard(NOWHERE, board_of or year)
    return ratings.rate_schools(inputs, board, year, rng=np.random.default_rng(1), draws=2)


@pytest.mark.parametrize(
    ("rule", "there", "gone"),
    [
        ("floor", (2016, 2018), (2015, 2019, 2023, 2025)),
        ("coasting", (2016, 2018), (2019, 2024)),
        ("stuck", (2024, 2030), (2018, 2023)),
        ("SSIF", (2016, 2019), (2015, 2020, 2024)),
        ("RISE", (2024, 2026), (2018, 2023)),
    ],
)
def test_a_standard_is_of_its_years_and_says_so_in_others(rule, there, gone):
    assert [why_not_in(rule, year) for year in there] == [None] * len(there)
    assert all(why_not_in(rule, year) for year in gone)


def test_a_measure_is_missing_in_the_years_it_was_not_taken():
    asked = ("rwm_expected", "reading_progress", "progress8", "attainment8", "phonics", "ks1_maths")
    none = {m: [y for y in range(2016, 2029) if why_not_taken(m, y)] for m in asked}
    assert none["rwm_expected"] == none["attainment8"] == none["phonics"] == [2020, 2021]
    assert none["reading_progress"] == [2020, 2021, 2024, 2025]
    assert none["progress8"] == [2020, 2021, 2025, 2026]
    assert none["ks1_maths"] == [2020, 2021, 2024, 2025, 2026, 2027, 2028]
    assert [y for y in range(2016, 2026) if why_not_by_school("rwm_expected", y)] == [2022]
    assert why_not_by_school("attainment8", 2022) is None


def test_every_rule_says_where_its_years_are_known_from():
    assert all(one.source and one.otherwise and one.first <= one.last for one in RULES)


@pytest.mark.parametrize("year", [2019, 2023, 2024])
def test_floor_and_coasting_have_no_weight_override_or_coverage_after_2018(year):
    weak = {**WHOLE, "rwm_expected": 30.0, "reading_progress": -9.0, "writing_progress": -9.0}
    rows = {(s, y): weak if s == 1 else WHOLE for s in range(1, 21) for y in (year - 2, year)}
    found = rate(rows, year, board_of=2018)
    assert {"floor", "coasting"} <= set(found.left_out)
    lines = found.contributions.loc[1]
    assert not lines.loc[["floor", "coasting"], "counted"].any()
    assert lines.loc["floor", "reason"] == "the floor standard was of 2016 to 2018"
    assert "floor" not in found.ratings.loc[1, "reasons"].lower()
    board = {one.id: one.weight for one in found.dashboard.indicators}
    left = sum(board[name] for name in found.left_out if "primary" in _phases(found, name))
    whole = sum(w for name, w in board.items() if "primary" in _phases(found, name))
    counted = lines.loc[lines["counted"], "weight"].sum()
    assert found.ratings.loc[1, "coverage"] == pytest.approx(counted / (whole - left))


def _phases(found, name):
    return next(one.phases for one in found.dashboard.indicators if one.id == name)


def test_progress_that_cannot_exist_is_left_out_by_name_and_counts_against_nobody():
    rows = {(s, 2025): NO_SCORES for s in range(1, 21)}
    found = rate(rows, 2025)
    told = "no earlier test to measure progress from"
    assert {n for n, why in found.left_out.items() if why == told} == {
        "reading_progress", "writing_progress", "maths_progress"}  # fmt: skip
    assert "reading_progress" not in found.no_source
    with_them = rate({(s, 2026): WHOLE for s in range(1, 21)}, 2026)
    assert "reading_progress" not in with_them.left_out
    assert with_them.contributions.loc[(1, "reading_progress"), "rag"] == "green"


def test_a_trend_over_a_year_that_is_not_there_is_left_out():
    rows = {(s, y): NO_SCORES for s in range(1, 21) for y in (2019, 2023, 2024)}
    assert rate(rows, 2024).left_out["rwm_trend"] == "2021/22: not published by school"
    rows = {(s, y): NO_SCORES for s in range(1, 21) for y in (2023, 2025)}
    assert "rwm_trend" not in rate(rows, 2025).left_out


def test_a_floor_that_nobody_can_be_found_below_is_not_asked():
    low = {**NO_SCORES, "rwm_expected": 40.0}
    rows = {(s, y): low if s % 2 else NO_SCORES | {"rwm_expected": 90.0}
            for s in range(1, 21) for y in (2016, 2017, 2018)}  # fmt: skip
    found = rate(rows, 2018)
    assert found.left_out == {"floor": NO_PROGRESS, "coasting": NO_PROGRESS}
    assert found.ratings["rating"].notna().all()
    assert (found.ratings["coverage_of_sourced"] == 1).all()


def test_as_many_schools_are_rated_without_progress_as_with_it():
    both = {}
    for name, row in (("with", WHOLE), ("without", NO_SCORES)):
        rows = {(s, y): {**row, "rwm_expected": 30.0 + 3 * s} for s in range(1, 21)
                for y in (2016, 2017, 2018)}  # fmt: skip
        both[name] = int(rate(rows, 2018).ratings["rating"].notna().sum())
    assert both["with"] == 20
    assert both["without"] >= 0.9 * both["with"]


def test_each_phase_is_asked_by_its_own_progress():
    secondary = {
        "progress8": -0.9,
        "progress8_upper": -0.5,
        "attainment8": 40.0,
        "cohort_ks4": 90.0,
    }
    rows = {(s, 2018): NO_SCORES if s < 11 else secondary for s in range(1, 21)}
    phases = ["primary"] * 10 + ["secondary"] * 10
    found = rate(rows, 2018, phase=phases, school_type=phases)
    assert found.contributions.loc[(1, "floor"), "reason"] == NO_PROGRESS
    assert found.contributions.loc[(11, "floor"), "rag"] == "red"
    assert "floor" not in found.left_out


@pytest.mark.parametrize(
    ("latest", "before", "stuck"),
    [
        (3, 3, "yes"),
        (3, 4, "yes"),
        (3, 2, "no"),
        (3, 1, "no"),
        (2, 3, "no"),
        (1, 4, "no"),
        (2, NAN, "no"),  # good now: whatever came before
        (4, 3, "no"),  # in a category of concern, which is another criterion
        (4, 4, "no"),
        (3, NAN, "unknown"),
        (NAN, 3, "unknown"),
        (NAN, 2, "no"),  # good before: not stuck, whatever it is now
        (NAN, NAN, "unknown"),
    ],
)
def test_stuck_is_the_published_rule(latest, before, stuck):
    assert standards.judge_stuck(np.array([latest]), np.array([before])).words()[0] == stuck


def inspections(**columns):
    """Give three schools' inspections, of May in three years."""
    table = {"urn": [1, 2, 3], "outcome": [3.0, NAN, NAN],
             "equivalent": [3.0, 3.0, 4.0], "previous": [3.0, 4.0, 3.0],
             "inspected": pd.to_datetime(["2023-05-01", "2025-05-01", "2025-05-01"])}  # fmt: skip
    return pd.DataFrame(table | columns, index=pd.Index([1, 2, 3], name="school"))


def test_a_stuck_school_and_one_in_a_category_of_concern_come_first():
    rows = {(s, y): NO_SCORES for s in range(1, 21) for y in (2023, 2025)}
    found = rate(rows, 2025, ofsted=inspections())
    rag = found.contributions["rag"].unstack("indicator")
    assert rag.loc[[1, 2, 3], "stuck"].tolist() == ["red", "red", "green"]
    assert rag.loc[[1, 2, 3], "inspection"].tolist() == ["amber", "amber", "red"]
    assert found.ratings.loc[[1, 2, 3], "rating"].tolist() == [1, 1, 1]
    assert rag.loc[[1, 2], "ofsted_age"].tolist() == ["green", "green"]


def test_an_inspection_after_august_is_not_yet_known_and_the_one_before_stands():
    rows = {(s, y): NO_SCORES for s in range(1, 21) for y in (2022, 2023, 2024)}
    ofsted = inspections(previous=[3.0, 3.0, 4.0])
    lines = rate(rows, 2024, ofsted=ofsted).contributions
    assert lines.loc[[(2, "inspection"), (3, "inspection")], "rag"].tolist() == ["amber", "red"]
    assert lines.loc[[(2, "stuck"), (3, "stuck")], "rag"].tolist() == ["", "green"]
    assert lines.loc[(1, "stuck"), "rag"] == "red"
    assert "stuck" in rate(rows, 2023, board_of=2024, ofsted=inspections()).left_out


def test_stuck_has_no_source_where_nothing_says_what_came_before():
    rows = {(s, 2025): NO_SCORES for s in range(1, 21)}
    bare = rate(rows, 2025, ofsted=inspections().drop(columns="previous"))
    assert "stuck" in bare.no_source
    assert bare.contributions.loc[(2, "inspection"), "rag"] == "amber"
    some = rate(rows, 2025, ofsted=inspections(previous=[NAN, 4.0, 3.0]))
    assert (
        some.contributions.loc[(1, "stuck"), "reason"] == "what it was graded before is not known"
    )


def test_the_newest_dashboard_up_to_the_year_is_used_a_folders_own_first(tmp_path):
    assert dashboard.find_dashboard(NOWHERE, 2018).name == "dashboard.yml"
    assert dashboard.find_dashboard(NOWHERE, 2023).name == "dashboard.yml"
    assert dashboard.find_dashboard(NOWHERE, 2024).name == "dashboard-2024.yml"
    assert dashboard.find_dashboard(NOWHERE, 2031).name == "dashboard-2024.yml"
    settings = yaml.safe_load((dashboard.PROPOSED / "dashboard.yml").read_text("utf-8"))
    for name in ("dashboard.yml", "dashboard-2026.yml"):
        text = yaml.safe_dump({**settings, "version": name})
        (tmp_path / name).write_text(text, "utf-8")
    assert dashboard.load_dashboard(tmp_path, 2025).version == "dashboard.yml"
    assert dashboard.load_dashboard(tmp_path, 2026).version == "dashboard-2026.yml"


def test_what_both_dashboards_ask_weighs_the_same_and_is_rated_by_the_same_limits():
    then, now = (dashboard.load_dashboard(NOWHERE, year) for year in (2018, 2024))
    assert now.least_coverage == then.least_coverage == 0.6
    assert (now.rating_1_from, now.rating_2_from) == (then.rating_1_from, then.rating_2_from)
    old = {one.id: one for one in then.indicators}
    shared = [one for one in now.indicators if one.id in old]
    assert len(shared) > 15
    assert all((one.weight, one.bands) == (old[one.id].weight, old[one.id].bands) for one in shared)


def judged(year, ofsted=None):
    rows = {(s, year): NO_SCORES for s in (1, 2, 3)}
    return eligibility.judge_eligibility(
        panel_of(rows), register_of([1, 2, 3]), year, ofsted=ofsted, warnings=None
    )


def test_a_programme_of_today_is_held_to_rise_and_one_of_2018_to_the_fund():
    assert {"E1", "E6"} <= set(judged(2017)) and "R1" not in judged(2017)
    now = judged(2025, inspections())
    assert now[["R1", "R2"]].to_numpy().tolist() == [["yes", "no"], ["yes", "no"], ["no", "yes"]]
    assert "E1" not in now
    assert now["eligible"].tolist() == ["yes"] * 3
    assert list(eligibility.list_rules([2025]).index) == ["R1", "R2"]
    assert set(eligibility.list_rules([2017]).index) == {f"E{n}" for n in range(1, 9)}
    assert eligibility.list_rules([2022]).empty


def test_rise_is_not_for_a_school_whose_structure_changed_since_its_inspection():
    changed = judged(2025, inspections(inspected_as=pd.array([101, None, 103], "Int64")))
    assert changed["eligible"].tolist() == ["no", "yes", "no"]
    by_number = judged(2025, inspections(urn=[1, 102, 3]))  # inspected under an earlier number
    assert by_number["R1"].tolist() == ["yes", "no", "no"]
    later = inspections(inspected=pd.to_datetime(["2025-11-01"] * 3))  # not known in August
    assert judged(2025, later)["R1"].tolist() == ["unknown", "no", "unknown"]

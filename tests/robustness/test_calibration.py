"""Calibration: on programmes that did nothing our own estimator calls five in a hundred."""

import json

import pytest

from pepstats.cli import main
from pepstats.errors import DesignError
from pepstats.robustness.calibration import (
    ONE_CITY,
    OURS,
    SELECTIONS,
    Picking,
    Population,
    calibrate,
    describe_calibration,
)
from tests.worlds import ROOT, YEAR, small_england


@pytest.fixture(scope="module")
def found():
    small = small_england(seed=11, schools=2400, effect=0.0)
    programme = small.programmes["closing-the-gap"].model_copy(
        update={"outcomes": ("rwm_expected", "reading_progress")}
    )
    population = Population(small.panel, small.register, tuple(small.barred))
    return calibrate(population, programme, YEAR, Picking(2000, 12, 8))


def test_there_is_a_row_for_each_estimator_selection_and_outcome(found) -> None:
    key = ["estimator", "selection", "outcome"]
    assert len(found.rows) == 7 * 3 * 2 and set(found.rows["selection"]) == set(SELECTIONS)
    assert not found.rows.duplicated(key).any()
    assert (found.rows["coverage"] + found.rows["false_alarm_rate"]).round(9).eq(1).all()


def test_ours_calls_five_in_a_hundred_whatever_the_selection(found) -> None:
    ours = found.rows[found.rows["estimator"] == OURS]
    assert ours["false_alarm_rate"].between(0.035, 0.065).all()
    assert (ours["mean"].abs() < 0.5 * ours["spread"]).all()


def test_a_before_and_after_finds_gains_where_nothing_was_done(found) -> None:
    rows = found.rows[
        (found.rows["selection"] == ONE_CITY) & (found.rows["outcome"] == "rwm_expected")
    ]
    by_name = rows.set_index("estimator")
    assert by_name.loc["before and after", "mean"] > 3
    assert by_name.loc["before and after", "false_alarm_rate"] > 0.12
    assert by_name.loc[OURS, "spread"] < by_name.loc["before and after", "spread"]
    assert (rows["spread"] > rows["limit"]).all()


def test_cities_that_are_too_small_are_counted_and_thirds_add_up_to_the_others(found) -> None:
    cities = found.cities.set_index("outcome")
    assert (cities["too_small"] > 0).all()
    within = found.within[found.within["year"] == YEAR].groupby(["outcome", "by"])["cities"].sum()
    for outcome in cities.index:
        assert (within[outcome] == cities.loc[outcome, "usable"]).all()
    assert (found.within["by_lot_low"] < 0.05).all() and (found.within["by_lot_high"] > 0.05).all()


def test_another_years_yardstick_and_october_are_tried_on_the_same_schools(found) -> None:
    assert set(zip(found.across["year"], found.across["judged_by"], strict=True)) == {
        (YEAR, YEAR - 1), (YEAR - 1, YEAR),
    }  # fmt: skip
    assert found.across["false_alarm_rate"].between(0.005, 0.15).all()
    assert (found.october["correlation"] > 0.9).all()
    assert found.october["false_alarm_rate"].between(0.005, 0.15).all()


def test_it_is_plain_data_that_json_can_hold(found) -> None:
    again = json.loads(json.dumps(found.as_data(), allow_nan=False))
    wanted = {"estimator", "selection", "outcome", "draws", "mean", "spread", "false_alarm_rate",
              "coverage", "limit"}  # fmt: skip
    assert set(again["rows"][0]) == wanted and again["schools"] == 12


def test_programmes_larger_than_any_city_are_refused() -> None:
    small = small_england(seed=11, schools=2400, effect=0.0)
    with pytest.raises(DesignError, match="Ask for smaller ones"):
        population = Population(small.panel, small.register, tuple(small.barred))
        programme = small.programmes["closing-the-gap"]
        calibrate(population, programme, YEAR, Picking(100, 90, 60))


def test_it_is_said_in_words_with_every_table(found) -> None:
    said = describe_calibration(found)
    for words in (
        "done, in 2018 from 2016 and 2017", "have too few schools", 
        "by lot, 95 in 100", "another year's", "What October would have said",
    ):  # fmt: skip
        assert words in said


def test_the_command_gives_json_of_the_latest_year_that_others_have(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["calibrate", "--data", str(ROOT / "data"), "--draws", "300", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["rows"] and (data["year"], data["baseline"]) == (2017, [2016])  # in October

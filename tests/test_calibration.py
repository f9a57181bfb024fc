"""Calibration: on programmes that did nothing our own estimator calls five in a hundred."""

import json

import pytest

from pepstats.calibration import ESTIMATORS, ONE_CITY, OURS, SELECTIONS, calibrate
from pepstats.cli import main
from pepstats.errors import DesignError
from tests.worlds import ROOT, YEAR, small_england


@pytest.fixture(scope="module")
def found():
    small = small_england(seed=11, schools=2400, effect=0.0)
    programme = small.programmes["closing-the-gap"].model_copy(
        update={"outcomes": ("rwm_expected", "reading_progress")}
    )
    return calibrate(small.panel, small.register, programme, YEAR, barred=small.barred,
                     draws=2000, size=12, low=8)  # fmt: skip


def test_there_is_a_row_for_each_estimator_selection_and_outcome(found) -> None:
    key = ["estimator", "selection", "outcome"]
    assert len(found.rows) == len(ESTIMATORS) * len(SELECTIONS) * 2
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


def test_it_is_plain_data_that_json_can_hold(found) -> None:
    again = json.loads(json.dumps(found.as_data(), allow_nan=False))
    wanted = {"estimator", "selection", "outcome", "draws", "mean", "spread", "false_alarm_rate",
              "coverage", "limit"}  # fmt: skip
    assert set(again["rows"][0]) == wanted and again["schools"] == 12


def test_programmes_larger_than_any_city_are_refused() -> None:
    small = small_england(seed=11, schools=2400, effect=0.0)
    with pytest.raises(DesignError, match="Ask for smaller ones"):
        calibrate(small.panel, small.register, small.programmes["closing-the-gap"], YEAR,
                  barred=small.barred, draws=100, size=90, low=60)  # fmt: skip


def test_the_command_says_it_in_words_or_json(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["calibrate", "--data", str(ROOT / "data"), "--draws", "300"]
    assert main(words) == 0
    assert "placebo cities call" in capsys.readouterr().out
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"]

"""Calibration: what can fail on programmes that did nothing, each figure with its error."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pepstats.cli import main
from pepstats.errors import DesignError
from pepstats.invented.england import build_england
from pepstats.robustness import calibration
from pepstats.robustness.calibration import (
    ANYWHERE,
    LINE,
    LOW,
    MEAN,
    ONE_CITY,
    OTHER_HALF,
    OURS,
    POOR,
    ROW,
    SELECTIONS,
    T_TEST,
    TABLES,
    Calibration,
    Picking,
    Population,
    calibrate,
    describe_calibration,
    judge_other_year,
    over_cities,
    spread_over_cities,
)
from pepstats.schools.panel import Panel
from pepstats.settings.programme import Programme
from tests.impact.test_placebo import draw, made_up_gaps
from tests.worlds import ROOT, YEAR, panel_of_england, small_england


@pytest.fixture(scope="module")
def population() -> Population:
    """A small England in which nothing was done, with its pupils' disadvantage."""
    small = small_england(seed=11, schools=2400, effect=0.0)
    england = build_england(schools=2400, seed=11, effect=0.0)
    panel, register = panel_of_england(england, [*small.panel.values.columns, "disadvantaged"])
    return Population(panel, register, tuple(small.barred))


OUTCOMES = ("rwm_expected", "reading_progress", "attainment8")  # the last changed its scale in 2017


@pytest.fixture(scope="module")
def programme() -> Programme:
    small = small_england(seed=11, schools=2400, effect=0.0)
    return small.programmes["closing-the-gap"].model_copy(update={"outcomes": OUTCOMES})


@pytest.fixture(scope="module")
def found(population: Population, programme: Programme) -> Calibration:
    return calibrate(population, programme, YEAR, Picking(1500, 12, 8))


def ours_of(found: Calibration) -> pd.DataFrame:
    return found.rows[found.rows["estimator"] == OURS]


def test_there_is_a_row_for_each_estimator_selection_and_outcome(found: Calibration) -> None:
    key = ["estimator", "selection", "outcome"]
    assert len(found.rows) == 5 * 4 * 2 and set(found.rows["selection"]) == set(SELECTIONS)
    assert not found.rows.duplicated(key).any() and list(found.rows) == list(ROW)
    assert set(found.rows["outcome"]) == set(OUTCOMES[:2])
    judged = found.rows.groupby("estimator")["judged_by"].unique()
    assert judged[OURS] == judged[LINE] == [OTHER_HALF] and judged[MEAN] == [T_TEST]


def test_every_mean_spread_and_rate_has_its_standard_error(found: Calibration) -> None:
    for table, columns in (
        (found.rows, ["mean_se", "spread_se", "false_alarm_se"]),
        (found.kinds, ["mean_se", "false_alarm_se"]),
        (found.across, ["false_alarm_se"]), (found.october, ["false_alarm_se"]),
    ):  # fmt: skip
        assert len(table) and (table[columns] > 0).all(axis=None)
    ours = ours_of(found).set_index(["outcome", "selection"])
    for outcome in OUTCOMES[:2]:  # of programmes in one city, cities are the sample
        assert (ours.loc[(outcome, ONE_CITY), "mean_se"]
                > 3 * ours.loc[(outcome, ANYWHERE), "mean_se"])  # fmt: skip


def test_ours_is_off_by_no_more_than_its_error_and_half_the_cities_judge_the_other(
    found: Calibration,
) -> None:
    ours = ours_of(found)
    assert ours["false_alarm_rate"].between(0.035, 0.065).all()
    inside = ours[ours["selection"].isin([ONE_CITY, POOR])]
    assert (inside["mean"].abs() < 3 * inside["mean_se"]).all()
    assert (ours["mean"].abs() < 0.25 * ours["spread"]).all()


def test_a_before_and_after_finds_gains_where_nothing_was_done(found: Calibration) -> None:
    rows = found.rows[
        (found.rows["selection"] == ONE_CITY) & (found.rows["outcome"] == "rwm_expected")
    ]
    by_name = rows.set_index("estimator")
    assert by_name.loc["before and after", "mean"] > 3
    assert by_name.loc["before and after", "false_alarm_rate"] > 0.12
    assert by_name.loc[OURS, "spread"] < by_name.loc["before and after", "spread"]
    assert (rows["spread"] > rows["limit"]).all()


def test_cities_that_are_too_small_are_counted_and_thirds_add_up_to_the_others(
    found: Calibration,
) -> None:
    cities = found.cities.set_index("outcome")
    assert (cities["too_small"] > 0).all()
    kinds = found.kinds.groupby(["outcome", "by"])
    assert set(found.kinds["by"]) == {"attainment", "cohort", "schools", "disadvantage"}
    for (outcome, _), thirds in kinds:
        assert thirds["cities"].sum() == cities.loc[outcome, "usable"]
        assert thirds["cities"].max() - thirds["cities"].min() <= 1
        overall = np.average(thirds["false_alarm_rate"], weights=thirds["cities"])
        assert 0.03 < overall < 0.07
    assert (found.kinds["mean"].abs() < 3.5 * found.kinds["mean_se"]).all()
    off = found.kinds["false_alarm_rate"] - 0.05
    assert (off.abs() < 3.5 * found.kinds["false_alarm_se"] + 0.02).all()


def test_another_years_yardstick_and_october_are_tried_on_the_same_schools(
    found: Calibration,
) -> None:
    assert set(zip(found.across["year"], found.across["judged_by"], strict=True)) == {
        (YEAR, YEAR - 1), (YEAR - 1, YEAR),
    }  # fmt: skip
    assert found.across["false_alarm_rate"].between(0.005, 0.15).all()
    assert (found.october["correlation"] > 0.9).all()
    assert found.october["false_alarm_rate"].between(0.005, 0.15).all()


def test_a_change_of_definition_is_refused_as_an_evaluation_refuses_it(
    found: Calibration, population: Population, programme: Programme
) -> None:
    [whole, across] = found.left_out.to_dict("records")
    assert (whole["outcome"], whole["selection"]) == ("attainment8", "")
    assert "`attainment8`: 2018 cannot be set against 2016: grades 9 to 1" in whole["reason"]
    assert across["selection"] == "across years" and "2017 cannot be set" in across["reason"]
    alone = programme.model_copy(update={"outcomes": ("attainment8",)})
    panel = population.panel
    held = {
        "values": panel.values.assign(attainment8=46.0), "reasons": panel.reasons.assign(
            attainment8=panel.reasons["rwm_expected"]),
        "releases": panel.releases.assign(attainment8="final"),
    }  # fmt: skip
    other = Population(Panel(**held), population.register, population.barred)
    with pytest.raises(DesignError, match="2018 cannot be set against 2016"):
        calibrate(other, alone, YEAR, Picking(100, 12, 8))
    meant = alone.model_copy(update={"compare_across": ("grades 9-1 2017",)})
    with pytest.raises(DesignError) as error:
        calibrate(other, meant, YEAR, Picking(100, 12, 8))
    assert "cannot be set against" not in str(error.value)


def test_it_is_plain_data_that_json_can_hold(found: Calibration) -> None:
    again = json.loads(json.dumps(found.as_data(), allow_nan=False))
    assert set(again["rows"][0]) == set(ROW) and again["schools"] == 12
    assert set(TABLES) <= set(again) and "coverage" not in again["rows"][0]


@pytest.fixture
def few_splits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Halve the cities a few times only, where it is not rates that are asked for."""
    monkeypatch.setattr(calibration, "SPLITS", 4)


@pytest.mark.usefixtures("few_splits")
def test_programmes_larger_than_any_city_are_left_out_with_the_reason(
    population: Population, programme: Programme
) -> None:
    one = programme.model_copy(update={"outcomes": ("rwm_expected",)})
    large = calibrate(population, one, YEAR, Picking(100, 90, 60))
    assert set(large.rows["selection"]) == {ANYWHERE, LOW}
    assert large.cities.empty and large.kinds.empty and large.across.empty
    assert large.left_out["selection"].tolist() == [ONE_CITY, POOR, "across years"]
    assert large.left_out["reason"].str.endswith("Ask for smaller ones").all()


@pytest.mark.usefixtures("few_splits")
def test_what_disadvantage_no_source_has_nobody_is_picked_by(programme: Programme) -> None:
    small = small_england(seed=11, schools=2400, effect=0.0)
    plain = Population(small.panel, small.register, tuple(small.barred))
    one = programme.model_copy(update={"outcomes": ("rwm_expected",), "baseline": (2017,)})
    left = calibrate(plain, one, YEAR, Picking(60, 12, 8)).left_out
    assert left["selection"].tolist() == [POOR]
    assert left["reason"].tolist() == ["no source says how many pupils are disadvantaged"]


def test_it_is_said_in_words_with_every_table(found: Calibration) -> None:
    said = describe_calibration(found)
    for words in (
        "done, in 2018 from 2016 and 2017", "Standard errors (se) are over cities", "too small for",
        "within thirds of the cities", "another year's", "What October would have said",
        "Not tried, and why", "groups without the programme, the other half",
    ):  # fmt: skip
        assert words in said


# What it measures with ----------------------------------------------------------------------------


def test_the_error_of_a_mean_and_of_a_spread_is_that_over_cities() -> None:
    rng = np.random.default_rng(1)
    city = np.repeat(np.arange(1, 81), 50)
    shift = rng.normal(0, 2, 80)
    values = shift[city - 1] + rng.normal(0, 1, 4000)
    mean, error = over_cities(values, city)
    assert mean == pytest.approx(values.mean())
    assert error == pytest.approx(2 / np.sqrt(80), rel=0.2)
    _, unaware = over_cities(values, np.zeros(4000, dtype=np.int64))
    assert unaware < error / 4
    spread, of_spread = spread_over_cities(values, city, rng)
    assert spread == pytest.approx(values.std(ddof=1))
    worlds = [np.hypot(rng.normal(0, 2, 80).std(ddof=1), 1) for _ in range(2000)]
    assert of_spread == pytest.approx(np.std(worlds), rel=0.35)


def test_a_year_twice_as_wide_is_found_out_by_the_other_years_yardstick() -> None:
    """What calibration prints can fail: a yardstick of a quieter year calls far too much."""
    quiet, wide = (made_up_gaps([40] * 60, seed=seed) for seed in (1, 2))
    wide = replace(wide, table=wide.table.assign(gap=wide.table["gap"] * 2))
    picked = draw(quiet, list(quiet.table.index[:18]), 1200)
    called = [judge_other_year(one, picked, other, picked)[0]
              for one, other in ((wide, quiet), (quiet, wide), (quiet, quiet))]  # fmt: skip
    assert called[0] > 0.25 and called[1] < 0.01 and 0.03 < called[2] < 0.07


@pytest.mark.usefixtures("few_splits")
def test_the_command_gives_json_of_the_latest_year_that_others_have(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["calibrate", "--data", str(ROOT / "data"), "--draws", "100", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["rows"] and (data["year"], data["baseline"]) == (2017, [2016])  # in October

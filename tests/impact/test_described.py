"""What only the authority holds is described as a whole, and never given an effect."""

import numpy as np
import pandas as pd

import pepstats
from pepstats.impact.not_estimated import ENGLAND, HERE, OWN, describe_held, list_described
from pepstats.schools.panel import Panel
from pepstats.study import tabulate_series
from tests.worlds import ROOT

SEN = "rwm_expected.sen_support"
NO_SERIES = pd.DataFrame(columns=["measure", "year", "whose", "value", "reason"])


def panel_of(values: list[float], pupils: list[float]) -> Panel:
    schools = range(1, len(values) + 1)
    index = pd.MultiIndex.from_product([schools, [2018]], names=["school", "year"])
    table = pd.DataFrame({SEN: values, "cohort.sen_support": pupils}, index=index)
    year = pd.Index([2018], name="year")
    releases = pd.DataFrame("provisional", index=year, columns=table.columns)
    return Panel(table, table.isna().astype("str"), releases)


def test_each_pupil_counts_alike_and_no_school_stands_alone() -> None:
    held = describe_held(panel_of([10, 20, 30, 40, np.nan], [20, 10, 10, 10, 9]), NO_SERIES,
                         ["rwm_expected"], range(1, 6))  # fmt: skip
    [row] = held.to_dict("records")
    assert row["value"] == (200 + 200 + 300 + 400) / 50
    assert (row["n_schools"], row["n_pupils"], row["whose"]) == (4, 50, OWN)
    assert row["release"] == "provisional"


def test_too_few_schools_or_pupils_are_counted_but_not_shown() -> None:
    for values, pupils in (([10.0] * 3, [20.0] * 3), ([10.0] * 4, [7.0] * 4)):
        [row] = describe_held(
            panel_of(values, pupils), NO_SERIES, ["rwm_expected"], range(1, 6)
        ).to_dict("records")
        assert np.isnan(row["value"]) and "fewer than 4 schools or 30 pupils" in row["reason"]


def test_what_nobody_has_is_not_described() -> None:
    assert describe_held(panel_of([np.nan], [9.0]), NO_SERIES, ["rwm_expected"], [1]).empty
    assert describe_held(panel_of([9.0], [9.0]), NO_SERIES, ["progress8"], [1]).empty
    assert list_described(["rwm_expected.disadvantaged", "rwm_expected"]) == [
        "rwm_expected.sen_support", "rwm_expected.ehcp", "rwm_expected.no_sen",
    ]  # fmt: skip


def test_the_invented_city_s_own_results_stand_beside_the_published_series() -> None:
    study = pepstats.load("autumn-2018", data=str(ROOT / "data"))
    series = tabulate_series(study)
    assert set(series["whose"]) == {HERE, ENGLAND, "another authority"}
    assert set(series["measure"]) == {SEN, "rwm_expected.other"}
    members = study.members["send-in-mainstream"].index
    held = describe_held(study.panel, series, ["rwm_expected"], members).set_index("whose")
    assert held.loc[OWN, "year"] == 2018 and 0 < held.loc[OWN, "value"] < 100
    assert set(held.loc[HERE, "year"]) == set(held.loc[ENGLAND, "year"]) >= {2016, 2017}


def test_only_the_same_measure_of_the_authority_and_of_england_stands_beside_it() -> None:
    rows = [(SEN, HERE, 21.0), (SEN, ENGLAND, 24.0), (SEN, "another authority", 30.0),
            ("rwm_expected.other", HERE, 70.0)]  # fmt: skip
    series = pd.DataFrame(rows, columns=["measure", "whose", "value"]).assign(year=2018, reason="")
    panel = panel_of([10.0] * 5, [20.0] * 5)
    held = describe_held(panel, series, ["rwm_expected"], range(1, 6))
    assert held.set_index("whose")["value"].to_dict() == {OWN: 10.0, HERE: 21.0, ENGLAND: 24.0}

from __future__ import annotations

import dataclasses

from pepstats.report import open_data
from pepstats.report.edition import Edition
from tests.paper_made_up import make_study


def test_open_data_is_one_row_per_programme_and_outcome_in_the_departments_columns() -> None:
    settings, programmes, results = make_study()
    data, meta = open_data.make_open_data(Edition(settings, programmes, results))
    assert len(data) == 4
    assert not data.duplicated(["programme", "outcome"]).any()
    assert set(data["time_period"]) == {201718} and set(data["time_identifier"]) == {
        "Academic year"
    }
    assert {"est_lower_ci", "est_upper_ci"} <= set(data.columns)
    first = data.iloc[0]
    assert (first["estimate"], first["est_lower_ci"], first["schools"]) == (4.2, 0.3, 17)
    assert list(meta.columns) == open_data.META_COLUMNS
    place = {"time_period", "time_identifier", "geographic_level", "country_code", "country_name",
             "old_la_code"}  # fmt: skip
    assert set(meta["col_name"]) == set(data.columns) - place


def test_an_outcome_without_an_estimate_is_marked_not_left_out() -> None:
    settings, programmes, results = make_study()
    one = results["closing-the-gap"]
    gone = {**results, "closing-the-gap": dataclasses.replace(one, effects=one.effects.iloc[:1])}
    data, _ = open_data.make_open_data(Edition(settings, programmes, gone))
    missing = data.iloc[1]
    assert missing["estimate"] == missing["share_placebo"] == missing["verdict"] == "x"
    assert len(data) == 4


def test_a_title_that_a_spreadsheet_would_run_is_made_harmless() -> None:
    settings, programmes, results = make_study()
    odd = [programmes[0].model_copy(update={"title": "=cmd|'/c calc'!A1"}), programmes[1]]
    data, _ = open_data.make_open_data(Edition(settings, odd, results))
    assert data["programme"].iloc[0] == "'=cmd|'/c calc'!A1"

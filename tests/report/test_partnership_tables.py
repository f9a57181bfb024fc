"""What the paper says of the partnership: who takes part, was challenged, was eligible."""

import datetime
from dataclasses import replace

import pandas as pd
import pytest

from pepstats.priority import eligibility, partnership
from pepstats.report import city_tables
from pepstats.report.edition import City
from tests.made_up_panels import panel_of, register_of
from tests.priority.test_partnership import SCHOOLS, load
from tests.report.test_support_tables import (
    EXEMPT,
    PROGRAMMES,
    PUBLIC,
    city_of,
    made,
    plain,
    rated,
)


def test_the_register_is_told_in_tables_and_sentences(tmp_path):
    day = datetime.date(2018, 10, 2)
    answers = partnership.tabulate_register(load(tmp_path), SCHOOLS, 2018, as_at=day)
    tables, entries = made(city_of(*rated(), **answers), PUBLIC)
    assert tables["partnership-activities"].rows[0] == (
        "The gap", "programme", "Theme 5", "A school", "[c]"
    )  # fmt: skip
    exempt, _ = made(city_of(*rated(), **answers), EXEMPT)
    assert exempt["partnership-activities"].rows[0][-1] == "2"
    assert tables["partnership-promises"].rows[0][1:] == (
        "40", "50", "none yet", "31 July 2018", "No figure"
    )  # fmt: skip
    assert "add up to £400,000" in entries["partnership.funding"].text
    assert (
        entries["partnership.promises"].text == "The one key performance indicator has no figure."
    )
    assert "take part in nothing" in entries["partnership.taking_part"].text


def test_a_study_without_a_register_or_a_year_before_says_so():
    tables, entries = made(city_of(rated()[0], None), PUBLIC)
    assert tables["partnership-activities"].empty == city_tables.NO_REGISTER
    assert not tables["partnership-promises"].rows
    assert entries["partnership.taking_part"].text == ""
    assert entries["ratings.changes"].text == ""
    assert tables["ratings-changed"].empty == city_tables.NO_YEAR_BEFORE
    tables, entries = made(City(), PUBLIC)
    assert not any(table.rows for table in tables.values())


@pytest.mark.parametrize("view", [PUBLIC, EXEMPT])
def test_eligibility_is_a_verdict_in_public_and_counts_in_the_exempt_edition(view):
    schools = list(range(1, 11))
    panel = panel_of({(s, y): {"rwm_expected": 70.0, "cohort": 30.0}
                      for s in schools for y in (2016, 2017, 2018)})  # fmt: skip
    ofsted = pd.DataFrame({"urn": schools, "outcome": [4] * 7 + [2] * 3,
                           "inspected": pd.Timestamp("2017-01-01")},
                          index=pd.Index(schools, name="school"))  # fmt: skip
    members = pd.DataFrame({"programme": "closing-the-gap", "school": schools})
    judged = eligibility.judge_programmes(
        panel, register_of(schools), PROGRAMMES, members, ofsted=ofsted
    )
    city = City(tables={"eligibility": plain(judged)})
    row = made(city, view)[0]["eligibility"].rows[0]
    assert row[1:4] == ("2016/17", "10", "7")
    assert row[4:] == (("7", "3", "Pass", "Pass") if view.exempt else ("Pass", "Pass"))


def test_a_programme_of_today_is_told_by_the_fund_of_its_day_and_asked_no_seventy_per_cent():
    schools = list(range(1, 11))
    panel = panel_of({(s, 2025): {"rwm_expected": 70.0, "cohort": 30.0} for s in schools})
    ofsted = pd.DataFrame({"urn": schools, "outcome": 3, "previous": 3.0,
                           "inspected": pd.Timestamp("2024-01-01")},
                          index=pd.Index(schools, name="school"))  # fmt: skip
    members = pd.DataFrame({"programme": "closing-the-gap", "school": schools})
    found = {}
    for starts in (2018, 2023, 2026):
        programme = PROGRAMMES[0].model_copy(update={"starts": starts})
        judged = eligibility.judge_programmes(
            panel, register_of(schools), [programme], members, ofsted=ofsted
        )
        tables, entries = made(City(tables={"eligibility": plain(judged)}), EXEMPT)
        found[starts] = entries["partnership.eligible"].text, tables["eligibility"].rows
    assert found[2018][0].startswith("The Fund asked") and len(found[2018][1]) == 1
    assert found[2023][0] == "" and not found[2023][1]
    assert found[2026][0].startswith("RISE is for schools that are stuck")
    assert found[2026][1][0][1:] == (
        "2024/25", "10", "no such rule", "10", "0", "Not asked", "Not asked"
    )  # fmt: skip


def test_what_was_left_out_is_said_by_its_reason_and_nothing_where_nothing_was():
    rows = [("Progress in maths", "none yet"), ("Attainment 8 trend", "gone"),
            ("Phonics", "none yet")]  # fmt: skip
    left = pd.DataFrame(rows, columns=["label", "reason"])
    city = city_of(rated()[0], None)
    before = made(city, PUBLIC)[1]["ratings.sure"].text
    assert "Left out" not in before
    said = made(replace(city, tables={**city.tables, "ratings-left-out": left}), PUBLIC)[1]
    assert (
        "Not used for any school: progress in maths and phonics (none yet); Attainment 8 "
        "trend (gone)."
    ) in said["ratings.sure"].text

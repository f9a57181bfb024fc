from types import SimpleNamespace

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pepstats.priority import eligibility
from pepstats.schools.register import attach_inspections, grade_at
from pepstats.settings.programme import load_programme
from tests.made_up_panels import PRIMARY, panel_of, register_of
from tests.worlds import ROOT


def seventy(yes, no, unknown=0):
    words = ["yes"] * yes + ["no"] * no + ["unknown"] * unknown
    return eligibility.check_seventy_rule(pd.Series(words, dtype="str"))


@pytest.mark.parametrize(("schools", "needed"), [(4, 3), (10, 7), (18, 13), (20, 14), (1, 1)])
def test_seventy_per_cent_is_counted_in_whole_schools(schools, needed):
    assert seventy(needed, schools - needed).needed == needed
    assert seventy(needed, schools - needed).verdict == "pass"
    assert seventy(needed - 1, schools - needed + 1).verdict == "fail"


def test_eighteen_schools_need_thirteen():
    assert (seventy(13, 5).verdict, seventy(13, 5).needed) == ("pass", 13)
    assert seventy(12, 6).verdict == "fail"


def test_unknown_schools_leave_the_test_undetermined_with_both_bounds():
    result = seventy(12, 5, 1)
    assert result.verdict == "undetermined"
    assert (result.eligible, result.unknown, result.schools) == (12, 1, 18)
    assert seventy(13, 4, 1).verdict == "pass"
    assert seventy(11, 6, 1).verdict == "fail"


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40))
def test_the_verdict_is_what_every_way_of_finding_out_would_say(yes, no, unknown):
    total = yes + no + unknown
    if not total:
        return
    ways = {10 * (yes + more) >= 7 * total for more in range(unknown + 1)}
    expected = "pass" if ways == {True} else "fail" if ways == {False} else "undetermined"
    assert seventy(yes, no, unknown).verdict == expected


OFSTED = pd.DataFrame(
    {"urn": [1, 2, 3], "outcome": [4, 3, 2], "inspected": pd.to_datetime(["2017-05-01"] * 3)},
    index=pd.Index([1, 2, 3], name="school"),
)
NONE_WARNED = pd.DataFrame({"school": pd.Series([], dtype="int64"), "date": pd.to_datetime([])})


def judged(**how):
    rows = {(s, y): PRIMARY for s in (1, 2, 3, 4) for y in (2016, 2017, 2018)}
    panel = panel_of(rows)
    return eligibility.judge_eligibility(panel, register_of([1, 2, 3, 4]), 2018, **how)


def test_a_school_is_eligible_if_any_rule_holds_and_unknown_is_not_a_no():
    table = judged(ofsted=OFSTED, warnings=NONE_WARNED)
    assert table["eligible"].tolist() == ["yes", "yes", "no", "unknown"]
    assert table.loc[1, "because"] == "Ofsted inadequate at the latest inspection"


def test_a_rule_known_only_from_memory_is_kept_apart():
    table = judged(ofsted=OFSTED, warnings=NONE_WARNED)
    assert table.loc[2, "eligible"] == "yes"
    assert table.loc[2, "eligible_sourced"] == "no"


def test_a_warning_notice_counts_for_three_years_and_no_list_is_unknown():
    dates = pd.to_datetime(["2015-08-31", "2015-09-01", "2018-08-31", "2018-09-01"])
    warnings = pd.DataFrame({"school": [1, 2, 3, 4], "date": dates})
    table = judged(ofsted=OFSTED, warnings=warnings)
    assert table["E2"].tolist() == ["no", "yes", "yes", "no"]
    assert judged(ofsted=OFSTED)["E2"].eq("unknown").all()


def test_progress_8_is_asked_only_of_schools_that_have_it():
    panel = panel_of({(1, 2018): {"progress8": -0.26}, (2, 2018): {"progress8": -0.25},
                      (3, 2018): {"cohort": 30.0}})  # fmt: skip
    register = register_of([1, 2, 3], phase=["secondary", "secondary", "primary"])
    table = eligibility.judge_eligibility(panel, register, 2018, ofsted=OFSTED)
    assert table["E3"].tolist() == ["yes", "no", "no"]


def test_every_rule_says_where_it_is_from_and_only_known_ones_are_asked():
    assert {rule.status for rule in eligibility.RULES} == {"sourced", "assumed"}
    assert [r.id for r in eligibility.RULES if not r.active] == ["E7", "E8"]
    assert not {"E7", "E8"} & set(judged().columns)


def test_an_inspection_follows_the_school_through_its_new_number_and_the_latest_counts():
    inspections = pd.DataFrame(
        {"outcome": [3, 2, 1], "inspected": pd.to_datetime(["2015-1-1", "2018-1-1", "2016-1-1"])},
        index=pd.Index([900001, 900002, 900003], name="urn"),
    )  # fmt: skip
    known = pd.Series({900001: 7, 900002: 7, 900009: 8})
    attached = attach_inspections(inspections, known)
    assert attached.index.tolist() == [7]
    assert attached.loc[7, "outcome"] == 2


def test_an_inspection_after_the_schools_were_picked_tells_nothing_of_them_but_the_one_before():
    day = pd.Timestamp("2017-04-30")
    known = OFSTED.assign(previous=[2.0, float("nan"), 4.0])
    asked = pd.Index([1, 2, 3, 4])
    assert grade_at(known, asked, day)[[0, 2]].tolist() == [2, 4]
    assert pd.isna(grade_at(known, asked, day)[[1, 3]]).all()
    assert grade_at(known, asked, pd.Timestamp("2017-05-01"))[:3].tolist() == [4, 3, 2]
    assert pd.isna(grade_at(None, asked, day)).all()


def test_each_programme_is_held_to_the_rule_as_things_stood_before_it_began():
    panel = panel_of({(s, y): PRIMARY for s in (1, 2, 3, 4) for y in (2016, 2017, 2018)})
    programmes = [load_programme(slug, ROOT / "data")
                  for slug in ("closing-the-gap", "send-in-mainstream")]  # fmt: skip
    members = pd.DataFrame({"programme": ["closing-the-gap"] * 3 + ["send-in-mainstream"] * 2,
                            "school": [1, 2, 3, 3, 4]})  # fmt: skip
    kept = SimpleNamespace(warnings=NONE_WARNED)
    judged = eligibility.judge_programmes(
        panel, register_of([1, 2, 3, 4]), programmes, members, ofsted=OFSTED, partnership=kept
    )
    assert judged["year"].unique().tolist() == [2017]
    assert judged.loc["closing-the-gap", "eligible"].tolist() == ["yes", "yes", "no"]
    held = eligibility.tabulate_seventy_rule(judged)
    assert held.loc[("closing-the-gap", "all"), ["schools", "needed", "verdict"]].tolist() == [
        3, 3, "fail"
    ]  # fmt: skip
    assert held.loc[("send-in-mainstream", "all"), "verdict"] == "fail"
    without = eligibility.judge_programmes(
        panel, register_of([1, 2, 3, 4]), programmes, members, ofsted=OFSTED
    )
    assert eligibility.tabulate_seventy_rule(without)["verdict"].eq("undetermined").all()


def test_the_criteria_are_listed_with_where_they_are_from():
    listed = eligibility.list_rules([2017])
    assert listed.loc["E2", ["status", "active"]].tolist() == ["sourced", True]
    assert listed["source"].str.len().min() > 10

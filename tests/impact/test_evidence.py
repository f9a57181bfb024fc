"""The grade an evaluation gives itself: what it rests on, and never somebody else's rating."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pepstats import paths
from pepstats.errors import DesignError
from pepstats.impact import evidence_grade as evidence
from pepstats.settings import load_rules
from tests.impact.test_october import SLUG, in_october, national
from tests.worlds import evaluate_small, small_england

QUIET = {
    "largest_smd": 0.03, "baseline_years": 2, "share_elsewhere": 0.0, "comparison_cleared": True,
    "share_dose_known": 1.0, "share_lost": 0.0, "teacher_assessed": False, "fixed_before": True,
}  # fmt: skip


def security(mdes: float | None = 0.25, left: int = 18, design: str = "unobservables", **changed):
    found = evidence.find_threats(evidence.Circumstances(**{**QUIET, **changed}))
    return evidence.grade_security(
        design=design,
        mdes=mdes,
        schools_listed=18,
        schools_left=left,
        threats=found,
        criteria=load_rules(evidence.Criteria, "grades.yml"),
    )


@pytest.mark.parametrize(
    ("mdes", "left", "design", "level"),
    [
        (0.20, 18, "random", 5), (0.21, 18, "random", 4), (0.20, 18, "unobservables", 4),
        (0.29, 18, "unobservables", 4), (0.294, 18, "unobservables", 4),
        (0.30, 18, "unobservables", 3), (0.25, 16, "unobservables", 4),  # 11% lost
        (0.25, 14, "unobservables", 3), (0.45, 18, "unobservables", 2),
        (0.55, 18, "unobservables", 1), (0.60, 18, "unobservables", 0),
        (0.20, 8, "random", 0), (0.20, 18, "none", 0), (0.20, 18, "observables", 3),
    ],
)  # fmt: skip
def test_the_lowest_of_the_three_columns_counts(mdes, left, design, level: int) -> None:
    assert security(mdes, left, design).level == level


def test_two_programmes_at_once_and_no_protocol_cost_what_was_expected() -> None:
    # a matched difference in differences that could see 0.23 to 0.31: "expect 2"
    found = security(
        0.31, share_elsewhere=0.4, fixed_before=False, comparison_cleared=False, largest_smd=0.04
    )
    assert found.level == 2 and found.label == "moderate to low"
    assert found.inputs["allows"].tolist() == [4, 3, 5, 0, -0.5, -0.5, 0, 0, 0, -0.5]


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    st.floats(0.01, 1), st.integers(0, 18), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1),
    st.booleans(),
)  # fmt: skip
def test_a_graver_threat_never_raises_the_grade_nor_a_worse_column(
    mdes: float, left: int, elsewhere: float, dose: float, smd: float, fixed: bool
) -> None:
    changed = {"share_elsewhere": elsewhere, "share_dose_known": dose, "largest_smd": smd,
               "fixed_before": fixed, "share_lost": 1 - left / 18}  # fmt: skip
    found = security(mdes, left, **changed)
    assert found.level <= security(mdes, left).level
    assert found.level <= security(min(mdes, 0.2), left, **changed).level
    assert 0 <= found.level <= found.inputs["allows"].iloc[:3].min() <= 5


def test_no_grade_is_ever_printed_as_the_foundation_s() -> None:
    for mdes in (0.2, None, float("nan")):
        words = security(mdes).words
        assert "self-assessed" in words and "not a rating by EEF" in words
        assert "padlock" not in words.lower()


def test_without_a_pupil_scale_there_is_no_security_grade_but_its_inputs_stand() -> None:
    for mdes in (None, float("nan"), 0.0):
        found = security(mdes)
        assert found.level is None and "pupils' standard deviations" in found.reason
        assert len(found.inputs) == 10 and found.inputs["allows"].isna().sum() == 1


@pytest.mark.parametrize(
    ("changed", "name", "level"),
    [
        ({"largest_smd": 0.30}, "confounding", "high"),
        ({"largest_smd": 0.10}, "confounding", "moderate"),
        ({"largest_smd": None}, "confounding", "moderate"),
        ({"baseline_years": 1}, "confounding", "moderate"),
        ({}, "confounding", "low"),
        ({"share_elsewhere": 0.1}, "concurrent interventions", "moderate"),
        ({"share_elsewhere": 0.9}, "concurrent interventions", "high"),
        ({"share_elsewhere": float("nan")}, "concurrent interventions", "moderate"),
        ({"comparison_cleared": False}, "experimental effects", "moderate"),
        ({"share_dose_known": 0.0}, "implementation fidelity", "moderate"),
        ({"share_lost": 0.06}, "missing data", "moderate"),
        ({"share_lost": 0.3}, "missing data", "high"),
        ({"teacher_assessed": True}, "measurement of outcomes", "moderate"),
        ({"fixed_before": False}, "selective reporting", "moderate"),
    ],
)
def test_threats_are_read_off_what_the_study_knows(changed, name: str, level: str) -> None:
    found = {
        t.name: t for t in evidence.find_threats(evidence.Circumstances(**{**QUIET, **changed}))
    }
    assert found[name].level == level and found[name].evidence
    assert len(found) == 7


def test_requests_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DesignError, match="Did you mean `observables`"):
        security(design="observable")
    path = tmp_path / "grades.yml"
    text = (paths.TEMPLATES / "grades.yml").read_text("utf-8")
    path.write_text(text.replace("[0.20, 0.29, 0.39", "[0.20, 0.19, 0.39"), "utf-8")
    with pytest.raises(DesignError, match="do not rise"):
        load_rules(evidence.Criteria, path.name, tmp_path)


def test_one_school_of_twenty_lost_is_on_the_border_whatever_the_last_digit() -> None:
    assert 1 - 19 / 20 > 0.05
    lost = security(0.2, 18, share_lost=1 - 19 / 20).inputs
    exact = security(0.2, 18, share_lost=0.05).inputs
    pd.testing.assert_frame_equal(lost.drop(columns="value"), exact.drop(columns="value"))


def test_schools_lost_are_counted_in_whole_percentages_as_the_criteria_give_them() -> None:
    def level(lost: int, listed: int) -> int | None:
        return evidence.grade_security(
            design="random", mdes=0.2, schools_listed=listed, schools_left=listed - lost,
            threats=evidence.find_threats(evidence.Circumstances(**QUIET)),
            criteria=load_rules(evidence.Criteria, "grades.yml"),
        ).level  # fmt: skip

    assert (level(5, 48), level(5, 47)) == (5, 4)  # 10.4 and 10.6 in 100; up to 10 is the most


def test_a_programme_s_grade_rests_on_its_own_schools_and_its_own_mode() -> None:
    """A third of the members elsewhere too; a forecast accounts only for what was observed."""
    small = small_england()
    found = {
        "unobservables": evaluate_small(small, SLUG),
        "observables": evaluate_small(small, SLUG, in_october(small), national(small)),
    }
    for design, one in found.items():
        members = one.inputs.members.copy()
        members.iloc[: len(members) // 3, members.columns.get_loc("also_in")] = 1
        held = replace(one, inputs=replace(one.inputs, members=members)).grade.inputs
        rows = held.set_index("input")
        assert rows.loc["design", "value"] == design
        share = f"{(len(members) // 3) / len(members):.0%} of members are in another programme too"
        assert rows.loc["concurrent interventions", "note"] == share

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pepstats.report.case_studies import choose_cases, describe_cases

GAPS = pd.DataFrame(
    {"gap": [np.nan, -6.0, 14.0, 1.0, np.nan]}, index=pd.Index([11, 12, 13, 14, 15], name="school")
)

NO_DOSES = pd.Series(dtype=float)


@pytest.mark.parametrize("release", ["provisional", "school-returned"])
def test_before_results_are_published_cases_are_picked_by_support_alone(release: str) -> None:
    doses = pd.Series({11: 30.0, 12: 4.0, 13: 9.0, 14: 20.0, 15: 1.0})
    cases = choose_cases(GAPS, doses, release)
    assert cases.index.tolist() == [14, 13, 12]
    assert cases["why"].tolist() == [
        "had the most support", "nearest the usual support", "had the least support",
    ]  # fmt: skip
    turned = GAPS.assign(gap=[np.nan, 8.0, -3.0, 0.5, np.nan])
    assert choose_cases(turned, doses, release).index.tolist() == [14, 13, 12]
    assert choose_cases(GAPS, NO_DOSES, release).empty


def test_cases_are_the_most_the_middle_and_the_least() -> None:
    cases = choose_cases(GAPS, NO_DOSES, "final")
    assert cases.index.tolist() == [13, 14, 12]
    assert cases["why"].tolist() == ["rose most", "nearest the middle", "fell most"]


def test_equal_gaps_are_settled_by_number_and_order_does_not_matter() -> None:
    even = GAPS.assign(gap=[2.0, 2.0, 2.0, 2.0, 2.0])
    assert (
        choose_cases(even, NO_DOSES, "final").index.tolist()
        == choose_cases(even.iloc[::-1], NO_DOSES, "final").index.tolist()
    )


def test_few_schools_give_few_cases() -> None:
    assert len(choose_cases(GAPS.iloc[1:2], NO_DOSES, "final")) == 1
    assert choose_cases(GAPS.iloc[4:], NO_DOSES, "final").empty


REGISTER = pd.DataFrame(
    {
        "school_type": ["junior", "primary", "unknown"],
        "governance": ["maintained", "academy", "unknown"],
        "urns": ["12", "13 93", "14"],
        "name": ["Hidden Juniors", "Hidden Primary", "Hidden"],
    },
    index=pd.Index([12, 13, 14], name="school"),
)
MEMBERS = pd.DataFrame(
    {
        "joined": ["2017-09", "2018-01", np.nan],
        "dose": [10.0, 1.0, np.nan],
        "basis": ["low results", np.nan, np.nan],
        "changed": [np.nan, np.nan, "a new head in January"],
        "also_in": [0, 1, 0],
    },
    index=pd.Index([12, 13, 14], name="school"),
)
BEFORE = pd.DataFrame(
    {
        "cohort": [10.0, 90.0, np.nan, 40, 45, 50, 55, 60],
        "disadvantaged": [20.0, 80, 50, 40, 45, 50, 55, 60],
        "outcome": [20.0, 80, np.nan, 40, 45, 50, 55, 60],
    },
    index=pd.Index([12, 13, 14, 1, 2, 3, 4, 5], name="school"),
)


def test_a_case_is_described_in_bands_and_without_its_name() -> None:
    told = describe_cases(
        choose_cases(GAPS, NO_DOSES, "final"), register=REGISTER, members=MEMBERS, before=BEFORE
    )
    assert told.loc[12, "context"] == (
        "A small junior school, maintained by the local authority, with a low proportion of "
        "disadvantaged pupils."
    )
    assert told.loc[13, "context"].startswith("A large primary school, an academy, with a high")
    assert told.loc[14, "context"] == (
        "A school, with an average proportion of disadvantaged pupils."
    )
    assert told["before"].tolist() == [
        "Before the programme its results were in the highest quarter of schools.", "",
        "Before the programme its results were in the lowest quarter of schools.",
    ]  # fmt: skip
    assert not told.astype(str).apply(lambda column: column.str.contains("Hidden")).any().any()


def test_support_and_what_else_changed_are_told_or_said_not_to_be_known() -> None:
    told = describe_cases(
        choose_cases(GAPS, NO_DOSES, "final"), register=REGISTER, members=MEMBERS, before=BEFORE
    )
    assert told.loc[12, "support"] == "It joined in September 2017 and had 10 days of support."
    assert told.loc[13, "support"] == "It joined in January 2018 and had 1 day of support."
    assert told.loc[14, "support"] == "What support it had is not recorded."
    assert told["picked"].tolist() == ["", "", "low results"]
    assert told.loc[12, "changed"] == "The files show no other change."
    assert told.loc[13, "changed"] == (
        "It became an academy during the period and is also in one other programme studied here."
    )


def test_an_inspection_while_the_programme_ran_is_told_and_an_earlier_one_is_not() -> None:
    when = pd.to_datetime(pd.Series(["2017-08-31", "2017-09-01"], index=pd.Index([12, 13])))
    told = describe_cases(
        choose_cases(GAPS, NO_DOSES, "final"), register=REGISTER, members=MEMBERS, before=BEFORE,
        inspections=pd.DataFrame({"inspected": when}), years=(2018, 2018),
    )  # fmt: skip
    assert "was inspected while the programme ran" in told.loc[13, "changed"]
    assert told.loc[12, "changed"] == "The files show no other change."


def test_what_officers_note_is_kept_apart_from_what_may_be_public() -> None:
    told = describe_cases(
        choose_cases(GAPS, NO_DOSES, "final"), register=REGISTER, members=MEMBERS, before=BEFORE
    )
    assert told.loc[14, "noted"] == "a new head in January"
    assert told.loc[14, "changed"] == (
        "The files show no other change. The officers have noted a further change, which could "
        "identify it."
    )

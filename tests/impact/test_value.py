"""Months only where they may be said, both ends converted; costs on both denominators."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pepstats.errors import DesignError
from pepstats.impact import value_for_money as value
from pepstats.impact.effect_sizes import Size
from pepstats.settings import load_rules
from tests import reference

MONTHS = load_rules(value.MonthsTables, "months.yml")
COSTS = load_rules(value.CostSteps, "costs.yml")


def size(d: float, low: float | None = None, high: float | None = None) -> Size:
    return Size(d, d if low is None else low, d if high is None else high, "")


@pytest.mark.parametrize(
    ("d", "project", "toolkit"),
    [(0.0, 0, 0), (0.01, 0, 0), (0.02, 0, 1), (0.03, 0, 1), (0.04, 0, 1), (0.05, 1, 1),
     (0.09, 1, 1), (0.10, 2, 2), (0.18, 2, 2), (0.19, 3, 3), (0.26, 3, 3), (0.27, 4, 4),
     (0.36, 5, 5), (0.45, 6, 6), (0.52, 6, 6), (0.53, 7, 7), (0.62, 8, 8), (0.70, 9, 9),
     (0.79, 10, 10), (0.88, 11, 11), (0.96, 12, 12), (1.40, 12, 12),
     (0.044, 0, 1), (0.045, 1, 1), (0.0949, 1, 1), (0.095, 2, 2), (0.185, 3, 3)],
)  # fmt: skip
def test_both_tables_at_their_edges(d: float, project: int, toolkit: int) -> None:
    for name, months in (("project", project), ("toolkit", toolkit)):
        table = MONTHS.choose(name)
        assert value.find_months(size(d), "rwm_expected", table).months == months
        assert value.find_months(size(-d), "rwm_expected", table).months == -months


def test_the_toolkit_table_is_the_foundation_s() -> None:
    theirs = reference.table("eef_months.csv").set_index("months")["effect_size_to"]
    bands = MONTHS.choose("toolkit").bands
    assert {b.months: b.upto for b in bands[:-1]} == theirs.iloc[:-1].to_dict()
    assert bands[-1].months == theirs.index[-1] and bands[-1].upto is None


def test_the_published_example_is_nought_months_by_the_default_table() -> None:
    # Dialogic Teaching, addendum report: 0.03 (-0.09, 0.14) printed as 0 months
    found = value.find_months(size(0.03, -0.09, 0.14), "reading_score", MONTHS.choose())
    assert (found.months, found.low, found.high) == (0, -1, 2)
    assert found.mark == "M" and "projects" in found.table
    again = value.find_months(size(0.07, 0.02, 0.3), "rwm_expected", MONTHS.choose())
    assert (again.months, again.low, again.high) == (1, 0, 4)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.floats(-2, 2), st.floats(0, 1), st.sampled_from(["project", "toolkit"]))
def test_months_rise_with_size_and_mirror(d: float, more: float, name: str) -> None:
    table = MONTHS.choose(name)
    found = value.find_months(size(d, d - more, d + more), "maths_progress", table)
    assert found.low <= found.months <= found.high
    turned = value.find_months(size(-d, -d - more, -d + more), "maths_progress", table)
    assert (turned.months, turned.low, turned.high) == (-found.months, -found.high, -found.low)


@pytest.mark.parametrize(
    ("given_size", "outcome", "words"),
    [
        (size(0.4), "absence", "for attainment only"),
        (size(0.4), "persistent_absence", "for attainment only"),
        (size(0.4), "ebacc_entry", "for attainment only"),
        (size(0.4), "no such outcome", "for attainment only"),
        (Size(np.nan, np.nan, np.nan, "", "not one spread"), "rwm_expected", "not one"),
        (size(0.4, low=np.nan), "rwm_expected", "no size with an interval"),
    ],
)
def test_months_are_refused_with_the_reason(given_size: Size, outcome: str, words: str) -> None:
    found = value.find_months(given_size, outcome, MONTHS.choose())
    assert words in found.reason
    assert (found.months, found.low, found.high) == (None, None, None)


def test_both_denominators_are_given_with_the_published_signs() -> None:
    # two hundred thousand pounds, 18 schools: about 300 pupils each, 15 in 100 with SEN Support
    found = value.price_per_pupil(200_000, all_pupils=5400, target_pupils=810, steps=COSTS)
    every, target = found.loc["every pupil in its schools"], found.loc["the pupils it was for"]
    assert every["per_pupil"] == pytest.approx(37.04, abs=0.01) and every["sign"] == "£"
    assert target["per_pupil"] == pytest.approx(246.9, abs=0.1) and target["sign"] == "£££"
    spread = value.price_per_pupil(
        200_000, all_pupils=5400, target_pupils=810, years=2, steps=COSTS
    )
    assert spread["per_pupil"].tolist() == pytest.approx((found["per_pupil"] / 2).tolist())


@pytest.mark.parametrize(
    ("each", "sign"),
    [(0, "£"), (80, "£"), (80.01, "££"), (200, "££"), (200.5, "£££"), (720, "£££"), (721, "££££"),
     (1200, "££££"), (1201, "£££££"), (99_999, "£££££")],
)  # fmt: skip
def test_the_steps_of_cost_at_their_edges(each: float, sign: str) -> None:
    found = value.price_per_pupil(each * 100, all_pupils=100, target_pupils=None, steps=COSTS)
    assert found["sign"].iloc[0] == sign
    assert found["reason"].tolist() == ["", "how many pupils is not known"]


def test_an_unknown_cost_has_no_sign() -> None:
    found = value.price_per_pupil(None, all_pupils=100, target_pupils=0, steps=COSTS)
    assert found["reason"].tolist() == ["its cost is not known"] * 2
    assert found["per_pupil"].isna().all() and (found["sign"] == "").all()


def test_a_month_has_a_price_only_where_there_surely_is_progress() -> None:
    sure = size(0.20, 0.06, 0.30)
    months = value.find_months(sure, "rwm_expected", MONTHS.choose())
    pounds, words = value.price_per_month(120.0, months, sure.low, uncertain=False)
    assert pounds == pytest.approx(40.0) and words == "£40 (95% interval £30 to £120)"
    barely = size(0.20, 0.01, 0.30)
    pounds, words = value.price_per_month(
        120.0,
        value.find_months(barely, "rwm_expected", MONTHS.choose()),
        barely.low,
        uncertain=False,
    )
    assert pounds == pytest.approx(40.0) and words == "£40 (95% interval £30 to no upper limit)"


@pytest.mark.parametrize(
    ("given_size", "each", "words"),
    [
        (size(0.20, -0.01, 0.4), 120.0, "the interval includes zero"),
        (size(-0.20, -0.4, -0.1), 120.0, "the interval includes zero"),
        (size(0.03, 0.01, 0.4), 120.0, "rounds to no month"),
        (size(0.2, 0.1, 0.4), float("nan"), "cost for each pupil is not known"),
    ],
)
def test_otherwise_the_reason_stands_and_no_price(given_size, each: float, words: str) -> None:
    months = value.find_months(given_size, "rwm_expected", MONTHS.choose())
    pounds, said = value.price_per_month(each, months, given_size.low, uncertain=False)
    assert words in said and np.isnan(pounds)


def test_tables_that_contradict_themselves_are_refused(tmp_path: Path) -> None:
    bands = "[{months: 0, upto: 0.04, label: a}, {months: 1, upto: 0.02, label: b}," \
            " {months: 2, upto: null, label: c}]"  # fmt: skip
    path = tmp_path / "months.yml"
    head = "use: x\ntables:\n  - {name: x, title: t, mark: S, source: s, bands: "
    path.write_text(f"{head}{bands}}}\n", "utf-8")
    with pytest.raises(DesignError, match=r"months.yml.*do not rise to one without end"):
        load_rules(value.MonthsTables, path.name, tmp_path)
    other = tmp_path / "other.yml"
    other.write_text(f"{head}{bands.replace('0.02', '0.09').replace('months: 1', 'months: 4')}}}\n")
    with pytest.raises(DesignError, match="one month each"):
        load_rules(value.MonthsTables, other.name, tmp_path)
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(
        other.read_text().replace("months: 4", "months: 1").replace("use: x", "use: y")
    )
    with pytest.raises(DesignError, match="is called `y`"):
        load_rules(value.MonthsTables, wrong.name, tmp_path)
    costs = tmp_path / "costs.yml"
    head = "title: t\nmark: S\nsource: s\nyears: 1\nsteps:\n"
    steps = "  - {upto: 80, sign: a, label: b}\n  - {upto: 90, sign: a, label: b}\n"
    costs.write_text(head + steps)
    with pytest.raises(DesignError, match="without end"):
        load_rules(value.CostSteps, costs.name, tmp_path)
    with pytest.raises(DesignError, match="Did you mean `project`"):
        MONTHS.choose("projects")

"""Hidden selection: the formula for pairs, the peers' figures, and reasons for no bound."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pepstats.errors import DesignError
from pepstats.robustness import sensitivity as hidden
from tests import reference

FIGURES = "g_rosenbaum/expected_rosenbaum.json"
# Lead in children's blood, 33 pairs (Morton and others 1982), as in Rosenbaum (2002), chapter 4.
EXPOSED = [38, 23, 41, 18, 37, 36, 23, 62, 31, 34, 24, 14, 21, 17, 16, 20, 15, 10, 45, 39, 22, 35,
           49, 48, 44, 35, 43, 39, 34, 13, 73, 25, 27]  # fmt: skip
CONTROL = [16, 18, 18, 24, 19, 11, 10, 15, 16, 18, 18, 13, 19, 10, 16, 16, 24, 13, 9, 14, 21, 19,
           7, 18, 19, 12, 11, 22, 25, 16, 13, 11, 13]  # fmt: skip
LEAD = np.subtract(EXPOSED, CONTROL).astype(float)


def test_the_lead_pairs_are_those_of_the_reference() -> None:
    pairs = reference.table("g_rosenbaum/lead_children_33pairs.csv")
    assert (pairs["treated"] - pairs["control"]).tolist() == LEAD.tolist()


def test_pairs_are_sets_of_two_bounded_by_the_formula_for_pairs() -> None:
    # with every difference in full, the worst mean and variance of the paired statistic are
    # (gamma - 1) / (gamma + 1) times the sum of |d|, and 4 gamma / (1 + gamma)^2 times that of d^2
    # (Rosenbaum 2007, section 3); d in units of the median |d| times `trim`
    pairs, trim = np.column_stack([EXPOSED, CONTROL]).astype(float), 100.0
    size = np.abs(LEAD) / np.median(np.abs(LEAD)) / trim / 2
    for gamma in (1.0, 2.0, 4.25):
        found = hidden.bound_sets(pairs, gamma, trim=trim)
        assert found["statistic"] == pytest.approx((np.sign(LEAD) * size).sum())
        assert found["expected"] == pytest.approx((gamma - 1) / (gamma + 1) * size.sum())
        variance = 4 * gamma / (1 + gamma) ** 2 * (size**2).sum()
        assert found["variance"] == pytest.approx(variance)


def test_with_no_hidden_selection_pairs_are_judged_by_the_signs_chance_could_give() -> None:
    pairs = np.column_stack([EXPOSED, CONTROL]).astype(float)[:12]
    found = hidden.bound_sets(pairs, 1)
    size = np.clip(np.abs(LEAD[:12]) / np.median(np.abs(LEAD[:12])) / 2.5, 0, 1) / 2
    flips = 1.0 - 2.0 * (np.arange(2**12)[:, None] >> np.arange(12) & 1)
    by_chance = flips @ size
    assert found["expected"] == pytest.approx(by_chance.mean(), abs=1e-12)
    assert found["variance"] == pytest.approx(by_chance.var())


@pytest.mark.parametrize(
    ("data", "key", "options"),
    [
        ("erpcp", ("erpcp", "gamma3"), {"gamma": 3, "trim": 1}),
        ("erpcp", ("erpcp", "gamma2"), {"gamma": 2, "trim": 1}),
        ("erpcp", ("erpcp", "gamma2_tau.34"), {"gamma": 2, "trim": 1, "effect": 0.34}),
        ("erpcp", ("erpcp", "gamma2_tau.18"), {"gamma": 2, "trim": 1, "effect": 0.18}),
        ("tbmetaphase", ("tbmetaphase", "gamma2"), {"gamma": 2, "trim": 1}),
        ("tbmetaphase", ("tbmetaphase", "gamma2_tau.94"),
         {"gamma": 2, "trim": 1, "effect": 0.94}),
        ("mercury", ("mercury", "gamma15"), {"gamma": 15}),
        ("lead250", ("lead250",), {"gamma": 2, "trim": 2}),
        ("lead150", ("lead150_1to5",), {"gamma": 2, "trim": 2}),
    ],
)  # fmt: skip
def test_sets_are_bounded_as_sensitivitymv_bounds_them(data: str, key: tuple, options) -> None:
    sets = reference.table(f"g_rosenbaum/{data}.csv").to_numpy(float)
    theirs = reference.figures(FIGURES)
    for step in key:
        theirs = theirs[step]
    row = hidden.bound_sets(sets, **options)
    for ours, name in (("p_most", "pval"), ("statistic", "statistic"),
                       ("expected", "expectation"), ("variance", "variance")):  # fmt: skip
        assert row[ours] == pytest.approx(theirs[name], abs=5e-9)


def test_a_whole_column_of_gammas_is_sensitivitymv_s() -> None:
    sets = reference.table("g_rosenbaum/erpcp.csv").to_numpy(float)
    theirs = reference.figures(FIGURES)["erpcp"]["grid_default_trim3"]
    found = [hidden.bound_sets(sets, float(gamma))["p_most"] for gamma in theirs]
    np.testing.assert_allclose(found, list(theirs.values()), atol=1e-10)


changes = st.lists(st.integers(-8, 12), min_size=6, max_size=20).filter(
    lambda values: np.median(np.abs(values)) > 0
)


def pairs_of(values: list[int]) -> np.ndarray:
    return np.column_stack([values, np.zeros(len(values))])


@settings(deadline=None, derandomize=True, max_examples=50)
@given(changes)
def test_more_hidden_selection_is_never_a_stronger_finding(values: list[int]) -> None:
    found = pd.DataFrame([hidden.bound_sets(pairs_of(values), g) for g in (1, 1.5, 2, 4)])
    assert (found["p_most"].diff().dropna() >= -1e-12).all()
    assert (found["expected"].diff().dropna() >= -1e-12).all()
    ends = [hidden.invert_sets(pairs_of(values), gamma=g) for g in (1.0, 1.5, 2.0)]
    for (middle, low, high), (again, lower, higher) in pairwise(ends):
        assert middle == again and low <= middle <= high
        assert lower <= low + 1e-6 and high <= higher + 1e-6


@settings(deadline=None, derandomize=True, max_examples=30)
@given(changes)
def test_a_loss_is_a_gain_turned_round(values: list[int]) -> None:
    middle, low, high = hidden.invert_sets(pairs_of(values), gamma=1.5)
    turned = hidden.invert_sets(-pairs_of(values), gamma=1.5)
    assert turned == pytest.approx((-middle, -high, -low), abs=1e-6)


@pytest.mark.parametrize(
    ("sets", "words"),
    [
        (np.ones((3, 2)), "3 sets with a result"),
        (np.full((9, 3), np.nan), "0 sets"),
        (np.column_stack([np.arange(9.0), np.full(9, np.nan)]), "0 sets"),
        (np.ones((9, 3)), "are zero"),
    ],
)
def test_sets_that_bear_no_bound_give_a_reason(sets: np.ndarray, words: str) -> None:
    with pytest.raises(DesignError, match=words):
        hidden.bound_sets(sets, 1)


def test_sets_are_laid_out_from_pairs_the_member_first() -> None:
    pairs = pd.DataFrame({"school": [2, 1, 1], "comparison": [30, 20, 10]})
    moved = pd.Series({1: 5.0, 2: 4.0, 10: 1.0, 20: 2.0})
    laid = hidden.lay_out_sets(pairs, moved)
    np.testing.assert_array_equal(laid, [[5, 1, 2], [4, np.nan, np.nan]])


def test_how_much_a_finding_bears_has_ends() -> None:
    assert np.isnan(hidden.bears(lambda gamma: 0.06))
    assert hidden.bears(lambda gamma: 0.0) == float("inf")
    assert hidden.bears(lambda gamma: 0.02 * gamma) == 2.5
    assert np.isnan(hidden.bears(lambda gamma: float("nan")))

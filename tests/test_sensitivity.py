"""Hidden selection: Rosenbaum's published table, the peers' figures, and reasons for no bound."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pepstats import sensitivity
from pepstats.errors import DesignError
from tests import reference

FIGURES = "g_rosenbaum/expected_rosenbaum.json"
# Lead in children's blood, 33 pairs (Morton and others 1982), as in Rosenbaum (2002), chapter 4.
EXPOSED = [38, 23, 41, 18, 37, 36, 23, 62, 31, 34, 24, 14, 21, 17, 16, 20, 15, 10, 45, 39, 22, 35,
           49, 48, 44, 35, 43, 39, 34, 13, 73, 25, 27]  # fmt: skip
CONTROL = [16, 18, 18, 24, 19, 11, 10, 15, 16, 18, 18, 13, 19, 10, 16, 16, 24, 13, 9, 14, 21, 19,
           7, 18, 19, 12, 11, 22, 25, 16, 13, 11, 13]  # fmt: skip
LEAD = np.subtract(EXPOSED, CONTROL).astype(float)


def test_rosenbaum_s_published_table_is_reproduced_zeros_kept_in_the_ranking() -> None:
    # Observational Studies, 2nd edition, table 4.1: upper bounds on the one-sided p
    found = sensitivity.bound_pairs(LEAD, gammas=[1, 2, 3, 4, 4.25, 5])
    published = [0.0000, 0.0018, 0.0136, 0.0388, 0.0468, 0.0740]
    np.testing.assert_allclose(found["p_most"], published, atol=5e-5)
    assert sensitivity.bears(
        lambda g: sensitivity.bound_pairs(LEAD, gammas=[g])["p_most"].iloc[0]
    ) == pytest.approx(4.34, abs=0.011)  # fmt: skip


def test_the_lead_pairs_are_those_of_the_reference() -> None:
    pairs = reference.table("g_rosenbaum/lead_children_33pairs.csv")
    assert (pairs["treated"] - pairs["control"]).tolist() == LEAD.tolist()
    theirs = reference.figures(FIGURES)["lead33"]["hlsens"]
    found = sensitivity.bound_pairs(LEAD, gammas=theirs["gamma"])
    # rbounds searches in steps and drops zeros: within its half points
    np.testing.assert_allclose(found["estimate_low"], theirs["lower"], atol=0.51)
    np.testing.assert_allclose(found["estimate_high"], theirs["upper"], atol=0.51)


@pytest.mark.parametrize(
    ("data", "key", "options"),
    [
        ("erpcp", ("erpcp", "gamma3"), {"gammas": [3], "trim": 1}),
        ("erpcp", ("erpcp", "gamma2"), {"gammas": [2], "trim": 1}),
        ("erpcp", ("erpcp", "gamma2_tau.34"), {"gammas": [2], "trim": 1, "effect": 0.34}),
        ("erpcp", ("erpcp", "gamma2_tau.18"), {"gammas": [2], "trim": 1, "effect": 0.18}),
        ("tbmetaphase", ("tbmetaphase", "gamma2"), {"gammas": [2], "trim": 1}),
        ("tbmetaphase", ("tbmetaphase", "gamma2_tau.94"),
         {"gammas": [2], "trim": 1, "effect": 0.94}),
        ("mercury", ("mercury", "gamma15"), {"gammas": [15]}),
        ("mercury", ("mercury", "gamma15_i"), {"gammas": [15], "inner": 0.5}),
        ("lead250", ("lead250",), {"gammas": [2], "trim": 2}),
        ("lead150", ("lead150_1to5",), {"gammas": [2], "trim": 2}),
    ],
)  # fmt: skip
def test_sets_are_bounded_as_sensitivitymv_bounds_them(data: str, key: tuple, options) -> None:
    sets = reference.table(f"g_rosenbaum/{data}.csv").to_numpy(float)
    theirs = reference.figures(FIGURES)
    for step in key:
        theirs = theirs[step]
    row = sensitivity.bound_sets(sets, **options).iloc[0]
    for ours, name in (("p_most", "pval"), ("statistic", "statistic"),
                       ("expected", "expectation"), ("variance", "variance")):  # fmt: skip
        assert row[ours] == pytest.approx(theirs[name], abs=5e-9)


def test_a_whole_column_of_gammas_is_sensitivitymv_s() -> None:
    sets = reference.table("g_rosenbaum/erpcp.csv").to_numpy(float)
    theirs = reference.figures(FIGURES)["erpcp"]["grid_default_trim3"]
    found = sensitivity.bound_sets(sets, gammas=[float(g) for g in theirs])
    np.testing.assert_allclose(found["p_most"], list(theirs.values()), atol=1e-10)


def test_amplification_is_rosenbaum_and_silber_s() -> None:
    found = sensitivity.amplify(3, [4, 5, 6, 9])
    assert found.tolist() == pytest.approx([11, 7, 17 / 3, 13 / 3])
    with pytest.raises(DesignError, match="cannot have a strength of 3"):
        sensitivity.amplify(3, [3.0])
    with pytest.raises(DesignError, match="1 or more"):
        sensitivity.amplify(0.5, [3.0])


changes = st.lists(st.integers(-8, 12), min_size=6, max_size=20).filter(any)


@settings(deadline=None, derandomize=True, max_examples=50)
@given(changes)
def test_more_hidden_selection_is_never_a_stronger_finding(values: list[int]) -> None:
    found = sensitivity.bound_pairs(values, gammas=[1, 1.5, 2, 4])
    assert (found["p_most"].diff().dropna() >= -1e-12).all()
    assert (found["p_least"].diff().dropna() <= 1e-12).all()
    assert found.loc[1.0, "p_most"] == pytest.approx(found.loc[1.0, "p_least"])
    for low, high in (("estimate_low", "estimate_high"), ("low", "high")):
        assert (found[low] <= found[high]).all()
        assert (found[low].diff().dropna() <= 0).all()
        assert (found[high].diff().dropna() >= 0).all()


@settings(deadline=None, derandomize=True, max_examples=50)
@given(changes, st.integers(-5, 5))
def test_with_no_hidden_selection_the_size_is_hodges_and_lehmann_s(values, shift: int) -> None:
    found = sensitivity.bound_pairs(values, gammas=[1]).iloc[0]
    first, second = np.triu_indices(len(values))
    array = np.array(values, dtype=float)
    means = (array[first] + array[second]) / 2
    assert found["estimate_low"] == found["estimate_high"] == np.median(means)
    if any(v + shift for v in values):
        moved = sensitivity.bound_pairs(array + shift, gammas=[1]).iloc[0]
        assert moved["estimate_low"] == pytest.approx(found["estimate_low"] + shift)


@settings(deadline=None, derandomize=True, max_examples=30)
@given(changes)
def test_a_loss_is_a_gain_turned_round(values: list[int]) -> None:
    found = sensitivity.bound_pairs(values, gammas=[1.5])
    turned = sensitivity.bound_pairs([-v for v in values], gammas=[1.5])
    assert turned["estimate_high"].iloc[0] == -found["estimate_low"].iloc[0]
    assert turned["low"].iloc[0] == -found["high"].iloc[0]


def test_at_gamma_one_the_p_is_wilcoxon_s_where_nothing_ties() -> None:
    from scipy.stats import wilcoxon

    values = np.random.default_rng(1).normal(0.3, 1, 18)
    theirs = wilcoxon(values, alternative="greater", method="approx", correction=False).pvalue
    assert sensitivity.bound_pairs(values, gammas=[1])["p_most"].iloc[0] == pytest.approx(theirs)


@pytest.mark.parametrize(
    ("values", "words"),
    [([1.0], "1 pairs; at least 6"), ([], "0 pairs"), ([0.0] * 9, "no pair differs"),
     ([np.nan] + [1.0] * 9, "1 pairs have no difference"), ([np.nan] * 9, "9 pairs")],
)  # fmt: skip
def test_pairs_that_bear_no_bound_give_a_reason(values, words: str) -> None:
    found = sensitivity.bound_pairs(values, gammas=[1, 2])
    assert found["reason"].str.contains(words).all()
    assert found.drop(columns="reason").isna().all(axis=None)


@pytest.mark.parametrize(
    ("sets", "words"),
    [
        (np.ones((3, 2)), "3 sets with a result"),
        (np.full((9, 3), np.nan), "0 sets"),
        (np.column_stack([np.arange(9.0), np.full(9, np.nan)]), "0 sets"),
        (np.ones((9, 3)), "are nought"),
    ],
)
def test_sets_that_bear_no_bound_give_a_reason(sets: np.ndarray, words: str) -> None:
    found = sensitivity.bound_sets(sets, gammas=[1, 2])
    assert found["reason"].str.contains(words).all()
    assert found.drop(columns="reason").isna().all(axis=None)


def test_sets_are_laid_out_from_pairs_and_must_not_share_schools() -> None:
    pairs = pd.DataFrame({"school": [2, 1, 1], "comparison": [30, 20, 10]})
    moved = pd.Series({1: 5.0, 2: 4.0, 10: 1.0, 20: 2.0})
    laid = sensitivity.lay_out_sets(pairs, moved)
    np.testing.assert_array_equal(laid, [[5, 1, 2], [4, np.nan, np.nan]])
    with pytest.raises(DesignError, match="2 pairs share a comparison school"):
        sensitivity.lay_out_sets(pairs.assign(comparison=[10, 20, 10]), moved)


def test_how_much_a_finding_bears_has_ends() -> None:
    assert np.isnan(sensitivity.bears(lambda gamma: 0.06))
    assert sensitivity.bears(lambda gamma: 0.0) == float("inf")
    assert sensitivity.bears(lambda gamma: 0.02 * gamma) == 2.5
    assert np.isnan(sensitivity.bears(lambda gamma: float("nan")))


def test_what_is_no_gamma_is_refused() -> None:
    for gammas in ([0.5], [], [float("nan")]):
        with pytest.raises(DesignError, match="gamma is 1 or more"):
            sensitivity.bound_pairs(LEAD, gammas=gammas)
        with pytest.raises(DesignError, match="gamma is 1 or more"):
            sensitivity.bound_sets(np.ones((9, 2)), gammas=gammas)
    with pytest.raises(DesignError, match="`inner`"):
        sensitivity.bound_sets(np.ones((9, 2)), inner=3.0)
    with pytest.raises(DesignError, match="a column for the member"):
        sensitivity.bound_sets(np.ones((9, 1)))

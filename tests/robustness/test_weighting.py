"""Weighting: R's entropy balancing to the last decimals, balance measured again, or a refusal."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from pepstats.errors import DesignError
from pepstats.robustness import methods
from tests import reference

COVARIATES = ["age", "educ", "black", "hispan", "married", "nodegree", "re74", "re75"]


def worth(weights: pd.Series) -> float:
    """How many equally weighted schools they are worth (Kish)."""
    return 1 / (weights**2).sum()


def lalonde() -> tuple[pd.DataFrame, list[int]]:
    people = reference.table("a_lalonde_matching/lalonde_matchit.csv.xz").set_index("id")
    return people, list(people.index[people["treat"] == 1])


@pytest.mark.parametrize("moments", [1, 2])
def test_weights_are_those_of_r_s_ebal(moments: int) -> None:
    people, treated = lalonde()
    table = people[COVARIATES]
    if moments == 2:
        table = table.assign(
            age2=people["age"] ** 2, educ2=people["educ"] ** 2,
            re742=(people["re74"] / 1000) ** 2, re752=(people["re75"] / 1000) ** 2,
        )  # fmt: skip
    found = methods.weigh_to_balance(table, treated)
    theirs = reference.figures("d_ebal/expected_ebal.json")[f"moments{moments}"]
    effect = people.loc[treated, "re78"].mean() - (found * people["re78"]).sum()
    assert effect == pytest.approx(theirs["att"], rel=1e-9)  # 1273.262 and 1068.089
    assert worth(found) == pytest.approx(theirs["ess"], rel=1e-9)
    assert found.max() == pytest.approx(theirs["max_weight"], rel=1e-9)
    weights = reference.table("d_ebal/ebal_weights.csv").set_index("id")[f"w_moments{moments}"]
    assert np.abs(found - weights).max() < 1e-12


def test_words_weigh_as_their_own_yes_and_no_columns() -> None:
    people, treated = lalonde()
    words = people.drop(columns=["black", "hispan"])[[*COVARIATES[:2], "race", *COVARIATES[4:]]]
    found = methods.weigh_to_balance(words, treated)
    assert worth(found) == pytest.approx(98.457834424404, rel=1e-9)


def within(others: pd.DataFrame, target: pd.Series) -> bool:
    """Whether any weights, from 0 up and adding to 1, give the means that are wanted."""
    sides, wanted = np.vstack([others.to_numpy().T, np.ones(len(others))]), [*target, 1.0]
    return linprog(np.zeros(len(others)), A_eq=sides, b_eq=wanted, bounds=(0, None)).status == 0


def made_up(seed: int, shift: float, n: int = 200) -> tuple[pd.DataFrame, list[int]]:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n, 3))
    values[:12] += shift
    table = pd.DataFrame(values, columns=["a", "b", "c"])
    table.index = pd.Index(100 + np.arange(n), name="school")
    return table, list(table.index[:12])


@settings(deadline=None, derandomize=True, max_examples=40)
@given(st.integers(0, 10_000), st.floats(-1.0, 1.0))
@example(324, 0.8)
def test_means_are_equal_afterwards_where_any_weights_make_them_so_and_none_is_negative(
    seed: int, shift: float
) -> None:
    table, members = made_up(seed, shift)
    others = table.drop(members)
    target = table.loc[members].mean()
    if not within(others, target):
        with pytest.raises(DesignError, match="No weights"):
            methods.weigh_to_balance(table, members)
        return
    found = methods.weigh_to_balance(table, members)
    np.testing.assert_allclose(found @ others, target, atol=1e-7)
    assert (found >= 0).all() and found.sum() == pytest.approx(1.0)
    assert 1 <= worth(found) <= len(others) + 1e-9
    left = (found @ others - target) / others.std(ddof=0)
    assert left.abs().max() <= methods.CLOSE


@settings(deadline=None, derandomize=True, max_examples=20)
@given(st.integers(0, 10_000))
def test_order_units_and_repeated_columns_change_no_weight(seed: int) -> None:
    table, members = made_up(seed, 0.5)
    found = methods.weigh_to_balance(table, members)
    other = table.assign(a=table["a"] * 1e4 - 7, again=table["a"] * 3 + table["b"])
    again = methods.weigh_to_balance(other.sample(frac=1, random_state=1), members[::-1])
    pd.testing.assert_series_equal(found, again, atol=1e-9)


def test_schools_alike_from_the_start_all_count_the_same() -> None:
    table = pd.DataFrame({"a": [1.0, 2.0, 1.0, 2.0, 1.0, 2.0]})
    found = methods.weigh_to_balance(table, [0, 1])
    assert found.tolist() == pytest.approx([0.25] * 4)
    assert worth(found) == pytest.approx(4.0)


def test_members_beyond_all_others_are_refused() -> None:
    table, members = made_up(3, 9.0)
    with pytest.raises(DesignError, match="No weights .* Balance fewer things"):
        methods.weigh_to_balance(table, members)


def test_members_at_the_very_edge_leave_one_school_and_say_so() -> None:
    table = pd.DataFrame({"a": [2.0, 2.0, 0.0, 1.0, 2.0], "b": [0.0, 0.0, 0.0, 1.0, 0.0]})
    found = methods.weigh_to_balance(table, [0, 1])
    assert worth(found) == pytest.approx(1.0) and found.max() == pytest.approx(1.0)
    table = pd.DataFrame({"a": [2.0, 2.0, 0.0, 1.0, 2.0, 2.0 - 1e-7]})
    assert worth(methods.weigh_to_balance(table, [0, 1])) == pytest.approx(1.0, abs=0.01)
    table = pd.DataFrame({"a": [2.0 + 1e-7, 2.0 + 1e-7, 0.0, 1.0, 2.0]})
    with pytest.raises(DesignError, match="No weights"):
        methods.weigh_to_balance(table, [0, 1])


def test_one_member_and_one_other_school() -> None:
    table, members = made_up(1, 0.0)
    alone = methods.weigh_to_balance(table.drop(members[1:]), members[:1])
    others = table.drop(members)
    np.testing.assert_allclose(alone @ others, table.loc[members[0]], atol=1e-7)
    with pytest.raises(DesignError, match="No weights"):
        methods.weigh_to_balance(table.iloc[[0, 50]], members[:1])


@pytest.mark.parametrize("members", [[], range(100, 300)])
def test_a_table_with_nobody_on_one_side_says_so(members) -> None:
    with pytest.raises(DesignError, match="one side has none"):
        methods.weigh_to_balance(made_up(1, 0.0)[0], members)

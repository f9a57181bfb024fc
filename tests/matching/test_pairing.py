"""Pairing: peers' totals reached, calipers kept, no school used more often than it may be."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pepstats.errors import DesignError
from pepstats.formatting import AGREED
from pepstats.matching import alternatives
from tests import reference
from tests.matching.test_distances import LALONDE, lalonde, mahalanobis

FOLDER = "a_lalonde_matching"


def far_apart() -> tuple[pd.DataFrame, list[int]]:
    people, treated = lalonde()
    return mahalanobis(people[LALONDE], treated), treated


def pair(way, far: pd.DataFrame, k: int = 1, *, caliper=np.inf, **how) -> pd.DataFrame:
    """Pair by a way, and set the pairs out as a table."""
    near = np.round(far, AGREED)
    near = near.where(near <= caliper, np.inf).to_numpy()  # as a match has them
    row, column = way(near, k, **how)
    return pd.DataFrame({"school": far.index[row], "comparison": far.columns[column],
                         "distance": far.to_numpy()[row, column]})  # fmt: skip


def total(pairs: pd.DataFrame) -> float:
    return float(pairs["distance"].sum())


def theirs(far: pd.DataFrame, name: str) -> float:
    """Add a peer's own pairs up on the distances both agree on: free of how ties were resolved."""
    pairs = reference.table(f"{FOLDER}/pairs_{name}.csv")
    return float(
        sum(far.loc[a, b] for a, b in zip(pairs["treated_id"], pairs["control_id"], strict=True))
    )


def test_nearest_without_replacement_reaches_matchit_s_totals() -> None:
    far, order = far_apart()
    turn = far.index.get_indexer(order)
    one = pair(alternatives.pair_once, far, turn=turn)
    assert total(one) == pytest.approx(342.8101986586, abs=1e-8)  # MatchIt 4.7.2
    assert total(one) == pytest.approx(theirs(far, "nearest_mahalanobis_1to1"), abs=1e-8)
    two = pair(alternatives.pair_once, far, 2, turn=turn)
    assert total(two) == pytest.approx(theirs(far, "nearest_mahalanobis_1to2"), abs=1e-8)
    assert not two["comparison"].duplicated().any()


def test_nearest_with_replacement_reaches_matchit_s_total() -> None:
    far, _ = far_apart()
    found = pair(alternatives.pair_nearest, far, 3)
    assert total(found) == pytest.approx(theirs(far, "nearest_mahalanobis_1to3_replace"), abs=1e-8)


def test_exact_keys_leave_out_as_many_as_matchit_does() -> None:
    far, order = far_apart()
    race = lalonde()[0]["race"]
    same = race[far.index].to_numpy()[:, None] == race[far.columns].to_numpy()
    found = pair(alternatives.pair_once, far.where(same, np.inf), turn=far.index.get_indexer(order))
    assert len(found) == 116
    assert total(found) == pytest.approx(theirs(far, "nearest_mahalanobis_exactrace"), abs=1e-8)


def test_the_optimal_total_is_scipy_s_and_below_optmatch_s() -> None:
    far, _ = far_apart()
    found = pair(alternatives.pair_optimally, far)
    assert total(found) == pytest.approx(304.04224906, abs=1e-7)  # scipy 1.17.1
    assert total(found) <= 304.0431640449  # optmatch 0.10.8 by MatchIt 4.7.2


def test_a_caliper_on_the_score_leaves_out_as_many_as_matchit_and_optimal_pairs_better() -> None:
    _, treated = lalonde()
    table = reference.table("a_lalonde_matching/weights_nearest_ps_1to1.csv")
    scores = table.set_index("id")["distance"]  # MatchIt's own: the chance of being treated
    inside = scores[scores.index.isin(treated)].sort_index()
    others = scores.drop(inside.index).sort_index()
    away = np.abs(inside.to_numpy()[:, None] - others.to_numpy())
    far = pd.DataFrame(away, index=inside.index, columns=others.index)
    caliper = 0.2 * float(scores.std())
    order = scores[treated].sort_values(ascending=False, kind="stable").index
    near = pair(alternatives.pair_once, far, caliper=caliper, turn=far.index.get_indexer(order))
    assert len(near) == 113  # MatchIt 4.7.2; 4.5.1 ignores the caliper and keeps 185
    assert total(near) == pytest.approx(theirs(far, "nearest_ps_caliper02"), abs=1e-6)
    best = pair(alternatives.pair_optimally, far, caliper=caliper)
    assert len(best) >= 113 and total(best) < total(near)
    assert best["distance"].max() <= caliper


def table_of(values: list[list[float]]) -> pd.DataFrame:
    array = np.array(values, dtype=float)
    return pd.DataFrame(
        array,
        index=pd.Index(100 + np.arange(array.shape[0]), name="school"),
        columns=pd.Index(900 + np.arange(array.shape[1]), name="comparison"),
    )


grids = st.integers(0, 100_000).map(
    lambda seed: table_of(
        np.where(
            np.random.default_rng(seed).random((3, 4)) < 0.25,
            np.inf,
            np.random.default_rng(seed + 1).integers(0, 6, (3, 4)),
        ).tolist()
    )
)


def best_by_trying_all(far: pd.DataFrame, caliper: float) -> tuple[int, float]:
    """Most members paired one to one, and the least total: every way tried."""
    values = far.to_numpy()
    tried = []
    for order in permutations(range(values.shape[1]), values.shape[0]):
        own = np.array([values[i, at] for i, at in enumerate(order)])
        own = own[own <= caliper]
        tried.append((len(own), own.sum()))
    most = max(n for n, _ in tried)
    return most, min(total for n, total in tried if n == most)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(grids, st.integers(1, 5))
def test_optimal_is_the_best_of_every_way_there_is(far: pd.DataFrame, caliper: int) -> None:
    found = pair(alternatives.pair_optimally, far, caliper=float(caliper))
    assert (len(found), total(found)) == pytest.approx(best_by_trying_all(far, caliper))


@settings(deadline=None, derandomize=True, max_examples=60)
@given(grids, st.integers(1, 2), st.integers(1, 5), st.sampled_from(["nearest", "once", "optimal"]))
def test_every_pairing_keeps_its_caliper_and_uses_no_school_too_often(
    far: pd.DataFrame, k: int, caliper: int, way: str
) -> None:
    ways = {"nearest": alternatives.pair_nearest, "once": alternatives.pair_once,
            "optimal": alternatives.pair_optimally}  # fmt: skip
    found = pair(ways[way], far, k, caliper=float(caliper))
    assert (found["distance"] <= caliper).all()
    assert found.groupby("school").size().le(k).all()
    if way != "nearest":
        assert not found["comparison"].duplicated().any()


def test_optimal_first_gives_everyone_one_before_anyone_two() -> None:
    far = table_of([[0.1, 0.1, 9.0], [5.0, np.inf, np.inf]])
    found = pair(alternatives.pair_optimally, far, 2)
    assert found.groupby("school").size().to_dict() == {100: 2, 101: 1}
    assert total(found) == pytest.approx(0.1 + 9.0 + 5.0)


def test_equal_distances_go_to_the_lower_number() -> None:
    far = table_of([[1.0, 1.0, 1.0]])
    for way in (alternatives.pair_nearest, alternatives.pair_once):
        assert pair(way, far, 2)["comparison"].tolist() == [900, 901]


def test_the_hardest_to_match_picks_first_unless_an_order_is_given() -> None:
    far = table_of([[1.0, 2.0], [1.5, 9.0]])
    hardest = pair(alternatives.pair_once, far).sort_values("school")
    assert hardest["comparison"].tolist() == [901, 900]
    listed = pair(alternatives.pair_once, far, turn=[0, 1])
    assert listed["comparison"].tolist() == [900, 901]


def test_a_pairing_too_large_for_the_memory_is_refused() -> None:
    with pytest.raises(DesignError, match="optimal matching of 2 members .* at most"):
        pair(alternatives.pair_optimally, table_of([[1.0, 2.0], [1.0, 2.0]]), 10_000)


def test_when_nobody_can_be_paired_there_are_no_pairs() -> None:
    far = table_of([[np.inf], [np.inf]])
    for way in (alternatives.pair_nearest, alternatives.pair_once, alternatives.pair_optimally):
        assert pair(way, far, 2).empty

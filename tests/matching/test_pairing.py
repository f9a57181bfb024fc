"""Pairing: peers' totals reached, calipers kept, everyone left out with the reason."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pepstats.errors import DesignError
from pepstats.matching import alternatives
from tests import reference
from tests.matching.test_distances import LALONDE, lalonde, mahalanobis

FOLDER = "a_lalonde_matching"


def far_apart() -> tuple[pd.DataFrame, list[int]]:
    people, treated = lalonde()
    return mahalanobis(people[LALONDE], treated), treated


def total(found: alternatives.Pairing) -> float:
    return float(found.pairs["distance"].sum())


def theirs(far: pd.DataFrame, name: str) -> float:
    """Add a peer's own pairs up on the distances both agree on: free of how ties were resolved."""
    pairs = reference.table(f"{FOLDER}/pairs_{name}.csv")
    return float(
        sum(far.loc[a, b] for a, b in zip(pairs["treated_id"], pairs["control_id"], strict=True))
    )


def test_nearest_without_replacement_reaches_matchit_s_totals() -> None:
    far, order = far_apart()
    one = alternatives.pair_once(far, order=order)
    assert total(one) == pytest.approx(342.8101986586, abs=1e-8)  # MatchIt 4.7.2
    assert total(one) == pytest.approx(theirs(far, "nearest_mahalanobis_1to1"), abs=1e-8)
    two = alternatives.pair_once(far, k=2, order=order)
    assert total(two) == pytest.approx(theirs(far, "nearest_mahalanobis_1to2"), abs=1e-8)
    assert not two.pairs["comparison"].duplicated().any()


def test_nearest_with_replacement_reaches_matchit_s_total() -> None:
    far, _ = far_apart()
    found = alternatives.pair_nearest(far, k=3)
    assert total(found) == pytest.approx(theirs(far, "nearest_mahalanobis_1to3_replace"), abs=1e-8)


def test_exact_keys_leave_out_as_many_as_matchit_does() -> None:
    far, order = far_apart()
    people, _ = lalonde()
    found = alternatives.pair_once(
        alternatives.forbid(far, people, exact=["race"], calipers={}), order=order
    )
    assert len(found.pairs) == 116
    assert total(found) == pytest.approx(theirs(far, "nearest_mahalanobis_exactrace"), abs=1e-8)
    assert set(found.unmatched["reason"]) == {alternatives.TAKEN}


def test_the_optimal_total_is_scipy_s_and_below_optmatch_s() -> None:
    far, _ = far_apart()
    found = alternatives.pair_optimally(far)
    assert total(found) == pytest.approx(304.04224906, abs=1e-7)  # scipy 1.17.1
    assert total(found) <= 304.0431640449  # optmatch 0.10.8 by MatchIt 4.7.2


def test_a_caliper_on_the_score_leaves_out_as_many_as_matchit_and_optimal_pairs_better() -> None:
    _, treated = lalonde()
    table = reference.table("a_lalonde_matching/weights_nearest_ps_1to1.csv")
    scores = table.set_index("id")["distance"]  # MatchIt's own: the chance of being treated
    far = alternatives.measure_distances(scores.to_frame(), treated)
    caliper = 0.2 * float(scores.std())
    order = scores[treated].sort_values(ascending=False, kind="stable").index.tolist()
    near = alternatives.pair_once(far, caliper=caliper, order=order)
    assert len(near.pairs) == 113  # MatchIt 4.7.2; 4.5.1 ignores the caliper and keeps 185
    assert total(near) == pytest.approx(theirs(far, "nearest_ps_caliper02"), abs=1e-6)
    best = alternatives.pair_optimally(far, caliper=caliper)
    assert len(best.pairs) >= 113 and total(best) < total(near)
    assert best.pairs["distance"].max() <= caliper
    assert len(best.unmatched) == 185 - len(best.pairs)


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
    found = alternatives.pair_optimally(far, caliper=float(caliper))
    assert (len(found.pairs), total(found)) == pytest.approx(best_by_trying_all(far, caliper))


@settings(deadline=None, derandomize=True, max_examples=60)
@given(grids, st.integers(1, 2), st.integers(1, 5), st.sampled_from(["nearest", "once", "optimal"]))
def test_every_pairing_keeps_its_caliper_and_accounts_for_every_member(
    far: pd.DataFrame, k: int, caliper: int, way: str
) -> None:
    ways = {"nearest": alternatives.pair_nearest, "once": alternatives.pair_once,
            "optimal": alternatives.pair_optimally}  # fmt: skip
    found = ways[way](far, k=k, caliper=float(caliper))
    again = ways[way](far.iloc[::-1, ::-1], k=k, caliper=float(caliper))
    pd.testing.assert_frame_equal(found.pairs, again.pairs)
    assert set(found.pairs["school"]) | set(found.unmatched.index) == set(far.index)
    assert not set(found.pairs["school"]) & set(found.unmatched.index)
    assert (found.pairs["distance"] <= caliper).all()
    assert found.pairs.groupby("school").size().le(k).all()
    if way != "nearest":
        assert not found.pairs["comparison"].duplicated().any()


def test_optimal_first_gives_everyone_one_before_anyone_two() -> None:
    far = table_of([[0.1, 0.1, 9.0], [5.0, np.inf, np.inf]])
    found = alternatives.pair_optimally(far, k=2)
    assert found.pairs.groupby("school").size().to_dict() == {100: 2, 101: 1}
    assert total(found) == pytest.approx(0.1 + 9.0 + 5.0)


def test_equal_distances_go_to_the_lower_number() -> None:
    far = table_of([[1.0, 1.0, 1.0]]).iloc[:, ::-1]
    for way in (alternatives.pair_nearest, alternatives.pair_once):
        assert way(far, k=2).pairs["comparison"].tolist() == [900, 901]


def test_the_order_of_picking_is_stated_and_decides() -> None:
    far = table_of([[1.0, 2.0], [1.5, 9.0]])
    hardest = alternatives.pair_once(far)
    assert "hardest" in hardest.how
    assert hardest.pairs["comparison"].tolist() == [901, 900]
    listed = alternatives.pair_once(far, order=[100, 101])
    assert "order given" in listed.how
    assert listed.pairs["comparison"].tolist() == [900, 901]


def test_each_kind_of_unmatched_school_has_its_own_reason() -> None:
    far = table_of([[np.inf, np.inf], [9.0, 9.0], [1.0, np.inf], [1.5, np.inf]])
    found = alternatives.pair_optimally(far, caliper=2.0)
    assert found.unmatched["reason"].to_dict() == {
        100: alternatives.NONE_ALLOWED, 101: alternatives.NONE_NEAR, 103: alternatives.TAKEN
    }  # fmt: skip


def test_calipers_on_variables_are_kept_in_their_own_unit() -> None:
    table = pd.DataFrame(
        {"rwm": [60.0, 55, 61, 70, 64], "la": [1, 1, 1, 2, 3], "kind": list("abaaa")},
        index=pd.Index([100, 101, 900, 901, 902], name="school"),
    )
    far = table_of([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]])
    allowed = alternatives.forbid(far, table, exact=["kind"], calipers={"rwm": 4.0}, apart="la")
    assert np.isfinite(allowed).to_numpy().tolist() == [[False, False, True], [False] * 3]
    assert alternatives.pair_nearest(allowed).pairs["comparison"].tolist() == [902]
    missing = table.assign(rwm=table["rwm"].where(table.index != 902))
    assert not np.isfinite(alternatives.forbid(far, missing, calipers={"rwm": 4.0}).loc[100, 902])


def test_a_pairing_too_large_for_the_memory_is_refused() -> None:
    with pytest.raises(DesignError, match="too large"):
        alternatives.pair_optimally(table_of([[1.0, 2.0], [1.0, 2.0]]), k=10_000)


def test_when_nobody_can_be_paired_there_are_no_pairs_and_every_reason() -> None:
    far = table_of([[np.inf], [np.inf]])
    for way in (alternatives.pair_nearest, alternatives.pair_once, alternatives.pair_optimally):
        found = way(far, k=2)
        assert found.pairs.empty and total(found) == 0 and len(found.unmatched) == 2

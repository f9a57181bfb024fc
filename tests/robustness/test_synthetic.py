"""Synthetic differences: the published example, and weights that no other weights improve on."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pepstats.errors import DesignError
from pepstats.robustness.methods import compare_synthetic
from pepstats.robustness.synthetic import Synthetic, estimate_synthetic, weigh_nearest
from tests import reference

Numbers = np.ndarray


def california(draws: int = 10) -> tuple[Synthetic, pd.DataFrame, dict]:
    states = reference.table("c_prop99/california_prop99.csv.xz")
    wide = states.pivot(index="Year", columns="State", values="PacksPerCapita")
    inside = np.asarray(wide.columns == "California")
    found = estimate_synthetic(
        wide.to_numpy(float), inside, 19, draws=draws, rng=np.random.default_rng(1)
    )
    return found, wide, reference.figures("c_prop99/expected_synthdid.json")["sdid"]


def lost(weights: Numbers, apart: Numbers, penalty: float) -> float:
    return float(((apart @ weights) ** 2).sum() + penalty * (weights**2).sum())


def test_california_is_as_published_and_nearer_than_where_others_stop() -> None:
    found, wide, theirs = california(draws=1000)
    assert found.estimate == pytest.approx(theirs["estimate"], abs=0.005)  # -15.604; ours -15.605
    assert round(found.estimate, 1) == -15.6  # Arkhangelsky and others 2021, table 1
    assert found.error == pytest.approx(9.5, abs=1.0)  # diff-diff: 9.5 to 10.4 by its seed
    omega = pd.Series(theirs["omega"])
    ours = pd.Series(found.of_schools, wide.columns[wide.columns != "California"])[omega.index]
    years = pd.Series(found.of_years, wide.index[:19].astype("str"))
    assert (ours - omega).abs().max() < 0.005
    assert (years - pd.Series(theirs["lambda"])).abs().max() < 0.001
    before = wide.loc[wide.index < 1989]
    apart = before[omega.index].sub(before["California"], axis=0).to_numpy()
    apart = apart - apart.mean(axis=0)
    penalty = len(before) * theirs["zeta_omega"] ** 2
    assert lost(ours.to_numpy(), apart, penalty) <= lost(omega.to_numpy(), apart, penalty)


def test_a_check_row_is_near_what_diff_diff_finds_from_the_same_placebo_groups() -> None:
    from diff_diff import SyntheticDiD

    _, wide, _ = california()
    frame = wide.rename_axis(index="year", columns="school").unstack().rename("value").reset_index()
    frame["member"] = frame["school"].isin(["California", "Nevada"])
    row = compare_synthetic(frame, starts=1989, rng=np.random.default_rng(1), draws=10)
    seed = int(np.random.default_rng(1).integers(2**31))
    theirs = SyntheticDiD(variance_method="placebo", n_bootstrap=10, seed=seed).fit(
        frame.assign(member=frame["member"].astype(int)), outcome="value", treatment="member",
        unit="school", time="year", post_periods=list(range(1989, 2001)),
    )  # fmt: skip
    assert row.estimate == pytest.approx(theirs.att, abs=0.005)
    assert (row.low, row.high) == pytest.approx(theirs.conf_int, abs=0.05)
    assert row.p == pytest.approx(theirs.p_value, abs=0.1)


def test_last_digits_of_results_move_no_digit_that_is_shown() -> None:
    found, wide, _ = california()
    moved = wide.to_numpy(float) * (1 + 1e-12 * np.random.default_rng(2).normal(size=wide.shape))
    again = estimate_synthetic(
        moved, np.asarray(wide.columns == "California"), 19, draws=10, rng=np.random.default_rng(1)
    )
    assert again.estimate == pytest.approx(found.estimate, rel=1e-9)
    assert again.placebo == pytest.approx(found.placebo, rel=1e-8, abs=1e-8)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.integers(0, 10**6), st.integers(1, 5), st.integers(2, 30), st.floats(0.01, 10))
def test_no_weights_are_nearer_than_those_that_are_found(
    seed: int, rows: int, columns: int, penalty: float
) -> None:
    rng = np.random.default_rng(seed)
    apart = rng.normal(size=(rows, columns)) + rng.normal()
    found = weigh_nearest(apart, penalty)
    assert found.min() >= 0 and found.sum() == pytest.approx(1)
    # Karush, Kuhn and Tucker: no school that is given more makes it less, those used all alike
    slope = apart.T @ (apart @ found) + penalty * found
    level = lost(found, apart, penalty)
    assert (slope >= level - 1e-9 * (1 + abs(level))).all()
    assert slope[found > 0] == pytest.approx(level, rel=1e-7)


def test_schools_that_never_move_before_the_start_give_a_reason() -> None:
    values = np.vstack([np.full((3, 8), 50.0), np.arange(8.0) + 50])
    with pytest.raises(DesignError, match="do not move before"):
        estimate_synthetic(values, np.arange(8) < 2, 3, draws=5, rng=np.random.default_rng(1))

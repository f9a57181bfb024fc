"""As bad as it could be: contamination, hidden results, and drifts that no test would notice."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pepstats import bounds
from pepstats.errors import DesignError

numbers = st.floats(-20, 20)


@settings(deadline=None, derandomize=True, max_examples=50)
@given(numbers, st.floats(0, 10), st.floats(0, 0.9), numbers)
def test_contamination_takes_just_that_share_of_the_effect_away(
    truth: float, width: float, share: float, effect: float
) -> None:
    seen = truth - share * effect  # the comparison line is that much too high
    row = bounds.correct_contamination(
        seen, seen - width, seen + width, shares=[share], effects=[effect]
    ).iloc[0]
    assert row["estimate"] == pytest.approx(truth, abs=1e-9)
    assert row["bias"] == pytest.approx(seen - truth, abs=1e-9)
    assert row["high"] - row["low"] == pytest.approx(2 * width, abs=1e-9)
    same = bounds.correct_contamination(
        truth * (1 - share), truth - width, truth + width, shares=[share]
    ).iloc[0]
    assert same["estimate"] == pytest.approx(truth, abs=1e-9)
    assert same["effect"] == pytest.approx(truth, abs=1e-9)


def test_a_share_is_a_share() -> None:
    for share in (1.0, -0.1, float("nan")):
        with pytest.raises(DesignError, match="a share of comparison schools"):
            bounds.correct_contamination(1.0, 0.0, 2.0, shares=[share])


def table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "own": [70.0, 60.0, np.nan, np.nan, 40.0, 90.0],
            "comparison": [64.0, 58.0, 60.0, np.nan, 50.0, 80.0],
            "gap": [6.0, 2.0, np.nan, np.nan, -10.0, 10.0],
            "weight": [1.0, 3.0, np.nan, np.nan, 1.0, 1.0],
            "reason": [None, None, "suppressed", "none alike", None, None],
        },
        index=pd.Index([1, 2, 3, 4, 5, 6], name="school"),
    )


def test_hidden_results_are_put_at_their_worst_and_their_best() -> None:
    found = bounds.bound_hidden_results(table(), [1, 2, 3, 4, 7], limits=(0, 100))
    assert (found.n_seen, found.n_hidden, found.n_out) == (2, 1, 2)
    assert found.estimate == pytest.approx(3.0)
    assert found.worst == pytest.approx((12 - 60 * 2) / 6)  # the median weight is 2
    assert found.best == pytest.approx((12 + 40 * 2) / 6)
    assert found.schools["reason"].tolist() == ["suppressed", "none alike", "not in the pool"]
    narrow = bounds.bound_hidden_results(table(), [1, 2, 3, 4])
    assert narrow.schools.loc[3, ["lowest", "highest"]].tolist() == [40 - 60, 90 - 60]
    assert found.worst < narrow.worst < narrow.estimate < narrow.best < found.best


def test_with_nothing_hidden_worst_and_best_are_the_estimate() -> None:
    found = bounds.bound_hidden_results(table(), [1, 2])
    assert found.worst == found.best == found.estimate and found.schools.empty


def test_when_all_is_hidden_there_is_a_reason_and_no_number() -> None:
    for members in ([3, 4], []):
        found = bounds.bound_hidden_results(table(), members, limits=(0, 100))
        assert found.reason == "no member has a gap"
        assert np.isnan([found.estimate, found.worst, found.best]).all()
    empty = table().assign(own=np.nan, gap=np.nan)
    assert bounds.bound_hidden_results(empty, [1, 2]).reason
    with pytest.raises(DesignError, match="the lowest result comes first"):
        bounds.bound_hidden_results(table(), [1], limits=(100, 0))


def test_the_drift_noticed_is_that_of_the_noncentral_test() -> None:
    one = bounds.detect_drift(np.array([[4.0]]), [-1])
    # a two-sided normal test: 1.96 + 0.8416 standard errors for 80 in 100
    assert one.loc[0.8, "a_year"] == pytest.approx(2 * (1.959964 + 0.841621), rel=1e-4)
    assert one.loc[0.5, "a_year"] == pytest.approx(2 * 1.959964, rel=1e-3)
    few = bounds.detect_drift(np.array([[4.0]]), [-1], df=17)
    assert (few["a_year"] > one["a_year"]).all()
    two = bounds.detect_drift(np.diag([4.0, 4.0]), [-2, -1])
    assert (two["a_year"] < one["a_year"]).all()


def test_it_is_noticed_that_often_when_drawn() -> None:
    from scipy.stats import chi2

    covariance, steps = np.array([[3.0, 1.0], [1.0, 2.0]]), np.array([-2.0, -1.0])
    slope = bounds.detect_drift(covariance, steps).loc[0.8, "a_year"]
    drawn = np.random.default_rng(1).multivariate_normal(slope * steps, covariance, 4000)
    wald = np.einsum("ij,jk,ik->i", drawn, np.linalg.inv(covariance), drawn)
    assert (wald > chi2.isf(0.05, 2)).mean() == pytest.approx(0.8, abs=0.02)


@pytest.mark.parametrize(
    ("covariance", "steps", "df", "words"),
    [
        (np.zeros((0, 0)), [], None, "no year before"),
        (np.zeros((1, 1)), [-1], None, "no spread"),
        (np.ones((2, 2)), [-2, -1], None, "no spread"),
        (np.full((1, 1), np.nan), [-1], None, "no spread"),
        (np.eye(1), [0], None, "away from the reference"),
        (np.eye(1), [-1], 0.0, "too few schools"),
        (np.eye(1), [-1], float("nan"), "too few schools"),
    ],
)
def test_where_no_drift_can_be_judged_a_reason_stands(covariance, steps, df, words: str) -> None:
    found = bounds.detect_drift(covariance, steps, df=df)
    assert found["a_year"].isna().all() and found["reason"].str.contains(words).all()


def test_a_power_is_more_than_the_level() -> None:
    with pytest.raises(DesignError, match="a power lies between"):
        bounds.detect_drift(np.eye(1), [-1], powers=[0.05])

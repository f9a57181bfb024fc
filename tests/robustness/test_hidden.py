"""As bad as it could be: contamination, and hidden results."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pepstats.errors import DesignError
from pepstats.robustness import hidden

numbers = st.floats(-20, 20)


@settings(deadline=None, derandomize=True, max_examples=50)
@given(numbers, st.floats(0, 10), st.floats(0, 0.9))
def test_contamination_takes_just_that_share_of_the_effect_away(
    truth: float, width: float, share: float
) -> None:
    seen = truth - share * truth  # the comparison line is that much too high
    row = hidden.correct_contamination(seen, seen - width, seen + width, shares=[share]).iloc[0]
    assert row["estimate"] == pytest.approx(truth, abs=1e-9)
    assert row["bias"] == pytest.approx(seen - truth, abs=1e-9)
    assert row["high"] - row["low"] == pytest.approx(2 * width / (1 - share), abs=1e-9)


def test_a_share_is_a_share() -> None:
    for share in (1.0, -0.1, float("nan")):
        with pytest.raises(DesignError, match="a share of comparison schools"):
            hidden.correct_contamination(1.0, 0.0, 2.0, shares=[share])


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
    found = hidden.bound_hidden_results(table(), [1, 2, 3, 4, 7], limits=(0, 100))
    assert (found.n_seen, found.n_hidden, found.n_out) == (2, 1, 2)
    assert found.estimate == pytest.approx(3.0)
    assert found.worst == pytest.approx((12 - 60 * 2) / 6)  # the median weight is 2
    assert found.best == pytest.approx((12 + 40 * 2) / 6)
    assert found.schools["reason"].tolist() == ["suppressed", "none alike", "not in the pool"]
    narrow = hidden.bound_hidden_results(table(), [1, 2, 3, 4])
    assert narrow.schools.loc[3, ["lowest", "highest"]].tolist() == [40 - 60, 90 - 60]
    assert found.worst < narrow.worst < narrow.estimate < narrow.best < found.best


def test_with_nothing_hidden_worst_and_best_are_the_estimate() -> None:
    found = hidden.bound_hidden_results(table(), [1, 2])
    assert found.worst == found.best == found.estimate and found.schools.empty


def test_when_all_is_hidden_there_is_a_reason_and_no_number() -> None:
    for members in ([3, 4], []):
        found = hidden.bound_hidden_results(table(), members, limits=(0, 100))
        assert found.reason == "no member has a gap"
        assert np.isnan([found.estimate, found.worst, found.best]).all()
    empty = table().assign(own=np.nan, gap=np.nan)
    assert hidden.bound_hidden_results(empty, [1, 2]).reason
    with pytest.raises(DesignError, match="the lowest result comes first"):
        hidden.bound_hidden_results(table(), [1], limits=(100, 0))

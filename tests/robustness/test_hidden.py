"""As bad as it could be: contamination, and hidden results."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pepstats.robustness import hidden_bias as hidden

numbers = st.floats(-20, 20)


@settings(deadline=None, derandomize=True, max_examples=50)
@given(numbers, st.floats(0, 10), st.floats(0, 0.9))
def test_contamination_takes_just_that_share_of_the_effect_away(
    truth: float, width: float, share: float
) -> None:
    seen = truth - share * truth  # the comparison line is that much too high
    effect = SimpleNamespace(
        estimate=seen, low=seen - width, high=seen + width, n_schools=9, n_comparison=90
    )
    row = hidden.suppose_contamination(SimpleNamespace(effect=effect), share=share)
    assert row.estimate == pytest.approx(truth, abs=1e-9)
    assert row.high - row.low == pytest.approx(2 * width / (1 - share), abs=1e-9)


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
    narrow = hidden.bound_hidden_results(table(), [1, 2, 3, 4])
    assert narrow.worst == pytest.approx((12 + (40 - 60) * 2) / 6)
    assert narrow.best == pytest.approx((12 + (90 - 60) * 2) / 6)
    assert found.worst < narrow.worst < narrow.estimate < narrow.best < found.best


def test_with_nothing_hidden_worst_and_best_are_the_estimate() -> None:
    found = hidden.bound_hidden_results(table(), [1, 2])
    assert found.worst == found.best == found.estimate
    assert (found.n_seen, found.n_hidden, found.n_out) == (2, 0, 0)

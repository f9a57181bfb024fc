"""As bad as it could be: contamination, and hidden results."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pepstats.robustness import sensitivity as hidden

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
    members = [1, 2, 3, 4, 7]
    worst, hidden_ones, out = hidden.bound_hidden_results(table(), members, 0.0)
    best, *_ = hidden.bound_hidden_results(table(), members, 100.0)
    assert (hidden_ones, out) == (1, 2)
    assert worst == pytest.approx((12 - 60 * 2) / 6)  # the median weight is 2
    assert best == pytest.approx((12 + 40 * 2) / 6)


def test_hidden_results_that_are_no_percentages_lie_within_the_range_of_all_schools() -> None:
    rows = [
        hidden.suppose_unpublished(
            SimpleNamespace(
                gaps=SimpleNamespace(table=table()), outcome=outcome, chosen=(1, 2, 3, 4),
                effect=SimpleNamespace(estimate=3.0, low=1.0, high=5.0, n_comparison=9),
            ),
            best=best,
        )
        for outcome in ("reading_progress", "rwm_expected")
        for best in (False, True)
    ]  # fmt: skip
    low, high = (12 + (40 - 60) * 2) / 6, (12 + (90 - 60) * 2) / 6
    assert [r.estimate for r in rows] == pytest.approx([low, high, (12 - 120) / 6, (12 + 80) / 6])
    assert [r.n_schools for r in rows] == [3] * 4
    assert rows[0].high - rows[0].low == pytest.approx(4.0)


def test_with_nothing_hidden_worst_and_best_are_the_estimate() -> None:
    for limit in (0.0, 100.0):
        assert hidden.bound_hidden_results(table(), [1, 2], limit) == (pytest.approx(3.0), 0, 0)

"""Drift allowed for: the authors' published intervals, wider the more is allowed."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pepstats.errors import DesignError
from pepstats.robustness import sensitivity as drift
from tests import reference

# Benzarti and Carloni (2019), as in the authors' own package: event study, its covariance in the
# reference folder; the interval of the first year after, computed by R HonestDiD 0.2.6.
FIGURES = "h_honestdid/expected_honestdid.json"


def medicaid() -> tuple[np.ndarray, np.ndarray]:
    beta = reference.table("h_honestdid/betahat.csv")["Estimate"].to_numpy()
    return beta, reference.table("h_honestdid/sigma.csv").iloc[:, 1:].to_numpy()


def benzarti() -> tuple[np.ndarray, np.ndarray]:
    beta = reference.table("h_honestdid/bc_betahat.csv")["beta"].to_numpy()
    return beta, reference.table("h_honestdid/bc_sigma.csv").to_numpy()


def hold(found: pd.DataFrame, theirs: dict, tolerance: float, rows: slice = slice(None)) -> None:
    np.testing.assert_allclose(found["low"][rows], theirs["lb"][rows], atol=tolerance)
    np.testing.assert_allclose(found["high"][rows], theirs["ub"][rows], atol=tolerance)


def test_the_relative_magnitudes_interval_is_the_authors() -> None:
    theirs, rng = reference.figures(FIGURES), np.random.default_rng(1)
    times = [0.5, 1, 1.5, 2]
    found = drift.bound_relative(*medicaid(), 5, times=[0, *times], rng=rng)
    hold(found, theirs["relative_magnitudes"], 1e-3)
    hold(found.loc[times], theirs["published"]["relative_magnitudes"], 1e-3)
    assert drift.breakdown_value(found) == 1.5  # README: about 2


def test_four_years_after_agree_as_well_until_their_grid_ends() -> None:
    theirs = reference.figures(FIGURES)["benzarti_carloni"]["relative_magnitudes"]
    found = drift.bound_relative(*benzarti(), 4, times=[0.5, 1.5], rng=np.random.default_rng(1))
    hold(found, {k: [v[0], v[2]] for k, v in theirs.items()}, 1e-3)


def made_up(seed: int, before: int, after: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(before + after, before + after + 3))
    return rng.normal(0, 2, before + after), root @ root.T / 4


@settings(deadline=None, derandomize=True, max_examples=12)
@given(st.integers(0, 10_000), st.integers(1, 3), st.integers(1, 2))
def test_allowing_more_drift_never_narrows_the_interval(seed: int, before: int, after: int) -> None:
    beta, sigma = made_up(seed, before, after)
    times = drift.bound_relative(
        beta, sigma, before, times=[0, 1, 2], rng=np.random.default_rng(seed)
    )
    assert (times["low"].diff().dropna() <= 1e-6).all()
    assert (times["high"].diff().dropna() >= -1e-6).all()
    assert times["low"].iloc[0] <= beta[before] <= times["high"].iloc[0]


def test_an_interval_that_takes_in_nought_at_the_least_drift_breaks_down_nowhere() -> None:
    beta, sigma = np.array([1.0, 2.0]), np.array([[2.0, 1.0], [1.0, 2.0]])
    found = drift.bound_relative(beta, sigma, 1, times=[0, 1], rng=np.random.default_rng(1))
    assert np.isnan(drift.breakdown_value(found))


def test_what_cannot_be_judged_is_refused() -> None:
    beta, sigma = made_up(1, 2, 1)

    def bound(estimates: np.ndarray, covariance: np.ndarray, before: int) -> None:
        rng = np.random.default_rng(1)
        drift.bound_relative(estimates, covariance, before, times=[1], rng=rng)

    for before in (0, 3):
        with pytest.raises(DesignError, match="a year before the reference year"):
            bound(beta, sigma, before)
    for estimates, covariance in ((beta, sigma * 0), (beta * np.nan, sigma)):
        with pytest.raises(DesignError, match="has no spread"):
            bound(estimates, covariance, 2)
    with pytest.raises(DesignError, match="too many for this check"):
        bound(*made_up(1, 1, 7), 1)

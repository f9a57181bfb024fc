"""Distances: as the peers measure them, whatever the order of rows and the units."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from pepstats.matching import alternatives
from tests import reference

LALONDE = ["age", "educ", "race", "married", "nodegree", "re74", "re75"]


def lalonde() -> tuple[pd.DataFrame, list[int]]:
    people = reference.table("a_lalonde_matching/lalonde_matchit.csv.xz").set_index("id")
    return people, list(people.index[people["treat"] == 1])


def test_mahalanobis_is_matchit_s_to_eight_decimals() -> None:
    people, treated = lalonde()
    found = mahalanobis(people[LALONDE], treated)
    assert found.shape == (185, 429)
    theirs = reference.table(
        "a_lalonde_matching/mahalanobis_each_12th_by_24th.csv", header=None
    ).to_numpy()  # of 79,365 distances; all of them stand behind the means
    assert np.abs(found.to_numpy()[::12, ::24] - theirs).max() < 1e-8
    means = reference.figures("a_lalonde_matching/mahalanobis_means.json")
    assert np.abs(found.mean(axis=1) - means["of_each_treated"]).max() < 1e-8
    assert np.abs(found.mean(axis=0) - means["of_each_control"]).max() < 1e-8


def mahalanobis(table: pd.DataFrame, members: list[int]) -> pd.DataFrame:
    """Each member's distance from every other school; words become a column each."""
    spelled = pd.get_dummies(table.sort_index(), dtype=float)
    inside = spelled.index.isin(members)
    points = alternatives.whiten(spelled, inside)
    away = cdist(points[inside], points[~inside])
    return pd.DataFrame(away, index=spelled.index[inside], columns=spelled.index[~inside])


def made_up(seed: int, n: int = 40) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    index = pd.Index(100_000 + np.arange(n), name="school")
    return pd.DataFrame(
        {"rwm": rng.normal(60, 10, n), "cohort": rng.normal(3.5, 0.4, n),
         "kind": rng.choice(["primary", "junior"], n)},
        index=index,
    )  # fmt: skip


@settings(deadline=None, derandomize=True, max_examples=25)
@given(st.integers(0, 10_000))
def test_units_order_of_rows_and_repeated_columns_change_no_distance(seed: int) -> None:
    table = made_up(seed)
    members = list(table.index[:6])
    found = mahalanobis(table, members)
    other = table.assign(rwm=table["rwm"] * 7 - 3, again=table["rwm"] * 2).sample(
        frac=1, random_state=seed
    )
    again = mahalanobis(other, members[::-1])
    pd.testing.assert_frame_equal(found, again, rtol=1e-9, atol=1e-9)


@settings(deadline=None, derandomize=True, max_examples=25)
@given(st.integers(0, 10_000))
def test_a_distance_is_that_of_the_inverse_covariance_written_out(seed: int) -> None:
    table = made_up(seed)[["rwm", "cohort"]]
    members = list(table.index[:6])
    inside = table.index.isin(members)
    parts = [table[side].to_numpy() - table[side].mean().to_numpy() for side in (inside, ~inside)]
    around = np.vstack(parts)
    inverse = np.linalg.inv(around.T @ around / (len(table) - 2))
    step = table.loc[members[0]].to_numpy() - table.iloc[-1].to_numpy()
    found = mahalanobis(table, members)
    assert found.loc[members[0], table.index[-1]] == pytest.approx(np.sqrt(step @ inverse @ step))


def test_one_member_left_still_has_distances() -> None:
    table = made_up(1)[["rwm"]]
    found = mahalanobis(table, [100_000])
    others = table["rwm"].iloc[1:]
    away = (others - table["rwm"].iloc[0]).abs() / (others.std() * np.sqrt(38 / 38))
    np.testing.assert_allclose(found.iloc[0], away, rtol=1e-9)

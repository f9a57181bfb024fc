"""Distances: as the peers measure them, whatever the order of rows, and never from bad columns."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pepstats.errors import DesignError
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
    return alternatives.measure_distances(alternatives.whiten(table, members), members)


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


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda t: t.assign(rwm=60.0, flat=1), "rwm, flat: the same in every school"),
        (lambda t: t.assign(kind="primary"), "kind = primary: the same in every school"),
        (lambda t: t.assign(rwm=t["rwm"].where(t.index > 100_003)), "rwm: some schools have no"),
        (lambda t: t.assign(rwm=np.inf), "rwm: some schools have no"),
        (lambda t: pd.concat([t, t.iloc[:1]]), "100000 are listed twice"),
        (lambda t: t.iloc[5:], "100000, 100001, 100002, 100003, 100004 are members but not"),
        (lambda t: t.iloc[:6], "no school that is not a member"),
        (lambda t: t.iloc[[0, 9]].drop(columns="kind"), "are members but not"),
    ],
)
def test_a_table_that_cannot_be_measured_says_what_is_wrong(spoil, words: str) -> None:
    table = made_up(1)
    with pytest.raises(DesignError, match=words):
        mahalanobis(spoil(table), list(table.index[:6]))


def test_one_member_left_still_has_distances_and_two_schools_in_all_have_none() -> None:
    table = made_up(1)[["rwm"]]
    found = mahalanobis(table, [100_000])
    others = table["rwm"].iloc[1:]
    away = (others - table["rwm"].iloc[0]).abs() / (others.std() * np.sqrt(38 / 38))
    np.testing.assert_allclose(found.iloc[0], away, rtol=1e-9)
    with pytest.raises(DesignError, match="at least three schools"):
        mahalanobis(table.iloc[:2], [100_000])


def test_too_many_distances_are_refused_before_they_are_made() -> None:
    table = pd.DataFrame({"rwm": np.arange(20_000.0)})
    with pytest.raises(DesignError, match="distances; at most"):
        mahalanobis(table, range(10_000))

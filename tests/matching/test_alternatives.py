"""Other matchers in the headline's shape: gaps and made-up programmes work on them unchanged."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
import pytest

from pepstats.errors import DesignError
from pepstats.impact import gaps
from pepstats.matching import alternatives, balance
from pepstats.matching.nearest import Match, mark_free, match_schools, take_up
from pepstats.matching.pool import MatchBasis, Pool, before_start, find_pool, positions
from pepstats.settings.programme import MatchRule, PoolRule
from tests import reference
from tests.worlds import YEAR, small_england

RULE = MatchRule(near=("rwm_expected", "cohort"), k=4)


def world() -> tuple[Pool, Match, list[int], list[int]]:
    small = small_england()
    pool = find_pool(
        before_start(small.panel, YEAR), small.register,
        MatchBasis(RULE, "primary", ("rwm_expected",), (2016, 2017)), members=small.barred,
    )  # fmt: skip
    match = match_schools(pool, RULE, PoolRule(), barred=small.barred)
    members = [m for m in small.members["closing-the-gap"] if m in pool.schools.index]
    return pool, match, members, small.barred


def free_of(pool: Pool, barred: Iterable[int] = ()) -> np.ndarray:
    return mark_free(pool, PoolRule(), barred)


def pair(way: str, rule: MatchRule = RULE) -> tuple[Pool, Match, list[int]]:
    """The small England, its members matched anew by another way."""
    pool, match, members, barred = world()
    match = match if rule is RULE else match_schools(pool, rule, PoolRule(), barred=barred)
    found = alternatives.pair_members(match, pool, members, free_of(pool, barred), way=way)
    return pool, found, members


def test_nearest_on_the_headline_s_own_distance_is_the_headline(monkeypatch) -> None:
    _, match, _, _ = world()
    monkeypatch.setitem(alternatives.WAYS, "once", alternatives.pair_nearest)
    _, found, _ = pair("once")
    assert (found.places == match.places).all()
    np.testing.assert_allclose(found.distances, match.distances, atol=1e-8)


@pytest.mark.parametrize("way", list(alternatives.WAYS))
def test_members_are_matched_anew_and_everyone_else_is_not(way) -> None:
    _, match, _, barred = world()
    pool, found, members = pair(way)
    own = found.schools.isin(members)
    assert (found.places[~own] == match.places[~own]).all()
    listed = found.pairs(members)
    assert (listed.groupby("school")["distance"].diff().dropna() >= 0).all()
    table = pool.schools
    left, right = table.loc[listed["school"]], table.loc[listed["comparison"]]
    apart = left["la"].to_numpy() != right["la"].to_numpy()
    assert apart.all() or way == "own authority"
    for key in RULE.exact:
        assert (left[key].to_numpy() == right[key].to_numpy()).all()
    assert not set(listed["comparison"]) & set(barred)
    if way != "own authority":
        assert not listed["comparison"].duplicated().any()
    measured = gaps.find_gaps(
        small_england().panel, pool, found,
        gaps.Asked("rwm_expected", (2016, 2017), YEAR, tuple(barred)),
    )  # fmt: skip
    with_pairs = listed["school"].nunique()
    assert measured.table.loc[members, "gap"].notna().sum() >= with_pairs > 0


def test_optimal_never_adds_up_to_more_than_nearest_once() -> None:
    _, match, members, _ = world()
    totals = [pair(way)[1].pairs(members)["distance"].sum() for way in ("optimal", "once")]
    totals.insert(0, np.nansum(match.distances[match.schools.isin(members)]))
    assert totals == sorted(totals)


def test_a_member_beyond_a_variable_s_caliper_has_no_gap_and_a_reason() -> None:
    rule = RULE.model_copy(update={"calipers": {"rwm_expected": 3.0, "cohort": 6.0}})
    pool, found, members = pair("optimal", rule)
    pairs = found.pairs(members)
    own, other = (pool.schools.loc[pairs[side]] for side in ("school", "comparison"))
    for name, limit in {
        "rwm_expected 2016": 3.0,
        "rwm_expected 2017": 3.0,
        "cohort 2017": 6.0,
    }.items():
        assert np.abs(own[name].to_numpy() - other[name].to_numpy()).max() <= limit
    lost = sorted(set(members) - set(pairs["school"]))
    assert lost and (found.places[found.schools.get_indexer(lost)] == -1).all()
    assert found.unmatched.loc[lost, "reason"].notna().all()


def test_a_whole_distance_s_caliper_holds_in_every_way() -> None:
    tight = RULE.model_copy(update={"caliper": 0.3})
    for way in alternatives.WAYS:
        _, found, members = pair(way, tight)
        pairs = found.pairs(members)
        assert len(pairs) and pairs["distance"].max() <= 0.3


def test_every_school_by_mahalanobis_is_the_nearest_there_is() -> None:
    pool, _, members, barred = world()
    found = alternatives.match_by_mahalanobis(pool, RULE, members, free_of(pool, barred))
    assert (found.places[:, 0] >= 0).all() and (np.diff(found.distances, axis=1) >= 0).all()
    row = found.schools.get_loc(members[3])
    at, away = all_by_mahalanobis(pool, members, barred, row)
    np.testing.assert_allclose(found.distances[row], np.sort(away)[: RULE.k], atol=1e-8)
    assert found.places[row].tolist() == at[np.argsort(away)][: RULE.k].tolist()


def all_by_mahalanobis(pool, inside, barred, row):
    """Everyone that one school may be compared with, and how far each is, with no tree."""
    place = positions(pool.schools[list(pool.scales.index)])
    points = alternatives.whiten(place, place.index.isin(inside))
    own = pool.schools.iloc[row]
    fine = (pool.schools["la"] != own["la"]) & ~pool.schools.index.isin(barred)
    for key in RULE.exact:
        fine &= pool.schools[key] == own[key]
    at = np.flatnonzero(fine)
    return at, np.linalg.norm(points[at] - points[row], axis=1)


def test_schools_a_list_of_neighbours_cannot_settle_are_searched_in_full() -> None:
    pool, _, members, barred = world()
    few = pool.schools["la"].isin(sorted(pool.schools["la"].unique())[:3]).to_numpy()
    small = Pool(pool.schools[few], pool.flow, pool.left_out, pool.scales)
    inside = [m for m in members if m in small.schools.index] or list(small.schools.index[:5])
    rule = RULE.model_copy(update={"k": 12})
    found = alternatives.match_by_mahalanobis(small, rule, inside, free_of(small, inside))
    for row in range(0, len(small.schools), 7):
        _, away = all_by_mahalanobis(small, inside, inside, row)
        reached = found.distances[row][~np.isnan(found.distances[row])]
        wanted = np.sort(away)[: rule.k] if len(away) >= 3 else []  # too few are none
        np.testing.assert_allclose(reached, wanted, atol=1e-8)


def test_a_caliper_that_few_meet_leaves_the_rest_out_with_the_reason() -> None:
    pool, _, members, barred = world()
    tight = RULE.model_copy(update={"caliper": 1e-6})
    found = alternatives.match_by_mahalanobis(pool, tight, members, free_of(pool, barred))
    alone = found.places[:, 0] < 0
    assert alone.mean() > 0.9 and list(found.unmatched.index) == list(found.schools[alone])
    assert np.nanmax(found.distances, initial=0) <= 1e-6


def listed_world() -> tuple[Pool, Match]:
    """Nine schools: 1, 2 and 9 of authority 1, the others of 2; the headline matched school 2."""
    index = pd.Index(range(1, 10), name="school")
    table = pd.DataFrame({"la": [1, 1, *[2] * 6, 1], "rwm_expected 2017": range(9)}, index=index)
    scales = pd.DataFrame({"spread": [1.0], "weight": [1.0]}, index=["rwm_expected 2017"])
    places = np.full((9, 4), -1)
    places[1] = [4, 5, 6, 7]
    had = Match(RULE, index, places, np.where(places < 0, np.nan, 0.5), pd.DataFrame())
    return Pool(table, pd.DataFrame(), pd.DataFrame(), scales), had


def listed(similar: dict[int, list[int]], **asked) -> tuple[dict[int, list[int]], pd.DataFrame]:
    """Match by a list: each school's comparison schools by number, and who has none."""
    pool, had = listed_world()
    pairs = pd.DataFrame([(a, b) for a, many in similar.items() for b in many],
                         columns=["school", "similar"])  # fmt: skip
    free = mark_free(pool, asked.get("where", PoolRule()), asked.get("barred", ()))
    found = alternatives.match_listed(had, pool, asked.get("members", [1]), free, pairs)
    assert np.isnan(found.distances).all() and (had.places[1] == [4, 5, 6, 7]).all()
    numbers = {
        int(school): [int(found.schools[at]) for at in row if at >= 0]
        for school, row in zip(found.schools, found.places, strict=True)
    }
    return numbers, found.unmatched


def test_a_published_list_is_followed_in_its_own_order() -> None:
    found, alone = listed({1: [7, 3, 8], 2: [3, 4, 5, 6, 7, 8]})
    assert found[1] == [7, 3, 8] and found[2] == [3, 4, 5, 6, 7, 8]
    assert alone.index.tolist() == [3, 4, 5, 6, 7, 8, 9]


def test_of_a_list_only_free_schools_of_the_pool_in_other_authorities_count() -> None:
    everyone = {1: [2, 99, 3, 4, 5, 6, 7, 8], 77: [3, 4, 5]}
    assert listed(everyone)[0][1] == [3, 4, 5, 6, 7, 8]
    assert listed({3: [1, 2, 9]})[0][3] == [1, 2, 9]
    assert listed({1: [3, 4, 99]})[0][1] == listed({1: [3, 4, 2]})[0][1] == []
    assert listed(everyone, barred=[3, 4])[0][1] == [5, 6, 7, 8]
    assert listed(everyone, where=PoolRule(authorities=(300,)))[0][1] == []


def test_with_fewer_than_three_of_its_list_a_member_has_none_and_another_what_it_had() -> None:
    few, alone = listed({1: [3, 4], 2: [3, 4]})
    assert few[1] == [] and few[2] == [5, 6, 7, 8]
    assert alone.loc[1, "reason"] == "fewer than 3 schools of its list can be compared"
    assert 2 not in alone.index
    assert listed({1: [3, 4], 2: [3, 4]}, members=[1, 2])[0][2] == []
    assert listed({1: [3, 4, 5]})[0][1] == [3, 4, 5]
    assert listed({1: []})[0][2] == [5, 6, 7, 8]


def test_a_member_whom_nobody_may_be_compared_with_has_none_left() -> None:
    pool, had = listed_world()
    tight = Match(RULE.model_copy(update={"exact": (), "caliper": 2.0}), had.schools, had.places,
                  had.distances, had.unmatched)  # fmt: skip
    for way in ("once", "optimal"):
        found = alternatives.pair_members(tight, pool, [1, 2], free_of(pool), way=way)
        own = found.pairs([1, 2])
        assert own["comparison"].tolist() == [3, 4] and own["distance"].tolist() == [2.0, 2.0]
        assert (found.unmatched["reason"] == "none left that is alike").all()
        assert found.unmatched.index.tolist() == sorted(set(range(1, 10)) - set(own["school"]))
    near = alternatives.pair_members(tight, pool, [1], free_of(pool), way="own authority")
    assert near.pairs([1])["comparison"].tolist() == [2, 3]  # its own authority's too


def test_ten_thousand_members_are_refused_with_a_message() -> None:
    rng = np.random.default_rng(1)
    table = pd.DataFrame(
        {"la": rng.integers(200, 400, 20_000), "phase": "primary", "school_type": "primary",
         "rwm_expected 2017": rng.normal(60, 10, 20_000)},
        index=pd.Index(np.arange(20_000), name="school"),
    )  # fmt: skip
    scales = pd.DataFrame({"spread": [10.0], "weight": [1.0]}, index=["rwm_expected 2017"])
    pool = Pool(table, pd.DataFrame(), pd.DataFrame(), scales)
    match = take_up(
        pd.DataFrame({"school": [], "comparison": [], "rank": [], "distance": []}), table.index,
        RULE, pd.DataFrame({"reason": []}),
    )  # fmt: skip
    with pytest.raises(DesignError, match="100,000,000 distances; at most"):
        alternatives.pair_members(match, pool, range(10_000), free_of(pool), way="once")


def test_calipers_hold_for_every_school_by_mahalanobis_too() -> None:
    pool, _, members, barred = world()
    rule = RULE.model_copy(update={"calipers": {"rwm_expected": 3.0}})
    found = alternatives.match_by_mahalanobis(pool, rule, members, free_of(pool, barred))
    pairs = found.pairs()
    own, other = (pool.schools.loc[pairs[side]] for side in ("school", "comparison"))
    for name in ("rwm_expected 2016", "rwm_expected 2017"):
        assert np.abs(own[name].to_numpy() - other[name].to_numpy()).max() <= 3.0


@pytest.mark.parametrize(
    ("name", "k"),
    [("nearest_mahalanobis_1to1", 1), ("nearest_mahalanobis_1to2", 2), ("nearest_ps_caliper02", 1),
     ("nearest_mahalanobis_1to3_replace", 3), ("optimal_mahalanobis_1to1", 1)],
)  # fmt: skip
def test_balance_before_and_after_is_matchit_s_on_matchit_s_own_pairs(name: str, k: int) -> None:
    people = reference.table("a_lalonde_matching/lalonde_matchit.csv.xz").set_index("id")
    people = people.assign(**{f"race{w}": people["race"].eq(w).astype(float)
                              for w in ("black", "hispan", "white")})  # fmt: skip
    theirs = reference.figures("a_lalonde_matching/expected_matchit.json")[name]
    rows = [r for r in theirs["smd_before"]["_row"] if r != "distance"]
    scales = pd.DataFrame({"spread": 1.0, "weight": 1.0}, index=pd.Index(rows, name="variable"))
    table = people.assign(la=people["treat"])[["la", *rows]].rename_axis("school")
    pool = Pool(table, pd.DataFrame(), pd.DataFrame(), scales)
    listed = reference.table(f"a_lalonde_matching/pairs_{name}.csv")
    pairs = listed.rename(columns={"treated_id": "school", "control_id": "comparison"})
    pairs = pairs.assign(rank=pairs.groupby("school").cumcount() + 1, distance=0.0)
    rule = MatchRule(near=("cohort",), k=k)
    match = take_up(pairs, table.index, rule, pd.DataFrame({"reason": []}))
    found = balance.measure_balance(pool, match, people.index[people["treat"] == 1])
    place = [theirs["smd_before"]["_row"].index(row) for row in rows]
    # MatchIt's spread of a yes-or-no variable is that of p(1 - p), ours of n - 1 as for any other
    yes_no = people[rows].isin([0, 1]).all().to_numpy()
    scale = np.where(yes_no, np.sqrt(185 / 184), 1.0)
    for ours, when in (("smd_before", "smd_before"), ("smd_after", "smd_after")):
        values = np.array(theirs[when]["Std. Mean Diff."])[place]
        if ours == "smd_after" and name == "nearest_ps_caliper02":
            continue  # theirs drops the unmatched members' side too: another question
        np.testing.assert_allclose(found.loc[rows, ours] * scale, values, atol=1e-8)
    ratios = [theirs["smd_before"]["Var. Ratio"][i] for i in place]
    known = [r for r, ratio in zip(rows, ratios, strict=True) if isinstance(ratio, float)]
    np.testing.assert_allclose(
        found.loc[known, "variance_ratio_before"], [r for r in ratios if isinstance(r, float)],
        atol=1e-8,
    )  # fmt: skip
    furthest = np.array(theirs["smd_before"]["eCDF Max"], dtype=float)[place]
    np.testing.assert_allclose(found.loc[rows, "ecdf_before"], furthest, atol=1e-8)

"""Matching: alike before the start, elsewhere, in no programme; and blind to what came after."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pepstats.errors import DesignError
from pepstats.matching.nearest import match_schools, narrow, take_up
from pepstats.matching.pool import MatchBasis, Pool, before_start, find_pool, positions
from pepstats.schools.panel import Panel
from pepstats.settings.programme import MatchRule, PoolRule
from tests.worlds import YEAR, Small, small_england

KINDS = st.sampled_from(["primary", "junior"])
RULE = MatchRule(near=("rwm_expected", "cohort"), k=5)


def pool_of(small: Small, rule: MatchRule = RULE, panel: Panel | None = None) -> Pool:
    return find_pool(
        before_start(panel or small.panel, YEAR), small.register,
        MatchBasis(rule, "primary", ("rwm_expected",), (2016, 2017)), members=small.barred,
    )  # fmt: skip


def made_up_pool(points: list[tuple[float, float]], la: list[int], kind: list[str]) -> Pool:
    index = pd.Index(range(100_001, 100_001 + len(points)), name="school")
    table = pd.DataFrame(points, columns=["rwm_expected 2016", "rwm_expected 2017"], index=index)
    table.insert(0, "la", la)
    table.insert(1, "school_type", kind)
    scales = pd.DataFrame(
        {"spread": [1.0, 1.0], "weight": [1.0, 1.0]},
        index=pd.Index(table.columns[2:], name="variable"),
    )
    return Pool(table, pd.DataFrame(), pd.DataFrame(), scales)


def nearest_by_hand(pool: Pool, k: int, barred: set[int]) -> list[tuple[int, int]]:
    """Match the plain way, one school and one candidate at a time; too few are none."""
    found = []
    for school, own in pool.schools.iterrows():
        others = [
            (round(float(np.hypot(own.iloc[2] - c.iloc[2], own.iloc[3] - c.iloc[3])), 9), other)
            for other, c in pool.schools.iterrows()
            if other != school and other not in barred
            and c["la"] != own["la"] and c["school_type"] == own["school_type"]
        ]  # fmt: skip
        if len(others) >= min(3, k):
            found += [(school, other) for _, other in sorted(others)[:k]]
    return found


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(1, 3), KINDS),
        min_size=4, max_size=40,
    ),
    st.integers(1, 6),
)  # fmt: skip
def test_it_finds_just_who_a_plain_search_finds_ties_and_all(
    rows: list[tuple[int, int, int, str]], k: int
) -> None:
    pool = made_up_pool(
        [(a, b) for a, b, _, _ in rows], [c for *_, c, _ in rows], [d for *_, d in rows]
    )
    barred = {int(pool.schools.index[0])}
    rule = MatchRule(near=("rwm_expected",), exact=("school_type",), k=k)
    match = match_schools(pool, rule, PoolRule(), barred=barred)
    pairs = match.pairs()
    assert list(zip(pairs["school"], pairs["comparison"], strict=True)) == nearest_by_hand(
        pool, k, barred
    )


def test_every_comparison_school_is_alike_elsewhere_and_in_no_programme() -> None:
    small = small_england()
    pool = pool_of(small)
    pairs = match_schools(pool, RULE, PoolRule(), barred=small.barred).pairs()
    own, other = pool.schools.loc[pairs["school"]], pool.schools.loc[pairs["comparison"]]
    for key in RULE.exact:
        assert (own[key].to_numpy() == other[key].to_numpy()).all()
    assert (own["la"].to_numpy() != other["la"].to_numpy()).all()
    assert not set(pairs["comparison"]) & set(small.barred)
    assert set(small.members["closing-the-gap"]) & set(pairs["school"])


def test_matching_cannot_see_an_outcome_after_the_start() -> None:
    small = small_england()
    values = small.panel.values.copy()
    after = values.index.get_level_values("year") >= YEAR
    values[after] = values[after].sample(frac=1, random_state=1).to_numpy()
    other = Panel(values, small.panel.reasons, small.panel.releases)
    one, two = (
        match_schools(pool_of(small, panel=p), RULE, PoolRule(), barred=small.barred).pairs()
        for p in (small.panel, other)
    )
    pd.testing.assert_frame_equal(one, two)


def test_a_panel_with_later_years_is_refused() -> None:
    small = small_england()
    with pytest.raises(DesignError, match="cut the panel"):
        find_pool(small.panel, small.register,
        MatchBasis(RULE, "primary", ("rwm_expected",), (2016, 2017)))  # fmt: skip


def test_the_order_of_rows_does_not_matter() -> None:
    small = small_england()
    shuffled = Small(
        Panel(*(t.sample(frac=1, random_state=3) if t.index.nlevels > 1 else t
                for t in (small.panel.values, small.panel.reasons, small.panel.releases))),
        small.register.sample(frac=1, random_state=4), small.programmes, small.members,
    )  # fmt: skip
    one, two = (match_schools(pool_of(s), RULE, PoolRule()).pairs() for s in (small, shuffled))
    pd.testing.assert_frame_equal(one, two)


def test_every_school_of_the_register_is_kept_or_left_out_by_a_named_rule() -> None:
    small = small_england()
    pool = pool_of(small)
    assert len(pool.schools) + len(pool.left_out) == len(small.register)
    assert pool.flow["left_out"].sum() == len(pool.left_out)
    assert (pool.flow["kept"].diff().iloc[1:] == -pool.flow["left_out"].iloc[1:]).all()
    assert pool.left_out["reason"].notna().all()


def test_a_caliper_holds_for_every_pair_and_says_who_has_none_or_too_few() -> None:
    small = small_england()
    pool = pool_of(small)
    rule = RULE.model_copy(update={"caliper": 0.3})
    match = match_schools(pool, rule, PoolRule(), barred=small.barred)
    assert match.pairs()["distance"].max() <= 0.3
    assert match.pairs().groupby("school").size().min() == 3
    assert len(match.unmatched) == (match.places[:, 0] < 0).sum() > 0
    free = match_schools(pool, RULE, PoolRule(), barred=small.barred)
    within = pd.Series((free.distances <= 0.3).sum(axis=1), index=free.schools)
    by_hand = within[within < 3].map({0: "none alike within the caliper"})
    by_hand = by_hand.fillna("fewer than 3 alike within the caliper")
    assert match.unmatched["reason"].to_dict() == by_hand.to_dict()
    assert by_hand.nunique() == 2


@pytest.mark.parametrize(
    ("elsewhere", "k", "reason"),
    [
        (0, 5, "none alike elsewhere"), (1, 5, "fewer than 3 alike elsewhere"),
        (2, 5, "fewer than 3 alike elsewhere"), (3, 5, None),
        (2, 3, "fewer than 3 alike elsewhere"), (2, 2, None),
        (1, 2, "fewer than 2 alike elsewhere"), (1, 1, None), (0, 1, "none alike elsewhere"),
    ],
)  # fmt: skip
def test_a_school_with_too_few_alike_is_compared_with_none_and_says_so(
    elsewhere: int, k: int, reason: str | None
) -> None:
    """Three are needed, or as many as were asked for."""
    pool = made_up_pool([(float(n), 0.0) for n in range(1 + elsewhere)], [1] + [2] * elsewhere,
                        ["primary"] * (1 + elsewhere))  # fmt: skip
    rule = MatchRule(near=("rwm_expected",), exact=("school_type",), k=k)
    match = match_schools(pool, rule, PoolRule())
    school = pool.schools.index[0]
    counted = min(elsewhere, k) if reason is None else 0
    assert len(match.pairs([school])) == counted
    assert match.unmatched["reason"].get(school) == reason


def test_without_a_word_fifty_are_compared() -> None:
    small = small_england()
    rule = MatchRule(near=("rwm_expected", "cohort"))
    match = match_schools(pool_of(small, rule), rule, PoolRule(), barred=small.barred)
    assert match.places.shape[1] == 50 and match.pairs().groupby("school").size().max() == 50


def test_independent_schools_are_left_out_by_a_rule_of_the_flow_and_counted() -> None:
    small = small_england()
    kinds = ["Other Independent School", "Other independent special school",
             "Non-maintained special school", "Community school", "Sponsored academy"]  # fmt: skip
    plain = pool_of(small)
    chosen = plain.schools.index[:50]
    register = small.register.assign(type="Community school")
    register.loc[chosen, "type"] = np.repeat(kinds, 10)
    pool = find_pool(
        before_start(small.panel, YEAR), register,
        MatchBasis(RULE, "primary", ("rwm_expected",), (2016, 2017)), members=chosen[:3],
    )  # fmt: skip
    gone = chosen[:30]
    assert pool.schools.index.tolist() == plain.schools.index.difference(gone).tolist()
    assert (pool.left_out.loc[gone, "reason"] == "an independent school").all()
    [row] = pool.flow[pool.flow["step"] == "an independent school"].to_dict("records")
    assert row["left_out"] == 30 and row["members_kept"] == 0
    assert "an independent school" not in set(plain.flow["step"])


def test_a_pool_of_named_authorities_is_kept_to() -> None:
    small = small_england()
    pool = pool_of(small)
    chosen = tuple(int(la) for la in sorted(pool.schools["la"].unique())[:3])
    pairs = match_schools(pool, RULE, PoolRule(authorities=chosen)).pairs()
    assert set(pool.schools.loc[pairs["comparison"], "la"]) == set(chosen)


def test_pairs_written_down_are_taken_up_unchanged() -> None:
    small = small_england()
    match = match_schools(pool_of(small), RULE, PoolRule(), barred=small.barred)
    again = take_up(match.pairs(), match.schools, RULE, match.unmatched)
    np.testing.assert_array_equal(match.places, again.places)
    np.testing.assert_array_equal(match.distances, again.distances)


def test_something_that_is_the_same_everywhere_cannot_be_matched_on() -> None:
    small = small_england()
    flat = small.panel.values.assign(cohort=30.0)
    with pytest.raises(DesignError, match="cohort 2017 is the same in every school"):
        pool_of(small, panel=Panel(flat, small.panel.reasons, small.panel.releases))


def test_a_measure_that_no_source_has_is_named() -> None:
    with pytest.raises(DesignError, match="no source of this study has prior_attainment"):
        pool_of(small_england(), MatchRule(near=("rwm_expected", "prior_attainment")))


def test_a_caliper_on_one_measure_is_kept_in_its_own_unit_and_the_nearest_within_it_found() -> None:
    small = small_england()
    pool = pool_of(small)
    rule = RULE.model_copy(update={"calipers": {"rwm_expected": 3.0}, "k": 5})
    match = match_schools(pool, rule, PoolRule(), barred=small.barred)
    pairs = match.pairs()
    own, other = pool.schools.loc[pairs["school"]], pool.schools.loc[pairs["comparison"]]
    for name in ("rwm_expected 2016", "rwm_expected 2017"):
        assert np.abs(own[name].to_numpy() - other[name].to_numpy()).max() <= 3.0
    # the same pairs as a search of every candidate of some schools, one by one
    everyone = pool.schools[~pool.schools.index.isin(small.barred)]
    scaled = positions(pool.schools[list(pool.scales.index)])
    scaled = scaled / pool.scales["spread"] * pool.scales["weight"]
    for school in [*small.members["closing-the-gap"][:6], *pool.schools.index[::150]]:
        if school not in pool.schools.index:
            continue
        mine = pool.schools.loc[school]
        fit = everyone[
            (everyone["la"] != mine["la"])
            & (everyone[list(RULE.exact)] == mine[list(RULE.exact)]).all(axis=1)
            & ((everyone["rwm_expected 2016"] - mine["rwm_expected 2016"]).abs() <= 3.0)
            & ((everyone["rwm_expected 2017"] - mine["rwm_expected 2017"]).abs() <= 3.0)
        ]
        away = ((scaled.loc[fit.index] - scaled.loc[school]) ** 2).sum(axis=1) ** 0.5
        nearest = away.round(9).sort_values(kind="stable").index[:5].tolist()
        nearest = nearest if len(nearest) >= 3 else []  # too few are none
        assert pairs.loc[pairs["school"] == school, "comparison"].tolist() == nearest


def row_of_schools(*places: float) -> Pool:
    """Schools in a row: the first in authority 1, the others in authority 2."""
    la = [1, *[2] * (len(places) - 1)]
    return made_up_pool([(at, 0.0) for at in places], la, ["primary"] * len(places))


LINE = MatchRule(near=("rwm_expected",), exact=("school_type",), k=3)


def test_pairs_are_ranked_from_one_and_each_has_its_distance() -> None:
    pool = row_of_schools(0.0, 2.0, 1.0, 4.0, 8.0)
    match = match_schools(pool, LINE, PoolRule())
    first = pool.schools.index[0]
    pairs = match.pairs([first])
    assert pairs["school"].tolist() == [first] * 3 and pairs["rank"].tolist() == [1, 2, 3]
    assert pairs["comparison"].tolist() == [first + 2, first + 1, first + 3]
    assert pairs["distance"].tolist() == [1.0, 2.0, 4.0]
    six = match_schools(pool, LINE.model_copy(update={"k": 6}), PoolRule())
    assert six.places[0].tolist() == [2, 1, 3, 4, -1, -1] and np.isnan(six.distances[0, 4:]).all()
    assert match.pairs([first + 4]).empty  # the only other authority has one school


def test_who_serves_is_listed_once_and_only_with_a_result() -> None:
    pool = row_of_schools(0.0, 2.0, 1.0, 4.0, 8.0)
    match = match_schools(pool, LINE, PoolRule())
    first = pool.schools.index[0]
    results = pd.Series({first + 1: 50.0, first + 2: np.nan, first + 3: 60.0, first + 4: 70.0})
    assert match.serving([first], results).tolist() == [first + 1, first + 3]
    assert match.serving([first + 4], results).empty


@pytest.mark.parametrize("k", [1, 2, 5])
def test_of_many_just_as_near_the_lowest_numbers_are_taken(k: int) -> None:
    ring = [(a, b) for a in range(-5, 6) for b in range(-5, 6) if a * a + b * b == 25]
    points = [(0.0, 0.0), *((float(a), float(b)) for a, b in np.tile(ring, (5, 1)))]
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(points) - 1) + 1
        pool = made_up_pool([points[0], *(points[n] for n in order)], [1] + [2] * len(order),
                            ["primary"] * len(points))  # fmt: skip
        match = match_schools(pool, LINE.model_copy(update={"k": k}), PoolRule())
        assert match.places[0].tolist() == [*range(1, k + 1)]


def test_a_caliper_holds_whoever_is_just_as_far_and_nobody_further() -> None:
    pool = row_of_schools(0.0, 1.0, 2.0, 3.0, 3.5)
    first = pool.schools.index[0]
    for change in ({"caliper": 3.0}, {"calipers": {"rwm_expected": 3.0}}):
        rule = LINE.model_copy(update={**change, "k": 4})
        match = match_schools(pool, rule, PoolRule())
        assert match.pairs([first])["comparison"].tolist() == [first + 1, first + 2, first + 3]
        tight = {name: 2.9 if name == "caliper" else {"rwm_expected": 2.9} for name in change}
        tight = match_schools(pool, rule.model_copy(update=tight), PoolRule())
        assert tight.unmatched.loc[first, "reason"] == "fewer than 3 alike within the caliper"


def test_a_match_is_narrowed_to_the_nearest_and_to_a_caliper() -> None:
    pool = row_of_schools(0.0, 1.0, 2.0, 3.0, 3.5)
    first = pool.schools.index[0]
    wide = match_schools(pool, LINE.model_copy(update={"k": 4}), PoolRule())
    assert wide.places[0].tolist() == [1, 2, 3, 4]
    assert narrow(wide, LINE).places[0].tolist() == [1, 2, 3]
    near = narrow(wide, LINE.model_copy(update={"k": 4, "caliper": 3.2}))
    assert near.places[0].tolist() == [1, 2, 3, -1] and np.isnan(near.distances[0, 3])
    none = narrow(wide, LINE.model_copy(update={"k": 4, "caliper": 0.5}))
    assert none.unmatched.loc[first, "reason"] == "none alike within the caliper"
    assert (none.places == -1).all() and wide.places[0].tolist() == [1, 2, 3, 4]


def test_schools_that_a_programme_excludes_are_never_compared_with() -> None:
    pool = row_of_schools(0.0, 1.0, 2.0, 3.0, 4.0)
    first = int(pool.schools.index[0])
    match = match_schools(pool, LINE, PoolRule(exclude=(first + 2,)))
    assert match.pairs([first])["comparison"].tolist() == [first + 1, first + 3, first + 4]


def test_neighbours_that_are_nowhere_listed_are_asked_for() -> None:
    pool = row_of_schools(0.0, 1.0, 2.0, 3.0)
    with pytest.raises(DesignError, match="list the neighbours' codes"):
        match_schools(pool, LINE, PoolRule(neighbours=True))
    listed = match_schools(pool, LINE, PoolRule(neighbours=True, authorities=(200,)))
    assert listed.pairs().empty  # there is no such authority
    assert len(match_schools(pool, LINE, PoolRule(neighbours=(200,))).pairs()) == 3


def test_pairs_of_a_school_that_is_not_in_the_pool_are_refused() -> None:
    pool = row_of_schools(0.0, 1.0, 2.0, 3.0)
    match = match_schools(pool, LINE, PoolRule())
    for side in ("school", "comparison"):
        wrong = match.pairs().assign(**{side: 999_999})
        with pytest.raises(DesignError, match="not in the pool"):
            take_up(wrong, match.schools, LINE, match.unmatched)
    swapped = match.pairs().assign(rank=[3, 2, 1])
    taken = take_up(swapped, match.schools, LINE, match.unmatched)
    assert taken.places[0].tolist() == [3, 2, 1] and taken.distances[0].tolist() == [3.0, 2.0, 1.0]
    first = swapped.assign(school=pool.schools.index[1], comparison=pool.schools.index[0])
    taken = take_up(first.iloc[:1], match.schools, LINE, match.unmatched)
    assert taken.places[1].tolist() == [-1, -1, 0]


def test_a_caliper_on_something_not_matched_on_is_refused() -> None:
    with pytest.raises(ValueError, match="`calipers`: absence is not in `near`"):
        MatchRule(near=("rwm_expected",), calipers={"absence": 1.0})

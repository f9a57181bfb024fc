"""Check rows as other evaluators make them: their figures, and a reason wherever there is none."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pepstats.errors import DesignError
from pepstats.matching import nearest
from pepstats.matching.pool import MatchBasis, before_start, find_pool
from pepstats.robustness import checks, methods, sensitivity
from pepstats.settings.programme import MatchRule, PoolRule
from tests import reference
from tests.worlds import small_england


def made_up(
    seed: int = 1, members: int = 6, others: int = 20, years: tuple[int, ...] = (2016, 2017, 2018),
    effect: float = 0.0,
) -> pd.DataFrame:  # fmt: skip
    rng = np.random.default_rng(seed)
    schools = np.arange(members + others) + 100
    own = rng.normal(60, 8, len(schools))
    rows = [
        (s, y, own[i] + rng.normal(0, 3) + effect * (i < members and y >= 2018), i < members)
        for i, s in enumerate(schools)
        for y in years
    ]
    frame = pd.DataFrame(rows, columns=["school", "year", "value", "member"])
    return frame.assign(weight=np.where(frame["member"], 1.0, members / others))


# Peers' figures -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("covariates", "key"), [([], "nocov_dr_never"), (["lpop"], "lpop_dr_never")]
)
def test_doubly_robust_is_r_s_did(covariates: list[str], key: str) -> None:
    counties = reference.table("b_mpdta/mpdta.csv.xz").rename(
        columns={"countyreal": "school", "lemp": "value", "first.treat": "starts"}
    )
    counties["member"] = counties["starts"] > 0
    row = methods.compare_doubly_robust(counties, starts=2004, covariates=covariates)
    theirs = reference.figures("b_mpdta/expected_did.json")[key]["simple"]
    assert row.estimate == pytest.approx(theirs["att"], abs=1e-6)  # -.0399513; -.0417518
    se = (row.high - row.low) / 2 / 1.959963985
    assert se == pytest.approx(theirs["se"], abs=1e-6)  # .0120340; .0115028
    assert (row.n_schools, row.n_comparison) == (191, 309)


def test_matched_differences_are_clubsandwich_s() -> None:
    panel = reference.table("e_clubsandwich/school_panel.csv").rename(columns={"y": "value"})
    panel = panel.assign(member=panel["treat"].eq(1), weight=1.0)
    row = methods.compare_matched(panel, starts=2020)
    figures = reference.figures("e_clubsandwich/expected_clubsandwich.json")
    theirs = figures["panel_2x2_cluster_school"]["CR2"]
    assert row.estimate == pytest.approx(theirs["beta"][3], abs=1e-6)
    assert row.p == pytest.approx(theirs["p_satt"][3], abs=1e-6)
    study = methods.study_years(panel, starts=2020)
    theirs = reference.figures("e_clubsandwich/expected_clubsandwich.json")[
        "event_study_CR2_school"
    ]
    np.testing.assert_allclose(study.table["estimate"], theirs["beta"], atol=1e-6)
    np.testing.assert_allclose(study.table["se"], theirs["se"], atol=1e-6)


def test_matched_differences_are_diff_diff_s_where_schools_count_alike() -> None:
    from diff_diff import DifferenceInDifferences

    frame = made_up().assign(weight=1.0)
    plain = frame.assign(m=frame["member"].astype(int), after=(frame["year"] >= 2018).astype(int))
    theirs = DifferenceInDifferences(cluster="school", vcov_type="hc2_bm").fit(
        plain, outcome="value", treatment="m", post="after"
    )
    row = methods.compare_matched(frame, starts=2018)
    assert row.estimate == pytest.approx(theirs.att)
    assert row.p == pytest.approx(theirs.p_value, abs=1e-9)


# What they promise --------------------------------------------------------------------------------


@settings(deadline=None, derandomize=True, max_examples=20)
@given(st.integers(0, 10_000), st.floats(-20, 20))
def test_an_added_effect_moves_every_estimate_by_just_that(seed: int, effect: float) -> None:
    without, having = made_up(seed), made_up(seed, effect=effect)
    for compare in (methods.compare_matched, methods.compare_doubly_robust):
        moved = compare(having, starts=2018).estimate - compare(without, starts=2018).estimate
        assert moved == pytest.approx(effect, abs=1e-7)
    study = methods.study_years(having, starts=2018)
    assert study.table.loc[2016, "estimate"] == pytest.approx(
        methods.study_years(without, starts=2018).table.loc[2016, "estimate"]
    )


def test_synthetic_differences_find_an_added_effect_and_repeat_themselves() -> None:
    rows = [
        methods.compare_synthetic(
            made_up(3, effect=10.0), starts=2018, rng=np.random.default_rng(5), draws=30
        )
        for _ in range(2)
    ]
    assert rows[0] == rows[1]
    assert rows[0].low < 10.0 < rows[0].high and rows[0].p < 0.1


def test_a_row_has_the_columns_of_the_table_of_checks() -> None:
    row = methods.compare_matched(made_up(), starts=2018).tidy()
    columns = ["check", "estimate", "low", "high", "p", "n_schools", "n_comparison", "note"]
    assert (
        list(row.columns) == ["kind", *columns, "detail"]
        and "degrees of freedom" in row["note"].iloc[0]
    )
    check = checks.Check(
        "a method", "method", lambda _: methods.compare_matched(made_up(members=1), starts=2018)
    )
    refused = check.try_on(None).tidy().iloc[0]  # its frame needs no headline
    assert refused["note"].startswith("cannot be made: 1 members and 20")
    assert refused["check"] == "a method" and np.isnan(refused["estimate"])


def test_drift_is_allowed_for() -> None:
    study = methods.study_years(made_up(2, effect=12.0), starts=2018)
    found = sensitivity.allow_for_drift(study, rng=np.random.default_rng(1))
    assert list(found.columns) == ["low", "high"] and len(found) == 5
    none = found.loc[0]
    assert none["low"] < study.table.loc[2018, "estimate"] < none["high"]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda f: f[~f["member"] | (f["school"] == 100)], "1 members and 20 comparison schools"),
        (lambda f: f[f["member"] | (f["school"] == 110)], "6 members and 1 comparison schools"),
        (lambda f: f[f["member"]], "6 members and 0 comparison"),
        (lambda f: f.iloc[:0], "0 members and 0 comparison"),
    ],
)
def test_schools_that_cannot_be_compared_give_a_reason_and_no_number(spoil, words: str) -> None:
    frame = spoil(made_up())
    rng = np.random.default_rng(1)
    for compare in (
        methods.compare_matched, methods.compare_doubly_robust, methods.study_years,
        partial(methods.compare_synthetic, rng=rng),
    ):  # fmt: skip
        with pytest.raises(DesignError, match=words):
            compare(frame, starts=2018)


def test_reasons_of_one_check_alone() -> None:
    frame, rng = made_up(), np.random.default_rng(1)
    short = made_up(years=(2017, 2018))
    for words, ask in {
        r"more comparison schools \(6\)": lambda: methods.compare_synthetic(
            made_up(members=6, others=6), starts=2018, rng=rng
        ),
        "two years before": lambda: methods.compare_synthetic(short, starts=2018, rng=rng),
        "no spread": lambda: methods.compare_matched(
            frame.assign(value=frame["school"].astype(float)), starts=2018
        ),
        "a year before the reference": lambda: sensitivity.allow_for_drift(
            methods.study_years(short, starts=2018), rng=rng
        ),
        "years are missing": lambda: sensitivity.allow_for_drift(
            methods.study_years(made_up(years=(2014, 2016, 2018)), starts=2018), rng=rng
        ),
    }.items():
        with pytest.raises(DesignError, match=words):
            ask()


def test_a_covariate_that_is_the_same_in_every_school_changes_nothing() -> None:
    frame = made_up()
    flat = methods.compare_doubly_robust(frame.assign(rwm=60.0), starts=2018, covariates=["rwm"])
    plain = methods.compare_doubly_robust(frame, starts=2018)
    assert (flat.estimate, flat.low) == pytest.approx((plain.estimate, plain.low))


def test_twice_the_same_covariate_gives_a_number_or_a_reason_never_nonsense() -> None:
    rng = np.random.default_rng(1)
    frame = made_up(members=10, others=60)
    frame["rwm"] = frame["school"].map(dict(zip(range(100, 170), rng.normal(size=70), strict=True)))
    once = methods.compare_doubly_robust(frame, starts=2018, covariates=["rwm"])
    assert np.isfinite([once.estimate, once.low, once.high, once.p]).all()
    again = frame.assign(again=frame["rwm"] * 2)
    try:
        twice = methods.compare_doubly_robust(again, starts=2018, covariates=["rwm", "again"])
    except DesignError:
        return
    assert twice.estimate == pytest.approx(once.estimate, abs=1e-6)


# From the panel -----------------------------------------------------------------------------------


def test_the_frame_counts_comparison_schools_as_often_as_they_serve() -> None:
    small, rule = small_england(), MatchRule(near=("rwm_expected", "cohort"), k=5)
    members = small.members["closing-the-gap"]
    pool = find_pool(
        before_start(small.panel, 2018), small.register,
        MatchBasis(rule, "primary", ("rwm_expected",), (2016, 2017)), members=small.barred,
    )  # fmt: skip
    match = nearest.match_schools(pool, rule, PoolRule(), barred=small.barred)
    frame = methods.lay_out_frame(small.panel, "rwm_expected", [2018, 2016, 2017], members, match)
    assert frame["year"].unique().tolist() == [2016, 2017, 2018]
    assert frame["value"].notna().all() and not frame.duplicated(["school", "year"]).any()
    one = frame[frame["year"] == 2018]
    assert one.loc[~one["member"], "weight"].sum() == pytest.approx(one["member"].sum())
    pairs = match.pairs(set(one.loc[one["member"], "school"]))
    pairs = pairs[pairs["comparison"].isin(one["school"])]
    own = small.panel.wide("rwm_expected")[2018]
    by_pair = own[pairs["comparison"]].set_axis(pairs["school"]).groupby(level=0).mean()
    others = one[~one["member"]]
    weighted = np.average(others["value"], weights=others["weight"])
    assert weighted == pytest.approx(by_pair.mean())

    table = pool.schools[list(pool.scales.index)]
    table = table[~table.index.isin(set(small.barred) - set(members))]
    weights = methods.weigh_to_balance(table, [m for m in members if m in table.index])
    balanced = methods.lay_out_frame(
        small.panel, "rwm_expected", [2016, 2017, 2018], members, weights
    )
    before = balanced[balanced["year"] == 2017]
    means = before.groupby("member")[["value", "weight"]].apply(
        lambda g: np.average(g["value"], weights=g["weight"])
    )
    assert means[True] == pytest.approx(means[False], abs=0.5)  # but for schools lost in 2018
    assert np.isfinite(methods.compare_matched(balanced, starts=2018).estimate)


def test_a_year_that_no_school_has_leaves_an_empty_frame_and_a_reason() -> None:
    small = small_england()
    weights = pd.Series(1.0, index=small.register.index)
    frame = methods.lay_out_frame(small.panel, "rwm_expected", [2014, 2018], [], weights)
    assert frame.empty
    with pytest.raises(DesignError, match="0 members"):
        methods.compare_matched(frame, starts=2018)

"""The pool by known answers: who is left out and why, what is matched on, on which scale."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from pepstats.errors import DesignError
from pepstats.matching.nearest import match_schools
from pepstats.matching.pool import MatchBasis, Pool, find_pool, positions
from pepstats.settings.programme import MatchRule, PoolRule
from tests.made_up_panels import panel_of, register_of

RULE = MatchRule(near=("rwm_expected", "cohort"), k=1)
YEARS = (2016, 2017)
RWM = [50.0, 54.0, 60.0, 62.0, 71.0, 80.0]
COHORT = [10.0, 20.0, 30.0, 40.0, 60.0, 80.0]


def basis_of(outcome: str = "rwm_expected", years: Sequence[int] = YEARS) -> MatchBasis:
    return MatchBasis(RULE, "primary", (outcome,), tuple(years))


def cells_of(n: int = 6) -> dict[tuple[int, int], dict[str, float]]:
    """Results of n primary schools in two years: a year later each has three points more."""
    return {
        (100_001 + i, year): {"rwm_expected": RWM[i % 6] + i // 6 + 3.0 * later,
                              "cohort": COHORT[i % 6] + later}
        for i in range(n)
        for later, year in enumerate(YEARS)
    }  # fmt: skip


def pool_of(rows: dict, register: pd.DataFrame | None = None, reasons: dict | None = None) -> Pool:
    schools = sorted({school for school, _ in rows})
    found = register_of(schools) if register is None else register
    return find_pool(panel_of(rows, reasons), found, basis_of(), members=schools[:2])


def test_an_outcome_is_matched_on_in_every_year_and_all_else_in_the_last() -> None:
    assert basis_of().variables() == [
        ("rwm_expected", 2016), ("rwm_expected", 2017), ("cohort", 2017)
    ]  # fmt: skip
    three = basis_of(years=(2015, 2017, 2016)).variables()
    assert three == [*(("rwm_expected", year) for year in (2015, 2016, 2017)), ("cohort", 2017)]
    of_a_group = basis_of("rwm_expected.disadvantaged", (2017, 2016))
    assert of_a_group.variables() == basis_of().variables()  # all pupils stand for their group
    assert basis_of("maths_progress").variables() == [("rwm_expected", 2017), ("cohort", 2017)]


def test_each_variable_has_its_standard_deviation_and_other_things_count_half() -> None:
    scales = pool_of(cells_of()).scales
    assert scales.index.tolist() == ["rwm_expected 2016", "rwm_expected 2017", "cohort 2017"]
    assert scales["weight"].tolist() == [1.0, 1.0, 0.5]
    logs = np.log(np.array(COHORT) + 1)
    spread = [np.std(RWM, ddof=1), np.std(RWM, ddof=1), np.std(logs, ddof=1)]
    np.testing.assert_allclose(scales["spread"], spread)


def test_a_distance_is_in_weighted_standard_deviations_of_the_pool() -> None:
    rows = cells_of()
    pool = pool_of(rows, register_of(sorted({s for s, _ in rows}), la=[501, 502] * 3))
    match = match_schools(pool, RULE, PoolRule())
    first, other = match.schools[0], match.schools[match.places[0, 0]]
    apart = positions(pool.schools[list(pool.scales.index)]).loc[[first, other]].diff().iloc[1]
    parts = apart / pool.scales["spread"] * [1.0, 1.0, 0.5]
    assert match.distances[0, 0] == pytest.approx(np.sqrt((parts**2).sum()))


def test_counts_are_compared_as_logarithms_and_a_count_of_none_as_of_one() -> None:
    counts, results = [0.0, 1.0, 2.0, 20.0], [0.0, 1.0, 2.0, 3.0]
    found = positions(pd.DataFrame({"cohort 2017": counts, "rwm_expected 2017": results}))
    np.testing.assert_allclose(found["cohort 2017"], [0.0, 0.0, np.log(2), np.log(20)])
    assert found["rwm_expected 2017"].tolist() == results


@pytest.mark.parametrize(("known", "matched"), [(20, True), (19, True), (18, False)])
def test_what_pupils_brought_is_matched_on_where_nineteen_in_twenty_have_it(known, matched) -> None:
    rows = cells_of(20)
    for i, row in enumerate(rows.values()):
        row["prior_attainment"] = 15.0 + i % 3 if i // 2 < known else np.nan
    rows |= {(200_001 + i, year): {"rwm_expected": 40.0 + i} for i in range(9) for year in YEARS}
    phase = ["primary"] * 20 + ["secondary"] * 9  # schools of no account
    pool = pool_of(rows, register_of(sorted({school for school, _ in rows}), phase=phase))
    assert ("prior_attainment 2017" in pool.scales.index) == matched
    assert len(pool.schools) == (known if matched else 20)
    if known == 19:
        assert pool.left_out.loc[100_020, "reason"].startswith("no prior_attainment 2017: ")


def test_of_schools_without_a_result_nobody_asks_what_their_pupils_brought() -> None:
    rows = cells_of(20)
    for i, row in enumerate(rows.values()):
        row["prior_attainment"] = 15.0 + i % 3 if i // 2 < 15 else np.nan
        row["rwm_expected"] = row["rwm_expected"] if i // 2 < 15 else np.nan
    pool = pool_of(rows)
    assert "prior_attainment 2017" in pool.scales.index and len(pool.schools) == 15


def test_each_school_left_out_has_the_first_rule_that_did_it_and_the_flow_counts_them() -> None:
    rows = cells_of(12)
    schools = sorted({school for school, _ in rows})
    del rows[100_005, 2016], rows[100_005, 2017]
    rows[100_006, 2017]["rwm_expected"] = np.nan
    rows[100_002, 2016]["rwm_expected"] = np.nan
    register = register_of(schools, type="Community school", la=[501.0] * 12)
    register.loc[100_001, "phase"] = "secondary"
    register.loc[100_003, "la"] = 0.0
    register.loc[100_004, "la"] = np.nan
    register.loc[100_007, "school_type"] = "unknown"
    register.loc[100_008, "school_type"] = np.nan
    register.loc[100_009, "type"] = "Other Independent School"
    why = {(100_006, 2017, "rwm_expected"): "suppressed", (100_002, 2016, "rwm_expected"): "blank"}
    pool = pool_of(rows, register, why)
    assert pool.schools.index.tolist() == [100_010, 100_011, 100_012]
    assert pool.left_out["reason"].to_dict() == {
        100_001: "not a mainstream school with primary results",
        100_002: "no rwm_expected 2016: blank",
        100_003: "authority not known",
        100_004: "authority not known",
        100_005: "no rwm_expected 2016: not in the files",
        100_006: "no rwm_expected 2017: suppressed",
        100_007: "school_type not known",
        100_008: "school_type not known",
        100_009: "an independent school",
    }
    assert pool.flow.values.tolist() == [
        ["schools in the register", 0, 12, 2],
        ["not a mainstream school with primary results", 1, 11, 1],
        ["an independent school", 1, 10, 1],
        ["authority not known", 2, 8, 1],
        ["school_type not known", 2, 6, 1],
        ["no rwm_expected 2016: blank", 1, 5, 0],
        ["no rwm_expected 2016: not in the files", 1, 4, 0],
        ["no rwm_expected 2017: suppressed", 1, 3, 0],
    ]


def test_a_baseline_year_that_no_source_has_is_named() -> None:
    with pytest.raises(DesignError, match="has results of 2014, 2015. It has: 2016, 2017"):
        find_pool(panel_of(cells_of()), register_of([100_001]), basis_of(years=(2015, 2014, 2017)))


def test_results_of_the_last_baseline_year_may_be_seen_and_none_later() -> None:
    later = {(school, year + 1): row for (school, year), row in cells_of().items()}
    with pytest.raises(DesignError, match="cut the panel first"):
        find_pool(panel_of(cells_of() | later), register_of([100_001]), basis_of())


def test_differences_below_any_that_can_be_seen_are_none_and_small_ones_count() -> None:
    rows = cells_of()
    for i, row in enumerate(rows.values()):
        row["cohort"] = 30.0 + i * 1e-9
    with pytest.raises(DesignError, match="cohort 2017 is the same in every school"):
        pool_of(rows)
    for i, row in enumerate(rows.values()):
        row["cohort"] = 30.0 + i * 1e-4
    assert len(pool_of(rows).schools) == 6
    with pytest.raises(DesignError, match="is the same in every school"):
        pool_of({(s, y): cells_of()[100_001, y] for s in (100_001, 100_002) for y in YEARS})
    one = pool_of({key: row for key, row in cells_of().items() if key[0] == 100_001})
    assert len(one.schools) == 1  # of one school nothing can be the same in all


def test_a_school_of_no_phase_or_type_of_the_register_is_no_independent_one() -> None:
    rows = cells_of()
    register = register_of(sorted({school for school, _ in rows}), type=np.nan)
    assert len(pool_of(rows, register).schools) == 6

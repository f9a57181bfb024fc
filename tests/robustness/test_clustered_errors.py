"""Errors that run together within clusters: clubSandwich's figures, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pepstats.errors import DesignError
from pepstats.robustness.standard_errors import compare_means, fit_clustered
from tests import reference

FIGURES = "e_clubsandwich/expected_clubsandwich.json"


def two_by_two(panel: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {"constant": 1.0, "treat": panel["treat"], "post": panel["post"],
         "effect": panel["treat"] * panel["post"]}
    )  # fmt: skip


def dummies(column: pd.Series, prefix: str) -> pd.DataFrame:
    return pd.get_dummies(column, prefix=prefix, dtype=float)


def hold(table: pd.DataFrame, theirs: dict) -> None:
    for ours, name in (("estimate", "beta"), ("se", "se"), ("df", "df_satt"), ("p", "p_satt")):
        np.testing.assert_allclose(table[ours], theirs[name], rtol=1e-8, atol=1e-11)


@pytest.mark.parametrize("cluster", ["school", "set"])
def test_cr2_and_satterthwaite_are_clubsandwich_s(cluster: str) -> None:
    panel = reference.table("e_clubsandwich/school_panel.csv")
    design = two_by_two(panel)
    table, covariance = fit_clustered(design, panel["y"], panel[cluster], of=list(design))
    theirs = reference.figures(FIGURES)[f"panel_2x2_cluster_{cluster}"]["CR2"]
    hold(table, theirs)  # by school: 1.149630, CR2 1.152621, df 29.182, p .326767
    np.testing.assert_allclose(covariance, theirs["vcov"], atol=1e-11)


@pytest.mark.parametrize("cluster", ["school", "set"])
def test_school_and_year_effects_change_nothing_in_a_balanced_panel(cluster: str) -> None:
    panel = reference.table("e_clubsandwich/school_panel.csv")
    design = pd.concat(
        [two_by_two(panel)[["effect"]], dummies(panel["school"], "s"), dummies(panel["year"], "y")],
        axis=1,
    )
    table, _ = fit_clustered(design, panel["y"], panel[cluster], of=["effect"])
    theirs = reference.figures(FIGURES)[f"panel_twfe_cluster_{cluster}"]["CR2"]
    hold(table, {name: [value] for name, value in theirs.items() if name != "coef"})


@pytest.mark.parametrize("weighted", [False, True])
def test_the_drinking_age_panel_is_clubsandwich_s_with_and_without_weights(weighted: bool) -> None:
    deaths = reference.table("e_clubsandwich/mortality_mv.csv.xz")
    design = pd.concat(
        [
            deaths[["legal", "beertaxa"]],
            dummies(deaths["state"], "s"),
            dummies(deaths["year"], "y"),
        ],
        axis=1,
    )
    table, _ = fit_clustered(
        design, deaths["mrate"], deaths["state"], of=["legal", "beertaxa"],
        weights=deaths["pop"].astype(float) if weighted else None,
    )  # fmt: skip
    hold(table, reference.figures(FIGURES)[f"mlda_{'' if weighted else 'un'}weighted"]["CR2"])


def test_an_event_study_s_errors_are_clubsandwich_s() -> None:
    panel = reference.table("e_clubsandwich/school_panel.csv")
    design = pd.DataFrame({"constant": 1.0, "treat": panel["treat"]})
    for year in (2017, 2018, 2020, 2021, 2022):
        design[f"y{year}"] = (panel["year"] == year).astype(float)
        design[f"ET{year}"] = design[f"y{year}"] * panel["treat"]
    names = [c for c in design if c.startswith("ET")]
    table, _ = fit_clustered(design, panel["y"], panel["school"], of=names)
    theirs = reference.figures(FIGURES)["event_study_CR2_school"]
    np.testing.assert_allclose(table["se"], theirs["se"], atol=1e-10)
    np.testing.assert_allclose(table["p"], theirs["p"], atol=1e-10)


def made_up(seed: int, clusters: int = 8) -> tuple[pd.DataFrame, pd.Series, pd.Series]:
    rng = np.random.default_rng(seed)
    cluster = pd.Series(np.repeat(np.arange(clusters), 4))
    design = pd.DataFrame({"constant": 1.0, "x": (cluster >= clusters / 2).astype(float),
                           "z": rng.normal(size=len(cluster))})  # fmt: skip
    y = pd.Series(rng.normal(size=len(cluster)) + rng.normal(size=clusters)[cluster])
    return design, y, cluster


@settings(deadline=None, derandomize=True, max_examples=25)
@given(st.integers(0, 10_000))
def test_order_of_rows_and_scale_of_weights_change_nothing(seed: int) -> None:
    design, y, cluster = made_up(seed)
    found, _ = fit_clustered(design, y, cluster, of=["x"])
    order = np.random.default_rng(seed).permutation(len(y))
    again, _ = fit_clustered(
        design.iloc[order], y.iloc[order], cluster.iloc[order], of=["x"],
        weights=pd.Series(3.0, index=design.index[order]),
    )  # fmt: skip
    pd.testing.assert_frame_equal(found, again, rtol=1e-7)


def test_with_nothing_running_together_it_is_welch_s_t() -> None:
    rng = np.random.default_rng(1)
    y = pd.Series(rng.normal(size=20))
    side = pd.Series([1.0] * 6 + [0.0] * 14)
    design = pd.DataFrame({"constant": 1.0, "x": side})
    table, _ = fit_clustered(design, y, pd.Series(range(20)), of=["x"])
    from scipy.stats import ttest_ind

    welch = ttest_ind(y[:6], y[6:], equal_var=False)
    assert table.loc["x", "estimate"] / table.loc["x", "se"] == pytest.approx(welch.statistic)


def test_a_regression_too_large_for_the_memory_is_refused() -> None:
    big = pd.DataFrame({"x": np.arange(10_000.0)})
    with pytest.raises(DesignError, match="too many for a check"):
        fit_clustered(big, big["x"], pd.Series(np.arange(10_000)), of=["x"])


def test_a_column_that_repeats_another_is_no_matter_when_it_is_not_asked_about() -> None:
    design, y, cluster = made_up(1)
    plain, _ = fit_clustered(design, y, cluster, of=["x"])
    doubled, _ = fit_clustered(design.assign(again=design["z"] * 2), y, cluster, of=["x"])
    pd.testing.assert_frame_equal(plain, doubled, rtol=1e-8)


def test_outcomes_without_spread_have_no_interval() -> None:
    design, y, cluster = made_up(1)
    table, _ = fit_clustered(design, y * 0 + 3, cluster, of=["x"])
    assert table.loc["x", "estimate"] == pytest.approx(0, abs=1e-12)
    assert table.loc["x", ["se", "low", "high", "p"]].isna().all()


@settings(deadline=None, derandomize=True, max_examples=25)
@given(st.integers(0, 10_000), st.booleans())
def test_means_of_schools_are_the_regression_s_without_its_square_tables(
    seed: int, weighted: bool
) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(6, 40))
    member, y = pd.Series(np.arange(n) < 3), pd.Series(rng.normal(size=n))
    w = pd.Series(rng.random(n) + 0.1 if weighted else np.ones(n))
    design = pd.DataFrame({"constant": 1.0, "member": member.astype(float)})
    table, _ = fit_clustered(design, y, pd.Series(range(n)), of=["member"], weights=w)
    means = compare_means(y, member, w)
    np.testing.assert_allclose(means, table.iloc[0], rtol=1e-8)


def test_means_without_spread_have_no_interval() -> None:
    y, member = pd.Series([0.0] * 4), pd.Series([True, True, False, False])
    flat = compare_means(y, member, y + 1)
    assert flat[["se", "low", "high", "p"]].isna().all()

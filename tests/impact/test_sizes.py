"""Sizes: peers' figures, the pupils' own spread recovered, and never a size on the wrong scale."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pepstats import measures
from pepstats.errors import DesignError
from pepstats.impact import effect_sizes as sizes
from pepstats.schools.panel import Panel
from tests import reference
from tests.worlds import SHARED

REAL = SHARED / "real" / "ks2"


def panel_of(columns: dict[str, np.ndarray], year: int = 2018) -> Panel:
    n = len(next(iter(columns.values())))
    index = pd.MultiIndex.from_product([range(100, 100 + n), [year]], names=["school", "year"])
    values = pd.DataFrame(columns, index=index, dtype=float)
    reasons = pd.DataFrame(np.nan, index=index, columns=values.columns).astype("str")
    releases = pd.DataFrame("final", index=pd.Index([year], name="year"), columns=values.columns)
    return Panel(values, reasons, releases)


# Hedges' g ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("df", "exact"),  # R metafor 3.8.1, escalc
    [(5, 0.84074868246), (10, 0.92274560805), (17, 0.95511150561), (34, 0.97775018026),
     (70, 0.98924086767), (98, 0.99232408742)],
)  # fmt: skip
def test_the_small_sample_factor_is_the_exact_one(df: int, exact: float) -> None:
    assert sizes.correct_small(df) == pytest.approx(exact, abs=1e-11)
    assert sizes.correct_small(df) == pytest.approx(1 - 3 / (4 * df - 1), abs=2e-3)


def test_hedges_g_is_metafor_s_on_borenstein_s_example() -> None:
    # Borenstein and others (2009), chapter 4: 103 (5.5, n 50) against 100 (4.5, n 50); published
    # g 0.5924
    assert sizes.hedges_g(3.0, 5.5, 50, 4.5, 50)[0] == pytest.approx(0.59243962303, abs=1e-10)
    few, _ = sizes.hedges_g(62.1 - 57.3, 11.2, 18, 12.4, 54)
    assert few == pytest.approx(0.39179471731, abs=1e-10)


def test_hedges_g_is_metafor_s_on_normand_s_nine_studies() -> None:
    studies = reference.table("i_hedges/dat_normand1999_smd.csv")
    for row in studies.itertuples():
        found, _ = sizes.hedges_g(row.m1i - row.m2i, row.sd1i, row.n1i, row.sd2i, row.n2i)
        assert found == pytest.approx(row.yi, abs=1e-12)


@pytest.mark.parametrize(
    ("args", "words"),
    [((1.0, 2.0, 1, 2.0, 50), "too few"), ((1.0, 2.0, 9, 2.0, 0), "too few"),
     ((1.0, 0.0, 9, 0.0, 9), "no spread"), ((np.nan, 2.0, 9, 2.0, 9), "no difference"),
     ((1.0, np.nan, 9, 2.0, 9), "no spread")],
)  # fmt: skip
def test_groups_without_a_spread_have_no_size(args, words: str) -> None:
    found, why = sizes.hedges_g(*args)
    assert words in why and np.isnan(found)


# The pupils' own spread ---------------------------------------------------------------------------


def made_up(sd: float, n: int = 60, seed: int = 1) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    cohort = rng.integers(15, 100, n).astype(float)
    score, half = rng.normal(0, 2, n), 1.96 * sd / np.sqrt(cohort * 0.95)
    return {
        "reading_progress": score.round(1), "reading_progress_lower": (score - half).round(1),
        "reading_progress_upper": (score + half).round(1), "cohort": cohort,
        "reading_coverage": np.full(n, 95.0),
    }  # fmt: skip


@settings(deadline=None, derandomize=True, max_examples=30)
@given(st.floats(4.0, 8.0), st.integers(0, 1000))
def test_the_spread_behind_rounded_limits_is_found(sd: float, seed: int) -> None:
    found = sizes.recover_pupil_spread(panel_of(made_up(sd, seed=seed)), "reading_progress", 2018)
    assert found.sd == pytest.approx(sd, rel=0.02) and not found.reason


@pytest.mark.skipif(not REAL.is_dir(), reason="no published files beside the project")
@pytest.mark.parametrize(
    ("file", "year", "published"),
    [  # national standard deviations, as FFT's tables print them
        ("2016-2017_{}_ks2final.csv", 2017, (6.2246, 6.0473, 5.6229)),
        ("2017-2018_{}_ks2final.csv", 2018, (5.9912, 5.7384, 5.4322)),
        ("2018-2019_{}_ks2final.csv", 2019, (6.1736, 5.6941, 5.3899)),
    ],
)
def test_real_limits_give_the_national_spread_back(file: str, year: int, published) -> None:
    raw = pd.concat(
        pd.read_csv(REAL / file.format(la), dtype=str, encoding="utf-8-sig") for la in (850, 936)
    )
    raw = raw[raw["RECTYPE"] == "1"]
    wanted = ("cohort", *(f"{s}_{e}" for s in ("reading", "writing", "maths")
              for e in ("progress_lower", "progress_upper", "coverage")))  # fmt: skip
    columns = {
        name: pd.to_numeric(
            raw[measures.MEASURES[name].column].str.removesuffix("%"), errors="coerce"
        )
        for name in wanted
    }
    panel = panel_of({name: c.to_numpy() for name, c in columns.items()}, year)
    for subject, sd in zip(("reading", "writing", "maths"), published, strict=True):
        found = sizes.recover_pupil_spread(panel, f"{subject}_progress", year)
        assert found.n_schools > 300
        assert found.sd == pytest.approx(sd, rel=0.005)


def test_a_spread_that_cannot_be_found_gives_a_reason() -> None:
    columns, find = made_up(6.0), sizes.recover_pupil_spread
    assert "no limits are published" in find(panel_of(columns), "rwm_expected", 2018).reason
    without = {k: v for k, v in columns.items() if "upper" not in k}
    assert "no source of this study has" in find(panel_of(without), "reading_progress", 2018).reason
    assert "has 2019" in find(panel_of(columns), "reading_progress", 2019).reason
    hidden = {k: np.where(k == "cohort", v, np.nan) for k, v in columns.items()}
    assert "0 schools have limits" in find(panel_of(hidden), "reading_progress", 2018).reason
    small = columns | {"cohort": np.full(60, 9.0)}
    assert "0 schools have limits" in find(panel_of(small), "reading_progress", 2018).reason
    wild = columns | {"cohort": np.geomspace(12, 4000, 60)}
    found = find(panel_of(wild), "reading_progress", 2018)
    assert "not one spread" in found.reason and np.isnan(found.sd)


# By outcome ---------------------------------------------------------------------------------------


def ask(outcome: str, panel: Panel, comparison: float = 60.0) -> sizes.Size:
    ruler = sizes.find_ruler(outcome, panel=panel, year=2018, comparison=comparison)
    return ruler(3.0, -1.0, 7.0)


def test_a_percentage_is_sized_by_its_log_odds() -> None:
    found = ask("rwm_expected", panel_of(made_up(6.0)))
    logit = [np.log(p / (1 - p)) for p in (0.60, 0.63, 0.59, 0.67)]
    ends = (np.array(logit[1:]) - logit[0]) / 1.65
    assert (found.d, found.low, found.high) == pytest.approx(tuple(ends))
    assert found.d == pytest.approx(0.077, abs=5e-4)
    group = ask("rwm_expected.disadvantaged", panel_of(made_up(6.0)))
    assert group.d == pytest.approx(found.d)


@settings(deadline=None, derandomize=True, max_examples=50)
@given(st.floats(0, 100), st.floats(-30, 30), st.floats(0, 30))
def test_a_percentage_s_size_is_in_order_or_has_a_reason(
    comparison: float, estimate: float, width: float
) -> None:
    found = sizes.size_of_share(estimate, estimate - width, estimate + width, comparison=comparison)
    if found.reason:
        assert np.isnan([found.d, found.low, found.high]).all()
        ends = comparison + np.array([0, estimate, -width + estimate, estimate + width])
        assert (ends <= 0).any() or (ends >= 100).any()
    else:
        assert found.low <= found.d <= found.high
        assert np.sign(found.d) == np.sign(estimate) or abs(estimate) < 1e-9


def test_a_progress_score_is_sized_by_the_recovered_spread() -> None:
    found = ask("reading_progress", panel_of(made_up(6.0)))
    assert found.d == pytest.approx(0.5, rel=0.02)
    assert (found.low, found.high) == pytest.approx((-found.d / 3, found.d * 7 / 3))
    assert "standard deviation of 5.98" in found.how


def test_what_has_no_pupils_spread_is_refused() -> None:
    panel = panel_of(made_up(6.0))
    for outcome, words in (
        ("reading_score", "no spread between pupils is published"),
        ("attainment8", "no spread between pupils is published"),
        ("absence", "not an attainment outcome"),
        ("ebacc_entry", "not an attainment outcome"),
        ("cohort", "not an attainment outcome"),
        ("progress8", "no source of this study has"),
    ):
        found = ask(outcome, panel)
        assert words in found.reason and np.isnan(found.d)
    assert "beyond 0 or 100" in ask("rwm_expected", panel, comparison=95.0).reason
    assert "no estimate" in ask("rwm_expected", panel, comparison=float("nan")).reason
    with pytest.raises(DesignError, match="no measure is called"):
        ask("rwm", panel)
    missing = sizes.size_by_spread(
        np.nan, 1, 2, sizes.recover_pupil_spread(panel, "reading_progress", 2018)
    )
    assert "no estimate" in missing.reason


def test_attainment_is_told_from_everything_else() -> None:
    yes = ["rwm_expected", "maths_higher.boys", "reading_score", "writing_progress", "attainment8",
           "progress8", "basics_95.disadvantaged", "progress8_unadjusted"]  # fmt: skip
    no = ["absence", "persistent_absence", "cohort", "disadvantaged", "reading_coverage", "roll",
          "ebacc_entry", "reading_progress_lower", "prior_attainment", "no such"]  # fmt: skip
    assert all(map(sizes.is_attainment, yes)) and not any(map(sizes.is_attainment, no))


def test_limits_not_yet_published_are_taken_from_the_year_before() -> None:
    before, now = made_up(6.0), made_up(6.0)
    now = {k: np.full(60, np.nan) if "per" in k or "low" in k else v for k, v in now.items()}
    parts = [panel_of(before, 2017), panel_of(now, 2018)]
    panel = Panel(*(pd.concat([getattr(p, part) for p in parts])
                    for part in ("values", "reasons", "releases")))  # fmt: skip
    found = ask("reading_progress", panel)
    assert found.d == pytest.approx(0.5, rel=0.02) and found.how.endswith("schools in 2017")


def test_scores_published_without_limits_are_sized_by_england_s_own_spread() -> None:
    bare = {"maths_progress": np.zeros(60), "cohort": np.full(60, 30.0)}
    found = ask("maths_progress", panel_of(bare))
    assert found.d == pytest.approx(3.0 / 5.4322)
    assert found.how.endswith("of 5.43, published for England in 2018")
    assert sizes.latest_spread(panel_of(bare, 2023), "maths_progress", 2023).year == 2019
    assert "no source of this study has" in ask("progress8", panel_of(bare)).reason


def test_five_schools_limits_are_the_fewest_that_tell_the_pupils_spread() -> None:
    for n in (4, 5):
        found = sizes.recover_pupil_spread(panel_of(made_up(6.0, n)), "reading_progress", 2018)
        assert (found.n_schools, np.isnan(found.sd)) == ((0, True) if n == 4 else (5, False))
        assert found.reason == ("4 schools have limits for `reading_progress` in 2018" * (n == 4))

"""What a programme's settings and files can get wrong: a message or a stated limit, never nonsense.

The list of issue 5: no baseline year, a member in the pool, constant covariates, collinear ones,
all comparison schools suppressed, one member left, 10,000 members.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from pepstats.errors import DesignError
from pepstats.impact import design, evaluate
from pepstats.robustness import checks, choices, headline
from pepstats.robustness.headline import Headline
from pepstats.schools.panel import Panel
from pepstats.settings.programme import MatchRule, PlaceboRule, PoolRule, Programme, load_programme
from tests.worlds import ROOT, YEAR, Small, small_england

SLUG = "closing-the-gap"


def programme_of(small: Small, **changes: object) -> Programme:
    few = {"placebo": PlaceboRule(draws=199), **changes}
    return small.programmes[SLUG].model_copy(update=few)


def set_up(small: Small, programme: Programme, schools: list[int] | None = None) -> Headline:
    """Take a programme through design and estimate to what its checks are made on."""
    listed = small.members[SLUG] if schools is None else schools
    drawn = design.design_comparison(programme, small.panel, small.register, listed, small.barred)
    members = pd.DataFrame(
        {"dose": np.nan, "also_in": 0}, index=pd.Index(sorted(listed), name="school")
    )
    inputs = design.Inputs(small.panel, small.register, YEAR, members)
    return headline.make_headline(evaluate.evaluate_design(programme, drawn, inputs))


def suppressed(panel: Panel, values: pd.DataFrame) -> Panel:
    reasons = panel.reasons.mask(values.isna() & panel.values.notna(), "suppressed")
    return Panel(values, reasons, panel.releases)


def hide(small: Small, schools: pd.Index | list[int], year: int = YEAR) -> Small:
    """Suppress the primary outcome of some schools in a year."""
    values = small.panel.values.copy()
    at = values.index.get_level_values("school").isin(list(schools)) & (
        values.index.get_level_values("year") == year
    )
    values.loc[at, "rwm_expected"] = np.nan
    return replace(small, panel=suppressed(small.panel, values))


def sound(table: pd.DataFrame) -> None:
    """Hold a table of checks to what it promises: a whole row of figures, or a reason."""
    known = table["estimate"].notna()
    assert np.isfinite(table.loc[known, ["estimate", "low", "high"]].to_numpy(float)).all()
    assert table.loc[~known, "note"].str.startswith("cannot be made: ").all()
    assert not table["note"].str.contains("Traceback|Error|NaN|nan").any()


# No baseline year --------------------------------------------------------------------------------


def test_a_programme_without_a_baseline_year_is_refused_by_its_file_and_key(tmp_path: Path) -> None:
    settings = yaml.safe_load((ROOT / "data" / "programmes" / f"{SLUG}.yml").read_text("utf-8"))
    (tmp_path / "programmes").mkdir()
    path = tmp_path / "programmes" / f"{SLUG}.yml"
    for said, named in (({"baseline": []}, "`baseline`"), ({}, "missing key `baseline`")):
        text = {k: v for k, v in settings.items() if k != "baseline"} | said
        path.write_text(yaml.safe_dump(text), "utf-8")
        with pytest.raises(DesignError, match=named) as caught:
            load_programme(SLUG, tmp_path)
        assert str(path) in str(caught.value)


def test_a_baseline_year_that_no_source_has_is_named() -> None:
    small = small_england()
    with pytest.raises(DesignError, match="2014"):
        set_up(small, programme_of(small, baseline=(2014, 2017)))


# A member in the pool ----------------------------------------------------------------------------


def test_a_member_is_never_a_comparison_school_in_any_check() -> None:
    small = small_england()
    setting = set_up(small, programme_of(small))
    for choice in choices.list_comparisons(setting):
        if not choice.why_not:
            _, match = choices.match_again(choice, setting)
            used = match.schools[match.places[match.places >= 0]]
            assert not set(used) & set(small.barred), choice.check


def test_a_pool_of_the_programme_s_own_authority_leaves_none_to_compare_with() -> None:
    small = small_england()
    home = int(small.register.loc[small.members[SLUG][0], "la"])
    with pytest.raises(DesignError, match="18 to none alike elsewhere"):
        set_up(small, programme_of(small, pool=PoolRule(authorities=(home,))))


# Covariates --------------------------------------------------------------------------------------


def test_a_covariate_that_is_the_same_everywhere_is_refused_by_name() -> None:
    small = small_england()
    values = small.panel.values.copy()
    values["cohort"] = 30.0
    with pytest.raises(DesignError, match="cohort 2017 is the same in every school"):
        set_up(replace(small, panel=suppressed(small.panel, values)), programme_of(small))


def test_collinear_covariates_leave_every_check_with_a_figure_or_a_reason() -> None:
    small = small_england()
    values = small.panel.values.copy()
    values["rwm_higher"] = values["rwm_expected"] / 2 + 1
    reasons = small.panel.reasons.assign(rwm_higher=small.panel.reasons["rwm_expected"])
    releases = small.panel.releases.assign(rwm_higher="final")
    twice = replace(small, panel=Panel(values, reasons, releases))
    rule = MatchRule(near=("rwm_expected", "rwm_higher", "cohort"), k=10)
    setting = set_up(twice, programme_of(small, match=rule))
    table = checks.check_effect(setting).table
    sound(table)
    once = set_up(small, programme_of(small))
    assert setting.effect.estimate == pytest.approx(once.effect.estimate, abs=3.0)
    methods = table[table["kind"].isin(["method", "bracket"])]
    assert methods["estimate"].dropna().between(-40, 40).all()


# Suppressed results ------------------------------------------------------------------------------


def test_with_every_other_school_suppressed_it_is_october_and_says_what_is_missing() -> None:
    small = small_england()
    others = small.register.index.difference(pd.Index(small.barred))
    with pytest.raises(DesignError, match="national level of .* is not known"):
        set_up(hide(small, others), programme_of(small))


def test_with_its_comparison_schools_suppressed_a_member_has_a_reason_and_no_gap() -> None:
    small = small_england()
    setting = set_up(small, programme_of(small))
    own = setting.chosen[0]
    pairs = setting.match.pairs([own])
    left = set_up(hide(small, pairs["comparison"].tolist()), programme_of(small))
    assert np.isnan(left.gaps.table.loc[own, "gap"])
    assert left.gaps.table.loc[own, "reason"].startswith("fewer than 3 comparison schools")
    assert left.effect.n_schools < setting.effect.n_schools
    sound(checks.check_effect(left).table)


def test_with_all_of_the_members_comparison_schools_suppressed_it_is_refused() -> None:
    small = small_england()
    setting = set_up(small, programme_of(small))
    pairs = setting.match.pairs(setting.chosen)["comparison"].unique()
    with pytest.raises(DesignError, match="schools have a result for `rwm_expected` in 2018"):
        set_up(hide(small, pairs.tolist()), programme_of(small))


# Few members and many ----------------------------------------------------------------------------


def test_one_member_left_is_refused_with_the_count() -> None:
    small = small_england()
    with pytest.raises(DesignError, match="1 of 1 schools can be compared; at least 4 are needed"):
        set_up(small, programme_of(small), small.members[SLUG][:1])
    with pytest.raises(DesignError, match="1 schools have a result"):
        set_up(hide(small, small.members[SLUG][1:]), programme_of(small))


def test_four_members_are_the_fewest_and_every_check_still_has_its_row() -> None:
    small = small_england()
    table = checks.check_effect(set_up(small, programme_of(small), small.members[SLUG][:4])).table
    sound(table)
    assert table["n_schools"].iloc[0] == 4
    left_out = table["check"].str.startswith("one school left out")
    assert table.loc[left_out, "note"].str.contains("3 such schools have a result").all()


def crowd(schools: int) -> Small:
    """An England of many small invented schools in sixty authorities, two thirds of it members."""
    rng = np.random.default_rng(5)
    numbers = pd.Index(np.arange(900_000, 900_000 + schools), name="school")
    grid = pd.MultiIndex.from_product([numbers, [2016, 2017, 2018]], names=["school", "year"])
    level = np.repeat(rng.normal(60, 10, schools), 3)
    values = pd.DataFrame(
        {"rwm_expected": np.clip(level + rng.normal(0, 8, len(grid)), 0, 100).round(0),
         "cohort": np.repeat(rng.integers(15, 90, schools).astype(float), 3)}, index=grid,
    )  # fmt: skip
    reasons = pd.DataFrame(np.nan, index=grid, columns=values.columns).astype("str")
    releases = pd.DataFrame("final", index=[2016, 2017, 2018], columns=values.columns)
    register = pd.DataFrame(
        {"la": rng.integers(201, 261, schools), "phase": "primary", "school_type": "primary",
         "governance": "maintained", "urns": numbers.astype(str)}, index=numbers,
    )  # fmt: skip
    members = {SLUG: sorted(numbers[: schools * 5 // 6])}
    panel = Panel(values, reasons, releases.rename_axis("year"))
    return Small(panel, register, small_england().programmes, members)


def test_ten_thousand_members_are_refused_for_want_of_others_to_be_measured_by() -> None:
    many = crowd(12_000)
    assert len(many.members[SLUG]) == 10_000
    programme = programme_of(many, outcomes=("rwm_expected",))
    with pytest.raises(DesignError, match="outside every programme the pool has .* and "):
        set_up(many, programme)


def test_a_third_of_england_can_be_compared_and_what_is_too_large_says_so() -> None:
    many = crowd(3_300)
    members = many.members[SLUG][:1_100]
    some = replace(many, members={SLUG: members})
    table = checks.check_effect(set_up(some, programme_of(some, outcomes=("rwm_expected",)))).table
    sound(table)
    by_name = table.set_index("check")
    assert by_name.loc["matched together for the least distance", "note"].startswith(
        "cannot be made: "
    )
    assert np.isfinite(by_name.loc["entropy balancing", "estimate"])

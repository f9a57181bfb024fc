"""Whose results: the gap within schools and to England, schools lost, and series of authorities."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import pepstats
from pepstats.errors import DesignError, PepstatsError
from pepstats.impact import (
    Inputs,
    compare_lost,
    describe_series,
    levels_of,
    measure_national_gap,
)
from pepstats.impact.not_estimated import choose_lead
from pepstats.measures import GAP
from pepstats.plots import picture_series
from pepstats.schools import add_gaps
from pepstats.schools.panel import Panel
from pepstats.settings import Programme, load_programme
from pepstats.study import Study, tabulate_series
from tests.worlds import ROOT

GROUP, OTHER, GAP_OF = "rwm_expected.disadvantaged", "rwm_expected.other", f"rwm_expected{GAP}"
SEN = "rwm_expected.sen_support"


@pytest.fixture(scope="module")
def december() -> Study:
    return pepstats.load("autumn-2018-revised", data=str(ROOT / "data"))


def inputs_of(study: Study, slug: str) -> tuple[Programme, Inputs, list[int]]:
    programme = study.programmes[slug]
    return programme, study.inputs_of(programme), sorted(study.members[slug].index)


def series_of(rows: dict[int, list[tuple[int, float]]], whose: dict[int, str]) -> pd.DataFrame:
    table = [(SEN, year, whose.get(la, "another authority"), la, value, "")
             for la, own in rows.items() for year, value in own]  # fmt: skip
    return pd.DataFrame(table, columns=["measure", "year", "whose", "la", "value", "reason"])


def authorities(years: list[int], step: float = 1.0) -> pd.DataFrame:
    rows = {la: [(y, 20.0 + la % 7 + step * (y - 2016) * (la % 3)) for y in years]
            for la in range(301, 341)}  # fmt: skip
    return series_of(rows, {301: "the authority", 340: "England"})


def for_sen(study: Study, whom: str = "sen_support") -> Programme:
    return study.programmes["send-in-mainstream"].model_copy(update={"whom": whom})


def test_the_gap_within_a_school_is_its_two_groups_difference_or_the_reason_of_the_missing_one(
    december: Study,
) -> None:
    panel = december.panel
    own, other, gap = (panel.values[name] for name in (GROUP, OTHER, GAP_OF))
    both = own.notna() & other.notna()
    pd.testing.assert_series_equal(gap[both], (own - other)[both], check_names=False)
    assert gap.notna().equals(both) and panel.reasons[GAP_OF].isna().equals(both)
    first = panel.reasons[GROUP].notna()
    assert panel.reasons[GAP_OF][first].equals(panel.reasons[GROUP][first].rename(GAP_OF))


def test_a_gap_that_nobody_names_or_no_file_can_give_is_not_made(december: Study) -> None:
    bare = december.panel
    assert "maths_expected.gap" not in bare.values
    assert "maths_expected.gap" in add_gaps(bare, ["maths_expected.gap", "rwm_expected"]).values
    alone = Panel(*(t.drop(columns=[OTHER, GAP_OF], errors="ignore")
                    for t in (bare.values, bare.reasons, bare.releases)))  # fmt: skip
    assert GAP_OF not in add_gaps(alone, [GAP_OF]).values


def test_the_gap_is_judged_as_an_outcome_of_its_own(december: Study) -> None:
    found = pepstats.evaluate(december, "closing-the-gap")
    assert found.effects["outcome"].iloc[0] == GROUP and GAP_OF in set(found.effects["outcome"])
    table = found.measured.gaps[GAP_OF].table.dropna(subset=["gap"])
    assert np.allclose(table["own"] - table["comparison"] - table["correction"], table["gap"])
    assert found.sizes.set_index("outcome").loc[GAP_OF, "reason"].startswith("a gap between two")


def test_the_gap_to_england_moves_with_the_schools_own_pupils_alone(december: Study) -> None:
    programme, inputs, members = inputs_of(december, "closing-the-gap")
    table = measure_national_gap(programme, inputs, members)
    assert list(table["year"]) == [2016, 2017, 2018] and set(table["n_schools"]) == {17}
    own = december.panel.values[GROUP].unstack("year").loc[members, [2016, 2017, 2018]]
    pupils = december.panel.values["cohort.disadvantaged"].unstack("year").loc[own.index]
    there = own.notna().all(axis=1)
    mean = (own[2018] * pupils[2018])[there].sum() / pupils[2018][there].sum()
    assert table["own"].iloc[-1] == pytest.approx(mean)
    assert np.allclose(table["own"] - table["england_other"], table["gap"])
    for_all = programme.model_copy(update={"whom": "all", "outcomes": ("rwm_expected",)})
    assert measure_national_gap(for_all, inputs, members).empty


def test_too_few_schools_or_no_figure_of_england_is_said_and_no_gap_given(december: Study) -> None:
    programme, inputs, members = inputs_of(december, "closing-the-gap")
    few = measure_national_gap(programme, inputs, members[:9])
    assert few["gap"].isna().all() and few["own"].isna().all()
    assert "fewer than 10 schools or 100 pupils" in few["reason"].iloc[0]
    national = december.national[december.national["measure"] != OTHER]
    unknown = measure_national_gap(programme, replace(inputs, national=national), members)
    assert unknown["gap"].isna().all() and unknown["own"].notna().all()


def test_the_schools_lost_are_set_beside_those_kept_unless_they_are_few(december: Study) -> None:
    programme, inputs, members = inputs_of(december, "closing-the-gap")
    gaps = pd.DataFrame({"gap": 1.0}, index=members)
    gaps.iloc[:5] = np.nan
    kept, lost = compare_lost(programme, inputs, gaps, members).to_dict("records")
    assert (kept["n_schools"], lost["n_schools"]) == (13, 5)
    results = december.panel.wide("rwm_expected")[2017]
    assert lost["all_pupils_result"] == pytest.approx(results[members[:5]].mean())
    gaps.iloc[:2] = 1.0
    few = compare_lost(programme, inputs, gaps, members).iloc[1]
    assert few["n_schools"] == 3 and few[["group_pupils", "all_pupils_result"]].isna().all()


def test_a_group_s_level_not_yet_published_moves_as_all_pupils_does() -> None:
    rows = [("rwm_expected", 2017, 61.0), ("rwm_expected", 2018, 64.0), (GROUP, 2017, 43.0)]
    national = pd.DataFrame(rows, columns=["measure", "year", "value"]).assign(phase="")
    assert levels_of(GROUP, national) == {2017: 43.0, 2018: 46.0}
    assert levels_of(OTHER, national) == {}


def test_a_group_leads_in_october_only_where_its_level_can_be_known(december: Study) -> None:
    october = pepstats.load("autumn-2018", data=str(ROOT / "data"))
    programme, inputs, members = inputs_of(october, "closing-the-gap")
    assert choose_lead(programme, inputs, members) == GROUP
    national = inputs.national[inputs.national["measure"] != GROUP]
    assert choose_lead(programme, replace(inputs, national=national), members) == "rwm_expected"


def test_a_series_of_authorities_is_described_and_given_no_effect(december: Study) -> None:
    table = describe_series(for_sen(december), authorities([2016, 2017, 2018]))
    assert not {"estimate", "p", "p_placebo", "verdict", "rank"} & set(table)
    last = table.set_index("year").loc[2018]
    assert last["change"] == pytest.approx(1.5 * (301 % 3)) and last["reason"] == ""
    expected = pd.Series([1.5 * (la % 3) for la in range(302, 340)]).std()
    assert last["spread"] == pytest.approx(expected)
    assert last["smallest"] == pytest.approx(2.8 * expected)
    assert describe_series(for_sen(december, "all"), authorities([2016])).empty


def test_years_without_tests_are_gaps_that_nothing_is_joined_over(december: Study) -> None:
    table = describe_series(for_sen(december), authorities([2017, 2018, 2019, 2022, 2023, 2024]))
    rows = table.set_index("year")
    assert list(rows.index) == list(range(2017, 2025))
    assert rows.loc[[2020, 2021], ["here", "england", "low", "high"]].isna().all(axis=None)
    assert rows.loc[2020, "reason"] == "no tests held"
    assert rows.loc[2022, "reason"] == "no figure of 2020 and 2021 to set it against"
    assert rows.loc[[2022, 2023], "change"].isna().all() and np.isfinite(rows.loc[2024, "change"])


def test_another_definition_or_few_authorities_give_no_change_but_a_reason(
    december: Study,
) -> None:
    old = describe_series(for_sen(december), authorities([2014, 2015, 2016])).set_index("year")
    assert np.isnan(old.loc[2016, "change"]) and "definition changed" in old.loc[2016, "reason"]
    few = authorities([2016, 2017, 2018])
    few = few[few["la"].isin([301, 302, 303, 340])]
    last = describe_series(for_sen(december), few).iloc[-1]
    assert np.isnan(last["spread"]) and np.isnan(last["low"]) and "too few" in last["reason"]
    alone = describe_series(for_sen(december), few[few["la"] == 301])
    assert alone["england"].isna().all() and alone["here"].notna().all()


def test_the_picture_of_a_series_says_in_words_what_it_shows(december: Study) -> None:
    table = describe_series(for_sen(december), authorities([2018, 2019, 2022]))
    one = picture_series(table, title="A programme", starts=2019)["series-picture"]
    assert one.table.equals(table) and "pupils with SEN Support" in one.caption
    assert "2019/20: no figure of the authority (no tests held)." in one.alt
    drawn = one.figure.axes[0].lines[0].get_ydata()
    assert np.isnan(np.asarray(drawn, float)).sum() == 2
    assert picture_series(table.iloc[:0], title="A programme", starts=2019) == {}


def test_all_authorities_are_there_and_no_region_is(december: Study) -> None:
    series = tabulate_series(december)
    own = series[(series["measure"] == SEN) & (series["year"] == 2018)]
    assert own["la"].nunique() == 61 and (own["whose"] == "England").sum() == 1


def test_a_programme_says_whom_it_is_for_in_one_way(tmp_path: Path) -> None:
    text = (ROOT / "data/programmes/closing-the-gap.yml").read_text("utf-8")
    (tmp_path / "programmes").mkdir()
    for what, wrong in (
        ("unknown key `whom`", text.replace("\nfor:", "\nwhom:")),
        ("no group of pupils is called `gap`", text.replace("for: disadvantaged", "for: gap")),
        ("no school publishes results of pupils with SEN Support",
         text.replace("for: disadvantaged", "for: all").replace(GROUP, SEN)),
    ):  # fmt: skip
        (tmp_path / "programmes/mine.yml").write_text(wrong, "utf-8")
        with pytest.raises(PepstatsError, match=what):
            load_programme("mine", tmp_path)


def test_a_group_no_school_has_leads_only_where_nothing_else_is_named(december: Study) -> None:
    programme, inputs, members = inputs_of(december, "closing-the-gap")
    bare = Panel(*(t.drop(columns=[GROUP, GAP_OF]) for t in
                   (inputs.panel.values, inputs.panel.reasons, inputs.panel.releases)))  # fmt: skip
    without = replace(inputs, panel=bare)
    assert choose_lead(programme, without, members) == "rwm_expected"
    alone = programme.model_copy(update={"outcomes": (GROUP,)})
    assert choose_lead(alone, without, members) == GROUP
    with pytest.raises(DesignError, match="no source of this study has"):
        pepstats.evaluate(replace(december, panel=bare), alone)

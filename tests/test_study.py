"""A study in Python: read, follow, compare; the planted effect found and the absent one not."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import pepstats
from pepstats import study
from pepstats.errors import DesignError
from pepstats.impact import design_comparison, effects, evaluate_design
from pepstats.schools.identity import find_members
from pepstats.settings.programme import Programme
from pepstats.settings.report import load_report
from pepstats.study import Study, tabulate_ledgers, tabulate_measures
from tests.whole_runs import REPORT
from tests.worlds import ROOT, SHARED, YEAR, Small, evaluate_small, small_england

needs_study = pytest.mark.skipif(
    not (SHARED / "study").is_dir(), reason="the real study is not on this machine"
)


@pytest.fixture(scope="module")
def default() -> Study:
    """December: every school's results are published."""
    return pepstats.load("autumn-2018-revised", data=str(ROOT / "data"))


@pytest.fixture(scope="module")
def october() -> Study:
    return pepstats.load("autumn-2018", data=str(ROOT / "data"))


def effects_of(small: Small, slug: str) -> pd.DataFrame:
    return evaluate_small(small, slug).effects


def truth(slug: str) -> pd.Series:
    table = pd.read_csv(ROOT / "data" / "invented" / "truth.csv")
    own = table[(table["programme"] == slug) & (table["year"] == YEAR)].set_index("outcome")
    added = own["with_overlap"].copy()
    for group in [name for name in added.index if name.endswith(".disadvantaged")]:
        whole = group.partition(".")[0]
        added[f"{whole}.gap"] = added[group] - added[f"{whole}.other"]
    return added


def test_the_planted_effect_lies_in_its_interval_whatever_it_is_called(default) -> None:
    found = pepstats.evaluate(default, "closing-the-gap").effects.set_index("outcome")
    planted = truth("closing-the-gap").reindex(found.index).dropna()
    found = found.loc[planted.index]
    assert len(planted) >= 3
    assert (found["low"] < planted).all() and (planted < found["high"]).all()


def test_an_effect_far_beyond_what_programmes_do_is_called_a_gain() -> None:
    small = small_england(seed=11, schools=1800, effect=3.0)  # 0.6 pupil SD for its target group
    first = effects_of(small, "closing-the-gap").set_index("outcome").loc["rwm_expected"]
    assert first["verdict"] == "gained" and first["low"] > 0


def test_where_nothing_was_planted_it_is_too_uncertain_to_say(default) -> None:
    found = pepstats.evaluate(default, "send-in-mainstream").effects
    assert set(found["verdict"]) == {"too uncertain to say"}


def test_in_october_members_are_held_against_what_was_expected_of_them(october, default) -> None:
    for slug in october.programmes:
        found = pepstats.evaluate(october, slug).effects.set_index("outcome")
        assert set(found["mode"]) == {effects.FORECAST}
        assert set(found["release"]) == {"provisional"}
        planted = truth(slug).reindex(found.index).dropna()
        found = found.loc[planted.index]
        assert (found["low"] < planted).all() and (planted < found["high"]).all()
        later = pepstats.evaluate(default, slug).effects.set_index("outcome").loc[found.index]
        assert set(later["mode"]) == {effects.MATCHED}
        nearer = (found["estimate"] - later["estimate"]).abs()
        assert (nearer < (found["high"] - found["low"]) / 4).all()


def test_in_october_no_other_authority_has_a_result_of_the_year(october) -> None:
    of_the_year = october.panel.values.xs(YEAR, level="year")[["rwm_expected", "reading_progress"]]
    known = of_the_year.dropna(how="all").index
    assert set(october.register.loc[known, "la"]) == {october.report.authority}


def test_programmes_that_did_nothing_are_seldom_called() -> None:
    """The first outcome alone is asked for: what is found of it does not depend on the others."""
    first = []
    for seed in range(20):
        small = small_england(seed=seed, schools=1000, effect=0.0)
        for slug, programme in small.programmes.items():
            one = programme.model_copy(update={"outcomes": programme.outcomes[:1]})
            first.append(evaluate_small(small, slug, programme=one).effects.iloc[0])
    assert len(first) == 40
    assert sum(row["p_placebo"] <= 0.05 for row in first) <= 6  # 1 in 100 by chance at 5 in 100
    assert abs(np.mean([row["estimate"] for row in first])) < 2


def test_the_ledger_of_every_file_adds_up(default) -> None:
    table = tabulate_ledgers(default.ledgers)
    assert set(table["file"]) == {line.file for line in default.report.sources}
    for _, part in table.groupby(["file", "kind", "account"]):
        whole = part.loc[part["what"] == "in all", "count"].item()
        assert part.loc[part["what"] != "in all", "count"].sum() == whole > 0


def test_every_cell_of_the_panel_is_a_value_or_a_reason(default) -> None:
    assert (default.panel.values.isna() == default.panel.reasons.notna()).all().all()
    assert default.panel.values.index.is_unique
    measures = tabulate_measures(default)
    assert (measures["value"].isna() == measures["reason"].notna()).all()
    releases = measures.reset_index().groupby("release")["measure"].unique()
    assert set(releases.index) == {"final", "revised", "provisional"}
    # what is published by school takes the place of the city's own; SEN Support never is
    assert not set(releases["provisional"]) & set(releases["revised"])
    assert all("sen_support" in name or "." in name for name in releases["provisional"])


def test_members_are_found_by_any_number_they_ever_had(default) -> None:
    for slug, table in default.members.items():
        assert len(table) == 18, slug
        assert table.index.isin(default.register.index).all()
    listed = pd.concat(default.members.values())
    assert (listed["urn"] != listed.index).any()  # some joined under a later number


def test_the_study_gives_every_school_of_the_frame_its_gap(default) -> None:
    table = default.gaps("rwm_expected", baseline=[2016, 2017], year=2018)
    assert len(table) > 2000
    assert (table["gap"].isna() == table["reason"].notna()).all()
    with pytest.raises(DesignError, match="no measure is called `rwm_expcted`"):
        default.gaps("rwm_expcted", baseline=[2016], year=2018)


def test_evaluating_does_not_depend_on_the_order_of_rows_or_on_what_ran_before(default) -> None:
    one = pepstats.evaluate(default, "closing-the-gap").effects
    pepstats.evaluate(default, "send-in-mainstream")
    pd.testing.assert_frame_equal(one, pepstats.evaluate(default, "closing-the-gap").effects)


def changed(programme: Programme, **update: object) -> Programme:
    return Programme.model_validate({**programme.model_dump(by_alias=True), **update})


def test_members_in_no_file_are_all_named(default) -> None:
    programme = default.programmes["closing-the-gap"]
    listed = [*programme.model_dump()["members"], {"urn": 999_999}, {"urn": 888_888}]
    with pytest.raises(DesignError, match="999999, 888888 are in no source of this study"):
        find_members(changed(programme, members=listed), default.followed, default.data)


def test_a_school_listed_under_two_of_its_numbers_is_refused(default) -> None:
    programme = default.programmes["closing-the-gap"]
    converted = default.register[default.register["urns"].str.contains(" ")].iloc[0]
    listed = [{"urn": int(urn)} for urn in converted["urns"].split()]
    with pytest.raises(DesignError, match="one school under two numbers"):
        find_members(changed(programme, members=listed), default.followed, default.data)


def test_a_school_of_another_authority_is_refused_by_its_old_number_too(default) -> None:
    programme, authority = default.programmes["closing-the-gap"], default.report.authority
    register = default.register
    moved = register[register["urns"].str.contains(" ") & register["la"].ne(authority)].iloc[0]
    old = int(moved["urns"].split()[0])
    listed = [*programme.model_dump()["members"], {"urn": old}]
    strange = rf"{old} \(authority {moved['la']:.0f}\): not in the report's authority"
    with pytest.raises(DesignError, match=strange):
        find_members(changed(programme, members=listed), default.followed, default.data, authority)
    listed[-1]["authority"] = int(moved["la"])
    found = find_members(
        changed(programme, members=listed), default.followed, default.data, authority
    )
    assert len(found) == len(listed)


def test_a_programme_with_fewer_than_four_usable_schools_is_refused(default) -> None:
    programme = default.programmes["closing-the-gap"]
    few = list(default.members["closing-the-gap"].index[:3])
    with pytest.raises(DesignError, match="3 of 3 schools can be compared; at least 4 are needed"):
        design_comparison(programme, default.panel, default.register, few, [])


def test_a_report_of_a_year_before_the_start_is_refused(default) -> None:
    programme = default.programmes["closing-the-gap"]
    design = design_comparison(programme, default.panel, default.register,
                               default.members["closing-the-gap"].index, [])  # fmt: skip
    with pytest.raises(DesignError, match="before `starts: 2018`"):
        evaluate_design(programme, design, replace(default.inputs_of(programme), year=2017))


@needs_study
def test_the_real_partnership_is_followed_and_its_gap_is_among_the_lowest_three_in_a_hundred() -> (
    None
):
    study = pepstats.load("partnership-2018", data=str(SHARED / "study"))
    found = pepstats.evaluate(study, "whole-partnership")
    first = found.effects.iloc[0]
    assert first["n_schools"] == 32
    assert first["estimate"] < -4 and first["p_high"] < 0.06 and first["n_authorities"] > 130
    # Among the lowest; but four outcomes were looked at, so it is too uncertain, on a border.
    assert first["p_adjusted"] > 0.05 and first["low"] < 0 < first["high"] and first["borderline"]
    assert (found.placebo["rwm_expected"] <= first["estimate"]).mean() <= 0.03
    gaps = study.gaps("rwm_expected", baseline=[2016, 2017], year=2018).dropna(subset="gap")
    city = gaps.assign(pull=gaps["gap"] * gaps["weight"]).groupby("la")
    lowest = (city["pull"].sum() / city["weight"].sum())[city.size() >= 10].nsmallest(5)
    assert 851 in lowest.index
    home = (study.register["la"] == 851) & (study.register["phase"] != "special")
    scores = study.panel.wide("reading_progress")[home]
    both = scores[2016].notna() & scores[2018].notna()
    assert both.sum() == scores[2016].notna().sum() == 32
    one_number = ~study.register["urns"].reindex(scores.index[both]).str.contains(" ")
    assert one_number.sum() == 25  # all that a join on the number alone would have kept


def test_the_data_folder_of_the_default_study_is_the_projects_own() -> None:
    assert Path(ROOT / "data" / "reports" / "autumn-2018.yml").is_file()


def test_comparing_over_a_new_scale_needs_its_word(default) -> None:
    programme = default.programmes["closing-the-gap"]
    design = design_comparison(programme, default.panel, default.register,
                               default.members["closing-the-gap"].index, [])  # fmt: skip
    older = programme.model_copy(update={"outcomes": ("attainment8",), "baseline": (2016,)})
    with pytest.raises(DesignError, match=r"compare_across: \[grades 9-1 2017\]"):
        evaluate_design(older, design, default.inputs_of(programme))
    with pytest.raises(ValueError, match="no change of definition is called `grades`"):
        changed(programme, compare_across=["grades"])


def test_real_schools_are_not_let_pass_for_invented_ones(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of an invented study is released, so `invented: true` must not stand in a real one."""
    monkeypatch.setattr(study, "FIRST_INVENTED", 999_999)  # as if these numbers were real ones
    with pytest.raises(DesignError, match=r"reports/autumn-2018.yml: `invented: true`, but .*csv"):
        study.load_study(REPORT, data)
    report = load_report(REPORT, data).model_copy(update={"invented": False, "planted": {}})
    assert len(study.load_study(report, data).panel.values)

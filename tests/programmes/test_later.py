"""Schools that join later count from their own first year; the city's others; how much each had."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pepstats.programmes import OTHERS, Sweep, evaluate_programmes, listed
from pepstats.schools import Panel
from pepstats.settings import Member, read_first_year
from tests.swept import OUTCOME, Many, many_programmes

BASELINE, FIRST, YEAR = (2016,), 2017, 2018


@pytest.fixture(scope="module")
def many() -> Many:
    return many_programmes()


def plus(panel: Panel, schools: list[int], since: int, size: float) -> Panel:
    values = panel.values.copy()
    school, year = (values.index.get_level_values(name) for name in ("school", "year"))
    values.loc[school.isin(schools) & (year >= since), OUTCOME] += size
    return Panel(values, panel.reasons, panel.releases)


def staggered(many: Many, joined: dict[int, str], panel: Panel, schools: list[int]) -> Sweep:
    entered = many.enter("main", schools, baseline=BASELINE, starts=FIRST)
    found = many.find([entered])
    one = found.programmes[0]
    when = [joined.get(int(school)) for school in one.members.index]
    one = replace(one, members=one.members.assign(joined=when))
    inputs = replace(many.inputs, panel=panel)
    return evaluate_programmes(replace(found, programmes=(one,)), inputs)


@pytest.mark.parametrize(
    ("joined", "year"),
    [("2017-09", 2018), ("2017-08", 2017), ("2017-09-04", 2018), ("2017/18", 2018),
     ("2018", 2018), ("soon", None), ("", None), (None, None), ("2017-13", None)],
)  # fmt: skip
def test_the_first_year_is_that_of_the_first_results_that_could_show_a_school(
    joined: object, year: int | None
) -> None:
    assert read_first_year(joined) == year
    if isinstance(joined, str) and joined and year is None:
        with pytest.raises(ValueError, match="is no time of joining: write it as 2017-09"):
            Member(urn=100_001, joined=joined)
    else:
        assert Member(urn=100_001, joined=joined).joined == joined


def test_effects_planted_by_start_are_found_at_their_start_and_none_where_none_are(
    many: Many,
) -> None:
    schools = many.schools_in(0, 16)
    early, late = schools[:9], schools[9:]
    joined = dict.fromkeys(late, "2017-09")
    plain = staggered(many, joined, many.inputs.panel, schools).cells
    panel = plus(plus(many.inputs.panel, early, FIRST, 6.0), late, YEAR, 20.0)
    planted = staggered(many, joined, panel, schools).cells
    key = ["start", "year"]
    assert plain[key].to_numpy().tolist() == [["2017", 2017], ["2017", 2018], ["2018", 2018],
                                              ["all", 2018]]  # fmt: skip
    assert plain["n_schools"].tolist() == [9, 9, 7, 16]
    moved = (planted["estimate"] - plain["estimate"]).to_numpy()
    assert moved == pytest.approx([6.0, 6.0, 20.0, (9 * 6 + 7 * 20) / 16], abs=1.2)
    assert planted["p"].iloc[2] < 0.05
    assert ((plain["low"] < plain["estimate"]) & (plain["estimate"] < plain["high"])).all()
    together = planted.iloc[-1]
    assert together["estimate"] == pytest.approx(
        (9 * planted["estimate"].iloc[1] + 7 * planted["estimate"].iloc[2]) / 16
    )


def test_with_one_start_alone_the_cells_are_the_effect_itself(many: Many) -> None:
    schools = many.schools_in(0, 16)
    late = dict.fromkeys(schools, "2017-09")
    cells = staggered(many, late, many.inputs.panel, schools).cells
    plain = many.sweep([many.enter("main", schools, baseline=(2017,), starts=2018)])
    effect = plain.effects.iloc[0]
    last = cells.iloc[-1]
    assert last["estimate"] == pytest.approx(effect["estimate"])
    assert last["high"] - last["low"] == pytest.approx(effect["high"] - effect["low"], rel=0.15)


def test_draws_for_a_programme_in_two_authorities_have_an_authoritys_year_in_cells_too(
    many: Many,
) -> None:
    """Whose schools share a good or bad year, as wide a range, counted from any first year."""
    rng = np.random.default_rng(4)
    panel = many.inputs.panel
    for city in sorted(many.inputs.register["la"].unique()):
        own = many.inputs.register.index[many.inputs.register["la"] == city]
        panel = plus(panel, list(own), YEAR, float(rng.normal(0, 8)))
    schools = many.schools_in(0, 8) + many.schools_in(1, 8)
    late = dict.fromkeys(schools, "2017-09")
    last = staggered(many, late, panel, schools).cells.iloc[-1]
    entered = [many.enter("main", schools, baseline=(2017,), starts=2018)]
    effect = many.sweep(entered, panel).effects.iloc[0]
    assert effect["n_authorities"] == 0
    assert last["high"] - last["low"] == pytest.approx(effect["high"] - effect["low"], rel=0.15)


def test_the_pooled_estimate_is_that_of_schools_from_their_own_first_year(many: Many) -> None:
    schools = many.schools_in(0, 16)
    joined = dict.fromkeys(schools[8:], "2017-09")
    swept = staggered(many, joined, many.inputs.panel, schools)
    (own,) = swept.standing(OUTCOME)
    assert own.estimate == pytest.approx(swept.cells["estimate"].iloc[-1])
    assert own.shares.sum() == pytest.approx(1.0) and len(own.shares) == 16
    assert own.estimate != swept.effects["estimate"].iloc[0]
    assert listed.LATER in set(swept.remarks["what"])


def test_a_cell_of_few_schools_is_not_told_and_counts_in_the_whole(many: Many) -> None:
    schools = many.schools_in(0, 12)
    cells = staggered(many, dict.fromkeys(schools[10:], "2018"), many.inputs.panel, schools).cells
    few = cells[cells["start"] == "2018"].iloc[0]
    assert np.isnan(few["estimate"]) and few["reason"] != "" and few["n_schools"] == 2
    assert cells.iloc[-1]["n_schools"] == 12


def test_what_comes_later_is_said(many: Many) -> None:
    schools = many.schools_in(0, 12)
    joined = {schools[1]: "2019-09", schools[2]: "2017-09"}
    swept = staggered(many, joined, many.inputs.panel, schools)
    said = dict(zip(swept.remarks["what"], swept.remarks["detail"], strict=True))
    assert said[listed.NOT_YET] == "1 school" and said[listed.LATER] == "1 school"
    assert swept.cells.iloc[-1]["n_schools"] == 11


def test_the_authoritys_other_schools_are_seen_to_move_where_they_did(many: Many) -> None:
    city = many.schools_in(0, 500)
    members, others = city[:10], city[10:]
    entered = [many.enter("main", members)]
    plain = many.sweep(entered).rest.set_index("whose")
    moved = many.sweep(entered, plus(many.inputs.panel, others, YEAR, 15.0)).rest.set_index("whose")
    assert 50 < plain.loc[OTHERS, "n_schools"] <= len(others)  # those with results in every year
    assert moved.loc[OTHERS, "estimate"] - plain.loc[OTHERS, "estimate"] == pytest.approx(15, abs=2)
    assert moved.loc[OTHERS, "verdict"] == "gained" and plain.loc[OTHERS, "verdict"] != "gained"
    first = plain.drop(index=OTHERS).iloc[0]
    effect = many.sweep(entered).effects.iloc[0]
    assert first["estimate"] == pytest.approx(effect["estimate"])
    assert first["p"] == pytest.approx(effect["p_placebo"])


def test_a_programme_of_a_whole_authority_leaves_no_others(many: Many) -> None:
    there = many.inputs.panel.wide(OUTCOME).dropna().index
    la = many.followed.register["la"].reindex(there)
    city = la.value_counts().index[0]
    swept = many.sweep([many.enter("whole", [int(s) for s in la.index[la == city]])])
    rest = swept.rest.set_index("whose").loc[OTHERS]
    assert np.isnan(rest["estimate"]) and rest["reason"] != ""


def test_a_dose_that_goes_with_the_gap_is_found_and_one_that_does_not_is_not(many: Many) -> None:
    schools = many.schools_in(0, 12)
    found = many.find([many.enter("main", schools)])
    (one,) = found.programmes
    order = {school: n for n, school in enumerate(schools)}
    dose = [float(order[int(school)]) for school in one.members.index]
    found = replace(found, programmes=(replace(one, members=one.members.assign(dose=dose)),))
    values = many.inputs.panel.values.copy()
    year = values.index.get_level_values("year") == YEAR
    extra = values.index.get_level_values("school").map(pd.Series(order)).to_numpy(float)
    values.loc[year, OUTCOME] += np.nan_to_num(4.0 * extra)[year]
    panel = Panel(values, many.inputs.panel.reasons, many.inputs.panel.releases)
    plain = evaluate_programmes(found, many.inputs).doses.iloc[0]
    planted = evaluate_programmes(found, replace(many.inputs, panel=panel)).doses.iloc[0]
    assert planted["slope"] - plain["slope"] == pytest.approx(4.0, abs=0.2)
    assert planted["p"] < 0.05 < plain["p"] and planted["low"] > 0
    assert planted["dose"] == "as given" and planted["n_schools"] == 12

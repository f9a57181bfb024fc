"""How many schools had the same rating a year later, by rating and by how sure it was."""

import numpy as np
import pandas as pd
import pytest

from pepstats.priority import RatingInputs, add_next_year, follow_ratings
from pepstats.priority.ratings import rate_schools
from pepstats.report import sheets
from pepstats.schools.panel import Panel
from tests.made_up_panels import england_of, panel_of, register_of
from tests.priority.test_priority import DASHBOARD, GOOD, WEAK, rate
from tests.report.test_sheets import REPORT, Reader


def england(weak, recovered, good):
    """Give schools weak in 2016 and 2017, weak in 2016 only, and never weak; none has 2018."""
    kinds = ["weak"] * weak + ["recovered"] * recovered + ["good"] * good
    rows = {}
    for school, kind in enumerate(kinds, start=1):
        for year, low in ((2016, kind != "good"), (2017, kind == "weak")):
            rows[school, year] = {**(WEAK if low else GOOD), "cohort": 200.0}
    schools = sorted({school for school, _ in rows})
    return panel_of(rows), register_of(schools, la=[501 + school % 10 for school in schools])


def follow(panel, register, year=2018, seed=3):
    rng = np.random.default_rng(seed)
    return follow_ratings(RatingInputs(panel, register), DASHBOARD, year, rng=rng)


def test_of_a_hundred_sure_ratings_of_which_sixty_last_the_chance_is_six_in_ten():
    followed = follow(*england(weak=60, recovered=40, good=100))
    row = followed.loc[(1, "95 or more")]
    assert row[["year", "next_year", "schools", "same"]].tolist() == [2016, 2017, 100, 60]
    assert row["share"] == pytest.approx(0.6)
    assert followed.loc[(3, "95 or more"), "share"] == pytest.approx(1.0)
    assert followed["schools"].sum() == 200


def test_a_year_of_which_only_the_authoritys_own_results_are_known_is_not_the_next_year():
    """A rating of others by what few criteria they had would stay, and say that ratings last."""
    panel, register = england(weak=900, recovered=600, good=1500)
    rows = {key: row.dropna().to_dict() for key, row in panel.values.iterrows()}
    city = sorted(register.index)[::25]  # 120 of 3,000, of which provisional results are known
    rows |= {(school, 2018): rows[school, 2017] for school in city}
    assert set(follow(panel_of(rows), register)["next_year"]) == {2017}


def test_bands_add_up_to_both_years_rated_apart_and_a_small_one_is_drawn_to_its_rating():
    panel, register = england_of(500)
    followed, inputs = follow(panel, register, year=2017), RatingInputs(panel, register)
    shared = ("floor", "rwm_expected", "rwm_higher", "reading_progress", "writing_progress",
              "maths_progress")  # fmt: skip
    kept = tuple(one for one in DASHBOARD.indicators if one.id in shared)
    sure = tuple(one for one in DASHBOARD.overrides if one.indicator in shared)
    board = DASHBOARD.model_copy(update={"indicators": kept, "overrides": sure})
    rng = np.random.default_rng(0)
    then, after = (
        rate_schools(inputs, board, year, rng=rng, draws=1).ratings["rating"]
        for year in (2016, 2017)
    )
    for rating in (1, 2, 3):
        own = followed.loc[rating]
        assert own["schools"].sum() == (then == rating).sum()
        assert own["same"].sum() == ((then == rating) & (after == rating)).sum()
    for rating in (2, 3):
        own = followed.loc[rating]
        whole = own["same"].sum() / own["schools"].sum()
        share = (own["same"] + 5 * whole) / (own["schools"] + 5)
        assert own["share"].to_numpy() == pytest.approx(share.to_numpy())


def test_a_rating_that_hardly_any_school_had_is_given_no_figure_but_a_reason():
    panel, register = england(weak=8, recovered=3, good=120)
    followed = follow(panel, register)
    assert followed.loc[1, "share"].isna().all()
    now = add_next_year(rate(panel_with_2018(panel), register), followed).ratings
    assert now.loc[1, "rating"] == 1
    assert np.isnan(now.loc[1, "same_next_year"])
    assert now.loc[1, "next_year"] == "not known: in 2015/16 only 11 schools were rated 1"
    assert now.loc[131, "same_next_year_of"] == 120


def panel_with_2018(panel):
    """Give the panel one year more, the same as the last."""
    more = [
        pd.concat([table, table.xs(2017, level=1, drop_level=False).rename({2017: 2018}, level=1)])
        for table in (panel.values, panel.reasons)
    ]
    releases = panel.releases.reindex([2016, 2017, 2018]).ffill()
    return Panel(*(table.sort_index() for table in more), releases)


def test_without_two_years_of_enough_schools_there_is_no_figure_but_a_reason():
    panel, register = england(weak=20, recovered=20, good=50)
    assert follow(panel, register).empty
    assert follow(*england(weak=60, recovered=40, good=100), year=2016).empty
    special = register.assign(phase=["special", *register["phase"][1:]])
    rated = rate(panel_with_2018(panel), special)
    now = add_next_year(rated, follow(panel, register)).ratings
    assert now["same_next_year"].isna().all()
    assert now["next_year"].iloc[0] == ""
    assert now["next_year"].iloc[1:].str.startswith("not known: this study has no two years").all()


def test_in_october_the_earlier_years_are_asked_since_few_schools_have_this_years_results():
    panel, register = england_of(300)
    own = register.index[register["la"] == 501]
    later = panel.values.index.get_level_values(1) == 2018
    others = later & ~panel.values.index.get_level_values(0).isin(own)
    october = Panel(panel.values[~others], panel.reasons[~others], panel.releases)
    assert set(follow(panel, register)["next_year"]) == {2018}
    assert set(follow(october, register)["next_year"]) == {2017}


def test_a_criterion_that_only_one_of_the_years_has_changes_nothing():
    panel, register = england(weak=60, recovered=40, good=100)
    values = panel.values.assign(absence=np.nan, roll=300.0)
    values.loc[(slice(None), 2017), "absence"] = np.arange(200) / 20
    more = Panel(values, panel.reasons.assign(absence=""), panel.releases.assign(absence="final"))
    pd.testing.assert_frame_equal(follow(more, register), follow(panel, register))


def test_ratings_are_as_they_were_with_the_chance_at_the_end_and_on_every_sheet():
    panel, register = england_of(300)
    rated = rate(panel, register, schools=register.index[:20])
    now = add_next_year(rated, follow(panel, register))
    more = ["same_next_year", "same_next_year_of", "next_year"]
    assert now.ratings.columns[-3:].tolist() == more
    pd.testing.assert_frame_equal(now.ratings.drop(columns=more), rated.ratings)
    assert now.ratings["same_next_year"].between(0, 1).any()
    for school, html in sheets.write_sheets(now, REPORT).items():
        told = now.ratings.loc[int(school[6:-5]), "next_year"]
        assert f"Next year: {told}." in Reader(html).words

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from pepstats.errors import DesignError
from pepstats.priority import support
from pepstats.priority.dashboard import PROPOSED, load_dashboard
from pepstats.priority.indicators import RatingInputs
from pepstats.priority.ratings import Ratings
from tests.priority.test_priority import DASHBOARD, GOOD, OFSTED, WEAK, flat, rate

AGREED = DASHBOARD.model_copy(
    update={"support": DASHBOARD.support.model_copy(update={"day_cost": 500.0, "budget": 6_000.0})}
)


def ratings():
    table = pd.DataFrame(
        {"name": list("abcd"), "rating": pd.array([1, 2, 3, None], "Int64"),
         "governance": ["maintained", "academy", "maintained", "maintained"]},
        index=pd.Index([1, 2, 3, 4], name="school"),
    )  # fmt: skip
    return table.assign(p1=0.1, p2=0.2, p3=0.7)


def test_days_follow_the_rating_and_what_was_given_is_set_beside_them():
    given = pd.DataFrame({"school": [1, 1, 4], "days": [2.5, 1.0, 1.0]})
    plan = support.plan_support(ratings(), AGREED, delivered=given)
    assert plan["planned"].tolist()[:3] == [10, 0, 1]
    assert np.isnan(plan.loc[4, "planned"])
    assert plan["delivered"].tolist() == [3.5, 0, 0, 1]
    assert plan.loc[1, "left"] == 6.5
    assert plan.loc[1, "planned_cost"] == 5_000


def test_the_plan_adds_up_and_is_held_to_the_budget():
    total = support.sum_support(support.plan_support(ratings(), AGREED), AGREED).loc[("all", "all")]
    assert total["schools"] == 4
    assert total["planned"] == 11
    assert total["over_budget"] == -500


def test_without_an_agreed_cost_there_is_no_cost_rather_than_nought():
    plan = support.plan_support(ratings(), DASHBOARD)
    assert plan["planned_cost"].isna().all()
    total = support.sum_support(plan, DASHBOARD).loc[("all", "all")]
    assert np.isnan(total["planned_cost"])
    assert np.isnan(total["budget"])


def test_support_to_a_school_that_is_not_rated_here_is_refused():
    with pytest.raises(DesignError, match="\\[9\\]"):
        support.plan_support(
            ratings(), AGREED, delivered=pd.DataFrame({"school": [9], "days": [1.0]})
        )


def test_two_tiers_for_the_same_schools_are_refused(tmp_path):

    text = (
        (PROPOSED / "dashboard.yml")
        .read_text("utf-8")
        .replace("rating: 2, governance: academy", "rating: 1, governance: academy")
    )
    (tmp_path / "dashboard.yml").write_text(text, "utf-8")
    with pytest.raises(DesignError, match="more than one tier for rating 1 academy"):
        load_dashboard(tmp_path, 2018)


def test_a_changed_rating_says_which_indicators_moved():
    now, before = rate(*flat(weak=WEAK)), rate(*flat(weak=GOOD))
    changed = support.compare_ratings(now, before)
    assert changed.loc[41, ["before", "now", "change"]].tolist() == [3, 1, "raised"]
    assert "Below the floor standard green to red" in changed.loc[41, "why"]
    assert changed.loc[1, "change"] == "the same"
    assert changed.loc[1, "why"] == ""
    assert support.count_changes(changed)["schools"].to_dict() == {"raised": 1, "the same": 40}


def test_a_figure_that_only_one_year_has_is_no_movement():
    now = rate(*flat(weak=WEAK), ofsted=OFSTED)
    changed = support.compare_ratings(now, rate(*flat(weak=WEAK)))
    assert changed.loc[1, "why"].startswith("no figure last year: Ofsted grade red, ")
    changed = support.compare_ratings(rate(*flat(weak=WEAK)), now)
    assert changed.loc[1, "why"].startswith("no figure this year: Ofsted grade red, ")


def test_the_year_before_is_rated_by_the_same_criteria_where_there_is_one():
    panel, register = flat(weak=WEAK)
    inputs = RatingInputs(panel, register)
    last = support.rate_year_before(inputs, DASHBOARD, 2018, schools=register.index[:5])
    assert last.year == 2017
    assert last.ratings.index.tolist() == [1, 2, 3, 4, 5]
    assert support.rate_year_before(inputs, DASHBOARD, 2016) is None
    empty = support.compare_ratings(rate(panel, register), None)
    assert empty.empty
    assert support.count_changes(empty).empty


def test_what_was_given_is_held_to_the_ratings_that_it_followed():
    now, last = rate(*flat(weak=WEAK)), rate(*flat(weak=GOOD))
    last = Ratings(**{**vars(last), "year": 2017})
    days = [("2017-08-31", 1.0), ("2017-09-01", 2.0), ("2018-08-31", 4.0), ("2018-09-01", 8.0)]
    given = pd.DataFrame([(41, pd.Timestamp(day), n) for day, n in days],
                         columns=["school", "date", "days"])  # fmt: skip
    kept = SimpleNamespace(delivered=given)
    plans = support.plan_years(now, last, DASHBOARD, kept)
    assert plans["support"].loc[41, ["planned", "delivered"]].tolist() == [10, 8]
    assert plans["support-last-year"].loc[41, ["planned", "delivered"]].tolist() == [1, 6]
    assert plans["support-totals"].loc[("all", "all"), "planned"] == 10 + 40
    assert set(support.plan_years(now, None, DASHBOARD, None)) == {"support", "support-totals"}


def test_without_a_record_of_support_nothing_is_said_to_have_been_given():
    plan = support.plan_support(ratings(), DASHBOARD)
    assert plan["delivered"].isna().all()
    assert plan["left"].isna().all()


def test_a_change_that_chance_could_give_is_said_to_be_so():
    before = ratings()
    before["rating"] = pd.array([2, 3, None, 1], "Int64")
    lines = pd.DataFrame(
        {"label": "x", "rag": "red"},
        index=pd.MultiIndex.from_product([[1, 2, 3, 4], ["i"]], names=["school", "indicator"]),
    )
    now, last = (Ratings(DASHBOARD, 2018, 1, table, lines) for table in (ratings(), before))
    changed = support.compare_ratings(now, last)
    assert changed["change"].tolist() == ["raised", "raised", "newly rated", "no longer rated"]
    assert changed["chance"].tolist() == [True, True, False, False]
    now.ratings["p2"] = 0.19
    assert not support.compare_ratings(now, last).loc[1, "chance"]

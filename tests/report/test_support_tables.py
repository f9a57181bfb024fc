"""What the paper says of support and changed ratings: counts in public, schools when exempt."""

from functools import cache

import numpy as np
import pandas as pd
import pytest

from pepstats.priority import RatingInputs, support
from pepstats.priority.ratings import Ratings, count_unsure
from pepstats.report import city_tables
from pepstats.report.disclosure import HIDDEN, View
from pepstats.report.edition import City
from pepstats.settings.programme import load_programme
from tests.made_up_panels import england_of
from tests.priority.test_priority import DASHBOARD, rate
from tests.report.test_sheets import REPORT
from tests.worlds import ROOT

PUBLIC, EXEMPT = View(), View(exempt=True)
PROGRAMMES = [load_programme("closing-the-gap", ROOT / "data")]


@cache
def rated():
    panel, register = england_of(160)
    register = register.assign(governance=np.where(np.arange(160) % 3, "maintained", "academy"))
    now = rate(panel, register, schools=register.index[register["la"] <= 504])
    inputs = RatingInputs(panel, register)
    last = support.rate_year_before(inputs, DASHBOARD, 2018, schools=now.ratings.index)
    return now, last


def plain(table):
    return table.reset_index()


def city_of(now, last, more=None, **register):
    changes = support.compare_ratings(now, last)
    plans = support.plan_years(now, last, DASHBOARD, None)
    tables = {"changes": changes, **plans, **register, **(more or {})}
    names = now.ratings["name"].to_dict()
    return City(names, plain(now.ratings), tables={n: plain(t) for n, t in tables.items()})


def made(city, view):
    tables = city_tables.make_city_tables(city, view, REPORT.year, PROGRAMMES)
    return tables, city_tables.make_city_entries(city, view, REPORT.year)


def test_the_public_edition_names_no_school_and_the_exempt_one_every_school_that_changed():
    city = city_of(*rated())
    changed = city.tables["changes"]
    moved = set(changed.loc[changed["change"].isin(["raised", "lowered"]), "name"])
    tables, entries = made(city, PUBLIC)
    said = " ".join([str(t) for t in tables.values()] + [e.text for e in entries.values()])
    assert not [name for name in city.names.values() if name in said]
    tables, _ = made(city, EXEMPT)
    assert {row[0] for row in tables["ratings-changed-named"].rows} == moved
    assert len(tables["support-by-rating"].rows) > 1


def test_changes_are_counted_and_a_count_of_few_is_hidden():
    city = city_of(*rated())
    shown = city_tables.protect_city(city, PUBLIC)["ratings-changed"]
    counts = shown.shown.iloc[:-1, :-1].to_numpy()
    assert not ((counts >= 1) & (counts <= 2)).any()
    tables, entries = made(city, EXEMPT)
    total = {row[0]: row[-1] for row in tables["ratings-changed"].rows}
    counts = city.tables["changes"]["change"].value_counts()
    assert total["The same"] == str(counts["the same"])
    assert f"{counts['raised']} school" in entries["ratings.changes"].text


def test_a_sum_of_days_is_hidden_where_it_would_tell_of_one_or_two_schools():
    totals = pd.DataFrame({"rating": ["1", "2", "not rated", "all"], "schools": [2, 9, 1, 12],
                           "governance": "maintained", "planned": [20.0, 36.0, np.nan, 56.0],
                           "delivered": 3.0, "planned_cost": np.nan, "budget": np.nan})  # fmt: skip
    for few, shown in ((2, HIDDEN), (3, "56.0")):
        totals.loc[0, "schools"] = few
        city = City(tables={"support-totals": totals})
        table = made(city, PUBLIC)[0]["support"]
        assert table.rows[0][2] == shown
        assert made(city, EXEMPT)[0]["support"].rows[0][2] == "56.0"
        hidden = city_tables.list_hidden_of_city(city, PUBLIC)
        assert len(hidden) == (1 if shown == HIDDEN else 0)


def test_how_sure_is_counted_and_not_told_of_few():
    now, _ = rated()
    unsure = count_unsure(now.ratings)
    text = made(city_of(*rated()), EXEMPT)[1]["ratings.sure"].text
    assert f"For {unsure} of the {now.ratings['rating'].notna().sum()} schools" in text
    assert f"about {100 * now.ratings['coverage'].mean():.0f}% of the dashboard's criteria" in text
    few = now.ratings.assign(p1=0.0, p2=0.0, p3=0.0)
    for n in (1, 2, 3):
        few.loc[few["rating"] == n, f"p{n}"] = 1.0
    few.loc[few.index[:2], ["p1", "p2", "p3"]] = 1 / 3
    city = city_of(Ratings(**{**vars(now), "ratings": few}), None)
    assert "For 2 of" not in made(city, PUBLIC)[1]["ratings.sure"].text
    assert "For 2 of" in made(city, EXEMPT)[1]["ratings.sure"].text


def test_the_paper_says_how_many_of_the_most_certain_ratings_lasted_or_that_it_is_not_known():
    index = pd.MultiIndex.from_product([(1, 2, 3), ("80 to 94", "95 or more")])
    followed = pd.DataFrame(
        {"year": 2016, "next_year": 2017, "schools": [50, 67, 50, 12, 50, 900],
         "share": [0.2, 0.43, 0.5, 0.62, 0.8, 0.96]}, index=index.rename(["rating", "certainty"])
    )  # fmt: skip
    said = made(city_of(*rated(), {"ratings-next-year": followed}), PUBLIC)[1]["ratings.sure"].text
    assert (
        "whose rating in 2015/16 seemed certain (95 or more in 100), about 4 in 10 of those rated "
        "1, about 6 in 10 of those rated 2 (few schools) and more than 9 in 10 of those rated 3 "
        "had the same rating in 2016/17."
    ) in said
    said = made(city_of(*rated()), PUBLIC)[1]["ratings.sure"].text
    assert "Whether a rating will be the same next year is not known: this study has no" in said


@pytest.mark.parametrize(("coverage", "warned"), [(0.43, True), (0.5, False), (0.76, False)])
def test_of_less_than_half_of_the_criteria_no_decision_should_rest_on_a_rating_alone(
    coverage: float, warned: bool
) -> None:
    now, before = rated()
    thin = Ratings(**{**vars(now), "ratings": now.ratings.assign(coverage=coverage)})
    said = made(city_of(thin, before), PUBLIC)[1]["ratings.sure"].text
    assert f"rest on about {coverage:.0%} of the dashboard's criteria" in said
    assert ("no decision should rest on a rating alone" in said) == warned

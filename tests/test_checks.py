"""Checks: the same effect under other choices, the headline first, none hidden."""

import numpy as np
import pandas as pd
import pytest

from pepstats import checks
from tests.worlds import YEAR, small_england

SLUG = "closing-the-gap"


@pytest.fixture(scope="module")
def tried() -> pd.DataFrame:
    small = small_england(schools=2000)
    programme = small.programmes[SLUG].model_copy(
        update={"placebo": small.programmes[SLUG].placebo.model_copy(update={"draws": 1000})}
    )
    shared = set(small.members[SLUG]) & set(small.members["send-in-mainstream"])
    choices = checks.list_choices(programme, YEAR, small.members[SLUG], small.register, shared)
    setting = checks.set_up(programme, small.panel, small.register, small.barred)
    return checks.tabulate_checks(choices, setting)


def test_the_headline_comes_first_and_every_choice_has_a_row_or_a_reason(
    tried: pd.DataFrame,
) -> None:
    assert tried["check"].iloc[0] == checks.HEADLINE
    assert tried["check"].is_unique and len(tried) >= 9
    missing = tried["estimate"].isna()
    assert tried.loc[missing, "note"].str.startswith("cannot be made").all()


def test_one_year_early_nothing_had_started_and_nothing_is_found(tried: pd.DataFrame) -> None:
    early = tried.set_index("check").loc["one year early"]
    assert early["low"] < 0 < early["high"]


def test_without_the_schools_of_the_other_programme_fewer_are_left(tried: pd.DataFrame) -> None:
    by_name = tried.set_index("check")["n_schools"]
    assert by_name["only schools in no other programme"] == by_name[checks.HEADLINE] - 4


def test_a_match_is_made_once_for_choices_that_share_it() -> None:
    small = small_england()
    programme = small.programmes[SLUG]
    choices = checks.list_choices(programme, YEAR, small.members[SLUG], small.register, ())
    setting = checks.set_up(programme, small.panel, small.register, small.barred)
    made: checks.Matched = {}
    alone = [checks.compare(c, setting, {})[0].table["gap"] for c in choices[:6]]
    shared = [checks.compare(c, setting, made)[0].table["gap"] for c in choices[:6]]
    assert len(made) == 4  # the headline, fewer, more, and close matches only
    for one, other in zip(alone, shared, strict=True):
        pd.testing.assert_series_equal(one, other)


def test_leaving_one_school_out_moves_the_mean_by_that_school() -> None:
    small = small_england()
    programme = small.programmes[SLUG]
    choice = checks.list_choices(programme, YEAR, small.members[SLUG], small.register, ())[0]
    found, _ = checks.compare(
        choice, checks.set_up(programme, small.panel, small.register, small.barred), {}
    )
    table = checks.leave_one_out(found, small.members[SLUG])
    own = found.table.loc[table.index]
    school = table.index[0]
    rest = own.drop(school)
    assert table.loc[school, "estimate"] == pytest.approx(
        np.average(rest["gap"], weights=rest["weight"])
    )

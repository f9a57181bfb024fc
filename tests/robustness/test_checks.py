"""Checks: the same effect under other choices and methods, the headline first, none hidden."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pepstats.errors import DesignError
from pepstats.formatting import CHECK_KINDS, settle_one
from pepstats.impact import FORECAST, design, effects, evaluate, placebo
from pepstats.matching import nearest
from pepstats.robustness import bracket, checks, choices
from pepstats.robustness.headline import FEWEST_MEMBERS, Headline, make_headline
from pepstats.settings.programme import PlaceboRule, PoolRule
from tests.worlds import YEAR, Small, small_england

SLUG = "closing-the-gap"
ONE_YEAR_EARLY = ["one year early", "a year kept out of the matching"]


def set_up(small: Small, draws: int = 500, **changes: object) -> Headline:
    """Set a programme's checks up as notebook 05 does, with some of its settings changed."""
    known = small.programmes[SLUG]
    programme = known.model_copy(update={"placebo": PlaceboRule(draws=draws), **changes})
    schools = small.members[SLUG]
    other = set(small.members["send-in-mainstream"])
    dose = np.arange(1.0, len(schools) + 1)
    members = pd.DataFrame(
        {"dose": dose, "also_in": [int(s in other) for s in schools]},
        index=pd.Index(schools, name="school"),
    )
    drawn = design.design_comparison(programme, small.panel, small.register, schools, small.barred)
    inputs = design.Inputs(small.panel, small.register, YEAR, members)
    return make_headline(evaluate.evaluate_design(programme, drawn, inputs))


@pytest.fixture(scope="module")
def setting() -> Headline:
    return set_up(small_england(schools=2000))


@pytest.fixture(scope="module")
def checked(setting: Headline) -> checks.Checked:
    return checks.check_effect(setting)


@pytest.fixture(scope="module")
def table(checked: checks.Checked) -> pd.DataFrame:
    return checked.table.set_index("check")


def test_the_first_row_is_the_headline_to_the_last_digit(
    setting: Headline, checked: checks.Checked
) -> None:
    first, effect = checked.table.iloc[0].map(settle_one), setting.effect
    assert first["check"] == choices.HEADLINE
    assert [first[c] for c in ("estimate", "low", "high", "p", "n_schools", "n_comparison")] == [
        effect.estimate, effect.low, effect.high, effect.p_placebo, effect.n_schools,
        effect.n_comparison,
    ]  # fmt: skip


def test_every_check_asked_for_has_one_row_with_figures_or_a_reason(
    checked: checks.Checked,
) -> None:
    rows = checked.table
    assert rows["check"].is_unique and len(rows) >= 35
    kinds = [kind for kind in CHECK_KINDS if kind != "untouched"]  # the file names none
    assert list(dict.fromkeys(rows["kind"])) == kinds
    missing = rows["estimate"].isna()
    assert rows.loc[missing, "note"].str.startswith("cannot be made: ").all()
    assert rows.loc[missing, ["low", "high", "p"]].isna().all(axis=None)
    known = rows[~missing]
    assert ((known["low"] <= known["estimate"]) & (known["estimate"] <= known["high"])).all()
    assert (known["n_schools"] > 0).all()


def test_a_list_that_was_cut_gives_the_same_rows_for_what_is_left(
    setting: Headline, table: pd.DataFrame
) -> None:
    listed = [
        check for check in checks.list_checks(setting) if check.kind in ("headline", "schools")
    ]
    cut = checks.check_effect(setting, listed).table.set_index("check")
    kept = [name for name in cut.index if name in table.index]
    assert len(kept) >= len(listed)
    pd.testing.assert_frame_equal(cut.loc[kept], table.loc[kept])


def test_where_nothing_had_been_done_nothing_is_found(table: pd.DataFrame) -> None:
    for name in (
        "one year early",
        "2016, kept out of the matching",
        "schools chosen in the same way in 2016, against comparison schools",
    ):
        assert table.loc[name, "low"] < 0 < table.loc[name, "high"], name


def test_schools_picked_for_low_results_rise_by_themselves_but_not_past_their_like(
    table: pd.DataFrame,
) -> None:
    rise = table.loc["schools chosen in the same way in 2016, against all England", "estimate"]
    beyond = table.loc[
        "schools chosen in the same way in 2016, against comparison schools", "estimate"
    ]
    assert rise > 2.0  # regression to the mean, in points
    assert abs(beyond) < rise / 3


def test_the_bracket_s_other_end_is_the_change_less_all_other_schools(
    setting: Headline, table: pd.DataFrame
) -> None:
    row = table.loc["all other schools, not matched"]
    results = setting.panel.wide(setting.outcome).reindex(setting.pool.schools.index)
    change = results[YEAR] - results[[2016, 2017]].mean(axis=1, skipna=False)
    elsewhere = change[~change.index.isin(setting.barred)]
    own = change.reindex(list(setting.chosen)) - elsewhere.mean()
    assert own.min() < row["estimate"] < own.max()
    assert row["estimate"] == pytest.approx(own.mean(), abs=2.0)  # weighted by precision
    assert row["n_comparison"] == elsewhere.notna().sum()


def test_other_evaluators_methods_see_the_planted_effect_too(table: pd.DataFrame) -> None:
    methods = table[table["kind"] == "method"]
    assert methods["estimate"].notna().all() and len(methods) == 5
    assert (methods["estimate"] > 0).all()


def test_without_the_schools_of_the_other_programme_fewer_are_left(table: pd.DataFrame) -> None:
    left = table.loc["only schools in no other programme", "n_schools"]
    assert left == table.loc[choices.HEADLINE, "n_schools"] - 4


def test_support_is_parted_by_dose_and_every_school_is_in_one_part(table: pd.DataFrame) -> None:
    parts = table.loc[
        ["schools that had more support", "schools that had less support"], "n_schools"
    ]
    assert parts.sum() == table.loc[choices.HEADLINE, "n_schools"]
    assert "over shuffled days" in table.loc[parts.index[0], "detail"]


def test_contamination_can_only_have_hidden_a_larger_effect(table: pd.DataFrame) -> None:
    headline = table.loc[choices.HEADLINE, "estimate"]
    rows = [f"{words} comparison schools had such support too" for words in ("1 in 10", "1 in 4")]
    assert table.loc[rows, "estimate"].tolist() == pytest.approx([headline / 0.9, headline / 0.75])


def test_a_hidden_reason_widens_the_interval_that_chance_alone_leaves(
    setting: Headline, table: pd.DataFrame
) -> None:
    row = table.loc["a hidden reason to be picked, at odds of 1.5 to 1"]
    assert row["low"] < 0 < row["high"] or row["high"] - row["low"] > 5
    assert "odds of" in row["detail"] or "not told from chance" in row["detail"]


def test_leaving_one_school_out_moves_the_mean_by_that_school(
    setting: Headline, checked: checks.Checked, table: pd.DataFrame
) -> None:
    without = checked.without
    own = setting.gaps.table.loc[without.index]
    rest = own.drop(without.index[0])
    assert without["estimate"].iloc[0] == pytest.approx(
        np.average(rest["gap"], weights=rest["weight"])
    )
    ends = table.loc[[f"one school left out, the {w} estimate" for w in ("lowest", "highest")]]
    assert ends["estimate"].tolist() == pytest.approx(
        [without["estimate"].min(), without["estimate"].max()]
    )


def test_fewer_or_nearer_comparison_schools_are_taken_from_the_match_there_is() -> None:
    setting = set_up(small_england())
    rule = setting.match.rule
    for changed in ({"k": 4}, {"caliper": 0.4}):
        other = rule.model_copy(update=changed)
        again = nearest.match_schools(
            setting.pool, other, setting.programme.pool, barred=setting.barred
        )
        quick = nearest.narrow(setting.match, other)
        np.testing.assert_array_equal(quick.places, again.places)
        np.testing.assert_array_equal(quick.distances, again.distances)
        pd.testing.assert_frame_equal(quick.unmatched, again.unmatched)


def test_the_same_inputs_give_the_same_table(checked: checks.Checked) -> None:
    again = checks.check_effect(set_up(small_england(schools=2000)))
    pd.testing.assert_frame_equal(again.table, checked.table)


# Ways to reckon with cities, and the parts of the headline ----------------------------------------


def test_the_headline_s_parts_and_their_alternatives_each_have_a_row(table: pd.DataFrame) -> None:
    named = ["comparison schools without correction", "corrected by England's schools alone",
             "groups of other sizes counted as they are",
             "set against the authority's own other schools"]  # fmt: skip
    for name in named:
        assert np.isfinite(table.loc[name, ["estimate", "low", "high", "p"]].astype(float)).all()
    whole = table.loc["whole authorities, scaled by their size"]
    assert whole["note"] == "cannot be made: the programme is not in a whole authority"


@pytest.mark.parametrize(("k", "others"), [(50, [25, 100]), (10, [5, 20, 50]), (4, [3, 8, 50])])
def test_a_file_that_names_another_k_has_it_in_its_headline_and_fifty_as_a_check(
    k: int, others: list[int]
) -> None:
    setting = set_up(small_england(), draws=99)
    rule = setting.programme.match.model_copy(update={"k": k})
    named = replace(setting, programme=setting.programme.model_copy(update={"match": rule}))
    listed = [c for c in choices.list_comparisons(named) if "comparison schools each" in c.check]
    assert [choice.rule.k for choice in listed] == others
    assert [choice.check for choice in listed] == [f"{n} comparison schools each" for n in others]
    assert choices.first_choice(named).rule.k == k


def test_sums_of_the_same_gaps_are_redone_by_hand(setting: Headline, table: pd.DataFrame) -> None:
    own = setting.gaps.table.reindex(list(setting.chosen)).dropna(subset="gap")
    headline = table.loc[choices.HEADLINE, "estimate"]
    assert headline == pytest.approx(np.average(own["gap"], weights=own["weight"]))
    same = table.loc["every school counted the same", "estimate"]
    assert same == pytest.approx(own["gap"].mean())
    plain = table.loc["comparison schools without correction", "estimate"]
    apart = own["own"] - own["comparison"]
    assert apart.min() < plain < apart.max() and plain == pytest.approx(
        np.average(apart, weights=own["weight"]),
        abs=0.2,  # its own weights differ a little
    )
    unscaled = table.loc["groups of other sizes counted as they are"]
    drawn, _ = placebo.weighted_mean(setting.gaps, setting.draws.schools)
    assert unscaled["estimate"] == headline
    p = (1 + (np.abs(drawn) >= abs(headline)).sum()) / (1 + len(drawn))
    assert unscaled["p"] == pytest.approx(max(p, 1 / (setting.draws.usable + 1)))


def test_no_check_is_surer_than_its_authorities_allow(
    setting: Headline, table: pd.DataFrame
) -> None:
    ours = table["kind"].isin(["headline", "together", "sum", "comparison", "bracket"])
    known = table.loc[ours & table["p"].notna(), "p"]
    assert len(known) > 15 and known.min() == pytest.approx(1 / (setting.draws.usable + 1))


def test_a_whole_authority_is_set_beside_all_others_by_their_size() -> None:
    small = small_england(schools=2000)
    la = small.register["la"]
    home = la[small.members[SLUG][0]]
    usable = (
        small.panel.wide("rwm_expected").notna().all(axis=1).reindex(la.index, fill_value=False)
    )
    everyone = [int(s) for s in la.index[(la == home) & usable]]
    whole = replace(small, members={SLUG: everyone, "send-in-mainstream": []})
    setting = set_up(whole)
    row = bracket.judge_whole_authorities(setting)
    table = setting.gaps.table
    others = table[table["gap"].notna() & (table["la"] != home)]
    parts = others.groupby("la")[["gap", "weight", "variance"]]
    mean = parts.apply(lambda city: np.average(city["gap"], weights=city["weight"]))
    variance = parts.apply(
        lambda city: (city["weight"] ** 2 * city["variance"]).sum() / city["weight"].sum() ** 2
    )
    chance = placebo.fit_chance_scale(mean.to_numpy(), variance.to_numpy(), mean.index.to_numpy())
    _, own = placebo.weighted_mean(setting.gaps, np.flatnonzero(table["la"] == home))
    scaled = mean / chance.of_draws * chance.at(float(own))
    beyond = (scaled.abs() >= abs(row.estimate)).sum()
    assert settle_one(row.estimate) == setting.effect.estimate
    assert row.p == pytest.approx((1 + beyond) / (1 + len(mean)))
    assert f"against {len(mean)} whole authorities" in row.note and len(mean) > 30
    assert setting.draws.usable < len(
        mean
    )  # so many schools are drawn only where there are so many
    low = placebo.mark_low(setting.programme, setting.panel, setting.gaps, setting.chosen)
    lower = low.to_numpy()
    in_draws = lower[setting.draws.schools].sum(axis=1)
    assert in_draws.std() > 1  # without a split by attainment


# The curve ---------------------------------------------------------------------------------------


def test_the_joint_p_is_that_of_the_median_over_the_same_made_up_programmes(
    setting: Headline,
) -> None:
    listed = [choices.first_choice(setting), *choices.list_comparisons(setting)]
    tried = [choices.try_choice(choice, setting) for choice in listed if not choice.why_not]
    joined = checks.join_ways(tried)
    known = [one for one in tried if one.chance is not None]
    assert joined is not None and joined.n == len(known) >= 10
    assert joined.median == np.median([one.estimate for one in known])
    medians = np.median(np.column_stack([one.chance for one in known]), axis=1)
    beyond = np.sum(np.abs(medians) >= abs(joined.median))
    assert joined.p == (1 + beyond) / (1 + len(medians))
    assert joined.lowest <= joined.median <= joined.highest


def test_of_programmes_that_did_nothing_the_curve_calls_five_in_a_hundred(
    setting: Headline,
) -> None:
    listed = [choices.first_choice(setting), *choices.list_comparisons(setting)[:6]]
    known = [choices.try_choice(choice, setting).chance for choice in listed]
    medians = np.median(np.column_stack([one for one in known if one is not None]), axis=1)
    called = [effects.placebo_p(m, np.delete(medians, i)) <= 0.05 for i, m in enumerate(medians)]
    assert 0.03 < np.mean(called) < 0.07


def test_one_way_alone_has_no_curve(setting: Headline) -> None:
    only = choices.try_choice(choices.first_choice(setting), setting)
    assert checks.join_ways([only]) is None


# What cannot be made -----------------------------------------------------------------------------


def test_in_october_checks_that_need_other_schools_results_say_so(setting: Headline) -> None:
    october = replace(setting, effect=replace(setting.effect, mode=FORECAST))
    rows = checks.check_effect(october).table.set_index("check")
    waiting = rows["note"].eq(
        "cannot be made: other schools' results of 2018 are not published yet"
    )
    assert waiting[rows["kind"].isin(["method", "bracket"])].all()
    made = rows["estimate"].notna()
    assert made[rows["kind"].isin(["headline", "before"])].all()
    assert made["only schools that kept their number"] and made["every school counted the same"]


@pytest.mark.parametrize(
    ("before", "year", "then", "name"),
    [
        (2016, 2017, 2018, "one year early"),
        (2019, 2023, 2024, "from 2018/19 to 2022/23"),
        (2016, 2017, 2019, "from 2015/16 to 2016/17"),
    ],
)
def test_what_is_asked_of_earlier_years_is_called_by_them_where_they_are_apart(
    before: int, year: int, then: int, name: str
) -> None:
    assert choices.name_earlier(before, year, then) == name


def test_with_one_baseline_year_what_needs_two_says_so() -> None:
    setting = set_up(small_england(), draws=99, baseline=(2017,))
    rows = checks.check_effect(setting).table
    notes = rows.loc[rows["note"].str.contains("one baseline year"), "check"]
    assert set(ONE_YEAR_EARLY) <= set(notes) and len(notes) >= 6
    assert rows["estimate"].notna().sum() > 15


def test_statistical_neighbours_are_compared_with_where_they_are_listed(setting: Headline) -> None:
    schools = setting.pool.schools
    counted = schools.loc[~schools.index.isin(setting.barred), "la"].value_counts()
    codes = tuple(int(la) for la in counted.index[:5])
    where = PoolRule(neighbours=codes)
    listed = replace(setting, programme=setting.programme.model_copy(update={"pool": where}))
    name = "only the authority's statistical neighbours"
    [choice] = [c for c in choices.list_comparisons(listed) if c.check == name]
    tried = choices.try_choice(choice, listed)
    assert np.isfinite(tried.estimate)
    _, match = choices.match_again(choice, listed)
    rows = match.places[match.schools.isin(listed.chosen)]
    used = listed.pool.schools["la"].to_numpy()[rows[rows >= 0]]
    assert set(used) <= set(codes)


def test_with_too_few_schools_of_a_kind_the_row_says_how_many(setting: Headline) -> None:
    first = choices.first_choice(setting)
    few = replace(first, check="three schools", kind="schools", members=first.members[:3])
    with pytest.raises(DesignError, match="^3 such schools have a result; 4 are needed$"):
        choices.try_choice(few, setting)


def test_fewest_members_is_as_few_as_a_programme_may_have() -> None:
    assert FEWEST_MEMBERS == design.FEWEST_SCHOOLS


def test_the_made_up_programmes_are_the_headline_s(setting: Headline) -> None:
    tried = choices.try_choice(choices.first_choice(setting), setting)
    drawn = placebo.placebo_estimates(
        {setting.outcome: setting.gaps}, setting.draws, setting.chosen
    )
    np.testing.assert_array_equal(tried.chance, drawn[setting.outcome])


def test_what_the_programme_cannot_have_changed_is_tried_on_the_same_draws(
    setting: Headline,
) -> None:
    untouched = setting.programme.model_copy(update={"must_not_move": ("writing_progress",)})
    listed = checks.list_checks(replace(setting, programme=untouched))
    [check] = [one for one in listed if one.kind == "untouched"]
    row = check.try_on(setting)
    assert row.check == "must not move: writing_progress" and "progress points" in row.note
    assert row.n_schools == setting.effect.n_schools and 0 < row.p <= 1
    assert row.low < row.estimate < row.high
    assert len(row.chance) == len(setting.chance)
    unknown = untouched.model_copy(update={"must_not_move": ("phonics",)})
    [check] = [c for c in checks.list_checks(replace(setting, programme=unknown))
               if c.kind == "untouched"]  # fmt: skip
    assert "no source of this study has `phonics`" in check.try_on(setting).reason


def listed(headline: Headline, pairs: pd.DataFrame, name: str = "official") -> Headline:
    """Set the checks up with a published list of similar schools."""
    known = headline.programme
    pool = known.pool.model_copy(update={"lists": {name: "list.csv"}})
    programme = known.model_copy(update={"pool": pool})
    own = pairs.rename(columns={"comparison": "similar"})[["school", "similar"]]
    return replace(headline, programme=programme, similar=own.assign(list=name))


def row_of_list(headline: Headline) -> pd.Series:
    (one,) = [one for one in checks.list_checks(headline) if "official" in one.name]
    return one.try_on(headline).tidy().iloc[0]


def test_our_own_schools_as_a_list_give_the_headline_again(setting: Headline) -> None:
    row = row_of_list(listed(setting, setting.match.pairs()))
    assert settle_one(row["estimate"]) == setting.effect.estimate
    assert row["n_comparison"] == setting.effect.n_comparison
    ours = setting.match.pairs(setting.chosen)
    n = ours["comparison"].nunique()
    assert row["note"] == (
        f"{n} schools listed, {n} ours, {n} in both; school by school {len(ours)} pairs of our "
        f"{len(ours)}"
    )


def test_a_list_of_the_members_alone_is_judged_by_the_same_draws(setting: Headline) -> None:
    pairs = setting.match.pairs(setting.chosen)
    row = row_of_list(listed(setting, pairs[pairs["rank"] <= 5]))
    assert row["low"] < row["estimate"] < row["high"] and 0 < row["p"] <= 1
    assert f"school by school {5 * len(setting.chosen)} pairs of our {len(pairs)}" in row["note"]
    assert row["n_comparison"] == pairs.loc[pairs["rank"] <= 5, "comparison"].nunique()


def test_a_school_without_a_list_or_with_too_few_is_left_out_and_said(setting: Headline) -> None:
    pairs = setting.match.pairs(setting.chosen)
    first, second = setting.chosen[:2]
    some = pairs[pairs["school"].ne(first) & (pairs["school"].ne(second) | (pairs["rank"] <= 2))]
    row = row_of_list(listed(setting, some))
    assert row["n_schools"] == setting.effect.n_schools - 2
    assert row["note"].endswith("; 1 of the programme's schools without a list")


def test_members_and_schools_of_the_same_authority_are_never_compared_with(
    setting: Headline,
) -> None:
    pairs = setting.match.pairs(setting.chosen)
    home = setting.pool.schools.index[setting.pool.schools["la"] == setting.home]
    wrong = pd.DataFrame(
        [(school, other) for school in setting.chosen for other in home if other != school],
        columns=["school", "comparison"],
    )
    alone, both = (row_of_list(listed(setting, one)) for one in (pairs, pd.concat([pairs, wrong])))
    assert both[["estimate", "p", "n_comparison"]].equals(alone[["estimate", "p", "n_comparison"]])
    assert "cannot be made" in row_of_list(listed(setting, wrong))["note"]

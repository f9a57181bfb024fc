"""Scales: an effect on every scale it may be said on, with the reason where it may not."""

import json

import numpy as np
import pandas as pd
import pytest

from pepstats import paths
from pepstats.document.blocks import DASH
from pepstats.errors import DesignError
from pepstats.impact import Inputs, effects
from pepstats.impact import evidence_grade as evidence
from pepstats.impact import value_for_money as value
from pepstats.impact.effect_sizes import correct_small
from pepstats.impact.effects import MATCHED
from pepstats.impact.gaps import Gaps
from pepstats.report import programme_tables
from pepstats.report.entries import describe_value
from pepstats.settings import load_rules
from pepstats.settings.programme import load_programme
from tests.impact.test_sizes import made_up, panel_of
from tests.worlds import ROOT

MEMBERS, OTHERS = list(range(100, 118)), list(range(118, 160))
PAIRS = pd.DataFrame({"school": MEMBERS, "rank": 1, "comparison": OTHERS[:18]})


def gaps_of(outcome: str, unit: str, level: float, spread: float) -> Gaps:
    rng = np.random.default_rng(3)
    own = rng.normal(level, spread, 60)
    table = pd.DataFrame(
        {"own": own, "gap": own - level, "weight": 1.0}, index=pd.RangeIndex(100, 160)
    )
    return Gaps(outcome, unit, (2016, 2017), 2018, "revised", table, pd.Series(dtype=float))


def effect_of(outcome: str, unit: str, estimate: float, half: float, word: str) -> effects.Effect:
    return effects.Effect(
        programme="x", outcome=outcome, pupils="all", unit=unit, estimate=estimate,
        low=estimate - half, high=estimate + half, p_placebo=0.03, p_low=0.02, p_high=0.05,
        p_adjusted=0.04, n_schools=18, n_comparison=18, n_authorities=40, n_placebo=999,
        mode=MATCHED, baseline="2016 and 2017", year=2018, release="revised", verdict=word,
        smallest=half * 1.4,
    )  # fmt: skip


def sized(estimate: float = 6.0, half: float = 4.0, word: str = "gained") -> pd.DataFrame:
    made = {
        "rwm_expected": ("percentage points", 60.0, 12.0),
        "reading_progress": ("progress points", 0.0, 2.0),
        "reading_score": ("scaled score points", 103.0, 3.0),
        "absence": ("percentage points", 4.0, 1.0),
    }
    found = {name: gaps_of(name, *about) for name, about in made.items()}
    seen = [effect_of(n, unit, estimate, half, word) for n, (unit, _, _) in made.items()]
    table = load_rules(value.MonthsTables, "months.yml").choose()
    return value.tabulate_sizes(seen, found, panel_of(made_up(6.0)), PAIRS, table)


def test_each_outcome_is_sized_by_its_own_way_or_has_a_reason() -> None:
    sizes = sized().set_index("outcome")
    share, score = sizes.loc["rwm_expected"], sizes.loc["reading_progress"]
    without = share["without"] / 100
    after = without + 0.06
    odds = np.log(after / (1 - after)) - np.log(without / (1 - without))
    assert share["log_odds"] == pytest.approx(odds)
    assert share["size"] == pytest.approx(odds / 1.65) and share["scale"] == "pupil"
    assert score["size"] == pytest.approx(1.0, rel=0.02)
    assert score["smallest_size"] == pytest.approx(5.6 / 6, rel=0.02)
    assert "no spread between pupils" in sizes.loc["reading_score", "reason"]
    assert "not an attainment outcome" in sizes.loc["absence", "reason"]
    assert (
        sizes.loc[["reading_score", "absence"], ["size", "months", "log_odds"]]
        .isna()
        .all(axis=None)
    )
    assert "attainment only" in sizes.loc["absence", "months_reason"]


def test_hedges_g_has_the_placebo_interval_on_schools_spread_and_is_never_months() -> None:
    row = sized().set_index("outcome").loc["reading_score"]
    own = gaps_of("reading_score", "", 103.0, 3.0).table["own"]
    a, b = own.loc[MEMBERS].var(), own.loc[OTHERS[:18]].var()
    g = correct_small(34) * 6.0 / np.sqrt((a + b) / 2)
    assert (row["g"], row["g_low"]) == pytest.approx((g, g * 2 / 6))
    assert pd.isna(row["months"])


def test_no_results_of_comparison_schools_means_no_g_and_a_reason() -> None:
    found = gaps_of("rwm_expected", "percentage points", 60.0, 12.0)
    found.table.loc[OTHERS, "own"] = np.nan
    effect = effect_of("rwm_expected", "percentage points", 6.0, 4.0, "gained")
    table = load_rules(value.MonthsTables, "months.yml").choose()
    sizes = value.tabulate_sizes(
        [effect], {"rwm_expected": found}, panel_of(made_up(6.0)), PAIRS, table
    )
    assert "too few" in sizes.loc[0, "g_reason"] and np.isnan(sizes.loc[0, "g"])
    assert sizes.loc[0, "size"] > 0


def test_every_number_can_be_written_as_json_by_name() -> None:
    named = effects.list_numbers(sized())
    assert "rwm_expected.months" in named and "absence.months" not in named
    assert named["absence.months_reason"] and isinstance(named["rwm_expected.months"], int)
    json.dumps(named, allow_nan=False)


# What it is worth ---------------------------------------------------------------------------------


def answers(word: str, *, estimate: float = 6.0, half: float = 4.0) -> pd.DataFrame:
    programme = load_programme("closing-the-gap", ROOT / "data")
    rolls = {"roll": np.full(60, 300.0)}
    price = value.price_programme(programme, panel_of(rolls), MEMBERS)
    effect = effect_of("rwm_expected", "percentage points", estimate, half, word)
    sizes = sized(estimate, half, word)
    members = pd.DataFrame({"dose": np.nan, "also_in": 0}, index=MEMBERS)
    balance = pd.DataFrame({"smd_after": [0.02, -0.1]})
    inputs = Inputs(panel_of(rolls), pd.DataFrame(), effect.year, members)
    grade = evidence.grade_programme(programme, effect, sizes, balance, inputs)
    return value.tabulate_value(programme, effect, sizes, price, grade).set_index("entry")


def test_a_gain_is_given_in_months_with_what_one_costs() -> None:
    found = answers("gained")
    assert found.loc["months", "answer"].startswith("+2 months (95% interval +1 to +3)")
    assert found.loc["cost_per_pupil", "value"] == pytest.approx(200_000 / 5400)
    assert "(£, very low) for 5,400 pupils" in found.loc["cost_per_pupil", "answer"]
    assert "£510 a year (£££, moderate) for 392" in found.loc["cost_per_target_pupil", "answer"]
    assert found.loc["cost_per_month", "answer"] == "£255 (95% interval £170 to £510)"
    assert found.loc["evidence", "answer"].count("self-assessed") == 1
    assert "not a rating by EEF" in found.loc["evidence", "answer"]


def test_what_is_too_uncertain_has_an_interval_of_months_but_none_itself() -> None:
    found = answers("too uncertain to say", estimate=1.0)
    months = found.loc["months"]
    assert months["answer"] == (
        "Too uncertain to say: anything from \u22121 to +2 months fits these results"
    )
    assert np.isnan(months["value"]) and np.isnan(found.loc["cost_per_month", "value"])
    assert "the interval includes zero" in found.loc["cost_per_month", "answer"]
    # several outcomes looked at together: the interval leaves nought out, the verdict does not
    found = answers("too uncertain to say")
    assert "too uncertain to say" in found.loc["cost_per_month", "answer"]
    assert np.isnan(found.loc["cost_per_month", "value"])
    json.dumps(value.list_worth(found.reset_index()), allow_nan=False)


def test_a_roll_that_is_not_known_for_every_school_is_not_added_up() -> None:
    rolls = {"roll": np.where(np.arange(60) == 3, np.nan, 300.0)}
    assert value.count_roll(panel_of(rolls), MEMBERS, 2018) is None
    assert value.count_roll(panel_of({"cohort": np.ones(60)}), MEMBERS, 2018) is None


def test_a_programme_may_name_its_months_table_and_a_study_bring_its_own(tmp_path) -> None:
    programme = load_programme("closing-the-gap", ROOT / "data")
    assert value.choose_months(programme).name == "project"
    toolkit = programme.model_copy(update={"months": "toolkit"})
    assert value.choose_months(toolkit).name == "toolkit"
    wrong = programme.model_copy(update={"months": "toolkits"})
    with pytest.raises(DesignError, match=r"closing-the-gap.yml, `months`.*Did you mean `toolkit`"):
        value.choose_months(wrong)
    own = (paths.TEMPLATES / "months.yml").read_text("utf-8").replace("upto: 0.04", "upto: 0.03")
    (tmp_path / "months.yml").write_text(own, "utf-8")
    assert value.choose_months(programme, tmp_path).bands[0].upto == 0.03


# In the paper -------------------------------------------------------------------------------------


def test_the_paper_may_say_sizes_months_cost_and_grades_by_name() -> None:
    programme = load_programme("closing-the-gap", ROOT / "data")
    said = answers("gained").reset_index()
    table = pd.DataFrame(
        {"scale": ["A, self-assessed"], "level": [3], "words": ["a"],
         "input": "design", "value": "x", "allows": np.nan, "note": np.nan}
    )  # fmt: skip
    entries = describe_value("x", said, sized(), table)
    assert entries["months"].text.startswith("+2 months") and entries["security"].text == "a"
    assert entries["rwm_expected.months"].text == "+2 (1\u00a0to\u00a03)"
    assert entries["absence.size"].text == DASH
    assert {e.source.rsplit("/")[-1] for e in entries.values()} == {
        "value.csv", "sizes.csv", "grades.csv",
    }  # fmt: skip
    shown = programme_tables.table_sizes(programme, sized())
    assert len(shown.rows) == 4 and "not been checked against a recent one" in shown.note
    assert shown.rows[3][1] == DASH and "attainment" in shown.rows[3][-1]
    graded = programme_tables.table_grades(programme, table)
    assert graded.rows[0][0] == "A" and "self-assessment" in graded.note
    empty = pd.DataFrame()
    assert describe_value("x", empty, empty, empty)["security"].text == ""
    assert not programme_tables.table_sizes(programme, empty).rows


def test_a_table_kept_from_memory_is_to_be_checked_before_the_paper_goes_out() -> None:
    [line] = programme_tables.list_from_memory([sized(), sized(), pd.DataFrame()])
    assert "check the table EEF, reports of single projects" in line
    read = sized().assign(months_mark="S")
    assert not programme_tables.list_from_memory([read])

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pepstats import formatting
from pepstats.errors import DesignError
from pepstats.impact.effects import LEVEL, TELLING, choose_verdict
from pepstats.report import sentences as wording
from pepstats.report.sentences import Result


def result(estimate: float, low: float, high: float, p: float, **changed: object) -> Result:
    unit = "percentage points"
    known = {
        "outcome": "rwm_expected", "unit": unit, "estimate": estimate, "low": low, "high": high,
        "p_placebo": p, "n_schools": 17, "n_placebo": 10_000, "year": 2018,
        "release": "provisional", "verdict": choose_verdict(estimate, p), "n_places": 20_000,
    }  # fmt: skip
    return Result(**{**known, **changed})


RWM = "the percentage reaching the expected standard in reading, writing and maths was "
ALL, UNSURE = (
    "For all pupils, ",
    "it is too uncertain to say whether results gained or lost ground: ",
)
THAN = " than similar schools' results would lead us to expect (likely range: "
BESIDE = "; provisional results for 2017/18, 17 schools)."
TRIED = (
    "To test whether the difference found could be chance, we repeated the calculation for 10,000 "
    "groups of schools elsewhere that were not in the programme. Each group has schools of several "
    "authorities. Schools of one authority have good and bad years together, and the calculation "
    "allows for that. "
)
OF_BEFORE = "compared results of an earlier year, which are published, with such a forecast"

TWELVE = {
    "clearly positive": (
        result(4.2, 0.3, 8.1, 0.034),
        ALL + "results gained on similar schools: " + RWM + "about 4 percentage points higher"
        + THAN + "from just above zero to 8 points higher" + BESIDE,
        TRIED + "About 3 in 100 showed a difference at least as large.",
    ),
    "probably positive": (
        result(3.1, -0.3, 6.5, 0.08),
        ALL + "results probably gained on similar schools: " + RWM
        + "about 3 percentage points higher" + THAN + "from just below zero to 7 points higher"
        + BESIDE,
        TRIED + "About 8 in 100 showed a difference at least as large.",
    ),
    "positive and uncertain": (
        result(1.1, -2.8, 5.0, 0.57),
        ALL + UNSURE + RWM + "about 1 percentage point higher" + THAN
        + "from 3 points lower to 5 points higher" + BESIDE,
        TRIED + "About 57 in 100 showed a difference at least as large.",
    ),
    "exactly nothing": (
        result(0.0, -3.0, 3.0, 1.0),
        ALL + UNSURE + RWM + "about the same as" + THAN.removeprefix(" than")
        + "from 3 points lower to 3 points higher" + BESIDE,
        TRIED + "Nearly all showed a difference at least as large.",
    ),
    "probably negative": (
        result(-2.0, -4.2, 0.2, 0.075),
        ALL + "results probably lost ground against similar schools: " + RWM
        + "about 2 percentage points lower" + THAN + "from 4 points lower to just above zero"
        + BESIDE,
        TRIED + "About 8 in 100 showed a difference at least as large.",
    ),
    "clearly negative": (
        result(-5.0, -8.0, -2.0, 0.0021),
        ALL + "results lost ground against similar schools: " + RWM
        + "about 5 percentage points lower" + THAN + "from 8 to 2 points lower" + BESIDE,
        TRIED + "Fewer than 1 in 100 showed a difference at least as large.",
    ),
    "small but sure": (
        result(0.04, 0.004, 0.08, 0.04),
        ALL + "results gained on similar schools: " + RWM + "less than 1 percentage point higher"
        + THAN + "just above zero" + BESIDE,
        TRIED + "About 4 in 100 showed a difference at least as large.",
    ),
    "in the autumn, before others' results": (
        result(2.4, 0.2, 4.6, 0.04, mode="forecast", release="school-returned"),
        ALL + "results gained on the forecast: " + RWM + "about 2 percentage points higher than "
        "forecast (likely range: from just above zero to 5 points higher; school-returned results "
        "for 2017/18, 17 schools).",
        TRIED.replace("repeated the calculation", OF_BEFORE)
        + "About 4 in 100 showed a difference at least as large.",
    ),
    "one school": (
        result(9.0, -10.0, 28.0, 0.34, n_schools=1, release="final", n_placebo=999),
        ALL + UNSURE + RWM + "about 9 percentage points higher" + THAN
        + "from 10 points lower to 28 points higher; final results for 2017/18, 1 school).",
        TRIED.replace("10,000", "999") + "About 34 in 100 showed a difference at least as large.",
    ),
    "a group of pupils": (
        result(6.0, 1.0, 11.0, 0.02, outcome="rwm_expected.disadvantaged"),
        ALL.replace("all", "disadvantaged") + "results gained on similar schools: " + RWM
        + "about 6 percentage points higher" + THAN + "from 1 point higher to 11 points higher"
        + BESIDE,
        TRIED + "About 2 in 100 showed a difference at least as large.",
    ),
    "a score": (
        result(0.3, 0.1, 0.5, 0.02, outcome="reading_progress", unit="progress points"),
        ALL + "results gained on similar schools: the progress score in reading was about 0.3 "
        "progress points higher" + THAN + "from 0.1 to 0.5 points higher" + BESIDE,
        TRIED + "About 2 in 100 showed a difference at least as large.",
    ),
    "suppressed": (
        result(math.nan, math.nan, math.nan, math.nan, n_schools=2, n_placebo=0, verdict=""),
        "For all pupils, no estimate can be given of the percentage reaching the expected standard "
        "in reading, writing and maths: too few of the programme's schools have results that can "
        "be compared.",
        "There were too few schools to test whether this could be chance.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", TWELVE)
def test_each_kind_of_effect_gets_its_own_sentence(kind: str) -> None:
    seen, sentence, chance = TWELVE[kind]
    assert wording.effect_sentence(seen) == sentence
    assert wording.chance_sentence(seen) == chance


def test_chance_is_said_with_its_authorities_its_range_and_all_results_together() -> None:
    seen = result(7.0, -0.1, 14.1, 0.053, n_authorities=31, p_low=0.018, p_high=0.101,
                  p_adjusted=0.14, borderline=True)  # fmt: skip
    said = wording.effect_sentence(seen)
    assert "results probably gained on similar schools (borderline): the percentage" in said
    assert wording.chance_sentence(seen) == (
        "To test whether the difference found could be chance, we repeated the calculation for "
        "10,000 groups of schools elsewhere that were not in the programme, in 31 authorities. "
        "About 5 in 100 showed a difference at least as large (between 2 and 10, depending on "
        "which authorities are compared). The more results a paper looks at, the likelier it is "
        "that one is large by chance. Allowing for that, the figure is about 14 in 100. Results "
        "are said to have gained or lost ground where this figure is 5 in 100 or less, and "
        "probably so where it is 10 or less. This result is borderline: compared with other "
        "authorities, it could have had another verdict."
    )


def test_with_too_few_authorities_for_a_verdict_the_paper_says_so() -> None:
    few, enough = (
        wording.chance_sentence(result(-4.6, -14.0, 4.9, 0.19, n_authorities=number))
        for number in (TELLING - 1, TELLING)
    )
    assert few.endswith(
        "With 18 authorities to compare with, no difference, however large, could have had the "
        "verdict \u201cgained\u201d or \u201clost ground\u201d."
    )
    assert "however large" not in enough
    assert 1 / TELLING > LEVEL >= 1 / (TELLING + 1)


def test_a_table_says_where_its_share_allows_for_all_results() -> None:
    alone = result(7.0, -0.1, 14.1, 0.02, p_adjusted=0.02)
    said = wording.verdict_words(alone)
    assert said.endswith("About 2 in 100 groups of schools without the programme changed as much")
    together = wording.verdict_words(result(7.0, -0.1, 14.1, 0.02, p_adjusted=0.06))
    assert "About 6 in 100" in together
    assert together.endswith("changed as much, allowing for all the results looked at together")


def test_a_verdict_that_is_not_on_the_ladder_is_refused() -> None:
    row = {**vars(result(1, 0, 2, 0.5)), "verdict": "gainde"}
    with pytest.raises(DesignError, match=r"`gainde` is not a verdict. Did you mean `gained`"):
        wording.read_result(row)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    estimate=st.floats(-40, 40), width=st.floats(0.001, 30), p=st.floats(0.0001, 1),
    schools=st.integers(1, 300),
)  # fmt: skip
def test_estimate_interval_schools_and_release_are_never_apart(
    estimate: float, width: float, p: float, schools: int
) -> None:
    seen = result(estimate, estimate - width, estimate + width, p, n_schools=schools)
    told, short = wording.effect_sentence(seen), wording.short_result(seen)
    assert wording.about_words(seen) in told and wording.likely_words(seen) in told
    assert "provisional results for 2017/18" in told and f"{schools:,} school" in told
    assert wording.size_words(seen.estimate, seen, seen.places) in short
    assert wording.span_words(seen) in short
    for said in (told, short):
        assert "similar schools" in said
        assert "significant" not in said and "works" not in said


@pytest.mark.parametrize(
    ("value", "decimals", "shown"),
    [(0.5, 0, "1"), (1.5, 0, "2"), (2.5, 0, "3"), (-0.5, 0, "−1"), (0.05, 1, "0.1"),
     (2.675, 2, "2.68"), (-0.04, 1, "0.0"), (12345.6, 0, "12,346"), (math.nan, 1, "not available")],
)  # fmt: skip
def test_numbers_are_rounded_half_up_for_eyes(value: float, decimals: int, shown: str) -> None:
    assert formatting.format_number(value, decimals) == shown


def test_a_share_of_nought_is_not_said_to_be_none() -> None:
    assert "Fewer than 1 in 100" in wording.chance_sentence(result(9, 5, 13, 0.0001))
    assert "About 1 in 100 showed" in wording.chance_sentence(result(9, 5, 13, 0.005))


def test_hidden_marks_are_taken_out_and_words_are_kept() -> None:
    tricky = "St\u202eeilla\u202c\x00's\u200b \u0645\u062f\u0631\u0633\u0629\tschool\n\U0001f600"
    assert (
        formatting.plain_text(tricky)
        == "Steilla's \u0645\u062f\u0631\u0633\u0629 school \U0001f600"
    )


def test_an_emoji_newer_than_our_tables_is_kept_and_a_noncharacter_is_not() -> None:
    assert formatting.plain_text("a\U0001fae9b\ufffe\uffffc\U0001fffe") == "a\U0001fae9bc"


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.text())
def test_plain_text_is_safe_in_a_word_file(text: str) -> None:
    kept = formatting.plain_text(text)
    assert formatting.plain_text(kept) == kept
    assert not any(
        ord(letter) < 32 or letter in "\u202a\u202b\u202d\u202e\u2066\u2067" for letter in kept
    )


def test_a_share_at_its_floor_is_told_as_what_so_many_authorities_allow() -> None:
    least = wording.chance_sentence(result(9.0, 1.0, 17.0, 1 / 41, n_authorities=40))
    assert "Few showed a difference at least as large. With 40 authorities to compare with" in least
    assert least.endswith("no figure below 2 in 100 can be given.")
    several = wording.chance_sentence(result(9.0, 1.0, 17.0, 1 / 13, n_places=12))
    assert "and the calculation allows for that. Few showed a difference at least as" in several
    assert several.endswith(
        "could have had the verdict \u201cgained\u201d or \u201clost ground\u201d."
    )
    few = wording.chance_sentence(result(9.0, 1.0, 17.0, 0.4, n_places=8))
    assert "and there are too few authorities to allow for that." in few
    above = wording.chance_sentence(result(9.0, 1.0, 17.0, 2 / 41, n_authorities=40))
    assert "About 5 in 100 showed a difference at least as large" in above

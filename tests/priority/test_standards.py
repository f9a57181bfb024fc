import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pepstats import measures
from pepstats.priority import standards
from tests.made_up_panels import PRIMARY, panel_of, register_of

NAN = float("nan")


def ask(test, figures):
    """Ask a test of one school; each measure has its figure and its upper limit, or nothing."""
    return {
        phase: answer.words()[0]
        for phase, answer in standards.ask_test(
            test, lambda measure: tuple(np.array([v]) for v in figures.get(measure, (NAN, NAN)))
        ).items()
    }


def ask_primary(test, rwm, r, w, m, upper):
    scores = dict(zip(standards.PROGRESS, zip((r, w, m), upper, strict=True), strict=True))
    return ask(test, {"rwm_expected": (rwm, NAN), **scores})["primary"]


def floor(rwm, r, w, m, upper=(NAN, NAN, NAN)):
    return ask_primary("floor", rwm, r, w, m, upper)


def coasting_year(rwm, r, w, m, upper):
    return ask_primary("coasting", rwm, r, w, m, upper)


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        # 65% is above whatever the progress
        ((65.0, -9.0, -9.0, -9.0, (-5, -5, -5)), "no"),
        ((64.9, -9.0, -9.0, -9.0, (-5, -5, -5)), "yes"),
        # on the line is not under it: -5, -7, -5
        ((50.0, -5.0, -7.0, -5.0, (-1, -1, -1)), "no"),
        # one subject under its line: below only if significantly so
        ((50.0, -5.1, -7.0, -5.0, (-0.1, -1, -1)), "yes"),
        ((50.0, -5.1, -7.0, -5.0, (0.0, -1, -1)), "no"),
        ((50.0, 0.0, -7.1, 0.0, (1, -0.1, 1)), "yes"),
        ((50.0, 0.0, 0.0, -5.1, (1, 1, -0.1)), "yes"),
        ((50.0, 0.0, 0.0, -5.1, (1, 1, 0.4)), "no"),
        # two under their lines: below, however sure
        ((50.0, -5.1, -7.1, 0.0, (0.5, 0.5, 1)), "yes"),
        # what is missing is unknown only where it matters
        ((NAN, 0.0, 0.0, 0.0), "no"),
        ((70.0, NAN, NAN, NAN), "no"),
        ((NAN, -9.0, -9.0, 0.0, (-1, -1, 1)), "unknown"),
        ((50.0, NAN, 0.0, 0.0), "unknown"),
        ((50.0, NAN, -7.1, 0.0, (NAN, -0.5, 1)), "yes"),
        ((50.0, NAN, -7.1, 0.0, (NAN, 0.5, 1)), "unknown"),
        ((50.0, -5.1, 0.0, 0.0, (NAN, 1, 1)), "unknown"),
    ],
)
def test_the_primary_floor_is_the_published_rule(case, expected):
    assert floor(*case) == expected


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ((85.0, -9.0, -9.0, -9.0, (-5, -5, -5)), "no"),
        ((84.9, -2.6, 0.0, 0.0, (-0.1, 1, 1)), "yes"),
        ((84.9, -2.5, -3.5, -2.5, (-0.1, -0.1, -0.1)), "no"),
        ((84.9, 0.0, -3.6, 0.0, (1, -0.1, 1)), "yes"),
        ((84.9, 0.0, 0.0, -2.6, (1, 1, -0.1)), "yes"),
        # the upper limit must be under zero for that same score
        ((84.9, -2.6, 0.0, 0.0, (0.0, -1, -1)), "no"),
        ((84.9, -2.6, 0.0, 0.0, (NAN, 1, 1)), "unknown"),
        ((NAN, -2.6, 0.0, 0.0, (-0.1, 1, 1)), "unknown"),
        ((90.0, NAN, NAN, NAN, (NAN, NAN, NAN)), "no"),
        ((80.0, NAN, -3.6, 0.0, (NAN, -0.1, 1)), "yes"),
    ],
)
def test_one_year_of_coasting_is_the_regulation(case, expected):
    assert coasting_year(*case) == expected


@pytest.mark.parametrize(
    ("progress8", "upper", "floor_says", "coasting_says"),
    [
        (-0.51, -0.01, "yes", "yes"),
        (-0.50, -0.01, "no", "yes"),
        (-0.51, 0.0, "no", "no"),
        (-0.25, -0.01, "no", "no"),
        (-0.26, -0.01, "no", "yes"),
        (NAN, NAN, "unknown", "unknown"),
        (-0.6, NAN, "unknown", "unknown"),
    ],
)
def test_the_secondary_lines_are_the_published_ones(progress8, upper, floor_says, coasting_says):
    figures = {"progress8": (progress8, upper)}
    assert ask("floor", figures)["secondary"] == floor_says
    assert ask("coasting", figures)["secondary"] == coasting_says


NUMBERS = st.one_of(st.just(NAN), st.floats(-12, 12).map(lambda x: round(x, 1)))


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    rwm=st.one_of(st.just(NAN), st.integers(0, 100).map(float)),
    progress=st.tuples(NUMBERS, NUMBERS, NUMBERS),
    uppers=st.tuples(NUMBERS, NUMBERS, NUMBERS),
    fills=st.tuples(*[st.floats(-12, 12)] * 6, st.floats(0, 100)),
)
def test_unknown_is_honest_no_filling_in_contradicts_a_known_answer(rwm, progress, uppers, fills):
    known = floor(rwm, *progress, uppers)
    values = [f if np.isnan(v) else v for v, f in zip((*progress, *uppers), fills, strict=False)]
    filled = floor(fills[6] if np.isnan(rwm) else rwm, *values[:3], tuple(values[3:]))
    assert filled != "unknown"
    assert known in ("unknown", filled)


LOW = {**PRIMARY, "rwm_expected": 40.0, "reading_progress": -6.0, "writing_progress": -8.0}


def judge(rows, reasons=None, **register):
    panel = panel_of(rows, reasons)
    schools = sorted({school for school, _ in rows})
    return standards.judge_standard("floor", panel, register_of(schools, **register), 2018)


def test_below_the_floor_says_which_scores():
    judged = judge({(1, 2018): LOW})
    assert judged.loc[1, "answer"] == "yes"
    assert judged.loc[1, "because"] == "reading progress under -5, writing progress under -7"


def test_ten_pupils_are_not_judged_and_eleven_are():
    judged = judge({(1, 2018): {**LOW, "cohort": 10.0}, (2, 2018): {**LOW, "cohort": 11.0}})
    assert judged["answer"].tolist() == ["no", "yes"]
    assert judged.loc[1, "because"] == standards.NOT_JUDGED


def test_low_coverage_of_prior_attainment_is_not_judged():
    rows = {(1, 2018): {**LOW, "reading_progress": NAN}}
    judged = judge(rows, {(1, 2018, "reading_progress"): measures.LOW_COVERAGE})
    assert judged.loc[1, "answer"] == "no"
    half = judge(
        {(1, 2018): {**LOW, "maths_coverage": 50.0}, (2, 2018): {**LOW, "maths_coverage": 49.0}}
    )
    assert half["answer"].tolist() == ["yes", "no"]


def test_special_and_infant_schools_are_not_judged():
    rows = {(1, 2018): LOW, (2, 2018): LOW}
    judged = judge(rows, phase=["special", "primary"], school_type=["special", "infant"])
    assert judged["answer"].tolist() == ["no", "no"]


def test_a_missing_result_is_unknown_and_says_what_is_missing():
    judged = judge({(1, 2018): {**LOW, "reading_progress": NAN, "writing_progress": 0.0}})
    assert judged.loc[1, "answer"] == "unknown"
    assert judged.loc[1, "because"] == "no reading progress"


def test_a_limit_that_is_not_published_is_worked_out():
    judged = judge({(1, 2018): {**LOW, "writing_progress": 0.0}})
    assert judged.loc[1, "answer"] == "yes"


def test_a_published_limit_is_taken_before_one_worked_out():
    row = {**LOW, "writing_progress": 0.0, "reading_progress_upper": 0.3}
    panel = panel_of({(1, 2018): row})
    assert standards.judge_standard("floor", panel, register_of([1]), 2018).loc[1, "answer"] == "no"


def test_an_all_through_school_is_below_if_either_phase_is():
    row = {**PRIMARY, "progress8": -0.8, "progress8_upper": -0.4, "cohort_ks4": 120.0}
    panel = panel_of({(1, 2018): row, (2, 2018): {**row, "progress8": 0.1, "progress8_upper": 0.3}})
    judged = standards.judge_standard(
        "floor", panel, register_of([1, 2], phase="all-through"), 2018
    )
    assert judged["answer"].tolist() == ["yes", "no"]
    assert judged.loc[1, "because"] == "Progress 8 under -0.5"


def test_coasting_is_all_three_years_and_one_good_year_ends_it():
    bad = {**PRIMARY, "rwm_expected": 70.0, "maths_progress": -4.0}
    rows = {(1, y): bad for y in (2016, 2017, 2018)} | {(2, y): bad for y in (2016, 2018)}
    rows |= {(2, 2017): PRIMARY, (3, 2016): bad, (3, 2018): bad, (4, 2016): PRIMARY}
    panel = panel_of(rows)
    judged = standards.judge_standard("coasting", panel, register_of([1, 2, 3, 4]), 2018)
    assert judged["answer"].tolist() == ["yes", "no", "unknown", "no"]


def test_coasting_before_2018_is_unknown_because_earlier_tests_were_others():
    bad = {**PRIMARY, "rwm_expected": 70.0, "maths_progress": -4.0}
    panel = panel_of({(1, y): bad for y in (2016, 2017)})
    assert (
        standards.judge_standard("coasting", panel, register_of([1]), 2017).loc[1, "answer"]
        == "unknown"
    )

import numpy as np
import pandas as pd
import pytest

from pepstats.priority import uncertainty
from tests.made_up_panels import PRIMARY, england_of, panel_of, register_of


def error(panel, measure, schools=(1,)):
    return uncertainty.standard_error(panel, measure, 2018, pd.Index(schools))


def test_a_percentage_moves_as_a_share_of_its_pupils():
    panel = panel_of({(s, 2018): {"rwm_expected": 50.0, "cohort": 25.0} for s in (1, 2)})
    assert error(panel, "rwm_expected")[0] == pytest.approx(10.0)


def test_nought_and_a_hundred_per_cent_are_not_exact():
    rows = {(1, 2018): {"rwm_expected": 0.0, "cohort": 12.0}}
    rows[2, 2018] = {"rwm_expected": 100.0, "cohort": 12.0}
    assert (error(panel_of(rows), "rwm_expected", (1, 2)) > 3).all()


def test_published_limits_are_taken_before_a_worked_out_error():
    row = {**PRIMARY, "reading_progress_lower": -2.0, "reading_progress_upper": 1.92}
    assert error(panel_of({(1, 2018): row}), "reading_progress")[0] == pytest.approx(1.0)


def test_limits_that_are_not_published_are_worked_out_from_pupils():
    panel = panel_of({(1, 2018): PRIMARY})
    expected = uncertainty.PUPIL_SD["reading_progress"] / np.sqrt(30 * uncertainty.COVERED)
    assert error(panel, "reading_progress")[0] == pytest.approx(expected)
    upper = uncertainty.upper_limit(panel, "reading_progress", 2018, pd.Index([1]))
    assert upper[0] == pytest.approx(0.2 + 1.96 * expected)


def test_the_limits_of_a_group_are_that_groups():
    assert uncertainty.limits_of("reading_progress.disadvantaged") == (
        "reading_progress_lower.disadvantaged", "reading_progress_upper.disadvantaged"
    )  # fmt: skip


CELLS = [(m, 2018) for m in ("maths_progress", "reading_progress", "rwm_expected")]


def test_a_small_schools_likely_values_lie_nearer_to_its_like_than_its_figure():
    panel, register = england_of(400)
    cohort = panel.values["cohort"].xs(2018, level="year")
    found = uncertainty.sampling_of(panel, register, CELLS)
    centre = found.draw(np.arange(400), 200, np.random.default_rng(1)).mean(axis=2)
    off = found.figures - found.means
    kept = np.sum((centre - found.means) * off, axis=1) / np.sum(off**2, axis=1)
    assert 0 < np.median(kept[cohort < 20]) < np.median(kept[cohort > 60]) < 1


def test_draws_spread_less_than_chance_alone_because_others_tell_something():
    panel, register = england_of(400)
    found = uncertainty.sampling_of(panel, register, CELLS)
    spread = found.draw(np.arange(400), 300, np.random.default_rng(1)).std(axis=2)
    assert (spread < 1.1 * found.errors).mean() > 0.95


def test_a_figure_that_is_missing_is_missing_in_every_draw():
    rows = {(s, 2018): PRIMARY for s in range(1, 60)}
    rows[7, 2018] = {**PRIMARY, "reading_progress": float("nan")}
    found = uncertainty.sampling_of(panel_of(rows), register_of(list(range(1, 60))), CELLS)
    drawn = found.draw(np.arange(59), 20, np.random.default_rng(1))
    assert np.isnan(drawn[6, 1]).all()
    assert np.isfinite(drawn[6, [0, 2]]).all()


def test_percentages_stay_between_nought_and_a_hundred():
    rows = {
        (s, 2018): {"rwm_expected": 100.0 if s % 2 else 0.0, "cohort": 9.0} for s in range(1, 9)
    }
    found = uncertainty.sampling_of(panel_of(rows), register_of(list(range(1, 9))), [CELLS[2]])
    drawn = found.draw(np.arange(8), 200, np.random.default_rng(1))
    assert drawn.min() >= 0
    assert drawn.max() <= 100


def test_with_few_schools_nothing_is_learned_from_the_others():
    rows = {(s, 2018): {**PRIMARY, "rwm_expected": 40.0 + 5 * s} for s in range(1, 9)}
    found = uncertainty.sampling_of(panel_of(rows), register_of(list(range(1, 9))), CELLS)
    drawn = found.draw(np.arange(8), 4000, np.random.default_rng(1))
    assert drawn[:, 2].mean(axis=1) == pytest.approx(found.figures[:, 2], abs=0.7)
    assert drawn[:, 2].std(axis=1) == pytest.approx(found.errors[:, 2], rel=0.1)


def test_figures_of_the_same_pupils_move_together_and_of_other_years_do_not():
    cells = [("reading_progress", 2017), ("reading_progress", 2018), ("rwm_expected", 2018)]
    rows = {(s, y): PRIMARY for s in range(1, 9) for y in (2017, 2018)}
    found = uncertainty.sampling_of(panel_of(rows), register_of(list(range(1, 9))), cells)
    moved = np.corrcoef(found.draw(np.arange(1), 20_000, np.random.default_rng(1))[0])
    assert moved[1, 2] == pytest.approx(0.50, abs=0.03)
    assert moved[0, 1] == pytest.approx(0.0, abs=0.03)


def test_a_group_moves_with_the_whole_by_its_share_of_the_cohort():
    row = {**PRIMARY, "rwm_expected.disadvantaged": 50.0, "cohort.disadvantaged": 7.5}
    cells = [("rwm_expected", 2018), ("rwm_expected.disadvantaged", 2018)]
    found = uncertainty.sampling_of(
        panel_of({(s, 2018): row for s in range(1, 9)}), register_of(list(range(1, 9))), cells
    )
    moved = np.corrcoef(found.draw(np.arange(1), 20_000, np.random.default_rng(1))[0])
    assert moved[0, 1] == pytest.approx(0.5, abs=0.03)

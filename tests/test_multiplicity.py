"""Several looks at once: R's and pyfixest's figures, and never a smaller p than one look has."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pepstats import effects, multiplicity
from pepstats.errors import DesignError
from tests import reference

# Benjamini and Hochberg 1995, section 3.2 (Neuhaus and others 1992): 15 comparisons; published:
# their procedure rejects 4 at 0.05, Bonferroni 3. Adjusted values: R 4.2.2, p.adjust.
P = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.324, 0.4262,
     0.5719, 0.6528, 0.759, 1]  # fmt: skip
HOLM = [0.0015, 0.0056, 0.0247, 0.114, 0.2211, 0.278, 0.278, 0.278, 0.3213, 1, 1, 1, 1, 1, 1]
BH = [0.0015, 0.003, 0.0095, 0.035625, 0.0603, 0.063857142857, 0.063857142857, 0.0645, 0.0765,
      0.486, 0.58118181818, 0.714875, 0.75323076923, 0.81321428571, 1]  # fmt: skip


def test_holm_and_benjamini_hochberg_are_r_s() -> None:
    np.testing.assert_allclose(multiplicity.adjust_holm(P), HOLM, atol=1e-11)
    np.testing.assert_allclose(multiplicity.adjust_false_discoveries(P), BH, atol=1e-11)
    assert (multiplicity.adjust_holm(P) <= 0.05).sum() == 3
    assert (multiplicity.adjust_false_discoveries(P) <= 0.05).sum() == 4


@reference.needs_reference
def test_stepping_down_is_romano_and_wolf_s_on_fixed_draws() -> None:
    drawn = reference.table("j_multitest/boot_t.csv").to_numpy()
    seen = reference.table("j_multitest/t_obs.csv")["t"]
    theirs = reference.figures("j_multitest/expected_rwolf.json")["pyfixest_rwolf"]
    found = multiplicity.step_down(seen, drawn)
    np.testing.assert_allclose(found, theirs, atol=1e-12)  # .013 .048 .058 .121 .424 .027


@reference.needs_reference
def test_the_effects_own_step_down_is_the_same_where_every_outcome_has_the_same_spread() -> None:
    drawn = reference.table("j_multitest/boot_t.csv")
    drawn = drawn / drawn.std()
    seen = reference.table("j_multitest/t_obs.csv")["t"]
    found = effects.adjust_together(dict(zip(drawn.columns, seen, strict=True)), drawn)
    theirs = multiplicity.step_down(seen, drawn.to_numpy())
    np.testing.assert_allclose([found[c] for c in drawn.columns], theirs, atol=1e-12)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_order_does_not_matter_and_no_p_gets_smaller(p: list[float]) -> None:
    for adjust in (multiplicity.adjust_holm, multiplicity.adjust_false_discoveries):
        found = adjust(p)
        assert (found >= np.array(p) - 1e-12).all() and (found <= 1).all()
        np.testing.assert_allclose(adjust(p[::-1])[::-1], found)
    holm, discoveries = multiplicity.adjust_holm(p), multiplicity.adjust_false_discoveries(p)
    assert (discoveries <= holm + 1e-12).all()


@settings(deadline=None, derandomize=True, max_examples=30)
@given(st.integers(0, 10_000))
def test_one_outcome_alone_keeps_its_own_p(seed: int) -> None:
    rng = np.random.default_rng(seed)
    drawn, seen = rng.normal(size=(99, 1)), float(rng.normal(0, 2))
    own = effects.placebo_p(seen, drawn[:, 0])
    assert multiplicity.step_down([seen], drawn)[0] == pytest.approx(own)


def test_a_missing_p_stays_missing_and_is_not_a_look() -> None:
    found = multiplicity.adjust_holm([0.02, np.nan, 0.03])
    assert found[0] == pytest.approx(0.04) and np.isnan(found[1]) and found[2] == 0.04
    assert len(multiplicity.adjust_holm([])) == 0
    assert np.isnan(multiplicity.adjust_false_discoveries([np.nan])).all()


def test_what_is_no_p_or_no_draw_is_refused() -> None:
    with pytest.raises(DesignError, match="between 0 and 1"):
        multiplicity.adjust_holm([0.2, 1.2])
    for drawn in (np.zeros((0, 2)), np.zeros((9, 3)), np.full((9, 2), np.nan)):
        with pytest.raises(DesignError, match="Stepping down"):
            multiplicity.step_down([1.0, 2.0], drawn)
    table = pd.DataFrame(np.eye(2))
    assert multiplicity.step_down([1.0, 2.0], table.to_numpy()).tolist() == [2 / 3, 1 / 3]

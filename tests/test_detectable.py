"""The smallest effect that could be seen: PowerUpR's figures, and the placebo draws' own."""

import numpy as np
import pytest

from pepstats import detectable
from pepstats.errors import DesignError
from tests import reference


@pytest.mark.parametrize(
    ("df", "two", "one"),  # Bloom (1995): 2.80 and 2.49 for many; R 4.2.2
    [(5, 3.4901256159, 2.9345921536), (10, 3.1071966805, 2.6915189514),
     (17, 2.9730945953, 2.6028857435), (70, 2.8412233968, 2.5137007641),
     (1_000_000, 2.8015879498, 2.4864767437)],
)  # fmt: skip
def test_multipliers_are_bloom_s(df: int, two: float, one: float) -> None:
    assert detectable.find_multiplier(df) == pytest.approx(two, abs=1e-9)
    assert detectable.find_multiplier(df, two_sided=False) == pytest.approx(one, abs=1e-9)


def test_the_manual_s_examples_are_met() -> None:
    # PowerUpR manual: mdes.cra2(rho2=.17, n=15, J=20) .629; bcra3f2(rho2=.10, n=20, J=44, K=5) .145
    cra2 = detectable.mdes_of_groups(20, 15, between=0.17)
    assert cra2 == pytest.approx(0.62900641769, abs=1e-9)
    blocked = detectable.mdes_of_groups(44, 20, between=0.10, blocks=5)
    assert blocked == pytest.approx(0.1445202659, abs=1e-9)


@pytest.mark.parametrize(
    ("n", "options", "theirs"),  # PowerUpR 1.1.0, ira on schools
    [
        (72, {"share": 0.25}, 0.77328306305),
        (72, {"share": 0.25, "explained": 0.6, "covariates": 1}, 0.48916760826),
        (36, {"share": 0.5, "explained": 0.6, "covariates": 1}, 0.60866776658),
        (4018, {"share": 18 / 4018, "explained": 0.6, "covariates": 1}, 0.41867597169),
    ],
)
def test_schools_as_units_are_powerupr_s(n: int, options: dict, theirs: float) -> None:
    assert detectable.mdes_of_schools(n, **options) == pytest.approx(theirs, abs=1e-9)


@reference.needs_reference
def test_the_grid_of_differences_in_differences_is_the_reference_s() -> None:
    cases = reference.figures("k_mdes/expected_mdes.json")["did_analytic"]["cases"]
    for nt, nc, a, b, rt, mdes in zip(*(cases[k] for k in ("nt", "nc", "a", "b", "rt", "mdes")),
                                      strict=True):  # fmt: skip
        found = detectable.mdes_of_changes(nt, nc, before=a, after=b, correlation=rt)
        assert found == pytest.approx(mdes, abs=1e-9)


def test_what_is_no_share_or_no_power_is_refused() -> None:
    with pytest.raises(DesignError, match="members' share"):
        detectable.mdes_of_schools(72, share=0.0)
    with pytest.raises(DesignError, match="share of variance"):
        detectable.mdes_of_groups(20, 15, between=1.0)
    assert np.isnan(detectable.mdes_of_changes(1, 0, before=1, after=1, correlation=0.5))
    assert np.isnan(detectable.mdes_of_schools(2, share=0.5))
    assert np.isnan(detectable.find_multiplier(0))

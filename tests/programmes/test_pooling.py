"""The two questions, how much programmes differ, each moved to the others, false discoveries."""

import numpy as np
import pytest
from scipy import stats

from pepstats.programmes.pooling import (
    average_kind,
    average_these,
    draw_power,
    find_covariance,
    find_distance,
    join_draws,
    measure_discovery,
    shrink_programmes,
)
from tests.swept import standing

# Colditz and others (1994): trials of the BCG vaccine, cases and others, vaccinated and not
BCG = np.array([
    [4, 119, 11, 128], [6, 300, 29, 274], [3, 228, 11, 209], [62, 13536, 248, 12619],
    [33, 5036, 47, 5761], [180, 1361, 372, 1079], [8, 2537, 10, 619], [505, 87886, 499, 87892],
    [29, 7470, 45, 7232], [17, 1699, 65, 1600], [186, 50448, 141, 27197], [5, 2493, 3, 2338],
    [27, 16886, 29, 17825],
])  # fmt: skip


def risk_ratios() -> tuple[np.ndarray, np.ndarray]:
    a, b, c, d = BCG.T.astype(float)
    return np.log(a / (a + b)) - np.log(c / (c + d)), 1 / a - 1 / (a + b) + 1 / c - 1 / (c + d)


def test_how_trials_of_a_vaccine_differ_is_what_metafor_says() -> None:
    """Its Paule-Mandel tau2 is 0.3181, its Q-profile interval of tau2 0.1197 to 1.1115."""
    estimates, variance = risk_ratios()
    found = average_kind(estimates, np.diag(variance))
    assert found.tau**2 == pytest.approx(0.3181, abs=2e-4)
    assert (found.tau_low**2, found.tau_high**2) == pytest.approx((0.1197, 1.1115), abs=2e-4)


def test_programmes_of_one_size_are_held_to_a_t_test() -> None:
    estimates = np.random.default_rng(0).normal(2, 4, 9)
    found = average_kind(estimates, 9.0 * np.eye(9))
    plain = stats.ttest_1samp(estimates, 0)
    assert found.p == pytest.approx(plain.pvalue)
    assert (found.low, found.high) == pytest.approx(tuple(plain.confidence_interval()))


def test_a_draw_without_a_result_for_a_programme_is_the_average_of_the_others() -> None:
    rng = np.random.default_rng(3)
    joint = rng.normal(0, 3, (4000, 5))
    joint[:, 4] = np.where(rng.random(4000) < 0.5, np.nan, joint[:, 4])
    covariance = 9.0 * np.eye(5)
    found = average_these(np.full(5, 2.0), joint, covariance)
    filled = average_these(np.full(5, 2.0), np.nan_to_num(joint), covariance)
    of_four = joint[np.isnan(joint[:, 4]), :4].mean(axis=1)
    assert found.high - found.low > filled.high - filled.low  # nought would make chance smaller
    assert 0.9 < (found.high - found.low) / (2 * 1.96 * np.sqrt(
        0.5 * of_four.var() + 0.5 * 9 / 5)) < 1.1  # fmt: skip


def test_an_average_is_found_as_often_as_the_power_line_says() -> None:
    rng, count = np.random.default_rng(1), 8
    smallest = find_distance(count) / np.sqrt(count)
    drawn = rng.normal(smallest, 1, (20_000, count))
    assert (stats.ttest_1samp(drawn, 0, axis=1).pvalue <= 0.05).mean() == pytest.approx(
        0.8, abs=0.01
    )
    these, of_kind = draw_power(3.0, 2.0, np.array([1.0, 4.0, 8.0, 20.0]))
    assert these[0] == pytest.approx(2.8 * 3.0, rel=0.01)
    assert np.isnan(of_kind[:2]).all()
    assert of_kind[2] == pytest.approx(smallest * np.sqrt(13))
    assert (np.diff(these) < 0).all() and (of_kind[2:] > these[2:]).all()


def test_the_average_of_these_moves_by_what_is_planted_and_no_further() -> None:
    many = [standing(f"p{n}", 0.0, home=n, schools=range(20 * n, 20 * n + 18)) for n in range(1, 9)]
    joint, covariance = join_draws(many), find_covariance(many)
    estimates = np.random.default_rng(2).normal(0, 3, 8)
    found, more = (average_these(estimates + x, joint, covariance) for x in (0.0, 5.0))
    assert more.estimate - found.estimate == pytest.approx(5.0)
    assert more.high - more.low == pytest.approx(found.high - found.low)
    assert more.high - more.estimate == pytest.approx(1.96 * 3 / np.sqrt(8), rel=0.12)


def test_these_are_called_a_gain_five_times_in_a_hundred_where_nothing_was_done() -> None:
    many = [standing(f"p{n}", 0.0, home=n, schools=range(20 * n, 20 * n + 18)) for n in range(1, 9)]
    joint, covariance = join_draws(many), find_covariance(many)
    rng = np.random.default_rng(3)
    drawn = [rng.normal(0, 3, 8) for _ in range(1500)]
    called = np.mean([average_these(one, joint, covariance).p <= 0.05 for one in drawn])
    assert 0.035 <= called <= 0.068  # three standard errors about .05, draws of their own too


def test_programmes_of_one_city_go_together_and_of_two_cities_do_not() -> None:
    chance = np.repeat(np.random.default_rng(4).normal(0, 3, 40), 30)  # each city's own year
    some = [standing("a", 0, home=1), standing("bb", 0, home=1), standing("ccc", 0, home=2)]
    city = np.repeat(np.arange(1, 41), 30).astype(np.int32)
    same = [type(one)(**{**vars(one), "chance": chance, "city": city}) for one in some]
    together = np.corrcoef(join_draws(same).T)
    assert together[0, 1] == pytest.approx(1.0) and abs(together[0, 2]) < 0.1


def test_shared_schools_make_two_programmes_go_together_and_their_average_less_sure() -> None:
    apart = [standing("a", 0, home=1), standing("bb", 0, home=2, schools=range(100, 118))]
    shared = [standing("a", 0, home=1), standing("bb", 0, home=2, schools=range(9, 27))]
    assert find_covariance(apart)[0, 1] == 0.0
    assert find_covariance(shared)[0, 1] == pytest.approx(9 * 60.0 / 18**2)
    wide = [average_these(np.zeros(2), join_draws(one), find_covariance(one)).high
            for one in (apart, shared)]  # fmt: skip
    assert wide[1] > 1.05 * wide[0]


def test_two_programmes_of_nearly_the_same_schools_are_no_two_pieces_of_evidence() -> None:
    alike = [standing(f"{'a' * n}", 0, home=1, schools=range(n, n + 18)) for n in (1, 2, 3)]
    covariance = find_covariance(alike)
    assert (np.linalg.eigvalsh(covariance) > 0).all()
    many = average_these(np.full(3, 4.0), join_draws(alike), covariance)
    alone = average_these(np.full(1, 4.0), join_draws(alike[:1]), covariance[:1, :1])
    assert many.high - many.low > 0.7 * (alone.high - alone.low)


def test_programmes_are_moved_towards_the_others_and_further_where_they_differ_less() -> None:
    rng = np.random.default_rng(5)
    alike, apart = rng.normal(2, 3, 12), rng.normal(2, 12, 12)
    for estimates in (alike, apart):
        found = shrink_programmes(estimates, 9 * np.eye(12), np.random.default_rng(0))
        off, moved = estimates - estimates.mean(), found.mean - estimates.mean()
        assert (moved * off >= 0).all() and (abs(moved) < abs(off)).all()
        assert (found.low < found.mean).all() and (found.mean < found.high).all()
        assert (found.rank_low >= 1).all() and (found.rank_high <= 12).all()
    kept = [np.std(shrink_programmes(one, 9 * np.eye(12), rng).mean) / np.std(one)
            for one in (alike, apart)]  # fmt: skip
    assert kept[0] < 0.5 < 0.85 < kept[1]


def test_moved_estimates_hold_the_truth_and_the_best_is_not_overstated_by_more_than_is_said() -> (
    None
):
    rng, holds, said, real = np.random.default_rng(6), [], [], []
    for _ in range(400):
        true = rng.normal(2, 2.5, 12)
        estimates = true + rng.normal(0, 3, 12)
        found = shrink_programmes(estimates, 9 * np.eye(12), rng)
        holds.append(np.mean((found.low <= true) & (true <= found.high)))
        best = estimates.argmax()
        said.append(estimates[best] - found.mean[best])
        real.append(estimates[best] - true[best])
    assert 0.93 <= np.mean(holds) <= 0.97
    assert np.mean(said) == pytest.approx(np.mean(real), abs=0.35)


def test_false_discoveries_are_few_where_nothing_was_done_and_true_ones_are_found() -> None:
    rng, floors = np.random.default_rng(7), np.full(12, 1 / 141)
    joint = rng.normal(0, 3, (2000, 12))
    nothing = [measure_discovery(rng.normal(0, 3, 12), joint, floors)[0] for _ in range(400)]
    assert np.mean([(rate <= 0.10).any() for rate in nothing]) <= 0.13
    planted = rng.normal(0, 3, 12) + np.r_[np.full(4, 14.0), np.zeros(8)]
    rate, _ = measure_discovery(planted, joint, floors)
    assert (rate[:4] <= 0.10).all() and (rate[4:] > 0.10).sum() >= 7
    assert rate.min() >= 12 / 141 / 4 - 1e-9  # no share of draws is below one in the cities

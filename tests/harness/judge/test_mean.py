import numpy as np
import pytest

from harness.judge.mean import (
    LARGEST_SKEWNESS,
    binomial_bounds,
    mean_bounds,
    moments,
    plausible_skewness,
    quantile,
)


def test_quantile_is_students_when_no_skewness_is_plausible() -> None:
    # scipy.stats.t.ppf(0.99, 63)
    assert quantile(64, 0.01, -1.0) == pytest.approx(2.38701, abs=1e-5)


def test_quantile_adds_the_edgeworth_term_for_full_skewness() -> None:
    t = 2.38701
    expected = t + LARGEST_SKEWNESS * (2 * t**2 + 1) / (6 * 8)
    assert quantile(64, 0.01, 3.0) == pytest.approx(expected, abs=1e-4)


def test_few_seeds_cannot_exclude_a_long_tail() -> None:
    assert plausible_skewness(8, 0.01, 0.1) == LARGEST_SKEWNESS
    assert plausible_skewness(32, 0.01, 0.0) < plausible_skewness(32, 0.0001, 0.0)
    assert plausible_skewness(256, 0.01, 0.1) == pytest.approx(0.1)


def test_bounds_of_symmetric_values_are_symmetric() -> None:
    mean, lower, upper = mean_bounds(np.array([-1.0, 1.0, -2.0, 2.0]))(0.01)
    assert mean == 0
    assert lower == pytest.approx(-upper)


def test_bounds_lean_towards_the_longer_tail() -> None:
    x = np.exp(np.random.default_rng(0).standard_normal(64))
    mean, lower, upper = mean_bounds(x)(0.01)
    assert upper - mean > 1.3 * (mean - lower)


def test_without_spread_the_bounds_are_the_mean() -> None:
    mean, lower, upper = mean_bounds(np.full((5, 2), 3.0))(0.01)
    np.testing.assert_allclose([mean, lower, upper], 3.0)


def test_moments_of_a_lopsided_pair_of_values() -> None:
    mean, deviation, skew = moments(np.array([0.0, 0.0, 0.0, 4.0]))
    assert mean == 1
    assert deviation == pytest.approx(np.sqrt(3))
    assert skew == pytest.approx((27 - 3) / 4 / 3**1.5)


def test_no_success_in_eight_trials_leaves_large_rates_open() -> None:
    _, lower, upper = binomial_bounds(np.array(0.0), 8)(0.01)
    assert lower == 0
    assert upper == pytest.approx(1 - 0.01 ** (1 / 8))


def test_binomial_bounds_are_exact_for_one_of_one() -> None:
    _, lower, upper = binomial_bounds(np.array(1.0), 1)(0.01)
    assert float(lower) == pytest.approx(0.01)
    assert float(upper) == 1

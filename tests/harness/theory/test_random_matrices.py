"""Laws of random matrices against moments, identities, limits and sampled matrices."""

import math

import numpy as np
import pytest
from scipy.integrate import quad

from harness.theory import sample_covariance, wigner
from harness.theory.random_matrices import (
    Law,
    marchenko_pastur,
    marchenko_pastur_density,
    marchenko_pastur_edges,
    point_mass,
    semicircle,
)
from predictions.solvable_settings.transient_bbp import dyson

RATIOS = [0.3, 1.0, 1.7]
ONE = point_mass(1.0)
MIXED = Law(np.array([0.5, 1.0, 3.0]), np.array([0.3, 0.5, 0.2]))
WEIGHTS = np.array([0.5, 0.3, 0.2])
VARIANCES = np.array([0.4, 1.0, 2.5])
ADDITIVE = (VARIANCES[:, None] + VARIANCES) / 4


def _narayana(k, ratio):
    return sum(ratio**r / (r + 1) * math.comb(k, r) * math.comb(k - 1, r) for r in range(k))


def test_a_law_has_weights_that_sum_to_one():
    for weights in ([0.5, 0.6], [1.5, -0.5]):
        with pytest.raises(ValueError, match="sum to one"):
            Law(np.arange(2.0), np.array(weights))
    with pytest.raises(ValueError, match="one length"):
        Law(np.arange(3.0), np.ones(1))
    np.testing.assert_allclose(MIXED.mean([MIXED.points, MIXED.points**2]), [1.25, 2.375])


def test_semicircle_rule_has_catalan_moments():
    law = semicircle(8)
    for k in range(8):
        assert law.mean(law.points ** (2 * k)) == pytest.approx(math.comb(2 * k, k) / (k + 1))
        assert law.mean(law.points ** (2 * k + 1)) == pytest.approx(0, abs=1e-9)
    z = 2.7
    transform = (z - math.sqrt(z**2 - 4)) / 2
    law = semicircle(60)
    assert law.mean(1 / (z - law.points)) == pytest.approx(transform, rel=1e-12)


@pytest.mark.parametrize("ratio", RATIOS)
def test_marchenko_pastur_rule_has_narayana_moments(ratio):
    law = marchenko_pastur(ratio, 6)
    for k in range(1, 12):
        assert law.mean(law.points**k) == pytest.approx(_narayana(k, ratio), rel=1e-10)


@pytest.mark.parametrize("ratio", RATIOS)
def test_marchenko_pastur_rule_integrates_the_density(ratio):
    low, high = marchenko_pastur_edges(ratio)
    atom = max(0.0, 1 - 1 / ratio)
    law = marchenko_pastur(ratio, 80)
    for function in (np.ones_like, np.exp, np.log1p):
        # s = low + (high - low) sin^2 takes the square roots at the ends out of the integrand.
        def integrand(angle, function=function):
            s = low + (high - low) * np.sin(angle) ** 2
            slope = (high - low) * np.sin(2 * angle)
            return function(s) * marchenko_pastur_density(s, ratio) * slope

        continuous, _ = quad(integrand, 0, np.pi / 2)
        expected = continuous + atom * function(np.zeros(1))[0]
        assert law.mean(function(law.points)) == pytest.approx(expected, rel=1e-7)


def test_mean_inverse_of_the_non_zero_eigenvalues():
    for ratio in (0.5, 1.6):
        law = marchenko_pastur(ratio, 200)
        positive = law.points > 0
        inverse = np.divide(1, law.points, where=positive, out=np.zeros_like(law.points))
        expected = 1 / (1 - ratio) if ratio < 1 else 1 / (ratio * (ratio - 1))
        assert law.mean(inverse) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("ratio", RATIOS)
def test_transforms_of_the_identity_are_those_of_marchenko_pastur(ratio):
    law = marchenko_pastur(ratio, 200)
    for ridge in (0.2, 3.0):
        expected = law.mean(1 / (law.points + ridge))
        assert sample_covariance.stieltjes(ridge, ONE, ratio) == pytest.approx(expected, rel=1e-9)
    edges = sample_covariance.bulk_edges(ONE, ratio)
    assert edges == pytest.approx(marchenko_pastur_edges(ratio), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("ratio", RATIOS)
def test_companion_equation_and_its_duality(ratio):
    ridge, t = 0.4, MIXED.points
    m = sample_covariance.companion(ridge, MIXED, ratio)
    assert 1 / m - ratio * MIXED.mean(t / (1 + t * m)) == pytest.approx(ridge, rel=1e-12)
    d_side = sample_covariance.stieltjes(ridge, MIXED, ratio)
    assert ratio * d_side + (1 - ratio) / ridge == pytest.approx(m, rel=1e-12)


def test_effective_ridge_counts_samples_and_vanishes_with_enough_of_them():
    t = MIXED.points
    kappa = sample_covariance.effective_ridge(0, MIXED, 1.7)
    assert 1.7 * MIXED.mean(t / (t + kappa)) == pytest.approx(1, rel=1e-12)
    assert sample_covariance.effective_ridge(0, ONE, 1.7) == pytest.approx(0.7, rel=1e-12)
    assert sample_covariance.effective_ridge(0, MIXED, 0.9) == 0
    assert sample_covariance.effective_ridge(0.1, MIXED, 1e-9) == pytest.approx(0.1, rel=1e-6)
    assert math.isinf(sample_covariance.companion(0, MIXED, 0.9))
    with pytest.raises(ValueError, match="positive"):
        sample_covariance.stieltjes(0, MIXED, 0.9)
    with pytest.raises(ValueError, match="negative"):
        sample_covariance.effective_ridge(-1, MIXED, 0.9)
    with pytest.raises(ValueError, match="covariance"):
        sample_covariance.bulk_edges(point_mass(0.0), 0.9)


def test_few_dimensions_a_sample_leave_the_population_covariance():
    low, high = sample_covariance.bulk_edges(MIXED, 1e-8)
    assert (low, high) == pytest.approx((0.5, 3.0), rel=1e-3)
    outlier = sample_covariance.spiked_covariance(5.0, MIXED, 1e-8)
    assert (outlier.value, outlier.overlap) == pytest.approx((5.0, 1.0), rel=1e-6)


def test_spiked_identity_has_the_classical_transition():
    ratio, spike = 0.5, 3.0
    outlier = sample_covariance.spiked_covariance(spike, ONE, ratio)
    excess = ratio / (spike - 1)
    assert outlier.value == pytest.approx(spike * (1 + excess), rel=1e-12)
    expected = (1 - excess / (spike - 1)) / (1 + excess)
    assert outlier.overlap == pytest.approx(expected, rel=1e-12)
    weak = sample_covariance.spiked_covariance(1 + 0.9 * math.sqrt(ratio), ONE, ratio)
    assert weak.overlap == 0
    assert weak.value == pytest.approx((1 + math.sqrt(ratio)) ** 2, rel=1e-12)
    with pytest.raises(ValueError, match="above"):
        sample_covariance.spiked_covariance(0.9, ONE, ratio)


@pytest.mark.parametrize("ratio", [0.5, 2.0])
def test_sampled_covariance_has_edges_trace_and_outlier(ratio):
    rng = np.random.default_rng(0)
    dim, spike, ridge = 400, 9.0, 0.5
    t_D = np.repeat(MIXED.points, np.rint(MIXED.weights * dim).astype(int))
    t_D[-1] = spike
    samples = round(dim / ratio)
    tops, traces = [], []
    for _ in range(12):
        x_ND = rng.standard_normal((samples, dim)) * np.sqrt(t_D)
        values, vectors = np.linalg.eigh(x_ND.T @ x_ND / samples)
        tops.append((values[-1], vectors[-1, -1] ** 2, values[-2], values[max(0, dim - samples)]))
        traces.append((1 / (values + ridge)).mean())
    value, overlap, high, low = np.mean(tops, axis=0)
    outlier = sample_covariance.spiked_covariance(spike, MIXED, ratio)
    assert value == pytest.approx(outlier.value, rel=0.06)
    assert overlap == pytest.approx(outlier.overlap, abs=0.03)
    # Tracy-Widom: edges lie inside of their limits by n^(-2/3), most where eigenvalues are small.
    low_edge, high_edge = sample_covariance.bulk_edges(MIXED, ratio)
    assert 1 < low / low_edge < 1.13
    assert 0.94 < high / high_edge < 1
    expected = sample_covariance.stieltjes(ridge, MIXED, ratio)
    assert np.mean(traces) == pytest.approx(expected, rel=0.01)


def test_wigner_is_the_deformation_of_nothing():
    zero = point_mass(0.0)
    assert wigner.deformed_edge(zero, 0.7) == pytest.approx(1.4, rel=1e-12)
    for spike in (0.5, 1.3):
        deformed, spiked = (
            wigner.deformed_outlier(spike, zero, 0.7),
            wigner.spiked_wigner(spike, 0.7),
        )
        assert (deformed.value, deformed.overlap) == pytest.approx((spiked.value, spiked.overlap))
    with pytest.raises(ValueError, match="above"):
        wigner.deformed_outlier(-1.0, zero, 0.7)


def test_deformation_by_a_semicircle_adds_variances():
    law = semicircle(400)
    assert wigner.deformed_edge(law, 1.5) == pytest.approx(2 * math.hypot(1, 1.5), rel=1e-4)


def test_sampled_deformed_matrix_has_edge_and_outlier():
    rng = np.random.default_rng(1)
    dim, std, spike = 500, 0.6, 4.0
    diagonal_D = np.repeat(MIXED.points, np.rint(MIXED.weights * dim).astype(int))
    diagonal_D[-1] = spike
    tops = []
    for _ in range(4):
        noise_DD = std / math.sqrt(dim) * rng.standard_normal((dim, dim))
        values, vectors = np.linalg.eigh(
            np.diag(diagonal_D) + (noise_DD + noise_DD.T) / math.sqrt(2)
        )
        tops.append((values[-1], vectors[-1, -1] ** 2, values[-2]))
    value, overlap, edge = np.mean(tops, axis=0)
    outlier = wigner.deformed_outlier(spike, MIXED, std)
    assert (value, overlap) == pytest.approx((outlier.value, outlier.overlap), rel=0.03)
    assert edge == pytest.approx(wigner.deformed_edge(MIXED, std), rel=0.02)


def test_additive_profile_has_the_closed_form_of_the_transient_outlier():
    x_edge = dyson.edge(WEIGHTS, VARIANCES)
    z_edge, _ = dyson.resolvent(x_edge, WEIGHTS, VARIANCES)
    assert wigner.dyson_edge(WEIGHTS, ADDITIVE) == pytest.approx(float(z_edge), rel=1e-8)
    for factor in (1.01, 1.5, 20.0):
        z, g = dyson.resolvent(factor * x_edge, WEIGHTS, VARIANCES)
        np.testing.assert_allclose(wigner.dyson(float(z), WEIGHTS, ADDITIVE), g, rtol=1e-10)
    with pytest.raises(ValueError, match="inside the bulk"):
        wigner.dyson(0.99 * float(z_edge), WEIGHTS, ADDITIVE)


def test_dyson_equation_and_its_edges_in_known_cases():
    profile = np.array([[0.2, 3.0, 0.0], [3.0, 1.0, 0.5], [0.0, 0.5, 2.0]])
    z = 1.1 * wigner.dyson_edge(WEIGHTS, profile)
    g = wigner.dyson(z, WEIGHTS, profile)
    np.testing.assert_allclose(1 / g, z - profile @ (WEIGHTS * g), rtol=1e-12)
    for distance in (1e-12, 1e-6):
        z = (1 + distance) * wigner.dyson_edge(WEIGHTS, profile)
        g = wigner.dyson(z, WEIGHTS, profile)
        # At the edge the linearised equation is singular, and g leaves it as a square root.
        perron = abs(np.linalg.eigvals(g[:, None] ** 2 * profile * WEIGHTS)).max()
        assert 0 < 1 - perron < 10 * math.sqrt(distance)
    flat = np.full((3, 3), 0.49)
    assert wigner.dyson_edge(WEIGHTS, flat) == pytest.approx(1.4, rel=1e-8)
    # Off-diagonal blocks alone hermitise a rectangular matrix: singular values 1 + sqrt(ratio).
    shares, off = np.array([0.2, 0.8]), np.array([[0.0, 1.0], [1.0, 0.0]])
    edge = math.sqrt(0.2) + math.sqrt(0.8)
    assert wigner.dyson_edge(shares, off) == pytest.approx(edge, rel=1e-8)


def test_sampled_block_matrix_has_edge_and_trace():
    rng = np.random.default_rng(2)
    dim, profile = 500, np.array([[0.2, 3.0, 0.0], [3.0, 1.0, 0.5], [0.0, 0.5, 2.0]])
    block_D = np.repeat(np.arange(3), np.rint(WEIGHTS * dim).astype(int))
    std_DD = np.sqrt(profile[block_D[:, None], block_D] / dim)
    tops, traces, z = [], [], 1.3 * wigner.dyson_edge(WEIGHTS, profile)
    for _ in range(4):
        noise_DD = np.triu(rng.standard_normal((dim, dim)))
        values = np.linalg.eigvalsh((noise_DD + np.triu(noise_DD, 1).T) * std_DD)
        tops.append(values[-1])
        traces.append((1 / (z - values)).mean())
    assert np.mean(tops) == pytest.approx(wigner.dyson_edge(WEIGHTS, profile), rel=0.03)
    assert np.mean(traces) == pytest.approx(WEIGHTS @ wigner.dyson(z, WEIGHTS, profile), rel=0.01)

"""The risk of ridgeless regression against closed forms, sampled inputs and gradient descent."""

from dataclasses import replace
from functools import partial

import jax
import numpy as np
import pytest
import scipy.stats

from harness.api import OutOfScope
from predictions.universality.minimum_norm import experiment, theory
from predictions.universality.minimum_norm.world import ENTRIES, Setup

SETUP = Setup(
    dim=400,
    samples_per_dim=(0.25, 0.6, 1.6, 3.0),
    anisotropy=9.0,
    snr=4.0,
    outputs=3,
    inputs="independent",
)


def test_isotropic_inputs_have_the_closed_form():
    isotropic = replace(SETUP, anisotropy=1.0)
    for alpha, risk in zip(
        (0.25, 0.6, 1.6, 3.0), theory.isotropic(isotropic)["risk"][0], strict=True
    ):
        noise = min(1, alpha) / abs(1 - alpha) / 4
        assert risk == pytest.approx(max(1 - alpha, 0) + noise)
    np.testing.assert_allclose(
        theory.two_moments(isotropic)["risk"], theory.isotropic(isotropic)["risk"], rtol=1e-9
    )


def test_above_the_threshold_only_the_number_of_inputs_counts():
    risks = [theory.two_moments(replace(SETUP, anisotropy=a))["risk"][:, 2:] for a in (1.0, 16.0)]
    np.testing.assert_allclose(*risks, rtol=1e-9)


def test_inputs_without_variance_do_not_count():
    # Fewer samples than inputs with variance: those without do not take part in the interpolation.
    setup = replace(SETUP, anisotropy=1e7, samples_per_dim=(0.1, 0.2))
    half = np.array([0.1, 0.2]) / 0.5
    expected = 1 - half + half / (1 - half) / setup.snr
    np.testing.assert_allclose(theory.two_moments(setup)["risk"][0], expected, rtol=1e-3)


def test_many_samples_have_the_risk_of_the_textbook():
    many = replace(SETUP, samples_per_dim=(100.0, 200.0))
    np.testing.assert_allclose(
        theory.two_moments(many)["risk"], theory.fixed_dimension(many)["risk"], rtol=0.02
    )


def test_risk_is_the_average_over_sampled_inputs():
    rng = np.random.default_rng(0)
    small, large = SETUP.variances
    variance_D = np.repeat([small, large], SETUP.dim // 2)
    for n, forecast in zip(SETUP.sample_sizes, theory.two_moments(SETUP)["risk"][0], strict=True):
        x_ND = np.sqrt(variance_D) * rng.standard_normal((n, SETUP.dim))
        inverse_DN = np.linalg.pinv(x_ND)
        missed_DD = np.eye(SETUP.dim) - inverse_DN @ x_ND
        bias = np.trace(missed_DD.T * variance_D @ missed_DD) / SETUP.dim
        noise = np.trace(inverse_DN.T * variance_D @ inverse_DN) / SETUP.snr
        assert bias + noise == pytest.approx(forecast, rel=0.06)


def test_training_sets_near_the_threshold_are_refused():
    with pytest.raises(OutOfScope, match="differ by less"):
        theory.two_moments(replace(SETUP, samples_per_dim=(0.5, 0.95)))
    with pytest.raises(ValueError, match="rise"):
        replace(SETUP, samples_per_dim=(0.5, 1.0))
    with pytest.raises(ValueError, match="even"):
        replace(SETUP, dim=101)


def test_entries_have_mean_zero_and_variance_one_and_their_own_kurtosis():
    z_EN = np.asarray(experiment.independent_entries(jax.random.key(0), (200_000,)), float)
    np.testing.assert_allclose(z_EN.mean(axis=1), 0, atol=0.01)
    np.testing.assert_allclose((z_EN**2).mean(axis=1), 1, atol=0.03)
    kurtosis = dict(zip(ENTRIES, (z_EN**4).mean(axis=1), strict=True))
    for name, expected in (("gaussian", 3), ("rademacher", 1), ("uniform", 1.8)):
        assert kurtosis[name] == pytest.approx(expected, rel=0.03)
    # Sample kurtosis does not settle for Student entries: their tail probability does.
    tail = 2 * scipy.stats.t(5).sf(3 * np.sqrt(5 / 3))
    assert np.mean(abs(z_EN[3]) > 3) == pytest.approx(tail, rel=0.1)


def test_fits_are_the_pseudo_inverse_and_the_end_of_descent():
    rng = np.random.default_rng(1)
    for n in (5, 30):
        x_ND, y_NK = rng.standard_normal((n, 12)), rng.standard_normal((n, 2))
        found = np.asarray(experiment.minimum_norm(x_ND, y_NK).product()).T
        np.testing.assert_allclose(found, np.linalg.pinv(x_ND) @ y_NK, atol=1e-4)
        w_DK = np.zeros((12, 2))
        for _ in range(4000):
            w_DK -= 0.01 * x_ND.T @ (x_ND @ w_DK - y_NK)
        np.testing.assert_allclose(found, w_DK, atol=1e-3)


def test_measured_risk_is_that_of_the_theory_for_all_laws():
    setup = replace(SETUP, dim=128, samples_per_dim=(0.25, 3.0))
    keys = jax.vmap(jax.random.key)(np.arange(8))
    risk_SEA = np.asarray(jax.jit(jax.vmap(partial(experiment.train, setup)))(keys)["risk"])
    assert risk_SEA.shape == (8, len(ENTRIES), 2)
    np.testing.assert_allclose(risk_SEA.mean(axis=0), theory.two_moments(setup)["risk"], rtol=0.12)

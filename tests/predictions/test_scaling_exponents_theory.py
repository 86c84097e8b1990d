"""Finite-size scaling of random features against its asymptotic laws and plain linear algebra."""

from dataclasses import replace
from functools import partial

import jax
import numpy as np
import pytest

from predictions.empirical_laws.scaling_exponents import equivalents, experiment, theory
from predictions.empirical_laws.scaling_exponents.equivalents import Spectrum
from predictions.empirical_laws.scaling_exponents.world import Setup

SETUP = Setup(
    modes=2000,
    alpha=1.0,
    hidden_flattening=0.0,
    sizes=(10, 20, 40, 80, 160),
    largest=400,
    ridge=1e-6,
    draws=2,
)


def test_known_values():
    # From an independent evaluation of the same equations.
    risk = theory.random_features(SETUP)["risk_by_samples"]
    np.testing.assert_allclose(risk, [0.2286, 0.1226, 0.0658, 0.0368, 0.0239], atol=6e-5)


def test_scale_solves_the_two_equations():
    values = np.arange(1.0, 301) ** -1.5
    t = equivalents.learnability(Spectrum(values, np.ones(300), values), 20, 50, 1e-3)
    g = (values * (1 - t) / t)[0]
    assert t.sum() + 1e-3 / (g * (1 - t.sum() / 50)) == pytest.approx(20, rel=1e-9)


def test_samples_and_features_are_alike_without_ridge():
    curves = theory.random_features(replace(SETUP, ridge=1e-12))
    np.testing.assert_allclose(curves["risk_by_samples"], curves["risk_by_features"], rtol=1e-5)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 1.5])
def test_exponent_tends_to_alpha_at_widely_separate_sizes(alpha):
    setup = replace(
        SETUP, alpha=alpha, modes=10**5, sizes=(50, 70, 100), largest=10**4, ridge=1e-12
    )
    risk = theory.random_features(setup)["risk_by_samples"]
    law = theory.resolution_limited(setup)["samples_exponent"]
    slopes = [np.polyfit(np.log(setup.sizes), np.log(curve), 1)[0] for curve in (risk, law)]
    assert slopes[1] == pytest.approx(-alpha)
    assert slopes[0] == pytest.approx(-alpha, abs=0.04)


def test_wrong_theories_cross_at_alpha_one():
    np.testing.assert_allclose(
        theory.mirrored(SETUP)["risk_by_samples"], theory.random_features(SETUP)["risk_by_samples"]
    )
    for name, law in theory.variance_limited(SETUP).items():
        np.testing.assert_allclose(theory.resolution_limited(SETUP)[name], law)


def _run(setup, seed):
    with jax.enable_x64(True):
        fitted = jax.jit(partial(experiment.fit, setup))(jax.random.key(seed))
        shape = (setup.draws, 2, setup.largest, setup.modes)
        drawn = np.asarray(jax.random.normal(jax.random.key(seed), shape))
    return {name: np.asarray(x) for name, x in fitted.items()}, drawn


def _risk(x_NM, w_PM, variance_M, ridge):
    w_PM = w_PM / np.sqrt(len(w_PM))
    h_NP = x_NM @ w_PM.T
    gram_PP = h_NP.T @ h_NP + ridge * np.eye(len(w_PM))
    readout_P = np.linalg.solve(gram_PP, h_NP.T @ x_NM.sum(axis=1))
    return variance_M @ (w_PM.T @ readout_P - 1) ** 2


def test_experiment_is_ridge_regression():
    setup = replace(SETUP, modes=50, sizes=(5, 10, 20), largest=30, ridge=1e-3)
    measured, drawn = _run(setup, 2)
    variance_M = np.arange(1.0, 51) ** -2.0
    by_samples, by_features = np.zeros((2, 3))
    for normal_NM, w_PM in drawn:
        x_NM = normal_NM * np.sqrt(variance_M)
        by_samples += [_risk(x_NM[:n], w_PM, variance_M, 1e-3) / 2 for n in setup.sizes]
        by_features += [_risk(x_NM, w_PM[:p], variance_M, 1e-3) / 2 for p in setup.sizes]
    np.testing.assert_allclose(measured["risk_by_samples"], by_samples, rtol=1e-6)
    np.testing.assert_allclose(measured["risk_by_features"], by_features, rtol=1e-6)


def test_flattening_keeps_the_power():
    with jax.enable_x64(True):
        steep, flat = (
            np.asarray(experiment._variance(replace(SETUP, hidden_flattening=f)))
            for f in (0.0, 1.0)
        )
    np.testing.assert_allclose(steep, np.arange(1.0, 2001) ** -2.0)
    assert np.ptp(flat) == pytest.approx(0, abs=1e-15)
    assert flat.sum() == pytest.approx(steep.sum())


def test_sizes_stay_below_what_does_not_vary():
    with pytest.raises(ValueError, match="below largest"):
        replace(SETUP, sizes=(10, 20, 400))

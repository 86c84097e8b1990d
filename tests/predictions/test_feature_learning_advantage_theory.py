"""The floor against exact linear predictors and limits; the experiment's parts against NumPy."""

from dataclasses import replace
from functools import partial

import jax
import numpy as np
import pytest
import xarray as xr
from scipy.optimize import minimize
from scipy.special import eval_gegenbauer

from harness.api import OutOfScope
from predictions.tractable_limits.feature_learning_advantage import experiment, readout, theory
from predictions.tractable_limits.feature_learning_advantage.world import Setup

SETUP = Setup(
    dim=8,
    samples=64,
    test_points=100,
    cubic_power=0.5,
    width=16,
    laziness=1.0,
    first_layer_rate=1.0,
    axis_scale=1.0,
    step_size=0.3,
    steps=20,
    ridges=(1e-3, 1e-1, 10.0),
)


def compiled(function, setup, *arguments):
    """One program in the place of one for each operation."""
    return jax.jit(partial(function, setup))(*arguments)


def sphere(rng, points, dim):
    x_BD = rng.standard_normal((points, dim))
    return x_BD / np.linalg.norm(x_BD, axis=1, keepdims=True)


def legendre(setup, cosine):
    alpha = setup.dim / 2 - 1
    return [eval_gegenbauer(k, alpha, cosine) / eval_gegenbauer(k, alpha, 1) for k in (2, 3)]


def linear_risk(setup, weights, rng, draws):
    """Mean risk of ridgeless regression with sum_k w_k P_k, over random axes and all inputs.

    With T = K(x, X) K(X, X)^-1, means over x of products of P_k are P_k / D_k.
    """
    p, harmonics = theory.powers(setup), theory.multiplicity(setup.dim, theory.DEGREES)
    risks = []
    for _ in range(draws):
        x_PD = sphere(rng, setup.samples, setup.dim)
        gram_K = legendre(setup, x_PD @ x_PD.T)
        inverse = np.linalg.inv(sum(w * g for w, g in zip(weights, gram_K, strict=True)))
        covariance = sum(q * g for q, g in zip(p, gram_K, strict=True))
        overlap = sum(
            w * q / n * g for w, q, n, g in zip(weights, p, harmonics, gram_K, strict=True)
        )
        square = sum(w * w / n * g for w, n, g in zip(weights, harmonics, gram_K, strict=True))
        spread = np.trace(inverse @ square @ inverse @ covariance)
        risks.append(1 - 2 * np.trace(inverse @ overlap) + spread)
    return np.mean(risks)


def test_numbers_of_harmonics():
    # In three dimensions 2 k + 1; degree 2 has d (d + 1) / 2 - 1.
    np.testing.assert_allclose(theory.multiplicity(3, np.array([2, 3])), [5, 7])
    assert theory.multiplicity(20, np.array([2]))[0] == 209


@pytest.mark.parametrize(("dim", "cubic_power"), [(8, 0.5), (12, 0.5), (12, 0.2)])
def test_floor_is_the_mean_risk_of_regression_with_the_covariance(dim, cubic_power):
    setup = replace(SETUP, dim=dim, samples=dim**2, cubic_power=cubic_power)
    exact = linear_risk(setup, theory.powers(setup), np.random.default_rng(0), 20)
    assert theory.floor(setup) == pytest.approx(exact, rel=0.008)


@pytest.mark.parametrize("cubic_share", [0.2, 0.35, 0.65, 0.8])
def test_kernels_with_another_spectrum_stay_above_the_floor(cubic_share):
    setup = replace(SETUP, dim=12, samples=144)
    weights = np.array([1 - cubic_share, cubic_share])
    risk = linear_risk(setup, weights, np.random.default_rng(1), 10)
    assert risk > 1.005 * theory.floor(setup)


def test_floor_is_the_least_risk_of_the_eigenlearning_equations():
    # Learnabilities t: sum_k p_k (1 - t_k)^2 over 1 - sum_k D_k t_k^2 / P, their sum at most P.
    setup = replace(SETUP, dim=16, samples=256, cubic_power=0.3)
    p, harmonics = theory.powers(setup), theory.multiplicity(16, theory.DEGREES)
    best = minimize(
        lambda t: p @ (1 - t) ** 2 / (1 - harmonics @ t**2 / setup.samples),
        [0.4, 0.05],
        bounds=[(0, 1)] * 2,
        constraints={"type": "ineq", "fun": lambda t: 1 - harmonics @ t / setup.samples},
        tol=1e-10,
    )
    assert theory.floor(setup) == pytest.approx(best.fun, rel=1e-4)


def test_floor_lies_above_what_conservation_of_learnability_leaves_of_the_bias():
    setup = replace(SETUP, dim=16, samples=256)
    p, harmonics = theory.powers(setup), theory.multiplicity(16, theory.DEGREES)
    # Least sum_k p_k (1 - t_k)^2 with sum_k D_k t_k = P: 1 - t_k in proportion to D_k / p_k.
    price = (harmonics.sum() - setup.samples) / (harmonics**2 / p).sum()
    assert theory.floor(setup) > p @ (price * harmonics / p) ** 2


def test_floor_in_high_dimension():
    # s = k / d^2 with one half 2 (1 - p) / (2 (1 - p) + k) + p / k = 1: k = 1 / sqrt 2 at p = 1/2.
    setup = replace(SETUP, dim=5000, samples=5000**2)
    assert theory.floor(setup) == pytest.approx(np.sqrt(0.5), rel=2e-3)


def test_floor_falls_with_samples_from_the_targets_power_to_zero():
    floors = [theory.floor(replace(SETUP, samples=n)) for n in (2, 20, 60, 130)]
    assert floors == sorted(floors, reverse=True)
    assert floors[0] == pytest.approx(1, abs=0.03)
    total = int(theory.multiplicity(8, theory.DEGREES).sum())
    assert theory.floor(replace(SETUP, samples=total - 1)) < 0.02
    with pytest.raises(OutOfScope):
        theory.floor(replace(SETUP, samples=total))


def test_few_samples_are_out_of_the_claims_scope():
    with pytest.raises(OutOfScope):
        theory.learned_direction(replace(SETUP, samples=40))


def test_rivals_differ_where_they_speak():
    claim, frozen = theory.learned_direction(SETUP), theory.frozen_kernel(SETUP)
    assert claim["network_risk"][1] == frozen["network_risk"][0] == claim["best_linear_risk"]
    assert theory.staircase(SETUP)["best_linear_risk"] == 0.5
    assert theory.staircase(replace(SETUP, samples=30))["best_linear_risk"] == 1


def test_targets_have_unit_power_and_the_covariance_of_their_harmonics():
    setup = replace(SETUP, samples=60_000, cubic_power=0.3)
    x_BD = compiled(experiment.inputs, setup, jax.random.key(0))
    y_BD = np.asarray(compiled(experiment.targets, setup, x_BD), float)
    np.testing.assert_allclose(np.sum(np.asarray(x_BD) ** 2, axis=1), 8, rtol=1e-5)
    assert np.mean(y_BD**2) == pytest.approx(1, rel=0.02)
    assert abs(np.mean(y_BD * x_BD)) < 0.01
    # Over random axes, between two points; the mean over points of a product of harmonics.
    pair_2D = np.asarray(x_BD[:2], float)
    axis_ND = sphere(np.random.default_rng(0), len(x_BD), 8)
    first, second = compiled(experiment.targets, setup, pair_2D @ axis_ND.T)
    expected = np.asarray(compiled(experiment.covariance, setup, pair_2D, pair_2D))
    assert float(np.mean(np.asarray(first) * second)) == pytest.approx(expected[0, 1], abs=0.02)
    np.testing.assert_allclose(np.diagonal(expected), 1, rtol=1e-5)
    quadratic, cubic = legendre(setup, pair_2D @ pair_2D.T / 8)
    np.testing.assert_allclose(expected, 0.7 * quadratic + 0.3 * cubic, rtol=1e-5)


def test_network_starts_at_zero_and_its_kernel_is_that_of_its_gradients():
    model = compiled(experiment.network, SETUP, jax.random.key(1))
    x_BD = compiled(experiment.inputs, SETUP, jax.random.key(2))[:5]
    np.testing.assert_allclose(model(x_BD), 0, atol=1e-6)

    def outputs(layers):
        w_MD, a_M, bias_M = layers
        return jax.nn.relu(x_BD @ w_MD.T + bias_M) @ a_M

    layers = tuple(p[...] for p in (model.w_MD, model.a_M, model.bias_M))
    parts = jax.jit(jax.jacobian(outputs))(layers)
    flat = np.concatenate([np.asarray(part).reshape(5, -1) for part in parts], axis=1)
    found = jax.jit(experiment.tangent_kernel)(model, x_BD, x_BD[:3])
    np.testing.assert_allclose(found, flat @ flat[:3].T / 16, rtol=1e-4, atol=1e-5)


def test_regression_solves_its_normal_equations():
    rng = np.random.default_rng(0)
    factor = rng.standard_normal((9, 6))
    kernel, y = factor @ factor.T, rng.standard_normal((9, 2))
    found = jax.jit(experiment.regress)(kernel[:, :5], y, 0.1)
    gram = kernel[:5, :5] + 0.1 * np.trace(kernel[:5, :5]) / 5 * np.eye(5)
    expected = kernel[:, :5] @ np.linalg.solve(gram, y[:5])
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_fixed_first_layers_keep_their_weights():
    start, end, _, _ = descended(replace(SETUP, first_layer_rate=0.0))
    np.testing.assert_array_equal(end.w_MD[...], start.w_MD[...])
    np.testing.assert_array_equal(end.bias_M[...], start.bias_M[...])
    assert abs(np.asarray(end.a_M[...]) - np.asarray(start.a_M[...])).max() > 0


def test_a_lazy_network_descends_with_its_tangent_kernel():
    setup = replace(SETUP, laziness=3000.0, steps=200)
    start, end, x_PD, y_P = descended(setup)
    kernel_PP = np.asarray(jax.jit(experiment.tangent_kernel)(start, x_PD, x_PD), float)
    left = np.linalg.matrix_power(np.eye(64) - setup.step_size / 64 * kernel_PP, 200)
    expected = np.asarray(y_P) - left @ np.asarray(y_P)
    found = setup.laziness * np.asarray(jax.jit(lambda model: model(x_PD))(end))
    assert np.mean((found - expected) ** 2) < 1e-4 * np.mean(expected**2)
    assert abs(np.asarray(end.w_MD[...]) - np.asarray(start.w_MD[...])).max() > 0


def descended(setup):
    """Network before and after training, with its training points and targets."""

    def run(setup, key):
        x_PD = experiment.inputs(setup, key)[: setup.samples]
        y_P = experiment.targets(setup, x_PD)[:, 0]
        start = experiment.network(setup, jax.random.fold_in(key, 1))
        return start, experiment.descend(setup, start, x_PD, y_P), x_PD, y_P

    return compiled(run, setup, jax.random.key(3))


def test_best_ridge_is_one_ridge_for_all_seeds():
    risks = xr.DataArray([[1.0, 4.0, 2.0], [5.0, 1.0, 3.0]], dims=("seed", "ridge"))
    assert float(readout.best_ridge(risks)) == 2.5


def test_training_measures_what_the_observables_name():
    found = jax.eval_shape(partial(experiment.train, SETUP), jax.random.key(7))
    shapes = {name: array.shape for name, array in found.items()}
    assert shapes == {"network_risk": (), "ridge_risk": (3,), "best_linear_risk": ()}
    assert SETUP.axes()["ridge"].shape == (3,)


def test_risk_is_that_of_the_test_points_over_their_power():
    y_BO = np.ones((164, 2))
    f_BO = np.where(np.arange(164)[:, None] < 64, 7.0, 0.5) * y_BO
    assert float(experiment.risk(SETUP, f_BO, 2 * y_BO)) == pytest.approx(0.5625)

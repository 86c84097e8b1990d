"""Responses against finite differences, the lazy limit in closed form, identities, and networks."""

import math
from dataclasses import replace

import jax
import numpy as np
import pytest

from predictions.tractable_limits.finite_width_fluctuations import experiment, neurons, theory
from predictions.tractable_limits.finite_width_fluctuations.neurons import Neurons
from predictions.tractable_limits.finite_width_fluctuations.world import Setup, dataset

SETUP = Setup(
    width=64,
    gamma=1.5,
    learning_rate=0.6,
    steps=5,
    activation="tanh",
    dim=3,
    samples=2,
    held_out=2,
    data=3,
    networks=4,
    output_scale="1/m",
    start="independent",
)
INPUTS = SETUP.samples + SETUP.held_out
ERF = replace(SETUP, activation="erf")
KEY = jax.random.key(7)

both_activations = pytest.mark.parametrize("setup", [SETUP, ERF], ids=["tanh", "erf"])


@pytest.fixture
def few_points(monkeypatch):
    monkeypatch.setattr(neurons, "LOG2_POINTS", 5)
    monkeypatch.setattr(neurons, "BLOCK", 24)


def learning(setup):
    world, start = neurons.world(setup), neurons.initial(setup)
    residual_TP = neurons.mean_residuals(world, start)
    return world, start, residual_TP, neurons.statistics(world, start, residual_TP)


@pytest.mark.parametrize("name", ["tanh", "erf"])
def test_derivatives_are_those_of_finite_differences(name):
    derivatives = neurons.DERIVATIVES[name]
    h = np.linspace(-3, 3, 13)
    (_, slope, bend), step = derivatives(h), 1e-5
    above, below = derivatives(h + step), derivatives(h - step)
    np.testing.assert_allclose((above[0] - below[0]) / (2 * step), slope, atol=1e-9)
    np.testing.assert_allclose((above[1] - below[1]) / (2 * step), bend, atol=1e-9)


@both_activations
def test_response_is_that_of_finite_differences(setup, few_points):
    world, start, residual_TP, statistics = learning(setup)
    response_XTB = statistics.response.reshape(-1, setup.steps + 1, INPUTS)
    step = 1e-5
    for s in range(setup.steps + 1):
        for p in range(setup.samples):
            kick_TP = np.zeros_like(residual_TP)
            kick_TP[s, p] = step
            above, below = (
                neurons.driven(world, start, residual_TP + sign * kick_TP).mean(axis=0)
                for sign in (1, -1)
            )
            difference_X = (above - below).ravel() / (2 * step)
            np.testing.assert_allclose(response_XTB[:, s, p], difference_X, atol=1e-9)


def test_response_is_causal_and_comes_from_training_inputs(few_points):
    response = learning(SETUP)[3].response.reshape(2 * (SETUP.steps + 1, INPUTS))
    steps = np.arange(SETUP.steps + 1)
    later = steps[:, None] <= steps
    assert not response.swapaxes(1, 2)[later].any()
    assert not response[..., SETUP.samples :].any()
    assert response[-1, :, -2, : SETUP.samples].all()


def test_neurons_at_rest_respond_by_the_tangent_kernel_at_any_gamma(few_points):
    world, start = neurons.world(SETUP), neurons.initial(SETUP)
    frozen = neurons.frozen_statistics(world, start).response
    rest_TP = np.zeros((SETUP.steps + 1, SETUP.samples))
    found = neurons.statistics(world, start, rest_TP).response
    np.testing.assert_allclose(found, frozen, atol=1e-12)


@both_activations
def test_a_population_of_other_proportions_differs_by_the_fed_back_difference(setup, few_points):
    world, start, residual_TP, statistics = learning(setup)
    size, small = len(start.readout), 1e-5
    odd_N = np.random.default_rng(0).standard_normal(size)
    odd_N -= odd_N.mean()
    g_NX = neurons.driven(world, start, residual_TP).reshape(size, -1)
    feedback_XX = np.eye(g_NX.shape[1]) + statistics.response
    expected_X = np.linalg.solve(feedback_XX, odd_N @ g_NX / size)
    ends = []
    for sign in (1, -1):
        share_N = (1 + sign * small * odd_N) / size
        now, outputs = start, []
        for _ in range(setup.steps + 1):
            outputs.append(share_N @ neurons.contribution(world, now))
            now = neurons.advance(world, now, world.target - outputs[-1][: setup.samples])
        ends.append(np.ravel(outputs))
    np.testing.assert_allclose((ends[0] - ends[1]) / (2 * small), expected_X, atol=1e-8)


def test_the_covariance_is_that_of_such_differences():
    rng = np.random.default_rng(1)
    response = np.tril(rng.standard_normal((6, 6)), -1)
    xi = rng.standard_normal((6, 50))
    delta = np.linalg.solve(np.eye(6) + response, xi)
    found = theory.fed_back(neurons.Statistics(xi @ xi.T, response))
    np.testing.assert_allclose(found, delta @ delta.T, atol=1e-9)


def test_without_response_there_is_no_feedback():
    statistics = neurons.Statistics(np.diag([2.0, 3.0]), np.zeros((2, 2)))
    np.testing.assert_allclose(theory.fed_back(statistics), statistics.covariance)
    world, start = neurons.world(SETUP), neurons.initial(SETUP)
    idle = replace(world, eta=0.0)
    found = neurons.statistics(idle, start, neurons.mean_residuals(idle, start))
    assert not found.response.any()


@both_activations
def test_all_theories_agree_before_the_first_step_on_the_kernel_of_the_start(setup):
    said = [f(setup) for f in (theory.linear_response, theory.no_feedback, theory.frozen_kernel)]
    for name in ("training_variance", "held_out_variance"):
        first = [curves[name][0] for curves in said]
        np.testing.assert_allclose(first, first[0], rtol=1e-12)
    if setup is ERF:
        kernel_B = np.diag(erf_kernels(setup)[0])
        expected = kernel_B[: setup.samples].mean() / setup.gamma**2 / setup.width
        assert said[0]["training_variance"][0] == pytest.approx(expected, rel=3e-3)


def erf_kernels(setup):
    """Kernel and tangent kernel of a wide erf network at its start, [B, B] (Williams 1997)."""
    x_BD, _ = dataset(setup)
    k = x_BD @ x_BD.T
    one = 1 + 2 * np.diag(k)
    product = np.multiply.outer(one, one)
    kernel = 2 / math.pi * np.arcsin(2 * k / np.sqrt(product))
    return kernel, kernel + 4 / math.pi * k / np.sqrt(product - 4 * k**2)


def test_lazy_limit_is_the_closed_form():
    gamma = 1e-3
    setup = replace(ERF, gamma=gamma)
    kernel_BB, tangent_BB = erf_kernels(setup)
    step_BB = np.eye(INPUTS)
    step_BB[:, : setup.samples] -= (
        setup.learning_rate / setup.samples * tangent_BB[:, : setup.samples]
    )
    variances = []
    for t in range(setup.steps + 1):
        passed_BB = np.linalg.matrix_power(step_BB, t)
        variances.append(np.diag(passed_BB @ kernel_BB @ passed_BB.T) / gamma**2 / setup.width)
    training, held_out = np.split(np.array(variances), [setup.samples], axis=1)
    for forecast in (theory.linear_response, theory.frozen_kernel):
        found = forecast(setup)
        np.testing.assert_allclose(found["training_variance"], training.mean(axis=1), rtol=8e-3)
        np.testing.assert_allclose(found["held_out_variance"], held_out.mean(axis=1), rtol=8e-3)


def test_frozen_kernel_is_left_with_the_square_of_gamma(few_points):
    gaps = []
    for gamma in (0.04, 0.02):
        setup = replace(SETUP, gamma=gamma)
        lazy, full = theory.frozen_kernel(setup), theory.linear_response(setup)
        gaps.append(lazy["held_out_variance"][-1] / full["held_out_variance"][-1] - 1)
    assert gaps[0] / gaps[1] == pytest.approx(4, rel=0.05)
    assert abs(gaps[0]) < 0.02


def test_linearised_populations_differ_by_the_fed_back_difference(few_points):
    world, start = neurons.world(SETUP), neurons.initial(SETUP)
    statistics = neurons.frozen_statistics(world, start)
    size, samples = len(start.readout), SETUP.samples
    phi_NB, slope_NB, _ = world.derivatives(start.preactivation)
    moved_NB = start.readout[:, None] * slope_NB
    tangent_NBP = phi_NB[:, :, None] * phi_NB[:, None, :samples]
    tangent_NBP += moved_NB[:, :, None] * moved_NB[:, None, :samples] * world.gram
    initial_NB = neurons.contribution(world, start)

    def trajectory(share_N):
        """Outputs [T, B], and the sum of eta/P times the residuals before each step [T, P]."""
        way_P, f_TB, way_TP = np.zeros(samples), [], []
        for _ in range(SETUP.steps + 1):
            way_TP.append(way_P)
            f_TB.append(share_N @ (initial_NB + tangent_NBP @ way_P))
            way_P = way_P + world.eta / samples * (world.target - f_TB[-1][:samples])
        return np.array(f_TB), np.array(way_TP)

    even_N = np.full(size, 1 / size)
    odd_N = np.random.default_rng(2).standard_normal(size)
    odd_N -= odd_N.mean()
    _, way_TP = trajectory(even_N)
    g_NX = (initial_NB[:, None] + np.einsum("nbp,tp->ntb", tangent_NBP, way_TP)).reshape(size, -1)
    np.testing.assert_allclose(statistics.covariance, np.cov(g_NX.T, bias=True), atol=1e-10)
    feedback_XX = np.eye(g_NX.shape[1]) + statistics.response
    small = 1e-5
    above, below = (trajectory(even_N + sign * small * odd_N / size)[0] for sign in (1, -1))
    np.testing.assert_allclose(
        (above - below).ravel() / (2 * small),
        np.linalg.solve(feedback_XX, odd_N @ g_NX / size),
        atol=1e-8,
    )


def test_quadrature_error_is_within_a_per_cent(monkeypatch):
    setup = replace(SETUP, gamma=2.0, steps=10, dim=6, samples=4)

    def variances():
        variance_X = np.diag(theory.fed_back(learning(setup)[3]))
        return np.split(variance_X.reshape(setup.steps + 1, -1), [setup.samples], axis=1)

    coarse = variances()
    monkeypatch.setattr(neurons, "LOG2_POINTS", 14)
    monkeypatch.setattr(neurons, "SHIFT", 1)
    for found_TQ, exact_TQ in zip(coarse, variances(), strict=True):
        error_T, exact_T = (found_TQ - exact_TQ).mean(axis=1), exact_TQ.mean(axis=1)
        assert np.linalg.norm(error_T) < 0.01 * np.linalg.norm(exact_T)


def test_forecasts_fall_with_width_and_ignore_what_only_networks_know():
    said = theory.linear_response(SETUP)
    for broken in (
        replace(SETUP, start="paired"),
        replace(SETUP, output_scale="1/sqrt m"),
        replace(SETUP, networks=9),
    ):
        found = theory.linear_response(broken)
        np.testing.assert_array_equal(found["training_variance"], said["training_variance"])
    wide = theory.linear_response(replace(SETUP, width=640))
    np.testing.assert_allclose(wide["held_out_variance"], said["held_out_variance"] / 10)


def neurons_of(model, x_BD):
    a_N, w_ND = (np.asarray(array[...], float) for array in (model.a_M, model.w_MD))
    return Neurons(a_N, w_ND @ x_BD.T)


def test_measured_variances_are_those_of_the_means_of_neurons():
    world, (x_BD, _) = neurons.world(SETUP), dataset(SETUP)
    f_KTB = []
    for own in jax.random.split(KEY, SETUP.networks):
        start = neurons_of(experiment.draw_network(SETUP, own), x_BD)
        residual_TP = neurons.mean_residuals(world, start)
        f_KTB.append(neurons.driven(world, start, residual_TP).mean(axis=0))
    variance_TB = np.var(f_KTB, axis=0, ddof=1)
    measured = experiment.train(SETUP, KEY)
    for name, columns in (("training", slice(0, 2)), ("held_out", slice(2, 4))):
        np.testing.assert_allclose(
            measured[f"{name}_variance"], variance_TB[:, columns].mean(axis=1), rtol=1e-3
        )


def test_the_lazy_output_scale_is_a_gamma_that_falls_with_width():
    lazy = replace(ERF, output_scale="1/sqrt m")
    same = replace(ERF, gamma=ERF.gamma / math.sqrt(ERF.width))
    model, (x_BD, y_P) = experiment.draw_network(lazy, KEY), dataset(lazy)
    residual_TP = neurons.mean_residuals(neurons.world(same), neurons_of(model, x_BD))
    found_TB = experiment.outputs(lazy, model)
    np.testing.assert_allclose(y_P - found_TB[:, : lazy.samples], residual_TP, atol=2e-5)


def test_paired_networks_start_at_zero():
    paired, (x_BD, _) = replace(SETUP, start="paired"), dataset(SETUP)
    start = neurons_of(experiment.draw_network(paired, KEY), x_BD)
    assert len(start.readout) == SETUP.width
    contribution_NB = neurons.contribution(neurons.world(paired), start)
    np.testing.assert_allclose(contribution_NB.mean(axis=0), 0, atol=1e-12)
    assert np.abs(contribution_NB).max() > 0.1
    with pytest.raises(ValueError, match="even number"):
        replace(paired, width=63)

"""Turning of deep linear classifiers against flows of their layers; training against its law."""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from scipy.integrate import solve_ivp
from scipy.special import gamma

from harness.api import OutOfScope
from predictions.solvable_settings.directional_convergence import (
    experiment,
    readout,
    theory,
    world,
)

SETUP = world.Setup(
    depth=3,
    dim=3,
    width=3,
    law="gaussian",
    inputs="as drawn",
    batch=64,
    start_angle=1.2,
    start_norm=1.0,
    imbalance=1.0,
    learning_rate=0.02,
    end_time=14.0,
    levels=(0.5, 1.0, 1.5, 2.0),
)


def layers(setup, seed=0):
    w_D = np.zeros(setup.dim)
    w_D[:2] = np.cos(setup.start_angle), np.sin(setup.start_angle)
    return [
        np.asarray(weight, float)
        for weight in experiment.balanced_layers(setup, jax.random.key(seed), jnp.array(w_D))
    ]


def flow_of_layers(setup):
    """Passage times of gradient flow in the layers, every weight by itself; w* is the first axis.

    The gradient of the risk is a quadrature over the plane of w and w*, of its definition.
    """
    node, weight = np.polynomial.legendre.leggauss(40)
    # Arcs between the boundaries of both half planes, so that the integrand is smooth on each.
    sizes = [w.shape for w in layers(setup)]

    def split(flat):
        cuts = np.cumsum([rows * columns for rows, columns in sizes])[:-1]
        return [part.reshape(size) for part, size in zip(np.split(flat, cuts), sizes, strict=True)]

    radius = 4 * (node + 1)
    radial = 4 * weight * radius**2 * np.exp(-(radius**2) / 2) / (2 * np.pi)

    def pull(w_D):
        arcs = np.array([(-np.pi / 2, np.pi / 2), (np.pi / 2, 3 * np.pi / 2)])
        total = np.zeros(setup.dim)
        for low, high in arcs:
            angle = (low + high) / 2 + (high - low) / 2 * node
            x = np.stack([np.cos(angle), np.sin(angle)])
            z = radius[:, None] * (w_D[:2] @ x)
            y = np.sign(x[0])
            share = y / (1 + np.exp(y * z))
            total[:2] += (high - low) / 2 * (x * weight) @ (radial @ share)
        return total

    def velocity(_, flat):
        weights = split(flat)
        product = np.eye(setup.dim)
        below = [product := weight @ product for weight in weights]
        g_D = pull(below[-1][0])
        above, moved = np.ones((1, 1)), []
        for index in reversed(range(setup.depth)):
            lower = below[index - 1] if index else np.eye(setup.dim)
            moved.append((above.T @ (lower @ g_D)[None]).ravel())
            above = above @ weights[index]
        return np.concatenate(moved[::-1])

    start = np.concatenate([weight.ravel() for weight in layers(setup)])
    time_T = np.linspace(0, setup.end_time, 2000)
    path = solve_ivp(velocity, (0, setup.end_time), start, "DOP853", time_T, rtol=1e-8).y.T
    w_TD = np.array([np.linalg.multi_dot([*split(flat)[::-1], np.eye(setup.dim)]) for flat in path])
    angle_T = np.arctan2(np.linalg.norm(w_TD[:, 0, 1:], axis=1), w_TD[:, 0, 0])
    contraction_T = -np.log(np.tan(angle_T / 2) / np.tan(angle_T[0] / 2))
    return np.interp(setup.levels, contraction_T, time_T)


@pytest.mark.parametrize(("depth", "angle"), [(1, 1.2), (3, 2.2)])
def test_balanced_flow_is_the_flow_of_the_layers(depth, angle):
    setup = replace(SETUP, depth=depth, start_angle=angle)
    forecast = theory.balanced_flow(setup)["passage_time"]
    np.testing.assert_allclose(forecast, flow_of_layers(setup), rtol=5e-4)


@pytest.mark.parametrize("law", ["gaussian", "sphere"])
def test_pull_and_brake_are_means_over_inputs(law):
    setup = replace(SETUP, law=law, dim=5, batch=100_000)
    teacher_D = jnp.eye(5)[0]
    x_BD = np.asarray(experiment.inputs(setup, jax.random.key(1), teacher_D), float)
    projection = theory.Projection(setup)
    w_D = 1.7 * np.array([np.cos(0.9), np.sin(0.9), 0, 0, 0])
    y_B = np.sign(x_BD[:, 0])
    force = (y_B / (1 + np.exp(y_B * (x_BD @ w_D)))) @ x_BD / len(x_BD)
    expected = projection.pull * np.eye(5)[0] - projection.brake(1.7) * w_D / 1.7
    np.testing.assert_allclose(force, expected, atol=8e-3)
    assert projection.brake(1e4) == pytest.approx(projection.pull, rel=1e-3)


def test_pull_in_closed_form():
    assert theory.Projection(SETUP).pull == pytest.approx((2 * np.pi) ** -0.5, rel=1e-9)
    for dim in (2, 3, 16):
        sphere = replace(SETUP, law="sphere", dim=dim)
        mean = np.sqrt(dim / np.pi) * gamma(dim / 2) / gamma((dim + 1) / 2)
        assert theory.Projection(sphere).pull == pytest.approx(mean / 2, rel=1e-6)


def test_two_layers_contract_exponentially_whatever_the_norm():
    for norm in (0.5, 2.0):
        setup = replace(SETUP, depth=2, start_norm=norm)
        expected = np.array(setup.levels) * np.sqrt(2 * np.pi)
        for forecast in (theory.balanced_flow, theory.constant_norm):
            np.testing.assert_allclose(forecast(setup)["passage_time"], expected, rtol=1e-6)


def test_a_linear_model_is_its_own_linearisation():
    setup = replace(SETUP, depth=1)
    np.testing.assert_allclose(
        theory.linearised(setup)["passage_time"],
        theory.balanced_flow(setup)["passage_time"],
        rtol=1e-4,
    )


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_late_exponents_are_the_limit_of_the_flow(depth):
    setup = replace(SETUP, depth=depth, levels=(400.0, 500.0, 600.0), end_time=1e6)
    time = xr.DataArray(
        theory.balanced_flow(setup)["passage_time"], dims="level", coords=setup.axes()
    )
    late = theory.late_exponent(setup)["stretching"]
    assert float(readout.stretching(time)) == pytest.approx(float(late), abs=0.03)


def test_without_radial_gain_is_right_for_one_layer():
    one = replace(SETUP, depth=1)
    for forecast in (theory.without_radial_gain, theory.balanced_flow):
        np.testing.assert_allclose(
            forecast(one)["passage_time"], theory._passage_times(one, radial_gain=1)
        )
    slower = theory.without_radial_gain(SETUP)["passage_time"]
    assert slower[-1] > theory.balanced_flow(SETUP)["passage_time"][-1]


def test_levels_beyond_the_end_of_training_are_out_of_scope():
    with pytest.raises(OutOfScope, match="training is over"):
        theory.balanced_flow(replace(SETUP, end_time=3.0))


def test_setup_wants_rising_levels():
    with pytest.raises(ValueError, match="do not rise"):
        replace(SETUP, levels=(1.0, 0.5))


def test_layers_are_balanced_and_multiply_to_the_start():
    setup = replace(SETUP, start_norm=2.0)
    first, second, third = layers(setup)
    np.testing.assert_allclose(second.T @ second, first @ first.T, atol=1e-6)
    np.testing.assert_allclose(third.T @ third, second @ second.T, atol=1e-6)
    product = (third @ second @ first)[0]
    np.testing.assert_allclose(product[:2], [2 * np.cos(1.2), 2 * np.sin(1.2)], atol=1e-6)
    unequal = layers(replace(setup, imbalance=3.0))
    np.testing.assert_allclose((unequal[2] @ unequal[1] @ unequal[0])[0], product, atol=1e-6)
    assert np.linalg.norm(unequal[0]) == pytest.approx(3 * np.linalg.norm(first), rel=1e-5)


def test_training_contracts_when_the_law_says():
    setup = replace(SETUP, law="sphere", batch=512, end_time=6.0)
    measured = jax.jit(partial(experiment.train, setup))(jax.random.key(2))["passage_time"]
    np.testing.assert_allclose(measured, theory.balanced_flow(setup)["passage_time"], rtol=0.05)


def test_deformed_inputs_are_stretched_or_have_a_gap():
    teacher_D = jnp.eye(3)[1]
    key = jax.random.key(3)
    setup = replace(SETUP, batch=500)
    drawn = experiment.inputs(setup, key, teacher_D)
    gapped = experiment.inputs(replace(setup, inputs="gapped"), key, teacher_D)
    stretched = experiment.inputs(replace(setup, inputs="stretched"), key, teacher_D)
    assert float(jnp.abs(gapped[:, 1]).min()) >= 0.5
    np.testing.assert_allclose(jnp.abs(gapped - drawn)[:, 1], 0.5, rtol=1e-4)
    np.testing.assert_allclose(stretched / drawn, np.tile([3.0, 1.0, 1.0], (500, 1)), rtol=1e-5)


def test_angles_and_passages():
    vector = jnp.array([jnp.cos(0.3), jnp.sin(0.3), 0.0]) * 5
    half = experiment.log_tan_half_angle(vector, jnp.eye(3)[0])
    assert float(half) == pytest.approx(np.log(np.tan(0.15)), rel=1e-4)
    path = jnp.array([0.0, 0.4, 0.8, 0.7])
    np.testing.assert_allclose(
        experiment.first_passage(path, jnp.array([0.2, 0.6, 0.9])), [0.5, 1.5, 3.0], rtol=1e-6
    )

"""Broken balance: the exact step, its limits, and the experiment against descent by hand."""

from dataclasses import replace
from functools import partial

import jax
import numpy as np
import pytest

from harness.api import OutOfScope
from predictions.universality.conservation_laws import experiment, theory, world

SETUP = world.Setup(
    activation="linear",
    dim=4,
    width=5,
    samples=20,
    horizon=2.0,
    learning_rate=0.01,
    momentum=0.0,
)


def drawn(setup, seed):
    """A draw as NumPy would make it."""
    rng = np.random.default_rng(seed)
    x_ND = rng.standard_normal((setup.samples, setup.dim))
    w_2HD = rng.standard_normal((2, setup.width, setup.dim)) / np.sqrt(setup.dim)
    a_2H = rng.standard_normal((2, setup.width)) / np.sqrt(setup.width)
    phi = theory.FUNCTIONS[setup.activation][0]
    labels_N = phi(x_ND @ w_2HD[1].T) @ a_2H[1]
    return {"inputs": x_ND, "labels": labels_N, "first": w_2HD[0], "second": a_2H[0]}


def start(draw):
    return np.concatenate([draw["first"].ravel(), draw["second"]])


def balance(setup, weights):
    w_HD, a_H = theory._layers(setup, weights)
    q_HH = w_HD @ w_HD.T - np.outer(a_H, a_H)
    return q_HH if setup.activation == "linear" else np.diag(np.diagonal(q_HH))


def descend(setup, draw):
    """Weights before and after gradient descent with heavy-ball momentum."""
    weights = start(draw)
    speed = 0 * weights
    for _ in range(round(setup.horizon / setup.learning_rate)):
        speed = setup.momentum * speed + theory.gradient(setup, draw, weights)
        weights = weights - setup.learning_rate * speed
    return start(draw), weights


def measured(setup, draw):
    before, after = descend(setup, draw)
    size = np.linalg.norm(balance(setup, after) - balance(setup, before))
    fall = theory.loss(setup, draw, before) - theory.loss(setup, draw, after)
    return {"imbalance": size, "breaking": size / (setup.learning_rate * fall)}


@pytest.mark.parametrize("activation", ["linear", "relu", "tanh"])
def test_gradient_is_the_slope_of_the_loss(activation):
    setup = replace(SETUP, activation=activation)
    draw = drawn(setup, 0)
    weights = start(draw)
    along = np.random.default_rng(1).standard_normal(weights.size)
    ends = [theory.loss(setup, draw, weights + h * along) for h in (1e-6, -1e-6)]
    slope = theory.gradient(setup, draw, weights) @ along
    assert (ends[0] - ends[1]) / 2e-6 == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize("activation", ["linear", "relu"])
def test_a_step_changes_the_balance_by_eta_squared_alone(activation):
    setup = replace(SETUP, activation=activation)
    draw = drawn(setup, 1)
    gradient = theory.gradient(setup, draw, start(draw))
    step = balance(setup, start(draw) - 0.3 * gradient) - balance(setup, start(draw))
    np.testing.assert_allclose(step, 0.09 * balance(setup, gradient), atol=1e-12)


def test_a_step_of_a_tanh_network_changes_the_balance_to_first_order():
    setup = replace(SETUP, activation="tanh")
    draw = drawn(setup, 1)
    gradient = theory.gradient(setup, draw, start(draw))
    steps = [
        np.linalg.norm(balance(setup, start(draw) - eta * gradient) - balance(setup, start(draw)))
        for eta in (1e-3, 1e-4)
    ]
    assert steps[0] / steps[1] == pytest.approx(10, rel=0.05)


def test_errors_fall_with_the_order_of_the_forecast(monkeypatch):
    monkeypatch.setattr(theory, "STEPS_PER_TIME", 100)
    draws = [drawn(SETUP, seed) for seed in range(6)]

    def error(forecast, rate):
        setup = replace(SETUP, learning_rate=rate)
        results = [measured(setup, draw)["breaking"] for draw in draws]
        forecasts = [forecast(setup, draw)["breaking"] for draw in draws]
        return np.abs(np.subtract(results, forecasts)).max()

    first, second = (
        [error(forecast, rate) for rate in (0.01, 0.005)]
        for forecast in (theory.first_order, theory.second_order)
    )
    assert first[0] / first[1] == pytest.approx(2, rel=0.2)
    assert second[0] / second[1] == pytest.approx(4, rel=0.2)
    assert second[1] < 0.1 * first[1]


def test_relu_networks_follow_the_law_of_their_diagonal():
    setup = replace(SETUP, activation="relu", learning_rate=0.002)
    for seed in range(3):
        draw = drawn(setup, seed)
        forecast = theory.first_order(setup, draw)
        assert measured(setup, draw)["imbalance"] == pytest.approx(forecast["imbalance"], rel=0.02)


def test_the_flow_loses_what_its_gradients_square_to():
    draw = drawn(SETUP, 3)
    flow = theory._flow(SETUP, draw, 0.0, second=-1.0)
    assert np.trace(flow.integral) == pytest.approx(flow.descent, rel=1e-4)
    assert 0 < theory.first_order(SETUP, draw)["breaking"] < 1


def test_second_order_tends_to_the_first():
    setup = replace(SETUP, learning_rate=1e-6)
    draw = drawn(setup, 4)
    first, second = theory.first_order(setup, draw), theory.second_order(setup, draw)
    assert second["breaking"] == pytest.approx(first["breaking"], rel=1e-4)


def test_sum_over_steps_has_an_end_correction():
    draw = drawn(SETUP, 4)
    error = [
        abs(measured(SETUP, draw)["breaking"] - forecast(SETUP, draw)["breaking"])
        for forecast in (theory.second_order, theory.modified_path)
    ]
    assert error[0] < 0.1 * error[1]


def test_a_random_walk_adds_squares():
    draw = drawn(SETUP, 5)
    setups = [replace(SETUP, learning_rate=rate) for rate in (0.01, 0.0025)]
    sizes = [theory.random_walk(setup, draw)["imbalance"] for setup in setups]
    assert sizes[0] / sizes[1] == pytest.approx(8)
    before, _ = descend(SETUP, draw)
    single = replace(SETUP, horizon=0.01)
    increment = balance(SETUP, theory.gradient(SETUP, draw, before))
    expected = 1e-4 * np.linalg.norm(increment)
    assert theory.random_walk(single, draw)["imbalance"] == pytest.approx(expected, rel=0.1)


def test_other_activations_are_refused():
    setup = replace(SETUP, activation="tanh")
    for forecast in (theory.first_order, theory.second_order):
        with pytest.raises(OutOfScope, match="homogeneous"):
            forecast(setup, drawn(setup, 0))
    assert theory.any_activation(setup, drawn(setup, 0))["breaking"] > 0
    assert theory.conserved(setup) == {"breaking": 0.0}


def test_first_layer_alone_is_not_the_whole():
    draw = drawn(SETUP, 6)
    whole, part = theory.first_order(SETUP, draw), theory.first_layer_only(SETUP, draw)
    assert abs(whole["breaking"] - part["breaking"]) > 0.01


@pytest.mark.parametrize(("activation", "momentum"), [("linear", 0.0), ("relu", 0.5)])
def test_training_is_gradient_descent_with_momentum(activation, momentum):
    setup = replace(SETUP, activation=activation, momentum=momentum)
    with jax.enable_x64(True):
        draw = jax.jit(partial(world.draw, setup))(jax.random.key(0))
        result = jax.jit(partial(experiment.train, setup))(jax.random.key(1), draw)
    expected = measured(setup, {name: np.asarray(value) for name, value in draw.items()})
    for name, value in expected.items():
        assert result[name] == pytest.approx(value, rel=1e-8)

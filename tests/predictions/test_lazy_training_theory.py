"""Movement as a function of s, by networks written out in NumPy; the experiment against them."""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

from harness.api import OutOfScope
from models.two_layer import TwoLayer
from predictions.tractable_limits.lazy_training import experiment, theory
from predictions.tractable_limits.lazy_training.world import Setup

SETUP = Setup(
    alpha=0.75,
    width=32,
    activation="gelu",
    dim=4,
    samples=6,
    learning_rate=1.0,
    steps=10,
    mean_readout=0.0,
    rate_error=0.0,
)


def at(alpha):
    return replace(SETUP, alpha=alpha)


def exponents(forecast):
    return [forecast[name] for name in ("weight_movement", "feature_movement", "output_movement")]


def test_ends_of_the_interpolation_are_the_two_limits():
    assert theory.interpolation(at(0.5)) == theory.lazy_everywhere(at(0.5))
    assert theory.interpolation(at(1.0)) == theory.rich_everywhere(at(1.0))
    assert exponents(theory.interpolation(at(0.75))) == [-0.25, -0.5, 0]


@pytest.mark.parametrize("forecast", [theory.lazy_everywhere, theory.rich_everywhere])
def test_rivals_do_not_know_the_output_scale(forecast):
    assert forecast(at(0.5)) == forecast(at(0.75)) == forecast(at(1.0))


def test_kernel_bound_differs_in_the_features_alone():
    forecast, bound = theory.interpolation(at(0.5)), theory.features_follow_weights(at(0.5))
    assert exponents(bound) == [-0.5, -0.5, 0]
    assert bound["weight_movement"] == forecast["weight_movement"]
    assert theory.features_follow_weights(at(1.0)) == theory.rich_everywhere(at(1.0))


def test_long_training_is_refused():
    with pytest.raises(OutOfScope, match="40 steps"):
        theory.interpolation(replace(SETUP, steps=40))


# Networks with s in the place of width and alpha, and gradients by hand.


def gelu(h):
    return h * norm.cdf(h)


def slope(h):
    return norm.cdf(h) + h * norm.pdf(h)


def movement(w_ND, a_N, x_PD, y_P, s, rate=1.0, steps=10):
    """Movement of weights, features and output of f = s <a phi(w.x)> in gradient descent."""

    def output(w_ND, a_N):
        return s * gelu(x_PD @ w_ND.T) @ a_N / len(a_N)

    def gram(w_ND):
        h_PN = gelu(x_PD @ w_ND.T)
        return h_PN @ h_PN.T / len(w_ND)

    first = output(w_ND, a_N)
    w, a = w_ND, a_N
    for _ in range(steps):
        r_P = (output(w, a) - first - y_P) / len(y_P)
        h_PN = x_PD @ w.T
        w, a = (
            w - rate / s * a[:, None] * ((slope(h_PN) * r_P[:, None]).T @ x_PD),
            a - rate / s * gelu(h_PN).T @ r_P,
        )

    return np.array(
        [
            np.linalg.norm(w - w_ND) / np.linalg.norm(w_ND),
            np.linalg.norm(gram(w) - gram(w_ND)) / np.trace(gram(w_ND)),
            np.sqrt(np.mean((output(w, a) - first) ** 2)),
        ]
    )


@pytest.fixture
def world():
    """Paired neurons and a data set of order one."""
    rng = np.random.default_rng(0)
    w_HD, a_H = rng.standard_normal((40, 4)), rng.standard_normal(40)
    x_PD = rng.standard_normal((6, 4))
    x_PD /= np.linalg.norm(x_PD, axis=1, keepdims=True)
    return np.vstack([w_HD, w_HD]), np.hstack([a_H, -a_H]), x_PD, rng.standard_normal(6)


def local_exponents(world, scales):
    sizes = np.log([movement(*world, s) for s in scales])
    return np.diff(sizes, axis=0) / np.diff(np.log(scales))[:, None]


def test_movement_is_even_in_s(world):
    np.testing.assert_allclose(movement(*world, 1.5), movement(*world, -1.5), rtol=1e-12)


def test_movement_becomes_a_power_of_s_with_corrections_of_order_s_to_the_minus_two(world):
    deviations = local_exponents(world, 2.0 ** np.arange(2, 7)) - [-1, -2, 0]
    assert abs(deviations[-1]).max() < 2e-3
    np.testing.assert_allclose(deviations[1:] / deviations[:-1], 0.25, atol=0.05)


def test_without_the_symmetry_of_the_readout_features_move_to_first_order(world):
    w_ND, a_N, *data = world
    one_sided = (w_ND, a_N + 1, *data)
    assert local_exponents(one_sided, [32.0, 64.0])[0] == pytest.approx([-1, -1, 0], abs=0.1)


@pytest.mark.parametrize("alpha", [0.5, 0.75, 1.0])
def test_powers_of_s_are_the_forecast_powers_of_the_width(world, alpha):
    widths = np.array([10.0**6, 10.0**7])
    per_s = local_exponents(world, [20.0, 40.0])[0]
    found = per_s * np.log((widths[1] / widths[0]) ** (1 - alpha)) / np.log(10)
    assert found == pytest.approx(exponents(theory.interpolation(at(alpha))), abs=0.01)


# The experiment where it must agree with others.


@pytest.fixture(scope="module")
def programs():
    """The experiment and what it starts from, for any traced alpha, mean_readout, rate_error."""

    def run(values, key):
        setup = replace(SETUP, **values)
        data_key, weight_key = jax.random.split(key)
        start = experiment.network(setup, weight_key)
        world = (start.w_MD[...], start.a_M[...], *experiment.dataset(setup, data_key))
        return world, experiment.train(setup, key)

    return jax.jit(run)


@pytest.mark.parametrize(
    ("alpha", "mean_readout", "rate_error"),
    [(0.5, 0.0, 0.0), (1.0, 0.0, 0.0), (0.75, 1.0, 0.0), (1.0, 0.0, -0.5)],
)
def test_training_is_that_of_the_networks_above(programs, alpha, mean_readout, rate_error):
    values = {"alpha": alpha, "mean_readout": mean_readout, "rate_error": rate_error}
    world, found = programs(values, jax.random.key(1))
    rate = SETUP.learning_rate * SETUP.width**rate_error
    expected = movement(
        *(np.asarray(part, float) for part in world), SETUP.width ** (1 - alpha), rate, SETUP.steps
    )
    np.testing.assert_allclose(exponents(found), expected, rtol=1e-3)


def test_copies_of_all_neurons_change_nothing_at_equal_s():
    setup = at(0.5)
    copied = replace(setup, width=64, alpha=1 - 0.5 * np.log(32) / np.log(64))

    @jax.jit
    def both(key):
        x_PD, y_P = experiment.dataset(setup, key)
        net = experiment.network(setup, key)
        double = TwoLayer(
            jnp.tile(net.w_MD[...], (2, 1)),
            jnp.tile(net.a_M[...], 2),
            activation=setup.activation,
            output_scale="1",
        )
        ends = [experiment.descend(*task, x_PD, y_P) for task in ((setup, net), (copied, double))]
        return [(end.w_MD[...][:32], experiment.gram(end, x_PD)) for end in ends]

    for one, two in zip(*both(jax.random.key(2)), strict=True):
        np.testing.assert_allclose(one, two, atol=1e-4)


def test_data_lie_on_the_unit_sphere_with_a_target_of_order_one():
    setup = replace(SETUP, dim=8, samples=20000)
    x_PD, y_P = jax.jit(partial(experiment.dataset, setup))(jax.random.key(3))
    np.testing.assert_allclose(np.linalg.norm(x_PD, axis=1), 1, rtol=1e-5)
    assert abs(float(y_P.mean())) < 0.03
    # (1 + (E u^4 - 1) / 2) / 2 with E u^4 = 3 d / (d + 2) on the sphere
    assert float((y_P**2).mean()) == pytest.approx((1 + (24 / 10 - 1) / 2) / 2, rel=0.05)


def test_paired_networks_start_at_zero_and_one_sided_ones_do_not(programs):
    (w_MD, a_M, x_PD, _), _ = programs(
        {"alpha": 1.0, "mean_readout": 0.0, "rate_error": 0.0}, jax.random.key(4)
    )
    assert abs(gelu(np.asarray(x_PD @ w_MD.T)) @ a_M).max() < 1e-4
    np.testing.assert_allclose(a_M[:16], -a_M[16:])

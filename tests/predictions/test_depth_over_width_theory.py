"""Layer statistics against closed forms and Monte Carlo, their depth law, and the networks."""

import math
from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad

from harness.api import OutOfScope
from predictions.tractable_limits.depth_over_width import experiment, layers, theory
from predictions.tractable_limits.depth_over_width.world import Setup

SETUP = Setup(
    activation="relu",
    weight_variance=2.0,
    width=32,
    depth=12,
    dim=5,
    input_kernel=1.0,
    networks=8,
)
KEY = jax.random.key(1)
TANH = replace(SETUP, activation="tanh", weight_variance=1.0)


def test_steps_of_one_neuron_are_those_of_a_log_chi_square():
    # E ln g^2 = -gamma - ln 2 and Var ln g^2 = pi^2 / 2 for g ~ N(0, 1)
    mean, variance = -np.euler_gamma - math.log(2), math.pi**2 / 2
    linear, relu = layers.linear_step(1.0, 1), layers.relu_step(2.0, 1)
    assert (linear.mean, linear.variance) == pytest.approx((mean, variance))
    assert (relu.mean, relu.variance) == pytest.approx((mean + math.log(2), variance))


@pytest.mark.parametrize("width", [6, 32])
def test_steps_are_those_of_sampled_layers(width):
    rng = np.random.default_rng(width)
    z = rng.standard_normal((60_000, width))
    for step, phi in ((layers.relu_step, np.maximum(z, 0)), (layers.linear_step, z)):
        kernel = 1.7 * (phi**2).mean(axis=1)
        log = np.log(kernel[kernel > 0])
        exact = step(1.7, width)
        assert log.mean() == pytest.approx(exact.mean, abs=4 * math.sqrt(exact.variance / len(z)))
        assert log.var() == pytest.approx(exact.variance, rel=0.04)


@pytest.mark.parametrize(
    ("step", "critical", "per_layer"), [(layers.relu_step, 2.0, 5), (layers.linear_step, 1.0, 2)]
)
def test_wide_steps_have_the_textbook_variance_with_corrections_of_order_one_over_width(
    step, critical, per_layer
):
    gaps = []
    for width in (400, 800):
        exact = step(critical, width)
        gaps.append((width * exact.variance - per_layer, width * exact.mean + per_layer / 2))
    np.testing.assert_allclose(gaps[0], 2 * np.array(gaps[1]), rtol=0.02)
    assert abs(np.array(gaps[1])).max() < 0.03


@pytest.mark.parametrize(("activation", "share", "ratio"), [("relu", 0.5, 5), ("linear", 1.0, 2)])
def test_homogeneous_response(activation, share, ratio):
    found = layers.response(activation, 1.3, 0.7)
    mean = share * 1.3 * 0.7
    assert found.mean == pytest.approx(mean, rel=1e-12)
    assert found.slope == pytest.approx(mean / 0.7, rel=1e-12)
    assert found.variance == pytest.approx(ratio * mean**2, rel=1e-12)


@pytest.mark.parametrize("kernel", [0.03, 0.8, 2.4])
def test_tanh_response_is_that_of_adaptive_quadrature(kernel):
    def moment(power, kernel):
        def integrand(z):
            return np.tanh(math.sqrt(1.25 * kernel) * z) ** power * np.exp(-z * z / 2)

        return quad(integrand, -12, 12, epsabs=1e-13)[0] / math.sqrt(2 * math.pi)

    found = layers.response("tanh", 1.25, kernel)
    slope = (moment(2, 1.001 * kernel) - moment(2, 0.999 * kernel)) / (0.002 * kernel)
    assert found.mean == pytest.approx(moment(2, kernel), rel=1e-5)
    assert found.variance == pytest.approx(moment(4, kernel) - moment(2, kernel) ** 2, rel=1e-4)
    assert found.slope == pytest.approx(slope, rel=1e-4)


def test_preactivations_beyond_the_quadrature_are_refused():
    with pytest.raises(ValueError, match="variance of 5 exceeds"):
        layers.response("tanh", 1.0, 5.0)


def test_recursion_is_linear_in_depth_for_homogeneous_activations():
    layer = np.arange(1, 13)
    for forecast, per_layer in ((theory.relu_class, 5), (theory.linear_class, 2)):
        np.testing.assert_allclose(forecast(TANH)["fluctuation"], per_layer * layer / 12)


def test_deep_tanh_networks_gain_two_thirds_a_layer():
    kernel, variance = theory.kernel_flow(replace(TANH, depth=4000))
    gain = np.diff(variance / kernel**2)
    assert 4000 * 2 * kernel[-1] == pytest.approx(1, rel=0.01)
    assert gain[-1] == pytest.approx(theory.TANH_CLASS, rel=1e-3)
    assert abs(gain[-1] - theory.TANH_CLASS) < abs(gain[1000] - theory.TANH_CLASS)
    deep = theory.recursion(replace(TANH, depth=4000))["fluctuation"]
    asymptote = theory.tanh_asymptote(replace(TANH, depth=4000))["fluctuation"]
    assert deep[-1] == pytest.approx(asymptote[-1], rel=0.01)


def test_fluctuations_off_criticality_saturate_above_it_and_grow_as_linear_ones_below():
    ordered = replace(TANH, weight_variance=0.5, depth=60)
    chaotic = replace(TANH, weight_variance=1.5, depth=60)
    gain = np.diff(60 * theory.recursion(ordered)["fluctuation"])
    assert gain[-1] == pytest.approx(2, rel=1e-6)
    kernel = theory.kernel_flow(chaotic)[0][-1]
    fixed = layers.response("tanh", 1.5, kernel)
    limit = fixed.variance / (1 - fixed.slope**2) / kernel**2
    assert 60 * theory.recursion(chaotic)["fluctuation"][-1] == pytest.approx(limit, rel=1e-6)


def test_recursion_agrees_with_sampled_kernels_of_wide_networks():
    # Given K, the next kernel is a mean over independent neurons: no matrices are needed.
    width, chains = 100, 20_000
    rng = np.random.default_rng(3)
    kernel = np.ones(chains)
    for _ in range(4):
        z = np.sqrt(1.1 * kernel)[:, None] * rng.standard_normal((chains, width))
        kernel = (np.tanh(z) ** 2).mean(axis=1)
    setup = replace(TANH, weight_variance=1.1, width=width, depth=4)
    measured = width / 4 * np.log(kernel).var()
    assert measured == pytest.approx(theory.recursion(setup)["fluctuation"][-1], rel=0.06)


@pytest.mark.parametrize(("activation", "critical"), [("relu", 2.0), ("linear", 1.0)])
def test_theories_of_homogeneous_networks_agree_where_they_must(activation, critical):
    wide = replace(SETUP, activation=activation, weight_variance=1.1 * critical, width=50_000)
    wide = replace(wide, input_kernel=2.0)
    exact = theory.random_walk(wide)
    limit, first = theory.log_normal(wide), theory.first_order(wide)
    np.testing.assert_allclose(limit["fluctuation"], exact["fluctuation"], rtol=1e-3)
    np.testing.assert_allclose(limit["typical_kernel"], exact["typical_kernel"], rtol=1e-6)
    np.testing.assert_allclose(first["typical_kernel"], limit["typical_kernel"], rtol=1e-6)
    np.testing.assert_allclose(
        theory.infinite_width(wide)["typical_kernel"], exact["typical_kernel"], rtol=2e-3
    )
    assert not theory.infinite_width(wide)["fluctuation"].any()


def test_rivals_differ_as_they_should():
    at = theory.random_walk(SETUP)["fluctuation"]
    assert theory.width_only(SETUP)["fluctuation"] == pytest.approx(5 / 12)
    assert at[0] == pytest.approx(layers.relu_step(2.0, 32).variance * 32 / 12)
    assert at[-1] == pytest.approx(12 * at[0])
    for name, values in theory.random_walk(SETUP).items():
        broken = replace(SETUP, activation="tanh", weight_variance=2.1)
        np.testing.assert_allclose(theory.critical_relu(broken)[name], values)
    broken = replace(TANH, activation="linear", weight_variance=1.25)
    for name, values in theory.recursion(TANH).items():
        np.testing.assert_allclose(theory.critical_tanh(broken)[name], values)


def test_first_order_is_refused_where_depth_is_not_small_against_width():
    assert theory.perturbative(replace(TANH, width=80))
    with pytest.raises(OutOfScope, match=r"L/n = 0\.375"):
        theory.perturbative(TANH)


@pytest.mark.parametrize("forecast", [theory.random_walk, theory.log_normal, theory.first_order])
def test_homogeneous_theories_refuse_tanh(forecast):
    with pytest.raises(OutOfScope, match="for tanh"):
        forecast(TANH)


def test_kernels_of_deep_networks_are_proportional_to_that_of_the_input():
    deep = replace(SETUP, width=8)
    kernels = jax.jit(lambda size: experiment.kernels(replace(deep, input_kernel=size), KEY))
    np.testing.assert_allclose(kernels(3.0) / kernels(1.0), np.full(12, 3), rtol=1e-4)


def test_moments_are_those_of_the_networks_that_live(monkeypatch):
    setup = replace(SETUP, width=4, depth=3, networks=40, input_kernel=1.5)

    def kernels(_, key):
        return jnp.exp(jax.random.normal(key, (3,))) * (jax.random.uniform(key) > 0.2)

    monkeypatch.setattr(experiment, "kernels", kernels)
    found = jax.jit(partial(experiment.train, setup))(KEY)
    keys = jax.random.split(KEY, 40)
    kernel_NL = np.asarray(jax.vmap(partial(kernels, setup))(keys), float)
    alive_NL = kernel_NL[kernel_NL[:, 0] > 0]
    assert 20 < len(alive_NL) < 40
    log, ratio = np.log(alive_NL / 1.5), alive_NL / alive_NL.mean(axis=0)
    shift = log.var(axis=0, ddof=1) / len(log) / 2
    np.testing.assert_allclose(found["typical_kernel"], np.exp(log.mean(axis=0) - shift), rtol=1e-4)
    for name, values in (("log_variance", log), ("normalised_variance", ratio)):
        variance = values.var(axis=0, ddof=1)
        np.testing.assert_allclose(found[name], 4 / 3 * variance, rtol=1e-4)

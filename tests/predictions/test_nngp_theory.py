"""The expansion in 1/n against closed forms and sampled layers; the experiment against outputs."""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from scipy.special import erf

from harness.api import OutOfScope
from predictions.tractable_limits.nngp import experiment, readout, theory
from predictions.tractable_limits.nngp.world import Setup

SETUP = Setup(
    activation="erf",
    depth=3,
    width=64,
    weight_variance=1.5,
    bias_variance=0.1,
    biases="random",
    bottleneck=0,
    pairs=8,
    cosine=0.8,
    nets=64,
)


@pytest.mark.parametrize("depth", [1, 3])
def test_covariance_is_that_of_the_arcsine_kernel(depth):
    # Williams 1997: E erf(z) erf(z')
    expected = 1.5 * np.array([1, 0.8, 0]) + 0.1
    for _ in range(depth):
        moment = 2 / np.pi * np.arcsin(2 * expected / (1 + 2 * expected[0]))
        expected = 1.5 * moment + 0.1
    np.testing.assert_allclose(theory.covariance(replace(SETUP, depth=depth)), expected, rtol=1e-9)


def test_small_signals_fluctuate_as_products_of_linear_layers():
    # tanh(z) = z for small z: (1 + 2/n)^L - 1.
    setup = replace(SETUP, activation="tanh", weight_variance=1e-4, bias_variance=0.0)
    assert theory.kurtosis_times_width(setup) == pytest.approx(6 * setup.depth, rel=1e-2)


def test_kurtosis_is_that_of_sampled_layers():
    # Given k, the next layer's k is a mean of n independent terms: no weights are needed.
    setup, nets = replace(SETUP, width=32), 20000
    rng = np.random.default_rng(0)
    k_S = np.full(nets, setup.weight_variance + setup.bias_variance)
    for _ in range(setup.depth):
        h_SN = np.sqrt(k_S)[:, None] * rng.standard_normal((nets, setup.width))
        k_S = setup.weight_variance * (erf(h_SN) ** 2).mean(axis=1) + setup.bias_variance
    sampled = 3 * k_S.var() / k_S.mean() ** 2 * setup.width
    # Sampling 1 %, next order in 1/n about 1.5 %.
    assert theory.kurtosis_times_width(setup) == pytest.approx(sampled, rel=0.05)
    assert theory.covariance(setup)[0] == pytest.approx(k_S.mean(), rel=0.01)


def test_width_only_is_right_for_one_layer_and_low_for_three():
    one = replace(SETUP, depth=1)
    assert theory.width_only(one)["kurtosis"] == theory.finite_width(one)["kurtosis"]
    assert theory.width_only(SETUP)["kurtosis"] < 0.7 * theory.finite_width(SETUP)["kurtosis"]


def test_narrow_networks_are_refused():
    with pytest.raises(OutOfScope, match="no small part"):
        theory.finite_width(replace(SETUP, width=8))


def test_a_bottleneck_needs_a_layer_behind_it():
    with pytest.raises(ValueError, match="two hidden layers"):
        replace(SETUP, depth=1, bottleneck=16)


def test_inputs_have_the_declared_lengths_and_angles():
    x_BD = np.asarray(experiment.inputs(SETUP))
    gram_BB = np.eye(16) + 0.8 * np.kron(np.eye(8), [[0, 1], [1, 0]])
    np.testing.assert_allclose(x_BD @ x_BD.T, 16 * gram_BB, atol=1e-5)


def test_output_covariance_gives_the_kurtosis_of_outputs_themselves():
    setup = replace(SETUP, width=8, depth=2, pairs=4)
    x_BD = experiment.inputs(setup)

    def outputs(key):
        model = experiment.draw_network(setup, key)
        return model(x_BD)[:, 0], experiment.output_covariance(setup, model, x_BD)

    f_SB, k_SBB = jax.jit(jax.vmap(outputs))(jax.random.split(jax.random.key(1), 8000))
    k_SB = np.diagonal(np.asarray(k_SBB, float), axis1=1, axis2=2)
    f_SB = np.asarray(f_SB, float)
    np.testing.assert_allclose(f_SB.T @ f_SB / len(f_SB), k_SBB.mean(axis=0), atol=0.05)
    assert (f_SB**4).mean() == pytest.approx(3 * (k_SB**2).mean(), rel=0.06)


def test_a_bottleneck_keeps_the_variance_of_the_next_layer():
    setup = replace(SETUP, bottleneck=16, biases="zero")

    @jax.jit
    def draw(key):
        layers = experiment.draw_network(setup, key).layers
        return layers[1].kernel[...], [layer.bias[...] for layer in layers]

    kernel_NN, biases = draw(jax.random.key(2))
    assert 16 * np.var(kernel_NN[:16]) == pytest.approx(setup.weight_variance, rel=0.2)
    assert not kernel_NN[16:].any()
    assert not any(bias_N.any() for bias_N in biases)


def test_training_measures_one_layer_without_a_correction():
    # One hidden layer is exact at any width, four neurons included.
    setup = replace(SETUP, depth=1, width=4, nets=4000)
    found = jax.jit(partial(experiment.train, setup))(jax.random.key(3))
    exact = theory.kurtosis_times_width(setup) / 4
    assert float(found["kurtosis"]) == pytest.approx(exact, rel=0.05)
    np.testing.assert_allclose(found["covariance"], theory.covariance(setup), atol=0.02)
    assert all(jnp.isfinite(value).all() for value in found.values())


def test_times_width_multiplies_by_the_coordinate():
    raw = xr.DataArray([[0.5, 0.25]], dims=("seed", "width"), coords={"width": [2, 4]})
    assert readout.times_width(raw).values.tolist() == [[1.0, 1.0]]

"""Drifts against sampled layers and expansions; the experiment against NumPy backpropagation."""

import math
from dataclasses import replace
from functools import partial

import jax
import numpy as np
import pytest

from models.mlp import MLP
from predictions.hyperparameters.initialisation import experiment, theory
from predictions.hyperparameters.initialisation.world import Setup

SETUP = Setup(activation="relu", width=32, depth=16, dim=8, gain=2.0, nets=4)


@pytest.mark.parametrize("width", [16, 32, 100])
def test_drifts_are_those_of_sampled_layers(width):
    g_SN = np.random.default_rng(width).standard_normal((100_000, width))
    rectified = np.log((2 * np.maximum(g_SN, 0) ** 2).mean(axis=1).clip(min=1e-9))
    squared = np.log((g_SN**2).mean(axis=1))
    for drift, sampled in (
        (theory.rectifier_drift(width), rectified),
        (theory.linear_drift(width), squared),
    ):
        assert drift == pytest.approx(sampled.mean(), abs=5 * sampled.std() / math.sqrt(1e5))


@pytest.mark.parametrize(("drift", "leading"), [("rectifier", 2.5), ("linear", 1.0)])
def test_drifts_tend_to_half_the_relative_variance_of_a_layer(drift, leading):
    function = getattr(theory, f"{drift}_drift")
    scaled = [width * function(width) for width in (100, 200, 400)]
    errors = np.abs(np.array(scaled) + leading)
    assert errors[-1] < 0.02
    np.testing.assert_allclose(errors[:-1] / errors[1:], 2, rtol=0.1)


def test_the_mean_is_kept_by_he_and_the_slope_falls_short_of_it():
    he, wide = theory.rectifier_products(SETUP), theory.rectifier_limit(SETUP)
    assert (
        he["forward_gain"] == wide["forward_gain"] == theory.rectifier_mean(SETUP)["backward_gain"]
    )
    assert he["forward_gain"] == pytest.approx(1)
    assert wide["backward_slope"] == pytest.approx(0)
    assert he["backward_slope"] == pytest.approx(theory.rectifier_drift(32) / math.log(2))
    xavier = theory.linear_products(replace(SETUP, gain=1.0))
    assert xavier["forward_gain"] == pytest.approx(1)
    assert xavier["forward_slope"] == pytest.approx(theory.linear_drift(32) / math.log(2))
    assert theory.linear_limit(SETUP)["forward_slope"] == pytest.approx(1)
    assert theory.linear_mean(SETUP) == {"forward_gain": 2.0, "backward_gain": 2.0}


@pytest.mark.parametrize("depth", [3, 9])
def test_signal_sizes_are_those_of_backpropagation_by_hand(depth):
    setup = replace(SETUP, activation="tanh", depth=depth)
    key = jax.random.key(0)
    forward_L, backward_L = jax.jit(partial(experiment.signal_sizes, setup))(key)
    model = MLP(
        key,
        d_in=8,
        width=32,
        depth=depth,
        base_width=32,
        activation="tanh",
        gain=2.0,
    )
    kernels = [
        np.asarray(kernel, float)
        for layer in model.layers
        for kernel in layer.kernel[...].reshape(-1, *layer.kernel.shape[-2:])
    ]
    h = [np.ones(8) @ kernels[0]]
    for kernel in kernels[1:-1]:
        h.append(np.tanh(h[-1]) @ kernel)
    delta = [kernels[-1][:, 0] * (1 - np.tanh(h[-1]) ** 2)]
    for kernel, below in zip(kernels[-2:0:-1], h[-2::-1], strict=True):
        delta.append(kernel @ delta[-1] * (1 - np.tanh(below) ** 2))
    np.testing.assert_allclose(forward_L, [np.mean(v**2) for v in h], rtol=1e-3)
    np.testing.assert_allclose(backward_L, [np.mean(v**2) for v in delta[::-1]], rtol=1e-3)


def test_a_layer_has_a_mean_factor_and_a_mean_logarithm():
    gain, slope = experiment.per_layer(np.array([[1.0, 4.0, 4.0], [2.0, 2.0, 1.0]]))
    assert float(gain) == pytest.approx((4 + 1 + 1 + 0.5) / 4)
    assert float(slope) == pytest.approx((2 - 1) / 4)

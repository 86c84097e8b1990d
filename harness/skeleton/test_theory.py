"""The learning curve against its ends; the kernel against sampled neurons."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from harness.skeleton import theory
from harness.skeleton.world import Setup

SETUP = Setup(width=512, dim=4, activation="relu", learning_rate=0.5, steps=8, angles=9)


def test_kernel_is_the_mean_over_sampled_neurons() -> None:
    """To eight standard errors of a Monte-Carlo estimate of the same integral."""
    neurons = 400_000
    w_M2 = np.random.default_rng(0).normal(size=(neurons, 2))
    angle = SETUP.axes()["angle"]
    h_MA = np.maximum(w_M2 @ np.stack([np.cos(angle), np.sin(angle)]), 0)
    sampled = np.mean(h_MA * h_MA[:, :1], axis=0)
    np.testing.assert_allclose(theory.arc_cosine(angle), sampled, atol=8 / np.sqrt(neurons))


def test_one_small_step_moves_the_output_by_the_kernel() -> None:
    """The first order in the step size."""
    setup = replace(SETUP, learning_rate=1e-6, steps=1)
    (output,) = theory.arc_cosine_kernel(setup)["output"]
    kernel = theory.arc_cosine(setup.axes()["angle"])
    np.testing.assert_allclose(output, 1e-6 * kernel, rtol=1e-6, atol=1e-15)


def test_the_example_is_learnt_in_the_end() -> None:
    """Whatever the kernel says; and rectifiers see nothing of the opposite input."""
    setup = replace(SETUP, steps=200)
    for forecast in (theory.arc_cosine_kernel, theory.linear_kernel):
        np.testing.assert_allclose(forecast(setup)["output"][-1, 0], 1, rtol=1e-9)
    opposite = theory.arc_cosine_kernel(setup)["output"][-1, -1]
    np.testing.assert_allclose(opposite, 0, atol=1e-9)

"""Forecasts of the variance of predictions over random initialisations, to first order in 1/N.

A network of N neurons has the output f_N = (1/N) sum_i g_i with neurons driven by its own residuals
y - f_N. Around the infinite network, f_N = f + delta, N independent neurons driven by y - f add
xi / sqrt(N) of the neurons' covariance C, and the change -delta of the residuals drives them by
the mean response R:

    delta = xi / sqrt(N) - R delta,   N Cov(f_N) = (1 + R)^-1 C (1 + R)^-T

over all steps and inputs at once: the equations of Bordelon & Pehlevan 2023 (arXiv:2304.03408) for
two layers and discrete steps, with the kernels' fluctuations contained in those of the neurons.
The rivals keep this and leave out the feedback, or freeze the features.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

from . import neurons
from .neurons import Statistics
from .world import Setup

Array = NDArray[np.float64]
Curves = dict[str, Array]


def linear_response(setup: Setup) -> Curves:
    """Neurons that learn features, with feedback through the residuals."""
    return _curves(setup, fed_back(_learning(_infinite(setup))))


def no_feedback(setup: Setup) -> Curves:
    """The central limit of neurons that follow the infinite network, not their own."""
    return _curves(setup, _learning(_infinite(setup)).covariance)


def frozen_kernel(setup: Setup) -> Curves:
    """The same linear response of a network that is linearised at its initial weights.

    Both the initial output and the tangent kernel, constant in time, differ between networks.
    """
    return _curves(setup, fed_back(_frozen(_infinite(setup))))


def fed_back(statistics: Statistics) -> Array:
    """N times the covariance of the output [X, X] over X = (step, input)."""
    feedback_XX = statistics.response + np.eye(len(statistics.response))
    half_XX = solve_triangular(feedback_XX, statistics.covariance, lower=True)
    covariance_XX: Array = solve_triangular(feedback_XX, half_XX.T, lower=True)
    return covariance_XX


@lru_cache(maxsize=16)
def _learning(setup: Setup) -> Statistics:
    """Statistics of the infinite network's neurons."""
    world, start = neurons.world(setup), neurons.initial(setup)
    return neurons.statistics(world, start, neurons.mean_residuals(world, start))


@lru_cache(maxsize=16)
def _frozen(setup: Setup) -> Statistics:
    """Statistics of the linearised infinite network's neurons."""
    return neurons.frozen_statistics(neurons.world(setup), neurons.initial(setup))


def _infinite(setup: Setup) -> Setup:
    """The setup less what the infinite network does not know: one cached result for all widths."""
    return replace(setup, width=2, networks=2, output_scale="1/m", start="independent")


def _curves(setup: Setup, covariance_XX: Array) -> Curves:
    """Variances [step], averaged over training and over held-out inputs."""
    variance_TB = np.diag(covariance_XX).reshape(setup.steps + 1, -1) / setup.width
    return {
        "training_variance": variance_TB[:, : setup.samples].mean(axis=1),
        "held_out_variance": variance_TB[:, setup.samples :].mean(axis=1),
    }

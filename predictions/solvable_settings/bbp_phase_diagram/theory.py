"""Forecasts of the phases of a teacher's outlier along early-stopped gradient descent.

With many samples a dimension and Q = (1 - eta Sigma)^steps the weights are

    W = W0 Q + theta u ((1 - Q) v)^T + (Xi^T X / n) Sigma^-1 (1 - Q):

noise whose columns have the variances s_b / d, s_b = tau^2 q_b^2 + kappa (1 - q_b)^2 / lambda_b,
and a spike. v lies in the fast directions, so the spike stops growing when they are learnt, while
the slow directions go on to collect noise, up to kappa times the anisotropy: the outlier of a
teacher between two boundaries appears and is swallowed again.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from harness.api import OutOfScope

from .outlier import Spike
from .world import LEVEL, Setup

Array = NDArray[np.float64]
Forecast = dict[str, Array]

MARGIN = 1.25
"""A strength is clear of a boundary if their logarithms differ by this times d^(-1/3)."""


def diagram(setup: Setup) -> Forecast:
    """Overlap at every record from the two-block Dyson equation, clear of the boundaries.

    The transition is rounded over d^(-1/3) in ln theta; raises OutOfScope closer to a boundary.
    """
    width = MARGIN * setup.dim ** (-1 / 3)
    for name, boundary in zip(("transient", "persistent"), boundaries(setup), strict=True):
        if abs(math.log(setup.theta / boundary)) < width:
            raise OutOfScope(
                f"theta = {setup.theta:g} lies within the finite-size margin of the {name} phase's "
                f"boundary, {boundary:.3g}"
            )
    return population(setup)


def boundaries(setup: Setup) -> tuple[float, float]:
    """The theta from which on the outlier appears, and from which on it stays to the end."""
    contours = [spike.contour(LEVEL) for spike in _spikes(setup, *_blocks(setup))]
    return min(contours), contours[-1]


def population(setup: Setup) -> Forecast:
    """`diagram` without its margin."""
    return _overlaps(setup, _spikes(setup, *_blocks(setup)))


def averaged_variance(setup: Setup) -> Forecast:
    """One semicircle: every entry of W has the mean variance of its matrix."""
    spikes = _spikes(setup, *_blocks(setup))
    one = np.ones(1)
    mean = [
        Spike(one, s.variances @ s.weights * one, s.left.sum() * one, s.right.sum() * one)
        for s in spikes
    ]
    return _overlaps(setup, mean)


def static_bbp(setup: Setup) -> Forecast:
    """One transition for all times: the overlap of the converged weights."""
    weights, _ = _blocks(setup)
    inputs = np.array([1.0, 1 / setup.anisotropy])
    end = _spike(setup, weights, inputs, np.zeros(2))
    return _overlaps(setup, [end] * setup.records)


def isotropic(setup: Setup) -> Forecast:
    """All input directions are fast."""
    weights, inputs = _blocks(setup)
    return _overlaps(setup, _spikes(setup, weights, np.ones_like(inputs)))


def _overlaps(setup: Setup, spikes: list[Spike]) -> Forecast:
    return {"overlap": np.array([spike.overlap(setup.theta) for spike in spikes])}


def _blocks(setup: Setup) -> tuple[Array, Array]:
    """Weights and input variances of the fast and the slow block."""
    slow = setup.slow_dim / setup.dim
    return np.array([1 - slow, slow]), np.array([1, 1 / setup.anisotropy])


def _spikes(setup: Setup, weights: Array, inputs: Array) -> list[Spike]:
    """Noise and spike at every record."""
    kept = (1 - setup.learning_rate * inputs) ** setup.record_steps()[:, None]
    return [_spike(setup, weights, inputs, kept_B) for kept_B in kept]


def _spike(setup: Setup, weights: Array, inputs: Array, kept: Array) -> Spike:
    """Noise and spike when the fractions `kept` [block] of the initial weights are left."""
    learnt = 1 - kept
    return Spike(
        weights=weights,
        variances=setup.init_std**2 * kept**2 + setup.kappa * learnt**2 / inputs,
        left=np.array([1 - setup.left_slow, setup.left_slow]),
        right=np.array([1.0, 0.0]) * learnt**2,
    )

"""Forecasts of the transient outlier: (W + W^T)/2 along early-stopped gradient descent.

The layer W starts at W0 with N(0, tau^2/d) entries and descends the squared loss of n samples. With
S the inputs' second-moment matrix and Q = (1 - eta S)^steps, exactly

    W = W0 Q + W* (1 - Q) + (Xi^T X / n) S^-1 (1 - Q).

Given the inputs, and in the eigenbasis of S (eigenvalues l_i), the entries of W are independent
Gaussians of column variances s_i / d, s_i = tau^2 q_i^2 + kappa (1 - q_i)^2 / l_i, around the
teacher theta u ((1 - Q) v)^T: a matrix whose top eigenpair `dyson` gives for d -> infinity.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from harness.api import OutOfScope

from .dyson import Spike, top_eigenpair
from .world import LEVEL, Setup

Array = NDArray[np.float64]
Curves = dict[str, Array]

# Least steepness, per unit of ln t, with which the overlap must cross the level: the crossing moves
# by the rounding of the transition at finite d (a few hundredths) divided by it.
STEEPNESS = 0.25

# Least distance from the level at which an overlap says clearly on which side of it a curve is.
CLEARANCE = 0.05


def population(setup: Setup) -> Curves:
    """Infinitely many samples a dimension: S is the population covariance, two blocks."""
    return _curves(setup, *_two_blocks(setup))


def window(setup: Setup) -> Curves:
    """`population` where it has a window: the overlap steeply crosses its level, up and then down.

    Raises OutOfScope elsewhere.
    """
    curves = population(setup)
    above = curves["overlap"] > LEVEL
    if not above.any() or above[0] or above[-1]:
        raise OutOfScope("the overlap does not rise above its level and fall again in the records")
    slope = np.diff(curves["overlap"]) / np.diff(np.log(setup.axes()["time"]))
    first, last = np.flatnonzero(above)[[0, -1]]
    if min(slope[first - 1], -slope[last]) < STEEPNESS:
        raise OutOfScope("the overlap crosses its level too slowly for a time to be read off")
    return curves


def phases(setup: Setup) -> Curves:
    """`population` where its phase is clear; raises OutOfScope close to a phase boundary."""
    curves = population(setup)
    decisive = np.array([curves["overlap"].max(), curves["overlap"][-1]])
    if (abs(decisive - LEVEL) < CLEARANCE).any():
        raise OutOfScope(f"theta = {setup.theta:g} lies close to a phase boundary")
    return curves


def conditional(setup: Setup, draw: Mapping[str, Array]) -> Curves:
    """Given the seed's inputs: every eigenvalue of their second-moment matrix is its own block."""
    return _curves(setup, *_eigenblocks(draw))


def outlier(setup: Setup, draw: Mapping[str, Array]) -> Curves:
    """`conditional` where every record lies well inside the window, so that errors are O(1/d).

    Raises OutOfScope elsewhere.
    """
    if population(setup)["overlap"].min() < LEVEL + CLEARANCE:
        raise OutOfScope("a record lies close to the edge of the window")
    return conditional(setup, draw)


def scrambled(setup: Setup, draw: Mapping[str, Array]) -> Curves:
    """`conditional` with the teacher spread evenly over all eigenvectors (a wrong one)."""
    weights, inputs, _ = _eigenblocks(draw)
    return _curves(setup, weights, inputs, Spike(weights, np.zeros_like(weights), weights))


def averaged_variance(setup: Setup) -> Curves:
    """The population theory with one semicircle: every entry of W has the mean variance."""
    return _curves(setup, *_two_blocks(setup), averaged=True)


def static_bbp(setup: Setup) -> Curves:
    """One transition for all times: the top eigenpair of the converged weights."""
    nothing_kept = np.zeros((len(setup.record_steps()), 2))
    return _top(setup, *_two_blocks(setup), nothing_kept, averaged=False)


def isotropic(setup: Setup) -> Curves:
    """The population theory of inputs that all have the fast block's variance (a wrong one)."""
    weights, inputs, teacher = _two_blocks(setup)
    return _curves(setup, weights, np.ones_like(inputs), teacher)


def _two_blocks(setup: Setup) -> tuple[Array, Array, Spike]:
    """Weights, input variances and teacher (u, v) of the fast and the slow block."""
    slow = setup.slow_dim / setup.dim
    left = np.array([1 - setup.left_slow, setup.left_slow])
    right = np.array([1 - setup.right_slow, setup.right_slow])
    inputs = np.array([1, 1 / setup.anisotropy])
    return np.array([1 - slow, slow]), inputs, Spike(left, np.zeros(2), right)


def _eigenblocks(draw: Mapping[str, Array]) -> tuple[Array, Array, Spike]:
    """Weights, input variances and teacher (u, v) of every eigenvector of the drawn S."""
    inputs, basis_DK = np.linalg.eigh(draw["gram"])
    left, right = draw["left"] @ basis_DK, draw["right"] @ basis_DK
    weights = np.full(len(inputs), 1 / len(inputs))
    return weights, inputs, Spike(left**2, left * right, right**2)


def _curves(
    setup: Setup, weights: Array, inputs: Array, teacher: Spike, *, averaged: bool = False
) -> Curves:
    """Top eigenpair at every record, for inputs of variances `inputs` [block]."""
    if setup.learning_rate * inputs.max() >= 2:
        raise OutOfScope("gradient descent diverges at this step size")
    kept = (1 - setup.learning_rate * inputs) ** setup.record_steps()[:, None]
    return _top(setup, weights, inputs, teacher, kept, averaged=averaged)


def _top(
    setup: Setup, weights: Array, inputs: Array, teacher: Spike, kept: Array, *, averaged: bool
) -> Curves:
    """Top eigenpair when the fractions `kept` [time, block] of the initial weights are left."""
    learnt = 1 - kept
    variances = setup.init_std**2 * kept**2 + setup.kappa * learnt**2 / inputs
    if averaged:
        variances = np.broadcast_to((variances @ weights)[:, None], variances.shape)
    spike = Spike(
        np.broadcast_to(teacher.left, kept.shape),
        setup.theta * learnt * teacher.cross,
        (setup.theta * learnt) ** 2 * teacher.right,
    )
    top = top_eigenpair(weights, variances, spike)
    return {"top_eigenvalue": top.value, "overlap": top.overlap}

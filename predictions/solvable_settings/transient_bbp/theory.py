"""Forecasts of the transient outlier: spectra of (W + W^T)/2 along early-stopped gradient descent.

The layer W starts at W0 with N(0, tau^2/d) entries and descends the squared loss of n samples. With
Q = (1 - eta S)^steps, S the inputs' second-moment matrix,

    W = W0 Q + W* (1 - Q) + (Xi^T X / n) S^-1 (1 - Q):

given the inputs, in the eigenbasis of S (eigenvalues l_i) the entries of W are independent
Gaussians of column variances s_i / d, s_i = tau^2 q_i^2 + kappa (1 - q_i)^2 / l_i, around the
teacher theta u (D v)^T with D = 1 - Q. `dyson` does the rest.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from harness.api import OutOfScope

from .dyson import Spike, TopEigenpair, top_eigenpair
from .world import Setup

Array = NDArray[np.float64]
Curves = dict[str, Array]


def population(setup: Setup) -> Curves:
    """Infinitely many samples a dimension: S is the population covariance, two blocks."""
    return _curves(setup, *_two_blocks(setup))


def conditional(setup: Setup, draw: Mapping[str, Array]) -> Curves:
    """Given the seed's inputs: every eigenvalue of their second-moment matrix is its own block."""
    eigenvalues, basis_DK = np.linalg.eigh(draw["gram"])
    left, right = draw["left"] @ basis_DK, draw["right"] @ basis_DK
    weights = np.full(setup.dim, 1 / setup.dim)
    return _curves(
        setup, weights, np.maximum(eigenvalues, 0), Spike(left**2, left * right, right**2)
    )


def averaged_variance(setup: Setup) -> Curves:
    """The population theory with one semicircle: every entry of W has the mean variance."""
    return _curves(setup, *_two_blocks(setup), average=True)


def static_bbp(setup: Setup) -> Curves:
    """One transition for all times: the outlier of the converged weights."""
    top = _at(setup, *_two_blocks(setup), np.zeros(2), average=False)
    return _stack([top] * len(setup.record_steps()))


def isotropic(setup: Setup) -> Curves:
    """The population theory of inputs that all have the fast block's variance (a wrong one)."""
    weights, _, teacher = _two_blocks(setup)
    return _curves(setup, weights, np.ones(2), teacher)


def _two_blocks(setup: Setup) -> tuple[Array, Array, Spike]:
    """Weights, input variances and teacher (u, v) of the fast and the slow block."""
    slow = setup.slow_dim / setup.dim
    teacher = Spike(
        np.array([1 - setup.left_slow, setup.left_slow]),
        np.zeros(2),
        np.array([1 - setup.right_slow, setup.right_slow]),
    )
    return np.array([1 - slow, slow]), np.array([1, 1 / setup.anisotropy]), teacher


def _curves(
    setup: Setup, weights: Array, inputs: Array, teacher: Spike, *, average: bool = False
) -> Curves:
    """Top eigenpair at every record, for input variances `inputs` [block]."""
    if not 0 < setup.learning_rate * inputs.max() < 2:  # noqa: PLR2004
        raise OutOfScope("gradient descent diverges at this step size")
    kept = (1 - setup.learning_rate * inputs) ** setup.record_steps()[:, None]
    return _stack([_at(setup, weights, inputs, teacher, q, average=average) for q in kept])


def _at(
    setup: Setup, weights: Array, inputs: Array, teacher: Spike, kept: Array, *, average: bool
) -> TopEigenpair:
    """Top eigenpair when the fractions `kept` [block] of the initial weights are left."""
    learnt = 1 - kept
    noise = np.divide(learnt**2, inputs, out=np.zeros_like(inputs), where=inputs > 0)
    variances = setup.init_std**2 * kept**2 + setup.kappa * noise
    if average:
        variances = np.full_like(variances, weights @ variances)
    spike = Spike(
        setup.theta**2 * teacher.left,
        setup.theta * learnt * teacher.cross,
        learnt**2 * teacher.right,
    )
    return top_eigenpair(weights, variances, spike)


def _stack(tops: list[TopEigenpair]) -> Curves:
    return {
        "top_eigenvalue": np.array([top.value for top in tops]),
        "overlap": np.array([top.left_overlap for top in tops]),
    }

"""The floor under every linear method that does not know the target's axis.

Let a method predict f(x) by sum_p A_p(x; X) y_p, with weights A that depend on the inputs and on
anything else but the target: kernel regression at any ridge, descent stopped at any time in a
network that stays linear in its weights, random features. If its law is invariant under rotations,
its mean risk is the same for all axes of the target, so it is that for a random axis. Then f has
mean zero and the covariance of a sum of all harmonics,

    C(x, x') = sum_k p_k P_k(x.x' / d),   D_k harmonics of degree k, eigenvalue p_k / D_k each,

with P_k the Legendre polynomials in d dimensions, P_k(1) = 1, and p_k the target's power in degree
k. A linear predictor's risk depends on first and second moments only, and no linear predictor is
better than the conditional mean of a Gaussian process of covariance C: regression with the kernel
C itself, without ridge. This bound is exact for every d. Its mean over training sets is

    P s,   with   sum_k D_k l_k / (l_k + s) = P,   l_k = p_k / D_k,

the learning curve of Gaussian processes (Sollich & Halees 2002, arXiv:cond-mat/0105015; the
eigenlearning equations with the target's own spectrum, arXiv:2110.03922), exact as the numbers of
harmonics grow. For P = d^2 and d to infinity both degrees matter to it: degree 2 has d^2 / 2
harmonics, and what is missed of degree 3 is noise to them.

A network whose hidden neurons turn towards the axis is not linear in y, and has no such floor.
"""

from __future__ import annotations

import math
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import binom

from harness.api import OutOfScope

from .world import Setup

Array: TypeAlias = NDArray[np.float64]
Forecast: TypeAlias = dict[str, float | Array]

DEGREES: Final = np.array([2, 3])

FEWEST: Final = 0.75
"""Samples over d^2 from which descent is known to find the axis at the sizes that are trained."""

LEAST_RISK: Final = 1e-6
"""Risks that single precision can tell from zero."""


def learned_direction(setup: Setup) -> Forecast:
    """The network gets below the floor; its own kernel, which may also predict zero, does not.

    Raises OutOfScope for fewer samples than show the axis, or more than leave a floor.
    """
    if setup.samples < FEWEST * setup.dim**2:
        raise OutOfScope(f"{setup.samples} samples are fewer than {FEWEST} d^2")
    return _kernels(setup) | {"network_risk": np.array([LEAST_RISK, floor(setup)])}


def frozen_kernel(setup: Setup) -> Forecast:
    """The network is one of the linear methods, and so stays above the floor."""
    return _kernels(setup) | {"network_risk": np.array([floor(setup), 1.0])}


def staircase(setup: Setup) -> Forecast:
    """The best kernel learns a degree at once where samples reach its harmonics."""
    missed_K = setup.samples < multiplicity(setup.dim, DEGREES)
    return {"best_linear_risk": float(missed_K @ powers(setup))}


def floor(setup: Setup) -> float:
    """Least mean risk of a linear method that does not know the axis.

    Raises OutOfScope where it is zero because samples determine all harmonics of both degrees.
    """
    harmonics_K, samples = multiplicity(setup.dim, DEGREES), setup.samples
    if samples >= harmonics_K.sum():
        raise OutOfScope(f"{samples} samples determine all {harmonics_K.sum():.0f} harmonics")
    value_K = powers(setup) / harmonics_K

    def excess(log_scale: float) -> float:
        return float(harmonics_K @ (value_K / (value_K + math.exp(log_scale)))) - samples

    # P s is at most the target's power, one; at the lower end nearly all harmonics are learnt.
    largest = -math.log(samples)
    return samples * math.exp(brentq(excess, math.log(value_K.min()) - 30, largest))


def powers(setup: Setup) -> Array:
    """The target's mean square in each degree [2]."""
    return np.array([1 - setup.cubic_power, setup.cubic_power])


def multiplicity(dim: int, degree: NDArray[np.int_]) -> Array:
    """Number of independent spherical harmonics of a degree, at least 2, in d dimensions."""
    return np.asarray(binom(degree + dim - 1, dim - 1) - binom(degree + dim - 3, dim - 1))


def _kernels(setup: Setup) -> Forecast:
    """What linear methods reach: the best one the floor, others at least that."""
    least = floor(setup)
    return {"best_linear_risk": least, "kernel_risk": np.array([least, 1.0])}

"""Harmonic analysis of exp(s (x.x' - 1)) on the unit sphere in d dimensions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import binom, gammaln, hyp0f1

Array = NDArray[np.float64]


def multiplicity(dim: int, degrees: int) -> Array:
    """Number D_k of independent harmonics of degree k = 0 ... degrees - 1, [degree]."""
    k = np.arange(degrees)
    return np.asarray(binom(k + dim - 1, dim - 1) - binom(k + dim - 3, dim - 1) * (k >= 2))


def eigenvalues(dim: int, sharpness: float, degrees: int) -> Array:
    """Eigenvalue of the kernel on harmonics of degree k, [degree], under the uniform measure.

    Mean of exp(s (t - 1)) P_k(t) over the sphere (Funk and Hecke): by Poisson's integral a modified
    Bessel function of order k + d/2 - 1, here by its series 0F1 to stay finite in high dimension.
    """
    k = np.arange(degrees)
    log_first = k * np.log(sharpness / 2) + gammaln(dim / 2) - gammaln(k + dim / 2) - sharpness
    return np.asarray(np.exp(log_first) * hyp0f1(k + dim / 2, sharpness**2 / 4))


def legendre(t: Any, dim: int, degrees: int) -> list[Any]:
    """P_0(t), P_1(t), ... in d dimensions, normalised to P_k(1) = 1; NumPy or JAX arrays.

    sqrt(D_k) P_k(x.b) has unit mean square over the sphere, for any unit vector b.
    """
    values = [t * 0 + 1, t]
    for k in range(1, degrees - 1):
        step = (2 * k + dim - 2) * t * values[k] - k * values[k - 1]
        values.append(step / (k + dim - 2))
    return values[:degrees]

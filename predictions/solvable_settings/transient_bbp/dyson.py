"""Top eigenpair of a symmetric Gaussian matrix with a variance profile and a symmetrised rank-one spike.

H = X + (u w^T + w u^T) / 2 in d dimensions, X symmetric with independent centred entries of
variance (s_i + s_j) / (4 d). Coordinates come in blocks b with weights c_b (their fractions of d)
and variances s_b; a block may be a single coordinate. For d -> infinity the resolvent of X is
diagonal, with entries g_b that solve the block Dyson equation

    1 / g_a = z - sum_b c_b g_b (s_a + s_b) / 4.

The right side is z - k/4 - s_a m/4 with m = sum c g, k = sum c s g; so x = (4 z - k) / m
solves it in closed form: with m0(x) = sum_b c_b / (x - s_b) and x > max s,

    m = 2 sqrt(m0),   g_b = 2 / (sqrt(m0) (x - s_b)),   z = x sqrt(m0) - 1 / (2 sqrt(m0)).

z is real and outside the bulk from x = infinity down to the bulk's edge, where dz/dx = 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Resolvent:
    """The limit of (z - X)^-1 at one x: z, the entries g_b [block] and dg_b/dz [block]."""

    z: float
    g: Array
    slope: Array


@dataclass(frozen=True)
class Spike:
    """(u w^T + w u^T) / 2 by block [block]: |u_b|^2, u_b . w_b and |w_b|^2."""

    left: Array
    cross: Array
    right: Array


@dataclass(frozen=True)
class TopEigenpair:
    """Largest eigenvalue, squared overlaps of its unit vector with u / |u| and w / |w|; `strength` > 1
    says that it lies outside the bulk, and is its signal-to-threshold ratio.
    """

    value: float
    left_overlap: float
    right_overlap: float
    strength: float


def resolvent(x: float, weights: Array, variances: Array) -> Resolvent:
    """Evaluate the closed form at x > max(variances), above the edge for a finite slope."""
    e = 1 / (x - variances)
    m0 = weights @ e
    root = np.sqrt(m0)
    m0_slope = -weights @ e**2
    z_slope = root + m0_slope * (x / (2 * root) + 1 / (4 * m0 * root))
    g = 2 * e / root
    g_slope = -g * (e + m0_slope / (2 * m0))
    return Resolvent(x * root - 1 / (2 * root), g, g_slope / z_slope)


def edge(weights: Array, variances: Array) -> float:
    """The x of the bulk's right edge: where the linearised Dyson equation turns singular.

    Its Perron eigenvalue is r(x) = (<e^2 s> + sqrt(<e^2> <e^2 s^2>)) / <e> with e = 1 / (x - s) and
    <f> = sum_b c_b f_b; r = 1 is dz/dx = 0. By Chebyshev's sum inequality r decreases in x, so there
    is one root, and 2 (x m0 - 1) <= r <= 2 max(s) / (x - max s) brackets it. `weights` sum to one.
    """
    largest = float(variances.max())
    share = float(weights[variances == largest].sum())

    def excess(x: float) -> float:
        e = 1 / (x - variances)
        low, middle, high = (weights @ (e**2 * variances**power) for power in (0, 1, 2))
        return float((middle + np.sqrt(low * high)) / (weights @ e) - 1)

    lowest = largest * (1 + share / 2)
    return float(brentq(excess, lowest, 3.01 * largest, xtol=1e-13 * largest, rtol=1e-13))


def top_eigenpair(weights: Array, variances: Array, spike: Spike) -> TopEigenpair:
    """Largest eigenvalue of H and the overlaps of its eigenvector, for d -> infinity.

    With A = sum g |u|^2, B = sum g u.w, C = sum g |w|^2 the two-dimensional determinant of
    1 - G (u w^T + w u^T) / 2 vanishes where (2 - B)^2 = A C; the largest root has
    (B + sqrt(A C)) / 2 = 1. Left of that root's existence the edge is the largest eigenvalue and
    the overlaps are zero. The eigenvector is G (p u + r w), p = w.x, r = u.x, (2 - B) r = A p,
    and |G y|^2 = -d(y G y)/dz normalises it.
    """
    x_edge = edge(weights, variances)

    def excess(x: float) -> float:
        a, b, c = _forms(resolvent(x, weights, variances).g, spike)
        return float((b + np.sqrt(a * c)) / 2 - 1)

    at_edge = excess(x_edge)
    if at_edge <= 0:
        return TopEigenpair(resolvent(x_edge, weights, variances).z, 0.0, 0.0, 1 + at_edge)
    # m0 >= 1/x gives g <= 2 sqrt(x) / (x - max s), hence excess < 0 beyond this x.
    far = 2 * float(variances.max()) + 17 * float(spike.left.sum() * spike.right.sum())
    outlier = resolvent(brentq(excess, x_edge, far, xtol=1e-13 * far), weights, variances)
    a, b, c = _forms(outlier.g, spike)
    p, r = 2 - b, a
    a_slope, b_slope, c_slope = _forms(outlier.slope, spike)
    norm = -(p * p * a_slope + 2 * p * r * b_slope + r * r * c_slope)
    left = (a * p + b * r) ** 2 / (norm * spike.left.sum())
    right = (b * p + c * r) ** 2 / (norm * spike.right.sum())
    return TopEigenpair(outlier.z, float(left), float(right), 1 + at_edge)


def _forms(g: Array, spike: Spike) -> tuple[float, float, float]:
    """The quadratic forms u G u, u G w, w G w."""
    return float(g @ spike.left), float(g @ spike.cross), float(g @ spike.right)

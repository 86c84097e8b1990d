"""Top eigenpair of a symmetric Gaussian matrix with a variance profile and a symmetrised rank-one spike.

H = X + (u w^T + w u^T) / 2 in d dimensions, X symmetric with independent centred entries of
variance (s_i + s_j) / (4 d). Coordinates come in blocks b with weights c_b (their fractions of d)
and variances s_b; a block may be a single coordinate. For d -> infinity the resolvent of X is
diagonal, with entries g_b that solve the block Dyson equation

    1 / g_a = z - sum_b c_b g_b (s_a + s_b) / 4.

Its right side is z - k/4 - s_a m/4 with m = sum c g and k = sum c s g, so that x = (4 z - k) / m
parametrises the solution: with m0(x) = sum_b c_b / (x - s_b) and x > max s,

    m = 2 sqrt(m0),   g_b = 2 / (sqrt(m0) (x - s_b)),   z = x sqrt(m0) - 1 / (2 sqrt(m0)).

z runs along the real axis outside the bulk from x = infinity down to the bulk's edge, dz/dx = 0.

All functions take several matrices at once: [..., block] arrays, `weights` [block] summing to one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_HALVINGS = 64


@dataclass(frozen=True)
class Resolvent:
    """The limit of (z - X)^-1 at x: z [...], its entries g [..., block] and dg/dz [..., block]."""

    z: Array
    g: Array
    slope: Array


@dataclass(frozen=True)
class Spike:
    """(u w^T + w u^T) / 2 by block: |u_b|^2, u_b . w_b and |w_b|^2, each [..., block]."""

    left: Array
    cross: Array
    right: Array


@dataclass(frozen=True)
class TopEigenpair:
    """Largest eigenvalue of H, and the squared overlaps of its unit vector with u/|u| and w/|w|.

    `strength` is the spike's signal at the bulk's edge in units of the threshold: above one the
    eigenvalue lies outside the bulk, below it is the edge and the overlaps are zero. All [...].
    """

    value: Array
    left_overlap: Array
    right_overlap: Array
    strength: Array


def resolvent(x: Array, weights: Array, variances: Array) -> Resolvent:
    """The closed form at x > max(variances), x [...]; the slope is finite above the edge only."""
    e = 1 / (x[..., None] - variances)
    m0, m0_slope = e @ weights, -(e**2) @ weights
    root = np.sqrt(m0)
    z_slope = root + m0_slope * (x / (2 * root) + 1 / (4 * m0 * root))
    g = 2 * e / root[..., None]
    g_slope = -g * (e + (m0_slope / (2 * m0))[..., None])
    return Resolvent(x * root - 1 / (2 * root), g, g_slope / z_slope[..., None])


def edge(weights: Array, variances: Array) -> Array:
    """The x of the bulk's right edge [...]: where the linearised Dyson equation turns singular.

    Its Perron eigenvalue is r(x) = (<e^2 s> + sqrt(<e^2> <e^2 s^2>)) / <e> with e = 1 / (x - s) and
    <f> = sum_b c_b f_b; r = 1 is equivalent to dz/dx = 0. r decreases in x by Chebyshev's sum
    inequality, so the root is unique; 2 (x m0 - 1) <= r <= 2 max(s) / (x - max s) brackets it.
    """
    largest = variances.max(axis=-1)
    share = (variances == largest[..., None]) @ weights

    def excess(x: Array) -> Array:
        e = 1 / (x[..., None] - variances)
        low, middle, high = (e**2 * variances**power @ weights for power in (0, 1, 2))
        return (middle + np.sqrt(low * high)) / (e @ weights) - 1

    return _falling_root(excess, largest * (1 + share / 2), 3 * largest)


def top_eigenpair(weights: Array, variances: Array, spike: Spike) -> TopEigenpair:
    """Largest eigenvalue of H and the overlaps of its eigenvector for d -> infinity.

    With A = sum g |u|^2, B = sum g u.w, C = sum g |w|^2 the determinant of
    1 - G (u w^T + w u^T) / 2 vanishes where (2 - B)^2 = A C; the largest root has
    (B + sqrt(A C)) / 2 = 1, which falls in z. The eigenvector is G (p u + r w) with p = w.x,
    r = u.x, (2 - B) r = A p; y G^2 y = -d(y G y)/dz normalises it.
    """
    at_edge = edge(weights, variances)
    strength = _strength(at_edge, weights, variances, spike)
    # m0 >= 1/x gives g <= 2 sqrt(x) / (x - max s): the strength is below one beyond `far`.
    size = spike.left.sum(axis=-1) * spike.right.sum(axis=-1)
    far = 2 * variances.max(axis=-1) + 16 * size
    root = _falling_root(
        lambda x: _strength(x, weights, variances, spike) - 1, at_edge, np.maximum(far, at_edge)
    )
    outside = strength > 1
    x = np.where(outside, root, at_edge)
    above = np.where(outside, x, 2 * x)
    left, right = _overlaps(resolvent(above, weights, variances), spike)
    return TopEigenpair(
        value=_position(x, weights, variances),
        left_overlap=np.where(outside, left, 0.0),
        right_overlap=np.where(outside, right, 0.0),
        strength=strength,
    )


def _position(x: Array, weights: Array, variances: Array) -> Array:
    root = np.sqrt((1 / (x[..., None] - variances)) @ weights)
    return x * root - 1 / (2 * root)

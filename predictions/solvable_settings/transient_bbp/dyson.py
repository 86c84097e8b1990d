"""Top eigenpair of a symmetric Gaussian matrix with a variance profile and a symmetrised spike.

H = X + (u w^T + w u^T) / 2 in d dimensions, X symmetric with independent centred entries of
variance (s_i + s_j) / (4 d). Coordinates come in blocks b with weights c_b (their fractions of d)
and variances s_b; a block may be a single coordinate. For d -> infinity the resolvent G(z) of X is
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
class Spike:
    """(u w^T + w u^T) / 2 by block: |u_b|^2, u_b . w_b and |w_b|^2, each [..., block]."""

    left: Array
    cross: Array
    right: Array

    def forms(self, g: Array) -> tuple[Array, Array, Array]:
        """The quadratic forms u G u, u G w and w G w, [...], of a diagonal G [..., block]."""
        parts = (self.left, self.cross, self.right)
        a, b, c = ((g * part).sum(axis=-1) for part in parts)
        return a, b, c


@dataclass(frozen=True)
class TopEigenpair:
    """Largest eigenvalue of H and the squared overlap of its unit vector with u / |u|, both [...].

    `strength` [...] is the spike at the bulk's edge in units of the threshold: above one the
    eigenvalue lies outside the bulk, otherwise it is the edge and the overlap is zero.
    """

    value: Array
    overlap: Array
    strength: Array


def resolvent(x: Array, weights: Array, variances: Array) -> tuple[Array, Array]:
    """Position z [...] and g [..., block] at x [...] > max(variances)."""
    e = 1 / (x[..., None] - variances)
    root = np.sqrt(e @ weights)
    return x * root - 1 / (2 * root), 2 * e / root[..., None]


def resolvent_slope(x: Array, weights: Array, variances: Array) -> tuple[Array, Array]:
    """Slopes dz/dx [...] and dg/dx [..., block], whose quotient is dg/dz."""
    e = 1 / (x[..., None] - variances)
    m0, m0_slope = e @ weights, -(e**2) @ weights
    g_slope = -2 * e / np.sqrt(m0)[..., None] * (e + (m0_slope / (2 * m0))[..., None])
    return _z_slope(x, m0, m0_slope), g_slope


def edge(weights: Array, variances: Array) -> Array:
    """The x of the bulk's right edge [...], where dz/dx = 0.

    The Perron eigenvalue of the linearised Dyson equation is
    r(x) = (<e^2 s> + sqrt(<e^2> <e^2 s^2>)) / <e>, e = 1 / (x - s), <f> = sum_b c_b f_b, and dz/dx
    has the sign of 1 - r. By Chebyshev's sum inequality r falls in x, so there is one root;
    2 (x m0 - 1) <= r <= 2 max(s) / (x - max s) brackets it.
    """
    largest = variances.max(axis=-1)
    share = (variances == largest[..., None]) @ weights

    def steepness(x: Array) -> Array:
        e = 1 / (x[..., None] - variances)
        return -_z_slope(x, e @ weights, -(e**2) @ weights)

    return _falling_root(steepness, largest * (1 + share / 2), 3 * largest)


def top_eigenpair(weights: Array, variances: Array, spike: Spike) -> TopEigenpair:
    """Largest eigenvalue of H and its eigenvector's overlap, for d -> infinity.

    With A = u G u, B = u G w, C = w G w the determinant of 1 - G (u w^T + w u^T) / 2 vanishes where
    (2 - B)^2 = A C; the largest root has (B + sqrt(A C)) / 2 = 1, whose left side falls in z. The
    eigenvector is G (p u + r w) with p = w.y, r = u.y, (2 - B) r = A p, and its length follows from
    y G^2 y = -d(y G y)/dz.
    """

    def strength(x: Array) -> Array:
        a, b, c = spike.forms(resolvent(x, weights, variances)[1])
        return (b + np.sqrt(a * c)) / 2

    x_edge = edge(weights, variances)
    # m0 >= 1/x gives g <= 2 sqrt(x) / (x - max s), so that the strength is below one at `far`.
    size = spike.left.sum(axis=-1) * spike.right.sum(axis=-1)
    far = np.maximum(2 * variances.max(axis=-1) + 16 * size, x_edge)
    x = _falling_root(lambda x: strength(x) - 1, x_edge, far)
    z, g = resolvent(x, weights, variances)
    z_slope, g_slope = resolvent_slope(x, weights, variances)
    a, b, _ = spike.forms(g)
    a_slope, b_slope, c_slope = spike.forms(g_slope)
    p, r = 2 - b, a
    length2 = -(p * p * a_slope + 2 * p * r * b_slope + r * r * c_slope)
    overlap = (a * p + b * r) ** 2 * z_slope / (length2 * spike.left.sum(axis=-1))
    at_edge = strength(x_edge)
    return TopEigenpair(z, np.where(at_edge > 1, overlap, 0.0), at_edge)


def _z_slope(x: Array, m0: Array, m0_slope: Array) -> Array:
    """Slope dz/dx [...] from m0 and dm0/dx."""
    return np.sqrt(m0) + m0_slope * (2 * x * m0 + 1) / (4 * m0 * np.sqrt(m0))


def _falling_root(function: Callable[[Array], Array], low: Array, high: Array) -> Array:
    """Where functions turn negative, by bisection; `low` if they are negative throughout."""
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        above = function(middle) > 0
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return low

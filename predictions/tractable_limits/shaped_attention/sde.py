"""The stochastic differential equation of the token covariance, and samples of its law.

Width and depth L go to infinity at fixed L/n. A layer moves V = X X^T / n by O(n^-1/2) at random
and by O(1/n) in the mean, so that V, a function of t = l/n, follows

    dV = g b(V) / tau0^2 dt + c H dS H^T + g (dA V + V dA^T) / tau0,

with V = H H^T, g the branch variance, c^2 = g (2 - g), dS a symmetric Gaussian matrix of variance
dt (2 dt on its diagonal) from the value weights, and dA = (dY - its row means) / m from the
softmax's first order in logits dY of covariances E dY_ad dY_bw = V_ab V_dw dt; b is `drift` (Noci
et al. 2023, section 4, in this topic's notation).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

PATHS: Final = 6000
STEP: Final = 1 / 128
"""Largest step of time."""

SEED: Final = 20230630

_MIRROR: Final = np.array([1.0, -1.0])[:, None, None, None]

LONGEST: Final = 30.0
"""Mean of |x|^2/n at which a path is stopped: b is cubic, so that it would reach infinity soon."""


def drift(v_MM: Array) -> Array:
    """b(V) = lim n tau0^2 E[A V A^T - V] of shaped attention; covariances [..., m, m].

    The softmax of Y / (tau0 sqrt n) to second order is A = I + A1 / sqrt n + A2 / n. With
    C = J V J, J = I - 1/m, and q the deviations of C's diagonal from its mean,

        E A1 V A1^T = V s,   s = sum(V o C) / m^2,      E (A2)_ad = V_aa q_d / (2 m)

    in units of 1/tau0^2, and b = s V + E A2 V + V E A2^T. Terms that are odd in Y have no mean.
    """
    scale, second_MM = drift_parts(v_MM)
    mixed_MM = second_MM @ v_MM
    return scale[..., None, None] * v_MM + mixed_MM + mixed_MM.mT


def drift_parts(v_MM: Array) -> tuple[Array, Array]:
    """The numbers s [...] and matrices E A2 [..., m, m] of `drift`."""
    m = v_MM.shape[-1]
    centred_MM = _centred(_centred(v_MM).mT)
    scale = (v_MM * centred_MM).sum((-2, -1)) / m**2
    spread_M = np.diagonal(centred_MM, axis1=-2, axis2=-1)
    spread_M = spread_M - spread_M.mean(axis=-1, keepdims=True)
    own_M = np.diagonal(v_MM, axis1=-2, axis2=-1)
    return scale, own_M[..., :, None] * spread_M[..., None, :] / (2 * m)


@lru_cache(maxsize=16)
def paths(
    start: tuple[tuple[float, ...], ...],
    branch: float,
    temperature: float,
    times: tuple[float, ...],
) -> Array:
    """Samples [time, sign, path, m, m] of V at the given times; `temperature` inf: no attention.

    Sign 0 and 1 are paths of opposite dY, sign 2 the same without attention, as the experiment has
    them. Factors H of V = H H^T are stepped, which keeps V positive: H <- (I + dM) H (I + dR), dR
    Gaussian of variance c^2 dt / 2 and dM = g dA / tau0, each with the drift that leaves the mean
    of V right to O(dt^2). Paths that have `exploded` stay where they are.
    """
    rng = np.random.default_rng(SEED)
    v_MM = np.array(start)
    m, noise = len(v_MM), branch * (2 - branch)
    h = np.broadcast_to(np.linalg.cholesky(v_MM), (3, PATHS, m, m))
    records, now = [], 0.0
    for then in times:
        steps = math.ceil((then - now) / STEP - 1e-9)
        dt = (then - now) / steps
        for _ in range(steps):
            z, g = rng.standard_normal((2, PATHS, m, m))
            v = h @ h.mT
            move = _move(h[:2], v[:2], z, math.sqrt(dt) / temperature, branch)
            left = np.concatenate([h[:2] + move @ h[:2], h[2:]])
            right = math.sqrt(noise * dt / 2) * g + (1 - noise * m * dt / 4) * np.eye(m)
            h = np.where(exploded(v), h, left @ right)
        now = then
        records.append(h @ h.mT)
    return np.array(records)


def exploded(v_MM: Array) -> Array:
    """Which covariances [..., m, m] are on their way to infinity, [..., 1, 1]."""
    length = np.trace(v_MM, axis1=-2, axis2=-1) / v_MM.shape[-1]
    return np.asarray(length > LONGEST)[..., None, None]


def _move(h: Array, v: Array, z: Array, size: float, branch: float) -> Array:
    """The matrices dM [sign, path, m, m] of one step; `size` is that of the logits."""
    m = h.shape[-1]
    first = _centred(h @ z @ h.mT) / m
    scale, second = drift_parts(v)
    mean = second + (1 - branch) / 2 * scale[..., None, None] * np.eye(m)
    move: Array = branch * (size * _MIRROR * first + size**2 * mean)
    return move


def mean_correlation(v_MM: Array) -> Array:
    """Mean correlation of two different tokens, of covariances [..., m, m]."""
    m = v_MM.shape[-1]
    root_M = np.sqrt(np.diagonal(v_MM, axis1=-2, axis2=-1))
    pairs_MM = v_MM / (root_M[..., :, None] * root_M[..., None, :])
    return np.asarray((pairs_MM.sum((-2, -1)) - m) / (m * (m - 1)))


def _centred(rows_MM: Array) -> Array:
    """Rows less their means."""
    centred: Array = rows_MM - rows_MM.mean(axis=-1, keepdims=True)
    return centred

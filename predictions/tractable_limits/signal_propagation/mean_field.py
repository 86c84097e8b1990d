"""Mean field theory of a wide random tanh network: norms, correlations, tangents.

Preactivations of a layer are Gaussian with variance q, those of two inputs of the same norm have
covariance c q. From layer to layer (Poole et al. 2016)

    q' = sigma_w^2 E tanh(u)^2 + sigma_b^2
    c' q' = sigma_w^2 E tanh(u_1) tanh(u_2) + sigma_b^2
    chi(q, c) = sigma_w^2 E tanh'(u_1) tanh'(u_2),    chi_1 = chi(q, 1)

with u_1 = sqrt(q) z_1, u_2 = sqrt(q) (c z_1 + sqrt(1 - c^2) z_2), z Gaussian.

Expectations are sums over an even grid. For a function that is analytic within pi / (2 sqrt(q)) of
the real axis, as these are, the error is exp(-pi^2 / (STEP_OVER_WIDTH)) relative to its size, at
any q. A fixed number of Gauss-Hermite nodes does not follow the narrowing of tanh' at large q.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

STEP_OVER_WIDTH: Final = 0.3
LARGEST_STEP: Final = 0.25
CUT: Final = 9.0

_SWEEPS: Final = 100_000


def mean(function: Callable[[Array], Array], q: float) -> float:
    """E f(u) for u ~ N(0, q)."""
    z_Z, weight_Z = _nodes(q)
    return float(weight_Z @ function(np.sqrt(q) * z_Z))


def mean_product(function: Callable[[Array], Array], q: float, c: float) -> float:
    """E f(u_1) f(u_2) for two Gaussians of variance q and correlation c in [-1, 1]."""
    z_Z, weight_Z = _nodes(q)
    first_Z = function(np.sqrt(q) * z_Z)
    rest = np.sqrt(max(0.0, 1 - c * c))
    second_ZZ = function(np.sqrt(q) * (c * z_Z[:, None] + rest * z_Z))
    return float((weight_Z * first_Z) @ (second_ZZ @ weight_Z))


def slope(u: Array) -> Array:
    """tanh'(u) = sech(u)^2, without overflow."""
    return 1 - np.tanh(u) ** 2


def variance_map(q: float, weight_std: float, bias_std: float) -> float:
    """The variance of the next layer's preactivations."""
    return weight_std**2 * mean(lambda u: np.tanh(u) ** 2, q) + bias_std**2


def correlation_map(q: float, c: float, weight_std: float, bias_std: float) -> float:
    """The correlation of two inputs in the next layer."""
    covariance = weight_std**2 * mean_product(np.tanh, q, c) + bias_std**2
    return covariance / variance_map(q, weight_std, bias_std)


def chi(q: float, c: float, weight_std: float) -> float:
    """Factor per layer of the covariance of small changes of two inputs; chi_1 at c = 1."""
    if c == 1:
        return weight_std**2 * mean(lambda u: slope(u) ** 2, q)
    return weight_std**2 * mean_product(slope, q, c)


def fixed_variance(weight_std: float, bias_std: float) -> float:
    """q*, the stable fixed point of the variance map; bias_std > 0 keeps it from zero."""
    return _settle(lambda q: variance_map(q, weight_std, bias_std), weight_std**2 + bias_std**2)


def fixed_correlation(q: float, weight_std: float, bias_std: float) -> float:
    """c*, the stable fixed point at q = q*: one in the ordered phase, less in the chaotic one."""
    if chi(q, 1.0, weight_std) <= 1:
        return 1.0
    return _settle(lambda c: correlation_map(q, c, weight_std, bias_std), 0.0)


def _settle(step: Callable[[float], float], x: float) -> float:
    for _ in range(_SWEEPS):
        before, x = x, step(x)
        if abs(x - before) <= 1e-14 * max(1.0, abs(x)):
            return x
    raise ArithmeticError("no fixed point found: too close to the edge of chaos")


def _nodes(q: float) -> tuple[Array, Array]:
    half = int(np.ceil(CUT / min(LARGEST_STEP, STEP_OVER_WIDTH / np.sqrt(max(q, 1e-12)))))
    return _grid(half)


@cache
def _grid(half: int) -> tuple[Array, Array]:
    z_Z = CUT * np.arange(-half, half + 1) / half
    weight_Z = np.exp(-z_Z * z_Z / 2)
    return z_Z, weight_Z / weight_Z.sum()

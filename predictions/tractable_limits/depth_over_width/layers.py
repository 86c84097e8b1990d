"""Statistics of a single layer of a random network, given the kernel of the layer before it.

Given K_{l-1}, the n preactivations of layer l are independent N(0, q), q = sigma_w^2 K_{l-1}; so
K_l is a mean of n independent copies of phi(sqrt(q) g)^2, g ~ N(0, 1). For an activation with
phi(a z) = a phi(z), a > 0, the ratio K_l / K_{l-1} does not depend on K_{l-1}.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from numpy.typing import NDArray
from scipy.special import gammaln, polygamma, psi

from .world import Activation

Array = NDArray[np.float64]

NODES: Final = 120
"""Gauss-Hermite nodes: errors of tanh(sqrt(q) z) below 1e-4 up to q = LARGEST_VARIANCE."""

LARGEST_VARIANCE: Final = 3.0

_SLOPES: Final[dict[Activation, tuple[Callable[[Array], Array], Callable[[Array], Array]]]] = {
    "linear": (lambda z: z, np.ones_like),
    "relu": (lambda z: np.maximum(z, 0.0), lambda z: np.where(z > 0, 1.0, 0.0)),
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
}


@dataclass(frozen=True)
class Step:
    """Mean and variance of ln(K_l / K_{l-1}) over the layer's weights."""

    mean: float
    variance: float


@dataclass(frozen=True)
class Response:
    """Large-n statistics of K_l at a given K_{l-1}.

    mean E phi^2 (the next layer's kernel), its slope in K_{l-1}, and the variance of phi^2.
    """

    mean: float
    slope: float
    variance: float


def linear_step(weight_variance: float, width: int) -> Step:
    """Exact step of a linear layer: sigma_w^2 chi^2_n / n."""
    half = width / 2
    mean = psi(half) - math.log(half) + math.log(weight_variance)
    return Step(float(mean), float(polygamma(1, half)))


def relu_step(weight_variance: float, width: int) -> Step:
    """Exact step of a ReLU layer that is not dead.

    k ~ Binomial(n, 1/2) neurons are active, k > 0, and the ratio is sigma_w^2 chi^2_k / n.
    """
    k = np.arange(1, width + 1)
    log_count = gammaln(width + 1) - gammaln(k + 1) - gammaln(width - k + 1)
    weight = np.exp(log_count - width * math.log(2))
    weight /= weight.sum()
    given_k = psi(k / 2) + math.log(2 * weight_variance / width)
    mean = weight @ given_k
    variance = weight @ polygamma(1, k / 2) + weight @ (given_k - mean) ** 2
    return Step(float(mean), float(variance))


def response(activation: Activation, weight_variance: float, kernel: float) -> Response:
    """Gaussian averages over one layer's preactivations, by Gauss-Hermite quadrature.

    The slope uses d/dq E phi(sqrt(q) z)^2 = E[z phi phi'] / sqrt(q). Raises ValueError where the
    preactivations are too large for the quadrature.
    """
    q = weight_variance * kernel
    if q > LARGEST_VARIANCE and activation == "tanh":
        raise ValueError(f"a preactivation variance of {q:.3g} exceeds {LARGEST_VARIANCE:g}")
    z, weight = _gauss()
    phi, derivative = _SLOPES[activation]
    value, slope = phi(math.sqrt(q) * z), derivative(math.sqrt(q) * z)
    second = weight @ value**2
    return Response(
        mean=float(second),
        slope=float(weight_variance * (weight @ (z * value * slope)) / math.sqrt(q)),
        variance=float(weight @ value**4 - second**2),
    )


@functools.cache
def _gauss() -> tuple[Array, Array]:
    """Nodes and normalised weights of the standard Gaussian."""
    z, weight = hermegauss(NODES)
    return z, weight / weight.sum()

"""Covariance and excess kurtosis of the output of a random network, layer by layer.

h_1 = W_1 x + b_1, h_{l+1} = W_{l+1} phi(h_l) + b_{l+1}, f = h_{L+1}, with Gaussian weights of
variance s_w / fan-in and biases of variance s_b. Given the layers below, the n neurons of a layer
are independent Gaussian functions of the input, whose covariance k_l = s_w <phi phi>_n + s_b is a
mean over the n neurons of the layer below. For n -> infinity it does not fluctuate:

    K_1 = s_w x.x' / d + s_b,   K_{l+1} = s_w E phi(z) phi(z') + s_b,   (z, z') ~ N(0, K_l).

At a finite width the variance of k_l at one input is V_l / n + O(n^-2): what the neurons of the
layer below add, independent given k_{l-1}, and what the map K_{l-1} -> K_l passes on,

    V_1 = 0,   V_{l+1} = (dq_{l+1}/dq_l)^2 V_l + s_w^2 Var phi(z)^2,   z ~ N(0, q_l), q = K(x, x).

Given k the output is Gaussian, so E f^4 = 3 E k^2, and its excess kurtosis is 3 Var k / (E k)^2.
One hidden layer has no correction of order n^-2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf
from scipy.stats import norm

from harness.api import OutOfScope

from .world import Activation, Setup

Array = NDArray[np.float64]

LARGEST_ASPECT: Final = 0.15
"""Depth over width up to which the first order in 1/n is a forecast."""

_ACTIVATIONS: Final[dict[Activation, Callable[[Array], Array]]] = {
    "erf": erf,
    "tanh": np.tanh,
}

# The trapezoidal rule, exact to rounding for a smooth function that falls to zero.
_U: Final = np.linspace(-9, 9, 361)
_WEIGHT_U: Final = norm.pdf(_U) * (_U[1] - _U[0])


def finite_width(setup: Setup) -> dict[str, float | Array]:
    """Infinite-width covariance, and the kurtosis to first order in 1/n."""
    if setup.depth > LARGEST_ASPECT * setup.width:
        raise OutOfScope(f"depth {setup.depth} is no small part of the width {setup.width}")
    return {"covariance": covariance(setup), "kurtosis": kurtosis_times_width(setup) / setup.width}


def width_only(setup: Setup) -> dict[str, float | Array]:
    """As if only the last hidden layer fluctuated: the kurtosis of one layer at every depth."""
    return finite_width(setup) | {
        "kurtosis": kurtosis_times_width(replace(setup, depth=1, bottleneck=0)) / setup.width
    }


def gaussian_process(setup: Setup) -> dict[str, float | Array]:
    """The limit itself, in which the output is Gaussian."""
    return {"covariance": covariance(setup), "scaled_kurtosis": 0.0}


def covariance(setup: Setup) -> Array:
    """Output covariance at infinite width at each of the inputs' cosines, [input_cosine]."""
    q, *others = setup.weight_variance * setup.axes()["input_cosine"] + setup.bias_variance
    for _ in range(setup.depth):
        moments = [_product_moment(setup, q, c) for c in (q, *others)]
        q, *others = setup.weight_variance * np.array(moments) + setup.bias_variance
    return np.array([q, *others])


def kurtosis_times_width(setup: Setup) -> float:
    """Limit of n times the excess kurtosis of the output at one input."""
    phi = _ACTIVATIONS[setup.activation]
    q, variance = setup.weight_variance + setup.bias_variance, 0.0
    for _ in range(setup.depth):
        square_U = phi(np.sqrt(q) * _U) ** 2
        mean = float(square_U @ _WEIGHT_U)
        # d/dq E g(z) = E g(z) (z^2 / q - 1) / (2 q)
        slope = setup.weight_variance * float((square_U * (_U**2 - 1)) @ _WEIGHT_U) / (2 * q)
        own = setup.weight_variance**2 * float((square_U - mean) ** 2 @ _WEIGHT_U)
        q, variance = setup.weight_variance * mean + setup.bias_variance, slope**2 * variance + own
    return 3 * variance / q**2


def _product_moment(setup: Setup, q: float, c: float) -> float:
    """E phi(z) phi(z') for z, z' of variance q and covariance c."""
    phi = _ACTIVATIONS[setup.activation]
    cosine = np.clip(c / q, -1, 1)
    z_U = np.sqrt(q) * _U
    other_UU = cosine * z_U[:, None] + np.sqrt(1 - cosine**2) * z_U
    return float((phi(z_U) * _WEIGHT_U) @ (phi(other_UU) @ _WEIGHT_U))

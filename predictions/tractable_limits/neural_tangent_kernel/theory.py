"""The neural tangent kernel layer by layer, its gradient descent, and the powers of its errors.

In NTK parametrisation h_1 = sqrt(g/d) W_1 x, h_{l+1} = sqrt(g/n) W_{l+1} phi(h_l) with weights from
N(0, 1) and g = 1 / E phi(z)^2, z ~ N(0, 1), except for the readout f = sqrt(1/n) W phi(h_L). For
n -> infinity (Jacot, Gabriel, Hongler 2018, arXiv:1806.07572) the preactivations of layer l are
Gaussian with covariance K_l, and layer l's part of the kernel sum df/dw df'/dw is T_l:

    K_1 = g x.x' / d,   K_{l+1} = g E phi(z) phi(z'),   D_{l+1} = g E phi'(z) phi'(z'),
    T_l = K_l D_{l+1} ... D_{L+1} (entry by entry),   (z, z') ~ N(0, K_l),

with g = 1 in K_{L+1} and D_{L+1}. Their sum stays what it is in training, so gradient descent is
linear in the outputs: each step changes the output at x by (eta/P) sum_p T(x, x_p) (y_p - f_p), and
T_l in place of T is what the weights of layer l contribute.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harness.api import OutOfScope

from .world import Activation, Setup

Array = NDArray[np.float64]
Forecast = dict[str, float | Array]


def tangent_kernel(setup: Setup, draw: Mapping[str, Array]) -> Forecast:
    """Gradient descent with the infinite-width kernel of all layers."""
    return _descent(setup, draw, layer_kernels(setup, draw["x"]))


def last_layer_only(setup: Setup, draw: Mapping[str, Array]) -> Forecast:
    """Gradient descent with the last layer's kernel alone, the covariance of the random output."""
    parts_LMM = layer_kernels(setup, draw["x"])
    parts_LMM[:-1] = 0
    return _descent(setup, draw, parts_LMM)


def hierarchy(setup: Setup) -> Forecast:
    """Exponents of width from a count of orders in the hierarchy of kernels, for a smooth phi.

    A kernel is a mean over n neurons, so it starts n^(-1/2) away from its limit, and so does what
    it trains. In training it moves at the rate of the next kernel of the hierarchy, for two layers
    n^(-3/2) sum_i a_i u_i with u_i of order 1: the readout weights a_i have either sign, and the
    sum of order n^(1/2) leaves 1/n (Dyer & Gur-Ari 2020, arXiv:1909.11304; Huang & Yau 2020,
    arXiv:1909.08156). Each layer's weights move by O(1) in all, out of a norm of n^(1/2) for
    first layer and readout and n for the layers between.
    """
    if setup.activation == "relu":
        raise OutOfScope("relu has a kink: neurons change sides, which the count leaves out")
    between = np.full(setup.depth - 1, -1.0)
    return {
        "kernel_movement": -1.0,
        "kernel_fluctuation": -0.5,
        "linearisation_error": -1.0,
        "output_fluctuation": -0.5,
        "weight_movement": np.array([-0.5, *between, -0.5]),
    }


def bound_as_rate(setup: Setup) -> Forecast:
    """The bound n^(-1/2) on the movement of kernel and output, taken for their rate."""
    return {"kernel_movement": -0.5, "linearisation_error": -0.5}


def rich_everywhere(setup: Setup) -> Forecast:
    """Feature learning at every width: the kernel moves by O(1), and linearisation fails."""
    return {"kernel_movement": 0.0, "linearisation_error": 0.0}


def layer_kernels(setup: Setup, x_MD: Array) -> Array:
    """The parts T_l of the infinite-width kernel [L + 1, M, M], the readout's as the last."""
    moments, gain = _MOMENTS[setup.activation], _GAIN[setup.activation]
    cov_MM = gain * x_MD @ x_MD.T / setup.dim
    parts = [cov_MM]
    for factor in [gain] * (setup.depth - 1) + [1.0]:
        product_MM, slopes_MM = moments(cov_MM)
        cov_MM = factor * product_MM
        parts = [factor * slopes_MM * part_MM for part_MM in parts] + [cov_MM]
    return np.stack(parts)


def _descent(setup: Setup, draw: Mapping[str, Array], parts_LMM: Array) -> Forecast:
    """What T steps with the kernel sum_l T_l do to the output."""
    y_M, samples = draw["y"], setup.samples
    kernel_MP = parts_LMM.sum(axis=0)[:, :samples]
    force_P = np.zeros(samples)
    outputs = []
    for _ in range(setup.steps):
        residual_P = y_M[:samples] - kernel_MP[:samples] @ force_P
        force_P = force_P + setup.learning_rate / samples * residual_P
        outputs.append(kernel_MP @ force_P)
    f_TM = np.array(outputs)
    part_LM = parts_LMM[:, :, :samples] @ force_P
    train, rest = slice(samples), slice(samples, None)
    return {
        "learnt": f_TM[:, train] @ y_M[train] / (y_M[train] @ y_M[train]),
        "generalised": f_TM[:, rest] @ y_M[rest] / (y_M[rest] @ y_M[rest]),
        "layer_share": part_LM @ f_TM[-1] / (f_TM[-1] @ f_TM[-1]),
    }


def _erf_moments(cov_MM: Array) -> tuple[Array, Array]:
    """E phi phi' and E dphi dphi' of erf (Williams 1997)."""
    spread_M = 1 + 2 * np.diagonal(cov_MM)
    square_MM = np.outer(spread_M, spread_M)
    product_MM = 2 / np.pi * np.arcsin(2 * cov_MM / np.sqrt(square_MM))
    return product_MM, 4 / np.pi / np.sqrt(square_MM - 4 * cov_MM**2)


def _relu_moments(cov_MM: Array) -> tuple[Array, Array]:
    """E phi phi' and E dphi dphi' of relu (Cho & Saul 2009)."""
    std_M = np.sqrt(np.diagonal(cov_MM))
    size_MM = np.outer(std_M, std_M)
    angle_MM = np.arccos(np.clip(cov_MM / size_MM, -1, 1))
    slopes_MM = (np.pi - angle_MM) / (2 * np.pi)
    return size_MM * np.sin(angle_MM) / (2 * np.pi) + cov_MM * slopes_MM, slopes_MM


_MOMENTS: Final[dict[Activation, Callable[[Array], tuple[Array, Array]]]] = {
    "erf": _erf_moments,
    "relu": _relu_moments,
}

_GAIN: Final[dict[Activation, float]] = {
    name: 1 / float(moments(np.ones((1, 1)))[0][0, 0]) for name, moments in _MOMENTS.items()
}

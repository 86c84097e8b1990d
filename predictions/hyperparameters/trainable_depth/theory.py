"""Down to which depth wide tanh networks can be trained, up to a factor that is not forecast.

Preactivations of layer l are Gaussian with variance q_l; those of two inputs of equal norm have
correlation c_l. With u_1, u_2 Gaussian of variance q and correlation c (Poole et al. 2016)

    q' = sigma_w^2 E tanh(u_1)^2 + sigma_b^2
    c' q' = sigma_w^2 E tanh(u_1) tanh(u_2) + sigma_b^2
    chi(q, c) = sigma_w^2 E tanh'(u_1) tanh'(u_2).

For chi_1 = chi(q*, 1) < 1 all inputs become one, and their differences and all gradients shrink by
chi_1 in each layer: xi_c = -1 / ln chi_1 is the one scale of depth (Schoenholz et al. 2017).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harness.api import OutOfScope

from .world import Setup

Array = NDArray[np.float64]
Forecast = dict[str, float]

# Expectations are sums over an even grid: the error is exp(-pi^2 / (0.2 sqrt q)) for functions
# that are analytic within pi / (2 sqrt q) of the real axis, as these are.
_Z: Final = np.arange(-40, 41) / 5
_WEIGHT: Final = np.exp(-_Z * _Z / 2) / np.exp(-_Z * _Z / 2).sum()
_SWEEPS: Final = 100_000

LEAST_LENGTHS: Final = 6.0
"""Depth of `tangent_kernel` in units of xi_c from which on exp(-L / xi_c) outweighs its factors."""

MOST_SHARPNESS: Final = 4.0
"""Half of what is stable: beyond, the constant part of the output oscillates in early steps."""


def propagation(setup: Setup) -> Forecast:
    """Deep information propagation: L* = kappa xi_c; far below, nothing is learnt.

    Raises OutOfScope in the chaotic phase, where gradient descent is not safely stable, where it is
    too short for depths that count as large, and where `depths` are not sure to hold L* (one to
    three times the depth of `tangent_kernel` is safe).
    """
    scale = depth_scale(setup)
    _require_stable_descent(setup)
    contrast_L, needed = tangent_contrast(setup), _needed_contrast(setup)
    if np.any(contrast_L[: int(LEAST_LENGTHS * scale)] < needed):
        raise OutOfScope(f"too short a training to reach {LEAST_LENGTHS:g} correlation lengths")
    if contrast_L[setup.depths[0] - 1] < needed:
        raise OutOfScope(f"{setup.depths[0]} layers may be too many to train: begin lower")
    if contrast_L[max(setup.depths[-1] // 3, 1) - 1] >= needed:
        raise OutOfScope(f"{setup.depths[-1]} layers may train: L* is not sure to be in `depths`")
    return {"trainable_depth": scale, "final_loss": 1.0}


def linear_propagation(setup: Setup) -> Forecast:
    """The linearised network, whose differences shrink by sigma_w^2: xi = -1 / ln sigma_w^2.

    Raises OutOfScope where they grow.
    """
    if setup.weight_std >= 1:
        raise OutOfScope(f"differences do not shrink in a linear network at {setup.weight_std}")
    return {"trainable_depth": -0.5 / np.log(setup.weight_std)}


def limited_by_width(setup: Setup) -> Forecast:
    """Gradients fluctuate by L/n: one depth for all initial weights and biases (Hanin 2018)."""
    return {"sensitivity": 0.0, "trainable_depth": float(setup.width)}


def tangent_kernel(setup: Setup) -> Forecast:
    """Networks that stay linear in their weights, constants included (after Xiao et al. 2020).

    All y_i f_i grow alike, as y has no overlap with constant outputs, and their common value m
    obeys dm/dt = eta s / (1 + e^m) with s the kernel of a point with itself less that of two
    points, over P. So m + e^m - 1 = eta T s when the loss ln(1 + e^-m) is reached.

    Raises OutOfScope where `depths` does not hold the depth.
    """
    contrast_L, needed = tangent_contrast(setup), _needed_contrast(setup)
    learnt = np.flatnonzero(contrast_L >= needed)
    if len(learnt) == 0 or learnt[-1] == len(contrast_L) - 1:
        raise OutOfScope("the kernel forecasts a depth outside those that are tried")
    high, low = np.log(contrast_L[learnt[-1] : learnt[-1] + 2] / needed)
    depth = float(learnt[-1] + 1 + high / (high - low))
    return {"trainable_depth": depth, "layers": depth}


def propagation_at_first_norm(setup: Setup) -> Forecast:
    """The depth scale of the first layer's variance instead of the one that layers settle at."""
    q = setup.weight_std**2 + setup.bias_std**2
    return {"trainable_depth": -1 / np.log(chi(q, 1.0, setup.weight_std))}


def depth_scale(setup: Setup) -> float:
    """xi_c in layers; raises OutOfScope at the edge of chaos and beyond."""
    slope = chi(fixed_variance(setup.weight_std, setup.bias_std), 1.0, setup.weight_std)
    if slope >= 1:
        raise OutOfScope(f"chi_1 = {slope:.3g}: gradients do not vanish in the chaotic phase")
    return float(-1 / np.log(slope))


def fixed_variance(weight_std: float, bias_std: float) -> float:
    """q*, the stable fixed point of the variance map."""
    q = weight_std**2 + bias_std**2
    for _ in range(_SWEEPS):
        before, q = q, weight_std**2 * _product(np.tanh, q, 1.0) + bias_std**2
        if abs(q - before) <= 1e-14 * max(1.0, q):
            return float(q)
    raise ArithmeticError("no fixed point found: too close to the edge of chaos")


def chi(q: float, c: float, weight_std: float) -> float:
    """Factor per layer of the covariance of small changes of two inputs; chi_1 at q*, c = 1."""
    return weight_std**2 * _product(_slope, q, c)


def _needed_contrast(setup: Setup) -> float:
    margin = -np.log(2**setup.threshold - 1)
    time = margin + np.exp(margin) - 1
    return float(time * setup.samples / (setup.learning_rate * setup.steps))


def _require_stable_descent(setup: Setup) -> None:
    """The logistic loss curves by at most a quarter of the kernel: stable up to eta Theta = 8."""
    sharpness = setup.learning_rate * _tangent_kernel(setup, 1.0).max()
    if sharpness > MOST_SHARPNESS:
        raise OutOfScope(f"learning rate times kernel is {sharpness:.3g}: near instability")


def tangent_contrast(setup: Setup) -> Array:
    """Neural tangent kernel of a point with itself less that of two orthogonal ones; [L] from 1.

    Of the network of L hidden layers with n neurons, one output of weights of variance 1/n and
    biases everywhere, all trained at one rate. At infinite width, so proportional to n but for the
    biases and the first layer.
    """
    same, other = (_tangent_kernel(setup, c) for c in (1.0, 0.0))
    return same - other


def _tangent_kernel(setup: Setup, c: float) -> Array:
    q = setup.weight_std**2 + setup.bias_std**2
    inputs = setup.dim * c + 1
    c = (setup.weight_std**2 * c + setup.bias_std**2) / q
    below, kernel_L = inputs, []
    for _ in range(setup.depths[-1]):
        slopes = _product(_slope, q, c)
        activity = _product(np.tanh, q, c)
        kernel_L.append(setup.width * activity + 1 + slopes * below)
        below = setup.weight_std**2 * slopes * below + setup.width * activity + 1
        c_next = setup.weight_std**2 * activity + setup.bias_std**2
        q = setup.weight_std**2 * _product(np.tanh, q, 1.0) + setup.bias_std**2
        c = c_next / q
    return np.array(kernel_L)


def _slope(u: Array) -> Array:
    return np.asarray(1 - np.tanh(u) ** 2)


def _product(function: Callable[[Array], Array], q: float, c: float) -> float:
    """E f(u_1) f(u_2) for two Gaussians of variance q and correlation c."""
    first_Z = function(np.sqrt(q) * _Z)
    if c >= 1:
        return float(_WEIGHT @ first_Z**2)
    second_ZZ = function(np.sqrt(q) * (c * _Z[:, None] + np.sqrt(1 - c * c) * _Z))
    return float((_WEIGHT * first_Z) @ (second_ZZ @ _WEIGHT))

"""Forecasts of how the kernel of a random network fluctuates with depth and width.

All forecast `fluctuation`, in units of L/n, and some `typical_kernel`, the geometric mean of
K_l / K_0. For homogeneous activations ln K_l is a random walk over layers with independent steps
(Hanin & Nica 2020): its mean and its variance, which is then the fluctuation, are known at every
width and depth. For all activations the kernel's variance V_l / n follows to first order in 1/n
from

    V_l = (dK_l/dK_{l-1})^2 V_{l-1} + Var phi^2,   V_0 = 0,

along its own recursion K_l = E phi(sqrt(sigma_w^2 K_{l-1}) z)^2 (Roberts, Yaida & Hanin 2022,
chapters 4 and 5). To this order V_l / (n K_l^2) is both Var ln K_l and Var K_l / (E K_l)^2.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harness.api import OutOfScope

from .layers import linear_step, relu_step, response
from .world import Setup

Array = NDArray[np.float64]
Curves = dict[str, Array]

TANH_CLASS: Final = 2 / 3
"""What V_l / K_l^2 gains in each deep layer of a smooth odd activation at criticality."""

LARGEST_RATIO: Final = 0.15
"""L/n up to which first order is enough for tanh: the next order is a part 0.2 l/n of it."""

_STEPS: Final = {"relu": relu_step, "linear": linear_step}


def random_walk(setup: Setup) -> Curves:
    """Exact mean and variance of ln K_l of a homogeneous activation; raises OutOfScope for tanh."""
    if setup.activation == "tanh":
        raise OutOfScope("for tanh the steps of ln K depend on K")
    step = _STEPS[setup.activation](setup.weight_variance, setup.width)
    layer = setup.axes()["layer"]
    return {
        "fluctuation": setup.width * step.variance * layer / setup.depth,
        "typical_kernel": np.exp(step.mean * layer),
    }


def critical_relu(setup: Setup) -> Curves:
    """`random_walk` of critical ReLU networks, whatever the setup's networks are (a wrong one)."""
    return random_walk(replace(setup, activation="relu", weight_variance=2.0))


def log_normal(setup: Setup) -> Curves:
    """Width and depth to infinity at a fixed ratio: ln K_l ~ N(-s/2, s), s = 5 l/n for ReLU.

    Raises OutOfScope for tanh.
    """
    growth, spread = _homogeneous_flow(setup)
    return recursion(setup) | {"typical_kernel": growth * np.exp(-spread / 2)}


def first_order(setup: Setup) -> Curves:
    """`log_normal` expanded to first order in l/n; raises OutOfScope for tanh."""
    growth, spread = _homogeneous_flow(setup)
    return recursion(setup) | {"typical_kernel": growth * (1 - spread / 2)}


def recursion(setup: Setup) -> Curves:
    """The fluctuations to first order in 1/n, for every activation and weight variance."""
    kernel, variance = kernel_flow(setup)
    return {"fluctuation": variance / kernel**2 / setup.depth}


def perturbative(setup: Setup) -> Curves:
    """`recursion` where depth is small against width; raises OutOfScope elsewhere."""
    if setup.depth > LARGEST_RATIO * setup.width:
        raise OutOfScope(f"L/n = {setup.depth / setup.width:.3g} is beyond the first order")
    return recursion(setup)


def critical_tanh(setup: Setup) -> Curves:
    """`recursion` of critical tanh networks, whatever the setup's networks are (a wrong one)."""
    return recursion(replace(setup, activation="tanh", weight_variance=1.0))


def tanh_asymptote(setup: Setup) -> Curves:
    """The limit of `critical_tanh` in deep layers: (2/3) l/n."""
    return {"fluctuation": TANH_CLASS * setup.axes()["layer"] / setup.depth}


def linear_class(setup: Setup) -> Curves:
    """A tanh that never leaves its linear range: 2 l/n."""
    return recursion(replace(setup, activation="linear", weight_variance=1.0))


def relu_class(setup: Setup) -> Curves:
    """One law for all activations, that of ReLU: 5 l/n."""
    return recursion(replace(setup, activation="relu", weight_variance=2.0))


def width_only(setup: Setup) -> Curves:
    """Each layer fluctuates by itself and hands nothing on, so that depth does not matter."""
    kernel, _ = kernel_flow(setup)
    before = [setup.input_kernel, *kernel[:-1]]
    own = [response(setup.activation, setup.weight_variance, value) for value in before]
    ratios = np.array([layer.variance / layer.mean**2 for layer in own])
    return {"fluctuation": ratios / setup.depth}


def no_fluctuations(setup: Setup) -> Curves:
    """Every network has the same kernel."""
    return {"fluctuation": np.zeros(setup.depth)}


def infinite_width(setup: Setup) -> Curves:
    """Every network has the kernel of the recursion."""
    kernel, _ = kernel_flow(setup)
    return no_fluctuations(setup) | {"typical_kernel": kernel / setup.input_kernel}


def kernel_flow(setup: Setup) -> tuple[Array, Array]:
    """K_l at infinite width, and n times its variance to first order, V_l; both [layer]."""
    kernel, variance = setup.input_kernel, 0.0
    flow = []
    for _ in range(setup.depth):
        layer = response(setup.activation, setup.weight_variance, kernel)
        kernel, variance = layer.mean, layer.slope**2 * variance + layer.variance
        flow.append((kernel, variance))
    kernel_L, variance_L = np.array(flow).T
    return kernel_L, variance_L


def _homogeneous_flow(setup: Setup) -> tuple[Array, Array]:
    """K_l / K_0 at infinite width, and Var ln K_l to first order in 1/n; both [layer]."""
    if setup.activation == "tanh":
        raise OutOfScope("for tanh the mean of K depends on its fluctuations")
    kernel, variance = kernel_flow(setup)
    return kernel / setup.input_kernel, variance / kernel**2 / setup.width

"""What a wide network with a zero readout says about all inputs once it has seen one.

f(x) = m^-1/2 sum_j a_j phi(w_j . x) starts at a = 0. While a is small only it moves, and a step on
(f(x_0) - 1)^2 / 2 changes f(x) by eta (1 - f(x_0)) K(x, x_0), where the kernel
K(x, x_0) = (1/m) sum_j phi(w_j . x) phi(w_j . x_0) is a mean over neurons: E[phi phi] for large m.
For unit vectors an angle theta apart, after t steps,

    f_t(theta) = K(theta) / K(0) (1 - (1 - eta K(0))^t).

The mean over initial weights deviates from it by order 1/m: the kernel fluctuates, and the hidden
weights move by order m^-1/2, which changes it.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from .world import Setup

Curves: TypeAlias = dict[str, np.ndarray]


def arc_cosine_kernel(setup: Setup) -> Curves:
    """Outputs [step, angle] of a network of rectifiers."""
    return _learning_curves(setup, arc_cosine(setup.axes()["angle"]))


def linear_kernel(setup: Setup) -> Curves:
    """Outputs [step, angle] of a linear network whose kernel is as large at the example."""
    return _learning_curves(setup, np.cos(setup.axes()["angle"]) / 2)


def arc_cosine(angle: np.ndarray) -> np.ndarray:
    """E[relu(w . x) relu(w . x')] for normal w and unit x, x' an angle apart.

    Cho & Saul 2009, eq. 6 (half their kernel of degree one).
    """
    return np.asarray((np.sin(angle) + (np.pi - angle) * np.cos(angle)) / (2 * np.pi))


def _learning_curves(setup: Setup, kernel_A: np.ndarray) -> Curves:
    left_T = (1 - setup.learning_rate * kernel_A[0]) ** setup.axes()["step"]
    return {"output": np.outer(1 - left_T, kernel_A / kernel_A[0])}

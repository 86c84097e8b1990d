"""By how much gradient descent breaks what gradient flow conserves.

With G = dL/dW [h, d] and g = dL/da [h], gradient flow conserves Q = W W^T - a a^T of a linear
network, and the diagonal of Q if phi is positively homogeneous, phi(c z) = c phi(z) for c > 0 (Du,
Hu & Lee 2018). A step of gradient descent changes them by

    Q_{k+1} - Q_k = eta^2 N_k,    N = G G^T - g g^T,

exactly: the terms of order eta cancel, as in the flow. Hence the change over a time T is
eta times a Riemann sum of N along the path, eta int_0^T N dt + O(eta^2) (Kunin et al. 2021 derive
such laws from the modified flow; the sum is exact here).

Its size has a natural unit: along the flow the loss falls by int (|G|^2 + |g|^2) dt, which bounds
|int N dt|, so that `breaking` = |Q_T - Q_0| / (eta (L_0 - L_T)) lies between 0 and 1 for small eta.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harness.api import OutOfScope

from .world import Activation, Setup

Array = NDArray[np.float64]
Draw = Mapping[str, Array]
Forecast = dict[str, float]

# phi and its derivative
FUNCTIONS: Final[dict[Activation, tuple[Callable[[Array], Array], Callable[[Array], Array]]]] = {
    "linear": (lambda z: z, np.ones_like),
    "relu": (lambda z: np.maximum(z, 0.0), lambda z: (z > 0).astype(float)),
    "tanh": (np.tanh, lambda z: 1 / np.cosh(z) ** 2),
}

# Runge-Kutta steps for each unit of time: fixed ones, as an adaptive solver stalls at ReLU's kinks.
STEPS_PER_TIME: Final = 20


def first_order(setup: Setup, draw: Draw) -> Forecast:
    """N integrated along gradient flow from the seed's weights, times eta.

    Raises OutOfScope unless phi is positively homogeneous.
    """
    _require_homogeneous(setup)
    return any_activation(setup, draw)


def any_activation(setup: Setup, draw: Draw) -> Forecast:
    """`first_order`, taken to hold for every phi (wrong)."""
    flow = _flow(setup, draw, 0.0)
    return _forecast(setup, float(np.linalg.norm(flow.integral)), flow.descent)


def second_order(setup: Setup, draw: Draw) -> Forecast:
    """Up to O(eta^3): N summed along the modified flow of gradient descent.

    Descent follows w' = -grad L - (eta/2) Hess L grad L up to O(eta^2) in w (Barrett & Dherin
    2021), and the left Riemann sum of N over its steps is the integral and (eta/2)(N_0 - N_T).
    Raises OutOfScope as `first_order` does.
    """
    _require_homogeneous(setup)
    flow = _flow(setup, draw, setup.learning_rate)
    total = flow.integral + setup.learning_rate / 2 * (flow.start - flow.end)
    return _forecast(setup, float(np.linalg.norm(total)), flow.descent)


def modified_path(setup: Setup, draw: Draw) -> Forecast:
    """`second_order` with the integral in place of the sum over steps (wrong)."""
    flow = _flow(setup, draw, setup.learning_rate)
    return _forecast(setup, float(np.linalg.norm(flow.integral)), flow.descent)


def random_walk(setup: Setup, draw: Draw) -> Forecast:
    """The steps' eta^2 N_k add up like independent errors: eta^(3/2) (int |N|^2 dt)^(1/2)."""
    flow = _flow(setup, draw, 0.0)
    return _forecast(setup, float(np.sqrt(setup.learning_rate * flow.power)), flow.descent)


def conserved(setup: Setup) -> Forecast:
    """What holds for gradient flow, taken to hold for descent."""
    del setup
    return {"breaking": 0.0}


def first_layer_only(setup: Setup, draw: Draw) -> Forecast:
    """`first_order` without the second layer's share -g g^T of N (wrong)."""
    flow = _flow(setup, draw, 0.0, second=0.0)
    return _forecast(setup, float(np.linalg.norm(flow.integral)), flow.descent)


@dataclass(frozen=True)
class Flow:
    """int N dt, N_0 and N_T, all [h, h]; int |N|^2 dt; and the fall of the loss."""

    integral: Array
    start: Array
    end: Array
    power: float
    descent: float


def _flow(setup: Setup, draw: Draw, eta: float, second: float = 1.0) -> Flow:
    """The modified flow of step size eta (gradient flow at 0), with N = G G^T - `second` g g^T."""

    def increment(gradient: Array) -> Array:
        w_grad_HD, a_grad_H = _layers(setup, gradient)
        n_HH = w_grad_HD @ w_grad_HD.T - second * np.outer(a_grad_H, a_grad_H)
        return n_HH if setup.activation == "linear" else np.diag(np.diagonal(n_HH))

    def velocity(state: Array) -> Array:
        downhill = gradient(setup, draw, state[cut])
        n_HH = increment(downhill)
        if eta:
            downhill = downhill + eta / 2 * _curved(setup, draw, state[cut], downhill)
        return np.concatenate([-downhill, n_HH.ravel(), [(n_HH**2).sum()]])

    start = np.concatenate([draw["first"].ravel(), draw["second"]])
    cut = slice(0, start.size)
    state = np.concatenate([start, np.zeros(setup.width**2 + 1)])
    end = _runge_kutta(velocity, state, setup.horizon)
    return Flow(
        end[start.size : -1].reshape(setup.width, setup.width),
        increment(gradient(setup, draw, start)),
        increment(gradient(setup, draw, end[cut])),
        float(end[-1]),
        loss(setup, draw, start) - loss(setup, draw, end[cut]),
    )


def _runge_kutta(velocity: Callable[[Array], Array], state: Array, time: float) -> Array:
    """The classical fourth-order method."""
    steps = int(np.ceil(STEPS_PER_TIME * time))
    dt = time / steps
    for _ in range(steps):
        first = velocity(state)
        second = velocity(state + dt / 2 * first)
        third = velocity(state + dt / 2 * second)
        fourth = velocity(state + dt * third)
        state = state + dt / 6 * (first + 2 * second + 2 * third + fourth)
    return state


def loss(setup: Setup, draw: Draw, weights: Array) -> float:
    """L at the weights (W, a), flat."""
    w_HD, a_H = _layers(setup, weights)
    error_N = FUNCTIONS[setup.activation][0](draw["inputs"] @ w_HD.T) @ a_H - draw["labels"]
    return float(np.mean(error_N**2)) / 2


def gradient(setup: Setup, draw: Draw, weights: Array) -> Array:
    """Gradient of L at the weights (W, a), flat."""
    phi, slope = FUNCTIONS[setup.activation]
    w_HD, a_H = _layers(setup, weights)
    z_NH = draw["inputs"] @ w_HD.T
    phi_NH = phi(z_NH)
    error_N = (phi_NH @ a_H - draw["labels"]) / len(draw["labels"])
    w_grad_HD = (error_N[:, None] * slope(z_NH) * a_H).T @ draw["inputs"]
    return np.concatenate([w_grad_HD.ravel(), error_N @ phi_NH])


def _curved(setup: Setup, draw: Draw, weights: Array, along: Array) -> Array:
    """Hess L times a vector, by a central difference."""
    ahead, behind = (gradient(setup, draw, weights + h * along) for h in (1e-4, -1e-4))
    return (ahead - behind) / 2e-4


def _layers(setup: Setup, flat: Array) -> tuple[Array, Array]:
    return flat[: -setup.width].reshape(setup.width, -1), flat[-setup.width :]


def _forecast(setup: Setup, sum_of_increments: float, descent: float) -> Forecast:
    return {
        "imbalance": setup.learning_rate * sum_of_increments,
        "breaking": sum_of_increments / descent,
    }


def _require_homogeneous(setup: Setup) -> None:
    if setup.activation == "tanh":
        raise OutOfScope("tanh is not positively homogeneous: its flow does not conserve Q")

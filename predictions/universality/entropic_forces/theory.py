"""How label noise moves a two-layer linear network along its minima.

A step of SGD changes Q = W W^T - a a^T by eta^2 (G G^T - g g^T) exactly, G and g the gradients of W
and a (Kunin et al. 2021; Ziyin, Xu & Chuang 2025 read the mean of it as an entropic force). With a
minibatch's m = mean of r x, r = f - y, they are G = a m^T and g = W m. Near a minimum r is the
label noise, E m m^T = sigma^2 Sigma / B, and in tau = eta^2 sigma^2 k / B

    dq/dtau = |a|^2 tr Sigma - tr(W Sigma W^T),    q = |W|^2 - |a|^2,

which is `minimum`. The theory of the claim, `fluctuating`, keeps the next order in eta sigma^2 / B,
which is derived here. From W = s u w*^T and a = b u the rows of W and a stay parallel to u, so
that the network is (p, W_perp, b), p the part of u^T W along w*. Let v = W^T a - w* with

    V = Var v_par,  M = E v_par,  rho = E |W_perp|^2,  n = (sigma^2 + E r_clean^2) / B,

r_clean = v.x. With N = |W|^2 + |a|^2 the identity N^2 = q^2 + 4 |w* + v|^2 gives

    E N = N_0 + (4 M + 2 V + 2 b^2 rho) / N_0 - 8 V / N_0^3,    N_0 = sqrt(q^2 + 4),

and the moments obey, per step (kappa the variance of the inputs along w*, c = 1 + 1/B),

    V'   = -2 eta kappa N_0 V + eta^2 N_0^2 (n kappa + c kappa^2 V)
    rho' = -2 eta b^2 rho + eta^2 b^2 (n (d - 1) + c b^2 rho)
    M'   = -eta (kappa (N_0 M + 4 V / N_0) + rho) + eta^2 (n kappa + c kappa^2 V)
    q'   = eta^2 [n (E b^2 tr Sigma - kappa E p^2 - rho) + c (b^2 (kappa^2 V + b^2 rho)
           - p^2 kappa^2 V)],

the last from the exact change of Q and E m m^T = n Sigma + c Sigma v v^T Sigma for Gaussian inputs.
In equilibrium V = eta sigma^2 N_0 / 2B and rho = (d - 1) eta sigma^2 / 2B.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from harness.api import OutOfScope

from .world import LayersSetup

Array: TypeAlias = NDArray[np.float64]
Forecast: TypeAlias = dict[str, Array]
Velocity: TypeAlias = Callable[[float, Array], list[float]]

WIDEST = 0.25
"""Beyond this eta sigma^2 tr Sigma / B the weights leave the minima too far for the expansion."""


def fluctuating(setup: LayersSetup) -> Forecast:
    """|W|^2 and |a|^2, averaged over intervals, to the next order in the noise.

    Raises OutOfScope for noise that the expansion does not bear.
    """
    d, batch, kappa = setup.dim, setup.batch, setup.signal_variance
    spread = setup.learning_rate * setup.label_noise**2 * (d - 1 + kappa) / batch
    if spread > WIDEST:
        raise OutOfScope(f"eta sigma^2 tr Sigma / B = {spread:.3g} exceeds {WIDEST}")
    eta, c = setup.learning_rate, 1 + 1 / batch

    def velocity(_: float, state: Array) -> list[float]:
        q, v, rho, mean = state[:4]
        total, first, second = _sizes(q)
        power = kappa**2 * v
        noise = (setup.label_noise**2 + kappa * v + second * rho) / batch
        size = total + (4 * mean + 2 * (v + second * rho)) / total - 8 * v / total**3
        along = noise * kappa + c * power
        drift = noise * ((size - q) / 2 * (d - 1 + kappa) - kappa * ((size + q) / 2 - rho) - rho)
        drift += c * (second * (power + second * rho) - first * power)
        return [
            eta**2 * drift,
            -2 * eta * kappa * total * v + (eta * total) ** 2 * along,
            second * (-2 * eta * rho + eta**2 * (noise * (d - 1) + c * second * rho)),
            -eta * (kappa * (total * mean + 4 * v / total) + rho) + eta**2 * along,
            (size + q) / 2,
            (size - q) / 2,
        ]

    start = [setup.start_imbalance, 0.0, 0.0, 0.0, 0.0, 0.0]
    return _interval_means(setup, velocity, start)


def minimum(setup: LayersSetup) -> Forecast:
    """Leading order: the weights stay on the minimum, and q obeys the balance of mean gradients."""
    return _on_the_minimum(setup, setup.signal_variance)


def counted(setup: LayersSetup) -> Forecast:
    """`minimum` with balance at an equal square per weight, |W|^2 = d |a|^2 (wrong)."""
    return _on_the_minimum(setup, 1.0)


def conserved(setup: LayersSetup) -> Forecast:
    """Gradient flow, which keeps q: nothing moves along the minima."""
    _, first, second = _sizes(setup.start_imbalance)
    times = setup.axes()["time"].shape
    return {"first_layer": np.full(times, first), "second_layer": np.full(times, second)}


def _on_the_minimum(setup: LayersSetup, kappa: float) -> Forecast:
    rate = (setup.learning_rate * setup.label_noise) ** 2 / setup.batch

    def velocity(_: float, state: Array) -> list[float]:
        _, first, second = _sizes(state[0])
        return [rate * (second * (setup.dim - 1 + kappa) - kappa * first), first, second]

    return _interval_means(setup, velocity, [setup.start_imbalance, 0.0, 0.0])


def _sizes(q: float) -> tuple[float, float, float]:
    """|W|^2 + |a|^2, |W|^2 and |a|^2 on a minimum, where |W| |a| = 1."""
    total = float(np.hypot(q, 2))
    return total, (total + q) / 2, (total - q) / 2


def _interval_means(setup: LayersSetup, velocity: Velocity, start: list[float]) -> Forecast:
    """Means over intervals of what the last two components of a state are the integrals of."""
    steps_T = np.linspace(0, setup.steps, setup.records + 1)
    path = solve_ivp(
        velocity, (0, setup.steps), start, "LSODA", t_eval=steps_T, rtol=1e-8, atol=1e-10
    )
    first_T, second_T = np.diff(path.y[-2:]) / np.diff(steps_T)
    return {"first_layer": first_T, "second_layer": second_T}

"""How fast deep linear classifiers turn to their teacher on spherically symmetric inputs.

Labels y = sign(w* . x), |w*| = 1, logistic loss. As y sigma(-y z) = (y + 1)/2 - sigma(z) for the
logistic function sigma, minus the gradient of the risk in w = r w^ is

    g = k w* - s(r) w^,    k = E|w* . x| / 2,    s(r) = E[z tanh(r z / 2)] / 2,  z = w^ . x,

by nothing but symmetry: a pull to the teacher that never tires, and a brake along w alone, with
s(r) < k. With balanced layers, W_(l+1)^T W_(l+1) = W_l W_l^T, gradient flow in the layers moves w
by r^(2 - 2/L) (1 + (L - 1) w^ w^^T) g (Arora, Cohen & Hazan 2018). In the plane of w and w*,

    phi' = -k r^(1 - 2/L) sin phi,    r' = L r^(2 - 2/L) (k cos phi - s(r)),

and so d ln tan(phi/2) / dt = -k r^(1 - 2/L): for two layers the norm drops out. With the
contraction c = -ln(tan(phi/2) / tan(phi_0/2)) as the clock, cos phi = tanh(c - ln tan(phi_0/2)) and

    d ln r / dc = L (cos phi - s(r)/k),    dt / dc = r^(2/L - 1) / k.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from harness.api import OutOfScope

from .world import Setup

Array = NDArray[np.float64]
Forecast = dict[str, Array]

# Times at which `linearised` looks for the passages.
FINE = 4000

# Part of the training time within which all passages must be expected.
IN_TIME = 0.95


def balanced_flow(setup: Setup) -> Forecast:
    """Gradient flow of balanced layers; raises OutOfScope if training is too short for a level."""
    times = _passage_times(setup, radial_gain=setup.depth)
    if times[-1] > IN_TIME * setup.end_time:
        raise OutOfScope(f"the last level is passed at t = {times[-1]:.3g}, when training is over")
    return {"passage_time": times}


def without_radial_gain(setup: Setup) -> Forecast:
    """`balanced_flow` with w moving as fast along itself as across (wrong for L > 1)."""
    return {"passage_time": _passage_times(setup, radial_gain=1)}


def linearised(setup: Setup) -> Forecast:
    """The network linearised at its start: w moves by K g with the K of its initial weights.

    For one layer, which is linear in its weights, this is `balanced_flow`. Levels that are not
    reached in training are put at its end.
    """
    start_2 = setup.start_norm * np.array([np.cos(setup.start_angle), np.sin(setup.start_angle)])
    along_22 = np.outer(start_2, start_2) / setup.start_norm**2
    speed = setup.start_norm ** (2 - 2 / setup.depth)
    kernel_22 = speed * (np.eye(2) + (setup.depth - 1) * along_22)
    law = Projection(setup)

    def velocity(_: float, w_2: Array) -> Array:
        r = np.hypot(*w_2)
        moved_2: Array = kernel_22 @ (np.array([law.pull, 0.0]) - law.brake(r) * w_2 / r)
        return moved_2

    time_T = np.linspace(0, setup.end_time, FINE)
    w_2T = solve_ivp(velocity, (0, setup.end_time), start_2, "DOP853", time_T, rtol=1e-8).y
    tan_T = np.abs(w_2T[1]) / (np.hypot(*w_2T) + w_2T[0])
    contraction_T = np.maximum.accumulate(np.log(tan_T[0] / tan_T))
    return {"passage_time": np.interp(setup.levels, contraction_T, time_T)}


def constant_norm(setup: Setup) -> Forecast:
    """Exponential contraction at every depth, at the rate k r_0^(1 - 2/L) of the start."""
    rate = Projection(setup).pull * setup.start_norm ** (1 - 2 / setup.depth)
    return {"passage_time": np.array(setup.levels) / rate}


def late_exponent(setup: Setup) -> Forecast:
    """2L / (L + 2), as phi -> 0: s(r) = k - O(r^-2) makes r grow as t^(L/(L + 2))."""
    return {"stretching": np.array(2 * setup.depth / (setup.depth + 2))}


def proven_rates(setup: Setup) -> Forecast:
    """Bounds read as rates: a power of t for one layer, exponential in t for more."""
    return {"stretching": np.array(float(setup.depth > 1))}


def logarithmic(setup: Setup) -> Forecast:
    """An angle of order 1/ln t, as on data with a margin: beta = 0, slower than every power."""
    del setup
    return {"stretching": np.array(0.0)}


class Projection:
    """The law of z = w^ . x: `pull` k = E|z|/2 and `brake` s(r) = E[z tanh(r z / 2)] / 2."""

    def __init__(self, setup: Setup) -> None:
        node, weight = np.polynomial.legendre.leggauss(200)
        if setup.law == "gaussian":
            self.z = 4.5 * (node + 1)
            density = weight * np.exp(-(self.z**2) / 2)
        else:
            angle = np.pi / 4 * (node + 1)
            self.z = np.sqrt(setup.dim) * np.cos(angle)
            density = weight * np.sin(angle) ** (setup.dim - 2)
        self.weight = density / density.sum()
        self.pull = float(self.weight @ self.z) / 2

    def brake(self, r: float) -> float:
        """s(r), which rises from 0 to `pull`."""
        return float(self.weight @ (self.z * np.tanh(r * self.z / 2))) / 2


def _passage_times(setup: Setup, *, radial_gain: int) -> Array:
    """Times of the contractions `levels` along d ln r / dc = gain (cos phi - s(r)/k)."""
    law = Projection(setup)
    start = np.log(np.tan(setup.start_angle / 2))

    def velocity(c: float, state: Array) -> list[float]:
        log_r = state[0]
        gain = radial_gain * (np.tanh(c - start) - law.brake(np.exp(log_r)) / law.pull)
        return [gain, np.exp((2 / setup.depth - 1) * log_r) / law.pull]

    initial = [np.log(setup.start_norm), 0.0]
    times: Array = solve_ivp(
        velocity, (0, setup.levels[-1]), initial, "DOP853", setup.levels, rtol=1e-8, atol=1e-10
    ).y[1]
    return times

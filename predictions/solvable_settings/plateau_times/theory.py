"""When each Hermite component of the target is learnt, from ordinary differential equations.

Gaussian inputs and unit weights give E h_j(<u, x>) h_k(<v, x>) = delta_jk <u, v>^k, so that with
s_i = <u_i, u*> and R_ij = <u_i, u_j> the risk is

    R = |phi|^2 / 2 - (1/m) sum_i a_i V(s_i) + (1/2m^2) sum_ij a_i a_j U(R_ij),
    V(s) = sum_k phi_k sigma_k s^k,   U(r) = sum_k sigma_k^2 r^k.

The network's coefficient on h_k(<u*, x>) is sigma_k c_k with c_k = (1/m) sum_i a_i s_i^k;
component k is learnt once that has covered half of its way from 0 to phi_k.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.polynomial.polynomial import polyder, polyval
from numpy.typing import NDArray
from scipy.integrate import DOP853
from scipy.optimize import brentq

from harness.api import OutOfScope

from .validity import require_gentle
from .world import Setup, initial_outputs

Array = NDArray[np.float64]
Flow = Callable[[float, Array], Array]

HALF = 0.5
RTOL = 1e-7
FIRST_STEP = 1e-6  # of the horizon
LATEST = 0.8  # of the horizon: a later crossing would be hard to tell from none
NODES = 128


def population_flow(setup: Setup) -> dict[str, Array]:
    """Gradient flow on the exact population risk at finite width, from the paired start."""
    _require_learnable(setup)
    flow, start = population_equations(setup)
    m = setup.width
    times = learning_times(
        setup, flow, start, lambda y: (y[:m], y[m:].reshape(m, -1)[:, 0]), np.full(m, 1 / m)
    )
    require_gentle(setup, times.max())
    return {"learning_time": times}


def mean_field(setup: Setup) -> dict[str, Array]:
    """The limit d, m -> infinity, in which neurons interact only through the c_k.

    Berthier, Montanari and Zhou (2023): s_i(0) = 0 and a_i(0) ~ N(0, output_std^2), here at
    Gauss-Hermite nodes.
    """
    times = _mean_field_times(setup)
    require_gentle(setup, times.max())
    return {"learning_time": times}


def leading_order(setup: Setup) -> dict[str, Array]:
    """Leading order as epsilon -> 0, up to constants for k >= 2: good for exponents only.

    Phase 1 is a_i = a_i(0) cosh(theta), s_i = epsilon^(1/2) a_i(0) sinh(theta) with
    theta' = sigma_1 (phi_1 - sigma_1 c_1) / epsilon^(1/2), hence
    t_1 ~ epsilon^(1/2) log(1/epsilon) / (4 sigma_1 phi_1). After component k
    s ~ epsilon^(1/(2(k+1))) and a ~ 1/s^k, hence t_k ~ epsilon^(1/(2k)) for k >= 2.
    """
    _require_learnable(setup)
    if setup.epsilon >= 1:
        raise OutOfScope("the expansion is about epsilon = 0")
    times = setup.epsilon ** (0.5 / np.array(setup.components))
    times[0] *= -0.25 * math.log(setup.epsilon)
    return {"learning_time": times}


def single_time_scale(setup: Setup) -> dict[str, Array]:
    """No second clock: the times at equal learning rates (epsilon = 1), whatever epsilon."""
    return _equal_rates(setup, power=0.0)


def uniform_square_root(setup: Setup) -> dict[str, Array]:
    """One clock epsilon^(1/2) for all components, set at equal learning rates."""
    return _equal_rates(setup, power=0.5)


def second_layer_clock(setup: Setup) -> dict[str, Array]:
    """One clock epsilon for all components, set at equal learning rates."""
    return _equal_rates(setup, power=1.0)


def lazy(setup: Setup) -> dict[str, Array]:
    """The network linearised in its weights about the paired start, d, m -> infinity.

    First-layer features a_i sigma'(<u_i, x>) <u*, x> reach the linear component, with
    c_1' = <a^2> sigma_1 (phi_1 - sigma_1 c_1); every other one is orthogonal to the tangent
    space and stays unlearnt until the end of training.
    """
    _require_learnable(setup)
    square = float(np.mean(initial_outputs(setup) ** 2))
    linear = math.log(2) / (setup.activation[1] ** 2 * square)
    times = [linear if k == 1 else math.inf for k in setup.components]
    return {"learning_time": np.minimum(times, setup.end)}


def population_equations(setup: Setup) -> tuple[Flow, Array]:
    """Right-hand side and start of the exact flow of y = (a [m], u [m, 1 + m/2] flattened).

    Coordinate 0 is u*, the others are the initial directions: the flow never leaves their span,
    so its input dimension is irrelevant.
    """
    m, half = setup.width, setup.width // 2
    target, kernel, target_slope, kernel_slope = _polynomials(setup)

    def flow(_time: float, y: Array) -> Array:
        a, u = y[:m], y[m:].reshape(m, 1 + half)
        overlap = u @ u.T
        force = -(polyval(overlap, kernel_slope) * a) @ u / m
        force[:, 0] += polyval(u[:, 0], target_slope)
        force -= np.sum(force * u, axis=1, keepdims=True) * u
        a_dot = (polyval(u[:, 0], target) - polyval(overlap, kernel) @ a / m) / setup.epsilon
        return np.concatenate([a_dot, (a[:, None] * force).ravel()])

    u = np.zeros((m, 1 + half))
    u[np.arange(m), 1 + np.arange(m) % half] = 1.0
    return flow, np.concatenate([initial_outputs(setup), u.ravel()])


def mean_field_equations(setup: Setup) -> tuple[Flow, Array, Array]:
    """Right-hand side and start of y = (a, s) on nodes of a(0), and the nodes' weights."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    weights = weights / weights.sum()
    target, kernel, _, _ = _polynomials(setup)
    degrees = np.arange(len(kernel))

    def flow(_time: float, y: Array) -> Array:
        a, s = y[:NODES], y[NODES:]
        c = (weights * a) @ s[:, None] ** degrees
        drive = target - kernel * c
        return np.concatenate(
            [polyval(s, drive) / setup.epsilon, a * (1 - s**2) * polyval(s, polyder(drive))]
        )

    return flow, np.concatenate([setup.output_std * nodes, np.zeros(NODES)]), weights


def _polynomials(setup: Setup) -> tuple[Array, Array, Array, Array]:
    """Coefficients of V, U, V' and U', in powers up to the activation's degree."""
    sigma = np.array(setup.activation)
    phi = np.zeros_like(sigma)
    shared = min(len(sigma), len(setup.target))
    phi[:shared] = setup.target[:shared]
    target, kernel = phi * sigma, sigma**2
    return target, kernel, polyder(target), polyder(kernel)


def learning_times(
    setup: Setup,
    flow: Flow,
    start: Array,
    split: Callable[[Array], tuple[Array, Array]],
    weights: Array,
) -> Array:
    """Times at which each component is half learnt; `split` gives (a, s) of a state.

    Raises OutOfScope if one comes too late to be seen.
    """
    degrees = np.array(setup.components)
    scale = np.array(setup.activation)[degrees] / np.array(setup.target)[degrees]

    def learnt(y: Array) -> Array:
        a, s = split(y)
        fractions: Array = scale * ((weights * a) @ s[:, None] ** degrees)
        return fractions

    times = first_crossings(flow, start, learnt, LATEST * setup.end)
    missing = [k for k, time in zip(degrees, times, strict=True) if math.isnan(time)]
    if missing:
        raise OutOfScope(
            f"component {missing[0]} is not learnt within {LATEST} of the horizon "
            f"T = {setup.end:.3g}: lengthen the horizon"
        )
    return times


def _mean_field_times(setup: Setup) -> Array:
    _require_learnable(setup)
    flow, start, weights = mean_field_equations(setup)
    return learning_times(setup, flow, start, lambda y: (y[:NODES], y[NODES:]), weights)


def _equal_rates(setup: Setup, power: float) -> dict[str, Array]:
    """Mean-field times at epsilon = 1, scaled by a power of epsilon and cut off at the horizon."""
    equal = _mean_field_times(replace(setup, epsilon=1.0, horizon=10 * setup.horizon))
    return {"learning_time": np.minimum(equal * setup.epsilon**power, setup.end)}


def first_crossings(
    flow: Flow, start: Array, learnt: Callable[[Array], Array], end: float
) -> Array:
    """First times at which each entry of learnt(y) rises through 1/2; NaN where none by `end`."""
    first = FIRST_STEP * end  # the paired start is too quiet for the solver to guess from
    solver = DOP853(flow, 0.0, start, end, rtol=RTOL, atol=1e-10, first_step=first)
    times = np.full(learnt(start).shape, math.nan)
    while solver.status == "running" and np.isnan(times).any():
        message = solver.step()
        if message:
            raise RuntimeError(f"integration stopped at t = {solver.t:.3g}: {message}")
        for k in np.flatnonzero(np.isnan(times) & (learnt(solver.y) >= HALF)):
            times[k] = _root(solver, learnt, int(k))
    return times


def _root(solver: DOP853[np.float64], learnt: Callable[[Array], Array], k: int) -> float:
    """Time inside the last step at which learnt(y)[k] is 1/2."""
    state = solver.dense_output()
    return float(brentq(lambda t: float(learnt(state(t))[k] - HALF), solver.t_old, solver.t))


def _require_learnable(setup: Setup) -> None:
    sigma = dict(enumerate(setup.activation))
    if setup.components[0] != 1 or not sigma[1]:
        raise OutOfScope("without a linear component the start is a stationary point of the flow")
    for k in setup.components:
        if not sigma.get(k, 0.0):
            raise OutOfScope(f"the activation lacks degree {k} of the target")

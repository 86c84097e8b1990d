"""How fast descent-ascent with two step sizes comes to rest in a linear game.

In the eigenbasis of the inputs' second moments, each eigenvalue b couples one weight u of the
generator to one weight v of the critic. Simultaneous steps, eps for u and eps eta for v, are

    (u, v) -> (1 - eps J) (u, v),    J = [[a, b], [-eta b, eta c]],

and J has the eigenvalues mu = ((a + eta c) +- ((a - eta c)^2 - 4 eta b^2)^(1/2)) / 2. The slowest
of all modes decides: the rate is min(-ln|1 - eps mu|) / eps, and min(Re mu) for eps -> 0.

In that limit a mode spirals while eta c - a < 2 b eta^(1/2) and converges at (a + eta c) / 2, the
faster the larger eta. At the double root eta* = ((b + (b^2 + a c)^(1/2)) / c)^2 this ends; beyond,
the rate falls to that of a critic at its optimum, a + b^2/c. For a = 0, eta* = (2b/c)^2 and the
rate there, 2 b^2/c, is twice the final one. Steps of finite size slow spirals down, by
eps eta b^2 / 2: the strongest coupling decides below eta*, the weakest beyond.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from harness.api import OutOfScope

from .world import Setup

Array = NDArray[np.float64]
Draw = Mapping[str, Array]


def spectrum(setup: Setup, draw: Draw) -> dict[str, float]:
    """The rate of the steps as they are taken; raises OutOfScope if they diverge."""
    return {"rate": _converging(_step_rate(setup, couplings(draw)))}


def flow(setup: Setup, draw: Draw) -> dict[str, float]:
    """The rate in the limit of small steps; raises OutOfScope if there is no convergence."""
    return {"rate": _converging(float(_eigenvalues(setup, couplings(draw)).real.min()))}


def weakest_double_root(setup: Setup, draw: Draw) -> dict[str, float]:
    """The optimum of the flow: eta* of the weakest coupling."""
    return {"best_ratio": float(np.log2(double_root(setup, couplings(draw).min())))}


def quasi_static(setup: Setup, draw: Draw) -> dict[str, float]:
    """A critic at its optimum for the generator of the moment: a + b^2/c at the least b."""
    slowest = couplings(draw).min()
    return {"rate": setup.generator_decay + slowest**2 / setup.critic_decay}


def typical_mode(setup: Setup, draw: Draw) -> dict[str, float]:
    """`spectrum` with the mean coupling in place of all (wrong)."""
    return {"rate": _step_rate(setup, couplings(draw).mean(keepdims=True))}


def couplings(draw: Draw) -> Array:
    """Eigenvalues b of the inputs' second moments, [mode]."""
    return np.asarray(np.linalg.eigvalsh(draw["root"].T @ draw["root"]), np.float64)


def double_root(setup: Setup, b: float) -> float:
    """Ratio eta* of step sizes at which a mode of coupling b stops spiralling."""
    a, c = setup.generator_decay, setup.critic_decay
    return float(((b + np.sqrt(b**2 + a * c)) / c) ** 2)


def _step_rate(setup: Setup, b_K: Array) -> float:
    factors = np.abs(1 - setup.learning_rate * _eigenvalues(setup, b_K))
    return float(-np.log(factors.max()) / setup.learning_rate)


def _eigenvalues(setup: Setup, b_K: Array) -> NDArray[np.complex128]:
    """The two mu of each mode, [2, mode]."""
    ratio = 2.0**setup.log2_ratio
    a, d = setup.generator_decay, ratio * setup.critic_decay
    discriminant_K = ((a - d) ** 2 - 4 * ratio * b_K**2).astype(np.complex128)
    root_K: NDArray[np.complex128] = np.sqrt(discriminant_K)
    return np.asarray([a + d - root_K, a + d + root_K], np.complex128) / 2


def _converging(rate: float) -> float:
    if rate <= 0:
        raise OutOfScope("the game does not converge at this ratio of step sizes")
    return rate

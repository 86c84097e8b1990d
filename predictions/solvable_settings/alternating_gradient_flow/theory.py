"""Forecasts of when a diagonal linear network learns which coefficient, for alpha -> 0.

Gradient flow of L(beta) = (beta - beta*)^T S (beta - beta*) / 2 with beta = u * v starts at
u = sqrt(2) alpha, v = 0. With g = -grad L and G(t) the integral of g, exactly

    (u + v) / sqrt(2) = alpha e^G,   (u - v) / sqrt(2) = alpha e^-G,   beta = alpha^2 sinh(2 G),

so that a coefficient is of order one only while |G| is ln(1/alpha) up to a constant. On the clock
of accelerated time, t / ln(1/alpha), learning is therefore a sequence of jumps between minima of L
over growing (or shrinking) sets of coefficients: the algorithm of alternating gradient flows (Kunin
et al. 2025), for these networks that of Pesme & Flammarion (2023).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky, solve_triangular
from scipy.optimize import nnls

from harness.api import OutOfScope

from .world import LEVEL, Setup

Array = NDArray[np.float64]
Forecast = dict[str, Array]

# Gradients below this are those of a minimum, up to rounding.
STATIONARY = 1e-9


@dataclass(frozen=True)
class Staircase:
    """Jumps at accelerated `times` [jump] to the plateaus `beta` [jump, D], the first at time 0."""

    times: Array
    beta: Array

    def at(self, time_R: Array) -> Array:
        """Plateau at each time, [R, D]."""
        plateau: Array = self.beta[np.searchsorted(self.times, time_R, side="right") - 1]
        return plateau

    def passages(self, level_D: Array) -> Array:
        """Time of the jump that first takes each |beta| to its level [D]; infinite if none does."""
        reached = abs(self.beta) >= level_D
        return np.where(reached.any(axis=0), self.times[reached.argmax(axis=0)], np.inf)


def staircase(gram_DD: Array, teacher_D: Array, *, memory: bool = True) -> Staircase:
    """Alternate utility maximisation and cost minimisation until L has no slope left.

    Utility: while beta rests on a plateau, the exponents G / ln(1/alpha) of the dormant
    coefficients grow at the constant rate g, and the first to arrive at 1 or -1 wakes with that
    sign. Cost: beta moves to the minimum of L over the awake coefficients, none of which can change
    its sign; those that end at zero fall asleep, their exponents where they are. Without `memory`
    dormant exponents start from zero after each jump, which is wrong.
    """
    dim = len(teacher_D)
    time, beta_D = 0.0, np.zeros(dim)
    exponent_D, sign_D = np.zeros(dim), np.zeros(dim)
    jumps = [(time, beta_D)]
    while True:
        g_D = gram_DD @ (teacher_D - beta_D)
        g_D[(sign_D != 0) | (abs(g_D) < STATIONARY)] = 0
        if not g_D.any():
            times, plateaus = zip(*jumps, strict=True)
            return Staircase(np.array(times), np.array(plateaus))
        moving = np.flatnonzero(g_D)
        waits = (np.sign(g_D) - exponent_D)[moving] / g_D[moving]
        first = moving[np.argmin(waits)]
        time += waits.min()
        exponent_D = exponent_D + waits.min() * g_D
        exponent_D[first] = sign_D[first] = np.sign(g_D[first])
        beta_D = _minimum(gram_DD, teacher_D, sign_D)
        sign_D[beta_D == 0] = 0
        if not memory:
            exponent_D[sign_D == 0] = 0
        jumps.append((time, beta_D))


def alternating_flow(setup: Setup, draw: Mapping[str, Array]) -> Forecast:
    """Passages and losses of the algorithm, given the seed's inputs.

    Raises OutOfScope if there are not more samples than coefficients: S is then singular.
    """
    return _forecast(setup, draw, memory=True)


def forgetful(setup: Setup, draw: Mapping[str, Array]) -> Forecast:
    """The algorithm without what dormant weights had gained before a jump (a wrong one)."""
    return _forecast(setup, draw, memory=False)


def own_correlation(setup: Setup, draw: Mapping[str, Array]) -> Forecast:
    """Coefficients that grow without each other: exponents at the constant rate |S beta*|."""
    rate_D = abs(draw["gram"] @ np.array(setup.teacher))
    return {"passage": setup.log_inverse_alpha / rate_D}


def linearised(setup: Setup, draw: Mapping[str, Array]) -> Forecast:
    """The network linear in its weights: d beta/dt = 2 alpha^2 S (beta* - beta).

    Its passages are read off a grid of times, to 1 %.
    """
    teacher_D = np.array(setup.teacher)
    power_D, basis_DD = np.linalg.eigh(draw["gram"])
    modes_D = teacher_D @ basis_DD
    clock = 2 * np.exp(-2 * setup.log_inverse_alpha)
    slow_T = np.geomspace(1e-3 / power_D[-1], 1e2 / power_D[0], 2000)
    error_TD = (np.exp(-slow_T[:, None] * power_D) * modes_D) @ basis_DD.T
    learnt_TD = abs(teacher_D - error_TD) >= LEVEL * abs(teacher_D)
    record_R = setup.axes()["accelerated_time"] * setup.log_inverse_alpha * clock
    mode_RD = np.exp(-record_R[:, None] * power_D) * modes_D
    return {
        "passage": slow_T[learnt_TD.argmax(axis=0)] / clock,
        "loss": mode_RD**2 @ power_D / 2,
    }


def _forecast(setup: Setup, draw: Mapping[str, Array], *, memory: bool) -> Forecast:
    gram_DD, teacher_D = draw["gram"], np.array(setup.teacher, dtype=np.float64)
    if setup.samples <= len(teacher_D):
        raise OutOfScope("as many coefficients as samples: the loss has no unique minimum")
    stairs = staircase(gram_DD, teacher_D, memory=memory)
    error_RD = stairs.at(setup.axes()["accelerated_time"]) - teacher_D
    return {
        "passage": setup.log_inverse_alpha * stairs.passages(LEVEL * abs(teacher_D)),
        "loss": np.einsum("ri,ij,rj->r", error_RD, gram_DD, error_RD) / 2,
    }


def _minimum(gram_DD: Array, teacher_D: Array, sign_D: Array) -> Array:
    """Minimum of L over the coefficients with a sign, each zero or of that sign, [D]."""
    awake = np.flatnonzero(sign_D)
    root = cholesky(gram_DD[np.ix_(awake, awake)])
    target = solve_triangular(root, (gram_DD @ teacher_D)[awake], trans=1)
    beta_D = np.zeros(len(sign_D))
    beta_D[awake] = sign_D[awake] * nnls(root * sign_D[awake], target)[0]
    return beta_D

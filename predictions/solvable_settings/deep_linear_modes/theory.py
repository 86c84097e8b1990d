"""When a two-layer linear network learns which mode: gradient flow from small random weights.

In the frame of the teacher's singular vectors, with p_k = (W1 v_k + W2^T u_k) / 2 and
m_k = (W1 v_k - W2^T u_k) / 2 in R^h, the strength of a mode is a_k = |p_k|^2 - |m_k|^2. While
weights are small p_k grows as exp(s_k t) and m_k decays, so a network that started with weights of
size eps has forgotten m up to O(eps^2), and P = (p_1 ... p_K) obeys

    P' = P (S - P^T P),    S = diag(s).

If the p_k were orthogonal each mode would follow a' = 2 a (s - a) alone (Saxe et al. 2014), from
a(0) = |p_k|^2, whose mean is eps^2 / 2 for entries N(0, eps^2 / h). The overlaps that random
p_k do have are what `coupled` keeps: modes learnt earlier use up one of the h dimensions each.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from harness.api import OutOfScope

from .world import Setup

Array = NDArray[np.float64]
Curves = dict[str, Array]

# Largest eps^2 / s_k at which what is left of m_k, and a mode's head start, are negligible.
SMALL = 0.01

# Points in ln t on which `coupled` looks for the crossing of one half.
FINE = 4000


def sigmoids(setup: Setup) -> Curves:
    """Modes that learn independently, from the mean initial strength eps^2 / 2.

    t_k = ln(s_k / a_k(0) - 1) / (2 s_k) and a_k / s_k = 1 / (1 + (s_k / a_k(0) - 1) e^(-2 s_k t)):
    Saxe, McClelland & Ganguli 2014, section 1, with a random start. Raises OutOfScope unless
    eps^2 is small against every s_k.
    """
    return _logistic(setup, _small(setup) ** 2 / 2)


def coupled(setup: Setup, draw: Mapping[str, Array]) -> Curves:
    """The exact flow of P from the seed's own weights, overlaps included.

    G = P^T P obeys the Riccati equation G' = S G + G S - 2 G^2, which is linear in G^-1:
    G(t)^-1 = e^(-St) G(0)^-1 e^(-St) + (1 - e^(-2St)) S^-1 (Fukumizu 1998; Braun et al. 2022).
    Raises OutOfScope as `sigmoids` does.
    """
    s_K = np.array(setup.singular_values)
    inverse_KK = np.linalg.inv(_start(setup, draw))

    def strength(time_T: Array) -> Array:
        decay_TK = np.exp(-np.outer(time_T, s_K))
        start_TKK = decay_TK[:, :, None] * inverse_KK * decay_TK[:, None, :]
        end_TKK = ((1 - decay_TK**2) / s_K)[:, :, None] * np.eye(len(s_K))
        strength_TK: Array = np.diagonal(np.linalg.inv(start_TKK + end_TKK), axis1=1, axis2=2) / s_K
        return strength_TK

    times = setup.axes()["time"]
    fine_T = np.geomspace(setup.end_time / 1000, setup.end_time, FINE)
    half_K = [_first_passage(fine_T, path_T) for path_T in strength(fine_T).T]
    return {"learning_time": np.array(half_K), "strength": strength(times).T}


def own_starts(setup: Setup, draw: Mapping[str, Array]) -> Curves:
    """Independent modes, each from its strength in the seed's own weights (overlaps left out)."""
    return _logistic(setup, np.diagonal(_start(setup, draw)))


def balanced_start(setup: Setup) -> Curves:
    """Independent modes whose two halves start aligned, a_k(0) = |W1 v_k| |W2^T u_k| (wrong here).

    Saxe, McClelland & Ganguli 2014 start from such weights; random ones have W1 v_k orthogonal to
    W2^T u_k, and so half the strength in the direction that grows.
    """
    return _logistic(setup, _small(setup) ** 2)


def leading_order(setup: Setup) -> Curves:
    """t_k = ln(1/eps) / s_k: the limit eps -> 0, where training jumps from saddle to saddle.

    Li, Luo & Lyu 2021; Jacot et al. 2021.
    """
    time_K = -np.log(_small(setup)) / np.array(setup.singular_values)
    return {"learning_time": time_K, "strength": 1.0 * (setup.axes()["time"] > time_K[:, None])}


def shallow(setup: Setup) -> Curves:
    """One layer: on inputs of unit covariance every mode is a_k = s_k (1 - e^-t)."""
    return _exponential(setup, 1.0)


def linearised(setup: Setup) -> Curves:
    """The network linearised at its start: a_k = s_k (1 - e^(-2 eps^2 t)).

    The tangent kernel of mode k is |W1 v_k|^2 + |W2^T u_k|^2, 2 eps^2 in the mean.
    """
    return _exponential(setup, 2 * setup.init_scale**2)


def three_layers(setup: Setup) -> Curves:
    """Independent modes of three layers, a' = 3 a^(4/3) (s - a), from eps^2 / 2 (wrong here).

    The law of Saxe, McClelland & Ganguli 2014 for deeper networks. With b = (a/s)^(1/3), time in
    units of s^(-4/3) is the integral of db / (b^2 (1 - b^3)) from its value at the start.
    """
    s_K = np.array(setup.singular_values)
    start_K = np.cbrt(_small(setup) ** 2 / 2 / s_K)

    def clock(b: Array) -> Array:
        turn = np.arctan((1 + 2 * b) / np.sqrt(3)) / np.sqrt(3)
        time: Array = -1 / b + np.log((1 + b + b * b) / (1 - b) ** 2) / 6 - turn
        return time

    scale_K = s_K ** (-4 / 3)
    time_K = scale_K * (clock(np.cbrt([0.5])) - clock(start_K))
    b_F = np.append(np.geomspace(start_K.min(), 0.5, 1000), 1 - np.geomspace(0.5, 1e-9, 1000))
    now_KT = setup.axes()["time"] / scale_K[:, None] + clock(start_K)[:, None]
    strength_KT = np.interp(now_KT, clock(b_F), b_F) ** 3
    return {"learning_time": time_K, "strength": strength_KT}


def _small(setup: Setup) -> float:
    """The scale eps of the initial weights; raises OutOfScope if it is not small."""
    if setup.init_scale**2 > SMALL * min(setup.singular_values):
        raise OutOfScope(f"init_scale = {setup.init_scale:g} is not small: the start is not at 0")
    return setup.init_scale


def _start(setup: Setup, draw: Mapping[str, Array]) -> Array:
    """G(0) = P^T P, [mode, mode], of the seed's own weights."""
    scale = _small(setup) / np.sqrt(setup.width)
    p_HK = scale * (draw["first"] @ draw["right"] + draw["second"].T @ draw["left"]) / 2
    start_KK: Array = p_HK.T @ p_HK
    return start_KK


def _logistic(setup: Setup, start: Array | float) -> Curves:
    s_K = np.array(setup.singular_values)
    odds_K = s_K / start - 1
    decay_KT = np.exp(-2 * np.outer(s_K, setup.axes()["time"]))
    strength_KT = 1 / (1 + odds_K[:, None] * decay_KT)
    return {"learning_time": np.log(odds_K) / (2 * s_K), "strength": strength_KT}


def _exponential(setup: Setup, rate: float) -> Curves:
    modes = len(setup.singular_values)
    learnt_T = -np.expm1(-rate * setup.axes()["time"])
    return {
        "learning_time": np.full(modes, np.log(2) / rate),
        "strength": np.tile(learnt_T, (modes, 1)),
    }


def _first_passage(time_T: Array, path_T: Array) -> float:
    """When a path first reaches one half; the last time if it never does."""
    after = int(np.argmax(path_T >= 0.5)) if (path_T >= 0.5).any() else len(time_T) - 1
    pair = slice(max(after - 1, 0), max(after - 1, 0) + 2)
    return float(np.interp(0.5, path_T[pair], time_T[pair]))

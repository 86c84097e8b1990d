"""A three-layer linear network of infinite width: the flow of its weights, and its outlier.

The derivation is our own; no more than the abstract of Lauditi, Pehlevan & Bordelon 2026 was used.

*The network.* f = a^T M w, where a and w have N entries N(0, 1), M has entries N(0, 1/N), and f
comes with a factor that depends on the parametrisation. Under gradient flow of any loss of f, on a
clock tau that runs at the rate at which the loss drives the output,

    a' = M w,    w' = M^T a,    M' = a w^T / N.

*Both sides at once.* Let H be the symmetric matrix with M and M^T as its off-diagonal blocks,
u = (a, w) and v = (a, -w), both over sqrt(2N). Then u' = H u and H' = u u^T - v v^T. The sign
change of w takes H to -H and u to v. H0 is a symmetric random matrix whose eigenvalues follow the
semicircle on [-2, 2], and u(0) has an isotropic direction. So v at one time is orthogonal to u at
any other, to leading order in N: an even function of H0 has the same trace on the side of a as on
that of w, an odd one has none. What v does to u is nothing, then, and u stays a function of H0
times u(0). In the basis of H0's eigenvectors this leaves functions of an eigenvalue s, with the
semicircle as their weight, on which

    u' = Q u,    Q' = u u^T,    Q(0) = multiplication by s,    u(0) = 1,

a closed flow without randomness. Written as u' = s u + int C(t, t') u(t') dt', with the overlaps
C(t, t') = u(t) . u(t'), it is the two-time equation of dynamical mean-field theory.

*What is read from it.* The output K = a^T M w / N is u^T Q u; the tangent kernel
(|M w|^2 + |M^T a|^2 + |a|^2 |w|^2 / N) / N is 2 |Q u|^2 + |u|^4 = dK/dtau; the largest singular
value of M is the largest eigenvalue of Q, or the edge 2 as long as Q has none beyond. (What v adds
to H is negative and brings no eigenvalue above the edge.) The spike that training has added,
M - M0, has the largest eigenvalue of Q - Q(0) as its singular value.

Q' = Q^2 + u(0) u(0)^T - Q(0)^2 is a matrix Riccati equation, so that Q is known in closed form. As
K grows with tau, to infinity in finite time, it is the better clock, and the one used here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.integrate import solve_ivp

from harness.theory.random_matrices import Array, semicircle

EDGE: Final = 2.0
"""Largest singular value of M at initialisation."""

NODES: Final = 100
"""Points of the semicircle: its first 199 moments are exact, its edge is at 1.999."""


@dataclass(frozen=True)
class Course:
    """What a network of infinite width looks like at given outputs K, each [K].

    `outlier`, the largest singular value of M; `kernel`, the tangent kernel; `spike`, the largest
    singular value of what training has added to M.
    """

    outlier: Array
    kernel: Array
    spike: Array


def course(output_K: Sequence[float] | Array, nodes: int = NODES) -> Course:
    """The course of the flow at outputs K >= 0, in any order."""
    law = semicircle(nodes)
    start = np.append(np.diag(law.points).ravel(), np.sqrt(law.weights))

    def drive(_: float, state: Array) -> Array:
        u, q_u, kernel = _state(state, nodes)
        return np.append(np.outer(u, u).ravel(), q_u) / kernel

    asked = np.asarray(output_K, dtype=float)
    ordered, back = np.unique(asked, return_inverse=True)
    path = solve_ivp(
        drive, (0.0, ordered[-1]), start, t_eval=ordered, method="DOP853", rtol=1e-9, atol=1e-10
    )
    rows = [_read(state, law.points) for state in path.y.T]
    outlier, kernel, spike = np.array(rows)[back].T
    return Course(np.maximum(outlier, EDGE), kernel, spike)


def _state(state: Array, nodes: int) -> tuple[Array, Array, float]:
    """u, Q u and the tangent kernel."""
    q, u = state[:-nodes].reshape(nodes, nodes), state[-nodes:]
    q_u = q @ u
    return u, q_u, float(2 * q_u @ q_u + (u @ u) ** 2)


def _read(state: Array, points: Array) -> tuple[float, float, float]:
    nodes = len(points)
    q = state[:-nodes].reshape(nodes, nodes)
    kernel = _state(state, nodes)[2]
    spike = np.linalg.eigvalsh(q - np.diag(points))[-1]
    return float(np.linalg.eigvalsh(q)[-1]), kernel, float(spike)

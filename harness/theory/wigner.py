"""Symmetric random matrices with a deterministic part, or with variances that differ by block.

`deformed_*`: H = A + std W, W with independent entries of variance 1/d, A diagonal with
eigenvalues a in a law. The resolvent of H is that of A at w(z), and w + std^2 <1/(w - a)> = z
(Pastur 1972): w -> z maps an eigenvalue of A outside of its law to the one of H that it causes
(Capitaine, Donati-Martin, Feral & Fevrier 2011). A = 0 is the Wigner matrix.

`dyson`, `dyson_edge`: X with independent centred entries of variance profile[a, b] / d between
blocks a and b, which hold the fractions `weights` of all coordinates.
"""

from __future__ import annotations

import math

import numpy as np

from .random_matrices import Array, Law, Outlier, root_between

_NEWTON_STEPS = 100
_LAST_STEP = 1e-9
_ROUNDING = 1e-12
_HALVINGS = 60


def deformed_edge(diagonal: Law, std: float) -> float:
    """Largest eigenvalue of A + std W."""
    return _shifted(_critical(diagonal, std), diagonal, std)


def deformed_outlier(spike: float, diagonal: Law, std: float) -> Outlier:
    """Largest eigenvalue of A + std W when A has one more eigenvalue, `spike`, above the others.

    The overlap is dz/dw = 1 - std^2 <1/(spike - a)^2>. Raises ValueError for a spike that is not
    above the law of A.
    """
    if spike <= diagonal.points.max():
        raise ValueError("a spike must lie above the other eigenvalues")
    threshold = _critical(diagonal, std)
    value = _shifted(max(spike, threshold), diagonal, std)
    overlap = 1 - std**2 * float(diagonal.mean((spike - diagonal.points) ** -2))
    return Outlier(value, max(overlap, 0.0))


def spiked_wigner(spike: float, std: float) -> Outlier:
    """`deformed_outlier` of a single spike: value spike + std^2/spike, overlap 1 - (std/spike)^2.

    Baik, Ben Arous & Peche 2005; Feral & Peche 2007. Below spike = std: the edge 2 std, and zero.
    """
    strong = max(spike, std)
    return Outlier(strong + std**2 / strong, 1 - (std / strong) ** 2)


def dyson(z: float, weights: Array, profile: Array) -> Array:
    """Diagonal g [block] of the resolvent, 1/g_a = z - sum_b weights_b profile_ab g_b.

    For z above the bulk's edge; raises ValueError below. Newton's method from g = 0 climbs to the
    solution, since 1 / (z - S g) increases and is convex in g.
    """
    g = _climb(z, weights, profile)
    if g is None:
        raise ValueError(f"z = {z:g} lies inside the bulk")
    return g


def dyson_edge(weights: Array, profile: Array) -> float:
    """Largest eigenvalue of X: the least z at which the Dyson equation has a real solution.

    Bisection down from 2 sqrt(largest row of the profile), where a constant g is enough.
    """
    low, high = 0.0, 2 * math.sqrt((profile @ weights).max())
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        solved = _climb(middle, weights, profile) is not None
        low, high = (low, middle) if solved else (middle, high)
    return high


def _shifted(w: float, diagonal: Law, std: float) -> float:
    return w + std**2 * float(diagonal.mean(1 / (w - diagonal.points)))


def _critical(diagonal: Law, std: float) -> float:
    """The w above all of A at which dz/dw = 0."""
    most = diagonal.points.max()
    share = float(diagonal.weights[diagonal.points == most].sum())

    def slope(w: float) -> float:
        return 1 - std**2 * float(diagonal.mean((w - diagonal.points) ** -2))

    return root_between(slope, most + std * math.sqrt(share), most + std)


def _climb(z: float, weights: Array, profile: Array) -> Array | None:
    """Newton's method from zero; None where it leaves the region in which a solution can lie."""
    coupling = profile * weights
    g = np.zeros(len(weights))
    for _ in range(_NEWTON_STEPS):
        room = z - coupling @ g
        if room.min() <= 0:
            return None
        try:
            step = np.linalg.solve(np.eye(len(g)) - coupling / room[:, None] ** 2, 1 / room - g)
        except np.linalg.LinAlgError:
            return None
        g = g + step
        # Steps square their size in the end; near the edge they halve until then.
        if abs(step).max() <= _LAST_STEP * g.max():
            return g
        if step.min() < -_ROUNDING * g.max():
            return None
    return None

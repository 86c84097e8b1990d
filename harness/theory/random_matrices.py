"""Limit spectra of random matrices, as laws: points and weights that integrate functions of them.

- `semicircle`: symmetric matrices with independent entries of variance 1/d.
- `marchenko_pastur`: X^T X / n for n samples of d independent entries of variance one.

Spectra of more general matrices are in `sample_covariance` (a population covariance other than the
identity) and in `wigner` (a deterministic part, or variances that differ between entries).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import eigh_tridiagonal
from scipy.optimize import brentq

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Law:
    """A probability law by `points` and `weights`, both [point]: a spectrum or a quadrature rule.

    Raises ValueError for weights that are not positive or do not sum to one.
    """

    points: Array
    weights: Array

    def __post_init__(self) -> None:
        if self.points.shape != self.weights.shape or self.points.ndim != 1:
            raise ValueError("points and weights must be two vectors of one length")
        if self.weights.min() <= 0 or not math.isclose(self.weights.sum(), 1, rel_tol=1e-9):
            raise ValueError("weights must be positive and sum to one")

    def mean(self, values: ArrayLike) -> Array:
        """Mean [...] of a function with the given `values` [..., point] at the points."""
        return np.asarray(np.asarray(values, dtype=float) @ self.weights)


@dataclass(frozen=True)
class Outlier:
    """An eigenvalue that a spike causes, and its eigenvector's squared overlap with the spike's.

    Where the spike is too weak, `value` is the bulk's edge and `overlap` is zero.
    """

    value: float
    overlap: float


def point_mass(point: float) -> Law:
    """The law that is certain of one point: the identity as a covariance, zero as a matrix."""
    return Law(np.array([point], dtype=float), np.ones(1))


def semicircle(nodes: int) -> Law:
    """Gauss rule of the semicircle law on [-2, 2], exact for polynomials of degree 2 nodes - 1.

    Gauss-Chebyshev quadrature of the second kind: points 2 cos(pi j / (nodes + 1)), weights
    2 sin^2(pi j / (nodes + 1)) / (nodes + 1), j = 1 ... nodes.
    """
    angle = np.pi * np.arange(1, nodes + 1) / (nodes + 1)
    return Law(2 * np.cos(angle), 2 * np.sin(angle) ** 2 / (nodes + 1))


def marchenko_pastur(ratio: float, nodes: int) -> Law:
    """Gauss rule of the Marchenko-Pastur law with ratio d/n, exact to degree 2 nodes - 1.

    The orthogonal polynomials of the law have the Jacobi matrix with diagonal 1, 1 + ratio,
    1 + ratio, ... and off-diagonal sqrt(ratio) (Golub & Welsch 1969 turn it into the rule). For
    ratio > 1 the first point is the atom at zero, of weight 1 - 1/ratio, and `nodes` more are those
    of the matrix X X^T / n, which has the same non-zero eigenvalues.
    """
    if ratio > 1:
        dual = marchenko_pastur(1 / ratio, nodes)
        points = np.concatenate([np.zeros(1), ratio * dual.points])
        return Law(points, np.concatenate([np.array([1 - 1 / ratio]), dual.weights / ratio]))
    diagonal = np.full(nodes, 1 + ratio)
    diagonal[0] = 1
    points, basis = eigh_tridiagonal(diagonal, np.full(nodes - 1, math.sqrt(ratio)))
    return Law(np.asarray(points, dtype=np.float64), np.asarray(basis[0] ** 2, dtype=np.float64))


def marchenko_pastur_edges(ratio: float) -> tuple[float, float]:
    """Ends (1 -+ sqrt(ratio))^2 of the continuous part of the law."""
    return (1 - math.sqrt(ratio)) ** 2, (1 + math.sqrt(ratio)) ** 2


def marchenko_pastur_density(points: ArrayLike, ratio: float) -> Array:
    """Density of the continuous part, of total mass min(1, 1/ratio), at positive points."""
    s = np.asarray(points, dtype=float)
    low, high = marchenko_pastur_edges(ratio)
    return np.asarray(np.sqrt(np.clip((high - s) * (s - low), 0, None)) / (2 * np.pi * ratio * s))


def root_between(function: Callable[[float], float], negative: float, positive: float) -> float:
    """Root between a point where a function is known to be at most zero and one where at least.

    A sign that rounding has turned at either end means that the root is there.
    """
    if function(negative) >= 0:
        return negative
    if function(positive) <= 0:
        return positive
    return float(brentq(function, negative, positive, xtol=1e-20, rtol=1e-14, maxiter=500))

"""Spectrum of S = X^T X / n for rows of covariance Sigma, as n and d grow with d/n = `ratio`.

`population` is the law of Sigma's eigenvalues t > 0. The companion transform m, which is that of
the n x n matrix X X^T / n, solves (Silverstein 1995)

    z = -1/m + ratio <t / (1 + t m)>,

and every other quantity here follows from it: with x = -1/m the map psi(x) = x + ratio x <t/(x-t)>
takes an eigenvalue x of Sigma outside of its law to the eigenvalue of S that it causes where
psi'(x) > 0, and the ends of S's bulk are where psi'(x) = 0 (Silverstein & Choi 1995; Baik &
Silverstein 2006).
"""

from __future__ import annotations

import math

from .random_matrices import Law, Outlier, root_between


def effective_ridge(ridge: float, population: Law, ratio: float) -> float:
    """Ridge kappa = 1/m(-ridge) on the population: regression keeps t / (t + kappa) of a mode.

    Solves kappa = ridge + ratio <t kappa / (t + kappa)>; without a ridge it is positive for d > n
    only, and zero is returned otherwise. Raises ValueError for a negative ridge.
    """
    _check(population, ratio)
    if ridge < 0:
        raise ValueError("the ridge must not be negative")
    t = population.points
    if ridge == 0 and ratio <= 1:
        return 0.0

    def excess(kappa: float) -> float:
        return float(1 - ridge / kappa - ratio * population.mean(t / (t + kappa)))

    # For ridge 0 the lower end uses t / (t + kappa) >= 1 - kappa / t.
    low = ridge if ridge > 0 else (1 - 1 / ratio) / float(population.mean(1 / t))
    high = ridge + ratio * float(population.mean(t))
    return root_between(excess, low, high)


def companion(ridge: float, population: Law, ratio: float) -> float:
    """Limit of tr (X X^T / n + ridge)^-1 / n; infinite without ridge for d <= n."""
    kappa = effective_ridge(ridge, population, ratio)
    return math.inf if kappa == 0 else 1 / kappa


def stieltjes(ridge: float, population: Law, ratio: float) -> float:
    """Limit of tr (S + ridge)^-1 / d for ridge > 0."""
    kappa = effective_ridge(ridge, population, ratio)
    if kappa == 0:
        raise ValueError("the ridge must be positive")
    t = population.points
    return float(population.mean(kappa / (kappa + t))) / ridge


def bulk_edges(population: Law, ratio: float) -> tuple[float, float]:
    """Smallest non-zero and largest eigenvalue of S."""
    _check(population, ratio)
    low, high = _critical(population, ratio)
    return _psi(low, population, ratio), _psi(high, population, ratio)


def spiked_covariance(spike: float, population: Law, ratio: float) -> Outlier:
    """Largest eigenvalue of S when Sigma has one more eigenvalue, `spike`, above the others.

    The overlap is spike psi'(spike) / psi(spike) (Paul 2007 for the identity; Benaych-Georges &
    Nadakuditi 2011). Raises ValueError for a spike that is not above the population's law.
    """
    _check(population, ratio)
    if spike <= population.points.max():
        raise ValueError("a spike must lie above the other eigenvalues")
    threshold = _critical(population, ratio)[1]
    value = _psi(max(spike, threshold), population, ratio)
    if spike <= threshold:
        return Outlier(value, 0.0)
    return Outlier(value, spike * _slope(spike, population, ratio) / value)


def _psi(x: float, population: Law, ratio: float) -> float:
    if x == 0:
        return 0.0
    t = population.points
    return float(x + ratio * x * population.mean(t / (x - t)))


def _slope(x: float, population: Law, ratio: float) -> float:
    t = population.points
    return float(1 - ratio * population.mean((t / (x - t)) ** 2))


def _critical(population: Law, ratio: float) -> tuple[float, float]:
    """The two x at which psi'(x) = 0: below (negative for d > n) and above all of t."""
    t, weights = population.points, population.weights
    least, most = t.min(), t.max()

    def slope(x: float) -> float:
        return _slope(x, population, ratio)

    # The extreme atom alone makes the slope zero at the inner end, too negative with the others.
    inner_low = least * (1 - math.sqrt(ratio * weights[t == least].sum()))
    inner_high = most * (1 + math.sqrt(ratio * weights[t == most].sum()))
    low = root_between(slope, inner_low, -math.sqrt(ratio) * most)
    return low, root_between(slope, inner_high, most * (1 + math.sqrt(ratio)))


def _check(population: Law, ratio: float) -> None:
    if population.points.min() <= 0 or ratio <= 0:
        raise ValueError("eigenvalues of the covariance and the ratio d/n must be positive")

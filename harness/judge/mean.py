"""One-sided confidence bounds of a mean over seeds, the building block of every comparison."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, stdtrit

Array = NDArray[np.float64]

Bounds = Callable[[float], tuple[Array, Array, Array]]
"""From a one-sided level to an estimate with its lower and upper confidence bound."""

LARGEST_SKEWNESS: Final = 6.18
"""Skewness of seed noise up to which the level is held: that of a log-normal with sigma = 1."""


def mean_bounds(x_N: Array) -> Bounds:
    """One-sided confidence bounds of the mean over axis 0, elementwise, at any level.

    Student's bounds, widened where the sample cannot exclude a skewness that would make Student's
    bound too short (`quantile`). A sample without spread gets bounds of width zero.
    """
    n = len(x_N)
    mean, deviation, skew = moments(x_N)
    error = deviation * np.sqrt(1 / (n - 1))

    def bounds(level: float) -> tuple[Array, Array, Array]:
        lower = mean - quantile(n, level, -skew) * error
        upper = mean + quantile(n, level, skew) * error
        return mean, lower, upper

    return bounds


def moments(x_N: Array) -> tuple[Array, Array, Array]:
    """Mean, standard deviation and coefficient of skewness over axis 0, all with divisor N.

    The skewness is zero where there is no spread.
    """
    mean: Array = x_N.mean(axis=0)
    centred = x_N - mean
    square = centred * centred
    second = square.mean(axis=0)
    third = (square * centred).mean(axis=0)
    scale = second**1.5
    skew = np.divide(third, scale, out=np.zeros_like(third), where=scale > 0)
    return mean, np.sqrt(second), skew


def quantile(n: int, level: float, skew: Array | float = 0.0) -> Array:
    """How many standard errors of a mean of n seeds are exceeded with at most this probability.

    Student's quantile t plus the first Edgeworth correction of the studentised mean for skewness
    g, (2 t^2 + 1) g / (6 sqrt n) (Hall 1992, "The Bootstrap and Edgeworth Expansion", ch. 2).
    For g stands the largest skewness that is compatible with the sample skewness `skew`, positive
    towards the side that the bound guards (`plausible_skewness`).
    """
    t = float(-stdtrit(n - 1, level))
    slope = (2 * t * t + 1) / (6 * np.sqrt(n))
    return np.asarray(t + slope * plausible_skewness(n, level, skew))


def plausible_skewness(n: int, level: float, skew: Array | float) -> Array:
    """Upper limit of the true skewness given the sample's, between 0 and LARGEST_SKEWNESS.

    A sample of n seeds that misses its long tail looks symmetric; the limit therefore falls below
    LARGEST_SKEWNESS only when the sample skewness is under a threshold, which grows with n and is
    lower for smaller levels. It is calibrated by simulation on log-normal noise
    (docs/statistics.md).
    """
    stricter = max(0.0, np.log10(0.01 / level))
    threshold = 0.4 * np.log2(n / 8) - 1 - 0.3 * stricter * np.sqrt(8 / n)
    return as_array(np.clip(np.maximum(skew, 6 * (skew - threshold)), 0, LARGEST_SKEWNESS))


def binomial_bounds(rate: Array, trials: int) -> Bounds:
    """Clopper & Pearson's (1934) bounds of a rate; the number of successes need not be whole."""
    hits = rate * trials
    misses = trials - hits

    def bounds(level: float) -> tuple[Array, Array, Array]:
        lower = betaincinv(np.maximum(hits, 1e-12), misses + 1, level)
        upper = betaincinv(hits + 1, np.maximum(misses, 1e-12), 1 - level)
        return rate, np.where(hits > 0, lower, 0.0), np.where(misses > 0, upper, 1.0)

    return bounds


def as_array(x: Any) -> Array:
    """Anything array-like as float64."""
    array: Array = np.asarray(x, dtype=np.float64)
    return array

"""One-sided confidence bounds of a mean over seeds, the building block of every comparison."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

Array = NDArray[np.float64]

LARGEST_SKEWNESS: Final = 6.18
"""Skewness of seed noise up to which the level is held: that of a log-normal with sigma = 1."""


def mean_bounds(x_N: Array, level_lower: float, level_upper: float) -> tuple[Array, Array, Array]:
    """Mean over axis 0 with its lower and its upper one-sided confidence bound, elementwise.

    Student's bounds, widened where the sample cannot exclude a skewness that would make Student's
    bound too short (`quantile`). A sample without spread gets bounds of width zero.
    """
    n = x_N.shape[0]
    mean = x_N.mean(axis=0)
    error = x_N.std(axis=0, ddof=1) / np.sqrt(n)
    skew = skewness(x_N)
    lower = mean - quantile(n, level_lower, -skew) * error
    upper = mean + quantile(n, level_upper, skew) * error
    return mean, lower, upper


def skewness(x_N: Array) -> Array:
    """Moment coefficient of skewness over axis 0; zero where there is no spread."""
    centred = x_N - x_N.mean(axis=0)
    second = (centred**2).mean(axis=0)
    third = (centred**3).mean(axis=0)
    return np.divide(third, second**1.5, out=np.zeros_like(third), where=second > 0)


def quantile(n: int, level: float, skew: Array | float = 0.0) -> Array:
    """How many standard errors of a mean of n seeds are exceeded with at most this probability.

    Student's quantile t plus the first Edgeworth correction of the studentised mean for skewness
    g, (2 t^2 + 1) g / (6 sqrt n) (Hall 1992, "The Bootstrap and Edgeworth Expansion", eq. 2.32).
    For g stands the largest skewness that is compatible with the sample skewness `skew`, positive
    towards the side that the bound guards (`plausible_skewness`).
    """
    t = float(-stdtrit(n - 1, level))
    slope = (2 * t * t + 1) / (6 * np.sqrt(n))
    return np.asarray(t + slope * plausible_skewness(n, skew))


def plausible_skewness(n: int, skew: Array | float) -> Array:
    """Upper limit of the true skewness given the sample's, between 0 and LARGEST_SKEWNESS.

    A sample of n seeds that misses its long tail looks symmetric; the limit therefore falls below
    LARGEST_SKEWNESS only when the sample skewness is under a threshold that grows with n. The
    threshold is calibrated by simulation on log-normal noise (docs/statistics.md).
    """
    threshold = 0.4 * np.log2(n / 8) - 1
    return np.clip(np.maximum(skew, 6 * (skew - threshold)), 0, LARGEST_SKEWNESS)


def as_array(x: Any) -> Array:
    """Anything array-like as float64."""
    return np.asarray(x, dtype=np.float64)

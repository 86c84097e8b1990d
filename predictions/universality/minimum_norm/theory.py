"""Forecasts of the risk of minimum-norm least squares in high dimension.

With kappa the effective ridge of n = d alpha samples without ridge, and e(t) = kappa / (t + kappa)
the part of a direction of variance t that is not learnt, a teacher without preferred direction
costs the bias <t e^2>, label noise of variance 1/snr costs gamma/snr, and both are amplified by
1 / (1 - gamma), gamma = <(1 - e)^2> / alpha (Hastie et al. 2022, correlated
features). Only Sigma's eigenvalues enter, not the law of the entries.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.api import OutOfScope
from harness.theory.random_matrices import Law
from harness.theory.sample_covariance import effective_ridge

from .world import ENTRIES, Setup

Forecast = dict[str, NDArray[np.float64]]

GAP = 48
"""Least |d - n|: corrections to the risk are of the order of its inverse."""


def two_moments(setup: Setup) -> Forecast:
    """The same risk for all entries, from the covariance alone.

    Raises OutOfScope where a training set is close to n = d.
    """
    if min(abs(setup.dim - n) for n in setup.sample_sizes) < GAP:
        raise OutOfScope(f"samples and dimension differ by less than {GAP}")
    return _for_all_entries([_risk(setup, alpha) for alpha in setup.axes()["alpha"]])


def isotropic(setup: Setup) -> Forecast:
    """The closed form for Sigma = 1: 1 - a + a/((1 - a) snr) for a = n/d < 1, 1/((a - 1) snr)."""
    alpha = setup.axes()["alpha"]
    noise = np.minimum(1, alpha) / (abs(1 - alpha) * setup.snr)
    return _for_all_entries(np.maximum(1 - alpha, 0) + noise)


def fixed_dimension(setup: Setup) -> Forecast:
    """The textbook's count: noise/n for each direction that is fitted, no amplification."""
    alpha = setup.axes()["alpha"]
    return _for_all_entries(np.maximum(1 - alpha, 0) + np.minimum(1, 1 / alpha) / setup.snr)


def _risk(setup: Setup, alpha: float) -> float:
    covariance = Law(np.array(setup.variances), np.full(2, 0.5))
    t = covariance.points
    kappa = effective_ridge(0, covariance, 1 / alpha)
    missed = kappa / (t + kappa)
    gamma = float(covariance.mean((1 - missed) ** 2)) / alpha
    return (float(covariance.mean(t * missed**2)) + gamma / setup.snr) / (1 - gamma)


def _for_all_entries(risk_A: ArrayLike) -> Forecast:
    return {"risk": np.tile(np.asarray(risk_A, dtype=float), (len(ENTRIES), 1))}

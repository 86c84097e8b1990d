"""Forecasts of the risk of early-stopped gradient descent and of what cross-validation says of it.

k steps from zero on |y - X w|^2 / 2n leave q(s) = (1 - eta s)^k of the teacher in a direction in
which S = X^T X / n has eigenvalue s. With F the law of these eigenvalues (Marchenko-Pastur with
ratio zeta = p/n), a teacher without preferred direction and <.> the mean over F, to leading order

    risk           R = sigma^2 + r^2 <q^2> + sigma^2 zeta <(1 - q)^2 / s>
    training error T = r^2 <s q^2> + sigma^2 (1 - zeta + zeta <q^2>)
    GCV            T / (1 - zeta <1 - q>)^2.

R for descent instead of flow, T and GCV were derived for this topic from the model of the sources.
Leave-one-out estimates R at every step (Patil, Wu & Tibshirani 2024). Ridge regression with penalty
lambda has q = lambda / (s + lambda); then GCV = R, an identity of the Marchenko-Pastur law.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harness.api import OutOfScope
from harness.theory.random_matrices import Law, marchenko_pastur, marchenko_pastur_edges

from .world import Setup

Array = NDArray[np.float64]
Curves = dict[str, Array]

NODES = 200

NEAR = 0.2
"""Within this distance of p = n the smallest eigenvalues fluctuate as much as they are large."""

FREEDOM = 12
"""Least n - df: GCV divides by its square, which fluctuates where little is left."""


def descent(setup: Setup) -> Curves:
    """Gradient descent: GCV leaves the risk on both sides, leave-one-out does not.

    Raises OutOfScope for a step size at which descent diverges, close to p = n, and where a fit
    leaves too few degrees of freedom.
    """
    if setup.learning_rate * marchenko_pastur_edges(setup.features_per_sample)[1] >= 2:
        raise OutOfScope("gradient descent diverges at this step size")
    if abs(setup.features_per_sample - 1) < NEAR:
        raise OutOfScope("there are about as many features as samples")
    law = _spectrum(setup)
    kept_TS = (1 - setup.learning_rate * law.points) ** setup.axes()["step"][:, None]
    if setup.samples * _freedom(setup, law, kept_TS).min() < FREEDOM:
        raise OutOfScope(f"the last record leaves fewer than {FREEDOM} degrees of freedom")
    return _curves(setup, law, kept_TS)


def ridge_equivalent(setup: Setup) -> Curves:
    """Early stopping as ridge regression with penalty 1/(eta k) (Ali, Kolter & Tibshirani 2019)."""
    law = _spectrum(setup)
    return _curves(setup, law, 1 / (1 + law.points * _time(setup)))


def flow(setup: Setup) -> Curves:
    """Gradient flow for the time eta k: q = exp(-eta k s)."""
    law = _spectrum(setup)
    return _curves(setup, law, np.exp(-law.points * _time(setup)))


def _spectrum(setup: Setup) -> Law:
    return marchenko_pastur(setup.features / setup.samples, NODES)


def _time(setup: Setup) -> Array:
    """Time eta k, [step, 1]."""
    return np.asarray(setup.learning_rate * setup.axes()["step"][:, None])


def _freedom(setup: Setup, law: Law, kept_TS: Array) -> Array:
    """Part 1 - df/n of the labels' degrees of freedom that a fit leaves, [step]."""
    return 1 - setup.features / setup.samples * law.mean(1 - kept_TS)


def _curves(setup: Setup, law: Law, kept_TS: Array) -> Curves:
    """Curves [step] for filters that keep the parts `kept_TS`, [step, point], of the teacher."""
    zeta, s = setup.features / setup.samples, law.points
    kept2 = law.mean(kept_TS**2)
    # (1 - q)^2 / s vanishes with s.
    noise_TS = np.divide((1 - kept_TS) ** 2, s, where=s > 0, out=np.zeros_like(kept_TS))
    risk = setup.noise * (1 + zeta * law.mean(noise_TS)) + setup.signal * kept2
    training = setup.signal * law.mean(s * kept_TS**2) + setup.noise * (1 - zeta + zeta * kept2)
    gcv = training / _freedom(setup, law, kept_TS) ** 2
    return {"risk": risk, "gcv_over_loo": gcv / risk, "loo_over_risk": np.ones_like(risk)}

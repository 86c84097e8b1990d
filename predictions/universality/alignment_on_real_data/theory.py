"""Forecasts of how alike linear networks are that learned the same images with different noise.

From small weights a member ends at least squares of minimum norm, w = X^+ (X v + r + z): v the best
linear map of the labels on the whole collection, r what it leaves of the label of each image, z the
member's own noise. Its hidden layer is of rank one, so that the CKA of two members is the squared
correlation of their outputs. In expectation two members share w's part from v, of variance `signal`
on the collection, and the part from r; the parts from z are uncorrelated, so

    correlation = (signal + V |r|^2) / (signal + V (|r|^2 + |z|^2)),

with |r|^2, |z|^2 the variances per label and V = E tr Sigma (X^T X)^+. Both diverge with V at n = d
unless r = 0: what no linear map can fit is common to all members and fills the dip.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from harness.theory.random_matrices import Law
from harness.theory.sample_covariance import effective_ridge

from .given_images import agreement
from .world import Array, Setup, collection, real_labels

Forecast = dict[str, float | NDArray[np.float64]]


def gaussian_equivalent(setup: Setup) -> Forecast:
    """Images as Gaussian vectors of their covariance, and r as noise, for n, d -> infinity."""
    return _alignment(setup, _correlation(setup, shared=True))


def independent_images(setup: Setup) -> Forecast:
    """`gaussian_equivalent` if every member had images of its own."""
    return _alignment(setup, _correlation(setup, shared=False))


def closed_form(setup: Setup) -> Forecast:
    """SNR |1 - n/d| / (1 + SNR |1 - n/d|): white Gaussian inputs and labels that are linear."""
    gap = setup.snr * abs(1 - setup.samples / setup.components)
    return _alignment(setup, gap / (1 + gap))


def monotone(setup: Setup) -> Forecast:
    """Alignment that grows with the number of images, so that it is least at the fewest."""
    return {"dip": setup.samples_per_component}


def least_squares(setup: Setup, draw: Mapping[str, Array]) -> Forecast:
    """Mean over the label noise alone, exactly, for the images and labels that the seed drew."""
    seen = slice(0, setup.samples)
    deviation_D = np.sqrt(collection(setup.components, setup.spectrum).variances)
    x_ND, label_N = draw["x"][0][seen], draw["label"][0][seen]
    correlation, squared = agreement(x_ND, label_N, deviation_D, 1 / setup.snr)
    return {"cka": squared, "correlation": correlation}


def _alignment(setup: Setup, correlation: float) -> Forecast:
    pairs = len(setup.axes()["pair"])
    return {"cka": correlation**2, "pair_cka": np.full(pairs, correlation**2)}


def _correlation(setup: Setup, *, shared: bool) -> float:
    """Correlation of two members' outputs, by deterministic equivalents.

    With t the variances of the components, kappa the ridge that stands for n < d and
    g = sum (t / (t + kappa))^2 / n: V = g / (1 - g), and the part of v that is missed has the
    variance kappa^2 sum t v^2 / (t + kappa)^2 / (1 - g) (Hastie et al. 2022).
    """
    t_D, power_D, rest = _target(setup)
    law = Law(t_D, np.full(len(t_D), 1 / len(t_D)))
    kappa = effective_ridge(0.0, law, setup.components / setup.samples)
    kept_D = t_D / (t_D + kappa)
    g = float((kept_D**2).sum()) / setup.samples
    missed = float(power_D @ (1 - kept_D) ** 2)
    # Multiplied by 1 - g, so that nothing diverges at n = d.
    signal = missed - (1 - g) * float(power_D @ (1 - 2 * kept_D))
    total = signal + g * (rest + 1 / setup.snr)
    common = signal + g * rest if shared else (1 - g) * float(power_D @ kept_D**2)
    return common / total


def _target(setup: Setup) -> tuple[Array, Array, float]:
    """Variances t [d], label variance from each component [d] and |r|^2; a linear map's on average.

    The components of a random linear map have equal variances, so it gives t v^2 = t / sum t.
    """
    images = collection(setup.components, setup.spectrum)
    t_D = images.variances
    if setup.labels == "linear":
        return t_D, t_D / t_D.sum(), 0.0
    power_D = (real_labels(setup) @ images.x / len(images.x)) ** 2 / t_D
    return t_D, power_D, 1 - float(power_D.sum())

"""Deterministic equivalents of ridge regression on n samples with p random features.

Eigenvalues l_i of the inputs' covariance (or of a kernel), p Gaussian features of variance 1/p a
weight, ridge d. One scale g > 0 says which eigenmodes are learnt, through t_i = l_i / (l_i + g),
z = sum t_i and q = sum t_i^2 (Simon, Karkada, Ghosh, Belkin 2023, arXiv:2311.14646, section 4):

    n = z + d / k,    p = z + p k / g.

Without k this is n = z + d p / (g (p - z)), whose right side falls in g wherever z < p.
Infinitely many features give kernel ridge regression (Simon, Dickens, Karkada, DeWeese 2023,
arXiv:2110.03922).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_HALVINGS = 60


@dataclass(frozen=True)
class Spectrum:
    """Levels [level]: eigenvalue, number of eigenmodes that share it, target's power in them."""

    values: Array
    modes: Array
    power: Array


def learnability(spectrum: Spectrum, samples: int, features: float, ridge: float) -> Array:
    """Fraction t [level] of each eigenmode of the target that the mean predictor has learnt.

    `features` may be infinite, `ridge` is positive.
    """
    values, modes = spectrum.values, spectrum.modes

    def too_small(log_scale: float) -> bool:
        scale = math.exp(log_scale)
        z = float(modes @ (values / (values + scale)))
        return z >= features or z + ridge / (scale * (1 - z / features)) > samples

    # Twice the trace and the ridge a sample is above the root; the ridge a sample is below it.
    total = float(modes @ values)
    low = math.log(ridge / samples) - 1
    high = math.log(2 * (total + ridge) * (1 / samples + 1 / features)) + 1
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if too_small(middle) else (low, middle)
    return np.asarray(values / (values + math.exp(high)))


def risk(
    spectrum: Spectrum, samples: int, features: float, ridge: float, label_noise: float
) -> float:
    """Mean squared error on fresh noisy labels of variance `label_noise`."""
    t = learnability(spectrum, samples, features, ridge)
    z, q = float(spectrum.modes @ t), float(spectrum.modes @ t**2)
    spread = (q * (1 - 2 * z / features) + z**2 / features) / (1 - q / features)
    missed = (1 - t) * (1 - t * (1 - z / features) / (1 - q / features))
    return (float(missed @ spectrum.power) + label_noise) / (1 - spread / samples)

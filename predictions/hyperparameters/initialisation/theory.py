"""What a layer of random weights does to the size of a signal, on average and typically.

Forward, a layer takes the preactivations h to W phi(h); backward, it takes the derivatives delta of
the output to phi'(h) * W^T delta. W is n x n with independent Gaussian entries of variance c / n.

Linear units: both ratios of squared lengths are c times a mean of n squared standard normals, so
E = c and E ln = ln c + psi(n / 2) - ln(n / 2).

Rectifiers: flipping the signs of a neuron's incoming weights turns it on or off, so each is on with
probability 1/2 independently of all sizes, and a squared length gets the factor (c / n) chi^2_k, k
the number of active neurons. E = c / 2, and E ln follows from E ln chi^2_k = psi(k / 2) + ln 2; it
is smaller than ln(c / 2) by 5 / (2 n). Sizes are products of random factors, whose typical value
falls although the mean does not (Hanin & Nica 2020).

In both cases the law is exact at any width, and the factors of layers are independent: the mean
logarithm of the size is a straight line in depth. It holds backward too, because the signs of delta
are independent of the forward pass, and a row of W that is known to have a positive product with
its input is a Gaussian vector again once its sign is drawn at random.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import digamma
from scipy.stats import binom

from .world import Setup

Forecast = dict[str, float]


def rectifier_products(setup: Setup) -> Forecast:
    """Rectifiers at finite width: mean and typical factor of a layer."""
    return _forecast(setup.gain / 2, rectifier_drift(setup.width))


def rectifier_mean(setup: Setup) -> Forecast:
    """He's derivation: half of the signal passes, on average."""
    return _means(setup.gain / 2)


def rectifier_limit(setup: Setup) -> Forecast:
    """Rectifiers at infinite width, where the typical factor is the mean one."""
    return _forecast(setup.gain / 2, 0.0)


def linear_products(setup: Setup) -> Forecast:
    """Linear units at finite width: mean and typical factor of a layer."""
    return _forecast(setup.gain, linear_drift(setup.width))


def linear_mean(setup: Setup) -> Forecast:
    """Xavier's derivation: all of the signal passes, on average."""
    return _means(setup.gain)


def linear_limit(setup: Setup) -> Forecast:
    """Linear units at infinite width, where the typical factor is the mean one."""
    return _forecast(setup.gain, 0.0)


def rectifier_drift(width: int) -> float:
    """E ln of a mean of n copies of 2 relu(g)^2, g ~ N(0, 1); given that one is not zero."""
    k = np.arange(1, width + 1)
    alive = binom.pmf(k, width, 0.5)
    return float(alive @ digamma(k / 2) / alive.sum()) + math.log(4 / width)


def linear_drift(width: int) -> float:
    """E ln of a mean of n squared standard normals."""
    return float(digamma(width / 2)) - math.log(width / 2)


def _forecast(mean: float, drift: float) -> Forecast:
    slope = (math.log(mean) + drift) / math.log(2)
    return _means(mean) | {"forward_slope": slope, "backward_slope": slope}


def _means(mean: float) -> Forecast:
    return {"forward_gain": mean, "backward_gain": mean}

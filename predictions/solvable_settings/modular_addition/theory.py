"""Forecasts of the order of Fourier features in modular addition, and of the loss between them.

The target of (a, b) is the template x shifted by a + b. For weights near zero the growth of a
neuron maximises its utility, the correlation of w (u . x_a + v . x_b)^2 with the residual. The
residual is shift-invariant, so that utility is a sum over frequencies, cubic in the neuron's share
of each and largest for the frequency with the largest amplitude left: neurons align with one
frequency, then grow together and remove all of it from the residual, which leaves the other
frequencies as they were. By Parseval the mean loss |f - y|^2 / 2 of the frequencies not yet learnt
is the sum of their |x_k|^2 / p.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from harness.api import OutOfScope

from .world import Setup

Array = NDArray[np.float64]
Forecast = dict[str, Array]

# Amplitudes whose ratio is smaller are learnt almost together, without a plateau between them.
APART = 1.3


def largest_first(setup: Setup, draw: Mapping[str, Array]) -> Forecast:
    """Frequencies in falling order of their amplitudes.

    Raises OutOfScope if two amplitudes are so alike that chance decides on their order.
    """
    sorted_F = np.sort(draw["amplitude"])
    if (sorted_F[1:] < APART * sorted_F[:-1]).any():
        raise OutOfScope("two amplitudes are too close for a plateau between them")
    return _sequence(setup, draw["amplitude"], np.argsort(-draw["amplitude"]))


def lowest_first(setup: Setup, draw: Mapping[str, Array]) -> Forecast:
    """Frequencies in rising order, whatever their amplitudes."""
    return _sequence(setup, draw["amplitude"], np.arange(setup.frequencies))


def smallest_first(setup: Setup, draw: Mapping[str, Array]) -> Forecast:
    """Frequencies in rising order of their amplitudes (a wrong one)."""
    return _sequence(setup, draw["amplitude"], np.argsort(draw["amplitude"]))


def linearised(setup: Setup, draw: Mapping[str, Array]) -> Forecast:
    """The network linear in its tiny weights: the loss keeps its first value for 1/alpha^4."""
    whole = np.sum(draw["amplitude"] ** 2) / setup.modulus
    return {"plateau": np.full(setup.frequencies - 1, whole)}


def _sequence(setup: Setup, amplitude_F: Array, order: NDArray[np.intp]) -> Forecast:
    """`place` [frequency] and `plateau` [learnt] of frequencies learnt entirely, one by one."""
    power_F = amplitude_F[order] ** 2 / setup.modulus
    left_F = power_F.sum() - np.cumsum(power_F)
    return {"place": np.argsort(order).astype(np.float64), "plateau": left_F[:-1]}

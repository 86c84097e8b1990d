"""Forecasts of how the risk falls with samples and with features, without label noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .equivalents import Spectrum, risk
from .world import Setup

Array = NDArray[np.float64]
Curves = dict[str, Array]


def random_features(setup: Setup) -> Curves:
    """Two-parameter equivalents of random-feature regression at these very sizes."""
    return _curves(setup, setup.alpha)


def resolution_limited(setup: Setup) -> Curves:
    """Asymptotic law: the risk is the power beyond mode min(n, p), so it falls as its -alpha."""
    return _power_law(setup, -setup.alpha)


def variance_limited(setup: Setup) -> Curves:
    """Parametric law: fluctuations around the infinite limit, 1/n and 1/p for every spectrum."""
    return _power_law(setup, -1.0)


def mirrored(setup: Setup) -> Curves:
    """`random_features` for the spectrum of exponent 2 - alpha in place of alpha (a wrong one)."""
    return _curves(setup, 2 - setup.alpha)


def _curves(setup: Setup, alpha: float) -> Curves:
    values = np.arange(1.0, setup.modes + 1) ** -(1 + alpha)
    spectrum = Spectrum(values, np.ones(setup.modes), values)
    pairs = {
        "risk_by_samples": [(size, setup.largest) for size in setup.sizes],
        "risk_by_features": [(setup.largest, size) for size in setup.sizes],
    }
    return {
        name: np.array([risk(spectrum, n, p, setup.ridge, 0.0) for n, p in sizes])
        for name, sizes in pairs.items()
    }


def _power_law(setup: Setup, exponent: float) -> Curves:
    """Up to its factor, which these laws leave open."""
    law = np.array(setup.sizes, float) ** exponent
    return {"samples_exponent": law, "features_exponent": law}

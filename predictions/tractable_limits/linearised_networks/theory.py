"""Forecasts of the risk of linearised networks: kernel regression and random features."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from .equivalents import Spectrum, learnability, risk
from .sphere import eigenvalues, multiplicity
from .world import FeatureSetup, KernelSetup

Array = NDArray[np.float64]
Forecast = dict[str, float | Array]

DEGREES = 40
"""Harmonics that are kept: what is left of the kernel's trace is far below any ridge."""


def eigenlearning(setup: KernelSetup) -> Forecast:
    """Self-consistent scale of learning: all eigenmodes compete for n samples."""
    spectrum = _kernel_spectrum(setup)
    return {
        "risk": np.array(
            [
                risk(spectrum, n, math.inf, setup.ridge, setup.label_noise)
                for n in setup.sample_sizes
            ]
        ),
        "learnability": np.stack(
            [
                learnability(spectrum, n, math.inf, setup.ridge)[1 : len(setup.powers) + 1]
                for n in setup.sample_sizes
            ],
            axis=1,
        ),
    }


def hard_staircase(setup: KernelSetup) -> Forecast:
    """Degree k is learnt wholly once n reaches the number of its harmonics, not at all before."""
    harmonics = multiplicity(setup.dim, len(setup.powers) + 1)[1:]
    learnt = (np.array(setup.sample_sizes) >= harmonics[:, None]).astype(float)
    return {
        "risk": (1 - learnt).T @ np.array(setup.powers) + setup.label_noise,
        "learnability": learnt,
    }


def effective_dimension(setup: KernelSetup) -> Forecast:
    """Ridge regression on the population covariance: bias at the bare ridge, variance of noise."""
    spectrum = _kernel_spectrum(setup)
    n = np.array(setup.sample_sizes)[:, None]
    t = spectrum.values / (spectrum.values + setup.ridge / n)
    bias, dimension = (1 - t) ** 2 @ spectrum.power, t**2 @ spectrum.modes
    return {
        "risk": bias + setup.label_noise * (1 + dimension / n[:, 0]),
        "learnability": t[:, 1 : len(setup.powers) + 1].T,
    }


def _kernel_spectrum(setup: KernelSetup) -> Spectrum:
    power = np.zeros(DEGREES)
    power[1 : len(setup.powers) + 1] = setup.powers
    values = eigenvalues(setup.dim, setup.sharpness, DEGREES)
    return Spectrum(values, multiplicity(setup.dim, DEGREES), power)


def random_features(setup: FeatureSetup) -> Forecast:
    """Two-parameter equivalents of random-feature regression, a curve over p."""
    spectrum = _feature_spectrum(setup)
    return _over_features(
        [risk(spectrum, setup.samples, p, setup.ridge, setup.label_noise) for p in setup.features]
    )


def infinite_width(setup: FeatureSetup) -> Forecast:
    """The kernel limit: as many features as one likes."""
    limit = risk(_feature_spectrum(setup), setup.samples, math.inf, setup.ridge, setup.label_noise)
    return _over_features([limit] * len(setup.features))


def principal_components(setup: FeatureSetup) -> Forecast:
    """The p features span the p leading eigenmodes; the target's rest acts as label noise."""
    spectrum = _feature_spectrum(setup)

    def of(p: int) -> float:
        kept = Spectrum(spectrum.values[:p], spectrum.modes[:p], spectrum.power[:p])
        rest = float(spectrum.power[p:].sum())
        return risk(kept, setup.samples, math.inf, setup.ridge, setup.label_noise + rest)

    return _over_features([of(p) for p in setup.features])


def classical_u_curve(setup: FeatureSetup) -> Forecast:
    """Textbook trade-off: what p components cannot express, plus p/n of the noise's variance."""
    power = _feature_spectrum(setup).power
    return _over_features(
        [
            float(power[p:].sum()) + setup.label_noise * (1 + p / setup.samples)
            for p in setup.features
        ]
    )


def _feature_spectrum(setup: FeatureSetup) -> Spectrum:
    values = np.arange(1.0, setup.modes + 1) ** -setup.decay
    return Spectrum(values, np.ones(setup.modes), values)


def _over_features(risks: list[float]) -> Forecast:
    return {"risk": np.array(risks)}

"""How curves stretch and correlations settle, layer by layer, in tanh networks of infinite width.

Layer 1 is linear in the inputs, so that a circle with |x|^2 / d = v has there variance
q = sigma_w^2 v + sigma_b^2, length 2 pi sigma_w sqrt(v), and correlations
(sigma_w^2 v cos(angle) + sigma_b^2) / q. `length` is arc length over sqrt(n).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .mean_field import (
    Array,
    chi,
    correlation_map,
    fixed_correlation,
    fixed_variance,
    variance_map,
)
from .world import Setup

Forecast = dict[str, Array]


def stretching(setup: Setup) -> Forecast:
    """Transient chaos: from layer to layer by sqrt(chi_1) (Poole et al. 2016).

    chi_1 is taken at the layer's own variance, which reaches q* within a few layers.
    """
    factor_L = [np.sqrt(chi(q, 1.0, setup.weight_std)) for q in variances(setup)[:-1]]
    return {"length": _first_length(setup) * np.cumprod([1.0, *factor_L])}


def linear_stretching(setup: Setup) -> Forecast:
    """The linearised network: sigma_w in every layer, isometric at sigma_w = 1."""
    return {"length": _first_length(setup) * _powers(setup.weight_std, setup)}


def stretching_at_first_norm(setup: Setup) -> Forecast:
    """sqrt(chi_1) at the first layer's variance instead of the layer's own."""
    factor = np.sqrt(chi(variances(setup)[0], 1.0, setup.weight_std))
    return {"length": _first_length(setup) * _powers(factor, setup)}


def stretching_of_wider_weights(setup: Setup) -> Forecast:
    """Transient chaos for weights a tenth too large."""
    return stretching(replace(setup, weight_std=1.1 * setup.weight_std))


def settling(setup: Setup) -> Forecast:
    """Deep information propagation: the map of correlations, iterated from each separation."""
    sigma = setup.weight_std, setup.bias_std
    rows = [_first_correlations(setup)]
    for q in variances(setup)[:-1]:
        rows.append(np.array([correlation_map(q, c, *sigma) for c in rows[-1]]))
    return {"correlation": np.array(rows)}


def linear_settling(setup: Setup) -> Forecast:
    """The linearised network: tanh(u) = u in both maps."""
    q = _first_variance(setup)
    rows = [_first_correlations(setup)]
    for _ in range(setup.depth - 1):
        covariance_K = setup.weight_std**2 * q * rows[-1] + setup.bias_std**2
        q = setup.weight_std**2 * q + setup.bias_std**2
        rows.append(covariance_K / q)
    return {"correlation": np.array(rows)}


def settling_at_chi_1(setup: Setup) -> Forecast:
    """One depth scale in both phases: towards c* by exp(-|ln chi_1|) in each layer."""
    q, c = _fixed_point(setup)
    rate = abs(np.log(chi(q, 1.0, setup.weight_std)))
    decay_L = np.exp(-rate * np.arange(setup.depth))
    return {"correlation": c + np.outer(decay_L, _first_correlations(setup) - c)}


def settling_of_wider_weights(setup: Setup) -> Forecast:
    """The map of correlations for weights a tenth too large."""
    return settling(replace(setup, weight_std=1.1 * setup.weight_std))


def variances(setup: Setup) -> list[float]:
    """Variances q of the preactivations in layers 1 to L."""
    rows = [_first_variance(setup)]
    for _ in range(setup.depth - 1):
        rows.append(variance_map(rows[-1], setup.weight_std, setup.bias_std))
    return rows


def depth_scale(setup: Setup) -> float:
    """xi_c = -1 / ln chi(c*) in layers (Schoenholz et al. 2017)."""
    q, c = _fixed_point(setup)
    return float(-1 / np.log(chi(q, c, setup.weight_std)))


def _fixed_point(setup: Setup) -> tuple[float, float]:
    q = fixed_variance(setup.weight_std, setup.bias_std)
    return q, fixed_correlation(q, setup.weight_std, setup.bias_std)


def _powers(factor: float, setup: Setup) -> Array:
    return np.asarray(factor ** (setup.axes()["layer"] - 1))


def _first_length(setup: Setup) -> float:
    return float(2 * np.pi * setup.weight_std * np.sqrt(setup.input_variance))


def _first_variance(setup: Setup) -> float:
    return setup.weight_std**2 * setup.input_variance + setup.bias_std**2


def _first_correlations(setup: Setup) -> Array:
    covariance_K = np.cos(setup.axes()["separation"]) * setup.weight_std**2 * setup.input_variance
    return np.asarray((covariance_K + setup.bias_std**2) / _first_variance(setup))

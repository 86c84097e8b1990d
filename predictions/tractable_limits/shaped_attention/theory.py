"""Forecasts of how random attention layers change the covariance of their tokens.

One layer: X -> sqrt(1 - g) X + sqrt(g) A X W, and in the mean over value weights V = X X^T / n
moves by g (A V A^T - V). Shaped attention, A = I + softmax(Y / (tau0 sqrt n)) - 1/m, makes this
O(1/n): see `sde.drift`. Many layers: see `sde`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harness.api import OutOfScope

from . import sde
from .world import DepthSetup, LayerSetup

Array = NDArray[np.float64]
Forecast = dict[str, float | Array]

QUANTILES = 256
"""Numbers by which the law of a correlation is given."""

MOST_EXPLODED = 1e-3
"""Share of paths that may reach infinity before the last record."""


def drift(setup: LayerSetup) -> Forecast:
    """Both orders of the softmax that contribute at 1/n."""
    return _layer(setup, sde.drift(setup.covariance()))


def first_order_drift(setup: LayerSetup) -> Forecast:
    """The softmax linearised in its logits: A2 is left out."""
    v_MM = setup.covariance()
    return _layer(setup, sde.drift_parts(v_MM)[0] * v_MM)


def inverse_temperature_drift(setup: LayerSetup) -> Forecast:
    """`drift` falling as 1/tau0, as the fluctuations do (a wrong one)."""
    return {name: setup.temperature * value for name, value in drift(setup).items()}


def no_drift(setup: LayerSetup) -> Forecast:
    """Attention near the identity leaves the covariance alone, but for the value weights."""
    return {"drift": np.zeros(len(setup.axes()["entry"]))}


def averaging_drift(setup: LayerSetup) -> Forecast:
    """Attention to all tokens alike puts their mean in every token's place."""
    v_MM = setup.covariance()
    change_MM = v_MM.mean() - v_MM
    drift_MM = setup.width * setup.temperature**2 * change_MM
    return {"drift": _entries(setup, drift_MM)}


def _layer(setup: LayerSetup, drift_MM: Array) -> Forecast:
    """From n tau0^2 (A V A^T - V) to what is measured."""
    growth = float(np.trace(drift_MM)) / setup.tokens / setup.temperature**2
    return {"drift": _entries(setup, drift_MM), "growth": growth}


def _entries(setup: LayerSetup, drift_MM: Array) -> Array:
    """Upper triangle in natural units, [entry]."""
    return np.asarray(drift_MM[np.triu_indices(setup.tokens)] / setup.drift_unit())


def covariance_sde(setup: DepthSetup) -> Forecast:
    """The law of the covariance equation, by a Monte-Carlo simulation of its own.

    Raises OutOfScope where too many of its paths reach infinity.
    """
    v_TSPMM = _paths(setup)
    share = sde.exploded(v_TSPMM[-1]).mean()
    if share > MOST_EXPLODED:
        raise OutOfScope(f"{share:.2g} of the equation's paths reach infinity on the way")
    length_TSP = np.log(np.trace(v_TSPMM, axis1=-2, axis2=-1))
    gain_T = (length_TSP[:, :2].mean(axis=1) - length_TSP[:, 2]).mean(axis=-1)
    return {
        "correlation": _quantiles(v_TSPMM[-1, :2]),
        "attention_gain": gain_T / setup.gain_unit(),
    }


def attention_free_sde(setup: DepthSetup) -> Forecast:
    """The equation of the value weights alone."""
    return {
        "correlation": _quantiles(_paths(setup)[-1, 2]),
        "attention_gain": np.zeros(setup.records),
    }


def infinite_width(setup: DepthSetup) -> Forecast:
    """Width to infinity before depth: V never moves."""
    correlation = sde.mean_correlation(setup.covariance())
    return {
        "correlation": np.full(QUANTILES, correlation),
        "attention_gain": np.zeros(setup.records),
    }


def rank_collapse(setup: DepthSetup) -> Forecast:
    """Layer by layer attention pulls all tokens to one direction."""
    return {"correlation": np.ones(QUANTILES)}


def _paths(setup: DepthSetup) -> Array:
    start = tuple(map(tuple, setup.covariance().tolist()))
    times = tuple(setup.axes()["time"].tolist())
    return sde.paths(start, setup.branch_variance, setup.temperature, times)


def _quantiles(v_PMM: Array) -> Array:
    ranks = (np.arange(QUANTILES) + 0.5) / QUANTILES
    return np.quantile(sde.mean_correlation(v_PMM), ranks)

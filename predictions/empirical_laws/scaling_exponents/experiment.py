"""Fit the readout of a linear network with a random first layer, for growing data and width."""

from __future__ import annotations

from functools import partial
from typing import TypeAlias

import jax
import jax.numpy as jnp
from jax.scipy.linalg import cho_solve

from models.deep_linear import DeepLinear

from .world import Setup

Readout: TypeAlias = dict[str, jax.Array]


def fit(setup: Setup, key: jax.Array) -> Readout:
    """Risk of nearly ridgeless regression over the whole input distribution, without label noise.

    Means over the seed's independent draws of inputs and of the first layer:
    `risk_by_samples` [samples] at the largest number of features, `risk_by_features` [features] at
    the largest number of samples. Smaller training sets and networks are parts of larger ones. The
    teacher is the sum of all inputs: by the symmetry of the inputs its signs do not matter.
    """
    draws = jax.random.normal(key, (setup.draws, 2, setup.largest, setup.modes))
    risks = jax.vmap(partial(_risks, setup))(draws)
    return {name: values_DS.mean(axis=0) for name, values_DS in risks.items()}


def _risks(setup: Setup, normal_2LM: jax.Array) -> Readout:
    """Both curves for one draw of inputs and of the first layer."""
    variance_M = _variance(setup)
    x_NM, w_PM = normal_2LM[0] * jnp.sqrt(variance_M), normal_2LM[1]

    def risk(x_NM: jax.Array, w_PM: jax.Array) -> jax.Array:
        w_PM = w_PM / jnp.sqrt(len(w_PM))
        readout_P = _ridge_regression(x_NM @ w_PM.T, x_NM.sum(axis=1), setup.ridge)
        map_M = DeepLinear([w_PM, readout_P[None]]).product()[0]
        return variance_M @ (map_M - 1) ** 2

    return {
        "risk_by_samples": jnp.stack([risk(x_NM[:n], w_PM) for n in setup.sizes]),
        "risk_by_features": jnp.stack([risk(x_NM, w_PM[:p]) for p in setup.sizes]),
    }


def _variance(setup: Setup) -> jax.Array:
    """Eigenvalues of the inputs' covariance [M] in training; flattening keeps their sum."""
    mode_M = jnp.arange(1.0, setup.modes + 1)
    exponent = -(1 + setup.alpha)
    flat_M = mode_M ** (exponent * (1 - setup.hidden_flattening))
    return flat_M * ((mode_M**exponent).sum() / flat_M.sum())


def _ridge_regression(h_NP: jax.Array, y_N: jax.Array, ridge: jax.Array | float) -> jax.Array:
    """Minimiser [p] of |h a - y|^2 + ridge |a|^2, solved in the smaller of the two dimensions."""
    n, p = h_NP.shape
    if n <= p:
        factor_NN = jnp.linalg.cholesky(h_NP @ h_NP.T + ridge * jnp.eye(n))
        return h_NP.T @ cho_solve((factor_NN, True), y_N)
    factor_PP = jnp.linalg.cholesky(h_NP.T @ h_NP + ridge * jnp.eye(p))
    return cho_solve((factor_PP, True), h_NP.T @ y_N)

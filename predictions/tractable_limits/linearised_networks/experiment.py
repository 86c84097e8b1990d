"""Two linearised networks: kernel ridge regression, and the trained readout of random features."""

from __future__ import annotations

from typing import TypeAlias

import jax
import jax.numpy as jnp
from jax.scipy.linalg import cho_solve

from models.deep_linear import DeepLinear

from .sphere import eigenvalues, legendre, multiplicity
from .world import FeatureSetup, KernelSetup

Readout: TypeAlias = dict[str, jax.Array]

DEGREES = 16
"""Harmonics in means over the sphere: the squared eigenvalues beyond are below rounding."""


def fit_kernel(setup: KernelSetup, key: jax.Array) -> Readout:
    """Kernel ridge regression on nested training sets, read over the whole sphere.

    `risk` [samples]: mean squared error plus the variance of the label noise; `learnability`
    [degree, samples]: coefficient of the target's harmonic in the predictor over its own. Means
    over the sphere are exact: with K = sum_k l_k D_k P_k(x.x'), that of K(x, z) h(z) over z is
    l_k h(x) for a harmonic h of degree k, and that of K(x, z) K(z, x') is
    sum_k l_k^2 D_k P_k(x.x').
    """
    drawn_NX = jax.random.normal(key, (max(setup.sample_sizes), setup.dim + 1))
    x_ND, noise_N = drawn_NX[:, :-1], jnp.sqrt(setup.label_noise) * drawn_NX[:, -1]
    x_ND = x_ND / jnp.linalg.norm(x_ND, axis=1, keepdims=True)
    powers = setup.powers if setup.target == "declared" else setup.powers[::-1]
    amplitude_K = jnp.sqrt(jnp.array(powers))
    target_NK = amplitude_K * _zonals(setup, x_ND)
    sharpness = setup.sharpness * setup.hidden_sharpness
    values = eigenvalues(setup.dim, sharpness, DEGREES)
    cosine_NN = x_ND @ x_ND.T
    kernel_NN = jnp.exp(sharpness * (cosine_NN - 1))
    weights = values**2 * multiplicity(setup.dim, DEGREES)
    harmonics = legendre(cosine_NN, setup.dim, DEGREES)
    square_NN = sum(weight * p_NN for weight, p_NN in zip(weights, harmonics, strict=True))
    overlap_NK = target_NK * values[1 : len(powers) + 1]
    ridge_NN = setup.ridge * jnp.eye(len(x_ND))
    factor_NN = jnp.linalg.cholesky(kernel_NN + ridge_NN)
    y_N = target_NK.sum(axis=1) + noise_N

    def read(n: int) -> tuple[jax.Array, jax.Array]:
        # The Cholesky factor of a leading block is the leading block of the factor.
        dual_n = cho_solve((factor_NN[:n, :n], True), y_N[:n])
        along_K = dual_n @ overlap_NK[:n]
        error = dual_n @ square_NN[:n, :n] @ dual_n - 2 * along_K.sum() + (amplitude_K**2).sum()
        return error + setup.label_noise, along_K / amplitude_K**2

    risks, learnt = zip(*(read(n) for n in setup.sample_sizes), strict=True)
    return {"risk": jnp.stack(risks), "learnability": jnp.stack(learnt, axis=1)}


def _zonals(setup: KernelSetup, x_ND: jax.Array) -> jax.Array:
    """Harmonics of unit mean square [n, degree]; that of degree k is zonal about axis k."""
    degrees = range(1, len(setup.powers) + 1)
    scale = multiplicity(setup.dim, len(setup.powers) + 1) ** 0.5
    columns = [scale[k] * legendre(x_ND[:, k - 1], setup.dim, k + 1)[k] for k in degrees]
    return jnp.stack(columns, axis=1)


def fit_features(setup: FeatureSetup, key: jax.Array) -> Readout:
    """Ridge regression of the readout of a linear network with random first layer.

    `risk` [features_per_sample]: mean squared error over the whole input distribution plus the
    variance of the label noise, for the first p of one draw of features. The teacher is the sum of
    all inputs: by the symmetry of the inputs its signs do not matter.
    """
    rows = setup.samples + max(setup.features)
    drawn_RX = jax.random.normal(key, (rows, setup.modes + 1))
    w_PM = drawn_RX[setup.samples :, :-1]
    variance_M = jnp.arange(1.0, setup.modes + 1) ** -setup.decay
    x_NM = jnp.sqrt(variance_M) * drawn_RX[: setup.samples, :-1]
    noise_N = jnp.sqrt(setup.label_noise) * drawn_RX[: setup.samples, -1]
    y_N = x_NM.sum(axis=1) + noise_N
    h_NP = x_NM @ w_PM.T
    ridge_NN = (setup.ridge + setup.hidden_ridge) * jnp.eye(setup.samples)

    def risk(p: int) -> jax.Array:
        h_Np = h_NP[:, :p] / jnp.sqrt(p)
        factor_NN = jnp.linalg.cholesky(h_Np @ h_Np.T + ridge_NN)
        readout_p = h_Np.T @ cho_solve((factor_NN, True), y_N)
        map_M = DeepLinear([w_PM[:p] / jnp.sqrt(p), readout_p[None]]).product()[0]
        return variance_M @ (map_M - 1) ** 2 + setup.label_noise

    return {"risk": jnp.stack([risk(p) for p in setup.features])}

"""Fit linear networks without ridge to inputs of several laws, and measure what they missed."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.scipy.linalg import cho_solve

from models.deep_linear import DeepLinear

from .world import ENTRIES, Setup

DEGREES = 5
"""Degrees of freedom of the Student entries: kurtosis 9, no moment beyond the fourth."""


def train(setup: Setup, key: jax.Array) -> dict[str, jax.Array]:
    """`risk` [entries, alpha]: mean over outputs of (w - w*)^T Sigma (w - w*).

    w is the interpolator of least norm, or the least-squares solution, of the first n samples:
    where gradient descent from zero on the squared loss ends.
    """
    largest, dim, outputs = max(setup.sample_sizes), setup.dim, setup.outputs
    input_key, label_key = jax.random.split(key)
    z_END = independent_entries(input_key, (largest, dim))
    # Teachers, label noise and lengths from one draw: each costs half a second to compile.
    teacher_KD, noise_KN = jnp.split(
        jax.random.normal(label_key, (outputs + 1, dim + largest)), [dim], axis=1
    )
    teacher_KD = teacher_KD[1:] / jnp.linalg.norm(teacher_KD[1:], axis=1, keepdims=True)
    noise_NK = noise_KN[1:].T / jnp.sqrt(setup.snr)
    small, large = setup.variances
    variance_D = jnp.where(jnp.arange(dim) < dim // 2, small, large)
    x_END = jnp.sqrt(variance_D) * z_END
    if setup.inputs == "elliptical":
        x_END *= jnp.sqrt(jnp.where(noise_KN[0] > 0, 1.9, 0.1))[:, None]

    def risk(x_ND: jax.Array) -> jax.Array:
        y_NK = DeepLinear([teacher_KD])(x_ND) + noise_NK
        nets = [minimum_norm(x_ND[:n], y_NK[:n]) for n in setup.sample_sizes]
        missed_AKD = jnp.stack([net.product() for net in nets]) - teacher_KD
        risk_AK: jax.Array = missed_AKD**2 @ variance_D
        return risk_AK.mean(axis=-1)

    return {"risk": jax.vmap(risk)(x_END)}


def independent_entries(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """Arrays [entries, *shape] of independent entries, one for each law in ENTRIES."""
    normal = jax.random.normal(key, (1 + DEGREES, *shape))
    first, chi2 = normal[0], (normal[1:] ** 2).sum(axis=0)
    uniform = 2 * jax.scipy.stats.norm.cdf(first) - 1
    laws = {
        "gaussian": first,
        "rademacher": jnp.sign(first),
        "uniform": jnp.sqrt(3.0) * uniform,
        "student-5": first * jnp.sqrt((DEGREES - 2) / chi2),
    }
    return jnp.stack([laws[name] for name in ENTRIES])


def minimum_norm(x_ND: jax.Array, y_NK: jax.Array) -> DeepLinear:
    """The linear network of least squares and, among those that interpolate, of least norm."""
    samples, dim = x_ND.shape
    if samples < dim:
        w_DK = x_ND.T @ _solve(x_ND @ x_ND.T, y_NK)
    else:
        w_DK = _solve(x_ND.T @ x_ND, x_ND.T @ y_NK)
    return DeepLinear([w_DK.T])


def _solve(gram: jax.Array, target: jax.Array) -> jax.Array:
    return cho_solve((jnp.linalg.cholesky(gram), True), target)

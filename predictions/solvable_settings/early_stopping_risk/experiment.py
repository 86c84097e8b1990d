"""Fit a linear network and all its leave-one-out copies; estimate the risk in three ways."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from models.deep_linear import DeepLinear

from .world import Setup


def train(setup: Setup, key: jax.Array) -> dict[str, jax.Array]:
    """Arrays [step]: `risk` over all inputs and labels, `gcv_over_loo` and `loo_over_risk`.

    `loo` is the mean squared error of each sample under the network that was fitted without it,
    `gcv` the training error over (1 - df/n)^2 with df the trace of the map from labels to fits.
    """
    x_NP, y_N, teacher_P = draw_data(setup, key)
    fit = descend if setup.fit == "descent" else penalise
    w_TMP, df_T = fit(setup, x_NP, y_N)
    samples = setup.samples
    # Network m < n was fitted without sample m, network n with all.
    error_TN = (w_TMP[:, :samples] * x_NP).sum(axis=-1) - y_N
    residual_TN = w_TMP[:, samples] @ x_NP.T - y_N
    risk_T = ((w_TMP[:, samples] - teacher_P) ** 2).sum(axis=-1) + setup.noise
    loo_T = (error_TN**2).mean(axis=-1)
    gcv_T = (residual_TN**2).mean(axis=-1) / (1 - df_T / samples) ** 2
    return {"risk": risk_T, "gcv_over_loo": gcv_T / loo_T, "loo_over_risk": loo_T / risk_T}


def draw_data(setup: Setup, key: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Inputs [n, p], labels [n] and a teacher [p] of squared length `signal`."""
    rows_NX = jax.random.normal(key, (setup.samples + 1, setup.features + 1))
    teacher_P = rows_NX[-1, :-1] * jnp.sqrt(setup.signal)
    teacher_P /= jnp.linalg.norm(rows_NX[-1, :-1])
    x_NP, noise_N = rows_NX[:-1, :-1], jnp.sqrt(setup.noise) * rows_NX[:-1, -1]
    if setup.sampling == "twice":
        half = setup.samples // 2
        x_NP, noise_N = jnp.tile(x_NP[:half], (2, 1)), jnp.tile(noise_N[:half], 2)
    return x_NP, x_NP @ teacher_P + noise_N, teacher_P


def descend(setup: Setup, x_NP: jax.Array, y_N: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Weights [step, n + 1, p] of all networks after each record, and df [step] of the last one.

    The networks are the outputs of one: output m descends |y - X w|^2 / 2n without sample m.
    """
    samples = setup.samples
    used_NM = 1 - jnp.eye(samples, samples + 1)
    start_MP = jnp.zeros((samples + 1, setup.features))
    graph, params = nnx.split(DeepLinear([start_MP]), nnx.Param)
    optimiser = optax.sgd(setup.learning_rate)

    def loss(params: Any) -> jax.Array:
        error_NM = nnx.merge(graph, params)(x_NP) - y_N[:, None]
        return (used_NM * error_NM**2).sum() / (2 * samples)

    def step(_: jax.Array, carry: Any) -> Any:
        params, state = carry
        updates, state = optimiser.update(jax.grad(loss)(params), state)
        return optax.apply_updates(params, updates), state

    def until_record(carry: Any, steps: jax.Array) -> tuple[Any, jax.Array]:
        carry = jax.lax.fori_loop(0, steps, step, carry)
        return carry, nnx.merge(graph, carry[0]).product()

    records_T = jnp.array(setup.records)
    gaps_T = jnp.diff(records_T, prepend=0)
    _, w_TMP = jax.lax.scan(until_record, (params, optimiser.init(params)), gaps_T)
    kept_TN = (1 - setup.learning_rate * _spectrum(x_NP)) ** records_T[:, None]
    return w_TMP, (1 - kept_TN).sum(axis=-1)


def penalise(setup: Setup, x_NP: jax.Array, y_N: jax.Array) -> tuple[jax.Array, jax.Array]:
    """As `descend`, for ridge regression with penalty 1/(eta k) on the loss |y - X w|^2 / 2n."""
    samples = setup.samples
    used_MN = jnp.concatenate([1 - jnp.eye(samples), jnp.ones((1, samples))])
    penalty_T = 1 / (setup.learning_rate * jnp.array(setup.records))

    def solve(penalty: jax.Array) -> jax.Array:
        inverse_NN = jnp.linalg.inv(x_NP @ x_NP.T / samples + penalty * jnp.eye(samples))
        # Leaving sample m out sets its dual variable to zero: a rank-one change of the others.
        dual_N = inverse_NN @ y_N
        drop_N = dual_N / jnp.diagonal(inverse_NN)
        dual_MN = jnp.concatenate([dual_N - drop_N[:, None] * inverse_NN, dual_N[None]])
        w_MP: jax.Array = (used_MN * dual_MN) @ x_NP / samples
        return w_MP

    s_N = _spectrum(x_NP)
    return jax.lax.map(solve, penalty_T), (s_N / (s_N + penalty_T[:, None])).sum(axis=-1)


def _spectrum(x_NP: jax.Array) -> jax.Array:
    """Eigenvalues of X X^T / n, [n]."""
    s_N: jax.Array = jnp.linalg.eigvalsh(x_NP @ x_NP.T / len(x_NP))
    return s_N

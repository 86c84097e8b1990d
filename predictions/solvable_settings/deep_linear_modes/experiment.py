"""Train a two-layer linear network and read when it learns which singular mode of its teacher."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from models.deep_linear import DeepLinear

from .world import Setup

Draw = dict[str, jax.Array]
Carry = tuple[Any, optax.OptState]


def train(setup: Setup, key: jax.Array, draw: Draw) -> dict[str, jax.Array]:
    """Full-batch gradient descent from the drawn weights.

    `learning_time` [mode], when a_k first reaches s_k / 2, interpolated linearly inside a step (the
    end of training if it never does, NaN if training diverged), and `strength` [mode, time],
    a_k / s_k at the records.
    """
    del key  # the draw holds all that is random
    s_K = jnp.array(setup.singular_values)
    std = setup.init_scale / jnp.sqrt(setup.width)
    graph, params = nnx.split(DeepLinear([std * draw["first"], std * draw["second"]]), nnx.Param)
    optimiser = optax.sgd(setup.learning_rate)
    # One input along each axis: their second moments are all that the mean loss depends on.
    x_DD = jnp.diag(jnp.sqrt(input_variances(setup)))
    y_DD = x_DD @ draw["right"] * s_K @ draw["left"].T

    def loss(params: Any) -> jax.Array:
        return jnp.sum((nnx.merge(graph, params)(x_DD) - y_DD) ** 2) / 2

    def strengths(params: Any) -> jax.Array:
        f_KD = nnx.merge(graph, params)(draw["right"].T)
        return jnp.sum(f_KD * draw["left"].T, axis=1) / s_K

    def step(carry: Carry, _: None) -> tuple[Carry, jax.Array]:
        params, state = carry
        updates, state = optimiser.update(jax.grad(loss)(params), state)
        params = optax.apply_updates(params, updates)
        return (params, state), strengths(params)

    at_TK = setup.record_steps()
    _, later = jax.lax.scan(step, (params, optimiser.init(params)), length=int(at_TK[-1]))
    path_SK = jnp.concatenate([strengths(params)[None], later])
    time_K = setup.learning_rate * first_passage(path_SK, 0.5)
    learnt = jnp.isfinite(path_SK[-1]).all()
    return {"learning_time": jnp.where(learnt, time_K, jnp.nan), "strength": path_SK[at_TK].T}


def first_passage(path_SK: jax.Array, level: float) -> jax.Array:
    """Steps until columns first reach a level, linear inside a step; all steps if they never do."""
    above_SK = path_SK >= level
    after_K = jnp.maximum(jnp.argmax(above_SK, axis=0), 1)
    low_K, high_K = (jnp.take_along_axis(path_SK, i[None], 0)[0] for i in (after_K - 1, after_K))
    inside_K = (level - low_K) / (high_K - low_K)
    return jnp.where(above_SK.any(axis=0), after_K - 1 + inside_K, path_SK.shape[0] - 1)


def input_variances(setup: Setup) -> jax.Array:
    """Variances of the inputs along the axes, [d]: log-spaced, with mean 1."""
    variance_D = setup.condition ** jnp.linspace(0.0, 1.0, setup.dim)
    return variance_D / variance_D.mean()

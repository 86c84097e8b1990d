"""How well a network trains, and down to which depth; for any Flax NNX module."""

from __future__ import annotations

from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
from flax import nnx

Weights: TypeAlias = Any  # nnx.State of the model's parameters


def final_loss(
    model: nnx.Module,
    x_PD: jax.Array,
    y_P: jax.Array,
    *,
    learning_rate: float | jax.Array,
    steps: int,
) -> jax.Array:
    """Logistic loss after full-batch gradient descent; a scalar, at most ln 2.

    `model` maps inputs [P, d] to outputs [P, 1]; all its `nnx.Param` are trained with the same step
    size, other variables stay as they are. Labels y are 1 or -1. A loss above ln 2, or none at all,
    counts as ln 2: it is what knowing nothing costs.
    """
    graph, start, *rest = nnx.split(model, nnx.Param, ...)

    def loss(weights: Weights) -> jax.Array:
        f_P: jax.Array = nnx.merge(graph, weights, *rest)(x_PD)[:, 0]
        return jnp.mean(jax.nn.softplus(-y_P * f_P))

    def step(weights: Weights, _: None) -> tuple[Weights, None]:
        gradient = jax.grad(loss)(weights)
        return jax.tree.map(lambda w, g: w - learning_rate * g, weights, gradient), None

    end, _ = jax.lax.scan(step, start, length=steps)
    return jnp.fmin(loss(end), jnp.log(2.0))


def crossing(depth_D: jax.Array, loss_D: jax.Array, level: float | jax.Array) -> jax.Array:
    """The depth, scanned from the deep end, at which the loss first falls below a level; a scalar.

    The loss is taken to be linear in the logarithm of depth between two depths. NaN, and not a
    bound, if the deepest network is below the level or none is.
    """
    below_D = loss_D < level
    last = jnp.max(jnp.where(below_D, jnp.arange(len(depth_D)), 0))
    inside = jnp.any(below_D) & ~below_D[-1]
    low, high = loss_D[last], loss_D[jnp.minimum(last + 1, len(depth_D) - 1)]
    log_depth_D = jnp.log(depth_D)
    step = log_depth_D[jnp.minimum(last + 1, len(depth_D) - 1)] - log_depth_D[last]
    part = (level - low) / jnp.where(inside, high - low, 1.0)
    return jnp.where(inside, jnp.exp(log_depth_D[last] + part * step), jnp.nan)

"""Train a diagonal linear network by full-batch gradient descent; date what it learns."""

from __future__ import annotations

from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from models.deep_linear import DeepLinear

from .network import DiagonalLinear
from .world import LEVEL, Setup

State: TypeAlias = nnx.State[Any, Any]
Carry: TypeAlias = tuple[State, optax.OptState, jax.Array, jax.Array]


def train(setup: Setup, key: jax.Array, draw: dict[str, jax.Array]) -> dict[str, jax.Array]:
    """Descend the squared loss from tiny weights; nothing is random beyond the draw.

    `passage` [coefficient], flow time at which each coefficient first reaches LEVEL of the
    teacher's in absolute value; `loss` [accelerated_time], (beta - beta*)^T S (beta - beta*) / 2.
    """
    gram_DD, teacher_D = draw["gram"], jnp.asarray(setup.teacher)
    graph, params = nnx.split(_network(setup), nnx.Param)
    optimiser = optax.sgd(setup.learning_rate)

    def loss(params: State) -> tuple[jax.Array, jax.Array]:
        beta_D = nnx.merge(graph, params).product()[0]
        error_D = beta_D - teacher_D
        # A sum of products fuses with the rest of a step, a tiny matrix product does not.
        return (gram_DD * error_D[:, None] * error_D).sum() / 2, beta_D

    def step(carry: Carry, _: None) -> tuple[Carry, jax.Array]:
        params, state, peak_D, waited_D = carry
        (value, beta_D), grads = jax.value_and_grad(loss, has_aux=True)(params)
        peak_D = jnp.maximum(peak_D, abs(beta_D))
        waited_D = waited_D + (peak_D < LEVEL * abs(teacher_D))
        updates, state = optimiser.update(grads, state)
        return (optax.apply_updates(params, updates), state, peak_D, waited_D), value

    start = (params, optimiser.init(params), jnp.zeros_like(teacher_D), jnp.zeros_like(teacher_D))
    (*_, waited_D), losses_T = jax.lax.scan(step, start, length=setup.steps)
    times = jnp.asarray(setup.axes()["accelerated_time"]) * setup.log_inverse_alpha
    records = jnp.round(times / setup.learning_rate).astype(int)
    return {
        "passage": setup.learning_rate * waited_D,
        "loss": losses_T[jnp.minimum(records, setup.steps - 1)],
    }


def _network(setup: Setup) -> DiagonalLinear | DeepLinear:
    """Two diagonal layers with u = sqrt(2) alpha and v = 0, or one layer from zero."""
    dim = len(setup.teacher)
    if setup.layers == "one":
        return DeepLinear([jnp.zeros((1, dim))])
    alpha_D = jnp.full(dim, jnp.exp(-setup.log_inverse_alpha))
    return DiagonalLinear(alpha_D, alpha_D)

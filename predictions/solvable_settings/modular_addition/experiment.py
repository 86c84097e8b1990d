"""Train a quadratic network on modular addition from tiny weights; date its Fourier features."""

from __future__ import annotations

from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from .network import QuadraticPair
from .world import Setup

State: TypeAlias = nnx.State[Any, Any]
Carry: TypeAlias = tuple[State, optax.OptState]


def train(setup: Setup, key: jax.Array, draw: dict[str, jax.Array]) -> dict[str, jax.Array]:
    """Full-batch gradient descent on the mean of |f - y|^2 / 2 over all pairs (a, b).

    `passage` [frequency], flow time at which a frequency has lost half of its power in the
    residual; `plateau` [learnt], the loss at the geometric mean of two such times in succession.
    """
    weight_key, table_key = jax.random.split(key)
    p = setup.modulus
    shape = (3, setup.width, p)
    weights = setup.init_std / jnp.sqrt(p) * jax.random.normal(weight_key, shape)
    graph, params = nnx.split(QuadraticPair(*weights), nnx.Param)
    optimiser = optax.sgd(setup.learning_rate)
    sum_AB = (jnp.arange(p)[:, None] + jnp.arange(p)) % p
    codes_PP = draw["template"][sum_AB]
    if setup.table == "random":
        sum_AB = jax.random.permutation(table_key, sum_AB.reshape(-1)).reshape(p, p)
    target_ABP = codes_PP[sum_AB]

    def residual(params: State) -> jax.Array:
        return nnx.merge(graph, params)(codes_PP, codes_PP) - target_ABP

    def loss(params: State) -> jax.Array:
        return (residual(params) ** 2).sum() / (2 * p**2)

    def step(carry: Carry, _: None) -> tuple[Carry, None]:
        params, state = carry
        updates, state = optimiser.update(jax.grad(loss)(params), state)
        return (optax.apply_updates(params, updates), state), None

    def record(carry: Carry, _: None) -> tuple[Carry, tuple[jax.Array, jax.Array]]:
        carry, _ = jax.lax.scan(step, carry, length=setup.stride)
        residual_ABP = residual(carry[0])
        power_P = (abs(jnp.fft.rfft(residual_ABP, axis=-1)) ** 2).mean(axis=(0, 1))
        return carry, ((residual_ABP**2).sum() / (2 * p**2), power_P[1:])

    start = (params, optimiser.init(params))
    _, (loss_R, power_RF) = jax.lax.scan(record, start, length=setup.records)
    learnt_RF = power_RF < draw["amplitude"] ** 2 / 2
    passage_F = jnp.where(learnt_RF.any(axis=0), learnt_RF.argmax(axis=0), setup.records - 1) + 1
    sorted_F = jnp.sort(passage_F).astype(float)
    middle = jnp.round(jnp.sqrt(sorted_F[1:] * sorted_F[:-1])).astype(int) - 1
    unit = setup.learning_rate * setup.stride
    return {"passage": unit * passage_F, "plateau": loss_R[middle]}

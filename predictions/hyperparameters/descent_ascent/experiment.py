"""Play a linear game by gradient descent-ascent and read how fast it comes to rest."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from models.deep_linear import DeepLinear

from .world import Setup

Draw = dict[str, jax.Array]
Player = tuple[Any, optax.OptState]
Players = tuple[Player, Player]


def train(setup: Setup, key: jax.Array, draw: Draw) -> dict[str, jax.Array]:
    """Descent in the generator and ascent in the critic, each with a step size of its own.

    `rate`, minus the least-squares slope in time, over the later half of training, of the
    logarithm of (|U|^2 + |V|^2 / eta)^(1/2), which the coupling of U and V alone would conserve.
    """
    del key  # the draw holds all that is random
    ratio = 2.0**setup.log2_ratio
    graph, generator = nnx.split(DeepLinear([draw["generator"]]), nnx.Param)
    critic = nnx.state(DeepLinear([draw["critic"]]), nnx.Param)
    slow, fast = optax.sgd(setup.learning_rate), optax.sgd(ratio * setup.learning_rate)

    def value(generator: Any, critic: Any) -> jax.Array:
        # The rows of `root` have the inputs' second moments, all that the game depends on.
        u_DO, v_DO = (nnx.merge(graph, player)(draw["root"]) for player in (generator, critic))
        decay = setup.generator_decay * square(generator) - setup.critic_decay * square(critic)
        return jnp.sum(u_DO * v_DO) + decay / 2

    def step(_: jax.Array, players: Players) -> Players:
        (generator, slow_state), (critic, fast_state) = players
        downhill = jax.grad(value, 0)(generator, critic)
        updates, slow_state = slow.update(downhill, slow_state)
        moved = optax.apply_updates(generator, updates)
        seen = moved if setup.updates == "alternating" else generator
        uphill = jax.tree.map(jnp.negative, jax.grad(value, 1)(seen, critic))
        updates, fast_state = fast.update(uphill, fast_state)
        return (moved, slow_state), (optax.apply_updates(critic, updates), fast_state)

    def until_record(players: Players, _: None) -> tuple[Players, jax.Array]:
        players = jax.lax.fori_loop(0, setup.stride, step, players)
        (generator, _), (critic, _) = players
        scaled = jax.tree.map(lambda weight: weight / jnp.sqrt(ratio), critic)
        return players, log_norm(generator, scaled)

    players = (generator, slow.init(generator)), (critic, fast.init(critic))
    _, log_norm_R = jax.lax.scan(until_record, players, length=setup.records)
    later_R = log_norm_R[setup.records // 2 :]
    time_R = setup.learning_rate * setup.stride * jnp.arange(len(later_R))
    deviation_R = time_R - time_R.mean()
    return {"rate": -jnp.sum(deviation_R * later_R) / jnp.sum(deviation_R**2)}


def square(weights: Any) -> jax.Array:
    """Sum of the squares of all weights."""
    return jnp.sum(jnp.stack([jnp.sum(weight**2) for weight in jax.tree.leaves(weights)]))


def log_norm(*weights: Any) -> jax.Array:
    """Logarithm of the norm of all weights, also where their squares would underflow."""
    flat = jnp.concatenate([weight.ravel() for weight in jax.tree.leaves(weights)])
    largest = jnp.abs(flat).max()
    return jnp.log(largest) + jnp.log(jnp.linalg.norm(flat / largest))

"""Train a two-layer network and read by how much its layers have come out of balance."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from models.two_layer import TwoLayer

from .world import Setup

Draw = dict[str, jax.Array]
Carry = tuple[Any, optax.OptState]


def train(setup: Setup, key: jax.Array, draw: Draw) -> dict[str, jax.Array]:
    """Full-batch gradient descent, with heavy-ball momentum if the setup has any.

    `imbalance`, the norm of the change of Q = W W^T - a a^T over training (of its diagonal, the
    neurons' own balances, unless the network is linear), and `breaking`, that over
    eta (L_start - L_end).
    """
    del key  # the draw holds all that is random
    model = TwoLayer(draw["first"], draw["second"], activation=setup.activation, output_scale="1")
    graph, params = nnx.split(model, nnx.Param)
    optimiser = optax.sgd(setup.learning_rate, momentum=setup.momentum)

    def loss(params: Any) -> jax.Array:
        return jnp.mean((nnx.merge(graph, params)(draw["inputs"]) - draw["labels"]) ** 2) / 2

    def step(_: jax.Array, carry: Carry) -> Carry:
        params, state = carry
        updates, state = optimiser.update(jax.grad(loss)(params), state)
        return optax.apply_updates(params, updates), state

    steps = jnp.rint(setup.horizon / setup.learning_rate).astype(int)
    end, _ = jax.lax.fori_loop(0, steps, step, (params, optimiser.init(params)))
    change_HH = balance(nnx.merge(graph, end)) - balance(model)
    imbalance = jnp.linalg.norm(change_HH)
    descent = loss(params) - loss(end)
    return {"imbalance": imbalance, "breaking": imbalance / (setup.learning_rate * descent)}


def balance(model: TwoLayer) -> jax.Array:
    """What gradient flow conserves of W W^T - a a^T, [h, h]: all of it only if phi is linear."""
    w_HD, a_H = model.w_MD[...], model.a_M[...]
    q_HH = w_HD @ w_HD.T - jnp.outer(a_H, a_H)
    return q_HH if model.activation == "linear" else jnp.diag(jnp.diagonal(q_HH))

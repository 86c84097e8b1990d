"""Train the network on one example and ask it about inputs at every angle from it."""

from __future__ import annotations

from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
from flax import nnx

from models.two_layer import TwoLayer

from .world import Setup

Weights: TypeAlias = Any  # nnx.State of the network's parameters


def train(setup: Setup, key: jax.Array) -> dict[str, jax.Array]:
    """Outputs on the test inputs after each step of gradient descent, [step, angle]."""
    w_MD = jax.random.normal(key, (setup.width, setup.dim))
    model = TwoLayer(
        w_MD, jnp.zeros(setup.width), activation=setup.activation, output_scale="1/sqrt m"
    )
    graph, weights = nnx.split(model, nnx.Param)
    x_AD = inputs(setup)

    def loss(weights: Weights) -> jax.Array:
        return jnp.mean((nnx.merge(graph, weights)(x_AD[:1]) - 1) ** 2) / 2

    def step(weights: Weights, _: None) -> tuple[Weights, jax.Array]:
        gradient = jax.grad(loss)(weights)
        weights = jax.tree.map(lambda w, g: w - setup.learning_rate * g, weights, gradient)
        return weights, nnx.merge(graph, weights)(x_AD)

    _, output_TA = jax.lax.scan(step, weights, length=setup.steps)
    return {"output": output_TA}


def inputs(setup: Setup) -> jax.Array:
    """Unit vectors [angle, dim] in one plane; the first is the example."""
    angle_A = jnp.asarray(setup.axes()["angle"], jnp.float32)
    plane_A2 = jnp.stack([jnp.cos(angle_A), jnp.sin(angle_A)], axis=1)
    return jnp.pad(plane_A2, ((0, 0), (0, setup.dim - 2)))

"""Train on the whole data set with momentum and follow the sharpness of the loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
from flax import nnx

from models.named import build_model

from .sharpness import sharpness
from .world import Setup

Weights: TypeAlias = Any  # nnx.State of the model's parameters
Network: TypeAlias = Callable[[jax.Array], jax.Array]  # [P, d] -> [P, 1]
Loss: TypeAlias = Callable[[Weights], jax.Array]


def train(setup: Setup, key: jax.Array) -> dict[str, jax.Array]:
    """`sharpness` [time]: largest Hessian eigenvalue of the loss (1/2) mean (f - y)^2."""
    data_key, model_key, start_key = jax.random.split(key, 3)
    x_PD, y_P = dataset(setup, data_key)
    loss, weights = objective(build(setup, model_key), x_PD, y_P, linearised=setup.linearised)
    size = sum(leaf.size for leaf in jax.tree.leaves(weights))
    return {"sharpness": course(setup, loss, weights, jax.random.normal(start_key, (size,)))}


def dataset(setup: Setup, key: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Gaussian inputs [P, d], labels -1 or 1 by a fair coin [P]."""
    input_key, label_key = jax.random.split(key)
    x_PD = jax.random.normal(input_key, (setup.samples, setup.dim))
    return x_PD, jax.random.rademacher(label_key, (setup.samples,), x_PD.dtype)


def build(setup: Setup, key: jax.Array) -> Network:
    """The network at initialisation, an MLP or what `model` names in its place."""
    network: Network = build_model(
        setup.model,
        key,
        d_in=setup.dim,
        width=setup.width,
        depth=setup.depth,
        base_width=setup.width,
        activation=setup.activation,
        gain=1.0,
        bias=True,
    )
    return network


def objective(
    network: Network, x_PD: jax.Array, y_P: jax.Array, *, linearised: bool
) -> tuple[Loss, Weights]:
    """The mean squared error as a function of the parameters, over two; and the parameters."""
    graph, initial, *constants = nnx.split(network, nnx.Param, ...)

    def outputs(weights: Weights) -> jax.Array:
        return nnx.merge(graph, weights, *constants)(x_PD)[:, 0]

    def expanded(weights: Weights) -> jax.Array:
        moved = jax.tree.map(jnp.subtract, weights, initial)
        value_P, change_P = jax.jvp(outputs, (initial,), (moved,))
        return jnp.asarray(value_P + change_P)

    predict = expanded if linearised else outputs
    return lambda weights: 0.5 * jnp.mean((predict(weights) - y_P) ** 2), initial


def course(setup: Setup, loss: Loss, weights: Weights, start_N: jax.Array) -> jax.Array:
    """Sharpness at each record [time] while `loss` is minimised; `start_N` as in `sharpness`."""
    step_time = setup.learning_rate / (1 - setup.momentum)
    steps = jnp.round(setup.flow_time / setup.records / step_time).astype(int)

    def step(_: jax.Array, state: tuple[Weights, Weights]) -> tuple[Weights, Weights]:
        weights, velocity = state
        descent = jax.tree.map(lambda g: -setup.learning_rate * g, jax.grad(loss)(weights))
        velocity = _weighted_sum(setup.momentum, velocity, descent)
        look_ahead = setup.method == "nesterov"
        move = _weighted_sum(setup.momentum, velocity, descent) if look_ahead else velocity
        return _weighted_sum(1.0, weights, move), velocity

    def record(
        state: tuple[tuple[Weights, Weights], jax.Array], _: None
    ) -> tuple[tuple[tuple[Weights, Weights], jax.Array], jax.Array]:
        training, direction_N = state
        training = jax.lax.fori_loop(0, steps, step, training)
        value, direction_N = sharpness(loss, training[0], direction_N, setup.products)
        return (training, direction_N), value

    at_rest = jax.tree.map(jnp.zeros_like, weights)
    _, sharpness_T = jax.lax.scan(record, ((weights, at_rest), start_N), length=setup.records)
    return sharpness_T


def _weighted_sum(factor: float | jax.Array, first: Weights, second: Weights) -> Weights:
    return jax.tree.map(lambda a, b: factor * a + b, first, second)

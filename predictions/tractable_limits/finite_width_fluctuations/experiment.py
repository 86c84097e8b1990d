"""Train many networks on one data set and read how their predictions vary among them."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from models.two_layer import TwoLayer

from .world import Setup, dataset


def train(setup: Setup, key: jax.Array) -> dict[str, jax.Array]:
    """Unbiased variance of the output over the seed's networks, [step].

    training_variance and held_out_variance: means over the training and the held-out inputs.
    """
    keys_K = jax.random.split(key, setup.networks)
    # One after the other: a batch of them leaves the cache, and seeds are vectorised already.
    f_KTB = jax.lax.map(lambda own: outputs(setup, draw_network(setup, own)), keys_K)
    variance_TB = jnp.var(f_KTB, axis=0, ddof=1)
    return {
        "training_variance": variance_TB[:, : setup.samples].mean(axis=1),
        "held_out_variance": variance_TB[:, setup.samples :].mean(axis=1),
    }


def draw_network(setup: Setup, key: jax.Array) -> TwoLayer:
    """A network at initialisation, without the factor 1/gamma."""
    paired = setup.start == "paired"
    drawn = setup.width // 2 if paired else setup.width
    weight_key, readout_key = jax.random.split(key)
    w_MD = jax.random.normal(weight_key, (drawn, setup.dim))
    a_M = jax.random.normal(readout_key, (drawn,))
    if paired:
        w_MD, a_M = jnp.concatenate([w_MD, w_MD]), jnp.concatenate([a_M, -a_M])
    return TwoLayer(w_MD, a_M, activation=setup.activation, output_scale=setup.output_scale)


def outputs(setup: Setup, model: TwoLayer) -> jax.Array:
    """Outputs f at all inputs before the first step and after every one, [step, P + Q]."""
    x_BD, y_P = (jnp.asarray(array, jnp.float32) for array in dataset(setup))
    graph, start = nnx.split(model)
    rate = setup.learning_rate * setup.gamma**2
    if setup.output_scale == "1/m":
        rate = rate * setup.width

    def loss(weights: nnx.State[Any, Any]) -> tuple[jax.Array, jax.Array]:
        f_B = nnx.merge(graph, weights)(x_BD) / setup.gamma
        return 0.5 * jnp.mean((f_B[: setup.samples] - y_P) ** 2), f_B

    def step(weights: nnx.State[Any, Any], _: None) -> tuple[nnx.State[Any, Any], jax.Array]:
        gradient, f_B = jax.grad(loss, has_aux=True)(weights)
        return jax.tree.map(lambda w, g: w - rate * g, weights, gradient), f_B

    _, f_TB = jax.lax.scan(step, start, length=setup.steps + 1)
    return f_TB

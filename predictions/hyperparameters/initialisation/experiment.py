"""Size of the forward and of the backward signal through the layers of random networks."""

from __future__ import annotations

from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
from flax import nnx

from models.mlp import MLP

from .world import Setup

State: TypeAlias = nnx.State[Any, Any]


def train(setup: Setup, key: jax.Array) -> dict[str, jax.Array]:
    """How the mean squares of preactivations and of their derivatives change from layer to layer.

    `forward_gain`, `backward_gain`: mean factor of a layer, over layers and networks.
    `forward_slope`, `backward_slope`: octaves a layer, from the first hidden layer to the last,
    averaged over networks; backward runs from the last to the first. Nothing is trained.
    """
    forward_SL, backward_SL = jax.lax.map(
        lambda own: signal_sizes(setup, own), jax.random.split(key, setup.nets)
    )
    forward_gain, forward_slope = per_layer(forward_SL)
    backward_gain, backward_slope = per_layer(backward_SL[:, ::-1])
    return {
        "forward_gain": forward_gain,
        "forward_slope": forward_slope,
        "backward_gain": backward_gain,
        "backward_slope": backward_slope,
    }


def signal_sizes(setup: Setup, key: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Mean squares of the preactivations h_l and of df/dh_l of one network, [depth] each.

    A bias is added to h_l, so the derivative by the bias, which is zero, is that by h_l.
    """
    model = MLP(
        key,
        d_in=setup.dim,
        width=setup.width,
        depth=setup.depth,
        base_width=setup.width,
        activation=setup.activation,
        gain=setup.gain,
        bias=True,
    )
    x_1D = jnp.ones((1, setup.dim))  # Gaussian weights see no direction
    graph, *states = nnx.split(model, nnx.PathContains("bias"), ...)
    biases, weights = states

    def output(biases: State) -> jax.Array:
        f_11: jax.Array = nnx.merge(graph, biases, weights)(x_1D)
        return f_11[0, 0]

    *hidden, _ = jax.tree.leaves(jax.grad(output)(biases))
    delta_LN = jnp.concatenate([bias.reshape(-1, setup.width) for bias in hidden])
    h_LN = jnp.concatenate(model.preactivations(x_1D))
    return (h_LN**2).mean(axis=1), (delta_LN**2).mean(axis=1)


def per_layer(size_SL: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Mean factor and mean octaves of a layer, of sizes [nets, depth] in the order of passage."""
    octaves_S = jnp.log2(size_SL[:, -1] / size_SL[:, 0]) / (size_SL.shape[1] - 1)
    return (size_SL[:, 1:] / size_SL[:, :-1]).mean(), octaves_S.mean()

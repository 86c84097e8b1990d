"""Wide networks in training: what they learn by which layer, and how far their kernel moves."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from models.named import build_model

from . import world
from .network import (
    Network,
    Weights,
    change_by_array,
    descend,
    descend_linear,
    network,
    tangent_kernel,
)
from .world import Setup


def flow(setup: Setup, key: jax.Array, draw: dict[str, jax.Array]) -> dict[str, jax.Array]:
    """What networks learn on a seed's data, mean over the networks of the seed.

    learnt, generalised [step]: <f - f_0, y> / <y, y> over training points, over held-out points.
    layer_share [layer]: fraction of the output's final change that each layer's movement makes,
    projected on the change itself, over all points.
    """
    x_MD, y_M = draw["x"], draw["y"]
    train, rest = slice(setup.samples), slice(setup.samples, None)

    def one(key: jax.Array) -> dict[str, jax.Array]:
        net = build(setup, key)
        end, f_TM = descend(net, x_MD, y_M[train], setup.learning_rate, setup.steps)
        change_M = f_TM[-1]
        return {
            "learnt": f_TM[:, train] @ y_M[train] / (y_M[train] @ y_M[train]),
            "generalised": f_TM[:, rest] @ y_M[rest] / (y_M[rest] @ y_M[rest]),
            "layer_share": change_by_array(net, end, x_MD) @ change_M / (change_M @ change_M),
        }

    runs = jax.lax.map(one, jax.random.split(key, setup.nets))
    return {name: values.mean(axis=0) for name, values in runs.items()}


def scaling(setup: Setup, key: jax.Array) -> dict[str, jax.Array]:
    """Movements and fluctuations of networks that share a seed's data, root mean squares over them.

    Relative to the kernel: kernel_movement in training, kernel_fluctuation between the networks at
    the start. Relative to the labels, over points and steps: linearisation_error between a network
    and itself, linearised at the start; output_fluctuation of f - f_0 between the networks.
    weight_movement [layer]: change of a layer's weights relative to their initial norm.
    """
    data_key, nets_key = jax.random.split(key)
    data = world.draw(setup, data_key)
    x_MD, y_P = data["x"], data["y"][: setup.samples]

    def one(key: jax.Array) -> dict[str, jax.Array]:
        net = build(setup, key)
        kernel_MM = tangent_kernel(net, net.weights, x_MD)
        end, f_TM = descend(net, x_MD, y_P, setup.learning_rate, setup.steps)
        linear_TM = descend_linear(kernel_MM, y_P, setup.learning_rate, setup.steps)
        return {
            "kernel": kernel_MM,
            "kernel_change": tangent_kernel(net, end, x_MD) - kernel_MM,
            "output": f_TM,
            "output_error": f_TM - linear_TM,
            "weight_change": weight_movement(net, end),
        }

    runs = jax.lax.map(one, jax.random.split(nets_key, setup.nets))
    kernel_size = rms(runs["kernel"].mean(axis=0))
    label_size = rms(y_P)
    return {
        "kernel_movement": rms(runs["kernel_change"]) / kernel_size,
        "kernel_fluctuation": spread(runs["kernel"]) / kernel_size,
        "linearisation_error": rms(runs["output_error"]) / label_size,
        "output_fluctuation": spread(runs["output"]) / label_size,
        "weight_movement": jnp.sqrt(jnp.mean(runs["weight_change"] ** 2, axis=0)),
    }


def build(setup: Setup, key: jax.Array) -> Network:
    """A random network, an MLP or what `model` names in its place; width is counted from 1."""
    model: Any = build_model(
        setup.model,
        key,
        d_in=setup.dim,
        width=setup.width,
        depth=setup.depth,
        base_width=1,
        parametrisation=setup.parametrisation,
        activation=setup.activation,
    )
    return network(model, setup.trained)


def weight_movement(net: Network, end: Weights) -> jax.Array:
    """Change of each parameter array relative to its initial norm, [A]."""
    pairs = zip(jax.tree.leaves(net.weights), jax.tree.leaves(end), strict=True)
    return jnp.stack([rms(after - before) / rms(before) for before, after in pairs])


def rms(values: jax.Array) -> jax.Array:
    """Root mean square of all entries."""
    return jnp.sqrt(jnp.mean(values**2))


def spread(values_N: jax.Array) -> jax.Array:
    """Standard deviation along the first axis, root mean square over the others."""
    return jnp.sqrt(jnp.mean(values_N.var(axis=0, ddof=1)))

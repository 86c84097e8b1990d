"""Send a circle of inputs through one random network and measure it in every layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import jax
import jax.numpy as jnp
from flax import nnx

from models.layers import Dense
from models.named import build_model
from models.parametrisation import Role

from . import geometry
from .world import Setup


class Network(Protocol):
    """What is measured: the preactivations of all layers, each [M, ...]."""

    def preactivations(self, x_MD: jax.Array, /) -> Sequence[jax.Array]:
        """h_1, h_2, ... of a batch of inputs."""
        ...


def stretch(setup: Setup, key: jax.Array) -> dict[str, jax.Array]:
    """Arc length of the circle in each layer, over sqrt(n): `length` [layer]."""
    network_key, plane_key = jax.random.split(key)
    network, plane_2D = build(setup, network_key), _plane(setup, plane_key)

    def curve(angle_M: jax.Array) -> jax.Array:
        return geometry.circle(plane_2D, _radius(setup), angle_M)

    angle_M = jnp.asarray(setup.angles(), plane_2D.dtype)
    return {"length": geometry.lengths(network.preactivations, curve, angle_M)}


def correlate(setup: Setup, key: jax.Array) -> dict[str, jax.Array]:
    """Correlations along the circle in each layer: `correlation` [layer, separation]."""
    network_key, plane_key = jax.random.split(key)
    plane_2D = _plane(setup, plane_key)
    x_MD = geometry.circle(plane_2D, _radius(setup), jnp.asarray(setup.angles(), plane_2D.dtype))
    network = build(setup, network_key)
    return {"correlation": geometry.correlations(network.preactivations, x_MD)}


def build(setup: Setup, key: jax.Array) -> Network:
    """The random network, an MLP or what `model` names in its place."""
    weight_key, bias_key = jax.random.split(key)
    network: Network = build_model(
        setup.model,
        weight_key,
        d_in=setup.dim,
        width=setup.width,
        depth=setup.depth,
        base_width=setup.width,
        activation=setup.activation,
        gain=1.0,
        bias=True,
    )
    for number, layer in enumerate(_dense_layers(network)):
        layer.kernel[...] = setup.weight_std * layer.kernel[...]
        if layer.bias is not None:
            own = jax.random.fold_in(bias_key, number)
            layer.bias[...] = setup.bias_std * jax.random.normal(own, layer.bias[...].shape)
    return network


def _dense_layers(network: object) -> list[Dense]:
    """The layers that `weight_std` and `bias_std` are about; none in a network of another kind."""
    if not isinstance(network, nnx.Module):
        return []
    modules = [module for _, module in nnx.iter_modules(network)]
    return [m for m in modules if isinstance(m, Dense) and m.role is not Role.READOUT]


def _plane(setup: Setup, key: jax.Array) -> jax.Array:
    return jax.random.normal(key, (2, setup.dim))


def _radius(setup: Setup) -> jax.Array:
    return jnp.sqrt(setup.dim * jnp.asarray(setup.input_variance))

"""A few steps of gradient descent: how far each layer's features and the output move."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

import jax
import jax.numpy as jnp
from flax import nnx

from models.layers import Dense
from models.named import build_model
from models.parametrisation import Exponents, Parametrisation, Role, lr_scales

from .world import Setup

Weights: TypeAlias = Any  # nnx.State of the model's parameters


class Network(Protocol):
    """What is measured: an output [B, 1], and any number of layers with features [B, ...]."""

    def __call__(self, x_BD: jax.Array) -> jax.Array:
        """Outputs."""
        ...

    def features(self, x_BD: jax.Array) -> tuple[jax.Array, ...]:
        """Features, layer by layer."""
        ...


def train(setup: Setup, key: jax.Array) -> dict[str, jax.Array]:
    """Movement on the training points during training.

    feature_movement [layer], output_movement: root mean square of the change, over points and
    neurons.
    """
    data_key, model_key = jax.random.split(key)
    x_PD, y_P = dataset(setup, data_key)
    start = build(setup, model_key)
    end = descend(setup, start, x_PD, y_P)
    return {
        "feature_movement": movement(start.features(x_PD), end.features(x_PD)),
        "output_movement": movement([start(x_PD)], [end(x_PD)])[0],
    }


def movement(before: Sequence[jax.Array], after: Sequence[jax.Array]) -> jax.Array:
    """Root mean square change of each array of a sequence; they may have any shapes."""
    changes = [new - old for old, new in zip(before, after, strict=True)]
    return jnp.stack([jnp.sqrt(jnp.mean(change**2)) for change in changes])


def dataset(setup: Setup, key: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Inputs on the sphere of radius sqrt d [P, d], labels -1 or 1 by a fair coin [P]."""
    input_key, label_key = jax.random.split(key)
    x_PD = jax.random.normal(input_key, (setup.samples, setup.dim))
    x_PD *= jnp.sqrt(setup.dim) / jnp.linalg.norm(x_PD, axis=1, keepdims=True)
    return x_PD, jax.random.rademacher(label_key, (setup.samples,), x_PD.dtype)


def build(setup: Setup, key: jax.Array) -> Network:
    """The network at initialisation, an MLP or what `model` names in its place.

    Width is counted from 1, as in the paper; constants (1/sqrt d, the activation's gain) sit in
    the forward pass, so that all layers learn equally fast at width 1.
    """
    a, b, c = setup.exponents()
    rows = [Exponents(*layer, sgd=c, adam=c) for layer in zip(a, b, strict=True)]
    model: Any = build_model(
        setup.model,
        key,
        d_in=setup.dim,
        width=setup.width,
        depth=setup.depth,
        base_width=1,
        parametrisation=Parametrisation("abc", "multiplier", *rows),
        activation=setup.activation,
    )
    for _, layer in nnx.iter_modules(model):
        if isinstance(layer, Dense) and layer.role is Role.READOUT:
            layer.kernel[...] *= setup.readout_factor
    network: Network = model
    return network


def descend(setup: Setup, start: Network, x_PD: jax.Array, y_P: jax.Array) -> Network:
    """The network after gradient descent on (1/2) mean (f - f_0 - y)^2.

    The initial output f_0 is taken away because its size has an exponent of its own, which would
    enter all others through the residual.
    """
    graph, weights, *constants = nnx.split(start, nnx.Param, ...)
    scales = lr_scales(start, "sgd")  # type: ignore[arg-type]
    rate = setup.learning_rate * float(setup.width) ** setup.rate_error
    target_P1 = start(x_PD) + y_P[:, None]

    def loss(weights: Weights) -> jax.Array:
        return 0.5 * jnp.mean((nnx.merge(graph, weights, *constants)(x_PD) - target_P1) ** 2)

    def step(weights: Weights, _: None) -> tuple[Weights, None]:
        gradient = jax.grad(loss)(weights)
        return jax.tree.map(lambda w, g, s: w - rate * s * g, weights, gradient, scales), None

    weights, _ = jax.lax.scan(step, weights, length=setup.steps)
    trained: Network = nnx.merge(graph, weights, *constants)
    return trained

"""Train a two-layer network of any output scale and measure how far its parts move."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
from flax import nnx

from models.two_layer import TwoLayer

from .world import Setup

Weights: TypeAlias = Any  # nnx.State of the network's parameters


def train(setup: Setup, key: jax.Array) -> dict[str, jax.Array]:
    """Movement between the start and the end of training.

    weight_movement: Frobenius norm of the change of the hidden weights, over their own at first;
    feature_movement: the same norm of the change of the features' Gram matrix, phi phi^T / N over
    the training points, over its trace at first (its norm would have a bias of order P/N);
    output_movement: root mean square over the training points.
    """
    data_key, weight_key = jax.random.split(key)
    x_PD, y_P = dataset(setup, data_key)
    start = network(setup, weight_key)
    end = descend(setup, start, x_PD, y_P)
    w_MD, moved_MD = start.w_MD[...], end.w_MD[...] - start.w_MD[...]
    gram_PP, moved_PP = gram(start, x_PD), gram(end, x_PD) - gram(start, x_PD)
    moved_P = output_scale(setup) * (end(x_PD) - start(x_PD))
    return {
        "weight_movement": jnp.linalg.norm(moved_MD) / jnp.linalg.norm(w_MD),
        "feature_movement": jnp.linalg.norm(moved_PP) / jnp.trace(gram_PP),
        "output_movement": jnp.sqrt(jnp.mean(moved_P**2)),
    }


def dataset(setup: Setup, key: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Inputs on the unit sphere [P, d] and a target of one direction, u = sqrt d x_1 [P].

    The target (He_1(u) + He_2(u) / sqrt 2) / sqrt 2 has a mean square of about one.
    """
    x_PD = jax.random.normal(key, (setup.samples, setup.dim))
    x_PD /= jnp.linalg.norm(x_PD, axis=1, keepdims=True)
    u_P = math.sqrt(setup.dim) * x_PD[:, 0]
    return x_PD, u_P / math.sqrt(2) + (u_P**2 - 1) / 2


def network(setup: Setup, key: jax.Array) -> TwoLayer:
    """Neurons (a, w) and (-a, w) with normal weights, all readouts plus `mean_readout`."""
    half_HX = jax.random.normal(key, (setup.width // 2, setup.dim + 1))
    w_HD, a_H = half_HX[:, :-1], half_HX[:, -1]
    return TwoLayer(
        jnp.concatenate([w_HD, w_HD]),
        setup.mean_readout + jnp.concatenate([a_H, -a_H]),
        activation=setup.activation,
        output_scale="1",
    )


def descend(setup: Setup, start: TwoLayer, x_PD: jax.Array, y_P: jax.Array) -> TwoLayer:
    """The network after gradient descent on (1/2) mean (f - f_0 - y)^2, both layers trained."""
    graph, weights = nnx.split(start, nnx.Param)
    scale = output_scale(setup)
    rate = setup.learning_rate * float(setup.width) ** (2 * setup.alpha - 1 + setup.rate_error)
    target_P = scale * start(x_PD) + y_P

    def loss(weights: Weights) -> jax.Array:
        return 0.5 * jnp.mean((scale * nnx.merge(graph, weights)(x_PD) - target_P) ** 2)

    def step(weights: Weights, _: None) -> tuple[Weights, None]:
        gradient = jax.grad(loss)(weights)
        return jax.tree.map(lambda w, g: w - rate * g, weights, gradient), None

    weights, _ = jax.lax.scan(step, weights, length=setup.steps)
    return nnx.merge(graph, weights)


def output_scale(setup: Setup) -> jax.Array:
    """N^-alpha, the factor in front of the sum over neurons."""
    return jnp.asarray(float(setup.width) ** -setup.alpha)


def gram(model: TwoLayer, x_PD: jax.Array) -> jax.Array:
    """Gram matrix of the features [P, P], a mean over the neurons."""
    h_PM = model.features(x_PD)
    return h_PM @ h_PM.T / h_PM.shape[1]

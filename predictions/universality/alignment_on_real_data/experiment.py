"""Train an ensemble on the same images, each member with label noise of its own; compare them."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from models.deep_linear import DeepLinear

from .world import Setup, collection

Arrays: TypeAlias = dict[str, jax.Array]
State: TypeAlias = nnx.State[Any, Any]


def train(setup: Setup, key: jax.Array, draw: Arrays) -> Arrays:
    """Two-layer linear networks from small initial weights.

    `pair_cka` [pair]: linear CKA of two members' hidden layers on the whole collection, `cka` its
    mean over pairs; `correlation`: mean correlation of two members' outputs on the collection.
    """
    keys = jax.random.split(key, 3)
    members, width, dim = setup.members, setup.width, setup.components
    noise_EN, w_EHD, a_E1H = (
        jax.random.normal(key, (members, *shape))
        for key, shape in zip(keys, ((setup.rows,), (width, dim), (1, width)), strict=True)
    )
    samples = jnp.round(setup.samples_per_component * dim)
    seen_N = jnp.arange(setup.rows) < samples

    def member(
        x_ND: jax.Array, label_N: jax.Array, noise_N: jax.Array, w_HD: jax.Array, a_1H: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        x_ND = jnp.where(seen_N[:, None], x_ND, 0.0)
        target_D = (label_N + noise_N / jnp.sqrt(setup.snr)) @ x_ND / samples
        net = _descend(setup, x_ND.T @ x_ND / samples, target_D, w_HD, a_1H)
        return net.weights[0][...], net.product()[0]

    shared = setup.images == "shared"
    x, label = (draw["x"][0], draw["label"][0]) if shared else (draw["x"], draw["label"])
    axis = None if shared else 0
    w_EHD, map_ED = jax.vmap(member, in_axes=(axis, axis, 0, 0, 0))(
        x, label, noise_EN, w_EHD, a_E1H
    )
    # A moment over the collection is one of vectors in units of the components' deviations.
    deviation_D = jnp.sqrt(collection(dim, setup.spectrum).variances)
    w_EHD, map_ED = w_EHD * deviation_D, map_ED * deviation_D
    cka_P = _pairs((jnp.einsum("ahd,bkd->abhk", w_EHD, w_EHD) ** 2).sum(axis=(-1, -2)))
    return {
        "pair_cka": cka_P,
        "cka": cka_P.mean(),
        "correlation": _pairs(map_ED @ map_ED.T).mean(),
    }


def _descend(
    setup: Setup, gram_DD: jax.Array, target_D: jax.Array, w_HD: jax.Array, a_1H: jax.Array
) -> DeepLinear:
    """Full-batch descent on |X w - y|^2 / 2n, a function of X^T X / n and X^T y / n.

    The standard normal w_HD, a_1H become initial weights of variance init_std^2 / fan-in. The step
    is `relative_step` over a bound of the curvature at the current weights, so that networks whose
    weights grow large, near n = d, train as stably as the others.
    """
    w_HD = setup.init_std / math.sqrt(setup.components) * w_HD
    a_1H = setup.init_std / math.sqrt(setup.width) * a_1H
    graph, params = nnx.split(DeepLinear([w_HD, a_1H]), nnx.Param)
    optimiser = optax.sgd(setup.relative_step, momentum=setup.momentum, nesterov=True)
    size = jnp.linalg.norm(gram_DD)

    def slope(params: State) -> jax.Array:
        """Gradient of the loss in the end-to-end map."""
        return nnx.merge(graph, params).product()[0] @ gram_DD - target_D

    def loss(params: State) -> jax.Array:
        # Its gradient is that of the training loss, for one matrix product.
        return jnp.vdot(nnx.merge(graph, params).product()[0], jax.lax.stop_gradient(slope(params)))

    def step(carry: tuple[State, optax.OptState], _: None) -> tuple[Any, None]:
        params, state = carry
        curvature = size * optax.tree.norm(params, squared=True)
        curvature = curvature + jnp.linalg.norm(slope(params))
        gradient = jax.tree.map(lambda g: g / curvature, jax.grad(loss)(params))
        updates, state = optimiser.update(gradient, state)
        return (optax.apply_updates(params, updates), state), None

    start = (params, optimiser.init(params))
    (params, _), _ = jax.lax.scan(step, start, length=setup.steps)
    return nnx.merge(graph, params)


def _pairs(product_EE: jax.Array) -> jax.Array:
    """Inner products of the members, normalised by their diagonal, of every pair [pair]."""
    size_E = jnp.sqrt(jnp.diagonal(product_EE))
    above = jnp.triu_indices(len(size_E), k=1)
    return (product_EE / (size_E[:, None] * size_E))[above]

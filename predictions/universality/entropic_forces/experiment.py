"""Train linear networks by SGD on noisy labels and read their layers."""

from __future__ import annotations

from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
from flax import nnx

from harness.streams import scan_stream
from models.deep_linear import DeepLinear
from models.two_layer import TwoLayer

from .world import LayersSetup, PairSetup

Draw: TypeAlias = dict[str, jax.Array]
Weights: TypeAlias = Any  # nnx.State


def train_layers(setup: LayersSetup, key: jax.Array) -> dict[str, jax.Array]:
    """SGD from a minimum.

    `first_layer`, `second_layer` [time]: |W|^2 and |a|^2, averaged over networks and over the steps
    of an interval.
    """
    start_key, data_key = jax.random.split(key)
    direction_NH = jax.random.normal(start_key, (setup.networks, setup.width))
    graph, weights = nnx.split(jax.vmap(lambda u_H: _minimum(setup, u_H))(direction_NH))
    scale_D = jnp.ones(setup.dim).at[0].set(jnp.sqrt(setup.signal_variance))
    noise = setup.label_noise if setup.labels == "noisy" else 0.0

    def draw(key: jax.Array) -> jax.Array:
        return jax.random.normal(key, (setup.networks, setup.batch, setup.dim + 1))

    def loss(weights: Weights, z_BE: jax.Array) -> jax.Array:
        x_BD = z_BE[:, :-1] * scale_D
        y_B = x_BD[:, 0] + noise * z_BE[:, -1]
        return jnp.mean((nnx.merge(graph, weights)(x_BD) - y_B) ** 2) / 2

    def step(weights: Weights, z_NBE: jax.Array) -> tuple[Weights, jax.Array]:
        gradient = jax.vmap(jax.grad(loss))(weights, z_NBE)
        weights = jax.tree.map(lambda w, g: w - setup.learning_rate * g, weights, gradient)
        model = nnx.merge(graph, weights)
        squares = [jnp.sum(w[...] ** 2) / setup.networks for w in (model.w_MD, model.a_M)]
        return weights, jnp.stack(squares)

    _, sizes_S2 = scan_stream(step, weights, draw, data_key, setup.steps)
    first_T, second_T = sizes_S2.reshape(setup.records, -1, 2).mean(axis=1).T
    return {"first_layer": first_T, "second_layer": second_T}


def _minimum(setup: LayersSetup, direction_H: jax.Array) -> TwoLayer:
    """W = s u w*^T and a = u/s, with w* the first axis."""
    u_H = direction_H / jnp.linalg.norm(direction_H)
    q = setup.start_imbalance
    s = jnp.sqrt((q + jnp.sqrt(q**2 + 4)) / 2)
    w_HD = jnp.zeros((setup.width, setup.dim)).at[:, 0].set(s * u_H)
    return TwoLayer(w_HD, u_H / s, activation="linear", output_scale="1")


def train_pair(setup: PairSetup, key: jax.Array, draw: Draw) -> dict[str, jax.Array]:
    """SGD of both networks, each on samples of its own.

    `gram` [network, i, j]: inner products of hidden states as a form on the latent space, that is
    A^T W_1^T W_1 A in the basis of M's right singular vectors, averaged over the last quarter of
    training; `alignment`: linear CKA of the two (Kornblith et al. 2019), tr(K K') / |K| |K'|.
    """
    latent = jnp.eye(setup.dim)
    noise_C = jnp.asarray(setup.label_noise) * (setup.labels == "noisy")
    runs = [
        _gram(setup, DeepLinear([draw[f"first_{n}"], draw[f"second_{n}"]]), view, noise_C, draw, k)
        for n, (view, k) in enumerate(
            zip((latent, draw["view"]), jax.random.split(key), strict=True)
        )
    ]
    gram_2DD = jnp.stack(runs)
    size_2 = jnp.linalg.norm(gram_2DD, axis=(1, 2))
    return {"gram": gram_2DD, "alignment": jnp.vdot(*gram_2DD) / size_2.prod()}


def _gram(
    setup: PairSetup,
    model: DeepLinear,
    view_DD: jax.Array,
    noise_C: jax.Array,
    draw: Draw,
    key: jax.Array,
) -> jax.Array:
    """Train one network on a view of the latent variables, [d, d]."""
    graph, weights = nnx.split(model)
    # The latent variables are drawn in the basis of M's right singular vectors.
    inputs_DD = view_DD @ draw["basis"]
    teacher_CD = jnp.asarray(setup.teacher())

    def sample(key: jax.Array) -> jax.Array:
        return jax.random.normal(key, (setup.batch, setup.dim + len(noise_C)))

    def loss(weights: Weights, z_BE: jax.Array) -> jax.Array:
        z_BD, xi_BC = z_BE[:, : setup.dim], noise_C * z_BE[:, setup.dim :]
        error_BC = nnx.merge(graph, weights)(z_BD @ inputs_DD.T) - z_BD @ teacher_CD.T - xi_BC
        penalty = sum(jnp.sum(w**2) for w in jax.tree.leaves(weights))
        return (jnp.sum(error_BC**2) / setup.batch + setup.weight_decay * penalty) / 2

    def step(weights: Weights, z_BE: jax.Array) -> tuple[Weights, None]:
        gradient = jax.grad(loss)(weights, z_BE)
        return jax.tree.map(lambda w, g: w - setup.learning_rate * g, weights, gradient), None

    def averaged(
        carry: tuple[Weights, jax.Array], z_BE: jax.Array
    ) -> tuple[tuple[Weights, jax.Array], None]:
        weights, _ = step(carry[0], z_BE)
        hidden_HD = nnx.merge(graph, weights).weights[0][...] @ inputs_DD
        return (weights, carry[1] + hidden_HD.T @ hidden_HD), None

    before_key, window_key = jax.random.split(key)
    window = setup.steps // 4
    weights, _ = scan_stream(step, weights, sample, before_key, setup.steps - window)
    start = (weights, jnp.zeros_like(inputs_DD))
    (_, sum_DD), _ = scan_stream(averaged, start, sample, window_key, window)
    return sum_DD / window

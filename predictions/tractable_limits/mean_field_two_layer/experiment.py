"""Train quadratic two-layer networks on the exact population risk and online on fresh samples."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
from flax import nnx

from harness.streams import scan_stream
from models.two_layer import TwoLayer

from .world import Setup

Weights: TypeAlias = Any  # nnx.State of the hidden weights
Loss: TypeAlias = Callable[[TwoLayer, jax.Array, jax.Array], jax.Array]

SQUARE = f"hermite:1,0,{math.sqrt(2)!r}"
"""z^2 = He_0(z) + He_2(z)."""


def train(setup: Setup, key: jax.Array) -> dict[str, jax.Array]:
    """Risk E (f - y)^2 along training over the networks of a seed, [step].

    exact_risk, spread: mean and standard deviation over networks that descend the population risk
    itself. halving: mean risk of their halves, each trained as a network of its own, less
    `exact_risk`; what is linear in the initial fluctuations cancels, so that it measures the bias
    at a width with little noise. online_risk: mean over networks that see fresh samples.
    """
    start_key, data_key = jax.random.split(key)
    w_RND = draw_weights(setup, start_key)
    w_HND = w_RND.reshape(2 * setup.networks, setup.width // 2, setup.dim)
    online_keys = jax.random.split(data_key, setup.online_networks)
    online_w_RND = w_RND[: setup.online_networks]
    whole_RS = jax.vmap(partial(descend_population, setup))(w_RND)
    halves_HS = jax.vmap(partial(descend_population, setup))(w_HND)
    exact_S = whole_RS.mean(axis=0)
    return {
        "exact_risk": exact_S,
        "spread": whole_RS.std(axis=0, ddof=1),
        "halving": halves_HS.mean(axis=0) - exact_S,
        "online_risk": jax.vmap(partial(descend_online, setup))(online_w_RND, online_keys).mean(0),
    }


def draw_weights(setup: Setup, key: jax.Array) -> jax.Array:
    """Initial hidden weights [network, N, d], each neuron's `copies` times in a row."""
    shape = (setup.networks, setup.width // setup.copies, setup.dim)
    distinct = jnp.sqrt(setup.init_variance) * jax.random.normal(key, shape)
    return jnp.repeat(distinct, setup.copies, axis=1)


def descend_population(setup: Setup, w_ND: jax.Array) -> jax.Array:
    """Risk [step] of one network by gradient descent on the population risk."""

    def loss(model: TwoLayer, target_DD: jax.Array, _: jax.Array) -> jax.Array:
        return 0.5 * population_risk(setup, model, target_DD)

    return _descend(setup, w_ND, loss, partial(jax.lax.scan, xs=None, length=setup.steps))


def descend_online(setup: Setup, w_ND: jax.Array, key: jax.Array) -> jax.Array:
    """Risk [step] of one network by stochastic gradient descent in one pass."""

    def loss(model: TwoLayer, target_DD: jax.Array, x_BD: jax.Array) -> jax.Array:
        y_B = jnp.sum((x_BD @ target_DD) * x_BD, axis=1)
        return 0.5 * jnp.mean((setup.laziness * model(x_BD) - y_B) ** 2)

    def draw(key: jax.Array) -> jax.Array:
        return jax.random.normal(key, (setup.batch, setup.dim))

    return _descend(setup, w_ND, loss, partial(scan_stream, draw=draw, key=key, steps=setup.steps))


def population_risk(setup: Setup, model: TwoLayer, target_DD: jax.Array) -> jax.Array:
    """E (f - y)^2 = 2 |D|^2 + (tr D)^2 with f - y = x^T D x, over Gaussian inputs."""
    d_DD = setup.laziness * _second_moment(model) - target_DD
    return 2 * jnp.sum(d_DD**2) + jnp.trace(d_DD) ** 2


def _descend(
    setup: Setup,
    w_ND: jax.Array,
    loss: Loss,
    scan: Callable[..., tuple[Weights, jax.Array]],
) -> jax.Array:
    """Risk [step] before each step and after the last; only the hidden weights are trained.

    With f = f_0 + alpha (g - f_0) for the network's output g, f_0 moves to the target:
    f - y = alpha g - x^T (M* + (alpha - 1) M_0) x.
    """
    model = TwoLayer(w_ND, jnp.ones(len(w_ND)), activation=SQUARE, output_scale="1/m")
    graph, hidden, *fixed = nnx.split(model, nnx.PathContains("w_MD"), ...)
    teacher_D = jnp.zeros(setup.dim).at[: len(setup.teacher)].set(jnp.asarray(setup.teacher))
    target_DD = jnp.diag(teacher_D) + (setup.laziness - 1) * _second_moment(model)
    rate = setup.learning_rate * len(w_ND) / setup.laziness**2

    def objective(hidden: Weights, sample: jax.Array) -> jax.Array:
        return loss(nnx.merge(graph, hidden, *fixed), target_DD, sample)

    def risk(hidden: Weights) -> jax.Array:
        return population_risk(setup, nnx.merge(graph, hidden, *fixed), target_DD)

    def step(hidden: Weights, sample: jax.Array) -> tuple[Weights, jax.Array]:
        gradient = jax.grad(objective)(hidden, sample)
        return jax.tree.map(lambda w, g: w - rate * g, hidden, gradient), risk(hidden)

    hidden, risk_S = scan(step, hidden)
    return jnp.append(risk_S, risk(hidden))


def _second_moment(model: TwoLayer) -> jax.Array:
    """(1/N) sum_i w_i w_i^T, [D, D]."""
    w_ND = model.w_MD[...]
    return w_ND.T @ w_ND / len(w_ND)

"""Train a deep linear classifier and time how its direction nears the teacher's."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from harness.streams import scan_stream
from models.deep_linear import DeepLinear

from .world import Setup

Carry = tuple[Any, optax.OptState]

STRETCH = 3.0
GAP = 0.5


def train(setup: Setup, key: jax.Array) -> dict[str, jax.Array]:
    """One-pass stochastic gradient descent on the logistic loss.

    `passage_time` [level], when tan(phi/2) has first fallen by a factor e^level, interpolated
    linearly inside a step: the end of training if it never does, NaN if training diverged.
    """
    stream_key, teacher_key, start_key, layer_key = jax.random.split(key, 4)
    teacher_D = unit(jax.random.normal(teacher_key, (setup.dim,)))
    aside_D = jax.random.normal(start_key, (setup.dim,))
    aside_D = unit(aside_D - (aside_D @ teacher_D) * teacher_D)
    w_D = jnp.cos(setup.start_angle) * teacher_D + jnp.sin(setup.start_angle) * aside_D
    graph, params = nnx.split(DeepLinear(balanced_layers(setup, layer_key, w_D)), nnx.Param)
    optimiser = optax.sgd(setup.learning_rate)

    def classifier(params: Any) -> jax.Array:
        w_D: jax.Array = nnx.merge(graph, params).product()[0]
        return w_D

    def loss(params: Any, x_BD: jax.Array) -> jax.Array:
        # The end-to-end map first: the same function of the weights as layer by layer, and cheaper.
        margin_B = jnp.sign(x_BD @ teacher_D) * (x_BD @ classifier(params))
        return jnp.mean(jax.nn.softplus(-margin_B))

    def step(carry: Carry, x_BD: jax.Array) -> tuple[Carry, jax.Array]:
        params, state = carry
        updates, state = optimiser.update(jax.grad(loss)(params, x_BD), state)
        params = optax.apply_updates(params, updates)
        return (params, state), log_tan_half_angle(classifier(params), teacher_D)

    _, later_S = scan_stream(
        step,
        (params, optimiser.init(params)),
        lambda key: inputs(setup, key, teacher_D),
        stream_key,
        setup.steps,
    )
    first = log_tan_half_angle(classifier(params), teacher_D)
    contraction_S = first - jnp.concatenate([first[None], later_S])
    time_V = setup.learning_rate * first_passage(contraction_S, jnp.array(setup.levels))
    return {"passage_time": jnp.where(jnp.isfinite(later_S).all(), time_V, jnp.nan)}


def inputs(setup: Setup, key: jax.Array, teacher_D: jax.Array) -> jax.Array:
    """A fresh batch [B, d]."""
    x_BD = jax.random.normal(key, (setup.batch, setup.dim))
    if setup.law == "sphere":
        x_BD = jnp.sqrt(setup.dim) * x_BD / jnp.linalg.norm(x_BD, axis=1, keepdims=True)
    if setup.inputs == "stretched":
        x_BD = x_BD.at[:, 0].multiply(STRETCH)
    if setup.inputs == "gapped":
        x_BD = x_BD + GAP * jnp.outer(jnp.sign(x_BD @ teacher_D), teacher_D)
    return x_BD


def balanced_layers(setup: Setup, key: jax.Array, w_D: jax.Array) -> list[jax.Array]:
    """Layers of rank one whose product is the norm r times the unit vector w.

    W_l = r^(1/L) u_l u_(l-1)^T with random unit vectors u_l between u_0 = w and u_L = 1, so that
    W_l^T W_l of each layer is W W^T of the one before (but for `imbalance`).
    """
    hidden = [
        unit(jax.random.normal(key, (setup.width,)))
        for key in jax.random.split(key, setup.depth)[1:]
    ]
    ends = [w_D, *hidden, jnp.ones(1)]
    size = setup.start_norm ** (1 / setup.depth)
    layers = [size * jnp.outer(ends[i + 1], ends[i]) for i in range(setup.depth)]
    layers[0] = layers[0] * setup.imbalance
    layers[-1] = layers[-1] / setup.imbalance
    return layers


def unit(vector_D: jax.Array) -> jax.Array:
    """The vector, scaled to length one."""
    length: jax.Array = jnp.linalg.norm(vector_D)
    return vector_D / length


def log_tan_half_angle(w_D: jax.Array, teacher_D: jax.Array) -> jax.Array:
    """Logarithm of tan(phi/2), for the angle phi between w and the unit vector w*."""
    along = w_D @ teacher_D
    across = jnp.linalg.norm(w_D - along * teacher_D)
    return jnp.log(across / (jnp.linalg.norm(w_D) + along))


def first_passage(path_S: jax.Array, level_V: jax.Array) -> jax.Array:
    """Steps until a path first reaches each level, linear inside a step; all steps if never."""
    above_SV = path_S[:, None] >= level_V
    after_V = jnp.maximum(jnp.argmax(above_SV, axis=0), 1)
    low_V, high_V = path_S[after_V - 1], path_S[after_V]
    inside_V = (level_V - low_V) / (high_V - low_V)
    return jnp.where(above_SV.any(axis=0), after_V - 1 + inside_V, len(path_S) - 1)

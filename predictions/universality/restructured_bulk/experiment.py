"""Train the hidden layer of a linear network and read the singular values of its matrix."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from models.deep_linear import DeepLinear

from .world import GROUPS, Setup

Weights = tuple[jax.Array, ...]


def train(setup: Setup, key: jax.Array) -> dict[str, jax.Array]:
    """Singular values of the hidden matrix after each number of steps.

    `group_mean` [step, rank], the mean of each group of N/8 consecutive singular values; `edge`
    [step], the largest of all.
    """
    first_ND, hidden_NN, readout_CN, teacher_CD = draw(setup, key)
    x_BD = jnp.eye(setup.inputs)
    start: Weights = (first_ND, hidden_NN, readout_CN)
    y_BC = DeepLinear(start)(x_BD) + DeepLinear([teacher_CD])(x_BD)
    outer = setup.learning_rate if setup.trained == "all" else 0.0
    rates = (outer, setup.learning_rate, outer)

    def loss(weights: Weights) -> jax.Array:
        return jnp.sum((DeepLinear(weights)(x_BD) - y_BC) ** 2) / 2

    def step(_: jax.Array, weights: Weights) -> Weights:
        gradient = jax.grad(loss)(weights)
        return tuple(w - rate * g for w, rate, g in zip(weights, rates, gradient, strict=True))

    def until_record(weights: Weights, steps: jax.Array) -> tuple[Weights, jax.Array]:
        weights = jax.lax.fori_loop(0, steps, step, weights)
        return weights, singular_values(weights[1])

    steps = jnp.asarray(np.diff(setup.steps, prepend=0))
    _, values_SN = jax.lax.scan(until_record, start, steps)
    groups_SGN = values_SN.reshape(len(setup.steps), GROUPS, -1)
    return {"group_mean": groups_SGN.mean(axis=-1), "edge": values_SN[:, -1]}


def draw(setup: Setup, key: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """W [N, D], M [N, N], A [C, N] at initialisation, and the teacher Y [C, D]."""
    width, outputs, inputs = setup.width, setup.outputs, setup.inputs
    shapes = ((width, inputs), (width, width), (outputs, width), (outputs, inputs))
    # One draw for all: each costs half a second to compile.
    ends = np.cumsum([rows * columns for rows, columns in shapes])
    parts = jnp.split(jax.random.normal(key, (ends[-1],)) / jnp.sqrt(width), ends[:-1])
    first_ND, hidden_NN, readout_CN, teacher_CD = map(jnp.reshape, parts, shapes)
    if setup.teacher == "rank-one":
        outer_CD = jnp.outer(teacher_CD[:, 0], teacher_CD[0])
        teacher_CD = outer_CD / jnp.sqrt(width * jnp.mean(outer_CD**2))
    return first_ND, hidden_NN, readout_CN, setup.teacher_std * teacher_CD


def singular_values(m_NN: jax.Array) -> jax.Array:
    """Singular values [N], rising; from the Gram matrix, so that small ones are good to 1e-3."""
    return jnp.sqrt(jnp.maximum(jnp.linalg.eigvalsh(m_NN @ m_NN.T), 0))

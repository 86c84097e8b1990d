"""Train a network on a fixed data set: final loss, and how far its features moved early on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from models.mlp import MLP
from models.named import build_model, zero_readout
from models.parametrisation import lr_scales

from .world import Setup

Weights: TypeAlias = Any  # nnx.State of the model's parameters

_TRANSFORMS: dict[str, Callable[[], optax.GradientTransformation]] = {
    "adam": lambda: optax.scale_by_adam(b1=0.9, b2=0.999, eps=1e-12),
    "sgd": optax.identity,
}


def train(setup: Setup, key: jax.Array) -> dict[str, jax.Array]:
    """Final log loss at `log2_learning_rate`, and the early feature change at the probe rate.

    log_loss: ln of the loss (1/2) mean (f - y)^2 averaged over the last tenth of the steps, each
    step's loss cut at `divergence` (a loss that is not finite counts as diverged).
    feature_change: root mean square change, over points and neurons, of the last hidden
    activations after `probe_steps` steps; it does not depend on `log2_learning_rate`.
    """
    data_key, model_key, batch_key = jax.random.split(key, 3)
    x_PD, y_P = dataset(setup, data_key)
    model = build(setup, model_key)
    _, loss_T = _fit(setup, model, x_PD, y_P, batch_key, setup.log2_learning_rate, setup.steps)
    tail_T = loss_T[-(setup.steps // 10) :]
    tail_T = jnp.where(jnp.isfinite(tail_T), tail_T, setup.divergence)
    probed, _ = _fit(setup, model, x_PD, y_P, batch_key, setup.log2_probe_rate, setup.probe_steps)
    moved_PN = probed.features(x_PD)[-1] - model.features(x_PD)[-1]
    return {
        "log_loss": jnp.log(jnp.mean(jnp.minimum(tail_T, setup.divergence))),
        "feature_change": jnp.sqrt(jnp.mean(moved_PN**2)),
    }


def dataset(setup: Setup, key: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Gaussian inputs [P, d]; targets (u1 + u2 u3) / sqrt 2 [P], u along orthonormal directions."""
    input_key, direction_key = jax.random.split(key)
    x_PD = jax.random.normal(input_key, (setup.samples, setup.dim))
    directions_3D = _orthonormal(jax.random.normal(direction_key, (3, setup.dim)))
    u_3P = directions_3D @ x_PD.T
    return x_PD, (u_3P[0] + u_3P[1] * u_3P[2]) / jnp.sqrt(2.0)


def _orthonormal(rows_KD: jax.Array) -> jax.Array:
    """The rows, orthonormalised one after the other; without LAPACK, whose callers take turns."""
    basis: list[jax.Array] = []
    for row_D in rows_KD:
        rest_D = row_D
        for unit_D in 2 * basis:  # twice is enough in floating point
            rest_D = rest_D - (rest_D @ unit_D) * unit_D
        basis.append(rest_D / jnp.linalg.norm(rest_D))
    return jnp.stack(basis)


def build(setup: Setup, key: jax.Array) -> MLP:
    """The network at initialisation, an MLP or what `model` names in its place.

    Raises ValueError if it has no readout layer to zero.
    """
    model: MLP = build_model(
        setup.model,
        key,
        d_in=setup.dim,
        width=setup.width,
        depth=setup.depth,
        base_width=setup.base_width,
        parametrisation=setup.parametrisation,
        activation=setup.activation,
    )
    if setup.readout == "zero":
        zero_readout(model)
    return model


def _fit(
    setup: Setup,
    model: MLP,
    x_PD: jax.Array,
    y_P: jax.Array,
    key: jax.Array,
    log2_rate: float | jax.Array,
    steps: int,
) -> tuple[MLP, jax.Array]:
    """The model after `steps` steps, and the loss before each of them [T]."""
    graph, start, *constants = nnx.split(model, nnx.Param, ...)
    transform = _TRANSFORMS[setup.optimiser]()
    scales = lr_scales(model, setup.optimiser)
    rate = 2.0**log2_rate / setup.base_width

    def loss(weights: Weights, rows: jax.Array) -> jax.Array:
        f_B = nnx.merge(graph, weights, *constants)(x_PD[rows])[:, 0]
        return 0.5 * jnp.mean((f_B - y_P[rows]) ** 2)

    def step(
        carry: tuple[Weights, optax.OptState], key: jax.Array
    ) -> tuple[tuple[Weights, optax.OptState], jax.Array]:
        weights, memory = carry
        rows = _rows(setup, key)
        value, gradient = jax.value_and_grad(loss)(weights, rows)
        update, memory = transform.update(gradient, memory)
        weights = jax.tree.map(lambda w, u, s: w - rate * s * u, weights, update, scales)
        return (weights, memory), value

    (end, _), loss_T = jax.lax.scan(
        step, (start, transform.init(start)), jax.random.split(key, steps)
    )
    return nnx.merge(graph, end, *constants), loss_T


def _rows(setup: Setup, key: jax.Array) -> jax.Array | slice:
    """Which points a step sees: all of them, or a fresh random batch."""
    if setup.batch == setup.samples:
        return slice(None)
    return jax.random.randint(key, (setup.batch,), 0, setup.samples)

"""Train a residual network on a fixed data set: final loss, and how far its features moved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from models.named import build_model, zero_readout
from models.parametrisation import lr_scales
from models.residual_mlp import DepthExponents

from .world import Setup

Weights: TypeAlias = Any  # nnx.State of the model's parameters

_TRANSFORMS: dict[str, Callable[[], optax.GradientTransformation]] = {
    "adam": lambda: optax.scale_by_adam(b1=0.9, b2=0.999, eps=1e-12),
    "sgd": optax.identity,
}


class Network(Protocol):
    """What is measured: an output [B, 1], and features of any number and shapes, the last last."""

    def __call__(self, x_BD: jax.Array) -> jax.Array:
        """Outputs."""
        ...

    def features(self, x_BD: jax.Array) -> tuple[jax.Array, ...]:
        """Features, layer by layer."""
        ...


def train(setup: Setup, key: jax.Array) -> dict[str, jax.Array]:
    """Final log loss at `log2_learning_rate`, and the features' early change at the probe rate.

    log_loss: ln of the loss (1/2) mean (f - y)^2 averaged over the last tenth of the steps, each
    step's loss cut at `divergence` (a loss that is not finite counts as diverged).
    feature_change: root mean square change, over points and neurons, of the last features after
    `probe_steps` steps; it does not depend on `log2_learning_rate`.
    """
    data_key, model_key = jax.random.split(key)
    x_PD, y_P = dataset(setup, data_key)
    start = build(setup, model_key)
    _, loss_T = fit(setup, start, x_PD, y_P, setup.log2_learning_rate, setup.steps)
    probed, _ = fit(setup, start, x_PD, y_P, setup.log2_probe_rate, setup.probe_steps)
    return {
        "log_loss": final_log_loss(loss_T, setup.divergence),
        "feature_change": movement(start, probed, x_PD),
    }


def final_log_loss(loss_T: jax.Array, divergence: float) -> jax.Array:
    """Ln of the mean over the last tenth of the steps, of losses cut at `divergence`."""
    tail_T = loss_T[-(len(loss_T) // 10) :]
    tail_T = jnp.where(jnp.isfinite(tail_T), tail_T, divergence)
    return jnp.log(jnp.mean(jnp.minimum(tail_T, divergence)))


def movement(before: Network, after: Network, x_BD: jax.Array) -> jax.Array:
    """Root mean square change of the last features."""
    change = after.features(x_BD)[-1] - before.features(x_BD)[-1]
    return jnp.sqrt(jnp.mean(change**2))


def dataset(setup: Setup, key: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Gaussian inputs [P, d] and targets (x_1 + x_2 x_3) / sqrt 2 [P]."""
    x_PD = jax.random.normal(key, (setup.samples, setup.dim))
    return x_PD, (x_PD[:, 0] + x_PD[:, 1] * x_PD[:, 2]) / jnp.sqrt(2.0)


def build(setup: Setup, key: jax.Array) -> Network:
    """The network at initialisation, a ResidualMLP or what `model` names in its place.

    Raises ValueError if it has no readout layer to zero.
    """
    model: Any = build_model(
        setup.model,
        key,
        d_in=setup.dim,
        width=setup.width,
        depth=setup.depth,
        base_width=setup.base_width,
        parametrisation="mup",
        activation=setup.activation,
        base_depth=setup.base_depth,
        depth_scaling=DepthExponents(
            setup.branch_exponent, sgd=setup.rate_exponent, adam=setup.rate_exponent
        ),
    )
    if setup.readout == "zero":
        zero_readout(model)
    network: Network = model
    return network


def fit(
    setup: Setup,
    start: Network,
    x_PD: jax.Array,
    y_P: jax.Array,
    log2_rate: float | jax.Array,
    steps: int,
) -> tuple[Network, jax.Array]:
    """The network after `steps` full-batch steps, and the loss before each of them [T]."""
    graph, weights, *constants = nnx.split(start, nnx.Param, ...)
    transform = _TRANSFORMS[setup.optimiser]()
    scales = lr_scales(start, setup.optimiser)  # type: ignore[arg-type]
    rate = 2.0**log2_rate / setup.base_width

    def loss(weights: Weights) -> jax.Array:
        f_P = nnx.merge(graph, weights, *constants)(x_PD)[:, 0]
        return 0.5 * jnp.mean((f_P - y_P) ** 2)

    def step(
        carry: tuple[Weights, optax.OptState], _: None
    ) -> tuple[tuple[Weights, optax.OptState], jax.Array]:
        weights, memory = carry
        value, gradient = jax.value_and_grad(loss)(weights)
        update, memory = transform.update(gradient, memory)
        weights = jax.tree.map(lambda w, u, s: w - rate * s * u, weights, update, scales)
        return (weights, memory), value

    (weights, _), loss_T = jax.lax.scan(step, (weights, transform.init(weights)), length=steps)
    end: Network = nnx.merge(graph, weights, *constants)
    return end, loss_T

"""Train a three-layer linear network; read its hidden matrix, its tangent kernel, its stability."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
from flax import nnx

from models.layers import Dense
from models.mlp import MLP
from models.parametrisation import Role, lr_scales

from .world import Descent, Network, Probe

Weights: TypeAlias = Any  # nnx.State of the model's parameters

# A descent that has not arrived after so many steps never will.
MOST_STEPS = 20_000


@dataclass(frozen=True)
class Task:
    """A network and its target as functions of its weights; inputs [B, D], targets [B]."""

    merge: Callable[[Weights], MLP]
    inputs: jax.Array
    targets: jax.Array
    scales: Weights

    def outputs(self, weights: Weights) -> jax.Array:
        """Output at each input, [B]."""
        return self.merge(weights)(self.inputs)[:, 0]

    def first(self, weights: Weights) -> jax.Array:
        """Output at the first input, the one that has a target."""
        return self.outputs(weights)[0]

    def loss(self, weights: Weights) -> jax.Array:
        """Half the sum of squared errors."""
        return jnp.sum((self.outputs(weights) - self.targets) ** 2) / 2

    def step(self, weights: Weights, rate: jax.Array | float) -> Weights:
        """One step of gradient descent, each layer with its factor of the learning rate."""
        gradient = jax.grad(self.loss)(weights)
        return jax.tree.map(lambda w, g, s: w - rate * s * g, weights, gradient, self.scales)

    def kernel(self, weights: Weights) -> jax.Array:
        """Tangent kernel of the first output: what a step of size one makes of its error."""
        gradient = jax.grad(self.first)(weights)
        parts = jax.tree.map(lambda g, s: s * jnp.sum(g**2), gradient, self.scales)
        return sum(jax.tree.leaves(parts), start=jnp.zeros(()))


def train(setup: Descent, key: jax.Array) -> dict[str, jax.Array]:
    """Descend to the target, and read whenever the next part of it has been learnt.

    `top_singular_value` [learnt] of the hidden matrix, on its own bulk or a fresh one; `kernel`
    [learnt], the tangent kernel. NaN for parts that are never reached.
    """
    key, fresh_key = jax.random.split(key)
    task, start = build(setup, key)
    bulk_NN = hidden(task.merge(start))
    drawn_NN = bulk_NN if setup.bulk == "own" else hidden(task.merge(build(setup, fresh_key)[1]))

    def until_record(weights: Weights, part: jax.Array) -> tuple[Weights, dict[str, jax.Array]]:
        weights, arrived, there = descend(setup, task, weights, part * task.targets[0])
        value = top_singular_value(hidden(task.merge(there)) - bulk_NN + drawn_NN)
        read = {"top_singular_value": value, "kernel": task.kernel(there)}
        return weights, {name: jnp.where(arrived, x, jnp.nan) for name, x in read.items()}

    return jax.lax.scan(until_record, start, jnp.array(setup.parts))[1]


def probe(setup: Probe, key: jax.Array) -> dict[str, jax.Array]:
    """Descend close to the minimum, then go on with the step size of the probe.

    `growth`: the factor by which a step changes the size of the error, in the geometric mean over
    the probe; at most 1e3. NaN if the descent does not arrive.
    """
    task, start = build(setup, key)
    near = (1 - setup.distance) * task.targets[0]
    _, arrived, weights = descend(setup, task, start, near)

    def step(_: int, pair: tuple[Weights, Weights]) -> tuple[Weights, Weights]:
        last, now = pair
        then = task.step(now, 2.0**setup.log2_probe_rate)
        return now, jax.tree.map(lambda t, n, p: t + setup.momentum * (n - p), then, now, last)

    def error(weights: Weights) -> jax.Array:
        return jnp.abs(task.first(weights) - task.targets[0])

    _, end = jax.lax.fori_loop(0, setup.probe_steps, step, (weights, weights))
    growth = (error(end) / error(weights)) ** (1 / setup.probe_steps)
    bounded = jnp.minimum(jnp.nan_to_num(growth, nan=1e3), 1e3)
    return {"growth": jnp.where(arrived, bounded, jnp.nan)}


def build(setup: Network, key: jax.Array) -> tuple[Task, Weights]:
    """The task, and the network's weights at initialisation."""
    model: MLP = pkgutil.resolve_name(setup.model)(
        key,
        d_in=setup.dim,
        width=setup.width,
        depth=2,
        base_width=setup.base_width,
        parametrisation=setup.parametrisation,
        activation=setup.activation,
        gain=1.0,
    )
    graph, weights = nnx.split(model)
    x_BD = jnp.sqrt(setup.dim) * jnp.eye(setup.dim)
    y_B = setup.target * jnp.sqrt(setup.base_width) * jnp.eye(setup.dim)[0]
    return Task(lambda w: nnx.merge(graph, w), x_BD, y_B, lr_scales(model, "sgd")), weights


def descend(
    setup: Network, task: Task, weights: Weights, level: jax.Array
) -> tuple[Weights, jax.Array, Weights]:
    """Descend until the first output reaches a level.

    Returns the weights after the last step, whether the level was reached, and the weights inside
    the last step at which it was.
    """

    def short(state: tuple[Weights, Weights, jax.Array]) -> jax.Array:
        _, after, steps = state
        return (task.first(after) < level) & (steps < MOST_STEPS)

    def go_on(state: tuple[Weights, Weights, jax.Array]) -> tuple[Weights, Weights, jax.Array]:
        _, after, steps = state
        return after, task.step(after, setup.learning_rate), steps + 1

    before, after, _ = jax.lax.while_loop(short, go_on, (weights, weights, jnp.zeros((), int)))
    low, high = task.first(before), task.first(after)
    inside = jnp.where(high > low, (level - low) / (high - low), 1.0)
    there = jax.tree.map(lambda b, a: b + inside * (a - b), before, after)
    return after, high >= level, there


def hidden(model: nnx.Module) -> jax.Array:
    """The matrix [N, N] that the one layer with the role HIDDEN multiplies its input with.

    Raises ValueError if there is no such layer, or more than one.
    """
    layers = [module for _, module in nnx.iter_modules(model) if isinstance(module, Dense)]
    matrices = [x.multiplier * x.kernel[...] for x in layers if x.role is Role.HIDDEN]
    if len(matrices) != 1:
        raise ValueError(f"{type(model).__name__} has {len(matrices)} hidden matrices, not one")
    return matrices[0]


def top_singular_value(m_NN: jax.Array) -> jax.Array:
    """Largest singular value, from the Gram matrix: no vectors, one symmetric eigenproblem."""
    return jnp.sqrt(jnp.linalg.eigvalsh(m_NN @ m_NN.T)[-1])

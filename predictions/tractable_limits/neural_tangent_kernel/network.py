"""Training and tangent kernels of any Flax module with one output a point."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

import jax
import jax.numpy as jnp
from flax import nnx

from models.parametrisation import lr_scales

Weights: TypeAlias = Any  # nnx.State of the model's parameters, or a tree like it

# Gauss-Legendre nodes on [0, 1], of equal weight: exact to third order in the movement.
_NODES: Final = (0.5 - 12**-0.5, 0.5 + 12**-0.5)


@dataclass(frozen=True)
class Network:
    """A function of weights and points, the weights it starts from, their learning-rate factors.

    `apply(weights, x_MD)` -> f [M].
    """

    apply: Callable[[Weights, jax.Array], jax.Array]
    weights: Weights
    scales: Weights


def network(model: nnx.Module, trained: Literal["all", "last"]) -> Network:
    """The model as a function; with "last", all parameter arrays but one get no learning rate."""
    graph, weights, *constants = nnx.split(model, nnx.Param, ...)

    def apply(weights: Weights, x_MD: jax.Array) -> jax.Array:
        outputs: jax.Array = nnx.merge(graph, weights, *constants)(x_MD)
        return outputs.reshape(len(x_MD))

    factors, tree = jax.tree.flatten(lr_scales(model, "sgd"))
    if trained == "last":
        factors[:-1] = [0.0] * (len(factors) - 1)
    return Network(apply, weights, jax.tree.unflatten(tree, factors))


def tangent_kernel(net: Network, weights: Weights, x_MD: jax.Array) -> jax.Array:
    """Kernel [M, M] by which gradient descent on `net` moves its outputs."""
    jacobian = jax.jacrev(net.apply)(weights, x_MD)

    def part(own: jax.Array, factor: float) -> jax.Array:
        flat_MW = own.reshape(len(x_MD), -1)
        return factor * flat_MW @ flat_MW.T

    return jnp.stack(jax.tree.leaves(jax.tree.map(part, jacobian, net.scales))).sum(axis=0)


def descend(
    net: Network, x_MD: jax.Array, y_P: jax.Array, rate: jax.Array | float, steps: int
) -> tuple[Weights, jax.Array]:
    """Weights after gradient descent on (1/2) mean (f - f_0 - y)^2, and f - f_0 on the way [T, M].

    The first P points are trained on; outputs are those after each step.
    """
    samples = len(y_P)
    start_M = net.apply(net.weights, x_MD)

    def step(weights: Weights, _: None) -> tuple[Weights, jax.Array]:
        f_M, pull = jax.vjp(lambda weights: net.apply(weights, x_MD), weights)
        residual_P = (f_M - start_M)[:samples] - y_P
        (gradient,) = pull(jnp.zeros_like(f_M).at[:samples].set(residual_P / samples))
        moved = jax.tree.map(lambda w, g, s: w - rate * s * g, weights, gradient, net.scales)
        return moved, f_M - start_M

    end, before_TM = jax.lax.scan(step, net.weights, length=steps)
    return end, jnp.concatenate([before_TM[1:], (net.apply(end, x_MD) - start_M)[None]])


def descend_linear(
    kernel_MM: jax.Array, y_P: jax.Array, rate: jax.Array | float, steps: int
) -> jax.Array:
    """The same f - f_0 [T, M] for a network linear in its weights, with this tangent kernel."""
    samples = len(y_P)

    def step(f_M: jax.Array, _: None) -> tuple[jax.Array, jax.Array]:
        f_M = f_M - rate / samples * kernel_MM[:, :samples] @ (f_M[:samples] - y_P)
        return f_M, f_M

    _, f_TM = jax.lax.scan(step, jnp.zeros(len(kernel_MM), kernel_MM.dtype), length=steps)
    return f_TM


def change_by_array(net: Network, end: Weights, x_MD: jax.Array) -> jax.Array:
    """The change of the output from `net.weights` to `end`, split by parameter array [A, M].

    Derivatives along each array's movement, integrated over the straight line between the two, so
    that the parts add up to the change.
    """
    start, tree = jax.tree.flatten(net.weights)
    moves = [after - before for before, after in zip(start, jax.tree.leaves(end), strict=True)]

    def along(index: int, node: float) -> jax.Array:
        place = [w + node * move for w, move in zip(start, moves, strict=True)]

        def shifted(own: jax.Array) -> jax.Array:
            return net.apply(
                jax.tree.unflatten(tree, [*place[:index], own, *place[index + 1 :]]), x_MD
            )

        tangent: jax.Array = jax.jvp(shifted, (place[index],), (moves[index],))[1]
        return tangent

    parts = [sum(along(index, node) for node in _NODES) / 2 for index in range(len(start))]
    return jnp.stack(parts)

"""A residual attention layer of one head, and the attention matrices that it may use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import jax
import jax.numpy as jnp
from flax import nnx

from models.layers import Dense
from models.parametrisation import Role

from .world import Attention

Scalar: TypeAlias = float | jax.Array


class AttentionLayer(nnx.Module):
    """x -> sqrt(1 - g) x + sqrt(g) A x W for tokens x [m, n], with weights N(0, 1/n), no biases."""

    def __init__(self, key: jax.Array, *, width: int) -> None:
        def dense(key: jax.Array) -> Dense:
            return Dense(
                key, Role.HIDDEN, fan_in=width, fan_out=width, width=width, base_width=width
            )

        self.query, self.key, self.value = map(dense, jax.random.split(key, 3))

    def logits(self, x_MN: jax.Array) -> jax.Array:
        """Y [m, m] = queries times keys over sqrt n; of unit variance for tokens with |x|^2 = n."""
        return self.query(x_MN) @ self.key(x_MN).T / jnp.sqrt(x_MN.shape[-1])

    def __call__(self, x_MN: jax.Array, attention_MM: jax.Array, branch: Scalar) -> jax.Array:
        """The tokens after the layer, given its attention matrix A; `branch` is g."""
        branch_MN = attention_MM @ self.value(x_MN)
        return jnp.sqrt(1 - branch) * x_MN + jnp.sqrt(branch) * branch_MN


def _shaped(logits_MM: jax.Array, temperature: Scalar, width: int) -> jax.Array:
    return _uncentred(logits_MM, temperature, width) - 1 / len(logits_MM)


def _uncentred(logits_MM: jax.Array, temperature: Scalar, width: int) -> jax.Array:
    return jnp.eye(len(logits_MM)) + _softmax(logits_MM, temperature * width**0.5, width)


def _softmax(logits_MM: jax.Array, temperature: Scalar, width: int) -> jax.Array:
    return jax.nn.softmax(logits_MM / temperature, axis=-1)


ATTENTION: Final[dict[Attention, Callable[[jax.Array, Scalar, int], jax.Array]]] = {
    "shaped": _shaped,
    "uncentred": _uncentred,
    "softmax": _softmax,
}
"""Attention matrix [m, m] from logits, temperature tau0 and width."""

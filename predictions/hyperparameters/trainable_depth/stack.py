"""Stacks of dense layers whose depth may be a traced number: one program trains all depths."""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from flax import nnx

from models.activations import activation as activation_by_name
from models.layers import Dense
from models.parametrisation import Role


class Stack(nnx.Module):
    """`models.mlp:MLP` without parametrisations: the same function of the same key.

    h_1 = W_1 x + b_1, h_{l+1} = W_{l+1} phi(h_l) + b_{l+1}, f = W phi(h_depth) + b. Called as the
    MLP is. Raises ValueError for fewer than two hidden layers.
    """

    skip: ClassVar[bool] = False

    def __init__(
        self,
        key: jax.Array,
        *,
        d_in: int,
        width: int,
        depth: int,
        base_width: int,
        activation: str,
        gain: float,
        bias: bool,
    ) -> None:
        if depth < 2:
            raise ValueError(f"depth={depth}: a stack has at least two hidden layers")

        def dense(key: jax.Array, role: Role, fan_in: int, fan_out: int, gain: float) -> Dense:
            return Dense(
                key,
                role,
                fan_in=fan_in,
                fan_out=fan_out,
                width=width,
                base_width=base_width,
                gain=gain,
                bias=bias,
            )

        keys = jax.random.split(key, depth + 1)
        self.activation = activation
        self.first = dense(keys[0], Role.INPUT, d_in, width, gain)
        self.hidden = dense(keys[1:-1], Role.HIDDEN, width, width, gain)
        self.readout = dense(keys[-1], Role.READOUT, width, 1, 1.0)
        self.depth = nnx.Variable(jnp.asarray(depth))

    def shorten(self, depth: jax.Array) -> None:
        """Keep the first `depth` hidden layers and the readout."""
        self.depth[...] = depth

    def __call__(self, x_BD: jax.Array) -> jax.Array:
        """Outputs f [B, 1]."""
        phi = activation_by_name(self.activation)
        depth = self.depth[...]
        graph, layers = nnx.split(self.hidden)

        def layer(
            h_BN: jax.Array, own: tuple[jax.Array, nnx.State[Any, Any]]
        ) -> tuple[jax.Array, None]:
            number, weights = own

            def passed(h_BN: jax.Array) -> jax.Array:
                new_BN: jax.Array = nnx.merge(graph, weights)(phi(h_BN))
                return h_BN + new_BN if self.skip else new_BN

            return jax.lax.cond(number <= depth, passed, lambda h_BN: h_BN, h_BN), None

        numbers = jnp.arange(2, 2 + self.hidden.kernel.shape[0])
        h_BN, _ = jax.lax.scan(layer, self.first(x_BD), (numbers, layers))
        return self.readout(phi(h_BN))


class Residual(Stack):
    """The same layers and weights, h_{l+1} = h_l + W_{l+1} phi(h_l) + b_{l+1}: signals pass by."""

    skip = True

"""The quadratic network of modular addition."""

from __future__ import annotations

import jax
from flax import nnx


class QuadraticPair(nnx.Module):
    """f(x, y) = sum_i w_i (u_i . x + v_i . y)^2; weights u_HP, v_HP, w_HP [neuron, code]."""

    def __init__(self, u_HP: jax.Array, v_HP: jax.Array, w_HP: jax.Array) -> None:
        self.u_HP, self.v_HP, self.w_HP = nnx.Param(u_HP), nnx.Param(v_HP), nnx.Param(w_HP)

    def __call__(self, x_AP: jax.Array, y_BP: jax.Array) -> jax.Array:
        """Outputs f [A, B, P] for every pair of a row of x_AP and one of y_BP."""
        left_AH = x_AP @ self.u_HP[...].T
        right_BH = y_BP @ self.v_HP[...].T
        return (left_AH[:, None] + right_BH[None]) ** 2 @ self.w_HP[...]

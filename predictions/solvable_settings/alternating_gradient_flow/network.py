"""The diagonal linear network, in the coordinates in which its weights do not mix."""

from __future__ import annotations

import jax
from flax import nnx


class DiagonalLinear(nnx.Module):
    """f(x) = (u * v) . x for p = (u + v) / sqrt(2) and m = (u - v) / sqrt(2), both [D].

    The coordinates are those of a rotation, under which gradient descent makes the same steps; but
    p and m stay accurate in floating point where one is many orders of magnitude smaller than the
    other, which the difference of nearly equal u and v is not.
    """

    def __init__(self, p_D: jax.Array, m_D: jax.Array) -> None:
        self.p_D = nnx.Param(p_D)
        self.m_D = nnx.Param(m_D)

    def __call__(self, x_BD: jax.Array) -> jax.Array:
        """Outputs f [B, 1]."""
        return x_BD @ self.product().T

    def product(self) -> jax.Array:
        """The end-to-end map u * v = (p^2 - m^2) / 2, [1, D]."""
        p_D, m_D = self.p_D[...], self.m_D[...]
        return ((p_D**2 - m_D**2) / 2)[None]

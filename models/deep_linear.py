"""The deep linear network with given initial weights."""

import functools
import itertools
from collections.abc import Sequence

import jax
from flax import nnx


class DeepLinear(nnx.Module):
    """f(x) = W_L ... W_1 x, with no scale factors; `weights` = (W_1, ..., W_L), W_l [d_l, d_{l-1}].

    Raises ValueError for no layers, and for neighbours whose shapes do not chain.
    """

    def __init__(self, weights: Sequence[jax.Array]) -> None:
        shapes = [weight.shape for weight in weights]
        matrices = len(shapes) > 0 and all(len(shape) == 2 for shape in shapes)
        if not matrices or any(low[0] != up[1] for low, up in itertools.pairwise(shapes)):
            raise ValueError(f"weights of shapes {shapes} do not chain as W_L ... W_1")
        self.weights = nnx.List(nnx.Param(weight) for weight in weights)

    def __call__(self, x_BD: jax.Array) -> jax.Array:
        """Outputs f [B, d_L], layer by layer."""
        for weight in self.weights:
            x_BD = x_BD @ weight[...].T
        return x_BD

    def product(self) -> jax.Array:
        """The end-to-end map W_L ... W_1, [d_L, d_0]."""
        weights = [weight[...] for weight in self.weights]
        return functools.reduce(lambda total, weight: weight @ total, weights)

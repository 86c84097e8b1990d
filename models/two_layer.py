"""The two-layer network with given initial weights."""

from typing import Literal, TypeAlias

import jax
from flax import nnx

from models.activations import activation as activation_by_name
from models.parametrisation import require_known

OutputScale: TypeAlias = Literal["1/m", "1/sqrt m", "1"]

# exponent of the number of neurons m in front of the sum
_EXPONENTS: dict[str, float] = {"1/m": -1.0, "1/sqrt m": -0.5, "1": 0.0}


class TwoLayer(nnx.Module):
    """f(x) = s(m) sum_j a_j phi(w_j . x + b_j), with s(m) = `output_scale`.

    w_MD [m, d], a_M [m], bias_M [m] or None are the initial weights; scale them before (a factor
    1/sqrt(d) in w . x, say, belongs to x or to w_MD). "1/m" is the mean-field scaling (Mei et al.
    2018), "1/sqrt m" the lazy one (Chizat et al. 2019). All weights are `nnx.Param`; to train the
    first layer alone, split the second one off by its name:

        graph, trained, fixed = nnx.split(model, nnx.PathContains("w_MD"), ...)

    Raises ValueError for an unknown activation or output scale and for shapes that do not fit.
    """

    def __init__(
        self,
        w_MD: jax.Array,
        a_M: jax.Array,
        *,
        activation: str,
        output_scale: OutputScale,
        bias_M: jax.Array | None = None,
    ) -> None:
        activation_by_name(activation)
        require_known(output_scale, _EXPONENTS, "output scale")
        shapes = [array.shape for array in (a_M, bias_M) if array is not None]
        if w_MD.ndim != 2 or any(shape != w_MD.shape[:1] for shape in shapes):
            raise ValueError(f"w_MD {w_MD.shape} does not fit a_M, bias_M {shapes}")
        self.activation, self.output_scale = activation, output_scale
        self.w_MD, self.a_M = nnx.Param(w_MD), nnx.Param(a_M)
        self.bias_M = None if bias_M is None else nnx.Param(bias_M)

    def __call__(self, x_BD: jax.Array) -> jax.Array:
        """Outputs f [B]."""
        a_M: jax.Array = self.a_M[...]
        factor: float = a_M.shape[0] ** _EXPONENTS[self.output_scale]
        return factor * (self.features(x_BD) @ a_M)

    def features(self, x_BD: jax.Array) -> jax.Array:
        """phi(w_j . x + b_j), [B, m]."""
        h_BM = x_BD @ self.w_MD[...].T
        if self.bias_M is not None:
            h_BM = h_BM + self.bias_M[...]
        return activation_by_name(self.activation)(h_BM)

"""The dense layer that knows its parametrisation."""

import jax
import jax.numpy as jnp
from flax import nnx

from models.parametrisation import LayerScale, Optimiser, Parametrisation, Role, scale


class Dense(nnx.Module):
    """y = multiplier * x @ kernel (+ bias), with the scales of `parametrisation` for its role.

    kernel [fan_in, fan_out], Gaussian; bias [fan_out], zero. A hidden bias scales like an input
    layer with fan-in 1; a readout bias touches no width and always has learning-rate factor 1.

    A vector of keys [L] makes L layers of one kind, each with the initial weights that it has by
    itself, and stacks their arrays: [L, fan_in, fan_out]. `nnx.split` gives what `lax.scan` needs
    to apply them one after the other.

    Raises ValueError as `models.parametrisation.scale` does.
    """

    def __init__(
        self,
        key: jax.Array,
        role: Role,
        *,
        fan_in: int,
        fan_out: int,
        width: int,
        base_width: int,
        parametrisation: str | Parametrisation = "standard",
        gain: float = 1.0,
        bias: bool = False,
    ) -> None:
        self.role, self.parametrisation, self.gain = role, parametrisation, gain
        self.fan_in, self.width, self.base_width = fan_in, width, base_width
        self.bias = nnx.Param(jnp.zeros((*key.shape, fan_out))) if bias else None
        own = self.layer_scales("sgd")["kernel"]
        self.multiplier = own.multiplier
        normal = jnp.vectorize(
            lambda key: jax.random.normal(key, (fan_in, fan_out)), signature="()->(i,o)"
        )
        self.kernel = nnx.Param(own.init_std * normal(key))

    def __call__(self, x_BI: jax.Array) -> jax.Array:
        """Inputs [..., fan_in] to outputs [..., fan_out]."""
        y_BO = self.multiplier * (x_BI @ self.kernel[...])
        return y_BO if self.bias is None else y_BO + self.bias[...]

    def layer_scales(self, optimiser: Optimiser) -> dict[str, LayerScale]:
        """The scales of kernel and, if there is one, bias."""

        def put(role: Role, fan_in: int, gain: float) -> LayerScale:
            return scale(
                self.parametrisation,
                role,
                fan_in=fan_in,
                width=self.width,
                base_width=self.base_width,
                optimiser=optimiser,
                gain=gain,
            )

        scales = {"kernel": put(self.role, self.fan_in, self.gain)}
        if self.bias is not None:
            of_readout = self.role is Role.READOUT
            scales["bias"] = LayerScale(1.0, 1.0, 1.0) if of_readout else put(Role.INPUT, 1, 1.0)
        return scales

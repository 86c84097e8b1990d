"""The multi-layer perceptron, under any parametrisation of width."""

import jax
from flax import nnx

from models.activations import activation as activation_by_name
from models.activations import gain as gain_by_name
from models.layers import Dense
from models.parametrisation import Parametrisation, Role


class MLP(nnx.Module):
    """`depth` hidden layers of `width` neurons and a linear readout: `depth + 1` weight matrices.

    h_1 = W_1 x, h_{l+1} = W_{l+1} phi(h_l), f = W_{depth+1} phi(h_depth). `gain` is the effective
    weight variance times fan-in of input and hidden layers at base width (default: the
    activation's); that of the readout is 1. One key always draws the same Gaussians, so models
    that differ in `parametrisation` only are the same function at width == base_width, and
    `standard`, `mup` and `half-mup` have the same weights there.

    Raises ValueError for an unknown activation or parametrisation, and for sizes below 1.
    """

    def __init__(
        self,
        key: jax.Array,
        *,
        d_in: int,
        width: int,
        depth: int,
        base_width: int,
        d_out: int = 1,
        parametrisation: str | Parametrisation = "standard",
        activation: str = "relu",
        gain: float | None = None,
        bias: bool = False,
    ) -> None:
        if depth < 1:
            raise ValueError(f"depth={depth}: an MLP has at least one hidden layer")
        self.activation = activation
        inner = gain_by_name(activation) if gain is None else gain
        sides = [d_in, *[width] * depth, d_out]
        roles = [Role.INPUT, *[Role.HIDDEN] * (depth - 1), Role.READOUT]
        self.layers = nnx.List(
            Dense(
                layer_key,
                role,
                fan_in=fan_in,
                fan_out=fan_out,
                width=width,
                base_width=base_width,
                parametrisation=parametrisation,
                gain=1.0 if role is Role.READOUT else inner,
                bias=bias,
            )
            for layer_key, role, fan_in, fan_out in zip(
                jax.random.split(key, depth + 1), roles, sides[:-1], sides[1:], strict=True
            )
        )

    def __call__(self, x_BD: jax.Array) -> jax.Array:
        """Outputs f [B, d_out]."""
        return self.layers[-1](self.features(x_BD)[-1])

    def features(self, x_BD: jax.Array) -> tuple[jax.Array, ...]:
        """phi(h_1), ..., phi(h_depth), each [B, width]."""
        phi = activation_by_name(self.activation)
        return tuple(phi(h_BN) for h_BN in self.preactivations(x_BD))

    def preactivations(self, x_BD: jax.Array) -> tuple[jax.Array, ...]:
        """h_1, ..., h_depth, each [B, width]."""
        phi = activation_by_name(self.activation)
        hidden = [self.layers[0](x_BD)]
        for layer in list(self.layers)[1:-1]:
            hidden.append(layer(phi(hidden[-1])))
        return tuple(hidden)

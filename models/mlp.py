"""The multi-layer perceptron, under any parametrisation of width."""

from typing import Any, Final

import jax
from flax import nnx

from models.activations import Activation
from models.activations import activation as activation_by_name
from models.activations import gain as gain_by_name
from models.layers import Dense
from models.parametrisation import Parametrisation, Role

# Measured at width 32 on a CPU. Layers apart run fastest and take 0.1 s each to compile; stacked
# and unrolled, 10 to 30 % longer and 0.02 s; stacked and scanned, 15 to 50 % longer and nothing.
LAYERS_APART: Final = 8
LAYERS_UNROLLED: Final = 32


class MLP(nnx.Module):
    """`depth` hidden layers of `width` neurons and a linear readout: `depth + 1` weight matrices.

    h_1 = W_1 x, h_{l+1} = W_{l+1} phi(h_l), f = W_{depth+1} phi(h_depth). `gain` is the effective
    weight variance times fan-in of input and hidden layers at base width (default: the
    activation's); that of the readout is 1. One key always draws the same Gaussians, so models
    that differ in `parametrisation` only are the same function at width == base_width, and
    `standard`, `mup` and `half-mup` have the same weights there.

    `layers` holds input, hidden and readout layers; beyond a depth of LAYERS_APART the hidden ones
    are a single stacked `Dense`, so that compile time hardly grows with depth.

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

        def dense(key: jax.Array, role: Role, fan_in: int, fan_out: int) -> Dense:
            return Dense(
                key,
                role,
                fan_in=fan_in,
                fan_out=fan_out,
                width=width,
                base_width=base_width,
                parametrisation=parametrisation,
                gain=1.0 if role is Role.READOUT else inner,
                bias=bias,
            )

        self.stacked = depth > LAYERS_APART
        keys = jax.random.split(key, depth + 1)
        hidden_keys = [keys[1:-1]] if self.stacked else list(keys[1:-1])
        self.layers = nnx.List(
            [
                dense(keys[0], Role.INPUT, d_in, width),
                *(dense(own, Role.HIDDEN, width, width) for own in hidden_keys),
                dense(keys[-1], Role.READOUT, width, d_out),
            ]
        )

    def __call__(self, x_BD: jax.Array) -> jax.Array:
        """Outputs f [B, d_out]."""
        first, *hidden, readout = self.layers
        if self.stacked:
            phi = activation_by_name(self.activation)
            return readout(phi(_through(hidden[0], phi, first(x_BD))[0]))
        return readout(self.features(x_BD)[-1])

    def features(self, x_BD: jax.Array) -> tuple[jax.Array, ...]:
        """phi(h_1), ..., phi(h_depth), each [B, width]."""
        phi = activation_by_name(self.activation)
        return tuple(phi(h_BN) for h_BN in self.preactivations(x_BD))

    def preactivations(self, x_BD: jax.Array) -> tuple[jax.Array, ...]:
        """h_1, ..., h_depth, each [B, width]."""
        phi = activation_by_name(self.activation)
        first, *hidden, _ = self.layers
        h_BN = first(x_BD)
        if self.stacked:
            return h_BN, *_through(hidden[0], phi, h_BN)[1]
        passed = [h_BN]
        for layer in hidden:
            passed.append(layer(phi(passed[-1])))
        return tuple(passed)


def _through(stack: Dense, phi: Activation, h_BN: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Of L stacked layers after h_BN, the last preactivation and all of them [L, B, width]."""
    graph, layers = nnx.split(stack)

    def layer(h_BN: jax.Array, own: nnx.State[Any, Any]) -> tuple[jax.Array, jax.Array]:
        h_BN = nnx.merge(graph, own)(phi(h_BN))
        return h_BN, h_BN

    unroll = len(stack.kernel[...]) <= LAYERS_UNROLLED
    passed: tuple[jax.Array, jax.Array] = jax.lax.scan(layer, h_BN, layers, unroll=unroll)
    return passed

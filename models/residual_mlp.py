"""The residual multi-layer perceptron, under any parametrisation of width and of depth."""

from typing import Any, Final, NamedTuple

import jax
from flax import nnx

from models.activations import Activation
from models.activations import activation as activation_by_name
from models.activations import gain as gain_by_name
from models.layers import Dense
from models.mlp import LAYERS_UNROLLED
from models.parametrisation import LayerScale, Optimiser, Parametrisation, Role, require_known


class DepthExponents(NamedTuple):
    """Exponents of 1/depth in the branches: forward multiplier, learning rates."""

    multiplier: float
    sgd: float
    adam: float


# A branch's updates add up over depth: L branches, each moved by (multiplier) x (learning rate) x
# (1 for Adam; a gradient in proportion to the multiplier for SGD). They move the output by O(1) if
# adam = 1 - multiplier and sgd = 1 - 2 multiplier, which all but `plain` and `unscaled-rate` obey.
#   depth-mup      Yang, Yu, Zhu & Hayou 2023 (Tensor Programs VI, arXiv:2310.02244); Bordelon,
#                  Noci, Li, Hanin & Pehlevan 2023 (arXiv:2309.16620). The largest branches with a
#                  limit at initialisation, that of a stochastic differential equation.
#   ode            branches of size 1/depth: smooth in depth, silent at initialisation.
#   unscaled-rate  depth-mup with Adam's exponent left out; under SGD the same as depth-mup.
#   plain          no scaling: the residual stream grows exponentially with depth.
DEPTH_SCALINGS: Final[dict[str, DepthExponents]] = {
    "depth-mup": DepthExponents(multiplier=1 / 2, sgd=0, adam=1 / 2),
    "ode": DepthExponents(multiplier=1, sgd=-1, adam=0),
    "unscaled-rate": DepthExponents(multiplier=1 / 2, sgd=0, adam=0),
    "plain": DepthExponents(multiplier=0, sgd=0, adam=0),
}


class ResidualMLP(nnx.Module):
    """`depth` residual branches of one layer each: `depth + 2` weight matrices.

    h_0 = W_in x, h_l = h_{l-1} + s W_l phi(h_{l-1}), f = W_out h_depth, with the multiplier
    s = (depth / base_depth)^-multiplier and, for the branches, learning rates times
    (depth / base_depth)^-(sgd or adam) of `depth_scaling`: a name in DEPTH_SCALINGS, or exponents
    of your own. `gain` is the branches' effective weight variance times fan-in (default: the
    activation's, so that a Gaussian stream's second moment grows by 1 + s^2 a branch); that of
    input and readout is 1. Width scales as in `models.mlp.MLP`, with the same names.

    Raises ValueError for an unknown activation, parametrisation or depth scaling, and for sizes
    below 1.
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
        base_depth: int = 1,
        depth_scaling: str | DepthExponents = "depth-mup",
    ) -> None:
        if min(depth, base_depth) < 1:
            raise ValueError(f"depth={depth}, base_depth={base_depth}: must be >= 1")
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
                gain=inner if role is Role.HIDDEN else 1.0,
                bias=bias,
            )

        exponents = _exponents(depth_scaling)
        relative = depth / base_depth
        self.multiplier = relative**-exponents.multiplier
        self.rate_sgd, self.rate_adam = relative**-exponents.sgd, relative**-exponents.adam
        keys = jax.random.split(key, depth + 2)
        self.input = dense(keys[0], Role.INPUT, d_in, width)
        self.branches = dense(keys[1:-1], Role.HIDDEN, width, width)
        self.readout = dense(keys[-1], Role.READOUT, width, d_out)

    def __call__(self, x_BD: jax.Array) -> jax.Array:
        """Outputs f [B, d_out]."""
        return self.readout(self._stream(x_BD)[0])

    def features(self, x_BD: jax.Array) -> tuple[jax.Array, ...]:
        """The residual stream h_0, ..., h_depth, each [B, width]."""
        return self.input(x_BD), *self._stream(x_BD)[1]

    def layer_scales(self, optimiser: Optimiser) -> dict[str, LayerScale]:
        """The scales of the branches, with those of depth."""
        rates = {"sgd": self.rate_sgd, "adam": self.rate_adam}
        return {
            f"branches.{name}": LayerScale(
                own.init_std, self.multiplier * own.multiplier, rates[optimiser] * own.lr
            )
            for name, own in self.branches.layer_scales(optimiser).items()
        }

    def _stream(self, x_BD: jax.Array) -> tuple[jax.Array, jax.Array]:
        """The last of the stream, and all but the first [depth, B, width]."""
        phi: Activation = activation_by_name(self.activation)
        graph, branches, *constants = nnx.split(self.branches, nnx.Param, ...)

        def branch(h_BN: jax.Array, own: nnx.State[Any, Any]) -> tuple[jax.Array, jax.Array]:
            layer = nnx.merge(graph, own, *constants)
            h_BN = h_BN + self.multiplier * layer(phi(h_BN))
            return h_BN, h_BN

        unroll = len(self.branches.kernel[...]) <= LAYERS_UNROLLED
        stream: tuple[jax.Array, jax.Array] = jax.lax.scan(
            branch, self.input(x_BD), branches, unroll=unroll
        )
        return stream


def _exponents(scaling: str | DepthExponents) -> DepthExponents:
    if isinstance(scaling, DepthExponents):
        return scaling
    return DEPTH_SCALINGS[require_known(scaling, DEPTH_SCALINGS, "depth scaling")]

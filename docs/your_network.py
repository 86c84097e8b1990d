"""A network of your own on trial: a gated residual network of Flax's own layers (your-network.md).

`Gated` is right. `Forgetful` makes the most common mistake of a port to muP: a matrix between two
hidden layers is taken for one that reads the input, so that its learning rate ignores width.
"""

import jax
import jax.numpy as jnp
from flax import nnx

from models.parametrisation import LayerScale, Optimiser, Parametrisation, Role, scale


class Linear(nnx.Linear):
    """`nnx.Linear` with the initial size and the forward factor that its role asks for."""

    def __init__(self, fan_in: int, fan_out: int, own: LayerScale, rngs: nnx.Rngs) -> None:
        start = nnx.initializers.normal(own.init_std)
        super().__init__(fan_in, fan_out, use_bias=False, kernel_init=start, rngs=rngs)
        self.factor = own.multiplier

    def __call__(self, x_BI: jax.Array) -> jax.Array:
        """Inputs [..., fan_in] to outputs [..., fan_out]."""
        return self.factor * super().__call__(x_BI)


class Gated(nnx.Module):
    """h_0 = A x, h_l = h_{l-1} + C_l (silu(G_l u) * B_l u), u = norm(h_{l-1}), f = r norm(h)."""

    gate_role = Role.HIDDEN

    def __init__(
        self,
        key: jax.Array,
        *,
        d_in: int,
        width: int,
        depth: int,
        base_width: int,
        d_out: int = 1,
        parametrisation: str | Parametrisation = "mup",
        **others: object,  # the activation, say, which this network does not leave open
    ) -> None:
        self.sizes = (parametrisation, width, base_width)
        self.roles: dict[str, tuple[Role, int]] = {}  # parameter -> role and fan-in
        rngs = nnx.Rngs(key)

        def linear(path: str, role: Role, fan_in: int, fan_out: int) -> Linear:
            self.roles[f"{path}.kernel"] = (role, fan_in)
            return Linear(fan_in, fan_out, self.scale_of(role, fan_in, "sgd"), rngs)

        def norm(path: str) -> nnx.RMSNorm:
            self.roles[f"{path}.scale"] = (Role.INPUT, 1)
            return nnx.RMSNorm(width, rngs=rngs)

        def each(name: str, role: Role) -> nnx.List[Linear]:
            return nnx.List([linear(f"{name}.{n}", role, width, width) for n in range(depth)])

        self.into = linear("into", Role.INPUT, d_in, width)
        self.norms = nnx.List([norm(f"norms.{n}") for n in range(depth)])
        self.gates = each("gates", self.gate_role)
        self.ups = each("ups", Role.HIDDEN)
        self.downs = each("downs", Role.HIDDEN)
        self.last = norm("last")
        self.readout = linear("readout", Role.READOUT, width, d_out)

    def features(self, x_BD: jax.Array) -> tuple[jax.Array, ...]:
        """h_1, ..., h_depth, the last one normalised; each [B, width]."""
        passed = [self.into(x_BD)]
        for norm, gate, up, down in zip(self.norms, self.gates, self.ups, self.downs, strict=True):
            u_BN = norm(passed[-1])
            passed.append(passed[-1] + down(nnx.silu(gate(u_BN)) * up(u_BN)))
        return (*passed[1:-1], self.last(passed[-1]))

    def __call__(self, x_BD: jax.Array) -> jax.Array:
        """Outputs [B, d_out]."""
        return self.readout(self.features(x_BD)[-1])

    def zero_readout(self) -> None:
        """Start as the zero function."""
        self.readout.kernel[...] = jnp.zeros_like(self.readout.kernel[...])

    def scale_of(self, role: Role, fan_in: int, optimiser: Optimiser) -> LayerScale:
        """Initial size, forward factor and learning-rate factor of a matrix with this role."""
        par, width, base_width = self.sizes
        return scale(
            par, role, fan_in=fan_in, width=width, base_width=base_width, optimiser=optimiser
        )

    def layer_scales(self, optimiser: Optimiser) -> dict[str, LayerScale]:
        """The same for every parameter."""
        return {path: self.scale_of(*role, optimiser) for path, role in self.roles.items()}


class Forgetful(Gated):
    """The gates have forgotten that their fan-in grows."""

    gate_role = Role.INPUT

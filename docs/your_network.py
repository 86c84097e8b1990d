"""A network of your own on trial: a gated residual network of plain Flax layers (your-network.md).

`Gated` is right. `Forgetful` makes the most common mistake of a port to muP: a matrix between two
hidden layers is taken for one that reads the input, so that its learning rate ignores width.
"""

import jax
from flax import nnx

from models.parametrisation import LayerScale, Role, scale


class Gated(nnx.Module):
    """h_0 = A x, h_l = h_{l-1} + C_l (silu(G_l u) * B_l u), u = norm(h_{l-1}), f = r norm(h)."""

    gate_role = Role.HIDDEN

    def __init__(
        self, key, *, d_in, width, depth, base_width, d_out=1, parametrisation="mup", **others
    ):
        sizes = {"width": width, "base_width": base_width}
        self.scale_of = lambda role, fan_in, optimiser: scale(
            parametrisation, role, fan_in=fan_in, optimiser=optimiser, **sizes
        )
        self.roles = {}  # parameter path -> role and fan-in
        rngs = nnx.Rngs(key)

        def linear(path, role, fan_in, fan_out):
            self.roles[f"{path}.kernel"] = (role, fan_in)
            start = nnx.initializers.normal(self.scale_of(role, fan_in, "adam").init_std)
            return nnx.Linear(fan_in, fan_out, use_bias=False, kernel_init=start, rngs=rngs)

        def norm(path):
            self.roles[f"{path}.scale"] = (Role.INPUT, 1)
            return nnx.RMSNorm(width, rngs=rngs)

        self.into = linear("into", Role.INPUT, d_in, width)
        self.norms = nnx.List([norm(f"norms.{n}") for n in range(depth)])
        self.gates = nnx.List(
            [linear(f"gates.{n}", self.gate_role, width, width) for n in range(depth)]
        )
        self.ups = nnx.List([linear(f"ups.{n}", Role.HIDDEN, width, width) for n in range(depth)])
        self.downs = nnx.List(
            [linear(f"downs.{n}", Role.HIDDEN, width, width) for n in range(depth)]
        )
        self.last = norm("last")
        self.readout = linear("readout", Role.READOUT, width, d_out)

    def features(self, x_BD):
        """h_0, ..., h_depth, the last one normalised; each [B, width]."""
        passed = [self.into(x_BD)]
        for norm, gate, up, down in zip(self.norms, self.gates, self.ups, self.downs, strict=True):
            u_BN = norm(passed[-1])
            passed.append(passed[-1] + down(nnx.silu(gate(u_BN)) * up(u_BN)))
        return (*passed[:-1], self.last(passed[-1]))

    def __call__(self, x_BD):
        """Outputs [B, d_out]."""
        return self.readout(self.features(x_BD)[-1])

    def zero_readout(self):
        """Start as the zero function."""
        self.readout.kernel[...] = jax.numpy.zeros_like(self.readout.kernel[...])

    def layer_scales(self, optimiser) -> dict[str, LayerScale]:
        """Initial size, forward factor and learning-rate factor of every parameter."""
        return {path: self.scale_of(*role, optimiser) for path, role in self.roles.items()}


class Forgetful(Gated):
    """The gates have forgotten that their fan-in grows."""

    gate_role = Role.INPUT

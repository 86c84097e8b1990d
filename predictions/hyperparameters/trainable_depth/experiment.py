"""Train networks of several depths from the same kind of start; how deep still learns?"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import nnx

from models import named

from . import measure
from .world import Setup


def train(setup: Setup, key: jax.Array) -> dict[str, jax.Array]:
    """The deepest network that learns, and how far the deepest one tried gets.

    trainable_depth: depth at which the final loss, averaged over `nets` networks, crosses
    `threshold` ln 2; NaN if that depth is not among `depths`. layers: the same, for theories that
    leave no factor open. final_loss: of the deepest networks, over ln 2, which is the loss of an
    output that does not tell the inputs apart.
    """
    loss_ND = jax.vmap(lambda own: final_losses(setup, own))(jax.random.split(key, setup.nets))
    loss_D = loss_ND.mean(axis=0)
    depth = measure.crossing(jnp.array(setup.depths), loss_D, setup.threshold)
    return {"trainable_depth": depth, "layers": depth, "final_loss": loss_D[-1]}


def final_losses(setup: Setup, key: jax.Array) -> jax.Array:
    """Final loss over ln 2 of one network of each depth, on the same data; [D].

    A model that has `shorten` is built once, with all layers, and one program trains it at every
    depth; any other is built, and compiled, depth by depth.
    """
    data_key, model_key = jax.random.split(key)
    data = dataset(setup, data_key)

    def loss(model: nnx.Module) -> jax.Array:
        rate, steps = setup.learning_rate, setup.steps
        return measure.final_loss(model, *data, learning_rate=rate, steps=steps)

    def shortened(depth: jax.Array) -> jax.Array:
        model = build(setup, setup.depths[-1], model_key)
        model.shorten(depth)  # type: ignore[attr-defined]
        return loss(model)

    if hasattr(model_class(setup), "shorten"):
        loss_D: jax.Array = jax.lax.map(shortened, jnp.array(setup.depths))
    else:
        loss_D = jnp.stack([loss(build(setup, depth, model_key)) for depth in setup.depths])
    return loss_D / jnp.log(2.0)


def dataset(setup: Setup, key: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Inputs on the sphere of radius sqrt d [P, d]; labels 1 and -1 in turn [P].

    As many of the one as of the other, so that no constant output does better than ln 2. The
    inputs come in no order, so this is a random labelling.
    """
    x_PD = jax.random.normal(key, (setup.samples, setup.dim))
    x_PD *= jnp.sqrt(setup.dim) / jnp.linalg.norm(x_PD, axis=1, keepdims=True)
    return x_PD, 1.0 - 2.0 * (jnp.arange(setup.samples) % 2)


def build(setup: Setup, depth: int, key: jax.Array) -> nnx.Module:
    """The network at initialisation, an MLP or what `model` names in its place."""
    weight_key, bias_key = jax.random.split(key)
    model = model_class(setup)(
        weight_key,
        d_in=setup.dim,
        width=setup.width,
        depth=depth,
        base_width=setup.width,
        activation=setup.activation,
        gain=setup.weight_std**2,
        bias=True,
    )
    weights = nnx.state(model, nnx.Param)
    for number, (path, parameter) in enumerate(nnx.to_flat_state(weights)):
        if path[-1] == "bias":
            noise = jax.random.normal(jax.random.fold_in(bias_key, number), parameter.shape)
            parameter[...] = setup.bias_std * noise
    nnx.update(model, weights)
    return model


def model_class(setup: Setup) -> Callable[..., nnx.Module]:
    """What `model` names, in this folder after a leading dot."""
    return named.model_class(setup.model, __package__)

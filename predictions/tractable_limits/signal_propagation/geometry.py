"""How a network's layers bend a circle of inputs: arc length and correlations, layer by layer.

A network is any function from inputs [M, d] to one array [M, ...] for each layer, as the
`preactivations` of `models.mlp.MLP` is; layers may differ in size and shape. One thing is asked of
it: each input passes by itself, whatever else is in the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import jax
import jax.numpy as jnp

Layers: TypeAlias = Callable[[jax.Array], Sequence[jax.Array]]


def circle(plane_2D: jax.Array, radius: jax.Array, angle_M: jax.Array) -> jax.Array:
    """Points [M, d] on a circle about the origin in the plane spanned by two vectors."""
    first_D = plane_2D[0] / jnp.linalg.norm(plane_2D[0])
    second_D = plane_2D[1] - (plane_2D[1] @ first_D) * first_D
    second_D = second_D / jnp.linalg.norm(second_D)
    return radius * (jnp.outer(jnp.cos(angle_M), first_D) + jnp.outer(jnp.sin(angle_M), second_D))


def lengths(
    layers: Layers, curve: Callable[[jax.Array], jax.Array], angle_M: jax.Array
) -> jax.Array:
    """Arc length of a closed curve in each layer, over sqrt(neurons); [L].

    2 pi times the mean speed at equidistant angles. Speeds are exact derivatives: differences
    between neighbouring points fall short once the curve has folded between them.
    """
    _, velocity_LM = jax.jvp(
        lambda angle_M: layers(curve(angle_M)), (angle_M,), (jnp.ones_like(angle_M),)
    )
    speed_LM = [jnp.sqrt(jnp.mean(_rows(v_MN) ** 2, axis=1)) for v_MN in velocity_LM]
    return jnp.stack([2 * jnp.pi * jnp.mean(speed_M) for speed_M in speed_LM])


def correlations(layers: Layers, x_MD: jax.Array) -> jax.Array:
    """Correlation of two points as many steps apart on a closed curve; [L, M // 2], 1 step first.

    The mean product over neurons and over pairs, relative to that of a point with itself.
    """
    first_M = jnp.arange(len(x_MD))
    second_KM = (first_M + jnp.arange(len(x_MD) // 2 + 1)[:, None]) % len(x_MD)

    def of_layer(h_MN: jax.Array) -> jax.Array:
        product_MM = h_MN @ h_MN.T
        product_K = product_MM[first_M, second_KM].mean(axis=1)
        return product_K[1:] / product_K[0]

    return jnp.stack([of_layer(_rows(h_MN)) for h_MN in layers(x_MD)])


def _rows(h_M: jax.Array) -> jax.Array:
    return h_M.reshape(len(h_M), -1)

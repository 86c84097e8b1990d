"""Draw random networks and read how the kernel of their layers varies among them; no training."""

from __future__ import annotations

from typing import Final

import jax
import jax.numpy as jnp

from models.mlp import MLP

from .world import Setup

AT_ONCE: Final = 2
"""Networks of a seed that are held in memory together; more of them run no faster."""


def train(setup: Setup, key: jax.Array) -> dict[str, jax.Array]:
    """Moments of the kernel over the seed's untrained networks, arrays [layer].

    typical_kernel: geometric mean of K_l / K_0, without the bias that the exponential of a finite
    mean has. log_variance and normalised_variance: unbiased variances of ln K_l and of K_l over
    its mean, in units of L/n. A network with a layer of which no neuron is active (once in 2^n
    layers of ReLU) is left out.
    """
    keys_N = jax.random.split(key, setup.networks)
    kernel_NL = jax.lax.map(lambda own: kernels(setup, own), keys_N, batch_size=AT_ONCE)
    alive_N1 = (kernel_NL > 0).all(axis=1, keepdims=True)
    log_NL = jnp.log(jnp.where(alive_N1, kernel_NL / setup.input_kernel, 1.0))
    log_mean_L = jnp.mean(log_NL, axis=0, where=alive_N1)
    log_variance_L = jnp.var(log_NL, axis=0, ddof=1, where=alive_N1)
    mean_L = jnp.mean(kernel_NL, axis=0, where=alive_N1)
    variance_L = jnp.var(kernel_NL / mean_L, axis=0, ddof=1, where=alive_N1)
    unit = setup.depth / setup.width
    return {
        "typical_kernel": jnp.exp(log_mean_L - log_variance_L / 2 / jnp.sum(alive_N1)),
        "log_variance": log_variance_L / unit,
        "normalised_variance": variance_L / unit,
    }


def kernels(setup: Setup, key: jax.Array) -> jax.Array:
    """K_1, ..., K_L of one network at the input sqrt(K_0) (1, ..., 1), which stands for all."""
    network = MLP(
        key,
        d_in=setup.dim,
        width=setup.width,
        depth=setup.depth,
        base_width=setup.width,
        parametrisation="standard",
        activation=setup.activation,
        gain=setup.weight_variance,
    )
    x_1D = jnp.sqrt(setup.input_kernel) * jnp.ones((1, setup.dim))
    return jnp.stack([jnp.mean(phi_1N**2) for phi_1N in network.features(x_1D)])

"""Draw networks and read the law of their outputs off the last hidden layer."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import nnx

from models.mlp import MLP

from .world import Setup


def train(setup: Setup, key: jax.Array) -> dict[str, jax.Array]:
    """Covariance and excess kurtosis of the output over the networks of a seed, none trained.

    Given the last hidden layer the output is Gaussian, with the covariance k that the law of the
    readout implies. So the mean of k over networks is the output's covariance, `covariance`
    [input_cosine], and 3 Var k / (mean k)^2 its excess kurtosis at one input, `kurtosis`, with far
    less noise than fourth powers of outputs have. Variances are averaged over inputs.
    """
    x_BD = inputs(setup)
    k_NBB = jax.lax.map(
        lambda own: output_covariance(setup, draw_network(setup, own), x_BD),
        jax.random.split(key, setup.nets),
    )
    k_NB = jnp.diagonal(k_NBB, axis1=1, axis2=2)
    index_B = jnp.arange(2 * setup.pairs)
    same_BB = jnp.eye(2 * setup.pairs)
    paired_BB = (index_B[:, None] // 2 == index_B // 2) - same_BB
    relations_RBB = jnp.stack([same_BB, paired_BB, 1 - same_BB - paired_BB])
    return {
        "covariance": (relations_RBB * k_NBB.mean(axis=0)).sum((1, 2)) / relations_RBB.sum((1, 2)),
        "kurtosis": 3 * k_NB.var(axis=0, ddof=1).mean() / k_NB.mean() ** 2,
    }


def inputs(setup: Setup) -> jax.Array:
    """Inputs [2 pairs, d], d = 2 pairs, each of squared length d; rows 2j and 2j + 1 are a pair."""
    dim = 2 * setup.pairs
    sine = jnp.sqrt(1 - setup.cosine**2)
    first_PD, second_PD = jnp.eye(dim)[::2], jnp.eye(dim)[1::2]
    pairs_P2D = jnp.stack([first_PD, setup.cosine * first_PD + sine * second_PD], axis=1)
    return jnp.sqrt(dim) * pairs_P2D.reshape(dim, dim)


def draw_network(setup: Setup, key: jax.Array) -> MLP:
    """A random network, with random biases where the setup has them."""
    weight_key, bias_key = jax.random.split(key)
    model = MLP(
        weight_key,
        d_in=2 * setup.pairs,
        width=setup.width,
        depth=setup.depth,
        base_width=setup.width,
        activation=setup.activation,
        gain=setup.weight_variance,
        bias=True,
    )
    readout = model.layers[-1].kernel
    readout[...] = jnp.sqrt(setup.weight_variance) * readout[...]
    if setup.biases == "random":
        normal_LN = jax.random.normal(bias_key, (setup.depth + 1, setup.width))
        for layer, normal_N in zip(model.layers, normal_LN, strict=True):
            layer.bias = nnx.Param(
                jnp.sqrt(setup.bias_variance) * normal_N[: layer.kernel.shape[-1]]
            )
    if setup.bottleneck:
        kept_N = jnp.arange(setup.width) < setup.bottleneck
        second = model.layers[1].kernel
        second[...] = jnp.sqrt(setup.width / setup.bottleneck) * second[...] * kept_N[:, None]
    return model


def output_covariance(setup: Setup, model: MLP, x_BD: jax.Array) -> jax.Array:
    """Covariance [B, B] of the outputs over the laws of readout weights and bias alone."""
    phi_BN = model.features(x_BD)[-1]
    bias = setup.bias_variance if setup.biases == "random" else 0.0
    return setup.weight_variance * phi_BN @ phi_BN.T / setup.width + bias

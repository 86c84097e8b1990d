"""Pass tokens through random attention layers and read their covariance; no training."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from .transformer import ATTENTION, AttentionLayer
from .world import DepthSetup, LayerSetup, TokenSetup

SIGNS = (1.0, -1.0, 0.0)
"""Signs of the logits: a layer, its equally likely mirror image, and (0) one with A = I."""


def drift(setup: LayerSetup, key: jax.Array) -> dict[str, jax.Array]:
    """Mean change of the token covariance in one attention layer, A V A^T - V.

    A random value matrix adds nothing to this mean and is averaged over exactly: what a residual
    layer with branch variance g does to the covariance is g times it. Queries of opposite sign are
    equally likely, so every layer is paired with that mirror image and the first order in the
    logits cancels. `drift` [entry] is in units of `drift_unit` / (n tau0^2); `growth` is the change
    of the mean |x|^2/n, in units of 1/n.
    """
    x_MN = tokens(setup)
    v_MM = covariance(x_MN)

    def change(key: jax.Array) -> jax.Array:
        logits_MM = AttentionLayer(key, width=setup.width).logits(x_MN)
        a_2MM = jnp.stack([attention(setup, sign * logits_MM) for sign in SIGNS[:2]])
        return (a_2MM @ v_MM @ a_2MM.mT).mean(axis=0) - v_MM

    change_KMM = jax.lax.map(change, jax.random.split(key, setup.networks))
    drift_MM = setup.width * change_KMM.mean(axis=0)
    upper = np.triu_indices(setup.tokens)
    return {
        "drift": setup.temperature**2 / setup.drift_unit() * drift_MM[upper],
        "growth": jnp.trace(drift_MM) / setup.tokens,
    }


def propagate(setup: DepthSetup, key: jax.Array) -> dict[str, jax.Array]:
    """Token covariances in the depth of the seed's random networks.

    correlations: of two tokens after the last layer, [network, pair]. attention_gain: what
    attention adds to the logarithm of the tokens' mean squared length, [time], in `gain_unit`: a
    network against itself with A = I, averaged over networks and their mirror images (see `drift`).
    """
    v_KTSMM = jax.lax.map(
        lambda own: covariances(setup, own), jax.random.split(key, setup.networks)
    )
    length_KTS = jnp.log(jnp.trace(v_KTSMM, axis1=-2, axis2=-1))
    gain_KT = (length_KTS[..., 0] + length_KTS[..., 1]) / 2 - length_KTS[..., 2]
    return {
        "correlations": correlations(v_KTSMM[:, -1, 0]),
        "attention_gain": gain_KT.mean(axis=0) / setup.gain_unit(),
    }


def covariances(setup: DepthSetup, key: jax.Array) -> jax.Array:
    """V [time, sign, m, m] of one network at its records, for each sign of the logits."""
    signs_S = jnp.array(SIGNS)

    def layer(x_SMN: jax.Array, key: jax.Array) -> tuple[jax.Array, None]:
        block = AttentionLayer(key, width=setup.width)

        def one(sign: jax.Array, x_MN: jax.Array) -> jax.Array:
            a_MM = attention(setup, sign * block.logits(x_MN))
            a_MM = jnp.where(sign == 0, jnp.eye(setup.tokens), a_MM)
            return block(x_MN, a_MM, setup.branch_variance)

        return jax.vmap(one)(signs_S, x_SMN), None

    def until_record(x_SMN: jax.Array, keys_L: jax.Array) -> tuple[jax.Array, jax.Array]:
        x_SMN, _ = jax.lax.scan(layer, x_SMN, keys_L)
        return x_SMN, jax.vmap(covariance)(x_SMN)

    keys_TL = jax.random.split(key, (setup.records, setup.layers_per_record))
    start_SMN = jnp.broadcast_to(tokens(setup), (len(SIGNS), setup.tokens, setup.width))
    return jax.lax.scan(until_record, start_SMN, keys_TL)[1]


def tokens(setup: TokenSetup) -> jax.Array:
    """Tokens [m, n] of the setup's covariance: mixed from m orthogonal waves of squared length n.

    Gaussian weights have no preferred directions, so that any orthogonal vectors would do.
    """
    place_N = (np.arange(setup.width) + 0.5) / setup.width
    wave_MN = np.sqrt(2) * np.cos(np.pi * np.arange(1, setup.tokens + 1)[:, None] * place_N)
    mixing_MM = jnp.linalg.cholesky(jnp.asarray(setup.covariance()))
    x_MN: jax.Array = mixing_MM @ wave_MN
    return x_MN


def attention(setup: TokenSetup, logits_MM: jax.Array) -> jax.Array:
    """The attention matrix that the network has."""
    temperature = setup.hidden_temperature * setup.temperature
    return ATTENTION[setup.attention](logits_MM, temperature, setup.width)


def covariance(x_MN: jax.Array) -> jax.Array:
    """Token covariance X X^T / n, [m, m]."""
    return x_MN @ x_MN.T / x_MN.shape[-1]


def correlations(v_MM: jax.Array) -> jax.Array:
    """Correlations of different tokens, [..., pair], of covariances [..., m, m]."""
    root_M = jnp.sqrt(jnp.diagonal(v_MM, axis1=-2, axis2=-1))
    first, second = np.triu_indices(v_MM.shape[-1], 1)
    return v_MM[..., first, second] / (root_M[..., first] * root_M[..., second])

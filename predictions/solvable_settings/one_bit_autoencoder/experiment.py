"""Train a one-bit autoencoder online on sparse inputs: its loss, and how local its encoder is."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from harness.streams import scan_stream

from .world import Setup

Weights: TypeAlias = Any  # nnx.State of encoder and decoder
Carry: TypeAlias = tuple[Weights, optax.OptState, jax.Array]


class OneBitAutoencoder(nnx.Module):
    """x -> A sign(B x), with rows of B [n, d] scaled to length one and a decoder A [d, n]."""

    def __init__(self, encoder_ND: jax.Array, decoder_DN: jax.Array) -> None:
        self.encoder_ND, self.decoder_DN = nnx.Param(encoder_ND), nnx.Param(decoder_DN)

    def rows(self) -> jax.Array:
        """Unit rows of the encoder [n, d]."""
        b_ND: jax.Array = self.encoder_ND[...]
        return _unit_rows(b_ND)

    def preactivations(self, x_BD: jax.Array) -> jax.Array:
        """What the signs are taken of, [B, n]."""
        return x_BD @ self.rows().T

    def decode(self, code_BN: jax.Array) -> jax.Array:
        """Reconstruction [B, d] of a code."""
        return code_BN @ self.decoder_DN[...].T

    def __call__(self, x_BD: jax.Array) -> jax.Array:
        """Reconstruction [B, d] from one bit a code unit."""
        return self.decode(_bits(self.preactivations(x_BD)))


def train(setup: Setup, key: jax.Array) -> dict[str, jax.Array]:
    """Mean squared error per input on fresh samples, and mean over rows of sum_j B_ij^4."""
    start_key, data_key, test_key = jax.random.split(key, 3)
    model = fit(setup, start_key, data_key)
    x_TD = draw_inputs(setup, test_key, setup.test_samples)
    return {
        "loss": jnp.mean((x_TD - model(x_TD)) ** 2),
        "participation": jnp.mean(jnp.sum(model.rows() ** 4, axis=1)),
    }


def draw_inputs(setup: Setup, key: jax.Array, samples: int) -> jax.Array:
    """Sparse inputs of variance one, [samples, d]; one uniform number makes each of them."""
    u_BD = jax.random.uniform(key, (samples, setup.dim), minval=-1.0)
    value_BD = jnp.sign(u_BD)
    if setup.source == "gaussian":
        value_BD = math.sqrt(2) * jax.lax.erf_inv(
            jnp.clip(u_BD / setup.nonzero, -1 + 1e-6, 1 - 1e-6)
        )
    return jnp.where(jnp.abs(u_BD) < setup.nonzero, value_BD, 0.0) / jnp.sqrt(setup.nonzero)


def fit(setup: Setup, start_key: jax.Array, data_key: jax.Array) -> OneBitAutoencoder:
    """The autoencoder after training from random rows and their decoder for Gaussian inputs."""
    b_ND = _unit_rows(jax.random.normal(start_key, (setup.code_units, setup.dim)))
    graph, weights = nnx.split(OneBitAutoencoder(b_ND, math.sqrt(2 / math.pi) * b_ND.T))
    optimiser = optax.adam(optax.linear_schedule(setup.learning_rate, 0.0, setup.steps))
    cooling = (setup.last_temperature / setup.temperature) ** (1 / setup.steps)

    def loss(weights: Weights, x_BD: jax.Array, temperature: jax.Array) -> jax.Array:
        return training_loss(setup, nnx.merge(graph, weights), x_BD, temperature)

    def step(carry: Carry, x_BD: jax.Array) -> tuple[Carry, None]:
        weights, memory, temperature = carry
        gradient = jax.grad(loss)(weights, x_BD, temperature)
        update, memory = optimiser.update(gradient, memory)
        return (optax.apply_updates(weights, update), memory, temperature * cooling), None

    start = (weights, optimiser.init(weights), jnp.asarray(setup.temperature, b_ND.dtype))
    (weights, _, _), _ = scan_stream(
        step, start, lambda key: draw_inputs(setup, key, setup.batch), data_key, setup.steps
    )
    trained: OneBitAutoencoder = nnx.merge(graph, weights)
    return trained


def training_loss(
    setup: Setup, model: OneBitAutoencoder, x_BD: jax.Array, temperature: jax.Array
) -> jax.Array:
    """Mean squared error per input of a batch, with a gradient for the encoder.

    "noise-averaged": the code is sign(h + noise) with logistic noise of scale temperature / 2, of
    mean m = tanh(h / temperature), and E |x - A s|^2 = |x - A m|^2 + sum_k |A_k|^2 (1 - m_k^2).
    "straight-through": the loss of the hard code, its derivative that of tanh(h / temperature).
    """
    h_BN = model.preactivations(x_BD)
    if setup.encoder == "frozen":
        h_BN = jax.lax.stop_gradient(h_BN)
    soft_BN = jnp.tanh(h_BN / temperature)
    if setup.gradient == "noise-averaged":
        power_N = jnp.sum(model.decoder_DN[...] ** 2, axis=0)
        spread_BN = (1 - soft_BN**2) * power_N
        error_BD = x_BD - model.decode(soft_BN)
        return (jnp.sum(error_BD**2) + jnp.sum(spread_BN)) / x_BD.size
    code_BN = soft_BN + jax.lax.stop_gradient(_bits(h_BN) - soft_BN)
    return jnp.mean((x_BD - model.decode(code_BN)) ** 2)


def _unit_rows(b_ND: jax.Array) -> jax.Array:
    unit_ND: jax.Array = b_ND / jnp.linalg.norm(b_ND, axis=1, keepdims=True)
    return unit_ND


def _bits(h_BN: jax.Array) -> jax.Array:
    """Signs, that of zero being +1: a third symbol would be more than one bit."""
    return jnp.where(h_BN >= 0, 1.0, -1.0)

"""Train one linear layer on a rank-one teacher; read the top eigenpair of its symmetric part."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from models.deep_linear import DeepLinear

from .world import Setup

SQUARINGS = 12

Draw = dict[str, jax.Array]
Readout = dict[str, jax.Array]
Carry = tuple[Any, optax.OptState]


def train(setup: Setup, key: jax.Array, draw: Draw) -> Readout:
    """Mean readout of two networks whose initial weights and label noise have opposite signs.

    Each of the two is a fair draw of the world; in their mean the fluctuations of the top
    eigenvalue that are linear in the noise, O(d^-1/2), cancel. Arrays [time]: `top_eigenvalue` of
    H = (W + W^T)/2, and `overlap`, the square of <top eigenvector, u>.
    """
    noise_DD = jax.random.normal(key, (setup.dim, setup.dim))
    w_DD = setup.init_std / jnp.sqrt(setup.dim) * noise_DD
    signal_DD = setup.theta * jnp.outer(draw["left"], draw["right"] @ draw["gram"])

    def one(sign: jax.Array) -> Readout:
        target_DD = signal_DD + sign * draw["noise"]
        return _descend(setup, sign * w_DD, draw["gram"], target_DD, draw["left"])

    pair = jax.vmap(one)(jnp.array([1.0, -1.0]))
    return {name: values_2T.mean(axis=0) for name, values_2T in pair.items()}


def _descend(
    setup: Setup,
    w_DD: jax.Array,
    gram_DD: jax.Array,
    target_DD: jax.Array,
    left_D: jax.Array,
) -> Readout:
    """Full-batch gradient descent on |X W^T - Y|^2 / 2n, read at the setup's record steps.

    The iterates depend on the data through X^T X / n (`gram_DD`) and Y^T X / n (`target_DD`) only,
    so that is what they are computed from.
    """
    graph, params = nnx.split(DeepLinear([w_DD]), nnx.Param)
    optimiser = optax.sgd(setup.learning_rate)

    def loss(params: Any) -> jax.Array:
        w_DD = nnx.merge(graph, params).product()
        # The gradient in W is that of the risk, W G - T, for a single matrix product.
        return jnp.vdot(w_DD, jax.lax.stop_gradient(w_DD @ gram_DD - target_DD))

    def step(_: jax.Array, carry: Carry) -> Carry:
        params, state = carry
        updates, state = optimiser.update(jax.grad(loss)(params), state)
        return optax.apply_updates(params, updates), state

    def until_record(carry: Carry, steps: jax.Array) -> tuple[Carry, Readout]:
        carry = jax.lax.fori_loop(0, steps, step, carry)
        w_DD = nnx.merge(graph, carry[0]).product()
        value, vector_D = top_eigenpair((w_DD + w_DD.T) / 2)
        return carry, {"top_eigenvalue": value, "overlap": (vector_D @ left_D) ** 2}

    gaps = jnp.diff(jnp.asarray(setup.record_steps()), prepend=0)
    return jax.lax.scan(until_record, (params, optimiser.init(params)), gaps)[1]


def top_eigenpair(h_DD: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Largest eigenvalue, if it is not negative, and unit eigenvector of a symmetric matrix.

    Power iteration by repeated squaring. The shift by half the Frobenius norm puts the largest
    eigenvalue first in absolute value too; what is left of an eigenvector whose eigenvalue lies a
    fraction g of the shifted one below it is exp(-2^SQUARINGS g). Products of matrices batch well,
    where LAPACK's eigensolver would run matrix by matrix.
    """

    def square(_: jax.Array, power_DD: jax.Array) -> jax.Array:
        power_DD = power_DD / jnp.linalg.norm(power_DD)
        return power_DD @ power_DD

    shifted_DD = h_DD + jnp.linalg.norm(h_DD) / 2 * jnp.eye(h_DD.shape[0])
    power_DD = jax.lax.fori_loop(0, SQUARINGS, square, shifted_DD)
    vector_D = power_DD[jnp.argmax(jnp.diagonal(power_DD))]
    vector_D = vector_D / jnp.linalg.norm(vector_D)
    return vector_D @ h_DD @ vector_D, vector_D

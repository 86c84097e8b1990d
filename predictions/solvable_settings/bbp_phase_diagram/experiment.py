"""Train one linear layer on a rank-one teacher; read its alignment along training."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from models.deep_linear import DeepLinear

from .world import Setup

SQUARINGS = 11

Carry = tuple[Any, optax.OptState]


def train(setup: Setup, key: jax.Array) -> dict[str, jax.Array]:
    """Full-batch gradient descent on |X W^T - Y|^2 / 2n, Y = X W*^T + Xi.

    `overlap` [record]: square of <top eigenvector of (W + W^T)/2, u>.
    """
    teacher_key, input_key, noise_key, weight_key = jax.random.split(key, 4)
    dim, samples = setup.dim, setup.samples
    left_D, right_D = _teacher(setup, teacher_key)
    slow = jnp.arange(dim) >= dim - setup.slow_dim
    slow_std = setup.anisotropy**-0.5 if setup.inputs == "blocks" else 1.0
    x_ND = jax.random.normal(input_key, (samples, dim)) * jnp.where(slow, slow_std, 1.0)
    xi_ND = jnp.sqrt(setup.kappa * samples / dim) * jax.random.normal(noise_key, (samples, dim))
    gram_DD = x_ND.T @ x_ND / samples
    target_DD = setup.theta * jnp.outer(left_D, right_D @ gram_DD) + xi_ND.T @ x_ND / samples
    w_DD = setup.init_std / jnp.sqrt(dim) * jax.random.normal(weight_key, (dim, dim))
    return {"overlap": _descend(setup, w_DD, gram_DD, target_DD, left_D)}


def _teacher(setup: Setup, key: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Unit vectors u and v [d]: v in the fast directions and orthogonal to u."""
    fast = setup.dim - setup.slow_dim
    left_D, right_D = jax.random.normal(key, (2, setup.dim))
    fast_F, slow_S = _unit(left_D[:fast]), _unit(left_D[fast:])
    right_F = right_D[:fast] - (right_D[:fast] @ fast_F) * fast_F
    share = jnp.asarray(setup.left_slow)
    left_D = jnp.concatenate([jnp.sqrt(1 - share) * fast_F, jnp.sqrt(share) * slow_S])
    return left_D, jnp.concatenate([_unit(right_F), jnp.zeros_like(slow_S)])


def _unit(vector_D: jax.Array) -> jax.Array:
    unit_D: jax.Array = vector_D / jnp.linalg.norm(vector_D)
    return unit_D


def _descend(
    setup: Setup, w_DD: jax.Array, gram_DD: jax.Array, target_DD: jax.Array, left_D: jax.Array
) -> jax.Array:
    """Overlaps [record] along gradient descent, from X^T X / n and Y^T X / n."""
    graph, params = nnx.split(DeepLinear([w_DD]), nnx.Param)
    optimiser = optax.sgd(setup.learning_rate)

    def loss(params: Any) -> jax.Array:
        w_DD = nnx.merge(graph, params).product()
        # The gradient in W is that of the training loss, W G - T, for a single matrix product.
        return jnp.vdot(w_DD, jax.lax.stop_gradient(w_DD @ gram_DD - target_DD))

    def step(_: jax.Array, carry: Carry) -> Carry:
        params, state = carry
        updates, state = optimiser.update(jax.grad(loss)(params), state)
        return optax.apply_updates(params, updates), state

    def until_record(carry: Carry, steps: jax.Array) -> tuple[Carry, jax.Array]:
        carry = jax.lax.fori_loop(0, steps, step, carry)
        w_DD = nnx.merge(graph, carry[0]).product()
        return carry, (_top_eigenvector((w_DD + w_DD.T) / 2) @ left_D) ** 2

    gaps = jnp.diff(jnp.asarray(setup.record_steps()), prepend=0)
    return jax.lax.scan(until_record, (params, optimiser.init(params)), gaps)[1]


def _top_eigenvector(h_DD: jax.Array) -> jax.Array:
    """Unit eigenvector [d] of the largest eigenvalue, by repeated squaring.

    The shift by half the Frobenius norm makes that eigenvalue the largest in absolute value; of an
    eigenvector whose eigenvalue lies a fraction g below it, exp(-2^SQUARINGS g) is left.
    """

    def square(_: jax.Array, power_DD: jax.Array) -> jax.Array:
        power_DD = power_DD / jnp.linalg.norm(power_DD)
        return power_DD @ power_DD

    shifted_DD = h_DD + jnp.linalg.norm(h_DD) / 2 * jnp.eye(h_DD.shape[0])
    power_DD = jax.lax.fori_loop(0, SQUARINGS, square, shifted_DD)
    return _unit(power_DD[jnp.argmax(jnp.diagonal(power_DD))])

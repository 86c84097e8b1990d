"""Train one linear layer on a rank-one teacher and follow the top eigenpair of its symmetric part."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from models.deep_linear import DeepLinear

from .world import Setup

KRYLOV_DIM = 80

Draw = dict[str, jax.Array]
Readout = dict[str, jax.Array]


def train(setup: Setup, key: jax.Array, draw: Draw) -> Readout:
    """Mean readout of two networks whose initial weights and label noise have opposite signs.

    Each of the two is a fair draw of the world; in their mean the fluctuations of the top
    eigenvalue that are linear in the noise, O(d^-1/2), cancel. Arrays [time]: `top_eigenvalue` of
    H = (W + W^T)/2, and `overlap`, the square of <top eigenvector, u>.
    """
    weight_key, start_key = jax.random.split(key)
    shape = (setup.dim, setup.dim)
    w_DD = setup.init_std / jnp.sqrt(setup.dim) * jax.random.normal(weight_key, shape)
    start_D = jax.random.normal(start_key, (setup.dim,))
    signal_DD = setup.theta * jnp.outer(draw["left"], draw["right"] @ draw["gram"])

    def one(sign: jax.Array) -> Readout:
        target_DD = signal_DD + sign * draw["noise"]
        return _descend(setup, sign * w_DD, draw["gram"], target_DD, draw["left"], start_D)

    pair = jax.vmap(one)(jnp.array([1.0, -1.0]))
    return {name: values_2T.mean(axis=0) for name, values_2T in pair.items()}


def _descend(
    setup: Setup,
    w_DD: jax.Array,
    gram_DD: jax.Array,
    target_DD: jax.Array,
    left_D: jax.Array,
    start_D: jax.Array,
) -> Readout:
    """Full-batch gradient descent on |X W^T - Y|^2 / 2n, read at the setup's record steps.

    The iterates depend on the data through X^T X / n (`gram_DD`) and Y^T X / n (`target_DD`) only,
    so that is what they are computed from.
    """
    graph, params = nnx.split(DeepLinear([w_DD]), nnx.Param)
    optimiser = optax.sgd(setup.learning_rate)

    def loss(params: nnx.State) -> jax.Array:
        w_DD = nnx.merge(graph, params).product()
        # The gradient in W is that of the risk, W G - T, for a single matrix product.
        return jnp.vdot(w_DD, jax.lax.stop_gradient(w_DD @ gram_DD - target_DD))

    def step(_: jax.Array, carry: tuple[nnx.State, optax.OptState]) -> tuple:
        params, state = carry
        updates, state = optimiser.update(jax.grad(loss)(params), state)
        return optax.apply_updates(params, updates), state

    def until_record(carry: tuple, steps: jax.Array) -> tuple:
        carry = jax.lax.fori_loop(0, steps, step, carry)
        w_DD = nnx.merge(graph, carry[0]).product()
        value, vector_D = top_eigenpair((w_DD + w_DD.T) / 2, start_D)
        return carry, {"top_eigenvalue": value, "overlap": (vector_D @ left_D) ** 2}

    gaps = jnp.diff(jnp.asarray(setup.record_steps()), prepend=0)
    return jax.lax.scan(until_record, (params, optimiser.init(params)), gaps)[1]


def top_eigenpair(
    h_DD: jax.Array, start_D: jax.Array, krylov_dim: int = KRYLOV_DIM
) -> tuple[jax.Array, jax.Array]:
    """Largest eigenvalue and unit eigenvector of a symmetric matrix, by Lanczos iteration.

    Every new direction is orthogonalised twice against all former ones, so that float32 suffices.
    """
    size = min(krylov_dim, h_DD.shape[0])

    def extend(basis_KD: jax.Array, k: jax.Array) -> tuple[jax.Array, jax.Array]:
        image_D = h_DD @ basis_KD[k]
        column_K = basis_KD @ image_D
        rest_D = image_D - column_K @ basis_KD
        rest_D = rest_D - (basis_KD @ rest_D) @ basis_KD
        norm = jnp.linalg.norm(rest_D)
        basis_KD = basis_KD.at[k + 1].set(rest_D / norm)
        return basis_KD, column_K.at[k + 1].add(norm)

    first_KD = jnp.zeros((size + 1, h_DD.shape[0])).at[0].set(start_D / jnp.linalg.norm(start_D))
    basis_KD, columns_KK = jax.lax.scan(extend, first_KD, jnp.arange(size))
    projected_KK = columns_KK[:, :size]
    values_K, vectors_KK = jnp.linalg.eigh((projected_KK + projected_KK.T) / 2)
    return values_K[-1], vectors_KK[:, -1] @ basis_KD[:size]

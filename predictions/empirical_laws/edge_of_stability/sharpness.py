"""Sharpness: the largest eigenvalue of a loss's Hessian, from Hessian-vector products alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

Weights: TypeAlias = Any  # any tree of floating-point arrays

TINY: Final = 1e-30  # keeps the direction zero where a Krylov space is exhausted


def sharpness(
    loss: Callable[[Weights], jax.Array], weights: Weights, start_N: jax.Array, products: int
) -> tuple[jax.Array, jax.Array]:
    """Largest (not largest in size) Hessian eigenvalue of `loss` at `weights`; unit eigenvector.

    `weights` is any tree, such as the parameters of a Flax module; its N numbers in one vector are
    what the eigenvector, and the vector `start_N` that the search starts from, are made of. The
    result is the largest Ritz value of the Krylov space of `start_N` with `products` dimensions,
    which costs as many Hessian-vector products and never exceeds the eigenvalue. A previous
    eigenvector is a good start.
    Source: the Lanczos iteration, Golub and Van Loan, Matrix Computations, section 10.1, with full
    orthogonalisation.
    """
    weights_N, tree = ravel_pytree(weights)
    slope_of = jax.grad(lambda w_N: loss(tree(w_N)))

    def curvature(v_N: jax.Array) -> jax.Array:
        _, image_N = jax.jvp(slope_of, (weights_N,), (v_N,))
        return jnp.asarray(image_N)

    def extend(
        krylov: tuple[jax.Array, jax.Array], k: jax.Array
    ) -> tuple[tuple[jax.Array, jax.Array], jax.Array]:
        basis_KN, next_N = krylov
        unit_N = _unit(_orthogonal(basis_KN, next_N))
        image_N = curvature(unit_N)
        return (basis_KN.at[k].set(unit_N), image_N), image_N

    empty_KN = jnp.zeros((products, weights_N.size), weights_N.dtype)
    (basis_KN, _), image_KN = jax.lax.scan(extend, (empty_KN, start_N), jnp.arange(products))
    projected_KK = basis_KN @ image_KN.T
    values_K, vectors_KK = jnp.linalg.eigh((projected_KK + projected_KK.T) / 2)
    return values_K[-1], _unit(vectors_KK[:, -1] @ basis_KN)


def _orthogonal(basis_KN: jax.Array, vector_N: jax.Array) -> jax.Array:
    """The part of a vector outside the span of orthonormal (or zero) rows; twice is enough."""
    for _ in range(2):
        vector_N = vector_N - (basis_KN @ vector_N) @ basis_KN
    return vector_N


def _unit(vector_N: jax.Array) -> jax.Array:
    return vector_N / jnp.maximum(jnp.linalg.norm(vector_N), TINY)

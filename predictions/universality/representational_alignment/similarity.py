"""How alike the representations of an ensemble's members are, pair by pair."""

from __future__ import annotations

import jax
import jax.numpy as jnp


def pair_cka(features_ESM: jax.Array) -> jax.Array:
    """Linear CKA of every pair of members, [pair] (Kornblith et al. 2019, eq. 4).

    |A^T B|^2 / (|A^T A| |B^T B|) in Frobenius norms for features A, B [S, M] on the same S inputs;
    centre them first for the usual index. A pair with a representation that is zero counts as 0.
    """
    cross_EEMM = jnp.einsum("asm,bsn->abmn", features_ESM, features_ESM)
    return _of_pairs((cross_EEMM**2).sum(axis=(-1, -2)))


def pair_cosine(vector_ES: jax.Array) -> jax.Array:
    """Cosine of the angle between every two members' vectors, [pair]."""
    return _of_pairs(vector_ES @ vector_ES.T)


def _of_pairs(product_EE: jax.Array) -> jax.Array:
    """A matrix of inner products, normalised by its diagonal, above the diagonal."""
    size_E = jnp.sqrt(jnp.diagonal(product_EE))
    norm_EE = size_E[:, None] * size_E[None, :]
    cosine_EE = jnp.where(norm_EE > 0, product_EE / jnp.where(norm_EE > 0, norm_EE, 1.0), 0.0)
    return cosine_EE[jnp.triu_indices(len(size_E), k=1)]

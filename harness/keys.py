"""Random keys: one root a promise, one key a seed."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import jax


def seed_keys(prediction_id: str, revision: int, first: int, count: int) -> jax.Array:
    """Keys of the seeds first, ..., first + count - 1, shape [count].

    The key depends on the prediction, its revision and the seed's number, never on the case,
    the sweep point or the grid point: theories, controls and sizes are compared on common
    random numbers, and a changed promise is judged on seeds that nobody has seen.
    """
    import jax

    digest = hashlib.sha256(f"{prediction_id}:{revision}".encode()).digest()
    root = jax.random.key(int.from_bytes(digest[:4], "big"))
    return jax.vmap(jax.random.fold_in, in_axes=(None, 0))(
        root, jax.numpy.arange(first, first + count)
    )

"""Random keys: one root a promise, one key a seed."""

from __future__ import annotations

import hashlib
from typing import Any, Final

import numpy as np

# On every device: the fastest on a CPU, and the only one whose stream under vmap belongs to a
# seed's own key, so that results do not depend on which seeds are vectorised together.
GENERATOR: Final = "threefry2x32"


def root_key(prediction_id: str, revision: int) -> np.ndarray:
    """Key data [2] of a promise, as `jax.random.key` makes it from 32 bits of a hash.

    The key depends on the prediction and its revision, never on the case, the sweep point or the
    grid point: theories, controls and sizes are compared on common random numbers, and a changed
    promise is judged on seeds that nobody has seen.
    """
    digest = hashlib.sha256(f"{prediction_id}:{revision}".encode()).digest()
    return np.array([0, int.from_bytes(digest[:4], "big")], np.uint32)


def seed_key(root: Any, seed: Any) -> Any:
    """The key of a seed's number; both may be traced."""
    import jax

    return jax.random.fold_in(jax.random.wrap_key_data(root, impl=GENERATOR), seed)

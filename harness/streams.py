"""Fresh data at every step of training, drawn a block of steps at a time.

On a CPU one draw for many steps is faster than many small ones, and drawing is up to two thirds of
the time of a small network. The stream is the same for every block: step i sees
`draw(jax.random.fold_in(key, i))`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final, TypeVar

import jax
import jax.numpy as jnp

State = TypeVar("State")
Output = TypeVar("Output")

# Measured on networks of 150 to 65,000 weights: samples of 30 to 130 kB at once are drawn equally
# fast, more leave the cache, and a step that needs that much by itself gains nothing.
BLOCK_BYTES: Final = 65536


def scan_stream(
    step: Callable[[State, Any], tuple[State, Output]],
    state: State,
    draw: Callable[[jax.Array], Any],
    key: jax.Array,
    steps: int,
    *,
    block: int | None = None,
) -> tuple[State, Output]:
    """`lax.scan` of `step(state, sample) -> (state, output)` over `steps` fresh samples.

    `draw(key)` returns the sample of one step, a tree of arrays. `block` is the number of steps
    whose samples are held in memory at once (default: what fills `BLOCK_BYTES`); it decides the
    speed alone. Returns the last state and the outputs, stacked over steps.
    Raises ValueError for a block below 1.
    """
    length = _dividing(steps, max(1, min(steps, _block_length(draw, key, block))))
    blocks = math.ceil(steps / length)

    def one(state: State, now: tuple[jax.Array, Any]) -> tuple[State, Output]:
        index, sample = now
        if blocks * length == steps:
            return step(state, sample)
        stepped: tuple[State, Output] = jax.lax.cond(
            index < steps, step, _nothing(step), state, sample
        )
        return stepped

    def run(state: State, indices: jax.Array) -> tuple[State, Output]:
        return jax.lax.scan(one, state, (indices, _samples(draw, key, indices)))

    end, outputs = jax.lax.scan(run, state, jnp.arange(blocks * length).reshape(blocks, length))
    return end, jax.tree.map(lambda rows: rows.reshape(-1, *rows.shape[2:])[:steps], outputs)


def _samples(draw: Callable[[jax.Array], Any], key: jax.Array, indices: jax.Array) -> Any:
    return jax.vmap(lambda index: draw(jax.random.fold_in(key, index)))(indices)


def _block_length(draw: Callable[[jax.Array], Any], key: jax.Array, block: int | None) -> int:
    if block is None:
        leaves = jax.tree.leaves(jax.eval_shape(draw, key))
        sample_bytes: int = sum(leaf.size * leaf.dtype.itemsize for leaf in leaves)
        return max(1, BLOCK_BYTES // max(1, sample_bytes))
    if block < 1:
        raise ValueError(f"block={block}: a block has at least one step")
    return block


def _dividing(steps: int, block: int) -> int:
    """The largest divisor of `steps` from `block` down to half of it; without one, `block`."""
    return next((n for n in range(block, block // 2, -1) if steps % n == 0), block)


def _nothing(step: Callable[[State, Any], tuple[State, Any]]) -> Callable[..., tuple[State, Any]]:
    """A step that keeps the state and returns zeros."""

    def nothing(state: State, sample: Any) -> tuple[State, Any]:
        like = jax.eval_shape(step, state, sample)[1]
        return state, jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), like)

    return nothing

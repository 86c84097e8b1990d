"""Draws: what a seed draws (data, initial weights) before it trains, for conditional theories."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from harness.ensemble import Ensemble, with_values
from harness.executables import executable
from harness.execute import Arrays
from harness.keys import seed_key
from harness.runtime import numerics


def sample_draws(
    ensemble: Ensemble, traced: Mapping[str, float], root: np.ndarray, seeds: np.ndarray
) -> list[Arrays]:
    """The draws of these seeds as float64 NumPy, one dictionary a seed.

    A draw sees the setup at the first grid point, in the experiment as well as here.
    """
    import jax

    if ensemble.draw is None:
        return []
    draw = ensemble.draw
    dtype = np.float64 if ensemble.precision == "float64" else np.float32
    arguments = ({name: dtype(value) for name, value in traced.items()}, root, seeds)

    def one(values: Any, root: Any, seed: Any) -> Any:
        draw_key = jax.random.split(seed_key(root, seed))[0]
        return draw(with_values(ensemble.world, values), draw_key)

    def lower() -> tuple[Any, dict[str, Any]]:
        with numerics(ensemble.precision, ensemble.matmul):
            return jax.jit(jax.vmap(one, in_axes=(None, None, 0))).lower(*arguments), {}

    ready = executable({"draws": ensemble.static(), "seeds": len(seeds)}, "quick", lower)
    with ready.turn, numerics(ensemble.precision):
        drawn = jax.device_get(ready.call(*arguments))
    return [
        {name: np.asarray(value[index], np.float64) for name, value in drawn.items()}
        for index in range(len(seeds))
    ]

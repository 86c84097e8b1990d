"""Short ways to write criteria and labelled arrays in tests."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from harness.judge import Criterion


def criterion(
    compare: str, *over: str, kind: Any = "absolute", tol: float = 0.1, **more: Any
) -> Criterion:
    return Criterion("x", compare, over, kind, tol, **more)


def seeded(values: Any, *dims: str, **coords: Any) -> xr.DataArray:
    """An array whose first dimension is the seed."""
    return xr.DataArray(np.asarray(values), dims=("seed", *dims), coords=coords)


def spread(centre: Any, size: float = 0.01, seeds: int = 16) -> np.ndarray:
    """Values of `seeds` seeds with exactly this mean, symmetric about it."""
    offset = np.linspace(-1, 1, seeds) * size
    centre = np.asarray(centre, dtype=float)
    values: np.ndarray = centre + offset.reshape((-1,) + (1,) * centre.ndim)
    return values

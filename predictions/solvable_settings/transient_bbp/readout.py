"""What is read off the overlap's curve: when it passes its level, and which phase that is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from .world import LEVEL


def emergence_time(overlap: xr.DataArray) -> xr.DataArray:
    """When the seed-mean overlap first rises above the level; the last record if it never does."""
    return _over_time(_emergence, overlap.mean("seed"))


def reabsorption_time(overlap: xr.DataArray) -> xr.DataArray:
    """When the seed-mean overlap last falls below the level; the last record if it never does."""
    return _over_time(_reabsorption, overlap.mean("seed"))


def phase(overlap: xr.DataArray) -> xr.DataArray:
    """Phase of each seed: 0 never above the level, 1 transient, 2 above it at the last record."""
    above = overlap > LEVEL
    return above.any("time").astype(float) + above.isel(time=-1)


def _over_time(function: Callable[..., float], overlap: xr.DataArray) -> xr.DataArray:
    result: xr.DataArray = xr.apply_ufunc(
        function,
        overlap["time"],
        overlap,
        input_core_dims=[["time"], ["time"]],
        vectorize=True,
    )
    return result


def _emergence(time_T: NDArray[np.float64], overlap_T: NDArray[np.float64]) -> float:
    above = np.flatnonzero(overlap_T > LEVEL)
    if not len(above):
        return float(time_T[-1])
    return float(time_T[0]) if above[0] == 0 else _crossing(time_T, overlap_T, above[0] - 1)


def _reabsorption(time_T: NDArray[np.float64], overlap_T: NDArray[np.float64]) -> float:
    above = np.flatnonzero(overlap_T > LEVEL)
    if not len(above) or above[-1] == len(time_T) - 1:
        return float(time_T[-1])
    return _crossing(time_T, overlap_T, above[-1])


def _crossing(time_T: NDArray[np.float64], overlap_T: NDArray[np.float64], before: int) -> float:
    """Time at which the level lies between two records, linear in ln t."""
    pair = slice(before, before + 2)
    low, high = overlap_T[pair]
    part = (LEVEL - low) / (high - low)
    start, end = np.log(time_T[pair])
    return float(np.exp(start + part * (end - start)))

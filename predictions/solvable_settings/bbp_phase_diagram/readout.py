"""What is read off the overlap along training: its phase, and where the phases meet."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from .world import LEVEL

Array = NDArray[np.float64]


def phase(overlap: xr.DataArray) -> xr.DataArray:
    """Phase of each network: 0 never above the level, 1 transient, 2 above it at the end."""
    ever = (overlap > LEVEL).any("record")
    return ever.astype(float) + (overlap.isel(record=-1) > LEVEL)


def transient_boundary(overlap: xr.DataArray) -> xr.DataArray:
    """Logarithm of the theta at which the largest seed-mean overlap along training is the level."""
    return _boundary(overlap.mean("seed").max("record"))


def persistent_boundary(overlap: xr.DataArray) -> xr.DataArray:
    """Logarithm of the theta at which the seed-mean overlap at the end of training is the level."""
    return _boundary(overlap.mean("seed").isel(record=-1, drop=True))


def _boundary(overlap: xr.DataArray) -> xr.DataArray:
    result: xr.DataArray = xr.apply_ufunc(
        _crossing,
        np.log(overlap["theta"]),
        overlap,
        input_core_dims=[["theta"], ["theta"]],
        vectorize=True,
    )
    return result


def _crossing(log_theta_T: Array, overlap_T: Array) -> float:
    """Where the overlap last rises through the level, linear in ln theta; at an end if nowhere."""
    below = np.flatnonzero(overlap_T <= LEVEL)
    if not len(below):
        return float(log_theta_T[0])
    if below[-1] == len(overlap_T) - 1:
        return float(log_theta_T[-1])
    pair = slice(below[-1], below[-1] + 2)
    low, high = overlap_T[pair]
    start, end = log_theta_T[pair]
    return float(start + (LEVEL - low) / (high - low) * (end - start))

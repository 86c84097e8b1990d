"""What is read from trainable depths: their ratios over initial weights and biases."""

from __future__ import annotations

import numpy as np
import xarray as xr


def log_ratio(depth: xr.DataArray) -> xr.DataArray:
    """Ln of the depth less its mean over all points but seeds: a common factor drops out."""
    logarithm: xr.DataArray = xr.apply_ufunc(np.log, depth)
    return logarithm - logarithm.mean([dim for dim in depth.dims if dim != "seed"], skipna=False)

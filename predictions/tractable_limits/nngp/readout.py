"""The kurtosis in the unit in which it has a limit."""

from __future__ import annotations

import xarray as xr


def times_width(kurtosis: xr.DataArray) -> xr.DataArray:
    """Kurtosis times the number of neurons of a layer."""
    scaled: xr.DataArray = kurtosis * kurtosis["width"]
    return scaled

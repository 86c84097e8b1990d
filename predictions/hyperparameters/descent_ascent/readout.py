"""What is read off the rates at several ratios of step sizes."""

from __future__ import annotations

import xarray as xr


def best_ratio(rate: xr.DataArray) -> xr.DataArray:
    """The log2 ratio on the grid at which each seed's game converges fastest."""
    return rate.idxmax("log2_ratio")

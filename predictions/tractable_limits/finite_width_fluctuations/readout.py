"""The variance in the unit in which it has a limit, and as one number for each width."""

from __future__ import annotations

import xarray as xr


def times_width(variance: xr.DataArray) -> xr.DataArray:
    """Variance times the number of neurons."""
    scaled: xr.DataArray = variance * variance["width"]
    return scaled


def mean_over_steps(variance: xr.DataArray) -> xr.DataArray:
    """Average over all steps of training, the start included."""
    return variance.mean("step")

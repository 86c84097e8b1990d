"""Where the sharpness comes to rest, and the highest it has been."""

from __future__ import annotations

import xarray as xr


def settled(sharpness: xr.DataArray) -> xr.DataArray:
    """Mean over the second half of the records: at the edge, over several cycles."""
    later = sharpness.isel(time=slice(sharpness.sizes["time"] // 2, None))
    return later.mean("time")


def peak(sharpness: xr.DataArray) -> xr.DataArray:
    """The largest value of all records."""
    return sharpness.max("time")

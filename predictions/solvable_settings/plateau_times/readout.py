"""What is read from the learning times besides themselves."""

from __future__ import annotations

import xarray as xr


def separation(raw: xr.DataArray) -> xr.DataArray:
    """t_k / t_1 for every component after the first."""
    first = raw.isel(component=0, drop=True)
    return raw.isel(component=slice(1, None)) / first

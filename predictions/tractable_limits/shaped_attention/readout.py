"""What is compared of the correlations of tokens."""

from __future__ import annotations

import xarray as xr


def mean_over_pairs(correlations: xr.DataArray) -> xr.DataArray:
    """One number a network: near one only if all tokens have become alike."""
    return correlations.mean("pair")

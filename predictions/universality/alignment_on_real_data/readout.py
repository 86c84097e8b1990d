"""What is compared: alignment averaged over pairs, and values away from the threshold n = d."""

from __future__ import annotations

import xarray as xr

THRESHOLD = 0.25
"""Within this distance of n = d the limit d -> infinity is far and training takes too long."""


def mean_over_pairs(pair_cka: xr.DataArray) -> xr.DataArray:
    """Mean over the pairs of an ensemble."""
    return pair_cka.mean("pair")


def off_threshold(values: xr.DataArray) -> xr.DataArray:
    """The numbers of images away from n = d."""
    ratio = values["samples_per_component"]
    return values.sel(samples_per_component=abs(ratio - 1) > THRESHOLD)

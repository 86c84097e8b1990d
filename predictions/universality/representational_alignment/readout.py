"""What is compared: alignment averaged over pairs, away from the threshold, and the dip's depth."""

from __future__ import annotations

import xarray as xr

THRESHOLD = 0.2
"""Within this distance of n = d the closed form needs infinitely long training."""


def alignment(pair_cka: xr.DataArray) -> xr.DataArray:
    """Mean over the pairs of an ensemble."""
    return pair_cka.mean("pair")


def alignment_off_threshold(pair_cka: xr.DataArray) -> xr.DataArray:
    """Mean over the pairs, at the numbers of samples away from n = d."""
    return off_threshold(alignment(pair_cka))


def off_threshold(values: xr.DataArray) -> xr.DataArray:
    """The numbers of samples away from n = d."""
    return values.sel(samples_per_dim=abs(values["samples_per_dim"] - 1) > THRESHOLD)


def dip_depth(pair_cka: xr.DataArray) -> xr.DataArray:
    """How far alignment at n = P lies below that at the fewest and at the most samples, [side]."""
    sorted_cka = alignment(pair_cka).sortby("samples_per_parameter")
    ends = sorted_cka.isel(samples_per_parameter=[0, -1]).rename(samples_per_parameter="side")
    bottom = sorted_cka.sel(samples_per_parameter=1, method="nearest", drop=True)
    return ends.assign_coords(side=["fewest", "most"]) - bottom

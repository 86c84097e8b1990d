"""What is read from lengths and correlations: growth rate, edge of chaos, rate of forgetting."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

SIGMA = "weight_std"


def growth(length: xr.DataArray) -> xr.DataArray:
    """Mean increase of ln length per layer over the deeper half of the network."""
    return _log_rise(length)


def edge(length: xr.DataArray) -> xr.DataArray:
    """The weight_std at which the seed-mean growth turns positive, linear in between; else NaN."""
    rate = growth(length).mean("seed").sortby(SIGMA)
    crossing: xr.DataArray = xr.apply_ufunc(
        _zero, rate[SIGMA], rate, input_core_dims=[[SIGMA], [SIGMA]], vectorize=True
    )
    return crossing


def forgetting(correlation: xr.DataArray) -> xr.DataArray:
    """1 / depth scale: decrease per layer of ln contrast over the deeper half of the network.

    The contrast is the seed-mean correlation of neighbours on the circle less that of the pairs
    next to opposite ones. Both settle at the same value, which drops out and need not be known.
    NaN if the contrast is lost or reversed.
    """
    mean = correlation.mean("seed")
    contrast = mean.isel(separation=0, drop=True) - mean.isel(separation=-2, drop=True)
    return -_log_rise(contrast.where(contrast > 0))


def _log_rise(curve: xr.DataArray) -> xr.DataArray:
    """Mean increase of the logarithm per layer, from the middle of the network to its end."""
    depth = curve.sizes["layer"]
    middle = depth // 2
    ends = curve.isel(layer=[middle - 1, -1])
    rise: xr.DataArray = xr.apply_ufunc(np.log, ends).diff("layer").isel(layer=0, drop=True)
    return rise / (depth - middle)


def _zero(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    rising = np.flatnonzero((y[:-1] <= 0) & (y[1:] > 0))
    if len(rising) != 1:
        return np.nan
    k = rising[0]
    return float(x[k] - y[k] * (x[k + 1] - x[k]) / (y[k + 1] - y[k]))

"""Exponents of width in the bias and in the spread of the risk."""

from __future__ import annotations

import numpy as np
import xarray as xr


def bias_exponent(halving: xr.DataArray) -> xr.DataArray:
    """Exponent of the mean over seeds of the halving difference, summed over steps unsigned.

    halving has dims seed, width, step; the result has none.
    """
    return _slope(abs(halving.mean("seed")).sum("step"))


def spread_exponent(spread: xr.DataArray) -> xr.DataArray:
    """Exponent of each seed's standard deviation between networks, averaged over steps, [seed]."""
    return _slope(spread.mean("step"))


def _slope(curve: xr.DataArray) -> xr.DataArray:
    """Least-squares slope of ln y against ln width."""
    log_width, log_curve = xr.DataArray(np.log(curve["width"])), xr.DataArray(np.log(curve))
    centred = log_width - log_width.mean("width")
    return (log_curve * centred).sum("width") / (centred**2).sum()

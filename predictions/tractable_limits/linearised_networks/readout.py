"""What is compared of the risk of random features: its logarithm, and the curve off its peak."""

from __future__ import annotations

import numpy as np
import xarray as xr

NEAR = 0.15
"""Within this distance of ln(p/n) = 0 the risk fluctuates from draw to draw at any size."""


def log_risk(risk: xr.DataArray) -> xr.DataArray:
    """Natural logarithm: near the peak a few draws would rule the mean."""
    return xr.DataArray(np.log(risk))


def off_peak(risk: xr.DataArray) -> xr.DataArray:
    """The risk of networks with clearly more, or clearly fewer, features than samples."""
    return risk.sel(features_per_sample=abs(np.log(risk["features_per_sample"])) > NEAR)

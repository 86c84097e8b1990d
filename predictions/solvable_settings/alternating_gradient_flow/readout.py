"""What is read off the passages: the time per unit of ln(1/alpha), and the order."""

from __future__ import annotations

import numpy as np
import xarray as xr

SCALE = "log_inverse_alpha"


def accelerated_time(passage: xr.DataArray) -> xr.DataArray:
    """Growth of a passage's time with ln(1/alpha) between the largest and the smallest alpha.

    Whatever takes a time of order one, such as a jump or the way from 1 to LEVEL, drops out.
    """
    ends = passage.sortby(SCALE).isel({SCALE: [0, -1]})
    return (ends.diff(SCALE) / ends[SCALE].diff(SCALE)).isel({SCALE: 0}, drop=True)


def place(passage: xr.DataArray) -> xr.DataArray:
    """Place of each coefficient in the order of learning at the smallest alpha, from 0."""
    last = smallest_alpha(passage)
    axis = last.get_axis_num("coefficient")
    places = np.argsort(np.argsort(last.values, axis=axis, kind="stable"), axis=axis)
    return last.copy(data=places.astype(float))


def smallest_alpha(values: xr.DataArray) -> xr.DataArray:
    """The values at the smallest alpha."""
    return values.sortby(SCALE).isel({SCALE: -1}, drop=True)

"""What is read off the times at which the direction has contracted."""

from __future__ import annotations

import numpy as np
import xarray as xr


def stretching(passage_time: xr.DataArray) -> xr.DataArray:
    """Exponent beta of contraction ~ t^beta: slope of ln level in ln passage time."""
    time, level = (xr.apply_ufunc(np.log, x) for x in (passage_time, passage_time["level"]))
    deviation = time - time.mean("level")
    slope: xr.DataArray = (deviation * level).sum("level") / (deviation**2).sum("level")
    return slope

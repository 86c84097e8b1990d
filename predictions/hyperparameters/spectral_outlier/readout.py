"""The step size at which a minimum stops being stable, read off a grid of probes."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

AXIS = "log2_probe_rate"


def edge(growth: xr.DataArray) -> xr.DataArray:
    """Step size at which an error first stops shrinking: where its growth factor crosses one.

    Beyond the step size that corrects an error at once, the factor eta Theta - 1 of a step is
    linear in eta, and so is the interpolation between probes. NaN if the grid has no crossing.
    """
    result: xr.DataArray = xr.apply_ufunc(
        _crossing, 2.0 ** growth[AXIS], growth, input_core_dims=[[AXIS], [AXIS]], vectorize=True
    )
    return result


def _crossing(rate_P: NDArray[np.float64], growth_P: NDArray[np.float64]) -> float:
    beyond = np.flatnonzero(growth_P > 1)
    if not len(beyond) or beyond[0] == 0:
        return float("nan")
    pair = slice(beyond[0] - 1, beyond[0] + 1)
    return float(np.interp(1.0, growth_P[pair], rate_P[pair]))

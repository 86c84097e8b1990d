"""Where the loss is smallest at each depth, and what that says about transfer."""

from __future__ import annotations

from typing import Final

import numpy as np
import xarray as xr
from numpy.typing import NDArray

DEPTH: Final = "depth"
RATE: Final = "log2_learning_rate"

Array = NDArray[np.float64]


def drift(raw: xr.DataArray) -> xr.DataArray:
    """Octaves by which the best learning rate moves per octave of depth (least squares).

    raw: log loss with dims seed, depth, log2_learning_rate and others; seeds are averaged first.
    NaN where the optimum of some depth is not inside the grid: extend the grid.
    """
    curves = raw.mean("seed").sortby(RATE)
    rate = np.asarray(curves[RATE].values, dtype=np.float64)
    best = xr.apply_ufunc(
        lambda y: vertex(rate, y), curves, input_core_dims=[[RATE]], vectorize=True
    )
    octaves = np.log2(best[DEPTH].astype(float))
    centred = octaves - octaves.mean()
    slope: xr.DataArray = (best * centred).sum(DEPTH, skipna=False) / float((centred**2).sum())
    return slope


def growth(raw: xr.DataArray) -> xr.DataArray:
    """Exponent of depth in the feature change, seed by seed (least squares).

    raw: feature change with dims seed, depth, log2_learning_rate and others; it is the same at
    every point of the learning-rate grid.
    """
    log = np.log(raw.isel({RATE: 0}, drop=True))
    log_depth = np.log(log[DEPTH].astype(float))
    slope: xr.DataArray = xr.cov(log, log_depth, DEPTH) / log_depth.var(ddof=1)
    return slope


def vertex(rate_R: Array, log_loss_R: Array) -> float:
    """Location of the minimum: vertex of the parabola fitted to ln loss with weights 1 / loss^2.

    Weights instead of a window of points, so that the result is a smooth function of the losses.
    NaN if the parabola has no minimum, or has it beyond the last grid points but one.
    """
    root_R = np.exp(log_loss_R.min() - log_loss_R)
    centre = float(np.average(rate_R, weights=root_R**2))
    square, slope, _ = np.polyfit(rate_R - centre, log_loss_R, 2, w=root_R)
    if not square > 0:
        return np.nan
    found = centre - slope / (2 * square)
    inner = np.sort(rate_R)[[1, -2]]
    return float(found) if inner[0] <= found <= inner[1] else np.nan

"""Where the loss is smallest at each width, and what that says about transfer."""

from __future__ import annotations

from typing import Final

import numpy as np
import xarray as xr
from numpy.typing import NDArray

WIDTH: Final = "width"
RATE: Final = "log2_learning_rate"
EDGE_WEIGHT: Final = 0.1

Array = NDArray[np.float64]


def drift(raw: xr.DataArray) -> xr.DataArray:
    """Octaves by which the best learning rate moves per octave of width (least squares).

    raw: log loss with dims seed, width, log2_learning_rate and others; seeds are averaged first.
    NaN where the optimum of some width is not inside the grid: extend the grid.
    """
    curves, rate = _curves(raw)
    best = xr.apply_ufunc(
        lambda y: vertex(rate, y), curves, input_core_dims=[[RATE]], vectorize=True
    )
    octaves = np.log2(best[WIDTH].astype(float))
    centred = octaves - octaves.mean()
    slope: xr.DataArray = (best * centred).sum(WIDTH, skipna=False) / float((centred**2).sum())
    return slope


def middle_drift(raw: xr.DataArray) -> xr.DataArray:
    """The same as `drift` for `good_middle`, the middle of the good learning rates."""
    curves, rate = _curves(raw)
    best = xr.apply_ufunc(
        lambda y: good_middle(rate, y), curves, input_core_dims=[[RATE]], vectorize=True
    )
    octaves = np.log2(best[WIDTH].astype(float))
    slope: xr.DataArray = xr.cov(best, octaves, WIDTH) / octaves.var(ddof=1)
    return slope.where(best.notnull().all(WIDTH))


def regret(raw: xr.DataArray) -> xr.DataArray:
    """Ln of the loss at the largest width with the best rate of the smallest, over its least loss.

    raw as in `drift`; the loss between grid points is interpolated linearly in the logarithms.
    """
    curves, rate = _curves(raw)
    ordered = curves.sortby(WIDTH)

    def excess(small: Array, large: Array) -> float:
        return float(np.interp(vertex(rate, small), rate, large) - large.min())

    given_away: xr.DataArray = xr.apply_ufunc(
        excess,
        ordered.isel({WIDTH: 0}, drop=True),
        ordered.isel({WIDTH: -1}, drop=True),
        input_core_dims=[[RATE], [RATE]],
        vectorize=True,
    )
    return given_away


def probe(raw: xr.DataArray) -> xr.DataArray:
    """The feature change, which is the same at every point of the learning-rate grid."""
    return raw.isel({RATE: 0}, drop=True)


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


def good_middle(rate_R: Array, log_loss_R: Array) -> float:
    """Middle of the good learning rates: their mean with weights 1 / loss^2.

    For losses with a cliff beyond the best rate, where SGD diverges in some seeds and not in
    others, it scatters less than the vertex of a parabola. NaN if the weight at an end of the grid
    exceeds a tenth of the largest one: part of the good rates may lie outside.
    """
    weight_R = np.exp(2 * (log_loss_R.min() - log_loss_R))
    ends = weight_R[[rate_R.argmin(), rate_R.argmax()]]
    return float(np.average(rate_R, weights=weight_R)) if ends.max() <= EDGE_WEIGHT else np.nan


def _curves(raw: xr.DataArray) -> tuple[xr.DataArray, Array]:
    mean = raw.mean("seed").sortby(RATE)
    return mean, np.asarray(mean[RATE].values, dtype=np.float64)

"""`exponent`: the log-log slope along an axis."""

from __future__ import annotations

import numpy as np

from .case import Case, Estimate, Levels, coordinate, deviation, logarithm, magnitude
from .mean import Array, as_array, mean_bounds
from .terms import UnjudgeableError


def exponent(case: Case, levels: Levels) -> Estimate:
    """|mean over seeds of each seed's least-squares slope minus the forecast slope|.

    The forecast is the exponent itself (F = 1) or a curve along the axis, whose slope is taken.
    """
    log_axis_T = logarithm(coordinate(case), "coordinate")
    if np.ptp(log_axis_T) == 0:
        raise UnjudgeableError("an exponent needs at least two different coordinates")
    slope_NP = _slope(case.measured, log_axis_T, "measured")
    forecast_NP = (
        case.forecast[..., 0]
        if case.forecast.shape[-1] == 1
        else _slope(case.forecast, log_axis_T, "forecast")
    )
    dev_NP = deviation(slope_NP, forecast_NP, case.criterion.tolerance_kind)
    return magnitude(mean_bounds(dev_NP), levels)


def _slope(curve_NPT: Array, log_axis_T: Array, what: str) -> Array:
    centred_T = log_axis_T - log_axis_T.mean()
    return as_array(logarithm(curve_NPT, what) @ (centred_T / (centred_T @ centred_T)))

"""`value`, `bound`, `window`: the mean over seeds against a number, a one-sided limit, a range."""

from __future__ import annotations

import numpy as np

from .case import Case, Estimate, Levels, deviation, excess, magnitude
from .mean import Array, mean_bounds


def value(case: Case, levels: Levels) -> Estimate:
    """|mean over seeds of the deviation from the forecast|."""
    kind = case.criterion.tolerance_kind
    dev_NP = deviation(case.measured_NPT, case.forecast_NPF, kind)[..., 0]
    return magnitude(*mean_bounds(dev_NP, levels.lower, levels.upper))


def bound(case: Case, levels: Levels) -> Estimate:
    """How far the mean lies above an upper bound (below a lower one); zero on the right side."""
    kind = case.criterion.tolerance_kind
    dev_NP = deviation(case.measured_NPT, case.forecast_NPF, kind)[..., 0]
    sign = 1.0 if case.criterion.side == "upper" else -1.0
    return excess(*mean_bounds(sign * dev_NP, levels.lower, levels.upper))


def window(case: Case, levels: Levels) -> Estimate:
    """How far the mean lies outside [forecast[0], forecast[1]]; zero inside."""
    kind = case.criterion.tolerance_kind
    below_NP = -deviation(case.measured_NPT[..., 0], case.forecast_NPF[..., 0], kind)
    above_NP = deviation(case.measured_NPT[..., 0], case.forecast_NPF[..., 1], kind)
    return worst(
        excess(*mean_bounds(below_NP, levels.lower, levels.upper)),
        excess(*mean_bounds(above_NP, levels.lower, levels.upper)),
    )


def worst(first: Estimate, second: Estimate) -> Estimate:
    """Largest of two discrepancies at each point."""
    return Estimate(
        discrepancy_P=np.maximum(first.discrepancy_P, second.discrepancy_P),
        lower_P=np.maximum(first.lower_P, second.lower_P),
        upper_P=np.maximum(first.upper_P, second.upper_P),
        radius_P=_of_larger(first, second),
    )


def _of_larger(first: Estimate, second: Estimate) -> Array:
    return np.where(first.discrepancy_P >= second.discrepancy_P, first.radius_P, second.radius_P)

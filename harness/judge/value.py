"""`value`, `bound`, `window`: the mean over seeds against a number, a one-sided limit, a range."""

from __future__ import annotations

import numpy as np

from .case import Case, Estimate, Levels, deviation, excess, magnitude
from .mean import Array, Bounds, binomial_bounds, mean_bounds
from .terms import UnjudgeableError


def value(case: Case, levels: Levels) -> Estimate:
    """|mean over seeds of the deviation from the forecast|."""
    return magnitude(_above(case, 0), levels)


def bound(case: Case, levels: Levels) -> Estimate:
    """How far the mean lies above an upper bound (below a lower one); nothing on the right side."""
    above = _above(case, 0)
    return excess(above if case.criterion.side == "upper" else _turned(above), levels)


def window(case: Case, levels: Levels) -> Estimate:
    """How far the mean lies outside [forecast[0], forecast[1]]; nothing inside.

    It cannot lie beyond both edges, so neither end of the interval needs a correction.
    """
    if np.any(case.forecast[..., 0] > case.forecast[..., 1]):
        raise UnjudgeableError("the window's lower edge lies above its upper edge")
    below = excess(_turned(_above(case, 0)), levels)
    above = excess(_above(case, 1), levels)
    return Estimate(
        np.maximum(below.discrepancy, above.discrepancy),
        np.maximum(below.lower, above.lower),
        np.maximum(below.upper, above.upper),
    )


def _above(case: Case, index: int) -> Bounds:
    """Bounds of how far the mean lies above one of the forecast's values; shapes [P].

    Truth values are counted: the interval of their rate does not vanish when all seeds agree.
    """
    measured_NP, forecast_NP = case.measured[..., 0], case.forecast[..., index]
    kind = case.criterion.tolerance_kind
    if not case.yes_no or len(forecast_NP) > 1:
        return mean_bounds(deviation(measured_NP, forecast_NP, kind))
    rate = binomial_bounds(measured_NP.mean(axis=0), case.seeds)

    def bounds(level: float) -> tuple[Array, Array, Array]:
        mean, lower, upper = (deviation(end, forecast_NP[0], kind) for end in rate(level))
        return mean, lower, upper

    return bounds


def _turned(bounds: Bounds) -> Bounds:
    """Bounds of the deviation to the other side."""

    def turned(level: float) -> tuple[Array, Array, Array]:
        mean, lower, upper = bounds(level)
        return -mean, -upper, -lower

    return turned

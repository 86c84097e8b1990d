"""`value`, `bound`, `window`: the mean over seeds against a number, a one-sided limit, a range."""

from __future__ import annotations

import numpy as np

from .case import Case, Estimate, Levels, deviation, magnitude
from .mean import Array, mean_bounds


def value(case: Case, levels: Levels) -> Estimate:
    """|mean over seeds of the deviation from the forecast|."""
    return magnitude(*mean_bounds(_deviation(case, 0), levels.lower, levels.upper))


def bound(case: Case, levels: Levels) -> Estimate:
    """How far the mean lies above an upper bound (below a lower one); nothing on the right side."""
    sign = 1.0 if case.criterion.side == "upper" else -1.0
    return Estimate(*mean_bounds(sign * _deviation(case, 0), levels.lower, levels.upper))


def window(case: Case, levels: Levels) -> Estimate:
    """How far the mean lies outside [forecast[0], forecast[1]]; nothing inside.

    It cannot lie beyond both edges, so neither end of the interval needs a correction.
    """
    below = mean_bounds(-_deviation(case, 0), levels.lower, levels.upper)
    above = mean_bounds(_deviation(case, 1), levels.lower, levels.upper)
    return Estimate(*(np.maximum(b, a) for b, a in zip(below, above, strict=True)))


def _deviation(case: Case, index: int) -> Array:
    """Signed deviation from one of the forecast's values; shape [N, P]."""
    kind = case.criterion.tolerance_kind
    return deviation(case.measured[..., 0], case.forecast[..., index], kind)

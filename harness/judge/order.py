"""`order`: a predicted ordering of the values along an axis."""

from __future__ import annotations

import numpy as np

from .case import Case, Estimate, Levels, logarithm
from .mean import Array, mean_bounds
from .terms import UnjudgeableError


def order(case: Case, levels: Levels) -> Estimate:
    """Largest violation of the predicted ordering of the seed means, over all pairs along the axis.

    The forecast is a curve, whose values give the ordering (equal ones are not compared), or one
    number, positive for increasing and negative for decreasing along the coordinate. A pass needs
    every pair within the tolerance (no correction), a fail one pair beyond it (Bonferroni).
    """
    kind = case.criterion.tolerance_kind
    if kind == "log":
        measured_NPT = logarithm(case.measured_NPT, "measured")
    else:
        measured_NPT = case.measured_NPT
    rank_PT = _rank(case)
    points = rank_PT.shape[-1]
    sign_PTT = np.sign(rank_PT[:, :, np.newaxis] - rank_PT[:, np.newaxis, :])
    pairs = int(np.triu(sign_PTT != 0).sum(axis=(1, 2)).max(initial=0))
    if not np.all((sign_PTT != 0).any(axis=(1, 2))):
        raise UnjudgeableError("the forecast orders nothing: all its values are equal")
    shape_P = rank_PT.shape[:1]
    largest = np.full(shape_P, -np.inf)
    lower, upper, radius = largest.copy(), largest.copy(), largest.copy()
    for later in range(1, points):
        sign_PT = sign_PTT[:, later, :later]
        gap_NPT = sign_PT * (measured_NPT[..., :later] - measured_NPT[..., later : later + 1])
        mean_PT, low_PT, high_PT = mean_bounds(gap_NPT, levels.lower / pairs, levels.upper)
        mean_PT, low_PT, high_PT = (
            np.where(sign_PT != 0, x, -np.inf) for x in (mean_PT, low_PT, high_PT)
        )
        worst_P1 = mean_PT.argmax(axis=-1)[:, np.newaxis]
        gap_P = _take(mean_PT, worst_P1)
        radius = np.where(gap_P > largest, gap_P - _take(low_PT, worst_P1), radius)
        largest = np.maximum(largest, gap_P)
        lower = np.maximum(lower, low_PT.max(axis=-1))
        upper = np.maximum(upper, high_PT.max(axis=-1))
    return Estimate(
        np.maximum(largest, 0.0), np.maximum(lower, 0.0), np.maximum(upper, 0.0), radius
    )


def _rank(case: Case) -> Array:
    """Values whose ordering along the axis is the forecast one; shape [P, T]."""
    forecast_PF = case.forecast_NPF.mean(axis=0)
    if forecast_PF.shape[-1] > 1:
        return forecast_PF
    assert case.axis_T is not None
    return np.sign(forecast_PF) * case.axis_T


def _take(values_PT: Array, index_P1: np.ndarray) -> Array:
    return np.take_along_axis(values_PT, index_P1, axis=-1)[:, 0]

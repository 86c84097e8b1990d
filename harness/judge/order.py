"""`order`: a predicted ordering of the values along an axis."""

from __future__ import annotations

import numpy as np

from .case import Case, Estimate, Levels, excess, logarithm
from .mean import Array, mean_bounds
from .terms import UnjudgeableError


def order(case: Case, levels: Levels) -> Estimate:
    """Largest violation of the predicted ordering of the seed means, over all pairs along the axis.

    The forecast is a curve, whose values give the ordering (equal ones are not compared), or one
    number, positive for increasing and negative for decreasing along the coordinate. A pass needs
    every pair within the tolerance (no correction), a fail one pair beyond it (Bonferroni).
    """
    is_log = case.criterion.tolerance_kind == "log"
    measured_NPT = logarithm(case.measured, "measured") if is_log else case.measured
    rank_PT = _rank(case)
    sign_PTT = np.sign(rank_PT[:, :, np.newaxis] - rank_PT[:, np.newaxis, :])
    pairs = np.triu(sign_PTT != 0).sum(axis=(1, 2))
    if not np.all(pairs > 0):
        raise UnjudgeableError("the forecast orders nothing: all its values are equal")
    split = Levels(lower=levels.lower / int(pairs.max()), upper=levels.upper)
    nothing_P = np.full(len(rank_PT), -np.inf)
    worst = Estimate(nothing_P, nothing_P, nothing_P)
    for later in range(1, rank_PT.shape[-1]):
        sign_PT = sign_PTT[:, later, :later]
        gap_NPT = sign_PT * (measured_NPT[..., :later] - measured_NPT[..., later : later + 1])
        pairwise = excess(mean_bounds(gap_NPT), split)
        worst = Estimate(
            _worse(worst.discrepancy, pairwise.discrepancy, sign_PT),
            _worse(worst.lower, pairwise.lower, sign_PT),
            _worse(worst.upper, pairwise.upper, sign_PT),
        )
    return worst


def _worse(end_P: Array, end_PT: Array, sign_PT: Array) -> Array:
    """The larger of an end and the largest along the axis, pairs without an order left out."""
    largest_P: Array = np.where(sign_PT != 0, end_PT, -np.inf).max(axis=-1)
    return np.maximum(end_P, largest_P)


def _rank(case: Case) -> Array:
    """Values whose ordering along the axis is the forecast one; shape [P, T]."""
    forecast_PF: Array = case.forecast.mean(axis=0)
    if forecast_PF.shape[-1] > 1 or case.axis is None:
        return forecast_PF
    return np.sign(forecast_PF) * case.axis

"""Fitted exponents: each seed's log-log slope along the compared axis, as the judge takes it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.judge import LEVEL
from harness.judge.mean import quantile
from harness.leaderboard.plots.stage import Stage
from harness.leaderboard.series import at_point


@dataclass(frozen=True)
class Fit:
    """Mean slope over seeds with the half-width of its interval, and the line at the mean."""

    slope: float
    half: float
    x: list[float]
    y: list[float]


def fit(stage: Stage) -> Fit | None:
    """Return the fitted power law of a panel; None where it has no logarithm or no seeds."""
    by_seed = stage.scene.by_seed
    found = None if by_seed is None else at_point(by_seed, stage.point)
    if found is None or stage.names or set(found.dims) != {"seed", stage.dim}:
        return None
    x_T = np.asarray(stage.x)
    y_NT = found.transpose("seed", stage.dim).values
    if x_T.min() <= 0 or not np.isfinite(y_NT).all() or y_NT.min() <= 0 or np.ptp(x_T) == 0:
        return None
    log_T = np.log(x_T)
    centred_T = log_T - log_T.mean()
    slope_N = np.log(y_NT) @ (centred_T / (centred_T @ centred_T))
    seeds = len(slope_N)
    half = float(quantile(seeds, LEVEL)) * float(slope_N.std(ddof=1)) / np.sqrt(seeds)
    middle = np.log(y_NT).mean()
    ends = np.array([centred_T.min(), centred_T.max()])
    slope = float(slope_N.mean())
    return Fit(
        slope=slope,
        half=float(half),
        x=np.exp(ends + log_T.mean()).tolist(),
        y=np.exp(middle + slope * ends).tolist(),
    )

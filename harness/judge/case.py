"""What a comparison sees and what it answers: plain arrays, seeds first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .mean import Array
from .terms import Criterion, UnjudgeableError


@dataclass(frozen=True)
class Case:
    """A measurement and its forecast as arrays.

    Shapes: N seeds (1 for a forecast that is the same for all seeds), P points that remain after
    the comparison (each is judged, the worst decides), T values along the axis that the comparison
    consumes (1 if it consumes none), F forecast values (T, 1, or those of the forecast's own axis).
    """

    measured_NPT: Array
    forecast_NPF: Array
    criterion: Criterion
    axis_T: Array | None = None
    points_P: tuple[str, ...] = ()

    @property
    def seeds(self) -> int:
        """Number of seeds."""
        return self.measured_NPT.shape[0]


@dataclass(frozen=True)
class Levels:
    """One-sided error probabilities at one point: `lower` for a fail, `upper` for a pass."""

    lower: float
    upper: float


@dataclass(frozen=True)
class Estimate:
    """Discrepancy and its confidence interval at each of P points, in the tolerance's unit.

    `radius_P` is the distance from the discrepancy down to the unclipped lower end. `caveat_P`
    marks the points to which the sentence `caveat` applies. `project` gives both ends for another
    number of seeds where they do not shrink like those of a mean.
    """

    discrepancy_P: Array
    lower_P: Array
    upper_P: Array
    radius_P: Array
    caveat: str = ""
    caveat_P: NDArray[np.bool_] | None = None
    project: Callable[[int], tuple[Array, Array]] | None = None


def magnitude(mean: Array, lower: Array, upper: Array) -> Estimate:
    """Estimate of |deviation| from the bounds of the signed deviation."""
    centre = np.abs(mean)
    return Estimate(
        discrepancy_P=centre,
        lower_P=np.maximum(0.0, np.maximum(lower, -upper)),
        upper_P=np.maximum(np.abs(lower), np.abs(upper)),
        radius_P=np.where(mean >= 0, mean - lower, upper - mean),
    )


def excess(mean: Array, lower: Array, upper: Array) -> Estimate:
    """Estimate of the positive part of a signed deviation: how far it is on the wrong side."""
    return Estimate(
        discrepancy_P=np.maximum(0.0, mean),
        lower_P=np.maximum(0.0, lower),
        upper_P=np.maximum(0.0, upper),
        radius_P=mean - lower,
    )


def deviation(measured: Array, forecast: Array, kind: str) -> Array:
    """Signed deviation in the unit of the tolerance; raises UnjudgeableError if it has none."""
    if kind == "log":
        return logarithm(measured, "measured") - logarithm(forecast, "forecast")
    if kind == "relative":
        return (measured - forecast) / nonzero(np.abs(forecast))
    return measured - forecast


def logarithm(values: Array, what: str) -> Array:
    """Natural logarithm; raises UnjudgeableError where a value is not positive."""
    if not np.all(values > 0):
        raise UnjudgeableError(
            f"a {what} value is {values.min():.4g}: a comparison of logarithms needs positive ones"
        )
    return np.log(values)


def nonzero(size: Array) -> Array:
    """The size of a forecast as divisor; raises UnjudgeableError where it is zero."""
    if not np.all(size > 0):
        raise UnjudgeableError("the forecast is zero: a relative tolerance has no meaning there")
    return size

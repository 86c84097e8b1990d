"""What a comparison sees and what it answers: plain arrays, seeds first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .mean import Array, Bounds
from .terms import Criterion, UnjudgeableError


@dataclass(frozen=True)
class Case:
    """A measurement and its forecast as arrays.

    Shapes: `measured` [N, P, T] with N seeds, P points that remain after the comparison (each is
    judged, the worst decides) and T values along the axes that the comparison consumes (1 if it
    consumes none); `forecast` [1 or N, P, F] with N if it is conditional on a seed's own draw, and
    F = T, or 1, or the length of an axis that only the forecast has; `axis` [T], the coordinate if
    it is a number; `points`, a name for each point; `yes_no`, whether the values are truth values.
    """

    measured: Array
    forecast: Array
    criterion: Criterion
    axis: Array | None = None
    points: tuple[str, ...] = ()
    yes_no: bool = False

    @property
    def seeds(self) -> int:
        """Number of seeds."""
        return len(self.measured)


@dataclass(frozen=True)
class Levels:
    """One-sided error probabilities at one point: `lower` for a fail, `upper` for a pass."""

    lower: float
    upper: float


POINT: Final = Levels(0.5, 0.5)
"""Asks for the discrepancy alone: a comparison may leave out the work for its interval."""


@dataclass(frozen=True)
class Estimate:
    """Discrepancy and the ends of its confidence interval at each of P points, shapes [P].

    In the tolerance's unit. Negative numbers are kept (as far as the wrong side is away); who
    reports cuts them at zero. `caveat_at` marks the points to which the sentence `caveat` applies.
    `project` estimates for another number
    of seeds where the ends do not shrink as a mean's do.
    """

    discrepancy: Array
    lower: Array
    upper: Array
    caveat: str = ""
    caveat_at: NDArray[np.bool_] | None = None
    project: Callable[[int], Estimate] | None = None


def coordinate(case: Case) -> Array:
    """The coordinate of the axis; raises UnjudgeableError where it is made of names."""
    if case.axis is None:
        raise UnjudgeableError("the coordinate to compare over is not made of numbers")
    return case.axis


def excess(bounds: Bounds, levels: Levels) -> Estimate:
    """Estimate of a signed deviation: positive on the wrong side."""
    mean, lower, _ = bounds(levels.lower)
    _, _, upper = bounds(levels.upper)
    return Estimate(mean, lower, upper)


def magnitude(bounds: Bounds, levels: Levels) -> Estimate:
    """Estimate of |deviation| from the bounds of the signed deviation.

    The lower end is that of the side on which the mean lies; the upper end is the larger of both.
    """
    mean, lower, upper = bounds(levels.lower)
    _, least, most = bounds(levels.upper)
    return Estimate(
        discrepancy=np.abs(mean),
        lower=np.where(mean >= 0, lower, -upper),
        upper=np.maximum(-least, most),
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

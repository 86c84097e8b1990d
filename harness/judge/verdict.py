"""From a measurement and a forecast to a verdict."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from .arrange import arrange
from .case import Case, Estimate, Levels
from .comparisons import COMPARISONS
from .mean import quantile
from .terms import LEVEL, Criterion, Judgement, UnjudgeableError, Verdict

if TYPE_CHECKING:
    import xarray as xr

MOST_SEEDS: Final = 100_000
"""Beyond this many seeds an inconclusive verdict is said to sit at the boundary."""

ROUNDING: Final = 1e-9
"""Relative slack of the tolerance, for grid points that lie exactly at it."""


@dataclass(frozen=True)
class _Worst:
    """The estimate over all points: the largest discrepancy, the largest of either end."""

    discrepancy: float
    lower: float
    upper: float
    radius: float
    point: str
    caveat: str


def judge(
    measured: xr.DataArray, forecast: xr.DataArray, criterion: Criterion, level: float = LEVEL
) -> Judgement:
    """Judge a measurement against a forecast.

    | confidence interval [lo, hi] of the discrepancy | verdict      |
    |-------------------------------------------------|--------------|
    | hi <= tolerance                                 | pass         |
    | lo > tolerance                                  | fail         |
    | lo <= tolerance < hi                            | inconclusive |
    | does not exist                                  | error        |

    measured: dims `seed` and others, before `criterion.reduce`. forecast: after it, with a subset of
    the other dims, and `seed` where it is conditional on the seed's draw. level: probability of a
    false pass, and of a false fail, per look. Never raises for what the data are.
    """
    seeds = measured.sizes.get("seed", 0)
    try:
        case = arrange(measured, forecast, criterion)
        levels = Levels(lower=level / len(case.points_P), upper=level)
        estimate = COMPARISONS[criterion.compare].estimate(case, levels)
    except UnjudgeableError as problem:
        return _error(str(problem), seeds, criterion)
    worst = _worst(estimate, case.points_P)
    if not math.isfinite(worst.discrepancy):
        return _error("the discrepancy is not finite", seeds, criterion)
    return _decide(worst, estimate, case, levels)


def point_discrepancy(
    measured: xr.DataArray, forecast: xr.DataArray, criterion: Criterion
) -> float:
    """The discrepancy alone; raises UnjudgeableError where there is none."""
    case = arrange(measured, forecast, criterion)
    estimate = COMPARISONS[criterion.compare].estimate(case, Levels(LEVEL, LEVEL))
    return float(estimate.discrepancy_P.max())


def _worst(estimate: Estimate, points_P: tuple[str, ...]) -> _Worst:
    index = int(estimate.discrepancy_P.argmax())
    caveat = estimate.caveat_P is not None and bool(estimate.caveat_P.any())
    return _Worst(
        discrepancy=float(estimate.discrepancy_P[index]),
        lower=float(estimate.lower_P.max()),
        upper=float(estimate.upper_P.max()),
        radius=float(estimate.radius_P[index]),
        point=points_P[index] if len(points_P) > 1 else "",
        caveat=estimate.caveat if caveat else "",
    )


def _decide(worst: _Worst, estimate: Estimate, case: Case, levels: Levels) -> Judgement:
    tolerance = case.criterion.tolerance
    limit = tolerance * (1 + ROUNDING)
    if worst.upper <= limit:
        verdict, says = Verdict.PASS, "lies within"
    elif worst.lower > limit:
        verdict, says = Verdict.FAIL, "lies beyond"
    else:
        verdict, says = Verdict.INCONCLUSIVE, "straddles"
    needed = None
    if verdict is Verdict.INCONCLUSIVE and not worst.caveat:
        needed = _seeds_to_decide(worst, estimate, case.seeds, levels, tolerance)
    return Judgement(
        verdict=verdict,
        reason=_sentence(worst, says, tolerance, case.seeds, verdict, needed),
        discrepancy=worst.discrepancy,
        interval=(worst.lower, worst.upper),
        tolerance=tolerance,
        seeds=case.seeds,
        error_in_tolerances=_ratio(worst.discrepancy, tolerance),
        minimum_detectable=worst.radius,
        seeds_to_decide=needed,
    )


def _sentence(
    worst: _Worst, says: str, tolerance: float, seeds: int, verdict: Verdict, needed: int | None
) -> str:
    where = f" (largest at {worst.point})" if worst.point else ""
    text = (
        f"discrepancy {worst.discrepancy:.3g}{where}: its interval "
        f"[{worst.lower:.3g}, {worst.upper:.3g}] from {seeds} seeds {says} the tolerance "
        f"{tolerance:.3g}"
    )
    if verdict is not Verdict.INCONCLUSIVE:
        return text
    if worst.caveat:
        return f"{text}; {worst.caveat}"
    if needed is None:
        return f"{text}; the discrepancy is too close to the tolerance for more seeds to decide"
    return f"{text}; about {needed} seeds would decide"


def _seeds_to_decide(
    worst: _Worst, estimate: Estimate, seeds: int, levels: Levels, tolerance: float
) -> int | None:
    """Smallest number of seeds whose interval no longer straddles, all else staying as it is."""

    def decides(n: int) -> bool:
        if estimate.project is not None:
            lower, upper = estimate.project(n)
            return bool(upper.max() <= tolerance or lower.max() > tolerance)
        if worst.discrepancy <= tolerance:
            shrink = _width(n, levels.upper) / _width(seeds, levels.upper)
            return worst.discrepancy + shrink * (worst.upper - worst.discrepancy) <= tolerance
        shrink = _width(n, levels.lower) / _width(seeds, levels.lower)
        return worst.discrepancy - shrink * worst.radius > tolerance

    low, high = seeds, seeds
    while not decides(high):
        low, high = high, 2 * high
        if high > MOST_SEEDS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if decides(middle) else (middle, high)
    return max(high, seeds + 1)


def _width(n: int, level: float) -> float:
    """How the half-width of an interval depends on the number of seeds, for symmetric noise."""
    return float(quantile(n, level)) / math.sqrt(n)


def _ratio(discrepancy: float, tolerance: float) -> float:
    if tolerance > 0:
        return discrepancy / tolerance
    return float(np.where(discrepancy > 0, math.inf, 0.0))


def _error(reason: str, seeds: int, criterion: Criterion) -> Judgement:
    nan = math.nan
    return Judgement(
        Verdict.ERROR, reason, nan, (nan, nan), criterion.tolerance, seeds, nan, nan, None
    )

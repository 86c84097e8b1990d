"""From a measurement and a forecast to a verdict."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from .arrange import arrange
from .case import POINT, Case, Estimate, Levels
from .comparisons import COMPARISONS
from .mean import quantile
from .terms import LEVEL, Criterion, Judgement, UnjudgeableError, Verdict

if TYPE_CHECKING:
    import xarray as xr

MOST_SEEDS: Final = 100_000
"""Beyond this many seeds an inconclusive verdict is said to sit at the boundary."""

ROUNDING: Final = 1e-9
"""Relative slack of the tolerance, for grid points that lie exactly at it."""


_RELATION: Final = {
    Verdict.PASS: "lies within",
    Verdict.FAIL: "lies beyond",
    Verdict.INCONCLUSIVE: "straddles",
}


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

    measured: dims `seed` and others, before `criterion.reduce`. forecast: after it, with a subset
    of the other dims, and `seed` where it is conditional on the seed's draw. level: probability of
    a false pass, and of a false fail, per look. Never raises for what the data are.
    """
    seeds = measured.sizes.get("seed", 0)
    try:
        case = arrange(measured, forecast, criterion)
        levels = Levels(lower=level / len(case.points), upper=level)
        estimate = COMPARISONS[criterion.compare].estimate(case, levels)
    except UnjudgeableError as problem:
        return _error(str(problem), seeds, criterion)
    if not np.all(np.isfinite(estimate.discrepancy)):
        return _error("the discrepancy is not finite", seeds, criterion)
    return _decide(estimate, case, levels)


def point_discrepancy(
    measured: xr.DataArray, forecast: xr.DataArray, criterion: Criterion
) -> float:
    """The discrepancy alone; raises UnjudgeableError where there is none."""
    case = arrange(measured, forecast, criterion)
    estimate = COMPARISONS[criterion.compare].estimate(case, POINT)
    return max(0.0, float(estimate.discrepancy.max()))


def _decide(estimate: Estimate, case: Case, levels: Levels) -> Judgement:
    tolerance = case.criterion.tolerance
    index = int(estimate.discrepancy.argmax())
    discrepancy, lower, upper = (
        max(0.0, float(end.max())) for end in (estimate.discrepancy, estimate.lower, estimate.upper)
    )
    verdict = _verdict(lower, upper, tolerance)
    needed, outlook = None, ""
    if verdict is Verdict.INCONCLUSIVE:
        at_caveat = estimate.caveat_at is not None and bool(estimate.caveat_at.any())
        if not at_caveat:
            needed = _seeds_to_decide(estimate, case.seeds, levels, tolerance)
        outlook = estimate.caveat if at_caveat else _outlook(needed)
    elif not np.ptp(case.measured, axis=0).any():
        outlook = "all seeds gave the same value, which says nothing about rarer ones"
    return Judgement(
        verdict=verdict,
        reason=_sentence(verdict, (lower, discrepancy, upper), case, index, outlook),
        discrepancy=discrepancy,
        interval=(lower, upper),
        tolerance=tolerance,
        seeds=case.seeds,
        error_in_tolerances=_ratio(discrepancy, tolerance),
        minimum_detectable=float((estimate.discrepancy - estimate.lower)[index]),
        seeds_to_decide=needed,
    )


def _sentence(
    verdict: Verdict, ends: tuple[float, float, float], case: Case, index: int, outlook: str
) -> str:
    lower, discrepancy, upper = ends
    where = f" (largest at {case.points[index]})" if len(case.points) > 1 else ""
    return (
        f"discrepancy {discrepancy:.3g}{where}: its interval [{lower:.3g}, {upper:.3g}] "
        f"from {case.seeds} seeds {_RELATION[verdict]} the tolerance {case.criterion.tolerance:.3g}"
        f"{'; ' if outlook else ''}{outlook}"
    )


def _verdict(lower: float, upper: float, tolerance: float) -> Verdict:
    limit = tolerance * (1 + ROUNDING)
    if upper <= limit:
        return Verdict.PASS
    return Verdict.FAIL if lower > limit else Verdict.INCONCLUSIVE


def _outlook(needed: int | None) -> str:
    if needed is None:
        return "the discrepancy is too close to the tolerance for more seeds to decide"
    return f"about {needed} seeds would decide"


def _seeds_to_decide(
    estimate: Estimate, seeds: int, levels: Levels, tolerance: float
) -> int | None:
    """Smallest number of seeds whose interval no longer straddles, all else staying as it is."""

    def decides(n: int) -> bool:
        lower, upper = _projected(estimate, seeds, n, levels)
        return _verdict(lower, upper, tolerance) is not Verdict.INCONCLUSIVE

    low, high = seeds, seeds + 1
    while not decides(high):
        low, high = high, 2 * high
        if high > MOST_SEEDS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if decides(middle) else (middle, high)
    return high


def _projected(estimate: Estimate, seeds: int, n: int, levels: Levels) -> tuple[float, float]:
    """Both ends with n seeds instead, if discrepancy and spread stay."""
    if estimate.project is not None:
        lower, upper = estimate.project(n).lower, estimate.project(n).upper
    else:
        centre = estimate.discrepancy
        down = _width(n, levels.lower) / _width(seeds, levels.lower)
        up = _width(n, levels.upper) / _width(seeds, levels.upper)
        lower = centre - down * (centre - estimate.lower)
        upper = centre + up * (estimate.upper - centre)
    return float(lower.max()), max(0.0, float(upper.max()))


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

"""`argmin` and `argmax`: where along a grid the seed-mean curve is lowest or highest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .case import POINT, Case, Estimate, Levels, coordinate, logarithm, nonzero
from .mean import Array, as_array, mean_bounds
from .parabola import vertex, vertex_interval
from .terms import UnjudgeableError

GRID_EDGE: Final = (
    "grid-edge: the extremum may lie beyond the end of its grid; widen the grid to decide"
)


@dataclass(frozen=True)
class _Region:
    """Where the extremum may lie: the observed place [P] and a range at each grid point [P, T].

    The range is NaN where a grid point is excluded.
    """

    observed: Array
    low: Array
    high: Array


def argmin(case: Case, levels: Levels) -> Estimate:
    """Distance from the forecast location to the location of the minimum of the mean curve.

    The locations that the data allow are a confidence set: a grid point drops out when another one
    is lower beyond doubt (paired over seeds, Bonferroni over its rivals), so the true minimum stays
    in with the probability asked for (Hsu 1996, "Multiple Comparisons", ch. 4). The interval is the
    range of the distances of the set. A set that touches an end of the grid reaches beyond it: it
    never passes, and fails only if the forecast lies too far on the inner side. With `refine:
    parabola` each member stands for the vertex of the parabola through it and its neighbours.
    """
    order_T = np.argsort(coordinate(case))
    axis_T = coordinate(case)[order_T]
    if axis_T.size < 3 or not np.all(np.diff(axis_T) > 0):
        raise UnjudgeableError("a location needs a grid of at least three different points")
    place = _placing(case)
    scaled_T = place(axis_T)
    measured_NPT = case.measured[..., order_T]
    forecast_P, at_end_P = _forecast_location(case, order_T, scaled_T, place)
    refine = case.criterion.refine
    if levels is POINT:
        distance_P = np.abs(_observed(measured_NPT, scaled_T, refine) - forecast_P)
        distance_P = distance_P / _unit(case, forecast_P)
        return Estimate(distance_P, distance_P, distance_P)
    upper = _region(measured_NPT, scaled_T, levels.upper, refine)
    same = levels.lower == levels.upper
    lower = upper if same else _region(measured_NPT, scaled_T, levels.lower, refine)
    unit_P = _unit(case, forecast_P)
    centre_P = np.abs(upper.observed - forecast_P)
    at_edge_P = _touches_edge(upper) | at_end_P
    far_P = np.where(at_edge_P, np.inf, _farthest(upper, forecast_P))
    near_P = _nearest(lower, forecast_P)
    extent_P = np.where(_touches_edge(lower), np.inf, _farthest(lower, lower.observed))
    return Estimate(
        discrepancy=centre_P / unit_P,
        lower=np.where(near_P > 0, np.minimum(near_P, centre_P), centre_P - extent_P) / unit_P,
        upper=np.maximum(far_P, centre_P) / unit_P,
        caveat=GRID_EDGE,
        caveat_at=at_edge_P,
    )


def argmax(case: Case, levels: Levels) -> Estimate:
    """As `argmin`, for the maximum."""
    # A forecast curve turns over with the measurement; a forecast location stays.
    forecast = case.forecast if case.forecast.shape[-1] == 1 else -case.forecast
    return argmin(replace(case, measured=-case.measured, forecast=forecast), levels)


def _placing(case: Case) -> Callable[[Array], Array]:
    """The map from coordinates to the scale in which distances are taken."""
    scale, kind = case.criterion.scale, case.criterion.tolerance_kind
    if scale != "linear" and kind != "absolute":
        raise UnjudgeableError(
            f"a location takes `scale: {scale}` or a {kind} tolerance, not both at once"
        )
    if kind == "log" or scale == "log":
        return lambda x: logarithm(x, "coordinate")
    if scale == "log2":
        return lambda x: as_array(logarithm(x, "coordinate") / np.log(2))
    return lambda x: x


def _unit(case: Case, forecast_P: Array) -> Array:
    if case.criterion.tolerance_kind == "relative":
        return nonzero(np.abs(forecast_P))
    return np.ones_like(forecast_P)


def _forecast_location(
    case: Case, order_T: NDArray[np.intp], scaled_T: Array, place: Callable[[Array], Array]
) -> tuple[Array, NDArray[np.bool_]]:
    """Forecast location at each point, and whether it is only the end of the grid; shapes [P]."""
    if len(case.forecast) > 1:
        raise UnjudgeableError(
            "a location is one number for all seeds, but the forecast differs from seed to seed: "
            "reduce to the location of each seed and compare its value"
        )
    forecast_PF = case.forecast[0]
    if forecast_PF.shape[-1] == 1:
        return place(forecast_PF[..., 0]), np.zeros(len(forecast_PF), dtype=bool)
    curve_PT = forecast_PF[..., order_T]
    best_P = curve_PT.argmin(axis=-1)
    at_end_P = (best_P == 0) | (best_P == scaled_T.size - 1)
    if case.criterion.refine == "none":
        return scaled_T[best_P], at_end_P
    return vertex(curve_PT, scaled_T, best_P), at_end_P


def _observed(measured_NPT: Array, scaled_T: Array, refine: str) -> Array:
    mean_PT = measured_NPT.mean(axis=0)
    best_P = mean_PT.argmin(axis=-1)
    return scaled_T[best_P] if refine == "none" else vertex(mean_PT, scaled_T, best_P)


def _region(measured_NPT: Array, scaled_T: Array, level: float, refine: str) -> _Region:
    """Confidence region of the minimum; refined, half of the level goes to each of two steps."""
    observed_P = _observed(measured_NPT, scaled_T, refine)
    if refine == "none":
        kept_PT = _not_beaten(measured_NPT, level)
        low_PT, high_PT = scaled_T, scaled_T
    else:
        kept_PT = _not_beaten(measured_NPT, level / 2)
        low_PT, high_PT = vertex_interval(measured_NPT, scaled_T, level / 2)
    return _Region(
        observed_P, np.where(kept_PT, low_PT, np.nan), np.where(kept_PT, high_PT, np.nan)
    )


def _not_beaten(measured_NPT: Array, level: float) -> NDArray[np.bool_]:
    """Which grid points no other point undercuts beyond doubt; shape [P, T]."""
    rivals = measured_NPT.shape[-1] - 1
    kept_PT = np.ones(measured_NPT.shape[1:], dtype=bool)
    for j in range(rivals):
        gap_NPT = measured_NPT[..., j + 1 :] - measured_NPT[..., j : j + 1]
        _, lower_PT, upper_PT = mean_bounds(gap_NPT)(level / rivals)
        kept_PT[:, j + 1 :] &= ~(lower_PT > 0)
        kept_PT[:, j] &= ~(upper_PT < 0).any(axis=-1)
    return kept_PT


def _farthest(region: _Region, forecast_P: Array) -> Array:
    forecast_P1 = forecast_P[:, np.newaxis]
    low, high = np.abs(region.low - forecast_P1), np.abs(region.high - forecast_P1)
    return np.fmax(_nanmax(low), _nanmax(high))


def _nearest(region: _Region, forecast_P: Array) -> Array:
    """Smallest distance to the region, which runs on beyond an end of the grid that it contains."""
    forecast_P1 = forecast_P[:, np.newaxis]
    low_PT, high_PT = region.low.copy(), region.high.copy()
    low_PT[:, 0] = np.where(np.isnan(low_PT[:, 0]), np.nan, -np.inf)
    high_PT[:, -1] = np.where(np.isnan(high_PT[:, -1]), np.nan, np.inf)
    gap_PT = np.maximum(np.maximum(low_PT - forecast_P1, forecast_P1 - high_PT), 0.0)
    return -_nanmax(-gap_PT)


def _touches_edge(region: _Region) -> NDArray[np.bool_]:
    return ~np.isnan(region.low[:, 0]) | ~np.isnan(region.high[:, -1])


def _nanmax(values_PT: Array) -> Array:
    """Largest along the grid; a region is never empty, its observed point is always a member."""
    return as_array(np.where(np.isnan(values_PT), -np.inf, values_PT).max(axis=-1))

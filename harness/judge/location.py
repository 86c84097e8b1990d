"""`argmin` and `argmax`: where along a grid the seed-mean curve is lowest or highest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .case import Case, Estimate, Levels, logarithm, nonzero
from .mean import Array, mean_bounds, quantile, skewness
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
    range of the distances of the set. A set that touches an end of the grid reaches beyond it.
    With `refine: parabola` each member stands for the vertex of the parabola through it and its
    neighbours, with Fieller's (1954) interval.
    """
    assert case.axis is not None
    if case.axis.size < 3:
        raise UnjudgeableError("a location needs a grid of at least three points")
    order_T = np.argsort(case.axis)
    axis_T = case.axis[order_T]
    place = _placing(case)
    scaled_T = place(axis_T)
    measured_NPT = case.measured[..., order_T]
    forecast_P = _forecast_location(case, order_T, scaled_T, place)
    refine = case.criterion.refine
    upper = _region(measured_NPT, scaled_T, levels.upper, refine)
    lower = _region(measured_NPT, scaled_T, levels.lower, refine)
    unit_P = _unit(case, forecast_P)
    centre_P = np.abs(upper.observed - forecast_P)
    at_edge_P = _touches_edge(upper)
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
        return lambda x: logarithm(x, "coordinate") / np.log(2)
    return lambda x: x


def _unit(case: Case, forecast_P: Array) -> Array:
    if case.criterion.tolerance_kind == "relative":
        return nonzero(np.abs(forecast_P))
    return np.ones_like(forecast_P)


def _forecast_location(
    case: Case, order_T: NDArray[np.intp], scaled_T: Array, place: Callable[[Array], Array]
) -> Array:
    if case.forecast.shape[0] > 1:
        raise UnjudgeableError(
            "a location is one number for all seeds, but the forecast differs from seed to seed: "
            "reduce to the location of each seed and compare its value"
        )
    forecast_PF = case.forecast[0]
    if forecast_PF.shape[-1] == 1:
        return place(forecast_PF[..., 0])
    curve_PT = forecast_PF[..., order_T]
    if case.criterion.refine == "none":
        return scaled_T[curve_PT.argmin(axis=-1)]
    return _vertex(curve_PT, scaled_T, curve_PT.argmin(axis=-1))


def _region(measured_NPT: Array, scaled_T: Array, level: float, refine: str) -> _Region:
    """Confidence region of the minimum; refined, half of the level goes to each of two steps."""
    mean_PT = measured_NPT.mean(axis=0)
    best_P = mean_PT.argmin(axis=-1)
    if refine == "none":
        kept_PT = _not_beaten(measured_NPT, level)
        place_PT = np.where(kept_PT, scaled_T, np.nan)
        return _Region(scaled_T[best_P], place_PT, place_PT)
    kept_PT = _not_beaten(measured_NPT, level / 2)
    low_PT, high_PT = _vertex_interval(measured_NPT, scaled_T, level / 2)
    return _Region(
        _vertex(mean_PT, scaled_T, best_P),
        np.where(kept_PT, low_PT, np.nan),
        np.where(kept_PT, high_PT, np.nan),
    )


def _not_beaten(measured_NPT: Array, level: float) -> NDArray[np.bool_]:
    """Which grid points no other point undercuts beyond doubt; shape [P, T]."""
    points = measured_NPT.shape[-1]
    kept_PT = np.ones(measured_NPT.shape[1:], dtype=bool)
    for rival in range(points):
        gap_NPT = measured_NPT - measured_NPT[..., rival : rival + 1]
        _, lower_PT, _ = mean_bounds(gap_NPT, level / (points - 1), level)
        kept_PT &= ~(lower_PT > 0)
    return kept_PT


def _cells(scaled_T: Array) -> tuple[Array, Array]:
    """Midpoints to the left and right neighbour: the vertex at a lowest grid point lies between."""
    middle = (scaled_T[1:] + scaled_T[:-1]) / 2
    return np.r_[scaled_T[0], middle], np.r_[middle, scaled_T[-1]]


def _parabola(curve: Array, scaled_T: Array) -> tuple[Array, Array]:
    """Slope and curvature at each inner grid point of the parabola through it and its neighbours.

    y = y_j + slope u + curvature u^2 with u the distance from the grid point; shapes [..., T - 2].
    """
    left = scaled_T[1:-1] - scaled_T[:-2]
    right = scaled_T[2:] - scaled_T[1:-1]
    secant_left = (curve[..., 1:-1] - curve[..., :-2]) / left
    secant_right = (curve[..., 2:] - curve[..., 1:-1]) / right
    curvature = (secant_right - secant_left) / (left + right)
    return secant_left + curvature * left, curvature


def _vertex(curve_PT: Array, scaled_T: Array, best_P: NDArray[np.intp]) -> Array:
    """Vertex of the parabola at the lowest grid point; the grid point itself at an edge."""
    slope, curvature = _parabola(curve_PT, scaled_T)
    shift = np.divide(-slope, 2 * curvature, out=np.zeros_like(slope), where=curvature > 0)
    shift_PT = np.pad(shift, [(0, 0), (1, 1)])
    return scaled_T[best_P] + np.take_along_axis(shift_PT, best_P[:, None], axis=-1)[:, 0]


def _vertex_interval(measured_NPT: Array, scaled_T: Array, level: float) -> tuple[Array, Array]:
    """Range of the vertex at each grid point, should that point be the lowest one.

    Fieller: the vertices v for which the mean over seeds of slope + 2 curvature v is compatible
    with zero, cut to the cell of the grid point; the whole cell where the curvature is unresolved.
    """
    n = measured_NPT.shape[0]
    slope_N, curvature_N = _parabola(measured_NPT, scaled_T)
    slope, curvature = slope_N.mean(axis=0), curvature_N.mean(axis=0)
    vertex = np.divide(-slope, 2 * curvature, out=np.zeros_like(slope), where=curvature > 0)
    skew = np.abs(skewness(slope_N + 2 * curvature_N * vertex))
    q2 = quantile(n, level, skew) ** 2 / (n * (n - 1))
    d_slope, d_curvature = slope_N - slope, curvature_N - curvature
    a = 4 * (curvature**2 - q2 * (d_curvature**2).sum(axis=0))
    b = 2 * (slope * curvature - q2 * (d_slope * d_curvature).sum(axis=0))
    c = slope**2 - q2 * (d_slope**2).sum(axis=0)
    resolved = (a > 0) & (curvature > 0)
    a = np.where(resolved, a, 1.0)
    root = np.sqrt(np.maximum(b**2 - a * c, 0.0))
    cell_low_T, cell_high_T = _cells(scaled_T)
    low_PT = np.broadcast_to(cell_low_T, measured_NPT.shape[1:]).copy()
    high_PT = np.broadcast_to(cell_high_T, measured_NPT.shape[1:]).copy()
    inner_T = scaled_T[1:-1]
    low, high = inner_T + (-b - root) / a, inner_T + (-b + root) / a
    low_PT[..., 1:-1] = np.where(
        resolved, np.clip(low, cell_low_T[1:-1], cell_high_T[1:-1]), low_PT[..., 1:-1]
    )
    high_PT[..., 1:-1] = np.where(
        resolved, np.clip(high, cell_low_T[1:-1], cell_high_T[1:-1]), high_PT[..., 1:-1]
    )
    return low_PT, high_PT


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
    return np.where(np.isnan(values_PT), -np.inf, values_PT).max(axis=-1)

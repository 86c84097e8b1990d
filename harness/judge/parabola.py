"""The vertex of a parabola through a grid point and its neighbours, with its interval."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .mean import Array, as_array, moments, quantile


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


def vertex(curve_PT: Array, scaled_T: Array, best_P: NDArray[np.intp]) -> Array:
    """Vertex of the parabola at the lowest grid point; the grid point itself at an edge."""
    slope, curvature = _parabola(curve_PT, scaled_T)
    shift = np.divide(-slope, 2 * curvature, out=np.zeros_like(slope), where=curvature > 0)
    shift_PT = np.pad(shift, [(0, 0), (1, 1)])
    shift_P = np.take_along_axis(shift_PT, best_P[:, np.newaxis], axis=-1)[:, 0]
    return as_array(scaled_T[best_P] + shift_P)


def vertex_interval(measured_NPT: Array, scaled_T: Array, level: float) -> tuple[Array, Array]:
    """Range of the vertex at each grid point, should that point be the lowest one.

    Fieller: the vertices v for which the mean over seeds of slope + 2 curvature v is compatible
    with zero, cut to the cell of the grid point; the whole cell where the curvature is unresolved.
    """
    n = len(measured_NPT)
    slope_N, curvature_N = _parabola(measured_NPT, scaled_T)
    slope, curvature = slope_N.mean(axis=0), curvature_N.mean(axis=0)
    centre = np.divide(-slope, 2 * curvature, out=np.zeros_like(slope), where=curvature > 0)
    _, _, skew = moments(slope_N + 2 * curvature_N * centre)
    q2 = quantile(n, level, np.abs(skew)) ** 2 / (n * (n - 1))
    d_slope, d_curvature = slope_N - slope, curvature_N - curvature
    a = 4 * (curvature**2 - q2 * (d_curvature**2).sum(axis=0))
    b = 2 * (slope * curvature - q2 * (d_slope * d_curvature).sum(axis=0))
    c = slope**2 - q2 * (d_slope**2).sum(axis=0)
    resolved = (a > 0) & (curvature > 0)
    a = np.where(resolved, a, 1.0)
    spread = np.sqrt(np.maximum(b**2 - a * c, 0.0))
    cell_low_T, cell_high_T = _cells(scaled_T)
    low_PT = np.broadcast_to(cell_low_T, measured_NPT.shape[1:]).copy()
    high_PT = np.broadcast_to(cell_high_T, measured_NPT.shape[1:]).copy()
    for end_PT, root in ((low_PT, (-b - spread) / a), (high_PT, (-b + spread) / a)):
        inside = np.clip(scaled_T[1:-1] + root, cell_low_T[1:-1], cell_high_T[1:-1])
        end_PT[..., 1:-1] = np.where(resolved, inside, end_PT[..., 1:-1])
    return low_PT, high_PT

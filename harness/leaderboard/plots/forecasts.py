"""A forecast as layers of a plot: a line, a slope, a location, a window, and its tolerance."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

import numpy as np
import xarray as xr

from harness.leaderboard.plots.scene import Scene, Told, band
from harness.leaderboard.plots.stage import Stage, along
from harness.leaderboard.plots.svg import Band, Layer, Line, Rule
from harness.leaderboard.series import at_point

Drawer: TypeAlias = "Callable[[Stage, Told, bool], list[Layer]]"


def forecast_layers(stage: Stage, told: Told, *, with_band: bool) -> list[Layer]:
    """Return what a theory says in one panel, with its tolerance where asked."""
    return _DRAWERS.get(stage.scene.spec.compare, _curve)(stage, told, with_band)


def _curve(stage: Stage, told: Told, with_band: bool) -> list[Layer]:
    """The forecast as a line; its tolerance as a band, one-sided where the comparison is."""
    whole = told.forecast.broadcast_like(told.measured.mean).transpose(*told.measured.mean.dims)
    over = [index for index, dim in enumerate(whole.dims) if dim in stage.scene.spec.over]
    low, high = band(stage.scene, whole.values, over)
    ends = [along(stage, whole.copy(data=values)) for values in (low, high)]
    line = along(stage, whole)
    if line is None or ends[0] is None or ends[1] is None:
        return []
    layers: list[Layer] = [Line(*line, told.style)]
    if with_band:
        lows, highs = ends[0][1], ends[1][1]
        if stage.scene.spec.compare == "bound":
            upper = stage.scene.spec.options.get("side", "upper") == "upper"
            lows = [-math.inf] * len(lows) if upper else lows
            highs = highs if upper else [math.inf] * len(highs)
        layers.insert(0, Band(line[0], lows, highs, told.style))
    return layers


def _window(stage: Stage, told: Told, with_band: bool) -> list[Layer]:
    """The two ends of a forecast window as lines, with the tolerance beyond them."""
    layers: list[Layer] = []
    ends = []
    for edge in (0, 1):
        forecast = told.forecast.isel(edge=edge)
        whole = forecast.broadcast_like(told.measured.mean).transpose(*told.measured.mean.dims)
        line = along(stage, whole)
        end = along(stage, whole.copy(data=band(stage.scene, whole.values)[edge]))
        if line is None or end is None:
            return []
        layers.append(Line(*line, told.style))
        ends.append(end)
    if with_band:
        layers.insert(0, Band(ends[0][0], ends[0][1], ends[1][1], told.style))
    return layers


def _slope(stage: Stage, told: Told, with_band: bool) -> list[Layer]:
    """A forecast exponent as a straight line through the middle of the measured points."""
    forecast = _one(stage, told)
    if forecast is None:
        return _curve(stage, told, False)
    mean = along(stage, stage.scene.measured.mean)
    if mean is None or min(mean[0]) <= 0 or not all(y > 0 for y in mean[1]):
        return []
    log_x, log_y = np.log(mean[0]), np.log(mean[1])
    ends = np.array([log_x.min(), log_x.max()])

    def through(slope: float) -> list[float]:
        return [float(v) for v in np.exp(log_y.mean() + slope * (ends - log_x.mean()))]

    x = [float(v) for v in np.exp(ends)]
    exponent = float(forecast)
    layers: list[Layer] = [Line(x, through(exponent), told.style)]
    if with_band:
        low, high = band(stage.scene, np.array(exponent))
        edges = np.array([through(float(low)), through(float(high))])
        middle = [float(np.exp(log_x.mean()))]
        centre = [float(np.exp(log_y.mean()))]
        lows, highs = edges.min(axis=0).tolist(), edges.max(axis=0).tolist()
        layers.insert(
            0,
            Band(
                [x[0], *middle, x[1]],
                [lows[0], *centre, lows[1]],
                [highs[0], *centre, highs[1]],
                told.style,
            ),
        )
    return layers


def _location(stage: Stage, told: Told, with_band: bool) -> list[Layer]:
    """A forecast location as a vertical rule, its tolerance as a strip."""
    forecast = _one(stage, told)
    layers: list[Layer] = []
    if forecast is None:
        layers += _curve(stage, told, False)
        found = _extremum(stage, along(stage, told.forecast, most=None))
        if found is None:
            return layers
        place = found
    else:
        place = float(forecast)
    layers.append(Rule(place, told.style))
    if with_band:
        low, high = _around(stage.scene, place)
        ends = [math.inf, math.inf]
        layers.insert(0, Band([low, high], [-v for v in ends], ends, told.style))
        found = _extremum(stage, along(stage, stage.scene.measured.mean, most=None))
        if found is not None:
            layers.append(Rule(found, "measured"))
    return layers


def _one(stage: Stage, told: Told) -> xr.DataArray | None:
    """Return the exponent or location at the panel's point; None where a curve was forecast.

    As for the judge, a forecast that is constant along the axis is the number itself.
    """
    forecast = at_point(told.forecast, stage.point)
    if forecast is None or stage.dim not in forecast.dims:
        return forecast
    first = forecast.isel({stage.dim: 0}, drop=True)
    return first if np.allclose(forecast, first, rtol=1e-9, atol=0) else None


def _around(scene: Scene, place: float) -> tuple[float, float]:
    """The tolerance about a location, in the scale in which its distance is measured."""
    base = {"log2": 2.0, "log": math.e}.get(scene.spec.options.get("scale", "linear"))
    if base is not None:
        return place / base**scene.tolerance, place * base**scene.tolerance
    low, high = band(scene, np.array(place))
    return float(low), float(high)


def _extremum(stage: Stage, line: tuple[list[float], list[float]] | None) -> float | None:
    """Return where a curve is lowest (argmin) or highest (argmax)."""
    if line is None or not np.isfinite(line[1]).any():
        return None
    pick = np.nanargmin if stage.scene.spec.compare == "argmin" else np.nanargmax
    return line[0][int(pick(line[1]))]


def _nothing(stage: Stage, told: Told, with_band: bool) -> list[Layer]:
    """An ordering has no place in the plot: the note says it."""
    return []


_DRAWERS: Final[Mapping[str, Drawer]] = {
    "exponent": _slope,
    "argmin": _location,
    "argmax": _location,
    "order": _nothing,
    "window": _window,
}

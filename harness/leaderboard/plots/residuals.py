"""Residuals: measured minus forecast in units of the tolerance, below the plot that they are of."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import xarray as xr

from harness.leaderboard.plots.scales import Scale, label
from harness.leaderboard.plots.scene import Scene, Told, band
from harness.leaderboard.plots.stage import Stage, along
from harness.leaderboard.plots.svg import Band, Layer, Level, Line, Plot, Points

HEIGHT: Final = 130.0

_HAVE_ONE: Final = frozenset({"value", "curve", "bound", "window"})
_ROOM: Final = 1.3
"""The panel reaches at least this many tolerances on either side."""
_BEYOND: Final = 0.6
"""How far rivals may stretch it, in its own heights."""


def has_residuals(scene: Scene) -> bool:
    """Whether measured minus forecast means something point by point."""
    return scene.spec.compare in _HAVE_ONE and bool(scene.told)


def residuals(scene: Scene, told: Told, measured: xr.DataArray) -> xr.DataArray:
    """Return (measured - forecast) / tolerance; of a window, how far beyond its nearer end.

    A logarithmic tolerance measures ln(measured / forecast), a relative one of a curve is in units
    of the forecast's norm, as the verdict is.
    """
    ends = _ends(told, measured)
    over = [index for index, dim in enumerate(measured.dims) if dim in scene.spec.over]
    low, high = (_distance(scene, measured.values, end.values, over) for end in ends)
    if scene.spec.compare == "window":
        low, high = np.minimum(low, 0.0), np.maximum(high, 0.0)
        return measured.copy(data=low + high)
    return measured.copy(data=low)


def residual_plot(stage: Stage) -> Plot | None:
    """Return the plot of residuals of the panel's claim (else of its rivals) and rivals."""
    scene = stage.scene
    if not has_residuals(scene):
        return None
    layers: list[Layer] = [
        Band([-math.inf, math.inf], _allowed(scene)[0], _allowed(scene)[1], "claim"),
        Level(0.0, "zero"),
    ]
    core: list[float] = [-_ROOM, _ROOM]
    extra: list[float] = []
    for told in scene.rivals:
        line = _along(stage, told, scene.measured.mean)
        if line is not None:
            layers.append(Line(*line, told.style))
            extra += line[1]
    said = ""
    if scene.claim is not None:
        mean, low, high = (_along(stage, scene.claim, m) for m in _levels(scene))
        if mean is not None and low is not None and high is not None:
            layers.append(Points(*mean, "measured", low[1], high[1]))
            core += [*low[1], *high[1]]
            finite = [abs(value) for value in mean[1] if math.isfinite(value)]
            said = f"farthest off by {label(max(finite))} tolerances" if finite else ""
    core = [value for value in core if math.isfinite(value)]
    room = _BEYOND * (max(core) - min(core))
    ends = min(core) - room, max(core) + room
    shown = [*core, *(min(max(v, ends[0]), ends[1]) for v in extra if math.isfinite(v))]
    margin = 0.06 * (max(shown) - min(shown))
    return Plot(
        title=f"{scene.name}: residuals in units of the tolerance",
        description=f"Measured minus forecast over tolerance; {said or 'rivals alone'}.",
        x=Scale("linear", 0.0, 1.0),
        y=Scale("linear", min(shown) - margin, max(shown) + margin),
        x_label=stage.dim,
        y_label="residual / tol.",
        layers=tuple(layers),
    )


def signed_errors(scene: Scene) -> Iterator[tuple[Told, float, float, float]]:
    """Return the residual of a single number with its interval for each theory."""
    for told in scene.told:
        found = [float(residuals(scene, told, measured)) for measured in _levels(scene)]
        yield told, found[0], min(found), max(found)


def _levels(scene: Scene) -> tuple[xr.DataArray, xr.DataArray, xr.DataArray]:
    measured = scene.measured
    half = measured.half.transpose(*measured.mean.dims)
    return measured.mean, measured.mean - half, measured.mean + half


def _along(
    stage: Stage, told: Told, measured: xr.DataArray
) -> tuple[list[float], list[float]] | None:
    if not set(told.forecast.dims) - {"edge"} <= set(measured.dims):
        return None
    return along(stage, residuals(stage.scene, told, measured), most=40)


def _ends(told: Told, measured: xr.DataArray) -> list[xr.DataArray]:
    """Return the forecast (both ends of a window) with the dimensions of the measurement."""
    forecast = told.forecast
    edges = [forecast.isel(edge=i) for i in (0, 1)] if "edge" in forecast.dims else [forecast] * 2
    return [
        end.reindex_like(measured, method="nearest", tolerance=1e-6)
        .broadcast_like(measured)
        .transpose(*measured.dims)
        if end.dims
        else end.broadcast_like(measured)
        for end in edges
    ]


def _distance(
    scene: Scene, measured: np.ndarray, forecast: np.ndarray, over: Sequence[int]
) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        if scene.kind == "log":
            found = np.log(measured / forecast) / scene.tolerance
        else:
            low, high = band(scene, forecast, over)
            found = (measured - forecast) / ((high - low) / 2)
    clean: np.ndarray = np.where(np.isfinite(found), found, np.nan)
    return clean


def _allowed(scene: Scene) -> tuple[list[float], list[float]]:
    """Return where a residual passes; of a bound one side is open."""
    open_below, open_above = False, False
    if scene.spec.compare == "bound":
        upper = scene.spec.options.get("side", "upper") == "upper"
        open_below, open_above = upper, not upper
    low = -math.inf if open_below else -1.0
    high = math.inf if open_above else 1.0
    return [low, low], [high, high]

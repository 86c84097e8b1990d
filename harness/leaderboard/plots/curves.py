"""Measurement and forecasts along an axis: curves, exponents, locations, orders, swept values."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

from harness.leaderboard.plots.figure import Figure, Key, Panel
from harness.leaderboard.plots.forecasts import forecast_layers
from harness.leaderboard.plots.scales import Scale, ScaleKind, fitting_kind, scale_of
from harness.leaderboard.plots.scene import Measured, Scene
from harness.leaderboard.plots.series import evenly, name_of, points_of, short
from harness.leaderboard.plots.stage import Stage, along, axis_of, positions
from harness.leaderboard.plots.svg import Band, Layer, Line, Plot, Points, draw
from harness.leaderboard.plots.words import description, note_on, numbers

MOST_PANELS: Final = 4
MOST_DOTS: Final = 28
MOST_CONTROLS: Final = 2

_LOG_RATIO: Final = 30.0
_BEYOND: Final = 1.5
"""How far rivals and controls may stretch the vertical axis, in heights of the rest."""


def curve_figure(scene: Scene) -> Figure:
    """Draw measurement and forecasts along the compared axis, one panel a remaining point."""
    mean = scene.measured.mean
    dim = axis_of(mean, scene.spec.over)
    rest = [str(d) for d in mean.dims if d != dim]
    points = list(points_of(mean, rest))
    chosen = [points[index] for index in evenly(len(points), MOST_PANELS)]
    stages = [Stage(scene, dim, point, positions(mean, dim)) for point in chosen]
    note = note_on(scene, dim)
    if len(chosen) < len(points):
        note = f"{note} {len(chosen)} of {len(points)} panels are shown.".strip()
    return Figure(
        title=scene.name,
        panels=tuple(_panel(stage) for stage in stages),
        legend=_legend(scene),
        note=note,
        table=numbers(scene, dim, rest, points),
    )


def _panel(stage: Stage) -> Panel:
    scene = stage.scene
    layers: list[Layer] = []
    if scene.claim is not None:
        layers += forecast_layers(stage, scene.claim, with_band=True)
    for told in scene.rivals:
        layers += forecast_layers(stage, told, with_band=False)
    for told in scene.controls[:MOST_CONTROLS]:
        layers += _dots(stage, told.measured, told.style, bars=False)
    layers += _dots(stage, scene.measured, "measured", bars=True)
    x_kind = _x_kind(stage)
    y = _y_scale(layers, scene.spec.compare)
    names = (
        [short(v) for v in scene.measured.mean[stage.dim].values.tolist()] if stage.names else []
    )
    x = Scale("linear", -0.5, len(names) - 0.5) if names else scale_of(stage.x, x_kind)
    where = name_of(stage.point)
    plot = Plot(
        title=f"{scene.name}{f' at {where}' if where else ''}: forecast against measurement",
        description=description(stage),
        x=x,
        y=y,
        x_label=stage.dim,
        y_label=_with_unit(scene.name, scene.spec.unit),
        layers=tuple(layers),
        x_names=tuple(names),
    )
    return Panel(where, draw(plot))


def _dots(stage: Stage, measured: Measured, style: str, *, bars: bool) -> list[Layer]:
    mean = along(stage, measured.mean, most=MOST_DOTS)
    half = along(stage, measured.half, most=MOST_DOTS)
    if mean is None or half is None:
        return []
    if not bars:
        return [Points(*mean, style)]
    low = [y - h for y, h in zip(mean[1], half[1], strict=True)]
    high = [y + h for y, h in zip(mean[1], half[1], strict=True)]
    return [Points(*mean, style, low, high)]


def _x_kind(stage: Stage) -> ScaleKind:
    options = stage.scene.spec.options
    if stage.names or min(stage.x) <= 0:
        return "linear"
    if stage.scene.spec.compare == "exponent" or options.get("scale", "linear") != "linear":
        return "log"
    return fitting_kind(stage.x)


def _y_scale(layers: Iterable[Layer], compare: str) -> Scale:
    """The vertical scale: what is measured and claimed in full, others as far as they fit."""
    core: list[float] = []
    extra: list[float] = []
    for layer in layers:
        target = core if layer.style in ("measured", "claim") else extra
        if isinstance(layer, Band):
            target += [*layer.low, *layer.high]
        elif isinstance(layer, Line):
            target += layer.y
        elif isinstance(layer, Points):
            target += [*layer.y, *layer.low, *layer.high]
    centres = [y for layer in layers if isinstance(layer, Points | Line) for y in layer.y]
    positive = bool(centres) and all(y > 0 for y in centres if math.isfinite(y))
    kind: ScaleKind = "linear"
    if positive:
        kind = "log" if compare == "exponent" else fitting_kind(centres, _LOG_RATIO)
    if kind == "log":
        floor = min(y for y in centres if math.isfinite(y)) / 3
        core = [max(y, floor) for y in core]
    inner = scale_of(core, kind, margin=False)
    low, high = inner.beyond(_BEYOND)
    return scale_of([*core, *(min(max(y, low), high) for y in extra if math.isfinite(y))], kind)


def _legend(scene: Scene) -> tuple[Key, ...]:
    order = scene.spec.compare == "order"
    line = "rule" if scene.spec.compare in ("argmin", "argmax") else "line"
    keys = [Key("measured", "dot", "measured, mean and interval over seeds")]
    if scene.claim is not None and not order:
        keys.append(Key("claim", line, f"{scene.claim.name} (the claim)"))
        keys.append(Key("claim", "band", "tolerance"))
    if not order:
        keys += [Key(told.style, line, told.name) for told in scene.rivals]
    for told in scene.controls[:MOST_CONTROLS]:
        keys.append(Key(told.style, "dot", f"control {told.name}, measured"))
    return tuple(keys)


def _with_unit(name: str, unit: str) -> str:
    return name if unit in ("", "1") else f"{name} [{unit}]"

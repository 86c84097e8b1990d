"""Measurement and forecasts along an axis: curves, exponents, locations, orders, swept values."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from markupsafe import Markup

from harness.leaderboard.plots.figure import Figure, Key, Panel
from harness.leaderboard.plots.forecasts import forecast_layers
from harness.leaderboard.plots.residuals import HEIGHT, residual_plot
from harness.leaderboard.plots.scales import Scale, ScaleKind, fitting_kind, label, scale_of
from harness.leaderboard.plots.scene import Measured, Scene
from harness.leaderboard.plots.slopes import fit
from harness.leaderboard.plots.stage import Stage, along, axis_of, positions
from harness.leaderboard.plots.svg import Band, Layer, Level, Line, Plot, Points, Rule, draw
from harness.leaderboard.plots.words import description, note_on, numbers
from harness.leaderboard.series import at_point, evenly, name_of, points_of, short

MOST_PANELS: Final = 4
MOST_DOTS: Final = 28
MOST_CONTROLS: Final = 2
MOST_TICKS: Final = 8
"""An axis with no more points than this is labelled at its points."""

LONGEST_LABEL: Final = 34
MOST_SEED_LINES: Final = 10
MOST_SEEDS: Final = 32

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
    plots = [_plot(stage) for stage in stages]
    below = [_residuals(stage, plot) for stage, plot in zip(stages, plots, strict=True)]
    note = note_on(scene, dim)
    if len(chosen) < len(points):
        note = f"{note} {len(chosen)} of {len(points)} panels are shown.".strip()
    return Figure(
        title=scene.name,
        panels=tuple(
            Panel(_caption(stage), draw(replace(plot, x_shown=low is None)), low)
            for stage, plot, low in zip(stages, plots, below, strict=True)
        ),
        legend=_legend(scene, plots),
        note=note,
        table=numbers(scene, dim, rest, points),
    )


def _caption(stage: Stage) -> str:
    """Return the panel's point, and the exponent that was fitted to it."""
    where = name_of(stage.point)
    found = fit(stage) if stage.scene.spec.compare == "exponent" else None
    if found is None:
        return where
    slope = f"slope {label(round(found.slope, 4))} ± {label(float(f'{found.half:.2g}'))}"
    return f"{where}: {slope}" if where else f"measured {slope}"


def _residuals(stage: Stage, plot: Plot) -> Markup | None:
    """Return the plot of residuals, on the horizontal axis of the plot above."""
    found = residual_plot(stage)
    if found is None:
        return None
    shared = replace(found, x=plot.x, x_ticks=plot.x_ticks, x_names=plot.x_names)
    return draw(shared, height=HEIGHT)


def _plot(stage: Stage) -> Plot:
    scene = stage.scene
    layers = tuple(_layers(stage))
    values = scene.measured.mean[stage.dim].values.tolist()
    names = tuple(short(value) for value in values) if stage.names else ()
    where = name_of(stage.point)
    return Plot(
        title=f"{scene.name}{f' at {where}' if where else ''}: forecast against measurement",
        description=description(stage),
        x=Scale("linear", -0.5, len(names) - 0.5) if names else scale_of(stage.x, _x_kind(stage)),
        y=_y_scale(layers, scene.spec.compare),
        x_label=stage.dim,
        y_label=_with_unit(scene.name, scene.spec.unit),
        layers=layers,
        x_ticks=tuple(stage.x) if len(stage.x) <= MOST_TICKS else (),
        x_names=names,
    )


def _layers(stage: Stage) -> Iterator[Layer]:
    """What is drawn, the measurement on top; a control that only forecasts is a line."""
    scene = stage.scene
    if scene.claim is not None:
        yield from forecast_layers(stage, scene.claim, with_band=True)
    for told in scene.rivals:
        yield from forecast_layers(stage, told, with_band=False)
    for told in scene.controls[:MOST_CONTROLS]:
        if scene.in_own_world(told):
            yield from forecast_layers(stage, told, with_band=False)
        else:
            yield from _dots(stage, told.measured, told.style, bars=False)
    yield from _seeds(stage)
    found = fit(stage) if scene.spec.compare == "exponent" else None
    if found is not None:
        yield Line(found.x, found.y, "fitted")
    yield from _dots(stage, scene.measured, "measured", bars=True)


def _seeds(stage: Stage) -> Iterator[Layer]:
    """Single seeds: thin lines where the axis is long, else specks."""
    by_seed = stage.scene.by_seed
    found = None if by_seed is None else at_point(by_seed, stage.point)
    if found is None or set(found.dims) != {"seed", stage.dim}:
        return
    kept = evenly(len(stage.x), MOST_DOTS)
    y_NT = found.transpose("seed", stage.dim).values[:, kept]
    x = [stage.x[index] for index in kept]
    if len(stage.x) > MOST_TICKS:
        for index in evenly(len(y_NT), MOST_SEED_LINES):
            yield Line(x, y_NT[index].tolist(), "seed")
        return
    y_NT = y_NT[evenly(len(y_NT), MOST_SEEDS)]
    yield Points(x * len(y_NT), y_NT.ravel().tolist(), "seed")


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
        if layer.style in ("seed", "fitted"):
            continue
        target = core if layer.style in ("measured", "claim") else extra
        if isinstance(layer, Band):
            target += [*layer.low, *layer.high]
        elif isinstance(layer, Line):
            target += layer.y
        elif isinstance(layer, Points):
            target += [*layer.y, *layer.low, *layer.high]
    centres = [
        y
        for layer in layers
        if isinstance(layer, Points | Line) and layer.style not in ("seed", "fitted")
        for y in layer.y
    ]
    centres = [y for y in centres if math.isfinite(y)]
    kind: ScaleKind = "linear"
    if centres and min(centres) > 0:
        kind = "log" if compare == "exponent" else fitting_kind(centres, _LOG_RATIO)
    if kind == "log":
        floor = min(centres) / 3
        core = [max(y, floor) for y in core]
    inner = scale_of(core, kind, margin=False)
    low, high = inner.beyond(_BEYOND)
    return scale_of([*core, *(min(max(y, low), high) for y in extra if math.isfinite(y))], kind)


def _legend(scene: Scene, plots: Sequence[Plot]) -> tuple[Key, ...]:
    """What the plots show, and what lies beyond them."""
    line = "rule" if scene.spec.compare in ("argmin", "argmax") else "line"
    keys = [
        Key("measured", "dot", "measured, mean and interval over seeds"),
        Key("seed", "dot", "one value a seed" if scene.spec.reduced else "single seeds"),
        Key("fitted", "line", "fitted power law"),
    ]
    if scene.claim is not None:
        keys.append(Key("claim", line, f"{scene.claim.name} (the claim)"))
    keys += [Key(told.style, line, told.name) for told in scene.rivals]
    for told in scene.controls[:MOST_CONTROLS]:
        wrong = scene.in_own_world(told)
        what = "a wrong forecast" if wrong else "measured"
        keys.append(Key(told.style, line if wrong else "dot", f"control {told.name}, {what}"))
    drawn = {layer.style for plot in plots for layer in plot.layers}
    seen = {layer.style for plot in plots for layer in plot.layers if _is_seen(layer, plot)}
    shown = [
        key if key.style in seen else replace(key, text=f"{key.text} (beyond the plot)")
        for key in keys
        if key.style in drawn
    ]
    if any(isinstance(layer, Band) for plot in plots for layer in plot.layers):
        last = max((i for i, key in enumerate(shown) if key.style == "claim"), default=0)
        shown.insert(last + 1, Key("claim", "band", "tolerance"))
    return tuple(shown)


def _is_seen(layer: Layer, plot: Plot) -> bool:
    if isinstance(layer, Band | Rule | Level):
        return True
    return any(math.isfinite(y) and 0 <= plot.y.fraction(y) <= 1 for y in layer.y)


def _with_unit(name: str, unit: str) -> str:
    """Return what stands along the vertical axis; a unit that does not fit is left out."""
    whole = name if unit in ("", "1") else f"{name} [{unit}]"
    return whole if len(whole) <= LONGEST_LABEL else name

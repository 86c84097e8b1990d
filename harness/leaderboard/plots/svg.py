"""A small plotting module: pure functions from numbers to inline SVG.

Colours, dashes and fonts come from the page's style sheet through class names (`measured`,
`claim`, `rival-1`, ...), so that a plot follows the page into the dark.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from markupsafe import Markup

from harness.leaderboard.plots.elements import element, number
from harness.leaderboard.plots.paper import (
    Map,
    frame,
    gridline,
    picture,
    text_at,
    tick_labels,
    upright,
    window,
)
from harness.leaderboard.plots.scales import Scale, label

Values: TypeAlias = Sequence[float]

_LEFT, _RIGHT, _TOP, _BOTTOM, _BARE = 62.0, 10.0, 10.0, 40.0, 8.0


@dataclass(frozen=True)
class Line:
    """A curve; points that are not finite interrupt it."""

    x: Values
    y: Values
    style: str


@dataclass(frozen=True)
class Band:
    """The area between two curves; an infinite end reaches the edge of the plot."""

    x: Values
    low: Values
    high: Values
    style: str


@dataclass(frozen=True)
class Points:
    """Markers with vertical bars from `low` to `high` (empty: no bars)."""

    x: Values
    y: Values
    style: str
    low: Values = ()
    high: Values = ()


@dataclass(frozen=True)
class Rule:
    """A vertical line across the plot at x."""

    x: float
    style: str


@dataclass(frozen=True)
class Level:
    """A horizontal line across the plot at y."""

    y: float
    style: str


Layer = Line | Band | Points | Rule | Level


@dataclass(frozen=True)
class Plot:
    """Layers over two axes; `title` and `description` are what a reader who cannot see it gets.

    `x_ticks` are round values if not given; with `x_names` they stand at 0, 1, 2, ... Without
    `x_shown` the axis has no labels: those of the plot below hold for it too.
    """

    title: str
    description: str
    x: Scale
    y: Scale
    x_label: str
    y_label: str
    layers: tuple[Layer, ...]
    x_ticks: tuple[float, ...] = ()
    x_names: tuple[str, ...] = ()
    x_shown: bool = True


def draw(plot: Plot, width: float = 400.0, height: float = 260.0) -> Markup:
    """Return the plot as an SVG element that scales with its container."""
    right = width - _RIGHT
    bottom = height - (_BOTTOM if plot.x_shown else _BARE)

    def at_x(value: float) -> float:
        return _LEFT + plot.x.fraction(value) * (right - _LEFT)

    def at_y(value: float) -> float:
        return bottom - plot.y.fraction(value) * (bottom - _TOP)

    names = {float(index): name for index, name in enumerate(plot.x_names)}
    x_ticks = list(names or plot.x_ticks) or plot.x.ticks()
    y_ticks = plot.y.ticks(max(2, round((bottom - _TOP) / 42)))
    parts = [gridline(at_x(tick), _TOP, at_x(tick), bottom) for tick in x_ticks]
    parts += [gridline(_LEFT, at_y(tick), right, at_y(tick)) for tick in y_ticks]
    layers = [_layer(layer, at_x, at_y, (_TOP, bottom), (_LEFT, right)) for layer in plot.layers]
    parts.append(window(_LEFT, _TOP, right, bottom, layers))
    parts.append(frame(_LEFT, _TOP, right, bottom))
    if plot.x_shown:
        parts += tick_labels(x_ticks, names, at_x, bottom + 15)
        parts.append(text_at((_LEFT + right) / 2, height - 7, plot.x_label, "middle", "axis"))
    parts += [text_at(_LEFT - 6, at_y(tick) + 4, label(tick), "end") for tick in y_ticks]
    parts.append(upright(12, (_TOP + bottom) / 2, plot.y_label))
    return picture(plot.title, plot.description, width, height, parts)


def swatch(style: str, kind: str) -> Markup:
    """Return the sample of a style for a legend: kind is line, band, dot, tick or rule."""
    if kind == "band":
        sample = element("rect", class_=f"{style} band", x=1, y=3, width=22, height=8)
    elif kind == "dot":
        sample = element("circle", class_=f"{style} dot", cx=12, cy=7, r=3.2)
    elif kind in ("tick", "rule"):
        sample = element("line", class_=f"{style} {kind}", x1=12, y1=1, x2=12, y2=13)
    else:
        sample = element("line", class_=f"{style} line", x1=1, y1=7, x2=23, y2=7)
    return element(
        "svg", sample, viewBox="0 0 24 14", width=24, height=14, aria_hidden="true", class_="key"
    )


def _layer(
    layer: Layer, at_x: Map, at_y: Map, ends: tuple[float, float], sides: tuple[float, float]
) -> Markup:
    if isinstance(layer, Line):
        return element("path", class_=f"{layer.style} line", d=_path(layer.x, layer.y, at_x, at_y))
    if isinstance(layer, Rule):
        x = at_x(layer.x)
        return element("line", class_=f"{layer.style} rule", x1=x, y1=ends[0], x2=x, y2=ends[1])
    if isinstance(layer, Level):
        y = at_y(layer.y)
        return element("line", class_=f"{layer.style} rule", x1=sides[0], y1=y, x2=sides[1], y2=y)
    if isinstance(layer, Band):
        return _band(layer, at_x, at_y, ends, sides)
    return _points(layer, at_x, at_y)


def _band(
    band: Band, at_x: Map, at_y: Map, ends: tuple[float, float], sides: tuple[float, float]
) -> Markup:
    """The area; ends that are infinite lie at the edge of the plot."""
    x = [at_x(v) if math.isfinite(v) else sides[v > 0] for v in band.x]
    high = [at_y(v) if math.isfinite(v) else ends[0] for v in band.high]
    low = [at_y(v) if math.isfinite(v) else ends[1] for v in band.low]
    corners = [*zip(x, high, strict=True), *reversed([*zip(x, low, strict=True)])]
    points = " ".join(f"{number(a)},{number(b)}" for a, b in corners)
    return element("polygon", class_=f"{band.style} band", points=points)


def _points(points: Points, at_x: Map, at_y: Map) -> Markup:
    """All bars in one path and all dots, strokes of no length with round ends, in another."""
    shown = [index for index, y in enumerate(points.y) if math.isfinite(y)]
    place = [f"M{number(at_x(points.x[index]))} " for index in shown]
    dots = [f"{at}{number(at_y(points.y[i]))}h0" for at, i in zip(place, shown, strict=True)]
    parts = [element("path", class_="dots", d="".join(dots))]
    if points.low:
        bars = [
            f"{at}{number(at_y(points.low[i]))}V{number(at_y(points.high[i]))}"
            for at, i in zip(place, shown, strict=True)
        ]
        parts.insert(0, element("path", class_="bar", d="".join(bars)))
    return element("g", *parts, class_=points.style)


def _path(x: Values, y: Values, at_x: Map, at_y: Map) -> str:
    steps = []
    pen = "M"
    for a, b in zip(x, y, strict=True):
        if not math.isfinite(b):
            pen = "M"
            continue
        steps.append(f"{pen}{number(at_x(a))} {number(at_y(b))}")
        pen = "L"
    return "".join(steps)

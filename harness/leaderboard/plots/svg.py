"""A small plotting module: pure functions from numbers to inline SVG.

Colours, dashes and fonts come from the page's style sheet through class names (`measured`,
`claim`, `rival-1`, ...), so that a plot follows the page into the dark.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from markupsafe import Markup

from harness.leaderboard.plots.elements import element, join, number
from harness.leaderboard.plots.scales import Scale, label

Values: TypeAlias = Sequence[float]
Map: TypeAlias = Callable[[float], float]

_LEFT, _RIGHT, _TOP, _BOTTOM, _BARE = 62.0, 10.0, 10.0, 40.0, 8.0
_ROW: Final = 22.0
_CHARACTER: Final = 6.6
_APART: Final = 6.0


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


@dataclass(frozen=True)
class Mark:
    """One mark on a row of a dot plot: dot, tick or speck, with an interval where it has one."""

    at: float
    style: str
    low: float | None = None
    high: float | None = None
    shape: str = "dot"


@dataclass(frozen=True)
class DotRow:
    """A labelled row of a dot plot; `band` is shaded behind its marks."""

    label: str
    marks: tuple[Mark, ...]
    band: tuple[float, float] | None = None


@dataclass(frozen=True)
class DotPlot:
    """Rows of marks over one shared horizontal axis; `reference` is drawn through all rows."""

    title: str
    description: str
    x: Scale
    x_label: str
    rows: tuple[DotRow, ...]
    reference: float | None = None


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
    parts = [_gridline(at_x(tick), _TOP, at_x(tick), bottom) for tick in x_ticks]
    parts += [_gridline(_LEFT, at_y(tick), right, at_y(tick)) for tick in y_ticks]
    layers = [_layer(layer, at_x, at_y, (_TOP, bottom), (_LEFT, right)) for layer in plot.layers]
    parts.append(_window(_LEFT, _TOP, right, bottom, layers))
    parts.append(_frame(_LEFT, _TOP, right, bottom))
    if plot.x_shown:
        parts += _tick_labels(x_ticks, names, at_x, bottom + 15)
        parts.append(_text((_LEFT + right) / 2, height - 7, plot.x_label, "middle", "axis"))
    parts += [_text(_LEFT - 6, at_y(tick) + 4, label(tick), "end") for tick in y_ticks]
    parts.append(_upright(12, (_TOP + bottom) / 2, plot.y_label))
    return _svg(plot.title, plot.description, width, height, parts)


def draw_dots(plot: DotPlot, width: float = 420.0) -> Markup:
    """Return the dot plot as an SVG element; long labels stand above their rows."""
    longest = max((len(row.label) for row in plot.rows), default=0) * _CHARACTER + 10
    above = longest > 0.36 * width
    left = 20.0 if above else longest + 6
    row_height = _ROW + 15 if above else _ROW
    bottom = 8 + row_height * len(plot.rows)
    right, height = width - 14.0, bottom + 38

    def at_x(value: float) -> float:
        return left + min(max(plot.x.fraction(value), 0.0), 1.0) * (right - left)

    ticks = plot.x.ticks()
    parts = [_gridline(at_x(tick), 8, at_x(tick), bottom) for tick in ticks]
    labels = []
    for index, row in enumerate(plot.rows):
        top = 8 + index * row_height + (15 if above else 0)
        parts += _dot_row(row, at_x, top, (left, right))
        place = (left, top - 3, "start") if above else (left - 8, top + _ROW / 2 + 4, "end")
        labels.append(_text(place[0], place[1], row.label, place[2]))
    if plot.reference is not None:
        x = at_x(plot.reference)
        parts.append(element("line", class_="reference", x1=x, y1=8.0, x2=x, y2=bottom))
    parts += [*labels, element("line", class_="frame", x1=left, y1=bottom, x2=right, y2=bottom)]
    parts += _tick_labels(ticks, {}, at_x, bottom + 15)
    parts.append(_text((left + right) / 2, height - 6, plot.x_label, "middle", "axis"))
    return _svg(plot.title, plot.description, width, height, parts)


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


def _dot_row(row: DotRow, at_x: Map, top: float, ends: tuple[float, float]) -> list[Markup]:
    middle = top + _ROW / 2
    parts = []
    if row.band is not None:
        low, high = (
            at_x(v) if math.isfinite(v) else end for v, end in zip(row.band, ends, strict=True)
        )
        box = {"x": low, "y": top + 3, "width": max(high - low, 1.5), "height": _ROW - 6}
        parts.append(element("rect", class_="claim band", **box))
    for mark in (mark for mark in row.marks if math.isfinite(mark.at)):
        x = at_x(mark.at)
        if mark.low is not None and mark.high is not None:
            low, high = at_x(mark.low), at_x(mark.high)
            line = element("line", class_="bar", x1=low, y1=middle, x2=high, y2=middle)
            parts.append(element("g", line, class_=mark.style))
        if mark.shape == "tick":
            tick = {"x1": x, "y1": top + 2, "x2": x, "y2": top + _ROW - 2}
            parts.append(element("line", class_=f"{mark.style} tick", **tick))
        elif mark.shape == "speck":
            parts.append(element("circle", class_=f"{mark.style} dot", cx=x, cy=middle, r=1.8))
        else:
            parts.append(element("circle", class_=f"{mark.style} dot", cx=x, cy=middle, r=4.0))
    return parts


def _tick_labels(
    ticks: Sequence[float], names: Mapping[float, str], at: Map, y: float
) -> list[Markup]:
    """Labels below an axis, without those that would touch the one before."""
    shown: list[Markup] = []
    end = -math.inf
    for tick in ticks:
        text = names.get(tick) or label(tick)
        half = len(text) * _CHARACTER / 2
        if at(tick) - half > end + _APART:
            shown.append(_text(at(tick), y, text, "middle"))
            end = at(tick) + half
    return shown


def _window(
    left: float, top: float, right: float, bottom: float, parts: Sequence[Markup]
) -> Markup:
    """What lies inside the frame: a nested SVG cuts off the rest."""
    box = {"x": left, "y": top, "width": right - left, "height": bottom - top}
    view = " ".join(number(value) for value in box.values())
    return element("svg", *parts, viewBox=view, **box)


def _gridline(x1: float, y1: float, x2: float, y2: float) -> Markup:
    return element("line", class_="grid", x1=x1, y1=y1, x2=x2, y2=y2)


def _frame(left: float, top: float, right: float, bottom: float) -> Markup:
    corner = f"M{number(left)} {number(top)}V{number(bottom)}H{number(right)}"
    return element("path", class_="frame", d=corner)


def _text(x: float, y: float, text: str, anchor: str, class_: str | None = None) -> Markup:
    return element("text", text, x=x, y=y, text_anchor=anchor, class_=class_)


def _upright(x: float, y: float, text: str) -> Markup:
    turned = f"rotate(-90 {number(x)} {number(y)})"
    return element("text", text, x=x, y=y, text_anchor="middle", class_="axis", transform=turned)


def _svg(
    title: str, description: str, width: float, height: float, parts: Sequence[Markup]
) -> Markup:
    return element(
        "svg",
        element("title", title),
        element("desc", description),
        join(*parts),
        viewBox=f"0 0 {number(width)} {number(height)}",
        role="img",
        class_="plot",
    )

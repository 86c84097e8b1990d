"""Dot plots: rows of marks with intervals over one shared axis."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from harness.leaderboard.plots.elements import element
from harness.leaderboard.plots.paper import (
    CHARACTER,
    Map,
    gridline,
    picture,
    text_at,
    tick_labels,
)
from harness.leaderboard.plots.scales import Scale

_ROW: Final = 22.0


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


def draw_dots(plot: DotPlot, width: float = 420.0) -> Markup:
    """Return the dot plot as an SVG element; long labels stand above their rows."""
    longest = max((len(row.label) for row in plot.rows), default=0) * CHARACTER + 10
    above = longest > 0.36 * width
    left = 20.0 if above else longest + 6
    row_height = _ROW + 15 if above else _ROW
    bottom = 8 + row_height * len(plot.rows)
    right, height = width - 14.0, bottom + 38

    def at_x(value: float) -> float:
        return left + min(max(plot.x.fraction(value), 0.0), 1.0) * (right - left)

    ticks = plot.x.ticks()
    parts = [gridline(at_x(tick), 8, at_x(tick), bottom) for tick in ticks]
    labels = []
    for index, row in enumerate(plot.rows):
        top = 8 + index * row_height + (15 if above else 0)
        parts += _dot_row(row, at_x, top, (left, right))
        place = (left, top - 3, "start") if above else (left - 8, top + _ROW / 2 + 4, "end")
        labels.append(text_at(place[0], place[1], row.label, place[2]))
    if plot.reference is not None:
        x = at_x(plot.reference)
        parts.append(element("line", class_="reference", x1=x, y1=8.0, x2=x, y2=bottom))
    parts += [*labels, element("line", class_="frame", x1=left, y1=bottom, x2=right, y2=bottom)]
    parts += tick_labels(ticks, {}, at_x, bottom + 15)
    parts.append(text_at((left + right) / 2, height - 6, plot.x_label, "middle", "axis"))
    return picture(plot.title, plot.description, width, height, parts)


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

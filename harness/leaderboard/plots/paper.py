"""The paper that plots are drawn on: axes, grid, texts, and the picture around them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from markupsafe import Markup

from harness.leaderboard.plots.elements import element, join, number
from harness.leaderboard.plots.scales import label

Map: TypeAlias = Callable[[float], float]

CHARACTER: Final = 6.6
"""Width of a letter."""

_APART: Final = 6.0


def tick_labels(
    ticks: Sequence[float], names: Mapping[float, str], at: Map, y: float
) -> list[Markup]:
    """Labels below an axis, without those that would touch the one before."""
    shown: list[Markup] = []
    end = -math.inf
    for tick in ticks:
        text = names.get(tick) or label(tick)
        half = len(text) * CHARACTER / 2
        if at(tick) - half > end + _APART:
            shown.append(text_at(at(tick), y, text, "middle"))
            end = at(tick) + half
    return shown


def window(left: float, top: float, right: float, bottom: float, parts: Sequence[Markup]) -> Markup:
    """What lies inside the frame: a nested SVG cuts off the rest."""
    box = {"x": left, "y": top, "width": right - left, "height": bottom - top}
    view = " ".join(number(value) for value in box.values())
    return element("svg", *parts, viewBox=view, **box)


def gridline(x1: float, y1: float, x2: float, y2: float) -> Markup:
    """A thin line behind what is drawn."""
    return element("line", class_="grid", x1=x1, y1=y1, x2=x2, y2=y2)


def frame(left: float, top: float, right: float, bottom: float) -> Markup:
    """The two axes."""
    corner = f"M{number(left)} {number(top)}V{number(bottom)}H{number(right)}"
    return element("path", class_="frame", d=corner)


def text_at(x: float, y: float, text: str, anchor: str, class_: str | None = None) -> Markup:
    """A text at a place."""
    return element("text", text, x=x, y=y, text_anchor=anchor, class_=class_)


def upright(x: float, y: float, text: str) -> Markup:
    """A text that reads upwards."""
    turned = f"rotate(-90 {number(x)} {number(y)})"
    return element("text", text, x=x, y=y, text_anchor="middle", class_="axis", transform=turned)


def picture(
    title: str, description: str, width: float, height: float, parts: Sequence[Markup]
) -> Markup:
    """A picture that scales with its container; title and description say what it shows."""
    return element(
        "svg",
        element("title", title),
        element("desc", description),
        join(*parts),
        viewBox=f"0 0 {number(width)} {number(height)}",
        role="img",
        class_="plot",
    )

"""The error of one claim as a bar with its interval, against the tolerance."""

from __future__ import annotations

import math
from typing import Final

from markupsafe import Markup

from harness.leaderboard.plots.elements import element

REACH: Final = 2.0
"""Errors are drawn up to this many tolerances; what lies beyond ends in an arrow."""

_WIDTH, _HEIGHT = 128.0, 18.0
_RIGHT: Final = _WIDTH - 8.0


def error_bar(error: float, interval: tuple[float, float] | None, style: str) -> Markup:
    """Return a bar from 0 to the error, with its interval, before the range that passes.

    It is hidden from readers of text: the numbers stand beside it.
    """
    middle = _HEIGHT / 2
    box = {"y": 1.0, "height": _HEIGHT - 2}
    parts = [
        element("rect", class_="allowed", x=0.0, width=_at(1.0), **box),
        element("rect", class_="size", x=0.0, y=middle - 3, width=_at(error), height=6.0),
    ]
    if interval is not None:
        low, high = (_at(max(end, 0.0)) for end in interval)
        parts.append(element("line", class_="bar", x1=low, y1=middle, x2=high, y2=middle))
    edge = _at(1.0)
    parts.append(element("line", class_="reference", x1=edge, y1=0.0, x2=edge, y2=_HEIGHT))
    if error > REACH or (interval is not None and interval[1] > REACH):
        parts.append(element("path", class_="beyond", d=f"M{_RIGHT + 1:g} 5l5 4l-5 4z"))
    return element(
        "svg",
        *parts,
        viewBox=f"0 0 {_WIDTH:g} {_HEIGHT:g}",
        width=int(_WIDTH),
        height=int(_HEIGHT),
        class_=f"errorbar {style}",
        aria_hidden="true",
        focusable="false",
    )


def _at(error: float) -> float:
    share = min(error, REACH) / REACH if math.isfinite(error) else 1.0
    return max(share, 0.0) * _RIGHT

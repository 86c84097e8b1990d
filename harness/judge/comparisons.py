"""The table of comparisons: adding one means a function and a line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from .case import Case, Estimate, Levels
from .curve import curve
from .distribution import distribution
from .exponent import exponent
from .label import label
from .location import argmax, argmin
from .order import order
from .value import bound, value, window

Axes = Literal["none", "one", "some", "own", "all"]

ANY: Final = frozenset({"absolute", "relative", "log"})


@dataclass(frozen=True)
class Comparison:
    """One way to compare a measurement with a forecast.

    `consumes` says which axes it takes up: none, exactly one (`over`), one or more (`over`), the
    observable's own (`over`, or those that the forecast lacks), or all. `forecast_axis` is an axis
    that only the forecast has. `tolerances` are the kinds of tolerance that it understands.
    """

    estimate: Callable[[Case, Levels], Estimate]
    consumes: Axes
    tolerances: frozenset[str] = ANY
    forecast_axis: str | None = None


COMPARISONS: Final[Mapping[str, Comparison]] = MappingProxyType(
    {
        "value": Comparison(value, "none"),
        "curve": Comparison(curve, "some"),
        "exponent": Comparison(exponent, "one"),
        "argmin": Comparison(argmin, "one"),
        "argmax": Comparison(argmax, "one"),
        "order": Comparison(order, "one", frozenset({"absolute", "log"})),
        "bound": Comparison(bound, "none"),
        "window": Comparison(window, "none", forecast_axis="edge"),
        "distribution": Comparison(distribution, "own", forecast_axis="quantile"),
        "label": Comparison(label, "all", frozenset({"absolute"})),
    }
)

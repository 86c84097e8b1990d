"""Axes of a plot: from values to fractions of the axis, and where its ticks go."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

ScaleKind = Literal["linear", "log"]

_ROUND_STEPS: Final = (1.0, 2.0, 2.5, 5.0, 10.0)
_MARGIN: Final = 0.04
_DECADES_WITH_INNER_TICKS: Final = 2.0
_CROWDED: Final = 5
_REACH: Final = 2.0


@dataclass(frozen=True)
class Scale:
    """A monotone map of [low, high] to [0, 1]."""

    kind: ScaleKind
    low: float
    high: float

    def fraction(self, value: float) -> float:
        """Where a value lies on the axis; far beyond its ends it is kept within reach."""
        low, high = self._warp(self.low), self._warp(self.high)
        if self.kind == "log" and value <= 0:
            return -_REACH
        return min(max((self._warp(value) - low) / (high - low), -_REACH), 1 + _REACH)

    def ticks(self, about: int = 5) -> list[float]:
        """Round values inside the axis, about as many as asked for."""
        if self.kind == "log":
            found = _log_ticks(self.low, self.high, about)
            if len(found) > 1:
                return found
        return _linear_ticks(self.low, self.high, about)

    def beyond(self, factor: float) -> tuple[float, float]:
        """The ends after the axis has grown by a multiple of its length on either side."""
        low, high = self._warp(self.low), self._warp(self.high)
        room = factor * (high - low)
        if self.kind == "log":
            return 10.0 ** (low - room), 10.0 ** (high + room)
        return low - room, high + room

    def _warp(self, value: float) -> float:
        return math.log10(value) if self.kind == "log" else value


def scale_of(values: Iterable[float], kind: ScaleKind = "linear", *, margin: bool = True) -> Scale:
    """Return the scale that shows all finite values, on a log scale all positive ones."""
    shown = [v for v in values if math.isfinite(v) and (kind == "linear" or v > 0)]
    if not shown:
        return Scale(kind, 0.1, 1.0)
    low, high = min(shown), max(shown)
    if kind == "log":
        low, high = (low / 2, high * 2) if high / low < 1 + 1e-9 else (low, high)
        room = (high / low) ** _MARGIN if margin else 1.0
        return Scale(kind, low / room, high * room)
    if high - low <= 1e-9 * max(abs(low), abs(high), 1e-300):
        half = abs(low) / 10 or 1.0
        low, high = low - half, high + half
    room = (high - low) * _MARGIN if margin else 0.0
    return Scale(kind, low - room, high + room)


def fitting_kind(values: Iterable[float], ratio: float = 8.0) -> ScaleKind:
    """Return log for positive values over more than this ratio, evenly spread in the logarithm."""
    shown = sorted({v for v in values if math.isfinite(v)})
    if len(shown) < 3 or shown[0] <= 0 or shown[-1] / shown[0] < ratio:
        return "linear"
    logs = [math.log(v) for v in shown]
    return "log" if _unevenness(logs) < _unevenness(shown) else "linear"


def label(value: float) -> str:
    """Return a number for an axis or a cell: three or four digits, a dash for NaN."""
    if not math.isfinite(value):
        return "–" if math.isnan(value) else "∞" if value > 0 else "−∞"
    if value != 0 and (abs(value) < 1e-3 or abs(value) >= 1e5):
        mantissa, _, power = f"{value:.2e}".partition("e")
        mantissa = mantissa.rstrip("0").rstrip(".")
        return f"{mantissa}e{int(power)}".replace("-", "−")
    return f"{value:.4g}".replace("-", "−")


def _unevenness(values: list[float]) -> float:
    gaps = [b - a for a, b in itertools.pairwise(values)]
    mean = sum(gaps) / len(gaps)
    return math.sqrt(sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) / mean


def _linear_ticks(low: float, high: float, about: int) -> list[float]:
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * m for m in _ROUND_STEPS if power * m >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [0.0 if index == 0 else index * step for index in range(first, last + 1)]


def _log_ticks(low: float, high: float, about: int) -> list[float]:
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    wide = math.log10(high / low) > _DECADES_WITH_INNER_TICKS
    every = max(1, math.ceil(math.log10(high / low) / about))
    factors = (1.0,) if wide else (1.0, 2.0, 5.0)
    found = [m * 10.0**p for p in powers if p % every == 0 for m in factors]
    found = [tick for tick in found if low * (1 - 1e-9) <= tick <= high * (1 + 1e-9)]
    return found if len(found) <= about + _CROWDED else found[::2]

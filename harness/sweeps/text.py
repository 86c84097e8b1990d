"""A sweep as plain text: one line a point while it runs, then the slopes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

from harness.cost import seconds
from harness.judge import Verdict
from harness.sweeps.model import Interval, Outcome, Point, Slope, Sweep
from harness.text import number

NO_CONTROL: Final = "no control was run at the points: --controls runs them"

SHOWN: Final = 0.005
"""Relative scatter about a power from which on it is mentioned."""


def point_line(point: Point, claim: str, width: int = 0) -> str:
    """One point: the keys, then verdict and error in tolerances of the claim and of each rival.

    The keys are filled up to `width` characters.
    """
    where = values_of(point.keys).ljust(width)
    if point.problem is not None:
        return f"  {where}  error: {point.problem}"
    ordered = sorted(point.outcomes, key=lambda outcome: outcome.theory != claim)
    said = "; ".join(_outcome(outcome) for outcome in ordered)
    passing = [name for name, verdict in point.controls.items() if verdict is Verdict.PASS]
    alarm = f"; control {', '.join(passing)} PASSES" if passing else ""
    return f"  {where}  {said}{alarm}  ({point.seeds} seeds)"


def sweep_lines(sweep: Sweep) -> list[str]:
    """What a finished sweep says beyond its points."""
    lines = [
        f"  {_slope(slope)}"
        for slope in sweep.slopes
        if slope.slope is not None or slope.theory == sweep.claim or slope.rate is not None
    ]
    if any(
        outcome.verdict is Verdict.PASS and not point.controlled
        for point in sweep.points
        for outcome in point.outcomes
    ):
        lines.append(f"  {NO_CONTROL}")
    return [*lines, f"  {seconds(sweep.busy_s)} of work, {seconds(sweep.wall_s)} on the clock"]


def heading(id_: str, tier: str, over: Mapping[str, Any], overrides: Mapping[str, Any]) -> str:
    """The line above the points."""
    fixed = f", {values_of(overrides)}" if overrides else ""
    return f"{id_} [{tier}] over {' and '.join(over)}{fixed}"


def values_of(keys: Mapping[str, Any]) -> str:
    """Such as `width = 64, depth = 2`."""
    return ", ".join(f"{key} = {_short(value)}" for key, value in keys.items())


def _outcome(outcome: Outcome) -> str:
    if outcome.verdict is Verdict.ERROR:
        return f"{outcome.theory} error ({outcome.reason})"
    error = ""
    if outcome.error_in_tolerances is not None:
        error = f" {number(outcome.error_in_tolerances)}{_span(outcome.interval)}"
    beyond = " beyond its regime" if outcome.beyond else ""
    return f"{outcome.theory} {outcome.verdict.value}{beyond}{error}"


def _slope(slope: Slope) -> str:
    at = f" at {values_of(slope.at)}" if slope.at else ""
    what = f"{slope.theory}, {slope.observable}{at}:"
    if slope.slope is None or slope.interval is None:
        return f"{what} not resolved: {slope.reason}"
    said = " ".join(_verb(slope.interval, slope.key, number(slope.slope)))
    rate = ""
    if slope.rate is not None:
        inside = "within" if slope.agrees else "outside"
        rate = f"; predicted for the limit: {number(slope.rate)}, {inside} the interval"
    scatter = (
        f"; {slope.scatter:.0%} scatter about the power" if (slope.scatter or 0) >= SHOWN else ""
    )
    return f"{what} {said}{_span(slope.interval)}{rate}{scatter}"


def _verb(interval: Interval, key: str, slope: str) -> Iterator[str]:
    low, high = interval
    yield "error"
    yield "shrinks as" if high < 0 else "grows as" if low > 0 else "neither shrinks nor grows:"
    yield f"{key}^{slope}"


def _span(interval: Interval | None) -> str:
    if interval is None:
        return ""
    return f" [{number(interval[0])}, {_end(interval[1])}]"


def _end(value: float) -> str:
    return "open" if math.isinf(value) else number(value)


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_short, value))}]"
    return str(value)

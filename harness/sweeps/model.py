"""A stored sweep: what each theory's verdict and error are along one or two setup keys."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any, Literal, TypeAlias

from harness.judge import Verdict

Interval: TypeAlias = tuple[float, float]
"""Lower and upper end; an upper end that the judge left open is infinite."""


def size_of(value: Any) -> float | None:
    """The number by which a key's value is placed: itself, or a list's geometric mean.

    None where it is neither a positive number nor a list of them.
    """
    values = value if isinstance(value, tuple | list) else (value,)
    numeric = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    if not values or not numeric or min(values) <= 0:
        return None
    return float(values[0]) if len(values) == 1 else math.exp(fmean(map(math.log, values)))


@dataclass(frozen=True)
class At:
    """One theory judged on one observable at one point.

    `discrepancy`, `interval` and `tolerance` are in the unit of the tolerance, `deviation` and its
    interval in tolerances. `deviation` estimates the error without the part that the seeds' noise
    adds: where the observable is one number it is measured mean minus forecast, with its sign
    (`signed`), else the root mean square over the observable's points (`rms`, lower end at least
    0). It is None where the comparison has none (`label`, `order`, ...) or nothing was judged.
    """

    theory: str
    observable: str
    verdict: Verdict
    reason: str
    tolerance: float
    tolerance_kind: str
    seeds: int
    discrepancy: float | None = None
    interval: Interval | None = None
    error_in_tolerances: float | None = None
    deviation: float | None = None
    deviation_interval: Interval | None = None
    deviation_kind: Literal["signed", "rms"] | None = None

    @property
    def error_interval(self) -> Interval | None:
        """The interval of the discrepancy, in tolerances."""
        if self.interval is None:
            return None
        return self.interval[0] / self.tolerance, self.interval[1] / self.tolerance


@dataclass(frozen=True)
class Outcome:
    """One theory's verdict on the whole prediction at one point, with its farthest observable.

    `beyond` says why the point lies outside the theory's declared regime, where it was judged all
    the same: a verdict about where the theory breaks, not about what it claims.
    """

    theory: str
    verdict: Verdict
    reason: str
    error_in_tolerances: float | None = None
    interval: Interval | None = None
    beyond: str | None = None


@dataclass(frozen=True)
class Point:
    """One point of a sweep: the keys' values, and what was found there.

    `problem` says why nothing was found: the setup is not valid, or something broke while running.
    `controls` holds the verdict of each control that was run here, by name; where it is empty a
    pass has only the control of the prediction's own setup behind it.
    """

    keys: Mapping[str, Any]
    seeds: int = 0
    outcomes: tuple[Outcome, ...] = ()
    results: tuple[At, ...] = ()
    controls: Mapping[str, Verdict] = field(default_factory=dict)
    problem: str | None = None
    busy_s: float = 0.0

    @property
    def controlled(self) -> bool:
        """Whether a control was run at this point."""
        return bool(self.controls)

    def outcome(self, theory: str) -> Outcome | None:
        """A theory's verdict here; None where the point has a problem."""
        return next((found for found in self.outcomes if found.theory == theory), None)

    def at(self, theory: str, observable: str) -> At | None:
        """A theory's result on an observable here."""
        return next(
            (r for r in self.results if (r.theory, r.observable) == (theory, observable)), None
        )


@dataclass(frozen=True)
class Slope:
    """How a theory's error on an observable changes with size: deviation = amplitude * key^slope.

    In a sweep over two keys it is along the first, at the value of the second in `at`; a list of
    numbers counts as their geometric mean (`size_of`). `amplitude` is in tolerances, with the
    deviation's sign. `points` have a deviation; `resolved` of them have one beyond the seeds'
    noise. `slope` is None where that is too little, or no power fits, and `reason` says so.
    `scatter` is the relative scatter about the power law that the seeds do not explain. `rate` is
    the exponent that the theory predicts for its own error, if one is declared.
    """

    theory: str
    observable: str
    key: str
    points: int
    resolved: int
    at: Mapping[str, Any] = field(default_factory=dict)
    slope: float | None = None
    interval: Interval | None = None
    amplitude: float | None = None
    scatter: float | None = None
    reason: str = ""
    rate: float | None = None

    @property
    def agrees(self) -> bool | None:
        """Whether the predicted rate lies in the interval; None without a rate or a slope."""
        if self.rate is None or self.interval is None:
            return None
        return self.interval[0] <= self.rate <= self.interval[1]


@dataclass(frozen=True)
class Sweep:
    """A finished sweep of one prediction at one tier.

    `over` holds the values by key, in their order (one key or two); `points` are all their
    combinations, the last key fastest. `overrides` are other setup keys that were changed at every
    point. `claim` is the theory of the claim; `theories` and `observables` are those that were
    judged, in the order of the prediction's file (an exponent over a swept key is not). `slopes`
    are empty where the first key is not a size.
    """

    id: str
    title: str
    tier: str
    revision: int
    promise: str
    code: str
    claim: str
    theories: tuple[str, ...]
    observables: tuple[str, ...]
    over: Mapping[str, tuple[Any, ...]]
    overrides: Mapping[str, Any]
    points: tuple[Point, ...]
    slopes: tuple[Slope, ...]
    provenance: Mapping[str, Any]
    busy_s: float
    wall_s: float
    why: str = ""

    @property
    def keys(self) -> tuple[str, ...]:
        """The swept keys, one or two."""
        return tuple(self.over)

    @property
    def name(self) -> str:
        """What the sweep is called: prediction, tier and keys."""
        return ".".join((self.id, self.tier, *self.over))

    def point(self, **keys: Any) -> Point | None:
        """The point at these values of the keys."""
        return next((point for point in self.points if dict(point.keys) == keys), None)

    def slopes_of(self, theory: str) -> Iterator[Slope]:
        """A theory's slopes."""
        return (slope for slope in self.slopes if slope.theory == theory)
